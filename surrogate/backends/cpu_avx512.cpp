// AVX-512 tiles: linear layers and attention with float32 multiply-adds. Compiled for AVX-512 alone of all sources, and
// called only where the processor has it.

#include "surrogate/backends/cpu_kernels.hpp"

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)

#include "surrogate/backends/avx512_math.hpp"

namespace streamtube::surrogate::cpu {
namespace {

// ---- linear layers: 12 rows x 32 columns in 24 accumulators
// -----------------------------------------------------------

constexpr int gemm_rows = 12, gemm_columns = 32, gemm_block = 48;

std::size_t gemm_panel_bytes(std::int64_t inner) {
  return static_cast<std::size_t>(inner) * gemm_columns * sizeof(float);
}

void gemm_pack(const float* weight, std::int64_t columns, std::int64_t inner, bool transposed, std::int64_t panel,
               void* packed) {
  float* out = static_cast<float*>(packed);
  const std::int64_t first = panel * gemm_columns;
  const __mmask16 m0 = mask_of(columns - first), m1 = mask_of(columns - first - 16);
  const __m512i row = _mm512_mullo_epi32(_mm512_set1_epi32(static_cast<int>(inner)),
                                         _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  const __m512 zero = _mm512_setzero_ps();
  for (std::int64_t k = 0; k < inner; ++k, out += gemm_columns) {
    const float* at = transposed ? weight + k * columns + first : weight + first * inner + k;
    _mm512_store_ps(out, transposed ? _mm512_maskz_loadu_ps(m0, at) : _mm512_mask_i32gather_ps(zero, m0, row, at, 4));
    at += transposed ? 16 : 16 * inner;
    _mm512_store_ps(out + 16,
                    transposed ? _mm512_maskz_loadu_ps(m1, at) : _mm512_mask_i32gather_ps(zero, m1, row, at, 4));
  }
}

template <int R>
void gemm_tile(const GemmDesc<float>& g, std::int64_t row, std::int64_t column, const float* panel) {
  // Loops over accumulators are unrolled here and below: otherwise these live on the stack before and after the sums.
  __m512 sum[R][2];
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = _mm512_setzero_ps();
  const float* x = g.x + row * g.inner;
  for (std::int64_t k = 0; k < g.inner; ++k) {
    const __m512 b0 = _mm512_load_ps(panel + k * gemm_columns), b1 = _mm512_load_ps(panel + k * gemm_columns + 16);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const __m512 a = _mm512_set1_ps(x[r * g.inner + k]);
      sum[r][0] = _mm512_fmadd_ps(a, b0, sum[r][0]);
      sum[r][1] = _mm512_fmadd_ps(a, b1, sum[r][1]);
    }
  }
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    const std::int64_t c = column + half * 16;
    const __mmask16 mask = mask_of(g.columns - c);
    if (!mask) break;
    float* y = g.y + row * g.columns + c;
    const __m512 bias = g.bias ? _mm512_maskz_loadu_ps(mask, g.bias + c) : _mm512_setzero_ps(),
                 gate = g.gate ? _mm512_maskz_loadu_ps(mask, g.gate + c) : set1(1.0f);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      __m512 value = _mm512_add_ps(sum[r][half], bias);
      if (g.epilogue == Epilogue::accumulate)
        value = _mm512_add_ps(_mm512_mul_ps(value, gate), _mm512_maskz_loadu_ps(mask, y + r * g.columns));
      _mm512_mask_storeu_ps(y + r * g.columns, mask, value);
    }
    if (g.epilogue == Epilogue::gelu)
      for (int r = 0; r < R; ++r, y += g.columns)
        _mm512_mask_storeu_ps(y, mask, gelu_ps(_mm512_maskz_loadu_ps(mask, y)));
  }
}

using GemmTile = void (*)(const GemmDesc<float>&, std::int64_t, std::int64_t, const float*);
constexpr GemmTile gemm_tiles[gemm_rows + 1] = {nullptr,       gemm_tile<1>,  gemm_tile<2>, gemm_tile<3>, gemm_tile<4>,
                                                gemm_tile<5>,  gemm_tile<6>,  gemm_tile<7>, gemm_tile<8>, gemm_tile<9>,
                                                gemm_tile<10>, gemm_tile<11>, gemm_tile<12>};

void gemm_run(const GemmDesc<float>& g, std::int64_t begin, std::int64_t end, const void* packed) {
  const std::int64_t panels = (g.columns + gemm_columns - 1) / gemm_columns;
  // Panels inside: they stream from the second cache in one line after the other, while 12 rows stay in the first.
  for (std::int64_t row = begin; row < end; row += gemm_rows) {
    const GemmTile tile = gemm_tiles[end - row < gemm_rows ? end - row : gemm_rows];
    for (std::int64_t p = 0; p < panels; ++p)
      tile(g, row, p * gemm_columns, static_cast<const float*>(packed) + p * g.inner * gemm_columns);
  }
}

