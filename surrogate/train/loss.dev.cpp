#include "surrogate/train/loss.dev.hpp"

namespace streamtube::surrogate {
namespace {

constexpr std::int64_t rows_per_part = 256;  // sums are taken in parts of this many rows: one order on any device

}  // namespace

// sums [columns] of partial [parts][columns], in the order of the parts.
template <class Space>
static void sum_parts(Context<Space>& context, const char* label, Mat<double, Space> partial, Vec<double, Space> sums) {
  const std::int64_t parts = static_cast<std::int64_t>(partial.extent(0));
  Kokkos::parallel_for(
      label, Kokkos::RangePolicy<Space>(context.space, 0, static_cast<int>(sums.extent(0))),
      KOKKOS_LAMBDA(const int column) {
        double sum = 0;
        for (std::int64_t part = 0; part < parts; ++part) sum += partial(part, column);
        sums(column) = sum;
      });
}

template <class T, class Space>
void squared_error(Context<Space>& context, Mat<const T, Space> out, Mat<const T, Space> target,
                   Vec<const T, Space> row_weight, Vec<const T, Space> weight, T scale, Mat<T, Space> dout,
                   Vec<double, Space> losses) {
  const std::int64_t count = static_cast<std::int64_t>(out.extent(0)),
                     columns = static_cast<std::int64_t>(out.extent(1));
  core::expect(target.extent(0) == out.extent(0) && target.extent(1) == out.extent(1) &&
                   dout.extent(0) == out.extent(0) && dout.extent(1) == out.extent(1),
               "squared_error: out, target and dout differ in shape");
  core::expect(weight.extent(0) == out.extent(1) && losses.extent(0) == out.extent(1), "squared_error: columns");
  core::expect(!row_weight.data() || row_weight.extent(0) == out.extent(0), "squared_error: row weights");
  typename core::Arena<Space>::Scope scope(context.arena);
  const std::int64_t parts = (count + rows_per_part - 1) / rows_per_part;
  Mat<double, Space> partial = take<double>(context, parts, columns);
  if (context.measuring()) return;
  const T over_count = T(1) / T(count);
  const bool weighted = row_weight.data() != nullptr;
  Kokkos::parallel_for(
      "streamtube::surrogate::squared_error",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, parts),
      KOKKOS_LAMBDA(const std::int64_t part) {
        for (std::int64_t c = 0; c < columns; ++c) partial(part, c) = 0;
        const std::int64_t end = (part + 1) * rows_per_part < count ? (part + 1) * rows_per_part : count;
        for (std::int64_t row = part * rows_per_part; row < end; ++row)
          for (std::int64_t c = 0; c < columns; ++c) {
            const T error = out(row, c) - target(row, c);
            const T factor = weight(c) * over_count * (weighted ? row_weight(row) : T(1));
            partial(part, c) += static_cast<double>(factor) * static_cast<double>(error) * static_cast<double>(error);
            dout(row, c) = scale * T(2) * factor * error;
          }
      });
  sum_parts<Space>(context, "streamtube::surrogate::squared_error::sum", partial, losses);
}

template <class T, class Space>
void squared_functional(Context<Space>& context, Mat<const T, Space> out, Mat<const T, Space> target,
                        Mat<const T, Space> functional, T weight, T scale, Mat<T, Space> dout,
                        Vec<double, Space> loss) {
  const std::int64_t count = static_cast<std::int64_t>(out.extent(0)),
                     columns = static_cast<std::int64_t>(out.extent(1));
  core::expect(functional.extent(0) == out.extent(0) && functional.extent(1) == out.extent(1),
               "squared_functional: shape of the functional");
  typename core::Arena<Space>::Scope scope(context.arena);
  const std::int64_t parts = (count + rows_per_part - 1) / rows_per_part;
  Vec<double, Space> partial = take<double>(context, parts + 1);
  if (context.measuring()) return;
  Kokkos::parallel_for(
      "streamtube::surrogate::squared_functional::parts",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, parts),
      KOKKOS_LAMBDA(const std::int64_t part) {
        double sum = 0;
        const std::int64_t end = (part + 1) * rows_per_part < count ? (part + 1) * rows_per_part : count;
        for (std::int64_t row = part * rows_per_part; row < end; ++row)
          for (std::int64_t c = 0; c < columns; ++c)
            sum += static_cast<double>(functional(row, c)) * static_cast<double>(out(row, c) - target(row, c));
        partial(part) = sum;
      });
  Kokkos::parallel_for(
      "streamtube::surrogate::squared_functional::sum", Kokkos::RangePolicy<Space>(context.space, 0, 1),
      KOKKOS_LAMBDA(const int) {
        double sum = 0;
        for (std::int64_t part = 0; part < parts; ++part) sum += partial(part);
        partial(parts) = sum;
        loss(0) = static_cast<double>(weight) * sum * sum;
      });
  Kokkos::parallel_for(
      "streamtube::surrogate::squared_functional::adjoint",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, count),
      KOKKOS_LAMBDA(const std::int64_t row) {
        const T factor = scale * T(2) * weight * static_cast<T>(partial(parts));
        for (std::int64_t c = 0; c < columns; ++c) dout(row, c) += factor * functional(row, c);
      });
}

