// Bodies in pieces from the outside: names, roles, the ground, forces of the parts.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>

#include "apps/cli/parts.hpp"
#include "core/json.hpp"
#include "geometry/parts.hpp"
#include "geometry/surface_report.hpp"
#include "mesh_io/mesh_io.hpp"
#include "tests/apps/program.hpp"
#include "tests/geometry/shapes.hpp"

using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using json = core::Json;
using test::run_program;
using test::TempDir;

namespace {

// A body on two wheels at the built-in model's place; the wheels reach `below` under its ground, z = 0.
geometry::SurfaceMesh car(double below, bool ground) {
  geometry::SurfaceMesh mesh;
  geometry::append(mesh, test::box_mesh({0, -0.19, 0.05}, {1.03, 0.19, 0.33}, 4), "body");
  geometry::append(mesh, test::box_mesh({0.2, -0.15, -below}, {0.3, 0.15, 0.04}, 2), "Front_Wheel");
  geometry::append(mesh, test::box_mesh({0.7, -0.15, -below}, {0.8, 0.15, 0.04}, 2), "rear/tyre");
  if (ground) geometry::append(mesh, test::box_mesh({-1, -0.8, -0.001}, {3, 0.8, 0}, 2), "ground");
  return mesh;
}

}  // namespace

TEST_CASE("forces of the parts are in forces.json and in the table, and add up") {
  const TempDir dir;
  mesh_io::write_vtp(dir.file("car.vtp"), car(0, true));
  const auto r = run_program(dir, {"predict", "car.vtp", "--volume", "none", "--part", "cabin=bod?", "--save-body"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  CHECK_THAT(r.err, ContainsSubstring("the ground is no part of the body: 'ground' with 48 faces is left out"));
  CHECK_THAT(r.out, ContainsSubstring("Front_Wheel  ") && ContainsSubstring("rear/tyre  "));
  const json forces = core::parse_json(test::content(dir.file("car_streamtube/forces.json")));
  const json& patches = forces["patches"];
  REQUIRE(patches.size() == 3);
  // The wheels tell the axles: x 0.25 and 0.75; lift and moment about any point of the road give the same two forces.
  const auto total = [&](const char* name) { return forces["coefficients"][name]["total"].get<double>(); };
  CHECK(forces["reference"]["wheelbase_m"].get<double>() == Approx(0.5));
  CHECK(total("Clf") + total("Clr") == Approx(total("Cl")));
  const double length = forces["reference"]["length_m"], center = forces["reference"]["moment_center_m"][0];
  // Moments about the rear axle's contact: nose up.
  CHECK(total("Clf") * 0.5 == Approx(total("Cm_pitch") * length - (center - 0.75) * total("Cl")).margin(1e-9));
  CHECK_THAT(r.out, ContainsSubstring("Clf  ") && ContainsSubstring("Clr  "));
  CHECK(patches["body"]["role"] == "cabin");
  CHECK(patches["Front_Wheel"]["role"] == "wheels");
  CHECK(patches["rear/tyre"]["role"] == "wheels");
  // Of the wheels, what stands on the ground has no part in the forces.
  CHECK(patches["Front_Wheel"]["area_m2"].get<double>() == Approx(0.1 * 0.3 + 2 * (0.1 * 0.04 + 0.3 * 0.04)));
  for (const char* name : {"Cd", "Cl", "Cs"})
    for (const char* part : {"total", "pressure", "friction"}) {
      double sum = 0;
      for (const auto& patch : patches) sum += patch[name][part].get<double>();
      CHECK(sum == Approx(forces["coefficients"][name][part].get<double>()).margin(1e-12));
    }
  double drag = 0;
  for (const auto& patch : patches) drag += patch["drag_N"].get<double>();
  CHECK(drag == Approx(forces["forces_N"]["drag"]["total"].get<double>()));
  CHECK(forces["reference"]["length_m"].get<double>() == Approx(1.03));
  // The body as it was computed: three closed pieces, without the ground, where the file has them.
  const geometry::SurfaceMesh body = mesh_io::read_surface(dir.file("car_streamtube/body.vtp"));
  CHECK(geometry::report(body).watertight);
  CHECK(body.patch_names == std::vector<std::string>{"body", "Front_Wheel", "rear/tyre"});
  CHECK(body.bounds().low[2] == Approx(0).margin(1e-9));
  CHECK(body.bounds().high[0] == Approx(1.03));

  const json run = core::parse_json(test::content(dir.file("car_streamtube/run.json")));
  REQUIRE(run["parts"].size() == 4);
  CHECK(run["parts"][3]["role"] == "ground");
  CHECK(run["parts"][3]["left_out"] == true);
  CHECK(run["parts"][0]["faces"] == 192);
  CHECK(run["options"]["part"] == json::array({"cabin=bod?"}));
  // The parts' names travel to ParaView.
  const auto surface = mesh_io::read_surface(dir.file("car_streamtube/surface.vtp"));
  CHECK(surface.patch_names == std::vector<std::string>{"body", "Front_Wheel", "rear/tyre"});
  CHECK(surface.face_count() == 192 + 48 + 48);
  CHECK(surface.bounds().low[0] == 0);
}

TEST_CASE("wheels in their contact patch are cut and closed at the ground; what is deeper only by --cut-ground") {
  const TempDir dir;
  const auto predict = [&](double below, std::vector<std::string> more) {
    mesh_io::write_vtp(dir.file("car.vtp"), car(below, false));
    std::vector<std::string> words = {"predict", "car.vtp", "--volume", "none", "--json", "--overwrite"};
    words.insert(words.end(), more.begin(), more.end());
    return run_program(dir, words);
  };
  const auto check_cut = [&](const test::Outcome& r) {
    INFO(r.err);
    REQUIRE(r.code == 0);
    CHECK_THAT(r.err, ContainsSubstring("closed over 2 contact patches of 0.06 m2 in all"));
    CHECK_THAT(r.err, !ContainsSubstring("repair (") && !ContainsSubstring("open"));
    const json patches = core::parse_json(r.out)["patches"];
    // Top and sides down to the ground; no floor.
    CHECK(patches["rear/tyre"]["area_m2"].get<double>() == Approx(0.1 * 0.3 + 2 * (0.1 + 0.3) * 0.04));
    const auto surface = mesh_io::read_surface(dir.file("car_streamtube/surface.vtp"));
    CHECK(std::abs(surface.bounds().low[2]) < 1e-12);
    std::size_t hidden = 0;
    for (const auto& a : surface.attributes)
      if (a.name == "hidden")
        for (std::size_t f = 0; f < surface.face_count(); ++f) {
          hidden += a.values[f] != 0;
          CHECK((a.values[f] != 0) == (surface.centroid(f)[2] < 1e-6));
        }
    CHECK(hidden > 0);
  };
  const auto little = predict(0.01, {});
  CHECK_THAT(little.err, ContainsSubstring("'Front_Wheel', 'rear/tyre' reach 0.01 m below the ground z = 0 m"));
  check_cut(little);
  const auto warned = predict(0.02, {});
  INFO(warned.err);
  REQUIRE(warned.code == 0);
  CHECK_THAT(warned.err, ContainsSubstring("('Front_Wheel', 'rear/tyre') reach below the model's ground z = 0") &&
                             ContainsSubstring("--cut-ground"));
  check_cut(predict(0.02, {"--cut-ground"}));
  const auto whole = predict(0.01, {"--repair", "none"});
  CHECK(whole.code == 0);
  CHECK_THAT(whole.err, ContainsSubstring("reach below the model's ground"));
}

TEST_CASE("a nameless ground is left out; patterns and deviations that mean nothing are told") {
  const TempDir dir;
  auto mesh = car(0, true);
  mesh.patch_names = {"a", "b", "c", "d"};
  mesh_io::write_vtp(dir.file("car.vtp"), mesh);
  const auto dry = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {"predict", "car.vtp", "--volume", "none", "--dry-run"};
    words.insert(words.end(), more.begin(), more.end());
    return run_program(dir, words);
  };
  const auto r = dry({"--part", "wings=*wing*"});
  INFO(r.err);
  CHECK(r.code == 0);
  CHECK_THAT(r.err, ContainsSubstring("48 faces ('d') from (-1, -0.8, -0.001) m") && ContainsSubstring("left out") &&
                        ContainsSubstring("--part wings=*wing* matches none of the parts: 'a', 'b', 'c', 'd'"));
  const auto named = dry({"--part", "ground=d"});
  CHECK(named.code == 0);
  CHECK_THAT(named.err, ContainsSubstring("'d' with 48 faces is left out") && !ContainsSubstring("lie flat"));
  CHECK_THAT(dry({"--part", "ground="}).err, !ContainsSubstring("left out"));
  CHECK(run_program(dir, {"predict", "car.vtp", "--part", "wheels"}).code == 2);
  CHECK(run_program(dir, {"predict", "car.vtp", "--deviation", "0"}).code == 2);
  CHECK(run_program(dir, {"predict", "car.vtp", "--deviation", "-1"}).code == 2);
  const auto all = run_program(dir, {"predict", "car.vtp", "--part", "ground=*"});
  CHECK(all.code == 3);
  CHECK_THAT(all.err, ContainsSubstring("belong to the ground"));
}

TEST_CASE("what is no whole car is told: a wind tunnel around it, half of it, its wheels alone") {
  const TempDir dir;
  const auto dry = [&](const geometry::SurfaceMesh& mesh, const std::vector<std::string>& more = {}) {
    mesh_io::write_vtp(dir.file("body.vtp"), mesh);
    std::vector<std::string> words = {"predict", "body.vtp", "--volume", "none", "--dry-run"};
    words.insert(words.end(), more.begin(), more.end());
    auto r = run_program(dir, words);
    INFO(r.err);
    return r;
  };
  auto tunnel = car(0, false);
  geometry::append(tunnel, test::box_mesh({-3, -1.5, 0}, {6, 1.5, 2}, 2), "room");
  const auto refused = dry(tunnel);
  CHECK(refused.code == 3);
  CHECK_THAT(refused.err, ContainsSubstring("('room')") && ContainsSubstring("wind tunnel") &&
                              ContainsSubstring("--part ground=NAME"));

  for (const bool open : {false, true}) {
    const auto whole = test::box_mesh({0, 0, 0.05}, {1.03, 0.19, 0.33}, 3);
    geometry::SurfaceMesh half;
    for (std::size_t f = 0; f < whole.face_count(); ++f)
      if (!open || whole.centroid(f)[1] > 1e-9)
        test::add_face(half, {whole.corner(f, 0), whole.corner(f, 1), whole.corner(f, 2)});
    const auto r = dry(half);
    CHECK(r.code == 0);
    CHECK_THAT(r.err, ContainsSubstring("if it is half a body, mirror it") &&
                          ContainsSubstring(open ? "an open rim of 12 edges" : "a flat side of 0.2884 m2"));
    const auto completed = dry(half, {"--mirror", "y"});
    CHECK(completed.code == 0);
    CHECK_THAT(completed.err, ContainsSubstring("completed by its mirror image at y = 0 m") &&
                                  ContainsSubstring("1.03 x 0.38 x 0.28 m") && !ContainsSubstring("half a body"));
  }
  CHECK_THAT(dry(car(0, false)).err, !ContainsSubstring("half a body"));

  geometry::SurfaceMesh wheels;
  geometry::append(wheels, test::box_mesh({0.2, -0.15, 0}, {0.3, 0.15, 0.3}, 2), "Front_Wheel");
  geometry::append(wheels, test::box_mesh({0.9, -0.15, 0}, {1.1, 0.15, 0.3}, 2), "rear/tyre");
  CHECK_THAT(dry(wheels).err, ContainsSubstring("all parts are wheels by their names ('Front_Wheel', 'rear/tyre')"));
}

TEST_CASE("numbers in single precision far from the origin are told, wherever the body is computed") {
  const TempDir dir;
  geometry::SurfaceMesh body = test::box_mesh({0, -0.19, 0.05}, {1.03, 0.19, 0.33}, 4);
  for (Vec3& p : body.points) p[0] += 1e6;
  mesh_io::write_stl(dir.file("far.stl"), body);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"inspect", "far.stl"}, {"predict", "far.stl", "--volume", "none", "--dry-run"}}) {
    const auto r = run_program(dir, words);
    INFO(r.err);
    CHECK_THAT(r.err, ContainsSubstring("single precision and so far from the origin (1e+06 m)"));
  }
}

