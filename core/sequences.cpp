#include "core/sequences.hpp"

#include "core/error.hpp"
#include "core/rng.hpp"

namespace streamtube::core {
namespace {

constexpr int kBits = 32;

// Of the primitive polynomial of a dimension: degree, inner coefficients as bits, first direction numbers.
struct Polynomial {
  int degree;
  std::uint32_t inner;
  std::uint32_t first[7];
};
constexpr Polynomial kPolynomials[Sobol::kDimensions - 1] = {
    {1, 0, {1}},
    {2, 1, {1, 3}},
    {3, 1, {1, 3, 1}},
    {3, 2, {1, 1, 1}},
    {4, 1, {1, 1, 3, 3}},
    {4, 4, {1, 3, 5, 13}},
    {5, 2, {1, 1, 5, 5, 17}},
    {5, 4, {1, 1, 5, 5, 5}},
    {5, 7, {1, 1, 7, 11, 19}},
    {5, 11, {1, 1, 5, 1, 1}},
    {5, 13, {1, 1, 1, 3, 11}},
    {5, 14, {1, 3, 5, 5, 31}},
    {6, 1, {1, 3, 3, 9, 7, 49}},
    {6, 13, {1, 1, 1, 15, 21, 21}},
    {6, 16, {1, 3, 1, 13, 27, 49}},
    {6, 19, {1, 1, 1, 15, 7, 5}},
    {6, 22, {1, 3, 1, 15, 13, 25}},
    {6, 25, {1, 1, 5, 5, 19, 61}},
    {7, 1, {1, 3, 7, 11, 23, 15, 103}},
    {7, 4, {1, 3, 7, 13, 13, 15, 69}},
    {7, 7, {1, 1, 3, 13, 7, 35, 63}},
    {7, 8, {1, 3, 5, 9, 1, 25, 53}},
    {7, 14, {1, 3, 1, 13, 9, 35, 107}},
    {7, 19, {1, 3, 1, 5, 27, 61, 31}},
    {7, 21, {1, 1, 5, 11, 19, 41, 61}},
    {7, 28, {1, 3, 5, 3, 3, 13, 69}},
    {7, 31, {1, 1, 7, 13, 1, 19, 1}},
    {7, 32, {1, 3, 7, 5, 13, 19, 59}},
    {7, 37, {1, 1, 3, 9, 25, 29, 41}},
    {7, 41, {1, 3, 5, 13, 23, 1, 55}},
    {7, 42, {1, 3, 7, 3, 13, 59, 17}},
};

}  // namespace

Sobol::Sobol(std::size_t dimensions) : directions_(dimensions * kBits), shift_(dimensions, 0) {
  expect(dimensions > 0 && dimensions <= kDimensions, "Sobol: there are directions for 1 to 32 dimensions");
  for (int bit = 0; bit < kBits; ++bit) directions_[static_cast<std::size_t>(bit)] = 1u << (kBits - 1 - bit);
  for (std::size_t d = 1; d < dimensions; ++d) {
    const Polynomial& p = kPolynomials[d - 1];
    std::uint32_t* v = directions_.data() + d * kBits;
    for (int bit = 0; bit < kBits; ++bit) {
      if (bit < p.degree) {
        v[bit] = p.first[bit] << (kBits - 1 - bit);
        continue;
      }
      v[bit] = v[bit - p.degree] ^ (v[bit - p.degree] >> p.degree);
      for (int k = 1; k < p.degree; ++k)
        if ((p.inner >> (p.degree - 1 - k)) & 1u) v[bit] ^= v[bit - k];
    }
  }
}

Sobol::Sobol(std::size_t dimensions, std::uint64_t seed) : Sobol(dimensions) {
  Rng rng(seed, "sobol shift");
  // The lowest bit is always set: no coordinate is then exactly 0.
  for (std::uint32_t& s : shift_) s = rng.next_u32() | 1u;
}

std::vector<double> Sobol::point(std::uint64_t index) const {
  expect(index >> kBits == 0, "Sobol: there are 2^32 points");
  const auto gray = static_cast<std::uint32_t>(index ^ (index >> 1));
  std::vector<double> out(shift_.size());
  for (std::size_t d = 0; d < out.size(); ++d) {
    std::uint32_t x = shift_[d];
    for (int bit = 0; bit < kBits; ++bit)
      if ((gray >> bit) & 1u) x ^= directions_[d * kBits + static_cast<std::size_t>(bit)];
    out[d] = x * 0x1p-32;
  }
  return out;
}

std::vector<std::vector<double>> latin_hypercube(std::size_t dimensions, std::size_t n, std::uint64_t seed) {
  std::vector<std::vector<double>> out(n, std::vector<double>(dimensions));
  for (std::size_t d = 0; d < dimensions; ++d) {
    Rng rng(seed, str("latin hypercube ", d));
    const std::vector<std::int64_t> slice = sample_indices(rng, n, n);
    for (std::size_t i = 0; i < n; ++i)
      out[i][d] = (static_cast<double>(slice[i]) + rng.uniform()) / static_cast<double>(n);
  }
  return out;
}

}  // namespace streamtube::core
