#include "solver/points/point_stream.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>

#include "core/error.hpp"
#include "core/log.hpp"
#include "core/queue.hpp"
#include "core/runtime.hpp"
#include "solver/model_world.hpp"
#include "surrogate/model/features.hpp"

namespace streamtube::solver {

using core::Error;
using core::ErrorKind;
using core::str;
using physics::Branch;
using physics::Contribution;
using surrogate::FieldPredictor;

namespace {

constexpr std::size_t kBlockRows = std::size_t{1} << 16;  // about, in whole chunks of the network
constexpr std::size_t kBlocks = 4;                        // one in each stage and one to spare
constexpr std::size_t kCheckRows = std::size_t{1} << 18;
constexpr int kMeetEvery = 16;  // blocks after which processes ask each other whether all are well

constexpr double Contribution::*kParts[] = {&Contribution::drag, &Contribution::lift,  &Contribution::side,
                                            &Contribution::roll, &Contribution::pitch, &Contribution::yaw};
constexpr std::size_t kForces = 2 * std::size(kParts);

// Whole chunks, so that a point meets the same tiles however many processes there are.
std::size_t block_rows(const surrogate::Surrogate& network) {
  const std::size_t chunk = std::max<std::size_t>(network.query_chunk(), 1024);
  return chunk * std::max<std::size_t>(1, kBlockRows / chunk);
}

}  // namespace

struct PointStream::Block {
  std::size_t index = 0, begin = 0, rows = 0;
  std::vector<double> raw, areas;   // [rows][3], unit of the file
  std::vector<Vec3> xyz;            // m, in the model's frame
  surrogate::NetworkRows network;   // as the network takes them
  std::vector<float> written;       // [rows][3] unit of the file
  std::vector<char> no_flow;        // [rows] of the volume
  surrogate::NetworkAnswer answer;  // then dimensionless fields
};

PointStream::PointStream(const surrogate::Checkpoint& checkpoint, const mesh_io::PointFile& points,
                         std::vector<physics::Derived> derive, const std::optional<physics::Decoder>& vorticity,
                         const core::Processes& processes, const geometry::Similarity& placement, double model_scale)
    : world_(checkpoint.at_scale(model_scale)),
      points_(points),
      derive_(std::move(derive)),
      normalizer_(world_.normalizer),
      placement_(placement),
      processes_(processes) {
  check_fields(checkpoint);
  no_flow_ = [ground = world_.domain.low[2]](const Vec3& p) { return p[2] < ground; };
  if (vorticity) normalizer_.set_vorticity_decoder(*vorticity, str("the model '", checkpoint.name, "'"));
  if (!derive_.empty() && points.points(Branch::volume) == 0)
    throw Error(ErrorKind::usage,
                str("derived fields are fields of the volume, but '", points.path(), "' has no '/volume/positions'"));
}

void PointStream::to_model(std::span<const double> raw, std::vector<Vec3>& xyz) const {
  const double metres = points_.unit() * placement_.scale;
  xyz.resize(raw.size() / 3);
  for (std::size_t i = 0; i < raw.size(); ++i) xyz[i / 3][i % 3] = metres * raw[i];
  // Not without need: centres of cells, say, lie between the positions that a frame rounds to.
  if (!placement_.identity()) geometry::to_model(placement_.frame, xyz);
}

std::vector<Branch> PointStream::branches() const {
  std::vector<Branch> out;
  for (const Branch b : {Branch::surface, Branch::volume})
    if (points_.points(b) > 0) out.push_back(b);
  return out;
}

std::vector<mesh_io::VtkhdfField> PointStream::fields(Branch branch) const {
  const FieldColumns columns(normalizer_[branch], branch == Branch::volume ? derive_ : std::vector<physics::Derived>{},
                             {});
  std::vector<mesh_io::VtkhdfField> out;
  for (const auto& column : columns.columns()) out.push_back({column.name, column.components});
  return out;
}

std::uint64_t PointStream::output_size() const {
  std::uint64_t bytes = 0;
  for (const Branch b : branches()) bytes += mesh_io::vtkhdf_size(points_.points(b), fields(b));
  return bytes;
}

std::pair<std::size_t, std::size_t> PointStream::share(Branch branch, std::size_t rows) const {
  const std::size_t blocks = (points_.points(branch) + rows - 1) / rows,
                    n = static_cast<std::size_t>(processes_.size()), rank = static_cast<std::size_t>(processes_.rank());
  return {blocks * rank / n, blocks * (rank + 1) / n};
}

std::vector<Extrapolation> PointStream::check() const {
  const Box known = known_positions(world_);
  // Corners of the sampling mesh's own cells count as inside.
  Box domain = world_.domain;
  domain.add(world_.sampling.volume_mesh.domain.low), domain.add(world_.sampling.volume_mesh.domain.high);
  double outside = 0;
  for (const Branch branch : branches()) {
    const auto [first, end] = share(branch, kCheckRows);
    std::vector<double> raw;
    std::vector<Vec3> xyz;
    for (std::size_t block = first; block < end; ++block) {
      core::check_interrupt();
      const std::size_t begin = block * kCheckRows;
      raw.resize(3 * std::min(kCheckRows, points_.points(branch) - begin));
      points_.read_positions(branch, begin, raw);
      to_model(raw, xyz);
      for (std::size_t i = 0; i < xyz.size(); ++i) {
        for (int a = 0; a < 3; ++a)
          if (!(xyz[i][a] >= known.low[a] && xyz[i][a] <= known.high[a]))
            throw Error(ErrorKind::input,
                        str("'", points_.path(), "': '/", physics::name(branch), "/positions' row ", begin + i,
                            " (counted from 0): ", "xyz"[a], " is ", xyz[i][a],
                            placement_.identity() ? " m" : " m in the model's frame", ", but the model '", world_.name,
                            "' knows positions from ", known.low[a], " to ", known.high[a], " m only"),
                        "leave out such points; if the file is not in metres, give it an attribute 'unit'");
        if (branch == Branch::volume && !domain.contains(xyz[i])) ++outside;
      }
      // Areas too, or the last of them would end a long run.
      if (branch == Branch::surface && points_.has_areas()) points_.read_areas(begin, raw);
    }
  }
  processes_.sum(std::span<double>(&outside, 1));
  std::vector<Extrapolation> out;
  if (outside > 0) out.push_back({"volume_points_outside_domain", "", outside, 0, 0});
  return out;
}

// Where the network sees them: of the areas where the file has them, else of the body's nearest faces.
std::vector<Vec3> PointStream::normals(const Block& block, const PreparedCase& prepared) const {
  if (!world_.config.normals) return {};
  std::vector<Vec3> out(block.rows);
  bool all = block.areas.size() == 3 * block.rows;
  for (std::size_t i = 0; i < block.rows && all; ++i) {
    out[i] = placement_.frame.vector_to_model({block.areas[3 * i], block.areas[3 * i + 1], block.areas[3 * i + 2]});
    all = norm(out[i]) > 0;
  }
  if (all) return out;
  core::expect(prepared.walls != nullptr, "PointStream: a case without walls");
  return prepared.walls->normals(block.xyz);
}

void PointStream::stream(Branch branch, const PreparedCase& prepared, surrogate::Surrogate& network,
                         const std::string& out, std::vector<double>& forces, double& no_flow) const {
  const auto& scales = prepared.reference.scales;
  const FieldPredictor predictor(normalizer_, scales.length);
  const surrogate::NetworkInput input(normalizer_, world_.config, prepared.walls.get());
  const bool gradient = branch == Branch::volume && !derive_.empty();
  const bool areas = branch == Branch::surface && points_.has_areas();
  const std::size_t rows = block_rows(network), total = points_.points(branch);
  const std::size_t width = static_cast<std::size_t>(normalizer_[branch].components());
  const auto [first, end] = share(branch, rows);
  forces.assign(areas ? kForces * ((total + rows - 1) / rows) : 0, 0.0);

  core::Queue<Block*> idle, asked, answered;
  std::vector<Block> blocks(std::min(kBlocks, end - first));
  for (Block& block : blocks) idle.push(&block);
  const auto abandon = [&] { idle.abandon(), asked.abandon(), answered.abandon(); };
  std::exception_ptr failure;
  std::mutex failing;
  const auto guarded = [&](const auto& work) {
    try {
      work();
    } catch (...) {
      const std::lock_guard lock(failing);
      if (!failure) failure = std::current_exception();
      abandon();
    }
  };

  const auto read = [&] {
    for (std::size_t index = first; index < end; ++index) {
      const auto next = idle.pop();
      if (!next) return;
      Block& block = **next;
      block.index = index, block.begin = index * rows, block.rows = std::min(rows, total - block.begin);
      block.raw.resize(3 * block.rows);
      points_.read_positions(branch, block.begin, block.raw);
      if (areas) {
        block.areas.resize(3 * block.rows);
        points_.read_areas(block.begin, block.areas);
      }
      to_model(block.raw, block.xyz);
      if (branch == Branch::surface)
        block.network.values = input.surface(block.xyz, normals(block, prepared));
      else if (gradient || predictor.differentiates(branch))
        block.network = input.volume_with_jacobian(block.xyz);
      else
        block.network.values = input.volume(block.xyz);
      block.written.assign(block.raw.begin(), block.raw.end());
      block.no_flow.assign(block.rows, 0);
      if (branch == Branch::volume)
        for (std::size_t i = 0; i < block.rows; ++i) block.no_flow[i] = no_flow_(block.xyz[i]);
      asked.push(&block);
    }
    asked.close();
  };

  const FieldColumns columns(normalizer_[branch], gradient ? derive_ : std::vector<physics::Derived>{}, scales);
  const auto pressure = physics::find_field(normalizer_[branch].fields, "pressure", 1);
  const auto shear = physics::find_field(normalizer_[branch].fields, "wall_shear_stress", 3);
  mesh_io::VtkhdfRows file(out, out, fields(branch));  // here: only the reader meets HDF5 from now on
  const auto write = [&] {
    std::vector<std::vector<float>> values(columns.columns().size());
    std::vector<std::vector<float>*> arrays;
    for (auto& array : values) arrays.push_back(&array);
    while (const auto next = answered.pop()) {
      Block& block = **next;
      predictor.decode(branch, block.xyz, block.answer);
      const auto finite = [](const std::vector<float>& v) {
        return std::all_of(v.begin(), v.end(), [](float x) { return std::isfinite(x); });
      };
      if (!finite(block.answer.values) || !finite(block.answer.velocity_gradient))
        throw Error(ErrorKind::runtime,
                    str("the model '", world_.name, "' gave a ", physics::name(branch), " value that is not finite"),
                    "the case is too far from the training data, or the model is broken");
      for (std::size_t c = 0; c < values.size(); ++c)
        values[c].resize(block.rows * static_cast<std::size_t>(columns.columns()[c].components));
      for (std::size_t i = 0; i < block.rows; ++i)
        columns.fill(i, block.answer.values.data() + i * width,
                     gradient ? block.answer.velocity_gradient.data() + 9 * i : nullptr, arrays);
      for (std::size_t c = 0; c < values.size(); ++c) {
        const auto components = static_cast<std::size_t>(columns.columns()[c].components);
        geometry::values_to_file(placement_.frame, columns.columns()[c].components, values[c]);
        for (std::size_t i = 0; i < block.rows; ++i)
          if (block.no_flow[i])
            std::fill_n(&values[c][i * components], components, std::numeric_limits<float>::quiet_NaN());
      }
      no_flow += static_cast<double>(std::count(block.no_flow.begin(), block.no_flow.end(), 1));
      file.write(block.begin, block.written, values);
      if (areas) {
        physics::ForceIntegrator sum(prepared.reference.axes);
        const double metres = points_.unit() * placement_.scale;
        for (std::size_t i = 0; i < block.rows; ++i) {
          const Vec3 vector = placement_.frame.vector_to_model(
              metres * metres * Vec3{block.areas[3 * i], block.areas[3 * i + 1], block.areas[3 * i + 2]});
          const double area = norm(vector);
          if (!(area > 0)) continue;
          const float* v = block.answer.values.data() + i * width;
          sum.add(block.xyz[i], (1.0 / area) * vector, area, v[pressure.first],
                  {v[shear.first], v[shear.first + 1], v[shear.first + 2]});
        }
        const physics::ForceCoefficients part = sum.result(scales);
        double* to = &forces[kForces * block.index];
        for (std::size_t k = 0; k < std::size(kParts); ++k)
          to[2 * k] = part.pressure.*kParts[k], to[2 * k + 1] = part.friction.*kParts[k];
      }
      idle.push(&block);
    }
    file.close();
  };

  std::thread reader([&] { guarded(read); }), writer([&] { guarded(write); });
  guarded([&] {
    core::Progress progress(str(physics::name(branch), " points",
                                processes_.size() > 1 ? str(", process 1 of ", processes_.size()) : std::string()),
                            first == end ? 0 : std::min(total, end * rows) - first * rows, "points");
    // As many rounds on every process.
    const std::size_t all = (total + rows - 1) / rows, n = static_cast<std::size_t>(processes_.size());
    for (std::size_t round = 0; round < (all + n - 1) / n; ++round) {
      if (round % kMeetEvery == 0) processes_.any(false);
      core::check_interrupt();
      if (round >= end - first) continue;
      const auto next = asked.pop();
      if (!next) return;
      predictor.query(network, branch, (*next)->network.values, gradient, (*next)->answer, (*next)->network.jacobian);
      const std::size_t done = (*next)->rows;
      answered.push(*next);
      progress.advance(done);
    }
    answered.close();
  });
  reader.join(), writer.join();
  if (failure) std::rethrow_exception(failure);
}

PointsAnswer PointStream::run(const PreparedCase& prepared, surrogate::Surrogate& network, const std::string (&out)[2],
                              const std::vector<std::pair<std::string, std::string>>& metadata) const {
  PointsAnswer answer;
  auto mark = std::chrono::steady_clock::now();
  for (const Branch branch : branches()) {
    const int b = static_cast<int>(branch);
    if (processes_.first()) mesh_io::create_vtkhdf(out[b], out[b], points_.points(branch), fields(branch), metadata);
    processes_.any(false);  // the file is there
    std::vector<double> parts;
    double no_flow = 0;
    stream(branch, prepared, network, out[b], parts, no_flow);
    processes_.sum(std::span<double>(parts));  // zeros but for one process each
    processes_.sum(std::span<double>(&no_flow, 1));
    answer.no_flow += static_cast<std::size_t>(no_flow);
    answer.points[b] = points_.points(branch);
    if (branch == Branch::surface && points_.has_areas()) {
      answer.forces = prepared.reference;
      answer.forces->axes = axes_to_file(placement_, prepared.reference.axes);
      answer.forces->integration_points = answer.points[b];
      auto& total = answer.forces->coefficients;
      for (std::size_t i = 0; i < parts.size(); i += kForces)
        for (std::size_t k = 0; k < std::size(kParts); ++k)
          total.pressure.*kParts[k] += parts[i + 2 * k], total.friction.*kParts[k] += parts[i + 2 * k + 1];
    }
    const auto now = std::chrono::steady_clock::now();
    answer.seconds.emplace_back(str(physics::name(branch), " points"),
                                std::chrono::duration<double>(now - mark).count());
    mark = now;
  }
  return answer;
}

}  // namespace streamtube::solver
