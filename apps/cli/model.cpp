#include "apps/cli/model.hpp"

#include "apps/cli/embedded_model.hpp"

namespace streamtube::apps {

surrogate::Checkpoint load_model(const std::string& path) {
  return path.empty() ? surrogate::read_checkpoint(embedded_model(), embedded_model_name)
                      : surrogate::read_checkpoint(path);
}

}  // namespace streamtube::apps
