#include "geometry/inverse_index.dev.hpp"

#include "core/error.hpp"

namespace streamtube::geometry {

template <class Index, class Space>
InverseIndex<Space> invert(const Space& space,
                           Kokkos::View<const Index*, Kokkos::LayoutRight, typename Space::memory_space,
                                        Kokkos::MemoryTraits<Kokkos::Unmanaged>>
                               index,
                           std::int64_t points) {
  space.fence("streamtube::geometry::invert");
  const auto values = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, index);
  const std::int64_t entries = static_cast<std::int64_t>(values.extent(0));
  InverseIndex<Space> result;
  result.offset = decltype(result.offset)("streamtube::geometry::invert::offset", points + 1);
  result.entry = decltype(result.entry)("streamtube::geometry::invert::entry", entries);
  const auto offset = Kokkos::create_mirror_view(result.offset);
  const auto entry = Kokkos::create_mirror_view(result.entry);
  for (std::int64_t p = 0; p <= points; ++p) offset(p) = 0;
  for (std::int64_t e = 0; e < entries; ++e) {
    core::expect(values(e) >= 0 && static_cast<std::int64_t>(values(e)) < points, "invert: an index is out of range");
    ++offset(values(e));
  }
  // Backwards: offset ends as the beginnings, and every list in rising order.
  for (std::int64_t p = 1; p <= points; ++p) offset(p) += offset(p - 1);
  for (std::int64_t e = entries; e-- > 0;) entry(--offset(values(e))) = e;
  Kokkos::deep_copy(result.offset, offset);
  Kokkos::deep_copy(result.entry, entry);
  return result;
}

#define STREAMTUBE_INSTANTIATE(I, S)                                                                                  \
  template InverseIndex<S> invert<I, S>(                                                                              \
      const S&,                                                                                                       \
      Kokkos::View<const I*, Kokkos::LayoutRight, typename S::memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>, \
      std::int64_t);
STREAMTUBE_INSTANTIATE(std::int32_t, Kokkos::DefaultHostExecutionSpace)
STREAMTUBE_INSTANTIATE(std::int64_t, Kokkos::DefaultHostExecutionSpace)
#ifdef KOKKOS_ENABLE_CUDA
STREAMTUBE_INSTANTIATE(std::int32_t, Kokkos::Cuda)
STREAMTUBE_INSTANTIATE(std::int64_t, Kokkos::Cuda)
#endif
#undef STREAMTUBE_INSTANTIATE

}  // namespace streamtube::geometry
