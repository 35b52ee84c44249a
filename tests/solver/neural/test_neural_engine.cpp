#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>

#include "core/error.hpp"
#include "mesh_io/gradient.hpp"
#include "physics/cell_vorticity.hpp"
#include "solver/neural/neural_engine.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/array_of.hpp"
#include "tests/support/tiny_model.hpp"

using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using solver::Answer;
using solver::Case;
using solver::Evaluation;
using solver::Location;
using solver::NeuralEngine;
using solver::VolumeOutput;

namespace {

geometry::SurfaceMesh box_mesh(int n) {
  return test::bent_box(n, true, [](Vec3 p) { return Vec3{0.5 + 0.5 * p[0], 0.3 * p[1], 0.3 + 0.2 * p[2]}; });
}

Case box_case(int n = 6) {
  Case question;
  question.body = box_mesh(n);
  question.report = geometry::report(question.body);
  question.name = "box.stl";
  question.flow = {15, 1.225, 1.5e-5};
  return question;
}

const surrogate::Checkpoint& model() {
  static const surrogate::Checkpoint checkpoint = test::tiny_model();
  return checkpoint;
}

Answer solve(Case question, Evaluation evaluation = Evaluation::cached) {
  NeuralEngine engine(model(), evaluation);
  return engine.solve(std::move(question));
}

double spread(const std::vector<float>& values) {
  double low = 1e30, high = -1e30;
  for (const float v : values) low = std::min<double>(low, v), high = std::max<double>(high, v);
  return high - low;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max<double>(worst, std::abs(a[i] - b[i]));
  return worst;
}

}  // namespace

TEST_CASE("an answer has the announced fields, in SI and dimensionless") {
  Case question = box_case();
  question.volume = VolumeOutput::adaptive;
  const Answer answer = solve(std::move(question));
  const double q = 0.5 * 1.225 * 15 * 15;
  const auto& p = test::array_of(answer.surface.attributes, "pressure");
  const auto& cp = test::array_of(answer.surface.attributes, "Cp");
  REQUIRE(p.values.size() == answer.surface.face_count());
  CHECK(spread(cp.values) > 1e-3);  // the model answers differently in different places
  for (std::size_t i = 0; i < p.values.size(); ++i) CHECK(p.values[i] == Approx(q * cp.values[i]).epsilon(1e-5));
  CHECK(test::array_of(answer.surface.attributes, "wall_shear_stress").values.size() ==
        3 * answer.surface.face_count());
  CHECK(test::array_of(answer.surface.attributes, "Cf").components == 3);
  REQUIRE(answer.volume.cell_count() > 0);
  for (const char* name : {"pressure", "Cp", "velocity", "vorticity"}) {
    const auto& a = test::array_of(answer.volume.attributes, name);
    CHECK(a.values.size() == answer.volume.cell_count() * static_cast<std::size_t>(a.components));
    for (const float v : a.values) CHECK(std::isfinite(v));
  }
  CHECK(answer.extrapolation.empty());
  CHECK(answer.reynolds_number == Approx(1e6));
  CHECK_NOTHROW(answer.surface.check("surface"));
}

TEST_CASE("the surface answer does not depend on what else is asked for") {
  const Answer alone = solve(box_case());
  Case question = box_case();
  question.volume = VolumeOutput::grid;
  question.grid_cell = 0.1;
  question.probes = {{2, 0, 0.5}};
  const Answer with_volume = solve(std::move(question));
  CHECK(test::array_of(alone.surface.attributes, "Cp").values ==
        test::array_of(with_volume.surface.attributes, "Cp").values);
  CHECK(alone.forces.coefficients.cd() == with_volume.forces.coefficients.cd());
}

