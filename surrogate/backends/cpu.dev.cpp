#include "surrogate/backends/cpu.dev.hpp"

#include <algorithm>
#include <array>

#include "surrogate/backends/cpu_kernels.hpp"
#include "surrogate/ops/embedding.dev.hpp"
#include "surrogate/ops/layer_norm.dev.hpp"

namespace streamtube::surrogate::cpu {
namespace {

// Fewer rows than this are not worth packing weights for.
constexpr std::int64_t least_rows = 8;
constexpr std::size_t most_together = 4;   // layers of one call
constexpr std::int64_t most_inner = 4096;  // of the row buffers of the AMX and bfloat16 kernels

bool bf16(const Context<HostSpace>& context) { return context.backends.precision() == Precision::bf16; }

const GemmKernel* gemm_kernel(const Context<HostSpace>& context, std::int64_t inner) {
  if (bf16(context) && inner <= most_inner) return bf16_gemm();
  if (context.backends.cpu_path() == CpuPath::amx && inner <= most_inner) return amx_gemm();
  const VectorKernels* vectors = vector_kernels(context.backends.cpu_path());
  return vectors ? &vectors->gemm : nullptr;
}

const AttentionKernel* attention_kernel(const Context<HostSpace>& context, int head, bool log_sum) {
  if (bf16(context) && bf16_attention()->supports(head)) return bf16_attention();
  if (context.backends.cpu_path() == CpuPath::amx && amx_attention()->supports(head) &&
      (!log_sum || amx_attention()->gives_log_sum))
    return amx_attention();
  const VectorKernels* vectors = vector_kernels(context.backends.cpu_path());
  return vectors && vectors->attention.supports(head) ? &vectors->attention : nullptr;
}

// body(task) on all threads; tasks are handed out one by one, their results do not depend on who runs them.
template <class Body>
void for_tasks(Context<HostSpace>& context, const char* label, std::int64_t tasks, const Body& body) {
  Kokkos::parallel_for(
      label,
      Kokkos::RangePolicy<HostSpace, Kokkos::Schedule<Kokkos::Dynamic>, Kokkos::IndexType<std::int64_t>>(
          context.space, 0, tasks, Kokkos::ChunkSize(1)),
      body);
}

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// A weight matrix [columns][inner] (transposed: [inner][columns]) in the kernel's own order, in the arena.
std::byte* pack(Context<HostSpace>& context, const GemmKernel& kernel, const float* weight, std::int64_t columns,
                std::int64_t inner, bool transposed = false) {
  const std::int64_t panels = divide_up(columns, kernel.column_panel);
  const std::size_t bytes = kernel.panel_bytes(inner);
  std::byte* packed = context.arena.take<std::byte>(panels * bytes);
  if (!context.measuring())
    for_tasks(context, "streamtube::surrogate::cpu::pack_weights", panels,
              [=](std::int64_t p) { kernel.pack_panel(weight, columns, inner, transposed, p, packed + p * bytes); });
  return packed;
}

}  // namespace

bool linear(Context<HostSpace>& context, std::span<const GemmDesc<float>> layers) {
  struct Layer {
    GemmDesc<float> gemm;
    const std::byte* packed;
  };
  std::array<Layer, most_together> all;
  core::expect(layers.size() <= all.size(), "linear: too many layers at once");
  std::int64_t inner = 0, rows = 0;
  for (const GemmDesc<float>& gemm : layers) inner = std::max(inner, gemm.inner), rows = std::max(rows, gemm.rows);
  const GemmKernel* kernel = gemm_kernel(context, inner);
  if (!kernel || rows < least_rows) return false;
  core::Arena<HostSpace>::Scope scope(context.arena);
  const std::size_t count = layers.size();
  for (std::size_t i = 0; i < count; ++i) {
    const GemmDesc<float>& gemm = layers[i];
    all[i] = {gemm, pack(context, *kernel, gemm.weight, gemm.columns, gemm.inner, gemm.transposed)};
  }
  if (context.measuring()) return true;
  for_tasks(context, "streamtube::surrogate::cpu::linear", divide_up(rows, kernel->row_block), [=](std::int64_t block) {
    const std::int64_t begin = block * kernel->row_block;
    for (std::size_t i = 0; i < count; ++i)
      if (begin < all[i].gemm.rows)
        kernel->run(all[i].gemm, begin, std::min(all[i].gemm.rows, begin + kernel->row_block), all[i].packed);
  });
  return true;
}

bool project(Context<HostSpace>& context, const ProjectionDesc& p) {
  const GemmKernel* kernel = gemm_kernel(context, p.size);
  std::int64_t rows = 0, parts = 0;
  for (int i = 0; i < p.range_count; ++i) {
    rows += p.ranges[i].end - p.ranges[i].begin;
    parts = std::max<std::int64_t>(parts, p.ranges[i].parts);
  }
  // Parts end where panels do, so that a range may use the first ones only.
  if (!kernel || rows < least_rows || p.size % kernel->column_panel) return false;
  core::Arena<HostSpace>::Scope scope(context.arena);
  const std::byte* packed = pack(context, *kernel, p.weight, parts * p.size, p.size);
  const std::int64_t block_rows = kernel->row_block, slots = context.space.concurrency();
  const std::int64_t slot_floats = block_rows * p.size * (1 + parts);
  float* buffers = context.arena.take<float>(static_cast<std::size_t>(slots * slot_floats));
  if (context.measuring()) return true;
  for (int i = 0; i < p.range_count; ++i) {
    const ProjectionDesc::Range range = p.ranges[i];
    const std::int64_t blocks = divide_up(range.end - range.begin, block_rows), width = range.parts * p.size;
    for_tasks(context, "streamtube::surrogate::cpu::project", slots, [=](std::int64_t slot) {
      float *buffer = buffers + slot * slot_floats, *projected = buffer + block_rows * p.size;
      for (std::int64_t block = slot; block < blocks; block += slots) {
        const std::int64_t first = range.begin + block * block_rows, count = std::min(range.end - first, block_rows);
        float* normed = p.kept_normed ? p.kept_normed + first * p.size : buffer;
        for (std::int64_t r = 0; r < count; ++r)
          layer_norm_row(p.x + (first + r) * p.size, normed + r * p.size, static_cast<int>(p.size), p.norm_weight,
                         p.norm_bias, p.scale, p.shift, p.epsilon);
        kernel->run({normed, p.weight, p.bias, nullptr, projected, count, width, p.size, Epilogue::store}, 0, count,
                    packed);
        for (std::int64_t r = 0; r < count; ++r)
          for (int part = 0; part < range.parts; ++part) {
            const float* from = projected + r * width + part * p.size;
            float* to = range.to[part] + (first - range.begin + r) * p.size;
            if (p.rotated[part])
              rotate_row(from, to, p.table + (first + r) * p.head, static_cast<int>(p.size) / p.head, p.head);
            else
              std::copy(from, from + p.size, to);
          }
      }
    });
  }
  return true;
}

bool mlp(Context<HostSpace>& context, const MlpDesc& m) {
  const VectorKernels* vectors = vector_kernels(context.backends.cpu_path());
  const GemmKernel* kernel = gemm_kernel(context, std::max(m.size, m.hidden));
  if (!kernel || m.rows < least_rows) return false;
  core::Arena<HostSpace>::Scope scope(context.arena);
  const std::byte* up = pack(context, *kernel, m.up, m.hidden, m.size);
  const std::byte* down = pack(context, *kernel, m.down, m.size, m.hidden);
  const std::int64_t block_rows = kernel->row_block, blocks = divide_up(m.rows, block_rows);
  const std::int64_t slots = context.space.concurrency(), slot_floats = block_rows * (m.size + m.hidden);
  float* buffers = context.arena.take<float>(static_cast<std::size_t>(slots * slot_floats));
  if (context.measuring()) return true;
  // A slot works through every slots-th block with its own buffer.
  for_tasks(context, "streamtube::surrogate::cpu::mlp", slots, [=](std::int64_t slot) {
    float *normed = buffers + slot * slot_floats, *hidden = normed + block_rows * m.size;
    for (std::int64_t block = slot; block < blocks; block += slots) {
      const std::int64_t begin = block * block_rows, rows = std::min(m.rows - begin, block_rows);
      float *x = m.x + begin * m.size, *input = m.kept_normed ? m.kept_normed + begin * m.size : normed;
      for (std::int64_t r = 0; r < rows; ++r)
        layer_norm_row(x + r * m.size, input + r * m.size, static_cast<int>(m.size), m.norm_weight, m.norm_bias,
                       m.scale, m.shift, m.epsilon);
      if (float* wide = m.kept_up ? m.kept_up + begin * m.hidden : nullptr) {
        kernel->run({input, m.up, m.up_bias, nullptr, wide, rows, m.hidden, m.size, Epilogue::store}, 0, rows, up);
        vectors->gelu(wide, hidden, rows * m.hidden);
      } else {
        kernel->run({input, m.up, m.up_bias, nullptr, hidden, rows, m.hidden, m.size, Epilogue::gelu}, 0, rows, up);
      }
      kernel->run({hidden, m.down, m.down_bias, m.gate, x, rows, m.size, m.hidden, Epilogue::accumulate}, 0, rows,
                  down);
    }
  });
  return true;
}

bool mlp_backward(Context<HostSpace>& context, const MlpBackwardDesc& m) {
  const VectorKernels* vectors = vector_kernels(context.backends.cpu_path());
  const GemmKernel* kernel = gemm_kernel(context, std::max(m.size, m.hidden));
  if (!kernel || m.rows < least_rows) return false;
  core::Arena<HostSpace>::Scope scope(context.arena);
  const std::byte* down = pack(context, *kernel, m.down, m.hidden, m.size, true);
  const std::byte* up = pack(context, *kernel, m.up, m.size, m.hidden, true);
  if (context.measuring()) return true;
  for_tasks(
      context, "streamtube::surrogate::cpu::mlp_backward", divide_up(m.rows, kernel->row_block),
      [=](std::int64_t block) {
        const std::int64_t block_rows = kernel->row_block, begin = block * block_rows,
                           rows = std::min(m.rows - begin, block_rows), at = begin * m.hidden, narrow = begin * m.size;
        kernel->run({m.dy + narrow, m.down, nullptr, nullptr, m.dup + at, rows, m.hidden, m.size, Epilogue::store}, 0,
                    rows, down);
        vectors->gelu_backward(m.kept_up + at, m.dup + at, m.dup + at, m.active + at, rows * m.hidden);
        kernel->run({m.dup + at, m.up, nullptr, nullptr, m.dnormed + narrow, rows, m.size, m.hidden, Epilogue::store},
                    0, rows, up);
      });
  return true;
}

bool attention(Context<HostSpace>& context, const AttentionDesc<float>& a) {
  const AttentionKernel* kernel = attention_kernel(context, a.head, a.log_sum != nullptr);
  if (!kernel) return false;
  const std::int64_t width = static_cast<std::int64_t>(a.heads) * a.head;
  const std::size_t bytes = kernel->block_bytes(a.head);
  for (int i = 0; i < a.segment_count; ++i) {
    core::Arena<HostSpace>::Scope scope(context.arena);
    const Segment s = a.segments[i];
    const std::int64_t keys = s.key_end - s.key_begin, key_blocks = divide_up(keys, kernel->key_block);
    const std::int64_t queries = s.query_end - s.query_begin, query_blocks = divide_up(queries, kernel->query_block);
    std::byte* packed = context.arena.take<std::byte>(a.heads * key_blocks * bytes);
    if (context.measuring()) continue;
    for_tasks(context, "streamtube::surrogate::cpu::attention::pack", a.heads * key_blocks, [=](std::int64_t task) {
      const std::int64_t head = task / key_blocks, first = task % key_blocks * kernel->key_block;
      const std::int64_t at = (s.key_begin + first) * width + head * a.head;
      kernel->pack(a.k + at, a.v + at, width, std::min<std::int64_t>(keys - first, kernel->key_block), a.head,
                   packed + task * bytes);
    });
    for_tasks(context, "streamtube::surrogate::cpu::attention", a.heads * query_blocks, [=](std::int64_t task) {
      const std::int64_t head = task / query_blocks, first = s.query_begin + task % query_blocks * kernel->query_block;
      const std::int64_t at = first * width + head * a.head;
      kernel->run(a.q + at, a.out + at, a.log_sum ? a.log_sum + first * a.heads + head : nullptr, a.heads, width,
                  std::min<std::int64_t>(s.query_end - first, kernel->query_block), keys, a.head,
                  packed + head * key_blocks * bytes);
    });
  }
  return true;
}

bool weight_gradient(Context<HostSpace>& context, std::span<const WeightGradientDesc<float>> layers) {
  const VectorKernels* vectors = vector_kernels(context.backends.cpu_path());
  const WeightGradientKernel* kernel = bf16(context) ? bf16_weight_gradient()
                                       : vectors     ? &vectors->weight_gradient
                                                     : nullptr;
  if (!kernel) return false;
  struct Layer {
    WeightGradientDesc<float> gradient;
    std::byte *x, *dy;
    std::int64_t blocks, first_task;
  };
  std::array<Layer, most_together> all;
  core::expect(layers.size() <= all.size(), "weight_gradient: too many layers at once");
  core::Arena<HostSpace>::Scope scope(context.arena);
  std::int64_t tasks = 0;
  std::size_t count = 0;
  for (const WeightGradientDesc<float>& g : layers) {
    if (g.samples < least_rows) return false;
    std::byte *x = nullptr, *dy = nullptr;
    if (kernel->pack) {
      x = context.arena.take<std::byte>(kernel->packed_bytes(g.samples, g.inner));
      dy = context.arena.take<std::byte>(kernel->packed_bytes(g.samples, g.columns));
    }
    const std::int64_t blocks = divide_up(g.columns, kernel->row_block);
    all[count++] = {g, x, dy, blocks, tasks};
    tasks += divide_up(g.inner, kernel->column_panel) * blocks;
    if (context.measuring() || !kernel->pack) continue;
    constexpr std::int64_t at_once = 64;
    const std::int64_t pairs = divide_up(g.samples, 2);
    for_tasks(context, "streamtube::surrogate::cpu::weight_gradient::pack", divide_up(pairs, at_once),
              [=](std::int64_t task) {
                const std::int64_t begin = task * at_once, end = std::min(pairs, begin + at_once);
                kernel->pack(g.x, g.samples, g.inner, begin, end, x);
                kernel->pack(g.dy, g.samples, g.columns, begin, end, dy);
              });
  }
  if (context.measuring()) return true;
  for_tasks(context, "streamtube::surrogate::cpu::weight_gradient", tasks, [=](std::int64_t task) {
    std::size_t i = count - 1;
    while (task < all[i].first_task) --i;
    const Layer& layer = all[i];
    const std::int64_t mine = task - layer.first_task, first = mine % layer.blocks * kernel->row_block;
    kernel->run(layer.gradient, layer.x, layer.dy, first, std::min(layer.gradient.columns, first + kernel->row_block),
                mine / layer.blocks);
  });
  return true;
}

namespace {

// Gradients of keys and values of which every part of the queries made its own.
struct KeyParts {
  float *dk, *dv;
  std::int64_t key_begin, keys;
  int heads, head;
  std::int64_t parts, padded;
};

// dk and dv += the parts, in order; sums [heads][parts][2][padded keys][head]. Heads are multiples of 16 here.
void add_parts(Context<HostSpace>& context, const KeyParts& p, const float* sums) {
  constexpr int lanes = 16;
  constexpr std::int64_t at_once = 64;
  const std::int64_t blocks = divide_up(p.keys, at_once), part_floats = p.padded * p.head,
                     width = static_cast<std::int64_t>(p.heads) * p.head;
  for_tasks(context, "streamtube::surrogate::cpu::attention_backward::sum", p.heads * blocks, [=](std::int64_t task) {
    const std::int64_t head = task / blocks, first = task % blocks * at_once, last = std::min(p.keys, first + at_once);
    const float* of_head = sums + head * p.parts * 2 * part_floats;
    const auto add = [&](const float* from, float* to) {
      for (int c = 0; c < p.head; c += lanes) {
        float sum[lanes];
        for (int l = 0; l < lanes; ++l) sum[l] = to[c + l];
        for (std::int64_t part = 0; part < p.parts; ++part)
          for (int l = 0; l < lanes; ++l) sum[l] += from[part * 2 * part_floats + c + l];
        for (int l = 0; l < lanes; ++l) to[c + l] = sum[l];
      }
    };
    for (std::int64_t j = first; j < last; ++j) {
      const std::int64_t at = (p.key_begin + j) * width + head * p.head;
      add(of_head + j * p.head, p.dk + at);
      add(of_head + part_floats + j * p.head, p.dv + at);
    }
  });
}

}  // namespace

// Tasks are segments x heads x parts of the queries; how many parts depends on the shapes only, so that sums have one
// order whatever the threads. Every part has its own dk and dv, which are summed at the end.
bool attention_backward(Context<HostSpace>& context, const AttentionBackwardDesc<float>& a) {
  const VectorKernels* vectors = vector_kernels(context.backends.cpu_path());
  const AttentionBackwardKernel* kernel = bf16(context) ? bf16_attention_backward()
                                          : vectors     ? &vectors->attention_backward
                                                        : nullptr;
  if (!kernel || !kernel->supports(a.head)) return false;
  const std::int64_t width = static_cast<std::int64_t>(a.heads) * a.head;
  const std::size_t bytes = kernel->block_bytes(a.head);
  for (int i = 0; i < a.segment_count; ++i) {
    core::Arena<HostSpace>::Scope scope(context.arena);
    const Segment s = a.segments[i];
    const std::int64_t keys = s.key_end - s.key_begin, key_blocks = divide_up(keys, kernel->key_block),
                       padded = key_blocks * kernel->key_block;
    const std::int64_t queries = s.query_end - s.query_begin,
                       parts = std::clamp<std::int64_t>(divide_up(queries, 256), 1, 8),
                       part_rows = divide_up(divide_up(queries, parts), kernel->query_block) * kernel->query_block;
    const std::size_t part_floats = static_cast<std::size_t>(padded * a.head);
    std::byte* packed = context.arena.take<std::byte>(a.heads * key_blocks * bytes);
    float* sums = context.arena.take<float>(static_cast<std::size_t>(a.heads * parts) * 2 * part_floats);
    if (context.measuring()) continue;
    for_tasks(context, "streamtube::surrogate::cpu::attention_backward::pack", a.heads * key_blocks,
              [=](std::int64_t task) {
                const std::int64_t head = task / key_blocks, first = task % key_blocks * kernel->key_block;
                const std::int64_t at = (s.key_begin + first) * width + head * a.head;
                kernel->pack(a.k + at, a.v + at, width, std::min<std::int64_t>(keys - first, kernel->key_block), a.head,
                             packed + task * bytes);
              });
    for_tasks(context, "streamtube::surrogate::cpu::attention_backward", a.heads * parts, [=](std::int64_t task) {
      const std::int64_t head = task / parts, first = s.query_begin + task % parts * part_rows;
      float *dk = sums + static_cast<std::size_t>(task) * 2 * part_floats, *dv = dk + part_floats;
      const std::int64_t rows = std::min(s.query_end - first, part_rows);
      if (rows <= 0) return std::fill_n(dk, 2 * part_floats, 0.0f), void();
      const std::int64_t at = first * width + head * a.head, per_row = first * a.heads + head;
      kernel->run(a.q + at, a.dout + at, a.log_sum + per_row, a.delta + per_row, a.dq + at, a.heads, width, rows, keys,
                  a.head, packed + head * key_blocks * bytes, dk, dv);
    });
    add_parts(context, {a.dk, a.dv, s.key_begin, keys, a.heads, a.head, parts, padded}, sums);
  }
  return true;
}

namespace {

constexpr std::int64_t elements_per_task = 8192;

}  // namespace

bool gelu_forward(Context<HostSpace>& context, const float* x, float* y, std::int64_t n) {
  const VectorKernels* vectors = vector_kernels(context.backends.cpu_path());
  if (!vectors) return false;
  for_tasks(context, "streamtube::surrogate::cpu::gelu_forward", divide_up(n, elements_per_task),
            [=](std::int64_t task) {
              const std::int64_t at = task * elements_per_task;
              vectors->gelu(x + at, y + at, std::min(elements_per_task, n - at));
            });
  return true;
}

bool gelu_backward(Context<HostSpace>& context, const float* x, const float* dy, float* dx, float* y, std::int64_t n) {
  const VectorKernels* vectors = vector_kernels(context.backends.cpu_path());
  if (!vectors) return false;
  for_tasks(
      context, "streamtube::surrogate::cpu::gelu_backward", divide_up(n, elements_per_task), [=](std::int64_t task) {
        const std::int64_t at = task * elements_per_task;
        vectors->gelu_backward(x + at, dy + at, dx + at, y ? y + at : nullptr, std::min(elements_per_task, n - at));
      });
  return true;
}

bool gelu_tangents(Context<HostSpace>& context, const float* x, float* y, std::int64_t n) {
  const VectorKernels* vectors = vector_kernels(context.backends.cpu_path());
  if (!vectors) return false;
  for_tasks(context, "streamtube::surrogate::cpu::gelu_tangents", divide_up(n, elements_per_task),
            [=](std::int64_t task) {
              const std::int64_t at = task * elements_per_task;
              vectors->gelu_tangents(x + at, y + at, n, std::min(elements_per_task, n - at));
            });
  return true;
}

bool gelu_tangents_backward(Context<HostSpace>& context, const float* x, const float* dy, float* dx, std::int64_t n) {
  const VectorKernels* vectors = vector_kernels(context.backends.cpu_path());
  if (!vectors) return false;
  for_tasks(context, "streamtube::surrogate::cpu::gelu_tangents_backward", divide_up(n, elements_per_task),
            [=](std::int64_t task) {
              const std::int64_t at = task * elements_per_task;
              vectors->gelu_tangents_backward(x + at, dy + at, dx + at, n, std::min(elements_per_task, n - at));
            });
  return true;
}

namespace {

// All keys of all heads in the kernel's own order, in the arena.
template <class Kernel, class Description>
std::byte* pack_keys(Context<HostSpace>& context, const Kernel& kernel, const Description& a) {
  const std::int64_t key_blocks = divide_up(a.keys, kernel.key_block), width = std::int64_t{a.heads} * a.head;
  const std::size_t bytes = kernel.block_bytes(a.head);
  std::byte* packed = context.arena.take<std::byte>(a.heads * key_blocks * bytes);
  if (!context.measuring())
    for_tasks(context, "streamtube::surrogate::cpu::attention_tangents::pack", a.heads * key_blocks,
              [=](std::int64_t task) {
                const std::int64_t head = task / key_blocks, first = task % key_blocks * kernel.key_block;
                const std::int64_t at = first * width + head * a.head;
                kernel.pack(a.k + at, a.v + at, width, std::min<std::int64_t>(a.keys - first, kernel.key_block), a.head,
                            packed + task * bytes);
              });
  return packed;
}

}  // namespace

bool attention_tangents(Context<HostSpace>& context, const AttentionTangentsDesc<float>& a) {
  const VectorKernels* vectors = vector_kernels(context.backends.cpu_path());
  if (!vectors || !vectors->attention_tangents.supports(a.head)) return false;
  const AttentionTangentsKernel* kernel = &vectors->attention_tangents;
  core::Arena<HostSpace>::Scope scope(context.arena);
  const std::byte* packed = pack_keys(context, *kernel, a);
  if (context.measuring()) return true;
  const std::int64_t width = std::int64_t{a.heads} * a.head, blocks = divide_up(a.rows, kernel->query_block);
  const std::size_t head_bytes = divide_up(a.keys, kernel->key_block) * kernel->block_bytes(a.head);
  for_tasks(context, "streamtube::surrogate::cpu::attention_tangents", a.heads * blocks, [=](std::int64_t task) {
    const std::int64_t head = task / blocks, first = task % blocks * kernel->query_block;
    const std::int64_t at = first * width + head * a.head, per_row = first * a.heads + head;
    kernel->run(a.q + at, a.out + at, a.log_sum ? a.log_sum + per_row : nullptr, a.mean ? a.mean + per_row : nullptr,
                a.heads, width, a.rows * width, a.rows * a.heads,
                std::min<std::int64_t>(a.rows - first, kernel->query_block), a.keys, a.head,
                packed + static_cast<std::size_t>(head) * head_bytes);
  });
  return true;
}

bool attention_tangents_backward(Context<HostSpace>& context, const AttentionTangentsBackwardDesc<float>& a) {
  const VectorKernels* vectors = vector_kernels(context.backends.cpu_path());
  if (!vectors || !vectors->attention_tangents_backward.supports(a.head)) return false;
  const AttentionTangentsBackwardKernel* kernel = &vectors->attention_tangents_backward;
  core::Arena<HostSpace>::Scope scope(context.arena);
  const std::int64_t width = std::int64_t{a.heads} * a.head, key_blocks = divide_up(a.keys, kernel->key_block),
                     padded = key_blocks * kernel->key_block, parts = std::clamp<std::int64_t>(a.rows / 128, 1, 8),
                     part_rows = divide_up(divide_up(a.rows, parts), kernel->query_block) * kernel->query_block;
  const std::size_t part_floats = static_cast<std::size_t>(padded * a.head),
                    head_bytes = key_blocks * kernel->block_bytes(a.head);
  const std::byte* packed = pack_keys(context, *kernel, a);
  float* sums = context.arena.take<float>(static_cast<std::size_t>(a.heads * parts) * 2 * part_floats);
  if (context.measuring()) return true;
  for_tasks(context, "streamtube::surrogate::cpu::attention_tangents_backward", a.heads * parts,
            [=](std::int64_t task) {
              const std::int64_t head = task / parts, first = task % parts * part_rows;
              float *dk = sums + static_cast<std::size_t>(task) * 2 * part_floats, *dv = dk + part_floats;
              std::fill(dk, dk + 2 * part_floats, 0.0f);
              const std::int64_t rows = std::min(a.rows - first, part_rows);
              if (rows <= 0) return;
              const std::int64_t at = first * width + head * a.head, per_row = first * a.heads + head;
              kernel->run(a.q + at, a.dout + at, a.log_sum + per_row, a.mean + per_row, a.delta + per_row,
                          a.through + per_row, a.dq + at, a.heads, width, a.rows * width, a.rows * a.heads, rows,
                          a.keys, a.head, packed + static_cast<std::size_t>(head) * head_bytes, dk, dv);
            });
  add_parts(context, {a.dk, a.dv, 0, a.keys, a.heads, a.head, parts, padded}, sums);
  return true;
}

}  // namespace streamtube::surrogate::cpu
