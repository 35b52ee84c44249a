#include "surrogate/train/trainer.hpp"

#include <algorithm>
#include <cmath>

#include "core/log.hpp"
#include "surrogate/backends/cuda_paths.hpp"
#include "surrogate/backends/nccl.hpp"
#include "surrogate/model/abupt.dev.hpp"
#include "surrogate/model/features.hpp"
#include "surrogate/train/loss.dev.hpp"
#include "surrogate/train/optimizer.dev.hpp"

namespace streamtube::surrogate {
namespace {

template <class T, class Space>
using Array = Kokkos::View<T*, typename Space::memory_space>;
template <class T>
using HostArray = Kokkos::View<T*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;

}  // namespace

double Schedule::rate(std::int64_t update) const {
  const std::int64_t n = static_cast<std::int64_t>(warmup * static_cast<double>(updates - 1));
  if (update < n) return peak * static_cast<double>(update + 1) / static_cast<double>(n + 1);
  const std::int64_t length = updates - n - 1;
  if (length <= 0) return peak;
  const double progress = std::min(1.0, static_cast<double>(update - n) / static_cast<double>(length));
  return end + 0.5 * (peak - end) * (1 + std::cos(3.14159265358979323846 * progress));
}

struct Trainer::Impl {
  virtual ~Impl() = default;
  virtual const AbuptConfig& config() const = 0;
  virtual std::size_t size() const = 0;  // parameters
  virtual std::int64_t update_count() const = 0;
  virtual void set_curl_terms(std::vector<CurlTerm> terms) = 0;
  virtual Losses accumulate(const Batch& batch, double scale) = 0;
  virtual bool sum_gradients(const core::Processes& processes) = 0;
  enum class What { weights, averaged, gradients };
  virtual Weights named(What what) const = 0;
  virtual double update(double rate) = 0;
  virtual State state() const = 0;
  virtual void restore(const State& state) = 0;
  virtual std::size_t scratch(const Shape& shape) = 0;
};

// The network in training on one execution space.
template <class Space>
struct Trainer::On final : Impl {
  using Model = Abupt<float, Space>;
  template <class T>
  using Array = surrogate::Array<T, Space>;

  template <class T>
  static void resize(Array<T>& array, std::size_t size, const char* label) {
    if (array.extent(0) != size)
      array = Array<T>(Kokkos::view_alloc(Kokkos::WithoutInitializing, std::string(label)), size);
  }

  // Host values into an array of at least their number.
  template <class T>
  static void upload(const Space& space, Array<T>& array, std::span<const T> values, const char* label) {
    if (array.extent(0) < values.size())
      array = Array<T>(Kokkos::view_alloc(Kokkos::WithoutInitializing, std::string(label)), values.size());
    if (!values.empty())
      Kokkos::deep_copy(space, Kokkos::subview(array, Kokkos::pair<std::size_t, std::size_t>(0, values.size())),
                        HostArray<const T>(values.data(), values.size()));
  }

  template <class T>
  static std::vector<T> download(const Space& space, const Array<T>& array) {
    std::vector<T> values(array.extent(0));
    if (!values.empty()) Kokkos::deep_copy(space, HostArray<T>(values.data(), values.size()), array);
    space.fence("streamtube::surrogate::Trainer::download");
    return values;
  }

