#include "surrogate/train/describe_data.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "core/error.hpp"
#include "core/runtime.hpp"
#include "surrogate/train/dataset_case.hpp"

namespace streamtube::surrogate {

using core::str;
using mesh_io::Dataset;

namespace {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

Checkpoint describe_fields(const Dataset& data, const std::string& name) {
  Checkpoint out;
  out.name = name;
  out.reference.length = "length of the body's bounding box along the flow";
  out.reference.area = "that of the data set's cases";
  for (int b = 0; b < 2; ++b) out.normalizer.branch[b].fields = data.fields(static_cast<physics::Branch>(b));
  return out;
}

Reference reference_flow(const Dataset& data, const std::vector<std::size_t>& cases, Reference given) {
  std::vector<std::pair<double, std::size_t>> speeds;
  for (const std::size_t index : cases) speeds.emplace_back(data.cases()[index].flow.velocity, index);
  core::expect(!speeds.empty(), "reference_flow: no cases");
  std::sort(speeds.begin(), speeds.end());
  if (given.velocity >= speeds.front().first && given.velocity <= speeds.back().first) return given;
  const physics::Flow& flow = data.cases()[speeds[speeds.size() / 2].second].flow;
  given.velocity = flow.velocity, given.density = flow.density, given.kinematic_viscosity = flow.kinematic_viscosity;
  return given;
}

Sampling default_sampling(const Dataset& data, const std::vector<std::size_t>& cases, const CaseWorld& world,
                          const Box& domain) {
  std::vector<double> lengths, faces;
  Box bodies;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    core::check_interrupt();
    const mesh_io::CaseInfo& info = data.cases()[cases[i]];
    const double length = world.lengths.empty() ? body_length(data, cases[i]) : world.lengths[i];
    const double by = world.canonical_length > 0 ? world.canonical_length / length : 1;
    lengths.push_back(by * length);
    std::vector<std::int64_t> rows(info.rows[0]);
    std::iota(rows.begin(), rows.end(), std::int64_t{0});
    const Dataset::Rows surface = data.read_rows(cases[i], physics::Branch::surface, rows);
    for (std::size_t k = 0; k + 2 < surface.position.size(); k += 3)
      bodies.add(by * Vec3{surface.position[k], surface.position[k + 1], surface.position[k + 2]});
    std::vector<double> sizes;
    for (const float area : surface.size) sizes.push_back(by * std::sqrt(std::max(0.0f, area)));
    if (!sizes.empty()) faces.push_back(median(std::move(sizes)));
  }
  core::expect(!lengths.empty(), "default_sampling: no cases");
  const double length = median(lengths);
  Sampling out;
  out.surface_face_size = faces.empty() ? 0.008 * length : median(faces);
  VolumeMeshSpec& mesh = out.volume_mesh;
  // Not the whole tunnel: what is wanted of the volume is around the body and behind it.
  mesh.domain = domain;
  const Vec3 before = length * Vec3{1, 1, 1}, behind = length * Vec3{3, 1, 1};
  for (std::size_t a = 0; a < 3; ++a) {
    mesh.domain.low[a] = std::max(domain.low[a], bodies.low[a] - before[a]);
    mesh.domain.high[a] = std::min(domain.high[a], bodies.high[a] + behind[a]);
  }
  mesh.base_cell = length / 8, mesh.surface_level = 4, mesh.buffer_cells = 2;
  // Around the tail, the body and the wake; offsets in lengths of the body.
  mesh.boxes = {{3, {1, 0, 0}, {-0.34, -0.03, -1}, {1, 1, 1}, {0.43, 0.03, 0.03}},
                {2, {0, 0, 0}, {-0.19, -0.13, -1}, {1, 1, 1}, {0.86, 0.13, 0.15}},
                {1, {0, 0, 0}, {-0.67, -0.43, -1}, {1, 1, 1}, {2.1, 0.43, 0.38}}};
  for (RelativeBox& box : mesh.boxes)
    for (Vec3* offset : {&box.low_offset, &box.high_offset}) *offset = length * *offset;
  return out;
}

std::string provenance_text(const Dataset& data, std::size_t training, std::size_t validation,
                            const std::string& words) {
  std::string out = str("trained by Streamtube ", core::version(), " on ", training, training == 1 ? " case" : " cases",
                        " of '", std::filesystem::path(data.path()).lexically_normal().filename().string(), "'");
  if (!data.description().empty()) out += str(" (", data.description(), ")");
  out += validation > 0 ? str(", ", validation, validation == 1 ? " case" : " cases", " for validation")
                        : std::string(", none for validation");
  return words.empty() ? out : str(out, ". ", words);
}

}  // namespace streamtube::surrogate
