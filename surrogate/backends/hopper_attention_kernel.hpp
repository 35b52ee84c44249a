#pragma once
// Fused attention for NVIDIA's Hopper, head size 64, as FlashAttention-3 (Shah et al. 2024, arXiv 2407.08608) divides
// the work: one warp copies tiles of keys and values into shared memory (TMA) while two groups of four warps multiply
// (wgmma), each group with 64 query rows. Within a group the scores of the next tile are computed while this tile's
// exponentials are taken, and a share of those goes to the FMA units, because at head size 64 the special function unit
// is otherwise as busy as the tensor cores.
//
// The kernel is written over a Machine: on the device its members are the PTX instructions (hopper_attention.dev.cpp),
// in the tests an emulation of them on the CPU (tests/support/hopper_emulator.hpp), so that indices, layouts, masks and
// the order of the barriers of this very code are checked where there is no GPU.

#include <cstdint>

#include "surrogate/backends/half.hpp"

#ifdef __CUDACC__
#define STREAMTUBE_DEVICE __device__ __forceinline__
#else
#define STREAMTUBE_DEVICE inline
#endif

namespace streamtube::surrogate::cuda {

struct HopperAttentionShape {
  static constexpr int head = 64, rows_per_group = 64, groups = 2, query_tile = rows_per_group * groups;
  static constexpr int key_tile = 128, stages = 4, most_segments = 4;
  static constexpr int group_threads = 128, threads = (groups + 1) * group_threads;  // the first group copies
  static constexpr int consumer_warps = groups * 4;
  // Of a thread: what the copying group gives up the multiplying ones get. A third group would leave each too few to
  // keep the scores of one tile, the weights of another and the sums at once (ptxas then runs the products one by one).
  static constexpr int copy_registers = 24, multiply_registers = 240;
  // One exponential of so many is computed on the FMA units.
  static constexpr int polynomial_every = 4;
};

// Tiles are 128 bytes wide (64 channels), their rows swizzled in groups of eight as TMA's 128-byte mode does; 1024-byte
// alignment is what the swizzle is relative to.
struct HopperAttentionShared {
  using S = HopperAttentionShape;
  alignas(1024) Bf16 q[S::groups][S::rows_per_group * S::head];
  alignas(1024) Bf16 k[S::stages][S::key_tile * S::head];
  alignas(1024) Bf16 v[S::stages][S::key_tile * S::head];
  alignas(8) std::uint64_t full_q, full_k[S::stages], full_v[S::stages], empty_k[S::stages], empty_v[S::stages];
};

// Map: what the machine copies tiles by (device: CUtensorMap). q: boxes of 64 rows, k, v: of key_tile rows; rows beyond
// the end read as zero.
template <class Map>
struct HopperAttentionArguments {
  Map q;
  Map k[HopperAttentionShape::most_segments], v[HopperAttentionShape::most_segments];
  int query_begin[HopperAttentionShape::most_segments], query_end[HopperAttentionShape::most_segments];
  int keys[HopperAttentionShape::most_segments];
  Bf16* out;
  int width;    // channels of a row, heads * head
  float scale;  // log2(e) / sqrt(head)
};

// Block (tile of query rows, head, segment).
template <class Machine, class Map>
struct HopperAttentionKernel {
  using S = HopperAttentionShape;
  using Shared = HopperAttentionShared;
  using Arguments = HopperAttentionArguments<Map>;

  static STREAMTUBE_DEVICE void run(Machine& m, Shared& shared, const Arguments& a) {
    const int segment = m.block_z(), first_row = a.query_begin[segment] + m.block_x() * S::query_tile;
    if (first_row >= a.query_end[segment]) return;
    const int tiles = (a.keys[segment] + S::key_tile - 1) / S::key_tile, group = m.thread() / S::group_threads;
    if (m.thread() == 0) {
      m.barrier_start(&shared.full_q, 1);
      for (int s = 0; s < S::stages; ++s) {
        m.barrier_start(&shared.full_k[s], 1), m.barrier_start(&shared.full_v[s], 1);
        m.barrier_start(&shared.empty_k[s], S::consumer_warps), m.barrier_start(&shared.empty_v[s], S::consumer_warps);
      }
      m.barriers_started();
    }
    m.synchronize();
    if (group == 0) {
      m.template lower_registers<S::copy_registers>();
      if (m.thread() == 0) copy(m, shared, a, segment, first_row, tiles);
    } else {
      m.template raise_registers<S::multiply_registers>();
      multiply(m, shared, a, segment, first_row + (group - 1) * S::rows_per_group, tiles, group - 1);
    }
  }

 private:
  // Which stage the t-th tile lies in, and which phase of the stage's barriers it belongs to.
  static STREAMTUBE_DEVICE int stage(int t) { return t % S::stages; }
  static STREAMTUBE_DEVICE int phase(int t) { return t / S::stages & 1; }

