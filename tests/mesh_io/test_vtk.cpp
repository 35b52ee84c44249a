#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/mesh_io/mesh_io_support.hpp"

using namespace streamtube;
using namespace streamtube::test;
using geometry::Association;

namespace {

std::string slurp(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

// A unit cube: a hexahedron, or the same as a polyhedron, plus a tetrahedron on top.
geometry::VolumeMesh two_cells(bool polyhedron) {
  geometry::VolumeMesh mesh;
  mesh.points = {{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}, {0, 0, 1}, {1, 0, 1}, {1, 1, 1}, {0, 1, 1}, {0.5, 0.5, 2}};
  mesh.offsets = {0, 8, 12};
  mesh.corners = {0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 8};
  mesh.types = {12, 10};
  if (polyhedron) {
    mesh.types[0] = 42;
    mesh.faces = {6, 4, 0, 3, 2, 1, 4, 4, 5, 6, 7, 4, 0, 1, 5, 4, 4, 1, 2, 6, 5, 4, 2, 3, 7, 6, 4, 3, 0, 4, 7};
    mesh.face_offsets = {0, -1};
  }
  mesh.attributes = {{"pressure", Association::faces, 1, {1, 2}},
                     {"velocity", Association::faces, 3, {1, 2, 3, 4, 5, 6}},
                     {"vorticity", Association::points, 3, std::vector<float>(27, 0.5f)}};
  return mesh;
}

void check_same(const std::vector<geometry::Attribute>& a, const std::vector<geometry::Attribute>& b) {
  REQUIRE(a.size() == b.size());
  for (const auto& x : a) {
    CAPTURE(x.name);
    const auto y = std::find_if(b.begin(), b.end(), [&](const auto& c) { return c.name == x.name; });
    REQUIRE(y != b.end());
    CHECK(y->association == x.association);
    CHECK(y->components == x.components);
    CHECK(y->values == x.values);
  }
}

const std::string kLegacyHead = "# vtk DataFile Version 3.0\ntiny\nASCII\nDATASET ";

// As VTK >= 9.4 stores one polyhedron (a tetrahedron), followed by a plain tetrahedron.
const std::string kNewPolyhedron = R"(<?xml version="1.0"?>
<VTKFile type="UnstructuredGrid" version="2.3" byte_order="LittleEndian" header_type="UInt32">
<UnstructuredGrid><Piece NumberOfPoints="5" NumberOfCells="2">
<Points><DataArray type="Float32" Name="Points" NumberOfComponents="3" format="ascii">
0 0 0 1 0 0 0 1 0 0 0 1 1 1 1</DataArray></Points>
<Cells>
<DataArray type="Int64" Name="connectivity" format="ascii">0 1 2 3 1 2 3 4</DataArray>
<DataArray type="Int64" Name="offsets" format="ascii">4 8</DataArray>
<DataArray type="UInt8" Name="types" format="ascii">10 42</DataArray>
<DataArray type="Int64" Name="face_connectivity" format="ascii">1 2 3 1 4 2 2 4 3 3 4 1</DataArray>
<DataArray type="Int64" Name="face_offsets" format="ascii">3 6 9 12</DataArray>
<DataArray type="Int64" Name="polyhedron_to_faces" format="ascii">0 1 2 3</DataArray>
<DataArray type="Int64" Name="polyhedron_offsets" format="ascii">0 4</DataArray>
</Cells></Piece></UnstructuredGrid></VTKFile>
)";

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

}  // namespace

TEST_CASE("VTP round trip of tiny meshes, bit for bit") {
  const TempDir dir;
  for (auto [name, mesh] : tiny_meshes()) {
    CAPTURE(name);
    mesh_io::write_vtp(dir.file("m \xc3\xbc.vtp"), mesh, {{"model", "tiny"}});
    const auto back = mesh_io::read_surface(dir.file("m \xc3\xbc.vtp"));
    CHECK(back.points == mesh.points);
    CHECK(back.offsets == mesh.offsets);
    CHECK(back.corners == mesh.corners);
    CHECK(back.patch == mesh.patch);
    CHECK(back.patch_names == mesh.patch_names);
    check_same(mesh.attributes, back.attributes);
  }
}

