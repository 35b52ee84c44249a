#include "apps/cli/design_work.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <new>
#include <set>
#include <sstream>

#include "apps/cli/command.hpp"
#include "apps/cli/device_options.hpp"
#include "apps/cli/model.hpp"
#include "apps/cli/precision_option.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/long_work.hpp"
#include "geometry/distance.hpp"
#include "geometry/refine.hpp"
#include "mesh_io/mesh_io.hpp"
#include "mesh_io/series.hpp"
#include "solver/range_check.hpp"

namespace streamtube::apps {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;
using solver::Row;

namespace {

// Of a body of more parts forces.json alone has all.
constexpr std::size_t kMostParts = 64;

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// What was thrown, as a failed row; Interrupted goes on.
void note_failure(Row& row) {
  row.done = false;
  try {
    throw;
  } catch (const core::Interrupted&) {
    throw;
  } catch (const Error& error) {
    row.message = error.message(), row.hint = error.hint();
  } catch (const std::bad_alloc&) {
    row.message = "out of memory", row.hint = "fewer --jobs, a coarser volume or --volume none need less";
  } catch (const std::exception& error) {
    row.message = error.what(), row.hint = "this is a bug in Streamtube; please report it";
  }
}

std::string design_json(const solver::SweepPlan& plan, const solver::Design& design) {
  Json out = {{"name", design.name}, {"of", plan.source}};
  for (std::size_t p = 0; p < plan.parameters.size(); ++p)
    if (!std::isnan(design.values[p])) out["parameters"][plan.parameters[p].name] = design.values[p];
  return core::json_text(out);
}

// Faces that a deformation drove through each other or out of the world are no body any more.
void check_deformed(const Body& body, const geometry::SurfaceReport& before) {
  const auto& after = body.report;
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorKind::input, "the morphs of this design " + what,
                "smaller values, a larger box or a wider fading bend the surface less");
  };
  for (const Vec3& p : body.mesh.points)
    for (const double x : p)
      if (!std::isfinite(x)) refuse("move points to where numbers end");
  if (after.self_intersections.value_or(0) > before.self_intersections.value_or(0))
    refuse(str("fold the surface through itself: ", after.self_intersections.value_or(0),
               " pairs of faces cut each other, ", before.self_intersections.value_or(0), " before"));
  if (after.degenerate_faces > before.degenerate_faces)
    refuse(str("press ", after.degenerate_faces - before.degenerate_faces, " faces flat"));
  if (before.watertight && (after.volume > 0) != (before.volume > 0)) refuse("turn the body inside out");
}

std::string settings_json(const std::string& kind, const solver::SweepPlan& plan, const SweepOptions& o,
                          const surrogate::Checkpoint& model) {
  const CaseOptions& c = o.of_case;
  const auto or_null = [](double value) { return std::isnan(value) ? Json(nullptr) : Json(value); };
  Json out = {{"kind", kind},
              {"model", model.name},
              {"model_fingerprint", model.fingerprint},
              {"evaluation", o.evaluation},
              {"precision", surrogate::name(o.precision)},
              {"fields", o.fields},
              {"velocity", std::isnan(c.velocity) ? model.reference.velocity : c.velocity},
              {"density", c.density},
              {"viscosity", c.viscosity},
              {"frame", c.frame.given()},
              {"parts", c.parts.given()},
              {"deviation", c.parts.deviation()},
              {"cut_ground", c.parts.cut_ground()},
              {"repair", str(geometry::name(c.repair.rung), c.repair.automatic ? " at most" : "",
                             c.repair.accept_coarse ? ", coarse" : "", c.repair.accept_noisy ? ", noisy" : "",
                             c.repair.wrap_gap > 0 ? str(", gaps below ", c.repair.wrap_gap) : "")},
              {"volume", c.volume},
              {"cell", or_null(c.cell)},
              {"surface", c.surface},
              {"surface_resolution", c.resolution_text},
              {"points_on", c.points_on},
              {"inside", c.inside},
              {"samples", c.samples.given()},
              {"derive", c.derived_names()},
              {"vorticity", c.vorticity_text},
              {"vorticity_cell", c.vorticity_cell},
              {"reference_area", or_null(c.area)},
              {"baseline_area", o.baseline_area},
              {"reference_length", or_null(c.length)},
              {"wheelbase", or_null(c.wheelbase)},
              {"moment_centre", c.moment_center},
              {"seed", c.seed},
              {"space", core::parse_json(plan.shared_json())}};
  if (!c.conditions.values().empty()) out["conditions"] = c.conditions.values();
  return core::json_text(out);
}

