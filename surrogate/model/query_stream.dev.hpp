#pragma once
// Any number of rows of input (positions with their features) from host memory through a pass over at most `chunk` of
// them at a time, and its results back.
// On the host the pass works on the caller's own arrays. On NVIDIA GPUs two chunks are on their way at any time: while
// one is computed, the next one's rows go up and the last one's results come down, through page-locked buffers and
// streams of their own; the launches of a full chunk are a CUDA graph from the second one on.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>

#include "core/error.hpp"
#include "surrogate/backends/cuda_paths.hpp"
#include "surrogate/backends/graph.dev.hpp"

namespace streamtube::surrogate {

template <class Space>
class QueryStream {
 public:
  // Launches, on the space given to run(), what makes out [count][width] of rows [count][in_width], both on the device.
  using Pass = std::function<void(std::int64_t count, const float* rows, float* out)>;

  // rows [n][in_width], out [n][width]. kind 0 or 1: which of two passes it is (the branch); widths belong to it.
  void run(const Space& space, int /*kind*/, std::size_t in_width, std::size_t width, std::size_t chunk,
           std::span<const float> rows, std::span<float> out, const Pass& pass) {
    const std::size_t count = rows.size() / in_width;
    for (std::size_t first = 0; first < count; first += chunk) {
      const std::size_t n = std::min(chunk, count - first);
      pass(static_cast<std::int64_t>(n), rows.data() + in_width * first, out.data() + width * first);
    }
    space.fence("streamtube::surrogate::QueryStream");
  }
  // To be called when a pass works on other memory than before: what was recorded of it is dropped.
  void forget() {}
};

#ifdef KOKKOS_ENABLE_CUDA
template <>
class QueryStream<Kokkos::Cuda> {
 public:
  using Pass = std::function<void(std::int64_t count, const float* rows, float* out)>;

  QueryStream() = default;
  ~QueryStream() {
    for (Slot& s : slots_)
      for (cudaEvent_t event : {s.uploaded, s.computed, s.downloaded})
        if (event) cudaEventDestroy(event);
    for (cudaStream_t stream : {up_, down_})
      if (stream) cudaStreamDestroy(stream);
  }
  QueryStream(const QueryStream&) = delete;
  QueryStream& operator=(const QueryStream&) = delete;

  void run(const Kokkos::Cuda& space, int kind, std::size_t in_width, std::size_t width, std::size_t chunk,
           std::span<const float> rows, std::span<float> out, const Pass& pass) {
    prepare(kind, in_width, width, chunk);
    if (const std::uint64_t now = cuda::graph_epoch(); now != epoch_) forget(), epoch_ = now;
    const cudaStream_t compute = space.cuda_stream();
    const std::size_t count = rows.size() / in_width;
    std::size_t turn = 0;
    for (std::size_t first = 0; first < count; first += chunk, ++turn) {
      Slot& s = slots_[turn % 2];
      collect(s, width, out);
      const std::size_t n = std::min(chunk, count - first);
      std::memcpy(s.rows_host.data(), rows.data() + in_width * first, in_width * n * sizeof(float));
      check(cudaMemcpyAsync(s.rows_in.data(), s.rows_host.data(), in_width * n * sizeof(float), cudaMemcpyHostToDevice,
                            up_));
      check(cudaEventRecord(s.uploaded, up_));
      check(cudaStreamWaitEvent(compute, s.uploaded, 0));
      float* to = s.out[kind].data();
      const auto body = [&] { pass(static_cast<std::int64_t>(n), s.rows_in.data(), to); };
      if (n == chunk && warm_[kind])
        s.graph[kind].run(space, body);
      else
        body();
      warm_[kind] = warm_[kind] || n == chunk;
      check(cudaEventRecord(s.computed, compute));
      check(cudaStreamWaitEvent(down_, s.computed, 0));
      check(cudaMemcpyAsync(s.out_host[kind].data(), to, n * width * sizeof(float), cudaMemcpyDeviceToHost, down_));
      check(cudaEventRecord(s.downloaded, down_));
      s.kind = kind, s.first = first, s.rows = n;
    }
    for (std::size_t i = 0; i < 2; ++i) collect(slots_[(turn + i) % 2], width, out);
  }

  void forget() {
    for (Slot& s : slots_)
      for (LaunchGraph<Kokkos::Cuda>& graph : s.graph) graph.forget();
    warm_[0] = warm_[1] = false;
  }

 private:
  template <class Memory>
  using Buffer = Kokkos::View<float*, Memory>;
  struct Slot {
    Buffer<Kokkos::CudaSpace> rows_in, out[2];
    Buffer<Kokkos::CudaHostPinnedSpace> rows_host, out_host[2];
    cudaEvent_t uploaded = nullptr, computed = nullptr, downloaded = nullptr;
    LaunchGraph<Kokkos::Cuda> graph[2];
    int kind = 0;
    std::size_t first = 0, rows = 0;  // what is on its way; rows 0: nothing
  };

  static void check(cudaError_t error) {
    if (error != cudaSuccess)
      throw core::Error(core::ErrorKind::runtime,
                        core::str("CUDA, while queries were streamed: ", cudaGetErrorString(error)));
  }

  void prepare(int kind, std::size_t in_width, std::size_t width, std::size_t chunk) {
    for (Slot& s : slots_) {
      s.rows = 0;  // a pass that threw left it
      if (!s.uploaded)
        for (cudaEvent_t* event : {&s.uploaded, &s.computed, &s.downloaded})
          check(cudaEventCreateWithFlags(event, cudaEventDisableTiming));
    }
    for (cudaStream_t* stream : {&up_, &down_})
      if (!*stream) check(cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking));
    const auto reserve = [&](auto& buffer, std::size_t size) {
      if (buffer.extent(0) >= size) return;
      forget();
      buffer = {};
      buffer = std::remove_reference_t<decltype(buffer)>(
          Kokkos::view_alloc(Kokkos::WithoutInitializing, "streamtube::surrogate::QueryStream"), size);
    };
    for (Slot& s : slots_) {
      reserve(s.rows_in, in_width * chunk), reserve(s.rows_host, in_width * chunk);
      reserve(s.out[kind], width * chunk), reserve(s.out_host[kind], width * chunk);
    }
  }

  // Waits for a slot's results and hands them over.
  static void collect(Slot& s, std::size_t width, std::span<float> out) {
    if (s.rows == 0) return;
    check(cudaEventSynchronize(s.downloaded));
    std::memcpy(out.data() + width * s.first, s.out_host[s.kind].data(), width * s.rows * sizeof(float));
    s.rows = 0;
  }

  Slot slots_[2];
  cudaStream_t up_ = nullptr, down_ = nullptr;
  std::uint64_t epoch_ = 0;
  bool warm_[2] = {false, false};  // a full chunk has run plainly: libraries have set themselves up for its shapes
};
#endif

}  // namespace streamtube::surrogate
