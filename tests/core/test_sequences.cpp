#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <set>

#include "core/error.hpp"
#include "core/sequences.hpp"

using namespace streamtube::core;

TEST_CASE("Sobol's sequence is that of Joe and Kuo") {
  // The first ten points in three dimensions, as their page prints them.
  const double expected[10][3] = {{0, 0, 0},
                                  {0.5, 0.5, 0.5},
                                  {0.75, 0.25, 0.25},
                                  {0.25, 0.75, 0.75},
                                  {0.375, 0.375, 0.625},
                                  {0.875, 0.875, 0.125},
                                  {0.625, 0.125, 0.875},
                                  {0.125, 0.625, 0.375},
                                  {0.1875, 0.3125, 0.9375},
                                  {0.6875, 0.8125, 0.4375}};
  const Sobol sequence(3);
  for (std::size_t i = 0; i < 10; ++i)
    for (std::size_t d = 0; d < 3; ++d) CHECK(sequence.point(i)[d] == expected[i][d]);
}

TEST_CASE("Sobol's sequence in all dimensions is that of scipy.stats.qmc.Sobol without scrambling") {
  // 1024 times the coordinates.
  const std::vector<int> expected[3] = {
      {256, 768, 768, 768, 256, 256, 768, 256, 256, 256, 256, 256, 768, 768, 256, 768,
       256, 768, 256, 768, 768, 256, 768, 768, 768, 256, 768, 256, 768, 256, 768, 768},
      {424, 264, 792, 744, 904, 760, 24, 488, 648, 712, 472, 696, 488, 872, 328, 504,
       696, 760, 856, 344, 776, 408, 8,  504, 24,  8,   968, 680, 248, 744, 728, 424},
      {225, 99,  531,  693, 287, 929, 47,  921, 513, 71,  87, 261,  165, 393, 147, 379,
       737, 353, 1015, 743, 535, 563, 973, 553, 597, 929, 41, 1003, 61,  349, 151, 149}};
  const int index[3] = {3, 100, 1000};
  const Sobol sequence(Sobol::kDimensions);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto point = sequence.point(index[i]);
    REQUIRE(point.size() == expected[i].size());
    for (std::size_t d = 0; d < point.size(); ++d) CHECK(point[d] * 1024 == expected[i][d]);
  }
}

TEST_CASE("every axis of Sobol's points is filled evenly, shifted or not") {
  constexpr std::size_t kCount = 256;
  for (const bool shifted : {false, true}) {
    const Sobol sequence = shifted ? Sobol(Sobol::kDimensions, 5) : Sobol(Sobol::kDimensions);
    for (std::size_t d = 0; d < Sobol::kDimensions; ++d) {
      std::set<int> slices;
      for (std::size_t i = 0; i < kCount; ++i) {
        const double x = sequence.point(i)[d];
        CHECK((x >= 0 && x < 1));
        slices.insert(static_cast<int>(x * kCount));
      }
      CHECK(slices.size() == kCount);
    }
    // The first two dimensions are a (0, 2)-net: every box of 1/16 by 1/16 holds one of 256 points.
    std::set<std::pair<int, int>> boxes;
    for (std::size_t i = 0; i < kCount; ++i) {
      const auto x = sequence.point(i);
      boxes.emplace(static_cast<int>(16 * x[0]), static_cast<int>(16 * x[1]));
    }
    CHECK(boxes.size() == kCount);
  }
}

TEST_CASE("Sobol's dimensions are independent: an integral over all of them converges") {
  // The mean of prod(1 + (x_d - 0.5) / 2) is 1; random points of this number would err by some 1e-2.
  const Sobol sequence(Sobol::kDimensions, 1);
  double sum = 0;
  constexpr std::size_t kCount = 1 << 14;
  for (std::size_t i = 0; i < kCount; ++i) {
    double product = 1;
    for (const double x : sequence.point(i)) product *= 1 + 0.5 * (x - 0.5);
    sum += product;
  }
  CHECK(std::abs(sum / kCount - 1) < 1e-3);
}

TEST_CASE("seeds shift the sequence, its points do not depend on how many follow") {
  CHECK(Sobol(4, 1).point(7) == Sobol(4, 1).point(7));
  CHECK(Sobol(4, 1).point(7) != Sobol(4, 2).point(7));
  CHECK(Sobol(2, 3).point(5)[0] == Sobol(4, 3).point(5)[0]);
  CHECK_THROWS_AS(Sobol(0), Error);
  CHECK_THROWS_AS(Sobol(Sobol::kDimensions + 1), Error);
}

TEST_CASE("a Latin hypercube has one point in every slice of every axis") {
  for (const std::size_t n : {1u, 7u, 100u}) {
    const auto points = latin_hypercube(5, n, 3);
    REQUIRE(points.size() == n);
    for (std::size_t d = 0; d < 5; ++d) {
      std::set<int> slices;
      for (const auto& p : points) slices.insert(static_cast<int>(p[d] * double(n)));
      CHECK(slices.size() == n);
    }
  }
  CHECK(latin_hypercube(2, 50, 1) == latin_hypercube(2, 50, 1));
  CHECK(latin_hypercube(2, 50, 1) != latin_hypercube(2, 50, 2));
  // Axes are not shuffled alike.
  const auto points = latin_hypercube(2, 50, 1);
  CHECK(std::any_of(points.begin(), points.end(), [](const auto& p) { return std::abs(p[0] - p[1]) > 0.3; }));
}
