#pragma once
// What one label of a data set is worth: designs that were solved twice, on two meshes, differ by this much. A data set
// keeps it in its header; docs/dataset_format.md describes the attribute.

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace streamtube::mesh_io {

class Dataset;

struct Scatter {
  std::size_t pairs = 0;  // designs that were solved twice
  // Root mean square of the difference of the two: of coefficients as they are, of fields relative L2, a share of the
  // first.
  double rms = 0;
  double one_label() const;  // the standard deviation of one of the two: rms / sqrt(2)
};

struct LabelNoise {
  std::string source;                      // in words: how it was measured
  std::map<std::string, Scatter> scatter;  // "Cd", "Cl", "surface/pressure", "volume/velocity", ...
  bool empty() const { return scatter.empty(); }
};

// Of the differences of pairs; nothing of none.
Scatter scatter_of(std::span<const double> differences);

std::string to_json(const LabelNoise& noise);
// Error(input) naming `where` and what is wrong: no JSON of this form, a count below 1, a number that is negative or
// not finite, a standard deviation that is not the RMS over sqrt(2).
LabelNoise label_noise_from_json(const std::string& text, const std::string& where);

// One out of several: mean squares weigh as their pairs. What is given twice, to the letter, counts once.
LabelNoise pooled(const std::vector<LabelNoise>& parts);

// Of a table (CSV) of designs solved once more: its first line names the columns, of which case, Cd and Cl are read;
// the first labels are those of the data set. Error(input) naming file and line: a column or number that is missing, a
// case that is not in the data or is there twice, no line at all.
LabelNoise label_noise_of_table(const std::string& path, const Dataset& data);

// Replaces what the data set says: in the file's header, by a copy beside it that is renamed, or for a folder in
// label_noise.json in it, which stands before what its files say. Error(runtime), Error(input).
void write_label_noise(const std::string& path, const LabelNoise& noise);

// For the formats.
inline constexpr const char* kLabelNoiseFile = "label_noise.json";
inline constexpr const char* kLabelNoiseAttribute = "label_noise";

}  // namespace streamtube::mesh_io
