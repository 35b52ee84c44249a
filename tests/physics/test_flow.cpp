#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <limits>

#include "core/error.hpp"
#include "physics/flow.hpp"

using namespace streamtube;
using Catch::Matchers::WithinRel;

TEST_CASE("Reynolds number and dynamic pressure") {
  CHECK_THAT(physics::reynolds_number({40, 1.225, 1.5e-5}, 1.044), WithinRel(2.784e6, 1e-12));
  physics::ReferenceScales scales;
  scales.velocity = 40;
  scales.density = 1.2;
  CHECK_THAT(scales.dynamic_pressure(), WithinRel(960.0, 1e-14));
}

TEST_CASE("a flow must be positive and finite, and the option is named") {
  CHECK_NOTHROW(physics::check({40, 1.225, 1.5e-5}));
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  for (const double bad : {0.0, -1.0, nan, inf})
    for (int which = 0; which < 3; ++which) {
      physics::Flow flow{40, 1.225, 1.5e-5};
      (which == 0 ? flow.velocity : which == 1 ? flow.density : flow.kinematic_viscosity) = bad;
      const char* option = which == 0 ? "--velocity" : which == 1 ? "--density" : "--viscosity";
      try {
        physics::check(flow);
        FAIL(option << " " << bad << " was accepted");
      } catch (const core::Error& error) {
        CHECK(error.kind() == core::ErrorKind::usage);
        CHECK(error.message().find(option) == 0);
      }
    }
}
