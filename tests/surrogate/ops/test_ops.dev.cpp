// Every op on the host in float and double, on every CPU path, against plain loops in double.

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <vector>

#include "core/rng.hpp"
#include "surrogate/backends/backend_set.hpp"
#include "surrogate/ops/attention.dev.hpp"
#include "surrogate/ops/embedding.dev.hpp"
#include "surrogate/ops/layer_norm.dev.hpp"
#include "surrogate/ops/linear.dev.hpp"

namespace {

using namespace streamtube;
using namespace streamtube::surrogate;

template <class T>
std::vector<T> random(std::size_t n, const char* stream, double scale = 1) {
  core::Rng rng(3, stream);
  std::vector<T> x(n);
  for (T& v : x) v = static_cast<T>(scale * rng.normal());
  return x;
}
template <class T>
Mat<T, HostSpace> matrix(std::vector<T>& x, std::size_t columns) {
  return {x.data(), x.size() / columns, columns};
}
template <class T>
Vec<const T, HostSpace> vec(const std::vector<T>& x) {
  return {x.data(), x.size()};
}

template <class T>
double tolerance() {
  return sizeof(T) == 4 ? 2e-6 : 1e-13;
}

template <class T>
double error(const std::vector<T>& got, const std::vector<double>& expected) {
  double difference = 0, size = 0;
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    difference += std::pow(double(got[i]) - expected[i], 2);
    size += expected[i] * expected[i];
  }
  return std::sqrt(difference / size);
}

// body(context) after measuring, on each CPU path there is.
template <class Body>
void on_every_path(const Body& body) {
  for (const CpuPath path : cpu_paths()) {
    CAPTURE(static_cast<int>(path));
    const BackendSet backends(path);
    core::Arena<HostSpace> arena;
    Context<HostSpace> context{HostSpace(), arena, backends};
    body(context);
  }
}

// Runs an op the way the model does: measured first.
template <class Op>
void run(Context<HostSpace>& context, const Op& op) {
  context.arena.measure(op);
  op();
  context.space.fence();
}

}  // namespace

TEMPLATE_TEST_CASE("linear with every epilogue", "", float, double) {
  using T = TestType;
  on_every_path([](Context<HostSpace>& context) {
    constexpr int shapes[][3] = {{70, 48, 96}, {3, 5, 7}, {1, 33, 18}};
    for (const auto& [n, inner, columns] : shapes) {
      const auto rows = static_cast<std::size_t>(n), k = static_cast<std::size_t>(inner),
                 c = static_cast<std::size_t>(columns);
      auto x = random<T>(rows * k, "x"), w = random<T>(c * k, "w", 0.3), b = random<T>(c, "b"),
           gate = random<T>(c, "gate"), y0 = random<T>(rows * c, "y");
      for (const Epilogue epilogue : {Epilogue::store, Epilogue::gelu, Epilogue::accumulate}) {
        auto y = y0;
        run(context, [&] {
          linear<T, HostSpace>(context, matrix(x, k), matrix(w, k), vec(b), matrix(y, c), epilogue, vec(gate));
        });
        std::vector<double> expected;
        for (std::size_t r = 0; r < rows; ++r)
          for (std::size_t o = 0; o < c; ++o) {
            double sum = b[o];
            for (std::size_t i = 0; i < k; ++i) sum += double(x[r * k + i]) * double(w[o * k + i]);
            if (epilogue == Epilogue::gelu) sum = 0.5 * sum * (1 + std::erf(sum * M_SQRT1_2));
            if (epilogue == Epilogue::accumulate) sum = double(y0[r * c + o]) + double(gate[o]) * sum;
            expected.push_back(sum);
          }
        CHECK(error(y, expected) < tolerance<T>());
      }
    }
  });
}

TEMPLATE_TEST_CASE("layer norm with and without affine part and modulation", "", float, double) {
  using T = TestType;
  on_every_path([](Context<HostSpace>& context) {
    for (const std::size_t size : {24u, 192u, 7u}) {
      auto x = random<T>(5 * size, "x", 3);
      const auto w = random<T>(size, "w"), b = random<T>(size, "b"), scale = random<T>(size, "scale"),
                 shift = random<T>(size, "shift");
      for (const bool affine : {true, false})
        for (const bool modulated : {true, false}) {
          std::vector<T> y(x.size());
          const Vec<const T, HostSpace> none;
          run(context, [&] {
            layer_norm<T, HostSpace>(context, matrix(x, size), affine ? vec(w) : none, affine ? vec(b) : none,
                                     modulated ? vec(scale) : none, modulated ? vec(shift) : none, T(1e-6),
                                     matrix(y, size));
          });
          std::vector<double> expected;
          for (std::size_t r = 0; r < 5; ++r) {
            double mean = 0, variance = 0;
            for (std::size_t c = 0; c < size; ++c) mean += double(x[r * size + c]) / double(size);
            for (std::size_t c = 0; c < size; ++c)
              variance += std::pow(double(x[r * size + c]) - mean, 2) / double(size);
            for (std::size_t c = 0; c < size; ++c) {
              double v = (double(x[r * size + c]) - mean) / std::sqrt(variance + 1e-6);
              if (affine) v = v * double(w[c]) + double(b[c]);
              if (modulated) v = v * (1 + double(scale[c])) + double(shift[c]);
              expected.push_back(v);
            }
          }
          CHECK(error(y, expected) < tolerance<T>());
        }
    }
  });
}

