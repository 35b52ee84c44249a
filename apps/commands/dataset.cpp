#include "mesh_io/h5/dataset.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/log.hpp"
#include "core/runtime.hpp"

namespace streamtube::apps {
namespace {

using core::Error;
using core::ErrorKind;
using core::str;
using mesh_io::Branch;
using Json = nlohmann::json;

class DatasetCommand : public Command {
 public:
  std::string name() const override { return "dataset"; }
  std::string summary() const override { return "Make, check and describe a data set for training"; }

  void declare(CLI::App& app) override {
    app.require_subcommand(1);
    import_ = app.add_subcommand("import", "Make a data set (.h5) of a folder of solved cases");
    import_->add_option("folder", input_, "Folder in the layout of the Ahmed-body data set (docs/dataset_format.md)")
        ->required();
    import_->add_option("output", output_, "Data set to write (.h5)")->required();
    import_->add_flag("--overwrite", overwrite_, "Replace an existing file");
    info_ = app.add_subcommand("info", "Cases, fields, parameters and splits");
    verify_ = app.add_subcommand("verify", "Checksums, finite values, forces against coefficients, case by case");
    stats_ = app.add_subcommand("stats", "Mean and deviation of the dimensionless fields");
    for (CLI::App* sub : {info_, verify_, stats_}) {
      sub->add_option("data", input_, "Data set (.h5 or a folder)")->required();
      sub->add_flag("--json", json_, "Print JSON");
    }
    stats_->add_option("--split", split_, "Which cases")->capture_default_str();
  }

  int execute() override {
    if (import_->parsed()) return import();
    const mesh_io::Dataset data(input_);
    return info_->parsed() ? info(data) : verify_->parsed() ? verify(data) : stats(data);
  }

 private:
  int import() {
    if (!overwrite_ && std::filesystem::exists(output_))
      throw Error(ErrorKind::usage, str("'", output_, "' is there already"), "--overwrite replaces it");
    mesh_io::import_ahmed(input_, output_);
    return info(mesh_io::Dataset(output_));
  }

  int info(const mesh_io::Dataset& data) const {
    std::size_t rows[2] = {0, 0};
    std::map<std::string, std::pair<double, double>> parameters;
    for (const auto& c : data.cases()) {
      rows[0] += c.rows[0], rows[1] += c.rows[1];
      for (const auto* values : {&c.parameters, &c.coefficients})
        for (const auto& [name, value] : *values) {
          auto [range, added] = parameters.try_emplace(name, value, value);
          range->second = {std::min(range->second.first, value), std::max(range->second.second, value)};
        }
    }
    Json json = {{"path", data.path()},
                 {"description", data.description()},
                 {"cases", data.cases().size()},
                 {"surface_points", rows[0]},
                 {"volume_points", rows[1]}};
    for (const auto& split : data.splits()) json["splits"][split] = data.split(split).size();
    for (const auto& [name, range] : parameters) json["ranges"][name] = {range.first, range.second};
    for (const Branch b : {Branch::surface, Branch::volume})
      for (const auto& f : data.fields(b))
        json["fields"][physics::name(b)].push_back({{"name", f.name}, {"unit", f.unit}, {"components", f.components}});
    if (json_) {
      std::cout << json.dump(1) << '\n';
      return 0;
    }
    std::cout << data.path() << ": " << data.description() << "\n  cases            " << data.cases().size()
              << "\n  points           " << rows[0] << " on surfaces, " << rows[1] << " in volumes\n";
    for (const Branch b : {Branch::surface, Branch::volume}) {
      std::cout << "  " << physics::name(b) << (b == Branch::surface ? " fields  " : " fields   ");
      for (const auto& f : data.fields(b)) std::cout << " " << f.name << " [" << f.unit << "]";
      std::cout << '\n';
    }
    std::cout << "  splits          ";
    for (const auto& split : data.splits()) std::cout << " " << split << " (" << data.split(split).size() << ")";
    std::cout << '\n';
    for (const auto& [name, range] : parameters)
      std::printf("  %-16s %.6g .. %.6g\n", name.c_str(), range.first, range.second);
    std::fflush(stdout);
    return 0;
  }

  int verify(const mesh_io::Dataset& data) const {
    std::size_t faults = 0;
    core::Progress progress("verify", data.cases().size(), "cases");
    const std::vector<physics::FieldSpec> fields[2] = {data.fields(Branch::surface), data.fields(Branch::volume)};
    for (std::size_t i = 0; i < data.cases().size(); ++i) {
      core::check_interrupt();
      std::string fault;
      try {
        fault = mesh_io::find_fault(data.read(i, true), fields);
        if (!fault.empty()) fault = str("case '", data.cases()[i].name, "': ", fault);
      } catch (const Error& error) {
        fault = error.message();
      }
      if (!fault.empty()) {
        ++faults;
        std::cout << fault << '\n';
      }
      progress.advance(1);
    }
    std::cout << data.cases().size() - faults << " of " << data.cases().size() << " cases are sound\n";
    return faults ? core::exit_code(ErrorKind::input) : 0;
  }

  int stats(const mesh_io::Dataset& data) const {
    Json json;
    const auto statistics = data.statistics(data.split(split_));
    for (const Branch b : {Branch::surface, Branch::volume})
      for (const auto& s : statistics.fields[static_cast<int>(b)]) {
        const std::string name = str(physics::name(b), '/', s.field.name);
        json[name] = {{"mean", s.mean}, {"std", s.std}, {"transform", physics::name(s.field.transform)}};
        if (json_) continue;
        for (std::size_t c = 0; c < s.mean.size(); ++c)
          std::printf("%-28s %zu  mean %12.5g  deviation %12.5g%s\n", name.c_str(), c, s.mean[c], s.std[c],
                      s.field.transform == physics::Transform::none ? "" : "  (of sign(w) log(1 + |w|))");
      }
    if (json_) std::cout << json.dump(1) << '\n';
    std::fflush(stdout);
    return 0;
  }

  CLI::App *import_ = nullptr, *info_ = nullptr, *verify_ = nullptr, *stats_ = nullptr;
  std::string input_, output_, split_ = "train";
  bool overwrite_ = false, json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_dataset() { return std::make_unique<DatasetCommand>(); }

}  // namespace streamtube::apps
