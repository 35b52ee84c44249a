#include "surrogate/ops/tangents.dev.hpp"

#include <type_traits>

#include "surrogate/backends/cpu.dev.hpp"
#include "surrogate/ops/embedding.dev.hpp"
#include "surrogate/ops/layer_norm.dev.hpp"

namespace streamtube::surrogate {
namespace {

constexpr int axes = 3;

template <class Space>
using Rows = Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>;

template <class T, class Space>
std::int64_t count_of(const Mat<T, Space>& x) {
  core::expect(x.extent(0) % 4 == 0, "tangents: rows are not stacked");
  return static_cast<std::int64_t>(x.extent(0)) / 4;
}

// Means of x and of x * y over a row.
template <class T, class X, class Y>
KOKKOS_INLINE_FUNCTION void row_means(int size, const X& x, const Y& y, T& mean_x, T& mean_xy) {
  constexpr int lanes = 16;
  const int rest = size / lanes * lanes;
  T p0[lanes] = {}, p1[lanes] = {};
  for (int c = 0; c < rest; c += lanes)
    for (int l = 0; l < lanes; ++l) {
      const T value = x(c + l);
      p0[l] += value, p1[l] += value * y(c + l);
    }
  mean_x = mean_xy = 0;
  for (int l = 0; l < lanes; ++l) mean_x += p0[l], mean_xy += p1[l];
  for (int c = rest; c < size; ++c) {
    const T value = x(c);
    mean_x += value, mean_xy += value * y(c);
  }
  mean_x /= size, mean_xy /= size;
}

// Sum of x * y in four lanes: vectorises, fixed order.
template <class T>
KOKKOS_INLINE_FUNCTION T dot(const T* x, const T* y, int size) {
  T part[4] = {};
  int c = 0;
  for (; c + 4 <= size; c += 4)
    for (int l = 0; l < 4; ++l) part[l] += x[c + l] * y[c + l];
  for (; c < size; ++c) part[0] += x[c] * y[c];
  return (part[0] + part[1]) + (part[2] + part[3]);
}

// Second derivative of GELU, phi(x) (2 - x^2).
template <class T>
KOKKOS_INLINE_FUNCTION T gelu_second_derivative(T x) {
  return T(0.39894228040143267794) * Kokkos::exp(T(-0.5) * x * x) * (T(2) - x * x);
}

// Portable: a work item is one query row and head.
template <class T, int Head>
struct PortableTangents {
  AttentionTangentsDesc<T> a;
  T scale;

  KOKKOS_FUNCTION void operator()(const std::int64_t item) const {
    const std::int64_t width = static_cast<std::int64_t>(a.heads) * a.head, row = item / a.heads, h = item % a.heads,
                       at = row * width + h * a.head, step = a.rows * width;
    T query[4][Head], sum[4][Head], tilt[axes] = {}, maximum = -Kokkos::Experimental::infinity_v<T>, total = 0;
    for (int d = 0; d < 4; ++d)
      for (int c = 0; c < a.head; ++c) query[d][c] = a.q[d * step + at + c] * scale, sum[d][c] = 0;
    for (std::int64_t j = 0; j < a.keys; ++j) {
      const T *key = a.k + j * width + h * a.head, *value = a.v + j * width + h * a.head;
      T score[4];
      for (int d = 0; d < 4; ++d) score[d] = dot(query[d], key, a.head);
      if (score[0] > maximum) {
        const T shrink = Kokkos::exp(maximum - score[0]);
        maximum = score[0];
        total *= shrink;
        for (int d = 0; d < axes; ++d) tilt[d] *= shrink;
        for (int d = 0; d < 4; ++d)
          for (int c = 0; c < a.head; ++c) sum[d][c] *= shrink;
      }
      const T p = Kokkos::exp(score[0] - maximum);
      total += p;
      score[0] = 1;
      for (int d = 0; d < axes; ++d) tilt[d] += p * score[d + 1];
      for (int d = 0; d < 4; ++d)
        for (int c = 0; c < a.head; ++c) sum[d][c] += p * score[d] * value[c];
    }
    for (int c = 0; c < a.head; ++c) a.out[at + c] = sum[0][c] / total;
    for (int d = 1; d < 4; ++d) {
      const T mean = tilt[d - 1] / total;
      for (int c = 0; c < a.head; ++c) a.out[d * step + at + c] = sum[d][c] / total - mean * a.out[at + c];
      if (a.mean) a.mean[((d - 1) * a.rows + row) * a.heads + h] = mean;
    }
    if (a.log_sum) a.log_sum[item] = maximum + Kokkos::log(total);
  }
};

// What an entry of the score matrix hands on: p, ds, p (t - mean) and dt.
template <class T>
struct Entry {
  T p, ds, tilted[axes], dt[axes];
};

// `query` is scaled.
template <class T>
KOKKOS_INLINE_FUNCTION Entry<T> entry(const AttentionTangentsBackwardDesc<T>& a, const T* const query[4],
                                      const T* const dout[4], const T* key, const T* value, std::int64_t row,
                                      std::int64_t h) {
  T score[4], along[4];
  for (int d = 0; d < 4; ++d) score[d] = dot(query[d], key, a.head), along[d] = dot(dout[d], value, a.head);
  Entry<T> e;
  e.p = Kokkos::exp(score[0] - a.log_sum[row * a.heads + h]);
  T ds = along[0] - a.delta[row * a.heads + h];
  for (int d = 0; d < axes; ++d) {
    const std::int64_t i = (d * a.rows + row) * a.heads + h;
    const T t = score[d + 1] - a.mean[i], dt = along[d + 1] - a.through[i];
    ds += t * dt;
    e.tilted[d] = e.p * t, e.dt[d] = e.p * dt;
  }
  e.ds = e.p * ds;
  return e;
}

template <class T, int Head>
struct PortableTangentsQueryAdjoint {
  AttentionTangentsBackwardDesc<T> a;
  T scale;

