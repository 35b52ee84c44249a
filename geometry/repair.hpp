#pragma once
// From the surface a user has to the closed body that the model, the inside/outside test and the volume mesh need: a
// ladder of repairs, of which the lightest that works is taken.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "geometry/surface_mesh.hpp"
#include "geometry/surface_report.hpp"

namespace streamtube::geometry {

// none: the surface as it is. light: points merged, collapsed and duplicate faces dropped, borders stitched, faces
// oriented. full: also holes filled, hidden walls and parts left out, overlapping parts united, self-intersections
// removed. wrap: at last a closed skin around what is there (CGAL's alpha wrap), within a stated distance.
enum class Rung { none, light, full, wrap };
const char* name(Rung rung);

// Self-intersections are looked for up to this many faces: quick next to a prediction.
inline constexpr std::size_t kMostForCuts = 1'000'000;

struct RepairStep {
  std::string what;  // "points merged"
  std::size_t count = 0;
  std::string detail;  // may be empty
};
std::string to_text(const RepairStep& step);  // "holes filled: 2 (34 faces, the largest 0.12 m wide)"

struct RepairOptions {
  bool automatic = true;  // the lightest rung that gives a closed body, `rung` at most; else `rung` whatever it gives
  Rung rung = Rung::wrap;
  double wrap_gap = 0;  // m, gaps that the skin of a wrap bridges are narrower; 0: a 60th of the body's length
  // What check_shape would refuse is warned of.
  bool accept_coarse = false, accept_noisy = false;
};

// What was open and is closed now, so that no air goes in: holes filled; of a wrap, what it bridges.
struct Openings {
  std::size_t count = 0;
  double area = 0;                                      // m2, of what closes them
  std::vector<std::pair<std::string, double>> of_part;  // name, m2; largest first
};
std::string to_text(const Openings& openings);  // "0.12 m2: 'rims' 0.1 m2, 'grille' 0.02 m2"

struct Repair {
  Rung rung = Rung::none;  // the highest that was climbed
  Openings openings;
  std::vector<RepairStep> steps;      // what was done, in order, without what found nothing to do
  std::optional<SurfaceMesh> body;    // m, triangles, outward, patches as in the surface; nothing: the surface serves
  std::vector<char> hidden;           // [F of the surface] no flow reaches it; empty: none
  std::size_t hidden_faces = 0;       // of them
  double tolerance = 0;               // m, how far the skin of a wrap stands off
  std::vector<std::string> warnings;  // what could not be repaired, and what a repair means for the answer
};

// `surface` has gone through prepare(), which gave `preparation`; `report` is that of the surface as it came. Errors
// and warnings begin with `where`.
Repair repair(const SurfaceMesh& surface, const SurfaceReport& report, const Preparation& preparation,
              const RepairOptions& options, const std::string& where);

// Whether the triangles can stand for a shape: refuses, or warns of, curved regions in a few flat facets and surfaces
// that are rough from one triangle to the next. Looks at no more than kMostForCuts triangles. Throws Error(input).
void check_shape(const SurfaceMesh& body, const RepairOptions& options, const std::string& where,
                 std::vector<std::string>& warnings);

// Faces of any surface of the same body which no flow reaches: those inside the repaired one, and what is given twice.
// tolerance: of the repair, m. [F], or empty: none.
std::vector<char> hidden_faces(const SurfaceMesh& surface, const SurfaceMesh& body, double tolerance);

}  // namespace streamtube::geometry
