#pragma once
// Tiles of vectors (vectors.hpp): linear layers and attention with float32 multiply-adds, for cpu_avx512.cpp and
// cpu_avx2.cpp, which are compiled for that instruction set alone of all sources and called only where the processor
// has it; empty elsewhere. Ends in make_vector_kernels(name).

#include <utility>

#include "surrogate/backends/cpu_kernels.hpp"
#include "surrogate/backends/vector_math.hpp"

#ifdef STREAMTUBE_VECTOR_LANES

namespace streamtube::surrogate::cpu {
namespace {

// Accumulators of a tile are two vectors wide and as high as the registers allow, 32 of AVX-512 and 16 of AVX2.
constexpr int tile_rows = lanes == 16 ? 12 : 6, tile_columns = 2 * lanes;

template <class T>
T& scratch() {
  return *static_cast<T*>(thread_scratch(sizeof(T)));
}

// ---- linear layers

constexpr int gemm_block = 48;

std::size_t gemm_panel_bytes(std::int64_t inner) {
  return static_cast<std::size_t>(inner) * tile_columns * sizeof(float);
}

void gemm_pack(const float* weight, std::int64_t columns, std::int64_t inner, bool transposed, std::int64_t panel,
               void* packed) {
  float* out = static_cast<float*>(packed);
  const std::int64_t first = panel * tile_columns;
  const Mask m0 = mask_of(columns - first), m1 = mask_of(columns - first - lanes);
  for (std::int64_t k = 0; k < inner; ++k, out += tile_columns) {
    const float* at = transposed ? weight + k * columns + first : weight + first * inner + k;
    store(out, transposed ? load_some(m0, at) : gather_some(m0, at, inner));
    at += transposed ? lanes : lanes * inner;
    store(out + lanes, transposed ? load_some(m1, at) : gather_some(m1, at, inner));
  }
}

template <int R>
void gemm_tile(const GemmDesc<float>& g, std::int64_t row, std::int64_t column, const float* panel) {
  // Loops over accumulators are unrolled here and below: otherwise these live on the stack before and after the sums.
  Floats sum[R][2];
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = zero();
  const float* x = g.x + row * g.inner;
  for (std::int64_t k = 0; k < g.inner; ++k) {
    const Floats b0 = load(panel + k * tile_columns), b1 = load(panel + k * tile_columns + lanes);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const Floats a = set1(x[r * g.inner + k]);
      sum[r][0] = fmadd(a, b0, sum[r][0]);
      sum[r][1] = fmadd(a, b1, sum[r][1]);
    }
  }
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    const std::int64_t c = column + half * lanes;
    if (c >= g.columns) break;
    const Mask mask = mask_of(g.columns - c);
    float* y = g.y + row * g.columns + c;
    const Floats bias = g.bias ? load_some(mask, g.bias + c) : zero(),
                 gate = g.gate ? load_some(mask, g.gate + c) : set1(1.0f);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      Floats value = add(sum[r][half], bias);
      if (g.epilogue == Epilogue::accumulate) value = add(mul(value, gate), load_some(mask, y + r * g.columns));
      store_some(y + r * g.columns, mask, value);
    }
    if (g.epilogue == Epilogue::gelu)
      for (int r = 0; r < R; ++r, y += g.columns) store_some(y, mask, gelu_ps(load_some(mask, y)));
  }
}

using GemmTile = void (*)(const GemmDesc<float>&, std::int64_t, std::int64_t, const float*);
struct GemmTiles {
  GemmTile of_rows[tile_rows + 1];
};
template <int... R>
constexpr GemmTiles gemm_tiles_of(std::integer_sequence<int, R...>) {
  return {{nullptr, gemm_tile<R + 1>...}};
}
constexpr GemmTiles gemm_tiles = gemm_tiles_of(std::make_integer_sequence<int, tile_rows>());

