// Starting Kokkos, and what it runs on.
#include "core/runtime.hpp"

#include <unistd.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>

#include "core/before_stop.hpp"
#include "core/error.hpp"
#include "core/log.hpp"
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(KOKKOS_ENABLE_OPENMP)
#include <omp.h>
#endif

namespace streamtube::core {
namespace {

std::atomic<bool> started{false};
Backend chosen = Backend::openmp;
bool device_named = false;  // the same GPU for all processes of a host
std::vector<std::function<void()>> last_works;

std::string cpu_name() {
#if defined(__x86_64__)
  unsigned words[12] = {};
  if (__get_cpuid_max(0x80000000u, nullptr) >= 0x80000004u) {
    for (unsigned i = 0; i < 3; ++i)
      __get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3]);
    char text[sizeof words + 1] = {};
    std::memcpy(text, words, sizeof words);
    const std::string name(text);
    const auto first = name.find_first_not_of(' ');
    if (first != std::string::npos) return name.substr(first, name.find_last_not_of(' ') - first + 1);
  }
#endif
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos)
      return line.substr(line.find(": ") + 2);
  return "unknown";
}

std::vector<std::string> cpu_features() {
  std::vector<std::string> features;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) features.push_back("AVX2");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (avx512) {
    features.push_back("AVX-512");
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 5)) features.push_back("AVX512-BF16");
  }
  // AMX also needs the operating system to save its tiles (bits 17 and 18 of XCR0).
  if (__get_cpuid_count(1, 0, &a, &b, &c, &d) && (c & 1u << 27)) {
    unsigned low = 0;
    __asm__("xgetbv" : "=a"(low) : "c"(0) : "edx");
    if ((low & 3u << 17) == 3u << 17 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & 1u << 24)) {
      if (d & 1u << 22) features.push_back("AMX-BF16");
      if (d & 1u << 25) features.push_back("AMX-INT8");
    }
  }
#endif
  return features;
}

#if defined(KOKKOS_ENABLE_CUDA)
constexpr bool with_cuda = true;
int gpu_count(std::string& why_none) {
  int count = 0;
  const cudaError_t code = cudaGetDeviceCount(&count);
  if (code == cudaSuccess) return count;
  why_none = str(": ", cudaGetErrorString(code));
  return 0;
}
#else
constexpr bool with_cuda = false;
int gpu_count(std::string&) { return 0; }
#endif

// Kokkos reads these too, and ends the process where it does not understand one. Our options are in their place.
constexpr const char* kReplaced[] = {"KOKKOS_NUM_THREADS",        "KOKKOS_DEVICE_ID",      "KOKKOS_MAP_DEVICE_ID_BY",
                                     "KOKKOS_VISIBLE_DEVICES",    "KOKKOS_TUNE_INTERNALS", "KOKKOS_DISABLE_WARNINGS",
                                     "KOKKOS_PRINT_CONFIGURATION"};

// Of --threads, else of KOKKOS_NUM_THREADS or OMP_NUM_THREADS, else all that may be used.
int thread_count(const RuntimeOptions& options) {
  int wanted = options.threads;
  if (const char* text = std::getenv("KOKKOS_NUM_THREADS"); wanted == 0 && text) {
    char* end = nullptr;
    const long value = std::strtol(text, &end, 10);
    if (end == text || *end || value < 1 || value > kMostThreads)
      throw Error(ErrorKind::usage, str("KOKKOS_NUM_THREADS is '", text, "', not a number from 1 to ", kMostThreads),
                  "unset it, or give --threads");
    wanted = static_cast<int>(value);
  }
  int most = kMostThreads;
#if defined(KOKKOS_ENABLE_OPENMP)
  // Kokkos waits for as many threads as it was promised.
  omp_set_dynamic(0);
  most = std::min(most, omp_get_thread_limit());
  if (wanted == 0 && std::getenv("OMP_NUM_THREADS")) wanted = omp_get_max_threads();
#endif
  if (wanted == 0) wanted = options.usable ? options.usable : usable_threads();
  if (wanted > most) warn(str(wanted, " threads were asked for; ", most, " are started, the most that can be"));
  return std::min(wanted, most);
}

}  // namespace

