#include "mesh_io/h5/dataset.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "apps/cli/evaluation_report.hpp"
#include "apps/cli/published_splits.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/output_lock.hpp"
#include "core/runtime.hpp"
#include "mesh_io/h5/import.hpp"
#include "mesh_io/h5/merge.hpp"
#include "mesh_io/h5/split_rules.hpp"

namespace streamtube::apps {
namespace {

using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;
using mesh_io::Branch;

class DatasetCommand : public Command {
 public:
  DatasetCommand(LayoutsOf layouts, std::unique_ptr<Command> generate)
      : layouts_of_(layouts), generate_(std::move(generate)) {}

  std::string name() const override { return "dataset"; }
  std::string summary() const override { return "Make, check and describe a data set for training"; }

  void declare(CLI::App& app) override {
    app.require_subcommand(1);
    import_ = app.add_subcommand("import", "Make a data set (.h5) of a folder of solved cases");
    import_->add_option("folder", input_, "Folder of cases in one of the layouts of docs/import.md")->required();
    import_
        ->add_option("output", output_,
                     "Data set to write: one file (.h5), or without this ending a folder with a file a case")
        ->required();
    import_->add_option("--layout", layout_, layout_help())->capture_default_str();
    if (layouts_of_)
      import_->add_option(
          "--fields", fields_,
          "JSON table of files, arrays, units and signs: changes to a layout, or your own (docs/import.md)");
    import_->add_option("--split", import_split_,
                        "Published splits by name (" + known_splits() + ") or a JSON file of splits");
    import_->add_option("--jobs", import_options_.jobs, "Cases at once")
        ->capture_default_str()
        ->check(CLI::Range(1, 1024));
    import_
        ->add_option("--volume-points", import_options_.volume_points,
                     "At most so many points of each volume, drawn at random; 0: all")
        ->capture_default_str();
    import_->add_flag("--skip-bad", import_options_.skip_bad, "Leave out cases that are bad instead of failing");
    import_
        ->add_option(
            "--on-bad-rows", bad_rows_,
            "Points or cells with a value that is not finite: refuse the case, or drop them and count them in it")
        ->check(CLI::IsMember({"refuse", "drop"}))
        ->capture_default_str();
    import_->add_flag("--resume", import_options_.resume, "Go on with an import that did not end");
    import_->add_flag("--overwrite", overwrite_, "Replace an existing data set, begin an unfinished import anew");
    if (generate_) {
      generate_command_ = app.add_subcommand(generate_->name(), generate_->summary());
      generate_->declare(*generate_command_);
    }
    merge_ = app.add_subcommand("merge", "One data set out of several with the same fields; splits are joined by name");
    merge_->add_option("inputs", inputs_, "Data sets (.h5 or folders)")->required();
    merge_->add_option("-o,--out", output_, "Data set to write (.h5)")->required();
    merge_->add_flag("--overwrite", overwrite_, "Replace an existing data set");
    info_ = app.add_subcommand("info", "Cases, fields, parameters and splits");
    verify_ =
        app.add_subcommand("verify", "Checksums, finite values, pressures, forces against coefficients, case by case");
    split_command_ =
        app.add_subcommand("split", "Define or replace named splits: lists, published files, random shares");
    split_command_
        ->add_option("--set", sets_, "NAME=case,case,... or NAME=@file.txt; repeatable; a number n stands for run_n")
        ->allow_extra_args(false);
    split_command_->add_option("--file", split_file_,
                               "Published splits: a name (" + known_splits() +
                                   ") or JSON, name -> list of names or numbers of cases, or a rule "
                                   "as \"number % 10 == 0\", \"rest\", \"train + validation\"");
    split_command_->add_option(
        "--random", random_, "Shares, as train=0.8,validation=0.1,test=0.1, of the cases that --set and --file leave");
    split_command_->add_option("--seed", seed_, "Seed of --random")->capture_default_str();
    split_command_->add_option("--remove", removed_, "Split to take away; repeatable")->allow_extra_args(false);
    split_command_->add_flag("--overwrite", overwrite_, "Replace splits of the same name");
    stats_ = app.add_subcommand("stats", "Mean and deviation of the dimensionless fields");
    noise_ = app.add_subcommand("noise", "Say how far labels of the same design are apart: designs solved once more");
    noise_
        ->add_option("--from", noise_table_,
                     "Table (.csv) of designs that were solved once more, on another mesh: columns case, Cd and Cl, "
                     "others are ignored; the first of each pair is the case of the data set")
        ->required()
        ->check(CLI::ExistingFile);
    noise_->add_flag("--overwrite", overwrite_, "Replace what the data set says");
    for (CLI::App* sub : {info_, verify_, split_command_, stats_, noise_})
      sub->add_option("data", input_, "Data set (.h5 or a folder)")->required();
    for (CLI::App* sub : {import_, merge_, info_, verify_, split_command_, stats_, noise_})
      sub->add_flag("--json", json_, "Print JSON");
    stats_->add_option("--split", split_, "Which cases")->capture_default_str();
  }

