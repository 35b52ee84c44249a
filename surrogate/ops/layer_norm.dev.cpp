#include "surrogate/ops/layer_norm.dev.hpp"

namespace streamtube::surrogate {

template <class T, class Space>
void layer_norm(Context<Space>& context, Mat<const T, Space> x, Vec<const T, Space> weight, Vec<const T, Space> bias,
                Vec<const T, Space> scale, Vec<const T, Space> shift, T epsilon, Mat<T, Space> y) {
  core::expect(x.extent(0) == y.extent(0) && x.extent(1) == y.extent(1), "layer_norm: x and y differ in shape");
  core::expect(scale.extent(0) == shift.extent(0), "layer_norm: scale without shift");
  if (context.measuring() || x.extent(0) == 0) return;
  const int size = static_cast<int>(x.extent(1));
  const T *w = weight.data(), *b = bias.data(), *s = scale.data(), *h = shift.data();
  Kokkos::parallel_for(
      "streamtube::surrogate::layer_norm", Kokkos::RangePolicy<Space>(context.space, 0, x.extent(0)),
      KOKKOS_LAMBDA(const int row) { layer_norm_row(&x(row, 0), &y(row, 0), size, w, b, s, h, epsilon); });
}

// With n = (x - mean) / deviation, y = (n w + b)(1 + s) + h and g = dy (1 + s) w:
//   dx = (g - mean(g) - n mean(g n)) / deviation;  dw += dy (1 + s) n, db += dy (1 + s), ds += dy (n w + b), dh += dy
template <class T, class Space>
void layer_norm_backward(Context<Space>& context, Mat<const T, Space> x, Vec<const T, Space> weight,
                         Vec<const T, Space> bias, Vec<const T, Space> scale, T epsilon, Mat<const T, Space> dy,
                         Mat<T, Space> dx, Adjoint adjoint, Vec<T, Space> dweight, Vec<T, Space> dbias,
                         Vec<T, Space> dscale, Vec<T, Space> dshift) {
  core::expect(x.extent(0) == dy.extent(0) && x.extent(1) == dy.extent(1) && x.extent(0) == dx.extent(0) &&
                   x.extent(1) == dx.extent(1),
               "layer_norm_backward: x, dy and dx differ in shape");
  const std::int64_t count = static_cast<std::int64_t>(x.extent(0));
  const int size = static_cast<int>(x.extent(1));
  if (count == 0) return;
  // Rows in parts of fixed length; every part sums dy n and dy of its rows, from which all four gradients follow.
  constexpr std::int64_t rows_per_part = 64;
  typename core::Arena<Space>::Scope scope(context.arena);
  const std::int64_t parts = (count + rows_per_part - 1) / rows_per_part;
  Mat<T, Space> partial = take<T>(context, parts, 2 * static_cast<std::size_t>(size));
  if (context.measuring()) return;
  const T *w = weight.data(), *s = scale.data();
  const bool add = adjoint == Adjoint::add;
  Kokkos::parallel_for(
      "streamtube::surrogate::layer_norm_backward",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, parts),
      KOKKOS_LAMBDA(const std::int64_t part) {
        T *sum_n = &partial(part, 0), *sum = sum_n + size;
        for (int c = 0; c < 2 * size; ++c) sum_n[c] = 0;
        const std::int64_t end = (part + 1) * rows_per_part < count ? (part + 1) * rows_per_part : count;
        for (std::int64_t row = part * rows_per_part; row < end; ++row) {
          const T *in = &x(row, 0), *d = &dy(row, 0);
          T* out = &dx(row, 0);
          constexpr int lanes = 16;  // as in row_moments
          const int rest = size / lanes * lanes;
          T p0[lanes] = {}, p1[lanes] = {}, mean, inverse;
          row_moments(in, size, epsilon, mean, inverse);
          for (int c = 0; c < rest; c += lanes)
            for (int l = 0; l < lanes; ++l) {
              const T n = (in[c + l] - mean) * inverse;
              sum_n[c + l] += d[c + l] * n;
              sum[c + l] += d[c + l];
              const T g = d[c + l] * (s ? T(1) + s[c + l] : T(1)) * (w ? w[c + l] : T(1));
              p0[l] += g, p1[l] += g * n;
            }
          T mean_g = 0, mean_gn = 0;
          for (int l = 0; l < lanes; ++l) mean_g += p0[l], mean_gn += p1[l];
          for (int c = rest; c < size; ++c) {
            const T n = (in[c] - mean) * inverse;
            sum_n[c] += d[c] * n;
            sum[c] += d[c];
            const T g = d[c] * (s ? T(1) + s[c] : T(1)) * (w ? w[c] : T(1));
            mean_g += g, mean_gn += g * n;
          }
          mean_g /= size, mean_gn /= size;
          for (int c = 0; c < size; ++c) {
            const T n = (in[c] - mean) * inverse, g = d[c] * (s ? T(1) + s[c] : T(1)) * (w ? w[c] : T(1));
            const T value = (g - mean_g - n * mean_gn) * inverse;
            out[c] = add ? out[c] + value : value;
          }
        }
      });
  add_norm_gradients<T, Space>(context, partial, weight, bias, scale, dweight, dbias, dscale, dshift);
}

