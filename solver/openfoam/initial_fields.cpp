#include "solver/openfoam/initial_fields.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "geometry/distance.hpp"
#include "geometry/surface_report.hpp"

namespace streamtube::solver {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {

constexpr double kKarman = 0.41;
constexpr double kBradshaw = 0.3;      // shear stress over k in a boundary layer
constexpr double kOuterLength = 0.03;  // mixing length away from the body, over its height
constexpr double kMostK = 0.05;        // over the free stream's speed squared
constexpr double kFade = 0.3;          // body lengths over which a prediction fades beyond the model's domain

// The plane of the box that all faces of a patch lie in: axis and side; axis -1: none.
struct Plane {
  int axis = -1;
  bool high = false;
};
Plane plane_of(const mesh_io::PolyMesh& mesh, const mesh_io::PolyPatch& patch, const Box& box) {
  const double tolerance = 1e-6 * norm(box.size());
  for (int axis = 0; axis < 3; ++axis)
    for (const bool high : {false, true}) {
      const double at = high ? box.high[axis] : box.low[axis];
      bool all = patch.count > 0;
      for (auto c = mesh.offsets[patch.start]; all && c < mesh.offsets[patch.start + patch.count]; ++c)
        all = std::abs(mesh.points[static_cast<std::size_t>(mesh.corners[c])][axis] - at) < tolerance;
      if (all) return {axis, high};
    }
  return {};
}

std::string listed(const mesh_io::PolyMesh& mesh) {
  std::string out;
  for (const auto& p : mesh.patches) out += str(out.empty() ? "" : ", ", p.name, " (", p.type, ")");
  return out;
}

// The velocity's derivatives in cells by Gauss: [cells] du_i/dx_j. no_slip: boundary faces where the velocity is 0; on
// others it is that of the cell.
std::vector<std::array<Vec3, 3>> gauss_gradient(const mesh_io::PolyMesh& m, const mesh_io::PolyGeometry& g,
                                                const std::vector<double>& u, const std::vector<char>& no_slip) {
  std::vector<std::array<Vec3, 3>> out(m.cells, std::array<Vec3, 3>{Vec3{0, 0, 0}, Vec3{0, 0, 0}, Vec3{0, 0, 0}});
  for (std::size_t f = 0; f < m.faces(); ++f) {
    const auto o = static_cast<std::size_t>(m.owner[f]);
    const bool inner = f < m.neighbour.size();
    const std::size_t n = inner ? static_cast<std::size_t>(m.neighbour[f]) : o;
    double weight = 1;  // of the owner
    if (inner) {
      const double to_owner = std::abs(dot(g.face_area[f], g.face_center[f] - g.cell_center[o])),
                   to_neighbour = std::abs(dot(g.face_area[f], g.cell_center[n] - g.face_center[f]));
      weight = to_owner + to_neighbour > 0 ? to_neighbour / (to_owner + to_neighbour) : 0.5;
    } else if (no_slip[f - m.neighbour.size()]) {
      weight = 0;
    }
    for (std::size_t i = 0; i < 3; ++i) {
      const double value = inner ? weight * u[3 * o + i] + (1 - weight) * u[3 * n + i] : weight * u[3 * o + i];
      out[o][i] = out[o][i] + value * g.face_area[f];
      if (inner) out[n][i] = out[n][i] - value * g.face_area[f];
    }
  }
  for (std::size_t c = 0; c < m.cells; ++c)
    for (auto& row : out[c]) row = (1 / std::max(g.cell_volume[c], 1e-300)) * row;
  return out;
}

}  // namespace

FlowDomain find_flow_domain(const mesh_io::PolyMesh& mesh, const std::vector<std::string>& body,
                            const std::string& where) {
  FlowDomain out;
  for (const Vec3& p : mesh.points) out.box.add(p);
  for (const auto& name : body) {
    const auto* patch = mesh.find(name);
    if (!patch || patch->count == 0)
      throw Error(ErrorKind::input, str(where, ": the mesh has no patch '", name, "' with faces"),
                  "it has " + listed(mesh));
    out.body.push_back(name);
  }
  for (const auto& patch : mesh.patches) {
    if (patch.count == 0) continue;
    const Plane plane = plane_of(mesh, patch, out.box);
    if (body.empty() && patch.type == "wall" && plane.axis < 0) out.body.push_back(patch.name);
    if (patch.type != "symmetryPlane" && patch.type != "symmetry") continue;
    if (plane.axis == 1 && !plane.high && std::abs(out.box.low[1]) < 1e-6 * norm(out.box.size()))
      out.symmetry = patch.name;
  }
  if (out.body.empty())
    throw Error(ErrorKind::input, where + ": no patch looks like a body: none is a wall that is no side of the domain",
                "name it with --body; the mesh has " + listed(mesh));
  return out;
}

InitialFields predict_initial_fields(const surrogate::Checkpoint& model, NeuralEngine& engine,
                                     const mesh_io::PolyMesh& mesh, const FlowDomain& domain, const Inflow& inflow,
                                     const std::string& where) {
  const mesh_io::PolyGeometry geometry = mesh_io::poly_geometry(mesh);
  InitialFields out;
  Case question;
  question.name = where;
  question.body = mesh_io::patch_surface(mesh, domain.body);
  auto& body = question.body;
  if (domain.symmetry) {
    const std::size_t points = body.points.size(), faces = body.face_count();
    std::vector<std::int64_t> image(points);
    for (std::size_t i = 0; i < points; ++i) {
      const Vec3 p = body.points[i];
      image[i] = static_cast<std::int64_t>(std::abs(p[1]) < 1e-9 ? i : body.points.size());
      if (std::abs(p[1]) >= 1e-9) body.points.push_back({p[0], -p[1], p[2]});
    }
    for (std::size_t f = 0; f < faces; ++f) {
      for (auto i = body.offsets[f + 1]; i-- > body.offsets[f];) {
        const std::int64_t corner = image[static_cast<std::size_t>(body.corners[static_cast<std::size_t>(i)])];
        body.corners.push_back(corner);
      }
      body.offsets.push_back(static_cast<std::int64_t>(body.corners.size()));
      body.patch.push_back(body.patch[f]);
    }
  }

  // To where the bodies of the model's world stand.
  const Box box = body.bounds();
  out.length = box.size()[0];
  out.scale = automatic_scale(model, out.length, where);
  const surrogate::Checkpoint world = model.at_scale(out.scale.factor);
  double front = 0;
  for (const auto& one : world.training_range)
    if (one.quantity == "front_x") front = 0.5 * (one.min + one.max);
  const Vec3 shift{front - box.low[0], domain.symmetry ? 0.0 : -0.5 * (box.low[1] + box.high[1]),
                   world.domain.low[2] - domain.box.low[2]};
  const auto to_model = [&](const Vec3& p) { return p + shift; };
  for (Vec3& p : body.points) p = to_model(p);
  question.report = geometry::report(body);
  for (const auto& warning : geometry::prepare(body, question.report, where).warnings) out.warnings.push_back(warning);
  question.volume = VolumeOutput::none;
  question.flow = inflow.flow;
  question.model_scale = out.scale.factor, question.conditions = inflow.conditions;

  std::vector<double> weight(mesh.cells, 1.0);
  question.probes.resize(mesh.cells);
  for (std::size_t c = 0; c < mesh.cells; ++c) {
    const Vec3 p = to_model(geometry.cell_center[c]);
    Vec3 inside = p;
    for (int a = 0; a < 3; ++a) inside[a] = std::clamp(p[a], world.domain.low[a], world.domain.high[a]);
    question.probes[c] = inside;
    const double beyond = norm(p - inside);
    if (beyond > 0) ++out.outside, weight[c] = std::exp(-beyond / (kFade * out.length));
  }
  const geometry::DistanceField distance(body);
  std::vector<double> wall(mesh.cells);
  for (std::size_t c = 0; c < mesh.cells; ++c)
    wall[c] = weight[c] < 1 ? out.length : distance.distance(to_model(geometry.cell_center[c]));
  const double height = box.size()[2];

  // Nobody asks for forces: one face instead of the body spares the points they would be integrated over.
  question.surface = geometry::SurfaceMesh{};
  question.surface_name = where;
  {
    const auto begin = question.body.corners.begin();
    auto& one = *question.surface;
    one.offsets = {0, question.body.offsets[1]};
    for (auto c = begin; c != begin + question.body.offsets[1]; ++c) {
      one.corners.push_back(static_cast<std::int64_t>(one.points.size()));
      one.points.push_back(question.body.points[static_cast<std::size_t>(*c)]);
    }
    one.patch = {0}, one.patch_names = {"body"};
  }
  Answer answer = engine.solve(std::move(question));
  out.extrapolation = answer.extrapolation;
  for (const auto& warning : answer.warnings) out.warnings.push_back(warning);
  const double speed = inflow.flow.velocity;
  out.velocity.resize(3 * mesh.cells), out.pressure.resize(mesh.cells);
  for (std::size_t c = 0; c < mesh.cells; ++c) {
    const double w = weight[c];
    for (std::size_t a = 0; a < 3; ++a)
      out.velocity[3 * c + a] = w * answer.probe_velocity[c][a] + (1 - w) * (a == 0 ? speed : 0.0);
    out.pressure[c] = w * answer.probe_pressure[c] / inflow.flow.density;
  }

  std::vector<char> no_slip(mesh.faces() - mesh.neighbour.size(), 0);
  for (const auto& name : domain.body) {
    const auto* patch = mesh.find(name);
    std::fill_n(no_slip.begin() + static_cast<std::ptrdiff_t>(patch->start - mesh.neighbour.size()), patch->count, 1);
  }
  const auto gradient = gauss_gradient(mesh, geometry, out.velocity, no_slip);
  const double k_in = 1.5 * std::pow(inflow.turbulence_intensity * speed, 2);
  const double omega_in = k_in / (inflow.viscosity_ratio * inflow.flow.kinematic_viscosity);
  out.k.resize(mesh.cells), out.omega.resize(mesh.cells), out.nut.resize(mesh.cells);
  for (std::size_t c = 0; c < mesh.cells; ++c) {
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 3; ++j) sum += 0.5 * std::pow(gradient[c][i][j] + gradient[c][j][i], 2);
    const double shear = weight[c] * std::sqrt(sum);
    const double length = std::min(kKarman * wall[c], kOuterLength * height);
    out.k[c] = std::clamp(std::pow(length * shear, 2) / kBradshaw, k_in, std::max(k_in, kMostK * speed * speed));
    out.omega[c] = std::max(omega_in, shear / kBradshaw);
    out.nut[c] = out.k[c] / out.omega[c];
  }
  return out;
}

}  // namespace streamtube::solver
