#include "geometry/volume_mesh.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "core/runtime.hpp"
#include "geometry/threads.hpp"

namespace streamtube::geometry {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {

// Cells of one level are known by a Morton code: the bits of x, y and z (in cells of that level) interleaved, so that
// the children of c are 8c .. 8c + 7, and a sorted list runs through space without long jumps.
using Code = std::uint64_t;
using Codes = std::vector<Code>;  // sorted, each once
using Index3 = std::array<std::int64_t, 3>;

constexpr int kMaxBits = 21;  // an axis in 64 bits

Code spread(std::int64_t value) {
  auto x = static_cast<Code>(value);
  x = (x | x << 32) & 0x001f00000000ffffULL;
  x = (x | x << 16) & 0x001f0000ff0000ffULL;
  x = (x | x << 8) & 0x100f00f00f00f00fULL;
  x = (x | x << 4) & 0x10c30c30c30c30c3ULL;
  return (x | x << 2) & 0x1249249249249249ULL;
}

std::int64_t gather(Code x) {
  x &= 0x1249249249249249ULL;
  x = (x | x >> 2) & 0x10c30c30c30c30c3ULL;
  x = (x | x >> 4) & 0x100f00f00f00f00fULL;
  x = (x | x >> 8) & 0x001f0000ff0000ffULL;
  x = (x | x >> 16) & 0x001f00000000ffffULL;
  return static_cast<std::int64_t>((x | x >> 32) & 0x1fffffULL);
}

Code encode(const Index3& i) { return spread(i[0]) | spread(i[1]) << 1 | spread(i[2]) << 2; }
Index3 decode(Code c) { return {gather(c), gather(c >> 1), gather(c >> 2)}; }

void sort_unique(Codes& codes) {
  std::sort(codes.begin(), codes.end());
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
}

Codes merged(const Codes& a, const Codes& b) {
  Codes out;
  out.reserve(a.size() + b.size());
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

// Base cells over the domain. What does not fit a whole number of cells is cut at the high end in x and z, so that the
// ground keeps its place, and on both sides alike in y, so that a symmetric domain gets symmetric cells.
struct Lattice {
  Vec3 origin{0, 0, 0};
  double edge = 0;
  Index3 count{0, 0, 0};

  double cell_edge(int level) const { return std::ldexp(edge, -level); }
  Index3 count_at(int level) const { return {count[0] << level, count[1] << level, count[2] << level}; }
  Vec3 position(const Index3& i, int level) const {
    const double h = cell_edge(level);
    return {origin[0] + h * static_cast<double>(i[0]), origin[1] + h * static_cast<double>(i[1]),
            origin[2] + h * static_cast<double>(i[2])};
  }
  Box cell_box(const Index3& i, int level) const {
    return {position(i, level), position({i[0] + 1, i[1] + 1, i[2] + 1}, level)};
  }
  Vec3 cell_center(const Index3& i, int level) const {
    return position({2 * i[0] + 1, 2 * i[1] + 1, 2 * i[2] + 1}, level + 1);
  }
};

Lattice make_lattice(const Box& domain, double edge, int max_level) {
  const Vec3 size = domain.size();
  for (int i = 0; i < 3; ++i) {
    if (!(std::isfinite(domain.low[i]) && std::isfinite(domain.high[i]) && size[i] > 0)) {
      throw Error(ErrorKind::input,
                  str("the domain of the volume mesh is empty or not finite along ", "xyz"[i], ": ", domain.low[i],
                      " to ", domain.high[i], " m"),
                  "give a box with low < high");
    }
  }
  if (!(std::isfinite(edge) && edge > 0)) {
    throw Error(ErrorKind::input, str("the cell size of the volume mesh is ", edge, " m"), "give a positive length");
  }
  Lattice lattice;
  lattice.edge = edge;
  for (int i = 0; i < 3; ++i) {
    const double cells = std::floor(size[i] / edge * (1 + 1e-9));
    if (cells < 1) {
      throw Error(ErrorKind::input,
                  str("the domain is ", size[i], " m along ", "xyz"[i], ", less than one cell of ", edge, " m"),
                  "choose smaller cells or a larger domain");
    }
    if (std::ldexp(cells, max_level) >= std::ldexp(1.0, kMaxBits)) {
      throw Error(ErrorKind::input,
                  str("the volume mesh would have ", std::ldexp(cells, max_level), " cells along ", "xyz"[i],
                      " at its finest level, the limit is ", (1 << kMaxBits) - 1),
                  "choose larger cells or fewer levels");
    }
    lattice.count[i] = static_cast<std::int64_t>(cells);
    lattice.origin[i] = i == 1 ? domain.low[i] + 0.5 * (size[i] - cells * edge) : domain.low[i];
  }
  return lattice;
}

[[noreturn]] void throw_too_many(double estimate, std::size_t limit) {
  throw Error(ErrorKind::input,
              str("the volume mesh would have about ", std::max(estimate, static_cast<double>(limit) + 1),
                  " cells, the limit is ", limit),
              "choose larger cells, fewer levels or smaller boxes, or raise the limit");
}

// Numbers the corners that cells share: an open-addressing table from Morton code to number in order of first use.
class PointNumbers {
 public:
  explicit PointNumbers(std::size_t expected) { rehash(2 * expected + 16); }

  std::int64_t number(Code code) {
    std::size_t slot = find(code);
    if (slots_[slot].code == kFree) {
      if (2 * (codes_.size() + 1) > slots_.size()) {
        rehash(2 * slots_.size());
        slot = find(code);
      }
      slots_[slot] = {code, static_cast<std::int64_t>(codes_.size())};
      codes_.push_back(code);
    }
    return slots_[slot].number;
  }
  const std::vector<Code>& codes() const { return codes_; }

 private:
  static constexpr Code kFree = ~Code{0};
  struct Slot {
    Code code = kFree;
    std::int64_t number = 0;
  };

  std::size_t find(Code code) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = (code * 0x9e3779b97f4a7c15ULL >> 20) & mask;
    while (slots_[slot].code != kFree && slots_[slot].code != code) slot = (slot + 1) & mask;
    return slot;
  }
  void rehash(std::size_t wanted) {
    std::size_t size = 16;
    while (size < wanted) size *= 2;
    slots_.assign(size, {});
    for (std::size_t i = 0; i < codes_.size(); ++i) slots_[find(codes_[i])] = {codes_[i], static_cast<std::int64_t>(i)};
  }

  std::vector<Slot> slots_;
  std::vector<Code> codes_;
};

// The corners of a hexahedron in VTK's order.
constexpr int kCorner[8][3] = {{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}, {0, 0, 1}, {1, 0, 1}, {1, 1, 1}, {0, 1, 1}};

// The tree: refined[l] are the cells of level l that have children.
class Octree {
 public:
  Octree(const Lattice& lattice, const DistanceField& distance, const AdaptiveMeshSpec& spec, int levels,
         double estimate)
      : lattice_(lattice), distance_(distance), spec_(spec), estimate_(estimate), refined(levels), crossed(levels) {}

