#pragma once
// A tiny mesh and fields in OpenFOAM's files: a box in a wind tunnel, y >= 0, of 17 hexahedra.

#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "physics/vec3.hpp"

namespace streamtube::test {

// How the lists of a file are written.
struct FoamFormat {
  bool binary = false;
  int label_bytes = 4;
};

inline std::string foam_header(const std::string& type, const std::string& object, const FoamFormat& format) {
  return "FoamFile\n{\n    version 2.0;\n    format " + std::string(format.binary ? "binary" : "ascii") +
         ";\n    class " + type + ";\n    arch \"LSB;label=" + (format.label_bytes == 8 ? "64" : "32") +
         ";scalar=64\";\n    object " + object + ";\n}\n// * * * * //\n\n";
}
inline constexpr const char* kFoamEnd =
    "\n// ************************************************************************* //\n";

inline void put_label(std::ostream& out, std::int64_t value, const FoamFormat& format) {
  const auto small = static_cast<std::int32_t>(value);
  if (format.label_bytes == 8)
    out.write(reinterpret_cast<const char*>(&value), 8);
  else
    out.write(reinterpret_cast<const char*>(&small), 4);
}

inline std::string foam_labels(const std::vector<std::int64_t>& values, const FoamFormat& format) {
  std::ostringstream out;
  out << values.size() << (format.binary ? "(" : "\n(\n");
  for (const auto v : values) {
    if (format.binary)
      put_label(out, v, format);
    else
      out << v << '\n';
  }
  out << ')';
  return out.str();
}

// values: [n][components]
inline std::string foam_values(const std::vector<double>& values, int components, const FoamFormat& format) {
  std::ostringstream out;
  out.precision(17);
  out << values.size() / components << (format.binary ? "(" : "\n(\n");
  if (format.binary) {
    out.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(8 * values.size()));
  } else {
    for (std::size_t i = 0; i < values.size(); i += components) {
      if (components == 1) {
        out << values[i] << '\n';
        continue;
      }
      out << '(';
      for (int c = 0; c < components; ++c) out << (c ? " " : "") << values[i + c];
      out << ")\n";
    }
  }
  out << ')';
  return out.str();
}

class TinyFoamMesh {
 public:
  std::vector<Vec3> points;
  std::vector<std::vector<std::int64_t>> faces;  // inner ones first
  std::vector<std::int64_t> owner, neighbour;
  struct Patch {
    std::string name, type;
    std::size_t start, count;
  };
  std::vector<Patch> patches;
  std::size_t cells = 0;
  Vec3 body_low, body_high;  // the whole body's

