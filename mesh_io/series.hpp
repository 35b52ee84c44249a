#pragma once
// A ParaView collection that steps through variants as if they were times.

#include <string>
#include <vector>

namespace streamtube::mesh_io {

struct SeriesEntry {
  std::string name, file;  // file: relative to the collection's folder
  double time = 0;         // those of one time are seen together
};
void write_series(const std::string& path, const std::vector<SeriesEntry>& entries);

}  // namespace streamtube::mesh_io
