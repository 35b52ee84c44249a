// optimise from the outside.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>

#include "core/json.hpp"
#include "solver/sweep/optimiser.hpp"
#include "tests/apps/sweep_case.hpp"

namespace fs = std::filesystem;
using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using json = core::Json;
using test::content;
using test::journal_designs;
using test::run_program;
using test::table_of;
using test::TempDir;
using test::Words;

TEST_CASE("an optimisation lowers the objective, and goes on where it was") {
  const TempDir dir;
  test::write_sweep_case(dir);
  const Words words = {"optimise", "space.json", "--model", "tiny.h5", "--threads", "1", "--fields", "none"};
  const auto run = [&](Words more) {
    Words all = words;
    all.insert(all.end(), more.begin(), more.end());
    return run_program(dir, all);
  };
  if (!solver::has_optimiser()) {
    const auto r = run({"--out", "out"});
    CHECK(r.code == 2);
    CHECK_THAT(r.err, ContainsSubstring("libnlopt-dev"));
    return;
  }
  // Bodies of the tiny model are 0.5 to 1.5 m long; Reynolds numbers limit velocity times length.
  const auto r = run({"--out", "out", "--evaluations", "25", "--json"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  const json result = core::parse_json(r.out);
  CHECK(result["designs"].get<int>() <= 25);
  CHECK(result["best"]["Cd"].get<double>() < result["baseline"]["Cd"].get<double>());
  CHECK(fs::exists(dir.file("out/best.stl")));
  const auto best = mesh_io::read_surface(dir.file("out/best.stl"));
  CHECK(best.bounds().size()[0] == Approx(1 + result["best"]["parameters"]["longer"].get<double>()).epsilon(1e-5));

  const auto few = run({"--out", "few", "--evaluations", "10"});
  REQUIRE(few.code == 0);
  const auto more = run({"--out", "few", "--evaluations", "25", "--resume", "--json"});
  INFO(more.err);
  REQUIRE(more.code == 0);
  CHECK(table_of(dir, "few") == table_of(dir, "out"));
  const auto names = journal_designs(dir, "few");
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == names.size());

  const auto plan = run({"--out", "planned", "--dry-run", "--json"});
  REQUIRE(plan.code == 0);
  CHECK(core::parse_json(plan.out)["objective"].get<double>() == result["baseline"]["Cd"].get<double>());
  CHECK_FALSE(fs::exists(dir.file("planned")));

  // A dry run finds it, too.
  std::string space = content(dir.file("space.json"));
  space.replace(space.find("\"objective\": \"Cd\""), 17, "\"objective\": {\"Cdd\": 1}");
  dir.write("space.json", space);
  for (const Words& more : {Words{"--out", "unknown"}, Words{"--out", "unknown", "--dry-run"}}) {
    const auto unknown = run(more);
    CHECK(unknown.code == 3);
    CHECK_THAT(unknown.err, ContainsSubstring("there is no quantity 'Cdd'") && ContainsSubstring("did you mean 'Cd'?"));
  }
}

TEST_CASE("a parameter may have the name of a result") {
  if (!solver::has_optimiser()) SKIP("no NLopt");
  const TempDir dir;
  test::write_sweep_case(dir);
  dir.write("space.json", R"({"baseline": "bodies/a.stl", "parameters": {"height": {"min": -0.05, "max": 0.1}},
    "morphs": [{"stretch": {"axis": "z", "from": 0.3, "to": 0.4, "by": "height"}}], "objective": "Cd"})");
  const auto r = run_program(dir, {"optimise", "space.json", "--model", "tiny.h5", "--threads", "1", "--fields", "none",
                                   "--evaluations", "4", "--out", "out", "--json"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  const double by = core::parse_json(r.out)["best"]["parameters"]["height"].get<double>();
  CHECK((by >= -0.05 && by <= 0.1));
  const auto best = mesh_io::read_surface(dir.file("out/best.stl"));
  CHECK(best.bounds().size()[2] == Approx(0.4 + by).epsilon(1e-5));
}
