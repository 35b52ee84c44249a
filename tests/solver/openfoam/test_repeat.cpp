#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "solver/openfoam/repeat.hpp"
#include "tests/support/tiny_dataset.hpp"

using namespace streamtube;
using Catch::Approx;
using Names = std::set<std::string>;

TEST_CASE("designs to solve once more lie along the list and are none of the test", "[openfoam]") {
  std::vector<std::string> designs;
  mesh_io::Splits splits;
  for (int i = 1; i <= 30; ++i) {
    designs.push_back(core::str("car_", i));
    splits[i % 10 == 0 ? "test" : "train"].push_back(designs.back());
  }
  CHECK(solver::to_repeat(designs, splits, 0.1) == Names{"car_5", "car_16", "car_27"});
  CHECK(solver::to_repeat(designs, splits, 0).empty());
  CHECK(solver::to_repeat(designs, splits, 1).size() == 27);
  // More designs do not change those before them.
  designs.push_back("car_31");
  CHECK(solver::to_repeat(designs, splits, 0.1) == Names{"car_5", "car_16", "car_27"});
  CHECK(solver::to_repeat({"a", "b"}, {}, 0.1) == Names{"a"});
  CHECK(solver::to_repeat({"a", "b"}, {{"test", {"a", "b"}}}, 0.5) == Names{"a"});
  CHECK(solver::to_repeat({"a", "b"}, {{"left_out", {"a"}}}, 0.1) == Names{"b"});
}

TEST_CASE("two solutions of a design give the scatter of its labels", "[openfoam]") {
  mesh_io::FlowSample first = test::tiny_case(3), again = first;
  CHECK(solver::field_differences(first, again).at("surface/pressure") == 0);
  for (float& p : again.part[0].fields[0].values) p *= 1.1f;
  // The places of the second are others, and in another order.
  for (auto* values : {&again.part[1].position, &again.part[1].fields[1].values}) {
    std::vector<float> turned;
    for (std::size_t i = again.part[1].rows(); i-- > 0;)
      turned.insert(turned.end(), values->begin() + static_cast<std::ptrdiff_t>(3 * i),
                    values->begin() + static_cast<std::ptrdiff_t>(3 * i + 3));
    *values = turned;
  }
  again.info.coefficients["Cd"] = first.info.coefficients["Cd"] + 0.02;
  solver::add_repeat(first, again);
  const auto& quality = first.info.quality;
  CHECK(quality.at("repeat_difference_surface/pressure") == Approx(0.1).epsilon(1e-5));
  CHECK(quality.at("repeat_difference_surface/wall_shear_stress") == 0);
  CHECK(quality.at("repeat_difference_volume/velocity") == 0);
  CHECK(quality.size() == 5);

  mesh_io::CaseInfo other = test::tiny_case(4).info, silent = test::tiny_case(5).info;
  other.quality = {{"repeat_Cd", other.coefficients["Cd"] - 0.01}, {"repeat_Cl", other.coefficients["Cl"]}};
  const auto noise = solver::noise_of_repeats({first.info, other, silent}, "solved once more");
  CHECK(noise.source == "2 designs solved once more");
  CHECK(noise.scatter.at("Cd").pairs == 2);
  CHECK(noise.scatter.at("Cd").rms == Approx(std::sqrt((4 + 1) / 2.0) * 0.01));
  CHECK(noise.scatter.at("surface/pressure").pairs == 1);
  CHECK(noise.scatter.size() == 5);
  CHECK(solver::noise_of_repeats({silent}, "").empty());
}
