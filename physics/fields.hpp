#pragma once
// The fields a model predicts, and their way from the network's units to dimensionless ones and to SI.
//
//   network --(x * std + mean, per component)--> squashed --(undo signed log)--> dimensionless --(scale)--> SI
//
// A decoder other than direct stands before this way (potential) or in its place (curl);
// surrogate/model/field_predictor.hpp goes it.

#include <cstddef>
#include <string>
#include <vector>

#include "physics/flow.hpp"
#include "physics/vec3.hpp"

namespace streamtube::physics {

enum class Branch { surface = 0, volume = 1 };
const char* name(Branch branch);  // "surface", "volume"

// What one dimensionless unit of a field is in SI.
enum class Scale { dynamic_pressure, velocity, velocity_over_length };
// signed_log: the network sees sign(w) log(1 + |w|), which tames the heavy tails of vorticity.
enum class Transform { none, signed_log };
// How the outputs of the network become a field.
//   direct: they are the field.
//   curl: vorticity is the exact curl of the network's own velocity; its outputs are there but not used.
//   potential: of velocity; the outputs are a vector potential A, and the velocity in network units is
//     kPotentialLength * curl A with positions in network units: free of divergence whatever the network says.
enum class Decoder { direct, curl, potential };

// Network units that the extent of positions has.
inline constexpr double kNetworkExtent = 1000;
// Makes velocities of order one out of potentials of order one: one unit of A changes over a tenth of the extent.
inline constexpr double kPotentialLength = kNetworkExtent / 10;

struct FieldSpec {
  std::string name;                // "pressure", "wall_shear_stress", "velocity", "vorticity"
  std::string dimensionless_name;  // "Cp", "Cf", "velocity_over_freestream", "vorticity_dimensionless"
  int components = 1;
  Scale scale = Scale::dynamic_pressure;
  Transform transform = Transform::none;
  std::string unit;  // of the SI field: "Pa", "m/s", "1/s"
  Decoder decoder = Decoder::direct;
  bool operator==(const FieldSpec&) const = default;
};

const char* name(Scale scale);          // "dynamic_pressure", "velocity", "velocity_over_length"
const char* name(Transform transform);  // "none", "signed_log"
const char* name(Decoder decoder);      // "direct", "curl", "potential"
// The inverse; false for an unknown name.
bool parse(const std::string& name, Scale& scale);
bool parse(const std::string& name, Transform& transform);
bool parse(const std::string& name, Decoder& decoder);

// Where a field stands in a list and its first component among those of all fields; `spec` is null where there is none
// of this name and number of components.
struct FieldAt {
  const FieldSpec* spec = nullptr;
  std::size_t index = 0;
  int first = 0;
};
FieldAt find_field(const std::vector<FieldSpec>& fields, const std::string& name, int components);

// Throws Error(input) naming `where` and the field unless every decoder fits its field: curl a vorticity of 3
// components and scale velocity_over_length with a velocity (3 components, scale velocity) beside it, potential such a
// velocity without a transform.
void check_decoders(const std::vector<FieldSpec>& fields, const std::string& where);

double si_unit(const FieldSpec& field, const ReferenceScales& scales);  // SI per dimensionless unit

// -1 where reflection at y = 0 changes the sign of a component, else 1.
float reflection_sign(const FieldSpec& field, int component);

// Statistics stored with a checkpoint, per branch and component in the order of the fields.
struct Normalizer {
  double position_origin = 0,
         position_extent = 1;  // m; network position = (x - origin) / extent * kNetworkExtent
  // The flow is its own mirror image at y = 0, and the network knows the half y >= 0: positions of the other half are
  // reflected on the way in, fields on the way out.
  bool symmetric = false;
  struct BranchStatistics {
    std::vector<FieldSpec> fields;
    std::vector<double> mean, std;  // [components of all fields]
    int components() const { return static_cast<int>(mean.size()); }
  } branch[2];

  BranchStatistics& operator[](Branch b) { return branch[static_cast<int>(b)]; }
  const BranchStatistics& operator[](Branch b) const { return branch[static_cast<int>(b)]; }

  // With `symmetric`, changes the sign of what reflection at y = 0 changes at every point with y < 0: y of vectors, x
  // and z of vorticity. Its own inverse. values [n][components] dimensionless or SI, xyz [n] m.
  void restore_side(Branch b, float* values, const Vec3* xyz, std::size_t n) const;
  // The same of the derivatives of one field: where y < 0, d/dy changes its sign too. gradient [n][components][3] of
  // branch(b).fields[field].
  void restore_gradient_side(Branch b, std::size_t field, float* gradient, const Vec3* xyz, std::size_t n) const;
  // xyz: [n][3] m -> out [n][3] network units (0..kNetworkExtent). Computed in double, rounded once.
  void normalize_positions(const Vec3* xyz, std::size_t n, float* out) const;
  // In place, network units -> dimensionless. values: [n][components] row major.
  void to_dimensionless(Branch b, float* values, std::size_t n) const;
  // In place, derivatives of one field: of its network value per network unit -> of the dimensionless field per metre,
  // through deviation, extent and the slope of the undone signed log. gradient [n][components][3] of
  // branch(b).fields[field]; values [n][components of the branch] in network units.
  void gradient_to_dimensionless(Branch b, std::size_t field, const float* values, float* gradient,
                                 std::size_t n) const;
  // The inverse of to_dimensionless, for training targets.
  void to_network(Branch b, float* values, std::size_t n) const;
  // Gives the volume's vorticity another decoder, direct or curl. Error(input) naming `where` when the fields do not
  // allow it.
  void set_vorticity_decoder(Decoder decoder, const std::string& where);
  // For bodies `factor` times as large, whose network positions are those of the body itself.
  Normalizer at_scale(double factor) const;
  // Throws Error(input) naming `where` unless lengths match, numbers are finite, deviations positive and, of a
  // potential, the same on all axes, and the decoders fit.
  void check(const std::string& where) const;
};

}  // namespace streamtube::physics
