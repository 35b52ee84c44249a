#include "surrogate/train/validation.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.hpp"
#include "physics/metrics.hpp"
#include "surrogate/model/features.hpp"
#include "surrogate/model/field_predictor.hpp"

namespace streamtube::surrogate {

using mesh_io::Dataset;

namespace {

constexpr std::size_t kMostFaces = 50'000;  // of a case, for its forces

// Where Cp and Cf stand among the surface's values; -1: nowhere.
std::array<int, 2> pressure_and_shear(const physics::Normalizer& normalizer) {
  const auto& fields = normalizer[Branch::surface].fields;
  const auto first = [&](const char* name, int components) {
    const auto at = physics::find_field(fields, name, components);
    return at.spec ? at.first : -1;
  };
  return {first("pressure", 1), first("wall_shear_stress", 3)};
}

// Dimensionless, of a batch's cell, out of the dimensionless velocities at all arms, `stride` floats apart.
std::vector<float> cell_vorticity(const Batch::Cells& cells, std::size_t cell, const float* velocity,
                                  std::size_t stride) {
  Vec3 sum{0, 0, 0};
  for (std::int64_t k = cells.begin[cell]; k < cells.begin[cell + 1]; ++k) {
    const float *u = velocity + static_cast<std::size_t>(k) * stride,
                *w = &cells.weight[static_cast<std::size_t>(3 * k)];
    sum = sum + cross(Vec3{w[0], w[1], w[2]}, Vec3{u[0], u[1] * cells.side[static_cast<std::size_t>(k)], u[2]});
  }
  return {static_cast<float>(sum[0]), static_cast<float>(sum[1]), static_cast<float>(sum[2])};
}

}  // namespace

struct Validation::Case {
  std::size_t number = 0;  // of all cases, which the processes share out
  Batch batch;             // the anchors' part of a draw
  std::vector<float> rows[2];
  std::vector<float> truth[2];  // dimensionless
  // For forces: rows of faces, and what a face's Cp and Cf add to Cd and Cl.
  std::vector<float> faces;
  std::vector<Vec3> share;  // -n A / A_ref, with A / A_ref in the place of y
  double cd = 0, cl = 0;    // of the true fields on these faces
};

Validation::Validation(const Dataset& data, std::vector<std::size_t> cases, const CaseWorld& world,
                       const physics::Normalizer& normalizer, const AbuptConfig& config, const Recipe& recipe,
                       const Deviation& deviation, const core::Processes& processes)
    : normalizer_(normalizer),
      config_(config),
      choose_by_(recipe.choose_by),
      deviation_(deviation),
      processes_(processes),
      count_(cases.size()) {
  const auto at = pressure_and_shear(normalizer);
  forces_ = at[0] >= 0 && at[1] >= 0;
  draw(data, cases, world, recipe);
}

Validation::~Validation() = default;

void Validation::draw(const Dataset& data, const std::vector<std::size_t>& cases, const CaseWorld& world,
                      const Recipe& recipe) {
  const std::size_t rank = static_cast<std::size_t>(processes_.rank()),
                    size = static_cast<std::size_t>(processes_.size());
  if (rank >= cases.size()) return;
  DrawOptions draw = recipe.draw;
  draw.mirror = false, draw.scaling = 0;
  const auto in_use = [](std::size_t wanted, std::size_t drawn) { return wanted > 0 ? wanted : drawn; };
  std::size_t least[2] = {~std::size_t{0}, ~std::size_t{0}};
  for (const std::size_t index : cases)
    for (int b = 0; b < 2; ++b) least[b] = std::min(least[b], data.cases()[index].rows[b]);
  draw.geometry_points = std::min(least[0], in_use(recipe.use_geometry_points, draw.geometry_points));
  draw.supernodes = std::min(draw.geometry_points, in_use(recipe.use_supernodes, draw.supernodes));
  for (int b = 0; b < 2; ++b) {
    draw.anchors[b] = std::min(least[b], in_use(recipe.use_anchors[b], draw.anchors[b]));
    draw.queries[b] =
        std::min<std::size_t>(static_cast<std::size_t>(recipe.validation_points), least[b] - draw.anchors[b]);
  }
  draw.cell_queries = draw.queries[1];
  LossOptions compared;
  compared.curl_of_cells = recipe.loss.curl_of_cells;
  Loader loader(data, cases, world, normalizer_, config_, draw, compared, recipe.seed + 1, processes_.rank(),
                processes_.size(), 0);
  for (std::size_t i = rank; i < cases.size(); i += size) {
    Case one;
    one.batch = loader.next();
    // Batches come in an order of their own.
    const auto found = std::find_if(cases.begin(), cases.end(),
                                    [&](std::size_t index) { return data.cases()[index].name == one.batch.name; });
    one.number = i;
    for (int b = 0; b < 2; ++b) {
      one.rows[b] = one.batch.positions[b];
      one.truth[b] = one.batch.targets[b];
      normalizer_.to_dimensionless(static_cast<Branch>(b), one.truth[b].data(),
                                   one.truth[b].size() / normalizer_.branch[b].mean.size());
    }
    const std::size_t slot = static_cast<std::size_t>(found - cases.begin());
    if (forces_)
      add_faces(data, *found, world.canonical_length > 0 ? world.lengths[slot] / world.canonical_length : 1.0, one);
    cases_.push_back(std::move(one));
  }
}

void Validation::add_faces(const Dataset& data, std::size_t index, double factor, Case& to) const {
  const mesh_io::CaseInfo& info = data.cases()[index];
  const std::size_t all = info.rows[0], n = std::min(all, kMostFaces);
  std::vector<std::int64_t> rows(n);
  for (std::size_t i = 0; i < n; ++i) rows[i] = static_cast<std::int64_t>(i * all / n);
  const Dataset::Rows read = data.read_rows(index, Branch::surface, rows);
  std::vector<Vec3> xyz(n), normals(n);
  to.share.resize(n);
  const auto at = pressure_and_shear(normalizer_);
  const std::size_t columns = read.fields.size() / n;
  const double q = info.scales().dynamic_pressure();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t a = 0; a < 3; ++a) xyz[i][a] = read.position[3 * i + a], normals[i][a] = read.normal[3 * i + a];
    const double part = double{read.size[i]} * static_cast<double>(all) / static_cast<double>(n) / info.reference_area;
    to.share[i] = {-part * normals[i][0], part, -part * normals[i][2]};
    const float *cp = &read.fields[i * columns + static_cast<std::size_t>(at[0])],
                *cf = &read.fields[i * columns + static_cast<std::size_t>(at[1])];
    to.cd += (to.share[i][0] * *cp + part * cf[0]) / q;
    to.cl += (to.share[i][2] * *cp + part * cf[2]) / q;
  }
  const physics::Normalizer world = normalizer_.at_scale(factor);
  to.faces = NetworkInput(world, config_, nullptr).surface(xyz, normals);
}

