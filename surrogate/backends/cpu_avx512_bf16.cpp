// AVX-512 BF16 tiles for mixed-precision training: operands rounded to bfloat16, products summed in float32. The same
// tiles as in cpu_avx512.cpp, with a pair of neighbours along the summed dimension in every 32 bits. Compiled for these
// instructions alone of all sources, and called only where the processor has them and bf16 was asked for.

#include "surrogate/backends/cpu_kernels.hpp"

#if defined(__AVX512F__) && defined(__AVX512BF16__)

#include "surrogate/backends/vector_math.hpp"

namespace streamtube::surrogate::cpu {
namespace {

using Pair = std::uint32_t;  // two bfloat16 numbers: the earlier one in the lower half

inline __m512bh as_bf16(__m512i x) {
  __m512bh y;
  __builtin_memcpy(&y, &x, sizeof y);
  return y;
}
inline __m512i load_pairs(const Pair* p) { return _mm512_loadu_si512(p); }
inline __m512 multiply_add(__m512 sum, Pair a, __m512i b) {
  return _mm512_dpbf16_ps(sum, as_bf16(_mm512_set1_epi32(static_cast<int>(a))), as_bf16(b));
}
inline __m512i widened(__m512 x) {
  const __m256bh rounded = _mm512_cvtneps_pbh(x);
  __m256i bits;
  __builtin_memcpy(&bits, &rounded, sizeof bits);
  return _mm512_cvtepu16_epi32(bits);
}
// 16 pairs out of two vectors: (a0, b0), (a1, b1), ...
inline __m512i interleave(__m512 a, __m512 b) { return _mm512_or_si512(widened(a), _mm512_slli_epi32(widened(b), 16)); }
// 16 floats to 8 pairs of neighbours.
inline void store_row(Pair* to, __m512 x) {
  const __m256bh rounded = _mm512_cvtneps_pbh(x);
  __builtin_memcpy(to, &rounded, sizeof rounded);
}

// `count` floats of a row to pairs, the odd one out with zero.
void convert_row(const float* x, std::int64_t count, Pair* to) {
  for (std::int64_t i = 0; i < count; i += 16) {
    alignas(32) Pair part[8];
    store_row(part, _mm512_maskz_loadu_ps(mask_of(count - i), x + i));
    const std::int64_t pairs = (count - i + 1) / 2 < 8 ? (count - i + 1) / 2 : 8;
    for (std::int64_t p = 0; p < pairs; ++p) to[i / 2 + p] = part[p];
  }
}

// ---- linear layers: 12 rows x 32 columns ----------------------------------------------------------------------------

constexpr int gemm_rows = 12, gemm_columns = 32, gemm_block = 96;
constexpr std::int64_t most_pairs = 2048;  // of a row

std::size_t gemm_panel_bytes(std::int64_t inner) {
  return static_cast<std::size_t>((inner + 1) / 2) * gemm_columns * sizeof(Pair);
}

void gemm_pack(const float* weight, std::int64_t columns, std::int64_t inner, bool transposed, std::int64_t panel,
               void* packed) {
  Pair* out = static_cast<Pair*>(packed);
  const std::int64_t pairs = (inner + 1) / 2;
  if (transposed) {
    for (std::int64_t k = 0; k < pairs; ++k)
      for (std::int64_t c = 0; c < gemm_columns; c += 16) {
        const std::int64_t column = panel * gemm_columns + c;
        const __mmask16 mask = mask_of(columns - column);
        const float* at = weight + 2 * k * columns + column;
        _mm512_storeu_si512(out + k * gemm_columns + c,
                            interleave(_mm512_maskz_loadu_ps(mask, at),
                                       _mm512_maskz_loadu_ps(2 * k + 1 < inner ? mask : 0, at + columns)));
      }
    return;
  }
  Pair row[most_pairs];
  for (std::int64_t c = 0; c < gemm_columns; ++c) {
    const std::int64_t column = panel * gemm_columns + c;
    if (column < columns) convert_row(weight + column * inner, inner, row);
    for (std::int64_t k = 0; k < pairs; ++k) out[k * gemm_columns + c] = column < columns ? row[k] : 0;
  }
}

template <int R>
void gemm_tile(const GemmDesc<float>& g, const Pair* x, std::int64_t pairs, std::int64_t row, std::int64_t column,
               const Pair* panel) {
  __m512 sum[R][2];
  for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = _mm512_setzero_ps();
  for (std::int64_t k = 0; k < pairs; ++k) {
    const __m512i b0 = load_pairs(panel + k * gemm_columns), b1 = load_pairs(panel + k * gemm_columns + 16);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const Pair a = x[r * pairs + k];
      sum[r][0] = multiply_add(sum[r][0], a, b0);
      sum[r][1] = multiply_add(sum[r][1], a, b1);
    }
  }
  for (int half = 0; half < 2; ++half) {
    const std::int64_t c = column + half * 16;
    const __mmask16 mask = mask_of(g.columns - c);
    if (!mask) break;
    for (int r = 0; r < R; ++r)
      finish(g.y + (row + r) * g.columns + c, sum[r][half], g.bias ? g.bias + c : nullptr,
             g.gate ? g.gate + c : nullptr, static_cast<int>(g.epilogue), mask);
  }
}

using GemmTile = void (*)(const GemmDesc<float>&, const Pair*, std::int64_t, std::int64_t, std::int64_t, const Pair*);
constexpr GemmTile gemm_tiles[gemm_rows + 1] = {nullptr,       gemm_tile<1>,  gemm_tile<2>, gemm_tile<3>, gemm_tile<4>,
                                                gemm_tile<5>,  gemm_tile<6>,  gemm_tile<7>, gemm_tile<8>, gemm_tile<9>,
                                                gemm_tile<10>, gemm_tile<11>, gemm_tile<12>};

void gemm_run(const GemmDesc<float>& g, std::int64_t begin, std::int64_t end, const void* packed) {
  alignas(64) static thread_local Pair x[gemm_rows * most_pairs];
  const std::int64_t panels = (g.columns + gemm_columns - 1) / gemm_columns, pairs = (g.inner + 1) / 2;
  for (std::int64_t row = begin; row < end; row += gemm_rows) {
    const int rows = static_cast<int>(end - row < gemm_rows ? end - row : gemm_rows);
    for (int r = 0; r < rows; ++r) convert_row(g.x + (row + r) * g.inner, g.inner, x + r * pairs);
    for (std::int64_t p = 0; p < panels; ++p)
      gemm_tiles[rows](g, x, pairs, row, p * gemm_columns, static_cast<const Pair*>(packed) + p * pairs * gemm_columns);
  }
}

// ---- adjoint of a linear layer in its weight ------------------------------------------------------------------------

constexpr int gradient_rows = 96, gradient_pairs = 128;

// Samples 2i and 2i + 1 side by side: [pairs][columns].
std::size_t gradient_bytes(std::int64_t samples, std::int64_t columns) {
  return static_cast<std::size_t>((samples + 1) / 2 * columns) * sizeof(Pair);
}

void gradient_pack(const float* x, std::int64_t samples, std::int64_t columns, std::int64_t pair_begin,
                   std::int64_t pair_end, void* packed) {
  for (std::int64_t p = pair_begin; p < pair_end; ++p)
    for (std::int64_t c = 0; c < columns; c += 16) {
      const __mmask16 mask = mask_of(columns - c);
      const float* a = x + 2 * p * columns + c;
      const __m512 second = 2 * p + 1 < samples ? _mm512_maskz_loadu_ps(mask, a + columns) : _mm512_setzero_ps();
      _mm512_mask_storeu_epi32(static_cast<Pair*>(packed) + p * columns + c, mask,
                               interleave(_mm512_maskz_loadu_ps(mask, a), second));
    }
}

template <int R>
void gradient_tile(const Pair* dy, std::int64_t dy_stride, const Pair* x, int pairs, float* out,
                   std::int64_t out_stride, __mmask16 m0, __mmask16 m1) {
  __m512 sum[R][2];
  for (int r = 0; r < R; ++r) {
    sum[r][0] = _mm512_maskz_loadu_ps(m0, out + r * out_stride);
    sum[r][1] = _mm512_maskz_loadu_ps(m1, out + r * out_stride + 16);
  }
  for (int n = 0; n < pairs; ++n) {
    const __m512i b0 = load_pairs(x + n * gemm_columns), b1 = load_pairs(x + n * gemm_columns + 16);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const Pair a = dy[n * dy_stride + r];
      sum[r][0] = multiply_add(sum[r][0], a, b0);
      sum[r][1] = multiply_add(sum[r][1], a, b1);
    }
  }
  for (int r = 0; r < R; ++r) {
    _mm512_mask_storeu_ps(out + r * out_stride, m0, sum[r][0]);
    _mm512_mask_storeu_ps(out + r * out_stride + 16, m1, sum[r][1]);
  }
}

