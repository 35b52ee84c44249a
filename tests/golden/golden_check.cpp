// golden_check FILE...: runs the model of each golden file (written by the PyTorch reference) natively and compares
// every output and every traced block; of files with derivatives, the velocity's Jacobian; of training files, the
// gradient of every parameter and the losses of ten steps of each optimiser. Prints the relative error per tensor;
// exits 1 if one is above the tolerance, 3 for a file that cannot be used.
//
//   golden_check [--tolerance T] [--precision fp32|tf32|bf16] FILE...
//     default tolerance: 1e-5, tf32 2e-3, bf16 2e-2, training files (always fp32) 1e-4; derivatives stay fp32 with
//     bf16. With bf16 a file whose every tensor is better than bfloat16 can be fails too: something else has run.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/runtime.hpp"
#include "mesh_io/h5/h5_file.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "tests/golden/golden_case.hpp"
#include "tests/golden/training_case.hpp"

namespace {

using namespace streamtube;

// Rounding to bfloat16 is off by up to 2^-9, on average by 2^-11; after a block or two errors are larger.
constexpr double kBestOfBf16 = 0x1p-11;

bool check_file(const std::string& path, double wanted, surrogate::Precision precision) {
  const bool training = golden::is_training_case(path);
  const double tolerance = wanted > 0                                ? wanted
                           : training                                ? 1e-4
                           : precision == surrogate::Precision::bf16 ? 2e-2
                           : precision == surrogate::Precision::tf32 ? 2e-3
                                                                     : 1e-5;
  const std::vector<golden::Comparison> comparisons = training
                                                          ? golden::run_and_compare(golden::read_training_case(path))
                                                          : golden::run_and_compare(golden::read_case(path), precision);
  bool good = !comparisons.empty();
  double worst = 0;
  std::printf("%s\n", path.c_str());
  for (const golden::Comparison& c : comparisons) {
    const bool within = c.error <= tolerance;  // false for NaN
    good = good && within;
    worst = std::max(worst, c.error);
    std::printf("  %-48s %9.2e%s\n", c.tensor.c_str(), c.error, within ? "" : "  ABOVE TOLERANCE");
  }
  const bool derivative = !comparisons.empty() && comparisons[0].tensor.starts_with("derivative/");
  if (precision == surrogate::Precision::bf16 && !training && !derivative && worst < kBestOfBf16) {
    std::printf("  FAILED: the largest error is %.2e, bfloat16 is not that good: it has not run\n", worst);
    good = false;
  }
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  double tolerance = 0;  // the default of the file's kind
  std::vector<std::string> files;
  surrogate::Precision precision = surrogate::Precision::fp32;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--tolerance") && i + 1 < argc) {
      char* end = nullptr;
      tolerance = std::strtod(argv[++i], &end);
      if (*end || !(tolerance > 0)) files.clear(), i = argc;
    } else if (!std::strcmp(argv[i], "--precision") && i + 1 < argc) {
      const std::string word = argv[++i];
      bool known = false;
      for (const auto one : {surrogate::Precision::fp32, surrogate::Precision::tf32, surrogate::Precision::bf16})
        if (word == surrogate::name(one)) precision = one, known = true;
      if (!known) files.clear(), i = argc;
    } else {
      files.push_back(argv[i]);
    }
  }
  if (files.empty()) {
    std::fprintf(stderr, "usage: golden_check [--tolerance T] [--precision fp32|tf32|bf16] FILE...\n");
    return 2;
  }
  try {
    const core::Runtime runtime;
    bool good = true;
    for (const std::string& file : files) good = check_file(file, tolerance, precision) && good;
    std::printf("%s: %zu files\n", good ? "all within tolerance" : "FAILED", files.size());
    return good ? 0 : 1;
  } catch (const core::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return core::exit_code(error.kind());
  }
}
