#pragma once
// What tells the designs of a sweep apart, by their coefficients.

#include <string>
#include <vector>

#include "apps/cli/stated_result.hpp"

namespace streamtube::apps {

struct DesignDeltas {
  std::string design;
  std::vector<Delta> whole;
  std::vector<std::pair<std::string, std::vector<Delta>>> parts;
  double drag_area = 0;  // of the reference's subtracted, m2; NaN where areas are not known
  bool other_area = false;
};

// Does a folder hold what sweep or optimise wrote?
bool holds_designs(const std::string& folder);

// All done designs of a folder of results in the order of its table, without the reference itself. reference: the name
// of one of them, or the folder of another result. Throws Error(input) when nothing is done, or the reference states no
// coefficients.
std::vector<DesignDeltas> design_deltas(const std::string& folder, const std::string& reference);

// Cd, Cl, Clf, Clr in counts (0.0001), Cd by part; as text for people, as a table with all, as JSON.
std::string designs_text(const std::vector<DesignDeltas>& designs, const std::string& reference);
std::string designs_csv(const std::vector<DesignDeltas>& designs);
core::Json designs_json(const std::vector<DesignDeltas>& designs);

}  // namespace streamtube::apps
