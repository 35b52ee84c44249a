#include "apps/cli/precision_option.hpp"

#include <CLI/CLI.hpp>
#include <map>

namespace streamtube::apps {

void declare_precision(CLI::App& app, surrogate::Precision& precision) {
  using surrogate::Precision;
  std::map<std::string, Precision> by_name;
  for (const Precision one : {Precision::fp32, Precision::tf32, Precision::bf16}) by_name[surrogate::name(one)] = one;
  app.add_option(
         "--precision", precision,
         "Of the network's products: fp32; tf32 (NVIDIA GPUs); bf16: faster, off by up to a few per mille (NVIDIA "
         "GPUs, CPUs with AVX512-BF16). Derivatives stay fp32 with bf16")
      ->transform(CLI::CheckedTransformer(by_name).description("fp32|tf32|bf16"))
      ->default_str("fp32");
}

}  // namespace streamtube::apps
