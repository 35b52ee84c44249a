// VTKHDF, as VTK >= 9.3 and ParaView write surfaces and `points` writes point clouds. Read here and not by
// vtkHDFReader, which in VTK 9.1 knows no PolyData.
// https://docs.vtk.org/en/latest/design_documents/VTKFileFormats.html#vtkhdf-file-format

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/error.hpp"
#include "mesh_io/formats.hpp"
#include "mesh_io/h5/h5_file.hpp"
#include "mesh_io/vtk_tools.hpp"

namespace streamtube::mesh_io {
using core::Error;
using core::ErrorKind;
using core::str;
using geometry::Association;
using geometry::SurfaceMesh;

namespace {

constexpr const char* kRoot = "/VTKHDF";

class Reader {
 public:
  Reader(const std::string& path, Notes& notes)
      : file_(H5File::open(path)), where_(str("'", path, "' (VTKHDF): ")), notes_(notes) {}

  SurfaceMesh read(const std::string& stem) {
    if (!file_.exists(kRoot) || !file_.has_attribute(kRoot, "Type"))
      fail("is an HDF5 file, but holds no VTK data", "give a mesh; models are for --model");
    const std::string type = file_.attribute_text(kRoot, "Type");
    if (type != "PolyData" && type != "UnstructuredGrid")
      throw NoSurface(ErrorKind::input, str(where_, "holds a ", type.substr(0, 40), ", which has no surface"),
                      "save the surface (ParaView: Extract Surface)");
    if (file_.exists(str(kRoot, "/Steps"))) notes_.push_back("holds several times, of which the first is read");
    mesh_.offsets = {0};
    points();
    type == "PolyData" ? polygons() : cells();
    if (mesh_.face_count() == 0)
      throw NoSurface(ErrorKind::input, str(where_, "holds no polygons (", mesh_.points.size(), " points)"),
                      "save the surface (ParaView: Extract Surface)");
    mesh_.patch.assign(mesh_.face_count(), 0), mesh_.patch_names = {stem};
    attributes("PointData", Association::points);
    attributes("CellData", Association::faces);
    return std::move(mesh_);
  }

 private:
  [[noreturn]] void fail(const std::string& what,
                         const std::string& hint = "the file is damaged; save it again") const {
    throw Error(ErrorKind::input, where_ + what, hint);
  }

  std::vector<std::int64_t> integers(const std::string& name) const {
    return file_.read<std::int64_t>(str(kRoot, '/', name));
  }

  // The number of pieces' points, of the first time alone.
  void points() {
    piece_points_ = integers("NumberOfPoints");
    const auto values = file_.read<double>(str(kRoot, "/Points"));
    const auto shape = file_.shape(str(kRoot, "/Points"));
    if (shape.size() != 2 || shape[1] != 3) fail(str("its points have the shape ", shape_text(shape)));
    mesh_.points.resize(shape[0]);
    for (std::size_t i = 0; i < values.size(); ++i) mesh_.points[i / 3][i % 3] = values[i];
  }

  // Cells of one kind: per piece their offsets and connectivity, one behind the other.
  struct Cells {
    std::vector<std::int64_t> count, ids, offsets, connectivity;
  };
  Cells read_cells(const std::string& group) const {
    Cells c;
    const std::string at = group.empty() ? "" : group + "/";
    if (!group.empty() && !file_.exists(str(kRoot, '/', group))) {
      c.count.assign(piece_points_.size(), 0), c.ids = c.count;
      c.offsets.assign(piece_points_.size(), 0);
      return c;
    }
    c.count = integers(at + "NumberOfCells"), c.ids = integers(at + "NumberOfConnectivityIds");
    c.offsets = integers(at + "Offsets"), c.connectivity = integers(at + "Connectivity");
    const std::size_t pieces = piece_points_.size();
    if (c.count.size() < pieces || c.ids.size() < pieces) fail(str("'", group, "' names fewer pieces than there are"));
    return c;
  }

  // visit(piece, cell within the piece, corners) for every cell.
  template <class Visit>
  void each(const Cells& c, const Visit& visit) const {
    std::size_t offset = 0, connectivity = 0;
    std::int64_t point = 0;
    std::vector<std::int64_t> corners;
    for (std::size_t p = 0; p < piece_points_.size(); ++p) {
      const auto cells = static_cast<std::size_t>(std::max<std::int64_t>(c.count[p], 0));
      const auto ids = static_cast<std::size_t>(std::max<std::int64_t>(c.ids[p], 0));
      if (cells > 0) {
        if (offset + cells >= c.offsets.size() || ids > c.connectivity.size() - connectivity)
          fail("its cells are more than its offsets or its connectivity have");
        for (std::size_t i = 0; i < cells; ++i) {
          const std::int64_t begin = c.offsets[offset + i], end = c.offsets[offset + i + 1];
          if (begin < 0 || end < begin || static_cast<std::size_t>(end) > ids)
            fail(str("the offsets of cell ", i, " do not fit its connectivity"));
          corners.clear();
          for (std::int64_t k = begin; k < end; ++k) {
            const std::int64_t corner = c.connectivity[connectivity + static_cast<std::size_t>(k)];
            if (corner < 0 || corner >= piece_points_[p] ||
                corner + point >= static_cast<std::int64_t>(mesh_.points.size()))
              fail(str("cell ", i, " names point ", corner, ", but there are ", piece_points_[p], " (counted from 0)"));
            corners.push_back(corner + point);
          }
          visit(p, i, corners);
        }
      }
      offset += cells + 1, connectivity += ids, point += piece_points_[p];
    }
  }

