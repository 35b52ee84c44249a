#include "core/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include "core/error.hpp"
#include "core/sha256.hpp"

namespace streamtube::core {
namespace {

namespace fs = std::filesystem;

// A fixed table of names, because remove_temporaries() must neither lock nor allocate in a signal handler.
std::atomic<char*> temporaries[256];

class Temporary {
 public:
  explicit Temporary(const std::string& path) : name_(strdup(path.c_str())) {
    for (auto& slot : temporaries) {
      char* none = nullptr;
      if (name_ && slot.compare_exchange_strong(none, name_)) {
        slot_ = &slot;
        return;
      }
    }
    std::free(name_);
    unlink(path.c_str());
    throw Error(ErrorKind::internal, str("'", path, "': too many files are being written at once"));
  }
  ~Temporary() {
    if (!renamed_) unlink(name_);
    // If the slot is empty, remove_temporaries() took the name and may still be reading it: leave it.
    char* mine = name_;
    if (slot_->compare_exchange_strong(mine, nullptr)) std::free(name_);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  void renamed() { renamed_ = true; }

 private:
  char* name_;
  std::atomic<char*>* slot_ = nullptr;
  bool renamed_ = false;
};

std::string reason(int code) { return std::generic_category().message(code); }

[[noreturn]] void refuse(const std::string& path, int code, const char* what = "cannot write") {
  const char* hint = code == ENOSPC || code == EDQUOT ? "free some space or choose another folder with --out"
                     : code == EACCES || code == EPERM || code == EROFS ? "choose a folder you may write with --out"
                     : code == ENOENT                                   ? "create the folder first"
                                                                        : "";
  throw Error(ErrorKind::runtime, str(what, " '", path, "': ", reason(code)), hint);
}

void sync(const std::string& path, const std::string& name, int flags) {
  const int file = open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) refuse(name, errno);
  const int failed = fsync(file) ? errno : 0;
  close(file);
  // Some file systems have no fsync for folders or special files; that is no failure to write.
  if (failed && failed != EINVAL && failed != ENOTSUP) refuse(name, failed);
}

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Closer>;

File open_to_read(const std::string& path) {
  std::error_code ignored;
  const int code = fs::is_directory(path, ignored) ? EISDIR : 0;
  File file(code ? nullptr : std::fopen(path.c_str(), "rb"));
  if (!file)
    throw Error(ErrorKind::input, str("cannot read '", path, "': ", reason(code ? code : errno)),
                "check the path and its permissions");
  return file;
}

// Of a temporary's name; process, '-', number and extension follow.
std::string temporary_prefix(const fs::path& target) { return str('.', target.stem().string(), ".part-"); }

}  // namespace

void remove_leftovers(const std::string& path) {
  const fs::path target(path), folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  const std::string prefix = temporary_prefix(target), extension = target.extension().string();
  std::error_code ignored;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.size() <= prefix.size() + extension.size() || name.rfind(prefix, 0) != 0 ||
        entry.path().extension() != extension)
      continue;
    const std::string rest = name.substr(prefix.size(), name.size() - prefix.size() - extension.size());
    if (rest.find_first_not_of("0123456789-") == std::string::npos) found.push_back(entry.path());
  }
  for (const fs::path& leftover : found) fs::remove(leftover, ignored);
}

void write_atomically(const std::string& path, const std::function<void(const std::string&)>& write) {
  const fs::path target(path);
  expect(target.has_filename(), "write_atomically: the path has no file name");
  std::error_code ignored;
  const auto status = fs::status(target, ignored);
  // A rename would replace a device such as /dev/null by a file.
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw Error(ErrorKind::usage, str("cannot write '", path, "': it exists and is not a regular file"),
                "choose another name");
  static std::atomic<unsigned> number{0};
  const std::string temporary =
      (target.parent_path() / str(temporary_prefix(target), getpid(), '-', number++, target.extension().string()))
          .string();
  // Made here so that a missing folder or permission is reported by the system's reason, whatever `write` uses.
  const int file = open(temporary.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
  if (file < 0) refuse(path, errno);
  close(file);
  Temporary guard(temporary);
  try {
    write(temporary);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& failure) {
    throw Error(ErrorKind::runtime, str("cannot write '", path, "': ", failure.what()));
  }
  sync(temporary, path, O_RDONLY);
  if (std::rename(temporary.c_str(), path.c_str())) refuse(path, errno);
  guard.renamed();
  sync(target.has_parent_path() ? target.parent_path().string() : ".", path, O_RDONLY | O_DIRECTORY);
}

void write_text(const std::string& path, const std::string& text) {
  write_atomically(path, [&](const std::string& temporary) {
    File file(std::fopen(temporary.c_str(), "wb"));
    if (!file) refuse(path, errno);
    if (std::fwrite(text.data(), 1, text.size(), file.get()) != text.size()) refuse(path, errno);
    if (std::fclose(file.release())) refuse(path, errno);
  });
}

std::string read_text(const std::string& path) {
  const File file = open_to_read(path);
  std::string text;
  char buffer[65536];
  while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, file.get())) text.append(buffer, n);
  if (std::ferror(file.get())) throw Error(ErrorKind::input, str("cannot read '", path, "': ", reason(errno)));
  return text;
}

