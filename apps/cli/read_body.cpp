#include "apps/cli/read_body.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <span>

#include "core/error.hpp"
#include "core/log.hpp"
#include "geometry/parts.hpp"
#include "geometry/topology.hpp"
#include "mesh_io/mesh_io.hpp"

namespace streamtube::apps {

using core::Error;
using core::ErrorKind;
using core::str;

double unit_length(const std::string& unit, const char* option) {
  static const std::map<std::string, double> metres = {
      {"m", 1.0}, {"mm", 1e-3}, {"cm", 1e-2}, {"in", 0.0254}, {"ft", 0.3048}};
  const auto it = metres.find(unit);
  if (it == metres.end())
    throw Error(ErrorKind::usage, str(option, ": '", unit, "' is not a unit of length"), "use m, mm, cm, in or ft");
  return it->second;
}

std::string to_text(const mesh_io::ReadReport& r) {
  std::string out = str(r.format, " in ", r.unit, ", ");
  if (r.solids > 0) out += str(r.solids, r.solids == 1 ? " solid, " : " solids, ");
  if (r.surfaces > 0) out += str(r.surfaces, r.surfaces == 1 ? " open surface, " : " open surfaces, ");
  return out + str(r.faces, " faces: ", r.triangles, " triangles within ", r.deviation, " m");
}

void measure(Body& body) {
  body.report = geometry::report(body.mesh, body.mesh.face_count() <= geometry::kMostForCuts);
}

namespace {

constexpr double kLargestVehicle = 20;  // m

// For the other files of a run; of a unit without a name, metres.
std::string unit_name(double metres) {
  for (const char* unit : {"mm", "cm", "in", "ft"})
    if (std::abs(unit_length(unit) / metres - 1) < 1e-9) return unit;
  return "m";
}

}  // namespace

std::string metres_if_likely(const Body& body) {
  const std::string& unit = body.report.likely_unit;
  if (unit.empty() || unit == "m") return "m";
  const Vec3 size = body.report.bounds.size();
  throw Error(ErrorKind::input,
              str(body.where, ": the body is ", size[0], " x ", size[1], " x ", size[2],
                  " m large if the file is in metres; it looks like it is in ", unit),
              str("pass --unit ", unit, ", or --unit m if it really is that large"));
}

void rescale(Body& body, double factor) {
  if (factor == 1) return;
  for (Vec3& p : body.mesh.points) p = factor * p;
  body.mesh.file_unit *= factor;
  body.report.bounds.low = factor * body.report.bounds.low, body.report.bounds.high = factor * body.report.bounds.high;
  body.report.area *= factor * factor, body.report.volume *= factor * factor * factor;
}

namespace {

// Variants of a body, named together by a shell's pattern, would be added up to one. before: the files that come first.
void check_is_part(const geometry::SurfaceMesh& part, const std::string& path,
                   const std::vector<geometry::SurfaceMesh>& before, const std::vector<std::string>& paths) {
  for (std::size_t i = 0; i < before.size(); ++i)
    if (const double shared = geometry::shared_space(before[i], part); shared > 0.5)
      throw Error(ErrorKind::usage,
                  str("'", paths[i], "' and '", path, "' fill the same space (", std::lround(100 * shared),
                      " % of it both): are they parts of one body, or designs?"),
                  "designs go to `streamtube sweep`, one at a time to this command; parts: pass --parts");
}

}  // namespace

Body read_body(const std::vector<std::string>& paths, const std::string& unit, const PartOptions& parts,
               const ChooseUnit& choose) {
  const double file_unit = unit.empty() ? 1.0 : unit_length(unit);
  Body body;
  body.where = paths.size() == 1 ? str("'", paths[0], "'") : str("'", paths[0], "' and ", paths.size() - 1, " more");
  body.unit = unit;
  std::vector<std::string> colours;
  std::vector<double> sizes;                  // of the files, longest side, m
  std::vector<geometry::SurfaceMesh> shapes;  // of the files, where they may be variants
  for (const auto& path : paths) {
    mesh_io::ReadReport cad;
    geometry::SurfaceMesh part = mesh_io::read_surface(path, file_unit, parts.cad(), &cad);
    const Vec3 side = part.bounds().size();
    sizes.push_back(std::max({side[0], side[1], side[2]}));
    for (const auto& warning : cad.warnings) body.warnings.push_back(str("'", path, "': ", warning));
    if (const std::string coarse = geometry::coarse_numbers_text(part); !coarse.empty())
      body.warnings.push_back(str("'", path, "': ", coarse));
    colours.insert(colours.end(), cad.colours.begin(), cad.colours.end());
    if (!cad.format.empty()) body.cad.emplace_back(path, std::move(cad));
    colours.resize(body.mesh.patch_names.size() + part.patch_names.size());
    if (paths.size() == 1) {
      body.mesh = std::move(part);
    } else {
      if (&path == &paths.front())  // results go back to the first file's unit
        body.mesh.file_unit = part.file_unit, body.mesh.unit_stated = part.unit_stated;
      geometry::append(body.mesh, part, mesh_io::name_of_mesh(path));
      if (!parts.parts()) {
        check_is_part(part, path, shapes, paths);
        shapes.push_back(std::move(part));
      }
    }
  }
  body.parts = parts.sort_parts(body.mesh, colours, body.where, body.warnings);
  parts.sort_surroundings(body.mesh, body.parts, body.where, body.warnings);
  if (const int axis = parts.mirror_axis(); axis >= 0)
    core::info(str(body.where, ": completed by its mirror image at ", "xyz"[axis], " = ",
                   geometry::complete_half(body.mesh, axis), " m of the file"));
  measure(body);
  if (body.mesh.unit_stated) {
    body.unit = unit_name(body.mesh.file_unit);
  } else if (unit.empty()) {
    body.unit = body.report.likely_unit = choose(body);
    rescale(body, unit_length(body.unit));
    for (double& size : sizes) size *= unit_length(body.unit);
  }
  // A wheel of 650 m beside a body of 4.6 m.
  const auto [least, most] = std::minmax_element(sizes.begin(), sizes.end());
  if (*most > kLargestVehicle && *least < *most / kLargestVehicle)
    body.warnings.push_back(str("the files seem to be in different units: '",
                                paths[static_cast<std::size_t>(least - sizes.begin())], "' is ", *least, " m large, '",
                                paths[static_cast<std::size_t>(most - sizes.begin())], "' ", *most,
                                " m; scale one of them"));
  return body;
}

void warn_of_half(Body& body, double middle) {
  const geometry::SurfaceMesh& mesh = body.mesh;
  const Box box = mesh.bounds();
  const double near = 1e-4 * box.size()[1];
  double shadow = 0, flat[2] = {0, 0};  // m2, across y; of faces in the sides of the box
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    const double across = std::abs(mesh.area_vector(f)[1]);
    shadow += 0.5 * across;
    for (const int high : {0, 1}) {
      const double y = high ? box.high[1] : box.low[1];
      bool in_side = true;
      for (std::size_t i = 0; in_side && i < mesh.corner_count(f); ++i)
        in_side = std::abs(mesh.corner(f, i)[1] - y) < near;
      if (in_side) flat[high] += across;
    }
  }
  std::size_t rim[2] = {0, 0}, edges = 0;  // open edges in those sides, and in all
  if (body.report.boundary_edges > 0) {
    const geometry::Topology topology(mesh);
    topology.for_edges([&](geometry::Id low, std::span<const geometry::Topology::Use> uses) {
      if (uses.size() != 1) return;
      ++edges;
      const double a = mesh.points[topology.vertex_point[low]][1];
      const double b = mesh.points[topology.vertex_point[uses[0].high]][1];
      rim[0] += std::max(a, b)<box.low[1] + near, rim[1] += std::min(a, b)> box.high[1] - near;
    });
  }
  for (const int high : {0, 1}) {
    const double y = high ? box.high[1] : box.low[1];
    const bool in_middle = std::abs(y - middle) < near, open = rim[high] > 0 && rim[high] == edges;
    // An open half has lost the lid that would be half of its shadows.
    const bool lid = flat[high] > (in_middle ? 0.9 : 0.99) * shadow && (in_middle || flat[1 - high] < 0.8 * shadow);
    if (!open && !lid) continue;
    body.warnings.push_back(
        str("the body ends at y = ", in_middle ? 0.0 : y - middle, " m of its file in ",
            open ? str("an open rim of ", edges, " edges") : str("a flat side of ", flat[high], " m2"),
            ", and all of it lies on one side of that: if it is half a body, mirror it (--mirror), for it is computed "
            "as a whole one"));
    return;
  }
}

