#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "geometry/frame.hpp"
#include "physics/derivatives.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/message_of.hpp"

using namespace streamtube;
using namespace streamtube::geometry;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;

namespace {

void check_near(const Vec3& a, const Vec3& b, double margin = 1e-12) {
  for (int i = 0; i < 3; ++i) CHECK(a[i] == Approx(b[i]).margin(margin));
}

// A turn about no special axis, with a shift.
Frame oblique() {
  Frame frame = facing({0.4, -0.8, 0.3}, {0.2, 0.1, 1.0});
  frame.shift = {0.7, -0.2, 0.05};
  return frame;
}

}  // namespace

TEST_CASE("the model's axes are a rotation with x along the flow and z towards up") {
  const Vec3 axes[] = {{1, 0, 0}, {-1, 0, 0}, {0, 1, 0}, {0, -1, 0}, {0, 0, 1}, {0, 0, -1}};
  for (const Vec3& flow : axes)
    for (const Vec3& up : axes) {
      if (std::abs(dot(flow, up)) == 1) continue;
      const Frame f = facing(3.0 * flow, 2.0 * up);
      CHECK(f.axes[0] == flow);
      CHECK(f.axes[2] == up);
      CHECK(dot(f.axes[0], cross(f.axes[1], f.axes[2])) == 1);
    }
  const Frame f = oblique();
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) CHECK(dot(f.axes[i], f.axes[j]) == Approx(i == j).margin(1e-15));
  CHECK(dot(f.axes[2], {0.2, 0.1, 1.0}) > 0.9);
  check_near(f.to_file(f.to_model({3, -4, 5})), {3, -4, 5});
  CHECK(Frame{}.identity());
  CHECK_FALSE(f.identity());
}

TEST_CASE("directions that are none are refused") {
  CHECK_THAT(test::message_of([] { facing({0, 0, 0}, {0, 0, 1}); }), ContainsSubstring("is none"));
  CHECK_THAT(test::message_of([] { facing({0, 0, 1}, {0, 0, -2}); }), ContainsSubstring("parallel"));
}

TEST_CASE("a matrix is taken apart in rotation, scale and shift; what is no similarity is refused") {
  const Frame f = oblique();
  std::array<double, 16> m{};
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) m[4 * i + j] = 2.5 * f.axes[i][j];
    m[4 * i + 3] = f.shift[i];
  }
  m[15] = 1;
  const Similarity s = similarity_of(m, "m");
  CHECK(s.scale == Approx(2.5).epsilon(1e-14));
  for (int i = 0; i < 3; ++i) check_near(s.frame.axes[i], f.axes[i]);
  CHECK(s.frame.shift == f.shift);

  auto bad = m;
  for (int j = 0; j < 3; ++j) bad[j] = -bad[j];
  CHECK_THAT(test::message_of([&] { similarity_of(bad, "m"); }), ContainsSubstring("reflection"));
  bad = m;
  for (int j = 0; j < 3; ++j) bad[j] *= 1.01;
  CHECK_THAT(test::message_of([&] { similarity_of(bad, "m"); }), ContainsSubstring("scales its axes differently"));
  bad = m;
  bad[1] += 0.1;
  CHECK_THAT(test::message_of([&] { similarity_of(bad, "m"); }), ContainsSubstring("m: the matrix shears"));
  bad = m;
  bad[12] = 1;
  CHECK_THAT(test::message_of([&] { similarity_of(bad, "m"); }), ContainsSubstring("last row"));
  CHECK_THAT(test::message_of([&] { similarity_of({}, "m"); }), ContainsSubstring("last row"));
}

TEST_CASE("a body that was turned and moved comes to lie on the same bits") {
  SurfaceMesh body = test::sphere_mesh(6, 0.4, {0.5, 0, 0.45});
  for (Vec3& p : body.points)
    for (double& x : p) x = static_cast<float>(x);  // as an STL has it
  const Frame frame = oblique();
  SurfaceMesh there = body;
  for (Vec3& p : there.points) p = frame.to_file(p);
  to_model(frame, there);
  CHECK(there.points == body.points);
}

TEST_CASE("vectors and tensors come back as those of the turned flow") {
  // u = G x in the model's frame; turned, the velocity at R^T x is R^T u and its gradient R^T G R.
  const physics::Jacobian g{{{0.3, -1.2, 0.5}, {2.0, 0.7, -0.4}, {0.1, 0.9, -1.0}}};
  const Frame frame = oblique();
  SurfaceMesh mesh = test::unit_cube();
  const std::size_t n = mesh.face_count();
  Attribute vector{"u", Association::faces, 3, {}}, strain{"s", Association::faces, 6, {}},
      gradient{"g", Association::faces, 9, {}}, scalar{"p", Association::faces, 1, {}};
  const auto u = [&](const Vec3& x) { return Vec3{dot(g[0], x), dot(g[1], x), dot(g[2], x)}; };
  for (std::size_t f = 0; f < n; ++f) {
    for (const double x : u(mesh.centroid(f))) vector.values.push_back(static_cast<float>(x));
    for (const double x : physics::strain_rate(g)) strain.values.push_back(static_cast<float>(x));
    for (const Vec3& row : g)
      for (const double x : row) gradient.values.push_back(static_cast<float>(x));
    scalar.values.push_back(static_cast<float>(f));
  }
  mesh.attributes = {vector, strain, gradient, scalar};
  to_file(frame, mesh);

  // By differences of the turned velocity.
  const auto turned = [&](const Vec3& x) { return frame.vector_to_file(u(frame.to_model(x))); };
  physics::Jacobian expected;
  for (int j = 0; j < 3; ++j) {
    Vec3 step{0, 0, 0};
    step[j] = 0.5;
    const Vec3 d = turned(step) - turned(-1.0 * step);
    for (int i = 0; i < 3; ++i) expected[i][j] = d[i];
  }
  for (std::size_t f = 0; f < n; ++f) {
    const Vec3 v = turned(mesh.centroid(f));
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(mesh.attributes[0].values[3 * f + i] == Approx(v[i]).margin(1e-5));
      for (std::size_t j = 0; j < 3; ++j)
        CHECK(mesh.attributes[2].values[9 * f + 3 * i + j] == Approx(expected[i][j]).margin(1e-5));
    }
    const auto s = physics::strain_rate(expected);
    for (std::size_t i = 0; i < 6; ++i) CHECK(mesh.attributes[1].values[6 * f + i] == Approx(s[i]).margin(1e-5));
  }
  CHECK(mesh.attributes[3].values == scalar.values);
}

TEST_CASE("positions of a larger or smaller world are rounded in proportion") {
  CHECK(step_of(1) == 0x1p-40);
  CHECK(step_of(4) == 0x1p-38);
  CHECK(step_of(4.4) == 0x1p-38);
  CHECK(step_of(0.9) == 0x1p-40);
  CHECK(step_of(0.001) == 0x1p-50);
  Frame small = oblique(), large = small;
  large.shift = 1024.0 * small.shift, large.step = step_of(1024);
  std::vector<Vec3> a = {{0.1, 0.2, 0.3}, {1e-3, -5, 0}}, b = a;
  for (Vec3& p : b) p = 1024.0 * p;
  to_model(small, a), to_model(large, b);
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(b[i] == 1024.0 * a[i]);
}
