#include "apps/cli/device_options.hpp"

#include <CLI/CLI.hpp>

namespace streamtube::apps {

void declare_device_options(CLI::App& app, core::RuntimeOptions& options) {
  app.add_option_function<std::string>(
         "--backend",
         [&options](const std::string& name) {
           options.backend = name == "cuda" ? core::Backend::cuda : core::Backend::openmp;
         },
         "What the network runs on: cuda (NVIDIA GPU) or openmp (CPU); default: cuda in a program that was built for "
         "it, which needs a GPU to start with either")
      ->check(CLI::IsMember({"cuda", "openmp"}));
  app.add_option(
         "--device", options.device,
         "GPU, counted from 0 as `streamtube devices` lists them; default: the first, under mpirun one for each "
         "process in turn")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--threads", options.threads,
                 "CPU threads; 0: all this process may use, shared between the processes that mpirun starts on a host")
      ->check(CLI::Range(0, core::kMostThreads))
      ->capture_default_str();
}

}  // namespace streamtube::apps
