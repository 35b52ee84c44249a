#pragma once
// Pictures of results, rendered off screen (offscreen.hpp). A picture is a column of panels.

#include <optional>
#include <string>
#include <vector>

#include "apps/cli/picture_options.hpp"
#include "geometry/surface_mesh.hpp"

namespace streamtube::apps {

// A rectangle of points in the plane y = y: values[k * columns + i] at (x0 + i * step, y, z0 + k * step).
struct Slice {
  std::size_t columns = 0, rows = 0;
  double x0 = 0, z0 = 0, y = 0, step = 0;  // m
  std::vector<float> speed;                // m/s; NaN inside of the body
};

// One field of one component on a body, over faces or points; 0 is white.
struct BodyPanel {
  const geometry::SurfaceMesh* body;
  const geometry::Attribute* field;
  ColourRange range;
  View view;
  Box seen;  // what the camera is set for, usually the body's bounds; one for many bodies lets them be compared
  std::string title, bar;
};

// The largest magnitude, single values aside; never 0.
double colour_limit(const std::vector<float>& values);

// The bodies from above to below, then the speed on a plane along the flow; without `speeds` from 0 to its largest.
// Throws Error(runtime): no OpenGL, a full disk.
void write_picture(const std::string& path, const std::vector<BodyPanel>& bodies, const Slice* slice = nullptr,
                   std::optional<ColourRange> speeds = {});

}  // namespace streamtube::apps
