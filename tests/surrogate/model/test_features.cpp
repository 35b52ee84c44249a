// What the network sees beside positions, and how a plain model becomes one that sees it.

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <vector>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "surrogate/model/features.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/small_network.hpp"

using namespace streamtube;
using namespace streamtube::surrogate;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

// A roof of two triangles over y = 0, its ridge along x at z = 1.
std::vector<std::array<Vec3, 3>> roof(double scale) {
  const Vec3 a{0, 0, scale}, b{2 * scale, 0, scale}, left{0, scale, 0}, right{0, -scale, 0};
  return {{a, b, left}, {a, right, b}};
}

physics::Normalizer six_metres(double scale = 1) {
  physics::Normalizer n;
  n.position_origin = -1.5 * scale, n.position_extent = 6 * scale;
  return n;
}

AbuptConfig seeing() {
  AbuptConfig c;
  c.normals = c.wall_distance = true;
  return c;
}

}  // namespace

TEST_CASE("a row holds position, distance, direction, its logarithm and height, in the network's units") {
  const std::vector<std::array<Vec3, 3>> floor = {{Vec3{-9, -9, 0}, Vec3{9, -9, 0}, Vec3{0, 9, 0}}};
  const geometry::WallDistance wall(floor);
  const physics::Normalizer normalizer = six_metres();
  const AbuptConfig config = seeing();
  const NetworkInput input(normalizer, config, &wall);
  const std::vector<float> row = input.volume(std::vector<Vec3>{{0.3, 0.6, 0.15}});
  const double unit = 6.0 / 1000, d = 0.15 / unit;
  REQUIRE(row.size() == 9);
  const double expected[9] = {1.8 / unit, 2.1 / unit, 1.65 / unit,           d / 250,          0,
                              0,          1,          std::log1p(4 * d) / 4, 1.65 / unit / 250};
  for (std::size_t i = 0; i < 9; ++i) CHECK_THAT(static_cast<double>(row[i]), WithinAbs(expected[i], 1e-4));
}

TEST_CASE("derivatives of the features are their slopes") {
  const geometry::WallDistance wall(roof(1));
  physics::Normalizer normalizer = six_metres();
  const AbuptConfig config = seeing();
  for (const bool symmetric : {false, true}) {
    normalizer.symmetric = symmetric;
    const NetworkInput input(normalizer, config, &wall);
    // Over a face, over the ridge, beyond its end, on the other side.
    for (const Vec3& p : {Vec3{0.5, 0.5, 1.1}, Vec3{0.5, 0.02, 1.6}, Vec3{2.4, 0.1, 1.3}, Vec3{0.5, -0.7, 0.9}}) {
      const NetworkRows at = input.volume_with_jacobian(std::vector<Vec3>{p});
      REQUIRE(at.values == input.volume(std::vector<Vec3>{p}));
      const double h = 1e-3;  // m
      for (std::size_t axis = 0; axis < 3; ++axis) {
        Vec3 forth = p, back = p;
        forth[axis] += h, back[axis] -= h;
        const std::vector<float> up = input.volume(std::vector<Vec3>{forth}),
                                 down = input.volume(std::vector<Vec3>{back});
        // Along y of the network, which is the other way round beyond the plane of symmetry.
        const double step = double{up[axis]} - double{down[axis]};
        for (std::size_t f = 0; f < 6; ++f) {
          CAPTURE(symmetric, axis, f);
          CHECK_THAT((double{up[3 + f]} - double{down[3 + f]}) / step,
                     WithinAbs(static_cast<double>(at.jacobian[3 * f + axis]), 2e-4));
        }
      }
    }
  }
}

TEST_CASE("both sides of a symmetric flow give the same rows") {
  const geometry::WallDistance wall(roof(1));
  physics::Normalizer normalizer = six_metres();
  normalizer.symmetric = true;
  const AbuptConfig config = seeing();
  const NetworkInput input(normalizer, config, &wall);
  const Vec3 left{0.4, 0.3, 1.2}, right{0.4, -0.3, 1.2};
  const std::vector<float> a = input.volume(std::vector<Vec3>{left}), b = input.volume(std::vector<Vec3>{right});
  for (std::size_t i = 0; i < 9; ++i) CHECK_THAT(a[i], WithinAbs(b[i], 1e-6f));
  CHECK(input.surface(std::vector<Vec3>{left}, std::vector<Vec3>{{0, 0.6, 0.8}}) ==
        input.surface(std::vector<Vec3>{right}, std::vector<Vec3>{{0, -3, 4}}));
}