  On(const AbuptConfig& config, const Weights& weights, const OptimizerOptions& o,
     const std::vector<float> (&column_weight)[2], bool again, const std::string& where, Precision precision)
      : backends(precision, is_gpu<Space>), model(config, weights, where), options(o), recompute(again) {
    On& m = *this;
    if constexpr (is_gpu<Space>) cuda::prepare(precision, true);
    const std::size_t count = m.size();
    for (Array<float>* array : {&m.gradients, &m.first, &m.average, &m.decays})
      resize(*array, count, "streamtube::surrogate::Trainer::parameters");
    if (options.kind == OptimizerOptions::Kind::adamw)
      resize(m.second, count, "streamtube::surrogate::Trainer::second");
    Kokkos::deep_copy(m.gradients, 0.0f);
    Kokkos::deep_copy(m.first, 0.0f);
    Kokkos::deep_copy(m.second, 0.0f);
    Kokkos::deep_copy(m.average, m.parameters());
    std::vector<float> decays(count, 1.0f);
    if (options.decay_matrices_only)
      for (const auto& [name, entry] : m.model.parameters().entries())
        if (!entry.columns) std::fill_n(decays.begin() + static_cast<std::ptrdiff_t>(entry.offset), entry.size(), 0.0f);
    upload<float>(m.space, m.decays, decays, "");
    for (int b = 0; b < 2; ++b) {
      core::expect(static_cast<int>(column_weight[b].size()) == config.outputs[b], "trainer: length of column_weight");
      upload<float>(m.space, m.column_weight[b], column_weight[b], "streamtube::surrogate::Trainer::column_weight");
      resize(m.losses[b], column_weight[b].size(), "streamtube::surrogate::Trainer::losses");
    }
    resize(m.norm, 1, "streamtube::surrogate::Trainer::norm");
    m.space.fence("streamtube::surrogate::Trainer");
  }

  Space space;
  BackendSet backends;
  core::Arena<Space> arena;
  Model model;
  OptimizerOptions options;
  bool recompute;
  std::int64_t updates = 0;
  Array<float> gradients, first, second, average, decays, column_weight[2];
  Array<double> losses[2], functional_losses, curl_losses, norm;
  Array<float> cell_share, cell_weight, cell_side;
  Array<std::int64_t> cell_row, cell_begin;
  std::vector<CurlTerm> curls;
  Array<float> points, point_features, positions[2], features[2], slope_features, targets[2], row_weights[2], condition;
  std::vector<Array<float>> functionals;
  Array<std::int64_t> supernodes;
  std::unique_ptr<cuda::DeviceSum> device_sum;
  bool device_sum_asked = false;

  Context<Space> context() { return {space, arena, backends}; }

  Weights by_name(const Array<float>& flat) const {
    Weights out = expected_weights(model.config());
    const std::vector<float> values = download(space, flat);
    for (auto& [name, tensor] : out) {
      const auto& entry = model.parameters().entries().at(name);
      tensor.values.assign(values.begin() + static_cast<std::ptrdiff_t>(entry.offset),
                           values.begin() + static_cast<std::ptrdiff_t>(entry.offset + entry.size()));
    }
    return out;
  }
  Array<float> parameters() const { return model.parameters().block(); }

  // The losses on curls, at the volume queries, whose targets are on the device already.
  typename Model::Slopes slopes(Context<Space>& context, Mat<const float, Space> positions, std::int64_t anchors,
                                double scale, double length) {
    const std::size_t wide = static_cast<std::size_t>(model.config().features(1));
    typename Model::Slopes s;
    if (std::all_of(curls.begin(), curls.end(), [](const CurlTerm& term) { return term.of_cells; })) return s;
    const std::size_t first = static_cast<std::size_t>(anchors);
    core::expect(positions.extent(0) > first, "trainer: losses on curls need volume queries");
    s.positions = rows(positions, first, positions.extent(0));
    s.features = {slope_features.data(), 4 * s.positions.extent(0), wide};
    s.loss = [this, &context, first, scale, length](Mat<const float, Space> out, Mat<float, Space> dout) {
      fill_zero<float, Space>(context, dout);
      const Mat<const float, Space> target{targets[1].data() + first * out.extent(1), out.extent(0) / 4, out.extent(1)};
      for (std::size_t i = 0; i < curls.size(); ++i)
        if (!curls[i].of_cells)
          curl_error<float, Space>(context, out, target, curls[i],
                                   static_cast<float>(curls[i].factor * (curls[i].of_length ? length : 1)),
                                   static_cast<float>(scale), dout, {curl_losses.data() + 3 * i, 3});
    };
    return s;
  }

