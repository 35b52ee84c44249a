#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>

#include "apps/cli/device_options.hpp"
#include "apps/cli/precision_option.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/profiler.hpp"
#include "core/rng.hpp"
#include "core/runtime.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "surrogate/model/made_up_case.hpp"
#include "surrogate/model/measure.hpp"
#include "surrogate/model/work.hpp"
#include "surrogate/train/trainer.hpp"

namespace streamtube::apps {
namespace {

using core::Error;
using core::ErrorKind;
using core::str;
using physics::Branch;
using surrogate::MadeUpCase;
using surrogate::Precision;

constexpr std::int64_t kMostDefaultPoints = 1'000'000;
constexpr std::int64_t kSlab = 1'048'576;  // points asked at once: what the host holds does not grow with --points
constexpr double kStageSeconds = 20;       // default repetitions stop here
const std::vector<std::string> kStages = {"encode", "anchors", "query", "train"};

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Times {
  std::vector<double> all;
  double median() const { return at(0.5); }
  double min() const { return at(0); }
  double max() const { return at(1); }
  double at(double share) const {
    std::vector<double> sorted = all;
    std::sort(sorted.begin(), sorted.end());
    const double place = share * static_cast<double>(sorted.size() - 1);
    const std::size_t low = static_cast<std::size_t>(place), high = std::min(low + 1, sorted.size() - 1);
    return sorted[low] + (place - static_cast<double>(low)) * (sorted[high] - sorted[low]);
  }
};

struct Stage {
  std::string name;  // "encode", "anchors", "query surface", "query volume", "train"
  Times times;
  surrogate::Work work;
  std::int64_t points = 0;
};

struct Profile {
  std::string stage;
  double seconds = 0;  // of the whole, profiled
  std::vector<core::Profiler::Entry> entries;
};

class Bench : public Command {
 public:
  std::string name() const override { return "bench"; }
  std::string summary() const override {
    return "Measure what a network costs on this machine: encoding, queries, a training step";
  }

  void declare(CLI::App& app) override {
    app.add_option("--config", config_,
                   "ahmed, shapenet_car, ahmedml, drivaerml (published sizes, random weights), or a checkpoint FILE.h5")
        ->capture_default_str();
    app.add_option("--stage", stages_, "What to measure, out of encode, anchors, query, train; default all")
        ->delimiter(',');
    app.add_option("--points", points_,
                   "Surface and volume points to ask for, e.g. 8800000,140000000; 0 leaves a branch out. Default: what "
                   "takes about 2 s, 1,000,000 at most")
        ->delimiter(',')
        ->expected(2)
        ->check(CLI::NonNegativeNumber);
    app.add_option("--chunk", chunk_, "Points the network works on at a time; 0: its own choice")
        ->check(CLI::NonNegativeNumber);
    declare_precision(app, precision_);
    app.add_option("--repeat", repeat_, "Timings of a stage; 0: 5, fewer of what takes long")
        ->check(CLI::NonNegativeNumber);
    declare_device_options(app, device_);
    app.add_flag("--dry-run", dry_run_, "Count operations and bytes of each stage, measure nothing");
    app.add_flag("--profile", profile_, "Also the time of every kernel, from one more run of each stage");
    app.add_flag("--json", json_, "Print JSON");
  }

  void validate() override {
    for (const std::string& stage : stages_)
      if (std::find(kStages.begin(), kStages.end(), stage) == kStages.end())
        throw Error(ErrorKind::usage, str("--stage: there is no stage '", stage, "'"),
                    suggestion(stage, kStages) + " stages are encode, anchors, query and train");
    if (stages_.empty()) stages_ = kStages;
    if (points_.size() == 2 && points_[0] + points_[1] == 0 && wants("query"))
      throw Error(ErrorKind::usage, "--points 0,0: there is nothing to ask for", "leave query out of --stage");
    core::check(device_);
    choose_network();
  }

