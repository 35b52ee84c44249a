#include "surrogate/backends/cuda.dev.hpp"

#include <algorithm>
#include <vector>

#include "surrogate/backends/cuda_kernels.hpp"
#include "surrogate/backends/cuda_paths.hpp"

#ifdef KOKKOS_ENABLE_CUDA

namespace streamtube::surrogate::cuda {
namespace {

using Device = Kokkos::Cuda;
using Scope = core::Arena<Device>::Scope;

Path linear_path(Precision precision) {
  return precision == Precision::bf16   ? Path::linear_bf16
         : precision == Precision::tf32 ? Path::linear_tf32
                                        : Path::linear_fp32;
}

Bf16* take16(Context<Device>& context, std::int64_t n) { return context.arena.take<Bf16>(static_cast<std::size_t>(n)); }

// Operands as the precision wants them; x16 and w16 are taken where it is bf16.
bool product(Context<Device>& context, Product& p, const float* x, const float* w, std::int64_t x_size,
             std::int64_t w_size) {
  p.precision = context.backends.precision();
  const bool narrowed = p.precision == Precision::bf16;
  Bf16 *x16 = narrowed ? take16(context, x_size) : nullptr, *w16 = narrowed ? take16(context, w_size) : nullptr;
  if (context.measuring() || !usable(linear_path(p.precision))) return false;
  void* stream = context.space.cuda_stream();
  p.x = x, p.w = w;
  if (narrowed) {
    narrow(stream, x, x16, x_size);
    narrow(stream, w, w16, w_size);
    p.x = x16, p.w = w16;
  }
  return cublaslt_product(stream, p);
}

// Rows first..end that any segment uses.
struct Range {
  std::int64_t first = 0, end = 0;
  std::int64_t size() const { return end - first; }
};
template <class Begin, class End>
Range range(const Segment* segments, int count, Begin begin, End end) {
  if (count == 0) return {};
  Range r{begin(segments[0]), end(segments[0])};
  for (int i = 1; i < count; ++i)
    r.first = std::min(r.first, begin(segments[i])), r.end = std::max(r.end, end(segments[i]));
  return r;
}
template <class Description>
Range query_rows(const Description& a) {
  return range(
      a.segments, a.segment_count, [](const Segment& s) { return s.query_begin; },
      [](const Segment& s) { return s.query_end; });
}
template <class Description>
Range key_rows(const Description& a) {
  return range(
      a.segments, a.segment_count, [](const Segment& s) { return s.key_begin; },
      [](const Segment& s) { return s.key_end; });
}
template <class Description>
std::int64_t longest(const Description& a) {
  std::int64_t rows = 0;
  for (int i = 0; i < a.segment_count; ++i) rows = std::max(rows, a.segments[i].query_end - a.segments[i].query_begin);
  return rows;
}

}  // namespace

template <class Space>
bool linear(Context<Space>& context, const GemmDesc<float>& g) {
  const Scope scope(context.arena);
  float* ungated = g.gate ? context.arena.template take<float>(static_cast<std::size_t>(g.rows * g.columns)) : nullptr;
  Product p;
  p.y = ungated ? ungated : g.y;
  p.rows = g.rows, p.columns = g.columns, p.inner = g.inner, p.w_transposed = g.transposed;
  p.accumulate = g.epilogue == Epilogue::accumulate && !ungated;
  const bool gelu = g.epilogue == Epilogue::gelu;
  p.bias = gelu ? nullptr : g.bias;
  if (!product(context, p, g.x, g.weight, g.rows * g.inner, g.columns * g.inner)) return false;
  void* stream = context.space.cuda_stream();
  if (gelu) bias_gelu(stream, g.y, g.bias, g.rows, g.columns);
  if (ungated) add_gated(stream, g.y, ungated, g.gate, g.rows, g.columns);
  return true;
}

template <class Space>
bool weight_gradient(Context<Space>& context, const WeightGradientDesc<float>& g) {
  const Scope scope(context.arena);
  Product p;  // dy^T x
  p.y = g.dweight, p.rows = g.columns, p.columns = g.inner, p.inner = g.samples;
  p.x_transposed = p.w_transposed = p.accumulate = true;
  return product(context, p, g.dy, g.x, g.samples * g.columns, g.samples * g.inner);
}

template <class Space>
bool attention(Context<Space>& context, const AttentionDesc<float>& a) {
  if (context.backends.precision() != Precision::bf16) return false;
  const Scope scope(context.arena);
  const std::int64_t width = std::int64_t{a.heads} * a.head;
  const Range queries = query_rows(a), keys = key_rows(a);
  Bf16 *q = take16(context, queries.size() * width), *out = take16(context, queries.size() * width),
       *k = take16(context, keys.size() * width), *v = take16(context, keys.size() * width);
  float* sums = a.log_sum ? context.arena.template take<float>(static_cast<std::size_t>(longest(a) * a.heads)) : nullptr;
  if (context.measuring() || !usable(Path::attention_training)) return false;
  void* stream = context.space.cuda_stream();
  const auto call = [&](const Segment& s) {
    const std::int64_t row = (s.query_begin - queries.first) * width, key = (s.key_begin - keys.first) * width;
    AttentionCall c;
    c.q = q + row, c.out = out + row, c.k = k + key, c.v = v + key, c.log_sum = sums;
    c.rows = s.query_end - s.query_begin, c.keys = s.key_end - s.key_begin, c.heads = a.heads, c.head = a.head;
    return c;
  };
  for (int i = 0; i < a.segment_count; ++i)
    if (!cudnn_has(stream, call(a.segments[i]))) return false;
  narrow(stream, a.q + queries.first * width, q, queries.size() * width);
  narrow(stream, a.k + keys.first * width, k, keys.size() * width);
  narrow(stream, a.v + keys.first * width, v, keys.size() * width);
  for (int i = 0; i < a.segment_count; ++i) {
    const Segment& s = a.segments[i];
    const AttentionCall c = call(s);
    cudnn_run(stream, c);
    widen(stream, c.out, a.out + s.query_begin * width, c.rows * width);
    if (sums) transpose(stream, sums, a.log_sum + s.query_begin * a.heads, a.heads, c.rows);
  }
  return true;
}

template <class Space>
bool attention_backward(Context<Space>& context, const AttentionBackwardDesc<float>& a, const float* out) {
  if (context.backends.precision() != Precision::bf16) return false;
  const Scope scope(context.arena);
  const std::int64_t width = std::int64_t{a.heads} * a.head, rows = longest(a);
  const Range queries = query_rows(a), keys = key_rows(a);
  std::int64_t most_keys = 0;
  for (int i = 0; i < a.segment_count; ++i)
    most_keys = std::max(most_keys, a.segments[i].key_end - a.segments[i].key_begin);
  Bf16 *q = take16(context, queries.size() * width), *o = take16(context, queries.size() * width),
       *d = take16(context, queries.size() * width), *k = take16(context, keys.size() * width),
       *v = take16(context, keys.size() * width), *dq = take16(context, rows * width),
       *dk = take16(context, most_keys * width), *dv = take16(context, most_keys * width);
  float* sums = context.arena.template take<float>(static_cast<std::size_t>(rows * a.heads));
  if (context.measuring() || !usable(Path::attention_training)) return false;
  void* stream = context.space.cuda_stream();
  const auto call = [&](const Segment& s) {
    const std::int64_t row = (s.query_begin - queries.first) * width, key = (s.key_begin - keys.first) * width;
    AttentionBackwardCall c;
    c.q = q + row, c.out = o + row, c.dout = d + row, c.k = k + key, c.v = v + key, c.log_sum = sums;
    c.dq = dq, c.dk = dk, c.dv = dv;
    c.rows = s.query_end - s.query_begin, c.keys = s.key_end - s.key_begin, c.heads = a.heads, c.head = a.head;
    return c;
  };
  for (int i = 0; i < a.segment_count; ++i)
    if (!cudnn_has(stream, call(a.segments[i]))) return false;
  narrow(stream, a.q + queries.first * width, q, queries.size() * width);
  narrow(stream, out + queries.first * width, o, queries.size() * width);
  narrow(stream, a.dout + queries.first * width, d, queries.size() * width);
  narrow(stream, a.k + keys.first * width, k, keys.size() * width);
  narrow(stream, a.v + keys.first * width, v, keys.size() * width);
  for (int i = 0; i < a.segment_count; ++i) {
    const Segment& s = a.segments[i];
    const AttentionBackwardCall c = call(s);
    transpose(stream, a.log_sum + s.query_begin * a.heads, sums, c.rows, a.heads);
    cudnn_run(stream, c);
    widen_add(stream, dq, a.dq + s.query_begin * width, c.rows * width);
    widen_add(stream, dk, a.dk + s.key_begin * width, c.keys * width);
    widen_add(stream, dv, a.dv + s.key_begin * width, c.keys * width);
  }
  return true;
}

template bool linear<Device>(Context<Device>&, const GemmDesc<float>&);
template bool weight_gradient<Device>(Context<Device>&, const WeightGradientDesc<float>&);
template bool attention<Device>(Context<Device>&, const AttentionDesc<float>&);
template bool attention_backward<Device>(Context<Device>&, const AttentionBackwardDesc<float>&, const float*);

}  // namespace streamtube::surrogate::cuda
#endif
