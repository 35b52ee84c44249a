#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "core/error.hpp"
#include "solver/range_check.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/tiny_model.hpp"

using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;

namespace {

// 1 m long, 0.6 m wide, 0.4 m high, 0.1 m above the ground.
solver::Case box_case() {
  solver::Case question;
  question.body = test::bent_box(4, true, [](Vec3 p) { return Vec3{0.5 + 0.5 * p[0], 0.3 * p[1], 0.3 + 0.2 * p[2]}; });
  question.report = geometry::report(question.body);
  question.name = "box.stl";
  question.flow = {15, 1.225, 1.5e-5};
  return question;
}

}  // namespace

TEST_CASE("lift at the axles is what two supports on the ground would carry, whatever the moments' centre") {
  for (const Vec3& center : {Vec3{0.5, 0, 0}, Vec3{0.1, 0.2, 0.3}, Vec3{-1, 0, 2}}) {
    solver::Case question = box_case();
    question.moment_center = center;
    question.axles = {{0.2, 0.9}};
    question.reference_area = 0.25, question.reference_length = 2;
    solver::Forces f = solver::reference_quantities(question);
    CHECK(f.axes.moment_center == center);
    // Suction on the roof above the front axle, a push at the back 0.4 m above the road, friction forward on the floor.
    physics::ForceIntegrator sum(f.axes);
    sum.add({0.2, 0, 0.5}, {0, 0, 1}, 0.05, -1, {0, 0, 0});
    sum.add({1, 0, 0.4}, {1, 0, 0}, 0.05, -0.7, {0, 0, 0});
    sum.add({0.5, 0, 0.1}, {0, 0, -1}, 0.25, 0, {0.02, 0, 0});
    f.coefficients = sum.result(f.scales);
    const auto [front, rear] = solver::axle_lift(f);
    const double lift = 0.05 / 0.25, drag = 0.7 * 0.05 / 0.25 * 0.4 / 0.7, friction = 0.02 * 0.1 / 0.7;
    CHECK(front.pressure == Approx(lift + drag));  // drag above the road lifts the front
    CHECK(rear.pressure == Approx(-drag));
    CHECK(front.friction == Approx(friction));
    CHECK(rear.friction == Approx(-friction));
    CHECK(front.total() + rear.total() == Approx(f.coefficients.cl()));
  }
}

TEST_CASE("reference quantities come from the body unless given") {
  solver::Case question = box_case();
  const auto own = solver::reference_quantities(question);
  CHECK(own.scales.length == Approx(1.0));
  CHECK(own.scales.area == Approx(0.24).epsilon(5e-3));
  CHECK(own.scales.dynamic_pressure() == Approx(0.5 * 1.225 * 225));
  CHECK_THAT(own.area_source, ContainsSubstring("projection"));
  CHECK(own.axes.moment_center == Vec3{0.5, 0, 0});
  question.reference_area = 2.5;
  question.reference_length = 3;
  const auto given = solver::reference_quantities(question);
  CHECK(given.scales.area == 2.5);
  CHECK(given.scales.length == 3);
  CHECK(given.area_source == "given");
  for (Vec3& p : question.body.points) p[2] = 0.1;  // a sheet along the flow
  question.reference_area = 0;
  CHECK_THROWS_AS(solver::reference_quantities(question), core::Error);
}

TEST_CASE("asymmetry is that of the shape, not of its triangles") {
  auto model = test::tiny_model();
  model.normalizer.symmetric = true;
  const auto asymmetry = [&](const geometry::SurfaceMesh& body) {
    solver::Case question = box_case();
    question.body = body;
    for (const auto& one : solver::extrapolations(model, question, 0.24))
      if (one.quantity == "asymmetry_about_y_0") return one.value;
    return 0.0;
  };
  // The top: fine on one side of y = 0, and a triangle from the other side reaches over it.
  geometry::SurfaceMesh body = box_case().body, other;
  for (std::size_t f = 0; f < body.face_count(); ++f)
    if (body.area_vector(f)[2] <= 0) test::add_face(other, {body.corner(f, 0), body.corner(f, 1), body.corner(f, 2)});
  const double z = 0.5;
  test::add_face(other, {{0, -0.3, z}, {1, -0.3, z}, {1, 0.2, z}});
  test::add_face(other, {{0, -0.3, z}, {1, 0.2, z}, {0, 0.3, z}});
  test::add_face(other, {{0, 0.3, z}, {1, 0.2, z}, {1, 0.3, z}});
  CHECK(asymmetry(body) == 0);
  CHECK(asymmetry(other) == 0);
  for (Vec3& p : other.points)
    if (p[1] > 0.29) p[1] = 0.4;
  CHECK(asymmetry(other) > 0.05);
}

