#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "apps/cli/conditions.hpp"
#include "apps/cli/device_options.hpp"
#include "apps/cli/model.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/output_lock.hpp"
#include "core/runtime.hpp"
#include "mesh_io/foam_file.hpp"
#include "mesh_io/openfoam.hpp"
#include "solver/openfoam/initial_fields.hpp"

namespace streamtube::apps {
namespace {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;

constexpr const char* kBackup = "before_initialise";

// A field that can be written: its dimensions, and whether a case must have it.
struct Writable {
  const char* name;
  const char* dimensions;
  bool needed;
};
constexpr Writable kFields[] = {{"U", "0 1 -1 0 0 0 0", true},        {"p", "0 2 -2 0 0 0 0", true},
                                {"k", "0 2 -2 0 0 0 0", false},       {"omega", "0 0 -1 0 0 0 0", false},
                                {"epsilon", "0 2 -3 0 0 0 0", false}, {"nut", "0 2 -1 0 0 0 0", false}};
constexpr double kCmu = 0.09;

class Initialise : public Command {
 public:
  std::string name() const override { return "initialise"; }
  std::string summary() const override { return "Write predicted fields as the initial fields of an OpenFOAM case"; }

  void declare(CLI::App& app) override {
    app.add_option("case", case_, "Folder of a meshed OpenFOAM case of an incompressible solver, flow along +x, z up")
        ->required();
    app.add_option("--model", model_, kModelHelp);
    app.add_option("--time", time_, "Folder of the fields to replace")->capture_default_str();
    app.add_option("--body", body_, "Patches of the body; default: walls that are no side of the domain")
        ->delimiter(',');
    app.add_option("--fields", fields_, "Which of U, p, k, omega, epsilon, nut; default: those that the case has")
        ->delimiter(',')
        ->check(CLI::IsMember({"U", "p", "k", "omega", "epsilon", "nut"}));
    app.add_option("--velocity", velocity_, "Free stream, m/s; default: that of the inlet in U");
    app.add_option("--viscosity", viscosity_, "KINEMATIC viscosity, m2/s; default: nu of constant/transportProperties");
    app.add_option("--turbulence-intensity", intensity_, "Of the inflow")->capture_default_str();
    app.add_option("--viscosity-ratio", ratio_, "Of the inflow: eddy over molecular viscosity")->capture_default_str();
    conditions_.declare(app);
    declare_device_options(app, device_);
    app.add_flag("--json", json_, "Print the result as JSON on stdout");
    app.add_flag("--dry-run", dry_run_, "Check everything, print what would be written, write nothing");
    app.add_flag("--overwrite", overwrite_, "Also where this has been done before; the first backup is kept");
  }

  void validate() override {
    core::check(device_);
    conditions_.validate();
    for (const auto& [option, value] :
         {std::pair("--turbulence-intensity", intensity_), std::pair("--viscosity-ratio", ratio_)})
      if (!(std::isfinite(value) && value > 0))
        throw Error(ErrorKind::usage, str(option, ": ", value, " is not a positive number"));
  }