// ---- attention: online softmax over blocks of 64 keys
// -------------------------------------------------------------------

constexpr int query_block = 96, key_block = 64, query_tile = 12, max_head = 128;
// A row's running maximum may lag this much (powers of two) before its sums are rescaled: exact all the same.
constexpr float lag = 8.0f;

bool attention_supports(int head) { return head % 16 == 0 && head >= 16 && head <= max_head; }
std::size_t attention_block_bytes(int head) { return sizeof(float) * 2 * key_block * static_cast<std::size_t>(head); }

// Keys transposed [head][64], then values [64][head]; missing rows are zero.
void attention_pack(const float* k, const float* v, std::int64_t stride, std::int64_t count, int head, void* packed) {
  float *kt = static_cast<float*>(packed), *vp = kt + key_block * head;
  for (int c = 0; c < head; ++c)
    for (int j = 0; j < key_block; ++j) kt[c * key_block + j] = j < count ? k[j * stride + c] : 0.0f;
  for (int j = 0; j < key_block; ++j)
    for (int c = 0; c < head; ++c) vp[j * head + c] = j < count ? v[j * stride + c] : 0.0f;
}

// s [12][64] = q [12][head] kt [head][64], 32 keys at a time.
[[gnu::always_inline]] inline void scores(const float* q, const float* kt, int head, float* s) {
  for (int half = 0; half < 2; ++half) {
    __m512 sum[query_tile][2];
    for (int r = 0; r < query_tile; ++r) sum[r][0] = sum[r][1] = _mm512_setzero_ps();
    const float* b = kt + half * 32;
    for (int c = 0; c < head; ++c) {
      const __m512 b0 = _mm512_load_ps(b + c * key_block), b1 = _mm512_load_ps(b + c * key_block + 16);
#pragma GCC unroll 12
      for (int r = 0; r < query_tile; ++r) {
        const __m512 a = _mm512_set1_ps(q[r * head + c]);
        sum[r][0] = _mm512_fmadd_ps(a, b0, sum[r][0]);
        sum[r][1] = _mm512_fmadd_ps(a, b1, sum[r][1]);
      }
    }
    for (int r = 0; r < query_tile; ++r) {
      _mm512_store_ps(s + r * key_block + half * 32, sum[r][0]);
      _mm512_store_ps(s + r * key_block + half * 32 + 16, sum[r][1]);
    }
  }
}

// o [R][.. Z vectors] += p [R][64] v [64][..]
template <int R, int Z>
[[gnu::always_inline]] inline void weighted_values(const float* p, const float* v, int head, float* o) {
  __m512 sum[R][Z];
  for (int r = 0; r < R; ++r)
    for (int z = 0; z < Z; ++z) sum[r][z] = _mm512_load_ps(o + r * head + z * 16);
  for (int j = 0; j < key_block; ++j) {
    __m512 b[Z];
    for (int z = 0; z < Z; ++z) b[z] = _mm512_load_ps(v + j * head + z * 16);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const __m512 a = _mm512_set1_ps(p[r * key_block + j]);
      for (int z = 0; z < Z; ++z) sum[r][z] = _mm512_fmadd_ps(a, b[z], sum[r][z]);
    }
  }
  for (int r = 0; r < R; ++r)
    for (int z = 0; z < Z; ++z) _mm512_store_ps(o + r * head + z * 16, sum[r][z]);
}

[[gnu::always_inline]] inline void values(const float* p, const float* v, int head, float* o) {
  int c = 0;
  for (; c + 64 <= head; c += 64)
    for (int r = 0; r < query_tile; r += 6) weighted_values<6, 4>(p + r * key_block, v + c, head, o + r * head + c);
  for (; c + 32 <= head; c += 32) weighted_values<query_tile, 2>(p, v + c, head, o + c);
  for (; c < head; c += 16) weighted_values<query_tile, 1>(p, v + c, head, o + c);
}

