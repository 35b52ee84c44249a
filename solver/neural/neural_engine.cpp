#include "solver/neural/neural_engine.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <unordered_map>

#include "core/error.hpp"
#include "core/log.hpp"
#include "core/rng.hpp"
#include "core/runtime.hpp"
#include "geometry/cell_measures.hpp"
#include "geometry/distance.hpp"
#include "geometry/sampling.hpp"
#include "geometry/space_curve.hpp"
#include "geometry/surface_elements.hpp"
#include "physics/cell_vorticity.hpp"
#include "solver/field_columns.hpp"
#include "solver/flow_region.hpp"
#include "solver/model_world.hpp"
#include "solver/range_check.hpp"
#include "solver/similarity.hpp"
#include "surrogate/model/cell_arms.hpp"
#include "surrogate/model/features.hpp"
#include "surrogate/model/field_predictor.hpp"
#include "surrogate/model/surrogate.hpp"

namespace streamtube::solver {

using core::Error;
using core::ErrorKind;
using core::str;
using geometry::Association;
using geometry::Attribute;
using geometry::SurfaceElement;
using geometry::SurfaceMesh;
using geometry::VolumeMesh;
using physics::Branch;
using surrogate::FieldPredictor;
using surrogate::NetworkAnswer;
using surrogate::Surrogate;

namespace {

constexpr std::size_t kMaxGridCells = 50'000'000;
using Stage = std::function<void(const char*)>;  // called at the end of each

std::uint64_t seed_of(std::uint64_t seed, const char* stream) { return core::Rng(seed, stream).next_u64(); }

// n of the points in the box, evenly spread; all of them when there are no more. unit: of curve_cube, m.
std::vector<std::int64_t> spread(std::size_t count, std::size_t n, std::uint64_t seed, const Box& box, double unit,
                                 const std::function<Vec3(std::size_t)>& position) {
  const geometry::CurveCube cube = geometry::curve_cube(box, unit);
  std::vector<geometry::OnCurve> items(count);
  for (std::size_t i = 0; i < count; ++i)
    items[i] = {geometry::curve_code(position(i), cube), 1, static_cast<std::int64_t>(i)};
  std::vector<std::int64_t> drawn;
  for (const std::size_t at : geometry::draw_by_cells(items, std::min(n, count), seed))
    drawn.push_back(items[at].index);
  return drawn;
}

geometry::AdaptiveMeshSpec mesh_spec(const surrogate::VolumeMeshSpec& spec, const Box& body) {
  geometry::AdaptiveMeshSpec out;
  out.domain = spec.domain;
  out.base_cell = spec.base_cell;
  out.surface_level = spec.surface_level;
  out.buffer_cells = spec.buffer_cells;
  for (const auto& box : spec.boxes) out.boxes.push_back({box.around(body), box.level});
  return out;
}

// The triangles of a prepared body.
std::shared_ptr<const geometry::WallDistance> walls_of(const SurfaceMesh& body) {
  const geometry::Triangles triangles = geometry::triangulate(body);
  std::vector<std::array<Vec3, 3>> corners(triangles.corners.size());
  for (std::size_t t = 0; t < corners.size(); ++t)
    for (std::size_t k = 0; k < 3; ++k)
      corners[t][k] = triangles.points[static_cast<std::size_t>(triangles.corners[t][k])];
  return std::make_shared<geometry::WallDistance>(corners);
}

// Normals of a mesh at its points: the area vectors of the faces around each, added up.
std::vector<Vec3> point_normals(const SurfaceMesh& mesh) {
  std::vector<Vec3> out(mesh.points.size(), Vec3{0, 0, 0});
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    for (std::int64_t c = mesh.offsets[f]; c < mesh.offsets[f + 1]; ++c) {
      Vec3& sum = out[static_cast<std::size_t>(mesh.corners[static_cast<std::size_t>(c)])];
      sum = sum + mesh.area_vector(f);
    }
  return out;
}

// What the forces on a body are integrated over: elements as large as faces of the training data.
std::vector<SurfaceElement> force_elements(const surrogate::Checkpoint& model, const SurfaceMesh& body,
                                           const std::vector<char>& left_out) {
  const auto lattice = geometry::Lattice::oblique(body.bounds().low, model.sampling.surface_face_size);
  return geometry::lattice_elements(body, lattice, left_out);
}

std::string box_text(const Box& box) {
  return str("x ", box.low[0], "..", box.high[0], ", y ", box.low[1], "..", box.high[1], ", z ", box.low[2], "..",
             box.high[2], " m");
}

// How velocity and vorticity are decoded, in words.
std::vector<std::pair<std::string, std::string>> decoder_lines(const physics::Normalizer::BranchStatistics& branch,
                                                               const Case& question) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const auto& field : branch.fields)
    if (field.name == "vorticity" && question.vorticity_by_cells())
      lines.emplace_back(field.name,
                         question.vorticity_of_own_cells
                             ? std::string("mean over each cell, from the velocity")
                             : str("mean over cells of ", question.vorticity_cell, " m, from the velocity"));
    else if (field.name == "velocity" || field.name == "vorticity")
      lines.emplace_back(field.name, field.decoder == physics::Decoder::direct ? "the network's own"
                                     : field.decoder == physics::Decoder::curl ? "exact curl of the velocity"
                                                                               : "exact curl of a vector potential");
  return lines;
}

// Finds the cell of a mesh whose centre lies at a place. Centres of octree meshes lie on a lattice of half the smallest
// size; others are found all the same where two of them do not share a box of that lattice.
class CentreLookup {
 public:
  CentreLookup(std::size_t count, const std::function<Vec3(std::size_t)>& position,
               const std::function<double(std::size_t)>& size)
      : position_(position) {
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < count; ++i)
      if (size(i) > 0) least = std::min(least, size(i));
    unit_ = least / 2;
    if (!std::isfinite(unit_)) return;
    origin_ = position(0);
    cells_.reserve(count);
    for (std::size_t i = 0; i < count; ++i) cells_.emplace(key(position(i)), i);
  }
  std::optional<std::size_t> find(const Vec3& place) const {
    if (cells_.empty()) return {};
    const auto found = cells_.find(key(place));
    if (found == cells_.end() || norm(position_(found->second) - place) > kSame * unit_) return {};
    return found->second;
  }

 private:
  static constexpr double kSame = 0.02;  // of the unit
  std::uint64_t key(const Vec3& place) const {
    std::uint64_t code = 0;
    for (std::size_t a = 0; a < 3; ++a) {
      const double at = std::floor((place[a] - origin_[a]) / unit_ + 0.5);
      code = code << 21 | (static_cast<std::uint64_t>(static_cast<std::int64_t>(at)) & 0x1fffff);
    }
    return code;
  }
  const std::function<Vec3(std::size_t)>& position_;
  Vec3 origin_{0, 0, 0};
  double unit_ = 0;
  std::unordered_map<std::uint64_t, std::size_t> cells_;
};