  // Cells of a batch whose arms begin at row `first` of the volume's.
  CellRows<float, Space> upload_cells(const Batch::Cells& from, std::int64_t first) {
    upload<std::int64_t>(space, cell_row, from.row, "streamtube::surrogate::Trainer::cell_row");
    upload<std::int64_t>(space, cell_begin, from.begin, "streamtube::surrogate::Trainer::cell_begin");
    upload<float>(space, cell_share, from.share, "streamtube::surrogate::Trainer::cell_share");
    upload<float>(space, cell_weight, from.weight, "streamtube::surrogate::Trainer::cell_weight");
    upload<float>(space, cell_side, from.side, "streamtube::surrogate::Trainer::cell_side");
    return {{cell_row.data(), from.row.size()},     {cell_begin.data(), from.begin.size()},
            {cell_share.data(), from.share.size()}, {cell_weight.data(), from.arms(), 3},
            {cell_side.data(), from.arms()},        first};
  }
  // The losses on the vorticity of cells; the arms' part of dout is written.
  void cell_losses(Context<Space>& context, Mat<const float, Space> out, Mat<float, Space> dout,
                   const CellRows<float, Space>& cells, double scale) {
    if (cells.side.extent(0) == 0) return;
    const std::size_t first = static_cast<std::size_t>(cells.first);
    fill_zero<float, Space>(context, surrogate::rows(dout, first, dout.extent(0)));
    const Mat<const float, Space> target{targets[1].data(), first, out.extent(1)};
    for (std::size_t i = 0; i < curls.size(); ++i)
      if (curls[i].of_cells)
        cell_curl_error<float, Space>(context, out, target, cells, curls[i], static_cast<float>(scale), dout,
                                      {curl_losses.data() + 3 * i, 3});
  }

  const AbuptConfig& config() const override { return model.config(); }
  std::size_t size() const override { return model.parameters().size(); }
  std::int64_t update_count() const override { return updates; }
  void set_curl_terms(std::vector<CurlTerm> terms) override {
    resize(curl_losses, 3 * terms.size(), "streamtube::surrogate::Trainer::curl_losses");
    curls = std::move(terms);
  }
  Weights named(What what) const override {
    return by_name(what == What::weights ? parameters() : what == What::averaged ? average : gradients);
  }
  bool sum_gradients(const core::Processes& processes) override {
    if (processes.size() == 1) return true;
    if constexpr (is_gpu<Space>)
      if (join_devices(processes)) {
        const auto measure = [&] {
          Context<Space> c = context();
          gradient_norm<float, Space>(c, gradients, norm);
        };
        arena.measure(measure);
        measure();
        const bool finite = std::isfinite(download(space, norm)[0]);
        processes.any(false);  // NCCL would wait for a process that failed
        device_sum->sum(space.cuda_stream(), gradients.data(), size());
        return finite;
      }
    std::vector<float> values = download(space, gradients);
    const bool finite = std::all_of(values.begin(), values.end(), [](float g) { return std::isfinite(g); });
    processes.sum(values);
    upload<float>(space, gradients, values, "");
    space.fence("streamtube::surrogate::Trainer::sum_gradients");
    return finite;
  }

  // Collective, once: whether the processes' GPUs can sum among themselves.
  bool join_devices(const core::Processes& processes) {
    if (!device_sum_asked) {
      device_sum_asked = true;
      std::string why;
      device_sum = cuda::DeviceSum::join(processes, why);
      core::info(device_sum ? core::str("gradients are summed on the GPUs by ", cuda::nccl_library())
                            : core::str("gradients are summed through host memory: ", why));
    }
    return device_sum != nullptr;
  }

