#include "surrogate/train/loader.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <tuple>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "geometry/space_curve.hpp"
#include "physics/cell_vorticity.hpp"
#include "surrogate/model/cell_arms.hpp"
#include "surrogate/model/features.hpp"
#include "surrogate/train/dataset_case.hpp"

namespace streamtube::surrogate {

using core::Error;
using core::ErrorKind;
using core::Rng;
using core::str;
using mesh_io::Dataset;
using physics::Branch;
using physics::Normalizer;

namespace {

constexpr std::size_t kAhead = 2;       // batches drawn ahead
constexpr std::size_t kCandidates = 4;  // of a case that is not in memory: rows read per point drawn by area
constexpr float kSpacing = 1e-12f;      // m2 or m3, keeps a sum of areas positive

// Points of one branch, ready for the network.
struct Points {
  std::vector<float> position, target;    // [n][3] and [n][outputs], network units
  std::vector<float> normal, size;        // surface: [n][3], [n] m2; volume: size [n] m3 where cells are compared
  std::vector<geometry::WallPoint> wall;  // volume, where the network sees it: in network units
  std::size_t rows() const { return position.size() / 3; }
};

std::vector<std::int64_t> curve_of(const std::vector<float>& position) {
  return geometry::space_curve(position.size() / 3, [&](std::size_t i) {
    return Vec3{position[3 * i], position[3 * i + 1], position[3 * i + 2]};
  });
}

// Sums of the sizes along a curve.
std::vector<double> cumulative_sum(const std::vector<float>& size, const std::vector<std::int64_t>& curve) {
  std::vector<double> sum(size.size());
  double total = 0;
  for (std::size_t i = 0; i < size.size(); ++i)
    sum[i] = total += std::max(size[static_cast<std::size_t>(curve[i])], kSpacing);
  return sum;
}

// A case in memory. cumulative: of the surface's areas along its curve.
struct Cached {
  Points part[2];
  std::vector<std::int64_t> curve[2];
  std::vector<double> cumulative;
  std::optional<geometry::WallDistance> walls;  // where they are needed for every batch
  double ground = 0;                            // m, where cells end below
};

// As core::sample_indices, without a list of all: for few out of very many; in rising order then.
std::vector<std::int64_t> draw_few(Rng& rng, std::size_t count, std::size_t n) {
  if (n * 8 > count) return core::sample_indices(rng, count, n);
  std::vector<std::int64_t> drawn;
  while (drawn.size() < n) {
    for (std::size_t i = drawn.size(); i < n; ++i) drawn.push_back(static_cast<std::int64_t>(rng.below(count)));
    std::sort(drawn.begin(), drawn.end());
    drawn.erase(std::unique(drawn.begin(), drawn.end()), drawn.end());
  }
  return drawn;
}

// n indices by size: the curve is cut in n equal parts and one place drawn in each; shuffled. Only what is larger than
// a part can come twice.
std::vector<std::int64_t> draw_by_size(Rng& rng, const std::vector<std::int64_t>& curve,
                                       const std::vector<double>& cumulative, std::size_t n) {
  std::vector<std::int64_t> drawn(n);
  const double step = cumulative.back() / static_cast<double>(n);
  auto from = cumulative.begin();
  for (std::size_t i = 0; i < n; ++i) {
    const double at = (static_cast<double>(i) + rng.uniform()) * step;
    from = std::lower_bound(from, cumulative.end(), at);
    drawn[i] = curve[std::min(static_cast<std::size_t>(from - cumulative.begin()), cumulative.size() - 1)];
  }
  for (std::size_t i = 0; i + 1 < n; ++i) std::swap(drawn[i], drawn[i + rng.below(n - i)]);
  return drawn;
}

template <class T>
void append_rows(std::vector<T>& to, const std::vector<T>& from, const std::vector<std::int64_t>& rows,
                 std::size_t columns) {
  for (const std::int64_t r : rows)
    to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(r) * columns),
              from.begin() + static_cast<std::ptrdiff_t>((static_cast<std::size_t>(r) + 1) * columns));
}

