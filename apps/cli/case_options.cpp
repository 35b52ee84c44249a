#include "apps/cli/case_options.hpp"

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>

#include "apps/cli/derived.hpp"
#include "apps/cli/repair_option.hpp"
#include "apps/cli/resolution.hpp"
#include "core/error.hpp"
#include "core/log.hpp"
#include "mesh_io/mesh_io.hpp"
#include "solver/range_check.hpp"

namespace streamtube::apps {

using core::Error;
using core::ErrorKind;
using core::str;

void CaseOptions::declare(CLI::App& app) {
  app.add_option("--velocity", velocity, "Free stream, m/s; default: the velocity the model was trained at");
  app.add_option("--density", density, "Density, kg/m3")->capture_default_str();
  app.add_option("--viscosity", viscosity, "KINEMATIC viscosity, m2/s (air: 1.5e-5)")->capture_default_str();
  conditions.declare(app);
  frame.declare(app);
  parts.declare(app);
  parts.declare_ground(app);
  declare_repair(app, repair);
  app.add_option(
      "--volume", volume,
      "Where volume fields are wanted: adaptive (mesh refined as the training data's; the default), grid, none, or "
      "a mesh file (VTU, VTK)");
  app.add_option("--inside", inside, kInsideHelp)->check(CLI::IsMember({"nan", "keep"}))->capture_default_str();
  app.add_option("--derive", derive_text,
                 "Further volume fields, from the exact derivatives of the velocity, names between commas: "
                 "q_criterion, lambda2 (1/s^2), strain_rate, divergence, velocity_gradient (1/s)")
      ->join(',');
  app.add_option("--vorticity", vorticity_text, kVorticityHelp);
  app.add_option(
      "--vorticity-cell", vorticity_cell,
      "own, or metres: vorticity as the mean over each cell of the volume's mesh, or over cells so large, with "
      "the wall's velocity at walls, as a finite-volume solver has it; from the model's velocity");
  app.add_option("--cell", cell, "Cell size of --volume grid, m; default: a fortieth of the body's length");
  samples.declare(app);
  app.add_option("--points-on", points_on, "Fields on cells or vertices of the meshes")
      ->check(CLI::IsMember({"cells", "vertices"}))
      ->capture_default_str();
  app.add_option("--surface", surface,
                 "Another surface mesh of the same body on which surface fields are wanted and forces integrated, for "
                 "example that of a CFD run; GEOMETRY still tells the model the shape");
  app.add_option("--surface-resolution", resolution_text, kResolutionHelp);
  app.add_option("--reference-area", area, "Reference area of the coefficients, m2; default: the frontal area");
  app.add_option("--reference-length", length, "Reference length of the moments, m; default: the length along x");
  app.add_option("--moment-centre", moment_center,
                 "X,Y,Z in metres, in the frame of the files: the point that moments refer to; default: the middle of "
                 "the body's length and width on the ground. Signs: pitch nose up, roll the right side up, yaw nose to "
                 "the left (seen along the drive)")
      ->delimiter(',')
      ->expected(3);
  app.add_option("--wheelbase", wheelbase,
                 "Metres between the axles, half before and half behind the moments' centre: lift is told at the front "
                 "and the rear one too (Clf, Clr). Without, the axles are those of the parts that are wheels, if any");
  app.add_option("--seed", seed, "Seed of the random anchors")->capture_default_str();
}

void CaseOptions::validate() {
  frame.validate();
  conditions.validate();
  samples.validate();
  parts.validate();
  const auto positive = [](const char* option, double value, bool given) {
    if (given && !(std::isfinite(value) && value > 0))
      throw Error(ErrorKind::usage, str(option, ": ", value, " is not a positive number"));
  };
  positive("--velocity", velocity, !std::isnan(velocity));
  positive("--density", density, true);
  positive("--wheelbase", wheelbase, !std::isnan(wheelbase));
  positive("--viscosity", viscosity, true);
  positive("--cell", cell, !std::isnan(cell));
  positive("--vorticity-cell", vorticity_cell_size(), !vorticity_cell.empty() && vorticity_cell != "own");
  if (vorticity_cell == "own" && (points_on != "cells" || samples.wanted()))
    throw Error(ErrorKind::usage, "--vorticity-cell own is about the cells of the volume's mesh, not about points",
                "pass a size in metres, or leave out --points-on, --probes, --line and --plane");
  positive("--reference-area", area, !std::isnan(area));
  positive("--reference-length", length, !std::isnan(length));
  if (volume.empty()) volume = "adaptive";
  if (!std::isnan(cell) && volume != "grid")
    throw Error(ErrorKind::usage, str("--cell is the cell size of --volume grid, but the volume is '", volume, "'"));
  if (volume != "adaptive" && volume != "grid" && volume != "none" && !std::filesystem::exists(volume))
    throw Error(ErrorKind::input, str("--volume: there is no file '", volume, "'"),
                "use adaptive, grid, none or the name of a mesh file");
  resolution = parse_resolution(resolution_text);
  derive = parse_derive(derive_text);
  vorticity = parse_vorticity(vorticity_text);
  if (vorticity == physics::Decoder::direct && !vorticity_cell.empty())
    throw Error(ErrorKind::usage, "--vorticity-cell is a curl of the velocity, but --vorticity is direct",
                "leave out one of the two");
}

double CaseOptions::vorticity_cell_size() const {
  if (vorticity_cell.empty() || vorticity_cell == "own") return 0;
  char* end = nullptr;
  const double size = std::strtod(vorticity_cell.c_str(), &end);
  return *end == '\0' ? size : std::nan("");
}

std::vector<std::string> CaseOptions::derived_names() const {
  std::vector<std::string> names;
  for (const auto one : derive) names.push_back(physics::name(one));
  return names;
}

std::vector<physics::FieldSpec> CaseOptions::volume_fields(const surrogate::Checkpoint& model) const {
  physics::Normalizer normalizer = model.normalizer;
  if (!vorticity_cell.empty())
    normalizer.set_vorticity_decoder(physics::Decoder::curl, model.name);
  else if (vorticity)
    normalizer.set_vorticity_decoder(*vorticity, model.name);
  return normalizer[physics::Branch::volume].fields;
}

namespace {

void note(BodyCase& out, const std::string& file, const std::vector<std::string>& warnings) {
  for (const auto& warning : warnings) {
    out.warnings.push_back(str("'", file, "': ", warning));
    core::warn(out.warnings.back());
  }
}

// Where moments and lift refer to: what is given, else the wheels among the parts.
void settle_axles(BodyCase& asked, const CaseOptions& options) {
  solver::Case& question = asked.question;
  const geometry::SurfaceMesh& body = question.body;
  const Box box = body.bounds();
  const double middle = 0.5 * (box.low[0] + box.high[0]);
  if (!options.moment_center.empty()) {
    const Vec3 given{options.moment_center[0], options.moment_center[1], options.moment_center[2]};
    question.moment_center = asked.placement.frame.to_model(asked.placement.scale * given);
  }
  if (!std::isnan(options.wheelbase)) {
    const double center = question.moment_center ? (*question.moment_center)[0] : middle;
    question.axles = {{center - 0.5 * options.wheelbase, center + 0.5 * options.wheelbase}};
    return;
  }
  Box wheels[2];  // before and behind the middle
  for (std::size_t f = 0; f < body.face_count(); ++f) {
    if (options.parts.role(body.patch_names[static_cast<std::size_t>(body.patch[f])]) != "wheels") continue;
    Box& side = wheels[body.centroid(f)[0] < middle ? 0 : 1];
    for (std::size_t i = 0; i < body.corner_count(f); ++i) side.add(body.corner(f, i));
  }
  if (wheels[0].empty() || wheels[1].empty()) return;
  question.axles = {{0.5 * (wheels[0].low[0] + wheels[0].high[0]), 0.5 * (wheels[1].low[0] + wheels[1].high[0])}};
}

}  // namespace

LoadedBody load_body(const std::vector<std::string>& files, const CaseOptions& options,
                     const surrogate::Checkpoint& model) {
  LoadedBody out;
  out.name = files.front(), out.files = files;
  out.frame = options.frame;  // notes what it decides for this body
  out.body = out.frame.load(files, options.parts, model);
  return out;
}

BodyCase read_case(const std::vector<std::string>& files, const CaseOptions& options,
                   const surrogate::Checkpoint& model) {
  return make_case(load_body(files, options, model), options, model);
}

BodyCase make_case(LoadedBody loaded, const CaseOptions& options, const surrogate::Checkpoint& model) {
  BodyCase out;
  out.files = std::move(loaded.files);
  solver::Case& question = out.question;
  question.name = loaded.name;
  FrameOptions& frame = loaded.frame;
  Body body = std::move(loaded.body);
  out.placement = frame.put(body, options.parts, options.repair, model);
  note(out, question.name, body.warnings);
  out.parts = std::move(body.parts);
  out.cad = std::move(body.cad);
  for (const auto& [file, report] : out.cad) core::info(str(file, ": ", to_text(report)));
  move_to_case(body, question);
  if (const std::string text = solver::asymmetry_text(model, question.body); !text.empty()) frame.note(text);
  core::info(str(question.name, ": ", question.report.triangles, " triangles, ", question.report.bounds.size()[0],
                 " x ", question.report.bounds.size()[1], " x ", question.report.bounds.size()[2], " m"));
  if (!options.surface.empty()) {
    Body other = read_placed(options.surface, options.parts, model, out.placement);
    note(out, options.surface, other.warnings);
    question.surface = std::move(other.mesh);
    question.surface_name = options.surface;
    question.forces_on_body = false, question.hidden.clear();
  }
  if (options.resolution.wanted()) {
    const bool of_body = !question.surface;
    if (of_body) question.surface_name = question.name;
    question.surface = geometry::refine(of_body ? question.body : *question.surface, options.resolution);
    question.hidden.clear();
    if (question.forces_on_body)
      question.hidden = geometry::hidden_faces(*question.surface, question.body, body.repair.tolerance);
    question.forces_on_body |= of_body;
    if (question.forces_on_body) mark_contact(body, question);
    core::info(str("surface for the results: ", question.surface->face_count(), " faces"));
  }
  out.repair = std::move(body.repair);
  question.volume = options.volume == "none"       ? solver::VolumeOutput::none
                    : options.volume == "adaptive" ? solver::VolumeOutput::adaptive
                    : options.volume == "grid"     ? solver::VolumeOutput::grid
                                                   : solver::VolumeOutput::mesh;
  if (question.volume == solver::VolumeOutput::mesh) {
    question.volume_mesh = mesh_io::read_volume(options.volume, out.placement.metres_per_unit());
    geometry::to_model(out.placement.frame, question.volume_mesh);
    question.volume_name = options.volume;
    question.keep_inside = options.inside == "keep";
  }
  if (options.samples.wanted()) {
    question.sample_mesh = options.samples.mesh(out.placement, model.at_scale(out.placement.model.factor).domain,
                                                question.body.bounds().size()[0], out.samples);
    question.keep_inside = options.inside == "keep";
  }
  if (!std::isnan(options.cell)) question.grid_cell = options.cell;
  if (options.volume != "none" || options.samples.wanted()) question.derive = options.derive;
  question.vorticity = options.vorticity;
  question.vorticity_cell = options.vorticity_cell_size();
  question.vorticity_of_own_cells = options.vorticity_cell == "own";
  if (!std::isnan(options.area)) question.reference_area = options.area;
  if (!std::isnan(options.length)) question.reference_length = options.length;
  settle_axles(out, options);
  const Box box = question.body.bounds();
  out.middle = 0.5 * (box.low[1] + box.high[1]);
  question.points_on = options.points_on == "cells" ? solver::Location::cells : solver::Location::vertices;
  question.flow = {std::isnan(options.velocity) ? model.reference.velocity : options.velocity, options.density,
                   options.viscosity};
  question.model_scale = out.placement.model.factor;
  question.conditions = options.conditions.values();
  question.seed = options.seed, question.draws = options.draws;
  out.frame_notes = frame.notes();
  return out;
}

}  // namespace streamtube::apps
