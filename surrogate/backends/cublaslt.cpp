// Products by cuBLASLt. Matrices are row-major here and column-major there: y^T = w x^T is asked for, which needs no
// copy. Its GELU is the approximation by tanh, so the exact one is a pass of its own. A gate per column is not
// expressible.
#if defined(STREAMTUBE_HAVE_CUBLASLT)
#include <cublasLt.h>
#include <cuda_runtime_api.h>
#endif

#include <map>
#include <mutex>
#include <tuple>

#include "core/before_stop.hpp"
#include "core/error.hpp"
#include "surrogate/backends/cuda_kernels.hpp"
#include "surrogate/backends/cuda_library.hpp"
#include "surrogate/backends/cuda_paths.hpp"

namespace streamtube::surrogate::cuda {

#if defined(STREAMTUBE_HAVE_CUBLASLT)
namespace {

constexpr std::size_t workspace_bytes = std::size_t{32} << 20;  // what NVIDIA advises for Hopper
constexpr std::int64_t most_bias_columns = 65536;               // of a bias in 16 bits, behind the workspace
constexpr std::size_t most_plans = 256;

struct Api {
  decltype(&cublasLtCreate) create = nullptr;
  decltype(&cublasLtDestroy) destroy = nullptr;
  decltype(&cublasLtGetStatusString) text = nullptr;
  decltype(&cublasLtMatmul) matmul = nullptr;
  decltype(&cublasLtMatmulDescCreate) make_desc = nullptr;
  decltype(&cublasLtMatmulDescDestroy) drop_desc = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) set_desc = nullptr;
  decltype(&cublasLtMatrixLayoutCreate) make_layout = nullptr;
  decltype(&cublasLtMatrixLayoutDestroy) drop_layout = nullptr;
  decltype(&cublasLtMatmulPreferenceCreate) make_preference = nullptr;
  decltype(&cublasLtMatmulPreferenceDestroy) drop_preference = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) set_preference = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic = nullptr;
  std::string missing;

  Api() {
    Library library(core::str("libcublasLt.so.", CUBLAS_VER_MAJOR).c_str());
    library.load(create, "cublasLtCreate");
    library.load(destroy, "cublasLtDestroy");
    library.load(text, "cublasLtGetStatusString");
    library.load(matmul, "cublasLtMatmul");
    library.load(make_desc, "cublasLtMatmulDescCreate");
    library.load(drop_desc, "cublasLtMatmulDescDestroy");
    library.load(set_desc, "cublasLtMatmulDescSetAttribute");
    library.load(make_layout, "cublasLtMatrixLayoutCreate");
    library.load(drop_layout, "cublasLtMatrixLayoutDestroy");
    library.load(make_preference, "cublasLtMatmulPreferenceCreate");
    library.load(drop_preference, "cublasLtMatmulPreferenceDestroy");
    library.load(set_preference, "cublasLtMatmulPreferenceSetAttribute");
    library.load(heuristic, "cublasLtMatmulAlgoGetHeuristic");
    missing = library.missing();
  }
};
const Api& api() {
  static const Api loaded;
  return loaded;
}

void check(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw core::Error(core::ErrorKind::runtime, core::str(call, ": ", api().text(status)),
                    "`streamtube devices` shows the state of the GPU's libraries; --backend openmp goes without");
}
void check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  throw core::Error(core::ErrorKind::runtime, core::str(call, ": ", cudaGetErrorString(status)), "check nvidia-smi");
}

struct Plan {
  cublasLtMatmulDesc_t desc = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, y = nullptr;
  cublasLtMatmulAlgo_t algorithm{};
  bool found = false;
};

// The alignment that counts for the choice of an algorithm: up to 16 bytes.
int alignment(const void* at) {
  const auto bits = reinterpret_cast<std::uintptr_t>(at) | 16u;
  return static_cast<int>(bits & (~bits + 1));
}

using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t, int, int, int, int, int>;
Key key_of(const Product& p) {
  const int kind = static_cast<int>(p.precision) * 32 + p.x_transposed * 16 + p.w_transposed * 8 + p.accumulate * 4 +
                   p.y16 * 2 + (p.bias != nullptr);
  return {p.rows,         p.columns,      p.inner,        kind,
          alignment(p.x), alignment(p.w), alignment(p.y), p.bias ? alignment(p.bias) : 0};
}

// Handle, plans and workspaces of this process.
class Lt {
 public:
  Lt() {
    check(api().create(&handle_), "cublasLtCreate");
    core::before_stop([this] { stop(); });
  }

  std::byte* workspace(void* stream) {
    std::byte*& at = workspaces_[stream];
    if (!at) check(cudaMalloc(reinterpret_cast<void**>(&at), workspace_bytes + 2 * most_bias_columns), "cudaMalloc");
    return at;
  }

  bool run(void* stream, const Product& p) {
    Plan& plan = plan_of(p);
    if (!plan.found) return false;
    std::byte* work = workspace(stream);
    if (p.bias)
      check(api().set_desc(plan.desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &p.bias, sizeof p.bias),
            "cublasLtMatmulDescSetAttribute");
    const float alpha = 1, beta = p.accumulate ? 1 : 0;
    check(api().matmul(handle_, plan.desc, &alpha, p.w, plan.a, p.x, plan.b, &beta, p.y, plan.y, p.y, plan.y,
                       &plan.algorithm, work, workspace_bytes, static_cast<cudaStream_t>(stream)),
          "cublasLtMatmul");
    return true;
  }

  std::mutex mutex;

