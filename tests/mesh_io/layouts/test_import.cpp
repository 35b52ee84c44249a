// Every layout comes back as what was written, and what is planted in it is found and named.

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <filesystem>
#include <limits>

#include "core/error.hpp"
#include "mesh_io/h5/import.hpp"
#include "mesh_io/layouts/table_layout.hpp"
#include "tests/mesh_io/layouts/published_layouts.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"

using namespace streamtube;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;
using geometry::Association;
using mesh_io::Dataset;
using mesh_io::FlowSample;
using mesh_io::ImportOptions;
using test::message_of;
using test::Plant;
using test::SolvedCase;
using test::TempDir;

namespace {

void import(const TempDir& dir, const std::string& from, const std::string& to, const std::string& layout,
            const ImportOptions& options = {}, const std::string& fields = {}) {
  const mesh_io::Layouts layouts = mesh_io::all_layouts(fields, layout);
  const auto& chosen = mesh_io::choose_layout(layouts, layout, dir.file(from));
  mesh_io::import_cases(chosen, dir.file(from), dir.file(to), options);
}

const std::vector<float>& field(const FlowSample& s, int b, const std::string& name) {
  for (const auto& f : s.part[b].fields)
    if (f.name == name) return f.values;
  throw std::runtime_error("no field " + name);
}

#define EVERY_VTK_LAYOUT \
  GENERATE(as<std::string>{}, "ahmedml", "drivaerml", "windsorml", "drivaernet++", "shapenet-car", "drivaerstar")

}  // namespace

TEST_CASE("every layout is told by its files and comes back bit for bit") {
  const std::string layout = EVERY_VTK_LAYOUT;
  CAPTURE(layout);
  const TempDir dir;
  const SolvedCase c = test::write_layout(layout, dir.file("set"), 1);
  import(dir, "set", "out.h5", "auto");
  CHECK_FALSE(std::filesystem::exists(dir.file("out.h5.import")));
  const Dataset data(dir.file("out.h5"));
  REQUIRE(data.cases().size() == 1);
  const FlowSample s = data.read(0, true);
  CHECK(s.info.flow.velocity == c.velocity);
  CHECK(s.info.flow.density == c.density);
  const bool on_points = layout == "drivaernet++" || layout == "shapenet-car";
  const Association on = on_points ? Association::points : Association::faces;

  const auto& pressure = c.of_surface("pressure", on).values;
  if (layout == "windsorml") {  // over q and back: a rounding each
    const auto& got = field(s, 0, "pressure");
    REQUIRE(got.size() == pressure.size());
    for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(std::abs(got[i] - pressure[i]) <= 2e-7f * std::abs(pressure[i]));
  } else {
    CHECK((field(s, 0, "pressure") == pressure));  // in parentheses: a failure need not print them all
  }
  REQUIRE(s.part[0].rows() == pressure.size());
  if (layout != "shapenet-car") {
    const auto& shear = c.of_surface("wall_shear_stress", on).values;
    if (layout == "windsorml") {  // over q and back: a rounding each
      const auto& got = field(s, 0, "wall_shear_stress");
      for (std::size_t i = 0; i < shear.size(); ++i) REQUIRE(std::abs(got[i] - shear[i]) <= 2e-7f * std::abs(shear[i]));
    } else {
      CHECK((field(s, 0, "wall_shear_stress") == shear));
    }
  }
  if (!on_points)
    for (std::size_t f = 0; f < c.surface.face_count(); f += 97) {
      const Vec3 at = c.surface.centroid(f), area = c.surface.area_vector(f);
      for (std::size_t a = 0; a < 3; ++a) {
        REQUIRE(std::abs(s.part[0].position[3 * f + a] - at[a]) < 1e-4);  // warped faces: by their first corner
        REQUIRE(std::abs(s.part[0].normal[3 * f + a] - area[a] / norm(area)) < 1e-4);
      }
      REQUIRE_THAT(double{s.part[0].size[f]}, WithinRel(norm(area), 1e-4));
    }
  if (layout == "drivaerstar") {
    CHECK(s.part[1].rows() == 0);
    CHECK(data.fields(physics::Branch::volume).empty());
    return;
  }
  // The point of the volume that lies on the surface is left out of ShapeNet-Car's.
  auto speed = c.of_volume("velocity", on).values;
  if (layout == "shapenet-car") speed.erase(speed.begin() + 9, speed.begin() + 12);
  CHECK((field(s, 1, "velocity") == speed));
  if (layout == "shapenet-car") return;
  CHECK((field(s, 1, "pressure") == c.of_volume("pressure", on).values));
  double volume = 0;
  for (const float v : s.part[1].size) volume += v;
  CHECK_THAT(volume, WithinRel(4.0 * 2.0 * 1.2, 1e-5));
  const auto& w = field(s, 1, "vorticity");
  if (layout == "ahmedml") {
    for (std::size_t i = 0; i < w.size(); ++i) REQUIRE(w[i] == 3 * speed[i]);
  } else {  // computed: of this flow it is the same everywhere (of cells: but at the boundaries)
    const Vec3 expected = test::vorticity_of_solved_case(c.velocity);
    std::size_t inside = 0;
    for (std::size_t i = 0; i < s.part[1].rows(); ++i) {
      const float* x = &s.part[1].position[3 * i];
      if (!on_points && !(x[0] > -0.6 && x[0] < 2.6 && std::abs(x[1]) < 0.7 && x[2] > 0.25 && x[2] < 0.95)) continue;
      ++inside;
      for (std::size_t a = 0; a < 3; ++a) REQUIRE_THAT(double{w[3 * i + a]}, WithinRel(expected[a], 1e-3));
    }
    CHECK(inside > 100);
  }
  if (layout == "ahmedml" || layout == "drivaerml") {
    CHECK(s.info.parameters.at("slant_angle") == 18.12);
    CHECK(s.info.parameters.count("run") == 0);
    CHECK(s.info.triangles > 10000);
    CHECK_THAT(s.info.reference_area, WithinRel(c.area, 1e-6));
  }
  if (layout == "ahmedml" || layout == "drivaerml" || layout == "windsorml")
    CHECK_THAT(mesh_io::surface_forces(s).cd, WithinRel(s.info.coefficients.at("Cd"), 1e-3));
}