using GradientTile = void (*)(const Pair*, std::int64_t, const Pair*, int, float*, std::int64_t, __mmask16, __mmask16);
constexpr GradientTile gradient_tiles[gemm_rows + 1] = {
    nullptr,           gradient_tile<1>,  gradient_tile<2>, gradient_tile<3>, gradient_tile<4>,
    gradient_tile<5>,  gradient_tile<6>,  gradient_tile<7>, gradient_tile<8>, gradient_tile<9>,
    gradient_tile<10>, gradient_tile<11>, gradient_tile<12>};

void gradient_run(const WeightGradientDesc<float>& g, const void* packed_x, const void* packed_dy,
                  std::int64_t row_begin, std::int64_t row_end, std::int64_t panel) {
  alignas(64) static thread_local Pair block[gradient_pairs * gemm_columns];
  const Pair *x = static_cast<const Pair*>(packed_x), *dy = static_cast<const Pair*>(packed_dy);
  const std::int64_t column = panel * gemm_columns, pairs = (g.samples + 1) / 2;
  const __mmask16 m0 = mask_of(g.inner - column), m1 = mask_of(g.inner - column - 16);
  for (std::int64_t first = 0; first < pairs; first += gradient_pairs) {
    const int count = static_cast<int>(pairs - first < gradient_pairs ? pairs - first : gradient_pairs);
    for (int n = 0; n < count; ++n) {
      const Pair* from = x + (first + n) * g.inner + column;
      _mm512_store_si512(block + n * gemm_columns, _mm512_maskz_loadu_epi32(m0, from));
      _mm512_store_si512(block + n * gemm_columns + 16, _mm512_maskz_loadu_epi32(m1, from + 16));
    }
    for (std::int64_t row = row_begin; row < row_end; row += gemm_rows)
      gradient_tiles[row_end - row < gemm_rows ? row_end - row : gemm_rows](
          dy + first * g.columns + row, g.columns, block, count, g.dweight + row * g.inner + column, g.inner, m0, m1);
  }
}