  void refine_surface(const Box& body);
  void refine_boxes();
  VolumeMesh mesh() const;

 private:
  bool within(const Index3& i, int level) const {
    const Index3 n = lattice_.count_at(level);
    return i[0] >= 0 && i[1] >= 0 && i[2] >= 0 && i[0] < n[0] && i[1] < n[1] && i[2] < n[2];
  }
  Codes base_cells() const;
  Codes children_of_refined(int level) const;  // the cells of `level` that exist
  void keep_near(Codes& cells, int level, double reach) const;
  bool balance();
  void check_size() const;

  const Lattice& lattice_;
  const DistanceField& distance_;
  const AdaptiveMeshSpec& spec_;
  const double estimate_;

 public:
  std::vector<Codes> refined;
  std::vector<Codes> crossed;  // the cells of level l that the surface crosses, l < surface_level
};

Codes Octree::base_cells() const {
  Codes cells;
  cells.reserve(static_cast<std::size_t>(lattice_.count[0] * lattice_.count[1] * lattice_.count[2]));
  for (std::int64_t z = 0; z < lattice_.count[2]; ++z) {
    for (std::int64_t y = 0; y < lattice_.count[1]; ++y) {
      for (std::int64_t x = 0; x < lattice_.count[0]; ++x) cells.push_back(encode({x, y, z}));
    }
  }
  std::sort(cells.begin(), cells.end());
  return cells;
}

Codes Octree::children_of_refined(int level) const {
  if (level == 0) return base_cells();
  Codes cells;
  cells.reserve(8 * refined[level - 1].size());
  for (const Code c : refined[level - 1]) {
    for (Code i = 0; i < 8; ++i) cells.push_back(8 * c + i);
  }
  return cells;
}

// Only those that the surface meets when they are widened by `reach` (m) on all sides.
void Octree::keep_near(Codes& cells, int level, double reach) const {
  std::vector<char> hit(cells.size());
  for_blocks(cells.size(), 1024, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      Box box = lattice_.cell_box(decode(cells[i]), level);
      for (int k = 0; k < 3; ++k) box.low[k] -= reach, box.high[k] += reach;
      hit[i] = distance_.intersects(box);
    }
  });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (hit[i]) cells[kept++] = cells[i];
  }
  cells.resize(kept);
}