TEST_CASE("a planted sign of the shear stress and planted normals are found and named in every layout") {
  const std::string layout = EVERY_VTK_LAYOUT;
  CAPTURE(layout);
  {
    const TempDir dir;
    test::write_layout(layout, dir.file("set"), 1, Plant{false, true});
    CHECK_THAT(message_of([&] { import(dir, "set", "out.h5", "auto"); }), ContainsSubstring("normals seem to point into the body"));
    CHECK_FALSE(std::filesystem::exists(dir.file("out.h5")));
    CHECK_FALSE(std::filesystem::exists(dir.file("out.h5.import")));
  }
  if (layout == "shapenet-car") return;  // has no shear stress
  const TempDir dir;
  test::write_layout(layout, dir.file("set"), 1, Plant{true, false});
  CHECK_THAT(message_of([&] { import(dir, "set", "out.h5", "auto"); }),
             ContainsSubstring("wall shear stress seems to have the other sign (OpenFOAM's own)"));
}

TEST_CASE("both planted faults are named together") {
  const TempDir dir;
  test::write_layout("ahmedml", dir.file("set"), 1, Plant{true, true});
  CHECK_THAT(message_of([&] { import(dir, "set", "out.h5", "auto"); }),
             ContainsSubstring("point into the body, and the wall shear stress"));
}

