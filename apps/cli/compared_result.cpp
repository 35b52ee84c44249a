#include "apps/cli/compared_result.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "apps/cli/results.hpp"
#include "core/error.hpp"
#include "core/log.hpp"
#include "mesh_io/h5/dataset.hpp"
#include "mesh_io/layouts/table_layout.hpp"
#include "mesh_io/mesh_io.hpp"
#include "mesh_io/openfoam.hpp"
#include "mesh_io/point_table.hpp"

namespace streamtube::apps {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::str;
using geometry::Attribute;

namespace {

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

void take_info(const mesh_io::CaseInfo& info, ComparedResult& read) {
  read.stated.velocity = info.flow.velocity, read.stated.density = info.flow.density;
  read.stated.area = info.reference_area;
  for (const auto& [name, value] : info.coefficients) read.stated.of_body[name] = {value, {}, {}};
}

// FILE.h5:CASE, a folder of data:CASE.
bool read_case(const std::string& text, ComparedResult& read) {
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
  for (int b = 0; b < 2; ++b) read.fields.part[b].points = std::move(sample.part[b]);
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

// Points on the surface where there is shear, or nothing but pressure; else in the volume.
void read_table(const std::string& path, double unit, solver::Result& result) {
  const mesh_io::PointTable table = mesh_io::read_point_table(path);
  const auto has = [&](const char* name) {
    return std::any_of(table.fields.begin(), table.fields.end(), [&](const Attribute& f) { return f.name == name; });
  };
  const bool surface = has("wall_shear_stress") || has("Cf") || !(has("velocity") || has("vorticity"));
  mesh_io::SamplePart& part = result.part[surface ? 0 : 1].points;
  const double metres = table.unit_stated ? 1 : unit;
  for (const Vec3& p : table.points)
    for (const double x : p) part.position.push_back(static_cast<float>(metres * x));
  for (const Attribute& f : table.fields) {
    const bool other = surface ? f.name == "velocity" || f.name == "vorticity" : false;
    if (!other) part.fields.push_back({f.name, "", f.components, f.values});
  }
  if (part.fields.empty())
    throw Error(ErrorKind::input, str("'", path, "': none of its columns is a field that can be compared"),
                "known are pressure, Cp, wall shear stress, Cf, velocity and vorticity, each with all components");
}

}  // namespace

ComparedResult read_result(const std::string& given, double unit) {
  const std::string path = mesh_io::foam_folder(given);
  ComparedResult read;
  solver::Result& result = read.fields;
  result.name = str("'", path, "'");
  if (read_case(path, read)) return read;
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    if (mesh_io::is_point_table(path)) {
      read_table(path, unit, result);
      return read;
    }
    read_mesh(path, unit, result);
    return read;
  }
  if (mesh_io::is_foam_case(path)) {
    mesh_io::FoamResult foam = mesh_io::read_foam_result(path);
    result.part[0].surface = std::move(foam.surface), result.part[1].volume = std::move(foam.volume);
    take_info(foam.info, read);
    return read;
  }
  read.stated = read_stated(path);
  if (is_file(fs::path(path) / kSurface))
    result.part[0].surface = mesh_io::read_surface((fs::path(path) / kSurface).string(), unit);
  for (const char* volume : {kVolume, "volume_points.vtu"})  // the latter of the cases in data_samples
    if (is_file(fs::path(path) / volume) && result.part[1].empty())
      result.part[1].volume = mesh_io::read_volume((fs::path(path) / volume).string(), unit);
  if (result.part[0].empty() && result.part[1].empty())
    throw Error(ErrorKind::input,
                str("'", path, "': this folder holds no result: neither ", kSurface, " nor ", kVolume,
                    " nor system/controlDict"),
                "give the folder that `streamtube predict` wrote, a case of OpenFOAM, a VTP or VTU file, a table of "
                "points (CSV) "
                "or DATASET.h5:CASE");
  return read;
}

void take_conditions(ComparedResult& one, const ComparedResult& other) {
  const StatedResult &mine = one.stated, &theirs = other.stated;
  if (!(mine.density > 0 && theirs.density > 0)) return;
  const auto same = [](double a, double b) { return std::abs(a - b) <= 1e-6 * std::abs(b); };
  const bool speeds_known = mine.velocity > 0 && theirs.velocity > 0;
  const double speeds = speeds_known ? theirs.velocity / mine.velocity : 1,
               pressures = theirs.density / mine.density * speeds * speeds;
  if (same(speeds, 1) && same(pressures, 1)) return;
  const auto scale = [&](auto& fields) {
    for (auto& field : fields) {
      const bool pressure = field.name == "pressure" || field.name == "wall_shear_stress",
                 speed = field.name == "velocity" || field.name == "vorticity";
      if (pressure || speed)
        for (float& v : field.values) v *= static_cast<float>(pressure ? pressures : speeds);
    }
  };
  for (auto& part : one.fields.part) {
    if (part.surface) scale(part.surface->attributes);
    if (part.volume) scale(part.volume->attributes);
    scale(part.points.fields);
  }
  const auto words = [&](const StatedResult& r) {
    return speeds_known ? str(r.velocity, " m/s and ", r.density, " kg/m3") : str(r.density, " kg/m3");
  };
  core::info(str(one.fields.name, " is at ", words(mine), ", ", other.fields.name, " at ", words(theirs),
                 ": its fields are brought to the latter, so that dimensionless ones are compared"));
}

}  // namespace streamtube::apps
