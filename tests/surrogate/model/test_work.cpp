// Work against a count over the model's own tensors and over pairs of rows, and against published sizes.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <functional>

#include "surrogate/model/surrogate.hpp"
#include "surrogate/model/work.hpp"

using namespace streamtube::surrogate;
using Catch::Approx;

namespace {

AbuptConfig work_network() {
  AbuptConfig c;
  c.hidden = 12, c.heads = 2, c.mlp_ratio = 3, c.geometry_blocks = 2, c.physics_blocks = "psjcp";
  c.decoder_blocks[0] = 1, c.decoder_blocks[1] = 3, c.outputs[0] = 4, c.outputs[1] = 7;
  return c;
}
const CaseShape shape{100, 5, {3, 4}};
constexpr std::int64_t edges = 17;

// Two for every weight a row meets: `rows(name)` rows meet the tensor.
double count(const AbuptConfig& c, const std::function<double(const std::string&)>& rows) {
  double sum = 0;
  for (const auto& [name, tensor] : expected_weights(c))
    if (tensor.shape.size() == 2)
      for (std::size_t i = 0; i < tensor.shape[0] * tensor.shape[1]; ++i) sum += 2 * rows(name);
  return sum;
}
bool has(const std::string& name, const std::string& part) { return name.find(part) != std::string::npos; }
bool of_encoder(const std::string& name) {
  return has(name, "pooling") || has(name, "geometry_blocks") || has(name, ".kv.");
}

// Every query row meets every key row of its segment: a multiply-add a channel for the score, one for the value.
double pairs(const AbuptConfig& c, const std::vector<std::int64_t>& query_rows, const std::vector<std::int64_t>& keys) {
  double sum = 0;
  for (std::size_t segment = 0; segment < keys.size(); ++segment)
    for (std::int64_t q = 0; q < query_rows[segment]; ++q)
      for (std::int64_t k = 0; k < keys[segment]; ++k) sum += (2 + 2) * c.hidden;
  return sum;
}

double stored(const AbuptConfig& c) {
  double sum = 0;
  for (const auto& [name, tensor] : expected_weights(c)) {
    double size = 1;
    for (const std::size_t n : tensor.shape) size *= static_cast<double>(n);
    sum += size;
  }
  return sum;
}

}  // namespace

TEST_CASE("work of the encoder") {
  for (const Message message : {Message::relative, Message::absolute}) {
    AbuptConfig c = work_network();
    c.message = message;
    const Work w = encoder_work(c, shape, edges, 4);
    CHECK(w.linear == Approx(count(c, [](const std::string& name) {
            return !of_encoder(name) ? 0.0 : has(name, "message.0") ? double{edges} : 5.0;
          })));
    CHECK(w.attention == Approx(pairs(c, {5, 5}, {5, 5})));  // two blocks of 5 supernodes on 5
  }
}

TEST_CASE("work of the anchor pass") {
  const AbuptConfig c = work_network();
  const Work w = anchor_work(c, shape, 4);
  CHECK(w.linear == Approx(count(c, [](const std::string& name) {
          return of_encoder(name) ? 0.0 : has(name, "surface") ? 3.0 : has(name, "volume") ? 4.0 : 7.0;
        })));
  CHECK(w.attention == Approx(pairs(c, {7, 3, 4, 7, 3, 4, 7, 3, 4, 4, 4}, {5, 3, 4, 7, 4, 3, 5, 3, 4, 4, 4})));
}

TEST_CASE("work of queries") {
  const AbuptConfig c = work_network();
  // Queries are no keys: a third of q, k and v.
  const auto rows = [](const std::string& name, const char* other) {
    return of_encoder(name) || has(name, other) ? 0.0 : has(name, ".qkv.") ? 11.0 / 3 : 11.0;
  };
  const Work surface = query_work(c, shape, Branch::surface, 11, 4),
             volume = query_work(c, shape, Branch::volume, 11, 4);
  CHECK(surface.linear == Approx(count(c, [&](const std::string& name) { return rows(name, "volume"); })));
  CHECK(volume.linear == Approx(count(c, [&](const std::string& name) { return rows(name, "surface"); })));
  CHECK(surface.attention == Approx(pairs(c, {11, 11, 11, 11, 11, 11}, {5, 3, 7, 4, 5, 3})));
  CHECK(volume.attention == Approx(pairs(c, {11, 11, 11, 11, 11, 11, 11, 11}, {5, 4, 7, 3, 5, 4, 4, 4})));
  // Four times the points: four times the work, less than four times the bytes.
  const Work more = query_work(c, shape, Branch::volume, 44, 4);
  CHECK(more.flop() == Approx(4 * volume.flop()));
  CHECK(more.bytes - volume.bytes == Approx(33 * 4 * (3 + 7)));
}