  Losses accumulate(const Batch& batch, double scale) override {
    On& m = *this;
    const AbuptConfig& config = m.model.config();
    typename Model::Rows rows;
    const SplitRows points(batch.points, static_cast<std::size_t>(config.point_width()));
    const std::size_t count = points.positions.size() / 3;
    core::expect(count > 0 && !batch.supernodes.empty(), "trainer: a batch needs geometry points and supernodes");
    for (const std::int64_t s : batch.supernodes)
      core::expect(s >= 0 && s < static_cast<std::int64_t>(count), "trainer: a supernode index is out of range");
    core::expect(batch.condition.size() == static_cast<std::size_t>(config.condition),
                 "trainer: length of the condition");
    std::size_t count_of[2];
    for (int b = 0; b < 2; ++b) {
      const SplitRows split(batch.positions[b], static_cast<std::size_t>(config.width(b)));
      const std::size_t n = split.positions.size() / 3;
      count_of[b] = n;
      rows.anchors[b] = batch.anchors[b], rows.queries[b] = static_cast<std::int64_t>(n) - batch.anchors[b];
      core::expect(rows.anchors[b] > 0 && rows.queries[b] >= 0, "trainer: both branches need anchors");
      const std::size_t arms = b == 1 ? batch.cells.arms() : 0;  // rows without targets
      core::expect(batch.anchors[b] + static_cast<std::int64_t>(arms) <= static_cast<std::int64_t>(n) &&
                       batch.targets[b].size() == (n - arms) * static_cast<std::size_t>(config.outputs[b]),
                   "trainer: targets");
      core::expect(batch.weights[b].empty() || batch.weights[b].size() == n - arms, "trainer: row weights");
      upload<float>(m.space, m.positions[b], split.positions, "streamtube::surrogate::Trainer::positions");
      upload<float>(m.space, m.features[b], split.features, "streamtube::surrogate::Trainer::features");
      if (b == 1 && std::any_of(m.curls.begin(), m.curls.end(), [](const CurlTerm& t) { return !t.of_cells; })) {
        const std::size_t wide = static_cast<std::size_t>(config.features(1)),
                          first = wide * static_cast<std::size_t>(batch.anchors[1]);
        core::expect(wide == 0 || batch.jacobian.size() == 3 * (split.features.size() - first),
                     "trainer: losses on curls need the features' derivatives");
        upload<float>(m.space, m.slope_features,
                      stack_features(std::span(split.features).subspan(first), batch.jacobian,
                                     n - static_cast<std::size_t>(batch.anchors[1])),
                      "streamtube::surrogate::Trainer::slope_features");
      }
      m.space.fence("streamtube::surrogate::Trainer::upload");  // `split` goes
      upload<float>(m.space, m.targets[b], batch.targets[b], "streamtube::surrogate::Trainer::targets");
      upload<float>(m.space, m.row_weights[b], batch.weights[b], "streamtube::surrogate::Trainer::row_weights");
    }
    upload<float>(m.space, m.points, points.positions, "streamtube::surrogate::Trainer::points");
    upload<float>(m.space, m.point_features, points.features, "streamtube::surrogate::Trainer::point_features");
    upload<float>(m.space, m.condition, batch.condition, "streamtube::surrogate::Trainer::condition");
    upload<std::int64_t>(m.space, m.supernodes, batch.supernodes, "streamtube::surrogate::Trainer::supernodes");
    if (m.functionals.size() < batch.functionals.size()) m.functionals.resize(batch.functionals.size());
    for (std::size_t i = 0; i < batch.functionals.size(); ++i) {
      core::expect(batch.functionals[i].coefficients.size() == batch.targets[0].size(),
                   "trainer: a functional's length");
      upload<float>(m.space, m.functionals[i], batch.functionals[i].coefficients,
                    "streamtube::surrogate::Trainer::functional");
    }
    resize(m.functional_losses, batch.functionals.size(), "streamtube::surrogate::Trainer::functional_losses");
    const CellRows<float, Space> cells =
        m.upload_cells(batch.cells, static_cast<std::int64_t>(count_of[1] - batch.cells.arms()));

    typename Model::Case input;
    input.points = {m.points.data(), count, 3};
    input.point_features = {m.point_features.data(), count, static_cast<std::size_t>(config.point_features())};
    input.supernodes = {m.supernodes.data(), batch.supernodes.size()};
    input.condition = {m.condition.data(), batch.condition.empty() ? 0u : 1u, batch.condition.size()};
    input.neighbors = geometry::radius_search<float, Space>(m.space, input.points, input.supernodes, config.radius,
                                                            config.max_degree);
    const Mat<const float, Space> positions[2] = {{m.positions[0].data(), count_of[0], 3},
                                                  {m.positions[1].data(), count_of[1], 3}};
    typename Model::Features features;
    for (int b = 0; b < 2; ++b)
      features.of[b] = {m.features[b].data(), count_of[b], static_cast<std::size_t>(config.features(b))};
    Context<Space> context = m.context();
    const typename Model::LossFunction loss = [&](const Mat<const float, Space>(&out)[2],
                                                  const Mat<float, Space>(&dout)[2]) {
      for (int b = 0; b < 2; ++b) {
        const std::size_t told = out[b].extent(0) - (b == 1 ? batch.cells.arms() : 0);
        const Mat<const float, Space> target{m.targets[b].data(), told, out[b].extent(1)};
        const Vec<const float, Space> weights = batch.weights[b].empty()
                                                    ? Vec<const float, Space>()
                                                    : Vec<const float, Space>(m.row_weights[b].data(), told);
        squared_error<float, Space>(context, surrogate::rows(out[b], 0, told), target, weights, m.column_weight[b],
                                    static_cast<float>(scale), surrogate::rows(dout[b], 0, told), m.losses[b]);
      }
      m.cell_losses(context, out[1], dout[1], cells, scale);
      const Mat<const float, Space> target{m.targets[0].data(), out[0].extent(0), out[0].extent(1)};
      for (std::size_t i = 0; i < batch.functionals.size(); ++i)
        squared_functional<float, Space>(
            context, out[0], target, {m.functionals[i].data(), out[0].extent(0), out[0].extent(1)},
            batch.functionals[i].weight, static_cast<float>(scale), dout[0], {m.functional_losses.data() + i, 1});
    };
    const typename Model::Slopes slopes =
        m.slopes(context, positions[1], rows.anchors[1], scale, batch.reference_length);
    const auto pass = [&] {
      m.model.training_pass(context, input, positions, rows, m.recompute, loss, m.gradients, {}, slopes, features);
    };
    m.arena.measure(pass);
    pass();

    Losses losses;
    for (int b = 0; b < 2; ++b) {
      losses.components[b] = download(m.space, m.losses[b]);
      for (const double value : losses.components[b]) losses.total += value;
    }
    losses.functionals = download(m.space, m.functional_losses);
    for (const double value : losses.functionals) losses.total += value;
    const std::vector<double> curls = download(m.space, m.curl_losses);
    for (std::size_t i = 0; i < m.curls.size(); ++i) {
      losses.curls.push_back(curls[3 * i] + curls[3 * i + 1] + curls[3 * i + 2]);
      losses.total += losses.curls.back();
    }
    return losses;
  }

