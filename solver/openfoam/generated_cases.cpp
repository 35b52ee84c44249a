#include "solver/openfoam/generated_cases.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "core/log.hpp"
#include "geometry/generators.hpp"
#include "geometry/surface_report.hpp"

namespace streamtube::solver {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::str;
using Json = nlohmann::json;

namespace {

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
}

std::vector<mesh_io::CaseSource> GeneratedCases::find(const std::string&) const {
  std::vector<mesh_io::CaseSource> out;
  // What the design is: one that was changed is not taken over from before.
  for (const auto& design : designs_) out.push_back({design.name, {plan_.identity(design)}, {}, {}});
  return out;
}

mesh_io::DatasetHeader GeneratedCases::header(const std::vector<mesh_io::CaseSource>& cases) const {
  mesh_io::DatasetHeader out = openfoam_dataset_header();
  out.description = str("generated bodies, family '", plan_.space->family, "', ", plan_.name, ": RANS by ",
                        OpenFoamEngine({}).name(), " (streamtube dataset generate)");
  mesh_io::SplitRules rules = options_.splits;
  std::string where = options_.splits_name;
  if (rules.empty() && !plan_.splits.empty())
    where = plan_.source + ": splits", rules = mesh_io::SplitRules::parse(plan_.splits, where);
  if (rules.empty() && !options_.before_rules.empty())
    where = "the splits of the data set before", rules = mesh_io::SplitRules::parse(options_.before_rules, where);
  if (rules.empty()) where = "the default splits", rules = mesh_io::default_split_rules();
  std::vector<std::string> names;
  for (const auto& source : cases) names.push_back(source.name);
  out.splits = rules.of(names, where, true);
  if (rules.general()) out.split_rules = rules.json();
  const std::size_t moved = mesh_io::keep_splits(out.splits, options_.before, options_.before_cases, names);
  if (moved > 0)
    core::warn(str(moved, " designs stay in the splits in which they were, where ", where,
                   " would have put them elsewhere; ", "`streamtube dataset split` changes splits"));
  mesh_io::check_splits(out.splits, names, where);
  return out;
}

std::string GeneratedCases::settings() const {
  const auto& s = options_.solver;
  const auto& box = options_.sample.box;
  return Json({{"space", plan_.shared_json()},
               {"flow", {options_.flow.velocity, options_.flow.density, options_.flow.kinematic_viscosity}},
               {"iterations", {s.iterations, s.residual, s.average}},
               {"cell", s.cell},
               {"ground", s.moving_ground},
               {"inflow", {s.turbulence_intensity, s.viscosity_ratio}},
               {"templates", s.templates},
               {"volume", {options_.sample.volume_points, box.low, box.high, options_.sample.seed}}})
      .dump();
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
    OpenFoamOptions options = options_.solver;
    const Case question = this->question(design, options.features);
    options.folder = (fs::path(options_.folder) / design.name).string();
    options.progress = false;
    options.retry = false;
    options.strict = true;
    options.resume = true;
    const OpenFoamSolution solution = OpenFoamEngine(options).solution(question);
    SampleOptions sample = options_.sample;
    sample.seed += static_cast<std::uint64_t>(number_of(design.name, &design - designs_.data()));
    mesh_io::FlowSample out = to_sample(solution, question, sample);
    for (std::size_t p = 0; p < plan_.parameters.size(); ++p)
      if (!is_condition(plan_.parameters[p].name)) out.info.parameters[plan_.parameters[p].name] = design.values[p];
    for (const auto& [name, value] : plan_.space->fixed) out.info.parameters.emplace(name, value);
    outcome.status = "solved", outcome.cd = solution.coefficients.cd(), outcome.cl = solution.coefficients.cl();
    outcome.converged = solution.run.converged;
    record();
    core::info(str(design.name, ": Cd ", std::setprecision(4), outcome.cd, ", Cl ", outcome.cl, ", ",
                   solution.mesh.cells, " cells, ", solution.run.iterations, " iterations",
                   outcome.converged ? "" : " (means, not converged)", ", ", std::setprecision(3), outcome.seconds,
                   " s"));
    std::error_code ignored;
    if (!options_.keep) fs::remove_all(options.folder, ignored);
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
