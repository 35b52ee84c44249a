#pragma once
// Pictures of the designs of a sweep, which can be laid side by side.

#include <optional>
#include <string>
#include <vector>

#include "apps/cli/picture.hpp"
#include "solver/sweep/results_table.hpp"

namespace streamtube::apps {

// The surface that was kept of a design in the folder of a sweep's results, in the model's frame; nothing where it was
// not kept. Throws Error(input) when it is damaged.
std::optional<geometry::SurfaceMesh> kept_surface(const std::string& results, const solver::Row& row);

// Null without.
const geometry::Attribute* cp_of(const geometry::SurfaceMesh& mesh);

// picture.png beside the results of each done design whose surface was kept: Cp in one range of colours, seen by one
// camera. Gives their number. Throws Error(input, runtime), core::Interrupted.
std::size_t draw_designs(const std::string& results, const std::vector<solver::Row>& rows,
                         const PictureOptions& options);

}  // namespace streamtube::apps
