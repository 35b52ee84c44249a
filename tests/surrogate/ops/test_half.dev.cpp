// The ops of the 16-bit pass against plain loops in double over the same rounded operands. A result stored in bfloat16
// may be off by half a unit in its last place, 2^-8 of it; float32 sums add little to that.

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "core/rng.hpp"
#include "surrogate/ops/embedding.dev.hpp"
#include "surrogate/ops/half.dev.hpp"

namespace {

using namespace streamtube;
using namespace streamtube::surrogate;
using Catch::Matchers::ContainsSubstring;

constexpr double half_unit = 1.0 / 256;

std::vector<float> random(std::size_t n, const char* stream, double scale = 1) {
  core::Rng rng(3, stream);
  std::vector<float> x(n);
  for (float& v : x) v = static_cast<float>(scale * rng.normal());
  return x;
}
std::vector<Bf16> rounded(const std::vector<float>& x) {
  std::vector<Bf16> y;
  for (const float v : x) y.push_back(to_bf16(v));
  return y;
}
std::vector<double> exact(const std::vector<Bf16>& x) {
  std::vector<double> y;
  for (const Bf16 v : x) y.push_back(double{to_float(v)});
  return y;
}
template <class T>
Mat<T, HostSpace> matrix(std::vector<T>& x, std::size_t columns) {
  return {x.data(), x.size() / columns, columns};
}
Vec<const float, HostSpace> vec(const std::vector<float>& x) { return {x.data(), x.size()}; }

// Largest |got - expected| / (|expected| + floor).
double worst(const std::vector<Bf16>& got, const std::vector<double>& expected, double floor) {
  double w = 0;
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double e = std::abs(double{to_float(got[i])} - expected[i]) / (std::abs(expected[i]) + floor);
    w = e <= w ? w : e;  // NaN counts
  }
  return w;
}

template <class Body>
void with_context(const Body& body) {
  const BackendSet backends;
  core::Arena<HostSpace> arena;
  Context<HostSpace> context{HostSpace(), arena, backends};
  // Nothing is launched, read or taken while the arena measures.
  CHECK(arena.measured([&] { body(context); }) == 0);
  body(context);
  context.space.fence();
}

double exact_gelu(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }

}  // namespace

TEST_CASE("bfloat16 rounds to the nearest, ties to even") {
  CHECK(to_float(to_bf16(1.0f)) == 1.0f);
  CHECK(to_float(to_bf16(1.0f + 1.0f / 256)) == 1.0f);               // tie: even below
  CHECK(to_float(to_bf16(1.0f + 3.0f / 256)) == 1.0f + 4.0f / 256);  // tie: even above
  CHECK(to_float(to_bf16(1.0f + 1.1f / 256)) == 1.0f + 2.0f / 256);
  CHECK(std::isinf(to_float(to_bf16(3.4e38f))));
  CHECK(std::isnan(to_float(to_bf16(std::numeric_limits<float>::quiet_NaN()))));
  CHECK(std::isnan(to_float(to_bf16(std::bit_cast<float>(0x7f800001u)))));
}

