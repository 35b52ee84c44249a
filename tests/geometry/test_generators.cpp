#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <map>
#include <numbers>

#include "geometry/generators.hpp"
#include "geometry/surface_report.hpp"
#include "tests/support/message_of.hpp"

using namespace streamtube;
using Catch::Approx;
using geometry::GeneratedBody;

namespace {

void check_sound(const GeneratedBody& body) {
  const auto report = geometry::report(body.mesh, true);
  CHECK(report.watertight);
  CHECK(report.outward);
  CHECK(report.components == 1);
  CHECK(report.degenerate_faces == 0);
  CHECK(report.duplicate_faces == 0);
  CHECK(report.self_intersections == 0);
  // 4 sqrt(3) area / sum of squared edges: 1 for an equilateral triangle.
  double worst = 1;
  for (std::size_t f = 0; f < body.mesh.face_count(); ++f) {
    double squares = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const Vec3 edge = body.mesh.corner(f, (i + 1) % 3) - body.mesh.corner(f, i);
      squares += dot(edge, edge);
    }
    worst = std::min(worst, 4 * std::sqrt(3.0) * norm(body.mesh.area_vector(f)) / squares);
  }
  CHECK(worst > 0.25);
  // Every point has its mirror image.
  auto points = body.mesh.points, images = points;
  for (Vec3& p : images) p[1] = -p[1] + 0.0;
  for (Vec3& p : points) p[1] = p[1] + 0.0;
  std::sort(points.begin(), points.end());
  std::sort(images.begin(), images.end());
  CHECK(points == images);
  for (const auto& edge : body.features.edges) CHECK(edge[0] != edge[1]);
}

// Of the rounded front: a box of the nose's depth without its four rounded edges, mitred in the corners.
double nose_volume(double width, double height, double r) {
  double volume = 0;
  const int n = 200000;
  for (int i = 0; i < n; ++i) {
    const double x = (i + 0.5) * r / n, inset = r - std::sqrt(r * r - (r - x) * (r - x));
    volume += (width - 2 * inset) * (height - 2 * inset) * r / n;
  }
  return volume;
}

}  // namespace

TEST_CASE("Ahmed bodies: closed, of the analytic volume, with the slant asked for", "[generators]") {
  for (const double angle : {0.0, 3.0, 12.5, 25.0, 40.0}) {
    CAPTURE(angle);
    geometry::AhmedShape shape;
    shape.slant_angle = angle;
    const auto body = geometry::ahmed_body(shape);
    check_sound(body);
    const double radians = angle * std::numbers::pi / 180;
    const double cut =
        0.5 * shape.slant_length * std::cos(radians) * shape.slant_length * std::sin(radians) * shape.width;
    const double volume = nose_volume(shape.width, shape.height, shape.nose_radius) +
                          (shape.length - shape.nose_radius) * shape.width * shape.height - cut;
    // The rounding is made of chords inside of the circle.
    CHECK(geometry::report(body.mesh).volume == Approx(volume).epsilon(1e-3));
    const Box box = body.mesh.bounds();
    CHECK(box.low[0] == 0);
    CHECK(box.high[0] == Approx(shape.length));
    CHECK(box.low[2] == Approx(shape.clearance));
    CHECK(box.size()[1] == Approx(shape.width));
    // Area that faces up and back at the slant's angle.
    double slant = 0;
    for (std::size_t f = 0; f < body.mesh.face_count(); ++f) {
      const Vec3 a = body.mesh.area_vector(f);
      const double tilt = std::atan2(a[0], a[2]);
      if (a[2] > 0 && body.mesh.centroid(f)[0] > shape.length - shape.slant_length * std::cos(radians) &&
          std::abs(a[1]) < 1e-12 && std::abs(tilt - radians) < 1e-6)
        slant += norm(a);
    }
    CHECK(slant == Approx(shape.slant_length * shape.width).epsilon(1e-6));
    // The slant's upper edge is an edge to keep when it is sharp enough.
    const double start = shape.length - shape.slant_length * std::cos(radians);
    const auto across = std::count_if(body.features.edges.begin(), body.features.edges.end(), [&](const auto& e) {
      const Vec3 &a = body.features.points[e[0]], &b = body.features.points[e[1]];
      return a[0] == b[0] && std::abs(a[0] - start) < 1e-9 && a[2] == b[2] && a[1] != b[1];
    });
    CHECK((across > 0) == (angle > 4));
  }
}

TEST_CASE("box cars: closed, of the volume of their side view", "[generators]") {
  for (const char* family : {"notchback", "fastback", "van"}) {
    CAPTURE(family);
    const std::map<std::string, double> values = {{"diffuser_angle", 8}, {"nose_radius", 0.05}};
    const auto body = geometry::generate_body(family, values);
    check_sound(body);
    const geometry::BoxCarShape p;
    const bool van = std::string(family) == "van", notch = std::string(family) == "notchback";
    const double rad = std::numbers::pi / 180;
    const double windscreen = (p.height - p.hood_height) / std::tan(p.windscreen_angle * rad);
    const double drop = van ? 0 : (p.height - p.trunk_height) / std::tan(p.backlight_angle * rad);
    const double deck = notch ? p.trunk_length : 0;
    const double roof = p.length - p.hood_length - windscreen - drop - deck;
    double side = (p.hood_length - 0.05) * p.hood_height + windscreen * (p.hood_height + p.height) / 2 +
                  roof * p.height + drop * (p.height + p.trunk_height) / 2 + deck * p.trunk_height;
    side -= 0.5 * p.diffuser_length * p.diffuser_length * std::tan(8 * rad);
    CHECK(geometry::report(body.mesh).volume ==
          Approx(nose_volume(p.width, p.hood_height, 0.05) + side * p.width).epsilon(1e-3));
    CHECK(body.mesh.bounds().size()[2] == Approx(p.height));
  }
}

TEST_CASE("shapes that cannot be, unknown families and parameters", "[generators]") {
  using test::message_of;
  CHECK(message_of([] {
          geometry::generate_body("ahmed", {{"nose_radius", 0.2}});
        }) == "ahmed: nose_radius = 0.2 is not between 0 and 0.144 (half the height and width)");
  CHECK(message_of([] {
          geometry::generate_body("ahmed", {{"slant_length", 2}});
        }).find("slant_length = 2") != std::string::npos);
  CHECK(message_of([] {
          geometry::generate_body("ahmed", {{"length", std::nan("")}});
        }).find("length = nan") != std::string::npos);
  CHECK(message_of([] {
          geometry::generate_body("notchback", {{"windscreen_angle", 10}});
        }).find("the length of the roof") != std::string::npos);
  for (const char* family : {"ahmed", "van"})
    for (const double triangle : {1e-9, 0.1, 0.0})
      CHECK(message_of([&] {
              geometry::generate_body(family, {}, triangle);
            }).find("(20 million triangles, a quarter of the width)") != std::string::npos);
  CHECK(message_of([] {
          geometry::generate_body("ahmed", {{"lenght", 1}});
        }) == "the family 'ahmed' has no parameter 'lenght'");
  CHECK(message_of([] {
          geometry::generate_body("van", {{"trunk_length", 1}});
        }) == "the family 'van' has no parameter 'trunk_length'");
  CHECK(message_of([] { geometry::generate_body("submarine", {}); }) == "there is no family of bodies 'submarine'");
}
