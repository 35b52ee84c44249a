#pragma once
// The fields a model predicts, and their way from the network's units to dimensionless ones and to SI.
//
//   network --(x * std + mean, per component)--> squashed --(undo signed log)--> dimensionless --(scale)--> SI

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

struct FieldSpec {
  std::string name;                // "pressure", "wall_shear_stress", "velocity", "vorticity"
  std::string dimensionless_name;  // "Cp", "Cf", "velocity_over_freestream", "vorticity_dimensionless"
  int components = 1;
  Scale scale = Scale::dynamic_pressure;
  Transform transform = Transform::none;
  std::string unit;  // of the SI field: "Pa", "m/s", "1/s"
  bool operator==(const FieldSpec&) const = default;
};

const char* name(Scale scale);          // "dynamic_pressure", "velocity", "velocity_over_length"
const char* name(Transform transform);  // "none", "signed_log"
// The inverse; false for an unknown name.
bool parse(const std::string& name, Scale& scale);
bool parse(const std::string& name, Transform& transform);

double si_unit(const FieldSpec& field, const ReferenceScales& scales);  // SI per dimensionless unit

// -1 where reflection at y = 0 changes the sign of a component, else 1.
float reflection_sign(const FieldSpec& field, int component);

// Statistics stored with a checkpoint, per branch and component in the order of the fields.
struct Normalizer {
  double position_origin = 0,
         position_extent = 1;  // m; network position = (x - origin) / extent * 1000, all axes alike
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
  // xyz: [n][3] m -> out [n][3] network units (0..1000). Computed in double, rounded once.
  void normalize_positions(const Vec3* xyz, std::size_t n, float* out) const;
  // In place, network units -> dimensionless. values: [n][components] row major.
  void to_dimensionless(Branch b, float* values, std::size_t n) const;
  // The inverse of to_dimensionless, for training targets.
  void to_network(Branch b, float* values, std::size_t n) const;
  // Throws Error(input) naming `where` unless lengths match, numbers are finite and deviations positive.
  void check(const std::string& where) const;
};

}  // namespace streamtube::physics
