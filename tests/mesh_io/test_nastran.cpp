#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "geometry/surface_report.hpp"
#include "tests/mesh_io/mesh_io_support.hpp"

using namespace streamtube;
using namespace streamtube::test;

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

// A box 2 x 1 x 1 in quads and triangles, as each form writes it.
const char* const kShort =
    "$ a box\nSOL 101\nCEND\nBEGIN BULK\n"
    "GRID           1              0.      0.      0.\n"
    "GRID           2       0      2.      0.      0.\n"
    "GRID           3              2.     1.0     0.0\n"
    "GRID           4              0.   1.+00       0\n"
    "GRID          11              0.      0.      1.\n"
    "GRID          12            2.+0      0.    10-1\n"
    "GRID          13              2.      1.      1.\n"
    "GRID          14              0.      1.  1.0E+0\n"
    "$HMNAME COMP                   7\"floor\"\n"
    "$ANSA_NAME_COMMENT;9;PSHELL;~;the rest;\n"
    "CQUAD4         1       7       1       4       3       2\n"
    "CQUAD4         2       9      11      12      13      14\n"
    "CQUAD4         3       9       1       2      12      11\n"
    "CQUAD4         4       9       2       3      13      12\n"
    "CQUAD4         5       9       3       4      14      13\n"
    "CTRIA3         6       9       4       1      11\n"
    "CTRIA3         7       9       4      11      14\n"
    "ENDDATA\nnonsense behind the end\n";

void check_box(const geometry::SurfaceMesh& mesh) {
  const auto report = geometry::report(mesh);
  CHECK(report.watertight);
  CHECK(report.volume == Catch::Approx(2));
  CHECK(report.area == Catch::Approx(10));
  CHECK(mesh.points.size() == 8);
}

}  // namespace

TEST_CASE("NASTRAN: shells in short, long and free form, parts by property") {
  const TempDir dir;
  const auto plain = read(dir.write("a.nas", kShort));
  check_box(plain.mesh);
  CHECK(plain.mesh.face_count() == 7);
  CHECK(plain.mesh.patch_names == std::vector<std::string>{"floor", "the rest"});
  CHECK(plain.notes.empty());

  // Coordinates of 16 columns with a continuation, tabs, a point that no face uses, cells of second order and solids.
  std::string text =
      "GRID*                  5                            1.25            -3.5\n*                    7.5\n";
  text += kShort;
  text.replace(text.find("GRID           2"), 48, "GRID\t2\t\t2.\t0.\t0.");
  text.replace(text.find("CTRIA3         7       9       4      11      14\n"), 49,
               "CTRIA6         7       9       4      11      14       1       2       3\nCTETRA         8       1     "
               "  1       2       3      11\n");
  const auto wide = read(dir.write("b.bdf", text));
  check_box(wide.mesh);
  REQUIRE(wide.notes.size() == 2);
  CHECK(wide.notes[0] == "1 shells of second order are read by their corners");
  CHECK(wide.notes[1] == "1 solid elements are no surface and are left out");

  const auto free =
      read(dir.write("c.nas",
                     "GRID,1,,0.,0.,0.\r\nGRID,2,0,1.5-1,0.,0.\r\nGRID , 3 , , 0., 1., 0.\r\nGRID*,4,,0.,1.\r\n*,1.\r\n"
                     "CTRIA3,1,5,1,2,3\r\nctria3,2,5,1,3,4\r\n"));
  CHECK(free.mesh.face_count() == 2);
  CHECK(free.mesh.points[1][0] == Catch::Approx(0.15));
  CHECK(free.mesh.patch_names == std::vector<std::string>{"c"});
}

TEST_CASE("NASTRAN: what cannot be read is named") {
  const TempDir dir;
  const std::string grids = "GRID,1,,0.,0.,0.\nGRID,2,,1.,0.,0.\nGRID,3,,0.,1.,0.\n";
  check_refused(dir.write("a.nas", grids + "CTRIA3,1,5,1,2,4\n"), {"line 4", "there is no GRID 4"});
  check_refused(dir.write("b.nas", grids + "GRID,3,,0.,1.,0.\nCTRIA3,1,5,1,2,3\n"),
                {"line 4", "GRID 3 is there twice"});
  check_refused(dir.write("c.nas", "GRID,1,7,0.,0.,0.\n"), {"line 1", "coordinate system \"7\""});
  check_refused(dir.write("d.nas", "GRID,1,,0.,x,0.\n"), {"line 1", "'x' is not a coordinate"});
  check_refused(dir.write("e.nas", grids + "CTETRA,1,1,1,2,3,3\n"), {"no shells", "only 1 solid elements"});
  check_refused(dir.write("f.nas", grids + "CTRIA3,1,5,1,2\n"), {"line 4", "CTRIA3 has 4 fields"});
  check_refused(dir.write("g.nas", "GRID,-1,,0.,0.,0.\n"), {"line 1", "\"-1\", no positive whole number"});
}