// The first setting that differs, for people; empty: none.
std::string difference(const Json& before, const Json& now) {
  for (const auto& [key, value] : now.items())
    if (!before.contains(key) || before[key] != value) {
      if (value.is_structured()) return str("the ", key, " is another one");
      return str(key, " was ", before.contains(key) ? core::json_text(before[key]) : "not there", " and is now ",
                 core::json_text(value));
    }
  return {};
}

}  // namespace

void SweepOptions::declare(CLI::App& app) {
  app.add_option("--model", model, kModelHelp);
  app.add_option("--member", member, kMemberHelp)->check(CLI::PositiveNumber);
  app.add_option("-o,--out", out, "Folder for the results; default: named after what is swept, in the working folder");
  app.add_option("--fields", fields,
                 "What is kept of each design beside its row: none (forces.json, run.json), surface (also surface.vtp) "
                 "or all (also volume.vtu)")
      ->check(CLI::IsMember({"none", "surface", "all"}))
      ->capture_default_str();
  pictures.declare(app, {"Cp"},
                   app.add_flag("--picture", picture,
                                "At the end also draw a picture.png of each design: Cp, in one range of colours and "
                                "seen by one camera"));
  app.add_flag("--resume", resume, "Go on with the results in --out, if there are any: what is done stays");
  app.add_flag("--overwrite", overwrite, "Replace the results in --out");
  app.add_flag("--json", json, "Print the summary as JSON on stdout");
  app.add_option("--evaluation", evaluation, "cached or chunked-anchors, as of predict")
      ->check(CLI::IsMember({"cached", "chunked-anchors"}))
      ->capture_default_str();
  declare_device_options(app, device);
  declare_precision(app, precision);
  of_case.declare(app);
  app.add_flag(
         "--baseline-area", baseline_area,
         "Coefficients of all designs refer to the area of the baseline (else of the first design); without, each "
         "has its own frontal area, and CdA and the forces compare them")
      ->excludes("--reference-area");
}

void SweepOptions::validate() {
  if (resume && overwrite) throw Error(ErrorKind::usage, "--resume and --overwrite exclude each other");
  pictures.validate();
  if (picture && fields == "none")
    throw Error(ErrorKind::usage, "--picture draws the surfaces, but nothing is kept of them with --fields none",
                "leave out one of the two");
  if (of_case.volume.empty()) of_case.volume = fields == "all" ? "adaptive" : "none";
  if ((of_case.volume == "none") == (fields == "all"))
    throw Error(ErrorKind::usage,
                fields == "all"
                    ? std::string("--fields all keeps volume fields, but --volume is none")
                    : str("--volume ", of_case.volume, ": nothing of the volume is kept with --fields ", fields),
                "leave out --volume, or pass --fields all");
  if (!of_case.surface.empty())
    throw Error(ErrorKind::usage, "--surface is another mesh of one body, but a sweep has many bodies",
                "--surface-resolution makes all surfaces finer");
  core::check(device);
  of_case.validate();
  if (of_case.volume == "none" && (!of_case.derive.empty() || of_case.vorticity || !of_case.vorticity_cell.empty()))
    throw Error(ErrorKind::usage, "--derive, --vorticity and --vorticity-cell are about fields of the volume",
                "pass --fields all");
}

