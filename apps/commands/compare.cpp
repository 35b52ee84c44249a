#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>

#include "apps/cli/compared_result.hpp"
#include "apps/cli/design_deltas.hpp"
#include "apps/cli/offscreen.hpp"
#include "apps/cli/output_folder.hpp"
#include "apps/cli/picture.hpp"
#include "apps/cli/results.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "mesh_io/mesh_io.hpp"
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
constexpr const char* kFiles[2] = {kSurface, kVolume};
constexpr const char* kSurfacePoints = "surface.vtu";  // of a data set, which has no faces
constexpr const char* kJson = "comparison.json";
constexpr const char* kDeltas = "deltas.csv";  // of a sweep
// Pictured where they are among the compared; the first of each kind.
const std::vector<std::vector<std::string>> kPictured = {{"Cp", "pressure"}, {"Cf", "wall_shear_stress"}};

class Compare : public Command {
 public:
  std::string name() const override { return "compare"; }
  std::string summary() const override { return "Compare two results on one geometry: errors, differences, pictures"; }

  void declare(CLI::App& app) override {
    app.add_option(
           "result", one_,
           "Result to judge: a folder of predict, a case of OpenFOAM, a VTP or VTU file, a table of points (CSV), "
           "DATASET:CASE; or a folder of sweep, whose designs are all compared by their coefficients")
        ->required();
    app.add_option(
           "reference", reference_,
           "What it is compared with, of the same kinds, or for a sweep one of its designs; errors are relative to it")
        ->required();
    app.add_option("--file-unit", units_, "Metres per unit of the files of the one and of the other (default 1 1)")
        ->expected(2);
    app.add_option("--out", out_,
                   "Folder for comparison.json, surface.vtp and volume.vtu with the differences, pictures; of a sweep "
                   "deltas.csv");
    auto* picture = app.add_flag("--picture", picture_,
                                 "Also draw pressure and shear on the body, of the result and of the reference in one "
                                 "range of colours, and their differences (PNG in --out)");
    std::vector<std::string> pictured;
    for (const auto& kind : kPictured)
      for (const std::string& field : kind) pictured.push_back(field), pictured.push_back(field + "_difference");
    pictures_.declare(app, pictured, picture);
    app.add_flag("--overwrite", overwrite_, "Replace existing results");
    app.add_flag("--json", json_, "Print JSON");
  }

  void validate() override { pictures_.validate(); }

  int execute() override {
    if (picture_ && out_.empty())
      throw Error(ErrorKind::usage, "--picture: there is no folder to draw into", "give --out");
    if (holds_designs(one_)) return compare_designs();
    if (picture_) require_opengl();
    std::optional<OutputFolder> folder;
    if (!out_.empty()) {
      std::vector<std::string> names = {kFiles[0], kFiles[1], kSurfacePoints};
      for (const auto& kind : kPictured)
        for (const std::string& field : kind)
          for (const std::string& name : {field, field + "_difference"}) names.push_back(picture_name(name));
      names.push_back(kJson);
      folder.emplace(out_, names, overwrite_);
    }
    ComparedResult one = read_result(one_, units_[0]), reference = read_result(reference_, units_[1]);
    take_conditions(one, reference);
    const solver::Comparison comparison = solver::compare(one.fields, reference.fields);
    const Json json = to_json(comparison, one, reference);
    // What was found is told, whatever happens to the files.
    if (json_)
      std::cout << core::json_text(json, 1) << '\n';
    else
      print(comparison, one, reference);
    if (!folder) return 0;
    try {
      write(comparison, *folder);
      if (picture_ && !comparison.part[0].surface)
        core::warn(str("no picture: ", reference_, " holds points of the surface, not its faces"));
      core::write_text(folder->file(kJson), core::json_text(json, 1) + "\n");
    } catch (const Error& error) {
      throw Error(error.kind(), folder->with_final_names(error.message()), error.hint());
    }
    folder->commit();
    return 0;
  }

 private:
  // All designs of a sweep against one of them, or against another result.
  int compare_designs() const {
    if (picture_)
      throw Error(ErrorKind::usage, "--picture: a sweep's designs are compared by their coefficients",
                  "sweep --picture and report draw them; compare two of them for pictures of their difference");
    std::optional<OutputFolder> folder;
    if (!out_.empty()) folder.emplace(out_, std::vector<std::string>{kDeltas, kJson}, overwrite_);
    const auto designs = design_deltas(one_, reference_);
    const Json json = {{"result", one_}, {"reference", reference_}, {"designs", designs_json(designs)}};
    std::cout << (json_ ? core::json_text(json, 1) + "\n" : designs_text(designs, reference_)) << std::flush;
    if (folder) {
      core::write_text(folder->file(kDeltas), designs_csv(designs));
      core::write_text(folder->file(kJson), core::json_text(json, 1) + "\n");
      folder->commit();
    }
    return 0;
  }

