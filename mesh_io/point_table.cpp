#include "mesh_io/point_table.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>

#include "core/error.hpp"
#include "core/files.hpp"
#include "mesh_io/input_file.hpp"

namespace streamtube::mesh_io {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t"), end = text.find_last_not_of(" \t");
  return begin == std::string::npos ? std::string() : text.substr(begin, end - begin + 1);
}

// Words of a line. `separator` 0: blanks.
std::vector<std::string> words_of(const std::string& line, char separator) {
  std::vector<std::string> out;
  std::string word;
  bool quoted = false, any = false;
  const auto close = [&] {
    if (separator != 0 || any) out.push_back(trimmed(word));
    word.clear(), any = false;
  };
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted, any = true;
    } else if (!quoted && (separator != 0 ? c == separator : c == ' ' || c == '\t')) {
      close();
    } else {
      word += c, any = true;
    }
  }
  close();
  return out;
}

// The separator that stands outside of quotation marks.
char separator_of(const std::string& line) {
  bool quoted = false;
  std::array<bool, 3> found = {false, false, false};
  constexpr std::array<char, 3> kSeparators = {';', '\t', ','};
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    for (std::size_t s = 0; s < 3; ++s) found[s] = found[s] || (!quoted && c == kSeparators[s]);
  }
  for (std::size_t s = 0; s < 3; ++s)
    if (found[s]) return kSeparators[s];
  return 0;
}

// What a column is: a field's name and component.
struct Column {
  std::string field;  // "place": a coordinate; empty: unknown
  int component = 0;
  double unit = 1;  // of coordinates, m
  bool unit_stated = false;
};

struct Known {
  const char* field;
  int components;
  std::vector<const char*> names;  // without blanks, '-' and '_'
};
const std::vector<Known>& known_fields() {
  static const std::vector<Known> known = {
      {"place", 3, {"", "points", "position", "coordinate", "coordinates", "coord"}},
      {"pressure", 1, {"pressure", "staticpressure", "p"}},
      {"Cp", 1, {"cp", "pressurecoefficient"}},
      {"wall_shear_stress", 3, {"wallshearstress", "wallshear", "shear"}},
      {"Cf", 3, {"cf", "skinfrictioncoefficient"}},
      {"velocity", 3, {"velocity", "u"}},
      {"vorticity", 3, {"vorticity"}}};
  return known;
}

// The unit of length in brackets at the end of a coordinate's name.
std::optional<double> length_unit(const std::string& text) {
  static const std::map<std::string, double> units = {
      {"m", 1}, {"mm", 1e-3}, {"cm", 1e-2}, {"in", 0.0254}, {"ft", 0.3048}};
  const auto it = units.find(text);
  if (it == units.end()) return {};
  return it->second;
}

// "Velocity[i] (m/s)", "velocity:0", "velocity_x", "x-velocity", "X (m)", "wall shear stress-x".
Column column_of(const std::string& given) {
  std::string name = lower(given), unit;
  const auto cut_unit = [&](char open, char close) {
    if (name.empty() || name.back() != close) return;
    const auto at = name.rfind(open);
    if (at == std::string::npos) return;
    const std::string inside = trimmed(name.substr(at + 1, name.size() - at - 2));
    if (open == '[' && inside.size() == 1 && std::string("ijkxyz012").find(inside) != std::string::npos) return;
    unit = inside, name = trimmed(name.substr(0, at));
  };
  cut_unit('(', ')'), cut_unit('[', ']');
  int component = -1;
  const auto letter = [](char c) {
    const auto at = std::string("xyz").find(c);
    return at == std::string::npos ? -1 : static_cast<int>(at);
  };
  const std::size_t n = name.size();
  if (n == 1 && letter(name[0]) >= 0) {
    component = letter(name[0]), name.clear();
  } else if (n > 3 && name[n - 1] == ']' && name[n - 3] == '[') {
    const char c = name[n - 2];
    component = letter(c) >= 0 ? letter(c) : c >= 'i' && c <= 'k' ? c - 'i' : c >= '0' && c <= '2' ? c - '0' : -1;
    name = name.substr(0, n - 3);
  } else if (n > 2 && name[n - 2] == ':' && name[n - 1] >= '0' && name[n - 1] <= '2') {
    component = name[n - 1] - '0', name = name.substr(0, n - 2);
  } else if (n > 2 && (name[n - 2] == '_' || name[n - 2] == '-' || name[n - 2] == ' ') &&
             (letter(name[n - 1]) >= 0 || (name[n - 1] >= '0' && name[n - 1] <= '2'))) {
    component = letter(name[n - 1]) >= 0 ? letter(name[n - 1]) : name[n - 1] - '0', name = name.substr(0, n - 2);
  } else if (n > 2 && (name[1] == '-' || name[1] == '_' || name[1] == ' ') && letter(name[0]) >= 0) {
    component = letter(name[0]), name = name.substr(2);
  }
  name.erase(std::remove_if(name.begin(), name.end(), [](char c) { return c == ' ' || c == '-' || c == '_'; }),
             name.end());
  Column out;
  for (const Known& known : known_fields())
    for (const char* one : known.names)
      if (name == one && (known.components == 1) == (component < 0))
        out.field = known.field, out.component = std::max(component, 0);
  if (out.field == "place") {
    const auto length = length_unit(unit);
    out.unit_stated = length.has_value(), out.unit = length.value_or(1);
  }
  return out;
}