TEST_CASE("the user's own table mends what a layout gets wrong, or describes other files") {
  const TempDir dir;
  test::write_layout("windsorml", dir.file("set"), 1, Plant{true, true});
  dir.write("changes.json", R"({"surface": {"normals": "inward", "fields": {"wall_shear_stress": {"sign": -1}}}})");
  import(dir, "set", "out.h5", "windsorml", {}, dir.file("changes.json"));
  CHECK(Dataset(dir.file("out.h5")).cases().size() == 1);

  const SolvedCase c = test::write_layout("ahmedml", dir.file("mine"), 3);
  std::filesystem::rename(dir.file("mine/run_3/boundary_3.vtp"), dir.file("mine/run_3/skin.vtp"));
  dir.write("own.json", R"({
    "case": "design_{n}",
    "flow": {"velocity": 15, "density": 1, "kinematic_viscosity": 1.5e-5},
    "reference": {"area": 0.0937271},
    "coefficients": {"Cd": {"csv": "run_{n}/force_mom_{n}.csv", "column": "cd"}},
    "surface": {"file": "run_{n}/skin.vtp", "normals": "inward",
                "fields": {"pressure": "pMean", "wall_shear_stress": {"array": "wallShearStressMean", "sign": -1}}},
    "volume": {"file": "run_{n}/volume_{n}.vtu", "box": [0, 2, -1, 1, 0, 1],
               "fields": {"velocity": "UMean", "speed_again": {"array": "UMean", "scale": "velocity", "components": 3}}}
  })");
  import(dir, "mine", "own.h5", "own", {}, dir.file("own.json"));
  const Dataset own(dir.file("own.h5"));
  CHECK(own.cases()[0].name == "design_3");
  CHECK_THAT(own.cases()[0].reference_length, WithinRel(0.9614266, 1e-3));  // measured
  const FlowSample s = own.read(0);
  CHECK(field(s, 1, "speed_again") == field(s, 1, "velocity"));
  CHECK(s.part[1].rows() < c.volume.cell_count());
  for (std::size_t i = 0; i < s.part[1].rows(); ++i) REQUIRE((s.part[1].position[3 * i] >= 0 && s.part[1].position[3 * i] <= 2));
}

TEST_CASE("an import that was cut off goes on, and gives what one at once gives") {
  const TempDir dir;
  for (int n = 1; n <= 3; ++n) test::write_layout("ahmedml", dir.file("set"), n);
  import(dir, "set", "whole.h5", "ahmedml");
  // The third case cannot be read: two are finished and wait.
  const std::string bad = dir.file("set/run_3/volume_3.vtu"), text = test::layouts::content_of(bad);
  test::layouts::write(bad, text.substr(0, text.size() / 2));
  CHECK_THAT(message_of([&] { import(dir, "set", "out.h5", "ahmedml"); }), ContainsSubstring("case 'run_3'") && ContainsSubstring("volume_3.vtu"));
  CHECK_FALSE(std::filesystem::exists(dir.file("out.h5")));
  CHECK_THAT(message_of([&] { import(dir, "set", "out.h5", "ahmedml"); }), ContainsSubstring("did not end: 2 of 3"));
  const auto kept = std::filesystem::last_write_time(dir.file("out.h5.import/run_1.h5"));
  // What a kill in the middle of a case leaves.
  test::layouts::write(dir.file("out.h5.import/.run_3.part-77-0.h5"), "half");
  test::layouts::write(dir.file("out.h5.import/run_3.work/volume_3.vtu"), "half");
  ImportOptions options;
  options.resume = true;
  options.volume_points = 100;
  CHECK_THAT(message_of([&] { import(dir, "set", "out.h5", "ahmedml", options); }), ContainsSubstring("another volume_points"));
  options.volume_points = 0;
  options.skip_bad = true;
  options.jobs = 2;
  import(dir, "set", "two.h5", "ahmedml", options);
  CHECK(Dataset(dir.file("two.h5")).cases().size() == 2);
  test::layouts::write(bad, text);
  options.skip_bad = false;
  std::filesystem::copy(dir.file("out.h5.import"), dir.file("watch"), std::filesystem::copy_options::recursive);
  CHECK(std::filesystem::last_write_time(dir.file("out.h5.import/run_1.h5")) == kept);
  import(dir, "set", "out.h5", "ahmedml", options);
  CHECK(test::layouts::content_of(dir.file("out.h5")) == test::layouts::content_of(dir.file("whole.h5")));
  CHECK_FALSE(std::filesystem::exists(dir.file("out.h5.import")));
  CHECK_THAT(message_of([&] { import(dir, "set", "out.h5", "ahmedml"); }), ContainsSubstring("is there already"));
}