  int execute() override {
    case_ = mesh_io::foam_folder(case_);
    const auto checkpoint = load_model(model_);
    conditions_.check(checkpoint);
    const fs::path folder = fs::path(case_) / time_, backup = fs::path(case_) / str(time_, ".", kBackup);
    std::error_code ignored;
    if (!fs::is_directory(case_, ignored))
      throw Error(ErrorKind::input, str("'", case_, "' is not a folder"), "give the folder of an OpenFOAM case");
    core::OutputLock lock;
    if (!dry_run_) lock.take(case_, core::OutputLock::Place::beside);
    const mesh_io::PolyMesh mesh = mesh_io::read_poly_mesh(case_);
    if (!fs::is_directory(folder, ignored))
      throw Error(ErrorKind::input, str("'", case_, "': there is no folder '", time_, "'"),
                  "--time says which folder has the fields to replace");
    if (fs::exists(backup, ignored) && !overwrite_ && !dry_run_)
      throw Error(ErrorKind::usage, str("'", backup.string(), "' is there: this case has been initialised before"),
                  "--overwrite does it again and keeps this backup");
    std::map<std::string, mesh_io::FoamFieldFile> files;
    for (const Writable& field : kFields) {
      const bool asked = std::find(fields_.begin(), fields_.end(), field.name) != fields_.end();
      const std::string file = (folder / field.name).string();
      const bool there = fs::exists(file, ignored) || fs::exists(file + ".gz", ignored);
      if (!there && (asked || (field.needed && fields_.empty())))
        throw Error(ErrorKind::input, str("'", file, "' is not there"),
                    "a case of an incompressible solver has it; --fields says which to write");
      if (!there) continue;
      // U also tells the inflow.
      if (!fields_.empty() && !asked && std::string(field.name) != "U") continue;
      std::error_code ignored;
      if (!fs::exists(file, ignored) && fs::exists(file + ".gz", ignored))
        throw Error(ErrorKind::input, str("'", file, ".gz' is compressed"), str("gunzip ", file, ".gz"));
      auto read = mesh_io::read_foam_field(file, mesh.cells);
      if (read.dimensions != field.dimensions)
        throw Error(ErrorKind::input,
                    str("'", file, "' has the dimensions [", read.dimensions, "], not [", field.dimensions, "]"),
                    std::string(field.name) == "p"
                        ? "only cases of incompressible solvers, whose p is over the density, can be initialised"
                        : "");
      files.emplace(field.name, std::move(read));
    }
    const std::string where = str("'", case_, "'");
    const solver::FlowDomain domain = solver::find_flow_domain(mesh, body_, where);
    solver::Inflow inflow;
    inflow.conditions = conditions_.values();
    inflow.turbulence_intensity = intensity_, inflow.viscosity_ratio = ratio_;
    inflow.flow = {std::isnan(velocity_) ? inlet_velocity(files, mesh, domain) : velocity_, 1.0,
                   std::isnan(viscosity_) ? viscosity_of_case() : viscosity_};
    physics::check(inflow.flow);
    if (!fields_.empty() && std::find(fields_.begin(), fields_.end(), "U") == fields_.end()) files.erase("U");
    core::info(str(case_, ": ", mesh.cells, " cells, body ", joined(domain.body), domain.symmetry ? ", half" : "", ", ",
                   inflow.flow.velocity, " m/s, ", inflow.flow.kinematic_viscosity, " m2/s"));

    if (dry_run_) {
      std::cout << "would write ";
      const char* comma = "";
      for (const Writable& field : kFields)
        if (files.count(field.name)) std::cout << std::exchange(comma, ", ") << field.name;
      std::cout << " in " << folder.string() << ", " << mesh.cells << " cells; body: " << joined(domain.body)
                << (domain.symmetry ? " and its mirror image; " : "; ") << inflow.flow.velocity << " m/s, "
                << inflow.flow.kinematic_viscosity << " m2/s\n";
      return 0;
    }
    const core::Runtime runtime(device_);
    solver::NeuralEngine engine(checkpoint);
    const auto fields = solver::predict_initial_fields(checkpoint, engine, mesh, domain, inflow, case_);
    std::vector<std::string> warnings = fields.warnings;
    if (fields.scale.factor != 1) core::info(to_text(fields.scale, fields.length));
    for (const auto& warning : warnings) core::warn(warning);
    for (const auto& e : fields.extrapolation) core::warn("extrapolation: " + to_text(e));
    // All texts before the first file is touched.
    std::vector<std::pair<std::string, std::string>> texts;
    std::uint64_t bytes = 0;
    for (const Writable& field : kFields) {
      const auto found = files.find(field.name);
      if (found == files.end()) continue;
      const auto& [name, file] = *found;
      texts.emplace_back(name, mesh_io::with_internal_field(file, values_of(name, fields)));
      bytes += texts.back().second.size() + file.text.size();
    }
    core::require_disk_space(case_, bytes);
    save(texts, files, backup);
    for (const auto& [name, text] : texts) core::write_text((folder / name).string(), text);

    Json out = {{"case", case_},
                {"time", time_},
                {"cells", mesh.cells},
                {"body", domain.body},
                {"half", domain.symmetry.has_value()}};
    for (const auto& [name, text] : texts) out["fields"].push_back(name);
    out["backup"] = backup.string();
    out["velocity_m_s"] = inflow.flow.velocity;
    out["kinematic_viscosity_m2_s"] = inflow.flow.kinematic_viscosity;
    out["cells_beyond_the_model"] = fields.outside;
    out["model"] = {{"name", checkpoint.name}, {"fingerprint", checkpoint.fingerprint}};
    out["scale"] = {{"factor", 1 / fields.scale.factor},
                    {"why", fields.scale.why.empty() ? Json(nullptr) : Json(fields.scale.why)}};
    for (const auto& [name, value] : inflow.conditions) out["conditions"][name] = value;
    out["warnings"] = warnings;
    for (const auto& e : fields.extrapolation) out["extrapolation"].push_back(to_text(e));
    if (json_) {
      std::cout << core::json_text(out, 2) << '\n';
      return 0;
    }
    std::cout << "wrote ";
    for (std::size_t i = 0; i < texts.size(); ++i) std::cout << (i ? ", " : "") << texts[i].first;
    std::cout << " in " << folder.string() << ": " << mesh.cells << " cells, " << fields.outside
              << " of them beyond the model's domain, where the prediction fades into the free stream\n";
    std::cout << "the old files are in " << backup.string() << '\n';
    return 0;
  }

