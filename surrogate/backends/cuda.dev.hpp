#pragma once
// The GPU fast paths as the ops call them: each returns false when it declines, and the portable implementation goes
// on. Products in the precision of the context's backends; float32 in and out. While the arena measures, they take
// their scratch and return false, so that both ways fit. Space: Kokkos::Cuda alone, which not every program has.
// Headers of NVIDIA's libraries are seen by .cpp files only.

#include "surrogate/backends/descriptions.hpp"
#include "surrogate/ops/types.dev.hpp"

namespace streamtube::surrogate::cuda {

// cuBLASLt. bf16: operands are rounded to bfloat16 in the arena.
template <class Space>
bool linear(Context<Space>& context, const GemmDesc<float>& layer);
template <class Space>
bool weight_gradient(Context<Space>& context, const WeightGradientDesc<float>& layer);
// cuDNN, with bf16 only: it has no float32 attention.
template <class Space>
bool attention(Context<Space>& context, const AttentionDesc<float>& attention);
// out: the forward's, as dout.
template <class Space>
bool attention_backward(Context<Space>& context, const AttentionBackwardDesc<float>& attention, const float* out);

}  // namespace streamtube::surrogate::cuda
