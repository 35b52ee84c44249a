#include <malloc.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "core/rng.hpp"
#include "core/runtime.hpp"
#include "solver/flow_region.hpp"
#include "solver/neural/neural_engine.hpp"
#include "solver/points/point_stream.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/tiny_model.hpp"

using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using namespace streamtube;
using mesh_io::H5File;
using mesh_io::PointFile;
using physics::Branch;
using solver::PointStream;
using test::message_of;
using test::TempDir;

namespace {

solver::Case box_case() {
  solver::Case question;
  question.body = test::bent_box(30, true, [](Vec3 p) { return Vec3{0.5 + 0.5 * p[0], 0.3 * p[1], 0.3 + 0.2 * p[2]}; });
  question.report = geometry::report(question.body);
  question.name = "box.stl";
  question.flow = {15, 1.225, 1.5e-5};
  return question;
}

std::vector<Vec3> random_points(std::size_t n, double x_high = 3) {
  core::Rng rng(1, "points");
  std::vector<Vec3> out(n);
  for (Vec3& p : out) p = {(x_high + 1) * rng.uniform() - 1, 2 * rng.uniform() - 1, rng.uniform()};
  return out;
}

std::string write_file(const TempDir& dir, const std::vector<Vec3>& surface, const std::vector<Vec3>& areas,
                       const std::vector<Vec3>& volume) {
  const std::string path = dir.file("points.h5");
  H5File file = H5File::create(path);
  if (!surface.empty()) mesh_io::write_points(file, Branch::surface, surface, areas);
  if (!volume.empty()) mesh_io::write_points(file, Branch::volume, volume);
  file.close();
  return path;
}

void compare(const std::string& path, const std::vector<geometry::Attribute>& expected) {
  const H5File file = H5File::open(path);
  std::size_t fields = 0;
  for (const auto& array : expected) {
    if (array.name == "inside") continue;  // of results on meshes alone
    INFO(array.name);
    const auto there = file.read<float>("/VTKHDF/PointData/" + array.name);
    CHECK(std::equal(there.begin(), there.end(), array.values.begin(), array.values.end(),
                     [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }));
    ++fields;
  }
  CHECK(file.children("/VTKHDF/PointData").size() == fields);
}

}  // namespace

