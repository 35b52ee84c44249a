#pragma once
// The 16-bit pass: bfloat16 in memory and its two products as every backend understands them. Sums, norms, angles and
// the residual stream of tokens are float32.

#include <bit>
#include <cstdint>

#include "surrogate/backends/descriptions.hpp"

namespace streamtube::surrogate {

struct Bf16 {
  std::uint16_t bits;
};
constexpr float to_float(Bf16 x) { return std::bit_cast<float>(std::uint32_t{x.bits} << 16); }
// To the nearest, ties to even; NaN stays NaN.
constexpr Bf16 to_bf16(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<std::uint16_t>(bits >> 16 | 0x40u)};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16)};
}

// Linear layer. x [rows][inner], weight [columns][inner], bias [columns] or null; either y16 or y32 [rows][columns].
struct Gemm16Desc {
  const Bf16 *x, *weight;
  const float* bias;
  Bf16* y16;
  float* y32;
  std::int64_t rows, columns, inner;
  Epilogue epilogue;  // store; accumulate: y32 += x W^T + b; gelu: y16 = gelu(x W^T + b), exact (erf)
};

// softmax(q k^T / sqrt(head)) v per head and segment. q, out [..][heads * head]; k, v [..][heads * head].
struct Attention16Desc {
  const Bf16 *q, *k, *v;
  Bf16* out;
  int heads, head;
  const Segment* segments;  // on the host
  int segment_count;
};

// Products on NVIDIA GPUs. `stream` is a cudaStream_t; work is queued there and nothing waits. False: declined, nothing
// was queued, and the next implementation goes on; without their library or chip they always decline.
namespace cuda {

bool cublaslt_gemm(void* stream, const Gemm16Desc& gemm);              // cublaslt.cpp
bool cudnn_attention(void* stream, const Attention16Desc& attention);  // cudnn.cpp
// Own kernel for Hopper: wgmma, TMA, head size 64 (hopper_attention.dev.cpp).
bool hopper_attention(void* stream, const Attention16Desc& attention);

}  // namespace cuda

}  // namespace streamtube::surrogate
