#pragma once
// Bodies from parameters: watertight, outward, symmetric about y = 0. They stand as the training data does: x along the
// flow, the nose at x = 0, z up, the ground at z = 0.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "geometry/feature_edges.hpp"
#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

struct GeneratedBody {
  SurfaceMesh mesh;  // one patch, "body"
  Edges features;    // its sharp edges, along edges of the mesh
};

// The body of Ahmed et al. (1984) without stilts: a box, its four front edges rounded with a quarter circle and mitred
// corners, its upper rear edge cut off by a slant. m, degrees.
struct AhmedShape {
  double length = 1.044, width = 0.389, height = 0.288;
  double nose_radius = 0.1;
  double slant_angle = 25, slant_length = 0.222;  // below the horizontal; along the slant
  double clearance = 0.05;                        // of the ground
};
// triangle: size of the triangles, m. Throws Error(input) naming the parameter that does not fit the others.
GeneratedBody ahmed_body(const AhmedShape& shape, double triangle = 0.015);

// A car of flat panels with straight sides: hood, windscreen, roof, rear, and a diffuser below it. Heights are above
// the underside.
struct BoxCarShape {
  enum class Rear { notchback, fastback, van } rear = Rear::notchback;
  double length = 1.044, width = 0.389, height = 0.32;
  double nose_radius = 0.06;
  double hood_length = 0.25, hood_height = 0.19;
  double windscreen_angle = 35;                    // from the horizontal
  double backlight_angle = 30;                     // from the horizontal; not of a van
  double trunk_length = 0.14, trunk_height = 0.2;  // of a notchback; of a fastback only the height, that of its tail
  double diffuser_angle = 0, diffuser_length = 0.2;
  double clearance = 0.05;
};
GeneratedBody box_car(const BoxCarShape& shape, double triangle = 0.015);

// By names, as files of design spaces have them.
struct Family {
  std::string name;                                        // "ahmed", "notchback", "fastback", "van", "car"
  std::vector<std::pair<std::string, double>> parameters;  // name, value of the standard body
  bool straight_sides = true;                              // the frontal area is width times height
};
const std::vector<Family>& families();
// Parameters that are not named keep the standard body's value. triangle: size of the triangles, m; of a "car"
// (car_body.hpp) the largest, with smaller ones where it is curved. Throws Error(input) for a family or a parameter
// that is not known, with those that are, and for parameters of which there is no such body.
GeneratedBody generate_body(const std::string& family, const std::map<std::string, double>& parameters,
                            double triangle = 0.015);

}  // namespace streamtube::geometry