DesignWork::DesignWork(const solver::SweepPlan& plan, const SweepOptions& options, const surrogate::Checkpoint& model,
                       solver::NeuralEngine& engine, const std::string& command)
    : plan_(plan), options_(options), model_(model), engine_(engine) {
  check_conditions();
  run_.command = command, run_.engine = engine.name(), run_.model_file = options.model;
  run_.evaluation = options.evaluation, run_.device = options.device, run_.precision = options.precision;
  if (!options.model.empty()) run_.model_sha256 = core::sha256_file(options.model);
  if (plan.space && !plan.space->baseline.empty()) read_baseline();
  if (options.baseline_area) options_.of_case.area = area_of_baseline();
}

std::vector<double> start_of(const solver::SweepPlan& plan) {
  std::vector<double> out;
  for (const auto& p : plan.parameters) out.push_back(p.start);
  return out;
}

double DesignWork::area_of_baseline() const {
  solver::Design design;
  if (const auto it =
          std::find_if(plan_.designs.begin(), plan_.designs.end(), [](const auto& d) { return d.name == "baseline"; });
      it != plan_.designs.end())
    design = *it;
  else if (!plan_.designs.empty())
    design = plan_.designs.front();
  else
    design = solver::design_at(plan_, "baseline", start_of(plan_));
  const core::QuietThread quiet;
  return solver::reference_quantities(make_case(design, options_of(design)).question).scales.area;
}

void DesignWork::read_baseline() {
  baseline_ = load_body(plan_.space->baseline, options_.of_case, model_);
  if (plan_.space->triangle > 0) {
    Body& body = baseline_->body;
    try {
      body.mesh = geometry::refine(body.mesh, {plan_.space->triangle * body.mesh.file_unit, 0});
    } catch (const Error& error) {
      throw Error(error.kind(), str(plan_.source, ": triangle: ", error.message()), error.hint());
    }
    measure(body);
  }
}

void DesignWork::check_conditions() const {
  std::set<std::string> parameters;
  for (const auto& name : given_conditions(model_))
    for (const auto& p : plan_.parameters)
      if (p.name == name) parameters.insert(name);
  options_.of_case.conditions.check(model_, parameters);
  for (const auto& design : plan_.designs)
    for (const auto& name : parameters)
      if (!plan_.value(design, name) && !options_.of_case.conditions.values().contains(name))
        throw Error(
            ErrorKind::usage,
            str(plan_.source, ": '", design.name, "' has no value of ", name, ", on which the model is conditioned"),
            str("fill it in, or give a default with --condition ", name, "=VALUE"));
}

std::string DesignWork::label_note() const {
  if (plan_.space) return {};
  std::vector<std::string> known = {"velocity", "density", "viscosity", "reference_area", "reference_length"};
  for (const auto& name : given_conditions(model_)) known.push_back(name);
  std::string labels, meant;
  for (const auto& p : plan_.parameters) {
    if (std::find(known.begin(), known.end(), p.name) != known.end()) continue;
    labels += str(labels.empty() ? "'" : ", '", p.name, "'");
    if (const std::string near = suggestion(p.name, known); !near.empty()) meant += str(" (", p.name, ": ", near, ")");
  }
  if (labels.empty()) return {};
  std::string all;
  for (const auto& name : known) all += (all.empty() ? "" : ", ") + name;
  return str(plan_.source, ": nothing of a design follows from ", labels, ", which are labels of the rows", meant,
             "; what is set by a column: ", all);
}

CaseOptions DesignWork::options_of(const solver::Design& design) const {
  CaseOptions out = options_.of_case;
  if (const auto v = plan_.value(design, "velocity")) out.velocity = *v;
  if (const auto v = plan_.value(design, "density")) out.density = *v;
  if (const auto v = plan_.value(design, "viscosity")) out.viscosity = *v;
  if (const auto v = plan_.value(design, "reference_area")) out.area = *v;
  if (const auto v = plan_.value(design, "reference_length")) out.length = *v;
  for (const auto& name : given_conditions(model_))
    if (const auto v = plan_.value(design, name)) out.conditions.set(name, *v);
  return out;
}