  int execute() override {
    if (import_->parsed()) return import();
    if (merge_->parsed()) {
      core::OutputLock lock;
      lock.take(output_, core::OutputLock::Place::beside);
      mesh_io::merge_datasets(inputs_, output_, overwrite_);
      return info(mesh_io::Dataset(output_));
    }
    if (generate_ && generate_command_->parsed()) {
      generate_->validate();
      return generate_->execute();
    }
    core::OutputLock lock;
    if (split_command_->parsed() || noise_->parsed()) lock.take(input_, core::OutputLock::Place::beside);
    const mesh_io::Dataset data(input_);
    if (split_command_->parsed()) return split(data);
    if (noise_->parsed()) return noise(data);
    return info_->parsed() ? info(data) : verify_->parsed() ? verify(data) : stats(data);
  }

 private:
  int import() {
    mesh_io::Layouts layouts;
    if (layouts_of_)
      layouts = layouts_of_(fields_, layout_);
    else
      layouts.push_back(mesh_io::ahmed_layout());
    // case.foam, which ParaView opens in the place of its folder.
    if (const std::filesystem::path file = input_;
        file.extension() == ".foam" && std::filesystem::is_regular_file(file))
      input_ = file.has_parent_path() ? file.parent_path().string() : ".";
    const mesh_io::Layout& layout = mesh_io::choose_layout(
        layouts, layout_ == "auto" && layouts.size() == 1 ? layouts[0]->name() : layout_, input_);
    import_options_.overwrite = overwrite_;
    import_options_.drop_bad_rows = bad_rows_ == "drop";
    if (!import_split_.empty()) {
      import_options_.splits = read_splits(import_split_);
      import_options_.splits_name = str("'", import_split_, "'");
    }
    core::info(str("layout '", layout.name(), "'"));
    core::OutputLock lock;  // an import may go on with what is there
    lock.take(output_, core::OutputLock::Place::beside);
    const mesh_io::ImportReport report = mesh_io::import_cases(layout, input_, output_, import_options_);
    if (report.kept > 0) core::info(str(report.kept, " cases were finished before"));
    if (!report.rejected.empty()) core::warn(str(report.rejected.size(), " cases are left out"));
    const mesh_io::Dataset data(output_);
    const auto silent = std::count_if(data.cases().begin(), data.cases().end(), [](const auto& c) {
      return c.coefficients.count("Cd") == 0 && c.coefficients.count("Cl") == 0;
    });
    if (silent > 0)
      core::info(str(silent, " of ", data.cases().size(),
                     " cases state neither drag nor lift: nothing to compare the forces over their faces with"));
    Json left_out = Json::object();
    for (const auto& [name, reason] : report.rejected) left_out[name] = reason;
    return info(data, {{"layout", layout.name()}, {"left_out", left_out}});
  }

