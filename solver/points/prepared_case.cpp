#include "solver/points/prepared_case.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "core/json.hpp"
#include "solver/model_world.hpp"
#include "surrogate/model/features.hpp"

namespace streamtube::solver {

using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;

namespace {

constexpr const char* kPoints = "/case/geometry_points";
constexpr const char* kSupernodes = "/case/supernodes";
constexpr const char* kPointNormals = "/case/geometry_normals";
constexpr const char* kAnchorNormals = "/case/surface_anchor_normals";
constexpr const char* kWalls = "/case/walls";
constexpr const char* kAnchors[2] = {"/case/surface_anchors", "/case/volume_anchors"};

std::vector<Vec3> read_vectors(const mesh_io::H5File& file, const std::string& dataset) {
  const auto shape = file.shape(dataset);
  if (shape.size() != 2 || shape[1] != 3 || shape[0] == 0)
    throw Error(ErrorKind::input, str("'", file.name(), "': '", dataset, "' has the shape ", mesh_io::shape_text(shape),
                                      " where N x 3 is expected"));
  const auto values = file.read<double>(dataset);
  std::vector<Vec3> out(shape[0]);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]))
      throw Error(ErrorKind::input,
                  str("'", file.name(), "': '", dataset, "' row ", i / 3, " (counted from 0) is not a number"));
    out[i / 3][i % 3] = values[i];
  }
  return out;
}

void write_vectors(mesh_io::H5File& file, const std::string& dataset, const std::vector<Vec3>& values) {
  file.write<double>(dataset, {values.size(), 3}, {values.data()->data(), 3 * values.size()});
}

// Corners of triangles, three rows each.
std::shared_ptr<const geometry::WallDistance> read_walls(const mesh_io::H5File& file) {
  const std::vector<Vec3> corners = read_vectors(file, kWalls);
  std::vector<std::array<Vec3, 3>> triangles(corners.size() / 3);
  double area = 0;
  for (std::size_t i = 0; i < triangles.size(); ++i) {
    triangles[i] = {corners[3 * i], corners[3 * i + 1], corners[3 * i + 2]};
    area += norm(cross(corners[3 * i + 1] - corners[3 * i], corners[3 * i + 2] - corners[3 * i]));
  }
  if (corners.size() % 3 != 0 || !(area > 0))
    throw Error(ErrorKind::input, str("'", file.name(), "': '", kWalls, "' holds no triangles"),
                "make it again with `streamtube points --prepare`");
  return std::make_shared<geometry::WallDistance>(triangles);
}

}  // namespace

NetworkCase::NetworkCase(const PreparedCase& prepared, const surrogate::Checkpoint& model)
    : condition(surrogate::network_conditions(model.conditions, prepared.reynolds_number, prepared.conditions,
                                              str("'", prepared.name, "'"))),
      supernodes(prepared.supernodes) {
  if ((model.config.normals && (prepared.point_normals.size() != prepared.points.size() ||
                                prepared.anchor_normals.size() != prepared.anchors[0].size())) ||
      (model.config.wall_distance && !prepared.walls))
    throw Error(ErrorKind::input,
                str("'", prepared.name, "': the model '", model.name, "' sees normals or walls, which the case lacks"),
                "make it again with `streamtube points --prepare`");
  const physics::Normalizer normalizer = model.normalizer.at_scale(prepared.model_scale);
  const surrogate::NetworkInput input(normalizer, model.config, prepared.walls.get());
  points = input.surface(prepared.points, prepared.point_normals);
  anchors[0] = input.surface(prepared.anchors[0], prepared.anchor_normals);
  anchors[1] = input.volume(prepared.anchors[1]);
}

surrogate::EncodeInput NetworkCase::input() const {
  surrogate::EncodeInput input;
  input.points = points;
  input.supernodes = supernodes;
  for (int b = 0; b < 2; ++b) input.anchors[b] = anchors[b];
  input.condition = condition;
  return input;
}