// The wanted arrays of one branch over `count` places; fill() takes one place's dimensionless values and, where derived
// quantities are wanted, the dimensionless velocity's derivatives.
class FieldArrays {
 public:
  FieldArrays(const physics::Normalizer::BranchStatistics& branch, const std::vector<physics::Derived>& derive,
              const physics::ReferenceScales& scales, Association association, std::size_t count)
      : columns_(branch, derive, scales) {
    for (const auto& column : columns_.columns())
      arrays_.push_back({column.name, association, column.components,
                         std::vector<float>(count * static_cast<std::size_t>(column.components))});
    for (auto& array : arrays_) values_.push_back(&array.values);
  }
  void fill(std::size_t place, const float* values, const float* gradient) {
    columns_.fill(place, values, gradient, values_);
  }
  // No value there.
  void leave_out(std::size_t place) {
    for (auto& array : arrays_)
      std::fill_n(
          array.values.begin() + static_cast<std::ptrdiff_t>(place * static_cast<std::size_t>(array.components)),
          array.components, std::numeric_limits<float>::quiet_NaN());
  }
  void move_to(std::vector<Attribute>& attributes) {
    attributes.clear();  // what the file had is not ours to vouch for
    for (auto& array : arrays_) attributes.push_back(std::move(array));
  }

 private:
  FieldColumns columns_;
  std::vector<Attribute> arrays_;
  std::vector<std::vector<float>*> values_;  // of arrays_
};

}  // namespace

struct NeuralEngine::Impl {
  using Position = std::function<Vec3(std::size_t)>;
  // Where fields are asked for; normals of surface points, which the network may see.
  struct Places {
    std::size_t count;
    Position position, normal;
  };
  // Place, dimensionless values of the branch, the dimensionless velocity's derivatives where they were asked for.
  using Sink = std::function<void(std::size_t, const float*, const float*)>;

  const surrogate::Checkpoint& checkpoint;
  Evaluation evaluation;
  surrogate::Precision precision;
  std::unique_ptr<Surrogate> network;

  std::optional<NetworkCase> network_case;
  std::shared_ptr<const geometry::WallDistance> walls;  // of the encoded case, where the model sees them
  std::vector<PreparedCase> draws;                      // of the case, where there are several
  std::uint64_t seed = 0;

  Impl(const surrogate::Checkpoint& c, Evaluation e, surrogate::Precision p)
      : checkpoint(c), evaluation(e), precision(p) {}

  // The model's world for the case.
  surrogate::Checkpoint world(const Case& question) const { return checkpoint.at_scale(question.model_scale); }

  // Loads the network on the first call.
  void encode(const PreparedCase& prepared) {
    if (!network) network = std::make_unique<Surrogate>(surrogate::make_network(checkpoint, precision));
    seed = prepared.seed;
    network_case.emplace(prepared, checkpoint);
    walls = prepared.walls;
    network->encode(network_case->input());
  }
  // With other anchors of one branch.
  void encode_with(Branch branch, std::span<const float> anchors) {
    surrogate::EncodeInput input = network_case->input();
    input.anchors[static_cast<int>(branch)] = anchors;
    network->encode(input);
  }

  // That of the model's world, with the case's decoder of vorticity.
  physics::Normalizer normalizer(const Case& question) const {
    physics::Normalizer out = world(question).normalizer;
    if (question.vorticity_by_cells())
      out.set_vorticity_decoder(physics::Decoder::direct, checkpoint.name);  // Solving::cell_vorticity() makes it
    else if (question.vorticity)
      out.set_vorticity_decoder(*question.vorticity, str("the model '", checkpoint.name, "'"));
    return out;
  }

  // Fields of one branch at places, handed to `sink` in SI-free, dimensionless form; `gradient`: with the velocity's
  // derivatives. each(draw, member, place, values): what every draw and member of the model says alone.
  using Each = std::function<void(std::size_t, std::size_t, std::size_t, const float*)>;
  void evaluate(const FieldPredictor& fields, Branch branch, const Places& places, bool gradient, const Sink& sink,
                const std::string& what, const Each& each = {}) {
    if (places.count == 0) return;
    core::Progress progress(what, places.count * std::max<std::size_t>(draws.size(), 1), "points");
    if (draws.size() > 1)
      evaluate_draws(fields, branch, places, gradient, sink, each, progress);
    else if (evaluation == Evaluation::cached)
      evaluate_queries(fields, branch, places, gradient, sink, each, progress);
    else
      evaluate_as_anchors(fields, branch, places, gradient, sink, each, progress);
  }

  // Rows of input at places[which[i]], or at places first.. without `which`.
  surrogate::NetworkRows rows_at(const FieldPredictor& fields, Branch branch, const Places& places, std::size_t first,
                                 std::span<const std::size_t> which, bool gradient, std::vector<Vec3>& xyz) const {
    const surrogate::NetworkInput input(fields.normalizer(), checkpoint.config, walls.get());
    const std::size_t rows = xyz.size();
    for (std::size_t i = 0; i < rows; ++i) xyz[i] = places.position(which.empty() ? first + i : which[i]);
    if (branch == Branch::volume) {
      if (gradient || fields.differentiates(branch)) return input.volume_with_jacobian(xyz);
      return {input.volume(xyz), {}};
    }
    std::vector<Vec3> normals(checkpoint.config.normals ? rows : 0);
    for (std::size_t i = 0; i < normals.size(); ++i) normals[i] = places.normal(which.empty() ? first + i : which[i]);
    return {input.surface(xyz, normals), {}};
  }

