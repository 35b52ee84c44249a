#pragma once
// Pictures of results and of training. Rendered off screen by VTK with OpenGL through EGL, which needs neither a
// display nor a GPU. All throw Error(runtime) naming the packages when no OpenGL can be had, or the disk is full.

#include <string>
#include <vector>

#include "geometry/surface_mesh.hpp"
#include "surrogate/train/curves.hpp"

namespace streamtube::apps {

// A rectangle of points in the plane y = y: values[k * columns + i] at (x0 + i * step, y, z0 + k * step).
struct Slice {
  std::size_t columns = 0, rows = 0;
  double x0 = 0, z0 = 0, y = 0, step = 0;  // m
  std::vector<float> speed;                // m/s; NaN inside of the body
};

// To be asked before the work that a picture is made of.
void require_opengl();

// Cp on the body, and the speed on a plane along the flow. body: with the attribute "Cp".
void write_picture(const std::string& path, const geometry::SurfaceMesh& body, const Slice& slice,
                   const std::string& title);

// The largest magnitude, single values aside.
double colour_limit(const std::vector<float>& values);

// One field of one component on the body, over faces or points, from the front and from behind; white is 0, full
// colours are +-limit; 0: colour_limit() of the field.
void write_field_picture(const std::string& path, const geometry::SurfaceMesh& body, const geometry::Attribute& field,
                         const std::string& title, double limit = 0);

// Loss and validation errors over the updates, logarithmic.
void write_loss_picture(const std::string& path, const surrogate::Curves& curves, const std::string& title);

}  // namespace streamtube::apps
