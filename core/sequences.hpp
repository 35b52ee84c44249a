#pragma once
// Points that fill the unit cube evenly, for studies of many parameters: from a seed alone, the same on every machine.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace streamtube::core {

// Sobol's sequence with the direction numbers of Joe & Kuo (2008, SIAM J. Sci. Comput. 30: new-joe-kuo-6), in the order
// of Gray's code. `shifted`: by a random digital shift of the seed, which keeps every balance of the points and has
// none of them on the cube's border.
class Sobol {
 public:
  static constexpr std::size_t kDimensions = 32;
  // Error(internal) for 0 dimensions or more than kDimensions.
  explicit Sobol(std::size_t dimensions);
  Sobol(std::size_t dimensions, std::uint64_t seed);
  // Point `index` < 2^32, [dimensions] in [0, 1): the first n points stay the same, however many follow.
  std::vector<double> point(std::uint64_t index) const;

 private:
  std::vector<std::uint32_t> directions_;  // [dimensions][32]
  std::vector<std::uint32_t> shift_;       // [dimensions]
};

// n points of which each of the n slices of every axis holds one (McKay, Beckman & Conover 1979, Technometrics 21),
// [n][dimensions] in [0, 1).
std::vector<std::vector<double>> latin_hypercube(std::size_t dimensions, std::size_t n, std::uint64_t seed);

}  // namespace streamtube::core
