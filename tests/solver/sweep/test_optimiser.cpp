#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/error.hpp"
#include "solver/sweep/optimiser.hpp"

using namespace streamtube;
using namespace streamtube::solver;
using Catch::Approx;

namespace {

SweepPlan plan_of(const std::string& algorithm, std::size_t evaluations) {
  SweepPlan plan;
  plan.source = "test";
  plan.parameters = {{"a", "", -2, 2, 0, {}}, {"fixed", "", 3, 3, 3, {}}, {"b", "", -1, 5, 0, {}}};
  plan.objective.emplace();
  plan.objective->algorithm = algorithm, plan.objective->evaluations = evaluations;
  plan.objective->tolerance = 1e-4;
  return plan;
}

}  // namespace

TEST_CASE("a bowl is minimised, inside of bounds and constraints") {
  if (!has_optimiser()) SKIP("built without NLopt");
  for (const std::string algorithm : {"auto", "cobyla", "bobyqa", "isres", "direct"}) {
    std::vector<double> best;
    double least = 1e9;
    std::size_t calls = 0;
    const auto optimum = optimise(plan_of(algorithm, 400), {0, 3, 0}, [&](const std::vector<double>& x) {
      ++calls;
      REQUIRE(x.size() == 3);
      CHECK(x[1] == 3);
      CHECK((x[0] >= -2 && x[0] <= 2 && x[2] >= -1 && x[2] <= 5));
      if (calls == 1) CHECK(x == std::vector<double>{0, 3, 0});
      const double value = std::pow(x[0] - 1, 2) + 2 * std::pow(x[2] - 4, 2) + 0.5 * x[0] * x[2];
      const double constraint = x[0] + x[2] - 3;  // at most 0
      if (constraint < 1e-4 && value < least) least = value, best = x;
      return Evaluated{true, value, {constraint}};
    });
    INFO(algorithm << ": " << optimum.reason << ", " << calls << " calls, " << least);
    CHECK(calls <= 400);
    // On the line a + b = 3 the value is 2.5 a^2 + 3.5 a + 3, least at a = -0.7.
    REQUIRE(best.size() == 3);
    CHECK(least == Approx(1.775).margin(algorithm == "auto" || algorithm == "cobyla" ? 0.02 : 0.3));
  }
}

TEST_CASE("failed designs are walked around, stops and failures end the search") {
  if (!has_optimiser()) SKIP("built without NLopt");
  double least = 1e9;
  const auto bowl = [&](const std::vector<double>& x) {
    Evaluated out{true, std::pow(x[0] + 1, 2) + std::pow(x[2] - 1, 2), {}};
    if (x[0] > 0.2) out.value = std::numeric_limits<double>::quiet_NaN();
    if (out.value < least) least = out.value;
    return out;
  };
  optimise(plan_of("auto", 120), {0, 3, 0}, bowl);
  CHECK(least < 0.01);

  std::size_t calls = 0;
  const auto stopped = optimise(plan_of("auto", 100), {0, 3, 0}, [&](const std::vector<double>& x) {
    if (++calls == 5) return Evaluated{};
    return bowl(x);
  });
  CHECK(calls == 5);
  CHECK(stopped.reason == "stopped");

  calls = 0;
  CHECK_THROWS_AS(optimise(plan_of("cobyla", 100), {0, 3, 0},
                           [&](const std::vector<double>& x) {
                             if (++calls == 4) throw std::runtime_error("disk full");
                             return bowl(x);
                           }),
                  std::runtime_error);
  CHECK(calls == 4);

  calls = 0;
  const auto few =
      optimise(plan_of("auto", 6), {0, 3, 0}, [&](const std::vector<double>& x) { return ++calls, bowl(x); });
  CHECK(calls == 6);
  CHECK(few.reason.find("6 evaluations") != std::string::npos);

  SweepPlan fixed = plan_of("auto", 6);
  for (auto& p : fixed.parameters) p.min = p.max;
  CHECK_THROWS_AS(optimise(fixed, {2, 3, 5}, bowl), core::Error);
}

TEST_CASE("the same answers lead to the same questions") {
  if (!has_optimiser()) SKIP("built without NLopt");
  for (const std::string algorithm : {"auto", "cobyla", "isres"}) {
    std::vector<std::vector<double>> asked[2];
    for (auto& list : asked)
      optimise(plan_of(algorithm, 40), {0, 3, 0}, [&](const std::vector<double>& x) {
        list.push_back(x);
        return Evaluated{true, std::pow(x[0] - 1, 2) + std::abs(x[2] - 2), {x[0] - 0.5}};
      });
    CHECK(asked[0] == asked[1]);
  }
}