// Where the wanted numbers stand in a row.
struct Layout {
  std::array<std::size_t, 3> place = {0, 1, 2};
  std::array<double, 3> unit = {1, 1, 1};
  std::vector<std::vector<std::size_t>> fields;  // of the table's, by component
};

Layout layout_of(const std::vector<std::string>& heading, PointTable& table, bool& placed) {
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  Layout out;
  out.place = {kNone, kNone, kNone};
  std::map<std::string, std::array<std::size_t, 3>> found;
  for (std::size_t k = 0; k < heading.size(); ++k) {
    const Column column = column_of(heading[k]);
    const auto c = static_cast<std::size_t>(column.component);
    if (column.field == "place") {
      if (out.place[c] == kNone) out.place[c] = k, out.unit[c] = column.unit;
      table.unit_stated = table.unit_stated || column.unit_stated;
    } else if (column.field.empty()) {
      table.not_taken.push_back(heading[k]);
    } else {
      auto& columns = found.try_emplace(column.field, std::array<std::size_t, 3>{kNone, kNone, kNone}).first->second;
      if (columns[c] == kNone) columns[c] = k;
    }
  }
  placed = std::find(out.place.begin(), out.place.end(), kNone) == out.place.end();
  for (const Known& known : known_fields()) {
    const auto it = found.find(known.field);
    if (it == found.end()) continue;
    const auto end = it->second.begin() + known.components;
    if (std::find(it->second.begin(), end, kNone) != end) {
      table.not_taken.push_back(str(known.field, " (not all of its components are there)"));
      continue;
    }
    table.fields.push_back({known.field, geometry::Association::points, known.components, {}});
    out.fields.emplace_back(it->second.begin(), end);
  }
  return out;
}

bool is_number(const std::string& word, double& value) { return !word.empty() && parse_number(word, value); }

}  // namespace

PointTable read_point_table(const std::string& path, std::size_t most) {
  std::istringstream in(core::read_text(path));
  PointTable out;
  std::optional<Layout> layout;
  char separator = 0;
  std::size_t line_number = 0;
  for (std::string line; std::getline(in, line);) {
    ++line_number;
    if (line_number == 1 && line.rfind("\xef\xbb\xbf", 0) == 0) line.erase(0, 3);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (trimmed(line).empty() || line[0] == '#') continue;
    const auto fail = [&](const std::string& what) {
      throw Error(ErrorKind::input, str("'", path, "', line ", line_number, ": ", what),
                  "a table of points has x, y and z in columns called so, or in its first three");
    };
    if (!layout) {
      separator = separator_of(line);
      const auto words = words_of(line, separator);
      double first = 0;
      if (is_number(words[0], first)) {
        layout.emplace();
      } else {
        bool placed = false;
        layout = layout_of(words, out, placed);
        if (!placed) fail("its heading names no columns x, y and z");
        continue;
      }
    }
    const auto words = words_of(line, separator);
    Vec3 p{};
    for (std::size_t a = 0; a < 3; ++a) {
      const std::size_t k = layout->place[a];
      if (k >= words.size() || !is_number(words[k], p[a]) || !std::isfinite(p[a]))
        fail(str("its ", static_cast<char>('x' + a), " is ",
                 k < words.size() ? mesh_io::quoted(words[k]) + ", no number" : std::string("missing")));
      p[a] *= layout->unit[a];
    }
    out.points.push_back(p);
    for (std::size_t f = 0; f < layout->fields.size(); ++f)
      for (const std::size_t k : layout->fields[f]) {
        double value = 0;
        if (k >= words.size() || !is_number(words[k], value))
          fail(str("its ", out.fields[f].name, " is ",
                   k < words.size() ? mesh_io::quoted(words[k]) + ", no number" : std::string("missing")));
        out.fields[f].values.push_back(static_cast<float>(value));
      }
    if (out.points.size() > most) fail(str("more than ", most, " points"));
  }
  if (out.points.empty()) throw Error(ErrorKind::input, str("'", path, "': there are no points in it"));
  return out;
}

bool is_point_table(const std::string& path) {
  const std::string extension = lower(std::filesystem::path(path).extension().string());
  return extension == ".csv" || extension == ".txt" || extension == ".xy" || extension == ".dat";
}

}  // namespace streamtube::mesh_io
