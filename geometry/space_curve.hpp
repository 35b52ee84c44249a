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

// n of the curve's entries (n <= its length), one out of each of n parts of equal length; in random order, so that any
// prefix is a fair sample too.
std::vector<std::int64_t> draw_along(core::Rng& rng, std::span<const std::int64_t> curve, std::size_t n);

}  // namespace streamtube::geometry
