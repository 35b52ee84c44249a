#include "surrogate/train/session.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/output_lock.hpp"
#include "core/processes.hpp"
#include "core/rng.hpp"
#include "core/runtime.hpp"
#include "mesh_io/h5/folds.hpp"
#include "mesh_io/h5/h5_file.hpp"
#include "physics/metrics.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "surrogate/model/field_predictor.hpp"
#include "surrogate/train/curves.hpp"
#include "surrogate/train/dataset_case.hpp"
#include "surrogate/train/describe_data.hpp"
#include "surrogate/train/training_range.hpp"
#include "surrogate/train/training_shapes.hpp"
#include "surrogate/train/validation.hpp"

namespace streamtube::surrogate {

using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;
using mesh_io::Dataset;
using mesh_io::H5File;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kStateVersion = 2;
constexpr double kMargin = 0.05;  // of the normaliser around the training cases
// A network position runs from 0 to 1000; what lies this much outside is a mistake, not a choice.
constexpr double kLowest = -1000, kHighest = 2000;

// What a run without --overwrite must not find in its folder, and what it may leave beside.
const std::vector<std::string> kFiles = {"state.h5", "last.h5", "best.h5", "log.jsonl", "curves.csv", "recipe.json"};
const std::vector<std::string> kFurtherFiles = {"bad_batch.json", "loss.png"};

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

class Session {
 public:
  Session(const Recipe& recipe, const SessionOptions& options, const core::Processes& processes)
      : recipe_(recipe),
        options_(options),
        processes_(processes),
        batches_(recipe.accumulation * processes.size()),
        data_(recipe.data),
        description_(recipe.describe.empty() ? describe_fields(data_, "model") : read_description(recipe.describe)) {
    if (!recipe.name.empty())
      description_.name = recipe.name;
    else if (recipe.describe.empty() && !recipe.out.empty())
      description_.name = fs::absolute(recipe.out).lexically_normal().filename().string();
    if (description_.name.empty()) description_.name = "model";
    train_ = data_.split(recipe.train_split);
    if (train_.empty()) fail(str("the split '", recipe.train_split, "' has no cases"));
    if (recipe.folds > 0)
      hold_out_fold();
    else if (!recipe.validation_split.empty())
      validation_ = data_.split(recipe.validation_split);
    for (const std::size_t index : validation_)
      if (std::count(train_.begin(), train_.end(), index))
        fail(str("case '", data_.cases()[index].name, "' is in both '", recipe.train_split, "' and '",
                 recipe.validation_split, "'"));
    for (const Branch branch : {Branch::surface, Branch::volume}) check_fields(branch);
    config_ = recipe.model;
    config_.condition = static_cast<int>(recipe.conditions.size());
    for (int b = 0; b < 2; ++b) {
      config_.outputs[b] = 0;
      const auto& fields = data_.fields(static_cast<Branch>(b));
      for (const auto& f : fields) config_.outputs[b] += f.components;
      const auto& weights = recipe.loss.field_weight[b];
      if (!weights.empty() && weights.size() != fields.size())
        fail(str("it has ", fields.size(), " ", physics::name(static_cast<Branch>(b)), " fields, but loss.",
                 physics::name(static_cast<Branch>(b)), "_weights has ", weights.size(), " numbers"));
    }
    fingerprint_ = data_.fingerprint(train_);
  }

