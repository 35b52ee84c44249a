#pragma once
// A body's surface as the user gave it: polygons (not only triangles) over shared points, grouped in patches.
// Positions are metres in the frame of the file; `file_unit` says how many metres one unit of the file is, so that
// outputs can go back to the file's own unit.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "physics/vec3.hpp"

namespace streamtube::geometry {

enum class Association { points, faces };

// A named array over points or faces: values[i * components + c].
struct Attribute {
  std::string name;
  Association association = Association::faces;
  int components = 1;
  std::vector<float> values;
};

struct SurfaceMesh {
  std::vector<Vec3> points;           // [V] m
  std::vector<std::int64_t> offsets;  // [F + 1] into corners
  std::vector<std::int64_t> corners;  // [sum of corners] indices into points
  std::vector<std::int32_t> patch;    // [F] index into patch_names
  std::vector<std::string> patch_names;
  std::vector<Attribute> attributes;  // as read, or results to write
  double file_unit = 1.0;             // m per unit of the file
  bool unit_stated = false;           // the file itself says its unit (CAD), so that there is nothing to guess

  std::size_t face_count() const { return offsets.empty() ? 0 : offsets.size() - 1; }
  std::size_t corner_count(std::size_t f) const { return static_cast<std::size_t>(offsets[f + 1] - offsets[f]); }
  const Vec3& corner(std::size_t f, std::size_t i) const { return points[corners[offsets[f] + i]]; }

  // Of polygon f by Newell's formula: length = area (m2), direction = normal by the right-hand rule of its corners.
  Vec3 area_vector(std::size_t f) const;
  // Area-weighted centre of polygon f, m.
  Vec3 centroid(std::size_t f) const;
  Box bounds() const;

  // Throws Error(input) naming `where` and the first offender: no faces, a corner index out of range, fewer than
  // three corners, a point that is not finite, an attribute of the wrong length (by name).
  void check(const std::string& where) const;
};

// Triangles of a mesh (geometry/polygons.hpp cuts them), with the face each came from.
struct Triangles {
  std::vector<Vec3> points;                          // [V] m
  std::vector<std::array<std::int64_t, 3>> corners;  // [T]
  std::vector<std::int64_t> face;                    // [T] index of the polygon in the SurfaceMesh
};
Triangles triangulate(const SurfaceMesh& mesh);

}  // namespace streamtube::geometry
