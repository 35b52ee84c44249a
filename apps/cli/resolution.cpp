#include "apps/cli/resolution.hpp"

#include <cmath>
#include <cstdlib>

#include "apps/cli/read_body.hpp"
#include "core/error.hpp"

namespace streamtube::apps {

geometry::Resolution parse_resolution(const std::string& text) {
  if (text.empty()) return {};
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  std::string unit = end;
  unit.erase(0, unit.find_first_not_of(' '));
  if (end == text.c_str() || !(std::isfinite(value) && value > 0))
    throw core::Error(core::ErrorKind::usage, core::str("--surface-resolution: '", text, "' is no length or number"),
                      "for example 5mm, 0.005 or 200000");
  if (!unit.empty()) return {value * unit_length(unit, "--surface-resolution"), 0};
  if (value >= 100) {
    if (value != std::floor(value) || value > geometry::kMostRefined)
      throw core::Error(
          core::ErrorKind::usage,
          core::str("--surface-resolution: ", text, " is no number of triangles up to ", geometry::kMostRefined),
          "for example 200000; a length has a unit: 5mm");
    return {0, static_cast<std::size_t>(value)};
  }
  return {value, 0};
}

}  // namespace streamtube::apps
