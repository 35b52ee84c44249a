// The adjoint of every op: in double against central differences, and every CPU path in float32 and bfloat16 against
// the portable adjoint in double.

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "core/rng.hpp"
#include "geometry/radius_search.dev.hpp"
#include "surrogate/backends/cpu_kernels.hpp"
#include "surrogate/ops/attention.dev.hpp"
#include "surrogate/ops/embedding.dev.hpp"
#include "surrogate/ops/layer_norm.dev.hpp"
#include "surrogate/ops/linear.dev.hpp"
#include "surrogate/ops/supernode_pooling.dev.hpp"
#include "surrogate/train/loss.dev.hpp"

namespace {

using namespace streamtube;
using namespace streamtube::surrogate;

template <class T>
using Arrays = std::vector<std::vector<T>>;

std::vector<double> random(std::size_t n, const char* stream, double scale = 1) {
  core::Rng rng(4, stream);
  std::vector<double> x(n);
  // Rounded to bfloat16, so that all precisions compute with the same numbers.
  for (double& v : x) v = std::round(scale * rng.normal() * 64) / 64;
  return x;
}
template <class T>
Mat<T, HostSpace> matrix(std::vector<T>& x, std::size_t columns) {
  return {x.data(), x.size() / columns, columns};
}
template <class T>
Vec<T, HostSpace> vec(std::vector<T>& x) {
  return {x.data(), x.size()};
}

// An op with its adjoint: from inputs to one output, and from the output's adjoint to those of the inputs.
template <class T>
struct Op {
  std::function<std::vector<T>(Context<HostSpace>&, Arrays<T>&)> forward;
  std::function<void(Context<HostSpace>&, Arrays<T>& inputs, std::vector<T>& dy, Arrays<T>& adjoints)> backward;
};

template <class Call>
void run(Context<HostSpace>& context, const Call& call) {
  context.arena.measure(call);
  call();
  context.space.fence();
}

template <class T>
Arrays<T> adjoints(const Op<T>& op, const BackendSet& backends, const Arrays<double>& inputs,
                   const std::vector<double>& dy) {
  core::Arena<HostSpace> arena;
  Context<HostSpace> context{HostSpace(), arena, backends};
  Arrays<T> x, dx;
  for (const auto& input : inputs) x.emplace_back(input.begin(), input.end()), dx.emplace_back(input.size(), T(0));
  std::vector<T> d(dy.begin(), dy.end());
  op.backward(context, x, d, dx);
  return dx;
}

template <class T>
double distance(const std::vector<T>& got, const std::vector<double>& expected) {
  double difference = 0, size = 0;
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    difference += std::pow(double(got[i]) - expected[i], 2);
    size += expected[i] * expected[i];
  }
  return std::sqrt(difference / size);
}

// make(T{}) gives the op in that number type.
template <class Make>
void check(const Make& make, const Arrays<double>& inputs, double coarse = 3e-2) {
  const Op<double> op = make(double{});
  const BackendSet portable(CpuPath::portable);
  core::Arena<HostSpace> arena;
  Context<HostSpace> context{HostSpace(), arena, portable};
  Arrays<double> x = inputs;
  const std::vector<double> dy = random(op.forward(context, x).size(), "dy");
  const Arrays<double> exact = adjoints<double>(op, portable, inputs, dy);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    CAPTURE(i);
    for (const char* name : {"first direction", "second direction"}) {
      const std::vector<double> direction = random(inputs[i].size(), name);
      const double h = 1e-5;
      double slope = 0, expected = 0, size = 0;
      for (const double side : {1.0, -1.0}) {
        x = inputs;
        for (std::size_t j = 0; j < x[i].size(); ++j) x[i][j] += side * h * direction[j];
        const std::vector<double> y = op.forward(context, x);
        for (std::size_t j = 0; j < y.size(); ++j) slope += side * y[j] * dy[j] / (2 * h);
      }
      for (std::size_t j = 0; j < direction.size(); ++j) {
        expected += exact[i][j] * direction[j];
        size += std::pow(exact[i][j] * direction[j], 2);
      }
      CHECK(std::abs(slope - expected) <= 1e-7 * (std::sqrt(size) + std::abs(expected)));
    }
    for (const CpuPath path : {CpuPath::portable, CpuPath::avx512}) {
      if (path == CpuPath::avx512 && !cpu::avx512_gemm()) continue;
      CAPTURE(static_cast<int>(path));
      CHECK(distance(adjoints<float>(make(float{}), BackendSet(path), inputs, dy)[i], exact[i]) < 3e-6);
    }
    if (cpu::bf16_gemm()) {
      const double rough =
          distance(adjoints<float>(make(float{}), BackendSet(Precision::bf16), inputs, dy)[i], exact[i]);
      CHECK(rough < coarse);
    }
  }
}

}  // namespace

