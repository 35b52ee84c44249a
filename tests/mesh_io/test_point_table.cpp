// Tables of points and values at them, as STAR-CCM+, Fluent and ParaView write them.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>

#include "mesh_io/point_table.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"

using namespace streamtube;
using Catch::Matchers::ContainsSubstring;
using mesh_io::PointTable;
using mesh_io::read_point_table;
using test::TempDir;

TEST_CASE("tables of points in the forms that programs write") {
  const TempDir dir;
  const std::vector<Vec3> points = {{1, 2, 3}, {-4, 0.5, 1e-3}};
  for (const char* text :
       {"1,2,3\n-4,0.5,1e-3\n", "x y z\n1 2 3\n-4 .5 0.001\n", "\xef\xbb\xbf# probes\r\n1;2;3\r\n-4;0.5;0.001\r\n",
        "\"Name\",\"Z [m]\",\"X [m]\",\"Y [m]\"\n\"a\",3,1,2\nb,0.001,-4,0.5\n",
        "\"Name\",x,y,z\n\"0,0,1:1,0,1:2\",1,2,3\nb,-4,0.5,0.001\n", "x\ty\tz\n1\t2\t3\n-4\t0.5\t0.001\n",
        "X (mm),Y (mm),Z (mm)\n1000,2000,3000\n-4000,500,1\n",
        "p,Points:0,Points:1,Points:2\n9,1,2,3\n9,-4,0.5,0.001\n"}) {
    CAPTURE(text);
    const PointTable table = read_point_table(dir.write("p.csv", text));
    REQUIRE(table.points.size() == 2);
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t a = 0; a < 3; ++a) CHECK(std::abs(table.points[i][a] - points[i][a]) < 1e-12);
    CHECK(table.unit_stated == (std::string(text).find("m]") != std::string::npos || text[0] == 'X'));
  }
  const auto refused = [&](const char* text) {
    return test::message_of([&] { read_point_table(dir.write("p.csv", text)); });
  };
  CHECK_THAT(refused("1,2,3\n1,2\n"), ContainsSubstring("p.csv', line 2: its z is missing"));
  CHECK_THAT(refused("1,2,3\n1,two,3\n"), ContainsSubstring("line 2: its y is 'two', no number"));
  CHECK_THAT(refused("1,2,nan\n"), ContainsSubstring("line 1: its z is 'nan', no number"));
  CHECK_THAT(refused("a,b,c\n1,2,3\n"), ContainsSubstring("names no columns x, y and z"));
  CHECK_THAT(refused("x,y,z,pressure\n1,2,3,high\n"), ContainsSubstring("line 2: its pressure is 'high', no number"));
  CHECK_THAT(refused("x,y,z\n"), ContainsSubstring("no points"));
}

TEST_CASE("values at points in the names of STAR-CCM+, Fluent and ParaView") {
  const TempDir dir;
  const auto read = [&](const char* text) { return read_point_table(dir.write("v.csv", text)); };
  const auto field = [](const PointTable& table, const std::string& name) {
    for (const auto& f : table.fields)
      if (f.name == name) return f.values;
    FAIL("no field " << name);
    return std::vector<float>();
  };
  PointTable table = read(
      "\"Pressure (Pa)\",\"Wall Shear Stress[i] (Pa)\",\"Wall Shear Stress[j] (Pa)\",\"Wall Shear Stress[k] (Pa)\","
      "\"Temperature (K)\",\"X (m)\",\"Y (m)\",\"Z (m)\"\n-5,1,2,3,300,0.1,0.2,0.3\n");
  CHECK(table.points[0] == Vec3{0.1, 0.2, 0.3});
  CHECK(field(table, "pressure") == std::vector<float>{-5});
  CHECK(field(table, "wall_shear_stress") == std::vector<float>{1, 2, 3});
  CHECK(table.not_taken == std::vector<std::string>{"Temperature (K)"});

  table = read(
      "nodenumber,    x-coordinate,    y-coordinate,    z-coordinate,        pressure,velocity-magnitude,      "
      "x-velocity,      y-velocity,      z-velocity,pressure-coefficient,x-wall-shear\n"
      "1, 1.0, 2.0, 3.0, 7.5, 30, 29, -1, 0.5, 0.25, 4\n");
  CHECK(table.points[0] == Vec3{1, 2, 3});
  CHECK(field(table, "velocity") == std::vector<float>{29, -1, 0.5});
  CHECK(field(table, "Cp") == std::vector<float>{0.25});
  CHECK(table.fields.size() == 3);  // of the shear there is one component alone
  CHECK_THAT(table.not_taken.back(), ContainsSubstring("wall_shear_stress"));

  table = read(
      "\"velocity:0\",\"velocity:1\",\"velocity:2\",\"pressure\",\"Points:0\",\"Points:1\",\"Points:2\"\n1,2,3,4,5,6,"
      "7\n");
  CHECK(field(table, "velocity") == std::vector<float>{1, 2, 3});
  table = read("sample,x [m],y [m],z [m],pressure,velocity_x,velocity_y,velocity_z,Cp\n\"a,b\",1,2,3,4,5,6,7,8\n");
  CHECK(field(table, "velocity") == std::vector<float>{5, 6, 7});
  CHECK(table.unit_stated);
}
