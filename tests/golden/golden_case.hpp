#pragma once
// Golden files: a small model with its inputs and, from the PyTorch reference, its outputs and the tokens after every
// block, or the exact derivatives of the volume velocity at the queries.

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "mesh_io/h5/h5_file.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "surrogate/model/surrogate.hpp"

namespace streamtube::golden {

using surrogate::Branch;

struct Case {
  std::string path;
  surrogate::AbuptConfig config;
  surrogate::Weights weights;
  std::vector<float> points, anchors[2], queries[2], condition;  // [..][3]
  std::vector<std::int64_t> supernodes;
  std::vector<float> anchor_outputs[2], query_outputs[2];  // [..][outputs]
  surrogate::Trace trace;
  std::vector<double> velocity_jacobian, curl;  // [volume queries][3 components][3 axes], [..][3]

  surrogate::EncodeInput input() const { return {points, supernodes, {anchors[0], anchors[1]}, condition}; }
};

inline Case read_case(const std::string& path) {
  const mesh_io::H5File file = mesh_io::H5File::open(path);
  Case c;
  c.path = path;
  c.config = surrogate::config_from_json(file.attribute_text("/", "config"), path);
  const auto tensor = [&](const std::string& name) {
    return surrogate::Tensor{file.shape(name), file.read<float>(name)};
  };
  for (const std::string& name : file.children("/weights")) c.weights[name] = tensor("/weights/" + name);
  c.points = file.read<float>("/inputs/points");
  c.supernodes = file.read<std::int64_t>("/inputs/supernodes");
  if (file.exists("/inputs/condition")) c.condition = file.read<float>("/inputs/condition");
  for (const Branch branch : {Branch::surface, Branch::volume}) {
    const int b = static_cast<int>(branch);
    const std::string name = physics::name(branch);
    c.anchors[b] = file.read<float>("/inputs/anchors/" + name);
    c.queries[b] = file.read<float>("/inputs/queries/" + name);
    if (!file.exists("/outputs")) continue;
    c.anchor_outputs[b] = file.read<float>("/outputs/" + name + "/anchors");
    c.query_outputs[b] = file.read<float>("/outputs/" + name + "/queries");
  }
  if (file.exists("/trace"))
    for (const std::string& name : file.children("/trace")) c.trace[name] = tensor("/trace/" + name);
  if (file.exists("/derivative")) {
    c.velocity_jacobian = file.read<double>("/derivative/velocity_jacobian");
    c.curl = file.read<double>("/derivative/curl");
  }
  return c;
}

// Relative L2 error; infinite where something is not a number or lengths differ.
template <class Got, class Expected>
double relative_error(const std::vector<Got>& got, const std::vector<Expected>& expected) {
  double difference = 0, size = 0;
  if (got.size() != expected.size()) return std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < got.size(); ++i) {
    difference += (double{got[i]} - expected[i]) * (double{got[i]} - expected[i]);
    size += double{expected[i]} * double{expected[i]};
  }
  const double error = size > 0 ? std::sqrt(difference / size) : std::sqrt(difference);
  return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

struct Comparison {
  std::string tensor;
  double error;
};

constexpr std::size_t first_velocity = 1;  // output of the volume branch, after the pressure

// curl [n][3] of jacobian [n][3][3].
template <class T>
std::vector<T> curl_of(const std::vector<T>& jacobian) {
  std::vector<T> curl(jacobian.size() / 3);
  for (std::size_t i = 0; i < curl.size(); ++i) {
    const std::size_t q = i / 3, next = (i + 1) % 3, last = (i + 2) % 3;
    curl[i] = jacobian[(q * 3 + last) * 3 + next] - jacobian[(q * 3 + next) * 3 + last];
  }
  return curl;
}

// The Jacobian of the velocity in forward mode, and by one reverse pass a component: no output at a query depends on
// another query.
inline std::vector<Comparison> compare_derivative(const Case& c, surrogate::Surrogate& model) {
  const int b = static_cast<int>(Branch::volume);
  const std::size_t width = static_cast<std::size_t>(c.config.outputs[b]), anchors = c.anchors[b].size() / 3,
                    queries = c.queries[b].size() / 3;
  const std::vector<float> none((c.anchors[0].size() + c.queries[0].size()) / 3 *
                                static_cast<std::size_t>(c.config.outputs[0]));
  std::vector<float> forward(queries * 9), reverse(queries * 9), out(queries * width), gradient(3 * out.size());
  model.encode(c.input());
  model.query_gradient(Branch::volume, c.queries[b], out, gradient);
  for (std::size_t i = 0; i < 3; ++i) {
    std::vector<float> component((anchors + queries) * width);
    for (std::size_t q = 0; q < queries; ++q) component[(anchors + q) * width + first_velocity + i] = 1;
    const std::vector<float> at_queries =
        model.sensitivity(c.input(), {c.queries[0], c.queries[1]}, {none, component}).queries[b];
    for (std::size_t q = 0; q < queries; ++q)
      for (std::size_t a = 0; a < 3; ++a) {
        forward[(q * 3 + i) * 3 + a] = gradient[(q * width + first_velocity + i) * 3 + a];
        reverse[(q * 3 + i) * 3 + a] = at_queries[q * 3 + a];
      }
  }
  return {{"derivative/velocity_jacobian forward", relative_error(forward, c.velocity_jacobian)},
          {"derivative/curl forward", relative_error(curl_of(forward), c.curl)},
          {"derivative/velocity_jacobian reverse", relative_error(reverse, c.velocity_jacobian)},
          {"derivative/curl reverse", relative_error(curl_of(reverse), c.curl)}};
}

// The plain forward with every traced block, then queries past the cached anchors; of files with derivatives, those.
inline std::vector<Comparison> run_and_compare(const Case& c,
                                               surrogate::Precision precision = surrogate::Precision::fp32) {
  surrogate::Surrogate model(c.config, c.weights, c.path, precision);
  if (!c.velocity_jacobian.empty()) return compare_derivative(c, model);
  std::vector<Comparison> result;
  const auto join = [](const std::vector<float>& a, const std::vector<float>& b) {
    std::vector<float> both = a;
    both.insert(both.end(), b.begin(), b.end());
    return both;
  };
  const std::span<const float> queries[2] = {c.queries[0], c.queries[1]};
  std::vector<float> out[2];
  surrogate::Trace trace;
  model.forward_traced(c.input(), queries, out, &trace);
  for (const auto& [name, tensor] : c.trace)
    result.push_back({"trace/" + name, relative_error(trace[name].values, tensor.values)});
  if (!c.anchor_outputs[0].empty()) {
    for (int b = 0; b < 2; ++b)
      result.push_back({std::string("forward/") + physics::name(static_cast<Branch>(b)),
                        relative_error(out[b], join(c.anchor_outputs[b], c.query_outputs[b]))});
    model.encode(c.input());
    for (const Branch branch : {Branch::surface, Branch::volume}) {
      const int b = static_cast<int>(branch);
      const std::span<const float> anchors = model.anchor_output(branch);
      result.push_back({std::string("cached/anchors/") + physics::name(branch),
                        relative_error(std::vector<float>(anchors.begin(), anchors.end()), c.anchor_outputs[b])});
      std::vector<float> answer(c.query_outputs[b].size());
      model.query(branch, c.queries[b], answer);
      result.push_back(
          {std::string("cached/queries/") + physics::name(branch), relative_error(answer, c.query_outputs[b])});
    }
  }
  return result;
}

}  // namespace streamtube::golden
