// AMX tiles: float32 products out of bfloat16 ones (see cpu_kernels.hpp). Compiled for AMX alone of all sources, and
// called only where the processor and the kernel offer it.

#include "surrogate/backends/cpu_kernels.hpp"

#if defined(__AMX_TILE__) && defined(__AMX_BF16__) && defined(__AVX512BF16__) && defined(__linux__)

#include <sys/syscall.h>
#include <unistd.h>

#include "surrogate/backends/vector_math.hpp"

namespace streamtube::surrogate::cpu {
namespace {

using Part = unsigned short;  // a bfloat16
constexpr int parts = 3;      // of one float32
constexpr int tile_rows = 16, tile_bytes = 1024, tile_parts = 512;
// Products (part of the left, part of the right), the smallest first; the left one changes least often.
// Left out: those below 2^-26 of the whole.

struct alignas(64) TileConfig {
  unsigned char palette = 1, start_row = 0, reserved[14] = {};
  unsigned short row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  unsigned char rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

void configure_tiles() {
  static const TileConfig config;  // in memory for good: GCC's intrinsic only claims to read the first word
  _tile_loadconfig(&config);
}

inline __m256i round_part(__m512 x) { return (__m256i)_mm512_cvtneps_pbh(x); }
inline __m512 widen(__m256i part) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(part), 16)); }

// x = part[0] + part[1] + part[2] up to 2^-26, rounded to nearest each time.
inline void split(__m512 x, __m256i part[parts]) {
  part[0] = round_part(x);
  x = _mm512_sub_ps(x, widen(part[0]));
  part[1] = round_part(x);
  x = _mm512_sub_ps(x, widen(part[1]));
  part[2] = round_part(x);
}

// 32 floats at `x` (columns beyond `count` are zero) to 3 x 32 parts, `step` parts from one to the next.
inline void split_row(const float* x, std::int64_t count, Part* out, std::int64_t step) {
  __m256i low[parts], high[parts];
  split(_mm512_maskz_loadu_ps(mask_of(count), x), low);
  split(_mm512_maskz_loadu_ps(mask_of(count - 16), x + 16), high);
  for (int s = 0; s < parts; ++s) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(out + s * step), low[s]);
    _mm256_store_si256(reinterpret_cast<__m256i*>(out + s * step + 16), high[s]);
  }
}

// x[0], x[stride], ... under the mask, else zero.
inline __m512 gather(const float* x, std::int64_t stride, __mmask16 mask) {
  const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i at = _mm512_mullo_epi32(lane, _mm512_set1_epi32(static_cast<int>(stride)));
  return _mm512_mask_i32gather_ps(_mm512_setzero_ps(), mask, at, x, 4);
}

// Two rows of 16 floats, interleaved as the right-hand tile wants them (pairs along the summed index).
inline void split_pair(__m512 even, __m512 odd, Part* out, std::int64_t step) {
  __m256i a[parts], b[parts];
  split(even, a);
  split(odd, b);
  for (int s = 0; s < parts; ++s) {
    const __m512i pair =
        _mm512_or_si512(_mm512_cvtepu16_epi32(a[s]), _mm512_slli_epi32(_mm512_cvtepu16_epi32(b[s]), 16));
    _mm512_store_si512(out + s * step, pair);
  }
}

