#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <functional>

#include "mesh_io/mesh_io.hpp"
#include "solver/similarity.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "tests/geometry/shapes.hpp"

using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::string kSamples = STREAMTUBE_SOURCE_DIR "/data_samples/";

const surrogate::Checkpoint& model() {
  static const auto checkpoint = surrogate::read_checkpoint(kSamples + "models/ahmed.h5");
  return checkpoint;
}

geometry::SurfaceMesh join(std::vector<geometry::SurfaceMesh> parts) {
  geometry::SurfaceMesh out;
  for (const auto& part : parts) test::append(out, part);
  return out;
}

}  // namespace

TEST_CASE("the STL of a case and its CFD faces have the same descriptors") {
  const auto stl = solver::describe_body(mesh_io::read_surface(kSamples + "geometries/ahmed_18deg_run_2.stl"));
  // As the data set has it: middles and area vectors of the faces.
  const auto faces = mesh_io::read_surface(kSamples + "cfd_cases/ahmed_18deg_run_2/surface.vtp");
  std::vector<Vec3> positions, areas;
  for (std::size_t f = 0; f < faces.face_count(); ++f)
    positions.push_back(faces.centroid(f)), areas.push_back(faces.area_vector(f));
  const auto cfd = geometry::describe_shape(positions, areas);
  const auto& rows = model().shapes.rows;
  REQUIRE(rows.size() == 72);
  for (std::size_t d = 0; d < geometry::kDescriptors; ++d) {
    double low = 1e300, high = -1e300;
    for (const auto& row : rows) low = std::min(low, row[d]), high = std::max(high, row[d]);
    INFO(geometry::kDescriptorNames[d] << " " << low << " .. " << high);
    CHECK(stl[d] == Approx(cfd[d]).margin(std::max(2e-3, 0.05 * (high - low))));
  }
  const auto distance = geometry::shape_distance(model().shapes, stl);
  CHECK(distance.nearest == "run_2");
  CHECK(distance.distance == Approx(geometry::shape_distance(model().shapes, cfd).distance).margin(0.1));
}

TEST_CASE("bodies of the kind are within, other kinds beyond, whatever their triangles") {
  for (const char* name : {"ahmed_18deg_run_2", "ahmed_25deg", "ahmed_8deg_run_5"}) {
    const auto d = solver::similarity(model(), mesh_io::read_surface(kSamples + "geometries/" + name + ".stl"));
    REQUIRE(d);
    INFO(name << ": " << solver::to_text(*d));
    CHECK_FALSE(d->beyond());
    CHECK(d->if_turned.empty());
  }
  const auto box = [](Vec3 low, Vec3 high) { return test::box_mesh(low, high, 2); };
  const std::vector<std::pair<const char*, geometry::SurfaceMesh>> others = {
      {"sphere", test::sphere_mesh(20, 0.5, {0.5, 0, 0.6})},
      {"cube", test::box_mesh({0, -0.5, 0.05}, {1, 0.5, 1.05}, 1)},
      {"brick", box({0, -0.19, 0.05}, {1.04, 0.19, 0.34})},
      {"aeroplane", join({box({0, -0.06, 0.3}, {1, 0.06, 0.42}), box({0.35, 0.06, 0.34}, {0.55, 0.6, 0.36}),
                          box({0.35, -0.6, 0.34}, {0.55, -0.06, 0.36}), box({0.9, -0.01, 0.42}, {1, 0.01, 0.6})})},
      {"car", join({box({0, -0.2, 0.08}, {1.04, 0.2, 0.2}), box({0.3, -0.17, 0.2}, {0.85, 0.17, 0.34}),
                    box({0.12, -0.2, 0}, {0.26, 0.2, 0.08}), box({0.76, -0.2, 0}, {0.9, 0.2, 0.08})})}};
  for (const auto& [name, mesh] : others) {
    const auto d = solver::similarity(model(), mesh);
    REQUIRE(d);
    INFO(name << ": " << solver::to_text(*d) << " | " << solver::warning_text(*d));
    CHECK(d->beyond());
    CHECK(d->percentile == 100);
    CHECK_THAT(solver::warning_text(*d), ContainsSubstring("what stands out most"));
    CHECK(d->if_turned.empty());  // no turn makes an Ahmed body of them
  }
}

TEST_CASE("a body of the kind that stands backwards, upside down or on its side is told so") {
  const auto body = mesh_io::read_surface(kSamples + "geometries/ahmed_25deg.stl");
  const auto turned = [&](const std::function<Vec3(const Vec3&)>& turn) {
    auto mesh = body;
    for (Vec3& p : mesh.points) p = turn(p);
    const auto d = solver::similarity(model(), mesh);
    REQUIRE(d);
    CHECK(d->beyond());
    return solver::warning_text(*d);
  };
  CHECK_THAT(turned([](const Vec3& p) {
               return Vec3{-p[0], -p[1], p[2]};
             }),
             ContainsSubstring("seems to stand backwards: with the flow along its -x and its +z upward"));
  CHECK_THAT(turned([](const Vec3& p) {
               return Vec3{p[0], -p[1], -p[2]};
             }),
             ContainsSubstring("seems to stand upside down: with the flow along its +x and its -z upward"));
  CHECK_THAT(turned([](const Vec3& p) { return Vec3{p[0], -p[2], p[1]}; }), ContainsSubstring("seems to be turned"));
  CHECK_THAT(turned([](const Vec3& p) {
               return Vec3{-p[1], p[0], p[2]};
             }),
             ContainsSubstring("seems to be turned: with the flow along its +y and its +z upward"));
}

TEST_CASE("a model without descriptors cannot tell") {
  auto bare = model();
  bare.shapes = {};
  CHECK_FALSE(solver::similarity(bare, test::unit_cube()).has_value());
}
