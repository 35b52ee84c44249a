#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <set>
#include <sstream>

#include "apps/cli/design_pictures.hpp"
#include "apps/cli/design_work.hpp"
#include "apps/cli/model.hpp"
#include "apps/cli/offscreen.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/long_work.hpp"
#include "geometry/threads.hpp"
#include "solver/sweep/pipeline.hpp"

namespace streamtube::apps {
namespace {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;
using solver::Row;

constexpr int kInterrupted = 130;

std::string duration(double seconds) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(seconds < 10 ? 1 : 0);
  if (seconds < 120)
    out << seconds << " s";
  else if (seconds < 7200)
    out << seconds / 60 << " min";
  else
    out << seconds / 3600 << " h";
  return out.str();
}

class Sweep : public Command {
 public:
  std::string name() const override { return "sweep"; }
  std::string summary() const override {
    return "Predict many designs and rank them; resumable, also by several processes (mpirun)";
  }

  void declare(CLI::App& app) override {
    app.add_option(
           "designs", options_.words,
           "What to compute: a folder of geometry files, several files, a table (.csv) of files and conditions, "
           "or a parametric space (.json); docs/sweep.md")
        ->required();
    app.add_option("--jobs", jobs_,
                   "Threads that read and prepare the next designs while the network works; 0: one, beside a GPU all "
                   "CPUs but one")
        ->check(CLI::Range(0, core::kMostThreads))
        ->capture_default_str();
    app.add_flag("--allow-failures", allow_failures_, "Exit with 0 although designs failed, if any is done");
    app.add_flag("--retry-failed", options_.retry_failed, "With --resume: compute again what failed before");
    app.add_flag(
        "--dry-run", options_.dry_run,
        "Check everything, compute the first design as a measure, print the plan, time and disk space it takes");
    options_.declare(app);
  }

  void validate() override {
    if (options_.retry_failed && !options_.resume)
      throw Error(ErrorKind::usage, "--retry-failed is about the results of an earlier run", "pass --resume too");
    options_.validate();
    if (options_.out.empty()) {
      fs::path word = fs::path(options_.words.front());
      if (!word.has_filename()) word = word.parent_path();  // "designs/"
      word = fs::weakly_canonical(word);
      const std::string name = (fs::is_directory(word) ? word.filename() : word.stem()).string();
      options_.out = (options_.words.size() > 1 ? std::string("designs") : name) + "_sweep";
    }
  }

  int execute() override {
    const core::Processes processes = core::Processes::join();
    int code = 0;
    processes.run([&] { code = sweep(processes); });
    return code;
  }

