#pragma once
// Regression of a number on a few features by a Gaussian process, in double: what can be said of a design without a
// network. Cases are few (some thousands at most), features some tens.

#include <cstddef>
#include <span>
#include <vector>

namespace streamtube::solver {

// Of standardised features and values: k(a, b) = amplitude^2 exp(-1/2 sum ((a_i - b_i) / length_i)^2), and noise^2
// where both are the same case.
struct Kernel {
  double amplitude = 1, noise = 0.1;
  std::vector<double> lengths;  // [features]
};

class GaussianProcess {
 public:
  // features [cases][n features], values [cases]. Both are standardised; a feature that is the same in all cases is
  // left out. Without a kernel, its numbers are those of the greatest marginal likelihood: first with one length for
  // all features, then with one for each, held to the common one by a log-normal prior (kLengthSpread), since
  // likelihood alone takes noise for structure where features are many and cases few. Error(internal) for lengths that
  // do not match, fewer than two cases, or a number that is not finite.
  GaussianProcess(std::vector<double> features, std::vector<double> values);
  GaussianProcess(std::vector<double> features, std::vector<double> values, const Kernel& kernel);

  double mean(std::span<const double> features) const;
  double variance(std::span<const double> features) const;  // of a new value there, noise included
  // Means at the cases, each from all others with the same kernel (Rasmussen & Williams 2006, 5.12).
  std::vector<double> leave_one_out() const;
  double log_likelihood() const;  // of the standardised values
  const Kernel& kernel() const { return kernel_; }

 private:
  void standardise(std::vector<double> features, std::vector<double> values);
  void factorise();
  std::vector<double> standardised(std::span<const double> features) const;

  std::size_t cases_ = 0, given_ = 0, used_ = 0;  // features: given, and those that differ
  std::vector<double> mean_, deviation_;          // [given]; deviation 0: left out
  double value_mean_ = 0, value_deviation_ = 1;
  std::vector<double> x_, y_;           // [cases][used], [cases]
  Kernel kernel_;                       // lengths [used]
  std::vector<double> factor_, alpha_;  // lower triangle L of the covariance L L^T; its inverse times y
};

// Standard deviation of the logarithm of a feature's length around the common one.
inline constexpr double kLengthSpread = 1;

}  // namespace streamtube::solver
