#pragma once
// Vector functions shared by the AVX2, AVX-512 and AMX sources. Polynomials were fitted for this project
// (Lawson-weighted least squares in double); the errors stated are against double over the whole range. Empty where the
// compiler is not told to use either instruction set; all static, as in vectors.hpp.

#include "surrogate/backends/vectors.hpp"

#ifdef STREAMTUBE_VECTOR_LANES

namespace streamtube::surrogate::cpu {

// 2^x, relative error 1.7e-7 from -126 on; below that less than 2^-125, below -127 zero; no care for x > 127. The
// multiply-add units are what the kernels wait for: rounding is left to the adders, the exponent to the integer ones.
static inline Floats exp2_ps(Floats x) {
  x = max(set1(-127.0f), x);  // in this order not-a-number stays
  const Floats magic = set1(12582912.0f), shifted = add(x, magic);
  const Floats f = sub(x, sub(shifted, magic));
  Floats p = set1(1.3264727252897935e-03f);
  p = fmadd(p, f, set1(9.6715127858628732e-03f));
  p = fmadd(p, f, set1(5.5507337444711909e-02f));
  p = fmadd(p, f, set1(2.4022242083110451e-01f));
  p = fmadd(p, f, set1(6.9314697759767852e-01f));
  p = fmadd(p, f, set1(1.0f));
  return raise_exponent(p, shifted);
}

// erf(x), absolute error 1.4e-7: x P(x^2) up to 1, beyond it 1 - 2^-Q(|x|).
static inline Floats erf_ps(Floats x) {
  const Floats a = abs(x), t = mul(x, x);
  Floats p = set1(7.8538577464857398e-05f);
  p = fmadd(p, t, set1(-8.0101925322997533e-04f));
  p = fmadd(p, t, set1(5.1883275612698513e-03f));
  p = fmadd(p, t, set1(-2.6853811869761414e-02f));
  p = fmadd(p, t, set1(1.1283585147047123e-01f));
  p = fmadd(p, t, set1(-3.7612625824095008e-01f));
  p = fmadd(p, t, set1(1.1283791657266908e+00f));
  p = mul(p, x);
  const Floats c = min(a, set1(4.0f));
  Floats q = set1(3.1287510914749866e-05f);
  q = fmadd(q, c, set1(-6.3671380301520111e-04f));
  q = fmadd(q, c, set1(6.0659005667903134e-03f));
  q = fmadd(q, c, set1(-3.6367826991270294e-02f));
  q = fmadd(q, c, set1(1.5641494386905191e-01f));
  q = fmadd(q, c, set1(9.1354319954087748e-01f));
  q = fmadd(q, c, set1(1.6296371909865919e+00f));
  q = fmadd(q, c, set1(-2.7128470686754724e-04f));
  const Floats tail = sub(set1(1.0f), exp2_ps(sub(zero(), q)));
  const Floats sign = and_bits(x, set1(-0.0f));
  return blend(greater(a, set1(1.0f)), p, or_bits(tail, sign));
}

static inline Floats gelu_ps(Floats x) {
  const Floats e = erf_ps(mul(x, set1(0.70710678118654752f)));
  const Floats half = mul(x, set1(0.5f));
  return fmadd(half, e, half);
}

// x Phi(x) as above, its derivative Phi(x) + x phi(x), and the second one (2 - x^2) phi(x).
static inline void gelu_with_derivatives_ps(Floats x, Floats* value, Floats* derivative, Floats* second) {
  const Floats e = erf_ps(mul(x, set1(0.70710678118654752f)));
  const Floats half = mul(x, set1(0.5f));
  *value = fmadd(half, e, half);
  const Floats density = mul(set1(0.39894228040143268f), exp2_ps(mul(mul(x, x), set1(-0.72134752044448170f))));
  *derivative = fmadd(x, density, fmadd(set1(0.5f), e, set1(0.5f)));
  *second = mul(density, fnmadd(x, x, set1(2.0f)));
}
static inline void gelu_with_derivative_ps(Floats x, Floats* value, Floats* derivative) {
  Floats second;
  gelu_with_derivatives_ps(x, value, derivative, &second);
}

// Sine and cosine, absolute error 1.2e-7 for |x| <= 8192: three-part reduction by pi / 2, then polynomials to pi / 4.
static inline void sincos_ps(Floats x, Floats* sine, Floats* cosine) {
  const Floats n = nearest(mul(x, set1(0.63661977236758134f)));
  // pi / 2 in three floats; the first two products are exact under FMA for n < 2^13.
  Floats r = fnmadd(n, set1(1.5707963705062866f), x);
  r = fnmadd(n, set1(-4.3711388286737929e-08f), r);
  r = fnmadd(n, set1(-1.7151245100059101e-15f), r);
  const Floats t = mul(r, r);
  Floats s = set1(-1.9497332358821604e-04f);
  s = fmadd(s, t, set1(8.3319847927690802e-03f));
  s = fmadd(s, t, set1(-1.6666649726135047e-01f));
  s = fmadd(mul(s, t), r, r);
  Floats c = set1(2.4371563101632306e-05f);
  c = fmadd(c, t, set1(-1.3886528009340519e-03f));
  c = fmadd(c, t, set1(4.1666613695866370e-02f));
  c = fmadd(c, t, set1(-4.9999999583840438e-01f));
  c = fmadd(c, t, set1(1.0f));
  const Ints quadrant = to_ints(n);
  const Mask swap = is_odd(quadrant);
  *sine = flip_sign(blend(swap, s, c), quadrant);
  *cosine = flip_sign(blend(swap, c, s), add(quadrant, set1(1)));
}

// y[0..n) op= epilogue(value), for the columns under `mask`.
static inline void finish(float* y, Floats value, const float* bias, const float* gate, int epilogue, Mask mask) {
  if (bias) value = add(value, load_some(mask, bias));
  if (epilogue == 1) value = gelu_ps(value);
  if (epilogue == 2) {
    if (gate) value = mul(value, load_some(mask, gate));
    value = add(value, load_some(mask, y));
  }
  store_some(y, mask, value);
}

}  // namespace streamtube::surrogate::cpu
#endif
