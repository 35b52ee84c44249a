#include <Kokkos_Core.hpp>
#include <algorithm>
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
  double whole = 0;
  {
    const core::Profiler profiler;
    kernel("streamtube::a");
    kernel("streamtube::a");
    const auto start = std::chrono::steady_clock::now();
    Kokkos::Profiling::pushRegion("streamtube::region");
    wait();
    kernel("streamtube::b");
    Kokkos::Profiling::pushRegion("streamtube::inner");
    wait(), wait();
    Kokkos::Profiling::popRegion();
    Kokkos::Profiling::popRegion();
    whole = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
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
  // What is in the inner one is not the outer's too.
  CHECK(outer->seconds + inner->seconds + find(entries, "streamtube::b")->seconds <= whole);
  CHECK(std::is_sorted(entries.begin(), entries.end(),
                       [](const auto& a, const auto& b) { return a.seconds > b.seconds; }));
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
