#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "core/error.hpp"
#include "mesh_io/h5/folds.hpp"

using namespace streamtube;
using core::str;
using mesh_io::fold_of;

TEST_CASE("parts depend on the name alone and are filled alike, also by the numbers that a rule of splits leaves") {
  CHECK(fold_of("run_1", 5) == 4);  // for ever: floor(5 * 0.618...) + 1
  CHECK(fold_of("run_2", 5) == 2);  // frac(2 * 0.618...) = 0.236
  CHECK(fold_of("car_1", 5) == 4);
  for (const std::size_t folds : {2u, 3u, 4u, 5u, 8u, 10u}) {
    for (const auto& [count, left_out] : {std::pair{104, 5}, std::pair{100, 10}}) {
      std::vector<std::size_t> sizes(folds);
      for (int n = 1; n <= count; ++n)
        if (n % left_out != 0 && (left_out != 10 || n % 10 != 3)) {
          const std::size_t fold = fold_of(str("run_", n), folds);
          REQUIRE(fold >= 1);
          REQUIRE(fold <= folds);
          ++sizes[fold - 1];
        }
      const auto [least, most] = std::minmax_element(sizes.begin(), sizes.end());
      INFO(folds << " folds of " << count);
      CHECK(*most - *least <= 3);
    }
  }
}

TEST_CASE("names that are no letters and a number are dealt out by their hash") {
  std::vector<std::size_t> sizes(4);
  for (int i = 0; i < 400; ++i) ++sizes[fold_of(str("1dc75", i, "e22e", i % 7), 4) - 1];
  for (const std::size_t size : sizes) CHECK((size > 60 && size < 140));
  CHECK(fold_of("baseline", 7) == fold_of("baseline", 7));
  CHECK(fold_of("", 3) >= 1);
  CHECK(fold_of("x_123456789012345678901234567890", 3) <= 3);
}
