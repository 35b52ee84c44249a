#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <limits>
#include <optional>

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
#include "mesh_io/mesh_io.hpp"
#include "solver/sweep/optimiser.hpp"

namespace streamtube::apps {
namespace {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;
using solver::Row;
using Clock = std::chrono::steady_clock;

constexpr int kInterrupted = 130;

class Optimise : public Command {
 public:
  std::string name() const override { return "optimise"; }
  std::string summary() const override {
    return "Minimise a coefficient, or a weighted sum, over a parametric space; resumable";
  }

  void declare(CLI::App& app) override {
    app.add_option("space", options_.words, "Parametric space with an objective (.json); docs/sweep.md")
        ->required()
        ->expected(1);
    app.add_flag("--allow-extrapolation", allow_,
                 "Also trust designs outside of what the model was trained on; without, they count as infeasible");
    app.add_option("--evaluations", evaluations_, "Designs to compute at most; default: as the space says, else 60")
        ->check(CLI::Range(1, 1'000'000));
    app.add_flag("--dry-run", options_.dry_run, "Check everything, compute the baseline alone, write nothing");
    options_.declare(app);
  }

  void validate() override {
    options_.validate();
    if (!solver::has_optimiser())
      throw Error(ErrorKind::usage, "this program was built without NLopt, which optimise needs",
                  "install libnlopt-dev and build again (-DSTREAMTUBE_NLOPT=ON)");
    if (options_.out.empty()) options_.out = fs::path(options_.words.front()).stem().string() + "_optimum";
  }

  int execute() override {
    const core::Processes processes = core::Processes::join();
    if (processes.size() > 1)
      throw Error(ErrorKind::usage,
                  str("mpirun started ", processes.size(),
                      " processes, but each design of an "
                      "optimisation follows from those before"),
                  "start optimise without mpirun");
    const auto whole = load_model(options_.model);
    const auto checkpoint = member_of(whole, options_.member, whole.name);
    warn_if_poor(checkpoint);
    solver::SweepPlan plan = solver::read_plan(options_.words, false, given_conditions(checkpoint));
    if (!plan.objective)
      throw Error(ErrorKind::usage, plan.source + " is no parametric space",
                  "optimise takes a space (.json) with an objective");
    if (evaluations_ > 0) plan.objective->evaluations = evaluations_;
    for (const auto& p : plan.parameters) {
      if (!p.values.empty())
        core::info(str("'values' and 'levels' of ", p.name, " are for grids: optimised from ", p.min, " to ", p.max));
    }
    const core::Runtime runtime(options_.device);
    solver::NeuralEngine engine(
        checkpoint, options_.evaluation == "cached" ? solver::Evaluation::cached : solver::Evaluation::chunked_anchors,
        options_.precision);
    const DesignWork work(plan, options_, checkpoint, engine, name());
    return optimise(plan, work, checkpoint, processes);
  }

 private:
  int optimise(const solver::SweepPlan& plan, const DesignWork& work, const surrogate::Checkpoint& model,
               const core::Processes& processes) {
    const std::vector<double> start = start_of(plan);
    if (options_.dry_run) {
      const auto piece = work.prepare(solver::design_at(plan, "baseline", start));
      work.compute(*piece);
      work.note_results(*piece);
      check_quantities(piece->row, plan);
      const double seconds = piece->prepare_seconds + piece->compute_seconds;
      if (options_.json) {
        std::cout << core::json_text(Json{{"dry_run", true},
                                          {"out", options_.out},
                                          {"objective", objective_of(piece->row, plan)},
                                          {"parameters", plan.parameters.size()},
                                          {"evaluations", plan.objective->evaluations},
                                          {"seconds_per_design", seconds}},
                                     2)
                  << '\n';
        return 0;
      }
      std::cout << "plan (nothing is written)\n  baseline           objective " << objective_of(piece->row, plan)
                << ", Cd " << piece->row.number("Cd") << "\n  parameters         " << plan.parameters.size()
                << "\n  evaluations        at most " << plan.objective->evaluations << ", " << seconds
                << " s each\n  results to         " << options_.out << '\n';
      return 0;
    }
    if (options_.picture) require_opengl();
    SweepFolder folder(options_.out, name(), plan, options_, model, processes);
    std::vector<std::string> names;
    std::vector<Row> rows;
    auto table_due = Clock::now() + std::chrono::seconds(10);
    const auto evaluate = [&](const std::vector<double>& values) -> solver::Evaluated {
      if (core::HoldInterrupts::asked()) return {};
      const std::string number = std::to_string(rows.size());
      const auto design = solver::design_at(
          plan,
          rows.empty() ? "baseline"
                       : "design_" + std::string(4 - std::min<std::size_t>(4, number.size()), '0') + number,
          values);
      Row row;
      if (const auto it = folder.before().find(design.name); it != folder.before().end()) {
        // The same questions in the same order: the answers are there.
        folder.check(it->second, design, plan);
        row = it->second;
      } else {
        std::unique_ptr<DesignWork::Piece> piece;
        try {
          piece = work.prepare(design);
          work.compute(*piece);
        } catch (const core::Interrupted&) {
          return {};
        }
        const core::HoldInterrupts hold;  // what is computed is also written
        row = work.finish(*piece);
        if (row.done) row.numbers.emplace_back("feasible", feasible(row, plan) ? 1 : 0);
        folder.describe();
        folder.append(row);
        say(row, plan);
      }
      names.push_back(design.name), rows.push_back(row);
      if (Clock::now() >= table_due) {
        folder.write_table(names);
        table_due = Clock::now() + std::chrono::seconds(10);
      }
      if (rows.size() == 1) check_quantities(row, plan);
      return judge(row, plan);
    };
    const solver::Optimum optimum = solver::optimise(plan, start, evaluate);
    const bool stopped = core::HoldInterrupts::asked();
    folder.describe();
    folder.write_table(names);
    if (stopped) {
      core::log(core::LogLevel::error,
                str("interrupted after ", rows.size(), " designs; the same command with --resume goes on"));
      return kInterrupted;
    }
    if (options_.picture) draw_designs(options_.out, rows, options_.pictures);
    return report(plan, work, rows, optimum.reason);
  }

