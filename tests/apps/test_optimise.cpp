// optimise from the outside.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>

#include "solver/sweep/optimiser.hpp"
#include "tests/apps/sweep_case.hpp"

namespace fs = std::filesystem;
using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
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
  const json result = json::parse(r.out);
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

  std::string space = content(dir.file("space.json"));
  space.replace(space.find("\"objective\": \"Cd\""), 17, "\"objective\": {\"Cdd\": 1}");
  dir.write("space.json", space);
  const auto unknown = run({"--out", "unknown"});
  CHECK(unknown.code == 3);
  CHECK_THAT(unknown.err, ContainsSubstring("there is no quantity 'Cdd'") && ContainsSubstring("did you mean 'Cd'?"));
}
