// Files of VTK that hold more than a surface, or less than they should.
#include <catch2/catch_approx.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cmath>
#include <filesystem>
#include <span>

#include "mesh_io/h5/h5_file.hpp"
#include "tests/mesh_io/mesh_io_support.hpp"

using namespace streamtube;
using namespace streamtube::test;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Read {
  geometry::SurfaceMesh mesh;
  std::vector<std::string> notes;
};

Read read(const std::string& path) {
  mesh_io::ReadReport report;
  Read out;
  out.mesh = mesh_io::read_surface(path, 1.0, {}, &report);
  out.notes = report.warnings;
  return out;
}

std::string legacy(const std::string& cells, const std::string& data = {}) {
  return "# vtk DataFile Version 3.0\nbody\nASCII\nDATASET UNSTRUCTURED_GRID\nPOINTS 7 double\n"
         "0 0 0\n1 0 0\n1 1 0\n0 1 0\n0.5 0 0\n1 0.5 0\n0.5 0.5 0\n" +
         cells + data;
}

}  // namespace

TEST_CASE("cells of second order are read by their corners, those of an unknown kind refused") {
  const TempDir dir;
  // A quadratic triangle 0 1 2 with 4 5 6 between, a plain one 0 2 3, a line.
  const auto [mesh, notes] =
      read(dir.write("a.vtk", legacy("CELLS 3 14\n6 0 1 2 4 5 6\n3 0 2 3\n2 0 1\nCELL_TYPES 3\n22\n5\n3\n")));
  CHECK(mesh.corners.size() == 6);
  CHECK(mesh.points.size() == 4);  // those between are not used
  double area = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) area += norm(mesh.area_vector(f));
  CHECK(area == Catch::Approx(1.0));
  REQUIRE(notes.size() == 2);
  CHECK_THAT(notes[0],
             ContainsSubstring("1 cells of the kind QuadraticTriangle") && ContainsSubstring("by their corners"));
  CHECK_THAT(notes[1], ContainsSubstring("Line") && ContainsSubstring("left out"));
  // VTK_CONVEX_POINT_SET is a volume; 51, a parametric surface, is of no use here.
  check_refused(dir.write("b.vtk", legacy("CELLS 2 8\n3 0 1 2\n3 0 2 3\nCELL_TYPES 2\n5\n51\n")),
                {"1 of its cells are of the kind"});
}

TEST_CASE("values that are not finite do not keep a surface from being read") {
  const TempDir dir;
  const std::string cells = "CELLS 2 8\n3 0 1 2\n3 0 2 3\nCELL_TYPES 2\n5\n5\n";
  const auto [mesh, notes] = read(dir.write(
      "a.vtk",
      legacy(
          cells,
          "CELL_DATA 2\nSCALARS nan float 1\nLOOKUP_TABLE default\nnan\n2\nVECTORS tau float\n1 -inf inf\n0 0 0\n")));
  CHECK(mesh.face_count() == 2);
  REQUIRE(mesh.attributes.size() == 2);
  for (const auto& a : mesh.attributes)
    if (a.name == "nan") {
      CHECK(std::isnan(a.values[0]));
      CHECK(a.values[1] == 2);
    } else {
      CHECK(a.values[0] == 1);
      CHECK((std::isinf(a.values[1]) && a.values[1] < 0));
      CHECK((std::isinf(a.values[2]) && a.values[2] > 0));
    }
  check_refused(
      dir.write("b.vtk",
                "# vtk DataFile Version 3.0\nb\nASCII\nDATASET POLYDATA\nPOINTS 3 float\n0 0 0\n1 nan 0\n0 1 0\n"
                "POLYGONS 1 4\n3 0 1 2\n"),
      {"line 7", "not finite"});
}

