#pragma once
// Fields at the points of a file: where they go, and what is said of them.

#include <string>
#include <utility>
#include <vector>

#include "apps/cli/output_folder.hpp"
#include "core/processes.hpp"
#include "solver/points/point_stream.hpp"

namespace streamtube::apps {

// surface, volume
inline constexpr const char* kPointFields[2] = {"surface.hdf", "volume.hdf"};

// Streams into the folder that the first process holds (null on the others, which write into the same files).
// Collective.
solver::PointsAnswer write_points(const solver::PointStream& stream, const solver::PreparedCase& prepared,
                                  surrogate::Surrogate& network, const surrogate::Checkpoint& checkpoint,
                                  OutputFolder* folder, const core::Processes& processes);

std::vector<std::pair<std::string, std::string>> plan_lines(const solver::PointStream& stream);
// {"file": ..., "surface": n, "volume": n, and of forces_json_text where areas were given}
std::string points_json_text(const std::string& file, const solver::PointsAnswer& answer);
// How many, forces over them where areas were given, how to open them.
std::string points_text(const std::string& file, const solver::PointsAnswer& answer);

}  // namespace streamtube::apps
