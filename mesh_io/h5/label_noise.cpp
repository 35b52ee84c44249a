#include "mesh_io/h5/label_noise.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <set>
#include <sstream>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "mesh_io/h5/dataset.hpp"
#include "mesh_io/h5/h5_file.hpp"

namespace streamtube::mesh_io {

namespace fs = std::filesystem;
using core::bad_input;
using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;

namespace {

constexpr double kRounding = 1e-3;  // of a standard deviation that was written with few digits

// Lines of a table with their fields, the header first.
class Table {
 public:
  explicit Table(const std::string& path) : path_(path), in_(core::read_text(path)) {
    if (!next()) bad_input(str("'", path, "': the table is empty"), kColumns);
    header_ = fields_;
    if (!header_.empty() && header_[0].rfind("\xef\xbb\xbf", 0) == 0) header_[0].erase(0, 3);
  }
  // The next line that is not empty.
  bool next() {
    for (std::string line; std::getline(in_, line);) {
      ++number_;
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (line.empty()) continue;
      fields_.clear();
      std::istringstream parts(line);
      for (std::string part; std::getline(parts, part, ',');) fields_.push_back(part);
      if (line.back() == ',') fields_.emplace_back();
      return true;
    }
    return false;
  }
  std::string at() const { return str("'", path_, "': line ", number_); }
  std::size_t column(const std::string& name) const {
    const auto found = std::find(header_.begin(), header_.end(), name);
    if (found == header_.end()) bad_input(str("'", path_, "': the table has no column '", name, "'"), kColumns);
    return static_cast<std::size_t>(found - header_.begin());
  }
  const std::string& text(std::size_t column) const {
    if (fields_.size() != header_.size())
      bad_input(str(at(), ": ", fields_.size(), " fields, but the table has ", header_.size(), " columns"));
    return fields_[column];
  }
  double value(std::size_t column) const {
    const std::string& word = text(column);
    double out = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
    if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(out))
      bad_input(str(at(), ": ", header_[column], ": '", word, "' is not a number"));
    return out;
  }

 private:
  static constexpr const char* kColumns = "its first line names the columns: case,Cd,Cl";
  std::string path_;
  std::istringstream in_;
  std::vector<std::string> header_, fields_;
  std::size_t number_ = 0;
};

double number(const Json& json, const char* key, const std::string& where) {
  if (!json.contains(key) || !json[key].is_number()) bad_input(str(where, ": '", key, "' is no number"));
  const double out = json[key].get<double>();
  if (!(std::isfinite(out) && out >= 0)) bad_input(str(where, ": '", key, "' is ", out));
  return out;
}

}  // namespace

double Scatter::one_label() const { return rms / std::sqrt(2.0); }

Scatter scatter_of(std::span<const double> differences) {
  Scatter out{differences.size(), 0};
  for (const double d : differences) out.rms += d * d;
  if (out.pairs > 0) out.rms = std::sqrt(out.rms / static_cast<double>(out.pairs));
  return out;
}

std::string to_json(const LabelNoise& noise) {
  Json out = {{"source", noise.source}, {"scatter", Json::object()}};
  for (const auto& [name, one] : noise.scatter)
    out["scatter"][name] = {{"pairs", one.pairs}, {"rms_difference", one.rms}, {"standard_deviation", one.one_label()}};
  return core::json_text(out);
}

LabelNoise label_noise_from_json(const std::string& text, const std::string& where) {
  const Json json = core::parse_json(text, where);
  if (!json.is_object() || !json.contains("source") || !json["source"].is_string() || !json.contains("scatter") ||
      !json["scatter"].is_object() || json["scatter"].empty())
    bad_input(str(where, ": is no JSON object with a text 'source' and an object 'scatter'"),
              "docs/dataset_format.md describes it; `streamtube dataset noise` writes it anew");
  LabelNoise out;
  out.source = json["source"].get<std::string>();
  for (const auto& [name, one] : json["scatter"].items()) {
    const std::string at = str(where, ": '", name, "'");
    if (!one.is_object()) bad_input(at + ": is no object");
    const double pairs = number(one, "pairs", at), deviation = number(one, "standard_deviation", at);
    Scatter scatter{0, number(one, "rms_difference", at)};
    if (!(pairs >= 1 && pairs < 1e9) || pairs != std::floor(pairs)) bad_input(str(at, ": 'pairs' is ", pairs));
    scatter.pairs = static_cast<std::size_t>(pairs);
    if (std::abs(deviation - scatter.one_label()) > kRounding * scatter.one_label())
      bad_input(str(at, ": 'standard_deviation' is ", deviation, ", not 'rms_difference' over sqrt(2), ",
                    scatter.one_label()));
    out.scatter[name] = scatter;
  }
  return out;
}

LabelNoise pooled(const std::vector<LabelNoise>& parts) {
  LabelNoise out;
  std::set<std::string> seen, sources;
  for (const LabelNoise& part : parts) {
    if (part.empty() || !seen.insert(to_json(part)).second) continue;
    if (sources.insert(part.source).second) out.source += (out.source.empty() ? "" : "; ") + part.source;
    for (const auto& [name, one] : part.scatter) {
      Scatter& all = out.scatter[name];
      const double n = static_cast<double>(all.pairs), m = static_cast<double>(one.pairs);
      all.rms = std::sqrt((n * all.rms * all.rms + m * one.rms * one.rms) / (n + m));
      all.pairs += one.pairs;
    }
  }
  return out;
}

LabelNoise label_noise_of_table(const std::string& path, const Dataset& data) {
  Table table(path);
  const std::size_t name = table.column("case"), columns[2] = {table.column("Cd"), table.column("Cl")};
  std::vector<double> differences[2];
  std::set<std::string> seen;
  while (table.next()) {
    const std::string& word = table.text(name);
    const auto found =
        std::find_if(data.cases().begin(), data.cases().end(), [&](const CaseInfo& c) { return c.name == word; });
    if (found == data.cases().end())
      bad_input(str(table.at(), ": the case '", word, "' is not in '", data.path(), "'"),
                "name cases of the data set, whose own Cd and Cl are the first of each pair");
    if (!seen.insert(word).second) bad_input(str(table.at(), ": the case '", word, "' is there twice"));
    for (int k = 0; k < 2; ++k) {
      const char* coefficient = k == 0 ? "Cd" : "Cl";
      const auto first = found->coefficients.find(coefficient);
      if (first == found->coefficients.end())
        bad_input(str(table.at(), ": the case '", word, "' of '", data.path(), "' has no ", coefficient));
      differences[k].push_back(table.value(columns[k]) - first->second);
    }
  }
  if (seen.empty()) bad_input(str("'", path, "': the table has no line with a case"));
  return {str(seen.size(), " designs solved once more, ", fs::path(path).filename().string()),
          {{"Cd", scatter_of(differences[0])}, {"Cl", scatter_of(differences[1])}}};
}

void write_label_noise(const std::string& path, const LabelNoise& noise) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    core::write_text((fs::path(path) / kLabelNoiseFile).string(),
                     core::json_text(core::parse_json(to_json(noise)), 1) + "\n");
    return;
  }
  change_file(path, [&](H5File& file) { file.write_attribute("/", kLabelNoiseAttribute, to_json(noise)); });
}

}  // namespace streamtube::mesh_io
