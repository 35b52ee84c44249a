#include "solver/sweep/design_space.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>
#include <sstream>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/sequences.hpp"
#include "core/sha256.hpp"
#include "core/text.hpp"
#include "geometry/generators.hpp"
#include "mesh_io/h5/split_rules.hpp"
#include "mesh_io/mesh_io.hpp"
#include "solver/openfoam/openfoam_setup.hpp"
#include "solver/sweep/results_table.hpp"

namespace streamtube::solver {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;

namespace {

constexpr double kNotGiven = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kUsualFade = 0.25;

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r"), end = text.find_last_not_of(" \t\r");
  return begin == std::string::npos ? std::string() : text.substr(begin, end - begin + 1);
}

// All of `text` as a finite number.
std::optional<double> number_of(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return {};
  return value;
}

std::string near(const std::string& given, const std::vector<std::string>& known) {
  std::string list, best;
  std::size_t least = given.size() / 3 + 2;
  for (const auto& name : known) {
    list += (list.empty() ? "" : ", ") + name;
    if (const std::size_t d = core::edit_distance(given, name); d < least) best = name, least = d;
  }
  return best.empty() ? str("there are ", list) : str("did you mean '", best, "'?");
}

// A design's name is that of its folder.
void check_name(const std::string& name, const std::string& where) {
  bool fine = !name.empty() && name.size() <= 200 && name[0] != '.';
  for (const char c : name) fine = fine && c != '/' && c != '\\' && static_cast<unsigned char>(c) >= 32;
  if (!core::is_utf8(name))
    throw Error(ErrorKind::input, str(where, ": the name is not in UTF-8, which tables and pages of results are in"),
                "rename the file, or give its design a name in a table");
  if (!fine)
    throw Error(ErrorKind::input, str(where, ": '", name, "' cannot be the name of a design"),
                "a name becomes that of a folder: no '/', no leading '.', at most 200 letters");
}

void check_names(const std::vector<Design>& designs, const std::vector<std::string>& where, const std::string& source) {
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    check_name(designs[i].name, where[i]);
    const auto [other, fresh] = seen.emplace(lower(designs[i].name), i);
    if (!fresh)
      throw Error(
          ErrorKind::input,
          str(source, ": two designs are called '", designs[i].name, "': ", where[other->second], " and ", where[i]),
          "names must differ, letter case aside; a table with the columns name,file names them");
  }
}

void require_designs(std::size_t count, const std::string& source) {
  if (count == 0)
    throw Error(ErrorKind::input, source + ": there are no designs in it",
                "see docs/sweep.md for what a sweep is made of");
  if (count > kMostDesigns)
    throw Error(ErrorKind::input, str(source, ": more than ", kMostDesigns, " designs"),
                "take fewer levels, or sample the space: \"method\": \"sobol\" with a \"count\"");
}

// ---- Files

// run_2 before run_10.
bool natural_less(const std::string& a, const std::string& b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      const auto run = [&](const std::string& s, std::size_t& at) {
        while (at + 1 < s.size() && s[at] == '0' && digit(s[at + 1])) ++at;
        const std::size_t begin = at;
        while (at < s.size() && digit(s[at])) ++at;
        return s.substr(begin, at - begin);
      };
      const std::string x = run(a, i), y = run(b, j);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      continue;
    }
    if (a[i] != b[j]) return a[i] < b[j];
    ++i, ++j;
  }
  if ((i == a.size()) != (j == b.size())) return i == a.size();
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

SweepPlan plan_of_files(const std::vector<std::string>& files, const std::string& source) {
  SweepPlan plan;
  plan.source = source;
  require_designs(files.size(), source);
  std::vector<std::string> where;
  for (const auto& file : files) {
    plan.designs.push_back({mesh_io::name_of_mesh(file), {file}, {}});
    where.push_back(str("'", file, "'"));
  }
  check_names(plan.designs, where, source);
  return plan;
}

SweepPlan plan_of_folder(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    // A link to nothing is a design that fails.
    std::error_code ignored;
    if (name[0] != '.' && !entry.is_directory(ignored) && mesh_io::names_surface(entry.path()))
      files.push_back(entry.path().string());
  }
  if (error) throw Error(ErrorKind::input, str("cannot read the folder '", folder, "': ", error.message()));
  const std::string source = str("the folder '", folder, "'");
  if (files.empty())
    throw Error(ErrorKind::input, source + " holds no geometry files",
                fs::exists(fs::path(folder) / "sweep.json")
                    ? "it holds the results of a sweep: `streamtube report` shows them"
                    : "put STL, OBJ, PLY, VTP, STEP ... files in it, or name a table (.csv) or a space (.json)");
  std::sort(files.begin(), files.end(), natural_less);
  return plan_of_files(files, source);
}

// ---- Tables

