#pragma once
// Two results on one geometry: errors of the one's fields against the other's, by the measures of an evaluation.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "geometry/surface_mesh.hpp"
#include "geometry/volume_mesh.hpp"
#include "mesh_io/h5/dataset.hpp"

namespace streamtube::solver {

// Fields on a surface or in a volume, of one kind of places. A data set's points have no mesh.
struct ResultPart {
  std::optional<geometry::SurfaceMesh> surface;
  std::optional<geometry::VolumeMesh> volume;
  mesh_io::SamplePart points;  // without a mesh
  bool empty() const { return !surface && !volume && points.rows() == 0; }
};
struct Result {
  std::string name;  // in messages
  ResultPart part[2];  // surface, volume
};

struct FieldDifference {
  std::string name;
  int components = 1;
  bool on_points = false;
  std::size_t places = 0, missing = 0;  // compared; where the other has nothing, or one is not finite
  std::size_t not_finite = 0;           // of the missing
  bool interpolated = false;            // the other's places are not the same
  // As evaluate's (docs/train.md), in the field's own unit; weighted: by area or volume.
  double relative_l2 = 0, weighted_relative_l2 = 0, mean_absolute = 0, mean_squared = 0;
  std::vector<double> component_relative_l2;
  double largest = 0;  // greatest length of a difference
  Vec3 largest_at{};
};

struct PartDifference {
  std::vector<FieldDifference> fields;
  // The mesh of the reference (points as vertices), for every field: "<name>", "<name>_reference" and
  // "<name>_difference" = the one minus the reference; 0 where missing.
  std::optional<geometry::SurfaceMesh> surface;
  std::optional<geometry::VolumeMesh> volume;
  // Of pressure and wall_shear_stress where both have them on faces, N: drag (x), side (y), lift (z).
  std::optional<std::array<Vec3, 2>> forces;  // of the one, of the reference
};

struct Comparison {
  PartDifference part[2];
};

// The fields that both have by the same name, at the reference's places. Where the one's places are others its values
// are taken from the nearest face (up to a hundredth of the body's diagonal away) or the cell around. Error(input): no
// common part or field, fields of other numbers of components, places of a data set that are not the other's, more
// than half of the places without a counterpart (another geometry).
Comparison compare(const Result& one, const Result& reference);

}  // namespace streamtube::solver
