#include <CLI/CLI.hpp>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>

#include "apps/cli/evaluation_report.hpp"
#include "apps/cli/openfoam_options.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/output_lock.hpp"
#include "core/runtime.hpp"
#include "solver/openfoam/generated_cases.hpp"

namespace streamtube::apps {
namespace {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::str;

class Generate : public Command {
 public:
  std::string name() const override { return "generate"; }
  std::string summary() const override {
    return "Make a data set of a parametric space: bodies generated, each solved by OpenFOAM";
  }

  void declare(CLI::App& app) override {
    app.add_option("space", space_, "Space of designs (.json), as of sweep: a family of bodies, parameters, sampling")
        ->required();
    app.add_option("-o,--out", out_, "Data set to write (.h5); default: <space>.h5 in the working folder");
    app.add_option("--jobs", jobs_, "Designs at once, one process each")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    app.add_option("--first", options_.first, "Only that many designs, from the first");
    app.add_option("--only", options_.only, "Only the designs of these names")->delimiter(',');
    app.add_option("--velocity", options_.flow.velocity, "Free stream, m/s, where the space does not say it")
        ->capture_default_str();
    app.add_option("--density", options_.flow.density, "Density, kg/m3, likewise")->capture_default_str();
    app.add_option("--viscosity", options_.flow.kinematic_viscosity, "KINEMATIC viscosity, m2/s, likewise")
        ->capture_default_str();
    choices_.declare(app, options_.solver);
    app.get_option("--mesh")->default_str("what the space says, else car");
    app.add_option("--volume-points", options_.sample.volume_points,
                   "Cells that are kept of each design, drawn at random; 0: all")
        ->capture_default_str();
    app.add_option("--cd-range", cd_range_, "Designs with a Cd outside are rejected: LOW HIGH")
        ->expected(2)
        ->capture_default_str();
    app.add_option(
        "--splits", splits_,
        "Splits of the designs (JSON): name -> list of designs, or a rule as \"number % 10 == 0\", \"rest\", "
        "\"train + validation\" (docs/dataset_format.md); default: \"splits\" of the space");
    app.add_option("--repeat", options_.repeat,
                   "Share of the designs, such as 0.1, that is solved once more with other cells: how far the two are "
                   "apart is kept in the data set as the scatter of its labels")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
    app.add_option("--repeat-cell", options_.repeat_cell, "How many times as large the cells are then")
        ->check(CLI::Range(0.5, 2.0))
        ->capture_default_str();
    app.add_flag("--keep-cases", options_.keep, "Keep the OpenFOAM cases; without, only those that fail");
    app.add_flag("--resume", resume_, "Go on with a run that did not end");
    app.add_flag("--dry-run", dry_run_, "List the designs and check their bodies, solve nothing");
    app.add_flag("--json", json_, "Print JSON");
    app.add_flag("--overwrite", overwrite_, "Replace an existing data set, begin an unfinished run anew");
  }

  void validate() override {
    physics::check(options_.flow);
    choices_.validate(options_.solver);
    if (choices_.mesh_given()) options_.mesh = options_.solver.mesh;
    if (options_.repeat > 0 && options_.repeat_cell == 1)
      throw Error(ErrorKind::usage, "--repeat-cell 1: the same cells give the same solution", "for example 1.025");
    if (resume_ && overwrite_) throw Error(ErrorKind::usage, "--resume goes on with what --overwrite would replace");
    if (!(cd_range_[0] < cd_range_[1]))
      throw Error(ErrorKind::usage, str("--cd-range: ", cd_range_[0], " is not below ", cd_range_[1]));
    options_.solver.least_cd = cd_range_[0], options_.solver.most_cd = cd_range_[1];
    if (out_.empty()) out_ = fs::path(space_).stem().string() + ".h5";
    if (fs::path(out_).extension() != ".h5")
      throw Error(ErrorKind::usage, str("--out '", out_, "': a data set ends in .h5"));
  }

  int execute() override {
    options_.folder = out_ + ".cases";
    if (!splits_.empty()) {
      options_.splits_name = str("'", splits_, "'");
      options_.splits = mesh_io::SplitRules::parse(core::read_text(splits_), options_.splits_name);
    }
    if (overwrite_) take_splits_before();
    const solver::GeneratedCases cases(solver::read_plan({space_}), options_);
    if (dry_run_) return list(cases);
    solver::require_openfoam(1);
    core::OutputLock lock;
    lock.take(out_, core::OutputLock::Place::beside);
    if (overwrite_) {
      core::require_only_ours(options_.folder, [](const std::string& path) {
        return fs::exists(fs::path(path) / "streamtube.json") || fs::is_empty(path);
      });
      fs::remove_all(options_.folder);
    }
    mesh_io::ImportOptions import;
    import.jobs = static_cast<unsigned>(jobs_);
    import.overwrite = overwrite_, import.resume = resume_;
    import.skip_bad = true;
    mesh_io::ImportReport report;
    try {
      report = mesh_io::import_cases(cases, space_, out_, import);
    } catch (const core::Interrupted&) {
      core::warn("what is done is kept: --resume goes on");
      throw;
    }
    std::error_code ignored;
    fs::remove(options_.folder, ignored);  // unless cases are left in it
    const mesh_io::Dataset data(out_);
    write_table(cases, report, data);
    if (json_) {
      core::Json out = {{"path", out_},
                        {"designs", cases.designs().size()},
                        {"solved", data.cases().size()},
                        {"solved_before", report.kept},
                        {"table", table()},
                        {"failed", core::Json::object()}};
      for (const auto& [name, reason] : report.rejected) out["failed"][name] = reason;
      if (!data.label_noise().empty()) out["label_noise"] = core::parse_json(mesh_io::to_json(data.label_noise()));
      std::cout << core::json_text(out, 1) << '\n';
      return 0;
    }
    std::cout << out_ << ": " << data.cases().size() << " of " << cases.designs().size() << " designs solved";
    if (report.kept > 0) std::cout << " (" << report.kept << " before)";
    std::cout << "; all of them in " << table() << '\n' << label_noise_text(data.label_noise(), "");
    for (const auto& [name, reason] : report.rejected) std::cout << "  failed: " << name << ": " << reason << '\n';
    return 0;
  }