LoadedBody DesignWork::body_of(const solver::Design& design, const CaseOptions& options) const {
  if (!design.files.empty()) return load_body(design.files, options, model_);
  LoadedBody out;
  if (baseline_) {
    out = *baseline_;
  } else {
    out.body.mesh = solver::generated_body(plan_, design);
    out.body.mesh.unit_stated = true;
    out.body.unit = "m";
    out.body.where = str("design '", design.name, "'");
    out.frame = options.frame;
    for (const auto& name : out.body.mesh.patch_names) out.body.parts.push_back({name, "", "", 0, 0, false});
    measure(out.body);
  }
  out.name = design.name;
  const auto morphs = solver::morphs_of(plan_, design, out.body.mesh);
  if (morphs.empty()) return out;
  const geometry::SurfaceReport before = out.body.report;
  out.body.where = str("design '", design.name, "'");
  for (const auto& morph : morphs) geometry::apply(morph, out.body.mesh);
  measure(out.body);
  out.body.report.likely_unit = before.likely_unit;
  check_deformed(out.body, before);
  return out;
}

BodyCase DesignWork::make_case(const solver::Design& design, const CaseOptions& options) const {
  return apps::make_case(body_of(design, options), options, model_);
}

std::unique_ptr<DesignWork::Piece> DesignWork::prepare(const solver::Design& design) const {
  const core::QuietThread quiet;
  const auto start = Clock::now();
  auto piece = std::make_unique<Piece>();
  piece->design = design;
  piece->options = options_of(design);
  Row& row = piece->row;
  row.design = design.name;
  row.identity = plan_.identity(design);
  row.files = design.files;
  std::error_code ignored;
  for (const auto& file : design.files)
    if (const auto size = fs::file_size(file, ignored); !ignored) row.bytes += size;
  for (std::size_t p = 0; p < plan_.parameters.size(); ++p)
    if (!std::isnan(design.values[p])) row.parameters.emplace_back(plan_.parameters[p].name, design.values[p]);
  Result& result = piece->result;
  result.model = &model_, result.options = &piece->options, result.run = run_;
  result.design = design_json(plan_, design);
  try {
    result.asked = make_case(design, piece->options);
    result.warnings = result.asked.warnings;
    solver::Case question = std::move(result.asked.question);
    result.stages.end("reading the geometry");
    const Vec3 size = question.body.bounds().size();
    piece->shape = {
        {"length", size[0]}, {"width", size[1]}, {"height", size[2]}, {"surface_area", question.report.area}};
    if (question.report.watertight) piece->shape.emplace_back("volume", std::abs(question.report.volume));
    const double frontal = question.reference_area > 0 ? geometry::frontal_area(question.body) : 0;
    piece->ready = engine_.make_ready(std::move(question));
    piece->shape.emplace_back("frontal_area", frontal);  // 0: the reference area is it
  } catch (...) {
    note_failure(row);
  }
  piece->prepare_seconds = since(start);
  return piece;
}

void DesignWork::compute(Piece& piece) const {
  if (!piece.ready) return;
  const core::QuietThread quiet;
  const auto start = Clock::now();
  try {
    piece.result.answer = engine_.solve(*piece.ready);
    piece.row.done = true;
  } catch (...) {
    note_failure(piece.row);
  }
  piece.ready.reset();
  piece.compute_seconds = since(start);
}

