#pragma once
// Which entries of an index array name a point: with it, what would be a scatter that adds becomes a gather in a fixed
// order, without atomics.

#include <Kokkos_Core.hpp>
#include <cstdint>

namespace streamtube::geometry {

// The entries of the index array that hold p are entry[offset[p]] .. entry[offset[p + 1] - 1], in rising order.
template <class Space>
struct InverseIndex {
  Kokkos::View<std::int64_t*, typename Space::memory_space> offset;  // [P + 1]
  Kokkos::View<std::int64_t*, typename Space::memory_space> entry;   // [E]
};

// Of index [E], whose values are 0 .. points - 1 (Error(internal) for others). A counting sort on the host, which
// keeps the order. Allocates and fences: it is called once a case.
template <class Index, class Space>
InverseIndex<Space> invert(const Space& space,
                           Kokkos::View<const Index*, Kokkos::LayoutRight, typename Space::memory_space,
                                        Kokkos::MemoryTraits<Kokkos::Unmanaged>>
                               index,
                           std::int64_t points);

}  // namespace streamtube::geometry
