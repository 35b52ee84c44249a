#include "surrogate/model/surrogate.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "core/runtime.hpp"
#include "core/sha256.hpp"
#include "surrogate/backends/cuda_paths.hpp"
#include "surrogate/model/abupt.dev.hpp"
#include "surrogate/model/abupt_half.dev.hpp"
#include "surrogate/model/features.hpp"
#include "surrogate/model/query_stream.dev.hpp"

namespace streamtube::surrogate {
namespace {

// Rows of a query pass. GPU: its attention is 3 heads x 176 blocks of 128 rows, which 132 multiprocessors finish in 4
// full turns, and the widest rows between two kernels, the 16-bit hidden layer of hidden 192, are 35 MB: they stay in
// 50 MB of second-level cache (H100). More rows gain nothing.
constexpr std::size_t host_chunk = 16384, gpu_chunk = 22528, least_gpu_chunk = 1024;

template <class Space>
constexpr bool on_host = std::is_same_v<Space, HostSpace>;

template <class Space>
BackendSet backends_for(Precision precision) {
  return is_half<Space>(precision) ? BackendSet() : BackendSet(precision, !on_host<Space>);
}

// The chunk a network starts with: less than usual where its scratch would take much of the GPU's free memory.
template <class Space>
std::size_t first_chunk([[maybe_unused]] const AbuptConfig& config) {
  if constexpr (on_host<Space>) return host_chunk;
#ifdef KOKKOS_ENABLE_CUDA
  std::size_t chunk = gpu_chunk, free = 0, total = 0;
  const std::size_t row = sizeof(float) * static_cast<std::size_t>(config.hidden) *
                          static_cast<std::size_t>(4 + config.mlp_ratio);  // float32, which takes more
  if (cudaMemGetInfo(&free, &total) == cudaSuccess)
    while (chunk > least_gpu_chunk && chunk * row > free / 4) chunk /= 2;
  return chunk;
#else
  return host_chunk;
#endif
}

// A device array of at least the size asked for, kept between calls.
template <class T, class Space>
class Buffer {
  using Memory = typename Space::memory_space;

 public:
  explicit Buffer(const char* label) : label_(label) {}
  T* reserve(std::size_t size) {
    if (view_.extent(0) < size) {
      view_ = {};
      view_ = Kokkos::View<T*, Memory>(Kokkos::view_alloc(Kokkos::WithoutInitializing, std::string(label_)), size);
    }
    return view_.data();
  }
  const T* upload(const Space& space, std::span<const T> values) {
    reserve(values.size());
    upload_to(space, view_.data(), values);
    return view_.data();
  }
  static void upload_to(const Space& space, T* to, std::span<const T> values) {
    if (values.empty()) return;
    using Host = Kokkos::View<const T*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
    using Device = Kokkos::View<T*, Memory, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
    Kokkos::deep_copy(space, Device(to, values.size()), Host(values.data(), values.size()));
  }
  static void download(const Space& space, const T* from, std::span<T> values) {
    if (values.empty()) return;
    using Host = Kokkos::View<T*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
    using Device = Kokkos::View<const T*, Memory, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
    Kokkos::deep_copy(space, Host(values.data(), values.size()), Device(from, values.size()));
    space.fence("streamtube::surrogate::download");
  }
  std::size_t bytes() const { return view_.extent(0) * sizeof(T); }

