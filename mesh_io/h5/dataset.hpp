#pragma once
// The training data of a surrogate: solved cases with their surface and volume fields, in one .h5 file or a folder of
// them. docs/dataset_format.md describes the file. All values in SI; the frame is the model's: x along the flow, z up.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

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
  std::string name;  // unique in the data set, "run_1"
  std::string file;  // which holds it
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
  SamplePart part[2];             // surface, volume
  std::vector<float> triangles;   // [triangles][3][3] m, the body's geometry; may be empty
};

// Mean and deviation of every component of a field over all points of the given cases, of the dimensionless values (and
// of sign(w) log(1 + |w|) where the transform says so). In double, one pass (Welford), each case weighing as its points.
struct FieldStatistics {
  physics::FieldSpec field;
  std::vector<double> mean, std, min, max;  // [components]
};

class Dataset {
 public:
  // One file or a folder of .h5 files. Reads what is known of the cases, no points. Error(input) names file and case.
  explicit Dataset(const std::string& path);
  ~Dataset();
  Dataset(Dataset&&) noexcept;
  Dataset& operator=(Dataset&&) noexcept;

  const std::string& path() const;
  const std::string& description() const;  // free text: where the data comes from
  const std::vector<CaseInfo>& cases() const;  // in natural order of their names: run_2 before run_10
  std::size_t find(const std::string& name) const;  // Error(input) with the nearest name
  std::vector<std::string> splits() const;          // "train", "validation", "test", ...
  // Indices of the cases of a split, in order; "all" is always there. Error(usage) for an unknown one, with the known.
  std::vector<std::size_t> split(const std::string& name) const;
  const std::vector<physics::FieldSpec>& fields(Branch branch) const;  // which every case has, in this order

  // A whole case. With `verify`, checksums are compared: Error(input) names the case and the array.
  FlowSample read(std::size_t index, bool verify = false) const;
  // Chosen rows (rising) of one part, without reading the rest: data larger than memory. Fields in the order of
  // fields(), side by side [rows][components of all fields]; SI. Empty spans are skipped.
  struct Rows {
    std::vector<float> position, normal, size, fields;
  };
  Rows read_rows(std::size_t index, Branch branch, std::span<const std::int64_t> rows) const;

  // Statistics of the given cases per branch, in the order of fields().
  std::vector<FieldStatistics> statistics(Branch branch, std::span<const std::size_t> indices) const;
  // SHA-256 over the checksums of the given cases: what a model was trained on.
  std::string fingerprint(std::span<const std::size_t> indices) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Writes one file; it appears under its name when finish() has been called.
class DatasetWriter {
 public:
  DatasetWriter(const std::string& path, const std::string& description, std::vector<physics::FieldSpec> surface,
                std::vector<physics::FieldSpec> volume);
  ~DatasetWriter();  // without finish(): removes what was written
  // Error(input) names the case: a duplicate name, missing field, mismatching length, a value that is not finite, a
  // normal that is not of unit length, an area that is not positive, forces that contradict the coefficients.
  void add(const FlowSample& sample);
  void set_split(const std::string& name, const std::vector<std::string>& cases);
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamtube::mesh_io
