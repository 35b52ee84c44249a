#include "apps/cli/results.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <sstream>

#include "apps/cli/command.hpp"
#include "apps/cli/forces_report.hpp"
#include "apps/cli/point_output.hpp"
#include "apps/cli/repair_option.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "geometry/distance.hpp"
#include "mesh_io/mesh_io.hpp"
#include "solver/similarity.hpp"

namespace streamtube::apps {
namespace {

namespace fs = std::filesystem;
using core::Json;
using core::str;

Json extrapolation_json(const std::vector<solver::Extrapolation>& list) {
  Json out = Json::array();
  for (const auto& e : list)
    out.push_back({{"quantity", e.quantity}, {"value", e.value}, {"min", e.min}, {"max", e.max}, {"unit", e.unit}});
  return out;
}

Json similarity_json(const std::optional<geometry::ShapeDistance>& similarity) {
  if (!similarity) return nullptr;
  Json out = {{"distance", similarity->distance},
              {"percentile", similarity->percentile},
              {"nearest_case", similarity->nearest},
              {"limit", similarity->limit},
              {"descriptors", Json::object()}};
  for (const auto& one : similarity->outstanding)
    out["descriptors"][geometry::kDescriptorNames[one.descriptor]] = {
        {"value", one.value}, {"min", one.min}, {"max", one.max}, {"deviations", one.deviations}};
  return out;
}

Json part_json(const PartInfo& part) {
  Json out = {{"name", part.name}, {"faces", part.faces}, {"area_m2", part.area}};
  if (!part.role.empty()) out["role"] = part.role;
  if (!part.colour.empty()) out["colour"] = part.colour;
  if (part.left_out) out["left_out"] = true;
  return out;
}

Json cad_json(const std::string& file, const mesh_io::ReadReport& r) {
  return {{"file", file},           {"format", r.format}, {"unit", r.unit},           {"solids", r.solids},
          {"surfaces", r.surfaces}, {"faces", r.faces},   {"triangles", r.triangles}, {"deviation_m", r.deviation}};
}

// The body was computed `factor` times as large.
Json scale_json(const solver::ModelScale& scale) {
  return {{"factor", 1 / scale.factor}, {"why", scale.why.empty() ? Json(nullptr) : Json(scale.why)}};
}

Json points_json(const Result& r) { return core::parse_json(points_json_text(r.run.points_file, r.points)); }

Json result_json(const Result& r) {
  const auto& f = r.answer.forces;
  Json out = core::parse_json(forces_json_text(f));
  for (const auto& patch : f.patches)
    if (const std::string role = r.options->parts.role(patch.name); !role.empty())
      out["patches"][patch.name]["role"] = role;
  out["flow"] = {{"velocity_m_s", f.scales.velocity},
                 {"density_kg_m3", f.scales.density},
                 {"kinematic_viscosity_m2_s", r.options->viscosity},
                 {"dynamic_pressure_Pa", f.scales.dynamic_pressure()},
                 {"reynolds_number", r.answer.reynolds_number}};
  for (const auto& [condition, value] : r.options->conditions.values()) out["flow"]["conditions"][condition] = value;
  out["model"] = {{"name", r.model->name},
                  {"fingerprint", r.model->fingerprint},
                  {"errors", surrogate::errors_text(*r.model)},
                  {"poor", surrogate::is_poor(*r.model)}};
  out["scale"] = scale_json(r.asked.placement.model);
  for (const auto& field : r.options->volume_fields(*r.model))
    out["model"]["decoders"][field.name] = physics::name(field.decoder);
  if (!r.options->derive.empty()) out["derived_fields"] = r.options->derived_names();
  if (!r.run.points_file.empty()) out["points"] = points_json(r);
  out["extrapolation"] = extrapolation_json(r.answer.extrapolation);
  out["similarity"] = similarity_json(r.answer.similarity);
  out["warnings"] = r.warnings;
  return out;
}

Json run_json(const Result& r) {
  const CaseOptions& options = *r.options;
  const Placement& placement = r.asked.placement;
  const auto or_null = [](double value) { return std::isnan(value) ? Json(nullptr) : Json(value); };
  Json run;
  run["program"] = {{"name", "streamtube"}, {"version", core::version()}, {"command", r.run.command}};
  run["engine"] = r.run.engine;
  run["model"] = {{"name", r.model->name},
                  {"fingerprint", r.model->fingerprint},
                  {"file", r.run.model_file.empty() ? Json("built in") : Json(r.run.model_file)}};
  run["date"] = utc_now();
  run["command_line"] = command_line();
  run["inputs"] = Json::array();
  const auto input = [&](const std::string& file, const char* role) {
    run["inputs"].push_back({{"file", file}, {"role", role}, {"sha256", core::sha256_file(file)}});
  };
  for (const auto& file : r.asked.files) input(file, "geometry");
  if (!options.surface.empty()) input(options.surface, "surface");
  if (options.volume != "none" && options.volume != "adaptive" && options.volume != "grid")
    input(options.volume, "volume");
  if (!r.run.points_file.empty()) input(r.run.points_file, "points");
  if (!r.run.model_file.empty() && r.run.model_sha256.empty()) input(r.run.model_file, "model");
  if (!r.run.model_sha256.empty())
    run["inputs"].push_back({{"file", r.run.model_file}, {"role", "model"}, {"sha256", r.run.model_sha256}});
  if (!r.design.empty()) run["design"] = core::parse_json(r.design);
  run["options"] = {
      {"velocity", r.answer.forces.scales.velocity},
      {"density", options.density},
      {"viscosity", options.viscosity},
      {"conditions", Json(options.conditions.values())},
      {"scale", options.frame.scale()},
      {"unit", placement.unit},
      {"deviation", options.parts.deviation() > 0 ? Json(options.parts.deviation()) : Json(nullptr)},
      {"part", options.parts.given()},
      {"cut_ground", options.parts.cut_ground()},
      {"volume", options.volume},
      {"derive", options.derived_names()},
      {"vorticity", options.vorticity ? Json(physics::name(*options.vorticity)) : Json(nullptr)},
      {"vorticity_cell", options.vorticity_cell.empty() ? Json(nullptr) : Json(options.vorticity_cell)},
      {"points_on", options.points_on},
      {"surface_resolution", options.resolution_text.empty() ? Json(nullptr) : Json(options.resolution_text)},
      {"evaluation", r.run.evaluation},
      {"reference_area", or_null(options.area)},
      {"reference_length", or_null(options.length)},
      {"cell", or_null(options.cell)},
      {"threads", r.run.device.threads},
      {"backend", core::backend() == core::Backend::cuda ? "cuda" : "openmp"},
      {"precision", surrogate::name(r.run.precision)},
      {"seed", options.seed}};
  if (options.draws > 1) run["options"]["draws"] = options.draws;
  run["frame"] = {{"unit", placement.unit},
                  {"metres_per_unit", placement.metres_per_unit()},
                  {"flow_direction", placement.frame.axes[0]},
                  {"up", placement.frame.axes[2]},
                  {"file_to_model", placement.matrix()},
                  {"scale", scale_json(placement.model)},
                  {"decided", r.asked.frame_notes}};
  run["repair"] = core::parse_json(repair_json_text(r.options->repair, r.asked.repair));
  run["parts"] = Json::array();
  for (const auto& part : r.asked.parts) run["parts"].push_back(part_json(part));
  for (const auto& [file, report] : r.asked.cad) run["cad"].push_back(cad_json(file, report));
  if (!r.run.points_file.empty()) run["options"]["points"] = r.run.points_file, run["points"] = points_json(r);
  run["volume"] = r.answer.volume_source.empty() ? Json(nullptr) : Json(r.answer.volume_source);
  run["devices"] = Json::array();
  for (const auto& device : core::devices())
    run["devices"].push_back({{"name", device.name}, {"backend", device.backend}, {"threads", device.threads}});
  run["extrapolation"] = extrapolation_json(r.answer.extrapolation);
  run["similarity"] = similarity_json(r.answer.similarity);
  run["warnings"] = r.warnings;
  for (const auto& [what, seconds] : r.stages.seconds()) run["seconds"][what] = seconds;
  run["seconds"]["total"] = r.stages.total();
  run["peak_memory"] = core::peak_resident_memory();
  return run;
}

void to_file_frame(const Placement& placement, solver::Answer& answer) {
  const geometry::Frame& frame = placement.frame;
  geometry::to_file(frame, answer.surface);
  geometry::to_file(frame, answer.volume);
  geometry::to_file(frame, answer.samples);
  answer.forces.axes = solver::axes_to_file(placement.of_metres(), answer.forces.axes);
}

// What a reader of the volume's arrays should know of them.
mesh_io::Metadata volume_metadata(const Result& r) {
  mesh_io::Metadata out;
  const auto fields = r.options->volume_fields(*r.model);
  for (const auto& field : fields)
    if (field.decoder != physics::Decoder::direct)
      out.emplace_back(field.name, field.decoder == physics::Decoder::curl
                                       ? "curl of the predicted velocity"
                                       : "exact curl of a predicted vector potential");
  const auto velocity = physics::find_field(fields, "velocity", 3);
  const bool exact = !velocity.spec || velocity.spec->decoder == physics::Decoder::direct;
  for (const auto one : r.options->derive)
    out.emplace_back(physics::name(one), str(physics::unit(one), exact ? ", from exact derivatives"
                                                                       : ", from differences of exact velocities"));
  return out;
}

}  // namespace

void Stages::end(const std::string& what) {
  const auto now = Clock::now();
  seconds_.emplace_back(what, std::chrono::duration<double>(now - mark_).count());
  mark_ = now;
  core::check_interrupt();
}

void Stages::add(const std::vector<std::pair<std::string, double>>& measured) {
  seconds_.insert(seconds_.end(), measured.begin(), measured.end());
  mark_ = Clock::now();
}

double Stages::total() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

std::vector<std::string> result_names() {
  return {kSurface,        kBody,           kVolume, kSamples, kSampleTable, kCentreLine,
          kPointFields[0], kPointFields[1], kForces, kPicture, kCollection,  kRun};
}

Slice plan_slice(const surrogate::Checkpoint& model, solver::Case& question) {
  const Box box = question.body.bounds();
  const Vec3 size = box.size();
  const Box domain = model.at_scale(question.model_scale).domain;
  Slice slice;
  const double x1 = std::min(domain.high[0], box.high[0] + 1.3 * size[0]);
  const double z1 = std::min(domain.high[2], box.high[2] + 0.55 * size[0]);
  slice.x0 = std::max(domain.low[0], box.low[0] - 0.5 * size[0]);
  slice.z0 = domain.low[2];
  slice.y = 0.5 * (box.low[1] + box.high[1]);
  slice.columns = 600;
  slice.step = (x1 - slice.x0) / static_cast<double>(slice.columns - 1);
  slice.rows = 1 + static_cast<std::size_t>(std::max(1.0, (z1 - slice.z0) / slice.step));
  slice.speed.assign(slice.columns * slice.rows, std::numeric_limits<float>::quiet_NaN());
  std::vector<Vec3> points;
  for (std::size_t k = 0; k < slice.rows; ++k)
    for (std::size_t i = 0; i < slice.columns; ++i)
      points.push_back(
          {slice.x0 + static_cast<double>(i) * slice.step, slice.y, slice.z0 + static_cast<double>(k) * slice.step});
  const auto inside = geometry::DistanceField(question.body).inside(points);
  for (std::size_t i = 0; i < points.size(); ++i)
    if (!inside[i]) {
      question.probes.push_back(points[i]);
      slice.speed[i] = 0;  // to be filled
    }
  return slice;
}

void write_body(OutputFolder& folder, const solver::Case& question, const Placement& placement) {
  geometry::SurfaceMesh body = question.body;
  geometry::to_file(placement.frame, body);
  mesh_io::write_vtp(folder.file(kBody), body);
}

namespace {

void draw(const std::string& file, const geometry::SurfaceMesh& body, const Picture& picture,
          const std::string& title) {
  const geometry::Attribute* cp = nullptr;
  for (const auto& a : body.attributes)
    if (a.name == "Cp" && a.components == 1) cp = &a;
  core::expect(cp != nullptr, "write_results: the surface has no Cp");
  const double limit = colour_limit(cp->values);
  std::vector<BodyPanel> panels;
  for (const View view : picture.options.views({View::iso}))
    panels.push_back({&body, cp, picture.options.range("Cp").value_or(ColourRange{-limit, limit}), view, body.bounds(),
                      panels.empty() ? title : "", "Cp"});
  write_picture(file, panels, &picture.slice, picture.options.range("speed"));
}

}  // namespace

void write_results(OutputFolder& folder, Result& r, Picture* picture, const WantedFiles& wanted) {
  solver::Answer& answer = r.answer;
  const mesh_io::Metadata metadata = {{"program", "streamtube " + core::version()},
                                      {"model", r.model->name},
                                      {"model_fingerprint", r.model->fingerprint},
                                      {"pressure", "static, relative to the free stream"},
                                      {"wall_shear_stress", "by the fluid on the body"}};
  if (picture) {
    std::size_t probe = 0;
    for (float& speed : picture->slice.speed)
      if (!std::isnan(speed)) speed = static_cast<float>(norm(answer.probe_velocity[probe++]));
    std::ostringstream title;
    title << "Cp, " << fs::path(r.asked.files.front()).filename().string() << " at " << answer.forces.scales.velocity
          << " m/s: Cd " << std::fixed << std::setprecision(4) << answer.forces.coefficients.cd() << ", Cl "
          << answer.forces.coefficients.cl();
    draw(folder.file(kPicture), answer.surface, *picture, title.str());
    r.stages.end("picture");
  }
  if (const std::string text = no_flow_text(answer.samples, r.asked.samples); !text.empty()) {
    r.warnings.push_back(text);
    core::warn(text);
  }
  if (wanted.surface) write_centre_line(folder, answer.surface, r.asked.middle, r.asked.placement);
  to_file_frame(r.asked.placement, answer);
  std::vector<mesh_io::PvdEntry> entries;
  if (wanted.surface) {
    mesh_io::write_vtp(folder.file(kSurface), answer.surface, metadata);
    entries.push_back({"surface", kSurface});
  }
  if (wanted.volume && r.options->volume != "none") {
    answer.volume.file_unit = answer.surface.file_unit;  // one scene, one unit
    mesh_io::Metadata all = metadata;
    const mesh_io::Metadata of_volume = volume_metadata(r);
    all.insert(all.end(), of_volume.begin(), of_volume.end());
    mesh_io::write_vtu(folder.file(kVolume), answer.volume, all);
    entries.push_back({"volume", kVolume});
  }
  if (!answer.samples.points.empty()) {
    answer.samples.file_unit = answer.surface.file_unit;
    write_samples(folder, answer.samples, r.asked.samples, r.asked.placement);
    entries.push_back({"samples", kSamples});
  }
  if (!entries.empty()) mesh_io::write_pvd(folder.file(kCollection), entries);
  core::write_text(folder.file(kForces), core::json_text(result_json(r), 2) + "\n");
  r.stages.end("writing");
  core::write_text(folder.file(kRun), core::json_text(run_json(r), 2) + "\n");
}

std::string result_json_text(const Result& result, const std::vector<std::string>& files) {
  Json out = result_json(result);
  if (!files.empty()) out["files"] = files;
  return core::json_text(out, 2) + "\n";
}

std::string result_text(const Result& r, const std::string& folder, const std::vector<std::string>& files) {
  const auto& f = r.answer.forces;
  std::ostringstream out;
  out << fs::path(r.asked.files.front()).filename().string() << ", model " << r.model->name << ", " << f.scales.velocity
      << " m/s, Reynolds number " << std::setprecision(3) << r.answer.reynolds_number << std::setprecision(6) << "\n\n"
      << coefficients_table(f) << '\n'
      << reference_lines(f);
  out << "similarity to training: " << (r.answer.similarity ? solver::to_text(*r.answer.similarity) : "not available")
      << '\n';
  if (const std::string errors = surrogate::errors_text(*r.model); !errors.empty())
    out << "errors of the model: " << errors << '\n';
  if (!r.run.points_file.empty()) out << '\n' << points_text(r.run.points_file, r.points);
  if (!r.answer.extrapolation.empty()) out << "\noutside of the training data:\n";
  for (const auto& e : r.answer.extrapolation) out << "  " << to_text(e) << '\n';
  out << "\nresults in " << folder << ":";
  for (const auto& file : files) out << ' ' << fs::path(file).filename().string();
  out << "\nopen " << (fs::path(folder) / kCollection).string() << " in ParaView\n";
  return out.str();
}

std::string plan_json_text(const solver::Plan& plan, const std::string& folder) {
  Json out = {{"dry_run", true},
              {"out", folder},
              {"surface_points", plan.surface_points},
              {"volume_points", plan.volume_points},
              {"memory", plan.memory}};
  for (const auto& [what, how_much] : plan.lines) out["plan"][what] = how_much;
  out["warnings"] = plan.warnings;
  out["refused"] = Json::array();
  for (const auto& error : plan.refusals) out["refused"].push_back({{"why", error.message()}, {"hint", error.hint()}});
  out["extrapolation"] = extrapolation_json(plan.extrapolation);
  out["similarity"] = similarity_json(plan.similarity);
  return core::json_text(out, 2) + "\n";
}

std::string plan_text(const solver::Plan& plan, const std::string& folder) {
  std::ostringstream out;
  out << "plan (nothing is written)\n" << std::left;
  for (const auto& [what, how_much] : plan.lines) out << "  " << std::setw(19) << what << how_much << '\n';
  out << "  " << std::setw(19) << "similarity"
      << (plan.similarity ? solver::to_text(*plan.similarity) : "not available") << '\n';
  out << "  " << std::setw(19) << "results to" << folder << (fs::exists(folder) ? " (exists)" : "") << '\n';
  for (const auto& error : plan.refusals)
    out << "  " << std::setw(19) << "REFUSED" << error.message() << (error.hint().empty() ? "" : ": ") << error.hint()
        << '\n';
  return out.str();
}

}  // namespace streamtube::apps