  void hand_over(const FieldPredictor& fields, Branch branch, NetworkAnswer& answer, const std::vector<Vec3>& xyz,
                 bool gradient, const std::vector<std::size_t>* places, std::size_t begin, const Sink& sink) const {
    const std::size_t rows = xyz.size();
    const std::size_t width = static_cast<std::size_t>(fields.normalizer()[branch].components());
    fields.decode(branch, xyz, answer);
    const auto finite = [](const std::vector<float>& values) {
      return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
    };
    if (!finite(answer.values) || !finite(answer.velocity_gradient))
      throw Error(ErrorKind::runtime,
                  str("the model '", checkpoint.name, "' gave a ", physics::name(branch), " value that is not finite"),
                  "the case is too far from the training data, or the model is broken");
    for (std::size_t i = 0; i < rows; ++i)
      sink(places ? (*places)[i] : begin + i, answer.values.data() + i * width,
           gradient ? answer.velocity_gradient.data() + 9 * i : nullptr);
  }

  // ask(answer) for every member of the model; `mean` of what they say. Each one's own goes to `each`, decoded.
  using OfMember = std::function<void(std::size_t, std::size_t, const float*)>;  // member, row, values
  void ask_members(const FieldPredictor& fields, Branch branch, const std::vector<Vec3>& xyz,
                   const std::function<void(NetworkAnswer&)>& ask, NetworkAnswer& mean, const OfMember& each) {
    struct Asking {
      Surrogate& network;
      ~Asking() { network.ask_member({}); }
    } const asking{*network};
    const std::size_t width = static_cast<std::size_t>(fields.normalizer()[branch].components()),
                      members = network->members();
    const auto add = [&](std::vector<float>& to, const std::vector<float>& from, bool first) {
      to.resize(from.size());
      for (std::size_t i = 0; i < from.size(); ++i)
        to[i] = (first ? 0.0f : to[i]) + from[i] / static_cast<float>(members);
    };
    NetworkAnswer answer;
    for (std::size_t m = 0; m < members; ++m) {
      core::check_interrupt();
      network->ask_member(m);
      ask(answer);
      add(mean.values, answer.values, m == 0);
      add(mean.velocity_gradient, answer.velocity_gradient, m == 0);
      fields.decode(branch, xyz, answer);
      for (std::size_t i = 0; i < xyz.size(); ++i) each(m, i, answer.values.data() + i * width);
    }
  }

  // An interrupt waits for a chunk of all members: two seconds at most of two cores.
  std::size_t chunk_of_members() const {
    constexpr std::size_t kRowsOnCpus = 16384;
    if (core::backend() == core::Backend::cuda) return network->query_chunk();
    return std::max<std::size_t>(std::min(network->query_chunk(), kRowsOnCpus / network->members()), 1024);
  }

  void evaluate_queries(const FieldPredictor& fields, Branch branch, const Places& places, bool gradient,
                        const Sink& sink, const Each& each, core::Progress& progress) {
    const std::size_t n = places.count, chunk = std::min(n, chunk_of_members());
    std::vector<Vec3> xyz;
    NetworkAnswer answer;
    for (std::size_t begin = 0; begin < n; begin += chunk) {
      core::check_interrupt();
      const std::size_t rows = std::min(chunk, n - begin);
      xyz.resize(rows);
      const surrogate::NetworkRows in = rows_at(fields, branch, places, begin, {}, gradient, xyz);
      const auto ask = [&](NetworkAnswer& to) { fields.query(*network, branch, in.values, gradient, to, in.jacobian); };
      if (each)
        ask_members(fields, branch, xyz, ask, answer,
                    [&](std::size_t m, std::size_t i, const float* v) { each(0, m, begin + i, v); });
      else
        ask(answer);
      hand_over(fields, branch, answer, xyz, gradient, nullptr, begin, sink);
      progress.advance(rows);
    }
  }

  // The mean of all draws' answers in network units.
  void evaluate_draws(const FieldPredictor& fields, Branch branch, const Places& places, bool gradient,
                      const Sink& sink, const Each& each, core::Progress& progress) {
    NetworkAnswer mean, answer;
    const std::size_t n = places.count,
                      in_width = static_cast<std::size_t>(checkpoint.config.width(static_cast<int>(branch)));
    std::vector<Vec3> xyz(n);
    const surrogate::NetworkRows in = rows_at(fields, branch, places, 0, {}, gradient, xyz);
    const std::size_t slopes = in.jacobian.size() / n;
    const auto add = [&](std::vector<float>& to, const std::vector<float>& from, std::size_t begin, std::size_t rows) {
      const std::size_t columns = from.size() / rows;
      to.resize(n * columns);
      for (std::size_t i = 0; i < from.size(); ++i)
        to[begin * columns + i] += from[i] / static_cast<float>(draws.size());
    };
    for (std::size_t d = 0; d < draws.size(); ++d) {
      encode(draws[d]);
      const std::size_t chunk = chunk_of_members();
      for (std::size_t begin = 0; begin < n; begin += chunk) {
        core::check_interrupt();
        const std::size_t rows = std::min(chunk, n - begin);
        const auto ask = [&](NetworkAnswer& to) {
          fields.query(*network, branch, std::span(in.values).subspan(in_width * begin, in_width * rows), gradient, to,
                       std::span(in.jacobian).subspan(slopes * begin, slopes * rows));
        };
        if (each)
          ask_members(fields, branch,
                      {xyz.begin() + static_cast<std::ptrdiff_t>(begin),
                       xyz.begin() + static_cast<std::ptrdiff_t>(begin + rows)},
                      ask, answer, [&](std::size_t m, std::size_t i, const float* v) { each(d, m, begin + i, v); });
        else
          ask(answer);
        add(mean.values, answer.values, begin, rows);
        add(mean.velocity_gradient, answer.velocity_gradient, begin, rows);
        progress.advance(rows);
      }
    }
    hand_over(fields, branch, mean, xyz, gradient, nullptr, 0, sink);
  }

