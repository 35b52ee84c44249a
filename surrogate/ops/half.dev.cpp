#include "surrogate/ops/half.dev.hpp"

#include <cstdlib>
#include <type_traits>

#include "surrogate/ops/linear.dev.hpp"
#ifdef KOKKOS_ENABLE_CUDA
#include <cuda_bf16.h>
#endif

namespace streamtube::surrogate {
namespace {

KOKKOS_INLINE_FUNCTION float widen(Bf16 x) { return Kokkos::bit_cast<float>(std::uint32_t{x.bits} << 16); }
KOKKOS_INLINE_FUNCTION Bf16 narrow(float x) {
  KOKKOS_IF_ON_DEVICE((return Bf16{__bfloat16_as_ushort(__float2bfloat16_rn(x))};))
  KOKKOS_IF_ON_HOST((return to_bf16(x);))
}

// Two neighbours in one access.
struct alignas(4) Bf16Pair {
  Bf16 even, odd;
};

// One team thread a row, its vector lanes the columns: on GPUs a warp reads a row's neighbouring channels together, and
// the sums go through its registers.
template <class Space>
struct LayerNorm16 {
  using Policy = Kokkos::TeamPolicy<Space>;
  const float *x, *weight, *bias, *scale, *shift;
  Bf16* y;
  std::int64_t count;
  int size, rows_per_team;
  float epsilon;

  KOKKOS_FUNCTION void operator()(const typename Policy::member_type& team) const {
    const std::int64_t first = static_cast<std::int64_t>(team.league_rank()) * rows_per_team;
    Kokkos::parallel_for(Kokkos::TeamThreadRange(team, rows_per_team), [&](const int r) {
      const std::int64_t row = first + r;
      if (row >= count) return;
      const float* in = x + row * size;
      Bf16* out = y + row * size;
      float mean = 0, variance = 0;
      Kokkos::parallel_reduce(
          Kokkos::ThreadVectorRange(team, size), [&](const int c, float& sum) { sum += in[c]; }, mean);
      mean /= static_cast<float>(size);
      Kokkos::parallel_reduce(
          Kokkos::ThreadVectorRange(team, size),
          [&](const int c, float& sum) { sum += (in[c] - mean) * (in[c] - mean); }, variance);
      const float inverse = 1.0f / Kokkos::sqrt(variance / static_cast<float>(size) + epsilon);
      Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, size), [&](const int c) {
        float value = (in[c] - mean) * inverse;
        if (weight) value *= weight[c];
        if (bias) value += bias[c];
        if (scale) value = value * (1.0f + scale[c]) + shift[c];
        out[c] = narrow(value);
      });
    });
  }
};

// A work item is one channel pair.
struct Rotate16 {
  Bf16* x;
  const float* table;
  int heads, head;

  KOKKOS_FUNCTION void operator()(const std::int64_t item) const {
    const int pairs = head / 2, all = heads * pairs, at = static_cast<int>(item % all), i = at % pairs;
    const std::int64_t row = item / all;
    Bf16Pair* pair = reinterpret_cast<Bf16Pair*>(x + row * heads * head + at / pairs * head + 2 * i);
    const float cosine = table[row * head + i], sine = table[row * head + pairs + i];
    const float even = widen(pair->even), odd = widen(pair->odd);
    *pair = {narrow(even * cosine - odd * sine), narrow(even * sine + odd * cosine)};
  }
};

// Portable: a work item is 4 rows by 4 columns, which the rows of both operands serve 4 times each.
struct PortableGemm16 {
  static constexpr int tile = 4;
  Gemm16Desc g;

  KOKKOS_FUNCTION void operator()(const std::int64_t item) const {
    const std::int64_t tiles = (g.columns + tile - 1) / tile, row = item / tiles * tile, column = item % tiles * tile;
    const int rows = static_cast<int>(g.rows - row < tile ? g.rows - row : tile),
              columns = static_cast<int>(g.columns - column < tile ? g.columns - column : tile);
    const Bf16 *x[tile], *w[tile];  // beyond the edge: the first row again, not stored
    for (int i = 0; i < tile; ++i) {
      x[i] = g.x + (row + (i < rows ? i : 0)) * g.inner;
      w[i] = g.weight + (column + (i < columns ? i : 0)) * g.inner;
    }
    float sum[tile][tile] = {};
    for (std::int64_t k = 0; k < g.inner; ++k)
      for (int r = 0; r < tile; ++r)
        for (int c = 0; c < tile; ++c) sum[r][c] += widen(x[r][k]) * widen(w[c][k]);
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c) {
        const std::int64_t at = (row + r) * g.columns + column + c;
        float value = sum[r][c] + (g.bias ? g.bias[column + c] : 0.0f);
        if (g.epilogue == Epilogue::gelu) value = gelu(value);
        if (g.epilogue == Epilogue::accumulate) value += g.y32[at];
        if (g.y32)
          g.y32[at] = value;
        else
          g.y16[at] = narrow(value);
      }
  }
};

