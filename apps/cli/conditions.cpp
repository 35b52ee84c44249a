#include "apps/cli/conditions.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>

#include "apps/cli/command.hpp"
#include "core/error.hpp"
#include "solver/model_world.hpp"

namespace streamtube::apps {

using core::Error;
using core::ErrorKind;
using core::str;

std::vector<std::string> given_conditions(const surrogate::Checkpoint& model) {
  std::vector<std::string> names;
  for (const auto& c : model.conditions)
    if (c.name != surrogate::kReynoldsNumber) names.push_back(c.name);
  return names;
}

CLI::Option* ConditionOptions::declare(CLI::App& app) {
  return app
      .add_option(
          "--condition", texts_,
          "NAME=VALUE: what a conditioned model asks for beside body and flow (`inspect` on the model lists it); "
          "may be repeated")
      ->allow_extra_args(false);
}

void ConditionOptions::validate() {
  values_.clear();
  for (const std::string& text : texts_) {
    const std::size_t equal = text.find('=');
    const std::string name = text.substr(0, equal);
    double value = 0;
    const char* const end = text.data() + text.size();
    const char* const begin = equal == std::string::npos ? end : text.data() + equal + 1;
    const auto [stopped, error] = std::from_chars(begin, end, value);
    if (name.empty() || error != std::errc() || stopped != end || !std::isfinite(value))
      throw Error(ErrorKind::usage, str("--condition: '", text, "' is not NAME=VALUE with a number"),
                  "for example --condition yaw_angle=5");
    if (!values_.emplace(name, value).second)
      throw Error(ErrorKind::usage, str("--condition: '", name, "' is given twice"), "give it once");
  }
}

void ConditionOptions::check(const surrogate::Checkpoint& model, const std::set<std::string>& elsewhere) const {
  const std::vector<std::string> known = given_conditions(model);
  std::string list;
  for (const auto& name : known) list += (list.empty() ? "" : ", ") + name;
  for (const auto& [name, value] : values_) {
    if (name == surrogate::kReynoldsNumber)
      throw Error(
          ErrorKind::usage,
          str("--condition: the Reynolds number follows from the flow and the body's length, it cannot be ", value),
          "--velocity and --viscosity set it");
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    throw Error(ErrorKind::usage, str("--condition: the model '", model.name, "' has no condition '", name, "'"),
                known.empty()
                    ? std::string("it has none that can be given: leave the option out")
                    : str(suggestion(name, known), suggestion(name, known).empty() ? "" : " ", "it has ", list));
  }
  std::map<std::string, double> all = values_;
  for (const auto& name : elsewhere) all.emplace(name, 1.0);
  surrogate::network_conditions(model.conditions, 1.0, all, "--condition");
}

}  // namespace streamtube::apps