std::vector<double> Validation::errors_of(Surrogate& network, const Case& one) const {
  std::vector<double> table;
  EncodeInput input;
  input.points = one.batch.points, input.supernodes = one.batch.supernodes, input.condition = one.batch.condition;
  for (int b = 0; b < 2; ++b)
    input.anchors[b] = std::span(one.rows[b]).first(static_cast<std::size_t>(config_.width(b) * one.batch.anchors[b]));
  network.encode(input);
  const Batch::Cells& cells = one.batch.cells;
  physics::Normalizer decoding = normalizer_;
  if (cells.arms() > 0) decoding.set_vorticity_decoder(physics::Decoder::direct, "validation");  // the arms tell it
  const FieldPredictor predictor(decoding, one.batch.reference_length);
  NetworkAnswer answer;
  for (int b = 0; b < 2; ++b) {
    const Branch branch = static_cast<Branch>(b);
    const std::size_t columns = normalizer_.branch[b].mean.size(), n = one.truth[b].size() / columns;
    // Derivatives of features are those of all rows here.
    std::vector<float> jacobian;
    if (predictor.differentiates(branch) && config_.features(b) > 0) {
      jacobian.assign(
          3 * static_cast<std::size_t>(config_.features(b)) * static_cast<std::size_t>(one.batch.anchors[b]), 0.0f);
      jacobian.insert(jacobian.end(), one.batch.jacobian.begin(), one.batch.jacobian.end());
    }
    predictor.query(network, branch, one.rows[b], false, answer, jacobian);
    predictor.decode(branch, {}, answer);
    std::size_t first = 0;
    for (const auto& f : normalizer_.branch[b].fields) {
      // A field that needs derivatives is compared at the queries alone, which have those of their features.
      const std::size_t from = jacobian.empty() ? 0 : static_cast<std::size_t>(one.batch.anchors[b]);
      physics::FieldError error(f.components);
      if (b == 1 && cells.arms() > 0 && f.name == "vorticity") {
        const std::size_t velocity =
            static_cast<std::size_t>(physics::find_field(normalizer_[branch].fields, "velocity", 3).first);
        for (std::size_t c = 0; c < cells.row.size(); ++c) {
          const std::vector<float> vorticity =
              cell_vorticity(cells, c, &answer.values[n * columns + velocity], columns);
          error.add(vorticity.data(), &one.truth[b][static_cast<std::size_t>(cells.row[c]) * columns + first], 1.0);
        }
        first += 3;
        table.push_back(error.relative_l2());
        continue;
      }
      for (std::size_t r = from; r < n; ++r)
        error.add(&answer.values[r * columns + first], &one.truth[b][r * columns + first], 1.0);
      first += static_cast<std::size_t>(f.components);
      table.push_back(error.relative_l2());
    }
  }
  if (!forces_) return table;
  predictor.query(network, Branch::surface, one.faces, false, answer);
  predictor.decode(Branch::surface, {}, answer);
  const auto at = pressure_and_shear(normalizer_);
  const std::size_t columns = normalizer_.branch[0].mean.size();
  double cd = 0, cl = 0;
  for (std::size_t i = 0; i < one.share.size(); ++i) {
    const float *cp = &answer.values[i * columns + static_cast<std::size_t>(at[0])],
                *cf = &answer.values[i * columns + static_cast<std::size_t>(at[1])];
    cd += one.share[i][0] * *cp + one.share[i][1] * cf[0];
    cl += one.share[i][2] * *cp + one.share[i][1] * cf[2];
  }
  table.push_back(cd - one.cd), table.push_back(cl - one.cl);
  return table;
}