template <int Fixed>
void attention_part(const float* q, float* out, float* log_sum, int heads, std::int64_t stride, std::int64_t rows,
                    std::int64_t keys, int any_head, const void* packed) {
  const int head = Fixed ? Fixed : any_head;
  alignas(64) static thread_local float query[query_block * max_head], sum[query_block * max_head];
  alignas(64) static thread_local float s[query_tile * key_block], total[query_block * 16];
  float maximum[query_block];
  const float scale = 1.44269504088896341f / __builtin_sqrtf(static_cast<float>(head));  // softmax in powers of two
  const std::int64_t tiles = (rows + query_tile - 1) / query_tile;
  for (std::int64_t r = 0; r < tiles * query_tile; ++r) {
    for (int c = 0; c < head; ++c) {
      query[r * head + c] = r < rows ? q[r * stride + c] * scale : 0.0f;
      sum[r * head + c] = 0.0f;
    }
    for (int l = 0; l < 16; ++l) total[r * 16 + l] = 0.0f;
    maximum[r] = -__builtin_inff();
  }
  const std::size_t block_floats = static_cast<std::size_t>(2) * key_block * head;
  for (std::int64_t first = 0, block = 0; first < keys; first += key_block, ++block) {
    const float* kt = static_cast<const float*>(packed) + block * block_floats;
    const float* v = kt + key_block * head;
    const std::int64_t count = keys - first;
    for (std::int64_t t = 0; t < tiles; ++t) {
      scores(query + t * query_tile * head, kt, head, s);
      for (int r = 0; r < query_tile; ++r) {
        const std::int64_t row = t * query_tile + r;
        float* line = s + r * key_block;
        __m512 x[4];
        for (int z = 0; z < 4; ++z) x[z] = _mm512_load_ps(line + z * 16);
        if (count < key_block)
          for (int z = 0; z < 4; ++z)
            x[z] = _mm512_mask_blend_ps(mask_of(count - z * 16), set1(-__builtin_inff()), x[z]);
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
          const __m512 p = exp2_ps(_mm512_sub_ps(x[z], m));
          _mm512_store_ps(line + z * 16, p);
          part = _mm512_add_ps(part, p);
        }
        _mm512_store_ps(total + row * 16, part);
      }
      values(s, v, head, sum + t * query_tile * head);
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    const float sum_of_row = _mm512_reduce_add_ps(_mm512_load_ps(total + r * 16));
    const __m512 inverse = set1(1.0f / sum_of_row);
    if (log_sum) log_sum[r * heads] = 0.69314718055994531f * maximum[r] + __builtin_logf(sum_of_row);
    for (int c = 0; c < head; c += 16)
      _mm512_storeu_ps(out + r * stride + c, _mm512_mul_ps(inverse, _mm512_load_ps(sum + r * head + c)));
  }
}

void attention_run(const float* q, float* out, float* log_sum, int heads, std::int64_t stride, std::int64_t rows,
                   std::int64_t keys, int head, const void* packed) {
  const auto part = head == 32 ? attention_part<32> : head == 64 ? attention_part<64> : attention_part<0>;
  part(q, out, log_sum, heads, stride, rows, keys, head, packed);
}

// ---- adjoint of attention: blocks of 48 queries by 64 keys
// -----------------------------------------------------------

constexpr int backward_rows = 48, backward_part_rows = 6 * backward_rows;

std::size_t backward_block_bytes(int head) { return sizeof(float) * 3 * key_block * static_cast<std::size_t>(head); }

constexpr float log2e = 1.44269504088896341f;

// Keys transposed [head][64], for scores in powers of two; values transposed [head][64]; keys [64][head].
void backward_pack(const float* k, const float* v, std::int64_t stride, std::int64_t count, int head, void* packed) {
  float *kt = static_cast<float*>(packed), *vt = kt + key_block * head, *kp = vt + key_block * head;
  for (int c = 0; c < head; ++c)
    for (int j = 0; j < key_block; ++j) {
      kt[c * key_block + j] = j < count ? log2e * k[j * stride + c] : 0.0f;
      vt[c * key_block + j] = j < count ? v[j * stride + c] : 0.0f;
    }
  for (int j = 0; j < key_block; ++j)
    for (int c = 0; c < head; ++c) kp[j * head + c] = j < count ? k[j * stride + c] : 0.0f;
}

// out [R][.. Z vectors] += a^T b over `rows` rows: a [rows][64], b [rows][head].
template <int R, int Z>
[[gnu::always_inline]] inline void add_outer(const float* a, const float* b, int head, int rows, float* out) {
  __m512 sum[R][Z];
  for (int r = 0; r < R; ++r)
    for (int z = 0; z < Z; ++z) sum[r][z] = _mm512_loadu_ps(out + r * head + z * 16);
  for (int n = 0; n < rows; ++n) {
    __m512 line[Z];
    for (int z = 0; z < Z; ++z) line[z] = _mm512_load_ps(b + n * head + z * 16);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const __m512 x = _mm512_set1_ps(a[n * key_block + r]);
      for (int z = 0; z < Z; ++z) sum[r][z] = _mm512_fmadd_ps(x, line[z], sum[r][z]);
    }
  }
  for (int r = 0; r < R; ++r)
    for (int z = 0; z < Z; ++z) _mm512_storeu_ps(out + r * head + z * 16, sum[r][z]);
}