  static STREAMTUBE_DEVICE void copy(Machine& m, Shared& shared, const Arguments& a, int segment, int first_row,
                                     int tiles) {
    const int column = m.block_y() * S::head;
    m.expect(&shared.full_q, S::query_tile * S::head * sizeof(Bf16));
    for (int g = 0; g < S::groups; ++g)
      m.copy_tile(&a.q, shared.q[g], column, first_row + g * S::rows_per_group, &shared.full_q);
    for (int t = 0; t < tiles; ++t) {
      // A fresh barrier counts as passed for the phase before its first.
      m.wait(&shared.empty_k[stage(t)], phase(t) ^ 1);
      m.expect(&shared.full_k[stage(t)], S::key_tile * S::head * sizeof(Bf16));
      m.copy_tile(&a.k[segment], shared.k[stage(t)], column, t * S::key_tile, &shared.full_k[stage(t)]);
      m.wait(&shared.empty_v[stage(t)], phase(t) ^ 1);
      m.expect(&shared.full_v[stage(t)], S::key_tile * S::head * sizeof(Bf16));
      m.copy_tile(&a.v[segment], shared.v[stage(t)], column, t * S::key_tile, &shared.full_v[stage(t)]);
    }
  }

  // Of 64 query rows, a thread holds two, row g and g + 8 of its warp's 16, in both operands' and sums' order: of every
  // 8 columns the pair 2 t, 2 t + 1 (PTX ISA, "Register Fragments for wgmma.mma_async.m64nNk16").
  struct Rows {
    float maximum[2], sum[2];  // scores as they are, not yet scaled; the sum is the thread's own share
  };

  static STREAMTUBE_DEVICE void multiply(Machine& m, Shared& shared, const Arguments& a, int segment, int first_row,
                                         int tiles, int group) {
    const int keys = a.keys[segment];
    float score[S::key_tile / 2], out[S::head / 2];
    std::uint32_t weight[S::key_tile / 4];
    Rows rows;
#pragma unroll
    for (int i = 0; i < S::head / 2; ++i) out[i] = 0;

    m.wait(&shared.full_q, 0);
    m.wait(&shared.full_k[0], 0);
    m.fence_operands(score), m.fence();
    scores(m, shared, group, 0, score);
    m.commit();
    m.template wait_products<0>();
    m.fence_operands(score);
    release(m, &shared.empty_k[0]);
    if (tiles == 1) mask(m, keys, score);
    start_rows(m, a.scale, score, rows);
    pack(m, score, weight);
    for (int t = 1; t < tiles; ++t) {
      m.wait(&shared.full_k[stage(t)], phase(t));
      m.fence_operands(score), m.fence_operands(out), m.fence();
      scores(m, shared, group, stage(t), score);
      m.commit();
      m.wait(&shared.full_v[stage(t - 1)], phase(t - 1));
      m.fence();
      weighted_values(m, shared, stage(t - 1), weight, out);
      m.commit();
      m.template wait_products<1>();
      m.fence_operands(score);
      release(m, &shared.empty_k[stage(t)]);
      if (t == tiles - 1) mask(m, keys - t * S::key_tile, score);
      float shrink[2];
      continue_rows(m, a.scale, score, rows, shrink);
      m.order(rows.sum[0] + rows.sum[1]);  // exponentials before the wait: the products of the values run beside them
      m.template wait_products<0>();
      m.fence_operands(out);
      release(m, &shared.empty_v[stage(t - 1)]);
#pragma unroll
      for (int i = 0; i < S::head / 2; ++i) out[i] *= shrink[i / 2 % 2];
      pack(m, score, weight);
    }
    m.wait(&shared.full_v[stage(tiles - 1)], phase(tiles - 1));
    m.fence_operands(out), m.fence();
    weighted_values(m, shared, stage(tiles - 1), weight, out);
    m.commit();
    m.template wait_products<0>();
    m.fence_operands(out);
    store(m, a, first_row, a.query_end[segment], rows, out);
  }

  // score = Q K^T of a tile: 4 steps of 16 channels, 32 bytes further in both tiles.
  static STREAMTUBE_DEVICE void scores(Machine& m, Shared& shared, int group, int stage,
                                       float (&score)[S::key_tile / 2]) {
    const std::uint64_t q = descriptor(m.address(shared.q[group])), k = descriptor(m.address(shared.k[stage]));
#pragma unroll
    for (int step = 0; step < S::head / 16; ++step) m.multiply_scores(score, q + 2 * step, k + 2 * step, step > 0);
  }

  // out += P V of a tile: 8 steps of 16 keys, 2048 bytes further in the values.
  static STREAMTUBE_DEVICE void weighted_values(Machine& m, Shared& shared, int stage,
                                                const std::uint32_t (&weight)[S::key_tile / 4],
                                                float (&out)[S::head / 2]) {
    const std::uint64_t v = descriptor(m.address(shared.v[stage]));
#pragma unroll
    for (int step = 0; step < S::key_tile / 16; ++step) m.multiply_values(out, &weight[4 * step], v + 128 * step);
  }

  // Matrix descriptor (PTX ISA, "Matrix Descriptor"): 128-byte swizzle, groups of eight rows 1024 bytes apart. The
  // leading offset is not used by tiles that are one swizzle wide.
  static STREAMTUBE_DEVICE std::uint64_t descriptor(std::uint32_t address) {
    return (address & 0x3ffffu) >> 4 | std::uint64_t{1} << 16 | std::uint64_t{1024 >> 4} << 32 | std::uint64_t{1} << 62;
  }

