#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <filesystem>
#include <set>

#include "mesh_io/mesh_io.hpp"
#include "solver/sweep/design_space.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"

using namespace streamtube;
using namespace streamtube::solver;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using test::message_of;
using test::TempDir;

namespace {

SweepPlan plan_of(const TempDir& dir, const std::string& space, bool sample = true) {
  return read_plan({dir.write("space.json", space)}, sample);
}
std::string refusal(const TempDir& dir, const std::string& space) {
  return message_of([&] { plan_of(dir, space); });
}

// A space over a box of 1 x 1 x 1 m; `rest`: what follows the baseline.
std::string space_of(const std::string& rest) { return "{\"baseline\": \"cube.stl\", " + rest + "}"; }
const std::string kMorph =
    "\"morphs\": [{\"stretch\": {\"axis\": \"x\", \"from\": 0.2, \"to\": 0.8, \"by\": \"longer\"}}]";
const std::string kLonger = "\"parameters\": {\"longer\": {\"min\": -0.1, \"max\": 0.3}}";

void write_cube(const TempDir& dir) { mesh_io::write_stl(dir.file("cube.stl"), test::unit_cube(4)); }

}  // namespace

TEST_CASE("a folder's geometry files are its designs, in natural order") {
  const TempDir dir;
  std::filesystem::create_directory(dir.file("bodies"));
  for (const char* name : {"run_10.stl", "run_2.STL", "run_1.stl", "notes.txt", ".hidden.stl"})
    dir.write(std::string("bodies/") + name, "x");
  const auto plan = read_plan({dir.file("bodies")});
  REQUIRE(plan.designs.size() == 3);
  CHECK(plan.designs[0].name == "run_1");
  CHECK(plan.designs[1].name == "run_2");
  CHECK(plan.designs[2].name == "run_10");
  CHECK(plan.designs[2].files == std::vector<std::string>{dir.file("bodies/run_10.stl")});

  // A link to nothing is listed, and fails when it is read.
  std::filesystem::create_symlink("gone.stl", dir.file("bodies/zz.stl"));
  CHECK(read_plan({dir.file("bodies")}).designs.back().name == "zz");
  dir.write("bodies/m\xfcller.stl", "x");
  CHECK_THAT(message_of([&] { read_plan({dir.file("bodies")}); }), ContainsSubstring("the name is not in UTF-8"));
  std::filesystem::remove(dir.file("bodies/m\xfcller.stl"));

  dir.write("bodies/run_1.obj", "x");
  CHECK_THAT(message_of([&] { read_plan({dir.file("bodies")}); }), ContainsSubstring("two designs are called 'run_1'"));
  std::filesystem::create_directory(dir.file("empty"));
  CHECK_THAT(message_of([&] { read_plan({dir.file("empty")}); }), ContainsSubstring("holds no geometry files"));
  CHECK_THAT(message_of([&] { read_plan({dir.file("nothing")}); }), ContainsSubstring("there is no file or folder"));
  CHECK_THAT(message_of([&] { read_plan({dir.file("bodies/run_10.stl"), dir.file("bodies")}); }),
             ContainsSubstring("cannot stand among others"));
}

