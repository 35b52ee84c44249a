#pragma once

#include <string>

#include "surrogate/checkpoint/checkpoint.hpp"

namespace streamtube::apps {

// The checkpoint of a file, or the built-in one for an empty path.
surrogate::Checkpoint load_model(const std::string& path);

// Its summary on stdout.
void print_model(const surrogate::Checkpoint& checkpoint, bool json);

}  // namespace streamtube::apps