[[gnu::always_inline]] inline void add_outer_block(const float* a, const float* b, int head, int rows, float* out) {
  int c = 0;
  for (; c + 32 <= head; c += 32)
    for (int j = 0; j < key_block; j += 8) add_outer<8, 2>(a + j, b + c, head, rows, out + j * head + c);
  for (; c < head; c += 16)
    for (int j = 0; j < key_block; j += 16) add_outer<16, 1>(a + j, b + c, head, rows, out + j * head + c);
}

// Keys outside, queries inside: a block of keys with its dk and dv stays in the first cache while all queries at hand
// pass by. Fixed: the head's size where it is known, which leaves addresses to the instructions.
template <int Fixed>
void backward_part(const float* q, const float* dout, const float* log_sum, const float* delta, float* dq, int heads,
                   std::int64_t stride, int count, std::int64_t keys, int any_head, const float* packed, bool fresh,
                   float* dk, float* dv) {
  alignas(64) static thread_local float query[backward_part_rows * max_head], d[backward_part_rows * max_head],
      sum[backward_part_rows * max_head], p[backward_rows * key_block], ds[backward_rows * key_block];
  float high[backward_part_rows], shift[backward_part_rows];
  const int head = Fixed ? Fixed : any_head, padded = (count + query_tile - 1) / query_tile * query_tile;
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(head));
  for (int r = 0; r < padded; ++r) {
    for (int c = 0; c < head; ++c) {
      query[r * head + c] = r < count ? q[r * stride + c] * scale : 0.0f;
      d[r * head + c] = r < count ? dout[r * stride + c] : 0.0f;
      sum[r * head + c] = 0.0f;
    }
    high[r] = r < count ? log2e * log_sum[r * heads] : 0.0f;
    shift[r] = r < count ? delta[r * heads] : 0.0f;
  }
  for (std::int64_t first = 0; first < keys; first += key_block) {
    const float *kt = packed + first * 3 * head, *vt = kt + key_block * head, *kp = vt + key_block * head;
    const std::int64_t here = keys - first;
    if (fresh)  // here, where they are about to be in the first cache anyway
      for (int i = 0; i < key_block * head; ++i) dk[first * head + i] = dv[first * head + i] = 0.0f;
    for (int begin = 0; begin < padded; begin += backward_rows) {
      const int rows = padded - begin < backward_rows ? padded - begin : backward_rows;
      for (int t = 0; t < rows; t += query_tile) {
        scores(query + (begin + t) * head, kt, head, p + t * key_block);
        scores(d + (begin + t) * head, vt, head, ds + t * key_block);
        for (int r = t; r < t + query_tile; ++r) {
          const __m512 top = set1(high[begin + r]), offset = set1(shift[begin + r]);
          for (int z = 0; z < key_block; z += 16) {
            float *weights = p + r * key_block + z, *adjoints = ds + r * key_block + z;
            __m512 weight = exp2_ps(_mm512_sub_ps(_mm512_load_ps(weights), top));
            if (here < key_block) weight = _mm512_maskz_mov_ps(mask_of(here - z), weight);
            _mm512_store_ps(weights, weight);
            _mm512_store_ps(adjoints, _mm512_mul_ps(weight, _mm512_sub_ps(_mm512_load_ps(adjoints), offset)));
          }
        }
        values(ds + t * key_block, kp, head, sum + (begin + t) * head);
      }
      add_outer_block(p, d + begin * head, head, rows, dv + first * head);
      add_outer_block(ds, query + begin * head, head, rows, dk + first * head);
    }
  }
  for (int r = 0; r < count; ++r)
    for (int c = 0; c < head; c += 16)
      _mm512_storeu_ps(dq + r * stride + c, _mm512_mul_ps(set1(scale), _mm512_load_ps(sum + r * head + c)));
}

void backward_run(const float* q, const float* dout, const float* log_sum, const float* delta, float* dq, int heads,
                  std::int64_t stride, std::int64_t rows, std::int64_t keys, int head, const void* packed, float* dk,
                  float* dv) {
  const auto part = head == 32 ? backward_part<32> : head == 64 ? backward_part<64> : backward_part<0>;
  for (std::int64_t begin = 0; begin < rows; begin += backward_part_rows) {
    const std::int64_t at = begin * stride, per_row = begin * heads, count = rows - begin;
    part(q + at, dout + at, log_sum + per_row, delta + per_row, dq + at, heads, stride,
         static_cast<int>(count < backward_part_rows ? count : backward_part_rows), keys, head,
         static_cast<const float*>(packed), begin == 0, dk, dv);
  }
}

// ---- attention with derivatives along three axes: as above, with four sets of scores and sums a tile
// ----------------------------------------------------------------------------------------------------

constexpr int tangent_rows = 48;

