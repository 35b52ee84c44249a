#pragma once
// Private to mesh_io: cases of OpenFOAM whose processors share files ("collated", fileHandler collated): one folder
// processors4, or several that hold a range each, processors4_0-1 and processors4_2-3. A file is a header of the class
// decomposedBlockData and one list of bytes a processor; the first begins with the header that all share
// (OpenFOAM's decomposedBlockData.H, fileOperation.H).

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace streamtube::mesh_io {

class CollatedCase {
 public:
  // Nothing where `path` has no such folder. Error(input): processors that are missing or twice.
  static std::optional<CollatedCase> find(const std::string& path);

  std::size_t processors() const { return processors_; }
  // The folders of the case, of the first processors first.
  std::vector<std::filesystem::path> folders() const;
  // Writes the file `name` ("100/U") of every processor as OpenFOAM would have without collating: to/processor2/100/U.
  // Files that are there stay. Error(input) names a file that is missing, damaged or has too few processors.
  void split(const std::string& name, const std::filesystem::path& to) const;

 private:
  struct Part {
    std::filesystem::path folder;
    std::size_t first = 0, count = 0;  // processors
  };
  std::string path_;
  std::vector<Part> parts_;
  std::size_t processors_ = 0;
};

// A folder of this process in the system's place for temporary files, removed with everything in it at the end.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace streamtube::mesh_io