  SessionResult run() {
    SessionResult result;
    result.train_cases = train_.size(), result.validation_cases = validation_.size();
    check_parameters();
    if (options_.resume) look_at_state();
    std::optional<core::Heartbeat> beat;
    if (processes_.first()) beat.emplace("reading the training cases");
    const Weights weights = begin();
    const std::vector<float> columns[2] = {column_weights(normalizer_, Branch::surface, recipe_.loss),
                                           column_weights(normalizer_, Branch::volume, recipe_.loss)};
    Trainer trainer(config_, weights, recipe_.optimizer, columns, recipe_.recompute, "the recipe", recipe_.precision);
    trainer.set_curl_terms(curl_terms(normalizer_, recipe_.loss));
    result.parameters = trainer.parameters();
    Trainer::Shape shape{recipe_.draw.geometry_points, recipe_.draw.supernodes, {}, {}};
    for (int b = 0; b < 2; ++b) shape.anchors[b] = recipe_.draw.anchors[b], shape.queries[b] = recipe_.draw.queries[b];
    if (compares_cells(normalizer_, recipe_.loss)) {
      const std::size_t others = std::min(recipe_.draw.cell_queries, shape.queries[1]);
      shape.queries[1] += 6 * others + (shape.queries[1] - others);
    }
    const std::size_t scratch = trainer.scratch(shape), free = free_memory();
    result.memory = scratch + 6 * sizeof(float) * trainer.parameters();
    if (scratch > free)
      throw Error(ErrorKind::runtime,
                  str("a step needs ", scratch >> 20, " MiB, ", free >> 20, " MiB are free", for_each_process()),
                  "draw fewer anchors, or set recompute=true");
    // Batch t of the run goes to process t % size.
    const auto make_loader = [&](std::int64_t first) {
      return Loader(data_, train_, world_, normalizer_, config_, recipe_.draw, recipe_.loss, recipe_.seed,
                    first + processes_.rank(), processes_.size(), static_cast<std::size_t>(recipe_.cache_mib) << 20);
    };
    CaseWorld validation_world = world_of(validation_);
    validation_world.conditions = world_.conditions;
    const Validation validation(data_, validation_, validation_world, normalizer_, config_, recipe_,
                                deviation_of_coefficients(), processes_);
    if (options_.dry_run) {
      make_loader(0).next();
      return result;
    }
    if (recipe_.out.empty()) throw Error(ErrorKind::usage, "there is no folder to write to", "give --out or \"out\"");

    if (processes_.first()) {
      shapes_ = training_shapes(data_, train_);
      state_claims();
      core::require_no_results(recipe_.out, options_.resume ? std::vector<std::string>{} : kFiles,
                               options_.resume || options_.overwrite);
      core::require_writable(recipe_.out, {}, true);
      lock_.take(recipe_.out, core::OutputLock::Place::inside);
      if (!options_.resume) core::require_no_results(recipe_.out, kFiles, options_.overwrite);
    }
    beat.reset();
    if (options_.resume) trainer.restore(read_state());
    const std::int64_t first = trainer.updates();
    Loader loader = make_loader(first * batches_);
    if (processes_.size() > 1) check_same_start(trainer.state());
    // An earlier run goes only once nothing is wrong with this one, on any process.
    std::ofstream log;
    if (processes_.first()) {
      for (const auto* names : {&kFiles, &kFurtherFiles})
        for (const std::string& name : *names) {
          core::remove_leftovers(file(name));
          if (!options_.resume && name != "log.jsonl") fs::remove(file(name));
        }
      core::write_text(file("recipe.json"), recipe_text(recipe_));
      truncate_log(first);
      log.open(file("log.jsonl"), std::ios::app);
    }
    const auto write_line = [&](const Json& line) {
      if (processes_.first()) log << core::json_text(line) << '\n' << std::flush;
    };

    core::info(str("training ", trainer.parameters(), " parameters on ", train_.size(), " cases, ",
                   recipe_.schedule.updates - first, " updates to go, ", result.memory >> 20, " MiB",
                   processes_.size() > 1
                       ? str(" on each of ", processes_.size(), " processes, ", batches_, " batches an update, ",
                             core::devices()[0].threads, " threads on the first")
                       : std::string()));
    core::Progress progress("train", static_cast<std::size_t>(recipe_.schedule.updates - first), "updates");
    const double start = seconds();
    double sum = 0;
    std::int64_t summed = 0;
    while (trainer.updates() < recipe_.schedule.updates) {
      double loss = 0;
      std::vector<double> components[2], functionals, curls;
      Batch last;
      bool finite = true;
      for (std::int64_t a = 0; a < recipe_.accumulation && finite; ++a) {
        last = loader.next();
        const double share = 1.0 / static_cast<double>(batches_);
        const Losses losses = trainer.accumulate(last, share);
        finite = std::isfinite(losses.total);
        loss += share * losses.total;
        add(components[0], losses.components[0], share), add(components[1], losses.components[1], share);
        add(functionals, losses.functionals, share), add(curls, losses.curls, share);
      }
      if (const int where = processes_.first_of(!finite); where >= 0)
        stop_at(where, last, trainer.updates() + 1, "the loss");
      finite = trainer.sum_gradients(processes_);
      const double rate = this->rate(trainer.updates());
      const double norm = trainer.update(rate);
      if (!std::isfinite(norm))  // of the sum, so on all processes
        stop_at(std::max(0, processes_.first_of(!finite)), last, trainer.updates(), "the gradient");
      const std::int64_t done = trainer.updates();
      const bool end = done == recipe_.schedule.updates;
      const bool stop = processes_.any(core::interrupted()) || done == options_.stop_after;
      sum += loss, ++summed;
      if (done % recipe_.log_every == 0 || end) {
        share_losses(sum, {&components[0], &components[1], &functionals, &curls});
        result.loss = sum / static_cast<double>(summed);
        Json line = {{"update", done},
                     {"loss", result.loss},
                     {"rate", rate},
                     {"gradient_norm", norm},
                     {"seconds", seconds() - start},
                     {"updates_per_second", static_cast<double>(done - first) / (seconds() - start)}};
        for (int b = 0; b < 2; ++b) add_fields(line, b, components[b]);
        for (std::size_t i = 0; i < functionals.size(); ++i)
          line[str("force/", last.functionals[i].name)] = functionals[i];
        for (std::size_t i = 0; i < curls.size(); ++i)
          line[recipe_.velocity == physics::Decoder::potential ? "curl/velocity" : "curl/vorticity"] = curls[i];
        write_line(line);
        core::debug(core::json_text(line));
        sum = 0, summed = 0;
      }
      if (!validation_.empty() && (done % recipe_.validate_every == 0 || end)) {
        const Weights averaged = trainer.averaged_weights();
        const std::map<std::string, double> errors = validation.errors(averaged);
        write_line({{"update", done}, {"validation", errors}});
        const double choice = errors.at("choice");
        if (std::isfinite(choice) && (best_ == 0 || choice < best_)) {
          best_ = choice;
          if (processes_.first()) save_checkpoint("best.h5", averaged, errors);
        }
      }
      if (processes_.first() && !log)
        throw Error(ErrorKind::runtime, str("'", file("log.jsonl"), "' cannot be written"), "is the disk full?");
      if (done % recipe_.save_every == 0 || end || stop) {
        const Trainer::State state = trainer.state();
        if (!processes_.same(bytes(state.parameters)))
          throw Error(ErrorKind::runtime, str("the processes have different weights after update ", done),
                      "use machines with the same processors and the same program; the last state was kept");
        if (processes_.first()) {
          save_state(state);
          save_checkpoint("last.h5", trainer.averaged_weights(), {});
          core::write_text(file("curves.csv"), curves_csv(read_curves(file("log.jsonl"))));
        }
      }
      progress.advance(1);
      if (stop) {
        result.interrupted = !end;
        break;
      }
    }
    result.updates = trainer.updates(), result.best = best_;
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::input, str("'", recipe_.data, "': ", what));
  }
  std::string file(const std::string& name) const { return (fs::path(recipe_.out) / name).string(); }

