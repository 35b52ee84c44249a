#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "apps/cli/output_folder.hpp"
#include "apps/cli/picture.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "mesh_io/layouts/table_layout.hpp"
#include "mesh_io/mesh_io.hpp"
#include "mesh_io/openfoam.hpp"
#include "solver/comparison.hpp"

namespace streamtube::apps {
namespace {

using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;
using geometry::Attribute;
namespace fs = std::filesystem;

constexpr const char* kParts[2] = {"surface", "volume"};
constexpr const char* kFiles[2] = {"surface.vtp", "volume.vtu"};
constexpr const char* kSurfacePoints = "surface.vtu";  // of a data set, which has no faces
constexpr const char* kJson = "comparison.json";
// Pictured where they are among the compared; the first of each kind.
const std::vector<std::vector<std::string>> kPictured = {{"Cp", "pressure"}, {"Cf", "wall_shear_stress"}};

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

struct Read {
  solver::Result result;
  double density = 0;           // kg/m3; 0: not known
  bool incompressible = false;  // of OpenFOAM: pressures and stresses are in proportion to a density of free choice
};

// FILE.h5:CASE, a folder of data:CASE.
bool read_case(const std::string& text, Read& read) {
  const std::size_t colon = text.rfind(':');
  std::error_code ignored;
  const std::string path = text.substr(0, colon);
  if (colon == std::string::npos || fs::exists(text, ignored) || !fs::exists(path, ignored)) return false;
  const mesh_io::Dataset data(path);
  const std::string name = text.substr(colon + 1);
  std::vector<std::string> names;
  for (const auto& c : data.cases()) names.push_back(c.name);
  const std::string found = mesh_io::find_cases(names, {name}, str("'", path, "'"))[0];
  const auto index = static_cast<std::size_t>(std::find(names.begin(), names.end(), found) - names.begin());
  mesh_io::FlowSample sample = data.read(index, true);
  read.density = sample.info.flow.density;
  for (int b = 0; b < 2; ++b) read.result.part[b].points = std::move(sample.part[b]);
  return true;
}

void read_mesh(const std::string& path, double unit, solver::Result& result) {
  geometry::VolumeMesh mesh = mesh_io::read_volume(path, unit);
  constexpr std::uint8_t kLine = 4, kFirstSolid = 10;
  const auto flat = [](std::uint8_t type) { return type > kLine && type < kFirstSolid; };
  if (std::any_of(mesh.types.begin(), mesh.types.end(), flat))
    result.part[0].surface = mesh_io::read_surface(path, unit);
  else
    result.part[1].volume = std::move(mesh);
}

// The density in the run.json of predict and solve; 0 without.
double density_of_run(const fs::path& folder) {
  const std::string path = (folder / "run.json").string();
  if (!is_file(path)) return 0;
  const Json run = core::try_json(core::read_text(path));
  if (!run.is_object() || !run.contains("options") || !run["options"].is_object()) return 0;
  const Json& options = run["options"];
  return options.contains("density") && options["density"].is_number() ? options["density"].get<double>() : 0;
}

Read read_result(const std::string& path, double unit) {
  Read read;
  solver::Result& result = read.result;
  result.name = str("'", path, "'");
  if (read_case(path, read)) return read;
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    read_mesh(path, unit, result);
    return read;
  }
  if (mesh_io::is_foam_case(path)) {
    mesh_io::FoamResult foam = mesh_io::read_foam_result(path);
    result.part[0].surface = std::move(foam.surface), result.part[1].volume = std::move(foam.volume);
    read.density = foam.info.flow.density, read.incompressible = foam.incompressible;
    return read;
  }
  read.density = density_of_run(path);
  if (is_file(fs::path(path) / kFiles[0]))
    result.part[0].surface = mesh_io::read_surface((fs::path(path) / kFiles[0]).string(), unit);
  if (is_file(fs::path(path) / kFiles[1]))
    result.part[1].volume = mesh_io::read_volume((fs::path(path) / kFiles[1]).string(), unit);
  if (result.part[0].empty() && result.part[1].empty())
    throw Error(
        ErrorKind::input,
        str("'", path, "': this folder holds no result: neither ", kFiles[0], " nor ", kFiles[1],
            " nor system/controlDict"),
        "give the folder that `streamtube predict` wrote, a case of OpenFOAM, a VTP or VTU file, or DATASET.h5:CASE");
  return read;
}

// An incompressible solution is one for any density: that of the result it stands beside.
void take_density(Read& foam, const Read& other) {
  if (!foam.incompressible || other.incompressible || !(other.density > 0) || foam.density == other.density) return;
  const auto factor = static_cast<float>(other.density / foam.density);
  const auto scale = [&](std::vector<Attribute>& attributes) {
    for (Attribute& a : attributes)
      if (a.name == "pressure" || a.name == "wall_shear_stress")
        for (float& v : a.values) v *= factor;
  };
  if (foam.result.part[0].surface) scale(foam.result.part[0].surface->attributes);
  if (foam.result.part[1].volume) scale(foam.result.part[1].volume->attributes);
  foam.density = other.density;
  core::info(str(foam.result.name, " is incompressible: its pressures are taken at ", other.result.name, "'s density, ",
                 other.density, " kg/m3"));
}

class Compare : public Command {
 public:
  std::string name() const override { return "compare"; }
  std::string summary() const override { return "Compare two results on one geometry: errors, differences, pictures"; }

