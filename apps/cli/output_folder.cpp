#include "apps/cli/output_folder.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "core/error.hpp"
#include "core/files.hpp"

namespace streamtube::apps {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::str;

namespace {

const std::string kStaging = ".partial-";

// Of runs that were killed: who writes now holds the lock.
void remove_dead_runs(const std::string& path) {
  std::error_code ignored;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(path, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kStaging) && name.size() > kStaging.size() &&
        name.find_first_not_of("0123456789", kStaging.size()) == std::string::npos)
      found.push_back(entry.path());
  }
  for (const fs::path& folder : found) fs::remove_all(folder, ignored);
}

}  // namespace

OutputFolder::OutputFolder(std::string path, std::vector<std::string> all, bool overwrite)
    : path_(std::move(path)), all_(std::move(all)) {
  std::error_code error;
  created_ = !fs::exists(path_, error);
  core::require_writable(path_, {}, overwrite);
  try {
    lock_.emplace().take(path_, core::OutputLock::Place::inside);
    core::require_no_results(path_, all_, overwrite);
  } catch (const Error&) {
    lock_.reset();
    if (created_) fs::remove(path_, error);
    throw;
  }
  if (lock_->held()) remove_dead_runs(path_);
  staging_ = (fs::path(path_) / str(kStaging, ::getpid())).string();
  if (!fs::create_directory(staging_, error) && error)
    throw Error(ErrorKind::runtime, str("'", path_, "': cannot be written: ", error.message()),
                "choose another folder with --out");
}

OutputFolder::~OutputFolder() {
  std::error_code error;
  fs::remove_all(staging_, error);
  lock_.reset();
  if (created_ && !committed_) fs::remove(path_, error);  // fails, as it should, when something else came in
}

std::string OutputFolder::file(const std::string& name) {
  core::expect(std::find(all_.begin(), all_.end(), name) != all_.end(), "OutputFolder: a name that was not announced");
  if (std::find(written_.begin(), written_.end(), name) == written_.end()) written_.push_back(name);
  return (fs::path(staging_) / name).string();
}

std::string OutputFolder::with_final_names(std::string message) const {
  for (std::size_t at; (at = message.find(staging_)) != std::string::npos;) message.replace(at, staging_.size(), path_);
  return message;
}

std::vector<std::string> OutputFolder::commit() {
  // First the old ones go, the last written name (which vouches for the others) before all.
  std::vector<std::string> final;
  for (auto name = all_.rbegin(); name != all_.rend(); ++name) {
    std::error_code error;
    fs::remove(fs::path(path_) / *name, error);
    if (error)
      throw Error(ErrorKind::runtime,
                  str("'", (fs::path(path_) / *name).string(), "': cannot be replaced: ", error.message()));
  }
  for (const auto& name : written_) {
    const fs::path to = fs::path(path_) / name;
    std::error_code error;
    fs::rename(fs::path(staging_) / name, to, error);
    if (error) throw Error(ErrorKind::runtime, str("'", to.string(), "': cannot be written: ", error.message()));
    committed_ = true;
    final.push_back(to.string());
  }
  return final;
}

}  // namespace streamtube::apps
