// dataset, train and evaluate as programs.
#include <sys/resource.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <csignal>
#include <cstdlib>

#include "core/json.hpp"
#include "tests/apps/program.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/tiny_dataset.hpp"
#include "tests/support/tiny_model.hpp"

using Catch::Matchers::ContainsSubstring;
using namespace streamtube;
using test::content;
using test::run_program;
using test::TempDir;

namespace {

std::vector<std::string> train(const std::string& out, const std::vector<std::string>& more = {}) {
  std::vector<std::string> options = {"updates=400", "save_every=7", "validate_every=50"};
  options.insert(options.end(), more.begin(), more.end());
  return test::tiny_training(out, options);
}

}  // namespace

TEST_CASE("from a data set to an evaluated model; Ctrl-C on the way changes nothing") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  REQUIRE(run_program(dir, train("whole")).code == 0);
  const auto stopped = run_program(
      dir, train("halves"), [&] { return content(dir.file("halves/log.jsonl")).find("\n") != std::string::npos; });
  CHECK(stopped.code == 130);
  CHECK(content(dir.file("halves/state.h5")) != content(dir.file("whole/state.h5")));
  CHECK(run_program(dir, train("halves", {"--resume"})).code == 0);
  CHECK(content(dir.file("halves/state.h5")) == content(dir.file("whole/state.h5")));
  CHECK(content(dir.file("halves/best.h5")) == content(dir.file("whole/best.h5")));

  // The shapes of the training bodies are in the model; convert gives them to one that lacks them.
  auto r = run_program(dir, {"inspect", "whole/last.h5", "--json"});
  const auto model = core::parse_json(r.out);
  CHECK(model["shapes"] == core::Json({"case_0", "case_1", "case_2", "case_3"}));
  r = run_program(dir, {"convert", "whole/last.h5", "all.h5", "--shapes", "d.h5", "--split", "all", "--json"});
  REQUIRE(r.code == 0);
  CHECK(core::parse_json(r.out)["shapes"].size() == 7);
  CHECK(core::parse_json(r.out)["fingerprint"] == model["fingerprint"]);
  CHECK(run_program(dir, {"convert", "whole/last.h5", "none.h5"}).code == 2);

  r = run_program(dir, {"evaluate", "--data", "d.h5", "--model", "whole/last.h5", "--json", "--out", "ev"});
  REQUIRE(r.code == 0);
  const auto json = core::parse_json(r.out);
  CHECK(json["cases"].size() == 2);
  CHECK(json["metrics"]["surface/pressure"].get<double>() < 0.9);
  CHECK_THAT(content(dir.file("ev/cases.csv")), ContainsSubstring("case_6"));
  CHECK_THAT(content(dir.file("ev/fields.csv")), ContainsSubstring("\nsurface/wall_shear_stress,"));
  // A sample of more points than there are is all of them; of few points it is another number.
  const auto& pressure = json["fields"]["volume/pressure"];
  CHECK(pressure["sample_relative_l2"] == pressure["relative_l2"]);
  CHECK(pressure["mean_squared"].get<double>() > 0);
  r = run_program(dir, {"evaluate", "--data", "d.h5", "--model", "whole/last.h5", "--json", "--sample", "20"});
  const auto sampled = core::parse_json(r.out)["fields"]["volume/pressure"];
  CHECK(sampled["relative_l2"] == pressure["relative_l2"]);
  CHECK(sampled["sample_relative_l2"] != pressure["relative_l2"]);
  r = run_program(dir,
                  {"evaluate", "--data", "d.h5", "--model", "whole/last.h5", "--require", "surface/pressure<1e-6"});
  CHECK(r.code == 4);
  CHECK_THAT(r.err, ContainsSubstring("surface/pressure<1e-6"));
  // Before the work: the data set is not even looked for.
  r = run_program(dir, {"evaluate", "--data", "none.h5", "--model", "whole/last.h5", "--require", "cd_r3>0"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("'cd_r3'") && ContainsSubstring("volume/vorticity"));
  CHECK(run_program(dir, {"evaluate", "--data", "d.h5", "--model", "whole/last.h5", "--split", "tset"}).code == 2);
}