  void add(const std::vector<std::int64_t>& corners, std::int64_t row) {
    if (corners.size() < 3) fail(str("a polygon has ", corners.size(), " corners, at least 3 are due"));
    mesh_.corners.insert(mesh_.corners.end(), corners.begin(), corners.end());
    mesh_.offsets.push_back(static_cast<std::int64_t>(mesh_.corners.size()));
    rows_.push_back(row);
  }

  void polygons() {
    // Cell data of a piece lists vertices, lines, polygons and strips one after the other.
    const Cells vertices = read_cells("Vertices"), lines = read_cells("Lines"), polygons = read_cells("Polygons"),
                strips = read_cells("Strips");
    std::vector<std::int64_t> first(piece_points_.size() + 1, 0);
    std::int64_t left_out = 0;
    for (std::size_t p = 0; p < piece_points_.size(); ++p) {
      first[p + 1] = first[p] + vertices.count[p] + lines.count[p] + polygons.count[p] + strips.count[p];
      left_out += vertices.count[p] + lines.count[p];
    }
    if (left_out > 0) notes_.push_back(str(left_out, " vertices and lines are no surface and are left out"));
    each(polygons, [&](std::size_t p, std::size_t i, const std::vector<std::int64_t>& corners) {
      add(corners, first[p] + vertices.count[p] + lines.count[p] + static_cast<std::int64_t>(i));
    });
    each(strips, [&](std::size_t p, std::size_t i, const std::vector<std::int64_t>& c) {
      for (std::size_t k = 0; k + 2 < c.size(); ++k)  // every second triangle of a strip runs the other way
        add({c[k], c[k + 1 + k % 2], c[k + 2 - k % 2]},
            first[p] + vertices.count[p] + lines.count[p] + polygons.count[p] + static_cast<std::int64_t>(i));
    });
  }

  void cells() {
    constexpr std::int64_t kTriangle = 5, kPolygon = 7, kPixel = 8, kQuad = 9;
    const Cells all = read_cells("");
    const std::vector<std::int64_t> types = integers("Types");
    std::vector<std::int64_t> first(piece_points_.size() + 1, 0);
    for (std::size_t p = 0; p < piece_points_.size(); ++p) first[p + 1] = first[p] + all.count[p];
    if (types.size() < static_cast<std::size_t>(std::max<std::int64_t>(first.back(), 0)))
      fail("its cells have too few types");
    std::int64_t left_out = 0;
    each(all, [&](std::size_t p, std::size_t i, const std::vector<std::int64_t>& c) {
      const std::int64_t row = first[p] + static_cast<std::int64_t>(i), type = types[static_cast<std::size_t>(row)];
      if (type == kPixel && c.size() == 4)
        add({c[0], c[1], c[3], c[2]}, row);
      else if (type == kTriangle || type == kPolygon || type == kQuad)
        add(c, row);
      else
        ++left_out;
    });
    if (left_out > 0 && mesh_.face_count() > 0)
      notes_.push_back(str(left_out, " cells are no triangles, quads or polygons and are left out"));
  }

  void attributes(const std::string& group, Association on) {
    const std::string at = str(kRoot, '/', group);
    if (!file_.exists(at)) return;
    for (const std::string& name : file_.children(at)) {
      const std::string dataset = at + '/' + name;
      const H5Type type = file_.is_group(dataset) ? H5Type::other : file_.type(dataset);
      const auto shape = type == H5Type::other ? std::vector<std::size_t>{} : file_.shape(dataset);
      const std::size_t k = shape.size() == 2 ? shape[1] : 1, rows = shape.empty() ? 0 : shape[0];
      const std::size_t least = on == Association::points
                                    ? mesh_.points.size()
                                    : static_cast<std::size_t>(*std::max_element(rows_.begin(), rows_.end())) + 1;
      if (shape.empty() || shape.size() > 2 || k == 0 || k > 9 || rows < least) {
        notes_.push_back(str("the array '", name, "' does not fit the mesh and is left out"));
        continue;
      }
      geometry::Attribute a{name, on, static_cast<int>(k), {}};
      const auto take = [&](const auto& values) {
        const std::size_t wanted = on == Association::points ? mesh_.points.size() : rows_.size();
        for (std::size_t i = 0; i < wanted; ++i)
          for (std::size_t c = 0; c < k; ++c)
            a.values.push_back(static_cast<float>(
                values[(on == Association::points ? i : static_cast<std::size_t>(rows_[i])) * k + c]));
      };
      if (type == H5Type::float32 || type == H5Type::float64)
        take(file_.read<double>(dataset));
      else
        take(file_.read<std::int64_t>(dataset));
      mesh_.attributes.push_back(std::move(a));
    }
  }

  H5File file_;
  std::string where_;
  Notes& notes_;
  SurfaceMesh mesh_;
  std::vector<std::int64_t> piece_points_, rows_;  // rows_: of each face, in the cell data
};

SurfaceMesh read_vtkhdf(const std::string& path, Notes& notes) {
  return Reader(path, notes).read(std::filesystem::path(path).stem().string());
}

}  // namespace

FormatEntry vtkhdf_format() {
  return {{"VTKHDF", {".vtkhdf"}, true, false, false, false},
          [](std::string_view head, std::size_t) { return head.substr(0, 4) == "\x89HDF"; },
          true,
          read_vtkhdf,
          nullptr};
}

}  // namespace streamtube::mesh_io