  std::string layout_help() const {
    std::string names = "ahmed";
    if (layouts_of_) {
      names.clear();
      for (const auto& layout : layouts_of_("", "auto")) names += (names.empty() ? "" : ", ") + layout->name();
    }
    return "auto, or one of " + names;
  }

  // "name=value", cut at the first '='.
  static std::pair<std::string, std::string> halves(const std::string& option, const std::string& text) {
    const auto equal = text.find('=');
    if (equal == std::string::npos || equal == 0)
      throw Error(ErrorKind::usage, str(option, " '", text, "' cannot be read"),
                  "for example --set test=run_3,run_7 or --random train=0.8,test=0.2");
    return {text.substr(0, equal), text.substr(equal + 1)};
  }
  static std::vector<std::string> at_commas(const std::string& text) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      if (end > begin) parts.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    return parts;
  }

  int split(const mesh_io::Dataset& data) const {
    if (sets_.empty() && split_file_.empty() && random_.empty() && removed_.empty())
      throw Error(ErrorKind::usage, "dataset split: nothing to do", "give --set, --file, --random or --remove");
    std::vector<std::string> cases;
    for (const auto& c : data.cases()) cases.push_back(c.name);
    mesh_io::Splits splits, given;
    for (const std::string& name : data.splits())
      if (name != "all")
        for (const std::size_t index : data.split(name)) splits[name].push_back(cases[index]);
    for (const std::string& name : removed_)
      if (splits.erase(name) == 0) throw Error(ErrorKind::usage, str("--remove: there is no split '", name, "'"));

    const auto define = [&](const std::string& name, std::vector<std::string> members) {
      if (!given.emplace(name, std::move(members)).second)
        throw Error(ErrorKind::usage, str("the split '", name, "' is given twice"));
    };
    for (const std::string& text : sets_) {
      const auto [name, list] = halves("--set", text);
      const bool in_file = list.rfind('@', 0) == 0;
      const std::string file = in_file ? list.substr(1) : std::string();
      define(name, mesh_io::find_cases(cases, in_file ? mesh_io::read_case_list(file) : at_commas(list),
                                       in_file ? str("'", file, "'") : str("--set ", name)));
    }
    std::string rules;
    if (!split_file_.empty()) {
      std::error_code ignored;
      if (std::filesystem::is_regular_file(split_file_, ignored)) {
        const auto file = mesh_io::SplitRules::parse(core::read_text(split_file_), str("'", split_file_, "'"));
        for (const auto& [name, members] : file.of(cases, str("'", split_file_, "'"))) define(name, members);
        if (file.general()) rules = file.json();
      } else {
        for (const auto& [name, words] : read_splits(split_file_))
          define(name, mesh_io::find_cases(cases, words, str("'", split_file_, "': '", name, "'")));
      }
    }
    if (!random_.empty()) {
      std::vector<std::string> left;
      for (const std::string& c : cases)
        if (std::none_of(given.begin(), given.end(),
                         [&](const auto& s) { return std::count(s.second.begin(), s.second.end(), c) > 0; }))
          left.push_back(c);
      std::vector<std::pair<std::string, double>> shares;
      for (const std::string& part : at_commas(random_)) {
        const auto [name, number] = halves("--random", part);
        char* end = nullptr;
        const double share = std::strtod(number.c_str(), &end);
        if (number.empty() || *end != '\0')
          throw Error(ErrorKind::usage, str("--random: '", number, "' is not a number"));
        for (const auto& other : shares)
          if (other.first == name) throw Error(ErrorKind::usage, str("the split '", name, "' is given twice"));
        shares.emplace_back(name, share);
      }
      for (auto& [name, members] : mesh_io::random_splits(left, shares, seed_)) define(name, members);
    }
    if (given.empty() && removed_.empty())
      throw Error(ErrorKind::usage, "dataset split: no split is named", "'" + split_file_ + "' is empty");
    for (const auto& [name, members] : given) {
      if (splits.count(name) && !overwrite_)
        throw Error(ErrorKind::usage, str("'", input_, "' has a split '", name, "' already"),
                    "--overwrite replaces it");
      splits[name] = members;
    }
    mesh_io::check_splits(splits, cases, str("'", input_, "'"));
    mesh_io::write_splits(input_, splits, rules);
    return info(mesh_io::Dataset(input_));
  }