// Fields of a line by RFC 4180, as far as it fits on one line.
std::vector<std::string> fields_of(const std::string& line, char separator, const std::string& where) {
  std::vector<std::string> out(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      if (c != '"')
        out.back() += c;
      else if (i + 1 < line.size() && line[i + 1] == '"')
        out.back() += '"', ++i;
      else
        quoted = false;
    } else if (c == '"' && trimmed(out.back()).empty()) {
      out.back().clear(), quoted = true;
    } else if (c == separator) {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  if (quoted) throw Error(ErrorKind::input, where + ": a quotation mark is not closed");
  for (auto& field : out) field = trimmed(field);
  return out;
}

SweepPlan plan_of_table(const std::string& path, const std::vector<std::string>& conditions) {
  SweepPlan plan;
  plan.source = str("'", path, "'");
  std::string text = core::read_text(path);
  if (text.rfind("\xef\xbb\xbf", 0) == 0) text.erase(0, 3);
  if (!core::is_utf8(text))
    throw Error(ErrorKind::input, plan.source + ": the table is not in UTF-8", "save it as \"CSV UTF-8\"");
  std::istringstream in(text);
  std::string line;
  std::size_t number = 0;
  const auto at = [&] { return str("'", path, "': line ", number); };
  const auto next = [&] {
    while (std::getline(in, line)) {
      ++number;
      if (!trimmed(line).empty() && trimmed(line)[0] != '#') return true;
    }
    return false;
  };
  if (!next())
    throw Error(ErrorKind::input, plan.source + ": the table is empty",
                "its first line names the columns: name,file,velocity");
  const char separator = line.find('\t') != std::string::npos ? '\t' : line.find(';') != std::string::npos ? ';' : ',';
  auto header = fields_of(line, separator, at());
  int name_column = -1, file_column = -1;
  std::vector<int> parameter(header.size(), -1);
  std::set<std::string> known;
  for (std::size_t c = 0; c < header.size(); ++c) {
    if (header[c].empty()) throw Error(ErrorKind::input, str(at(), ": column ", c + 1, " has no name"));
    const std::string low = lower(header[c]);
    const bool file = low == "file" || low == "geometry", name = low == "name" || low == "design";
    if (is_condition(low)) header[c] = low;
    for (const auto& name : conditions)
      if (lower(name) == low) header[c] = name;
    // As the table of results calls it.
    std::string column = file ? "file" : name ? "name" : parameter_column(header[c]);
    std::replace(column.begin(), column.end(), '/', '_');  // in HDF5
    if (!known.insert(column).second)
      throw Error(ErrorKind::input, str(at(), ": '", header[c], "' would be a second column '", column, "'"));
    if (file) {
      file_column = static_cast<int>(c);
    } else if (name) {
      name_column = static_cast<int>(c);
    } else {
      parameter[c] = static_cast<int>(plan.parameters.size());
      plan.parameters.push_back({header[c], "", 0, 0, 0, {}});
    }
  }
  if (file_column < 0)
    throw Error(ErrorKind::input, str(at(), ": the table has no column 'file'"),
                "its first line names the columns, as in name,file,velocity; files lie relative to the table");
  const fs::path folder = fs::path(path).parent_path();
  std::vector<std::string> where;
  while (next()) {
    const auto fields = fields_of(line, separator, at());
    if (fields.size() != header.size())
      throw Error(ErrorKind::input,
                  str(at(), ": ", fields.size(), " fields, but the table has ", header.size(), " columns"));
    Design design;
    std::istringstream files(fields[static_cast<std::size_t>(file_column)]);
    for (std::string file; std::getline(files, file, '|');)
      if (!trimmed(file).empty()) design.files.push_back((folder / trimmed(file)).string());
    if (design.files.empty()) throw Error(ErrorKind::input, str(at(), ": no file is named"));
    design.name =
        name_column >= 0 ? fields[static_cast<std::size_t>(name_column)] : mesh_io::name_of_mesh(design.files.front());
    design.values.assign(plan.parameters.size(), kNotGiven);
    for (std::size_t c = 0; c < header.size(); ++c) {
      if (parameter[c] < 0 || fields[c].empty()) continue;
      const auto value = number_of(fields[c]);
      if (!value)
        throw Error(ErrorKind::input, str(at(), ": ", header[c], ": '", fields[c], "' is not a number"),
                    "leave it empty for the default");
      if (is_condition(header[c]) && !(*value > 0))
        throw Error(ErrorKind::input, str(at(), ": ", header[c], ": ", *value, " is not positive"));
      design.values[static_cast<std::size_t>(parameter[c])] = *value;
    }
    plan.designs.push_back(std::move(design));
    where.push_back(at());
    if (plan.designs.size() > kMostDesigns) break;
  }
  require_designs(plan.designs.size(), plan.source);
  // Without names, rows of one file are told apart by their number.
  if (name_column < 0) {
    std::map<std::string, std::size_t> uses;
    for (const auto& design : plan.designs) ++uses[lower(design.name)];
    for (std::size_t i = 0; i < plan.designs.size(); ++i)
      if (uses[lower(plan.designs[i].name)] > 1) plan.designs[i].name += str("_", i + 1);
  }
  check_names(plan.designs, where, plan.source);
  for (std::size_t p = 0; p < plan.parameters.size(); ++p) {
    Parameter& one = plan.parameters[p];
    one.min = kInfinity, one.max = -kInfinity;
    for (const auto& design : plan.designs)
      if (const double v = design.values[p]; !std::isnan(v))
        one.min = std::min(one.min, v), one.max = std::max(one.max, v);
    one.start = one.min;
  }
  return plan;
}

// ---- Spaces

// A value of the file, with its place for messages.
class Place {
 public:
  Place(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}
  const Json& json() const { return json_; }
  const std::string& where() const { return where_; }

  [[noreturn]] void refuse(const std::string& what, const std::string& hint = "see docs/sweep.md") const {
    throw Error(ErrorKind::input, where_ + ": " + what, hint);
  }
  // An object with keys of these only.
  const Place& object(const std::vector<std::string>& keys) const {
    if (!json_.is_object()) refuse("an object { } is expected");
    for (const auto& [key, value] : json_.items())
      if (std::find(keys.begin(), keys.end(), key) == keys.end())
        refuse(str("there is no '", key, "' here"), near(key, keys));
    return *this;
  }
  bool has(const char* key) const { return json_.is_object() && json_.contains(key); }
  Place at(const char* key) const {
    if (!has(key)) refuse(str("'", key, "' is missing"));
    return {json_.at(key), where_ + ": " + key};
  }
  std::vector<Place> list() const {
    if (!json_.is_array()) refuse("a list [ ] is expected");
    std::vector<Place> out;
    for (std::size_t i = 0; i < json_.size(); ++i) out.emplace_back(json_[i], str(where_, "[", i, "]"));
    return out;
  }
  std::string text() const {
    if (!json_.is_string()) refuse("a text is expected");
    return json_.get<std::string>();
  }
  double number() const {
    if (!json_.is_number() || !std::isfinite(json_.get<double>())) refuse("a number is expected");
    return json_.get<double>();
  }
  double positive() const {
    const double value = number();
    if (!(value > 0)) refuse(str(value, " is not positive"));
    return value;
  }
  std::uint64_t count(std::uint64_t most) const {
    if (!json_.is_number_integer() || json_.get<double>() < 0) refuse("a whole number, not negative, is expected");
    if (json_.get<double>() > double(most)) refuse(str(core::json_text(json_), " is more than ", most));
    return json_.get<std::uint64_t>();
  }
  bool flag() const {
    if (!json_.is_boolean()) refuse("true or false is expected");
    return json_.get<bool>();
  }
  Vec3 vector() const {
    const auto items = list();
    if (items.size() != 3) refuse("three numbers are expected");
    return {items[0].number(), items[1].number(), items[2].number()};
  }
  Box box() const {
    const auto corners = list();
    if (corners.size() != 2) refuse("two corners are expected: [[x, y, z], [x, y, z]]");
    const Box out{corners[0].vector(), corners[1].vector()};
    for (int a = 0; a < 3; ++a)
      if (!(out.high[a] > out.low[a]))
        refuse(str("the box is inverted: ", "xyz"[a], " runs from ", out.low[a], " to ", out.high[a]),
               "give the lower corner first");
    return out;
  }

 private:
  const Json& json_;
  std::string where_;
};

class SpaceReader {
 public:
  SpaceReader(SweepPlan& plan, std::set<int>& used) : plan_(plan), used_(used) {}

  int parameter(const std::string& name) const {
    for (std::size_t i = 0; i < plan_.parameters.size(); ++i)
      if (plan_.parameters[i].name == name) return static_cast<int>(i);
    return -1;
  }

  // 0.02, "rise", "-rise", "0.5*rise"
  Linear linear(const Place& place) const {
    if (place.json().is_number()) return {place.number(), 0, -1};
    std::string text = trimmed(place.text());
    Linear out{0, 1, -1};
    if (const auto star = text.find('*'); star != std::string::npos) {
      std::string left = trimmed(text.substr(0, star)), right = trimmed(text.substr(star + 1));
      if (!number_of(left)) std::swap(left, right);
      const auto factor = number_of(left);
      if (!factor) place.refuse(str("'", text, "' is no number times a parameter"));
      out.factor = *factor, text = right;
    }
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
      if (text[0] == '-') out.factor = -out.factor;
      text = trimmed(text.substr(1));
    }
    out.parameter = parameter(text);
    if (out.parameter < 0) {
      std::vector<std::string> names;
      for (const auto& p : plan_.parameters) names.push_back(p.name);
      place.refuse(str("there is no parameter '", text, "'"), near(text, names));
    }
    used_.insert(out.parameter);
    return out;
  }
  Linear3 linear3(const Place& place) const {
    const auto items = place.list();
    if (items.size() != 3) place.refuse("three numbers or parameters are expected");
    return {linear(items[0]), linear(items[1]), linear(items[2])};
  }

  MorphRecipe morph(const Place& place) const {
    place.object({"lattice", "region", "stretch", "rotate"});
    if (place.json().size() != 1) place.refuse("one of lattice, region, stretch and rotate is expected");
    MorphRecipe out;
    if (place.has("stretch")) {
      const Place at = place.at("stretch").object({"axis", "from", "to", "by"});
      out.kind = MorphRecipe::Kind::stretch;
      out.where = at.where();
      const std::string axis = at.at("axis").text();
      if (axis != "x" && axis != "y" && axis != "z")
        at.at("axis").refuse(str("'", axis, "' is no axis"), "use x, y or z");
      out.axis = axis[0] - 'x';
      out.from = at.at("from").number(), out.to = at.at("to").number();
      if (out.from == out.to) at.at("to").refuse("from and to are the same");
      out.by = linear(at.at("by"));
      return out;
    }
    if (place.has("rotate")) {
      const Place at = place.at("rotate").object({"from", "to", "by", "box", "fade"});
      out.kind = MorphRecipe::Kind::rotate;
      out.where = at.where();
      out.hinge[0] = at.at("from").vector(), out.hinge[1] = at.at("to").vector();
      if (!(norm(out.hinge[1] - out.hinge[0]) > 0)) at.at("to").refuse("from and to are the same point");
      out.by = linear(at.at("by"));
      if (at.has("box")) out.box = at.at("box").box();
      if (at.has("fade")) {
        if (!at.has("box")) at.at("fade").refuse("there is no box to fade in");
        fade(at.at("fade"), out.fade);
      }
      return out;
    }
    const bool lattice = place.has("lattice");
    const Place at = place.at(lattice ? "lattice" : "region");
    out.where = at.where();
    if (lattice)
      at.object({"box", "points", "move", "fade"});
    else
      at.object({"box", "shift", "scale", "about", "fade"});
    out.box = at.at("box").box();
    if (at.has("fade")) fade(at.at("fade"), out.fade);
    if (!lattice) {
      if (!at.has("shift") && !at.has("scale")) at.refuse("neither shift nor scale is given");
      if (at.has("shift")) out.shift = linear3(at.at("shift"));
      if (at.has("scale")) out.growth = linear3(at.at("scale"));
      if (at.has("about")) out.about = at.at("about").vector();
      return out;
    }
    out.kind = MorphRecipe::Kind::lattice;
    if (at.has("points")) {
      const auto counts = at.at("points").list();
      if (counts.size() != 3) at.at("points").refuse("three numbers are expected");
      for (std::size_t a = 0; a < 3; ++a) {
        out.points[a] = static_cast<int>(counts[a].count(32));
        if (out.points[a] < 2) counts[a].refuse("a lattice has at least 2 points along an axis");
      }
    }
    for (const Place& move : at.at("move").list()) {
      move.object({"at", "by"});
      const auto axes = move.at("at").list();
      if (axes.size() != 3) move.at("at").refuse("the points along x, y, z are expected, as in [-1, \"*\", 0]");
      std::array<std::vector<int>, 3> points;
      for (std::size_t a = 0; a < 3; ++a) points[a] = control_points(axes[a], out.points[a]);
      out.moves.emplace_back(std::move(points), linear3(move.at("by")));
    }
    return out;
  }

 private:
  // -1, [0, 1] or "*"
  static std::vector<int> control_points(const Place& place, int count) {
    std::vector<int> out;
    if (place.json().is_string()) {
      if (place.text() != "*") place.refuse("a number, a list of numbers or \"*\" is expected");
      for (int i = 0; i < count; ++i) out.push_back(i);
      return out;
    }
    const auto one = [&](const Place& at) {
      const double value = at.number();
      if (value != std::floor(value) || value < -count || value >= count)
        at.refuse(str("the lattice has the points 0 to ", count - 1, " along this axis (-1: the last)"));
      out.push_back(static_cast<int>(value) + (value < 0 ? count : 0));
    };
    if (place.json().is_array())
      for (const Place& at : place.list()) one(at);
    else
      one(place);
    return out;
  }

  static void fade(const Place& place, std::array<std::optional<double>, 6>& out) {
    const auto share = [](const Place& at) {
      const double value = at.number();
      if (!(value >= 0 && value <= 1)) at.refuse(str(value, " is no share of the box, 0 to 1"));
      return value;
    };
    if (place.json().is_number()) {
      out.fill(share(place));
      return;
    }
    static const std::vector<std::string> kSides = {"-x", "+x", "-y", "+y", "-z", "+z"};
    place.object(kSides);
    for (std::size_t s = 0; s < 6; ++s)
      if (place.has(kSides[s].c_str())) out[s] = share(place.at(kSides[s].c_str()));
  }

  SweepPlan& plan_;
  std::set<int>& used_;
};

