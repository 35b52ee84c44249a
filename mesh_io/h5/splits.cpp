#include "mesh_io/h5/splits.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <numeric>
#include <set>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/rng.hpp"
#include "mesh_io/h5/h5_file.hpp"

namespace streamtube::mesh_io {

using core::bad_input;
using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;
namespace fs = std::filesystem;

namespace {

// An attribute of an HDF5 file is limited to 64 KiB with its header.
constexpr std::size_t kMostBytes = 64'000;
constexpr const char* kHeldBack[] = {"test", "left_out", "held_out"};

bool begins(const std::string& text, const char* with) { return text.rfind(with, 0) == 0; }

// "'a', 'b', 'c' and 4 more"
std::string quoted(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(kMost, names.size()); ++i) text += (i ? ", '" : "'") + names[i] + "'";
  return names.size() > kMost ? str(text, " and ", names.size() - kMost, " more") : text;
}

// The number a name ends in without leading zeros, or nothing.
std::string last_number(const std::string& name) {
  std::size_t begin = name.size();
  while (begin > 0 && name[begin - 1] >= '0' && name[begin - 1] <= '9') --begin;
  while (begin + 1 < name.size() && name[begin] == '0') ++begin;
  return name.substr(begin);
}

// What never shares a case with what.
bool exclude(const std::string& a, const std::string& b) {
  const auto is_seen = [&](const std::string& x) { return !holds_back(x) && (begins(x, "train") || begins(x, "val")); };
  return (holds_back(a) && is_seen(b)) || (a == "train" && !holds_back(b) && begins(b, "val"));
}

}  // namespace

bool holds_back(const std::string& split) {
  return std::any_of(std::begin(kHeldBack), std::end(kHeldBack),
                     [&](const char* part) { return split.find(part) != std::string::npos; });
}

std::vector<std::string> find_cases(const std::vector<std::string>& cases, const std::vector<std::string>& words,
                                    const std::string& where) {
  const std::set<std::string> known(cases.begin(), cases.end());
  std::map<std::string, std::vector<std::string>> by_number;
  for (const std::string& name : cases) by_number[last_number(name)].push_back(name);
  std::vector<std::string> found, unknown;
  std::set<std::string> taken;
  for (const std::string& word : words) {
    const std::string last = word.substr(word.rfind('/') + 1);
    std::string name;
    if (known.contains(word))
      name = word;
    else if (known.contains(last))
      name = last;
    else if (const auto it = by_number.find(last_number(word));
             !word.empty() && word.find_first_not_of("0123456789") == std::string::npos && it != by_number.end()) {
      if (it->second.size() > 1)
        bad_input(str(where, ": '", word, "' may be any of ", quoted(it->second)), "give the name");
      name = it->second[0];
    }
    if (name.empty())
      unknown.push_back(word);
    else if (!taken.insert(name).second)
      bad_input(str(where, ": the case '", name, "' is named twice"));
    else
      found.push_back(name);
  }
  if (!unknown.empty())
    bad_input(
        str(where, ": the data set has no case ", quoted(unknown)),
        cases.empty() ? "" : str("it has ", cases.size(), " cases, '", cases.front(), "' to '", cases.back(), "'"));
  return found;
}

Splits read_split_file(const std::string& path) { return parse_splits(core::read_text(path), str("'", path, "'")); }

Splits parse_splits(const std::string& text, const std::string& where) {
  const Json json = core::parse_json(text, where);
  if (!json.is_object())
    bad_input(where + ": is not a JSON object of splits", "for example {\"train\": [1, 2], \"test\": [\"run_3\"]}");
  Splits splits;
  for (const auto& [name, list] : json.items()) {
    if (!list.is_array()) bad_input(str(where, ": '", name, "' is not a list of cases"));
    auto& words = splits[name];
    for (const Json& item : list)
      if (item.is_string())
        words.push_back(item.get<std::string>());
      else if (item.is_number_unsigned())
        words.push_back(core::json_text(item));
      else
        bad_input(str(where, ": '", name, "' holds ", core::json_text(item), ", which is neither a name nor a number"));
  }
  return splits;
}

