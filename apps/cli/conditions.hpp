#pragma once
// --condition NAME=VALUE: what a conditioned model is told beside the geometry and the flow.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "surrogate/checkpoint/checkpoint.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace streamtube::apps {

// Names of the model's conditions that somebody has to give; the Reynolds number follows from the flow.
std::vector<std::string> given_conditions(const surrogate::Checkpoint& model);

class ConditionOptions {
 public:
  CLI::Option* declare(CLI::App& app);
  // Parses. Throws Error(usage) for what is not NAME=NUMBER, or a name given twice.
  void validate();
  // Throws Error(usage) for a name that is no condition of the model or follows from the flow, and for conditions that
  // are missing, all of them at once. elsewhere: names whose values come from somewhere else.
  void check(const surrogate::Checkpoint& model, const std::set<std::string>& elsewhere = {}) const;

  void set(const std::string& name, double value) { values_[name] = value; }
  const std::map<std::string, double>& values() const { return values_; }

 private:
  std::vector<std::string> texts_;
  std::map<std::string, double> values_;
};

}  // namespace streamtube::apps
