// The command line as such: what is understood, and what is said about what is not.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <string>
#include <vector>

#include "core/json.hpp"
#include "tests/apps/program.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Matches;
using streamtube::test::run_program;
using streamtube::test::TempDir;

TEST_CASE("help and version are on stdout and succeed") {
  const TempDir dir;
  auto r = run_program(dir, {"--version"});
  CHECK(r.code == 0);
  CHECK_THAT(r.out, Matches("streamtube [0-9]+\\.[0-9]+\\.[0-9]+\\n"));
  r = run_program(dir, {"--help"});
  CHECK(r.code == 0);
  for (const char* command : {"predict", "inspect", "convert", "devices"})
    CHECK_THAT(r.out, ContainsSubstring(command));
  r = run_program(dir, {"predict", "--help"});
  CHECK(r.code == 0);
  for (const char* option :
       {"--model", "--velocity", "--viscosity", "KINEMATIC", "--volume", "--points-on", "--dry-run"})
    CHECK_THAT(r.out, ContainsSubstring(option));
}

TEST_CASE("mistakes on the command line exit with 2 and name the nearest thing") {
  const TempDir dir;
  auto r = run_program(dir, {});
  CHECK(r.code == 2);
  CHECK(r.out.empty());
  CHECK_THAT(r.err, ContainsSubstring("predict"));
  r = run_program(dir, {"predikt", "a.stl"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("no command 'predikt'") && ContainsSubstring("did you mean 'predict'?"));
  r = run_program(dir, {"predict", "a.stl", "--velocty", "30"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("no option '--velocty'") && ContainsSubstring("did you mean '--velocity'?"));
  r = run_program(dir, {"predict"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("geometry is required"));
  r = run_program(dir, {"predict", "a.stl", "--velocity", "fast"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("--velocity") && ContainsSubstring("fast"));
  r = run_program(dir, {"predict", "a.stl", "--velocity", "-3"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("--velocity: -3 is not a positive number"));
  r = run_program(dir, {"predict", "a.stl", "--viscosity", "nan"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("--viscosity"));
  r = run_program(dir, {"predict", "a.stl", "--unit", "furlong"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("'furlong' is not a unit of length"));
  r = run_program(dir, {"predict", "a.stl", "--points-on", "edges"});
  CHECK(r.code == 2);
  r = run_program(dir, {"predict", "a.stl", "--cell", "0.1"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("--cell is the cell size of --volume grid"));
}

TEST_CASE("options from a file") {
  const TempDir dir;
  const std::string config = dir.write("run.ini", "[predict]\nvelocity = -7\n");
  auto r = run_program(dir, {"predict", "a.stl", "--config", config});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("--velocity: -7"));
  // The command line wins.
  r = run_program(dir, {"predict", "a.stl", "--config", config, "--velocity", "12"});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("a.stl"));
  r = run_program(dir, {"predict", "a.stl", "--config", dir.write("bad.ini", "[predict]\nvelosity = 7\n")});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("velosity"));
  r = run_program(dir, {"predict", "a.stl", "--config", dir.file("none.ini")});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("none.ini"));
}

TEST_CASE("numbers that are none, negative where they cannot be, or too long are refused, also in a file") {
  const TempDir dir;
  const auto refused = [&](const std::vector<std::string>& words) {
    std::vector<std::string> all = {"predict", "car.stl"};
    all.insert(all.end(), words.begin(), words.end());
    const auto r = run_program(dir, all);
    CHECK(r.code == 2);
    return r.err;
  };
  for (const char* value : {"nan", "inf", "-inf", "1e999", "NaN"}) {
    CHECK_THAT(refused({"--velocity", value}),
               ContainsSubstring("--velocity: '") && ContainsSubstring("not a finite number"));
    CHECK_THAT(refused({"--reference-area", value}), ContainsSubstring("not a finite number"));
  }
  CHECK_THAT(refused({"--seed", "-1"}), ContainsSubstring("--seed: '-1' is below 0"));
  CHECK_THAT(refused({"--seed", "99999999999999999999"}), ContainsSubstring("is more than"));
  CHECK_THAT(refused({"--threads", "600"}), ContainsSubstring("512"));
  CHECK(run_program(dir, {"dataset", "import", ".", "a.h5", "--volume-points", "-1"}).code == 2);
  dir.write("a.ini", "[predict]\nvelocity=nan\n");
  const auto r = run_program(dir, {"--config", "a.ini", "predict", "car.stl"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("not a finite number"));
}

TEST_CASE("devices says which implementation is used and why the others are not") {
  const TempDir dir;
  auto r = run_program(dir, {"devices"});
  CHECK(r.code == 0);
  CHECK_THAT(r.out, ContainsSubstring("USED"));
  r = run_program(dir, {"devices", "--json"});
  CHECK(r.code == 0);
  const auto json = streamtube::core::parse_json(r.out);
  REQUIRE(!json["devices"].empty());
  bool portable = false;
  int used = 0;
  for (const auto& b : json["backends"]) {
    used += b["used"] == true;
    CHECK(!b["reason"].get<std::string>().empty());
    portable = portable || (b["name"] == "portable" && b["available"] == true);
  }
  CHECK(portable);
  CHECK(used == 2);  // one for linear layers, one for attention
}

TEST_CASE("a back end or a GPU that is not there is refused before any work") {
  const TempDir dir;
  for (const std::vector<std::string>& command : {std::vector<std::string>{"predict", "none.stl"},
                                                  {"train", "none.json"},
                                                  {"evaluate", "--data", "none.h5"},
                                                  {"devices"}}) {
    const auto with = [&](std::vector<std::string> options) {
      options.insert(options.begin(), command.begin(), command.end());
      return run_program(dir, options);
    };
    auto r = with({"--device", "1000"});
    CHECK(r.code == 2);
    CHECK_THAT(r.err, ContainsSubstring("--device 1000") && ContainsSubstring("hint: "));
    r = with({"--backend", "openmp", "--device", "0"});
    CHECK(r.code == 2);
    CHECK_THAT(r.err, ContainsSubstring("--device 0 chooses a GPU, but --backend is openmp"));
    r = with({"--backend", "tpu"});
    CHECK(r.code == 2);
    CHECK_THAT(r.err, ContainsSubstring("--backend"));
  }
}
