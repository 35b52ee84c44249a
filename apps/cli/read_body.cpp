#include "apps/cli/read_body.hpp"

#include <cmath>
#include <filesystem>
#include <map>

#include "core/error.hpp"
#include "geometry/parts.hpp"
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

std::string to_text(const mesh_io::CadReport& r) {
  std::string out = str(r.format, " in ", r.unit, ", ");
  if (r.solids > 0) out += str(r.solids, r.solids == 1 ? " solid, " : " solids, ");
  if (r.surfaces > 0) out += str(r.surfaces, r.surfaces == 1 ? " open surface, " : " open surfaces, ");
  return out + str(r.faces, " faces: ", r.triangles, " triangles within ", r.deviation, " m");
}

void measure(Body& body) {
  // The search for self-intersections is quick next to a prediction up to here; `inspect` takes any size.
  constexpr std::size_t kMostFaces = 1'000'000;
  body.report = geometry::report(body.mesh, body.mesh.face_count() <= kMostFaces);
}

namespace {

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

Body read_body(const std::vector<std::string>& paths, const std::string& unit, const PartOptions& parts,
               const ChooseUnit& choose) {
  const double file_unit = unit.empty() ? 1.0 : unit_length(unit);
  Body body;
  body.where = paths.size() == 1 ? str("'", paths[0], "'") : str("'", paths[0], "' and ", paths.size() - 1, " more");
  body.unit = unit;
  std::vector<std::string> colours;
  for (const auto& path : paths) {
    mesh_io::CadReport cad;
    geometry::SurfaceMesh part = mesh_io::read_surface(path, file_unit, parts.cad(), &cad);
    for (const auto& warning : cad.warnings) body.warnings.push_back(str("'", path, "': ", warning));
    colours.insert(colours.end(), cad.colours.begin(), cad.colours.end());
    if (!cad.format.empty()) body.cad.emplace_back(path, std::move(cad));
    colours.resize(body.mesh.patch_names.size() + part.patch_names.size());
    if (paths.size() == 1) {
      body.mesh = std::move(part);
    } else {
      if (&path == &paths.front())  // results go back to the first file's unit
        body.mesh.file_unit = part.file_unit, body.mesh.unit_stated = part.unit_stated;
      geometry::append(body.mesh, part, std::filesystem::path(path).stem().string());
    }
  }
  body.parts = parts.sort_parts(body.mesh, colours, body.where, body.warnings);
  measure(body);
  if (body.mesh.unit_stated) {
    body.unit = unit_name(body.mesh.file_unit);
  } else if (unit.empty()) {
    body.unit = body.report.likely_unit = choose(body);
    rescale(body, unit_length(body.unit));
  }
  return body;
}

void prepare_body(Body& body, const PartOptions& parts, std::optional<double> ground) {
  const std::size_t faces = body.mesh.face_count();
  if (ground) parts.at_ground(body.mesh, *ground, body.where, body.warnings);
  if (body.mesh.face_count() != faces) measure(body);
  const auto found = geometry::prepare(body.mesh, body.report, body.where).warnings;
  body.warnings.insert(body.warnings.end(), found.begin(), found.end());
}

}  // namespace streamtube::apps
