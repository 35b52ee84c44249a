#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <vector>

#include "core/rng.hpp"
#include "tests/support/hopper_emulator.hpp"

using namespace streamtube;
using surrogate::Bf16;
using surrogate::Segment;
using surrogate::to_bf16;
using surrogate::to_float;

namespace {

std::vector<Bf16> random_rows(core::Rng& rng, std::int64_t rows, int width, double size) {
  std::vector<Bf16> x(static_cast<std::size_t>(rows * width));
  for (Bf16& value : x) value = to_bf16(static_cast<float>(size * rng.normal()));
  return x;
}

struct Comparison {
  double difference;  // relative L2
  std::size_t written_elsewhere;
};

// The kernel on the emulator against sums in double, over segments of one set of rows.
Comparison compare(const std::vector<Segment>& segments, std::int64_t queries, std::int64_t keys, int heads,
                   double size) {
  using Shape = surrogate::cuda::HopperAttentionShape;
  core::Rng rng(1, "test_hopper_attention");
  const int width = heads * Shape::head;
  const auto q = random_rows(rng, queries, width, size), k = random_rows(rng, keys, width, size),
             v = random_rows(rng, keys, width, 1.0);
  constexpr Bf16 untouched{0x7fc1};
  std::vector<Bf16> out(q.size(), untouched);

  surrogate::cuda::HopperAttentionArguments<test::TileMap> a;
  a.q = {q.data(), queries, width, Shape::rows_per_group};
  a.out = out.data(), a.width = width, a.scale = 1.44269504f / 8;
  std::int64_t most = 0;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const Segment& s = segments[i];
    a.query_begin[i] = static_cast<int>(s.query_begin), a.query_end[i] = static_cast<int>(s.query_end);
    a.keys[i] = static_cast<int>(s.key_end - s.key_begin);
    a.k[i] = {k.data() + s.key_begin * width, a.keys[i], width, Shape::key_tile};
    a.v[i] = {v.data() + s.key_begin * width, a.keys[i], width, Shape::key_tile};
    most = std::max(most, s.query_end - s.query_begin);
  }
  test::run_hopper_attention(a, static_cast<int>((most + Shape::query_tile - 1) / Shape::query_tile), heads,
                             static_cast<int>(segments.size()));

  double error = 0, norm = 0;
  std::vector<bool> asked(static_cast<std::size_t>(queries), false);
  for (const Segment& s : segments)
    for (std::int64_t i = s.query_begin; i < s.query_end; ++i) {
      asked[static_cast<std::size_t>(i)] = true;
      for (int h = 0; h < heads; ++h) {
        const std::int64_t at = i * width + h * Shape::head;
        std::vector<double> weight;
        double total = 0, sum[Shape::head] = {};
        for (std::int64_t j = s.key_begin; j < s.key_end; ++j) {
          double score = 0;
          for (int c = 0; c < Shape::head; ++c)
            score += double{to_float(q[at + c])} * double{to_float(k[j * width + h * Shape::head + c])};
          weight.push_back(std::exp(score / 8));
          total += weight.back();
        }
        for (std::int64_t j = s.key_begin; j < s.key_end; ++j)
          for (int c = 0; c < Shape::head; ++c)
            sum[c] += weight[j - s.key_begin] / total * double{to_float(v[j * width + h * Shape::head + c])};
        for (int c = 0; c < Shape::head; ++c) {
          const double got = double{to_float(out[at + c])};
          error += (got - sum[c]) * (got - sum[c]), norm += sum[c] * sum[c];
        }
      }
    }
  Comparison result{std::sqrt(error / norm), 0};
  for (std::size_t i = 0; i < asked.size(); ++i)
    for (int c = 0; c < width && !asked[i]; ++c)
      result.written_elsewhere += out[i * static_cast<std::size_t>(width) + c].bits != untouched.bits;
  return result;
}

void check(const Comparison& c) {
  CHECK(c.difference < 4e-3);  // bfloat16's last place is 2^-9
  CHECK(c.difference > 1e-4);  // and less would mean that it was not used
  CHECK(c.written_elsewhere == 0);
}

}  // namespace

TEST_CASE("the Hopper kernel's code computes attention, on an emulation of the instructions") {
  SECTION("tiles that do not divide, stages used several times") {
    check(compare({{0, 200, 0, 677}}, 200, 677, 2, 1.0));
  }
  SECTION("fewer keys than a tile") { check(compare({{0, 64, 0, 5}}, 64, 5, 1, 1.0)); }
  SECTION("exactly one tile") { check(compare({{0, 128, 0, 128}}, 128, 128, 1, 1.0)); }
  SECTION("segments with their own rows and keys, rows between them untouched") {
    check(compare({{3, 70, 10, 300}, {100, 120, 300, 333}}, 130, 340, 1, 1.0));
  }
  SECTION("scores so far apart that all weight is on few keys") { check(compare({{0, 64, 0, 300}}, 64, 300, 1, 8.0)); }
}

TEST_CASE("Bf16 rounds to the nearest, ties to even") {
  CHECK(to_float(to_bf16(1.0f)) == 1.0f);
  CHECK(to_float(to_bf16(1.0f + 1.0f / 256)) == 1.0f);
  CHECK(to_float(to_bf16(1.0f + 3.0f / 256)) == 1.0f + 4.0f / 256);
  CHECK(to_float(to_bf16(-1.0f - 1.01f / 256)) == -1.0f - 2.0f / 256);
  CHECK(std::isnan(to_float(to_bf16(std::nanf("")))));
  CHECK(std::isinf(to_float(to_bf16(3.4e38f))));
}
