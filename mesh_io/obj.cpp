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

// Statements that are no surface, yet are no reason to doubt the file either.
bool is_known_other(std::string_view key) {
  for (const char* word : {"vt", "vn", "vp", "s", "mtllib", "maplib", "usemap", "mg", "lod", "bevel", "c_interp",
                           "d_interp", "shadow_obj", "trace_obj", "call", "csh"})
    if (equal_no_case(key, word)) return true;
  return false;
}

class ObjReader {
 public:
  ObjReader(const InputFile& file, Notes& notes) : file_(file), notes_(notes), in_(file) { mesh_.offsets.push_back(0); }

  SurfaceMesh read() {
    while (!in_.at_end()) statement();
    check_corners();
    if (mesh_.face_count() == 0)
      file_.fail(str("holds no faces (", mesh_.points.size(), " vertices)"),
                 mesh_.points.empty() ? "the file has the wrong extension or is damaged" : "");
    if (others_ > 0)
      notes_.push_back(str("lines and points (the first in line ", first_other_, ") are no surface and are left out"));
    if (unknown_ > 0)
      notes_.push_back(str(unknown_, unknown_ == 1 ? " line begins" : " lines begin",
                           " with a word that is no OBJ statement and ", unknown_ == 1 ? "is" : "are",
                           " left out, the first: line ", first_unknown_line_, ", ", first_unknown_));
    Grouping& chosen = groups_.used() || !(objects_.used() || materials_.used()) ? groups_
                       : objects_.used()                                         ? objects_
                                                                                 : materials_;
    mesh_.patch = std::move(chosen.of_face);
    mesh_.patch_names = std::move(chosen.names);
    return std::move(mesh_);
  }

 private:
  void statement() {
    const std::string_view key = in_.word_on_line();
    ++lines_;
    if (equal_no_case(key, "v")) {
      vertex();
      ++known_lines_;
    } else if (equal_no_case(key, "f") || equal_no_case(key, "fo")) {
      face();
      ++known_lines_;
    } else if (equal_no_case(key, "g")) {
      return groups_.start(in_.rest_of_line());
    } else if (equal_no_case(key, "o")) {
      return objects_.start(in_.rest_of_line());
    } else if (equal_no_case(key, "usemtl")) {
      return materials_.start(in_.rest_of_line());
    } else if (key.starts_with('#') || is_known_other(key)) {
      ++known_lines_;
    } else if (equal_no_case(key, "l") || equal_no_case(key, "p")) {
      if (++others_ == 1) first_other_ = in_.line();
      ++known_lines_;
    } else if (key == "curv" || key == "curv2" || key == "surf" || key == "bmat" || key == "cstype") {
      in_.fail(str("holds free-form geometry (", key, "), only polygons can be read"), "export it as polygons");
    } else if (!key.empty()) {
      unknown(key);
    }
    in_.rest_of_line();
  }

  void vertex() {
    Vec3 p;
    for (double& x : p) {
      const std::string_view word = in_.word_on_line();
      if (word.empty()) in_.fail(str("vertex ", mesh_.points.size() + 1, " has fewer than three coordinates"));
      if (!parse_number(word, x))
        in_.fail(str("vertex ", mesh_.points.size() + 1, ": ", not_a_number(word, "a coordinate")));
      if (!std::isfinite(x))
        in_.fail(str("vertex ", mesh_.points.size() + 1, " is not finite (", quoted(word), ")"),
                 "repair or re-export the geometry");
    }
    mesh_.points.push_back(p);
  }

  void face() {
    const std::size_t face = mesh_.face_count() + 1;
    std::size_t corners = 0;
    for (std::string_view word = in_.word_on_line(); !word.empty() && word[0] != '#'; word = in_.word_on_line()) {
      std::int64_t index = 0;
      if (!parse_integer(word.substr(0, word.find('/')), index) || index == 0)
        in_.fail(str("face ", face, ": ", quoted(word), " is not a vertex number"));
      // Negative: back from the last vertex so far. Vertices may also come behind the faces that name them.
      const auto count = static_cast<std::int64_t>(mesh_.points.size());
      const std::int64_t at = index > 0 ? index - 1 : count + index;
      if (at < 0)
        in_.fail(str("face ", face, " names vertex ", index, ", but ", count, " vertices are defined so far"),
                 "the file is truncated or damaged");
      if (at > highest_) highest_ = at, highest_line_ = in_, highest_face_ = face;
      mesh_.corners.push_back(at);
      ++corners;
    }
    if (corners < 3) in_.fail(str("face ", face, " has ", corners, " corners, at least 3 are due"));
    mesh_.offsets.push_back(static_cast<std::int64_t>(mesh_.corners.size()));
    groups_.add_face();
    objects_.add_face();
    materials_.add_face();
    if (face % (1 << 18) == 0) core::check_interrupt();
  }

  void check_corners() const {
    const auto count = static_cast<std::int64_t>(mesh_.points.size());
    if (highest_ >= count)
      highest_line_.fail(str("face ", highest_face_, " names vertex ", highest_ + 1, ", but the file has ", count),
                         "the file is truncated or damaged");
  }

  // A statement that is not known and carries numbers might be a vertex or a face: without it all indices would move.
  void unknown(std::string_view key) {
    const std::string text = quoted(key);
    if (++unknown_ == 1) first_unknown_ = text, first_unknown_line_ = in_.line();
    if (lines_ > 100 && known_lines_ == 0)
      in_.fail("none of the first 100 lines is an OBJ statement", "the file has the wrong extension or is damaged");
    const TextCursor at = in_;
    double number;
    int numbers = 0;
    for (std::string_view word = in_.word_on_line(); !word.empty() && numbers < 3; word = in_.word_on_line())
      if (parse_number(word.substr(0, word.find('/')), number)) ++numbers;
    if (numbers == 3)
      at.fail(
          str(text, " is no OBJ statement, but numbers follow it: left out, it might take a vertex or a face along"),
          "correct or remove the line");
  }

  const InputFile& file_;
  Notes& notes_;
  TextCursor in_;
  SurfaceMesh mesh_;
  Grouping groups_, objects_, materials_;
  std::size_t known_lines_ = 0, lines_ = 0, others_ = 0, first_other_ = 0, unknown_ = 0, first_unknown_line_ = 0;
  std::string first_unknown_;
  std::int64_t highest_ = -1;  // vertex that a face names, from 0
  std::size_t highest_face_ = 0;
  TextCursor highest_line_{in_};
};

SurfaceMesh read_obj(const std::string& path, Notes& notes) {
  InputFile file(path, "OBJ");
  file.decode(notes);
  return ObjReader(file, notes).read();
}

}  // namespace

FormatEntry obj_format() {
  return {{"OBJ", {".obj"}, true, false, false, false}, nullptr, false, read_obj, nullptr, nullptr, true};
}

}  // namespace streamtube::mesh_io