TEST_CASE("asymmetry is graded: halves, yaw, and what is said of them") {
  auto model = test::tiny_model();
  model.normalizer.symmetric = true;
  const auto named = [&](const geometry::SurfaceMesh& body) {
    solver::Case question = box_case();
    question.body = body;
    std::string out;
    for (const auto& one : solver::extrapolations(model, question, 0.24))
      if (one.quantity == "asymmetry_about_y_0" || one.quantity == "yaw_angle") out += one.quantity + " ";
    return out;
  };
  const geometry::SurfaceMesh body = box_case().body;
  CHECK(solver::asymmetry_text(model, body).empty());
  // A box beside it, as a mirror: 6 b^2 of area more on that side, at a known distance.
  const double area = 2 * (1 * 0.6 + 1 * 0.4 + 0.6 * 0.4);
  for (const double b : {0.02, 0.06, 0.12}) {
    CAPTURE(b);
    geometry::SurfaceMesh one = body;
    test::append(one, test::box_mesh({0.5 - b / 2, -0.35 - b, 0.3}, {0.5 + b / 2, -0.35, 0.3 + b}));
    const auto found = solver::asymmetry(one);
    CHECK(found.area == Approx(-6 * b * b / (area + 6 * b * b)).epsilon(1e-6));
    CHECK(found.moment < found.area);
    CHECK(std::abs(found.yaw) < 1e-6);
    const std::string text = solver::asymmetry_text(model, one);
    if (b == 0.06) CHECK_THAT(text, ContainsSubstring("(more at y < 0)") && !ContainsSubstring("long axis"));
    CHECK(named(one) == (b > 0.1 ? "asymmetry_about_y_0 " : ""));
  }
  for (const double degrees : {0.2, 1.2, 3.0, -3.0}) {
    CAPTURE(degrees);
    geometry::SurfaceMesh turned = body;
    const double a = degrees * std::acos(-1.0) / 180;
    for (Vec3& p : turned.points)
      p = {0.5 + (p[0] - 0.5) * std::cos(a) - p[1] * std::sin(a), (p[0] - 0.5) * std::sin(a) + p[1] * std::cos(a),
           p[2]};
    const auto found = solver::asymmetry(turned);
    CHECK(found.yaw == Approx(degrees).epsilon(0.02));
    CHECK(found.halves() < 0.01);  // which see nothing of it
    CHECK(solver::asymmetry_text(model, turned).empty() == (degrees == 0.2));
    CHECK(named(turned) == (std::abs(degrees) > 1.5 ? "yaw_angle " : ""));
  }
  model.normalizer.symmetric = false;
  geometry::SurfaceMesh aside = body;
  for (Vec3& p : aside.points) p[1] += 0.3;
  CHECK(solver::asymmetry_text(model, aside).empty());
  CHECK(named(aside).empty());
}

TEST_CASE("on the ground is no extrapolation for a model whose bodies stand a hair above it") {
  const surrogate::Range wheels{"ground_clearance", "m", 0.0005, 0.0005, 1e-5},
      none{"ground_clearance", "m", 0.03, 0.05, 0};
  CHECK(solver::knows_clearance(wheels, 0, 1));
  CHECK(solver::knows_clearance(wheels, 0.002, 1));
  CHECK_FALSE(solver::knows_clearance(wheels, 0.004, 1));
  CHECK(solver::knows_clearance(wheels, 0.004, 4));
  CHECK_FALSE(solver::knows_clearance(wheels, -0.01, 4));
  CHECK_FALSE(solver::knows_clearance(none, 0, 4));
  CHECK(solver::knows_clearance(none, 0.04, 1));
}

TEST_CASE("what lies outside of the training range is named with value and range") {
  auto model = test::tiny_model();
  solver::Case question = box_case();
  CHECK(solver::extrapolations(model, question, 0.24).empty());

  question.flow.velocity = 60;
  auto found = solver::extrapolations(model, question, 0.24);
  REQUIRE(found.size() == 1);
  CHECK(found[0].quantity == "reynolds_number");
  CHECK(found[0].value == Approx(4e6));
  CHECK(found[0].max == 2e6);
  CHECK_THAT(to_text(found[0]), ContainsSubstring("reynolds number is 4e+06; the training data has 500000 to 2e+06"));

  model.training_range = {
      {"width", "m", 0.1, 0.5, 0.05},    {"height", "m", 0.1, 0.5, 0},          {"front_x", "m", 0.0, 0.0, 1e-9},
      {"center_y", "m", 0.0, 0.0, 1e-9}, {"ground_clearance", "m", 0, 0.05, 0}, {"surface_area", "m2", 3, 4, 0},
      {"volume", "m3", 0.1, 0.2, 0},     {"frontal_area", "m2", 0.3, 0.4, 0},   {"colour", "-", 1, 2, 0}};
  found = solver::extrapolations(model, question, 0.24);
  std::vector<std::string> names;
  for (const auto& e : found) names.push_back(e.quantity);
  CHECK(names == std::vector<std::string>{"width", "ground_clearance", "surface_area", "volume", "frontal_area"});
  // Within the tolerance is inside.
  model.training_range = {{"width", "m", 0.1, 0.5, 0.11}};
  CHECK(solver::extrapolations(model, question, 0.24).empty());
}

TEST_CASE("positions the network does not know are refused") {
  const auto model = test::tiny_model();
  Box box;
  box.low = {-0.5, -1, 0};
  box.high = {3, 1, 1};
  CHECK_NOTHROW(solver::check_positions(model, box, "a.stl"));
  box.high[1] = 3.5;
  try {
    solver::check_positions(model, box, "a.stl");
    FAIL("no error");
  } catch (const core::Error& error) {
    CHECK(error.kind() == core::ErrorKind::input);
    CHECK_THAT(error.message(), ContainsSubstring("'a.stl': y runs from -1 to 3.5 m"));
    CHECK_THAT(error.hint(), ContainsSubstring("--unit"));
  }
}