TEST_CASE("a table names files, conditions and other parameters") {
  const TempDir dir;
  const auto plan = read_plan({dir.write("t.csv",
                                         "\xef\xbb\xbfname, file, velocity, slant\r\n# a remark\r\n\"a, b\",x.stl,20,\n"
                                         "c,\"y.stl|z.stl\",,12.5\n")});
  REQUIRE(plan.designs.size() == 2);
  CHECK(plan.designs[0].name == "a, b");
  CHECK(plan.value(plan.designs[0], "velocity") == 20);
  CHECK_FALSE(plan.value(plan.designs[0], "slant"));
  CHECK(plan.designs[1].files == std::vector<std::string>{dir.file("y.stl"), dir.file("z.stl")});
  CHECK(plan.value(plan.designs[1], "slant") == 12.5);
  CHECK(plan.parameters[1].min == 12.5);

  // The same file under several conditions needs no names.
  const auto same = read_plan({dir.write("s.csv", "file;velocity\nx.stl;10\nx.stl;20\n")});
  CHECK(same.designs[0].name == "x_1");
  CHECK(same.designs[1].name == "x_2");

  const auto refused = [&](const std::string& text) {
    return message_of([&] { read_plan({dir.write("t.csv", text)}); });
  };
  CHECK_THAT(refused(""), ContainsSubstring("is empty"));
  CHECK_THAT(refused("name,velocity\na,1\n"), ContainsSubstring("no column 'file'"));
  CHECK_THAT(refused("file,velocity\n"), ContainsSubstring("there are no designs"));
  CHECK_THAT(refused("file,velocity\nx.stl,fast\n"), ContainsSubstring("line 2: velocity: 'fast' is not a number"));
  CHECK_THAT(refused("file,velocity\nx.stl,nan\n"), ContainsSubstring("is not a number"));
  CHECK_THAT(refused("file,velocity\nx.stl,-3\n"), ContainsSubstring("is not positive"));
  CHECK_THAT(refused("file,velocity\nx.stl\n"), ContainsSubstring("line 2: 1 fields, but the table has 2 columns"));
  CHECK_THAT(refused("name,file\na,x.stl\nA,y.stl\n"),
             ContainsSubstring("line 2 and '") && ContainsSubstring("line 3"));
  CHECK_THAT(refused("name,file\n../a,x.stl\n"), ContainsSubstring("cannot be the name of a design"));
  CHECK_THAT(refused("file,file\nx,y\n"), ContainsSubstring("'file' would be a second column 'file'"));
}

TEST_CASE("columns of a table are told apart as those of the results are") {
  const TempDir dir;
  const auto read = [&](const std::string& header) {
    return read_plan({dir.write("t.csv", header + "\nx.stl,20,1\n")});
  };
  const auto plan = read("File,Velocity,Slant");
  CHECK(plan.value(plan.designs[0], "velocity") == 20);
  CHECK(plan.value(plan.designs[0], "Slant") == 1);
  const auto refused = [&](const std::string& header, const std::string& what) {
    CHECK_THAT(message_of([&] { read(header); }), ContainsSubstring("line 1: ") && ContainsSubstring(what));
  };
  refused("file,velocity,VELOCITY", "'velocity' would be a second column 'velocity'");
  refused("file,Cd,given_Cd", "'given_Cd' would be a second column 'given_Cd'");
  refused("file,a/b,a_b", "'a_b' would be a second column 'a_b'");
  refused("file,geometry,x", "'geometry' would be a second column 'file'");
  CHECK_THAT(message_of([&] { read("file,H\xf6he,x"); }), ContainsSubstring("the table is not in UTF-8"));
  write_cube(dir);
  CHECK_THAT(refusal(dir, space_of("\"parameters\": {\"length\": 1, \"given_length\": 1}")),
             ContainsSubstring("two parameters would be the column 'given_length'"));
}

TEST_CASE("a longer sequence has the names of a shorter one") {
  const TempDir dir;
  write_cube(dir);
  const auto plan = [&](int count) {
    return plan_of(dir, space_of(kLonger + ", " + kMorph +
                                 ", \"sampling\": {\"method\": \"sobol\", \"count\": " + std::to_string(count) + "}"));
  };
  const auto few = plan(999), many = plan(1001);
  for (std::size_t i = 0; i < few.designs.size(); ++i) {
    if (few.designs[i].name == many.designs[i].name && few.designs[i].values == many.designs[i].values) continue;
    FAIL(few.designs[i].name << " is another design");
  }
  CHECK(many.designs.back().name == "design_1001");
}