void write_prepared(mesh_io::H5File& file, const PreparedCase& p) {
  file.create_group("/case");
  write_vectors(file, kPoints, p.points);
  file.write<std::int64_t>(kSupernodes, {p.supernodes.size()}, p.supernodes);
  for (int b = 0; b < 2; ++b) write_vectors(file, kAnchors[b], p.anchors[b]);
  if (!p.point_normals.empty()) write_vectors(file, kPointNormals, p.point_normals);
  if (!p.anchor_normals.empty()) write_vectors(file, kAnchorNormals, p.anchor_normals);
  if (p.walls) {
    std::vector<Vec3> corners;
    for (const auto& triangle : p.walls->triangles()) corners.insert(corners.end(), triangle.begin(), triangle.end());
    write_vectors(file, kWalls, corners);
  }
  Json extrapolation = Json::array();
  for (const auto& e : p.extrapolation)
    extrapolation.push_back(
        {{"quantity", e.quantity}, {"unit", e.unit}, {"value", e.value}, {"min", e.min}, {"max", e.max}});
  const auto& r = p.reference;
  const Json json = {
      {"name", p.name},
      {"model", p.model},
      {"model_fingerprint", p.model_fingerprint},
      {"seed", p.seed},
      {"flow",
       {{"velocity", p.flow.velocity},
        {"density", p.flow.density},
        {"kinematic_viscosity", p.flow.kinematic_viscosity}}},
      {"reference",
       {{"velocity", r.scales.velocity},
        {"density", r.scales.density},
        {"length", r.scales.length},
        {"length_source", r.length_source},
        {"area", r.scales.area},
        {"area_source", r.area_source},
        {"moment_center", r.axes.moment_center},
        {"drag_axis", r.axes.drag},
        {"side_axis", r.axes.side},
        {"lift_axis", r.axes.lift},
        {"axles", r.axles ? Json{r.axles->wheelbase, r.axles->behind, r.axles->above} : Json(nullptr)}}},
      {"reynolds_number", p.reynolds_number},
      {"model_scale", p.model_scale},
      {"conditions", p.conditions},
      {"extrapolation", extrapolation},
      {"placement",
       {{"axes", p.placement.frame.axes}, {"shift", p.placement.frame.shift}, {"scale", p.placement.scale}}}};
  file.write_attribute("/case", "description", core::json_text(json));
}

bool has_prepared(const mesh_io::H5File& file) { return file.exists("/case"); }

