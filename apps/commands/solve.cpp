#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "apps/cli/case_options.hpp"
#include "apps/cli/forces_report.hpp"
#include "apps/cli/model.hpp"
#include "apps/cli/openfoam_options.hpp"
#include "apps/cli/output_folder.hpp"
#include "apps/cli/repair_option.hpp"
#include "apps/cli/results.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/runtime.hpp"
#include "geometry/surface_report.hpp"
#include "mesh_io/mesh_io.hpp"
#include "solver/openfoam/openfoam_engine.hpp"
#include "solver/range_check.hpp"

namespace streamtube::apps {
namespace {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;

constexpr const char* kCase = "case";
constexpr const char* kMapped = "mapped.vtp";
constexpr const char* kOwnSurface = "body";  // of --surface
constexpr int kDoubtful = 4;                 // exit code: results are there, but miss a check

class Solve : public Command {
 public:
  std::string name() const override { return "solve"; }
  std::string summary() const override {
    return "Solve the flow around a body with OpenFOAM; results in the form of predict";
  }

  void declare(CLI::App& app) override {
    app_ = &app;
    app.add_option(
           "geometry", geometry_,
           "Surface of the body (STL, OBJ, PLY, VTP, VTU, VTK, VTM, PVTP, PVTU, VTKHDF, NASTRAN, STEP, IGES), flow "
           "along +x, z up if not "
           "told otherwise; several files: parts of one body")
        ->required();
    app.add_option("--engine", engine_,
                   "openfoam: RANS by simpleFoam, k-omega SST (needs the package openfoam); neural: what predict does")
        ->check(CLI::IsMember({"openfoam", "neural"}))
        ->capture_default_str();
    app.add_option("--velocity", case_.velocity, "Free stream, m/s; default: the velocity the model was trained at");
    app.add_option("--density", case_.density, "Density, kg/m3")->capture_default_str();
    app.add_option("--viscosity", case_.viscosity, "KINEMATIC viscosity, m2/s (air: 1.5e-5)")->capture_default_str();
    case_.frame.declare(app);
    case_.parts.declare(app);
    case_.parts.declare_ground(app);
    declare_repair(app, case_.repair);
    app.add_option("-o,--out", out_,
                   "Folder for the results, and the case in its folder case; default: <geometry>_<engine> in the "
                   "working folder");
    app.add_option("--reference-area", case_.area, "Reference area of the coefficients, m2; default: the frontal area");
    app.add_option("--reference-length", case_.length,
                   "Reference length of the moments, m; default: the length along x");
    app.add_option("--surface", surface_,
                   "openfoam: fields are on the faces of OpenFOAM's mesh (surface.vtp); body: those of the nearest "
                   "faces also on the mesh of GEOMETRY, as mapped.vtp; a file: on that mesh of the same body. neural: "
                   "as of predict");
    app.add_flag("--no-volume", no_volume_, "Surface fields and forces only");
    app.add_flag("--json", json_, "Print the result as JSON on stdout");
    app.add_flag("--dry-run", dry_run_, "Check everything, print the plan, write nothing");
    app.add_flag("--overwrite", overwrite_, "Replace the results and the case of an earlier run");
    own_.push_back(app.add_option("--model", model_, str("neural: ", kModelHelp)));
    own_.push_back(case_.conditions.declare(app));
    own_.push_back(app.get_option("--scale"));
    const std::size_t neural = own_.size();
    const auto openfoam = [&](CLI::Option* option) { own_.push_back(option->group("OpenFOAM")); };
    openfoam(app.add_flag("--resume", options_.resume, "Go on with a case that was broken off or rejected"));
    openfoam(app.add_option("--processes", options_.processes, "Of MPI, for simpleFoam")
                 ->check(CLI::Range(1, 4096))
                 ->capture_default_str());
    for (CLI::Option* option : choices_.declare(app, options_)) openfoam(option);
    app.get_option("--mesh")->default_str("car");
    openfoam(app.add_option(
                    "--symmetry", symmetry_,
                    "auto: half for bodies that are their own mirror image to 0.1 % of their length, else full; half: "
                    "only one half is computed, others are refused; left, right: that half of the body and its "
                    "mirror image are computed in the place of the body, as a driver sees them who looks forward, "
                    "against the flow: with the flow along +x and z up, right is y > 0, left is y < 0")
                 ->check(CLI::IsMember({"auto", "half", "left", "right", "full"}))
                 ->capture_default_str());
    openfoam(app.add_flag("--fixed-ground", fixed_ground_, "The ground stands still; without, it moves with the flow"));
    openfoam(app.add_option("--turbulence-intensity", options_.turbulence_intensity, "Of the inflow")
                 ->capture_default_str());
    openfoam(
        app.add_option("--viscosity-ratio", options_.viscosity_ratio, "Of the inflow: eddy over molecular viscosity")
            ->capture_default_str());
    openfoam(app.add_option("--feature-angle", options_.feature_angle,
                            "Edges sharper than that many degrees stay sharp in the mesh")
                 ->check(CLI::Range(0.0, 180.0))
                 ->capture_default_str());
    openfoam(
        app.add_flag("--mesh-only", options_.mesh_only, "Write the case and mesh it, solve nothing; --resume goes on"));
    openfoam(app.add_flag("--discard-case", discard_, "Remove the case once the results are written"));
    neural_options_ = neural;
  }