void gemm_run(const GemmDesc<float>& g, std::int64_t begin, std::int64_t end, const void* packed) {
  const std::int64_t panels = (g.columns + tile_columns - 1) / tile_columns;
  // Panels inside: they stream from the second cache in one line after the other, while a tile's rows stay in the
  // first.
  for (std::int64_t row = begin; row < end; row += tile_rows) {
    const GemmTile tile = gemm_tiles.of_rows[end - row < tile_rows ? end - row : tile_rows];
    for (std::int64_t p = 0; p < panels; ++p)
      tile(g, row, p * tile_columns, static_cast<const float*>(packed) + p * g.inner * tile_columns);
  }
}

// ---- attention: online softmax over blocks of 64 keys
// -------------------------------------------------------------------

constexpr int query_block = 96, key_block = 64, max_head = 128;
constexpr int row_vectors = key_block / lanes;  // of scores
// A row's running maximum may lag this much (powers of two) before its sums are rescaled: exact all the same.
constexpr float lag = 8.0f;

[[gnu::always_inline]] inline Floats highest(const Floats (&x)[row_vectors]) {
  Floats high = max(max(x[0], x[1]), max(x[2], x[3]));
  for (int z = 4; z < row_vectors; z += 2) high = max(high, max(x[z], x[z + 1]));
  return high;
}

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

// s [rows of a tile][64] = q [rows][head] kt [head][64], a tile's columns of keys at a time.
[[gnu::always_inline]] inline void scores(const float* q, const float* kt, int head, float* s) {
  for (int z = 0; z < key_block; z += tile_columns) {
    Floats sum[tile_rows][2];
    for (int r = 0; r < tile_rows; ++r) sum[r][0] = sum[r][1] = zero();
    const float* b = kt + z;
    for (int c = 0; c < head; ++c) {
      const Floats b0 = load(b + c * key_block), b1 = load(b + c * key_block + lanes);
#pragma GCC unroll 12
      for (int r = 0; r < tile_rows; ++r) {
        const Floats a = set1(q[r * head + c]);
        sum[r][0] = fmadd(a, b0, sum[r][0]);
        sum[r][1] = fmadd(a, b1, sum[r][1]);
      }
    }
    for (int r = 0; r < tile_rows; ++r) {
      store(s + r * key_block + z, sum[r][0]);
      store(s + r * key_block + z + lanes, sum[r][1]);
    }
  }
}

// o [R][.. Z vectors] += p [R][64] v [64][..]
template <int R, int Z>
[[gnu::always_inline]] inline void weighted_values(const float* p, const float* v, int head, float* o) {
  Floats sum[R][Z];
  for (int r = 0; r < R; ++r)
    for (int z = 0; z < Z; ++z) sum[r][z] = load(o + r * head + z * lanes);
  for (int j = 0; j < key_block; ++j) {
    Floats b[Z];
    for (int z = 0; z < Z; ++z) b[z] = load(v + j * head + z * lanes);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const Floats a = set1(p[r * key_block + j]);
      for (int z = 0; z < Z; ++z) sum[r][z] = fmadd(a, b[z], sum[r][z]);
    }
  }
  for (int r = 0; r < R; ++r)
    for (int z = 0; z < Z; ++z) store(o + r * head + z * lanes, sum[r][z]);
}

[[gnu::always_inline]] inline void values(const float* p, const float* v, int head, float* o) {
  int c = 0;
  if constexpr (lanes == 16)
    for (; c + 64 <= head; c += 64)
      for (int r = 0; r < tile_rows; r += 6) weighted_values<6, 4>(p + r * key_block, v + c, head, o + r * head + c);
  for (; c + tile_columns <= head; c += tile_columns) weighted_values<tile_rows, 2>(p, v + c, head, o + c);
  if constexpr (lanes == 16)  // heads are multiples of 16
    for (; c < head; c += lanes) weighted_values<tile_rows, 1>(p, v + c, head, o + c);
}