// ---- attention: blocks of 64 keys -----------------------------------------------------------------------------------

constexpr int query_block = 96, key_block = 64, query_tile = 12, max_head = 128, key_pairs = key_block / 2;
constexpr float lag = 8.0f;  // see cpu_avx512.cpp
constexpr float log2e = 1.44269504088896341f, ln2 = 0.69314718055994531f;

bool attention_supports(int head) { return head % 16 == 0 && head >= 16 && head <= max_head; }

// [head / 2][64]: channels in pairs.
void pack_transposed(const float* x, std::int64_t stride, std::int64_t count, int head, Pair* out) {
  Pair row[max_head / 2];
  for (int j = 0; j < key_block; ++j) {
    if (j < count) convert_row(x + j * stride, head, row);
    for (int c = 0; c < head / 2; ++c) out[c * key_block + j] = j < count ? row[c] : 0;
  }
}
// [rows / 2][head]: rows in pairs.
void pack_rows(const float* x, std::int64_t stride, std::int64_t count, int rows, int head, Pair* out) {
  for (int j = 0; j < rows; j += 2)
    for (int c = 0; c < head; c += 16) {
      const float* at = x + j * stride + c;
      const __m512 a = j < count ? _mm512_loadu_ps(at) : _mm512_setzero_ps();
      const __m512 b = j + 1 < count ? _mm512_loadu_ps(at + stride) : _mm512_setzero_ps();
      _mm512_storeu_si512(out + j / 2 * head + c, interleave(a, b));
    }
}