TEST_CASE("least bytes: weights, positions, outputs, keys and values") {
  const AbuptConfig c = work_network();
  const double cache = static_cast<double>(Surrogate::estimate(c, 5, 3, 4, 1).anchor_cache);
  const double both = encoder_work(c, shape, edges, 4).bytes + anchor_work(c, shape, 4).bytes;
  // The perceivers' keys and values are written by one and read by the other.
  const double perceiver_cache = 2 * 5 * 2 * 12 * 4;
  CHECK(both == Approx(4 * stored(c) + cache + perceiver_cache + 100 * 12 + 5 * 8 + 3 * 4 * (3 + 4) + 4 * 4 * (3 + 7)));
  // A self block has three anchors of the surface as keys, a cross block four of the volume.
  AbuptConfig plain;
  plain.hidden = 12, plain.heads = 2, plain.physics_blocks = "sc", plain.decoder_blocks[0] = 0;
  const double d = 12, block = 2 * d + d * d + d + d * d + d + 2 * d + 2 * 4 * d * d + 5 * d;
  const double weights = 2 * block + 2 * (d * d + d) + 4 * d + 4;
  CHECK(query_work(plain, shape, Branch::surface, 1, 2).bytes == Approx(2 * (weights + (3 + 4) * 2 * d) + 4 * (3 + 4)));
}

TEST_CASE("work of a training step") {
  const AbuptConfig c = work_network();
  const Work w = training_work(c, shape, edges);
  const auto forward = [](const std::string& name) {
    if (of_encoder(name)) return has(name, "message.0") ? double{edges} : 5.0;
    return has(name, "surface") ? 3.0 : has(name, "volume") ? 4.0 : 7.0;
  };
  // Forward, adjoint of the weight, adjoint of the input where the input is not made of positions.
  CHECK(w.linear == Approx(count(c, [&](const std::string& name) {
          const bool of_positions = has(name, "message.0") || (name.starts_with("branch.") && has(name, ".up."));
          return forward(name) * (of_positions ? 2.0 : name == "pooling.merge.weight" ? 2.5 : 3.0);
        })));
  CHECK(w.attention == Approx(3.5 * (encoder_work(c, shape, edges, 4).attention + anchor_work(c, shape, 4).attention)));
}

TEST_CASE("published configurations") {
  std::size_t found = 0;
  for (const NamedConfiguration& n : named_configurations()) {
    CAPTURE(n.name);
    CHECK_NOTHROW(check(n.config, n.name));
    if (n.name == "shapenet_car" || n.name == "ahmedml") {
      ++found;
      CHECK(stored(n.config) == Approx(6.97e6).epsilon(1e-3));
    }
    if (n.name != "drivaerml") continue;
    ++found;
    CHECK(stored(n.config) == Approx(8.75e6).epsilon(1e-3));
    // "151 MFLOP attention + 9 MFLOP linear" a query
    const Work w = query_work(n.config, n.shape, Branch::volume, 1, 2);
    CHECK(w.attention == 12 * 4 * 16384.0 * 192);
    CHECK(w.attention == Approx(151e6).epsilon(1e-3));
    CHECK(w.linear == Approx(9e6).epsilon(0.01));
    // A query meets keys and values of 12 layers, in bfloat16 151 MB.

    CHECK(w.bytes == Approx(12 * 16384.0 * 192 * 2 * 2 + 2 * 4.5e6).epsilon(0.01));
  }
  CHECK(found == 3);
}
