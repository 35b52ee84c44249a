// Decoders and derivatives on a network with random weights, against differences of the fields themselves.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cmath>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "physics/derivatives.hpp"
#include "surrogate/model/field_predictor.hpp"
#include "tests/support/tiny_model.hpp"

using namespace streamtube;
using namespace streamtube::surrogate;
using physics::Decoder;
using physics::Jacobian;

namespace {

constexpr std::size_t kWidth = 7, kVelocity = 1, kVorticity = 4;  // pressure, velocity, vorticity

// An encoded network, and places of the volume on both sides of y = 0.
struct Setting {
  physics::Normalizer normalizer;
  Surrogate network;
  std::vector<Vec3> places;

  explicit Setting(const Checkpoint& model = test::tiny_model())
      : normalizer(model.normalizer), network(model.config, model.weights, "test") {
    core::Rng rng(3, "places");
    const auto draw = [&](std::size_t n) {
      std::vector<float> x(3 * n);
      for (float& v : x) v = static_cast<float>(250 + 200 * rng.uniform());
      return x;
    };
    const auto points = draw(200), surface = draw(40), volume = draw(50);
    std::vector<std::int64_t> supernodes;
    for (int i = 0; i < 200; i += 5) supernodes.push_back(i);
    EncodeInput input;
    input.points = points, input.supernodes = supernodes, input.anchors[0] = surface, input.anchors[1] = volume;
    network.encode(input);
    for (int i = 0; i < 37; ++i)
      places.push_back({1.5 * rng.uniform(), 0.2 + 0.6 * rng.uniform(), 0.1 + 0.8 * rng.uniform()});
    for (std::size_t i = 0; i < places.size(); i += 2) places[i][1] *= -1;
  }

  void decoders(Decoder velocity, Decoder vorticity) {
    auto& volume = normalizer[Branch::volume];
    volume.fields[1].decoder = velocity, volume.fields[2].decoder = vorticity;
    if (velocity == Decoder::potential) volume.std[1] = volume.std[2] = volume.std[3] = 0.3;
    normalizer.check("test");
  }

  NetworkAnswer ask(const std::vector<Vec3>& at, bool gradient, double length = 1.3) {
    const FieldPredictor predictor(normalizer, length);
    std::vector<float> positions(3 * at.size());
    normalizer.normalize_positions(at.data(), at.size(), positions.data());
    NetworkAnswer answer;
    predictor.query(network, Branch::volume, positions, gradient, answer);
    predictor.decode(Branch::volume, at, answer);
    return answer;
  }

  // Dimensionless velocities' Jacobian by differences of `ask` over +-step metres.
  std::vector<double> differences(double step) {
    std::vector<double> out(9 * places.size());
    for (std::size_t axis = 0; axis < 3; ++axis) {
      auto forth = places, back = places;
      for (auto& x : forth) x[axis] += step;
      for (auto& x : back) x[axis] -= step;
      const auto up = ask(forth, false).values, down = ask(back, false).values;
      for (std::size_t i = 0; i < places.size(); ++i)
        for (std::size_t c = 0; c < 3; ++c)
          out[9 * i + 3 * c + axis] =
              (double{up[kWidth * i + kVelocity + c]} - down[kWidth * i + kVelocity + c]) / (2 * step);
    }
    return out;
  }
};

template <class A, class B>
double relative(const A& a, const B& b) {
  REQUIRE(a.size() == b.size());
  double d = 0, n = 0;
  for (std::size_t i = 0; i < a.size(); ++i) d += std::pow(a[i] - b[i], 2), n += std::pow(b[i], 2);
  REQUIRE(n > 0);
  return std::sqrt(d / n);
}

Jacobian jacobian(const NetworkAnswer& answer, std::size_t i) {
  Jacobian j;
  for (std::size_t c = 0; c < 9; ++c) j[c / 3][c % 3] = answer.velocity_gradient[9 * i + c];
  return j;
}

// One field's columns.
std::vector<float> columns(const NetworkAnswer& answer, std::size_t first, std::size_t count) {
  std::vector<float> out;
  for (std::size_t i = 0; i < answer.values.size(); i += kWidth)
    out.insert(out.end(), &answer.values[i + first], &answer.values[i + first] + count);
  return out;
}

}  // namespace

TEST_CASE("direct fields: the normaliser's and nothing else, and no derivatives") {
  Setting s;
  s.normalizer.symmetric = true;
  CHECK_FALSE(FieldPredictor(s.normalizer, 1).differentiates(Branch::volume));
  const NetworkAnswer answer = s.ask(s.places, false);
  CHECK(answer.velocity_gradient.empty());
  std::vector<float> positions(3 * s.places.size()), expected(kWidth * s.places.size());
  s.normalizer.normalize_positions(s.places.data(), s.places.size(), positions.data());
  s.network.query(Branch::volume, positions, expected);
  s.normalizer.to_dimensionless(Branch::volume, expected.data(), s.places.size());
  s.normalizer.restore_side(Branch::volume, expected.data(), s.places.data(), s.places.size());
  CHECK(answer.values == expected);
}

TEST_CASE("the velocity's gradient is that of the dimensionless velocity per metre, on both sides") {
  for (const bool symmetric : {false, true}) {
    for (const Decoder decoder : {Decoder::direct, Decoder::potential}) {
      CAPTURE(symmetric, physics::name(decoder));
      Setting s;
      s.normalizer.symmetric = symmetric;
      s.decoders(decoder, Decoder::direct);
      const NetworkAnswer answer = s.ask(s.places, true);
      CHECK(relative(answer.velocity_gradient, s.differences(3e-4)) < 0.01);
      CHECK(relative(answer.values, s.ask(s.places, false).values) < 1e-5);
    }
  }
  Setting s;
  s.normalizer[Branch::volume].fields[1].transform = physics::Transform::signed_log;
  CHECK(relative(s.ask(s.places, true).velocity_gradient, s.differences(3e-4)) < 0.01);
}

