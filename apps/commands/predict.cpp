#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "apps/cli/derived.hpp"
#include "apps/cli/device_options.hpp"
#include "apps/cli/forces_report.hpp"
#include "apps/cli/frame.hpp"
#include "apps/cli/model.hpp"
#include "apps/cli/output_folder.hpp"
#include "apps/cli/parts.hpp"
#include "apps/cli/picture.hpp"
#include "apps/cli/point_output.hpp"
#include "apps/cli/precision_option.hpp"
#include "apps/cli/read_body.hpp"
#include "apps/cli/repair_option.hpp"
#include "apps/cli/resolution.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/log.hpp"
#include "core/processes.hpp"
#include "core/runtime.hpp"
#include "geometry/distance.hpp"
#include "mesh_io/h5/point_file.hpp"
#include "mesh_io/mesh_io.hpp"
#include "solver/neural/neural_engine.hpp"
#include "solver/points/point_stream.hpp"
#include "solver/similarity.hpp"

namespace streamtube::apps {
namespace {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::str;
using Json = nlohmann::ordered_json;

constexpr const char* kSurface = "surface.vtp";
constexpr const char* kVolume = "volume.vtu";
constexpr const char* kForces = "forces.json";
constexpr const char* kCollection = "results.pvd";
constexpr const char* kPicture = "picture.png";
constexpr const char* kRun = "run.json";  // the last one: with it the results are complete

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

Json cad_json(const std::string& file, const mesh_io::CadReport& r) {
  return {{"file", file},           {"format", r.format}, {"unit", r.unit},           {"solids", r.solids},
          {"surfaces", r.surfaces}, {"faces", r.faces},   {"triangles", r.triangles}, {"deviation_m", r.deviation}};
}

class Predict : public Command {
 public:
  std::string name() const override { return "predict"; }
  std::string summary() const override { return "Predict surface and volume flow fields and forces of a body"; }

  void declare(CLI::App& app) override {
    app.add_option("geometry", geometry_,
                   "Surface of the body (STL, OBJ, PLY, VTP, VTU, VTK, VTM, STEP, IGES), flow along +x, z up if not "
                   "told otherwise; several files: parts of one body")
        ->required();
    app.add_option("--model", model_, "Checkpoint (.h5); default: the built-in Ahmed-body model");
    app.add_option("--velocity", velocity_, "Free stream, m/s; default: the velocity the model was trained at");
    app.add_option("--density", density_, "Density, kg/m3")->capture_default_str();
    app.add_option("--viscosity", viscosity_, "KINEMATIC viscosity, m2/s (air: 1.5e-5)")->capture_default_str();
    frame_.declare(app);
    parts_.declare(app);
    parts_.declare_ground(app);
    declare_repair(app, repair_options_);
    app.add_option("-o,--out", out_, "Folder for the results; default: <geometry>_streamtube in the working folder");
    app.add_option(
        "--volume", volume_,
        "Where volume fields are wanted: adaptive (mesh refined as the training data's; the default), grid, none, or "
        "a mesh file (VTU, VTK)");
    app.add_option("--points", points_,
                   "Points, any number of them, at which fields are wanted too (HDF5, made by `streamtube points` or "
                   "any HDF5 library): written while they are computed to surface.hdf and volume.hdf, also by "
                   "several processes (mpirun); --volume is then none by default");
    app.add_option("--derive", derive_text_,
                   "Further volume fields, from the exact derivatives of the velocity, names between commas: "
                   "q_criterion, lambda2 (1/s^2), strain_rate, divergence, velocity_gradient (1/s)")
        ->join(',');
    app.add_option("--vorticity", vorticity_text_, kVorticityHelp);
    app.add_option("--cell", cell_, "Cell size of --volume grid, m; default: a fortieth of the body's length");
    app.add_option("--points-on", points_on_, "Fields on cells or vertices of the meshes")
        ->check(CLI::IsMember({"cells", "vertices"}))
        ->capture_default_str();
    app.add_option(
        "--surface", surface_,
        "Another surface mesh of the same body on which surface fields are wanted and forces integrated, for "
        "example that of a CFD run; GEOMETRY still tells the model the shape");
    app.add_option("--surface-resolution", resolution_text_, kResolutionHelp);
    app.add_option("--reference-area", area_, "Reference area of the coefficients, m2; default: the frontal area");
    app.add_option("--reference-length", length_, "Reference length of the moments, m; default: the length along x");
    app.add_option(
           "--evaluation", evaluation_,
           "cached: points are queries past fixed anchors; chunked-anchors: the published evaluation, each chunk "
           "of points is itself the anchors")
        ->check(CLI::IsMember({"cached", "chunked-anchors"}))
        ->capture_default_str();
    app.add_option("--seed", seed_, "Seed of the random anchors")->capture_default_str();
    declare_device_options(app, device_);
    declare_precision(app, precision_);
    app.add_flag("--picture", picture_, "Also draw picture.png: Cp on the body, speed in the middle plane");
    app.add_flag("--json", json_, "Print the result as JSON on stdout");
    app.add_flag("--dry-run", dry_run_, "Check everything, print the plan and the memory it takes, write nothing");
    app.add_flag("--overwrite", overwrite_, "Replace the results of an earlier run");
  }

