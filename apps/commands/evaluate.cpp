#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <utility>

#include "apps/cli/derived.hpp"
#include "apps/cli/device_options.hpp"
#include "apps/cli/drag_budget.hpp"
#include "apps/cli/evaluation_report.hpp"
#include "apps/cli/model.hpp"
#include "apps/cli/precision_option.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/output_lock.hpp"
#include "core/runtime.hpp"
#include "solver/baselines.hpp"
#include "solver/evaluation.hpp"
#include "solver/out_of_fold.hpp"

namespace streamtube::apps {
namespace {

using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;

constexpr int kThresholdMissed = 4;
constexpr std::size_t kBudgetDraws = 4;
constexpr std::size_t kMostRows = 10'000'000;  // surface points that --baselines auto reads

struct Requirement {
  std::string text, metric, relation;
  double value = 0;
};

Requirement parse(const std::string& text) {
  for (const char* relation : {">=", "<=", ">", "<"}) {
    const auto at = text.find(relation);
    if (at == std::string::npos) continue;
    Requirement r{text, text.substr(0, at), relation, 0};
    const std::string number = text.substr(at + std::string(relation).size());
    char* end = nullptr;
    r.value = std::strtod(number.c_str(), &end);
    if (!r.metric.empty() && !number.empty() && *end == '\0' && std::isfinite(r.value)) return r;
    break;
  }
  throw Error(ErrorKind::usage, str("--require '", text, "' cannot be read"), "for example --require \"cd_r2>=0.95\"");
}

bool holds(const Requirement& r, double value) {  // never for a value that is not a number
  return r.relation == ">="   ? value >= r.value
         : r.relation == "<=" ? value <= r.value
         : r.relation == ">"  ? value > r.value
                              : value < r.value;
}

class Evaluate : public Command {
 public:
  explicit Evaluate(MakeBudget budget) : budget_(budget) {}
  std::string name() const override { return "evaluate"; }
  std::string summary() const override { return "Compare a model with the cases of a data set"; }

  void declare(CLI::App& app) override {
    app.add_option("models", models_, "Checkpoint, or the members of a cross-validation; the built-in model without");
    app.add_option("--data", data_, "Data set (.h5 or a folder)")->required();
    app.add_option("--model", model_, "Checkpoint, the same as the word alone");
    split_ = app.add_option("--split", options_.split, "Which cases; with --out-of-fold that of the members' training")
                 ->capture_default_str();
    app.add_flag(
        "--out-of-fold", out_of_fold_,
        "Each case by the one model that has not learned from it: members of `train --folds K --fold k`, each in "
        "a file or all in one");
    app.add_option("--baselines", with_baselines_,
                   "Drag and lift by the mean of the training cases, the nearest one, and Gaussian processes over "
                   "descriptors and parameters: on, off; auto: where the surfaces of the training cases are read in "
                   "seconds")
        ->check(CLI::IsMember({"auto", "on", "off"}))
        ->capture_default_str();
    if (budget_) {
      app.add_flag(
          "--budget", wants_budget_,
          "Where the error of Cd comes from: anchors from the CFD or the body, sums over the CFD's faces or the "
          "body, scatter of --draws (4)");
      app.add_option(
          "--geometry", geometry_,
          "Folder with the bodies for --budget: <case>.stl (or another format), in metres, in the frame of the "
          "data; default: bodies of the data set");
    }
    app.add_option("--sample", options_.sample,
                   "Random points a branch for a second error, beside that of all points; 0: none")
        ->capture_default_str();
    draws_ = app.add_option("--draws", options_.draws, "Draws of anchors to average over")
                 ->capture_default_str()
                 ->check(CLI::Range(1, 1000));
    app.add_option("--seed", options_.seed, "Seed of the draws")->capture_default_str();
    app.add_option("--vorticity", vorticity_, kVorticityHelp);
    app.add_flag("--vorticity-at-points", at_points_,
                 "Compare a curl at the points themselves, not as the data's cells have it (their volumes known)");
    declare_device_options(app, device_);
    declare_precision(app, options_.precision);
    app.add_option("--require", require_,
                   "Exit code 4 unless it holds, e.g. \"cd_r2>=0.95\"; repeatable. Metrics: cd_r2, cd_mae_counts, "
                   "cd_bias_counts, cd_spearman, cl_..., and relative L2 errors as surface/pressure");
    app.add_option("--out", out_, "Folder for evaluation.json, fields.csv and cases.csv");
    app.add_option("--predictions", predictions_,
                   "Folder for the predicted fields: a data set of the same cases (one .h5 each), as `compare` takes");
    app.add_flag("--overwrite", overwrite_, "Replace existing results");
    app.add_flag("--json", json_, "Print JSON");
  }

