// NASTRAN bulk data (.nas, .bdf, .dat): GRID with CTRIA3, CTRIA6, CQUAD4, CQUAD8 and CTRIAR, CQUADR, in short, long and
// free field form (MSC Nastran Quick Reference Guide, "The Bulk Data Section"). A shell's property (PID) is its part;
// comments of the kind "$ANSA_NAME", "$HMNAME COMP" and "$ Property Name" name it. Solid elements have no surface here.

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/error.hpp"
#include "geometry/parts.hpp"
#include "mesh_io/formats.hpp"
#include "mesh_io/input_file.hpp"
#include "mesh_io/vtk_tools.hpp"

namespace streamtube::mesh_io {
using core::str;
using geometry::SurfaceMesh;

namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  return text;
}

// "1.5", "1.5E3", and NASTRAN's own "1.5+3", "-.5-2".
bool real(std::string_view field, double& value) {
  std::string text(field);
  const std::size_t sign = text.find_first_of("+-", 1);
  if (sign != std::string::npos && std::string("eEdD").find(text[sign - 1]) == std::string::npos)
    text.insert(sign, 1, 'e');
  return parse_number(text, value) && std::isfinite(value);
}

class NastranReader {
 public:
  NastranReader(const InputFile& file, Notes& notes) : file_(file), text_(file.text()), notes_(notes) {}

  SurfaceMesh read() {
    while (at_ < text_.size()) entry();
    return build();
  }

 private:
  struct Face {
    std::int64_t part;
    std::vector<std::int64_t> corners;
    std::size_t line;
  };

  // A line without its end; tabs stand for the blanks to the next of the columns of eight.
  std::string line() {
    std::string out;
    for (; at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\r'; ++at_) {
      if (text_[at_] != '\t')
        out += text_[at_];
      else
        out.append(8 - out.size() % 8, ' ');
    }
    if (at_ + 1 < text_.size() && text_[at_] == '\r' && text_[at_ + 1] == '\n') ++at_;
    ++at_, ++number_;
    return out;
  }

  // The fields of an entry behind its name, those of its continuation lines too.
  std::vector<std::string> fields(std::string text, bool free, bool wide) {
    std::vector<std::string> out;
    for (;;) {
      if (free) {
        std::size_t begin = text.find(',');
        while (begin != std::string::npos && out.size() < 64) {
          const std::size_t end = text.find(',', begin + 1);
          out.emplace_back(trimmed(std::string_view(text).substr(begin + 1, end - begin - 1)));
          begin = end;
        }
      } else {
        const std::size_t width = wide ? 16 : 8, count = wide ? 4 : 8;
        for (std::size_t k = 0; k < count; ++k) {
          const std::size_t at = 8 + k * width;
          out.emplace_back(at < text.size() ? trimmed(std::string_view(text).substr(at, width)) : std::string_view());
        }
      }
      const char next = at_ < text_.size() ? text_[at_] : '\0';
      if (next != '+' && next != '*' && !(next == ',' && free)) return out;
      text = line();
      if (text[0] == '*') wide = true;
    }
  }

  void entry() {
    const std::string text = line();
    const std::size_t where = number_;
    if (text.empty()) return;
    if (text[0] == '$') return comment(text);
    const std::size_t comma = text.find(',');
    const bool free = comma != std::string::npos;
    std::string name(trimmed(std::string_view(text).substr(0, free ? comma : 8)));
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const bool wide = !name.empty() && name.back() == '*';
    if (wide) name = std::string(trimmed(std::string_view(name).substr(0, name.size() - 1)));
    if (name == "ENDDATA") {
      at_ = text_.size();
      return;
    }
    std::size_t corners = 0;
    if (name == "CTRIA3" || name == "CTRIAR" || name == "CTRIA6") corners = 3;
    if (name == "CQUAD4" || name == "CQUADR" || name == "CQUAD8") corners = 4;
    if (name == "GRID") {
      grid(fields(text, free, wide), where);
    } else if (corners > 0) {
      shell(name, fields(text, free, wide), corners, where);
    } else if (name[0] == 'C' && (name == "CTETRA" || name == "CHEXA" || name == "CPENTA" || name == "CPYRAM")) {
      fields(text, free, wide);
      ++solids_;
    }
  }

  // "$ANSA_NAME;5;PSHELL;~;door;", "$HMNAME COMP  5"door"", "$ ... PSHELL 5 ..." of others is left alone.
  void comment(const std::string& text) {
    const auto between = [&](char mark, int count) {
      std::size_t begin = std::string::npos;
      for (int k = 0; k < count; ++k) begin = text.find(mark, begin == std::string::npos ? 0 : begin + 1);
      if (begin == std::string::npos) return std::string();
      return std::string(trimmed(std::string_view(text).substr(begin + 1, text.find(mark, begin + 1) - begin - 1)));
    };
    std::int64_t id = 0;
    if (text.rfind("$ANSA_NAME_COMMENT;", 0) == 0 || text.rfind("$ANSA_NAME;", 0) == 0) {
      if (between(';', 2).rfind("PSHELL", 0) == 0 && parse_integer(between(';', 1), id)) names_[id] = between(';', 4);
    } else if (text.rfind("$HMNAME COMP", 0) == 0 || text.rfind("$HMNAME PROP", 0) == 0) {
      const std::size_t quote = text.find('"');
      if (quote != std::string::npos && parse_integer(trimmed(std::string_view(text).substr(12, quote - 12)), id))
        names_[id] = between('"', 1);
    }
  }

