// What STL, OBJ and PLY tolerate of a text, and that they tolerate the same.
#include <zlib.h>

#include <array>
#include <catch2/catch_approx.hpp>
#include <cmath>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>

#include "tests/mesh_io/mesh_io_support.hpp"

using namespace streamtube;
using namespace streamtube::test;
using Catch::Matchers::ContainsSubstring;

namespace {

// A tetrahedron with edges of 1 m along the axes: 1.5 + sqrt(3) / 2 m2.
const std::vector<std::array<std::string, 3>> kCorners = {
    {"0", "0", "0"}, {"1", "0", "0"}, {"0", "1", "0"}, {"0", "0", "1"}};
const std::vector<std::array<int, 3>> kFaces = {{0, 2, 1}, {0, 1, 3}, {0, 3, 2}, {1, 2, 3}};

std::string stl() {
  std::ostringstream out;
  out << "solid body\n";
  for (const auto& face : kFaces) {
    out << "facet normal 0 0 0\nouter loop\n";
    for (const int c : face)
      out << "vertex " << kCorners[static_cast<std::size_t>(c)][0] << ' ' << kCorners[static_cast<std::size_t>(c)][1]
          << ' ' << kCorners[static_cast<std::size_t>(c)][2] << '\n';
    out << "endloop\nendfacet\n";
  }
  out << "endsolid body\n";
  return out.str();
}

std::string obj(bool faces_first = false) {
  std::ostringstream points, faces;
  for (const auto& p : kCorners) points << "v " << p[0] << ' ' << p[1] << ' ' << p[2] << '\n';
  for (const auto& f : kFaces) faces << "f " << f[0] + 1 << ' ' << f[1] + 1 << ' ' << f[2] + 1 << '\n';
  return faces_first ? faces.str() + points.str() : points.str() + faces.str();
}

std::string ply() {
  std::ostringstream out;
  out << "ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
         "element face 4\nproperty list uchar int vertex_indices\nend_header\n";
  for (const auto& p : kCorners) out << p[0] << ' ' << p[1] << ' ' << p[2] << '\n';
  for (const auto& f : kFaces) out << "3 " << f[0] << ' ' << f[1] << ' ' << f[2] << '\n';
  return out.str();
}

std::string with(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

std::string utf16(const std::string& text, bool big_endian) {
  std::string out = big_endian ? "\xFE\xFF" : "\xFF\xFE";
  for (const char c : text) out += big_endian ? std::string{'\0', c} : std::string{c, '\0'};
  return out;
}

double area(const geometry::SurfaceMesh& mesh) {
  double sum = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) sum += norm(mesh.area_vector(f));
  return sum;
}

// Read as the tetrahedron; returns what was noted.
std::vector<std::string> notes_of(const std::string& path) {
  mesh_io::ReadReport report;
  const auto mesh = mesh_io::read_surface(path, 1.0, {}, &report);
  CHECK(mesh.face_count() == 4);
  CHECK(area(mesh) == Catch::Approx(1.5 + std::sqrt(3.0) / 2).epsilon(1e-6));
  return report.warnings;
}

void pack(const std::string& path, const std::string& text) {
  gzFile file = gzopen(path.c_str(), "wb");
  REQUIRE(file);
  REQUIRE(gzwrite(file, text.data(), static_cast<unsigned>(text.size())) == static_cast<int>(text.size()));
  gzclose(file);
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("texts in other encodings and with other line ends are the same body") {
  const TempDir dir;
  const std::vector<std::pair<std::string, std::string>> files = {{"a.stl", stl()}, {"a.obj", obj()}, {"a.ply", ply()}};
  for (const auto& [name, text] : files) {
    CAPTURE(name);
    CHECK(notes_of(dir.write(name, text)).empty());
    CHECK(notes_of(dir.write(name, "\xEF\xBB\xBF" + text)).empty());
    CHECK(notes_of(dir.write(name, with(text, "\n", "\r\n"))).empty());
    CHECK(notes_of(dir.write(name, with(text, "\n", "\r"))).empty());
    for (const bool big_endian : {false, true}) {
      const auto notes = notes_of(dir.write(name, utf16(text, big_endian)));
      REQUIRE(notes.size() == 1);
      CHECK_THAT(notes[0], ContainsSubstring("UTF-16"));
      CHECK(notes_of(dir.write(name, utf16(text, big_endian).substr(2))) == notes);  // without its mark
    }
  }
}

TEST_CASE("gzip is unpacked, whatever the file is called") {
  const TempDir dir;
  for (const auto& [name, text] : std::vector<std::pair<std::string, std::string>>{
           {"a.stl.gz", stl()}, {"b.OBJ.gz", obj()}, {"c.ply.gz", ply()}, {"d.stl", stl()}}) {
    CAPTURE(name);
    pack(dir.file(name), text);
    CHECK(notes_of(dir.file(name)).empty());
  }
  CHECK(mesh_io::read_surface(dir.file("c.ply.gz")).patch_names == std::vector<std::string>{"c"});
  const std::string bytes = bytes_of(dir.file("a.stl.gz"));
  check_refused(dir.write("cut.stl.gz", bytes.substr(0, bytes.size() / 2)),
                {"cut.stl.gz", "gzip", "damaged or truncated"});
  pack(dir.file("bomb.stl"), std::string(400'000'000, ' '));
  check_refused(dir.file("bomb.stl"), {"bomb.stl", "unpacks to more than"});
  pack(dir.file("a.vtp.gz"), "<VTKFile type=\"PolyData\">");
  check_refused(dir.file("a.vtp.gz"), {"a.vtp.gz", "gzip archive"});
}

TEST_CASE("exponents as Fortran writes them are read") {
  const TempDir dir;
  CHECK(notes_of(dir.write("a.obj", with(obj(), "v 1 ", "v 0.1D+01 "))).empty());
  CHECK(notes_of(dir.write("a.ply", with(ply(), "\n1 0", "\n1d0 0"))).empty());
  check_refused(dir.write("a.obj", with(obj(), "v 1 ", "v 1D+0x ")), {"line 2", "'1D+0x'"});
}

TEST_CASE("a decimal comma and a division by zero are named") {
  const TempDir dir;
  check_refused(dir.write("a.stl", with(stl(), "vertex 1 0", "vertex 1,5 0")), {"line 6", "'1,5'", "decimal comma"});
  check_refused(dir.write("a.obj", with(obj(), "v 1 0", "v 1,5 0")), {"line 2", "'1,5'", "decimal comma"});
  check_refused(dir.write("a.ply", with(ply(), "\n1 0", "\n1,5 0")), {"'1,5'", "decimal comma"});
  check_refused(dir.write("a.obj", with(obj(), "v 1 0", "v 1.#QNAN 0")), {"line 2", "'1.#QNAN'", "divided by zero"});
}

TEST_CASE("STL: words apart, comments, bytes behind the last facet") {
  const TempDir dir;
  const auto apart = notes_of(dir.write(
      "a.stl", with(with(with(stl(), "endsolid", "end solid"), "endloop", "end loop"), "endfacet", "end facet")));
  REQUIRE(apart.size() == 1);
  CHECK_THAT(apart[0], ContainsSubstring("two words"));
  CHECK(notes_of(dir.write("a.stl",
                           "# made by a program\n# 2 lines\n" + with(stl(), "facet normal", "# a facet\nfacet normal")))
            .empty());

  mesh_io::write_stl(dir.file("b.stl"), mesh_io::read_surface(dir.write("a.obj", obj())));
  const std::string bytes = bytes_of(dir.file("b.stl"));
  const auto more = notes_of(dir.write("b.stl", bytes + std::string(92, 'x')));
  REQUIRE(more.size() == 1);
  CHECK_THAT(more[0], ContainsSubstring("92 bytes follow"));
  // As many as further facets would take: which count is right cannot be known.
  check_refused(dir.write("b.stl", bytes + bytes.substr(84, 50)), {"counts 4 triangles", "room for 5"});
}

TEST_CASE("OBJ: faces before their vertices, capitals, the old word for a face") {
  const TempDir dir;
  CHECK(notes_of(dir.write("a.obj", obj(true))).empty());
  CHECK(notes_of(dir.write("a.obj", with(with(obj(), "v ", "V "), "f ", "F "))).empty());
  CHECK(notes_of(dir.write("a.obj", with(obj(), "f ", "fo "))).empty());
  check_refused(dir.write("a.obj", "f 1 2 5\n" + obj()), {"line 1", "face 1", "vertex 5", "the file has 4"});
}

TEST_CASE("OBJ: what is not read is said, and refused where it may be a vertex") {
  const TempDir dir;
  auto notes = notes_of(dir.write("a.obj", obj() + "l 1 2\np 1\n"));
  REQUIRE(notes.size() == 1);
  CHECK_THAT(notes[0], ContainsSubstring("the first in line 9"));
  notes = notes_of(dir.write("a.obj", "ppath x\n" + obj() + "shade smooth\n"));
  REQUIRE(notes.size() == 1);
  CHECK_THAT(notes[0], ContainsSubstring("2 lines begin"));
  CHECK_THAT(notes[0], ContainsSubstring("line 1, 'ppath'"));
  // A byte order mark in the middle, as joined files have: the vertex would be lost, and all indices move.
  check_refused(dir.write("a.obj", "v 9 9 9\n\xEF\xBB\xBF" + obj()), {"line 2", "no OBJ statement", "numbers follow"});
}

TEST_CASE("PLY: faces before vertices") {
  const TempDir dir;
  std::string text = ply();
  const std::string vertices = "element vertex 4\nproperty float x\nproperty float y\nproperty float z\n";
  text.erase(text.find(vertices), vertices.size());
  text.insert(text.find("end_header"), vertices);
  const auto body = text.find("end_header\n") + 11;
  const auto faces = text.find("3 0 2 1");
  text = text.substr(0, body) + text.substr(faces) + text.substr(body, faces - body);
  CHECK(notes_of(dir.write("a.ply", text)).empty());
}