  void validate() override {
    options_.vorticity = parse_vorticity(vorticity_);
    options_.vorticity_of_cells = !at_points_;
    core::check(device_);
    if (!models_.empty() && !model_.empty())
      throw Error(ErrorKind::usage, str("--model '", model_, "' and '", models_.front(), "': which one?"));
    if (models_.size() > 1 && !out_of_fold_)
      throw Error(ErrorKind::usage, str(models_.size(), " models are given"),
                  "one at a time; members of a cross-validation together with --out-of-fold");
    if (out_of_fold_ && wants_budget_)
      throw Error(ErrorKind::usage, "--budget takes one model, --out-of-fold several",
                  "ask for a member's budget alone");
    if (!geometry_.empty() && !wants_budget_) throw Error(ErrorKind::usage, "--geometry is for --budget");
  }

  int execute() override {
    std::vector<Requirement> requirements;
    for (const auto& text : require_) requirements.push_back(parse(text));
    if (!out_.empty()) take(out_lock_, out_, {"evaluation.json", "fields.csv", "cases.csv"});
    const core::Runtime runtime(device_);
    surrogate::check_precision(options_.precision);
    load_members();
    const surrogate::Checkpoint& model = members_.front().model;
    const std::vector<std::string> names = solver::metric_names(model);
    for (const auto& r : requirements)
      if (std::find(names.begin(), names.end(), r.metric) == names.end()) {
        std::string known;
        for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
        throw Error(ErrorKind::usage, str("--require: there is no metric '", r.metric, "'"), "there are: " + known);
      }
    const mesh_io::Dataset data(data_);
    share_out(data);
    if (!predictions_.empty()) write_predictions(data);
    std::optional<DragBudget> budget;
    if (wants_budget_)
      budget =
          budget_(model, data, shares_.front(),
                  {geometry_, draws_->count() > 0 ? options_.draws : kBudgetDraws, options_.seed, options_.precision});
    const solver::EvaluationResult result = evaluate(data);
    const auto metrics = solver::metrics(result);
    if (result.vorticity_of_cells)
      note("vorticity is the velocity's curl, as the data's cells have it; --vorticity-at-points: the exact curl");
    Json json = to_json(result, metrics);
    const auto labels = solver::label_scatter(data, all_cases());
    json["labels"] = core::parse_json(label_json_text(labels));
    if (!data.label_noise().empty()) json["label_noise"] = core::parse_json(mesh_io::to_json(data.label_noise()));
    const auto beside = standings(model.name, result, baselines_, options_.seed);
    json["standing"] = core::parse_json(standings_json_text(beside));
    json["notes"] = notes_;
    if (budget) json["budget"] = core::parse_json(budget_json_text(*budget));
    if (json_) {
      std::cout << core::json_text(json, 1) << '\n';
    } else {
      print(result);
      std::cout << standings_text(beside) << label_text(labels);
      if (!data.label_noise().empty())
        std::cout << '\n' << label_noise_text(data.label_noise(), "") << "  no model can show less on single labels\n";
      for (const auto& note : notes_) std::cout << "note: " << note << '\n';
      if (budget) std::cout << budget_text(*budget);
      std::cout << std::flush;
    }
    if (!out_.empty()) {
      core::write_text((std::filesystem::path(out_) / "fields.csv").string(), fields_csv(result));
      core::write_text((std::filesystem::path(out_) / "cases.csv").string(), cases_csv(result));
      core::write_text((std::filesystem::path(out_) / "evaluation.json").string(), core::json_text(json, 1) + "\n");
    }
    bool missed = false;
    for (const auto& r : requirements)
      if (!holds(r, metrics.at(r.metric))) {
        missed = true;
        core::log(core::LogLevel::error, str("required ", r.text, ", found ", r.metric, " = ", metrics.at(r.metric)));
      }
    return missed ? kThresholdMissed : 0;
  }