  void evaluate_as_anchors(const FieldPredictor& fields, Branch branch, const Places& places, bool gradient,
                           const Sink& sink, const Each& each, core::Progress& progress) {
    const int b = static_cast<int>(branch);
    const std::size_t width = static_cast<std::size_t>(checkpoint.normalizer[branch].components()),
                      in_width = static_cast<std::size_t>(checkpoint.config.width(b)), n = places.count;
    const std::vector<float>& anchors = network_case->anchors[b];
    const std::size_t chunk = anchors.size() / in_width;
    core::Rng rng(seed_of(seed, b == 0 ? "surface chunks" : "volume chunks"), "indices");
    const std::vector<std::int64_t> order = core::sample_indices(rng, n, n);
    std::vector<Vec3> xyz;
    NetworkAnswer answer;
    for (std::size_t begin = 0; begin < n; begin += chunk) {
      core::check_interrupt();
      const std::size_t rows = std::min(chunk, n - begin);
      xyz.resize(rows);
      const std::vector<std::size_t> which(order.begin() + static_cast<std::ptrdiff_t>(begin),
                                           order.begin() + static_cast<std::ptrdiff_t>(begin + rows));
      const surrogate::NetworkRows at = rows_at(fields, branch, places, 0, which, gradient, xyz);
      // The last chunk is filled up with the case's own anchors: the network meets the number it was trained with.
      std::vector<float> in = at.values;
      in.insert(in.end(), anchors.begin(), anchors.begin() + static_cast<std::ptrdiff_t>(in_width * (chunk - rows)));
      encode_with(branch, in);
      const auto ask = [&](NetworkAnswer& to) {
        if (gradient || fields.differentiates(branch)) {
          fields.query(*network, branch, at.values, gradient, to, at.jacobian);
        } else {
          const auto result = network->anchor_output(branch);
          to.values.assign(result.begin(), result.begin() + static_cast<std::ptrdiff_t>(width * rows));
        }
      };
      if (each)
        ask_members(fields, branch, xyz, ask, answer,
                    [&](std::size_t m, std::size_t i, const float* v) { each(0, m, which[i], v); });
      else
        ask(answer);
      hand_over(fields, branch, answer, xyz, gradient, &which, 0, sink);
      progress.advance(rows);
    }
  }

  // `mesh` becomes the one that volume anchors are drawn from.
  PreparedCase prepare(const Case& question, const geometry::DistanceField& distance, VolumeMesh& mesh,
                       const Stage& stage) const;
  // Points and anchors of out.seed, from the body and the cells of that mesh.
  void draw(const SurfaceMesh& body, const surrogate::Checkpoint& world, const VolumeMesh& mesh,
            PreparedCase& out) const;

  void check(const Case& question) const {
    physics::check(question.flow);
    if (question.draws > 1 && evaluation != Evaluation::cached)
      throw Error(ErrorKind::usage, "several draws are of anchors that stay, but points are evaluated as anchors",
                  "leave out --draws or --evaluation");
    normalizer(question);
    surrogate::network_conditions(checkpoint.conditions,
                                  physics::reynolds_number(question.flow, question.body.bounds().size()[0]),
                                  question.conditions, str("'", question.name, "'"));
    if (!question.derive.empty() && question.volume == VolumeOutput::none && question.sample_mesh.points.empty())
      throw Error(ErrorKind::usage, "derived fields are fields of the volume, but none is wanted");
    const surrogate::Checkpoint here = world(question);
    check_positions(here, question.body.bounds(), question.name);
    if (question.surface) check_positions(here, question.surface->bounds(), question.surface_name);
    if (question.volume == VolumeOutput::mesh) {
      Box box;
      for (const Vec3& p : question.volume_mesh.points) box.add(p);
      check_positions(here, box, question.volume_name);
    }
  }

  double grid_cell(const Case& question) const {
    return question.grid_cell > 0 ? question.grid_cell : question.body.bounds().size()[0] / 40;
  }
};

NeuralEngine::NeuralEngine(const surrogate::Checkpoint& checkpoint, Evaluation evaluation,
                           surrogate::Precision precision)
    : impl_(std::make_unique<Impl>(checkpoint, evaluation, precision)) {
  surrogate::check_precision(precision);
  check_fields(checkpoint);
}
NeuralEngine::~NeuralEngine() = default;

std::string NeuralEngine::name() const {
  return str("AB-UPT surrogate '", impl_->checkpoint.name, "'",
             impl_->evaluation == Evaluation::cached ? "" : ", points evaluated as anchors");
}

Plan NeuralEngine::plan(const Case& question) const {
  const surrogate::Checkpoint c = impl_->world(question);
  impl_->check(question);
  const SurfaceMesh& surface = question.surface ? *question.surface : question.body;
  const Forces reference = reference_quantities(question);
  Plan plan;
  plan.extrapolation = extrapolations(c, question, geometry::frontal_area(question.body));
  plan.similarity = similarity(impl_->checkpoint, question.body);
  plan.surface_points = question.points_on == Location::cells ? surface.face_count() : surface.points.size();
  std::size_t elements = 0;
  if (!question.surface || question.forces_on_body)
    elements = force_elements(c, question.body, question.no_forces).size();
  else
    geometry::for_each_element(surface, c.sampling.surface_face_size, 1 << 16,
                               [&](auto block) { elements += block.size(); });
  const auto& mesh = c.sampling.volume_mesh;
  const geometry::DistanceField distance(question.body);
  VolumeMesh volume = geometry::adaptive_mesh(question.body, distance, mesh_spec(mesh, question.body.bounds()));
  const std::size_t sampling_cells = volume.cell_count();
  if (question.volume == VolumeOutput::grid)
    volume = geometry::uniform_grid(distance, c.domain, impl_->grid_cell(question), kMaxGridCells);
  const VolumeMesh& wanted = question.volume == VolumeOutput::mesh ? question.volume_mesh : volume;
  if (question.volume != VolumeOutput::none)
    plan.volume_points = question.points_on == Location::cells ? wanted.cell_count() : wanted.points.size();

  const auto network =
      Surrogate::estimate(c.config, c.sampling.supernodes, c.sampling.anchors[0], c.sampling.anchors[1],
                          Surrogate::first_query_chunk(c.config), impl_->precision);
  // Eight floats of fields a point and the derived ones, and the mesh: points, corners, offsets.
  std::size_t arrays = 32 * (plan.surface_points + plan.volume_points);
  for (const auto one : question.derive)
    arrays += 4 * static_cast<std::size_t>(physics::components(one)) * plan.volume_points;
  const std::size_t meshes =
      question.volume == VolumeOutput::none ? 0 : 24 * wanted.points.size() + 8 * wanted.corners.size();
  const std::size_t networks = impl_->checkpoint.members() * (network.weights + network.anchor_cache + network.scratch);
  plan.memory = networks + arrays + meshes;
  const auto mib = [](std::size_t bytes) { return str((bytes + (1 << 20) - 1) >> 20, " MiB"); };
  plan.lines = {
      {"engine", name()},
      {"network", str(impl_->checkpoint.members() > 1 ? str("the mean of ", impl_->checkpoint.members(), " of ") : "",
                      surrogate::describe(c.config))},
      {"flow",
       str(question.flow.velocity, " m/s, ", question.flow.density, " kg/m3, ", question.flow.kinematic_viscosity,
           " m2/s: Reynolds number ", physics::reynolds_number(question.flow, question.body.bounds().size()[0]))},
      {"reference area", str(reference.scales.area, " m2 (", reference.area_source, ")")},
      {"reference length", str(reference.scales.length, " m (", reference.length_source, ")")},
      {"geometry encoder", str(c.sampling.geometry_points, " points, ", c.sampling.supernodes, " supernodes")},
      {"anchors", str(c.sampling.anchors[0], " on the surface, ", c.sampling.anchors[1], " in the volume (out of ",
                      sampling_cells, " cells)")},
      {"surface points", str(plan.surface_points)},
      {"force integration", str(elements, " points")},
      {"volume points", str(plan.volume_points)},
  };
  if (question.model_scale != 1)
    plan.lines.emplace_back("size for the model",
                            str(1 / question.model_scale, " times the body's: ",
                                question.body.bounds().size()[0] / question.model_scale, " m long"));
  for (const auto& line : decoder_lines(impl_->normalizer(question)[Branch::volume], question))
    plan.lines.push_back(line);
  if (!question.derive.empty()) {
    std::string names;
    for (const auto one : question.derive) names += str(names.empty() ? "" : ", ", physics::name(one));
    plan.lines.emplace_back("derived fields", names + ", from the exact derivatives of the velocity");
  }
  plan.lines.insert(plan.lines.end(), {
                                          {"memory, network", mib(networks)},
                                          {"memory, results", mib(arrays + meshes)},
                                      });
  return plan;
}

