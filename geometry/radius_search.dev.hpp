#pragma once
// Neighbours within a radius on the device, by a uniform grid of cells.

#include <Kokkos_Core.hpp>
#include <cstdint>

namespace streamtube::geometry {

// Neighbours of center s are source[offset[s]] .. source[offset[s + 1] - 1], in rising index order.
template <class Space>
struct Neighbors {
  Kokkos::View<std::int64_t*, typename Space::memory_space> offset;  // [S + 1]
  Kokkos::View<std::int32_t*, typename Space::memory_space> source;  // [E] indices into the points
  typename Kokkos::View<std::int64_t*, typename Space::memory_space>::host_mirror_type host_offset;
};

// Of each center points[center[s]]: the points with |x - x_center| <= radius, itself included; of more than `most`,
// those with the lowest indices. points [P][3], center [S]; coordinates finite. Distances are taken in T, as sqrt of
// the sum of squares. Allocates and fences: it is called once a case.
template <class T, class Space>
Neighbors<Space> radius_search(
    const Space& space,
    Kokkos::View<const T**, Kokkos::LayoutRight, typename Space::memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>
        points,
    Kokkos::View<const std::int64_t*, Kokkos::LayoutRight, typename Space::memory_space,
                 Kokkos::MemoryTraits<Kokkos::Unmanaged>>
        center,
    T radius, int most);

}  // namespace streamtube::geometry