  void declare(CLI::App& app) override {
    app.add_option("result", one_,
                   "Result to judge: a folder of predict, a case of OpenFOAM, a VTP or VTU file, or DATASET:CASE")
        ->required();
    app.add_option("reference", reference_, "What it is compared with, of the same kinds; errors are relative to it")
        ->required();
    app.add_option("--file-unit", units_, "Metres per unit of the files of the one and of the other (default 1 1)")
        ->expected(2);
    app.add_option("--out", out_,
                   "Folder for comparison.json, surface.vtp and volume.vtu with the differences, pictures");
    app.add_flag("--picture", picture_, "Also draw the differences of pressure and shear on the body (PNG in --out)");
    app.add_flag("--overwrite", overwrite_, "Replace existing results");
    app.add_flag("--json", json_, "Print JSON");
  }

  int execute() override {
    if (picture_ && out_.empty())
      throw Error(ErrorKind::usage, "--picture: there is no folder to draw into", "give --out");
    if (picture_) require_opengl();
    std::optional<OutputFolder> folder;
    if (!out_.empty()) {
      std::vector<std::string> names = {kFiles[0], kFiles[1], kSurfacePoints};
      for (const auto& kind : kPictured)
        for (const std::string& field : kind) names.push_back(picture_name(field));
      names.push_back(kJson);
      folder.emplace(out_, names, overwrite_);
    }
    Read one = read_result(one_, units_[0]), reference = read_result(reference_, units_[1]);
    take_density(one, reference), take_density(reference, one);
    if (one.density > 0 && reference.density > 0 && one.density != reference.density)
      core::warn(
          str("the densities differ, ", one.density, " and ", reference.density, " kg/m3: so do pressures and forces"));
    const solver::Comparison comparison = solver::compare(one.result, reference.result);
    const Json json = to_json(comparison);
    if (folder) {
      write(comparison, *folder);
      if (picture_ && !comparison.part[0].surface)
        core::warn(str("no picture: ", reference_, " holds points of the surface, not its faces"));
      core::write_text(folder->file(kJson), core::json_text(json, 1) + "\n");
      folder->commit();
    }
    if (json_)
      std::cout << core::json_text(json, 1) << '\n';
    else
      print(comparison);
    return 0;
  }

 private:
  static std::string picture_name(const std::string& field) { return field + "_difference.png"; }

  void write(const solver::Comparison& comparison, OutputFolder& folder) const {
    for (int b = 0; b < 2; ++b) {
      const solver::PartDifference& part = comparison.part[b];
      if (part.fields.empty()) continue;
      if (part.surface)
        mesh_io::write_vtp(folder.file(kFiles[0]), *part.surface, {{"compared", one_}, {"reference", reference_}});
      if (part.volume)
        mesh_io::write_vtu(folder.file(b == 0 ? kSurfacePoints : kFiles[1]), *part.volume,
                           {{"compared", one_}, {"reference", reference_}});
      if (!part.surface || !picture_) continue;
      for (const auto& kind : kPictured)
        for (const std::string& field : kind) {
          const auto& all = part.surface->attributes;
          const auto found =
              std::find_if(all.begin(), all.end(), [&](const Attribute& a) { return a.name == field + "_difference"; });
          if (found == all.end()) continue;
          draw(*part.surface, *found, field, folder.file(picture_name(field)));
          break;
        }
    }
  }