TEST_CASE("streamed fields are those of a prediction on meshes, bit for bit, and so are the forces") {
  auto model = test::tiny_model();
  bool derive = false;
  SECTION("plain") {}
  SECTION("of a symmetric flow") { model.normalizer.symmetric = true; }
  SECTION("with derivatives") { derive = true; }
  SECTION("with normals and walls") {
    model = test::tiny_model(7, true);
    model.normalizer.symmetric = true;
  }
  SECTION("with normals, walls and derivatives") { model = test::tiny_model(7, true), derive = true; }
  const TempDir dir;
  solver::Case question = box_case();
  // More than one block of rows: 65536.
  const std::vector<Vec3> volume = random_points(derive ? 20'000 : 70'000);
  question.volume = solver::VolumeOutput::mesh;
  question.volume_name = "points";
  question.volume_mesh.points = volume;
  question.volume_mesh.offsets = {0, 4};
  question.volume_mesh.corners = {0, 1, 2, 3};
  question.volume_mesh.types = {10};
  question.points_on = solver::Location::vertices;
  if (derive) {
    question.derive = {physics::Derived::q_criterion, physics::Derived::strain_rate};
    question.vorticity = physics::Decoder::curl;
  }
  std::vector<Vec3> surface, areas;
  for (std::size_t f = 0; f < question.body.face_count(); ++f) {
    surface.push_back(question.body.centroid(f));
    areas.push_back(question.body.area_vector(f));
  }
  const std::string path = write_file(dir, surface, areas, volume);

  solver::NeuralEngine engine(model);
  solver::Case faces = question;
  faces.points_on = solver::Location::cells;
  faces.volume = solver::VolumeOutput::none, faces.derive.clear();
  faces.surface = faces.body, faces.surface_name = "faces";  // forces over the faces themselves
  const solver::Answer on_faces = engine.solve(faces);
  solver::PreparedCase prepared;
  const solver::Answer answer = engine.solve(question, &prepared);

  const core::Processes alone;
  const PointFile file(path);
  PointStream stream(model, file, question.derive, question.vorticity, alone);
  const solver::FlowRegion region(question.body, model.domain.low[2]);
  stream.leave_out([&](const Vec3& p) { return region.at(p) != solver::Place::flow; });
  CHECK(stream.check().empty());
  const std::string out[2] = {dir.file("s.hdf"), dir.file("v.hdf")};
  const auto streamed = stream.run(prepared, engine.network(), out, {});
  CHECK(streamed.points[0] == surface.size());
  CHECK(streamed.points[1] == volume.size());
  CHECK(streamed.no_flow > volume.size() / 50);
  compare(out[0], on_faces.surface.attributes);
  compare(out[1], answer.volume.attributes);
  REQUIRE(streamed.forces);
  CHECK(streamed.forces->coefficients.cd() == Approx(on_faces.forces.coefficients.cd()).epsilon(1e-9));
  CHECK(streamed.forces->coefficients.cm_pitch() == Approx(on_faces.forces.coefficients.cm_pitch()).epsilon(1e-9));

  // The same from a file, by a network of its own.
  prepared.placement.frame = geometry::facing({0.6, 0.8, 0}, {0, 0, 1});
  prepared.placement.frame.shift = {0.1, 0.2, 0.3}, prepared.placement.scale = 2.5;
  const std::string whole = dir.file("whole.h5");
  std::filesystem::copy_file(path, whole);
  {
    H5File to = H5File::open_to_change(whole);
    solver::write_prepared(to, prepared);
    to.close();
  }
  const PointFile again(whole);
  const solver::PreparedCase read = solver::read_prepared(again.file());
  CHECK_NOTHROW(solver::check_prepared(read, model, whole));
  CHECK(read.points == prepared.points);
  CHECK(read.point_normals == prepared.point_normals);
  CHECK(read.anchor_normals.size() == (model.config.normals ? prepared.anchors[0].size() : 0));
  CHECK(read.placement.frame.axes == prepared.placement.frame.axes);
  CHECK(read.placement.frame.shift == prepared.placement.frame.shift);
  CHECK(read.placement.scale == 2.5);
  surrogate::Surrogate network(model.config, model.weights, "tiny");
  const solver::NetworkCase encoded(read, model);
  network.encode(encoded.input());
  const std::string copy[2] = {dir.file("s2.hdf"), dir.file("v2.hdf")};
  PointStream from_file(model, again, question.derive, question.vorticity, alone);
  from_file.leave_out([&](const Vec3& p) { return region.at(p) != solver::Place::flow; });
  from_file.run(read, network, copy, {});
  compare(copy[1], answer.volume.attributes);
  auto other = model;
  other.fingerprint = "0123";
  CHECK_THAT(message_of([&] { solver::check_prepared(read, other, whole); }),
             ContainsSubstring("prepared for the model"));
  {
    H5File large = H5File::create(dir.file("large.h5"));
    solver::PreparedCase many = prepared;
    many.anchors[1].resize(70'000);
    solver::write_prepared(large, many);
    large.close();
  }
  CHECK_THAT(message_of([&] { solver::read_prepared(H5File::open(dir.file("large.h5"))); }),
             ContainsSubstring("'/case/volume_anchors' has 70000 rows, a case has 65536 at most"));
  prepared.placement.frame.axes[0] = {0.6, 0.9, 0};
  {
    H5File broken = H5File::create(dir.file("broken.h5"));
    solver::write_prepared(broken, prepared);
    broken.close();
  }
  CHECK_THAT(message_of([&] { solver::read_prepared(H5File::open(dir.file("broken.h5"))); }),
             ContainsSubstring("broken.h5': '/case': the placement is no rotation"));
}

TEST_CASE("memory does not grow with the points") {
  const TempDir dir;
  const auto model = test::tiny_model();
  solver::NeuralEngine engine(model);
  const solver::PreparedCase prepared = engine.prepare(box_case());
  engine.encode(prepared);
  const core::Processes alone;
  std::size_t peak[3];
  // Files first: making them is what takes memory here.
  std::string path[2];
  for (int i = 0; i < 2; ++i) {
    path[i] = dir.file(i ? "many.h5" : "some.h5");
    const std::size_t n = i ? 900'000 : 270'000;  // both fill all blocks that go round
    H5File file = H5File::create(path[i]);
    file.write<float>("/volume/positions", {n, 3}, std::vector<float>(3 * n, 0.7f), true);
    file.close();
  }
  for (int i = 0; i < 3; ++i) {  // the first only brings memory to its steady state
    const PointFile file(path[i == 2 ? 1 : 0]);
    const PointStream stream(model, file, {}, {}, alone);
    stream.check();
    const std::string out[2] = {"", dir.file("v.hdf")};
    malloc_trim(0);                               // what threads of the run before left to the allocator
    std::ofstream("/proc/self/clear_refs") << 5;  // the peak is that of what follows
    stream.run(prepared, engine.network(), out, {});
    peak[i] = core::peak_resident_memory();
  }
  INFO(peak[0] << " " << peak[1] << " " << peak[2]);
  CHECK(peak[2] < peak[1] + 20'000'000);  // positions and fields alone are 35 MB more
}

TEST_CASE("points that the network cannot answer are named before the work") {
  const TempDir dir;
  const auto model = test::tiny_model();
  const core::Processes alone;
  const auto check = [&](const std::vector<Vec3>& points) {
    const PointFile file(write_file(dir, {}, {}, points));
    return PointStream(model, file, {}, {}, alone).check();
  };
  auto points = random_points(1000);
  points[17][0] = 3.5;
  CHECK_THAT(message_of([&] { check(points); }), ContainsSubstring("row 17 (counted from 0): x is 3.5 m, but the model "
                                                                   "'tiny' knows positions from -1 to 3 m"));
  points[17] = {0, 0, std::numeric_limits<double>::infinity()};
  CHECK_THAT(message_of([&] { check(points); }), ContainsSubstring("row 17 (counted from 0): z is not a number"));
  points[17] = {0, 1.5, 0.5}, points[18] = {0, 0, 2};
  const auto outside = check(points);
  REQUIRE(outside.size() == 1);
  CHECK(outside[0].quantity == "volume_points_outside_domain");
  CHECK(outside[0].value == 2);

  const PointFile surface(write_file(dir, points, {}, {}));
  CHECK_THAT(message_of([&] { PointStream(model, surface, {physics::Derived::lambda2}, {}, alone); }),
             ContainsSubstring("has no '/volume/positions'"));
}
