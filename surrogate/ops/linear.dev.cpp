#include "surrogate/ops/linear.dev.hpp"

#include <type_traits>

#include "surrogate/backends/cpu.dev.hpp"
#include "surrogate/backends/cuda.dev.hpp"

namespace streamtube::surrogate {
namespace {

// Portable: a work item is 4 rows by 16 columns; the weights are laid out first so that columns are contiguous.
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
        transposed[i] = column >= g.columns ? T(0)
                        : g.transposed      ? g.weight[k * g.columns + column]
                                            : g.weight[column * g.inner + k];
      });
  const std::int64_t items = (g.rows + Item::tile_rows - 1) / Item::tile_rows * (padded / Item::tile_columns);
  Kokkos::parallel_for("streamtube::surrogate::linear",
                       Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, items),
                       Item{g, transposed, padded});
}

template <class T, class Space>
void run(Context<Space>& context, const std::vector<GemmDesc<T>>& layers) {
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Space, HostSpace>)
    if (cpu::linear(context, layers)) return;
  for (const GemmDesc<T>& layer : layers) {
    if constexpr (std::is_same_v<T, float> && is_gpu<Space>)
      if (cuda::linear(context, layer)) continue;
    portable(context, layer);
  }
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
  run(context, std::vector<GemmDesc<T>>{gemm});
}

namespace {

// dW += dy^T x: a work item is 4 rows by 16 columns of dW, summed over all N in order.
template <class T>
struct PortableWeightGradient {
  static constexpr int tile_rows = 4, tile_columns = 16;
  const T *x, *dy;
  T* dweight;
  std::int64_t samples, columns, inner;

  KOKKOS_FUNCTION void operator()(const std::int64_t item) const {
    const std::int64_t tiles = (inner + tile_columns - 1) / tile_columns, row = item / tiles * tile_rows,
                       column = item % tiles * tile_columns;
    const int rows = static_cast<int>(columns - row < tile_rows ? columns - row : tile_rows);
    const int width = static_cast<int>(inner - column < tile_columns ? inner - column : tile_columns);
    T sum[tile_rows][tile_columns] = {};
    for (std::int64_t n = 0; n < samples; ++n)
      for (int r = 0; r < rows; ++r) {
        const T a = dy[n * columns + row + r];
        for (int c = 0; c < width; ++c) sum[r][c] += a * x[n * inner + column + c];
      }
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < width; ++c) dweight[(row + r) * inner + column + c] += sum[r][c];
  }
};

template <class T, class Space>
void add_weight_gradients(Context<Space>& context, const std::vector<WeightGradientDesc<T>>& layers) {
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Space, HostSpace>)
    if (cpu::weight_gradient(context, layers)) return;
  using Item = PortableWeightGradient<T>;
  for (const WeightGradientDesc<T>& g : layers) {
    if constexpr (std::is_same_v<T, float> && is_gpu<Space>)
      if (cuda::weight_gradient(context, g)) continue;
    if (context.measuring()) continue;
    const std::int64_t items = ((g.columns + Item::tile_rows - 1) / Item::tile_rows) *
                               ((g.inner + Item::tile_columns - 1) / Item::tile_columns);
    Kokkos::parallel_for("streamtube::surrogate::linear_backward::weight",
                         Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, items),
                         Item{g.x, g.dy, g.dweight, g.samples, g.columns, g.inner});
  }
}

constexpr std::int64_t rows_per_part = 256;

}  // namespace

template <class T, class Space>
void add_column_sums(Context<Space>& context, Mat<const T, Space> x, Mat<const T, Space> y, Vec<T, Space> sums) {
  const std::int64_t count = static_cast<std::int64_t>(x.extent(0)), columns = static_cast<std::int64_t>(x.extent(1));
  core::expect(sums.extent(0) == x.extent(1), "add_column_sums: length of the sums");
  core::expect(!y.data() || (y.extent(0) == x.extent(0) && y.extent(1) == x.extent(1)), "add_column_sums: shapes");
  if (count == 0) return;
  typename core::Arena<Space>::Scope scope(context.arena);
  const std::int64_t parts = (count + rows_per_part - 1) / rows_per_part;
  Mat<T, Space> partial = take<T>(context, parts, columns);
  if (context.measuring()) return;
  const T *a = x.data(), *b = y.data();
  if (is_gpu<Space>)  // neighbouring threads read neighbouring columns; the sums are those below
    Kokkos::parallel_for(
        "streamtube::surrogate::add_column_sums::parts",
        Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, parts * columns),
        KOKKOS_LAMBDA(const std::int64_t i) {
          const std::int64_t part = i / columns, c = i % columns,
                             end = (part + 1) * rows_per_part < count ? (part + 1) * rows_per_part : count;
          T sum = 0;
          for (std::int64_t n = part * rows_per_part; n < end; ++n)
            sum += b ? a[n * columns + c] * b[n * columns + c] : a[n * columns + c];
          partial(part, c) = sum;
        });
  else
    Kokkos::parallel_for(
        "streamtube::surrogate::add_column_sums::parts",
        Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, parts),
        KOKKOS_LAMBDA(const std::int64_t part) {
          T* sum = &partial(part, 0);
          for (std::int64_t c = 0; c < columns; ++c) sum[c] = 0;
          const std::int64_t end = (part + 1) * rows_per_part < count ? (part + 1) * rows_per_part : count;
          for (std::int64_t n = part * rows_per_part; n < end; ++n)
            if (b)
              for (std::int64_t c = 0; c < columns; ++c) sum[c] += a[n * columns + c] * b[n * columns + c];
            else
              for (std::int64_t c = 0; c < columns; ++c) sum[c] += a[n * columns + c];
        });
  Kokkos::parallel_for(
      "streamtube::surrogate::add_column_sums",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, columns),
      KOKKOS_LAMBDA(const std::int64_t c) {
        T sum = 0;
        for (std::int64_t part = 0; part < parts; ++part) sum += partial(part, c);
        sums(c) += sum;
      });
}

