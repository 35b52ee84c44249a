// predict from the outside: files, numbers, refusals.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>

#include "core/files.hpp"
#include "core/json.hpp"
#include "geometry/surface_mesh.hpp"
#include "mesh_io/mesh_io.hpp"
#include "surrogate/backends/backend_set.hpp"
#include "surrogate/backends/cpu_kernels.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "tests/apps/program.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/tiny_dataset.hpp"
#include "tests/support/tiny_model.hpp"

namespace fs = std::filesystem;
using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using json = core::Json;
using test::run_program;
using test::TempDir;

namespace {

// A closed box where the built-in model expects a body: coarse, so that runs are short.
geometry::SurfaceMesh box(double scale = 1, int n = 4) {
  return test::box_mesh({0, -0.19 * scale, 0.05 * scale}, {1.03 * scale, 0.19 * scale, 0.33 * scale}, n);
}

std::string write_box(const TempDir& dir, const std::string& name, double scale = 1) {
  mesh_io::write_stl(dir.file(name), box(scale));
  return dir.file(name);
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

const geometry::Attribute* find(const std::vector<geometry::Attribute>& attributes, const std::string& name) {
  for (const auto& a : attributes)
    if (a.name == name) return &a;
  return nullptr;
}

}  // namespace

TEST_CASE("predict writes fields and forces that belong together") {
  const TempDir dir;
  const std::string stl = write_box(dir, "car.stl");
  const auto r = run_program(dir, {"predict", stl, "--json", "--volume", "grid", "--cell", "0.25"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  const fs::path out = dir.path() / "car_streamtube";
  CHECK(names_in(out) == std::vector<std::string>{"centre_line.csv", "forces.json", "results.pvd", "run.json",
                                                  "surface.vtp", "volume.vtu"});

  const json result = core::parse_json(r.out), forces = core::parse_json(test::content(out / "forces.json"));
  CHECK(result["coefficients"] == forces["coefficients"]);
  const auto& cd = forces["coefficients"]["Cd"];
  CHECK(cd["total"].get<double>() == Approx(cd["pressure"].get<double>() + cd["friction"].get<double>()));
  CHECK(cd["total"].get<double>() > 0.1);
  CHECK(cd["total"].get<double>() < 1.0);
  CHECK(forces["reference"]["area_m2"].get<double>() == Approx(0.38 * 0.28).epsilon(0.01));
  CHECK(forces["forces_N"]["drag"]["total"].get<double>() ==
        Approx(cd["total"].get<double>() * forces["flow"]["dynamic_pressure_Pa"].get<double>() *
               forces["reference"]["area_m2"].get<double>()));
  CHECK(forces["flow"]["dynamic_pressure_Pa"].get<double>() == Approx(0.5 * 1.225 * 225));

  const auto surface = mesh_io::read_surface((out / "surface.vtp").string());
  CHECK(surface.face_count() == box().face_count());
  const auto *p = find(surface.attributes, "pressure"), *cp = find(surface.attributes, "Cp");
  REQUIRE(p);
  REQUIRE(cp);
  CHECK(p->values[3] == Approx(cp->values[3] * 0.5 * 1.225 * 225).epsilon(1e-5));
  CHECK(find(surface.attributes, "wall_shear_stress"));
  CHECK(find(surface.attributes, "Cf"));
  const auto volume = mesh_io::read_volume((out / "volume.vtu").string());
  CHECK(volume.cell_count() > 500);
  for (const char* name : {"velocity", "pressure", "Cp", "vorticity"}) CHECK(find(volume.attributes, name));
  CHECK_THAT(test::content(out / "results.pvd"), ContainsSubstring("surface.vtp") && ContainsSubstring("volume.vtu"));

  const json run = core::parse_json(test::content(out / "run.json"));
  CHECK(run["inputs"][0]["sha256"].get<std::string>().size() == 64);
  CHECK(run["model"]["fingerprint"].get<std::string>().size() == 64);
  CHECK(run["seconds"]["total"].get<double>() > 0);
  CHECK(run["options"]["seed"] == 0);
}

TEST_CASE("results are not overwritten unasked, and old ones do not linger") {
  const TempDir dir;
  const std::string stl = write_box(dir, "car.stl");
  REQUIRE(run_program(dir, {"predict", stl, "--out", "o", "--volume", "grid", "--cell", "0.3"}).code == 0);
  auto r = run_program(dir, {"predict", stl, "--out", "o", "--volume", "none"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("--overwrite"));
  CHECK(fs::exists(dir.path() / "o" / "volume.vtu"));
  r = run_program(dir, {"predict", stl, "--out", "o", "--volume", "none", "--overwrite"});
  CHECK(r.code == 0);
  CHECK_THAT(r.out, ContainsSubstring("Cd"));
  CHECK(names_in(dir.path() / "o") ==
        std::vector<std::string>{"centre_line.csv", "forces.json", "results.pvd", "run.json", "surface.vtp"});
}

TEST_CASE("the precision is checked and recorded") {
  const TempDir dir;
  const std::string stl = write_box(dir, "car.stl");
  auto r = run_program(dir, {"predict", stl, "--precision", "fp16", "--dry-run"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("--precision") && ContainsSubstring("bf16"));
  r = run_program(dir, {"predict", stl, "--precision", "tf32", "--dry-run", "--backend", "openmp"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("tf32 needs an NVIDIA GPU"));
  if (!surrogate::cpu::bf16_gemm() || surrogate::portable_wanted()) return;
  std::vector<double> drag;
  for (const char* precision : {"fp32", "bf16"}) {
    r = run_program(dir, {"predict", stl, "--precision", precision, "--backend", "openmp", "--volume", "none", "--json",
                          "--out", precision});
    INFO(r.err);
    REQUIRE(r.code == 0);
    CHECK(core::parse_json(test::content(dir.path() / precision / "run.json"))["options"]["precision"] == precision);
    drag.push_back(core::parse_json(r.out)["coefficients"]["Cd"]["total"].get<double>());
  }
  CHECK(drag[1] != drag[0]);
  CHECK(drag[1] == Approx(drag[0]).epsilon(0.05));
}

TEST_CASE("a dry run writes nothing") {
  const TempDir dir;
  const std::string stl = write_box(dir, "car.stl");
  const auto r = run_program(dir, {"predict", stl, "--dry-run"});
  CHECK(r.code == 0);
  CHECK_THAT(r.out, ContainsSubstring("memory") && ContainsSubstring("anchors"));
  CHECK_FALSE(fs::exists(dir.path() / "car_streamtube"));
}

TEST_CASE("millimetres are recognised, and the results are in them") {
  const TempDir dir;
  const std::string metres = write_box(dir, "m.stl"), millimetres = write_box(dir, "mm.stl", 1000);
  auto r = run_program(dir, {"predict", millimetres, "--volume", "none"});
  CHECK(r.code == 0);
  CHECK_THAT(r.err,
             ContainsSubstring("1030 x 380 x 280 read as mm: 1.03 m long, the model's bodies are 0.8843..1.209 m"));
  r = run_program(dir, {"predict", millimetres, "--volume", "none", "--unit", "mm", "--overwrite", "--json"});
  REQUIRE(r.code == 0);
  const double cd_mm = core::parse_json(r.out)["coefficients"]["Cd"]["total"];
  r = run_program(dir, {"predict", metres, "--volume", "none", "--json"});
  REQUIRE(r.code == 0);
  CHECK(core::parse_json(r.out)["coefficients"]["Cd"]["total"].get<double>() == Approx(cd_mm).margin(2e-3));
  // The results are in the unit of the file.
  const auto surface = mesh_io::read_surface(dir.file("mm_streamtube/surface.vtp"));
  CHECK(surface.bounds().high[0] == Approx(1030));
}

TEST_CASE("a picture, or a word about what it needs") {
  const TempDir dir;
  const std::string stl = write_box(dir, "car.stl");
  const auto r = run_program(dir, {"predict", stl, "--volume", "none", "--picture", "--out", "o"});
  INFO(r.err);
  if (r.code == 0) {
    const std::string png = test::content(dir.file("o/picture.png"));
    CHECK(png.size() > 20000);  // a blank picture of this size has 10 kB
    CHECK(png.substr(1, 3) == "PNG");
    // Another range, other views: another picture, higher by one panel of 600 pixels.
    const auto again = run_program(dir, {"predict", stl, "--volume", "none", "--picture", "--out", "o", "--overwrite",
                                         "--range", "Cp=-1.5:1", "--range", "speed=0:60", "--view", "side,top"});
    INFO(again.err);
    REQUIRE(again.code == 0);
    const auto height = [](const std::string& image) {  // of the header, big endian
      return 256 * static_cast<unsigned char>(image[22]) + static_cast<unsigned char>(image[23]);
    };
    CHECK(height(png) == 1200);
    CHECK(height(test::content(dir.file("o/picture.png"))) == 1800);
  } else {
    CHECK(r.code == 1);
    CHECK_THAT(r.err, ContainsSubstring("libegl1"));
    CHECK_FALSE(fs::exists(dir.path() / "o"));
  }
  const auto refused = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"predict", stl, "--out", "refused"};
    words.insert(words.end(), more.begin(), more.end());
    const auto result = run_program(dir, words);
    CHECK(result.code == 2);
    return result.err;
  };
  CHECK_THAT(refused({"--range", "Cp=-1:1"}), ContainsSubstring("--picture"));
  CHECK_THAT(refused({"--picture", "--range", "Cp=1:-1"}), ContainsSubstring("'Cp=1:-1': expected FIELD=LOW:HIGH"));
  CHECK_THAT(refused({"--picture", "--range", "Cp=nan:1"}), ContainsSubstring("expected FIELD=LOW:HIGH"));
  CHECK_THAT(refused({"--picture", "--range", "Cf=0:1"}), ContainsSubstring("pictured: Cp, speed"));
  CHECK_THAT(refused({"--picture", "--view", "left"}), ContainsSubstring("iso-rear"));
}

TEST_CASE("several files are the patches of one body") {
  const TempDir dir;
  geometry::SurfaceMesh whole = box(), front, rear;
  for (std::size_t f = 0; f < whole.face_count(); ++f) {
    std::vector<Vec3> polygon;
    for (std::size_t i = 0; i < whole.corner_count(f); ++i) polygon.push_back(whole.corner(f, i));
    test::add_face(f % 2 ? front : rear, polygon);
  }
  mesh_io::write_stl(dir.file("front.stl"), front);
  mesh_io::write_stl(dir.file("rear.stl"), rear);
  const auto r =
      run_program(dir, {"predict", dir.file("front.stl"), dir.file("rear.stl"), "--volume", "none", "--out", "o"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  CHECK(mesh_io::read_surface(dir.file("o/surface.vtp")).face_count() == whole.face_count());
  CHECK_THAT(test::content(dir.file("o/run.json")), ContainsSubstring("rear.stl"));
}

TEST_CASE("fields on another surface of the same body") {
  const TempDir dir;
  const std::string stl = write_box(dir, "car.stl");
  mesh_io::write_vtp(dir.file("cfd.vtp"), box(1, 9));
  const auto r =
      run_program(dir, {"predict", stl, "--surface", dir.file("cfd.vtp"), "--volume", "none", "--out", "o", "--json"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  CHECK(mesh_io::read_surface(dir.file("o/surface.vtp")).face_count() == box(1, 9).face_count());
  const auto own = run_program(dir, {"predict", stl, "--volume", "none", "--json"});
  CHECK(core::parse_json(r.out)["coefficients"]["Cd"]["total"].get<double>() ==
        Approx(core::parse_json(own.out)["coefficients"]["Cd"]["total"].get<double>()).margin(3e-3));
}

TEST_CASE("what leaves the training data is said on stderr and in the results") {
  const TempDir dir;
  const std::string stl = write_box(dir, "car.stl");
  const auto r = run_program(dir, {"predict", stl, "--volume", "none", "--velocity", "60", "--json"});
  REQUIRE(r.code == 0);
  CHECK_THAT(r.err, ContainsSubstring("extrapolation: reynolds number is 4.12e+06"));
  bool found = false;
  const json result = core::parse_json(r.out);
  for (const auto& e : result["extrapolation"]) found = found || e["quantity"] == "reynolds_number";
  CHECK(found);
}

TEST_CASE("bad geometry: one message with the file and a remedy, exit code 3, no results") {
  const TempDir dir;
  const std::string good = test::content(write_box(dir, "car.stl"));
  struct Bad {
    std::string path, message;
  };
  const std::string triangle =
      "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\n";
  std::string nan = "solid s\n", flat = "solid s\n";
  for (int i = 0; i < 6; ++i) {
    nan += triangle;
    flat += "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0.5 0 0\nendloop\nendfacet\n";
  }
  nan.replace(nan.find("vertex 0 1 0"), 12, "vertex 0 nan 0");
  const std::vector<Bad> all = {
      {dir.file("none.stl"), "none.stl"},
      {dir.write("empty.stl", ""), "empty"},
      {dir.write("cut.stl", good.substr(0, good.size() / 2)), "cut.stl"},
      {dir.write("wrong.obj", good), "STL"},
      {dir.write("text.stl", "this is no geometry\n"), "text.stl"},
      {dir.write("nan.stl", nan + "endsolid s\n"), "nan.stl"},
      {dir.write("one.stl", "solid s\n" + triangle + "endsolid s\n"), "one.stl"},
      {dir.write("flat.stl", flat + "endsolid s\n"), "flat.stl"},
      {dir.path().string(), dir.path().string()},
  };
  for (const auto& bad : all) {
    const auto r = run_program(dir, {"predict", bad.path, "--volume", "none", "--out", "o"});
    INFO(bad.path << ": " << r.err);
    CHECK(r.code == 3);
    CHECK(r.out.empty());
    CHECK_THAT(r.err, ContainsSubstring(bad.message) && ContainsSubstring("error"));
    CHECK_FALSE(fs::exists(dir.path() / "o"));
  }
}

TEST_CASE("a body out of the model's reach is refused with a remedy") {
  const TempDir dir;
  mesh_io::write_stl(dir.file("far.stl"), test::box_mesh({20, 0, 0}, {21, 0.4, 0.3}, 4));
  auto r = run_program(dir, {"predict", dir.file("far.stl"), "--unit", "m", "--volume", "none"});
  CHECK(r.code == 0);
  CHECK_THAT(r.err, ContainsSubstring("nose is at x = 20 m") && ContainsSubstring("moved back"));
  CHECK(mesh_io::read_surface(dir.file("far_streamtube/surface.vtp")).bounds().low[0] == Approx(20));
  r = run_program(dir, {"predict", dir.file("far.stl"), "--place", "off", "--volume", "none", "--out", "o"});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("x runs from 20 to 21 m") && ContainsSubstring("place the body"));
}

TEST_CASE("open and inverted bodies are predicted with a warning") {
  const TempDir dir;
  auto inverted = box();
  test::turn_all(inverted);
  mesh_io::write_stl(dir.file("inverted.stl"), inverted);
  mesh_io::write_stl(dir.file("open.stl"), test::without_face(box(), 5));
  const std::string good = write_box(dir, "good.stl");
  const auto reference = run_program(dir, {"predict", good, "--volume", "none", "--json"});
  const double cd = core::parse_json(reference.out)["coefficients"]["Cd"]["total"];
  auto r = run_program(dir, {"predict", dir.file("inverted.stl"), "--volume", "none", "--json"});
  REQUIRE(r.code == 0);
  CHECK_THAT(r.err, ContainsSubstring("warning"));
  CHECK(core::parse_json(r.out)["coefficients"]["Cd"]["total"].get<double>() == Approx(cd).margin(2e-2));
  CHECK(!core::parse_json(r.out)["warnings"].empty());
  r = run_program(dir, {"predict", dir.file("open.stl"), "--volume", "none", "--json"});
  REQUIRE(r.code == 0);
  CHECK_THAT(r.err, ContainsSubstring("warning"));
}

TEST_CASE("bad models are refused") {
  const TempDir dir;
  const std::string stl = write_box(dir, "car.stl");
  const std::string good = test::content(STREAMTUBE_SOURCE_DIR "/data_samples/models/ahmed_baseline.h5");
  for (const auto& [path, message] : std::vector<std::pair<std::string, std::string>>{
           {dir.file("none.h5"), "no such file"},
           {dir.write("cut.h5", good.substr(0, good.size() / 2)), "truncated"},
           {dir.write("foreign.h5", "not HDF5 at all"), "not an HDF5 file"}}) {
    const auto r = run_program(dir, {"predict", stl, "--model", path, "--volume", "none", "--out", "o"});
    INFO(path << ": " << r.err);
    CHECK(r.code == 3);
    CHECK_THAT(r.err, ContainsSubstring(message) && ContainsSubstring(path));
    CHECK_FALSE(fs::exists(dir.path() / "o"));
  }
}

TEST_CASE("a folder that cannot be written is refused before the work") {
  const TempDir dir;
  const std::string stl = write_box(dir, "car.stl");
  const std::string file = dir.write("file", "");
  const auto r = run_program(dir, {"predict", stl, "--out", file, "--volume", "none"});
  CHECK((r.code == 1 || r.code == 2));
  CHECK_THAT(r.err, ContainsSubstring(file));
}

TEST_CASE("Ctrl-C ends with 130 and leaves nothing") {
  const TempDir dir;
  const std::string stl = write_box(dir, "car.stl");
  const fs::path out = dir.path() / "o";
  // Interrupted when the output folder is there, long before millions of points are done.
  const auto r = run_program(dir, {"predict", stl, "--volume", "grid", "--cell", "0.01", "--out", "o"},
                             [&] { return fs::exists(out); });
  CHECK(r.code == 130);
  CHECK_THAT(r.err, ContainsSubstring("interrupted"));
  CHECK_FALSE(fs::exists(out));
}

TEST_CASE("inspect reports meshes and models") {
  const TempDir dir;
  const std::string stl = write_box(dir, "car.stl");
  auto r = run_program(dir, {"inspect", stl, "--json"});
  REQUIRE(r.code == 0);
  json report = core::parse_json(r.out);
  CHECK(report["triangles"] == box().face_count());
  CHECK(report["watertight"] == true);
  CHECK(report["area"].get<double>() == Approx(2 * (1.03 * 0.38 + 1.03 * 0.28 + 0.38 * 0.28)).epsilon(1e-5));
  r = run_program(dir, {"inspect"});
  CHECK(r.code == 0);
  CHECK_THAT(r.out, ContainsSubstring("ahmed\n") && ContainsSubstring("1305899") && ContainsSubstring("symmetry"));
  r = run_program(dir, {"inspect", STREAMTUBE_SOURCE_DIR "/data_samples/models/ahmed_baseline.h5", "--json"});
  REQUIRE(r.code == 0);
  report = core::parse_json(r.out);
  CHECK(report["config"]["hidden"] == 96);
  r = run_program(dir, {"inspect", dir.file("none.stl")});
  CHECK(r.code == 3);
}

TEST_CASE("convert joins trained models to one, which every command takes, and takes one out again") {
  const TempDir dir;
  for (const std::uint64_t seed : {1, 2}) {
    auto model = test::tiny_model(seed);
    // The second is to answer otherwise by more than rounding.
    if (seed == 2)
      for (auto& [name, tensor] : model.weights)
        if (tensor.shape.size() == 2)
          for (float& w : tensor.values) w *= 2;
    surrogate::write_checkpoint(dir.file(core::str(seed, ".h5")), model);
  }
  auto r = run_program(dir, {"convert", "1.h5", "both.h5", "--members", "2.h5", "--json"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  CHECK(core::parse_json(r.out)["members"] == 2);
  REQUIRE(run_program(dir, {"convert", "both.h5", "second.h5", "--member", "2"}).code == 0);
  CHECK(surrogate::read_checkpoint(dir.file("second.h5")).weights.begin()->second.values ==
        surrogate::read_checkpoint(dir.file("2.h5")).weights.begin()->second.values);
  r = run_program(dir, {"convert", "both.h5", "third.h5", "--member", "3"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("--member 3: 'both.h5' has 2 members"));

  const std::string stl = write_box(dir, "car.stl");
  const auto forces = [&](const std::string& model, const std::string& option, const std::string& value) {
    const auto done = run_program(dir, {"predict", stl, "--model", model, "--volume", "none", "--json", "--out", "out",
                                        "--overwrite", option, value});
    INFO(done.err);
    REQUIRE(done.code == 0);
    return core::parse_json(done.out);
  };
  // The mean, and what each says alone, whatever way answers are made.
  for (const auto& [option, value] : {std::pair{"--draws", "1"},
                                      {"--draws", "2"},
                                      {"--points-on", "vertices"},
                                      {"--evaluation", "chunked-anchors"}}) {
    CAPTURE(option, value);
    const json one = forces("1.h5", option, value), two = forces("2.h5", option, value),
               both = forces("both.h5", option, value);
    CHECK_FALSE(one.contains("members"));
    REQUIRE(both["members"]["count"] == 2);
    for (const char* name : {"Cd", "Cl", "Cm_pitch"}) {
      const double first = one["coefficients"][name]["total"], second = two["coefficients"][name]["total"];
      CHECK(std::abs(first - second) > 1e-3);
      CHECK(both["coefficients"][name]["total"].get<double>() == Approx(0.5 * (first + second)).epsilon(1e-4));
      const json& members = both["members"][name];
      CHECK(members["values"][0].get<double>() == Approx(first).epsilon(1e-4));
      CHECK(members["values"][1].get<double>() == Approx(second).epsilon(1e-4));
      CHECK(members["standard_deviation"].get<double>() ==
            Approx(std::abs(first - second) / std::sqrt(2)).epsilon(1e-3));
    }
    if (std::string(value) == "2") CHECK(both["draws"]["count"] == 2);
  }
}

TEST_CASE("convert describes a checkpoint anew, and refuses what is neither that nor a training file") {
  const TempDir dir;
  const std::string models = STREAMTUBE_SOURCE_DIR "/data_samples/models/";
  std::string description = core::read_text(models + "ahmed_baseline.json");
  const auto name = description.find("\"ahmed_baseline\"");
  REQUIRE(name != std::string::npos);
  const std::string other = dir.write("other.json", description.replace(name, 16, "\"other\""));
  const std::string errors = dir.write("e.json", R"({"metrics": {"cd_r2": 0.25, "surface/pressure": 0.125}})");
  auto r = run_program(dir, {"convert", models + "ahmed_baseline.h5", dir.file("o.h5"), "--describe", other, "--errors",
                             errors, "--json"});
  REQUIRE(r.code == 0);
  const json report = core::parse_json(r.out);
  CHECK(report["name"] == "other");
  CHECK(report["test_errors"] == json({{"cd_r2", 0.25}, {"surface/pressure", 0.125}}));
  const surrogate::Checkpoint before = surrogate::read_checkpoint(models + "ahmed_baseline.h5"),
                              after = surrogate::read_checkpoint(dir.file("o.h5"));
  CHECK(after.fingerprint != before.fingerprint);
  CHECK(after.normalizer.branch[1].std == before.normalizer.branch[1].std);
  CHECK(after.sampling.anchors[0] == before.sampling.anchors[0]);  // both descriptions say 1,024
  REQUIRE(after.weights.size() == before.weights.size());
  for (const auto& [tensor, values] : before.weights) CHECK(after.weights.at(tensor).values == values.values);

  r = run_program(dir,
                  {"convert", models + "ahmed_baseline.h5", dir.file("p.h5"), "--describe", other, "--errors", other});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("no metrics"));
  test::write_tiny_dataset(dir.file("d.h5"));
  r = run_program(dir, {"convert", dir.file("d.h5"), dir.file("p.h5"), "--describe", other});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("d.h5"));
  CHECK_FALSE(fs::exists(dir.file("p.h5")));
  r = run_program(dir, {"convert", dir.file("none.h5"), dir.file("p.h5"), "--describe", other});
  CHECK(r.code == 3);
}
