#include "core/output_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "core/error.hpp"
#include "core/files.hpp"

namespace streamtube::core {
namespace {

namespace fs = std::filesystem;

std::string lock_of(const std::string& output, OutputLock::Place place) {
  std::error_code error;
  fs::path path = fs::weakly_canonical(fs::absolute(output), error);
  if (error) path = fs::absolute(output);
  if (place == OutputLock::Place::inside) return (path / ".lock").string();
  if (!path.has_filename()) path = path.parent_path();  // "out/" that is not there yet
  return (path.parent_path() / str('.', path.filename().string(), ".lock")).string();
}

}  // namespace

void OutputLock::take(const std::string& output, Place place) {
  expect(file_ < 0, "OutputLock: it is taken already");
  path_ = lock_of(output, place);
  for (;;) {
    file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file_ < 0) return;
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
      const int reason = errno;
      ::close(file_);
      file_ = -1;
      if (reason != EWOULDBLOCK) return;  // no locks here
      throw Error(ErrorKind::usage, str("'", output, "': another run is writing its results there"),
                  "wait for it, or choose another output");
    }
    // The run before may have removed the file between the two: then the lock is of a file that nobody else finds.
    struct stat mine {
    }, there{};
    if (::fstat(file_, &mine) == 0 && ::stat(path_.c_str(), &there) == 0 && mine.st_ino == there.st_ino) break;
    ::close(file_);
  }
  if (place == Place::beside) remove_leftovers(output);
}

OutputLock::~OutputLock() {
  if (file_ < 0) return;
  ::unlink(path_.c_str());
  ::close(file_);
}

OutputFile::OutputFile(const std::string& path, bool overwrite) {
  lock_.take(path, OutputLock::Place::beside);
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(path, ignored)) && !overwrite)
    throw Error(ErrorKind::usage, str("'", path, "' is there already"), "--overwrite replaces it");
}

}  // namespace streamtube::core