void Octree::check_size() const {
  double cells = static_cast<double>(lattice_.count[0]) * static_cast<double>(lattice_.count[1]) *
                 static_cast<double>(lattice_.count[2]);
  for (const Codes& r : refined) cells += 7 * static_cast<double>(r.size());
  // The body's inside is still counted here: it is left out only at the end, and costs the same memory until then.
  if (cells > static_cast<double>(spec_.max_cells)) throw_too_many(std::max(cells, estimate_), spec_.max_cells);
}

// Across faces and edges levels differ by one at most: where a cell has children, the cells around it must exist, so
// their parents have children. True if anything was added.
bool Octree::balance() {
  bool changed = false;
  for (int level = static_cast<int>(refined.size()) - 1; level > 0; --level) {
    Codes parents;
    parents.reserve(7 * refined[level].size());
    for (const Code c : refined[level]) {
      const Index3 at = decode(c);
      const Index3 parent{at[0] >> 1, at[1] >> 1, at[2] >> 1};
      // Only towards its own side can the neighbour of a cell have another parent.
      int side[3];
      for (int i = 0; i < 3; ++i) side[i] = at[i] & 1 ? 1 : -1;
      for (int mask = 0; mask < 7; ++mask) {  // 7 would be the one across the corner
        Index3 p = parent;
        for (int i = 0; i < 3; ++i) p[i] += mask >> i & 1 ? side[i] : 0;
        if (within(p, level - 1)) parents.push_back(encode(p));
      }
    }
    sort_unique(parents);
    Codes all = merged(refined[level - 1], parents);
    changed = changed || all.size() > refined[level - 1].size();
    refined[level - 1] = std::move(all);
    check_size();
  }
  return changed;
}