void read_parameters(const Place& root, SweepPlan& plan) {
  const Place place = root.at("parameters");
  if (!place.json().is_object() || place.json().empty())
    place.refuse("an object of parameters is expected: {\"rise\": {\"min\": 0, \"max\": 0.02}}");
  std::set<std::string> columns;
  for (const auto& [name, json] : place.json().items()) {
    const Place at(json, place.where() + ": " + name);
    if (!columns.insert(parameter_column(name)).second)
      at.refuse(str("two parameters would be the column '", parameter_column(name), "' of the results"),
                "call one of them otherwise");
    if (name.empty() || name.find_first_of(" \t\n,;*+-/\"'") != std::string::npos)
      at.refuse("this cannot be the name of a parameter", "use letters, digits and '_'");
    Parameter out;
    out.name = name;
    if (json.is_number()) {
      out.min = out.max = out.start = at.number();
    } else {
      at.object({"min", "max", "start", "levels", "values", "unit"});
      if (at.has("unit")) out.unit = at.at("unit").text();
      if (at.has("values")) {
        for (const Place& value : at.at("values").list()) out.values.push_back(value.number());
        if (out.values.empty()) at.at("values").refuse("the list is empty");
        std::set<double> different(out.values.begin(), out.values.end());
        if (different.size() != out.values.size()) at.at("values").refuse("a value stands there twice");
        out.min = *different.begin(), out.max = *different.rbegin();
        if (at.has("levels")) at.refuse("'values' and 'levels' exclude each other");
      }
      if (at.has("min") || out.values.empty()) out.min = at.at("min").number();
      if (at.has("max") || out.values.empty()) out.max = at.at("max").number();
      if (out.min > out.max)
        at.refuse(str("the bounds are inverted: min ", out.min, " is above max ", out.max), "exchange min and max");
      for (const double v : out.values)
        if (v < out.min || v > out.max) at.at("values").refuse(str(v, " is outside of ", out.min, "..", out.max));
      if (at.has("levels")) {
        const auto levels = at.at("levels").count(kMostDesigns);
        if (levels < 1 || (levels == 1 && !out.fixed())) at.at("levels").refuse("a grid has at least 2 levels");
        for (std::uint64_t i = 0; i < levels; ++i)
          out.values.push_back(levels == 1 ? out.min : out.min + (out.max - out.min) * double(i) / double(levels - 1));
      }
      out.start = at.has("start") ? at.at("start").number() : kNotGiven;
    }
    if (is_condition(name) && !(out.min > 0)) at.refuse(str(out.min, " is not positive"));
    plan.parameters.push_back(std::move(out));
  }
}