template <class T, class Space>
void linear_backward(Context<Space>& context, const std::vector<LinearAdjoint<T, Space>>& layers) {
  std::vector<WeightGradientDesc<T>> gradients;
  std::vector<GemmDesc<T>> products;
  for (const LinearAdjoint<T, Space>& l : layers) {
    core::expect(
        l.dy.extent(1) == l.weight.extent(0) && l.x.extent(1) == l.weight.extent(1) && l.x.extent(0) == l.dy.extent(0),
        "linear_backward: shapes of x, weight and dy do not match");
    core::expect(
        !l.dweight.data() || (l.dweight.extent(0) == l.weight.extent(0) && l.dweight.extent(1) == l.weight.extent(1)),
        "linear_backward: shape of dweight");
    core::expect(!l.dx.data() || (l.dx.extent(0) == l.x.extent(0) && l.dx.extent(1) == l.x.extent(1)),
                 "linear_backward: shape of dx");
    const std::int64_t count = static_cast<std::int64_t>(l.x.extent(0)),
                       columns = static_cast<std::int64_t>(l.weight.extent(0)),
                       inner = static_cast<std::int64_t>(l.weight.extent(1));
    if (count == 0) continue;
    if (l.dweight.data()) gradients.push_back({l.x.data(), l.dy.data(), l.dweight.data(), count, columns, inner});
    if (l.dx.data())
      products.push_back({l.dy.data(), l.weight.data(), nullptr, nullptr, l.dx.data(), count, inner, columns,
                          l.adjoint == Adjoint::add ? Epilogue::accumulate : Epilogue::store, true});
  }
  if (!gradients.empty()) add_weight_gradients<T, Space>(context, gradients);
  for (const LinearAdjoint<T, Space>& l : layers)
    if (l.dbias.data()) add_column_sums<T, Space>(context, l.dy, {}, l.dbias);
  if (!products.empty()) run<T, Space>(context, products);
}

template <class T, class Space>
void linear_backward(Context<Space>& context, Mat<const T, Space> x, Mat<const T, Space> weight, Mat<const T, Space> dy,
                     Mat<T, Space> dx, Adjoint adjoint, Mat<T, Space> dweight, Vec<T, Space> dbias) {
  linear_backward<T, Space>(context, {{x, weight, dy, dx, adjoint, dweight, dbias}});
}

template <class T, class Space>
void gelu_forward(Context<Space>& context, Mat<const T, Space> x, Mat<T, Space> y) {
  core::expect(x.size() == y.size(), "gelu_forward: x and y differ in size");
  if (context.measuring() || x.size() == 0) return;
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Space, HostSpace>)
    if (cpu::gelu_forward(context, x.data(), y.data(), static_cast<std::int64_t>(x.size()))) return;
  const T* in = x.data();
  T* out = y.data();
  Kokkos::parallel_for(
      "streamtube::surrogate::gelu_forward",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, x.size()),
      KOKKOS_LAMBDA(const std::int64_t i) { out[i] = gelu(in[i]); });
}

template <class T, class Space>
void gelu_backward(Context<Space>& context, Mat<const T, Space> x, Mat<const T, Space> dy, Mat<T, Space> dx,
                   Mat<T, Space> y) {
  core::expect(x.size() == dy.size() && x.size() == dx.size() && (!y.data() || x.size() == y.size()),
               "gelu_backward: x, dy, dx and y differ in size");
  if (context.measuring() || x.size() == 0) return;
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Space, HostSpace>)
    if (cpu::gelu_backward(context, x.data(), dy.data(), dx.data(), y.data(), static_cast<std::int64_t>(x.size())))
      return;
  const T *in = x.data(), *d = dy.data();
  T *out = dx.data(), *value = y.data();
  Kokkos::parallel_for(
      "streamtube::surrogate::gelu_backward",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, x.size()),
      KOKKOS_LAMBDA(const std::int64_t i) {
        if (value) value[i] = gelu(in[i]);
        out[i] = d[i] * gelu_derivative(in[i]);
      });
}

#define STREAMTUBE_INSTANTIATE(T, S)                                                                              \
  template void linear<T, S>(Context<S>&, Mat<const T, S>, Mat<const T, S>, Vec<const T, S>, Mat<T, S>, Epilogue, \
                             Vec<const T, S>);                                                                    \
  template void linear_backward<T, S>(Context<S>&, Mat<const T, S>, Mat<const T, S>, Mat<const T, S>, Mat<T, S>,  \
                                      Adjoint, Mat<T, S>, Vec<T, S>);                                             \
  template void linear_backward<T, S>(Context<S>&, const std::vector<LinearAdjoint<T, S>>&);                      \
  template void add_column_sums<T, S>(Context<S>&, Mat<const T, S>, Mat<const T, S>, Vec<T, S>);                  \
  template void gelu_forward<T, S>(Context<S>&, Mat<const T, S>, Mat<T, S>);                                      \
  template void gelu_backward<T, S>(Context<S>&, Mat<const T, S>, Mat<const T, S>, Mat<T, S>, Mat<T, S>);
STREAMTUBE_FOR_ALL_SPACES(STREAMTUBE_INSTANTIATE)
#undef STREAMTUBE_INSTANTIATE

}  // namespace streamtube::surrogate
