#include "solver/similarity.hpp"

#include <sstream>
#include <vector>

#include "core/error.hpp"
#include "geometry/surface_elements.hpp"

namespace streamtube::solver {

geometry::Descriptors describe_body(const geometry::SurfaceMesh& body) {
  std::vector<Vec3> positions, areas;
  const Vec3 size = body.bounds().size();
  const double length = size[0] > 0 ? size[0] : std::max(size[1], size[2]);
  geometry::for_each_element(body, length / 128, std::size_t{1} << 16,
                             [&](std::span<const geometry::SurfaceElement> elements) {
                               for (const geometry::SurfaceElement& e : elements)
                                 positions.push_back(e.position), areas.push_back(e.area_vector);
                             });
  return geometry::describe_shape(positions, areas);
}

std::optional<geometry::ShapeDistance> similarity(const surrogate::Checkpoint& model,
                                                  const geometry::SurfaceMesh& body) {
  if (model.shapes.rows.size() < geometry::kLeastShapes) return {};
  return geometry::shape_distance(model.shapes, describe_body(body));
}

std::string to_text(const geometry::ShapeDistance& d) {
  std::ostringstream out;
  out.precision(3);
  out << "distance " << d.distance << ", larger than those of " << d.percentile
      << " % of the training bodies; nearest: " << d.nearest;
  return out.str();
}

std::string warning_text(const geometry::ShapeDistance& d) {
  std::ostringstream out;
  out.precision(3);
  out << "the body is unlike those of the training data: its shape is at a distance of " << d.distance
      << ", 99 % of theirs lie within " << d.limit << "; what stands out most: ";
  for (std::size_t i = 0; i < 3 && i < d.outstanding.size(); ++i) {
    const auto& one = d.outstanding[i];
    out << (i ? ", " : "") << geometry::kDescriptorNames[one.descriptor] << " (" << one.value << "; training data "
        << one.min << ".." << one.max << ")";
  }
  return out.str();
}

}  // namespace streamtube::solver
