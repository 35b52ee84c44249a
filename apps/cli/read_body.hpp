#pragma once
// From the user's files to a body the solver takes: read, merged, measured, checked.

#include <functional>
#include <string>
#include <vector>

#include "geometry/surface_mesh.hpp"
#include "geometry/surface_report.hpp"

namespace streamtube::apps {

struct Body {
  geometry::SurfaceMesh mesh;  // m
  geometry::SurfaceReport report;
  std::string unit;  // of the files
  std::vector<std::string> warnings;
};

// Metres per "m", "mm", "cm", "in", "ft". Throws Error(usage) naming the option for another name.
double unit_length(const std::string& unit, const char* option = "--unit");

// The unit's name, for a body that was read as if it were in metres.
using ChooseUnit = std::function<std::string(const Body&)>;

// Several files become one body, each file a patch (its own patches keep their names behind it). unit: empty for that
// of `choose`. Throws Error(input).
Body read_body(const std::vector<std::string>& paths, const std::string& unit, const ChooseUnit& choose = {});

// All lengths times `factor`, also the file's unit.
void rescale(Body& body, double factor);

}  // namespace streamtube::apps