TEST_CASE("values that are not finite as text in XML files") {
  const TempDir dir;
  const auto polygons = [](const std::string& points, const std::string& values, const std::string& type) {
    return "<VTKFile type=\"PolyData\" version=\"0.1\" byte_order=\"LittleEndian\"><PolyData><Piece "
           "NumberOfPoints=\"4\" NumberOfPolys=\"2\"><CellData><DataArray type=\"" +
           type + "\" Name=\"nan\" NumberOfComponents=\"3\" format=\"ascii\">\n" + values +
           "\n</DataArray></CellData><Points><DataArray type=\"Float32\" NumberOfComponents=\"3\" format=\"ascii\">" +
           points +
           "</DataArray></Points><Polys><DataArray type=\"Int64\" Name=\"connectivity\" format=\"ascii\">0 1 2 0 2 "
           "3</DataArray><DataArray type=\"Int64\" Name=\"offsets\" format=\"ascii\">3 6</DataArray></Polys></Piece>"
           "</PolyData></VTKFile>\n";
  };
  for (const std::string type : {"Float32", "Float64"}) {
    const auto mesh =
        read(dir.write("a.vtp", polygons("0 0 0 1 0 0 1 1 0 0 1 0", "nan 2 -inf\n1e3 NaN Infinity", type))).mesh;
    REQUIRE(mesh.attributes.size() == 1);
    const auto& v = mesh.attributes[0].values;
    CHECK((std::isnan(v[0]) && v[1] == 2 && std::isinf(v[2]) && v[2] < 0));
    CHECK((v[3] == 1000 && std::isnan(v[4]) && std::isinf(v[5]) && v[5] > 0));
  }
  check_refused(dir.write("b.vtp", polygons("0 0 0 1 nan 0 1 1 0 0 1 0", "1 2 3 4 5 6", "Float32")),
                {"point 1", "not finite"});
}