Points take_rows(const Points& from, const std::vector<std::int64_t>& rows, std::size_t outputs) {
  Points to;
  append_rows(to.position, from.position, rows, 3);
  append_rows(to.target, from.target, rows, outputs);
  if (!from.normal.empty()) append_rows(to.normal, from.normal, rows, 3);
  if (!from.size.empty()) append_rows(to.size, from.size, rows, 1);
  if (!from.wall.empty()) append_rows(to.wall, from.wall, rows, 1);
  return to;
}

}  // namespace

struct Loader::Impl {
  const Dataset& dataset;
  std::vector<std::size_t> cases;
  CaseWorld world;
  Normalizer normalizer;
  AbuptConfig config;
  DrawOptions draw;
  LossOptions loss;
  std::uint64_t seed;
  std::int64_t number, stride;

  std::vector<std::unique_ptr<Cached>> cache;
  std::vector<char> kept;  // which cases have room in memory: by number, not by visit, or a resumed run would differ
  std::vector<float> sign[2];  // of every output under reflection at y = 0
  bool cells = false;          // batches have them

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Batch> ready;
  std::exception_ptr failure;
  bool stop = false;
  double waited = 0;
  std::thread thread;

  Impl(const Dataset& d, std::vector<std::size_t> c, const CaseWorld& w, const Normalizer& n, const AbuptConfig& a,
       const DrawOptions& o, const LossOptions& l, std::uint64_t s, std::int64_t first, std::int64_t step,
       std::size_t bytes)
      : dataset(d),
        cases(std::move(c)),
        world(w),
        normalizer(n),
        config(a),
        draw(o),
        loss(l),
        seed(s),
        number(first),
        stride(step),
        cache(cases.size()),
        kept(cases.size()) {
    cells = draw.queries[1] > 0 && compares_cells(normalizer, loss);
    for (std::size_t slot = 0; slot < cases.size(); ++slot) {
      const mesh_io::CaseInfo& info = dataset.cases()[cases[slot]];
      const std::size_t needed = sizeof(float) * (info.rows[0] * (9 + outputs(0)) + info.rows[1] * (3 + outputs(1))) +
                                 8 * (2 * info.rows[0] + info.rows[1]) +
                                 (config.wall_distance ? sizeof(geometry::WallPoint) * info.rows[1] : 0);
      if (needed > bytes) continue;
      kept[slot] = 1, bytes -= needed;
    }
    for (const Branch branch : {Branch::surface, Branch::volume})
      for (const auto& field : normalizer[branch].fields)
        for (int i = 0; i < field.components; ++i)
          sign[static_cast<int>(branch)].push_back(physics::reflection_sign(field, i));
  }

  std::size_t outputs(int b) const { return normalizer.branch[b].mean.size(); }

  // The size of the network's world for a case: metres of the case a metre of the world.
  double factor(std::size_t slot) const {
    return world.canonical_length > 0 ? world.lengths[slot] / world.canonical_length : 1.0;
  }

