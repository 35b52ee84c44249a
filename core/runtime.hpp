#pragma once
// Starts and stops the compute back ends (Kokkos). One object in main(), before anything runs on a device.

#include <cstddef>
#include <string>
#include <vector>

namespace streamtube::core {

struct DeviceInfo {
  std::string name;                   // "CPU: Intel(R) Xeon(R) ...", "NVIDIA H100"
  std::string backend;                // "OpenMP", "Cuda"
  int threads = 0;                    // CPU only
  std::size_t memory = 0;             // bytes
  std::vector<std::string> features;  // "AVX2", "AVX-512", "AMX-BF16"; "sm_90"
};

class Runtime {
 public:
  // threads 0: OMP_NUM_THREADS if set, else `usable`, or all this process may use where that is 0. Error(usage) for a
  // negative number of threads or a second Runtime, Error(runtime) where a CUDA build finds no GPU.
  explicit Runtime(int threads = 0, int usable = 0);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
};

std::vector<DeviceInfo> devices();    // needs a Runtime
int usable_threads();                 // CPUs this process may use: affinity and container quota
std::size_t available_host_memory();  // bytes, respecting container limits
std::size_t peak_resident_memory();   // bytes, of this process so far
const std::string& version();         // "0.1.0"

// Set by SIGINT, SIGTERM and SIGUSR1 after install_interrupt_handler(); long loops ask and throw Interrupted. A second
// signal ends the process at once (exit code 130), after removing temporaries. Also turns SIGXFSZ into a failed write.
void install_interrupt_handler();
bool interrupted();
struct Interrupted {};
inline void check_interrupt() {
  if (interrupted()) throw Interrupted{};
}

}  // namespace streamtube::core
