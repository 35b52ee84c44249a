#include "geometry/topology.hpp"

#include <bit>
#include <numeric>
#include <utility>

#include "core/error.hpp"
#include "core/runtime.hpp"

namespace streamtube::geometry {

using core::Error;
using core::ErrorKind;
using core::str;

void Topology::merge_points(const SurfaceMesh& mesh) {
  const std::size_t n = mesh.points.size();
  constexpr Id kFree = ~Id{0};
  std::vector<Id> slots(std::bit_ceil(2 * n + 2), kFree);
  const std::size_t mask = slots.size() - 1;
  vertex.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    std::uint64_t hash = 0;
    for (const double x : mesh.points[i]) {
      hash = (hash ^ std::bit_cast<std::uint64_t>(x + 0.0)) * 0x9e3779b97f4a7c15ULL;  // + 0.0: -0 equals 0
      hash ^= hash >> 29;
    }
    std::size_t slot = hash & mask;
    while (slots[slot] != kFree && mesh.points[vertex_point[slots[slot]]] != mesh.points[i]) slot = (slot + 1) & mask;
    if (slots[slot] == kFree) {
      slots[slot] = static_cast<Id>(vertex_point.size());
      vertex_point.push_back(static_cast<Id>(i));
    }
    vertex[i] = slots[slot];
  }
}

Topology::Topology(const SurfaceMesh& mesh) {
  if (mesh.points.size() >= 0xfffffff0U || mesh.corners.size() >= 0xfffffff0U) {
    throw Error(ErrorKind::input, str("the surface has ", mesh.face_count(), " faces, more than can be checked"),
                "remesh it with fewer, larger faces");
  }
  merge_points(mesh);
  core::check_interrupt();

  ring_offsets.reserve(mesh.face_count() + 1);
  ring_offsets.push_back(0);
  rings.reserve(mesh.corners.size());
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    const std::size_t first = rings.size();
    for (std::int64_t i = mesh.offsets[f]; i < mesh.offsets[f + 1]; ++i) {
      const Id v = vertex[static_cast<std::size_t>(mesh.corners[i])];
      if (rings.size() == first || rings.back() != v) rings.push_back(v);
    }
    while (rings.size() > first + 1 && rings.back() == rings[first]) rings.pop_back();
    if (rings.size() < first + 3) rings.resize(first);
    ring_offsets.push_back(rings.size());
  }

  // Every side of every face, bucketed by its lower vertex, then by its higher one.
  const auto for_sides = [&](const auto& visit) {
    for (std::size_t f = 0; f < face_count(); ++f) {
      const auto r = ring(f);
      for (std::size_t i = 0; i < r.size(); ++i) visit(f, r[i], r[i + 1 == r.size() ? 0 : i + 1]);
    }
  };
  use_offsets.assign(vertex_count() + 1, 0);
  for_sides([&](std::size_t, Id a, Id b) { ++use_offsets[std::min(a, b) + 1]; });
  std::partial_sum(use_offsets.begin(), use_offsets.end(), use_offsets.begin());
  uses.resize(rings.size());
  std::vector<std::size_t> next(use_offsets.begin(), use_offsets.end() - 1);
  for_sides([&](std::size_t f, Id a, Id b) {
    uses[next[std::min(a, b)]++] = {std::max(a, b), static_cast<Id>(f), a > b};
  });
  core::check_interrupt();
  for (std::size_t v = 0; v < vertex_count(); ++v) {
    std::sort(uses.begin() + static_cast<std::ptrdiff_t>(use_offsets[v]),
              uses.begin() + static_cast<std::ptrdiff_t>(use_offsets[v + 1]),
              [](const Use& a, const Use& b) { return std::pair(a.high, a.face) < std::pair(b.high, b.face); });
  }
}

}  // namespace streamtube::geometry
