#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>

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

// Coefficients of a result as its own files state them, each in total and, where they say so, of pressure and friction.
struct Stated {
  struct Value {
    double total = 0;
    std::optional<std::array<double, 2>> split;  // pressure, friction
  };
  std::map<std::string, Value> of_body;                                        // Cd, Cl, Cs, Cm_pitch, ...
  std::vector<std::pair<std::string, std::map<std::string, Value>>> of_parts;  // in the order of the file
};

struct Read {
  solver::Result result;
  double velocity = 0, density = 0, area = 0;  // m/s, kg/m3, m2; 0: not known
  Stated coefficients;
  bool incompressible = false;  // of OpenFOAM: pressures and stresses are in proportion to a density of free choice
  double dynamic_pressure() const { return 0.5 * density * velocity * velocity; }
};

void take_info(const mesh_io::CaseInfo& info, Read& read) {
  read.velocity = info.flow.velocity, read.density = info.flow.density, read.area = info.reference_area;
  for (const auto& [name, value] : info.coefficients) read.coefficients.of_body[name] = {value, {}};
}

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
  take_info(sample.info, read);
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

std::map<std::string, Stated::Value> values_of(const Json& json) {
  std::map<std::string, Stated::Value> out;
  for (const auto& [name, value] : json.items()) {
    if (!value.is_object() || !value.contains("total") || !value["total"].is_number()) continue;
    Stated::Value& one = out[name];
    one.total = value["total"].get<double>();
    if (value.contains("pressure") && value["pressure"].is_number() && value.contains("friction") &&
        value["friction"].is_number())
      one.split = {{value["pressure"].get<double>(), value["friction"].get<double>()}};
  }
  return out;
}

// What forces.json of predict and solve says; without it, the density in run.json.
void read_forces(const fs::path& folder, Read& read) {
  const std::string path = (folder / "forces.json").string(), run = (folder / "run.json").string();
  if (!is_file(path)) {
    const Json json = is_file(run) ? core::try_json(core::read_text(run)) : Json();
    if (json.is_object() && json.contains("options") && json["options"].is_object()) {
      const Json& options = json["options"];
      if (options.contains("density") && options["density"].is_number())
        read.density = options["density"].get<double>();
    }
    return;
  }
  const Json json = core::try_json(core::read_text(path));
  const auto number = [&](const char* object, const char* key) {
    if (!json.is_object() || !json.contains(object) || !json[object].is_object()) return 0.0;
    const Json& from = json[object];
    return from.contains(key) && from[key].is_number() ? from[key].get<double>() : 0.0;
  };
  read.velocity = number("flow", "velocity_m_s"), read.density = number("flow", "density_kg_m3");
  read.area = number("reference", "area_m2");
  if (!json.is_object()) return;
  if (json.contains("coefficients") && json["coefficients"].is_object())
    read.coefficients.of_body = values_of(json["coefficients"]);
  if (json.contains("patches") && json["patches"].is_object())
    for (const auto& [name, patch] : json["patches"].items())
      if (patch.is_object()) read.coefficients.of_parts.emplace_back(name, values_of(patch));
}

Read read_result(const std::string& given, double unit) {
  const std::string path = mesh_io::foam_folder(given);
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
    take_info(foam.info, read);
    read.incompressible = foam.incompressible;
    return read;
  }
  read_forces(path, read);
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