std::size_t attention_block_bytes(int head) { return sizeof(Pair) * key_block * static_cast<std::size_t>(head); }

// Keys [head / 2][64], then values [32][head].
void attention_pack(const float* k, const float* v, std::int64_t stride, std::int64_t count, int head, void* packed) {
  Pair* out = static_cast<Pair*>(packed);
  pack_transposed(k, stride, count, head, out);
  pack_rows(v, stride, count, key_block, head, out + key_pairs * head);
}

// s [12][64] = q [12][head] kt
inline void scores(const Pair* q, const Pair* kt, int head, float* s) {
  const int pairs = head / 2;
  for (int half = 0; half < 2; ++half) {
    __m512 sum[query_tile][2];
    for (int r = 0; r < query_tile; ++r) sum[r][0] = sum[r][1] = _mm512_setzero_ps();
    const Pair* b = kt + half * 32;
    for (int c = 0; c < pairs; ++c) {
      const __m512i b0 = load_pairs(b + c * key_block), b1 = load_pairs(b + c * key_block + 16);
#pragma GCC unroll 12
      for (int r = 0; r < query_tile; ++r) {
        const Pair a = q[r * pairs + c];
        sum[r][0] = multiply_add(sum[r][0], a, b0);
        sum[r][1] = multiply_add(sum[r][1], a, b1);
      }
    }
    for (int r = 0; r < query_tile; ++r) {
      _mm512_store_ps(s + r * key_block + half * 32, sum[r][0]);
      _mm512_store_ps(s + r * key_block + half * 32 + 16, sum[r][1]);
    }
  }
}

// o [R][.. Z vectors] += p [R][64] v, both in pairs of keys
template <int R, int Z>
inline void weighted_values(const Pair* p, const Pair* v, int head, float* o) {
  __m512 sum[R][Z];
  for (int r = 0; r < R; ++r)
    for (int z = 0; z < Z; ++z) sum[r][z] = _mm512_load_ps(o + r * head + z * 16);
  for (int j = 0; j < key_pairs; ++j) {
    __m512i b[Z];
    for (int z = 0; z < Z; ++z) b[z] = load_pairs(v + j * head + z * 16);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const Pair a = p[r * key_pairs + j];
      for (int z = 0; z < Z; ++z) sum[r][z] = multiply_add(sum[r][z], a, b[z]);
    }
  }
  for (int r = 0; r < R; ++r)
    for (int z = 0; z < Z; ++z) _mm512_store_ps(o + r * head + z * 16, sum[r][z]);
}

void values(const Pair* p, const Pair* v, int head, float* o) {
  int c = 0;
  for (; c + 64 <= head; c += 64)
    for (int r = 0; r < query_tile; r += 6) weighted_values<6, 4>(p + r * key_pairs, v + c, head, o + r * head + c);
  for (; c + 32 <= head; c += 32) weighted_values<query_tile, 2>(p, v + c, head, o + c);
  for (; c < head; c += 16) weighted_values<query_tile, 1>(p, v + c, head, o + c);
}

// A row of queries, scaled so that the softmax is one of powers of two, in pairs. The adjoint rounds alike.
inline void scaled_query(const float* q, int head, float scale, Pair* to) {
  for (int c = 0; c < head; c += 16) store_row(to + c / 2, _mm512_mul_ps(set1(scale), _mm512_loadu_ps(q + c)));
}

