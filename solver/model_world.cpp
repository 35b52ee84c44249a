#include "solver/model_world.hpp"

#include <cmath>
#include <sstream>

#include "core/error.hpp"

namespace streamtube::solver {

using core::str;

ModelScale automatic_scale(const surrogate::Checkpoint& model, double length, const std::string& where) {
  const surrogate::Range* lengths = nullptr;
  for (const auto& range : model.training_range)
    if (range.quantity == "length") lengths = &range;
  if (model.canonical_length == 0 && (!lengths || lengths->contains(length))) return {};
  ModelScale out;
  std::ostringstream why;
  why.precision(4);
  if (model.canonical_length > 0) {
    out.factor = length / model.canonical_length;
    why << "the model computes every body " << model.canonical_length << " m long";
  } else {
    out.factor = length / (0.5 * (lengths->min + lengths->max));
    why << "the model's bodies are " << lengths->min << ".." << lengths->max << " m long";
  }
  if (!(length > 0 && std::isfinite(out.factor) && out.factor > 0))
    throw core::Error(core::ErrorKind::input,
                      str(where, ": the body is ", length,
                          " m long along the flow: it cannot be brought to the length of the model's bodies"),
                      "check the orientation of the body: x along the flow, z up");
  if (out.factor != 1) out.why = why.str();
  return out;
}

std::string to_text(const ModelScale& scale, double length) {
  std::ostringstream out;
  out.precision(4);
  out << "the body is " << length << " m long and is computed " << 1 / scale.factor << " times as large, "
      << length / scale.factor << " m long, at its own Reynolds number";
  if (!scale.why.empty()) out << ": " << scale.why;
  return out.str();
}

Box known_positions(const surrogate::Checkpoint& world) {
  const double low = world.normalizer.position_origin, high = low + world.normalizer.position_extent;
  Box box{{low, low, low}, {high, high, high}};
  for (const Box& domain : {world.domain, world.sampling.volume_mesh.domain})
    if (!domain.empty()) box.add(domain.low), box.add(domain.high);
  return box;
}

}  // namespace streamtube::solver
