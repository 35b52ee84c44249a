#include "solver/field_columns.hpp"

namespace streamtube::solver {
namespace {

// The dimensionless velocity's derivatives, [3][3] per metre, as SI.
physics::Jacobian jacobian_si(const float* gradient, double velocity) {
  physics::Jacobian j;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t k = 0; k < 3; ++k) j[i][k] = velocity * gradient[3 * i + k];
  return j;
}

}  // namespace

FieldColumns::FieldColumns(const physics::Normalizer::BranchStatistics& branch,
                           const std::vector<physics::Derived>& derive, const physics::ReferenceScales& scales)
    : velocity_(scales.velocity), derive_(derive) {
  int first = 0;
  for (const auto& field : branch.fields) {
    add(field.name, field.components, first, static_cast<float>(physics::si_unit(field, scales)));
    // Coefficients are what people compare; other dimensionless fields only repeat the SI ones.
    if (field.scale == physics::Scale::dynamic_pressure) add(field.dimensionless_name, field.components, first, 1.0f);
    if (field.scale == physics::Scale::dynamic_pressure && field.components == 1 && field.name == "pressure")
      cp_ = first;
    if (field.scale == physics::Scale::velocity && field.components == 3 && field.name == "velocity") speed_ = first;
    first += field.components;
  }
  if (cp_ >= 0 && speed_ >= 0) columns_.push_back({"Cp_total", 1});
  for (const physics::Derived one : derive) columns_.push_back({physics::name(one), physics::components(one)});
}

void FieldColumns::add(const std::string& name, int components, int first, float scale) {
  columns_.push_back({name, components});
  source_.push_back({first, scale});
}

void FieldColumns::fill(std::size_t place, const float* values, const float* gradient,
                        std::span<std::vector<float>* const> arrays) const {
  for (std::size_t a = 0; a < source_.size(); ++a) {
    const int components = columns_[a].components;
    for (int c = 0; c < components; ++c)
      (*arrays[a])[place * components + c] = source_[a].scale * values[source_[a].first + c];
  }
  const bool total = cp_ >= 0 && speed_ >= 0;
  if (total) {
    const float* u = values + speed_;
    (*arrays[source_.size()])[place] = values[cp_] + u[0] * u[0] + u[1] * u[1] + u[2] * u[2];
  }
  if (!gradient) return;
  const physics::Jacobian jacobian = jacobian_si(gradient, velocity_);
  for (std::size_t d = 0; d < derive_.size(); ++d) {
    const std::size_t column = source_.size() + total + d;
    physics::derive(derive_[d], jacobian,
                    arrays[column]->data() + place * static_cast<std::size_t>(columns_[column].components));
  }
}

}  // namespace streamtube::solver
