#include "mesh_io/layouts/table.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "core/json.hpp"
#include "mesh_io/layouts/embedded.hpp"

namespace streamtube::mesh_io {

using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;
using physics::FieldSpec;
using physics::Scale;
using physics::Transform;

namespace {

// What is known of the fields by their names; tables may name others with scale and components.
const std::vector<FieldSpec>& known_fields() {
  static const std::vector<FieldSpec> fields = {
      {"pressure", "Cp", 1, Scale::dynamic_pressure, Transform::none, "Pa"},
      {"total_pressure", "Cpt", 1, Scale::dynamic_pressure, Transform::none, "Pa"},
      {"wall_shear_stress", "Cf", 3, Scale::dynamic_pressure, Transform::none, "Pa"},
      {"velocity", "velocity_over_freestream", 3, Scale::velocity, Transform::none, "m/s"},
      {"vorticity", "vorticity_dimensionless", 3, Scale::velocity_over_length, Transform::signed_log, "1/s"}};
  return fields;
}

class Parser {
 public:
  explicit Parser(std::string where) : where_(std::move(where)) {}

  LayoutTable table(const Json& json) {
    object(json, "the table",
           {"layout", "summary", "description", "case", "flow", "reference", "coefficients", "parameters", "geometry",
            "axes", "length_unit", "surface", "volume", "openfoam"});
    LayoutTable t;
    if (json.contains("layout")) t.name = text(json["layout"], "layout");
    if (json.contains("summary")) t.summary = text(json["summary"], "summary");
    if (json.contains("description")) t.description = text(json["description"], "description");
    if (json.contains("case")) t.case_name = text(json["case"], "case");
    if (json.contains("openfoam")) {
      const Json& foam = json["openfoam"];
      object(foam, "openfoam", {"patches", "time"});
      t.openfoam = true;
      if (foam.contains("patches")) t.patches = texts(foam["patches"], "openfoam.patches");
      if (foam.contains("time")) t.time = text(foam["time"], "openfoam.time");
    }
    if (json.contains("flow")) {
      const Json& flow = json["flow"];
      object(flow, "flow", {"velocity", "density", "kinematic_viscosity"});
      if (flow.contains("velocity")) t.velocity = number(flow["velocity"], "flow.velocity");
      if (flow.contains("density")) t.density = number(flow["density"], "flow.density");
      if (flow.contains("kinematic_viscosity"))
        t.viscosity = number(flow["kinematic_viscosity"], "flow.kinematic_viscosity");
    }
    if (json.contains("reference")) {
      const Json& reference = json["reference"];
      object(reference, "reference", {"length", "area"});
      if (reference.contains("length")) t.length = number(reference["length"], "reference.length");
      if (reference.contains("area")) t.area = number(reference["area"], "reference.area");
    }
    if (json.contains("coefficients")) {
      if (!json["coefficients"].is_object()) bad("'coefficients' is not an object");
      for (const auto& [name, value] : json["coefficients"].items())
        t.coefficients[name] = number(value, "coefficients." + name);
    }
    if (json.contains("parameters")) t.parameters = texts(json["parameters"], "parameters");
    if (json.contains("geometry")) t.geometry = texts(json["geometry"], "geometry");
    if (json.contains("length_unit")) {
      const CaseNumber unit = number(json["length_unit"], "length_unit");
      if (!unit.value || !(*unit.value > 0))
        bad("'length_unit' must be a positive number, metres per unit of the files");
      t.length_unit = *unit.value;
    }
    if (json.contains("axes")) axes(json["axes"], t);
    if (!json.contains("surface")) bad("there is no 'surface'");
    const Json& surface = json["surface"];
    object(surface, "surface", {"file", "normals", "fields"});
    if (!t.openfoam) {
      if (!surface.contains("file")) bad("'surface' names no 'file'");
      t.surface = texts(surface["file"], "surface.file");
      t.inward_normals = true;
    }
    t.inward_normals = t.openfoam;
    if (surface.contains("normals")) {
      const std::string normals = text(surface["normals"], "surface.normals");
      if (normals != "inward" && normals != "outward")
        bad(str("'surface.normals' is '", normals, "': it may be inward or outward"));
      t.inward_normals = normals == "inward";
    }
    t.fields[0] = fields(surface, "surface");
    if (t.fields[0].empty()) bad("'surface.fields' names no field");
    if (json.contains("volume")) {
      const Json& volume = json["volume"];
      object(volume, "volume", {"file", "fields", "drop_on_surface", "box"});
      if (!t.openfoam) {
        if (!volume.contains("file")) bad("'volume' names no 'file'");
        t.volume = texts(volume["file"], "volume.file");
      }
      if (volume.contains("drop_on_surface")) {
        if (!volume["drop_on_surface"].is_boolean()) bad("'volume.drop_on_surface' is neither true nor false");
        t.drop_on_surface = volume["drop_on_surface"].get<bool>();
      }
      if (volume.contains("box")) t.box = box(volume["box"]);
      t.fields[1] = fields(volume, "volume");
      if (t.fields[1].empty()) bad("'volume.fields' names no field");
    }
    return t;
  }

