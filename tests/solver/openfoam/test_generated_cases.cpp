#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <functional>
#include <memory>

#include "solver/openfoam/generated_cases.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"

using namespace streamtube;
using Catch::Matchers::ContainsSubstring;
using Names = std::vector<std::string>;

namespace {

std::string space(const std::string& splits) {
  std::string designs;
  for (const char* name : {"d_1", "d_3", "d_4", "d_5", "d_10"})
    designs += std::string(designs.empty() ? "" : ", ") + R"({"name": ")" + name + R"("})";
  return R"({"name": "few", "baseline": {"family": "van"}, "include_baseline": false, )" + splits +
         R"("parameters": {"velocity": 15}, "designs": [)" + designs + "]}";
}

mesh_io::DatasetHeader header(const std::string& path, const solver::GenerateOptions& options = {}) {
  const solver::GeneratedCases cases(solver::read_plan({path}), options);
  return cases.header(cases.find(path));
}

}  // namespace

TEST_CASE(
    "splits of generated designs: the space's rules, those of the options before them, and what was before both") {
  const test::TempDir dir;
  const std::string silent = dir.write("silent.json", space("")),
                    speaking =
                        dir.write("s.json", space(R"("splits": {"test": "number % 10 == 0", "train": "rest"}, )"));
  auto h = header(silent);
  CHECK(h.splits.at("test") == Names{"d_5", "d_10"});
  CHECK(h.split_rules == mesh_io::default_split_rules().json());
  h = header(speaking);
  CHECK(h.splits == mesh_io::Splits{{"test", {"d_10"}}, {"train", {"d_1", "d_3", "d_4", "d_5"}}});
  solver::GenerateOptions options;
  options.splits = mesh_io::SplitRules::parse(R"({"train": [1, 3], "test": [99, 4]})", "it"),
  options.splits_name = "it";
  h = header(speaking, options);
  CHECK(h.splits == mesh_io::Splits{{"test", {"d_4"}}, {"train", {"d_1", "d_3"}}});
  CHECK(h.split_rules.empty());
  // Made again under the default rules: d_5 was learned from, d_10 is new.
  options = {};
  options.before_cases = {"d_4", "d_5"}, options.before = {{"train", {"d_4", "d_5"}}};
  h = header(silent, options);
  CHECK(h.splits.at("test") == Names{"d_10"});
  CHECK(h.splits.at("train") == Names{"d_1", "d_3", "d_4", "d_5"});
  options.before_rules = R"({"left_out": "number % 10 == 3"})";
  CHECK(header(silent, options).splits.at("left_out") == Names{"d_3"});
  CHECK_FALSE(header(speaking, options).splits.contains("left_out"));
  CHECK_THAT(test::message_of(
                 [&] { solver::read_plan({dir.write("bad.json", space(R"("splits": {"test": "every fifth"}, )"))}); }),
             ContainsSubstring("bad.json") && ContainsSubstring("\"every fifth\" is no rule"));
}

TEST_CASE("the mesh is that of the option, else of the space, else the one for cars") {
  const test::TempDir dir;
  const auto mesh = [&](const std::string& key, std::optional<solver::MeshKind> option = {}) {
    solver::GenerateOptions options;
    options.mesh = option;
    return solver::GeneratedCases(solver::read_plan({dir.write("s.json", space(key))}), options).mesh();
  };
  CHECK(mesh("") == solver::MeshKind::car);
  CHECK(mesh(R"("mesh": "plain", )") == solver::MeshKind::plain);
  CHECK(mesh(R"("mesh": "plain", )", solver::MeshKind::car) == solver::MeshKind::car);
  CHECK_THAT(test::message_of([&] { mesh(R"("mesh": "fine", )"); }),
             ContainsSubstring("s.json': mesh: there is no mesh 'fine'"));
  CHECK(solver::read_plan({std::string(STREAMTUBE_SOURCE_DIR) + "/data_samples/spaces/ahmed.json"}).mesh == "plain");
}

TEST_CASE("what decides a solution is in the settings, and named where it has changed") {
  const test::TempDir dir;
  const std::string path = dir.write("s.json", space(""));
  std::filesystem::create_directories(dir.file("own/system"));
  dir.write("own/system/fvSchemes", "one");
  const auto cases = [&](const std::function<void(solver::GenerateOptions&)>& change) {
    solver::GenerateOptions options;
    options.solver.templates = dir.file("own");
    change(options);
    return std::make_unique<solver::GeneratedCases>(solver::read_plan({path}), options);
  };
  const std::string before = cases([](auto&) {})->settings();
  CHECK(cases([](auto& o) { o.solver.residual = 1e-4; })->changed_setting(before) == "residual");
  CHECK(cases([](auto& o) { o.solver.average = 150; })->changed_setting(before) == "average");
  CHECK(cases([](auto& o) { o.mesh = solver::MeshKind::plain; })->changed_setting(before) == "mesh");
  CHECK(cases([](auto& o) { o.repeat = 0.5; })->changed_setting(before) == "cell of repeats");
  CHECK(cases([](auto& o) { o.keep = true; })->settings() == before);
  dir.write("own/system/fvSchemes", "another");
  CHECK(cases([](auto&) {})->changed_setting(before) == "templates");
}

TEST_CASE("the spaces of the samples say the splits that the default rules give") {
  for (const char* name : {"ahmed", "notchback", "fastback", "van"}) {
    const solver::SweepPlan plan =
        solver::read_plan({std::string(STREAMTUBE_SOURCE_DIR) + "/data_samples/spaces/" + name + ".json"});
    CHECK(plan.splits == mesh_io::default_split_rules().json());
  }
}

TEST_CASE("the space of the cars splits its designs as their data set does") {
  const solver::SweepPlan plan =
      solver::read_plan({std::string(STREAMTUBE_SOURCE_DIR) + "/data_samples/spaces/cars.json"});
  Names names;
  for (const auto& design : plan.designs) {
    names.push_back(design.name);
    CHECK_FALSE(design.name.ends_with('3'));
  }
  CHECK(names.size() == 146);
  const auto splits = mesh_io::SplitRules::parse(plan.splits, "cars").of(names, "cars");
  CHECK(splits.at("test") == Names{"car_10", "car_20", "car_30", "car_40", "car_50", "car_60", "car_70", "car_80",
                                   "car_100", "car_110", "car_120", "car_130", "car_140", "car_150", "car_160"});
  CHECK(splits.at("validation") == Names{"car_4", "car_22", "car_31", "car_49", "car_58", "car_67", "car_76", "car_85",
                                         "car_94", "car_112", "car_121", "car_139", "car_148", "car_157"});
  CHECK(splits.at("train").size() == 117);
  CHECK(splits.at("trainval").size() == 131);
}