TEST_CASE("a killed run goes on bit for bit") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  REQUIRE(run_program(dir, train("whole")).code == 0);
  // Killed at three moments of its own choosing, then to the end.
  for (int kill_at = 1; kill_at <= 3; ++kill_at) {
    const std::string command =
        std::string("timeout -s KILL 0.") + std::to_string(2 + 2 * kill_at) + " " + STREAMTUBE_PROGRAM + " -q";
    std::string line = "cd '" + dir.path().string() + "' && " + command;
    for (const auto& word : train("killed")) line += " '" + word + "'";
    if (content(dir.file("killed/state.h5")).empty())
      line += " --overwrite";
    else
      line += " --resume";
    CHECK(std::system((line + " > /dev/null 2>&1").c_str()) != -1);
  }
  const bool begun = !content(dir.file("killed/state.h5")).empty();
  CHECK(run_program(dir, train("killed", {begun ? "--resume" : "--overwrite"})).code == 0);
  CHECK(content(dir.file("killed/state.h5")) == content(dir.file("whole/state.h5")));
}

TEST_CASE("train and dataset say what is wrong") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  auto r = run_program(dir, {"train", "--print-config", "optimizer.rate=0.125"});
  CHECK(r.code == 0);
  CHECK_THAT(r.out, ContainsSubstring("\"optimizer.rate\": 0.125") && ContainsSubstring("//"));
  r = run_program(dir, {"train", "optimizer.rat=1"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("'optimizer.rate'"));
  CHECK(run_program(dir, {"train"}).code == 2);
  CHECK(run_program(dir, train("x", {"save_every=0"})).code == 3);
  // The recipe may stand anywhere, and its path may hold a '='.
  std::filesystem::create_directory(dir.file("lr=1"));
  dir.write("lr=1/r.json", "{\"seed\": 77}");
  r = run_program(dir, {"train", "updates=5", "lr=1/r.json", "--print-config"});
  CHECK(r.code == 0);
  CHECK_THAT(r.out, ContainsSubstring("\"seed\": 77") && ContainsSubstring("\"updates\": 5"));
  r = run_program(dir, {"train", "updates=5", "nothing.json", "--print-config"});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("nothing.json"));
  CHECK(run_program(dir, {"train", "lr=1/r.json", "d.h5", "--print-config"}).code == 2);
  r = run_program(dir, train("x", {"draw.geometry_points=100000", "draw.supernodes=16"}));
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("has 216 surface points"));
  CHECK(run_program(dir, train("x", {"--dry-run"})).code == 0);
  // Two processes that cannot speak to each other would both write the folder.
  setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
  r = run_program(dir, train("x"));
  unsetenv("OMPI_COMM_WORLD_SIZE");
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("mpirun started 2 processes"));
  CHECK(!std::filesystem::exists(dir.file("x/state.h5")));
  r = run_program(dir, {"dataset", "verify", "d.h5"});
  CHECK(r.code == 0);
  CHECK_THAT(r.out, ContainsSubstring("7 of 7 cases are sound"));
  r = run_program(dir, {"dataset", "info", "d.h5", "--json"});
  CHECK(core::parse_json(r.out)["splits"]["test"] == 2);
  CHECK(run_program(dir, {"dataset", "stats", "d.h5"}).code == 0);
  r = run_program(dir, {"dataset", "import", ".", "out.h5"});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("no cases of a known layout") && ContainsSubstring("run_<n>.h5"));
  CHECK(run_program(dir, {"dataset", "info", "nothing.h5"}).code == 3);
}

TEST_CASE("a training leaves its curves and a picture of them, or a word about what that needs") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  auto r = run_program(dir, train("run", {"updates=20", "log_every=2", "validate_every=5"}));
  REQUIRE(r.code == 0);
  CHECK_THAT(content(dir.file("run/curves.csv")), ContainsSubstring("\n20,"));
  const std::string png = content(dir.file("run/loss.png"));
  if (png.empty())
    CHECK_THAT(r.err, ContainsSubstring("libegl1"));
  else
    CHECK(png.size() > 20000);  // an empty one has 10 kB
  // No driver to be had: the training succeeds all the same.
  setenv("__EGL_VENDOR_LIBRARY_FILENAMES", "/nowhere", 1);
  r = run_program(dir, train("blind", {"updates=20"}));
  unsetenv("__EGL_VENDOR_LIBRARY_FILENAMES");
  CHECK(r.code == 0);
  CHECK_THAT(r.err, ContainsSubstring("warning") && ContainsSubstring("no loss.png"));
  CHECK_FALSE(std::filesystem::exists(dir.file("blind/loss.png")));
}

