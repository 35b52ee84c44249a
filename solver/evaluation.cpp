#include "solver/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.hpp"
#include "core/log.hpp"
#include "core/rng.hpp"
#include "core/runtime.hpp"
#include "physics/cell_vorticity.hpp"
#include "surrogate/model/cell_arms.hpp"
#include "surrogate/model/features.hpp"
#include "surrogate/model/field_predictor.hpp"
#include "surrogate/train/dataset_case.hpp"
#include "surrogate/train/loader.hpp"

namespace streamtube::solver {

using core::Error;
using core::ErrorKind;
using core::str;
using physics::Branch;

namespace {

void check_fields(const surrogate::Checkpoint& model, const mesh_io::Dataset& data) {
  for (const Branch branch : {Branch::surface, Branch::volume}) {
    const auto& ours = model.normalizer[branch].fields;
    const auto& theirs = data.fields(branch);
    bool same = ours.size() == theirs.size();
    for (std::size_t i = 0; same && i < ours.size(); ++i)
      same = ours[i].name == theirs[i].name && ours[i].components == theirs[i].components &&
             ours[i].scale == theirs[i].scale;
    if (same) continue;
    std::string names;
    for (const auto& f : theirs) names += (names.empty() ? "" : ", ") + f.name;
    throw Error(ErrorKind::input, str("the model '", model.name, "' predicts other ", physics::name(branch),
                                      " fields than '", data.path(), "' has: ", names));
  }
}

// Dimensionless fields of one branch at all points, side by side.
std::vector<float> true_fields(const physics::Normalizer::BranchStatistics& statistics,
                               const mesh_io::FlowSample& sample, int b) {
  const std::size_t columns = statistics.mean.size(), n = sample.part[b].rows();
  std::vector<float> out(n * columns);
  std::size_t first = 0;
  for (std::size_t f = 0; f < statistics.fields.size(); ++f) {
    const std::size_t k = static_cast<std::size_t>(statistics.fields[f].components);
    const double unit = physics::si_unit(statistics.fields[f], sample.info.scales());
    const std::vector<float>& values = sample.part[b].fields[f].values;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < k; ++c) out[i * columns + first + c] = static_cast<float>(values[i * k + c] / unit);
    first += k;
  }
  return out;
}

std::vector<Vec3> vectors(const std::vector<float>& flat) {
  std::vector<Vec3> out(flat.size() / 3);
  for (std::size_t i = 0; i < 3 * out.size(); ++i) out[i / 3][i % 3] = flat[i];
  return out;
}

// The fields of one branch in the place of the sample's own. values: [rows][all components] dimensionless.
void put_fields(mesh_io::FlowSample& sample, int b, const physics::Normalizer::BranchStatistics& statistics,
                const std::vector<float>& values) {
  const std::size_t columns = statistics.mean.size();
  std::size_t first = 0;
  for (std::size_t f = 0; f < sample.part[b].fields.size(); ++f) {
    auto& field = sample.part[b].fields[f];
    const std::size_t k = static_cast<std::size_t>(field.components);
    const double unit = physics::si_unit(statistics.fields[f], sample.info.scales());
    for (std::size_t i = 0; i < field.values.size(); ++i)
      field.values[i] = static_cast<float>(unit * values[i / k * columns + first + i % k]);
    first += k;
  }
}

mesh_io::SurfaceForces forces_of(const mesh_io::FlowSample& sample,
                                 const physics::Normalizer::BranchStatistics& statistics,
                                 const std::vector<float>& surface) {
  mesh_io::FlowSample predicted;
  predicted.info = sample.info, predicted.part[0] = sample.part[0];
  put_fields(predicted, 0, statistics, surface);
  return mesh_io::surface_forces(predicted);
}

// One of `draws` answers to be averaged.
void add_share(std::vector<float>& mean, const std::vector<float>& one, std::size_t draws) {
  mean.resize(one.size());
  for (std::size_t i = 0; i < one.size(); ++i) mean[i] += one[i] / static_cast<float>(draws);
}

// Whether the model's vorticity is to be compared as the cells of the sample have it.
bool compares_cells(const physics::Normalizer& normalizer, const mesh_io::FlowSample& sample,
                    const EvaluationOptions& options) {
  const auto vorticity = physics::find_field(normalizer[Branch::volume].fields, "vorticity", 3);
  return options.vorticity_of_cells && vorticity.spec && vorticity.spec->decoder == physics::Decoder::curl &&
         !sample.part[1].size.empty();
}

// The places around a case's cells that make their vorticity.
surrogate::CellArms arms_of(const mesh_io::FlowSample& sample, const std::vector<Vec3>& centers,
                            const geometry::WallDistance& walls) {
  const std::vector<float>& volumes = sample.part[1].size;
  std::vector<double> sizes(volumes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) sizes[i] = std::cbrt(double{volumes[i]});
  std::vector<geometry::WallPoint> nearest(centers.size());
  walls.nearest_parallel(centers, nearest);
  return surrogate::cell_arms(centers, sizes, nearest, physics::lowest_face(centers, volumes));
}

// Vorticity out of the velocities at the arms, in the place of what values [cells][columns] have. at_arms: decoded.
void put_cell_vorticity(const surrogate::CellArms& arms, const physics::Normalizer::BranchStatistics& volume,
                        double length, const std::vector<float>& at_arms, std::vector<float>& values) {
  const std::size_t columns = volume.mean.size();
  const auto u = static_cast<std::size_t>(physics::find_field(volume.fields, "velocity", 3).first),
             w = static_cast<std::size_t>(physics::find_field(volume.fields, "vorticity", 3).first);
  for (std::size_t i = 0; i < arms.cells(); ++i) {
    const Vec3 vorticity = length * arms.vorticity(i, at_arms.data() + u, columns);
    for (std::size_t a = 0; a < 3; ++a) values[i * columns + w + a] = static_cast<float>(vorticity[a]);
  }
}

}  // namespace

