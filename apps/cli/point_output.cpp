#include "apps/cli/point_output.hpp"

#include <filesystem>

#include "apps/cli/forces_report.hpp"
#include "core/error.hpp"
#include "core/json.hpp"
#include "core/runtime.hpp"

namespace streamtube::apps {

using core::Json;
using core::str;
using physics::Branch;

solver::PointsAnswer write_points(const solver::PointStream& stream, const solver::PreparedCase& prepared,
                                  surrogate::Surrogate& network, const surrogate::Checkpoint& checkpoint,
                                  OutputFolder* folder, const core::Processes& processes) {
  std::string out[2];
  for (const Branch branch : stream.branches()) {
    std::string& name = out[static_cast<int>(branch)];
    if (folder) name = folder->file(kPointFields[static_cast<int>(branch)]);
    processes.broadcast(name, 0);
  }
  return stream.run(prepared, network, out,
                    {{"program", "streamtube " + core::version()},
                     {"model", checkpoint.name},
                     {"model_fingerprint", checkpoint.fingerprint}});
}

std::vector<std::pair<std::string, std::string>> plan_lines(const solver::PointStream& stream) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const Branch branch : stream.branches())
    lines.emplace_back(str("file of ", physics::name(branch)),
                       str(stream.points(branch), " points, to ", kPointFields[static_cast<int>(branch)]));
  lines.emplace_back("disk", str((stream.output_size() >> 20) + 1, " MiB for these points"));
  return lines;
}

std::string points_json_text(const std::string& file, const solver::PointsAnswer& answer) {
  Json out = {{"file", file},
              {"surface", answer.points[0]},
              {"volume", answer.points[1]},
              {"without_flow", answer.no_flow}};
  if (answer.forces) {
    Json forces = core::parse_json(forces_json_text(*answer.forces));
    forces.erase("reference");  // that of the case
    out.update(forces);
  }
  return core::json_text(out);
}

std::string points_text(const std::string& file, const solver::PointsAnswer& answer) {
  std::string text = str("points of ", std::filesystem::path(file).filename().string(), ": ", answer.points[0],
                         " on the surface, ", answer.points[1], " in the volume\n");
  if (answer.no_flow > 0)
    text += str(answer.no_flow, " of the volume's lie within the body or beneath the ground: no value there (nan)\n");
  if (answer.forces) text += str("over their areas\n", coefficients_table(*answer.forces));
  std::string names;
  for (int b = 0; b < 2; ++b)
    if (answer.points[b] > 0) names += str(names.empty() ? "" : ", ", kPointFields[b]);
  return str(text, "open ", names, " in ParaView as they are\n");
}

}  // namespace streamtube::apps