  KOKKOS_FUNCTION void operator()(const std::int64_t item) const {
    const std::int64_t width = static_cast<std::int64_t>(a.heads) * a.head, row = item / a.heads, h = item % a.heads,
                       at = row * width + h * a.head, step = a.rows * width;
    T scaled[4][Head], sum[4][Head];
    const T *query[4], *dout[4];
    for (int d = 0; d < 4; ++d) {
      for (int c = 0; c < a.head; ++c) scaled[d][c] = a.q[d * step + at + c] * scale, sum[d][c] = 0;
      query[d] = scaled[d], dout[d] = a.dout + d * step + at;
    }
    for (std::int64_t j = 0; j < a.keys; ++j) {
      const T* key = a.k + j * width + h * a.head;
      const Entry<T> e = entry(a, query, dout, key, a.v + j * width + h * a.head, row, h);
      for (int c = 0; c < a.head; ++c) {
        sum[0][c] += e.ds * key[c];
        for (int d = 0; d < axes; ++d) sum[d + 1][c] += e.dt[d] * key[c];
      }
    }
    for (int d = 0; d < 4; ++d)
      for (int c = 0; c < a.head; ++c) a.dq[d * step + at + c] = scale * sum[d][c];
  }
};

template <class T, int Head>
struct PortableTangentsKeyAdjoint {
  AttentionTangentsBackwardDesc<T> a;
  T scale;