  void validate() override {
    frame_.validate();
    if (volume_.empty()) volume_ = points_.empty() ? "adaptive" : "none";
    if (!points_.empty() && evaluation_ != "cached")
      throw Error(ErrorKind::usage,
                  "--points: chunked anchors depend on all points of a run, which --points never holds",
                  "leave out --evaluation, or give the points as --surface and --volume");
    core::check(device_);
    parts_.validate();
    const auto positive = [](const char* option, double value, bool given) {
      if (given && !(std::isfinite(value) && value > 0))
        throw Error(ErrorKind::usage, str(option, ": ", value, " is not a positive number"));
    };
    positive("--velocity", velocity_, !std::isnan(velocity_));
    positive("--density", density_, true);
    positive("--viscosity", viscosity_, true);
    positive("--cell", cell_, !std::isnan(cell_));
    positive("--reference-area", area_, !std::isnan(area_));
    positive("--reference-length", length_, !std::isnan(length_));
    if (!std::isnan(cell_) && volume_ != "grid")
      throw Error(ErrorKind::usage, str("--cell is the cell size of --volume grid, but the volume is '", volume_, "'"));
    if (volume_ != "adaptive" && volume_ != "grid" && volume_ != "none" && !fs::exists(volume_))
      throw Error(ErrorKind::input, str("--volume: there is no file '", volume_, "'"),
                  "use adaptive, grid, none or the name of a mesh file");
    resolution_ = parse_resolution(resolution_text_);
    derive_ = parse_derive(derive_text_);
    vorticity_ = parse_vorticity(vorticity_text_);
    if (volume_ == "none" && points_.empty() && (!derive_.empty() || vorticity_))
      throw Error(
          ErrorKind::usage,
          str(derive_.empty() ? "--vorticity" : "--derive", " is about fields of the volume, but --volume is none"),
          "leave out one of the two");
    if (out_.empty()) out_ = fs::path(geometry_.front()).stem().string() + "_streamtube";
  }

  int execute() override {
    const core::Processes processes = core::Processes::join();
    if (processes.size() > 1 && points_.empty())
      throw Error(ErrorKind::usage,
                  str("mpirun started ", processes.size(),
                      " processes, but only the points of --points "
                      "are shared out between processes"),
                  "start predict without mpirun, or give the points in a file with --points");
    int code = 0;
    processes.run([&] { code = predict(processes); });
    return code;
  }

 private:
  using Clock = std::chrono::steady_clock;

