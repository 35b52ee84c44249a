#pragma once
// Cross-validation: every case is answered by the member of a set of models that has not seen it.

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "mesh_io/h5/dataset.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"

namespace streamtube::solver {

struct Member {
  std::string path;  // for messages
  surrogate::Checkpoint model;
};

// [members] the cases of the split (empty: the one that the members were made from) that each is to answer, as indices
// of the data set. Throws Error(usage) naming the files for a model that is no member, members of different numbers of
// folds or of different splits; Error(input) naming the case that two members hold out, that all have learned from,
// that none knows, or that a member has both learned from and held out.
std::vector<std::vector<std::size_t>> out_of_fold(std::span<const Member> members, const mesh_io::Dataset& data,
                                                  const std::string& split);

}  // namespace streamtube::solver
