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
  bool cut_ground() const { return cut_ground_; }

  // The role of a part: of the first pattern that its name, or one of the names between its slashes, matches, letter
  // case aside. Patterns given come before the usual ones; a role that is given has no usual ones. Empty: none.
  std::string role(const std::string& name) const;
  // Takes parts of the role "ground" out of the body and says so in `warnings`; says which given patterns match
  // nothing. Throws Error(input) that begins with `where` when nothing is left.
  std::vector<PartInfo> sort_parts(geometry::SurfaceMesh& body, const std::vector<std::string>& colours,
                                   const std::string& where, std::vector<std::string>& warnings) const;
  // What lies below the model's ground z, m: cut off or warned of; also warned of: a flat piece that looks like the
  // ground. Throws Error(input) when all of the body is below.
  void at_ground(geometry::SurfaceMesh& body, double z, const std::string& where,
                 std::vector<std::string>& warnings) const;

  std::vector<std::string> given() const { return part_; }
  double deviation() const { return deviation_; }  // m; 0: not given

 private:
  struct Rule {
    std::string role;
    std::vector<std::string> patterns;
    bool given;
  };
  std::vector<std::string> part_;
  std::vector<Rule> rules_;
  double deviation_ = 0;
  bool deviation_given_ = false, cut_ground_ = false;
};

}  // namespace streamtube::apps
