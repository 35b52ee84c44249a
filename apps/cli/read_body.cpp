#include "apps/cli/read_body.hpp"

#include <filesystem>
#include <map>

#include "core/error.hpp"
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

namespace {

void append(geometry::SurfaceMesh& body, const geometry::SurfaceMesh& part, const std::string& name) {
  const auto points = static_cast<std::int64_t>(body.points.size());
  const auto patches = static_cast<std::int32_t>(body.patch_names.size());
  body.points.insert(body.points.end(), part.points.begin(), part.points.end());
  const std::int64_t corners = body.offsets.back();
  for (std::size_t f = 0; f < part.face_count(); ++f) body.offsets.push_back(corners + part.offsets[f + 1]);
  for (const auto corner : part.corners) body.corners.push_back(points + corner);
  for (const auto patch : part.patch) body.patch.push_back(patches + patch);
  for (const auto& patch : part.patch_names)
    body.patch_names.push_back(part.patch_names.size() > 1 ? name + "/" + patch : name);
}

}  // namespace

void rescale(Body& body, double factor) {
  if (factor == 1) return;
  for (Vec3& p : body.mesh.points) p = factor * p;
  body.mesh.file_unit *= factor;
  body.report.bounds.low = factor * body.report.bounds.low, body.report.bounds.high = factor * body.report.bounds.high;
  body.report.area *= factor * factor, body.report.volume *= factor * factor * factor;
}

Body read_body(const std::vector<std::string>& paths, const std::string& unit, const ChooseUnit& choose) {
  const double file_unit = unit.empty() ? 1.0 : unit_length(unit);
  Body body;
  body.unit = unit;
  if (paths.size() == 1) {
    body.mesh = mesh_io::read_surface(paths[0], file_unit);
  } else {
    body.mesh.offsets = {0};
    body.mesh.file_unit = file_unit;
    for (const auto& path : paths)
      append(body.mesh, mesh_io::read_surface(path, file_unit), std::filesystem::path(path).stem().string());
  }
  const std::string where =
      paths.size() == 1 ? str("'", paths[0], "'") : str("'", paths[0], "' and ", paths.size() - 1, " more");
  // The search for self-intersections is quick next to a prediction up to here; `inspect` takes any size.
  constexpr std::size_t kMostFaces = 1'000'000;
  body.report = geometry::report(body.mesh, body.mesh.face_count() <= kMostFaces);
  if (unit.empty()) {
    body.unit = body.report.likely_unit = choose(body);
    rescale(body, unit_length(body.unit));
  }
  body.warnings = geometry::prepare(body.mesh, body.report, where).warnings;
  return body;
}

}  // namespace streamtube::apps
