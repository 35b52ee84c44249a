#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <limits>
#include <numbers>
#include <set>

#include "core/error.hpp"
#include "geometry/threads.hpp"
#include "geometry/volume_mesh.hpp"
#include "tests/geometry/shapes.hpp"

using namespace streamtube;
using namespace streamtube::geometry;
using namespace streamtube::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

struct Cell {
  Vec3 low;
  double edge;
};

// The hexahedron's box; REQUIREs that it is a cube with its corners in VTK's order.
Cell cell_of(const VolumeMesh& mesh, std::size_t c) {
  static constexpr int corner[8][3] = {{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0},
                                       {0, 0, 1}, {1, 0, 1}, {1, 1, 1}, {0, 1, 1}};
  const auto point = [&](int i) { return mesh.points[mesh.corners[mesh.offsets[c] + i]]; };
  const Cell cell{point(0), point(1)[0] - point(0)[0]};
  for (int i = 0; i < 8; ++i) {
    for (int k = 0; k < 3; ++k) REQUIRE(std::abs(point(i)[k] - cell.low[k] - corner[i][k] * cell.edge) < 1e-12);
  }
  return cell;
}

// Every cell painted over the finest lattice: -1 free, else the cell's number. REQUIREs that no two overlap.
struct Painting {
  std::array<int, 3> n{};
  std::vector<int> cell;
  std::vector<int> level;  // of each cell
  int at(int x, int y, int z) const { return cell[(static_cast<std::size_t>(z) * n[1] + y) * n[0] + x]; }
};

Painting paint(const VolumeMesh& mesh, const Vec3& origin, std::array<int, 3> base, double edge, int levels) {
  Painting out;
  const double h = std::ldexp(edge, -levels);
  for (int i = 0; i < 3; ++i) out.n[i] = base[i] << levels;
  out.cell.assign(static_cast<std::size_t>(out.n[0]) * out.n[1] * out.n[2], -1);
  for (std::size_t c = 0; c < mesh.cell_count(); ++c) {
    const Cell cell = cell_of(mesh, c);
    const int level = static_cast<int>(std::lround(std::log2(edge / cell.edge)));
    REQUIRE(std::abs(std::ldexp(edge, -level) - cell.edge) < 1e-12);
    REQUIRE((level >= 0 && level <= levels));
    out.level.push_back(level);
    const int size = 1 << (levels - level);
    int at[3];
    for (int i = 0; i < 3; ++i) {
      at[i] = static_cast<int>(std::lround((cell.low[i] - origin[i]) / h));
      REQUIRE(std::abs(origin[i] + at[i] * h - cell.low[i]) < 1e-9);
      REQUIRE((at[i] >= 0 && at[i] + size <= out.n[i]));
      REQUIRE(at[i] % size == 0);
    }
    for (int z = at[2]; z < at[2] + size; ++z) {
      for (int y = at[1]; y < at[1] + size; ++y) {
        for (int x = at[0]; x < at[0] + size; ++x) {
          int& p = out.cell[(static_cast<std::size_t>(z) * out.n[1] + y) * out.n[0] + x];
          REQUIRE(p == -1);
          p = static_cast<int>(c);
        }
      }
    }
  }
  return out;
}

// The largest level difference across faces (and edges if asked).
int largest_step(const Painting& p, bool edges) {
  int worst = 0;
  for (int z = 0; z < p.n[2]; ++z) {
    for (int y = 0; y < p.n[1]; ++y) {
      for (int x = 0; x < p.n[0]; ++x) {
        const int a = p.at(x, y, z);
        if (a < 0) continue;
        for (int dx = -1; dx <= 1; ++dx) {
          for (int dy = -1; dy <= 1; ++dy) {
            for (int dz = -1; dz <= 1; ++dz) {
              const int apart = std::abs(dx) + std::abs(dy) + std::abs(dz);
              if (apart == 0 || apart > (edges ? 2 : 1)) continue;
              if (x + dx < 0 || y + dy < 0 || z + dz < 0) continue;
              if (x + dx >= p.n[0] || y + dy >= p.n[1] || z + dz >= p.n[2]) continue;
              const int b = p.at(x + dx, y + dy, z + dz);
              if (b >= 0) worst = std::max(worst, std::abs(p.level[a] - p.level[b]));
            }
          }
        }
      }
    }
  }
  return worst;
}