  // SI -> network units, in place of the raw fields. walls: of the case, for volume points where the network sees them.
  Points to_network(std::size_t slot, Branch branch, mesh_io::Dataset::Rows rows,
                    const geometry::WallDistance* walls) const {
    const mesh_io::CaseInfo& info = dataset.cases()[cases[slot]];
    const Normalizer normalizer = this->normalizer.at_scale(factor(slot));
    Points p;
    const auto& statistics = normalizer[branch];
    const std::size_t columns = statistics.mean.size(), n = rows.position.size() / 3;
    p.position.resize(3 * n);
    std::vector<Vec3> xyz(n);
    for (std::size_t i = 0; i < n; ++i)
      for (int a = 0; a < 3; ++a) xyz[i][a] = rows.position[3 * i + static_cast<std::size_t>(a)];
    normalizer.normalize_positions(xyz.data(), n, p.position.data());
    const physics::ReferenceScales scales = info.scales();
    std::vector<float> unit;
    for (const auto& field : statistics.fields)
      unit.insert(unit.end(), static_cast<std::size_t>(field.components),
                  static_cast<float>(1.0 / physics::si_unit(field, scales)));
    for (std::size_t i = 0; i < rows.fields.size(); ++i) rows.fields[i] *= unit[i % columns];
    normalizer.restore_side(branch, rows.fields.data(), xyz.data(), n);
    normalizer.to_network(branch, rows.fields.data(), n);
    for (const float value : rows.fields)
      if (!std::isfinite(value))
        throw Error(ErrorKind::input,
                    str("'", info.file, "': case '", info.name, "': a ", physics::name(branch), " value is not finite"),
                    "`streamtube dataset verify` lists all such cases");
    p.target = std::move(rows.fields);
    p.normal = std::move(rows.normal);
    if (normalizer.symmetric)
      for (std::size_t i = 0; i < p.normal.size() / 3; ++i)
        if (xyz[i][1] < 0) p.normal[3 * i + 1] = -p.normal[3 * i + 1];
    p.size = std::move(rows.size);
    if (branch == Branch::volume && config.wall_distance) {
      p.wall.resize(n);
      walls->nearest(xyz, p.wall);
      for (std::size_t i = 0; i < n; ++i) p.wall[i] = wall_to_network(normalizer, xyz[i], p.wall[i]);
    }
    return p;
  }

  bool needs_walls() const { return config.wall_distance || cells; }

