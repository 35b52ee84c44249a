#pragma once
// Cases of OpenFOAM: their dictionaries, and the mesh and fields of one time, ASCII or binary, whole, decomposed or
// collated, through VTK's reader. Everything is OpenFOAM's own here: its units, its sign of wallShearStress (of the
// body on the fluid), normals of patches out of the fluid and so into the body.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "geometry/surface_mesh.hpp"
#include "geometry/volume_mesh.hpp"

namespace streamtube::mesh_io {

// A dictionary: the names of an entry and of the dictionaries around it joined by '/', "functions/forces/Aref", to its
// value as words with single blanks, "uniform ( 15 0 0 )". As OpenFOAM does, #include (also Etc, IfPresent and Func)
// adds to the dictionary it stands in, $macros are followed, and a quoted name stands for all that fit it. Other
// directives are left out; what was to be computed (#calc), and a macro of nothing, are refused where their number is
// asked for. Files may be packed (.gz).
class FoamDictionary {
 public:
  // Error(input) names the file and line: not there, braces or strings that do not close.
  static FoamDictionary read(const std::string& path);
  // The entries of another file, in a dictionary of this one.
  void add(const std::string& path, const std::string& dictionary);
  // What could not be followed, for people: file, line and what.
  const std::vector<std::string>& unread() const { return unread_; }
  const std::string* find(const std::string& name) const;         // null: there is none
  std::optional<double> number(const std::string& name) const;    // of the last word: dimensions may stand before it
  std::vector<std::string> words(const std::string& name) const;  // of a list, without its parentheses
  std::vector<std::string> children(const std::string& dictionary) const;  // names of entries in it, in order
  const std::string& path() const { return path_; }

 private:
  friend class FoamDictionaryParser;
  std::string path_;
  std::vector<std::pair<std::string, std::string>> entries_;  // dictionaries too, with an empty value
  std::vector<std::string> unread_;
};

struct FoamPatch {
  std::string name, type;           // "wall", "symmetryPlane", ...
  std::vector<std::string> groups;  // inGroups
};

// What a folder holds, without its mesh.
struct FoamCase {
  std::string path;         // with system/controlDict
  bool decomposed = false;  // the times are those of processor0, processor1, ..., or of processorsN (collated)
  std::size_t processors = 0;
  std::vector<std::string> times;  // names of time folders that are there on all processors, rising
  std::vector<FoamPatch> patches;  // without those between processors
  // Of a collated case: its files, taken apart into processor0, processor1, ... where VTK's reader finds them.
  std::shared_ptr<const class CollatedCase> collated;
  std::shared_ptr<const class ScratchFolder> parts;
  // With the files of the first processor, or those of the whole case.
  std::string first_folder() const;
};

// The times of the whole case where it has any beside 0, else those of its processors. Error(input): no case, no mesh,
// processor folders that are missing, no time.
FoamCase find_foam_case(const std::string& path);
bool is_foam_case(const std::string& path);  // has system/controlDict
// The folder of a case: the path itself; of a file case.foam, which ParaView opens in its place, the folder around it.
std::string foam_folder(const std::string& path);

// The fields in a time folder: name -> dimensions, "[0 2 -2 0 0 0 0]". Of all or only of this class
// ("volScalarField"). Error(input) for a file without a header.
struct FoamField {
  std::string name, type, dimensions;
};
std::vector<FoamField> foam_fields(const FoamCase& c, const std::string& time);

struct FoamSelection {
  std::string time;                  // a name of FoamCase::times; empty: the latest
  std::vector<std::string> patches;  // empty: all
  std::vector<std::string> fields;   // of volScalarField and volVectorField; Error(input) where one is missing
  bool volume = true;
};
struct FoamFields {
  std::string time;
  geometry::SurfaceMesh surface;  // the patches in the order of the case; fields over faces
  geometry::VolumeMesh volume;    // fields over cells
};
// Error(input) names the case, the time and the patch or field that is missing, with what is there, and damaged files.
FoamFields read_foam(const FoamCase& c, const FoamSelection& selection);

}  // namespace streamtube::mesh_io
