#include "geometry/generators.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "core/error.hpp"
#include "geometry/car_body.hpp"
#include "geometry/car_surface.hpp"
#include "geometry/refine.hpp"

namespace streamtube::geometry {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {

constexpr double kFlat = 4;  // degrees; a bend of less is no edge

double radians(double degrees) { return degrees * std::numbers::pi / 180; }

// A cross-section of the body: |y| <= half_width, bottom <= z <= top.
struct Station {
  double x, half_width, bottom, top;
  bool top_edge = false, bottom_edge = false;  // the surface has a sharp edge across here
};

int at_least(int least, double n) { return std::max(least, static_cast<int>(std::nearbyint(n))); }

// The skin of a box whose sections are the stations'.
GeneratedBody loft(const std::vector<Station>& stations, int ny, int nz) {
  const int nx = static_cast<int>(stations.size()) - 1;
  GeneratedBody out;
  SurfaceMesh& mesh = out.mesh;
  std::vector<std::int64_t> index(static_cast<std::size_t>((nx + 1) * (ny + 1) * (nz + 1)), -1);
  const auto at = [&](int i, int j, int k) -> std::int64_t& {
    return index[static_cast<std::size_t>((i * (ny + 1) + j) * (nz + 1) + k)];
  };
  for (int i = 0; i <= nx; ++i)
    for (int j = 0; j <= ny; ++j)
      for (int k = 0; k <= nz; ++k) {
        if (i > 0 && i < nx && j > 0 && j < ny && k > 0 && k < nz) continue;
        const Station& s = stations[static_cast<std::size_t>(i)];
        at(i, j, k) = static_cast<std::int64_t>(mesh.points.size());
        // from the middle outwards, so that both sides have the same bits
        const double y = static_cast<double>(2 * j - ny) / ny * s.half_width;
        mesh.points.push_back({s.x, y, s.bottom + static_cast<double>(k) / nz * (s.top - s.bottom)});
      }
  mesh.offsets = {0};
  // Corners counter-clockwise from outside; diagonals are mirror images of each other at y = 0.
  const auto quad = [&](std::int64_t a, std::int64_t b, std::int64_t c, std::int64_t d, bool other) {
    if (other)
      mesh.corners.insert(mesh.corners.end(), {a, b, d, b, c, d});
    else
      mesh.corners.insert(mesh.corners.end(), {a, b, c, a, c, d});
    for (int t = 0; t < 2; ++t) mesh.offsets.push_back(mesh.offsets.back() + 3), mesh.patch.push_back(0);
  };
  for (int j = 0; j < ny; ++j) {
    const bool left = j < ny / 2;
    for (int k = 0; k < nz; ++k) {
      quad(at(0, j, k), at(0, j, k + 1), at(0, j + 1, k + 1), at(0, j + 1, k), left);
      quad(at(nx, j, k), at(nx, j + 1, k), at(nx, j + 1, k + 1), at(nx, j, k + 1), left);
    }
    for (int i = 0; i < nx; ++i) {
      quad(at(i, j, 0), at(i, j + 1, 0), at(i + 1, j + 1, 0), at(i + 1, j, 0), left);
      quad(at(i, j, nz), at(i + 1, j, nz), at(i + 1, j + 1, nz), at(i, j + 1, nz), left);
    }
  }
  for (int i = 0; i < nx; ++i)
    for (int k = 0; k < nz; ++k) {
      quad(at(i, ny, k), at(i, ny, k + 1), at(i + 1, ny, k + 1), at(i + 1, ny, k), false);
      quad(at(i, 0, k), at(i + 1, 0, k), at(i + 1, 0, k + 1), at(i, 0, k + 1), false);
    }
  mesh.patch_names = {"body"};

  std::vector<std::int64_t> kept(mesh.points.size(), -1);
  const auto line = [&](int n, const std::function<std::int64_t(int)>& point) {
    for (int i = 0; i < n; ++i) {
      std::array<std::int64_t, 2> edge{point(i), point(i + 1)};
      for (auto& p : edge) {
        auto& k = kept[static_cast<std::size_t>(p)];
        if (k < 0) {
          k = static_cast<std::int64_t>(out.features.points.size());
          out.features.points.push_back(mesh.points[static_cast<std::size_t>(p)]);
        }
        p = k;
      }
      out.features.edges.push_back(edge);
    }
  };
  for (const int j : {0, ny})
    for (const int k : {0, nz}) line(nx, [&](int i) { return at(i, j, k); });
  for (int i = 0; i <= nx; ++i) {
    const Station& s = stations[static_cast<std::size_t>(i)];
    if (s.bottom_edge || i == nx) line(ny, [&](int j) { return at(i, j, 0); });
    if (s.top_edge || i == nx) line(ny, [&](int j) { return at(i, j, nz); });
  }
  for (const int j : {0, ny}) line(nz, [&](int k) { return at(nx, j, k); });
  return out;
}

// The rounded front: x and how far the section is inset there.
std::vector<std::pair<double, double>> nose(double radius, double triangle) {
  const int n = at_least(12, radius * std::numbers::pi / 2 / (0.75 * triangle));
  std::vector<std::pair<double, double>> out;
  for (int i = 0; i <= n; ++i) {
    const double angle = std::numbers::pi / 2 * i / n;
    out.emplace_back(i == n ? radius : radius * (1 - std::cos(angle)), i == n ? 0 : radius * (1 - std::sin(angle)));
  }
  return out;
}

// Refuses what does not fit.
class Check {
 public:
  explicit Check(std::string family) : family_(std::move(family)) {}
  // least < value < most, in words `why` where the limits follow from other parameters.
  void between(const char* name, double value, double least, double most, const char* why = "") const {
    if (value > least && value < most) return;
    throw Error(ErrorKind::input,
                str(family_, ": ", name, " = ", value, " is not between ", least, " and ", most, *why ? " (" : "", why,
                    *why ? ")" : ""),
                "change it or the parameters it depends on");
  }
  // Two for every square of that size on the bounding box.
  void triangle(double size, double length, double width, double height) const {
    const double area = 2 * (length * width + width * height + height * length);
    between("the size of triangles", size, std::sqrt(2 * area / kMostRefined), width / 4,
            "20 million triangles, a quarter of the width");
  }