TEST_CASE("rotations and designs of a table in a space") {
  const TempDir dir;
  write_cube(dir);
  const std::string space =
      "\"parameters\": {\"rake\": {\"min\": -2, \"max\": 2, \"start\": 0.5}, \"velocity\": 12}, \"morphs\": ["
      "{\"rotate\": {\"from\": [0, 0, 0], \"to\": [0, 1, 0], \"by\": \"2*rake\"}},"
      "{\"rotate\": {\"from\": [0, 0, 0], \"to\": [0, 1, 0], \"by\": 3, \"box\": [[0.5, -1, -1], [2, 2, 2]]}}],"
      "\"include_baseline\": false, \"designs\": \"doe.csv\"";
  dir.write("doe.csv", "\xef\xbb\xbf# a plan\nName;rake\nfirst;1.5\nsecond;\n");
  const auto plan = plan_of(dir, space_of(space));
  REQUIRE(plan.designs.size() == 2);
  CHECK(plan.designs[0].name == "first");
  CHECK(plan.designs[0].values == std::vector<double>{1.5, 12});
  CHECK(plan.designs[1].values == std::vector<double>{0.5, 12});
  auto body = test::unit_cube(4);
  body.file_unit = 0.001;
  for (Vec3& p : body.points) p = 0.001 * p;
  const auto morphs = morphs_of(plan, plan.designs[0], body);
  REQUIRE(morphs.size() == 2);
  const auto &rake = std::get<geometry::RotateMorph>(morphs[0]), &flap = std::get<geometry::RotateMorph>(morphs[1]);
  CHECK(rake.box.empty());
  CHECK(rake.angle == Approx(3 * std::acos(-1.0) / 180));
  CHECK(flap.box.high[0] == Approx(0.002));
  CHECK(flap.fading == geometry::Fading{0.25, 0, 0, 0, 0, 0});

  const auto refused = [&](const char* table) {
    dir.write("doe.csv", table);
    return message_of([&] { plan_of(dir, space_of(space)); });
  };
  CHECK_THAT(refused("rack\n1\n"), ContainsSubstring("doe.csv': line 1: there is no parameter 'rack'"));
  CHECK_THAT(refused("rake\n1\n3\n"), ContainsSubstring("line 3: rake: 3 is outside of its bounds -2..2"));
  CHECK_THAT(refused("rake\nx\n"), ContainsSubstring("line 2: rake: 'x' is not a number"));
  CHECK_THAT(refused("rake,velocity\n1\n"), ContainsSubstring("line 2: 1 fields, but the table has 2 columns"));
  CHECK_THAT(refused("rake\n"), ContainsSubstring("no designs"));
}

TEST_CASE("spaces are sampled as a grid, a list, a sequence or a hypercube") {
  const TempDir dir;
  write_cube(dir);
  const std::string two =
      "\"parameters\": {\"longer\": {\"min\": 0, \"max\": 0.2, \"levels\": 3}, \"velocity\": {\"values\": [10, 30], "
      "\"start\": 10}}, " +
      kMorph;
  const auto grid = plan_of(dir, space_of(two + ", \"sampling\": {\"method\": \"grid\"}"));
  // The start 0 and 10 is one of the six.
  REQUIRE(grid.designs.size() == 6);
  CHECK(grid.designs[0].values == std::vector<double>{0, 10});
  CHECK(grid.designs[1].values == std::vector<double>{0, 30});
  CHECK(grid.designs[5].values == std::vector<double>{0.2, 30});

  const auto list =
      plan_of(dir, space_of(kLonger + ", " + kMorph + ", \"designs\": [{\"name\": \"long\", \"longer\": 0.3}]"));
  REQUIRE(list.designs.size() == 2);
  CHECK(list.designs[0].name == "baseline");
  CHECK(list.designs[0].values == std::vector<double>{0});
  CHECK(list.designs[1].name == "long");

  const auto sampled = [&](const std::string& method, int count) {
    return plan_of(dir,
                   space_of(kLonger + ", " + kMorph + ", \"include_baseline\": false, \"sampling\": {\"method\": \"" +
                            method + "\", \"count\": " + std::to_string(count) + ", \"seed\": 4}"));
  };
  const auto few = sampled("sobol", 8), many = sampled("sobol", 20);
  REQUIRE(many.designs.size() == 20);
  for (std::size_t i = 0; i < 8; ++i) {  // more designs leave those before as they are
    CHECK(few.designs[i].values == many.designs[i].values);
    CHECK(few.designs[i].name == many.designs[i].name);
    CHECK((few.designs[i].values[0] >= -0.1 && few.designs[i].values[0] <= 0.3));
  }
  CHECK(sampled("lhs", 8).designs.size() == 8);
  CHECK(many.designs[19].name == "design_020");

  std::set<std::string> identities;
  for (const auto& design : many.designs) identities.insert(many.identity(design));
  CHECK(identities.size() == 20);
}

