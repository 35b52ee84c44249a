#pragma once
// Golden files of training: a batch with its loss, the gradient of every parameter, and what ten steps of each
// optimiser gave in the PyTorch reference.

#include <algorithm>

#include "core/error.hpp"
#include "surrogate/train/trainer.hpp"
#include "tests/golden/golden_case.hpp"

namespace streamtube::golden {

struct OptimizerRun {
  surrogate::OptimizerOptions options;
  double rate = 0;
  std::vector<double> losses, norms;
  surrogate::Weights after_first, after_last;
};

struct TrainingCase {
  Case base;
  surrogate::Batch batch;
  std::vector<float> column_weight[2];
  double loss = 0;
  surrogate::Weights gradients;
  std::vector<OptimizerRun> runs;
};

inline bool is_training_case(const std::string& path) { return mesh_io::H5File::open(path).exists("/gradients"); }

inline TrainingCase read_training_case(const std::string& path) {
  TrainingCase t;
  t.base = read_case(path);
  const mesh_io::H5File file = mesh_io::H5File::open(path);
  const auto tensors = [&](const std::string& group) {
    surrogate::Weights w;
    for (const std::string& name : file.children(group))
      w[name] = {file.shape(group + "/" + name), file.read<float>(group + "/" + name)};
    return w;
  };
  t.batch.points = t.base.points;
  t.batch.supernodes = t.base.supernodes;
  t.batch.condition = t.base.condition;
  const std::vector<std::pair<const char*, int>> fields[2] = {{{"pressure", 1}, {"wall_shear_stress", 3}},
                                                              {{"pressure", 1}, {"velocity", 3}, {"vorticity", 3}}};
  for (const Branch branch : {Branch::surface, Branch::volume}) {
    const int b = static_cast<int>(branch);
    t.batch.positions[b] = t.base.anchors[b];
    t.batch.positions[b].insert(t.batch.positions[b].end(), t.base.queries[b].begin(), t.base.queries[b].end());
    t.batch.anchors[b] = static_cast<std::int64_t>(t.base.anchors[b].size() / 3);
    const std::size_t rows = t.batch.positions[b].size() / 3,
                      columns = static_cast<std::size_t>(t.base.config.outputs[b]);
    t.batch.targets[b].resize(rows * columns);
    std::size_t first = 0;
    for (const auto& [name, components] : fields[b]) {
      const std::size_t k = static_cast<std::size_t>(components);
      const std::vector<float> values = file.read<float>(core::str("/targets/", physics::name(branch), "/", name));
      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < k; ++c) t.batch.targets[b][r * columns + first + c] = values.at(r * k + c);
      first += k;
      t.column_weight[b].insert(t.column_weight[b].end(), k, 1.0f / static_cast<float>(components));
    }
  }
  t.loss = file.attribute_number("/", "loss");
  t.gradients = tensors("/gradients");
  for (const char* name : {"adamw", "lion"}) {
    const std::string group = std::string("/") + name;
    OptimizerRun run;
    const bool lion = group == "/lion";
    run.options.kind = lion ? surrogate::OptimizerOptions::Kind::lion : surrogate::OptimizerOptions::Kind::adamw;
    run.options.beta2 = lion ? 0.99 : 0.999;
    run.options.decay_matrices_only = false;
    run.options.weight_decay = file.attribute_number(group, "weight_decay");
    run.options.clip = file.attribute_number(group, "clip");
    run.rate = file.attribute_number(group, "lr");
    run.losses = file.attribute_numbers(group, "loss");
    run.norms = file.attribute_numbers(group, "gradient_norm");
    run.after_first = tensors(group + "/weights_after_1");
    run.after_last = tensors(core::str(group, "/weights_after_", run.losses.size()));
    t.runs.push_back(run);
  }
  return t;
}

inline double worst_error(const surrogate::Weights& got, const surrogate::Weights& expected, std::string& where) {
  double worst = got.size() == expected.size() ? 0 : std::numeric_limits<double>::infinity();
  for (const auto& [name, tensor] : expected) {
    const auto found = got.find(name);
    const double error = found == got.end() ? std::numeric_limits<double>::infinity()
                                            : relative_error(found->second.values, tensor.values);
    if (error >= worst) worst = error, where = name;
  }
  return worst;
}

// Relative errors: the gradient of every tensor; per optimiser the loss at each step, and the gradients' norm.
inline std::vector<Comparison> run_and_compare(const TrainingCase& t, bool recompute = false) {
  std::vector<Comparison> result;
  surrogate::Trainer first(t.base.config, t.base.weights, {}, t.column_weight, recompute, t.base.path);
  const double loss = first.accumulate(t.batch, 1.0).total;
  result.push_back({"loss", std::abs(loss - t.loss) / t.loss});
  const surrogate::Weights gradients = first.gradients_by_name();
  for (const auto& [name, tensor] : t.gradients) {
    const auto found = gradients.find(name);
    result.push_back({"gradients/" + name, found == gradients.end()
                                               ? std::numeric_limits<double>::infinity()
                                               : relative_error(found->second.values, tensor.values)});
  }
  for (const OptimizerRun& run : t.runs) {
    const std::string name = run.options.kind == surrogate::OptimizerOptions::Kind::lion ? "lion" : "adamw";
    surrogate::Trainer trainer(t.base.config, t.base.weights, run.options, t.column_weight, recompute, t.base.path);
    double worst_norm = 0;
    for (std::size_t step = 0; step < run.losses.size(); ++step) {
      const double now = trainer.accumulate(t.batch, 1.0).total;
      const double norm = trainer.update(run.rate);
      result.push_back(
          {core::str(name, "/loss of step ", step + 1), std::abs(now - run.losses[step]) / run.losses[step]});
      worst_norm = std::max(worst_norm, std::abs(norm - run.norms[step]) / run.norms[step]);
      // LION turns rounding noise into full steps, so weights are compared for AdamW only.
      std::string where;
      if (step == 0 && name == "adamw")
        result.push_back({"adamw/weights after 1", worst_error(trainer.weights(), run.after_first, where)});
    }
    result.push_back({name + "/gradient norms", worst_norm});
  }
  return result;
}

}  // namespace streamtube::golden
