#include "surrogate/backends/hopper_attention_kernel.hpp"

#ifdef __CUDACC__

#include <cuda.h>
#include <cuda_runtime.h>

#include <algorithm>

#include "core/error.hpp"
#include "surrogate/backends/cuda_paths.hpp"

namespace streamtube::surrogate::cuda {
namespace {

using Shape = HopperAttentionShape;
using Arguments = HopperAttentionArguments<CUtensorMap>;

// The instructions the kernel is made of (PTX ISA 8.0, sm_90a).
struct Hopper {
  __device__ __forceinline__ int thread() { return static_cast<int>(threadIdx.x); }
  __device__ __forceinline__ int block_x() { return static_cast<int>(blockIdx.x); }
  __device__ __forceinline__ int block_y() { return static_cast<int>(blockIdx.y); }
  __device__ __forceinline__ int block_z() { return static_cast<int>(blockIdx.z); }
  __device__ __forceinline__ void synchronize() { __syncthreads(); }
  template <class T>
  __device__ __forceinline__ std::uint32_t address(const T* shared) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
  }

  __device__ __forceinline__ void barrier_start(std::uint64_t* barrier, int arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(address(barrier)), "r"(arrivals) : "memory");
  }
  // Also for the copy engine, which will complete them.
  __device__ __forceinline__ void barriers_started() {
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  __device__ __forceinline__ void expect(std::uint64_t* barrier, std::uint32_t bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(address(barrier)), "r"(bytes)
                 : "memory");
  }
  __device__ __forceinline__ void arrive(std::uint64_t* barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(address(barrier)) : "memory");
  }
  __device__ __forceinline__ void wait(std::uint64_t* barrier, int phase) {
    asm volatile(
        "{\n.reg .pred done;\n"
        "again:\nmbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
        "@done bra over;\nbra again;\nover:\n}\n" ::"r"(address(barrier)),
        "r"(phase)
        : "memory");
  }
  __device__ __forceinline__ void copy_tile(const CUtensorMap* map, Bf16* to, int column, int row,
                                            std::uint64_t* barrier) {
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];" ::"r"(
            address(to)),
        "l"(map), "r"(address(barrier)), "r"(column), "r"(row)
        : "memory");
  }

  template <int Count>
  __device__ __forceinline__ void lower_registers() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Count));
  }
  template <int Count>
  __device__ __forceinline__ void raise_registers() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Count));
  }

  // Registers that a product in flight reads or writes may not be moved across the fence and the wait.
  template <int Size>
  __device__ __forceinline__ void fence_operands(float (&x)[Size]) {
#pragma unroll
    for (int i = 0; i < Size; ++i) asm volatile("" : "+f"(x[i])::"memory");
  }
  __device__ __forceinline__ void fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
  __device__ __forceinline__ void commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
  // Until at most `Left` groups of products are in flight.
  template <int Left>
  __device__ __forceinline__ void wait_products() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Left) : "memory");
  }
  // What follows comes after the computation of x >= 0. Without it the assembler moves a wait before exponentials that
  // do not depend on it, and nothing overlaps.
  __device__ __forceinline__ void order(float x) {
    if (x < 0) __trap();
  }
  // d [64 rows][128] = or += A B^T, both tiles in shared memory, channels contiguous.
  __device__ __forceinline__ void multiply_scores(float (&d)[64], std::uint64_t a, std::uint64_t b, bool add) {
    asm volatile(
        "{\n.reg .pred p;\nsetp.ne.b32 p, %66, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, "
        "%21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, "
        "%40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, "
        "%59, %60, %61, %62, %63"
        "}, %64, %65, p, 1, 1, 0, 0;\n}\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]),
          "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]),
          "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]),
          "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]), "+f"(d[32]),
          "+f"(d[33]), "+f"(d[34]), "+f"(d[35]), "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39]), "+f"(d[40]),
          "+f"(d[41]), "+f"(d[42]), "+f"(d[43]), "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47]), "+f"(d[48]),
          "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), "+f"(d[54]), "+f"(d[55]), "+f"(d[56]),
          "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), "+f"(d[63])
        : "l"(a), "l"(b), "r"(int{add}));
  }
  // d [64 rows][64] += A B, A in registers, B in shared memory with its columns contiguous.
  __device__ __forceinline__ void multiply_values(float (&d)[32], const std::uint32_t* a, std::uint64_t b) {
    asm volatile(
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {"
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, "
        "%21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
        "}, {%32, %33, %34, %35}, %36, 1, 1, 1, 1;\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]),
          "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]),
          "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]),
          "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
  }

  __device__ __forceinline__ float exp2(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }
  __device__ __forceinline__ float infinity() { return __int_as_float(0x7f800000); }
  __device__ __forceinline__ std::uint32_t as_bits(float x) { return __float_as_uint(x); }
  __device__ __forceinline__ float as_float(std::uint32_t x) { return __uint_as_float(x); }
  __device__ __forceinline__ float from_lane(float x, int lanes) { return __shfl_xor_sync(0xffffffffu, x, lanes); }
  __device__ __forceinline__ std::uint32_t pack(float low, float high) {
    std::uint32_t both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
  }
  __device__ __forceinline__ void store(Bf16* to, std::uint32_t pair) { *reinterpret_cast<std::uint32_t*>(to) = pair; }
};

__global__ void __launch_bounds__(Shape::threads, 1)
    hopper_attention_kernel(const __grid_constant__ Arguments arguments) {
  extern __shared__ __align__(1024) unsigned char memory[];
  Hopper machine;
  HopperAttentionKernel<Hopper, CUtensorMap>::run(machine, *reinterpret_cast<HopperAttentionShared*>(memory),
                                                  arguments);
}

void check(cudaError_t code, const char* what) {
  if (code != cudaSuccess)
    throw core::Error(core::ErrorKind::runtime, core::str("Hopper attention: ", what, ": ", cudaGetErrorString(code)));
}

using EncodeTiled = decltype(&cuTensorMapEncodeTiled);

// From the driver itself, so that the program needs no libcuda to start. Null where the driver has none.
EncodeTiled encode_tiled() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found;
  if (cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault, &found) !=
          cudaSuccess ||
      found != cudaDriverEntryPointSuccess)
    return nullptr;
  return reinterpret_cast<EncodeTiled>(function);
}