void DesignWork::note_results(Piece& piece) const {
  Row& row = piece.row;
  row.seconds = {{"prepare", piece.prepare_seconds}, {"compute", piece.compute_seconds}};
  if (!row.done) {
    row.warnings = piece.result.warnings;
    return;
  }
  Result& result = piece.result;
  const solver::Answer& answer = result.answer;
  result.stages.add(answer.seconds);
  result.warnings.insert(result.warnings.end(), answer.warnings.begin(), answer.warnings.end());
  const auto& f = answer.forces;
  const auto& c = f.coefficients;
  const double newton = f.scales.dynamic_pressure() * f.scales.area;
  row.numbers = {{"Cd", c.cd()},
                 {"Cd_pressure", c.pressure.drag},
                 {"Cd_friction", c.friction.drag},
                 {"Cl", c.cl()},
                 {"Cs", c.cs()},
                 {"Cm_roll", c.cm_roll()},
                 {"Cm_pitch", c.cm_pitch()},
                 {"Cm_yaw", c.cm_yaw()},
                 {"CdA", f.scales.area * c.cd()},
                 {"ClA", f.scales.area * c.cl()},
                 {"drag_N", newton * c.cd()},
                 {"lift_N", newton * c.cl()},
                 {"side_N", newton * c.cs()}};
  if (f.axles) {
    const auto lift = solver::axle_lift(f);
    row.numbers.emplace_back("Clf", lift[0].total()), row.numbers.emplace_back("Clr", lift[1].total());
  }
  if (f.patches.size() > 1 && f.patches.size() <= kMostParts)
    for (const auto& patch : f.patches) {
      row.numbers.emplace_back("Cd/" + patch.name, patch.coefficients.cd());
      row.numbers.emplace_back("Cl/" + patch.name, patch.coefficients.cl());
      row.numbers.emplace_back("drag_N/" + patch.name, newton * patch.coefficients.cd());
      row.numbers.emplace_back("lift_N/" + patch.name, newton * patch.coefficients.cl());
    }
  for (const auto& [name, value] : piece.shape)
    row.numbers.emplace_back(name, name == "frontal_area" && value == 0 ? f.scales.area : value);
  // A column that a table leaves empty for this design says what was taken.
  const auto is_parameter = [&](const std::string& name) {
    return std::any_of(plan_.parameters.begin(), plan_.parameters.end(), [&](const auto& p) { return p.name == name; });
  };
  for (const auto& [name, value] : solver::Named{{"velocity", f.scales.velocity},
                                                 {"density", f.scales.density},
                                                 {"viscosity", piece.options.viscosity},
                                                 {"reference_area", f.scales.area},
                                                 {"reference_length", f.scales.length}})
    if (!plan_.value(piece.design, name)) (is_parameter(name) ? row.parameters : row.numbers).emplace_back(name, value);
  for (const auto& [name, value] : piece.options.conditions.values())
    if (is_parameter(name) && !plan_.value(piece.design, name)) row.parameters.emplace_back(name, value);
  row.numbers.emplace_back("reynolds_number", answer.reynolds_number);
  // How far outside of the training data: at most 0 inside. For shapes in shares of the limit, for quantities of their
  // range.
  double beyond = -1;
  for (const auto& e : answer.extrapolation) {
    const double width = std::max({e.max - e.min, 0.05 * std::abs(e.max), 1e-12});
    beyond = std::max(beyond, std::clamp((e.value > e.max ? e.value - e.max : e.min - e.value) / width, 1e-9, 10.0));
  }
  if (answer.similarity) {
    beyond = std::max(beyond, answer.similarity->distance / answer.similarity->limit - 1);
    row.numbers.emplace_back("similarity_distance", answer.similarity->distance);
    row.numbers.emplace_back("similarity_percentile", answer.similarity->percentile);
    row.nearest = answer.similarity->nearest;
    row.unlike = answer.similarity->beyond();
  }
  row.numbers.emplace_back("beyond_training", beyond);
  row.warnings = result.warnings;
  for (const auto& e : answer.extrapolation) row.extrapolation.push_back(to_text(e));
}

