#include "solver/openfoam/openfoam_setup.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iomanip>

#include "core/error.hpp"
#include "core/runtime.hpp"
#include "mesh_io/cut.hpp"

namespace streamtube::solver {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {

constexpr double kStandardLength = 1.044, kStandardBase = 0.13;  // m
constexpr double kBelow = 0.02;     // lengths that a body may reach below the ground: tyres in their contact patch
constexpr double kFlat = 1e-5;      // lengths; what is nearer to the ground lies flat on it
constexpr double kMostCells = 5e8;  // OpenFOAM numbers faces by 32 bits
constexpr double kShell = 4;        // cells in the layers around a face on the body
constexpr double kMemory = 6e7, kMemoryPerCell = 2200, kMemoryPerFace = 200;  // bytes; faces of the body
constexpr double kLeastReynolds = 1e4, kMostReynolds = 1e8;  // where wall functions and k-omega SST mean something

std::string vector(const Vec3& v) { return foam_number(v[0]) + " " + foam_number(v[1]) + " " + foam_number(v[2]); }

// m2, without what lies below the ground or flat on it: the mesh has no faces there.
double area_in_air(const geometry::SurfaceMesh& body, double length) {
  const double flat = kFlat * length;
  const auto sum = [&](const geometry::SurfaceMesh& mesh) {
    double area = 0;
    for (std::size_t f = 0; f < mesh.face_count(); ++f) {
      bool above = false;
      for (std::size_t i = 0; i < mesh.corner_count(f); ++i) above = above || mesh.corner(f, i)[2] > flat;
      if (above) area += norm(mesh.area_vector(f));
    }
    return area;
  };
  if (body.bounds().low[2] >= -flat) return sum(body);
  geometry::SurfaceMesh cut = body;
  mesh_io::cut_below(cut, 0);
  return sum(cut);
}

// How far the halves are apart, for messages.
std::string text(const MirrorGap& a, double length) {
  return str("up to ", two_digits(a.largest), " m away, ", two_digits(100 * a.largest / length),
             " % of its length, at (", a.where[0], ", ", a.where[1], ", ", a.where[2], ") in the wind tunnel");
}

double volume(const Box& box, const Box& within) {
  double out = 1;
  for (int i = 0; i < 3; ++i)
    out *= std::max(0.0, std::min(box.high[i], within.high[i]) - std::max(box.low[i], within.low[i]));
  return out;
}

// The boxes of refinement around the body, of level 1, 2 and 3, and of the mesh `car` one of level 4. All distances are
// multiples of the scale, which is 1 m for bodies of 0.74 to 1.48 m.
struct Boxes {
  Box far, near, wake;
  std::optional<Box> rear;
};
Boxes boxes_of(const OpenFoamSetup& setup) {
  const double s = setup.scale;
  const double front = setup.body.low[0], rear = setup.body.high[0], top = setup.body.high[2];
  const double left = setup.body.high[1], right = setup.body.low[1];
  const double beyond = -(10 * s + setup.domain.high[1]);  // they reach through the ground and the symmetry plane
  const auto low = [&](double x, double y) { return Vec3{x, setup.half ? beyond : y, beyond}; };
  Boxes out{{low(front - 0.7 * s, right - 0.45 * s), {rear + 2.2 * s, left + 0.45 * s, top + 0.40 * s}},
            {low(front - 0.20 * s, right - 0.14 * s), {rear + 0.9 * s, left + 0.14 * s, top + 0.16 * s}},
            {low(rear - 0.35 * s, right - 0.03 * s), {rear + 0.45 * s, left + 0.03 * s, top + 0.03 * s}},
            {}};
  if (!setup.tail) return out;
  const Tail& tail = *setup.tail;
  out.wake = {low(rear - 0.35 * s, tail.low_y - 0.05 * s),
              {rear + kWakeReach * s, tail.high_y + 0.05 * s, top + 0.03 * s}};
  out.rear = {low(tail.roof_end - 0.06 * s, tail.low_y - 0.02 * s),
              {rear + kRearReach * s, tail.high_y + 0.02 * s, top + 0.015 * s}};
  out.rear->low[2] = tail.underbody;
  return out;
}

// About how many cells snappyHexMesh will make: each level has eight cells for one of the level before.
double cells_of(const OpenFoamSetup& setup, const Boxes& boxes) {
  const Box& d = setup.domain;
  const double h = setup.base / 16;
  double behind = 0;  // the tail; before it the box is the body and its layers
  if (boxes.rear) {
    Box part = *boxes.rear;
    part.low[0] = setup.body.high[0];
    behind = volume(part, d);
  }
  return (volume(d, d) + 7 * volume(boxes.far, d) + 56 * volume(boxes.near, d) + 448 * volume(boxes.wake, d) +
          3584 * behind) /
             std::pow(setup.base, 3) +
         kShell * (setup.half ? 0.5 : 1) * setup.area / (h * h);
}

void set_tunnel(OpenFoamSetup& out, const Case& question, const OpenFoamOptions& options) {
  const double s = out.scale, b = out.base, length = out.body.size()[0];
  const std::string where = str("'", question.name, "': ");
  const Box& box = out.body;
  if (b > 0.7 * s)
    throw Error(ErrorKind::input,
                str(where, "cells of ", options.cell, " m on the body are too coarse for its length, ", length, " m"),
                "give a smaller --cell, in metres");
  if (box.low[2] < -kBelow * length)
    throw Error(ErrorKind::input, str(where, "the body reaches ", -box.low[2], " m below the ground"),
                "--ground tells where the ground is, --cut-ground cuts the wheels off above it");
  const auto cells = [&](double metres) { return std::round(metres * s / b); };  // may be more than an int counts
  const double across = cells(1.92), side = std::max(-box.low[1], box.high[1]);
  out.domain.low = {box.low[0] - cells(2.88) * b, out.half ? 0.0 : -across * b, 0};
  out.domain.high = {out.domain.low[0] + cells(8.96) * b, across * b, across * b};
  if (box.high[2] > 0.5 * out.domain.high[2] || side > 0.35 * out.domain.high[1])
    throw Error(ErrorKind::input,
                str(where, "the body reaches ", box.high[2], " m up and ", side, " m to the side: too much for its ",
                    "wind tunnel, ", 2 * out.domain.high[1], " m wide and ", out.domain.high[2], " m high for bodies ",
                    length, " m long"),
                "is x along the flow, z up, the ground near? --flow-direction, --up and --ground tell");
  out.cells = cells_of(out, boxes_of(out));
  if (out.cells > kMostCells)
    throw Error(ErrorKind::input,
                str(where, "cells of ", options.cell, " m on a body ", length, " m long are about ",
                    two_digits(out.cells), " in all: more than OpenFOAM can number"),
                str("give a larger --cell, at least ", two_digits(b / 16 * std::cbrt(out.cells / kMostCells)), " m"));
  out.blocks = {static_cast<int>(cells(8.96)), static_cast<int>(across) * (out.half ? 1 : 2), static_cast<int>(across)};
  out.memory = static_cast<std::size_t>(kMemory + kMemoryPerCell * out.cells +
                                        kMemoryPerFace * static_cast<double>(question.body.face_count()));
}

void warn_of(OpenFoamSetup& out, const Case& question) {
  const double length = out.body.size()[0];
  const double reynolds = physics::reynolds_number(question.flow, length);
  if (reynolds < kLeastReynolds || reynolds > kMostReynolds)
    out.warnings.push_back(str("Reynolds number ", reynolds, ": the set-up (k-omega SST, wall functions) is meant for ",
                               kLeastReynolds, " to ", kMostReynolds));
  const std::size_t available = core::available_host_memory();
  if (out.memory > available)
    out.warnings.push_back(str("about ", two_digits(out.cells), " cells take about ",
                               two_digits(static_cast<double>(out.memory) / 1e9), " GB, this machine has ",
                               two_digits(static_cast<double>(available) / 1e9),
                               " GB free: a larger --cell needs less"));
}

}  // namespace

const char* name(MeshKind mesh) { return mesh == MeshKind::car ? "car" : "plain"; }

std::optional<MeshKind> mesh_kind(const std::string& word) {
  for (const MeshKind mesh : {MeshKind::plain, MeshKind::car})
    if (word == name(mesh)) return mesh;
  return {};
}

std::string foam_number(double x) {
  char buffer[32];
  if (std::abs(x) < 1e-12) return "0";
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, x, std::chars_format::general, 12).ptr;
  return {buffer, end};
}

