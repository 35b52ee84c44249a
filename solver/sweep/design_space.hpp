#pragma once
// Which designs a sweep is about: files of a folder or a list, rows of a table, or points of a parametric space, whose
// body is read once or generated and then deformed. docs/sweep.md describes the files.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "geometry/morph.hpp"
#include "geometry/surface_mesh.hpp"

namespace streamtube::solver {

struct Parameter {
  std::string name, unit;
  double min = 0, max = 0;     // equal: fixed
  double start = 0;            // of the baseline
  std::vector<double> values;  // what a grid takes; empty: evenly from min to max
  bool fixed() const { return min == max; }
};

// Parameters of these names set the flow or the reference quantities of a design.
inline constexpr const char* kConditions[] = {"velocity", "density", "viscosity", "reference_area", "reference_length"};
bool is_condition(const std::string& name);

struct Design {
  std::string name;
  std::vector<std::string> files;  // parts of one body; empty: the body of the space
  std::vector<double> values;      // [parameters] NaN: not given
};

// offset + factor * the parameter's value
struct Linear {
  double offset = 0, factor = 0;
  int parameter = -1;
  double at(const std::vector<double>& values) const {
    return parameter < 0 ? offset : offset + factor * values[static_cast<std::size_t>(parameter)];
  }
};
using Linear3 = std::array<Linear, 3>;

// A geometry::Morph whose numbers are parameters. Lengths in the unit of the body's file.
struct MorphRecipe {
  enum class Kind { lattice, region, stretch, rotate } kind = Kind::region;
  std::string where;  // in the file, for messages
  Box box;
  std::array<std::optional<double>, 6> fade;  // nothing: a quarter of the box where the body crosses that side
  std::array<int, 3> points{2, 2, 2};
  std::vector<std::pair<std::array<std::vector<int>, 3>, Linear3>> moves;  // control points along x, y, z; displacement
  Linear3 shift, growth;
  std::optional<Vec3> about;  // nothing: the middle of the box
  int axis = 0;
  double from = 0, to = 0;
  Vec3 hinge[2] = {{0, 0, 0}, {0, 1, 0}};  // of a rotation, whose box may be empty: all of the body
  Linear by;                               // of a rotation in degrees
};

// The body that parameters shape.
struct Space {
  std::vector<std::string> baseline;    // files; empty: generated
  std::string family;                   // of geometry/generators
  std::map<std::string, double> fixed;  // parameters of the family that do not change
  double triangle = 0;                  // size of triangles, in the unit of the files (generated: m); 0: as they are
  std::vector<MorphRecipe> morphs;
};

// Of an optimisation: the sum of weight * quantity is made small. Quantities are columns of the table.
struct Objective {
  std::vector<std::pair<std::string, double>> weights;
  struct Constraint {
    std::string quantity;
    double min, max;  // infinite where open
  };
  std::vector<Constraint> constraints;
  std::string algorithm = "auto";
  std::size_t evaluations = 60;
  double tolerance = 0.01;  // of the parameters, as a share of their span
};

struct SweepPlan {
  std::string source;  // file or folder, for messages
  std::string name;
  std::vector<Parameter> parameters;
  std::optional<Space> space;
  std::vector<Design> designs;
  std::string sampling;  // in words; empty for files and tables
  std::string splits;    // of a data set of these designs: rules as JSON; empty: the space does not say
  std::string mesh;      // of the solver for these designs, a MeshKind by name; empty: the space does not say
  std::optional<Objective> objective;

  // The name's value in a design; nothing where it is no parameter or not given.
  std::optional<double> value(const Design& design, const std::string& parameter) const;
  // What a design is, apart from its name: files without their folder, and all values. Hex.
  std::string identity(const Design& design) const;
  // What all designs share, as JSON: body, morphs, parameters' names.
  std::string shared_json() const;
};

inline constexpr std::size_t kMostDesigns = 1'000'000;

// Several words are geometry files; one is a folder of these, a table (.csv), a space (.json) or a geometry file. A
// space's designs are sampled unless `sample` is false, for an optimisation, which needs an objective. conditions:
// names of further parameters that set something of a design, those of the model. Throws
// Error(input) naming file, place and what to do; Error(usage) for words that do not go together.
SweepPlan read_plan(const std::vector<std::string>& words, bool sample = true,
                    const std::vector<std::string>& conditions = {});

// The design of a space at `values`.
Design design_at(const SweepPlan& plan, std::string name, std::vector<double> values);

// Deformations of a design, metres; the undeformed body tells its unit and where deformations must fade. Throws
// Error(input) for a box that holds nothing of the body.
std::vector<geometry::Morph> morphs_of(const SweepPlan& plan, const Design& design, const geometry::SurfaceMesh& body);
// The generated body of a design, m.
geometry::SurfaceMesh generated_body(const SweepPlan& plan, const Design& design);

}  // namespace streamtube::solver
