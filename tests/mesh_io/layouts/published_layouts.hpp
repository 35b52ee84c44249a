#pragma once
// A solved case written the way public data sets are laid out: the sample of an 18-degree Ahmed body (its faces,
// pressure and shear as computed), with a volume around it whose fields are formulas. Real sets have terabytes.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "mesh_io/h5/dataset.hpp"
#include "mesh_io/mesh_io.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamtube::test {

using geometry::Association;
using geometry::Attribute;
using geometry::SurfaceMesh;
using geometry::VolumeMesh;

// What is wrong with the files on purpose.
struct Plant {
  bool shear_sign = false, normals = false;
};

// Surface outward, fields in Pa and m/s, shear of the fluid on the body; x the flow, z up.
struct SolvedCase {
  SurfaceMesh surface;  // attributes pressure, wall_shear_stress, over faces and over points
  VolumeMesh volume;    // attributes pressure, velocity over cells and over points; hexahedra
  double velocity = 15, density = 1, viscosity = 1.5e-5, area = 0.0937271, length = 0.9614266;
  double cd = 0.2920462, cl = 0.0947984;

  const Attribute& of_surface(const std::string& name, Association on) const { return find(surface.attributes, name, on); }
  const Attribute& of_volume(const std::string& name, Association on) const { return find(volume.attributes, name, on); }

 private:
  static const Attribute& find(const std::vector<Attribute>& all, const std::string& name, Association on) {
    return *std::find_if(all.begin(), all.end(), [&](const Attribute& a) { return a.name == name && a.association == on; });
  }
};

inline Attribute to_points(const SurfaceMesh& mesh, const Attribute& faces) {
  const auto k = static_cast<std::size_t>(faces.components);
  Attribute out{faces.name, Association::points, faces.components, std::vector<float>(mesh.points.size() * k, 0.0f)};
  std::vector<float> count(mesh.points.size(), 0.0f);
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    for (std::int64_t c = mesh.offsets[f]; c < mesh.offsets[f + 1]; ++c) {
      const auto p = static_cast<std::size_t>(mesh.corners[static_cast<std::size_t>(c)]);
      ++count[p];
      for (std::size_t j = 0; j < k; ++j) out.values[p * k + j] += faces.values[f * k + j];
    }
  for (std::size_t p = 0; p < count.size(); ++p)
    for (std::size_t j = 0; j < k; ++j) out.values[p * k + j] /= std::max(count[p], 1.0f);
  return out;
}

