#include "mesh_io/foam_file.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <string_view>

#include "core/error.hpp"
#include "core/files.hpp"
#include "mesh_io/input_file.hpp"

namespace streamtube::mesh_io {
namespace {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::str;

// Walks over a dictionary file: words, punctuation, strings; comments and directives skipped.
class Scanner {
 public:
  Scanner(const std::string& path, std::string_view text) : path_(path), text_(text) {}

  [[noreturn]] void fail(const std::string& what, const std::string& hint = "the file is damaged or incomplete") const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    throw Error(ErrorKind::input,
                binary_ ? str("'", path_, "': ", what) : str("'", path_, "', line ", line, ": ", what), hint);
  }
  std::size_t at() const { return at_; }
  void go(std::size_t at) { at_ = at; }
  bool binary() const { return binary_; }
  int label_bytes() const { return label_bytes_; }
  const std::string& type() const { return type_; }

  void skip_space() {
    for (;;) {
      while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
      if (text_.substr(at_, 2) == "//") {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_, 2) == "/*") {
        const auto end = text_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? text_.size() : end + 2;
      } else {
        return;
      }
    }
  }
  bool ended() {
    skip_space();
    return at_ >= text_.size();
  }
  // The next word, string (with its quotes) or single one of { } ( ) [ ] ;
  std::string token() {
    if (ended()) fail("it ends too early");
    const std::size_t begin = at_;
    if (text_[at_] == '"') {
      const auto end = text_.find('"', at_ + 1);
      if (end == std::string_view::npos) fail("a string without an end");
      at_ = end + 1;
    } else if (std::strchr("{}()[];", text_[at_])) {
      ++at_;
    } else {
      while (at_ < text_.size() && !std::isspace(static_cast<unsigned char>(text_[at_])) &&
             !std::strchr("{}()[];\"", text_[at_]))
        ++at_;
      // a word may hold brackets, as div(phi,U) does
      if (at_ < text_.size() && text_[at_] == '(' && !is_number(text_.substr(begin, at_ - begin)) &&
          text_[begin] != '>') {
        int depth = 0;
        do {
          if (text_[at_] == '(') ++depth;
          if (text_[at_] == ')') --depth;
          ++at_;
        } while (at_ < text_.size() && depth > 0);
      }
    }
    return std::string(text_.substr(begin, at_ - begin));
  }
  std::string peek() {
    const std::size_t before = at_;
    const std::string next = token();
    at_ = before;
    return next;
  }
  void expect(const char* wanted) {
    if (const std::string got = token(); got != wanted) fail(str("'", wanted, "' is expected, not '", got, "'"));
  }
  static bool is_number(std::string_view word) {
    double value;
    const char* first = word.data();
    if (!word.empty() && word[0] == '+') ++first;
    return !word.empty() && std::from_chars(first, word.data() + word.size(), value).ptr == word.data() + word.size();
  }
  double number() {
    const std::string word = token();
    double value = 0;
    if (!parse_number(word, value)) fail("'" + word + "' is not a number");
    if (std::isinf(value) && word.find_first_of("0123456789") != std::string::npos)
      fail("'" + word + "' is larger than a number can be");
    return value;
  }
  std::size_t count() {
    const std::string word = token();
    std::size_t value = 0;
    if (std::from_chars(word.data(), word.data() + word.size(), value).ptr != word.data() + word.size())
      fail("'" + word + "' is not a number of values");
    return value;
  }

  // FoamFile { ... }
  void header() {
    if (ended() || token() != "FoamFile") fail("it does not begin with FoamFile", "is it a file of OpenFOAM?");
    expect("{");
    std::string arch, format = "ascii";
    for (std::string key = token(); key != "}"; key = token()) {
      std::string value;
      for (std::string word = token(); word != ";"; word = token()) value += word;
      if (key == "format") format = value;
      if (key == "class") type_ = value;
      if (key == "arch") arch = value;
    }
    if (format != "ascii" && format != "binary") fail("the format '" + format + "' is not known");
    binary_ = format == "binary";
    if (arch.find("label=64") != std::string::npos) label_bytes_ = 8;
    if (arch.find("MSB") != std::string::npos || arch.find("scalar=32") != std::string::npos)
      fail("it was written as '" + arch + "', of which only LSB and scalar=64 can be read",
           "write the case anew with OpenFOAM of double precision, or in ASCII (foamFormatConvert)");
  }