TEST_CASE("an import removes nothing but what is its own") {
  const TempDir dir;
  test::write_layout("ahmedml", dir.file("set"));
  import(dir, "set", "out", "ahmedml");
  ImportOptions again;
  again.overwrite = true;
  import(dir, "set", "out/", "ahmedml", again);  // its own
  test::layouts::write(dir.file("out/notes.txt"), "mine");
  CHECK_THAT(message_of([&] { import(dir, "set", "out", "ahmedml", again); }), ContainsSubstring("holds 'notes.txt'"));
  CHECK(std::filesystem::exists(dir.file("out/notes.txt")));
  CHECK(Dataset(dir.file("out")).cases().size() == 1);
  // Neither the source nor what holds it.
  for (const char* output : {"set", "set/", "set/../set", "."})
    CHECK_THAT(message_of([&] { import(dir, "set", output, "ahmedml", again); }), ContainsSubstring("it is made of"));
  std::filesystem::create_directory_symlink(dir.file("set"), dir.file("link"));
  CHECK_THAT(message_of([&] { import(dir, "set", "link", "ahmedml", again); }), ContainsSubstring("it is made of"));
  test::layouts::write(dir.file("letter.h5"), "no data set");
  CHECK_THAT(message_of([&] { import(dir, "set", "letter.h5", "ahmedml", again); }), ContainsSubstring("no data set of ours"));
  CHECK(test::layouts::content_of(dir.file("letter.h5")) == "no data set");
  test::layouts::write(dir.file("new.import/notes.txt"), "mine");
  CHECK_THAT(message_of([&] { import(dir, "set", "new", "ahmedml", again); }), ContainsSubstring("holds 'notes.txt'"));
}

TEST_CASE("fields on cells and points are brought together, values that are not finite dropped where that is asked for") {
  const TempDir dir;
  test::write_layout("drivaernet++", dir.file("cars"), 1);
  std::filesystem::remove_all(dir.file("cars/CFD"));  // surfaces alone, as most copies are
  const std::string shear = dir.file("cars/WallShearStressVTK_Updated/N_S_WWS_WM/N_S_WWS_WM_001.vtk");
  auto mesh = mesh_io::read_surface(shear);
  REQUIRE(mesh.attributes.size() == 1);
  geometry::Attribute on_faces{mesh.attributes[0].name, geometry::Association::faces, 3, {}};
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    for (const float v : {-1.f, -2.f, -3.f}) on_faces.values.push_back(v);
  const auto points = mesh.attributes;
  mesh.attributes = {on_faces};
  test::layouts::write(shear, test::layouts::legacy(mesh));
  import(dir, "cars", "cells.h5", "auto");
  const Dataset cells(dir.file("cells.h5"));
  CHECK(cells.fields(physics::Branch::volume).empty());
  const auto tau = field(cells.read(0), 0, "wall_shear_stress");
  for (std::size_t i = 0; i < tau.size(); ++i) REQUIRE(tau[i] == static_cast<float>(1 + i % 3));

  mesh.attributes = points;
  mesh.attributes[0].values[30] = std::numeric_limits<float>::quiet_NaN();
  test::layouts::write(shear, test::layouts::legacy(mesh));
  CHECK_THAT(message_of([&] { import(dir, "cars", "bad.h5", "auto"); }), ContainsSubstring("N_S_WWS_WM_001"));
  ImportOptions drop;
  drop.drop_bad_rows = true;
  import(dir, "cars", "good.h5", "auto", drop);
  const Dataset good(dir.file("good.h5"));
  CHECK(good.cases()[0].quality.at("dropped_surface_rows") == 1);
  CHECK(good.cases()[0].rows[0] + 1 == cells.cases()[0].rows[0]);
}

TEST_CASE("a folder holds a file a case, splits by name, and fewer points of the volume") {
  const TempDir dir;
  for (int n = 1; n <= 3; ++n) test::write_layout("ahmedml", dir.file("set"), n);
  ImportOptions options;
  options.volume_points = 50;
  options.splits = {{"train", {"1", "2", "9"}}, {"test", {"run_3"}}, {"empty", {"77"}}};
  options.splits_name = "'published'";
  import(dir, "set", "out", "ahmedml", options);
  CHECK(std::filesystem::exists(dir.file("out/run_2.h5")));
  const Dataset data(dir.file("out"));
  CHECK(data.splits() == std::vector<std::string>{"all", "test", "train"});
  CHECK(data.split("train").size() == 2);
  const FlowSample a = data.read(0, true), b = data.read(1, true);
  CHECK(a.part[1].rows() == 50);
  CHECK(field(a, 1, "velocity") != field(b, 1, "velocity"));  // drawn by the case
}