  int predict(const core::Processes& processes) {
    start_ = mark_ = Clock::now();
    const auto checkpoint = load_model(model_);
    stage("reading the model");
    solver::Case question = read_case(checkpoint);
    stage("reading the geometry");
    if (!points_.empty() && (!placement_.frame.identity() || placement_.scale != 1))
      throw Error(
          ErrorKind::usage, "--points are taken in the model's frame, but this body is turned or moved into it",
          "export body and points in the model's frame (`streamtube inspect` on the model), or, if the body may "
          "stand where it does, pass --place off");
    std::optional<mesh_io::PointFile> file;
    std::optional<solver::PointStream> stream;
    if (!points_.empty()) {
      file.emplace(points_);
      // Derived fields are for the volume that there is: of the file, of --volume or of both.
      const bool elsewhere = volume_ != "none" && file->points(physics::Branch::volume) == 0;
      stream.emplace(checkpoint, *file, elsewhere ? std::vector<physics::Derived>{} : derive_, vorticity_, processes);
    }

    device_.usable = processes.usable_threads(), device_.local_rank = processes.rank_on_this_host();
    const core::Runtime runtime(device_);
    solver::NeuralEngine engine(
        checkpoint, evaluation_ == "cached" ? solver::Evaluation::cached : solver::Evaluation::chunked_anchors,
        precision_);
    if (dry_run_) return processes.first() ? print_plan(engine, question, stream) : 0;

    // Before the work: an answer without a place to go to would be lost.
    std::optional<OutputFolder> folder;
    if (processes.first())
      folder.emplace(out_,
                     std::vector<std::string>{kSurface, kVolume, kPointFields[0], kPointFields[1], kForces, kPicture,
                                              kCollection, kRun},
                     overwrite_);
    Slice slice;
    if (picture_ && processes.first()) {
      require_opengl();
      slice = plan_slice(checkpoint, question);
    }
    stage("start-up");
    std::vector<solver::Extrapolation> outside;
    if (stream) {
      if (processes.first()) core::require_disk_space(out_, stream->output_size());
      outside = stream->check();
      stage("checking the points");
    }
    solver::Answer answer;
    solver::PreparedCase prepared;
    if (processes.first()) {
      answer = engine.solve(std::move(question), &prepared);
    } else {
      prepared = engine.prepare(question);
      engine.encode(prepared);
    }
    answer.extrapolation.insert(answer.extrapolation.end(), outside.begin(), outside.end());
    for (const auto& [what, seconds] : answer.seconds) seconds_.emplace_back(what, seconds);
    mark_ = Clock::now();
    for (const auto& warning : answer.warnings) warnings_.push_back(warning), core::warn(warning);
    for (const auto& e : answer.extrapolation) core::warn("extrapolation: " + to_text(e));

    solver::PointsAnswer points;
    try {
      if (stream) {
        points = write_points(*stream, prepared, engine.network(), checkpoint, folder ? &*folder : nullptr, processes);
        for (const auto& [what, seconds] : points.seconds) seconds_.emplace_back(what, seconds);
        mark_ = Clock::now();
      }
      if (!folder) return 0;
      write_results(*folder, checkpoint, engine, answer, points, slice);
    } catch (const Error& error) {
      if (!folder) throw;
      throw Error(error.kind(), folder->with_final_names(error.message()), error.hint());
    }
    const auto files = folder->commit();
    if (json_) {
      Json out = forces_json(checkpoint, answer, points);
      out["files"] = files;
      std::cout << out.dump(2) << '\n';
    } else {
      print_table(checkpoint, answer, points, files);
    }
    return 0;
  }

  Json points_json(const solver::PointsAnswer& points) const { return Json::parse(points_json_text(points_, points)); }

  void stage(const char* what) {
    const auto now = Clock::now();
    seconds_.emplace_back(what, std::chrono::duration<double>(now - mark_).count());
    mark_ = now;
    core::check_interrupt();
  }

  void note(const std::string& file, const std::vector<std::string>& warnings) {
    for (const auto& warning : warnings) {
      warnings_.push_back(str("'", file, "': ", warning));
      core::warn(warnings_.back());
    }
  }

  void to_model(Body& body) const {
    geometry::to_model(placement_.frame, body.mesh);
    if (!placement_.frame.identity()) body.report.bounds = body.mesh.bounds();
  }