// Fields of a result at the velocity and density of another: equal where the dimensionless fields are.
void take_conditions(Read& one, const Read& other) {
  if (!(one.density > 0 && other.density > 0)) return;
  const auto same = [](double a, double b) { return std::abs(a - b) <= 1e-6 * std::abs(b); };
  const bool speeds_known = one.velocity > 0 && other.velocity > 0;
  const double speeds = speeds_known ? other.velocity / one.velocity : 1,
               pressures = other.density / one.density * speeds * speeds;
  if (same(speeds, 1) && same(pressures, 1)) return;
  const auto scale = [&](std::vector<Attribute>& attributes) {
    for (Attribute& a : attributes) {
      const bool pressure = a.name == "pressure" || a.name == "wall_shear_stress",
                 speed = a.name == "velocity" || a.name == "vorticity";
      if (pressure || speed)
        for (float& v : a.values) v *= static_cast<float>(pressure ? pressures : speeds);
    }
  };
  for (auto& part : one.result.part) {
    if (part.surface) scale(part.surface->attributes);
    if (part.volume) scale(part.volume->attributes);
    for (auto& f : part.points.fields) {
      const bool pressure = f.name == "pressure" || f.name == "wall_shear_stress",
                 speed = f.name == "velocity" || f.name == "vorticity";
      if (pressure || speed)
        for (float& v : f.values) v *= static_cast<float>(pressure ? pressures : speeds);
    }
  }
  const auto words = [&](const Read& r) {
    return speeds_known ? str(r.velocity, " m/s and ", r.density, " kg/m3") : str(r.density, " kg/m3");
  };
  core::info(str(one.result.name, " is at ", words(one), ", ", other.result.name, " at ", words(other),
                 ": its fields are brought to the latter, so that dimensionless ones are compared"));
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
    take_conditions(one, reference);
    const solver::Comparison comparison = solver::compare(one.result, reference.result);
    const Json json = to_json(comparison, one, reference);
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
      print(comparison, one, reference);
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

  Json to_json(const solver::Comparison& comparison, const Read& one, const Read& reference) const {
    Json json = {{"result", one_}, {"reference", reference_}};
    const Read* sides[2] = {&one, &reference};
    for (int side = 0; side < 2; ++side) {
      const char* name = side == 0 ? "result" : "reference";
      const auto known = [](double x) { return x > 0 ? Json(x) : Json(nullptr); };
      json["conditions"][name] = {{"velocity_m_s", known(sides[side]->velocity)},
                                  {"density_kg_m3", known(sides[side]->density)},
                                  {"reference_area_m2", known(sides[side]->area)}};
      for (const auto& [coefficient, value] : sides[side]->coefficients.of_body)
        json["coefficients"][name][coefficient] = value.total;
    }
    for (const Delta& d : deltas(one.coefficients.of_body, reference.coefficients.of_body))
      json["differences"][d.name] = d.json();
    for (const auto& [part, list] : parts_deltas(one, reference))
      for (const Delta& d : list) json["parts"][part][d.name] = d.json();
    for (int side = 0; side < 2; ++side)
      for (const auto& [force, newton] : forces_of(*sides[side], reference))
        json["forces_N"][side == 0 ? "result" : "reference"][force] = newton;
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
          const Json over_faces = {{"drag", force[0]}, {"side", force[1]}, {"lift", force[2]}};
          json["forces_over_faces_N"][side == 0 ? "result" : "reference"] = over_faces;
          if (deltas(one.coefficients.of_body, reference.coefficients.of_body).empty())
            json["forces_N"][side == 0 ? "result" : "reference"] = over_faces;
        }
    }
    return json;
  }

  // The one minus the reference of a coefficient, as both state it.
  struct Delta {
    std::string name;
    double one = 0, reference = 0;
    std::optional<std::array<double, 2>> split;  // pressure, friction
    Json json() const {
      Json out = {{"total", one - reference}};
      if (split) out["pressure"] = (*split)[0], out["friction"] = (*split)[1];
      return out;
    }
  };
  static std::vector<Delta> deltas(const std::map<std::string, Stated::Value>& one,
                                   const std::map<std::string, Stated::Value>& reference) {
    std::vector<Delta> out;
    for (const char* name : {"Cd", "Cl", "Clf", "Clr", "Cs", "Cm_roll", "Cm_pitch", "Cm_yaw"}) {
      const auto a = one.find(name), b = reference.find(name);
      if (a == one.end() || b == reference.end()) continue;
      Delta d{name, a->second.total, b->second.total, {}};
      if (a->second.split && b->second.split)
        d.split = {{(*a->second.split)[0] - (*b->second.split)[0], (*a->second.split)[1] - (*b->second.split)[1]}};
      out.push_back(d);
    }
    return out;
  }
  // Of parts that both have.
  static std::vector<std::pair<std::string, std::vector<Delta>>> parts_deltas(const Read& one, const Read& reference) {
    std::vector<std::pair<std::string, std::vector<Delta>>> out;
    if (one.coefficients.of_parts.size() < 2) return out;
    for (const auto& [name, values] : one.coefficients.of_parts)
      for (const auto& [other, theirs] : reference.coefficients.of_parts)
        if (name == other) out.emplace_back(name, deltas(values, theirs));
    return out;
  }

  // From its coefficients, at the conditions of another result; empty where its files do not say all.
  static std::map<std::string, double> forces_of(const Read& read, const Read& at) {
    std::map<std::string, double> out;
    const double newton = at.dynamic_pressure() * read.area;
    if (!(newton > 0)) return out;
    for (const auto& [coefficient, force] : {std::pair{"Cd", "drag"}, {"Cl", "lift"}, {"Cs", "side"}})
      if (const auto it = read.coefficients.of_body.find(coefficient); it != read.coefficients.of_body.end())
        out[force] = newton * it->second.total;
    return out;
  }

  // Coefficients first, one count being 0.0001; then forces, which are those of the results' own files.
  void print_coefficients(const Read& one, const Read& reference) const {
    const auto line = [](const Delta& d, const std::string& name) {
      constexpr double kCount = 1e-4;
      std::printf("%-24s %10.4f %10.4f %+9.1f", name.c_str(), d.one, d.reference, (d.one - d.reference) / kCount);
      if (d.split) std::printf(" %+9.1f %+9.1f", (*d.split)[0] / kCount, (*d.split)[1] / kCount);
      std::printf("\n");
    };
    const auto list = deltas(one.coefficients.of_body, reference.coefficients.of_body);
    if (!list.empty())
      std::printf("%-24s %10s %10s %9s %9s %9s\n", "", "result", "reference", "counts", "pressure", "friction");
    for (const Delta& d : list) line(d, d.name);
    for (const auto& [part, ofs] : parts_deltas(one, reference))
      for (const Delta& d : ofs)
        if (d.name == "Cd" || d.name == "Cl") line(d, str("  ", part.substr(0, 18), " ", d.name));
    if (one.area > 0 && reference.area > 0 && std::abs(one.area - reference.area) > 1e-3 * reference.area) {
      const double change = one.area / reference.area;
      std::printf("the reference areas differ, %.6g and %.6g m2", one.area, reference.area);
      for (const Delta& d : list)
        if (d.name == "Cd" || d.name == "Cl")
          std::printf(": %sA %.6g and %.6g m2 (%+.2f %%)", d.name.c_str(), d.one * one.area,
                      d.reference * reference.area, 100 * (d.one * change / d.reference - 1));
      std::printf("\n");
    }
    const auto mine = forces_of(one, reference), theirs = forces_of(reference, reference);
    for (const auto& [force, newton] : mine)
      if (const auto other = theirs.find(force); other != theirs.end())
        std::printf("%-8s %12.5g N   reference %12.5g N   difference %+.4g N at %g m/s, %g kg/m3\n", force.c_str(),
                    newton, other->second, newton - other->second, reference.velocity, reference.density);
  }

  void print(const solver::Comparison& comparison, const Read& one, const Read& reference) const {
    std::printf("%s\nagainst %s\n\n", one_.c_str(), reference_.c_str());
    print_coefficients(one, reference);
    std::printf("\n%-30s %11s %11s %11s %11s %9s  %s\n", "field (its own unit)", "relative L2", "weighted", "mean |e|",
                "largest", "places", "components");
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
    // A result has one drag: these only where its files do not say it.
    if (const auto& forces = comparison.part[0].forces;
        forces && deltas(one.coefficients.of_body, reference.coefficients.of_body).empty())
      for (std::size_t a = 0; a < 3; ++a) {
        const double mine = (*forces)[0][a], theirs = (*forces)[1][a];
        // Of a force that symmetry makes zero no share is told.
        const bool share = std::abs(theirs) > 1e-6 * norm((*forces)[1]);
        std::printf("%s%-8s %12.5g N   reference %12.5g N   difference %+.4g N%s\n", a == 0 ? "\n" : "",
                    a == 0   ? "drag"
                    : a == 1 ? "side"
                             : "lift",
                    mine, theirs, mine - theirs,
                    share ? str(" (", 0.01 * std::round(1e4 * (mine / theirs - 1)), " %), over the faces").c_str()
                          : ", over the faces");
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