double volume_of(const VolumeMesh& mesh) {
  double sum = 0;
  for (std::size_t c = 0; c < mesh.cell_count(); ++c) sum += std::pow(cell_of(mesh, c).edge, 3);
  return sum;
}

bool same(const VolumeMesh& a, const VolumeMesh& b) {
  return a.points == b.points && a.corners == b.corners && a.offsets == b.offsets && a.types == b.types;
}

std::string message(const auto& make) {
  try {
    make();
  } catch (const core::Error& e) {
    CHECK(e.kind() == core::ErrorKind::input);
    return e.message();
  }
  return "";
}

}  // namespace

TEST_CASE("adaptive mesh around a sphere: no overlap, no gap, balanced, the body cut out") {
  const SurfaceMesh body = sphere_mesh(10, 0.31, {0.1, 0.03, 0.02});
  const DistanceField distance(body);
  AdaptiveMeshSpec spec;
  spec.domain = {{-1, -1, -1}, {1.5, 1, 1}};
  spec.base_cell = 0.25;
  spec.surface_level = 3;
  spec.buffer_cells = GENERATE(1, 2, 3);
  if (GENERATE(false, true))
    spec.boxes = {{{{0.2, -0.4, -0.4}, {1.0, 0.4, 0.4}}, 2}, {{{1.2, 0.7, 0.7}, {1.3, 0.9, 0.9}}, 4}};
  const int levels = spec.boxes.empty() ? 3 : 4;
  CAPTURE(spec.buffer_cells, levels);
  const VolumeMesh mesh = adaptive_mesh(body, distance, spec);
  mesh.check("mesh");
  const Painting p = paint(mesh, spec.domain.low, {10, 8, 8}, spec.base_cell, levels);
  CHECK(largest_step(p, true) == 1);

  // What is missing is exactly the cells with their centre inside, and their volume the body's.
  const double h = std::ldexp(spec.base_cell, -levels);
  std::size_t gaps = 0;
  for (int z = 0; z < p.n[2]; ++z) {
    for (int y = 0; y < p.n[1]; ++y) {
      for (int x = 0; x < p.n[0]; ++x) {
        if (p.at(x, y, z) >= 0) continue;
        ++gaps;
        const Vec3 center = spec.domain.low + h * Vec3{x + 0.5, y + 0.5, z + 0.5};
        // A finest cell of a removed one is at most its diagonal away from the inside.
        REQUIRE(distance.signed_distance(center) < 0.25 / 8 * std::sqrt(3.0));
      }
    }
  }
  CHECK_THAT(volume_of(mesh) + static_cast<double>(gaps) * h * h * h, WithinRel(2.5 * 2 * 2, 1e-12));
  CHECK_THAT(static_cast<double>(gaps) * h * h * h, WithinRel(4.0 / 3 * std::numbers::pi * std::pow(0.31, 3), 0.03));
  for (std::size_t c = 0; c < mesh.cell_count(); ++c) {
    const Cell cell = cell_of(mesh, c);
    REQUIRE_FALSE(distance.inside(mesh.center(c)));
    const Vec3 e{cell.edge, cell.edge, cell.edge};
    if (distance.intersects({cell.low, cell.low + e})) REQUIRE(p.level[c] >= spec.surface_level);
    for (const RefinementBox& b : spec.boxes) {
      if (b.box.contains(mesh.center(c))) REQUIRE(p.level[c] >= b.level);
    }
  }

  // Points are shared: as many as different positions.
  std::set<Vec3> positions(mesh.points.begin(), mesh.points.end());
  CHECK(positions.size() == mesh.points.size());
  std::vector<char> used(mesh.points.size(), 0);
  for (const auto c : mesh.corners) used[c] = 1;
  CHECK(std::count(used.begin(), used.end(), 0) == 0);
}

