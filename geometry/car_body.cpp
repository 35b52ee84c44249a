#include "geometry/car_body.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numbers>

#include "core/error.hpp"

namespace streamtube::geometry {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {

double radians(double degrees) { return degrees * std::numbers::pi / 180; }

// 0 at a, 1 at b, smooth.
double ramp(double x, double a, double b) {
  const double t = std::clamp((x - a) / (b - a), 0.0, 1.0);
  return t * t * (3 - 2 * t);
}

double mix(double a, double b, double t) { return a + (b - a) * t; }

double square(double x) { return x * x; }

double round_intersection(double a, double b, double r) {
  return std::min(-r, std::max(a, b)) + std::hypot(std::max(r + a, 0.0), std::max(r + b, 0.0));
}

double round_union(double a, double b, double r) { return -round_intersection(-a, -b, r); }

// log(1 + exp(x)) without overflow.
double soft_positive(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

constexpr double kLeastSpoiler = 0.008, kFootFillet = 0.003;  // m

}  // namespace

const std::vector<CarParameter>& car_parameters() {
  using S = CarShape;
  static const std::vector<CarParameter> list = {{"length", &S::length, 0.92, 1.26},
                                                 {"width", &S::width, 0.40, 0.495},
                                                 {"height", &S::height, 0.315, 0.475},
                                                 {"clearance", &S::clearance, 0.030, 0.055},
                                                 {"cowl_position", &S::cowl_position, 0.09, 0.315},
                                                 {"cowl_height", &S::cowl_height, 0.56, 0.70},
                                                 {"nose_height", &S::nose_height, 0.40, 0.58},
                                                 {"windscreen_angle", &S::windscreen_angle, 26, 58},
                                                 {"roof_drop", &S::roof_drop, 0, 4.5},
                                                 {"backlight_angle", &S::backlight_angle, 11, 80},
                                                 {"deck_length", &S::deck_length, 0, 0.33},
                                                 {"deck_height", &S::deck_height, 0.54, 0.76},
                                                 {"edge_radius", &S::edge_radius, 0.018, 0.045},
                                                 {"tumblehome", &S::tumblehome, 8, 27},
                                                 {"rear_taper", &S::rear_taper, 0, 0.032},
                                                 {"front_bow", &S::front_bow, 0.030, 0.075},
                                                 {"diffuser_angle", &S::diffuser_angle, 0, 9},
                                                 {"diffuser_length", &S::diffuser_length, 0.10, 0.26},
                                                 {"wheel_radius", &S::wheel_radius, 0.072, 0.092},
                                                 {"wheelbase", &S::wheelbase, 0.555, 0.640},
                                                 {"spoiler", &S::spoiler, 0, 0.036},
                                                 {"mirrors", &S::mirrors, 0, 1}};
  return list;
}

// Heights and stations that the parameters imply, m.
struct CarLayout {
  double body_height;              // above the underside
  double nose_x, nose_z;           // leading edge of the hood
  double cowl_x, cowl_z;           // foot of the windscreen
  double front_drop;               // of the roof's front end below its highest point
  double roof_x, roof_z;           // upper end of the windscreen
  double roof_end_x, roof_end_z;   // upper end of the backlight
  double backlight_x, deck_z;      // foot of the backlight
  double diffuser_x, diffuser_z;   // where the diffuser begins, how high it ends
  double front_wheel, rear_wheel;  // x
  double lean;                     // of the side windows, a length per height
  double steep;                    // 0: the slope of a fastback; 1: a steep rear window