 private:
  [[noreturn]] void bad(const std::string& what) const {
    throw Error(ErrorKind::input, str(where_, ": ", what), "docs/import.md describes the table");
  }
  void object(const Json& json, const std::string& what, const std::vector<std::string>& keys) const {
    if (!json.is_object()) bad(str("'", what, "' is not an object"));
    for (const auto& [key, value] : json.items())
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
        std::string known;
        for (const std::string& k : keys) known += (known.empty() ? "" : ", ") + k;
        bad(str("'", what, "' has an unknown key '", key, "'; there are: ", known));
      }
  }
  std::string text(const Json& json, const std::string& key) const {
    if (!json.is_string() || json.get<std::string>().empty())
      bad(str("'", key, "' is not a text: ", core::json_text(json)));
    return json.get<std::string>();
  }
  std::vector<std::string> texts(const Json& json, const std::string& key) const {
    if (json.is_string()) return {text(json, key)};
    if (!json.is_array() || json.empty())
      bad(str("'", key, "' is neither a text nor a list of them: ", core::json_text(json)));
    std::vector<std::string> out;
    for (const Json& item : json) out.push_back(text(item, key));
    return out;
  }

  CaseNumber number(const Json& json, const std::string& key) const {
    CaseNumber out;
    const auto finite = [&](const Json& value) {
      const double x = value.is_number() ? value.get<double>() : std::nan("");
      if (!std::isfinite(x)) bad(str("'", key, "' is not a number: ", core::json_text(value)));
      return x;
    };
    if (!json.is_object()) {
      out.value = finite(json);
      return out;
    }
    object(json, key, {"csv", "column", "key", "row", "value"});
    if (json.contains("value")) out.value = finite(json["value"]);
    if (!json.contains("csv") || !json.contains("column")) bad(str("'", key, "' needs 'csv' and 'column'"));
    out.csv = texts(json["csv"], key + ".csv");
    out.columns = texts(json["column"], key + ".column");
    if (json.contains("key") != json.contains("row")) bad(str("'", key, "' needs both 'key' and 'row', or none"));
    if (json.contains("key"))
      out.key = text(json["key"], key + ".key"), out.key_value = text(json["row"], key + ".row");
    return out;
  }

  void axes(const Json& json, LayoutTable& t) const {
    const std::vector<std::string> words = texts(json, "axes");
    bool used[3] = {false, false, false};
    bool good = words.size() == 3;
    for (std::size_t k = 0; good && k < 3; ++k) {
      const std::string& w = words[k];
      const bool minus = w[0] == '-';
      const std::string letter = w.substr(minus ? 1 : 0);
      good = letter.size() == 1 && letter[0] >= 'x' && letter[0] <= 'z';
      if (!good) break;
      const int axis = letter[0] - 'x';
      good = !used[axis];
      used[axis] = true;
      t.axes[k] = axis, t.axis_signs[k] = minus ? -1 : 1;
    }
    if (!good)
      bad(str(
          "'axes' must name the file's axes that are the model's x (flow), y, z (up), as [\"z\", \"x\", \"y\"]; it is ",
          core::json_text(json)));
    const auto& a = t.axes;
    const double turn = (a[1] - a[0] + 3) % 3 == 1 ? 1 : -1;
    if (turn * t.axis_signs[0] * t.axis_signs[1] * t.axis_signs[2] < 0)
      bad(str("'axes' is ", core::json_text(json), ", a mirror image: change one sign or exchange two axes"));
  }

  Box box(const Json& json) const {
    std::vector<double> x;
    if (json.is_array())
      for (const Json& item : json)
        if (item.is_number()) x.push_back(item.get<double>());
    if (x.size() != 6 || !json.is_array() || json.size() != 6 || !(x[0] < x[1] && x[2] < x[3] && x[4] < x[5]))
      bad(str("'volume.box' must be [x low, x high, y low, y high, z low, z high] in m; it is ",
              core::json_text(json)));
    return {{x[0], x[2], x[4]}, {x[1], x[3], x[5]}};
  }

  std::vector<FieldSource> fields(const Json& part, const std::string& name) const {
    std::vector<FieldSource> out;
    if (!part.contains("fields")) return out;
    if (!part["fields"].is_object()) bad(str("'", name, ".fields' is not an object"));
    for (const auto& [field, json] : part["fields"].items())
      out.push_back(this->field(json, field, name + ".fields." + field));
    return out;
  }

  FieldUnit unit(const Json& json, const std::string& key) const {
    const std::string word = text(json, key);
    if (word != "si" && word != "kinematic" && word != "dimensionless")
      bad(str("'", key, "' is '", word,
              "': it may be si (Pa, m/s, 1/s), kinematic (over the density: m2/s2) or dimensionless (Cp, Cf, U/U0)"));
    return word == "si" ? FieldUnit::si : word == "kinematic" ? FieldUnit::kinematic : FieldUnit::dimensionless;
  }