 private:
  const char* label_;
  Kokkos::View<T*, Memory> view_;
};

std::string hash(const Weights& weights) {
  core::Sha256 sha;
  for (const auto& [name, tensor] : weights) {
    const std::string head = core::str(name, ' ', tensor.shape.size());
    sha.update(head.data(), head.size());
    for (std::size_t n : tensor.shape) {
      const std::string size = core::str(' ', n);
      sha.update(size.data(), size.size());
    }
    sha.update(tensor.values.data(), tensor.values.size() * sizeof(float));
  }
  return sha.hex();
}

std::int64_t rows_of(std::span<const float> rows, int width) {
  const std::size_t numbers = static_cast<std::size_t>(width);
  core::expect(rows.size() % numbers == 0, "surrogate: rows of input of another width than the network's");
  return static_cast<std::int64_t>(rows.size() / numbers);
}

}  // namespace

struct Surrogate::Impl {
  explicit Impl(std::string hash) : fingerprint(std::move(hash)) {}
  virtual ~Impl() = default;
  virtual const AbuptConfig& config() const = 0;
  virtual std::size_t parameters() const = 0;
  virtual void encode(const EncodeInput& input) = 0;
  virtual void query(int b, std::span<const float> positions, std::span<float> out) = 0;
  virtual void query_gradient(Branch branch, std::span<const float> positions, std::span<float> out,
                              std::span<float> gradient, std::span<const float> jacobian) = 0;
  virtual void forward_traced(const EncodeInput& input, const std::span<const float> queries[2],
                              std::vector<float> out[2], Trace* trace) = 0;
  virtual Sensitivity sensitivity(const EncodeInput& in, const std::span<const float> (&queries)[2],
                                  const std::span<const float> (&coefficients)[2]) = 0;
  virtual Surrogate::Memory memory() const = 0;
  virtual std::size_t members() const { return 1; }
  virtual Impl& member(std::size_t) { return *this; }

  std::string fingerprint;
  std::vector<float> anchor_out[2];
  bool encoded = false;
  std::size_t chunk = 0;
};

// The network on one execution space.
template <class Space>
struct Surrogate::On final : Impl {
  using Model = Abupt<float, Space>;
  template <class T>
  using Buffer = surrogate::Buffer<T, Space>;

  using Half = AbuptHalf<Space>;

  // Rows of both branches on the host: all positions [..][3], surface first, and the features of each branch.
  struct HostRows {
    std::vector<float> positions, features[2];
    void add(int b, std::span<const float> rows, int width) {
      const SplitRows split(rows, static_cast<std::size_t>(width));
      positions.insert(positions.end(), split.positions.begin(), split.positions.end());
      features[b].insert(features[b].end(), split.features.begin(), split.features.end());
    }
  };

  On(const AbuptConfig& config, const Weights& weights, const std::string& where, Precision precision_)
      : Impl(hash(weights)),
        precision(precision_),
        backends(backends_for<Space>(precision_)),
        model(config, weights, where),
        half(is_half<Space>(precision_) ? std::make_unique<Half>(model) : nullptr) {
    chunk = first_chunk<Space>(config);
    if constexpr (is_gpu<Space>) cuda::prepare(precision_, false);
  }

  Space space;
  Precision precision;
  BackendSet backends, float32;
  core::Arena<Space> arena;
  Model model;
  std::unique_ptr<Half> half;       // the 16-bit pass, where that is the precision
  AnchorCache<float, Space> cache;  // of encode() and query() ...
  typename Half::Cache half_cache;  // ... in 16 bit
  AnchorCache<float, Space> exact;  // of derivatives where the precision is bf16: see exact_cache()
  typename Model::Rows encoded_rows;
  HostRows encoded_at;
  bool exact_filled = false;
  QueryStream<Space> stream;
  typename Model::Case input;
  Buffer<float> points{"streamtube::surrogate::Surrogate::points"},
      point_features{"streamtube::surrogate::Surrogate::point_features"},
      features[2] = {Buffer<float>{"streamtube::surrogate::Surrogate::surface_features"},
                     Buffer<float>{"streamtube::surrogate::Surrogate::volume_features"}},
      condition{"streamtube::surrogate::Surrogate::condition"},
      positions{"streamtube::surrogate::Surrogate::positions"},
      out[2] = {Buffer<float>{"streamtube::surrogate::Surrogate::surface"},
                Buffer<float>{"streamtube::surrogate::Surrogate::volume"}};
  Buffer<std::int64_t> supernodes{"streamtube::surrogate::Surrogate::supernodes"};
  std::size_t measured_chunk = 0;

  Context<Space> context() { return {space, arena, backends}; }
  int outputs(int b) const { return model.config().outputs[b]; }
  int width(int b) const { return model.config().width(b); }