TEST_CASE("buffer cells widen each level") {
  const SurfaceMesh body = box_mesh({-0.07, -0.07, -0.07}, {0.07, 0.07, 0.07});
  const DistanceField distance(body);
  AdaptiveMeshSpec spec;
  spec.domain = {{-2, -2, -2}, {2, 2, 2}};
  spec.base_cell = 0.25;
  spec.surface_level = 2;
  std::size_t last = 0;
  for (const int buffer : {1, 2, 3, 4}) {
    spec.buffer_cells = buffer;
    const VolumeMesh mesh = adaptive_mesh(body, distance, spec);
    CHECK(mesh.cell_count() >= last);
    last = mesh.cell_count();
    // Along +x from the surface at 0.07: `buffer` cells of each level, filled up to whole cells of the next coarser
    // one.
    double finest_end = 0, middle_end = 0;
    for (std::size_t c = 0; c < mesh.cell_count(); ++c) {
      const Cell cell = cell_of(mesh, c);
      if (cell.low[1] != 0 || cell.low[2] != 0) continue;  // the row from the middle
      if (cell.edge == 0.0625) finest_end = std::max(finest_end, cell.low[0] + cell.edge);
      if (cell.edge == 0.125) middle_end = std::max(middle_end, cell.low[0] + cell.edge);
    }
    CHECK(finest_end == 0.125 * std::ceil((0.07 + 0.0625 * buffer) / 0.125));
    CHECK(middle_end ==
          std::max(0.25 * std::ceil((0.07 + 0.125 * buffer) / 0.25), 0.25 * std::floor(finest_end / 0.25) + 0.25));
  }
}

TEST_CASE("a cube on the lattice is cut out exactly") {
  const SurfaceMesh body = unit_cube(2);
  const DistanceField distance(body);
  AdaptiveMeshSpec spec;
  spec.domain = {{-1, -1, -1}, {2, 2, 2}};
  spec.base_cell = 0.5;
  spec.surface_level = 2;
  CHECK_THAT(volume_of(adaptive_mesh(body, distance, spec)), WithinRel(26, 1e-12));
  CHECK_THAT(volume_of(uniform_grid(distance, spec.domain, 0.125, 100000)), WithinRel(26, 1e-12));
}

TEST_CASE("the inside of a body with a hole stays empty") {
  // Air could flow in through the missing face; the parity of the rays says what is meant.
  SurfaceMesh body = without_face(sphere_mesh(8, 0.6), 400);
  const DistanceField distance(body);
  AdaptiveMeshSpec spec;
  spec.domain = {{-1, -1, -1}, {1, 1, 1}};
  spec.base_cell = 0.25;
  spec.surface_level = 3;
  const VolumeMesh mesh = adaptive_mesh(body, distance, spec);
  std::size_t deep = 0;
  for (std::size_t c = 0; c < mesh.cell_count(); ++c) deep += norm(mesh.center(c)) < 0.45;
  CHECK(deep == 0);
  CHECK_THAT(volume_of(mesh), WithinRel(8 - 4.0 / 3 * std::numbers::pi * 0.216, 0.01));
}

TEST_CASE("air inside a hollow body and between two bodies stays") {
  SurfaceMesh body = box_mesh({-1, -1, -1}, {1, 1, 1});
  SurfaceMesh cavity = box_mesh({-0.5, -0.5, -0.5}, {0.5, 0.5, 0.5});
  turn_all(cavity);
  append(body, cavity);
  append(body, box_mesh({1.5, -1, -1}, {2, 1, 1}));
  AdaptiveMeshSpec spec;
  spec.domain = {{-3, -3, -3}, {3, 3, 3}};
  spec.base_cell = 0.5;
  spec.surface_level = 1;
  CHECK_THAT(volume_of(adaptive_mesh(body, DistanceField(body), spec)), WithinRel(216 - 8 + 1 - 2, 1e-12));
}

TEST_CASE("levels of boxes beyond that of the surface") {
  const SurfaceMesh body = sphere_mesh(6, 0.5);
  const DistanceField distance(body);
  AdaptiveMeshSpec spec;
  spec.domain = {{-1, -1, -1}, {1, 1, 1}};
  spec.base_cell = 0.5;
  spec.surface_level = GENERATE(0, 1);
  spec.buffer_cells = 1;
  spec.boxes = {{{{-1, -1, -1}, {1, 1, 1}}, 4}};
  const VolumeMesh mesh = adaptive_mesh(body, distance, spec);
  CHECK(largest_step(paint(mesh, spec.domain.low, {4, 4, 4}, 0.5, 4), true) == 0);
  const VolumeMesh grid = uniform_grid(distance, spec.domain, 0.5 / 16, 1000000);
  CHECK(mesh.cell_count() == grid.cell_count());
  CHECK(mesh.points.size() == grid.points.size());
}

