#include "surrogate/train/training_shapes.hpp"

#include <numeric>
#include <vector>

#include "core/runtime.hpp"

namespace streamtube::surrogate {

geometry::ShapeTable training_shapes(const mesh_io::Dataset& data, std::span<const std::size_t> cases) {
  geometry::ShapeTable table;
  for (const std::size_t index : cases) {
    core::check_interrupt();
    const mesh_io::CaseInfo& info = data.cases()[index];
    std::vector<std::int64_t> rows(info.rows[0]);
    std::iota(rows.begin(), rows.end(), std::int64_t{0});
    const auto surface = data.read_rows(index, physics::Branch::surface, rows);
    std::vector<Vec3> positions(rows.size()), areas(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (std::size_t a = 0; a < 3; ++a) {
        positions[i][a] = surface.position[3 * i + a];
        areas[i][a] = double{surface.size[i]} * surface.normal[3 * i + a];
      }
    table.cases.push_back(info.name);
    table.rows.push_back(geometry::describe_shape(positions, areas));
  }
  return table;
}

}  // namespace streamtube::surrogate
