#pragma once
// The default model, part of the program itself: there wherever the program is.

#include <span>

namespace streamtube::apps {

std::span<const unsigned char> embedded_model();  // a checkpoint file's bytes
inline constexpr const char* embedded_model_name = "built-in model";

}  // namespace streamtube::apps