  KOKKOS_FUNCTION void operator()(const std::int64_t item) const {
    const std::int64_t width = static_cast<std::int64_t>(a.heads) * a.head, h = item % a.heads,
                       at = item / a.heads * width + h * a.head, step = a.rows * width;
    T key[Head], dk[Head], dv[Head];
    for (int c = 0; c < a.head; ++c) key[c] = a.k[at + c] * scale, dk[c] = 0, dv[c] = 0;
    for (std::int64_t row = 0; row < a.rows; ++row) {
      const T *query[4], *dout[4];
      for (int d = 0; d < 4; ++d)
        query[d] = a.q + d * step + row * width + h * a.head, dout[d] = a.dout + d * step + row * width + h * a.head;
      const Entry<T> e = entry(a, query, dout, key, a.v + at, row, h);
      for (int c = 0; c < a.head; ++c) {
        dk[c] += e.ds * query[0][c], dv[c] += e.p * dout[0][c];
        for (int d = 0; d < axes; ++d) dk[c] += e.dt[d] * query[d + 1][c], dv[c] += e.tilted[d] * dout[d + 1][c];
      }
    }
    for (int c = 0; c < a.head; ++c) a.dk[at + c] += scale * dk[c], a.dv[at + c] += dv[c];
  }
};

template <int Head, class T, class Space>
void launch(Context<Space>& context, const AttentionTangentsDesc<T>& a) {
  Kokkos::parallel_for("streamtube::surrogate::attention_tangents", Rows<Space>(context.space, 0, a.rows * a.heads),
                       PortableTangents<T, Head>{a, T(1) / Kokkos::sqrt(T(a.head))});
}

template <int Head, class T, class Space>
void launch(Context<Space>& context, const AttentionTangentsBackwardDesc<T>& a) {
  const T scale = T(1) / Kokkos::sqrt(T(a.head));
  Kokkos::parallel_for("streamtube::surrogate::attention_tangents_backward::queries",
                       Rows<Space>(context.space, 0, a.rows * a.heads),
                       PortableTangentsQueryAdjoint<T, Head>{a, scale});
  Kokkos::parallel_for("streamtube::surrogate::attention_tangents_backward::keys",
                       Rows<Space>(context.space, 0, a.keys * a.heads), PortableTangentsKeyAdjoint<T, Head>{a, scale});
}

template <class Description, class Space>
void portable(Context<Space>& context, const Description& a) {
  if (context.measuring() || a.rows == 0) return;
  if (a.head <= 16) return launch<16>(context, a);
  if (a.head <= 32) return launch<32>(context, a);
  if (a.head <= 64) return launch<64>(context, a);
  if (a.head <= 128) return launch<128>(context, a);
  core::expect(a.head <= 512, "attention_tangents: heads larger than 512 channels");
  launch<512>(context, a);
}

}  // namespace

template <class T, class Space>
void linear_tangents(Context<Space>& context, Mat<const T, Space> x, Mat<const T, Space> weight,
                     Vec<const T, Space> bias, Mat<T, Space> y, Epilogue epilogue, Vec<const T, Space> gate) {
  core::expect(epilogue != Epilogue::gelu, "linear_tangents: GELU is not linear");
  const std::size_t n = static_cast<std::size_t>(count_of<const T, Space>(x));
  linear<T, Space>(context, rows(x, 0, n), weight, bias, rows(y, 0, n), epilogue, gate);
  linear<T, Space>(context, rows(x, n, 4 * n), weight, {}, rows(y, n, 4 * n), epilogue, gate);
}

template <class T, class Space>
void linear_tangents_backward(Context<Space>& context, Mat<const T, Space> x, Mat<const T, Space> weight,
                              Mat<const T, Space> dy, Mat<T, Space> dx, Mat<T, Space> dweight, Vec<T, Space> dbias) {
  linear_backward<T, Space>(context, x, weight, dy, dx, Adjoint::overwrite, dweight, {});
  if (dbias.data()) add_column_sums<T, Space>(context, value_rows<const T, Space>(dy), {}, dbias);
}

template <class T, class Space>
void sincos_embedding_tangents(Context<Space>& context, Vec<const float, Space> frequency, Mat<T, Space> y) {
  const std::int64_t count = count_of<T, Space>(y), size = static_cast<std::int64_t>(y.extent(1)),
                     n = static_cast<std::int64_t>(frequency.extent(0));
  if (context.measuring()) return;
  Kokkos::parallel_for(
      "streamtube::surrogate::sincos_embedding_tangents", Rows<Space>(context.space, 0, axes * count),
      KOKKOS_LAMBDA(const std::int64_t item) {
        const std::int64_t axis = item / count, first = 2 * axis * n;
        const T* value = &y(item % count, 0);
        T* out = &y(count + item, 0);
        for (std::int64_t c = 0; c < size; ++c) out[c] = 0;
        for (std::int64_t i = 0; i < n; ++i) {
          out[first + i] = T(frequency(i)) * value[first + n + i];
          out[first + n + i] = -T(frequency(i)) * value[first + i];
        }
      });
}

template <class T, class Space>
void rotate_tangents(Context<Space>& context, Mat<T, Space> x, Mat<const T, Space> table,
                     Vec<const float, Space> frequency) {
  const std::int64_t count = count_of<T, Space>(x), n = static_cast<std::int64_t>(frequency.extent(0));
  const int head = static_cast<int>(table.extent(1)), heads = static_cast<int>(x.extent(1)) / head;
  if (context.measuring()) return;
  Kokkos::parallel_for(
      "streamtube::surrogate::rotate_tangents", Rows<Space>(context.space, 0, count),
      KOKKOS_LAMBDA(const std::int64_t row) {
        for (int d = 0; d < 4; ++d) {
          T* at = &x(d * count + row, 0);
          rotate_row(at, at, &table(row, 0), heads, head);
        }
        // A turning pair moves a quarter turn on.
        const T* value = &x(row, 0);
        for (int axis = 0; axis < axes; ++axis) {
          T* at = &x((axis + 1) * count + row, 0);
          for (int h = 0; h < heads; ++h)
            for (std::int64_t i = 0; i < n; ++i) {
              const std::int64_t even = h * head + 2 * (axis * n + i);
              at[even] -= T(frequency(i)) * value[even + 1];
              at[even + 1] += T(frequency(i)) * value[even];
            }
        }
      });
}

template <class T, class Space>
void rotate_tangents_backward(Context<Space>& context, Mat<T, Space> dx, Mat<const T, Space> table,
                              Vec<const float, Space> frequency) {
  const std::int64_t count = count_of<T, Space>(dx), n = static_cast<std::int64_t>(frequency.extent(0));
  const int head = static_cast<int>(table.extent(1)), heads = static_cast<int>(dx.extent(1)) / head;
  if (context.measuring()) return;
  Kokkos::parallel_for(
      "streamtube::surrogate::rotate_tangents_backward", Rows<Space>(context.space, 0, count),
      KOKKOS_LAMBDA(const std::int64_t row) {
        T* value = &dx(row, 0);
        for (int axis = 0; axis < axes; ++axis) {
          const T* at = &dx((axis + 1) * count + row, 0);
          for (int h = 0; h < heads; ++h)
            for (std::int64_t i = 0; i < n; ++i) {
              const std::int64_t even = h * head + 2 * (axis * n + i);
              value[even] += T(frequency(i)) * at[even + 1];
              value[even + 1] -= T(frequency(i)) * at[even];
            }
        }
        for (int d = 0; d < 4; ++d) rotate_row_back(&dx(d * count + row, 0), &table(row, 0), heads, head);
      });
}

template <class T, class Space>
void gelu_tangents(Context<Space>& context, Mat<const T, Space> x, Mat<T, Space> y) {
  core::expect(x.size() == y.size(), "gelu_tangents: x and y differ in size");
  const std::int64_t values = count_of<const T, Space>(x) * static_cast<std::int64_t>(x.extent(1));
  if (context.measuring()) return;
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Space, HostSpace>)
    if (cpu::gelu_tangents(context, x.data(), y.data(), values)) return;
  const T* in = x.data();
  T* out = y.data();
  Kokkos::parallel_for(
      "streamtube::surrogate::gelu_tangents", Rows<Space>(context.space, 0, values),
      KOKKOS_LAMBDA(const std::int64_t i) {
        const T slope = gelu_derivative(in[i]);
        out[i] = gelu(in[i]);
        for (int d = 1; d < 4; ++d) out[d * values + i] = slope * in[d * values + i];
      });
}

