#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <optional>

#include "apps/cli/case_options.hpp"
#include "apps/cli/device_options.hpp"
#include "apps/cli/forces_report.hpp"
#include "apps/cli/model.hpp"
#include "apps/cli/offscreen.hpp"
#include "apps/cli/output_folder.hpp"
#include "apps/cli/point_output.hpp"
#include "apps/cli/precision_option.hpp"
#include "apps/cli/results.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/log.hpp"
#include "core/processes.hpp"
#include "core/runtime.hpp"
#include "mesh_io/h5/point_file.hpp"
#include "mesh_io/mesh_io.hpp"
#include "solver/flow_region.hpp"
#include "solver/neural/neural_engine.hpp"
#include "solver/points/point_stream.hpp"
#include "solver/similarity.hpp"

namespace streamtube::apps {
namespace {

using core::Error;
using core::ErrorKind;
using core::str;

class Predict : public Command {
 public:
  std::string name() const override { return "predict"; }
  std::string summary() const override { return "Predict surface and volume flow fields and forces of a body"; }

  void declare(CLI::App& app) override {
    app.add_option(
           "geometry", geometry_,
           "Surface of the body (STL, OBJ, PLY, VTP, VTU, VTK, VTM, PVTP, PVTU, VTKHDF, NASTRAN, STEP, IGES), flow "
           "along +x, z up if not "
           "told otherwise; several files: parts of one body")
        ->required();
    app.add_option("--model", model_, kModelHelp);
    app.add_option("--member", member_, kMemberHelp)->check(CLI::PositiveNumber);
    app.add_option("-o,--out", out_, "Folder for the results; default: <geometry>_streamtube in the working folder");
    options_.declare(app);
    app.add_option("--draws", options_.draws,
                   "Draws of geometry points and anchors (--seed and on) over which answers are averaged; forces then "
                   "come with their scatter; takes that many times as long")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    app.add_option("--points", points_,
                   "Points, any number of them, at which fields are wanted too (HDF5, made by `streamtube points` or "
                   "any HDF5 library): written while they are computed to surface.hdf and volume.hdf, also by "
                   "several processes (mpirun); --volume is then none by default");
    app.add_option(
           "--evaluation", evaluation_,
           "cached: points are queries past fixed anchors; chunked-anchors: the published evaluation, each chunk "
           "of points is itself the anchors")
        ->check(CLI::IsMember({"cached", "chunked-anchors"}))
        ->capture_default_str();
    declare_device_options(app, device_);
    declare_precision(app, precision_);
    pictures_.declare(
        app, {"Cp", "speed"},
        app.add_flag("--picture", picture_, "Also draw picture.png: Cp on the body, speed in the middle plane"));
    app.add_flag(
        "--save-body", save_body_,
        "Also write body.vtp: the closed body that is computed, after repair and cuts, in the frame of its files");
    app.add_flag("--json", json_, "Print the result as JSON on stdout");
    app.add_flag("--dry-run", dry_run_, "Check everything, print the plan and the memory it takes, write nothing");
    app.add_flag("--overwrite", overwrite_, "Replace the results of an earlier run");
  }

