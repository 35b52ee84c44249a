#pragma once
// Data sets of text, for tables.

#include <string>
#include <utility>
#include <vector>

namespace streamtube::mesh_io {

// Adds data sets of one dimension of UTF-8 strings, each of its longest one's length, to a file that is there and
// closed. Error(runtime) naming `name`, which stands for the file in messages.
void add_text_columns(const std::string& path, const std::string& name,
                      const std::vector<std::pair<std::string, std::vector<std::string>>>& columns);

}  // namespace streamtube::mesh_io
