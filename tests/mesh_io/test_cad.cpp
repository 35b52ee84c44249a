#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numbers>

#include "geometry/parts.hpp"
#include "geometry/surface_report.hpp"
#include "tests/mesh_io/mesh_io_support.hpp"
#include "tests/support/cad_shapes.hpp"

using namespace streamtube;
using Catch::Approx;
using test::CadFormat;
using test::TempDir;

namespace {

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("STEP: an assembly's parts become patches, placed and closed, in any unit") {
  const TempDir dir;
  const auto [unit, name, metres] = GENERATE(
      Catch::Generators::table<std::string, std::string, double>({{"MM", "mm", 1e-3}, {"INCH", "in", 0.0254}}));
  CAPTURE(unit);
  const std::string path = dir.file("car.step");
  test::write_car(path, CadFormat::step, unit);
  mesh_io::ReadReport cad;
  const double deviation = 1e-4;
  const auto mesh = mesh_io::read_surface(path, 1.0, {deviation}, &cad);
  CHECK(cad.format == "STEP");
  CHECK(cad.unit == name);
  CHECK(cad.solids == 3);
  CHECK(cad.surfaces == 0);
  CHECK(cad.faces == 6 + 2 * 3);
  CHECK(cad.triangles == mesh.face_count());
  CHECK(cad.deviation == deviation);
  CHECK(cad.warnings.empty());
  CHECK(mesh.file_unit == Approx(metres));
  CHECK(mesh.unit_stated);
  CHECK(mesh.patch_names == std::vector<std::string>{"body", "axle/wheel", "axle/wheel_2"});
  REQUIRE(cad.colours.size() == 3);
  CHECK(cad.colours[0] == "#FF0000");

  const auto report = geometry::report(mesh, true);
  CHECK(report.watertight);
  CHECK(report.outward);
  CHECK(report.components == 3);
  CHECK(report.degenerate_faces == 0);
  CHECK(report.self_intersections == 0);
  // Edges share their nodes: nothing was left for the report to merge.
  CHECK(report.merged_points == report.points);
  const Vec3 low{0, -0.2, 0}, high{1, 0.3 + test::kCarWheelWidth / 2, 0.4};
  for (int a = 0; a < 3; ++a) {
    CHECK(report.bounds.low[a] == Approx(low[a]).margin(1e-9 + (a == 2 ? deviation : 0)));
    CHECK(report.bounds.high[a] == Approx(high[a]).margin(1e-9));
  }
  // A polygon inscribed in a circle within the deviation is short of its area by at most twice deviation / radius.
  constexpr double kPi = std::numbers::pi, r = test::kCarWheelRadius, w = test::kCarWheelWidth;
  const auto sizes = geometry::patch_sizes(mesh);
  CHECK(sizes[0].area == Approx(test::kCarBoxArea).epsilon(1e-9));
  for (int p = 1; p < 3; ++p) CHECK(sizes[p].area == Approx(2 * kPi * r * (r + w)).epsilon(2 * deviation / r));
  CHECK(report.volume == Approx(test::kCarBoxVolume + 2 * kPi * r * r * w).epsilon(2 * deviation / r));
}

TEST_CASE("STEP: the deviation says how fine, and is kept") {
  const TempDir dir;
  const std::string path = dir.file("car.stp");
  test::write_car(path, CadFormat::step, "MM");
  mesh_io::ReadReport coarse, fine;
  mesh_io::read_surface(path, 1.0, {}, &coarse);
  // Without, a 2000th of the diagonal of all parts, 1 x 0.525 x 0.4 m.
  CHECK(coarse.deviation == Approx(std::sqrt(1 + 0.525 * 0.525 + 0.16) / 2000).epsilon(0.01));
  const auto mesh = mesh_io::read_surface(path, 1.0, {2e-5}, &fine);
  CHECK(fine.triangles > coarse.triangles);
  // Of the wheel about y through (0.2, 0.3, 0.1): on its shell, not its flanks, middles of edges lie the farthest
  // inside.
  double worst = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    const Vec3 area = mesh.area_vector(f);
    if (mesh.patch[f] != 1 || std::abs(area[1]) > 0.5 * norm(area)) continue;
    for (int i = 0; i < 3; ++i) {
      const Vec3 m = 0.5 * (mesh.corner(f, i) + mesh.corner(f, (i + 1) % 3));
      worst = std::max(worst, 0.1 - std::hypot(m[0] - 0.2, m[2] - 0.1));
    }
  }
  CHECK(worst > 0);
  CHECK(worst <= 2e-5);
}

