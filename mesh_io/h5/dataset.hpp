#pragma once
// The training data of a surrogate: solved cases with their surface and volume fields, in one .h5 file or a folder of
// them. docs/dataset_format.md describes the file. All values in SI; the frame is the model's: x along the flow, z up.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mesh_io/h5/label_noise.hpp"
#include "mesh_io/h5/splits.hpp"
#include "physics/fields.hpp"
#include "physics/flow.hpp"

namespace streamtube::mesh_io {

using physics::Branch;

// A named field at the points of a part, [rows][components] row major.
struct SampleField {
  std::string name;  // "pressure", "wall_shear_stress", "velocity", "vorticity"
  std::string unit;  // "Pa", "m/s", "1/s"
  int components = 1;
  std::vector<float> values;
};

// Surface: points at face centres with outward unit normals and areas. Volume: points with the volumes of their cells.
struct SamplePart {
  std::vector<float> position;  // [rows][3] m
  std::vector<float> normal;    // [rows][3], surface only
  std::vector<float> size;      // [rows] area m2, or cell volume m3 (empty: unknown)
  std::vector<SampleField> fields;
  std::size_t rows() const { return position.size() / 3; }
};

// What is known of a case without reading its points.
struct CaseInfo {
  std::string name;              // unique in the data set, "run_1"
  std::string file;              // which holds it
  std::size_t rows[2] = {0, 0};  // surface, volume
  std::size_t triangles = 0;     // of the geometry; 0: there is none
  physics::Flow flow;
  double reference_length = 0, reference_area = 0;  // m, m2
  std::map<std::string, double> parameters;         // of the design: "slant_angle", "length", ...
  std::map<std::string, double> coefficients;       // "Cd", "Cl", as the solver gave them
  std::map<std::string, double> quality;            // convergence, y+, ...: anything else worth keeping
  physics::ReferenceScales scales() const { return {flow.velocity, flow.density, reference_length, reference_area}; }
};

struct FlowSample {
  CaseInfo info;
  SamplePart part[2];            // surface, volume
  std::vector<float> triangles;  // [triangles][3][3] m, the body's geometry; may be empty
};

// Mean and deviation of every component of a field over all points of the given cases, of the dimensionless values (and
// of sign(w) log(1 + |w|) where the transform says so). In double, one pass (Welford), each case weighing as its
// points.
struct FieldStatistics {
  physics::FieldSpec field;
  std::vector<double> mean, std;  // [components]
};

class Dataset {
 public:
  // One file or a folder of .h5 files, whose splits are joined by name. Reads what is known of the cases, no points.
  // Error(input) names file and case, also one that two files have, or that is in two splits which exclude each other.
  explicit Dataset(const std::string& path);
  ~Dataset();
  Dataset(Dataset&&) noexcept;
  Dataset& operator=(Dataset&&) noexcept;

  const std::string& path() const;
  const std::string& description() const;      // free text: where the data comes from
  const std::vector<CaseInfo>& cases() const;  // in natural order of their names: run_2 before run_10
  std::vector<std::string> splits() const;     // "train", "validation", "test", ...
  // Indices of the cases of a split, in order; "all" is always there. Error(usage) for an unknown one, with the known.
  std::vector<std::size_t> split(const std::string& name) const;
  // By which cases to come are to be split, for SplitRules::parse(); empty: nothing is said, or files differ.
  const std::string& split_rules() const;
  // How far labels of the same design are apart; of a folder that of its files together, empty: nothing is known.
  const LabelNoise& label_noise() const;
  const std::vector<physics::FieldSpec>& fields(Branch branch) const;  // which every case has, in this order

  // A whole case. With `verify`, checksums are compared: Error(input) names the case and the array.
  FlowSample read(std::size_t index, bool verify = false) const;
  // The body's triangles alone, [triangles][3][3] m; empty where the case has none.
  std::vector<float> read_triangles(std::size_t index) const;
  // Chosen rows (rising) of one part, without reading the rest: data larger than memory. Fields in the order of
  // fields(), side by side [rows][components of all fields]; SI. Empty spans are skipped.
  struct Rows {
    std::vector<float> position, normal, size, fields;
  };
  Rows read_rows(std::size_t index, Branch branch, std::span<const std::int64_t> rows) const;

  // Of the given cases, each read once; fields per branch in the order of fields(). Checksums are compared on the way:
  // Error(input) names the case and the array, or the row that is not finite.
  struct Statistics {
    std::vector<FieldStatistics> fields[2];
    double low = 0, high = 0;  // m, the least and greatest coordinate of any point on any axis
  };
  Statistics statistics(std::span<const std::size_t> indices) const;
  // SHA-256 over the checksums of the given cases: what a model was trained on.
  std::string fingerprint(std::span<const std::size_t> indices) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Writes a data set; the file appears under its name only when complete. `next` fills the sample and returns true, or
// returns false at the end. Every case is checked first, Error(input) naming it: a duplicate name, a missing field,
// lengths that do not match, a value that is not finite, a pressure that cannot be static over the free stream's, a
// normal not of unit length, an area that is not positive, and surface forces that contradict the case's Cd and Cl.
struct DatasetHeader {
  std::string description;
  std::vector<physics::FieldSpec> fields[2];  // surface, volume
  Splits splits;
  std::string split_rules;  // that gave them, JSON; empty: none
  LabelNoise label_noise;   // empty: nothing is known
  bool predicted = false;   // by a model: may contradict physics and coefficients
};
void write_dataset(const std::string& path, const DatasetHeader& header, const std::function<bool(FlowSample&)>& next);

// Cd, Cl of a case's surface fields: sum of (-Cp n + Cf) A over the reference area, x the drag and z the lift axis.
struct SurfaceForces {
  double cd = 0, cl = 0;
};
SurfaceForces surface_forces(const FlowSample& sample);
// What is wrong with a case, or nothing.
std::string find_fault(const FlowSample& sample, const std::vector<physics::FieldSpec> (&fields)[2]);

// run_2 before run_10: the order of cases.
bool natural_less(const std::string& a, const std::string& b);

}  // namespace streamtube::mesh_io
