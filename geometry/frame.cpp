#include "geometry/frame.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.hpp"

namespace streamtube::geometry {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {

using Matrix = std::array<Vec3, 3>;

// A^T T A with the rows of A the model's axes: the tensor in the file's frame.
Matrix tensor_to_file(const Frame& frame, const Matrix& t) {
  Matrix out{};
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 3; ++k)
        for (int l = 0; l < 3; ++l) out[i][j] += frame.axes[k][i] * t[k][l] * frame.axes[l][j];
  return out;
}

template <class Mesh>
void mesh_to_file(const Frame& frame, Mesh& mesh) {
  if (frame.identity()) return;
  for (Vec3& p : mesh.points) p = frame.to_file(p);
  for (Attribute& attribute : mesh.attributes) values_to_file(frame, attribute.components, attribute.values);
}

}  // namespace

bool Frame::turned() const { return axes != Frame{}.axes; }
bool Frame::identity() const { return !turned() && shift == Vec3{0, 0, 0}; }

Frame facing(const Vec3& flow, const Vec3& up) {
  for (const Vec3* v : {&flow, &up})
    if (!(std::isfinite(norm(*v)) && norm(*v) > 0))
      throw Error(ErrorKind::usage, str("the direction (", (*v)[0], ", ", (*v)[1], ", ", (*v)[2], ") is none"),
                  "give three numbers that are not all zero, or +x, -y, ...");
  Frame frame;
  frame.axes[0] = (1 / norm(flow)) * flow;
  const Vec3 direction = (1 / norm(up)) * up;
  const Vec3 across = direction - dot(direction, frame.axes[0]) * frame.axes[0];
  if (norm(across) < 1e-3)
    throw Error(ErrorKind::usage, "the flow and the upward direction are parallel",
                "--flow-direction and --up name two different directions in the file's frame");
  frame.axes[2] = (1 / norm(across)) * across;
  frame.axes[1] = cross(frame.axes[2], frame.axes[0]);
  for (Vec3& axis : frame.axes)
    for (double& x : axis) x += 0.0;
  return frame;
}

Similarity similarity_of(const std::array<double, 16>& m, const std::string& where) {
  const auto refuse = [&](const std::string& what, const std::string& hint) {
    throw Error(ErrorKind::usage, where + ": " + what, hint);
  };
  for (const double x : m)
    if (!std::isfinite(x)) refuse(str("the matrix has the entry ", x), "give 16 finite numbers");
  constexpr double kTolerance = 1e-4;
  const std::string kind =
      "rotation, shift and one scale for all axes are allowed, 16 numbers row by row: r11 r12 r13 t1  r21 ... 0 0 0 1";
  if (m[12] != 0 || m[13] != 0 || m[14] != 0 || std::abs(m[15] - 1) > 0)
    refuse(str("the last row of the matrix is ", m[12], ' ', m[13], ' ', m[14], ' ', m[15], ", not 0 0 0 1"), kind);
  const Matrix rows = {{{m[0], m[1], m[2]}, {m[4], m[5], m[6]}, {m[8], m[9], m[10]}}};
  const double determinant = dot(rows[0], cross(rows[1], rows[2]));
  if (determinant < 0)
    refuse("the matrix is a reflection (its determinant is negative)",
           "a mirrored body is another body: mirror it in the CAD program, or change the sign of one row");
  Similarity out;
  out.scale = std::cbrt(determinant);
  if (!(out.scale > 1e-9)) refuse("the matrix has no inverse", kind);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      if (std::abs(dot(rows[i], rows[j]) / (out.scale * out.scale) - (i == j)) > kTolerance)
        refuse("the matrix shears the body or scales its axes differently", kind);
  out.frame = facing(rows[0], rows[2]);
  // Digits lost in printing a matrix must not pass for a scale.
  if (std::abs(out.scale - 1) < kTolerance) out.scale = 1;
  out.frame.shift = {m[3], m[7], m[11]};
  return out;
}

Box bounds_in_model(const Frame& frame, const SurfaceMesh& mesh) {
  Box box;
  for (const std::int64_t c : mesh.corners) box.add(frame.to_model(mesh.points[static_cast<std::size_t>(c)]));
  return box;
}

double step_of(double scale) {
  int exponent = 0;
  const double part = std::frexp(scale, &exponent);  // 1/2..1
  return std::ldexp(0x1p-40, part < std::numbers::sqrt2 / 2 ? exponent - 1 : exponent);
}

void to_model(const Frame& frame, std::span<Vec3> points) {
  for (Vec3& p : points) {
    p = frame.to_model(p);
    for (double& x : p) x = std::nearbyint(x / frame.step) * frame.step + 0.0;  // + 0.0: no negative zeros
  }
}

void values_to_file(const Frame& frame, int components, std::span<float> values) {
  if (!frame.turned()) return;
  // Where entry (i, j) of a tensor stands among the components.
  static constexpr int kSymmetric[3][3] = {{0, 3, 5}, {3, 1, 4}, {5, 4, 2}};
  const auto n = static_cast<std::size_t>(components);
  for (std::size_t at = 0; at + n <= values.size(); at += n) {
    float* value = &values[at];
    if (n == 3) {
      const Vec3 v = frame.vector_to_file({value[0], value[1], value[2]});
      for (int a = 0; a < 3; ++a) value[a] = static_cast<float>(v[a]);
    } else if (n == 6 || n == 9) {
      Matrix t;
      for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) t[i][j] = value[n == 6 ? kSymmetric[i][j] : 3 * i + j];
      t = tensor_to_file(frame, t);
      for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) value[n == 6 ? kSymmetric[i][j] : 3 * i + j] = static_cast<float>(t[i][j]);
    }
  }
}

void to_model(const Frame& frame, SurfaceMesh& mesh) { to_model(frame, mesh.points); }
void to_model(const Frame& frame, VolumeMesh& mesh) { to_model(frame, mesh.points); }
void to_file(const Frame& frame, SurfaceMesh& mesh) { mesh_to_file(frame, mesh); }
void to_file(const Frame& frame, VolumeMesh& mesh) { mesh_to_file(frame, mesh); }

}  // namespace streamtube::geometry