  // "design_0007: Cd 0.2712 ..."
  void say(const Row& row, const solver::SweepPlan& plan) const {
    if (!row.done) return core::warn(str("design '", row.design, "' failed: ", row.message));
    std::string text = str(row.design, ":");
    for (const auto& [quantity, weight] : plan.objective->weights)
      text += str(" ", quantity, " ", row.number(quantity));
    for (const auto& c : plan.objective->constraints) text += str(", ", c.quantity, " ", row.number(c.quantity));
    core::info(text + (row.trusted() ? "" : "  (extrapolation)"));
  }

  // Quantities are columns of the table; what they are called is known once there is a row.
  void check_quantities(const Row& row, const solver::SweepPlan& plan) const {
    if (!row.done) throw Error(ErrorKind::input, str("the baseline: ", row.message), row.hint);
    std::vector<std::string> known;
    for (const auto& [name, value] : row.numbers) known.push_back(name);
    for (const auto& [name, value] : row.parameters) known.push_back(solver::parameter_column(name));
    const auto check = [&](const std::string& quantity) {
      if (std::find(known.begin(), known.end(), quantity) != known.end()) {
        if (!std::isnan(row.number(quantity))) return;
        throw Error(ErrorKind::input, str(plan.source, ": the baseline has no number for '", quantity, "'"));
      }
      throw Error(ErrorKind::input, str(plan.source, ": there is no quantity '", quantity, "'"),
                  str(suggestion(quantity, known),
                      " quantities are the columns of the table: Cd, Cl, frontal_area, volume, ..."));
    };
    for (const auto& [quantity, weight] : plan.objective->weights) check(quantity);
    for (const auto& c : plan.objective->constraints) check(c.quantity);
  }

  static double objective_of(const Row& row, const solver::SweepPlan& plan) {
    double sum = 0;
    for (const auto& [quantity, weight] : plan.objective->weights) sum += weight * row.number(quantity);
    return sum;
  }

  // Constraints: at most 0 where they hold, as shares of their own size; the last one is trust.
  solver::Evaluated judge(const Row& row, const solver::SweepPlan& plan) const {
    solver::Evaluated out;
    out.ok = true;
    if (!row.done) {
      out.value = std::numeric_limits<double>::quiet_NaN();
      return out;
    }
    out.value = objective_of(row, plan);
    for (const auto& c : plan.objective->constraints) {
      const double value = row.number(c.quantity);
      if (std::isnan(value)) out.value = value;  // an open body has no volume
      if (std::isfinite(c.min)) out.constraints.push_back((c.min - value) / std::max(std::abs(c.min), 1e-9));
      if (std::isfinite(c.max)) out.constraints.push_back((value - c.max) / std::max(std::abs(c.max), 1e-9));
    }
    if (!allow_) out.constraints.push_back(row.number("beyond_training"));
    return out;
  }

  bool feasible(const Row& row, const solver::SweepPlan& plan) const {
    if (!row.done || (!allow_ && !row.trusted()) || std::isnan(objective_of(row, plan))) return false;
    for (const auto& c : plan.objective->constraints) {
      const double value = row.number(c.quantity), slack = 1e-6 * std::max(1.0, std::abs(value));
      if (!(value >= c.min - slack && value <= c.max + slack)) return false;
    }
    return true;
  }

  // What a constraint misses in a design, in parts of its bound; 0: it holds.
  static double violation(const Row& row, const solver::Objective::Constraint& c) {
    const double value = row.number(c.quantity);
    if (std::isnan(value)) return std::numeric_limits<double>::infinity();
    const double below = c.min - value, above = value - c.max, bound = below > above ? c.min : c.max;
    return std::max({0.0, below, above}) / std::max(std::abs(bound), 1e-12);
  }

