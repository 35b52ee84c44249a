#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "physics/fields.hpp"

using namespace streamtube;
using namespace streamtube::physics;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

Normalizer example() {
  Normalizer normalizer;
  normalizer.position_origin = -1.5;
  normalizer.position_extent = 6;
  normalizer[Branch::surface] = {
      {{"pressure", "Cp", 1, Scale::dynamic_pressure, Transform::none, "Pa"}}, {-0.2}, {0.3}};
  normalizer[Branch::volume] = {
      {{"pressure", "Cp", 1, Scale::dynamic_pressure, Transform::none, "Pa"},
       {"vorticity", "vorticity_dimensionless", 3, Scale::velocity_over_length, Transform::signed_log, "1/s"}},
      {0.1, 0.5, -0.25, 0},
      {2, 1.5, 3, 0.5}};
  return normalizer;
}

}  // namespace

TEST_CASE("positions map the box to 0..1000, rounded once") {
  const Normalizer normalizer = example();
  const Vec3 xyz[3] = {{-1.5, 4.5, 1.5}, {0.1, 0.2, 0.3}, {1.0 / 3, -7, 1e-9}};
  float out[9];
  normalizer.normalize_positions(xyz, 3, out);
  CHECK(out[0] == 0);
  CHECK(out[1] == 1000);
  CHECK(out[2] == 500);
  for (int i = 3; i < 9; ++i) CHECK(out[i] == float((xyz[i / 3][i % 3] + 1.5) / 6 * 1000));
}

TEST_CASE("network values become dimensionless ones: deviation, mean, then the signed log undone") {
  const Normalizer normalizer = example();
  float values[8] = {1, 1, -1, 0, -2, -1, 0.5f, 2};
  normalizer.to_dimensionless(Branch::volume, values, 2);
  auto unsquash = [](double w) { return (w < 0 ? -1 : 1) * (std::exp(std::abs(w)) - 1); };
  const double expected[8] = {2.1, unsquash(2), unsquash(-3.25), 0, -3.9, unsquash(-1), unsquash(1.25), unsquash(1)};
  for (int i = 0; i < 8; ++i) CHECK_THAT(values[i], WithinAbs(expected[i], 2e-6 * std::abs(expected[i])));
}

TEST_CASE("to_network undoes to_dimensionless") {
  const Normalizer normalizer = example();
  float values[40], back[40];
  for (int i = 0; i < 40; ++i) values[i] = back[i] = float(std::sin(i * 1.7) * 2);
  normalizer.to_dimensionless(Branch::volume, back, 10);
  normalizer.to_network(Branch::volume, back, 10);
  for (int i = 0; i < 40; ++i) CHECK_THAT(back[i], WithinAbs(values[i], 3e-6));
}

TEST_CASE("a dimensionless unit in SI") {
  ReferenceScales scales;
  scales.velocity = 30;
  scales.density = 2;
  scales.length = 1.5;
  FieldSpec field;
  field.scale = Scale::dynamic_pressure;
  CHECK(si_unit(field, scales) == 900);
  field.scale = Scale::velocity;
  CHECK(si_unit(field, scales) == 30);
  field.scale = Scale::velocity_over_length;
  CHECK(si_unit(field, scales) == 20);
}