template <class T, class Space>
void curl_error(Context<Space>& context, Mat<const T, Space> out, Mat<const T, Space> target, const CurlTerm& term,
                T factor, T scale, Mat<T, Space> dout, Vec<double, Space> losses) {
  const std::int64_t count = static_cast<std::int64_t>(out.extent(0)) / 4;
  core::expect(target.extent(0) * 4 == out.extent(0) && target.extent(1) == out.extent(1) &&
                   dout.size() == out.size() && losses.extent(0) == 3,
               "curl_error: out, target, dout and losses do not match");
  core::expect(term.from + 3 <= static_cast<int>(out.extent(1)) && term.to + 3 <= static_cast<int>(out.extent(1)),
               "curl_error: columns");
  typename core::Arena<Space>::Scope scope(context.arena);
  const std::int64_t parts = (count + rows_per_part - 1) / rows_per_part;
  Mat<double, Space> partial = take<double>(context, parts, 3);
  if (context.measuring()) return;
  const CurlTerm t = term;
  Kokkos::parallel_for(
      "streamtube::surrogate::curl_error",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, parts),
      KOKKOS_LAMBDA(const std::int64_t part) {
        for (int c = 0; c < 3; ++c) partial(part, c) = 0;
        const std::int64_t end = (part + 1) * rows_per_part < count ? (part + 1) * rows_per_part : count;
        for (std::int64_t row = part * rows_per_part; row < end; ++row)
          for (int i = 0; i < 3; ++i) {
            const int j = (i + 1) % 3, k = (i + 2) % 3;
            const std::int64_t along_j = (j + 1) * count + row, along_k = (k + 1) * count + row;
            const T curl =
                factor * (T(t.scale[k]) * out(along_j, t.from + k) - T(t.scale[j]) * out(along_k, t.from + j));
            const T size = curl < 0 ? -curl : curl;
            const T value = t.signed_log ? (curl < 0 ? -Kokkos::log1p(size) : Kokkos::log1p(size)) : curl;
            const T slope = t.signed_log ? T(1) / (T(1) + size) : T(1);
            const T error = (value - T(t.mean[i])) / T(t.std[i]) - target(row, t.to + i);
            const T weight = T(t.weight[i]) / T(count);
            partial(part, i) += static_cast<double>(weight) * static_cast<double>(error) * static_cast<double>(error);
            const T adjoint = scale * T(2) * weight * error * slope * factor / T(t.std[i]);
            dout(along_j, t.from + k) += adjoint * T(t.scale[k]);
            dout(along_k, t.from + j) -= adjoint * T(t.scale[j]);
          }
      });
  sum_parts<Space>(context, "streamtube::surrogate::curl_error::sum", partial, losses);
}

