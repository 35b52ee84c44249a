#include "mesh_io/h5/point_file.hpp"

#include <cmath>
#include <map>

#include "core/error.hpp"

namespace streamtube::mesh_io {

using core::Error;
using core::ErrorKind;
using core::str;
using physics::Branch;

namespace {

constexpr const char* kAreas = "/surface/area_vectors";
std::string positions_of(Branch branch) { return str('/', physics::name(branch), "/positions"); }

}  // namespace

PointFile::PointFile(const std::string& path) : path_(path), file_(H5File::open(path)) {
  const auto rows = [&](const std::string& dataset) {
    const auto shape = file_.shape(dataset);
    const H5Type type = file_.type(dataset);
    if (type != H5Type::float32 && type != H5Type::float64)
      throw Error(ErrorKind::input,
                  str("'", path, "': '", dataset, "' holds ", name(type), " where float64 or float32 is expected"));
    if (shape.size() != 2 || shape[1] != 3 || shape[0] == 0)
      throw Error(ErrorKind::input,
                  str("'", path, "': '", dataset, "' has the shape ", shape_text(shape), " where N x 3 is expected"));
    return shape[0];
  };
  for (const Branch branch : {Branch::surface, Branch::volume})
    if (file_.exists(positions_of(branch))) count_[static_cast<int>(branch)] = rows(positions_of(branch));
  if (count_[0] + count_[1] == 0)
    throw Error(ErrorKind::input, str("'", path, "': has neither '/surface/positions' nor '/volume/positions'"),
                "it is not a point file; `streamtube points` makes one of meshes");
  if (file_.exists(kAreas)) {
    areas_ = true;
    if (const std::size_t n = rows(kAreas); n != count_[0])
      throw Error(ErrorKind::input,
                  str("'", path, "': '", kAreas, "' has ", n, " rows, '/surface/positions' has ", count_[0]));
  }
  if (!file_.has_attribute("/", "unit")) return;
  static const std::map<std::string, double> metres = {
      {"m", 1.0}, {"mm", 1e-3}, {"cm", 1e-2}, {"in", 0.0254}, {"ft", 0.3048}};
  const std::string text = file_.attribute_text("/", "unit");
  const auto found = metres.find(text);
  if (found == metres.end())
    throw Error(ErrorKind::input, str("'", path, "': the attribute 'unit' is '", text, "', not a unit of length"),
                "use m, mm, cm, in or ft");
  unit_ = found->second;
}

void PointFile::read(const std::string& dataset, std::size_t begin, std::span<double> out) const {
  file_.read_rows(dataset, begin, out);
  for (std::size_t i = 0; i < out.size(); ++i)
    if (!std::isfinite(out[i]))
      throw Error(ErrorKind::input,
                  str("'", path_, "': '", dataset, "' row ", begin + i / 3, " (counted from 0): ", "xyz"[i % 3],
                      " is not a number"),
                  "remove the point or repair its position");
}

void PointFile::read_positions(Branch branch, std::size_t begin, std::span<double> out) const {
  read(positions_of(branch), begin, out);
}

void PointFile::read_areas(std::size_t begin, std::span<double> out) const { read(kAreas, begin, out); }

void write_points(H5File& file, Branch branch, std::span<const Vec3> positions, std::span<const Vec3> areas) {
  core::expect(areas.empty() || areas.size() == positions.size(), "write_points: not one area for every point");
  const auto write = [&](const std::string& dataset, std::span<const Vec3> values) {
    file.write<double>(dataset, {values.size(), 3}, {values.data()->data(), 3 * values.size()});
  };
  write(positions_of(branch), positions);
  if (!areas.empty()) write(kAreas, areas);
}

}  // namespace streamtube::mesh_io