// Speed and pressure of another flow of the same Cp and Cf.
inline SolvedCase solved_case(double velocity, double density) {
  SolvedCase c;
  static const SurfaceMesh sample = mesh_io::read_surface(std::string(STREAMTUBE_SOURCE_DIR) +
                                                   "/data_samples/cfd_cases/ahmed_18deg_run_2/surface.vtp");
  c.surface = sample;
  c.surface.attributes.clear();
  // Each place once, or points in another order could not be told apart.
  std::map<Vec3, std::int64_t> place;
  std::vector<Vec3> points;
  for (std::int64_t& corner : c.surface.corners) {
    const Vec3& p = c.surface.points[static_cast<std::size_t>(corner)];
    const auto [it, added] = place.try_emplace(p, static_cast<std::int64_t>(points.size()));
    if (added) points.push_back(p);
    corner = it->second;
  }
  c.surface.points = points;
  const double scale = density * velocity * velocity / (c.density * c.velocity * c.velocity);
  for (const char* name : {"pressure", "wall_shear_stress"}) {
    Attribute a = *std::find_if(sample.attributes.begin(), sample.attributes.end(), [&](const Attribute& x) { return x.name == name; });
    for (float& x : a.values) x = static_cast<float>(scale * x);
    c.surface.attributes.push_back(a);
    c.surface.attributes.push_back(to_points(c.surface, a));
  }
  c.velocity = velocity, c.density = density;
  const std::size_t n[3] = {14, 8, 6};
  const Vec3 low{-1, -1, 0}, high{3, 1, 1.2};
  const auto point = [&](std::size_t i, std::size_t j, std::size_t k) {
    return static_cast<std::int64_t>((k * (n[1] + 1) + j) * (n[0] + 1) + i);
  };
  VolumeMesh& v = c.volume;
  for (std::size_t k = 0; k <= n[2]; ++k)
    for (std::size_t j = 0; j <= n[1]; ++j)
      for (std::size_t i = 0; i <= n[0]; ++i) {
        const std::size_t index[3] = {i, j, k};
        Vec3 p;
        for (std::size_t a = 0; a < 3; ++a)
          p[a] = low[a] + (high[a] - low[a]) * static_cast<double>(index[a]) / static_cast<double>(n[a]);
        v.points.push_back(p);
      }
  v.offsets.push_back(0);
  for (std::size_t k = 0; k < n[2]; ++k)
    for (std::size_t j = 0; j < n[1]; ++j)
      for (std::size_t i = 0; i < n[0]; ++i) {
        for (const std::size_t up : {0, 1})
          for (const auto& [di, dj] : {std::pair<std::size_t, std::size_t>{0, 0}, {1, 0}, {1, 1}, {0, 1}})
            v.corners.push_back(point(i + di, j + dj, k + up));
        v.offsets.push_back(static_cast<std::int64_t>(v.corners.size()));
        v.types.push_back(12);
      }
  // A shear flow: its vorticity is the same everywhere.
  const double q = 0.5 * density * velocity * velocity;
  for (const Association on : {Association::faces, Association::points}) {
    Attribute pressure{"pressure", on, 1, {}}, speed{"velocity", on, 3, {}};
    const std::size_t rows = on == Association::faces ? v.cell_count() : v.points.size();
    for (std::size_t i = 0; i < rows; ++i) {
      const Vec3 x = on == Association::faces ? v.center(i) : v.points[i];
      pressure.values.push_back(static_cast<float>(q * (0.1 * std::sin(2 * x[0]) + 0.05 * x[1])));
      for (const double u : {velocity * (0.8 + 0.2 * x[2]), velocity * 0.1 * x[0], velocity * 0.05 * x[1]})
        speed.values.push_back(static_cast<float>(u));
    }
    v.attributes.push_back(pressure), v.attributes.push_back(speed);
  }
  return c;
}
inline Vec3 vorticity_of_solved_case(double velocity) { return {0.05 * velocity, 0.2 * velocity, 0.1 * velocity}; }

