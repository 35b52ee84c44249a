#include <CLI/CLI.hpp>
#include <exception>
#include <filesystem>
#include <iostream>

#include "apps/cli/device_options.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/processes.hpp"
#include "core/runtime.hpp"
#include "surrogate/train/curves.hpp"
#include "surrogate/train/session.hpp"

namespace streamtube::apps {
namespace {

constexpr int kInterrupted = 130;

class Train : public Command {
 public:
  explicit Train(LossPicture draw) : draw_(draw) {}
  std::string name() const override { return "train"; }
  std::string summary() const override { return "Train a model on a data set; also by several processes (mpirun)"; }

  void declare(CLI::App& app) override {
    app.add_option("recipe", words_,
                   "Recipe (JSON with comments; --print-config shows all options), then options as key=value");
    app.add_option("--out", out_, "Folder for checkpoints and log (\"out\" of the recipe)");
    app.add_option(
        "--folds", folds_,
        "Cross-validation: cut the cases of split.train into so many parts, by their names (\"split.folds\")");
    app.add_option("--fold", fold_,
                   "The part, 1 to --folds, that this run holds out and validates by (\"split.fold\")");
    declare_device_options(app, device_);
    app.add_flag("--resume", session_.resume, "Continue the run in --out from its last state, bit for bit");
    app.add_flag("--overwrite", session_.overwrite, "Replace an earlier run in --out");
    app.add_flag("--dry-run", session_.dry_run, "Check recipe, data and memory, print the plan");
    app.add_flag("--print-config", print_, "Print all options with their values and exit");
    app.add_flag("--json", json_, "Print the result as JSON");
  }

  void validate() override { core::check(device_); }

  int execute() override {
    const core::Processes processes = core::Processes::join();
    int code = 0;
    processes.run([&] { code = train(processes); });
    return code;
  }

 private:
  int train(const core::Processes& processes) {
    std::string path;
    std::vector<std::string> overrides;
    for (const std::string& word : words_) {
      std::error_code ignored;
      // "lr=1e-3/recipe.json" is a file too.
      if (word.find('=') != std::string::npos && !std::filesystem::is_regular_file(word, ignored)) {
        overrides.push_back(word);
        continue;
      }
      if (!path.empty())
        throw core::Error(core::ErrorKind::usage, core::str("'", path, "' and '", word, "' cannot both be the recipe"),
                          "options are given as key=value");
      path = word;
    }
    if (!folds_.empty()) overrides.push_back("split.folds=" + folds_);
    if (!fold_.empty()) overrides.push_back("split.fold=" + fold_);
    surrogate::Recipe recipe = surrogate::read_recipe(path, overrides);
    if (!out_.empty()) recipe.out = out_;
    if (print_) {
      if (processes.first()) std::cout << surrogate::recipe_text(recipe);
      return 0;
    }
    if (recipe.data.empty())
      throw core::Error(core::ErrorKind::usage, "a recipe needs \"data\"",
                        "`streamtube train --print-config` explains all options");
    if (session_.resume && session_.overwrite)
      throw core::Error(core::ErrorKind::usage, "--resume and --overwrite exclude each other");
    device_.usable = processes.usable_threads(), device_.local_rank = processes.rank_on_this_host();
    const core::Runtime runtime(device_);
    const surrogate::SessionResult r = surrogate::run_session(recipe, session_, processes);
    const int code = r.interrupted ? kInterrupted : 0;
    if (!processes.first()) return code;
    if (draw_ && !session_.dry_run) draw_loss(recipe.out);
    if (json_)
      std::cout << core::json_text(core::Json({{"updates", r.updates},
                                               {"loss", r.loss},
                                               {"best_validation", r.best},
                                               {"parameters", r.parameters},
                                               {"memory", r.memory},
                                               {"train_cases", r.train_cases},
                                               {"validation_cases", r.validation_cases}}),
                                   1)
                << '\n';
    else
      std::cout << "parameters        " << r.parameters << "\ncases             " << r.train_cases << " + "
                << r.validation_cases << " for validation\nmemory            " << (r.memory >> 20)
                << " MiB\nupdates           " << r.updates << " of " << recipe.schedule.updates
                << "\nloss              " << r.loss << "\nbest validation   " << r.best << "\n";
    return code;
  }

  // Beside the log. A training does not fail for want of a picture.
  void draw_loss(const std::string& out) const {
    const std::filesystem::path folder(out);
    try {
      const surrogate::Curves curves = surrogate::read_curves((folder / "log.jsonl").string());
      if (curves.rows.empty()) return;
      const std::string name = std::filesystem::absolute(folder).lexically_normal().filename().string();
      core::write_atomically((folder / "loss.png").string(), [&](const std::string& temporary) {
        draw_(temporary, curves, core::str("training of '", name, "'"));
      });
    } catch (const core::Interrupted&) {
    } catch (const core::Error& error) {
      core::warn(core::str("no loss.png: ", error.message(), error.hint().empty() ? "" : "; ", error.hint()));
    } catch (const std::exception& error) {
      core::warn(core::str("no loss.png: ", error.what()));
    }
  }

  LossPicture draw_;
  std::vector<std::string> words_;
  std::string out_, folds_, fold_;
  surrogate::SessionOptions session_;
  core::RuntimeOptions device_;
  bool print_ = false, json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_train(LossPicture draw) { return std::make_unique<Train>(draw); }

}  // namespace streamtube::apps