PreparedCase NeuralEngine::Impl::prepare(const Case& question, const geometry::DistanceField& distance,
                                         VolumeMesh& mesh, const Stage& stage) const {
  const surrogate::Checkpoint c = world(question);
  check(question);
  PreparedCase out;
  out.name = question.name;
  out.model = c.name, out.model_fingerprint = checkpoint.fingerprint;
  out.seed = question.seed;
  out.model_scale = question.model_scale, out.conditions = question.conditions;
  out.flow = question.flow;
  const Box bounds = question.body.bounds();
  out.reference = reference_quantities(question);
  out.reynolds_number = physics::reynolds_number(question.flow, bounds.size()[0]);
  out.extrapolation = extrapolations(
      c, question, question.reference_area > 0 ? geometry::frontal_area(question.body) : out.reference.scales.area);
  stage("reference quantities");

  if (c.config.normals || c.config.wall_distance) {
    out.walls = walls_of(question.body);
    stage("walls");
  }
  mesh = geometry::adaptive_mesh(question.body, distance, mesh_spec(c.sampling.volume_mesh, bounds));
  if (mesh.cell_count() == 0)
    throw Error(ErrorKind::input, str("'", question.name, "': leaves no flow around it in the model's domain (",
                                      box_text(c.sampling.volume_mesh.domain), ")"));
  stage("sampling mesh");
  draw(question.body, c, mesh, out);
  stage("points and anchors");
  return out;
}

// None of it depends on which outputs are wanted.
void NeuralEngine::Impl::draw(const SurfaceMesh& body, const surrogate::Checkpoint& world, const VolumeMesh& mesh,
                              PreparedCase& out) const {
  const surrogate::Sampling& sampling = world.sampling;
  const bool normals = world.config.normals;
  const double unit = out.model_scale;
  out.points = geometry::sample_surface(body, sampling.geometry_points, seed_of(out.seed, "geometry points"), unit,
                                        normals ? &out.point_normals : nullptr);
  out.supernodes = spread(sampling.geometry_points, sampling.supernodes, seed_of(out.seed, "supernodes"), body.bounds(),
                          unit, [&](std::size_t i) { return out.points[i]; });
  std::sort(out.supernodes.begin(), out.supernodes.end());
  out.anchors[0] = geometry::sample_surface(body, sampling.anchors[0], seed_of(out.seed, "surface anchors"), unit,
                                            normals ? &out.anchor_normals : nullptr);
  out.anchors[1].clear();
  for (const auto cell : spread(mesh.cell_count(), sampling.anchors[1], seed_of(out.seed, "volume anchors"),
                                sampling.volume_mesh.domain, unit, [&](std::size_t i) { return mesh.center(i); }))
    out.anchors[1].push_back(mesh.center(static_cast<std::size_t>(cell)));
}

PreparedCase NeuralEngine::prepare(const Case& question) const {
  VolumeMesh mesh;
  return impl_->prepare(question, geometry::DistanceField(question.body), mesh,
                        [](const char*) { core::check_interrupt(); });
}

std::vector<double> NeuralEngine::anchor_cells(const Case& question) const {
  const geometry::DistanceField distance(question.body);
  const auto spec = mesh_spec(impl_->world(question).sampling.volume_mesh, question.body.bounds());
  return geometry::measure_cells(geometry::adaptive_mesh(question.body, distance, spec)).volume;
}

void NeuralEngine::encode(const PreparedCase& prepared) { impl_->encode(prepared); }

surrogate::Surrogate& NeuralEngine::network() {
  core::expect(impl_->network && impl_->evaluation == Evaluation::cached, "NeuralEngine: no case is encoded");
  return *impl_->network;
}

struct NeuralEngine::Ready {
  Case question;
  PreparedCase drawn;
  std::vector<PreparedCase> draws;  // all of them, where there are several
  VolumeMesh mesh;                  // where volume fields are wanted
  std::vector<Place> places;        // what is there; empty: flow everywhere
  std::vector<Place> sampled;       // of the sample mesh's points
  Answer answer;                    // as far as it is known without the network
};