template <class T, class Space>
void gelu_tangents_backward(Context<Space>& context, Mat<const T, Space> x, Mat<const T, Space> dy, Mat<T, Space> dx) {
  core::expect(x.size() == dy.size() && x.size() == dx.size(), "gelu_tangents_backward: x, dy and dx differ in size");
  const std::int64_t values = count_of<const T, Space>(x) * static_cast<std::int64_t>(x.extent(1));
  if (context.measuring()) return;
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Space, HostSpace>)
    if (cpu::gelu_tangents_backward(context, x.data(), dy.data(), dx.data(), values)) return;
  const T *in = x.data(), *d = dy.data();
  T* out = dx.data();
  Kokkos::parallel_for(
      "streamtube::surrogate::gelu_tangents_backward", Rows<Space>(context.space, 0, values),
      KOKKOS_LAMBDA(const std::int64_t i) {
        const T slope = gelu_derivative(in[i]);
        T along = 0;
        for (int a = 1; a < 4; ++a) along += in[a * values + i] * d[a * values + i];
        out[i] = slope * d[i] + gelu_second_derivative(in[i]) * along;
        for (int a = 1; a < 4; ++a) out[a * values + i] = slope * d[a * values + i];
      });
}

// With n = (x - mean) / deviation, r = 1 / deviation and a = w (1 + s):
//   y_a = a n_a,  n_a = r (x_a - mean(x_a) - n mean(n x_a))
template <class T, class Space>
void layer_norm_tangents(Context<Space>& context, Mat<const T, Space> x, Vec<const T, Space> weight,
                         Vec<const T, Space> bias, Vec<const T, Space> scale, Vec<const T, Space> shift, T epsilon,
                         Mat<T, Space> y) {
  core::expect(x.extent(0) == y.extent(0) && x.extent(1) == y.extent(1), "layer_norm_tangents: x and y differ");
  const std::int64_t count = count_of<const T, Space>(x);
  const int size = static_cast<int>(x.extent(1));
  if (context.measuring()) return;
  const T *w = weight.data(), *b = bias.data(), *s = scale.data(), *h = shift.data();
  Kokkos::parallel_for(
      "streamtube::surrogate::layer_norm_tangents", Rows<Space>(context.space, 0, count),
      KOKKOS_LAMBDA(const std::int64_t row) {
        const T* in = &x(row, 0);
        T* out = &y(row, 0);
        T mean, r;
        row_moments(in, size, epsilon, mean, r);
        for (int d = 1; d < 4; ++d) {
          const T* along = &x(d * count + row, 0);
          T* to = &y(d * count + row, 0);
          T mean_x, mean_nx;
          row_means(
              size, [&](int c) { return along[c]; }, [&](int c) { return (in[c] - mean) * r; }, mean_x, mean_nx);
          for (int c = 0; c < size; ++c) to[c] = r * (along[c] - mean_x - (in[c] - mean) * r * mean_nx);
          if (w)
            for (int c = 0; c < size; ++c) to[c] *= w[c];
          if (s)
            for (int c = 0; c < size; ++c) to[c] *= T(1) + s[c];
        }
        for (int c = 0; c < size; ++c) {
          const T n = (in[c] - mean) * r, affine = (w ? n * w[c] : n) + (b ? b[c] : T(0));
          out[c] = s ? affine * (T(1) + s[c]) + h[c] : affine;
        }
      });
}