  void validate() override {
    if (no_volume_) case_.volume = "none";
    if (surface_ != kOwnSurface) case_.surface = surface_;
    case_.validate();
    if (!case_.surface.empty() && !fs::exists(case_.surface))
      throw Error(ErrorKind::input, str("--surface: there is no file '", surface_, "'"),
                  "give a mesh file, or body for the mesh of the geometry");
    require_positive("--turbulence-intensity", options_.turbulence_intensity);
    require_positive("--viscosity-ratio", options_.viscosity_ratio);
    choices_.validate(options_);
    if (!(options_.turbulence_intensity < 1))
      throw Error(
          ErrorKind::usage,
          str("--turbulence-intensity: ", options_.turbulence_intensity, " is no share of the velocity below 1"),
          "0.005 are 0.5 %");
    const bool neural = engine_ == "neural";
    for (std::size_t i = 0; i < own_.size(); ++i)
      if (own_[i]->count() > 0 && (i < neural_options_) != neural)
        throw Error(ErrorKind::usage, str(own_[i]->get_name(), " is not for --engine ", engine_));
    if (out_.empty()) out_ = mesh_io::name_of_mesh(geometry_.front()) + (neural ? "_streamtube" : "_openfoam");
    if (options_.resume && overwrite_)
      throw Error(ErrorKind::usage, "--resume goes on with what --overwrite would replace");
    options_.symmetry = symmetry_ == "full"   ? solver::Symmetry::full
                        : symmetry_ == "auto" ? solver::Symmetry::automatic
                                              : solver::Symmetry::half;
    options_.moving_ground = !fixed_ground_;
    options_.folder = (fs::path(out_) / kCase).string();
  }

  int execute() override { return engine_ == "neural" ? predict() : openfoam(); }

 private:
  using Clock = std::chrono::steady_clock;

  // The same words, for predict.
  int predict() {
    std::vector<std::string> words;
    for (const CLI::Option* option : app_->get_options()) {
      const std::string name = option->get_name();
      if (option->count() == 0 || name == "--engine" || name == "--no-volume") continue;
      if (name == "--surface" && surface_ == kOwnSurface) continue;  // there they are on it anyway
      const bool flag = option->get_expected_min() == 0, positional = option->get_positional();
      if (!positional && (flag || option->get_allow_extra_args())) words.push_back(name);
      for (const std::string& value : option->results()) {
        if (flag) break;
        if (!positional && !option->get_allow_extra_args()) words.push_back(name);  // one value a time
        words.push_back(value);
      }
    }
    if (no_volume_) words.insert(words.end(), {"--volume", "none"});
    std::reverse(words.begin(), words.end());  // as CLI11 takes them
    const auto command = make_predict();
    CLI::App app;
    command->declare(app);
    try {
      app.parse(words);
    } catch (const CLI::ParseError& error) {
      throw Error(ErrorKind::usage, error.what());
    }
    command->validate();
    return command->execute();
  }

