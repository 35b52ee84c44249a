#include <catch2/generators/catch_generators.hpp>
#include <cmath>
#include <limits>

#include "tests/mesh_io/mesh_io_support.hpp"

using namespace streamtube;
using namespace streamtube::test;

namespace {

std::string facet(const std::string& a, const std::string& b, const std::string& c, const std::string& end = "\n") {
  return "facet normal 0 0 1" + end + " outer loop" + end + "  vertex " + a + end + "  vertex " + b + end +
         "  vertex " + c + end + " endloop" + end + "endfacet" + end;
}
std::string solid(const std::string& name, const std::string& facets, const std::string& end = "\n") {
  return "solid " + name + end + facets + "endsolid " + name + end;
}

}  // namespace

TEST_CASE("binary STL: equal points are merged, faces keep their order") {
  const TempDir dir;
  const auto mesh = mesh_io::read_surface(dir.write("two.stl", binary_stl("CAD", 2, kTwoTriangles)));
  CHECK(mesh.points == std::vector<Vec3>{{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}});
  CHECK(mesh.corners == std::vector<std::int64_t>{0, 1, 2, 0, 2, 3});
  CHECK(mesh.offsets == std::vector<std::int64_t>{0, 3, 6});
  CHECK(mesh.patch_names == std::vector<std::string>{"two"});
}

TEST_CASE("binary STL whose header begins with 'solid'") {
  const TempDir dir;
  CHECK(mesh_io::read_surface(dir.write("a.stl", binary_stl("solid by CATIA", 2, kTwoTriangles))).face_count() == 2);
  // Also a damaged one is told apart from text.
  check_refused(dir.write("b.stl", binary_stl("solid by CATIA", 3, kTwoTriangles)), {"3 triangles", "234", "184"});
}

TEST_CASE("zero and minus zero are one point") {
  const TempDir dir;
  const std::vector<float> v{0, 0, 0, 1, 0, 0, 1, 1, 0, -0.0f, 0, -0.0f, 1, 1, 0, 0, 1, 0};
  CHECK(mesh_io::read_surface(dir.write("a.stl", binary_stl("", 2, v))).points.size() == 4);
}

TEST_CASE("ASCII STL: solids are patches, whatever the line ends, case and indentation") {
  const TempDir dir;
  const std::string end = GENERATE("\n", "\r\n", "\r\n\t ");
  const std::string text = solid("nose part", facet("0 0 0", "1 0 0", "1 1 0", end), end) +
                           solid("base", facet("0 0 0", "+1.0e0 1 0", "0 1 0", end), end) +
                           solid("nose part", facet("0 0 5", "1 0 5", "0 1 5", end), end);
  const auto mesh = mesh_io::read_surface(dir.write("multi.stl", text));
  CHECK(mesh.patch_names == std::vector<std::string>{"nose part", "base"});
  CHECK(mesh.patch == std::vector<std::int32_t>{0, 1, 0});
  CHECK(mesh.points.size() == 7);
  CHECK(mesh.corners == std::vector<std::int64_t>{0, 1, 2, 0, 2, 3, 4, 5, 6});
}

TEST_CASE("ASCII STL: unnamed solid, capitals, byte order mark, wrong normals") {
  const TempDir dir;
  const auto mesh = mesh_io::read_surface(
      dir.write("A.STL",
                "\xef\xbb\xbfSOLID\nFACET NORMAL nan nan nan\nOUTER LOOP\nVERTEX 0 0 0\nVERTEX 1 0 0\n"
                "VERTEX 0 1 0\nENDLOOP\nENDFACET\nENDSOLID\n"));
  CHECK(mesh.face_count() == 1);
  CHECK(mesh.patch_names == std::vector<std::string>{"solid_1"});
}

TEST_CASE("file names with spaces and UTF-8") {
  const TempDir dir;
  CHECK(mesh_io::read_surface(dir.write("gro\xc3\x9f es Auto.stl", binary_stl("", 2, kTwoTriangles))).face_count() ==
        2);
}

TEST_CASE("the file's unit scales the points") {
  const TempDir dir;
  const auto mesh = mesh_io::read_surface(dir.write("mm.stl", binary_stl("", 2, kTwoTriangles)), 0.001);
  CHECK(mesh.points[1] == Vec3{0.001, 0, 0});
  CHECK(mesh.file_unit == 0.001);
  check_error(core::ErrorKind::usage, {"-1"}, [&] { mesh_io::read_surface(dir.file("mm.stl"), -1); });
  mesh_io::write_stl(dir.file("back.stl"), mesh);
  CHECK(mesh_io::read_surface(dir.file("back.stl")).points[1] == Vec3{1, 0, 0});
}

TEST_CASE("broken binary STL") {
  const TempDir dir;
  const std::string good = binary_stl("", 2, kTwoTriangles);
  check_refused(dir.write("empty.stl", ""), {"empty"});
  check_refused(dir.write("short.stl", good.substr(0, 60)), {"(STL)", "60 bytes"});
  check_refused(dir.write("cut.stl", good.substr(0, 150)), {"truncated", "2 triangles = 184 bytes", "has 150"});
  check_refused(dir.write("longer.stl", good + good.substr(84, 50)), {"counts 2 triangles", "room for 3"});
  check_refused(dir.write("none.stl", binary_stl("", 0, {})), {"no triangles"});
  check_refused(dir.write("absurd.stl", binary_stl("", 4294967295u, kTwoTriangles)), {"4294967295", "184"});
  std::vector<float> v = kTwoTriangles;
  v[13] = std::numeric_limits<float>::quiet_NaN();
  check_refused(dir.write("nan.stl", binary_stl("", 2, v)), {"facet 2 of 2", "vertex 2", "NaN"});
  v = kTwoTriangles;
  v[0] = -std::numeric_limits<float>::infinity();
  check_refused(dir.write("inf.stl", binary_stl("", 2, v)), {"facet 1", "vertex 1", "infinite"});
}

