#pragma once
// The built-in profiler, by Kokkos' own callbacks: where the time of a stretch of work goes, and how much device memory
// it holds. Both need a Runtime; one of each at a time.

#include <cstddef>
#include <string>
#include <vector>

namespace streamtube::core {

// Time per kernel label while it lives. It waits for the device before and after every kernel, so that each is charged
// its own time: the whole takes longer than without.
class Profiler {
 public:
  Profiler();
  ~Profiler();
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;

  // Copies are labelled "copy SPACE to SPACE"; of a region (Kokkos::Profiling) what is in none of its kernels counts
  // under its own label.
  struct Entry {
    std::string label;
    double seconds = 0;
    std::size_t calls = 0;
  };
  std::vector<Entry> entries() const;  // the longest first
};

// Bytes in the memory of the Runtime's back end that Kokkos allocated since its making, at most. What libraries
// below take for themselves is not seen.
class AllocationMeter {
 public:
  AllocationMeter();
  ~AllocationMeter();
  AllocationMeter(const AllocationMeter&) = delete;
  AllocationMeter& operator=(const AllocationMeter&) = delete;
  std::size_t peak() const;
};

}  // namespace streamtube::core