TEST_CASE("layer_norm16: affine, modulated, neither; any width") {
  for (const std::size_t size : {192u, 24u, 7u})
    for (const int kind : {0, 1, 2, 3}) {
      CAPTURE(size, kind);
      const std::size_t n = 70;
      std::vector<float> x = random(n * size, "x", 3);
      for (float& v : x) v += 20;  // a mean far from 0
      const std::vector<float> weight = random(size, "weight"), bias = random(size, "bias"),
                               scale = random(size, "scale"), shift = random(size, "shift");
      std::vector<Bf16> y(n * size);
      with_context([&](Context<HostSpace>& context) {
        layer_norm16<HostSpace>(context, matrix(x, size),
                                kind == 1 || kind == 2 ? vec(weight) : Vec<const float, HostSpace>(),
                                kind == 1 ? vec(bias) : Vec<const float, HostSpace>(),
                                kind == 3 ? vec(scale) : Vec<const float, HostSpace>(),
                                kind == 3 ? vec(shift) : Vec<const float, HostSpace>(), 1e-6f, matrix(y, size));
      });
      std::vector<double> expected(n * size);
      for (std::size_t r = 0; r < n; ++r) {
        double mean = 0, variance = 0;
        for (std::size_t c = 0; c < size; ++c) mean += x[r * size + c] / double(size);
        for (std::size_t c = 0; c < size; ++c) variance += std::pow(x[r * size + c] - mean, 2) / double(size);
        for (std::size_t c = 0; c < size; ++c) {
          double v = (x[r * size + c] - mean) / std::sqrt(variance + 1e-6);
          if (kind == 1 || kind == 2) v *= double{weight[c]};
          if (kind == 1) v += double{bias[c]};
          if (kind == 3) v = v * (1 + double{scale[c]}) + double{shift[c]};
          expected[r * size + c] = v;
        }
      }
      CHECK(worst(y, expected, 1e-3) < 1.02 * half_unit);
    }
}

TEST_CASE("rotate16 turns channel pairs by the table, left-over channels stay") {
  for (const int head : {64, 24, 10}) {
    CAPTURE(head);
    const int heads = 2, n = 33;
    const std::vector<float> positions = [&] {
      std::vector<float> p = random(3 * n, "positions", 200);
      for (float& v : p) v = std::abs(v);
      return p;
    }();
    std::vector<float> f = frequencies(head, 3, 10000.0f), at = positions;
    std::vector<float> table(static_cast<std::size_t>(n * head));
    std::vector<Bf16> x = rounded(random(static_cast<std::size_t>(n * heads * head), "x"));
    const std::vector<double> before = exact(x);
    with_context([&](Context<HostSpace>& context) {
      rotary_table<float, HostSpace>(context, matrix(at, 3), vec(f), matrix(table, static_cast<std::size_t>(head)));
      rotate16<HostSpace>(context, matrix(x, static_cast<std::size_t>(heads * head)),
                          matrix(table, static_cast<std::size_t>(head)));
    });
    std::vector<double> expected = before;
    const int per_axis = static_cast<int>(f.size());
    for (int r = 0; r < n; ++r)
      for (int h = 0; h < heads; ++h)
        for (int i = 0; i < 3 * per_axis; ++i) {
          const float angle = positions[static_cast<std::size_t>(3 * r + i / per_axis)] *
                              f[static_cast<std::size_t>(i % per_axis)];  // float32, as the contract says
          const std::size_t even = static_cast<std::size_t>((r * heads + h) * head + 2 * i);
          const double c = std::cos(double{angle}), s = std::sin(double{angle});
          expected[even] = before[even] * c - before[even + 1] * s;
          expected[even + 1] = before[even] * s + before[even + 1] * c;
        }
    CHECK(worst(x, expected, 1e-3) < 1.02 * half_unit);
  }
}

TEST_CASE("gelu16 is the exact GELU, not its tanh approximation") {
  for (const std::size_t size : {1001u, 1000u, 1u}) {
    std::vector<Bf16> x = rounded(random(size, "x", 2));
    const std::vector<double> before = exact(x);
    with_context([&](Context<HostSpace>& context) { gelu16<HostSpace>(context, matrix(x, size)); });
    std::vector<double> expected;
    for (const double v : before) expected.push_back(exact_gelu(v));
    CHECK(worst(x, expected, 1e-3) < 1.05 * half_unit);
  }
}

TEST_CASE("round16 multiplies rows by their gate before it rounds") {
  std::vector<float> x = random(5 * 12, "x"), gate = random(5, "gate");
  std::vector<Bf16> y(x.size());
  with_context(
      [&](Context<HostSpace>& context) { round16<HostSpace>(context, matrix(x, 12), vec(gate), matrix(y, 12)); });
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(y[i].bits == to_bf16(gate[i / 12] * x[i]).bits);
  with_context([&](Context<HostSpace>& context) { round16<HostSpace>(context, matrix(x, 12), {}, matrix(y, 12)); });
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(y[i].bits == to_bf16(x[i]).bits);
}