std::string sha256_file(const std::string& path) {
  const File file = open_to_read(path);
  Sha256 hash;
  std::vector<char> buffer(1 << 20);
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), file.get())) hash.update(buffer.data(), n);
  if (std::ferror(file.get())) throw Error(ErrorKind::input, str("cannot read '", path, "': ", reason(errno)));
  return hash.hex();
}

void require_no_results(const std::string& folder, const std::vector<std::string>& names, bool overwrite) {
  const fs::path path = folder.empty() ? fs::path(".") : fs::path(folder);
  std::error_code code;
  const auto status = fs::status(path, code);
  if (fs::exists(status) && !fs::is_directory(status))
    throw Error(ErrorKind::usage, str("'", folder, "' is a file, but results need a folder"),
                "choose another folder with --out");
  if (!overwrite) {
    std::string in_the_way;
    for (const auto& name : names)
      if (fs::exists(fs::symlink_status(path / name, code))) in_the_way += (in_the_way.empty() ? "" : ", ") + name;
    if (!in_the_way.empty())
      throw Error(ErrorKind::usage, str("'", folder, "' already holds ", in_the_way),
                  "pass --overwrite to replace them, or choose another folder with --out");
  }
}

void require_writable(const std::string& folder, const std::vector<std::string>& names, bool overwrite) {
  require_no_results(folder, names, overwrite);
  const fs::path path = folder.empty() ? fs::path(".") : fs::path(folder);
  std::error_code code;
  fs::create_directories(path, code);
  if (code) refuse(folder, code.value(), "cannot make the folder");
  const std::string probe = (path / str(".streamtube-probe-", getpid())).string();
  const int file = open(probe.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) refuse(folder, errno, "cannot write into the folder");
  close(file);
  unlink(probe.c_str());
}

void require_only_ours(const std::string& folder, const std::function<bool(const std::string& path)>& ours) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (!ours(entry.path().string()))
      throw Error(ErrorKind::usage,
                  str("'", folder, "' holds '", entry.path().filename().string(), "', which is not ours to remove"),
                  "move it away, or choose another output");
}

std::string size_text(std::uint64_t bytes) {
  const double n = static_cast<double>(bytes);
  char text[32];
  if (n < 1e6)
    std::snprintf(text, sizeof text, "%.3g kB", n / 1e3);
  else if (n < 1e9)
    std::snprintf(text, sizeof text, "%.3g MB", n / 1e6);
  else
    std::snprintf(text, sizeof text, "%.4g GB", n / 1e9);
  return text;
}

void require_disk_space(const std::string& folder, std::uint64_t bytes) {
  fs::path path = fs::absolute(folder.empty() ? "." : folder);
  std::error_code code;
  while (!fs::exists(path, code) && path.has_relative_path()) path = path.parent_path();
  struct statvfs disk {};
  if (statvfs(path.c_str(), &disk)) return;  // some file systems cannot tell; a failed write will
  const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (free < bytes)
    throw Error(
        ErrorKind::runtime,
        str("'", folder, "': the results take ", size_text(bytes), ", but the disk has ", size_text(free), " free"),
        "free some space or choose another folder with --out");
}

void remove_temporaries() noexcept {
  for (auto& slot : temporaries)
    if (const char* name = slot.exchange(nullptr)) unlink(name);
}

}  // namespace streamtube::core