// Sums of tiles 0..3 (2 x 2) += left (tiles at l, l + left_tile) times right (r, r + right_tile), all six products of
// one step of 32 along the summed index. left_part, right_part: from one part to the next, in parts.
// between() is called after every product: tile registers are few and renamed late, so vector work overlaps with tile
// work only when it stands between the tile instructions.
template <class Between>
inline void multiply_step(const Part* l, std::int64_t left_part, std::int64_t left_tile, const Part* r,
                          std::int64_t right_part, std::int64_t right_tile, Between&& between) {
  const auto left = [&](int s) __attribute__((always_inline)) {
    _tile_loadd(4, l + s * left_part, 64);
    _tile_loadd(5, l + s * left_part + left_tile, 64);
  };
  const auto right = [&](int s) __attribute__((always_inline)) {
    _tile_loadd(6, r + s * right_part, 64);
    _tile_loadd(7, r + s * right_part + right_tile, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
    between();
  };
  left(2), right(0);
  left(1), right(1), right(0);
  left(0), right(2), right(1), right(0);
}

inline void clear_sums() {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}
inline void load_sums(const float* c, std::int64_t row_bytes) {
  _tile_loadd(0, c, row_bytes);
  _tile_loadd(1, c + 16, row_bytes);
  _tile_loadd(2, c + 16 * row_bytes / 4, row_bytes);
  _tile_loadd(3, c + 16 * row_bytes / 4 + 16, row_bytes);
}
inline void store_sums(float* c, std::int64_t row_bytes) {
  _tile_stored(0, c, row_bytes);
  _tile_stored(1, c + 16, row_bytes);
  _tile_stored(2, c + 16 * row_bytes / 4, row_bytes);
  _tile_stored(3, c + 16 * row_bytes / 4 + 16, row_bytes);
}

// ---- linear layers: 32 rows x 32 columns at a time
// ---------------------------------------------------------------------

constexpr int gemm_block = 32, gemm_columns = 32, max_inner = 4096;

std::int64_t gemm_steps(std::int64_t inner) { return (inner + 31) / 32; }
std::size_t gemm_panel_bytes(std::int64_t inner) {
  return static_cast<std::size_t>(gemm_steps(inner)) * parts * 2 * tile_bytes;
}

// [step][part][2 column tiles][16 pairs][16 columns][2]
void gemm_pack(const float* weight, std::int64_t columns, std::int64_t inner, bool transposed, std::int64_t panel,
               void* packed) {
  Part* out = static_cast<Part*>(packed);
  const std::int64_t across = transposed ? 1 : inner, along = transposed ? columns : 1;
  for (std::int64_t step = 0; step < gemm_steps(inner); ++step)
    for (int tile = 0; tile < 2; ++tile)
      for (int pair = 0; pair < tile_rows; ++pair) {
        const std::int64_t k = step * 32 + pair * 2, column = panel * gemm_columns + tile * 16;
        const __mmask16 mask = mask_of(columns - column);
        const float* at = weight + column * across + k * along;
        split_pair(gather(at, across, k < inner ? mask : 0), gather(at + along, across, k + 1 < inner ? mask : 0),
                   out + (step * parts * 2 + tile) * tile_parts + pair * 32, 2 * tile_parts);
      }
}

void gemm_run(const GemmDesc<float>& g, std::int64_t begin, std::int64_t end, const void* packed) {
  // [step][part][32 rows][32]
  alignas(64) static thread_local Part left[max_inner * parts * gemm_block];
  alignas(64) static thread_local float c[gemm_block * gemm_columns], unused[tile_rows * 16];
  const std::int64_t steps = gemm_steps(g.inner), panels = (g.columns + gemm_columns - 1) / gemm_columns;
  constexpr std::int64_t left_part = gemm_block * 32;
  configure_tiles();
  for (std::int64_t first = begin; first < end; first += gemm_block) {
    const std::int64_t rows = end - first < gemm_block ? end - first : gemm_block;
    for (std::int64_t step = 0; step < steps; ++step)
      for (int r = 0; r < gemm_block; ++r)
        split_row(g.x + (first + (r < rows ? r : 0)) * g.inner + step * 32, r < rows ? g.inner - step * 32 : 0,
                  left + step * parts * left_part + r * 32, left_part);
    for (std::int64_t p = 0; p < panels; ++p) {
      const Part* right =
          reinterpret_cast<const Part*>(static_cast<const char*>(packed) + p * gemm_panel_bytes(g.inner));
      clear_sums();
      for (std::int64_t step = 0; step < steps; ++step) {
        multiply_step(left + step * parts * left_part, left_part, tile_parts, right + step * parts * 2 * tile_parts,
                      2 * tile_parts, tile_parts, [] {});
        // Measured on Sapphire Rapids: a tile store after more than five steps without one stalls for 260 ns, unless
        // another, however useless, came in between.
        if (step % 3 == 2 && step + 1 < steps) _tile_stored(0, unused, 64);
      }
      store_sums(c, gemm_columns * 4);
      for (int half = 0; half < 2; ++half) {
        const std::int64_t column = p * gemm_columns + half * 16;
        const __mmask16 mask = mask_of(g.columns - column);
        if (!mask) break;
        for (std::int64_t r = 0; r < rows; ++r)
          finish(g.y + (first + r) * g.columns + column, _mm512_load_ps(c + r * gemm_columns + half * 16),
                 g.bias ? g.bias + column : nullptr, g.gate ? g.gate + column : nullptr, static_cast<int>(g.epilogue),
                 mask);
      }
    }
  }
  _tile_release();
}

// ---- attention: online softmax, 32 queries x 64 keys at a time
// ----------------------------------------------------------

constexpr int query_block = 256, key_block = 64, query_tile = 32, max_head = 128;
constexpr int key_groups = key_block / 16, key_steps = key_block / 32;
constexpr float lag = 8.0f;  // see cpu_avx512.cpp

bool attention_supports(int head) { return head % 32 == 0 && head >= 32 && head <= max_head; }
std::size_t attention_block_bytes(int head) {
  return sizeof(Part) * parts * 2 * key_block * static_cast<std::size_t>(head);
}

// Keys [step of 32 channels][part][group of 16 keys] tiles, then values [step of 32 keys][part][head / 16] tiles.
void attention_pack(const float* k, const float* v, std::int64_t stride, std::int64_t count, int head, void* packed) {
  Part *kp = static_cast<Part*>(packed), *vp = kp + parts * key_block * head;
  for (int step = 0; step < head / 32; ++step)
    for (int group = 0; group < key_groups; ++group)
      for (int pair = 0; pair < tile_rows; ++pair) {
        const __mmask16 mask = mask_of(count - group * 16);
        const float* row = k + group * 16 * stride + step * 32 + pair * 2;
        split_pair(gather(row, stride, mask), gather(row + 1, stride, mask),
                   kp + (step * parts * key_groups + group) * tile_parts + pair * 32, key_groups * tile_parts);
      }
  const int groups = head / 16;
  for (int step = 0; step < key_steps; ++step)
    for (int group = 0; group < groups; ++group)
      for (int pair = 0; pair < tile_rows; ++pair) {
        const std::int64_t key = step * 32 + pair;
        const __m512 even = key < count ? _mm512_loadu_ps(v + key * stride + group * 16) : _mm512_setzero_ps();
        const __m512 odd =
            key + 16 < count ? _mm512_loadu_ps(v + (key + 16) * stride + group * 16) : _mm512_setzero_ps();
        split_pair(even, odd, vp + (step * parts * groups + group) * tile_parts + pair * 32, groups * tile_parts);
      }
}

// Probabilities of one row to their parts, in [step of 32][part][32 rows][32] at row r. They are cut, not rounded:
// three cuts of 8 bits hold all 24, and cutting is cheaper. Keys i and 16 + i of a step stand side by side, as in the
// values.
inline void split_probabilities(const __m512 p[key_groups], int r, Part* out) {
  const __m512i high_half = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
  for (int step = 0; step < key_steps; ++step) {
    __m512 x = p[2 * step], y = p[2 * step + 1];
    Part* at = out + (step * parts * query_tile + r) * 32;
    for (int s = 0; s < parts; ++s) {
      const __m512i xi = _mm512_castps_si512(x), yi = _mm512_and_si512(_mm512_castps_si512(y), high_half);
      _mm512_store_si512(at + s * query_tile * 32, _mm512_or_si512(_mm512_srli_epi32(xi, 16), yi));
      if (s + 1 == parts) break;
      x = _mm512_sub_ps(x, _mm512_castsi512_ps(_mm512_and_si512(xi, high_half)));
      y = _mm512_sub_ps(y, _mm512_castsi512_ps(yi));
    }
  }
}

// 2^x for x <= 64, relative error 1.5e-7, at least 2^-126. Cheaper than exp2_ps(): the exponent is added as an integer.
inline __m512 softmax_exp2(__m512 x) {
  const __m512 shift = set1(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer, left in the low bits
  x = _mm512_max_ps(x, set1(-126.0f));
  const __m512 t = _mm512_add_ps(x, shift);
  const __m512 f = _mm512_sub_ps(x, _mm512_sub_ps(t, shift));
  __m512 p = set1(0.00132764667981015f);
  p = _mm512_fmadd_ps(p, f, set1(0.00967554129300333f));
  p = _mm512_fmadd_ps(p, f, set1(0.05550713289567049f));
  p = _mm512_fmadd_ps(p, f, set1(0.24022119724872434f));
  p = _mm512_fmadd_ps(p, f, set1(0.6931469670549194f));
  p = _mm512_fmadd_ps(p, f, set1(1.0000000716543667f));
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), _mm512_slli_epi32(_mm512_castps_si512(t), 23)));
}

