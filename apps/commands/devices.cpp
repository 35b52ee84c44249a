#include <CLI/CLI.hpp>
#include <iostream>
#include <optional>

#include "apps/cli/device_options.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/processes.hpp"
#include "core/runtime.hpp"
#include "surrogate/backends/backend_set.hpp"
#include "surrogate/backends/nccl.hpp"

namespace streamtube::apps {
namespace {

class Devices : public Command {
 public:
  std::string name() const override { return "devices"; }
  std::string summary() const override {
    return "List the devices and the implementations they have, and why each is or is not used";
  }

  void declare(CLI::App& app) override {
    declare_device_options(app, device_);
    app.add_flag("--json", json_, "Print JSON");
  }

  void validate() override { core::check(device_); }

  int execute() override {
    std::optional<core::Runtime> runtime;
    try {
      runtime.emplace(device_);
    } catch (const core::Error& error) {  // no GPU: what there is, is listed all the same
      if (error.kind() != core::ErrorKind::runtime) throw;
      core::warn(core::str(error.message(), "; ", error.hint()));
    }
    const auto devices = core::devices();
    const auto backends = surrogate::backend_report();
    if (json_) {
      core::Json out;
      out["devices"] = core::Json::array();
      for (const auto& d : devices)
        out["devices"].push_back({{"name", d.name},
                                  {"backend", d.backend},
                                  {"threads", d.threads},
                                  {"memory", d.memory},
                                  {"features", d.features},
                                  {"used", d.used}});
      if (const std::string mpi = core::mpi_library(); !mpi.empty())
        out["mpi"] = mpi;
      else
        out["mpi"] = nullptr;
      out["nccl"] = surrogate::cuda::nccl_library();
      out["backends"] = core::Json::array();
      for (const auto& b : backends)
        out["backends"].push_back({{"operation", b.operation},
                                   {"name", b.name},
                                   {"available", b.available},
                                   {"used", b.used},
                                   {"reason", b.reason}});
      std::cout << core::json_text(out, 2) << '\n';
      return 0;
    }
    for (const auto& d : devices) {
      std::cout << d.name << (d.used ? "  (USED)" : "") << "\n  backend   " << d.backend;
      if (d.threads > 0) std::cout << ", " << d.threads << (d.threads == 1 ? " thread" : " threads");
      std::cout << "\n  memory    " << (d.memory >> 20) << " MiB\n  features ";
      for (const auto& f : d.features) std::cout << ' ' << f;
      std::cout << '\n';
    }
    const std::string mpi = core::mpi_library();
    std::cout << "\nprocesses    " << (mpi.empty() ? "one: built without MPI" : "several can train together: " + mpi)
              << "\nsums on GPUs " << surrogate::cuda::nccl_library()
              << "\n\nimplementations, in the order they are tried\n";
    std::string operation;
    for (const auto& b : backends) {
      if (b.operation != operation) std::cout << "  " << (operation = b.operation) << '\n';
      const char* state = b.used ? "USED" : b.available ? "yes " : "-   ";
      std::cout << "    " << state << "  " << b.name << ": " << b.reason << '\n';
    }
    return 0;
  }

 private:
  core::RuntimeOptions device_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_devices() { return std::make_unique<Devices>(); }

}  // namespace streamtube::apps
