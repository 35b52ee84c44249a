#include "apps/cli/stated_result.hpp"

#include <cmath>
#include <filesystem>

#include "core/files.hpp"

namespace streamtube::apps {

using core::Json;

namespace {

constexpr const char* kNames[] = {"Cd", "Cl", "Clf", "Clr", "Cs", "Cm_roll", "Cm_pitch", "Cm_yaw"};

const Json* object_at(const Json& json, const char* key) {
  if (!json.is_object() || !json.contains(key) || !json[key].is_object()) return nullptr;
  return &json[key];
}

double number_at(const Json& json, const char* object, const char* key) {
  const Json* from = object_at(json, object);
  return from && from->contains(key) && (*from)[key].is_number() ? (*from)[key].get<double>() : 0.0;
}

StatedCoefficients coefficients_of(const Json& json) {
  StatedCoefficients out;
  for (const auto& [name, value] : json.items()) {
    if (!value.is_object() || !value.contains("total") || !value["total"].is_number()) continue;
    StatedCoefficient& one = out[name];
    one.total = value["total"].get<double>();
    if (value.contains("pressure") && value["pressure"].is_number() && value.contains("friction") &&
        value["friction"].is_number())
      one.split = {{value["pressure"].get<double>(), value["friction"].get<double>()}};
  }
  return out;
}

// case.json of the solved cases that come with the program.
StatedResult of_solved_case(const Json& json) {
  const auto number = [&](const std::string& key) {
    return json.contains(key) && json[key].is_number() ? json[key].get<double>() : 0.0;
  };
  StatedResult out;
  out.velocity = number("velocity"), out.density = number("density"), out.area = number("reference_area");
  for (const std::string name : {"Cd", "Cl"}) {
    if (!json.contains(name)) continue;
    StatedCoefficient& one = out.of_body[name];
    one.total = number(name);
    if (json.contains(name + "_pressure") && json.contains(name + "_friction"))
      one.split = {{number(name + "_pressure"), number(name + "_friction")}};
  }
  return out;
}

std::vector<Delta> deltas_of(const StatedCoefficients& one, const StatedCoefficients& reference, bool same_model) {
  std::vector<Delta> out;
  for (const char* name : kNames) {
    const auto a = one.find(name), b = reference.find(name);
    if (a == one.end() || b == reference.end()) continue;
    Delta d{name, a->second.total, b->second.total, {}, {}};
    if (a->second.split && b->second.split)
      d.split = {{(*a->second.split)[0] - (*b->second.split)[0], (*a->second.split)[1] - (*b->second.split)[1]}};
    const auto &mine = a->second.of_member, &theirs = b->second.of_member;
    if (same_model && mine.size() > 1 && mine.size() == theirs.size()) {
      const double n = static_cast<double>(mine.size());
      double mean = 0, squares = 0;
      for (std::size_t m = 0; m < mine.size(); ++m) mean += (mine[m] - theirs[m]) / n;
      for (std::size_t m = 0; m < mine.size(); ++m) squares += std::pow(mine[m] - theirs[m] - mean, 2);
      d.deviation = std::sqrt(squares / (n - 1));
    }
    out.push_back(d);
  }
  return out;
}

}  // namespace

StatedResult read_stated(const std::string& folder) {
  namespace fs = std::filesystem;
  const std::string path = (fs::path(folder) / "forces.json").string(), run = (fs::path(folder) / "run.json").string();
  const auto read = [](const std::string& file) {
    std::error_code ignored;
    return fs::is_regular_file(file, ignored) ? core::try_json(core::read_text(file)) : Json();
  };
  StatedResult out;
  const Json json = read(path);
  if (!json.is_object()) {
    if (const Json solved = read((fs::path(folder) / "case.json").string()); solved.is_object())
      return of_solved_case(solved);
    out.density = number_at(read(run), "options", "density");
    return out;
  }
  out.velocity = number_at(json, "flow", "velocity_m_s"), out.density = number_at(json, "flow", "density_kg_m3");
  out.area = number_at(json, "reference", "area_m2");
  if (const Json* model = object_at(json, "model");
      model && model->contains("fingerprint") && (*model)["fingerprint"].is_string())
    out.model = (*model)["fingerprint"].get<std::string>();
  if (const Json* all = object_at(json, "coefficients")) out.of_body = coefficients_of(*all);
  if (const Json* members = object_at(json, "members"))
    for (auto& [name, one] : out.of_body) {
      const Json* of = object_at(*members, name.c_str());
      if (!of || !of->contains("values") || !(*of)["values"].is_array()) continue;
      for (const Json& value : (*of)["values"])
        if (value.is_number()) one.of_member.push_back(value.get<double>());
    }
  if (const Json* patches = object_at(json, "patches"))
    for (const auto& [name, patch] : patches->items())
      if (patch.is_object()) out.of_parts.emplace_back(name, coefficients_of(patch));
  return out;
}

Json Delta::json() const {
  Json out = {{"total", total()}};
  if (split) out["pressure"] = (*split)[0], out["friction"] = (*split)[1];
  if (deviation) out["deviation_of_members"] = *deviation;
  return out;
}

std::vector<Delta> deltas(const StatedResult& one, const StatedResult& reference) {
  return deltas_of(one.of_body, reference.of_body, !one.model.empty() && one.model == reference.model);
}

std::vector<std::pair<std::string, std::vector<Delta>>> parts_deltas(const StatedResult& one,
                                                                     const StatedResult& reference) {
  std::vector<std::pair<std::string, std::vector<Delta>>> out;
  if (one.of_parts.size() < 2) return out;
  const auto find = [](const StatedResult& result, const std::string& name) -> const StatedCoefficients* {
    for (const auto& [part, values] : result.of_parts)
      if (part == name) return &values;
    return nullptr;
  };
  // The one part of each that the other lacks: a variant's file under another name.
  const auto alone = [&](const StatedResult& result, const StatedResult& other) -> const std::string* {
    const std::string* found = nullptr;
    for (const auto& [part, values] : result.of_parts) {
      if (find(other, part)) continue;
      if (found) return nullptr;
      found = &part;
    }
    return found;
  };
  const std::string *mine = alone(one, reference), *theirs = alone(reference, one);
  for (const auto& [name, values] : one.of_parts) {
    const bool renamed = mine && theirs && name == *mine;
    if (const StatedCoefficients* other = find(reference, renamed ? *theirs : name))
      out.emplace_back(name, deltas_of(values, *other, false));
  }
  return out;
}

std::map<std::string, double> stated_forces(const StatedResult& result, const StatedResult& at) {
  std::map<std::string, double> out;
  const double newton = at.dynamic_pressure() * result.area;
  if (!(newton > 0)) return out;
  for (const auto& [coefficient, force] : {std::pair{"Cd", "drag"}, {"Cl", "lift"}, {"Cs", "side"}})
    if (const auto it = result.of_body.find(coefficient); it != result.of_body.end())
      out[force] = newton * it->second.total;
  return out;
}

}  // namespace streamtube::apps
