#pragma once
// From the user's files to a body the solver takes: read, merged, measured, checked.

#include <string>
#include <vector>

#include "geometry/surface_mesh.hpp"
#include "geometry/surface_report.hpp"

namespace streamtube::apps {

struct Body {
  geometry::SurfaceMesh mesh;  // m
  geometry::SurfaceReport report;
  std::vector<std::string> warnings;
};

// Metres per "m", "mm", "cm", "in", "ft". Throws Error(usage) for another name.
double unit_length(const std::string& unit);

// Several files become one body, each file a patch (its own patches keep their names behind it). unit: empty for metres
// that are not taken for granted: a body of a size that speaks against them is refused. Throws Error(input).
Body read_body(const std::vector<std::string>& paths, const std::string& unit);

}  // namespace streamtube::apps
