#include "solver/surface_elements.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace streamtube::solver {

namespace {
using Triangle = std::array<Vec3, 3>;

Vec3 area_of(const Triangle& t) { return 0.5 * cross(t[1] - t[0], t[2] - t[0]); }
}  // namespace

void for_each_element(const geometry::SurfaceMesh& mesh, double face_size, std::size_t block,
                      const std::function<void(std::span<const SurfaceElement>)>& take) {
  const double max_area = 2 * face_size * face_size, max_edge = 2.5 * face_size;
  std::vector<SurfaceElement> elements;
  elements.reserve(std::min<std::size_t>(block, std::size_t{1} << 16));
  const auto add = [&](const SurfaceElement& element) {
    elements.push_back(element);
    if (elements.size() == block) {
      take(elements);
      elements.clear();
    }
  };
  std::vector<Triangle> stack;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    const auto face = static_cast<std::int64_t>(f);
    const Vec3 area = mesh.area_vector(f);
    const std::size_t corners = mesh.corner_count(f);
    bool small = norm(area) <= max_area;
    for (std::size_t i = 0; i < corners && small; ++i)
      small = norm(mesh.corner(f, (i + 1) % corners) - mesh.corner(f, i)) <= max_edge;
    if (small) {
      if (norm(area) > 0) add({mesh.centroid(f), area, face, true});
      continue;
    }
    for (std::size_t i = corners - 2; i >= 1; --i)  // last first: the stack turns the order round
      stack.push_back({mesh.corner(f, 0), mesh.corner(f, i), mesh.corner(f, i + 1)});
    while (!stack.empty()) {
      const Triangle t = stack.back();
      stack.pop_back();
      std::array<double, 3> edge;
      for (int i = 0; i < 3; ++i) edge[i] = norm(t[(i + 1) % 3] - t[i]);
      const Vec3 vector = area_of(t);
      const int longest = static_cast<int>(std::max_element(edge.begin(), edge.end()) - edge.begin());
      if (norm(vector) <= max_area && edge[longest] <= max_edge) {
        if (norm(vector) > 0) add({(1.0 / 3.0) * (t[0] + t[1] + t[2]), vector, face, false});
        continue;
      }
      // A sliver of no area needs no value: cutting it on would only end in more of its kind.
      if (norm(vector) <= 1e-12 * edge[longest] * edge[longest]) continue;
      const Vec3 a = t[longest], b = t[(longest + 1) % 3], c = t[(longest + 2) % 3], middle = 0.5 * (a + b);
      stack.push_back({middle, b, c});
      stack.push_back({a, middle, c});
    }
  }
  if (!elements.empty()) take(elements);
}

}  // namespace streamtube::solver