// Working memory of one thread, shared by the stages of attention_run().
struct AttentionScratch {
  Part query[query_block * max_head * parts];           // [tile of 32][step][part][32][32]
  Part probability[2][query_tile * key_block * parts];  // [step][part][32][32]
  float score[2][query_tile * key_block];               // [32][keys]
  float sum[query_block * max_head];                    // [row][head]
  float total[query_block * 16];                        // [row][lane]
  float maximum[query_block];
};

// One row of the online softmax: scores to the parts of probabilities; rescales the row's sums when its maximum
// has moved far enough.
inline void softmax_row(AttentionScratch& a, const float* score, std::int64_t row, int r, std::int64_t count, int head,
                        Part* probability) {
  __m512 x[key_groups];
  for (int z = 0; z < key_groups; ++z) x[z] = _mm512_load_ps(score + r * key_block + z * 16);
  if (count < key_block)
    for (int z = 0; z < key_groups; ++z)
      x[z] = _mm512_mask_blend_ps(mask_of(count - z * 16), set1(-__builtin_inff()), x[z]);
  __m512 high = x[0];
  for (int z = 1; z < key_groups; ++z) high = _mm512_max_ps(high, x[z]);
  if (__builtin_expect(_mm512_cmp_ps_mask(high, set1(a.maximum[row] + lag), _CMP_NLE_UQ), 0)) {
    const float now = _mm512_reduce_max_ps(high);
    const __m512 shrink = exp2_ps(set1(a.maximum[row] - now));
    a.maximum[row] = now;
    for (int c = 0; c < head; c += 16)
      _mm512_store_ps(a.sum + row * head + c, _mm512_mul_ps(shrink, _mm512_load_ps(a.sum + row * head + c)));
    _mm512_store_ps(a.total + row * 16, _mm512_mul_ps(shrink, _mm512_load_ps(a.total + row * 16)));
  }
  const __m512 m = set1(a.maximum[row]);
  for (int z = 0; z < key_groups; ++z) x[z] = softmax_exp2(_mm512_sub_ps(x[z], m));
  __m512 more = x[0];
  for (int z = 1; z < key_groups; ++z) more = _mm512_add_ps(more, x[z]);
  _mm512_store_ps(a.total + row * 16, _mm512_add_ps(_mm512_load_ps(a.total + row * 16), more));
  split_probabilities(x, r, probability);
}

