// `repair`: the body that predict would compute, as a file of its own, with what was done to the surface.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "apps/cli/read_body.hpp"
#include "apps/cli/repair_option.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/output_lock.hpp"
#include "mesh_io/mesh_io.hpp"

namespace streamtube::apps {

using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;
namespace fs = std::filesystem;

namespace {

class RepairCommand : public Command {
 public:
  std::string name() const override { return "repair"; }
  std::string summary() const override { return "Write the closed body that predict makes of a damaged surface"; }

  void declare(CLI::App& app) override {
    app.add_option(
           "files", files_,
           "Mesh files of the body (STL, OBJ, PLY, VTP, VTU, VTK, VTM, PVTP, PVTU, VTKHDF, NASTRAN, STEP, IGES)")
        ->required();
    app.add_option("-o,--out", out_, "File to write: .stl (binary) or .vtp (keeps the parts' names)")->required();
    app.add_option("--unit", unit_, "Unit of length of files that do not say it, also of --out: m, mm, cm, in, ft")
        ->default_str("m");
    parts_.declare(app);
    declare_repair(app, repair_);
    app.add_flag("--overwrite", overwrite_, "Replace an existing file");
    app.add_flag("--json", json_, "Print JSON");
  }

  void validate() override {
    if (!unit_.empty()) unit_length(unit_);
    parts_.validate();
    const std::string extension = fs::path(out_).extension().string();
    if (extension != ".stl" && extension != ".vtp")
      throw Error(ErrorKind::usage, str("--out '", out_, "': what is written ends in .stl or .vtp"), "");
    for (const auto& file : files_) {
      std::error_code ignored;
      if (fs::equivalent(file, out_, ignored))
        throw Error(ErrorKind::usage, str("--out '", out_, "' is one of the files that are read"),
                    "choose another name");
    }
  }

  int execute() override {
    const core::OutputFile output(out_, overwrite_);
    Body body = read_body(files_, unit_, parts_, [](const Body&) { return std::string("m"); });
    prepare_body(body, parts_, {}, repair_);
    for (const auto& warning : body.warnings) core::warn(warning);
    const geometry::SurfaceMesh& made = body.repair.body ? *body.repair.body : body.mesh;
    const geometry::SurfaceReport now = geometry::report(made);
    if (fs::path(out_).extension() == ".vtp") {
      mesh_io::write_vtp(out_, made);
    } else {
      mesh_io::write_stl(out_, made);
    }
    if (json_) {
      const Json out = {{"file", out_},
                        {"repair", core::parse_json(repair_json_text(repair_, body.repair))},
                        {"faces", now.faces},
                        {"watertight", now.watertight},
                        {"area_m2", now.area},
                        {"volume_m3", now.volume},
                        {"warnings", body.warnings}};
      std::cout << core::json_text(out, 2) << '\n';
      return 0;
    }
    if (body.repair.steps.empty()) std::cout << "nothing to repair\n";
    for (const auto& step : body.repair.steps)
      std::cout << geometry::name(body.repair.rung) << ": " << geometry::to_text(step) << '\n';
    std::cout << out_ << ": " << now.faces << " faces, " << (now.watertight ? "closed" : "not closed") << ", "
              << now.area << " m2, " << now.volume << " m3\n";
    return 0;
  }

 private:
  std::vector<std::string> files_;
  std::string out_, unit_;
  PartOptions parts_;
  geometry::RepairOptions repair_;
  bool overwrite_ = false, json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_repair() { return std::make_unique<RepairCommand>(); }

}  // namespace streamtube::apps
