#pragma once
// AB-UPT on a device: geometry encoder, anchor pass, query pass. The plain forward of the paper and the streamed one
// are the same code: tokens are rows, of which only anchors ever become keys, and the keys are kept in an AnchorCache.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "geometry/radius_search.dev.hpp"
#include "surrogate/backends/descriptions.hpp"
#include "surrogate/model/config.hpp"
#include "surrogate/model/surrogate.hpp"
#include "surrogate/ops/supernode_pooling.dev.hpp"
#include "surrogate/ops/types.dev.hpp"

namespace streamtube::surrogate {

// All weights in one flat block on the device, by name.
template <class T, class Space>
class ParameterStore {
 public:
  // Throws Error(input) for a missing, unknown or wrongly shaped tensor; the message starts with `where`.
  ParameterStore(const AbuptConfig& config, const Weights& weights, const std::string& where);
  std::size_t size() const { return block_.extent(0); }
  T* data() const { return block_.data(); }
  Kokkos::View<T*, typename Space::memory_space> block() const { return block_; }
  // Which part of the block a tensor is.
  struct Entry {
    std::size_t offset, rows, columns;  // columns 0: a vector
    std::size_t size() const { return rows * (columns ? columns : 1); }
  };
  const std::map<std::string, Entry>& entries() const { return entries_; }
  bool has(const std::string& name) const { return entries_.count(name) > 0; }
  Mat<const T, Space> matrix(const std::string& name) const;
  // Rows begin..end of a matrix.
  Mat<const T, Space> matrix(const std::string& name, std::size_t begin, std::size_t end) const;
  Vec<const T, Space> vector(const std::string& name) const;  // empty if there is none
  Vec<const T, Space> vector(const std::string& name, std::size_t begin, std::size_t end) const;

 private:
  std::map<std::string, Entry> entries_;
  Kokkos::View<T*, typename Space::memory_space> block_;
};

// Keys and values of the anchors (in perceiver blocks: of the supernodes), rotated, per block.
template <class T, class Space>
struct AnchorCache {
  struct KeysValues {
    Mat<T, Space> keys, values;
  };
  std::vector<KeysValues> physics, decoder[2];
  std::int64_t supernodes = 0, anchors[2] = {0, 0};
  Kokkos::View<T*, typename Space::memory_space> block;

  // allocate = false: shapes only, for measuring.
  void resize(const AbuptConfig& config, std::int64_t supernodes, std::int64_t surface, std::int64_t volume,
              bool allocate);
  static std::size_t elements(const AbuptConfig& config, std::int64_t supernodes, std::int64_t surface,
                              std::int64_t volume);
};

template <class Space>
class AbuptHalf;

template <class T, class Space>
class Abupt {
 public:
  using TraceFunction = std::function<void(const std::string& name, Mat<const T, Space> rows)>;

  // One case on the device. Positions [..][3] in network units.
  struct Case {
    Mat<const T, Space> points, point_features;  // [P][3], [P][config.point_features()]
    Vec<const std::int64_t, Space> supernodes;
    geometry::Neighbors<Space> neighbors;
    Mat<const T, Space> condition;  // [1][C] or empty
  };
  // Which rows there are: surface anchors, surface queries, volume anchors, volume queries.
  struct Rows {
    std::int64_t anchors[2] = {0, 0}, queries[2] = {0, 0};
    std::int64_t begin(int b) const { return b == 0 ? 0 : anchors[0] + queries[0]; }
    std::int64_t end(int b) const { return begin(b) + anchors[b] + queries[b]; }
    std::int64_t total() const { return end(1); }
  };

  // What comes beside the positions of each branch, [rows of the branch][config.features(b)]; empty without.
  struct Features {
    Mat<const T, Space> of[2];
  };

  Abupt(const AbuptConfig& config, const Weights& weights, const std::string& where);
  const AbuptConfig& config() const { return config_; }
  const ParameterStore<T, Space>& parameters() const { return parameters_; }
  ParameterStore<T, Space>& parameters() { return parameters_; }

  // The pooling alone: supernode tokens [S][D] as the geometry blocks get them.
  void pool(Context<Space>& context, const Case& input, Mat<T, Space> tokens, const TraceFunction& trace = {}) const;
  // Tokens [N][D] of positions [N][3] and their features, as the physics blocks get them.
  void embed(Context<Space>& context, Branch branch, Mat<const T, Space> positions, Mat<const T, Space> features,
             Mat<T, Space> tokens) const;
  // Geometry encoder: supernode tokens [S][D].
  void encode_geometry(Context<Space>& context, const Case& input, Mat<T, Space> tokens,
                       const TraceFunction& trace = {}) const;

  // Rows with anchors write the cache (which must fit them); rows without read it. `geometry` [S][D] with its points is
  // needed only when anchors are among the rows. positions [rows.total()][3], out[b] [anchors + queries of b][outputs].
  void forward(Context<Space>& context, const Case& input, Mat<const T, Space> geometry, Mat<const T, Space> positions,
               const Rows& rows, AnchorCache<T, Space>& cache, Mat<T, Space> out[2], const TraceFunction& trace = {},
               const Features& features = {}) const;