  solver::Case read_case(const surrogate::Checkpoint& checkpoint) {
    solver::Case question;
    question.name = geometry_.front();
    const ChooseUnit choose = [&](const Body& in_metres) {
      return frame_.choose_unit(in_metres, checkpoint, in_metres.where);
    };
    Body body = read_body(geometry_, frame_.unit(), parts_, choose);
    placement_ = frame_.place(body, checkpoint);
    to_model(body);
    prepare_body(body, parts_, checkpoint.domain.low[2], repair_options_);
    note(question.name, body.warnings);
    body_parts_ = std::move(body.parts);
    cad_ = std::move(body.cad);
    for (const auto& [file, report] : cad_) core::info(str(file, ": ", to_text(report)));
    move_to_case(body, question);
    repair_ = std::move(body.repair);
    core::info(str(question.name, ": ", question.report.triangles, " triangles, ", question.report.bounds.size()[0],
                   " x ", question.report.bounds.size()[1], " x ", question.report.bounds.size()[2], " m"));
    if (!surface_.empty()) {
      Body other = read_body({surface_}, placement_.unit, parts_, choose);
      rescale(other, placement_.scale);
      to_model(other);
      prepare_body(other, parts_, checkpoint.domain.low[2], {.automatic = false, .rung = geometry::Rung::none});
      note(surface_, other.warnings);
      question.surface = std::move(other.mesh);
      question.surface_name = surface_;
      question.forces_on_body = false, question.hidden.clear();
    }
    if (resolution_.wanted()) {
      if (!question.surface) question.surface_name = question.name;
      question.surface = geometry::refine(question.surface ? *question.surface : question.body, resolution_);
      if (question.forces_on_body)
        question.hidden = geometry::hidden_faces(*question.surface, question.body, repair_.tolerance);
      core::info(str("surface for the results: ", question.surface->face_count(), " faces"));
    }
    question.volume = volume_ == "none"       ? solver::VolumeOutput::none
                      : volume_ == "adaptive" ? solver::VolumeOutput::adaptive
                      : volume_ == "grid"     ? solver::VolumeOutput::grid
                                              : solver::VolumeOutput::mesh;
    if (question.volume == solver::VolumeOutput::mesh) {
      question.volume_mesh = mesh_io::read_volume(volume_, placement_.metres_per_unit());
      geometry::to_model(placement_.frame, question.volume_mesh);
      question.volume_name = volume_;
    }
    if (!std::isnan(cell_)) question.grid_cell = cell_;
    if (volume_ != "none") question.derive = derive_;
    question.vorticity = vorticity_;
    if (!std::isnan(area_)) question.reference_area = area_;
    if (!std::isnan(length_)) question.reference_length = length_;
    question.points_on = points_on_ == "cells" ? solver::Location::cells : solver::Location::vertices;
    question.flow = {std::isnan(velocity_) ? checkpoint.reference.velocity : velocity_, density_, viscosity_};
    question.seed = seed_;
    return question;
  }

  int print_plan(const solver::Engine& engine, const solver::Case& question,
                 const std::optional<solver::PointStream>& stream) const {
    solver::Plan plan = engine.plan(question);
    if (stream) {
      const auto outside = stream->check();
      plan.extrapolation.insert(plan.extrapolation.end(), outside.begin(), outside.end());
      for (const auto& line : plan_lines(*stream)) plan.lines.push_back(line);
    }
    for (const auto& e : plan.extrapolation) core::warn("extrapolation: " + to_text(e));
    if (plan.similarity && plan.similarity->beyond()) core::warn(solver::warning_text(*plan.similarity));
    if (json_) {
      Json out = {{"dry_run", true},
                  {"out", out_},
                  {"surface_points", plan.surface_points},
                  {"volume_points", plan.volume_points},
                  {"memory", plan.memory}};
      for (const auto& [what, how_much] : plan.lines) out["plan"][what] = how_much;
      out["extrapolation"] = extrapolation_json(plan.extrapolation);
      out["similarity"] = similarity_json(plan.similarity);
      std::cout << out.dump(2) << '\n';
      return 0;
    }
    std::cout << "plan (nothing is written)\n";
    for (const auto& [what, how_much] : plan.lines)
      std::cout << "  " << std::left << std::setw(19) << what << how_much << '\n';
    std::cout << "  " << std::setw(19) << "similarity"
              << (plan.similarity ? solver::to_text(*plan.similarity) : "not available") << '\n';
    std::cout << "  " << std::setw(19) << "results to" << out_ << (fs::exists(out_) ? " (exists)" : "") << '\n';
    return 0;
  }

