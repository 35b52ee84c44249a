#pragma once
// What the log of a run says, as columns over the updates: for curves.csv and the picture.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace streamtube::surrogate {

struct Curves {
  // In this order: loss and its parts ("surface/pressure", ..., "force/base_drag", ...), rate, gradient_norm and the
  // like, then the relative L2 errors of validation ("validation/surface/pressure", ..., "validation/mean").
  std::vector<std::string> columns;
  std::map<std::int64_t, std::map<std::string, double>>
      rows;  // update -> column -> value; what was not logged is absent
};

// Reads log.jsonl. A last line that a kill cut short is left out. Error(input) when there is no such file.
Curves read_curves(const std::string& log_path);
std::string curves_csv(const Curves& curves);  // "update,loss,...", a line an update, absent values empty

}  // namespace streamtube::surrogate