// This device can run the kernel, and its blocks were given their shared memory.
bool ready() {
  int device = 0, major = 0, minor = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "cudaDeviceGetAttribute");
  check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device), "cudaDeviceGetAttribute");
  // sm_90a code runs on 9.0 alone.
  if (major != 9 || minor != 0) return false;
  check(cudaFuncSetAttribute(hopper_attention_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(sizeof(HopperAttentionShared))),
        "cudaFuncSetAttribute");
  return true;
}

CUtensorMap tensor_map(EncodeTiled encode, const Bf16* data, std::int64_t rows, int width, int box_rows) {
  CUtensorMap map;
  const cuuint64_t size[2] = {static_cast<cuuint64_t>(width), static_cast<cuuint64_t>(rows)};
  const cuuint64_t pitch[1] = {static_cast<cuuint64_t>(width) * sizeof(Bf16)};
  const cuuint32_t box[2] = {Shape::head, static_cast<cuuint32_t>(box_rows)}, every[2] = {1, 1};
  const CUresult code = encode(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, const_cast<Bf16*>(data), size, pitch, box,
                               every, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                               CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (code != CUDA_SUCCESS)
    throw core::Error(core::ErrorKind::runtime, core::str("Hopper attention: cuTensorMapEncodeTiled: error ",
                                                          static_cast<int>(code), " for ", rows, " rows of ", width));
  return map;
}

bool aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0; }

}  // namespace

bool hopper_attention(void* stream, const Attention16Desc& a) {
  if (!usable(Path::hopper_attention)) return false;
  static const bool hopper = ready();
  static const EncodeTiled encode = encode_tiled();
  if (!hopper || !encode || a.head != Shape::head || !aligned(a.q) || !aligned(a.k) || !aligned(a.v) || !aligned(a.out))
    return false;
  const int width = a.heads * a.head;
  for (int first = 0; first < a.segment_count; first += Shape::most_segments) {
    Arguments arguments{};
    const int count = std::min(a.segment_count - first, Shape::most_segments);
    std::int64_t rows = 0, most_queries = 0;
    for (int i = 0; i < count; ++i) {
      const Segment& s = a.segments[first + i];
      arguments.query_begin[i] = static_cast<int>(s.query_begin),
      arguments.query_end[i] = static_cast<int>(s.query_end);
      arguments.keys[i] = static_cast<int>(s.key_end - s.key_begin);
      arguments.k[i] = tensor_map(encode, a.k + s.key_begin * width, arguments.keys[i], width, Shape::key_tile);
      arguments.v[i] = tensor_map(encode, a.v + s.key_begin * width, arguments.keys[i], width, Shape::key_tile);
      rows = std::max(rows, s.query_end), most_queries = std::max(most_queries, s.query_end - s.query_begin);
    }
    arguments.q = tensor_map(encode, a.q, rows, width, Shape::rows_per_group);
    arguments.out = a.out, arguments.width = width;
    arguments.scale = 1.44269504f / 8;  // log2(e) / sqrt(64)
    const dim3 grid(static_cast<unsigned>((most_queries + Shape::query_tile - 1) / Shape::query_tile),
                    static_cast<unsigned>(a.heads), static_cast<unsigned>(count));
    hopper_attention_kernel<<<grid, Shape::threads, sizeof(HopperAttentionShared), static_cast<cudaStream_t>(stream)>>>(
        arguments);
    check(cudaGetLastError(), "launch");
  }
  return true;
}

}  // namespace streamtube::surrogate::cuda

#else

namespace streamtube::surrogate::cuda {

bool hopper_attention(void*, const Attention16Desc&) { return false; }

}  // namespace streamtube::surrogate::cuda

#endif
