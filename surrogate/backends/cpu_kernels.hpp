#pragma once
// The CPU fast paths: hand-written tiles for AVX2, AVX-512 and AMX, called from parallel loops in cpu.dev.cpp. Each
// table is one implementation; what a machine lacks is simply not offered. All numbers are float32 in and out.
//
// The AMX path multiplies bfloat16 tiles with float32 sums. Every float32 operand is split exactly in three bfloat16
// parts (8 + 8 + 8 bits), and the six products that matter are summed, smallest first: the result has float32's own
// accuracy (tests/surrogate/test_cpu_paths), at several times the speed of AVX-512 multiply-adds.

#include <cstddef>
#include <cstdint>

#include "surrogate/backends/backend_set.hpp"
#include "surrogate/backends/descriptions.hpp"

namespace streamtube::surrogate::cpu {

struct GemmKernel {
  const char* name;
  int row_block;     // rows a call works on best
  int column_panel;  // columns of one packed panel
  // Bytes of one packed panel; panels lie one after the other.
  std::size_t (*panel_bytes)(std::int64_t inner);
  // Packs weight rows (transposed: columns) panel * column_panel .. into `packed` (of that panel).
  void (*pack_panel)(const float* weight, std::int64_t columns, std::int64_t inner, bool transposed, std::int64_t panel,
                     void* packed);
  // Rows row_begin..row_end (at most row_block) of the description; packed: all panels.
  void (*run)(const GemmDesc<float>& gemm, std::int64_t row_begin, std::int64_t row_end, const void* packed);
};

// dW += dy^T x of one panel of `column_panel` columns of dW and rows row_begin..row_end of dW, over all samples in
// order.
struct WeightGradientKernel {
  int row_block, column_panel;
  // Where both operands are packed first, pairs pair_begin..pair_end of their samples at a time; null: they are not.
  std::size_t (*packed_bytes)(std::int64_t samples, std::int64_t columns);
  void (*pack)(const float* x, std::int64_t samples, std::int64_t columns, std::int64_t pair_begin,
               std::int64_t pair_end, void* packed);
  void (*run)(const WeightGradientDesc<float>& gradient, const void* packed_x, const void* packed_dy,
              std::int64_t row_begin, std::int64_t row_end, std::int64_t panel);
};

struct AttentionKernel {
  const char* name;
  int query_block, key_block;
  bool (*supports)(int head);
  // Bytes of one packed key block of one head.
  std::size_t (*block_bytes)(int head);
  // Packs `count` (<= key_block) keys and values of one head; rows are `stride` floats apart.
  void (*pack)(const float* k, const float* v, std::int64_t stride, std::int64_t count, int head, void* packed);
  // `rows` (<= query_block) queries of one head against `keys` packed keys. log_sum: of these rows, `heads` floats
  // apart, or null; only where gives_log_sum.
  void (*run)(const float* q, float* out, float* log_sum, int heads, std::int64_t stride, std::int64_t rows,
              std::int64_t keys, int head, const void* packed);
  bool gives_log_sum;
};

// The adjoint of one head's queries against its packed keys.
struct AttentionBackwardKernel {
  int query_block, key_block;
  bool (*supports)(int head);
  std::size_t (*block_bytes)(int head);
  void (*pack)(const float* k, const float* v, std::int64_t stride, std::int64_t count, int head, void* packed);
  // Any number of rows. q, dout, dq: rows `stride` floats apart; log_sum, delta: `heads` apart. dq, dk and dv are
  // written, the last two [keys rounded up to key_block][head], contiguous.
  void (*run)(const float* q, const float* dout, const float* log_sum, const float* delta, float* dq, int heads,
              std::int64_t stride, std::int64_t rows, std::int64_t keys, int head, const void* packed, float* dk,
              float* dv);
};

// Attention with derivatives (ops/tangents.dev.hpp), keys packed as by the attention kernel (forward) and its adjoint.
// Rows of one derivative follow those of the one before after `step` floats, of log_sum, mean, delta and through after
// `heads * rows of the description`, which is `row_step`.
struct AttentionTangentsKernel {
  int query_block, key_block;
  bool (*supports)(int head);
  std::size_t (*block_bytes)(int head);
  void (*pack)(const float* k, const float* v, std::int64_t stride, std::int64_t count, int head, void* packed);
  // `rows` (<= query_block) queries of one head; log_sum and mean may be null.
  void (*run)(const float* q, float* out, float* log_sum, float* mean, int heads, std::int64_t stride,
              std::int64_t step, std::int64_t row_step, std::int64_t rows, std::int64_t keys, int head,
              const void* packed);
};
struct AttentionTangentsBackwardKernel {
  int query_block, key_block;
  bool (*supports)(int head);
  std::size_t (*block_bytes)(int head);
  void (*pack)(const float* k, const float* v, std::int64_t stride, std::int64_t count, int head, void* packed);
  // Any number of rows. dq is written; dk, dv [keys rounded up to key_block][head], contiguous, are added to.
  void (*run)(const float* q, const float* dout, const float* log_sum, const float* mean, const float* delta,
              const float* through, float* dq, int heads, std::int64_t stride, std::int64_t step, std::int64_t row_step,
              std::int64_t rows, std::int64_t keys, int head, const void* packed, float* dk, float* dv);
};

// One instruction set's tiles and vector functions (vector_tiles.hpp), accurate to float32's rounding.
struct VectorKernels {
  const char* name;
  GemmKernel gemm;
  AttentionKernel attention;
  WeightGradientKernel weight_gradient;
  AttentionBackwardKernel attention_backward;
  AttentionTangentsKernel attention_tangents;
  AttentionTangentsBackwardKernel attention_tangents_backward;
  void (*gelu)(const float* x, float* y, std::int64_t n);
  void (*gelu_backward)(const float* x, const float* dy, float* dx, float* y, std::int64_t n);  // y or null
  // The first n of x, y, dy, dx [4][step].
  void (*gelu_tangents)(const float* x, float* y, std::int64_t step, std::int64_t n);
  void (*gelu_tangents_backward)(const float* x, const float* dy, float* dx, std::int64_t step, std::int64_t n);
  void (*exp2)(const float* x, float* y, std::int64_t n);
  void (*sincos)(const float* x, float* sine, float* cosine, std::int64_t n);
};

// At least `bytes` on a cache line, this thread's own until its next call. Not thread_local arrays: every thread of
// every library would have to hold all of them, and those with small stacks (TBB's have 4 MiB) could not start.
void* thread_scratch(std::size_t bytes);

// Null where this program or this machine has none.
const VectorKernels* avx512();
const VectorKernels* avx2();
// The widest of them up to `path`; null: the portable kernels.
const VectorKernels* vector_kernels(CpuPath path);
const GemmKernel* amx_gemm();
const AttentionKernel* amx_attention();

// bfloat16 products, float32 sums: for training that asks for it.
const GemmKernel* bf16_gemm();
const AttentionKernel* bf16_attention();
const WeightGradientKernel* bf16_weight_gradient();
const AttentionBackwardKernel* bf16_attention_backward();

// Why not, for the report; empty when there.
const char* avx512_missing();
const char* avx2_missing();
const char* amx_missing();
const char* bf16_missing();

}  // namespace streamtube::surrogate::cpu