 private:
  void load_members() {
    if (models_.empty()) models_.push_back(model_);
    for (const std::string& path : models_) {
      const std::string name = model_source(path);
      surrogate::Checkpoint model = load_model(path);
      if (!out_of_fold_ || model.members() == 1) {
        members_.push_back({name, std::move(model)});
        continue;
      }
      for (std::size_t i = 0; i < model.members(); ++i)
        members_.push_back({str(name, ", member ", i + 1), model.member(i)});
    }
  }

  // Which model answers which cases.
  void share_out(const mesh_io::Dataset& data) {
    if (out_of_fold_) {
      if (split_->count() == 0) options_.split = members_.front().model.fold.split;
      shares_ = solver::out_of_fold(members_, data, options_.split);
    } else {
      shares_ = {data.split(options_.split)};
    }
    if (all_cases().empty())
      throw Error(ErrorKind::usage, str("the split '", options_.split, "' of '", data.path(), "' has no cases"));
  }
  std::vector<std::size_t> all_cases() const {
    std::vector<std::size_t> out;
    for (const auto& share : shares_) out.insert(out.end(), share.begin(), share.end());
    return out;
  }

  // A folder to write these files to, by nobody else until the end.
  void take(core::OutputLock& lock, const std::string& folder, const std::vector<std::string>& files) const {
    core::require_writable(folder, files, overwrite_);
    std::error_code same;
    if (&lock != &out_lock_ && std::filesystem::equivalent(folder, out_, same)) return;
    lock.take(folder, core::OutputLock::Place::inside);
    core::require_no_results(folder, files, overwrite_);
    for (const auto& name : lock.held() ? files : std::vector<std::string>{})
      core::remove_leftovers((std::filesystem::path(folder) / name).string());
  }

  void write_predictions(const mesh_io::Dataset& data) {
    std::vector<std::string> files;
    for (const std::size_t index : all_cases()) files.push_back(data.cases()[index].name + ".h5");
    take(predictions_lock_, predictions_, files);
    options_.each = [&](const mesh_io::FlowSample& prediction) {
      mesh_io::DatasetHeader header;
      header.description = str("predicted by the model '", members_.front().model.name, "' for cases of '", data_, "'");
      header.predicted = true;
      for (const physics::Branch b : {physics::Branch::surface, physics::Branch::volume})
        header.fields[static_cast<int>(b)] = data.fields(b);
      bool given = false;
      mesh_io::write_dataset((std::filesystem::path(predictions_) / (prediction.info.name + ".h5")).string(), header,
                             [&](mesh_io::FlowSample& next) {
                               if (std::exchange(given, true)) return false;
                               next = prediction;
                               return true;
                             });
    };
  }

  // Every member's cases by it, and by baselines made from what it has learned from.
  solver::EvaluationResult evaluate(const mesh_io::Dataset& data) {
    std::vector<std::string> conditions;
    for (const auto& condition : members_.front().model.conditions) conditions.push_back(condition.name);
    solver::Baselines baselines(data, conditions);
    std::vector<solver::EvaluationResult> parts;
    for (std::size_t m = 0; m < shares_.size(); ++m) {
      if (shares_[m].empty()) continue;
      options_.cases = shares_[m];
      parts.push_back(solver::evaluate(members_[m].model, data, options_));
      if (with_baselines_ == "off") continue;
      const auto training = training_cases(members_[m].model, data);
      if (with_baselines_ == "auto" && !few(data, training, shares_[m])) {
        notes_.push_back("no baselines: they take reading the surfaces of all training cases; --baselines on");
        with_baselines_ = "off", baselines_.clear();
        continue;
      }
      const auto made = baselines.predict(training, shares_[m]);
      if (parts.size() == 1) {
        baselines_ = made;
        continue;
      }
      std::erase_if(baselines_, [&](const auto& b) {
        return std::none_of(made.begin(), made.end(), [&](const auto& other) { return other.name == b.name; });
      });
      for (auto& all : baselines_)
        for (const auto& part : made)
          if (part.name == all.name) {
            all.cd.insert(all.cd.end(), part.cd.begin(), part.cd.end());
            all.cl.insert(all.cl.end(), part.cl.begin(), part.cl.end());
          }
    }
    notes_.insert(notes_.end(), baselines.notes().begin(), baselines.notes().end());
    return solver::joined(parts);
  }