PreparedCase read_prepared(const mesh_io::H5File& file) {
  PreparedCase p;
  const std::string where = str("'", file.name(), "': attribute 'description' of '/case'");
  const std::string hint = "make it again with `streamtube points --prepare`";
  const Json json = core::parse_json(file.attribute_text("/case", "description"), where, hint);
  try {
    p.name = json.at("name"), p.model = json.at("model"), p.model_fingerprint = json.at("model_fingerprint");
    p.seed = json.at("seed");
    const Json& flow = json.at("flow");
    p.flow = {flow.at("velocity"), flow.at("density"), flow.at("kinematic_viscosity")};
    const Json& r = json.at("reference");
    auto& to = p.reference;
    to.scales = {r.at("velocity"), r.at("density"), r.at("length"), r.at("area")};
    to.length_source = r.at("length_source"), to.area_source = r.at("area_source");
    to.axes = {r.at("drag_axis"), r.at("side_axis"), r.at("lift_axis"), r.at("moment_center")};
    if (r.contains("axles") && !r["axles"].is_null())
      to.axles = {r["axles"].at(0).get<double>(), r["axles"].at(1).get<double>(), r["axles"].at(2).get<double>()};
    p.reynolds_number = json.at("reynolds_number");
    p.model_scale = json.value("model_scale", 1.0);  // files of older versions have neither
    p.conditions = json.value("conditions", p.conditions);
    for (const Json& e : json.at("extrapolation"))
      p.extrapolation.push_back({e.at("quantity"), e.at("unit"), e.at("value"), e.at("min"), e.at("max")});
    const Json& placement = json.at("placement");
    p.placement = {{placement.at("axes"), placement.at("shift"), geometry::step_of(p.model_scale)},
                   placement.at("scale")};
  } catch (const Json::exception& error) {
    throw Error(ErrorKind::input, str(where, " is not what it should be: ", error.what()), hint);
  }
  for (const double x :
       {p.reference.scales.velocity, p.reference.scales.density, p.reference.scales.length, p.reference.scales.area})
    if (!(std::isfinite(x) && x > 0))
      throw Error(ErrorKind::input, str("'", file.name(), "': '/case': a reference quantity is ", x));
  if (!(std::isfinite(p.model_scale) && p.model_scale > 0))
    throw Error(ErrorKind::input, str("'", file.name(), "': '/case': the model's scale is ", p.model_scale),
                "make it again with `streamtube points --prepare`");
  const auto& axes = p.placement.frame.axes;
  double off = std::isfinite(norm(p.placement.frame.shift)) && p.placement.scale > 0 ? 0 : 1;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) off = std::max(off, std::abs(dot(axes[i], axes[j]) - (i == j)));
  if (!(off < 1e-9 && std::isfinite(p.placement.scale) && dot(axes[0], cross(axes[1], axes[2])) > 0))
    throw Error(ErrorKind::input, str("'", file.name(), "': '/case': the placement is no rotation, shift and scale"),
                "make it again with `streamtube points --prepare`");
  const auto at_most = [&](const char* object, std::int64_t most) {
    if (const auto shape = file.shape(object); !shape.empty() && shape[0] > static_cast<std::size_t>(most))
      throw Error(ErrorKind::input,
                  str("'", file.name(), "': '", object, "' has ", shape[0], " rows, a case has ", most, " at most"),
                  "make it again with `streamtube points --prepare`");
  };
  at_most(kPoints, surrogate::kMostPoints);
  for (const char* object : {kSupernodes, kAnchors[0], kAnchors[1]}) at_most(object, surrogate::kMostTokens);
  p.points = read_vectors(file, kPoints);
  for (int b = 0; b < 2; ++b) p.anchors[b] = read_vectors(file, kAnchors[b]);
  if (file.exists(kPointNormals)) p.point_normals = read_vectors(file, kPointNormals);
  if (file.exists(kAnchorNormals)) p.anchor_normals = read_vectors(file, kAnchorNormals);
  if (file.exists(kWalls)) p.walls = read_walls(file);
  p.supernodes = file.read<std::int64_t>(kSupernodes);
  const auto count = static_cast<std::int64_t>(p.points.size());
  if (p.supernodes.empty()) throw Error(ErrorKind::input, str("'", file.name(), "': '", kSupernodes, "' is empty"));
  for (std::size_t i = 0; i < p.supernodes.size(); ++i)
    if (p.supernodes[i] < 0 || p.supernodes[i] >= count)
      throw Error(ErrorKind::input, str("'", file.name(), "': '", kSupernodes, "' row ", i, " is ", p.supernodes[i],
                                        ", but there are ", count, " geometry points"));
  return p;
}

physics::ForceAxes axes_to_file(const geometry::Similarity& placement, const physics::ForceAxes& axes) {
  const geometry::Frame& frame = placement.frame;
  return {frame.vector_to_file(axes.drag), frame.vector_to_file(axes.side), frame.vector_to_file(axes.lift),
          placement.to_file(axes.moment_center)};
}

void check_fields(const surrogate::Checkpoint& checkpoint) {
  using physics::Branch;
  const auto need = [&](Branch branch, const char* field, int components) {
    if (!physics::find_field(checkpoint.normalizer[branch].fields, field, components).spec)
      throw Error(ErrorKind::input, str("the model '", checkpoint.name, "' has no ", physics::name(branch), " field '",
                                        field, "' of ", components, " component(s)"));
  };
  need(Branch::surface, "pressure", 1);
  need(Branch::surface, "wall_shear_stress", 3);
  need(Branch::volume, "pressure", 1);
  need(Branch::volume, "velocity", 3);
}

void check_prepared(const PreparedCase& prepared, const surrogate::Checkpoint& checkpoint, const std::string& where) {
  if (prepared.model_fingerprint != checkpoint.fingerprint)
    throw Error(ErrorKind::input,
                str("'", where, "': the case was prepared for the model '", prepared.model, "' (",
                    prepared.model_fingerprint.substr(0, 12), "), but this is '", checkpoint.name, "' (",
                    checkpoint.fingerprint.substr(0, 12), ")"),
                "pass that model with --model, or prepare the case again with `streamtube points --prepare`");
}

}  // namespace streamtube::solver