namespace {

// How many places are not in the flow, for people; empty: all are.
std::string no_flow_text(const std::vector<Place>& places, const std::string& name) {
  const auto of = [&](Place kind) { return std::count(places.begin(), places.end(), kind); };
  const auto body = of(Place::body), ground = of(Place::ground);
  if (body + ground == 0) return {};
  return str(body, " of the ", places.size(), " places of '", name, "' lie within the body, ", ground,
             " beneath the ground: no value there (nan), and the array 'inside' is not 0 (--inside keep: the network's "
             "numbers)");
}

// Notes what stages take.
Stage stage_clock(Answer& answer) {
  return [&answer, mark = std::chrono::steady_clock::now()](const char* what) mutable {
    const auto now = std::chrono::steady_clock::now();
    answer.seconds.emplace_back(what, std::chrono::duration<double>(now - mark).count());
    mark = now;
    core::check_interrupt();
  };
}

}  // namespace

std::shared_ptr<NeuralEngine::Ready> NeuralEngine::make_ready(Case question) const {
  const Impl& run = *impl_;
  const surrogate::Checkpoint c = run.world(question);
  auto ready = std::make_shared<Ready>();
  Answer& answer = ready->answer;
  VolumeMesh& mesh = ready->mesh;
  const Stage stage = stage_clock(answer);
  const geometry::DistanceField distance(question.body);
  ready->drawn = run.prepare(question, distance, mesh, stage);
  if (question.draws > 1) {
    for (ready->draws = {ready->drawn}; ready->draws.size() < question.draws;) {
      core::check_interrupt();
      PreparedCase next = ready->draws.back();
      ++next.seed;
      run.draw(question.body, c, mesh, next);
      ready->draws.push_back(std::move(next));
    }
    stage("further draws");
  }
  answer.forces = ready->drawn.reference;
  answer.reynolds_number = ready->drawn.reynolds_number;
  answer.extrapolation = ready->drawn.extrapolation;
  answer.similarity = similarity(run.checkpoint, question.body);
  if (answer.similarity && answer.similarity->beyond()) answer.warnings.push_back(warning_text(*answer.similarity));
  stage("similarity");
  if (question.volume == VolumeOutput::none) {
    mesh = {};
  } else {
    if (question.volume == VolumeOutput::grid) {
      const double cell = run.grid_cell(question);
      mesh = geometry::uniform_grid(distance, c.domain, cell, kMaxGridCells);
      answer.volume_source = str("uniform grid, cells of ", cell, " m");
    } else if (question.volume == VolumeOutput::mesh) {
      mesh = std::move(question.volume_mesh);
      answer.volume_source = str("cells of '", question.volume_name, "'");
    } else {
      answer.volume_source = "adaptive hexahedral mesh, refined as the training data's";
    }
    // Corners of the sampling mesh's own cells count as inside.
    Box domain = c.domain;
    domain.add(c.sampling.volume_mesh.domain.low), domain.add(c.sampling.volume_mesh.domain.high);
    const bool on_cells = question.points_on == Location::cells;
    const std::size_t count = on_cells ? mesh.cell_count() : mesh.points.size();
    std::size_t outside = 0;
    for (std::size_t i = 0; i < count; ++i) outside += !domain.contains(on_cells ? mesh.center(i) : mesh.points[i]);
    if (outside > 0) answer.extrapolation.push_back({"volume_points_outside_domain", "", double(outside), 0, 0});
    if (question.volume == VolumeOutput::mesh && !question.keep_inside) {
      std::vector<Vec3> points = mesh.points;
      if (on_cells) {
        points.resize(count);
        for (std::size_t i = 0; i < count; ++i) points[i] = mesh.center(i);
      }
      ready->places = FlowRegion(question.body, c.domain.low[2]).at(points);
      if (const std::string text = no_flow_text(ready->places, question.volume_name); !text.empty())
        answer.warnings.push_back(text);
      else
        ready->places.clear();
    }
    stage("volume mesh");
  }
  if (!question.sample_mesh.points.empty() && !question.keep_inside) {
    ready->sampled = FlowRegion(question.body, c.domain.low[2]).at(question.sample_mesh.points);
    if (std::all_of(ready->sampled.begin(), ready->sampled.end(), [](Place p) { return p == Place::flow; }))
      ready->sampled.clear();
  }
  ready->question = std::move(question);
  return ready;
}

Answer NeuralEngine::solve(Case question, PreparedCase* prepared) {
  const auto ready = make_ready(std::move(question));
  if (prepared) *prepared = ready->drawn;
  return solve(*ready);
}

namespace {

// Cp and Cf, of which forces are made.
using Stress = std::array<float, 4>;

// Where they are among the values of the surface branch.
struct StressColumns {
  explicit StressColumns(const physics::Normalizer& normalizer)
      : pressure(physics::find_field(normalizer[Branch::surface].fields, "pressure", 1).first),
        shear(physics::find_field(normalizer[Branch::surface].fields, "wall_shear_stress", 3).first) {}
  Stress of(const float* v) const { return {v[pressure], v[shear], v[shear + 1], v[shear + 2]}; }
  int pressure, shear;
};

// Of whole faces: the mean and what each member says.
struct FaceStress {
  std::vector<Stress> mean;
  std::vector<std::vector<Stress>> of_member;  // where there are several
};

void add_to(physics::ForceIntegrator& sum, const SurfaceElement& element, const Stress& s, double share = 1) {
  sum.add(element.position, (1.0 / element.area) * element.area_vector, share * element.area, s[0], {s[1], s[2], s[3]});
}

}  // namespace

// The stages of an answer, in order.
struct NeuralEngine::Solving {
  Impl& run;
  const surrogate::Checkpoint& world;
  const FieldPredictor& fields;
  const Case& question;
  Answer& answer;

  bool on_cells() const { return question.points_on == Location::cells; }
  const physics::Normalizer& normalizer() const { return fields.normalizer(); }
  const physics::ReferenceScales& scales() const { return answer.forces.scales; }
  std::size_t members() const { return run.checkpoint.members(); }

