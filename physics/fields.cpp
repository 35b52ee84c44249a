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
const char* name(Decoder decoder) {
  return decoder == Decoder::direct ? "direct" : decoder == Decoder::curl ? "curl" : "potential";
}

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
bool parse(const std::string& text, Decoder& decoder) {
  for (const Decoder one : {Decoder::direct, Decoder::curl, Decoder::potential})
    if (text == name(one)) return decoder = one, true;
  return false;
}

FieldAt find_field(const std::vector<FieldSpec>& fields, const std::string& name, int components) {
  int first = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name == name && fields[i].components == components) return {&fields[i], i, first};
    first += fields[i].components;
  }
  return {};
}

void check_decoders(const std::vector<FieldSpec>& fields, const std::string& where) {
  for (const FieldSpec& field : fields) {
    const auto bad = [&](const char* what) {
      throw Error(ErrorKind::input,
                  str(where, ": the field '", field.name, "' has the decoder '", name(field.decoder), "', ", what),
                  "use the decoder 'direct' or name other fields");
    };
    if (field.decoder == Decoder::potential && (field.name != "velocity" || field.components != 3 ||
                                                field.scale != Scale::velocity || field.transform != Transform::none))
      bad("which only a velocity of 3 components, scale velocity and no transform can have");
    if (field.decoder != Decoder::curl) continue;
    if (field.name != "vorticity" || field.components != 3 || field.scale != Scale::velocity_over_length)
      bad("which only a vorticity of 3 components and scale velocity_over_length can have");
    const FieldAt velocity = find_field(fields, "velocity", 3);
    if (!velocity.spec || velocity.spec->scale != Scale::velocity)
      bad("but there is no velocity of 3 components and scale velocity beside it");
  }
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
      out[3 * i + k] = float((x - position_origin) / position_extent * kNetworkExtent);
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

void Normalizer::restore_gradient_side(Branch b, std::size_t field, float* gradient, const Vec3* xyz,
                                       std::size_t n) const {
  if (!symmetric) return;
  const FieldSpec& spec = (*this)[b].fields[field];
  const std::size_t components = static_cast<std::size_t>(spec.components);
  for (std::size_t i = 0; i < n; ++i)
    if (xyz[i][1] < 0)
      for (std::size_t c = 0; c < components; ++c) {
        const float sign = reflection_sign(spec, static_cast<int>(c));
        float* of_component = gradient + 3 * (i * components + c);
        of_component[0] *= sign, of_component[1] *= -sign, of_component[2] *= sign;
      }
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

void Normalizer::gradient_to_dimensionless(Branch b, std::size_t field, const float* values, float* gradient,
                                           std::size_t n) const {
  const auto& statistics = (*this)[b];
  const std::size_t width = statistics.mean.size();
  std::size_t first = 0;
  for (std::size_t f = 0; f < field; ++f) first += static_cast<std::size_t>(statistics.fields[f].components);
  const FieldSpec& spec = statistics.fields[field];
  const std::size_t components = static_cast<std::size_t>(spec.components);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < components; ++c) {
      double slope = statistics.std[first + c] * kNetworkExtent / position_extent;
      // d expm1(|v|) sign(v) / dv
      if (spec.transform == Transform::signed_log)
        slope *= std::exp(
            std::abs(double(values[i * width + first + c]) * statistics.std[first + c] + statistics.mean[first + c]));
      for (std::size_t a = 0; a < 3; ++a) {
        float& g = gradient[3 * (i * components + c) + a];
        g = float(slope * g);
      }
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

void Normalizer::set_vorticity_decoder(Decoder decoder, const std::string& where) {
  core::expect(decoder != Decoder::potential, "Normalizer: a vorticity has no potential");
  auto& fields = (*this)[Branch::volume].fields;
  const FieldAt vorticity = find_field(fields, "vorticity", 3);
  if (!vorticity.spec) throw Error(ErrorKind::input, str(where, ": has no vorticity of 3 components to decode"));
  fields[vorticity.index].decoder = decoder;
  check_decoders(fields, where);
}

Normalizer Normalizer::at_scale(double factor) const {
  Normalizer out = *this;
  out.position_origin *= factor, out.position_extent *= factor;
  return out;
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
    check_decoders(statistics.fields, str(where, ": the normaliser is invalid"));
    for (const auto& field : statistics.fields) {
      if (field.decoder != Decoder::potential) continue;
      const double* deviation = &statistics.std[find_field(statistics.fields, field.name, 3).first];
      if (deviation[0] != deviation[1] || deviation[0] != deviation[2])
        bad(str("the deviations of ", name(b), " ", field.name, " are ", deviation[0], ", ", deviation[1], ", ",
                deviation[2], ", but a potential needs the same on all axes"));
    }
  }
}

}  // namespace streamtube::physics
