#pragma once
// NVIDIA's libraries are opened when first needed, so that the program starts on a machine that has only the driver;
// what is not there is a reason, not a failure.

#include <string>

namespace streamtube::surrogate::cuda {

class Library {
 public:
  // `file` as the linker names it, "libcublasLt.so.13": where the system looks, else beside the CUDA of the build.
  explicit Library(const char* file);
  // Null, with the reason in missing(), where library or function are not there.
  void* find(const char* function);
  // find() for a function's declaration: library.load(api.create, "cublasLtCreate").
  template <class Function>
  void load(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(find(name));
  }
  void* handle() const { return handle_; }
  const std::string& missing() const { return missing_; }  // empty: all was found

 private:
  std::string file_, missing_;
  void* handle_ = nullptr;
};

}  // namespace streamtube::surrogate::cuda