Row DesignWork::finish(Piece& piece) const {
  const core::QuietThread quiet;
  const auto start = Clock::now();
  Row& row = piece.row;
  note_results(piece);
  if (!row.done) return row;
  try {
    const std::string place = (fs::path(kDesigns) / piece.design.name).string();
    OutputFolder folder((fs::path(options_.out) / place).string(), result_names(), true);
    try {
      write_results(folder, piece.result, nullptr, {options_.fields != "none", options_.fields == "all"});
    } catch (const Error& error) {
      throw Error(error.kind(), folder.with_final_names(error.message()), error.hint());
    }
    folder.commit();
    row.folder = place;
    row.seconds.emplace_back("write", since(start));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::runtime) throw;  // the disk refuses the next one, too
    note_failure(row);
  } catch (...) {
    note_failure(row);
  }
  if (!row.done) row.numbers.clear();
  return row;
}

double DesignWork::output_bytes(const SweepOptions& options, const solver::Answer& answer) {
  const auto values = [](const std::vector<geometry::Attribute>& attributes) {
    double count = 0;
    for (const auto& a : attributes) count += double(a.values.size());
    return count;
  };
  double bytes = 8e3;  // forces.json, run.json, the row
  if (options.fields != "none")
    bytes += 4 * values(answer.surface.attributes) + 24.0 * double(answer.surface.points.size()) +
             8.0 * double(answer.surface.corners.size());
  if (options.fields == "all")
    bytes += 4 * values(answer.volume.attributes) + 24.0 * double(answer.volume.points.size()) +
             8.0 * double(answer.volume.corners.size());
  return bytes;
}

// ---- The folder

namespace {

void remove_unfinished(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> left;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().filename().string().rfind(".partial-", 0) == 0) left.push_back(entry.path());
  for (const auto& one : left) fs::remove_all(one, error);
  fs::remove(folder / ".lock", error);
}

// What predict writes there. The user's own files in it stay, even geometry of a folder that is called so.
void remove_designs(const fs::path& designs) {
  std::error_code error;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(designs, error))
    if (entry.is_directory(error)) found.push_back(entry.path());
  for (const auto& folder : found) {
    for (const auto& name : result_names()) fs::remove(folder / name, error);
    remove_unfinished(folder);
    fs::remove(folder, error);  // if nothing is left
  }
  fs::remove(designs, error);
}

}  // namespace

