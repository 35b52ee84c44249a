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

constexpr double kCells = (1 << 21) - 1;

}  // namespace

std::uint64_t curve_code(const Vec3& point, const CurveCube& cube) {
  std::uint64_t code = 0;
  for (int a = 0; a < 3; ++a)
    code |=
        spread_bits(static_cast<std::uint64_t>(std::clamp((point[a] - cube.low[a]) / cube.side * kCells, 0.0, kCells)))
        << a;
  return code;
}

CurveCube curve_cube(const Box& box, double unit) {
  constexpr double kBefore = 0.0113;  // of the side
  const Vec3 size = box.size();
  const double longest = std::max({size[0], size[1], size[2], std::numeric_limits<double>::min()});
  const double side = unit * std::exp2(std::ceil(std::log2(1.02 * longest / unit)));
  return {box.low - Vec3{kBefore * side, kBefore * side, kBefore * side}, side};
}

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
  struct Entry {
    std::uint64_t code;
    std::int64_t index;
    bool operator<(const Entry& other) const { return code != other.code ? code < other.code : index < other.index; }
  };
  std::vector<Entry> entries(n);
  for (std::size_t i = 0; i < n; ++i) {
    entries[i] = {side > 0 ? curve_code(position(i), {low, side}) : 0, static_cast<std::int64_t>(i)};
  }
  std::sort(entries.begin(), entries.end());
  std::vector<std::int64_t> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = entries[i].index;
  return order;
}

namespace {

constexpr int kLevels = 21;

class CellDraw {
 public:
  CellDraw(const std::vector<OnCurve>& items, std::uint64_t seed) : items_(items), sum_(items.size() + 1), seed_(seed) {
    for (std::size_t i = 0; i < items.size(); ++i) sum_[i + 1] = sum_[i] + items[i].weight;
  }

  // m draws from items begin..end, all of one cell of the octree's level.
  void draw(std::size_t begin, std::size_t end, int level, std::size_t m) {
    if (m == 0) return;
    if (end - begin == 1) {
      drawn.insert(drawn.end(), m, begin);
      return;
    }
    const double total = sum_[end] - sum_[begin];
    const double random = uniform(items_[begin].code >> 3 * (kLevels - level), level);
    const auto handed = [&](std::size_t up_to) {  // to items begin..up_to
      return up_to == end
                 ? m
                 : static_cast<std::size_t>((sum_[up_to] - sum_[begin]) / total * static_cast<double>(m) + random);
    };
    std::size_t before = 0;
    for (std::size_t at = begin; at < end;) {
      const std::size_t next = level < kLevels ? part_end(at, end, level) : at + 1;
      const std::size_t up_to = std::clamp(handed(next), before, m);
      draw(at, next, level + 1, up_to - before);
      before = up_to, at = next;
    }
  }

  std::vector<std::size_t> drawn;

 private:
  // The end of the items that are in the same part of the level's cell as `at`.
  std::size_t part_end(std::size_t at, std::size_t end, int level) const {
    const int shift = 3 * (kLevels - 1 - level);
    const std::uint64_t part = items_[at].code >> shift;
    return static_cast<std::size_t>(
        std::partition_point(items_.begin() + static_cast<std::ptrdiff_t>(at),
                             items_.begin() + static_cast<std::ptrdiff_t>(end),
                             [&](const OnCurve& item) { return item.code >> shift == part; }) -
        items_.begin());
  }
  double uniform(std::uint64_t cell, int level) const {
    const auto block =
        core::philox4x32_10({static_cast<std::uint32_t>(cell), static_cast<std::uint32_t>(cell >> 32),
                             static_cast<std::uint32_t>(level), 0},
                            {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
    return block[0] * 0x1p-32;
  }

  const std::vector<OnCurve>& items_;
  std::vector<double> sum_;
  std::uint64_t seed_;
};

}  // namespace

std::vector<std::size_t> draw_by_cells(std::vector<OnCurve>& items, std::size_t n, std::uint64_t seed) {
  std::sort(items.begin(), items.end(),
            [](const OnCurve& a, const OnCurve& b) { return a.code != b.code ? a.code < b.code : a.index < b.index; });
  std::erase_if(items, [](const OnCurve& item) { return !(item.weight > 0); });
  core::expect(n == 0 || !items.empty(), "draw_by_cells: nothing to draw from");
  CellDraw cells(items, seed);
  cells.drawn.reserve(n);
  if (n > 0) cells.draw(0, items.size(), 0, n);
  core::Rng order(seed, "order of draws");
  for (std::size_t i = n; i > 1; --i) std::swap(cells.drawn[i - 1], cells.drawn[order.below(i)]);
  return std::move(cells.drawn);
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