  // Part `fold` of the train split goes over to validation.
  void hold_out_fold() {
    const auto part = [&](std::size_t index) { return mesh_io::fold_of(data_.cases()[index].name, recipe_.folds); };
    fold_ = {recipe_.fold, recipe_.folds, recipe_.train_split, {}};
    all_folds_ = train_;
    if (recipe_.folds > train_.size())
      fail(str("the split '", recipe_.train_split, "' has ", train_.size(), " cases, which are no ", recipe_.folds,
               " folds"));
    std::copy_if(train_.begin(), train_.end(), std::back_inserter(validation_),
                 [&](std::size_t index) { return part(index) == recipe_.fold; });
    std::erase_if(train_, [&](std::size_t index) { return part(index) == recipe_.fold; });
    for (const std::size_t index : validation_) fold_.held_out.push_back(data_.cases()[index].name);
    if (validation_.empty() || train_.empty())
      fail(str("fold ", recipe_.fold, " of ", recipe_.folds, " holds ", validation_.empty() ? "none" : "all",
               " of the ", fold_.held_out.size() + train_.size(), " cases of '", recipe_.train_split,
               "'; take fewer folds"));
  }

  // Data and description must agree on the fields.
  void check_fields(Branch branch) const {
    const auto& ours = data_.fields(branch);
    const auto& theirs = description_.normalizer[branch].fields;
    for (std::size_t i = 0; i < std::max(ours.size(), theirs.size()); ++i)
      if (i >= ours.size() || i >= theirs.size() || ours[i].name != theirs[i].name ||
          ours[i].components != theirs[i].components || ours[i].unit != theirs[i].unit ||
          ours[i].scale != theirs[i].scale || ours[i].transform != theirs[i].transform)
        fail(str("its ", physics::name(branch), " fields are not those of '", recipe_.describe, "' (number ", i + 1,
                 ")"));
  }

