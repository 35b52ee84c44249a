#include "surrogate/model/work.hpp"

#include <algorithm>

#include "surrogate/model/surrogate.hpp"

namespace streamtube::surrogate {
namespace {

using physics::Branch;

// Operations of a linear layer of a row.
double layer(double in, double out) { return 2 * in * out; }

// Of a row in one block, without keys and values: q, output projection, MLP.
double row_of_block(const AbuptConfig& c) {
  const double d = c.hidden;
  return 2 * layer(d, d) + 2 * layer(d, c.mlp_ratio * d);
}

// Scores and their product with the values: 2 multiply-adds a channel.
double attention_pairs(const AbuptConfig& c, double queries, double keys) { return 4 * queries * keys * c.hidden; }

// Keys that a row of branch b meets in a physics block.
double keys_of(char kind, int b, const CaseShape& s) {
  const double anchors[2] = {static_cast<double>(s.anchors[0]), static_cast<double>(s.anchors[1])};
  switch (kind) {
    case 'p':
      return static_cast<double>(s.supernodes);
    case 's':
      return anchors[b];
    case 'c':
      return anchors[1 - b];
    default:
      return anchors[0] + anchors[1];
  }
}

// `rows` rows of branch b through everything; is_key: their keys and values are projected too.
Work rows_of_branch(const AbuptConfig& c, const CaseShape& s, int b, double rows, bool is_key) {
  const double d = c.hidden;
  Work w;
  w.linear = rows * (2 * layer(d, d) + layer(d, c.outputs[b]));
  for (const char kind : c.physics_blocks) {
    w.linear += rows * (row_of_block(c) + (is_key && kind != 'p' ? 2 * layer(d, d) : 0));
    w.attention += attention_pairs(c, rows, keys_of(kind, b, s));
  }
  w.linear += c.decoder_blocks[b] * rows * (row_of_block(c) + (is_key ? 2 * layer(d, d) : 0));
  w.attention += c.decoder_blocks[b] * attention_pairs(c, rows, static_cast<double>(s.anchors[b]));
  w.bytes = rows * 4 * (3 + c.outputs[b]);
  return w;
}

// Numbers in the tensors whose names `wanted` accepts.
template <class Wanted>
double numbers(const AbuptConfig& c, const Wanted& wanted) {
  double sum = 0;
  for (const auto& [name, tensor] : expected_weights(c)) {
    if (!wanted(name)) continue;
    double size = 1;
    for (const std::size_t n : tensor.shape) size *= static_cast<double>(n);
    sum += size;
  }
  return sum;
}

bool of_encoder(const std::string& name) {
  return name.starts_with("pooling.") || name.starts_with("geometry_blocks.") ||
         name.find(".kv.") != std::string::npos || name.find(".norm_kv.") != std::string::npos;
}

double perceivers(const AbuptConfig& c) {
  return static_cast<double>(std::count(c.physics_blocks.begin(), c.physics_blocks.end(), 'p'));
}

}  // namespace

Work encoder_work(const AbuptConfig& c, const CaseShape& s, std::int64_t edges, int number) {
  const double d = c.hidden, supernodes = static_cast<double>(s.supernodes);
  Work w;
  // The second layer of the messages runs on their mean (ops/supernode_pooling.dev.cpp).
  w.linear = static_cast<double>(edges) * layer(c.message == Message::absolute ? 2 * d : d, d) +
             supernodes * (layer(d, d) + layer(2 * d, d));
  w.linear += c.geometry_blocks * supernodes * (row_of_block(c) + 2 * layer(d, d));
  w.attention = c.geometry_blocks * attention_pairs(c, supernodes, supernodes);
  w.linear += perceivers(c) * supernodes * 2 * layer(d, d);
  w.bytes = static_cast<double>(s.points) * 12 + supernodes * 8 +
            number * (numbers(c, of_encoder) + perceivers(c) * supernodes * 2 * d);
  return w;
}

Work anchor_work(const AbuptConfig& c, const CaseShape& s, int number) {
  Work w;
  for (int b = 0; b < 2; ++b) {
    const Work one = rows_of_branch(c, s, b, static_cast<double>(s.anchors[b]), true);
    w.linear += one.linear, w.attention += one.attention, w.bytes += one.bytes;
  }
  const double d = c.hidden, blocks = static_cast<double>(c.physics_blocks.size());
  double rows = blocks * static_cast<double>(s.anchors[0] + s.anchors[1]);
  rows += perceivers(c) * static_cast<double>(s.supernodes - s.anchors[0] - s.anchors[1]);  // read, not written
  for (int b = 0; b < 2; ++b) rows += c.decoder_blocks[b] * static_cast<double>(s.anchors[b]);
  w.bytes += number * (numbers(c, [](const std::string& name) { return !of_encoder(name); }) + rows * 2 * d);
  return w;
}

Work query_work(const AbuptConfig& c, const CaseShape& s, Branch branch, std::int64_t rows, int number) {
  const int b = static_cast<int>(branch);
  const double d = c.hidden;
  Work w = rows_of_branch(c, s, b, static_cast<double>(rows), false);
  double keys = c.decoder_blocks[b] * static_cast<double>(s.anchors[b]);
  for (const char kind : c.physics_blocks) keys += keys_of(kind, b, s);
  const std::string other = physics::name(branch == Branch::surface ? Branch::volume : Branch::surface);
  double weights = numbers(
      c, [&](const std::string& name) { return !of_encoder(name) && name.find("." + other) == std::string::npos; });
  // Of the projections to q, k and v only the first third.
  const double plain = static_cast<double>(c.physics_blocks.size()) - perceivers(c) + c.decoder_blocks[b];
  weights -= plain * (2 * d * d + (c.bias ? 2 * d : 0));
  w.bytes += number * (weights + keys * 2 * d);
  return w;
}

Work training_work(const AbuptConfig& c, const CaseShape& s, std::int64_t edges) {
  const Work encoder = encoder_work(c, s, edges, 4), anchors = anchor_work(c, s, 4);
  const double d = c.hidden, supernodes = static_cast<double>(s.supernodes);
  // Layers fed by positions, whose inputs need no adjoint: first of the messages, half of the merge, first of a branch.
  const double no_input = static_cast<double>(edges) * layer(c.message == Message::absolute ? 2 * d : d, d) +
                          supernodes * layer(d, d) + static_cast<double>(s.anchors[0] + s.anchors[1]) * layer(d, d);
  Work w;
  w.linear = 3 * (encoder.linear + anchors.linear) - no_input;
  w.attention = 3.5 * (encoder.attention + anchors.attention);
  w.bytes = 9 * 4 * numbers(c, [](const std::string&) { return true; });
  return w;
}

const std::vector<NamedConfiguration>& named_configurations() {
  static const std::vector<NamedConfiguration> all = [] {
    AbuptConfig ahmed, car, drivaerml;
    ahmed.hidden = 96, ahmed.decoder_blocks[0] = ahmed.decoder_blocks[1] = 2, ahmed.radius = 9;
    car.physics_blocks = "pscscscscs", car.decoder_blocks[0] = car.decoder_blocks[1] = 2, car.radius = 9;
    AbuptConfig ahmedml = car;
    ahmedml.radius = 0.25f;
    return std::vector<NamedConfiguration>{{"ahmed", ahmed, {8192, 1024, {1024, 1024}}, {174, 65, 48}},
                                           {"shapenet_car", car, {3586, 3586, {3586, 4096}}, {400, 162, 133}},
                                           {"ahmedml", ahmedml, {65536, 16384, {16384, 16384}}, {87, 32, 24}},
                                           {"drivaerml", drivaerml, {65536, 16384, {16384, 16384}}, {42, 17, 12}}};
  }();
  return all;
}

}  // namespace streamtube::surrogate
