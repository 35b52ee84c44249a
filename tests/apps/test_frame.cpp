// A body that lies turned, moved and in another unit in its file, from the outside: the same answer, in its own frame.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <iomanip>

#include "core/error.hpp"
#include "core/json.hpp"
#include "mesh_io/h5/h5_file.hpp"
#include "mesh_io/mesh_io.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "tests/apps/program.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/tiny_model.hpp"

namespace fs = std::filesystem;
using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using json = core::Json;
using test::run_program;
using test::TempDir;

namespace {

using Matrix = std::array<Vec3, 3>;  // rows: the model's axes in the file's frame
Vec3 to_model(const Matrix& r, const Vec3& v) { return {dot(r[0], v), dot(r[1], v), dot(r[2], v)}; }
Vec3 to_file(const Matrix& r, const Vec3& v) { return v[0] * r[0] + v[1] * r[1] + v[2] * r[2]; }

// A closed body like the built-in model's, its rear drawn in at the top; coordinates as an STL would have them.
geometry::SurfaceMesh body() {
  auto mesh = test::box_mesh({0, -0.19, 0.05}, {1.03, 0.19, 0.33}, 6);
  for (Vec3& p : mesh.points) {
    if (p[0] > 0.8 && p[2] > 0.3) p[2] -= 0.15 * (p[0] - 0.8);
    for (double& x : p) x = static_cast<float>(x);
  }
  return mesh;
}

geometry::SurfaceMesh placed(const Matrix& r, const Vec3& shift, double per_metre) {
  auto mesh = body();
  for (Vec3& p : mesh.points) p = per_metre * (to_file(r, p) + shift);
  return mesh;
}

// Values of the turned answer, turned back, against the plain one's; all attributes, all components.
void check_attributes(const std::vector<geometry::Attribute>& plain, const std::vector<geometry::Attribute>& turned,
                      const Matrix& r) {
  static constexpr int kSymmetric[3][3] = {{0, 3, 5}, {3, 1, 4}, {5, 4, 2}};
  REQUIRE(plain.size() == turned.size());
  for (std::size_t k = 0; k < plain.size(); ++k) {
    INFO(plain[k].name);
    REQUIRE(plain[k].name == turned[k].name);
    REQUIRE(plain[k].values.size() == turned[k].values.size());
    const std::size_t n = static_cast<std::size_t>(plain[k].components);
    double largest = 0, worst = 0;
    for (std::size_t at = 0; at < plain[k].values.size(); at += n) {
      const float *a = &plain[k].values[at], *b = &turned[k].values[at];
      const auto compare = [&](double x, double y) {
        largest = std::max(largest, std::abs(x));
        worst = std::max(worst, std::abs(x - y));
      };
      if (n == 1) compare(a[0], b[0]);
      if (n == 3) {
        const Vec3 v = to_model(r, {b[0], b[1], b[2]});
        for (int i = 0; i < 3; ++i) compare(a[i], v[i]);
      }
      if (n == 6 || n == 9)
        for (int i = 0; i < 3; ++i)
          for (int j = 0; j < 3; ++j) {
            const auto entry = [&](int p, int q) { return n == 6 ? kSymmetric[p][q] : 3 * p + q; };
            double sum = 0;
            for (int p = 0; p < 3; ++p)
              for (int q = 0; q < 3; ++q) sum += r[i][p] * b[entry(p, q)] * r[j][q];
            compare(a[entry(i, j)], sum);
          }
    }
    CHECK(largest > 0);
    CHECK(worst <= 2e-6 * largest);
  }
}

// tiny.h5, which knows where bodies stand.
void write_model(const TempDir& dir) {
  auto model = test::tiny_model();
  for (const char* at : {"front_x", "center_y"}) model.training_range.push_back({at, "m", 0, 0, 0.01});
  model.training_range.push_back({"ground_clearance", "m", 0.03, 0.07, 0.001});
  surrogate::write_checkpoint(dir.file("tiny.h5"), model);
}

std::string word(const Vec3& v) { return core::str(v[0], ",", v[1], ",", v[2]); }

// Fields at points, as predict --points writes them.
std::vector<geometry::Attribute> point_fields(const std::string& path) {
  const auto file = mesh_io::H5File::open(path);
  std::vector<geometry::Attribute> out;
  for (const std::string& name : file.children("/VTKHDF/PointData")) {
    const auto shape = file.shape("/VTKHDF/PointData/" + name);
    out.push_back({name, geometry::Association::points, shape.size() == 2 ? static_cast<int>(shape[1]) : 1,
                   file.read<float>("/VTKHDF/PointData/" + name)});
  }
  return out;
}

}  // namespace

