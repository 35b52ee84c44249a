#pragma once
// CAD files of known shapes, made by Open CASCADE. Only where Streamtube is built with it (STREAMTUBE_HAVE_CAD).

#include <string>

namespace streamtube::test {

enum class CadFormat { step, iges };

// An assembly in millimetres or inches (unit "MM", "INCH"): "body", a box of 1 x 0.4 x 0.3 m with its low corner at
// (0, -0.2, 0.1); "axle/wheel", a cylinder of radius 0.1 m about the y axis, 0.05 m wide, placed twice, its middle at
// (0.2, 0.3, 0.1) and (0.8, 0.3, 0.1). The box is red.
void write_car(const std::string& path, CadFormat format, const std::string& unit);
inline constexpr double kCarBoxArea = 2 * (1 * 0.4 + 1 * 0.3 + 0.4 * 0.3), kCarBoxVolume = 1 * 0.4 * 0.3;
inline constexpr double kCarWheelRadius = 0.1, kCarWheelWidth = 0.05;

// The six sides of the box of write_car() as faces of no solid, each with edges of its own.
void write_loose_box(const std::string& path, CadFormat format);
// A wire and a point, no face.
void write_curves(const std::string& path, CadFormat format);

// The 25-degree Ahmed body at the built-in model's place (nose at x = 0, ground at z = 0): 1.044 x 0.389 x 0.288 m,
// nose edges rounded by 0.1 m, slant of 0.222 m, clearance 0.05 m. In millimetres.
void write_ahmed(const std::string& path, CadFormat format);
// The same as binary STL in metres, of Open CASCADE's own mesh, triangles at most `deviation` m from the surface.
void write_ahmed_stl(const std::string& path, double deviation);

}  // namespace streamtube::test
