#pragma once
// Draws spread evenly in space. Points are put in order along a curve that visits neighbours one after the other; equal
// parts of the curve are patches of the surface or the volume, and one point of each covers it more evenly than
// independent draws do. What is summed or attended to over drawn points then scatters less from seed to seed.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/rng.hpp"
#include "physics/vec3.hpp"

namespace streamtube::geometry {

// Indices 0..n-1 along a Morton (Z-order) curve through the points' bounding cube, 2^21 cells a side; points of one
// cell in the order of their indices. position(i) must be finite.
std::vector<std::int64_t> space_curve(std::size_t n, const std::function<Vec3(std::size_t)>& position);

// A cube of places on that curve.
struct CurveCube {
  Vec3 low;     // m
  double side;  // m, > 0
};
// With the box in it: a power of two times `unit` (m) long, so that a body that grows a little keeps the cells it has,
// and begun a little before the box, whose sides are then between no cells. A body and its scaled copy have the same
// cells where the unit is scaled too.
CurveCube curve_cube(const Box& box, double unit = 1);
std::uint64_t curve_code(const Vec3& point, const CurveCube& cube);

struct OnCurve {
  std::uint64_t code;  // of its place on the curve
  double weight;       // >= 0
  std::int64_t index;  // the caller's
};

// n of the items, each as often as its share of the weights says, evenly spread: every cell of an octree hands what
// falls to it down to its eight parts by their weights, rounded with one random number that belongs to the seed and the
// cell. A change of the items here therefore leaves the draws elsewhere as they are, which with equal parts of the
// curve would all move along. Sorts the items; returns places in them, in random order. With equal weights and n up to
// their number, none comes twice. The sum of the weights must be positive.
std::vector<std::size_t> draw_by_cells(std::vector<OnCurve>& items, std::size_t n, std::uint64_t seed);

// n of the curve's entries (n <= its length), one out of each of n parts of equal length; in random order, so that any
// prefix is a fair sample too.
std::vector<std::int64_t> draw_along(core::Rng& rng, std::span<const std::int64_t> curve, std::size_t n);

}  // namespace streamtube::geometry