namespace layouts {

namespace fs = std::filesystem;

inline void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

inline Attribute renamed(Attribute a, const std::string& name, float factor = 1) {
  a.name = name;
  if (factor != 1)
    for (float& x : a.values) x *= factor;
  return a;
}
inline std::vector<Attribute> apart(const Attribute& a, const std::vector<std::string>& names, float factor = 1) {
  std::vector<Attribute> out;
  for (std::size_t c = 0; c < 3; ++c) {
    out.push_back({names[c], a.association, 1, {}});
    for (std::size_t i = c; i < a.values.size(); i += 3) out.back().values.push_back(factor * a.values[i]);
  }
  return out;
}
inline SurfaceMesh reversed(SurfaceMesh mesh) {
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    std::reverse(mesh.corners.begin() + mesh.offsets[f], mesh.corners.begin() + mesh.offsets[f + 1]);
  return mesh;
}
inline SurfaceMesh with(SurfaceMesh mesh, bool inward, std::vector<Attribute> attributes) {
  if (inward) mesh = reversed(std::move(mesh));
  mesh.attributes = std::move(attributes);
  return mesh;
}
inline VolumeMesh with(VolumeMesh mesh, std::vector<Attribute> attributes) {
  mesh.attributes = std::move(attributes);
  return mesh;
}
// A surface as 2-D cells of an unstructured grid.
inline VolumeMesh as_grid(const SurfaceMesh& mesh) {
  VolumeMesh grid;
  grid.points = mesh.points, grid.offsets = mesh.offsets, grid.corners = mesh.corners, grid.attributes = mesh.attributes;
  grid.types.assign(mesh.face_count(), 7);
  return grid;
}

inline std::string legacy_text(const std::string& type, const std::vector<Vec3>& points, const std::vector<std::int64_t>& offsets,
                               const std::vector<std::int64_t>& corners, const std::vector<std::uint8_t>& types,
                               const std::vector<Attribute>& attributes) {
  std::string text = "# vtk DataFile Version 3.0\nwritten for a test\nASCII\nDATASET " + type + "\n";
  char number[64];
  const auto add = [&](double x) {
    std::snprintf(number, sizeof number, "%.9g ", x);
    text += number;
  };
  text += core::str("POINTS ", points.size(), " double\n");
  for (const Vec3& p : points) {
    for (const double x : p) {
      std::snprintf(number, sizeof number, "%.17g ", x);
      text += number;
    }
    text += '\n';
  }
  const std::size_t cells = offsets.size() - 1;
  text += core::str(type == "POLYDATA" ? "POLYGONS " : "CELLS ", cells, ' ', cells + corners.size(), '\n');
  for (std::size_t c = 0; c < cells; ++c) {
    text += core::str(offsets[c + 1] - offsets[c]);
    for (std::int64_t k = offsets[c]; k < offsets[c + 1]; ++k) text += core::str(' ', corners[static_cast<std::size_t>(k)]);
    text += '\n';
  }
  if (type != "POLYDATA") {
    text += core::str("CELL_TYPES ", cells, '\n');
    for (const std::uint8_t t : types) text += core::str(int{t}, '\n');
  }
  for (const Association on : {Association::faces, Association::points}) {
    bool begun = false;
    for (const Attribute& a : attributes) {
      if (a.association != on) continue;
      if (!std::exchange(begun, true))
        text += on == Association::faces ? core::str("CELL_DATA ", cells, '\n') : core::str("POINT_DATA ", points.size(), '\n');
      text += a.components == 1 ? "SCALARS " + a.name + " float 1\nLOOKUP_TABLE default\n" : "VECTORS " + a.name + " float\n";
      for (const float x : a.values) add(x);
      text += '\n';
    }
  }
  return text;
}
inline std::string legacy(const SurfaceMesh& m, bool grid = false) {
  return legacy_text(grid ? "UNSTRUCTURED_GRID" : "POLYDATA", m.points, m.offsets, m.corners,
                     std::vector<std::uint8_t>(m.face_count(), 7), m.attributes);
}
inline std::string legacy(const VolumeMesh& m) {
  return legacy_text("UNSTRUCTURED_GRID", m.points, m.offsets, m.corners, m.types, m.attributes);
}

inline std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string npy(const std::vector<float>& values) {
  std::string header = core::str("{'descr': '<f4', 'fortran_order': False, 'shape': (", values.size(), ",), }");
  header.resize((10 + header.size() + 64) / 64 * 64 - 11, ' ');
  header += '\n';
  std::string text("\x93NUMPY\x01\x00", 8);
  text += static_cast<char>(header.size() & 255), text += static_cast<char>(header.size() >> 8);
  text += header;
  text.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return text;
}

// In another order of its points.
inline SurfaceMesh shuffled(const SurfaceMesh& mesh) {
  SurfaceMesh out = mesh;
  core::Rng rng(3, "shuffle");
  const std::vector<std::int64_t> order = core::sample_indices(rng, mesh.points.size(), mesh.points.size());  // new -> old
  std::vector<std::int64_t> to(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    to[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
    out.points[i] = mesh.points[static_cast<std::size_t>(order[i])];
  }
  for (std::int64_t& c : out.corners) c = to[static_cast<std::size_t>(c)];
  for (Attribute& a : out.attributes)
    if (a.association == Association::points)
      for (std::size_t i = 0; i < order.size(); ++i)
        for (std::size_t c = 0; c < static_cast<std::size_t>(a.components); ++c)
          a.values[i * static_cast<std::size_t>(a.components) + c] =
              mesh.attributes[static_cast<std::size_t>(&a - out.attributes.data())]
                  .values[static_cast<std::size_t>(order[i]) * static_cast<std::size_t>(a.components) + c];
  return out;
}

inline void ahmedml_like(const fs::path& folder, const SolvedCase& c, const Plant& plant, int n, const std::string& trim,
                         bool parts, const std::string& stl) {
  const fs::path run = folder / core::str("run_", n);
  fs::create_directories(run);
  const auto cells = Association::faces;
  mesh_io::write_vtp((run / core::str("boundary_", n, ".vtp")).string(),
                     with(c.surface, !plant.normals,
                          {renamed(c.of_surface("pressure", cells), "pMean" + trim),
                           renamed(c.of_surface("wall_shear_stress", cells), "wallShearStressMean" + trim, plant.shear_sign ? 1.f : -1.f)}));
  std::vector<Attribute> volume = {renamed(c.of_volume("pressure", cells), "pMean" + trim),
                                   renamed(c.of_volume("velocity", cells), "UMean" + trim)};
  if (trim.empty()) {
    Attribute w = renamed(c.of_volume("velocity", cells), "vorticityMean", 3);  // any numbers: they are to come back
    volume.push_back(w);
  }
  const fs::path vtu = run / core::str("volume_", n, ".vtu");
  mesh_io::write_vtu(vtu.string(), with(c.volume, volume));
  if (parts) {
    const std::string text = content_of(vtu);
    const std::size_t third = text.size() / 3;
    for (std::size_t i = 0; i < 3; ++i)
      write(vtu.string() + core::str(".0", i, ".part"), text.substr(i * third, i == 2 ? std::string::npos : third));
    fs::remove(vtu);
  }
  write(run / core::str("force_mom_", n, ".csv"), core::str("Cd,Cs,Cl\n", c.cd, ",0,", c.cl, "\n"));
  write(run / core::str("geo_ref_", n, ".csv"),
        core::str("aRef,lRef", trim.empty() ? ",U_inf,nu" : "", "\n", c.area, ",", c.length,
                  trim.empty() ? core::str(",", c.velocity, ",", c.viscosity) : std::string(), "\n"));
  write(run / core::str("geo_parameters_", n, ".csv"), core::str("run,length,slant_angle\n", n, ",0.9614,18.12\n"));
  mesh_io::write_stl((run / (stl + core::str("_", n, ".stl"))).string(), with(c.surface, false, {}));
}

}  // namespace layouts

// Writes case n of the layout; returns the case as its fields should come back.
inline SolvedCase write_layout(const std::string& layout, const std::string& to, int n = 1, const Plant& plant = {}) {
  using namespace layouts;
  const fs::path folder = to;
  const float shear = plant.shear_sign ? -1.f : 1.f;
  const auto cells = Association::faces, points = Association::points;
  if (layout == "ahmedml") {
    const SolvedCase c = solved_case(15, 1);
    ahmedml_like(folder, c, plant, n, "", false, "ahmed");
    return c;
  }
  if (layout == "drivaerml") {
    const SolvedCase c = solved_case(38.889, 1);
    ahmedml_like(folder, c, plant, n, "Trim", true, "drivaer");
    return c;
  }
  if (layout == "windsorml") {
    SolvedCase c = solved_case(40, 1.225);
    const float q = static_cast<float>(0.5 * c.density * c.velocity * c.velocity);
    const fs::path run = folder / core::str("run_", n);
    fs::create_directories(run);
    // y is up.
    const auto turn = [](auto mesh) {
      for (Vec3& p : mesh.points) p = {p[0], p[2], -p[1]};
      return mesh;
    };
    const auto turned_apart = [](const Attribute& a, const std::vector<std::string>& names, float by) {
      std::vector<Attribute> parts = apart(a, names, by);
      std::swap(parts[1].values, parts[2].values);
      for (float& v : parts[2].values) v = -v;
      return parts;
    };
    std::vector<Attribute> fields = turned_apart(c.of_surface("wall_shear_stress", cells), {"cfxavg", "cfyavg", "cfzavg"}, shear / q);
    Attribute cp = renamed(c.of_surface("pressure", cells), "cpavg");
    for (float& v : cp.values) v /= q;
    fields.push_back(std::move(cp));
    mesh_io::write_vtu((run / core::str("boundary_", n, ".vtu")).string(), as_grid(turn(with(c.surface, plant.normals, fields))));
    std::vector<Attribute> volume = turned_apart(c.of_volume("velocity", cells), {"velocityxavg", "velocityyavg", "velocityzavg"}, 1.f);
    volume.push_back(renamed(c.of_volume("pressure", cells), "pressureavg"));
    mesh_io::write_vtu((run / core::str("volume_", n, ".vtu")).string(), turn(with(c.volume, volume)));
    write(run / core::str("force_mom_", n, ".csv"),
          core::str("cd, cs, cl\n", c.cd * c.area / 0.112, ", 0, ", c.cl * c.area / 0.112, "\n"));
    mesh_io::write_stl((run / core::str("windsor_", n, ".stl")).string(), turn(with(c.surface, false, {})));
    return c;
  }
  if (layout == "drivaernet++") {
    const SolvedCase c = solved_case(30, 1);
    const std::string id = core::str("N_S_WWS_WM_00", n);
    write(folder / "PressureVTK/N_S_WWS_WM" / (id + ".vtk"),
          legacy(with(c.surface, !plant.normals, {renamed(c.of_surface("pressure", points), "p")})));
    write(folder / "WallShearStressVTK_Updated/N_S_WWS_WM" / (id + ".vtk"),
          legacy(shuffled(with(c.surface, true, {renamed(c.of_surface("wall_shear_stress", points), "wallShearStress", -shear)}))));
    write(folder / "CFD/N_S_WWS_WM_part2" / (id + ".vtk"),
          legacy(with(c.volume, {renamed(c.of_volume("pressure", points), "p"), renamed(c.of_volume("velocity", points), "U")})));
    return c;
  }
  if (layout == "shapenet-car") {
    SolvedCase c = solved_case(20, 1.225);
    // z is the flow, y is up; points of no face, as the real files have.
    const auto turn = [](std::vector<Vec3>& list) {
      for (Vec3& p : list) p = {p[1], p[2], p[0]};
    };
    SurfaceMesh surface = with(c.surface, plant.normals, {renamed(c.of_surface("pressure", points), "point_scalars")});
    turn(surface.points);
    surface.points.insert(surface.points.begin(), 5, Vec3{0, 9, 9});
    for (std::int64_t& corner : surface.corners) corner += 5;
    surface.attributes[0].values.insert(surface.attributes[0].values.begin(), 5, 0.0f);
    VolumeMesh volume = with(c.volume, {renamed(c.of_volume("velocity", points), "point_vectors")});
    turn(volume.points);
    auto& u = volume.attributes[0].values;
    for (std::size_t i = 0; i < u.size(); i += 3) std::rotate(&u[i], &u[i] + 1, &u[i] + 3);
    // One of the volume's points lies on the surface.
    volume.points[3] = surface.points[25];
    const fs::path run = folder / core::str("training_data/param", n) / core::str("1dc58be25e1b6e5675cad724c63e222", n);
    write(run / "quadpress_smpl.vtk", legacy(surface, true));
    write(run / "hexvelo_smpl.vtk", legacy(volume));
    write(run / "press.npy", npy(surface.attributes[0].values));
    return c;
  }
  if (layout == "drivaerstar") {
    const SolvedCase c = solved_case(40, 1.25);
    std::vector<Attribute> fields =
        apart(c.of_surface("wall_shear_stress", cells), {"WallShearStressi", "WallShearStressj", "WallShearStressk"}, shear);
    fields.push_back(renamed(c.of_surface("pressure", cells), "Pressure"));
    write(folder / core::str("0000", n, ".vtk"), legacy(with(c.surface, plant.normals, fields)));
    return c;
  }
  throw std::runtime_error("no such layout: " + layout);
}

}  // namespace streamtube::test