void tangents_run(const float* q, float* out, float* log_sum, float* mean, int heads, std::int64_t stride,
                  std::int64_t step, std::int64_t row_step, std::int64_t rows, std::int64_t keys, int head,
                  const void* packed) {
  alignas(64) static thread_local float query[4][tangent_rows * max_head], sum[4][tangent_rows * max_head];
  alignas(64) static thread_local float s[4][query_tile * key_block], total[4][tangent_rows * 16];
  float maximum[tangent_rows];
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(head));
  const std::int64_t tiles = (rows + query_tile - 1) / query_tile;
  for (std::int64_t r = 0; r < tiles * query_tile; ++r) {
    for (int d = 0; d < 4; ++d) {
      const float factor = d == 0 ? log2e * scale : scale;
      for (int c = 0; c < head; ++c) {
        query[d][r * head + c] = r < rows ? q[d * step + r * stride + c] * factor : 0.0f;
        sum[d][r * head + c] = 0.0f;
      }
      for (int l = 0; l < 16; ++l) total[d][r * 16 + l] = 0.0f;
    }
    maximum[r] = -__builtin_inff();
  }
  const std::size_t block_floats = static_cast<std::size_t>(2) * key_block * head;
  for (std::int64_t first = 0, block = 0; first < keys; first += key_block, ++block) {
    const float* kt = static_cast<const float*>(packed) + block * block_floats;
    const float* v = kt + key_block * head;
    const std::int64_t count = keys - first;
    for (std::int64_t t = 0; t < tiles; ++t) {
      for (int d = 0; d < 4; ++d) scores(query[d] + t * query_tile * head, kt, head, s[d]);
      for (int r = 0; r < query_tile; ++r) {
        const std::int64_t row = t * query_tile + r;
        float* line = s[0] + r * key_block;
        __m512 x[4];
        for (int z = 0; z < 4; ++z) x[z] = _mm512_load_ps(line + z * 16);
        if (count < key_block)
          for (int z = 0; z < 4; ++z)
            x[z] = _mm512_mask_blend_ps(mask_of(count - z * 16), set1(-__builtin_inff()), x[z]);
        const __m512 high = _mm512_max_ps(_mm512_max_ps(x[0], x[1]), _mm512_max_ps(x[2], x[3]));
        if (_mm512_cmp_ps_mask(high, set1(maximum[row] + lag), _CMP_NLE_UQ)) {
          const float now = _mm512_reduce_max_ps(high);
          const __m512 shrink = exp2_ps(set1(maximum[row] - now));
          maximum[row] = now;
          for (int d = 0; d < 4; ++d) {
            for (int c = 0; c < head; c += 16) {
              float* at = sum[d] + row * head + c;
              _mm512_store_ps(at, _mm512_mul_ps(shrink, _mm512_load_ps(at)));
            }
            _mm512_store_ps(total[d] + row * 16, _mm512_mul_ps(shrink, _mm512_load_ps(total[d] + row * 16)));
          }
        }
        const __m512 m = set1(maximum[row]);
        __m512 part[4];
        for (int d = 0; d < 4; ++d) part[d] = _mm512_load_ps(total[d] + row * 16);
        for (int z = 0; z < 4; ++z) {
          const __m512 p = exp2_ps(_mm512_sub_ps(x[z], m));
          _mm512_store_ps(line + z * 16, p);
          part[0] = _mm512_add_ps(part[0], p);
          for (int d = 1; d < 4; ++d) {
            float* at = s[d] + r * key_block + z * 16;
            const __m512 tilted = _mm512_mul_ps(p, _mm512_load_ps(at));
            _mm512_store_ps(at, tilted);
            part[d] = _mm512_add_ps(part[d], tilted);
          }
        }
        for (int d = 0; d < 4; ++d) _mm512_store_ps(total[d] + row * 16, part[d]);
      }
      for (int d = 0; d < 4; ++d) values(s[d], v, head, sum[d] + t * query_tile * head);
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    const float sum_of_row = _mm512_reduce_add_ps(_mm512_load_ps(total[0] + r * 16));
    const __m512 inverse = set1(1.0f / sum_of_row);
    if (log_sum) log_sum[r * heads] = 0.69314718055994531f * maximum[r] + __builtin_logf(sum_of_row);
    for (int c = 0; c < head; c += 16)
      _mm512_store_ps(sum[0] + r * head + c, _mm512_mul_ps(inverse, _mm512_load_ps(sum[0] + r * head + c)));
    for (int d = 0; d < 4; ++d) {
      const float tilt = d == 0 ? 0.0f : _mm512_reduce_add_ps(_mm512_load_ps(total[d] + r * 16)) / sum_of_row;
      if (d > 0 && mean) mean[(d - 1) * row_step + r * heads] = tilt;
      for (int c = 0; c < head; c += 16) {
        const __m512 value = _mm512_load_ps(sum[0] + r * head + c), own = _mm512_load_ps(sum[d] + r * head + c);
        _mm512_storeu_ps(out + d * step + r * stride + c,
                         d == 0 ? value : _mm512_fnmadd_ps(set1(tilt), value, _mm512_mul_ps(inverse, own)));
      }
    }
  }
}

