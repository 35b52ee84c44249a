// Radius search against all pairs.

#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "core/rng.hpp"
#include "geometry/radius_search.dev.hpp"

namespace {

using Space = Kokkos::DefaultHostExecutionSpace;
using streamtube::core::Rng;

void compare(const std::vector<float>& x, const std::vector<std::int64_t>& centers, float radius, int most) {
  const std::size_t count = x.size() / 3;
  const Kokkos::View<const float**, Kokkos::LayoutRight, Space::memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>
      points(x.data(), count, 3);
  const Kokkos::View<const std::int64_t*, Kokkos::LayoutRight, Space::memory_space,
                     Kokkos::MemoryTraits<Kokkos::Unmanaged>>
      at(centers.data(), centers.size());
  const auto found = streamtube::geometry::radius_search<float, Space>(Space(), points, at, radius, most);
  REQUIRE(found.host_offset.extent(0) == centers.size() + 1);
  for (std::size_t s = 0; s < centers.size(); ++s) {
    std::vector<std::int32_t> expected, got;
    const float* c = &x[static_cast<std::size_t>(centers[s]) * 3];
    for (std::size_t i = 0; i < count && expected.size() < static_cast<std::size_t>(most); ++i) {
      const float dx = x[3 * i] - c[0], dy = x[3 * i + 1] - c[1], dz = x[3 * i + 2] - c[2];
      if (std::sqrt(dx * dx + dy * dy + dz * dz) <= radius) expected.push_back(static_cast<std::int32_t>(i));
    }
    for (auto e = found.host_offset(s); e < found.host_offset(s + 1); ++e) got.push_back(found.source(e));
    REQUIRE(got == expected);
  }
}

std::vector<float> cloud(std::size_t n, float size) {
  Rng rng(1, "cloud");
  std::vector<float> x;
  for (std::size_t i = 0; i < 3 * n; ++i) x.push_back(static_cast<float>(size * rng.uniform()));
  return x;
}

std::vector<std::int64_t> every(std::size_t n, std::size_t step) {
  std::vector<std::int64_t> c;
  for (std::size_t i = 0; i < n; i += step) c.push_back(static_cast<std::int64_t>(i));
  return c;
}

}  // namespace

TEST_CASE("radius search finds what all pairs find, the first in index order") {
  compare(cloud(2000, 1000), every(2000, 3), 60, 32);
  compare(cloud(2000, 1000), every(2000, 7), 250, 32);  // far more neighbours than are kept
  compare(cloud(2000, 1000), every(2000, 7), 250, 1);
  compare(cloud(500, 1000), every(500, 1), 5000, 16);     // one cell holds all
  compare(cloud(3000, 1000), every(3000, 2), 0.25f, 32);  // cells capped: radius far below the cell size
}

TEST_CASE("radius search with coinciding points, a plane and one point") {
  std::vector<float> x = cloud(300, 50);
  for (int i = 0; i < 90; ++i) x[i] = 10;
  compare(x, every(300, 1), 4, 32);
  for (std::size_t i = 2; i < x.size(); i += 3) x[i] = 3;
  compare(x, every(300, 1), 4, 32);
  compare({1, 2, 3}, {0}, 1, 32);
}

TEST_CASE("a distance of exactly the radius counts") { compare({0, 0, 0, 3, 4, 0, 3, 4.0001f, 0}, {0, 1, 2}, 5, 32); }