TEST_CASE("adjoint of linear layers") {
  constexpr int shapes[][3] = {{70, 48, 96}, {301, 33, 18}, {3, 5, 7}, {600, 96, 100}};
  for (const auto& shape : shapes) {
    const auto n = static_cast<std::size_t>(shape[0]), k = static_cast<std::size_t>(shape[1]),
               c = static_cast<std::size_t>(shape[2]);
    CAPTURE(n, k, c);
    const auto make = [=](auto number) {
      using T = decltype(number);
      Op<T> op;
      op.forward = [=](Context<HostSpace>& context, Arrays<T>& in) {
        std::vector<T> y(n * c);
        run(context,
            [&] { linear<T, HostSpace>(context, matrix(in[0], k), matrix(in[1], k), vec(in[2]), matrix(y, c)); });
        return y;
      };
      op.backward = [=](Context<HostSpace>& context, Arrays<T>& in, std::vector<T>& dy, Arrays<T>& d) {
        run(context, [&] {
          linear_backward<T, HostSpace>(context, matrix(in[0], k), matrix(in[1], k), matrix(dy, c), matrix(d[0], k),
                                        Adjoint::overwrite, matrix(d[1], k), vec(d[2]));
        });
      };
      return op;
    };
    check(make, {random(n * k, "x"), random(c * k, "w", 0.3), random(c, "b")});
  }
}

TEST_CASE("parameter gradients and shared adjoints accumulate") {
  for (const CpuPath path : {CpuPath::portable, CpuPath::avx512}) {
    if (path == CpuPath::avx512 && !cpu::avx512_gemm()) continue;
    const BackendSet backends(path);
    core::Arena<HostSpace> arena;
    Context<HostSpace> context{HostSpace(), arena, backends};
    std::vector<float> x(40 * 16, 0.5f), w(32 * 16, 0.25f), dy(40 * 32, 1.0f), dx(40 * 16, 3.0f), dw(32 * 16, 7.0f),
        db(32, -1.0f);
    run(context, [&] {
      linear_backward<float, HostSpace>(context, matrix(x, 16), matrix(w, 16), matrix(dy, 32), matrix(dx, 16),
                                        Adjoint::add, matrix(dw, 16), vec(db));
    });
    CHECK(dx[5] == 3.0f + 32 * 0.25f);
    CHECK(dw[100] == 7.0f + 40 * 0.5f);
    CHECK(db[31] == -1.0f + 40);
  }
}

TEST_CASE("adjoint of GELU") {
  const auto make = [](auto number) {
    using T = decltype(number);
    Op<T> op;
    op.forward = [](Context<HostSpace>& context, Arrays<T>& in) {
      std::vector<T> y(in[0].size());
      run(context, [&] { gelu_forward<T, HostSpace>(context, matrix(in[0], 9), matrix(y, 9)); });
      return y;
    };
    op.backward = [](Context<HostSpace>& context, Arrays<T>& in, std::vector<T>& dy, Arrays<T>& d) {
      std::vector<T> y(in[0].size()), expected(in[0].size());
      run(context, [&] {
        gelu_backward<T, HostSpace>(context, matrix(in[0], 9), matrix(dy, 9), matrix(d[0], 9), matrix(y, 9));
        gelu_forward<T, HostSpace>(context, matrix(in[0], 9), matrix(expected, 9));
      });
      CHECK(y == expected);
    };
    return op;
  };
  check(make, {random(9 * 50, "x", 2)});
}

