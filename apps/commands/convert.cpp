#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"

namespace streamtube::apps {
namespace {

class Convert : public Command {
 public:
  std::string name() const override { return "convert"; }
  std::string summary() const override { return "Make a checkpoint of a training file of the PyTorch reference"; }

  void declare(CLI::App& app) override {
    app.add_option("input", input_, "Training file (.h5): attributes config, normaliser, test; /weights")->required();
    app.add_option("output", output_, "Checkpoint to write (.h5)")->required();
    app.add_option(
           "--describe", description_,
           "JSON file with what the training file does not say: name, provenance, reference flow, fields, domain, "
           "sampling, training range (see docs/checkpoint_format.md and data_samples/models/*.json)")
        ->required();
    app.add_flag("--overwrite", overwrite_, "Replace an existing output file");
    app.add_flag("--json", json_, "Print the checkpoint's summary as JSON");
  }

  int execute() override {
    if (!overwrite_ && std::filesystem::exists(output_))
      throw core::Error(core::ErrorKind::usage, core::str("'", output_, "' is there already"),
                        "--overwrite replaces it");
    auto checkpoint = surrogate::import_training_file(input_, description_);
    surrogate::write_checkpoint(output_, checkpoint);
    std::cout << (json_ ? surrogate::summary_json(checkpoint) + "\n" : surrogate::summary_text(checkpoint));
    return 0;
  }

 private:
  std::string input_, output_, description_;
  bool overwrite_ = false, json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_convert() { return std::make_unique<Convert>(); }

}  // namespace streamtube::apps