  // The case in memory, if there is room for it.
  const Cached* cached(std::size_t slot) {
    if (cache[slot]) return cache[slot].get();
    if (!kept[slot]) return nullptr;
    auto entry = std::make_unique<Cached>();
    std::optional<geometry::WallDistance> walls;
    if (needs_walls()) walls.emplace(walls_of(dataset, cases[slot]));
    mesh_io::FlowSample sample = dataset.read(cases[slot]);
    for (const Branch branch : {Branch::surface, Branch::volume}) {
      const int b = static_cast<int>(branch);
      mesh_io::SamplePart& part = sample.part[b];
      mesh_io::Dataset::Rows rows;
      const std::size_t n = part.rows(), columns = outputs(b);
      rows.fields.resize(n * columns);
      std::size_t first = 0;
      for (const auto& field : normalizer[branch].fields) {
        const auto found =
            std::find_if(part.fields.begin(), part.fields.end(), [&](const auto& f) { return f.name == field.name; });
        core::expect(found != part.fields.end(), "loader: a field of the normaliser is missing in the case");
        const std::size_t k = static_cast<std::size_t>(field.components);
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t c = 0; c < k; ++c) rows.fields[i * columns + first + c] = found->values[i * k + c];
        first += k;
      }
      rows.position = std::move(part.position);
      if (b == 0) rows.normal = std::move(part.normal);
      if (b == 0 || cells) rows.size = std::move(part.size);
      if (b == 1 && cells) entry->ground = lowest_face(rows.position, rows.size);
      entry->part[b] = to_network(slot, branch, std::move(rows), walls ? &*walls : nullptr);
      entry->curve[b] = curve_of(entry->part[b].position);
    }
    entry->cumulative = cumulative_sum(entry->part[0].size, entry->curve[0]);
    if (cells) entry->walls = std::move(walls);
    cache[slot] = std::move(entry);
    return cache[slot].get();
  }

  static double lowest_face(const std::vector<float>& position, const std::vector<float>& volume) {
    std::vector<Vec3> xyz(volume.size());
    for (std::size_t i = 0; i < xyz.size(); ++i) xyz[i] = {position[3 * i], position[3 * i + 1], position[3 * i + 2]};
    return physics::lowest_face(xyz, volume);
  }

  // n surface points by area, or n points of a branch all alike. walls, ground: of a case that is not in memory; the
  // latter is written.
  Points draw_points(Rng& rng, std::size_t slot, const Cached* memory, Branch branch, std::size_t n, bool by_area,
                     const geometry::WallDistance* walls = nullptr, double* ground = nullptr) {
    const int b = static_cast<int>(branch);
    const std::size_t rows = dataset.cases()[cases[slot]].rows[b];
    if (memory)
      return take_rows(memory->part[b],
                       by_area ? draw_by_size(rng, memory->curve[0], memory->cumulative, n)
                               : geometry::draw_along(rng, memory->curve[b], n),
                       outputs(b));
    std::vector<std::int64_t> from = draw_few(rng, rows, by_area ? std::min(rows, kCandidates * n) : n);
    std::sort(from.begin(), from.end());
    mesh_io::Dataset::Rows read = dataset.read_rows(cases[slot], branch, from);
    if (ground) *ground = lowest_face(read.position, read.size);
    const Points candidates = to_network(slot, branch, std::move(read), walls);
    const std::vector<std::int64_t> curve = curve_of(candidates.position);
    return take_rows(candidates,
                     by_area ? draw_by_size(rng, curve, cumulative_sum(candidates.size, curve), n)
                             : geometry::draw_along(rng, curve, n),
                     outputs(b));
  }

  Batch make(std::int64_t t) {
    // Every epoch goes through all cases in an order of its own.
    const std::int64_t count = static_cast<std::int64_t>(cases.size());
    Rng order(seed, str("order of epoch ", t / count));
    const std::size_t slot = static_cast<std::size_t>(
        core::sample_indices(order, cases.size(), cases.size())[static_cast<std::size_t>(t % count)]);
    const mesh_io::CaseInfo& info = dataset.cases()[cases[slot]];
    const Cached* memory = cached(slot);
    Rng rng(seed, str("batch ", t));
    Batch batch;
    batch.name = info.name;
    batch.reference_length = info.scales().length / factor(slot);
    batch.condition = conditions_of(world.conditions, info, world.lengths.empty() ? 0 : world.lengths[slot]);

    Points body = draw_points(rng, slot, memory, Branch::surface, draw.geometry_points, true);
    batch.supernodes = geometry::draw_along(rng, curve_of(body.position), draw.supernodes);
    std::sort(batch.supernodes.begin(), batch.supernodes.end());
    Points drawn[2];
    std::optional<geometry::WallDistance> built;  // of a case that is not in memory, for every batch anew
    if (!memory && needs_walls()) built.emplace(walls_of(dataset, cases[slot]));
    const geometry::WallDistance* walls = built ? &*built : memory && memory->walls ? &*memory->walls : nullptr;
    double ground = memory ? memory->ground : 0;
    for (const Branch branch : {Branch::surface, Branch::volume}) {
      const int b = static_cast<int>(branch);
      batch.anchors[b] = static_cast<std::int64_t>(draw.anchors[b]);
      // Anchors and queries are one draw, cut in two: both are fair samples, since draws come in random order.
      const bool of_volume = branch == Branch::volume;
      drawn[b] =
          draw_points(rng, slot, memory, branch, draw.anchors[b] + draw.queries[b], b == 0 && draw.surface_by_area,
                      of_volume ? walls : nullptr, of_volume && cells ? &ground : nullptr);
    }
    if (cells) add_cells(batch, drawn[1], slot, *walls, ground);
    if (draw.mirror && rng.below(2) == 1) {
      mirror(body, 0, false);
      for (int b = 0; b < 2; ++b) mirror(drawn[b], b, true);
      for (std::size_t k = 0; k < batch.cells.arms(); ++k) batch.cells.weight[3 * k + 1] *= -1;
    }
    weigh(batch, drawn[0], info);
    if (draw.scaling > 0) {
      const double by = 1 + draw.scaling * (2 * rng.uniform() - 1);
      batch.reference_length *= by;
      for (Points* points : {&body, &drawn[0], &drawn[1]}) scale(*points, by);
    }
    batch.points = input_rows(body, Branch::surface, 0, nullptr);
    for (int b = 0; b < 2; ++b) {
      batch.positions[b] =
          input_rows(drawn[b], static_cast<Branch>(b), draw.anchors[b], b == 1 && !cells ? &batch.jacobian : nullptr);
      batch.targets[b] = std::move(drawn[b].target);
    }
    return batch;
  }

  // The cells among the queries whose vorticity is compared, and the places it is made of behind the queries.
  void add_cells(Batch& batch, Points& volume, std::size_t slot, const geometry::WallDistance& walls,
                 double ground) const {
    const Normalizer of_case = normalizer.at_scale(factor(slot));
    const double meter = of_case.position_extent / physics::kNetworkExtent;
    const std::size_t first = draw.anchors[1], rows = volume.rows();
    core::expect(volume.size.size() == rows, "loader: cells are compared, and their volumes are not known");
    std::vector<Vec3> centers(rows - first);
    std::vector<double> sizes(centers.size());
    for (std::size_t i = 0; i < centers.size(); ++i) {
      for (std::size_t a = 0; a < 3; ++a)
        centers[i][a] = of_case.position_origin + meter * double{volume.position[3 * (first + i) + a]};
      sizes[i] = std::cbrt(double{volume.size[first + i]});
    }
    std::vector<geometry::WallPoint> nearest(centers.size());
    walls.nearest(centers, nearest);
    // All first cells, and of the others as many as wanted.
    Batch::Cells& cells = batch.cells;
    std::size_t others = 0;
    std::vector<Vec3> chosen;
    std::vector<double> chosen_sizes;
    std::vector<geometry::WallPoint> chosen_walls;
    for (std::size_t i = 0; i < centers.size(); ++i) {
      if (!physics::touches_wall(sizes[i], nearest[i].distance) && ++others > draw.cell_queries) continue;
      cells.row.push_back(static_cast<std::int64_t>(first + i));
      chosen.push_back(centers[i]), chosen_sizes.push_back(sizes[i]), chosen_walls.push_back(nearest[i]);
    }
    cells.share.assign(chosen.size(), 1 / static_cast<float>(chosen.size()));
    const CellArms arms = cell_arms(chosen, chosen_sizes, chosen_walls, ground);
    const double length = dataset.cases()[cases[slot]].scales().length;
    for (const std::size_t begin : arms.begin) cells.begin.push_back(static_cast<std::int64_t>(begin));
    for (std::size_t k = 0; k < arms.places.size(); ++k) {
      cells.side.push_back(of_case.symmetric && arms.places[k][1] < 0 ? -1.0f : 1.0f);
      for (const double w : arms.weights[k]) cells.weight.push_back(static_cast<float>(length * w));
    }
    volume.position.resize(3 * (rows + arms.places.size()));
    of_case.normalize_positions(arms.places.data(), arms.places.size(), &volume.position[3 * rows]);
    if (!config.wall_distance) return;
    volume.wall.resize(rows + arms.places.size());
    const std::span<geometry::WallPoint> walls_at_arms = std::span(volume.wall).subspan(rows);
    walls.nearest(arms.places, walls_at_arms);
    for (std::size_t k = 0; k < arms.places.size(); ++k)
      walls_at_arms[k] = wall_to_network(of_case, arms.places[k], walls_at_arms[k]);
  }

  // Rows as the network takes them; jacobian: of the features of rows from `queries` on.
  std::vector<float> input_rows(Points& from, Branch branch, std::size_t queries, std::vector<float>* jacobian) const {
    const int b = static_cast<int>(branch);
    const std::size_t n = from.rows(), width = static_cast<std::size_t>(config.width(b));
    if (width == 3) return std::move(from.position);
    std::vector<float> rows(n * width);
    if (jacobian) jacobian->resize(3 * (width - 3) * (n - queries));
    for (std::size_t i = 0; i < n; ++i) {
      const float* position = &from.position[3 * i];
      if (branch == Branch::surface)
        surface_row(position, {from.normal[3 * i], from.normal[3 * i + 1], from.normal[3 * i + 2]}, &rows[width * i]);
      else
        wall_row(position, from.wall[i], &rows[width * i],
                 jacobian && i >= queries ? &(*jacobian)[3 * (width - 3) * (i - queries)] : nullptr);
    }
    return rows;
  }

  // About the origin of the coordinates in metres.
  void scale(Points& points, double factor) const {
    const double origin = -physics::kNetworkExtent * normalizer.position_origin / normalizer.position_extent;
    for (float& x : points.position) x = static_cast<float>(origin + factor * (static_cast<double>(x) - origin));
    for (auto& wall : points.wall) wall.distance *= factor;
  }

  // At y = 0; with the fields too, or the places alone.
  void mirror(Points& points, int b, bool fields) const {
    // y = 0 in network units.
    const float plane =
        static_cast<float>(-2 * physics::kNetworkExtent * normalizer.position_origin / normalizer.position_extent);
    for (std::size_t i = 1; i < points.position.size(); i += 3) points.position[i] = plane - points.position[i];
    for (std::size_t i = 1; i < points.normal.size(); i += 3) points.normal[i] = -points.normal[i];
    for (auto& wall : points.wall) wall.direction[1] = -wall.direction[1], wall.edge[1] = -wall.edge[1];
    const auto& statistics = normalizer.branch[b];
    const std::size_t columns = outputs(b);
    for (std::size_t i = 0; fields && i < points.target.size(); ++i) {
      const std::size_t c = i % columns;
      // -(x std + mean), normalised again.
      if (sign[b][c] < 0)
        points.target[i] = -points.target[i] - static_cast<float>(2 * statistics.mean[c] / statistics.std[c]);
    }
  }

  void weigh(Batch& batch, const Points& surface, const mesh_io::CaseInfo& info) const {
    const std::size_t n = surface.rows(), columns = outputs(0);
    if (loss.area_weighted && !draw.surface_by_area) {
      double sum = 0;
      for (const float a : surface.size) sum += a;
      for (const float a : surface.size)
        batch.weights[0].push_back(static_cast<float>(static_cast<double>(a) * static_cast<double>(n) / sum));
    }
    if (loss.force_weight <= 0) return;
    // Force coefficients of an error field: sum of (-Cp n + Cf) dA / A_ref, dA the area a drawn point stands for.
    double total = 0, drawn = 0;
    for (const float a : surface.size) drawn += a;
    total = surface_area(info, surface, drawn);
    const auto& statistics = normalizer[Branch::surface];
    int pressure = -1, shear = -1, first = 0;
    for (const auto& field : statistics.fields) {
      if (field.name == "pressure") pressure = first;
      if (field.name == "wall_shear_stress") shear = first;
      first += field.components;
    }
    // Upstream and downstream faces (forebody and base drag), lower and upper ones apart: their errors may not cancel.
    for (const auto& [name, axis, facing] : {std::tuple("forebody_drag", 0, -1.0f), std::tuple("base_drag", 0, 1.0f),
                                             std::tuple("lower_lift", 2, -1.0f), std::tuple("upper_lift", 2, 1.0f)}) {
      Batch::Functional f;
      f.name = name;
      const double scale = axis == 0 ? loss.drag_scale : loss.lift_scale;
      f.weight = static_cast<float>(loss.force_weight / (scale * scale));
      f.coefficients.assign(n * columns, 0.0f);
      for (std::size_t i = 0; i < n; ++i) {
        const float normal = surface.normal[3 * i + static_cast<std::size_t>(axis)];
        if (normal * facing <= 0) continue;
        const double area = draw.surface_by_area ? total / static_cast<double>(n)
                                                 : static_cast<double>(surface.size[i]) * total / drawn;
        const double part = area / info.reference_area;
        if (pressure >= 0)
          f.coefficients[i * columns + static_cast<std::size_t>(pressure)] =
              static_cast<float>(-part * normal * statistics.std[static_cast<std::size_t>(pressure)]);
        if (shear >= 0)
          f.coefficients[i * columns + static_cast<std::size_t>(shear + axis)] =
              static_cast<float>(part * statistics.std[static_cast<std::size_t>(shear + axis)]);
      }
      batch.functionals.push_back(std::move(f));
    }
  }

  // Of the whole body: exact for a case in memory, else estimated from the drawn faces.
  double surface_area(const mesh_io::CaseInfo& info, const Points& surface, double drawn) const {
    for (std::size_t slot = 0; slot < cases.size(); ++slot)
      if (cache[slot] && &dataset.cases()[cases[slot]] == &info) return cache[slot]->cumulative.back();
    const double n = static_cast<double>(surface.rows()), rows = static_cast<double>(info.rows[0]);
    if (!draw.surface_by_area) return drawn * rows / n;
    double inverse = 0;  // drawn by area, the mean of 1 / area is rows / total
    for (const float a : surface.size) inverse += 1.0 / std::max(a, kSpacing);
    return rows * n / inverse;
  }

  void work() {
    try {
      while (true) {
        Batch batch = make(number);
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stop || ready.size() < kAhead; });
        if (stop) return;
        ready.push_back(std::move(batch));
        number += stride;
        changed.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
      changed.notify_all();
    }
  }
};

