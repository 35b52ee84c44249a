#include "mesh_io/h5/split_rules.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <set>

#include "core/error.hpp"
#include "core/json.hpp"
#include "core/log.hpp"

namespace streamtube::mesh_io {

using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;

namespace {

constexpr const char* kKnown =
    "a rule is a list of cases, \"number % 10 == 0\", \"rest\", or a sum of splits as \"train + validation\"";

[[noreturn]] void bad(const std::string& what) { throw Error(ErrorKind::input, what, kKnown); }

// What is left of the number at the end of a name, of any length; -1: there is none.
long remainder_of(const std::string& name, long divisor) {
  const auto last = name.find_last_not_of("0123456789");
  const std::string digits = last == std::string::npos ? name : name.substr(last + 1);
  if (digits.empty()) return -1;
  long value = 0;
  for (const char digit : digits) value = (10 * value + (digit - '0')) % divisor;
  return value;
}

std::vector<std::string> summands(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('+', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    const auto first = part.find_first_not_of(" \t"), last = part.find_last_not_of(" \t");
    out.push_back(first == std::string::npos ? std::string() : part.substr(first, last - first + 1));
    begin = end + 1;
  }
  return out;
}

}  // namespace

SplitRules SplitRules::parse(const std::string& text, const std::string& where) {
  const Json json = core::parse_json(text, where);
  if (!json.is_object()) bad(where + ": is not a JSON object of splits");
  SplitRules out;
  for (const auto& [name, value] : json.items()) {
    const std::string at = str(where, ": '", name, "'");
    Entry entry{name, {}, Kind::list, {}, 1, 0};
    if (value.is_array()) {
      entry.words = parse_splits(core::json_text(Json({{name, value}})), where).at(name);
    } else if (value.is_string()) {
      entry.text = value.get<std::string>();
      int end = 0;
      if (std::sscanf(entry.text.c_str(), " number %% %9ld == %9ld %n", &entry.divisor, &entry.remainder, &end) == 2 &&
          end == static_cast<int>(entry.text.size())) {
        entry.kind = Kind::remainder;
        if (entry.divisor < 1 || entry.remainder < 0 || entry.remainder >= entry.divisor)
          bad(str(at, ": \"", entry.text, "\" is true of no case"));
      } else if (entry.text == "rest") {
        entry.kind = Kind::rest;
        for (const Entry& other : out.entries_)
          if (other.kind == Kind::rest) bad(str(at, ": '", other.split, "' has the rest already"));
      } else {
        entry.kind = Kind::sum, entry.words = summands(entry.text);
        for (const std::string& part : entry.words)
          if (part == name || !json.contains(part)) bad(str(at, ": \"", entry.text, "\" is no rule"));
      }
    } else {
      bad(str(at, ": ", core::json_text(value), " is no rule"));
    }
    out.entries_.push_back(std::move(entry));
  }
  for (const Entry& entry : out.entries_)
    for (const Entry& other : out.entries_)
      if (entry.kind == Kind::sum && other.kind == Kind::sum &&
          std::count(entry.words.begin(), entry.words.end(), other.split))
        bad(str(where, ": '", entry.split, "': '", other.split, "' is a sum itself"));
  return out;
}

bool SplitRules::general() const {
  return !entries_.empty() &&
         std::none_of(entries_.begin(), entries_.end(), [](const Entry& e) { return e.kind == Kind::list; });
}

Splits SplitRules::of(const std::vector<std::string>& cases, const std::string& where, bool some_missing) const {
  std::map<std::string, std::set<std::string>> members;
  std::set<std::string> taken;
  for (const Entry& entry : entries_) {
    if (entry.kind != Kind::list) continue;
    std::size_t missing = 0;
    for (const std::string& word : entry.words) {
      try {
        members[entry.split].insert(find_cases(cases, {word}, str(where, ": '", entry.split, "'"))[0]);
      } catch (const Error&) {
        if (!some_missing) throw;
        ++missing;
      }
    }
    if (missing > 0)
      core::warn(str("split '", entry.split, "' of ", where, ": ", entry.words.size() - missing, " of its ",
                     entry.words.size(), " cases are here"));
    taken.insert(members[entry.split].begin(), members[entry.split].end());
  }
  for (const Kind kind : {Kind::remainder, Kind::rest})
    for (const Entry& entry : entries_)
      for (const std::string& name : cases)
        if (entry.kind == kind && !taken.contains(name) &&
            (kind == Kind::rest || remainder_of(name, entry.divisor) == entry.remainder)) {
          members[entry.split].insert(name);
          taken.insert(name);
        }
  for (const Entry& entry : entries_)
    if (entry.kind == Kind::sum)
      for (const std::string& part : entry.words)
        members[entry.split].insert(members[part].begin(), members[part].end());
  Splits out;
  for (const auto& [split, names] : members)
    for (const std::string& name : cases)
      if (names.contains(name)) out[split].push_back(name);
  check_splits(out, cases, where);
  return out;
}

std::string SplitRules::json() const {
  Json out = Json::object();
  for (const Entry& entry : entries_)
    if (entry.kind == Kind::list)
      out[entry.split] = entry.words;
    else
      out[entry.split] = entry.text;
  return core::json_text(out);
}

const SplitRules& default_split_rules() {
  static const SplitRules rules = SplitRules::parse(
      R"({"test": "number % 5 == 0", "validation": "number % 9 == 4", "train": "rest", "trainval": "train + validation"})",
      "the default splits");
  return rules;
}

std::size_t keep_splits(Splits& splits, const Splits& before, const std::vector<std::string>& before_cases,
                        const std::vector<std::string>& cases) {
  const std::set<std::string> known(before_cases.begin(), before_cases.end());
  std::map<std::string, std::set<std::string>> now, then;  // case -> its splits
  for (const auto& [split, names] : splits)
    for (const std::string& name : names) now[name].insert(split);
  for (const auto& [split, names] : before)
    for (const std::string& name : names) then[name].insert(split);
  std::size_t moved = 0;
  splits.clear();
  for (const std::string& name : cases) {
    const bool keep = known.contains(name);
    moved += keep && then[name] != now[name];
    for (const std::string& split : keep ? then[name] : now[name]) splits[split].push_back(name);
  }
  return moved;
}

}  // namespace streamtube::mesh_io