TEST_CASE("turned, moved, in millimetres: the same forces and fields, for every flow direction and two upward ones") {
  const TempDir dir;
  const std::vector<std::string> outputs = {
      "--model", "tiny.h5", "--volume", "grid",
      "--cell",  "0.3",     "--derive", "velocity_gradient,strain_rate,q_criterion",
      "--json"};
  write_model(dir);
  const auto predict = [&](const std::string& file, const std::string& out, std::vector<std::string> options) {
    std::vector<std::string> words = {"predict", dir.file(file), "--out", out};
    words.insert(words.end(), outputs.begin(), outputs.end());
    words.insert(words.end(), options.begin(), options.end());
    auto r = run_program(dir, words);
    INFO(r.err);
    REQUIRE(r.code == 0);
    return r;
  };
  mesh_io::write_vtp(dir.file("plain.vtp"), body());
  const json plain = core::parse_json(predict("plain.vtp", "plain", {}).out);
  const auto surface = mesh_io::read_surface(dir.file("plain/surface.vtp"));
  const auto volume = mesh_io::read_volume(dir.file("plain/volume.vtu"));

  struct Turn {
    Vec3 flow, up;
    std::string flow_word, up_word;
  };
  std::vector<Turn> turns;
  const char* names = "xyz";
  for (int a = 0; a < 3; ++a)
    for (const int sign : {1, -1})
      for (const int b : {1, 2}) {
        Vec3 flow{0, 0, 0}, up{0, 0, 0};
        flow[a] = sign, up[(a + b) % 3] = b == 1 ? 1 : -sign;
        turns.push_back({flow, up, std::string(sign > 0 ? "+" : "-") + names[a],
                         std::string(up[(a + b) % 3] > 0 ? "+" : "-") + names[(a + b) % 3]});
      }
  REQUIRE(turns.size() == 12);
  // And one along no axis.
  turns.push_back({{0.6, 0.64, -0.48}, {0.48, 0.1520, 0.8}, "", ""});
  std::size_t number = 0;
  for (auto& [flow, up, flow_word, up_word] : turns) {
    INFO("flow " << word(flow) << ", up " << word(up));
    if (flow_word.empty()) flow_word = word(flow), up_word = word(up);
    Matrix r;
    r[0] = (1 / norm(flow)) * flow;
    const Vec3 across = up - dot(up, r[0]) * r[0];
    r[2] = (1 / norm(across)) * across;
    r[1] = cross(r[2], r[0]);
    const Vec3 shift = {7.5, -3.25, 1.75};
    const bool millimetres = number++ % 2 == 0;
    const double per_metre = millimetres ? 1000 : 1;
    mesh_io::write_vtp(dir.file("turned.vtp"), placed(r, shift, per_metre));
    const std::string ground = core::str(std::setprecision(17), per_metre * dot(r[2], shift));
    const auto run = predict("turned.vtp", "turned",
                             {"--overwrite", "--unit", millimetres ? "mm" : "m", "--flow-direction", flow_word, "--up",
                              up_word, "--ground=" + ground});
    const json turned = core::parse_json(run.out);
    for (const auto& [name, value] : plain["coefficients"].items())
      for (const auto& [part, number] : value.items())
        CHECK(turned["coefficients"][name][part].get<double>() == Approx(number.get<double>()).margin(1e-6));
    // The same physical point, in the file's frame.
    const auto center = turned["reference"]["moment_center_m"].get<Vec3>();
    const Vec3 expected = to_file(r, plain["reference"]["moment_center_m"].get<Vec3>()) + shift;
    for (int i = 0; i < 3; ++i) {
      CHECK(center[i] == Approx(expected[i]).margin(1e-9));
      CHECK(turned["reference"]["drag_axis"].get<Vec3>()[i] == Approx(r[0][i]).margin(1e-12));
      CHECK(turned["reference"]["lift_axis"].get<Vec3>()[i] == Approx(r[2][i]).margin(1e-12));
    }
    const auto s = mesh_io::read_surface(dir.file("turned/surface.vtp"));
    const auto v = mesh_io::read_volume(dir.file("turned/volume.vtu"));
    REQUIRE(s.points.size() == surface.points.size());
    REQUIRE(v.points.size() == volume.points.size());
    const auto check_points = [&](const std::vector<Vec3>& there, const std::vector<Vec3>& here) {
      double worst = 0;
      for (std::size_t i = 0; i < here.size(); ++i)
        worst = std::max(worst, norm(there[i] - per_metre * (to_file(r, here[i]) + shift)));
      CHECK(worst < 1e-9 * per_metre);
    };
    check_points(s.points, surface.points);
    check_points(v.points, volume.points);
    check_attributes(surface.attributes, s.attributes, r);
    check_attributes(volume.attributes, v.attributes, r);
  }
}