Loader::Loader(const Dataset& dataset, std::vector<std::size_t> cases, const CaseWorld& world,
               const Normalizer& normalizer, const AbuptConfig& config, const DrawOptions& draw,
               const LossOptions& loss, std::uint64_t seed, std::int64_t first, std::int64_t stride, std::size_t cache)
    : impl_(std::make_unique<Impl>(dataset, std::move(cases), world, normalizer, config, draw, loss, seed, first,
                                   stride, cache)) {
  core::expect((world.canonical_length == 0 && world.conditions.empty()) || world.lengths.size() == impl_->cases.size(),
               "loader: not one length for every case");
  core::expect(!impl_->cases.empty() && first >= 0 && stride > 0, "loader: no cases");
  core::expect(draw.supernodes <= draw.geometry_points, "loader: more supernodes than geometry points");
  for (const std::size_t index : impl_->cases) {
    const mesh_io::CaseInfo& info = dataset.cases()[index];
    for (int b = 0; b < 2; ++b) {
      const std::size_t needed = std::max(draw.anchors[b] + draw.queries[b], b == 0 ? draw.geometry_points : 0);
      if (info.rows[b] < needed)
        throw Error(
            ErrorKind::input,
            str("'", info.file, "': case '", info.name, "' has ", info.rows[b], " ",
                physics::name(static_cast<Branch>(b)), " points, ", needed, " are drawn"),
            str("draw fewer: lower draw.", b == 0 ? "geometry_points, draw.surface_anchors or draw.surface_queries"
                                                  : "volume_anchors or draw.volume_queries"));
    }
  }
  impl_->thread = std::thread([this] { impl_->work(); });
}