 private:
  static std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
    return out;
  }

  static std::vector<double> values_of(const std::string& field, const solver::InitialFields& fields) {
    if (field == "U") return fields.velocity;
    if (field == "p") return fields.pressure;
    if (field == "k") return fields.k;
    if (field == "omega") return fields.omega;
    if (field == "nut") return fields.nut;
    std::vector<double> epsilon(fields.k.size());
    for (std::size_t c = 0; c < epsilon.size(); ++c) epsilon[c] = kCmu * fields.k[c] * fields.omega[c];
    return epsilon;
  }

  // Of a patch with a fixed value in the plane where the flow comes in, else of the field's uniform inner value.
  double inlet_velocity(const std::map<std::string, mesh_io::FoamFieldFile>& files, const mesh_io::PolyMesh& mesh,
                        const solver::FlowDomain& domain) const {
    const auto& u = files.at("U");
    std::optional<Vec3> found;
    for (const auto& patch : u.patches) {
      const auto* faces = mesh.find(patch.name);
      if (!faces || !patch.has_value || !patch.value.uniform || faces->count == 0) continue;
      const auto corner = mesh.corners[static_cast<std::size_t>(mesh.offsets[faces->start])];
      if (std::abs(mesh.points[static_cast<std::size_t>(corner)][0] - domain.box.low[0]) > 1e-6 * domain.box.size()[0])
        continue;
      if (faces->type == "wall" || faces->type == "symmetryPlane") continue;
      found = Vec3{patch.value.values[0], patch.value.values[1], patch.value.values[2]};
      break;
    }
    if (!found && u.internal.uniform) found = Vec3{u.internal.values[0], u.internal.values[1], u.internal.values[2]};
    if (!found || !(norm(*found) > 0))
      throw Error(ErrorKind::input, str("'", u.path, "': no uniform velocity at the inlet can be found in it"),
                  "say it with --velocity");
    const Vec3& v = *found;
    if (v[0] < 0.999 * norm(v))
      throw Error(ErrorKind::input,
                  str("'", u.path, "': the flow comes in along (", v[0], ", ", v[1], ", ", v[2], "), not along +x"),
                  "turn the case with transformPoints -rotate, fields included");
    return v[0];
  }

  double viscosity_of_case() const {
    const std::string file = (fs::path(case_) / "constant" / "transportProperties").string();
    if (!fs::exists(file))
      throw Error(ErrorKind::input, str("'", file, "' is not there"), "say the viscosity with --viscosity");
    const auto nu = mesh_io::FoamDictionary::read(file).number("nu");
    if (!nu)
      throw Error(ErrorKind::input, str("'", file, "': there is no number nu in it"),
                  "say the viscosity with --viscosity");
    return *nu;
  }

  // Only what is not there yet: the first backup has the user's own files.
  void save(const std::vector<std::pair<std::string, std::string>>& texts,
            const std::map<std::string, mesh_io::FoamFieldFile>& files, const fs::path& backup) const {
    std::error_code error;
    fs::create_directories(backup, error);
    if (error) throw Error(ErrorKind::runtime, str("'", backup.string(), "': cannot be made: ", error.message()));
    for (const auto& [name, text] : texts)
      if (!fs::exists(backup / name)) core::write_text((backup / name).string(), files.at(name).text);
  }

  static constexpr double kNotGiven = std::numeric_limits<double>::quiet_NaN();
  std::string case_, model_, time_ = "0";
  std::vector<std::string> body_, fields_;
  double velocity_ = kNotGiven, viscosity_ = kNotGiven, intensity_ = 0.005, ratio_ = 5;
  ConditionOptions conditions_;
  core::RuntimeOptions device_;
  bool json_ = false, dry_run_ = false, overwrite_ = false;
};

}  // namespace

std::unique_ptr<Command> make_initialise() { return std::make_unique<Initialise>(); }

}  // namespace streamtube::apps