TEMPLATE_TEST_CASE("attention over segments", "", float, double) {
  using T = TestType;
  on_every_path([](Context<HostSpace>& context) {
    for (const int head : {32, 12, 64, 20}) {
      const int heads = 2;
      const std::size_t width = static_cast<std::size_t>(heads * head), queries = 150, keys = 90;
      auto q = random<T>(queries * width, "q"), k = random<T>(keys * width, "k"), v = random<T>(keys * width, "v");
      // Two segments with different keys; queries 100..119 in none.
      const std::vector<Segment> segments = {{0, 100, 40, 90}, {120, 150, 0, 33}, {0, 0, 5, 5}};
      std::vector<T> out(q.size(), T(5));
      run(context, [&] {
        attention<T, HostSpace>(context, heads, matrix(q, width), matrix(k, width), matrix(v, width), segments,
                                matrix(out, width));
      });
      std::vector<double> expected(out.size(), 5.0);
      for (const Segment& s : segments)
        for (auto i = s.query_begin; i < s.query_end; ++i)
          for (int h = 0; h < heads; ++h) {
            std::vector<double> p;
            double total = 0;
            for (auto j = s.key_begin; j < s.key_end; ++j) {
              double score = 0;
              for (int c = 0; c < head; ++c)
                score += double(q[i * width + h * head + c]) * double(k[j * width + h * head + c]);
              p.push_back(std::exp(score / std::sqrt(head)));
              total += p.back();
            }
            for (int c = 0; c < head; ++c) {
              double sum = 0;
              for (auto j = s.key_begin; j < s.key_end; ++j)
                sum += p[j - s.key_begin] * double(v[j * width + h * head + c]);
              expected[i * width + h * head + c] = sum / total;
            }
          }
      CAPTURE(head);
      CHECK(error(out, expected) < tolerance<T>());
    }
  });
}

TEST_CASE("attention refuses queries without keys and segments out of range") {
  on_every_path([](Context<HostSpace>& context) {
    std::vector<float> x(40 * 8), out(40 * 8);
    const auto call = [&](Segment s) {
      attention<float, HostSpace>(context, 2, matrix(x, 8), matrix(x, 8), matrix(x, 8), {s}, matrix(out, 8));
    };
    CHECK_THROWS_AS(call({0, 4, 3, 3}), core::Error);
    CHECK_THROWS_AS(call({0, 41, 0, 3}), core::Error);
    CHECK_THROWS_AS(call({0, 4, 0, 41}), core::Error);
  });
}

TEMPLATE_TEST_CASE("sin-cos embedding, rotary table and rotation", "", float, double) {
  using T = TestType;
  on_every_path([](Context<HostSpace>& context) {
    core::Rng rng(5, "positions");
    std::vector<T> x(40 * 3);
    for (T& v : x) v = static_cast<T>(1000 * rng.uniform());
    for (const int size : {24, 32, 192}) {                               // 32: left-over channels
      const std::vector<float> frequency = frequencies(size, 3, 10000);  // of `size` channels
      const int n = static_cast<int>(frequency.size());
      REQUIRE(n == (size - size % 6) / 6);
      std::vector<T> y(40 * static_cast<std::size_t>(size), T(9));
      run(context, [&] {
        sincos_embedding<T, HostSpace>(context, matrix(x, 3), vec(frequency),
                                       matrix(y, static_cast<std::size_t>(size)));
      });
      std::vector<double> expected;
      for (std::size_t r = 0; r < 40; ++r) {
        for (std::size_t a = 0; a < 3; ++a) {
          for (int i = 0; i < n; ++i) expected.push_back(std::sin(double(x[r * 3 + a] * T(frequency[i]))));
          for (int i = 0; i < n; ++i) expected.push_back(std::cos(double(x[r * 3 + a] * T(frequency[i]))));
        }
        for (int c = 6 * n; c < size; ++c) expected.push_back(0);
      }
      CHECK(error(y, expected) < tolerance<T>());

      // Rotation of two heads: lengths of pairs stay, angle differences come back.
      const std::size_t head = static_cast<std::size_t>(size), width = 2 * head;
      std::vector<T> table(40 * head);
      auto z = random<T>(40 * width, "z");
      const auto before = z;
      run(context, [&] { rotary_table<T, HostSpace>(context, matrix(x, 3), vec(frequency), matrix(table, head)); });
      run(context, [&] { rotate<T, HostSpace>(context, matrix(z, width), matrix(table, head)); });
      expected.assign(z.size(), 0);
      for (std::size_t r = 0; r < 40; ++r)
        for (std::size_t h = 0; h < 2; ++h)
          for (std::size_t i = 0; i < head / 2; ++i) {
            const std::size_t axis = i / static_cast<std::size_t>(n), at = r * width + h * head + 2 * i;
            const double angle =
                axis < 3 ? double(x[r * 3 + axis] * T(frequency[i % static_cast<std::size_t>(n)])) : 0.0;
            expected[at] = double(before[at]) * std::cos(angle) - double(before[at + 1]) * std::sin(angle);
            expected[at + 1] = double(before[at]) * std::sin(angle) + double(before[at + 1]) * std::cos(angle);
          }
      CHECK(error(z, expected) < tolerance<T>());
    }
  });
}
