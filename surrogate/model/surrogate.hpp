#pragma once
// The trained network as host code sees it: no Kokkos here. One object holds the weights on its device and, after
// encode(), the anchors' keys and values of one case; query() then streams any number of points past them.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "physics/fields.hpp"
#include "surrogate/backends/backend_set.hpp"
#include "surrogate/model/config.hpp"

namespace streamtube::surrogate {

using physics::Branch;

// A named float32 tensor in state_dict naming, e.g. "physics_blocks.0.qkv.weight" [out, in].
struct Tensor {
  std::vector<std::size_t> shape;
  std::vector<float> values;
};
using Weights = std::map<std::string, Tensor>;

// Every tensor a model of this configuration has, with its shape and no values.
Weights expected_weights(const AbuptConfig& config);
// Random weights for benchmarks and tests: truncated normal 0.02, norms 1, biases 0.
Weights random_weights(const AbuptConfig& config, std::uint64_t seed);
// What a training starts from: random weights, with a modulation that changes nothing until it is trained (a network
// whose gates are 0 would pass nothing on).
Weights initial_weights(const AbuptConfig& config, std::uint64_t seed);
// Weights of another model as the start of this one, which may be conditioned where that is not, or see features that
// it does not: its answers are unchanged at the start, whatever the condition and the features. Error(input), its
// message starting with `where`, for what does not fit.
Weights adopt_weights(const Weights& from, const AbuptConfig& config, const std::string& where);

// One case in network units: rows of float32, a position and what the configuration has beside it (NetworkInput in
// model/features.hpp makes them). Without features a row is a position.
struct EncodeInput {
  std::span<const float> points;             // [P][config.point_width()] geometry points
  std::span<const std::int64_t> supernodes;  // [S] indices into points
  std::span<const float> anchors[2];         // [A][config.width(branch)] per branch
  std::span<const float> condition;          // [config.condition]
};

// Called after the pooling and every block with the reference's name for it: "pooling", "geometry_blocks.0", ...
using Trace = std::map<std::string, Tensor>;

// Throws Error(usage) for a precision that the Runtime's back end does not have, as the constructor below.
void check_precision(Precision precision);

class Surrogate {
 public:
  // On the back end of the core::Runtime. Throws Error(input) when a tensor is missing, unknown or of the wrong shape;
  // the message names it and `where`.
  // precision: of encode() and query(). bf16 is the 16-bit pass on GPUs (abupt_half.dev.hpp); on CPUs float32 in memory
  // with AVX512-BF16 products, Error(usage) where the machine has none. tf32: GPUs only, else Error(usage). On a CPU
  // with STREAMTUBE_CPU_PATH=portable, bf16 is the GPUs' pass by portable kernels: slow, for comparisons.
  // query_gradient() and sensitivity() are float32 with bf16 too; the former then makes a float32 pass over the anchors
  // when first called after encode(), and keeps its keys and values beside the others.
  Surrogate(const AbuptConfig& config, const Weights& weights, const std::string& where,
            Precision precision = Precision::fp32);
  // Several networks of one configuration: all that follows is then the mean of what they say, for the same anchors.
  Surrogate(const AbuptConfig& config, const std::vector<const Weights*>& members, const std::string& where,
            Precision precision = Precision::fp32);
  ~Surrogate();
  Surrogate(Surrogate&&) noexcept;
  Surrogate& operator=(Surrogate&&) noexcept;

  const AbuptConfig& config() const;
  std::size_t parameters() const;   // of all members
  std::string fingerprint() const;  // SHA-256 over names, shapes and values, hex

  // Geometry encoder and anchor pass. Replaces what an earlier call left.
  void encode(const EncodeInput& input);
  // Network outputs at the anchors, [A][outputs], after encode().
  std::span<const float> anchor_output(Branch branch) const;
  // Network outputs at `positions` [n][config.width(branch)] into `out` [n][outputs]. Any n; the answer at a point does
  // not depend on the other points of the call beyond rounding. Throws Error(internal) without encode().
  void query(Branch branch, std::span<const float> positions, std::span<float> out);
  // How many networks there are, and queries to one of them alone, until nothing is given: then to the mean again.
  std::size_t members() const;
  void ask_member(std::optional<std::size_t> member);
  // The same with the exact derivative of every output in the position, the anchors held fixed (forward mode): gradient
  // [n][outputs][3] per network unit. About four times the work. jacobian: of the features in the position,
  // [n][features][3]; empty where it is zero.
  void query_gradient(Branch branch, std::span<const float> positions, std::span<float> out, std::span<float> gradient,
                      std::span<const float> jacobian = {});
  // Rows query() works on at a time, query_gradient() on a quarter of it; more is faster up to a point and takes more
  // memory.
  std::size_t query_chunk() const;
  void set_query_chunk(std::size_t rows);
  // What a new network of this configuration starts with on the back end of the Runtime.
  static std::size_t first_query_chunk(const AbuptConfig& config);

  // The plain forward of the reference, queries as rows beside the anchors, with every block traced (for goldens). Of
  // one network, not of several.
  // out[branch]: [A + Q][outputs]
  void forward_traced(const EncodeInput& input, const std::span<const float> queries[2], std::vector<float> out[2],
                      Trace* trace);

  // The gradient of value = sum of coefficients * outputs in every position, by one reverse pass, features held fixed.
  // coefficients[branch]: [A + Q][outputs], queries may be empty. Neighbour lists are held fixed: where a point enters
  // or leaves the radius, the network itself is not continuous. All in network units: a network position is (x -
  // origin) / extent * 1000, so a gradient in metres is 1000 / extent of physics::Normalizer times this one, and a
  // coefficient of a network output is that of the field times its standard deviation (and, of a signed log, the
  // transform's slope) and its SI unit. Replaces what encode() left: it is to be called anew before query().
  struct Sensitivity {
    double value = 0;
    std::vector<float> points, anchors[2], queries[2];  // [..][3], as the positions
  };
  Sensitivity sensitivity(const EncodeInput& input, const std::span<const float> (&queries)[2],
                          const std::span<const float> (&coefficients)[2]);

  // Device memory taken, bytes: weights, anchors' keys and values, scratch.
  struct Memory {
    std::size_t weights = 0, anchor_cache = 0, scratch = 0;
  };
  Memory memory() const;
  static Memory estimate(const AbuptConfig& config, std::size_t supernodes, std::size_t anchors_surface,
                         std::size_t anchors_volume, std::size_t query_chunk, Precision precision = Precision::fp32);

 private:
  struct Impl;
  template <class Space>
  struct On;    // of an execution space
  struct Mean;  // of several
  Impl& asked();
  std::unique_ptr<Impl> impl_;
  std::optional<std::size_t> asked_;  // member
};

}  // namespace streamtube::surrogate