  void upload_case(const EncodeInput& in) {
    const std::int64_t count = rows_of(in.points, model.config().point_width());
    core::expect(count > 0 && !in.supernodes.empty(), "surrogate: a case needs geometry points and supernodes");
    for (std::int64_t s : in.supernodes)
      core::expect(s >= 0 && s < count, "surrogate: a supernode index is out of range");
    core::expect(in.condition.size() == static_cast<std::size_t>(model.config().condition),
                 "surrogate: length of the condition");
    const SplitRows split(in.points, static_cast<std::size_t>(model.config().point_width()));
    input.points = {points.upload(space, split.positions), static_cast<std::size_t>(count), 3};
    input.point_features = {point_features.upload(space, split.features), static_cast<std::size_t>(count),
                            static_cast<std::size_t>(model.config().point_features())};
    space.fence("streamtube::surrogate::Surrogate::upload_case");  // `split` goes
    input.supernodes = {supernodes.upload(space, in.supernodes), in.supernodes.size()};
    input.condition = {condition.upload(space, in.condition), in.condition.empty() ? 0u : 1u, in.condition.size()};
    input.neighbors = geometry::radius_search<float, Space>(space, input.points, input.supernodes,
                                                            model.config().radius, model.config().max_degree);
  }

  struct Uploaded {
    Mat<const float, Space> where;
    typename Model::Features features;
    Mat<float, Space> result[2];
  };
  Uploaded upload_rows(const typename Model::Rows& rows, const HostRows& at) {
    Uploaded u{{positions.upload(space, at.positions), static_cast<std::size_t>(rows.total()), 3}, {}, {}};
    for (int b = 0; b < 2; ++b) {
      const std::size_t count = static_cast<std::size_t>(rows.end(b) - rows.begin(b));
      u.features.of[b] = {features[b].upload(space, at.features[b]), count,
                          static_cast<std::size_t>(model.config().features(b))};
      u.result[b] = {out[b].reserve(count * static_cast<std::size_t>(outputs(b))), count,
                     static_cast<std::size_t>(outputs(b))};
    }
    return u;
  }

  // Geometry encoder, then the given rows with their anchors, by the network in float32 or in 16 bit.
  template <class Network, class Cache>
  void pass_anchors(Network& network, const BackendSet& with, Cache& to, const typename Model::Rows& rows, Uploaded& u,
                    const typename Model::TraceFunction& trace) {
    const std::size_t supernodes = input.supernodes.extent(0);
    to.resize(model.config(), static_cast<std::int64_t>(supernodes), rows.anchors[0], rows.anchors[1], true);
    const auto pass = [&](const typename Model::TraceFunction& traced) {
      Context<Space> c{space, arena, with};
      typename core::Arena<Space>::Scope scope(arena);
      if constexpr (std::is_same_v<Network, Half>) network.begin_case(c, input);
      Mat<float, Space> tokens = take<float>(c, supernodes, static_cast<std::size_t>(model.config().hidden));
      network.encode_geometry(c, input, tokens, traced);
      network.forward(c, input, tokens, u.where, rows, to, u.result, traced, u.features);
    };
    arena.measure([&] { pass({}); });
    pass(trace);
    measured_chunk = 0;
  }

  void run(const EncodeInput& in, const typename Model::Rows& rows, const HostRows& at,
           const typename Model::TraceFunction& trace) {
    upload_case(in);
    exact_filled = false;
    Uploaded u = upload_rows(rows, at);
    if (half)
      pass_anchors(*half, backends, half_cache, rows, u, trace);
    else
      pass_anchors(model, backends, cache, rows, u, trace);
    for (int b = 0; b < 2; ++b) {
      anchor_out[b].resize(u.result[b].size());
      Buffer<float>::download(space, u.result[b].data(), anchor_out[b]);
    }
  }

  // The anchors' keys and values for derivatives, in float32 throughout: those of the queries, or, where these are of
  // less precision, from a second pass over the anchors when they are first asked for.
  const AnchorCache<float, Space>& exact_cache() {
    if (precision != Precision::bf16) return cache;
    if (!exact_filled) {
      Uploaded u = upload_rows(encoded_rows, encoded_at);
      pass_anchors(model, float32, exact, encoded_rows, u, {});
      exact_filled = true;
    }
    return exact;
  }
  const BackendSet& exact_backends() const { return precision == Precision::bf16 ? float32 : backends; }