  std::string for_each_process() const {
    const int here = processes_.on_this_host();
    return here > 1 ? str(" for each of ", here, " processes") : std::string();
  }
  static std::string_view bytes(const std::vector<float>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
  }

  // Processes may run on machines with files of their own.
  void check_same_start(const Trainer::State& state) const {
    const auto check = [&](const std::string& mine, const char* what) {
      if (!processes_.same(mine))
        throw Error(ErrorKind::input, str("not all processes have the same ", what),
                    "give every process the same options, and on every host the same files");
    };
    check(recipe_text(recipe_), "recipe");
    check(fingerprint_ + data_.fingerprint(validation_), "data");
    check(str(bytes(state.parameters), state.updates), "weights to start from");
  }

  // The sums of all processes in place of their own, in one message.
  void share_losses(double& sum, std::initializer_list<std::vector<double>*> parts) const {
    std::vector<double> all = {sum};
    for (const auto* part : parts) all.insert(all.end(), part->begin(), part->end());
    processes_.sum(all);
    sum = all[0];
    auto from = all.cbegin() + 1;
    for (auto* part : parts)
      for (double& value : *part) value = *from++;
  }

  // What decides the result; batches are counted over all processes.
  std::vector<std::string> deciding_options() const {
    Recipe all = recipe_;
    all.accumulation = batches_;
    return result_options(all);
  }

  // For this process, where the network is. All processes look before any of them goes on and takes its share.
  std::size_t free_memory() const {
    const std::size_t free = core::available_memory(processes_.on_this_host());
    processes_.any(false);
    return free;
  }

  // Before anything so large is allocated.
  void check_parameters() const {
    double count = 0;
    for (const auto& [name, tensor] : expected_weights(config_)) {
      double size = 1;
      for (const std::size_t n : tensor.shape) size *= static_cast<double>(n);
      count += size;
    }
    const double needed = 6 * sizeof(float) * count, free = static_cast<double>(free_memory());
    if (needed > free)
      throw Error(ErrorKind::runtime,
                  str("a model of ", count / 1e6, " million parameters needs ", std::llround(needed / (1 << 20)),
                      " MiB to be trained, ", std::llround(free / (1 << 20)), " MiB are free", for_each_process()),
                  "lower model.hidden or the number of blocks");
  }

  CaseWorld world_of(const std::vector<std::size_t>& cases) const {
    CaseWorld world;
    world.canonical_length = recipe_.canonical_length;
    if (recipe_.canonical_length == 0 && recipe_.conditions.empty()) return world;
    for (const std::size_t index : cases) {
      core::check_interrupt();
      world.lengths.push_back(body_length(data_, index));
    }
    return world;
  }

