#pragma once
// What a model may say it knows, measured on the cases it is trained on.

#include <vector>

#include "mesh_io/h5/dataset.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "surrogate/train/loader.hpp"

namespace streamtube::surrogate {

struct TrainingRange {
  Box domain;  // m, around the volume points, down to the ground at z = 0 where they begin just above it
  std::vector<Range>
      ranges;  // length, width, height, front_x, center_y, ground_clearance, surface_area, Reynolds number
};

// Of the given cases in the network's world: where that has a canonical length, of bodies so long. A range is wider by
// a hundredth of the greatest length to both sides than its cases, which stand for more than themselves; the Reynolds
// number by a tenth. Reads every surface and all volume positions.
TrainingRange measure_range(const mesh_io::Dataset& data, const std::vector<std::size_t>& cases,
                            const CaseWorld& world);

}  // namespace streamtube::surrogate
