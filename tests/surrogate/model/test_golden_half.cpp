// The 16-bit pass, by its portable kernels, against the golden files of the float32 reference: every output and every
// traced block within 2e-2, and not within 1e-4, which only 32 bits reach.

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "surrogate/backends/cpu_kernels.hpp"
#include "tests/golden/golden_case.hpp"
#include "tests/support/environment.hpp"

namespace {

using namespace streamtube;
using surrogate::Precision;

// Returns the largest error.
double check_files(double least) {
  int files = 0;
  double worst = 0;
  for (const auto& entry : std::filesystem::directory_iterator(STREAMTUBE_SOURCE_DIR "/tests/golden/data")) {
    const auto comparisons = golden::run_and_compare(golden::read_case(entry.path()), Precision::bf16);
    CHECK(comparisons.size() >= 10);
    for (const auto& c : comparisons) {
      CAPTURE(entry.path().filename(), c.tensor);
      CHECK(c.error <= 2e-2);
      if (c.tensor != "trace/pooling") CHECK(c.error > least);
      worst = std::max(worst, c.error);
    }
    ++files;
  }
  CHECK(files >= 5);
  return worst;
}

}  // namespace

TEST_CASE("golden files in 16 bit") {
  const test::Environment portable("STREAMTUBE_CPU_PATH", "portable");
  CHECK(check_files(1e-4) > 1e-3);
}

TEST_CASE("golden files with AVX512-BF16 products") {
  if (!surrogate::cpu::bf16_gemm() || surrogate::portable_wanted())
    SKIP("this machine has no AVX512-BF16, or it is switched off");
  check_files(1e-6);
}

TEST_CASE("golden file of derivatives: float32 with bf16 too") {
  const test::Environment portable("STREAMTUBE_CPU_PATH", "portable");
  const auto golden = golden::read_case(STREAMTUBE_SOURCE_DIR "/tests/golden/derivative/derivative.h5");
  const auto comparisons = golden::run_and_compare(golden, Precision::bf16);
  CHECK(comparisons.size() == 4);
  for (const auto& c : comparisons) {
    CAPTURE(c.tensor);
    CHECK(c.error <= 1e-5);
  }
}
