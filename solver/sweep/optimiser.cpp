#include "solver/sweep/optimiser.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <optional>

#include "core/error.hpp"
#if defined(STREAMTUBE_HAVE_NLOPT)
#include <nlopt.h>
#endif

namespace streamtube::solver {

using core::Error;
using core::ErrorKind;
using core::str;

#if defined(STREAMTUBE_HAVE_NLOPT)

namespace {

// The answers to the points that were asked, with the last one at hand: NLopt asks objective and constraints one by
// one.
struct Question {
  const std::function<Evaluated(const std::vector<double>&)>& evaluate;
  std::vector<double> values;               // of all parameters
  std::vector<std::size_t> free = {};       // those that vary
  std::vector<double> low = {}, span = {};  // of the free ones
  std::size_t most = 0, asked = 0;
  std::size_t constraints = 0;  // of a design that did not fail
  bool penalise = false;        // constraints become part of the value
  double worst = 0;             // value so far
  bool out_of_budget = false;
  nlopt_opt run = nullptr;
  std::exception_ptr failure = nullptr;
  std::vector<double> last = {};  // the point of `answer`
  Evaluated answer = {};

  // unit: the free parameters as shares of their span.
  const Evaluated& at(const double* unit) {
    std::vector<double> point(unit, unit + free.size());
    // NLopt scales what it is given, and gives it back but for rounding.
    bool same = point.size() == last.size();
    for (std::size_t i = 0; same && i < point.size(); ++i) same = std::abs(point[i] - last[i]) < 1e-12;
    if (same) return answer;
    last = point;
    if (failure || out_of_budget || asked == most) {
      out_of_budget = asked == most;
      stop();
      return answer;
    }
    for (std::size_t i = 0; i < free.size(); ++i)
      values[free[i]] = std::clamp(low[i] + span[i] * point[i], low[i], low[i] + span[i]);
    try {
      answer = evaluate(values);
    } catch (...) {
      failure = std::current_exception();
      stop();
      return answer;
    }
    if (!answer.ok) {
      stop();
      return answer;
    }
    ++asked;
    if (std::isnan(answer.value)) {  // worse than all before, and against every constraint
      answer.value = worst + 0.1 * std::abs(worst);
      answer.constraints.assign(constraints, 0.1);
    } else {
      worst = asked == 1 ? answer.value : std::max(worst, answer.value);
    }
    if (penalise)
      for (const double c : answer.constraints) answer.value += std::max(0.0, c) * (1 + std::abs(worst));
    return answer;
  }
  void stop() { nlopt_force_stop(run); }
};

double objective(unsigned, const double* x, double*, void* data) { return static_cast<Question*>(data)->at(x).value; }

void constraints(unsigned m, double* result, unsigned, const double* x, double*, void* data) {
  const Evaluated& answer = static_cast<Question*>(data)->at(x);
  for (unsigned i = 0; i < m; ++i) result[i] = i < answer.constraints.size() ? answer.constraints[i] : 0.1;
}

}  // namespace

bool has_optimiser() { return true; }

Optimum optimise(const SweepPlan& plan, const std::vector<double>& start,
                 const std::function<Evaluated(const std::vector<double>&)>& evaluate) {
  core::expect(plan.objective.has_value(), "optimise: no objective");
  const Objective& wanted = *plan.objective;
  Question q{evaluate, start};
  std::vector<double> x;
  for (std::size_t p = 0; p < plan.parameters.size(); ++p) {
    const Parameter& one = plan.parameters[p];
    if (one.fixed()) continue;
    q.free.push_back(p), q.low.push_back(one.min), q.span.push_back(one.max - one.min);
    x.push_back((start[p] - one.min) / (one.max - one.min));
  }
  if (q.free.empty())
    throw Error(ErrorKind::input, plan.source + ": all parameters are fixed: there is nothing to optimise");
  q.most = wanted.evaluations;

  // The baseline first: it tells how many constraints there are, and what is worse.
  const Evaluated first = evaluate(start);
  if (!first.ok) return {"stopped"};
  q.last = x, q.answer = first, q.asked = 1, q.worst = first.value, q.constraints = first.constraints.size();

  nlopt_algorithm algorithm = q.constraints > 0 ? NLOPT_LN_COBYLA : NLOPT_LN_BOBYQA;
  if (wanted.algorithm == "cobyla") algorithm = NLOPT_LN_COBYLA;
  if (wanted.algorithm == "bobyqa") algorithm = NLOPT_LN_BOBYQA;
  if (wanted.algorithm == "isres") algorithm = NLOPT_GN_ISRES;
  if (wanted.algorithm == "direct") algorithm = NLOPT_GN_DIRECT_L;
  // BOBYQA needs two parameters.
  if (algorithm == NLOPT_LN_BOBYQA && q.free.size() == 1) algorithm = NLOPT_LN_COBYLA;
  q.penalise = algorithm == NLOPT_LN_BOBYQA || algorithm == NLOPT_GN_DIRECT_L;
  if (q.penalise)
    for (const double c : q.answer.constraints) q.answer.value += std::max(0.0, c) * (1 + std::abs(q.worst));

  const auto n = static_cast<unsigned>(q.free.size());
  const std::unique_ptr<nlopt_opt_s, void (*)(nlopt_opt)> run(nlopt_create(algorithm, n), nlopt_destroy);
  q.run = run.get();
  nlopt_srand(1);  // ISRES draws
  nlopt_set_lower_bounds1(run.get(), 0.0);
  nlopt_set_upper_bounds1(run.get(), 1.0);
  nlopt_set_min_objective(run.get(), objective, &q);
  if (!q.penalise && q.constraints > 0) {
    const std::vector<double> tolerance(q.constraints, 1e-6);
    nlopt_add_inequality_mconstraint(run.get(), static_cast<unsigned>(q.constraints), constraints, &q,
                                     tolerance.data());
  }
  nlopt_set_xtol_abs1(run.get(), wanted.tolerance);
  nlopt_set_initial_step1(run.get(), 0.15);
  double value = 0;
  const nlopt_result result = nlopt_optimize(run.get(), x.data(), &value);
  if (q.failure) std::rethrow_exception(q.failure);
  if (q.out_of_budget) return {str("ended after the ", q.most, " evaluations it was given")};
  if (!q.answer.ok) return {"stopped"};
  if (result == NLOPT_XTOL_REACHED || result == NLOPT_SUCCESS || result == NLOPT_ROUNDOFF_LIMITED)
    return {str("converged: the parameters moved by less than ", 100 * wanted.tolerance, " % of their span")};
  const char* why = nlopt_get_errmsg(run.get());
  throw Error(ErrorKind::runtime,
              str("NLopt gave up: ", why ? why : "it does not say why", " (", static_cast<int>(result), ")"),
              "try another \"algorithm\"");
}

#else

bool has_optimiser() { return false; }

Optimum optimise(const SweepPlan&, const std::vector<double>&,
                 const std::function<Evaluated(const std::vector<double>&)>&) {
  throw Error(ErrorKind::usage, "this program was built without NLopt");
}

#endif

}  // namespace streamtube::solver
