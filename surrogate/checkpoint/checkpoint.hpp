#pragma once
// A trained model in one .h5 file: the network, how its numbers become fields, and what it was trained on, so that a
// prediction can say when it leaves that. docs/checkpoint_format.md describes the file.

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "geometry/descriptors.hpp"
#include "physics/fields.hpp"
#include "physics/vec3.hpp"
#include "surrogate/model/config.hpp"
#include "surrogate/model/surrogate.hpp"

namespace streamtube::surrogate {

// The flow of the training data and what its coefficients refer to.
struct Reference {
  double velocity = 0;             // m/s
  double density = 0;              // kg/m3
  double kinematic_viscosity = 0;  // m2/s
  std::string length;              // what the reference length is, in words
  std::string area;                // what the reference area is, in words
};

// A box whose corners hang on the corners of the body's bounding box: per axis low + anchor * (high - low) + offset.
struct RelativeBox {
  int level = 0;                    // cells in it are at most base / 2^level
  Vec3 low_anchor{}, low_offset{};  // -, m
  Vec3 high_anchor{1, 1, 1}, high_offset{};
  Box around(const Box& body) const;
};

// The mesh whose cells the volume points of the training data are: volume anchors are drawn from its like.
struct VolumeMeshSpec {
  Box domain;             // m
  double base_cell = 0;   // m
  int surface_level = 0;  // of cells that the body's surface crosses
  int buffer_cells = 0;   // between levels, as geometry::adaptive_mesh counts them
  std::vector<RelativeBox> boxes;
};

// A case's most geometry points, and supernodes or anchors of a branch: attention takes time in the square of these,
// and of more there would be no end.
inline constexpr std::int64_t kMostPoints = 4'000'000, kMostTokens = 65'536;

// How a case is presented to the network.
struct Sampling {
  std::size_t geometry_points = 0, supernodes = 0;
  std::size_t anchors[2] = {0, 0};  // surface, volume
  double surface_face_size = 0;     // m, edge of the faces of the training data's surfaces
  VolumeMeshSpec volume_mesh;
};

// Training data's range of one quantity of a case: "length", "width", "height" of the bounding box, "front_x",
// "center_y", "ground_clearance", "surface_area", "volume", "frontal_area", "reynolds_number".
struct Range {
  std::string quantity, unit;
  double min = 0, max = 0;
  double tolerance = 0;  // beyond the range by no more than this is still inside
  bool contains(double value) const { return value >= min - tolerance && value <= max + tolerance; }
};

// A number beside the geometry that the answer depends on: "reynolds_number" (with the body's length along the flow),
// or a parameter of the training data's cases by its name.
struct Condition {
  std::string name, unit;
  bool logarithmic = false;      // the network sees log10 of it
  double center = 0, scale = 1;  // network value = (x or log10 x, minus center) / scale
  double min = 0, max = 0;       // of the training data
  float to_network(double value) const;
  bool contains(double value) const { return value >= min && value <= max; }
};

// The part of the training split that a member of a cross-validation has not seen.
struct Fold {
  std::size_t fold = 0, folds = 0;  // 1..folds; 0: the model is no such member
  std::string split;
  std::vector<std::string> held_out;  // names of cases
};

// One network of a model that has several: the same configuration, other weights.
struct ModelMember {
  Weights weights;
  Fold fold;
};

struct Checkpoint {
  static constexpr int kFormatVersion = 1;

  std::string name;  // "ahmed"
  AbuptConfig config;
  Weights weights;
  // Of an ensemble, the members beside `weights` and `fold`, which are the first one's. The model's answer is the mean
  // of all members' outputs; everything else here is common to them.
  std::vector<ModelMember> further;
  physics::Normalizer normalizer;
  Reference reference;
  Box domain;  // m, of the volume points of the training data
  Sampling sampling;
  // m, that every body's extent along the flow is brought to before the network sees it: by similarity, size is divided
  // out rather than learned. All lengths above are then of bodies so long. 0: bodies are taken as large as they are.
  double canonical_length = 0;
  std::vector<Condition> conditions;  // [config.condition], in the order the network has them
  std::vector<Range> training_range;
  std::string provenance;                     // data, set-up, training; free text
  std::map<std::string, double> test_errors;  // "surface/pressure": relative L2, "Cd_R2", ...
  // Of the bodies it was trained on; empty in files without them. No part of the fingerprint: they change no answer.
  geometry::ShapeTable shapes;
  Fold fold;                // no part of the fingerprint either
  std::string fingerprint;  // SHA-256 of all of the above, hex; set by reading and writing

