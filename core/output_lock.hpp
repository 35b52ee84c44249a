#pragma once
// One run at a time writes an output. Runs that name the same place are told, instead of one losing the other's
// results.

#include <string>

namespace streamtube::core {

class OutputLock {
 public:
  // inside: `output` is a folder that exists, and the lock is its file .lock; beside: .NAME.lock, next to the output.
  enum class Place { inside, beside };

  OutputLock() = default;
  ~OutputLock();
  OutputLock(const OutputLock&) = delete;
  OutputLock& operator=(const OutputLock&) = delete;

  // Removes what a killed run was writing beside. Error(usage) when another run holds it. Where the disk has no locks
  // or may not be written there is none; what writes will say so. It is gone with the object or the process; links and
  // spellings of one place are the same.
  void take(const std::string& output, Place place);
  bool held() const { return file_ >= 0; }

 private:
  std::string path_;
  int file_ = -1;
};

// The lock of a file that is to be written (or of a folder that stands for one output, such as a data set's), taken
// before it is looked at: Error(usage) when it is there and may not be replaced.
class OutputFile {
 public:
  OutputFile(const std::string& path, bool overwrite);

 private:
  OutputLock lock_;
};

}  // namespace streamtube::core
