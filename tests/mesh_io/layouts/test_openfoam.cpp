#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <fstream>

#include "mesh_io/h5/import.hpp"
#include "mesh_io/layouts/foam_setup.hpp"
#include "mesh_io/layouts/table_layout.hpp"
#include "mesh_io/openfoam.hpp"
#include "tests/mesh_io/layouts/foam_case.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"

using namespace streamtube;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using mesh_io::FoamDictionary;
using test::FoamCaseOptions;
using test::FoamCaseWriter;
using test::message_of;
using test::TempDir;

namespace {

void import_case(const TempDir& dir, const std::string& from, const std::string& to, const std::string& fields = {}) {
  const mesh_io::Layouts layouts = mesh_io::all_layouts(fields, "openfoam");
  mesh_io::import_cases(mesh_io::choose_layout(layouts, fields.empty() ? "auto" : "openfoam", dir.file(from)),
                        dir.file(from), dir.file(to), {});
}

void write_over(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE(
    "a case of OpenFOAM, ASCII or binary, whole, decomposed, collated or half, gives its fields, forces and flow") {
  FoamCaseOptions options;
  options.binary = GENERATE(false, true);
  SECTION("whole") {}
  SECTION("decomposed") { options.processors = 2; }
  SECTION("collated") { options.processors = 2, options.collated = {"processors2"}; }
  SECTION("collated in ranges") { options.processors = 2, options.collated = {"processors2_0-0", "processors2_1-1"}; }
  SECTION("forces") { options.forces = "force.dat"; }
  SECTION("forces of openfoam.org, half") { options.forces = "forces.dat", options.half = true; }
  SECTION("half") { options.half = true; }
  SECTION("half, decomposed") { options.half = true, options.processors = 2; }
  SECTION("not averaged") { options.mean = false; }
  const TempDir dir;
  const FoamCaseWriter written(dir.file("box"), options);
  import_case(dir, "box", "out.h5");
  const mesh_io::Dataset data(dir.file("out.h5"));
  REQUIRE(data.cases().size() == 1);
  CHECK(data.cases()[0].name == "box");
  const mesh_io::FlowSample s = data.read(0, true);
  const std::size_t images = options.half ? 2 : 1;
  REQUIRE(s.part[0].rows() == images * written.body_faces());
  REQUIRE(s.part[1].rows() == images * written.cells());
  CHECK(s.info.flow.velocity == 15);
  CHECK(s.info.flow.kinematic_viscosity == 1.5e-5);
  CHECK_THAT(s.info.reference_area, WithinRel(0.32, options.forces ? 2e-3 : 1e-12));
  CHECK(s.info.quality.at("time") == 100);
  // As the table is written; of forces over the body's shadow, which is found on a grid.
  const double near = options.forces ? 2e-3 : 1e-5;
  CHECK_THAT(s.info.coefficients.at("Cd"), WithinRel(written.cd(), near));
  CHECK_THAT(s.info.coefficients.at("Cd"), WithinRel(mesh_io::surface_forces(s).cd, 1e-5));
  CHECK_THAT(s.info.coefficients.at("Cl"), WithinRel(mesh_io::surface_forces(s).cl, 1e-5));
  CHECK_THAT(mesh_io::surface_forces(s).cd, WithinRel(written.cd(), near));
  CHECK_THAT(mesh_io::surface_forces(s).cl, WithinRel(written.cl(), near));
  const auto place = [&](int b, std::size_t i) {
    const float* x = &s.part[b].position[3 * i];
    return Vec3{x[0], x[1], x[2]};
  };
  double area = 0, volume = 0;
  for (std::size_t i = 0; i < s.part[0].rows(); ++i) {
    const Vec3 x = place(0, i), mirrored{x[0], options.half ? std::abs(x[1]) : x[1], x[2]};
    area += s.part[0].size[i];
    REQUIRE_THAT(double{s.part[0].fields[0].values[i]}, WithinAbs(test::foam_pressure(mirrored), 1e-3));
    Vec3 tau = test::foam_shear(mirrored);
    if (options.half && x[1] < 0) tau[1] = -tau[1];
    for (std::size_t a = 0; a < 3; ++a)
      REQUIRE_THAT(double{s.part[0].fields[1].values[3 * i + a]}, WithinAbs(tau[a], 1e-5));
    // Outward: away from the middle of the box.
    const float* n = &s.part[0].normal[3 * i];
    REQUIRE(n[0] * (x[0] - 0.5) + n[1] * x[1] + n[2] * (x[2] - 0.4) > 0.19);
  }
  CHECK_THAT(area, WithinRel(2 * (0.8 * 0.4 + 1 * 0.4 + 1 * 0.8), 1e-5));
  for (std::size_t i = 0; i < s.part[1].rows(); ++i) {
    const Vec3 x = place(1, i), mirrored{x[0], options.half ? std::abs(x[1]) : x[1], x[2]};
    const double side = options.half && x[1] < 0 ? -1 : 1;
    volume += s.part[1].size[i];
    REQUIRE_THAT(double{s.part[1].fields[0].values[i]}, WithinAbs(test::foam_pressure(mirrored), 1e-3));
    const Vec3 u = test::foam_velocity(mirrored), w = test::foam_vorticity(mirrored);
    for (std::size_t a = 0; a < 3; ++a) {
      REQUIRE_THAT(double{s.part[1].fields[1].values[3 * i + a]}, WithinAbs((a == 1 ? side : 1) * u[a], 1e-4));
      REQUIRE_THAT(double{s.part[1].fields[2].values[3 * i + a]}, WithinAbs((a == 1 ? 1 : side) * w[a], 1e-4));
    }
  }
  CHECK_THAT(volume, WithinRel(3 * 1.6 * 1 - 0.8 * 0.4, 1e-5));
}

TEST_CASE("what a collated case lacks is named") {
  FoamCaseOptions options;
  options.binary = true, options.processors = 2, options.collated = {"processors2"};
  const TempDir dir;
  const FoamCaseWriter written(dir.file("box"), options);
  const std::string field = dir.file("box/processors2/100/pMean"), whole = content(field);
  const auto error = [&] { return message_of([&] { import_case(dir, "box", "out.h5"); }); };
  write_over(field, whole.substr(0, whole.size() / 3));
  CHECK_THAT(error(), ContainsSubstring("pMean") && ContainsSubstring("data of processor 0"));
  write_over(field, whole.substr(0, whole.size() - 40));
  CHECK_THAT(error(), ContainsSubstring("data of processor 1"));
  write_over(field, whole.substr(0, whole.find("// Processor1")));
  CHECK_THAT(error(), ContainsSubstring("it has the data of 1 processors, not of 2"));
  write_over(field, whole);
  std::filesystem::rename(dir.file("box/processors2"), dir.file("box/processors3_0-1"));
  CHECK_THAT(error(), ContainsSubstring("processor 2 is missing: there are 3"));
  std::filesystem::create_directory(dir.file("box/processors3_1-2"));
  CHECK_THAT(error(), ContainsSubstring("processor 1 is in two of the folders"));
  std::filesystem::rename(dir.file("box/processors3_1-2"), dir.file("box/processors4"));
  CHECK_THAT(error(), ContainsSubstring("decomposed for") && ContainsSubstring("3") && ContainsSubstring("4"));
}

TEST_CASE("planted faults of a case of OpenFOAM are named") {
  FoamCaseOptions options;
  options.binary = true;
  const bool shear = GENERATE(false, true);
  (shear ? options.shear_sign : options.normals) = true;
  const TempDir dir;
  const FoamCaseWriter written(dir.file("box"), options);
  CHECK_THAT(message_of([&] { import_case(dir, "box", "out.h5"); }),
             ContainsSubstring(shear ? "wall shear stress seems to have the other sign"
                                     : "normals seem to point into the body"));
}

TEST_CASE("times are chosen, vorticity computed, patches named by a table") {
  FoamCaseOptions options;
  options.vorticity = false;
  const TempDir dir;
  const FoamCaseWriter written(dir.file("cases/box"), options);
  dir.write(
      "t.json",
      R"({"openfoam": {"time": "50", "patches": ["body"]}, "reference": {"area": 0.5}, "flow": {"velocity": 30}})");
  // At time 50 all fields are half of those that the coefficients are of: the last row before it counts (time 1).
  CHECK_THAT(message_of([&] { import_case(dir, "cases", "out.h5", dir.file("t.json")); }),
             ContainsSubstring("the solver gave Cd 9"));
  std::filesystem::remove_all(dir.file("cases/box/postProcessing"));
  import_case(dir, "cases", "out.h5", dir.file("t.json"));
  const mesh_io::FlowSample s = mesh_io::Dataset(dir.file("out.h5")).read(0);
  CHECK(s.info.flow.velocity == 30);
  CHECK(s.info.reference_area == 0.5);
  CHECK(s.info.quality.at("time") == 50);
  REQUIRE(s.part[1].fields.size() == 3);
  // Inside of the channel: of half of foam_velocity.
  std::size_t inside = 0;
  for (std::size_t i = 0; i < s.part[1].rows(); ++i) {
    const float* x = &s.part[1].position[3 * i];
    if (!(x[0] > 1.3 && x[0] < 1.7 && std::abs(x[1]) < 0.4 && x[2] > 0.25 && x[2] < 0.75)) continue;
    ++inside;
    const double expected[3] = {0.75 * x[1], 1.5, 0.75 * x[1]};
    for (std::size_t a = 0; a < 3; ++a)
      REQUIRE_THAT(double{s.part[1].fields[2].values[3 * i + a]}, WithinAbs(expected[a], 0.02));
  }
  CHECK(inside > 10);
  dir.write("t.json", R"({"openfoam": {"patches": ["wing"]}})");
  CHECK_THAT(message_of([&] { import_case(dir, "cases", "b.h5", dir.file("t.json")); }),
             ContainsSubstring("no patch 'wing'"));
  dir.write("t.json", R"({"openfoam": {"time": "70"}})");
  CHECK_THAT(message_of([&] { import_case(dir, "cases", "b.h5", dir.file("t.json")); }),
             ContainsSubstring("no time 70"));
}

TEST_CASE("damaged and unfinished cases of OpenFOAM are told") {
  const TempDir dir;
  FoamCaseOptions options;
  const auto fails = [&] { return message_of([&] { import_case(dir, "box", "out.h5"); }); };
  SECTION("nothing was computed yet") {
    const FoamCaseWriter written(dir.file("box"), options);
    std::filesystem::remove_all(dir.file("box/50")), std::filesystem::remove_all(dir.file("box/100"));
    CHECK_THAT(fails(), ContainsSubstring("no time beside 0"));
  }
  SECTION("no mesh") {
    const FoamCaseWriter written(dir.file("box"), options);
    std::filesystem::remove(dir.file("box/constant/polyMesh/owner"));
    CHECK_THAT(fails(), ContainsSubstring("polyMesh is not complete"));
  }
  SECTION("no wall shear stress") {
    options.shear = false;
    const FoamCaseWriter written(dir.file("box"), options);
    CHECK_THAT(fails(), ContainsSubstring("no field 'wallShearStressMean' or 'wallShearStress'"));
  }
  SECTION("a processor that died before the last time") {
    options.processors = 2;
    const FoamCaseWriter written(dir.file("box"), options);
    std::filesystem::remove_all(dir.file("box/processor1/100"));
    const mesh_io::FoamCase c = mesh_io::find_foam_case(dir.file("box"));
    CHECK(c.times == std::vector<std::string>{"50"});
  }
  SECTION("a processor that is missing") {
    options.processors = 2;
    const FoamCaseWriter written(dir.file("box"), options);
    std::filesystem::remove_all(dir.file("box/processor1"));
    CHECK_THAT(fails(), ContainsSubstring("processor1 is missing"));
  }
  SECTION("files that end too early") {
    options.binary = GENERATE(false, true);
    const FoamCaseWriter written(dir.file("box"), options);
    const std::string file = GENERATE("100/pMean", "100/UMean", "constant/polyMesh/faces", "constant/polyMesh/points",
                                      "constant/polyMesh/owner", "constant/polyMesh/boundary", "system/controlDict");
    const std::string path = dir.file("box/" + file), text = content(path);
    write_over(path, text.substr(0, text.size() * 2 / 3));
    CAPTURE(file, options.binary);
    CHECK_THAT(fails(), ContainsSubstring("box"));
  }
}

TEST_CASE("dictionaries: what is included lands where it stands, macros reach as in OpenFOAM, patterns name many") {
  const TempDir dir;
  std::filesystem::create_directory(dir.path() / "system");
  dir.write("system/forceCoeffs", "forceCoeffs1 { type forceCoeffs; rhoInf 1.2; Aref $area; }\n");
  dir.write("system/limits", "type fieldMinMax;\n");
  dir.write("d", R"(area 0.2; inlet { speed 30; nut { value 4; } }
functions {
  area 0.1;
  #include "$FOAM_CASE/system/forceCoeffs"
  #includeIfPresent "nothing"
  #includeFunc limits
  own { a $inlet.speed; b ${area}; c $:area; d $..area; e $:inlet.nut.value; f $unknown; g #calc "2*3"; }
  copy { $inlet; speed 31; }
}
"(front|rear)Wheel" { omega 100; } frontWheel { radius 0.3; } "rear.*" { omega 90; }
)");
  const FoamDictionary d = FoamDictionary::read(dir.file("d"));
  CHECK(d.children("functions") == std::vector<std::string>{"area", "forceCoeffs1", "limits", "own", "copy"});
  CHECK(d.number("functions/forceCoeffs1/rhoInf") == 1.2);
  CHECK(d.number("functions/forceCoeffs1/Aref") == 0.1);  // the nearest
  REQUIRE(d.find("functions/limits/type"));
  CHECK(*d.find("functions/limits/type") == "fieldMinMax");
  CHECK(d.number("functions/own/a") == 30);
  CHECK(d.number("functions/own/b") == 0.1);
  CHECK(d.number("functions/own/c") == 0.2);
  CHECK(d.number("functions/own/d") == 0.1);
  CHECK(d.number("functions/own/e") == 4);
  CHECK_THAT(message_of([&] { d.number("functions/own/f"); }),
             ContainsSubstring("'functions/own/f' is $unknown, a macro that names nothing"));
  CHECK_THAT(message_of([&] { d.number("functions/own/g"); }), ContainsSubstring("'functions/own/g' is #calc"));
  CHECK(d.number("functions/copy/nut/value") == 4);
  CHECK(d.number("functions/copy/speed") == 31);
  CHECK(d.number("frontWheel/radius") == 0.3);
  CHECK(d.number("frontWheel/omega") == 100);
  CHECK(d.number("rearWheel/omega") == 90);  // the last pattern counts
  dir.write("missing", "#include \"gone\"\na 1;\n$nothing;\n");
  const auto unread = FoamDictionary::read(dir.file("missing")).unread();
  REQUIRE(unread.size() == 2);
  CHECK_THAT(unread[0], ContainsSubstring("missing'") && ContainsSubstring("line 1: #include \"gone\" names no file"));
  CHECK_THAT(unread[1], ContainsSubstring("line 3: $nothing names nothing"));
}

TEST_CASE("dictionaries: lists, macros, includes, comments; and what does not end") {
  const TempDir dir;
  dir.write("more", "deep { value 3; }\n");
  dir.write("d", R"(FoamFile { class dictionary; }
/* several
lines */ nu nu [0 2 -1 0 0 0 0] 1.5e-05; speed 15; // a comment
#include "more"
functions { loads { type forceCoeffs; patches ("wheel.*" body); U $speed; dir (1 0 0); } }
schemes { div(phi,U) bounded Gauss linear; }
speed 16;
)");
  const FoamDictionary d = FoamDictionary::read(dir.file("d"));
  CHECK(d.number("nu") == 1.5e-5);
  CHECK(d.number("speed") == 16);
  CHECK(d.number("functions/loads/U") == 15);
  CHECK(d.number("deep/value") == 3);
  CHECK(d.words("functions/loads/patches") == std::vector<std::string>{"wheel.*", "body"});
  CHECK(*d.find("schemes/div(phi,U)") == "bounded Gauss linear");
  CHECK(d.children("functions") == std::vector<std::string>{"loads"});
  CHECK_FALSE(d.number("functions/loads/type").has_value());
  CHECK(d.find("nothing") == nullptr);
  const auto fails = [&](const std::string& text) {
    dir.write("bad", text);
    return message_of([&] { FoamDictionary::read(dir.file("bad")); });
  };
  CHECK_THAT(fails("a { b 1;"), ContainsSubstring("line 1") && ContainsSubstring("'a' does not end"));
  CHECK_THAT(fails("a 1; }"), ContainsSubstring("closes nothing"));
  CHECK_THAT(fails("\n\na 1"), ContainsSubstring("line 3") && ContainsSubstring("does not end"));
  CHECK_THAT(fails("a \"b"), ContainsSubstring("string does not end"));
  CHECK_THAT(fails("/* a"), ContainsSubstring("comment does not end"));
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "a {";
  CHECK_THAT(fails(deep), ContainsSubstring("too deep"));
  dir.write("loop", "#include \"loop\"\n");
  CHECK_THAT(message_of([&] { FoamDictionary::read(dir.file("loop")); }), ContainsSubstring("include one another"));
}