void check(const RuntimeOptions& o) {
  if (o.threads < 0)
    throw Error(ErrorKind::usage, str("--threads ", o.threads, ": the number of threads cannot be negative"),
                "leave the option out to use all CPUs");
  if (o.threads > kMostThreads)
    throw Error(ErrorKind::usage, str("--threads ", o.threads, ": at most ", kMostThreads, " can be started"),
                "leave the option out to use all CPUs");
  if (o.backend == Backend::openmp && o.device >= 0)
    throw Error(ErrorKind::usage, str("--device ", o.device, " chooses a GPU, but --backend is openmp"),
                "leave out one of the two");
  if (!with_cuda && (o.backend == Backend::cuda || o.device >= 0))
    throw Error(ErrorKind::usage,
                str(o.device >= 0 ? str("--device ", o.device) : std::string("--backend cuda"),
                    ": this program was built without CUDA"),
                "`scripts/bootstrap.sh build cuda` builds one for NVIDIA GPUs; leave the option out to use the CPU");
  std::string why;
  const int gpus = gpu_count(why);
  if (gpus && o.device >= gpus)
    throw Error(
        ErrorKind::usage,
        str("--device ", o.device, ": this machine has ", gpus, gpus == 1 ? " GPU" : " GPUs", ", counted from 0"),
        "`streamtube devices` lists them");
}

Runtime::Runtime(const RuntimeOptions& options) {
  check(options);
  std::string why;
  const int gpus = gpu_count(why);
  if (with_cuda && !gpus)
    throw Error(ErrorKind::runtime, "this program was built for NVIDIA GPUs and found none" + why,
                "check nvidia-smi, or use the program of the openmp preset");
  if (started.exchange(true)) throw Error(ErrorKind::usage, "a second Runtime: one program has one");
  chosen = with_cuda && options.backend != Backend::openmp ? Backend::cuda : Backend::openmp;
  device_named = options.device >= 0;
  // OpenMP has read its variables long before; this only says what holds anyway, so that Kokkos does not warn. Threads
  // stay unbound because several processes (a sweep) would otherwise be bound to the same cores.
  setenv("OMP_PROC_BIND", "false", 0);
  Kokkos::InitializationSettings settings;
  if (gpus) settings.set_device_id(options.device >= 0 ? options.device : options.local_rank % gpus);
  settings.set_num_threads(thread_count(options));
  for (const char* name : kReplaced) unsetenv(name);
  Kokkos::initialize(settings);
}

Runtime::~Runtime() {
  while (!last_works.empty()) {
    const std::function<void()> work = std::move(last_works.back());
    last_works.pop_back();
    work();
  }
  Kokkos::finalize();
  // Kokkos cannot start again: `started` stays set.
}

void before_stop(std::function<void()> work) { last_works.push_back(std::move(work)); }

Backend backend() {
  expect(Kokkos::is_initialized(), "backend() needs a Runtime");
  return chosen;
}

std::size_t available_memory(int processes) {
  expect(processes > 0, "available_memory: no processes");
#if defined(KOKKOS_ENABLE_CUDA)
  if (backend() == Backend::cuda) {
    std::string why;
    const int gpus = device_named ? 1 : std::max(gpu_count(why), 1);
    std::size_t free = 0, total = 0;
    if (const cudaError_t code = cudaMemGetInfo(&free, &total); code != cudaSuccess)
      throw Error(ErrorKind::runtime, str("asking the GPU for its free memory: ", cudaGetErrorString(code)),
                  "check nvidia-smi");
    return free / static_cast<std::size_t>((processes + gpus - 1) / gpus);
  }
#endif
  expect(Kokkos::is_initialized(), "available_memory() needs a Runtime");
  return available_host_memory() / static_cast<std::size_t>(processes);
}

std::vector<DeviceInfo> devices() {
  const bool running = Kokkos::is_initialized();
  std::vector<DeviceInfo> list;
  DeviceInfo cpu;
  cpu.name = "CPU: " + cpu_name();
  cpu.backend = Kokkos::DefaultHostExecutionSpace::name();
  cpu.threads = running ? Kokkos::num_threads() : usable_threads();
  cpu.memory = std::size_t(sysconf(_SC_PHYS_PAGES)) * std::size_t(sysconf(_SC_PAGESIZE));
  cpu.features = cpu_features();
  cpu.used = running && chosen == Backend::openmp;
  list.push_back(cpu);
#if defined(KOKKOS_ENABLE_CUDA)
  std::string why;
  for (int i = 0; i < gpu_count(why); ++i) {
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) continue;
    list.push_back({str("GPU ", i, ": ", properties.name),
                    "Cuda",
                    0,
                    properties.totalGlobalMem,
                    {str("sm_", properties.major, properties.minor), str(properties.multiProcessorCount, " SMs")},
                    running && chosen == Backend::cuda && Kokkos::Cuda().cuda_device() == i});
  }
#endif
  return list;
}

}  // namespace streamtube::core
