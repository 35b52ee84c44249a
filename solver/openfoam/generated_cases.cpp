#include "solver/openfoam/generated_cases.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iomanip>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "geometry/generators.hpp"
#include "geometry/surface_report.hpp"
#include "solver/openfoam/repeat.hpp"

namespace streamtube::solver {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;

namespace {

constexpr const char* kRepeat = ".repeat";  // behind a design's folder: where it is solved once more

// The digits at the end of a name, or `otherwise`.
long number_of(const std::string& name, long otherwise) {
  const auto last = name.find_last_not_of("0123456789");
  const std::string digits = last == std::string::npos ? name : name.substr(last + 1);
  return digits.empty() || digits.size() > 9 ? otherwise : std::stol(digits);
}

}  // namespace

GeneratedCases::GeneratedCases(SweepPlan plan, GenerateOptions options)
    : plan_(std::move(plan)), options_(std::move(options)) {
  if (!plan_.space || plan_.space->family.empty())
    throw Error(ErrorKind::input, str(plan_.source, ": there is no \"baseline\": {\"family\": ...} in it"),
                "bodies are generated from the parameters of a family; data_samples/spaces has examples");
  for (const auto& name : options_.only)
    if (std::none_of(plan_.designs.begin(), plan_.designs.end(), [&](const Design& d) { return d.name == name; }))
      throw Error(ErrorKind::usage, str("--only: ", plan_.source, " has no design '", name, "'"),
                  str("it has ", plan_.designs.size(), ", from '", plan_.designs.front().name, "' to '",
                      plan_.designs.back().name, "'"));
  for (const auto& design : plan_.designs) {
    if (options_.first > 0 && designs_.size() == options_.first) break;
    if (options_.only.empty() || std::count(options_.only.begin(), options_.only.end(), design.name))
      designs_.push_back(design);
  }
  if (options_.mesh)
    options_.solver.mesh = *options_.mesh;
  else if (!plan_.mesh.empty())
    options_.solver.mesh = *mesh_kind(plan_.mesh);
  split();
}

std::vector<mesh_io::CaseSource> GeneratedCases::find(const std::string&) const {
  std::vector<mesh_io::CaseSource> out;
  // What the design is, and whether it is solved twice: one of which that changed is not taken over from before.
  for (const auto& design : designs_)
    out.push_back({design.name, {plan_.identity(design) + (repeated_.contains(design.name) ? ", twice" : "")}, {}, {}});
  return out;
}

void GeneratedCases::split() {
  mesh_io::SplitRules rules = options_.splits;
  std::string where = options_.splits_name;
  if (rules.empty() && !plan_.splits.empty())
    where = plan_.source + ": splits", rules = mesh_io::SplitRules::parse(plan_.splits, where);
  if (rules.empty() && !options_.before_rules.empty())
    where = "the splits of the data set before", rules = mesh_io::SplitRules::parse(options_.before_rules, where);
  if (rules.empty()) where = "the default splits", rules = mesh_io::default_split_rules();
  std::vector<std::string> names;
  for (const auto& design : designs_) names.push_back(design.name);
  std::sort(names.begin(), names.end(), mesh_io::natural_less);
  splits_ = rules.of(names, where, true);
  if (rules.general()) split_rules_ = rules.json();
  const std::size_t moved = mesh_io::keep_splits(splits_, options_.before, options_.before_cases, names);
  if (moved > 0)
    core::warn(str(moved, " designs stay in the splits in which they were, where ", where,
                   " would have put them elsewhere; ", "`streamtube dataset split` changes splits"));
  mesh_io::check_splits(splits_, names, where);
  repeated_ = to_repeat(names, splits_, options_.repeat);
}

mesh_io::DatasetHeader GeneratedCases::header(const std::vector<mesh_io::CaseSource>&) const {
  mesh_io::DatasetHeader out = openfoam_dataset_header();
  out.description = str("generated bodies, family '", plan_.space->family, "', ", plan_.name, ": RANS by ",
                        OpenFoamEngine({}).name(), " (streamtube dataset generate)");
  out.splits = splits_, out.split_rules = split_rules_;
  return out;
}

std::string GeneratedCases::settings() const {
  const auto& s = options_.solver;
  const auto& box = options_.sample.box;
  Json templates = Json::object();
  for (const auto& [name, built_in] : openfoam_templates())
    if (const fs::path own = fs::path(s.templates) / name; !s.templates.empty() && fs::exists(own))
      templates[name] = core::sha256_file(own.string());
  return core::json_text(
      Json({{"space", plan_.shared_json()},
            {"flow", {options_.flow.velocity, options_.flow.density, options_.flow.kinematic_viscosity}},
            {"iterations", s.iterations},
            {"residual", s.residual},
            {"average", s.average},
            {"cell", s.cell},
            {"mesh", solver::name(s.mesh)},
            {"cell of repeats", options_.repeat > 0 ? options_.repeat_cell : 0},
            {"ground", s.moving_ground},
            {"inflow", {s.turbulence_intensity, s.viscosity_ratio}},
            {"templates", templates},
            {"volume", {options_.sample.volume_points, box.low, box.high, options_.sample.seed}}}));
}

std::string GeneratedCases::changed_setting(const std::string& before) const {
  const Json had = core::try_json(before), now = core::parse_json(settings());
  std::string out;
  for (const auto& [key, value] : now.items())
    if (!had.is_object() || had.value(key, Json()) != value) out += (out.empty() ? "" : ", ") + key;
  return out;
}

mesh_io::LabelNoise GeneratedCases::label_noise(const std::vector<mesh_io::CaseInfo>& cases) const {
  return noise_of_repeats(cases, str("solved once more, cells ", options_.repeat_cell,
                                     " times as large; fields at the nearest face or cell, with the interpolation"));
}

Case GeneratedCases::question(const Design& design, geometry::Edges& features) const {
  Case out;
  out.name = design.name;
  const auto condition = [&](const char* name, double otherwise) {
    return plan_.value(design, name).value_or(otherwise);
  };
  out.flow = {condition("velocity", options_.flow.velocity), condition("density", options_.flow.density),
              condition("viscosity", options_.flow.kinematic_viscosity)};
  if (plan_.space->morphs.empty()) {
    std::map<std::string, double> values = plan_.space->fixed;
    bool straight_sides = false;
    for (const auto& family : geometry::families())
      if (family.name == plan_.space->family) {
        straight_sides = family.straight_sides;
        for (const auto& [name, standard] : family.parameters)
          if (const auto value = plan_.value(design, name)) values[name] = *value;
      }
    auto body = plan_.space->triangle > 0 ? geometry::generate_body(plan_.space->family, values, plan_.space->triangle)
                                          : geometry::generate_body(plan_.space->family, values);
    out.body = std::move(body.mesh), features = std::move(body.features);
    const Vec3 size = out.body.bounds().size();
    if (straight_sides) out.reference_area = size[1] * size[2];
  } else {
    out.body = generated_body(plan_, design);
    for (const auto& morph : morphs_of(plan_, design, out.body)) geometry::apply(morph, out.body);
  }
  out.reference_area = condition("reference_area", out.reference_area);
  out.reference_length = condition("reference_length", 0);
  out.report = geometry::report(out.body);
  out.volume = VolumeOutput::none;
  return out;
}

mesh_io::FlowSample GeneratedCases::solved(const Case& question, const geometry::Edges& features,
                                           const std::string& folder, double cell_factor,
                                           const SampleOptions& sample) const {
  OpenFoamOptions options = options_.solver;
  options.folder = folder;
  options.features = features;
  options.cell_factor = cell_factor;
  options.progress = false;
  options.retry = false;
  options.strict = true;
  options.resume = true;
  return to_sample(OpenFoamEngine(options).solution(question), question, sample);
}

// A second solution that fails costs the scatter a pair, and the data set nothing.
void GeneratedCases::repeat(const Case& question, const geometry::Edges& features, const std::string& folder,
                            mesh_io::FlowSample& first) const {
  SampleOptions all = options_.sample;
  all.volume_points = 0;
  try {
    add_repeat(first, solved(question, features, folder, options_.repeat_cell, all));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::input) throw;
    core::warn(str(question.name, ": was to be solved once more, without success: ", error.message()));
    return;
  }
  const auto& c = first.info.coefficients;
  const auto& q = first.info.quality;
  core::info(str(question.name, ", once more: Cd ", std::setprecision(4), q.at("repeat_Cd"), " after ", c.at("Cd"),
                 ", Cl ", q.at("repeat_Cl"), " after ", c.at("Cl")));
  std::error_code ignored;
  if (!options_.keep) fs::remove_all(folder, ignored);
}

