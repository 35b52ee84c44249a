#pragma once
// A small case as OpenFOAM writes it: a box in a channel of hexahedra, fields by formulas, at time 100 (and 50).

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "physics/vec3.hpp"

namespace streamtube::test {

struct FoamCaseOptions {
  bool binary = false, half = false;
  int processors = 1;                                // 1 or 2
  std::vector<std::string> collated;                 // folders of two processors' files, or of one's each
  bool mean = true, shear = true, vorticity = true;  // pMean and so on beside p; else p, U, wallShearStress
  bool shear_sign = false, normals = false;          // planted faults
  const char* forces = nullptr;  // in the place of forceCoeffs: the function object forces, "force.dat" or "forces.dat"
};

// Fields by formulas, of places; OpenFOAM's own units, the shear that of the fluid on the body.
inline double foam_pressure(const Vec3& x) { return 112.5 * (0.2 - 0.8 * x[0] + 0.3 * x[2] + 0.1 * x[1] * x[1]); }
inline Vec3 foam_velocity(const Vec3& x) { return {15 * (0.8 + 0.2 * x[2]), 1.5 * x[0] * x[1], 0.75 * x[1] * x[1]}; }
inline Vec3 foam_vorticity(const Vec3& x) { return {1.5 * x[1], 3.0, 1.5 * x[1]}; }  // to be read, not to be computed
inline Vec3 foam_shear(const Vec3& x) { return {1.125, 0.5 * x[1], 0.2}; }

class FoamCaseWriter {
 public:
  // Cells of the channel x -1..2, y -0.8..0.8 (half: 0..0.8), z 0..1; the body takes x 0..1, |y| <= 0.4, z 0.2..0.6.
  FoamCaseWriter(const std::string& folder, const FoamCaseOptions& options) : folder_(folder), o_(options) {
    n_ = {15, o_.half ? 4 : 8, 5};
    write_text("system/controlDict", head("dictionary", "controlDict", false) + control());
    write_text("constant/transportProperties", head("dictionary", "transportProperties", false) +
                                                   "transportModel Newtonian;\nnu [0 2 -1 0 0 0 0] 1.5e-05;\n");
    write_loads();
    for (int part = 0; part < o_.processors; ++part) write_part(part);
    if (!o_.collated.empty()) collate();
  }

  double cd() const { return cd_; }
  double cl() const { return cl_; }
  std::size_t cells() const { return cell_count_; }
  std::size_t body_faces() const { return body_faces_; }