  int execute() override {
    const core::Runtime runtime(device_);
    const std::vector<core::DeviceInfo> devices = core::devices();
    const core::DeviceInfo device =
        *std::find_if(devices.begin(), devices.end(), [](const core::DeviceInfo& d) { return d.used; });
    const MadeUpCase made_up(network_.config, network_.shape, network_.body);
    edges_ =
        surrogate::count_edges(made_up.points, made_up.supernodes, network_.config.radius, network_.config.max_degree);
    if (dry_run_) {
      count();
      return 0;
    }
    surrogate::check_precision(precision_);
    peak_ = surrogate::matmul_peak(precision_);
    if (wants("encode") || wants("anchors") || wants("query")) inference(made_up);
    if (wants("train")) training(made_up);
    json_ ? print_json(device) : print(device);
    return 0;
  }

 private:
  bool wants(const std::string& stage) const {
    return std::find(stages_.begin(), stages_.end(), stage) != stages_.end();
  }
  int number_bytes() const { return precision_ == Precision::bf16 ? 2 : 4; }

  void choose_network() {
    std::vector<std::string> names;
    for (const surrogate::NamedConfiguration& known : surrogate::named_configurations()) {
      names.push_back(known.name);
      if (known.name != config_) continue;
      network_ = known;
      weights_ = surrogate::random_weights(known.config, 1);
      return;
    }
    if (config_.find('.') == std::string::npos && config_.find('/') == std::string::npos)
      throw Error(ErrorKind::usage, str("--config: there is no configuration '", config_, "'"),
                  suggestion(config_, names) + " use ahmed, shapenet_car, ahmedml, drivaerml or a checkpoint FILE.h5");
    const surrogate::Checkpoint checkpoint = surrogate::read_checkpoint(config_);
    network_.name = config_;
    network_.config = checkpoint.config;
    network_.shape.points = static_cast<std::int64_t>(checkpoint.sampling.geometry_points);
    network_.shape.supernodes = static_cast<std::int64_t>(checkpoint.sampling.supernodes);
    for (int b = 0; b < 2; ++b) network_.shape.anchors[b] = static_cast<std::int64_t>(checkpoint.sampling.anchors[b]);
    // Of the size of the training bodies, where the checkpoint knows it.
    const char* const lengths[] = {"length", "width", "height"};
    for (int a = 0; a < 3; ++a) {
      network_.body[a] = surrogate::named_configurations().front().body[a];
      for (const surrogate::Range& range : checkpoint.training_range)
        if (range.quantity == lengths[a] && range.max > 0)
          network_.body[a] = static_cast<float>(1000 / checkpoint.normalizer.position_extent * range.max);
    }
    weights_ = checkpoint.weights;
  }

  Stage encode_stage() const {
    return {"encode", {}, surrogate::encoder_work(network_.config, network_.shape, edges_, number_bytes()), 0};
  }
  Stage anchor_stage() const {
    return {"anchors", {}, surrogate::anchor_work(network_.config, network_.shape, number_bytes()), anchors()};
  }
  Stage query_stage(Branch branch, std::int64_t count, std::int64_t chunk) const {
    Stage stage{str("query ", physics::name(branch)), {}, {}, count};
    const auto add = [&](std::int64_t rows, std::int64_t times) {
      if (rows == 0 || times == 0) return;
      const surrogate::Work one = surrogate::query_work(network_.config, network_.shape, branch, rows, number_bytes());
      const double n = static_cast<double>(times);
      stage.work.linear += n * one.linear, stage.work.attention += n * one.attention, stage.work.bytes += n * one.bytes;
    };
    add(chunk, count / chunk);
    add(count % chunk, 1);
    return stage;
  }
  Stage training_stage() const {
    return {"train", {}, surrogate::training_work(network_.config, network_.shape, edges_), anchors()};
  }
  std::int64_t anchors() const { return network_.shape.anchors[0] + network_.shape.anchors[1]; }