void read_body(const Place& root, const fs::path& folder, Space& space, SpaceReader& reader, SweepPlan& plan,
               std::set<int>& used) {
  const Place place = root.at("baseline");
  const auto file = [&](const Place& at) {
    const fs::path path = folder / at.text();
    if (!fs::is_regular_file(path))
      at.refuse(str("there is no file '", path.string(), "'"), "paths are relative to the space's file");
    space.baseline.push_back(path.string());
  };
  if (place.json().is_string()) {
    file(place);
  } else if (place.json().is_array()) {
    for (const Place& at : place.list()) file(at);
    if (space.baseline.empty()) place.refuse("no file is named");
  } else {
    if (!place.has("family")) place.refuse("a file, a list of files (parts) or {\"family\": ...} is expected");
    space.family = place.at("family").text();
    const geometry::Family* family = nullptr;
    std::vector<std::string> names;
    for (const auto& one : geometry::families()) {
      names.push_back(one.name);
      if (one.name == space.family) family = &one;
    }
    if (!family) place.at("family").refuse(str("there is no family '", space.family, "'"), near(space.family, names));
    std::vector<std::string> keys = {"family"};
    for (const auto& [name, value] : family->parameters) keys.push_back(name);
    place.object(keys);
    for (const auto& [name, value] : family->parameters) {
      if (place.has(name.c_str())) space.fixed[name] = place.at(name.c_str()).number();
      const int p = reader.parameter(name);
      if (p < 0) continue;
      if (place.has(name.c_str())) place.at(name.c_str()).refuse("this is also one of the parameters");
      used.insert(p);
      Parameter& parameter = plan.parameters[static_cast<std::size_t>(p)];
      if (std::isnan(parameter.start)) parameter.start = value;
    }
  }
  if (root.has("triangle")) space.triangle = root.at("triangle").positive();
}