TEST_CASE("the same seed gives the same answer, another seed another one") {
  Case a = box_case(), b = box_case(), c = box_case();
  a.seed = b.seed = 3;
  c.seed = 4;
  a.volume = b.volume = c.volume = VolumeOutput::adaptive;
  NeuralEngine engine(model());
  const Answer first = engine.solve(std::move(a));
  const Answer other = engine.solve(std::move(c));
  const Answer again = engine.solve(std::move(b));  // also: an engine keeps nothing of the case before
  CHECK(test::array_of(first.surface.attributes, "Cp").values == test::array_of(again.surface.attributes, "Cp").values);
  CHECK(test::array_of(first.volume.attributes, "velocity").values ==
        test::array_of(again.volume.attributes, "velocity").values);
  CHECK(first.forces.coefficients.cl() == again.forces.coefficients.cl());
  CHECK(test::array_of(first.surface.attributes, "Cp").values != test::array_of(other.surface.attributes, "Cp").values);
}

TEST_CASE("vertices and cells: fields in other places, the same forces") {
  Case cells = box_case(), vertices = box_case();
  vertices.points_on = Location::vertices;
  const Answer on_cells = solve(std::move(cells));
  const Answer on_vertices = solve(std::move(vertices));
  const auto& cp = test::array_of(on_vertices.surface.attributes, "Cp");
  CHECK(cp.association == geometry::Association::points);
  CHECK(cp.values.size() == on_vertices.surface.points.size());
  CHECK(on_vertices.forces.coefficients.cd() == Approx(on_cells.forces.coefficients.cd()).epsilon(1e-5));
  CHECK(on_vertices.forces.integration_points == on_cells.forces.integration_points);
  // Points with the same position have the same value.
  const auto& points = on_vertices.surface.points;
  int pairs = 0;
  for (std::size_t i = 0; i < points.size(); i += 5)
    for (std::size_t j = i + 1; j < points.size(); ++j)
      if (points[i] == points[j]) {
        CHECK(cp.values[i] == Approx(cp.values[j]).margin(1e-6));
        ++pairs;
      }
  CHECK(pairs > 10);
}

TEST_CASE("forces do not depend on how finely the surface is cut") {
  // The body stays the same and so do the anchors; only the surface that is integrated over changes.
  Case coarse = box_case(), fine = box_case();
  coarse.surface = box_mesh(1);
  fine.surface = box_mesh(40);
  // Random weights vary over a few centimetres; elements must be smaller than that.
  auto smooth = model();
  smooth.sampling.surface_face_size = 0.006;
  NeuralEngine engine(smooth);
  const Answer a = engine.solve(std::move(coarse)), b = engine.solve(std::move(fine));
  CHECK(a.surface.face_count() == 12);
  CHECK(a.forces.integration_points > 10000);
  const auto &ca = a.forces.coefficients, &cb = b.forces.coefficients;
  CHECK(ca.cd() == Approx(cb.cd()).margin(2e-3));
  CHECK(ca.cl() == Approx(cb.cl()).margin(2e-3));
  CHECK(ca.friction.drag == Approx(cb.friction.drag).epsilon(2e-3));
}

TEST_CASE("the same body in other triangles: the same points drawn, the same forces") {
  NeuralEngine engine(model());
  solver::PreparedCase drawn_coarse, drawn_fine;
  const Answer coarse = engine.solve(box_case(1), &drawn_coarse), fine = engine.solve(box_case(9), &drawn_fine);
  CHECK(fine.surface.face_count() == 81 * coarse.surface.face_count());
  REQUIRE(drawn_fine.points.size() == drawn_coarse.points.size());
  double worst = 0;
  for (std::size_t i = 0; i < drawn_fine.points.size(); ++i)
    worst = std::max(worst, norm(drawn_fine.points[i] - drawn_coarse.points[i]));
  CHECK(worst < 1e-9);
  CHECK(coarse.forces.integration_points == fine.forces.integration_points);
  CHECK(std::abs(coarse.forces.coefficients.cd()) > 1e-3);
  CHECK(coarse.forces.coefficients.cd() == Approx(fine.forces.coefficients.cd()).margin(1e-6));
  CHECK(coarse.forces.coefficients.cm_pitch() == Approx(fine.forces.coefficients.cm_pitch()).margin(1e-6));

  // Where fields are wanted on a finer surface of the body, forces stay what they are.
  Case question = box_case(1);
  question.surface = box_mesh(9), question.forces_on_body = true;
  const Answer refined = engine.solve(std::move(question));
  CHECK(refined.surface.face_count() == fine.surface.face_count());
  CHECK(refined.forces.coefficients.cd() == coarse.forces.coefficients.cd());
}

