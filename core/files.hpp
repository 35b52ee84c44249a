#pragma once
// Files that appear under their final name only when complete.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace streamtube::core {

// Writes beside `path` under a temporary name through `write(temporary)`, fsyncs, renames. The temporary exists and is
// empty when `write` is called, and ends in the extension of `path`. On any failure the temporary is removed; the
// system's refusals and foreign exceptions become an Error(runtime) that names the path and the reason (disk full,
// permission), an Error of `write` itself passes. An existing file is replaced: whether that is wanted is decided
// before (require_writable).
void write_atomically(const std::string& path, const std::function<void(const std::string& temporary)>& write);
// Removes what a killed process left beside `path` of such a write. For files that one process at a time writes.
void remove_leftovers(const std::string& path);
void write_text(const std::string& path, const std::string& text);
std::string read_text(const std::string& path);  // Error(input)

// The folder is none of a file's name and holds none of `names` unless `overwrite`. Error(usage) as require_writable().
void require_no_results(const std::string& folder, const std::vector<std::string>& names, bool overwrite);
// The folder exists or can be made, can be written, and holds none of `names` unless `overwrite`. Error(usage) for
// files in the way (hint: --overwrite), Error(runtime) for what the system refuses. The folder exists afterwards.
void require_writable(const std::string& folder, const std::vector<std::string>& names, bool overwrite);

// Everything right in the folder is what the program writes there, as `ours` knows. Else Error(usage) that names the
// first that is not: nobody's files are removed with ours. A folder that is not there is fine.
void require_only_ours(const std::string& folder, const std::function<bool(const std::string& path)>& ours);

// "3.2 MB", for people.
std::string size_text(std::uint64_t bytes);

// Error(runtime) unless the disk of `folder` (or of its nearest existing parent) has this many bytes free.
void require_disk_space(const std::string& folder, std::uint64_t bytes);

// Removes temporaries of this process; called on a second Ctrl-C and by a failing main(). Safe to call at any time,
// also in a signal handler.
void remove_temporaries() noexcept;

std::string sha256_file(const std::string& path);  // hex; Error(input)
}  // namespace streamtube::core