void read_objective(const Place& root, SweepPlan& plan) {
  if (!root.has("objective")) {
    for (const char* key : {"constraints", "optimiser"})
      if (root.has(key)) root.at(key).refuse("there is no objective it could belong to");
    return;
  }
  Objective out;
  const Place place = root.at("objective");
  if (place.json().is_string()) {
    out.weights.emplace_back(place.text(), 1.0);
  } else {
    if (!place.json().is_object() || place.json().empty())
      place.refuse("a quantity or {quantity: weight, ...} is expected");
    for (const auto& [name, json] : place.json().items())
      out.weights.emplace_back(name, Place(json, place.where() + ": " + name).number());
    if (std::all_of(out.weights.begin(), out.weights.end(), [](const auto& one) { return one.second == 0; }))
      place.refuse("all weights are 0");
  }
  if (root.has("constraints"))
    for (const Place& at : root.at("constraints").list()) {
      at.object({"quantity", "min", "max"});
      Objective::Constraint c{at.at("quantity").text(), -kInfinity, kInfinity};
      if (at.has("min")) c.min = at.at("min").number();
      if (at.has("max")) c.max = at.at("max").number();
      if (!at.has("min") && !at.has("max")) at.refuse("neither min nor max is given");
      if (!(c.min < c.max)) at.refuse(str("the bounds are inverted: min ", c.min, " is not below max ", c.max));
      out.constraints.push_back(c);
    }
  if (root.has("optimiser")) {
    const Place at = root.at("optimiser").object({"algorithm", "evaluations", "tolerance"});
    if (at.has("algorithm")) {
      out.algorithm = at.at("algorithm").text();
      static const std::vector<std::string> known = {"auto", "cobyla", "bobyqa", "isres", "direct"};
      if (std::find(known.begin(), known.end(), out.algorithm) == known.end())
        at.at("algorithm").refuse(str("there is no algorithm '", out.algorithm, "'"), near(out.algorithm, known));
      if ((out.algorithm == "bobyqa" || out.algorithm == "direct") && !out.constraints.empty())
        at.at("algorithm")
            .refuse(out.algorithm + " knows bounds, but no constraints", "use cobyla (local) or isres (global)");
    }
    if (at.has("evaluations")) out.evaluations = at.at("evaluations").count(kMostDesigns);
    if (out.evaluations < 1) at.at("evaluations").refuse("at least one evaluation is needed");
    if (at.has("tolerance")) out.tolerance = at.at("tolerance").positive();
  }
  plan.objective = std::move(out);
}

std::vector<double> start_values(const SweepPlan& plan) {
  std::vector<double> out;
  for (const auto& p : plan.parameters) out.push_back(p.start);
  return out;
}

void sample_grid(const Place& root, SweepPlan& plan) {
  double total = 1;
  for (const auto& p : plan.parameters) {
    if (!p.fixed() && p.values.empty())
      root.at("parameters").refuse(str(p.name, ": a grid needs its 'levels' or 'values'"));
    total *= p.fixed() ? 1.0 : double(p.values.size());
  }
  if (total > double(kMostDesigns))
    throw Error(ErrorKind::input, str(plan.source, ": the grid has ", total, " designs, more than ", kMostDesigns),
                "take fewer levels, or sample the space: \"method\": \"sobol\" with a \"count\"");
  // The last parameter runs fastest.
  const auto count = static_cast<std::size_t>(total);
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<double> values(plan.parameters.size());
    std::size_t rest = i;
    for (std::size_t p = values.size(); p-- > 0;) {
      const Parameter& one = plan.parameters[p];
      if (one.fixed()) {
        values[p] = one.min;
        continue;
      }
      values[p] = one.values[rest % one.values.size()], rest /= one.values.size();
    }
    plan.designs.push_back({"", {}, std::move(values)});
  }
}

void sample_list(const Place& root, SweepPlan& plan, std::vector<std::string>& where) {
  std::vector<std::string> keys = {"name"};
  for (const auto& p : plan.parameters) keys.push_back(p.name);
  for (const Place& at : root.at("designs").list()) {
    at.object(keys);
    Design design{at.has("name") ? at.at("name").text() : std::string(), {}, {}};
    for (const auto& p : plan.parameters) {
      const double value = at.has(p.name.c_str()) ? at.at(p.name.c_str()).number() : p.fixed() ? p.min : p.start;
      if (value < p.min || value > p.max)
        at.refuse(str(p.name, ": ", value, " is outside of its bounds ", p.min, "..", p.max));
      design.values.push_back(value);
    }
    plan.designs.push_back(std::move(design));
    where.push_back(at.where());
  }
}