TEST_CASE("coefficients do not depend on the velocity, SI fields follow it") {
  Case slow = box_case(), fast = box_case();
  slow.flow.velocity = 10;
  fast.flow.velocity = 20;
  const Answer a = solve(std::move(slow)), b = solve(std::move(fast));
  CHECK(test::array_of(a.surface.attributes, "Cp").values == test::array_of(b.surface.attributes, "Cp").values);
  CHECK(a.forces.coefficients.cd() == Approx(b.forces.coefficients.cd()).epsilon(1e-12));
  const auto &pa = test::array_of(a.surface.attributes, "pressure").values,
             &pb = test::array_of(b.surface.attributes, "pressure").values;
  for (std::size_t i = 0; i < pa.size(); ++i) CHECK(pb[i] == Approx(4 * pa[i]).epsilon(1e-5));
}

TEST_CASE("a user's mesh and probes are answered where they lie") {
  geometry::VolumeMesh mesh;  // one tetrahedron and one outside of the training domain
  mesh.points = {{2, 0, 0.2}, {2.1, 0, 0.2}, {2, 0.1, 0.2}, {2, 0, 0.3},
                 {2, 0, 2},   {2.1, 0, 2},   {2, 0.1, 2},   {2, 0, 2.1}};
  mesh.offsets = {0, 4, 8};
  mesh.corners = {0, 1, 2, 3, 4, 5, 6, 7};
  mesh.types = {10, 10};
  Case question = box_case();
  question.volume = VolumeOutput::mesh;
  question.volume_mesh = mesh;
  question.probes = {mesh.center(0)};
  const Answer answer = solve(std::move(question));
  const auto& velocity = test::array_of(answer.volume.attributes, "velocity");
  REQUIRE(velocity.values.size() == 6);
  for (int a = 0; a < 3; ++a)
    CHECK(answer.probe_velocity[0][a] == Approx(velocity.values[a]).epsilon(1e-4).margin(1e-5));
  REQUIRE(answer.extrapolation.size() == 1);
  CHECK(answer.extrapolation[0].quantity == "volume_points_outside_domain");
  CHECK(answer.extrapolation[0].value == 1);
}

TEST_CASE("within the body and beneath the ground there is no flow") {
  geometry::VolumeMesh mesh;  // points in the wake, in the middle, just below the skin, under the road, above the roof
  mesh.points = {{2, 0, 0.2}, {0.5, 0, 0.3}, {0.5, 0, 0.4995}, {2, 0, -0.1}, {0.5, 0, 0.52}};
  mesh.offsets = {0, 4};
  mesh.corners = {0, 1, 2, 3};
  mesh.types = {10};
  Case question = box_case();
  question.volume = VolumeOutput::mesh;
  question.volume_mesh = mesh;
  question.points_on = Location::vertices;
  const Answer answer = solve(question);
  CHECK(test::array_of(answer.volume.attributes, "inside").values == std::vector<float>{0, 1, 0, 2, 0});
  const auto& cp = test::array_of(answer.volume.attributes, "Cp").values;
  for (std::size_t i = 0; i < 5; ++i) CHECK(std::isfinite(cp[i]) == (i != 1 && i != 3));
  REQUIRE(answer.warnings.size() == 1);
  CHECK_THAT(answer.warnings[0],
             ContainsSubstring("1 of the 5 places of '' lie within the body, 1 beneath the ground"));
  question.keep_inside = true;
  const Answer kept = solve(std::move(question));
  CHECK(kept.warnings.empty());
  for (const auto& a : kept.volume.attributes)
    for (const float x : a.values) CHECK(std::isfinite(x));
}