TEST_CASE("linear16 with every epilogue, with and without bias") {
  constexpr std::int64_t shapes[][3] = {{70, 48, 96}, {3, 5, 7}, {1, 33, 18}, {64, 192, 768}};
  for (const auto& [rows, inner, columns] : shapes)
    for (const bool with_bias : {true, false}) {
      CAPTURE(rows, inner, columns, with_bias);
      const auto size = [](std::int64_t a, std::int64_t b) { return static_cast<std::size_t>(a * b); };
      const std::vector<Bf16> x = rounded(random(size(rows, inner), "x")),
                              w = rounded(random(size(columns, inner), "w", 0.3));
      const std::vector<float> b = random(size(columns, 1), "b"), start = random(size(rows, columns), "y");
      const std::vector<double> ex = exact(x), ew = exact(w);
      std::vector<double> expected(size(rows, columns));
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < columns; ++c) {
          double sum = with_bias ? double{b[static_cast<std::size_t>(c)]} : 0;
          for (std::int64_t k = 0; k < inner; ++k) sum += ex[size(r, inner) + k] * ew[size(c, inner) + k];
          expected[size(r, columns) + c] = sum;
        }
      Gemm16Desc g{x.data(), w.data(),       with_bias ? b.data() : nullptr, nullptr, nullptr, rows, columns,
                   inner,    Epilogue::store};
      std::vector<Bf16> y16(expected.size());
      std::vector<float> y32 = start;
      const auto run = [&] { with_context([&](Context<HostSpace>& context) { linear16<HostSpace>(context, g); }); };
      g.y16 = y16.data();
      run();
      CHECK(worst(y16, expected, 1e-2) < 1.02 * half_unit);
      g.epilogue = Epilogue::gelu;
      run();
      std::vector<double> activated;
      for (const double v : expected) activated.push_back(exact_gelu(v));
      CHECK(worst(y16, activated, 1e-2) < 1.05 * half_unit);
      g.y16 = nullptr, g.y32 = y32.data(), g.epilogue = Epilogue::accumulate;
      run();
      for (std::size_t i = 0; i < y32.size(); ++i)
        CHECK(std::abs(double{y32[i]} - (double{start[i]} + expected[i])) < 1e-5 * (10 + std::abs(expected[i])));
      g.epilogue = Epilogue::store;
      run();
      for (std::size_t i = 0; i < y32.size(); ++i)
        CHECK(std::abs(double{y32[i]} - expected[i]) < 1e-5 * (10 + std::abs(expected[i])));
    }
}

TEST_CASE("attention16 over segments, any head size, scores large and small") {
  for (const int head : {4, 24, 64, 96, 128})
    for (const double scale : {1.0, 6.0}) {  // 6: one key takes nearly all of the weight
      CAPTURE(head, scale);
      const int heads = 3, queries = 40, keys = 53, width = heads * head;
      const auto numbers = [&](int rows, const char* name, double by) {
        return rounded(random(static_cast<std::size_t>(rows * width), name, by));
      };
      const std::vector<Bf16> q = numbers(queries, "q", scale), k = numbers(keys, "k", 1), v = numbers(keys, "v", 1);
      const std::vector<double> eq = exact(q), ek = exact(k), ev = exact(v);
      const std::vector<Segment> segments = {{0, 10, 3, 20}, {10, 10, 0, 0}, {11, 40, 0, 53}, {10, 11, 52, 53}};
      std::vector<Bf16> out(q.size(), to_bf16(-7));
      with_context([&](Context<HostSpace>& context) {
        attention16<HostSpace>(
            context, {q.data(), k.data(), v.data(), out.data(), heads, head, segments.data(), int(segments.size())});
      });
      double difference = 0, total = 0;
      for (const Segment& s : segments)
        for (std::int64_t i = s.query_begin; i < s.query_end; ++i)
          for (int h = 0; h < heads; ++h) {
            std::vector<double> p;
            double sum = 0;
            for (std::int64_t j = s.key_begin; j < s.key_end; ++j) {
              double score = 0;
              for (int c = 0; c < head; ++c)
                score += eq[std::size_t(i * width + h * head + c)] * ek[std::size_t(j * width + h * head + c)];
              p.push_back(std::exp(score / std::sqrt(double(head))));
              sum += p.back();
            }
            for (int c = 0; c < head; ++c) {
              double expected = 0;
              for (std::size_t j = 0; j < p.size(); ++j)
                expected += p[j] / sum * ev[std::size_t((s.key_begin + std::int64_t(j)) * width + h * head + c)];
              const double got = double{to_float(out[std::size_t(i * width + h * head + c)])};
              difference += (got - expected) * (got - expected), total += expected * expected;
              // Every probability is off by half a unit at most, and so is the result.
              CHECK(std::abs(got - expected) < 2 * half_unit * (std::abs(expected) + 1));
            }
          }
      CHECK(std::sqrt(difference / total) < 1.5 * half_unit);
    }
}