void attention_run(const float* q, float* out, float* log_sum, int heads, std::int64_t stride, std::int64_t rows,
                   std::int64_t keys, int head, const void* packed) {
  alignas(64) static thread_local Pair query[query_block * max_head / 2], p[query_tile * key_pairs];
  alignas(64) static thread_local float sum[query_block * max_head], s[query_tile * key_block], total[query_block * 16];
  float maximum[query_block];
  const float scale = log2e / __builtin_sqrtf(static_cast<float>(head));
  const std::int64_t tiles = (rows + query_tile - 1) / query_tile;
  for (std::int64_t r = 0; r < tiles * query_tile; ++r) {
    if (r < rows)
      scaled_query(q + r * stride, head, scale, query + r * head / 2);
    else
      for (int c = 0; c < head / 2; ++c) query[r * head / 2 + c] = 0;
    for (int c = 0; c < head; ++c) sum[r * head + c] = 0.0f;
    for (int l = 0; l < 16; ++l) total[r * 16 + l] = 0.0f;
    maximum[r] = -__builtin_inff();
  }
  for (std::int64_t first = 0, block = 0; first < keys; first += key_block, ++block) {
    const Pair* kt = static_cast<const Pair*>(packed) + block * key_block * head;
    const Pair* v = kt + key_pairs * head;
    const std::int64_t count = keys - first;
    for (std::int64_t t = 0; t < tiles; ++t) {
      scores(query + t * query_tile * head / 2, kt, head, s);
      for (int r = 0; r < query_tile; ++r) {
        const std::int64_t row = t * query_tile + r;
        __m512 x[4];
        for (int z = 0; z < 4; ++z) {
          x[z] = _mm512_load_ps(s + r * key_block + z * 16);
          x[z] = _mm512_mask_blend_ps(mask_of(count - z * 16), set1(-__builtin_inff()), x[z]);
        }
        const __m512 high = _mm512_max_ps(_mm512_max_ps(x[0], x[1]), _mm512_max_ps(x[2], x[3]));
        if (_mm512_cmp_ps_mask(high, set1(maximum[row] + lag), _CMP_NLE_UQ)) {
          const float now = _mm512_reduce_max_ps(high);
          const __m512 shrink = exp2_ps(set1(maximum[row] - now));
          maximum[row] = now;
          for (int c = 0; c < head; c += 16)
            _mm512_store_ps(sum + row * head + c, _mm512_mul_ps(shrink, _mm512_load_ps(sum + row * head + c)));
          _mm512_store_ps(total + row * 16, _mm512_mul_ps(shrink, _mm512_load_ps(total + row * 16)));
        }
        const __m512 m = set1(maximum[row]);
        __m512 part = _mm512_load_ps(total + row * 16);
        for (int z = 0; z < 4; ++z) {
          const __m512 e = exp2_ps(_mm512_sub_ps(x[z], m));
          store_row(p + r * key_pairs + z * 8, e);
          part = _mm512_add_ps(part, e);
        }
        _mm512_store_ps(total + row * 16, part);
      }
      values(p, v, head, sum + t * query_tile * head);
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    const float sum_of_row = _mm512_reduce_add_ps(_mm512_load_ps(total + r * 16));
    const __m512 inverse = set1(1.0f / sum_of_row);
    if (log_sum) log_sum[r * heads] = ln2 * maximum[r] + __builtin_logf(sum_of_row);
    for (int c = 0; c < head; c += 16)
      _mm512_storeu_ps(out + r * stride + c, _mm512_mul_ps(inverse, _mm512_load_ps(sum + r * head + c)));
  }
}

// ---- adjoint of attention: blocks of 48 queries by 64 keys ----------------------------------------------------------

constexpr int backward_rows = 48;

std::size_t backward_block_bytes(int head) { return sizeof(Pair) * 3 * key_pairs * static_cast<std::size_t>(head); }

// Keys [head / 2][64], values [head / 2][64], keys [32][head].
void backward_pack(const float* k, const float* v, std::int64_t stride, std::int64_t count, int head, void* packed) {
  Pair* out = static_cast<Pair*>(packed);
  pack_transposed(k, stride, count, head, out);
  pack_transposed(v, stride, count, head, out + key_pairs * head);
  pack_rows(k, stride, count, key_block, head, out + 2 * key_pairs * head);
}

// out [R][.. Z vectors] += a^T b over pairs of queries: a [24][64], b [24][head]
template <int R, int Z>
inline void add_outer(const Pair* a, const Pair* b, int head, float* out) {
  __m512 sum[R][Z];
  for (int r = 0; r < R; ++r)
    for (int z = 0; z < Z; ++z) sum[r][z] = _mm512_loadu_ps(out + r * head + z * 16);
  for (int n = 0; n < backward_rows / 2; ++n) {
    __m512i line[Z];
    for (int z = 0; z < Z; ++z) line[z] = load_pairs(b + n * head + z * 16);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Pair x = a[n * key_block + r];
      for (int z = 0; z < Z; ++z) sum[r][z] = multiply_add(sum[r][z], x, line[z]);
    }
  }
  for (int r = 0; r < R; ++r)
    for (int z = 0; z < Z; ++z) _mm512_storeu_ps(out + r * head + z * 16, sum[r][z]);
}