 private:
  using Index = std::array<int, 3>;
  static constexpr double kStep = 0.2;
  double low(int axis) const { return axis == 0 ? -1.0 : axis == 1 ? (o_.half ? 0.0 : -0.8) : 0.0; }
  bool in_grid(const Index& c) const {
    for (std::size_t a = 0; a < 3; ++a)
      if (c[a] < 0 || c[a] >= n_[a]) return false;
    return true;
  }
  bool in_body(const Index& c) const {
    const int y0 = o_.half ? 0 : 2, y1 = o_.half ? 2 : 6;
    return c[0] >= 5 && c[0] < 10 && c[1] >= y0 && c[1] < y1 && c[2] >= 1 && c[2] < 3;
  }
  int part_of(const Index& c) const { return o_.processors == 1 || c[0] < 7 ? 0 : 1; }
  Vec3 corner(int i, int j, int k) const { return {low(0) + kStep * i, low(1) + kStep * j, low(2) + kStep * k}; }
  Vec3 center(const Index& c) const { return corner(c[0], c[1], c[2]) + Vec3{kStep / 2, kStep / 2, kStep / 2}; }
  int point(int i, int j, int k) const { return (k * (n_[1] + 1) + j) * (n_[0] + 1) + i; }
  // Corners of the face towards `axis` and side, its normal out of the cell.
  std::array<int, 4> face(const Index& c, std::size_t axis, int side) const {
    const std::size_t u = (axis + 1) % 3, v = (axis + 2) % 3;
    std::array<int, 4> out{};
    const int order[4][2] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}};
    for (std::size_t k = 0; k < 4; ++k) {
      Index p = c;
      p[axis] += side;
      p[u] += order[k][0], p[v] += order[k][1];
      out[side ? k : 3 - k] = point(p[0], p[1], p[2]);
    }
    return out;
  }
  Vec3 face_center(const Index& c, std::size_t axis, int side) const {
    Vec3 x = center(c);
    x[axis] += (side - 0.5) * kStep;
    return x;
  }

  struct Face {
    std::array<int, 4> corners;
    int owner = 0, neighbour = -1;
    Vec3 at{};
  };
  static constexpr const char* kPatches[5] = {"inlet", "outlet", "ground", "sides", "body"};
  // -1: no boundary.
  int patch_of(const Index& other, std::size_t axis, int side) const {
    if (in_grid(other)) return in_body(other) ? 4 : -1;
    if (axis == 0) return side;
    return axis == 2 && side == 0 ? 2 : o_.half && axis == 1 && side == 0 ? 5 : 3;
  }

  void write_part(int part) {
    std::vector<Index> cells;
    std::vector<int> number(static_cast<std::size_t>(n_[0] * n_[1] * n_[2]), -1);
    const auto id = [&](const Index& c) -> int& { return number[static_cast<std::size_t>((c[2] * n_[1] + c[1]) * n_[0] + c[0])]; };
    for (int k = 0; k < n_[2]; ++k)
      for (int j = 0; j < n_[1]; ++j)
        for (int i = 0; i < n_[0]; ++i)
          if (const Index c{i, j, k}; !in_body(c) && part_of(c) == part) id(c) = static_cast<int>(cells.size()), cells.push_back(c);
    cell_count_ += cells.size();
    std::vector<Face> inner, between;
    std::vector<std::vector<Face>> boundary(o_.half ? 6 : 5);
    for (const Index& c : cells)
      for (const auto& [axis, side] : {std::pair<std::size_t, int>{0, 1}, {1, 1}, {2, 1}, {0, 0}, {1, 0}, {2, 0}}) {
        Index other = c;
        other[axis] += side ? 1 : -1;
        Face f{face(c, axis, side), id(c), -1, face_center(c, axis, side)};
        if (const int patch = patch_of(other, axis, side); patch >= 0) {
          if (patch == 4 && o_.normals) std::swap(f.corners[1], f.corners[3]);
          boundary[static_cast<std::size_t>(patch)].push_back(f);
        } else if (part_of(other) != part) {
          between.push_back(f);
        } else if (id(other) > id(c)) {
          f.neighbour = id(other);
          inner.push_back(f);
        }
      }
    body_faces_ += boundary[4].size();
    const std::string base = o_.processors > 1 ? core::str("processor", part, "/") : "";
    const std::string mesh = base + "constant/polyMesh/";
    std::vector<Face> faces = inner;
    std::string patches;
    std::size_t patch_count = 0;
    const auto add = [&](const std::string& name, const std::string& type, const std::vector<Face>& list, const std::string& more) {
      patches += core::str("  ", name, "\n  {\n    type ", type, ";\n    nFaces ", list.size(), ";\n    startFace ", faces.size(), ";\n",
                           more, "  }\n");
      faces.insert(faces.end(), list.begin(), list.end());
      ++patch_count;
    };
    for (std::size_t p = 0; p < 5; ++p) add(kPatches[p], p == 2 || p == 4 ? "wall" : "patch", boundary[p], "");
    if (o_.half) add("middle", "symmetryPlane", boundary[5], "");
    if (o_.processors > 1)
      add(core::str("procBoundary", part, "to", 1 - part), "processor", between,
          core::str("    myProcNo ", part, ";\n    neighbProcNo ", 1 - part, ";\n"));
    std::vector<double> points;
    for (int k = 0; k <= n_[2]; ++k)
      for (int j = 0; j <= n_[1]; ++j)
        for (int i = 0; i <= n_[0]; ++i)
          for (const double x : corner(i, j, k)) points.push_back(x);
    write_text(mesh + "points", head("vectorField", "points") + list(points, 3) + "\n");
    std::vector<int> owner, neighbour, corners, begins = {0};
    for (const Face& f : faces) {
      owner.push_back(f.owner);
      if (f.neighbour >= 0) neighbour.push_back(f.neighbour);
      corners.insert(corners.end(), f.corners.begin(), f.corners.end());
      begins.push_back(static_cast<int>(corners.size()));
    }
    if (o_.binary) {
      write_text(mesh + "faces", head("faceCompactList", "faces") + labels(begins) + "\n" + labels(corners) + "\n");
    } else {
      std::string text = core::str(faces.size(), "\n(\n");
      for (const Face& f : faces) text += core::str("4(", f.corners[0], ' ', f.corners[1], ' ', f.corners[2], ' ', f.corners[3], ")\n");
      write_text(mesh + "faces", head("faceList", "faces") + text + ")\n");
    }
    write_text(mesh + "owner", head("labelList", "owner") + labels(owner) + "\n");
    write_text(mesh + "neighbour", head("labelList", "neighbour") + labels(neighbour) + "\n");
    write_text(mesh + "boundary", head("polyBoundaryMesh", "boundary", false) + core::str(patch_count, "\n(\n") + patches + ")\n");

    const std::string end = o_.mean ? "Mean" : "";
    for (const std::string time : {"50", "100"}) {
      const double factor = time == "50" ? 0.5 : 1;
      const auto field = [&](const std::string& name, int components, const std::string& dimensions, const std::function<Vec3(const Vec3&)>& f,
                             bool on_walls_only) {
        std::vector<double> values;
        for (const Index& c : cells) {
          const Vec3 x = on_walls_only ? Vec3{0, 0, 0} : factor * f(center(c));
          values.insert(values.end(), x.begin(), x.begin() + components);
        }
        std::string text = "dimensions " + dimensions + ";\n\ninternalField nonuniform List<" +
                           (components == 1 ? "scalar" : "vector") + "> " + list(values, components) + ";\n\nboundaryField\n{\n";
        for (std::size_t p = 0; p < boundary.size(); ++p) {
          values.clear();
          for (const Face& face : boundary[p]) {
            const Vec3 x = factor * f(face.at);
            values.insert(values.end(), x.begin(), x.begin() + components);
          }
          text += core::str("  ", p == 5 ? "middle" : kPatches[p], "\n  {\n    type ", p == 5 ? "symmetryPlane" : "calculated", ";\n");
          if (p != 5) {
            text += core::str("    value nonuniform List<", components == 1 ? "scalar" : "vector", "> ");
            text += list(values, components) + ";\n";
          }
          text += "  }\n";
        }
        if (o_.processors > 1) {
          values.assign(between.size() * static_cast<std::size_t>(components), 0.0);
          text += core::str("  procBoundary", part, "to", 1 - part, "\n  {\n    type processor;\n    value nonuniform List<",
                            components == 1 ? "scalar" : "vector", "> ");
          text += list(values, components) + ";\n  }\n";
        }
        write_text(base + time + "/" + name, head(components == 1 ? "volScalarField" : "volVectorField", name) + text + "}\n");
      };
      field("p" + end, 1, "[0 2 -2 0 0 0 0]", [](const Vec3& x) { return Vec3{foam_pressure(x), 0, 0}; }, false);
      field("U" + end, 3, "[0 1 -1 0 0 0 0]", foam_velocity, false);
      if (o_.vorticity) field("vorticity" + end, 3, "[0 0 -1 0 0 0 0]", foam_vorticity, false);
      const double sign = o_.shear_sign ? 1 : -1;
      if (o_.shear)
        field("wallShearStress" + end, 3, "[0 2 -2 0 0 0 0]", [&](const Vec3& x) { return sign * foam_shear(x); }, true);
    }
    // Forces of the body, halves doubled.
    const double q = 0.5 * 15 * 15, area = o_.half ? 0.4 * 0.4 : 0.8 * 0.4;
    for (const Face& f : boundary[4]) {
      Index c = cells[static_cast<std::size_t>(f.owner)];
      const Vec3 out = f.at - center(c);  // into the body
      const Vec3 force = foam_pressure(f.at) * kStep * kStep / (kStep / 2) * out + kStep * kStep * foam_shear(f.at);
      cd_ += force[0] / (q * area), cl_ += force[2] / (q * area);
    }
    if (part == o_.processors - 1) write_loads();
  }

  // As OpenFOAM's collated files are: one list of bytes a processor, of which the first alone has the header.
  void collate() const {
    namespace fs = std::filesystem;
    const auto content = [](const fs::path& path) {
      std::ifstream in(path, std::ios::binary);
      return std::string(std::istreambuf_iterator<char>(in), {});
    };
    const fs::path first = fs::path(folder_) / "processor0";
    const bool together = o_.collated.size() == 1;
    for (const auto& entry : fs::recursive_directory_iterator(first)) {
      if (!entry.is_regular_file()) continue;
      const std::string name = fs::relative(entry.path(), first).string();
      std::string text;
      for (int part = 0; part < o_.processors; ++part) {
        std::string block = content(fs::path(folder_) / core::str("processor", part) / name);
        if (together && part > 0) block.erase(0, block.find('}') + 1);
        if (!together || part == 0)
          text = "// a comment\nFoamFile\n{\n    version 2.0;\n    format binary;\n    class decomposedBlockData;\n}\n";
        text += core::str("\n// Processor", part, "\n", block.size(), "\n(", block, ")\n");
        if (!together || part == o_.processors - 1)
          write_text(o_.collated[together ? 0 : static_cast<std::size_t>(part)] + "/" + name, text);
      }
    }
    for (int part = 0; part < o_.processors; ++part) fs::remove_all(fs::path(folder_) / core::str("processor", part));
  }

  void write_loads() const {
    if (!o_.forces) return write_text("postProcessing/loads/0/coefficient.dat", coefficients());
    const double newton = 0.5 * 15 * 15 * (o_.half ? 0.16 : 0.32), drag = newton * cd_, lift = newton * cl_;
    std::string text = "# Force\n# Time\ttotal_x ...\n1\t(9 9 9) (9 9 9) (0 0 0)\n";
    for (const char* time : {"100", "150"})
      text += std::string(o_.forces) == "force.dat"
                  ? core::str(time, "\t(", drag, " 0 ", lift, ") (", drag, " 0 0) (0 0 ", lift, ")\n")
                  : core::str(time, "\t((", 0.75 * drag, " 0 ", lift, ") (", 0.25 * drag, " 0 0)) ((0 0 0) (0 0 0))\n");
    write_text(std::string("postProcessing/loads/0/") + o_.forces, text);
    write_text("0/U", head("volVectorField", "U", false) +
                          "dimensions [0 1 -1 0 0 0 0];\ninternalField uniform (15 0 0);\nboundaryField { }\n");
  }
  std::string control() const {
    if (o_.forces)
      return core::str("application simpleFoam;\nwriteFormat ", o_.binary ? "binary" : "ascii",
                       ";\nfunctions\n{\n  loads\n  {\n    type forces;\n    patches (body);\n    rho rhoInf;\n    rhoInf 1;\n"
                       "    CofR (0 0 0);\n  }\n}\n");
    return core::str("application simpleFoam;\nstartFrom latestTime;\nwriteFormat ", o_.binary ? "binary" : "ascii",
                     ";\nfunctions\n{\n  loads\n  {\n    type forceCoeffs;\n    patches (\"bo.*\"); // one of them\n    rho rhoInf;\n"
                     "    rhoInf 1;\n    magUInf 15;\n    lRef 1;\n    Aref ",
                     o_.half ? 0.16 : 0.32, ";\n    liftDir (0 0 1);\n  }\n}\n");
  }
  std::string coefficients() const {
    return core::str("# Force coefficients\n# Time\tCd\tCs\tCl\n1\t9\t0\t9\n100\t", cd_, "\t0\t", cl_, "\n150\t7\t0\t7\n");
  }
  std::string head(const std::string& type, const std::string& object, bool as_data = true) const {
    return core::str("FoamFile\n{\n    version 2.0;\n    format ", o_.binary && as_data ? "binary" : "ascii",
                     ";\n    arch \"LSB;label=32;scalar=64\";\n    class ", type, ";\n    object ", object, ";\n}\n\n");
  }
  std::string list(const std::vector<double>& values, int components) const {
    std::string text = core::str(values.size() / static_cast<std::size_t>(components), "\n(");
    if (o_.binary) {
      text.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
    } else {
      text += '\n';
      char number[40];
      for (std::size_t i = 0; i < values.size(); ++i) {
        const bool vector = components > 1;
        const auto c = static_cast<int>(i) % components;
        std::snprintf(number, sizeof number, "%s%.17g%s", vector && c == 0 ? "(" : "", values[i],
                      !vector || c == components - 1 ? (vector ? ")\n" : "\n") : " ");
        text += number;
      }
    }
    return text + ")";
  }
  std::string labels(const std::vector<int>& values) const {
    std::string text = core::str(values.size(), "\n(");
    if (o_.binary) {
      text.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(int));
    } else {
      text += '\n';
      for (const int x : values) text += core::str(x, '\n');
    }
    return text + ")";
  }
  void write_text(const std::string& name, const std::string& text) const {
    const auto path = std::filesystem::path(folder_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream out(path, std::ios::binary);
    out << text;
    if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
  }

  std::string folder_;
  FoamCaseOptions o_;
  Index n_{};
  double cd_ = 0, cl_ = 0;
  std::size_t cell_count_ = 0, body_faces_ = 0;
};

}  // namespace streamtube::test
