#pragma once
// Data sets out of folders of solved cases. A layout knows one way such folders are laid out; importing is the same
// for all: several cases at once, each checked and kept beside the output when done, so that a killed import goes on.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mesh_io/h5/dataset.hpp"

namespace streamtube::mesh_io {

struct CaseSource {
  std::string name;                          // of the case in the data set
  std::vector<std::string> files;            // what it is read from; the layout knows which is what
  std::string folder;                        // the data set's, for layouts that look for more there
  std::map<std::string, std::string> words;  // and what the variable parts of its files' names are
};

class Layout {
 public:
  virtual ~Layout() = default;
  virtual std::string name() const = 0;     // "drivaerml"
  virtual std::string summary() const = 0;  // one line
  // The folder's cases, in any order; none when the folder is not laid out this way. Throws Error(input) for one that
  // is, but cannot be read.
  virtual std::vector<CaseSource> find(const std::string& folder) const = 0;
  // Whether the content too is of this layout, where find() goes by names of files.
  virtual bool recognises(const std::string& folder) const { return !find(folder).empty(); }
  // What to look for, for messages: "run_<n>/boundary_<n>.vtp".
  virtual std::string pattern() const = 0;
  // Description, all fields that a case may have, and the layout's own splits of these cases.
  virtual DatasetHeader header(const std::vector<CaseSource>& cases) const = 0;
  // All of the file's fields that are known, in SI and in the model's frame. `work`: a folder for temporaries, which
  // the caller removes. Safe in several threads. Throws Error(input) naming file and place.
  virtual FlowSample read(const CaseSource& source, const std::string& work) const = 0;
  // What the cases that were read say of the scatter of their labels.
  virtual LabelNoise label_noise(const std::vector<CaseInfo>& /*cases*/) const { return {}; }
  // What to do when a case contradicts itself.
  virtual std::string hint() const { return {}; }
  // What beside the files decides the result, as text: an import that goes on must have the same.
  virtual std::string settings() const { return {}; }
  // What of them was another in `before`, for messages.
  virtual std::string changed_setting(const std::string& /*before*/) const { return "table of fields"; }
};
using Layouts = std::vector<std::unique_ptr<Layout>>;

// The layouts of .h5 files, which need no mesh library: the folder of RANS cases of parametric Ahmed bodies that the
// default model is trained on: run_<i>.h5 (or cases/run_<i>.h5) with groups surface and volume and the design as
// attributes param_*; pressure and shear over density. Splits: every run whose number divides by 5 is "test"; of the
// others those with number % 9 == 4 are "validation", the rest "train"; "trainval" is both.
std::unique_ptr<Layout> ahmed_layout();

// The layout named, or for "auto" the only one that finds cases. Error(usage) for an unknown name, with the known;
// Error(input) when none or several find cases.
const Layout& choose_layout(const Layouts& layouts, const std::string& name, const std::string& folder);

struct ImportOptions {
  unsigned jobs = 1;       // cases at once
  bool overwrite = false;  // replaces an existing output, and begins anew
  bool resume = false;     // goes on with what an earlier import of the same kind has finished
  bool skip_bad = false;   // leaves out cases that cannot be read or contradict themselves, instead of failing
  // Rows with a value that is not finite: left out, their number in the case's quality, instead of refused.
  bool drop_bad_rows = false;
  std::size_t volume_points = 0;  // at most so many of each case, drawn at random; 0: all
  // Splits beside or instead of the layout's own: name -> words of find_cases(). Cases that are not in the folder are
  // left out of them with a warning.
  Splits splits;
  std::string splits_name;  // for messages
};

struct ImportReport {
  std::size_t imported = 0, kept = 0;                         // kept: finished by an earlier import
  std::vector<std::pair<std::string, std::string>> rejected;  // case, reason
};

// Imports into a file, or, for a path that does not end in .h5, into a folder with one file a case, for data larger
// than a disk should copy. Until all is done, cases lie in <path>.import beside it; then the output appears at once.
// Error(usage): the output or an unfinished import is in the way. Error(input): bad cases (all are named in the log),
// no cases at all. Error(runtime): the disk is full; what is finished stays for --resume.
ImportReport import_cases(const Layout& layout, const std::string& folder, const std::string& path,
                          const ImportOptions& options);

}  // namespace streamtube::mesh_io