TEST_CASE("a similar case has the same rows, to the bit for a power of two") {
  const geometry::WallDistance wall(roof(1)), large(roof(4));
  const physics::Normalizer normalizer = six_metres(), world = normalizer.at_scale(4);
  const AbuptConfig config = seeing();
  core::Rng rng(5, "points");
  std::vector<Vec3> points, far;
  for (int i = 0; i < 100; ++i) {
    points.push_back({3 * rng.uniform() - 1, 2 * rng.uniform() - 1, 2 * rng.uniform()});
    far.push_back(4.0 * points.back());
  }
  const NetworkRows a = NetworkInput(normalizer, config, &wall).volume_with_jacobian(points),
                    b = NetworkInput(world, config, &large).volume_with_jacobian(far);
  CHECK(a.values == b.values);
  CHECK(a.jacobian == b.jacobian);
}

TEST_CASE("a plain model taken over answers as before, whatever the condition and the features say") {
  const AbuptConfig plain = test::small_network(64);
  AbuptConfig more = plain;
  more.condition = 2, more.normals = more.wall_distance = true;
  Weights from = test::large_weights(plain);
  core::Rng rng(6, "norms");
  for (auto& [name, tensor] : from)
    if (name.find(".norm") != std::string::npos)
      for (float& x : tensor.values) x += static_cast<float>(0.3 * rng.normal());
  Surrogate before(plain, from, "plain"), after(more, adopt_weights(from, more, "plain"), "more");
  const test::NetworkData data(300, 130, 150);
  const auto widened = [&](const std::vector<float>& positions, int width) {
    std::vector<float> rows;
    for (std::size_t i = 0; i < positions.size(); i += 3) {
      rows.insert(rows.end(), positions.begin() + static_cast<std::ptrdiff_t>(i),
                  positions.begin() + static_cast<std::ptrdiff_t>(i + 3));
      for (int f = 3; f < width; ++f) rows.push_back(static_cast<float>(rng.normal()));
    }
    return rows;
  };
  const std::vector<float> points = widened(data.points, more.point_width()),
                           surface = widened(data.surface, more.width(0)), volume = widened(data.volume, more.width(1));
  before.encode(data.input());
  after.encode({points, data.supernodes, {surface, volume}, data.condition});
  for (const Branch branch : {Branch::surface, Branch::volume})
    CHECK(test::difference(test::copy(after.anchor_output(branch)), test::copy(before.anchor_output(branch))) < 1e-5);
  // Queries too, with their features beside them.
  std::vector<float> out(volume.size() / 9 * 7), expected(out.size());
  after.query(Branch::volume, volume, out), before.query(Branch::volume, data.volume, expected);
  CHECK(test::difference(out, expected) < 1e-5);
}

TEST_CASE("features matter, to anchors and to queries alike") {
  AbuptConfig c = test::small_network(64);
  c.normals = c.wall_distance = true;
  Surrogate model(c, test::large_weights(c), "test");
  const test::NetworkData data(300, 130, 150);
  const auto rows = [](const std::vector<float>& positions, int width, float value) {
    std::vector<float> out;
    for (std::size_t i = 0; i < positions.size(); i += 3) {
      out.insert(out.end(), positions.begin() + static_cast<std::ptrdiff_t>(i),
                 positions.begin() + static_cast<std::ptrdiff_t>(i + 3));
      out.insert(out.end(), static_cast<std::size_t>(width - 3), value);
    }
    return out;
  };
  const auto points = rows(data.points, 6, 0.3f), other_points = rows(data.points, 6, -0.3f),
             surface = rows(data.surface, 6, 0.3f), volume = rows(data.volume, 9, 0.3f),
             other_volume = rows(data.volume, 9, 0.6f);
  model.encode({points, data.supernodes, {surface, volume}, {}});
  const auto first = test::copy(model.anchor_output(Branch::volume));
  std::vector<float> at_anchors(first.size()), elsewhere(first.size());
  model.query(Branch::volume, volume, at_anchors);
  CHECK(test::difference(at_anchors, first) < 1e-5);  // a query on an anchor is that anchor
  model.query(Branch::volume, other_volume, elsewhere);
  CHECK(test::difference(elsewhere, first) > 1e-3);
  model.encode({other_points, data.supernodes, {surface, volume}, {}});
  CHECK(test::difference(test::copy(model.anchor_output(Branch::volume)), first) > 1e-4);
}

TEST_CASE("weights that do not fit are named") {
  const AbuptConfig plain = test::small_network(64);
  AbuptConfig other = plain;
  other.decoder_blocks[0] = 2;
  const Weights from = random_weights(plain, 1);
  CHECK_THAT(test::message_of([&] { adopt_weights(from, other, "'m.h5'"); }),
             ContainsSubstring("'m.h5'") && ContainsSubstring("decoder_blocks.surface.1"));
  other = plain;
  other.hidden = 32;
  CHECK_THAT(test::message_of([&] { adopt_weights(from, other, "'m.h5'"); }), ContainsSubstring("another shape"));
  other = plain;
  other.decoder_blocks[1] = 1;
  CHECK_THAT(test::message_of([&] { adopt_weights(from, other, "'m.h5'"); }), ContainsSubstring("has no place"));
}