TEST_CASE("points of a turned body, in millimetres: the plain one's fields, in the files' frame, by both programs") {
  const TempDir dir;
  write_model(dir);
  const auto run = [&](std::vector<std::string> words, const std::vector<std::string>& more) {
    words.insert(words.end(), {"--model", "tiny.h5"});
    words.insert(words.end(), more.begin(), more.end());
    const auto r = test::run_command(dir, words, [] { return false; });
    INFO(r.err);
    REQUIRE(r.code == 0);
    return r.out;
  };
  const Vec3 flow{0.6, 0.64, -0.48}, up{0.48, 0.1520, 0.8}, shift{7.5, -3.25, 1.75};
  Matrix r;
  r[0] = (1 / norm(flow)) * flow;
  const Vec3 across = up - dot(up, r[0]) * r[0];
  r[2] = (1 / norm(across)) * across;
  r[1] = cross(r[2], r[0]);
  mesh_io::write_vtp(dir.file("plain.vtp"), body());
  mesh_io::write_vtp(dir.file("turned.vtp"), placed(r, shift, 1000));
  run({STREAMTUBE_PROGRAM, "predict", "plain.vtp", "--volume", "grid", "--cell", "0.3", "--out", "grid"}, {});
  auto cells = mesh_io::read_volume(dir.file("grid/volume.vtu"));
  cells.attributes.clear();
  mesh_io::write_vtu(dir.file("plain.vtu"), cells);
  std::vector<Vec3> centers;
  for (std::size_t c = 0; c < cells.cell_count(); ++c) centers.push_back(1000 * (to_file(r, cells.center(c)) + shift));
  for (Vec3& p : cells.points) p = 1000 * (to_file(r, p) + shift);
  mesh_io::write_vtu(dir.file("turned.vtu"), cells);

  const std::vector<std::string> frame = {"--unit",
                                          "mm",
                                          "--flow-direction",
                                          word(flow),
                                          "--up",
                                          word(up),
                                          "--ground=" + core::str(std::setprecision(17), 1000 * dot(r[2], shift))},
                                 derive = {"--derive", "velocity_gradient,strain_rate,q_criterion", "--json"};
  json result[2];
  for (const bool turned : {false, true}) {
    const std::string name = turned ? "turned" : "plain";
    const auto options = turned ? frame : std::vector<std::string>{};
    run({STREAMTUBE_PROGRAM, "points", name + ".h5", "--surface", name + ".vtp", "--volume", name + ".vtu", "--prepare",
         name + ".vtp"},
        options);
    auto words = std::vector<std::string>{STREAMTUBE_CORE_PROGRAM, "predict", name + ".h5", "--out", name + "_core"};
    result[turned] = core::parse_json(run(words, derive));
    words = {STREAMTUBE_PROGRAM, "predict", name + ".vtp", "--points", name + ".h5", "--out", name + "_full"};
    words.insert(words.end(), options.begin(), options.end());
    const json full = core::parse_json(run(words, derive));
    CHECK(full["points"]["coefficients"] == result[turned]["coefficients"]);
    CHECK(full["reference"]["moment_center_m"] == result[turned]["reference"]["moment_center_m"]);
    for (const char* file : {"/surface.hdf", "/volume.hdf"})
      CHECK(test::content(dir.file(name + "_core") + file) == test::content(dir.file(name + "_full") + file));
  }
  for (const auto& [name, value] : result[0]["coefficients"].items())
    CHECK(result[1]["coefficients"][name]["total"].get<double>() == Approx(value["total"].get<double>()).margin(1e-6));
  for (int i = 0; i < 3; ++i) {
    CHECK(result[1]["reference"]["drag_axis"].get<Vec3>()[i] == Approx(r[0][i]).margin(1e-12));
    CHECK(result[1]["reference"]["lift_axis"].get<Vec3>()[i] == Approx(r[2][i]).margin(1e-12));
  }
  for (const char* file : {"/surface.hdf", "/volume.hdf"}) {
    INFO(file);
    check_attributes(point_fields(dir.file("plain_core") + file), point_fields(dir.file("turned_core") + file), r);
  }
  const auto at = mesh_io::H5File::open(dir.file("turned_core/volume.hdf")).read<float>("/VTKHDF/Points");
  REQUIRE(at.size() == 3 * centers.size());
  double worst = 0;
  for (std::size_t i = 0; i < at.size(); ++i) worst = std::max(worst, std::abs(at[i] - centers[i / 3][i % 3]));
  CHECK(worst < 1e-3);  // float32 of some 10,000 mm
}