  int openfoam() {
    const auto start = Clock::now();
    const auto checkpoint = load_model("");  // says where bodies stand, and how fast the flow is
    case_.frame.take_raw();
    BodyCase asked = read_case(geometry_, case_, checkpoint);
    warnings_ = asked.warnings;
    settle_symmetry(asked);
    settle_surface(asked.question);
    const solver::Case& question = asked.question;
    solver::OpenFoamEngine engine(options_);
    auto plan = engine.plan(question);
    add_to(plan, asked);
    for (const auto& warning : plan.warnings) say(warning);
    if (dry_run_) {
      std::cout << (json_ ? plan_json_text(plan, out_) + "\n" : plan_text(plan, out_));
      return plan.refusals.empty() ? 0 : core::exit_code(plan.refusals.front().kind());
    }
    if (!plan.refusals.empty()) throw plan.refusals.front();
    OutputFolder folder(out_, names(), overwrite_ || options_.resume);
    if (overwrite_) remove_case();

    if (options_.mesh_only) {
      const auto setup = solver::openfoam_setup(question, solver::reference_quantities(question), options_);
      solver::run_openfoam(question, setup, options_);
      std::cout << "the case is meshed, in " << options_.folder << "; --resume solves it\n";
      return 0;
    }
    for (const auto& [what, how_much] : plan.lines)
      if (what == "surface fields" || what == "model") core::info(str(what, ": ", how_much));
    solver::Answer answer;
    try {
      answer = engine.solve(question);
    } catch (const core::Interrupted&) {
      core::warn(str("the case in '", options_.folder, "' can be continued with --resume"));
      throw;
    }
    for (const auto& warning : answer.warnings) warnings_.push_back(warning);  // the engine has said them
    try {
      write_results(folder, engine, asked, answer, std::chrono::duration<double>(Clock::now() - start).count());
    } catch (const Error& error) {
      throw Error(error.kind(), folder.with_final_names(error.message()), error.hint());
    }
    const auto files = folder.commit();
    if (discard_) remove_case();
    print(engine, answer, files);
    return answer.doubts.empty() ? 0 : kDoubtful;
  }

  static std::vector<std::string> names() { return {kSurface, kMapped, kVolume, kForces, kCollection, kRun}; }

  void say(const std::string& warning) {
    warnings_.push_back(warning);
    core::warn(warning);
  }

  // Finds the plane at which a body is, but for small things on one side, its own mirror image, and makes the body of
  // one half where that is asked for.
  void settle_symmetry(BodyCase& asked) {
    if (symmetry_ == "full") return;
    geometry::SurfaceMesh& body = asked.question.body;
    if (solver::mirror_gap(body).symmetric()) return;
    const double plane = solver::middle_plane(body, asked.placement.frame.shift[1]);
    if (plane != 0 && (symmetry_ != "auto" || solver::mirror_gap(body, plane).symmetric())) {
      for (Vec3& p : body.points) p[1] -= plane;
      if (asked.question.surface)
        for (Vec3& p : asked.question.surface->points) p[1] -= plane;
      asked.placement.frame.shift[1] -= plane;
      asked.frame_notes.push_back(str("the body's middle is y = ", plane, " m; it is computed about y = 0, and the ",
                                      "results are moved back"));
      core::info(asked.frame_notes.back());
    }
    if (symmetry_ != "left" && symmetry_ != "right") return;
    const auto side = symmetry_ == "left" ? solver::Side::left : solver::Side::right;
    const solver::MirrorGap apart = solver::mirror_gap(body);
    const double length = body.bounds().size()[0];
    if (!apart.symmetric()) {
      const Vec3 at = (1 / asked.placement.metres_per_unit()) * asked.placement.frame.to_file(apart.where);
      say(str("the ", symmetry_, " half of the body is computed with its mirror image; the body itself is up to ",
              solver::two_digits(apart.largest), " m (", solver::two_digits(100 * apart.largest / length),
              " % of its length) from that, at (", at[0], ", ", at[1], ", ", at[2],
              ") of the file, and more than 0.1 % ", "in ", solver::two_digits(100 * apart.share), " % of its points"));
    }
    if (!asked.question.surface) asked.question.surface = body;  // where mapped.vtp lies; else left out below
    body = solver::of_one_half(std::move(body), side, str("'", asked.question.name, "'"));
    asked.question.report = geometry::report(body);
  }

  // Fields are on OpenFOAM's own mesh; on another surface where that is asked for.
  void settle_surface(solver::Case& question) const {
    if (surface_.empty()) {
      question.surface.reset();
      question.hidden.clear();
    } else if (surface_ == kOwnSurface) {
      if (!question.surface) question.surface = question.body;
      question.surface_name = question.name;
    }
  }

