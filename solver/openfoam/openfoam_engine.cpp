#include "solver/openfoam/openfoam_engine.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iomanip>

#include "core/error.hpp"
#include "core/log.hpp"
#include "core/rng.hpp"
#include "core/runtime.hpp"
#include "geometry/distance.hpp"
#include "solver/range_check.hpp"

namespace streamtube::solver {

using core::Error;
using core::ErrorKind;
using core::str;
using geometry::Association;

namespace {

// A solution is doubtful beyond these.
constexpr double kFastest = 3;                             // |U| over the free stream
constexpr double kLeastCp = -8, kMostCp = 1.3;             // on the body
constexpr double kForceError = 0.02, kForceFloor = 0.002;  // integrated Cd against that of the solver
constexpr double kUnsettled = 0.03;                        // deviation of Cd in the window, over Cd

std::vector<double> times(double factor, std::vector<double> values) {
  for (double& x : values) x *= factor;
  return values;
}

// All values of a field, also of a uniform one.
std::vector<double> expanded(const mesh_io::FoamValues& values, std::size_t n, const std::string& what) {
  const auto width = static_cast<std::size_t>(values.components);
  if (!values.uniform) {
    if (values.values.size() != n * width)
      throw Error(ErrorKind::input, str(what, " has ", values.values.size() / width, " values, not ", n));
    return values.values;
  }
  std::vector<double> out;
  for (std::size_t i = 0; i < n; ++i) out.insert(out.end(), values.values.begin(), values.values.end());
  return out;
}

Vec3 vec(const std::vector<double>& values, std::size_t i) {
  return {values[3 * i], values[3 * i + 1], values[3 * i + 2]};
}

// Faces of the body as the whole body has them: first those of the mesh, then their images.
struct BodyFaces {
  const OpenFoamSolution& s;
  std::size_t count() const { return s.half ? 2 * s.faces : s.faces; }
  std::size_t face(std::size_t i) const { return i % s.faces; }
  double sign(std::size_t i) const { return i < s.faces ? 1 : -1; }
  Vec3 center(std::size_t i) const { return mirrored(i, s.geometry.face_center[s.first_face + face(i)]); }
  Vec3 outward(std::size_t i) const { return mirrored(i, -1.0 * s.geometry.face_area[s.first_face + face(i)]); }  // m2
  Vec3 shear(std::size_t i) const { return mirrored(i, vec(s.wall_shear_stress, face(i))); }
  Vec3 mirrored(std::size_t i, const Vec3& v) const { return {v[0], sign(i) * v[1], v[2]}; }
};

physics::ForceCoefficients integrate(const OpenFoamSolution& s, const Forces& reference) {
  physics::ForceIntegrator sum(reference.axes);
  const double q = reference.scales.dynamic_pressure();
  const BodyFaces faces{s};
  for (std::size_t i = 0; i < faces.count(); ++i) {
    const Vec3 area = faces.outward(i);
    const double size = norm(area);
    if (size > 0)
      sum.add(faces.center(i), (1 / size) * area, size, s.surface_pressure[faces.face(i)] / q,
              (1 / q) * faces.shear(i));
  }
  return sum.result(reference.scales);
}

bool finite(const OpenFoamSolution& s) {
  for (const auto* field : {&s.velocity, &s.vorticity, &s.pressure, &s.surface_pressure, &s.wall_shear_stress})
    for (const double x : *field)
      if (!std::isfinite(x)) return false;
  return true;
}

// Why nobody should rely on it; empty: nothing speaks against it.
std::vector<std::string> doubts(const OpenFoamSolution& s, const Forces& reference, const OpenFoamOptions& options) {
  std::vector<std::string> out;
  const auto& scales = reference.scales;
  double fastest = 0;
  for (std::size_t c = 0; c < s.mesh.cells; ++c) fastest = std::max(fastest, norm(vec(s.velocity, c)));
  if (fastest > kFastest * scales.velocity)
    out.push_back(
        str("the speed reaches ", fastest / scales.velocity, " times the free stream's (at most ", kFastest, ")"));
  const auto [low, high] = std::minmax_element(s.surface_pressure.begin(), s.surface_pressure.end());
  const double q = scales.dynamic_pressure();
  if (*low < kLeastCp * q || *high > kMostCp * q)
    out.push_back(
        str("Cp on the body goes from ", *low / q, " to ", *high / q, " (allowed: ", kLeastCp, " to ", kMostCp, ")"));
  const double cd = s.coefficients.cd(), cl = s.coefficients.cl();
  if (!(cd >= options.least_cd && cd <= options.most_cd))
    out.push_back(str("Cd is ", cd, " (allowed: ", options.least_cd, " to ", options.most_cd, ")"));
  if (!(cl >= options.least_cl && cl <= options.most_cl))
    out.push_back(str("Cl is ", cl, " (allowed: ", options.least_cl, " to ", options.most_cl, ")"));
  const double integrated = integrate(s, reference).cd();
  if (std::abs(integrated - cd) > std::max(kForceError * std::abs(cd), kForceFloor))
    out.push_back(str("the surface fields give Cd ", integrated, ", the solver's forces ", cd));
  if (s.cd_deviation > kUnsettled * std::abs(cd))
    out.push_back(str("Cd ", cd, " has not settled: its standard deviation in the last ", s.run.averaged,
                      " iterations is ", s.cd_deviation));
  return out;
}

std::string model_text(const OpenFoamSetup& setup, const OpenFoamOptions& options) {
  if (setup.half) return "half, y >= 0, and its mirror image";
  if (options.symmetry == Symmetry::full) return "whole";
  return str("whole: the body is up to ", two_digits(setup.mirror_gap.largest),
             " m from its own mirror image (--symmetry left or right takes one half)");
}

std::string ground_text(const OpenFoamSetup& setup, bool moving) {
  const double height = setup.body.low[2], touching = 1e-5 * setup.body.size()[0];
  return str(moving ? "moves with the flow" : "stands still", "; the body ",
             height > touching    ? str("is ", height, " m above it")
             : height > -touching ? std::string("stands on it")
                                  : str("reaches ", -height, " m below it, where nothing is computed"));
}

std::string mesh_text(const OpenFoamSetup& setup, const OpenFoamOptions& options) {
  constexpr const char* kDictionary = "system/snappyHexMeshDict";
  if (!options.templates.empty())
    if (const auto own = std::filesystem::path(options.templates) / kDictionary; std::filesystem::exists(own))
      return str("of '", own.string(), "', with the values of the mesh ", name(options.mesh));
  if (!setup.tail) return "plain: coarser by a step in the wake than on the body";
  return str("car: cells as small as on the body also from the roof's end, x ", std::setprecision(3),
             setup.tail->roof_end, ", to ", kRearReach * setup.scale, " m behind the tail, twice that to ",
             kWakeReach * setup.scale, " m behind it");
}

// Fields of the nearest faces of `from`, and how far these are, onto a surface of the same body.
void map_onto(geometry::SurfaceMesh& to, const geometry::SurfaceMesh& from, const std::vector<char>& hidden) {
  std::vector<Vec3> places;
  for (std::size_t f = 0; f < to.face_count(); ++f) places.push_back(to.centroid(f));
  const auto nearest = geometry::nearest_faces(from, places);
  to.attributes.clear();
  for (const auto& field : from.attributes) {
    const auto n = static_cast<std::size_t>(field.components);
    std::vector<float> values(n * places.size());
    for (std::size_t f = 0; f < places.size(); ++f)
      std::copy_n(field.values.begin() + static_cast<std::ptrdiff_t>(n * static_cast<std::size_t>(nearest[f].face)), n,
                  values.begin() + static_cast<std::ptrdiff_t>(n * f));
    to.attributes.push_back({field.name, Association::faces, field.components, std::move(values)});
  }
  std::vector<float> distance(places.size());
  for (std::size_t f = 0; f < places.size(); ++f) distance[f] = static_cast<float>(nearest[f].distance);
  to.attributes.push_back({"distance_to_mesh", Association::faces, 1, std::move(distance)});
  if (!hidden.empty())
    to.attributes.push_back({"hidden", Association::faces, 1, std::vector<float>(hidden.begin(), hidden.end())});
}

}  // namespace

Plan OpenFoamEngine::plan(const Case& question) const {
  const Forces reference = reference_quantities(question);
  const OpenFoamSetup setup = openfoam_setup(question, reference, options_);
  const Box& d = setup.domain;
  Plan plan;
  plan.lines = {
      {"engine", name()},
      {"flow",
       str(question.flow.velocity, " m/s, ", question.flow.density, " kg/m3, ", question.flow.kinematic_viscosity,
           " m2/s: Reynolds number ", physics::reynolds_number(question.flow, setup.body.size()[0]))},
      {"reference area", str(reference.scales.area, " m2 (", reference.area_source, ")")},
      {"reference length", str(reference.scales.length, " m (", reference.length_source, ")")},
      {"model", model_text(setup, options_)},
      {"domain", str("x ", d.low[0], "..", d.high[0], ", y ", d.low[1], "..", d.high[1], ", z ", d.low[2], "..",
                     d.high[2], " m")},
      {"ground", ground_text(setup, options_.moving_ground)},
      {"cells",
       str("about ", two_digits(setup.cells), "; ", setup.base, " m far away, ", setup.base / 16, " m on the body")},
      {"mesh", mesh_text(setup, options_)},
      {"memory", str("about ", two_digits(static_cast<double>(setup.memory) / 1e9), " GB")},
      {"iterations", str("at most ", options_.iterations, ", then ", options_.average, " averaged (20 once the ",
                         "residuals are below ", options_.residual, ")")},
      {"processes", str(options_.processes)},
      {"case", options_.folder},
      {"surface fields",
       str("on the faces of OpenFOAM's mesh on the body",
           question.surface ? str("; those nearest to its faces also on '", question.surface_name, "'")
                            : std::string())},
      {"volume fields", question.volume == VolumeOutput::none ? "none" : "in the cells of OpenFOAM's mesh"},
  };
  plan.memory = setup.memory;
  plan.warnings = setup.warnings;
  return plan;
}

OpenFoamSolution OpenFoamEngine::solution(const Case& question) const {
  const Forces reference = reference_quantities(question);
  const OpenFoamSetup setup = openfoam_setup(question, reference, options_);
  OpenFoamSolution out;
  out.run = run_openfoam(question, setup, options_);
  out.half = setup.half;
  const auto start = std::chrono::steady_clock::now();
  out.mesh = mesh_io::read_poly_mesh(options_.folder);
  out.geometry = mesh_io::poly_geometry(out.mesh);
  const mesh_io::PolyPatch* body = out.mesh.find("body");
  if (!body || body->count == 0)
    throw Error(ErrorKind::input, str("'", options_.folder, "': the mesh has no faces of the patch 'body'"));
  out.first_face = body->start, out.faces = body->count;
  const auto file = [&](const char* field) {
    return (std::filesystem::path(options_.folder) / out.run.time / field).string();
  };
  const auto read = [&](const char* field) { return mesh_io::read_foam_field(file(field), out.mesh.cells); };
  const auto on_body = [&](const mesh_io::FoamFieldFile& field) {
    for (const auto& patch : field.patches)
      if (patch.name == "body" && patch.has_value)
        return expanded(patch.value, out.faces, str("'", field.path, "': the patch 'body'"));
    throw Error(ErrorKind::input, str("'", field.path, "': the patch 'body' has no values"));
  };
  const auto in_cells = [&](const mesh_io::FoamFieldFile& field) {
    return expanded(field.internal, out.mesh.cells, str("'", field.path, "'"));
  };
  const double density = question.flow.density;
  out.velocity = in_cells(read("UMean"));
  out.vorticity = in_cells(read("vorticityMean"));
  {
    const auto p = read("pMean");
    out.pressure = times(density, in_cells(p));
    out.surface_pressure = times(density, on_body(p));
  }
  out.wall_shear_stress = on_body(read("wallShearStressMean"));
  out.yplus = on_body(read("yPlus"));
  // OpenFOAM's versions differ in the sign; the fluid drags the body along with it.
  double along = 0;
  for (std::size_t f = 0; f < out.faces; ++f)
    along += norm(out.geometry.face_area[out.first_face + f]) *
             dot(vec(out.velocity, static_cast<std::size_t>(out.mesh.owner[out.first_face + f])),
                 vec(out.wall_shear_stress, f));
  out.wall_shear_stress = times(along < 0 ? -density : density, std::move(out.wall_shear_stress));

  // Forces of the window.
  const auto& scales = reference.scales;
  const double unit = (setup.half ? 2 : 1) / (0.5 * scales.velocity * scales.velocity * scales.area);
  const auto n = static_cast<double>(out.run.window.size());
  auto& c = out.coefficients;
  for (const auto& row : out.run.window) {
    c.pressure.drag += unit * row.pressure[0] / n, c.pressure.lift += unit * row.pressure[2] / n;
    c.friction.drag += unit * row.friction[0] / n, c.friction.lift += unit * row.friction[2] / n;
    if (!setup.half) c.pressure.side += unit * row.pressure[1] / n, c.friction.side += unit * row.friction[1] / n;
  }
  for (const auto& row : out.run.window) {
    out.cd_deviation += std::pow(unit * (row.pressure[0] + row.friction[0]) - c.cd(), 2) / n;
    out.cl_deviation += std::pow(unit * (row.pressure[2] + row.friction[2]) - c.cl(), 2) / n;
  }
  out.cd_deviation = std::sqrt(out.cd_deviation), out.cl_deviation = std::sqrt(out.cl_deviation);
  for (std::size_t f = 0; f < out.faces; ++f)
    out.surface_area += (setup.half ? 2 : 1) * norm(out.geometry.face_area[out.first_face + f]);
  out.stl_area = setup.area;
  const std::string look = str("look at the case in '", options_.folder, "'; --resume with more --iterations goes on");
  if (!finite(out)) reject_openfoam(options_.folder, question.name, "a field is not finite", look);
  out.doubts = doubts(out, reference, options_);
  if (options_.strict && !out.doubts.empty()) reject_openfoam(options_.folder, question.name, out.doubts.front(), look);
  const auto warn = [&](const std::string& text) {
    out.run.warnings.push_back(text);
    if (options_.progress) core::warn(text);
  };
  if (!out.run.converged)
    warn(str("the residuals did not come down to ", options_.residual, " in ", out.run.iterations - out.run.averaged,
             " iterations: fields and forces are means over ", out.run.averaged, " further ones"));
  for (const auto& doubt : out.doubts) warn(str("doubtful: ", doubt, "; --resume with more --iterations goes on"));
  record_openfoam(options_.folder, out.doubts, out.run.warnings);
  out.run.seconds.emplace_back("reading the solution",
                               std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return out;
}

namespace {

std::map<std::string, double> quality_of(const OpenFoamSolution& s) {
  std::map<std::string, double> out = {{"Cd_std_window", s.cd_deviation},
                                       {"Cl_std_window", s.cl_deviation},
                                       {"converged", s.run.converged},
                                       {"iterations", s.run.iterations},
                                       {"averaged_iterations", s.run.averaged},
                                       {"surface_area_error", s.surface_area / s.stl_area - 1},
                                       {"cells", static_cast<double>(s.mesh.cells)}};
  std::vector<double> yplus = s.yplus;
  std::nth_element(yplus.begin(), yplus.begin() + static_cast<std::ptrdiff_t>(yplus.size() / 2), yplus.end());
  out["yplus_median"] = yplus[yplus.size() / 2];
  for (const auto& [name, value] : s.run.residuals) out["residual_" + name] = value;
  for (const auto& [name, value] : s.run.mesh_quality) out[name] = value;
  return out;
}

}  // namespace

Answer OpenFoamEngine::solve(Case question) {
  if (question.points_on != Location::cells || !question.probes.empty() || !question.derive.empty())
    throw Error(ErrorKind::usage, "OpenFOAM answers on faces and in cells alone");
  const OpenFoamSolution s = solution(question);
  const auto start = std::chrono::steady_clock::now();
  Answer out;
  out.forces = reference_quantities(question);
  const auto& scales = out.forces.scales;
  const auto q = static_cast<float>(scales.dynamic_pressure());
  out.forces.coefficients = integrate(s, out.forces);
  out.reynolds_number = physics::reynolds_number(question.flow, question.body.bounds().size()[0]);
  out.warnings = s.run.warnings, out.doubts = s.doubts, out.solution = quality_of(s);

  out.surface = mesh_io::patch_surface(s.mesh, {"body"});
  if (s.half) append_image(out.surface, 1e-9);
  const BodyFaces faces{s};
  const std::size_t count = faces.count();
  std::vector<float> p(count), cp(count), tau(3 * count), cf(3 * count);
  for (std::size_t i = 0; i < count; ++i) {
    p[i] = static_cast<float>(s.surface_pressure[faces.face(i)]), cp[i] = p[i] / q;
    const Vec3 shear = faces.shear(i);
    for (int a = 0; a < 3; ++a) tau[3 * i + a] = static_cast<float>(shear[a]), cf[3 * i + a] = tau[3 * i + a] / q;
  }
  out.surface.attributes = {{"pressure", Association::faces, 1, std::move(p)},
                            {"Cp", Association::faces, 1, std::move(cp)},
                            {"wall_shear_stress", Association::faces, 3, std::move(tau)},
                            {"Cf", Association::faces, 3, std::move(cf)}};
  if (question.surface) {
    out.mapped = std::move(*question.surface);
    map_onto(out.mapped, out.surface, question.hidden);
  }
  out.forces.integration_points = count;
  out.forces.patches.push_back({"body", s.surface_area, out.forces.coefficients});

  if (question.volume != VolumeOutput::none) {
    out.volume = mesh_io::to_volume_mesh(s.mesh, s.half);
    const std::size_t cells = s.mesh.cells, all = s.half ? 2 * cells : cells;
    std::vector<float> pressure(all), coefficient(all), velocity(3 * all), vorticity(3 * all);
    for (std::size_t i = 0; i < all; ++i) {
      const std::size_t c = i % cells;
      const float sign = i < cells ? 1 : -1;  // of y of vectors, of x and z of vorticity
      pressure[i] = static_cast<float>(s.pressure[c]), coefficient[i] = pressure[i] / q;
      for (int a = 0; a < 3; ++a) {
        velocity[3 * i + a] = (a == 1 ? sign : 1) * static_cast<float>(s.velocity[3 * c + a]);
        vorticity[3 * i + a] = (a == 1 ? 1 : sign) * static_cast<float>(s.vorticity[3 * c + a]);
      }
    }
    out.volume.attributes = {{"pressure", Association::faces, 1, std::move(pressure)},
                             {"Cp", Association::faces, 1, std::move(coefficient)},
                             {"velocity", Association::faces, 3, std::move(velocity)},
                             {"vorticity", Association::faces, 3, std::move(vorticity)}};
    out.volume_source =
        str("the mesh of the OpenFOAM case, ", cells, " cells", s.half ? " and their mirror images" : "");
  }
  out.seconds = s.run.seconds;
  out.seconds.emplace_back("making the answer",
                           std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return out;
}

mesh_io::FlowSample to_sample(const OpenFoamSolution& s, const Case& question, const SampleOptions& options) {
  mesh_io::FlowSample out;
  const Forces reference = reference_quantities(question);
  out.info.flow = question.flow;
  out.info.reference_length = reference.scales.length, out.info.reference_area = reference.scales.area;
  out.info.coefficients = {{"Cd", s.coefficients.cd()}, {"Cl", s.coefficients.cl()}};
  out.info.quality = quality_of(s);

  const auto add = [](std::vector<float>& to, const Vec3& v) {
    for (const double x : v) to.push_back(static_cast<float>(x));
  };
  const BodyFaces faces{s};
  auto& surface = out.part[0];
  surface.fields = {{"pressure", "Pa", 1, {}}, {"wall_shear_stress", "Pa", 3, {}}};
  for (std::size_t i = 0; i < faces.count(); ++i) {
    const Vec3 area = faces.outward(i);
    const double size = norm(area);
    if (!(size > 0)) continue;
    add(surface.position, faces.center(i));
    add(surface.normal, (1 / size) * area);
    surface.size.push_back(static_cast<float>(size));
    surface.fields[0].values.push_back(static_cast<float>(s.surface_pressure[faces.face(i)]));
    add(surface.fields[1].values, faces.shear(i));
  }

  const std::size_t cells = s.mesh.cells;
  std::vector<std::int64_t> inside;
  const auto center = [&](std::size_t i) {
    Vec3 p = s.geometry.cell_center[i % cells];
    if (i >= cells) p[1] = -p[1];
    return p;
  };
  for (std::size_t i = 0; i < (s.half ? 2 : 1) * cells; ++i)
    if (options.box.contains(center(i))) inside.push_back(static_cast<std::int64_t>(i));
  if (options.volume_points > 0 && inside.size() > options.volume_points) {
    core::Rng rng(options.seed, "volume points");
    std::vector<std::int64_t> kept;
    for (const auto i : core::sample_indices(rng, inside.size(), options.volume_points))
      kept.push_back(inside[static_cast<std::size_t>(i)]);
    std::sort(kept.begin(), kept.end());
    inside = std::move(kept);
  }
  auto& volume = out.part[1];
  volume.fields = {{"pressure", "Pa", 1, {}}, {"velocity", "m/s", 3, {}}, {"vorticity", "1/s", 3, {}}};
  for (const auto index : inside) {
    const auto i = static_cast<std::size_t>(index), c = i % cells;
    const double sign = i < cells ? 1 : -1;
    add(volume.position, center(i));
    volume.size.push_back(static_cast<float>(s.geometry.cell_volume[c]));
    volume.fields[0].values.push_back(static_cast<float>(s.pressure[c]));
    const Vec3 u = vec(s.velocity, c), w = vec(s.vorticity, c);
    add(volume.fields[1].values, {u[0], sign * u[1], u[2]});
    add(volume.fields[2].values, {sign * w[0], w[1], sign * w[2]});
  }
  return out;
}

mesh_io::DatasetHeader openfoam_dataset_header() {
  using physics::Scale;
  using physics::Transform;
  mesh_io::DatasetHeader out;
  out.fields[0] = {{"pressure", "Cp", 1, Scale::dynamic_pressure, Transform::none, "Pa"},
                   {"wall_shear_stress", "Cf", 3, Scale::dynamic_pressure, Transform::none, "Pa"}};
  out.fields[1] = {
      {"pressure", "Cp", 1, Scale::dynamic_pressure, Transform::none, "Pa"},
      {"velocity", "velocity_over_freestream", 3, Scale::velocity, Transform::none, "m/s"},
      {"vorticity", "vorticity_dimensionless", 3, Scale::velocity_over_length, Transform::signed_log, "1/s"}};
  return out;
}

}  // namespace streamtube::solver