 private:
  // The data set that is replaced says in which splits its designs are.
  void take_splits_before() {
    std::error_code ignored;
    if (!fs::is_regular_file(out_, ignored)) return;
    try {
      const mesh_io::Dataset before(out_);
      for (const auto& c : before.cases()) options_.before_cases.push_back(c.name);
      for (const auto& split : before.splits())
        if (split != "all")
          for (const std::size_t index : before.split(split))
            options_.before[split].push_back(options_.before_cases[index]);
      options_.before_rules = before.split_rules();
    } catch (const Error& error) {
      core::warn(str("the splits of '", out_, "' are not kept: ", error.message()));
    }
  }

  std::string table() const { return fs::path(out_).replace_extension(".csv").string(); }

  int list(const solver::GeneratedCases& cases) const {
    std::size_t bad = 0;
    std::ostringstream text;  // what --json leaves out
    std::ostream& out = json_ ? static_cast<std::ostream&>(text) : std::cout;
    core::Json json = core::Json::array();
    for (const auto& design : cases.designs()) {
      core::check_interrupt();
      json.push_back({{"name", design.name}, {"parameters", core::Json::object()}});
      out << design.name;
      for (std::size_t p = 0; p < design.values.size(); ++p) {
        out << (p ? ", " : ": ") << cases.plan().parameters[p].name << ' ' << design.values[p];
        json.back()["parameters"][cases.plan().parameters[p].name] = design.values[p];
      }
      try {
        geometry::Edges features;
        const auto question = cases.question(design, features);
        out << ": " << question.report.triangles << " triangles"
            << (question.report.watertight ? "" : ", NOT watertight") << '\n';
        json.back()["triangles"] = question.report.triangles, json.back()["watertight"] = question.report.watertight;
      } catch (const Error& error) {
        ++bad;
        out << ": " << error.message() << '\n';
        json.back()["error"] = error.message();
      }
    }
    if (json_) {
      const core::Json all = {{"dry_run", true},
                              {"mesh", solver::name(cases.mesh())},
                              {"designs", json},
                              {"solved_once_more", cases.repeated()}};
      std::cout << core::json_text(all, 1) << '\n';
      return 0;
    }
    std::cout << cases.designs().size() << " designs, mesh: " << solver::name(cases.mesh());
    if (bad > 0) std::cout << ", " << bad << " of them cannot be generated";
    if (!cases.repeated().empty()) {
      std::cout << "; solved once more: ";
      for (const auto& name : cases.repeated()) std::cout << (name == *cases.repeated().begin() ? "" : ", ") << name;
    }
    std::cout << '\n';
    return bad > 0 ? core::exit_code(ErrorKind::input) : 0;
  }

  // One row a design, failed ones with the reason.
  void write_table(const solver::GeneratedCases& cases, const mesh_io::ImportReport& report,
                   const mesh_io::Dataset& data) const {
    std::ostringstream out;
    out << std::setprecision(9) << "design,status";
    for (const auto& p : cases.plan().parameters) out << ',' << p.name;
    out << ",Cd,Cl,converged,iterations,reason\n";
    std::map<std::string, const mesh_io::CaseInfo*> solved;
    for (const auto& c : data.cases()) solved[c.name] = &c;
    for (const auto& design : cases.designs()) {
      const auto found = solved.find(design.name);
      out << design.name << (found == solved.end() ? ",failed" : ",solved");
      for (const double value : design.values) out << ',' << value;
      if (found != solved.end()) {
        const auto& c = *found->second;
        out << ',' << c.coefficients.at("Cd") << ',' << c.coefficients.at("Cl") << ',' << c.quality.at("converged")
            << ',' << c.quality.at("iterations") << ",\n";
        continue;
      }
      std::string reason;
      for (const auto& [name, why] : report.rejected)
        if (name == design.name) reason = why;
      for (std::size_t at = 0; (at = reason.find('"', at)) != std::string::npos; at += 2) reason.insert(at, "\"");
      out << ",,,,,\"" << reason << "\"\n";
    }
    core::write_text(table(), out.str());
  }

  std::string space_, out_, splits_;
  int jobs_ = 1;
  OpenFoamChoices choices_;
  solver::GenerateOptions options_ = [] {
    solver::GenerateOptions out;
    out.flow = {15, 1.225, 1.5e-5};
    return out;
  }();
  std::vector<double> cd_range_ = {0.02, 2};
  bool resume_ = false, dry_run_ = false, overwrite_ = false, json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_generate() { return std::make_unique<Generate>(); }

}  // namespace streamtube::apps