  void validate() override {
    if (options_.volume.empty() && !points_.empty()) options_.volume = "none";
    if (options_.draws > 1 && (!points_.empty() || evaluation_ != "cached"))
      throw Error(ErrorKind::usage,
                  str("--draws ", options_.draws, ": ", points_.empty() ? "--evaluation chunked-anchors" : "--points",
                      " goes with one draw"),
                  "leave out one of the two");
    if (!points_.empty() && evaluation_ != "cached")
      throw Error(ErrorKind::usage,
                  "--points: chunked anchors depend on all points of a run, which --points never holds",
                  "leave out --evaluation, or give the points as --surface and --volume");
    core::check(device_);
    pictures_.validate();
    options_.validate();
    const bool of_cells = !options_.vorticity_cell.empty();
    if (of_cells && !points_.empty())
      throw Error(ErrorKind::usage, "--vorticity-cell is not there for --points, whose points come one by one",
                  "give the points as --volume or --probes, or take --vorticity curl");
    if (options_.volume == "none" && points_.empty() && !options_.samples.wanted() &&
        (!options_.derive.empty() || options_.vorticity || of_cells))
      throw Error(ErrorKind::usage,
                  str(!options_.derive.empty() ? "--derive"
                      : of_cells               ? "--vorticity-cell"
                                               : "--vorticity",
                      " is about fields of the volume, but --volume is none"),
                  "leave out one of the two");
    if (out_.empty()) out_ = mesh_io::name_of_mesh(geometry_.front()) + "_streamtube";
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
  int predict(const core::Processes& processes) {
    Result result;
    Stages& stages = result.stages;
    const auto whole = load_model(model_);
    const auto checkpoint = member_of(whole, member_, whole.name);
    if (processes.first()) warn_if_poor(checkpoint);
    options_.conditions.check(checkpoint);
    result.model = &checkpoint, result.options = &options_;
    stages.end("reading the model");
    result.asked = read_case(geometry_, options_, checkpoint);
    result.warnings = result.asked.warnings;
    solver::Case question = std::move(result.asked.question);
    stages.end("reading the geometry");
    std::optional<mesh_io::PointFile> file;
    std::optional<solver::PointStream> stream;
    if (!points_.empty()) {
      file.emplace(points_);
      // Derived fields are for the volume that there is: of the file, of --volume or of both.
      const bool elsewhere = options_.volume != "none" && file->points(physics::Branch::volume) == 0;
      stream.emplace(checkpoint, *file, elsewhere ? std::vector<physics::Derived>{} : options_.derive,
                     options_.vorticity, processes, result.asked.placement.of_metres(),
                     result.asked.placement.model.factor);
      if (options_.inside == "keep")
        stream->leave_out([](const Vec3&) { return false; });
      else
        stream->leave_out(
            [region = solver::FlowRegion(question.body, checkpoint.at_scale(question.model_scale).domain.low[2])](
                const Vec3& p) { return region.at(p) != solver::Place::flow; });
    }

    device_.usable = processes.usable_threads(), device_.local_rank = processes.rank_on_this_host();
    const core::Runtime runtime(device_);
    solver::NeuralEngine engine(
        checkpoint, evaluation_ == "cached" ? solver::Evaluation::cached : solver::Evaluation::chunked_anchors,
        precision_);
    result.run = {name(), engine.name(), model_, evaluation_, device_, precision_, points_, {}};
    if (dry_run_) return processes.first() ? print_plan(engine, question, stream) : 0;

    // Before the work: an answer without a place to go to would be lost.
    std::optional<OutputFolder> folder;
    if (processes.first()) {
      folder.emplace(out_, result_names(), overwrite_);
      core::require_disk_space(out_, expected_bytes(question));
    }
    std::optional<Picture> picture;
    if (picture_ && processes.first()) {
      require_opengl();
      picture = Picture{plan_slice(checkpoint, question), pictures_};
    }
    if (folder && save_body_) write_body(*folder, question, result.asked.placement);
    stages.end("start-up");
    std::vector<solver::Extrapolation> outside;
    if (stream) {
      if (processes.first()) core::require_disk_space(out_, stream->output_size());
      outside = stream->check();
      stages.end("checking the points");
    }
    solver::Answer& answer = result.answer;
    solver::PreparedCase prepared;
    if (processes.first()) {
      answer = engine.solve(std::move(question), &prepared);
    } else {
      prepared = engine.prepare(question);
      engine.encode(prepared);
    }
    answer.extrapolation.insert(answer.extrapolation.end(), outside.begin(), outside.end());
    stages.add(answer.seconds);
    for (const auto& warning : answer.warnings) result.warnings.push_back(warning), core::warn(warning);
    for (const auto& e : answer.extrapolation) core::warn("extrapolation: " + to_text(e));

    try {
      if (stream) {
        result.points =
            write_points(*stream, prepared, engine.network(), checkpoint, folder ? &*folder : nullptr, processes);
        stages.add(result.points.seconds);
      }
      if (!folder) return 0;
      write_results(*folder, result, picture ? &*picture : nullptr);
    } catch (const Error& error) {
      if (!folder) throw;
      // What was computed is told, whatever happens to the files.
      std::cout << (json_ ? result_json_text(result)
                          : coefficients_table(answer.forces) + '\n' + reference_lines(answer.forces));
      throw Error(error.kind(), folder->with_final_names(error.message()), error.hint());
    }
    const auto files = folder->commit();
    std::cout << (json_ ? result_json_text(result, files) : result_text(result, out_, files));
    return 0;
  }

  // Of the files, about: arrays of 4 bytes and coordinates of 4, in base64; of a mesh that is still to be made a usual
  // one.
  static std::uint64_t expected_bytes(const solver::Case& question) {
    constexpr std::uint64_t kUsualCells = 300'000, kCell = 140, kPoint = 16;
    const geometry::SurfaceMesh& surface = question.surface ? *question.surface : question.body;
    std::uint64_t bytes = kCell * surface.face_count() + kPoint * surface.points.size();
    if (question.volume == solver::VolumeOutput::mesh)
      bytes += kCell * question.volume_mesh.cell_count() + kPoint * question.volume_mesh.points.size();
    else if (question.volume != solver::VolumeOutput::none)
      bytes += kCell * kUsualCells;
    return bytes + kCell * question.sample_mesh.points.size();
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
    std::cout << (json_ ? plan_json_text(plan, out_) : plan_text(plan, out_));
    return 0;
  }

  std::vector<std::string> geometry_;
  CaseOptions options_;
  PictureOptions pictures_;
  std::size_t member_ = 0;
  std::string model_, out_, points_, evaluation_ = "cached";
  core::RuntimeOptions device_;
  surrogate::Precision precision_ = surrogate::Precision::fp32;
  bool json_ = false, dry_run_ = false, overwrite_ = false, picture_ = false, save_body_ = false;
};

}  // namespace

std::unique_ptr<Command> make_predict() { return std::make_unique<Predict>(); }

}  // namespace streamtube::apps
