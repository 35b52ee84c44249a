#include "solver/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.hpp"
#include "core/log.hpp"
#include "mesh_io/layouts/mesh_rows.hpp"
#include "mesh_io/probe.hpp"
#include "physics/metrics.hpp"

namespace streamtube::solver {

using core::Error;
using core::ErrorKind;
using core::str;
using geometry::Association;
using geometry::Attribute;
using mesh_io::MeshRows;

namespace {

constexpr double kReach = 0.01;  // of the body's diagonal

// A kind of places of a part, with the fields there.
struct Places {
  MeshRows rows;
  std::vector<const Attribute*> fields;
};

std::vector<Attribute> attributes_of(const mesh_io::SamplePart& part) {
  std::vector<Attribute> out;
  for (const auto& f : part.fields) out.push_back({f.name, Association::faces, f.components, f.values});
  return out;
}

class Part {
 public:
  explicit Part(const ResultPart& part) : part_(part) {
    if (!part.surface && !part.volume) own_ = attributes_of(part.points);
  }
  const std::vector<Attribute>& attributes() const {
    return part_.surface ? part_.surface->attributes : part_.volume ? part_.volume->attributes : own_;
  }
  bool has_mesh() const { return part_.surface || part_.volume; }
  MeshRows rows(Association on) const {
    if (part_.surface) return mesh_io::surface_rows(*part_.surface, on);
    if (part_.volume) return mesh_io::volume_rows(*part_.volume, on);
    MeshRows rows;
    const auto& p = part_.points;
    for (std::size_t i = 0; i < p.rows(); ++i) {
      rows.position.push_back({p.position[3 * i], p.position[3 * i + 1], p.position[3 * i + 2]});
      if (!p.normal.empty()) rows.normal.push_back({p.normal[3 * i], p.normal[3 * i + 1], p.normal[3 * i + 2]});
      if (!p.size.empty()) rows.size.push_back(p.size[i]);
      rows.source.push_back(static_cast<std::int64_t>(i));
    }
    return rows;
  }
  mesh_io::Probed probe(const std::vector<Vec3>& at) const {
    if (part_.volume) return mesh_io::probe(*part_.volume, at);
    Box box;
    for (const Vec3& p : part_.surface->points) box.add(p);
    return mesh_io::probe(*part_.surface, at, kReach * norm(box.size()));
  }

 private:
  const ResultPart& part_;
  std::vector<Attribute> own_;
};

const Attribute* find(const std::vector<Attribute>& attributes, const std::string& name,
                      std::optional<Association> on = {}) {
  for (const Attribute& a : attributes)
    if (a.name == name && (!on || a.association == *on)) return &a;
  return nullptr;
}

// The one's values at the reference's places of one kind.
class Counterpart {
 public:
  Counterpart(const Part& one, const MeshRows& rows, Association on, const std::string& name)
      : one_(one), rows_(rows), on_(on) {
    const MeshRows mine = one.rows(on);
    match_ = mesh_io::match_points(rows.position, mine.position);
    same_ = std::none_of(match_.begin(), match_.end(), [](std::int64_t m) { return m < 0; });
    for (std::int64_t& m : match_)
      if (m >= 0) m = mine.source[static_cast<std::size_t>(m)];
    if (!same_ && !one.has_mesh())
      throw Error(ErrorKind::input,
                  str(name, ": ", std::count(match_.begin(), match_.end(), -1), " of ", match_.size(),
                      " places of the reference are not among its points, and it has no mesh to interpolate on"),
                  "exchange the two");
  }
  // values [rows][components], found [rows]; whether they were interpolated.
  bool take(const std::string& name, int components, std::vector<float>& values, std::vector<char>& found) {
    const auto k = static_cast<std::size_t>(components);
    const Attribute* here = find(one_.attributes(), name, on_);
    if (same_ && here) {
      values.resize(match_.size() * k);
      found.assign(match_.size(), 1);
      for (std::size_t i = 0; i < match_.size(); ++i)
        std::copy_n(&here->values[static_cast<std::size_t>(match_[i]) * k], k, &values[i * k]);
      return false;
    }
    if (!probed_) probed_ = one_.probe(rows_.position);
    values = find(probed_->attributes, name)->values;
    found = probed_->found;
    return true;
  }

