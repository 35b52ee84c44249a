#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "apps/cli/drag_budget.hpp"
#include "core/error.hpp"
#include "core/json.hpp"

namespace streamtube::apps {

using core::Json;

namespace {

double mean_of(const std::vector<double>& x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

std::vector<double> means_of(const BudgetStep& step) {
  std::vector<double> out;
  for (const auto& draws : step.cd) out.push_back(mean_of(draws));
  return out;
}

// Deviation of the draws around the mean of their case, over all cases.
double scatter_of(const BudgetStep& step) {
  double squares = 0, freedom = 0;
  for (const auto& draws : step.cd) {
    const double mean = mean_of(draws);
    for (const double x : draws) squares += (x - mean) * (x - mean);
    freedom += static_cast<double>(draws.size()) - 1;
  }
  return freedom > 0 ? std::sqrt(squares / freedom) : std::nan("");
}

}  // namespace

std::vector<BudgetLine> budget_lines(const DragBudget& budget) {
  std::vector<BudgetLine> out;
  std::vector<double> before;
  for (const BudgetStep& step : budget.steps) {
    core::expect(step.cd.size() == budget.true_cd.size() && !step.cd.empty(), "budget_lines: lengths");
    BudgetLine line;
    const std::size_t draws = step.cd.front().size();
    double squares = 0;
    for (std::size_t d = 0; d < draws; ++d) {
      std::vector<double> cd;
      for (const auto& one : step.cd) cd.push_back(one.at(d));
      const auto error = physics::compare(cd, budget.true_cd);
      const double share = 1 / static_cast<double>(draws);
      line.one.r2 += share * error.r2, line.one.mean_absolute += share * error.mean_absolute;
      line.one.bias += share * error.bias, line.one.spearman += share * error.spearman;
      line.one.largest = std::max(line.one.largest, error.largest);
      for (std::size_t c = 0; c < cd.size(); ++c)
        squares += share * (cd[c] - budget.true_cd[c]) * (cd[c] - budget.true_cd[c]) / static_cast<double>(cd.size());
    }
    line.rms = std::sqrt(squares);
    line.scatter = scatter_of(step);
    const auto means = means_of(step);
    line.mean = physics::compare(means, budget.true_cd);
    if (!before.empty()) {
      double sum = 0, all = 0;
      for (std::size_t c = 0; c < means.size(); ++c)
        sum += means[c] - before[c], all += std::pow(means[c] - before[c], 2);
      line.change = sum / static_cast<double>(means.size());
      line.change_rms = std::sqrt(all / static_cast<double>(means.size()));
    }
    before = means;
    out.push_back(line);
  }
  return out;
}

std::string budget_text(const DragBudget& budget) {
  const auto lines = budget_lines(budget);
  const std::size_t draws = budget.steps.front().cd.front().size();
  std::string out = core::str("\nwhere the error of Cd comes from, ", budget.cases.size(), " cases, ", draws,
                              " draws of geometry points and anchors; counts\n");
  char row[200];
  std::snprintf(row, sizeof row, "%-44s %8s %8s %8s %9s %11s %10s %10s\n", "", "mean |e|", "bias", "RMS", "scatter",
                "mean |e| of", "added:", "added:");
  out += row;
  std::snprintf(row, sizeof row, "%-44s %8s %8s %8s %9s %11s %10s %10s\n", "", "a draw", "", "a draw", "of draws",
                core::str(draws, " draws").c_str(), "mean", "RMS");
  out += row;
  for (std::size_t s = 0; s < lines.size(); ++s) {
    const BudgetLine& l = lines[s];
    std::snprintf(row, sizeof row, "%-44s %8.1f %8.1f %8.1f %9.1f %11.1f", budget.steps[s].meaning.c_str(),
                  1e4 * l.one.mean_absolute, 1e4 * l.mean.bias, 1e4 * l.rms, 1e4 * l.scatter,
                  1e4 * l.mean.mean_absolute);
    out += row;
    if (s > 0) {
      std::snprintf(row, sizeof row, " %+10.1f %10.1f", 1e4 * l.change, 1e4 * l.change_rms);
      out += row;
    }
    out += '\n';
  }
  if (budget.cells.empty()) return out;
  out += "\ncells that volume anchors are drawn from, by the cube root of their volume\n";
  std::snprintf(row, sizeof row, "%-24s %12s %12s\n", "about, mm", "own mesh", "data set");
  out += row;
  for (const auto& bin : budget.cells) {
    std::snprintf(row, sizeof row, "%-24.1f %10.1f %% %10.1f %%\n", 1e3 * bin.edge, 100 * bin.own, 100 * bin.data);
    out += row;
  }
  return out;
}

std::string budget_json_text(const DragBudget& budget) {
  const auto lines = budget_lines(budget);
  Json out = {{"cases", budget.cases}, {"true_Cd", budget.true_cd}, {"steps", Json::array()}, {"cells", Json::array()}};
  for (std::size_t s = 0; s < lines.size(); ++s) {
    const BudgetLine& l = lines[s];
    Json one = {{"name", budget.steps[s].name},
                {"meaning", budget.steps[s].meaning},
                {"mae_counts", 1e4 * l.one.mean_absolute},
                {"bias_counts", 1e4 * l.mean.bias},
                {"rms_counts", 1e4 * l.rms},
                {"r2", l.one.r2},
                {"scatter_counts", std::isnan(l.scatter) ? Json(nullptr) : Json(1e4 * l.scatter)},
                {"mean_of_draws_mae_counts", 1e4 * l.mean.mean_absolute},
                {"mean_of_draws_r2", l.mean.r2}};
    if (s > 0) one["added_mean_counts"] = 1e4 * l.change, one["added_rms_counts"] = 1e4 * l.change_rms;
    one["Cd"] = budget.steps[s].cd;
    out["steps"].push_back(one);
  }
  for (const auto& bin : budget.cells)
    out["cells"].push_back({{"edge_m", bin.edge}, {"own", bin.own}, {"data", bin.data}});
  return core::json_text(out);
}

}  // namespace streamtube::apps
