#pragma once
// Every option of a training run. Read from JSON with comments, nested or with dotted keys ("optimizer.rate").

#include <cstdint>
#include <string>
#include <vector>

#include "surrogate/backends/backend_set.hpp"
#include "surrogate/model/config.hpp"
#include "surrogate/train/loader.hpp"
#include "surrogate/train/trainer.hpp"

namespace streamtube::surrogate {

// What best.h5 is best in, see validation.hpp.
enum class Choice { drag, fields };

struct Recipe {
  std::string data, describe, name, words, out;
  std::string train_split = "train", validation_split = "validation";
  // Cross-validation: the train split is cut into `folds` parts (mesh_io::fold_of); part `fold`, 1..folds, is held out
  // and chooses the best weights in the place of the validation split. folds 0: none.
  std::size_t folds = 0, fold = 0;
  AbuptConfig model;                                // defaults: a small one, see recipe.cpp
  double canonical_length = 0;                      // m, see Checkpoint; 0: bodies as large as they are
  std::vector<std::string> conditions;              // see make_conditions()
  double position_origin = 0, position_extent = 0;  // m of the network's world; extent 0: from the data
  bool symmetric = false;                           // see physics::Normalizer
  DrawOptions draw;
  // What the model is to be used with, stored in its checkpoint; 0: as many as drawn.
  std::size_t use_geometry_points = 0, use_supernodes = 0, use_anchors[2] = {0, 0};
  physics::Decoder vorticity = physics::Decoder::direct, velocity = physics::Decoder::direct;
  LossOptions loss;
  OptimizerOptions optimizer;
  Schedule schedule;
  std::int64_t accumulation = 1;
  bool recompute = false;
  Precision precision = Precision::fp32;
  std::uint64_t seed = 0;
  std::int64_t log_every = 50, validate_every = 500, save_every = 500, validation_points = 4096;
  Choice choose_by = Choice::drag;
  std::int64_t cache_mib = 4096;
  std::string init;  // checkpoint to start from: its weights and normaliser; empty: random

  Recipe();
};

// Error(usage) for an override, Error(input) for the file: unknown keys (with the nearest name), wrong types,
// impossible values. `overrides`: "key=value". An empty path gives the defaults.
Recipe read_recipe(const std::string& path, const std::vector<std::string>& overrides);
// All options with their values and what they are, as a file read_recipe() reads.
std::string recipe_text(const Recipe& recipe);
// The options that decide the result, for a resumed run to compare: one "key = value" each.
std::vector<std::string> result_options(const Recipe& recipe);

}  // namespace streamtube::surrogate
