// The small kernels around the vendors' products: a thread a number, in a loop with the grid's stride.
#include "surrogate/backends/cuda_kernels.hpp"

#include <Kokkos_Core.hpp>

#include "core/error.hpp"

#ifdef KOKKOS_ENABLE_CUDA
#include "surrogate/ops/linear.dev.hpp"

namespace streamtube::surrogate::cuda {
namespace {

template <class Body>
__global__ void each(std::int64_t n, Body body) {
  for (std::int64_t i = blockIdx.x * std::int64_t{blockDim.x} + threadIdx.x; i < n;
       i += std::int64_t{gridDim.x} * blockDim.x)
    body(i);
}

template <class Body>
void launch(void* stream, std::int64_t n, const Body& body) {
  constexpr int threads = 256;
  if (n <= 0) return;
  const std::int64_t blocks = (n + threads - 1) / threads;
  each<<<static_cast<unsigned>(blocks < 65536 ? blocks : 65536), threads, 0, static_cast<cudaStream_t>(stream)>>>(n,
                                                                                                                  body);
  if (const cudaError_t code = cudaGetLastError(); code != cudaSuccess)
    throw core::Error(core::ErrorKind::runtime, core::str("launching a kernel: ", cudaGetErrorString(code)),
                      "check nvidia-smi");
}

__device__ float load(const float* y, std::int64_t i) { return y[i]; }
__device__ float load(const Bf16* y, std::int64_t i) { return to_float(y[i]); }
__device__ void store(float* y, std::int64_t i, float value) { y[i] = value; }
__device__ void store(Bf16* y, std::int64_t i, float value) { y[i] = to_bf16(value); }

struct Narrow {
  const float* from;
  Bf16* to;
  __device__ void operator()(std::int64_t i) const { to[i] = to_bf16(from[i]); }
};
struct Widen {
  const Bf16* from;
  float* to;
  bool add;
  __device__ void operator()(std::int64_t i) const { to[i] = (add ? to[i] : 0.0f) + to_float(from[i]); }
};
template <class T>
struct BiasGelu {
  T* y;
  const float* bias;
  std::int64_t columns;
  __device__ void operator()(std::int64_t i) const {
    store(y, i, gelu(load(y, i) + (bias ? bias[i % columns] : 0.0f)));
  }
};
struct AddGated {
  float* y;
  const float *x, *gate;
  std::int64_t columns;
  __device__ void operator()(std::int64_t i) const { y[i] += gate[i % columns] * x[i]; }
};
struct Transpose {
  const float* from;
  float* to;
  std::int64_t rows, columns;
  __device__ void operator()(std::int64_t i) const { to[i] = from[i % rows * columns + i / rows]; }
};

}  // namespace

void narrow(void* stream, const float* from, Bf16* to, std::int64_t n) { launch(stream, n, Narrow{from, to}); }
void widen(void* stream, const Bf16* from, float* to, std::int64_t n) { launch(stream, n, Widen{from, to, false}); }
void widen_add(void* stream, const Bf16* from, float* to, std::int64_t n) { launch(stream, n, Widen{from, to, true}); }
void bias_gelu(void* stream, float* y, const float* bias, std::int64_t rows, std::int64_t columns) {
  launch(stream, rows * columns, BiasGelu<float>{y, bias, columns});
}
void bias_gelu(void* stream, Bf16* y, const float* bias, std::int64_t rows, std::int64_t columns) {
  launch(stream, rows * columns, BiasGelu<Bf16>{y, bias, columns});
}
void add_gated(void* stream, float* y, const float* x, const float* gate, std::int64_t rows, std::int64_t columns) {
  launch(stream, rows * columns, AddGated{y, x, gate, columns});
}
void transpose(void* stream, const float* from, float* to, std::int64_t rows, std::int64_t columns) {
  launch(stream, rows * columns, Transpose{from, to, rows, columns});
}

}  // namespace streamtube::surrogate::cuda
#endif
