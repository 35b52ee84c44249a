#include "surrogate/backends/backend_set.hpp"

#include <cstdlib>
#include <string>

#include "core/error.hpp"
#include "surrogate/backends/cpu_kernels.hpp"
#include "surrogate/backends/cuda_paths.hpp"

namespace streamtube::surrogate {
namespace {

CpuPath best_cpu_path() {
  if (cpu::amx_gemm()) return CpuPath::amx;
  if (cpu::avx512_gemm()) return CpuPath::avx512;
  return CpuPath::portable;
}

const char* const names[] = {"portable", "avx512", "amx"};

void require_available(CpuPath path) {
  if (path > best_cpu_path())
    throw core::Error(core::ErrorKind::usage,
                      core::str("CPU path '", names[static_cast<int>(path)], "' is not available here"),
                      "`streamtube devices` lists what is, and why not the rest");
}

CpuPath chosen_cpu_path() {
  const char* wanted = std::getenv("STREAMTUBE_CPU_PATH");
  if (!wanted || !*wanted) return best_cpu_path();
  for (int i = 0; i < 3; ++i)
    if (wanted == std::string(names[i])) return static_cast<CpuPath>(i);
  throw core::Error(core::ErrorKind::usage, core::str("STREAMTUBE_CPU_PATH='", wanted, "' is unknown"),
                    "use portable, avx512 or amx");
}

}  // namespace

const char* name(Precision precision) {
  return precision == Precision::fp32 ? "fp32" : precision == Precision::tf32 ? "tf32" : "bf16";
}

bool portable_wanted() {
  const char* wanted = std::getenv("STREAMTUBE_CPU_PATH");
  return wanted && wanted == std::string("portable");
}

BackendSet::BackendSet() : BackendSet(chosen_cpu_path()) {}
BackendSet::BackendSet(CpuPath path) : cpu_path_(path) { require_available(path); }
BackendSet::BackendSet(Precision precision, bool gpu) : BackendSet() {
  precision_ = precision;
  if (gpu) return;
  if (precision == Precision::tf32)
    throw core::Error(core::ErrorKind::usage, "precision tf32 needs an NVIDIA GPU",
                      "use fp32 or bf16, or a program built for CUDA with --backend cuda");
  if (precision == Precision::bf16 && (cpu_path_ < CpuPath::avx512 || !cpu::bf16_gemm()))
    throw core::Error(
        core::ErrorKind::usage,
        core::str("precision bf16: ",
                  *cpu::bf16_missing() ? cpu::bf16_missing() : "AVX-512 BF16 is switched off by STREAMTUBE_CPU_PATH"),
        "use precision fp32");
}

std::vector<BackendInfo> backend_report() {
  std::vector<BackendInfo> report;
  const BackendSet chosen;
  const std::vector<BackendInfo> gpu = cuda::report();
  for (const char* operation : {"linear", "attention"}) {
    for (const BackendInfo& info : gpu)
      if (info.operation == operation) report.push_back(info);
    const auto add = [&](CpuPath path, const std::string& missing, const char* what) {
      BackendInfo info{operation, names[static_cast<int>(path)], missing.empty(), chosen.cpu_path() == path,
                       missing.empty() ? what : missing};
      if (missing.empty() && chosen.cpu_path() < path) info.reason = "switched off by STREAMTUBE_CPU_PATH";
      report.push_back(info);
    };
    add(CpuPath::amx, cpu::amx_missing(), "bfloat16 tiles, three parts a number: float32 accuracy");
    add(CpuPath::avx512, cpu::avx512_missing(), "float32 multiply-adds");
    add(CpuPath::portable, "", "Kokkos, any device and any shape");
  }
  return report;
}

}  // namespace streamtube::surrogate
