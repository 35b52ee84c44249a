#include "tests/mesh_io/mesh_io_support.hpp"

using namespace streamtube;
using namespace streamtube::test;

TEST_CASE("OBJ: polygons, texture and normal numbers, negative indices, comments, joined lines") {
  const TempDir dir;
  const auto mesh = mesh_io::read_surface(dir.write("a.OBJ",
                                                    "# car\nmtllib car.mtl\nv 0 0 0\r\nv 1 0 0 1.0\nv 1 1 0\nv 0 1 0\n"
                                                    "vt 0 0\nvn 0 0 1\ns off\n\nf 1/1/1 2//1 3/1 4 # a quad\n"
                                                    "v 2 2 2\nf -1 -5 \\\n -4\n\n \\\n"));
  CHECK(mesh.points.size() == 5);
  CHECK(mesh.offsets == std::vector<std::int64_t>{0, 4, 7});
  CHECK(mesh.corners == std::vector<std::int64_t>{0, 1, 2, 3, 4, 0, 1});
  CHECK(mesh.patch_names == std::vector<std::string>{"default"});
}

TEST_CASE("OBJ: groups come before objects, objects before materials") {
  const TempDir dir;
  const std::string v = "v 0 0 0\nv 1 0 0\nv 0 1 0\n", f = "f 1 2 3\n";
  const auto names = [&](const std::string& text) {
    const auto mesh = mesh_io::read_surface(dir.write("a.obj", v + text));
    return std::pair(mesh.patch_names, mesh.patch);
  };
  using Names = std::pair<std::vector<std::string>, std::vector<std::int32_t>>;
  CHECK(names("o car\nusemtl steel\ng empty\ng nose\n" + f + "g rear end\n" + f + "g nose\n" + f) ==
        Names{{"nose", "rear end"}, {0, 1, 0}});
  CHECK(names("o car\nusemtl steel\n" + f + "usemtl glass\no wheel\n" + f) == Names{{"car", "wheel"}, {0, 1}});
  CHECK(names(f + "usemtl glass\n" + f) == Names{{"default", "glass"}, {0, 1}});
}

TEST_CASE("broken OBJ") {
  const TempDir dir;
  const std::string v = "v 0 0 0\nv 1 0 0\nv 0 1 0\n";
  check_refused(dir.write("a.obj", v + "f 1 2 4\n"), {"(OBJ)", "line 4", "face 1", "vertex 4"});
  check_refused(dir.write("a.obj", v + "f 1 2 -4\n"), {"line 4", "vertex -4"});
  check_refused(dir.write("a.obj", v + "f 0 1 2\n"), {"line 4", "'0'"});
  check_refused(dir.write("a.obj", v + "f 1 2\n"), {"line 4", "2 corners"});
  check_refused(dir.write("a.obj", v + "f 1 2 99999999999999999999\n"), {"line 4", "not a vertex number"});
  check_refused(dir.write("a.obj", "v 0 0\n"), {"line 1", "fewer than three"});
  check_refused(dir.write("a.obj", "v 0 0 0\nv 1 nan 0\nv 0 1 0\nf 1 2 3\n"), {"line 2", "vertex 2", "not finite"});
  check_refused(dir.write("a.obj", "v 0 x 0\n"), {"line 1", "'x'"});
  check_refused(dir.write("a.obj", v), {"no faces", "3 vertices"});
  check_refused(dir.write("a.obj", "hello\nworld\n"), {"no faces", "wrong extension"});
  check_refused(dir.write("a.obj", ""), {"empty"});
}
