#pragma once
// Answers a case with a trained surrogate: geometry points and anchors are drawn from the body and from a mesh like
// those of the training data, encoded once, and the wanted points streamed past them.

#include <memory>

#include "solver/case.hpp"
#include "solver/points/prepared_case.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"

namespace streamtube::solver {

// cached: anchors are drawn once, every wanted point is a query past them; an answer does not depend on the other
// points. chunked_anchors: as published evaluations do, the wanted points of a branch are shuffled and cut in chunks,
// and each chunk is itself the anchors of its branch (the other branch keeps its own); a new pass for every chunk.
// Derivatives at an anchor are then those of the field that a query sees there past the chunk's anchors, which are held
// fixed, the point itself among them; fields that need them (and those beside them) come from that query, which gives
// what the anchor has but for rounding.
enum class Evaluation { cached, chunked_anchors };

// Several draws (Case::draws; cached alone) are averaged in network units, point by point; coefficients are those of
// the mean, and of every draw alone, and of every member of a model that has several, beside
// them. The network stays encoded with the last one.
//
// Bodies and surfaces are first refined, for the integration of forces only, until no element is larger than the faces
// the model was trained on: the coefficients then do not depend on how coarsely a flat side was triangulated.
class NeuralEngine : public Engine {
 public:
  // Needs a core::Runtime, and `checkpoint` to outlive the engine. Throws Error(input) when the model lacks the surface
  // fields pressure and wall_shear_stress, or the volume fields pressure and velocity, Error(usage) for a precision
  // this machine does not have.
  NeuralEngine(const surrogate::Checkpoint& checkpoint, Evaluation evaluation = Evaluation::cached,
               surrogate::Precision precision = surrogate::Precision::fp32);
  ~NeuralEngine() override;

  std::string name() const override;
  Plan plan(const Case& question) const override;
  Answer solve(Case question) override { return solve(std::move(question), nullptr); }
  // Also hands out what it drew; the network stays encoded for more points of the case.
  Answer solve(Case question, PreparedCase* prepared);

  // solve() in two halves: all that needs no network, by any number of threads at once, and the rest, by one.
  struct Ready;
  std::shared_ptr<Ready> make_ready(Case question) const;
  Answer solve(Ready& ready);  // consumes it

  // What solve() would draw. Throws as solve() does.
  PreparedCase prepare(const Case& question) const;
  void encode(const PreparedCase& prepared);
  // m3, of the cells that volume anchors are drawn from.
  std::vector<double> anchor_cells(const Case& question) const;
  // After solve() or encode(), for points streamed past the encoded case (Evaluation::cached).
  surrogate::Surrogate& network();

 private:
  struct Impl;
  struct Solving;
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamtube::solver
