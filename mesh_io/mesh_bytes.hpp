#pragma once
// Private to mesh_io: meshes as bytes, from a process that read them to the one that asked.

#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "geometry/surface_mesh.hpp"
#include "geometry/volume_mesh.hpp"
#include "mesh_io/mesh_io.hpp"

namespace streamtube::mesh_io {

// One end writes and the other reads, in the same order.
class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(std::string from) : text(std::move(from)), reading_(true) {}
  std::string text;

  template <class T>
  requires std::is_trivially_copyable_v<T>
  void pass(T& value) { pass(&value, sizeof(T)); }
  template <class T>
  void pass(std::vector<T>& values) {
    std::size_t n = values.size();
    pass(n);
    values.resize(n);
    if constexpr (std::is_trivially_copyable_v<T>)
      pass(values.data(), n * sizeof(T));
    else
      for (T& value : values) pass(value);
  }
  void pass(std::string& value) {
    std::size_t n = value.size();
    pass(n);
    value.resize(n);
    pass(value.data(), n);
  }
  void pass(geometry::Attribute& a) { pass(a.name), pass(a.association), pass(a.components), pass(a.values); }
  void pass(geometry::SurfaceMesh& m) {
    pass(m.points), pass(m.offsets), pass(m.corners), pass(m.patch), pass(m.patch_names), pass(m.attributes);
    pass(m.file_unit), pass(m.unit_stated);
  }
  void pass(geometry::VolumeMesh& m) {
    pass(m.points), pass(m.offsets), pass(m.corners), pass(m.types), pass(m.face_offsets), pass(m.faces);
    pass(m.attributes), pass(m.file_unit);
  }
  void pass(ReadReport& r) {
    pass(r.warnings), pass(r.format), pass(r.unit), pass(r.solids), pass(r.surfaces), pass(r.faces), pass(r.triangles);
    pass(r.deviation), pass(r.colours);
  }

 private:
  void pass(void* data, std::size_t n) {
    if (!reading_) {
      text.append(static_cast<const char*>(data), n);
      return;
    }
    core::expect(n <= text.size() - at_, "a mesh from another process is cut short");
    std::memcpy(data, text.data() + at_, n);
    at_ += n;
  }
  std::size_t at_ = 0;
  bool reading_ = false;
};

}  // namespace streamtube::mesh_io