  void count() {
    const std::int64_t chunk =
        chunk_ ? chunk_ : static_cast<std::int64_t>(surrogate::Surrogate::first_query_chunk(network_.config));
    if (wants("encode")) stages_done_.push_back(encode_stage());
    if (wants("anchors")) stages_done_.push_back(anchor_stage());
    for (const Branch branch : {Branch::surface, Branch::volume}) {
      const std::int64_t points = points_.size() == 2 ? points_[static_cast<std::size_t>(branch)] : kMostDefaultPoints;
      if (wants("query") && points) stages_done_.push_back(query_stage(branch, points, chunk));
    }
    if (wants("train")) stages_done_.push_back(training_stage());
    if (json_) {
      core::Json out = core::Json::array();
      for (const Stage& s : stages_done_)
        out.push_back({{"name", s.name},
                       {"points", s.points},
                       {"flop", s.work.flop()},
                       {"attention_flop", s.work.attention},
                       {"least_bytes", s.work.bytes}});
      std::cout << core::json_text(core::Json({{"config", network_.name}, {"edges", edges_}, {"stages", out}}), 1)
                << '\n';
      return;
    }
    line("%-14s %12s %12s %12s %12s", "stage", "points", "TFLOP", "of attention", "least GB");
    for (const Stage& s : stages_done_)
      line("%-14s %12lld %12.4g %11.1f%% %12.4g", s.name.c_str(), static_cast<long long>(s.points),
           s.work.flop() / 1e12, 100 * s.work.attention / s.work.flop(), s.work.bytes / 1e9);
  }

  template <class... Values>
  static void line(const char* format, Values... values) {
    char text[256];
    std::snprintf(text, sizeof text, format, values...);
    std::cout << text << '\n';
  }

  // Runs once for warm-up and then as often as asked for.
  template <class Run>
  void repeat(const Run& run) {
    double start = seconds();
    run(false);
    const int times = repeat_ ? repeat_ : std::clamp(static_cast<int>(kStageSeconds / (seconds() - start)), 1, 5);
    for (int i = 0; i < times; ++i) {
      core::check_interrupt();
      run(true);
    }
  }

  // Time of an action that is done, results on the host, when it returns.
  template <class Action>
  static double time(const Action& action) {
    const double start = seconds();
    action();
    return seconds() - start;
  }

  template <class Action>
  void profile(const std::string& stage, const Action& action) {
    if (!profile_) return;
    const core::Profiler profiler;
    const double whole = time(action);
    profiles_.push_back({stage, whole, profiler.entries()});
  }

  void inference(const MadeUpCase& made_up) {
    const core::AllocationMeter meter;
    surrogate::Surrogate network(network_.config, weights_, network_.name, precision_);
    if (chunk_) network.set_query_chunk(static_cast<std::size_t>(chunk_));
    const surrogate::EncodeInput input = made_up.input();
    // With one anchor a branch nearly all of it is what depends on the supernodes alone; the rest of the whole is the
    // anchor pass.
    surrogate::EncodeInput few = input;
    for (auto& anchors : few.anchors) anchors = anchors.first(3);
    const bool split = wants("encode") || wants("anchors");
    Stage encode{"encode", {}, surrogate::encoder_work(network_.config, network_.shape, edges_, number_bytes()), 0},
        anchors{"anchors",
                {},
                surrogate::anchor_work(network_.config, network_.shape, number_bytes()),
                network_.shape.anchors[0] + network_.shape.anchors[1]};
    if (split) {
      repeat([&](bool counts) {
        const double geometry = time([&] { network.encode(few); }), whole = time([&] { network.encode(input); });
        if (!counts) return;
        encode.times.all.push_back(geometry);
        anchors.times.all.push_back(std::max(whole - geometry, 0.0));
      });
      if (wants("encode")) stages_done_.push_back(encode);
      if (wants("anchors")) stages_done_.push_back(anchors);
      profile("encode and anchors", [&] { network.encode(input); });
    }
    if (wants("query")) {
      network.encode(input);
      for (const Branch branch : {Branch::surface, Branch::volume}) queries(network, branch);
    }
    memory_ = network.memory();
    inference_peak_ = meter.peak();
  }

