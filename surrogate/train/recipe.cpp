#include "surrogate/train/recipe.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"

namespace streamtube::surrogate {

using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;

namespace {

// visit(key, value, what it is, whether it decides the result)
template <class R, class Visit>
void each_option(R& r, const Visit& visit) {
  visit("data", r.data, "data set: a .h5 file or a folder of them (`streamtube dataset import`)", false);
  visit("describe", r.describe,
        "JSON file that says how cases are presented: name, fields, sampling (docs/checkpoint_format.md); empty: as "
        "the data are",
        false);
  visit("name", r.name, "of the model; empty: that of the description, or of the folder of out", false);
  visit("words", r.words, "what people should know of the model, added to its provenance", false);
  visit("out", r.out, "folder for checkpoints and logs", false);
  visit("init", r.init, "checkpoint whose weights and normaliser to start from; empty: random weights", true);
  visit("split.train", r.train_split, "cases to learn from", true);
  visit("split.validation", r.validation_split, "cases to choose the best weights by; empty: none", false);
  visit("split.folds", r.folds, "cut split.train into so many parts by the cases' names; 0: not", false);
  visit("split.fold", r.fold, "the part (1 to split.folds) that is left out and chooses the best weights", false);
  visit("model.hidden", r.model.hidden, "channels", true);
  visit("model.heads", r.model.heads, "attention heads", true);
  visit("model.mlp_ratio", r.model.mlp_ratio, "width of the MLPs over channels", true);
  visit("model.geometry_blocks", r.model.geometry_blocks, "blocks over the supernodes", true);
  visit("model.physics_blocks", r.model.physics_blocks, "p: perceiver, s: self, c: cross, j: joint", true);
  visit("model.decoder_blocks_surface", r.model.decoder_blocks[0], "blocks of the surface branch", true);
  visit("model.decoder_blocks_volume", r.model.decoder_blocks[1], "blocks of the volume branch", true);
  visit("model.radius", r.model.radius, "of the supernodes' neighbourhoods, network units (0..1000)", true);
  visit("model.max_degree", r.model.max_degree, "neighbours kept", true);
  visit("model.normals", r.model.normals, "outward normals beside geometry points and surface points", true);
  visit("model.wall_distance", r.model.wall_distance,
        "distance and direction of the body and height beside volume points", true);
  visit("canonical_length", r.canonical_length,
        "m, to which every body is scaled along the flow, here and in use; 0: as large as they are", true);
  visit(
      "conditions", r.conditions,
      "what the answer depends on beside the geometry: \"log10(reynolds_number)\", parameters of the data set's cases",
      true);
  visit("position.origin", r.position_origin, "m; network position = (x - origin) / extent * 1000", true);
  visit("position.extent", r.position_extent,
        "m; 0: both from the training cases; half of their extent: twice the resolution", true);
  visit("symmetric", r.symmetric, "the flow is its own mirror image at y = 0: learn one half", true);
  visit("draw.geometry_points", r.draw.geometry_points, "per step, by area", true);
  visit("draw.supernodes", r.draw.supernodes, "of these", true);
  visit("draw.surface_anchors", r.draw.anchors[0], "per step", true);
  visit("draw.volume_anchors", r.draw.anchors[1], "per step", true);
  visit("draw.surface_queries", r.draw.queries[0], "further points with targets", true);
  visit("draw.volume_queries", r.draw.queries[1], "further points with targets; curls are learned at these", true);
  visit("draw.cell_queries", r.draw.cell_queries,
        "of these, beyond the first cells at the body: have the vorticity of their cell compared, at six places more",
        true);
  visit("draw.surface_by_area", r.draw.surface_by_area,
        "surface points by area, as predict draws them; else all faces alike", true);
  visit("draw.mirror", r.draw.mirror, "reflect every second draw at y = 0", true);
  visit("draw.scaling", r.draw.scaling, "scale every draw by up to this share, its dimensionless fields kept", true);
  visit("use.geometry_points", r.use_geometry_points, "that the finished model draws; 0: as in training", false);
  visit("use.supernodes", r.use_supernodes, "of these; 0: as in training", false);
  visit("use.surface_anchors", r.use_anchors[0], "that the finished model draws; 0: as in training", false);
  visit("use.volume_anchors", r.use_anchors[1], "that the finished model draws; 0: as in training", false);
  visit("decoder.vorticity", r.vorticity, "direct, or curl: the exact curl of the velocity", true);
  visit("decoder.velocity", r.velocity, "direct, or potential: the curl of a vector potential", true);
  visit("loss.surface_weights", r.loss.field_weight[0], "one per surface field; []: 1 each", true);
  visit("loss.volume_weights", r.loss.field_weight[1], "one per volume field; []: 1 each", true);
  visit("loss.area_weighted", r.loss.area_weighted, "surface points weigh by area", true);
  visit("loss.force_weight", r.loss.force_weight,
        "of the squared errors of drag (upstream, downstream faces) and lift (lower, upper)", true);
  visit("loss.drag_scale", r.loss.drag_scale, "error of a drag coefficient that weighs 1", true);
  visit("loss.lift_scale", r.loss.lift_scale, "the same of lift", true);
  visit("loss.curl_weight", r.loss.curl_weight, "of a vorticity decoded as curl, beside that of its own outputs", true);
  visit("loss.curl_of_cells", r.loss.curl_of_cells,
        "compare the curl as the data's cells have it, where their volumes are known; else at points", true);
  visit("optimizer.kind", r.optimizer.kind, "adamw or lion", true);
  visit("optimizer.rate", r.schedule.peak, "learning rate after the warm-up", true);
  visit("optimizer.end_rate", r.schedule.end, "at the end of the cosine", true);
  visit("optimizer.warmup", r.schedule.warmup, "share of the updates", true);
  visit("optimizer.weight_decay", r.optimizer.weight_decay, "decoupled", true);
  visit("optimizer.decay_matrices_only", r.optimizer.decay_matrices_only, "spare biases and norms", true);
  visit("optimizer.beta1", r.optimizer.beta1, "", true);
  visit("optimizer.beta2", r.optimizer.beta2, "LION: 0.99", true);
  visit("optimizer.epsilon", r.optimizer.epsilon, "AdamW", true);
  visit("optimizer.clip", r.optimizer.clip, "of the gradients' norm; 0: none", true);
  visit("optimizer.average", r.optimizer.average, "decay of the averaged weights, which are what is saved", true);
  visit("updates", r.schedule.updates, "steps of the optimiser", true);
  visit("accumulation", r.accumulation, "batches a step, of every process", true);
  visit("recompute", r.recompute, "less memory, a forward more; the same bits", false);
  visit("precision", r.precision, "of products, with float32 sums: fp32; bf16 (AVX-512 BF16 or a GPU); tf32 (a GPU)",
        true);
  visit("seed", r.seed, "of weights and draws", true);
  visit("log_every", r.log_every, "updates", false);
  visit("validate_every", r.validate_every, "updates", false);
  visit("save_every", r.save_every, "updates", false);
  visit("validation_points", r.validation_points, "per branch and case", false);
  visit("choose_by", r.choose_by, "what best.h5 is best in: drag (with lift and fields), or fields alone", false);
  visit("cache_mib", r.cache_mib, "memory for cases; the rest is read as it is drawn", true);
}

std::string kind_name(OptimizerOptions::Kind kind) { return kind == OptimizerOptions::Kind::lion ? "lion" : "adamw"; }

constexpr const char* kPrecisions[] = {"fp32", "tf32", "bf16"};  // in the order of Precision

// The double with the fewest digits that is this float.
double shortest(float value) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  double out = 0;
  std::from_chars(text, end, out);
  return out;
}

template <class T>
Json to_json(const T& value) {
  if constexpr (std::is_same_v<T, OptimizerOptions::Kind>)
    return kind_name(value);
  else if constexpr (std::is_same_v<T, physics::Decoder>)
    return physics::name(value);
  else if constexpr (std::is_same_v<T, Choice>)
    return value == Choice::drag ? "drag" : "fields";
  else if constexpr (std::is_same_v<T, Precision>)
    return kPrecisions[static_cast<int>(value)];
  else if constexpr (std::is_same_v<T, float>)
    return shortest(value);  // 9, not 9.00000035
  else
    return value;
}

// Empty, or what is wrong with the value.
template <class T>
std::string assign(const Json& json, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) return "is not true or false";
    value = json.get<bool>();
  } else if constexpr (std::is_same_v<T, OptimizerOptions::Kind>) {
    if (json != "adamw" && json != "lion") return "is neither \"adamw\" nor \"lion\"";
    value = json == "lion" ? OptimizerOptions::Kind::lion : OptimizerOptions::Kind::adamw;
  } else if constexpr (std::is_same_v<T, Choice>) {
    if (json != "drag" && json != "fields") return "is neither \"drag\" nor \"fields\"";
    value = json == "drag" ? Choice::drag : Choice::fields;
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    if (!json.is_array() || !std::all_of(json.begin(), json.end(), [](const Json& x) { return x.is_string(); }))
      return "is not a list of names";
    value = json.get<std::vector<std::string>>();
  } else if constexpr (std::is_same_v<T, Precision>) {
    const auto at = std::find(std::begin(kPrecisions), std::end(kPrecisions), json);
    if (at == std::end(kPrecisions)) return "is none of \"fp32\", \"tf32\", \"bf16\"";
    value = static_cast<Precision>(at - std::begin(kPrecisions));
  } else if constexpr (std::is_same_v<T, physics::Decoder>) {
    if (!json.is_string() || !physics::parse(json.get<std::string>(), value))
      return "is none of \"direct\", \"curl\", \"potential\"";
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!json.is_string()) return "is not text";
    value = json.get<std::string>();
  } else if constexpr (std::is_same_v<T, std::vector<double>>) {
    if (!json.is_array() || !std::all_of(json.begin(), json.end(), [](const Json& x) { return x.is_number(); }))
      return "is not a list of numbers";
    value = json.get<std::vector<double>>();
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!json.is_number()) return "is not a number";
    value = json.get<T>();
  } else {
    if (!json.is_number_integer()) return "is not a whole number";
    const double x = json.get<double>();
    if (x < 0 || x > 2e9) return "is out of range";
    value = json.get<T>();
  }
  return {};
}

