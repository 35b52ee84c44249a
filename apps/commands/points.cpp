#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <limits>
#include <optional>

#include "apps/cli/conditions.hpp"
#include "apps/cli/frame.hpp"
#include "apps/cli/model.hpp"
#include "apps/cli/read_body.hpp"
#include "apps/cli/repair_option.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/output_lock.hpp"
#include "mesh_io/h5/point_file.hpp"
#include "mesh_io/mesh_io.hpp"
#include "solver/neural/neural_engine.hpp"

namespace streamtube::apps {
namespace {

using core::Error;
using core::ErrorKind;
using core::str;
using physics::Branch;

class Points : public Command {
 public:
  std::string name() const override { return "points"; }
  std::string summary() const override {
    return "Write the points of meshes for predict --points, with --prepare all that streamtube-core needs";
  }

  void declare(CLI::App& app) override {
    app.add_option("output", output_, "Point file to write (.h5)")->required();
    app.add_option("--surface", surface_, "Surface mesh: its faces' centres, with their areas, become surface points");
    app.add_option("--volume", volume_, "Volume mesh (VTU, VTK): its cells' centres become volume points");
    app.add_option("--points-on", points_on_, "Points at the cells' centres or at the meshes' vertices (no areas then)")
        ->check(CLI::IsMember({"cells", "vertices"}))
        ->capture_default_str();
    conditions_.declare(app);
    frame_.declare(app);
    parts_.declare(app);
    parts_.declare_ground(app);
    declare_repair(app, repair_);
    app.add_option(
        "--prepare", body_,
        "Body of the case: what the network needs of it is stored too, for a program without mesh libraries; "
        "the other meshes are in its frame and unit");
    app.add_option("--model", model_, str("With --prepare: ", kModelHelp));
    app.add_option("--velocity", velocity_, "With --prepare: free stream, m/s; default: the training data's");
    app.add_option("--density", density_, "With --prepare: density, kg/m3")->capture_default_str();
    app.add_option("--viscosity", viscosity_, "With --prepare: KINEMATIC viscosity, m2/s")->capture_default_str();
    app.add_option("--reference-area", area_, "With --prepare: reference area, m2; default: the frontal area");
    app.add_option("--reference-length", length_, "With --prepare: reference length, m; default: the length along x");
    app.add_option("--seed", seed_, "With --prepare: seed of the random anchors")->capture_default_str();
    app.add_flag("--json", json_, "Print JSON");
    app.add_flag("--overwrite", overwrite_, "Replace an existing output file");
  }

  void validate() override {
    frame_.validate();
    conditions_.validate();
    parts_.validate();
    if (body_.empty() && !conditions_.values().empty())
      throw Error(ErrorKind::usage, "--condition is about the case of a body, and there is none without --prepare");
    if (body_.empty() && frame_.placed())
      throw Error(ErrorKind::usage,
                  "without --prepare points stay as they lie in the meshes, which nothing can turn or move",
                  "predict --points takes --flow-direction, --up, --transform, --ground, --place and --scale");
    if (body_.empty() && frame_.unit_by_model())
      throw Error(ErrorKind::usage, "--unit auto goes by the length of a body, and there is none without --prepare",
                  "name the unit: m, mm, cm, in or ft");
    if (surface_.empty() && volume_.empty())
      throw Error(ErrorKind::usage, "no mesh is given to take points from", "give --surface FILE or --volume FILE");
    const auto positive = [](const char* option, double value) {
      if (!std::isnan(value) && !(std::isfinite(value) && value > 0))
        throw Error(ErrorKind::usage, str(option, ": ", value, " is not a positive number"));
    };
    positive("--velocity", velocity_), positive("--density", density_), positive("--viscosity", viscosity_);
    positive("--reference-area", area_), positive("--reference-length", length_);
  }

