#include "surrogate/ops/attention.dev.hpp"

#include <type_traits>

#include "surrogate/backends/cpu.dev.hpp"

namespace streamtube::surrogate {
namespace {

// Portable: a work item is one query row and head; keys come in blocks, whose scores are held in registers.
// `Head` bounds the head size, so that the sums have a fixed size.
template <class T, int Head>
struct PortableAttention {
  static constexpr int block = 16;
  const T *q, *k, *v;
  T* out;
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
  }
};

template <int Head, class T, class Space>
void launch(Context<Space>& context, const AttentionDesc<T>& a) {
  for (int i = 0; i < a.segment_count; ++i) {
    const Segment& s = a.segments[i];
    Kokkos::parallel_for(
        "streamtube::surrogate::attention",
        Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0,
                                                                    (s.query_end - s.query_begin) * a.heads),
        PortableAttention<T, Head>{a.q, a.k, a.v, a.out, a.heads, a.head, s, T(1) / Kokkos::sqrt(T(a.head))});
  }
}

template <class T, class Space>
void portable(Context<Space>& context, const AttentionDesc<T>& a) {
  if (context.measuring()) return;
  if (a.head <= 16) return launch<16>(context, a);
  if (a.head <= 32) return launch<32>(context, a);
  if (a.head <= 64) return launch<64>(context, a);
  if (a.head <= 128) return launch<128>(context, a);
  core::expect(a.head <= 512, "attention: heads larger than 512 channels");
  launch<512>(context, a);
}

}  // namespace

template <class T, class Space>
void attention(Context<Space>& context, int heads, Mat<const T, Space> q, Mat<const T, Space> k, Mat<const T, Space> v,
               const std::vector<Segment>& segments, Mat<T, Space> out) {
  core::expect(q.extent(1) == k.extent(1) && k.extent(1) == v.extent(1) && q.extent(1) == out.extent(1),
               "attention: q, k, v and out differ in width");
  core::expect(k.extent(0) == v.extent(0) && q.extent(0) == out.extent(0),
               "attention: q and out, k and v differ in rows");
  core::expect(heads > 0 && q.extent(1) % heads == 0, "attention: the width does not divide by the heads");
  std::vector<Segment> used;
  for (const Segment& s : segments) {
    core::expect(s.query_begin >= 0 && s.query_end <= static_cast<std::int64_t>(q.extent(0)) && s.key_begin >= 0 &&
                     s.key_end <= static_cast<std::int64_t>(k.extent(0)),
                 "attention: a segment is out of range");
    if (s.query_begin >= s.query_end) continue;
    core::expect(s.key_begin < s.key_end, "attention: queries without keys");
    used.push_back(s);
  }
  const AttentionDesc<T> description{q.data(),    k.data(),
                                     v.data(),    out.data(),
                                     heads,       static_cast<int>(q.extent(1)) / heads,
                                     used.data(), static_cast<int>(used.size())};
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Space, HostSpace>)
    if (cpu::attention(context, description)) return;
  portable(context, description);
}

#define STREAMTUBE_INSTANTIATE(T, S)                                                                 \
  template void attention<T, S>(Context<S>&, int, Mat<const T, S>, Mat<const T, S>, Mat<const T, S>, \
                                const std::vector<Segment>&, Mat<T, S>);
STREAMTUBE_FOR_ALL_SPACES(STREAMTUBE_INSTANTIATE)
#undef STREAMTUBE_INSTANTIATE

}  // namespace streamtube::surrogate
