#pragma once
// Where there is no flow: within the body, or beneath the ground. The network knows neither and answers there too.

#include <memory>
#include <vector>

#include "geometry/distance.hpp"
#include "geometry/surface_mesh.hpp"

namespace streamtube::solver {

// What is at a place; the values of the array `inside`.
enum class Place : char { flow = 0, body = 1, ground = 2 };

class FlowRegion {
 public:
  // Body and ground (the plane z = ground, m) in the model's frame. Within a thousandth of the body's length of its
  // surface all is flow: meshes made for another triangulation of the body begin there.
  FlowRegion(const geometry::SurfaceMesh& body, double ground);
  Place at(const Vec3& p) const;
  // Of many, on all threads.
  std::vector<Place> at(const std::vector<Vec3>& places) const;

 private:
  std::shared_ptr<const geometry::DistanceField> distance_;
  Box box_;  // of the body
  double ground_, near_;
};

}  // namespace streamtube::solver
