#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <limits>

#include "core/error.hpp"
#include "solver/model_world.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/tiny_model.hpp"

using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using solver::automatic_scale;
using test::message_of;

TEST_CASE("bodies within the model's lengths are taken as they are, others as long as the middle of them") {
  const auto model = test::tiny_model();  // 0.5..1.5 m, tolerance 0.01
  for (const double length : {0.495, 0.5, 1.0, 1.505}) {
    CHECK(automatic_scale(model, length, "b").factor == 1);
    CHECK(automatic_scale(model, length, "b").why.empty());
  }
  for (const double length : {1e-3, 0.48, 1.6, 4.6, 1e3}) {
    const auto scale = automatic_scale(model, length, "b");
    CHECK(scale.factor == Approx(length));  // the middle is 1 m
    CHECK_THAT(scale.why, ContainsSubstring("0.5..1.5 m"));
  }
  CHECK_THAT(to_text(automatic_scale(model, 4, "b"), 4), ContainsSubstring("4 m long") &&
                                                             ContainsSubstring("0.25 times as large, 1 m long") &&
                                                             ContainsSubstring("the model's bodies"));
  auto any = model;
  any.training_range.clear();
  CHECK(automatic_scale(any, 4.6, "b").factor == 1);
}

TEST_CASE("a canonical length is that of every body") {
  auto model = test::tiny_model();
  model.canonical_length = 0.8;
  CHECK(automatic_scale(model, 0.8, "b").factor == 1);
  CHECK(automatic_scale(model, 1.0, "b").factor == Approx(1.25));
  CHECK_THAT(automatic_scale(model, 1.0, "b").why, ContainsSubstring("every body 0.8 m long"));
  for (const double length :
       {0.0, -1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
    CHECK_THAT(message_of([&] { automatic_scale(model, length, "'a.stl'"); }),
               ContainsSubstring("'a.stl': the body is") && ContainsSubstring("long along the flow"));
}

TEST_CASE("positions are known in the domains and where the network's run") {
  auto model = test::tiny_model();  // extent -1..3, z of the domain 0..1
  Box known = solver::known_positions(model);
  CHECK(known.low == Vec3{-1, -1, -1});
  CHECK(known.high == Vec3{3, 3, 3});
  model.domain.high[0] = 7, model.sampling.volume_mesh.domain.low[2] = -2;
  known = solver::known_positions(model);
  CHECK(known.low == Vec3{-1, -1, -2});
  CHECK(known.high == Vec3{7, 3, 3});
}

TEST_CASE("the network is told the Reynolds number and what is given by name, in its own order") {
  auto model = test::tiny_model();
  model.conditions = {{"yaw", "deg", false, 2, 4, -10, 10}, {"reynolds_number", "-", true, 6, 0.5, 1e5, 1e7}};
  const auto told = surrogate::network_conditions(model.conditions, 1e6, {{"yaw", 4.0}, {"other", 1.0}}, "x");
  REQUIRE(told.size() == 2);
  CHECK(told[0] == Approx(0.5));
  CHECK(told[1] == Approx(0).margin(1e-6));
  model.conditions.push_back({"pitch", "deg", false, 0, 1, -1, 1});
  try {
    surrogate::network_conditions(model.conditions, 1e6, {}, "'a.stl'");
    FAIL("no error");
  } catch (const core::Error& error) {
    CHECK(error.kind() == core::ErrorKind::usage);
    CHECK_THAT(error.message(), ContainsSubstring("'a.stl': the model is conditioned on yaw (deg), pitch (deg)"));
  }
}