TEST_CASE("morphs follow the parameters, in the unit of the file") {
  const TempDir dir;
  write_cube(dir);
  const auto plan = plan_of(
      dir, space_of("\"parameters\": {\"rise\": {\"min\": 0, \"max\": 0.2}, \"velocity\": 12}, \"morphs\": ["
                    "{\"lattice\": {\"box\": [[0.5, -1, -1], [2, 2, 2]], \"points\": [2, 2, 2], "
                    "\"move\": [{\"at\": [-1, \"*\", 1], \"by\": [0, 0, \"-0.5*rise\"]}]}},"
                    "{\"region\": {\"box\": [[0, 0, 0], [1, 1, 1]], \"scale\": [0, \"2*rise\", 0], \"fade\": 0}}],"
                    "\"designs\": [{\"rise\": 0.2}], \"include_baseline\": false"));
  auto body = test::unit_cube(4);
  body.file_unit = 0.001;
  for (Vec3& p : body.points) p = 0.001 * p;
  const auto morphs = morphs_of(plan, plan.designs[0], body);
  REQUIRE(morphs.size() == 2);
  const auto& lattice = std::get<geometry::LatticeMorph>(morphs[0]);
  CHECK(lattice.box.high[0] == Approx(0.002));
  CHECK(lattice.moved[0] == Vec3{0, 0, 0});
  CHECK(lattice.moved[7][2] == Approx(-0.0001));  // x 1, y 1, z 1
  CHECK(lattice.moved[5][2] == Approx(-0.0001));  // x 1, y 0, z 1
  CHECK(lattice.moved[4] == Vec3{0, 0, 0});
  // The cube goes on beyond the box at -x alone.
  CHECK(lattice.fading == geometry::Fading{0.25, 0, 0, 0, 0, 0});
  const auto& region = std::get<geometry::RegionMorph>(morphs[1]);
  CHECK(region.growth[1] == Approx(0.4));
  CHECK(region.about[0] == Approx(0.0005));

  const auto outside =
      plan_of(dir, space_of("\"parameters\": {\"rise\": {\"min\": 0, \"max\": 0.2}}, \"morphs\": [{\"region\": {"
                            "\"box\": [[5, 5, 5], [6, 6, 6]], \"shift\": [0, 0, \"rise\"]}}],"
                            "\"designs\": [{\"rise\": 0.2}]"));
  CHECK_THAT(message_of([&] { morphs_of(outside, outside.designs[0], test::unit_cube(4)); }),
             ContainsSubstring("morphs[0]: region: the box holds no point of the body"));
}

TEST_CASE("families of bodies take parameters by name") {
  const TempDir dir;
  const std::string ahmed = "{\"baseline\": {\"family\": \"ahmed\", \"clearance\": 0.06}, \"triangle\": 0.05, ";
  const auto plan = plan_of(dir, ahmed +
                                     "\"parameters\": {\"slant_angle\": {\"min\": 10, \"max\": 30}}, "
                                     "\"sampling\": {\"method\": \"sobol\", \"count\": 2}}");
  REQUIRE(plan.designs.size() == 3);
  CHECK(plan.designs[0].values == std::vector<double>{25});  // the standard body
  const auto body = generated_body(plan, plan.designs[0]);
  CHECK(body.bounds().low[2] == Approx(0.06));
  CHECK(body.bounds().size()[0] == Approx(1.044));
  CHECK_THAT(refusal(dir, ahmed + "\"parameters\": {\"slant\": {\"min\": 1, \"max\": 2}}, \"sampling\": {\"method\": "
                                  "\"sobol\", \"count\": 2}}"),
             ContainsSubstring("parameters: slant: this parameter is used nowhere"));
  CHECK_THAT(refusal(dir, "{\"baseline\": {\"family\": \"bus\"}, \"parameters\": {\"a\": 1}}"),
             ContainsSubstring("baseline: family: there is no family 'bus'"));
}

