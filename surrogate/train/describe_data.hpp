#pragma once
// What a data set tells of a model that is trained on it, in the place of a hand-written description.

#include <string>
#include <vector>

#include "mesh_io/h5/dataset.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "surrogate/train/loader.hpp"

namespace streamtube::surrogate {

// Name, fields and words of a model without a description.
Checkpoint describe_fields(const mesh_io::Dataset& data, const std::string& name);

// The flow of the case in the middle of the cases' velocities; the given one stays where it lies among them.
Reference reference_flow(const mesh_io::Dataset& data, const std::vector<std::size_t>& cases, Reference given);

// How cases are presented where nobody says it: faces as large as the data's (the median of their square roots), volume
// anchors from a mesh refined towards body and wake, in proportion to the bodies' median length, as snappyHexMesh makes
// it for cars. Lengths of the network's world; `domain` is that of the volume points there.
Sampling default_sampling(const mesh_io::Dataset& data, const std::vector<std::size_t>& cases, const CaseWorld& world,
                          const Box& domain);

// "trained by Streamtube 0.1.0 on 72 cases of 'ahmed.h5' (...), 8 cases for validation. WORDS"
std::string provenance_text(const mesh_io::Dataset& data, std::size_t training, std::size_t validation,
                            const std::string& words);

}  // namespace streamtube::surrogate
