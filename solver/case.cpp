#include "solver/case.hpp"

#include "core/error.hpp"

namespace streamtube::solver {

std::string to_text(const Extrapolation& e) {
  if (e.quantity == "volume_points_outside_domain")
    return core::str(e.value, " volume points lie outside of the domain of the training data");
  std::string quantity = e.quantity;
  for (char& c : quantity)
    if (c == '_') c = ' ';
  const std::string unit = e.unit.empty() || e.unit == "-" ? "" : " " + e.unit;
  return core::str(quantity, " is ", e.value, unit, "; the training data has ", e.min, " to ", e.max, unit);
}

}  // namespace streamtube::solver
