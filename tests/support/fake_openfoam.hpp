#pragma once
// OpenFOAM's programs played by the scripts in tests/data/fake_openfoam, and the solution they hand out.

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "geometry/surface_mesh.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/foam_case.hpp"

namespace streamtube::test {

// A box 1 m long in a flow of 15 m/s. Pressures over the density 80 in front and -20 behind, a shear stress of 0.5
// along the sides, with OpenFOAM's sign.
class FakeOpenFoam {
 public:
  static constexpr double kCdPressure = 100 * 0.12 / (112.5 * 0.12), kCdFriction = 0.5 * (1.4 * 1) / (112.5 * 0.12);
  static constexpr double kPlus = 40;
  TinyFoamMesh mesh{{0, -0.2, 0.05}, {1, 0.2, 0.35}};
  std::filesystem::path folder;

  // PATH and FAKE_OPENFOAM are set for this process and its children.
  explicit FakeOpenFoam(const std::filesystem::path& f) : folder(f) {
    mesh.write(folder / "polyMesh");
    const auto n = mesh.cells;
    std::vector<double> u, vorticity, p, p_body, tau_body;
    for (std::size_t c = 0; c < n; ++c) {
      u.insert(u.end(), {10, 0.1 * static_cast<double>(c), 0.5});
      vorticity.insert(vorticity.end(), {1, 2, static_cast<double>(c)});
      p.push_back(static_cast<double>(c) - 8);
    }
    const auto& body = mesh.patch("body");
    for (std::size_t f = body.start; f < body.start + body.count; ++f) {
      const Vec3 a = mesh.area(f);  // into the body
      const bool front = a[0] > 1e-9, rear = a[0] < -1e-9;
      p_body.push_back(front ? 80 : rear ? -20 : 0);
      const double along = front || rear ? 0 : -0.5;
      tau_body.insert(tau_body.end(), {along, 0, 0});
    }
    const auto put = [&](const char* name, int components, const std::vector<double>& inner,
                         const std::vector<double>& on_body) {
      mesh.write_field(folder / "fields" / name, "0 0 0 0 0 0 0", components, inner, on_body);
    };
    const std::vector<double> zero(3 * n, 0.0), body_zero(3 * body.count, 0.0);
    const std::vector<double> one(n, 1.0), plus(body.count, kPlus);
    for (const char* name : {"U", "UMean"}) put(name, 3, u, body_zero);
    for (const char* name : {"p", "pMean"}) put(name, 1, p, p_body);
    for (const char* name : {"k", "omega", "nut", "phi", "yPlus"}) put(name, 1, one, plus);
    put("wallShearStressMean", 3, zero, tau_body);
    put("vorticityMean", 3, vorticity, body_zero);
    // Half of the body: pressure 6, friction 0.35.
    std::ofstream(folder / "force") << "(6.35 0 0.1) (6 0 0.1) (0.35 0 0)\n";
    const std::string scripts = std::string(STREAMTUBE_SOURCE_DIR) + "/tests/data/fake_openfoam";
    ::setenv("PATH", (scripts + ":/usr/bin:/bin").c_str(), 1);
    ::setenv("FAKE_OPENFOAM", folder.c_str(), 1);
    mode("");
  }
  void mode(const std::string& what) const { ::setenv("FAKE_MODE", what.c_str(), 1); }
  std::string calls() const {
    std::ifstream in(folder / "calls");
    return {std::istreambuf_iterator<char>(in), {}};
  }
  geometry::SurfaceMesh body() const { return box_mesh(mesh.body_low, mesh.body_high, 8); }
};

}  // namespace streamtube::test
