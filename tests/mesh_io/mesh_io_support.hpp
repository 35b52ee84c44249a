#pragma once
// Tiny meshes and error checks for the tests of mesh_io.

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "geometry/surface_mesh.hpp"
#include "mesh_io/mesh_io.hpp"
#include "tests/support/check_error.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamtube::test {

inline void check_refused(const std::string& path, const std::vector<std::string>& parts) {
  CAPTURE(path);
  std::vector<std::string> all = parts;
  all.push_back("'" + path + "'");
  check_error(core::ErrorKind::input, all, [&] { mesh_io::read_surface(path); });
}

inline void check_volume_refused(const std::string& path, const std::vector<std::string>& parts) {
  CAPTURE(path);
  std::vector<std::string> all = parts;
  all.push_back("'" + path + "'");
  check_error(core::ErrorKind::input, all, [&] { mesh_io::read_volume(path); });
}

// A little-endian value as bytes.
template <class T>
std::string bytes(T value) {
  std::string out(sizeof(T), '\0');
  std::memcpy(out.data(), &value, sizeof(T));
  return out;
}

// A binary STL: the header's text, the count it claims, 9 floats a facet.
inline std::string binary_stl(const std::string& header, std::uint32_t claimed, const std::vector<float>& vertices) {
  std::string out = header;
  out.resize(80, '\0');
  out += bytes(claimed);
  for (std::size_t f = 0; f < vertices.size() / 9; ++f) {
    out += std::string(12, '\0');
    for (std::size_t i = 0; i < 9; ++i) out += bytes(vertices[9 * f + i]);
    out += std::string(2, '\0');
  }
  return out;
}

inline const std::vector<float> kTwoTriangles{0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 0};

// Named tiny meshes with every kind of face and attribute.
struct NamedMesh {
  std::string name;
  geometry::SurfaceMesh mesh;
};
inline std::vector<NamedMesh> tiny_meshes() {
  using geometry::Association;
  geometry::SurfaceMesh triangle;
  triangle.points = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}};
  triangle.offsets = {0, 3};
  triangle.corners = {0, 1, 2};
  triangle.patch = {0};
  triangle.patch_names = {"one"};

  geometry::SurfaceMesh mixed;  // a quad, a triangle and a pentagon in two patches, with fields
  mixed.points = {{0, 0, 0}, {1, 0, 0}, {1, 1, 0.25}, {0, 1, 0}, {2, 0.5, 0}, {0.5, 2, 0}, {-1, 0.5, 0}};
  mixed.offsets = {0, 4, 7, 12};
  mixed.corners = {0, 1, 2, 3, 1, 4, 2, 0, 3, 5, 6, 2};
  mixed.patch = {0, 1, 0};
  mixed.patch_names = {"nose & <base>", "Heck \xc3\xbc"};
  mixed.attributes = {
      {"pressure", Association::faces, 1, {1.5f, -2, 3e-30f}},
      {"wall_shear_stress", Association::faces, 3, {1, 2, 3, 4, 5, 6, 7, 8, 9}},
      {"Cp", Association::points, 1, {0, 1, 2, 3, 4, 5, 6}},
      {"tensor", Association::points, 2, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}},
  };

  geometry::SurfaceMesh far_away = triangle;  // float32 points would merge these corners
  far_away.points = {{1e6, 0, 0}, {1e6 + 1e-3, 0, 0}, {1e6, 1e-3, 0}};
  return {{"triangle", triangle}, {"mixed", mixed}, {"far_away", far_away}};
}

}  // namespace streamtube::test
