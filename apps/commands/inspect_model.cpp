#include <CLI/CLI.hpp>
#include <iostream>

#include "apps/cli/model.hpp"
#include "apps/commands/commands.hpp"

namespace streamtube::apps {
namespace {

class InspectModel : public Command {
 public:
  std::string name() const override { return "inspect"; }
  std::string summary() const override { return "Report what is in a model"; }

  void declare(CLI::App& app) override {
    app.add_option("file", file_, "Checkpoint (.h5); without: the built-in model");
    app.add_flag("--json", json_, "Print JSON");
  }

  int execute() override {
    print_model(load_model(file_), json_);
    return 0;
  }

 private:
  std::string file_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_inspect_model() { return std::make_unique<InspectModel>(); }

}  // namespace streamtube::apps
