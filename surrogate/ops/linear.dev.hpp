#pragma once
// Linear layers: y = x W^T + b with what follows it in one pass (see Epilogue).

#include "surrogate/ops/types.dev.hpp"

namespace streamtube::surrogate {

// x [N][inner], weight [columns][inner], bias [columns] or empty, y [N][columns]. gate [columns] or empty, for
// accumulate.
template <class T, class Space>
void linear(Context<Space>& context, Mat<const T, Space> x, Mat<const T, Space> weight, Vec<const T, Space> bias,
            Mat<T, Space> y, Epilogue epilogue = Epilogue::store, Vec<const T, Space> gate = {});

// The exact GELU, x / 2 (1 + erf(x / sqrt 2)).
template <class T>
KOKKOS_INLINE_FUNCTION T gelu(T x) {
  return T(0.5) * x * (T(1) + Kokkos::erf(x * T(0.70710678118654752440)));
}

}  // namespace streamtube::surrogate