  int noise(const mesh_io::Dataset& data) const {
    if (!data.label_noise().empty() && !overwrite_)
      throw Error(ErrorKind::usage,
                  str("'", input_, "' says how far its labels are apart already: ", data.label_noise().source),
                  "--overwrite replaces it");
    mesh_io::write_label_noise(input_, mesh_io::label_noise_of_table(noise_table_, data));
    return info(mesh_io::Dataset(input_));
  }

  // more: what JSON says beside.
  int info(const mesh_io::Dataset& data, const Json& more = Json::object()) const {
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
    std::vector<char> named(data.cases().size());
    for (const auto& split : data.splits()) {
      const auto members = data.split(split);
      json["splits"][split] = members.size();
      if (split != "all")
        for (const std::size_t index : members) named[index] = 1;
    }
    const auto nowhere = std::count(named.begin(), named.end(), 0);
    json["in_no_split"] = nowhere;
    if (!data.split_rules().empty()) json["split_rules"] = core::parse_json(data.split_rules());
    if (!data.label_noise().empty()) json["label_noise"] = core::parse_json(mesh_io::to_json(data.label_noise()));
    for (const auto& [name, range] : parameters) json["ranges"][name] = {range.first, range.second};
    for (const Branch b : {Branch::surface, Branch::volume})
      for (const auto& f : data.fields(b))
        json["fields"][physics::name(b)].push_back({{"name", f.name}, {"unit", f.unit}, {"components", f.components}});
    if (json_) {
      json.update(more);
      std::cout << core::json_text(json, 1) << '\n';
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
    if (nowhere > 0) std::cout << "; in none: " << nowhere;
    std::cout << '\n';
    if (!data.split_rules().empty()) std::cout << "  split rules      " << data.split_rules() << '\n';
    std::cout << label_noise_text(data.label_noise(), "  ");
    for (const auto& [name, range] : parameters)
      std::printf("  %-16s %.6g .. %.6g\n", name.c_str(), range.first, range.second);
    std::fflush(stdout);
    return 0;
  }

  int verify(const mesh_io::Dataset& data) const {
    std::vector<std::string> faults;
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
        faults.push_back(fault);
        if (!json_) std::cout << fault << '\n';
      }
      progress.advance(1);
    }
    const std::size_t all = data.cases().size(), sound = all - faults.size();
    if (json_)
      std::cout << core::json_text(Json{{"path", data.path()}, {"cases", all}, {"sound", sound}, {"faults", faults}}, 1)
                << '\n';
    else
      std::cout << sound << " of " << all << " cases are sound\n";
    return faults.empty() ? 0 : core::exit_code(ErrorKind::input);
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
    if (json_) std::cout << core::json_text(json, 1) << '\n';
    std::fflush(stdout);
    return 0;
  }

  CLI::App *import_ = nullptr, *merge_ = nullptr, *info_ = nullptr, *verify_ = nullptr, *stats_ = nullptr,
           *split_command_ = nullptr, *noise_ = nullptr;
  LayoutsOf layouts_of_;
  std::unique_ptr<Command> generate_;
  CLI::App* generate_command_ = nullptr;
  std::string input_, output_, split_ = "train", split_file_, random_, layout_ = "auto", fields_, import_split_,
                               noise_table_;
  mesh_io::ImportOptions import_options_;
  std::string bad_rows_ = "refuse";
  std::vector<std::string> sets_, removed_, inputs_;
  std::uint64_t seed_ = 0;
  bool overwrite_ = false, json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_dataset(LayoutsOf layouts, std::unique_ptr<Command> generate) {
  return std::make_unique<DatasetCommand>(layouts, std::move(generate));
}

}  // namespace streamtube::apps