void Octree::refine_surface(const Box& body) {
  Codes candidates;
  const double h = lattice_.edge, reach = 0.5 * std::max(0, spec_.buffer_cells) + 1;  // cells
  Index3 from, to;
  for (int i = 0; i < 3; ++i) {
    const auto last = static_cast<double>(lattice_.count[i] - 1);
    from[i] =
        static_cast<std::int64_t>(std::clamp(std::floor((body.low[i] - lattice_.origin[i]) / h - reach), 0.0, last));
    to[i] =
        static_cast<std::int64_t>(std::clamp(std::floor((body.high[i] - lattice_.origin[i]) / h + reach), 0.0, last));
  }
  for (std::int64_t z = from[2]; z <= to[2]; ++z) {
    for (std::int64_t y = from[1]; y <= to[1]; ++y) {
      for (std::int64_t x = from[0]; x <= to[0]; ++x) candidates.push_back(encode({x, y, z}));
    }
  }
  std::sort(candidates.begin(), candidates.end());

  for (int level = 0; level < spec_.surface_level; ++level) {
    // A cell keeps whole only where its children's buffer has ended before it.
    keep_near(candidates, level, 0.5 * std::max(0, spec_.buffer_cells) * lattice_.cell_edge(level));
    refined[level] = candidates;
    crossed[level] = candidates;
    if (spec_.buffer_cells > 0) keep_near(crossed[level], level, 0);
    check_size();
    Codes next;
    next.reserve(8 * candidates.size());
    for (const Code c : candidates) {
      for (Code i = 0; i < 8; ++i) next.push_back(8 * c + i);
    }
    candidates = std::move(next);
  }
  balance();
}

void Octree::refine_boxes() {
  do {  // balancing makes new cells, and those may lie in a box
    for (int level = 0; level < static_cast<int>(refined.size()); ++level) {
      Codes inside;
      for (const Code c : children_of_refined(level)) {
        const Vec3 center = lattice_.cell_center(decode(c), level);
        const auto wants = [&](const RefinementBox& b) { return b.level > level && b.box.contains(center); };
        if (std::any_of(spec_.boxes.begin(), spec_.boxes.end(), wants)) inside.push_back(c);
      }
      refined[level] = merged(refined[level], inside);
      check_size();
    }
  } while (balance());
}

VolumeMesh Octree::mesh() const {
  // Leaves, and for each the largest cell around it that the surface does not cross: all of that is on one side, so one
  // ray decides for many leaves.
  struct Leaf {
    Code start;  // code of its first cell at the finest level: the order of the mesh
    std::int32_t level;
    std::uint32_t probe;
  };
  const int levels = static_cast<int>(refined.size());
  std::vector<Leaf> leaves;
  struct Probe {
    Code code;
    int level;
  };
  std::vector<Probe> probes;
  std::vector<std::vector<std::uint32_t>> probe_of_refined(levels);  // of uncrossed cells with children; else kNone
  constexpr std::uint32_t kNone = ~std::uint32_t{0};
  std::size_t count = 0;
  for (int level = 0; level <= levels; ++level) {
    const Codes existing = children_of_refined(level);
    const Codes none;
    const Codes& split = level < levels ? refined[level] : none;
    const Codes& cut = level < levels ? crossed[level] : none;
    count += existing.size() - split.size();
    if (level < levels) probe_of_refined[level].resize(split.size(), kNone);
    std::size_t s = 0, k = 0;
    for (std::size_t i = 0; i < existing.size(); ++i) {
      const Code code = existing[i];
      const bool has_children = s < split.size() && split[s] == code;
      while (k < cut.size() && cut[k] < code) ++k;
      const bool crosses = k < cut.size() && cut[k] == code;
      std::uint32_t probe = level > 0 ? probe_of_refined[level - 1][i / 8] : kNone;
      // Below surface_level nobody looked whether the surface crosses: go down to the leaves.
      if (probe == kNone && !(has_children && (crosses || level >= spec_.surface_level))) {
        probe = static_cast<std::uint32_t>(probes.size());
        probes.push_back({code, level});
      }
      if (has_children) {
        probe_of_refined[level][s++] = probe;
      } else {
        leaves.push_back({code << 3 * (levels - level), level, probe});
      }
    }
  }

  std::vector<char> inside(probes.size());
  for_blocks(probes.size(), 256, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      inside[i] = distance_.inside(lattice_.cell_center(decode(probes[i].code), probes[i].level));
    }
  });
  leaves.erase(std::remove_if(leaves.begin(), leaves.end(), [&](const Leaf& l) { return inside[l.probe] != 0; }),
               leaves.end());
  std::sort(leaves.begin(), leaves.end(), [](const Leaf& a, const Leaf& b) { return a.start < b.start; });

  VolumeMesh mesh;
  mesh.offsets.resize(leaves.size() + 1);
  mesh.corners.resize(8 * leaves.size());
  mesh.types.assign(leaves.size(), 12);
  PointNumbers numbers(leaves.size() + leaves.size() / 4);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (i % 65536 == 0) core::check_interrupt();
    const std::int64_t size = std::int64_t{1} << (levels - leaves[i].level);
    const Index3 at = decode(leaves[i].start);
    for (int c = 0; c < 8; ++c) {
      mesh.corners[8 * i + c] = numbers.number(
          encode({at[0] + size * kCorner[c][0], at[1] + size * kCorner[c][1], at[2] + size * kCorner[c][2]}));
    }
    mesh.offsets[i + 1] = static_cast<std::int64_t>(8 * (i + 1));
  }
  mesh.points.reserve(numbers.codes().size());
  for (const Code c : numbers.codes()) mesh.points.push_back(lattice_.position(decode(c), levels));
  return mesh;
}

