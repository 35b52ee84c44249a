#include "apps/cli/precision_option.hpp"

#include <CLI/CLI.hpp>
#include <string>

namespace streamtube::apps {

void declare_precision(CLI::App& app, surrogate::Precision& precision) {
  using surrogate::Precision;
  app.add_option_function<std::string>(
         "--precision",
         [&precision](const std::string& word) {
           for (const Precision one : {Precision::fp32, Precision::tf32, Precision::bf16})
             if (word == surrogate::name(one)) precision = one;
         },
         "Of the network's products: fp32; tf32 (NVIDIA GPUs); bf16: faster, off by up to a few per mille (NVIDIA "
         "GPUs, CPUs with AVX512-BF16). Derivatives stay fp32 with bf16")
      ->check([](const std::string& word) -> std::string {
        if (word == "fp16" || word == "half")
          return "there is no " + word + ", whose numbers end at 65504; bf16 has as many bits and the range of fp32";
        return word == "fp32" || word == "tf32" || word == "bf16" ? "" : "'" + word + "' is none of fp32, tf32, bf16";
      })
      ->default_str("fp32");
}

}  // namespace streamtube::apps
