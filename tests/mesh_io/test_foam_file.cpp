#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <numeric>

#include "core/files.hpp"
#include "geometry/surface_report.hpp"
#include "mesh_io/foam_file.hpp"
#include "tests/support/foam_case.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"

using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using test::FoamFormat;
using test::message_of;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

const Vec3 kLow{0, -0.2, 0.05}, kHigh{1, 0.2, 0.35};
const FoamFormat kFormats[] = {{false, 4}, {true, 4}, {true, 8}};

std::vector<double> rising(std::size_t n, double first) {
  std::vector<double> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = first + 0.1 * static_cast<double>(i) / 3;
  return out;
}

}  // namespace

TEST_CASE("a mesh is read alike from ASCII and binary, labels of 32 and 64 bit", "[foam]") {
  const test::TinyFoamMesh tiny(kLow, kHigh);
  for (const auto& format : kFormats) {
    const TempDir dir;
    tiny.write(dir.path() / "constant/polyMesh", format);
    const auto mesh = mesh_io::read_poly_mesh(dir.path().string());
    CHECK(mesh.points == tiny.points);
    CHECK(mesh.owner == tiny.owner);
    CHECK(mesh.neighbour == tiny.neighbour);
    CHECK(mesh.cells == 17);
    REQUIRE(mesh.find("body") != nullptr);
    CHECK(mesh.find("body")->type == "wall");
    CHECK(mesh.find("body")->count == 5);
    CHECK(mesh.find("nose") == nullptr);

    const auto geometry = mesh_io::poly_geometry(mesh);
    const double volume = std::accumulate(geometry.cell_volume.begin(), geometry.cell_volume.end(), 0.0);
    CHECK(volume == Approx(9 * 2 * 2 - 1 * 0.2 * 0.3));
    for (std::size_t f = 0; f < mesh.faces(); ++f) {
      CHECK(norm(geometry.face_center[f] - tiny.center(f)) < 1e-14);
      CHECK(norm(geometry.face_area[f] - tiny.area(f)) < 1e-14);
    }
    // The first cell: x -3..0, y 0..0.2, z 0..0.05.
    CHECK(norm(geometry.cell_center[0] - Vec3{-1.5, 0.1, 0.025}) < 1e-12);

    // The body's normals point into the fluid; with its image it is closed but for the cut.
    const auto body = mesh_io::patch_surface(mesh, {"body"});
    CHECK(body.face_count() == 5);
    double area = 0;
    for (std::size_t f = 0; f < 5; ++f) {
      const Vec3 a = body.area_vector(f);
      area += norm(a);
      CHECK(dot(a, body.centroid(f) - Vec3{0.5, 0, 0.2}) > 0);
    }
    CHECK(area == Approx(2 * 0.2 * 0.3 + 2 * 1 * 0.2 + 1 * 0.3));
  }
}

TEST_CASE("cells become hexahedra, and mirrored ones keep their orientation", "[foam]") {
  const TempDir dir;
  test::TinyFoamMesh(kLow, kHigh).write(dir.path() / "constant/polyMesh");
  const auto mesh = mesh_io::read_poly_mesh(dir.path().string());
  const auto volume = mesh_io::to_volume_mesh(mesh, true);
  volume.check("the mesh");
  CHECK(volume.cell_count() == 34);
  const auto geometry = mesh_io::poly_geometry(mesh);
  for (std::size_t c = 0; c < volume.cell_count(); ++c) {
    REQUIRE(volume.types[c] == 12);
    const auto at = [&](std::int64_t i) {
      return volume.points[static_cast<std::size_t>(volume.corners[static_cast<std::size_t>(volume.offsets[c] + i)])];
    };
    const double size = dot(cross(at(1) - at(0), at(3) - at(0)), at(4) - at(0));
    CHECK(size == Approx(geometry.cell_volume[c % 17]));  // positive: VTK's orientation
    CHECK(volume.center(c)[1] == Approx((c < 17 ? 1 : -1) * geometry.cell_center[c % 17][1]));
  }
}

TEST_CASE("fields are read, and written with other values in their own format", "[foam]") {
  const test::TinyFoamMesh tiny(kLow, kHigh);
  for (const auto& format : kFormats) {
    const TempDir dir;
    const auto u = rising(3 * 17, 1), on_body = rising(15, -3);
    tiny.write_field(dir.path() / "U", "0 1 -1 0 0 0 0", 3, u, on_body, format);
    const auto field = mesh_io::read_foam_field(dir.file("U"), 17);
    CHECK(field.binary == format.binary);
    CHECK(field.dimensions == "0 1 -1 0 0 0 0");
    CHECK(field.internal.values == u);
    bool found = false;
    for (const auto& patch : field.patches)
      if (patch.name == "body") {
        found = true;
        CHECK(patch.value.values == on_body);
      }
    CHECK(found);
    CHECK(mesh_io::foam_file_complete(dir.file("U")));

    const auto other = rising(3 * 17, 100);
    dir.write("V", mesh_io::with_internal_field(field, other));
    const auto again = mesh_io::read_foam_field(dir.file("V"), 17);
    CHECK(again.binary == format.binary);
    REQUIRE(again.internal.values.size() == other.size());
    for (std::size_t i = 0; i < other.size(); ++i) CHECK(again.internal.values[i] == Approx(other[i]).epsilon(1e-8));
    // All but the internal field is as it was.
    CHECK(again.text.substr(0, again.internal_begin) == field.text.substr(0, field.internal_begin));
    CHECK(again.text.substr(again.internal_end) == field.text.substr(field.internal_end));
  }
}

