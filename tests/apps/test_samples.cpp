// Probes, lines and planes, and the centre line, from the outside.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <sstream>

#include "apps/cli/samples.hpp"
#include "mesh_io/mesh_io.hpp"
#include "tests/apps/program.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/message_of.hpp"

using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using test::run_program;
using test::TempDir;

namespace {

std::vector<std::vector<std::string>> table(const std::string& path) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream in(test::content(path));
  for (std::string line; std::getline(in, line);) {
    rows.emplace_back(1);
    bool quoted = false;
    for (const char c : line)
      if (c == '"')
        quoted = !quoted;
      else if (c == ',' && !quoted)
        rows.back().emplace_back();
      else
        rows.back().back() += c;
  }
  return rows;
}

}  // namespace

TEST_CASE("probes and lines that are not in the flow are counted, planes are not") {
  const TempDir dir;
  mesh_io::write_stl(dir.file("body.stl"), test::box_mesh({0, -0.19, 0.05}, {1.03, 0.19, 0.33}, 8));
  dir.write("probes.csv", "0.5,0,0.2\n0.5,0,-0.1\n1.5,0,0.2\n");
  const auto r = run_program(dir, {"predict", "body.stl", "--volume", "none", "--probes", "probes.csv", "--line",
                                   "0.2,0,0.2:0.4,0,0.2:2", "--plane", "x=0.5:0.1", "--out", "o"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  CHECK_THAT(r.err, ContainsSubstring("3 of the 5 points of --probes and --line lie within the body, 1 beneath"));
  CHECK_THAT(test::content(dir.file("o/forces.json")), ContainsSubstring("3 of the 5 points of --probes"));
}

TEST_CASE("samples are the fields at their places, in the frame and unit of the body") {
  const TempDir dir;
  // A body in millimetres whose flow is along its -y: x of the file is y of the flow.
  geometry::SurfaceMesh body = test::box_mesh({0, -0.19, 0.05}, {1.03, 0.19, 0.33}, 8);
  for (Vec3& p : body.points) p = {1000 * p[1], -1000 * p[0], 1000 * p[2]};
  mesh_io::write_stl(dir.file("body.stl"), body);
  dir.write("probes.csv", "0,500,150\n0,-1500,100\n");
  const auto r = run_program(dir, {"predict", "body.stl", "--unit", "mm", "--flow-direction=-y", "--volume", "none",
                                   "--threads", "1", "--probes", "probes.csv", "--line", "0,-1.5,0.1:0,-1.5,0.5:3",
                                   "--plane", "y=-1.5:0.1", "--derive", "divergence", "--out", "o"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  const auto rows = table(dir.file("o/samples.csv"));
  REQUIRE(rows.size() == 1 + 2 + 3);
  CHECK(rows[0][1] == "x [mm]");
  const auto column = [&](const std::string& name) {
    for (std::size_t i = 0; i < rows[0].size(); ++i)
      if (rows[0][i] == name) return i;
    FAIL("no column " << name);
    return std::size_t{0};
  };
  const auto at = [&](std::size_t row, const std::string& name) { return std::stod(rows[row][column(name)]); };
  CHECK(at(1, "y [mm]") == Approx(500));
  CHECK(at(2, "y [mm]") == Approx(-1500));
  CHECK(at(4, "z [mm]") == Approx(300));
  // Upstream of the nose the flow is along -y of the file; a probe and the line's first point are the same place.
  CHECK(at(1, "velocity_y") < 0);
  CHECK(std::abs(at(1, "velocity_x")) < 0.2 * std::abs(at(1, "velocity_y")));
  CHECK(at(2, "velocity_y") == Approx(at(3, "velocity_y")).epsilon(1e-4));
  for (std::size_t row = 1; row < rows.size(); ++row) {
    const double u[3] = {at(row, "velocity_x"), at(row, "velocity_y"), at(row, "velocity_z")};
    CHECK(at(row, "Cp_total") ==
          Approx(at(row, "Cp") + (u[0] * u[0] + u[1] * u[1] + u[2] * u[2]) / (15.0 * 15)).epsilon(1e-4));
    CHECK(std::isfinite(at(row, "divergence")));
  }
  const auto mesh = mesh_io::read_volume(dir.file("o/samples.vtu"));
  CHECK(mesh.types.front() == 1);
  CHECK(mesh.types.back() == 9);
  for (std::size_t i = 5; i < mesh.points.size(); ++i) CHECK(mesh.points[i][1] == Approx(-1500));

  const auto line = table(dir.file("o/centre_line.csv"));
  REQUIRE(line.size() > 20);
  std::size_t upper = 0;
  for (std::size_t i = 1; i < line.size(); ++i) {
    CHECK(std::stod(line[i][2]) == Approx(0).margin(1e-3));  // in the middle
    upper += line[i][0] == "upper";
    if (line[i][0] == "upper") CHECK(std::stod(line[i][4]) > 49);
  }
  CHECK(upper > 8);
}

TEST_CASE("samples that cannot be are told, and nothing is left") {
  const TempDir dir;
  mesh_io::write_stl(dir.file("body.stl"), test::box_mesh({0, -0.19, 0.05}, {1.03, 0.19, 0.33}, 4));
  const auto fails = [&](const std::vector<std::string>& more, int code, const char* says) {
    std::vector<std::string> words = {"predict", "body.stl", "--volume", "none", "--out", "o"};
    words.insert(words.end(), more.begin(), more.end());
    const auto r = run_program(dir, words);
    CHECK(r.code == code);
    CHECK_THAT(r.err, ContainsSubstring(says));
    CHECK(!std::filesystem::exists(dir.file("o")));
  };
  fails({"--line", "0,0,0:1,1:5"}, 2, "is not X,Y,Z:X,Y,Z:N");
  fails({"--line", "0,0,0:1,1,1:1"}, 2, "is not X,Y,Z:X,Y,Z:N");
  fails({"--plane", "w=1"}, 2, "is not AXIS=PLACE");
  fails({"--plane", "x=1:1e-9"}, 2, "give a larger step");
  fails({"--probes", "none.csv"}, 3, "there is no file 'none.csv'");
  dir.write("bad.csv", "1,2\n");
  fails({"--probes", "bad.csv"}, 3, "bad.csv', line 1");
}
