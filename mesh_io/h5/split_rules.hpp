#pragma once
// Splits as rules about the names of cases, so that cases which come later are split like those before them. A rule
// sees nothing of a case but its name: generating a data set again, or more of it, puts no case into another split.

#include <string>
#include <vector>

#include "mesh_io/h5/splits.hpp"

namespace streamtube::mesh_io {

// A JSON object, name of the split -> which cases, in the order of the file:
//   [1, 2, "run_3"]        a list, words for find_cases()
//   "number % 10 == 0"     cases whose number, the digits at the end of the name, leaves this remainder, of those that
//                          no list and no condition before it has taken; a name without a number is never meant
//   "rest"                 all that no list and no condition has taken
//   "train + validation"   both of these splits
class SplitRules {
 public:
  SplitRules() = default;
  // Error(input) naming `where`, the split and what is wrong with its rule.
  static SplitRules parse(const std::string& json, const std::string& where);

  bool empty() const { return entries_.empty(); }
  // Whether they say something of cases to come: no lists.
  bool general() const;
  // Every split in the order of `cases`, without those that have none. A list may name cases that are not among them
  // (`some_missing`: a warning says how many), else Error(input). The splits are checked as check_splits() does.
  Splits of(const std::vector<std::string>& cases, const std::string& where, bool some_missing = false) const;
  std::string json() const;

 private:
  enum class Kind { list, remainder, rest, sum };
  struct Entry {
    std::string split, text;
    Kind kind = Kind::list;
    std::vector<std::string> words;  // of a list; splits of a sum
    long divisor = 1, remainder = 0;
  };
  std::vector<Entry> entries_;
};

// Those of the default model's data: number % 5 == 0 "test", of the others number % 9 == 4 "validation", the rest
// "train"; "trainval" is both.
const SplitRules& default_split_rules();

// `splits`, but every case of `before_cases` is in the splits in which it was. Gives how many cases that moves.
std::size_t keep_splits(Splits& splits, const Splits& before, const std::vector<std::string>& before_cases,
                        const std::vector<std::string>& cases);

}  // namespace streamtube::mesh_io
