#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <map>

#include "apps/cli/model.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/output_lock.hpp"
#include "mesh_io/h5/dataset.hpp"
#include "mesh_io/h5/h5_file.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "surrogate/train/training_shapes.hpp"

namespace streamtube::apps {
namespace {

class Convert : public Command {
 public:
  std::string name() const override { return "convert"; }
  std::string summary() const override {
    return "Describe a checkpoint anew, or make one of the PyTorch reference's training file";
  }

  void declare(CLI::App& app) override {
    app.add_option("input", input_,
                   "Checkpoint, or training file of the reference: attributes config, normaliser, test; /weights (.h5)")
        ->required();
    app.add_option("output", output_, "Checkpoint to write (.h5)")->required();
    app.add_option(
        "--describe", description_,
        "JSON file with what the training file does not say, or what the checkpoint is to say instead: "
        "name, provenance, reference flow, fields, domain, "
        "sampling, training range (see docs/checkpoint_format.md and data_samples/models/*.json); needed for "
        "a training file");
    app.add_option("--errors", errors_,
                   "evaluation.json of `streamtube evaluate --out`: its metrics become the model's test errors");
    app.add_option("--members", members_,
                   "Further checkpoints, trained like the input with other folds or seeds: the output answers with the "
                   "mean of all");
    app.add_option("--member", member_, "Of a model with several members only this one, 1 ...")
        ->check(CLI::PositiveNumber)
        ->excludes("--members");
    auto* shapes = app.add_option("--shapes", shapes_,
                                  "Data set the model was trained on (.h5 or a folder): the descriptors of its bodies, "
                                  "to which `predict` compares a body");
    app.add_option("--split", split_, "Which cases of --shapes it was trained on")
        ->needs(shapes)
        ->capture_default_str();
    app.add_flag("--overwrite", overwrite_, "Replace an existing output file");
    app.add_flag("--json", json_, "Print the checkpoint's summary as JSON");
  }

  int execute() override {
    const core::OutputFile output(output_, overwrite_);
    const bool again = is_checkpoint();
    if (description_.empty() && !again)
      throw core::Error(core::ErrorKind::usage, core::str("'", input_, "' is a training file, which does not say all"),
                        "describe the model with --describe");
    if (description_.empty() && errors_.empty() && shapes_.empty() && members_.empty() && member_ == 0)
      throw core::Error(core::ErrorKind::usage, "convert: nothing to change",
                        "give --describe, --errors, --shapes, --members or --member");
    auto checkpoint = again ? model() : surrogate::import_training_file(input_, description_);
    if (!errors_.empty()) checkpoint.test_errors = metrics();
    if (!shapes_.empty()) {
      const mesh_io::Dataset data(shapes_);
      checkpoint.shapes = surrogate::training_shapes(data, data.split(split_));
    }
    surrogate::write_checkpoint(output_, checkpoint);
    std::cout << (json_ ? surrogate::summary_json(checkpoint) + "\n" : surrogate::summary_text(checkpoint));
    return 0;
  }

 private:
  // The input with its further members or the one that is wanted, under the description where there is one.
  surrogate::Checkpoint model() const {
    std::vector<std::string> paths = {input_};
    paths.insert(paths.end(), members_.begin(), members_.end());
    surrogate::Checkpoint joined = member_of(surrogate::join_members(paths), member_, input_);
    return description_.empty() ? joined : surrogate::describe_again(std::move(joined), description_, input_);
  }

  bool is_checkpoint() const { return mesh_io::H5File::open(input_).has_attribute("/", "format"); }

  std::map<std::string, double> metrics() const {
    const auto json = core::try_json(core::read_text(errors_));
    std::map<std::string, double> found;
    if (json.is_object() && json.contains("metrics") && json["metrics"].is_object())
      for (const auto& [name, value] : json["metrics"].items())
        if (value.is_number()) found[name] = value.get<double>();
    if (found.empty())
      throw core::Error(core::ErrorKind::input, core::str("'", errors_, "': has no metrics"),
                        "give the evaluation.json that `streamtube evaluate --out` writes");
    return found;
  }

  std::vector<std::string> members_;
  std::size_t member_ = 0;
  std::string input_, output_, description_, errors_, shapes_, split_ = "train";
  bool overwrite_ = false, json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_convert() { return std::make_unique<Convert>(); }

}  // namespace streamtube::apps