  void queries(surrogate::Surrogate& network, Branch branch) {
    const int b = static_cast<int>(branch);
    const std::int64_t chunk = static_cast<std::int64_t>(network.query_chunk());
    const std::size_t width = static_cast<std::size_t>(network_.config.outputs[b]);
    std::vector<float> where, out;
    const auto ask = [&](std::int64_t count) {
      for (std::int64_t first = 0; first < count; first += kSlab) {
        core::check_interrupt();
        const std::size_t n = static_cast<std::size_t>(std::min(kSlab, count - first));
        network.query(branch, {where.data(), 3 * n}, {out.data(), n * width});
      }
    };
    const auto reserve = [&](std::int64_t count) {
      where = MadeUpCase::draw(std::min(count, kSlab), network_.body, branch == Branch::volume, "queries");
      out.resize(where.size() / 3 * width);
    };
    std::int64_t count = 0;
    if (points_.size() == 2) {
      count = points_[static_cast<std::size_t>(b)];
    } else {
      reserve(chunk);
      ask(chunk);
      const double rate = static_cast<double>(chunk) / time([&] { ask(chunk); });
      count = std::clamp(static_cast<std::int64_t>(2 * rate) / chunk * chunk, chunk,
                         std::max(chunk, kMostDefaultPoints / chunk * chunk));
    }
    if (count == 0) return;
    reserve(count);
    Stage stage = query_stage(branch, count, chunk);
    // Two chunks warm everything up.
    const std::int64_t warm_up = std::min(count, 2 * chunk);
    ask(warm_up);
    const double estimate = time([&] { ask(warm_up); }) * static_cast<double>(count) / static_cast<double>(warm_up);
    const int times = repeat_ ? repeat_ : std::clamp(static_cast<int>(kStageSeconds / estimate), 1, 5);
    for (int i = 0; i < times; ++i) stage.times.all.push_back(time([&] { ask(count); }));
    stages_done_.push_back(stage);
    profile(stage.name, [&] { ask(std::min(count, 4 * chunk)); });
  }

  void training(const MadeUpCase& made_up) {
    const core::AllocationMeter meter;
    const surrogate::AbuptConfig& config = network_.config;
    surrogate::Batch batch;
    batch.points = made_up.points, batch.supernodes = made_up.supernodes, batch.condition = made_up.condition;
    std::vector<float> column_weight[2];
    core::Rng rng(1, "targets");
    for (int b = 0; b < 2; ++b) {
      batch.positions[b] = made_up.anchors[b], batch.anchors[b] = network_.shape.anchors[b];
      column_weight[b].assign(static_cast<std::size_t>(config.outputs[b]), 1.0f);
      for (std::size_t i = 0; i < made_up.anchors[b].size() / 3 * column_weight[b].size(); ++i)
        batch.targets[b].push_back(static_cast<float>(rng.normal()));
    }
    surrogate::Trainer trainer(config, weights_, {}, column_weight, false, network_.name, precision_);
    const auto step = [&] {
      trainer.accumulate(batch, 1.0);
      trainer.update(1e-3);
    };
    Stage stage = training_stage();
    repeat([&](bool counts) {
      const double took = time(step);
      if (counts) stage.times.all.push_back(took);
    });
    stages_done_.push_back(stage);
    profile("train", step);
    training_peak_ = meter.peak();
  }

  // 0 where a difference of two times drowned in noise.
  static double per_second(double amount, const Stage& s) {
    return s.times.median() > 0 ? amount / s.times.median() : 0;
  }
  static double tera_flops(const Stage& s) { return per_second(s.work.flop(), s) / 1e12; }
  double share(const Stage& s) const { return tera_flops(s) * 1e12 / peak_.flops; }

  void print(const core::DeviceInfo& device) const {
    const surrogate::CaseShape& s = network_.shape;
    std::cout << network_.name << ": " << surrogate::describe(network_.config) << '\n'
              << s.points << " geometry points, " << s.supernodes << " supernodes, " << s.anchors[0] << " + "
              << s.anchors[1] << " anchors, " << edges_ << " edges\n"
              << device.name << ", " << device.backend
              << (device.threads ? str(", ", device.threads, device.threads == 1 ? " thread" : " threads") : "")
              << "; products in " << surrogate::name(precision_) << '\n';
    line("matrix product of %lld rows and columns: %.3f TFLOP/s (the peak below)\n", static_cast<long long>(peak_.size),
         peak_.flops / 1e12);
    line("%-14s %10s %10s %10s %3s %9s %6s %12s %10s", "stage", "median s", "min", "max", "of", "TFLOP/s", "peak",
         "points/s", "points");
    for (const Stage& stage : stages_done_)
      line("%-14s %10.4f %10.4f %10.4f %3zu %9.3f %5.1f%% %12.0f %10lld", stage.name.c_str(), stage.times.median(),
           stage.times.min(), stage.times.max(), stage.times.all.size(), tera_flops(stage), 100 * share(stage),
           per_second(static_cast<double>(stage.points), stage), static_cast<long long>(stage.points));
    const auto mebi = [](std::size_t bytes) { return static_cast<double>(bytes) / 1048576; };
    std::cout << '\n';
    if (inference_peak_)
      line("memory, MiB: weights %.1f, keys and values %.1f, scratch %.1f; peak of the device %.1f",
           mebi(memory_.weights), mebi(memory_.anchor_cache), mebi(memory_.scratch), mebi(inference_peak_));
    if (training_peak_) line("memory of training, MiB: peak of the device %.1f", mebi(training_peak_));
    line("memory of the process, MiB: %.1f", mebi(core::peak_resident_memory()));
    for (const Profile& p : profiles_) {
      std::cout << "\nprofile: " << p.stage << '\n';
      double kernels = 0;
      for (const core::Profiler::Entry& e : p.entries) {
        kernels += e.seconds;
        line("%10.3f ms %5.1f%% %7zu  %s", 1e3 * e.seconds, 100 * e.seconds / p.seconds, e.calls, e.label.c_str());
      }
      line("%10.3f ms %5.1f%%          outside of kernels", 1e3 * (p.seconds - kernels),
           100 * (p.seconds - kernels) / p.seconds);
    }
  }

