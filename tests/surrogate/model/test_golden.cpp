// The shipped golden files, written by the PyTorch reference: outputs and every traced block within 1e-5.

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "tests/golden/golden_case.hpp"
#include "tests/golden/training_case.hpp"

TEST_CASE("golden files") {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(STREAMTUBE_SOURCE_DIR "/tests/golden/data")) {
    const auto comparisons = streamtube::golden::run_and_compare(streamtube::golden::read_case(entry.path()));
    CHECK(comparisons.size() >= 10);
    for (const auto& c : comparisons) {
      CAPTURE(entry.path().filename(), c.tensor);
      CHECK(c.error <= 1e-5);
    }
    ++files;
  }
  CHECK(files >= 5);
}

TEST_CASE("a golden comparison can fail") {
  auto golden = streamtube::golden::read_case(STREAMTUBE_SOURCE_DIR "/tests/golden/data/relative.h5");
  golden.weights["pooling.merge.bias"].values[0] += 1e-3f;
  double worst = 0;
  for (const auto& c : streamtube::golden::run_and_compare(golden)) worst = std::max(worst, c.error);
  CHECK(worst > 1e-5);
  golden.anchor_outputs[0][0] = std::nanf("");
  double with_nan = 0;
  for (const auto& c : streamtube::golden::run_and_compare(golden)) with_nan = std::max(with_nan, c.error);
  CHECK(std::isinf(with_nan));
}

TEST_CASE("golden files of training") {
  const std::string path = STREAMTUBE_SOURCE_DIR "/tests/golden/training/train_conditioned.h5";
  for (const bool recompute : {false, true})
    for (const auto& c : streamtube::golden::run_and_compare(streamtube::golden::read_training_case(path), recompute)) {
      CAPTURE(c.tensor);
      CHECK(c.error <= 1e-4);
    }
}

TEST_CASE("golden file of derivatives") {
  auto golden = streamtube::golden::read_case(STREAMTUBE_SOURCE_DIR "/tests/golden/derivative/derivative.h5");
  const auto comparisons = streamtube::golden::run_and_compare(golden);
  CHECK(comparisons.size() == 4);
  for (const auto& c : comparisons) {
    CAPTURE(c.tensor);
    CHECK(c.error <= 1e-5);
  }
  for (float& v : golden.queries[1]) v += 0.01f;
  for (const auto& c : streamtube::golden::run_and_compare(golden)) CHECK(c.error > 1e-5);
}