  explicit CarLayout(const CarShape& p) {
    const double l = p.length, c = p.clearance;
    body_height = p.height - c;
    nose_z = c + p.nose_height * body_height;
    cowl_z = c + p.cowl_height * body_height;
    deck_z = c + p.deck_height * body_height;
    nose_x = 0.035 * l;
    cowl_x = p.cowl_position * l;
    front_drop = 0.040 * body_height;
    roof_z = p.height - front_drop;
    roof_x = cowl_x + (roof_z - cowl_z) / std::tan(radians(p.windscreen_angle));
    // The roof is highest at a third of it and falls from there as a parabola of the mean angle roof_drop. Its end is
    // where it meets the backlight:
    //   roof_end_z = height - 0.67 drop (roof_end_x - roof_x),  roof_end_x = backlight_x - (roof_end_z - deck_z) /
    //   steep
    const double drop = std::tan(radians(p.roof_drop)), fall = std::tan(radians(p.backlight_angle));
    backlight_x = l * (1 - std::max(p.deck_length, 0.012));
    roof_end_x = (backlight_x - (p.height + 0.67 * drop * roof_x - deck_z) / fall) / (1 - 0.67 * drop / fall);
    roof_end_z = p.height - 0.67 * drop * (roof_end_x - roof_x);
    diffuser_x = l * (1 - p.diffuser_length);
    diffuser_z = c + (l - 0.012 - diffuser_x) * std::tan(radians(p.diffuser_angle));
    const double wheelbase = p.wheelbase * l;
    front_wheel = (0.5 * (l - wheelbase) - 0.006 * l) * (0.93 + 0.5 * (p.cowl_position - 0.2));
    rear_wheel = front_wheel + wheelbase;
    lean = std::tan(radians(p.tumblehome));
    steep = ramp(p.backlight_angle, 20, 30);
  }

  std::optional<CarComplaint> complaint(const CarShape& p) const;