TEST_CASE("points as anchors, chunk by chunk") {
  Case a = box_case(), b = box_case(), cached = box_case();
  a.volume = b.volume = VolumeOutput::grid;
  a.grid_cell = b.grid_cell = 0.25;
  const Answer first = solve(std::move(a), Evaluation::chunked_anchors);
  const Answer again = solve(std::move(b), Evaluation::chunked_anchors);
  const auto& values = test::array_of(first.surface.attributes, "Cp").values;
  REQUIRE(values.size() == 6 * 6 * 6 * 2);
  CHECK(values == test::array_of(again.surface.attributes, "Cp").values);
  for (const float v : values) CHECK(std::isfinite(v));
  for (const float v : test::array_of(first.volume.attributes, "velocity").values) CHECK(std::isfinite(v));
  const Answer as_queries = solve(std::move(cached));
  const auto& queries = test::array_of(as_queries.surface.attributes, "Cp").values;
  const double difference = largest_difference(values, queries);
  CHECK(difference > 0);
  CHECK(difference < spread(queries));
}

namespace {

using physics::Decoder;
using physics::Derived;

// n^3 small hexahedra in a cube of `size` beside the body.
geometry::VolumeMesh small_cube(int n, double size) {
  geometry::VolumeMesh mesh;
  const int m = n + 1;
  for (int z = 0; z < m; ++z)
    for (int y = 0; y < m; ++y)
      for (int x = 0; x < m; ++x) mesh.points.push_back({1.5 + size * x / n, 0.3 + size * y / n, 0.4 + size * z / n});
  mesh.offsets = {0};
  for (int z = 0; z < n; ++z)
    for (int y = 0; y < n; ++y)
      for (int x = 0; x < n; ++x) {
        const std::int64_t first = (z * m + y) * m + x, up = std::int64_t{m} * m;
        for (const std::int64_t corner : {first, first + 1, first + m + 1, first + m}) mesh.corners.push_back(corner);
        for (const std::int64_t corner : {first, first + 1, first + m + 1, first + m})
          mesh.corners.push_back(corner + up);
        mesh.offsets.push_back(static_cast<std::int64_t>(mesh.corners.size()));
        mesh.types.push_back(12);
      }
  return mesh;
}

Case cube_case(int n = 6, double size = 0.03) {
  Case question = box_case();
  question.volume = VolumeOutput::mesh;
  question.volume_mesh = small_cube(n, size);
  question.points_on = Location::vertices;
  return question;
}

physics::Jacobian jacobian(const geometry::Attribute& gradient, std::size_t i) {
  physics::Jacobian j;
  for (std::size_t c = 0; c < 9; ++c) j[c / 3][c % 3] = gradient.values[9 * i + c];
  return j;
}

}  // namespace

TEST_CASE("derived fields follow from the velocity's gradient, and that from the velocity, in SI") {
  constexpr double kSize = 0.006;
  Case question = cube_case(6, kSize);
  question.derive.assign(std::begin(physics::kDerived), std::end(physics::kDerived));
  question.vorticity = Decoder::curl;
  const Answer answer = solve(std::move(question));
  const auto& fields = answer.volume.attributes;
  const auto& gradient = test::array_of(fields, "velocity_gradient");
  const std::size_t n = answer.volume.points.size();
  REQUIRE(gradient.values.size() == 9 * n);
  const auto of_mesh = mesh_io::gradient(answer.volume, test::array_of(fields, "velocity"));
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const physics::Jacobian j = jacobian(gradient, i);
    const double scale = std::pow(norm(j[0]) + norm(j[1]) + norm(j[2]), 2);
    CHECK(test::array_of(fields, "q_criterion").values[i] == Approx(physics::q_criterion(j)).margin(1e-5 * scale));
    CHECK(test::array_of(fields, "lambda2").values[i] == Approx(physics::lambda2(j)).margin(1e-5 * scale));
    CHECK(test::array_of(fields, "divergence").values[i] ==
          Approx(physics::divergence(j)).margin(1e-5 * std::sqrt(scale)));
    for (std::size_t c = 0; c < 6; ++c)
      CHECK(test::array_of(fields, "strain_rate").values[6 * i + c] ==
            Approx(physics::strain_rate(j)[c]).margin(1e-5 * std::sqrt(scale)));
    for (std::size_t c = 0; c < 3; ++c)
      CHECK(test::array_of(fields, "vorticity").values[3 * i + c] ==
            Approx(physics::curl(j)[c]).margin(1e-5 * std::sqrt(scale)));
    bool inside = true;
    for (std::size_t a = 0; a < 3; ++a) {
      const double at = (answer.volume.points[i][a] - answer.volume.points[0][a]) / kSize;
      inside = inside && at > 0.1 && at < 0.9;
    }
    for (std::size_t c = 0; inside && c < 9; ++c)
      difference += std::pow(gradient.values[9 * i + c] - of_mesh[9 * i + c], 2),
          size += std::pow(of_mesh[9 * i + c], 2);
  }
  REQUIRE(size > 0);
  CHECK(std::sqrt(difference / size) < 0.05);  // cells of 1 mm against a network that varies over centimetres
}

