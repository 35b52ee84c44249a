#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "apps/cli/frame.hpp"
#include "apps/cli/model.hpp"
#include "apps/cli/parts.hpp"
#include "apps/cli/read_body.hpp"
#include "apps/cli/repair_option.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "geometry/parts.hpp"
#include "geometry/surface_report.hpp"
#include "mesh_io/mesh_io.hpp"

namespace streamtube::apps {
namespace {

using core::Json;

bool is_hdf5(const std::string& path) {
  char signature[8] = {};
  std::ifstream(path, std::ios::binary).read(signature, sizeof(signature));
  return std::string(signature, 8) == "\x89HDF\r\n\x1a\n";
}

bool has_extension(const std::string& path, const std::string& extension) {
  return path.size() >= extension.size() &&
         path.compare(path.size() - extension.size(), extension.size(), extension) == 0;
}

Json box_json(const Box& box) { return {{"low", box.low}, {"high", box.high}, {"size", box.size()}}; }

Json attributes_json(const std::vector<geometry::Attribute>& attributes, const char* cells) {
  Json out = Json::array();
  for (const auto& a : attributes)
    out.push_back({{"name", a.name},
                   {"components", a.components},
                   {"on", a.association == geometry::Association::points ? "points" : cells}});
  return out;
}

std::string attributes_text(const std::vector<geometry::Attribute>& attributes, const char* cells) {
  std::string out;
  for (const auto& a : attributes)
    out += core::str("  field          ", a.name, " (", a.components, ", on ",
                     a.association == geometry::Association::points ? "points" : cells, ")\n");
  return out;
}

class Inspect : public Command {
 public:
  std::string name() const override { return "inspect"; }
  std::string summary() const override { return "Report what is in a mesh file or a model"; }

  void declare(CLI::App& app) override {
    app.add_option(
        "file", files_,
        "Mesh (STL, OBJ, PLY, VTP, VTU, VTK, VTM, PVTP, PVTU, VTKHDF, NASTRAN, STEP, IGES), several surfaces as one "
        "body, or checkpoint "
        "(.h5); without: the built-in model");
    app.add_option("--unit", unit_, "Unit of length of a mesh file that does not say it: m, mm, cm, in, ft")
        ->default_str("m");
    frame_.declare_facing(app);
    parts_.declare(app);
    app.add_flag("--self-intersections", self_intersections_, "Also count pairs of faces that cut each other (slow)");
    declare_repair(app, repair_);
    app.add_flag("--json", json_, "Print JSON");
  }

  void validate() override {
    if (!unit_.empty()) unit_length(unit_);
    frame_.facing();
    parts_.validate();
  }

  int execute() override {
    if (!files_.empty()) file_ = files_.front();
    const double unit = unit_.empty() ? 1.0 : unit_length(unit_);
    if (files_.size() > 1) {
      inspect_parts(unit);
      return 0;
    }
    if (file_.empty() || (is_hdf5(file_) && !has_extension(file_, ".vtkhdf")) || has_extension(file_, ".h5") ||
        has_extension(file_, ".hdf5")) {
      print_model(load_model(file_), json_);
      return 0;
    }
    try {
      mesh_io::ReadReport cad;
      auto mesh = mesh_io::read_surface(file_, unit, parts_.cad(), &cad);
      for (const auto& warning : cad.warnings) core::warn(core::str("'", file_, "': ", warning));
      if (parts_.mirror_axis() >= 0) geometry::complete_half(mesh, parts_.mirror_axis());
      inspect_surface(mesh, cad);
    } catch (const core::Error& surface_error) {
      if (!has_extension(file_, ".vtu") && !has_extension(file_, ".vtk")) throw;
      geometry::VolumeMesh volume;
      try {
        volume = mesh_io::read_volume(file_, unit);
      } catch (const core::Error&) {
        throw surface_error;
      }
      inspect_volume(volume);
    }
    return 0;
  }

 private:
  // The files as the one body that predict makes of them.
  void inspect_parts(double unit) {
    geometry::SurfaceMesh whole;
    for (const auto& path : files_) {
      if (is_hdf5(path) && !has_extension(path, ".vtkhdf"))
        throw core::Error(core::ErrorKind::usage, core::str("'", path, "' is a model, and several files are one body"),
                          "inspect a model alone");
      mesh_io::ReadReport cad;
      const auto part = mesh_io::read_surface(path, unit, parts_.cad(), &cad);
      for (const auto& warning : cad.warnings) core::warn(core::str("'", path, "': ", warning));
      if (whole.offsets.empty()) whole.file_unit = part.file_unit, whole.unit_stated = part.unit_stated;
      geometry::append(whole, part, mesh_io::name_of_mesh(path));
    }
    file_ = core::str(files_.front(), " and ", files_.size() - 1, " more");
    if (parts_.mirror_axis() >= 0) geometry::complete_half(whole, parts_.mirror_axis());
    inspect_surface(whole, {});
  }
  // Without --unit the lengths are those of the unit that the numbers look like, as predict takes them.
  void settle_unit(geometry::SurfaceMesh& mesh) const {
    if (!unit_.empty() || mesh.unit_stated) return;
    const Vec3 size = mesh.bounds().size();
    const std::string unit = geometry::likely_unit(std::max({size[0], size[1], size[2]}));
    if (unit == "m") return;
    const double metres = unit_length(unit);
    for (Vec3& p : mesh.points) p = metres * p;
    mesh.file_unit = metres;
    core::info(core::str(file_, ": read in ", unit, ", which its numbers look like (--unit decides)"));
  }

