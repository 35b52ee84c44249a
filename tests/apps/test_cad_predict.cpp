// CAD files through the program: units of the results, what run.json says, refusals.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>

#include "core/json.hpp"
#include "mesh_io/mesh_io.hpp"
#include "tests/apps/program.hpp"
#include "tests/support/cad_shapes.hpp"

using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using json = core::Json;
using test::run_program;
using test::TempDir;

TEST_CASE("predict takes a STEP file and answers in its unit") {
  const TempDir dir;
  test::write_car(dir.file("car.step"), test::CadFormat::step, "MM");
  const auto r = run_program(dir, {"predict", "car.step", "--volume", "none", "--deviation", "1e-3"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  CHECK_THAT(r.err, ContainsSubstring("STEP in mm, 3 solids, 12 faces"));
  CHECK_THAT(r.out, ContainsSubstring("axle/wheel_2 "));
  const json run = core::parse_json(test::content(dir.file("car_streamtube/run.json")));
  REQUIRE(run["cad"].size() == 1);
  CHECK(run["cad"][0]["deviation_m"] == 1e-3);
  CHECK(run["parts"][0]["colour"] == "#FF0000");
  CHECK(run["parts"][1]["role"] == "wheels");
  const json forces = core::parse_json(test::content(dir.file("car_streamtube/forces.json")));
  CHECK(forces["reference"]["length_m"].get<double>() == Approx(1));
  CHECK(forces["patches"]["body"]["area_m2"].get<double>() == Approx(test::kCarBoxArea));
  // Millimetres in, millimetres out.
  CHECK(mesh_io::read_surface(dir.file("car_streamtube/surface.vtp")).bounds().high[0] == Approx(1000));

  const auto inspected = run_program(dir, {"inspect", "car.step", "--json"});
  REQUIRE(inspected.code == 0);
  CHECK(core::parse_json(inspected.out)["cad"]["unit"] == "mm");
}

TEST_CASE("a broken CAD file ends in one error and leaves nothing") {
  const TempDir dir;
  test::write_car(dir.file("car.step"), test::CadFormat::step, "MM");
  std::string text = test::content(dir.file("car.step"));
  dir.write("cut.step", text.substr(0, 3000));
  const auto cut = run_program(dir, {"predict", "cut.step"});
  CHECK(cut.code == 3);
  CHECK(cut.out.empty());
  CHECK_THAT(cut.err, ContainsSubstring("truncated") && ContainsSubstring("hint"));
  dir.write("garbage.step", text.substr(0, 3000) + "END-ISO-10303-21;\n");
  const auto garbage = run_program(dir, {"predict", "garbage.step"});
  INFO(garbage.err);
  CHECK(garbage.code == 3);
  CHECK(garbage.out.empty());
  CHECK(!std::filesystem::exists(dir.file("cut_streamtube")));
  CHECK(!std::filesystem::exists(dir.file("garbage_streamtube")));
}