  double update(double rate) override {
    On& m = *this;
    Context<Space> context = m.context();
    ++m.updates;
    const auto step = [&] {
      gradient_norm<float, Space>(context, m.gradients, m.norm);
      optimizer_step<float, Space>(context, m.options, rate, m.updates, m.norm, m.gradients, m.decays, m.parameters(),
                                   m.first, m.second, m.average);
    };
    m.arena.measure(step);
    step();
    Kokkos::deep_copy(m.space, m.gradients, 0.0f);
    return download(m.space, m.norm)[0];
  }

  State state() const override {
    const On& m = *this;
    return {m.updates, download(m.space, m.parameters()), download(m.space, m.first), download(m.space, m.second),
            download(m.space, m.average)};
  }

  void restore(const State& state) override {
    On& m = *this;
    if (state.parameters.size() != m.size() || state.first.size() != m.size() || state.average.size() != m.size() ||
        state.second.size() != m.second.extent(0))
      throw core::Error(core::ErrorKind::input,
                        core::str("the training state holds ", state.parameters.size(), " parameters, this model has ",
                                  m.size(), ", or it is of another optimiser"));
    m.updates = state.updates;
    Array<float> parameters = m.parameters();
    upload<float>(m.space, parameters, state.parameters, "");
    upload<float>(m.space, m.first, state.first, "");
    upload<float>(m.space, m.second, state.second, "");
    upload<float>(m.space, m.average, state.average, "");
    Kokkos::deep_copy(m.space, m.gradients, 0.0f);
    m.space.fence("streamtube::surrogate::Trainer::restore");
  }

