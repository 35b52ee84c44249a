#include "mesh_io/join_parts.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "mesh_io/input_file.hpp"

namespace streamtube::mesh_io {

using core::Error;
using core::ErrorKind;
using core::str;
using geometry::Association;
using geometry::Attribute;
using geometry::SurfaceMesh;
using geometry::VolumeMesh;

namespace {

std::size_t count_of(const SurfaceMesh& mesh) { return mesh.face_count(); }
std::size_t count_of(const VolumeMesh& mesh) { return mesh.cell_count(); }

// `first`: nothing was there before, so that the part says which fields there are.
template <class Mesh>
void append_attributes(Mesh& to, const Mesh& part, bool first, const std::string& where) {
  const auto rows = [](const Mesh& mesh, const Attribute& a) {
    return (a.association == Association::points ? mesh.points.size() : count_of(mesh)) *
           static_cast<std::size_t>(a.components);
  };
  if (first) {
    to.attributes = part.attributes;
    return;
  }
  const auto same = [](const std::vector<Attribute>& list, const Attribute& a) {
    return std::find_if(list.begin(), list.end(), [&](const Attribute& b) {
      return b.name == a.name && b.association == a.association && b.components == a.components;
    });
  };
  for (const Attribute& a : part.attributes)
    if (same(to.attributes, a) == to.attributes.end())
      throw Error(ErrorKind::input, str(where, "the field '", a.name, "' is not the same on all patches and parts"));
  for (Attribute& a : to.attributes) {
    const auto from = same(part.attributes, a);
    if (from == part.attributes.end() || from->values.size() != rows(part, a))
      throw Error(ErrorKind::input, str(where, "the field '", a.name, "' is missing on a patch or part"));
    a.values.insert(a.values.end(), from->values.begin(), from->values.end());
  }
}

// Old point -> new one.
template <class Mesh>
std::vector<std::int64_t> merge(Mesh& mesh) {
  std::vector<Vec3> points;
  PointMerger merger(points, mesh.points.size());
  std::vector<std::int64_t> to(mesh.points.size());
  std::vector<std::size_t> first;  // old point of each new one
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] = merger.add(mesh.points[i]);
    if (static_cast<std::size_t>(to[i]) == first.size()) first.push_back(i);
  }
  mesh.points = std::move(points);
  for (std::int64_t& corner : mesh.corners) corner = to[static_cast<std::size_t>(corner)];
  for (Attribute& a : mesh.attributes) {
    if (a.association != Association::points) continue;
    const auto width = static_cast<std::size_t>(a.components);
    for (std::size_t i = 0; i < first.size(); ++i)
      for (std::size_t c = 0; c < width; ++c) a.values[i * width + c] = a.values[first[i] * width + c];
    a.values.resize(first.size() * width);
  }
  return to;
}

// Calls visit(entry) for every index of a point in the stream of one polyhedron, which begins at `at`.
template <class Stream, class Visit>
void each_point(Stream& stream, std::int64_t at, const Visit& visit) {
  auto i = static_cast<std::size_t>(at);
  for (std::int64_t faces = stream[i++]; faces > 0; --faces)
    for (std::int64_t n = stream[i++]; n > 0; --n) visit(stream[i++]);
}

// [cells] whether it is a ghost; empty: there are none. Takes the array away.
template <class Mesh>
std::vector<char> take_ghosts(Mesh& mesh) {
  constexpr int kDuplicate = 1;  // vtkDataSetAttributes::DUPLICATECELL
  std::vector<char> ghost;
  for (const Attribute& a : mesh.attributes)
    if (a.name == "vtkGhostType" && a.association == Association::faces && a.components == 1)
      for (const float value : a.values) ghost.push_back((static_cast<int>(value) & kDuplicate) != 0);
  std::erase_if(mesh.attributes, [](const Attribute& a) { return a.name == "vtkGhostType"; });
  if (std::find(ghost.begin(), ghost.end(), 1) == ghost.end()) ghost.clear();
  return ghost;
}