  void inspect_surface(geometry::SurfaceMesh mesh, const mesh_io::ReadReport& cad) const {
    if (const std::string coarse = geometry::coarse_numbers_text(mesh); !coarse.empty())
      core::warn(core::str("'", file_, "': ", coarse));
    settle_unit(mesh);
    if (const geometry::Frame frame = frame_.facing(); frame.turned()) {
      geometry::to_model(frame, mesh);
      core::info(core::str(file_, ": turned, so that x is along the flow and z up"));
    }
    const bool tried = repair_.rung != geometry::Rung::none;
    auto r = geometry::report(mesh, self_intersections_ || (tried && mesh.face_count() <= geometry::kMostForCuts));
    if (mesh.unit_stated) r.likely_unit.clear();  // nothing to guess
    geometry::Repair repair;
    if (tried) {
      geometry::SurfaceMesh prepared = mesh;
      const auto preparation = geometry::prepare(prepared, r, file_);
      repair = geometry::repair(prepared, r, preparation, repair_, file_);
    }
    const auto sizes = geometry::patch_sizes(mesh);
    if (!json_) {
      std::cout << file_ << '\n';
      if (!cad.format.empty()) std::cout << "  " << to_text(cad) << '\n';
      std::cout << geometry::to_text(r, "  ");
      for (std::size_t p = 0; p < sizes.size(); ++p) {
        const std::string role = parts_.role(mesh.patch_names[p]);
        std::cout << core::str("  part           ", mesh.patch_names[p], " (", sizes[p].faces, " faces, ",
                               sizes[p].area, " m2", role.empty() ? "" : "; " + role, ")\n");
      }
      std::cout << attributes_text(mesh.attributes, "faces");
      if (tried && repair.steps.empty()) std::cout << "  repair         nothing to do\n";
      for (const auto& step : repair.steps)
        std::cout << core::str("  repair         ", geometry::name(repair.rung), ": ", to_text(step), '\n');
      for (const auto& warning : repair.warnings) core::warn(core::str("'", file_, "': ", warning));
      return;
    }
    Json parts = Json::array();
    for (std::size_t p = 0; p < sizes.size(); ++p) {
      parts.push_back({{"name", mesh.patch_names[p]}, {"faces", sizes[p].faces}, {"area", sizes[p].area}});
      if (const auto role = parts_.role(mesh.patch_names[p]); !role.empty()) parts.back()["role"] = role;
      if (p < cad.colours.size() && !cad.colours[p].empty()) parts.back()["colour"] = cad.colours[p];
    }
    Json out = {{"kind", "surface"},
                {"file", files_.size() > 1 ? Json(files_) : Json(file_)},
                {"points", r.points},
                {"faces", r.faces},
                {"triangles", r.triangles},
                {"patches", mesh.patch_names},
                {"parts", std::move(parts)},
                {"components", r.components},
                {"degenerate_faces", r.degenerate_faces},
                {"duplicate_faces", r.duplicate_faces},
                {"boundary_edges", r.boundary_edges},
                {"non_manifold_edges", r.non_manifold_edges},
                {"inconsistent_edges", r.inconsistent_edges},
                {"inverted_components", r.inverted_components},
                {"watertight", r.watertight},
                {"outward", r.outward},
                {"bounds", box_json(r.bounds)},
                {"area", r.area},
                {"volume", r.volume},
                {"likely_unit", r.likely_unit},
                {"attributes", attributes_json(mesh.attributes, "faces")}};
    if (!cad.format.empty())
      out["cad"] = {{"format", cad.format},     {"unit", cad.unit},   {"solids", cad.solids},
                    {"surfaces", cad.surfaces}, {"faces", cad.faces}, {"deviation", cad.deviation},
                    {"warnings", cad.warnings}};
    if (tried) out["repair"] = core::parse_json(repair_json_text(repair_, repair));
    if (r.self_intersections) out["self_intersections"] = *r.self_intersections;
    std::cout << core::json_text(out, 2) << '\n';
  }

  void inspect_volume(const geometry::VolumeMesh& mesh) const {
    Box box;
    for (const Vec3& p : mesh.points) box.add(p);
    if (json_) {
      const Json out = {{"kind", "volume"},
                        {"file", file_},
                        {"points", mesh.points.size()},
                        {"cells", mesh.cell_count()},
                        {"bounds", box_json(box)},
                        {"attributes", attributes_json(mesh.attributes, "cells")}};
      std::cout << core::json_text(out, 2) << '\n';
      return;
    }
    std::cout << file_ << "\n  volume mesh    " << mesh.cell_count() << " cells, " << mesh.points.size() << " points\n";
    for (int a = 0; a < 3; ++a)
      std::cout << "  "
                << "xyz"[a] << "              " << box.low[a] << " .. " << box.high[a] << " m\n";
    std::cout << attributes_text(mesh.attributes, "cells");
  }

  std::vector<std::string> files_;
  std::string file_, unit_;
  FrameOptions frame_;
  PartOptions parts_;
  geometry::RepairOptions repair_{.automatic = false, .rung = geometry::Rung::none};
  bool self_intersections_ = false, json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_inspect() { return std::make_unique<Inspect>(); }

}  // namespace streamtube::apps
