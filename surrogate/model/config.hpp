#pragma once
// The shape of an AB-UPT model (arXiv 2502.09692).

#include <cstdint>
#include <string>

namespace streamtube::surrogate {

enum class Message { relative, absolute };

struct AbuptConfig {
  int hidden = 192, heads = 3, mlp_ratio = 4;
  int geometry_blocks = 1;
  // p: perceiver (all tokens attend to the supernodes), s: self (each branch to its own anchors),
  // c: cross (each branch to the other's anchors), j: joint (all tokens to all anchors)
  std::string physics_blocks = "pscscs";
  int decoder_blocks[2] = {6, 6};  // surface, volume
  int outputs[2] = {4, 7};         // surface, volume
  float radius = 0.25f;            // network units (0..1000)
  int max_degree = 32;             // the first ones in index order are kept, not the nearest
  Message message = Message::relative;
  int condition = 0;  // size of the condition vector; 0: unconditioned
  float wavelength = 10000.0f;
  float norm_eps = 1e-6f;
  bool bias = true;
  // What comes with positions, in network form (surrogate/model/features.hpp): outward normals with geometry points and
  // surface points; with volume points, distance and direction of the body and the height above the ground.
  bool normals = false, wall_distance = false;

  int point_features() const { return normals ? 3 : 0; }  // numbers beside each geometry point
  int features(int branch) const { return branch == 0 ? point_features() : wall_distance ? 6 : 0; }
  // Numbers of a row of input: a position and its features.
  int point_width() const { return 3 + point_features(); }
  int width(int branch) const { return 3 + features(branch); }
  int head_size() const { return hidden / heads; }
};

// Throws Error(input) that starts with `where` unless every number is in a range that can be run
// (hidden 2..8192 and divisible by heads, blocks out of "pscj", ...).
void check(const AbuptConfig& config, const std::string& where);

// The model with its head sizes etc. on one line, for logs.
std::string describe(const AbuptConfig& config);

}  // namespace streamtube::surrogate
