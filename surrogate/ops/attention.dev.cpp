#include "surrogate/ops/attention.dev.hpp"

#include <type_traits>

#include "surrogate/backends/cpu.dev.hpp"
#include "surrogate/backends/cuda.dev.hpp"

namespace streamtube::surrogate {
namespace {

// Portable: a work item is one query row and head; keys come in blocks, whose scores are held in registers.
// `Head` bounds the head size, so that the sums have a fixed size.
template <class T, int Head>
struct PortableAttention {
  static constexpr int block = 16;
  const T *q, *k, *v;
  T *out, *log_sum;
  int heads, head;
  Segment segment;
  T scale;

  KOKKOS_FUNCTION void operator()(const std::int64_t item) const {
    const std::int64_t width = static_cast<std::int64_t>(heads) * head;
    const std::int64_t at = (segment.query_begin + item / heads) * width + item % heads * head;
    const T* keys = k + item % heads * head;
    const T* values = v + item % heads * head;
    T query[Head], sum[Head];
    for (int c = 0; c < head; ++c) query[c] = q[at + c] * scale, sum[c] = 0;
    T maximum = -Kokkos::Experimental::infinity_v<T>, total = 0;
    for (std::int64_t first = segment.key_begin; first < segment.key_end; first += block) {
      const int count = static_cast<int>(segment.key_end - first < block ? segment.key_end - first : block);
      T score[block], high = maximum;
      for (int j = 0; j < count; ++j) {
        const T* key = keys + (first + j) * width;
        T part[4] = {0, 0, 0, 0};
        int c = 0;
        for (; c + 4 <= head; c += 4)
          for (int l = 0; l < 4; ++l) part[l] += query[c + l] * key[c + l];
        for (; c < head; ++c) part[0] += query[c] * key[c];
        score[j] = (part[0] + part[1]) + (part[2] + part[3]);
        high = score[j] > high ? score[j] : high;
      }
      const T shrink = Kokkos::exp(maximum - high);
      maximum = high;
      total *= shrink;
      for (int c = 0; c < head; ++c) sum[c] *= shrink;
      for (int j = 0; j < count; ++j) {
        const T* value = values + (first + j) * width;
        const T p = Kokkos::exp(score[j] - maximum);
        total += p;
        for (int c = 0; c < head; ++c) sum[c] += p * value[c];
      }
    }
    for (int c = 0; c < head; ++c) out[at + c] = sum[c] / total;
    if (log_sum) log_sum[(segment.query_begin + item / heads) * heads + item % heads] = maximum + Kokkos::log(total);
  }
};

// Portable adjoints: a work item is one query row and head (dq), or one key row and head (dk, dv); the other side is
// walked through in order, with the scores computed anew.
template <class T, int Head>
struct PortableQueryAdjoint {
  AttentionBackwardDesc<T> a;
  Segment segment;
  T scale;

  KOKKOS_FUNCTION void operator()(const std::int64_t item) const {
    const std::int64_t width = static_cast<std::int64_t>(a.heads) * a.head, h = item % a.heads,
                       row = segment.query_begin + item / a.heads, at = row * width + h * a.head;
    T query[Head], d[Head], sum[Head];
    for (int c = 0; c < a.head; ++c) query[c] = a.q[at + c] * scale, d[c] = a.dout[at + c], sum[c] = 0;
    const T log_sum = a.log_sum[row * a.heads + h], delta = a.delta[row * a.heads + h];
    for (std::int64_t j = segment.key_begin; j < segment.key_end; ++j) {
      const T *key = a.k + j * width + h * a.head, *value = a.v + j * width + h * a.head;
      T score = 0, dp = 0;
      for (int c = 0; c < a.head; ++c) score += query[c] * key[c], dp += d[c] * value[c];
      const T ds = Kokkos::exp(score - log_sum) * (dp - delta);
      for (int c = 0; c < a.head; ++c) sum[c] += ds * key[c];
    }
    for (int c = 0; c < a.head; ++c) a.dq[at + c] += scale * sum[c];
  }
};

template <class T, int Head>
struct PortableKeyAdjoint {
  AttentionBackwardDesc<T> a;
  Segment segment;
  T scale;

