#pragma once
// Vector functions shared by the AVX-512 and AMX sources. Polynomials were fitted for this project (Lawson-weighted
// least squares in double); the errors stated are against double over the whole range. Empty where the compiler is not
// told to use AVX-512. Everything is static: these sources must not leave functions in the program that another
// processor could be handed.

#ifdef __AVX512F__
#include <immintrin.h>

namespace streamtube::surrogate::cpu {

static inline __m512 set1(float x) { return _mm512_set1_ps(x); }

// 2^x, relative error 1.7e-7 from -126 on; below that less than 2^-125, below -127 zero; no care for x > 127. The
// multiply-add units are what the kernels wait for: rounding is left to the adders, the exponent to the integer ones.
static inline __m512 exp2_ps(__m512 x) {
  x = _mm512_max_ps(set1(-127.0f), x);  // in this order not-a-number stays
  const __m512 magic = set1(12582912.0f), shifted = _mm512_add_ps(x, magic);
  const __m512 f = _mm512_sub_ps(x, _mm512_sub_ps(shifted, magic));
  __m512 p = set1(1.3264727252897935e-03f);
  p = _mm512_fmadd_ps(p, f, set1(9.6715127858628732e-03f));
  p = _mm512_fmadd_ps(p, f, set1(5.5507337444711909e-02f));
  p = _mm512_fmadd_ps(p, f, set1(2.4022242083110451e-01f));
  p = _mm512_fmadd_ps(p, f, set1(6.9314697759767852e-01f));
  p = _mm512_fmadd_ps(p, f, set1(1.0f));
  return _mm512_castsi512_ps(
      _mm512_add_epi32(_mm512_castps_si512(p), _mm512_slli_epi32(_mm512_castps_si512(shifted), 23)));
}

// erf(x), absolute error 1.4e-7: x P(x^2) up to 1, beyond it 1 - 2^-Q(|x|).
static inline __m512 erf_ps(__m512 x) {
  const __m512 a = _mm512_abs_ps(x), t = _mm512_mul_ps(x, x);
  __m512 p = set1(7.8538577464857398e-05f);
  p = _mm512_fmadd_ps(p, t, set1(-8.0101925322997533e-04f));
  p = _mm512_fmadd_ps(p, t, set1(5.1883275612698513e-03f));
  p = _mm512_fmadd_ps(p, t, set1(-2.6853811869761414e-02f));
  p = _mm512_fmadd_ps(p, t, set1(1.1283585147047123e-01f));
  p = _mm512_fmadd_ps(p, t, set1(-3.7612625824095008e-01f));
  p = _mm512_fmadd_ps(p, t, set1(1.1283791657266908e+00f));
  p = _mm512_mul_ps(p, x);
  const __m512 c = _mm512_min_ps(a, set1(4.0f));
  __m512 q = set1(3.1287510914749866e-05f);
  q = _mm512_fmadd_ps(q, c, set1(-6.3671380301520111e-04f));
  q = _mm512_fmadd_ps(q, c, set1(6.0659005667903134e-03f));
  q = _mm512_fmadd_ps(q, c, set1(-3.6367826991270294e-02f));
  q = _mm512_fmadd_ps(q, c, set1(1.5641494386905191e-01f));
  q = _mm512_fmadd_ps(q, c, set1(9.1354319954087748e-01f));
  q = _mm512_fmadd_ps(q, c, set1(1.6296371909865919e+00f));
  q = _mm512_fmadd_ps(q, c, set1(-2.7128470686754724e-04f));
  const __m512 tail = _mm512_sub_ps(set1(1.0f), exp2_ps(_mm512_sub_ps(_mm512_setzero_ps(), q)));
  const __m512 sign = _mm512_and_ps(x, set1(-0.0f));
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, set1(1.0f), _CMP_GT_OQ), p, _mm512_or_ps(tail, sign));
}

static inline __m512 gelu_ps(__m512 x) {
  const __m512 e = erf_ps(_mm512_mul_ps(x, set1(0.70710678118654752f)));
  const __m512 half = _mm512_mul_ps(x, set1(0.5f));
  return _mm512_fmadd_ps(half, e, half);
}