 private:
  int sweep(const core::Processes& processes) {
    const auto started = std::chrono::steady_clock::now();
    const auto whole = load_model(options_.model);
    const auto checkpoint = member_of(whole, options_.member, whole.name);
    warn_if_poor(checkpoint);
    const solver::SweepPlan plan = solver::read_plan(options_.words, true, given_conditions(checkpoint));
    options_.device.usable = processes.usable_threads(), options_.device.local_rank = processes.rank_on_this_host();
    const core::Runtime runtime(options_.device);
    solver::NeuralEngine engine(
        checkpoint, options_.evaluation == "cached" ? solver::Evaluation::cached : solver::Evaluation::chunked_anchors,
        options_.precision);
    const DesignWork work(plan, options_, checkpoint, engine, name());
    if (const std::string note = work.label_note(); !note.empty() && processes.first()) core::warn(note);
    if (options_.dry_run) return processes.first() ? dry_run(plan, work) : 0;

    if (options_.picture && processes.first()) require_opengl();
    SweepFolder folder(options_.out, name(), plan, options_, checkpoint, processes);
    std::vector<std::size_t> todo;
    check_before(folder, plan, todo);
    folder.describe();
    if (processes.first() && todo.size() < plan.designs.size())
      core::info(str(plan.designs.size() - todo.size(), " of ", plan.designs.size(), " designs are there already"));

    const solver::PipelineTimes times = run(processes, folder, plan, work, todo);
    const bool stopped = processes.any(core::HoldInterrupts::asked());
    if (!processes.first()) return stopped ? kInterrupted : 0;
    const std::vector<Row> rows = folder.write_table(names_of(plan));
    if (stopped && rows.size() < plan.designs.size()) {
      core::log(core::LogLevel::error, str("interrupted: ", rows.size(), " of ", plan.designs.size(),
                                           " designs are done; the same command with --resume goes on"));
      return kInterrupted;
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    if (options_.picture) draw_designs(options_.out, rows, options_.pictures);
    print(rows, todo.size(), seconds, times);
    if (!rows.empty() && std::none_of(rows.begin(), rows.end(), [](const Row& r) { return r.done; }))
      throw Error(
          ErrorKind::input,
          str("none of the ", rows.size(), " designs could be computed; '", rows[0].design, "': ", rows[0].message),
          rows[0].hint);
    const bool failed = std::any_of(rows.begin(), rows.end(), [](const Row& r) { return !r.done; });
    return failed && !allow_failures_ ? core::exit_code(ErrorKind::runtime) : 0;
  }

  static std::vector<std::string> names_of(const solver::SweepPlan& plan) {
    std::vector<std::string> names;
    for (const auto& design : plan.designs) names.push_back(design.name);
    return names;
  }

  // What was done before must be of this plan; the rest is to do.
  void check_before(const SweepFolder& folder, const solver::SweepPlan& plan, std::vector<std::size_t>& todo) const {
    std::set<std::string> known;
    for (std::size_t i = 0; i < plan.designs.size(); ++i) {
      const auto& design = plan.designs[i];
      known.insert(design.name);
      const auto it = folder.before().find(design.name);
      if (it != folder.before().end()) folder.check(it->second, design, plan);
      if (it == folder.before().end() || (options_.retry_failed && !it->second.done)) todo.push_back(i);
    }
    for (const auto& [name, row] : folder.before())
      if (!known.count(name))
        throw Error(ErrorKind::usage,
                    str("'", folder.path(), "' holds the results of another sweep: it has a design '", name, "'"),
                    "choose another folder with --out, or begin anew with --overwrite");
  }

  std::size_t job_count(const core::Processes& processes) const {
    if (jobs_ > 0) return static_cast<std::size_t>(jobs_);
    if (core::backend() != core::Backend::cuda) return 1;
    return static_cast<std::size_t>(std::max(1, processes.usable_threads() - 1));
  }

  solver::PipelineTimes run(const core::Processes& processes, SweepFolder& folder, const solver::SweepPlan& plan,
                            const DesignWork& work, const std::vector<std::size_t>& todo) const {
    using Piece = std::unique_ptr<DesignWork::Piece>;
    using Clock = std::chrono::steady_clock;
    processes.open_counter();
    // How far the others are is not known.
    const bool alone = processes.size() == 1;
    core::Progress progress("sweep", alone ? todo.size() : 0, alone ? "designs" : "designs by the first process");
    auto table_due = Clock::now() + std::chrono::seconds(10);
    solver::Pipeline<Piece> pipeline;
    pipeline.jobs = job_count(processes);
    // Threads over designs rather than within one.
    if (pipeline.jobs > 1)
      geometry::set_thread_count(std::max(1, processes.usable_threads() / static_cast<int>(pipeline.jobs)));
    pipeline.next = [&]() -> std::optional<std::size_t> {
      const std::int64_t ticket = processes.take();
      if (ticket < 0 || static_cast<std::size_t>(ticket) >= todo.size()) return {};
      return static_cast<std::size_t>(ticket);
    };
    pipeline.prepare = [&](std::size_t ticket) { return work.prepare(plan.designs[todo[ticket]]); };
    pipeline.compute = [&](Piece& piece) { work.compute(*piece); };
    pipeline.finish = [&](Piece&& piece) {
      const core::HoldInterrupts hold;  // what is computed is also written
      Row row = work.finish(*piece);
      row.process = processes.rank();
      folder.append(row);
      if (!row.done) core::warn(str("design '", row.design, "' failed: ", row.message));
      progress.advance(1);
      if (!processes.first() || Clock::now() < table_due) return;
      const auto start = Clock::now();
      folder.write_table(names_of(plan));
      table_due = Clock::now() + std::max<Clock::duration>(std::chrono::seconds(10), 20 * (Clock::now() - start));
    };
    pipeline.stop = [] { return core::HoldInterrupts::asked(); };
    try {
      const auto times = pipeline.run();
      if (core::HoldInterrupts::asked()) processes.close_counter();
      geometry::set_thread_count(0);
      return times;
    } catch (...) {
      processes.close_counter();  // the others stop too
      throw;
    }
  }

  void print(const std::vector<Row>& rows, std::size_t computed, double seconds, const solver::PipelineTimes& t) const {
    const double busy = t.total > 0 ? t.computing / t.total : 0;
    if (options_.json) {
      Json out = core::parse_json(summary_json(rows, "Cd"));
      out["computed"] = computed;
      out["seconds"] = seconds;
      out["network_busy"] = busy;
      out["out"] = options_.out;
      std::cout << core::json_text(out, 2) << '\n';
      return;
    }
    std::size_t done = 0, trusted = 0;
    for (const Row& row : rows) done += row.done, trusted += row.trusted();
    std::cout << ranking_text(rows, "Cd", 10) << '\n' << done << " of " << rows.size() << " designs done";
    if (done < rows.size()) std::cout << ", " << rows.size() - done << " failed";
    if (trusted < done) std::cout << ", " << done - trusted << " outside of the training data";
    std::cout << '\n';
    if (computed > 0)
      std::cout << computed << " in " << duration(seconds) << ", " << std::setprecision(3)
                << 60 * double(computed) / seconds << " designs/min; the network worked " << std::lround(100 * busy)
                << " % of the time\n";
    std::cout << "results in " << options_.out << ": " << solver::kTableCsv << ' ' << solver::kTableH5 << ' ' << kSweep
              << "; `streamtube report " << options_.out << "` makes a page of them\n";
  }

  // Names the files that are not there; false if there are any.
  static bool say_missing_files(const solver::SweepPlan& plan) {
    constexpr std::size_t kMost = 5;
    std::size_t missing = 0;
    std::string text;
    for (const auto& design : plan.designs)
      for (const auto& file : design.files) {
        std::error_code ignored;
        if (std::filesystem::exists(file, ignored)) continue;
        if (missing++ < kMost) text += str(text.empty() ? "'" : ", '", file, "' ('", design.name, "')");
      }
    if (missing > 0)
      core::warn(str(missing, missing == 1 ? " file is" : " files are", " not there: ", text,
                     missing > kMost ? " and more" : ""));
    return missing == 0;
  }

  int dry_run(const solver::SweepPlan& plan, const DesignWork& work) const {
    // The first design that can be computed is the measure.
    double seconds = 0, bytes = 0;
    std::string measured, problem;
    const bool complete = say_missing_files(plan);
    for (std::size_t i = 0; i < std::min<std::size_t>(plan.designs.size(), 5) && measured.empty(); ++i) {
      const auto piece = work.prepare(plan.designs[i]);
      work.compute(*piece);
      if (!piece->row.done) {
        if (problem.empty()) problem = str("'", piece->row.design, "': ", piece->row.message);
        core::warn(str("design '", piece->row.design, "' fails: ", piece->row.message));
        continue;
      }
      measured = piece->row.design;
      seconds = std::max(piece->prepare_seconds, piece->compute_seconds);
      bytes = DesignWork::output_bytes(options_, piece->result.answer);
    }
    if (measured.empty()) throw Error(ErrorKind::input, str("none of the first designs can be computed; ", problem));
    const double count = double(plan.designs.size());
    if (options_.json) {
      Json out = {{"dry_run", true},
                  {"out", options_.out},
                  {"designs", plan.designs.size()},
                  {"sampling", plan.sampling},
                  {"measured", measured},
                  {"seconds_per_design", seconds},
                  {"seconds", seconds * count},
                  {"bytes", bytes * count},
                  {"peak_memory", core::peak_resident_memory()}};
      for (const auto& p : plan.parameters) out["parameters"][p.name] = {{"min", p.min}, {"max", p.max}};
      std::cout << core::json_text(out, 2) << '\n';
    } else {
      std::cout << "plan (nothing is written)\n  designs            " << plan.designs.size()
                << (plan.sampling.empty() ? "" : ", " + plan.sampling) << " of " << plan.source << '\n';
      for (const auto& p : plan.parameters)
        std::cout << "  parameter          " << p.name << ' ' << p.min << (p.fixed() ? std::string() : str("..", p.max))
                  << (p.unit.empty() ? "" : " " + p.unit) << '\n';
      std::cout << "  first, last        " << plan.designs.front().name << ", " << plan.designs.back().name
                << "\n  time               " << duration(seconds * count) << " by one process (" << duration(seconds)
                << " for '" << measured << "')\n  disk               "
                << core::size_text(static_cast<std::uint64_t>(bytes * count)) << "\n  memory             "
                << core::size_text(core::peak_resident_memory()) << "\n  results to         " << options_.out
                << (fs::exists(options_.out) ? " (exists)" : "") << '\n';
    }
    core::require_disk_space(options_.out, static_cast<std::uint64_t>(bytes * count));
    return complete ? 0 : core::exit_code(ErrorKind::input);
  }

  SweepOptions options_;
  int jobs_ = 0;
  bool allow_failures_ = false;
};

}  // namespace

std::unique_ptr<Command> make_sweep() { return std::make_unique<Sweep>(); }

}  // namespace streamtube::apps
