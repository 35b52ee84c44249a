#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <filesystem>

#include "core/json.hpp"
#include "mesh_io/layouts/table_layout.hpp"
#include "mesh_io/mesh_io.hpp"
#include "tests/apps/sweep_case.hpp"
#include "tests/mesh_io/layouts/foam_case.hpp"
#include "tests/support/tiny_dataset.hpp"

using namespace streamtube;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using core::Json;
using geometry::Association;
using test::run_program;
using test::TempDir;

namespace {

// The sample of a solved body with its pressure multiplied and its faces in another order.
geometry::SurfaceMesh sample(float factor, bool reorder) {
  geometry::SurfaceMesh mesh = mesh_io::read_surface(std::string(STREAMTUBE_SOURCE_DIR) +
                                                     "/data_samples/cfd_cases/ahmed_18deg_run_2/surface.vtp");
  for (auto& a : mesh.attributes)
    if (a.name == "pressure")
      for (float& x : a.values) x *= factor;
  if (!reorder) return mesh;
  geometry::SurfaceMesh out = mesh;
  out.corners.clear(), out.offsets = {0};
  const std::size_t n = mesh.face_count();
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t f = n - 1 - i;
    out.corners.insert(out.corners.end(), mesh.corners.begin() + mesh.offsets[f],
                       mesh.corners.begin() + mesh.offsets[f + 1]);
    out.offsets.push_back(static_cast<std::int64_t>(out.corners.size()));
    out.patch[i] = mesh.patch[f];
    for (std::size_t k = 0; k < mesh.attributes.size(); ++k) {
      const auto c = static_cast<std::size_t>(mesh.attributes[k].components);
      if (mesh.attributes[k].association == Association::faces)
        std::copy_n(&mesh.attributes[k].values[f * c], c, &out.attributes[k].values[i * c]);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("errors of compare are those of evaluate for the same case") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  REQUIRE(run_program(dir, test::tiny_training("run", {"updates=3"})).code == 0);
  auto r = run_program(dir, {"evaluate", "--data", "d.h5", "--model", "run/last.h5", "--split", "test", "--predictions",
                             "predicted", "--json"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  const Json evaluation = core::parse_json(r.out);
  for (const Json& c : evaluation["cases"]) {
    const std::string name = c["name"];
    r = run_program(dir, {"compare", "predicted:" + name, "d.h5:" + name, "--json"});
    INFO(r.err);
    REQUIRE(r.code == 0);
    const Json fields = core::parse_json(r.out)["fields"];
    REQUIRE(c["relative_l2"].size() == 5);
    for (const auto& [field, error] : c["relative_l2"].items())
      CHECK_THAT(fields[field]["relative_l2"].get<double>(), WithinRel(error.get<double>(), 1e-5));
    CHECK(fields["surface/pressure"]["interpolated"] == false);
  }
  CHECK(run_program(dir, {"compare", "predicted:case_99", "d.h5:1"}).code == 3);
  const std::string first = evaluation["cases"][0]["name"];
  r = run_program(dir, {"compare", "predicted:" + first, "d.h5:" + first, "--out", "points", "--picture"});
  CHECK_THAT(r.err, ContainsSubstring("no picture") || ContainsSubstring("OpenGL"));
}

TEST_CASE("differences of meshes in another order and of other meshes, with files and pictures") {
  const TempDir dir;
  mesh_io::write_vtp(dir.file("a.vtp"), sample(1.1f, true));
  mesh_io::write_vtp(dir.file("b.vtp"), sample(1.0f, false));
  auto r = run_program(dir, {"compare", "a.vtp", "b.vtp", "--out", "d", "--json"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  Json json = core::parse_json(r.out);
  CHECK_THAT(json["fields"]["surface/pressure"]["relative_l2"].get<double>(), WithinAbs(0.1, 1e-5));
  CHECK_THAT(json["fields"]["surface/wall_shear_stress"]["relative_l2"].get<double>(), WithinAbs(0, 1e-12));
  CHECK(json["fields"]["surface/pressure"]["interpolated"] == false);
  const double drag = json["forces_N"]["reference"]["drag"];
  CHECK_THAT(drag, WithinRel(0.2920462 * 0.0937271 * 112.5, 2e-3));
  const auto written = mesh_io::read_surface(dir.file("d/surface.vtp"));
  const auto& b = sample(1.0f, false);
  for (const auto& a : written.attributes)
    if (a.name == "pressure_difference")
      for (const auto& truth : b.attributes)
        if (truth.name == "pressure")
          for (std::size_t i = 0; i < a.values.size(); i += 101)
            REQUIRE_THAT(a.values[i], WithinAbs(0.1f * truth.values[i], 1e-4f));
  CHECK(run_program(dir, {"compare", "a.vtp", "b.vtp", "--out", "d"}).code == 2);
  CHECK(run_program(dir, {"compare", "a.vtp", "b.vtp", "--picture"}).code == 2);

  // Another mesh: every face cut in triangles. A field on faces stays the same but for the places.
  geometry::SurfaceMesh fine = sample(1.0f, false);
  const geometry::Triangles triangles = geometry::triangulate(fine);
  geometry::SurfaceMesh cut;
  cut.points = triangles.points, cut.offsets = {0}, cut.patch_names = {"body"};
  for (const auto& corners : triangles.corners) {
    cut.corners.insert(cut.corners.end(), corners.begin(), corners.end());
    cut.offsets.push_back(static_cast<std::int64_t>(cut.corners.size()));
    cut.patch.push_back(0);
  }
  for (const auto& a : fine.attributes)
    if (a.name == "pressure" && a.association == Association::faces) {
      cut.attributes.push_back({"pressure", Association::faces, 1, {}});
      for (const std::int64_t f : triangles.face)
        cut.attributes[0].values.push_back(a.values[static_cast<std::size_t>(f)]);
    }
  mesh_io::write_vtp(dir.file("cut.vtp"), cut);
  r = run_program(dir, {"compare", "b.vtp", "cut.vtp", "--json"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  json = core::parse_json(r.out);
  CHECK(json["fields"]["surface/pressure"]["interpolated"] == true);
  CHECK(json["fields"]["surface/pressure"]["relative_l2"].get<double>() < 0.1);  // warped faces at edges

  for (auto& p : cut.points) p[0] += 5;
  mesh_io::write_vtp(dir.file("away.vtp"), cut);
  r = run_program(dir, {"compare", "b.vtp", "away.vtp"});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("has nothing at") && ContainsSubstring("same body"));
  cut.attributes[0].name = "temperature";
  mesh_io::write_vtp(dir.file("other.vtp"), cut);
  r = run_program(dir, {"compare", "b.vtp", "other.vtp"});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("no field of the same name") && ContainsSubstring("temperature"));
  std::filesystem::create_directory(dir.file("empty"));
  CHECK_THAT(run_program(dir, {"compare", "empty", "b.vtp"}).err, ContainsSubstring("holds no result"));
}

TEST_CASE("all designs of a sweep against one of them, by parts") {
  const TempDir dir;
  test::write_sweep_case(dir);
  surrogate::Checkpoint second = test::tiny_model(2);
  surrogate::write_checkpoint(dir.file("second.h5"), second);
  REQUIRE(run_program(dir, {"convert", "tiny.h5", "both.h5", "--members", "second.h5"}).code == 0);
  // A body and a box behind it.
  mesh_io::write_stl(dir.file("tail.stl"), test::box_mesh({1.1, -0.1, 0.2}, {1.2, 0.1, 0.3}, 2));
  dir.write("t.csv", "name,file\na,bodies/a.stl|tail.stl\nb,bodies/b.stl|tail.stl\nc,bodies/c.stl|tail.stl\n");
  auto r = run_program(dir, {"sweep", "t.csv", "--model", "both.h5", "--out", "out", "--threads", "1"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  r = run_program(dir, {"compare", "out", "a", "--out", "d", "--json"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  const Json json = core::parse_json(r.out)["designs"];
  REQUIRE(json.size() == 2);
  const auto forces = [&](const std::string& design) {
    return core::parse_json(test::content(dir.file("out/designs/" + design + "/forces.json")));
  };
  const Json base = forces("a"), b = forces("b");
  const auto value = [](const Json& from, const char* name) {
    return from["coefficients"][name]["total"].get<double>();
  };
  const Json& cd = json["b"]["differences"]["Cd"];
  CHECK_THAT(cd["total"].get<double>(), WithinAbs(value(b, "Cd") - value(base, "Cd"), 1e-12));
  const auto member = [](const Json& from, int m) { return from["members"]["Cd"]["values"][m].get<double>(); };
  const double changes[2] = {member(b, 0) - member(base, 0), member(b, 1) - member(base, 1)};
  CHECK_THAT(cd["deviation_of_members"].get<double>(),
             WithinAbs(std::abs(changes[0] - changes[1]) / std::sqrt(2), 1e-9));
  double parts = 0;
  for (const Json& part : json["b"]["parts"]) parts += part["Cd"]["total"].get<double>();
  CHECK(json["b"]["parts"].size() == 2);
  CHECK_THAT(parts, WithinAbs(cd["total"].get<double>(), 1e-9));
  const std::string csv = test::content(dir.file("d/deltas.csv"));
  CHECK_THAT(csv, ContainsSubstring("\"dCd\",\"dCd_pressure\",\"dCd_friction\",\"dCd_deviation\"") &&
                      ContainsSubstring("\"dCd/tail\"") && ContainsSubstring("\n\"c\","));
  r = run_program(dir, {"compare", "out", "a"});
  CHECK_THAT(r.out,
             ContainsSubstring("minus 'a', in counts") && ContainsSubstring("+-") && ContainsSubstring("  tail"));
  // Another result as the reference; two results by parts and with the members' scatter.
  CHECK(run_program(dir, {"compare", "out", "out/designs/a"}).code == 0);
  r = run_program(dir, {"compare", "out/designs/b", "out/designs/a"});
  CHECK(r.code == 0);
  CHECK_THAT(r.out, ContainsSubstring("+-: standard deviation of the difference over the members"));
  r = run_program(dir, {"compare", "out", "d_esign"});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("holds no design 'd_esign'"));
}

TEST_CASE("a table of points is compared with the result on a mesh") {
  const TempDir dir;
  const geometry::SurfaceMesh mesh = sample(1.0f, false);
  mesh_io::write_vtp(dir.file("b.vtp"), mesh);
  std::string text = "\"Pressure (Pa)\",\"X (mm)\",\"Y (mm)\",\"Z (mm)\"\n";
  for (const auto& a : mesh.attributes)
    if (a.name == "pressure" && a.association == Association::faces)
      for (std::size_t f = 0; f < mesh.face_count(); f += 7) {
        const Vec3 p = 1000.0 * mesh.centroid(f);
        text += core::str(1.25f * a.values[f], ',', p[0], ',', p[1], ',', p[2], '\n');
      }
  dir.write("points.csv", text);
  auto r = run_program(dir, {"compare", "b.vtp", "points.csv", "--json"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  const Json field = core::parse_json(r.out)["fields"]["surface/pressure"];
  CHECK_THAT(field["relative_l2"].get<double>(), WithinAbs(0.2, 1e-3));
  dir.write("other.csv", "x,y,z,temperature\n1,2,3,300\n");
  r = run_program(dir, {"compare", "b.vtp", "other.csv"});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("none of its columns is a field"));
}

TEST_CASE("a solved case that comes with the program says its flow and its coefficients") {
  const TempDir dir;
  const std::string solved = std::string(STREAMTUBE_SOURCE_DIR) + "/data_samples/cfd_cases/ahmed_18deg_run_2";
  // The same fields at another density, which its forces.json says.
  auto mesh = mesh_io::read_surface(solved + "/surface.vtp");
  for (auto& a : mesh.attributes)
    if (a.name == "pressure" || a.name == "wall_shear_stress")
      for (float& x : a.values) x *= 1.25f;
  std::filesystem::create_directory(dir.file("denser"));
  mesh_io::write_vtp(dir.file("denser/surface.vtp"), mesh);
  dir.write("denser/forces.json", R"({"flow": {"velocity_m_s": 15, "density_kg_m3": 1.25},
    "reference": {"area_m2": 0.0937271}, "coefficients": {"Cd": {"total": 0.2930462}}})");
  const auto r = run_program(dir, {"compare", "denser", solved, "--json"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  const Json json = core::parse_json(r.out);
  CHECK_THAT(json["differences"]["Cd"]["total"].get<double>(), WithinAbs(0.001, 1e-9));
  CHECK_THAT(json["fields"]["surface/pressure"]["relative_l2"].get<double>(), WithinAbs(0, 1e-6));
  CHECK_THAT(r.err, ContainsSubstring("15 m/s and 1.25 kg/m3"));
}

TEST_CASE("an incompressible case of OpenFOAM is taken at the other result's density") {
  const TempDir dir;
  const test::FoamCaseWriter written(dir.file("box"), test::FoamCaseOptions{});
  mesh_io::FoamResult foam = mesh_io::read_foam_result(dir.file("box"));
  REQUIRE(foam.incompressible);
  for (auto& a : foam.surface.attributes)
    for (float& x : a.values) x *= 1.5f;
  std::filesystem::create_directory(dir.file("predicted"));
  mesh_io::write_vtp(dir.file("predicted/surface.vtp"), foam.surface);
  const auto error = [&] {
    const auto r = run_program(dir, {"compare", "predicted", "box", "--json"});
    INFO(r.err);
    REQUIRE(r.code == 0);
    return core::parse_json(r.out)["fields"]["surface/pressure"]["relative_l2"].get<double>();
  };
  CHECK_THAT(error(), WithinAbs(0.5, 1e-5));
  dir.write("predicted/run.json", core::json_text(Json{{"options", {{"density", 1.5 * foam.info.flow.density}}}}));
  CHECK_THAT(error(), WithinAbs(0, 1e-5));
}
