#pragma once

#include <string>

#include "surrogate/checkpoint/checkpoint.hpp"

namespace streamtube::apps {

// The checkpoint of a file, or the built-in one for an empty path.
surrogate::Checkpoint load_model(const std::string& path);

// The model's training range of a quantity; null where it does not say.
const surrogate::Range* range_of(const surrogate::Checkpoint& model, const char* quantity);
// "0.8843..1.209 m"
std::string span_text(const surrogate::Range& range);
// The model's summary on stdout.
void print_model(const surrogate::Checkpoint& checkpoint, bool json);

}  // namespace streamtube::apps