// Portable: a work item is one query row and head; keys come in blocks. Neighbouring items are rows of one head, so
// that a warp reads the same keys.
template <int Head>
struct PortableAttention16 {
  static constexpr int block = 16;
  Attention16Desc a;
  Segment segment;
  float scale;

  KOKKOS_FUNCTION void operator()(const std::int64_t item) const {
    const std::int64_t count = segment.query_end - segment.query_begin, width = std::int64_t{a.heads} * a.head,
                       first_channel = item / count * a.head,
                       at = (segment.query_begin + item % count) * width + first_channel;
    const Bf16 *keys = a.k + first_channel, *values = a.v + first_channel;
    float query[Head], sum[Head];
    for (int c = 0; c < a.head; ++c) query[c] = widen(a.q[at + c]), sum[c] = 0;
    float maximum = -Kokkos::Experimental::infinity_v<float>, total = 0;
    for (std::int64_t first = segment.key_begin; first < segment.key_end; first += block) {
      const int keys_here = static_cast<int>(segment.key_end - first < block ? segment.key_end - first : block);
      float score[block], high = maximum;
      for (int j = 0; j < keys_here; ++j) {
        const Bf16* key = keys + (first + j) * width;
        float part[4] = {0, 0, 0, 0};
        int c = 0;
        for (; c + 4 <= a.head; c += 4)
          for (int l = 0; l < 4; ++l) part[l] += query[c + l] * widen(key[c + l]);
        for (; c < a.head; ++c) part[0] += query[c] * widen(key[c]);
        score[j] = ((part[0] + part[1]) + (part[2] + part[3])) * scale;
        high = score[j] > high ? score[j] : high;
      }
      const float shrink = Kokkos::exp(maximum - high);
      maximum = high;
      total *= shrink;
      for (int c = 0; c < a.head; ++c) sum[c] *= shrink;
      for (int j = 0; j < keys_here; ++j) {
        const Bf16* value = values + (first + j) * width;
        const float p = Kokkos::exp(score[j] - maximum), rounded = widen(narrow(p));
        total += p;
        for (int c = 0; c < a.head; ++c) sum[c] += rounded * widen(value[c]);
      }
    }
    for (int c = 0; c < a.head; ++c) a.out[at + c] = narrow(sum[c] / total);
  }
};

template <class Space, class Body>
void for_items(Context<Space>& context, const char* label, std::int64_t items, const Body& body) {
  Kokkos::parallel_for(label, Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, items),
                       body);
}

template <int Head, class Space>
void launch(Context<Space>& context, const Attention16Desc& a) {
  for (int i = 0; i < a.segment_count; ++i) {
    const Segment& s = a.segments[i];
    for_items(context, "streamtube::surrogate::attention16", (s.query_end - s.query_begin) * a.heads,
              PortableAttention16<Head>{a, s, 1.0f / Kokkos::sqrt(static_cast<float>(a.head))});
  }
}

#ifdef KOKKOS_ENABLE_CUDA
bool gemm_on_gpu(Context<Kokkos::Cuda>& context, const Gemm16Desc& gemm) {
  cudaStream_t stream = context.space.cuda_stream();
  if (cuda::cublaslt_gemm(stream, gemm)) return true;
  if (gemm.epilogue != Epilogue::gelu || !gemm.y16) return false;
  Gemm16Desc plain = gemm;
  plain.epilogue = Epilogue::store;
  if (!cuda::cublaslt_gemm(stream, plain)) return false;
  gelu16<Kokkos::Cuda>(context,
                       {gemm.y16, static_cast<std::size_t>(gemm.rows), static_cast<std::size_t>(gemm.columns)});
  return true;
}