  // The body from `low` to `high` (low[1] = -high[1]) in the tunnel [-3, 6] x [0, 2] x [0, 2], times `tunnel`.
  TinyFoamMesh(const Vec3& low, const Vec3& high, double tunnel = 1) : body_low(low), body_high(high) {
    const std::vector<double> x = {-3 * tunnel, low[0], high[0], 6 * tunnel}, y = {0, high[1], 2 * tunnel},
                              z = {0, low[2], high[2], 2 * tunnel};
    const auto point = [&](int i, int j, int k) { return static_cast<std::int64_t>((i * 3 + j) * 4 + k); };
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 3; ++j)
        for (int k = 0; k < 4; ++k) points.push_back({x[i], y[j], z[k]});
    std::map<std::array<int, 3>, std::int64_t> cell;
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 2; ++j)
        for (int k = 0; k < 3; ++k)
          if (!(i == 1 && j == 0 && k == 1)) cell[{i, j, k}] = static_cast<std::int64_t>(cells++);
    struct Side {
      std::vector<std::int64_t> corners;
      std::int64_t owner;
    };
    std::map<std::string, std::vector<Side>> outside;
    for (const auto& [at, c] : cell) {
      const auto [i, j, k] = at;
      for (int axis = 0; axis < 3; ++axis)
        for (const int step : {-1, 1}) {
          std::array<int, 3> next = at;
          next[static_cast<std::size_t>(axis)] += step;
          std::vector<std::int64_t> f;  // normal out of the cell
          if (axis == 0) {
            const int a = i + (step > 0);
            f = {point(a, j, k), point(a, j + 1, k), point(a, j + 1, k + 1), point(a, j, k + 1)};
          } else if (axis == 1) {
            const int a = j + (step > 0);
            f = {point(i, a, k), point(i, a, k + 1), point(i + 1, a, k + 1), point(i + 1, a, k)};
          } else {
            const int a = k + (step > 0);
            f = {point(i, j, a), point(i + 1, j, a), point(i + 1, j + 1, a), point(i, j + 1, a)};
          }
          if (step < 0) f = {f[0], f[3], f[2], f[1]};
          const auto other = cell.find(next);
          if (other != cell.end()) {
            if (other->second < c) continue;
            faces.push_back(f), owner.push_back(c), neighbour.push_back(other->second);
            continue;
          }
          const bool tunnel = next[0] < 0 || next[0] > 2 || next[1] < 0 || next[1] > 1 || next[2] < 0 || next[2] > 2;
          const char* names[3][2] = {{"inlet", "outlet"}, {"symmetry", "side"}, {"ground", "top"}};
          outside[tunnel ? names[axis][step > 0] : "body"].push_back({f, c});
        }
    }
    for (const auto& [name, sides] : outside) {
      const bool wall = name == "body" || name == "ground";
      patches.push_back({name,
                         wall                 ? "wall"
                         : name == "symmetry" ? "symmetryPlane"
                                              : "patch",
                         faces.size(), sides.size()});
      for (const auto& side : sides) faces.push_back(side.corners), owner.push_back(side.owner);
    }
  }

  const Patch& patch(const std::string& name) const {
    for (const auto& p : patches)
      if (p.name == name) return p;
    throw std::runtime_error("no patch " + name);
  }
  Vec3 center(std::size_t face) const {
    Vec3 sum{0, 0, 0};
    for (const auto p : faces[face]) sum = sum + points[static_cast<std::size_t>(p)];
    return 0.25 * sum;
  }
  Vec3 area(std::size_t face) const {
    const auto at = [&](int i) { return points[static_cast<std::size_t>(faces[face][static_cast<std::size_t>(i)])]; };
    return 0.5 * cross(at(2) - at(0), at(3) - at(1));
  }

  void write(const std::filesystem::path& folder, const FoamFormat& format = {}) const {
    std::filesystem::create_directories(folder);
    const auto file = [&](const char* name, const char* type, const std::string& content) {
      std::ofstream(folder / name, std::ios::binary) << foam_header(type, name, format) << content << kFoamEnd;
    };
    std::vector<double> xyz;
    for (const Vec3& p : points) xyz.insert(xyz.end(), p.begin(), p.end());
    file("points", "vectorField", foam_values(xyz, 3, format));
    if (format.binary) {
      std::vector<std::int64_t> offsets = {0}, corners;
      for (const auto& f : faces) {
        corners.insert(corners.end(), f.begin(), f.end());
        offsets.push_back(static_cast<std::int64_t>(corners.size()));
      }
      file("faces", "faceCompactList", foam_labels(offsets, format) + "\n" + foam_labels(corners, format));
    } else {
      std::ostringstream list;
      list << faces.size() << "\n(\n";
      for (const auto& f : faces) list << f.size() << '(' << f[0] << ' ' << f[1] << ' ' << f[2] << ' ' << f[3] << ")\n";
      file("faces", "faceList", list.str() + ")");
    }
    file("owner", "labelList", foam_labels(owner, format));
    file("neighbour", "labelList", foam_labels(neighbour, format));
    std::ostringstream boundary;
    boundary << patches.size() << "\n(\n";
    for (const auto& p : patches)
      boundary << "    " << p.name << "\n    {\n        type " << p.type << ";\n        inGroups 1(" << p.type
               << ");\n        nFaces " << p.count << ";\n        startFace " << p.start << ";\n    }\n";
    FoamFormat ascii = format;
    ascii.binary = false;
    std::ofstream(folder / "boundary", std::ios::binary)
        << foam_header("polyBoundaryMesh", "boundary", ascii) << boundary.str() << ")" << kFoamEnd;
  }

  // internal: [cells][components]; on the body the values of body, nothing elsewhere.
  void write_field(const std::filesystem::path& path, const std::string& dimensions, int components,
                   const std::vector<double>& internal, const std::vector<double>& body,
                   const FoamFormat& format = {}) const {
    std::filesystem::create_directories(path.parent_path());
    const char* list = components == 1 ? "nonuniform List<scalar> " : "nonuniform List<vector> ";
    std::ofstream out(path, std::ios::binary);
    out << foam_header(components == 1 ? "volScalarField" : "volVectorField", path.filename().string(), format)
        << "dimensions [" << dimensions << "];\n\ninternalField " << list << foam_values(internal, components, format)
        << ";\n\nboundaryField\n{\n";
    for (const auto& p : patches) {
      out << "    " << p.name << "\n    {\n        type " << (p.name == "symmetry" ? "symmetryPlane" : "calculated")
          << ";\n";
      if (p.name == "body") out << "        value " << list << foam_values(body, components, format) << ";\n";
      out << "    }\n";
    }
    out << "}\n" << kFoamEnd;
  }
};

}  // namespace streamtube::test