std::map<std::string, double> Validation::errors(const Weights& weights) const {
  Surrogate network(config_, weights, "validation");
  std::vector<std::string> names;
  for (int b = 0; b < 2; ++b)
    for (const auto& f : normalizer_.branch[b].fields)
      names.push_back(core::str(physics::name(static_cast<Branch>(b)), '/', f.name));
  const std::size_t fields = names.size(), wide = fields + (forces_ ? 2 : 0);
  std::vector<double> table(count_ * wide);  // [case][..], 0 where another process fills it in
  for (const Case& one : cases_) {
    const std::vector<double> row = errors_of(network, one);
    std::copy(row.begin(), row.end(), table.begin() + static_cast<std::ptrdiff_t>(one.number * wide));
  }
  processes_.sum(table);
  std::map<std::string, double> errors;
  const double n = static_cast<double>(count_);
  for (std::size_t i = 0; i < table.size(); ++i)
    if (i % wide < fields) errors[names[i % wide]] += table[i] / n;
  double mean = 0;
  for (const auto& [name, error] : errors) mean += error / static_cast<double>(fields);
  errors["mean"] = errors["choice"] = mean;
  if (!forces_) return errors;
  const std::pair<const char*, double> coefficients[2] = {{"Cd", deviation_.cd}, {"Cl", deviation_.cl}};
  for (std::size_t c = 0; c < 2; ++c) {
    double absolute = 0, squares = 0;
    for (std::size_t i = fields + c; i < table.size(); i += wide)
      absolute += std::abs(table[i]) / n, squares += table[i] * table[i] / n;
    const auto& [name, deviation] = coefficients[c];
    errors[core::str(name, "_mae")] = absolute, errors[core::str(name, "_rms")] = std::sqrt(squares);
    if (choose_by_ == Choice::drag && deviation > 0)
      errors["choice"] += (c == 0 ? 1.0 : 0.5) * std::sqrt(squares) / deviation;
  }
  return errors;
}

}  // namespace streamtube::surrogate
