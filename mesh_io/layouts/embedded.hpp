#pragma once
// The tables beside this file, as CMake builds them in.

#include <string>
#include <utility>
#include <vector>

namespace streamtube::mesh_io {

const std::vector<std::pair<std::string, std::string>>& embedded_layouts();  // file name, text

}  // namespace streamtube::mesh_io
