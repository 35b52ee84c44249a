#pragma once
// From the user's files to a body the solver takes: read, merged, measured; then, where it stands in the model's frame,
// checked.

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/cli/parts.hpp"
#include "geometry/repair.hpp"
#include "geometry/surface_mesh.hpp"
#include "geometry/surface_report.hpp"
#include "solver/case.hpp"

namespace streamtube::apps {

struct Body {
  geometry::SurfaceMesh mesh;  // m
  geometry::SurfaceReport report;
  std::string where;  // the files, for messages
  std::string unit;   // of the files
  std::vector<std::string> warnings;
  std::vector<PartInfo> parts;                                  // in the order of the files
  geometry::Repair repair;                                      // by prepare_body
  std::optional<double> ground;                                 // m, its height; by prepare_body
  std::vector<std::pair<std::string, mesh_io::ReadReport>> cad;  // by file; of CAD files only
};
// "STEP in mm, 3 solids, 24 faces: 1234 triangles within 0.0005 m"
std::string to_text(const mesh_io::ReadReport& report);

// Metres per "m", "mm", "cm", "in", "ft". Throws Error(usage) naming the option for another name.
double unit_length(const std::string& unit, const char* option = "--unit");

// The unit's name, for a body that was read as if it were in metres.
using ChooseUnit = std::function<std::string(const Body&)>;
// Metres; Error(input) with the unit to name where the numbers speak against them.
std::string metres_if_likely(const Body& body);

// Several files become one body, each file a patch (its own patches keep their names behind it). Parts of the role
// ground are left out. unit: empty for that of `choose`; CAD says its unit itself. Throws Error(input).
Body read_body(const std::vector<std::string>& paths, const std::string& unit, const PartOptions& parts,
               const ChooseUnit& choose);
// The report of the body as it is now.
void measure(Body& body);
// Makes a body ready for prediction, and says in its warnings what that took. ground: the model's height of the ground,
// m, for a body in the model's frame; what lies below is cut off or warned of. repair: how far it may be changed to
// become a closed body. Throws Error(input).
void prepare_body(Body& body, const PartOptions& parts, std::optional<double> ground,
                  const geometry::RepairOptions& repair);
// Warns of half a body: one that ends in a flat side or an open rim across the flow, in the plane y = `middle` (m), the
// middle plane of its file, or so flat and large there that it is no side of a whole one. For a body in the model's
// frame, before it is prepared.
void warn_of_half(Body& body, double middle);
// The body of a case: as it is, or repaired, with the fields wanted where it was. Where it stands on the ground, no
// forces act.
void move_to_case(Body& body, solver::Case& question);
// Faces on the ground: no forces of the case's body, and marked as hidden in the surface of its results.
void mark_contact(const Body& body, solver::Case& question);

// All lengths times `factor`, also the file's unit.
void rescale(Body& body, double factor);

}  // namespace streamtube::apps
