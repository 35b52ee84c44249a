#include "surrogate/backends/backend_set.hpp"

#include <cstdlib>
#include <string>

#include "core/error.hpp"
#include "surrogate/backends/cpu_kernels.hpp"
#include "surrogate/backends/cuda_paths.hpp"

namespace streamtube::surrogate {
namespace {

CpuPath best_cpu_path() { return cpu_paths().back(); }

constexpr CpuPath all_paths[] = {CpuPath::portable, CpuPath::avx2, CpuPath::avx512, CpuPath::amx};

void require_available(CpuPath path) {
  if (path > best_cpu_path())
    throw core::Error(core::ErrorKind::usage, core::str("CPU path '", name(path), "' is not available here"),
                      "`streamtube devices` lists what is, and why not the rest");
}

CpuPath chosen_cpu_path() {
  const char* wanted = std::getenv("STREAMTUBE_CPU_PATH");
  if (!wanted || !*wanted) return best_cpu_path();
  for (const CpuPath path : all_paths)
    if (wanted == std::string(name(path))) return path;
  throw core::Error(core::ErrorKind::usage, core::str("STREAMTUBE_CPU_PATH='", wanted, "' is unknown"),
                    "use portable, avx2, avx512 or amx");
}

}  // namespace

const char* name(Precision precision) {
  return precision == Precision::fp32 ? "fp32" : precision == Precision::tf32 ? "tf32" : "bf16";
}

const char* name(CpuPath path) {
  switch (path) {
    case CpuPath::portable:
      return "portable";
    case CpuPath::avx2:
      return "avx2";
    case CpuPath::avx512:
      return "avx512";
    case CpuPath::amx:
      return "amx";
  }
  return "";
}

std::vector<CpuPath> cpu_paths() {
  std::vector<CpuPath> paths{CpuPath::portable};
  if (cpu::avx2()) paths.push_back(CpuPath::avx2);
  if (cpu::avx512()) paths.push_back(CpuPath::avx512);
  if (cpu::amx_gemm()) paths.push_back(CpuPath::amx);
  return paths;
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
      BackendInfo info{operation, name(path), missing.empty(), chosen.cpu_path() == path,
                       missing.empty() ? what : missing};
      if (missing.empty() && chosen.cpu_path() < path) info.reason = "switched off by STREAMTUBE_CPU_PATH";
      report.push_back(info);
    };
    add(CpuPath::amx, cpu::amx_missing(), "bfloat16 tiles, three parts a number: float32 accuracy");
    add(CpuPath::avx512, cpu::avx512_missing(), "float32 multiply-adds");
    add(CpuPath::avx2, cpu::avx2_missing(), "float32 multiply-adds");
    add(CpuPath::portable, "", "Kokkos, any device and any shape");
  }
  return report;
}

}  // namespace streamtube::surrogate
