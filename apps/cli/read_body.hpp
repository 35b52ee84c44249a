#pragma once
// From the user's files to a body the solver takes: read, merged, measured, checked.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/cli/parts.hpp"
#include "geometry/surface_mesh.hpp"
#include "geometry/surface_report.hpp"

namespace streamtube::apps {

struct Body {
  geometry::SurfaceMesh mesh;  // m
  geometry::SurfaceReport report;
  std::vector<std::string> warnings;
  std::vector<PartInfo> parts;                                  // in the order of the files
  std::vector<std::pair<std::string, mesh_io::CadReport>> cad;  // by file; of CAD files only
};
// "STEP in mm, 3 solids, 24 faces: 1234 triangles within 0.0005 m"
std::string to_text(const mesh_io::CadReport& report);

// Metres per "m", "mm", "cm", "in", "ft". Throws Error(usage) for another name.
double unit_length(const std::string& unit);

// Several files become one body, each file a patch (its own patches keep their names behind it). unit: empty for metres
// that are not taken for granted: a body of a size that speaks against them is refused; CAD says its unit itself. Parts
// of the role ground are left out. ground: the model's, where one is known: what lies below is cut off or warned of.
// Throws Error(input).
Body read_body(const std::vector<std::string>& paths, const std::string& unit, const PartOptions& parts,
               std::optional<double> ground = {});

}  // namespace streamtube::apps