TEST_CASE("VTM: blocks without a surface are left out, files that name one another refused") {
  const TempDir dir;
  const auto body = read(dir.write("body.vtk", legacy("CELLS 2 8\n3 0 1 2\n3 0 2 3\nCELL_TYPES 2\n5\n5\n"))).mesh;
  mesh_io::write_vtp(dir.file("body.vtp"), body);
  dir.write("empty.vtp",
            "<VTKFile type=\"PolyData\" version=\"1.0\"><PolyData><Piece NumberOfPoints=\"0\" NumberOfVerts=\"0\" "
            "NumberOfLines=\"0\" NumberOfStrips=\"0\" "
            "NumberOfPolys=\"0\"><Points></Points></Piece></PolyData></VTKFile>\n");
  const auto tree = [](const std::string& blocks) {
    return "<VTKFile type=\"vtkMultiBlockDataSet\" version=\"1.0\"><vtkMultiBlockDataSet>" + blocks +
           "</vtkMultiBlockDataSet></VTKFile>\n";
  };
  const auto [mesh, notes] = read(dir.write(
      "all.vtm", tree("<DataSet index=\"0\" name=\"car\" file=\"body.vtp\"/><DataSet index=\"1\" name=\"nothing\"/>"
                      "<DataSet index=\"2\" name=\"hole\" file=\"empty.vtp\"/><DataSet index=\"3\" name=\"air\" "
                      "file=\"air.vti\"/>")));
  CHECK(mesh.face_count() == 2);
  CHECK(mesh.patch_names == std::vector<std::string>{"car"});
  REQUIRE(notes.size() == 2);
  CHECK_THAT(notes[0], ContainsSubstring("'hole'") && ContainsSubstring("no surface"));
  CHECK_THAT(notes[1], ContainsSubstring("'air'") && ContainsSubstring("no surface"));
  CHECK(read(dir.write("outer.vtm", tree("<DataSet index=\"0\" name=\"in\" file=\"all.vtm\"/>"))).mesh.patch_names ==
        std::vector<std::string>{"in"});
  check_refused(dir.write("loop.vtm", tree("<DataSet index=\"0\" name=\"in\" file=\"loop.vtm\"/>")),
                {"name one another"});
  std::string deep, ends;
  for (int i = 0; i < 20'000; ++i) deep += "<Block index=\"0\">", ends += "</Block>";
  check_refused(dir.write("deep.vtm", tree(deep + ends)), {"deep in one another"});
  check_refused(dir.write("none.vtm", tree("<DataSet index=\"2\" name=\"hole\" file=\"empty.vtp\"/>")),
                {"no block with a surface"});
}

namespace {

// Quads of a row along x from `first` on, one patch, with a number over the quads and one over the points (both x).
// ghost: of them, that another piece owns, or -1.
std::string quads(const char* type, int first, int count, int ghost) {
  const bool cells = std::string(type) == "UnstructuredGrid";
  std::string points, corners, ends, types, value, at, ghosts;
  for (int i = 0; i <= count; ++i)
    for (int y = 0; y < 2; ++y) points += core::str(first + i, ' ', y, " 0\n"), at += core::str(first + i, ' ');
  for (int i = 0; i < count; ++i) {
    corners += core::str(2 * i, ' ', 2 * i + 2, ' ', 2 * i + 3, ' ', 2 * i + 1, '\n');
    ends += core::str(4 * i + 4, ' '), types += "9 ", value += core::str(first + i, ' ');
    ghosts += i == ghost ? "1 " : "0 ";
  }
  const auto array = [](const char* number, const char* name, int components, const std::string& values) {
    return core::str("<DataArray type=\"", number, "\" Name=\"", name, "\" NumberOfComponents=\"", components,
                     "\" format=\"ascii\">\n", values, "</DataArray>\n");
  };
  const std::string list = array("Int64", "connectivity", 1, corners) + array("Int64", "offsets", 1, ends);
  return core::str(
      "<VTKFile type=\"", type, "\" version=\"1.0\"><", type, "><Piece NumberOfPoints=\"", 2 * count + 2, "\" ",
      cells ? "NumberOfCells" : "NumberOfPolys", "=\"", count, "\"><PointData>", array("Float32", "x", 1, at),
      "</PointData><CellData>", array("Float32", "p", 1, value),
      ghost < 0 ? "" : array("UInt8", "vtkGhostType", 1, ghosts), "</CellData><Points>",
      array("Float32", "Points", 3, points), "</Points>",
      cells ? "<Cells>" + list + array("UInt8", "types", 1, types) + "</Cells>" : "<Polys>" + list + "</Polys>",
      "</Piece></", type, "></VTKFile>\n");
}

std::string parallel(const char* type, const std::vector<std::string>& pieces) {
  std::string text =
      core::str("<VTKFile type=\"P", type, "\" version=\"1.0\"><P", type, " GhostLevel=\"1\"><PPoints/>");
  for (const std::string& piece : pieces) text += "<Piece Source=\"" + piece + "\"/>";
  return text + core::str("</P", type, "></VTKFile>\n");
}

}  // namespace

TEST_CASE("PVTP and PVTU: the pieces of processors become one mesh, ghosts left out") {
  const TempDir dir;
  const bool surface = GENERATE(true, false);
  const char* const type = surface ? "PolyData" : "UnstructuredGrid";
  const std::string end = surface ? ".vtp" : ".vtu";
  std::filesystem::create_directory(dir.file("body"));
  // Quads 0 1 2 and 2 3 4; the first piece has 2 as a ghost.
  dir.write("body/body_0" + end, quads(type, 0, 3, 2));
  dir.write("body/body_1" + end, quads(type, 2, 3, -1));
  const std::string whole = surface ? "body.pvtp" : "body.pvtu", name = "body/body_";
  const auto check = [](const auto& mesh, std::size_t faces) {
    CHECK(faces == 5);
    CHECK(mesh.points.size() == 12);
    std::size_t seen = 0;
    for (const auto& a : mesh.attributes) {
      CAPTURE(a.name);
      if (a.name == "p") {
        CHECK(a.values == std::vector<float>{0, 1, 2, 3, 4});
        ++seen;
      }
      if (a.name == "x") {
        REQUIRE(a.values.size() == mesh.points.size());
        for (std::size_t i = 0; i < a.values.size(); ++i) CHECK(a.values[i] == mesh.points[i][0]);
        ++seen;
      }
    }
    CHECK(seen == mesh.attributes.size());
    CHECK(seen == 2);
  };
  const std::string path = dir.write(whole, parallel(type, {name + "0" + end, name + "1" + end}));
  const auto mesh = read(path).mesh;
  check(mesh, mesh.face_count());
  CHECK(mesh.patch_names == std::vector<std::string>{"body"});
  double area = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) area += norm(mesh.area_vector(f));
  CHECK(area == Catch::Approx(5.0));
  if (!surface) {
    const auto volume = mesh_io::read_volume(path);
    check(volume, volume.cell_count());
  }

  // Pieces that are not there, not the same, of another kind; a file that names itself or nothing.
  test::check_error(core::ErrorKind::input, {"none" + end},
                    [&] { read(dir.write(whole, parallel(type, {"none" + end}))); });
  dir.write("other" + end, std::string(quads(type, 5, 2, -1)).replace(quads(type, 5, 2, -1).find("\"p\""), 3, "\"q\""));
  test::check_error(core::ErrorKind::input, {"other" + end, "'q'", "not the same"},
                    [&] { read(dir.write(whole, parallel(type, {name + "0" + end, "other" + end}))); });
  check_refused(dir.write(whole, parallel(type, {whole})), {"no .vtp or .vtu"});
  check_refused(dir.write(whole, parallel(type, {})), {"names no pieces"});
  check_refused(dir.write(whole, parallel(type, {""})), {"piece 0 names no file"});
}