  // Which constraint no design holds and how near one comes, and which design misses the least.
  std::string why_none(const solver::SweepPlan& plan, const std::vector<Row>& rows) const {
    std::string out;
    const auto add = [&](const std::string& text) { out += (out.empty() ? "" : "; ") + text; };
    for (const auto& c : plan.objective->constraints) {
      const Row* nearest = nullptr;
      for (const Row& row : rows)
        if (row.done && (!nearest || violation(row, c) < violation(*nearest, c))) nearest = &row;
      if (nearest && violation(*nearest, c) > 0)
        add(str("no design holds ", std::isfinite(c.min) ? str(c.min, " <= ") : "", c.quantity,
                std::isfinite(c.max) ? str(" <= ", c.max) : "", ", the nearest is ", nearest->number(c.quantity), " ('",
                nearest->design, "')"));
    }
    const Row* least = nullptr;
    double missing = 0;
    for (const Row& row : rows) {
      if (!row.done) continue;
      double sum = allow_ ? 0 : std::max(0.0, row.number("beyond_training"));
      for (const auto& c : plan.objective->constraints) sum += violation(row, c);
      if (!least || sum < missing) least = &row, missing = sum;
    }
    if (least) {
      add(str("least is missing in '", least->design, "'"));
      for (const auto& p : plan.parameters) out += str(", ", p.name, " ", least->parameter(p.name));
      if (!allow_ && !least->trusted()) out += ", outside of the training data";
    }
    return out;
  }

  int report(const solver::SweepPlan& plan, const DesignWork& work, const std::vector<Row>& rows,
             const std::string& reason) const {
    const Row* best = nullptr;
    std::size_t trusted = 0, failed = 0;
    for (const Row& row : rows) {
      trusted += row.trusted(), failed += !row.done;
      if (feasible(row, plan) && (!best || objective_of(row, plan) < objective_of(*best, plan))) best = &row;
    }
    const std::string shape = (fs::path(options_.out) / kBest).string();
    std::error_code ignored;
    if (!best) {
      fs::remove(shape, ignored);  // of other constraints
      throw Error(ErrorKind::runtime,
                  str("none of the ", rows.size(), " designs holds all constraints",
                      allow_ ? "" : " inside of the training data", ": ", why_none(plan, rows)),
                  allow_ ? "widen the bounds or the constraints"
                         : "widen the bounds or the constraints, begin elsewhere (\"start\"), or pass "
                           "--allow-extrapolation to trust them all the same");
    }
    const Row& base = rows.front();
    // The body, for CAD and CFD.
    std::vector<double> values;
    for (const auto& p : plan.parameters) values.push_back(best->parameter(p.name));
    const auto design = solver::design_at(plan, best->design, values);
    auto made = work.make_case(design, work.options_of(design));
    geometry::to_file(made.placement.frame, made.question.body);
    mesh_io::write_stl(shape, made.question.body);

    if (options_.json) {
      Json out = core::parse_json(summary_json(rows, "Cd"));
      out["ended"] = reason;
      out["baseline"] = {{"design", base.design},
                         {"objective", objective_of(base, plan)},
                         {"Cd", base.number("Cd")},
                         {"Cl", base.number("Cl")}};
      out["best"] = {{"design", best->design},
                     {"objective", objective_of(*best, plan)},
                     {"Cd", best->number("Cd")},
                     {"Cl", best->number("Cl")}};
      for (const auto& p : plan.parameters) out["best"]["parameters"][p.name] = best->parameter(p.name);
      out["out"] = options_.out;
      std::cout << core::json_text(out, 2) << '\n';
      return 0;
    }
    const auto line = [&](const char* what, auto&& value) {
      std::cout << std::left << std::setw(18) << what << std::right;
      value(base), value(*best);
      std::cout << '\n';
    };
    std::cout << std::fixed << std::setprecision(4);
    line("", [](const Row& r) { std::cout << std::setw(14) << r.design; });
    line("objective", [&](const Row& r) { std::cout << std::setw(14) << objective_of(r, plan); });
    for (const char* quantity : {"Cd", "Cl", "CdA"})
      line(quantity, [&](const Row& r) { std::cout << std::setw(14) << r.number(quantity); });
    for (const auto& c : plan.objective->constraints)
      line(c.quantity.c_str(), [&](const Row& r) { std::cout << std::setw(14) << r.number(c.quantity); });
    for (const auto& p : plan.parameters)
      line(p.name.c_str(), [&](const Row& r) { std::cout << std::setw(14) << r.parameter(p.name); });
    if (const std::string note = area_note(rows); !note.empty()) std::cout << note << '\n';
    std::cout << '\n' << rows.size() << " designs, " << trusted << " of them inside of the training data";
    if (failed) std::cout << ", " << failed << " failed";
    std::cout << "; " << reason
              << "\nthe best is a prediction, unchecked by CFD (`streamtube solve` checks it): " << shape << '\n';
    return 0;
  }

  SweepOptions options_;
  bool allow_ = false;
  std::size_t evaluations_ = 0;
};

}  // namespace

std::unique_ptr<Command> make_optimise() { return std::make_unique<Optimise>(); }

}  // namespace streamtube::apps
