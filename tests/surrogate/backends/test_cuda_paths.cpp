// The guard of the GPU's fast paths, and what a program or machine without them says.
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/error.hpp"
#include "core/runtime.hpp"
#include "surrogate/backends/cuda_kernels.hpp"
#include "surrogate/backends/cuda_library.hpp"
#include "surrogate/backends/cuda_paths.hpp"

using namespace streamtube;
using namespace streamtube::surrogate;
using cuda::Guard;

TEST_CASE("a path is checked once, and used where it agrees with the portable kernels") {
  int checks = 0;
  Guard good("good", 1e-3, [&] { return ++checks, Guard::Finding{false, 1e-3, {}}; });
  CHECK(good.usable());
  CHECK(good.usable());
  CHECK(checks == 1);
  CHECK(good.reason().find("0.001") != std::string::npos);
  Guard wrong("wrong", 1e-3, [] { return Guard::Finding{false, 1.01e-3, {}}; });
  CHECK(!wrong.usable());
  CHECK(!wrong.usable());
  CHECK(wrong.reason().find("switched off") == 0);
  CHECK(wrong.reason().find("allowed 0.001") != std::string::npos);
  Guard nothing("not a number", 1e-3, [] { return Guard::Finding{false, std::nan(""), {}}; });
  CHECK(!nothing.usable());
}

TEST_CASE("a path that fails or declines is off, with what it said") {
  Guard failing("failing", 1,
                []() -> Guard::Finding { throw core::Error(core::ErrorKind::runtime, "cublasLtMatmul: broken"); });
  CHECK(!failing.usable());
  CHECK(failing.reason() == "switched off: cublasLtMatmul: broken");
  Guard other("other", 1, []() -> Guard::Finding { throw std::runtime_error("no symbol"); });
  CHECK(!other.usable());
  CHECK(other.reason().find("no symbol") != std::string::npos);
  Guard declining("declining", 1, [] { return Guard::Finding{true, 0, "libcudnn.so.9 was not found"}; });
  CHECK(!declining.usable());
  CHECK(declining.reason() == "libcudnn.so.9 was not found");
}

TEST_CASE("a path may be run by its own check") {
  Guard* self = nullptr;
  bool asked = false;
  Guard path("path", 1, [&] {
    asked = self->usable();
    return Guard::Finding{};
  });
  self = &path;
  CHECK(path.usable());
  CHECK(asked);
}

TEST_CASE("a library or a function that is not there is a reason") {
  cuda::Library none("libstreamtube_has_no_such.so.1");
  CHECK(none.find("f") == nullptr);
  CHECK(none.missing() == "libstreamtube_has_no_such.so.1 was not found");
  cuda::Library c("libc.so.6");
  CHECK(c.missing().empty());
  CHECK(c.find("getenv") != nullptr);
  CHECK(c.missing().empty());
  CHECK(c.find("streamtube_has_no_such") == nullptr);
  CHECK(c.missing().find("streamtube_has_no_such") != std::string::npos);
}

TEST_CASE("without a GPU every path of its is listed as absent and declines") {
  if (core::backend() == core::Backend::cuda) SKIP("a GPU is in use");
  const auto paths = cuda::report();
  CHECK(paths.size() >= 6);
  for (const BackendInfo& path : paths) {
    CHECK(!path.available);
    CHECK(!path.used);
    CHECK(!path.reason.empty());
  }
  CHECK(!cuda::cublaslt_gemm(nullptr, {}));
  CHECK(!cuda::cudnn_attention(nullptr, {}));
}

TEST_CASE("tf32 is refused on the CPU and bf16 is there on every GPU") {
  try {
    BackendSet refused(Precision::tf32);
    FAIL("no error");
  } catch (const core::Error& error) {
    CHECK(error.kind() == core::ErrorKind::usage);
    CHECK(error.message() == "precision tf32 needs an NVIDIA GPU");
  }
  CHECK(BackendSet(Precision::tf32, true).precision() == Precision::tf32);
  CHECK(BackendSet(Precision::bf16, true).precision() == Precision::bf16);
}