// What a refinement will cost, before anything is made.
double estimated_cells(const SurfaceMesh& body, const Lattice& lattice, const AdaptiveMeshSpec& spec) {
  double cells = static_cast<double>(lattice.count[0]) * static_cast<double>(lattice.count[1]) *
                 static_cast<double>(lattice.count[2]);
  for (const RefinementBox& b : spec.boxes) {
    double volume = 1;
    for (int i = 0; i < 3; ++i) {
      const double low = std::max(b.box.low[i], lattice.origin[i]);
      const double high =
          std::min(b.box.high[i], lattice.origin[i] + lattice.edge * static_cast<double>(lattice.count[i]));
      volume *= std::max(0.0, high - low) / lattice.cell_edge(b.level);
    }
    cells += volume;
  }
  double area = 0;
  for (std::size_t f = 0; f < body.face_count(); ++f) area += norm(body.area_vector(f));
  // About 1.5 of the last but one level's cells are crossed per face area of such a cell, and the buffers lie on both
  // sides.
  for (int level = 1; level <= spec.surface_level; ++level) {
    const double h = lattice.cell_edge(level - 1);
    cells += 7 * (area / (h * h)) * (1.5 + std::max(0, spec.buffer_cells));
  }
  return cells;
}

}  // namespace

Vec3 VolumeMesh::center(std::size_t cell) const {
  Vec3 sum{0, 0, 0};
  for (std::int64_t i = offsets[cell]; i < offsets[cell + 1]; ++i) sum = sum + points[corners[i]];
  return (1.0 / static_cast<double>(offsets[cell + 1] - offsets[cell])) * sum;
}

Box VolumeMesh::bounds() const {
  Box box;
  for (const std::int64_t c : corners) box.add(points[c]);
  return box;
}