constexpr int tangent_backward_rows = 24;

void tangents_backward_run(const float* q, const float* dout, const float* log_sum, const float* mean,
                           const float* delta, const float* through, float* dq, int heads, std::int64_t stride,
                           std::int64_t step, std::int64_t row_step, std::int64_t rows, std::int64_t keys, int head,
                           const void* packed, float* dk, float* dv) {
  constexpr int n = tangent_backward_rows;
  alignas(64) static thread_local float query[4][n * max_head], e[4][n * max_head], sum[4][n * max_head];
  // Scores, then what dv is summed with; adjoints along the values, then what dq and dk are summed with.
  alignas(64) static thread_local float s[4][n * key_block], a[4][n * key_block];
  float high[n], shift[4][n], tilt[4][n];
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(head));
  const __m512 natural = set1(1.0f / log2e);  // packed keys are for powers of two
  const std::size_t block_floats = static_cast<std::size_t>(3) * key_block * head;
  for (std::int64_t begin = 0; begin < rows; begin += n) {
    const int count = static_cast<int>(rows - begin < n ? rows - begin : n),
              padded = (count + query_tile - 1) / query_tile * query_tile;
    for (int r = 0; r < padded; ++r) {
      const bool used = r < count;
      const std::int64_t at = (begin + r) * stride, per_row = (begin + r) * heads;
      for (int d = 0; d < 4; ++d) {
        for (int c = 0; c < head; ++c) {
          query[d][r * head + c] = used ? q[d * step + at + c] * scale : 0.0f;
          e[d][r * head + c] = used ? dout[d * step + at + c] : 0.0f;
          sum[d][r * head + c] = 0.0f;
        }
        shift[d][r] = !used ? 0.0f : d == 0 ? delta[per_row] : through[(d - 1) * row_step + per_row];
        tilt[d][r] = !used || d == 0 ? 0.0f : mean[(d - 1) * row_step + per_row];
      }
      high[r] = used ? log2e * log_sum[per_row] : 0.0f;
    }
    for (std::int64_t first = 0, block = 0; first < keys; first += key_block, ++block) {
      const float* kt = static_cast<const float*>(packed) + block * block_floats;
      const float *vt = kt + key_block * head, *kp = vt + key_block * head;
      const std::int64_t here = keys - first;
      for (int t = 0; t < padded; t += query_tile) {
        for (int d = 0; d < 4; ++d) {
          scores(query[d] + t * head, kt, head, s[d] + t * key_block);
          scores(e[d] + t * head, vt, head, a[d] + t * key_block);
        }
        for (int r = t; r < t + query_tile; ++r)
          for (int z = 0; z < key_block; z += 16) {
            const int at = r * key_block + z;
            __m512 p = exp2_ps(_mm512_sub_ps(_mm512_load_ps(s[0] + at), set1(high[r])));
            if (here < key_block) p = _mm512_maskz_mov_ps(mask_of(here - z), p);
            __m512 ds = _mm512_sub_ps(_mm512_load_ps(a[0] + at), set1(shift[0][r]));
            for (int d = 1; d < 4; ++d) {
              const __m512 tilted = _mm512_fmsub_ps(natural, _mm512_load_ps(s[d] + at), set1(tilt[d][r]));
              const __m512 dt = _mm512_sub_ps(_mm512_load_ps(a[d] + at), set1(shift[d][r]));
              ds = _mm512_fmadd_ps(tilted, dt, ds);
              _mm512_store_ps(s[d] + at, _mm512_mul_ps(p, tilted));
              _mm512_store_ps(a[d] + at, _mm512_mul_ps(p, dt));
            }
            _mm512_store_ps(s[0] + at, p);
            _mm512_store_ps(a[0] + at, _mm512_mul_ps(p, ds));
          }
        for (int d = 0; d < 4; ++d) values(a[d] + t * key_block, kp, head, sum[d] + t * head);
      }
      for (int d = 0; d < 4; ++d) {
        add_outer_block(s[d], e[d], head, padded, dv + first * head);
        add_outer_block(a[d], query[d], head, padded, dk + first * head);
      }
    }
    for (int r = 0; r < count; ++r)
      for (int d = 0; d < 4; ++d)
        for (int c = 0; c < head; c += 16)
          _mm512_storeu_ps(dq + d * step + (begin + r) * stride + c,
                           _mm512_mul_ps(set1(scale), _mm512_load_ps(sum[d] + r * head + c)));
  }
}