  // The network's world, and the weights to start from.
  Weights begin() {
    world_ = world_of(train_);
    // Means, deviations and ranges are those of all folds: what the members say has one meaning, so that they can be
    // one model. No field of a held-out case is learned from.
    const std::vector<std::size_t>& measured = all_folds_.empty() ? train_ : all_folds_;
    CaseWorld measured_world = all_folds_.empty() ? world_ : world_of(measured);
    world_.conditions = make_conditions(recipe_.conditions, data_, measured, measured_world.lengths);
    Weights weights;
    if (more_cases_) {
      // Fields and conditions mean what they meant to the weights.
      const Checkpoint last = read_checkpoint(file("last.h5"));
      normalizer_ = last.normalizer;
      for (std::size_t i = 0; i < std::min(last.conditions.size(), world_.conditions.size()); ++i)
        world_.conditions[i].center = last.conditions[i].center, world_.conditions[i].scale = last.conditions[i].scale;
      return last.weights;
    }
    if (recipe_.init.empty()) {
      normalizer_ = make_normalizer(data_, measured, measured_world, kMargin);
      if (recipe_.position_extent > 0) place_positions();
      weights = initial_weights(config_, recipe_.seed);
      normalizer_.symmetric = recipe_.symmetric;
    } else {
      weights = adopt();
    }
    set_decoders();
    return weights;
  }

  // Weights and normaliser of the recipe's checkpoint, in the place of random ones.
  Weights adopt() {
    const Checkpoint from = read_checkpoint(recipe_.init);
    if (from.members() > 1)
      throw Error(ErrorKind::input,
                  str("'", recipe_.init, "' has ", from.members(), " members, a training starts from one"),
                  "`streamtube convert FILE ONE.h5 --member K` takes one out");
    AbuptConfig theirs = from.config;
    theirs.condition = config_.condition, theirs.normals = config_.normals;
    theirs.wall_distance = config_.wall_distance;
    if (config_to_json(theirs) != config_to_json(config_) ||
        (from.config.condition > 0 && from.config.condition != config_.condition))
      throw Error(ErrorKind::input, str("'", recipe_.init, "' is of another architecture than the recipe: ",
                                        describe(from.config), " against ", describe(config_)));
    for (const std::string& name : fold_.held_out)
      if (std::count(from.shapes.cases.begin(), from.shapes.cases.end(), name))
        throw Error(ErrorKind::input,
                    str("'", recipe_.init, "' has learned from the case '", name, "', which fold ", fold_.fold, " of ",
                        fold_.folds, " holds out"),
                    "start every fold from random weights, or from a checkpoint of the same fold");
    if (from.canonical_length != recipe_.canonical_length)
      throw Error(ErrorKind::input,
                  str("'", recipe_.init, "' has bodies of the canonical length ", from.canonical_length,
                      " m (0: as large as they are), the recipe ", recipe_.canonical_length, " m"),
                  "set canonical_length as the checkpoint has it, or start from random weights");
    for (std::size_t i = 0; i < from.conditions.size(); ++i)
      if (from.conditions[i].name != world_.conditions[i].name ||
          from.conditions[i].logarithmic != world_.conditions[i].logarithmic)
        throw Error(ErrorKind::input, str("'", recipe_.init, "' is conditioned on '", from.conditions[i].name,
                                          "' where the recipe has '", recipe_.conditions[i], "'"));
    // Its inputs keep their meaning; the range is that of these data.
    for (std::size_t i = 0; i < from.conditions.size(); ++i)
      world_.conditions[i].center = from.conditions[i].center, world_.conditions[i].scale = from.conditions[i].scale;
    normalizer_ = from.normalizer;
    return adopt_weights(from.weights, config_, str("'", recipe_.init, "'"));
  }

  // Of the training cases' Cd and Cl; 0 where they have none.
  Validation::Deviation deviation_of_coefficients() const {
    const auto of = [&](const char* name) {
      double sum = 0, squares = 0, n = 0;
      for (const std::size_t index : train_) {
        const auto& coefficients = data_.cases()[index].coefficients;
        const auto found = coefficients.find(name);
        if (found == coefficients.end()) return 0.0;
        sum += found->second, squares += found->second * found->second, ++n;
      }
      return std::sqrt(std::max(0.0, squares / n - sum * sum / (n * n)));
    };
    return {of("Cd"), of("Cl")};
  }