  // The attributes of `surface`. Stresses of its faces, where forces can use them.
  FaceStress surface_fields(SurfaceMesh& surface) const;
  // Over elements that are small enough. surface: with its fields.
  void forces(const SurfaceMesh& surface, const FaceStress& known);
  std::shared_ptr<const geometry::WallDistance> walls;  // of the body, where question.vorticity_cell needs them
  // [places] mean vorticity of cells around them with these sizes (m), times the reference length over the free
  // stream's velocity. together: the cells are a mesh, whose centres are asked for once.
  std::vector<Vec3> cell_vorticity(std::size_t count, const std::function<Vec3(std::size_t)>& position,
                                   const std::function<double(std::size_t)>& size, bool together) const;
  // The attributes of a mesh of the volume.
  void volume_fields(VolumeMesh& mesh, bool cells, const std::vector<Place>& places, const char* what) const;
  void probes();
};

FaceStress NeuralEngine::Solving::surface_fields(SurfaceMesh& surface) const {
  const bool cells = on_cells();
  const StressColumns stress(normalizer());
  const std::size_t count = cells ? surface.face_count() : surface.points.size();
  FieldArrays arrays(normalizer()[Branch::surface], {}, scales(), cells ? Association::faces : Association::points,
                     count);
  FaceStress known;
  if (cells) known.mean.resize(count);
  Impl::Each each;
  if (cells && members() > 1 && run.draws.empty()) {
    known.of_member.assign(members(), std::vector<Stress>(count));
    each = [&](std::size_t, std::size_t m, std::size_t i, const float* v) { known.of_member[m][i] = stress.of(v); };
  }
  const std::vector<Vec3> normals = world.config.normals && !cells ? point_normals(surface) : std::vector<Vec3>();
  run.evaluate(
      fields, Branch::surface,
      {count, [&](std::size_t i) { return cells ? surface.centroid(i) : surface.points[i]; },
       [&](std::size_t i) { return cells ? surface.area_vector(i) : normals[i]; }},
      false,
      [&](std::size_t i, const float* v, const float*) {
        arrays.fill(i, v, nullptr);
        if (cells) known.mean[i] = stress.of(v);
      },
      "surface", each);
  arrays.move_to(surface.attributes);
  if (!question.hidden.empty())
    surface.attributes.push_back(
        {"hidden", Association::faces, 1, std::vector<float>(question.hidden.begin(), question.hidden.end())});
  return known;
}

void NeuralEngine::Solving::forces(const SurfaceMesh& surface, const FaceStress& known) {
  const StressColumns stress(normalizer());
  physics::ForceIntegrator whole(answer.forces.axes);
  // Those of the body do not depend on its triangles, nor on where fields are wanted. A repaired body has every piece
  // of its skin once, and no other.
  const bool on_body = !question.surface || question.forces_on_body;
  const SurfaceMesh& skin = question.surface && on_body ? question.body : surface;
  std::vector<physics::ForceIntegrator> of_patch(skin.patch_names.size(), whole), of_draw(run.draws.size(), whole),
      of_member(members() > 1 ? members() : 0, whole);
  for (const auto& name : skin.patch_names) answer.forces.patches.push_back({name, 0, {}});
  const bool reuse = on_cells() && of_draw.empty();
  const double draw_share = 1.0 / double(std::max<std::size_t>(1, of_draw.size())),
               member_share = 1.0 / double(members());
  const auto integrate = [&](std::span<const SurfaceElement> elements) {
    std::vector<Stress> values(elements.size());
    std::vector<std::size_t> unknown;
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (!elements[i].whole || !reuse) {
        unknown.push_back(i);
        continue;
      }
      const auto face = static_cast<std::size_t>(elements[i].face);
      values[i] = known.mean[face];
      for (std::size_t m = 0; m < of_member.size(); ++m) add_to(of_member[m], elements[i], known.of_member[m][face]);
    }
    Impl::Each each;
    if (!of_draw.empty() || !of_member.empty())
      each = [&](std::size_t d, std::size_t m, std::size_t i, const float* v) {
        const SurfaceElement& one = elements[unknown[i]];
        if (!of_draw.empty()) add_to(of_draw[d], one, stress.of(v), member_share);
        if (!of_member.empty()) add_to(of_member[m], one, stress.of(v), draw_share);
      };
    run.evaluate(
        fields, Branch::surface,
        {unknown.size(), [&](std::size_t i) { return elements[unknown[i]].position; },
         [&](std::size_t i) { return elements[unknown[i]].area_vector; }},
        false, [&](std::size_t i, const float* v, const float*) { values[unknown[i]] = stress.of(v); }, "forces", each);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const auto patch = static_cast<std::size_t>(skin.patch[static_cast<std::size_t>(elements[i].face)]);
      add_to(whole, elements[i], values[i]);
      add_to(of_patch[patch], elements[i], values[i]);
      answer.forces.patches[patch].area += elements[i].area;
    }
    answer.forces.integration_points += elements.size();
  };
  if (on_body) {
    integrate(force_elements(world, skin, question.no_forces));
  } else {
    // Points that become anchors must be a fair sample of the whole surface: then everything is one block.
    const std::size_t block = run.evaluation == Evaluation::cached ? std::size_t{1} << 17 : ~std::size_t{0};
    geometry::for_each_element(skin, world.sampling.surface_face_size, block, integrate);
  }
  answer.forces.coefficients = whole.result(scales());
  for (const auto& one : of_draw) answer.forces.draws.push_back(one.result(scales()));
  for (const auto& one : of_member) answer.forces.members.push_back(one.result(scales()));
  for (std::size_t p = 0; p < of_patch.size(); ++p)
    answer.forces.patches[p].coefficients = of_patch[p].result(scales());
}

