#pragma once
// Private to mesh_io: what VTK's legacy reader takes on trust.

#include "mesh_io/input_file.hpp"

namespace streamtube::mesh_io {

// Throws Error(input) where a legacy VTK file's counts cannot fit the file, or a list of cells is cut short or does not
// add up: VTK 9.1 crashes on those.
void check_legacy_file(const InputFile& file);

}  // namespace streamtube::mesh_io