TEST_CASE("VTP in the file's unit, with the first scalar and vector active") {
  const TempDir dir;
  geometry::SurfaceMesh mesh = tiny_meshes()[1].mesh;
  mesh.file_unit = 0.001;
  mesh_io::write_vtp(dir.file("m.vtp"), mesh, {{"streamtube_version", "0.1.0"}, {"note", "a <b> & \"c\""}});
  CHECK(std::abs(mesh_io::read_surface(dir.file("m.vtp")).points[1][0] - 1000) < 1e-9);
  CHECK(std::abs(mesh_io::read_surface(dir.file("m.vtp"), 0.001).points[1][0] - 1) < 1e-12);
  const std::string text = slurp(dir.file("m.vtp"));
  CHECK(text.find("<CellData Scalars=\"pressure\" Vectors=\"wall_shear_stress\">") != std::string::npos);
  CHECK(text.find("<PointData Scalars=\"Cp\">") != std::string::npos);
  CHECK(text.find("Name=\"streamtube_version\"") != std::string::npos);
}

TEST_CASE("VTU round trip: hexahedra, tetrahedra, polyhedra") {
  const TempDir dir;
  for (const bool polyhedron : {false, true}) {
    CAPTURE(polyhedron);
    const auto mesh = two_cells(polyhedron);
    mesh_io::write_vtu(dir.file("v.vtu"), mesh);
    const auto back = mesh_io::read_volume(dir.file("v.vtu"));
    CHECK(back.points == mesh.points);
    CHECK(back.offsets == mesh.offsets);
    CHECK(back.corners == mesh.corners);
    CHECK(back.types == mesh.types);
    CHECK(back.faces == mesh.faces);
    CHECK(back.face_offsets == mesh.face_offsets);
    check_same(mesh.attributes, back.attributes);
  }
}

TEST_CASE("polyhedra as newer VTK stores them keep their faces") {
  const TempDir dir;
  const auto mesh = mesh_io::read_volume(dir.write("new.vtu", kNewPolyhedron));
  CHECK(mesh.types == std::vector<std::uint8_t>{10, 42});
  CHECK(mesh.face_offsets == std::vector<std::int64_t>{-1, 0});
  CHECK(mesh.faces == std::vector<std::int64_t>{4, 3, 1, 2, 3, 3, 1, 4, 2, 3, 2, 4, 3, 3, 3, 4, 1});
  mesh_io::write_vtu(dir.file("old.vtu"), mesh);
  CHECK(mesh_io::read_volume(dir.file("old.vtu")).faces == mesh.faces);

  const auto refused = [&](const std::string& what, const std::string& with, const std::string& part) {
    check_volume_refused(dir.write("bad.vtu", replaced(kNewPolyhedron, what, with)), {"(VTU)", part});
  };
  refused("polyhedron_to_faces", "something_else", "without their faces");
  refused(">0 1 2 3</Data", ">0 1 2 9999999</Data", "no face 9999999");
  refused(">3 6 9 12<", ">3 6 9 99999<", "face_offsets");
  refused(">0 4</Data", ">0 40</Data", "polyhedron_to_faces");
  refused("2 4 3 3 4 1", "2 4 3 3 4 7", "names point 7");
}

TEST_CASE("legacy VTK: quads, polygons and strips with data") {
  const TempDir dir;
  const auto mesh = mesh_io::read_surface(dir.write(
      "a.vtk", kLegacyHead + "POLYDATA\nPOINTS 6 double\n0 0 0 1 0 0 1 1 0 0 1 0 2 0 0 2 1 0\n"
                             "VERTICES 1 2\n1 0\nPOLYGONS 1 5\n4 0 1 2 3\nTRIANGLE_STRIPS 1 5\n4 2 1 5 4\n"
                             "CELL_DATA 3\nSCALARS p float 1\nLOOKUP_TABLE default\n7 8 9\n"
                             "POINT_DATA 6\nVECTORS U float\n0 0 0 1 0 0 2 0 0 3 0 0 4 0 0 5 0 0\nSCALARS s double 1\n"
                             "LOOKUP_TABLE default\n0 1 2 3 4 5\n"));
  CHECK(mesh.offsets == std::vector<std::int64_t>{0, 4, 7, 10});
  CHECK(mesh.corners == std::vector<std::int64_t>{0, 1, 2, 3, 2, 1, 5, 1, 4, 5});
  REQUIRE(mesh.attributes.size() == 3);
  for (const auto& a : mesh.attributes) {
    if (a.name == "p") CHECK(a.values == std::vector<float>{8, 9, 9});  // the strip's value for both its triangles
    if (a.name == "U") CHECK(a.values[3] == 1);
  }
  // Both triangles of the strip look the same way.
  CHECK(mesh.area_vector(1)[2] * mesh.area_vector(2)[2] > 0);
}