  // What the command knows beside the engine, and everything that would be refused.
  void add_to(solver::Plan& plan, const BodyCase& asked) const {
    for (auto& [what, how_much] : plan.lines) {
      if (what == "surface fields") how_much = str(how_much, surface_.empty() ? " (surface.vtp)" : " (mapped.vtp)");
      if (what == "model" && (symmetry_ == "left" || symmetry_ == "right"))
        how_much = str("the ", symmetry_, " half of the body (y ", symmetry_ == "left" ? "<" : ">",
                       " 0) and its mirror image");
    }
    const auto& repair = asked.repair;
    plan.lines.insert(
        plan.lines.begin() + 1,
        {"body", repair.steps.empty() ? std::string("as in the file")
                                      : str("repaired (", geometry::name(repair.rung), "): ", repair.steps.size(),
                                            repair.steps.size() == 1 ? " step" : " steps")});
    const auto check = [&](const auto& work) {
      try {
        work();
      } catch (const Error& error) {
        plan.refusals.push_back(error);
      }
    };
    check([&] { core::require_no_results(out_, names(), overwrite_ || options_.resume); });
    if (overwrite_) check([&] { require_ours(); });
    check([&] {
      solver::OpenFoamOptions options = options_;
      if (overwrite_) options.folder += ".new";  // the case that is there will be replaced, whatever it is
      const auto setup = solver::openfoam_setup(asked.question, solver::reference_quantities(asked.question), options_);
      solver::check_openfoam(asked.question, setup, options);
    });
  }

  void print(const solver::Engine& engine, const solver::Answer& answer, const std::vector<std::string>& files) const {
    if (json_) {
      Json out = forces_json(answer);
      out["files"] = files;
      std::cout << core::json_text(out, 2) << '\n';
      return;
    }
    std::cout << fs::path(geometry_.front()).filename().string() << ", " << engine.name() << ", "
              << answer.forces.scales.velocity << " m/s, Reynolds number " << std::setprecision(3)
              << answer.reynolds_number << std::setprecision(6) << "\n\n"
              << coefficients_table(answer.forces) << '\n'
              << reference_lines(answer.forces);
    for (const auto& doubt : answer.doubts) std::cout << "DOUBTFUL: " << doubt << '\n';
    std::cout << "\nresults in " << out_ << ":";
    for (const auto& file : files) std::cout << ' ' << fs::path(file).filename().string();
    std::cout << "\nopen " << (fs::path(out_) / kCollection).string() << " in ParaView\n";
  }

  // Only what a run of ours has left there.
  void require_ours() const {
    if (fs::exists(options_.folder) && !fs::exists(fs::path(options_.folder) / "streamtube.json"))
      throw Error(ErrorKind::usage, str("'", options_.folder, "' is there, but was not made by streamtube"),
                  "give another --out");
    core::require_only_ours(options_.folder, [](const std::string& path) {
      const std::string name = fs::path(path).filename().string(), extension = fs::path(path).extension().string();
      for (const char* known :
           {"constant", "system", "postProcessing", "streamtube.json", "VTK", "dynamicCode", "lock"})
        if (name == known) return true;
      const bool time = !name.empty() && name.find_first_not_of("0123456789.eE+-") == std::string::npos;
      return time || name.rfind("processor", 0) == 0 || name.rfind("log", 0) == 0 || name[0] == '.' ||
             extension == ".foam" || extension == ".log";
    });
  }
  void remove_case() const {
    require_ours();
    std::error_code error;
    fs::remove_all(options_.folder, error);
    if (error) throw Error(ErrorKind::runtime, str("'", options_.folder, "': cannot be removed: ", error.message()));
  }

  Json forces_json(const solver::Answer& answer) const {
    Json out = core::parse_json(forces_json_text(answer.forces));
    const auto& scales = answer.forces.scales;
    out["flow"] = {{"velocity_m_s", scales.velocity},
                   {"density_kg_m3", scales.density},
                   {"kinematic_viscosity_m2_s", case_.viscosity},
                   {"dynamic_pressure_Pa", scales.dynamic_pressure()},
                   {"reynolds_number", answer.reynolds_number}};
    out["engine"] = engine_;
    out["doubts"] = answer.doubts;
    out["warnings"] = warnings_;
    return out;
  }

