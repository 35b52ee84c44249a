#pragma once
// Private to mesh_io: what VTK's XML readers take on trust.

#include <functional>
#include <string_view>

#include "mesh_io/input_file.hpp"

namespace streamtube::mesh_io {

// Throws Error(input) where an XML file of VTK is cut short, gives counts that cannot fit it, or holds compressed
// blocks whose sizes make no sense: VTK 9.1 divides by those, and allocates for them.
void check_xml_file(const InputFile& file);

// The text of every array of floating-point numbers that are written as text, in the file's own memory.
void for_ascii_arrays(const InputFile& file, const std::function<void(std::string_view numbers)>& each);

}  // namespace streamtube::mesh_io
