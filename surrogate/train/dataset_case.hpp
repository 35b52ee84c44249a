#pragma once
// What the network is told of a data set's case beside its points: how large it is, where its walls are, its
// conditions.

#include <cstddef>
#include <vector>

#include "geometry/wall_distance.hpp"
#include "mesh_io/h5/dataset.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"

namespace streamtube::surrogate {

// m, extent along x of the case's body: of its triangles where it has them, else of its faces, taken as discs.
double body_length(const mesh_io::Dataset& data, std::size_t index);

// The case's walls, m: its triangles where it has them, else its faces; of very many an even share, each as large as
// those it stands for.
geometry::WallDistance walls_of(const mesh_io::Dataset& data, std::size_t index);

// What the case gives for the network's conditions; "reynolds_number" is made with `length` (m, body_length()).
// Error(input) naming the case and all that it lacks.
std::vector<float> conditions_of(const std::vector<Condition>& conditions, const mesh_io::CaseInfo& info,
                                 double length);

// Conditions as a recipe names them ("yaw", "log10(reynolds_number)") with center, scale and range of the given cases.
// Error(input) for a number that a case lacks, is the same in all cases, or has no logarithm; for a name given twice.
std::vector<Condition> make_conditions(const std::vector<std::string>& names, const mesh_io::Dataset& data,
                                       const std::vector<std::size_t>& cases, const std::vector<double>& lengths);

}  // namespace streamtube::surrogate
