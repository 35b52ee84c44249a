#pragma once
// The picture of a training.

#include <string>

#include "surrogate/train/curves.hpp"

namespace streamtube::apps {

// Loss and validation errors over the updates, logarithmic. Throws Error(runtime): no OpenGL, a full disk.
void write_loss_picture(const std::string& path, const surrogate::Curves& curves, const std::string& title);

}  // namespace streamtube::apps
