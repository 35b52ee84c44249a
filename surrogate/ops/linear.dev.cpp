#include "surrogate/ops/linear.dev.hpp"

#include <type_traits>

#include "surrogate/backends/cpu.dev.hpp"

namespace streamtube::surrogate {
namespace {

// Portable: a work item is 4 rows by 16 columns; the weights are transposed first so that columns are contiguous.
template <class T, class Space>
struct PortableGemm {
  static constexpr int tile_rows = 4, tile_columns = 16;
  GemmDesc<T> g;
  const T* transposed;  // [inner][padded columns]
  std::int64_t padded;

  KOKKOS_FUNCTION void operator()(const std::int64_t item) const {
    const std::int64_t tiles = padded / tile_columns, row = item / tiles * tile_rows,
                       column = item % tiles * tile_columns;
    const int rows = static_cast<int>(g.rows - row < tile_rows ? g.rows - row : tile_rows);
    T sum[tile_rows][tile_columns] = {};
    for (std::int64_t k = 0; k < g.inner; ++k) {
      const T* w = transposed + k * padded + column;
      for (int r = 0; r < tile_rows; ++r) {
        const T a = g.x[(row + (r < rows ? r : 0)) * g.inner + k];
        for (int c = 0; c < tile_columns; ++c) sum[r][c] += a * w[c];
      }
    }
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < tile_columns && column + c < g.columns; ++c) {
        T value = sum[r][c] + (g.bias ? g.bias[column + c] : T(0));
        T& y = g.y[(row + r) * g.columns + column + c];
        if (g.epilogue == Epilogue::gelu) value = gelu(value);
        if (g.epilogue == Epilogue::accumulate) value = y + (g.gate ? g.gate[column + c] : T(1)) * value;
        y = value;
      }
  }
};

template <class T, class Space>
void portable(Context<Space>& context, const GemmDesc<T>& g) {
  using Item = PortableGemm<T, Space>;
  typename core::Arena<Space>::Scope scope(context.arena);
  const std::int64_t padded = (g.columns + Item::tile_columns - 1) / Item::tile_columns * Item::tile_columns;
  T* transposed = context.arena.template take<T>(static_cast<std::size_t>(padded * g.inner));
  if (context.measuring()) return;
  Kokkos::parallel_for(
      "streamtube::surrogate::linear::transpose",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, padded * g.inner),
      KOKKOS_LAMBDA(const std::int64_t i) {
        const std::int64_t column = i % padded, k = i / padded;
        transposed[i] = column < g.columns ? g.weight[column * g.inner + k] : T(0);
      });
  const std::int64_t items = (g.rows + Item::tile_rows - 1) / Item::tile_rows * (padded / Item::tile_columns);
  Kokkos::parallel_for("streamtube::surrogate::linear",
                       Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, items),
                       Item{g, transposed, padded});
}

}  // namespace

template <class T, class Space>
void linear(Context<Space>& context, Mat<const T, Space> x, Mat<const T, Space> weight, Vec<const T, Space> bias,
            Mat<T, Space> y, Epilogue epilogue, Vec<const T, Space> gate) {
  core::expect(x.extent(1) == weight.extent(1) && y.extent(1) == weight.extent(0) && x.extent(0) == y.extent(0),
               "linear: shapes of x, weight and y do not match");
  core::expect(!bias.data() || bias.extent(0) == weight.extent(0), "linear: length of the bias");
  if (x.extent(0) == 0) return;
  const GemmDesc<T> gemm{x.data(),
                         weight.data(),
                         bias.data(),
                         gate.data(),
                         y.data(),
                         static_cast<std::int64_t>(x.extent(0)),
                         static_cast<std::int64_t>(weight.extent(0)),
                         static_cast<std::int64_t>(x.extent(1)),
                         epilogue};
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Space, HostSpace>)
    if (cpu::linear(context, gemm)) return;
  portable(context, gemm);
}

#define STREAMTUBE_INSTANTIATE(T, S)                                                                              \
  template void linear<T, S>(Context<S>&, Mat<const T, S>, Mat<const T, S>, Vec<const T, S>, Mat<T, S>, Epilogue, \
                             Vec<const T, S>);
STREAMTUBE_FOR_ALL_SPACES(STREAMTUBE_INSTANTIATE)
#undef STREAMTUBE_INSTANTIATE

}  // namespace streamtube::surrogate