void prepare_body(Body& body, const PartOptions& parts, std::optional<double> ground,
                  const geometry::RepairOptions& repair) {
  const core::Heartbeat beat(body.where + ": checking and repairing");
  // A surface that is taken as it is keeps its faces.
  const bool may_cut = repair.rung != geometry::Rung::none;
  if (ground && parts.at_ground(body.mesh, *ground, may_cut, body.where, body.warnings)) measure(body);
  body.ground = ground;
  const geometry::Preparation found = geometry::prepare(body.mesh, body.report, body.where);
  body.repair = geometry::repair(body.mesh, body.report, found, repair, body.where);
  // The skin of a wrap has facets of its own: there the surface as it came is looked at.
  const bool skin = body.repair.rung == geometry::Rung::wrap || !body.repair.body;
  if (repair.rung != geometry::Rung::none)
    check_shape(skin ? body.mesh : *body.repair.body, repair, body.where, body.warnings);
  body.warnings.insert(body.warnings.end(), found.warnings.begin(), found.warnings.end());
  body.warnings.insert(body.warnings.end(), body.repair.warnings.begin(), body.repair.warnings.end());
  for (const auto& step : body.repair.steps)
    core::info(str(body.where, ": repair (", name(body.repair.rung), "): ", to_text(step)));
}

namespace {

// Where the road bears on the body, not the air: the lids of what was cut off at the ground, and flat soles that stand
// on it. Of a surface of the body, which may stand off from it by the repair's tolerance. Empty: nowhere.
std::vector<char> contact(const Body& body, const geometry::SurfaceMesh& mesh) {
  if (!body.ground) return {};
  const Vec3 size = body.report.bounds.size();
  const double near = 1e-5 * std::max({size[0], size[1], size[2]}) + 2 * body.repair.tolerance;
  return geometry::faces_at_ground(mesh, *body.ground + near);
}

}  // namespace

void mark_contact(const Body& body, solver::Case& question) {
  question.no_forces = contact(body, question.body);
  const std::vector<char> there = contact(body, question.surface ? *question.surface : question.body);
  if (there.empty()) return;
  if (question.hidden.empty()) question.hidden.assign(there.size(), 0);
  for (std::size_t f = 0; f < there.size(); ++f) question.hidden[f] |= there[f];
}

void move_to_case(Body& body, solver::Case& question) {
  if (!body.repair.body) {
    question.body = std::move(body.mesh), question.report = body.report;
  } else {
    question.body = std::move(*body.repair.body), question.report = geometry::report(question.body);
    question.surface = std::move(body.mesh), question.surface_name = question.name;
    question.forces_on_body = true, question.hidden = std::move(body.repair.hidden);
  }
  mark_contact(body, question);
}

}  // namespace streamtube::apps
