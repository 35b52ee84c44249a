#pragma once
// Private to mesh_io: what VTK's XML readers take on trust.

#include "mesh_io/input_file.hpp"

namespace streamtube::mesh_io {

// Throws Error(input) where an XML file of VTK is cut short, gives counts that cannot fit it, or holds compressed
// blocks whose sizes make no sense: VTK 9.1 divides by those, and allocates for them.
void check_xml_file(const InputFile& file);

}  // namespace streamtube::mesh_io
