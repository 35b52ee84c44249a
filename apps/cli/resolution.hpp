#pragma once

#include <string>

#include "geometry/refine.hpp"

namespace streamtube::apps {

inline constexpr const char* kResolutionHelp =
    "How fine the surface for the results is made, without a change of its shape: longest edge (0.005 or 5mm; m if "
    "nothing else is said) or number of triangles (a whole number from 100 on: 200000); default: as in the file";

// The value of --surface-resolution; not wanted for an empty text. Error(usage).
geometry::Resolution parse_resolution(const std::string& text);

}  // namespace streamtube::apps
