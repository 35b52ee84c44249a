#pragma once
// Which of the GPU's fast paths may be used. Each is tried once a process, when it is first asked for, on a small
// random problem whose answer the portable kernels know: one that disagrees, fails or is not there is switched off with
// its reason, and the next implementation goes on.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "surrogate/backends/backend_set.hpp"

namespace streamtube::surrogate::cuda {

// The state of one path.
class Guard {
 public:
  // What a check found. error: relative, |fast - portable| / |portable| over all numbers.
  struct Finding {
    bool declined = false;
    double error = 0;
    std::string reason;  // of declining
  };
  using Check = std::function<Finding()>;

  // check: runs the path on its problem; it may ask usable(), which is true meanwhile.
  Guard(std::string name, double tolerance, Check check);
  // Checks where that has not been done. A path that is there and wrong is warned about.
  bool usable();
  const std::string& reason() const { return reason_; }  // of being switched off, or how well it agreed

 private:
  std::string name_, reason_;
  double tolerance_;
  Check check_;
  enum class State { unknown, checking, on, off } state_ = State::unknown;
};

enum class Path {
  linear_fp32,         // cuBLASLt
  linear_tf32,         // cuBLASLt
  linear_bf16,         // cuBLASLt, float32 outputs: training
  linear16,            // cuBLASLt, the 16-bit pass
  attention16,         // cuDNN, the 16-bit pass
  hopper_attention,    // own kernel, the 16-bit pass
  attention_training,  // cuDNN, forward with statistics and its adjoint
};

// Whether this path gives what the portable kernels do. False in a program without CUDA.
bool usable(Path path);
// Checks what a network of this precision will use, so that nothing is checked inside of a recorded graph.
void prepare(Precision precision, bool training);
// Recorded graphs hold addresses of the libraries' workspaces and code of their plans. When one of those is dropped the
// number changes, and what was recorded before is not to be replayed.
std::uint64_t graph_epoch();
void end_graph_epoch();
// For backend_report(): all paths, checked where a GPU is in use.
std::vector<BackendInfo> report();

}  // namespace streamtube::surrogate::cuda
