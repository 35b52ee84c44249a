#pragma once
// How wrong a prediction is, in double.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace streamtube::physics {

// Errors of one field of `components` numbers a point, point by point.
class FieldError {
 public:
  explicit FieldError(int components) : difference_(static_cast<std::size_t>(components)), truth_(difference_) {}
  // prediction, truth [components]; weight: of the point in the weighted error, its area.
  void add(const float* prediction, const float* truth, double weight);
  double relative_l2() const;                       // |p - t| / |t|, over all points and components
  double relative_l2(std::size_t component) const;  // the same of one component
  double weighted_relative_l2() const;              // sqrt(sum w |p - t|^2 / sum w |t|^2)
  double mean_absolute() const;                     // over points and components
  double mean_squared() const;

 private:
  std::vector<double> difference_, truth_;  // sums of squares per component
  double weighted_difference_ = 0, weighted_truth_ = 0, absolute_ = 0, count_ = 0;
};

// Of one number a case, such as the drag coefficient.
struct CoefficientError {
  double r2 = 0;  // 1 - sum (t - p)^2 / sum (t - mean t)^2; not a number for fewer than two cases
  double mean_absolute = 0, bias = 0, largest = 0;  // bias: mean of p - t
  double spearman = 0;                              // correlation of ranks; equal values share their mean rank
};
CoefficientError compare(const std::vector<double>& prediction, const std::vector<double>& truth);

// Between which values a figure lies, had other cases of the same kind been asked.
struct Interval {
  double low = 0, high = 0;
};
struct CoefficientIntervals {
  Interval r2, mean_absolute, bias, spearman;
};
inline constexpr double kIntervalShare = 0.9;
inline constexpr std::size_t kResamples = 2000;
// Percentile bootstrap: the cases are drawn anew with replacement kResamples times; the middle kIntervalShare of what
// compare() gives. Resamples that give no number (one case many times) are left out; not a number where all do. One
// seed draws the same for every prediction of as many cases.
CoefficientIntervals bootstrap(const std::vector<double>& prediction, const std::vector<double>& truth,
                               std::uint64_t seed);

}  // namespace streamtube::physics
