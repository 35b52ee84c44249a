#pragma once
// One picture of a result: Cp on the body, and the speed on a plane along the flow. Rendered off screen by VTK with
// OpenGL through EGL, which needs neither a display nor a GPU.

#include <string>
#include <vector>

#include "geometry/surface_mesh.hpp"

namespace streamtube::apps {

// A rectangle of points in the plane y = y: values[k * columns + i] at (x0 + i * step, y, z0 + k * step).
struct Slice {
  std::size_t columns = 0, rows = 0;
  double x0 = 0, z0 = 0, y = 0, step = 0;  // m
  std::vector<float> speed;                // m/s; NaN inside of the body
};

// Throws what write_picture would throw for want of OpenGL; to be asked before the work.
void require_opengl();

// body: with the attribute "Cp". Throws Error(runtime) naming the package when no OpenGL can be had.
void write_picture(const std::string& path, const geometry::SurfaceMesh& body, const Slice& slice,
                   const std::string& title);

}  // namespace streamtube::apps