TEST_CASE("the decoder of vorticity changes vorticity and nothing else; the length it is scaled with cancels") {
  Case direct = cube_case(2), curl = cube_case(2), longer = cube_case(2), back = cube_case(2);
  curl.vorticity = longer.vorticity = Decoder::curl;
  longer.reference_length = 3;
  direct.probes = curl.probes = {{2, 0.1, 0.4}};
  const Answer a = solve(std::move(direct)), b = solve(std::move(curl)), c = solve(std::move(longer));
  for (const char* same : {"velocity", "pressure"}) {
    const auto& values = test::array_of(a.volume.attributes, same).values;
    CHECK(largest_difference(values, test::array_of(b.volume.attributes, same).values) < 1e-5 * spread(values));
  }
  CHECK(a.probe_velocity == b.probe_velocity);
  const auto& vorticity = test::array_of(b.volume.attributes, "vorticity").values;
  CHECK(largest_difference(test::array_of(a.volume.attributes, "vorticity").values, vorticity) >
        0.1 * spread(vorticity));
  CHECK(largest_difference(test::array_of(c.volume.attributes, "vorticity").values, vorticity) <
        1e-5 * spread(vorticity));

  surrogate::Checkpoint model = test::tiny_model();
  model.normalizer.branch[1].fields[2].decoder = Decoder::curl;
  NeuralEngine engine(model);
  CHECK(test::array_of(engine.solve(cube_case(2)).volume.attributes, "vorticity").values == vorticity);
  back.vorticity = Decoder::direct;
  CHECK(test::array_of(engine.solve(std::move(back)).volume.attributes, "vorticity").values ==
        test::array_of(a.volume.attributes, "vorticity").values);
}

TEST_CASE("vorticity of cells is made of the velocities around them") {
  constexpr double h = 0.04, far = 10;
  struct Place {
    Vec3 at;
    double distance;
    Vec3 normal;
  };
  const std::vector<Place> places = {{{0.5, 0.1, 0.51}, 0.01, {0, 0, 1}},
                                     {{0.5, 0.1, 0.56}, 0.06, {0, 0, 1}},
                                     {{0.5, 0.33, 0.3}, 0.03, {0, 1, 0}},
                                     {{1.6, 0.1, 0.3}, 0.6, {1, 0, 0}},
                                     {{1.6, 0.1, 0.015}, far, {1, 0, 0}}};
  Case question = box_case();
  question.vorticity_cell = h;
  for (const Place& place : places) question.sample_mesh.points.push_back(place.at);
  const double ground = model().domain.low[2];
  Case arms = box_case();
  std::vector<Vec3> weights;
  std::vector<std::size_t> begin = {0};
  for (const Place& place : places) {
    const auto stencil = physics::cell_stencil(place.at, h, place.distance, place.normal, ground);
    for (const auto& arm : stencil.used()) arms.probes.push_back(place.at + arm.offset), weights.push_back(arm.weight);
    begin.push_back(weights.size());
  }
  CHECK(begin == std::vector<std::size_t>{0, 1, 7, 13, 19, 25});
  const Answer cells = solve(std::move(question)), around = solve(std::move(arms));
  const auto& vorticity = test::array_of(cells.samples.attributes, "vorticity").values;
  for (std::size_t i = 0; i < places.size(); ++i) {
    CAPTURE(i);
    Vec3 expected{0, 0, 0};
    for (std::size_t k = begin[i]; k < begin[i + 1]; ++k)
      expected = expected + cross(weights[k], around.probe_velocity[k]);
    for (std::size_t a = 0; a < 3; ++a)
      CHECK(vorticity[3 * i + a] == Approx(expected[a]).epsilon(1e-3).margin(1e-3 * norm(expected) + 1e-2));
  }
}