TEST_CASE("check names the file and what is wrong") {
  CHECK_NOTHROW(example().check("m.h5"));
  auto message = [](auto&& damage) -> std::string {
    Normalizer normalizer = example();
    damage(normalizer);
    try {
      normalizer.check("m.h5");
    } catch (const core::Error& error) {
      CHECK(error.kind() == core::ErrorKind::input);
      CHECK(error.message().find("m.h5: ") == 0);
      return error.message();
    }
    return "";
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  auto contains = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  CHECK(contains(message([&](Normalizer& n) { n.position_extent = 0; }), "extent"));
  CHECK(contains(message([&](Normalizer& n) { n.position_extent = nan; }), "extent"));
  CHECK(contains(message([&](Normalizer& n) { n.position_origin = nan; }), "origin"));
  CHECK(contains(message([&](Normalizer& n) { n[Branch::volume].mean.pop_back(); }), "volume fields have 4"));
  CHECK(contains(message([&](Normalizer& n) { n[Branch::surface].std.push_back(1); }), "surface fields have 1"));
  CHECK(contains(message([&](Normalizer& n) { n[Branch::volume].std[2] = 0; }), "deviation of volume vorticity is 0"));
  CHECK(contains(message([&](Normalizer& n) { n[Branch::volume].std[0] = -1; }), "deviation of volume pressure"));
  CHECK(contains(message([&](Normalizer& n) { n[Branch::surface].mean[0] = nan; }), "mean of surface pressure"));
  CHECK(contains(message([&](Normalizer& n) { n[Branch::surface].fields[0].components = -1; }), "-1 components"));
}

TEST_CASE("a symmetric normaliser reflects positions and restores the sides of vectors") {
  Normalizer n;
  n.position_extent = 1000;
  n.branch[1].fields = {{"pressure", "Cp", 1, Scale::dynamic_pressure, Transform::none, "Pa"},
                        {"velocity", "u", 3, Scale::velocity, Transform::none, "m/s"},
                        {"vorticity", "w", 3, Scale::velocity_over_length, Transform::signed_log, "1/s"}};
  const streamtube::Vec3 xyz[2] = {{1, -2, 3}, {1, 2, 3}};
  float at[6];
  n.normalize_positions(xyz, 2, at);
  CHECK(at[1] == -2);
  n.symmetric = true;
  n.normalize_positions(xyz, 2, at);
  CHECK(at[1] == 2);
  CHECK(at[4] == 2);
  float values[14] = {1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7};
  n.restore_side(streamtube::physics::Branch::volume, values, xyz, 2);
  const float expected[14] = {1, 2, -3, 4, -5, 6, -7, 1, 2, 3, 4, 5, 6, 7};
  for (int i = 0; i < 14; ++i) CHECK(values[i] == expected[i]);
}

namespace {

// Two fields with everything a derivative has to pass: deviations, a mean, the signed log.
Normalizer flow(bool symmetric) {
  Normalizer n = example();
  n.symmetric = symmetric;
  n[Branch::volume] = {{{"pressure", "Cp", 1, Scale::dynamic_pressure, Transform::none, "Pa"},
                        {"velocity", "u", 3, Scale::velocity, Transform::none, "m/s"},
                        {"vorticity", "w", 3, Scale::velocity_over_length, Transform::signed_log, "1/s"}},
                       {0.1, 0.9, 0, 0.1, 0.3, -0.2, 0},
                       {2, 0.3, 0.2, 0.25, 0.5, 1.5, 0.7}};
  return n;
}

// Some smooth network of positions in network units.
void network(const float* at, double* out) {
  for (int c = 0; c < 7; ++c) out[c] = std::sin(0.004 * at[0] + 0.3 * c) * std::cos(0.006 * at[1]) + 0.001 * c * at[2];
}
double slope(const float* at, int c, int axis) {
  const double a = 0.004 * at[0] + 0.3 * c, b = 0.006 * at[1];
  return axis == 0 ? 0.004 * std::cos(a) * std::cos(b) : axis == 1 ? -0.006 * std::sin(a) * std::sin(b) : 0.001 * c;
}

}  // namespace

TEST_CASE("derivatives: deviation, extent and the slope of the signed log, on both sides of a symmetry plane") {
  for (const bool symmetric : {false, true}) {
    const Normalizer n = flow(symmetric);
    const Vec3 places[3] = {{1, 0.5, 0.7}, {0.2, -0.8, 0.3}, {2, -0.1, 1.5}};
    const auto field_at = [&](const Vec3& x, float* values) {  // all components, dimensionless
      float at[3];
      double out[7];
      n.normalize_positions(&x, 1, at);
      network(at, out);
      for (int c = 0; c < 7; ++c) values[c] = static_cast<float>(out[c]);
      n.to_dimensionless(Branch::volume, values, 1);
      n.restore_side(Branch::volume, values, &x, 1);
    };
    for (const Vec3& x : places) {
      float at[3], values[7];
      double out[7];
      n.normalize_positions(&x, 1, at);
      network(at, out);
      for (int c = 0; c < 7; ++c) values[c] = static_cast<float>(out[c]);
      int first = 0;
      for (std::size_t f = 0; f < 3; ++f) {
        const int components = n[Branch::volume].fields[f].components;
        std::vector<float> gradient;
        for (int c = 0; c < components; ++c)
          for (int a = 0; a < 3; ++a) gradient.push_back(static_cast<float>(slope(at, first + c, a)));
        n.gradient_to_dimensionless(Branch::volume, f, values, gradient.data(), 1);
        n.restore_gradient_side(Branch::volume, f, gradient.data(), &x, 1);
        constexpr double h = 2e-3;
        for (int a = 0; a < 3; ++a) {
          Vec3 forth = x, back = x;
          forth[a] += h, back[a] -= h;
          float up[7], down[7];
          field_at(forth, up), field_at(back, down);
          for (int c = 0; c < components; ++c) {
            const double expected = (up[first + c] - down[first + c]) / (2 * h);
            CHECK_THAT(gradient[static_cast<std::size_t>(3 * c + a)],
                       WithinAbs(expected, 2e-3 + 1e-3 * std::abs(expected)));
          }
        }
        first += components;
      }
    }
  }
}

TEST_CASE("decoders: names, and which field may have which") {
  for (const Decoder one : {Decoder::direct, Decoder::curl, Decoder::potential}) {
    Decoder back{};
    CHECK(parse(name(one), back));
    CHECK(back == one);
  }
  Decoder unchanged = Decoder::curl;
  CHECK_FALSE(parse("rotor", unchanged));
  CHECK(unchanged == Decoder::curl);

  const auto message = [](auto&& change) -> std::string {
    Normalizer n = flow(false);
    change(n[Branch::volume]);
    try {
      n.check("m.h5");
    } catch (const core::Error& error) {
      CHECK(error.kind() == core::ErrorKind::input);
      CHECK(error.message().find("m.h5: ") == 0);
      return error.message();
    }
    return "";
  };
  using Part = Normalizer::BranchStatistics;
  const auto contains = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  CHECK(message([](Part& p) { p.fields[2].decoder = Decoder::curl; }).empty());
  CHECK(contains(message([](Part& p) { p.fields[0].decoder = Decoder::curl; }), "'pressure' has the decoder 'curl'"));
  CHECK(contains(message([](Part& p) { p.fields[1].decoder = Decoder::curl; }), "only a vorticity"));
  CHECK(contains(message([](Part& p) { p.fields[2].decoder = Decoder::curl, p.fields[1].name = "speed"; }),
                 "no velocity"));
  CHECK(contains(message([](Part& p) { p.fields[2].decoder = Decoder::curl, p.fields[2].scale = Scale::velocity; }),
                 "scale velocity_over_length"));
  const auto potential = [](Part& p) {
    p.fields[1].decoder = Decoder::potential;
    p.std[1] = p.std[2] = p.std[3] = 0.3;
  };
  CHECK(message(potential).empty());
  CHECK(message([&](Part& p) { potential(p), p.fields[2].decoder = Decoder::curl; }).empty());
  CHECK(contains(message([&](Part& p) { potential(p), p.std[3] = 0.31; }),
                 "deviations of volume velocity are 0.3, 0.3, 0.31"));
  CHECK(contains(message([](Part& p) { p.fields[2].decoder = Decoder::potential; }), "only a velocity"));
  CHECK(
      contains(message([&](Part& p) { potential(p), p.fields[1].transform = Transform::signed_log; }), "no transform"));

  Normalizer n = flow(false);
  n.set_vorticity_decoder(Decoder::curl, "m.h5");
  CHECK(n[Branch::volume].fields[2].decoder == Decoder::curl);
  n.set_vorticity_decoder(Decoder::direct, "m.h5");
  CHECK(n[Branch::volume].fields[2].decoder == Decoder::direct);
  n[Branch::volume].fields[2].name = "helicity";
  CHECK_THROWS_AS(n.set_vorticity_decoder(Decoder::curl, "m.h5"), core::Error);
}

TEST_CASE("a field is found by name and number of components") {
  const auto fields = flow(false)[Branch::volume].fields;
  const FieldAt vorticity = find_field(fields, "vorticity", 3);
  REQUIRE(vorticity.spec == &fields[2]);
  CHECK(vorticity.index == 2);
  CHECK(vorticity.first == 4);
  CHECK_FALSE(find_field(fields, "vorticity", 1).spec);
  CHECK_FALSE(find_field(fields, "temperature", 1).spec);
}