void flatten(const Json& json, const std::string& prefix, std::vector<std::pair<std::string, Json>>& out) {
  for (const auto& [key, value] : json.items())
    if (value.is_object())
      flatten(value, prefix + key + ".", out);
    else
      out.emplace_back(prefix + key, value);
}

void set(Recipe& recipe, const std::string& key, const Json& value, ErrorKind kind, const std::string& where) {
  bool found = false;
  std::string wrong, nearest;
  std::size_t distance = 1000;
  each_option(recipe, [&](const char* name, auto& option, const char*, bool) {
    if (key == name) found = true, wrong = assign(value, option);
    // "rate" means "optimizer.rate".
    const std::string full = name, last = full.substr(full.rfind('.') + 1);
    const std::size_t d = std::min(core::edit_distance(key, full), core::edit_distance(key, last));
    if (d < distance) distance = d, nearest = full;
  });
  if (!found)
    throw Error(kind, str(where, ": there is no option '", key, "'"),
                str("the nearest one is '", nearest, "'; `streamtube train --print-config` lists all"));
  if (!wrong.empty()) throw Error(kind, str(where, ": '", key, "': ", core::json_text(value), " ", wrong));
}

void check_recipe(const Recipe& r, const std::string& where) {
  const auto fail = [&](const std::string& what) { throw Error(ErrorKind::input, where + ": " + what); };
  check(r.model, where);
  if (r.folds == 1) fail("split.folds is 1: nothing would be left to learn from");
  if (r.folds == 0 && r.fold > 0) fail(str("split.fold is ", r.fold, ", but split.folds does not say of how many"));
  if (r.folds > 0 && (r.fold < 1 || r.fold > r.folds))
    fail(str("split.fold is ", r.fold, ", must be between 1 and split.folds (", r.folds, ")"));
  if (r.draw.supernodes < 1 || r.draw.supernodes > r.draw.geometry_points)
    fail(str("draw.supernodes (", r.draw.supernodes, ") must be between 1 and draw.geometry_points (",
             r.draw.geometry_points, ")"));
  for (const std::size_t anchors : r.draw.anchors)
    if (anchors < 1) fail("draw: both branches need anchors");
  if (!(r.draw.scaling >= 0 && r.draw.scaling <= 0.5)) fail("draw.scaling is a share of the lengths, 0 to 0.5");
  const std::size_t points = r.use_geometry_points > 0 ? r.use_geometry_points : r.draw.geometry_points;
  const std::size_t supernodes = r.use_supernodes > 0 ? r.use_supernodes : r.draw.supernodes;
  if (supernodes > points) fail(str("use.supernodes (", supernodes, ") exceed the geometry points (", points, ")"));
  if (r.schedule.updates < 1) fail("'updates' must be at least 1");
  if (r.accumulation < 1) fail("'accumulation' must be at least 1");
  for (const auto& [name, every] : {std::pair("log_every", r.log_every), std::pair("validate_every", r.validate_every),
                                    std::pair("save_every", r.save_every)})
    if (every < 1) fail(str("'", name, "' is ", every, ", must be at least 1"));
  if (!(r.schedule.peak > 0) || !(r.schedule.end >= 0) || r.schedule.end > r.schedule.peak)
    fail("optimizer: rate must be positive and end_rate between 0 and rate");
  if (!(r.schedule.warmup >= 0 && r.schedule.warmup < 1))
    fail("optimizer.warmup is a share of the updates, 0 to below 1");
  if (!(r.optimizer.beta1 >= 0 && r.optimizer.beta1 < 1 && r.optimizer.beta2 >= 0 && r.optimizer.beta2 < 1 &&
        r.optimizer.average >= 0 && r.optimizer.average < 1))
    fail("optimizer: beta1, beta2 and average must lie between 0 and below 1");
  if (!(r.optimizer.weight_decay >= 0) || !(r.optimizer.epsilon > 0) || !(r.optimizer.clip >= 0))
    fail("optimizer: weight_decay and clip must not be negative, epsilon must be positive");
  if (!(r.loss.force_weight >= 0) || !(r.loss.drag_scale > 0) || !(r.loss.lift_scale > 0))
    fail("loss: force_weight must not be negative, drag_scale and lift_scale must be positive");
  if (r.vorticity == physics::Decoder::potential) fail("decoder.vorticity is \"direct\" or \"curl\"");
  if (r.velocity == physics::Decoder::curl) fail("decoder.velocity is \"direct\" or \"potential\"");
  if (r.velocity == physics::Decoder::potential && r.vorticity == physics::Decoder::curl)
    fail(
        "a vorticity decoded as curl of a velocity that is a curl itself cannot be learned: it takes second "
        "derivatives; set decoder.vorticity to \"direct\"");
  if ((r.velocity != physics::Decoder::direct || r.vorticity != physics::Decoder::direct) && r.draw.queries[1] == 0)
    fail(
        "curls are learned at volume queries, not at anchors, and draw.volume_queries is 0: set it to half of the "
        "volume anchors or so");
  if (!(r.loss.curl_weight >= 0 && r.loss.curl_weight <= 1e6))
    fail(str("loss.curl_weight is ", r.loss.curl_weight, ", must be between 0 and 1e6"));
  if (r.vorticity == physics::Decoder::curl && r.loss.curl_weight == 0)
    fail("loss.curl_weight is 0: a curl that is not learned is no good; leave decoder.vorticity \"direct\"");
  bool any = r.loss.force_weight > 0 || r.vorticity == physics::Decoder::curl;
  for (const auto& weights : r.loss.field_weight) {
    any = any || weights.empty();
    for (const double weight : weights) {
      if (!(weight >= 0 && weight <= 1e6))
        fail(str("loss: a weight of a field is ", weight, ", must be between 0 and 1e6"));
      any = any || weight > 0;
    }
  }
  if (!any) fail("loss: every weight is 0, there is nothing to learn");
  if (!(r.canonical_length == 0 || (r.canonical_length >= 1e-3 && r.canonical_length <= 1e3)))
    fail(str("canonical_length is ", r.canonical_length, ", must be 0 or between 1e-3 and 1e3 m"));
  if (!(r.position_extent == 0 || (r.position_extent >= 1e-6 && r.position_extent <= 1e6)))
    fail(str("position.extent is ", r.position_extent, ", must be 0 or between 1e-6 and 1e6 m"));
  if (!(std::abs(r.position_origin) <= 1e6))
    fail(str("position.origin is ", r.position_origin, ", must be between -1e6 and 1e6 m"));
}

}  // namespace

