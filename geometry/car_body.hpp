#pragma once
// Cars of one family as implicit bodies: notchbacks, fastbacks, hatchbacks, estates, SUVs, pick-ups and one-boxes are
// regions of one space of parameters. Metres at quarter scale; x along the flow with the foremost point at x = 0, z up,
// the ground at z = 0, mirror images at y = 0.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "geometry/car_outline.hpp"
#include "physics/vec3.hpp"

namespace streamtube::geometry {

// m and degrees; l: of the length, h: of the body's height above the underside. Ranges: car_ranges().
struct CarShape {
  double length = 1.1, width = 0.455, height = 0.36;  // height from the ground
  double clearance = 0.04;                            // of the underside
  double cowl_position = 0.27, cowl_height = 0.61;    // l, h: foot of the windscreen
  double nose_height = 0.45;                          // h: leading edge of the hood
  double windscreen_angle = 32;                       // from the horizontal
  double roof_drop = 2;                               // mean slope of the roof behind its highest point
  double backlight_angle = 37;                        // from the horizontal
  double deck_length = 0.13, deck_height = 0.66;      // l, h: trunk or load bed
  double edge_radius = 0.03;                          // of roof rails and hood edges
  double tumblehome = 18;                             // of the side windows, from the vertical
  double rear_taper = 0.016;                          // in plan, on each side
  double front_bow = 0.05;                            // how far the bumper's corners lie behind its middle
  double diffuser_angle = 4, diffuser_length = 0.18;  // degrees, l
  double wheel_radius = 0.08, wheelbase = 0.6;        // m, l
  double spoiler = 0;                                 // of the roof; up to 8 mm: none
  double mirrors = 1;                                 // above 0.55: there are mirrors
};

// Name, member and bounds of every parameter.
struct CarParameter {
  const char* name;
  double CarShape::*member;
  double low, high;
};
const std::vector<CarParameter>& car_parameters();

// Why there is no such car, and what to do; nothing where there is.
struct CarComplaint {
  std::string what, hint;
};
std::optional<CarComplaint> complaint(const CarShape& shape);

struct CarLayout;

// The body is a rounded intersection of two sets: a side view, an outline in x-z whose extrusion along y is bent (plan
// curvature of bumpers, windscreen and tail, crown of hood, roof and deck), and a half width over x and z (plan taper,
// tumblehome, turn-under). Wheels and mirrors are added with a fillet.
class CarBody {
 public:
  static constexpr double kFoot = 0.0005;  // m, the height at which the wheels' flat ends: no gap for any mesh
  static constexpr double kEdge = 0.0015;  // m, radius of the edges around the tail: flow leaves there

  // Throws Error(input) with the complaint.
  explicit CarBody(const CarShape& shape);

  // Below 0 inside, about a distance in m. Below kFoot the wheels go on.
  double at(const Vec3& p) const;
  struct Slope {
    double value;   // at(), m
    Vec3 gradient;  // not of unit length
  };
  Slope slope(const Vec3& p) const;

  // Sharp edges lie where crease() changes its sign on the surface and sharp() holds. Crease 0 runs between side view
  // and flanks, those that follow across the car along sharp corners of the side view.
  std::size_t creases() const { return 1 + corners_.size(); }
  double crease(std::size_t which, const Vec3& p) const;  // about a distance in m
  bool sharp(std::size_t which, const Vec3& p) const;

  // What holds the half y >= 0 of the body, m.
  Box half_box() const;
  const CarShape& shape() const { return shape_; }

 private:
  struct Wheel {
    double x, radius, y;  // centre
  };
  struct Corner {
    Vec2 at, along;  // along: the outline's direction there
  };
  struct Sides {
    double outline, flank;  // signed distances from the two sets
  };

  void draw_side_view();
  double belt(double x) const;
  double half_width(double x, double z) const;
  double edge_radius(double x, double z) const;
  Vec2 in_side_view(const Vec3& p) const;
  Sides sides(const Vec3& p) const;
  double wheel(const Vec3& p, const Wheel& wheel) const;
  double mirror(const Vec3& p) const;

  CarShape shape_;
  std::shared_ptr<const CarLayout> layout_;
  std::vector<Corner> corners_;
  std::optional<OutlineDistance> outline_;
  double wheel_width_ = 0;
  std::vector<Wheel> wheels_;
  bool mirrors_ = false;
  Vec3 mirror_at_{};  // where its arm leaves the body
};

}  // namespace streamtube::geometry