std::vector<std::string> read_case_list(const std::string& path) {
  std::vector<std::string> words(1);
  bool comment = false;
  for (const char c : core::read_text(path)) {
    comment = c != '\n' && (comment || c == '#');
    if (!comment && c != ',' && !std::isspace(static_cast<unsigned char>(c)))
      words.back() += c;
    else if (!words.back().empty())
      words.emplace_back();
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

Splits random_splits(const std::vector<std::string>& cases, const std::vector<std::pair<std::string, double>>& shares,
                     std::uint64_t seed) {
  double whole = 0;
  for (const auto& [name, share] : shares) {
    if (!(share > 0)) throw Error(ErrorKind::usage, str("the share of '", name, "' is ", share, ", must be positive"));
    whole += share;
  }
  if (whole > 1 + 1e-9) throw Error(ErrorKind::usage, str("the shares are ", whole, " together, more than the whole"));
  // Rounded down, then one more for the largest remainders: shares of 1 together leave no case over.
  const double n = static_cast<double>(cases.size());
  std::vector<std::size_t> counts, order(shares.size());
  for (const auto& share : shares) counts.push_back(static_cast<std::size_t>(share.second * n + 1e-9));
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto remainder = [&](std::size_t i) { return shares[i].second * n - static_cast<double>(counts[i]); };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainder(a) > remainder(b) + 1e-9; });
  std::size_t left = static_cast<std::size_t>(std::llround(std::min(whole, 1.0) * n));
  for (const std::size_t count : counts) left -= std::min(left, count);
  for (std::size_t i = 0; i < std::min(left, order.size()); ++i) ++counts[order[i]];

  core::Rng rng(seed, "splits");
  const auto drawn = core::sample_indices(rng, cases.size(), cases.size());
  Splits splits;
  auto from = drawn.begin();
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (counts[i] == 0)
      throw Error(ErrorKind::usage, str("the share ", shares[i].second, " of ", cases.size(), " cases leaves '",
                                        shares[i].first, "' without a case"));
    std::vector<std::int64_t> indices(from, from + static_cast<std::ptrdiff_t>(counts[i]));
    from += static_cast<std::ptrdiff_t>(counts[i]);
    std::sort(indices.begin(), indices.end());
    for (const std::int64_t index : indices) splits[shares[i].first].push_back(cases[static_cast<std::size_t>(index)]);
  }
  return splits;
}

void check_splits(const Splits& splits, const std::vector<std::string>& cases, const std::string& where) {
  const std::set<std::string> known(cases.begin(), cases.end());
  std::map<std::string, std::set<std::string>> members;
  for (const auto& [name, list] : splits) {
    if (name.empty() || name == "all" || name.find_first_of("=,@ \t\n") != std::string::npos)
      bad_input(str(where, ": a split cannot be named '", name, "'"),
                "'all' is always there; no blanks, '=', ',' or '@'");
    if (list.empty()) bad_input(str(where, ": the split '", name, "' has no cases"));
    for (const std::string& c : list) {
      if (!known.contains(c)) bad_input(str(where, ": split '", name, "' names the unknown case '", c, "'"));
      if (!members[name].insert(c).second) bad_input(str(where, ": split '", name, "' names the case '", c, "' twice"));
    }
  }
  for (const auto& [a, of_a] : members)
    for (const auto& [b, of_b] : members) {
      if (!exclude(a, b)) continue;
      std::vector<std::string> both;
      std::set_intersection(of_a.begin(), of_a.end(), of_b.begin(), of_b.end(), std::back_inserter(both));
      if (!both.empty())
        bad_input(str(where, ": the splits '", a, "' and '", b, "' share the cases ", quoted(both)),
                  "a model must not be judged by what it has seen: give both splits anew, or remove one");
    }
}

std::string splits_to_json(const Splits& splits, const std::string& where) {
  const std::string text = core::json_text(Json(splits));
  if (text.size() > kMostBytes)
    bad_input(str(where, ": the splits take ", text.size(), " bytes, an HDF5 attribute holds ", kMostBytes),
              "put the file into a folder and split the folder: splits.json there has no limit");
  return text;
}

void write_splits(const std::string& path, const Splits& splits, const std::string& rules) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    core::write_text((fs::path(path) / kSplitsFile).string(), core::json_text(Json(splits), 1) + "\n");
    return;
  }
  const std::string text = splits_to_json(splits, str("'", path, "'"));
  change_file(path, [&](H5File& file) {
    file.write_attribute("/", "splits", text);
    if (!rules.empty()) file.write_attribute("/", "split_rules", rules);
  });
}

}  // namespace streamtube::mesh_io
