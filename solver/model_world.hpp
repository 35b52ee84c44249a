#pragma once
// How a model's world is brought to a case: as large as the body needs it, and with what the model is told beside the
// geometry. At one Reynolds number the flow scales with the body, so a body of any size can be computed as one of the
// model's.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "surrogate/checkpoint/checkpoint.hpp"

namespace streamtube::solver {

struct ModelScale {
  double factor = 1;  // of the model's world: Checkpoint::at_scale
  std::string why;    // in words; empty where the factor is 1
};

// For a body `length` m long along the flow. A model with a canonical length gets every body as long as that. Another
// one takes bodies as large as they are while their length lies in its training range (or it names none), and those
// beyond as long as the middle of it. Error(input) that begins with `where` for a length that is not positive and
// finite.
ModelScale automatic_scale(const surrogate::Checkpoint& model, double length, const std::string& where);

// "the body is 4.6 m long and is computed 0.227 times as large, 1.05 m long, at its own Reynolds number: ..."
std::string to_text(const ModelScale& scale, double length);

// Where a model's world knows positions: the box of its domains (training data, volume mesh) and of the extent of its
// normaliser. m.
Box known_positions(const surrogate::Checkpoint& world);

}  // namespace streamtube::solver