template <class T, class Space>
void cell_curl_error(Context<Space>& context, Mat<const T, Space> out, Mat<const T, Space> target,
                     const CellRows<T, Space>& cells, const CurlTerm& term, T scale, Mat<T, Space> dout,
                     Vec<double, Space> losses) {
  const std::int64_t count = static_cast<std::int64_t>(cells.row.extent(0)),
                     arms = static_cast<std::int64_t>(cells.side.extent(0));
  core::expect(target.extent(1) == out.extent(1) && dout.size() == out.size() && losses.extent(0) == 3 &&
                   static_cast<std::int64_t>(out.extent(0)) == cells.first + arms &&
                   static_cast<std::int64_t>(cells.begin.extent(0)) == count + 1 &&
                   static_cast<std::int64_t>(cells.weight.extent(0)) == arms,
               "cell_curl_error: out, target, dout, cells and losses do not match");
  core::expect(term.from + 3 <= static_cast<int>(out.extent(1)) && term.to + 3 <= static_cast<int>(out.extent(1)),
               "cell_curl_error: columns");
  typename core::Arena<Space>::Scope scope(context.arena);
  const std::int64_t parts = (count + rows_per_part - 1) / rows_per_part;
  Mat<double, Space> partial = take<double>(context, parts, 3);
  if (context.measuring()) return;
  const CurlTerm t = term;
  const CellRows<T, Space> c = cells;
  Kokkos::parallel_for(
      "streamtube::surrogate::cell_curl_error",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, parts),
      KOKKOS_LAMBDA(const std::int64_t part) {
        for (int i = 0; i < 3; ++i) partial(part, i) = 0;
        const std::int64_t end = (part + 1) * rows_per_part < count ? (part + 1) * rows_per_part : count;
        for (std::int64_t cell = part * rows_per_part; cell < end; ++cell) {
          T curl[3] = {0, 0, 0}, adjoint[3];
          for (std::int64_t k = c.begin(cell); k < c.begin(cell + 1); ++k) {
            T u[3];
            for (int i = 0; i < 3; ++i) u[i] = T(t.offset[i]) + T(t.scale[i]) * out(c.first + k, t.from + i);
            u[1] *= c.side(k);
            for (int i = 0; i < 3; ++i) {
              const int j = (i + 1) % 3, l = (i + 2) % 3;
              curl[i] += c.weight(k, j) * u[l] - c.weight(k, l) * u[j];
            }
          }
          for (int i = 0; i < 3; ++i) {
            const T size = curl[i] < 0 ? -curl[i] : curl[i];
            const T value = t.signed_log ? (curl[i] < 0 ? -Kokkos::log1p(size) : Kokkos::log1p(size)) : curl[i];
            const T slope = t.signed_log ? T(1) / (T(1) + size) : T(1);
            const T error = (value - T(t.mean[i])) / T(t.std[i]) - target(c.row(cell), t.to + i);
            const T weight = T(t.weight[i]) * c.share(cell);
            partial(part, i) += static_cast<double>(weight) * static_cast<double>(error) * static_cast<double>(error);
            adjoint[i] = scale * T(2) * weight * error * slope / T(t.std[i]);
          }
          for (std::int64_t k = c.begin(cell); k < c.begin(cell + 1); ++k)
            for (int i = 0; i < 3; ++i) {
              const int j = (i + 1) % 3, l = (i + 2) % 3;
              const T du = adjoint[j] * c.weight(k, l) - adjoint[l] * c.weight(k, j);
              dout(c.first + k, t.from + i) += T(t.scale[i]) * (i == 1 ? c.side(k) : T(1)) * du;
            }
        }
      });
  sum_parts<Space>(context, "streamtube::surrogate::cell_curl_error::sum", partial, losses);
}

#define STREAMTUBE_INSTANTIATE(T, S)                                                                                 \
  template void squared_error<T, S>(Context<S>&, Mat<const T, S>, Mat<const T, S>, Vec<const T, S>, Vec<const T, S>, \
                                    T, Mat<T, S>, Vec<double, S>);                                                   \
  template void squared_functional<T, S>(Context<S>&, Mat<const T, S>, Mat<const T, S>, Mat<const T, S>, T, T,       \
                                         Mat<T, S>, Vec<double, S>);                                                 \
  template void curl_error<T, S>(Context<S>&, Mat<const T, S>, Mat<const T, S>, const CurlTerm&, T, T, Mat<T, S>,    \
                                 Vec<double, S>);                                                                    \
  template void cell_curl_error<T, S>(Context<S>&, Mat<const T, S>, Mat<const T, S>, const CellRows<T, S>&,          \
                                      const CurlTerm&, T, Mat<T, S>, Vec<double, S>);
STREAMTUBE_FOR_ALL_SPACES(STREAMTUBE_INSTANTIATE)
#undef STREAMTUBE_INSTANTIATE

}  // namespace streamtube::surrogate
