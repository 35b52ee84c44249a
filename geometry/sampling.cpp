#include "geometry/sampling.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "geometry/space_curve.hpp"

namespace streamtube::geometry {

namespace {

// Triangle `t` of the fan of face `f`.
std::array<Vec3, 3> fan_triangle(const SurfaceMesh& mesh, std::size_t f, std::size_t t) {
  return {mesh.corner(f, 0), mesh.corner(f, t + 1), mesh.corner(f, t + 2)};
}

double area(const std::array<Vec3, 3>& t) { return 0.5 * norm(cross(t[1] - t[0], t[2] - t[0])); }

// How finely a point's place is chosen: at least so many pieces of a body, and of what falls to a point.
constexpr double kPieces = 500'000, kPiecesPerPoint = 48;
// Longest edge of a piece over the edge of a square of its area.
constexpr double kLongest = 3;

using Triangle = std::array<Vec3, 3>;

// Its halves: cut from the middle of the longest edge. squared_edge: the longest one's length.
std::array<Triangle, 2> halves(const Triangle& triangle, double& squared_edge) {
  std::size_t longest = 0;
  squared_edge = 0;
  for (std::size_t e = 0; e < 3; ++e) {
    const Vec3 along = triangle[(e + 1) % 3] - triangle[e];
    if (const double length2 = dot(along, along); length2 > squared_edge) squared_edge = length2, longest = e;
  }
  const Vec3 &a = triangle[longest], &b = triangle[(longest + 1) % 3], &c = triangle[(longest + 2) % 3];
  const Vec3 middle = 0.5 * (a + b);
  return {Triangle{a, middle, c}, Triangle{middle, b, c}};
}

// Halves until the pieces are small, and gives each to take(triangle, path): a bit for every cut, after a leading 1.
template <typename Take>
void for_each_piece(const Triangle& triangle, double largest, std::uint64_t path, const Take& take) {
  const double size = area(triangle);
  if (!(size > 0)) return;
  double squared_edge;
  const auto parts = halves(triangle, squared_edge);
  if ((squared_edge <= kLongest * kLongest * largest && size <= largest) || path >> 62) return take(triangle, path);
  for (std::uint64_t i = 0; i < 2; ++i) for_each_piece(parts[i], largest, 2 * path + i, take);
}

Triangle piece_at(Triangle triangle, std::uint64_t path) {
  double squared_edge;
  for (int bit = std::bit_width(path) - 2; bit >= 0; --bit) triangle = halves(triangle, squared_edge)[path >> bit & 1];
  return triangle;
}

struct Piece {
  std::int64_t face;
  std::size_t fan;     // triangle of the face
  std::uint64_t path;  // piece of the triangle
};

}  // namespace

std::vector<Vec3> sample_surface(const SurfaceMesh& mesh, std::size_t n, std::uint64_t seed,
                                 std::vector<std::int64_t>* faces) {
  std::vector<Vec3> points(n);
  std::vector<std::int64_t> on(n);
  double total = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    for (std::size_t t = 0; t + 2 < mesh.corner_count(f); ++t) total += area(fan_triangle(mesh, f, t));
  if (n > 0 && !(total > 0 && std::isfinite(total))) {
    throw core::Error(core::ErrorKind::input, core::str("cannot sample a surface whose area is ", total, " m2"),
                      "give a surface with triangles of positive area");
  }
  if (n == 0) return points;

  const double largest = total / std::max(kPieces, kPiecesPerPoint * static_cast<double>(n));
  const Box box = mesh.bounds();
  const double side = curve_side(box);
  std::vector<Piece> pieces;
  std::vector<OnCurve> places;
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    for (std::size_t t = 0; t + 2 < mesh.corner_count(f); ++t)
      for_each_piece(fan_triangle(mesh, f, t), largest, 1, [&](const Triangle& piece, std::uint64_t path) {
        const Vec3 center = (1.0 / 3) * (piece[0] + piece[1] + piece[2]);
        places.push_back({curve_code(center, box.low, side), area(piece), static_cast<std::int64_t>(pieces.size())});
        pieces.push_back({static_cast<std::int64_t>(f), t, path});
      });
  const std::vector<std::size_t> drawn = draw_by_cells(places, n, seed);
  core::Rng place(seed, "surface samples");
  for (std::size_t i = 0; i < n; ++i) {
    const Piece& one = pieces[static_cast<std::size_t>(places[drawn[i]].index)];
    const auto [a, b, c] = piece_at(fan_triangle(mesh, static_cast<std::size_t>(one.face), one.fan), one.path);
    const double r = std::sqrt(place.uniform()), v = place.uniform();  // uniform in the piece
    points[i] = a + (r * (1 - v)) * (b - a) + (r * v) * (c - a);
    on[i] = one.face;
  }
  if (faces) *faces = std::move(on);
  return points;
}

}  // namespace streamtube::geometry
