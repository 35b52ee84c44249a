#pragma once
// The options that say how a file lies in the model's world: its unit, which way the flow goes, where the ground is.
// What they leave open is decided from the bodies the model was trained on, and said.

#include <string>
#include <vector>

#include "apps/cli/read_body.hpp"
#include "geometry/frame.hpp"
#include "solver/model_world.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"

namespace CLI {
class App;
}

namespace streamtube::apps {

// How positions of the file come to lie in the model's frame: frame.to_model(scale * metres * position). Metres there
// are the user's own: the model's world is brought to the size of the body.
struct Placement {
  std::string unit;   // of the file, by name
  double metres = 1;  // of the file's unit
  double scale = 1;   // of --transform
  geometry::Frame frame;
  solver::ModelScale model;  // how large the model's world is then
  double metres_per_unit() const { return scale * metres; }
  geometry::Similarity of_metres() const { return {frame, scale}; }
  // The whole as a matrix of homogenous coordinates, row by row, from the file's unit to the model's metres.
  std::array<double, 16> matrix() const;
};

class FrameOptions {
 public:
  void declare(CLI::App& app);
  // --flow-direction and --up alone.
  void declare_facing(CLI::App& app);
  // What these two say. Throws Error(usage).
  geometry::Frame facing() const;
  // Throws Error(usage).
  void validate() const;

  // All that was given, in one line that tells two choices apart.
  std::string given() const;
  // The name given with --unit; empty when it is to be chosen.
  std::string unit() const { return unit_ == "auto" ? std::string() : unit_; }
  // For read_body: of the units, the one in which the body is as long as those of the model. Without --unit, metres as
  // long as the numbers do not look like another unit. Where the model takes bodies of any size, its lengths tell no
  // unit: what the numbers look like decides. Throws Error(input) when no unit fits.
  std::string choose_unit(const Body& in_metres, const surrogate::Checkpoint& model, const std::string& where);
  // Of a body as read_body gives it, scaled here by what --transform says. Throws Error(usage) for options that do not
  // go together, or with the model, Error(input) for a file of --transform that cannot be read.
  Placement place(Body& body, const surrogate::Checkpoint& model);
  // The body as read_body gives it, placed and prepared in the model's frame, and how it came there. Throws what
  // read_body, choose_unit, place and prepare_body do.
  Body read(const std::vector<std::string>& paths, const PartOptions& parts, const geometry::RepairOptions& repair,
            const surrogate::Checkpoint& model, Placement& placement);
  // The two halves of it: the body in its own frame; then placed and prepared in the model's.
  Body load(const std::vector<std::string>& paths, const PartOptions& parts, const surrogate::Checkpoint& model);
  Placement put(Body& body, const PartOptions& parts, const geometry::RepairOptions& repair,
                const surrogate::Checkpoint& model);
  // Whether anything is given beside the unit, which alone needs no model.
  bool placed() const;
  bool unit_by_model() const { return unit_ == "auto"; }
  // Bodies are taken as large as they are, for a command whose answer does not come from the model.
  void take_raw() { scale_ = "off"; }
  const std::string& scale() const { return scale_; }
  void note(const std::string& text);
  // What was decided, for people.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  geometry::Similarity transform() const;
  // Of a body so long, m.
  solver::ModelScale model_scale(const surrogate::Checkpoint& model, double length, const std::string& where) const;

  std::string unit_, flow_, up_, transform_, ground_, place_ = "auto", scale_ = "auto";
  std::vector<std::string> notes_;
};

// Another surface of the same scene, prepared in the model's frame.
Body read_placed(const std::string& path, const PartOptions& parts, const surrogate::Checkpoint& model,
                 const Placement& placement);

// "(1, 0, 0.2)"
std::string vector_text(const Vec3& v);

}  // namespace streamtube::apps