TEST_CASE("a full disk during a save leaves the last good state") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  REQUIRE(run_program(dir, train("run", {"updates=40"}), [&] {
            return !content(dir.file("run/state.h5")).empty();
          }).code == 130);
  const std::string state = content(dir.file("run/state.h5"));
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit small{state.size() / 2, limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);  // the program inherits it
  const auto r = run_program(dir, train("run", {"updates=40", "--resume"}));
  setrlimit(RLIMIT_FSIZE, &limit);
  CHECK(r.code == 1);
  CHECK_THAT(r.err, ContainsSubstring("state.h5"));
  CHECK(content(dir.file("run/state.h5")) == state);
  for (const auto& entry : std::filesystem::directory_iterator(dir.file("run")))
    CHECK_THAT(entry.path().filename().string(), !ContainsSubstring(".part"));
  CHECK(run_program(dir, train("run", {"updates=40", "--resume"})).code == 0);
}

TEST_CASE("dataset split defines, replaces and removes splits") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));  // train 0..3, validation 4, test 5 and 6
  const auto split = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"dataset", "split", "d.h5", "--json"});
    return run_program(dir, more);
  };
  auto r = split({"--set", "high=case_5,6"});
  REQUIRE(r.code == 0);
  CHECK(core::parse_json(r.out)["splits"] ==
        core::Json({{"all", 7}, {"high", 2}, {"test", 2}, {"train", 4}, {"validation", 1}}));
  r = split({"--set", "train=1"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("--overwrite"));
  r = split({"--set", "train=1,2,6", "--overwrite"});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("'test' and 'train' share the cases 'case_6'"));
  r = split({"--set", "low=1,2,33"});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("no case '33'"));
  dir.write("s.json", R"({"train": [0, 1, 2], "val": ["case_3"], "test": [4, 5, 6]})");
  dir.write("few.txt", "case_0\n");
  r = split({"--file", "s.json", "--set", "few=@few.txt", "--overwrite", "--remove", "validation", "--remove", "high"});
  REQUIRE(r.code == 0);
  CHECK(core::parse_json(r.out)["splits"] ==
        core::Json({{"all", 7}, {"few", 1}, {"test", 3}, {"train", 3}, {"val", 1}}));
  r = split({"--set", "test=6", "--random", "train=0.5,val=0.34", "--seed", "5", "--overwrite", "--remove", "few"});
  REQUIRE(r.code == 0);
  CHECK(core::parse_json(r.out)["splits"]["train"] == 3);
  CHECK(core::parse_json(r.out)["splits"]["val"] == 2);
  CHECK(core::parse_json(r.out)["in_no_split"] == 1);
  CHECK(split({}).code == 2);
  CHECK(split({"--random", "a=0.5,b=0.6"}).code == 2);
  CHECK(split({"--random", "a=x"}).code == 2);
  CHECK(split({"--remove", "none"}).code == 2);
  CHECK(run_program(dir, {"dataset", "verify", "d.h5"}).code == 0);
}

TEST_CASE("evaluate in bf16: near the errors in fp32, by the pass that GPUs take, and refused where there is none") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  surrogate::Checkpoint model = test::tiny_model();
  surrogate::write_checkpoint(dir.file("m.h5"), model);
  const auto evaluate = [&](const char* precision) {
    return run_program(dir, {"evaluate", "--data", "d.h5", "--model", "m.h5", "--json", "--precision", precision,
                             "--backend", "openmp"});
  };
  const auto metrics = [&](const char* precision) {
    const auto r = evaluate(precision);
    INFO(r.err);
    REQUIRE(r.code == 0);
    const auto json = core::parse_json(r.out);
    CHECK(json["precision"] == precision);
    return json["metrics"];
  };
  const test::Environment portable("STREAMTUBE_CPU_PATH", "portable");
  const auto exact = metrics("fp32"), rounded = metrics("bf16");
  for (const char* field : {"surface/pressure", "volume/velocity"}) {
    CHECK(rounded[field] != exact[field]);
    CHECK(rounded[field].get<double>() == Catch::Approx(exact[field].get<double>()).epsilon(0.05));
  }
  auto r = evaluate("tf32");
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("tf32 needs an NVIDIA GPU"));
  r = evaluate("fp16");
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("bf16 has as many bits"));
}
