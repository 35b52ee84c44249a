#pragma once
// Which implementations there are for an operation, best first, the portable one last, and why one declines.

#include <string>
#include <vector>

namespace streamtube::surrogate {

enum class CpuPath { portable = 0, avx2 = 1, avx512 = 2, amx = 3 };
// Of products in linear layers and attention; sums, norms and angles are float32 in all. tf32: GPUs only.
enum class Precision { fp32, tf32, bf16 };
const char* name(Precision precision);

const char* name(CpuPath path);
// Those this program and machine have, slowest first.
std::vector<CpuPath> cpu_paths();

struct BackendInfo {
  std::string operation;  // "linear", "attention"
  std::string name;       // "amx", "avx512", "avx2", "portable", ...
  bool available = false;
  bool used = false;   // the first choice for a model made now; a shape it declines goes to the next
  std::string reason;  // what it is, or why it is not available
};

// The choice for one model. Default: the best this machine has; the environment variable STREAMTUBE_CPU_PATH
// (portable, avx2, avx512, amx) lowers it, for comparisons. Throws Error(usage) for a path this machine does not have.
class BackendSet {
 public:
  BackendSet();
  explicit BackendSet(CpuPath path);
  // The default path. Of a network on a GPU any precision is there; else Error(usage) for tf32, and where this machine
  // has no bfloat16 instructions.
  explicit BackendSet(Precision precision, bool gpu = false);
  CpuPath cpu_path() const { return cpu_path_; }
  Precision precision() const { return precision_; }

 private:
  CpuPath cpu_path_;
  Precision precision_ = Precision::fp32;
};

// Whether STREAMTUBE_CPU_PATH asks for the portable kernels.
bool portable_wanted();

// Everything compiled in, in the order of trial; needs no Runtime.
std::vector<BackendInfo> backend_report();

}  // namespace streamtube::surrogate