TEST_CASE("files that fill the same space are variants, unless they are said to be parts") {
  const TempDir dir;
  mesh_io::write_stl(dir.file("v1.stl"), test::box_mesh({0, -0.19, 0.05}, {1.03, 0.19, 0.33}, 4));
  mesh_io::write_stl(dir.file("v2.stl"), test::box_mesh({0, -0.19, 0.05}, {1.03, 0.2, 0.34}, 4));
  mesh_io::write_stl(dir.file("fin.stl"), test::box_mesh({0.4, -0.01, 0.3}, {0.6, 0.01, 0.4}, 2));
  const auto variants = run_program(dir, {"repair", "v1.stl", "fin.stl", "v2.stl", "-o", "a.stl"});
  CHECK(variants.code == 2);
  CHECK_THAT(variants.err,
             ContainsSubstring("'v1.stl' and 'v2.stl' fill the same space") && ContainsSubstring("--parts"));
  CHECK(run_program(dir, {"repair", "v1.stl", "v2.stl", "--parts", "-o", "b.stl"}).code == 0);
  CHECK(run_program(dir, {"repair", "v1.stl", "fin.stl", "-o", "c.stl"}).code == 0);
}

TEST_CASE("roles go by whole names and by the names between slashes, whatever the case") {
  apps::PartOptions usual;
  usual.validate();
  CHECK(usual.role("Wheel_FL") == "wheels");
  CHECK(usual.role("car/axle 1/Tyre.3") == "wheels");
  CHECK(usual.role("door_mirror_left") == "mirrors");
  CHECK(usual.role("tunnel/Ground") == "ground");
  CHECK(usual.role("ground_plane") == "ground");
  CHECK(usual.role("background") == "");
  CHECK(usual.role("underbody") == "");
}