  // at: [count][width] on the device.
  void query_pass(int b, std::int64_t count, const float* at, float* to) {
    typename Model::Rows rows;
    rows.queries[b] = count;
    const std::size_t n = static_cast<std::size_t>(count), wide = static_cast<std::size_t>(model.config().features(b));
    Mat<const float, Space> where{at, n, 3 + wide};
    Mat<float, Space> result[2];
    result[b] = {to, n, static_cast<std::size_t>(outputs(b))};
    Context<Space> c = context();
    typename core::Arena<Space>::Scope scope(arena);
    typename Model::Features beside;
    if (wide > 0) {
      const Mat<float, Space> position = take<float>(c, n, 3), feature = take<float>(c, n, wide);
      take_columns<float, Space>(c, where, 0, position);
      take_columns<float, Space>(c, where, 3, feature);
      where = position, beside.of[b] = feature;
    }
    if (half)
      half->forward(c, input, {}, where, rows, half_cache, result, {}, beside);
    else
      model.forward(c, input, {}, where, rows, cache, result, {}, beside);
  }

  void measure_queries() {
    if (measured_chunk == chunk) return;
    for (int b = 0; b < 2; ++b) {
      const float* at = positions.reserve(chunk * static_cast<std::size_t>(width(b)));
      float* to = out[b].reserve(chunk * static_cast<std::size_t>(outputs(b)));
      arena.measure([&] { query_pass(b, static_cast<std::int64_t>(chunk), at, to); });
    }
    measured_chunk = chunk;
    stream.forget();
  }

  const AbuptConfig& config() const override { return model.config(); }
  std::size_t parameters() const override { return model.parameters().size(); }

  // Before anything so large is allocated.
  void require_memory(const EncodeInput& input, const typename Model::Rows& rows) const {
    const auto own = [](const Surrogate::Memory& m) { return m.anchor_cache + m.scratch; };
    const std::size_t held = own(memory()),
                      needed = own(Surrogate::estimate(config(), input.supernodes.size(),
                                                       static_cast<std::size_t>(rows.anchors[0]),
                                                       static_cast<std::size_t>(rows.anchors[1]), chunk, precision));
    if (needed <= held) return;
    if (const std::size_t free = core::available_memory(); needed - held > free)
      throw core::Error(core::ErrorKind::runtime,
                        core::str("the network needs ", (needed - held) >> 20, " MiB more for ", rows.anchors[0], " + ",
                                  rows.anchors[1], " anchors and ", input.supernodes.size(), " supernodes, ",
                                  free >> 20, " MiB are free"),
                        "ask a model of fewer anchors, or on a machine with more memory");
  }

  void encode(const EncodeInput& input) override {
    typename Model::Rows rows;
    HostRows at;
    for (int b = 0; b < 2; ++b) {
      rows.anchors[b] = rows_of(input.anchors[b], width(b));
      core::expect(rows.anchors[b] > 0, "surrogate: both branches need anchors");
      at.add(b, input.anchors[b], width(b));
    }
    require_memory(input, rows);
    encoded = false;
    run(input, rows, at, {});
    encoded_rows = rows, encoded_at = std::move(at);
    encoded = true;
  }

  void query(int b, std::span<const float> positions, std::span<float> out) override {
    const std::size_t count = static_cast<std::size_t>(rows_of(positions, width(b)));
    const std::size_t in_width = static_cast<std::size_t>(width(b)), out_width = static_cast<std::size_t>(outputs(b));
    core::expect(out.size() == count * out_width, "surrogate: out is not [n][outputs]");
    measure_queries();
    stream.run(space, b, in_width, out_width, chunk, positions, out,
               [&](std::int64_t n, const float* at, float* to) { query_pass(b, n, at, to); });
  }

