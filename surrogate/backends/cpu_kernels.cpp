#include "surrogate/backends/cpu_kernels.hpp"

#include <memory>
#include <new>

namespace streamtube::surrogate::cpu {
namespace {

constexpr std::align_val_t cache_line{64};

struct Free {
  void operator()(std::byte* p) const { ::operator delete[](p, cache_line); }
};

}  // namespace

void* thread_scratch(std::size_t bytes) {
  thread_local std::unique_ptr<std::byte[], Free> memory;
  thread_local std::size_t size = 0;
  if (size < bytes) {
    size = 0;
    memory.reset();
    memory.reset(new (cache_line) std::byte[bytes]);
    size = bytes;
  }
  return memory.get();
}

const VectorKernels* vector_kernels(CpuPath path) {
  if (path >= CpuPath::avx512 && avx512()) return avx512();
  return path >= CpuPath::avx2 ? avx2() : nullptr;
}

}  // namespace streamtube::surrogate::cpu