  void print_json(const core::DeviceInfo& device) const {
    core::Json out;
    const surrogate::CaseShape& s = network_.shape;
    out["config"] = network_.name;
    out["network"] = core::parse_json(surrogate::config_to_json(network_.config));
    out["shape"] = {{"points", s.points},
                    {"supernodes", s.supernodes},
                    {"anchors", {s.anchors[0], s.anchors[1]}},
                    {"edges", edges_}};
    out["device"] = {{"name", device.name}, {"backend", device.backend}, {"threads", device.threads}};
    out["precision"] = surrogate::name(precision_);
    out["matmul_peak"] = {{"size", peak_.size}, {"tflops", peak_.flops / 1e12}};
    out["stages"] = core::Json::array();
    for (const Stage& stage : stages_done_)
      out["stages"].push_back({{"name", stage.name},
                               {"seconds",
                                {{"median", stage.times.median()},
                                 {"min", stage.times.min()},
                                 {"max", stage.times.max()},
                                 {"count", stage.times.all.size()}}},
                               {"flop", stage.work.flop()},
                               {"attention_flop", stage.work.attention},
                               {"least_bytes", stage.work.bytes},
                               {"tflops", tera_flops(stage)},
                               {"share_of_peak", share(stage)},
                               {"points", stage.points},
                               {"points_per_second", per_second(static_cast<double>(stage.points), stage)}});
    out["memory"] = {{"weights", memory_.weights},
                     {"anchor_cache", memory_.anchor_cache},
                     {"scratch", memory_.scratch},
                     {"device_peak", inference_peak_},
                     {"training_device_peak", training_peak_},
                     {"process_peak", core::peak_resident_memory()}};
    if (profile_) {
      out["profile"] = core::Json::array();
      for (const Profile& p : profiles_) {
        core::Json kernels = core::Json::array();
        for (const core::Profiler::Entry& e : p.entries)
          kernels.push_back(
              {{"label", e.label}, {"seconds", e.seconds}, {"share", e.seconds / p.seconds}, {"calls", e.calls}});
        out["profile"].push_back({{"stage", p.stage}, {"seconds", p.seconds}, {"kernels", kernels}});
      }
    }
    std::cout << core::json_text(out, 1) << '\n';
  }

  std::string config_ = "ahmed";
  std::vector<std::string> stages_;
  std::vector<std::int64_t> points_;
  std::int64_t chunk_ = 0;
  int repeat_ = 0;
  core::RuntimeOptions device_;
  bool profile_ = false, json_ = false, dry_run_ = false;

  Precision precision_ = Precision::fp32;
  surrogate::NamedConfiguration network_;
  surrogate::Weights weights_;
  std::int64_t edges_ = 0;
  surrogate::MatmulPeak peak_;
  std::vector<Stage> stages_done_;
  std::vector<Profile> profiles_;
  surrogate::Surrogate::Memory memory_;
  std::size_t inference_peak_ = 0, training_peak_ = 0;
};

}  // namespace

std::unique_ptr<Command> make_bench() { return std::make_unique<Bench>(); }

}  // namespace streamtube::apps
