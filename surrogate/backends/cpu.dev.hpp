#pragma once
// The CPU fast paths as the ops call them: each returns false when it declines (no kernel on this machine, a shape it
// does not take), and the portable implementation goes on.

#include "surrogate/backends/descriptions.hpp"
#include "surrogate/ops/types.dev.hpp"

namespace streamtube::surrogate::cpu {

bool linear(Context<HostSpace>& context, const GemmDesc<float>& gemm);
bool attention(Context<HostSpace>& context, const AttentionDesc<float>& attention);
bool weight_gradient(Context<HostSpace>& context, const WeightGradientDesc<float>& gradient);
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

}  // namespace streamtube::surrogate::cpu