TEST_CASE("VTKHDF: polygons of several pieces with their data") {
  const TempDir dir;
  const std::string path = dir.file("body.vtkhdf");
  {
    mesh_io::H5File file = mesh_io::H5File::create(path);
    const auto put = [&](const std::string& name, const std::vector<std::int64_t>& values) {
      file.write<std::int64_t>("/VTKHDF/" + name, {values.size()}, values);
    };
    const std::vector<double> points = {0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, /**/ 2, 0, 0, 3, 0, 0, 3, 1, 0};
    file.write<double>("/VTKHDF/Points", {7, 3}, points);
    file.write_ascii("/VTKHDF", "Type", "PolyData");
    put("NumberOfPoints", {4, 3});
    // A line and a quad in the first piece, a triangle in the second.
    put("Lines/NumberOfCells", {1, 0}), put("Lines/NumberOfConnectivityIds", {2, 0});
    put("Lines/Offsets", {0, 2, 0}), put("Lines/Connectivity", {0, 1});
    put("Polygons/NumberOfCells", {1, 1}), put("Polygons/NumberOfConnectivityIds", {4, 3});
    put("Polygons/Offsets", {0, 4, 0, 3}), put("Polygons/Connectivity", {0, 1, 2, 3, 0, 1, 2});
    const std::vector<float> p = {7, 8, 9};  // of the line, the quad, the triangle
    file.write<float>("/VTKHDF/CellData/p", {3}, p);
    put("CellData/short", {1});
    file.close();
  }
  const auto [mesh, notes] = read(path);
  CHECK(mesh.offsets == std::vector<std::int64_t>{0, 4, 7});
  CHECK(mesh.corners == std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6});
  REQUIRE(mesh.attributes.size() == 1);
  CHECK(mesh.attributes[0].values == std::vector<float>{8, 9});
  REQUIRE(notes.size() == 2);
  CHECK_THAT(notes[0], ContainsSubstring("1 vertices and lines"));
  CHECK_THAT(notes[1], ContainsSubstring("'short'"));
  {
    mesh_io::H5File file = mesh_io::H5File::open_to_change(path);
    file.write_ascii("/VTKHDF", "Type", "ImageData");
    file.close();
  }
  check_refused(path, {"ImageData", "no surface"});
}
