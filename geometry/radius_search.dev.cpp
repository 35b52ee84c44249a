#include "geometry/radius_search.dev.hpp"

#include "core/error.hpp"

namespace streamtube::geometry {
namespace {

constexpr int most_kept = 256;   // neighbours a thread can hold
constexpr int most_cells = 128;  // along one axis: 2 M cells at the most

}  // namespace

template <class T, class Space>
Neighbors<Space> radius_search(
    const Space& space,
    Kokkos::View<const T**, Kokkos::LayoutRight, typename Space::memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>
        points,
    Kokkos::View<const std::int64_t*, Kokkos::LayoutRight, typename Space::memory_space,
                 Kokkos::MemoryTraits<Kokkos::Unmanaged>>
        center,
    T radius, int most) {
  using Memory = typename Space::memory_space;
  using Policy = Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>;
  core::expect(points.extent(1) == 3, "radius_search: points need three coordinates");
  core::expect(radius > 0 && most > 0 && most <= most_kept,
               "radius_search: radius or number of neighbours out of range");
  const std::int64_t count = static_cast<std::int64_t>(points.extent(0)),
                     centers = static_cast<std::int64_t>(center.extent(0));

  T low[3], high[3];
  for (int a = 0; a < 3; ++a) {
    Kokkos::MinMaxScalar<T> range{0, 0};
    if (count > 0)
      Kokkos::parallel_reduce(
          "streamtube::geometry::radius_search::bounds", Policy(space, 0, count),
          KOKKOS_LAMBDA(const std::int64_t i, Kokkos::MinMaxScalar<T>& r) {
            const T x = points(i, a);
            if (x < r.min_val) r.min_val = x;
            if (x > r.max_val) r.max_val = x;
          },
          Kokkos::MinMax<T>(range));
    low[a] = range.min_val, high[a] = range.max_val;
  }
  // Cells a little larger than the radius, so that rounding never hides a neighbour two cells away.
  Kokkos::Array<int, 3> cells;
  Kokkos::Array<T, 3> origin, inverse;
  for (int a = 0; a < 3; ++a) {
    T size = radius * T(1.001);
    if ((high[a] - low[a]) / size > most_cells) size = (high[a] - low[a]) / most_cells;
    cells[a] = static_cast<int>((high[a] - low[a]) / size) + 1;
    origin[a] = low[a], inverse[a] = T(1) / size;
  }
  const auto cell_of = KOKKOS_LAMBDA(const std::int64_t i, int a) {
    const int c = static_cast<int>((points(i, a) - origin[a]) * inverse[a]);
    return c < 0 ? 0 : c >= cells[a] ? cells[a] - 1 : c;
  };
  const std::int64_t total = static_cast<std::int64_t>(cells[0]) * cells[1] * cells[2];
  const auto key_of = KOKKOS_LAMBDA(const std::int64_t i) {
    return (static_cast<std::int64_t>(cell_of(i, 0)) * cells[1] + cell_of(i, 1)) * cells[2] + cell_of(i, 2);
  };

  // Counting sort. The order within a cell is left open (integer atomics): the choice below does not depend on it.
  Kokkos::View<std::int32_t*, Memory> begin("streamtube::geometry::radius_search::begin", total + 1);
  Kokkos::View<std::int32_t*, Memory> fill("streamtube::geometry::radius_search::fill", total);
  Kokkos::View<std::int32_t*, Memory> sorted("streamtube::geometry::radius_search::sorted", count);
  Kokkos::parallel_for(
      "streamtube::geometry::radius_search::count", Policy(space, 0, count),
      KOKKOS_LAMBDA(const std::int64_t i) { Kokkos::atomic_inc(&begin(key_of(i) + 1)); });
  Kokkos::parallel_scan(
      "streamtube::geometry::radius_search::offsets", Policy(space, 0, total + 1),
      KOKKOS_LAMBDA(const std::int64_t c, std::int32_t& sum, const bool last) {
        sum += begin(c);
        if (last) begin(c) = sum;
      });
  Kokkos::parallel_for(
      "streamtube::geometry::radius_search::sort", Policy(space, 0, count), KOKKOS_LAMBDA(const std::int64_t i) {
        const std::int64_t key = key_of(i);
        sorted(begin(key) + Kokkos::atomic_fetch_add(&fill(key), 1)) = static_cast<std::int32_t>(i);
      });

  // The lowest `most` indices within the radius, kept in order by insertion.
  Kokkos::View<std::int32_t**, Kokkos::LayoutRight, Memory> kept("streamtube::geometry::radius_search::kept", centers,
                                                                 most);
  Neighbors<Space> result;
  result.offset = decltype(result.offset)("streamtube::geometry::radius_search::offset", centers + 1);
  const auto offset = result.offset;
  Kokkos::parallel_for(
      "streamtube::geometry::radius_search::search", Policy(space, 0, centers), KOKKOS_LAMBDA(const std::int64_t s) {
        const std::int64_t c = center(s);
        int n = 0;
        const int cx = cell_of(c, 0), cy = cell_of(c, 1), cz = cell_of(c, 2);
        for (int x = cx > 0 ? cx - 1 : 0; x <= cx + 1 && x < cells[0]; ++x)
          for (int y = cy > 0 ? cy - 1 : 0; y <= cy + 1 && y < cells[1]; ++y)
            for (int z = cz > 0 ? cz - 1 : 0; z <= cz + 1 && z < cells[2]; ++z) {
              const std::int64_t key = (static_cast<std::int64_t>(x) * cells[1] + y) * cells[2] + z;
              for (std::int32_t at = begin(key); at < begin(key + 1); ++at) {
                const std::int32_t i = sorted(at);
                if (n == most && i > kept(s, n - 1)) continue;
                const T dx = points(i, 0) - points(c, 0), dy = points(i, 1) - points(c, 1),
                        dz = points(i, 2) - points(c, 2);
                if (!(Kokkos::sqrt(dx * dx + dy * dy + dz * dz) <= radius)) continue;
                int slot = n < most ? n++ : n - 1;
                for (; slot > 0 && kept(s, slot - 1) > i; --slot) kept(s, slot) = kept(s, slot - 1);
                kept(s, slot) = i;
              }
            }
        offset(s + 1) = n;
      });
  std::int64_t edges = 0;
  Kokkos::parallel_scan(
      "streamtube::geometry::radius_search::compact_offsets", Policy(space, 0, centers + 1),
      KOKKOS_LAMBDA(const std::int64_t s, std::int64_t& sum, const bool last) {
        sum += offset(s);
        if (last) offset(s) = sum;
      },
      edges);
  result.source = decltype(result.source)("streamtube::geometry::radius_search::source", edges);
  const auto source = result.source;
  Kokkos::parallel_for(
      "streamtube::geometry::radius_search::compact", Policy(space, 0, centers), KOKKOS_LAMBDA(const std::int64_t s) {
        for (std::int64_t e = offset(s); e < offset(s + 1); ++e) source(e) = kept(s, e - offset(s));
      });
  result.host_offset = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, offset);
  space.fence("streamtube::geometry::radius_search");
  return result;
}

#define STREAMTUBE_INSTANTIATE(T, S)                                                                                   \
  template Neighbors<S> radius_search<T, S>(                                                                           \
      const S&,                                                                                                        \
      Kokkos::View<const T**, Kokkos::LayoutRight, typename S::memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>, \
      Kokkos::View<const std::int64_t*, Kokkos::LayoutRight, typename S::memory_space,                                 \
                   Kokkos::MemoryTraits<Kokkos::Unmanaged>>,                                                           \
      T, int);
STREAMTUBE_INSTANTIATE(float, Kokkos::DefaultHostExecutionSpace)
STREAMTUBE_INSTANTIATE(double, Kokkos::DefaultHostExecutionSpace)
#ifdef KOKKOS_ENABLE_CUDA
STREAMTUBE_INSTANTIATE(float, Kokkos::Cuda)
STREAMTUBE_INSTANTIATE(double, Kokkos::Cuda)
#endif
#undef STREAMTUBE_INSTANTIATE

}  // namespace streamtube::geometry