  void write_results(OutputFolder& folder, const solver::Engine& engine, const BodyCase& asked, solver::Answer& answer,
                     double seconds) const {
    const mesh_io::Metadata metadata = {{"program", "streamtube " + core::version()},
                                        {"engine", engine.name()},
                                        {"pressure", "static, relative to the outlet"},
                                        {"wall_shear_stress", "by the fluid on the body"}};
    geometry::to_file(asked.placement.frame, answer.surface);
    geometry::to_file(asked.placement.frame, answer.volume);
    physics::ForceAxes& axes = answer.forces.axes;
    for (Vec3* axis : {&axes.drag, &axes.side, &axes.lift}) *axis = asked.placement.frame.vector_to_file(*axis);
    axes.moment_center = (1 / asked.placement.scale) * asked.placement.frame.to_file(axes.moment_center);
    answer.surface.file_unit = answer.volume.file_unit = asked.question.body.file_unit;
    mesh_io::write_vtp(folder.file(kSurface), answer.surface, metadata);
    if (answer.mapped.face_count() > 0) {
      geometry::to_file(asked.placement.frame, answer.mapped);
      answer.mapped.file_unit = answer.surface.file_unit;
      mesh_io::Metadata more = metadata;
      more.emplace_back("fields", "of the nearest faces of OpenFOAM's mesh");
      mesh_io::write_vtp(folder.file(kMapped), answer.mapped, more);
    }
    std::vector<mesh_io::PvdEntry> entries = {{"surface", kSurface}};
    if (!no_volume_) {
      mesh_io::write_vtu(folder.file(kVolume), answer.volume, metadata);
      entries.push_back({"volume", kVolume});
    }
    mesh_io::write_pvd(folder.file(kCollection), entries);
    core::write_text(folder.file(kForces), core::json_text(forces_json(answer), 2) + "\n");
    Json run;
    run["program"] = {{"name", "streamtube"}, {"version", core::version()}, {"command", "solve"}};
    run["date"] = utc_now();
    run["command_line"] = command_line();
    run["engine"] = engine.name();
    run["inputs"] = Json::array();
    for (const auto& file : geometry_)
      run["inputs"].push_back({{"file", file}, {"role", "geometry"}, {"sha256", core::sha256_file(file)}});
    run["options"] = {{"velocity", answer.forces.scales.velocity},
                      {"density", case_.density},
                      {"viscosity", case_.viscosity},
                      {"unit", asked.placement.unit},
                      {"reference_area", std::isnan(case_.area) ? Json(nullptr) : Json(case_.area)},
                      {"reference_length", std::isnan(case_.length) ? Json(nullptr) : Json(case_.length)},
                      {"processes", options_.processes},
                      {"iterations", options_.iterations},
                      {"residual", options_.residual},
                      {"average", options_.average},
                      {"cell", options_.cell > 0 ? Json(options_.cell) : Json(nullptr)},
                      {"mesh", solver::name(options_.mesh)},
                      {"symmetry", symmetry_},
                      {"surface", surface_.empty() ? Json(nullptr) : Json(surface_)},
                      {"moving_ground", options_.moving_ground},
                      {"turbulence_intensity", options_.turbulence_intensity},
                      {"viscosity_ratio", options_.viscosity_ratio},
                      {"feature_angle", options_.feature_angle},
                      {"templates", options_.templates.empty() ? Json(nullptr) : Json(options_.templates)}};
    run["frame"] = {{"unit", asked.placement.unit},
                    {"metres_per_unit", asked.placement.metres_per_unit()},
                    {"flow_direction", asked.placement.frame.axes[0]},
                    {"up", asked.placement.frame.axes[2]},
                    {"file_to_model", asked.placement.matrix()},
                    {"decided", asked.frame_notes}};
    run["repair"] = core::parse_json(repair_json_text(case_.repair, asked.repair));
    run["doubts"] = answer.doubts;
    run["solution"] = answer.solution;
    run["case"] = discard_ ? Json(nullptr) : Json(kCase);
    run["volume"] = answer.volume_source.empty() ? Json(nullptr) : Json(answer.volume_source);
    run["warnings"] = warnings_;
    for (const auto& [what, time] : answer.seconds) run["seconds"][what] = time;
    run["seconds"]["total of this run"] = seconds;
    run["peak_memory"] = core::peak_resident_memory();
    core::write_text(folder.file(kRun), core::json_text(run, 2) + "\n");
  }

  CLI::App* app_ = nullptr;
  std::vector<CLI::Option*> own_;   // of one engine: first those of neural
  std::size_t neural_options_ = 0;  // how many
  std::vector<std::string> geometry_;
  CaseOptions case_;
  std::string engine_ = "openfoam", model_, out_, symmetry_ = "auto", surface_;
  solver::OpenFoamOptions options_;
  OpenFoamChoices choices_;
  bool json_ = false, dry_run_ = false, overwrite_ = false, no_volume_ = false, fixed_ground_ = false, discard_ = false;
  std::vector<std::string> warnings_;
};

}  // namespace

std::unique_ptr<Command> make_solve() { return std::make_unique<Solve>(); }

}  // namespace streamtube::apps