  static std::string picture_name(const std::string& field) { return field + ".png"; }

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
        for (const std::string& field : kind)
          if (draw(*part.surface, field, folder)) break;
    }
  }

  // A vector is drawn as its length.
  static Attribute scalar(const Attribute& field) {
    if (field.components == 1) return field;
    Attribute out = field;
    out.components = 1, out.values.clear();
    const auto k = static_cast<std::size_t>(field.components);
    for (std::size_t i = 0; i < field.values.size(); i += k) {
      double sum = 0;
      for (std::size_t c = 0; c < k; ++c) sum += double{field.values[i + c]} * field.values[i + c];
      out.values.push_back(static_cast<float>(std::sqrt(sum)));
    }
    return out;
  }

  // The field of both, and its difference; false when it is not among the compared.
  bool draw(const geometry::SurfaceMesh& mesh, const std::string& field, OutputFolder& folder) const {
    const auto find = [&](const std::string& name) -> const Attribute* {
      for (const Attribute& a : mesh.attributes)
        if (a.name == name) return &a;
      return nullptr;
    };
    const Attribute *mine = find(field), *theirs = find(field + "_reference"), *change = find(field + "_difference");
    if (!mine || !theirs || !change) return false;
    const char* length = change->components > 1 ? "length of " : "";
    const auto panels = [&](const Attribute& a, const ColourRange& range, const std::string& title,
                            std::vector<View> usual, std::vector<BodyPanel>& out) {
      bool first = true;
      for (const View view : pictures_.views(std::move(usual))) {
        out.push_back({&mesh, &a, range, view, mesh.bounds(), first ? title : "", field});
        first = false;
      }
    };
    const auto around_zero = [&](double limit, const std::string& name) {
      return pictures_.range(name).value_or(ColourRange{-limit, limit});
    };
    const Attribute both[2] = {scalar(*mine), scalar(*theirs)}, difference = scalar(*change);
    const ColourRange range = around_zero(std::max(colour_limit(both[0].values), colour_limit(both[1].values)), field);
    std::vector<BodyPanel> side_by_side, changes;
    panels(both[0], range, str(length, field, ", ", short_name(one_)), {View::iso}, side_by_side);
    panels(both[1], range, str(length, field, ", ", short_name(reference_)), {View::iso}, side_by_side);
    write_picture(folder.file(picture_name(field)), side_by_side);
    const std::string name = field + "_difference";
    panels(difference, around_zero(colour_limit(difference.values), name),
           str(length, "the difference of ", field, ": ", short_name(one_), " minus ", short_name(reference_)),
           {View::iso, View::iso_rear}, changes);
    write_picture(folder.file(picture_name(name)), changes);
    return true;
  }

  static std::string short_name(const std::string& path) {
    const fs::path p = fs::path(path).lexically_normal();
    return p.has_filename() ? p.filename().string() : p.parent_path().filename().string();
  }

  Json to_json(const solver::Comparison& comparison, const ComparedResult& one, const ComparedResult& reference) const {
    Json json = {{"result", one_}, {"reference", reference_}};
    const ComparedResult* sides[2] = {&one, &reference};
    for (int side = 0; side < 2; ++side) {
      const char* name = side == 0 ? "result" : "reference";
      const auto known = [](double x) { return x > 0 ? Json(x) : Json(nullptr); };
      json["conditions"][name] = {{"velocity_m_s", known(sides[side]->stated.velocity)},
                                  {"density_kg_m3", known(sides[side]->stated.density)},
                                  {"reference_area_m2", known(sides[side]->stated.area)}};
      for (const auto& [coefficient, value] : sides[side]->stated.of_body)
        json["coefficients"][name][coefficient] = value.total;
    }
    for (const Delta& d : deltas(one.stated, reference.stated)) json["differences"][d.name] = d.json();
    for (const auto& [part, list] : parts_deltas(one.stated, reference.stated))
      for (const Delta& d : list) json["parts"][part][d.name] = d.json();
    for (int side = 0; side < 2; ++side)
      for (const auto& [force, newton] : stated_forces(sides[side]->stated, reference.stated))
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
          if (deltas(one.stated, reference.stated).empty())
            json["forces_N"][side == 0 ? "result" : "reference"] = over_faces;
        }
    }
    return json;
  }

  // Coefficients first, one count being 0.0001; then forces, which are those of the results' own files.
  void print_coefficients(const StatedResult& one, const StatedResult& reference) const {
    const auto line = [](const Delta& d, const std::string& name) {
      constexpr double kCount = 1e-4;
      std::printf("%-24s %10.4f %10.4f %+9.1f", name.c_str(), d.one, d.reference, d.total() / kCount);
      if (d.split)
        std::printf(" %+9.1f %+9.1f", (*d.split)[0] / kCount, (*d.split)[1] / kCount);
      else if (d.deviation)
        std::printf(" %9s %9s", "", "");
      if (d.deviation) std::printf("  +- %.1f", *d.deviation / kCount);
      std::printf("\n");
    };
    const auto list = deltas(one, reference);
    if (!list.empty())
      std::printf("%-24s %10s %10s %9s %9s %9s\n", "", "result", "reference", "counts", "pressure", "friction");
    for (const Delta& d : list) line(d, d.name);
    if (std::any_of(list.begin(), list.end(), [](const Delta& d) { return d.deviation.has_value(); }))
      std::printf("+-: standard deviation of the difference over the members of the model\n");
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
    const auto mine = stated_forces(one, reference), theirs = stated_forces(reference, reference);
    for (const auto& [force, newton] : mine)
      if (const auto other = theirs.find(force); other != theirs.end())
        std::printf("%-8s %12.5g N   reference %12.5g N   difference %+.4g N at %g m/s, %g kg/m3\n", force.c_str(),
                    newton, other->second, newton - other->second, reference.velocity, reference.density);
  }

  void print(const solver::Comparison& comparison, const ComparedResult& one, const ComparedResult& reference) const {
    std::printf("%s\nagainst %s\n\n", one_.c_str(), reference_.c_str());
    print_coefficients(one.stated, reference.stated);
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
    if (const auto& forces = comparison.part[0].forces; forces && deltas(one.stated, reference.stated).empty())
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
  PictureOptions pictures_;
  bool overwrite_ = false, json_ = false, picture_ = false;
};

}  // namespace

std::unique_ptr<Command> make_compare() { return std::make_unique<Compare>(); }

}  // namespace streamtube::apps
