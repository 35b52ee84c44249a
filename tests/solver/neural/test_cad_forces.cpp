// A CAD file and an STL of the same body get the same forces from the built-in model.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>

#include "mesh_io/mesh_io.hpp"
#include "solver/neural/neural_engine.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "tests/support/cad_shapes.hpp"
#include "tests/support/temp_dir.hpp"

using namespace streamtube;
using Catch::Approx;

namespace {

solver::Forces forces_of(solver::NeuralEngine& engine, geometry::SurfaceMesh mesh) {
  solver::Case question;
  question.report = geometry::report(mesh);
  CHECK(question.report.watertight);
  question.body = std::move(mesh);
  question.name = "ahmed";
  question.flow = {15, 1.225, 1.5e-5};
  return engine.solve(std::move(question)).forces;
}

}  // namespace

TEST_CASE("an Ahmed body as STEP and as a finer STL differ by less than 1 % in drag") {
  const test::TempDir dir;
  test::write_ahmed(dir.file("ahmed.step"), test::CadFormat::step);
  test::write_ahmed_stl(dir.file("ahmed.stl"), 5e-5);
  const auto model = surrogate::read_checkpoint(STREAMTUBE_SOURCE_DIR "/data_samples/models/ahmed.h5");
  solver::NeuralEngine engine(model);
  auto step = mesh_io::read_surface(dir.file("ahmed.step")), stl = mesh_io::read_surface(dir.file("ahmed.stl"));
  const Vec3 size = step.bounds().size();
  CHECK(size[0] == Approx(1.044).epsilon(1e-6));
  CHECK(size[1] == Approx(0.389).epsilon(1e-6));
  CHECK(size[2] == Approx(0.288).epsilon(1e-6));
  CHECK(step.bounds().low[2] == Approx(0.05).epsilon(1e-6));
  CHECK(stl.face_count() > 2 * step.face_count());
  const auto a = forces_of(engine, std::move(step)), b = forces_of(engine, std::move(stl));
  INFO("STEP " << a.coefficients.cd() << ", STL " << b.coefficients.cd());
  CHECK(a.coefficients.cd() == Approx(b.coefficients.cd()).epsilon(0.01));
  CHECK(a.scales.area == Approx(b.scales.area).epsilon(1e-3));
}