  // Every warp says for itself that it has read a tile.
  static STREAMTUBE_DEVICE void release(Machine& m, std::uint64_t* barrier) {
    if (m.thread() % 32 == 0) m.arrive(barrier);
  }

  // Scores of keys beyond the last of `count`.
  static STREAMTUBE_DEVICE void mask(Machine& m, int count, float (&score)[S::key_tile / 2]) {
    const int column = m.thread() % 4 * 2;
#pragma unroll
    for (int i = 0; i < S::key_tile / 2; ++i)
      if (i / 4 * 8 + column + i % 2 >= count) score[i] = -m.infinity();
  }

  static STREAMTUBE_DEVICE float row_maximum(Machine& m, const float (&score)[S::key_tile / 2], int row, float high) {
#pragma unroll
    for (int i = 0; i < S::key_tile / 2; i += 4) {
      const float pair = score[i + 2 * row] > score[i + 2 * row + 1] ? score[i + 2 * row] : score[i + 2 * row + 1];
      high = pair > high ? pair : high;
    }
#pragma unroll
    for (int lanes = 1; lanes <= 2; lanes *= 2) {
      const float other = m.from_lane(high, lanes);
      high = other > high ? other : high;
    }
    return high;
  }

  // score = exp(score - maximum), and the sum over the thread's own columns.
  static STREAMTUBE_DEVICE float exponentials(Machine& m, float scale, float maximum, int row,
                                              float (&score)[S::key_tile / 2]) {
    const float shift = maximum * scale;
    float sum[2] = {0, 0};
#pragma unroll
    for (int i = 0; i < S::key_tile / 4; ++i) {
      float& s = score[i / 2 * 4 + 2 * row + i % 2];
      const float x = s * scale - shift;
      s = i % S::polynomial_every == S::polynomial_every - 1 ? exp2_polynomial(m, x) : m.exp2(x);
      sum[i % 2] += s;
    }
    return sum[0] + sum[1];
  }

  // 2^x for x <= 0 by a cubic on [-1/2, 1/2] (minimax, 7.5e-5 relative: a hundredth of what rounding to bfloat16
  // costs).
  static STREAMTUBE_DEVICE float exp2_polynomial(Machine& m, float x) {
    x = x > -126.0f ? x : -126.0f;
    const float shifted = x + 12582912.0f, f = x - (shifted - 12582912.0f);  // 1.5 * 2^23: the integer in the last bits
    const float p = ((0.05517167f * f + 0.24261112f) * f + 0.69326099f) * f + 0.99992807f;
    return m.as_float(m.as_bits(p) + (m.as_bits(shifted) << 23));
  }

  static STREAMTUBE_DEVICE void start_rows(Machine& m, float scale, float (&score)[S::key_tile / 2], Rows& rows) {
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      rows.maximum[row] = row_maximum(m, score, row, -m.infinity());
      rows.sum[row] = exponentials(m, scale, rows.maximum[row], row, score);
    }
  }

  static STREAMTUBE_DEVICE void continue_rows(Machine& m, float scale, float (&score)[S::key_tile / 2], Rows& rows,
                                              float (&shrink)[2]) {
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      const float high = row_maximum(m, score, row, rows.maximum[row]);
      shrink[row] = m.exp2((rows.maximum[row] - high) * scale);
      rows.maximum[row] = high;
      rows.sum[row] = rows.sum[row] * shrink[row] + exponentials(m, scale, high, row, score);
    }
  }

  // Sums' order to that of the left operand: both hold pairs of neighbouring columns, 16 columns a step.
  static STREAMTUBE_DEVICE void pack(Machine& m, const float (&score)[S::key_tile / 2],
                                     std::uint32_t (&weight)[S::key_tile / 4]) {
#pragma unroll
    for (int i = 0; i < S::key_tile / 4; ++i) weight[i] = m.pack(score[2 * i], score[2 * i + 1]);
  }

  static STREAMTUBE_DEVICE void store(Machine& m, const Arguments& a, int first_row, int end, const Rows& rows,
                                      const float (&out)[S::head / 2]) {
    const int lane = m.thread() % 32, warp = m.thread() / 32 % 4;
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      float sum = rows.sum[row];
      sum += m.from_lane(sum, 1);
      sum += m.from_lane(sum, 2);
      const int at = first_row + warp * 16 + lane / 4 + 8 * row;
      if (at >= end) continue;
      const float inverse = 1.0f / sum;
      Bf16* to = a.out + static_cast<std::int64_t>(at) * a.width + m.block_y() * S::head + lane % 4 * 2;
#pragma unroll
      for (int i = 0; i < S::head / 8; ++i)
        m.store(to + 8 * i, m.pack(out[4 * i + 2 * row] * inverse, out[4 * i + 2 * row + 1] * inverse));
    }
  }
};

}  // namespace streamtube::surrogate::cuda
