#include <algorithm>

#include "tests/mesh_io/mesh_io_support.hpp"

using namespace streamtube;
using namespace streamtube::test;

namespace {

const std::string kAscii =
    "ply\nformat ascii 1.0\ncomment made by hand\nelement vertex 4\nproperty float x\nproperty float y\nproperty float "
    "z\n"
    "property uchar red\nelement face 2\nproperty list uchar int vertex_indices\nproperty float quality\nend_header\n"
    "0 0 0 255\n1 0 0 1\n1 1 0 2\n0 1 0 3\n3 0 1 2 0.5\n4 0 1 2 3 0.25\n";

std::string header(const std::string& encoding, std::size_t vertices, std::size_t faces) {
  return "ply\nformat " + encoding + " 1.0\nelement vertex " + std::to_string(vertices) +
         "\nproperty double x\nproperty double y\nproperty double z\nelement face " + std::to_string(faces) +
         "\nproperty list uchar uint vertex_index\nend_header\n";
}
std::string body(bool big) {
  std::string out;
  const auto put = [&](auto value) {
    std::string raw = bytes(value);
    if (big) std::reverse(raw.begin(), raw.end());
    out += raw;
  };
  for (const double x : {0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.1, 0.0}) put(x);
  put(std::uint8_t{3});
  for (const std::uint32_t i : {2u, 0u, 1u}) put(i);
  return out;
}

}  // namespace

TEST_CASE("ASCII PLY with attributes") {
  const TempDir dir;
  const auto mesh = mesh_io::read_surface(dir.write("a.ply", kAscii));
  CHECK(mesh.offsets == std::vector<std::int64_t>{0, 3, 7});
  CHECK(mesh.corners == std::vector<std::int64_t>{0, 1, 2, 0, 1, 2, 3});
  REQUIRE(mesh.attributes.size() == 2);
  CHECK(mesh.attributes[0].name == "red");
  CHECK(mesh.attributes[0].values == std::vector<float>{255, 1, 2, 3});
  CHECK(mesh.attributes[1].association == geometry::Association::faces);
  CHECK(mesh.attributes[1].values == std::vector<float>{0.5f, 0.25f});
}

TEST_CASE("binary PLY of either byte order keeps double precision") {
  const TempDir dir;
  for (const bool big : {false, true}) {
    const std::string encoding = big ? "binary_big_endian" : "binary_little_endian";
    CAPTURE(encoding);
    const auto mesh = mesh_io::read_surface(dir.write("b.ply", header(encoding, 3, 1) + body(big)));
    CHECK(mesh.points == std::vector<Vec3>{{0, 0, 0}, {1, 0, 0}, {0, 0.1, 0}});
    CHECK(mesh.corners == std::vector<std::int64_t>{2, 0, 1});
  }
}

TEST_CASE("broken PLY") {
  const TempDir dir;
  const std::string binary = "binary_little_endian", data = body(false);
  check_refused(dir.write("a.ply", header(binary, 3, 1) + data.substr(0, data.size() - 1)),
                {"(PLY)", "face 1", "truncated"});
  check_refused(dir.write("a.ply", header(binary, 3, 1) + data.substr(0, 40)),
                {"truncated", "3 of 'vertex'", "40 bytes"});
  check_refused(dir.write("a.ply", header(binary, 4000000000u, 1) + data), {"4000000000 of 'vertex'"});
  check_refused(dir.write("a.ply", header(binary, 3, 0)), {"truncated"});
  check_refused(dir.write("a.ply", header(binary, 3, 0) + data), {"no faces"});
  check_refused(dir.write("a.ply", kAscii.substr(0, kAscii.size() - 8)), {"face 2", "truncated"});
  check_refused(dir.write("a.ply", kAscii.substr(0, kAscii.find("end_header"))), {"end_header"});
  std::string wrong = kAscii;
  wrong.replace(wrong.find("3 0 1 2 0.5"), 11, "3 0 1 7 0.5");
  check_refused(dir.write("a.ply", wrong), {"line 17", "face 1", "vertex 7"});
  wrong = kAscii;
  wrong.replace(wrong.find("1 1 0 2"), 7, "1 nan 0");
  check_refused(dir.write("a.ply", wrong), {"vertex 3"});
  wrong = kAscii;
  wrong.replace(wrong.find("float x"), 7, "float w");
  check_refused(dir.write("a.ply", wrong), {"no x, y and z"});
  wrong = kAscii;
  wrong.replace(wrong.find("ascii"), 5, "weird");
  check_refused(dir.write("a.ply", wrong), {"'weird'"});
}