Loader::~Loader() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
    impl_->changed.notify_all();
  }
  impl_->thread.join();
}

Batch Loader::next() {
  std::unique_lock lock(impl_->mutex);
  const auto start = std::chrono::steady_clock::now();
  impl_->changed.wait(lock, [&] { return impl_->failure || !impl_->ready.empty(); });
  impl_->waited += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (impl_->ready.empty()) std::rethrow_exception(impl_->failure);
  Batch batch = std::move(impl_->ready.front());
  impl_->ready.pop_front();
  impl_->changed.notify_all();
  return batch;
}

double Loader::waited() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->waited;
}

std::vector<float> column_weights(const Normalizer& normalizer, Branch branch, const LossOptions& loss) {
  const auto& fields = normalizer[branch].fields;
  const std::vector<double>& weights = loss.field_weight[static_cast<int>(branch)];
  core::expect(weights.empty() || weights.size() == fields.size(), "loss: one weight per field");
  std::vector<float> columns;
  for (std::size_t f = 0; f < fields.size(); ++f) {
    const double weight = fields[f].decoder == physics::Decoder::potential ? 0 : weights.empty() ? 1.0 : weights[f];
    columns.insert(columns.end(), static_cast<std::size_t>(fields[f].components),
                   static_cast<float>(weight / fields[f].components));
  }
  return columns;
}

