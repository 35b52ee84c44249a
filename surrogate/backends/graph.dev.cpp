#include "surrogate/backends/graph.dev.hpp"

#ifdef KOKKOS_ENABLE_CUDA

#include <cstdlib>
#include <string>

#include "core/error.hpp"
#include "core/log.hpp"

namespace streamtube::surrogate {
namespace {

bool switched_off() {
  static const bool off = [] {
    const char* word = std::getenv("STREAMTUBE_CUDA_GRAPHS");
    return word && word == std::string("off");
  }();
  return off || Kokkos::Tools::profileLibraryLoaded();
}

}  // namespace

void LaunchGraph<Kokkos::Cuda>::run(const Kokkos::Cuda& space, const std::function<void()>& body) {
  const cudaStream_t stream = space.cuda_stream();
  if (declined_ || switched_off() || (!graph_ && !record(stream, body))) return body();
  if (const cudaError_t error = cudaGraphLaunch(graph_, stream); error != cudaSuccess)
    throw core::Error(core::ErrorKind::runtime, core::str("cudaGraphLaunch: ", cudaGetErrorString(error)),
                      "STREAMTUBE_CUDA_GRAPHS=off launches every kernel by itself");
}

bool LaunchGraph<Kokkos::Cuda>::record(cudaStream_t stream, const std::function<void()>& body) {
  declined_ = true;  // unless all goes well
  std::string reason;
  cudaGraph_t graph = nullptr;
  // Other threads go on as they are; this one gets an error for what a graph cannot hold.
  cudaError_t error = cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  if (error == cudaSuccess) {
    try {
      body();
    } catch (const std::exception& failure) {
      reason = failure.what();
    }
    error = cudaStreamEndCapture(stream, &graph);
    if (error == cudaSuccess && reason.empty()) error = cudaGraphInstantiate(&graph_, graph, 0);
    if (graph) cudaGraphDestroy(graph);
  }
  if (error != cudaSuccess && reason.empty()) reason = cudaGetErrorString(error);
  if (!reason.empty()) {
    cudaGetLastError();  // the next launch is not to report it again
    graph_ = nullptr;
    core::debug(core::str("CUDA graph not recorded, kernels are launched one by one: ", reason));
    return false;
  }
  declined_ = false;
  core::debug("CUDA graph of a chunk of queries recorded");
  return true;
}

void LaunchGraph<Kokkos::Cuda>::forget() {
  if (graph_) cudaGraphExecDestroy(graph_);
  graph_ = nullptr;
  declined_ = false;
}

}  // namespace streamtube::surrogate

#endif