  // After "(" of a binary list.
  template <class T>
  const char* raw(std::size_t n) {
    if (n > (text_.size() - at_) / sizeof(T)) fail(str("it ends within a list of ", n, " values"));
    const char* data = text_.data() + at_;
    at_ += n * sizeof(T);
    return data;
  }
  std::vector<double> scalars(std::size_t n, int components) {
    std::vector<double> out(n * static_cast<std::size_t>(components));
    if (n == 0) {
      if (!ended() && text_[at_] == '(') expect("("), expect(")");
      return out;
    }
    skip_space();
    if (text_[at_] == '{') {  // N{value}
      expect("{");
      const auto one = tuple(components);
      expect("}");
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = one[i % static_cast<std::size_t>(components)];
      return out;
    }
    expect("(");
    if (binary_) {
      std::memcpy(out.data(), raw<double>(out.size()), out.size() * sizeof(double));
    } else {
      if (n > text_.size()) fail(str("it ends within a list of ", n, " values"));
      for (std::size_t i = 0; i < n; ++i) {
        const auto one = tuple(components);
        std::copy(one.begin(), one.end(), out.begin() + static_cast<std::ptrdiff_t>(i * one.size()));
      }
    }
    expect(")");
    return out;
  }
  std::vector<std::int64_t> labels() {
    const std::size_t n = count();
    std::vector<std::int64_t> out;
    if (n == 0) {
      if (!ended() && text_[at_] == '(') expect("("), expect(")");
      return out;
    }
    if (n > text_.size()) fail(str("it ends within a list of ", n, " values"));
    skip_space();
    expect("(");
    out.resize(n);
    if (binary_ && label_bytes_ == 8) {
      std::memcpy(out.data(), raw<std::int64_t>(n), 8 * n);
    } else if (binary_) {
      const char* data = raw<std::int32_t>(n);
      for (std::size_t i = 0; i < n; ++i) {
        std::int32_t value;
        std::memcpy(&value, data + 4 * i, 4);
        out[i] = value;
      }
    } else {
      for (auto& value : out) value = static_cast<std::int64_t>(count());
    }
    expect(")");
    return out;
  }
  std::vector<double> tuple(int components) {
    std::vector<double> out(static_cast<std::size_t>(components));
    if (components == 1) {
      out[0] = number();
      return out;
    }
    expect("(");
    for (double& x : out) x = number();
    expect(")");
    return out;
  }
  // "uniform v" or "nonuniform List<t> n (...)".
  FoamValues values(int components) {
    FoamValues out;
    out.components = components;
    const std::string kind = token();
    if (kind == "uniform") {
      out.uniform = true;
      out.values = tuple(components);
    } else if (kind == "nonuniform") {
      if (peek().rfind("List<", 0) == 0) token();
      out.values = scalars(count(), components);
    } else {
      fail("'uniform' or 'nonuniform' is expected, not '" + kind + "'",
           kind[0] == '$' || kind[0] == '#' ? "write the value itself in the place of the macro" : "");
    }
    return out;
  }
  // To the end of an entry whose value nobody wants: "...;" or "{...}". References to other entries are noted.
  void skip_entry(std::vector<std::pair<std::size_t, std::size_t>>* references) {
    for (int depth = 0;;) {
      skip_space();
      const std::size_t begin = at_;
      const std::string word = token();
      if (word == "nonuniform" && binary_) {
        const std::string list = peek();
        if (list.rfind("List<", 0) == 0) token();
        const std::map<std::string, int> width = {{"List<scalar>", 1},
                                                  {"List<vector>", 3},
                                                  {"List<symmTensor>", 6},
                                                  {"List<tensor>", 9},
                                                  {"List<sphericalTensor>", 1}};
        const auto found = width.find(list);
        const std::size_t n = count();
        if (n > 0 && found == width.end()) fail("a list of the type '" + list + "' cannot be read");
        scalars(n, n > 0 ? found->second : 1);
      }
      if (references && word[0] == '$') references->emplace_back(begin, at_);
      if (word == "{" || word == "(" || word == "[") ++depth;
      if (word == "}" || word == ")" || word == "]") --depth;
      if (depth < 0) fail("a bracket too many");
      if (depth == 0 && (word == ";" || word == "}")) return;
    }
  }