bool attention_on_gpu(Context<Kokkos::Cuda>& context, const Attention16Desc& attention) {
  static const std::vector<Attention16Path> order = [] {
    const char* first = std::getenv("STREAMTUBE_CUDA_ATTENTION");
    return attention16_order(first ? first : "");
  }();
  cudaStream_t stream = context.space.cuda_stream();
  for (const Attention16Path path : order) {
    if (path == Attention16Path::cudnn && cuda::cudnn_attention(stream, attention)) return true;
    if (path == Attention16Path::hopper && cuda::hopper_attention(stream, attention)) return true;
  }
  return false;
}
#endif

}  // namespace

std::vector<Attention16Path> attention16_order(const std::string& first) {
  using enum Attention16Path;
  if (first.empty() || first == "cudnn") return {cudnn, hopper, portable};
  if (first == "hopper") return {hopper, cudnn, portable};
  if (first == "portable") return {portable};
  throw core::Error(core::ErrorKind::usage, core::str("STREAMTUBE_CUDA_ATTENTION='", first, "' is unknown"),
                    "use cudnn, hopper or portable");
}

template <class Space>
void layer_norm16(Context<Space>& context, Mat<const float, Space> x, Vec<const float, Space> weight,
                  Vec<const float, Space> bias, Vec<const float, Space> scale, Vec<const float, Space> shift,
                  float epsilon, Mat<Bf16, Space> y) {
  core::expect(x.extent(0) == y.extent(0) && x.extent(1) == y.extent(1), "layer_norm16: x and y differ in shape");
  core::expect(scale.extent(0) == shift.extent(0), "layer_norm16: scale without shift");
  for (const Vec<const float, Space>& v : {weight, bias, scale})
    core::expect(!v.data() || v.extent(0) == x.extent(1), "layer_norm16: a parameter is not as long as a row");
  if (context.measuring() || x.extent(0) == 0) return;
  constexpr bool host = std::is_same_v<Space, HostSpace>;
  constexpr int rows_per_team = host ? 64 : 8, team_size = host ? 1 : 8, lanes = host ? 1 : 32;
  const std::int64_t count = static_cast<std::int64_t>(x.extent(0));
  using Kernel = LayerNorm16<Space>;
  Kokkos::parallel_for(
      "streamtube::surrogate::layer_norm16",
      typename Kernel::Policy(context.space, static_cast<int>((count + rows_per_team - 1) / rows_per_team), team_size,
                              lanes),
      Kernel{x.data(), weight.data(), bias.data(), scale.data(), shift.data(), y.data(), count,
             static_cast<int>(x.extent(1)), rows_per_team, epsilon});
}

template <class Space>
void rotate16(Context<Space>& context, Mat<Bf16, Space> x, Mat<const float, Space> table) {
  const int head = static_cast<int>(table.extent(1));
  core::expect(x.extent(0) == table.extent(0), "rotate16: x and table differ in rows");
  core::expect(head > 0 && head % 2 == 0, "rotate16: heads of an odd number of channels");
  core::expect(x.extent(1) % table.extent(1) == 0, "rotate16: the width does not divide by the head size");
  const int heads = static_cast<int>(x.extent(1)) / head;
  if (context.measuring() || x.extent(0) == 0) return;
  for_items(context, "streamtube::surrogate::rotate16", static_cast<std::int64_t>(x.extent(0)) * heads * (head / 2),
            Rotate16{x.data(), table.data(), heads, head});
}

template <class Space>
void gelu16(Context<Space>& context, Mat<Bf16, Space> x) {
  if (context.measuring() || x.size() == 0) return;
  Bf16* at = x.data();
  const std::int64_t size = static_cast<std::int64_t>(x.size());
  // Two at a time; an odd last one alone.
  for_items(
      context, "streamtube::surrogate::gelu16", (size + 1) / 2, KOKKOS_LAMBDA(const std::int64_t i) {
        if (2 * i + 1 < size) {
          Bf16Pair* pair = reinterpret_cast<Bf16Pair*>(at) + i;
          const Bf16Pair in = *pair;
          *pair = {narrow(gelu(widen(in.even))), narrow(gelu(widen(in.odd)))};
        } else {
          at[2 * i] = narrow(gelu(widen(at[2 * i])));
        }
      });
}