std::vector<Vec3> NeuralEngine::Solving::cell_vorticity(std::size_t count,
                                                        const std::function<Vec3(std::size_t)>& position,
                                                        const std::function<double(std::size_t)>& size,
                                                        bool together) const {
  constexpr std::size_t block = std::size_t{1} << 16;
  const int first = physics::find_field(normalizer()[Branch::volume].fields, "velocity", 3).first;
  const auto ask = [&](std::size_t n, const std::function<Vec3(std::size_t)>& at, std::vector<float>& velocity) {
    velocity.resize(3 * n);
    run.evaluate(
        fields, Branch::volume, {n, at, {}}, false,
        [&](std::size_t i, const float* v, const float*) { std::copy_n(v + first, 3, &velocity[3 * i]); },
        "vorticity of cells");
  };
  std::optional<CentreLookup> centres;
  std::vector<float> of_centres, of_others, velocity;
  if (together) {
    centres.emplace(count, position, size);
    ask(count, position, of_centres);
  }
  std::vector<Vec3> out(count), places;
  std::vector<double> sizes;
  std::vector<geometry::WallPoint> nearest;
  std::vector<std::size_t> others;  // arms that end at no centre of the mesh
  for (std::size_t begin = 0; begin < count; begin += block) {
    const std::size_t n = std::min(block, count - begin);
    places.resize(n), sizes.resize(n), nearest.resize(n);
    for (std::size_t i = 0; i < n; ++i) places[i] = position(begin + i), sizes[i] = size(begin + i);
    walls->nearest_parallel(places, nearest);
    const auto arms = surrogate::cell_arms(places, sizes, nearest, world.domain.low[2]);
    velocity.resize(3 * arms.places.size());
    others.clear();
    for (std::size_t k = 0; k < arms.places.size(); ++k) {
      const auto known = centres ? centres->find(arms.places[k]) : std::nullopt;
      if (known)
        std::copy_n(&of_centres[3 * *known], 3, &velocity[3 * k]);
      else
        others.push_back(k);
    }
    ask(others.size(), [&](std::size_t i) { return arms.places[others[i]]; }, of_others);
    for (std::size_t i = 0; i < others.size(); ++i) std::copy_n(&of_others[3 * i], 3, &velocity[3 * others[i]]);
    for (std::size_t i = 0; i < n; ++i) out[begin + i] = scales().length * arms.vorticity(i, velocity.data(), 3);
  }
  return out;
}

void NeuralEngine::Solving::volume_fields(VolumeMesh& mesh, bool cells, const std::vector<Place>& places,
                                          const char* what) const {
  const std::size_t count = cells ? mesh.cell_count() : mesh.points.size();
  const Association on = cells ? Association::faces : Association::points;
  FieldArrays arrays(normalizer()[Branch::volume], question.derive, scales(), on, count);
  const auto position = [&](std::size_t i) { return cells ? mesh.center(i) : mesh.points[i]; };
  const auto& statistics = normalizer()[Branch::volume];
  const int at = physics::find_field(statistics.fields, "vorticity", 3).first;
  std::vector<Vec3> vorticity;
  if (question.vorticity_of_own_cells && cells) {
    const std::vector<double> volumes = geometry::measure_cells(mesh).volume;
    vorticity = cell_vorticity(count, position, [&](std::size_t i) { return std::cbrt(volumes[i]); }, true);
  } else if (question.vorticity_cell > 0) {
    vorticity = cell_vorticity(count, position, [&](std::size_t) { return question.vorticity_cell; }, false);
  }
  std::vector<float> own(static_cast<std::size_t>(statistics.components()));
  run.evaluate(
      fields, Branch::volume, {count, position, {}}, !question.derive.empty(),
      [&](std::size_t i, const float* v, const float* gradient) {
        if (!vorticity.empty()) {
          std::copy_n(v, own.size(), own.begin());
          for (int a = 0; a < 3; ++a) own[static_cast<std::size_t>(at + a)] = static_cast<float>(vorticity[i][a]);
          v = own.data();
        }
        arrays.fill(i, v, gradient);
      },
      what);
  for (std::size_t i = 0; i < places.size(); ++i)
    if (places[i] != Place::flow) arrays.leave_out(i);
  arrays.move_to(mesh.attributes);
  if (places.empty()) return;
  Attribute inside{"inside", on, 1, {}};
  for (const Place there : places) inside.values.push_back(static_cast<float>(there));
  mesh.attributes.push_back(std::move(inside));
}

void NeuralEngine::Solving::probes() {
  physics::Normalizer plain = normalizer();
  const auto p = physics::find_field(plain[Branch::volume].fields, "pressure", 1);
  const auto u = physics::find_field(plain[Branch::volume].fields, "velocity", 3);
  const double to_pa = physics::si_unit(*p.spec, scales()), to_speed = physics::si_unit(*u.spec, scales());
  answer.probe_velocity.resize(question.probes.size());
  answer.probe_pressure.resize(question.probes.size());
  // Nobody asks for vorticity here, so it need not cost a curl.
  if (physics::find_field(plain[Branch::volume].fields, "vorticity", 3).spec)
    plain.set_vorticity_decoder(physics::Decoder::direct, world.name);
  run.evaluate(
      FieldPredictor(plain, scales().length), Branch::volume,
      {question.probes.size(), [&](std::size_t i) { return question.probes[i]; }, {}}, false,
      [&](std::size_t i, const float* v, const float*) {
        answer.probe_pressure[i] = to_pa * v[p.first];
        for (int a = 0; a < 3; ++a) answer.probe_velocity[i][a] = to_speed * v[u.first + a];
      },
      "probes");
}

Answer NeuralEngine::solve(Ready& ready) {
  Impl& run = *impl_;
  Case question = std::move(ready.question);
  const surrogate::Checkpoint world = run.world(question);
  Answer answer = std::move(ready.answer);
  const Stage stage = stage_clock(answer);
  const FieldPredictor fields(run.normalizer(question), answer.forces.scales.length);
  run.draws = std::move(ready.draws);
  run.walls = ready.drawn.walls;
  if (run.draws.empty()) run.encode(ready.drawn);
  stage("encoding");

  Solving solving{run, world, fields, question, answer, {}};
  if (question.vorticity_by_cells()) solving.walls = run.walls ? run.walls : walls_of(question.body);
  SurfaceMesh surface = question.surface ? std::move(*question.surface) : std::move(question.body);
  const FaceStress known = solving.surface_fields(surface);
  stage("surface fields");
  solving.forces(surface, known);
  answer.surface = std::move(surface);
  stage("forces");
  if (question.volume != VolumeOutput::none) {
    solving.volume_fields(ready.mesh, solving.on_cells(), ready.places, "volume");
    answer.volume = std::move(ready.mesh);
    stage("volume fields");
  }
  if (!question.sample_mesh.points.empty()) {
    solving.volume_fields(question.sample_mesh, false, ready.sampled, "samples");
    answer.samples = std::move(question.sample_mesh);
    stage("samples");
  }
  if (!question.probes.empty()) {
    solving.probes();
    stage("probes");
  }
  return answer;
}

}  // namespace streamtube::solver