TEST_CASE("IGES: the same assembly; loose faces are sewn into a closed body") {
  const TempDir dir;
  const auto [unit, name, metres] = GENERATE(
      Catch::Generators::table<std::string, std::string, double>({{"MM", "mm", 1e-3}, {"INCH", "in", 0.0254}}));
  const std::string path = dir.file("car.igs");
  test::write_car(path, CadFormat::iges, unit);
  mesh_io::ReadReport cad;
  const auto mesh = mesh_io::read_surface(path, 1.0, {1e-4}, &cad);
  CHECK(cad.format == "IGES");
  CHECK(cad.unit == name);
  CHECK(mesh.file_unit == Approx(metres));
  const auto report = geometry::report(mesh, true);
  CHECK(report.watertight);
  CHECK(report.components == 3);
  CHECK(report.bounds.size()[0] == Approx(1).epsilon(1e-6));
  CHECK(report.area == Approx(test::kCarBoxArea + 2 * 2 * std::numbers::pi * 0.1 * 0.15).epsilon(2e-3));
  // OCCT's writer gives a group's members their names, but not the nested group.
  CHECK(mesh.patch_names == std::vector<std::string>{"body", "wheel", "wheel_2"});
}

TEST_CASE("CAD: faces of no solid are sewn") {
  const TempDir dir;
  const auto format = GENERATE(CadFormat::step, CadFormat::iges);
  const std::string path = dir.file(format == CadFormat::step ? "loose.step" : "loose.iges");
  test::write_loose_box(path, format);
  mesh_io::ReadReport cad;
  const auto mesh = mesh_io::read_surface(path, 1.0, {}, &cad);
  CHECK(cad.solids == 0);
  CHECK(cad.faces == 6);
  const auto report = geometry::report(mesh);
  CHECK(report.boundary_edges == 0);
  CHECK(report.watertight);
  CHECK(report.area == Approx(test::kCarBoxArea).epsilon(1e-9));
}

TEST_CASE("CAD: what cannot be read is refused with its reason") {
  const TempDir dir;
  const std::string step = dir.file("car.step"), iges = dir.file("car.iges");
  test::write_car(step, CadFormat::step, "MM");
  test::write_car(iges, CadFormat::iges, "MM");
  const std::string step_text = content(step), iges_text = content(iges);

  const std::string cut = dir.write("cut.step", step_text.substr(0, step_text.size() / 2));
  test::check_refused(cut, {"STEP", "truncated", "END-ISO-10303-21"});
  const std::string cut_iges = dir.write("cut.igs", iges_text.substr(0, iges_text.size() / 2));
  test::check_refused(cut_iges, {"IGES", "truncated", "terminate"});
  const std::string empty =
      dir.write("empty.step",
                "ISO-10303-21;\nHEADER;\nFILE_DESCRIPTION((''),'2;1');\nFILE_NAME('','',(''),(''),'','','');\n"
                "FILE_SCHEMA(('AUTOMOTIVE_DESIGN'));\nENDSEC;\nDATA;\nENDSEC;\nEND-ISO-10303-21;\n");
  test::check_refused(empty, {"STEP", "hold"});
  const std::string damaged =
      dir.write("damaged.step", "ISO-10303-21;\nHEADER;\n(((\x01\x02)\nDATA;\n#1=;\nEND-ISO-10303-21;\n");
  test::check_refused(damaged, {"STEP"});
  const std::string foreign = dir.write("stl.step", "solid a\nfacet normal 0 0 1\nouter loop\n");
  test::check_refused(foreign, {"extension '.step' says STEP", "STL"});
  const std::string nothing = dir.write("text.stp", "some words\n");
  test::check_refused(nothing, {"extension '.stp' says STEP", "does not begin like one"});
  for (const auto format : {CadFormat::step, CadFormat::iges}) {
    const std::string curves = dir.file(format == CadFormat::step ? "curves.step" : "curves.igs");
    test::write_curves(curves, format);
    test::check_refused(curves, {"no faces", "1 curve"});
  }
  // A face whose surface is gone is said to be missing.
  std::string holed = step_text;
  const std::size_t plane = holed.find("PLANE(");
  REQUIRE(plane != std::string::npos);
  holed.replace(plane, 6, "PLUNE(");
  mesh_io::ReadReport cad;
  mesh_io::read_surface(dir.write("holed.step", holed), 1.0, {}, &cad);
  REQUIRE(cad.warnings.size() == 1);
  CHECK(cad.warnings[0].find("faces of the file were understood") != std::string::npos);
}

TEST_CASE("the sample STEP is the 25-degree Ahmed body, closed") {
  const auto mesh =
      mesh_io::read_surface(STREAMTUBE_SOURCE_DIR "/data_samples/geometries/ahmed_25deg.step");
  const auto report = geometry::report(mesh, true);
  CHECK(report.watertight);
  CHECK(report.outward);
  CHECK(report.self_intersections == 0);
  const Vec3 low{0, -0.1945, 0.05}, high{1.044, 0.1945, 0.338};
  for (int a = 0; a < 3; ++a) {
    CHECK(report.bounds.low[a] == Approx(low[a]).margin(1e-9));
    CHECK(report.bounds.high[a] == Approx(high[a]).margin(1e-9));
  }
  // Of the sample STL of the same body.
  CHECK(report.area == Approx(1.52641).epsilon(1e-3));
  CHECK(report.volume == Approx(0.11075).epsilon(1e-3));
}