// A plan made elsewhere: a table (.csv) whose columns are parameters by their names, and `name` or `design`.
void sample_table(const Place& at, const fs::path& folder, SweepPlan& plan, std::vector<std::string>& where) {
  const std::string path = (folder / at.text()).string();
  std::istringstream in(core::read_text(path));
  std::string line;
  std::size_t number = 0;
  char separator = ',';
  std::vector<int> parameter;  // of each column; -1: the name
  while (std::getline(in, line)) {
    ++number;
    if (number == 1 && line.rfind("\xef\xbb\xbf", 0) == 0) line.erase(0, 3);
    if (trimmed(line).empty() || trimmed(line)[0] == '#') continue;
    const std::string place = str("'", path, "': line ", number);
    if (parameter.empty()) {
      separator = line.find('\t') != std::string::npos ? '\t' : line.find(';') != std::string::npos ? ';' : ',';
      std::vector<std::string> names;
      for (const auto& p : plan.parameters) names.push_back(p.name);
      for (const std::string& column : fields_of(line, separator, place)) {
        const auto it = std::find(names.begin(), names.end(), column);
        const bool name = lower(column) == "name" || lower(column) == "design";
        if (it == names.end() && !name)
          throw Error(ErrorKind::input, str(place, ": there is no parameter '", column, "' in ", plan.source),
                      near(column, names));
        parameter.push_back(it == names.end() ? -1 : static_cast<int>(it - names.begin()));
      }
      continue;
    }
    const auto fields = fields_of(line, separator, place);
    if (fields.size() != parameter.size())
      throw Error(ErrorKind::input,
                  str(place, ": ", fields.size(), " fields, but the table has ", parameter.size(), " columns"));
    Design design;
    for (const auto& p : plan.parameters) design.values.push_back(p.fixed() ? p.min : p.start);
    for (std::size_t c = 0; c < fields.size(); ++c) {
      if (parameter[c] < 0) {
        design.name = fields[c];
        continue;
      }
      if (fields[c].empty()) continue;
      const auto& p = plan.parameters[static_cast<std::size_t>(parameter[c])];
      const auto value = number_of(fields[c]);
      if (!value)
        throw Error(ErrorKind::input, str(place, ": ", p.name, ": '", fields[c], "' is not a number"),
                    "leave it empty for the parameter's start");
      if (*value < p.min || *value > p.max)
        throw Error(ErrorKind::input,
                    str(place, ": ", p.name, ": ", *value, " is outside of its bounds ", p.min, "..", p.max));
      design.values[static_cast<std::size_t>(parameter[c])] = *value;
    }
    plan.designs.push_back(std::move(design));
    where.push_back(place);
    if (plan.designs.size() > kMostDesigns) break;
  }
  if (plan.designs.empty())
    throw Error(ErrorKind::input, str("'", path, "': there are no designs in it"),
                "its first line names parameters, each further line is a design");
}

void sample(const Place& root, const fs::path& folder, SweepPlan& plan) {
  std::vector<std::string> where;
  std::vector<std::size_t> free;
  for (std::size_t p = 0; p < plan.parameters.size(); ++p)
    if (!plan.parameters[p].fixed()) free.push_back(p);
  if (root.has("designs")) {
    if (root.has("sampling")) root.at("sampling").refuse("'sampling' and 'designs' exclude each other");
    if (root.at("designs").json().is_string())
      sample_table(root.at("designs"), folder, plan, where);
    else
      sample_list(root, plan, where);
    plan.sampling = "as listed";
  } else {
    const Place at = root.at("sampling").object({"method", "count", "seed"});
    const std::string method = at.at("method").text();
    static const std::vector<std::string> known = {"grid", "sobol", "lhs"};
    if (std::find(known.begin(), known.end(), method) == known.end())
      at.at("method").refuse(str("there is no method '", method, "'"), near(method, known));
    if (method == "grid") {
      for (const char* key : {"count", "seed"})
        if (at.has(key)) at.at(key).refuse("the levels of the parameters decide a grid");
      sample_grid(root, plan);
      plan.sampling = "full grid";
    } else {
      const std::uint64_t seed = at.has("seed") ? at.at("seed").count(std::uint64_t{1} << 53) : 0;
      const Place counted = at.at("count");
      const std::uint64_t count = counted.count(std::uint64_t{1} << 53);
      require_designs(static_cast<std::size_t>(count), counted.where());
      if (free.empty()) root.at("parameters").refuse("all parameters are fixed: there is nothing to sample");
      const bool sobol = method == "sobol";
      if (sobol && free.size() > core::Sobol::kDimensions)
        root.at("parameters")
            .refuse(str(free.size(), " parameters, Sobol's sequence is there for ", core::Sobol::kDimensions),
                    "use \"method\": \"lhs\"");
      std::vector<std::vector<double>> unit;
      if (sobol) {
        const core::Sobol sequence(free.size(), seed);
        for (std::uint64_t i = 0; i < count; ++i) unit.push_back(sequence.point(i));
      } else {
        unit = core::latin_hypercube(free.size(), static_cast<std::size_t>(count), seed);
      }
      for (const auto& point : unit) {
        Design design{"", {}, {}};
        for (const auto& p : plan.parameters) design.values.push_back(p.min);
        for (std::size_t d = 0; d < free.size(); ++d) {
          const Parameter& p = plan.parameters[free[d]];
          double& value = design.values[free[d]];
          // Of listed values each has the same share.
          value = p.values.empty() ? p.min + (p.max - p.min) * point[d]
                                   : p.values[std::min(static_cast<std::size_t>(point[d] * double(p.values.size())),
                                                       p.values.size() - 1)];
        }
        plan.designs.push_back(std::move(design));
      }
      plan.sampling = str(sobol ? "Sobol's sequence" : "Latin hypercube", ", seed ", seed);
    }
  }
  require_designs(plan.designs.size(), plan.source);
  constexpr std::size_t kDigits = 3;  // at least; of any count, so that a larger one keeps the names
  for (std::size_t i = 0; i < plan.designs.size(); ++i) {
    if (where.size() <= i) where.push_back(str("design ", i + 1));
    if (!plan.designs[i].name.empty()) continue;
    const std::string number = std::to_string(i + 1);
    plan.designs[i].name = "design_" + std::string(kDigits - std::min(kDigits, number.size()), '0') + number;
  }
  const bool first = !root.has("include_baseline") || root.at("include_baseline").flag();
  if (first) {
    bool there = false;
    const auto start = start_values(plan);
    for (const auto& design : plan.designs) there = there || design.values == start || design.name == "baseline";
    if (!there)
      plan.designs.insert(plan.designs.begin(), {"baseline", {}, start}), where.insert(where.begin(), "the baseline");
  }
  check_names(plan.designs, where, plan.source);
}

