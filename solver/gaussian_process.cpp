#include "solver/gaussian_process.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "core/error.hpp"

namespace streamtube::solver {

namespace {

constexpr std::size_t kMostFitted = 400;  // cases that the kernel's numbers are fitted to; all count for the answer
constexpr int kSteps = 150;
constexpr std::size_t kFirstLength = 2;       // of the kernel's numbers
constexpr double kLeast = 1e-3, kMost = 1e3;  // of every number of the kernel, in deviations

using Matrix = std::vector<double>;  // square, row major

// In place, lower triangle; whether the matrix is positive definite.
bool cholesky(Matrix& a, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i * n + j];
      for (std::size_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      if (i == j && !(sum > 0)) return false;
      a[i * n + j] = i == j ? std::sqrt(sum) : sum / a[j * n + j];
    }
  return true;
}

void solve_lower(const Matrix& l, std::size_t n, double* b) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= l[i * n + k] * b[k];
    b[i] /= l[i * n + i];
  }
}

void solve_upper(const Matrix& l, std::size_t n, double* b) {  // with L^T
  for (std::size_t i = n; i-- > 0;) {
    b[i] /= l[i * n + i];
    for (std::size_t k = 0; k < i; ++k) b[k] -= l[i * n + k] * b[i];
  }
}

// The inverse of L L^T, out of that of L.
Matrix inverse(const Matrix& l, std::size_t n) {
  Matrix m(n * n, 0.0);  // inverse of L, transposed: row j is the solution for unit vector j
  for (std::size_t j = 0; j < n; ++j)
    for (std::size_t i = j; i < n; ++i) {
      double sum = i == j ? 1 : 0;
      for (std::size_t k = j; k < i; ++k) sum -= l[i * n + k] * m[j * n + k];
      m[j * n + i] = sum / l[i * n + i];
    }
  Matrix out(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (std::size_t k = i; k < n; ++k) sum += m[i * n + k] * m[j * n + k];
      out[i * n + j] = out[j * n + i] = sum;
    }
  return out;
}

double covariance(const Kernel& k, const double* a, const double* b) {
  double sum = 0;
  for (std::size_t d = 0; d < k.lengths.size(); ++d) {
    const double s = (a[d] - b[d]) / k.lengths[d];
    sum += s * s;
  }
  return k.amplitude * k.amplitude * std::exp(-0.5 * sum);
}

// Lower triangle of all cases' covariances, noise on the diagonal.
Matrix covariances(const Kernel& kernel, const std::vector<double>& x, std::size_t n) {
  const std::size_t d = kernel.lengths.size();
  Matrix out(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) out[i * n + j] = covariance(kernel, x.data() + i * d, x.data() + j * d);
    out[i * n + i] += kernel.noise * kernel.noise;
  }
  return out;
}

double likelihood(const Matrix& l, const std::vector<double>& y, const std::vector<double>& alpha) {
  const std::size_t n = y.size();
  double out = -0.5 * static_cast<double>(n) * std::log(2 * std::numbers::pi);
  for (std::size_t i = 0; i < n; ++i) out -= 0.5 * y[i] * alpha[i] + std::log(l[i * n + i]);
  return out;
}

// The kernel's numbers by maximising the marginal likelihood of some cases, with its exact gradient.
class Fit {
 public:
  Fit(const std::vector<double>& x, const std::vector<double>& y, std::size_t features) : d_(features) {
    // Evenly out of all of them.
    n_ = std::min(y.size(), kMostFitted);
    for (std::size_t i = 0; i < n_; ++i) {
      const std::size_t from = i * y.size() / n_;
      x_.insert(x_.end(), x.begin() + static_cast<std::ptrdiff_t>(from * d_),
                x.begin() + static_cast<std::ptrdiff_t>((from + 1) * d_));
      y_.push_back(y[from]);
    }
  }

  Kernel best() {
    // Logarithms of amplitude, noise and one length.
    std::vector<double> common = climb({0, std::log(0.3), 0.5 * std::log(static_cast<double>(d_) + 1)});
    middle_ = common[kFirstLength];
    common.resize(kFirstLength);
    common.insert(common.end(), d_, middle_);
    return kernel(d_ > 1 ? climb(common) : common);
  }