template <class Space>
void round16(Context<Space>& context, Mat<const float, Space> x, Vec<const float, Space> gate, Mat<Bf16, Space> y) {
  core::expect(x.extent(0) == y.extent(0) && x.extent(1) == y.extent(1), "round16: x and y differ in shape");
  core::expect(!gate.data() || gate.extent(0) == x.extent(0), "round16: length of the gate");
  if (context.measuring() || x.size() == 0) return;
  const float *from = x.data(), *g = gate.data();
  Bf16* to = y.data();
  const std::int64_t columns = static_cast<std::int64_t>(x.extent(1));
  for_items(
      context, "streamtube::surrogate::round16", static_cast<std::int64_t>(x.size()),
      KOKKOS_LAMBDA(const std::int64_t i) { to[i] = narrow(g ? g[i / columns] * from[i] : from[i]); });
}

template <class Space>
void linear16(Context<Space>& context, const Gemm16Desc& gemm) {
  core::expect(gemm.rows >= 0 && gemm.columns > 0 && gemm.inner > 0, "linear16: a shape without columns");
  if (gemm.rows == 0 || context.measuring()) return;
  core::expect(gemm.x && gemm.weight, "linear16: operands are missing");
  core::expect((gemm.y16 != nullptr) != (gemm.y32 != nullptr), "linear16: one of y16 and y32 is written");
  core::expect(gemm.epilogue != Epilogue::accumulate || gemm.y32, "linear16: accumulate adds to y32");
  core::expect(gemm.epilogue != Epilogue::gelu || gemm.y16, "linear16: gelu writes y16");
#ifdef KOKKOS_ENABLE_CUDA
  if constexpr (std::is_same_v<Space, Kokkos::Cuda>)
    if (gemm_on_gpu(context, gemm)) return;
#endif
  constexpr int tile = PortableGemm16::tile;
  for_items(context, "streamtube::surrogate::linear16",
            (gemm.rows + tile - 1) / tile * ((gemm.columns + tile - 1) / tile), PortableGemm16{gemm});
}

template <class Space>
void attention16(Context<Space>& context, const Attention16Desc& attention) {
  core::expect(attention.heads > 0 && attention.head > 0 && attention.head <= 128,
               "attention16: heads of 1 to 128 channels");
  std::vector<Segment> used;
  for (int i = 0; i < attention.segment_count; ++i) {
    const Segment& s = attention.segments[i];
    core::expect(s.query_begin >= 0 && s.key_begin >= 0, "attention16: a segment is out of range");
    if (s.query_begin >= s.query_end) continue;
    core::expect(s.key_begin < s.key_end, "attention16: queries without keys");
    used.push_back(s);
  }
  if (context.measuring() || used.empty()) return;
  Attention16Desc a = attention;
  a.segments = used.data(), a.segment_count = static_cast<int>(used.size());
#ifdef KOKKOS_ENABLE_CUDA
  if constexpr (std::is_same_v<Space, Kokkos::Cuda>)
    if (attention_on_gpu(context, a)) return;
#endif
  if (a.head <= 32) return launch<32>(context, a);
  if (a.head <= 64) return launch<64>(context, a);
  launch<128>(context, a);
}

#define STREAMTUBE_INSTANTIATE(S)                                                                           \
  template void layer_norm16<S>(Context<S>&, Mat<const float, S>, Vec<const float, S>, Vec<const float, S>, \
                                Vec<const float, S>, Vec<const float, S>, float, Mat<Bf16, S>);             \
  template void rotate16<S>(Context<S>&, Mat<Bf16, S>, Mat<const float, S>);                                \
  template void gelu16<S>(Context<S>&, Mat<Bf16, S>);                                                       \
  template void round16<S>(Context<S>&, Mat<const float, S>, Vec<const float, S>, Mat<Bf16, S>);            \
  template void linear16<S>(Context<S>&, const Gemm16Desc&);                                                \
  template void attention16<S>(Context<S>&, const Attention16Desc&);
STREAMTUBE_INSTANTIATE(HostSpace)
#ifdef KOKKOS_ENABLE_CUDA
STREAMTUBE_INSTANTIATE(Kokkos::Cuda)
#endif
#undef STREAMTUBE_INSTANTIATE

}  // namespace streamtube::surrogate