// ---- adjoint of a linear layer in its weight: 12 x 32 tiles over blocks of samples that stay in the second cache
// ------

constexpr int gradient_rows = 48, gradient_samples = 256, gradient_ahead = 16;

template <int R>
void gradient_tile(const float* dy, std::int64_t dy_stride, const float* x, std::int64_t x_stride, int samples,
                   float* out, __mmask16 m0, __mmask16 m1) {
  __m512 sum[R][2];
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r) {
    sum[r][0] = _mm512_maskz_loadu_ps(m0, out + r * x_stride);
    sum[r][1] = _mm512_maskz_loadu_ps(m1, out + r * x_stride + 16);
  }
  for (int n = 0; n < samples; ++n) {
    // Rows are far apart: the processor does not see by itself which lines come next.
    _mm_prefetch(x + gradient_ahead * x_stride, _MM_HINT_T0);
    _mm_prefetch(x + gradient_ahead * x_stride + 16, _MM_HINT_T0);
    _mm_prefetch(dy + gradient_ahead * dy_stride + R - 1, _MM_HINT_T0);
    const __m512 b0 = _mm512_maskz_loadu_ps(m0, x), b1 = _mm512_maskz_loadu_ps(m1, x + 16);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const __m512 a = _mm512_set1_ps(dy[r]);
      sum[r][0] = _mm512_fmadd_ps(a, b0, sum[r][0]);
      sum[r][1] = _mm512_fmadd_ps(a, b1, sum[r][1]);
    }
    x += x_stride, dy += dy_stride;
  }
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r) {
    _mm512_mask_storeu_ps(out + r * x_stride, m0, sum[r][0]);
    _mm512_mask_storeu_ps(out + r * x_stride + 16, m1, sum[r][1]);
  }
}

using GradientTile = void (*)(const float*, std::int64_t, const float*, std::int64_t, int, float*, __mmask16,
                              __mmask16);
constexpr GradientTile gradient_tiles[gemm_rows + 1] = {
    nullptr,           gradient_tile<1>,  gradient_tile<2>, gradient_tile<3>, gradient_tile<4>,
    gradient_tile<5>,  gradient_tile<6>,  gradient_tile<7>, gradient_tile<8>, gradient_tile<9>,
    gradient_tile<10>, gradient_tile<11>, gradient_tile<12>};

void gradient_run(const WeightGradientDesc<float>& g, const void*, const void*, std::int64_t row_begin,
                  std::int64_t row_end, std::int64_t panel) {
  const std::int64_t column = panel * gemm_columns;
  const __mmask16 m0 = mask_of(g.inner - column), m1 = mask_of(g.inner - column - 16);
  for (std::int64_t first = 0; first < g.samples; first += gradient_samples) {
    const int count = static_cast<int>(g.samples - first < gradient_samples ? g.samples - first : gradient_samples);
    for (std::int64_t row = row_begin; row < row_end; row += gemm_rows)
      gradient_tiles[row_end - row < gemm_rows ? row_end - row : gemm_rows](
          g.dy + first * g.columns + row, g.columns, g.x + first * g.inner + column, g.inner, count,
          g.dweight + row * g.inner + column, m0, m1);
  }
}

constexpr GemmKernel gemm_kernel{"avx512", gemm_block, gemm_columns, gemm_panel_bytes, gemm_pack, gemm_run};
constexpr AttentionKernel attention_kernel{
    "avx512", query_block, key_block, attention_supports, attention_block_bytes, attention_pack, attention_run, true};
constexpr AttentionBackwardKernel attention_backward_kernel{query_tile,           key_block,     attention_supports,
                                                            backward_block_bytes, backward_pack, backward_run};
constexpr AttentionTangentsKernel tangents_kernel{tangent_rows,          key_block,      attention_supports,
                                                  attention_block_bytes, attention_pack, tangents_run};
constexpr AttentionTangentsBackwardKernel tangents_backward_kernel{
    tangent_backward_rows, key_block, attention_supports, backward_block_bytes, backward_pack, tangents_backward_run};
constexpr WeightGradientKernel weight_gradient_kernel{gradient_rows, gemm_columns, nullptr, nullptr, gradient_run};

bool processor_has_it() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

template <class F>
void map(std::int64_t n, F&& f) {
  for (std::int64_t i = 0; i < n; i += 16) f(i, mask_of(n - i));
}

}  // namespace

const char* avx512_missing() { return processor_has_it() ? "" : "this processor has no AVX-512"; }
const GemmKernel* avx512_gemm() { return processor_has_it() ? &gemm_kernel : nullptr; }
const AttentionKernel* avx512_attention() { return processor_has_it() ? &attention_kernel : nullptr; }
const WeightGradientKernel* avx512_weight_gradient() { return processor_has_it() ? &weight_gradient_kernel : nullptr; }
const AttentionBackwardKernel* avx512_attention_backward() {
  return processor_has_it() ? &attention_backward_kernel : nullptr;
}
const AttentionTangentsKernel* avx512_attention_tangents() { return processor_has_it() ? &tangents_kernel : nullptr; }
const AttentionTangentsBackwardKernel* avx512_attention_tangents_backward() {
  return processor_has_it() ? &tangents_backward_kernel : nullptr;
}

