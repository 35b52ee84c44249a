#include "apps/cli/drag_budget.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <numbers>

#include "apps/cli/read_body.hpp"
#include "core/error.hpp"
#include "core/log.hpp"
#include "core/runtime.hpp"
#include "geometry/distance.hpp"
#include "geometry/surface_report.hpp"
#include "mesh_io/mesh_io.hpp"
#include "solver/evaluation.hpp"
#include "solver/neural/neural_engine.hpp"

namespace streamtube::apps {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::str;
using geometry::SurfaceMesh;

namespace {

constexpr double kPlace = 0.02;  // of the length: how far a body's box may be from that of its case's faces

SurfaceMesh mesh_of(const std::vector<std::array<Vec3, 3>>& triangles) {
  SurfaceMesh out;
  std::map<Vec3, std::int64_t> known;  // equal corners are one point
  out.offsets.push_back(0), out.patch_names = {"body"};
  for (const auto& triangle : triangles) {
    for (const Vec3& p : triangle) {
      const auto [place, fresh] = known.emplace(p, static_cast<std::int64_t>(out.points.size()));
      if (fresh) out.points.push_back(p);
      out.corners.push_back(place->second);
    }
    out.offsets.push_back(static_cast<std::int64_t>(out.corners.size()));
    out.patch.push_back(0);
  }
  return out;
}

std::vector<std::array<Vec3, 3>> triangles_of(const mesh_io::FlowSample& sample) {
  std::vector<std::array<Vec3, 3>> out(sample.triangles.size() / 9);
  for (std::size_t i = 0; i < sample.triangles.size(); ++i) out[i / 9][i % 9 / 3][i % 3] = sample.triangles[i];
  return out;
}

// The faces of the CFD as triangles of the same middles and area vectors: a data set keeps no corners.
SurfaceMesh faces_of(const mesh_io::SamplePart& surface) {
  SurfaceMesh out;
  out.offsets.push_back(0), out.patch_names = {"faces"};
  for (std::size_t i = 0; i < surface.rows(); ++i) {
    const Vec3 middle{surface.position[3 * i], surface.position[3 * i + 1], surface.position[3 * i + 2]};
    const Vec3 normal{surface.normal[3 * i], surface.normal[3 * i + 1], surface.normal[3 * i + 2]};
    const int least = std::abs(normal[0]) < 0.6 ? 0 : 1;
    Vec3 axis{0, 0, 0};
    axis[least] = 1;
    Vec3 u = cross(normal, axis);
    u = (1 / norm(u)) * u;
    const Vec3 v = cross(normal, u);
    const double radius = std::sqrt(4 * double{surface.size[i]} / (3 * std::sqrt(3.0)));  // of an equilateral one
    for (int k = 0; k < 3; ++k) {
      const double angle = 2 * std::numbers::pi * k / 3;
      out.corners.push_back(static_cast<std::int64_t>(out.points.size()));
      out.points.push_back(middle + radius * (std::cos(angle) * u + std::sin(angle) * v));
    }
    out.offsets.push_back(static_cast<std::int64_t>(out.corners.size()));
    out.patch.push_back(0);
  }
  return out;
}

// The file of a case's body in the folder.
std::string body_file(const std::string& folder, const std::string& name) {
  for (const auto& format : mesh_io::formats())
    for (const auto& extension : format.extensions)
      if (const fs::path path = fs::path(folder) / (name + extension);
          format.reads_surface && fs::is_regular_file(path))
        return path.string();
  throw Error(ErrorKind::input, str("'", folder, "' holds no body of the case '", name, "'"),
              str("the file of a case is called as the case: ", name, ".stl"));
}

solver::Case question_of(const surrogate::Checkpoint& model, const mesh_io::FlowSample& sample,
                         const BudgetOptions& options) {
  solver::Case out;
  const std::string& name = sample.info.name;
  Body body;
  if (!options.geometry.empty()) {
    out.name = body_file(options.geometry, name);
    body = read_body({out.name}, "m", {}, metres_if_likely);
  } else if (!sample.triangles.empty()) {
    out.name = str("body of the case '", name, "'");
    body.where = out.name, body.unit = "m";
    body.mesh = mesh_of(triangles_of(sample));
    measure(body);
  } else {
    throw Error(ErrorKind::input,
                str("'", sample.info.file, "': the case '", name, "' holds no body, only faces of its CFD"),
                "give the bodies with --geometry FOLDER, in metres, one file a case with the name of the case");
  }
  prepare_body(body, {}, {}, {});
  for (const auto& warning : body.warnings) core::warn(str(out.name, ": ", warning));
  move_to_case(body, out);
  out.surface = faces_of(sample.part[0]);
  out.surface_name = str("faces of the case '", name, "'");
  out.forces_on_body = true, out.hidden.clear();
  Box faces;
  for (std::size_t i = 0; i < sample.part[0].rows(); ++i)
    faces.add({sample.part[0].position[3 * i], sample.part[0].position[3 * i + 1], sample.part[0].position[3 * i + 2]});
  const Box box = out.body.bounds();
  for (int a = 0; a < 3; ++a)
    if (std::max(std::abs(box.low[a] - faces.low[a]), std::abs(box.high[a] - faces.high[a])) > kPlace * faces.size()[0])
      throw Error(ErrorKind::input,
                  str(out.name, ": the body lies at ", "xyz"[a], " ", box.low[a], "..", box.high[a],
                      " m, the faces of '", name, "' at ", faces.low[a], "..", faces.high[a], " m"),
                  "bodies are taken in metres and in the data set's own frame");
  out.flow = sample.info.flow, out.conditions = sample.info.parameters;
  if (model.canonical_length > 0) out.model_scale = box.size()[0] / model.canonical_length;
  out.reference_area = sample.info.reference_area, out.reference_length = sample.info.reference_length;
  return out;
}

// Cd of the answer's fields on the CFD's faces, with the areas and normals of the data set.
double cd_on_faces(mesh_io::FlowSample sample, const SurfaceMesh& answer) {
  for (auto& field : sample.part[0].fields) {
    const auto found = std::find_if(answer.attributes.begin(), answer.attributes.end(),
                                    [&](const auto& a) { return a.name == field.name; });
    core::expect(found != answer.attributes.end() && found->values.size() == field.values.size(),
                 "cd_on_faces: a field is missing");
    field.values = found->values;
  }
  return mesh_io::surface_forces(sample).cd;
}

using Shares = std::map<int, double>;  // halvings of the base cell -> share

template <class Volumes>
void count_cells(Shares& shares, double base, double weight, const Volumes& volumes) {
  for (const double v : volumes)
    if (v > 0)
      shares[static_cast<int>(std::floor(std::log2(std::cbrt(v) / base) + 0.5))] +=
          weight / static_cast<double>(volumes.size());
}

}  // namespace

DragBudget make_budget(const surrogate::Checkpoint& model, const mesh_io::Dataset& data,
                       std::span<const std::size_t> cases, const BudgetOptions& options) {
  // Bodies first: what is missing is said before the work.
  for (const std::size_t index : cases) {
    core::check_interrupt();
    const mesh_io::CaseInfo& info = data.cases()[index];
    if (!options.geometry.empty())
      body_file(options.geometry, info.name);
    else if (info.triangles == 0)
      question_of(model, data.read(index), options);
  }
  DragBudget out;
  solver::EvaluationOptions on_faces;
  on_faces.cases.assign(cases.begin(), cases.end());
  on_faces.sample = 0, on_faces.draws = options.draws, on_faces.seed = options.seed,
  on_faces.precision = options.precision;
  const auto known = solver::evaluate(model, data, on_faces);
  out.steps = {{"cfd_faces_cfd_anchors", "CFD's faces, anchors from the CFD", {}},
               {"cfd_faces_own_anchors", "CFD's faces, anchors from the body", {}},
               {"body_own_anchors", "sum over the body, anchors from the body", {}}};
  for (const auto& c : known.cases) {
    out.cases.push_back(c.name), out.true_cd.push_back(c.true_cd);
    out.steps[0].cd.push_back(options.draws > 1 ? c.cd_draws : std::vector{c.cd});
  }
  solver::NeuralEngine engine(model, solver::Evaluation::cached, options.precision);
  Shares own, theirs;
  const double weight = 1 / static_cast<double>(cases.size());
  double mean_base = 0;  // m, cell of the model's mesh
  core::Progress progress("budget", cases.size() * options.draws, "draws");
  for (const std::size_t index : cases) {
    mesh_io::FlowSample sample = data.read(index);
    solver::Case question = question_of(model, sample, options);
    const double base = question.model_scale * model.sampling.volume_mesh.base_cell;
    mean_base += weight * base;
    count_cells(theirs, base, weight, sample.part[1].size);
    count_cells(own, base, weight, engine.anchor_cells(question));
    sample.part[1] = {}, sample.triangles.clear();
    for (int s : {1, 2}) out.steps[static_cast<std::size_t>(s)].cd.emplace_back();
    for (std::size_t d = 0; d < options.draws; ++d) {
      core::check_interrupt();
      solver::Case one = question;
      one.seed = options.seed + d;
      const solver::Answer answer = engine.solve(std::move(one));
      out.steps[1].cd.back().push_back(cd_on_faces(sample, answer.surface));
      out.steps[2].cd.back().push_back(answer.forces.coefficients.cd());
      progress.advance(1);
    }
  }
  Shares all = own;
  all.insert(theirs.begin(), theirs.end());
  for (const auto& [halvings, share] : all)
    out.cells.push_back({mean_base * std::exp2(halvings), own[halvings], theirs[halvings]});
  return out;
}

}  // namespace streamtube::apps
