// Wavefront OBJ. Read here and not by vtkOBJReader, which loses the groups' names and the place of an error.
// Patches are the groups (g); without any, the objects (o); without those, the materials (usemtl).

#include <cmath>
#include <string>
#include <unordered_map>

#include "core/error.hpp"
#include "core/runtime.hpp"
#include "mesh_io/formats.hpp"
#include "mesh_io/input_file.hpp"

namespace streamtube::mesh_io {
using core::str;
using geometry::SurfaceMesh;

namespace {

// One way to group faces: the names in order of their first use and the group of each face.
class Grouping {
 public:
  void start(std::string_view name) {
    current_ = std::string(name.empty() ? "default" : name);
    used_ = true;
    index_ = -1;  // given a number by its first face, so that empty groups leave no patch
  }
  void add_face() {
    if (index_ < 0) {
      const auto [at, added] = numbers_.try_emplace(current_, static_cast<std::int32_t>(names.size()));
      if (added) names.push_back(current_);
      index_ = at->second;
    }
    of_face.push_back(index_);
  }
  bool used() const { return used_; }
  std::vector<std::string> names;
  std::vector<std::int32_t> of_face;

 private:
  std::string current_ = "default";
  std::int32_t index_ = -1;
  bool used_ = false;
  std::unordered_map<std::string, std::int32_t> numbers_;
};

SurfaceMesh read_obj(const std::string& path) {
  const InputFile file(path, "OBJ");
  SurfaceMesh mesh;
  mesh.offsets.push_back(0);
  Grouping groups, objects, materials;
  TextCursor in(file);
  std::size_t known_lines = 0, lines = 0;
  while (!in.at_end()) {
    const std::string_view key = in.word_on_line();
    ++lines;
    if (key == "v") {
      Vec3 p;
      for (double& x : p) {
        const std::string_view word = in.word_on_line();
        if (word.empty()) in.fail(str("vertex ", mesh.points.size() + 1, " has fewer than three coordinates"));
        if (!parse_number(word, x))
          in.fail(str("vertex ", mesh.points.size() + 1, ": ", quoted(word), " is not a coordinate"));
        if (!std::isfinite(x))
          in.fail(str("vertex ", mesh.points.size() + 1, " is not finite (", quoted(word), ")"),
                  "repair or re-export the geometry");
      }
      mesh.points.push_back(p);
      ++known_lines;
    } else if (key == "f") {
      const std::size_t face = mesh.face_count() + 1;
      std::size_t corners = 0;
      for (std::string_view word = in.word_on_line(); !word.empty() && word[0] != '#'; word = in.word_on_line()) {
        std::int64_t index = 0;
        if (!parse_integer(word.substr(0, word.find('/')), index) || index == 0)
          in.fail(str("face ", face, ": ", quoted(word), " is not a vertex number"));
        const auto count = static_cast<std::int64_t>(mesh.points.size());
        const std::int64_t at = index > 0 ? index - 1 : count + index;  // negative: back from the last vertex so far
        if (at < 0 || at >= count)
          in.fail(str("face ", face, " names vertex ", index, ", but ", count, " vertices are defined so far"),
                  "the file is truncated or damaged");
        mesh.corners.push_back(at);
        ++corners;
      }
      if (corners < 3) in.fail(str("face ", face, " has ", corners, " corners, at least 3 are due"));
      mesh.offsets.push_back(static_cast<std::int64_t>(mesh.corners.size()));
      groups.add_face();
      objects.add_face();
      materials.add_face();
      ++known_lines;
      if (face % (1 << 18) == 0) core::check_interrupt();
    } else if (key == "g") {
      groups.start(in.rest_of_line());
      continue;
    } else if (key == "o") {
      objects.start(in.rest_of_line());
      continue;
    } else if (key == "usemtl") {
      materials.start(in.rest_of_line());
      continue;
    } else if (key == "vt" || key == "vn" || key.starts_with('#') || key == "s" || key == "mtllib") {
      ++known_lines;
    } else if (key == "curv" || key == "surf" || key == "bmat") {
      in.fail(str("holds free-form geometry (", key, "), only polygons can be read"), "export it as polygons");
    } else if (lines > 100 && known_lines == 0) {
      in.fail("none of the first 100 lines is an OBJ statement", "the file has the wrong extension or is damaged");
    }
    in.rest_of_line();
  }
  if (mesh.face_count() == 0)
    file.fail(str("holds no faces (", mesh.points.size(), " vertices)"),
              mesh.points.empty() ? "the file has the wrong extension or is damaged" : "");
  Grouping& chosen = groups.used() || !(objects.used() || materials.used()) ? groups
                     : objects.used()                                       ? objects
                                                                            : materials;
  mesh.patch = std::move(chosen.of_face);
  mesh.patch_names = std::move(chosen.names);
  return mesh;
}

}  // namespace

FormatEntry obj_format() { return {{"OBJ", {".obj"}, true, false, false, false}, nullptr, false, read_obj, nullptr}; }

}  // namespace streamtube::mesh_io
