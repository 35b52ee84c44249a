#pragma once
// A folder of results that belong together: all of them appear at once, or none. What a killed run left in the making
// is removed by the next one.

#include <optional>
#include <string>
#include <vector>

#include "core/output_lock.hpp"

namespace streamtube::apps {

class OutputFolder {
 public:
  // `all`: every name this program ever puts there. Throws Error(usage) when one is there and `overwrite` is not set,
  // or another run is writing there, Error(runtime) when the folder cannot be made or written.
  OutputFolder(std::string path, std::vector<std::string> all, bool overwrite);
  // Without commit(): removes what was written, and the folder if it was made here.
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  // Where to write `name` (one of `all`) for now.
  std::string file(const std::string& name);
  // Moves the written files to their final names in the order they were asked for, the last one last; old results that
  // were not written again are removed. Returns the final names.
  std::vector<std::string> commit();
  const std::string& path() const { return path_; }
  // `message` with the final names where it has those of file().
  std::string with_final_names(std::string message) const;

 private:
  std::string path_, staging_;
  std::vector<std::string> all_, written_;
  bool created_ = false, committed_ = false;
  std::optional<core::OutputLock> lock_;
};

}  // namespace streamtube::apps