// Adjoints, with g = a e and g_a = a e_a for the adjoints e of y:
//   of x_a: r (g_a - mean(g_a) - n mean(n g_a))
//   of n: N = g - r sum over a of (mean(n x_a) g_a + mean(n g_a) x_a)
//   of x: r (N - mean(N) - n mean(n N)) - r n sum over a of mean(n_a g_a), the last from r in n_a
template <class T, class Space>
void layer_norm_tangents_backward(Context<Space>& context, Mat<const T, Space> x, Vec<const T, Space> weight,
                                  Vec<const T, Space> bias, Vec<const T, Space> scale, T epsilon,
                                  Mat<const T, Space> dy, Mat<T, Space> dx, Vec<T, Space> dweight, Vec<T, Space> dbias,
                                  Vec<T, Space> dscale, Vec<T, Space> dshift) {
  core::expect(x.extent(0) == dy.extent(0) && x.extent(1) == dy.extent(1) && x.extent(0) == dx.extent(0) &&
                   x.extent(1) == dx.extent(1),
               "layer_norm_tangents_backward: x, dy and dx differ in shape");
  const std::int64_t count = count_of<const T, Space>(x);
  const int size = static_cast<int>(x.extent(1));
  // As in layer_norm_backward(): parts of fixed length sum what the gradients of the parameters follow from.
  constexpr std::int64_t rows_per_part = 32;
  typename core::Arena<Space>::Scope scope(context.arena);
  const std::int64_t parts = (count + rows_per_part - 1) / rows_per_part;
  Mat<T, Space> partial = take<T>(context, parts, 3 * static_cast<std::size_t>(size));
  if (context.measuring() || count == 0) return;
  const T *w = weight.data(), *s = scale.data();
  Kokkos::parallel_for(
      "streamtube::surrogate::layer_norm_tangents_backward", Rows<Space>(context.space, 0, parts),
      KOKKOS_LAMBDA(const std::int64_t part) {
        T *sum_n = &partial(part, 0), *sum = sum_n + size, *n_adjoint = sum + size;
        for (int c = 0; c < 2 * size; ++c) sum_n[c] = 0;
        const std::int64_t end = (part + 1) * rows_per_part < count ? (part + 1) * rows_per_part : count;
        for (std::int64_t row = part * rows_per_part; row < end; ++row) {
          const T *in = &x(row, 0), *e = &dy(row, 0);
          T mean, r, spread = 0;
          row_moments(in, size, epsilon, mean, r);
          const auto affine = [&](int c) { return (w ? w[c] : T(1)) * (s ? T(1) + s[c] : T(1)); };
          const auto n = [&](int c) { return (in[c] - mean) * r; };
          for (int c = 0; c < size; ++c) {
            n_adjoint[c] = affine(c) * e[c];
            sum_n[c] += e[c] * n(c), sum[c] += e[c];
          }
          for (int d = 1; d < 4; ++d) {
            const T *along = &x(d * count + row, 0), *ea = &dy(d * count + row, 0);
            T* out = &dx(d * count + row, 0);
            const auto g = [&](int c) { return affine(c) * ea[c]; };
            T mean_x, mean_nx, mean_g, mean_ng, unused, mean_product;
            row_means(
                size, [&](int c) { return along[c]; }, n, mean_x, mean_nx);
            row_means(size, g, n, mean_g, mean_ng);
            const auto na = [&](int c) { return r * (along[c] - mean_x - n(c) * mean_nx); };
            row_means(size, g, na, unused, mean_product);
            spread += mean_product;
            for (int c = 0; c < size; ++c) {
              out[c] += r * (g(c) - mean_g - n(c) * mean_ng);
              n_adjoint[c] -= r * (mean_nx * g(c) + mean_ng * along[c]);
              sum_n[c] += ea[c] * na(c);
            }
          }
          T mean_adjoint, mean_n;
          row_means(
              size, [&](int c) { return n_adjoint[c]; }, n, mean_adjoint, mean_n);
          T* out = &dx(row, 0);
          for (int c = 0; c < size; ++c) out[c] += r * (n_adjoint[c] - mean_adjoint - n(c) * (mean_n + spread));
        }
      });
  add_norm_gradients<T, Space>(context, partial, weight, bias, scale, dweight, dbias, dscale, dshift);
}