TEST_CASE("what users write in their fields: macros, comments, patterns, includes", "[foam]") {
  const TempDir dir;
  dir.write("p", R"(/* banner */
FoamFile { version 2.0; format ascii; class volScalarField; object p; }
#include "initialConditions"
dimensions [0 2 -2 0 0 0 0]; // kinematic
internalField uniform 1.5;
boundaryField
{
  #includeEtc "caseDicts/setConstraintTypes"
  inlet { type fixedValue; value $internalField; }
  "(wall|side).*" { type zeroGradient; }
  outlet { type codedFixedValue; name x; table ((0 0) (1 2)); value uniform 3; }
}
)");
  const auto field = mesh_io::read_foam_field(dir.file("p"), 2);
  CHECK(field.internal.uniform);
  CHECK(field.internal.values == std::vector<double>{1.5});
  REQUIRE(field.patches.size() == 3);
  CHECK(field.patches[1].name == "\"(wall|side).*\"");
  CHECK(field.patches[2].value.values == std::vector<double>{3});
  // $internalField meant 1.5 and goes on to mean it.
  const std::string text = mesh_io::with_internal_field(field, {7, 8});
  CHECK_THAT(text, ContainsSubstring("inlet { type fixedValue; value uniform 1.5; }"));
  CHECK_THAT(text, ContainsSubstring("internalField   nonuniform List<scalar>\n2\n(\n7\n8\n)\n;"));
  CHECK_THAT(text, ContainsSubstring("#include \"initialConditions\"") && ContainsSubstring("// kinematic"));
}

TEST_CASE("damaged meshes and fields are refused by name", "[foam]") {
  const test::TinyFoamMesh tiny(kLow, kHigh);
  const TempDir dir;
  const auto folder = dir.path() / "constant/polyMesh";
  const auto message = [&] { return message_of([&] { mesh_io::read_poly_mesh(dir.path().string()); }); };
  CHECK_THAT(message(), ContainsSubstring("there is no mesh (constant/polyMesh) in it"));
  for (const bool binary : {false, true}) {
    tiny.write(folder, {binary, 4});
    for (const char* name : {"points", "faces", "owner", "neighbour", "boundary"}) {
      const std::string path = (folder / name).string(), whole = core::read_text(path);
      for (const double share : {0.0, 0.3, 0.6}) {
        CAPTURE(name, share, binary);
        std::ofstream(path, std::ios::binary)
            << whole.substr(0, static_cast<std::size_t>(share * static_cast<double>(whole.size())));
        CHECK_FALSE(mesh_io::foam_file_complete(path));
        CHECK_THAT(message(), ContainsSubstring(name));
      }
      std::ofstream(path, std::ios::binary) << whole;
    }
  }
  tiny.write(folder);
  std::string owner = core::read_text((folder / "owner").string());
  owner.replace(owner.find("(\n0\n"), 4, "(\n99\n");
  std::ofstream(folder / "owner") << owner;
  CHECK_THAT(message(), ContainsSubstring("100 cells with"));

  tiny.write_field(dir.path() / "p", "0 2 -2 0 0 0 0", 1, rising(17, 0), rising(5, 0));
  CHECK_THAT(message_of([&] { mesh_io::read_foam_field(dir.file("p"), 18); }),
             ContainsSubstring("the internal field has 17 values, the mesh has 18 cells"));
  const std::string p = core::read_text(dir.file("p"));
  dir.write("p", p.substr(0, p.find("boundaryField")));
  CHECK_THAT(message_of([&] { mesh_io::read_foam_field(dir.file("p"), 17); }),
             ContainsSubstring("there is no boundaryField in it"));
  dir.write("p", "solid body\n");
  CHECK_THAT(message_of([&] { mesh_io::read_foam_field(dir.file("p"), 17); }),
             ContainsSubstring("it does not begin with FoamFile"));
  fs::rename(dir.file("p"), dir.file("p.gz"));
  CHECK_THAT(message_of([&] { mesh_io::read_foam_field(dir.file("p"), 17); }),
             ContainsSubstring("it does not begin with FoamFile"));  // read where only that is there
}