TEST_CASE("surface cells of an unstructured grid, without the points of its other cells") {
  const TempDir dir;
  const auto mesh = mesh_io::read_surface(dir.write(
      "a.vtk",
      kLegacyHead +
          "UNSTRUCTURED_GRID\nPOINTS 6 float\n9 9 9 0 0 0 1 0 0 0 1 0 1 1 0 5 5 5\nCELLS 3 13\n"
          "4 0 1 2 5\n4 1 2 3 4\n2 0 5\nCELL_TYPES 3\n10 8 3\nCELL_DATA 3\nSCALARS p float 1\n"
          "LOOKUP_TABLE default\n1 2 3\nPOINT_DATA 6\nSCALARS s float 1\nLOOKUP_TABLE default\n0 1 2 3 4 5\n"));
  CHECK(mesh.points == std::vector<Vec3>{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {1, 1, 0}});
  CHECK(mesh.corners == std::vector<std::int64_t>{0, 1, 3, 2});  // a pixel as a quad
  check_same(mesh.attributes, {{"s", Association::points, 1, {1, 2, 3, 4}}, {"p", Association::faces, 1, {2}}});
}

TEST_CASE("a volume mesh given as a surface is refused by name") {
  const TempDir dir;
  mesh_io::write_vtu(dir.file("v.vtu"), two_cells(true));
  check_refused(dir.file("v.vtu"), {"(VTU)", "no polygons", "1 Tetra", "1 Polyhedron", "volume mesh"});
  check_volume_refused(dir.write("a.stl", binary_stl("", 2, kTwoTriangles)), {"(STL)", "no volume mesh"});
}

TEST_CASE("structured volumes: voxels become hexahedra") {
  const TempDir dir;
  const auto mesh = mesh_io::read_volume(
      dir.write("a.vtk", kLegacyHead + "STRUCTURED_POINTS\nDIMENSIONS 2 2 3\nORIGIN 0 0 0\nSPACING 1 1 0.5\n"));
  CHECK(mesh.types == std::vector<std::uint8_t>{12, 12});
  CHECK(std::vector(mesh.corners.begin(), mesh.corners.begin() + 8) ==
        std::vector<std::int64_t>{0, 1, 3, 2, 4, 5, 7, 6});
  // A plane of 2 x 1 x 3 places, and eight corners of two hexahedra given one by one.
  const auto plane = mesh_io::read_volume(
      dir.write("b.vtk", kLegacyHead + "RECTILINEAR_GRID\nDIMENSIONS 2 1 3\nX_COORDINATES 2 float\n0 1\n"
                                       "Y_COORDINATES 1 double\n0.25\nZ_COORDINATES 3 float\n0 0.5 2\n"));
  CHECK(plane.types == std::vector<std::uint8_t>{9, 9});
  CHECK(plane.points.back() == Vec3{1, 0.25, 2});
  const auto grid = mesh_io::read_volume(
      dir.write("c.vtk", kLegacyHead + "STRUCTURED_GRID\nDIMENSIONS 2 2 2\nPOINTS 8 float\n"
                                       "0 0 0 1 0 0 0 1 0 1 1 0 0 0 1 1 0 1 0 1 1 1 1 1\n"));
  CHECK(grid.types == std::vector<std::uint8_t>{12});
}

