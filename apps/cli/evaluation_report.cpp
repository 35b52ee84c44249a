#include "apps/cli/evaluation_report.hpp"

#include <cmath>
#include <cstdio>

#include "core/error.hpp"
#include "core/json.hpp"

namespace streamtube::apps {

using core::Json;
using core::str;

namespace {

constexpr double kCounts = 1e4;

Json number(double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); }

std::string with_interval(const char* format, double scale, double value, const physics::Interval& interval) {
  char one[24], low[24], high[24];
  std::snprintf(one, sizeof one, format, scale * value);
  std::snprintf(low, sizeof low, format, scale * interval.low);
  std::snprintf(high, sizeof high, format, scale * interval.high);
  return str(one, " [", low, ", ", high, "]");
}

}  // namespace

std::vector<Standing> standings(const std::string& model, const solver::EvaluationResult& result,
                                const std::vector<solver::Baseline>& baselines, std::uint64_t seed) {
  std::vector<double> true_cd, true_cl;
  solver::Baseline own{"model", str("the model '", model, "'"), {}, {}};
  for (const auto& c : result.cases) {
    true_cd.push_back(c.true_cd), true_cl.push_back(c.true_cl);
    own.cd.push_back(c.cd), own.cl.push_back(c.cl);
  }
  std::vector<Standing> out;
  const auto add = [&](const solver::Baseline& one) {
    out.push_back({one.name, one.meaning, true_cd.size(), physics::compare(one.cd, true_cd),
                   physics::compare(one.cl, true_cl), physics::bootstrap(one.cd, true_cd, seed),
                   physics::bootstrap(one.cl, true_cl, seed)});
  };
  add(own);
  for (const auto& one : baselines) add(one);
  return out;
}

std::string standings_text(const std::vector<Standing>& standings) {
  std::string out;
  char row[240];
  for (const bool drag : {true, false}) {
    out +=
        str("\n", drag ? "Cd" : "Cl", " of ", standings.front().cases, " cases, [",
            std::lround(100 * physics::kIntervalShare), " % of ", physics::kResamples, " resamples of these cases]\n");
    std::snprintf(row, sizeof row, "%-53s %-22s %-24s %-24s %s\n", "", "R2", "mean |e|, counts", "bias, counts",
                  "Spearman");
    out += row;
    for (const Standing& s : standings) {
      const auto& e = drag ? s.cd : s.cl;
      const auto& i = drag ? s.cd_interval : s.cl_interval;
      std::snprintf(row, sizeof row, "%-53s %-22s %-24s %-24s %s\n", s.meaning.c_str(),
                    with_interval("%.2f", 1, e.r2, i.r2).c_str(),
                    with_interval("%.0f", kCounts, e.mean_absolute, i.mean_absolute).c_str(),
                    with_interval("%.0f", kCounts, e.bias, i.bias).c_str(),
                    s.name == "mean" ? "-" : with_interval("%.2f", 1, e.spearman, i.spearman).c_str());
      out += row;
    }
  }
  return out;
}

std::string standings_json_text(const std::vector<Standing>& standings) {
  Json out;
  const auto pair = [](const physics::Interval& i, double scale) {
    return Json::array({number(scale * i.low), number(scale * i.high)});
  };
  for (const bool drag : {true, false})
    for (const Standing& s : standings) {
      const auto& e = drag ? s.cd : s.cl;
      const auto& i = drag ? s.cd_interval : s.cl_interval;
      out[drag ? "Cd" : "Cl"][s.name] = {{"meaning", s.meaning},
                                         {"n", s.cases},
                                         {"r2", number(e.r2)},
                                         {"r2_90", pair(i.r2, 1)},
                                         {"mae_counts", number(kCounts * e.mean_absolute)},
                                         {"mae_counts_90", pair(i.mean_absolute, kCounts)},
                                         {"bias_counts", number(kCounts * e.bias)},
                                         {"bias_counts_90", pair(i.bias, kCounts)},
                                         {"spearman", number(e.spearman)},
                                         {"spearman_90", pair(i.spearman, 1)}};
    }
  return core::json_text(out);
}

std::string label_text(const std::map<std::string, solver::LabelScatter>& labels) {
  std::string out;
  char row[240];
  for (const auto& [name, one] : labels) {
    std::snprintf(
        row, sizeof row,
        "label: %s of %zu cases: RMS %.1f counts, at most %.1f (standard deviation while the solver was averaged; the "
        "mesh's share is not in it)\n",
        name.c_str(), one.cases, kCounts * one.rms, kCounts * one.largest);
    out += row;
  }
  return out.empty() ? out : "\n" + out;
}

std::string label_noise_text(const mesh_io::LabelNoise& noise, const std::string& indent) {
  if (noise.empty()) return {};
  std::string out = str(indent, "one label (standard deviation; ", noise.source, "):\n");
  char row[240];
  for (const auto& [name, one] : noise.scatter) {
    const bool coefficient = name == "Cd" || name == "Cl";
    const double unit = coefficient ? kCounts : 100;
    std::snprintf(row, sizeof row, "%s  %-26s %.*f %s; two labels of one design differ by %.*f (RMS of %zu)\n",
                  indent.c_str(), name.c_str(), coefficient ? 0 : 1, unit * one.one_label(),
                  coefficient ? "counts" : "%", coefficient ? 0 : 1, unit * one.rms, one.pairs);
    out += row;
  }
  return out;
}

std::string label_json_text(const std::map<std::string, solver::LabelScatter>& labels) {
  Json out = Json::object();
  for (const auto& [name, one] : labels)
    out[name] = {{"n", one.cases}, {"rms_counts", kCounts * one.rms}, {"largest_counts", kCounts * one.largest}};
  return core::json_text(out);
}

}  // namespace streamtube::apps