TEST_CASE("adjoint of layer norm, affine and modulated") {
  for (const std::size_t size : {48u, 7u}) {
    CAPTURE(size);
    const auto make = [=](auto number) {
      using T = decltype(number);
      Op<T> op;
      op.forward = [=](Context<HostSpace>& context, Arrays<T>& in) {
        std::vector<T> y(in[0].size());
        run(context, [&] {
          layer_norm<T, HostSpace>(context, matrix(in[0], size), vec(in[1]), vec(in[2]), vec(in[3]), vec(in[4]),
                                   T(1e-6), matrix(y, size));
        });
        return y;
      };
      op.backward = [=](Context<HostSpace>& context, Arrays<T>& in, std::vector<T>& dy, Arrays<T>& d) {
        run(context, [&] {
          layer_norm_backward<T, HostSpace>(context, matrix(in[0], size), vec(in[1]), vec(in[2]), vec(in[3]), T(1e-6),
                                            matrix(dy, size), matrix(d[0], size), Adjoint::overwrite, vec(d[1]),
                                            vec(d[2]), vec(d[3]), vec(d[4]));
        });
      };
      return op;
    };
    check(make, {random(130 * size, "x", 3), random(size, "w"), random(size, "b"), random(size, "scale"),
                 random(size, "shift")});
  }
}

TEST_CASE("adjoint of attention over segments") {
  for (const int head : {32, 48, 64, 12}) {
    CAPTURE(head);
    const int heads = 2;
    const std::size_t width = static_cast<std::size_t>(heads * head), queries = 150, keys = 90;
    // Two segments share keys, queries 100..119 are in none, and a segment is empty.
    const std::vector<Segment> segments = {{0, 100, 10, 90}, {120, 150, 0, 33}, {0, 0, 5, 5}};
    const auto make = [=](auto number) {
      using T = decltype(number);
      Op<T> op;
      op.forward = [=](Context<HostSpace>& context, Arrays<T>& in) {
        std::vector<T> y(in[0].size(), T(0));
        run(context, [&] {
          attention<T, HostSpace>(context, heads, matrix(in[0], width), matrix(in[1], width), matrix(in[2], width),
                                  segments, matrix(y, width));
        });
        return y;
      };
      op.backward = [=](Context<HostSpace>& context, Arrays<T>& in, std::vector<T>& dy, Arrays<T>& d) {
        std::vector<T> y(queries * width, T(0)), log_sum(queries * heads, T(0));
        d[0].assign(d[0].size(), std::numeric_limits<T>::quiet_NaN());  // adjoints of activations overwrite
        run(context, [&] {
          attention<T, HostSpace>(context, heads, matrix(in[0], width), matrix(in[1], width), matrix(in[2], width),
                                  segments, matrix(y, width), matrix(log_sum, static_cast<std::size_t>(heads)));
          attention_backward<T, HostSpace>(context, heads, matrix(in[0], width), matrix(in[1], width),
                                           matrix(in[2], width), matrix(y, width),
                                           matrix(log_sum, static_cast<std::size_t>(heads)), matrix(dy, width),
                                           segments, matrix(d[0], width), matrix(d[1], width), matrix(d[2], width));
        });
      };
      return op;
    };
    check(make, {random(queries * width, "q"), random(keys * width, "k"), random(keys * width, "v")});
  }
}