SweepPlan plan_of_space(const std::string& path, bool sampled, const std::vector<std::string>& conditions) {
  SweepPlan plan;
  plan.source = str("'", path, "'");
  const Json json = core::read_json(path, "see docs/sweep.md");
  const Place root(json, plan.source);
  root.object({"name", "baseline", "triangle", "parameters", "morphs", "sampling", "designs", "include_baseline",
               "objective", "constraints", "optimiser", "splits", "mesh"});
  if (root.has("splits"))
    plan.splits =
        mesh_io::SplitRules::parse(core::json_text(root.at("splits").json()), plan.source + ": splits").json();
  if (root.has("mesh")) {
    plan.mesh = root.at("mesh").text();
    if (!mesh_kind(plan.mesh)) root.at("mesh").refuse(str("there is no mesh '", plan.mesh, "'"), "it is car or plain");
  }
  plan.name = root.has("name") ? root.at("name").text() : fs::path(path).stem().string();
  read_parameters(root, plan);
  std::set<int> used;
  SpaceReader reader(plan, used);
  Space space;
  read_body(root, fs::path(path).parent_path(), space, reader, plan, used);
  if (root.has("morphs"))
    for (const Place& at : root.at("morphs").list()) space.morphs.push_back(reader.morph(at));
  for (std::size_t p = 0; p < plan.parameters.size(); ++p) {
    Parameter& one = plan.parameters[p];
    const Place at(root.at("parameters").json().at(one.name), root.at("parameters").where() + ": " + one.name);
    const bool condition =
        is_condition(one.name) || std::find(conditions.begin(), conditions.end(), one.name) != conditions.end();
    if (!condition && !used.count(static_cast<int>(p)))
      at.refuse(
          "this parameter is used nowhere",
          "a morph or the family of the baseline takes it, or it is velocity, density, viscosity, reference_area, "
          "reference_length or a condition of the model");
    // Where a morph does nothing; what has no such place starts in the middle.
    if (std::isnan(one.start)) {
      const bool morph = !condition;
      one.start = one.fixed() ? one.min : morph && one.min <= 0 && one.max >= 0 ? 0 : 0.5 * (one.min + one.max);
    }
    if (one.start < one.min || one.start > one.max)
      at.refuse(str("the baseline's value ", one.start, " is outside of the bounds ", one.min, "..", one.max),
                "widen the bounds, or say with \"start\" where to begin");
  }
  plan.space = std::move(space);
  read_objective(root, plan);
  if (sampled) {
    if (!root.has("sampling") && !root.has("designs"))
      root.refuse("neither 'sampling' nor 'designs' says which designs to compute");
    sample(root, fs::path(path).parent_path(), plan);
  } else if (!plan.objective) {
    root.refuse("there is no 'objective'", "for example \"objective\": \"Cd\"");
  }
  return plan;
}

Json linear_json(const Linear& one, const std::vector<Parameter>& parameters) {
  if (one.parameter < 0) return one.offset;
  return Json::array({one.factor, parameters[static_cast<std::size_t>(one.parameter)].name});
}

}  // namespace

bool is_condition(const std::string& name) {
  return std::find(std::begin(kConditions), std::end(kConditions), name) != std::end(kConditions);
}

std::optional<double> SweepPlan::value(const Design& design, const std::string& parameter) const {
  for (std::size_t p = 0; p < parameters.size() && p < design.values.size(); ++p)
    if (parameters[p].name == parameter && !std::isnan(design.values[p])) return design.values[p];
  return {};
}

std::string SweepPlan::identity(const Design& design) const {
  Json out;
  out["files"] = Json::array();
  for (const auto& file : design.files) out["files"].push_back(fs::path(file).filename().string());
  for (std::size_t p = 0; p < parameters.size(); ++p)
    out["values"][parameters[p].name] = std::isnan(design.values[p]) ? Json(nullptr) : Json(design.values[p]);
  return core::sha256(core::json_text(out)).substr(0, 16);
}

std::string SweepPlan::shared_json() const {
  Json out = Json::object();
  for (const auto& p : parameters) out["parameters"].push_back(p.name);
  if (!space) return core::json_text(out);
  for (const auto& file : space->baseline)
    out["baseline"].push_back({{"file", fs::path(file).filename().string()}, {"sha256", core::sha256_file(file)}});
  if (!space->family.empty()) out["family"] = space->family, out["fixed"] = space->fixed;
  out["triangle"] = space->triangle;
  for (const auto& m : space->morphs) {
    Json one = {{"kind", static_cast<int>(m.kind)},
                {"low", m.box.low},
                {"high", m.box.high},
                {"points", m.points},
                {"axis", m.axis},
                {"from", m.from},
                {"to", m.to},
                {"by", linear_json(m.by, parameters)}};
    for (const auto& side : m.fade) one["fade"].push_back(side ? Json(*side) : Json(nullptr));
    for (int a = 0; a < 3; ++a) {
      one["shift"].push_back(linear_json(m.shift[static_cast<std::size_t>(a)], parameters));
      one["growth"].push_back(linear_json(m.growth[static_cast<std::size_t>(a)], parameters));
    }
    if (m.about) one["about"] = *m.about;
    for (const auto& [points, by] : m.moves) {
      Json move = {{"at", points}};
      for (const auto& component : by) move["by"].push_back(linear_json(component, parameters));
      one["moves"].push_back(std::move(move));
    }
    out["morphs"].push_back(std::move(one));
  }
  return core::json_text(out);
}