  std::vector<std::size_t> training_cases(const surrogate::Checkpoint& model, const mesh_io::Dataset& data) {
    auto training = solver::cases_named(data, model.shapes.cases);
    const auto splits = data.splits();
    if (model.shapes.cases.empty() && std::count(splits.begin(), splits.end(), "train")) {
      training = data.split("train");
      note("the model does not say what it was trained on; baselines are made from the split 'train'");
    }
    if (training.size() < model.shapes.cases.size())
      note(str("of the ", model.shapes.cases.size(), " cases that the model was trained on, ", training.size(),
               " are in the data set: baselines are made from these"));
    std::size_t seen = 0;
    for (const std::size_t index : all_cases())
      seen += std::count(training.begin(), training.end(), index) > 0 && !out_of_fold_;
    if (seen > 0) note(str(seen, " of the cases were trained on: model and baselines have seen them"));
    return training;
  }
  void note(const std::string& text) {
    if (!std::count(notes_.begin(), notes_.end(), text)) notes_.push_back(text);
  }

  // Whether the surfaces are read in seconds.
  static bool few(const mesh_io::Dataset& data, const std::vector<std::size_t>& a, const std::vector<std::size_t>& b) {
    std::size_t rows = 0;
    for (const auto* cases : {&a, &b})
      for (const std::size_t index : *cases) rows += data.cases()[index].rows[0];
    return rows <= kMostRows;
  }

  Json to_json(const solver::EvaluationResult& result, const std::map<std::string, double>& metrics) const {
    const surrogate::Checkpoint& model = members_.front().model;
    Json fields, cases = Json::array();
    for (const auto& [name, f] : result.fields) {
      fields[name] = {{"relative_l2", f.relative_l2},
                      {"weighted_relative_l2", f.weighted_relative_l2},
                      {"mean_absolute", f.mean_absolute},
                      {"mean_squared", f.mean_squared},
                      {"component_relative_l2", f.component_relative_l2}};
      if (options_.sample > 0) fields[name]["sample_relative_l2"] = f.sample_relative_l2;
    }
    for (const auto& c : result.cases) {
      cases.push_back({{"name", c.name},
                       {"Cd", c.cd},
                       {"true_Cd", c.true_cd},
                       {"Cl", c.cl},
                       {"true_Cl", c.true_cl},
                       {"relative_l2", c.relative_l2}});
      if (!c.cd_draws.empty()) cases.back()["Cd_draws"] = c.cd_draws, cases.back()["Cl_draws"] = c.cl_draws;
    }
    for (std::size_t b = 0; b < baselines_.size(); ++b)
      for (std::size_t c = 0; c < cases.size(); ++c)
        cases[c]["baselines"][baselines_[b].name] = {{"Cd", baselines_[b].cd[c]}, {"Cl", baselines_[b].cl[c]}};
    Json members = Json::array();
    for (std::size_t m = 0; m < shares_.size() && out_of_fold_; ++m)
      members.push_back({{"model", members_[m].path},
                         {"fingerprint", members_[m].model.fingerprint},
                         {"fold", members_[m].model.fold.fold},
                         {"folds", members_[m].model.fold.folds},
                         {"cases", shares_[m].size()}});
    physics::Normalizer normalizer = model.normalizer;
    if (options_.vorticity) normalizer.set_vorticity_decoder(*options_.vorticity, model.name);
    Json decoders;
    for (const auto& f : normalizer[physics::Branch::volume].fields)
      decoders["volume/" + f.name] = physics::name(f.decoder);
    return {{"model", model.name},
            {"fingerprint", model.fingerprint},
            {"split", options_.split},
            {"members", members},
            {"sample", options_.sample},
            {"precision", surrogate::name(options_.precision)},
            {"metrics", metrics},
            {"fields", fields},
            {"cases", cases},
            {"vorticity_of_cells", result.vorticity_of_cells},
            {"decoders", decoders}};
  }

