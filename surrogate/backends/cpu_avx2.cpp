// The tiles with vectors of 8 floats and 16 registers.

#include "surrogate/backends/vectors.hpp"

#if defined(STREAMTUBE_VECTOR_LANES) && STREAMTUBE_VECTOR_LANES == 8

#include "surrogate/backends/vector_tiles.hpp"

namespace streamtube::surrogate::cpu {
namespace {

constexpr VectorKernels kernels = make_vector_kernels("avx2");

bool processor_has_it() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

}  // namespace

const char* avx2_missing() { return processor_has_it() ? "" : "this processor has no AVX2 with FMA"; }
const VectorKernels* avx2() { return processor_has_it() ? &kernels : nullptr; }

}  // namespace streamtube::surrogate::cpu

#else

#include "surrogate/backends/cpu_kernels.hpp"

namespace streamtube::surrogate::cpu {
const char* avx2_missing() { return "not compiled in: the compiler does not target x86-64 with AVX2"; }
const VectorKernels* avx2() { return nullptr; }
}  // namespace streamtube::surrogate::cpu

#endif
