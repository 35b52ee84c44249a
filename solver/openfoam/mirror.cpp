#include "solver/openfoam/mirror.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "geometry/distance.hpp"
#include "geometry/parts.hpp"
#include "mesh_io/cut.hpp"

namespace streamtube::solver {

using geometry::SurfaceMesh;

namespace {

constexpr double kSymmetric = 1e-3;          // lengths of the body
constexpr std::size_t kMostPoints = 20'000;  // that are looked at
constexpr double kOnPlane = 1e-5;            // lengths of the body; what is nearer belongs to the plane
constexpr int kColumns = 64;                 // across the body's side view, for the middle of most of it
constexpr double kClearlyBetter = 0.5;       // share of points without an image, against that at y = 0

// Turns the body about x so that the half that is to stay lies above z = 0. No number is rounded by it.
void turn_up(SurfaceMesh& body, Side side, bool back) {
  const double s = (side == Side::right) != back ? 1 : -1;
  for (Vec3& p : body.points) p = {p[0], -s * p[2], s * p[1]};
}

// The plane that halves most columns along y of the body.
double middle_of_columns(const SurfaceMesh& body) {
  const Box box = body.bounds();
  const Vec3 size = box.size();
  const double step = std::max(size[0], size[2]) / kColumns;
  if (!(step > 0)) return 0;
  std::map<std::pair<int, int>, std::pair<double, double>> columns;
  for (const Vec3& p : body.points) {
    const std::pair<int, int> at{static_cast<int>((p[0] - box.low[0]) / step),
                                 static_cast<int>((p[2] - box.low[2]) / step)};
    const auto [column, added] = columns.try_emplace(at, p[1], p[1]);
    if (added) continue;
    column->second.first = std::min(column->second.first, p[1]);
    column->second.second = std::max(column->second.second, p[1]);
  }
  std::vector<double> middles;
  for (const auto& [at, range] : columns) middles.push_back(0.5 * (range.first + range.second));
  std::nth_element(middles.begin(), middles.begin() + static_cast<std::ptrdiff_t>(middles.size() / 2), middles.end());
  return middles[middles.size() / 2];
}

MirrorGap mirror_gap(const SurfaceMesh& body, const geometry::DistanceField& surface, double plane) {
  MirrorGap out;
  out.tolerance = kSymmetric * body.bounds().size()[0];
  const std::size_t step = std::max<std::size_t>(1, body.points.size() / kMostPoints);
  std::size_t seen = 0, far = 0;
  for (std::size_t i = 0; i < body.points.size(); i += step, ++seen) {
    const Vec3& p = body.points[i];
    const double distance = surface.distance({p[0], 2 * plane - p[1], p[2]});
    far += distance > out.tolerance;
    if (distance > out.largest) out.largest = distance, out.where = p;
  }
  if (seen > 0) out.share = static_cast<double>(far) / static_cast<double>(seen);
  return out;
}

}  // namespace

MirrorGap mirror_gap(const SurfaceMesh& body, double plane) {
  return mirror_gap(body, geometry::DistanceField(body), plane);
}

double middle_plane(const SurfaceMesh& body, double given) {
  const geometry::DistanceField surface(body);
  const Box box = body.bounds();
  double best = 0, least = kClearlyBetter * mirror_gap(body, surface, 0).share;
  for (const double plane : {given, 0.5 * (box.low[1] + box.high[1]), middle_of_columns(body)}) {
    const double share = mirror_gap(body, surface, plane).share;
    if (share < least) best = plane, least = share;
  }
  return best;
}

void append_image(SurfaceMesh& mesh, double tolerance) {
  const std::size_t faces = mesh.face_count();
  std::vector<std::int64_t> image(mesh.points.size());
  for (std::size_t i = 0, n = mesh.points.size(); i < n; ++i) {
    image[i] = static_cast<std::int64_t>(i);
    const Vec3 p = mesh.points[i];
    if (std::abs(p[1]) <= tolerance) continue;
    image[i] = static_cast<std::int64_t>(mesh.points.size());
    mesh.points.push_back({p[0], -p[1], p[2]});
  }
  for (std::size_t f = 0; f < faces; ++f) {
    for (auto i = mesh.offsets[f + 1]; i-- > mesh.offsets[f];)
      mesh.corners.push_back(image[static_cast<std::size_t>(mesh.corners[static_cast<std::size_t>(i)])]);
    mesh.offsets.push_back(static_cast<std::int64_t>(mesh.corners.size()));
    mesh.patch.push_back(mesh.patch[f]);
  }
}

SurfaceMesh of_one_half(SurfaceMesh body, Side side, const std::string& where) {
  const double near = kOnPlane * body.bounds().size()[0];
  for (Vec3& p : body.points)
    if (std::abs(p[1]) <= near) p[1] = 0;
  turn_up(body, side, false);
  mesh_io::cut_below(body, 0);
  turn_up(body, side, true);
  body.attributes.clear();
  // Faces in the plane would be walls inside of the whole.
  std::vector<std::int64_t> offsets{0}, corners;
  std::vector<std::int32_t> patch;
  for (std::size_t f = 0; f < body.face_count(); ++f) {
    bool off = false;
    for (std::size_t i = 0; i < body.corner_count(f); ++i) off = off || body.corner(f, i)[1] != 0;
    if (!off) continue;
    corners.insert(corners.end(), body.corners.begin() + body.offsets[f], body.corners.begin() + body.offsets[f + 1]);
    offsets.push_back(static_cast<std::int64_t>(corners.size()));
    patch.push_back(body.patch[f]);
  }
  if (patch.empty())
    throw core::Error(core::ErrorKind::input,
                      core::str(where, ": nothing of the body is on its ", side == Side::left ? "left" : "right",
                                " side, ", side == Side::left ? "y < 0" : "y > 0"),
                      "is y = 0 its middle? --place auto moves it there");
  body.offsets = std::move(offsets), body.corners = std::move(corners), body.patch = std::move(patch);
  geometry::drop_unused_points(body);
  append_image(body, 0);
  return body;
}

}  // namespace streamtube::solver
