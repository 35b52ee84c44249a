#include "surrogate/model/measure.hpp"

#include <algorithm>
#include <chrono>
#include <type_traits>

#include "geometry/radius_search.dev.hpp"
#include "surrogate/ops/linear.dev.hpp"

namespace streamtube::surrogate {
namespace {

using Space = DeviceSpace;
using Memory = Space::memory_space;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

template <class T>
Kokkos::View<T*, Memory> upload(std::span<const T> values) {
  Kokkos::View<T*, Memory> view(Kokkos::view_alloc(Kokkos::WithoutInitializing, "streamtube::surrogate::measure"),
                                values.size());
  Kokkos::deep_copy(view, Kokkos::View<const T*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(
                              values.data(), values.size()));
  return view;
}

}  // namespace

MatmulPeak matmul_peak(Precision precision) {
  const BackendSet backends(precision);
  // Large enough to be bound by arithmetic: on a CPU some tenths of a second, on a GPU some milliseconds.
  const std::size_t size = std::is_same_v<Space, HostSpace> ? 2048 : 8192;
  Kokkos::View<float*, Memory> numbers("streamtube::surrogate::matmul_peak", 3 * size * size);
  Space space;
  // Not all zero: switching costs power, and power the clock.
  Kokkos::parallel_for(
      "streamtube::surrogate::matmul_peak::fill",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(space, 0, 2 * size * size),
      KOKKOS_LAMBDA(const std::int64_t i) {
        numbers(i) = static_cast<float>((i * 2654435761 >> 7) % 2001 - 1000) / 1000.0f;
      });
  const Mat<const float, Space> x{numbers.data(), size, size}, weight{numbers.data() + size * size, size, size};
  const Mat<float, Space> y{numbers.data() + 2 * size * size, size, size};
  core::Arena<Space> arena;
  Context<Space> context{space, arena, backends};
  const auto product = [&] { linear<float, Space>(context, x, weight, {}, y); };
  arena.measure(product);
  const auto time = [&](int times) {
    space.fence("streamtube::surrogate::matmul_peak");
    const double start = seconds();
    for (int i = 0; i < times; ++i) product();
    space.fence("streamtube::surrogate::matmul_peak");
    return (seconds() - start) / times;
  };
  time(1);  // warm-up
  const int times = std::clamp(static_cast<int>(0.05 / time(1)), 1, 100);
  double best = time(times);
  for (int i = 0; i < 4; ++i) best = std::min(best, time(times));
  const double n = static_cast<double>(size);
  return {static_cast<std::int64_t>(size), 2 * n * n * n / best};
}

std::int64_t count_edges(std::span<const float> points, std::span<const std::int64_t> supernodes, float radius,
                         int max_degree) {
  const auto positions = upload(points);
  const auto index = upload(supernodes);
  const auto neighbors = geometry::radius_search<float, Space>(Space(), {positions.data(), points.size() / 3, 3},
                                                               {index.data(), supernodes.size()}, radius, max_degree);
  return static_cast<std::int64_t>(neighbors.source.extent(0));
}

}  // namespace streamtube::surrogate
