// What the anchored architecture promises holds in 16 bit too, to what 16 bits can tell apart; by the portable kernels.

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <vector>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "core/runtime.hpp"
#include "surrogate/backends/cpu_kernels.hpp"
#include "surrogate/model/surrogate.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/small_network.hpp"

namespace {

using namespace streamtube;
using namespace streamtube::surrogate;
using Catch::Matchers::ContainsSubstring;

using test::ask;
using test::copy;
using test::difference;

AbuptConfig half_network(int condition = 0) { return test::small_network(48, condition); }
Weights weights(const AbuptConfig& c) { return test::large_weights(c); }
std::vector<float> positions(std::size_t n, const char* stream) { return test::random_positions(n, stream); }
struct Data : test::NetworkData {
  Data() : NetworkData(200, 70, 90) {}
};

struct Portable {
  test::Environment path{"STREAMTUBE_CPU_PATH", "portable"};
};

}  // namespace

TEST_CASE("in 16 bit a query on an anchor is that anchor, and near what float32 gives") {
  const Portable portable;
  for (const int condition : {0, 2}) {
    CAPTURE(condition);
    const AbuptConfig c = half_network(condition);
    Surrogate half(c, weights(c), "test", Precision::bf16), full(c, weights(c), "test");
    const Data data;
    half.encode(data.input(condition > 0)), full.encode(data.input(condition > 0));
    for (const Branch branch : {Branch::surface, Branch::volume}) {
      const auto anchors = copy(half.anchor_output(branch));
      CHECK(difference(ask(half, branch, branch == Branch::surface ? data.surface : data.volume), anchors) < 5e-3);
      const double rounding = difference(anchors, copy(full.anchor_output(branch)));
      CHECK(rounding > 1e-4);
      CHECK(rounding < 5e-2);
    }
  }
}

TEST_CASE("in 16 bit the gates follow the condition") {
  const Portable portable;
  const AbuptConfig c = half_network(2);
  Surrogate half(c, weights(c), "test", Precision::bf16), full(c, weights(c), "test");
  Data data;
  half.encode(data.input(true));
  const auto before = copy(half.anchor_output(Branch::volume));
  data.condition = {-0.8f, 0.6f};
  half.encode(data.input(true)), full.encode(data.input(true));
  const auto after = copy(half.anchor_output(Branch::volume)), expected = copy(full.anchor_output(Branch::volume));
  CHECK(difference(after, expected) < 5e-2);
  CHECK(difference(before, expected) > 4 * difference(after, expected));
}

TEST_CASE("in 16 bit chunks and the other branch's queries change nothing beyond rounding") {
  const Portable portable;
  const AbuptConfig c = half_network();
  Surrogate model(c, weights(c), "test", Precision::bf16);
  const Data data;
  model.encode(data.input());
  const std::vector<float> at = positions(150, "queries");
  const auto whole = ask(model, Branch::volume, at);
  for (const std::size_t chunk : {7u, 64u, 149u, 150u}) {
    model.set_query_chunk(chunk);
    CAPTURE(chunk);
    CHECK(difference(ask(model, Branch::volume, at), whole) < 2e-3);
  }
  CHECK(ask(model, Branch::surface, {}).empty());
  // Anchors and queries of both branches as rows of one pass.
  const std::vector<float> few = positions(5, "few");
  const std::span<const float> queries[2] = {few, at};
  const auto surface = ask(model, Branch::surface, few), anchors = copy(model.anchor_output(Branch::surface));
  std::vector<float> out[2];
  model.forward_traced(data.input(), queries, out, nullptr);
  const auto split = static_cast<std::ptrdiff_t>(anchors.size());
  CHECK(difference({out[0].begin(), out[0].begin() + split}, anchors) < 2e-3);
  CHECK(difference({out[0].begin() + split, out[0].end()}, surface) < 2e-3);
  CHECK(difference({out[1].end() - static_cast<std::ptrdiff_t>(whole.size()), out[1].end()}, whole) < 2e-3);
}

TEST_CASE("derivatives are float32 whatever the queries are") {
  const AbuptConfig c = half_network();
  const Data data;
  const std::vector<float> at = positions(20, "queries");
  std::vector<float> out(20 * 7), gradient(3 * out.size()), out16(out.size()), gradient16(gradient.size());
  const Portable portable;
  Surrogate full(c, weights(c), "test"), half(c, weights(c), "test", Precision::bf16);
  full.encode(data.input()), half.encode(data.input());
  const auto before = ask(half, Branch::volume, at);
  full.query_gradient(Branch::volume, at, out, gradient);
  half.query_gradient(Branch::volume, at, out16, gradient16);
  CHECK(difference(out16, out) < 1e-6);
  CHECK(difference(gradient16, gradient) < 1e-6);
  CHECK(difference(before, out) > 1e-4);
  CHECK(ask(half, Branch::volume, at) == before);  // the 16-bit anchors are still there
  // Another case, other derivatives.
  Data other;
  other.volume.resize(3 * 40);
  full.encode(other.input()), half.encode(other.input());
  full.query_gradient(Branch::volume, at, out, gradient);
  half.query_gradient(Branch::volume, at, out16, gradient16);
  CHECK(difference(gradient16, gradient) < 1e-6);
}

TEST_CASE("memory of the 16-bit pass: half of the keys and values") {
  const Portable portable;
  const AbuptConfig c = half_network();
  const Data data;
  Surrogate half(c, weights(c), "test", Precision::bf16), full(c, weights(c), "test");
  half.encode(data.input()), full.encode(data.input());
  CHECK(2 * half.memory().anchor_cache == full.memory().anchor_cache);
  const auto estimate = Surrogate::estimate(c, data.supernodes.size(), 70, 90, 256, Precision::bf16);
  CHECK(estimate.anchor_cache == half.memory().anchor_cache);
  CHECK(half.memory().weights > full.memory().weights);
  CHECK(std::abs(double(estimate.weights) / double(half.memory().weights) - 1) < 0.05);
}

TEST_CASE("precisions this machine does not have are refused") {
  const AbuptConfig c = half_network();
  if (core::backend() == core::Backend::openmp) {
    CHECK_THROWS_WITH(Surrogate(c, weights(c), "test", Precision::tf32), ContainsSubstring("needs an NVIDIA GPU"));
    CHECK_THROWS_WITH(check_precision(Precision::tf32), ContainsSubstring("needs an NVIDIA GPU"));
    const test::Environment avx512("STREAMTUBE_CPU_PATH", cpu::avx512() ? "avx512" : "");
    if (!cpu::bf16_gemm())
      CHECK_THROWS_WITH(check_precision(Precision::bf16), ContainsSubstring("precision bf16"));
    else
      CHECK_NOTHROW(check_precision(Precision::bf16));
  }
  const Portable portable;
  CHECK_NOTHROW(check_precision(Precision::bf16));
  AbuptConfig wide = c;
  wide.hidden = 260, wide.heads = 2;
  CHECK_THROWS_WITH(Surrogate(wide, random_weights(wide, 1), "test", Precision::bf16),
                    ContainsSubstring("130 channels"));
}