TEST_CASE("attention16 stands scores that overflow an exponential taken without their maximum") {
  std::vector<Bf16> q = rounded({100, 100, 100, 100}), k = rounded({30, 30, 30, 30, -30, -30, -30, -30}),
                    v = rounded({1, 2, 3, 4, 5, 6, 7, 8}), out(4);
  const Segment all{0, 1, 0, 2};
  with_context([&](Context<HostSpace>& context) {
    attention16<HostSpace>(context, {q.data(), k.data(), v.data(), out.data(), 1, 4, &all, 1});
  });
  CHECK(exact(out) == std::vector<double>{1, 2, 3, 4});
}

TEST_CASE("what does not fit is refused") {
  const BackendSet backends;
  core::Arena<HostSpace> arena;
  Context<HostSpace> context{HostSpace(), arena, backends};
  std::vector<float> x(12), table(4);
  std::vector<Bf16> y(12), w(12);
  CHECK_THROWS_WITH(layer_norm16<HostSpace>(context, matrix(x, 4), {}, {}, {}, {}, 1e-6f, matrix(y, 6)),
                    ContainsSubstring("differ in shape"));
  CHECK_THROWS_WITH(layer_norm16<HostSpace>(context, matrix(x, 4), vec(x), {}, {}, {}, 1e-6f, matrix(y, 4)),
                    ContainsSubstring("as long as a row"));
  CHECK_THROWS_WITH(rotate16<HostSpace>(context, matrix(y, 4), matrix(table, 4)), ContainsSubstring("differ in rows"));
  CHECK_THROWS_WITH(
      linear16<HostSpace>(context, {y.data(), w.data(), nullptr, nullptr, nullptr, 3, 3, 4, Epilogue::store}),
      ContainsSubstring("one of y16 and y32"));
  CHECK_THROWS_WITH(
      linear16<HostSpace>(context, {y.data(), w.data(), nullptr, y.data(), nullptr, 3, 3, 4, Epilogue::accumulate}),
      ContainsSubstring("adds to y32"));
  const Segment no_keys{0, 1, 2, 2};
  CHECK_THROWS_WITH(attention16<HostSpace>(context, {y.data(), y.data(), y.data(), w.data(), 1, 4, &no_keys, 1}),
                    ContainsSubstring("without keys"));
  CHECK_THROWS_WITH(attention16<HostSpace>(context, {y.data(), y.data(), y.data(), w.data(), 1, 129, &no_keys, 1}),
                    ContainsSubstring("128"));
}

TEST_CASE("the order of attention on NVIDIA GPUs") {
  using enum Attention16Path;
  CHECK(attention16_order("") == std::vector{cudnn, hopper, portable});
  CHECK(attention16_order("cudnn") == attention16_order(""));
  CHECK(attention16_order("hopper") == std::vector{hopper, cudnn, portable});
  CHECK(attention16_order("portable") == std::vector{portable});
  CHECK_THROWS_WITH(attention16_order("flash"), ContainsSubstring("'flash' is unknown"));
}