Recipe::Recipe() {
  model.hidden = 96;
  model.decoder_blocks[0] = model.decoder_blocks[1] = 2;
  model.radius = 9;
  schedule.updates = 10000;
}

Recipe read_recipe(const std::string& path, const std::vector<std::string>& overrides) {
  Recipe recipe;
  const std::string where = path.empty() ? "the command line" : str("'", path, "'");
  if (!path.empty()) {
    const Json json = core::read_json(path, "comments are allowed, // or /* */");
    if (!json.is_object()) throw Error(ErrorKind::input, where + ": not a JSON object of options");
    std::vector<std::pair<std::string, Json>> options;
    flatten(json, "", options);
    for (const auto& [key, value] : options) set(recipe, key, value, ErrorKind::input, where);
  }
  for (const std::string& text : overrides) {
    const auto equal = text.find('=');
    if (equal == std::string::npos)
      throw Error(ErrorKind::usage, str("'", text, "' is not key=value"),
                  "options of the recipe are given as optimizer.rate=1e-3");
    const std::string key = text.substr(0, equal), value = text.substr(equal + 1);
    Json json = core::try_json(value);
    if (json.is_discarded()) json = value;
    set(recipe, key, json, ErrorKind::usage, "option");
  }
  check_recipe(recipe, where);
  return recipe;
}

std::string recipe_text(const Recipe& recipe) {
  std::vector<std::array<std::string, 2>> lines;
  each_option(recipe, [&](const char* name, const auto& value, const char* what, bool) {
    lines.push_back({str("  ", core::json_text(Json(name)), ": ", core::json_text(to_json(value))), what});
  });
  std::string text = "{\n";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string line = lines[i][0] + (i + 1 < lines.size() ? "," : "");
    if (!lines[i][1].empty()) {
      line.resize(std::max<std::size_t>(line.size() + 2, 44), ' ');
      line += "// " + lines[i][1];
    }
    text += line + "\n";
  }
  return text + "}\n";
}

std::vector<std::string> result_options(const Recipe& recipe) {
  std::vector<std::string> out;
  each_option(recipe, [&](const char* name, const auto& value, const char*, bool decides) {
    if (decides) out.push_back(str(name, " = ", core::json_text(to_json(value))));
  });
  return out;
}

}  // namespace streamtube::surrogate
