// The checks of the GPU's fast paths: each against the portable kernels of the host.
#include "surrogate/backends/cuda_paths.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "core/runtime.hpp"
#include "surrogate/backends/cuda.dev.hpp"
#include "surrogate/backends/cuda_kernels.hpp"
#include "surrogate/ops/attention.dev.hpp"
#include "surrogate/ops/linear.dev.hpp"

namespace streamtube::surrogate::cuda {
namespace {

struct Named {
  Path path;
  const char *operation, *name, *what;
};
constexpr Named paths[] = {
    {Path::linear_fp32, "linear", "cublaslt fp32", "float32 products"},
    {Path::linear_tf32, "linear", "cublaslt tf32", "products of 11 bits, training with precision tf32"},
    {Path::linear_bf16, "linear", "cublaslt bf16", "bfloat16 products, float32 results, training with precision bf16"},
    {Path::linear16, "linear", "cublaslt 16-bit", "bfloat16 in memory, the 16-bit pass"},
    {Path::attention16, "attention", "cudnn 16-bit", "bfloat16 in memory, the 16-bit pass"},
    {Path::hopper_attention, "attention", "hopper 16-bit", "own kernel (wgmma, TMA), the 16-bit pass"},
    {Path::attention_training, "attention", "cudnn bf16", "bfloat16 products, training with precision bf16"},
};

#ifdef KOKKOS_ENABLE_CUDA

using Device = Kokkos::Cuda;
using Numbers = std::vector<float>;
constexpr int heads = 3, head = 64, width = heads * head;

Numbers random_numbers(std::size_t size, unsigned seed, bool rounded = false) {
  std::mt19937 draw(seed);
  std::uniform_real_distribution<float> value(-1, 1);
  Numbers x(size);
  for (float& a : x) a = rounded ? to_float(to_bf16(value(draw))) : value(draw);
  return x;
}

template <class T>
using Array = Kokkos::View<T*, Device::memory_space>;
template <class T>
Array<T> on_device(const std::vector<T>& values) {
  Array<T> array("streamtube::surrogate::cuda::check", values.size());
  Kokkos::deep_copy(array, Kokkos::View<const T*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(
                               values.data(), values.size()));
  return array;
}
template <class T>
std::vector<T> on_host(const Array<T>& array) {
  std::vector<T> values(array.extent(0));
  Kokkos::deep_copy(
      Kokkos::View<T*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(values.data(), values.size()),
      array);
  return values;
}
std::vector<Bf16> narrowed(const Numbers& x) {
  std::vector<Bf16> y;
  for (const float a : x) y.push_back(to_bf16(a));
  return y;
}
Numbers widened(const std::vector<Bf16>& x) {
  Numbers y;
  for (const Bf16 a : x) y.push_back(to_float(a));
  return y;
}
double difference(const Numbers& fast, const Numbers& reference) {
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const double e = double{fast[i]} - double{reference[i]};
    error += e * e, norm += double{reference[i]} * double{reference[i]};
  }
  return std::sqrt(error / norm);
}

Mat<float, HostSpace> mat(Numbers& x, std::size_t columns) { return {x.data(), x.size() / columns, columns}; }
Vec<const float, HostSpace> vec(const Numbers& x) { return {x.data(), x.size()}; }

// Of the arena, what an op takes.
template <class Space, class Op>
void with_arena(const BackendSet& backends, const Op& op) {
  core::Arena<Space> arena;
  Context<Space> context{Space(), arena, backends};
  arena.measure([&] { op(context); });
  op(context);
  context.space.fence("streamtube::surrogate::cuda::check");
}
template <class Op>
void portable(const Op& op) {
  with_arena<HostSpace>(BackendSet(CpuPath::portable), op);
}

Guard::Finding declined(const std::string& missing) {
  return {true, 0, missing.empty() ? "has no algorithm for the problem of its check" : missing};
}

Guard::Finding check_linear(Precision precision) {
  if (!cublaslt_missing().empty()) return declined(cublaslt_missing());
  constexpr std::int64_t rows = 200, columns = 96, inner = 64;
  Numbers x = random_numbers(rows * inner, 1), w = random_numbers(columns * inner, 2),
          bias = random_numbers(columns, 3), gate = random_numbers(columns, 4),
          start = random_numbers(rows * columns, 5), dy = random_numbers(rows * columns, 6);
  const Array<float> dx = on_device(x), dw = on_device(w), dbias = on_device(bias), dgate = on_device(gate),
                     ddy = on_device(dy);
  const BackendSet backends(precision, true);
  Guard::Finding found;
  const auto compare = [&](const Array<float>& fast, const Numbers& reference) {
    found.error = std::max(found.error, difference(on_host(fast), reference));
  };
  for (const auto& [epilogue, gated] : {std::pair{Epilogue::store, false},
                                        {Epilogue::gelu, false},
                                        {Epilogue::accumulate, false},
                                        {Epilogue::accumulate, true}}) {
    Numbers y = start;
    portable([&](Context<HostSpace>& c) {
      linear<float, HostSpace>(c, mat(x, inner), mat(w, inner), vec(bias), mat(y, columns), epilogue,
                               gated ? vec(gate) : Vec<const float, HostSpace>());
    });
    const Array<float> fast = on_device(start);
    const GemmDesc<float> g{dx.data(), dw.data(), dbias.data(), gated ? dgate.data() : nullptr, fast.data(), rows,
                            columns,   inner,     epilogue};
    bool done = false;
    with_arena<Device>(backends, [&](Context<Device>& c) { done = cuda::linear(c, g); });
    if (!done) return declined("");
    compare(fast, y);
  }
  Numbers back(x.size()), dweight = w;
  portable([&](Context<HostSpace>& c) {
    linear_backward<float, HostSpace>(c, mat(x, inner), mat(w, inner), mat(dy, columns), mat(back, inner),
                                      Adjoint::overwrite, mat(dweight, inner), {});
  });
  const Array<float> fast_back = on_device(Numbers(x.size())), fast_dweight = on_device(w);
  const GemmDesc<float> g{ddy.data(), dw.data(), nullptr, nullptr,         fast_back.data(),
                          rows,       inner,     columns, Epilogue::store, true};
  const WeightGradientDesc<float> wg{dx.data(), ddy.data(), fast_dweight.data(), rows, columns, inner};
  bool done = false;
  with_arena<Device>(backends, [&](Context<Device>& c) {
    done = cuda::linear(c, g);
    done = cuda::weight_gradient(c, wg) && done;
  });
  if (!done) return declined("");
  compare(fast_back, back);
  compare(fast_dweight, dweight);
  return found;
}

Guard::Finding check_linear16() {
  if (!cublaslt_missing().empty()) return declined(cublaslt_missing());
  constexpr std::int64_t rows = 200, columns = 96, inner = 64;
  Numbers x = random_numbers(rows * inner, 1, true), w = random_numbers(columns * inner, 2, true),
          bias = random_numbers(columns, 3), start = random_numbers(rows * columns, 5);
  const Array<Bf16> dx = on_device(narrowed(x)), dw = on_device(narrowed(w));
  const Array<float> dbias = on_device(bias);
  const Device space;
  Guard::Finding found;
  for (const auto& [epilogue, wide] : {std::pair{Epilogue::store, false},
                                       {Epilogue::gelu, false},
                                       {Epilogue::store, true},
                                       {Epilogue::accumulate, true}}) {
    Numbers y = start;
    portable([&](Context<HostSpace>& c) {
      linear<float, HostSpace>(c, mat(x, inner), mat(w, inner), vec(bias), mat(y, columns), epilogue);
    });
    const Array<float> y32 = on_device(start);
    const Array<Bf16> y16("streamtube::surrogate::cuda::check", start.size());
    const Gemm16Desc g{
        dx.data(), dw.data(), dbias.data(), wide ? nullptr : y16.data(), wide ? y32.data() : nullptr, rows,
        columns,   inner,     epilogue};
    if (!cublaslt_gemm(space.cuda_stream(), g)) return declined("");
    space.fence("streamtube::surrogate::cuda::check");
    found.error = std::max(found.error, difference(wide ? on_host(y32) : widened(on_host(y16)), y));
  }
  return found;
}

constexpr std::int64_t queries = 200, keys = 150;
const std::vector<Segment>& segments() {
  static const std::vector<Segment> two{{0, 128, 0, 100}, {128, queries, 40, keys}};
  return two;
}

Guard::Finding check_attention16(bool (*fast)(void*, const Attention16Desc&), const std::string& missing) {
  if (!missing.empty()) return declined(missing);
  Numbers q = random_numbers(queries * width, 1, true), k = random_numbers(keys * width, 2, true),
          v = random_numbers(keys * width, 3, true), out(q.size());
  portable([&](Context<HostSpace>& c) {
    attention<float, HostSpace>(c, heads, mat(q, width), mat(k, width), mat(v, width), segments(), mat(out, width));
  });
  const Array<Bf16> dq = on_device(narrowed(q)), dk = on_device(narrowed(k)), dv = on_device(narrowed(v)),
                    dout("streamtube::surrogate::cuda::check", q.size());
  const Device space;
  if (!fast(space.cuda_stream(), {dq.data(), dk.data(), dv.data(), dout.data(), heads, head, segments().data(), 2}))
    return declined("");
  space.fence("streamtube::surrogate::cuda::check");
  return {false, difference(widened(on_host(dout)), out), {}};
}

Guard::Finding check_attention_training() {
  if (!cudnn_missing().empty()) return declined(cudnn_missing());
  Numbers q = random_numbers(queries * width, 1), k = random_numbers(keys * width, 2),
          v = random_numbers(keys * width, 3), d = random_numbers(queries * width, 4), out(q.size()),
          sums(queries * heads), dq(q.size()), dk(k.size()), dv(k.size()), delta(queries * heads);
  portable([&](Context<HostSpace>& c) {
    attention<float, HostSpace>(c, heads, mat(q, width), mat(k, width), mat(v, width), segments(), mat(out, width),
                                mat(sums, heads));
    attention_backward<float, HostSpace>(c, heads, mat(q, width), mat(k, width), mat(v, width), mat(out, width),
                                         mat(sums, heads), mat(d, width), segments(), mat(dq, width), mat(dk, width),
                                         mat(dv, width));
  });
  const auto zeros = [](const Numbers& like) { return on_device(Numbers(like.size())); };
  const Array<float> gq = on_device(q), gk = on_device(k), gv = on_device(v), gd = on_device(d), gout = zeros(out),
                     gsums = zeros(sums), gdq = zeros(dq), gdk = zeros(dk), gdv = zeros(dv), gdelta = zeros(delta);
  const AttentionDesc<float> forward{gq.data(), gk.data(),         gv.data(), gout.data(), heads,
                                     head,      segments().data(), 2,         gsums.data()};
  const AttentionBackwardDesc<float> backward{gq.data(),     gk.data(),         gv.data(),  gd.data(),  gsums.data(),
                                              gdelta.data(), gdq.data(),        gdk.data(), gdv.data(), heads,
                                              head,          segments().data(), 2};
  bool done = false;
  with_arena<Device>(BackendSet(Precision::bf16, true), [&](Context<Device>& c) {
    done = cuda::attention(c, forward);
    done = cuda::attention_backward(c, backward, gout.data()) && done;
  });
  if (!done) return declined("");
  Guard::Finding found;
  for (const auto& [fast, reference] : {std::pair{&gout, &out}, {&gsums, &sums}, {&gdq, &dq}, {&gdk, &dk}, {&gdv, &dv}})
    found.error = std::max(found.error, difference(on_host(*fast), *reference));
  return found;
}

// Tolerances: a few times what rounding the operands costs (float32 2^-24, tf32 2^-11, bfloat16 2^-9).
Guard& guard(Path path) {
  static std::array<Guard, std::size(paths)> all{
      Guard("linear by cuBLASLt fp32", 1e-5, [] { return check_linear(Precision::fp32); }),
      Guard("linear by cuBLASLt tf32", 3e-3, [] { return check_linear(Precision::tf32); }),
      Guard("linear by cuBLASLt bf16", 1.5e-2, [] { return check_linear(Precision::bf16); }),
      Guard("the 16-bit linear by cuBLASLt", 1.5e-2, [] { return check_linear16(); }),
      Guard("the 16-bit attention by cuDNN", 2e-2, [] { return check_attention16(cudnn_attention, cudnn_missing()); }),
      Guard("the 16-bit attention for Hopper", 2e-2, [] { return check_attention16(hopper_attention, std::string()); }),
      Guard("attention by cuDNN bf16", 3e-2, [] { return check_attention_training(); })};
  return all[static_cast<std::size_t>(path)];
}

#endif

}  // namespace

