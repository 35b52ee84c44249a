#pragma once
// A data set of synthetic cases whose coefficients follow from their fields: flows about boxes of several heights.

#include <cmath>
#include <string>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "mesh_io/h5/dataset.hpp"

namespace streamtube::test {

inline mesh_io::DatasetHeader tiny_header() {
  using physics::Scale;
  using physics::Transform;
  mesh_io::DatasetHeader h;
  h.description = "synthetic";
  h.fields[0] = {{"pressure", "Cp", 1, Scale::dynamic_pressure, Transform::none, "Pa"},
                 {"wall_shear_stress", "Cf", 3, Scale::dynamic_pressure, Transform::none, "Pa"}};
  h.fields[1] = {
      {"pressure", "Cp", 1, Scale::dynamic_pressure, Transform::none, "Pa"},
      {"velocity", "velocity_over_freestream", 3, Scale::velocity, Transform::none, "m/s"},
      {"vorticity", "vorticity_dimensionless", 3, Scale::velocity_over_length, Transform::signed_log, "1/s"}};
  return h;
}

// Case i: a box 1 x 0.4 x (0.3 + 0.01 i) m, 20 m/s, density 1.2.
inline mesh_io::FlowSample tiny_case(int i) {
  mesh_io::FlowSample s;
  s.info.name = core::str("case_", i);
  s.info.flow = {20, 1.2, 1.5e-5};
  const double size[3] = {1, 0.4, 0.3 + 0.01 * i};
  s.info.reference_length = 1, s.info.reference_area = size[1] * size[2];
  s.info.parameters["height"] = size[2];
  core::Rng rng(static_cast<std::uint64_t>(i), "tiny case");
  const float q = static_cast<float>(s.info.scales().dynamic_pressure());
  auto& surface = s.part[0];
  surface.fields = {{"pressure", "Pa", 1, {}}, {"wall_shear_stress", "Pa", 3, {}}};
  constexpr int n = 6;  // n x n points a face
  for (int axis = 0; axis < 3; ++axis)
    for (const int side : {-1, 1})
      for (int a = 0; a < n; ++a)
        for (int b = 0; b < n; ++b) {
          double x[3] = {0, 0, 0.5}, normal[3] = {0, 0, 0};
          const int u = (axis + 1) % 3, v = (axis + 2) % 3;
          x[axis] += 0.5 * side * size[axis];
          x[u] += ((a + 0.5) / n - 0.5) * size[u], x[v] += ((b + 0.5) / n - 0.5) * size[v];
          normal[axis] = side;
          for (int k = 0; k < 3; ++k) {
            surface.position.push_back(static_cast<float>(x[k]));
            surface.normal.push_back(static_cast<float>(normal[k]));
          }
          surface.size.push_back(static_cast<float>(size[u] * size[v] / (n * n)));
          surface.fields[0].values.push_back(q * static_cast<float>(-0.2 - 0.6 * normal[0] + 0.2 * x[2]));
          for (const double t : {0.01 + 0.002 * x[0], 0.004 * x[1], 0.003 * (x[2] - 0.5)})
            surface.fields[1].values.push_back(q * static_cast<float>(t));
        }
  auto& volume = s.part[1];
  volume.fields = {{"pressure", "Pa", 1, {}}, {"velocity", "m/s", 3, {}}, {"vorticity", "1/s", 3, {}}};
  for (int p = 0; p < 300; ++p) {
    const double x[3] = {4 * rng.uniform() - 1, 2 * rng.uniform() - 1, rng.uniform()};
    for (const double k : x) volume.position.push_back(static_cast<float>(k));
    volume.size.push_back(0.01f);
    volume.fields[0].values.push_back(q * static_cast<float>(0.3 * std::sin(x[0]) * size[2]));
    for (const double k : {1 - 0.3 * std::exp(-x[1] * x[1]), 0.1 * x[1], 0.05 * x[2]})
      volume.fields[1].values.push_back(static_cast<float>(20 * k));
    for (const double k : {3 * x[1], std::sin(3 * x[2]), x[0] * x[1]})
      volume.fields[2].values.push_back(static_cast<float>(20 * k));
  }
  const mesh_io::SurfaceForces f = mesh_io::surface_forces(s);
  s.info.coefficients = {{"Cd", f.cd}, {"Cl", f.cl}};
  return s;
}

// Cases 0..count-1; the last two are the split "test", the one before "validation", the rest "train".
inline void write_tiny_dataset(const std::string& path, int count = 7) {
  mesh_io::DatasetHeader header = tiny_header();
  for (int i = 0; i < count; ++i)
    header.splits[i >= count - 2 ? "test" : i == count - 3 ? "validation" : "train"].push_back(core::str("case_", i));
  int next = 0;
  mesh_io::write_dataset(path, header, [&](mesh_io::FlowSample& sample) {
    if (next == count) return false;
    sample = tiny_case(next++);
    return true;
  });
}

}  // namespace streamtube::test
