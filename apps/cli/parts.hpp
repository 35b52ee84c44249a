#pragma once
// The options about a body in pieces: how fine CAD is cut into triangles, which parts play which role, what becomes of
// a ground that came along and of what lies below it. The commands that read a body share them.

#include <string>
#include <vector>

#include "geometry/surface_mesh.hpp"
#include "mesh_io/mesh_io.hpp"

namespace CLI {
class App;
}

namespace streamtube::apps {

// What is known of a part of the body.
struct PartInfo {
  std::string name, role, colour;  // role and colour may be empty
  std::size_t faces = 0;
  double area = 0;        // m2
  bool left_out = false;  // the ground
};

struct PartOptions {
  void declare(CLI::App& app);
  // Options about the model's ground, for a command that knows a model.
  void declare_ground(CLI::App& app);
  void validate();  // throws Error(usage)

  mesh_io::CadOptions cad() const;
  // Files that fill the same space are parts all the same.
  bool parts() const { return parts_; }
  bool cut_ground() const { return cut_ground_; }
  int mirror_axis() const { return mirror_.empty() ? -1 : mirror_[0] - 'x'; }  // of the files; -1: none

  // The role of a part: of the first pattern that its name, or one of the names between its slashes, matches, letter
  // case aside. Patterns given come before the usual ones; a role that is given has no usual ones. Empty: none.
  std::string role(const std::string& name) const;
  // Takes parts of the role "ground" out of the body and says so in `warnings`; says which given patterns match
  // nothing. Throws Error(input) that begins with `where` when nothing is left.
  std::vector<PartInfo> sort_parts(geometry::SurfaceMesh& body, const std::vector<std::string>& colours,
                                   const std::string& where, std::vector<std::string>& warnings) const;
  // Takes a ground without a name out of the body and says so; Error(input) for a wind tunnel around it. Not where the
  // role ground was given, even with no pattern. Whichever way is up.
  void sort_surroundings(geometry::SurfaceMesh& body, std::vector<PartInfo>& parts, const std::string& where,
                         std::vector<std::string>& warnings) const;
  // What lies below the model's ground z, m: a contact patch (up to a twentieth of the body's height, or whatever it is
  // with --cut-ground) is cut off and the body closed there; more is warned of, as is all of it unless `may_cut`.
  // Returns whether the body was cut. Throws Error(input) when all of the body is below.
  bool at_ground(geometry::SurfaceMesh& body, double z, bool may_cut, const std::string& where,
                 std::vector<std::string>& warnings) const;

  std::vector<std::string> given() const { return part_; }
  double deviation() const { return deviation_; }  // m; 0: not given

 private:
  struct Rule {
    std::string role;
    std::vector<std::string> patterns;
    bool given;
  };
  std::string mirror_;
  std::vector<std::string> part_;
  std::vector<Rule> rules_;
  double deviation_ = 0;
  bool deviation_given_ = false, cut_ground_ = false, parts_ = false;
};

}  // namespace streamtube::apps