  std::int64_t integer(const std::string& field, const char* what, std::size_t where) const {
    std::int64_t value = 0;
    if (!parse_integer(field, value) || value < 1)
      file_.fail(str("line ", where, ": ", what, " is ", quoted(field), ", no positive whole number"));
    return value;
  }

  void grid(const std::vector<std::string>& f, std::size_t where) {
    if (f.size() < 5)
      file_.fail(str("line ", where, ": GRID has ", f.size(), " fields, not an id and three coordinates"));
    const std::int64_t id = integer(f[0], "the id of a GRID", where);
    if (!f[1].empty() && f[1] != "0")
      file_.fail(str("line ", where, ": GRID ", id, " is given in the coordinate system ", quoted(f[1])),
                 "write the grid in the basic system (CP 0)");
    Vec3 p{0, 0, 0};
    for (std::size_t a = 0; a < 3; ++a)
      if (!f[2 + a].empty() && !real(f[2 + a], p[a]))
        file_.fail(str("line ", where, ": ", not_a_number(f[2 + a], "a coordinate")));
    if (!points_.emplace(id, mesh_.points.size()).second)
      file_.fail(str("line ", where, ": GRID ", id, " is there twice"));
    mesh_.points.push_back(p);
  }

  void shell(const std::string& name, const std::vector<std::string>& f, std::size_t corners, std::size_t where) {
    if (f.size() < 2 + corners) file_.fail(str("line ", where, ": ", name, " has ", f.size(), " fields"));
    Face face{
        f[1].empty() ? integer(f[0], "the id of a shell", where) : integer(f[1], "the property of a shell", where),
        {},
        where};
    for (std::size_t k = 0; k < corners; ++k) face.corners.push_back(integer(f[2 + k], "a corner", where));
    higher_ += name == "CTRIA6" || name == "CQUAD8";
    faces_.push_back(std::move(face));
  }

  SurfaceMesh build() {
    if (faces_.empty())
      throw NoSurface(core::ErrorKind::input,
                      str("'", file_.path(), "' (NASTRAN): has no shells (CTRIA3, CQUAD4)",
                          solids_ > 0 ? str(", only ", solids_, " solid elements") : ""),
                      "export the surface of the body as shells");
    std::set<std::int64_t> parts;
    for (const Face& face : faces_) parts.insert(face.part);
    std::map<std::int64_t, std::int32_t> number;
    for (const std::int64_t part : parts) {
      number[part] = static_cast<std::int32_t>(mesh_.patch_names.size());
      const auto name = names_.find(part);
      mesh_.patch_names.push_back(name != names_.end() && !name->second.empty() ? name->second
                                  : parts.size() == 1                           ? file_.stem()
                                                                                : str("part_", part));
    }
    mesh_.offsets = {0};
    for (const Face& face : faces_) {
      for (const std::int64_t corner : face.corners) {
        const auto point = points_.find(corner);
        if (point == points_.end()) file_.fail(str("line ", face.line, ": there is no GRID ", corner));
        mesh_.corners.push_back(static_cast<std::int64_t>(point->second));
      }
      mesh_.offsets.push_back(static_cast<std::int64_t>(mesh_.corners.size()));
      mesh_.patch.push_back(number[face.part]);
    }
    if (higher_ > 0) notes_.push_back(str(higher_, " shells of second order are read by their corners"));
    if (solids_ > 0) notes_.push_back(str(solids_, " solid elements are no surface and are left out"));
    return std::move(mesh_);
  }

  const InputFile& file_;
  std::string_view text_;
  std::size_t at_ = 0;  // where the next line begins
  Notes& notes_;
  SurfaceMesh mesh_;
  std::unordered_map<std::int64_t, std::size_t> points_;  // by id
  std::map<std::int64_t, std::string> names_;             // of properties
  std::vector<Face> faces_;
  std::size_t number_ = 0, solids_ = 0, higher_ = 0;
};

SurfaceMesh read_nastran(const std::string& path, Notes& notes) {
  InputFile file(path, "NASTRAN");
  file.decode(notes);
  SurfaceMesh mesh = NastranReader(file, notes).read();
  geometry::drop_unused_points(mesh);
  return mesh;
}

}  // namespace

FormatEntry nastran_format() {
  return {
      {"NASTRAN", {".nas", ".bdf"}, true, false, false, false}, nullptr, false, read_nastran, nullptr, nullptr, true};
}

}  // namespace streamtube::mesh_io
