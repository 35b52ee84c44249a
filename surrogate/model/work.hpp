#pragma once
// What a configuration costs, counted and not measured: floating-point operations, a multiply-add as two, of linear
// layers and of attention (norms, rotations, GELU and exponentials are left out, as is usual), and the bytes that must
// cross the device's memory once even if all intermediate results stayed on the chip. Beside it the configurations that
// are published, on which implementations are compared.

#include <cstdint>
#include <string>
#include <vector>

#include "physics/fields.hpp"
#include "surrogate/model/config.hpp"

namespace streamtube::surrogate {

// Sizes of one case.
struct CaseShape {
  std::int64_t points = 0, supernodes = 0;  // of the geometry
  std::int64_t anchors[2] = {0, 0};         // surface, volume
};

struct Work {
  double linear = 0, attention = 0;  // floating-point operations
  double bytes = 0;                  // least traffic
  double flop() const { return linear + attention; }
};

// number: bytes of a weight, a key or a value (4: float32, 2: bfloat16); positions and outputs are float32.
// edges: how many pairs of a supernode and a point in its radius there are, at most supernodes * max_degree.

// What depends on the supernodes alone: pooling, geometry blocks, keys and values of perceiver blocks.
Work encoder_work(const AbuptConfig& config, const CaseShape& shape, std::int64_t edges, int number);
// All anchors through branch MLPs, blocks and heads; writes their keys and values.
Work anchor_work(const AbuptConfig& config, const CaseShape& shape, int number);
// `rows` queries of one branch at a time; keys, values and weights are read once for all of them.
Work query_work(const AbuptConfig& config, const CaseShape& shape, physics::Branch branch, std::int64_t rows,
                int number);
// A training step on the anchors: the forward passes above and their adjoints, that of a product of matrices being two
// products (one where the input is made of positions) and that of attention five for two, the scores once more among
// them. The bytes are those of the optimiser: five float32 numbers a parameter read, four written (AdamW, with its
// averaged weights, gradients among them).
Work training_work(const AbuptConfig& config, const CaseShape& shape, std::int64_t edges);

struct NamedConfiguration {
  std::string name;  // as `bench --config` takes it
  AbuptConfig config;
  CaseShape shape;
  float body[3];  // extents of a body, network units, for made-up cases
};

// ahmed: the built-in model; shapenet_car, ahmedml, drivaerml: arXiv 2502.09692.
const std::vector<NamedConfiguration>& named_configurations();

}  // namespace streamtube::surrogate
