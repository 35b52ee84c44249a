#pragma once
// Draws batches from a data set, ahead of the training, on a thread of its own. Which points batch t holds depends on
// the seed and t alone: training resumes bit for bit from any batch, and several processes share batches out.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mesh_io/h5/dataset.hpp"
#include "physics/fields.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "surrogate/model/config.hpp"
#include "surrogate/train/trainer.hpp"

namespace streamtube::surrogate {

// How a case is drawn. Geometry points are drawn by area, without one twice.
struct DrawOptions {
  std::size_t geometry_points = 4096, supernodes = 1024;
  std::size_t anchors[2] = {1024, 1024};  // surface, volume
  std::size_t queries[2] = {0, 0};        // further points with targets
  // Of the volume queries that lie beyond the first cells at the body so many have the vorticity of their cell
  // compared, at six further places each; of those in the first cells all, at one place.
  std::size_t cell_queries = 16;
  bool surface_by_area = false;  // surface anchors and queries with probability by area, else all faces alike
  // Every draw is scaled about the origin by a factor between 1 - scaling and 1 + scaling, its dimensionless fields
  // kept: by similarity the flow around a scaled body is the scaled flow, but for the Reynolds number.
  double scaling = 0;
  bool mirror = false;  // every second draw reflected at y = 0 (y of vectors, x and z of vorticity)
};

// What weighs how much, beside 1 for the mean squared error of every field.
struct LossOptions {
  std::vector<double> field_weight[2];  // per field of the branch; empty: 1 each
  bool area_weighted = false;           // surface points weigh by their area (when not drawn by it already)
  // Of the squared errors of four forces: drag of the faces that look upstream and of those that look downstream, lift
  // of those that look down and up; in units of the scales.
  double force_weight = 0;
  double drag_scale = 0.01, lift_scale = 0.05;  // coefficients: a typical error, which weighs 1
  // Of the mean squared error of a vorticity that is decoded as curl, beside that of its own outputs.
  double curl_weight = 1;
  // The curl is compared as the data's cells have it (physics/cell_vorticity.hpp), which takes their volumes; else as
  // the exact derivative at the points.
  bool curl_of_cells = true;
};

// How the cases stand in the network's world.
struct CaseWorld {
  double canonical_length = 0;        // m, see Checkpoint; 0: as large as they are
  std::vector<double> lengths;        // [cases given] m, body_length()
  std::vector<Condition> conditions;  // of the network
};

class Loader {
 public:
  // Batches are numbered from `first` in steps of `stride` (the number of processes). cache: bytes of cases kept in
  // memory; what does not fit is read anew, only the rows drawn. Throws Error(input) for a case with fewer points than
  // drawn; errors of the thread reach next().
  Loader(const mesh_io::Dataset& dataset, std::vector<std::size_t> cases, const CaseWorld& world,
         const physics::Normalizer& normalizer, const AbuptConfig& config, const DrawOptions& draw,
         const LossOptions& loss, std::uint64_t seed, std::int64_t first, std::int64_t stride, std::size_t cache);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  Batch next();
  double waited() const;  // s, of next() for batches that were not ready

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Per column of a branch's outputs: field weight over the field's components, for Trainer.
std::vector<float> column_weights(const physics::Normalizer& normalizer, physics::Branch branch,
                                  const LossOptions& loss);

// Whether batches are to have cells: the vorticity is decoded as curl and compared as cells have it.
bool compares_cells(const physics::Normalizer& normalizer, const LossOptions& loss);

// Losses on what the normaliser's decoders make of the volume branch's outputs. A velocity decoded as curl of a
// potential has no loss on its outputs themselves: column_weights() gives them 0.
std::vector<CurlTerm> curl_terms(const physics::Normalizer& normalizer, const LossOptions& loss);

// Statistics of the cases as a normaliser. Positions: one range for all axes around every position and `margin` of the
// largest extent to both sides. world: cases scaled to a canonical length get a range that holds all of them.
physics::Normalizer make_normalizer(const mesh_io::Dataset& dataset, const std::vector<std::size_t>& cases,
                                    const CaseWorld& world = {}, double margin = 0.05);

}  // namespace streamtube::surrogate
