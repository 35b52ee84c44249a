#include "surrogate/backends/cuda_library.hpp"

#include <dlfcn.h>

#include "core/error.hpp"

namespace streamtube::surrogate::cuda {

Library::Library(const char* file) : file_(file) {
  handle_ = dlopen(file, RTLD_NOW | RTLD_LOCAL);
#if defined(STREAMTUBE_CUDA_LIBRARY_DIR)
  if (!handle_) handle_ = dlopen((std::string(STREAMTUBE_CUDA_LIBRARY_DIR "/") + file).c_str(), RTLD_NOW | RTLD_LOCAL);
#endif
  if (!handle_) missing_ = core::str(file, " was not found");
}

void* Library::find(const char* function) {
  void* at = handle_ ? dlsym(handle_, function) : nullptr;
  if (!at && missing_.empty()) missing_ = core::str(file_, " has no ", function, ": it is too old");
  return at;
}

}  // namespace streamtube::surrogate::cuda
