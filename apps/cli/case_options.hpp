#pragma once
// The question a user asks about one body: its files, where it lies, the flow, and what is wanted of it. The commands
// that answer such questions share the options and the way from them to a solver::Case.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/cli/conditions.hpp"
#include "apps/cli/frame.hpp"
#include "apps/cli/parts.hpp"
#include "apps/cli/read_body.hpp"
#include "apps/cli/samples.hpp"
#include "geometry/refine.hpp"
#include "solver/case.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"

namespace CLI {
class App;
}

namespace streamtube::apps {

inline constexpr const char* kInsideHelp =
    "Places of a mesh or of --points within the body or beneath the ground, where no flow is: nan, or keep what the "
    "network says there";

struct CaseOptions {
  static constexpr double kNotGiven = std::numeric_limits<double>::quiet_NaN();

  void declare(CLI::App& app);
  // Parses what is text. Throws Error(usage), for a missing mesh file Error(input).
  void validate();
  std::vector<std::string> derived_names() const;
  // Of the model, with the decoder that was asked for.
  std::vector<physics::FieldSpec> volume_fields(const surrogate::Checkpoint& model) const;

  FrameOptions frame;
  PartOptions parts;
  ConditionOptions conditions;
  geometry::RepairOptions repair;
  SampleOptions samples;
  std::string volume;   // adaptive, grid, none or a file; empty: to be chosen before validate()
  std::string surface;  // a file, or empty
  std::string points_on = "cells";
  std::string inside = "nan";          // of a mesh's places within the body or beneath the ground; or keep
  double velocity = kNotGiven;         // m/s; the model's
  double density = 1.225;              // kg/m3
  double viscosity = 1.5e-5;           // m2/s, kinematic
  double cell = kNotGiven;             // m
  std::string vorticity_cell;          // "own" or m; empty: not given
  double vorticity_cell_size() const;  // m; 0 for "own"
  double area = kNotGiven;             // m2
  double length = kNotGiven;           // m
  double wheelbase = kNotGiven;        // m
  std::vector<double> moment_center;   // m, in the frame of the files; empty: not given
  std::uint64_t seed = 0;
  std::size_t draws = 1;  // an option of predict alone
  std::string resolution_text, derive_text, vorticity_text;
  geometry::Resolution resolution;
  std::vector<physics::Derived> derive;
  std::optional<physics::Decoder> vorticity;
};

// A question with what was learned of its body on the way.
struct BodyCase {
  std::vector<std::string> files;
  solver::Case question;
  Placement placement;
  std::vector<Sample> samples;           // of the question's sample mesh
  std::vector<std::string> frame_notes;  // how the placement was decided
  std::vector<PartInfo> parts;
  double middle = 0;                                             // m, y of the body's middle plane in the model's frame
  geometry::Repair repair;                                       // without its meshes
  std::vector<std::pair<std::string, mesh_io::ReadReport>> cad;  // by file
  std::vector<std::string> warnings;                             // already said
};

// A body as its files have it, and what was decided about their unit. Several cases may begin with a copy.
struct LoadedBody {
  std::string name;                // of the case
  std::vector<std::string> files;  // empty: the body was made
  Body body;
  FrameOptions frame;
};
// Throws Error(input), Error(usage).
LoadedBody load_body(const std::vector<std::string>& files, const CaseOptions& options,
                     const surrogate::Checkpoint& model);
// Takes the body into the frame of the model. Says warnings on the way. Throws Error(input), Error(usage).
BodyCase make_case(LoadedBody loaded, const CaseOptions& options, const surrogate::Checkpoint& model);

// Reads the files into the frame of the model. Says warnings on the way. Throws Error(input), Error(usage).
BodyCase read_case(const std::vector<std::string>& files, const CaseOptions& options,
                   const surrogate::Checkpoint& model);

}  // namespace streamtube::apps