// Stages (key block, query tile) run as a pipeline: while the tile unit works on the scores of stage n + 1 and the
// values of stage n - 1, the vector units do the softmax of stage n, a few rows after every tile step.
// Keeps no log-sum-exp: training takes the AVX-512 tiles.
void attention_run(const float* q, float* out, float*, int, std::int64_t stride, std::int64_t rows, std::int64_t keys,
                   int head, const void* packed) {
  alignas(64) static thread_local AttentionScratch a;
  const float scale = 1.44269504088896341f / __builtin_sqrtf(static_cast<float>(head));
  // At least two tiles, so that neighbouring stages never share rows of the sums.
  const std::int64_t tiles = rows <= query_tile ? 2 : (rows + query_tile - 1) / query_tile;
  const int steps = head / 32, groups = head / 16;
  constexpr std::int64_t left_part = query_tile * 32;
  const std::int64_t query_parts = static_cast<std::int64_t>(query_tile) * head * parts;
  for (std::int64_t r = 0; r < tiles * query_tile; ++r) {
    alignas(64) float row[max_head];
    for (int c = 0; c < head; c += 16) {
      _mm512_store_ps(row + c,
                      r < rows ? _mm512_mul_ps(set1(scale), _mm512_loadu_ps(q + r * stride + c)) : _mm512_setzero_ps());
      _mm512_store_ps(a.sum + r * head + c, _mm512_setzero_ps());
    }
    for (int step = 0; step < steps; ++step)
      split_row(row + step * 32, 32,
                a.query + (r / query_tile) * query_parts + step * parts * left_part + (r % query_tile) * 32, left_part);
    _mm512_store_ps(a.total + r * 16, _mm512_setzero_ps());
    a.maximum[r] = -__builtin_inff();
  }

  configure_tiles();
  const std::int64_t block_parts = static_cast<std::int64_t>(parts) * 2 * key_block * head;
  const std::int64_t stages = (keys + key_block - 1) / key_block * tiles;
  const int products = 6 * key_steps * (steps + groups / 2);  // of one stage
  for (std::int64_t n = -1; n <= stages; ++n) {
    const bool softmax = n >= 0 && n < stages;
    const std::int64_t first_row = softmax ? n % tiles * query_tile : 0,
                       count = softmax ? keys - n / tiles * key_block : 0;
    int row = softmax ? 0 : query_tile, done = 0;
    const auto some_rows = [&]() __attribute__((always_inline)) {
      ++done;
      for (; row < query_tile && row * products < done * query_tile; ++row)
        softmax_row(a, a.score[n & 1], first_row + row, row, count, head, a.probability[n & 1]);
    };
    if (n + 1 < stages) {
      const Part* k = static_cast<const Part*>(packed) + (n + 1) / tiles * block_parts;
      const Part* query = a.query + (n + 1) % tiles * query_parts;
      for (int half = 0; half < key_steps; ++half) {
        clear_sums();
        for (int step = 0; step < steps; ++step) {
          multiply_step(query + step * parts * left_part, left_part, tile_parts,
                        k + (step * parts * key_groups + half * 2) * tile_parts, key_groups * tile_parts, tile_parts,
                        some_rows);
        }
        store_sums(a.score[(n + 1) & 1] + half * 32, key_block * 4);
      }
    }
    if (n >= 1) {
      const Part* v = static_cast<const Part*>(packed) + (n - 1) / tiles * block_parts + parts * key_block * head;
      float* sum = a.sum + (n - 1) % tiles * query_tile * head;
      for (int c = 0; c < groups; c += 2) {
        load_sums(sum + c * 16, head * 4);
        for (int step = 0; step < key_steps; ++step) {
          multiply_step(a.probability[(n - 1) & 1] + step * parts * left_part, left_part, tile_parts,
                        v + (step * parts * groups + c) * tile_parts, groups * tile_parts, tile_parts, some_rows);
        }
        store_sums(sum + c * 16, head * 4);
      }
    }
    done = products;
    some_rows();
  }
  _tile_release();
  for (std::int64_t r = 0; r < rows; ++r) {
    const __m512 inverse = set1(1.0f / _mm512_reduce_add_ps(_mm512_load_ps(a.total + r * 16)));
    for (int c = 0; c < head; c += 16)
      _mm512_storeu_ps(out + r * stride + c, _mm512_mul_ps(inverse, _mm512_load_ps(a.sum + r * head + c)));
  }
}

