#pragma once
// Designs that are solved once more with other cells: which, and what comes out differently. That is what a label is
// worth, and what no model can fall below.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "mesh_io/h5/dataset.hpp"

namespace streamtube::solver {

// A share of the designs, evenly along their list, and at least one (share 0: none). Of designs that some split does
// not hold back for a test those only, if there are any: no split of the noise is that of the test alone. More designs
// at the end of the list change nothing of those before them, but where there was only the one.
std::set<std::string> to_repeat(const std::vector<std::string>& designs, const mesh_io::Splits& splits, double share);

// |first - again| over |first|, root mean squares over all places of the first: "surface/pressure",
// "surface/wall_shear_stress", "volume/velocity". `again` is read at its nearest face or cell, so that the
// interpolation between two meshes is in it.
std::map<std::string, double> field_differences(const mesh_io::FlowSample& first, const mesh_io::FlowSample& again);

// Keeps in the quality of a case what its second solution gave: "repeat_Cd", "repeat_Cl", "repeat_difference_<field>".
void add_repeat(mesh_io::FlowSample& first, const mesh_io::FlowSample& again);
// The scatter of all cases that have these; `source` says in words how it was measured.
mesh_io::LabelNoise noise_of_repeats(const std::vector<mesh_io::CaseInfo>& cases, const std::string& source);

}  // namespace streamtube::solver