TEST_CASE("domain is cut to whole cells: ground kept, sides alike") {
  const SurfaceMesh body = box_mesh({0.9, -0.1, 0.3}, {1.1, 0.1, 0.5});
  const DistanceField distance(body);
  AdaptiveMeshSpec spec;
  spec.domain = {{0.1, -0.55, 0.05}, {2.15, 0.65, 1.0}};
  spec.base_cell = 0.2;
  spec.surface_level = 1;
  const Box adaptive = adaptive_mesh(body, distance, spec).bounds();
  const Box grid = uniform_grid(distance, spec.domain, 0.2, 1000).bounds();
  const Vec3 low{0.1, -0.55, 0.05}, high{2.1, 0.65, 0.85};
  for (int i = 0; i < 3; ++i) {
    CHECK_THAT(adaptive.low[i], WithinAbs(low[i], 1e-12));
    CHECK_THAT(adaptive.high[i], WithinAbs(high[i], 1e-12));
    CHECK_THAT(grid.low[i], WithinAbs(low[i], 1e-12));
    CHECK_THAT(grid.high[i], WithinAbs(high[i], 1e-12));
  }
  spec.domain.high[1] = 0.75;  // 6.5 cells: half a cell less, a quarter on each side
  CHECK_THAT(adaptive_mesh(body, distance, spec).bounds().low[1], WithinAbs(-0.5, 1e-12));
}

TEST_CASE("a body outside the domain changes nothing") {
  const SurfaceMesh body = sphere_mesh(4, 1, {50, 0, 0});
  AdaptiveMeshSpec spec;
  spec.domain = {{0, 0, 0}, {1, 1, 1}};
  spec.base_cell = 0.25;
  CHECK(adaptive_mesh(body, DistanceField(body), spec).cell_count() == 64);
}

TEST_CASE("meshes do not depend on the number of threads") {
  const SurfaceMesh body = sphere_mesh(10, 0.4);
  const DistanceField distance(body);
  AdaptiveMeshSpec spec;
  spec.domain = {{-1, -1, -1}, {1, 1, 1}};
  spec.base_cell = 0.2;
  set_thread_count(1);
  const VolumeMesh adaptive = adaptive_mesh(body, distance, spec),
                   grid = uniform_grid(distance, spec.domain, 0.03, 1000000);
  set_thread_count(4);
  CHECK(same(adaptive_mesh(body, distance, spec), adaptive));
  CHECK(same(uniform_grid(distance, spec.domain, 0.03, 1000000), grid));
  set_thread_count(0);
}

TEST_CASE("uniform grid: exactly the cells with their centre outside, x fastest") {
  const SurfaceMesh body = sphere_mesh(8, 0.5, {0.05, 0.02, 0.01});
  const DistanceField distance(body);
  const double h = 0.04;
  const VolumeMesh mesh = uniform_grid(distance, {{-1, -1, -1}, {1, 1, 1}}, h, 1000000);
  mesh.check("grid");
  std::size_t c = 0;
  for (int z = 0; z < 50; ++z) {
    for (int y = 0; y < 50; ++y) {
      for (int x = 0; x < 50; ++x) {
        const Vec3 center{-1 + (x + 0.5) * h, -1 + (y + 0.5) * h, -1 + (z + 0.5) * h};
        if (distance.inside(center)) continue;
        REQUIRE(c < mesh.cell_count());
        REQUIRE(norm(mesh.center(c) - center) < 1e-12);
        ++c;
      }
    }
  }
  CHECK(c == mesh.cell_count());
  CHECK(std::set<Vec3>(mesh.points.begin(), mesh.points.end()).size() == mesh.points.size());
}

