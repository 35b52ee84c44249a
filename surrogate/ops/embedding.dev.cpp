#include "surrogate/ops/embedding.dev.hpp"

#include <cmath>
#include <type_traits>

#include "surrogate/backends/cpu_kernels.hpp"

namespace streamtube::surrogate {
namespace {

constexpr int most_axes = 8, most_frequencies = 4096;

// Where rows go through vectors of sines and cosines; null: they do not.
template <class T, class Space>
const cpu::VectorKernels* vector_path(const Context<Space>& context, std::size_t angles) {
  return std::is_same_v<T, float> && std::is_same_v<Space, HostSpace> && angles <= most_frequencies
             ? cpu::vector_kernels(context.backends.cpu_path())
             : nullptr;
}

// body(row, angles, sines, cosines): the angles of a row in, sines and cosines out, on host threads.
template <class Fill, class Store>
void for_rows_vectorised(const cpu::VectorKernels& vectors, const HostSpace& space, const char* label,
                         std::int64_t rows, int angles, const Fill& fill, const Store& store) {
  const auto sincos = vectors.sincos;
  Kokkos::parallel_for(label, Kokkos::RangePolicy<HostSpace, Kokkos::IndexType<std::int64_t>>(space, 0, rows),
                       [=](const std::int64_t row) {
                         float angle[most_frequencies], sine[most_frequencies], cosine[most_frequencies];
                         fill(row, angle);
                         sincos(angle, sine, cosine, angles);
                         store(row, sine, cosine);
                       });
}

}  // namespace

std::vector<float> frequencies(int size, int axes, float wavelength) {
  int left_over = size % axes, per_axis = (size - left_over) / axes;
  left_over += per_axis % 2 * axes;
  per_axis = (size - left_over) / axes;
  std::vector<float> frequency;
  for (int i = 0; i < per_axis; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(per_axis);
    const float power = static_cast<float>(std::pow(static_cast<double>(wavelength), static_cast<double>(exponent)));
    frequency.push_back(1.0f / power);
  }
  return frequency;
}

template <class T, class Space>
void sincos_embedding(Context<Space>& context, Mat<const T, Space> x, Vec<const float, Space> frequency,
                      Mat<T, Space> y) {
  const int axes = static_cast<int>(x.extent(1)), n = static_cast<int>(frequency.extent(0)),
            size = static_cast<int>(y.extent(1));
  core::expect(x.extent(0) == y.extent(0), "sincos_embedding: x and y differ in rows");
  core::expect(axes <= most_axes && 2 * n * axes <= size, "sincos_embedding: more frequencies than channels");
  if (context.measuring() || x.extent(0) == 0) return;
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Space, HostSpace>)
    if (const cpu::VectorKernels* vectors = vector_path<T>(context, static_cast<std::size_t>(n) * axes)) {
      for_rows_vectorised(
          *vectors, context.space, "streamtube::surrogate::sincos_embedding::vectorised",
          static_cast<std::int64_t>(x.extent(0)), n * axes,
          [=](std::int64_t row, float* angle) {
            for (int a = 0; a < axes; ++a)
              for (int i = 0; i < n; ++i) angle[a * n + i] = x(row, a) * frequency(i);
          },
          [=](std::int64_t row, const float* sine, const float* cosine) {
            float* out = &y(row, 0);
            for (int a = 0; a < axes; ++a)
              for (int i = 0; i < n; ++i)
                out[2 * a * n + i] = sine[a * n + i], out[(2 * a + 1) * n + i] = cosine[a * n + i];
            for (int c = 2 * n * axes; c < size; ++c) out[c] = 0;
          });
      return;
    }
  Kokkos::parallel_for(
      "streamtube::surrogate::sincos_embedding", Kokkos::RangePolicy<Space>(context.space, 0, x.extent(0)),
      KOKKOS_LAMBDA(const int row) {
        for (int a = 0; a < axes; ++a)
          for (int i = 0; i < n; ++i) {
            const T angle = x(row, a) * T(frequency(i));
            y(row, 2 * a * n + i) = Kokkos::sin(angle);
            y(row, (2 * a + 1) * n + i) = Kokkos::cos(angle);
          }
        for (int c = 2 * n * axes; c < size; ++c) y(row, c) = T(0);
      });
}

