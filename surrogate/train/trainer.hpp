#pragma once
// The network in training as host code sees it: no Kokkos here. One object holds weights, gradients, the optimiser's
// moments and the averaged weights on the device.
//
//   for each micro-batch: trainer.accumulate(batch, 1.0 / batches);
//   trainer.update(rate);

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/processes.hpp"
#include "surrogate/backends/backend_set.hpp"
#include "surrogate/model/surrogate.hpp"

namespace streamtube::surrogate {

struct OptimizerOptions {
  enum class Kind { adamw, lion };
  Kind kind = Kind::adamw;
  double weight_decay = 0.05;
  bool decay_matrices_only = true;    // spare biases and every other tensor of one dimension
  double beta1 = 0.9, beta2 = 0.999;  // LION: 0.9, 0.99
  double epsilon = 1e-8;              // AdamW
  double clip = 0.25;                 // of the 2-norm of all gradients; 0: none
  double average = 0.999;             // decay of the averaged weights (EMA)
  // The average forgets faster at the start: keep = min(average, step / (step + 10)).
  double average_keep(std::int64_t step) const {
    const double early = static_cast<double>(step) / static_cast<double>(step + 10);
    return early < average ? early : average;
  }
};

// Warm-up and cosine: T updates, n = int(warmup (T - 1)); update t < n: peak (t + 1) / (n + 1), else half a cosine from
// peak to end over T - n - 1.
struct Schedule {
  double peak = 1e-3, end = 1e-6, warmup = 0.05;
  std::int64_t updates = 0;
  double rate(std::int64_t update) const;
};

// A loss on what a decoder (physics::Decoder) makes of three outputs of the volume branch; the formulas are at
// curl_error() and cell_curl_error() in train/loss.dev.hpp.
struct CurlTerm {
  bool of_cells = false;  // out of differences (Batch::Cells), else out of exact derivatives at the queries
  int from = 0, to = 0;
  float offset[3] = {0, 0, 0};  // velocity = offset + scale * output; only differences to a wall see the offset
  float scale[3] = {1, 1, 1};
  double factor = 1;
  bool of_length = false;  // factor counts once per metre of the case's reference length
  bool signed_log = false;
  float mean[3] = {0, 0, 0}, std[3] = {1, 1, 1}, weight[3] = {1, 1, 1};
};

// What is learned from at once: one case as drawn by the loader, in network units. Rows of input as EncodeInput has
// them.
struct Batch {
  std::string name;                      // of the case, for messages
  std::vector<float> points;             // [P][point width]
  std::vector<std::int64_t> supernodes;  // [S] indices into points
  std::vector<float> positions[2];       // [anchors + queries][width], anchors first
  std::vector<float> jacobian;           // [volume queries][features][3], of losses on curls; may be empty
  std::int64_t anchors[2] = {0, 0};
  std::vector<float> targets[2];  // [anchors + queries][outputs]
  std::vector<float> weights[2];  // [anchors + queries] of the rows, mean 1; empty: all 1
  std::vector<float> condition;   // [config.condition]
  double reference_length = 1;    // m, of CurlTerm::of_length
  // Cells whose vorticity is compared (surrogate/model/cell_arms.hpp): sum of weight x velocity over places, which are
  // the last of the volume's positions and have no targets.
  struct Cells {
    std::vector<std::int64_t> row, begin;  // [C] the volume's row whose target it is; [C + 1] of the arms
    std::vector<float> share;              // [C] of the loss; they add up to 1
    std::vector<float> weight, side;       // [arms][3] times the reference length; [arms] -1 where y is reflected
    std::size_t arms() const { return side.size(); }
  } cells;
  // Integrals over the surface points whose errors are penalised: weight (sum of coefficient * error)^2.
  struct Functional {
    std::string name;                 // "drag"
    std::vector<float> coefficients;  // [surface anchors + queries][outputs]
    float weight = 0;
  };
  std::vector<Functional> functionals;
};

// Of one batch. components: the weighted squared error per output column; functionals in the batch's order; curls of
// each term.
struct Losses {
  double total = 0;
  std::vector<double> components[2], functionals, curls;
};

class Trainer {
 public:
  // column_weight[b] [outputs of b]: see squared_error() in train/loss.dev.hpp. recompute: less memory, one forward
  // pass more, the same bits. Needs a core::Runtime. Error(input) as Surrogate's constructor; Error(usage) for a
  // precision this machine does not have. Weights, gradients and moments are float32 in any precision.
  Trainer(const AbuptConfig& config, const Weights& weights, const OptimizerOptions& options,
          const std::vector<float> (&column_weight)[2], bool recompute, const std::string& where,
          Precision precision = Precision::fp32);
  ~Trainer();
  Trainer(Trainer&&) noexcept;
  Trainer& operator=(Trainer&&) noexcept;

  const AbuptConfig& config() const;
  std::size_t parameters() const;

  // Losses on curls: those of cells where batches have them, the others at the volume queries of every batch. Not at
  // its anchors: a network that finds a key exactly where it is asked can learn slopes that hold nowhere else.
  void set_curl_terms(std::vector<CurlTerm> terms);

  // Forward, loss, backward; adds `scale` times the gradients to those that are there. Throws Error(internal) for
  // shapes that do not match. What is not finite is the caller's to notice, in the losses.
  Losses accumulate(const Batch& batch, double scale);
  // Collective: the sums of all processes' gradients in place of their own; on GPUs by NCCL where it can, else through
  // host memory in the order of ranks. False where this process' own were not finite.
  bool sum_gradients(const core::Processes& processes);
  // By tensor, for tests.
  Weights gradients_by_name() const;
  // One step of the optimiser; gradients are zero afterwards. Returns their norm before clipping.
  double update(double rate);
  std::int64_t updates() const;

  Weights weights() const;
  Weights averaged_weights() const;

  // All that update() depends on beside the gradients, to continue bit for bit. [parameters] each; second is empty
  // for LION.
  struct State {
    std::int64_t updates = 0;
    std::vector<float> parameters, first, second, average;
  };
  State state() const;
  void restore(const State& state);  // Error(input) when lengths do not match

  // Bytes of scratch that batches so large take; beside it 5 float32 numbers a parameter.
  struct Shape {
    std::size_t points = 0, supernodes = 0, anchors[2] = {0, 0}, queries[2] = {0, 0};
  };
  std::size_t scratch(const Shape& shape) const;

 private:
  struct Impl;
  template <class Space>
  struct On;  // of an execution space
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamtube::surrogate
