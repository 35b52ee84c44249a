// The bench command: that it runs and what it says, on a tiny network; never how fast.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "core/json.hpp"
#include "surrogate/backends/backend_set.hpp"
#include "surrogate/backends/cpu_kernels.hpp"
#include "tests/apps/program.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/tiny_model.hpp"

using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using streamtube::test::run_program;
using streamtube::test::TempDir;

namespace {

void write_tiny(const std::string& path) {
  streamtube::surrogate::Checkpoint tiny = streamtube::test::tiny_model();
  streamtube::surrogate::write_checkpoint(path, tiny);
}

}  // namespace

TEST_CASE("bench of a checkpoint: every stage with its figures, profile included") {
  const TempDir dir;
  write_tiny(dir.file("tiny.h5"));
  const auto r = run_program(dir, {"bench", "--config", "tiny.h5", "--points", "70,130", "--repeat", "3", "--threads",
                                   "1", "--chunk", "64", "--profile", "--json"});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  const auto j = streamtube::core::parse_json(r.out);
  CHECK(j["config"] == "tiny.h5");
  CHECK(j["network"]["hidden"] == 24);
  CHECK(j["shape"]["points"] == 200);
  CHECK(j["shape"]["anchors"] == streamtube::core::Json({48, 56}));
  CHECK(j["shape"]["edges"] >= 40);  // every supernode is its own neighbour
  CHECK(j["precision"] == "fp32");
  CHECK(j["device"]["threads"] == 1);
  CHECK(j["matmul_peak"]["tflops"] > 0);
  const std::vector<std::string> names = {"encode", "anchors", "query surface", "query volume", "train"};
  REQUIRE(j["stages"].size() == names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& s = j["stages"][i];
    CAPTURE(streamtube::core::json_text(s));
    CHECK(s["name"] == names[i]);
    CHECK(s["seconds"]["count"] == 3);
    CHECK(s["seconds"]["min"] <= s["seconds"]["median"]);
    CHECK(s["seconds"]["median"] <= s["seconds"]["max"]);
    CHECK(s["flop"] > 0);
    CHECK(s["least_bytes"] > 0);
    CHECK(s["share_of_peak"].is_number());
    CHECK(s["points_per_second"].is_number());
  }
  CHECK(j["stages"][2]["points"] == 70);
  CHECK(j["stages"][3]["points"] == 130);
  for (const char* what : {"weights", "anchor_cache", "scratch", "device_peak", "training_device_peak", "process_peak"})
    CHECK(j["memory"][what] > 0);
  CHECK(j["memory"]["device_peak"] >=
        j["memory"]["weights"].get<std::size_t>() + j["memory"]["anchor_cache"].get<std::size_t>());
  REQUIRE(j["profile"].size() == 4);  // encoding and anchors are one run
  for (const auto& p : j["profile"]) {
    REQUIRE(p["kernels"].size() > 3);
    double before = 1e9, sum = 0;
    for (const auto& k : p["kernels"]) {
      CHECK(k["seconds"] <= before);
      before = k["seconds"], sum += before;
      CHECK(k["calls"] > 0);
    }
    CHECK(sum <= p["seconds"].get<double>());
  }
}

TEST_CASE("bench prints a table, of the wanted stages only") {
  const TempDir dir;
  write_tiny(dir.file("tiny.h5"));
  const auto r = run_program(
      dir, {"bench", "--config", "tiny.h5", "--stage", "query", "--points", "0,50", "--repeat", "1", "--threads", "1"});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  CHECK_THAT(r.out, ContainsSubstring("query volume") && ContainsSubstring("TFLOP/s") && ContainsSubstring("memory"));
  CHECK_THAT(r.out, !ContainsSubstring("query surface") && !ContainsSubstring("train") && !ContainsSubstring("encode"));
}

TEST_CASE("bench counts without measuring") {
  const TempDir dir;
  const auto r = run_program(dir, {"bench", "--config", "drivaerml", "--stage", "query", "--points", "0,140000000",
                                   "--dry-run", "--json", "--threads", "1"});
  REQUIRE(r.code == 0);
  const auto j = streamtube::core::parse_json(r.out);
  REQUIRE(j["stages"].size() == 1);
  CHECK(j["stages"][0]["attention_flop"] == Approx(140e6 * 12 * 4 * 16384 * 192));
}

TEST_CASE("bench in bf16: the 16-bit pass by portable kernels, training where the processor has it") {
  const TempDir dir;
  write_tiny(dir.file("tiny.h5"));
  const std::vector<std::string> words = {"bench",    "--config",  "tiny.h5", "--points", "70,130",
                                          "--repeat", "1",         "--chunk", "64",       "--precision",
                                          "bf16",     "--threads", "1",       "--json",   "--stage"};
  const auto bench = [&](const char* stages) {
    auto with = words;
    with.push_back(stages);
    return run_program(dir, with);
  };
  const auto check = [](const streamtube::test::Outcome& r, std::size_t stages) {
    CAPTURE(r.err);
    REQUIRE(r.code == 0);
    const auto j = streamtube::core::parse_json(r.out);
    CHECK(j["precision"] == "bf16");
    CHECK(j["matmul_peak"]["tflops"] > 0);
    CHECK(j["stages"].size() == stages);
    return j;
  };
  if (streamtube::surrogate::cpu::bf16_gemm() && !streamtube::surrogate::portable_wanted())
    check(bench("encode,anchors,query,train"), 5);
  const streamtube::test::Environment portable("STREAMTUBE_CPU_PATH", "portable");
  const auto j = check(bench("encode,anchors,query"), 4);
  // Keys and values of the tiny network are half as large.
  auto fp32 = words;
  fp32[10] = "fp32", fp32.push_back("query");
  const auto whole = streamtube::core::parse_json(run_program(dir, fp32).out);
  CHECK(2 * j["memory"]["anchor_cache"].get<std::size_t>() == whole["memory"]["anchor_cache"].get<std::size_t>());
  const auto r = bench("train");
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("precision bf16"));
}

TEST_CASE("bench refuses what it cannot measure") {
  const TempDir dir;
  auto r = run_program(dir, {"bench", "--config", "drivearml"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("'drivearml'") && ContainsSubstring("did you mean 'drivaerml'?"));
  r = run_program(dir, {"bench", "--config", "missing.h5"});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("missing.h5"));
  r = run_program(dir, {"bench", "--stage", "encode,querry"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("'querry'") && ContainsSubstring("did you mean 'query'?"));
  r = run_program(dir, {"bench", "--points", "0,0"});
  CHECK(r.code == 2);
  r = run_program(dir, {"bench", "--points", "-5,3"});
  CHECK(r.code == 2);
  r = run_program(dir, {"bench", "--precision", "fp8"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("'fp8' is none of fp32, tf32, bf16"));
  r = run_program(dir, {"bench", "--precision", "fp16"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("the range of fp32"));
  r = run_program(dir, {"bench", "--precision", "tf32", "--backend", "openmp"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("tf32 needs an NVIDIA GPU"));
}