  void query_gradient(Branch branch, std::span<const float> positions, std::span<float> out, std::span<float> gradient,
                      std::span<const float> jacobian) override {
    On& m = *this;
    const int b = static_cast<int>(branch);
    const std::size_t in_width = static_cast<std::size_t>(m.width(b)), wide = in_width - 3,
                      count = static_cast<std::size_t>(rows_of(positions, m.width(b))),
                      width = static_cast<std::size_t>(m.outputs(b)), chunk = std::max<std::size_t>(m.chunk / 4, 1);
    core::expect(out.size() == count * width && gradient.size() == 3 * out.size(),
                 "surrogate: out is not [n][outputs], or gradient not [n][outputs][3]");
    core::expect(jacobian.empty() || jacobian.size() == 3 * wide * count,
                 "surrogate: jacobian is not [n][features][3]");
    const AnchorCache<float, Space>& anchors = exact_cache();
    std::vector<float> stacked;
    for (std::size_t first = 0; first < count; first += chunk) {
      const std::size_t n = std::min(chunk, count - first);
      const SplitRows split(positions.subspan(first * in_width, n * in_width), in_width);
      const std::vector<float> beside = stack_features(
          split.features, jacobian.empty() ? jacobian : jacobian.subspan(3 * wide * first, 3 * wide * n), n);
      const Mat<const float, Space> at{m.positions.upload(m.space, split.positions), n, 3};
      const Mat<const float, Space> feature{m.features[b].upload(m.space, beside), 4 * n, wide};
      const Mat<float, Space> to{m.out[b].reserve(4 * n * width), 4 * n, width};
      const auto pass = [&] {
        Context<Space> context{m.space, m.arena, m.exact_backends()};
        m.model.query_tangents(context, m.input, branch, at, anchors, to, feature);
      };
      m.arena.measure(pass);
      pass();
      stacked.resize(to.size());
      Buffer<float>::download(m.space, to.data(), stacked);
      for (std::size_t i = 0; i < n * width; ++i) {
        out[first * width + i] = stacked[i];
        for (std::size_t axis = 0; axis < 3; ++axis)
          gradient[3 * (first * width + i) + axis] = stacked[(axis + 1) * n * width + i];
      }
    }
    m.measured_chunk = 0;
  }

  void forward_traced(const EncodeInput& input, const std::span<const float> queries[2], std::vector<float> out[2],
                      Trace* trace) override {
    typename Model::Rows rows;
    HostRows at;
    for (int b = 0; b < 2; ++b) {
      rows.anchors[b] = rows_of(input.anchors[b], width(b)), rows.queries[b] = rows_of(queries[b], width(b));
      at.add(b, input.anchors[b], width(b)), at.add(b, queries[b], width(b));
    }
    typename Model::TraceFunction note;
    if (trace)
      note = [&](const std::string& name, Mat<const float, Space> x) {
        Tensor& tensor = (*trace)[name];
        tensor.shape = {x.extent(0), x.extent(1)};
        tensor.values.resize(x.size());
        Buffer<float>::download(space, x.data(), tensor.values);
      };
    encoded = false;
    run(input, rows, at, note);
    for (int b = 0; b < 2; ++b) out[b] = anchor_out[b];
  }