  KOKKOS_FUNCTION void operator()(const std::int64_t item) const {
    const std::int64_t width = static_cast<std::int64_t>(a.heads) * a.head, h = item % a.heads,
                       at = (segment.key_begin + item / a.heads) * width + h * a.head;
    T key[Head], value[Head], dk[Head], dv[Head];
    for (int c = 0; c < a.head; ++c) key[c] = a.k[at + c] * scale, value[c] = a.v[at + c], dk[c] = 0, dv[c] = 0;
    for (std::int64_t i = segment.query_begin; i < segment.query_end; ++i) {
      const T *query = a.q + i * width + h * a.head, *d = a.dout + i * width + h * a.head;
      T score = 0, dp = 0;
      for (int c = 0; c < a.head; ++c) score += query[c] * key[c], dp += d[c] * value[c];
      const T p = Kokkos::exp(score - a.log_sum[i * a.heads + h]), ds = p * (dp - a.delta[i * a.heads + h]);
      for (int c = 0; c < a.head; ++c) dk[c] += ds * query[c], dv[c] += p * d[c];
    }
    for (int c = 0; c < a.head; ++c) a.dk[at + c] += scale * dk[c], a.dv[at + c] += dv[c];
  }
};

template <int Head, class T, class Space>
void launch(Context<Space>& context, const AttentionDesc<T>& a) {
  for (int i = 0; i < a.segment_count; ++i) {
    const Segment& s = a.segments[i];
    Kokkos::parallel_for("streamtube::surrogate::attention",
                         Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(
                             context.space, 0, (s.query_end - s.query_begin) * a.heads),
                         PortableAttention<T, Head>{a.q, a.k, a.v, a.out, a.log_sum, a.heads, a.head, s,
                                                    T(1) / Kokkos::sqrt(T(a.head))});
  }
}

template <int Head, class T, class Space>
void launch(Context<Space>& context, const AttentionBackwardDesc<T>& a) {
  const T scale = T(1) / Kokkos::sqrt(T(a.head));
  for (int i = 0; i < a.segment_count; ++i) {
    const Segment& s = a.segments[i];
    using Policy = Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>;
    Kokkos::parallel_for("streamtube::surrogate::attention_backward::queries",
                         Policy(context.space, 0, (s.query_end - s.query_begin) * a.heads),
                         PortableQueryAdjoint<T, Head>{a, s, scale});
    Kokkos::parallel_for("streamtube::surrogate::attention_backward::keys",
                         Policy(context.space, 0, (s.key_end - s.key_begin) * a.heads),
                         PortableKeyAdjoint<T, Head>{a, s, scale});
  }
}

// Forward or adjoint, whichever is described.
template <class Description, class Space>
void portable(Context<Space>& context, const Description& a) {
  if (context.measuring()) return;
  if (a.head <= 16) return launch<16>(context, a);
  if (a.head <= 32) return launch<32>(context, a);
  if (a.head <= 64) return launch<64>(context, a);
  if (a.head <= 128) return launch<128>(context, a);
  core::expect(a.head <= 512, "attention: heads larger than 512 channels");
  launch<512>(context, a);
}

// The segments that have queries, checked.
std::vector<Segment> used_segments(const std::vector<Segment>& segments, std::size_t queries, std::size_t keys) {
  std::vector<Segment> used;
  for (const Segment& s : segments) {
    core::expect(s.query_begin >= 0 && s.query_end <= static_cast<std::int64_t>(queries) && s.key_begin >= 0 &&
                     s.key_end <= static_cast<std::int64_t>(keys),
                 "attention: a segment is out of range");
    if (s.query_begin >= s.query_end) continue;
    core::expect(s.key_begin < s.key_end, "attention: queries without keys");
    used.push_back(s);
  }
  return used;
}

}  // namespace

template <class T, class Space>
void attention(Context<Space>& context, int heads, Mat<const T, Space> q, Mat<const T, Space> k, Mat<const T, Space> v,
               const std::vector<Segment>& segments, Mat<T, Space> out, Mat<T, Space> log_sum) {
  core::expect(q.extent(1) == k.extent(1) && k.extent(1) == v.extent(1) && q.extent(1) == out.extent(1),
               "attention: q, k, v and out differ in width");
  core::expect(k.extent(0) == v.extent(0) && q.extent(0) == out.extent(0),
               "attention: q and out, k and v differ in rows");
  core::expect(heads > 0 && q.extent(1) % heads == 0, "attention: the width does not divide by the heads");
  core::expect(!log_sum.data() || (log_sum.extent(0) == q.extent(0) && static_cast<int>(log_sum.extent(1)) == heads),
               "attention: log_sum is not [rows of q][heads]");
  const std::vector<Segment> used = used_segments(segments, q.extent(0), k.extent(0));
  const AttentionDesc<T> description{q.data(),      k.data(),
                                     v.data(),      out.data(),
                                     heads,         static_cast<int>(q.extent(1)) / heads,
                                     used.data(),   static_cast<int>(used.size()),
                                     log_sum.data()};
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Space, HostSpace>)
    if (cpu::attention(context, description)) return;
  if constexpr (std::is_same_v<T, float> && is_gpu<Space>)
    if (cuda::attention(context, description)) return;
  portable(context, description);
}

