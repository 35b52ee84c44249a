#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <optional>

#include "apps/cli/derived.hpp"
#include "apps/cli/device_options.hpp"
#include "apps/cli/forces_report.hpp"
#include "apps/cli/model.hpp"
#include "apps/cli/output_folder.hpp"
#include "apps/cli/point_output.hpp"
#include "apps/cli/precision_option.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/processes.hpp"
#include "core/runtime.hpp"
#include "mesh_io/h5/point_file.hpp"
#include "solver/points/point_stream.hpp"

namespace streamtube::apps {
namespace {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;

constexpr const char* kForces = "forces.json";
constexpr const char* kRun = "run.json";  // the last one: with it the results are complete

class PredictCase : public Command {
 public:
  std::string name() const override { return "predict"; }
  std::string summary() const override {
    return "Predict fields at the points of a prepared case; also by several processes (mpirun)";
  }

  void declare(CLI::App& app) override {
    app.add_option("case", case_, "Points and prepared geometry (.h5), made by `streamtube points --prepare`")
        ->required();
    app.add_option("--model", model_, str("The case was prepared for it. ", kModelHelp));
    app.add_option("-o,--out", out_, "Folder for the results; default: <case>_streamtube in the working folder");
    app.add_option("--derive", derive_text_,
                   "Further volume fields, from the exact derivatives of the velocity, names between commas: "
                   "q_criterion, lambda2 (1/s^2), strain_rate, divergence, velocity_gradient (1/s)")
        ->join(',');
    app.add_option("--vorticity", vorticity_text_, kVorticityHelp);
    declare_device_options(app, device_);
    declare_precision(app, precision_);
    app.add_flag("--json", json_, "Print the result as JSON on stdout");
    app.add_flag("--dry-run", dry_run_, "Check everything, print the plan, write nothing");
    app.add_flag("--overwrite", overwrite_, "Replace the results of an earlier run");
  }

  void validate() override {
    core::check(device_);
    derive_ = parse_derive(derive_text_);
    vorticity_ = parse_vorticity(vorticity_text_);
    if (out_.empty()) out_ = fs::path(case_).stem().string() + "_streamtube";
  }

  int execute() override {
    const core::Processes processes = core::Processes::join();
    processes.run([&] { predict(processes); });
    return 0;
  }

 private:
  void predict(const core::Processes& processes) {
    const auto start = std::chrono::steady_clock::now();
    const surrogate::Checkpoint checkpoint = load_model(model_);
    const mesh_io::PointFile file(case_);
    if (!solver::has_prepared(file.file()))
      throw Error(ErrorKind::input, str("'", case_, "': has points but no prepared geometry ('/case')"),
                  "make it with `streamtube points --prepare BODY`");
    const solver::PreparedCase prepared = solver::read_prepared(file.file());
    solver::check_prepared(prepared, checkpoint, case_);
    const solver::PointStream stream(checkpoint, file, derive_, vorticity_, processes, prepared.placement,
                                     prepared.model_scale);

    auto extrapolation = prepared.extrapolation;
    const auto outside = stream.check();
    extrapolation.insert(extrapolation.end(), outside.begin(), outside.end());
    for (const auto& e : extrapolation) core::warn("extrapolation: " + to_text(e));
    if (dry_run_) {
      if (!processes.first()) return;
      std::cout << "plan (nothing is written)\n  body: " << prepared.name << ", " << prepared.flow.velocity
                << " m/s, Reynolds number " << prepared.reynolds_number << '\n';
      for (const auto& [what, how_much] : plan_lines(stream)) std::cout << "  " << what << ": " << how_much << '\n';
      return;
    }
    device_.usable = processes.usable_threads(), device_.local_rank = processes.rank_on_this_host();
    const core::Runtime runtime(device_);
    surrogate::check_precision(precision_);
    std::optional<OutputFolder> folder;
    if (processes.first()) {
      folder.emplace(out_, std::vector<std::string>{kPointFields[0], kPointFields[1], kForces, kRun}, overwrite_);
      core::require_disk_space(out_, stream.output_size());
    }
    surrogate::Surrogate network = surrogate::make_network(checkpoint, precision_);
    const solver::NetworkCase encoded(prepared, checkpoint);
    network.encode(encoded.input());
    try {
      const solver::PointsAnswer points =
          write_points(stream, prepared, network, checkpoint, folder ? &*folder : nullptr, processes);
      if (!folder) return;
      Json result = core::parse_json(points_json_text(case_, points));
      if (points.forces) result["reference"] = core::parse_json(forces_json_text(*points.forces))["reference"];
      result["body"] = prepared.name;
      result["flow"] = {{"velocity_m_s", prepared.flow.velocity},
                        {"density_kg_m3", prepared.flow.density},
                        {"kinematic_viscosity_m2_s", prepared.flow.kinematic_viscosity},
                        {"reynolds_number", prepared.reynolds_number}};
      for (const auto& [condition, value] : prepared.conditions) result["flow"]["conditions"][condition] = value;
      result["model"] = {{"name", checkpoint.name}, {"fingerprint", checkpoint.fingerprint}};
      result["scale"] = {{"factor", 1 / prepared.model_scale}};
      result["extrapolation"] = Json::array();
      for (const auto& e : extrapolation)
        result["extrapolation"].push_back(
            {{"quantity", e.quantity}, {"value", e.value}, {"min", e.min}, {"max", e.max}, {"unit", e.unit}});
      if (points.forces) core::write_text(folder->file(kForces), core::json_text(result, 2) + "\n");
      Json run = result;
      run["program"] = {{"name", "streamtube-core"}, {"version", core::version()}, {"command", "predict"}};
      run["seed"] = prepared.seed;
      run["processes"] = processes.size();
      for (const auto& [what, seconds] : points.seconds) run["seconds"][what] = seconds;
      run["seconds"]["total"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      run["peak_memory"] = core::peak_resident_memory();
      core::write_text(folder->file(kRun), core::json_text(run, 2) + "\n");
      result["files"] = folder->commit();
      if (json_) {
        std::cout << core::json_text(result, 2) << '\n';
        return;
      }
      std::cout << fs::path(prepared.name).filename().string() << ", model " << checkpoint.name << ", "
                << prepared.flow.velocity << " m/s\n\n"
                << points_text(case_, points);
      if (points.forces) std::cout << '\n' << reference_lines(*points.forces);
      std::cout << "results in " << out_ << '\n';
    } catch (const Error& error) {
      if (!folder) throw;
      throw Error(error.kind(), folder->with_final_names(error.message()), error.hint());
    }
  }

  std::string case_, model_, out_, derive_text_, vorticity_text_;
  std::vector<physics::Derived> derive_;
  std::optional<physics::Decoder> vorticity_;
  core::RuntimeOptions device_;
  surrogate::Precision precision_ = surrogate::Precision::fp32;
  bool json_ = false, dry_run_ = false, overwrite_ = false;
};

}  // namespace

std::unique_ptr<Command> make_predict_case() { return std::make_unique<PredictCase>(); }

}  // namespace streamtube::apps
