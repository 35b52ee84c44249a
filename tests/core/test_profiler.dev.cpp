#include <Kokkos_Core.hpp>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <thread>

#include "core/profiler.hpp"

using namespace streamtube;
using Space = Kokkos::DefaultExecutionSpace;

namespace {

void wait() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }
void kernel(const char* label) {
  Kokkos::parallel_for(label, Kokkos::RangePolicy<Space>(0, 4), KOKKOS_LAMBDA(const int){});
}
const core::Profiler::Entry* find(const std::vector<core::Profiler::Entry>& entries, const std::string& label) {
  for (const auto& e : entries)
    if (e.label == label) return &e;
  return nullptr;
}

}  // namespace

TEST_CASE("profiler: time and calls per label, nothing twice") {
  std::vector<core::Profiler::Entry> entries;
  {
    const core::Profiler profiler;
    kernel("streamtube::a");
    kernel("streamtube::a");
    Kokkos::Profiling::pushRegion("streamtube::region");
    wait();
    kernel("streamtube::b");
    Kokkos::Profiling::pushRegion("streamtube::inner");
    wait(), wait();
    Kokkos::Profiling::popRegion();
    Kokkos::Profiling::popRegion();
    Kokkos::View<float*, Space> view("streamtube::view", 8);
    const auto host = Kokkos::create_mirror(view);
    Kokkos::deep_copy(host, view);
    entries = profiler.entries();
  }
  kernel("streamtube::late");
  REQUIRE(find(entries, "streamtube::a"));
  CHECK(find(entries, "streamtube::a")->calls == 2);
  CHECK(find(entries, "streamtube::b")->calls == 1);
  CHECK_FALSE(find(entries, "streamtube::late"));
  const auto *outer = find(entries, "streamtube::region"), *inner = find(entries, "streamtube::inner");
  REQUIRE((outer && inner));
  CHECK(inner->seconds >= 0.04);
  CHECK(outer->seconds >= 0.02);
  CHECK(inner == entries.data());  // sorted
  // The inner region's time is not the outer's too: together no more than was waited, and some for a busy machine.
  CHECK(outer->seconds < inner->seconds + 0.02);
  bool copied = false;
  for (const auto& e : entries) copied = copied || e.label.starts_with("copy ");
  CHECK(copied);
}

TEST_CASE("allocation meter: the most that was held at once") {
  const core::AllocationMeter meter;
  CHECK(meter.peak() == 0);
  {
    Kokkos::View<char*, Space> a("streamtube::a", 1 << 20);
    { Kokkos::View<char*, Space> b("streamtube::b", 1 << 19); }
    Kokkos::View<char*, Space> c("streamtube::c", 1 << 18);
  }
  CHECK(meter.peak() >= (1 << 20) + (1 << 19));
  CHECK(meter.peak() < (1 << 20) + (1 << 19) + 4096);
}