  // The recipe's decoders, in the fields that training and checkpoint go by.
  void set_decoders() {
    auto& statistics = normalizer_[Branch::volume];
    const std::string where = str("'", recipe_.data, "'");
    const auto velocity = physics::find_field(statistics.fields, "velocity", 3);
    if (recipe_.vorticity == physics::Decoder::curl || physics::find_field(statistics.fields, "vorticity", 3).spec)
      normalizer_.set_vorticity_decoder(recipe_.vorticity, where);
    if (!velocity.spec) {
      if (recipe_.velocity == physics::Decoder::potential) fail("it has no volume velocity of 3 components to decode");
      return;
    }
    auto& decoder = statistics.fields[velocity.index].decoder;
    if (!recipe_.init.empty() && decoder != recipe_.velocity)
      throw Error(ErrorKind::input,
                  str("'", recipe_.init, "': its velocity is decoded ", physics::name(decoder), ", the recipe's ",
                      physics::name(recipe_.velocity), ": the outputs mean another thing"),
                  "set decoder.velocity as the checkpoint has it, or start from random weights");
    decoder = recipe_.velocity;
    if (recipe_.velocity == physics::Decoder::potential && recipe_.init.empty()) {
      // One deviation for all axes, or the curl would not stay free of divergence.
      const auto first = statistics.std.begin() + velocity.first;
      const double mean = std::sqrt(std::inner_product(first, first + 3, first, 0.0) / 3);
      std::fill(first, first + 3, mean);
    }
    normalizer_.check(where);
    if (compares_cells(normalizer_, recipe_.loss) && !cell_volumes_known()) {
      core::info(str(where, " does not tell the volumes of all cells: curls are compared at points"));
      recipe_.loss.curl_of_cells = false;
    }
  }

  bool cell_volumes_known() const {
    const std::int64_t first[] = {0};
    for (const auto* cases : {&train_, &validation_})
      for (const std::size_t index : *cases)
        if (data_.read_rows(index, Branch::volume, first).size.empty()) return false;
    return true;
  }

  // The recipe's place for positions, which the data must lie in.
  void place_positions() {
    const double span = normalizer_.position_extent / (1 + 2 * kMargin);
    const double low = normalizer_.position_origin + kMargin * span;
    normalizer_.position_origin = recipe_.position_origin, normalizer_.position_extent = recipe_.position_extent;
    const auto network = [&](double x) { return (x - recipe_.position_origin) / recipe_.position_extent * 1000; };
    if (network(low) < kLowest || network(low + span) > kHighest || network(low + span) - network(low) < 1)
      fail(str("its positions, ", low, " to ", low + span, " m, become ", network(low), " to ", network(low + span),
               " by position.origin = ", recipe_.position_origin, " and position.extent = ", recipe_.position_extent,
               "; they should fill 0 to 1000"));
  }

  static void add(std::vector<double>& to, const std::vector<double>& from, double share) {
    to.resize(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) to[i] += share * from[i];
  }

  void add_fields(Json& line, int b, const std::vector<double>& components) const {
    std::size_t first = 0;
    for (const auto& f : normalizer_.branch[b].fields) {
      double value = 0;
      for (int c = 0; c < f.components; ++c) value += components.at(first++);
      line[str(physics::name(static_cast<Branch>(b)), '/', f.name)] = value;
    }
  }

  // What a model may claim is of its own data and training, whatever a description says.
  void state_claims() {
    const TrainingRange found = measure_range(data_, train_, world_);
    description_.domain = found.domain, description_.training_range = found.ranges;
    description_.reference = reference_flow(data_, train_, description_.reference);
    description_.provenance = provenance_text(data_, train_.size(), validation_.size(), recipe_.words);
    if (recipe_.describe.empty()) description_.sampling = default_sampling(data_, train_, world_, description_.domain);
  }

  void save_checkpoint(const char* name, const Weights& weights, const std::map<std::string, double>& errors) const {
    Checkpoint c = description_;
    c.canonical_length = recipe_.canonical_length, c.conditions = world_.conditions;
    c.config = config_, c.weights = weights, c.normalizer = normalizer_, c.shapes = shapes_, c.fold = fold_;
    const auto or_drawn = [](std::size_t wanted, std::size_t drawn) { return wanted > 0 ? wanted : drawn; };
    c.sampling.geometry_points = or_drawn(recipe_.use_geometry_points, recipe_.draw.geometry_points);
    c.sampling.supernodes = or_drawn(recipe_.use_supernodes, recipe_.draw.supernodes);
    for (int b = 0; b < 2; ++b) c.sampling.anchors[b] = or_drawn(recipe_.use_anchors[b], recipe_.draw.anchors[b]);
    for (const auto& [key, value] : errors) c.test_errors["validation/" + key] = value;
    write_checkpoint(file(name), c);
  }