  // A vector's difference is drawn as its length.
  void draw(const geometry::SurfaceMesh& mesh, const Attribute& difference, const std::string& field,
            const std::string& path) const {
    Attribute scalar = difference;
    if (difference.components > 1) {
      scalar.components = 1, scalar.values.clear();
      const auto k = static_cast<std::size_t>(difference.components);
      for (std::size_t i = 0; i < difference.values.size(); i += k) {
        double sum = 0;
        for (std::size_t c = 0; c < k; ++c) sum += double{difference.values[i + c]} * difference.values[i + c];
        scalar.values.push_back(static_cast<float>(std::sqrt(sum)));
      }
    }
    write_field_picture(path, mesh, scalar,
                        str(difference.components > 1 ? "length of the difference of " : "difference of ", field, ": ",
                            short_name(one_), " minus ", short_name(reference_)));
  }
  static std::string short_name(const std::string& path) {
    const fs::path p = fs::path(path).lexically_normal();
    return p.has_filename() ? p.filename().string() : p.parent_path().filename().string();
  }

  Json to_json(const solver::Comparison& comparison) const {
    Json json = {{"result", one_}, {"reference", reference_}};
    for (int b = 0; b < 2; ++b) {
      const solver::PartDifference& part = comparison.part[b];
      for (const auto& f : part.fields) {
        Json& field = json["fields"][str(kParts[b], '/', f.name, f.on_points ? "@points" : "")];
        field = {{"relative_l2", f.relative_l2},
                 {"weighted_relative_l2", f.weighted_relative_l2},
                 {"mean_absolute", f.mean_absolute},
                 {"mean_squared", f.mean_squared},
                 {"component_relative_l2", f.component_relative_l2},
                 {"largest", f.largest},
                 {"largest_at", f.largest_at},
                 {"places", f.places},
                 {"missing", f.missing},
                 {"not_finite", f.not_finite},
                 {"interpolated", f.interpolated}};
      }
      if (part.forces)
        for (int side = 0; side < 2; ++side) {
          const Vec3& force = (*part.forces)[static_cast<std::size_t>(side)];
          json["forces_N"][side == 0 ? "result" : "reference"] = {
              {"drag", force[0]}, {"side", force[1]}, {"lift", force[2]}};
        }
    }
    return json;
  }

  void print(const solver::Comparison& comparison) const {
    std::printf("%s\nagainst %s\n\n%-30s %11s %11s %11s %11s %9s  %s\n", one_.c_str(), reference_.c_str(),
                "field (its own unit)", "relative L2", "weighted", "mean |e|", "largest", "places", "components");
    bool interpolated = false;
    std::size_t missing = 0;
    for (int b = 0; b < 2; ++b)
      for (const auto& f : comparison.part[b].fields) {
        std::printf("%-30s %9.2f %% %9.2f %% %11.4g %11.4g %9zu ",
                    str(kParts[b], '/', f.name, f.on_points ? " (points)" : "").c_str(), 100 * f.relative_l2,
                    100 * f.weighted_relative_l2, f.mean_absolute, f.largest, f.places);
        for (const double e : f.component_relative_l2) std::printf(" %.1f %%", 100 * e);
        std::printf("%s\n", f.interpolated ? "  interpolated" : "");
        interpolated = interpolated || f.interpolated, missing = std::max(missing, f.missing);
      }
    if (const auto& forces = comparison.part[0].forces)
      for (std::size_t a = 0; a < 3; ++a) {
        const double mine = (*forces)[0][a], theirs = (*forces)[1][a];
        // Of a force that symmetry makes zero no share is told.
        const bool share = std::abs(theirs) > 1e-6 * norm((*forces)[1]);
        std::printf("%s%-8s %12.5g N   reference %12.5g N   difference %+.4g N%s\n", a == 0 ? "\n" : "",
                    a == 0   ? "drag"
                    : a == 1 ? "side"
                             : "lift",
                    mine, theirs, mine - theirs,
                    share ? str(" (", 0.01 * std::round(1e4 * (mine / theirs - 1)), " %)").c_str() : "");
      }
    std::fflush(stdout);
    if (missing > 0)
      core::warn(str("up to ", missing, " places of the reference have no counterpart and are left out"));
    if (interpolated) core::info("the meshes differ: values were taken at the reference's places");
  }

  std::string one_, reference_, out_;
  std::vector<double> units_ = {1, 1};
  bool overwrite_ = false, json_ = false, picture_ = false;
};

}  // namespace

std::unique_ptr<Command> make_compare() { return std::make_unique<Compare>(); }

}  // namespace streamtube::apps
