// The adjoint of every op: in double against central differences, and every CPU path in float32 and bfloat16 against
// the portable adjoint in double.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>
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

// make(T{}) gives the op in that number type. The best of the steps counts.
template <class Make>
void check(const Make& make, const Arrays<double>& inputs, double coarse = 3e-2,
           const std::vector<double>& steps = {1e-5}) {
  const Op<double> op = make(double{});
  const BackendSet portable(CpuPath::portable);
  core::Arena<HostSpace> arena;
  Context<HostSpace> context{HostSpace(), arena, portable};
  Arrays<double> x = inputs;
  const std::vector<double> dy = random(op.forward(context, x).size(), "dy");
  const Arrays<double> exact = adjoints<double>(op, portable, inputs, dy);
  std::vector<std::pair<CpuPath, Arrays<float>>> fast;
  for (const CpuPath path : cpu_paths())
    if (path != CpuPath::amx)  // in test_training_pass
      fast.emplace_back(path, adjoints<float>(make(float{}), BackendSet(path), inputs, dy));
  Arrays<float> rough;
  if (cpu::bf16_gemm()) rough = adjoints<float>(make(float{}), BackendSet(Precision::bf16), inputs, dy);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    CAPTURE(i);
    for (const char* name : {"first direction", "second direction"}) {
      const std::vector<double> direction = random(inputs[i].size(), name);
      double expected = 0, size = 0, error = std::numeric_limits<double>::infinity();
      for (std::size_t j = 0; j < direction.size(); ++j) {
        expected += exact[i][j] * direction[j];
        size += std::pow(exact[i][j] * direction[j], 2);
      }
      for (const double h : steps) {
        double slope = 0;
        for (const double side : {1.0, -1.0}) {
          x = inputs;
          for (std::size_t j = 0; j < x[i].size(); ++j) x[i][j] += side * h * direction[j];
          const std::vector<double> y = op.forward(context, x);
          for (std::size_t j = 0; j < y.size(); ++j) slope += side * y[j] * dy[j] / (2 * h);
        }
        error = std::min(error, std::abs(slope - expected));  // NaN: stays infinite
      }
      CHECK(error <= 1e-7 * (std::sqrt(size) + std::abs(expected)));
    }
    for (const auto& [path, got] : fast) {
      CAPTURE(static_cast<int>(path));
      CHECK(distance(got[i], exact[i]) < 3e-6);
    }
    if (!rough.empty()) CHECK(distance(rough[i], exact[i]) < coarse);
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
  for (const CpuPath path : cpu_paths()) {
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

TEST_CASE("adjoint of the sin-cos embedding in the positions") {
  constexpr std::size_t size = 50, first = 5;  // 2 channels stay over; the embedding begins at a column of its own
  for (const std::size_t axes : {3u, 4u}) {
    CAPTURE(axes);
    const std::vector<float> frequency = frequencies(size, static_cast<int>(axes), 10000);
    const auto make = [=](auto number) {
      using T = decltype(number);
      const auto embed = [=](Context<HostSpace>& context, std::vector<T>& x) {
        std::vector<T> y(x.size() / axes * size);
        const Vec<const float, HostSpace> f{frequency.data(), frequency.size()};
        run(context, [&] { sincos_embedding<T, HostSpace>(context, matrix(x, axes), f, matrix(y, size)); });
        return y;
      };
      Op<T> op;
      op.forward = [=](Context<HostSpace>& context, Arrays<T>& in) { return embed(context, in[0]); };
      op.backward = [=](Context<HostSpace>& context, Arrays<T>& in, std::vector<T>& dy, Arrays<T>& d) {
        const auto widen = [=](const std::vector<T>& narrow) {
          std::vector<T> wide;
          for (std::size_t i = 0; i < narrow.size(); ++i) {
            if (i % size == 0) wide.insert(wide.end(), first, std::numeric_limits<T>::quiet_NaN());
            wide.push_back(narrow[i]);
          }
          return wide;
        };
        std::vector<T> y = widen(embed(context, in[0])), wide = widen(dy);
        const Vec<const float, HostSpace> f{frequency.data(), frequency.size()};
        run(context, [&] {
          sincos_embedding_backward<T, HostSpace>(context, matrix(y, first + size), f, matrix(wide, first + size),
                                                  first, matrix(d[0], axes));
        });
      };
      return op;
    };
    check(make, {random(40 * axes, "x", 3)}, 3e-2, {1e-3, 1e-4, 1e-5});
  }
}

TEST_CASE("adjoint of the rotary embedding in the rows and the positions") {
  constexpr std::size_t head = 20, heads = 3, count = 40;  // 9 of the 10 pairs of a head are rotated
  const std::vector<float> frequency = frequencies(head, 3, 10000);
  const auto make = [=](auto number) {
    using T = decltype(number);
    const auto table = [=](Context<HostSpace>& context, std::vector<T>& x) {
      std::vector<T> t(count * head);
      const Vec<const float, HostSpace> f{frequency.data(), frequency.size()};
      run(context, [&] { rotary_table<T, HostSpace>(context, matrix(x, 3), f, matrix(t, head)); });
      return t;
    };
    const auto turned = [=](Context<HostSpace>& context, Arrays<T>& in) {
      std::vector<T> y = in[0], t = table(context, in[1]);
      run(context, [&] { rotate<T, HostSpace>(context, matrix(y, heads * head), matrix(t, head)); });
      return y;
    };
    Op<T> op;
    op.forward = turned;
    op.backward = [=](Context<HostSpace>& context, Arrays<T>& in, std::vector<T>& dy, Arrays<T>& d) {
      std::vector<T> y = turned(context, in), t = table(context, in[1]), dangles(count * head / 2);
      d[0] = dy;
      const Vec<const float, HostSpace> f{frequency.data(), frequency.size()};
      run(context, [&] {
        rotate_backward_angles<T, HostSpace>(context, matrix(y, heads * head), matrix(dy, heads * head),
                                             matrix(dangles, head / 2));
        rotary_table_backward<T, HostSpace>(context, matrix(dangles, head / 2), f, matrix(d[1], 3));
        rotate_backward<T, HostSpace>(context, matrix(d[0], heads * head), matrix(t, head));
      });
    };
    return op;
  };
  check(make, {random(count * heads * head, "x"), random(count * 3, "positions", 3)}, 3e-2, {1e-3, 1e-4, 1e-5});
}

TEST_CASE("adjoints of positions are added to") {
  const BackendSet backends(CpuPath::portable);
  core::Arena<HostSpace> arena;
  Context<HostSpace> context{HostSpace(), arena, backends};
  const std::vector<float> frequency = frequencies(12, 3, 10000);
  const std::vector<std::int64_t> index = {2, 0, 2};
  std::vector<float> y(3 * 12, 0.5f), dy(3 * 12, 0.25f), dangles(3 * 6, 2.0f), dto(9, 3.0f);
  for (std::size_t i = 0; i < dy.size(); i += 5) dy[i] = -1;
  const Vec<const float, HostSpace> f{frequency.data(), frequency.size()};
  const auto inverse = geometry::invert<std::int64_t, HostSpace>(HostSpace(), {index.data(), index.size()}, 4);
  std::vector<float> embedding(9), table(9), angles(3 * 6), gathered(12);
  const auto all = [&] {
    sincos_embedding_backward<float, HostSpace>(context, matrix(y, 12), f, matrix(dy, 12), 0, matrix(embedding, 3));
    rotary_table_backward<float, HostSpace>(context, matrix(dangles, 6), f, matrix(table, 3));
    rotate_backward_angles<float, HostSpace>(context, matrix(y, 12), matrix(dy, 12), matrix(angles, 6));
    gather_positions_backward<float, HostSpace>(context, inverse, matrix(dto, 3), matrix(gathered, 3));
  };
  run(context, all);
  CHECK(gathered == std::vector<float>{3, 3, 3, 0, 0, 0, 6, 6, 6, 0, 0, 0});
  const Arrays<float> once = {embedding, table, angles, gathered};
  run(context, all);
  const Arrays<float> twice = {embedding, table, angles, gathered};
  for (std::size_t i = 0; i < once.size(); ++i) {
    CAPTURE(i);
    double size = 0;
    for (std::size_t j = 0; j < once[i].size(); ++j) {
      REQUIRE(twice[i][j] == 2 * once[i][j]);
      size += std::abs(once[i][j]);
    }
    CHECK(size > 0);
  }
}

TEST_CASE("adjoint of supernode pooling, both messages") {
  const std::size_t size = 48, count = 290;  // more supernodes than one block of them
  core::Rng rng(6, "points");
  std::vector<double> points;
  for (std::size_t i = 0; i < 3 * 400; ++i) points.push_back(std::round(64 * 100 * rng.uniform()) / 64);
  std::vector<std::int64_t> supernodes;
  for (std::size_t i = 0; i < count; ++i) supernodes.push_back(static_cast<std::int64_t>(i * 3 % 400));
  supernodes.back() = supernodes.front();  // one twice
  const Vec<const std::int64_t, HostSpace> index{supernodes.data(), supernodes.size()};
  // Differences move no point into or out of the radius: the lists are held fixed, in every precision.
  geometry::Neighbors<HostSpace> neighbors =
      geometry::radius_search<double, HostSpace>(HostSpace(), matrix(points, 3), index, 15, 8);
  // The last supernode hears nobody, not even itself.
  const std::int64_t edges = neighbors.host_offset(count - 1);
  neighbors.offset(count) = neighbors.host_offset(count) = edges;
  neighbors.source = Kokkos::subview(neighbors.source, std::pair<std::int64_t, std::int64_t>(0, edges));
  const auto sources = geometry::invert<std::int32_t, HostSpace>(HostSpace(), neighbors.source, 400);
  const auto centers = geometry::invert<std::int64_t, HostSpace>(HostSpace(), index, 400);
  const std::vector<float> own = frequencies(static_cast<int>(size), 3, 10000),
                           relative = frequencies(static_cast<int>(size), 4, 10000);
  for (const auto& [message, wide] :
       {std::pair(Message::relative, std::size_t{0}), std::pair(Message::absolute, std::size_t{0}),
        std::pair(Message::relative, std::size_t{3}), std::pair(Message::absolute, std::size_t{3})}) {
    const std::vector<double> given = random(400 * wide, "features");
    const std::size_t in_size = message == Message::absolute ? 2 * size : size;
    const auto make = [&](auto number) {
      using T = decltype(number);
      const std::vector<T> features(given.begin(), given.end());
      const auto parameters = [&, in_size, wide](Arrays<T>& in) {
        return PoolingParameters<T, HostSpace>{matrix(in[0], in_size),
                                               matrix(in[2], size),
                                               matrix(in[4], 2 * size),
                                               wide ? matrix(in[7], wide) : Mat<T, HostSpace>(),
                                               wide ? matrix(in[8], wide) : Mat<T, HostSpace>(),
                                               vec(in[1]),
                                               vec(in[3]),
                                               vec(in[5]),
                                               {own.data(), own.size()},
                                               {relative.data(), relative.size()}};
      };
      const auto beside = [wide](const std::vector<T>& x) {
        return wide ? Mat<const T, HostSpace>{x.data(), 400, wide} : Mat<const T, HostSpace>();
      };
      Op<T> op;
      op.forward = [&, parameters, message, beside, features](Context<HostSpace>& context, Arrays<T>& in) {
        std::vector<T> tokens(count * size);
        run(context, [&] {
          supernode_pooling<T, HostSpace>(context, message, parameters(in), matrix(in[6], 3), index, neighbors, 8,
                                          matrix(tokens, size), {}, beside(features));
        });
        return tokens;
      };
      op.backward = [&, parameters, message, in_size, wide, beside, features](
                        Context<HostSpace>& context, Arrays<T>& in, std::vector<T>& dy, Arrays<T>& d) {
        PoolingGradients<T, HostSpace> gradients{
            matrix(d[0], in_size), matrix(d[2], size), matrix(d[4], 2 * size), vec(d[1]), vec(d[3]), vec(d[5]), {}, {}};
        if (wide) gradients.message_features = matrix(d[7], wide), gradients.own_features = matrix(d[8], wide);
        run(context, [&] {
          supernode_pooling_backward<T, HostSpace>(context, message, parameters(in), matrix(in[6], 3), index, neighbors,
                                                   8, matrix(dy, size), gradients, {matrix(d[6], 3), sources, centers},
                                                   {}, beside(features));
        });
      };
      return op;
    };
    Arrays<double> inputs = {random(size * in_size, "up", 0.3),
                             random(size, "up bias"),
                             random(size * size, "down", 0.3),
                             random(size, "down bias"),
                             random(size * 2 * size, "merge", 0.3),
                             random(size, "merge bias"),
                             points};
    if (wide > 0) {
      inputs.push_back(random(size * wide, "message features", 0.3));
      inputs.push_back(random(size * wide, "own features", 0.3));
    }
    check(make, inputs, 3e-2, {1e-4, 1e-5, 1e-6});
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
