#pragma once
// Ops of the 16-bit pass (backends/half.hpp): activations and weights are bfloat16 in memory; sums, norm statistics,
// angles and the tokens between blocks are float32. Forward only. No op takes scratch.

#include <string>
#include <vector>

#include "surrogate/backends/half.hpp"
#include "surrogate/ops/types.dev.hpp"

namespace streamtube::surrogate {

// x [N][size] -> y [N][size] = ((x - mean) / sqrt(var + epsilon) * weight + bias) * (1 + scale) + shift, rounded once.
// weight, bias, scale, shift [size] or empty (scale and shift together).
template <class Space>
void layer_norm16(Context<Space>& context, Mat<const float, Space> x, Vec<const float, Space> weight,
                  Vec<const float, Space> bias, Vec<const float, Space> scale, Vec<const float, Space> shift,
                  float epsilon, Mat<Bf16, Space> y);

// In place: neighbouring channel pairs of every head of x [N][heads * head], by table [N][head], head even, as
// rotary_table() makes it; computed in float32.
template <class Space>
void rotate16(Context<Space>& context, Mat<Bf16, Space> x, Mat<const float, Space> table);

// In place: x [N][size] -> x (1 + erf(x / sqrt 2)) / 2, computed in float32.
template <class Space>
void gelu16(Context<Space>& context, Mat<Bf16, Space> x);

// y [N][size] = x rounded, row r times gate[r] in float32 before; gate [N] or empty.
template <class Space>
void round16(Context<Space>& context, Mat<const float, Space> x, Vec<const float, Space> gate, Mat<Bf16, Space> y);

// Linear layer: cuBLASLt on NVIDIA GPUs, else a portable kernel with the same operands and float32 sums. Where
// cuBLASLt declines the exact GELU, it stores and gelu16() follows: one more rounding to bfloat16, before it.
// Throws Error(internal) for a description without operands, or that writes neither or both of y16 and y32.
template <class Space>
void linear16(Context<Space>& context, const Gemm16Desc& gemm);

// Attention, heads of at most 128 channels. On NVIDIA GPUs the order of attention16_order(), at the end of which stands
// the portable kernel: online softmax (arXiv 1805.02867) with float32 sums, probabilities rounded to bfloat16 for the
// second product as on tensor cores. Segments without queries are skipped; one without keys is Error(internal).
template <class Space>
void attention16(Context<Space>& context, const Attention16Desc& attention);

enum class Attention16Path { cudnn, hopper, portable };
// The order of trial on NVIDIA GPUs, `first` (cudnn, hopper, portable; empty: cudnn) being what the environment
// variable STREAMTUBE_CUDA_ATTENTION says. portable stands alone. Throws Error(usage) for another word.
std::vector<Attention16Path> attention16_order(const std::string& first);

}  // namespace streamtube::surrogate
