#pragma once
// The options --vorticity and --derive. What they do not know is an Error(usage) that names the option, the word and
// the nearest known one.

#include <optional>
#include <string>
#include <vector>

#include "physics/derivatives.hpp"
#include "physics/fields.hpp"

namespace streamtube::apps {

inline constexpr const char* kVorticityHelp =
    "direct: vorticity as the network gives it; curl: the exact curl of its velocity; default: as the model says";

// "direct" or "curl"; nothing for an empty text.
std::optional<physics::Decoder> parse_vorticity(const std::string& text);
// Names between commas, each once.
std::vector<physics::Derived> parse_derive(const std::string& text);

}  // namespace streamtube::apps