TEST_CASE("bad files of a layout are told by name, with what is there") {
  const TempDir dir;
  const std::string layout = "drivaerml";
  test::write_layout(layout, dir.file("set"), 1);
  const auto path = [&](const std::string& name) { return dir.file("set/run_1/" + name); };
  const auto fails = [&] { return message_of([&] { import(dir, "set", "out.h5", "drivaerml"); }); };
  SECTION("a part is missing") {
    std::filesystem::remove(path("volume_1.vtu.01.part"));
    CHECK_THAT(fails(), ContainsSubstring("part 1 of 'volume_1.vtu' is missing"));
  }
  SECTION("the last part is missing") {
    std::filesystem::remove(path("volume_1.vtu.02.part"));
    CHECK_THAT(fails(), ContainsSubstring("volume_1.vtu"));
  }
  SECTION("a part is empty") {
    test::layouts::write(path("volume_1.vtu.01.part"), "");
    CHECK_THAT(fails(), ContainsSubstring("volume_1.vtu.01.part") && ContainsSubstring("empty"));
  }
  SECTION("no volume at all") {
    for (const char* part : {"0", "1", "2"}) std::filesystem::remove(path(core::str("volume_1.vtu.0", part, ".part")));
    import(dir, "set", "out.h5", "drivaerml");  // of surfaces alone
    CHECK(Dataset(dir.file("out.h5")).fields(physics::Branch::volume).empty());
    // Where other cases have one, it is missing.
    std::filesystem::remove(dir.file("out.h5"));
    test::write_layout("drivaerml", dir.file("set"), 2);
    CHECK_THAT(fails(), ContainsSubstring("'run_1/volume_1.vtu'"));
  }
  SECTION("a renamed array") {
    auto mesh = mesh_io::read_surface(path("boundary_1.vtp"));
    for (auto& a : mesh.attributes)
      if (a.name == "pMeanTrim") a.name = "pressure_mean";
    mesh_io::write_vtp(path("boundary_1.vtp"), mesh);
    CHECK_THAT(fails(), ContainsSubstring("no array 'pMeanTrim'"));
  }
  SECTION("a value that is not finite") {
    auto mesh = mesh_io::read_surface(path("boundary_1.vtp"));
    for (auto& a : mesh.attributes)
      if (a.name == "pMeanTrim") a.values[7] = std::nanf("");
    mesh_io::write_vtp(path("boundary_1.vtp"), mesh);
    CHECK_THAT(fails(), ContainsSubstring("surface/pressure: row 7 is not finite"));
  }
  SECTION("arrays on cells and on points") {
    auto mesh = mesh_io::read_surface(path("boundary_1.vtp"));
    const auto c = test::solved_case(38.889, 1);
    for (auto& a : mesh.attributes)
      if (a.name == "pMeanTrim") a = test::layouts::renamed(c.of_surface("pressure", Association::points), "pMeanTrim");
    mesh_io::write_vtp(path("boundary_1.vtp"), mesh);
    // Averaged to where the pressure is; on a mesh as coarse as this one lift shows it.
    CHECK_THAT(fails(), ContainsSubstring("only Cl differs"));
  }
  SECTION("a damaged table") {
    test::layouts::write(path("force_mom_1.csv"), "Cd,Cl\n0.3\n");
    CHECK_THAT(fails(), ContainsSubstring("force_mom_1.csv") && ContainsSubstring("1 values for 2 columns"));
    test::layouts::write(path("force_mom_1.csv"), "Cd,Cl\nfast,0.3\n");
    CHECK_THAT(fails(), ContainsSubstring("\"fast\", not a number"));
    test::layouts::write(path("force_mom_1.csv"), "drag,lift\n1,2\n");
    CHECK_THAT(fails(), ContainsSubstring("no column 'Cd'"));
  }
  SECTION("a density too much") {
    auto mesh = mesh_io::read_surface(path("boundary_1.vtp"));
    for (auto& a : mesh.attributes)
      for (float& x : a.values) x *= 1.2f;
    mesh_io::write_vtp(path("boundary_1.vtp"), mesh);
    CHECK_THAT(fails(), ContainsSubstring("the solver gave Cd"));
  }
  CHECK_FALSE(std::filesystem::exists(dir.file("out.h5")));
}