 private:
  const std::string& path_;
  std::string_view text_;
  std::size_t at_ = 0;
  bool binary_ = false;
  int label_bytes_ = 4;
  std::string type_;
};

}  // namespace

FoamFieldFile read_foam_field(const std::string& path, std::size_t cells) {
  FoamFieldFile out;
  out.path = path;
  out.text = read_unpacked(path);
  Scanner in(out.path, out.text);
  in.header();
  out.type = in.type();
  out.binary = in.binary();
  out.label_bytes = in.label_bytes();
  const int components = out.type == "volScalarField" ? 1 : out.type == "volVectorField" ? 3 : 0;
  if (components == 0)
    throw Error(ErrorKind::input, str("'", path, "' is a ", out.type, ", not a volScalarField or a volVectorField"));
  bool internal = false, boundary = false;
  while (!in.ended()) {
    in.skip_space();
    const std::size_t begin = in.at();
    const std::string key = in.token();
    if (key == "dimensions" && in.peek() == "[") {
      in.expect("[");
      for (std::string word = in.token(); word != "]"; word = in.token())
        out.dimensions += (out.dimensions.empty() ? "" : " ") + word;
      in.expect(";");
    } else if (key == "internalField") {
      out.internal_begin = begin;
      out.internal = in.values(components);
      in.expect(";");
      out.internal_end = in.at();
      internal = true;
      if (!out.internal.uniform && out.internal.values.size() != cells * static_cast<std::size_t>(components))
        throw Error(ErrorKind::input,
                    str("'", path, "': the internal field has ",
                        out.internal.values.size() / static_cast<std::size_t>(components), " values, the mesh has ",
                        cells, " cells"),
                    "do the field and constant/polyMesh belong together?");
    } else if (key == "boundaryField") {
      boundary = true;
      in.expect("{");
      for (std::string name = in.token(); name != "}"; name = in.token()) {
        if (name[0] == '#') {  // #include and the like, to the end of the line
          in.go(std::min(out.text.find('\n', in.at()), out.text.size()));
          continue;
        }
        if (name == ";") continue;
        FoamPatchField patch;
        patch.name = name;
        if (name[0] == '$') continue;
        in.expect("{");
        for (std::string entry = in.token(); entry != "}"; entry = in.token()) {
          if (entry == ";") continue;
          if (entry[0] == '$') continue;
          if (entry[0] == '#') {
            in.go(std::min(out.text.find('\n', in.at()), out.text.size()));
            continue;
          }
          if (entry == "type") {
            patch.type = in.token();
            in.expect(";");
          } else if (entry == "value" && (in.peek() == "uniform" || in.peek() == "nonuniform")) {
            const std::size_t before = in.at();
            in.token();
            if (const std::string next = in.peek(); next[0] == '$') {  // uniform $speed
              in.go(before);
              in.skip_entry(&out.references);
              continue;
            }
            in.go(before);
            patch.value = in.values(components);
            patch.has_value = true;
            in.expect(";");
          } else {
            in.skip_entry(&out.references);
          }
        }
        out.patches.push_back(std::move(patch));
      }
    } else if (key[0] == '#') {
      in.go(std::min(out.text.find('\n', in.at()), out.text.size()));
    } else {
      in.skip_entry(nullptr);
    }
  }
  if (!internal || !boundary)
    throw Error(ErrorKind::input,
                str("'", path, "': there is no ", internal ? "boundaryField" : "internalField", " in it"),
                "the file is damaged, or takes it from another file: write it out");
  std::erase_if(out.references, [&](const auto& r) {
    const std::string word = out.text.substr(r.first, r.second - r.first);
    return word != "$internalField" && word != "$:internalField" && word != "$..internalField" &&
           word != "${internalField}";
  });
  return out;
}

