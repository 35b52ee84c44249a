#pragma once
// The CPU fast paths as the ops call them: each returns false when it declines (no kernel on this machine, a shape it
// does not take), and the portable implementation goes on.

#include <span>

#include "surrogate/backends/descriptions.hpp"
#include "surrogate/ops/types.dev.hpp"

namespace streamtube::surrogate::cpu {

// Several at once, up to four: all of them on a block of rows before the next block, so that one may add to what an
// earlier one stored.
bool linear(Context<HostSpace>& context, std::span<const GemmDesc<float>> layers);
bool attention(Context<HostSpace>& context, const AttentionDesc<float>& attention);
bool weight_gradient(Context<HostSpace>& context, std::span<const WeightGradientDesc<float>> layers);
bool attention_backward(Context<HostSpace>& context, const AttentionBackwardDesc<float>& attention);
bool gelu_forward(Context<HostSpace>& context, const float* x, float* y, std::int64_t n);
// y: gelu(x) as well, or null.
bool gelu_backward(Context<HostSpace>& context, const float* x, const float* dy, float* dx, float* y, std::int64_t n);
// With derivatives: x, y, dy, dx [4][n].
bool gelu_tangents(Context<HostSpace>& context, const float* x, float* y, std::int64_t n);
bool gelu_tangents_backward(Context<HostSpace>& context, const float* x, const float* dy, float* dx, std::int64_t n);
bool attention_tangents(Context<HostSpace>& context, const AttentionTangentsDesc<float>& attention);
bool attention_tangents_backward(Context<HostSpace>& context, const AttentionTangentsBackwardDesc<float>& attention);

// norm(x) W^T + b in up to three parts of `size` columns each (queries, keys, values), of which some are rotated, a
// block of rows at a time: the normed rows are made and split for the tiles once.
struct ProjectionDesc {
  const float* x;  // [rows][size]
  std::int64_t size;
  const float *norm_weight, *norm_bias, *scale, *shift;  // [size] or null
  float epsilon;
  const float *weight, *bias;  // [parts * size][size], [parts * size] or null
  bool rotated[3];
  const float* table;  // [rows][head], see rotary_table()
  int head;
  struct Range {
    std::int64_t begin, end;  // rows
    int parts;                // the first so many of the weight's
    float* to[3];             // where row `begin` of each part goes; rows are `size` apart
  };
  const Range* ranges;
  int range_count;
  float* kept_normed = nullptr;  // [rows][size], for the adjoint; or null
};
bool project(Context<HostSpace>& context, const ProjectionDesc& projection);

// x += gate * down(gelu(up(norm(x)))), a block of rows at a time, so that the wide hidden layer stays in the cache.
struct MlpDesc {
  float* x;  // [rows][size]
  std::int64_t rows, size, hidden;
  const float *norm_weight, *norm_bias, *scale, *shift;  // [size] or null
  float epsilon;
  const float *up, *up_bias, *down, *down_bias, *gate;
  float *kept_normed = nullptr,
        *kept_up = nullptr;  // [rows][size], [rows][hidden] before GELU, for the adjoint; or null
};
bool mlp(Context<HostSpace>& context, const MlpDesc& mlp);

// From the adjoint of down's output to that of up's input, a block of rows at a time. The weights' gradients, for which
// `active` and `dup` are left, are not part of it.
struct MlpBackwardDesc {
  const float *dy, *kept_up;  // [rows][size], [rows][hidden]
  std::int64_t rows, size, hidden;
  const float *up, *down;
  float *active, *dup, *dnormed;  // gelu(kept_up) and the adjoint of kept_up [rows][hidden]; [rows][size]
};
bool mlp_backward(Context<HostSpace>& context, const MlpBackwardDesc& mlp);

}  // namespace streamtube::surrogate::cpu
