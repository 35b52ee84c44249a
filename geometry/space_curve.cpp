#include "geometry/space_curve.hpp"

#include <algorithm>
#include <limits>

#include "core/error.hpp"

namespace streamtube::geometry {

namespace {

// Bits of x < 2^21 with two zeros between them.
std::uint64_t spread_bits(std::uint64_t x) {
  x = (x | x << 32) & 0x001f00000000ffff, x = (x | x << 16) & 0x001f0000ff0000ff;
  x = (x | x << 8) & 0x100f00f00f00f00f, x = (x | x << 4) & 0x10c30c30c30c30c3;
  return (x | x << 2) & 0x1249249249249249;
}

}  // namespace

std::vector<std::int64_t> space_curve(std::size_t n, const std::function<Vec3(std::size_t)>& position) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Vec3 low{infinity, infinity, infinity};
  double side = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Vec3 p = position(i);
    for (int a = 0; a < 3; ++a) low[a] = std::min(low[a], p[a]);
  }
  for (std::size_t i = 0; i < n; ++i) {
    const Vec3 p = position(i);
    for (int a = 0; a < 3; ++a) side = std::max(side, p[a] - low[a]);
  }
  constexpr double cells = (1 << 21) - 1;
  const double scale = side > 0 ? cells / side : 0.0;
  struct Entry {
    std::uint64_t code;
    std::int64_t index;
    bool operator<(const Entry& other) const { return code != other.code ? code < other.code : index < other.index; }
  };
  std::vector<Entry> entries(n);
  for (std::size_t i = 0; i < n; ++i) {
    const Vec3 p = position(i);
    entries[i] = {0, static_cast<std::int64_t>(i)};
    for (int a = 0; a < 3; ++a)
      entries[i].code |= spread_bits(static_cast<std::uint64_t>(std::min((p[a] - low[a]) * scale, cells))) << a;
  }
  std::sort(entries.begin(), entries.end());
  std::vector<std::int64_t> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = entries[i].index;
  return order;
}

std::vector<std::int64_t> draw_along(core::Rng& rng, std::span<const std::int64_t> curve, std::size_t n) {
  core::expect(n <= curve.size(), "draw_along: more draws than points");
  std::vector<std::int64_t> drawn(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t begin = i * curve.size() / n, end = (i + 1) * curve.size() / n;
    drawn[i] = curve[begin + rng.below(end - begin)];
  }
  for (std::size_t i = 0; i + 1 < n; ++i) std::swap(drawn[i], drawn[i + rng.below(n - i)]);
  return drawn;
}

}  // namespace streamtube::geometry