// Corners and fields of what is no ghost.
template <class Mesh>
void keep_cells(Mesh& mesh, const std::vector<char>& ghost) {
  std::vector<std::int64_t> offsets = {0}, corners;
  for (std::size_t i = 0; i < ghost.size(); ++i) {
    if (ghost[i]) continue;
    corners.insert(corners.end(), mesh.corners.begin() + mesh.offsets[i], mesh.corners.begin() + mesh.offsets[i + 1]);
    offsets.push_back(static_cast<std::int64_t>(corners.size()));
  }
  mesh.offsets = std::move(offsets), mesh.corners = std::move(corners);
  for (Attribute& a : mesh.attributes) {
    if (a.association != Association::faces) continue;
    const auto width = static_cast<std::size_t>(a.components);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < ghost.size(); ++i)
      if (!ghost[i]) std::copy_n(&a.values[i * width], width, &a.values[kept++ * width]);
    a.values.resize(kept * width);
  }
}

template <class T>
void keep(std::vector<T>& values, const std::vector<char>& ghost) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!ghost[i]) values[kept++] = values[i];
  values.resize(kept);
}

}  // namespace

void append_part(SurfaceMesh& to, const SurfaceMesh& part, const std::string& where) {
  append_attributes(to, part, to.face_count() == 0, where);
  const auto points = static_cast<std::int64_t>(to.points.size()),
             corners = static_cast<std::int64_t>(to.corners.size());
  if (to.offsets.empty()) to.offsets.push_back(0);
  to.points.insert(to.points.end(), part.points.begin(), part.points.end());
  for (std::size_t i = 1; i < part.offsets.size(); ++i) to.offsets.push_back(part.offsets[i] + corners);
  for (const std::int64_t p : part.corners) to.corners.push_back(p + points);
  std::vector<std::int32_t> number;
  for (const std::string& name : part.patch_names) {
    auto it = std::find(to.patch_names.begin(), to.patch_names.end(), name);
    if (it == to.patch_names.end()) it = to.patch_names.insert(it, name);
    number.push_back(static_cast<std::int32_t>(it - to.patch_names.begin()));
  }
  for (const std::int32_t patch : part.patch) to.patch.push_back(number[static_cast<std::size_t>(patch)]);
}

void append_part(VolumeMesh& to, const VolumeMesh& part, const std::string& where) {
  const std::size_t before = to.cell_count();
  const auto points = static_cast<std::int64_t>(to.points.size()),
             corners = static_cast<std::int64_t>(to.corners.size());
  append_attributes(to, part, before == 0, where);
  if (to.offsets.empty()) to.offsets.push_back(0);
  to.points.insert(to.points.end(), part.points.begin(), part.points.end());
  for (std::size_t i = 1; i < part.offsets.size(); ++i) to.offsets.push_back(part.offsets[i] + corners);
  for (const std::int64_t p : part.corners) to.corners.push_back(p + points);
  to.types.insert(to.types.end(), part.types.begin(), part.types.end());
  if (part.face_offsets.empty() && to.face_offsets.empty()) return;
  // Either none or one entry a cell.
  const auto stream = static_cast<std::int64_t>(to.faces.size());
  to.face_offsets.resize(before, -1);
  to.faces.insert(to.faces.end(), part.faces.begin(), part.faces.end());
  for (std::size_t i = 0; i < part.cell_count(); ++i) {
    const std::int64_t begin = part.face_offsets.empty() ? -1 : part.face_offsets[i];
    to.face_offsets.push_back(begin < 0 ? -1 : begin + stream);
    if (begin >= 0) each_point(to.faces, begin + stream, [&](std::int64_t& p) { p += points; });
  }
}

void merge_points(SurfaceMesh& mesh) { merge(mesh); }

void merge_points(VolumeMesh& mesh) {
  const std::vector<std::int64_t> to = merge(mesh);
  for (const std::int64_t begin : mesh.face_offsets)
    if (begin >= 0) each_point(mesh.faces, begin, [&](std::int64_t& p) { p = to[static_cast<std::size_t>(p)]; });
}

void drop_ghosts(SurfaceMesh& mesh) {
  const std::vector<char> ghost = take_ghosts(mesh);
  if (ghost.empty()) return;
  keep_cells(mesh, ghost);
  keep(mesh.patch, ghost);
}

void drop_ghosts(VolumeMesh& mesh) {
  const std::vector<char> ghost = take_ghosts(mesh);
  if (ghost.empty()) return;
  keep_cells(mesh, ghost);
  keep(mesh.types, ghost);
  if (!mesh.face_offsets.empty()) keep(mesh.face_offsets, ghost);  // their streams stay, unused
}

}  // namespace streamtube::mesh_io