EvaluationResult evaluate(const surrogate::Checkpoint& model, const mesh_io::Dataset& data,
                          const EvaluationOptions& options) {
  check_fields(model, data);
  surrogate::check_precision(options.precision);
  const std::vector<std::size_t> indices = options.cases.empty() ? data.split(options.split) : options.cases;
  if (indices.empty())
    throw Error(ErrorKind::usage, str("the split '", options.split, "' of '", data.path(), "' has no cases"));
  physics::Normalizer normalizer = model.normalizer;
  if (options.vorticity) normalizer.set_vorticity_decoder(*options.vorticity, str("the model '", model.name, "'"));
  surrogate::Surrogate network = surrogate::make_network(model, options.precision);
  surrogate::DrawOptions draw;
  draw.geometry_points = model.sampling.geometry_points, draw.supernodes = model.sampling.supernodes;
  for (int b = 0; b < 2; ++b) draw.anchors[b] = model.sampling.anchors[b];
  draw.surface_by_area = true;

  EvaluationResult result;
  std::vector<double> cd, cl, true_cd, true_cl;
  core::Progress progress("evaluate", indices.size(), "cases");
  const double share = 1.0 / static_cast<double>(indices.size());
  for (const std::size_t index : indices) {
    core::check_interrupt();
    mesh_io::FlowSample sample = data.read(index);
    CaseScore score;
    score.name = sample.info.name;
    const bool sized = model.canonical_length > 0 || !model.conditions.empty();  // else no one asks
    const double length = sized ? surrogate::body_length(data, index) : 0;
    physics::Normalizer world = normalizer.at_scale(model.canonical_length > 0 ? length / model.canonical_length : 1);
    const bool cells = compares_cells(normalizer, sample, options);
    result.vorticity_of_cells = cells && (result.cases.empty() || result.vorticity_of_cells);
    if (cells) world.set_vorticity_decoder(physics::Decoder::direct, model.name);  // the arms tell it
    const surrogate::FieldPredictor predictor(world, sample.info.scales().length);
    surrogate::NetworkAnswer answer[2];
    const std::vector<Vec3> places[2] = {vectors(sample.part[0].position), vectors(sample.part[1].position)};
    surrogate::NetworkRows at[2];
    surrogate::CellArms arms;
    std::vector<float> arm_rows;
    surrogate::NetworkAnswer at_arms;
    {
      std::optional<geometry::WallDistance> walls;
      if (model.config.wall_distance || cells) walls.emplace(surrogate::walls_of(data, index));
      const surrogate::NetworkInput input(world, model.config, walls ? &*walls : nullptr);
      at[0].values = input.surface(places[0], vectors(sample.part[0].normal));
      at[1] = predictor.differentiates(Branch::volume) ? input.volume_with_jacobian(places[1])
                                                       : surrogate::NetworkRows{input.volume(places[1]), {}};
      if (cells) arms = arms_of(sample, places[1], *walls), arm_rows = input.volume(arms.places);
    }
    // Of a case with fewer points than the model draws, all there are.
    surrogate::DrawOptions mine = draw;
    mine.geometry_points = std::min(draw.geometry_points, sample.part[0].rows());
    mine.supernodes = std::min(draw.supernodes, mine.geometry_points);
    for (int b = 0; b < 2; ++b) mine.anchors[b] = std::min(draw.anchors[b], sample.part[b].rows());
    // With the case in memory, or surface points would be drawn by area out of some of its faces only.
    surrogate::Loader loader(data, {index}, {model.canonical_length, {length}, model.conditions}, model.normalizer,
                             model.config, mine, {}, options.seed, 0, 1, ~std::size_t{0});
    for (std::size_t d = 0; d < options.draws; ++d) {
      const surrogate::Batch batch = loader.next();
      surrogate::EncodeInput input;
      input.points = batch.points, input.supernodes = batch.supernodes;
      for (int b = 0; b < 2; ++b) input.anchors[b] = batch.positions[b];
      input.condition = batch.condition;
      network.encode(input);
      for (int b = 0; b < 2; ++b) {
        surrogate::NetworkAnswer one;
        predictor.query(network, static_cast<Branch>(b), at[b].values, false, one, at[b].jacobian);
        add_share(answer[b].values, one.values, options.draws);
        add_share(answer[b].velocity_gradient, one.velocity_gradient, options.draws);
        if (b == 1 && cells) {
          surrogate::NetworkAnswer further;
          predictor.query(network, Branch::volume, arm_rows, false, further);
          add_share(at_arms.values, further.values, options.draws);
        }
        if (b > 0 || options.draws == 1) continue;
        predictor.decode(Branch::surface, places[0], one);
        const mesh_io::SurfaceForces forces = forces_of(sample, model.normalizer.branch[0], one.values);
        score.cd_draws.push_back(forces.cd), score.cl_draws.push_back(forces.cl);
      }
    }
    for (int b = 0; b < 2; ++b) {
      const auto& statistics = model.normalizer.branch[b];
      const std::size_t columns = statistics.mean.size(), n = sample.part[b].rows();
      predictor.decode(static_cast<Branch>(b), places[b], answer[b]);
      if (b == 1 && cells) {
        predictor.decode(Branch::volume, arms.places, at_arms);
        put_cell_vorticity(arms, statistics, sample.info.scales().length, at_arms.values, answer[b].values);
      }
      const std::vector<float>& predicted = answer[b].values;
      for (const float x : predicted)
        if (!std::isfinite(x))
          throw Error(ErrorKind::runtime,
                      str("the model '", model.name, "' gave a value that is not finite for case '", score.name, "'"));
      const std::vector<float> truth = true_fields(statistics, sample, b);
      std::vector<std::int64_t> drawn;
      if (options.sample > 0) {
        core::Rng rng(options.seed, str("points of ", score.name, ' ', b));
        drawn = core::sample_indices(rng, n, options.sample);
        std::sort(drawn.begin(), drawn.end());  // a sample of all points gives the same sums
      }
      std::size_t first = 0;
      for (const auto& f : statistics.fields) {
        physics::FieldError error(f.components), of_sample(f.components);
        const auto add = [&](physics::FieldError& to, std::size_t i) {
          to.add(&predicted[i * columns + first], &truth[i * columns + first],
                 sample.part[b].size.empty() ? 1.0 : sample.part[b].size[i]);
        };
        for (std::size_t i = 0; i < n; ++i) add(error, i);
        for (const std::int64_t i : drawn) add(of_sample, static_cast<std::size_t>(i));
        const std::string name = str(physics::name(static_cast<Branch>(b)), '/', f.name);
        FieldScore& mean = result.fields[name];
        mean.relative_l2 += share * error.relative_l2();
        if (!drawn.empty()) mean.sample_relative_l2 += share * of_sample.relative_l2();
        mean.weighted_relative_l2 += share * error.weighted_relative_l2();
        mean.mean_absolute += share * error.mean_absolute(), mean.mean_squared += share * error.mean_squared();
        mean.component_relative_l2.resize(static_cast<std::size_t>(f.components));
        for (std::size_t c = 0; c < mean.component_relative_l2.size(); ++c)
          mean.component_relative_l2[c] += share * error.relative_l2(c);
        score.relative_l2[name] = error.relative_l2();
        first += static_cast<std::size_t>(f.components);
      }
    }
    // The predicted fields in the places of the true ones, on the case's own faces.
    const mesh_io::SurfaceForces truth = mesh_io::surface_forces(sample);
    put_fields(sample, 0, model.normalizer.branch[0], answer[0].values);
    const mesh_io::SurfaceForces forces = mesh_io::surface_forces(sample);
    const std::map<std::string, double> given_coefficients = sample.info.coefficients;
    const auto given = [&](const char* name, double else_value) {
      const auto found = given_coefficients.find(name);
      return found == given_coefficients.end() ? else_value : found->second;
    };
    score.cd = forces.cd, score.cl = forces.cl;
    if (options.each) {
      put_fields(sample, 1, model.normalizer.branch[1], answer[1].values);
      sample.info.coefficients = {{"Cd", forces.cd}, {"Cl", forces.cl}};
      options.each(sample);
    }
    score.true_cd = given("Cd", truth.cd), score.true_cl = given("Cl", truth.cl);
    cd.push_back(score.cd), cl.push_back(score.cl);
    true_cd.push_back(score.true_cd), true_cl.push_back(score.true_cl);
    result.cases.push_back(std::move(score));
    progress.advance(1);
  }
  result.cd = physics::compare(cd, true_cd);
  result.cl = physics::compare(cl, true_cl);
  return result;
}

