#pragma once
// Starts and stops the compute back ends (Kokkos). One object in main(), before anything runs on a device.

#include <cstddef>
#include <string>
#include <vector>

namespace streamtube::core {

// automatic: cuda in a program that was built for it, else openmp.
enum class Backend { automatic, cuda, openmp };

constexpr int kMostThreads = 512;  // that Kokkos can start

struct RuntimeOptions {
  int threads =
      0;  // 0: KOKKOS_NUM_THREADS or OMP_NUM_THREADS if set, else `usable`, or all this process may use where that is 0
  int usable = 0;
  Backend backend = Backend::automatic;
  int device = -1;     // GPU, from 0; -1: `local_rank` modulo their number
  int local_rank = 0;  // of this process among those of its run on this host
};
// Throws Error(usage) for what this program or this machine does not have: a negative number of threads, cuda in a
// program without it, a GPU that is not there, a GPU with openmp. Needs no Runtime.
void check(const RuntimeOptions& options);

struct DeviceInfo {
  std::string name;                   // "CPU: Intel(R) Xeon(R) ...", "GPU 0: NVIDIA H100"
  std::string backend;                // "OpenMP", "Cuda"
  int threads = 0;                    // CPU only
  std::size_t memory = 0;             // bytes
  std::vector<std::string> features;  // "AVX2", "AVX-512", "AMX-BF16"; "sm_90"
  bool used = false;                  // networks run here
};

class Runtime {
 public:
  // Error(usage) as check(), and for a second Runtime; Error(runtime) where a program built for CUDA finds no GPU,
  // which Kokkos starts whatever the back end.
  explicit Runtime(const RuntimeOptions& options = {});
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
};

// Bytes free where networks run, for each of so many processes on this host that look at the same time: of the GPU,
// which those share that were given the same one, or of the host. Needs a Runtime.
std::size_t available_memory(int processes = 1);
Backend backend();                    // that of the Runtime, never automatic; needs a Runtime
std::vector<DeviceInfo> devices();    // before a Runtime: none is used
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
