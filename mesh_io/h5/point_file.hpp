#pragma once
// Points at which fields are wanted, any number of them, in one HDF5 file that is read in pieces
// (docs/points_format.md):
//   /surface/positions, /volume/positions  [N][3] float32 or float64, in the frame of the geometry; one may be missing
//   /surface/area_vectors                  [N][3] optional; outward, square of the unit of length
// Attribute `unit` of the root: "m" (also without), "mm", "cm", "in" or "ft".

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "mesh_io/h5/h5_file.hpp"
#include "physics/fields.hpp"
#include "physics/vec3.hpp"

namespace streamtube::mesh_io {

class PointFile {
 public:
  // Error(input) naming file and object: neither group, a wrong shape or type, no points, an unknown unit.
  explicit PointFile(const std::string& path);

  const std::string& path() const { return path_; }
  const H5File& file() const { return file_; }
  std::size_t points(physics::Branch branch) const { return count_[static_cast<int>(branch)]; }  // 0: group missing
  bool has_areas() const { return areas_; }
  double unit() const { return unit_; }  // m

  // Rows from `begin` on, as many as `out` [rows][3] takes, in the file's unit. Error(input) names the first row that
  // is not finite.
  void read_positions(physics::Branch branch, std::size_t begin, std::span<double> out) const;
  void read_areas(std::size_t begin, std::span<double> out) const;

 private:
  void read(const std::string& dataset, std::size_t begin, std::span<double> out) const;
  std::string path_;
  H5File file_;
  std::size_t count_[2] = {0, 0};
  bool areas_ = false;
  double unit_ = 1;
};

// What PointFile reads, float64, in the file's unit. areas: empty or one for every position of the surface.
void write_points(H5File& file, physics::Branch branch, std::span<const Vec3> positions,
                  std::span<const Vec3> areas = {});

}  // namespace streamtube::mesh_io
