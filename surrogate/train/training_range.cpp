#include "surrogate/train/training_range.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "core/runtime.hpp"
#include "surrogate/train/dataset_case.hpp"

namespace streamtube::surrogate {

using mesh_io::Dataset;

namespace {

std::vector<std::int64_t> all_rows(std::size_t n) {
  std::vector<std::int64_t> rows(n);
  std::iota(rows.begin(), rows.end(), std::int64_t{0});
  return rows;
}

Box box_of(const std::vector<float>& position, double by) {
  Box box;
  for (std::size_t i = 0; i + 2 < position.size(); i += 3)
    box.add(by * Vec3{position[i], position[i + 1], position[i + 2]});
  return box;
}

}  // namespace

TrainingRange measure_range(const Dataset& data, const std::vector<std::size_t>& cases, const CaseWorld& world) {
  TrainingRange out;
  std::map<std::string, std::vector<double>> values;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    core::check_interrupt();
    const mesh_io::CaseInfo& info = data.cases()[cases[i]];
    const double length = world.lengths.empty() ? body_length(data, cases[i]) : world.lengths[i];
    const double by = world.canonical_length > 0 ? world.canonical_length / length : 1;
    const Dataset::Rows surface = data.read_rows(cases[i], Branch::surface, all_rows(info.rows[0]));
    const Box body = box_of(surface.position, by);
    values["length"].push_back(by * length);
    values["width"].push_back(body.size()[1]), values["height"].push_back(body.size()[2]);
    values["front_x"].push_back(body.low[0]);
    values["center_y"].push_back(0.5 * (body.low[1] + body.high[1]));
    values["ground_clearance"].push_back(body.low[2]);
    values["surface_area"].push_back(by * by * std::accumulate(surface.size.begin(), surface.size.end(), 0.0));
    values[kReynoldsNumber].push_back(physics::reynolds_number(info.flow, length));
    const Dataset::Rows volume = data.read_rows(cases[i], Branch::volume, all_rows(info.rows[1]));
    if (info.rows[1] == 0) continue;
    const Box around = box_of(volume.position, by);
    out.domain.add(around.low), out.domain.add(around.high);
  }
  double longest = 0;
  for (const double length : values["length"]) longest = std::max(longest, length);
  // The ground lies at z = 0; centres of the cells on it are half a cell above.
  if (out.domain.low[2] > 0 && out.domain.low[2] < 0.02 * longest) out.domain.low[2] = 0;
  for (const char* quantity :
       {"length", "width", "height", "front_x", "center_y", "ground_clearance", "surface_area", kReynoldsNumber}) {
    const auto [low, high] = std::minmax_element(values[quantity].begin(), values[quantity].end());
    const bool area = quantity == std::string("surface_area"), reynolds = quantity == std::string(kReynoldsNumber);
    const double tolerance = reynolds ? 0.1 * *high : 0.01 * longest * (area ? longest : 1);
    out.ranges.push_back({quantity, reynolds ? "-" : area ? "m2" : "m", *low, *high, tolerance});
  }
  return out;
}

}  // namespace streamtube::surrogate