template <class T, class Space>
void attention_backward(Context<Space>& context, int heads, Mat<const T, Space> q, Mat<const T, Space> k,
                        Mat<const T, Space> v, Mat<const T, Space> out, Mat<const T, Space> log_sum,
                        Mat<const T, Space> dout, const std::vector<Segment>& segments, Mat<T, Space> dq,
                        Mat<T, Space> dk, Mat<T, Space> dv) {
  const auto alike = [](const auto& a, const auto& b) {
    return a.extent(0) == b.extent(0) && a.extent(1) == b.extent(1);
  };
  core::expect(alike(q, out) && alike(q, dout) && alike(q, dq) && alike(k, v) && alike(k, dk) && alike(k, dv) &&
                   q.extent(1) == k.extent(1),
               "attention_backward: shapes do not match");
  core::expect(heads > 0 && q.extent(1) % heads == 0 && log_sum.extent(0) == q.extent(0) &&
                   static_cast<int>(log_sum.extent(1)) == heads,
               "attention_backward: heads and log_sum do not match");
  const std::vector<Segment> used = used_segments(segments, q.extent(0), k.extent(0));
  const int head = static_cast<int>(q.extent(1)) / heads;
  typename core::Arena<Space>::Scope scope(context.arena);
  Mat<T, Space> delta = take<T>(context, q.extent(0), static_cast<std::size_t>(heads));
  if (!context.measuring())
    Kokkos::parallel_for(
        "streamtube::surrogate::attention_backward::delta",
        Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, q.extent(0) * heads),
        KOKKOS_LAMBDA(const std::int64_t i) {
          const T *o = &out(i / heads, i % heads * head), *d = &dout(i / heads, i % heads * head);
          T sum = 0;
          for (int c = 0; c < head; ++c) sum += o[c] * d[c];
          delta.data()[i] = sum;
        });
  fill_zero<T, Space>(context, dq), fill_zero<T, Space>(context, dk), fill_zero<T, Space>(context, dv);
  const AttentionBackwardDesc<T> description{q.data(),
                                             k.data(),
                                             v.data(),
                                             dout.data(),
                                             log_sum.data(),
                                             delta.data(),
                                             dq.data(),
                                             dk.data(),
                                             dv.data(),
                                             heads,
                                             head,
                                             used.data(),
                                             static_cast<int>(used.size())};
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Space, HostSpace>)
    if (cpu::attention_backward(context, description)) return;
  if constexpr (std::is_same_v<T, float> && is_gpu<Space>)
    if (cuda::attention_backward(context, description, out.data())) return;
  portable(context, description);
}

#define STREAMTUBE_INSTANTIATE(T, S)                                                                          \
  template void attention<T, S>(Context<S>&, int, Mat<const T, S>, Mat<const T, S>, Mat<const T, S>,          \
                                const std::vector<Segment>&, Mat<T, S>, Mat<T, S>);                           \
  template void attention_backward<T, S>(Context<S>&, int, Mat<const T, S>, Mat<const T, S>, Mat<const T, S>, \
                                         Mat<const T, S>, Mat<const T, S>, Mat<const T, S>,                   \
                                         const std::vector<Segment>&, Mat<T, S>, Mat<T, S>, Mat<T, S>);
STREAMTUBE_FOR_ALL_SPACES(STREAMTUBE_INSTANTIATE)
#undef STREAMTUBE_INSTANTIATE

}  // namespace streamtube::surrogate