template <class T, class Space>
void attention_tangents(Context<Space>& context, int heads, Mat<const T, Space> q, Mat<const T, Space> k,
                        Mat<const T, Space> v, Mat<T, Space> out, Mat<T, Space> log_sum, Mat<T, Space> mean) {
  const std::int64_t count = count_of<const T, Space>(q);
  core::expect(q.extent(1) == k.extent(1) && k.extent(1) == v.extent(1) && k.extent(0) == v.extent(0) &&
                   q.extent(0) == out.extent(0) && q.extent(1) == out.extent(1),
               "attention_tangents: shapes of q, k, v and out do not match");
  core::expect(k.extent(0) > 0 && heads > 0 && q.extent(1) % heads == 0, "attention_tangents: no keys, or odd heads");
  const AttentionTangentsDesc<T> a{q.data(),       k.data(),
                                   v.data(),       out.data(),
                                   heads,          static_cast<int>(q.extent(1)) / heads,
                                   count,          static_cast<std::int64_t>(k.extent(0)),
                                   log_sum.data(), mean.data()};
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Space, HostSpace>)
    if (cpu::attention_tangents(context, a)) return;
  portable(context, a);
}

template <class T, class Space>
void attention_tangents_backward(Context<Space>& context, int heads, Mat<const T, Space> q, Mat<const T, Space> k,
                                 Mat<const T, Space> v, Mat<const T, Space> out, Mat<const T, Space> log_sum,
                                 Mat<const T, Space> mean, Mat<const T, Space> dout, Mat<T, Space> dq, Mat<T, Space> dk,
                                 Mat<T, Space> dv) {
  const std::int64_t count = count_of<const T, Space>(q);
  const int head = static_cast<int>(q.extent(1)) / heads;
  core::expect(q.size() == out.size() && q.size() == dout.size() && q.size() == dq.size() && k.size() == v.size() &&
                   k.size() == dk.size() && k.size() == dv.size(),
               "attention_tangents_backward: shapes do not match");
  typename core::Arena<Space>::Scope scope(context.arena);
  Mat<T, Space> delta = take<T>(context, count, static_cast<std::size_t>(heads)),
                through = take<T>(context, 3 * count, static_cast<std::size_t>(heads));
  if (!context.measuring())
    Kokkos::parallel_for(
        "streamtube::surrogate::attention_tangents_backward::delta", Rows<Space>(context.space, 0, count * heads),
        KOKKOS_LAMBDA(const std::int64_t item) {
          const std::int64_t row = item / heads, first = item % heads * head;
          const T* value = &out(row, first);
          T all = 0;
          for (int d = 0; d < 4; ++d) {
            const T *o = &out(d * count + row, first), *e = &dout(d * count + row, first);
            T own = 0, across = 0;
            for (int c = 0; c < head; ++c) own += e[c] * o[c], across += e[c] * value[c];
            all += own;
            if (d > 0) through((d - 1) * count + row, item % heads) = across;
          }
          delta(row, item % heads) = all;
        });
  const AttentionTangentsBackwardDesc<T> a{
      q.data(),    k.data(),     v.data(),       dout.data(), log_sum.data(),
      mean.data(), delta.data(), through.data(), dq.data(),   dk.data(),
      dv.data(),   heads,        head,           count,       static_cast<std::int64_t>(k.extent(0))};
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Space, HostSpace>)
    if (cpu::attention_tangents_backward(context, a)) return;
  portable(context, a);
}

