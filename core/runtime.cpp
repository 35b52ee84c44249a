// The parts of the runtime that need no Kokkos: limits of the machine and of the container, signals, version.
#include "core/runtime.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "core/files.hpp"
#include "core/long_work.hpp"

namespace streamtube::core {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

// The first number of a file; unlimited for "max", a missing file, or anything else.
std::size_t read_number(const fs::path& path) {
  std::ifstream in(path);
  unsigned long long value = 0;
  return in >> value ? std::size_t(value) : unlimited;
}

// The value of `key` in a file of lines "key[:] value ..."; 0 without one.
std::size_t read_key(const fs::path& path, const std::string& key) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name;
    unsigned long long value = 0;
    if (words >> name >> value && name == key) return std::size_t(value);
  }
  return 0;
}

// The folders of this process's control group and of its parents, innermost first: any of them may set a limit.
// controller "" is version 2.
std::vector<fs::path> cgroup_folders(const std::string& controller) {
  std::ifstream in("/proc/self/cgroup");
  std::vector<fs::path> folders;
  const fs::path root = fs::path("/sys/fs/cgroup") / controller;
  for (std::string line; std::getline(in, line);) {  // "4:memory:/path", "0::/path"
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    if (controller.empty() ? controllers != ",," : controllers.find(',' + controller + ',') == std::string::npos)
      continue;
    fs::path path = fs::path(line.substr(second + 1)).relative_path();
    for (; !path.empty(); path = path.parent_path()) folders.push_back(root / path);
  }
  folders.push_back(root);  // all a container sees of its own group
  return folders;
}

std::size_t left(std::size_t limit, std::size_t used, std::size_t reclaimable) {
  if (limit == unlimited || used == unlimited) return unlimited;
  used -= std::min(used, reclaimable);
  return limit > used ? limit - used : 0;
}

std::atomic<bool> interrupt_flag{false};
std::atomic<int> interrupts_held{0};

void on_signal(int) {
  if (interrupt_flag.exchange(true)) {
    remove_temporaries();
    _exit(130);
  }
}

}  // namespace

int usable_threads() {
  cpu_set_t set;
  int threads = sched_getaffinity(0, sizeof set, &set) ? int(sysconf(_SC_NPROCESSORS_ONLN)) : CPU_COUNT(&set);
  auto apply = [&](double quota, double period) {
    if (quota > 0 && period > 0) threads = std::min(threads, int(std::ceil(quota / period)));
  };
  for (const auto& folder : cgroup_folders("")) {
    std::ifstream in(folder / "cpu.max");  // "max 100000" or "150000 100000"
    double quota = 0, period = 0;
    if (in >> quota >> period) apply(quota, period);
  }
  for (const auto& folder : cgroup_folders("cpu")) {
    std::ifstream quota_in(folder / "cpu.cfs_quota_us"), period_in(folder / "cpu.cfs_period_us");
    double quota = 0, period = 0;  // quota -1: none
    if (quota_in >> quota && period_in >> period) apply(quota, period);
  }
  return std::max(threads, 1);
}

std::size_t available_host_memory() {
  std::size_t bytes = read_key("/proc/meminfo", "MemAvailable:") * 1024;
  if (!bytes) bytes = std::size_t(sysconf(_SC_PHYS_PAGES)) * std::size_t(sysconf(_SC_PAGESIZE));
  for (const auto& folder : cgroup_folders(""))
    bytes = std::min(bytes, left(read_number(folder / "memory.max"), read_number(folder / "memory.current"),
                                 read_key(folder / "memory.stat", "inactive_file")));
  for (const auto& folder : cgroup_folders("memory"))
    bytes = std::min(bytes,
                     left(read_number(folder / "memory.limit_in_bytes"), read_number(folder / "memory.usage_in_bytes"),
                          read_key(folder / "memory.stat", "total_inactive_file")));
  return bytes;
}

std::size_t peak_resident_memory() {
  // Of this program alone: getrusage() remembers the parent's memory across fork and exec.
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (std::size_t kib = 0; word == "VmHWM:" && status >> kib) return kib * 1024;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::size_t(usage.ru_maxrss) * 1024;
}

const std::string& version() {
  static const std::string text = STREAMTUBE_VERSION;
  return text;
}

void install_interrupt_handler() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;  // file libraries do not expect interrupted reads
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGHUP, &action, nullptr);   // a terminal that was closed
  sigaction(SIGUSR1, &action, nullptr);  // the one that mpirun and batch systems pass on without killing soon after
  // A file over the limit of `ulimit -f` is then a failed write like a full disk, not the end of the process.
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);  // ignored by whoever started us, no exit status of a child could be had
}

bool interrupted() { return interrupt_flag && interrupts_held == 0; }

HoldInterrupts::HoldInterrupts() { ++interrupts_held; }
HoldInterrupts::~HoldInterrupts() { --interrupts_held; }
bool HoldInterrupts::asked() { return interrupt_flag; }

}  // namespace streamtube::core