constexpr GemmKernel gemm_kernel{"amx", 4 * gemm_block, gemm_columns, gemm_panel_bytes, gemm_pack, gemm_run};
constexpr AttentionKernel attention_kernel{
    "amx", query_block, key_block, attention_supports, attention_block_bytes, attention_pack, attention_run, false};

// The processor's word (cpuid), then the kernel's: tile registers are 8 KiB of state it must agree to save.
const char* find_missing() {
  unsigned a, b, c, d;
  __asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(0));
  const bool amx = (d >> 22 & 1) && (d >> 24 & 1);
  if (!amx || *avx512_missing() || !__builtin_cpu_supports("avx512bf16"))
    return "this processor has no AMX with bfloat16";
  constexpr long request_permission = 0x1023, tile_data = 18;
  if (syscall(SYS_arch_prctl, request_permission, tile_data) != 0)
    return "the kernel does not grant AMX tile registers";
  return "";
}

}  // namespace

const char* amx_missing() {
  static const char* const reason = find_missing();
  return reason;
}
const GemmKernel* amx_gemm() { return *amx_missing() ? nullptr : &gemm_kernel; }
const AttentionKernel* amx_attention() { return *amx_missing() ? nullptr : &attention_kernel; }

}  // namespace streamtube::surrogate::cpu

#else

namespace streamtube::surrogate::cpu {
const char* amx_missing() {
  return "not compiled in: the compiler does not target AMX (GCC 12 or newer on x86-64 Linux)";
}
const GemmKernel* amx_gemm() { return nullptr; }
const AttentionKernel* amx_attention() { return nullptr; }
}  // namespace streamtube::surrogate::cpu

#endif
