#pragma once
// A layout as data: which files a case has, which array is which field, in which unit and direction. The published
// layouts are such tables (*.json beside this file, built in); docs/import.md describes them, and a user's own.

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "physics/fields.hpp"

namespace streamtube::mesh_io {

// Paths relative to the folder of the data set, the first that fits counts. "{n}" stands for digits, "{any_name}" for
// any text without '/', the same one in all paths of a case; '*' for any text. Several matches that end in ".part" are
// pieces of one file.
using FilePatterns = std::vector<std::string>;

// A number of the case: given, or out of a CSV file.
struct CaseNumber {
  std::optional<double> value;
  FilePatterns csv;
  std::vector<std::string> columns;  // the first that is there; capitals do not matter
  std::string key, key_value;        // the row whose column `key` is this; the only row without
  bool given() const { return value || !csv.empty(); }
};

enum class FieldUnit { si, kinematic, dimensionless };  // Pa, m/s, 1/s; over the density; over the scale of the field

struct FieldSource {
  physics::FieldSpec spec;
  std::vector<std::vector<std::string>> arrays;  // alternatives; of three arrays where components are apart
  std::vector<std::optional<FieldUnit>> units;   // of each alternative that has one of its own
  std::optional<FieldUnit> unit;                 // of the others; nothing: as the file says (OpenFOAM)
  double sign = 1;
  double offset = 0;      // added before the unit is applied
  bool optional = false;  // the first case decides whether the data set has it
  FilePatterns file;      // of its own, with points in another order; else that of the part
  FilePatterns same_as;   // an .npy file whose values must be these
};

struct LayoutTable {
  std::string name, summary, description;
  std::string case_name = "{n}";
  bool openfoam = false;  // the case is a folder of OpenFOAM: `surface` is its system/controlDict
  FilePatterns surface, volume, geometry;
  bool inward_normals = false;
  bool drop_on_surface = false;  // volume points that lie on the surface go
  std::optional<Box> box;        // m, in the model's frame: volume points outside go
  std::vector<FieldSource> fields[2];
  std::array<int, 3> axes{0, 1, 2};  // of the file that become x, y, z of the model
  std::array<double, 3> axis_signs{1, 1, 1};
  double length_unit = 1;  // m
  CaseNumber velocity, density, viscosity, length, area;
  std::map<std::string, CaseNumber> coefficients;
  FilePatterns parameters;           // CSV: all its numbers
  std::vector<std::string> patches;  // of OpenFOAM; empty: those of its force coefficients
  std::string time;                  // of OpenFOAM; empty: the latest
};

// Reads a table. Error(input) naming `where`, the key, what it may be: unknown keys, wrong kinds, unknown units.
LayoutTable parse_layout_table(const std::string& json, const std::string& where);
// `changes` laid over `base` (JSON merge patch): keys replace those of the same name, null takes one away.
std::string merge_layout_tables(const std::string& base, const std::string& changes, const std::string& where);

// The built-in tables: name -> JSON.
const std::map<std::string, std::string>& builtin_layout_tables();

}  // namespace streamtube::mesh_io