  std::size_t scratch(const Shape& shape) override {
    On& m = *this;
    typename Model::Case input;
    input.points = {static_cast<const float*>(nullptr), shape.points, 3};
    input.point_features = {static_cast<const float*>(nullptr), shape.points,
                            static_cast<std::size_t>(model.config().point_features())};
    input.supernodes = {static_cast<const std::int64_t*>(nullptr), shape.supernodes};
    input.condition = {static_cast<const float*>(nullptr), model.config().condition ? 1u : 0u,
                       static_cast<std::size_t>(model.config().condition)};
    typename Model::Rows rows;
    Mat<const float, Space> positions[2];
    typename Model::Features features;
    for (int b = 0; b < 2; ++b) {
      rows.anchors[b] = static_cast<std::int64_t>(shape.anchors[b]);
      rows.queries[b] = static_cast<std::int64_t>(shape.queries[b]);
      positions[b] = {static_cast<const float*>(nullptr), shape.anchors[b] + shape.queries[b], 3};
      features.of[b] = {static_cast<const float*>(nullptr), shape.anchors[b] + shape.queries[b],
                        static_cast<std::size_t>(model.config().features(b))};
    }
    Context<Space> context = m.context();
    const auto loss = [](const auto&, const auto&) {};
    const typename Model::Slopes slopes = m.slopes(context, positions[1], rows.anchors[1], 1, 1);
    return m.arena.measured([&] {
      m.model.training_pass(context, input, positions, rows, m.recompute, loss, m.gradients, {}, slopes, features);
    });
  }
};

Trainer::Trainer(const AbuptConfig& config, const Weights& weights, const OptimizerOptions& options,
                 const std::vector<float> (&column_weight)[2], bool recompute, const std::string& where,
                 Precision precision)
    : impl_(on_backend([&]<class Space>(std::type_identity<Space>) -> std::unique_ptr<Impl> {
        return std::make_unique<On<Space>>(config, weights, options, column_weight, recompute, where, precision);
      })) {}
Trainer::~Trainer() = default;
Trainer::Trainer(Trainer&&) noexcept = default;
Trainer& Trainer::operator=(Trainer&&) noexcept = default;

const AbuptConfig& Trainer::config() const { return impl_->config(); }
std::size_t Trainer::parameters() const { return impl_->size(); }
std::int64_t Trainer::updates() const { return impl_->update_count(); }
void Trainer::set_curl_terms(std::vector<CurlTerm> terms) { impl_->set_curl_terms(std::move(terms)); }
Weights Trainer::weights() const { return impl_->named(Impl::What::weights); }
Weights Trainer::averaged_weights() const { return impl_->named(Impl::What::averaged); }
Weights Trainer::gradients_by_name() const { return impl_->named(Impl::What::gradients); }
bool Trainer::sum_gradients(const core::Processes& processes) { return impl_->sum_gradients(processes); }
Losses Trainer::accumulate(const Batch& batch, double scale) { return impl_->accumulate(batch, scale); }
double Trainer::update(double rate) { return impl_->update(rate); }
Trainer::State Trainer::state() const { return impl_->state(); }
void Trainer::restore(const State& state) { impl_->restore(state); }
std::size_t Trainer::scratch(const Shape& shape) const { return impl_->scratch(shape); }

}  // namespace streamtube::surrogate
