// The tiles with vectors of 16 floats and 32 registers.

#include "surrogate/backends/vectors.hpp"

#if defined(STREAMTUBE_VECTOR_LANES) && STREAMTUBE_VECTOR_LANES == 16

#include "surrogate/backends/vector_tiles.hpp"

namespace streamtube::surrogate::cpu {
namespace {

constexpr VectorKernels kernels = make_vector_kernels("avx512");

bool processor_has_it() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

}  // namespace

const char* avx512_missing() { return processor_has_it() ? "" : "this processor has no AVX-512"; }
const VectorKernels* avx512() { return processor_has_it() ? &kernels : nullptr; }

}  // namespace streamtube::surrogate::cpu

#else

#include "surrogate/backends/cpu_kernels.hpp"

namespace streamtube::surrogate::cpu {
const char* avx512_missing() { return "not compiled in: the compiler does not target x86-64 with AVX-512"; }
const VectorKernels* avx512() { return nullptr; }
}  // namespace streamtube::surrogate::cpu

#endif
