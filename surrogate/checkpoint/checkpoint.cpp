#include "surrogate/checkpoint/checkpoint.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <set>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/sha256.hpp"
#include "mesh_io/h5/field_json.hpp"
#include "mesh_io/h5/h5_file.hpp"

namespace streamtube::surrogate {

using core::bad_input;
using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;
using mesh_io::H5File;

namespace {

constexpr const char* kFormat = "streamtube checkpoint";
constexpr std::size_t kMostMembers = 64;
constexpr const char* kBranches[2] = {"surface", "volume"};

const Json& member(const Json& json, const char* key, const std::string& where) {
  if (!json.is_object()) bad_input(str(where, ": is not a JSON object"));
  const auto it = json.find(key);
  if (it == json.end()) bad_input(str(where, ": '", key, "' is missing"));
  return *it;
}

double number(const Json& json, const std::string& where) {
  if (!json.is_number()) bad_input(str(where, ": is not a number"));
  const double value = json.get<double>();
  if (!std::isfinite(value)) bad_input(str(where, ": is not finite"));
  return value;
}
double number(const Json& json, const char* key, const std::string& where) {
  return number(member(json, key, where), str(where, ": '", key, "'"));
}

std::int64_t whole(const Json& json, const char* key, std::int64_t low, std::int64_t high, const std::string& where) {
  const Json& value = member(json, key, where);
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(high)) ||
      value.get<std::int64_t>() < low || value.get<std::int64_t>() > high)
    bad_input(str(where, ": '", key, "' is ", core::json_text(value), ", not a whole number in ", low, "..", high));
  return value.get<std::int64_t>();
}

std::string text(const Json& json, const char* key, const std::string& where) {
  const Json& value = member(json, key, where);
  if (!value.is_string()) bad_input(str(where, ": '", key, "' is not text"));
  return value.get<std::string>();
}