std::string with_internal_field(const FoamFieldFile& field, const std::vector<double>& values) {
  const auto width = static_cast<std::size_t>(field.internal.components);
  const std::size_t n = values.size() / width;
  const auto number = [](double x) {
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, x, std::chars_format::general, 9).ptr;
    return std::string(buffer, end);
  };
  const auto tuple = [&](const double* x) {
    if (width == 1) return number(*x);
    std::string out = "(";
    for (std::size_t c = 0; c < width; ++c) out += str(c ? " " : "", number(x[c]));
    return out + ")";
  };
  std::string entry = str("internalField   nonuniform List<", width == 1 ? "scalar" : "vector", ">\n", n, "\n(");
  if (field.binary) {
    entry.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
  } else {
    entry += '\n';
    for (std::size_t i = 0; i < n; ++i) entry += tuple(values.data() + i * width) + "\n";
  }
  entry += ")\n;";

  std::string out = field.text;
  std::vector<std::pair<std::size_t, std::size_t>> pieces = field.references;
  pieces.emplace_back(field.internal_begin, field.internal_end);
  std::sort(pieces.rbegin(), pieces.rend());
  for (const auto& [begin, end] : pieces) {
    if (begin == field.internal_begin) {
      out.replace(begin, end - begin, entry);
      continue;
    }
    if (!field.internal.uniform)
      throw Error(ErrorKind::input,
                  str("'", field.path, "': the boundary takes its values from a nonuniform $internalField"),
                  "write the boundary's values themselves");
    out.replace(begin, end - begin, "uniform " + tuple(field.internal.values.data()));
  }
  return out;
}

bool foam_file_complete(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error || size < 10) return false;
  const std::string text = core::read_text(path);
  // OpenFOAM ends its files with a line of stars in a comment.
  return text.find("// ****", text.size() < 200 ? 0 : text.size() - 200) != std::string::npos;
}

std::vector<std::string> foam_times(const std::string& folder, const std::string& field) {
  std::vector<std::pair<double, std::string>> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    double time = 0;
    std::error_code ignored;
    if (parse_number(name, time) && std::isfinite(time) && name[0] != '-' &&
        (fs::is_regular_file(entry->path() / field, ignored) ||
         fs::is_regular_file(entry->path() / (field + ".gz"), ignored)))
      found.emplace_back(time, name);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> out;
  for (auto& [time, name] : found) out.push_back(std::move(name));
  return out;
}

const PolyPatch* PolyMesh::find(const std::string& patch) const {
  for (const auto& p : patches)
    if (p.name == patch) return &p;
  return nullptr;
}

