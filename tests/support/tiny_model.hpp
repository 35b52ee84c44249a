#pragma once
// A small model with random weights, and bodies for it.

#include <cmath>
#include <utility>
#include <vector>

#include "surrogate/checkpoint/checkpoint.hpp"

namespace streamtube::test {

// Space: x -1..3, y -1..1, z 0..1 m; a handful of tokens. features: it sees normals and walls.
inline surrogate::Checkpoint tiny_model(std::uint64_t seed = 7, bool features = false) {
  surrogate::Checkpoint c;
  c.name = "tiny";
  c.config.normals = c.config.wall_distance = features;
  c.config.hidden = 24;
  c.config.heads = 2;
  c.config.physics_blocks = "psc";
  c.config.decoder_blocks[0] = c.config.decoder_blocks[1] = 1;
  c.config.radius = 60.0f;
  c.weights = surrogate::random_weights(c.config, seed);
  // Of 0.02 deviation everything is almost constant; make the answer depend on the place.
  for (auto& [name, tensor] : c.weights)
    if (tensor.shape.size() == 2)
      for (float& w : tensor.values) w *= 5.0f;

  using physics::FieldSpec;
  using physics::Scale;
  using physics::Transform;
  c.normalizer.position_origin = -1.0;
  c.normalizer.position_extent = 4.0;
  c.normalizer.branch[0].fields = {{"pressure", "Cp", 1, Scale::dynamic_pressure, Transform::none, "Pa"},
                                   {"wall_shear_stress", "Cf", 3, Scale::dynamic_pressure, Transform::none, "Pa"}};
  c.normalizer.branch[0].mean = {-0.2, 0.004, 0, 0};
  c.normalizer.branch[0].std = {0.3, 0.002, 0.001, 0.001};
  c.normalizer.branch[1].fields = {
      {"pressure", "Cp", 1, Scale::dynamic_pressure, Transform::none, "Pa"},
      {"velocity", "velocity_over_freestream", 3, Scale::velocity, Transform::none, "m/s"},
      {"vorticity", "vorticity_dimensionless", 3, Scale::velocity_over_length, Transform::signed_log, "1/s"}};
  c.normalizer.branch[1].mean = {-0.1, 0.9, 0, 0, 0, 0.1, 0};
  c.normalizer.branch[1].std = {0.25, 0.3, 0.12, 0.13, 0.9, 1.5, 1.4};
  c.reference = {15, 1.0, 1.5e-5, "length along the flow", "frontal area"};
  c.domain.low = {-1, -1, 0};
  c.domain.high = {3, 1, 1};
  c.sampling.geometry_points = 200;
  c.sampling.supernodes = 40;
  c.sampling.anchors[0] = 48;
  c.sampling.anchors[1] = 56;
  c.sampling.surface_face_size = 0.05;
  c.sampling.volume_mesh.domain = c.domain;
  c.sampling.volume_mesh.base_cell = 0.25;
  c.sampling.volume_mesh.surface_level = 1;
  c.sampling.volume_mesh.buffer_cells = 1;
  surrogate::RelativeBox wake;
  wake.level = 1;
  wake.low_anchor = {1, 0, 0};
  wake.high_offset = {0.5, 0.1, 0.1};
  c.sampling.volume_mesh.boxes = {wake};
  c.training_range = {{"length", "m", 0.5, 1.5, 0.01}, {"reynolds_number", "-", 5e5, 2e6, 0}};
  c.provenance = "random weights, for tests";
  c.test_errors = {{"surface/pressure", 1.0}};
  return c;
}

}  // namespace streamtube::test