bool compares_cells(const Normalizer& normalizer, const LossOptions& loss) {
  const auto vorticity = physics::find_field(normalizer[Branch::volume].fields, "vorticity", 3);
  return vorticity.spec && vorticity.spec->decoder == physics::Decoder::curl && loss.curl_weight > 0 &&
         loss.curl_of_cells;
}

std::vector<CurlTerm> curl_terms(const Normalizer& normalizer, const LossOptions& loss) {
  const auto& statistics = normalizer[Branch::volume];
  const auto velocity = physics::find_field(statistics.fields, "velocity", 3),
             vorticity = physics::find_field(statistics.fields, "vorticity", 3);
  const std::vector<double>& weights = loss.field_weight[1];
  std::vector<CurlTerm> terms;
  if (velocity.spec && velocity.spec->decoder == physics::Decoder::potential) {
    CurlTerm t;
    t.from = t.to = velocity.first;
    t.factor = physics::kPotentialLength;
    for (float& w : t.weight) w = static_cast<float>((weights.empty() ? 1.0 : weights[velocity.index]) / 3);
    terms.push_back(t);
  }
  if (vorticity.spec && vorticity.spec->decoder == physics::Decoder::curl && loss.curl_weight > 0) {
    CurlTerm t;
    t.from = velocity.first, t.to = vorticity.first;
    t.of_cells = compares_cells(normalizer, loss);
    t.factor = physics::kNetworkExtent / normalizer.position_extent, t.of_length = true;
    t.signed_log = vorticity.spec->transform == physics::Transform::signed_log;
    for (int c = 0; c < 3; ++c) {
      const std::size_t u = static_cast<std::size_t>(velocity.first + c),
                        w = static_cast<std::size_t>(vorticity.first + c);
      t.scale[c] = static_cast<float>(statistics.std[u]), t.offset[c] = static_cast<float>(statistics.mean[u]);
      t.mean[c] = static_cast<float>(statistics.mean[w]), t.std[c] = static_cast<float>(statistics.std[w]);
      t.weight[c] = static_cast<float>(loss.curl_weight / 3);
    }
    terms.push_back(t);
  }
  return terms;
}