  Sensitivity sensitivity(const EncodeInput& in, const std::span<const float> (&queries)[2],
                          const std::span<const float> (&coefficients)[2]) override {
    On& m = *this;
    typename Model::Rows rows;
    HostRows at;
    std::size_t width[2], count[2];
    for (int b = 0; b < 2; ++b) {
      rows.anchors[b] = rows_of(in.anchors[b], m.width(b)), rows.queries[b] = rows_of(queries[b], m.width(b));
      core::expect(rows.anchors[b] > 0, "surrogate: both branches need anchors");
      at.add(b, in.anchors[b], m.width(b)), at.add(b, queries[b], m.width(b));
      count[b] = static_cast<std::size_t>(rows.end(b) - rows.begin(b)),
      width[b] = static_cast<std::size_t>(m.outputs(b));
      core::expect(coefficients[b].size() == count[b] * width[b], "surrogate: coefficients are not [A + Q][outputs]");
    }
    m.encoded = false;
    m.upload_case(in);
    const float* position = m.positions.upload(m.space, at.positions);
    const std::size_t points = static_cast<std::size_t>(m.input.points.extent(0));
    Buffer<float> gradient{"streamtube::surrogate::Surrogate::sensitivity"},
        coefficient{"streamtube::surrogate::Surrogate::coefficients"};
    float* dpoints = gradient.reserve(3 * points + at.positions.size());
    float* dpositions = dpoints + 3 * points;
    float* factor = coefficient.reserve(coefficients[0].size() + coefficients[1].size());
    typename Model::PositionAdjoints wanted;
    wanted.points = {
        {dpoints, points, 3},
        geometry::invert<std::int32_t, Space>(m.space, m.input.neighbors.source, static_cast<std::int64_t>(points)),
        geometry::invert<std::int64_t, Space>(m.space, m.input.supernodes, static_cast<std::int64_t>(points))};
    typename Model::Features beside;
    Mat<const float, Space> where[2], factors[2];
    Mat<float, Space> result[2];
    for (int b = 0; b < 2; ++b) {
      const std::size_t first = static_cast<std::size_t>(rows.begin(b)) * 3;
      where[b] = {position + first, count[b], 3};
      beside.of[b] = {m.features[b].upload(m.space, at.features[b]), count[b],
                      static_cast<std::size_t>(m.model.config().features(b))};
      wanted.positions[b] = {dpositions + first, count[b], 3};
      Buffer<float>::upload_to(m.space, factor, coefficients[b]);
      factors[b] = {factor, count[b], width[b]};
      factor += coefficients[b].size();
      result[b] = {m.out[b].reserve(count[b] * width[b]), count[b], width[b]};
    }
    Context<Space> context{m.space, m.arena, m.exact_backends()};
    const typename Model::LossFunction loss = [&](const Mat<const float, Space>(&out)[2],
                                                  const Mat<float, Space>(&dout)[2]) {
      if (context.measuring()) return;
      for (int b = 0; b < 2; ++b) {
        Kokkos::deep_copy(m.space, result[b], out[b]);
        Kokkos::deep_copy(m.space, dout[b], factors[b]);
      }
    };
    const auto pass = [&] {
      m.model.training_pass(context, m.input, where, rows, false, loss, {}, wanted, {}, beside);
    };
    m.arena.measure(pass);
    pass();

    Sensitivity s;
    s.points.resize(3 * points);
    Buffer<float>::download(m.space, dpoints, s.points);
    for (int b = 0; b < 2; ++b) {
      s.anchors[b].resize(3 * static_cast<std::size_t>(rows.anchors[b]));
      s.queries[b].resize(3 * static_cast<std::size_t>(rows.queries[b]));
      Buffer<float>::download(m.space, wanted.positions[b].data(), s.anchors[b]);
      Buffer<float>::download(m.space, wanted.positions[b].data() + s.anchors[b].size(), s.queries[b]);
      std::vector<float> out(result[b].size());
      Buffer<float>::download(m.space, result[b].data(), out);
      for (std::size_t i = 0; i < out.size(); ++i) s.value += double{coefficients[b][i]} * double{out[i]};
    }
    return s;
  }

  Surrogate::Memory memory() const override {
    return {parameters() * sizeof(float) + (half ? half->bytes() : 0),
            (cache.block.extent(0) + exact.block.extent(0)) * sizeof(float) + half_cache.block.extent(0) * sizeof(Bf16),
            arena.capacity()};
  }
};

// Members one after the other; what they say is added up on the host.
struct Surrogate::Mean final : Impl {
  explicit Mean(std::vector<std::unique_ptr<Impl>> networks) : Impl(hash_of(networks)), all(std::move(networks)) {
    chunk = all.front()->chunk;
  }

  static std::string hash_of(const std::vector<std::unique_ptr<Impl>>& networks) {
    core::Sha256 sha;
    for (const auto& one : networks) sha.update(one->fingerprint.data(), one->fingerprint.size());
    return sha.hex();
  }

