#pragma once
// One set of names for the vectors of AVX-512 (16 floats) and AVX2 with FMA (8 floats), as far as the kernels need
// them: a source that is compiled for one of the two gets that one, any other an empty header. Everything is static:
// these sources must not leave functions in the program that another processor could be handed.

#include <cstdint>

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#define STREAMTUBE_VECTOR_LANES 16
#elif defined(__AVX2__) && defined(__FMA__)
#define STREAMTUBE_VECTOR_LANES 8
#endif

#ifdef STREAMTUBE_VECTOR_LANES
#include <immintrin.h>

namespace streamtube::surrogate::cpu {

constexpr int lanes = STREAMTUBE_VECTOR_LANES;

#if STREAMTUBE_VECTOR_LANES == 16

using Floats = __m512;
using Ints = __m512i;
using Mask = __mmask16;

static inline Floats zero() { return _mm512_setzero_ps(); }
static inline Floats set1(float x) { return _mm512_set1_ps(x); }
static inline Floats load(const float* x) { return _mm512_load_ps(x); }  // aligned to the vector, as is store
static inline Floats load_any(const float* x) { return _mm512_loadu_ps(x); }
static inline void store(float* x, Floats v) { _mm512_store_ps(x, v); }
static inline void store_any(float* x, Floats v) { _mm512_storeu_ps(x, v); }
static inline Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
static inline Floats sub(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
static inline Floats mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
static inline Floats min(Floats a, Floats b) { return _mm512_min_ps(a, b); }
static inline Floats max(Floats a, Floats b) { return _mm512_max_ps(a, b); }
static inline Floats fmadd(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
static inline Floats fmsub(Floats a, Floats b, Floats c) { return _mm512_fmsub_ps(a, b, c); }
static inline Floats fnmadd(Floats a, Floats b, Floats c) { return _mm512_fnmadd_ps(a, b, c); }
static inline Floats abs(Floats x) { return _mm512_abs_ps(x); }
static inline Floats and_bits(Floats a, Floats b) { return _mm512_and_ps(a, b); }
static inline Floats or_bits(Floats a, Floats b) { return _mm512_or_ps(a, b); }
static inline Floats nearest(Floats x) {
  return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline float sum_of(Floats x) { return _mm512_reduce_add_ps(x); }
static inline float highest_of(Floats x) { return _mm512_reduce_max_ps(x); }
// x with `by` added to its exponents; by: the low bits of a float to which 1.5 * 2^23 was added.
static inline Floats raise_exponent(Floats x, Floats by) {
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(x), _mm512_slli_epi32(_mm512_castps_si512(by), 23)));
}
static inline Ints to_ints(Floats x) { return _mm512_cvtps_epi32(x); }
static inline Ints set1(int x) { return _mm512_set1_epi32(x); }
static inline Ints add(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
static inline Mask is_odd(Ints x) { return _mm512_test_epi32_mask(x, _mm512_set1_epi32(1)); }
// x, its sign changed where bit 1 of `quadrant` is set.
static inline Floats flip_sign(Floats x, Ints quadrant) {
  const Ints sign = _mm512_slli_epi32(_mm512_and_epi32(quadrant, _mm512_set1_epi32(2)), 30);
  return _mm512_castsi512_ps(_mm512_xor_epi32(_mm512_castps_si512(x), sign));
}

// The first `count` lanes.
static inline Mask mask_of(long long count) {
  return count >= 16 ? static_cast<Mask>(0xffff) : count <= 0 ? 0 : static_cast<Mask>((1u << count) - 1);
}
static inline Mask greater(Floats a, Floats b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
// Whether any lane is beyond the limit, or not a number.
static inline bool any_beyond(Floats x, Floats limit) { return _mm512_cmp_ps_mask(x, limit, _CMP_NLE_UQ) != 0; }
static inline Floats blend(Mask mask, Floats without, Floats with) { return _mm512_mask_blend_ps(mask, without, with); }
static inline Floats keep(Mask mask, Floats x) { return _mm512_maskz_mov_ps(mask, x); }  // zero elsewhere
static inline Floats load_some(Mask mask, const float* x) { return _mm512_maskz_loadu_ps(mask, x); }
static inline void store_some(float* x, Mask mask, Floats v) { _mm512_mask_storeu_ps(x, mask, v); }
// x[0], x[stride], ...
static inline Floats gather_some(Mask mask, const float* x, std::int64_t stride) {
  const Ints at = _mm512_mullo_epi32(_mm512_set1_epi32(static_cast<int>(stride)),
                                     _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  return _mm512_mask_i32gather_ps(zero(), mask, at, x, 4);
}

#else

using Floats = __m256;
using Ints = __m256i;
using Mask = __m256i;

static inline Floats zero() { return _mm256_setzero_ps(); }
static inline Floats set1(float x) { return _mm256_set1_ps(x); }
static inline Floats load(const float* x) { return _mm256_load_ps(x); }
static inline Floats load_any(const float* x) { return _mm256_loadu_ps(x); }
static inline void store(float* x, Floats v) { _mm256_store_ps(x, v); }
static inline void store_any(float* x, Floats v) { _mm256_storeu_ps(x, v); }
static inline Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
static inline Floats sub(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
static inline Floats mul(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
static inline Floats min(Floats a, Floats b) { return _mm256_min_ps(a, b); }
static inline Floats max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
static inline Floats fmadd(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
static inline Floats fmsub(Floats a, Floats b, Floats c) { return _mm256_fmsub_ps(a, b, c); }
static inline Floats fnmadd(Floats a, Floats b, Floats c) { return _mm256_fnmadd_ps(a, b, c); }
static inline Floats abs(Floats x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }
static inline Floats and_bits(Floats a, Floats b) { return _mm256_and_ps(a, b); }
static inline Floats or_bits(Floats a, Floats b) { return _mm256_or_ps(a, b); }
static inline Floats nearest(Floats x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
static inline float sum_of(Floats x) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
static inline float highest_of(Floats x) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
static inline Floats raise_exponent(Floats x, Floats by) {
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), _mm256_slli_epi32(_mm256_castps_si256(by), 23)));
}
static inline Ints to_ints(Floats x) { return _mm256_cvtps_epi32(x); }
static inline Ints set1(int x) { return _mm256_set1_epi32(x); }
static inline Ints add(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
static inline Mask is_odd(Ints x) { return _mm256_slli_epi32(x, 31); }
static inline Floats flip_sign(Floats x, Ints quadrant) {
  const Ints sign = _mm256_slli_epi32(_mm256_and_si256(quadrant, _mm256_set1_epi32(2)), 30);
  return _mm256_castsi256_ps(_mm256_xor_si256(_mm256_castps_si256(x), sign));
}

// A mask's lanes count by their highest bit.
static inline Mask mask_of(long long count) {
  const int n = count >= 8 ? 8 : count <= 0 ? 0 : static_cast<int>(count);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline Mask greater(Floats a, Floats b) { return _mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_GT_OQ)); }
static inline bool any_beyond(Floats x, Floats limit) {
  return _mm256_movemask_ps(_mm256_cmp_ps(x, limit, _CMP_NLE_UQ)) != 0;
}
static inline Floats blend(Mask mask, Floats without, Floats with) {
  return _mm256_blendv_ps(without, with, _mm256_castsi256_ps(mask));
}
static inline Floats keep(Mask mask, Floats x) { return blend(mask, zero(), x); }
static inline Floats load_some(Mask mask, const float* x) { return _mm256_maskload_ps(x, mask); }
static inline void store_some(float* x, Mask mask, Floats v) {
  // Masked stores are tens of cycles on AMD's processors.
  if (_mm256_movemask_ps(_mm256_castsi256_ps(mask)) == 0xff) return store_any(x, v);
  _mm256_maskstore_ps(x, mask, v);
}
static inline Floats gather_some(Mask mask, const float* x, std::int64_t stride) {
  const Ints at =
      _mm256_mullo_epi32(_mm256_set1_epi32(static_cast<int>(stride)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  return _mm256_mask_i32gather_ps(zero(), x, at, _mm256_castsi256_ps(mask), 4);
}

#endif

}  // namespace streamtube::surrogate::cpu
#endif