 private:
  Kernel kernel(const std::vector<double>& theta) const {
    Kernel out{std::exp(theta[0]), std::exp(theta[1]), {}};
    for (std::size_t k = 0; k < d_; ++k)
      out.lengths.push_back(std::exp(theta[kFirstLength + (is_common(theta) ? 0 : k)]));
    return out;
  }
  static bool is_common(const std::vector<double>& theta) { return theta.size() == kFirstLength + 1; }

  // Log likelihood and prior, and their gradient; minus infinity where the covariance cannot be factorised.
  double value(const std::vector<double>& theta, std::vector<double>& gradient) const {
    const Kernel k = kernel(theta);
    Matrix l = covariances(k, x_, n_);
    gradient.assign(theta.size(), 0);
    if (!cholesky(l, n_)) return -INFINITY;
    std::vector<double> alpha = y_;
    solve_lower(l, n_, alpha.data()), solve_upper(l, n_, alpha.data());
    const Matrix inverted = inverse(l, n_);
    const bool common = is_common(theta);
    std::vector<double> weight(d_);
    for (std::size_t i = 0; i < d_; ++i) weight[i] = 1 / (k.lengths[i] * k.lengths[i]);
    // Half the trace of (alpha alpha^T - K^-1) dK / dtheta; each pair counts twice.
    for (std::size_t i = 0; i < n_; ++i)
      for (std::size_t j = 0; j <= i; ++j) {
        const double *a = x_.data() + i * d_, *b = x_.data() + j * d_;
        const double near = covariance(k, a, b);
        const double w = (i == j ? 0.5 : 1) * (alpha[i] * alpha[j] - inverted[i * n_ + j]);
        gradient[0] += 2 * w * near;
        if (i == j) gradient[1] += 2 * w * k.noise * k.noise;
        for (std::size_t f = 0; f < d_; ++f)
          gradient[kFirstLength + (common ? 0 : f)] += w * near * (a[f] - b[f]) * (a[f] - b[f]) * weight[f];
      }
    double out = likelihood(l, y_, alpha);
    if (!common)
      for (std::size_t f = 0; f < d_; ++f) {
        const double s = (theta[kFirstLength + f] - middle_) / kLengthSpread;
        out -= 0.5 * s * s, gradient[kFirstLength + f] -= s / kLengthSpread;
      }
    return out;
  }

  // Steps by the gradient's signs alone (iRprop-, Igel & Huesken 2003): no scale to know, no line to search.
  std::vector<double> climb(std::vector<double> theta) const {
    std::vector<double> best = theta, gradient, before(theta.size(), 0.0), step(theta.size(), 0.1);
    double highest = -INFINITY;
    for (int s = 0; s < kSteps; ++s) {
      const double now = value(theta, gradient);
      if (now > highest) highest = now, best = theta;
      if (!std::isfinite(now)) {
        theta = best;
        for (double& x : step) x *= 0.5;
        continue;
      }
      for (std::size_t i = 0; i < theta.size(); ++i) {
        const double same = gradient[i] * before[i];
        step[i] = std::clamp(step[i] * (same > 0 ? 1.2 : same < 0 ? 0.5 : 1), 1e-5, 0.5);
        if (same < 0) gradient[i] = 0;
        if (gradient[i] != 0)
          theta[i] = std::clamp(theta[i] + std::copysign(step[i], gradient[i]), std::log(kLeast), std::log(kMost));
      }
      before = gradient;
    }
    return best;
  }

  std::size_t n_ = 0, d_;
  std::vector<double> x_, y_;
  double middle_ = 0;  // of the lengths' logarithms
};

}  // namespace

GaussianProcess::GaussianProcess(std::vector<double> features, std::vector<double> values) {
  standardise(std::move(features), std::move(values));
  kernel_ = Fit(x_, y_, used_).best();
  factorise();
}

GaussianProcess::GaussianProcess(std::vector<double> features, std::vector<double> values, const Kernel& kernel) {
  standardise(std::move(features), std::move(values));
  core::expect(kernel.lengths.size() == given_, "GaussianProcess: one length for every feature");
  kernel_ = kernel, kernel_.lengths.clear();
  for (std::size_t f = 0; f < given_; ++f)
    if (deviation_[f] > 0) kernel_.lengths.push_back(kernel.lengths[f]);
  factorise();
}

