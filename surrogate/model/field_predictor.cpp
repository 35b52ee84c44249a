#include "surrogate/model/field_predictor.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "core/runtime.hpp"
#include "physics/derivatives.hpp"

namespace streamtube::surrogate {

using physics::Decoder;
using physics::FieldAt;
using physics::Jacobian;

namespace {

bool has(const physics::Normalizer::BranchStatistics& branch, Decoder decoder) {
  return std::any_of(branch.fields.begin(), branch.fields.end(), [&](const auto& f) { return f.decoder == decoder; });
}

Jacobian jacobian_at(const float* gradient) {
  Jacobian j;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t k = 0; k < 3; ++k) j[i][k] = gradient[3 * i + k];
  return j;
}

// Velocity in network units out of the gradient [rows][width][3] of the outputs, whose columns from `first` on are a
// vector potential. velocity: every `stride` floats one.
void velocity_of_potential(std::span<const float> gradient, std::size_t rows, std::size_t width, std::size_t first,
                           float* velocity, std::size_t stride) {
  for (std::size_t r = 0; r < rows; ++r) {
    const Vec3 u = physics::kPotentialLength * physics::curl(jacobian_at(&gradient[3 * (r * width + first)]));
    for (std::size_t i = 0; i < 3; ++i) velocity[r * stride + i] = static_cast<float>(u[i]);
  }
}

}  // namespace

FieldPredictor::FieldPredictor(const physics::Normalizer& normalizer, double reference_length)
    : normalizer_(normalizer), reference_length_(reference_length) {}

bool FieldPredictor::differentiates(Branch branch) const {
  return has(normalizer_[branch], Decoder::curl) || has(normalizer_[branch], Decoder::potential);
}

void FieldPredictor::query(Surrogate& network, Branch branch, std::span<const float> rows, bool velocity_gradient,
                           NetworkAnswer& answer, std::span<const float> jacobian) const {
  const auto& statistics = normalizer_[branch];
  const std::size_t in_width = static_cast<std::size_t>(network.config().width(static_cast<int>(branch)));
  const std::size_t n = rows.size() / in_width, width = static_cast<std::size_t>(statistics.components());
  velocity_gradient = velocity_gradient || has(statistics, Decoder::curl);
  answer.values.resize(n * width);
  answer.velocity_gradient.resize(velocity_gradient ? 9 * n : 0);
  if (!velocity_gradient && !differentiates(branch)) {
    network.query(branch, rows, answer.values);
    return;
  }
  const FieldAt at = physics::find_field(statistics.fields, "velocity", 3);
  core::expect(at.spec, "FieldPredictor: no velocity to differentiate");
  const std::size_t velocity = static_cast<std::size_t>(at.first);
  const bool potential = at.spec->decoder == Decoder::potential;
  const std::size_t features = in_width - 3;
  core::expect(features == 0 || jacobian.size() == 3 * features * n,
               "FieldPredictor: derivatives without those of the features");

  // Value and three derivatives a row: a quarter of the rows of plain queries takes as much memory.
  const std::size_t chunk = std::max<std::size_t>(network.query_chunk() / 4, 1);
  std::vector<float> gradient, shifted, unused, speeds[2];
  for (std::size_t begin = 0; begin < n; begin += chunk) {
    core::check_interrupt();
    const std::size_t count = std::min(chunk, n - begin);
    const std::span<const float> where = rows.subspan(in_width * begin, in_width * count);
    const std::span<const float> turning =
        jacobian.empty() ? jacobian : jacobian.subspan(3 * features * begin, 3 * features * count);
    const std::span<float> values = std::span(answer.values).subspan(begin * width, count * width);
    gradient.resize(3 * count * width);
    network.query_gradient(branch, where, values, gradient, turning);
    if (potential) velocity_of_potential(gradient, count, width, velocity, values.data() + velocity, width);
    if (!velocity_gradient) continue;
    float* wanted = answer.velocity_gradient.data() + 9 * begin;
    if (!potential) {
      for (std::size_t r = 0; r < count; ++r)
        std::copy_n(gradient.data() + 3 * (r * width + velocity), 9, wanted + 9 * r);
      continue;
    }
    unused.resize(count * width);
    for (std::size_t axis = 0; axis < 3; ++axis) {
      for (const int side : {0, 1}) {
        const float step = side == 0 ? -kPotentialStep : kPotentialStep;
        shifted.assign(where.begin(), where.end());
        for (std::size_t r = 0; r < count; ++r) {
          shifted[in_width * r + axis] += step;
          // Features go along, to first order in the step.
          for (std::size_t f = 0; f < features && !turning.empty(); ++f)
            shifted[in_width * r + 3 + f] += step * turning[3 * (features * r + f) + axis];
        }
        network.query_gradient(branch, shifted, unused, gradient, turning);
        speeds[side].resize(3 * count);
        velocity_of_potential(gradient, count, width, velocity, speeds[side].data(), 3);
      }
      for (std::size_t r = 0; r < count; ++r) {
        // The step as positions in float32 take it.
        const float x = where[in_width * r + axis], step = (x + kPotentialStep) - (x - kPotentialStep);
        for (std::size_t i = 0; i < 3; ++i)
          wanted[9 * r + 3 * i + axis] = (speeds[1][3 * r + i] - speeds[0][3 * r + i]) / step;
      }
    }
  }
}

void FieldPredictor::decode(Branch branch, std::span<const Vec3> xyz, NetworkAnswer& answer) const {
  const auto& statistics = normalizer_[branch];
  const std::size_t width = static_cast<std::size_t>(statistics.components()), n = answer.values.size() / width;
  core::expect(xyz.empty() || xyz.size() == n, "FieldPredictor: not one place for every value");
  float* gradient = answer.velocity_gradient.data();
  if (!answer.velocity_gradient.empty()) {
    const std::size_t velocity = physics::find_field(statistics.fields, "velocity", 3).index;
    normalizer_.gradient_to_dimensionless(branch, velocity, answer.values.data(), gradient, n);
    if (!xyz.empty()) normalizer_.restore_gradient_side(branch, velocity, gradient, xyz.data(), n);
  }
  normalizer_.to_dimensionless(branch, answer.values.data(), n);
  if (!xyz.empty()) normalizer_.restore_side(branch, answer.values.data(), xyz.data(), n);
  std::size_t first = 0;
  for (const auto& field : statistics.fields) {
    if (field.decoder == Decoder::curl) {
      core::expect(!answer.velocity_gradient.empty(), "FieldPredictor: a curl without the velocity's gradient");
      for (std::size_t r = 0; r < n; ++r) {
        const Vec3 vorticity = reference_length_ * physics::curl(jacobian_at(gradient + 9 * r));
        for (std::size_t i = 0; i < 3; ++i) answer.values[r * width + first + i] = static_cast<float>(vorticity[i]);
      }
    }
    first += static_cast<std::size_t>(field.components);
  }
}

}  // namespace streamtube::surrogate
