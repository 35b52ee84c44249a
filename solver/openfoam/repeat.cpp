#include "solver/openfoam/repeat.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "geometry/nearest_points.hpp"

namespace streamtube::solver {

using core::str;

namespace {

constexpr const char* kPrefix = "repeat_";
constexpr const char* kField = "repeat_difference_";
constexpr std::pair<int, const char*> kFields[] = {{0, "pressure"}, {0, "wall_shear_stress"}, {1, "velocity"}};

std::vector<Vec3> places_of(const mesh_io::SamplePart& part) {
  std::vector<Vec3> out;
  for (std::size_t i = 0; i < part.rows(); ++i)
    out.push_back({part.position[3 * i], part.position[3 * i + 1], part.position[3 * i + 2]});
  return out;
}

const mesh_io::SampleField* find(const mesh_io::SamplePart& part, const std::string& name) {
  for (const auto& field : part.fields)
    if (field.name == name) return &field;
  return nullptr;
}

}  // namespace

std::set<std::string> to_repeat(const std::vector<std::string>& designs, const mesh_io::Splits& splits, double share) {
  if (!(share > 0)) return {};
  std::set<std::string> held_back;
  for (const auto& [split, names] : splits)
    if (mesh_io::holds_back(split)) held_back.insert(names.begin(), names.end());
  std::vector<std::string> from;
  for (const auto& name : designs)
    if (!held_back.contains(name)) from.push_back(name);
  if (from.empty()) from = designs;
  std::set<std::string> out;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const double before = static_cast<double>(i) * share, after = static_cast<double>(i + 1) * share;
    if (std::floor(after + 0.5) > std::floor(before + 0.5)) out.insert(from[i]);
  }
  if (out.empty() && !from.empty()) out.insert(from.front());
  return out;
}

std::map<std::string, double> field_differences(const mesh_io::FlowSample& first, const mesh_io::FlowSample& again) {
  std::map<std::string, double> out;
  for (int b = 0; b < 2; ++b) {
    if (first.part[b].rows() == 0 || again.part[b].rows() == 0) continue;
    const auto nearest = geometry::nearest_points(places_of(again.part[b]), places_of(first.part[b]));
    for (const auto& [branch, name] : kFields) {
      const mesh_io::SampleField *one = find(first.part[b], name), *other = find(again.part[b], name);
      if (branch != b || !one || !other) continue;
      const auto k = static_cast<std::size_t>(one->components);
      double difference = 0, size = 0;
      for (std::size_t i = 0; i < nearest.size(); ++i)
        for (std::size_t c = 0; c < k; ++c) {
          const double x = one->values[k * i + c];
          difference += std::pow(other->values[k * nearest[i] + c] - x, 2), size += x * x;
        }
      if (size > 0) out[str(physics::name(static_cast<physics::Branch>(b)), '/', name)] = std::sqrt(difference / size);
    }
  }
  return out;
}

void add_repeat(mesh_io::FlowSample& first, const mesh_io::FlowSample& again) {
  for (const char* coefficient : {"Cd", "Cl"})
    first.info.quality[std::string(kPrefix) + coefficient] = again.info.coefficients.at(coefficient);
  for (const auto& [field, difference] : field_differences(first, again))
    first.info.quality[kField + field] = difference;
}

mesh_io::LabelNoise noise_of_repeats(const std::vector<mesh_io::CaseInfo>& cases, const std::string& source) {
  std::map<std::string, std::vector<double>> differences;
  const std::string field = kField;
  for (const auto& c : cases)
    for (const auto& [name, value] : c.quality) {
      if (name.rfind(field, 0) == 0) {
        differences[name.substr(field.size())].push_back(value);
      } else if (name.rfind(kPrefix, 0) == 0) {
        const std::string coefficient = name.substr(std::string(kPrefix).size());
        differences[coefficient].push_back(value - c.coefficients.at(coefficient));
      }
    }
  mesh_io::LabelNoise out;
  for (const auto& [name, values] : differences) out.scatter[name] = mesh_io::scatter_of(values);
  if (!out.empty()) out.source = str(differences.at("Cd").size(), " designs ", source);
  return out;
}

}  // namespace streamtube::solver