  // Queries of one branch with the exact derivatives of every output in the position, the anchors held fixed; cache as
  // filled by forward(). positions [N][3], out [4 N][outputs] stacked as ops/tangents.dev.hpp says, and so features
  // [4 N][F]: their values, then their derivatives (abupt_tangents.dev.cpp).
  void query_tangents(Context<Space>& context, const Case& input, Branch branch, Mat<const T, Space> positions,
                      const AnchorCache<T, Space>& cache, Mat<T, Space> out, Mat<const T, Space> features = {}) const;

  // Forward over anchors and queries with all that the adjoint needs kept in the arena, loss, and backward
  // (abupt_training.dev.cpp). positions[b] [anchors + queries of b][3], anchors first, and so the network's outputs
  // that `loss` is given; it writes their adjoints. While the arena measures it is called too and must launch nothing.
  // gradients [parameters().size()], laid out like the parameters: added to. recompute: keep only the input of every
  // block and compute the rest anew in the adjoint; changes no bit of the result.
  // wanted: adjoints of positions, in network units; a pass without computes what it would, bit for bit, and so do the
  // parameters' gradients, which may be empty in turn.
  using LossFunction = std::function<void(const Mat<const T, Space> (&out)[2], const Mat<T, Space> (&dout)[2])>;
  struct PositionAdjoints {
    Mat<T, Space> positions[2];     // [anchors + queries of b][3], written; empty: not wanted
    PointAdjoint<T, Space> points;  // [P][3], written; neighbour lists are held fixed
  };
  // slopes: further queries whose outputs' derivatives have a loss, as query_tangents() gives them. What they give to
  // the parameters' gradients includes the way through the anchors' keys and values; adjoints of positions do not see
  // them and may not be asked for beside them.
  struct Slopes {
    Branch branch = Branch::volume;
    Mat<const T, Space> positions;  // [N][3]; empty: none
    Mat<const T, Space> features;   // [4 N][F], stacked
    // out, dout [4 N][outputs]
    std::function<void(Mat<const T, Space> out, Mat<T, Space> dout)> loss;
  };
  void training_pass(Context<Space>& context, const Case& input, const Mat<const T, Space> (&positions)[2],
                     const Rows& rows, bool recompute, const LossFunction& loss, Vec<T, Space> gradients,
                     const PositionAdjoints& wanted = {}, const Slopes& slopes = {},
                     const Features& features = {}) const;

 private:
  friend class AbuptHalf<Space>;  // the same blocks in 16 bit
  struct Tape;                    // what the adjoint of a block needs
  struct TangentTape;             // the same with derivatives
  struct BlockKeys;               // where the keys of a block come from
  struct Block {
    bool perceiver = false;
    Vec<const T, Space> norm1_weight, norm1_bias, norm_kv_weight, norm_kv_bias, norm2_weight, norm2_bias;
    Mat<const T, Space> q, k, v, out, up, down, modulation;
    Vec<const T, Space> q_bias, k_bias, v_bias, out_bias, up_bias, down_bias, modulation_bias;
  };
  // Rows begin..end of the tokens are the keys cache_begin.. of the cache.
  struct KeyRows {
    std::int64_t begin, end, cache_begin;
  };
  // Which keys of a physics block the rows of branch b attend to: of the supernodes in perceiver blocks, else of the
  // anchors, surface first.
  struct KeyRange {
    std::int64_t begin, end;
  };
  static KeyRange keys_of(char kind, int b, std::int64_t supernodes, const std::int64_t (&anchors)[2]);
  // Scale, shift and gate vectors of a block; empty without conditioning.
  using Modulation = std::vector<Vec<const T, Space>>;

  Block find_block(const std::string& name, bool perceiver) const;
  Modulation modulation(Context<Space>& context, const Block& block, Mat<const T, Space> condition) const;
  void supernode_table(Context<Space>& context, const Case& input, Mat<T, Space> table) const;
  // Attention of a self/cross/joint block or decoder; keys of key_rows go to the cache first.
  void attend(Context<Space>& context, const Block& block, Mat<T, Space> x, Mat<const T, Space> table,
              const std::vector<Segment>& segments, const std::vector<KeyRows>& key_rows,
              typename AnchorCache<T, Space>::KeysValues cache, Mat<const T, Space> condition) const;
  void attend_to_geometry(Context<Space>& context, const Block& block, Mat<T, Space> x, Mat<const T, Space> table,
                          const Case& input, Mat<const T, Space> geometry,
                          typename AnchorCache<T, Space>::KeysValues cache) const;
  // q of all rows of x, keys and values of key_rows into the cache: normed, projected, rotated. For the adjoint the
  // normed rows are kept where given.
  void project(Context<Space>& context, const Block& block, Mat<const T, Space> x, const Modulation& m,
               Mat<const T, Space> table, Mat<T, Space> q, const std::vector<KeyRows>& key_rows,
               typename AnchorCache<T, Space>::KeysValues cache, Mat<T, Space> kept_normed = {}) const;
  // x += MLP(norm(x)); for the adjoint the normed rows and the hidden layer before GELU are kept where given.
  void mlp(Context<Space>& context, const Block& block, Mat<T, Space> x, const Modulation& m, std::size_t first,
           Mat<T, Space> kept_normed = {}, Mat<T, Space> kept_up = {}) const;