template <int Fixed>
void attention_part(const float* q, float* out, float* log_sum, int heads, std::int64_t stride, std::int64_t rows,
                    std::int64_t keys, int any_head, const void* packed) {
  const int head = Fixed ? Fixed : any_head;
  struct Scratch {
    alignas(64) float query[query_block * max_head], sum[query_block * max_head], s[tile_rows * key_block],
        total[query_block * lanes];
  };
  auto& [query, sum, s, total] = scratch<Scratch>();
  float maximum[query_block];
  const float scale = 1.44269504088896341f / __builtin_sqrtf(static_cast<float>(head));  // softmax in powers of two
  const std::int64_t tiles = (rows + tile_rows - 1) / tile_rows;
  for (std::int64_t r = 0; r < tiles * tile_rows; ++r) {
    for (int c = 0; c < head; ++c) {
      query[r * head + c] = r < rows ? q[r * stride + c] * scale : 0.0f;
      sum[r * head + c] = 0.0f;
    }
    for (int l = 0; l < lanes; ++l) total[r * lanes + l] = 0.0f;
    maximum[r] = -__builtin_inff();
  }
  const std::size_t block_floats = static_cast<std::size_t>(2) * key_block * head;
  for (std::int64_t first = 0, block = 0; first < keys; first += key_block, ++block) {
    const float* kt = static_cast<const float*>(packed) + block * block_floats;
    const float* v = kt + key_block * head;
    const std::int64_t count = keys - first;
    for (std::int64_t t = 0; t < tiles; ++t) {
      scores(query + t * tile_rows * head, kt, head, s);
      for (int r = 0; r < tile_rows; ++r) {
        const std::int64_t row = t * tile_rows + r;
        float* line = s + r * key_block;
        Floats x[row_vectors];
        for (int z = 0; z < row_vectors; ++z) x[z] = load(line + z * lanes);
        if (count < key_block)
          for (int z = 0; z < row_vectors; ++z) x[z] = blend(mask_of(count - z * lanes), set1(-__builtin_inff()), x[z]);
        const Floats high = highest(x);
        if (any_beyond(high, set1(maximum[row] + lag))) {
          const float now = highest_of(high);
          const Floats shrink = exp2_ps(set1(maximum[row] - now));
          maximum[row] = now;
          for (int c = 0; c < head; c += lanes) store(sum + row * head + c, mul(shrink, load(sum + row * head + c)));
          store(total + row * lanes, mul(shrink, load(total + row * lanes)));
        }
        const Floats m = set1(maximum[row]);
        Floats part = load(total + row * lanes);
        for (int z = 0; z < row_vectors; ++z) {
          const Floats p = exp2_ps(sub(x[z], m));
          store(line + z * lanes, p);
          part = add(part, p);
        }
        store(total + row * lanes, part);
      }
      values(s, v, head, sum + t * tile_rows * head);
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    const float sum_of_row = sum_of(load(total + r * lanes));
    const Floats inverse = set1(1.0f / sum_of_row);
    if (log_sum) log_sum[r * heads] = 0.69314718055994531f * maximum[r] + __builtin_logf(sum_of_row);
    for (int c = 0; c < head; c += lanes) store_any(out + r * stride + c, mul(inverse, load(sum + r * head + c)));
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
  Floats sum[R][Z];
  for (int r = 0; r < R; ++r)
    for (int z = 0; z < Z; ++z) sum[r][z] = load_any(out + r * head + z * lanes);
  for (int n = 0; n < rows; ++n) {
    Floats line[Z];
    for (int z = 0; z < Z; ++z) line[z] = load(b + n * head + z * lanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Floats x = set1(a[n * key_block + r]);
      for (int z = 0; z < Z; ++z) sum[r][z] = fmadd(x, line[z], sum[r][z]);
    }
  }
  for (int r = 0; r < R; ++r)
    for (int z = 0; z < Z; ++z) store_any(out + r * head + z * lanes, sum[r][z]);
}

[[gnu::always_inline]] inline void add_outer_block(const float* a, const float* b, int head, int rows, float* out) {
  constexpr int high = lanes == 16 ? 8 : 4;
  int c = 0;
  for (; c + tile_columns <= head; c += tile_columns)
    for (int j = 0; j < key_block; j += high) add_outer<high, 2>(a + j, b + c, head, rows, out + j * head + c);
  if constexpr (lanes == 16)
    for (; c < head; c += lanes)
      for (int j = 0; j < key_block; j += 16) add_outer<16, 1>(a + j, b + c, head, rows, out + j * head + c);
}

// Keys outside, queries inside: a block of keys with its dk and dv stays in the first cache while all queries at hand
// pass by. Fixed: the head's size where it is known, which leaves addresses to the instructions.
template <int Fixed>
void backward_part(const float* q, const float* dout, const float* log_sum, const float* delta, float* dq, int heads,
                   std::int64_t stride, int count, std::int64_t keys, int any_head, const float* packed, bool fresh,
                   float* dk, float* dv) {
  struct Scratch {
    alignas(64) float query[backward_part_rows * max_head], d[backward_part_rows * max_head],
        sum[backward_part_rows * max_head], p[backward_rows * key_block], ds[backward_rows * key_block];
  };
  auto& [query, d, sum, p, ds] = scratch<Scratch>();
  float high[backward_part_rows], shift[backward_part_rows];
  const int head = Fixed ? Fixed : any_head, padded = (count + tile_rows - 1) / tile_rows * tile_rows;
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
      for (int t = 0; t < rows; t += tile_rows) {
        scores(query + (begin + t) * head, kt, head, p + t * key_block);
        scores(d + (begin + t) * head, vt, head, ds + t * key_block);
        for (int r = t; r < t + tile_rows; ++r) {
          const Floats top = set1(high[begin + r]), offset = set1(shift[begin + r]);
          for (int z = 0; z < key_block; z += lanes) {
            float *weights = p + r * key_block + z, *adjoints = ds + r * key_block + z;
            Floats weight = exp2_ps(sub(load(weights), top));
            if (here < key_block) weight = keep(mask_of(here - z), weight);
            store(weights, weight);
            store(adjoints, mul(weight, sub(load(adjoints), offset)));
          }
        }
        values(ds + t * key_block, kp, head, sum + (begin + t) * head);
      }
      add_outer_block(p, d + begin * head, head, rows, dv + first * head);
      add_outer_block(ds, query + begin * head, head, rows, dk + first * head);
    }
  }
  for (int r = 0; r < count; ++r)
    for (int c = 0; c < head; c += lanes) store_any(dq + r * stride + c, mul(set1(scale), load(sum + r * head + c)));
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
  struct Scratch {
    alignas(64) float query[4][tangent_rows * max_head], sum[4][tangent_rows * max_head], s[4][tile_rows * key_block],
        total[4][tangent_rows * lanes];
  };
  auto& [query, sum, s, total] = scratch<Scratch>();
  float maximum[tangent_rows];
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(head));
  const std::int64_t tiles = (rows + tile_rows - 1) / tile_rows;
  for (std::int64_t r = 0; r < tiles * tile_rows; ++r) {
    for (int d = 0; d < 4; ++d) {
      const float factor = d == 0 ? log2e * scale : scale;
      for (int c = 0; c < head; ++c) {
        query[d][r * head + c] = r < rows ? q[d * step + r * stride + c] * factor : 0.0f;
        sum[d][r * head + c] = 0.0f;
      }
      for (int l = 0; l < lanes; ++l) total[d][r * lanes + l] = 0.0f;
    }
    maximum[r] = -__builtin_inff();
  }
  const std::size_t block_floats = static_cast<std::size_t>(2) * key_block * head;
  for (std::int64_t first = 0, block = 0; first < keys; first += key_block, ++block) {
    const float* kt = static_cast<const float*>(packed) + block * block_floats;
    const float* v = kt + key_block * head;
    const std::int64_t count = keys - first;
    for (std::int64_t t = 0; t < tiles; ++t) {
      for (int d = 0; d < 4; ++d) scores(query[d] + t * tile_rows * head, kt, head, s[d]);
      for (int r = 0; r < tile_rows; ++r) {
        const std::int64_t row = t * tile_rows + r;
        float* line = s[0] + r * key_block;
        Floats x[row_vectors];
        for (int z = 0; z < row_vectors; ++z) x[z] = load(line + z * lanes);
        if (count < key_block)
          for (int z = 0; z < row_vectors; ++z) x[z] = blend(mask_of(count - z * lanes), set1(-__builtin_inff()), x[z]);
        const Floats high = highest(x);
        if (any_beyond(high, set1(maximum[row] + lag))) {
          const float now = highest_of(high);
          const Floats shrink = exp2_ps(set1(maximum[row] - now));
          maximum[row] = now;
          for (int d = 0; d < 4; ++d) {
            for (int c = 0; c < head; c += lanes) {
              float* at = sum[d] + row * head + c;
              store(at, mul(shrink, load(at)));
            }
            store(total[d] + row * lanes, mul(shrink, load(total[d] + row * lanes)));
          }
        }
        const Floats m = set1(maximum[row]);
        Floats part[4];
        for (int d = 0; d < 4; ++d) part[d] = load(total[d] + row * lanes);
        for (int z = 0; z < row_vectors; ++z) {
          const Floats p = exp2_ps(sub(x[z], m));
          store(line + z * lanes, p);
          part[0] = add(part[0], p);
          for (int d = 1; d < 4; ++d) {
            float* at = s[d] + r * key_block + z * lanes;
            const Floats tilted = mul(p, load(at));
            store(at, tilted);
            part[d] = add(part[d], tilted);
          }
        }
        for (int d = 0; d < 4; ++d) store(total[d] + row * lanes, part[d]);
      }
      for (int d = 0; d < 4; ++d) values(s[d], v, head, sum[d] + t * tile_rows * head);
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    const float sum_of_row = sum_of(load(total[0] + r * lanes));
    const Floats inverse = set1(1.0f / sum_of_row);
    if (log_sum) log_sum[r * heads] = 0.69314718055994531f * maximum[r] + __builtin_logf(sum_of_row);
    for (int c = 0; c < head; c += lanes) store(sum[0] + r * head + c, mul(inverse, load(sum[0] + r * head + c)));
    for (int d = 0; d < 4; ++d) {
      const float tilt = d == 0 ? 0.0f : sum_of(load(total[d] + r * lanes)) / sum_of_row;
      if (d > 0 && mean) mean[(d - 1) * row_step + r * heads] = tilt;
      for (int c = 0; c < head; c += lanes) {
        const Floats value = load(sum[0] + r * head + c), own = load(sum[d] + r * head + c);
        store_any(out + d * step + r * stride + c, d == 0 ? value : fnmadd(set1(tilt), value, mul(inverse, own)));
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
  struct Scratch {
    alignas(64) float query[4][n * max_head], e[4][n * max_head], sum[4][n * max_head], s[4][n * key_block],
        a[4][n * key_block];
  };
  auto& [query, e, sum, s, a] = scratch<Scratch>();
  // Scores, then what dv is summed with; adjoints along the values, then what dq and dk are summed with.
  float high[n], shift[4][n], tilt[4][n];
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(head));
  const Floats natural = set1(1.0f / log2e);  // packed keys are for powers of two
  const std::size_t block_floats = static_cast<std::size_t>(3) * key_block * head;
  for (std::int64_t begin = 0; begin < rows; begin += n) {
    const int count = static_cast<int>(rows - begin < n ? rows - begin : n),
              padded = (count + tile_rows - 1) / tile_rows * tile_rows;
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
      for (int t = 0; t < padded; t += tile_rows) {
        for (int d = 0; d < 4; ++d) {
          scores(query[d] + t * head, kt, head, s[d] + t * key_block);
          scores(e[d] + t * head, vt, head, a[d] + t * key_block);
        }
        for (int r = t; r < t + tile_rows; ++r)
          for (int z = 0; z < key_block; z += lanes) {
            const int at = r * key_block + z;
            Floats p = exp2_ps(sub(load(s[0] + at), set1(high[r])));
            if (here < key_block) p = keep(mask_of(here - z), p);
            Floats ds = sub(load(a[0] + at), set1(shift[0][r]));
            for (int d = 1; d < 4; ++d) {
              const Floats tilted = fmsub(natural, load(s[d] + at), set1(tilt[d][r]));
              const Floats dt = sub(load(a[d] + at), set1(shift[d][r]));
              ds = fmadd(tilted, dt, ds);
              store(s[d] + at, mul(p, tilted));
              store(a[d] + at, mul(p, dt));
            }
            store(s[0] + at, p);
            store(a[0] + at, mul(p, ds));
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
        for (int c = 0; c < head; c += lanes)
          store_any(dq + d * step + (begin + r) * stride + c, mul(set1(scale), load(sum[d] + r * head + c)));
  }
}

// ---- adjoint of a linear layer in its weight: tiles over blocks of samples that stay in the second cache
// ------

constexpr int gradient_rows = 48, gradient_samples = 256, gradient_ahead = 16;

template <int R>
void gradient_tile(const float* dy, std::int64_t dy_stride, const float* x, std::int64_t x_stride, int samples,
                   float* out, Mask m0, Mask m1) {
  Floats sum[R][2];
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r) {
    sum[r][0] = load_some(m0, out + r * x_stride);
    sum[r][1] = load_some(m1, out + r * x_stride + lanes);
  }
  for (int n = 0; n < samples; ++n) {
    // Rows are far apart: the processor does not see by itself which lines come next.
    _mm_prefetch(x + gradient_ahead * x_stride, _MM_HINT_T0);
    _mm_prefetch(x + gradient_ahead * x_stride + 16, _MM_HINT_T0);
    _mm_prefetch(dy + gradient_ahead * dy_stride + R - 1, _MM_HINT_T0);
    const Floats b0 = load_some(m0, x), b1 = load_some(m1, x + lanes);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const Floats a = set1(dy[r]);
      sum[r][0] = fmadd(a, b0, sum[r][0]);
      sum[r][1] = fmadd(a, b1, sum[r][1]);
    }
    x += x_stride, dy += dy_stride;
  }
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r) {
    store_some(out + r * x_stride, m0, sum[r][0]);
    store_some(out + r * x_stride + lanes, m1, sum[r][1]);
  }
}

using GradientTile = void (*)(const float*, std::int64_t, const float*, std::int64_t, int, float*, Mask, Mask);
struct GradientTiles {
  GradientTile of_rows[tile_rows + 1];
};
template <int... R>
constexpr GradientTiles gradient_tiles_of(std::integer_sequence<int, R...>) {
  return {{nullptr, gradient_tile<R + 1>...}};
}
constexpr GradientTiles gradient_tiles = gradient_tiles_of(std::make_integer_sequence<int, tile_rows>());

void gradient_run(const WeightGradientDesc<float>& g, const void*, const void*, std::int64_t row_begin,
                  std::int64_t row_end, std::int64_t panel) {
  const std::int64_t column = panel * tile_columns;
  const Mask m0 = mask_of(g.inner - column), m1 = mask_of(g.inner - column - lanes);
  for (std::int64_t first = 0; first < g.samples; first += gradient_samples) {
    const int count = static_cast<int>(g.samples - first < gradient_samples ? g.samples - first : gradient_samples);
    for (std::int64_t row = row_begin; row < row_end; row += tile_rows)
      gradient_tiles.of_rows[row_end - row < tile_rows ? row_end - row : tile_rows](
          g.dy + first * g.columns + row, g.columns, g.x + first * g.inner + column, g.inner, count,
          g.dweight + row * g.inner + column, m0, m1);
  }
}

template <class F>
void map(std::int64_t n, F&& f) {
  for (std::int64_t i = 0; i < n; i += lanes) f(i, mask_of(n - i));
}

void gelu(const float* x, float* y, std::int64_t n) {
  map(n, [&](std::int64_t i, Mask m) { store_some(y + i, m, gelu_ps(load_some(m, x + i))); });
}
void gelu_backward(const float* x, const float* dy, float* dx, float* y, std::int64_t n) {
  map(n, [&](std::int64_t i, Mask m) {
    Floats value, derivative;
    gelu_with_derivative_ps(load_some(m, x + i), &value, &derivative);
    store_some(dx + i, m, mul(derivative, load_some(m, dy + i)));
    if (y) store_some(y + i, m, value);
  });
}
void gelu_tangents(const float* x, float* y, std::int64_t step, std::int64_t n) {
  map(n, [&](std::int64_t i, Mask m) {
    Floats value, derivative;
    gelu_with_derivative_ps(load_some(m, x + i), &value, &derivative);
    store_some(y + i, m, value);
    for (int d = 1; d < 4; ++d) {
      const std::int64_t at = d * step + i;
      store_some(y + at, m, mul(derivative, load_some(m, x + at)));
    }
  });
}
void gelu_tangents_backward(const float* x, const float* dy, float* dx, std::int64_t step, std::int64_t n) {
  map(n, [&](std::int64_t i, Mask m) {
    Floats value, derivative, second, along = zero();
    gelu_with_derivatives_ps(load_some(m, x + i), &value, &derivative, &second);
    for (int d = 1; d < 4; ++d) {
      const std::int64_t at = d * step + i;
      const Floats adjoint = load_some(m, dy + at);
      along = fmadd(load_some(m, x + at), adjoint, along);
      store_some(dx + at, m, mul(derivative, adjoint));
    }
    store_some(dx + i, m, fmadd(second, along, mul(derivative, load_some(m, dy + i))));
  });
}
void exp2(const float* x, float* y, std::int64_t n) {
  map(n, [&](std::int64_t i, Mask m) { store_some(y + i, m, exp2_ps(load_some(m, x + i))); });
}
void sincos(const float* x, float* sine, float* cosine, std::int64_t n) {
  map(n, [&](std::int64_t i, Mask m) {
    Floats s, c;
    sincos_ps(load_some(m, x + i), &s, &c);
    store_some(sine + i, m, s);
    store_some(cosine + i, m, c);
  });
}

constexpr VectorKernels make_vector_kernels(const char* name) {
  return {
      .name = name,
      .gemm = {name, gemm_block, tile_columns, gemm_panel_bytes, gemm_pack, gemm_run},
      .attention = {name, query_block, key_block, attention_supports, attention_block_bytes, attention_pack,
                    attention_run, true},
      .weight_gradient = {gradient_rows, tile_columns, nullptr, nullptr, gradient_run},
      .attention_backward = {tile_rows, key_block, attention_supports, backward_block_bytes, backward_pack,
                             backward_run},
      .attention_tangents = {tangent_rows, key_block, attention_supports, attention_block_bytes, attention_pack,
                             tangents_run},
      .attention_tangents_backward = {tangent_backward_rows, key_block, attention_supports, backward_block_bytes,
                                      backward_pack, tangents_backward_run},
      .gelu = gelu,
      .gelu_backward = gelu_backward,
      .gelu_tangents = gelu_tangents,
      .gelu_tangents_backward = gelu_tangents_backward,
      .exp2 = exp2,
      .sincos = sincos,
  };
}

}  // namespace
}  // namespace streamtube::surrogate::cpu

#endif
