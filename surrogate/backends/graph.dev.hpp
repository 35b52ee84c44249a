#pragma once
// A sequence of launches that is repeated with the same addresses and sizes: on NVIDIA GPUs it is recorded once as a
// CUDA graph and replayed, which costs one launch in the place of about a hundred.

#include <Kokkos_Core.hpp>
#include <functional>

namespace streamtube::surrogate {

// Anywhere else: runs it.
template <class Space>
class LaunchGraph {
 public:
  void run(const Space&, const std::function<void()>& body) { body(); }
  void forget() {}
};

#ifdef KOKKOS_ENABLE_CUDA
template <>
class LaunchGraph<Kokkos::Cuda> {
 public:
  LaunchGraph() = default;
  ~LaunchGraph() { forget(); }
  LaunchGraph(const LaunchGraph&) = delete;
  LaunchGraph& operator=(const LaunchGraph&) = delete;

  // The launches of `body` on the stream of `space`. The first call records them, so they must have run once before
  // (libraries set themselves up then), allocate nothing and wait for nothing. What cannot be recorded is run plainly,
  // then and ever after, with a line in the debug log. Plainly too: while a profiler listens, and where the environment
  // variable STREAMTUBE_CUDA_GRAPHS is "off".
  void run(const Kokkos::Cuda& space, const std::function<void()>& body);
  // To be called when an address or a size has changed.
  void forget();

 private:
  bool record(cudaStream_t stream, const std::function<void()>& body);
  cudaGraphExec_t graph_ = nullptr;
  bool declined_ = false;
};
#endif

}  // namespace streamtube::surrogate