TEST_CASE("patch numbers without names") {
  const TempDir dir;
  const auto mesh = mesh_io::read_surface(dir.write(
      "a.vtk", kLegacyHead + "POLYDATA\nPOINTS 4 float\n0 0 0 1 0 0 1 1 0 0 1 0\nPOLYGONS 2 8\n3 0 1 2\n3 0 2 3\n"
                             "CELL_DATA 2\nSCALARS patch int 1\nLOOKUP_TABLE default\n12 5\n"));
  CHECK(mesh.patch_names == std::vector<std::string>{"patch_5", "patch_12"});
  CHECK(mesh.patch == std::vector<std::int32_t>{1, 0});
}

TEST_CASE("truncated VTK files are refused, wherever they are cut") {
  const TempDir dir;
  mesh_io::write_vtp(dir.file("m.vtp"), tiny_meshes()[1].mesh);
  mesh_io::write_vtu(dir.file("v.vtu"), two_cells(true));
  for (const std::string name : {"m.vtp", "v.vtu"}) {
    const std::string good = slurp(dir.file(name));
    for (std::size_t n = 60; n + 4 < good.size(); n += 97) {
      CAPTURE(n);
      const std::string cut = dir.write("cut" + name.substr(1), good.substr(0, n));
      name == "m.vtp" ? check_refused(cut, {"(VTP)"}) : check_volume_refused(cut, {"(VTU)"});
    }
    // The middle is missing, the end is there.
    const std::size_t data = good.find('_', good.find("<AppendedData")) + 1;
    const std::string holed = good.substr(0, data + 30) + good.substr(good.rfind("</AppendedData>"));
    const std::string path = dir.write("hole" + name.substr(1), holed);
    name == "m.vtp" ? check_refused(path, {"(VTP)"}) : check_volume_refused(path, {"(VTU)"});
  }
  check_refused(dir.write("a.vtk", kLegacyHead + "POLYDATA\nPOINTS 3 float\n0 0 0 1 0 0\n"), {"(legacy VTK)"});
  check_refused(dir.write("b.vtk", kLegacyHead + "POLYDATA\nPOINTS 3 float\n0 0 0 1 0 0 0 1 0\nPOLYGONS 1 4\n3 0\n"),
                {"(legacy VTK)"});
  check_refused(dir.write("c.vtk", "# vtk DataFile Version 3.0\n"), {"(legacy VTK)"});
}