TEST_CASE("vorticity as a curl: the reference length times that of the velocity; the other fields stay") {
  for (const bool symmetric : {false, true}) {
    Setting s;
    s.normalizer.symmetric = symmetric;
    const NetworkAnswer direct = s.ask(s.places, true);
    s.decoders(Decoder::direct, Decoder::curl);
    CHECK(FieldPredictor(s.normalizer, 1).differentiates(Branch::volume));
    CHECK_FALSE(FieldPredictor(s.normalizer, 1).differentiates(Branch::surface));
    const NetworkAnswer curl = s.ask(s.places, false, 1.3);
    CHECK(columns(curl, 0, 4) == columns(direct, 0, 4));
    CHECK(relative(columns(curl, kVorticity, 3), columns(direct, kVorticity, 3)) > 0.1);
    std::vector<double> expected;
    for (std::size_t i = 0; i < s.places.size(); ++i)
      for (const double w : physics::curl(jacobian(direct, i))) expected.push_back(1.3 * w);
    CHECK(relative(columns(curl, kVorticity, 3), expected) < 1e-6);
    CHECK(relative(columns(s.ask(s.places, false, 2.6), kVorticity, 3), columns(curl, kVorticity, 3)) > 0.99);
  }
}

TEST_CASE("a velocity of a potential is mean + std * 100 curl A, and has no divergence") {
  Setting s;
  // A, the outputs as they are, in network units.
  std::vector<float> at(3 * s.places.size());
  s.normalizer.normalize_positions(s.places.data(), s.places.size(), at.data());
  constexpr float h = 0.05f;
  std::vector<Jacobian> slopes(s.places.size());
  for (std::size_t axis = 0; axis < 3; ++axis) {
    auto forth = at, back = at;
    for (std::size_t i = axis; i < at.size(); i += 3) forth[i] += h, back[i] -= h;
    std::vector<float> up(kWidth * s.places.size()), down(up.size());
    s.network.query(Branch::volume, forth, up), s.network.query(Branch::volume, back, down);
    for (std::size_t i = 0; i < slopes.size(); ++i)
      for (std::size_t c = 0; c < 3; ++c)
        slopes[i][c][axis] =
            (up[kWidth * i + 1 + c] - down[kWidth * i + 1 + c]) / (forth[3 * i + axis] - back[3 * i + axis]);
  }
  const NetworkAnswer direct = s.ask(s.places, false);
  s.decoders(Decoder::potential, Decoder::curl);
  const NetworkAnswer answer = s.ask(s.places, false, 1.3);
  std::vector<double> expected;
  const auto& statistics = s.normalizer[Branch::volume];
  for (const Jacobian& j : slopes) {
    const Vec3 u = physics::curl(j);
    for (std::size_t c = 0; c < 3; ++c) expected.push_back(statistics.mean[1 + c] + statistics.std[1 + c] * 100 * u[c]);
  }
  CHECK(relative(columns(answer, kVelocity, 3), expected) < 0.005);
  CHECK(relative(columns(answer, 0, 1), columns(direct, 0, 1)) < 1e-5);
  double divergence = 0, all = 0;
  std::vector<double> vorticity;
  for (std::size_t i = 0; i < s.places.size(); ++i) {
    const Jacobian j = jacobian(answer, i);
    divergence += std::pow(physics::divergence(j), 2);
    for (const Vec3& row : j) all += dot(row, row);
    for (const double w : physics::curl(j)) vorticity.push_back(1.3 * w);
  }
  CHECK(std::sqrt(divergence / all) < 0.01);
  CHECK(relative(columns(answer, kVorticity, 3), vorticity) < 1e-6);
}

TEST_CASE("answers may be averaged before they are decoded, and do not depend on chunks") {
  Setting s;
  for (const Decoder velocity : {Decoder::direct, Decoder::potential}) {
    s.decoders(velocity, Decoder::curl);
    s.network.set_query_chunk(16384);
    const NetworkAnswer whole = s.ask(s.places, true);
    s.network.set_query_chunk(20);  // five rows with derivatives at a time
    const NetworkAnswer parts = s.ask(s.places, true);
    CHECK(relative(parts.values, whole.values) < 1e-3);
    CHECK(relative(parts.velocity_gradient, whole.velocity_gradient) < 1e-2);
  }
  const FieldPredictor predictor(s.normalizer, 1.0);
  std::vector<float> positions(3 * s.places.size());
  s.normalizer.normalize_positions(s.places.data(), s.places.size(), positions.data());
  NetworkAnswer one;
  predictor.query(s.network, Branch::volume, positions, false, one);
  NetworkAnswer twice = one;
  for (auto* values : {&twice.values, &twice.velocity_gradient})
    for (float& v : *values) v = 0.5f * v + 0.5f * v;
  predictor.decode(Branch::volume, s.places, one), predictor.decode(Branch::volume, s.places, twice);
  CHECK(one.values == twice.values);
}

TEST_CASE("what has no velocity has no gradient") {
  Setting s;
  const FieldPredictor predictor(s.normalizer, 1.0);
  const std::vector<float> positions(3, 300.0f);
  NetworkAnswer answer;
  CHECK_THROWS_AS(predictor.query(s.network, Branch::surface, positions, true, answer), core::Error);
}