void avx512_gelu(const float* x, float* y, std::int64_t n) {
  map(n,
      [&](std::int64_t i, __mmask16 m) { _mm512_mask_storeu_ps(y + i, m, gelu_ps(_mm512_maskz_loadu_ps(m, x + i))); });
}
void avx512_gelu_backward(const float* x, const float* dy, float* dx, float* y, std::int64_t n) {
  map(n, [&](std::int64_t i, __mmask16 m) {
    __m512 value, derivative;
    gelu_with_derivative_ps(_mm512_maskz_loadu_ps(m, x + i), &value, &derivative);
    _mm512_mask_storeu_ps(dx + i, m, _mm512_mul_ps(derivative, _mm512_maskz_loadu_ps(m, dy + i)));
    if (y) _mm512_mask_storeu_ps(y + i, m, value);
  });
}
void avx512_gelu_tangents(const float* x, float* y, std::int64_t step, std::int64_t n) {
  map(n, [&](std::int64_t i, __mmask16 m) {
    __m512 value, derivative;
    gelu_with_derivative_ps(_mm512_maskz_loadu_ps(m, x + i), &value, &derivative);
    _mm512_mask_storeu_ps(y + i, m, value);
    for (int d = 1; d < 4; ++d) {
      const std::int64_t at = d * step + i;
      _mm512_mask_storeu_ps(y + at, m, _mm512_mul_ps(derivative, _mm512_maskz_loadu_ps(m, x + at)));
    }
  });
}
void avx512_gelu_tangents_backward(const float* x, const float* dy, float* dx, std::int64_t step, std::int64_t n) {
  map(n, [&](std::int64_t i, __mmask16 m) {
    __m512 value, derivative, second, along = _mm512_setzero_ps();
    gelu_with_derivatives_ps(_mm512_maskz_loadu_ps(m, x + i), &value, &derivative, &second);
    for (int d = 1; d < 4; ++d) {
      const std::int64_t at = d * step + i;
      const __m512 adjoint = _mm512_maskz_loadu_ps(m, dy + at);
      along = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(m, x + at), adjoint, along);
      _mm512_mask_storeu_ps(dx + at, m, _mm512_mul_ps(derivative, adjoint));
    }
    _mm512_mask_storeu_ps(dx + i, m,
                          _mm512_fmadd_ps(second, along, _mm512_mul_ps(derivative, _mm512_maskz_loadu_ps(m, dy + i))));
  });
}
void avx512_exp2(const float* x, float* y, std::int64_t n) {
  map(n,
      [&](std::int64_t i, __mmask16 m) { _mm512_mask_storeu_ps(y + i, m, exp2_ps(_mm512_maskz_loadu_ps(m, x + i))); });
}
void avx512_sincos(const float* x, float* sine, float* cosine, std::int64_t n) {
  map(n, [&](std::int64_t i, __mmask16 m) {
    __m512 s, c;
    sincos_ps(_mm512_maskz_loadu_ps(m, x + i), &s, &c);
    _mm512_mask_storeu_ps(sine + i, m, s);
    _mm512_mask_storeu_ps(cosine + i, m, c);
  });
}

}  // namespace streamtube::surrogate::cpu

#else

namespace streamtube::surrogate::cpu {
const char* avx512_missing() { return "not compiled in: the compiler does not target x86-64 with AVX-512"; }
const GemmKernel* avx512_gemm() { return nullptr; }
const AttentionKernel* avx512_attention() { return nullptr; }
const WeightGradientKernel* avx512_weight_gradient() { return nullptr; }
const AttentionBackwardKernel* avx512_attention_backward() { return nullptr; }
const AttentionTangentsKernel* avx512_attention_tangents() { return nullptr; }
const AttentionTangentsBackwardKernel* avx512_attention_tangents_backward() { return nullptr; }
void avx512_gelu(const float*, float*, std::int64_t) {}
void avx512_gelu_backward(const float*, const float*, float*, float*, std::int64_t) {}
void avx512_gelu_tangents(const float*, float*, std::int64_t, std::int64_t) {}
void avx512_gelu_tangents_backward(const float*, const float*, float*, std::int64_t, std::int64_t) {}
void avx512_exp2(const float*, float*, std::int64_t) {}
void avx512_sincos(const float*, float*, float*, std::int64_t) {}
}  // namespace streamtube::surrogate::cpu

#endif
