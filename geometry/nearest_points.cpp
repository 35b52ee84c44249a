#include "geometry/nearest_points.hpp"

#include <CGAL/Exact_predicates_inexact_constructions_kernel.h>
#include <CGAL/Orthogonal_k_neighbor_search.h>
#include <CGAL/Search_traits_3.h>
#include <CGAL/Search_traits_adapter.h>
#include <CGAL/property_map.h>

#include <utility>

#include "geometry/threads.hpp"

namespace streamtube::geometry {

namespace {

using Kernel = CGAL::Exact_predicates_inexact_constructions_kernel;
using Indexed = std::pair<Kernel::Point_3, std::size_t>;
using Traits =
    CGAL::Search_traits_adapter<Indexed, CGAL::First_of_pair_property_map<Indexed>, CGAL::Search_traits_3<Kernel>>;
using Search = CGAL::Orthogonal_k_neighbor_search<Traits>;
constexpr std::size_t kBlock = 256;

Kernel::Point_3 to_cgal(const Vec3& p) { return {p[0], p[1], p[2]}; }

}  // namespace

std::vector<std::size_t> nearest_points(const std::vector<Vec3>& points, const std::vector<Vec3>& places) {
  std::vector<Indexed> indexed;
  for (std::size_t i = 0; i < points.size(); ++i) indexed.emplace_back(to_cgal(points[i]), i);
  Search::Tree tree(indexed.begin(), indexed.end());
  tree.build();  // now and not by the first of many threads
  std::vector<std::size_t> out(places.size());
  for_blocks(places.size(), kBlock, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) out[i] = Search(tree, to_cgal(places[i]), 1).begin()->first.second;
  });
  return out;
}

}  // namespace streamtube::geometry