#define STREAMTUBE_INSTANTIATE(T, S)                                                                                   \
  template void linear_tangents<T, S>(Context<S>&, Mat<const T, S>, Mat<const T, S>, Vec<const T, S>, Mat<T, S>,       \
                                      Epilogue, Vec<const T, S>);                                                      \
  template void linear_tangents_backward<T, S>(Context<S>&, Mat<const T, S>, Mat<const T, S>, Mat<const T, S>,         \
                                               Mat<T, S>, Mat<T, S>, Vec<T, S>);                                       \
  template void sincos_embedding_tangents<T, S>(Context<S>&, Vec<const float, S>, Mat<T, S>);                          \
  template void rotate_tangents<T, S>(Context<S>&, Mat<T, S>, Mat<const T, S>, Vec<const float, S>);                   \
  template void rotate_tangents_backward<T, S>(Context<S>&, Mat<T, S>, Mat<const T, S>, Vec<const float, S>);          \
  template void gelu_tangents<T, S>(Context<S>&, Mat<const T, S>, Mat<T, S>);                                          \
  template void gelu_tangents_backward<T, S>(Context<S>&, Mat<const T, S>, Mat<const T, S>, Mat<T, S>);                \
  template void layer_norm_tangents<T, S>(Context<S>&, Mat<const T, S>, Vec<const T, S>, Vec<const T, S>,              \
                                          Vec<const T, S>, Vec<const T, S>, T, Mat<T, S>);                             \
  template void layer_norm_tangents_backward<T, S>(Context<S>&, Mat<const T, S>, Vec<const T, S>, Vec<const T, S>,     \
                                                   Vec<const T, S>, T, Mat<const T, S>, Mat<T, S>, Vec<T, S>,          \
                                                   Vec<T, S>, Vec<T, S>, Vec<T, S>);                                   \
  template void attention_tangents<T, S>(Context<S>&, int, Mat<const T, S>, Mat<const T, S>, Mat<const T, S>,          \
                                         Mat<T, S>, Mat<T, S>, Mat<T, S>);                                             \
  template void attention_tangents_backward<T, S>(Context<S>&, int, Mat<const T, S>, Mat<const T, S>, Mat<const T, S>, \
                                                  Mat<const T, S>, Mat<const T, S>, Mat<const T, S>, Mat<const T, S>,  \
                                                  Mat<T, S>, Mat<T, S>, Mat<T, S>);
STREAMTUBE_FOR_ALL_SPACES(STREAMTUBE_INSTANTIATE)
#undef STREAMTUBE_INSTANTIATE

}  // namespace streamtube::surrogate