std::vector<double> numbers(const Json& json, const char* key, const std::string& where) {
  const Json& value = member(json, key, where);
  if (!value.is_array() || value.size() > 10'000) bad_input(str(where, ": '", key, "' is not a list of numbers"));
  std::vector<double> out;
  for (const Json& v : value) out.push_back(number(v, str(where, ": '", key, "'")));
  return out;
}

Vec3 vector3(const Json& json, const char* key, const std::string& where) {
  const auto v = numbers(json, key, where);
  if (v.size() != 3) bad_input(str(where, ": '", key, "' has ", v.size(), " numbers, not 3"));
  return {v[0], v[1], v[2]};
}

const Json& list(const Json& json, const char* key, std::size_t most, const std::string& where) {
  const Json& value = member(json, key, where);
  if (!value.is_array() || value.size() > most) bad_input(str(where, ": '", key, "' is not a list of at most ", most));
  return value;
}

// --- each part to and from JSON ---

Json box_json(const Box& box) { return {{"low", box.low}, {"high", box.high}}; }
Box box_from(const Json& json, const std::string& where) {
  Box box;
  box.low = vector3(json, "low", where);
  box.high = vector3(json, "high", where);
  for (int a = 0; a < 3; ++a)
    if (!(box.low[a] < box.high[a])) bad_input(str(where, ": the box is empty along axis ", a));
  return box;
}

// The shortest decimal number that gives the same float back: 0.25f -> 0.25, 1e-6f -> 1e-06.
double decimal(float value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  return std::stod(std::string(digits, end));
}

Json config_json(const AbuptConfig& c) {
  Json out = {{"hidden", c.hidden},
              {"heads", c.heads},
              {"mlp_ratio", c.mlp_ratio},
              {"geometry_blocks", c.geometry_blocks},
              {"physics_blocks", c.physics_blocks},
              {"decoder_blocks", {{"surface", c.decoder_blocks[0]}, {"volume", c.decoder_blocks[1]}}},
              {"outputs", {{"surface", c.outputs[0]}, {"volume", c.outputs[1]}}},
              {"radius", decimal(c.radius)},
              {"max_degree", c.max_degree},
              {"message", c.message == Message::relative ? "relative" : "absolute"},
              {"condition", c.condition},
              {"wavelength", decimal(c.wavelength)},
              {"norm_eps", decimal(c.norm_eps)},
              {"bias", c.bias}};
  if (c.normals) out["normals"] = true;
  if (c.wall_distance) out["wall_distance"] = true;
  return out;
}

AbuptConfig config_from(const Json& json, const std::string& where) {
  static const std::set<std::string> keys = {"hidden",         "heads",          "mlp_ratio", "geometry_blocks",
                                             "physics_blocks", "decoder_blocks", "outputs",   "radius",
                                             "max_degree",     "message",        "condition", "wavelength",
                                             "norm_eps",       "bias",           "normals",   "wall_distance"};
  if (!json.is_object()) bad_input(str(where, ": is not a JSON object"));
  for (const auto& [key, value] : json.items())
    if (!keys.contains(key)) bad_input(str(where, ": '", key, "' is not known"), "the model needs a newer Streamtube");
  constexpr std::int64_t kMost = 1'000'000;
  AbuptConfig c;
  c.hidden = static_cast<int>(whole(json, "hidden", 1, kMost, where));
  c.heads = static_cast<int>(whole(json, "heads", 1, kMost, where));
  c.mlp_ratio = static_cast<int>(whole(json, "mlp_ratio", 1, kMost, where));
  c.geometry_blocks = static_cast<int>(whole(json, "geometry_blocks", 0, kMost, where));
  c.physics_blocks = text(json, "physics_blocks", where);
  for (int b = 0; b < 2; ++b) {
    c.decoder_blocks[b] = static_cast<int>(
        whole(member(json, "decoder_blocks", where), kBranches[b], 0, kMost, where + ": 'decoder_blocks'"));
    c.outputs[b] =
        static_cast<int>(whole(member(json, "outputs", where), kBranches[b], 1, kMost, where + ": 'outputs'"));
  }
  c.radius = static_cast<float>(number(json, "radius", where));
  c.max_degree = static_cast<int>(whole(json, "max_degree", 1, kMost, where));
  const std::string message = text(json, "message", where);
  if (message != "relative" && message != "absolute")
    bad_input(str(where, ": 'message' is '", message, "', not 'relative' or 'absolute'"));
  c.message = message == "relative" ? Message::relative : Message::absolute;
  c.condition = static_cast<int>(whole(json, "condition", 0, kMost, where));
  c.wavelength = static_cast<float>(number(json, "wavelength", where));
  c.norm_eps = static_cast<float>(number(json, "norm_eps", where));
  const auto flag = [&](const char* key) {
    const Json& value = member(json, key, where);
    if (!value.is_boolean()) bad_input(str(where, ": '", key, "' is not true or false"));
    return value.get<bool>();
  };
  c.bias = flag("bias");
  c.normals = json.contains("normals") && flag("normals");
  c.wall_distance = json.contains("wall_distance") && flag("wall_distance");
  check(c, where);
  return c;
}

Json fields_json(const std::vector<physics::FieldSpec>& fields) {
  return core::parse_json(mesh_io::fields_to_json(fields));
}

std::vector<physics::FieldSpec> fields_from(const Json& json, const char* key, const std::string& where) {
  return mesh_io::fields_from_json(core::json_text(member(json, key, where)), str(where, ": '", key, "'"));
}

Json normalizer_json(const physics::Normalizer& n) {
  Json out = {{"position_origin", n.position_origin}, {"position_extent", n.position_extent}};
  if (n.symmetric) out["symmetric"] = true;
  for (int b = 0; b < 2; ++b)
    out[kBranches[b]] = {
        {"fields", fields_json(n.branch[b].fields)}, {"mean", n.branch[b].mean}, {"std", n.branch[b].std}};
  return out;
}

physics::Normalizer normalizer_from(const Json& json, const std::string& where) {
  physics::Normalizer n;
  n.position_origin = number(json, "position_origin", where);
  n.position_extent = number(json, "position_extent", where);
  if (json.contains("symmetric")) {
    if (!json["symmetric"].is_boolean()) bad_input(where + ": 'symmetric' is not true or false");
    n.symmetric = json["symmetric"].get<bool>();
  }
  for (int b = 0; b < 2; ++b) {
    const std::string at = str(where, ": '", kBranches[b], "'");
    const Json& branch = member(json, kBranches[b], where);
    n.branch[b].fields = fields_from(branch, "fields", at);
    n.branch[b].mean = numbers(branch, "mean", at);
    n.branch[b].std = numbers(branch, "std", at);
  }
  return n;
}

Json reference_json(const Reference& r) {
  return {{"velocity", r.velocity},
          {"density", r.density},
          {"kinematic_viscosity", r.kinematic_viscosity},
          {"length", r.length},
          {"area", r.area}};
}
Reference reference_from(const Json& json, const std::string& where) {
  Reference r;
  r.velocity = number(json, "velocity", where);
  r.density = number(json, "density", where);
  r.kinematic_viscosity = number(json, "kinematic_viscosity", where);
  r.length = text(json, "length", where);
  r.area = text(json, "area", where);
  if (!(r.velocity > 0 && r.density > 0 && r.kinematic_viscosity > 0))
    bad_input(str(where, ": not all numbers are positive"));
  return r;
}

Json sampling_json(const Sampling& s) {
  Json boxes = Json::array();
  for (const RelativeBox& b : s.volume_mesh.boxes)
    boxes.push_back({{"level", b.level},
                     {"low_anchor", b.low_anchor},
                     {"low_offset", b.low_offset},
                     {"high_anchor", b.high_anchor},
                     {"high_offset", b.high_offset}});
  return {{"geometry_points", s.geometry_points},
          {"supernodes", s.supernodes},
          {"surface_anchors", s.anchors[0]},
          {"volume_anchors", s.anchors[1]},
          {"surface_face_size", s.surface_face_size},
          {"volume_mesh",
           {{"domain", box_json(s.volume_mesh.domain)},
            {"base_cell", s.volume_mesh.base_cell},
            {"surface_level", s.volume_mesh.surface_level},
            {"buffer_cells", s.volume_mesh.buffer_cells},
            {"boxes", boxes}}}};
}

Sampling sampling_from(const Json& json, const std::string& where) {
  Sampling s;
  s.geometry_points = static_cast<std::size_t>(whole(json, "geometry_points", 1, kMostPoints, where));
  s.supernodes = static_cast<std::size_t>(whole(json, "supernodes", 1, kMostTokens, where));
  s.anchors[0] = static_cast<std::size_t>(whole(json, "surface_anchors", 1, kMostTokens, where));
  s.anchors[1] = static_cast<std::size_t>(whole(json, "volume_anchors", 1, kMostTokens, where));
  if (s.supernodes > s.geometry_points)
    bad_input(str(where, ": ", s.supernodes, " supernodes out of ", s.geometry_points, " geometry points"));
  s.surface_face_size = number(json, "surface_face_size", where);
  if (!(s.surface_face_size > 0)) bad_input(str(where, ": 'surface_face_size' is not positive"));
  const Json& mesh = member(json, "volume_mesh", where);
  const std::string at = where + ": 'volume_mesh'";
  s.volume_mesh.domain = box_from(member(mesh, "domain", at), at + ": 'domain'");
  s.volume_mesh.base_cell = number(mesh, "base_cell", at);
  const Vec3 size = s.volume_mesh.domain.size();
  if (!(s.volume_mesh.base_cell > 0) ||
      size[0] / s.volume_mesh.base_cell * (size[1] / s.volume_mesh.base_cell) * (size[2] / s.volume_mesh.base_cell) >
          1e8)
    bad_input(str(at, ": 'base_cell' is ", s.volume_mesh.base_cell, ", of no use for the domain"));
  s.volume_mesh.surface_level = static_cast<int>(whole(mesh, "surface_level", 0, 12, at));
  s.volume_mesh.buffer_cells = static_cast<int>(whole(mesh, "buffer_cells", 0, 100, at));
  for (const Json& b : list(mesh, "boxes", 100, at)) {
    RelativeBox box;
    box.level = static_cast<int>(whole(b, "level", 0, 12, at));
    box.low_anchor = vector3(b, "low_anchor", at);
    box.low_offset = vector3(b, "low_offset", at);
    box.high_anchor = vector3(b, "high_anchor", at);
    box.high_offset = vector3(b, "high_offset", at);
    s.volume_mesh.boxes.push_back(box);
  }
  return s;
}

Json range_json(const std::vector<Range>& ranges) {
  Json out = Json::array();
  for (const Range& r : ranges)
    out.push_back(
        {{"quantity", r.quantity}, {"unit", r.unit}, {"min", r.min}, {"max", r.max}, {"tolerance", r.tolerance}});
  return out;
}
std::vector<Range> range_from(const Json& json, const char* key, const std::string& where) {
  std::vector<Range> out;
  for (const Json& r : list(json, key, 100, where)) {
    Range range{text(r, "quantity", where), text(r, "unit", where), number(r, "min", where), number(r, "max", where),
                number(r, "tolerance", where)};
    if (range.min > range.max || range.tolerance < 0)
      bad_input(str(where, ": the range of '", range.quantity, "' is empty or its tolerance negative"));
    out.push_back(range);
  }
  return out;
}

Json conditions_json(const std::vector<Condition>& conditions) {
  Json out = Json::array();
  for (const Condition& c : conditions)
    out.push_back({{"name", c.name},
                   {"unit", c.unit},
                   {"logarithmic", c.logarithmic},
                   {"center", c.center},
                   {"scale", c.scale},
                   {"min", c.min},
                   {"max", c.max}});
  return out;
}
std::vector<Condition> conditions_from(const Json& json, const std::string& where) {
  if (!json.is_array() || json.size() > 100) bad_input(str(where, ": is not a list of at most 100"));
  std::vector<Condition> out;
  for (const Json& one : json) {
    Condition c{text(one, "name", where),     text(one, "unit", where),    member(one, "logarithmic", where) == true,
                number(one, "center", where), number(one, "scale", where), number(one, "min", where),
                number(one, "max", where)};
    if (c.name.empty() || !(c.scale > 0) || c.min > c.max || (c.logarithmic && !(c.min > 0)))
      bad_input(
          str(where, ": the condition '", c.name, "' has no name, a scale that is not positive or an empty range"));
    for (const Condition& before : out)
      if (before.name == c.name) bad_input(str(where, ": the condition '", c.name, "' is there twice"));
    out.push_back(c);
  }
  return out;
}

// All that describes a checkpoint beside its weights; attribute name -> text. The fingerprint covers these texts.
// What a file need not have is left out where it says nothing, so that older files keep their fingerprints.
std::map<std::string, std::string> metadata(const Checkpoint& c) {
  std::map<std::string, std::string> texts = {{"name", c.name},
                                              {"config", core::json_text(config_json(c.config))},
                                              {"normalizer", core::json_text(normalizer_json(c.normalizer))},
                                              {"reference", core::json_text(reference_json(c.reference))},
                                              {"domain", core::json_text(box_json(c.domain))},
                                              {"sampling", core::json_text(sampling_json(c.sampling))},
                                              {"training_range", core::json_text(range_json(c.training_range))},
                                              {"provenance", c.provenance},
                                              {"test_errors", core::json_text(Json(c.test_errors))}};
  if (c.canonical_length > 0) texts["canonical_length"] = core::json_text(Json(c.canonical_length));
  if (!c.conditions.empty()) texts["conditions"] = core::json_text(conditions_json(c.conditions));
  return texts;
}

std::string fingerprint_of(const std::map<std::string, std::string>& texts, const Checkpoint& c) {
  core::Sha256 hash;
  for (const auto& [name, value] : texts) hash.update(str(name, ' ', value.size(), '\n', value, '\n'));
  const auto add = [&](const Weights& weights) {
    for (const auto& [name, tensor] : weights) {
      hash.update(str(name, ' ', mesh_io::shape_text(tensor.shape), '\n'));
      hash.update(tensor.values.data(), tensor.values.size() * sizeof(float));
    }
  };
  add(c.weights);
  for (const ModelMember& one : c.further) add(one.weights);
  return hash.hex();
}

// /shapes: the table, the names of its rows and columns, and their hash.
std::string shapes_hash(const std::string& names, const std::string& cases, std::span<const double> values) {
  core::Sha256 hash;
  hash.update(str(names, '\n', cases, '\n'));
  hash.update(values.data(), values.size_bytes());
  return hash.hex();
}

std::string descriptor_names() {
  return core::json_text(
      Json(std::vector<std::string>(std::begin(geometry::kDescriptorNames), std::end(geometry::kDescriptorNames))));
}

void write_shapes(H5File& file, const geometry::ShapeTable& shapes) {
  if (shapes.rows.empty()) return;
  std::vector<double> values;
  for (const auto& row : shapes.rows) values.insert(values.end(), row.begin(), row.end());
  const std::string names = descriptor_names(), cases = core::json_text(Json(shapes.cases));
  file.create_group("/shapes");
  file.write_attribute("/shapes", "names", names);
  file.write_attribute("/shapes", "cases", cases);
  file.write_attribute("/shapes", "sha256", shapes_hash(names, cases, values));
  file.write<double>("/shapes/descriptors", {shapes.rows.size(), geometry::kDescriptors}, values);
}

geometry::ShapeTable read_shapes(const H5File& file) {
  geometry::ShapeTable shapes;
  if (!file.exists("/shapes")) return shapes;
  const std::string where = str("'", file.name(), "': '/shapes'"), names = file.attribute_text("/shapes", "names");
  // Descriptors of another program cannot be compared with ours.
  if (names != descriptor_names()) return shapes;
  const std::string cases = file.attribute_text("/shapes", "cases");
  const Json list = core::parse_json(cases, where + ": attribute 'cases'");
  if (!list.is_array()) bad_input(where + ": attribute 'cases' is not a list");
  for (const Json& name : list) {
    if (!name.is_string()) bad_input(where + ": attribute 'cases' is not a list of names");
    shapes.cases.push_back(name.get<std::string>());
  }
  const auto values = file.read<double>("/shapes/descriptors", {shapes.cases.size(), geometry::kDescriptors});
  if (file.attribute_text("/shapes", "sha256") != shapes_hash(names, cases, values))
    bad_input(where + ": the content does not match its checksum", "the file was damaged or edited; get it again");
  for (const double x : values)
    if (!std::isfinite(x)) bad_input(where + ": a descriptor is not finite");
  shapes.rows.resize(shapes.cases.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    shapes.rows[i / geometry::kDescriptors][i % geometry::kDescriptors] = values[i];
  return shapes;
}

void check_weights(const Weights& weights, const std::string& where) {
  for (const auto& [name, tensor] : weights)
    for (std::size_t i = 0; i < tensor.values.size(); ++i)
      if (!std::isfinite(tensor.values[i]))
        bad_input(str(where, ": weight '", name, "', element ", i, " is ", tensor.values[i]),
                  "the training diverged or the file is damaged");
}

Json fold_json(const Fold& fold) {
  return {{"fold", fold.fold}, {"folds", fold.folds}, {"split", fold.split}, {"held_out", fold.held_out}};
}

// Attribute "fold" of a member's group.
void write_fold(H5File& file, const std::string& group, const Fold& fold) {
  if (fold.folds == 0) return;
  file.write_attribute(group, "fold", core::json_text(fold_json(fold)));
}

Fold read_fold(const H5File& file, const std::string& group) {
  Fold out;
  if (!file.has_attribute(group, "fold")) return out;
  try {
    const Json json = core::parse_json(file.attribute_text(group, "fold"));
    json.at("fold").get_to(out.fold), json.at("folds").get_to(out.folds);
    json.at("split").get_to(out.split), json.at("held_out").get_to(out.held_out);
  } catch (const Json::exception& e) {
    throw Error(ErrorKind::input, str("'", file.name(), "': attribute 'fold': ", e.what()), "the file is damaged");
  }
  if (out.fold < 1 || out.fold > out.folds)
    throw Error(ErrorKind::input, str("'", file.name(), "': attribute 'fold': fold ", out.fold, " of ", out.folds),
                "the file is damaged");
  return out;
}

// The tensors of a group: exactly those that a model of this configuration has, in their shapes.
Weights read_weights(const H5File& file, const AbuptConfig& config, const std::string& group = "/weights") {
  if (!file.exists(group)) bad_input(str("'", file.name(), "': there is no '", group, "'"));
  Weights expected = expected_weights(config);
  const auto names = file.children(group);
  for (const auto& name : names)
    if (!expected.contains(name))
      bad_input(str("'", file.name(), "': weight '", name, "' does not belong to the model (", describe(config), ")"));
  const std::set<std::string> present(names.begin(), names.end());
  // Everything's shape before the first tensor is read: a wrong file costs no memory.
  for (const auto& [name, tensor] : expected) {
    if (!present.contains(name))
      bad_input(str("'", file.name(), "': weight '", name, "' is missing (", describe(config), ")"));
    const auto shape = file.shape(group + "/" + name);
    if (shape != tensor.shape)
      bad_input(str("'", file.name(), "': weight '", name, "' has the shape ", mesh_io::shape_text(shape),
                    " where the model has ", mesh_io::shape_text(tensor.shape)));
  }
  for (auto& [name, tensor] : expected) tensor.values = file.read<float>(group + "/" + name, tensor.shape);
  check_weights(expected, str("'", file.name(), "'"));
  return expected;
}

// Groups /members/2, /members/3, ...: what is in the root group of the first.
std::string group_of(std::size_t member) { return str("/members/", member); }

void read_further(const H5File& file, Checkpoint& c) {
  if (!file.exists("/members")) return;
  const std::size_t count = file.children("/members").size();
  if (count < 1 || count > kMostMembers - 1)
    bad_input(str("'", file.name(), "': '/members' has ", count, " groups, not 1 to ", kMostMembers - 1));
  for (std::size_t i = 2; i <= count + 1; ++i)
    c.further.push_back({read_weights(file, c.config, group_of(i) + "/weights"), read_fold(file, group_of(i))});
}

void write_weights(H5File& file, const std::string& group, const Weights& weights) {
  file.create_group(group);
  for (const auto& [name, tensor] : weights) file.write<float>(group + "/" + name, tensor.shape, tensor.values);
}

void check_consistency(const Checkpoint& c, const std::string& where) {
  check(c.config, where);
  c.normalizer.check(where);
  for (int b = 0; b < 2; ++b) {
    int components = 0;
    for (const auto& f : c.normalizer.branch[b].fields) components += f.components;
    if (components != c.config.outputs[b])
      bad_input(str(where, ": the ", kBranches[b], " fields have ", components, " components but the network ",
                    c.config.outputs[b], " outputs"));
  }
  if (static_cast<std::size_t>(c.config.condition) != c.conditions.size())
    bad_input(str(where, ": the network is conditioned on ", c.config.condition, " numbers, but ", c.conditions.size(),
                  " conditions are described"));
  if (!(std::isfinite(c.canonical_length) && c.canonical_length >= 0))
    bad_input(str(where, ": the canonical length is ", c.canonical_length, " m"));
}

// Do these lists give the outputs of one network the same meaning? Whether vorticity is taken from its own outputs or
// from the velocity's may differ.
bool same_outputs(std::vector<physics::FieldSpec> a, std::vector<physics::FieldSpec> b) {
  for (auto* fields : {&a, &b})
    for (auto& f : *fields)
      if (f.decoder == physics::Decoder::curl) f.decoder = physics::Decoder::direct;
  return a == b;
}

Checkpoint read(const H5File& file) {
  const std::string where = str("'", file.name(), "'");
  if (!file.has_attribute("/", "format"))
    bad_input(str(where, ": is an HDF5 file but not a Streamtube checkpoint"),
              file.has_attribute("/", "normaliser")
                  ? "a training file of the reference: `streamtube convert` makes a checkpoint of it"
                  : "`streamtube convert` makes checkpoints");
  if (const std::string format = file.attribute_text("/", "format"); format != kFormat)
    bad_input(str(where, ": is a '", format, "', not a Streamtube checkpoint"),
              format.find("dataset") != std::string::npos ? "`streamtube dataset info` tells what is in it" : "");
  const std::int64_t version = file.attribute_integer("/", "format_version");
  if (version != Checkpoint::kFormatVersion)
    bad_input(str(where, ": has checkpoint format version ", version, "; this program reads version ",
                  Checkpoint::kFormatVersion),
              version > Checkpoint::kFormatVersion ? "use a newer Streamtube" : "convert the model again");

  std::map<std::string, std::string> texts;
  const auto attribute = [&](const char* name) -> const std::string& {
    return texts[name] = file.attribute_text("/", name);
  };
  const auto json = [&](const char* name) {
    return core::parse_json(attribute(name), str(where, ": attribute '", name, "'"));
  };
  Checkpoint c;
  c.name = attribute("name");
  c.config = config_from(json("config"), where + ": attribute 'config'");
  c.normalizer = normalizer_from(json("normalizer"), where + ": attribute 'normalizer'");
  c.reference = reference_from(json("reference"), where + ": attribute 'reference'");
  c.domain = box_from(json("domain"), where + ": attribute 'domain'");
  c.sampling = sampling_from(json("sampling"), where + ": attribute 'sampling'");
  if (file.has_attribute("/", "canonical_length"))
    c.canonical_length = number(json("canonical_length"), where + ": attribute 'canonical_length'");
  if (file.has_attribute("/", "conditions"))
    c.conditions = conditions_from(json("conditions"), where + ": attribute 'conditions'");
  c.training_range = range_from({{"list", json("training_range")}}, "list", where + ": attribute 'training_range'");
  c.provenance = attribute("provenance");
  const Json errors = json("test_errors");
  if (!errors.is_object()) bad_input(str(where, ": attribute 'test_errors': is not a JSON object"));
  for (const auto& [key, value] : errors.items())
    c.test_errors[key] = number(value, str(where, ": attribute 'test_errors': '", key, "'"));
  check_consistency(c, where);
  c.weights = read_weights(file, c.config);
  c.fold = read_fold(file, "/");
  read_further(file, c);
  c.fingerprint = fingerprint_of(texts, c);
  if (const std::string recorded = file.attribute_text("/", "fingerprint"); recorded != c.fingerprint)
    bad_input(str(where, ": the content does not match the recorded fingerprint ", recorded.substr(0, 16), "..."),
              "the file was damaged or edited; get it again");
  c.shapes = read_shapes(file);
  return c;
}

}  // namespace

Box RelativeBox::around(const Box& body) const {
  Box box;
  for (int a = 0; a < 3; ++a) {
    const double size = body.high[a] - body.low[a];
    box.low[a] = body.low[a] + low_anchor[a] * size + low_offset[a];
    box.high[a] = body.low[a] + high_anchor[a] * size + high_offset[a];
  }
  return box;
}

std::size_t Checkpoint::parameters() const {
  std::size_t n = 0;
  for (const auto& [name, tensor] : weights) n += tensor.values.size();
  return n;
}

Checkpoint Checkpoint::member(std::size_t index) const {
  core::expect(index < members(), "Checkpoint: there is no such member");
  Checkpoint out = *this;
  if (index > 0) out.weights = further[index - 1].weights, out.fold = further[index - 1].fold;
  if (members() > 1) out.test_errors.clear();  // those of the whole are not its own
  out.further.clear();
  out.shapes.cases.clear(), out.shapes.rows.clear();
  for (std::size_t i = 0; i < shapes.cases.size(); ++i) {
    const auto& unseen = out.fold.held_out;
    if (std::find(unseen.begin(), unseen.end(), shapes.cases[i]) != unseen.end()) continue;
    out.shapes.cases.push_back(shapes.cases[i]), out.shapes.rows.push_back(shapes.rows[i]);
  }
  out.fingerprint = fingerprint_of(metadata(out), out);
  return out;
}

Checkpoint Checkpoint::at_scale(double factor) const {
  core::expect(std::isfinite(factor) && factor > 0, "Checkpoint: a scale that is not positive");
  Checkpoint out;
  out.name = name, out.config = config, out.normalizer = normalizer.at_scale(factor), out.reference = reference,
  out.domain = domain;
  out.sampling = sampling, out.conditions = conditions, out.training_range = training_range;
  out.provenance = provenance, out.test_errors = test_errors;
  out.canonical_length = factor * canonical_length;
  const auto scale_box = [&](Box& box) { box.low = factor * box.low, box.high = factor * box.high; };
  scale_box(out.domain), scale_box(out.sampling.volume_mesh.domain);
  out.sampling.surface_face_size *= factor, out.sampling.volume_mesh.base_cell *= factor;
  for (RelativeBox& box : out.sampling.volume_mesh.boxes)
    box.low_offset = factor * box.low_offset, box.high_offset = factor * box.high_offset;
  for (Range& r : out.training_range) {
    const double by = r.unit == "m"    ? factor
                      : r.unit == "m2" ? factor * factor
                      : r.unit == "m3" ? factor * factor * factor
                                       : 1.0;
    r.min *= by, r.max *= by, r.tolerance *= by;
  }
  return out;
}

float Condition::to_network(double value) const {
  return static_cast<float>(((logarithmic ? std::log10(value) : value) - center) / scale);
}

std::optional<double> condition_value(const std::string& name, double reynolds_number,
                                      const std::map<std::string, double>& given) {
  if (name == kReynoldsNumber) return reynolds_number;
  const auto found = given.find(name);
  if (found == given.end()) return {};
  return found->second;
}

std::vector<float> network_conditions(const std::vector<Condition>& conditions, double reynolds_number,
                                      const std::map<std::string, double>& given, const std::string& where) {
  std::vector<float> out;
  std::string missing;
  for (const Condition& c : conditions) {
    const std::optional<double> x = condition_value(c.name, reynolds_number, given);
    if (!x) {
      missing += str(missing.empty() ? "" : ", ", c.name, c.unit == "-" ? "" : " (" + c.unit + ")");
      continue;
    }
    const float number = c.logarithmic && !(*x > 0) ? std::numeric_limits<float>::quiet_NaN() : c.to_network(*x);
    if (!std::isfinite(number))
      throw Error(ErrorKind::usage, str(where, ": the condition '", c.name, "' is ", *x,
                                        c.logarithmic ? ", not a positive number" : ", not a number"));
    out.push_back(number);
  }
  if (!missing.empty())
    throw Error(ErrorKind::usage, str(where, ": the model is conditioned on ", missing, ", which is not given"),
                "give it as --condition NAME=VALUE");
  return out;
}

std::string config_to_json(const AbuptConfig& config) { return core::json_text(config_json(config)); }

AbuptConfig config_from_json(const std::string& text, const std::string& where) {
  return config_from(core::parse_json(text, where), where);
}

Checkpoint read_checkpoint(const std::string& path) { return read(H5File::open(path)); }

Checkpoint read_checkpoint(std::span<const unsigned char> image, const std::string& name) {
  return read(H5File::open_image(image, name));
}

void write_checkpoint(const std::string& path, Checkpoint& checkpoint) {
  const std::string where = str("'", path, "'");
  check_consistency(checkpoint, where);
  check_weights(checkpoint.weights, where);
  for (const ModelMember& one : checkpoint.further) check_weights(one.weights, where);
  const auto texts = metadata(checkpoint);
  checkpoint.fingerprint = fingerprint_of(texts, checkpoint);
  core::write_atomically(path, [&](const std::string& temporary) {
    H5File file = H5File::create(temporary);
    file.set_name(path);
    file.write_attribute("/", "format", std::string(kFormat));
    file.write_attribute("/", "format_version", std::int64_t{Checkpoint::kFormatVersion});
    for (const auto& [name, value] : texts) file.write_attribute("/", name, value);
    file.write_attribute("/", "fingerprint", checkpoint.fingerprint);
    write_weights(file, "/weights", checkpoint.weights);
    write_shapes(file, checkpoint.shapes);
    write_fold(file, "/", checkpoint.fold);
    if (!checkpoint.further.empty()) file.create_group("/members");
    for (std::size_t i = 0; i < checkpoint.further.size(); ++i) {
      const std::string group = group_of(i + 2);
      file.create_group(group);
      write_weights(file, group + "/weights", checkpoint.further[i].weights);
      write_fold(file, group, checkpoint.further[i].fold);
    }
    file.close();
  });
}

Checkpoint read_description(const std::string& path) {
  Checkpoint c;
  const std::string at = str("'", path, "'");
  const Json description = core::parse_json(core::read_text(path), at);
  c.name = text(description, "name", at);
  c.provenance = text(description, "provenance", at);
  c.reference = reference_from(member(description, "reference", at), at + ": 'reference'");
  if (description.contains("domain")) c.domain = box_from(description["domain"], at + ": 'domain'");
  c.sampling = sampling_from(member(description, "sampling", at), at + ": 'sampling'");
  if (description.contains("training_range")) c.training_range = range_from(description, "training_range", at);
  for (int b = 0; b < 2; ++b)
    c.normalizer.branch[b].fields = fields_from(member(description, "fields", at), kBranches[b], at + ": 'fields'");
  return c;
}

namespace {

// What a training measures itself must be there where there is none.
void require_world(const Checkpoint& c, const std::string& description) {
  if (c.domain.empty() || c.training_range.empty())
    bad_input(str("'", description, "': there is no '", c.domain.empty() ? "domain" : "training_range", "'"),
              "only `train` measures it on the data");
}

}  // namespace

Checkpoint import_training_file(const std::string& path, const std::string& description_path) {
  const H5File file = H5File::open(path);
  const std::string where = str("'", path, "'");
  for (const char* name : {"config", "normaliser"})
    if (!file.has_attribute("/", name))
      bad_input(str(where, ": attribute '", name, "' is missing"), "expected a training file of the PyTorch reference");
  Checkpoint c = read_description(description_path);
  require_world(c, description_path);
  c.config = config_from_json(file.attribute_text("/", "config"), where + ": attribute 'config'");

  const std::string in_normalizer = where + ": attribute 'normaliser'";
  const Json normalizer = core::parse_json(file.attribute_text("/", "normaliser"), in_normalizer);
  c.normalizer.position_origin = number(normalizer, "position_origin", in_normalizer);
  c.normalizer.position_extent = number(normalizer, "position_extent", in_normalizer);
  for (int b = 0; b < 2; ++b) {
    auto& branch = c.normalizer.branch[b];
    const Json& statistics = member(member(normalizer, "fields", in_normalizer), kBranches[b], in_normalizer);
    branch.mean = numbers(statistics, "mean", in_normalizer);
    branch.std = numbers(statistics, "std", in_normalizer);
  }
  if (file.has_attribute("/", "test")) {
    const Json test = core::parse_json(file.attribute_text("/", "test"), where + ": attribute 'test'");
    if (test.is_object())
      for (const auto& [key, value] : test.items())
        if (value.is_number()) c.test_errors[key] = number(value, where + ": attribute 'test'");
  }
  check_consistency(c, where);
  c.weights = read_weights(file, c.config);
  c.fingerprint = fingerprint_of(metadata(c), c);
  return c;
}

Checkpoint describe_again(Checkpoint from, const std::string& description_path, const std::string& path) {
  Checkpoint c = read_description(description_path);
  if (c.domain.empty()) c.domain = from.domain;
  if (c.training_range.empty()) c.training_range = from.training_range;
  for (int b = 0; b < 2; ++b) {
    auto& ours = from.normalizer.branch[b].fields;
    const auto& theirs = c.normalizer.branch[b].fields;
    if (!same_outputs(ours, theirs))
      bad_input(str("'", description_path, "': its ", kBranches[b], " fields are not those of '", path, "'"));
    ours = theirs;
  }
  c.config = from.config, c.normalizer = from.normalizer, c.test_errors = from.test_errors;
  c.canonical_length = from.canonical_length, c.conditions = from.conditions;
  c.shapes = from.shapes, c.fold = from.fold;
  check_consistency(c, str("'", description_path, "'"));
  c.weights = std::move(from.weights), c.further = std::move(from.further);
  c.fingerprint = fingerprint_of(metadata(c), c);
  return c;
}

Surrogate make_network(const Checkpoint& model, Precision precision) {
  std::vector<const Weights*> members = {&model.weights};
  for (const ModelMember& one : model.further) members.push_back(&one.weights);
  return Surrogate(model.config, members, str("model '", model.name, "'"), precision);
}

namespace {

// Empty where the model can be a member beside the first, else in what it differs.
std::string difference(const Checkpoint& first, const Checkpoint& other) {
  if (config_json(first.config) != config_json(other.config)) return "the network";
  if (normalizer_json(first.normalizer) != normalizer_json(other.normalizer))
    return "the fields, their means and deviations, or the position's scale";
  if (sampling_json(first.sampling) != sampling_json(other.sampling)) return "the sampling";
  if (first.canonical_length != other.canonical_length) return "the canonical length";
  for (std::size_t i = 0; i < first.conditions.size(); ++i) {
    const Condition &a = first.conditions[i], &b = other.conditions[i];
    if (a.name != b.name || a.logarithmic != b.logarithmic || a.center != b.center || a.scale != b.scale)
      return str("the condition '", a.name, "'");
  }
  return "";
}

// What either of them knows of the training data.
void unite(Checkpoint& to, const Checkpoint& from) {
  for (int a = 0; a < 3; ++a)
    to.domain.low[a] = std::min(to.domain.low[a], from.domain.low[a]),
    to.domain.high[a] = std::max(to.domain.high[a], from.domain.high[a]);
  for (Range& r : to.training_range)
    for (const Range& other : from.training_range)
      if (other.quantity == r.quantity) r.min = std::min(r.min, other.min), r.max = std::max(r.max, other.max);
  for (std::size_t i = 0; i < to.conditions.size(); ++i)
    to.conditions[i].min = std::min(to.conditions[i].min, from.conditions[i].min),
    to.conditions[i].max = std::max(to.conditions[i].max, from.conditions[i].max);
  const std::set<std::string> known(to.shapes.cases.begin(), to.shapes.cases.end());
  for (std::size_t i = 0; i < from.shapes.cases.size(); ++i)
    if (!known.contains(from.shapes.cases[i]))
      to.shapes.cases.push_back(from.shapes.cases[i]), to.shapes.rows.push_back(from.shapes.rows[i]);
}

}  // namespace

Checkpoint join_members(const std::vector<std::string>& paths) {
  core::expect(!paths.empty(), "join_members: no files");
  Checkpoint out = read_checkpoint(paths.front());
  for (std::size_t i = 1; i < paths.size(); ++i) {
    Checkpoint next = read_checkpoint(paths[i]);
    if (const std::string what = difference(out, next); !what.empty())
      bad_input(str("'", paths[i], "': ", what, " is not as in '", paths.front(), "'"),
                "members of one model are trained by one recipe on one data set, with other folds or seeds");
    unite(out, next);
    out.further.push_back({std::move(next.weights), std::move(next.fold)});
    for (ModelMember& one : next.further) out.further.push_back(std::move(one));
  }
  if (out.members() > kMostMembers) bad_input(str("a model of ", out.members(), " members; at most ", kMostMembers));
  if (paths.size() > 1) out.test_errors.clear();  // those of one member are not the whole's
  out.fingerprint = fingerprint_of(metadata(out), out);
  return out;
}

std::string summary_text(const Checkpoint& c) {
  std::string out = str("model            ", c.name, "\n", "  network        ", describe(c.config), "\n",
                        "  parameters     ", c.parameters(), "\n");
  if (c.members() > 1) out += str("  members        ", c.members(), ", whose mean is the answer\n");
  out += str("  fingerprint    ", c.fingerprint, "\n");
  for (int b = 0; b < 2; ++b) {
    out += str("  ", kBranches[b], b == 0 ? " fields" : "  fields");
    std::string separator = " ";
    for (const auto& f : c.normalizer.branch[b].fields)
      out += str(separator, f.name, " [", f.unit, "]"), separator = ", ";
    out += '\n';
  }
  std::string decoders;
  for (const auto& branch : c.normalizer.branch)
    for (const auto& f : branch.fields)
      if (f.decoder != physics::Decoder::direct)
        decoders += str(f.name, f.decoder == physics::Decoder::curl ? " as the curl of velocity, "
                                                                    : " as the curl of a vector potential, ");
  out += str("  decoders       ", decoders, decoders.empty() ? "all fields direct\n" : "the others direct\n");
  out += str(c.conditions.empty() ? "  trained at     " : "  usual flow     ", c.reference.velocity,
             " m/s, kinematic viscosity ", c.reference.kinematic_viscosity, " m2/s\n");
  out += str("  domain         x ", c.domain.low[0], "..", c.domain.high[0], ", y ", c.domain.low[1], "..",
             c.domain.high[1], ", z ", c.domain.low[2], "..", c.domain.high[2], " m\n");
  out += str("  sampling       ", c.sampling.geometry_points, " geometry points, ", c.sampling.supernodes,
             " supernodes, ", c.sampling.anchors[0], " + ", c.sampling.anchors[1], " anchors\n");
  if (c.canonical_length > 0)
    out += str("  size           any: bodies are computed ", c.canonical_length, " m long, lengths here are of such\n");
  for (const Condition& one : c.conditions)
    out +=
        str("  condition      ", one.name, " ", one.min, " .. ", one.max, one.unit == "-" ? "" : " " + one.unit, "\n");
  if (c.normalizer.symmetric) out += "  symmetry       for flows that are their own mirror image at y = 0\n";
  out += "  training range\n";
  for (const Range& r : c.training_range) {
    std::string label = r.quantity;
    label.resize(std::max<std::size_t>(label.size(), 18), ' ');
    out += str("    ", label, r.min, " .. ", r.max, r.unit == "-" ? "" : " " + r.unit, "\n");
  }
  out += c.shapes.rows.empty() ? std::string("  shapes         not available: similarity to training cannot be told\n")
                               : str("  shapes         descriptors of ", c.shapes.rows.size(), " training bodies\n");
  const auto fold_line = [&](const Fold& fold) {
    if (fold.folds > 0)
      out += str("  fold           ", fold.fold, " of ", fold.folds, " of '", fold.split, "', ", fold.held_out.size(),
                 " cases held out\n");
  };
  fold_line(c.fold);
  for (const ModelMember& one : c.further) fold_line(one.fold);
  if (!c.test_errors.empty()) out += "  test errors (relative L2 of fields)\n";
  for (const auto& [key, value] : c.test_errors) {
    std::string label = key;
    label.resize(std::max<std::size_t>(label.size(), 28), ' ');
    out += str("    ", label, value, "\n");
  }
  return out + str("  provenance     ", c.provenance, "\n");
}

namespace {

// A test error, or that of validation; nothing where neither is known.
std::optional<double> error_of(const Checkpoint& c, const std::string& key, bool validation) {
  const auto it = c.test_errors.find(validation ? "validation/" + key : key);
  return it == c.test_errors.end() ? std::nullopt : std::optional<double>(it->second);
}

bool has_test_errors(const Checkpoint& c) { return c.test_errors.count("surface/pressure") > 0; }

}  // namespace

std::string errors_text(const Checkpoint& c) {
  const bool validation = !has_test_errors(c);
  std::ostringstream out;
  out.precision(3);
  for (const char* field : {"surface/pressure", "surface/wall_shear_stress", "volume/velocity"})
    if (const auto error = error_of(c, field, validation)) {
      const std::string name = field;
      out << (out.tellp() > 0 ? ", " : "") << name.substr(name.find('/') + 1) << ' ' << 100 * *error << " %";
    }
  if (out.tellp() == 0) return "not known";
  if (const auto counts = error_of(c, "cd_mae_counts", false); counts && !validation)
    out << ", Cd " << std::llround(*counts) << " counts";
  else if (const auto cd = error_of(c, "Cd_mae", validation))
    out << ", Cd " << std::llround(1e4 * *cd) << " counts";
  out << (validation ? " (on its validation cases)" : " (on held-out designs)");
  return out.str();
}

bool is_poor(const Checkpoint& c) {
  const bool validation = !has_test_errors(c);
  const auto above = [&](const char* key, double most) {
    const auto error = error_of(c, key, validation);
    return error && !(*error <= most);
  };
  const auto r2 = error_of(c, "cd_r2", false);
  return above("surface/pressure", 0.3) || above("volume/velocity", 0.2) || (r2 && !validation && *r2 < 0);
}

std::string summary_json(const Checkpoint& c) {
  Json out = {{"kind", "checkpoint"},
              {"format_version", Checkpoint::kFormatVersion},
              {"name", c.name},
              {"fingerprint", c.fingerprint},
              {"parameters", c.parameters()},
              {"members", c.members()}};
  out["config"] = config_json(c.config);
  for (int b = 0; b < 2; ++b)
    for (const auto& f : c.normalizer.branch[b].fields)
      out["decoders"][kBranches[b]][f.name] = physics::name(f.decoder);
  out["normalizer"] = normalizer_json(c.normalizer);
  out["reference"] = reference_json(c.reference);
  out["domain"] = box_json(c.domain);
  out["sampling"] = sampling_json(c.sampling);
  if (c.canonical_length > 0) out["canonical_length"] = c.canonical_length;
  if (!c.conditions.empty()) out["conditions"] = conditions_json(c.conditions);
  out["training_range"] = range_json(c.training_range);
  out["test_errors"] = c.test_errors;
  out["shapes"] = c.shapes.cases;
  if (c.fold.folds > 0) out["fold"] = fold_json(c.fold);
  for (const ModelMember& one : c.further)
    if (one.fold.folds > 0) out["further_folds"].push_back(fold_json(one.fold));
  out["provenance"] = c.provenance;
  return core::json_text(out, 2);
}

}  // namespace streamtube::surrogate