void VolumeMesh::check(const std::string& where) const {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorKind::input, where + ": " + what, "the file is damaged; export it again");
  };
  const std::size_t cells = cell_count();
  if (cells == 0) throw Error(ErrorKind::input, where + ": the mesh has no cells", "give a volume mesh with cells");
  if (types.size() != cells) fail(str(types.size(), " cell types for ", cells, " cells"));
  if (offsets.front() != 0 || offsets.back() != static_cast<std::int64_t>(corners.size())) {
    fail(str("offsets run from ", offsets.front(), " to ", offsets.back(), " over ", corners.size(), " corners"));
  }
  for (std::size_t c = 0; c < cells; ++c) {
    if (offsets[c + 1] <= offsets[c]) fail(str("cell ", c, " has no corners"));
  }
  const auto vertices = static_cast<std::int64_t>(points.size());
  for (std::size_t c = 0; c < cells; ++c) {
    for (std::int64_t i = offsets[c]; i < offsets[c + 1]; ++i) {
      if (corners[i] < 0 || corners[i] >= vertices) {
        fail(str("cell ", c, " refers to point ", corners[i], ", there are ", vertices));
      }
    }
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (const double x : points[i]) {
      if (!std::isfinite(x)) {
        fail(str("point ", i, " is not finite: (", points[i][0], ", ", points[i][1], ", ", points[i][2], ")"));
      }
    }
  }
  constexpr std::uint8_t kPolyhedron = 42;
  if (!face_offsets.empty() && face_offsets.size() != cells) {
    fail(str(face_offsets.size(), " face offsets for ", cells, " cells"));
  }
  for (std::size_t c = 0; c < cells; ++c) {
    if (types[c] != kPolyhedron) continue;
    // Face stream: number of faces, then for each its number of points and the points.
    const std::int64_t at = face_offsets.empty() ? -1 : face_offsets[c];
    const auto end = static_cast<std::int64_t>(faces.size());
    if (at < 0 || at >= end) fail(str("polyhedron ", c, " has no faces"));
    std::int64_t i = at + 1;
    for (std::int64_t f = 0; f < faces[at]; ++f) {
      if (i >= end || faces[i] < 3 || faces[i] >= end - i) fail(str("face ", f, " of polyhedron ", c, " is cut off"));
      for (std::int64_t k = i + 1; k <= i + faces[i]; ++k) {
        if (faces[k] < 0 || faces[k] >= vertices) {
          fail(str("face ", f, " of polyhedron ", c, " refers to point ", faces[k], ", there are ", vertices));
        }
      }
      i += faces[i] + 1;
    }
  }
  for (const Attribute& a : attributes) {
    const std::size_t count = a.association == Association::points ? points.size() : cells;
    if (a.components < 1 || a.values.size() != count * static_cast<std::size_t>(a.components)) {
      fail(str("attribute '", a.name, "' has ", a.values.size(), " values for ", count,
               a.association == Association::points ? " points" : " cells", " with ", a.components, " components"));
    }
  }
}

VolumeMesh adaptive_mesh(const SurfaceMesh& body, const DistanceField& distance, const AdaptiveMeshSpec& spec) {
  constexpr int kMaxLevel = 20;
  int levels = spec.surface_level;
  for (const RefinementBox& b : spec.boxes) levels = std::max(levels, b.level);
  if (spec.surface_level < 0 || levels > kMaxLevel) {
    throw Error(ErrorKind::input,
                str("refinement levels must lie in 0 to ", kMaxLevel, ", not ",
                    spec.surface_level < 0 ? spec.surface_level : levels),
                "each level halves the cells");
  }
  const Lattice lattice = make_lattice(spec.domain, spec.base_cell, levels);
  const double base = static_cast<double>(lattice.count[0]) * static_cast<double>(lattice.count[1]) *
                      static_cast<double>(lattice.count[2]);
  const double estimate = estimated_cells(body, lattice, spec);
  // The estimate is good to a factor of two; between that and the limit the tree counts as it grows.
  if (std::max(base, estimate / 10) > static_cast<double>(spec.max_cells)) throw_too_many(estimate, spec.max_cells);
  Octree tree(lattice, distance, spec, levels, estimate);
  tree.refine_surface(body.bounds());
  tree.refine_boxes();
  return tree.mesh();
}