EvaluationResult joined(const std::vector<EvaluationResult>& parts) {
  EvaluationResult out;
  out.vorticity_of_cells =
      std::all_of(parts.begin(), parts.end(), [](const EvaluationResult& part) { return part.vorticity_of_cells; });
  for (const EvaluationResult& part : parts) out.cases.insert(out.cases.end(), part.cases.begin(), part.cases.end());
  for (const EvaluationResult& part : parts) {
    const double share = static_cast<double>(part.cases.size()) / static_cast<double>(out.cases.size());
    for (const auto& [name, score] : part.fields) {
      FieldScore& mean = out.fields[name];
      mean.relative_l2 += share * score.relative_l2, mean.sample_relative_l2 += share * score.sample_relative_l2;
      mean.weighted_relative_l2 += share * score.weighted_relative_l2;
      mean.mean_absolute += share * score.mean_absolute, mean.mean_squared += share * score.mean_squared;
      mean.component_relative_l2.resize(score.component_relative_l2.size());
      for (std::size_t c = 0; c < mean.component_relative_l2.size(); ++c)
        mean.component_relative_l2[c] += share * score.component_relative_l2[c];
    }
  }
  std::vector<double> cd, cl, true_cd, true_cl;
  for (const CaseScore& c : out.cases) {
    cd.push_back(c.cd), cl.push_back(c.cl);
    true_cd.push_back(c.true_cd), true_cl.push_back(c.true_cl);
  }
  out.cd = physics::compare(cd, true_cd), out.cl = physics::compare(cl, true_cl);
  return out;
}

std::map<std::string, double> metrics(const EvaluationResult& r) {
  std::map<std::string, double> m = {{"cd_r2", r.cd.r2},
                                     {"cd_mae_counts", 1e4 * r.cd.mean_absolute},
                                     {"cd_bias_counts", 1e4 * r.cd.bias},
                                     {"cd_spearman", r.cd.spearman},
                                     {"cl_r2", r.cl.r2},
                                     {"cl_mae_counts", 1e4 * r.cl.mean_absolute},
                                     {"cl_bias_counts", 1e4 * r.cl.bias},
                                     {"cl_spearman", r.cl.spearman}};
  for (const auto& [name, score] : r.fields) m[name] = score.relative_l2;
  return m;
}

std::vector<std::string> metric_names(const surrogate::Checkpoint& model) {
  EvaluationResult empty;
  for (const Branch branch : {Branch::surface, Branch::volume})
    for (const auto& f : model.normalizer[branch].fields) empty.fields[str(physics::name(branch), '/', f.name)] = {};
  std::vector<std::string> names;
  for (const auto& [name, value] : metrics(empty)) names.push_back(name);
  return names;
}

}  // namespace streamtube::solver