 private:
  const Part& one_;
  const MeshRows& rows_;
  Association on_;
  std::vector<std::int64_t> match_;
  bool same_ = false;
  std::optional<mesh_io::Probed> probed_;
};

FieldDifference measure(const Attribute& truth, const MeshRows& rows, const std::vector<float>& values,
                        const std::vector<char>& found) {
  FieldDifference d;
  d.name = truth.name, d.components = truth.components;
  d.on_points = truth.association == Association::points;
  const auto k = static_cast<std::size_t>(truth.components);
  physics::FieldError error(truth.components);
  for (std::size_t i = 0; i < rows.source.size(); ++i) {
    if (!found[i]) {
      ++d.missing;
      continue;
    }
    ++d.places;
    const float* t = &truth.values[static_cast<std::size_t>(rows.source[i]) * k];
    error.add(&values[i * k], t, rows.size.empty() ? 1.0 : rows.size[i]);
    double length = 0;
    for (std::size_t c = 0; c < k; ++c)
      length += (double{values[i * k + c]} - t[c]) * (double{values[i * k + c]} - t[c]);
    if (std::sqrt(length) > d.largest) d.largest = std::sqrt(length), d.largest_at = rows.position[i];
  }
  d.relative_l2 = error.relative_l2(), d.weighted_relative_l2 = error.weighted_relative_l2();
  d.mean_absolute = error.mean_absolute(), d.mean_squared = error.mean_squared();
  for (std::size_t c = 0; c < k; ++c) d.component_relative_l2.push_back(error.relative_l2(c));
  return d;
}

// Marks of places are no fields.
bool is_mark(const std::string& name) { return name == "hidden" || name == "inside" || name == "sample"; }

PartDifference compare_part(const Result& one_result, const Result& reference_result, int b) {
  PartDifference out;
  const Part one(one_result.part[b]), reference(reference_result.part[b]);
  const char* const name_of_part = b == 0 ? "surface" : "volume";
  std::vector<Attribute> written;
  std::optional<MeshRows> face_rows;
  std::vector<float> face_values[2];  // pressure, wall shear of the one
  for (const Association on : {Association::faces, Association::points}) {
    std::vector<const Attribute*> common;
    for (const Attribute& a : reference.attributes()) {
      if (a.association != on || is_mark(a.name)) continue;
      const Attribute* other = find(one.attributes(), a.name);
      if (!other) continue;
      if (other->components != a.components)
        throw Error(ErrorKind::input,
                    str("the ", name_of_part, " field '", a.name, "' has ", other->components, " components in ",
                        one_result.name, ", ", a.components, " in ", reference_result.name));
      common.push_back(&a);
    }
    if (common.empty()) continue;
    const MeshRows rows = reference.rows(on);
    Counterpart counterpart(one, rows, on, one_result.name);
    for (const Attribute* truth : common) {
      std::vector<float> values;
      std::vector<char> found;
      const bool interpolated = counterpart.take(truth->name, truth->components, values, found);
      const auto missing = std::count(found.begin(), found.end(), 0);
      if (2 * static_cast<std::size_t>(missing) > found.size())
        throw Error(ErrorKind::input,
                    str(one_result.name, " has nothing at ", missing, " of the ", found.size(), " places of the ",
                        name_of_part, " of ", reference_result.name),
                    "are they of the same body, in the same place and unit?");
      const auto k = static_cast<std::size_t>(truth->components);
      // Where one of the two is not a number there is nothing to compare; the rest is.
      std::size_t not_finite = 0, first = 0;
      for (std::size_t i = 0; i < rows.source.size(); ++i) {
        bool finite = true;
        for (std::size_t c = 0; c < k; ++c)
          finite = finite && std::isfinite(values[i * k + c]) &&
                   std::isfinite(truth->values[static_cast<std::size_t>(rows.source[i]) * k + c]);
        if (finite || !found[i]) continue;
        found[i] = 0;
        if (not_finite++ == 0) first = i;
      }
      if (not_finite == found.size() && not_finite > 0)
        throw Error(ErrorKind::input, str("the ", name_of_part, " field '", truth->name, "' is not finite anywhere in ",
                                          one_result.name, " or ", reference_result.name));
      if (not_finite > 0) {
        const Vec3& at = rows.position[first];
        core::warn(str("the ", name_of_part, " field '", truth->name, "' is not finite at ", not_finite, " of ",
                       found.size(), " places in ", one_result.name, " or ", reference_result.name,
                       ", the first: ", on == Association::points ? "point " : "face or cell ", rows.source[first],
                       ", (", at[0], ", ", at[1], ", ", at[2], ") m; the others are compared"));
      }
      out.fields.push_back(measure(*truth, rows, values, found));
      out.fields.back().interpolated = interpolated;
      out.fields.back().not_finite = not_finite;
      const std::size_t all = truth->values.size();
      Attribute mine{truth->name, on, truth->components, std::vector<float>(all, 0.0f)}, difference = mine,
                                                                                         theirs = *truth;
      difference.name += "_difference", theirs.name += "_reference";
      for (std::size_t i = 0; i < rows.source.size(); ++i)
        for (std::size_t c = 0; c < k; ++c) {
          const std::size_t at = static_cast<std::size_t>(rows.source[i]) * k + c;
          mine.values[at] = values[i * k + c];
          difference.values[at] = found[i] ? values[i * k + c] - truth->values[at] : 0.0f;
        }
      written.push_back(std::move(difference)), written.push_back(std::move(mine)),
          written.push_back(std::move(theirs));
      if (b == 0 && on == Association::faces && missing == 0 && not_finite == 0) {
        if (truth->name == "pressure") face_values[0] = values;
        if (truth->name == "wall_shear_stress") face_values[1] = values;
      }
    }
    if (on == Association::faces) face_rows = rows;
  }
  if (b == 0 && face_rows && !face_rows->normal.empty() && !face_values[0].empty() && !face_values[1].empty()) {
    const Attribute *p = find(reference.attributes(), "pressure", Association::faces),
                    *tau = find(reference.attributes(), "wall_shear_stress", Association::faces);
    out.forces.emplace();
    for (std::size_t i = 0; i < face_rows->source.size(); ++i) {
      const auto at = static_cast<std::size_t>(face_rows->source[i]);
      for (std::size_t a = 0; a < 3; ++a) {
        (*out.forces)[0][a] +=
            face_rows->size[i] * (face_values[1][3 * i + a] - double{face_values[0][i]} * face_rows->normal[i][a]);
        (*out.forces)[1][a] +=
            face_rows->size[i] * (tau->values[3 * at + a] - double{p->values[at]} * face_rows->normal[i][a]);
      }
    }
  }
  const ResultPart& place = reference_result.part[b];
  if (place.surface) {
    out.surface = *place.surface;
    out.surface->attributes = std::move(written);
  } else if (place.volume) {
    out.volume = *place.volume;
    out.volume->attributes = std::move(written);
  } else {
    geometry::VolumeMesh& points = out.volume.emplace();
    points.offsets.push_back(0);
    constexpr std::uint8_t kVertex = 1;
    for (std::size_t i = 0; i < place.points.rows(); ++i) {
      const auto& x = place.points.position;
      points.points.push_back({x[3 * i], x[3 * i + 1], x[3 * i + 2]});
      points.corners.push_back(static_cast<std::int64_t>(i));
      points.offsets.push_back(static_cast<std::int64_t>(i) + 1);
      points.types.push_back(kVertex);
    }
    points.attributes = std::move(written);
  }
  return out;
}

std::string names_of(const Result& result) {
  std::string text;
  for (int b = 0; b < 2; ++b) {
    const Part part(result.part[b]);
    for (const Attribute& a : part.attributes()) text += str(text.empty() ? "" : ", ", a.name);
  }
  return text.empty() ? "no fields" : text;
}

}  // namespace

Comparison compare(const Result& one, const Result& reference) {
  Comparison out;
  bool parts = false;
  for (int b = 0; b < 2; ++b) {
    if (one.part[b].empty() || reference.part[b].empty()) continue;
    parts = true;
    out.part[b] = compare_part(one, reference, b);
  }
  if (!parts)
    throw Error(ErrorKind::input, str(one.name, " and ", reference.name,
                                      " have no part in common: one is a surface, the other a volume"));
  if (out.part[0].fields.empty() && out.part[1].fields.empty())
    throw Error(ErrorKind::input, str(one.name, " and ", reference.name, " have no field of the same name"),
                str(one.name, " has ", names_of(one), "; ", reference.name, " has ", names_of(reference)));
  return out;
}

}  // namespace streamtube::solver