VolumeMesh uniform_grid(const DistanceField& distance, const Box& domain, double cell, std::size_t max_cells) {
  const Lattice lattice = make_lattice(domain, cell, 0);
  const Index3 n = lattice.count;
  const double cells = static_cast<double>(n[0]) * static_cast<double>(n[1]) * static_cast<double>(n[2]);
  if (cells > static_cast<double>(max_cells)) throw_too_many(cells, max_cells);

  // Blocks that the surface does not meet lie on one side as a whole; the others are halved until single cells.
  const auto index = [&](std::int64_t x, std::int64_t y, std::int64_t z) {
    return static_cast<std::size_t>((z * n[1] + y) * n[0] + x);
  };
  std::vector<char> inside(static_cast<std::size_t>(n[0] * n[1] * n[2]));
  const auto classify = [&](const auto& self, const Index3& from, const Index3& to) -> void {
    const Vec3 low = lattice.position(from, 0), high = lattice.position(to, 0);
    const bool single = to[0] - from[0] == 1 && to[1] - from[1] == 1 && to[2] - from[2] == 1;
    if (single || !distance.intersects({low, high})) {
      const char value = distance.inside(0.5 * (low + high));
      for (std::int64_t z = from[2]; z < to[2]; ++z) {
        for (std::int64_t y = from[1]; y < to[1]; ++y) {
          std::fill_n(inside.begin() + static_cast<std::ptrdiff_t>(index(from[0], y, z)), to[0] - from[0], value);
        }
      }
      return;
    }
    int axis = 0;
    for (int i = 1; i < 3; ++i) {
      if (to[i] - from[i] > to[axis] - from[axis]) axis = i;
    }
    Index3 middle_high = to, middle_low = from;
    middle_high[axis] = middle_low[axis] = (from[axis] + to[axis]) / 2;
    self(self, from, middle_high);
    self(self, middle_low, to);
  };
  constexpr std::int64_t kSide = 32;
  const Index3 blocks{(n[0] + kSide - 1) / kSide, (n[1] + kSide - 1) / kSide, (n[2] + kSide - 1) / kSide};
  for_blocks(static_cast<std::size_t>(blocks[0] * blocks[1] * blocks[2]), 1, [&](std::size_t begin, std::size_t end) {
    for (auto b = static_cast<std::int64_t>(begin); b < static_cast<std::int64_t>(end); ++b) {
      const Index3 from{kSide * (b % blocks[0]), kSide * (b / blocks[0] % blocks[1]),
                        kSide * (b / blocks[0] / blocks[1])};
      classify(classify, from,
               {std::min(n[0], from[0] + kSide), std::min(n[1], from[1] + kSide), std::min(n[2], from[2] + kSide)});
    }
  });

  // Points in lattice order, only those of kept cells.
  const auto point = [&](std::int64_t x, std::int64_t y, std::int64_t z) {
    return static_cast<std::size_t>((z * (n[1] + 1) + y) * (n[0] + 1) + x);
  };
  VolumeMesh mesh;
  std::vector<std::int64_t> number(point(0, 0, n[2] + 1), -1);
  const auto for_kept = [&](const auto& visit) {
    for (std::int64_t z = 0; z < n[2]; ++z) {
      core::check_interrupt();
      for (std::int64_t y = 0; y < n[1]; ++y) {
        for (std::int64_t x = 0; x < n[0]; ++x) {
          if (!inside[index(x, y, z)]) visit(x, y, z);
        }
      }
    }
  };
  std::size_t kept = 0;
  for_kept([&](std::int64_t x, std::int64_t y, std::int64_t z) {
    ++kept;
    for (const auto& c : kCorner) number[point(x + c[0], y + c[1], z + c[2])] = 0;
  });
  for (std::int64_t z = 0; z <= n[2]; ++z) {
    for (std::int64_t y = 0; y <= n[1]; ++y) {
      for (std::int64_t x = 0; x <= n[0]; ++x) {
        std::int64_t& id = number[point(x, y, z)];
        if (id < 0) continue;
        id = static_cast<std::int64_t>(mesh.points.size());
        mesh.points.push_back(lattice.position({x, y, z}, 0));
      }
    }
  }
  mesh.offsets.push_back(0);
  mesh.offsets.reserve(kept + 1);
  mesh.corners.reserve(8 * kept);
  mesh.types.assign(kept, 12);
  for_kept([&](std::int64_t x, std::int64_t y, std::int64_t z) {
    for (const auto& c : kCorner) mesh.corners.push_back(number[point(x + c[0], y + c[1], z + c[2])]);
    mesh.offsets.push_back(static_cast<std::int64_t>(mesh.corners.size()));
  });
  return mesh;
}

}  // namespace streamtube::geometry