 private:
  Plan& plan_of(const Product& p) {
    const Key key = key_of(p);
    if (const auto known = plans_.find(key); known != plans_.end()) return known->second;
    if (plans_.size() >= most_plans) drop_plans();
    Plan& plan = plans_[key];
    const cudaDataType in = p.precision == Precision::bf16 ? CUDA_R_16BF : CUDA_R_32F,
                       out = p.y16 ? CUDA_R_16BF : CUDA_R_32F;
    check(
        api().make_desc(&plan.desc, p.precision == Precision::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
                        CUDA_R_32F),
        "cublasLtMatmulDescCreate");
    const auto set = [&](cublasLtMatmulDescAttributes_t what, auto value) {
      check(api().set_desc(plan.desc, what, &value, sizeof value), "cublasLtMatmulDescSetAttribute");
    };
    set(CUBLASLT_MATMUL_DESC_TRANSA, static_cast<std::int32_t>(p.w_transposed ? CUBLAS_OP_N : CUBLAS_OP_T));
    set(CUBLASLT_MATMUL_DESC_TRANSB, static_cast<std::int32_t>(p.x_transposed ? CUBLAS_OP_T : CUBLAS_OP_N));
    if (p.bias) {
      set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
      set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);  // the heuristic looks at its alignment
      set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, static_cast<std::int32_t>(out));
    }
    const auto layout = [&](cublasLtMatrixLayout_t* to, cudaDataType type, std::int64_t rows, std::int64_t columns) {
      check(api().make_layout(to, type, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns), rows),
            "cublasLtMatrixLayoutCreate");
    };
    p.w_transposed ? layout(&plan.a, in, p.columns, p.inner) : layout(&plan.a, in, p.inner, p.columns);
    p.x_transposed ? layout(&plan.b, in, p.rows, p.inner) : layout(&plan.b, in, p.inner, p.rows);
    layout(&plan.y, out, p.columns, p.rows);

    cublasLtMatmulPreference_t preference = nullptr;
    check(api().make_preference(&preference), "cublasLtMatmulPreferenceCreate");
    const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t what, auto value) {
      check(api().set_preference(preference, what, &value, sizeof value), "cublasLtMatmulPreferenceSetAttribute");
    };
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{workspace_bytes});
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, static_cast<std::uint32_t>(alignment(p.w)));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, static_cast<std::uint32_t>(alignment(p.x)));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, static_cast<std::uint32_t>(alignment(p.y)));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, static_cast<std::uint32_t>(alignment(p.y)));
    cublasLtMatmulHeuristicResult_t best{};
    int count = 0;
    const cublasStatus_t status =
        api().heuristic(handle_, plan.desc, plan.a, plan.b, plan.y, plan.y, preference, 1, &best, &count);
    api().drop_preference(preference);
    if (status != CUBLAS_STATUS_NOT_SUPPORTED) check(status, "cublasLtMatmulAlgoGetHeuristic");
    plan.found = status == CUBLAS_STATUS_SUCCESS && count == 1 && best.state == CUBLAS_STATUS_SUCCESS;
    plan.algorithm = best.algo;
    return plan;
  }

  void drop_plans() {
    for (auto& [key, plan] : plans_) {
      for (cublasLtMatrixLayout_t l : {plan.a, plan.b, plan.y})
        if (l) api().drop_layout(l);
      if (plan.desc) api().drop_desc(plan.desc);
    }
    plans_.clear();
  }

  void stop() {
    const std::lock_guard lock(mutex);
    drop_plans();
    for (const auto& [stream, at] : workspaces_) cudaFree(at);
    workspaces_.clear();
    api().destroy(handle_);
  }

  cublasLtHandle_t handle_ = nullptr;
  std::map<Key, Plan> plans_;
  std::map<void*, std::byte*> workspaces_;
};

Lt& lt() {
  static Lt only;
  return only;
}

}  // namespace

const std::string& cublaslt_missing() { return api().missing; }

bool cublaslt_product(void* stream, const Product& product) {
  if (!api().missing.empty()) return false;
  const std::lock_guard lock(lt().mutex);
  return lt().run(stream, product);
}

bool cublaslt_gemm(void* stream, const Gemm16Desc& g) {
  if (!usable(Path::linear16)) return false;
  Product p;
  p.x = g.x, p.w = g.weight, p.bias = g.bias, p.y = g.y16 ? static_cast<void*>(g.y16) : g.y32;
  p.rows = g.rows, p.columns = g.columns, p.inner = g.inner;
  p.accumulate = g.epilogue == Epilogue::accumulate, p.y16 = g.y16 != nullptr, p.precision = Precision::bf16;
  const std::lock_guard lock(lt().mutex);
  const bool gelu = g.epilogue == Epilogue::gelu;
  if (gelu) p.bias = nullptr;  // added before the GELU, in float32
  if (p.bias && p.y16) {       // a bias has the type of the output
    if (p.columns > most_bias_columns) return false;
    auto* bias16 = reinterpret_cast<Bf16*>(lt().workspace(stream) + workspace_bytes);
    narrow(stream, g.bias, bias16, g.columns);
    p.bias = bias16;
  }
  if (!lt().run(stream, p)) return false;
  if (gelu) {
    if (g.y16)
      bias_gelu(stream, g.y16, g.bias, g.rows, g.columns);
    else
      bias_gelu(stream, g.y32, g.bias, g.rows, g.columns);
  }
  return true;
}

#else

const std::string& cublaslt_missing() {
  static const std::string reason = "built without CUDA, or without cublasLt.h";
  return reason;
}
bool cublaslt_product(void*, const Product&) { return false; }
bool cublaslt_gemm(void*, const Gemm16Desc&) { return false; }

#endif

}  // namespace streamtube::surrogate::cuda