template <class T, class Space>
void add_norm_gradients(Context<Space>& context, Mat<T, Space> parts, Vec<const T, Space> weight,
                        Vec<const T, Space> bias, Vec<const T, Space> scale, Vec<T, Space> dweight, Vec<T, Space> dbias,
                        Vec<T, Space> dscale, Vec<T, Space> dshift) {
  const T *w = weight.data(), *b = bias.data(), *s = scale.data();
  T *dw = dweight.data(), *db = dbias.data(), *ds = dscale.data(), *dh = dshift.data();
  if (!dw && !db && !ds && !dh) return;
  const std::int64_t count = static_cast<std::int64_t>(parts.extent(0));
  std::size_t size = 0;
  for (const std::size_t n : {dweight.extent(0), dbias.extent(0), dscale.extent(0), dshift.extent(0)})
    size = n > size ? n : size;
  Kokkos::parallel_for(
      "streamtube::surrogate::add_norm_gradients", Kokkos::RangePolicy<Space>(context.space, 0, size),
      KOKKOS_LAMBDA(const std::int64_t c) {
        T sum_n = 0, sum = 0;
        for (std::int64_t part = 0; part < count; ++part) sum_n += parts(part, c), sum += parts(part, size + c);
        const T scaled = s ? T(1) + s[c] : T(1);
        if (dw) dw[c] += scaled * sum_n;
        if (db) db[c] += scaled * sum;
        if (ds) ds[c] += (w ? w[c] : T(1)) * sum_n + (b ? b[c] : T(0)) * sum;
        if (dh) dh[c] += sum;
      });
}

#define STREAMTUBE_INSTANTIATE(T, S)                                                                                \
  template void layer_norm<T, S>(Context<S>&, Mat<const T, S>, Vec<const T, S>, Vec<const T, S>, Vec<const T, S>,   \
                                 Vec<const T, S>, T, Mat<T, S>);                                                    \
  template void layer_norm_backward<T, S>(Context<S>&, Mat<const T, S>, Vec<const T, S>, Vec<const T, S>,           \
                                          Vec<const T, S>, T, Mat<const T, S>, Mat<T, S>, Adjoint, Vec<T, S>,       \
                                          Vec<T, S>, Vec<T, S>, Vec<T, S>);                                         \
  template void add_norm_gradients<T, S>(Context<S>&, Mat<T, S>, Vec<const T, S>, Vec<const T, S>, Vec<const T, S>, \
                                         Vec<T, S>, Vec<T, S>, Vec<T, S>, Vec<T, S>);
STREAMTUBE_FOR_ALL_SPACES(STREAMTUBE_INSTANTIATE)
#undef STREAMTUBE_INSTANTIATE

}  // namespace streamtube::surrogate