PolyMesh read_poly_mesh(const std::string& case_folder) {
  const fs::path folder = fs::path(case_folder) / "constant" / "polyMesh";
  std::error_code ignored;
  if (!fs::exists(folder / "owner", ignored) && !fs::exists(folder / "owner.gz", ignored)) {
    const bool decomposed = fs::exists(fs::path(case_folder) / "processor0", ignored);
    throw Error(ErrorKind::input, str("'", case_folder, "': there is no mesh (constant/polyMesh) in it"),
                decomposed ? "the case is decomposed: reconstructParMesh -constant"
                           : "give the folder of an OpenFOAM case that has been meshed");
  }
  PolyMesh out;
  const auto file = [&](const char* name, const auto& read) {
    const std::string path = (folder / name).string(), text = read_unpacked(path);
    Scanner in(path, text);
    in.header();
    read(in);
    return path;
  };
  file("points", [&](Scanner& in) {
    const std::size_t n = in.count();
    const auto values = in.scalars(n, 3);
    out.points.resize(n);
    for (std::size_t i = 0; i < n; ++i) out.points[i] = {values[3 * i], values[3 * i + 1], values[3 * i + 2]};
  });
  const std::string faces = file("faces", [&](Scanner& in) {
    if (in.type() == "faceCompactList") {
      out.offsets = in.labels();
      out.corners = in.labels();
      return;
    }
    if (in.binary())
      in.fail("a binary file of the class '" + in.type() + "' cannot be read", "foamFormatConvert writes it anew");
    const std::size_t n = in.count();
    in.expect("(");
    out.offsets = {0};
    for (std::size_t f = 0; f < n; ++f) {
      const auto one = in.labels();
      out.corners.insert(out.corners.end(), one.begin(), one.end());
      out.offsets.push_back(static_cast<std::int64_t>(out.corners.size()));
    }
    in.expect(")");
  });
  const std::string owner = file("owner", [&](Scanner& in) { out.owner = in.labels(); });
  const std::string neighbour = file("neighbour", [&](Scanner& in) { out.neighbour = in.labels(); });
  const std::string boundary = file("boundary", [&](Scanner& in) {
    const std::size_t n = in.count();
    in.expect("(");
    for (std::size_t p = 0; p < n; ++p) {
      PolyPatch patch;
      patch.name = in.token();
      in.expect("{");
      for (std::string key = in.token(); key != "}"; key = in.token()) {
        if (key == "type") {
          patch.type = in.token();
          in.expect(";");
        } else if (key == "nFaces" || key == "startFace") {
          (key == "nFaces" ? patch.count : patch.start) = in.count();
          in.expect(";");
        } else {
          in.skip_entry(nullptr);
        }
      }
      out.patches.push_back(std::move(patch));
    }
  });
  const auto bad = [](const std::string& path, const std::string& what) {
    throw Error(ErrorKind::input, str("'", path, "': ", what), "the mesh is damaged: make it again");
  };
  if (out.offsets.size() != out.owner.size() + 1 || out.offsets.front() != 0 ||
      out.offsets.back() != static_cast<std::int64_t>(out.corners.size()) ||
      !std::is_sorted(out.offsets.begin(), out.offsets.end()))
    bad(faces, str(out.offsets.size() - 1, " faces, but ", out.owner.size(), " owners"));
  for (const auto c : out.corners)
    if (c < 0 || c >= static_cast<std::int64_t>(out.points.size()))
      bad(faces, str("a face has the point ", c, " of ", out.points.size()));
  if (out.neighbour.size() > out.owner.size()) bad(neighbour, "there are more neighbours than faces");
  std::int64_t cells = 0;
  for (const auto* list : {&out.owner, &out.neighbour})
    for (const auto c : *list) {
      if (c < 0) bad(list == &out.owner ? owner : neighbour, "a face belongs to a cell of negative number");
      cells = std::max(cells, c + 1);
    }
  if (cells == 0 || cells > static_cast<std::int64_t>(out.owner.size()))
    bad(owner, str(cells, " cells with ", out.owner.size(), " faces"));
  out.cells = static_cast<std::size_t>(cells);
  for (const auto& p : out.patches)
    if (p.start + p.count > out.owner.size() || p.start < out.neighbour.size())
      bad(boundary, str("the patch '", p.name, "' has faces that are not on the boundary"));
  for (const Vec3& p : out.points)
    if (!std::isfinite(p[0] + p[1] + p[2])) bad((folder / "points").string(), "a point is not finite");
  return out;
}

