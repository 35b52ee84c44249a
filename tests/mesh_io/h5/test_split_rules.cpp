#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sstream>

#include "core/error.hpp"
#include "core/files.hpp"
#include "mesh_io/h5/dataset.hpp"
#include "mesh_io/h5/split_rules.hpp"
#include "tests/support/message_of.hpp"

using namespace streamtube;
using namespace streamtube::mesh_io;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;
using test::message_of;
using Names = std::vector<std::string>;

namespace {

const char* const kCars =
    R"({"test": "number % 10 == 0", "left_out": "number % 10 == 3", "validation": "number % 9 == 4",
                             "train": "rest", "trainval": "train + validation"})";

Names named(const char* prefix, int from, int to) {
  Names out;
  for (int i = from; i <= to; ++i) out.push_back(core::str(prefix, i));
  return out;
}

}  // namespace

TEST_CASE("the table of cars is split by the rules of their numbers, in their order") {
  std::istringstream in(core::read_text(std::string(STREAMTUBE_SOURCE_DIR) + "/data_samples/spaces/cars_rans.csv"));
  std::string line;
  std::getline(in, line);
  CHECK_THAT(line, StartsWith("name,split,kind,length,") && EndsWith(",velocity,reference_area,Cd,Cl,Cd_std,Cl_std"));
  const auto columns = std::count(line.begin(), line.end(), ',');
  Names names;
  Splits said;
  while (std::getline(in, line)) {
    CHECK(std::count(line.begin(), line.end(), ',') == columns);
    const auto first = line.find(','), second = line.find(',', first + 1);
    names.push_back(line.substr(0, first));
    said[line.substr(first + 1, second - first - 1)].push_back(names.back());
  }
  CHECK(names.size() == 146);
  CHECK(std::is_sorted(names.begin(), names.end(), natural_less));
  Splits rules = SplitRules::parse(kCars, "it").of(names, "it");
  CHECK_FALSE(rules.contains("left_out"));
  rules.erase("trainval");
  CHECK(said == rules);
}

TEST_CASE("rules about a name's number, the first one that holds, and sums of splits") {
  const Splits s = SplitRules::parse(kCars, "it").of(named("car_", 1, 31), "it");
  CHECK(s.at("test") == Names{"car_10", "car_20", "car_30"});
  CHECK(s.at("left_out") == Names{"car_3", "car_13", "car_23"});
  CHECK(s.at("validation") == Names{"car_4", "car_22", "car_31"});  // 13 is left out before
  CHECK(s.at("train").size() == 22);
  CHECK(s.at("trainval").size() == 25);
  CHECK(s.at("trainval")[3] == "car_5");  // in the order of the cases
}

TEST_CASE("the default rules are those of the default model's data") {
  const Splits s = default_split_rules().of(named("run_", 1, 104), "it");
  for (const auto& [split, names] : s)
    for (const auto& name : names) {
      const int n = std::stoi(name.substr(4));
      const bool test = n % 5 == 0, validation = !test && n % 9 == 4;
      CHECK((split == "test") == test);
      if (split == "validation") CHECK(validation);
      if (split == "train") CHECK_FALSE(validation);
    }
  CHECK(s.at("trainval").size() == s.at("train").size() + s.at("validation").size());
  CHECK(s.at("test").size() + s.at("trainval").size() == 104);
}

TEST_CASE("a case's split does not depend on the other cases, and long numbers and names without one are no trouble") {
  const SplitRules rules = SplitRules::parse(kCars, "it");
  const Splits few = rules.of({"car_4", "car_7", "baseline", "x_123456789012345678901234567890"}, "it");
  CHECK(few.at("validation") == Names{"car_4"});
  CHECK(few.at("test") == Names{"x_123456789012345678901234567890"});
  CHECK(few.at("train") == Names{"car_7", "baseline"});
  CHECK_FALSE(few.contains("left_out"));
}

TEST_CASE("lists come before rules and may overlap") {
  const SplitRules rules = SplitRules::parse(R"({"train": "rest", "test": [10, "car_2"], "near": ["car_2"]})", "it");
  CHECK_FALSE(rules.general());
  const Splits s = rules.of({"car_1", "car_2", "car_10"}, "it");
  CHECK(s == Splits{{"near", {"car_2"}}, {"test", {"car_2", "car_10"}}, {"train", {"car_1"}}});
  CHECK_THAT(message_of([&] { rules.of({"car_1", "car_2"}, "it"); }), ContainsSubstring("no case '10'"));
  CHECK(rules.of({"car_1", "car_2"}, "it", true).at("test") == Names{"car_2"});
  // What it says is what it was told.
  CHECK(SplitRules::parse(rules.json(), "it").of({"car_1", "car_2", "car_10"}, "it") == s);
  CHECK(SplitRules::parse(kCars, "it").general());
}

TEST_CASE("rules that cannot be read, or that put a case on both sides, are refused by name") {
  for (const auto& [text, what] :
       {std::pair(R"([1])", "not a JSON object"), std::pair(R"({"a": 3})", "'a': 3 is no rule"),
        std::pair(R"({"a": "number % 0 == 0"})", "true of no case"),
        std::pair(R"({"a": "number % 5 == 5"})", "true of no case"),
        std::pair(R"({"a": "number % 5 == -1"})", "true of no case"),
        std::pair(R"({"a": "number % 5 == 1 or 2"})", "is no rule"),
        std::pair(R"({"a": "numbr % 5 == 1"})", "is no rule"), std::pair(R"({"a": ""})", "is no rule"),
        std::pair(R"({"a": "a + a"})", "is no rule"),
        std::pair(R"({"a": "rest", "b": "rest"})", "'b': 'a' has the rest already"),
        std::pair(R"({"a": "rest", "b": "a + a", "c": "a + b"})", "'b' is a sum itself"),
        std::pair(R"({"a": [1.5]})", "1.5")})
    CHECK_THAT(message_of([&] { SplitRules::parse(text, "it"); }), ContainsSubstring("it") && ContainsSubstring(what));
  const auto both = SplitRules::parse(R"({"test": [1], "train": [1, 2]})", "it");
  CHECK_THAT(message_of([&] { both.of({"car_1", "car_2"}, "it"); }), ContainsSubstring("share the cases 'car_1'"));
  const auto left = SplitRules::parse(R"({"left_out": [1], "trainval": [1, 2]})", "it");
  CHECK_THAT(message_of([&] { left.of({"car_1", "car_2"}, "it"); }), ContainsSubstring("share the cases 'car_1'"));
  const auto blank = SplitRules::parse(R"({"left out": [1]})", "it");
  CHECK_THAT(message_of([&] { blank.of({"car_1"}, "it"); }), ContainsSubstring("cannot be named 'left out'"));
}

TEST_CASE("cases that were there keep their splits") {
  const Names cases = named("run_", 1, 12), old = named("run_", 1, 6);
  Splits splits = default_split_rules().of(cases, "it");
  const Splits before = {{"test", {"run_1"}}, {"train", {"run_2", "run_3", "run_5"}}};  // run_4, run_6: in none
  CHECK(keep_splits(splits, before, old, cases) == 6);
  CHECK(splits.at("test") == Names{"run_1", "run_10"});
  CHECK(splits.at("train") == Names{"run_2", "run_3", "run_5", "run_7", "run_8", "run_9", "run_11", "run_12"});
  CHECK_FALSE(splits.contains("validation"));
  Splits same = default_split_rules().of(cases, "it");
  const Splits now = same;
  CHECK(keep_splits(same, default_split_rules().of(old, "it"), old, cases) == 0);
  CHECK(same == now);
}
