// The inverse of an index array against a search through all of it.

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <vector>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "geometry/inverse_index.dev.hpp"

namespace {

using namespace streamtube;
using Space = Kokkos::DefaultHostExecutionSpace;

template <class Index>
geometry::InverseIndex<Space> invert(const std::vector<Index>& index, std::int64_t points) {
  return geometry::invert<Index, Space>(Space(), {index.data(), index.size()}, points);
}

template <class Index>
void compare(const std::vector<Index>& index, std::int64_t points) {
  const auto inverse = invert(index, points);
  REQUIRE(inverse.offset.extent(0) == static_cast<std::size_t>(points) + 1);
  REQUIRE(inverse.entry.extent(0) == index.size());
  for (std::int64_t p = 0; p < points; ++p) {
    std::vector<std::int64_t> expected, got;
    for (std::size_t e = 0; e < index.size(); ++e)
      if (index[e] == p) expected.push_back(static_cast<std::int64_t>(e));
    for (std::int64_t at = inverse.offset(p); at < inverse.offset(p + 1); ++at) got.push_back(inverse.entry(at));
    REQUIRE(got == expected);
  }
}

}  // namespace

TEST_CASE("the inverse of an index lists its entries in rising order") {
  core::Rng rng(3, "index");
  std::vector<std::int32_t> index(2000);
  for (std::int32_t& i : index) i = static_cast<std::int32_t>(rng.below(300));
  compare(index, 300);
  compare(index, 1000);                               // points that nothing names
  compare(std::vector<std::int64_t>{4, 4, 0, 4}, 5);  // one named again and again
  compare(std::vector<std::int64_t>{}, 3);
}

TEST_CASE("an index out of range is refused") {
  CHECK_THROWS_WITH(invert(std::vector<std::int32_t>{0, 3}, 3), Catch::Matchers::ContainsSubstring("out of range"));
  CHECK_THROWS_WITH(invert(std::vector<std::int64_t>{-1}, 3), Catch::Matchers::ContainsSubstring("out of range"));
}