TEST_CASE("paired files: other meshes and other numbers are told") {
  const TempDir dir;
  test::write_layout("drivaernet++", dir.file("cars"), 1);
  const std::string shear = dir.file("cars/WallShearStressVTK_Updated/N_S_WWS_WM/N_S_WWS_WM_001.vtk");
  const auto fails = [&](const std::string& set) { return message_of([&] { import(dir, set, "out.h5", "auto"); }); };
  auto mesh = mesh_io::read_surface(shear);
  mesh.points[11][0] += 0.01;
  test::layouts::write(shear, test::layouts::legacy(mesh));
  CHECK_THAT(fails("cars"), ContainsSubstring("1 of ") && ContainsSubstring("points of") && ContainsSubstring("are not in it"));
  std::filesystem::remove(shear);
  CHECK_THAT(fails("cars"), ContainsSubstring("file of the field wall_shear_stress"));

  const SolvedCase c = test::write_layout("shapenet-car", dir.file("shapes"), 1);
  const std::string npy = dir.file("shapes/training_data/param1/1dc58be25e1b6e5675cad724c63e2221/press.npy");
  const std::string good = test::layouts::content_of(npy);
  test::layouts::write(npy, good.substr(0, good.size() - 4));
  CHECK_THAT(fails("shapes"), ContainsSubstring("press.npy") && ContainsSubstring("its header says"));
  std::string changed = good;
  changed[good.size() - 1] = static_cast<char>(changed[good.size() - 1] ^ 0x40);
  test::layouts::write(npy, changed);
  CHECK_THAT(fails("shapes"), ContainsSubstring("press.npy") && ContainsSubstring("value "));
}

TEST_CASE("tables of a user: every mistake has its key") {
  const auto fails = [](const std::string& json) { return message_of([&] { mesh_io::parse_layout_table(json, "'t.json'"); }); };
  CHECK_THAT(fails("[1"), ContainsSubstring("'t.json'") && ContainsSubstring("not valid JSON"));
  CHECK_THAT(fails("{}"), ContainsSubstring("no 'surface'"));
  CHECK_THAT(fails(R"({"surfaces": {}})"), ContainsSubstring("unknown key 'surfaces'"));
  CHECK_THAT(fails(R"({"surface": {"fields": {"pressure": "p"}}})"), ContainsSubstring("names no 'file'"));
  const auto with = [](const std::string& more) { return R"({"surface": {"file": "a.vtp", )" + more + "}}"; };
  CHECK_THAT(fails(with(R"("fields": {})")), ContainsSubstring("names no field"));
  CHECK_THAT(fails(with(R"("normals": "up", "fields": {"pressure": "p"})")), ContainsSubstring("inward or outward"));
  CHECK_THAT(fails(with(R"("fields": {"pressure": {"array": "p", "unit": "psi"}})")), ContainsSubstring("surface.fields.pressure.unit"));
  CHECK_THAT(fails(with(R"("fields": {"pressure": {"array": "p", "sign": 2}})")), ContainsSubstring("must be 1 or -1"));
  CHECK_THAT(fails(with(R"("fields": {"heat": "q"})")), ContainsSubstring("none of the known fields"));
  CHECK_THAT(fails(with(R"("fields": {"wall_shear_stress": {"array": [["a", "b"]]}})")), ContainsSubstring("3 components"));
  CHECK_THAT(fails(R"({"axes": ["z", "y", "x"], "surface": {"file": "a", "fields": {"pressure": "p"}}})"), ContainsSubstring("mirror image"));
  CHECK_THAT(fails(R"({"axes": ["z", "z", "x"], "surface": {"file": "a", "fields": {"pressure": "p"}}})"), ContainsSubstring("'axes' must name"));
  CHECK_THAT(fails(R"({"flow": {"velocity": "fast"}, "surface": {"file": "a", "fields": {"pressure": "p"}}})"), ContainsSubstring("'flow.velocity' is not a number"));
}

TEST_CASE("a folder of no layout, of two, and an unknown name") {
  const TempDir dir;
  dir.write("readme.txt", "nothing");
  CHECK_THAT(message_of([&] { import(dir, "", "out.h5", "auto"); }), ContainsSubstring("no cases of a known layout"));
  CHECK_THAT(message_of([&] { import(dir, "nowhere", "out.h5", "auto"); }), ContainsSubstring("is not a folder"));
  CHECK_THAT(message_of([&] { import(dir, "", "out.h5", "drivaer"); }), ContainsSubstring("no layout 'drivaer'"));
  CHECK_THAT(message_of([&] { import(dir, "", "out.h5", "drivaerml"); }), ContainsSubstring("no cases of the layout"));
}
