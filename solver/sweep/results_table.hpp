#pragma once
// The results of a sweep: every process appends a line to a journal of its own for each finished design, and the table
// is made of all journals, as CSV and HDF5. What is in a journal is never lost; a line that a killed process left
// unfinished is dropped.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace streamtube::solver {

using Named = std::vector<std::pair<std::string, double>>;

struct Row {
  std::string design;
  std::string identity;               // SweepPlan::identity
  bool done = false;                  // else failed
  std::string message, hint;          // of a failure
  std::vector<std::string> files;     // geometry
  std::uint64_t bytes = 0;            // of the files
  Named parameters;                   // in the plan's order
  Named numbers;                      // results: column, value
  std::vector<std::string> warnings;  // of the body and of the prediction
  std::vector<std::string> extrapolation;
  bool unlike = false;  // the shape is beyond those of the training data
  std::string nearest;  // case of the training data
  Named seconds;        // prepare, compute, write
  std::string folder;   // of the fields, relative to the results
  int process = 0;

  bool trusted() const { return done && extrapolation.empty() && !unlike; }
  // What the table has in this column, a result or a parameter; NaN where there is none.
  double number(const std::string& column) const;
  // Coefficients of another reference area, m2; forces and CdA stay.
  void refer_to(double area);
  // A parameter by its own name, which may also be that of a result; NaN where there is none.
  double parameter(const std::string& name) const;
};

std::string to_json(const Row& row);  // one line
// Throws Error(input) that begins with `where`.
Row row_from_json(const std::string& line, const std::string& where);

inline constexpr const char* kTableCsv = "results.csv";
inline constexpr const char* kTableH5 = "results.h5";

// journal.<process>.jsonl, opened to be appended to; an unfinished last line is cut off.
class Journal {
 public:
  Journal(const std::string& folder, int process);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  // On the disk when it returns. Throws Error(runtime) where the disk refuses; the journal is then as before.
  void append(const Row& row);

 private:
  std::string path_;
  int file_ = -1;
};

// All rows of all journals by design, those of the same design in the order of process and line: the last one counts.
// Throws Error(input) naming file and line for what no sweep wrote.
std::map<std::string, Row> read_journals(const std::string& folder);
bool has_journals(const std::string& folder);
void remove_journals(const std::string& folder);

// results.csv and results.h5 of these rows.
void write_table(const std::string& folder, const std::vector<Row>& rows);
// What write_table() has for columns: parameters that are called like a result get "given_" before their name.
std::string parameter_column(const std::string& name);

}  // namespace streamtube::solver