TEST_CASE("inspect takes several files as one body") {
  const TempDir dir;
  mesh_io::write_vtp(dir.file("a.vtp"), test::box_mesh({0, 0, 0}, {1, 1, 1}, 2));
  mesh_io::write_vtp(dir.file("wheel.vtp"), test::box_mesh({2, 0, 0}, {3, 1, 1}, 1));
  const auto r = run_program(dir, {"inspect", "a.vtp", "wheel.vtp", "--json"});
  REQUIRE(r.code == 0);
  const json out = core::parse_json(r.out);
  CHECK(out["faces"] == 48 + 12);
  CHECK(out["components"] == 2);
  CHECK(out["file"] == json::array({"a.vtp", "wheel.vtp"}));
  CHECK(out["parts"][1]["name"] == "wheel");
  CHECK(run_program(dir, {"inspect", "a.vtp", "missing.vtp"}).code == 3);
}

TEST_CASE("inspect tells parts and their roles") {
  const TempDir dir;
  mesh_io::write_vtp(dir.file("car.vtp"), car(0, true));
  const auto r = run_program(dir, {"inspect", "car.vtp", "--json"});
  REQUIRE(r.code == 0);
  const json parts = core::parse_json(r.out)["parts"];
  REQUIRE(parts.size() == 4);
  CHECK(parts[2]["name"] == "rear/tyre");
  CHECK(parts[2]["role"] == "wheels");
  CHECK(parts[3]["role"] == "ground");
  CHECK_THAT(run_program(dir, {"inspect", "car.vtp"}).out,
             ContainsSubstring("rear/tyre (48 faces") && ContainsSubstring("wheels)"));
}
