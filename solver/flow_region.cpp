#include "solver/flow_region.hpp"

#include "geometry/threads.hpp"

namespace streamtube::solver {

FlowRegion::FlowRegion(const geometry::SurfaceMesh& body, double ground)
    : distance_(std::make_shared<const geometry::DistanceField>(body)),
      box_(body.bounds()),
      ground_(ground),
      near_(1e-3 * box_.size()[0]) {}

Place FlowRegion::at(const Vec3& p) const {
  if (box_.contains(p) && distance_->inside(p) && distance_->distance(p) > near_) return Place::body;
  return p[2] < ground_ - near_ ? Place::ground : Place::flow;
}

std::vector<Place> FlowRegion::at(const std::vector<Vec3>& places) const {
  std::vector<Place> out(places.size());
  geometry::for_blocks(places.size(), 1024, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) out[i] = at(places[i]);
  });
  return out;
}

}  // namespace streamtube::solver