SweepFolder::SweepFolder(const std::string& path, const std::string& kind, const solver::SweepPlan& plan,
                         const SweepOptions& options, const surrogate::Checkpoint& model,
                         const core::Processes& processes)
    : path_(path) {
  const std::string file = (fs::path(path) / kSweep).string();
  const Json settings = core::parse_json(settings_json(kind, plan, options, model));
  if (processes.first()) {
    std::error_code error;
    const bool old = fs::exists(file, error) || solver::has_journals(path);
    if (old && !options.resume && !options.overwrite)
      throw Error(ErrorKind::usage, str("'", path, "' already holds the results of a sweep"),
                  "pass --resume to go on with them, --overwrite to replace them, or choose another folder with --out");
    core::require_writable(path, {}, true);
    lock_.take(path, core::OutputLock::Place::inside);
    if (old && options.resume) {
      if (!fs::exists(file, error))
        throw Error(ErrorKind::usage, str("'", path, "' holds journals, but no ", kSweep, " that says of what"),
                    "begin anew with --overwrite");
      Json before;
      try {
        before = core::read_json(file, "begin anew with --overwrite").at("settings");
      } catch (const Json::exception&) {
        throw Error(ErrorKind::input, str("'", file, "' is damaged"), "begin anew with --overwrite");
      }
      if (const std::string what = difference(before, settings); !what.empty())
        throw Error(ErrorKind::usage, str("'", path, "' holds the results of another sweep: ", what),
                    "choose another folder with --out, or begin anew with --overwrite");
    } else if (old) {
      fs::remove(file, error);
      solver::remove_journals(path);
      remove_designs(fs::path(path) / kDesigns);
      for (const char* name : {solver::kTableCsv, solver::kTableH5, kSweepCollection, kBest, "report.html"})
        fs::remove(fs::path(path) / name, error);
    }
    // What a killed run was writing.
    for (const auto& design : fs::directory_iterator(fs::path(path) / kDesigns, error))
      remove_unfinished(design.path());
    for (const char* name : {solver::kTableCsv, solver::kTableH5, kSweepCollection, kSweep})
      core::remove_leftovers((fs::path(path) / name).string());
    Json all = {
        {"format", 1}, {"program", core::version()}, {"kind", kind}, {"source", plan.source}, {"name", plan.name}};
    all["parameters"] = Json::array();
    for (const auto& p : plan.parameters)
      all["parameters"].push_back({{"name", p.name},
                                   {"unit", p.unit},
                                   {"min", p.min},
                                   {"max", p.max},
                                   {"start", p.start},
                                   {"fixed", p.fixed()}});
    all["sampling"] = plan.sampling;
    all["designs"] = plan.designs.size();
    if (plan.objective) {
      for (const auto& [name, weight] : plan.objective->weights) all["objective"][name] = weight;
      for (const auto& one : plan.objective->constraints)
        all["constraints"].push_back({{"quantity", one.quantity},
                                      {"min", std::isfinite(one.min) ? Json(one.min) : Json(nullptr)},
                                      {"max", std::isfinite(one.max) ? Json(one.max) : Json(nullptr)}});
    }
    all["model"] = {{"name", model.name}, {"fingerprint", model.fingerprint}, {"file", options.model}};
    all["settings"] = settings;
    description_ = core::json_text(all, 2) + "\n";
    if (!old || !options.resume) describe();
    before_ = solver::read_journals(path);
  }
  processes.any(false);  // the others wait for the first
  if (!processes.first()) before_ = solver::read_journals(path);
  processes.any(false);  // nobody appends before all have read
  journal_.emplace(path, processes.rank());
}

void SweepFolder::describe() {
  if (description_.empty()) return;
  core::write_text((fs::path(path_) / kSweep).string(), description_);
  description_.clear();
}

void SweepFolder::check(const Row& row, const solver::Design& design, const solver::SweepPlan& plan) const {
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorKind::usage, str("'", path_, "' holds the results of another sweep: ", what),
                "choose another folder with --out, or begin anew with --overwrite");
  };
  if (row.identity != plan.identity(design)) {
    for (std::size_t p = 0; p < plan.parameters.size(); ++p)
      if (const double was = row.parameter(plan.parameters[p].name), now = design.values[p];
          was != now && !std::isnan(was) && !std::isnan(now))
        refuse(str("'", design.name, "' had ", plan.parameters[p].name, " ", was, ", now ", design.values[p]));
    refuse(str("'", design.name, "' was another design"));
  }
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const auto& file : design.files)
    if (const auto size = fs::file_size(file, error); !error) bytes += size;
  if (row.done && !error && bytes != row.bytes)
    refuse(str("the geometry of '", design.name, "' had ", row.bytes, " bytes, now ", bytes));
}

std::vector<Row> SweepFolder::write_table(const std::vector<std::string>& names) const {
  auto all = solver::read_journals(path_);
  std::vector<Row> rows;
  for (const auto& name : names)
    if (const auto it = all.find(name); it != all.end()) rows.push_back(std::move(it->second));
  solver::write_table(path_, rows);
  std::vector<mesh_io::SeriesEntry> entries;
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (const char* file : {kSurface, kVolume}) {
      std::error_code error;
      if (!rows[i].done || !fs::exists(fs::path(path_) / rows[i].folder / file, error)) continue;
      entries.push_back({str(rows[i].design, " ", file == kSurface ? "surface" : "volume"),
                         (fs::path(rows[i].folder) / file).string(), double(i)});
    }
  if (!entries.empty()) mesh_io::write_series((fs::path(path_) / kSweepCollection).string(), entries);
  return rows;
}