TEST_CASE("vorticity of a mesh's own cells is that of cells of their size, neighbours asked for once or not") {
  constexpr double size = 0.15;
  Case own = box_case(), sized = box_case();
  for (Case* question : {&own, &sized}) question->volume = VolumeOutput::grid, question->grid_cell = size;
  own.vorticity_of_own_cells = true, sized.vorticity_cell = size;
  const Answer a = solve(std::move(own)), b = solve(std::move(sized));
  const auto& one = test::array_of(a.volume.attributes, "vorticity").values;
  const auto& other = test::array_of(b.volume.attributes, "vorticity").values;
  CHECK(one.size() > 3000);
  CHECK(largest_difference(one, other) < 1e-4 * spread(other));
}

TEST_CASE("a model with a vector potential: the velocity's divergence vanishes") {
  surrogate::Checkpoint model = test::tiny_model();
  model.normalizer.branch[1].fields[1].decoder = Decoder::potential;
  model.normalizer.branch[1].std[1] = model.normalizer.branch[1].std[2] = model.normalizer.branch[1].std[3] = 0.3;
  NeuralEngine engine(model);
  Case question = cube_case(3);
  question.derive = {Derived::divergence, Derived::velocity_gradient};
  question.probes = {question.volume_mesh.points[5]};
  const Answer answer = engine.solve(std::move(question));
  const auto& divergence = test::array_of(answer.volume.attributes, "divergence").values;
  double sum = 0, all = 0;
  for (const float d : divergence) sum += d * d;
  for (const float g : test::array_of(answer.volume.attributes, "velocity_gradient").values) all += g * g;
  CHECK(std::sqrt(sum / all) < 0.01);
  for (std::size_t c = 0; c < 3; ++c)
    CHECK(answer.probe_velocity[0][c] ==
          Approx(test::array_of(answer.volume.attributes, "velocity").values[15 + c]).epsilon(1e-3).margin(1e-3));
}

TEST_CASE("derived fields where points are anchors") {
  Case plain = cube_case(3), derived = cube_case(3);
  derived.derive = {Derived::velocity_gradient, Derived::q_criterion};
  const Answer a = solve(std::move(plain), Evaluation::chunked_anchors),
               b = solve(std::move(derived), Evaluation::chunked_anchors);
  const auto& velocity = test::array_of(a.volume.attributes, "velocity").values;
  CHECK(largest_difference(velocity, test::array_of(b.volume.attributes, "velocity").values) < 1e-3 * spread(velocity));
  const auto& gradient = test::array_of(b.volume.attributes, "velocity_gradient");
  for (const float v : gradient.values) CHECK(std::isfinite(v));
  CHECK(test::array_of(b.volume.attributes, "q_criterion").values[7] ==
        Approx(physics::q_criterion(jacobian(gradient, 7))).epsilon(1e-3));
}

