#include "geometry/sampling.hpp"

#include <algorithm>
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

// Halves the longest edge until the pieces are small, and gives them to take(triangle) in an order of its own.
template <typename Take>
void for_each_piece(const std::array<Vec3, 3>& triangle, double largest, const Take& take) {
  std::size_t longest = 0;
  double edge2[3];
  for (std::size_t e = 0; e < 3; ++e) {
    const Vec3 along = triangle[(e + 1) % 3] - triangle[e];
    edge2[e] = dot(along, along);
    if (edge2[e] > edge2[longest]) longest = e;
  }
  if (edge2[longest] <= kLongest * kLongest * largest && area(triangle) <= largest) return take(triangle);
  const Vec3 &a = triangle[longest], &b = triangle[(longest + 1) % 3], &c = triangle[(longest + 2) % 3];
  const Vec3 middle = 0.5 * (a + b);
  for_each_piece(std::array<Vec3, 3>{a, middle, c}, largest, take);
  for_each_piece(std::array<Vec3, 3>{middle, b, c}, largest, take);
}

struct Piece {
  std::int64_t face;
  std::uint32_t fan, number;  // triangle of the face, piece of the triangle
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
  const double side = std::max({box.size()[0], box.size()[1], box.size()[2]});
  std::vector<Piece> pieces;
  std::vector<OnCurve> places;
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    for (std::size_t t = 0; t + 2 < mesh.corner_count(f); ++t) {
      std::uint32_t number = 0;
      for_each_piece(fan_triangle(mesh, f, t), largest, [&](const std::array<Vec3, 3>& piece) {
        const Vec3 center = (1.0 / 3) * (piece[0] + piece[1] + piece[2]);
        places.push_back({curve_code(center, box.low, side), area(piece), static_cast<std::int64_t>(pieces.size())});
        pieces.push_back({static_cast<std::int64_t>(f), static_cast<std::uint32_t>(t), number++});
      });
    }
  const std::vector<std::size_t> drawn = draw_by_cells(places, n, seed);
  core::Rng place(seed, "surface samples");
  for (std::size_t i = 0; i < n; ++i) {
    const Piece& one = pieces[static_cast<std::size_t>(places[drawn[i]].index)];
    const double u = place.uniform(), v = place.uniform();
    std::uint32_t number = 0;
    for_each_piece(fan_triangle(mesh, static_cast<std::size_t>(one.face), one.fan), largest,
                   [&](const std::array<Vec3, 3>& piece) {
                     if (number++ != one.number) return;
                     const auto& [a, b, c] = piece;
                     const double r = std::sqrt(u);  // uniform in the piece
                     points[i] = a + (r * (1 - v)) * (b - a) + (r * v) * (c - a);
                   });
    on[i] = one.face;
  }
  if (faces) *faces = std::move(on);
  return points;
}

}  // namespace streamtube::geometry