TEST_CASE("too many cells are refused before they are made") {
  const SurfaceMesh body = sphere_mesh(8, 0.5);
  const DistanceField distance(body);
  AdaptiveMeshSpec spec;
  spec.domain = {{-1, -1, -1}, {1, 1, 1}};
  spec.base_cell = 0.2;
  spec.max_cells = 1000;
  CHECK_THAT(message([&] { adaptive_mesh(body, distance, spec); }), ContainsSubstring("the limit is 1000"));
  spec.surface_level = 0;
  CHECK(adaptive_mesh(body, distance, spec).cell_count() <= 1000);
  spec.max_cells = 999;
  CHECK_FALSE(message([&] { adaptive_mesh(body, distance, spec); }).empty());
  spec.max_cells = 20'000'000;
  spec.surface_level = 14;
  CHECK_THAT(message([&] { adaptive_mesh(body, distance, spec); }), ContainsSubstring("the limit is 20000000"));
  spec.surface_level = 2;
  spec.boxes = {{{{-1, -1, -1}, {1, 1, 1}}, 12}};
  CHECK_FALSE(message([&] { adaptive_mesh(body, distance, spec); }).empty());
  CHECK_THAT(message([&] { uniform_grid(distance, spec.domain, 0.01, 1000); }), ContainsSubstring("8e+06"));
  CHECK_FALSE(message([&] { uniform_grid(distance, spec.domain, 1e-9, 1000); }).empty());
}

TEST_CASE("senseless specifications are refused") {
  const SurfaceMesh body = unit_cube();
  const DistanceField distance(body);
  AdaptiveMeshSpec good;
  good.domain = {{-1, -1, -1}, {2, 2, 2}};
  good.base_cell = 0.5;
  good.surface_level = 1;
  const auto refused = [&](const auto& change) {
    AdaptiveMeshSpec spec = good;
    change(spec);
    return !message([&] { adaptive_mesh(body, distance, spec); }).empty();
  };
  CHECK_FALSE(refused([](AdaptiveMeshSpec&) {}));
  CHECK(refused([](AdaptiveMeshSpec& s) { s.base_cell = 0; }));
  CHECK(refused([](AdaptiveMeshSpec& s) { s.base_cell = -1; }));
  CHECK(refused([](AdaptiveMeshSpec& s) { s.base_cell = std::numeric_limits<double>::quiet_NaN(); }));
  CHECK(refused([](AdaptiveMeshSpec& s) { s.base_cell = 10; }));
  CHECK(refused([](AdaptiveMeshSpec& s) { s.domain = Box{}; }));
  CHECK(refused([](AdaptiveMeshSpec& s) { s.domain.high[1] = std::numeric_limits<double>::infinity(); }));
  CHECK(refused([](AdaptiveMeshSpec& s) { s.surface_level = -1; }));
  CHECK(refused([](AdaptiveMeshSpec& s) { s.surface_level = 60; }));
}

TEST_CASE("check of a volume mesh names the offender") {
  VolumeMesh mesh;
  mesh.points = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 1}};
  mesh.offsets = {0, 4, 8};
  mesh.corners = {0, 1, 2, 3, 1, 2, 3, 4};
  mesh.types = {10, 42};
  mesh.face_offsets = {-1, 0};
  mesh.faces = {4, 3, 1, 2, 3, 3, 1, 2, 4, 3, 2, 3, 4, 3, 3, 1, 4};
  const auto text = [](const VolumeMesh& m) { return message([&] { m.check("run.vtu"); }); };
  CHECK(text(mesh).empty());
  CHECK_THAT(text(VolumeMesh{}), ContainsSubstring("run.vtu") && ContainsSubstring("no cells"));
  VolumeMesh bad = mesh;
  bad.corners[5] = 5;
  CHECK_THAT(text(bad), ContainsSubstring("cell 1 refers to point 5"));
  bad = mesh;
  bad.faces.pop_back();
  CHECK_THAT(text(bad), ContainsSubstring("face 3 of polyhedron 1"));
  bad = mesh;
  bad.faces[3] = -2;
  CHECK_THAT(text(bad), ContainsSubstring("point -2"));
  bad = mesh;
  bad.faces[1] = std::numeric_limits<std::int64_t>::max();
  CHECK_FALSE(text(bad).empty());
  bad = mesh;
  bad.face_offsets[1] = -1;
  CHECK_FALSE(text(bad).empty());
  bad = mesh;
  bad.points[2][2] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THAT(text(bad), ContainsSubstring("point 2 is not finite"));
  bad = mesh;
  bad.attributes.push_back({"velocity", Association::points, 3, std::vector<float>(14)});
  CHECK_THAT(text(bad), ContainsSubstring("'velocity'"));
  bad = mesh;
  bad.types.pop_back();
  CHECK_FALSE(text(bad).empty());
}
