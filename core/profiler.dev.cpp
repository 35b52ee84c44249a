#include "core/profiler.hpp"

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>

#include "core/error.hpp"
#include "core/runtime.hpp"

namespace streamtube::core {
namespace {

namespace tools = Kokkos::Tools::Experimental;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Sum {
  double seconds = 0;
  std::size_t calls = 0;
};
struct Open {
  std::string label;
  double start, inside;  // inside: of what was opened in it
};
// Kokkos calls plain functions, so their state is global.
bool profiling = false;
std::map<std::string, Sum> sums;
std::vector<Open> open;

void begin(const std::string& label) {
  Kokkos::fence("streamtube::core::Profiler");
  open.push_back({label, now(), 0});
}
void end() {
  if (open.empty()) return;  // opened before the profiler
  Kokkos::fence("streamtube::core::Profiler");
  const Open done = open.back();
  open.pop_back();
  const double seconds = now() - done.start;
  Sum& sum = sums[done.label];
  sum.seconds += seconds - done.inside, ++sum.calls;
  if (!open.empty()) open.back().inside += seconds;
}

void begin_kernel(const char* name, std::uint32_t, std::uint64_t*) { begin(name); }
void end_kernel(std::uint64_t) { end(); }
void begin_region(const char* name) { begin(name); }
void begin_copy(Kokkos_Profiling_SpaceHandle to, const char*, const void*, Kokkos_Profiling_SpaceHandle from,
                const char*, const void*, std::uint64_t) {
  begin(str("copy ", from.name, " to ", to.name));
}

bool metering = false;
std::size_t held = 0, most = 0;

bool on_device(const Kokkos_Profiling_SpaceHandle& space) {
  return !std::strcmp(space.name, backend() == Backend::cuda ? Kokkos::DefaultExecutionSpace::memory_space::name()
                                                             : Kokkos::HostSpace::name());
}
void allocated(Kokkos_Profiling_SpaceHandle space, const char*, const void*, std::uint64_t bytes) {
  if (!on_device(space)) return;
  held += bytes;
  most = std::max(most, held);
}
void released(Kokkos_Profiling_SpaceHandle space, const char*, const void*, std::uint64_t bytes) {
  if (on_device(space)) held -= std::min<std::size_t>(held, bytes);
}

}  // namespace

Profiler::Profiler() {
  expect(Kokkos::is_initialized() && !profiling, "profiler: needs a Runtime, and there is one at a time");
  profiling = true;
  sums.clear(), open.clear();
  tools::set_begin_parallel_for_callback(begin_kernel);
  tools::set_begin_parallel_reduce_callback(begin_kernel);
  tools::set_begin_parallel_scan_callback(begin_kernel);
  tools::set_end_parallel_for_callback(end_kernel);
  tools::set_end_parallel_reduce_callback(end_kernel);
  tools::set_end_parallel_scan_callback(end_kernel);
  tools::set_push_region_callback(begin_region);
  tools::set_pop_region_callback(end);
  tools::set_begin_deep_copy_callback(begin_copy);
  tools::set_end_deep_copy_callback(end);
}

Profiler::~Profiler() {
  tools::set_begin_parallel_for_callback(nullptr);
  tools::set_begin_parallel_reduce_callback(nullptr);
  tools::set_begin_parallel_scan_callback(nullptr);
  tools::set_end_parallel_for_callback(nullptr);
  tools::set_end_parallel_reduce_callback(nullptr);
  tools::set_end_parallel_scan_callback(nullptr);
  tools::set_push_region_callback(nullptr);
  tools::set_pop_region_callback(nullptr);
  tools::set_begin_deep_copy_callback(nullptr);
  tools::set_end_deep_copy_callback(nullptr);
  profiling = false;
}

std::vector<Profiler::Entry> Profiler::entries() const {
  std::vector<Entry> list;
  for (const auto& [label, sum] : sums) list.push_back({label, sum.seconds, sum.calls});
  std::stable_sort(list.begin(), list.end(), [](const Entry& a, const Entry& b) { return a.seconds > b.seconds; });
  return list;
}

AllocationMeter::AllocationMeter() {
  expect(Kokkos::is_initialized() && !metering, "allocation meter: needs a Runtime, and there is one at a time");
  metering = true;
  held = most = 0;
  tools::set_allocate_data_callback(allocated);
  tools::set_deallocate_data_callback(released);
}

AllocationMeter::~AllocationMeter() {
  tools::set_allocate_data_callback(nullptr);
  tools::set_deallocate_data_callback(nullptr);
  metering = false;
}

std::size_t AllocationMeter::peak() const { return most; }

}  // namespace streamtube::core
