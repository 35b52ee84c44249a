#pragma once
// The files of a case: found by patterns, and the small ones among them read.

#include <map>
#include <string>
#include <vector>

namespace streamtube::mesh_io {

using Bindings = std::map<std::string, std::string>;  // what the names of a pattern stand for: "n" -> "12"

// All that fit a pattern ("run_{n}/boundary_{n}.vtp"; layouts/table.hpp) below a folder with these bindings, in
// alphabetical order of their paths. Each with the bindings it adds.
struct Match {
  std::string path;
  Bindings bindings;
};
std::vector<Match> find_matches(const std::string& folder, const std::string& pattern, const Bindings& bindings = {});
// `text` with names in braces replaced.
std::string expand(const std::string& text, const Bindings& bindings);

// A column of a table of commas with names in its first line: the value in the only row, or in that whose `key` is
// `key_value`. Capitals in names do not matter. False when none of the columns is there. Error(input): no table, no such
// row, no number.
bool read_csv_number(const std::string& path, const std::vector<std::string>& columns, const std::string& key,
                     const std::string& key_value, double& value);
// All numbers of the only row by their columns' names; those of "run" and "id" are left out.
std::map<std::string, double> read_csv_numbers(const std::string& path);

// The numbers of a NumPy array of float32 or float64 in little endian, in its order. Error(input).
std::vector<double> read_npy(const std::string& path);

}  // namespace streamtube::mesh_io