TEST_CASE("many queries are cut in parts, whose sums agree with one sum") {
  const int heads = 1;
  const std::size_t width = 32, queries = 700, keys = 70;
  const std::vector<Segment> segments = {{0, 700, 0, 70}};
  const auto make = [=](auto number) {
    using T = decltype(number);
    Op<T> op;
    op.forward = [=](Context<HostSpace>& context, Arrays<T>& in) {
      std::vector<T> y(queries * width);
      run(context, [&] {
        attention<T, HostSpace>(context, heads, matrix(in[0], width), matrix(in[1], width), matrix(in[2], width),
                                segments, matrix(y, width));
      });
      return y;
    };
    op.backward = [=](Context<HostSpace>& context, Arrays<T>& in, std::vector<T>& dy, Arrays<T>& d) {
      std::vector<T> y(queries * width), log_sum(queries);
      run(context, [&] {
        attention<T, HostSpace>(context, heads, matrix(in[0], width), matrix(in[1], width), matrix(in[2], width),
                                segments, matrix(y, width), matrix(log_sum, 1));
        attention_backward<T, HostSpace>(context, heads, matrix(in[0], width), matrix(in[1], width),
                                         matrix(in[2], width), matrix(y, width), matrix(log_sum, 1), matrix(dy, width),
                                         segments, matrix(d[0], width), matrix(d[1], width), matrix(d[2], width));
      });
    };
    return op;
  };
  check(make, {random(queries * width, "q"), random(keys * width, "k"), random(keys * width, "v")});
}

TEST_CASE("adjoint of the rotary embedding") {
  std::vector<double> positions;
  core::Rng rng(5, "positions");
  for (int i = 0; i < 40 * 3; ++i) positions.push_back(std::round(1000 * rng.uniform()));
  const std::vector<float> frequency = frequencies(32, 3, 10000);
  const auto make = [=](auto number) {
    using T = decltype(number);
    const auto table = [=](Context<HostSpace>& context) {
      std::vector<T> x(positions.begin(), positions.end()), t(40 * 32);
      const Vec<const float, HostSpace> f{frequency.data(), frequency.size()};
      run(context, [&] { rotary_table<T, HostSpace>(context, matrix(x, 3), f, matrix(t, 32)); });
      return t;
    };
    Op<T> op;
    op.forward = [=](Context<HostSpace>& context, Arrays<T>& in) {
      std::vector<T> y = in[0], t = table(context);
      run(context, [&] { rotate<T, HostSpace>(context, matrix(y, 64), matrix(t, 32)); });
      return y;
    };
    op.backward = [=](Context<HostSpace>& context, Arrays<T>&, std::vector<T>& dy, Arrays<T>& d) {
      d[0] = dy;
      std::vector<T> t = table(context);
      run(context, [&] { rotate_backward<T, HostSpace>(context, matrix(d[0], 64), matrix(t, 32)); });
    };
    return op;
  };
  check(make, {random(40 * 64, "x")});
}

