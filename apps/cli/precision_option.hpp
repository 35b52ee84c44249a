#pragma once
// The option that says in which precision a network runs: --precision.

#include "surrogate/backends/backend_set.hpp"

namespace CLI {
class App;
}

namespace streamtube::apps {

// fp32, tf32 or bf16; the network says what the machine does not have.
void declare_precision(CLI::App& app, surrogate::Precision& precision);

}  // namespace streamtube::apps
