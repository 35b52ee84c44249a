#pragma once
// Named splits of a data set: which cases to learn from, to choose the weights by, to test with.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace streamtube::mesh_io {

using Splits = std::map<std::string, std::vector<std::string>>;  // name -> names of cases

// The cases that `words` stand for, in their order: a case's name, the number it ends in ("run_7" for "7", when only
// one does), or for "a/b" the case b. Error(input) naming `where` and all that are unknown, ambiguous or named twice.
std::vector<std::string> find_cases(const std::vector<std::string>& cases, const std::vector<std::string>& words,
                                    const std::string& where);

// A published file of splits: JSON, name -> list of names or numbers. Words for find_cases(). Error(input).
Splits read_split_file(const std::string& path);
// The same of its text, which `where` names.
Splits parse_splits(const std::string& text, const std::string& where);
// Words of a text file, apart by white space or commas; # begins a comment. Error(input).
std::vector<std::string> read_case_list(const std::string& path);

// Shares of the cases, drawn by the seed; each in the order of `cases`. What the shares leave over is in no split.
// Error(usage) for shares that are not positive, are more than the whole, or give a split without a case.
Splits random_splits(const std::vector<std::string>& cases, const std::vector<std::pair<std::string, double>>& shares,
                     std::uint64_t seed);

// Whether cases of a split of this name are kept from learning: "test", "left_out" or "held_out" is in it.
bool holds_back(const std::string& split);

// Error(input) for a split without cases or with an impossible name, a case that is not there or is named twice, and a
// case on both sides: splits that hold back share no case with the others that begin with "train" or "val", and "train"
// shares none with those that begin with "val".
void check_splits(const Splits& splits, const std::vector<std::string>& cases, const std::string& where);

// Replaces all splits of a data set. A file is copied beside, changed and renamed: a kill or a full disk leaves the old
// one. For a folder, splits.json in it, which stands before what its files say. `rules`: SplitRules as JSON that a file
// is to keep in the place of its own; empty: those stay. Error(runtime), Error(input).
void write_splits(const std::string& path, const Splits& splits, const std::string& rules = {});

// For the formats.
inline constexpr const char* kSplitsFile = "splits.json";
std::string splits_to_json(const Splits& splits, const std::string& where);  // as an attribute: at most 64,000 bytes

}  // namespace streamtube::mesh_io
