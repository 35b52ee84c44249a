#include "surrogate/model/measure.hpp"

#include <algorithm>
#include <chrono>
#include <type_traits>

#include "geometry/radius_search.dev.hpp"
#include "surrogate/ops/linear.dev.hpp"

namespace streamtube::surrogate {
namespace {

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Not all zero: switching costs power, and power the clock.
float filling(std::int64_t i) { return static_cast<float>((i * 2654435761 >> 7) % 2001 - 1000) / 1000.0f; }
template <class Space>
MatmulPeak peak_on(const BackendSet& backends) {
  // Large enough to be bound by arithmetic: on a CPU some tenths of a second, on a GPU some milliseconds.
  const std::size_t size = std::is_same_v<Space, HostSpace> ? 2048 : 8192;
  Kokkos::View<float*, typename Space::memory_space> numbers(
      Kokkos::view_alloc(Kokkos::WithoutInitializing, "streamtube::surrogate::matmul_peak"), 3 * size * size);
  const auto host = Kokkos::create_mirror_view(numbers);
  for (std::size_t i = 0; i < 2 * size * size; ++i) host(i) = filling(static_cast<std::int64_t>(i));
  Kokkos::deep_copy(numbers, host);
  const float *x = numbers.data(), *weight = x + size * size;
  float* y = numbers.data() + 2 * size * size;
  core::Arena<Space> arena;
  Context<Space> context{Space(), arena, backends};
  const auto product = [&] {
    linear<float, Space>(context, {x, size, size}, {weight, size, size}, {}, {y, size, size});
  };
  arena.measure(product);
  const auto time = [&](int times) {
    context.space.fence("streamtube::surrogate::matmul_peak");
    const double start = seconds();
    for (int i = 0; i < times; ++i) product();
    context.space.fence("streamtube::surrogate::matmul_peak");
    return (seconds() - start) / times;
  };
  time(1);  // warm-up
  const int times = std::clamp(static_cast<int>(0.05 / time(1)), 1, 100);
  double best = time(times);
  for (int i = 0; i < 4; ++i) best = std::min(best, time(times));
  const double n = static_cast<double>(size);
  return {static_cast<std::int64_t>(size), 2 * n * n * n / best};
}

template <class T, class Memory>
Kokkos::View<T*, Memory> upload(std::span<const T> values) {
  Kokkos::View<T*, Memory> view(Kokkos::view_alloc(Kokkos::WithoutInitializing, "streamtube::surrogate::measure"),
                                values.size());
  Kokkos::deep_copy(view, Kokkos::View<const T*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(
                              values.data(), values.size()));
  return view;
}

}  // namespace

MatmulPeak matmul_peak(Precision precision) {
  const BackendSet backends = precision == Precision::fp32 ? BackendSet() : BackendSet(precision);
  return on_backend([&](auto chosen) { return peak_on<typename decltype(chosen)::type>(backends); });
}

std::int64_t count_edges(std::span<const float> points, std::span<const std::int64_t> supernodes, float radius,
                         int max_degree) {
  return on_backend([&](auto chosen) {
    using Space = typename decltype(chosen)::type;
    using Memory = typename Space::memory_space;
    const auto positions = upload<float, Memory>(points);
    const auto index = upload<std::int64_t, Memory>(supernodes);
    const auto neighbors = geometry::radius_search<float, Space>(Space(), {positions.data(), points.size() / 3, 3},
                                                                 {index.data(), supernodes.size()}, radius, max_degree);
    return static_cast<std::int64_t>(neighbors.source.extent(0));
  });
}

}  // namespace streamtube::surrogate
