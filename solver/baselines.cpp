#include "solver/baselines.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.hpp"
#include "core/log.hpp"
#include "core/runtime.hpp"
#include "solver/gaussian_process.hpp"

namespace streamtube::solver {

using core::str;
using physics::Branch;

namespace {

constexpr double kLeastDeviation = 1e-4;  // of a descriptor: less is where elements of a surface end
constexpr double kWide = 5;               // greatest over least value of a parameter that is taken by its logarithm

struct Table {  // [rows][features]
  std::size_t features = 0;
  std::vector<double> training, cases;
  void add(std::vector<double>& to, const std::vector<double>& row) {
    features = row.size();
    to.insert(to.end(), row.begin(), row.end());
  }
};

// Mean and deviation of every feature over the training rows; deviation 0 where it is the same in all.
std::vector<std::pair<double, double>> spread_of(const Table& t) {
  const std::size_t rows = t.training.size() / t.features;
  std::vector<std::pair<double, double>> out(t.features, {0, 0});
  for (std::size_t i = 0; i < t.training.size(); ++i)
    out[i % t.features].first += t.training[i] / static_cast<double>(rows);
  for (std::size_t i = 0; i < t.training.size(); ++i) {
    const double d = t.training[i] - out[i % t.features].first;
    out[i % t.features].second += d * d / static_cast<double>(rows);
  }
  for (auto& one : out) one.second = std::sqrt(one.second);
  return out;
}

// Rows of the training table that are nearest to the cases, every feature in its deviations.
std::vector<std::size_t> nearest(const Table& t) {
  const auto spread = spread_of(t);
  const std::size_t n = t.training.size() / t.features;
  std::vector<std::size_t> out;
  for (std::size_t c = 0; c < t.cases.size() / t.features; ++c) {
    double least = std::numeric_limits<double>::infinity();
    out.push_back(0);
    for (std::size_t i = 0; i < n; ++i) {
      double sum = 0;
      for (std::size_t f = 0; f < t.features; ++f) {
        if (!(spread[f].second > 0)) continue;
        const double s = (t.cases[c * t.features + f] - t.training[i * t.features + f]) / spread[f].second;
        sum += s * s;
      }
      if (sum < least) least = sum, out.back() = i;
    }
  }
  return out;
}

Baseline process(const char* name, std::string meaning, const Table& t, const std::vector<double>& cd,
                 const std::vector<double>& cl) {
  Baseline out{name, std::move(meaning), {}, {}};
  core::check_interrupt();
  const GaussianProcess of_cd(t.training, cd), of_cl(t.training, cl);
  for (std::size_t c = 0; c < t.cases.size() / t.features; ++c) {
    const std::span row(t.cases.data() + c * t.features, t.features);
    out.cd.push_back(of_cd.mean(row)), out.cl.push_back(of_cl.mean(row));
  }
  return out;
}

// Descriptors that do not differ but by rounding are none.
void drop_noise(Table& t) {
  const auto spread = spread_of(t);
  for (auto* rows : {&t.training, &t.cases})
    for (std::size_t i = 0; i < rows->size(); ++i)
      if (spread[i % t.features].second < kLeastDeviation) (*rows)[i] = 0;
}

// Parameters over decades by their logarithm.
void take_logarithms(Table& t) {
  for (std::size_t f = 0; f < t.features; ++f) {
    double least = std::numeric_limits<double>::infinity(), most = -least;
    for (const auto* rows : {&t.training, &t.cases})
      for (std::size_t i = f; i < rows->size(); i += t.features)
        least = std::min(least, (*rows)[i]), most = std::max(most, (*rows)[i]);
    if (!(least > 0) || most < kWide * least) continue;
    for (auto* rows : {&t.training, &t.cases})
      for (std::size_t i = f; i < rows->size(); i += t.features) (*rows)[i] = std::log10((*rows)[i]);
  }
}

}  // namespace

Baselines::Baselines(const mesh_io::Dataset& data, std::vector<std::string> parameters)
    : data_(data), conditions_(std::move(parameters)) {
  for (const auto& [name, value] : data.cases().front().parameters) names_.push_back(name);
  for (const auto& c : data.cases())
    std::erase_if(names_, [&](const std::string& name) { return !c.parameters.contains(name); });
  std::erase_if(conditions_, [&](const std::string& name) { return !std::count(names_.begin(), names_.end(), name); });
}

void Baselines::note(const std::string& text) {
  if (!std::count(notes_.begin(), notes_.end(), text)) notes_.push_back(text);
}

const std::vector<double>& Baselines::shape(std::size_t index) {
  if (const auto known = shapes_.find(index); known != shapes_.end()) return known->second;
  core::check_interrupt();
  const mesh_io::CaseInfo& info = data_.cases()[index];
  std::vector<std::int64_t> rows(info.rows[0]);
  std::iota(rows.begin(), rows.end(), std::int64_t{0});
  const auto surface = data_.read_rows(index, Branch::surface, rows);
  std::vector<Vec3> positions(rows.size()), areas(rows.size());
  Box box;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t a = 0; a < 3; ++a) {
      positions[i][a] = surface.position[3 * i + a];
      areas[i][a] = double{surface.size[i]} * surface.normal[3 * i + a];
    }
    box.add(positions[i]);
  }
  const auto descriptors = geometry::describe_shape(positions, areas);
  const double length = box.size()[0];
  std::vector<double> out(descriptors.begin(), descriptors.end());
  out.push_back(length > 0 ? box.low[2] / length : 0);
  lengths_[index] = length;
  out.push_back(log_reynolds(index));
  for (const auto& name : conditions_) out.push_back(info.parameters.at(name));
  return shapes_[index] = std::move(out);
}

