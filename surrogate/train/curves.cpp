#include "surrogate/train/curves.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"

namespace streamtube::surrogate {

using core::Json;
using core::str;

namespace {

constexpr const char* kValidation = "validation";

int rank(const std::string& column) {
  if (column.rfind(kValidation, 0) == 0) return column == str(kValidation, "/mean") ? 5 : 4;
  if (column == "loss") return 0;
  if (column.rfind("force/", 0) == 0) return 2;
  return column.find('/') != std::string::npos ? 1 : 3;
}

}  // namespace

Curves read_curves(const std::string& log_path) {
  Curves curves;
  std::set<std::string> columns;
  std::istringstream in(core::read_text(log_path));
  for (std::string line; std::getline(in, line);) {
    const Json json = core::try_json(line);
    if (!json.is_object() || !json.contains("update") || !json["update"].is_number_integer()) continue;
    auto& row = curves.rows[json["update"].get<std::int64_t>()];
    const auto take = [&](const std::string& name, const Json& value) {
      if (!value.is_number()) return;
      row[name] = value.get<double>();
      columns.insert(name);
    };
    for (const auto& [name, value] : json.items())
      if (name == kValidation && value.is_object())
        for (const auto& [field, error] : value.items()) take(str(kValidation, '/', field), error);
      else if (name != "update")
        take(name, value);
  }
  curves.columns.assign(columns.begin(), columns.end());
  std::stable_sort(curves.columns.begin(), curves.columns.end(),
                   [](const std::string& a, const std::string& b) { return rank(a) < rank(b); });
  return curves;
}

std::string curves_csv(const Curves& curves) {
  std::string text = "update";
  for (const std::string& column : curves.columns) text += "," + column;
  text += '\n';
  for (const auto& [update, row] : curves.rows) {
    text += str(update);
    for (const std::string& column : curves.columns) {
      const auto value = row.find(column);
      text += value == row.end() ? std::string(",") : str(',', core::json_text(Json(value->second)));  // all digits
    }
    text += '\n';
  }
  return text;
}

}  // namespace streamtube::surrogate