void add_outer_block(const Pair* a, const Pair* b, int head, float* out) {
  int c = 0;
  for (; c + 32 <= head; c += 32)
    for (int j = 0; j < key_block; j += 8) add_outer<8, 2>(a + j, b + c, head, out + j * head + c);
  for (; c < head; c += 16)
    for (int j = 0; j < key_block; j += 16) add_outer<16, 1>(a + j, b + c, head, out + j * head + c);
}

void backward_run(const float* q, const float* dout, const float* log_sum, const float* delta, float* dq, int heads,
                  std::int64_t stride, std::int64_t rows, std::int64_t keys, int head, const void* packed, float* dk,
                  float* dv) {
  // Queries and dout by rows (channels in pairs) and by pairs of rows; weights and their adjoints likewise.
  alignas(64) static thread_local Pair query[backward_rows * max_head / 2], d[backward_rows * max_head / 2],
      query_pairs[backward_rows * max_head / 2], d_pairs[backward_rows * max_head / 2],
      p_pairs[backward_rows / 2 * key_block], ds_pairs[backward_rows / 2 * key_block], ds_row[query_tile * key_pairs];
  alignas(64) static thread_local float sum[backward_rows * max_head], scaled[backward_rows * max_head],
      s[query_tile * key_block], dp[query_tile * key_block];
  float high[backward_rows], shift[backward_rows];
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(head));
  for (std::int64_t begin = 0; begin < rows; begin += backward_rows) {
    const int count = static_cast<int>(rows - begin < backward_rows ? rows - begin : backward_rows);
    for (int r = 0; r < backward_rows; ++r) {
      for (int c = 0; c < head; ++c) sum[r * head + c] = 0.0f;
      for (int c = 0; c < head; c += 16)
        _mm512_store_ps(scaled + r * head + c,
                        r < count ? _mm512_mul_ps(set1(scale), _mm512_loadu_ps(q + (begin + r) * stride + c))
                                  : _mm512_setzero_ps());
      for (int c = 0; c < head / 2; ++c) query[r * head / 2 + c] = d[r * head / 2 + c] = 0;
      high[r] = shift[r] = 0;
      if (r >= count) continue;
      scaled_query(q + (begin + r) * stride, head, log2e * scale, query + r * head / 2);
      scaled_query(dout + (begin + r) * stride, head, 1.0f, d + r * head / 2);
      high[r] = log2e * log_sum[(begin + r) * heads];
      shift[r] = delta[(begin + r) * heads];
    }
    pack_rows(scaled, head, backward_rows, backward_rows, head, query_pairs);
    pack_rows(dout + begin * stride, stride, count, backward_rows, head, d_pairs);
    for (std::int64_t first = 0, block = 0; first < keys; first += key_block, ++block) {
      const Pair* kt = static_cast<const Pair*>(packed) + block * 3 * key_pairs * head;
      const Pair *vt = kt + key_pairs * head, *kp = vt + key_pairs * head;
      const std::int64_t here = keys - first;
      for (int t = 0; t < backward_rows; t += query_tile) {
        scores(query + t * head / 2, kt, head, s);
        scores(d + t * head / 2, vt, head, dp);
        for (int r = 0; r < query_tile; r += 2)
          for (int z = 0; z < key_block; z += 16) {
            __m512 weight[2], adjoint[2];
            for (int i = 0; i < 2; ++i) {
              const int row = t + r + i;
              const __m512 x = _mm512_sub_ps(_mm512_load_ps(s + (r + i) * key_block + z), set1(high[row]));
              weight[i] = row < count ? _mm512_maskz_mov_ps(mask_of(here - z), exp2_ps(x)) : _mm512_setzero_ps();
              adjoint[i] = _mm512_mul_ps(weight[i],
                                         _mm512_sub_ps(_mm512_load_ps(dp + (r + i) * key_block + z), set1(shift[row])));
              store_row(ds_row + (r + i) * key_pairs + z / 2, adjoint[i]);
            }
            _mm512_store_si512(p_pairs + (t + r) / 2 * key_block + z, interleave(weight[0], weight[1]));
            _mm512_store_si512(ds_pairs + (t + r) / 2 * key_block + z, interleave(adjoint[0], adjoint[1]));
          }
        values(ds_row, kp, head, sum + t * head);
      }
      if (begin == 0)
        for (int i = 0; i < key_block * head; ++i) dk[first * head + i] = dv[first * head + i] = 0.0f;
      add_outer_block(p_pairs, d_pairs, head, dv + first * head);
      add_outer_block(ds_pairs, query_pairs, head, dk + first * head);
    }
    for (int r = 0; r < count; ++r)
      for (int c = 0; c < head; c += 16)
        _mm512_storeu_ps(dq + (begin + r) * stride + c, _mm512_mul_ps(set1(scale), _mm512_load_ps(sum + r * head + c)));
  }
}