// ---- What is printed

namespace {

std::vector<const Row*> ranked(const std::vector<Row>& rows, const std::string& column) {
  std::vector<const Row*> out;
  for (const Row& row : rows)
    if (row.done && std::isfinite(row.number(column))) out.push_back(&row);
  std::stable_sort(out.begin(), out.end(),
                   [&](const Row* a, const Row* b) { return a->number(column) < b->number(column); });
  return out;
}

}  // namespace

std::string area_note(const std::vector<Row>& rows) {
  double least = 1e300, most = 0;
  for (const Row& row : rows)
    if (const double area = row.number("reference_area"); row.done && area > 0)
      least = std::min(least, area), most = std::max(most, area);
  if (!(most > 1.001 * least)) return {};
  return str("the coefficients refer to each design's own area, ", least, " to ", most,
             " m2: compare CdA or the forces, or pass --baseline-area");
}

std::string ranking_text(const std::vector<Row>& rows, const std::string& column, std::size_t count) {
  const auto best = ranked(rows, column);
  std::size_t width = 8;
  for (std::size_t i = 0; i < std::min(count, best.size()); ++i)
    width = std::max(width, std::min<std::size_t>(best[i]->design.size(), 40));
  std::ostringstream out;
  const std::string note = area_note(rows);
  const bool other = column != "Cd" && column != "Cl" && column != "CdA";
  out << std::left << std::setw(static_cast<int>(width)) << "design" << std::right;
  if (other) out << std::setw(12) << column;
  out << std::setw(10) << "Cd" << std::setw(10) << "Cl";
  if (!note.empty()) out << std::setw(12) << "CdA m2";
  out << std::setw(12) << "similarity" << '\n';
  for (std::size_t i = 0; i < std::min(count, best.size()); ++i) {
    const Row& row = *best[i];
    out << std::left << std::setw(static_cast<int>(width)) << row.design.substr(0, 40) << std::right << std::fixed;
    if (other) out << std::setprecision(5) << std::setw(12) << row.number(column);
    out << std::setprecision(4) << std::setw(10) << row.number("Cd") << std::setw(10) << row.number("Cl");
    if (!note.empty()) out << std::setprecision(6) << std::setw(12) << row.number("CdA");
    const double distance = row.number("similarity_distance");
    if (std::isnan(distance))
      out << std::setw(12) << "-";
    else
      out << std::setprecision(2) << std::setw(12) << distance;
    if (!row.trusted()) out << "  extrapolation";
    out << '\n';
  }
  if (best.size() > count) out << "and " << best.size() - count << " more: " << solver::kTableCsv << '\n';
  if (!note.empty()) out << note << '\n';
  return out.str();
}

std::string summary_json(const std::vector<Row>& rows, const std::string& column) {
  std::size_t done = 0, trusted = 0;
  Json failed = Json::array();
  for (const Row& row : rows) {
    done += row.done, trusted += row.trusted();
    if (!row.done) failed.push_back({{"design", row.design}, {"message", row.message}});
  }
  Json out = {{"designs", rows.size()}, {"done", done}, {"failed", rows.size() - done}, {"trusted", trusted}};
  out["failures"] = failed;
  if (const std::string note = area_note(rows); !note.empty()) out["note"] = note;
  out["ranking"] = Json::array();
  for (const Row* row : ranked(rows, column)) {
    out["ranking"].push_back({{"design", row->design},
                              {"Cd", row->number("Cd")},
                              {"Cl", row->number("Cl")},
                              {"CdA_m2", row->number("CdA")},
                              {"drag_N", row->number("drag_N")},
                              {"trusted", row->trusted()}});
    if (out["ranking"].size() == 20) break;
  }
  return core::json_text(out);
}

}  // namespace streamtube::apps
