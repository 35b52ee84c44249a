#pragma once
// AB-UPT forward in 16 bit over the weights of Abupt<float>: matrices, normed rows, queries, keys, values and hidden
// layers are bfloat16; positions, embedding, rotary angles, norm statistics, all sums and the tokens between blocks are
// float32. The pooling, the embedding's MLP and the heads, about a hundredth of the work, stay float32
// (docs/bench/gpu.md, "What a query costs"). Names and shapes are those of abupt.dev.hpp.

#include <vector>

#include "surrogate/backends/half.hpp"
#include "surrogate/model/abupt.dev.hpp"

namespace streamtube::surrogate {

// Whether this precision is the 16-bit pass: on GPUs, and for comparisons on the host where portable kernels are asked
// for. Other bfloat16 on the host is float32 in memory, rounded for the products.
template <class Space>
bool is_half(Precision precision) {
  return precision == Precision::bf16 && (!std::is_same_v<Space, HostSpace> || portable_wanted());
}

template <class Space>
class AbuptHalf {
 public:
  using Model = Abupt<float, Space>;
  using Case = typename Model::Case;
  using Rows = typename Model::Rows;
  using TraceFunction = typename Model::TraceFunction;
  using Cache = AnchorCache<Bf16, Space>;

  // Copies the matrices, rounded; `model` stays where it is and outlives this. Throws Error(usage) for heads of more
  // than 128 channels.
  explicit AbuptHalf(const Model& model);

  // Once a case, before the others. Conditioned models: modulation vectors of every block, and their gates multiplied
  // into the matrices whose products they scale, out and down, so that a gated sum is a plain one.
  void begin_case(Context<Space>& context, const Case& input);
  // Geometry encoder: supernode tokens [S][D].
  void encode_geometry(Context<Space>& context, const Case& input, Mat<float, Space> tokens,
                       const TraceFunction& trace = {}) const;
  // As Abupt::forward(): rows with anchors write the cache, rows without read it.
  void forward(Context<Space>& context, const Case& input, Mat<const float, Space> geometry,
               Mat<const float, Space> positions, const Rows& rows, Cache& cache, Mat<float, Space> out[2],
               const TraceFunction& trace = {}, const typename Model::Features& features = {}) const;
  std::size_t bytes() const { return matrices_.extent(0) * sizeof(Bf16) + vectors_.extent(0) * sizeof(float); }

 private:
  struct Linear {
    Mat<Bf16, Space> weight;
    Vec<const float, Space> bias;
  };
  struct Block {
    const typename Model::Block* source;
    Linear q, k, v, out, up, down;
    // Conditioned, anew for every case as out and down are: modulation [1][parts * D], their gated biases.
    Mat<float, Space> modulation, out_bias, down_bias;
  };
  using KeyRows = typename Model::KeyRows;

  std::vector<Block> make_blocks(const std::vector<typename Model::Block>& blocks, std::size_t& matrices,
                                 std::size_t& vectors) const;
  // Modulation vector `part` of a block; empty without conditioning.
  Vec<const float, Space> part(const Block& block, std::size_t part) const;
  void norm(Context<Space>& context, const Block& block, Mat<const float, Space> x, Vec<const float, Space> weight,
            Vec<const float, Space> bias, std::size_t first_part, Mat<Bf16, Space> y) const;
  void store(Context<Space>& context, Mat<const Bf16, Space> x, const Linear& layer, Mat<Bf16, Space> y,
             Epilogue epilogue = Epilogue::store) const;
  void accumulate(Context<Space>& context, Mat<const Bf16, Space> x, const Linear& layer, Mat<float, Space> y) const;
  // Keys (rotated) and values of normed rows.
  void project_keys(Context<Space>& context, const Block& block, Mat<const Bf16, Space> normed,
                    Mat<const float, Space> table, Mat<Bf16, Space> keys, Mat<Bf16, Space> values) const;
  // A block on the rows of x. supernodes [S][D]: perceiver blocks make their keys of them; empty: the cache has them.
  void block_forward(Context<Space>& context, const Block& block, const Case& input, Mat<float, Space> x,
                     Mat<const float, Space> table, const std::vector<Segment>& segments,
                     const std::vector<KeyRows>& key_rows, Mat<const float, Space> supernodes,
                     const typename Cache::KeysValues& cache) const;

  const Model& model_;
  std::vector<Block> geometry_blocks_, physics_blocks_, decoder_blocks_[2];
  Kokkos::View<Bf16*, typename Space::memory_space> matrices_;
  Kokkos::View<float*, typename Space::memory_space> vectors_;
};

}  // namespace streamtube::surrogate
