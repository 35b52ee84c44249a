#include "mesh_io/h5/vtkhdf.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <numeric>
#include <system_error>

#include "core/error.hpp"
#include "core/runtime.hpp"
#include "mesh_io/h5/h5_file.hpp"

namespace streamtube::mesh_io {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {

static_assert(std::endian::native == std::endian::little, "values are written past HDF5 as the file stores them");

constexpr std::size_t kChunk = std::size_t{1} << 18;
constexpr std::uint8_t kVertex = 1;  // VTK_VERTEX

std::string path_of(const VtkhdfField& field) { return "/VTKHDF/PointData/" + field.name; }

[[noreturn]] void refuse(const std::string& name, int code) {
  throw Error(ErrorKind::runtime, str("cannot write '", name, "': ", std::generic_category().message(code)),
              code == ENOSPC || code == EDQUOT ? "free some space or choose another folder with --out" : "");
}

}  // namespace

std::uint64_t vtkhdf_size(std::size_t points, const std::vector<VtkhdfField>& fields) {
  std::uint64_t row = 12 + 1;  // deflated, cells take less than a byte a point
  for (const auto& field : fields) row += 4 * static_cast<std::uint64_t>(field.components);
  return (std::uint64_t{1} << 16) + row * points;
}

void create_vtkhdf(const std::string& path, const std::string& name, std::size_t points,
                   const std::vector<VtkhdfField>& fields,
                   const std::vector<std::pair<std::string, std::string>>& metadata) {
  core::expect(points > 0, "create_vtkhdf: no points");
  H5File file = H5File::create(path);
  file.set_name(name);
  for (const auto& [key, value] : metadata) file.write_attribute("/", key, value);
  file.create_group("/VTKHDF");
  const std::array<std::int64_t, 2> version = {1, 0};
  file.write_attribute("/VTKHDF", "Version", std::span<const std::int64_t>(version));
  file.write_ascii("/VTKHDF", "Type", "UnstructuredGrid");
  const std::array<std::int64_t, 1> count = {static_cast<std::int64_t>(points)};
  for (const char* what : {"NumberOfConnectivityIds", "NumberOfPoints", "NumberOfCells"})
    file.write<std::int64_t>(str("/VTKHDF/", what), {1}, count);
  file.allocate("/VTKHDF/Points", {points, 3});
  for (const auto& field : fields) {
    if (field.components == 1)
      file.allocate(path_of(field), {points});
    else
      file.allocate(path_of(field), {points, static_cast<std::size_t>(field.components)});
  }
  file.declare<std::int64_t>("/VTKHDF/Connectivity", points, kChunk);
  file.declare<std::int64_t>("/VTKHDF/Offsets", points + 1, kChunk);
  file.declare<std::uint8_t>("/VTKHDF/Types", points, kChunk);
  std::vector<std::int64_t> ramp(kChunk);
  const std::vector<std::uint8_t> types(std::min(points, kChunk), kVertex);
  for (std::size_t begin = 0; begin <= points; begin += kChunk) {
    core::check_interrupt();
    const std::size_t cells = std::min(kChunk, points - begin), offsets = std::min(kChunk, points + 1 - begin);
    std::iota(ramp.begin(), ramp.end(), static_cast<std::int64_t>(begin));
    file.write_rows<std::int64_t>("/VTKHDF/Offsets", begin, std::span(ramp).first(offsets));
    if (cells == 0) break;
    file.write_rows<std::int64_t>("/VTKHDF/Connectivity", begin, std::span(ramp).first(cells));
    file.write_rows<std::uint8_t>("/VTKHDF/Types", begin, std::span(types).first(cells));
  }
  file.close();
}

VtkhdfRows::VtkhdfRows(const std::string& path, const std::string& name, const std::vector<VtkhdfField>& fields)
    : name_(name) {
  {
    const H5File file = H5File::open(path);
    positions_ = file.place("/VTKHDF/Points");
    for (const auto& field : fields) {
      places_.push_back(file.place(path_of(field)));
      widths_.push_back(static_cast<std::size_t>(field.components));
    }
  }
  file_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file_ < 0) refuse(name_, errno);
}

VtkhdfRows::~VtkhdfRows() {
  if (file_ >= 0) ::close(file_);
}

void VtkhdfRows::write_at(std::uint64_t place, std::span<const float> values) {
  const char* bytes = reinterpret_cast<const char*>(values.data());
  for (std::size_t left = values.size_bytes(); left > 0;) {
    const ssize_t done = ::pwrite(file_, bytes, left, static_cast<off_t>(place));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) refuse(name_, errno);
    bytes += done, place += static_cast<std::uint64_t>(done), left -= static_cast<std::size_t>(done);
  }
}

void VtkhdfRows::write(std::size_t begin, std::span<const float> positions,
                       std::span<const std::vector<float>> values) {
  const std::size_t rows = positions.size() / 3;
  core::expect(values.size() == places_.size(), "VtkhdfRows: not one array for every field");
  write_at(positions_ + 12 * begin, positions);
  for (std::size_t f = 0; f < values.size(); ++f) {
    core::expect(values[f].size() >= rows * widths_[f], "VtkhdfRows: an array is too short");
    write_at(places_[f] + 4 * widths_[f] * begin, std::span(values[f]).first(rows * widths_[f]));
  }
}

void VtkhdfRows::close() {
  const int failed = ::fsync(file_) ? errno : 0;
  const int closed = ::close(std::exchange(file_, -1)) ? errno : 0;
  if (failed && failed != EINVAL && failed != ENOTSUP) refuse(name_, failed);
  if (closed) refuse(name_, closed);
}

}  // namespace streamtube::mesh_io