// x Phi(x) as above, its derivative Phi(x) + x phi(x), and the second one (2 - x^2) phi(x).
static inline void gelu_with_derivatives_ps(__m512 x, __m512* value, __m512* derivative, __m512* second) {
  const __m512 e = erf_ps(_mm512_mul_ps(x, set1(0.70710678118654752f)));
  const __m512 half = _mm512_mul_ps(x, set1(0.5f));
  *value = _mm512_fmadd_ps(half, e, half);
  const __m512 density = _mm512_mul_ps(set1(0.39894228040143268f),
                                       exp2_ps(_mm512_mul_ps(_mm512_mul_ps(x, x), set1(-0.72134752044448170f))));
  *derivative = _mm512_fmadd_ps(x, density, _mm512_fmadd_ps(set1(0.5f), e, set1(0.5f)));
  *second = _mm512_mul_ps(density, _mm512_fnmadd_ps(x, x, set1(2.0f)));
}
static inline void gelu_with_derivative_ps(__m512 x, __m512* value, __m512* derivative) {
  __m512 second;
  gelu_with_derivatives_ps(x, value, derivative, &second);
}

// Sine and cosine, absolute error 1.2e-7 for |x| <= 8192: three-part reduction by pi / 2, then polynomials to pi / 4.
static inline void sincos_ps(__m512 x, __m512* sine, __m512* cosine) {
  const __m512 n =
      _mm512_roundscale_ps(_mm512_mul_ps(x, set1(0.63661977236758134f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  // pi / 2 in three floats; the first two products are exact under FMA for n < 2^13.
  __m512 r = _mm512_fnmadd_ps(n, set1(1.5707963705062866f), x);
  r = _mm512_fnmadd_ps(n, set1(-4.3711388286737929e-08f), r);
  r = _mm512_fnmadd_ps(n, set1(-1.7151245100059101e-15f), r);
  const __m512 t = _mm512_mul_ps(r, r);
  __m512 s = set1(-1.9497332358821604e-04f);
  s = _mm512_fmadd_ps(s, t, set1(8.3319847927690802e-03f));
  s = _mm512_fmadd_ps(s, t, set1(-1.6666649726135047e-01f));
  s = _mm512_fmadd_ps(_mm512_mul_ps(s, t), r, r);
  __m512 c = set1(2.4371563101632306e-05f);
  c = _mm512_fmadd_ps(c, t, set1(-1.3886528009340519e-03f));
  c = _mm512_fmadd_ps(c, t, set1(4.1666613695866370e-02f));
  c = _mm512_fmadd_ps(c, t, set1(-4.9999999583840438e-01f));
  c = _mm512_fmadd_ps(c, t, set1(1.0f));
  const __m512i quadrant = _mm512_cvtps_epi32(n);
  const __mmask16 swap = _mm512_test_epi32_mask(quadrant, _mm512_set1_epi32(1));
  const __m512i sine_sign = _mm512_slli_epi32(_mm512_and_epi32(quadrant, _mm512_set1_epi32(2)), 30);
  const __m512i cosine_sign =
      _mm512_slli_epi32(_mm512_and_epi32(_mm512_add_epi32(quadrant, _mm512_set1_epi32(1)), _mm512_set1_epi32(2)), 30);
  *sine = _mm512_castsi512_ps(_mm512_xor_epi32(_mm512_castps_si512(_mm512_mask_blend_ps(swap, s, c)), sine_sign));
  *cosine = _mm512_castsi512_ps(_mm512_xor_epi32(_mm512_castps_si512(_mm512_mask_blend_ps(swap, c, s)), cosine_sign));
}

// y[0..n) op= epilogue(value), for up to 16 columns under `mask`.
static inline void finish(float* y, __m512 value, const float* bias, const float* gate, int epilogue, __mmask16 mask) {
  if (bias) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, bias));
  if (epilogue == 1) value = gelu_ps(value);
  if (epilogue == 2) {
    if (gate) value = _mm512_mul_ps(value, _mm512_maskz_loadu_ps(mask, gate));
    value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, y));
  }
  _mm512_mask_storeu_ps(y, mask, value);
}

static inline __mmask16 mask_of(long long columns) {
  return columns >= 16  ? static_cast<__mmask16>(0xffff)
         : columns <= 0 ? 0
                        : static_cast<__mmask16>((1u << columns) - 1);
}

}  // namespace streamtube::surrogate::cpu
#endif
