#include "solver/similarity.hpp"

#include <algorithm>
#include <sstream>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "geometry/surface_elements.hpp"

namespace streamtube::solver {

namespace {

// A turned body counts within this share of the limit, and of the distance of the body as it lies. Of 81 cars of a
// training set that were turned backwards, the distance grew by a factor of 1.5 at least.
constexpr double kLikeThem = 1.2, kMuchNearer = 0.7;

struct Elements {
  std::vector<Vec3> positions, areas;  // m, m2
};

// Of the quarter turns that would lay +x and +z of the body elsewhere, the one after which it is most like the table's
// bodies, if it is as like as they are to each other, nearly, and much more than before.
std::string if_turned(const geometry::ShapeTable& table, const Elements& body, const geometry::ShapeDistance& as_is) {
  const auto axis = [](int k) {
    Vec3 v{0, 0, 0};
    v[static_cast<std::size_t>(k / 2)] = k % 2 ? -1 : 1;
    return v;
  };
  std::vector<std::pair<Vec3, Vec3>> ways;  // flow, up
  std::vector<geometry::Descriptors> shapes;
  for (int f = 0; f < 6; ++f)
    for (int u = 0; u < 6; ++u) {
      const Vec3 flow = axis(f), up = axis(u), side = cross(up, flow);
      if (dot(flow, up) != 0 || (f == 0 && u == 4)) continue;
      Elements turned = body;
      for (auto* vectors : {&turned.positions, &turned.areas})
        for (Vec3& v : *vectors) v = {dot(v, flow), dot(v, side), dot(v, up)};
      ways.emplace_back(flow, up);
      shapes.push_back(geometry::describe_shape(turned.positions, turned.areas));
    }
  const std::vector<double> distances = geometry::shape_distances(table, shapes);
  const auto best = std::min_element(distances.begin(), distances.end());
  if (*best > std::min(kLikeThem * as_is.limit, kMuchNearer * as_is.distance)) return {};
  const auto& [best_flow, best_up] = ways[static_cast<std::size_t>(best - distances.begin())];
  const auto text = [](const Vec3& v) {
    for (std::size_t k = 0; k < 3; ++k)
      if (v[k] != 0) return std::string(v[k] < 0 ? "-" : "+") + "xyz"[k];
    return std::string();
  };
  const Vec3 x{1, 0, 0}, z{0, 0, 1};
  std::ostringstream out;
  out.precision(3);
  out << (best_up == z && best_flow == -1.0 * x   ? "it seems to stand backwards"
          : best_up == -1.0 * z && best_flow == x ? "it seems to stand upside down"
                                                  : "it seems to be turned")
      << ": with the flow along its " << text(best_flow) << " and its " << text(best_up)
      << " upward the distance would be " << *best << " (--flow-direction, --up)";
  return out.str();
}

Elements elements_of(const geometry::SurfaceMesh& body) {
  Elements out;
  const Vec3 size = body.bounds().size();
  const double length = size[0] > 0 ? size[0] : std::max(size[1], size[2]);
  geometry::for_each_element(body, length / 128, std::size_t{1} << 16,
                             [&](std::span<const geometry::SurfaceElement> elements) {
                               for (const geometry::SurfaceElement& e : elements)
                                 out.positions.push_back(e.position), out.areas.push_back(e.area_vector);
                             });
  return out;
}

}  // namespace

geometry::Descriptors describe_body(const geometry::SurfaceMesh& body) {
  const Elements elements = elements_of(body);
  return geometry::describe_shape(elements.positions, elements.areas);
}

std::optional<geometry::ShapeDistance> similarity(const surrogate::Checkpoint& model,
                                                  const geometry::SurfaceMesh& body) {
  if (model.shapes.rows.size() < geometry::kLeastShapes) return {};
  const Elements elements = elements_of(body);
  auto out = geometry::shape_distance(model.shapes, geometry::describe_shape(elements.positions, elements.areas));
  if (out.beyond()) out.if_turned = if_turned(model.shapes, elements, out);
  return out;
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
  if (!d.if_turned.empty()) out << "; " << d.if_turned;
  return out.str();
}

}  // namespace streamtube::solver