TEST_CASE("damaged VTK files") {
  const TempDir dir;
  const auto legacy = [&](const std::string& text, const std::vector<std::string>& parts) {
    check_refused(dir.write("a.vtk", kLegacyHead + text), parts);
  };
  legacy("POLYDATA\nPOINTS 99999999999 float\n0 0 0\n", {"line 5", "POINTS", "99"});
  legacy("POLYDATA\nPOINTS -3 float\n0 0 0\n", {"line 5", "POINTS", "-3"});
  legacy("POLYDATA\nPOINTS 3 float\n0 0 0 1 0 0 0 1 0\nPOLYGONS 1 4\n3 0 1 9\n", {"cell 0", "point 9"});
  legacy("POLYDATA\nPOINTS 3 float\n0 0 0 1 0 0 0 1 0\nPOLYGONS 1 3\n2 0 1\n", {"cell 0", "2 corners"});
  legacy("POLYDATA\nPOINTS 3 float\n0 0 0 1 nan 0 0 1 0\nPOLYGONS 1 4\n3 0 1 2\n",
         {"line 6", "value 5 of 9", "not finite"});
  legacy("POLYDATA\nPOINTS 3 float\n0 0 0 1 0 0 0 1 0\n", {"no polygons"});
  legacy("NONSENSE\n", {"(legacy VTK)"});

  geometry::VolumeMesh with_nan = two_cells(false);
  with_nan.points[4][1] = std::nan("");
  mesh_io::write_vtu(dir.file("nan.vtu"), with_nan);
  check_volume_refused(dir.file("nan.vtu"), {"(VTU)", "point 4", "not finite"});

  mesh_io::write_vtp(dir.file("m.vtp"), tiny_meshes()[0].mesh);
  const std::string good = slurp(dir.file("m.vtp"));
  check_refused(dir.write("big.vtp", replaced(good, "NumberOfPoints=\"3\"", "NumberOfPoints=\"900000000000\"")),
                {"(VTP)", "NumberOfPoints"});
  check_refused(dir.write("neg.vtp", replaced(good, "NumberOfPoints=\"3\"", "NumberOfPoints=\"-3\"")),
                {"NumberOfPoints"});
  check_refused(dir.write("more.vtp", replaced(good, "NumberOfPoints=\"3\"", "NumberOfPoints=\"300\"")), {"(VTP)"});
  check_refused(dir.write("tag.vtp", replaced(good, "</Piece>", "</Peace>")), {"(VTP)"});
  for (const std::string offsets : {"2 1", "3 900", "-4 3", "3 5"}) {
    CAPTURE(offsets);
    const std::string text =
        "<VTKFile type=\"PolyData\" version=\"0.1\" byte_order=\"LittleEndian\"><PolyData>"
        "<Piece NumberOfPoints=\"3\" NumberOfPolys=\"2\"><Points><DataArray type=\"Float32\" NumberOfComponents=\"3\" "
        "format=\"ascii\">0 0 0 1 0 0 0 1 0</DataArray></Points><Polys><DataArray type=\"Int64\" Name=\"connectivity\" "
        "format=\"ascii\">0 1 2 0 2 1</DataArray><DataArray type=\"Int64\" Name=\"offsets\" format=\"ascii\">" +
        offsets + "</DataArray></Polys></Piece></PolyData></VTKFile>\n";
    check_refused(dir.write("offsets.vtp", text), {"(VTP)"});
    check_volume_refused(dir.file("offsets.vtp"), {"(VTP)"});
  }
  // Found by fuzzing, as the two corners of "3 5": VTK read from the address 0.
  const std::string bare =
      "<VTKFile type=\"PolyData\" version=\"0.1\" byte_order=\"LittleEndian\"><PolyData>"
      "<Piece NumberOfPoints=\"0\" NumberOfPolys=\"1\"><Points><DataArray type=\"Float32\" NumberOfComponents=\"3\" "
      "format=\"ascii\"></DataArray></Points><Polys><DataArray type=\"Int64\" Name=\"connectivity\" "
      "format=\"ascii\">0 1 2</DataArray><DataArray type=\"Int64\" Name=\"offsets\" "
      "format=\"ascii\">3</DataArray></Polys></Piece></PolyData></VTKFile>\n";
  check_volume_refused(dir.write("bare.vtp", bare), {"(VTP)", "cell 0"});
}

TEST_CASE("a flipped byte in the XML of a VTP gives a mesh or an Error") {
  const TempDir dir;
  mesh_io::write_vtp(dir.file("m.vtp"), tiny_meshes()[1].mesh);
  const std::string good = slurp(dir.file("m.vtp"));
  std::size_t refused = 0;
  for (std::size_t i = 0; i < good.find("<AppendedData"); i += 3) {
    CAPTURE(i);
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x15);
    try {
      mesh_io::read_surface(dir.write("flip.vtp", bad)).check("flip.vtp");
    } catch (const core::Error& error) {
      ++refused;
      CHECK(error.kind() == core::ErrorKind::input);
    }
  }
  CHECK(refused > 100);
}

TEST_CASE("writers: no file under the final name after a failure") {
  const TempDir dir;
  const auto mesh = tiny_meshes()[0].mesh;
  check_error(core::ErrorKind::runtime, {"missing"}, [&] { mesh_io::write_vtp(dir.file("missing/m.vtp"), mesh); });
  check_error(core::ErrorKind::runtime, {"missing"}, [&] { mesh_io::write_stl(dir.file("missing/m.stl"), mesh); });
  check_error(core::ErrorKind::runtime, {"missing"},
              [&] { mesh_io::write_vtu(dir.file("missing/m.vtu"), two_cells(false)); });
  check_error(core::ErrorKind::runtime, {"missing"}, [&] { mesh_io::write_pvd(dir.file("missing/m.pvd"), {}); });
  geometry::SurfaceMesh wrong = mesh;
  wrong.attributes = {{"pressure", Association::faces, 1, {1, 2}}};
  CHECK_THROWS_AS(mesh_io::write_vtp(dir.file("m.vtp"), wrong), core::Error);
  CHECK(std::filesystem::is_empty(dir.path()));
}

