#pragma once
// The rigid motion between the frame of a user's file and the model's (flow along +x, z up): bodies and meshes go to
// the model, results come back with their vectors and tensors turned.

#include <array>
#include <span>

#include "geometry/surface_mesh.hpp"
#include "geometry/volume_mesh.hpp"

namespace streamtube::geometry {

struct Frame {
  std::array<Vec3, 3> axes{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};  // the model's x, y, z in the file's frame; a rotation
  Vec3 shift{0, 0, 0};                                          // m, in the model's frame
  double step = 0x1p-40;                                        // m, to which positions there are rounded

  bool turned() const;    // axes are not the file's own
  bool identity() const;  // nothing to do
  Vec3 vector_to_model(const Vec3& v) const { return {dot(axes[0], v), dot(axes[1], v), dot(axes[2], v)}; }
  Vec3 vector_to_file(const Vec3& v) const { return v[0] * axes[0] + v[1] * axes[1] + v[2] * axes[2]; }
  Vec3 to_model(const Vec3& p) const { return vector_to_model(p) + shift; }
  Vec3 to_file(const Vec3& p) const { return vector_to_file(p - shift); }
};

// x along `flow`, z along the part of `up` across it. Error(usage) unless both are finite, not zero and not parallel.
Frame facing(const Vec3& flow, const Vec3& up);

// A similarity in homogenous form, row major: position' = scale * axes * position + shift.
struct Similarity {
  Frame frame;
  double scale = 1;

  bool identity() const { return scale == 1 && frame.identity(); }
  Vec3 to_file(const Vec3& p) const { return (1 / scale) * frame.to_file(p); }
};
// Error(usage), its message starting with `where`, for what is no similarity (shear, different scales, a last row other
// than 0 0 0 1; to 1e-4) or is a reflection.
Similarity similarity_of(const std::array<double, 16>& matrix, const std::string& where);

// Of the points that faces use, in the model's frame.
Box bounds_in_model(const Frame& frame, const SurfaceMesh& mesh);

// The step for a model's world `scale` times as large as it was trained: 2^-40 m times the power of two nearest to
// that, so that a body and its scaled copy are rounded alike.
double step_of(double scale);

// Positions in the model's frame are rounded to its step, whatever the frame: a body that was turned and moved in
// double precision comes to lie on the same bits as the untouched one, and with it all that is drawn from it.
void to_model(const Frame& frame, std::span<Vec3> points);
void to_model(const Frame& frame, SurfaceMesh& mesh);
void to_model(const Frame& frame, VolumeMesh& mesh);  // positions; attributes stay as they are

// values [n][components]: 3 are a vector, 6 a symmetric tensor (XX YY ZZ XY YZ XZ), 9 a tensor row by row; others stay.
void values_to_file(const Frame& frame, int components, std::span<float> values);
// Positions and attributes.
void to_file(const Frame& frame, SurfaceMesh& mesh);
void to_file(const Frame& frame, VolumeMesh& mesh);

}  // namespace streamtube::geometry
