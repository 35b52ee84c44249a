#pragma once
// How far the shape of a body is from those a model was trained on.

#include <optional>
#include <string>

#include "geometry/descriptors.hpp"
#include "geometry/surface_mesh.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"

namespace streamtube::solver {

// Elements of the surface no larger than a 128th of its length, so that coarse triangles do not matter. body: in the
// model's frame, with an area.
geometry::Descriptors describe_body(const geometry::SurfaceMesh& body);

// Also tried for a body beyond the limit: whether it would be like them if it were turned by quarters (backwards,
// upside down, on its side). Nothing for a model that holds no descriptors of its training data, or too few.
std::optional<geometry::ShapeDistance> similarity(const surrogate::Checkpoint& model,
                                                  const geometry::SurfaceMesh& body);

// "distance 0.52, larger than those of 41 % of the training bodies; nearest: run_2".
std::string to_text(const geometry::ShapeDistance& distance);
// Of a body beyond the limit, with what stands out.
std::string warning_text(const geometry::ShapeDistance& distance);

}  // namespace streamtube::solver