constexpr GemmKernel gemm_kernel{"avx512-bf16", gemm_block, gemm_columns, gemm_panel_bytes, gemm_pack, gemm_run};
constexpr AttentionKernel attention_kernel{"avx512-bf16",         query_block,    key_block,     attention_supports,
                                           attention_block_bytes, attention_pack, attention_run, true};
constexpr AttentionBackwardKernel attention_backward_kernel{backward_rows,        key_block,     attention_supports,
                                                            backward_block_bytes, backward_pack, backward_run};
constexpr WeightGradientKernel weight_gradient_kernel{gradient_rows, gemm_columns, gradient_bytes, gradient_pack,
                                                      gradient_run};

bool processor_has_it() { return avx512() && __builtin_cpu_supports("avx512bf16"); }

}  // namespace

const char* bf16_missing() { return processor_has_it() ? "" : "this processor has no AVX-512 BF16"; }
const GemmKernel* bf16_gemm() { return processor_has_it() ? &gemm_kernel : nullptr; }
const AttentionKernel* bf16_attention() { return processor_has_it() ? &attention_kernel : nullptr; }
const WeightGradientKernel* bf16_weight_gradient() { return processor_has_it() ? &weight_gradient_kernel : nullptr; }
const AttentionBackwardKernel* bf16_attention_backward() {
  return processor_has_it() ? &attention_backward_kernel : nullptr;
}

}  // namespace streamtube::surrogate::cpu

#else

namespace streamtube::surrogate::cpu {
const char* bf16_missing() { return "not compiled in: the compiler does not target x86-64 with AVX-512 BF16"; }
const GemmKernel* bf16_gemm() { return nullptr; }
const AttentionKernel* bf16_attention() { return nullptr; }
const WeightGradientKernel* bf16_weight_gradient() { return nullptr; }
const AttentionBackwardKernel* bf16_attention_backward() { return nullptr; }
}  // namespace streamtube::surrogate::cpu

#endif
