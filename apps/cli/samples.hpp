#pragma once
// Volume fields at single points, along lines and on planes, beside the meshes: asked for on the command line, written
// as samples.vtu for ParaView and samples.csv for tables; and Cp along the body's centre line, centre_line.csv.

#include <string>
#include <vector>

#include "apps/cli/frame.hpp"
#include "apps/cli/output_folder.hpp"
#include "geometry/surface_mesh.hpp"
#include "geometry/volume_mesh.hpp"

namespace CLI {
class App;
}

namespace streamtube::apps {

inline constexpr const char* kSamples = "samples.vtu";
inline constexpr const char* kSampleTable = "samples.csv";
inline constexpr const char* kCentreLine = "centre_line.csv";

// One thing that was asked for, as it was written.
struct Sample {
  enum class Kind { points, line, plane } kind;
  std::string name;        // "probes.csv", "0,0,0.5:2,0,0.5:101", "x=1.2"
  std::size_t points = 0;  // of it, side by side among those of the mesh
};

struct SampleOptions {
  void declare(CLI::App& app);
  void validate();  // throws Error(usage), Error(input) for a file that is not there
  bool wanted() const { return !files_.empty() || !lines_.empty() || !planes_.empty(); }
  // All that was given, for settings that must be the same.
  std::vector<std::string> given() const;

  // The points in the model's frame (m) with cells (vertices, polylines, quads), and what they are in their order.
  // domain: where planes reach to, in the model's frame. Error(input) for files that are no points, Error(usage) for a
  // plane that is not across an axis of the model's frame.
  geometry::VolumeMesh mesh(const Placement& placement, const Box& domain, double length,
                            std::vector<Sample>& samples) const;

 private:
  std::vector<std::string> files_, lines_, planes_;
};

// How many points of tables and lines are not in the flow, for people; empty: all are. Planes are cut by the body as
// they are to be.
std::string no_flow_text(const geometry::VolumeMesh& mesh, const std::vector<Sample>& samples);

// samples.vtu and samples.csv, which leaves planes out. mesh: with its fields, in the frame of the files.
void write_samples(OutputFolder& folder, const geometry::VolumeMesh& mesh, const std::vector<Sample>& samples,
                   const Placement& placement);

// Rows of faces that the plane y = `middle` (m) cuts: x, z, side, Cp, Cf where the surface has them. surface: in the
// model's frame; coordinates are written in the frame and unit of the files. Nothing is written without Cp.
void write_centre_line(OutputFolder& folder, const geometry::SurfaceMesh& surface, double middle,
                       const Placement& placement);

}  // namespace streamtube::apps