void GaussianProcess::standardise(std::vector<double> features, std::vector<double> values) {
  cases_ = values.size();
  core::expect(cases_ > 1 && features.size() % cases_ == 0, "GaussianProcess: too few cases, or features of others");
  given_ = features.size() / cases_;
  const auto finite = [](const std::vector<double>& all) {
    return std::all_of(all.begin(), all.end(), [](double x) { return std::isfinite(x); });
  };
  core::expect(finite(features) && finite(values), "GaussianProcess: a number is not finite");
  const double n = static_cast<double>(cases_);
  mean_.assign(given_, 0), deviation_.assign(given_, 0);
  for (std::size_t i = 0; i < features.size(); ++i) mean_[i % given_] += features[i] / n;
  for (std::size_t i = 0; i < features.size(); ++i) {
    const double d = features[i] - mean_[i % given_];
    deviation_[i % given_] += d * d / n;
  }
  for (std::size_t f = 0; f < given_; ++f) {
    deviation_[f] = std::sqrt(deviation_[f]);
    if (deviation_[f] <= 1e-9 * std::abs(mean_[f])) deviation_[f] = 0;  // differs by rounding
    used_ += deviation_[f] > 0;
  }
  for (std::size_t i = 0; i < cases_; ++i) {
    const auto row = standardised({features.data() + i * given_, given_});
    x_.insert(x_.end(), row.begin(), row.end());
  }
  value_mean_ = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double v : values) squares += (v - value_mean_) * (v - value_mean_) / n;
  value_deviation_ = squares > 0 ? std::sqrt(squares) : 1;
  for (const double v : values) y_.push_back((v - value_mean_) / value_deviation_);
}

std::vector<double> GaussianProcess::standardised(std::span<const double> features) const {
  core::expect(features.size() == given_, "GaussianProcess: another number of features");
  std::vector<double> out;
  for (std::size_t f = 0; f < given_; ++f)
    if (deviation_[f] > 0) out.push_back((features[f] - mean_[f]) / deviation_[f]);
  return out;
}

void GaussianProcess::factorise() {
  factor_ = covariances(kernel_, x_, cases_);
  // Two cases alike and no noise make it singular; a little on the diagonal is within rounding.
  const Matrix as_it_is = factor_;
  for (double more = 1e-12; !cholesky(factor_, cases_); more *= 10) {
    core::expect(more < 1, "GaussianProcess: the covariance cannot be factorised");
    factor_ = as_it_is;
    for (std::size_t i = 0; i < cases_; ++i) factor_[i * cases_ + i] *= 1 + more;
  }
  alpha_ = y_;
  solve_lower(factor_, cases_, alpha_.data()), solve_upper(factor_, cases_, alpha_.data());
}

double GaussianProcess::mean(std::span<const double> features) const {
  const std::vector<double> at = standardised(features);
  double sum = 0;
  for (std::size_t i = 0; i < cases_; ++i) sum += alpha_[i] * covariance(kernel_, at.data(), x_.data() + i * used_);
  return value_mean_ + value_deviation_ * sum;
}

double GaussianProcess::variance(std::span<const double> features) const {
  const std::vector<double> at = standardised(features);
  std::vector<double> k(cases_);
  for (std::size_t i = 0; i < cases_; ++i) k[i] = covariance(kernel_, at.data(), x_.data() + i * used_);
  solve_lower(factor_, cases_, k.data());
  const double prior = covariance(kernel_, at.data(), at.data()) + kernel_.noise * kernel_.noise;
  return value_deviation_ * value_deviation_ * (prior - std::inner_product(k.begin(), k.end(), k.begin(), 0.0));
}

std::vector<double> GaussianProcess::leave_one_out() const {
  const Matrix inverted = inverse(factor_, cases_);
  std::vector<double> out;
  for (std::size_t i = 0; i < cases_; ++i)
    out.push_back(value_mean_ + value_deviation_ * (y_[i] - alpha_[i] / inverted[i * cases_ + i]));
  return out;
}

double GaussianProcess::log_likelihood() const { return likelihood(factor_, y_, alpha_); }

}  // namespace streamtube::solver