template <class T, class Space>
void sincos_embedding_backward(Context<Space>& context, Mat<const T, Space> y, Vec<const float, Space> frequency,
                               Mat<const T, Space> dy, std::size_t first, Mat<T, Space> dx) {
  const int axes = static_cast<int>(dx.extent(1)), n = static_cast<int>(frequency.extent(0));
  core::expect(y.extent(0) == dx.extent(0) && y.extent(0) == dy.extent(0) && y.extent(1) == dy.extent(1),
               "sincos_embedding_backward: y, dy and dx do not match");
  core::expect(first + static_cast<std::size_t>(2 * n * axes) <= y.extent(1),
               "sincos_embedding_backward: more frequencies than channels");
  if (context.measuring() || n == 0) return;
  Kokkos::parallel_for(
      "streamtube::surrogate::sincos_embedding_backward", Kokkos::RangePolicy<Space>(context.space, 0, dx.extent(0)),
      KOKKOS_LAMBDA(const int row) {
        for (int a = 0; a < axes; ++a) {
          const T *sine = &y(row, first + 2 * a * n), *cosine = sine + n;
          const T *dsine = &dy(row, first + 2 * a * n), *dcosine = dsine + n;
          T sum = 0;
          for (int i = 0; i < n; ++i) sum += T(frequency(i)) * (dsine[i] * cosine[i] - dcosine[i] * sine[i]);
          dx(row, a) += sum;
        }
      });
}

template <class T, class Space>
void rotary_table(Context<Space>& context, Mat<const T, Space> x, Vec<const float, Space> frequency,
                  Mat<T, Space> table) {
  const int axes = static_cast<int>(x.extent(1)), n = static_cast<int>(frequency.extent(0));
  const int pairs = static_cast<int>(table.extent(1)) / 2;
  core::expect(x.extent(0) == table.extent(0), "rotary_table: x and table differ in rows");
  core::expect(axes <= most_axes && n * axes <= pairs, "rotary_table: more frequencies than channel pairs");
  if (context.measuring() || x.extent(0) == 0) return;
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Space, HostSpace>)
    if (const cpu::VectorKernels* vectors = vector_path<T>(context, static_cast<std::size_t>(pairs))) {
      for_rows_vectorised(
          *vectors, context.space, "streamtube::surrogate::rotary_table::vectorised",
          static_cast<std::int64_t>(x.extent(0)), pairs,
          [=](std::int64_t row, float* angle) {
            for (int a = 0; a < axes; ++a)
              for (int i = 0; i < n; ++i) angle[a * n + i] = x(row, a) * frequency(i);
            for (int i = n * axes; i < pairs; ++i) angle[i] = 0;
          },
          [=](std::int64_t row, const float* sine, const float* cosine) {
            for (int i = 0; i < pairs; ++i) table(row, i) = cosine[i], table(row, pairs + i) = sine[i];
          });
      return;
    }
  Kokkos::parallel_for(
      "streamtube::surrogate::rotary_table", Kokkos::RangePolicy<Space>(context.space, 0, x.extent(0)),
      KOKKOS_LAMBDA(const int row) {
        for (int i = 0; i < pairs; ++i) {
          const T angle = i < n * axes ? x(row, i / n) * T(frequency(i % n)) : T(0);
          table(row, i) = Kokkos::cos(angle);
          table(row, pairs + i) = Kokkos::sin(angle);
        }
      });
}

template <class T, class Space>
void rotary_table_backward(Context<Space>& context, Mat<const T, Space> dangles, Vec<const float, Space> frequency,
                           Mat<T, Space> dx) {
  const int axes = static_cast<int>(dx.extent(1)), n = static_cast<int>(frequency.extent(0));
  core::expect(dangles.extent(0) == dx.extent(0), "rotary_table_backward: dangles and dx differ in rows");
  core::expect(n * axes <= static_cast<int>(dangles.extent(1)),
               "rotary_table_backward: more frequencies than channel pairs");
  if (context.measuring()) return;
  Kokkos::parallel_for(
      "streamtube::surrogate::rotary_table_backward", Kokkos::RangePolicy<Space>(context.space, 0, dx.extent(0)),
      KOKKOS_LAMBDA(const int row) {
        for (int a = 0; a < axes; ++a) {
          T sum = 0;
          for (int i = 0; i < n; ++i) sum += T(frequency(i)) * dangles(row, a * n + i);
          dx(row, a) += sum;
        }
      });
}

