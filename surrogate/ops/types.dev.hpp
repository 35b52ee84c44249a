#pragma once
// What every op takes: views of row-major matrices that own nothing, and the context it runs in.

#include <Kokkos_Core.hpp>
#include <type_traits>
#include <utility>

#include "core/device/arena.dev.hpp"
#include "core/error.hpp"
#include "core/runtime.hpp"
#include "surrogate/backends/backend_set.hpp"
#include "surrogate/backends/descriptions.hpp"

namespace streamtube::surrogate {

using HostSpace = Kokkos::DefaultHostExecutionSpace;
template <class Space>
inline constexpr bool is_gpu = !std::is_same_v<Space, HostSpace>;

// make(std::type_identity<Space>) with the space of the Runtime's back end.
template <class Make>
auto on_backend(Make&& make) {
#ifdef KOKKOS_ENABLE_CUDA
  if (core::backend() == core::Backend::cuda) return make(std::type_identity<Kokkos::Cuda>{});
#endif
  return make(std::type_identity<HostSpace>{});
}

template <class T, class Space>
using Mat =
    Kokkos::View<T**, Kokkos::LayoutRight, typename Space::memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
template <class T, class Space>
using Vec =
    Kokkos::View<T*, Kokkos::LayoutRight, typename Space::memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;

// First argument of every op. Ops take scratch from the arena, launch on `space` and neither allocate nor fence. While
// the arena measures, they only take scratch.
template <class Space>
struct Context {
  Space space;
  core::Arena<Space>& arena;
  const BackendSet& backends;
  bool measuring() const { return arena.measuring(); }
};

template <class T, class Space>
Mat<T, Space> take(Context<Space>& context, std::size_t rows, std::size_t columns) {
  return Mat<T, Space>(context.arena.template take<T>(rows * columns), rows, columns);
}
template <class T, class Space>
Vec<T, Space> take(Context<Space>& context, std::size_t size) {
  return Vec<T, Space>(context.arena.template take<T>(size), size);
}

// Rows begin..end of a matrix, as a matrix.
template <class T, class Space_>
Kokkos::View<T**, Kokkos::LayoutRight, Space_, Kokkos::MemoryTraits<Kokkos::Unmanaged>> rows(
    const Kokkos::View<T**, Kokkos::LayoutRight, Space_, Kokkos::MemoryTraits<Kokkos::Unmanaged>>& x, std::size_t begin,
    std::size_t end) {
  return {x.data() + begin * x.extent(1), end - begin, x.extent(1)};
}

template <class T, class Space>
void fill_zero(Context<Space>& context, Mat<T, Space> x) {
  if (context.measuring() || x.size() == 0) return;
  T* at = x.data();
  Kokkos::parallel_for(
      "streamtube::surrogate::fill_zero",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, x.size()),
      KOKKOS_LAMBDA(const std::int64_t i) { at[i] = T(0); });
}

// to[at ..] = from
template <class T, class Space>
void copy_rows(Context<Space>& context, Mat<const T, Space> from, Mat<T, Space> to, std::int64_t at) {
  if (context.measuring() || from.size() == 0) return;
  const T* source = from.data();
  T* target = to.data() + at * static_cast<std::int64_t>(to.extent(1));
  Kokkos::parallel_for(
      "streamtube::surrogate::copy_rows",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, from.size()),
      KOKKOS_LAMBDA(const std::int64_t i) { target[i] = source[i]; });
}

// to = columns first .. of from, as many as `to` has.
template <class T, class Space>
void take_columns(Context<Space>& context, Mat<const T, Space> from, std::size_t first, Mat<T, Space> to) {
  core::expect(from.extent(0) == to.extent(0) && first + to.extent(1) <= from.extent(1), "take_columns: shapes");
  if (context.measuring() || to.size() == 0) return;
  const std::size_t columns = to.extent(1);
  Kokkos::parallel_for(
      "streamtube::surrogate::take_columns", Kokkos::RangePolicy<Space>(context.space, 0, to.extent(0)),
      KOKKOS_LAMBDA(const int row) {
        for (std::size_t c = 0; c < columns; ++c) to(row, c) = from(row, first + c);
      });
}

// y = add + x * gate, gate per column; without `add`: y = x * gate.
template <class T, class Space>
void gate_columns(Context<Space>& context, Mat<const T, Space> add, Mat<const T, Space> x, Vec<const T, Space> gate,
                  Mat<T, Space> y) {
  if (context.measuring() || x.size() == 0) return;
  const std::int64_t columns = static_cast<std::int64_t>(x.extent(1));
  const T *base = add.data(), *in = x.data(), *g = gate.data();
  T* out = y.data();
  Kokkos::parallel_for(
      "streamtube::surrogate::gate_columns",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, x.size()),
      KOKKOS_LAMBDA(const std::int64_t i) { out[i] = (base ? base[i] : T(0)) + in[i] * g[i % columns]; });
}

// y += x
template <class T, class Space>
void add_rows(Context<Space>& context, Mat<const T, Space> x, Mat<T, Space> y) {
  if (context.measuring() || x.size() == 0) return;
  const T* from = x.data();
  T* to = y.data();
  Kokkos::parallel_for(
      "streamtube::surrogate::add_rows",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, x.size()),
      KOKKOS_LAMBDA(const std::int64_t i) { to[i] += from[i]; });
}

// Instantiates MACRO(type, space) for all the ops are offered in: float for use, double for gradient checks.
#ifdef KOKKOS_ENABLE_CUDA
#define STREAMTUBE_FOR_ALL_SPACES(MACRO) \
  MACRO(float, HostSpace) MACRO(double, HostSpace) MACRO(float, Kokkos::Cuda) MACRO(double, Kokkos::Cuda)
#else
#define STREAMTUBE_FOR_ALL_SPACES(MACRO) MACRO(float, HostSpace) MACRO(double, HostSpace)
#endif

}  // namespace streamtube::surrogate