  // The plane for the picture, through the middle of the body; its points outside of the body become probes.
  Slice plan_slice(const surrogate::Checkpoint& checkpoint, solver::Case& question) const {
    const Box box = question.body.bounds();
    const Vec3 size = box.size();
    const Box& domain = checkpoint.domain;
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

  Json forces_json(const surrogate::Checkpoint& checkpoint, const solver::Answer& answer,
                   const solver::PointsAnswer& points) const {
    const auto& f = answer.forces;
    Json out = Json::parse(forces_json_text(f));
    for (const auto& patch : f.patches)
      if (const std::string role = parts_.role(patch.name); !role.empty()) out["patches"][patch.name]["role"] = role;
    out["flow"] = {{"velocity_m_s", f.scales.velocity},
                   {"density_kg_m3", f.scales.density},
                   {"kinematic_viscosity_m2_s", viscosity_},
                   {"dynamic_pressure_Pa", f.scales.dynamic_pressure()},
                   {"reynolds_number", answer.reynolds_number}};
    out["model"] = {{"name", checkpoint.name}, {"fingerprint", checkpoint.fingerprint}};
    for (const auto& field : volume_fields(checkpoint))
      out["model"]["decoders"][field.name] = physics::name(field.decoder);
    if (!derive_.empty()) out["derived_fields"] = derived_names();
    if (!points_.empty()) out["points"] = points_json(points);
    out["extrapolation"] = extrapolation_json(answer.extrapolation);
    out["similarity"] = similarity_json(answer.similarity);
    out["warnings"] = warnings_;
    return out;
  }

  // Of the model, with the decoder that was asked for.
  std::vector<physics::FieldSpec> volume_fields(const surrogate::Checkpoint& checkpoint) const {
    physics::Normalizer normalizer = checkpoint.normalizer;
    if (vorticity_) normalizer.set_vorticity_decoder(*vorticity_, checkpoint.name);
    return normalizer[physics::Branch::volume].fields;
  }
  std::vector<std::string> derived_names() const {
    std::vector<std::string> names;
    for (const auto one : derive_) names.push_back(physics::name(one));
    return names;
  }

  // From here on the answer is in the frame of the files.
  void to_file_frame(solver::Answer& answer) const {
    const geometry::Frame& frame = placement_.frame;
    geometry::to_file(frame, answer.surface);
    geometry::to_file(frame, answer.volume);
    physics::ForceAxes& axes = answer.forces.axes;
    for (Vec3* axis : {&axes.drag, &axes.side, &axes.lift}) *axis = frame.vector_to_file(*axis);
    axes.moment_center = (1 / placement_.scale) * frame.to_file(axes.moment_center);
  }

  void write_results(OutputFolder& folder, const surrogate::Checkpoint& checkpoint, const solver::Engine& engine,
                     solver::Answer& answer, const solver::PointsAnswer& points, Slice& slice) {
    const mesh_io::Metadata metadata = {{"program", "streamtube " + core::version()},
                                        {"model", checkpoint.name},
                                        {"model_fingerprint", checkpoint.fingerprint},
                                        {"pressure", "static, relative to the free stream"},
                                        {"wall_shear_stress", "by the fluid on the body"}};
    if (picture_) {
      std::size_t probe = 0;
      for (float& speed : slice.speed)
        if (!std::isnan(speed)) speed = static_cast<float>(norm(answer.probe_velocity[probe++]));
      std::ostringstream title;
      title << "Cp, " << fs::path(geometry_.front()).filename().string() << " at " << answer.forces.scales.velocity
            << " m/s: Cd " << std::fixed << std::setprecision(4) << answer.forces.coefficients.cd() << ", Cl "
            << answer.forces.coefficients.cl();
      write_picture(folder.file(kPicture), answer.surface, slice, title.str());
      stage("picture");
    }
    to_file_frame(answer);
    mesh_io::write_vtp(folder.file(kSurface), answer.surface, metadata);
    std::vector<mesh_io::PvdEntry> entries = {{"surface", kSurface}};
    const bool has_volume = volume_ != "none";
    if (has_volume) {
      answer.volume.file_unit = answer.surface.file_unit;  // one scene, one unit
      mesh_io::Metadata of_volume = metadata;
      const auto fields = volume_fields(checkpoint);
      for (const auto& field : fields)
        if (field.decoder != physics::Decoder::direct)
          of_volume.emplace_back(field.name, field.decoder == physics::Decoder::curl
                                                 ? "curl of the predicted velocity"
                                                 : "exact curl of a predicted vector potential");
      const auto velocity = physics::find_field(fields, "velocity", 3);
      const bool exact = !velocity.spec || velocity.spec->decoder == physics::Decoder::direct;
      for (const auto one : derive_)
        of_volume.emplace_back(
            physics::name(one),
            str(physics::unit(one), exact ? ", from exact derivatives" : ", from differences of exact velocities"));
      mesh_io::write_vtu(folder.file(kVolume), answer.volume, of_volume);
      entries.push_back({"volume", kVolume});
    }
    mesh_io::write_pvd(folder.file(kCollection), entries);
    core::write_text(folder.file(kForces), forces_json(checkpoint, answer, points).dump(2) + "\n");
    stage("writing");
    Json run;
    run["program"] = {{"name", "streamtube"}, {"version", core::version()}, {"command", "predict"}};
    run["engine"] = engine.name();
    run["model"] = {{"name", checkpoint.name},
                    {"fingerprint", checkpoint.fingerprint},
                    {"file", model_.empty() ? Json("built in") : Json(model_)}};
    run["inputs"] = Json::array();
    const auto input = [&](const std::string& file, const char* role) {
      run["inputs"].push_back({{"file", file}, {"role", role}, {"sha256", core::sha256_file(file)}});
    };
    for (const auto& file : geometry_) input(file, "geometry");
    if (!surface_.empty()) input(surface_, "surface");
    if (!answer.volume_source.empty() && fs::exists(volume_)) input(volume_, "volume");
    if (!points_.empty()) input(points_, "points");
    if (!model_.empty()) input(model_, "model");
    run["options"] = {{"velocity", answer.forces.scales.velocity},
                      {"density", density_},
                      {"viscosity", viscosity_},
                      {"unit", placement_.unit},
                      {"deviation", parts_.deviation() > 0 ? Json(parts_.deviation()) : Json(nullptr)},
                      {"part", parts_.given()},
                      {"cut_ground", parts_.cut_ground()},
                      {"volume", volume_},
                      {"derive", derived_names()},
                      {"vorticity", vorticity_ ? Json(physics::name(*vorticity_)) : Json(nullptr)},
                      {"points_on", points_on_},
                      {"surface_resolution", resolution_text_.empty() ? Json(nullptr) : Json(resolution_text_)},
                      {"evaluation", evaluation_},
                      {"reference_area", std::isnan(area_) ? Json(nullptr) : Json(area_)},
                      {"reference_length", std::isnan(length_) ? Json(nullptr) : Json(length_)},
                      {"cell", std::isnan(cell_) ? Json(nullptr) : Json(cell_)},
                      {"threads", device_.threads},
                      {"backend", core::backend() == core::Backend::cuda ? "cuda" : "openmp"},
                      {"precision", surrogate::name(precision_)},
                      {"seed", seed_}};
    run["frame"] = {{"unit", placement_.unit},
                    {"metres_per_unit", placement_.metres_per_unit()},
                    {"flow_direction", placement_.frame.axes[0]},
                    {"up", placement_.frame.axes[2]},
                    {"file_to_model", placement_.matrix()},
                    {"decided", frame_.notes()}};
    run["repair"] = Json::parse(repair_json_text(repair_options_, repair_));
    run["parts"] = Json::array();
    for (const auto& part : body_parts_) run["parts"].push_back(part_json(part));
    for (const auto& [file, report] : cad_) run["cad"].push_back(cad_json(file, report));
    if (!points_.empty()) run["options"]["points"] = points_, run["points"] = points_json(points);
    run["volume"] = answer.volume_source.empty() ? Json(nullptr) : Json(answer.volume_source);
    run["devices"] = Json::array();
    for (const auto& device : core::devices())
      run["devices"].push_back({{"name", device.name}, {"backend", device.backend}, {"threads", device.threads}});
    run["extrapolation"] = extrapolation_json(answer.extrapolation);
    run["similarity"] = similarity_json(answer.similarity);
    run["warnings"] = warnings_;
    for (const auto& [what, seconds] : seconds_) run["seconds"][what] = seconds;
    run["seconds"]["total"] = std::chrono::duration<double>(Clock::now() - start_).count();
    run["peak_memory"] = core::peak_resident_memory();
    core::write_text(folder.file(kRun), run.dump(2) + "\n");
  }

  void print_table(const surrogate::Checkpoint& checkpoint, const solver::Answer& answer,
                   const solver::PointsAnswer& points, const std::vector<std::string>& files) const {
    const auto& f = answer.forces;
    std::ostringstream out;
    out << fs::path(geometry_.front()).filename().string() << ", model " << checkpoint.name << ", " << f.scales.velocity
        << " m/s, Reynolds number " << std::setprecision(3) << answer.reynolds_number << std::setprecision(6) << "\n\n"
        << coefficients_table(f);
    out << '\n' << reference_lines(f);
    out << "similarity to training: " << (answer.similarity ? solver::to_text(*answer.similarity) : "not available")
        << '\n';
    if (!points_.empty()) out << '\n' << points_text(points_, points);
    if (!answer.extrapolation.empty()) out << "\noutside of the training data:\n";
    for (const auto& e : answer.extrapolation) out << "  " << to_text(e) << '\n';
    out << "\nresults in " << out_ << ":";
    for (const auto& file : files) out << ' ' << fs::path(file).filename().string();
    out << "\nopen " << (fs::path(out_) / kCollection).string() << " in ParaView\n";
    std::cout << out.str();
  }

  static constexpr double kNotGiven = std::numeric_limits<double>::quiet_NaN();
  std::vector<std::string> geometry_;
  FrameOptions frame_;
  Placement placement_;
  PartOptions parts_;
  geometry::RepairOptions repair_options_;
  geometry::Repair repair_;  // without its meshes
  std::vector<PartInfo> body_parts_;
  std::vector<std::pair<std::string, mesh_io::CadReport>> cad_;
  std::string model_, out_, volume_, points_, points_on_ = "cells", surface_, evaluation_ = "cached", derive_text_,
                                              vorticity_text_, resolution_text_;
  geometry::Resolution resolution_;
  std::vector<physics::Derived> derive_;
  std::optional<physics::Decoder> vorticity_;
  double velocity_ = kNotGiven, density_ = 1.225, viscosity_ = 1.5e-5, cell_ = kNotGiven, area_ = kNotGiven,
         length_ = kNotGiven;
  std::uint64_t seed_ = 0;
  core::RuntimeOptions device_;
  surrogate::Precision precision_ = surrogate::Precision::fp32;
  bool json_ = false, dry_run_ = false, overwrite_ = false, picture_ = false;

  Clock::time_point start_, mark_;
  std::vector<std::pair<std::string, double>> seconds_;
  std::vector<std::string> warnings_;
};

}  // namespace

std::unique_ptr<Command> make_predict() { return std::make_unique<Predict>(); }

}  // namespace streamtube::apps
