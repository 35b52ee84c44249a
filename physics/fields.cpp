#include "physics/fields.hpp"

#include <cmath>

#include "core/error.hpp"

namespace streamtube::physics {
namespace {

using core::Error;
using core::ErrorKind;
using core::str;

std::vector<Transform> transform_of_components(const Normalizer::BranchStatistics& statistics) {
  std::vector<Transform> transforms;
  for (const auto& field : statistics.fields) transforms.insert(transforms.end(), field.components, field.transform);
  core::expect(transforms.size() == statistics.mean.size() && transforms.size() == statistics.std.size(),
               "Normalizer: the statistics do not match the fields; check() was not called");
  return transforms;
}

}  // namespace

const char* name(Branch branch) { return branch == Branch::surface ? "surface" : "volume"; }

const char* name(Scale scale) {
  return scale == Scale::dynamic_pressure ? "dynamic_pressure"
         : scale == Scale::velocity       ? "velocity"
                                          : "velocity_over_length";
}
const char* name(Transform transform) { return transform == Transform::none ? "none" : "signed_log"; }

bool parse(const std::string& text, Scale& scale) {
  for (const Scale one : {Scale::dynamic_pressure, Scale::velocity, Scale::velocity_over_length})
    if (text == name(one)) return scale = one, true;
  return false;
}
bool parse(const std::string& text, Transform& transform) {
  for (const Transform one : {Transform::none, Transform::signed_log})
    if (text == name(one)) return transform = one, true;
  return false;
}

double si_unit(const FieldSpec& field, const ReferenceScales& scales) {
  switch (field.scale) {
    case Scale::dynamic_pressure:
      return scales.dynamic_pressure();
    case Scale::velocity:
      return scales.velocity;
    case Scale::velocity_over_length:
      return scales.velocity / scales.length;
  }
  throw Error(ErrorKind::internal, str("field '", field.name, "' has an unknown scale"));
}

void Normalizer::normalize_positions(const Vec3* xyz, std::size_t n, float* out) const {
  for (std::size_t i = 0; i < n; ++i)
    for (int k = 0; k < 3; ++k) {
      const double x = symmetric && k == 1 ? std::abs(xyz[i][k]) : xyz[i][k];
      out[3 * i + k] = float((x - position_origin) / position_extent * 1000);
    }
}

float reflection_sign(const FieldSpec& field, int component) {
  if (field.components != 3) return 1;
  const bool axial = field.name == "vorticity";  // a curl changes across the plane, a vector along its normal
  return (component == 1) != axial ? -1.0f : 1.0f;
}

void Normalizer::restore_side(Branch b, float* values, const Vec3* xyz, std::size_t n) const {
  if (!symmetric) return;
  std::vector<float> sign;
  for (const auto& field : (*this)[b].fields)
    for (int c = 0; c < field.components; ++c) sign.push_back(reflection_sign(field, c));
  for (std::size_t i = 0; i < n; ++i)
    if (xyz[i][1] < 0)
      for (std::size_t c = 0; c < sign.size(); ++c) values[i * sign.size() + c] *= sign[c];
}

void Normalizer::to_dimensionless(Branch b, float* values, std::size_t n) const {
  const auto& statistics = (*this)[b];
  const auto transforms = transform_of_components(statistics);
  const std::size_t components = transforms.size();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < components; ++c) {
      double value = double(values[i * components + c]) * statistics.std[c] + statistics.mean[c];
      if (transforms[c] == Transform::signed_log) value = std::copysign(std::expm1(std::abs(value)), value);
      values[i * components + c] = float(value);
    }
}

void Normalizer::to_network(Branch b, float* values, std::size_t n) const {
  const auto& statistics = (*this)[b];
  const auto transforms = transform_of_components(statistics);
  const std::size_t components = transforms.size();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < components; ++c) {
      double value = values[i * components + c];
      if (transforms[c] == Transform::signed_log) value = std::copysign(std::log1p(std::abs(value)), value);
      values[i * components + c] = float((value - statistics.mean[c]) / statistics.std[c]);
    }
}

void Normalizer::check(const std::string& where) const {
  auto bad = [&](const std::string& what) {
    throw Error(ErrorKind::input, str(where, ": the normaliser is invalid: ", what),
                "the file is damaged or was not written by Streamtube");
  };
  if (!std::isfinite(position_origin)) bad("the position origin is not finite");
  if (!std::isfinite(position_extent) || position_extent <= 0)
    bad(str("the position extent is ", position_extent, ", not a positive length"));
  for (const Branch b : {Branch::surface, Branch::volume}) {
    const auto& statistics = (*this)[b];
    std::vector<std::string> component_names;
    for (const auto& field : statistics.fields) {
      if (field.name.empty() || field.components < 1 || field.components > 1000)
        bad(str(name(b), " field '", field.name, "' has ", field.components, " components"));
      component_names.insert(component_names.end(), field.components, field.name);
    }
    if (statistics.mean.size() != component_names.size() || statistics.std.size() != component_names.size())
      bad(str("the ", name(b), " fields have ", component_names.size(), " components, but there are ",
              statistics.mean.size(), " means and ", statistics.std.size(), " deviations"));
    for (std::size_t c = 0; c < component_names.size(); ++c) {
      if (!std::isfinite(statistics.mean[c]))
        bad(str("the mean of ", name(b), " ", component_names[c], " is not finite"));
      if (!std::isfinite(statistics.std[c]) || statistics.std[c] <= 0)
        bad(str("the deviation of ", name(b), " ", component_names[c], " is ", statistics.std[c], ", not positive"));
    }
  }
}

}  // namespace streamtube::physics
