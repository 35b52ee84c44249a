#pragma once
// Work for a library that may crash on a damaged file, or that cannot be interrupted, done in a process of its own.

#include <cstdint>
#include <functional>
#include <string>

namespace streamtube::core {

struct Apart {
  std::string where;                                                       // messages begin with it
  std::uint64_t seconds = 0;                                               // of processor time, at most
  std::string who = "its reader";                                          // did not end, or crashed
  std::string why = "the file is damaged, or the tolerance far too fine";  // it did not end
  std::string hint = "export or copy the file again, or export the body as STL";
  std::string blame = "the file is damaged: ";  // before who crashed
};

// Runs `work` in a copy of this process, silent on the terminal, and returns the bytes it returned. An Error thrown
// there is thrown here; a crash there, or more than the processor time it has, becomes
// Error(input), being killed Error(runtime).
// Throws core::Interrupted on Ctrl-C and ends the copy. Only the calling thread goes on in the copy: `work` must not
// rely on threads started before.
std::string run_apart(const Apart& how, const std::function<std::string()>& work);

}  // namespace streamtube::core