  void save_state(const Trainer::State& state) const {
    core::write_atomically(file("state.h5"), [&](const std::string& temporary) {
      H5File h5 = H5File::create(temporary);
      h5.set_name(file("state.h5"));
      h5.write_attribute("/", "format", std::string("streamtube training state"));
      h5.write_attribute("/", "version", kStateVersion);
      h5.write_attribute("/", "updates", state.updates);
      h5.write_attribute("/", "best", best_);
      h5.write_attribute("/", "data", fingerprint_);
      h5.write_attribute("/", "schedule_start", schedule_start_);
      Json names = Json::array();
      for (const std::size_t index : train_) names.push_back(data_.cases()[index].name);
      h5.write_attribute("/", "cases", core::json_text(names));
      h5.write_attribute("/", "recipe", core::json_text(Json(deciding_options())));
      const auto put = [&](const char* name, const std::vector<float>& values) {
        h5.write<float>(name, {values.size()}, values);
      };
      put("/parameters", state.parameters), put("/first", state.first), put("/average", state.average);
      if (!state.second.empty()) put("/second", state.second);
      h5.close();
    });
  }

  // What a resumed run goes on from: refuses what is another run. More cases, or more updates than it was to make,
  // are a new schedule from there.
  void look_at_state() {
    const std::string path = file("state.h5");
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored))
      throw Error(ErrorKind::usage,
                  str("--resume: nothing is saved in '", recipe_.out,
                      "': there is no such run, or it ended before its first save"),
                  "start it without --resume, with --overwrite where the folder holds its log");
    const H5File h5 = H5File::open(path);
    const std::string where = str("'", path, "': ");
    if (!h5.has_attribute("/", "format") || h5.attribute_text("/", "format") != "streamtube training state")
      throw Error(ErrorKind::input, where + "is not the state of a training run");
    if (h5.attribute_integer("/", "version") != kStateVersion)
      throw Error(
          ErrorKind::input,
          str(where, "state format ", h5.attribute_integer("/", "version"), ", this program continues ", kStateVersion),
          "start a new run with --overwrite");
    const std::int64_t done = h5.attribute_integer("/", "updates");
    schedule_start_ = h5.attribute_integer("/", "schedule_start");
    if (h5.attribute_text("/", "data") != fingerprint_) check_grown(h5, where, done);
    const Json before = core::try_json(h5.attribute_text("/", "recipe"));
    std::string differing;
    for (const std::string& option : deciding_options()) {
      if (before.is_array() && std::find(before.begin(), before.end(), option) != before.end()) continue;
      if (option.starts_with("updates = ") && recipe_.schedule.updates > done)
        begin_schedule(done);
      else
        differing += (differing.empty() ? "" : ", ") + option;
    }
    if (!differing.empty())
      throw Error(ErrorKind::input, str(where, "the run was started with another recipe; now: ", differing),
                  differing.find("accumulation") != std::string::npos
                      ? "accumulation is counted over all processes here; resume with the same number of batches an "
                        "update, or start a new run with --overwrite"
                      : "resume with the same options, or start a new run with --overwrite");
    best_ = more_cases_ ? 0 : h5.attribute_number("/", "best");
  }

  // The cases of the run must be among those of now, as they were.
  void check_grown(const H5File& h5, const std::string& where, std::int64_t done) {
    std::vector<std::size_t> known;
    const Json names = core::try_json(h5.attribute_text("/", "cases"));
    for (const Json& name : names.is_array() ? names : Json::array())
      for (const std::size_t index : train_)
        if (name == data_.cases()[index].name) known.push_back(index);
    if (known.size() != names.size() || data_.fingerprint(known) != h5.attribute_text("/", "data"))
      throw Error(ErrorKind::input, where + "the run was started on other data",
                  "cases may be added to a run, but those it began with must be there unchanged; start a new run with "
                  "--overwrite");
    more_cases_ = true;
    core::info(str("the run goes on with ", train_.size(), " cases, ", train_.size() - known.size(),
                   " more than before; fields stay normalised as they were"));
    if (recipe_.schedule.updates > done) begin_schedule(done);
  }

  void begin_schedule(std::int64_t done) {
    if (schedule_start_ == done) return;
    schedule_start_ = done;
    core::info(
        str("a new schedule of the learning rate begins at update ", done, " and ends at ", recipe_.schedule.updates));
  }

  // The rate of the schedule that is under way.
  double rate(std::int64_t update) const {
    Schedule schedule = recipe_.schedule;
    schedule.updates -= schedule_start_;
    return schedule.rate(update - schedule_start_);
  }

  Trainer::State read_state() const {
    const H5File h5 = H5File::open(file("state.h5"));
    Trainer::State state;
    state.updates = h5.attribute_integer("/", "updates");
    state.parameters = h5.read<float>("/parameters"), state.first = h5.read<float>("/first");
    state.average = h5.read<float>("/average");
    if (h5.exists("/second")) state.second = h5.read<float>("/second");
    return state;
  }

  // Lines of updates that a resumed run does again are dropped.
  void truncate_log(std::int64_t updates) const {
    std::string kept;
    std::ifstream in(file("log.jsonl"));
    for (std::string line; updates > 0 && std::getline(in, line);) {
      const Json json = core::try_json(line);
      if (json.is_object() && json.contains("update") && json["update"].get<std::int64_t>() <= updates)
        kept += line + "\n";
    }
    core::write_text(file("log.jsonl"), kept);
  }

  // The batch of process `where` is the culprit; called by all.
  [[noreturn]] void stop_at(int where, const Batch& batch, std::int64_t update, const char* what) const {
    Json json = {{"case", batch.name},
                 {"update", update},
                 {"points", batch.points},
                 {"supernodes", batch.supernodes},
                 {"functionals", Json::array()}};
    for (int b = 0; b < 2; ++b)
      json[physics::name(static_cast<Branch>(b))] = {{"positions", batch.positions[b]},
                                                     {"anchors", batch.anchors[b]},
                                                     {"targets", batch.targets[b]},
                                                     {"weights", batch.weights[b]}};
    for (const Batch::Functional& f : batch.functionals)
      json["functionals"].push_back({{"name", f.name}, {"weight", f.weight}, {"coefficients", f.coefficients}});
    std::string text = core::json_text(json), name = batch.name;
    processes_.broadcast(text, where), processes_.broadcast(name, where);
    if (processes_.first()) core::write_text(file("bad_batch.json"), text);
    throw Error(ErrorKind::runtime,
                str(what, " of update ", update, " (case '", name, "') is not finite; the batch is in '",
                    file("bad_batch.json"), "'"),
                "`streamtube dataset verify` looks for bad values; else lower optimizer.rate. The last state was kept");
  }

  Recipe recipe_;
  SessionOptions options_;
  const core::Processes& processes_;
  core::OutputLock lock_;  // of the run's folder, on the first process
  std::int64_t batches_;   // of one update, over all processes
  Dataset data_;
  Checkpoint description_;
  std::vector<std::size_t> train_, validation_;
  Fold fold_;
  std::vector<std::size_t> all_folds_;  // cases of the split that is cut into folds; empty: it is not
  AbuptConfig config_;
  physics::Normalizer normalizer_;
  std::string fingerprint_;
  CaseWorld world_;  // of the training cases
  geometry::ShapeTable shapes_;
  double best_ = 0;
  std::int64_t schedule_start_ = 0;  // update at which the schedule of the rate began
  bool more_cases_ = false;          // than the run had before it was resumed
};

}  // namespace

SessionResult run_session(const Recipe& recipe, const SessionOptions& options, const core::Processes& processes) {
  return Session(recipe, options, processes).run();
}

}  // namespace streamtube::surrogate
