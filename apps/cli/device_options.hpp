#pragma once
// The options that say what runs a network: --backend, --device, --threads.

#include "core/runtime.hpp"

namespace CLI {
class App;
}

namespace streamtube::apps {

// What does not fit the program or the machine is found by core::check(), which a command calls in validate().
void declare_device_options(CLI::App& app, core::RuntimeOptions& options);

}  // namespace streamtube::apps
