#include "solver/openfoam/tail.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace streamtube::solver {

namespace {

constexpr double kTilt = 8;          // degrees, between roofs (up to 5) and rear windows (from 11)
constexpr double kLooksDown = -0.7;  // z of a unit normal
constexpr double kRadians = 0.017453292519943295;

// The height below which half of the area of the faces that look down lies; `otherwise` where there are none.
double median_height(std::vector<std::pair<double, double>> heights_and_areas, double otherwise) {
  std::sort(heights_and_areas.begin(), heights_and_areas.end());
  double all = 0, below = 0;
  for (const auto& [height, area] : heights_and_areas) all += area;
  for (const auto& [height, area] : heights_and_areas)
    if ((below += area) >= 0.5 * all) return height;
  return otherwise;
}

}  // namespace

Tail tail_of(const geometry::SurfaceMesh& body) {
  const Box box = body.bounds();
  const double middle = 0.5 * (box.low[0] + box.high[0]), slope = std::tan(kTilt * kRadians);
  Tail out;
  out.roof_end = box.high[0];
  out.low_y = box.high[1], out.high_y = box.low[1];
  double highest = -std::numeric_limits<double>::infinity();
  std::vector<std::pair<double, double>> below;
  for (std::size_t f = 0; f < body.face_count(); ++f) {
    for (std::size_t i = 0; i < body.corner_count(f); ++i) {
      const Vec3& p = body.corner(f, i);
      if (const double height = p[2] + slope * p[0]; height > highest) highest = height, out.roof_end = p[0];
      if (p[0] >= middle) out.low_y = std::min(out.low_y, p[1]), out.high_y = std::max(out.high_y, p[1]);
    }
    const Vec3 area = body.area_vector(f);
    if (area[2] < kLooksDown * norm(area)) below.emplace_back(body.centroid(f)[2], -area[2]);
  }
  out.underbody = median_height(std::move(below), box.low[2]);
  return out;
}

}  // namespace streamtube::solver