  // to += from / members, in their order; the first replaces what is there.
  void add(std::span<float> to, std::span<const float> from, bool first) const {
    const float share = 1.0f / static_cast<float>(all.size());
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = (first ? 0.0f : to[i]) + share * from[i];
  }
  void add(std::vector<float>& to, const std::vector<float>& from, bool first) const {
    to.resize(from.size());
    add(std::span<float>(to), from, first);
  }
  bool is_first(const std::unique_ptr<Impl>& one) const { return &one == &all.front(); }

  const AbuptConfig& config() const override { return all.front()->config(); }
  std::size_t parameters() const override { return all.size() * all.front()->parameters(); }

  void encode(const EncodeInput& input) override {
    encoded = false;
    for (const auto& one : all) {
      one->encode(input);
      for (int b = 0; b < 2; ++b) add(anchor_out[b], one->anchor_out[b], is_first(one));
    }
    encoded = true;
  }

  void query(int b, std::span<const float> positions, std::span<float> out) override {
    std::vector<float> answer(out.size());
    for (const auto& one : all) {
      one->chunk = chunk;
      one->query(b, positions, answer);
      add(out, answer, is_first(one));
    }
  }

  void query_gradient(Branch branch, std::span<const float> positions, std::span<float> out, std::span<float> gradient,
                      std::span<const float> jacobian) override {
    std::vector<float> answer(out.size()), slopes(gradient.size());
    for (const auto& one : all) {
      one->chunk = chunk;
      one->query_gradient(branch, positions, answer, slopes, jacobian);
      add(out, answer, is_first(one));
      add(gradient, slopes, is_first(one));
    }
  }

  void forward_traced(const EncodeInput&, const std::span<const float>[2], std::vector<float>[2], Trace*) override {
    core::expect(false, "surrogate: forward_traced() is of one network");
  }

  Sensitivity sensitivity(const EncodeInput& in, const std::span<const float> (&queries)[2],
                          const std::span<const float> (&coefficients)[2]) override {
    encoded = false;
    Sensitivity mean;
    for (const auto& one : all) {
      const Sensitivity s = one->sensitivity(in, queries, coefficients);
      mean.value += s.value / static_cast<double>(all.size());
      add(mean.points, s.points, is_first(one));
      for (int b = 0; b < 2; ++b) {
        add(mean.anchors[b], s.anchors[b], is_first(one));
        add(mean.queries[b], s.queries[b], is_first(one));
      }
    }
    return mean;
  }

  Surrogate::Memory memory() const override {
    Surrogate::Memory sum;
    for (const auto& one : all) {
      const Surrogate::Memory m = one->memory();
      sum.weights += m.weights, sum.anchor_cache += m.anchor_cache, sum.scratch += m.scratch;
    }
    return sum;
  }

  std::size_t members() const override { return all.size(); }
  Impl& member(std::size_t m) override {
    all[m]->chunk = chunk;
    return *all[m];
  }

