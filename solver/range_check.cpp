#include "solver/range_check.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <sstream>

#include "core/error.hpp"
#include "geometry/distance.hpp"
#include "geometry/surface_elements.hpp"
#include "solver/model_world.hpp"

namespace streamtube::solver {

Forces reference_quantities(const Case& question) {
  Forces out;
  const Box box = question.body.bounds();
  out.scales.velocity = question.flow.velocity;
  out.scales.density = question.flow.density;
  out.scales.length = question.reference_length;
  out.length_source = "given";
  if (!(question.reference_length > 0)) {
    out.scales.length = box.size()[0];
    out.length_source = "length of the bounding box along x";
  }
  out.scales.area = question.reference_area;
  out.area_source = "given";
  if (!(question.reference_area > 0)) {
    out.scales.area = geometry::frontal_area(question.body);
    out.area_source = "frontal area: projection of the body along x";
  }
  if (!(out.scales.length > 0 && out.scales.area > 0))
    throw core::Error(
        core::ErrorKind::input,
        core::str("'", question.name, "': the body is ", out.scales.length, " m long and has a frontal area of ",
                  out.scales.area, " m2: nothing stands in the flow along +x"),
        "check the orientation of the body: x along the flow, z up");
  out.axes.moment_center = {0.5 * (box.low[0] + box.high[0]), 0.5 * (box.low[1] + box.high[1]), 0.0};
  if (question.moment_center) out.axes.moment_center = *question.moment_center;
  if (question.axles) {
    const auto [front, rear] = *question.axles;
    const Vec3& center = out.axes.moment_center;
    out.axles = {rear - front, center[0] - 0.5 * (front + rear), center[2]};
  }
  return out;
}

namespace {

constexpr double kCanonicalTolerance = 0.01;  // of the canonical length
// Less than this is not worth a word.
constexpr double kNotedAsymmetry = 0.005, kNotedYaw = 1.0;
// In lengths of the body.
constexpr double kClearance = 2e-3;

}  // namespace

double Asymmetry::halves() const { return std::max(std::abs(area), std::abs(moment)); }

Asymmetry asymmetry(const geometry::SurfaceMesh& body) {
  const Vec3 size = body.bounds().size();
  double area[2] = {0, 0}, moment[2] = {0, 0}, total = 0;
  Vec3 first{0, 0, 0};
  double xx = 0, yy = 0, xy = 0;
  // The lattice has a plane at y = 0: no element is on both sides.
  for (const auto& element :
       geometry::lattice_elements(body, {{0, 0, 0}, std::max({size[0], size[1], size[2]}) / 32})) {
    const Vec3& p = element.position;
    total += element.area, first = first + element.area * p;
    xx += element.area * p[0] * p[0], yy += element.area * p[1] * p[1], xy += element.area * p[0] * p[1];
    if (std::abs(p[1]) < 1e-4 * size[1]) continue;  // a side in that plane
    area[p[1] > 0] += element.area, moment[p[1] > 0] += element.area * std::abs(p[1]);
  }
  Asymmetry out;
  if (!(total > 0)) return out;
  const auto differ = [](const double(&x)[2]) { return (x[1] - x[0]) / std::max(x[0] + x[1], 1e-300); };
  out.area = differ(area), out.moment = differ(moment);
  const double x = first[0] / total, y = first[1] / total;
  xx = xx / total - x * x, yy = yy / total - y * y, xy = xy / total - x * y;
  // A body about as wide as it is long has no long axis.
  if (xx > 1.2 * yy) out.yaw = 0.5 * std::atan2(2 * xy, xx - yy) * 180 / std::numbers::pi;
  return out;
}

std::string asymmetry_text(const surrogate::Checkpoint& checkpoint, const geometry::SurfaceMesh& body) {
  if (!checkpoint.normalizer.symmetric) return {};
  const Asymmetry a = asymmetry(body);
  std::ostringstream out;
  out.precision(2);
  if (a.halves() > kNotedAsymmetry)
    out << "the halves of the body at y > 0 and y < 0 differ by " << 100 * std::abs(a.area)
        << " % of the area (more at y " << (a.area > 0 ? ">" : "<") << " 0) and " << 100 * std::abs(a.moment)
        << " % of its moment (more at y " << (a.moment > 0 ? ">" : "<") << " 0)";
  if (std::abs(a.yaw) > kNotedYaw)
    out << (out.str().empty() ? "the body's" : "; its") << " long axis is turned by " << a.yaw << " degrees from x";
  if (!out.str().empty()) out << "; the model knows symmetric bodies in straight flow";
  return out.str();
}

bool knows_clearance(const surrogate::Range& range, double clearance, double length) {
  const double tolerance = std::max(range.tolerance, kClearance * length);
  return clearance >= range.min - tolerance && clearance <= range.max + tolerance;
}

std::vector<Extrapolation> extrapolations(const surrogate::Checkpoint& world, const Case& question,
                                          double frontal_area) {
  const Box box = question.body.bounds();
  const Vec3 size = box.size();
  const double length = size[0];
  std::vector<Extrapolation> out;
  bool has_reynolds = false;
  for (surrogate::Range range : world.training_range) {
    double value = 0;
    if (range.quantity == "length") {
      value = length;
      // Brought to this length as it came; the repair may have moved its ends.
      if (world.canonical_length > 0) range.tolerance += kCanonicalTolerance * world.canonical_length;
    } else if (range.quantity == "width")
      value = size[1];
    else if (range.quantity == "height")
      value = size[2];
    else if (range.quantity == "front_x")
      value = box.low[0];
    else if (range.quantity == "center_y")
      value = 0.5 * (box.low[1] + box.high[1]);
    else if (range.quantity == "ground_clearance")
      value = box.low[2];
    else if (range.quantity == "surface_area")
      value = question.report.area;
    else if (range.quantity == "volume" && question.report.watertight)
      value = std::abs(question.report.volume);
    else if (range.quantity == "frontal_area" && frontal_area > 0)
      value = frontal_area;
    else if (range.quantity == surrogate::kReynoldsNumber)
      value = physics::reynolds_number(question.flow, length), has_reynolds = true;
    else
      continue;
    const bool known =
        range.quantity == "ground_clearance" ? knows_clearance(range, value, length) : range.contains(value);
    if (!known) out.push_back({range.quantity, range.unit, value, range.min, range.max});
  }
  for (const surrogate::Condition& one : world.conditions) {
    const bool reynolds = one.name == surrogate::kReynoldsNumber;
    const auto given = question.conditions.find(one.name);
    if (reynolds ? has_reynolds : given == question.conditions.end()) continue;
    const double value = reynolds ? physics::reynolds_number(question.flow, length) : given->second;
    const double rounding = 1e-9 * std::max(std::abs(one.min), std::abs(one.max));
    if (!(value >= one.min - rounding && value <= one.max + rounding))
      out.push_back({one.name, one.unit, value, one.min, one.max});
  }
  if (world.normalizer.symmetric) {
    const Asymmetry found = asymmetry(question.body);
    if (found.halves() > kMostAsymmetry) out.push_back({"asymmetry_about_y_0", "", found.halves(), 0, kMostAsymmetry});
    if (std::abs(found.yaw) > kMostYaw) out.push_back({"yaw_angle", "degrees", found.yaw, -kMostYaw, kMostYaw});
  }
  return out;
}

void check_positions(const surrogate::Checkpoint& world, const Box& bounds, const std::string& what) {
  const Box known = known_positions(world);
  const char* axis[3] = {"x", "y", "z"};
  for (int a = 0; a < 3; ++a)
    if (!(bounds.low[a] >= known.low[a] && bounds.high[a] <= known.high[a]))
      throw core::Error(
          core::ErrorKind::input,
          core::str("'", what, "': ", axis[a], " runs from ", bounds.low[a], " to ", bounds.high[a],
                    " m, but the model '", world.name, "' knows positions from ", known.low[a], " to ", known.high[a],
                    " m only"),
          "place the body as the training data has it (`streamtube inspect` on the model tells); if the file is not in "
          "metres, say so with --unit; --scale auto brings a body of any size to the model's; clip a volume mesh to "
          "these bounds");
}

}  // namespace streamtube::solver