  std::string fields_csv(const solver::EvaluationResult& result) const {
    std::string text =
        "field,relative_l2,sample_relative_l2,weighted_relative_l2,mean_absolute,mean_squared,component_relative_l2_0,"
        "component_relative_l2_1,component_relative_l2_2\n";
    for (const auto& [name, f] : result.fields) {
      text += str(name, ',', f.relative_l2, ',', options_.sample > 0 ? str(f.sample_relative_l2) : std::string(), ',',
                  f.weighted_relative_l2, ',', f.mean_absolute, ',', f.mean_squared);
      for (std::size_t c = 0; c < 3; ++c)
        text += c < f.component_relative_l2.size() ? str(',', f.component_relative_l2[c]) : std::string(",");
      text += '\n';
    }
    return text;
  }

  static std::string cases_csv(const solver::EvaluationResult& result) {
    std::string text = "case,Cd,true_Cd,Cl,true_Cl";
    for (const auto& [name, f] : result.fields) text += "," + name;
    text += '\n';
    for (const auto& c : result.cases) {
      text += str(c.name, ',', c.cd, ',', c.true_cd, ',', c.cl, ',', c.true_cl);
      for (const auto& [name, error] : c.relative_l2) text += str(',', error);
      text += '\n';
    }
    return text;
  }

  void print(const solver::EvaluationResult& r) const {
    std::printf(
        "model '%s' on %zu cases of split '%s'%s\n\n", members_.front().model.name.c_str(), r.cases.size(),
        options_.split.c_str(),
        out_of_fold_ ? str(", each by the one of ", members_.size(), " members that has not seen it").c_str() : "");
    // Over all points, and as training's validation sees it, over some; weighted: by area or cell volume.
    std::printf("%-28s %11s %11s %11s %11s %11s  %s\n", "field (dimensionless)", "relative L2",
                options_.sample > 0 ? str("at ", options_.sample).c_str() : "", "weighted", "mean |e|", "mean e^2",
                "components");
    for (const auto& [name, f] : r.fields) {
      char sample[32] = "";
      if (options_.sample > 0) std::snprintf(sample, sizeof sample, "%.2f %%", 100 * f.sample_relative_l2);
      std::printf("%-28s %9.2f %% %11s %9.2f %% %11.4g %11.4g ", name.c_str(), 100 * f.relative_l2, sample,
                  100 * f.weighted_relative_l2, f.mean_absolute, f.mean_squared);
      for (const double e : f.component_relative_l2) std::printf(" %.1f %%", 100 * e);
      std::printf("\n");
    }
    std::printf("\n%-12s %8s %14s %14s %14s %10s\n", "coefficient", "R2", "mean |e|", "bias", "largest", "Spearman");
    const auto line = [](const char* name, const physics::CoefficientError& e) {
      std::printf("%-12s %8.3f %7.1f counts %7.1f counts %7.1f counts %10.3f\n", name, e.r2, 1e4 * e.mean_absolute,
                  1e4 * e.bias, 1e4 * e.largest, e.spearman);
    };
    line("Cd", r.cd), line("Cl", r.cl);
    std::fflush(stdout);
  }

  MakeBudget budget_;
  std::string data_, model_, out_, vorticity_, predictions_, geometry_, with_baselines_ = "auto";
  std::vector<std::string> models_, notes_;
  CLI::Option *split_ = nullptr, *draws_ = nullptr;
  bool out_of_fold_ = false, wants_budget_ = false;
  core::OutputLock out_lock_, predictions_lock_;
  std::vector<solver::Member> members_;
  std::vector<std::vector<std::size_t>> shares_;  // [members] indices of the cases that each answers
  std::vector<solver::Baseline> baselines_;
  solver::EvaluationOptions options_;
  std::vector<std::string> require_;
  core::RuntimeOptions device_;
  bool overwrite_ = false, json_ = false, at_points_ = false;
};

}  // namespace

std::unique_ptr<Command> make_evaluate(MakeBudget budget) { return std::make_unique<Evaluate>(budget); }

}  // namespace streamtube::apps
