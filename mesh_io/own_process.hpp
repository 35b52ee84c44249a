#pragma once
// Private to mesh_io: work for a library that may crash on a damaged file, done in a process of its own.

#include <cstdint>
#include <functional>
#include <string>

namespace streamtube::mesh_io {

// Runs `work` in a copy of this process, silent on the terminal, and returns the bytes it returned. An Error thrown
// there is thrown here; a crash there, or more than `seconds` of processor time, becomes Error(input) that begins with
// `where`, being killed Error(runtime).
// Throws core::Interrupted on Ctrl-C and ends the copy. Only the calling thread goes on in the copy: `work` must not
// rely on threads started before.
std::string run_apart(const std::string& where, std::uint64_t seconds, const std::function<std::string()>& work);

}  // namespace streamtube::mesh_io
