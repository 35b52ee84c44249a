#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <numbers>

#include "core/rng.hpp"
#include "geometry/descriptors.hpp"
#include "tests/geometry/shapes.hpp"

using namespace streamtube;
using namespace streamtube::geometry;
using Catch::Approx;

namespace {

Descriptors describe(const SurfaceMesh& mesh) {
  std::vector<Vec3> positions, areas;
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    positions.push_back(mesh.centroid(f)), areas.push_back(mesh.area_vector(f));
  return describe_shape(positions, areas);
}

double get(const Descriptors& d, const std::string& name) {
  for (std::size_t i = 0; i < kDescriptors; ++i)
    if (name == kDescriptorNames[i]) return d[i];
  FAIL("no descriptor " << name);
  return 0;
}

ShapeTable random_table(std::size_t n) {
  core::Rng rng(7, "table");
  ShapeTable table;
  for (std::size_t i = 0; i < n; ++i) {
    table.cases.push_back("run_" + std::to_string(i));
    Descriptors row;
    const double common = rng.normal();
    for (std::size_t d = 0; d < kDescriptors; ++d) row[d] = 1.0 + 0.05 * common + 0.03 * rng.normal();
    table.rows.push_back(row);
  }
  return table;
}

}  // namespace

TEST_CASE("descriptors of a box and of a sphere are what formulas say") {
  const Descriptors box = describe(test::box_mesh({2, -0.2, 0.1}, {3, 0.2, 0.4}, 100));
  CHECK(get(box, "width") == Approx(0.4).epsilon(1e-3));
  CHECK(get(box, "height") == Approx(0.3).epsilon(1e-3));
  const double area = 2 * (0.4 * 0.3 + 0.4 + 0.3);
  CHECK(get(box, "surface_area") == Approx(area).epsilon(1e-3));
  CHECK(get(box, "volume") == Approx(0.12).epsilon(1e-3));
  CHECK(get(box, "frontal_area") == Approx(0.12).epsilon(1e-3));
  CHECK(get(box, "plan_area") == Approx(0.4).epsilon(1e-3));
  CHECK(get(box, "centroid_x") == Approx(0.5));
  CHECK(get(box, "centroid_y") == Approx(0).margin(1e-12));
  CHECK(get(box, "facing_front") == Approx(0.12 / area).epsilon(1e-3));
  CHECK(get(box, "facing_up") == Approx(0.4 / area).epsilon(1e-3));
  CHECK(get(box, "slope_xz") == Approx(0).margin(1e-12));
  for (const char* at : {"section_at_4%", "section_at_50%", "section_at_96%"})
    CHECK(get(box, at) == Approx(1).epsilon(1e-3));

  const Descriptors ball = describe(test::sphere_mesh(60, 2, {5, 6, 7}));
  const double pi = std::numbers::pi;
  CHECK(get(ball, "volume") == Approx(pi / 6).epsilon(2e-3));
  CHECK(get(ball, "gyration_y") == Approx(0.5 / std::sqrt(3.0)).epsilon(2e-3));
  CHECK(get(ball, "facing_front") == Approx(0.1).epsilon(5e-3));  // mean of n_x^4 over half a sphere
  CHECK(get(ball, "section_at_50%") == Approx(pi / 4).epsilon(2e-3));
  CHECK(get(ball, "section_at_20%") == Approx(pi * 0.2 * 0.8).epsilon(1e-2));
}

TEST_CASE("descriptors know neither size nor place") {
  auto body = test::sphere_mesh(20, 0.5, {0.5, 0, 0.6});
  for (Vec3& p : body.points) p[0] *= 2, p[2] += 0.1 * p[0];
  const Descriptors here = describe(body);
  for (Vec3& p : body.points) p = 1000.0 * p + Vec3{12, -7, 3};
  const Descriptors there = describe(body);
  for (std::size_t d = 0; d < kDescriptors; ++d) CHECK(there[d] == Approx(here[d]).margin(1e-9));
}

TEST_CASE("bodies of one kind are near, another kind is far and says why") {
  const ShapeTable table = random_table(60);
  ShapeTable fewer = table;
  std::size_t beyond = 0;
  double sum = 0;
  for (int i = 0; i < 10; ++i) {  // each held back in turn
    fewer = table;
    fewer.rows.erase(fewer.rows.begin() + i), fewer.cases.erase(fewer.cases.begin() + i);
    const ShapeDistance d = shape_distance(fewer, table.rows[static_cast<std::size_t>(i)]);
    beyond += d.beyond(), sum += d.percentile / 10;
  }
  CHECK(beyond <= 1);
  CHECK(sum > 20);
  CHECK(sum < 80);

  const ShapeDistance own = shape_distance(table, table.rows[17]);
  CHECK(own.nearest == "run_17");
  Descriptors odd = table.rows[17];
  odd[4] += 0.5;
  const ShapeDistance d = shape_distance(table, odd);
  CHECK(d.beyond());
  CHECK(d.percentile == 100);
  CHECK(d.outstanding[0].descriptor == 4);
  CHECK(d.outstanding[0].value == odd[4]);
  CHECK(d.outstanding[0].max < odd[4]);
  CHECK(std::abs(d.outstanding[0].deviations) > std::abs(d.outstanding[1].deviations));
}

TEST_CASE("the distance is Mahalanobis' with the shrunk covariance") {
  // With independent standard rows and one descriptor off by t deviations: t^2 times an entry of the inverse, which for
  // a table of one common factor is known by the Sherman-Morrison formula. Here directly: solve by Gauss.
  const ShapeTable table = random_table(40);
  const std::size_t n = kDescriptors;
  Descriptors mean{}, deviation{}, body = table.rows[3];
  body[2] += 0.2;
  for (const auto& row : table.rows)
    for (std::size_t d = 0; d < n; ++d) mean[d] += row[d] / 40;
  for (const auto& row : table.rows)
    for (std::size_t d = 0; d < n; ++d) deviation[d] += std::pow(row[d] - mean[d], 2) / 39;
  for (double& x : deviation) x = std::sqrt(x);
  std::vector<std::vector<double>> a(n, std::vector<double>(n + 1));
  Descriptors z;
  for (std::size_t i = 0; i < n; ++i) {
    z[i] = a[i][n] = (body[i] - mean[i]) / deviation[i];
    for (std::size_t j = 0; j < n; ++j) {
      for (const auto& row : table.rows)
        a[i][j] += 0.9 * (row[i] - mean[i]) / deviation[i] * (row[j] - mean[j]) / deviation[j] / 39;
      if (i == j) a[i][j] += 0.1;
    }
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t r = 0; r < n; ++r)
      if (r != i) {
        const double f = a[r][i] / a[i][i];
        for (std::size_t c = i; c <= n; ++c) a[r][c] -= f * a[i][c];
      }
  double squared = 0;
  for (std::size_t i = 0; i < n; ++i) squared += z[i] * a[i][n] / a[i][i];
  CHECK(shape_distance(table, body).distance == Approx(std::sqrt(squared / n)).epsilon(1e-9));
}