#ifdef KOKKOS_ENABLE_CUDA
bool usable(Path path) { return guard(path).usable(); }

void prepare(Precision precision, bool training) {
  std::vector<Path> wanted{Path::linear_fp32};
  if (precision == Precision::tf32) wanted = {Path::linear_tf32};
  if (precision == Precision::bf16) wanted = {Path::linear_bf16, Path::attention_training};
  // The 16-bit pass is float32 in its embedding and heads, and so are derivatives.
  if (precision == Precision::bf16 && !training)
    wanted = {Path::linear_fp32, Path::linear16, Path::attention16, Path::hopper_attention};
  for (const Path path : wanted) usable(path);
}
#else
bool usable(Path) { return false; }
void prepare(Precision, bool) {}
#endif

std::vector<BackendInfo> report() {
  std::vector<BackendInfo> list;
  for (const Named& p : paths) {
    BackendInfo info{p.operation, p.name, false, false, "built without CUDA"};
#ifdef KOKKOS_ENABLE_CUDA
    const bool on = Kokkos::is_initialized() && core::backend() == core::Backend::cuda;
    info.reason = "no GPU is in use";
    if (on) {
      info.available = usable(p.path), info.used = info.available && p.path == Path::linear_fp32;
      info.reason = info.available ? core::str(p.what, "; ", guard(p.path).reason()) : guard(p.path).reason();
    }
#endif
    list.push_back(info);
  }
  return list;
}

}  // namespace streamtube::surrogate::cuda