  std::vector<std::unique_ptr<Impl>> all;
};

void check_precision(Precision precision) {
  on_backend([&]<class Space>(std::type_identity<Space>) { backends_for<Space>(precision); });
}

Surrogate::Surrogate(const AbuptConfig& config, const Weights& weights, const std::string& where, Precision precision)
    : impl_(on_backend([&]<class Space>(std::type_identity<Space>) -> std::unique_ptr<Impl> {
        return std::make_unique<On<Space>>(config, weights, where, precision);
      })) {}
Surrogate::Surrogate(const AbuptConfig& config, const std::vector<const Weights*>& members, const std::string& where,
                     Precision precision) {
  core::expect(!members.empty(), "surrogate: no weights");
  std::vector<std::unique_ptr<Impl>> all;
  for (const Weights* weights : members) all.push_back(std::move(Surrogate(config, *weights, where, precision).impl_));
  impl_ = all.size() == 1 ? std::move(all.front()) : std::make_unique<Mean>(std::move(all));
}
Surrogate::~Surrogate() = default;
Surrogate::Surrogate(Surrogate&&) noexcept = default;
Surrogate& Surrogate::operator=(Surrogate&&) noexcept = default;

const AbuptConfig& Surrogate::config() const { return impl_->config(); }
std::size_t Surrogate::parameters() const { return impl_->parameters(); }
std::string Surrogate::fingerprint() const { return impl_->fingerprint; }
std::size_t Surrogate::query_chunk() const { return impl_->chunk; }

std::size_t Surrogate::first_query_chunk(const AbuptConfig& config) {
  return on_backend([&]<class Space>(std::type_identity<Space>) { return first_chunk<Space>(config); });
}

void Surrogate::set_query_chunk(std::size_t rows) {
  core::expect(rows > 0, "surrogate: a query chunk of no rows");
  impl_->chunk = rows;
}

void Surrogate::encode(const EncodeInput& input) { impl_->encode(input); }

std::span<const float> Surrogate::anchor_output(Branch branch) const {
  core::expect(impl_->encoded, "surrogate: anchor_output() before encode()");
  return (asked_ ? impl_->member(*asked_) : *impl_).anchor_out[static_cast<int>(branch)];
}

std::size_t Surrogate::members() const { return impl_->members(); }

void Surrogate::ask_member(std::optional<std::size_t> member) {
  core::expect(!member || *member < members(), "surrogate: no such member");
  asked_ = member;
}

Surrogate::Impl& Surrogate::asked() { return asked_ ? impl_->member(*asked_) : *impl_; }

void Surrogate::query(Branch branch, std::span<const float> positions, std::span<float> out) {
  core::expect(impl_->encoded, "surrogate: query() before encode()");
  asked().query(static_cast<int>(branch), positions, out);
}

void Surrogate::query_gradient(Branch branch, std::span<const float> positions, std::span<float> out,
                               std::span<float> gradient, std::span<const float> jacobian) {
  core::expect(impl_->encoded, "surrogate: query_gradient() before encode()");
  asked().query_gradient(branch, positions, out, gradient, jacobian);
}

void Surrogate::forward_traced(const EncodeInput& input, const std::span<const float> queries[2],
                               std::vector<float> out[2], Trace* trace) {
  impl_->forward_traced(input, queries, out, trace);
}

Surrogate::Sensitivity Surrogate::sensitivity(const EncodeInput& input, const std::span<const float> (&queries)[2],
                                              const std::span<const float> (&coefficients)[2]) {
  return impl_->sensitivity(input, queries, coefficients);
}

Surrogate::Memory Surrogate::memory() const { return impl_->memory(); }

Surrogate::Memory Surrogate::estimate(const AbuptConfig& config, std::size_t supernodes, std::size_t surface,
                                      std::size_t volume, std::size_t query_chunk, Precision precision) {
  const auto as_count = [](std::size_t n) { return static_cast<std::int64_t>(n); };
  const bool half = on_backend([&]<class Space>(std::type_identity<Space>) { return is_half<Space>(precision); });
  Memory memory;
  for (const auto& [name, tensor] : expected_weights(config)) {
    std::size_t size = 1;
    for (std::size_t n : tensor.shape) size *= n;
    memory.weights += size * (half && tensor.shape.size() > 1 ? sizeof(float) + sizeof(Bf16) : sizeof(float));
  }
  memory.anchor_cache =
      AnchorCache<float, HostSpace>::elements(config, as_count(supernodes), as_count(surface), as_count(volume)) *
      (half ? sizeof(Bf16) : sizeof(float));
  // Per row: tokens, their normed copy, queries and rotary table; keys and values once more in the attention's own
  // order. In 16 bit: tokens, table, normed rows and the hidden layer.
  const std::size_t rows = std::max(surface + volume, query_chunk), d = static_cast<std::size_t>(config.hidden),
                    head = static_cast<std::size_t>(config.head_size());
  memory.scratch =
      half ? rows * (sizeof(float) * (d + head) + sizeof(Bf16) * d * (1 + static_cast<std::size_t>(config.mlp_ratio)))
           : sizeof(float) * (rows * (3 * d + head) + 3 * (surface + volume + supernodes) * d);
  return memory;
}

}  // namespace streamtube::surrogate