TEST_CASE("a write that stops half way is an error and leaves no file") {
  const TempDir dir;
  const auto big = mesh_io::read_surface(STREAMTUBE_SOURCE_DIR "/data_samples/geometries/ahmed_25deg.stl");
  geometry::VolumeMesh volume;
  volume.points = big.points;
  volume.offsets = big.offsets;
  volume.corners = big.corners;
  volume.types.assign(big.face_count(), 5);
  // A limit on the size of files stands for a full disk.
  rlimit old{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &old) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{20000, old.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  check_error(core::ErrorKind::runtime, {"b.vtp", "cannot write"}, [&] { mesh_io::write_vtp(dir.file("b.vtp"), big); });
  check_error(core::ErrorKind::runtime, {"b.vtu", "cannot write"},
              [&] { mesh_io::write_vtu(dir.file("b.vtu"), volume); });
  check_error(core::ErrorKind::runtime, {"b.stl", "File too large"},
              [&] { mesh_io::write_stl(dir.file("b.stl"), big); });
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  CHECK(std::filesystem::is_empty(dir.path()));
}

TEST_CASE("a .pvd names its parts, escaped") {
  const TempDir dir;
  mesh_io::write_pvd(dir.file("all.pvd"), {{"surface", "surface.vtp"}, {"a & b", "x \"y\".vtu"}});
  const std::string text = slurp(dir.file("all.pvd"));
  CHECK(text.find("<DataSet timestep=\"0\" part=\"1\" name=\"a &amp; b\" file=\"x &quot;y&quot;.vtu\"/>") !=
        std::string::npos);
}

TEST_CASE("every format says what it is and its extensions are its own") {
  std::vector<std::string> all;
  for (const auto& f : mesh_io::formats()) {
    CHECK(!f.name.empty());
    CHECK((f.reads_surface || f.reads_volume));
    for (const auto& e : f.extensions) {
      CHECK(e[0] == '.');
      all.push_back(e);
    }
  }
  std::sort(all.begin(), all.end());
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}

TEST_CASE("VTM: the surfaces of the blocks become patches") {
  const TempDir dir;
  const auto meshes = test::tiny_meshes();
  mesh_io::write_vtp(dir.file("one.vtp"), meshes[0].mesh);
  mesh_io::write_vtp(dir.file("two.vtp"), meshes[1].mesh);
  const std::string head = "<VTKFile type=\"vtkMultiBlockDataSet\" version=\"1.0\">\n<vtkMultiBlockDataSet>\n";
  const std::string tail = "</vtkMultiBlockDataSet>\n</VTKFile>\n";
  const std::string path = dir.write(
      "car.vtm", head +
                     "<Block index=\"0\" name=\"wheels\">\n<DataSet index=\"0\" name=\"front\" file=\"one.vtp\"/>\n"
                     "<DataSet index=\"1\" file=\"one.vtp\"/>\n<DataSet index=\"2\"/>\n</Block>\n"
                     "<DataSet index=\"1\" name=\"hull\" file=\"two.vtp\"/>\n" +
                     tail);
  const auto mesh = mesh_io::read_surface(path, 1e-3);
  CHECK(mesh.patch_names ==
        std::vector<std::string>{"wheels/front", "wheels/block_1", "hull/nose & <base>", "hull/Heck \xc3\xbc"});
  CHECK(mesh.face_count() == 1 + 1 + 3);
  CHECK(mesh.patch == std::vector<std::int32_t>{0, 1, 2, 3, 2});
  CHECK(mesh.bounds().high[0] == 2e-3);

  const std::string missing = dir.write("missing.vtm", head + "<DataSet index=\"0\" file=\"none.vtp\"/>\n" + tail);
  test::check_error(core::ErrorKind::input, {"none.vtp", "no such file"}, [&] { mesh_io::read_surface(missing); });
  test::check_refused(dir.write("cut.vtm", head + "<Block index=\"0\""), {"VTM"});
  test::check_refused(dir.write("empty.vtm", head + tail), {"VTM", "no block"});
  test::check_refused(dir.write("volume.vtm", head + "<DataSet index=\"0\" file=\"a.vti\"/>\n" + tail),
                      {"VTM", "a.vti"});
}