  // Keys (rotated) and values of normed rows.
  void project_keys(Context<Space>& context, const Block& block, Mat<const T, Space> normed, Mat<const T, Space> table,
                    Mat<T, Space> keys, Mat<T, Space> values) const;
  void block_forward(Context<Space>& context, const Block& block, Mat<const T, Space> x, Mat<const T, Space> table,
                     const BlockKeys& keys, const std::vector<Segment>& segments, Mat<const T, Space> condition,
                     Tape& tape, Mat<T, Space> out) const;
  void mlp_backward(Context<Space>& context, const Block& block, Mat<const T, Space> up, Mat<const T, Space> dy,
                    Mat<T, Space> hidden, Mat<T, Space> dup, Mat<T, Space> dnormed) const;
  // dx [N][D]: adjoint of the block's output in, of its input out. dsupernodes: perceiver blocks add to it. dangles: of
  // the angles of `table`, added to; may be empty.
  void block_backward(Context<Space>& context, const Block& block, const Tape& tape, Mat<const T, Space> table,
                      const BlockKeys& keys, const std::vector<Segment>& segments, Mat<const T, Space> condition,
                      Mat<T, Space> dx, Mat<T, Space> dsupernodes, Mat<T, Space> dangles,
                      Vec<T, Space> gradients) const;
  // Rows x [4 N][D] through a block with the given keys and values (rotated), which stay as they are.
  void tangents_forward(Context<Space>& context, const Block& block, Mat<const T, Space> x, Mat<const T, Space> table,
                        Mat<const T, Space> keys, Mat<const T, Space> values, Mat<const T, Space> condition,
                        TangentTape& tape, Mat<T, Space> out) const;
  // dx [4 N][D]: adjoint of the output in, of the input out; dkeys, dvalues: added to.
  void tangents_backward(Context<Space>& context, const Block& block, const TangentTape& tape,
                         Mat<const T, Space> table, Mat<const T, Space> condition, Mat<T, Space> dx,
                         Mat<T, Space> dkeys, Mat<T, Space> dvalues, Vec<T, Space> gradients) const;
  // Tokens of positions and their derivatives, [4 N][D]; embedded and up [4 N][D] are kept for the adjoint.
  void tangents_embed(Context<Space>& context, Branch branch, Mat<const T, Space> positions,
                      Mat<const T, Space> features, Mat<T, Space> embedded, Mat<T, Space> up, Mat<T, Space> x) const;
  // Of the branch's features; empty without.
  Mat<const T, Space> feature_weight(Branch branch) const;
  // Forward, loss and backward of the slopes, given the keys and values of every block (physics blocks, then the
  // decoder's) for the rows of their branch, whose adjoints dkeys, dvalues are added to.
  struct KeyAdjoints {
    Mat<const T, Space> keys, values;
    Mat<T, Space> dkeys, dvalues;
  };
  void slopes_pass(Context<Space>& context, const Slopes& slopes, const std::vector<KeyAdjoints>& blocks,
                   Mat<const T, Space> condition, bool recompute, Vec<T, Space> gradients) const;
  // Adjoints of a block's modulation, part by part; of_part() is empty without conditioning.
  struct ModulationAdjoint {
    Mat<T, Space> all;  // [1][parts * hidden]
    std::size_t hidden;
    Vec<T, Space> of_part(std::size_t part) const {
      return all.data() ? Vec<T, Space>(all.data() + part * hidden, hidden) : Vec<T, Space>();
    }
  };
  ModulationAdjoint modulation_adjoint(Context<Space>& context, const Block& block) const;
  // Adjoint of what a gate multiplies, from that of the sum, in dy's rows or scratch; the gate's own is added to `to`.
  Mat<T, Space> through_gate(Context<Space>& context, Mat<T, Space> dy, Mat<const T, Space> ungated,
                             Vec<const T, Space> gate, Vec<T, Space> to) const;
  // The part of `gradients` that belongs to a parameter; empty if they are.
  Mat<T, Space> gradient(Vec<T, Space> gradients, Mat<const T, Space> parameter) const;
  Vec<T, Space> gradient(Vec<T, Space> gradients, Vec<const T, Space> parameter) const;
  PoolingParameters<T, Space> pooling_parameters() const;

  AbuptConfig config_;
  ParameterStore<T, Space> parameters_;
  std::vector<Block> geometry_blocks_, physics_blocks_, decoder_blocks_[2];
  Kokkos::View<float*, typename Space::memory_space> frequency3_, frequency4_, rotary_frequency_;
};

}  // namespace streamtube::surrogate