TEST_CASE("without a body there is nothing to turn points by") {
  const TempDir dir;
  mesh_io::write_vtp(dir.file("b.vtp"), body());
  for (const auto& [option, value, message] : {std::tuple{"--flow-direction", "+y", "without --prepare"},
                                               {"--place", "off", "without --prepare"},
                                               {"--unit", "auto", "name the unit"}}) {
    const auto r = run_program(dir, {"points", "p.h5", "--surface", "b.vtp", option, value});
    CHECK(r.code == 2);
    CHECK_THAT(r.err, ContainsSubstring(message));
    CHECK_FALSE(fs::exists(dir.path() / "p.h5"));
  }
}

TEST_CASE("a matrix, in words or in a file, with a scale; meshes of the results are in the files' frame too") {
  const TempDir dir;
  mesh_io::write_vtp(dir.file("plain.vtp"), body());
  mesh_io::write_vtp(dir.file("cfd.vtp"), placed({{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}, {0, 0, 0}, 1));
  const json plain = core::parse_json(run_program(dir, {"predict", dir.file("plain.vtp"), "--surface",
                                                        dir.file("plain.vtp"), "--volume", "none", "--json"})
                                          .out);
  // The file holds the body half as large, flow along -y.
  const Matrix r = {{{0, -1, 0}, {1, 0, 0}, {0, 0, 1}}};
  auto small = placed(r, {1, 2, 0.5}, 0.5);
  mesh_io::write_vtp(dir.file("small.vtp"), small);
  geometry::VolumeMesh cells;  // one tetrahedron beside the body
  for (const Vec3& p : {Vec3{0.5, 0.5, 0.2}, Vec3{0.6, 0.5, 0.2}, Vec3{0.5, 0.6, 0.2}, Vec3{0.5, 0.5, 0.3}})
    cells.points.push_back(0.5 * (to_file(r, p) + Vec3{1, 2, 0.5}));
  cells.offsets = {0, 4}, cells.corners = {0, 1, 2, 3}, cells.types = {10};
  mesh_io::write_vtu(dir.file("cells.vtu"), cells);
  // model = 2 R file - R shift
  const std::string matrix = "0 -2 0 2\n2 0 0 -1\n0 0 2 -0.5\n0 0 0 1\n";
  dir.write("matrix.txt", matrix);
  for (const std::string& given : {matrix, dir.file("matrix.txt")}) {
    const auto run =
        run_program(dir, {"predict", dir.file("small.vtp"), "--transform", given, "--surface", dir.file("small.vtp"),
                          "--volume", dir.file("cells.vtu"), "--unit", "m", "--out", "o", "--overwrite", "--json"});
    INFO(run.err);
    REQUIRE(run.code == 0);
    CHECK(core::parse_json(run.out)["coefficients"]["Cd"]["total"].get<double>() ==
          Approx(plain["coefficients"]["Cd"]["total"].get<double>()).margin(1e-5));
    CHECK(norm(mesh_io::read_surface(dir.file("o/surface.vtp")).points[5] - small.points[5]) < 1e-12);
    CHECK(norm(mesh_io::read_volume(dir.file("o/volume.vtu")).points[3] - cells.points[3]) < 1e-12);
    const json frame = core::parse_json(test::content(dir.file("o/run.json")))["frame"];
    CHECK(frame["metres_per_unit"] == 2);
    CHECK(frame["file_to_model"][1] == -2);
  }
}

TEST_CASE("options of the frame that make no sense") {
  const TempDir dir;
  mesh_io::write_vtp(dir.file("b.vtp"), body());
  struct Bad {
    std::vector<std::string> options;
    int code;
    std::string message;
  };
  dir.write("few.txt", "1 2 3");
  dir.write("words.txt", "this is no matrix");
  for (const Bad& bad :
       std::vector<Bad>{{{"--flow-direction", "sideways"}, 2, "'sideways' is not a direction"},
                        {{"--flow-direction", "+z"}, 2, "also give --up"},
                        {{"--up", "0,0,0"}, 2, "is not a direction"},
                        {{"--up", "1,0,0"}, 2, "also give --flow-direction"},
                        {{"--transform", "1 0 0 0 0 -1 0 0 0 0 1 0 0 0 0 1"}, 2, "reflection"},
                        {{"--transform", "1 0 0 0 0 2 0 0 0 0 1 0 0 0 0 1"}, 2, "scales its axes differently"},
                        {{"--transform", "1 0 0 0"}, 2, "4 numbers, a matrix has 16"},
                        {{"--transform", dir.file("few.txt")}, 3, "few.txt': 3 numbers"},
                        {{"--transform", dir.file("words.txt")}, 3, "words.txt'"},
                        {{"--transform", "none.txt"}, 2, "neither 16 numbers nor a file"},
                        {{"--transform", "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1", "--up", "+y"}, 2, "--up"},
                        {{"--ground", "low"}, 2, "'low' is not a height"},
                        {{"--place", "there"}, 2, "--place"},
                        {{"--unit", "yard"}, 2, "'yard' is not a unit"},
                        {{"--surface-resolution", "fine"}, 2, "'fine' is no length"},
                        {{"--surface-resolution", "5miles"}, 2, "--surface-resolution: 'miles'"},
                        {{"--surface-resolution", "1e-5"}, 3, "more than 20000000 triangles"}}) {
    std::vector<std::string> words = {"predict", dir.file("b.vtp"), "--volume", "none", "--out", "o"};
    words.insert(words.end(), bad.options.begin(), bad.options.end());
    const auto r = run_program(dir, words);
    INFO(r.err);
    CHECK(r.code == bad.code);
    CHECK_THAT(r.err, ContainsSubstring(bad.message));
    CHECK_FALSE(fs::exists(dir.path() / "o"));
  }
}

TEST_CASE("the unit is chosen by the model's lengths, and said") {
  const TempDir dir;
  const auto write = [&](const char* name, double factor) {
    auto mesh = body();
    for (Vec3& p : mesh.points) p = factor * p;
    mesh_io::write_vtp(dir.file(name), mesh);
    return dir.file(name);
  };
  const auto unit = [&](const std::string& file, std::vector<std::string> options) {
    std::vector<std::string> words = {"predict", file, "--volume", "none", "--out", "o", "--overwrite"};
    words.insert(words.end(), options.begin(), options.end());
    const auto r = run_program(dir, words);
    INFO(r.err);
    REQUIRE(r.code == 0);
    const json run = core::parse_json(test::content(dir.file("o/run.json")));
    if (run["frame"]["unit"] != "m") CHECK_THAT(r.err, ContainsSubstring("the model's bodies are 0.8843..1.209 m"));
    return run["frame"]["unit"].get<std::string>();
  };
  CHECK(unit(write("m.vtp", 1), {}) == "m");
  CHECK(unit(write("mm.vtp", 1000), {}) == "mm");
  CHECK(unit(write("cm.vtp", 100), {}) == "cm");
  CHECK(unit(write("in.vtp", 1 / 0.0254), {"--unit", "auto"}) == "in");
  CHECK(unit(write("ft.vtp", 1 / 0.3048), {"--unit", "auto"}) == "ft");
  const auto r = run_program(dir, {"predict", write("large.vtp", 12), "--volume", "none", "--unit", "auto"});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("in no unit is that near"));
}

TEST_CASE("the surface of the results is refined on request") {
  const TempDir dir;
  mesh_io::write_vtp(dir.file("b.vtp"), body());
  const auto r = run_program(
      dir, {"predict", dir.file("b.vtp"), "--volume", "none", "--surface-resolution", "2cm", "--out", "o", "--json"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  const auto fine = mesh_io::read_surface(dir.file("o/surface.vtp"));
  double area = 0;
  for (std::size_t f = 0; f < fine.face_count(); ++f) {
    area += norm(fine.area_vector(f));
    for (std::size_t i = 0; i < 3; ++i) REQUIRE(norm(fine.corner(f, (i + 1) % 3) - fine.corner(f, i)) <= 0.02);
  }
  double whole = 0;
  const auto coarse = body();
  for (std::size_t f = 0; f < coarse.face_count(); ++f) whole += norm(coarse.area_vector(f));
  CHECK(area == Approx(whole));
  const auto plain = run_program(dir, {"predict", dir.file("b.vtp"), "--volume", "none", "--json"});
  CHECK(core::parse_json(r.out)["coefficients"]["Cd"]["total"].get<double>() ==
        Approx(core::parse_json(plain.out)["coefficients"]["Cd"]["total"].get<double>()).margin(2e-3));
}
