#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "apps/cli/derived.hpp"
#include "apps/cli/device_options.hpp"
#include "apps/cli/model.hpp"
#include "apps/cli/precision_option.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/log.hpp"
#include "core/runtime.hpp"
#include "solver/evaluation.hpp"

namespace streamtube::apps {
namespace {

using core::Error;
using core::ErrorKind;
using core::str;
using Json = nlohmann::json;

constexpr int kThresholdMissed = 4;

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
  std::string name() const override { return "evaluate"; }
  std::string summary() const override { return "Compare a model with the cases of a data set"; }

  void declare(CLI::App& app) override {
    app.add_option("--data", data_, "Data set (.h5 or a folder)")->required();
    app.add_option("--model", model_, "Checkpoint; the built-in model without");
    app.add_option("--split", options_.split, "Which cases")->capture_default_str();
    app.add_option("--sample", options_.sample,
                   "Random points a branch for a second error, beside that of all points; 0: none")
        ->capture_default_str();
    app.add_option("--draws", options_.draws, "Draws of anchors to average over")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    app.add_option("--seed", options_.seed, "Seed of the draws")->capture_default_str();
    app.add_option("--vorticity", vorticity_, kVorticityHelp);
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
    core::check(device_);
  }

  int execute() override {
    std::vector<Requirement> requirements;
    for (const auto& text : require_) requirements.push_back(parse(text));
    if (!out_.empty()) core::require_writable(out_, {"evaluation.json", "fields.csv", "cases.csv"}, overwrite_);
    const core::Runtime runtime(device_);
    surrogate::check_precision(options_.precision);
    const surrogate::Checkpoint model = load_model(model_);
    const std::vector<std::string> names = solver::metric_names(model);
    for (const auto& r : requirements)
      if (std::find(names.begin(), names.end(), r.metric) == names.end()) {
        std::string known;
        for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
        throw Error(ErrorKind::usage, str("--require: there is no metric '", r.metric, "'"), "there are: " + known);
      }
    const mesh_io::Dataset data(data_);
    if (!predictions_.empty()) {
      std::vector<std::string> files;
      for (const std::size_t index : data.split(options_.split)) files.push_back(data.cases()[index].name + ".h5");
      core::require_writable(predictions_, files, overwrite_);
      options_.each = [&](const mesh_io::FlowSample& prediction) {
        mesh_io::DatasetHeader header;
        header.description = str("predicted by the model '", model.name, "' for cases of '", data_, "'");
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
    const solver::EvaluationResult result = solver::evaluate(model, data, options_);
    const auto metrics = solver::metrics(result);
    const Json json = to_json(model, result, metrics);
    if (json_)
      std::cout << json.dump(1) << '\n';
    else
      print(model, result);
    if (!out_.empty()) {
      core::write_text((std::filesystem::path(out_) / "fields.csv").string(), fields_csv(result));
      core::write_text((std::filesystem::path(out_) / "cases.csv").string(), cases_csv(result));
      core::write_text((std::filesystem::path(out_) / "evaluation.json").string(), json.dump(1) + "\n");
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
  Json to_json(const surrogate::Checkpoint& model, const solver::EvaluationResult& result,
               const std::map<std::string, double>& metrics) const {
    Json fields, cases = Json::array();
    for (const auto& [name, f] : result.fields) {
      fields[name] = {{"relative_l2", f.relative_l2},
                      {"weighted_relative_l2", f.weighted_relative_l2},
                      {"mean_absolute", f.mean_absolute},
                      {"mean_squared", f.mean_squared},
                      {"component_relative_l2", f.component_relative_l2}};
      if (options_.sample > 0) fields[name]["sample_relative_l2"] = f.sample_relative_l2;
    }
    for (const auto& c : result.cases)
      cases.push_back({{"name", c.name},
                       {"Cd", c.cd},
                       {"true_Cd", c.true_cd},
                       {"Cl", c.cl},
                       {"true_Cl", c.true_cl},
                       {"relative_l2", c.relative_l2}});
    physics::Normalizer normalizer = model.normalizer;
    if (options_.vorticity) normalizer.set_vorticity_decoder(*options_.vorticity, model.name);
    Json decoders;
    for (const auto& f : normalizer[physics::Branch::volume].fields)
      decoders["volume/" + f.name] = physics::name(f.decoder);
    return {{"model", model.name},
            {"fingerprint", model.fingerprint},
            {"split", options_.split},
            {"sample", options_.sample},
            {"precision", surrogate::name(options_.precision)},
            {"metrics", metrics},
            {"fields", fields},
            {"cases", cases},
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

  void print(const surrogate::Checkpoint& model, const solver::EvaluationResult& r) const {
    std::printf("model '%s' on %zu cases of split '%s'\n\n", model.name.c_str(), r.cases.size(),
                options_.split.c_str());
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

  std::string data_, model_, out_, vorticity_, predictions_;
  solver::EvaluationOptions options_;
  std::vector<std::string> require_;
  core::RuntimeOptions device_;
  bool overwrite_ = false, json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_evaluate() { return std::make_unique<Evaluate>(); }

}  // namespace streamtube::apps