std::string two_digits(double x) {
  if (!(std::abs(x) > 0) || !std::isfinite(x)) return str(x);
  const double unit = std::pow(10, std::floor(std::log10(std::abs(x))) - 1);
  return str(std::setprecision(12), std::round(x / unit) * unit);
}

double finer_cell(double cell, double error, double allowed) {
  const double wanted = cell * std::min(1.0, allowed / std::abs(error));
  const double unit = std::pow(10, std::floor(std::log10(wanted)) - 1);
  return std::floor(wanted / unit * (1 + 1e-9)) * unit;
}

OpenFoamSetup openfoam_setup(const Case& question, const Forces& reference, const OpenFoamOptions& options) {
  physics::check(question.flow);
  OpenFoamSetup out;
  const Box box = question.body.bounds();
  const double length = box.size()[0];
  out.body = box;
  out.scale = std::exp2(std::round(std::log2(length / kStandardLength)));
  const double s = out.scale;
  out.base = (options.cell > 0 ? 16 * options.cell : kStandardBase * s) * options.cell_factor;
  if (options.symmetry != Symmetry::full) out.mirror_gap = mirror_gap(question.body);
  out.half = options.symmetry != Symmetry::full && out.mirror_gap.symmetric();
  if (options.symmetry == Symmetry::half && !out.half)
    throw Error(ErrorKind::input,
                str("'", question.name, "': the body is not its own mirror image at y = 0: ",
                    text(out.mirror_gap, length), "; allowed is 0.1 %"),
                "--symmetry left or right takes that half and mirrors it, --symmetry full computes the whole");
  out.area = area_in_air(question.body, length);
  if (options.mesh == MeshKind::car) out.tail = tail_of(question.body);
  set_tunnel(out, question, options);
  warn_of(out, question);

  out.scales = reference.scales;
  out.moment_x = reference.axes.moment_center[0];
  const double velocity = question.flow.velocity, nu = question.flow.kinematic_viscosity;
  const double k = 1.5 * std::pow(options.turbulence_intensity * velocity, 2);
  const Boxes boxes = boxes_of(out);
  std::string rear_box, rear_region;
  if (boxes.rear) {
    rear_box = str("\n  rear { type searchableBox; min (", vector(boxes.rear->low), "); max (",
                   vector(boxes.rear->high), "); }");
    rear_region = "\n    rear { mode inside; levels ((1e15 4)); }";
  }
  out.values = {
      {"velocity", foam_number(velocity)},
      {"ground_velocity", options.moving_ground ? foam_number(velocity) : "0"},
      {"nu", foam_number(nu)},
      {"k", foam_number(k)},
      {"omega", foam_number(k / (options.viscosity_ratio * nu))},
      {"nut", foam_number(options.viscosity_ratio * nu)},
      {"moment_x", foam_number(out.moment_x)},
      {"x0", foam_number(out.domain.low[0])},
      {"x1", foam_number(out.domain.high[0])},
      {"y0", foam_number(out.domain.low[1])},
      {"y1", foam_number(out.domain.high[1])},
      {"z0", foam_number(out.domain.low[2])},
      {"z1", foam_number(out.domain.high[2])},
      {"nx", str(out.blocks[0])},
      {"ny", str(out.blocks[1])},
      {"nz", str(out.blocks[2])},
      {"low_y", out.half ? "symmetry { type symmetryPlane; faces ((0 1 5 4)); }"
                         : "other_side { type patch; faces ((0 1 5 4)); }"},
      {"near_min", vector(boxes.near.low)},
      {"near_max", vector(boxes.near.high)},
      {"wake_min", vector(boxes.wake.low)},
      {"wake_max", vector(boxes.wake.high)},
      {"far_min", vector(boxes.far.low)},
      {"far_max", vector(boxes.far.high)},
      {"rear_box", rear_box},
      {"rear_region", rear_region},
      {"max_cells", str(static_cast<std::int64_t>(std::max(2e7, 2 * out.cells)))},
      // The quality of meshes has one measure with a dimension.
      {"least_volume", str(1e-13 * std::pow(out.base / kStandardBase, 3))},
      // away from the faces of cells of any level
      {"inside", vector({box.low[0] - 1.0123 * s, 0.5123 * s, 0.5123 * s})},
  };
  return out;
}

}  // namespace streamtube::solver