mesh_io::FlowSample GeneratedCases::read(const mesh_io::CaseSource& source, const std::string&) const {
  const auto start = std::chrono::steady_clock::now();
  const Design& design =
      *std::find_if(designs_.begin(), designs_.end(), [&](const Design& d) { return d.name == source.name; });
  DesignOutcome outcome{design.name, "failed", {}, 0, 0, 0, false};
  const auto record = [&] {
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const std::lock_guard lock(mutex_);
    outcomes_.push_back(outcome);
  };
  try {
    geometry::Edges features;
    const Case question = this->question(design, features);
    const std::string folder = (fs::path(options_.folder) / design.name).string();
    SampleOptions sample = options_.sample;
    sample.seed += static_cast<std::uint64_t>(number_of(design.name, &design - designs_.data()));
    mesh_io::FlowSample out = solved(question, features, folder, 1, sample);
    for (std::size_t p = 0; p < plan_.parameters.size(); ++p)
      if (!is_condition(plan_.parameters[p].name)) out.info.parameters[plan_.parameters[p].name] = design.values[p];
    for (const auto& [name, value] : plan_.space->fixed) out.info.parameters.emplace(name, value);
    const auto& quality = out.info.quality;
    outcome.cd = out.info.coefficients.at("Cd"), outcome.cl = out.info.coefficients.at("Cl");
    outcome.converged = quality.at("converged") > 0;
    if (repeated_.contains(design.name)) repeat(question, features, folder + kRepeat, out);
    outcome.status = "solved";
    record();
    core::info(str(design.name, ": Cd ", std::setprecision(4), outcome.cd, ", Cl ", outcome.cl, ", ",
                   static_cast<std::int64_t>(quality.at("cells")), " cells, ",
                   static_cast<std::int64_t>(quality.at("iterations")), " iterations",
                   outcome.converged ? "" : " (means, not converged)", ", ", std::setprecision(3), outcome.seconds,
                   " s"));
    std::error_code ignored;
    if (!options_.keep) fs::remove_all(folder, ignored);
    return out;
  } catch (const Error& error) {
    outcome.reason = error.message();
    record();
    throw;
  }
}

std::vector<DesignOutcome> GeneratedCases::outcomes() const {
  const std::lock_guard lock(mutex_);
  return outcomes_;
}

}  // namespace streamtube::solver
