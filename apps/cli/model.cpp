#include "apps/cli/model.hpp"

#include <iostream>

#include "apps/cli/embedded_model.hpp"

namespace streamtube::apps {

surrogate::Checkpoint load_model(const std::string& path) {
  return path.empty() ? surrogate::read_checkpoint(embedded_model(), embedded_model_name)
                      : surrogate::read_checkpoint(path);
}

void print_model(const surrogate::Checkpoint& checkpoint, bool json) {
  std::cout << (json ? surrogate::summary_json(checkpoint) + "\n" : surrogate::summary_text(checkpoint));
}

}  // namespace streamtube::apps
