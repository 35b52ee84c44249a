#include "surrogate/train/dataset_case.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "core/error.hpp"

namespace streamtube::surrogate {

using core::Error;
using core::ErrorKind;
using core::str;
using mesh_io::CaseInfo;
using mesh_io::Dataset;

namespace {

constexpr std::size_t kMostWalls = 400'000;

// Centres, normals and areas of at most `most` of the case's faces.
struct Faces {
  std::vector<Vec3> centers, normals;
  std::vector<double> areas;
};

Faces faces_of(const Dataset& data, std::size_t index, std::size_t most) {
  const std::size_t all = data.cases()[index].rows[0], count = std::min(all, most);
  std::vector<std::int64_t> rows(count);
  for (std::size_t i = 0; i < count; ++i) rows[i] = static_cast<std::int64_t>(i * all / count);
  const Dataset::Rows read = data.read_rows(index, physics::Branch::surface, rows);
  Faces faces;
  faces.centers.resize(count), faces.normals.resize(count), faces.areas.resize(count);
  const double share = static_cast<double>(all) / static_cast<double>(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t a = 0; a < 3; ++a)
      faces.centers[i][a] = read.position[3 * i + a], faces.normals[i][a] = read.normal[3 * i + a];
    faces.areas[i] = share * read.size[i];
  }
  return faces;
}

}  // namespace

double body_length(const Dataset& data, std::size_t index) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  if (data.cases()[index].triangles > 0) {
    const std::vector<float> corners = data.read_triangles(index);
    for (std::size_t i = 0; i < corners.size(); i += 3)
      low = std::min(low, double{corners[i]}), high = std::max(high, double{corners[i]});
  } else {
    const Faces faces = faces_of(data, index, std::numeric_limits<std::size_t>::max());
    for (std::size_t i = 0; i < faces.centers.size(); ++i) {
      const double across = std::max(0.0, 1 - faces.normals[i][0] * faces.normals[i][0]);
      const double reach = std::sqrt(faces.areas[i] / 3.14159265358979323846 * across);
      low = std::min(low, faces.centers[i][0] - reach), high = std::max(high, faces.centers[i][0] + reach);
    }
  }
  if (!(high > low))
    throw Error(ErrorKind::input, str("'", data.cases()[index].file, "': case '", data.cases()[index].name,
                                      "': the body has no length along x"));
  return high - low;
}

geometry::WallDistance walls_of(const Dataset& data, std::size_t index) {
  if (data.cases()[index].triangles > 0) {
    const std::vector<float> corners = data.read_triangles(index);
    std::vector<std::array<Vec3, 3>> triangles(corners.size() / 9);
    for (std::size_t i = 0; i < corners.size() / 9 * 9; ++i) triangles[i / 9][i / 3 % 3][i % 3] = corners[i];
    return geometry::WallDistance(triangles);
  }
  const Faces faces = faces_of(data, index, kMostWalls);
  return geometry::WallDistance(faces.centers, faces.normals, faces.areas);
}

std::vector<float> conditions_of(const std::vector<Condition>& conditions, const CaseInfo& info, double length) {
  try {
    return network_conditions(conditions, physics::reynolds_number(info.flow, length), info.parameters,
                              str("'", info.file, "': case '", info.name, "'"));
  } catch (const Error& error) {
    throw Error(ErrorKind::input, error.message(), "the data set's cases must have it among their parameters");
  }
}

std::vector<Condition> make_conditions(const std::vector<std::string>& names, const Dataset& data,
                                       const std::vector<std::size_t>& cases, const std::vector<double>& lengths) {
  std::vector<Condition> out;
  for (const std::string& text : names) {
    const auto fail = [&](const std::string& what) {
      throw Error(ErrorKind::input, str("'", data.path(), "': the condition '", text, "' ", what));
    };
    Condition c{"", "-"};
    c.logarithmic = text.starts_with("log10(") && text.ends_with(")");
    if (c.logarithmic)
      c.name.assign(text, 6, text.size() - 7);
    else
      c.name = text;
    if (std::any_of(out.begin(), out.end(), [&](const Condition& one) { return one.name == c.name; }))
      fail("is named twice");
    std::vector<double> values;
    c.min = std::numeric_limits<double>::infinity(), c.max = -c.min;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const CaseInfo& info = data.cases()[cases[i]];
      const std::optional<double> x =
          condition_value(c.name, physics::reynolds_number(info.flow, lengths[i]), info.parameters);
      if (!x) fail(str("is no parameter of the case '", info.name, "'"));
      if (!std::isfinite(*x) || (c.logarithmic && !(*x > 0))) fail(str("is ", *x, " in the case '", info.name, "'"));
      values.push_back(c.logarithmic ? std::log10(*x) : *x);
      c.min = std::min(c.min, *x), c.max = std::max(c.max, *x);
    }
    const double n = static_cast<double>(values.size());
    c.center = std::accumulate(values.begin(), values.end(), 0.0) / n;
    double squares = 0;
    for (const double x : values) squares += (x - c.center) * (x - c.center);
    c.scale = std::sqrt(squares / n);
    if (!(c.scale > 1e-9 * std::max(1.0, std::abs(c.center))))
      fail("is the same in all training cases: nothing can be learned from it");
    out.push_back(c);
  }
  return out;
}

}  // namespace streamtube::surrogate