TEST_CASE("adjoint of supernode pooling, both messages") {
  const std::size_t size = 48, count = 290;  // more supernodes than one block of them
  core::Rng rng(6, "points");
  std::vector<double> points;
  for (std::size_t i = 0; i < 3 * count; ++i) points.push_back(std::round(64 * 100 * rng.uniform()) / 64);
  std::vector<std::int64_t> supernodes;
  for (std::size_t i = 0; i < count; ++i) supernodes.push_back(static_cast<std::int64_t>(i));
  const std::vector<float> own = frequencies(static_cast<int>(size), 3, 10000),
                           relative = frequencies(static_cast<int>(size), 4, 10000);
  for (const Message message : {Message::relative, Message::absolute}) {
    const std::size_t in_size = message == Message::absolute ? 2 * size : size;
    const auto make = [&](auto number) {
      using T = decltype(number);
      struct Setting {
        std::vector<T> x;
        geometry::Neighbors<HostSpace> neighbors;
        PoolingParameters<T, HostSpace> parameters;
      };
      const auto setting = [&, in_size](Arrays<T>& in) {
        Setting s;
        s.x.assign(points.begin(), points.end());
        const Vec<const std::int64_t, HostSpace> index{supernodes.data(), supernodes.size()};
        s.neighbors = geometry::radius_search<T, HostSpace>(HostSpace(), matrix(s.x, 3), index, T(15), 8);
        // The last supernode hears nobody, not even itself.
        s.neighbors.offset(count) = s.neighbors.host_offset(count) = s.neighbors.offset(count - 1);
        s.parameters = {matrix(in[0], in_size),
                        matrix(in[2], size),
                        matrix(in[4], 2 * size),
                        vec(in[1]),
                        vec(in[3]),
                        vec(in[5]),
                        {own.data(), own.size()},
                        {relative.data(), relative.size()}};
        return s;
      };
      Op<T> op;
      op.forward = [&, setting, message](Context<HostSpace>& context, Arrays<T>& in) {
        Setting s = setting(in);
        std::vector<T> tokens(count * size);
        run(context, [&] {
          supernode_pooling<T, HostSpace>(context, message, s.parameters, matrix(s.x, 3),
                                          {supernodes.data(), supernodes.size()}, s.neighbors, 8, matrix(tokens, size));
        });
        return tokens;
      };
      op.backward = [&, setting, message, in_size](Context<HostSpace>& context, Arrays<T>& in, std::vector<T>& dy,
                                                   Arrays<T>& d) {
        Setting s = setting(in);
        const PoolingGradients<T, HostSpace> gradients{
            matrix(d[0], in_size), matrix(d[2], size), matrix(d[4], 2 * size), vec(d[1]), vec(d[3]), vec(d[5])};
        run(context, [&] {
          supernode_pooling_backward<T, HostSpace>(context, message, s.parameters, matrix(s.x, 3),
                                                   {supernodes.data(), supernodes.size()}, s.neighbors, 8,
                                                   matrix(dy, size), gradients);
        });
      };
      return op;
    };
    // Differences of coordinates near the radius differ between float and double: the graph is the same all the same.
    check(make, {random(size * in_size, "up", 0.3), random(size, "up bias"), random(size * size, "down", 0.3),
                 random(size, "down bias"), random(size * 2 * size, "merge", 0.3), random(size, "merge bias")});
  }
}

TEST_CASE("losses and their adjoints") {
  const std::size_t rows = 300, columns = 4;
  const auto make = [=](auto number) {
    using T = decltype(number);
    struct Setting {
      std::vector<T> target, row_weight, weight, functional;
    };
    const auto setting = [=] {
      const auto as = [](std::vector<double> x) { return std::vector<T>(x.begin(), x.end()); };
      Setting s{as(random(rows * columns, "target")), as(random(rows, "row weight")), as({1.0, 0.5, 0.25, 0.25}),
                as(random(rows * columns, "functional", 0.5))};
      return s;
    };
    const auto both = [=](Context<HostSpace>& context, std::vector<T>& out, std::vector<T>& dout, double scale) {
      Setting s = setting();
      std::vector<double> losses(columns), force(1);
      run(context, [&] {
        squared_error<T, HostSpace>(context, matrix(out, columns), matrix(s.target, columns), vec(s.row_weight),
                                    vec(s.weight), T(scale), matrix(dout, columns), vec(losses));
        squared_functional<T, HostSpace>(context, matrix(out, columns), matrix(s.target, columns),
                                         matrix(s.functional, columns), T(0.125), T(scale), matrix(dout, columns),
                                         vec(force));
      });
      double total = force[0];
      for (const double loss : losses) total += loss;
      return total;
    };
    Op<T> op;
    op.forward = [=](Context<HostSpace>& context, Arrays<T>& in) {
      std::vector<T> unused(in[0].size());
      return std::vector<T>{static_cast<T>(both(context, in[0], unused, 1))};
    };
    op.backward = [=](Context<HostSpace>& context, Arrays<T>& in, std::vector<T>& dy, Arrays<T>& d) {
      both(context, in[0], d[0], static_cast<double>(dy[0]));
    };
    return op;
  };
  check(make, {random(rows * columns, "out")});
}