PolyGeometry poly_geometry(const PolyMesh& m) {
  PolyGeometry out;
  const std::size_t faces = m.faces();
  out.face_center.resize(faces), out.face_area.resize(faces);
  for (std::size_t f = 0; f < faces; ++f) {
    const auto begin = m.offsets[f], end = m.offsets[f + 1];
    Vec3 mean{0, 0, 0};
    for (auto i = begin; i < end; ++i) mean = mean + m.points[static_cast<std::size_t>(m.corners[i])];
    mean = (1.0 / static_cast<double>(end - begin)) * mean;
    Vec3 area{0, 0, 0}, center{0, 0, 0};
    double weight = 0;
    for (auto i = begin; i < end; ++i) {
      const Vec3& a = m.points[static_cast<std::size_t>(m.corners[i])];
      const Vec3& b = m.points[static_cast<std::size_t>(m.corners[i + 1 < end ? i + 1 : begin])];
      const Vec3 n = 0.5 * cross(b - a, mean - a);
      const double w = norm(n);
      area = area + n, weight += w;
      center = center + (w / 3) * (a + b + mean);
    }
    out.face_area[f] = area;
    out.face_center[f] = weight > 0 ? (1 / weight) * center : mean;
  }
  std::vector<Vec3> estimate(m.cells, Vec3{0, 0, 0});
  std::vector<double> count(m.cells, 0.0);
  const auto each = [&](const auto& visit) {  // face, cell, sign of the area vector seen from the cell
    for (std::size_t f = 0; f < faces; ++f) {
      visit(f, static_cast<std::size_t>(m.owner[f]), 1.0);
      if (f < m.neighbour.size()) visit(f, static_cast<std::size_t>(m.neighbour[f]), -1.0);
    }
  };
  each([&](std::size_t f, std::size_t c, double) { estimate[c] = estimate[c] + out.face_center[f], count[c] += 1; });
  for (std::size_t c = 0; c < m.cells; ++c) estimate[c] = (1 / std::max(count[c], 1.0)) * estimate[c];
  out.cell_center.assign(m.cells, Vec3{0, 0, 0});
  out.cell_volume.assign(m.cells, 0.0);
  each([&](std::size_t f, std::size_t c, double sign) {
    const double pyramid = sign * dot(out.face_area[f], out.face_center[f] - estimate[c]);  // three times its volume
    out.cell_center[c] = out.cell_center[c] + pyramid * (0.75 * out.face_center[f] + 0.25 * estimate[c]);
    out.cell_volume[c] += pyramid;
  });
  for (std::size_t c = 0; c < m.cells; ++c) {
    out.cell_center[c] =
        std::abs(out.cell_volume[c]) > 1e-300 ? (1 / out.cell_volume[c]) * out.cell_center[c] : estimate[c];
    out.cell_volume[c] /= 3;
  }
  return out;
}

geometry::SurfaceMesh patch_surface(const PolyMesh& m, const std::vector<std::string>& patches) {
  geometry::SurfaceMesh out;
  out.offsets = {0};
  std::vector<std::int64_t> at(m.points.size(), -1);
  for (const auto& name : patches) {
    const PolyPatch* patch = m.find(name);
    core::expect(patch != nullptr, "patch_surface: no such patch");
    for (std::size_t f = patch->start; f < patch->start + patch->count; ++f) {
      for (auto i = m.offsets[f + 1]; i-- > m.offsets[f];) {
        auto& point = at[static_cast<std::size_t>(m.corners[i])];
        if (point < 0) {
          point = static_cast<std::int64_t>(out.points.size());
          out.points.push_back(m.points[static_cast<std::size_t>(m.corners[i])]);
        }
        out.corners.push_back(point);
      }
      out.offsets.push_back(static_cast<std::int64_t>(out.corners.size()));
      out.patch.push_back(static_cast<std::int32_t>(out.patch_names.size()));
    }
    out.patch_names.push_back(name);
  }
  return out;
}

