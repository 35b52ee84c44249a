#pragma once
// What is written for a place: the model's fields in SI, coefficients beside those that scale with the dynamic
// pressure, the coefficient of total pressure Cp_total = Cp + |u|^2 / U^2 (1 in the free stream, falling in the wake)
// where there are pressure and velocity, and what was asked to be derived from the velocity.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "physics/derivatives.hpp"
#include "physics/fields.hpp"
#include "physics/flow.hpp"

namespace streamtube::solver {

class FieldColumns {
 public:
  struct Column {
    std::string name;
    int components = 1;
  };
  FieldColumns(const physics::Normalizer::BranchStatistics& branch, const std::vector<physics::Derived>& derive,
               const physics::ReferenceScales& scales);

  const std::vector<Column>& columns() const { return columns_; }
  // values: a place's dimensionless fields side by side. gradient [3][3]: the dimensionless velocity's derivatives per
  // metre, null where nothing is derived. arrays: one [places][components] for every column.
  void fill(std::size_t place, const float* values, const float* gradient,
            std::span<std::vector<float>* const> arrays) const;

 private:
  struct Source {
    int first;
    float scale;
  };
  void add(const std::string& name, int components, int first, float scale);
  double velocity_;
  std::vector<physics::Derived> derive_;
  std::vector<Column> columns_;  // of the fields, Cp_total, of derive_
  std::vector<Source> source_;   // of the fields' columns
  int cp_ = -1, speed_ = -1;     // where pressure and velocity begin among the values, for Cp_total
};

}  // namespace streamtube::solver