TEST_CASE("broken ASCII STL") {
  const TempDir dir;
  const std::string one = facet("0 0 0", "1 0 0", "0 1 0");
  const std::string good = solid("car", one + one);
  // Cut anywhere after the first facet: an error, unless only the last solid's name is lost.
  for (std::size_t n = good.find("endfacet"); n < good.find("endsolid") + 8; ++n) {
    CAPTURE(n);
    check_refused(dir.write("cut.stl", good.substr(0, n)), {"(STL)", "line "});
  }
  check_refused(dir.write("cut.stl", good.substr(0, good.find("endsolid"))), {"truncated", "no 'endsolid'", "line 16"});
  check_refused(dir.write("nan.stl", solid("c", one + facet("0 0 0", "0 nan 0", "0 1 0"))),
                {"line 12", "facet 2", "vertex 2", "NaN"});
  check_refused(dir.write("inf.stl", solid("c", facet("0 0 0", "1e999 0 0", "0 1 0"))), {"line 5", "infinite"});
  check_refused(dir.write("word.stl", solid("c", facet("0 0 0", "1 0 O", "0 1 0"))), {"line 5", "'O'", "vertex 2"});
  check_refused(dir.write("key.stl", "solid c\nfacet normal 0 0 1\nouter loop\nvertx 0 0 0\n"), {"line 4", "'vertx'"});
  check_refused(dir.write("none.stl", "solid a\nendsolid a\nsolid b\nendsolid b\n"),
                {"no triangles", "2 empty solids"});
}

TEST_CASE("what is no mesh file at all") {
  const TempDir dir;
  check_refused(dir.file("missing.stl"), {"no such file"});
  std::filesystem::create_directory(dir.path() / "folder.stl");
  check_refused(dir.file("folder.stl"), {"folder"});
  check_refused(dir.write("car.stp", "ISO-10303-21;\nHEADER;"), {"STEP"});
  check_refused(dir.write("car.stl", "\x1f\x8b\x08 xxxxxxxxxxxx"), {"gzip", "damaged"});
  check_refused(dir.write("car.xyz", "1 2 3\n"), {"unknown format", ".xyz", ".stl"});
  check_refused(dir.write("noise.stl", std::string(500, 'x')), {"(STL)", "500"});
  check_refused("/dev/null", {"not a regular file"});
}

TEST_CASE("extension and content disagree: both are named") {
  const TempDir dir;
  check_refused(dir.write("a.obj", binary_stl("", 2, kTwoTriangles)), {".obj", "OBJ", "content is STL"});
  check_refused(dir.write("a.stl", "ply\nformat ascii 1.0\n"), {"says STL", "content is PLY"});
  check_refused(dir.write("b.stl", "# vtk DataFile Version 3.0\n"), {"says STL", "content is legacy VTK"});
  check_refused(dir.write("a.vtp", "<?xml version=\"1.0\"?>\n<VTKFile type=\"UnstructuredGrid\">\n"),
                {"says VTP", "content is VTU"});
  check_refused(dir.write("b.vtp", "solid x\n"), {"says VTP", "does not begin like one"});
}

TEST_CASE("without an extension the content decides") {
  const TempDir dir;
  CHECK(mesh_io::read_surface(dir.write("geometry", binary_stl("", 2, kTwoTriangles))).face_count() == 2);
}

TEST_CASE("STL round trip of tiny meshes") {
  const TempDir dir;
  for (const auto& [name, mesh] : tiny_meshes()) {
    if (name == "far_away") continue;  // float32 by the format
    CAPTURE(name);
    mesh_io::write_stl(dir.file("m.stl"), mesh);
    const auto back = mesh_io::read_surface(dir.file("m.stl"));
    const geometry::Triangles wanted = geometry::triangulate(mesh);
    REQUIRE(back.face_count() == wanted.corners.size());
    for (std::size_t f = 0; f < back.face_count(); ++f)
      for (std::size_t k = 0; k < 3; ++k) CHECK(back.corner(f, k) == wanted.points[wanted.corners[f][k]]);
  }
}

TEST_CASE("many points: merging against a brute-force count") {
  const TempDir dir;
  const int n = 40;  // n x n grid of squares, two triangles each
  std::vector<float> v;
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) {
      const float x = 0.1f * static_cast<float>(i), y = 0.1f * static_cast<float>(j);
      const float X = 0.1f * static_cast<float>(i + 1), Y = 0.1f * static_cast<float>(j + 1);
      for (const float c : {x, y, 0.f, X, y, 0.f, X, Y, 0.f, x, y, 0.f, X, Y, 0.f, x, Y, 0.f}) v.push_back(c);
    }
  const auto mesh = mesh_io::read_surface(dir.write("grid.stl", binary_stl("", 2 * n * n, v)));
  CHECK(mesh.points.size() == static_cast<std::size_t>((n + 1) * (n + 1)));
  for (std::size_t k = 0; k < mesh.corners.size(); ++k)
    REQUIRE(mesh.points[mesh.corners[k]] == Vec3{v[3 * k], v[3 * k + 1], v[3 * k + 2]});
}