 private:
  std::optional<CarComplaint> complaint_front(const CarShape& p) const;
  std::optional<CarComplaint> complaint_rear(const CarShape& p) const;
  std::optional<CarComplaint> complaint_wheels(const CarShape& p) const;
};

std::optional<CarComplaint> CarLayout::complaint_front(const CarShape& p) const {
  const double l = p.length;
  if (const double ratio = l / p.height; !(ratio >= 2.35 && ratio <= 3.75))
    return {{str("length / height is ", fixed(ratio, 2), ", not between 2.35 and 3.75"), "change length or height"}};
  if (const double ratio = p.height / p.width; !(ratio >= 0.68 && ratio <= 1.03))
    return {{str("height / width is ", fixed(ratio, 2), ", not between 0.68 and 1.03"), "change height or width"}};
  const double rise = p.cowl_height - p.nose_height;
  if (!(rise >= 0.05))
    return {{str("the hood rises by ", fixed(rise, 3), " of the body's height, cowl_height - nose_height, not by 0.05"),
             "raise cowl_height or lower nose_height"}};
  const double hood = std::atan2(rise * body_height, cowl_x - nose_x) * 180 / std::numbers::pi;
  if (hood > 33)
    return {{str("the hood rises at ", fixed(hood, 0), " degrees, more than 33"),
             "raise cowl_position or nose_height, or lower cowl_height"}};
  if (hood > p.windscreen_angle - 4)
    return {{str("the hood rises at ", fixed(hood, 0), " degrees, with less than 4 to the windscreen_angle of ",
                 p.windscreen_angle),
             "raise windscreen_angle, cowl_position or nose_height"}};
  if (roof_x > 0.56 * l)
    return {{str("the windscreen ends at ", fixed(roof_x / l, 2), " of the length, behind 0.56"),
             "raise windscreen_angle or cowl_height, or lower cowl_position"}};
  return {};
}

std::optional<CarComplaint> CarLayout::complaint_rear(const CarShape& p) const {
  const double l = p.length;
  if (const double roof = roof_end_x - roof_x; !(roof >= 0.15 * l))
    return {{str("the roof is ", fixed(roof / l, 2),
                 " of the length, less than 0.15: what windscreen, backlight and "
                 "deck leave of it"),
             "raise windscreen_angle or backlight_angle, or lower cowl_position or deck_length"}};
  const double step = (roof_end_z - deck_z) / body_height, least = p.deck_length > 0.02 ? 0.17 : 0.12;
  if (step < least)
    return {{str("the deck lies ", fixed(step, 2), " of the body's height below the roof's end, less than ", least),
             "lower deck_height or roof_drop"}};
  if (p.backlight_angle > 62 && p.deck_length > 0.09 && p.deck_height > 0.70)
    return {{str("the step from the window to the deck is too small for deck_length = ", p.deck_length,
                 " behind backlight_angle = ", p.backlight_angle),
             "lower deck_height to 0.7"}};
  if (p.backlight_angle > 50 && p.deck_length > 0.12 && p.height < 0.385)
    return {{str("a load bed, deck_length = ", p.deck_length, " behind backlight_angle = ", p.backlight_angle,
                 ", on a low car, height = ", p.height),
             "raise height to 0.385, or lower deck_length or backlight_angle"}};
  if (p.deck_length > 0.12 && p.backlight_angle < 20)
    return {{str("a long deck, deck_length = ", p.deck_length,
                 ", behind the slope of a fastback, backlight_angle = ", p.backlight_angle),
             "lower deck_length to 0.12 or raise backlight_angle"}};
  if (p.deck_length > 0.03 && p.deck_length < 0.16 && p.backlight_angle > 70)
    return {{str("a short bed, deck_length = ", p.deck_length,
                 ", behind an upright window, backlight_angle = ", p.backlight_angle),
             "lower deck_length to 0.03, raise it to 0.16, or lower backlight_angle to 70"}};
  return {};
}

std::optional<CarComplaint> CarLayout::complaint_wheels(const CarShape& p) const {
  const double diameter = 2 * p.wheel_radius;
  if (p.clearance > 0.047 && p.height < 0.36)
    return {{str("clearance = ", p.clearance, " is too high for a low body, height = ", p.height),
             "lower clearance to 0.047 or raise height to 0.36"}};
  if (diameter > 0.50 * p.height)
    return {{str("wheels of wheel_radius = ", p.wheel_radius, " are higher than half of height = ", p.height),
             "lower wheel_radius or raise height"}};
  if (diameter > p.clearance + 0.80 * p.nose_height * body_height + 0.035)
    return {{str("wheels of wheel_radius = ", p.wheel_radius, " are higher than the hood"),
             "lower wheel_radius or raise nose_height"}};
  return {};
}

std::optional<CarComplaint> CarLayout::complaint(const CarShape& p) const {
  if (auto out = complaint_front(p)) return out;
  if (auto out = complaint_rear(p)) return out;
  return complaint_wheels(p);
}

std::optional<CarComplaint> complaint(const CarShape& shape) {
  constexpr double kSlack = 1e-9;
  for (const auto& [name, member, low, high] : car_parameters())
    if (const double value = shape.*member; !(value > low - kSlack && value < high + kSlack))
      return {{str(name, " = ", value, " is not between ", low, " and ", high),
               "the family is of cars at quarter scale, in m and degrees"}};
  return CarLayout(shape).complaint(shape);
}

CarBody::CarBody(const CarShape& shape) : shape_(shape) {
  if (const auto wrong = complaint(shape)) throw Error(ErrorKind::input, "car: " + wrong->what, wrong->hint);
  layout_ = std::make_shared<const CarLayout>(shape);
  draw_side_view();
  const double radius = shape.wheel_radius;
  wheel_width_ = 0.048 + 0.25 * (radius - 0.07);
  for (const double x : {layout_->front_wheel, layout_->rear_wheel})
    wheels_.push_back({x, radius, half_width(x, 0.9 * radius) - 0.001 - wheel_width_ / 2});
  mirrors_ = shape.mirrors > 0.55;
  const double x = layout_->cowl_x + 0.35 * (layout_->roof_x - layout_->cowl_x) + 0.02;
  const double z = belt(layout_->cowl_x) + 0.020;
  mirror_at_ = {x, half_width(x, z), z};
}

// The upper line in the order of the flow: clockwise, so that the left of the way is outside.
void CarBody::draw_side_view() {
  const CarShape& p = shape_;
  const CarLayout& g = *layout_;
  const double l = p.length, c = p.clearance, h = g.body_height;
  // From a large radius in front of a fastback's slope to an edge above a steep window: where the flow leaves a round
  // edge would be a matter of the mesh.
  const double steep = g.steep;
  std::vector<OutlineCorner> q = {{{0.040, c}, 0.035, 0},                 // the underside begins
                                  {{0.006, c + 0.20 * h}, 0.050, 0.004},  // bumper
                                  {{0.008, g.nose_z - 0.10 * h}, 0.055, 0},
                                  {{g.nose_x, g.nose_z}, 0.085, 0.010 * (g.cowl_x - g.nose_x) / (0.2 * l)},
                                  {{g.cowl_x, g.cowl_z}, 0.040, 0.006}};
  const double roof = g.roof_end_x - g.roof_x, top = 0.33;  // the roof's highest point, as a share of it
  constexpr int kRoof = 8;
  for (int i = 0; i < kRoof; ++i) {
    const double s = static_cast<double>(i) / kRoof;
    const double below =
        s < top ? g.front_drop * square((top - s) / top) : (p.height - g.roof_end_z) * square((s - top) / (1 - top));
    q.push_back({{g.roof_x + s * roof, p.height - below}, i == 0 ? 0.095 : 4 * roof / kRoof, 0});
  }
  const Vec2 end{g.roof_end_x, g.roof_end_z}, foot{g.backlight_x, g.deck_z};
  const double slope = std::hypot(foot[0] - end[0], foot[1] - end[1]);
  const double spoiler = p.spoiler * steep * ramp(p.deck_length, 0.09, 0.04);
  if (spoiler > kLeastSpoiler) {
    // The roof goes on; the spoiler is 12 mm thick at its end, its underside returns to the backlight.
    const double fall = std::tan(radians(0.6 * p.roof_drop)), norm = std::hypot(1.0, fall);
    const Vec2 out{1 / norm, -fall / norm}, down{(foot[0] - end[0]) / slope, (foot[1] - end[1]) / slope};
    const double away = -down[1] * out[0] + down[0] * out[1];  // how much it leaves the backlight
    const double back = std::min(0.0115 + 1.25 * (spoiler * std::max(0.35, away) + 0.004), 0.6 * slope);
    const Vec2 tip{end[0] + spoiler * out[0], end[1] + spoiler * out[1]};
    q.push_back({tip, kEdge, 0});
    q.push_back({{tip[0] - 0.003, tip[1] - 0.0115}, kEdge, 0});
    q.push_back({{end[0] + back * down[0], end[1] + back * down[1]}, 0.020, 0.003});
  } else {
    q.push_back({end, mix(0.30, kEdge, steep), mix(0.010, 0.004, steep) * std::min(1.0, slope / 0.15)});
  }
  const double deck_end = l - 0.012 - (p.deck_length < 0.02 ? 0.012 : 0.004);
  if (l - 0.010 - foot[0] > 0.012) {
    q.push_back({foot, mix(0.045, 0.025, steep), p.deck_length > 0.05 ? 0.002 : 0});
    q.push_back({{l - 0.010, g.deck_z - 0.035 * std::max(0.0, deck_end - foot[0]) - 0.002}, kEdge, 0.002});
  } else {
    q.push_back({{l - 0.008, foot[1]}, kEdge, 0.002});
  }
  q.push_back({{l, c + 0.40 * h}, 0.040, 0.002});
  q.push_back({{l - 0.012, std::max(g.diffuser_z, c + 0.004)}, kEdge, 0});
  if (g.diffuser_z > c + 0.006) q.push_back({{g.diffuser_x, c}, 0.25, 0});

  Outline drawn = filleted_outline(q);
  auto& line = drawn.line;
  // Length, height and underside are what the parameters say, to the last digit.
  Vec2 low = line[0], high = line[0];
  for (const Vec2& a : line)
    for (std::size_t k = 0; k < 2; ++k) low[k] = std::min(low[k], a[k]), high[k] = std::max(high[k], a[k]);
  for (Vec2& a : line) {
    a[0] = (a[0] - low[0]) * l / (high[0] - low[0]);
    a[1] = c + (a[1] - low[1]) * h / (high[1] - low[1]);
  }
  constexpr double kSharp = 2 * kEdge, kLeastTurn = 20;  // m, degrees
  for (std::size_t i = 0; i < q.size(); ++i) {
    if (q[i].radius > kSharp) continue;
    const std::size_t n = line.size(), m = drawn.corners[i];
    const auto way = [&](std::size_t a, std::size_t b) {
      const Vec2 d{line[b % n][0] - line[a % n][0], line[b % n][1] - line[a % n][1]};
      const double length = std::hypot(d[0], d[1]);
      return Vec2{d[0] / length, d[1] / length};
    };
    // Beyond the fillet, which is shorter than this.
    constexpr std::size_t kAway = 12;
    const Vec2 before = way(m + n - kAway - 1, m + n - kAway), after = way(m + kAway, m + kAway + 1);
    const double cosine = before[0] * after[0] + before[1] * after[1];
    if (cosine < std::cos(radians(kLeastTurn))) corners_.push_back({line[m], way(m + n - 1, m + 1)});
  }
  outline_.emplace(line);
}

double CarBody::belt(double x) const {
  const CarLayout& g = *layout_;
  const double t = std::clamp((x - g.cowl_x) / (shape_.length - g.cowl_x), 0.0, 1.0);
  return mix(g.cowl_z, shape_.deck_length < 0.05 ? mix(g.cowl_z, g.deck_z, 0.6) : g.deck_z, t) - 0.004;
}

double CarBody::half_width(double x, double z) const {
  const CarShape& p = shape_;
  const double l = p.length, c = p.clearance, h = layout_->body_height;
  double w = p.width / 2;
  w -= (0.010 + 0.20 * p.front_bow) * square(std::max(0.0, 1 - x / (0.30 * l)));
  w -= p.rear_taper * square(std::max(0.0, (x - 0.60 * l) / (0.40 * l)));
  // Sides are fullest at 0.40 of the height, turned under at the sills, and lean in above.
  const double over = std::max(0.0, (z - (c + 0.40 * h)) / (0.25 * h));
  w -= 0.030 * h * over * over / (1 + over);
  w -= 0.016 * square(std::max(0.0, (c + 0.24 * h - z) / (0.24 * h)));
  // Windows: a shoulder of 4 mm, then the tumblehome; they follow the plan taper once more.
  constexpr double kSoft = 0.010;
  const double above = z - belt(x), upper = ramp(above, -0.006, 0.022);
  w -= 0.0045 * upper;
  w -= (layout_->lean - 0.06) * kSoft * soft_positive(above / kSoft);
  w -= upper * 0.45 * p.rear_taper * square(std::max(0.0, (x - 0.55 * l) / (0.45 * l)));
  return w;
}

double CarBody::edge_radius(double x, double z) const {
  const CarShape& p = shape_;
  const CarLayout& g = *layout_;
  const double l = p.length, c = p.clearance, h = g.body_height;
  double r = mix(0.010, p.edge_radius, ramp(z, c + 0.10 * h, c + 0.55 * h));
  const double front = mix(0.016, 0.042 + 0.5 * p.front_bow, ramp(z, c, c + 0.2 * h));
  r = mix(r, front, ramp(x, 0.20 * l, 0.05 * l));
  // The pillars beside a steep rear window.
  const double pillar = g.steep * ramp(x, g.roof_end_x - 0.06, g.roof_end_x);
  r = mix(r, kEdge, pillar * ramp(z, g.deck_z - 0.03, g.deck_z + 0.01));
  return mix(r, kEdge, ramp(x, l - 0.16, l - 0.035));
}

Vec2 CarBody::in_side_view(const Vec3& p) const {
  const CarShape& s = shape_;
  const double l = s.length, w = s.width, c = s.clearance, h = layout_->body_height;
  const double eta = std::min(square(p[1] / (w / 2)), 1.3), shape = 0.65 * eta + 0.35 * eta * eta;
  const double fore = s.front_bow * (1 - ramp(p[0], 0.02 * l, 0.62 * l));
  const double aft = (0.10 * w * 0.45 + 0.35 * s.rear_taper) * ramp(p[0], 0.62 * l, 0.98 * l);
  const double crown = 0.021 * w * ramp(p[2], c + 0.25 * h, c + 0.60 * h) * ramp(p[0], 0.0, 0.12 * l);
  return {p[0] - shape * fore + shape * aft, p[2] + eta * crown};
}

CarBody::Sides CarBody::sides(const Vec3& p) const {
  constexpr double step = 5e-4;
  const double w = half_width(p[0], p[2]);
  const double slope = std::hypot(half_width(p[0] + step, p[2]) - w, half_width(p[0], p[2] + step) - w) / step;
  return {outline_->at(in_side_view(p)), (std::abs(p[1]) - w) / std::sqrt(1 + square(std::min(slope, 2.0)))};
}

double CarBody::wheel(const Vec3& p, const Wheel& wheel) const {
  constexpr double kPatch = 0.005;  // m, the height at which the tyre goes over into the foot
  const double flat = std::abs(std::abs(p[1]) - wheel.y) - wheel_width_ / 2;
  const double tyre = round_intersection(std::hypot(p[0] - wheel.x, p[2] - wheel.radius) - wheel.radius, flat, 0.009);
  // The foot: a column with rounded corners from the ground into the tyre, as long as the tyre is at kPatch.
  const double reach = std::sqrt(2 * wheel.radius * kPatch - kPatch * kPatch);
  const double column = round_intersection(std::abs(p[0] - wheel.x) - reach, flat + 0.0035, 0.008);
  return round_union(tyre, std::max(column, p[2] - 0.35 * wheel.radius), kFootFillet);
}

// An ellipsoid on a short arm.
double CarBody::mirror(const Vec3& p) const {
  constexpr std::array<double, 3> kAxes = {0.019, 0.023, 0.016};  // m
  const Vec3 from{p[0] - mirror_at_[0], std::abs(p[1]) - mirror_at_[1], p[2] - mirror_at_[2]};
  const Vec3 q{from[0] / kAxes[0], (from[1] - 0.024) / kAxes[1], (from[2] - 0.004) / kAxes[2]};
  const double scaled = norm(q), rate = norm({q[0] / kAxes[0], q[1] / kAxes[1], q[2] / kAxes[2]});
  const double head = rate > 1e-9 ? scaled * (scaled - 1) / rate : -kAxes[2];
  // The arm: a capsule from inside of the body to the head.
  const double t = std::clamp((from[1] + 0.015) / 0.040, 0.0, 1.0);
  const double arm = norm({from[0], from[1] + 0.015 - 0.040 * t, from[2] + 0.004}) - 0.0095;
  return round_union(head, arm, 0.006);
}

double CarBody::at(const Vec3& p) const {
  constexpr double kWheelFillet = 0.004, kMirrorFillet = 0.006;  // m
  const auto [outline, flank] = sides(p);
  double out = round_intersection(outline, flank, edge_radius(p[0], p[2]));
  // What is farther away than the body and its fillet changes nothing: a wheel's value is at least its distance along
  // x less the fillet of its foot, a mirror's grows by 0.6 a metre.
  for (const Wheel& one : wheels_)
    if (std::abs(p[0] - one.x) - one.radius - kFootFillet < std::max(out, kWheelFillet))
      out = round_union(out, wheel(p, one), kWheelFillet);
  if (mirrors_ && 0.6 * std::abs(p[0] - mirror_at_[0]) - 0.04 < std::max(out, kMirrorFillet))
    out = round_union(out, mirror(p), kMirrorFillet);
  return out;
}

CarBody::Slope CarBody::slope(const Vec3& p) const {
  // The body's function bends over a millimetre at the least.
  constexpr double kStep = 1e-6;
  Slope out{at(p), {}};
  for (std::size_t k = 0; k < 3; ++k) {
    Vec3 ahead = p;
    ahead[k] += kStep;
    out.gradient[k] = (at(ahead) - out.value) / kStep;
  }
  return out;
}

double CarBody::crease(std::size_t which, const Vec3& p) const {
  if (which == 0) {
    const auto [outline, flank] = sides(p);
    return outline - flank;
  }
  const Corner& corner = corners_[which - 1];
  const Vec2 q = in_side_view(p);
  return (q[0] - corner.at[0]) * corner.along[0] + (q[1] - corner.at[1]) * corner.along[1];
}

bool CarBody::sharp(std::size_t which, const Vec3& p) const {
  constexpr double kReach = 0.006, kSharp = 2 * kEdge;  // m
  const auto [outline, flank] = sides(p);
  if (which == 0) return edge_radius(p[0], p[2]) < kSharp && std::max(outline, flank) > -kReach;
  const Corner& corner = corners_[which - 1];
  const Vec2 q = in_side_view(p);
  return outline >= flank - 1e-6 && std::hypot(q[0] - corner.at[0], q[1] - corner.at[1]) < kReach;
}

Box CarBody::half_box() const {
  constexpr double kMargin = 0.006, kMirror = 0.062;  // m
  return {{-kMargin, 0, kFoot},
          {shape_.length + kMargin, shape_.width / 2 + (mirrors_ ? kMirror : kMargin), shape_.height + kMargin}};
}

}  // namespace streamtube::geometry