  int execute() override {
    const core::OutputFile output(output_, overwrite_);
    const bool cells = points_on_ == "cells";
    std::optional<surrogate::Checkpoint> model;
    std::optional<solver::PreparedCase> prepared;
    Placement placement;  // without --prepare: the unit alone
    placement.unit = frame_.unit().empty() ? "m" : frame_.unit();
    if (!body_.empty()) {
      model = load_model(model_);
      conditions_.check(*model);
      prepared = prepare(*model, placement);
    }
    // As the files have them.
    std::vector<Vec3> positions[2], areas;
    if (!surface_.empty()) {
      Body body;
      if (model) {
        body = read_placed(surface_, parts_, *model, placement);
      } else {
        body = read_body({surface_}, frame_.unit(), parts_, metres_if_likely);
        prepare_body(body, parts_, {}, {.automatic = false, .rung = geometry::Rung::none});
        placement.unit = body.unit;
      }
      note(surface_, body);
      const geometry::Similarity of_metres = placement.of_metres();
      const double unit = unit_length(placement.unit), per_area = 1 / std::pow(placement.scale * unit, 2);
      const auto add = [&](const Vec3& p) { positions[0].push_back((1 / unit) * of_metres.to_file(p)); };
      if (cells) {
        for (std::size_t f = 0; f < body.mesh.face_count(); ++f) {
          add(body.mesh.centroid(f));
          areas.push_back(per_area * placement.frame.vector_to_file(body.mesh.area_vector(f)));
        }
      } else {
        for (const Vec3& p : body.mesh.points) add(p);
      }
    }
    if (!volume_.empty()) {
      geometry::VolumeMesh mesh = mesh_io::read_volume(volume_, 1.0);
      if (cells)
        for (std::size_t c = 0; c < mesh.cell_count(); ++c) positions[1].push_back(mesh.center(c));
      else
        positions[1] = std::move(mesh.points);
    }
    core::write_atomically(output_, [&](const std::string& temporary) {
      auto file = mesh_io::H5File::create(temporary);
      file.set_name(output_);
      file.write_attribute("/", "unit", placement.unit);
      if (!positions[0].empty()) mesh_io::write_points(file, Branch::surface, positions[0], areas);
      if (!positions[1].empty()) mesh_io::write_points(file, Branch::volume, positions[1]);
      if (prepared) solver::write_prepared(file, *prepared);
      file.close();
    });
    if (json_) {
      core::Json out = {{"file", output_},
                        {"unit", placement.unit},
                        {"surface_points", positions[0].size()},
                        {"areas", !areas.empty()},
                        {"volume_points", positions[1].size()}};
      if (prepared) out["prepared"] = {{"body", prepared->name}, {"model", prepared->model}};
      std::cout << core::json_text(out, 1) << '\n';
      return 0;
    }
    std::cout << output_ << ": " << positions[0].size() << " surface points" << (areas.empty() ? "" : " with areas")
              << ", " << positions[1].size() << " volume points";
    if (prepared) std::cout << ", '" << prepared->name << "' prepared for the model '" << prepared->model << "'";
    std::cout << '\n';
    return 0;
  }

 private:
  static void note(const std::string& file, const Body& body) {
    for (const auto& warning : body.warnings) core::warn(str("'", file, "': ", warning));
  }

  solver::PreparedCase prepare(const surrogate::Checkpoint& checkpoint, Placement& placement) {
    solver::Case question;
    Body body = frame_.read({body_}, parts_, repair_, checkpoint, placement);
    note(body_, body);
    question.name = body_;
    move_to_case(body, question);
    if (!std::isnan(area_)) question.reference_area = area_;
    if (!std::isnan(length_)) question.reference_length = length_;
    question.flow = {std::isnan(velocity_) ? checkpoint.reference.velocity : velocity_, density_, viscosity_};
    question.model_scale = placement.model.factor, question.conditions = conditions_.values();
    question.seed = seed_;
    const solver::NeuralEngine engine(checkpoint);
    solver::PreparedCase prepared = engine.prepare(question);
    prepared.placement = placement.of_metres();
    for (const auto& e : prepared.extrapolation) core::warn("extrapolation: " + to_text(e));
    return prepared;
  }

  static constexpr double kNotGiven = std::numeric_limits<double>::quiet_NaN();
  std::string output_, surface_, volume_, points_on_ = "cells", body_, model_;
  double velocity_ = kNotGiven, density_ = 1.225, viscosity_ = 1.5e-5, area_ = kNotGiven, length_ = kNotGiven;
  FrameOptions frame_;
  ConditionOptions conditions_;
  PartOptions parts_;
  geometry::RepairOptions repair_;
  std::uint64_t seed_ = 0;
  bool overwrite_ = false, json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_points() { return std::make_unique<Points>(); }

}  // namespace streamtube::apps