  std::size_t members() const { return 1 + further.size(); }
  // Member 0.. as a model of its own; of the shapes those that it has not held out.
  Checkpoint member(std::size_t index) const;
  std::size_t parameters() const;  // of one member
  // The model's world for bodies `factor` times as large: everything that is a length (or area, volume) in normaliser,
  // domain, sampling and training range multiplied, canonical_length too. Without weights, shapes and fingerprint. With
  // a power of two, what is drawn and answered in it has the same bits.
  Checkpoint at_scale(double factor) const;
};

inline constexpr const char* kReynoldsNumber = "reynolds_number";  // the condition that follows from flow and length

// A case's number for a condition: its Reynolds number (with the body's length along the flow), or what is given under
// the name; else nothing.
std::optional<double> condition_value(const std::string& name, double reynolds_number,
                                      const std::map<std::string, double>& given);
// The numbers of a case that a conditioned network takes, in its order. Error(usage) that begins with `where` names all
// that are missing.
std::vector<float> network_conditions(const std::vector<Condition>& conditions, double reynolds_number,
                                      const std::map<std::string, double>& given, const std::string& where);

// The model's network on its device, of all members.
Surrogate make_network(const Checkpoint& model, Precision precision = Precision::fp32);

// Models become one, which answers with their mean: members of a cross-validation, or trainings from several seeds.
// What they know of the training data is united. Error(input) naming the file that does not go with the first, and in
// what: network, fields and their statistics, conditions, sampling, canonical length.
Checkpoint join_members(const std::vector<std::string>& paths);

// Both check everything before use: Error(input) naming `path` (or `name`), the object and what is wrong with it.
Checkpoint read_checkpoint(const std::string& path);
Checkpoint read_checkpoint(std::span<const unsigned char> image, const std::string& name);

// Checks, sets checkpoint.fingerprint and writes; the file appears only when complete.
void write_checkpoint(const std::string& path, Checkpoint& checkpoint);

// What a JSON description (as in data_samples/models/*.json) says of a model beside its network: name, provenance,
// reference flow, fields, domain, sampling, training range. Error(input) names the file and the key.
Checkpoint read_description(const std::string& path);

// The result file of the PyTorch reference's training (attributes config, normaliser, test; /weights) together with a
// JSON description of what that file does not say (as in data_samples/models/*.json). Error(input) names the file at
// fault.
Checkpoint import_training_file(const std::string& path, const std::string& description_path);

// A checkpoint (from the file `path`, for messages) under another description. Networks, statistics of the fields, test
// errors and shapes stay. Error(input) also when the description has other fields; only whether vorticity is decoded
// direct or by curl may change.
Checkpoint describe_again(Checkpoint from, const std::string& description_path, const std::string& path);

// AbuptConfig as JSON text with the reference's keys. Reading refuses unknown and missing keys; Error(input) starts
// with `where`.
std::string config_to_json(const AbuptConfig& config);
AbuptConfig config_from_json(const std::string& text, const std::string& where);

// Everything but the weights, for people and machines.
std::string summary_text(const Checkpoint& checkpoint);
std::string summary_json(const Checkpoint& checkpoint);
// "pressure 6.2 %, wall_shear_stress 8.1 %, velocity 3 %, Cd 45 counts (held-out designs)" of its test errors, else of
// those that its training measured on validation cases; "not known" where there are none.
std::string errors_text(const Checkpoint& checkpoint);
// By these errors the model should not be relied on: pressure on the surface off by more than 30 % or velocity by more
// than 20 % (relative L2), or drag ranked no better than by chance (R2 below 0).
bool is_poor(const Checkpoint& checkpoint);

}  // namespace streamtube::surrogate