double Baselines::log_reynolds(std::size_t index) {
  const mesh_io::CaseInfo& info = data_.cases()[index];
  const auto known = lengths_.find(index);
  const double length = known != lengths_.end() ? known->second : info.reference_length;
  return std::log10(std::max(1e-300, physics::reynolds_number(info.flow, length)));
}

std::vector<double> Baselines::parameters(std::size_t index) {
  std::vector<double> out;
  for (const auto& name : names_) out.push_back(data_.cases()[index].parameters.at(name));
  out.push_back(log_reynolds(index));
  return out;
}

std::vector<Baseline> Baselines::predict(std::span<const std::size_t> training, std::span<const std::size_t> cases) {
  std::vector<double> cd, cl;
  std::vector<std::size_t> from(training.begin(), training.end());
  for (const std::size_t index : from) {
    const auto& known = data_.cases()[index].coefficients;
    if (!known.contains("Cd") || !known.contains("Cl")) {
      note(str("not all training cases say Cd and Cl ('", data_.cases()[index].name, "' does not): no baselines"));
      return {};
    }
    cd.push_back(known.at("Cd")), cl.push_back(known.at("Cl"));
  }
  if (from.empty()) {
    note("none of the cases that the model was trained on is in the data set: no baselines");
    return {};
  }
  const auto mean = [](const std::vector<double>& x) {
    return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
  };
  std::vector<Baseline> out;
  const double mean_cd = mean(cd), mean_cl = mean(cl);
  out.push_back({"mean", "mean of the training designs", std::vector<double>(cases.size(), mean_cd),
                 std::vector<double>(cases.size(), mean_cl)});
  if (from.size() > kMost) {
    note(str("baselines are made from ", kMost, " of ", from.size(), " training designs, evenly out of them"));
    for (std::size_t i = 0; i < kMost; ++i) {
      const std::size_t at = i * from.size() / kMost;
      from[i] = from[at], cd[i] = cd[at], cl[i] = cl[at];
    }
    from.resize(kMost), cd.resize(kMost), cl.resize(kMost);
  }
  Table shapes, designs;
  core::Progress progress("baselines", from.size() + cases.size(), "bodies");
  for (const std::size_t index : from) shapes.add(shapes.training, shape(index)), progress.advance(1);
  for (const std::size_t index : cases) shapes.add(shapes.cases, shape(index)), progress.advance(1);
  drop_noise(shapes);
  Baseline similar{"nearest", "nearest training design, by descriptors", {}, {}};
  for (const std::size_t row : nearest(shapes)) similar.cd.push_back(cd[row]), similar.cl.push_back(cl[row]);
  out.push_back(std::move(similar));
  if (from.size() < kLeast) {
    note(str("no Gaussian process: ", from.size(), " training designs, ", kLeast, " are needed"));
    return out;
  }
  out.push_back(process("gp_descriptors", "Gaussian process, descriptors and Reynolds number", shapes, cd, cl));
  if (names_.empty()) {
    note("no Gaussian process over parameters: not all cases have any");
    return out;
  }
  for (const std::size_t index : from) designs.add(designs.training, parameters(index));
  for (const std::size_t index : cases) designs.add(designs.cases, parameters(index));
  take_logarithms(designs);
  out.push_back(process("gp_parameters", str("Gaussian process, ", names_.size(), " parameters and Reynolds number"),
                        designs, cd, cl));
  return out;
}

std::vector<std::size_t> cases_named(const mesh_io::Dataset& data, std::span<const std::string> names) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < data.cases().size(); ++i)
    if (std::find(names.begin(), names.end(), data.cases()[i].name) != names.end()) out.push_back(i);
  return out;
}

std::map<std::string, LabelScatter> label_scatter(const mesh_io::Dataset& data, std::span<const std::size_t> cases) {
  std::map<std::string, LabelScatter> out;
  for (const std::size_t index : cases)
    for (const auto& [name, value] : data.cases()[index].quality) {
      if (name.rfind("Cd_std", 0) != 0 && name.rfind("Cl_std", 0) != 0) continue;
      LabelScatter& one = out[name];
      ++one.cases;
      one.rms += value * value;
      one.largest = std::max(one.largest, std::abs(value));
    }
  for (auto& [name, one] : out) one.rms = std::sqrt(one.rms / static_cast<double>(one.cases));
  return out;
}

}  // namespace streamtube::solver
