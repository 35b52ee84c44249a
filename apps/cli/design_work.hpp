#pragma once
// What becomes of one design of a sweep: its body is read or shaped, its case solved, its results written as predict
// writes them, and a row made of it. The commands that work on designs share this and the folder of their results.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/cli/case_options.hpp"
#include "apps/cli/results.hpp"
#include "core/output_lock.hpp"
#include "core/processes.hpp"
#include "core/runtime.hpp"
#include "solver/neural/neural_engine.hpp"
#include "solver/sweep/design_space.hpp"
#include "solver/sweep/results_table.hpp"

namespace CLI {
class App;
}

namespace streamtube::apps {

inline constexpr const char* kSweep = "sweep.json";
inline constexpr const char* kSweepCollection = "sweep.pvd";
inline constexpr const char* kDesigns = "designs";
inline constexpr const char* kBest = "best.stl";  // of optimise

struct SweepOptions {
  void declare(CLI::App& app);
  void validate();  // throws Error(usage)

  std::vector<std::string> words;  // spec
  std::size_t member = 0;          // of the model; 0: the mean of all
  std::string model, out, fields = "surface", evaluation = "cached";
  CaseOptions of_case;
  core::RuntimeOptions device;
  surrogate::Precision precision = surrogate::Precision::fp32;
  bool baseline_area = false, picture = false;
  PictureOptions pictures;
  bool resume = false, overwrite = false, retry_failed = false, dry_run = false, json = false;
};

// The parameters' start values: the baseline of a space.
std::vector<double> start_of(const solver::SweepPlan& plan);

// Everything that stays the same from design to design.
class DesignWork {
 public:
  struct Piece {
    solver::Design design;
    CaseOptions options;  // with the design's conditions
    Result result;
    std::shared_ptr<solver::NeuralEngine::Ready> ready;
    solver::Row row;  // failed, unless `ready`
    double prepare_seconds = 0, compute_seconds = 0;
    solver::Named shape;  // length, width, ...: of the body
  };

  // Reads the baseline of a space; Error(input) when it cannot be, Error(usage) for conditions of the model that are
  // missing. `command`: for run.json. All must outlive the work.
  DesignWork(const solver::SweepPlan& plan, const SweepOptions& options, const surrogate::Checkpoint& model,
             solver::NeuralEngine& engine, const std::string& command);

  // By any thread. A design that fails comes back as a failed row; throws core::Interrupted alone.
  std::unique_ptr<Piece> prepare(const solver::Design& design) const;
  // By the thread of the engine; the same of failures.
  void compute(Piece& piece) const;
  // Completes the row with the results. By any thread.
  void note_results(Piece& piece) const;
  // The same, and writes what --fields wants. By any thread. Throws Error(runtime) when the disk refuses; what else
  // fails makes a failed row.
  solver::Row finish(Piece& piece) const;
  // The case of a design, with all that would be refused.
  BodyCase make_case(const solver::Design& design, const CaseOptions& options) const;
  CaseOptions options_of(const solver::Design& design) const;
  // Bytes that finish() writes of such a case, about.
  static double output_bytes(const SweepOptions& options, const solver::Answer& answer);

  const solver::SweepPlan& plan() const { return plan_; }
  // A sentence on the columns of a table from which nothing of a design follows; empty: there are none.
  std::string label_note() const;

 private:
  void read_baseline();
  // What the coefficients of all designs refer to with --baseline-area, m2.
  double area_of_baseline() const;
  // Of every design: what the model is conditioned on. Throws Error(usage).
  void check_conditions() const;
  LoadedBody body_of(const solver::Design& design, const CaseOptions& options) const;

  const solver::SweepPlan& plan_;
  SweepOptions options_;
  const surrogate::Checkpoint& model_;
  solver::NeuralEngine& engine_;
  RunInfo run_;
  std::optional<LoadedBody> baseline_;
};

// The folder of a sweep's results, held by one run at a time.
class SweepFolder {
 public:
  // Collective. Checks what an earlier run left: none, or with --resume one of the same settings, else Error(usage)
  // that says what differs. Then all of the folder belongs to this run; after a resume, sweep.json stays that of the
  // earlier run until describe(). kind: "sweep" or "optimise".
  SweepFolder(const std::string& path, const std::string& kind, const solver::SweepPlan& plan,
              const SweepOptions& options, const surrogate::Checkpoint& model, const core::Processes& processes);
  SweepFolder(const SweepFolder&) = delete;
  SweepFolder& operator=(const SweepFolder&) = delete;

  const std::string& path() const { return path_; }
  // What was done before, by design.
  const std::map<std::string, solver::Row>& before() const { return before_; }
  // Error(usage) when the row was made of something else than this design.
  void check(const solver::Row& row, const solver::Design& design, const solver::SweepPlan& plan) const;
  // The earlier designs are of this plan: sweep.json is written.
  void describe();
  // By any thread: a line in this process's journal.
  void append(const solver::Row& row) { journal_->append(row); }
  // The table of all journals, in the order of `names` (nothing: of the journals' designs as they were appended), and
  // with fields the collection for ParaView.
  std::vector<solver::Row> write_table(const std::vector<std::string>& names) const;

 private:
  std::string path_, description_;  // sweep.json, while it is to be written
  core::OutputLock lock_;
  std::map<std::string, solver::Row> before_;
  std::optional<solver::Journal> journal_;
};

// A sentence where the coefficients of done designs refer to areas that differ by more than a thousandth, so that a
// lower Cd need not be less drag; else empty.
std::string area_note(const std::vector<solver::Row>& rows);
// The best of a table by a column, done ones only, as text for people; at most `count` lines.
std::string ranking_text(const std::vector<solver::Row>& rows, const std::string& column, std::size_t count);
// Done, failed, not trusted; the best.
std::string summary_json(const std::vector<solver::Row>& rows, const std::string& column);

}  // namespace streamtube::apps