namespace {

// The corners of a hexahedron in VTK's order, or nothing where the cell is none. faces: of the cell, seen from outside.
std::vector<std::int64_t> hexahedron(const std::vector<std::vector<std::int64_t>>& faces) {
  if (faces.size() != 6 || std::any_of(faces.begin(), faces.end(), [](const auto& f) { return f.size() != 4; }))
    return {};
  std::vector<std::int64_t> out(faces[0].rbegin(), faces[0].rend());  // seen from inside: the normal points to the rest
  for (int k = 0; k < 4; ++k) {
    std::int64_t above = -1;
    for (std::size_t f = 1; f < 6 && above < 0; ++f)
      for (std::size_t i = 0; i < 4 && above < 0; ++i) {
        if (faces[f][i] != out[static_cast<std::size_t>(k)]) continue;
        for (const std::size_t j : {(i + 1) % 4, (i + 3) % 4})
          if (std::find(faces[0].begin(), faces[0].end(), faces[f][j]) == faces[0].end()) above = faces[f][j];
      }
    if (above < 0) return {};
    out.push_back(above);
  }
  std::vector<std::int64_t> sorted = out;
  std::sort(sorted.begin(), sorted.end());
  return std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end() ? out : std::vector<std::int64_t>{};
}

}  // namespace

geometry::VolumeMesh to_volume_mesh(const PolyMesh& m, bool mirror) {
  constexpr std::uint8_t kHexahedron = 12, kPolyhedron = 42;
  geometry::VolumeMesh out;
  std::vector<std::vector<std::int64_t>> of_cell(m.cells);  // faces; ~f: seen from its neighbour
  for (std::size_t f = 0; f < m.faces(); ++f) {
    of_cell[static_cast<std::size_t>(m.owner[f])].push_back(static_cast<std::int64_t>(f));
    if (f < m.neighbour.size())
      of_cell[static_cast<std::size_t>(m.neighbour[f])].push_back(~static_cast<std::int64_t>(f));
  }
  out.points = m.points;
  std::vector<std::int64_t> image(m.points.size());  // of points at y = 0 they are themselves
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<std::int64_t>(i);
  if (mirror)
    for (std::size_t i = 0; i < m.points.size(); ++i)
      if (std::abs(m.points[i][1]) > 1e-9) {
        image[i] = static_cast<std::int64_t>(out.points.size());
        out.points.push_back({m.points[i][0], -m.points[i][1], m.points[i][2]});
      }
  out.offsets = {0};
  std::vector<std::vector<std::int64_t>> faces;
  for (int half = 0; half < (mirror ? 2 : 1); ++half)
    for (std::size_t c = 0; c < m.cells; ++c) {
      faces.clear();
      for (const auto signed_face : of_cell[c]) {
        const auto f = static_cast<std::size_t>(signed_face < 0 ? ~signed_face : signed_face);
        auto& face = faces.emplace_back(m.corners.begin() + m.offsets[f], m.corners.begin() + m.offsets[f + 1]);
        if ((signed_face < 0) != (half == 1)) std::reverse(face.begin(), face.end());
        if (half == 1)
          for (auto& corner : face) corner = image[static_cast<std::size_t>(corner)];
      }
      const auto corners = hexahedron(faces);
      if (!corners.empty()) {
        out.types.push_back(kHexahedron);
        out.corners.insert(out.corners.end(), corners.begin(), corners.end());
        out.face_offsets.push_back(-1);
      } else {
        out.types.push_back(kPolyhedron);
        std::vector<std::int64_t> points;
        out.face_offsets.push_back(static_cast<std::int64_t>(out.faces.size()));
        out.faces.push_back(static_cast<std::int64_t>(faces.size()));
        for (const auto& face : faces) {
          out.faces.push_back(static_cast<std::int64_t>(face.size()));
          out.faces.insert(out.faces.end(), face.begin(), face.end());
          points.insert(points.end(), face.begin(), face.end());
        }
        std::sort(points.begin(), points.end());
        points.erase(std::unique(points.begin(), points.end()), points.end());
        out.corners.insert(out.corners.end(), points.begin(), points.end());
      }
      out.offsets.push_back(static_cast<std::int64_t>(out.corners.size()));
    }
  return out;
}

}  // namespace streamtube::mesh_io