  FieldSource field(const Json& json, const std::string& name, const std::string& key) const {
    if (name.find('/') != std::string::npos) bad(str("'", key, "': a field's name has no '/'"));
    FieldSource f;
    const auto& known = known_fields();
    const auto it = std::find_if(known.begin(), known.end(), [&](const FieldSpec& s) { return s.name == name; });
    const bool is_known = it != known.end();
    if (is_known) f.spec = *it;
    if (json.is_string()) {
      f.arrays = {{text(json, key)}};
    } else {
      object(json, key,
             {"array", "unit", "sign", "offset", "optional", "file", "same_as", "scale", "components", "transform"});
      if (json.contains("array")) {
        const Json& array = json["array"];
        if (array.is_string()) {
          f.arrays = {{text(array, key + ".array")}};
        } else {
          if (!array.is_array() || array.empty()) bad(str("'", key, ".array' is neither a name nor a list of them"));
          for (const Json& a : array) {
            // An alternative may say its own unit: {"name": "cpavg", "unit": "dimensionless"}.
            if (a.is_object()) {
              object(a, key + ".array", {"name", "unit"});
              if (!a.contains("name") || !a.contains("unit"))
                bad(str("'", key, ".array' needs both 'name' and 'unit'"));
              f.arrays.push_back(texts(a["name"], key + ".array.name"));
              f.units.resize(f.arrays.size());
              f.units.back() = unit(a["unit"], key + ".array.unit");
            } else {
              f.arrays.push_back(texts(a, key + ".array"));
            }
          }
        }
      } else if (name != "vorticity") {
        bad(str("'", key, "' names no 'array'"));
      }
      if (json.contains("unit")) f.unit = unit(json["unit"], key + ".unit");
      if (json.contains("sign")) {
        f.sign = json["sign"].is_number() ? json["sign"].get<double>() : 0;
        if (f.sign != 1 && f.sign != -1) bad(str("'", key, ".sign' must be 1 or -1"));
      }
      if (json.contains("offset")) f.offset = *number(json["offset"], key + ".offset").value;
      if (json.contains("optional")) {
        if (!json["optional"].is_boolean()) bad(str("'", key, ".optional' is neither true nor false"));
        f.optional = json["optional"].get<bool>();
      }
      if (json.contains("file")) f.file = texts(json["file"], key + ".file");
      if (json.contains("same_as")) f.same_as = texts(json["same_as"], key + ".same_as");
      if (!is_known) own_field(json, name, key, f.spec);
    }
    if (f.spec.name.empty()) own_field(json, name, key, f.spec);
    for (const auto& apart : f.arrays)
      if (apart.size() != 1 && apart.size() != static_cast<std::size_t>(f.spec.components))
        bad(str("'", key, ".array': give one array, or one for each of the ", f.spec.components, " components"));
    return f;
  }

  void own_field(const Json& json, const std::string& name, const std::string& key, FieldSpec& spec) const {
    std::string known;
    for (const FieldSpec& s : known_fields()) known += (known.empty() ? "" : ", ") + s.name;
    if (!json.is_object() || !json.contains("scale") || !json.contains("components"))
      bad(str("'", key, "' is none of the known fields (", known,
              "): give 'scale' (dynamic_pressure, velocity, velocity_over_length) and 'components' (1 or 3)"));
    spec.name = name, spec.dimensionless_name = name + "_dimensionless";
    if (!parse(text(json["scale"], key + ".scale"), spec.scale))
      bad(str("'", key, ".scale' may be dynamic_pressure, velocity or velocity_over_length"));
    spec.components = json["components"].is_number_integer() ? json["components"].get<int>() : 0;
    if (spec.components != 1 && spec.components != 3) bad(str("'", key, ".components' must be 1 or 3"));
    if (json.contains("transform") && !parse(text(json["transform"], key + ".transform"), spec.transform))
      bad(str("'", key, ".transform' may be none or signed_log"));
    spec.unit = spec.scale == Scale::dynamic_pressure ? "Pa" : spec.scale == Scale::velocity ? "m/s" : "1/s";
  }

  std::string where_;
};

Json parse_json(const std::string& text, const std::string& where) {
  Json json = core::parse_json(text, where, "docs/import.md describes the table");
  if (!json.is_object())
    throw Error(ErrorKind::input, where + ": is not a JSON object", "docs/import.md describes the table");
  return json;
}

}  // namespace

LayoutTable parse_layout_table(const std::string& json, const std::string& where) {
  return Parser(where).table(parse_json(json, where));
}

std::string merge_layout_tables(const std::string& base, const std::string& changes, const std::string& where) {
  Json json = parse_json(base, "the layout");
  json.merge_patch(parse_json(changes, where));
  return core::json_text(json);
}

const std::map<std::string, std::string>& builtin_layout_tables() {
  static const std::map<std::string, std::string> tables = [] {
    std::map<std::string, std::string> out;
    for (const auto& [file, text] : embedded_layouts()) {
      const Json json = core::parse_json(text);
      out[json.at("layout").get<std::string>()] = text;
    }
    return out;
  }();
  return tables;
}

}  // namespace streamtube::mesh_io
