#include "physics/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.hpp"
#include "core/rng.hpp"

namespace streamtube::physics {

void FieldError::add(const float* prediction, const float* truth, double weight) {
  for (std::size_t c = 0; c < difference_.size(); ++c) {
    const double t = truth[c], d = prediction[c] - t;
    difference_[c] += d * d;
    truth_[c] += t * t;
    weighted_difference_ += weight * d * d;
    weighted_truth_ += weight * t * t;
    absolute_ += std::abs(d);
  }
  count_ += static_cast<double>(difference_.size());
}

double FieldError::relative_l2() const {
  return std::sqrt(std::accumulate(difference_.begin(), difference_.end(), 0.0) /
                   std::accumulate(truth_.begin(), truth_.end(), 0.0));
}
double FieldError::relative_l2(std::size_t c) const { return std::sqrt(difference_.at(c) / truth_.at(c)); }
double FieldError::weighted_relative_l2() const { return std::sqrt(weighted_difference_ / weighted_truth_); }
double FieldError::mean_absolute() const { return absolute_ / count_; }
double FieldError::mean_squared() const {
  return std::accumulate(difference_.begin(), difference_.end(), 0.0) / count_;
}

namespace {

std::vector<double> ranks(const std::vector<double>& x) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return x[a] < x[b]; });
  std::vector<double> rank(x.size());
  for (std::size_t i = 0; i < order.size();) {
    std::size_t end = i + 1;
    while (end < order.size() && x[order[end]] == x[order[i]]) ++end;
    for (std::size_t j = i; j < end; ++j) rank[order[j]] = 0.5 * static_cast<double>(i + end - 1);
    i = end;
  }
  return rank;
}

double mean(const std::vector<double>& x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const double ma = mean(a), mb = mean(b);
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    ab += (a[i] - ma) * (b[i] - mb), aa += (a[i] - ma) * (a[i] - ma), bb += (b[i] - mb) * (b[i] - mb);
  return ab / std::sqrt(aa * bb);
}

}  // namespace

CoefficientError compare(const std::vector<double>& prediction, const std::vector<double>& truth) {
  core::expect(prediction.size() == truth.size() && !truth.empty(), "compare: lengths");
  CoefficientError e;
  const double n = static_cast<double>(truth.size()), middle = mean(truth);
  double difference = 0, spread = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double d = prediction[i] - truth[i];
    difference += d * d;
    spread += (truth[i] - middle) * (truth[i] - middle);
    e.mean_absolute += std::abs(d) / n;
    e.bias += d / n;
    e.largest = std::max(e.largest, std::abs(d));
  }
  const bool several = truth.size() > 1;
  e.r2 = several ? 1 - difference / spread : std::numeric_limits<double>::quiet_NaN();
  e.spearman = several ? correlation(ranks(prediction), ranks(truth)) : std::numeric_limits<double>::quiet_NaN();
  return e;
}

namespace {

Interval middle(std::vector<double> values) {
  std::erase_if(values, [](double x) { return !std::isfinite(x); });
  if (values.empty()) return {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {  // between neighbours in a straight line
    const double place = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const double next = values[std::min(below + 1, values.size() - 1)];
    return values[below] + (place - static_cast<double>(below)) * (next - values[below]);
  };
  return {at(0.5 * (1 - kIntervalShare)), at(0.5 * (1 + kIntervalShare))};
}

}  // namespace

CoefficientIntervals bootstrap(const std::vector<double>& prediction, const std::vector<double>& truth,
                               std::uint64_t seed) {
  core::expect(prediction.size() == truth.size() && !truth.empty(), "bootstrap: lengths");
  core::Rng rng(seed, "bootstrap");
  std::vector<double> p(truth.size()), t(truth.size()), r2, mean_absolute, bias, spearman;
  for (std::size_t r = 0; r < kResamples; ++r) {
    for (std::size_t i = 0; i < truth.size(); ++i) {
      const std::size_t from = rng.below(truth.size());
      p[i] = prediction[from], t[i] = truth[from];
    }
    const CoefficientError e = compare(p, t);
    r2.push_back(e.r2), mean_absolute.push_back(e.mean_absolute), bias.push_back(e.bias);
    spearman.push_back(e.spearman);
  }
  return {middle(std::move(r2)), middle(std::move(mean_absolute)), middle(std::move(bias)),
          middle(std::move(spearman))};
}

}  // namespace streamtube::physics
