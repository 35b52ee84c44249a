// Linear layers of the ShapeNet-Car configuration: our paths, and libraries if they are there (loaded by name, so that
// nothing is linked to them). Choose with STREAMTUBE_CPU_PATH and, for OpenBLAS, OPENBLAS_CORETYPE (SkylakeX,
// Haswell...).
//
//   OPENBLAS_NUM_THREADS=2 bench_gemm [THREADS [LIBRARY...]]     libraries: libopenblas.so.0 libdnnl.so.2 libdnnl.so.3

#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "core/rng.hpp"
#include "core/runtime.hpp"
#include "surrogate/ops/linear.dev.hpp"

namespace {

using namespace streamtube;
using namespace streamtube::surrogate;

double best_seconds(const std::function<void()>& call) {
  double best = 1e300;
  for (int i = 0; i < 15; ++i) {
    const auto start = std::chrono::steady_clock::now();
    call();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

struct Problem {
  std::int64_t rows, inner, columns;
  std::vector<float> x, w, b, y;
  Problem(std::int64_t rows_, std::int64_t inner_, std::int64_t columns_)
      : rows(rows_), inner(inner_), columns(columns_) {
    core::Rng rng(1, "bench_gemm");
    const auto fill = [&](std::vector<float>& v, std::int64_t n) {
      v.resize(static_cast<std::size_t>(n));
      for (float& f : v) f = static_cast<float>(rng.normal());
    };
    fill(x, rows * inner);
    fill(w, columns * inner);
    fill(b, columns);
    y.resize(static_cast<std::size_t>(rows * columns));
  }
  double gflop() const { return 2e-9 * static_cast<double>(rows * inner * columns); }
};

}  // namespace

int main(int argc, char** argv) {
  const core::Runtime runtime({.threads = argc > 1 ? std::atoi(argv[1]) : 0});
  std::vector<Problem> problems;
  constexpr std::int64_t shapes[][3] = {{7682, 192, 768}, {7682, 768, 192}, {7682, 192, 576}, {7682, 192, 192}};
  for (const auto& [rows, inner, columns] : shapes) problems.emplace_back(rows, inner, columns);
  const BackendSet backends;
  core::Arena<HostSpace> arena;
  Context<HostSpace> context{HostSpace(), arena, backends};
  for (Problem& p : problems) {
    const auto rows = static_cast<std::size_t>(p.rows), inner = static_cast<std::size_t>(p.inner),
               columns = static_cast<std::size_t>(p.columns);
    const auto call = [&] {
      linear<float, HostSpace>(context, {p.x.data(), rows, inner}, {p.w.data(), columns, inner}, {p.b.data(), columns},
                               {p.y.data(), rows, columns});
      context.space.fence();
    };
    arena.measure(call);
    std::printf("%-28s %5lld x %3lld x %3lld  %6.0f GFLOP/s (with packing and bias)\n",
                (std::string("streamtube ") + name(backends.cpu_path())).c_str(),
                static_cast<long long>(p.rows), static_cast<long long>(p.inner), static_cast<long long>(p.columns),
                p.gflop() / best_seconds(call));
  }
  for (int i = 2; i < argc; ++i) {
    void* library = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      std::printf("%-28s not here\n", argv[i]);
      continue;
    }
    using Blas =
        void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
    using OneDnn = int (*)(char, char, std::int64_t, std::int64_t, std::int64_t, float, const float*, std::int64_t,
                           const float*, std::int64_t, float, float*, std::int64_t);
    const auto blas = reinterpret_cast<Blas>(dlsym(library, "cblas_sgemm"));
    const auto onednn = reinterpret_cast<OneDnn>(dlsym(library, "dnnl_sgemm"));
    for (Problem& p : problems) {
      const double seconds = best_seconds([&] {
        if (blas)
          blas(101, 111, 112, static_cast<int>(p.rows), static_cast<int>(p.columns), static_cast<int>(p.inner), 1,
               p.x.data(), static_cast<int>(p.inner), p.w.data(), static_cast<int>(p.inner), 0, p.y.data(),
               static_cast<int>(p.columns));
        else if (onednn)
          onednn('N', 'T', p.rows, p.columns, p.inner, 1, p.x.data(), p.inner, p.w.data(), p.inner, 0, p.y.data(),
                 p.columns);
      });
      std::printf("%-28s %5lld x %3lld x %3lld  %6.0f GFLOP/s\n", argv[i], static_cast<long long>(p.rows),
                  static_cast<long long>(p.inner), static_cast<long long>(p.columns), p.gflop() / seconds);
    }
  }
}