Normalizer make_normalizer(const Dataset& dataset, const std::vector<std::size_t>& cases, const CaseWorld& world,
                           double margin) {
  Normalizer normalizer;
  const Dataset::Statistics found = dataset.statistics(cases);
  for (const Branch branch : {Branch::surface, Branch::volume}) {
    auto& statistics = normalizer[branch];
    for (const mesh_io::FieldStatistics& s : found.fields[static_cast<int>(branch)]) {
      statistics.fields.push_back(s.field);
      for (std::size_t c = 0; c < s.mean.size(); ++c) {
        if (!(s.std[c] > 0))
          throw Error(ErrorKind::input,
                      str("'", dataset.path(), "': component ", c, " of the ", physics::name(branch), " field '",
                          s.field.name, "' is the same everywhere"),
                      "a constant cannot be learned; leave the field out");
        statistics.mean.push_back(s.mean[c]);
        statistics.std.push_back(s.std[c]);
      }
    }
  }
  double low = found.low, high = found.high;
  if (world.canonical_length > 0)
    for (const double length : world.lengths) {
      const double by = world.canonical_length / length;
      low = std::min(low, by * found.low), high = std::max(high, by * found.high);
    }
  const double extent = high - low;
  normalizer.position_origin = low - margin * extent;
  normalizer.position_extent = (1 + 2 * margin) * extent;
  normalizer.check(dataset.path());
  return normalizer;
}

}  // namespace streamtube::surrogate
