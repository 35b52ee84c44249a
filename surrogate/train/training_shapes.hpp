#pragma once

#include <cstddef>
#include <span>

#include "geometry/descriptors.hpp"
#include "mesh_io/h5/dataset.hpp"

namespace streamtube::surrogate {

// Descriptors of the bodies of these cases, from their surface points, normals and areas.
geometry::ShapeTable training_shapes(const mesh_io::Dataset& data, std::span<const std::size_t> cases);

}  // namespace streamtube::surrogate