 private:
  std::string family_;
};

}  // namespace

GeneratedBody ahmed_body(const AhmedShape& p, double triangle) {
  const Check check("ahmed");
  check.between("length", p.length, 0, 1e3);
  check.between("width", p.width, 0, 1e3);
  check.between("height", p.height, 0, 1e3);
  check.between("clearance", p.clearance, 0, 1e3);
  check.triangle(triangle, p.length, p.width, p.height);
  check.between("nose_radius", p.nose_radius, 0, std::min(p.height, p.width) / 2, "half the height and width");
  check.between("slant_angle", p.slant_angle, -1e-9, 90);
  const double angle = radians(p.slant_angle);
  check.between("slant_length", p.slant_length, 0, (p.length - p.nose_radius) / std::cos(angle),
                "from the nose to the rear");
  check.between("slant_length * sin(slant_angle)", p.slant_length * std::sin(angle), -1e-9, p.height, "the height");

  const double start = p.length - p.slant_length * std::cos(angle);
  std::vector<Station> stations;
  for (const auto& [x, inset] : nose(p.nose_radius, triangle))
    stations.push_back({x, p.width / 2 - inset, p.clearance + inset, p.clearance + p.height - inset});
  const int middle = at_least(4, (start - p.nose_radius) / triangle), rear = at_least(4, p.slant_length / triangle);
  for (int i = 1; i <= middle; ++i) {
    const double x = i == middle ? start : p.nose_radius + (start - p.nose_radius) * i / middle;
    stations.push_back({x, p.width / 2, p.clearance, p.clearance + p.height});
  }
  stations.back().top_edge = p.slant_angle > kFlat;
  for (int i = 1; i <= rear; ++i) {
    const double x = i == rear ? p.length : start + (p.length - start) * i / rear;
    stations.push_back({x, p.width / 2, p.clearance, p.clearance + p.height - std::tan(angle) * (x - start)});
  }
  return loft(stations, 2 * at_least(6, p.width / 2 / triangle), at_least(8, p.height / triangle));
}

GeneratedBody box_car(const BoxCarShape& p, double triangle) {
  using Rear = BoxCarShape::Rear;
  const Check check(p.rear == Rear::van ? "van" : p.rear == Rear::fastback ? "fastback" : "notchback");
  check.between("length", p.length, 0, 1e3);
  check.between("width", p.width, 0, 1e3);
  check.between("height", p.height, 0, 1e3);
  check.between("clearance", p.clearance, 0, 1e3);
  check.triangle(triangle, p.length, p.width, p.height);
  check.between("hood_height", p.hood_height, 0, p.height, "the height");
  check.between("nose_radius", p.nose_radius, 0, std::min(p.hood_height, p.width) / 2,
                "half the hood's height and the width");
  check.between("hood_length", p.hood_length, p.nose_radius, p.length, "from the nose to the rear");
  check.between("windscreen_angle", p.windscreen_angle, 5, 89);
  const double roof = p.hood_length + (p.height - p.hood_height) / std::tan(radians(p.windscreen_angle));
  double roof_end = p.length, deck = p.length;
  if (p.rear != Rear::van) {
    check.between("backlight_angle", p.backlight_angle, 2, 89);
    check.between("trunk_height", p.trunk_height, 0, p.height, "the height");
    if (p.rear == Rear::notchback) {
      check.between("trunk_length", p.trunk_length, 0, p.length);
      deck = p.length - p.trunk_length;
    }
    roof_end = deck - (p.height - p.trunk_height) / std::tan(radians(p.backlight_angle));
  }
  check.between("the length of the roof", roof_end - roof, 0.01 * p.length, p.length,
                "what hood, windscreen, backlight and trunk leave of the length");
  check.between("diffuser_angle", p.diffuser_angle, -1e-9, 45);
  const double rise = std::tan(radians(p.diffuser_angle)), diffuser = p.length - p.diffuser_length;
  if (rise > 0) {
    check.between("diffuser_length", p.diffuser_length, 0, p.length - p.nose_radius, "from the nose to the rear");
    const double tail = p.rear == Rear::van ? p.height : p.trunk_height;
    check.between("diffuser_length * tan(diffuser_angle)", rise * p.diffuser_length, -1e-9, 0.8 * tail,
                  "0.8 of the rear's height");
  }

  // The upper line behind the nose, and where it bends.
  std::vector<std::pair<double, double>> line = {
      {p.nose_radius, p.hood_height}, {p.hood_length, p.hood_height}, {roof, p.height}, {roof_end, p.height}};
  if (p.rear != Rear::van) line.emplace_back(deck, p.trunk_height);
  if (p.rear == Rear::notchback) line.emplace_back(p.length, p.trunk_height);
  const auto top = [&](double x) {
    std::size_t i = 1;
    while (i + 1 < line.size() && x > line[i].first) ++i;
    const auto& [x0, z0] = line[i - 1];
    const auto& [x1, z1] = line[i];
    return z0 + (z1 - z0) * (x - x0) / (x1 - x0);
  };
  const auto bottom = [&](double x) { return rise * std::max(0.0, x - diffuser); };
  std::vector<double> bends;
  for (const auto& [x, z] : line) bends.push_back(x);
  if (rise > 0) bends.push_back(diffuser);
  std::sort(bends.begin(), bends.end());
  // Bends of the upper and the lower line so near to each other become one, or slivers would lie between them.
  bends.erase(std::unique(bends.begin(), bends.end(), [](double a, double b) { return b - a < 1e-9; }), bends.end());

  std::vector<Station> stations;
  for (const auto& [x, inset] : nose(p.nose_radius, triangle))
    stations.push_back({x, p.width / 2 - inset, p.clearance + inset, p.clearance + p.hood_height - inset});
  const auto is_bend = [](double x, double at) { return std::abs(x - at) < 1e-9; };
  for (std::size_t b = 1; b < bends.size(); ++b) {
    const double x0 = bends[b - 1], x1 = bends[b];
    const int n = at_least(1, std::hypot(x1 - x0, top(x1) - top(x0)) / triangle);
    for (int i = 1; i <= n; ++i) {
      const double x = i == n ? x1 : x0 + (x1 - x0) * i / n;
      stations.push_back({x, p.width / 2, p.clearance + bottom(x), p.clearance + top(x)});
    }
    for (std::size_t i = 1; i + 1 < line.size(); ++i)
      if (is_bend(x1, line[i].first)) stations.back().top_edge = true;
    stations.back().bottom_edge = p.diffuser_angle > kFlat && is_bend(x1, diffuser);
  }
  return loft(stations, 2 * at_least(6, p.width / 2 / triangle), at_least(8, p.height / triangle));
}

namespace {

using Values = std::vector<std::pair<std::string, double>>;

// Names and members of a shape's parameters.
template <class Shape>
using Members = std::vector<std::pair<const char*, double Shape::*>>;
const Members<AhmedShape> kAhmed = {
    {"length", &AhmedShape::length},           {"width", &AhmedShape::width},
    {"height", &AhmedShape::height},           {"nose_radius", &AhmedShape::nose_radius},
    {"slant_angle", &AhmedShape::slant_angle}, {"slant_length", &AhmedShape::slant_length},
    {"clearance", &AhmedShape::clearance}};
Members<BoxCarShape> box_car_members(BoxCarShape::Rear rear) {
  using S = BoxCarShape;
  Members<S> out = {{"length", &S::length},
                    {"width", &S::width},
                    {"height", &S::height},
                    {"nose_radius", &S::nose_radius},
                    {"hood_length", &S::hood_length},
                    {"hood_height", &S::hood_height},
                    {"windscreen_angle", &S::windscreen_angle},
                    {"diffuser_angle", &S::diffuser_angle},
                    {"diffuser_length", &S::diffuser_length},
                    {"clearance", &S::clearance}};
  if (rear != S::Rear::van)
    out.insert(out.end(), {{"backlight_angle", &S::backlight_angle}, {"trunk_height", &S::trunk_height}});
  if (rear == S::Rear::notchback) out.emplace_back("trunk_length", &S::trunk_length);
  return out;
}
Members<CarShape> car_members() {
  Members<CarShape> out;
  for (const CarParameter& one : car_parameters()) out.emplace_back(one.name, one.member);
  return out;
}
constexpr std::pair<const char*, BoxCarShape::Rear> kRears[] = {{"notchback", BoxCarShape::Rear::notchback},
                                                                {"fastback", BoxCarShape::Rear::fastback},
                                                                {"van", BoxCarShape::Rear::van}};

template <class Shape>
Values values(const Members<Shape>& members) {
  Values out;
  const Shape standard;
  for (const auto& [name, member] : members) out.emplace_back(name, standard.*member);
  return out;
}

template <class Shape>
void set(Shape& shape, const Members<Shape>& members, const std::string& family,
         const std::map<std::string, double>& parameters) {
  for (const auto& [name, value] : parameters) {
    const auto found =
        std::find_if(members.begin(), members.end(), [&wanted = name](const auto& m) { return wanted == m.first; });
    if (found == members.end()) {
      std::string known;
      for (const auto& m : members) known += (known.empty() ? "" : ", ") + std::string(m.first);
      throw Error(ErrorKind::input, str("the family '", family, "' has no parameter '", name, "'"), "it has " + known);
    }
    shape.*(found->second) = value;
  }
}

}  // namespace

const std::vector<Family>& families() {
  static const std::vector<Family> list = [] {
    std::vector<Family> out = {{"ahmed", values(kAhmed)}};
    for (const auto& [name, rear] : kRears) out.push_back({name, values(box_car_members(rear))});
    out.push_back({"car", values(car_members()), false});
    return out;
  }();
  return list;
}

GeneratedBody generate_body(const std::string& family, const std::map<std::string, double>& parameters,
                            double triangle) {
  if (family == "ahmed") {
    AhmedShape shape;
    set(shape, kAhmed, family, parameters);
    return ahmed_body(shape, triangle);
  }
  if (family == "car") {
    CarShape shape;
    set(shape, car_members(), family, parameters);
    const CarBody body(shape);
    Check(family).triangle(triangle, shape.length, shape.width, shape.height);
    return car_surface(body, triangle);
  }
  for (const auto& [name, rear] : kRears)
    if (family == name) {
      BoxCarShape shape;
      shape.rear = rear;
      set(shape, box_car_members(rear), family, parameters);
      return box_car(shape, triangle);
    }
  std::string known;
  for (const auto& f : families()) known += (known.empty() ? "" : ", ") + f.name;
  throw Error(ErrorKind::input, str("there is no family of bodies '", family, "'"), "there are " + known);
}

}  // namespace streamtube::geometry