TEST_CASE("derivatives that cannot be given are refused before the work") {
  const NeuralEngine engine(model());
  Case nowhere = box_case();
  nowhere.derive = {Derived::lambda2};
  CHECK_THROWS_AS(engine.plan(nowhere), core::Error);
  auto other = test::tiny_model();
  other.normalizer.branch[1].fields[2].name = "helicity";
  const NeuralEngine without(other);
  Case question = cube_case(2);
  question.vorticity = Decoder::curl;
  try {
    without.plan(question);
    FAIL("no error");
  } catch (const core::Error& error) {
    CHECK(error.kind() == core::ErrorKind::input);
    CHECK_THAT(error.message(), ContainsSubstring("the model 'tiny'") && ContainsSubstring("no vorticity"));
  }
  question.vorticity.reset();
  question.derive = {Derived::q_criterion, Derived::strain_rate};
  const auto plan = engine.plan(question);
  const auto line = [&](const std::string& what) {
    for (const auto& [name, text] : plan.lines)
      if (name == what) return text;
    return std::string();
  };
  CHECK_THAT(line("derived fields"), ContainsSubstring("q_criterion, strain_rate"));
  CHECK(line("vorticity") == "the network's own");
  question.derive.clear();
  CHECK(engine.plan(question).memory < plan.memory);
}

TEST_CASE("a plan says what will be done and refuses what would fail") {
  const NeuralEngine engine(model());
  Case question = box_case();
  question.volume = VolumeOutput::grid;
  question.grid_cell = 0.1;
  question.flow.velocity = 100;
  const auto plan = engine.plan(question);
  CHECK(plan.surface_points == question.body.face_count());
  CHECK(plan.memory > 0);
  REQUIRE(plan.extrapolation.size() == 1);
  CHECK(plan.extrapolation[0].quantity == "reynolds_number");
  NeuralEngine solver(model());
  CHECK(plan.volume_points == solver.solve(std::move(question)).volume.cell_count());

  Case far = box_case();
  for (Vec3& p : far.body.points) p[0] += 5;
  CHECK_THROWS_AS(engine.plan(far), core::Error);
  CHECK_THROWS_AS(solver.solve(std::move(far)), core::Error);
  Case still = box_case();
  still.flow.velocity = 0;
  CHECK_THROWS_AS(engine.plan(still), core::Error);
}

TEST_CASE("a model without the needed fields is refused") {
  auto other = test::tiny_model();
  other.normalizer.branch[0].fields[1].name = "skin_friction";
  try {
    const NeuralEngine engine(other);
    FAIL("no error");
  } catch (const core::Error& error) {
    CHECK_THAT(error.message(), ContainsSubstring("no surface field 'wall_shear_stress'"));
  }
}

TEST_CASE("forces of the patches add up to those of the whole") {
  Case question = box_case();
  question.body.patch_names = {"front", "empty", "rest"};
  for (std::size_t f = 0; f < question.body.face_count(); ++f)
    question.body.patch[f] = question.body.centroid(f)[0] < 0.01 ? 0 : 2;
  const Answer answer = solve(std::move(question));
  const auto& patches = answer.forces.patches;
  REQUIRE(patches.size() == 3);
  CHECK(patches[0].name == "front");
  CHECK(patches[0].area == Approx(0.6 * 0.4));
  CHECK(patches[1].area == 0);
  CHECK(patches[2].area == Approx(2 * (0.6 + 0.4) * 1 + 0.6 * 0.4));
  // The front alone takes no pressure force across, and the rest takes some of it.
  CHECK(patches[0].coefficients.pressure.lift == Approx(0).margin(1e-12));
  CHECK(std::abs(patches[0].coefficients.pressure.drag) > 1e-3);
  using physics::Contribution;
  for (const auto member : {&Contribution::drag, &Contribution::lift, &Contribution::side, &Contribution::roll,
                            &Contribution::pitch, &Contribution::yaw}) {
    double pressure = 0, friction = 0;
    for (const auto& patch : patches) {
      pressure += patch.coefficients.pressure.*member;
      friction += patch.coefficients.friction.*member;
    }
    CHECK(pressure == Approx(answer.forces.coefficients.pressure.*member).margin(1e-12));
    CHECK(friction == Approx(answer.forces.coefficients.friction.*member).margin(1e-12));
  }
}