TEST_CASE("what is wrong in a space is named with its place") {
  const TempDir dir;
  write_cube(dir);
  const std::string sobol = ", \"sampling\": {\"method\": \"sobol\", \"count\": 3}";
  const auto with = [&](const std::string& parameters, const std::string& rest) {
    return refusal(dir, space_of("\"parameters\": {" + parameters + "}, " + kMorph + rest));
  };
  CHECK_THAT(refusal(dir, "{"), ContainsSubstring("is not valid JSON"));
  CHECK_THAT(refusal(dir, "[1]"), ContainsSubstring("an object { } is expected"));
  CHECK_THAT(refusal(dir, space_of("\"parametres\": {}")), ContainsSubstring("there is no 'parametres' here"));
  CHECK_THAT(with("\"longer\": {\"min\": 0.3, \"max\": 0.1}", sobol),
             ContainsSubstring("parameters: longer: the bounds are inverted: min 0.3 is above max 0.1"));
  CHECK_THAT(with("\"longer\": {\"min\": 0, \"max\": \"x\"}", sobol),
             ContainsSubstring("longer: max: a number is expected"));
  CHECK_THAT(with("\"longer\": {\"min\": 0.1, \"max\": 0.2, \"start\": 0.3}", sobol),
             ContainsSubstring("outside of the bounds"));
  CHECK_THAT(with("\"longer\": {\"min\": 0, \"max\": 0.1}, \"other\": {\"min\": 0, \"max\": 1}", sobol),
             ContainsSubstring("other: this parameter is used nowhere"));
  CHECK_THAT(with("\"x\": {\"min\": 0, \"max\": 0.1}", sobol),
             ContainsSubstring("morphs[0]: stretch: by: there is no parameter 'longer'"));
  CHECK_THAT(with("\"longer\": {\"min\": 0, \"max\": 0.1}", ""), ContainsSubstring("neither 'sampling' nor 'designs'"));
  CHECK_THAT(with("\"longer\": {\"min\": 0, \"max\": 0.1}", ", \"sampling\": {\"method\": \"sobol\", \"count\": 0}"),
             ContainsSubstring("there are no designs"));
  CHECK_THAT(
      with("\"longer\": {\"min\": 0, \"max\": 0.1}", ", \"sampling\": {\"method\": \"lhs\", \"count\": 1000000000}"),
      ContainsSubstring("more than 1000000 designs"));
  CHECK_THAT(with("\"longer\": {\"min\": 0, \"max\": 0.1, \"levels\": 100000}, \"velocity\": {\"min\": 1, \"max\": 2, "
                  "\"levels\": 10000}",
                  ", \"sampling\": {\"method\": \"grid\"}"),
             ContainsSubstring("the grid has 1e+09 designs"));
  CHECK_THAT(with("\"longer\": {\"min\": 0, \"max\": 0.1}", ", \"sampling\": {\"method\": \"grid\"}"),
             ContainsSubstring("a grid needs its 'levels'"));
  CHECK_THAT(with("\"longer\": {\"min\": 0, \"max\": 0.1}", ", \"designs\": [{\"longer\": 0.5}]"),
             ContainsSubstring("designs[0]: longer: 0.5 is outside of its bounds 0..0.1"));
  CHECK_THAT(with("\"longer\": {\"min\": 0, \"max\": 0.1}",
                  ", \"designs\": [{\"name\": \"a\", \"longer\": 0.1}, {\"name\": \"a\", \"longer\": 0.05}]"),
             ContainsSubstring("two designs are called 'a'"));
  CHECK_THAT(
      refusal(
          dir,
          space_of(kLonger +
                   ", \"morphs\": [{\"region\": {\"box\": [[1, 0, 0], [0, 1, 1]], \"shift\": [\"longer\", 0, 0]}}]")),
      ContainsSubstring("box: the box is inverted: x runs from 1 to 0"));
  CHECK_THAT(refusal(dir, "{\"baseline\": \"none.stl\", " + kLonger + "}"), ContainsSubstring("there is no file"));
  CHECK_THAT(message_of([&] { plan_of(dir, space_of(kLonger + ", " + kMorph), false); }),
             ContainsSubstring("there is no 'objective'"));
  CHECK_THAT(message_of([&] {
               plan_of(dir,
                       space_of(kLonger + ", " + kMorph +
                                ", \"objective\": \"Cd\", \"constraints\": [{\"quantity\": \"Cl\", "
                                "\"min\": 1, \"max\": 0}]"),
                       false);
             }),
             ContainsSubstring("constraints[0]: the bounds are inverted"));
  CHECK_THAT(message_of([&] {
               plan_of(dir, space_of(kLonger + ", " + kMorph + ", \"objective\": {\"Cd\": 0, \"Cl\": 0}"), false);
             }),
             ContainsSubstring("objective: all weights are 0"));
}
