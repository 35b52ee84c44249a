#pragma once
// Plain descriptions of one call, which every backend understands.

#include <cstdint>

namespace streamtube::surrogate {

enum class Epilogue {
  store,       // y = x W^T + b
  gelu,        // y = gelu(x W^T + b), exact (erf)
  accumulate,  // y += gate * (x W^T + b), gate per column; none: 1
};

// Linear layer. x [rows][inner], weight [columns][inner] (transposed: [inner][columns]), bias [columns] or null, gate
// [columns] or null, y [rows][columns].
template <class T>
struct GemmDesc {
  const T *x, *weight, *bias, *gate;
  T* y;
  std::int64_t rows, columns, inner;
  Epilogue epilogue;
  bool transposed = false;
};

// Adjoint of a linear layer in its weight: dweight [columns][inner] += dy^T x; x [samples][inner], dy
// [samples][columns].
template <class T>
struct WeightGradientDesc {
  const T *x, *dy;
  T* dweight;
  std::int64_t samples, columns, inner;
};

// Query rows query_begin.. attend to key rows key_begin..; no key belongs to a segment with queries and no keys.
struct Segment {
  std::int64_t query_begin, query_end, key_begin, key_end;
};

// softmax(q k^T / sqrt(head)) v per head and segment. q, out [..][heads * head]; k, v [..][heads * head].
template <class T>
struct AttentionDesc {
  const T *q, *k, *v;
  T* out;
  int heads, head;
  const Segment* segments;
  int segment_count;
  T* log_sum = nullptr;  // [rows of q][heads]: log of the sum of exp(score), for the adjoint; or null
};

// Adjoint of the above. dq like q, dk and dv like k; `delta` [rows of q][heads] is the sum over channels of dout * out.
// Adds to dq, dk and dv.
template <class T>
struct AttentionBackwardDesc {
  const T *q, *k, *v, *dout, *log_sum, *delta;
  T *dq, *dk, *dv;
  int heads, head;
  const Segment* segments;
  int segment_count;
};

// Attention with derivatives (ops/tangents.dev.hpp): q, out [4 rows][heads * head], all of k, v [keys][heads * head].
template <class T>
struct AttentionTangentsDesc {
  const T *q, *k, *v;
  T* out;
  int heads, head;
  std::int64_t rows, keys;
  T *log_sum, *mean;  // [rows][heads], [3 rows][heads], or null
};

// dq is written, dk and dv are added to. delta [rows][heads], through [3 rows][heads].
template <class T>
struct AttentionTangentsBackwardDesc {
  const T *q, *k, *v, *dout, *log_sum, *mean, *delta, *through;
  T *dq, *dk, *dv;
  int heads, head;
  std::int64_t rows, keys;
};

}  // namespace streamtube::surrogate