SweepPlan read_plan(const std::vector<std::string>& words, bool sample, const std::vector<std::string>& conditions) {
  core::expect(!words.empty(), "read_plan: nothing is named");
  std::error_code error;
  for (const auto& word : words)
    if (!fs::exists(word, error))
      throw Error(ErrorKind::input, str("there is no file or folder '", word, "'"),
                  "name a folder of geometry files, a table (.csv), a space (.json) or geometry files");
  if (words.size() > 1) {
    for (const auto& word : words)
      if (fs::is_directory(word, error) || lower(fs::path(word).extension().string()) == ".csv" ||
          lower(fs::path(word).extension().string()) == ".json")
        throw Error(ErrorKind::usage, str("'", word, "' cannot stand among others: a list is one of geometry files"),
                    "sweep one folder, table or space at a time");
    return plan_of_files(words, "the list of files");
  }
  const std::string& word = words.front();
  if (fs::is_directory(word, error)) return plan_of_folder(word);
  const std::string extension = lower(fs::path(word).extension().string());
  if (extension == ".csv" || extension == ".tsv") return plan_of_table(word, conditions);
  if (extension == ".json") return plan_of_space(word, sample, conditions);
  if (mesh_io::names_surface(word)) return plan_of_files({word}, str("'", word, "'"));
  throw Error(ErrorKind::input, str("'", word, "': not known what to do with it"),
              "name a folder of geometry files, a table (.csv), a space (.json) or geometry files");
}

Design design_at(const SweepPlan& plan, std::string name, std::vector<double> values) {
  core::expect(values.size() == plan.parameters.size(), "design_at: one value for every parameter");
  return {std::move(name), {}, std::move(values)};
}

std::vector<geometry::Morph> morphs_of(const SweepPlan& plan, const Design& design, const geometry::SurfaceMesh& body) {
  core::expect(plan.space.has_value(), "morphs_of: no space");
  const double unit = body.file_unit;
  const auto& values = design.values;
  const auto at = [&](const Linear3& l, double scale) {
    return Vec3{scale * l[0].at(values), scale * l[1].at(values), scale * l[2].at(values)};
  };
  std::vector<geometry::Morph> out;
  for (const auto& recipe : plan.space->morphs) {
    if (recipe.kind == MorphRecipe::Kind::stretch) {
      out.push_back(
          geometry::StretchMorph{recipe.axis, unit * recipe.from, unit * recipe.to, unit * recipe.by.at(values)});
      continue;
    }
    const double radians = std::acos(-1.0) / 180 * recipe.by.at(values);
    if (recipe.kind == MorphRecipe::Kind::rotate && recipe.box.empty()) {
      out.push_back(geometry::RotateMorph{{}, {}, unit * recipe.hinge[0], unit * recipe.hinge[1], radians});
      continue;
    }
    const Box box{unit * recipe.box.low, unit * recipe.box.high};
    if (geometry::points_inside(body, box) == 0) {
      const Box b = body.bounds();
      const auto span = [&](int a) { return str("xyz"[a], " ", b.low[a] / unit, "..", b.high[a] / unit); };
      throw Error(ErrorKind::input,
                  str(plan.source, ": ", recipe.where, ": the box holds no point of the body, which lies in ", span(0),
                      ", ", span(1), ", ", span(2)),
                  "boxes are in the frame and the unit of the body's file; a coarse body has few points to move: "
                  "\"triangle\" makes them finer");
    }
    const auto crossed = geometry::crossed_sides(body, box);
    geometry::Fading fading{};
    for (std::size_t s = 0; s < 6; ++s) fading[s] = recipe.fade[s].value_or(crossed[s] ? kUsualFade : 0.0);
    if (recipe.kind == MorphRecipe::Kind::rotate) {
      out.push_back(geometry::RotateMorph{box, fading, unit * recipe.hinge[0], unit * recipe.hinge[1], radians});
      continue;
    }
    if (recipe.kind == MorphRecipe::Kind::region) {
      const Vec3 about = recipe.about ? unit * *recipe.about : 0.5 * (box.low + box.high);
      out.push_back(geometry::RegionMorph{box, fading, at(recipe.shift, unit), at(recipe.growth, 1), about});
      continue;
    }
    geometry::LatticeMorph lattice{box, fading, recipe.points, {}};
    const auto [nx, ny, nz] = recipe.points;
    lattice.moved.assign(static_cast<std::size_t>(nx) * static_cast<std::size_t>(ny) * static_cast<std::size_t>(nz),
                         {0, 0, 0});
    for (const auto& [points, by] : recipe.moves) {
      const Vec3 step = at(by, unit);
      for (const int i : points[0])
        for (const int j : points[1])
          for (const int k : points[2]) {
            Vec3& control = lattice.moved[static_cast<std::size_t>((i * ny + j) * nz + k)];
            control = control + step;
          }
    }
    out.push_back(std::move(lattice));
  }
  return out;
}

geometry::SurfaceMesh generated_body(const SweepPlan& plan, const Design& design) {
  core::expect(plan.space && !plan.space->family.empty(), "generated_body: no family");
  std::map<std::string, double> values = plan.space->fixed;
  for (const auto& family : geometry::families())
    if (family.name == plan.space->family)
      for (const auto& [name, standard] : family.parameters)
        if (const auto value = plan.value(design, name)) values[name] = *value;
  return plan.space->triangle > 0 ? geometry::generate_body(plan.space->family, values, plan.space->triangle).mesh
                                  : geometry::generate_body(plan.space->family, values).mesh;
}

}  // namespace streamtube::solver
