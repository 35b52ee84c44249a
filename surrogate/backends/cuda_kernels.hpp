#pragma once
// What stands behind the GPU's fast paths, for host code: one product by cuBLASLt, one attention by cuDNN, and the
// small kernels between them and the ops. A `stream` is a cudaStream_t; all work is queued there and nothing waits. The
// first call of a shape makes a plan, which may take memory: not while a graph is recorded. Errors of a library are
// Error(runtime) with the name of the call.

#include <cstdint>
#include <string>

#include "surrogate/backends/backend_set.hpp"
#include "surrogate/backends/half.hpp"

namespace streamtube::surrogate::cuda {

// y [rows][columns] = x w^T + bias, or += that. x [rows][inner] (transposed: [inner][rows]), w [columns][inner]
// (transposed: [inner][columns]): float for fp32 and tf32, Bf16 for bf16. Sums are float32.
struct Product {
  const void *x = nullptr, *w = nullptr;
  const void* bias = nullptr;  // [columns] of y's type, or null
  void* y = nullptr;           // float, or Bf16 where y16
  std::int64_t rows = 0, columns = 0, inner = 0;
  bool x_transposed = false, w_transposed = false, accumulate = false, y16 = false;
  Precision precision = Precision::fp32;
};
// False: the library is not there (see cublaslt_missing) or has no algorithm for this product; nothing was queued.
bool cublaslt_product(void* stream, const Product& product);
const std::string& cublaslt_missing();  // why it is not there; empty: it is

// One segment. q, out, dout, dq [rows][heads * head], k, v, dk, dv [keys][heads * head]; log_sum [heads][rows], as
// AttentionDesc::log_sum but for the order.
struct AttentionCall {
  const Bf16 *q = nullptr, *k = nullptr, *v = nullptr;
  Bf16* out = nullptr;
  float* log_sum = nullptr;  // or null
  std::int64_t rows = 0, keys = 0;
  int heads = 0, head = 0;
};
struct AttentionBackwardCall {
  const Bf16 *q = nullptr, *k = nullptr, *v = nullptr, *out = nullptr, *dout = nullptr;
  const float* log_sum = nullptr;
  Bf16 *dq = nullptr, *dk = nullptr, *dv = nullptr;  // written
  std::int64_t rows = 0, keys = 0;
  int heads = 0, head = 0;
};
// Whether there is a plan for such a call, which is made; then the call itself cannot decline.
bool cudnn_has(void* stream, const AttentionCall& call);
bool cudnn_has(void* stream, const AttentionBackwardCall& call);
bool cudnn_run(void* stream, const AttentionCall& call);
bool cudnn_run(void* stream, const AttentionBackwardCall& call);
const std::string& cudnn_missing();

// ---- cuda_kernels.dev.cpp; n numbers, or rows of `columns`

void narrow(void* stream, const float* from, Bf16* to, std::int64_t n);
void widen(void* stream, const Bf16* from, float* to, std::int64_t n);
void widen_add(void* stream, const Bf16* from, float* to, std::int64_t n);  // to += from
// y = gelu(y + bias), exact; bias [columns] or null.
void bias_gelu(void* stream, float* y, const float* bias, std::int64_t rows, std::int64_t columns);
void bias_gelu(void* stream, Bf16* y, const float* bias, std::int64_t rows, std::int64_t columns);
// y += gate * x, gate [columns].
void add_gated(void* stream, float* y, const float* x, const float* gate, std::int64_t rows, std::int64_t columns);
// to [columns][rows] = from [rows][columns].
void transpose(void* stream, const float* from, float* to, std::int64_t rows, std::int64_t columns);

}  // namespace streamtube::surrogate::cuda
