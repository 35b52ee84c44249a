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

#define STREAMTUBE_INSTANTIATE(T, S)                                                                              \
  template void layer_norm<T, S>(Context<S>&, Mat<const T, S>, Vec<const T, S>, Vec<const T, S>, Vec<const T, S>, \
                                 Vec<const T, S>, T, Mat<T, S>);
STREAMTUBE_FOR_ALL_SPACES(STREAMTUBE_INSTANTIATE)
#undef STREAMTUBE_INSTANTIATE

}  // namespace streamtube::surrogate