template <class T, class Space>
void rotate(Context<Space>& context, Mat<T, Space> x, Mat<const T, Space> table) {
  const int head = static_cast<int>(table.extent(1));
  core::expect(x.extent(0) == table.extent(0) && head > 0 && x.extent(1) % head == 0,
               "rotate: x and table do not match");
  if (context.measuring() || x.extent(0) == 0) return;
  const int heads = static_cast<int>(x.extent(1)) / head;
  Kokkos::parallel_for(
      "streamtube::surrogate::rotate", Kokkos::RangePolicy<Space>(context.space, 0, x.extent(0)),
      KOKKOS_LAMBDA(const int row) { rotate_row(&x(row, 0), &x(row, 0), &table(row, 0), heads, head); });
}

template <class T, class Space>
void rotate_backward(Context<Space>& context, Mat<T, Space> dx, Mat<const T, Space> table) {
  const int head = static_cast<int>(table.extent(1));
  core::expect(dx.extent(0) == table.extent(0) && head > 0 && dx.extent(1) % head == 0,
               "rotate_backward: dx and table do not match");
  if (context.measuring() || dx.extent(0) == 0) return;
  const int heads = static_cast<int>(dx.extent(1)) / head;
  Kokkos::parallel_for(
      "streamtube::surrogate::rotate_backward", Kokkos::RangePolicy<Space>(context.space, 0, dx.extent(0)),
      KOKKOS_LAMBDA(const int row) { rotate_row_back(&dx(row, 0), &table(row, 0), heads, head); });
}

template <class T, class Space>
void rotate_backward_angles(Context<Space>& context, Mat<const T, Space> y, Mat<const T, Space> dy,
                            Mat<T, Space> dangles) {
  const int pairs = static_cast<int>(dangles.extent(1)), width = static_cast<int>(y.extent(1));
  core::expect(y.extent(0) == dy.extent(0) && y.extent(1) == dy.extent(1) && y.extent(0) == dangles.extent(0) &&
                   pairs > 0 && width % (2 * pairs) == 0,
               "rotate_backward_angles: y, dy and dangles do not match");
  if (context.measuring()) return;
  const int heads = width / (2 * pairs);
  Kokkos::parallel_for(
      "streamtube::surrogate::rotate_backward_angles", Kokkos::RangePolicy<Space>(context.space, 0, dangles.extent(0)),
      KOKKOS_LAMBDA(const int row) {
        const T *in = &y(row, 0), *d = &dy(row, 0);
        T* sum = &dangles(row, 0);
        for (int h = 0; h < heads; ++h)
          for (int i = 0; i < pairs; ++i) {
            const int even = 2 * (h * pairs + i);
            sum[i] += d[even + 1] * in[even] - d[even] * in[even + 1];
          }
      });
}

#define STREAMTUBE_INSTANTIATE(T, S)                                                                                \
  template void sincos_embedding<T, S>(Context<S>&, Mat<const T, S>, Vec<const float, S>, Mat<T, S>);               \
  template void sincos_embedding_backward<T, S>(Context<S>&, Mat<const T, S>, Vec<const float, S>, Mat<const T, S>, \
                                                std::size_t, Mat<T, S>);                                            \
  template void rotary_table<T, S>(Context<S>&, Mat<const T, S>, Vec<const float, S>, Mat<T, S>);                   \
  template void rotary_table_backward<T, S>(Context<S>&, Mat<const T, S>, Vec<const float, S>, Mat<T, S>);          \
  template void rotate<T, S>(Context<S>&, Mat<T, S>, Mat<const T, S>);                                              \
  template void rotate_backward<T, S>(Context<S>&, Mat<T, S>, Mat<const T, S>);                                     \
  template void rotate_backward_angles<T, S>(Context<S>&, Mat<const T, S>, Mat<const T, S>, Mat<T, S>);
STREAMTUBE_FOR_ALL_SPACES(STREAMTUBE_INSTANTIATE)
#undef STREAMTUBE_INSTANTIATE

}  // namespace streamtube::surrogate
