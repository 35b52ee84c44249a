#pragma once
// Point clouds with fields for ParaView (>= 5.10) and VTK (>= 9.1): VTKHDF 1.0, an UnstructuredGrid of one VTK_VERTEX a
// point. Positions and fields are float32 and lie contiguously at places that are known once the file is made: any
// number of threads and processes then write their rows without HDF5, into one file and without a copy. Cells are
// deflated, which makes next to nothing of them.
// https://docs.vtk.org/en/latest/design_documents/VTKFileFormats.html#vtkhdf-file-format

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace streamtube::mesh_io {

struct VtkhdfField {
  std::string name;
  int components = 1;
};

// Bytes that such a file takes, at most.
std::uint64_t vtkhdf_size(std::size_t points, const std::vector<VtkhdfField>& fields);

// Makes the file with everything but positions and fields. metadata: name and value, as attributes of the root.
// Error(runtime) where it cannot be written. `name` stands for the file in messages.
void create_vtkhdf(const std::string& path, const std::string& name, std::size_t points,
                   const std::vector<VtkhdfField>& fields,
                   const std::vector<std::pair<std::string, std::string>>& metadata);

// Fills rows of a file that create_vtkhdf made with the same fields.
class VtkhdfRows {
 public:
  VtkhdfRows(const std::string& path, const std::string& name, const std::vector<VtkhdfField>& fields);
  ~VtkhdfRows();
  VtkhdfRows(const VtkhdfRows&) = delete;
  VtkhdfRows& operator=(const VtkhdfRows&) = delete;

  // positions [rows][3]; values[f] [rows][components of field f]. Error(runtime) with the system's reason.
  void write(std::size_t begin, std::span<const float> positions, std::span<const std::vector<float>> values);
  // What was written is on the disk afterwards. Error(runtime).
  void close();

 private:
  void write_at(std::uint64_t place, std::span<const float> values);
  std::string name_;
  int file_ = -1;
  std::uint64_t positions_ = 0;
  std::vector<std::uint64_t> places_;
  std::vector<std::size_t> widths_;
};

}  // namespace streamtube::mesh_io
