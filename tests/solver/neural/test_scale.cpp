// Bodies of any size by a model of one: similarity, to the bit where floating point allows it.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>

#include "core/error.hpp"
#include "mesh_io/h5/dataset.hpp"
#include "solver/evaluation.hpp"
#include "solver/model_world.hpp"
#include "solver/neural/neural_engine.hpp"
#include "solver/points/point_stream.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/array_of.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/tiny_dataset.hpp"
#include "tests/support/tiny_model.hpp"

using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using solver::Answer;
using solver::Case;
using solver::NeuralEngine;
using test::message_of;

namespace {

constexpr double kCanonical = 0.9;

surrogate::Checkpoint model_of_any_size() {
  auto model = test::tiny_model();
  model.canonical_length = kCanonical;
  return model;
}

// The model's network with two conditions.
surrogate::Checkpoint conditioned_model() {
  auto model = model_of_any_size();
  model.config.condition = 2;
  model.conditions = {{"reynolds_number", "-", true, 6, 0.5, 1e5, 2e6}, {"yaw", "deg", false, 0, 5, -10, 10}};
  model.weights = surrogate::random_weights(model.config, 7);
  for (auto& [name, tensor] : model.weights)
    if (tensor.shape.size() == 2)
      for (float& w : tensor.values) w *= 5.0f;
  return model;
}

// 1 m long for a factor of 1, the velocity such that the Reynolds number stays.
Case question_of(const surrogate::Checkpoint& model, double factor, bool fields = true) {
  Case question;
  question.body = test::bent_box(8, true, [&](Vec3 p) {
    return factor * Vec3{0.5 + 0.5 * p[0], 0.3 * p[1], 0.3 + 0.2 * p[2] + 0.03 * p[0] * p[2]};
  });
  question.report = geometry::report(question.body);
  question.name = "box.stl";
  question.flow = {15 / factor, 1.2, 1.5e-5};
  question.model_scale = solver::automatic_scale(model, question.body.bounds().size()[0], "box").factor;
  if (fields) {
    question.volume = solver::VolumeOutput::adaptive;
    question.derive = {physics::Derived::q_criterion};
    question.probes = {factor * Vec3{1.3, 0.1, 0.3}};
  }
  return question;
}

void check_scaled(const std::vector<float>& here, const std::vector<float>& there, double factor) {
  REQUIRE(here.size() == there.size());
  std::size_t differ = 0;
  for (std::size_t i = 0; i < here.size(); ++i) differ += there[i] != static_cast<float>(factor * here[i]);
  CHECK(differ == 0);
}

}  // namespace

TEST_CASE("a body and its copy of a power of two, at one Reynolds number, agree to the bit") {
  const auto model = conditioned_model();
  NeuralEngine engine(model);
  const auto solve = [&](double factor) {
    Case question = question_of(model, factor);
    question.conditions["yaw"] = 3;
    return engine.solve(std::move(question));
  };
  const Answer one = solve(1);
  CHECK(one.extrapolation.empty());
  for (const double factor : {4.0, std::ldexp(1.0, -10), std::ldexp(1.0, 10)}) {  // also 1 mm and 1 km
    INFO(factor);
    const Answer other = solve(factor);
    CHECK(other.reynolds_number == one.reynolds_number);
    const auto &a = one.forces.coefficients, &b = other.forces.coefficients;
    CHECK(a.cd() == b.cd());
    CHECK(a.cl() == b.cl());
    CHECK(a.cm_pitch() == b.cm_pitch());
    CHECK(test::array_of(one.surface.attributes, "Cp").values == test::array_of(other.surface.attributes, "Cp").values);
    CHECK(test::array_of(one.volume.attributes, "Cp").values == test::array_of(other.volume.attributes, "Cp").values);
    REQUIRE(one.volume.points.size() == other.volume.points.size());
    for (std::size_t i = 0; i < one.volume.points.size(); i += 7)
      CHECK(other.volume.points[i] == factor * one.volume.points[i]);
    // In SI each by its own unit: 1/2 rho U^2, U, U / L and its square.
    check_scaled(test::array_of(one.surface.attributes, "pressure").values,
                 test::array_of(other.surface.attributes, "pressure").values, 1 / (factor * factor));
    check_scaled(test::array_of(one.volume.attributes, "velocity").values,
                 test::array_of(other.volume.attributes, "velocity").values, 1 / factor);
    check_scaled(test::array_of(one.volume.attributes, "vorticity").values,
                 test::array_of(other.volume.attributes, "vorticity").values, 1 / (factor * factor));
    check_scaled(test::array_of(one.volume.attributes, "q_criterion").values,
                 test::array_of(other.volume.attributes, "q_criterion").values, std::pow(factor, -4));
    CHECK(other.probe_velocity[0] == 1 / factor * one.probe_velocity[0]);
    CHECK(other.forces.scales.area == factor * factor * one.forces.scales.area);
    CHECK(other.forces.axes.moment_center == factor * one.forces.axes.moment_center);
    CHECK(other.extrapolation.empty());
  }
}

TEST_CASE("a copy of another factor agrees to rounding, its forces in the ratio of q A") {
  const auto model = model_of_any_size();
  NeuralEngine engine(model);
  Case small = question_of(model, 1, false), large = question_of(model, 4.4, false);
  large.flow.velocity = small.flow.velocity;  // this model does not know the Reynolds number
  const Answer a = engine.solve(std::move(small)), b = engine.solve(std::move(large));
  CHECK(b.forces.coefficients.cd() == Approx(a.forces.coefficients.cd()).margin(1e-5));
  CHECK(b.forces.coefficients.cl() == Approx(a.forces.coefficients.cl()).margin(1e-5));
  const auto drag = [](const Answer& x) {
    return x.forces.scales.dynamic_pressure() * x.forces.scales.area * x.forces.coefficients.cd();
  };
  CHECK(drag(b) == Approx(4.4 * 4.4 * drag(a)).epsilon(1e-4));
  CHECK(b.reynolds_number == Approx(4.4 * a.reynolds_number));
}

TEST_CASE("the scale decides what the network sees, not what the answer is about") {
  const auto model = test::tiny_model();
  NeuralEngine engine(model);
  Case question = question_of(model, 1, false), scaled = question, far = question;
  scaled.model_scale = 1.25;  // the body as if it were 0.8 m long
  const Answer a = engine.solve(std::move(question)), b = engine.solve(std::move(scaled));
  CHECK(a.forces.coefficients.cd() != b.forces.coefficients.cd());
  CHECK(a.forces.scales.area == b.forces.scales.area);
  CHECK(a.reynolds_number == b.reynolds_number);
  CHECK(a.surface.points == b.surface.points);
  far.model_scale = 0.2;  // the body reaches beyond the domain then
  CHECK_THAT(message_of([&] { engine.plan(far); }), ContainsSubstring("knows positions from -0.2 to 0.6 m only"));
  far.model_scale = 4;  // 0.25 m long for the model
  const auto outside = engine.plan(far).extrapolation;
  REQUIRE(outside.size() == 1);
  CHECK(outside[0].quantity == "length");
  CHECK(outside[0].min == Approx(2));  // in the user's metres
}

TEST_CASE("a conditioned network answers by its conditions; what lies outside of their range is said") {
  const auto model = conditioned_model();
  NeuralEngine engine(model);
  const auto drag = [&](double velocity, double yaw, std::vector<std::string> outside) {
    Case question = question_of(model, 1, false);
    question.flow.velocity = velocity, question.conditions["yaw"] = yaw;
    const Answer answer = engine.solve(std::move(question));
    std::vector<std::string> found;
    for (const auto& e : answer.extrapolation) found.push_back(e.quantity);
    CHECK(found == outside);
    return answer.forces.coefficients.cd();
  };
  const double plain = drag(15, 0, {});
  CHECK(drag(15, 0, {}) == plain);
  CHECK(drag(15, 5, {}) != plain);
  CHECK(drag(20, 0, {}) != plain);
  drag(15, 20, {"yaw"});
  drag(0.015, 0, {"reynolds_number"});  // 1e3
  drag(1.5e4, 0, {"reynolds_number"});  // 1e9
  Case missing = question_of(model, 1, false);
  try {
    engine.plan(missing);
    FAIL("no error");
  } catch (const core::Error& error) {
    CHECK(error.kind() == core::ErrorKind::usage);
    CHECK_THAT(error.message(), ContainsSubstring("conditioned on yaw (deg)"));
  }
}

TEST_CASE("a prepared case keeps its scale and its conditions") {
  const test::TempDir dir;
  const auto model = conditioned_model();
  NeuralEngine engine(model);
  Case question = question_of(model, 4, false);
  question.conditions["yaw"] = 3;
  std::vector<Vec3> places, areas;
  for (std::size_t f = 0; f < question.body.face_count(); ++f)
    places.push_back(question.body.centroid(f)), areas.push_back(question.body.area_vector(f));
  {
    auto file = mesh_io::H5File::create(dir.file("case.h5"));
    mesh_io::write_points(file, physics::Branch::surface, places, areas);
    solver::PreparedCase prepared = engine.prepare(question);
    prepared.placement.frame.step = geometry::step_of(prepared.model_scale);
    solver::write_prepared(file, prepared);
    file.close();
  }
  const Answer answer = engine.solve(std::move(question));
  const mesh_io::PointFile points(dir.file("case.h5"));
  const solver::PreparedCase read = solver::read_prepared(points.file());
  CHECK(read.model_scale == 4 / kCanonical);
  CHECK(read.conditions == std::map<std::string, double>{{"yaw", 3}});
  CHECK(read.placement.frame.step == 0x1p-38);
  surrogate::Surrogate network(model.config, model.weights, "tiny");
  const solver::NetworkCase encoded(read, model);
  CHECK(encoded.condition.size() == 2);
  network.encode(encoded.input());
  const core::Processes alone;
  const solver::PointStream stream(model, points, {}, {}, alone, read.placement, read.model_scale);
  CHECK(stream.check().empty());
  const std::string out[2] = {dir.file("s.hdf"), dir.file("v.hdf")};
  stream.run(read, network, out, {});
  CHECK(mesh_io::H5File::open(out[0]).read<float>("/VTKHDF/PointData/Cp") ==
        test::array_of(answer.surface.attributes, "Cp").values);
}

TEST_CASE("cases of a data set are evaluated at their own scale and conditions") {
  const test::TempDir dir;
  const auto write = [&](const std::string& name, float factor) {
    mesh_io::DatasetHeader header = test::tiny_header();
    header.splits["test"] = {"case_1"};
    bool given = false;
    mesh_io::write_dataset(dir.file(name), header, [&](mesh_io::FlowSample& sample) {
      if (std::exchange(given, true)) return false;
      sample = test::tiny_case(1);
      sample.info.parameters["yaw"] = 3;
      sample.info.flow.velocity /= factor;
      sample.info.reference_length *= factor, sample.info.reference_area *= factor * factor;
      for (int b = 0; b < 2; ++b) {
        for (float& x : sample.part[b].position) x *= factor;
        for (float& x : sample.part[b].size) x *= b == 0 ? factor * factor : factor * factor * factor;
        for (auto& field : sample.part[b].fields)
          for (float& x : field.values) x /= field.name == "velocity" ? factor : factor * factor;
      }
      return true;
    });
    return mesh_io::Dataset(dir.file(name));
  };
  auto model = conditioned_model();
  model.sampling.geometry_points = 60, model.sampling.supernodes = 16;
  const auto one = write("one.h5", 1), four = write("four.h5", 4);
  const auto score = [&](const mesh_io::Dataset& data) { return solver::evaluate(model, data, {}).cases.at(0); };
  const auto a = score(one), b = score(four);
  CHECK(a.cd == Approx(b.cd).epsilon(1e-6));
  for (const auto& [name, error] : a.relative_l2) CHECK(b.relative_l2.at(name) == Approx(error).epsilon(1e-5));
  // A curl as cells have it, too; at points it is another.
  solver::EvaluationOptions curl;
  curl.vorticity = physics::Decoder::curl;
  const auto of_one = solver::evaluate(model, one, curl), of_four = solver::evaluate(model, four, curl);
  const auto error = [](const solver::EvaluationResult& r) { return r.fields.at("volume/vorticity").relative_l2; };
  CHECK(of_one.vorticity_of_cells);
  CHECK(error(of_four) == Approx(error(of_one)).epsilon(1e-4));
  curl.vorticity_of_cells = false;
  const auto at_points = solver::evaluate(model, one, curl);
  CHECK(!at_points.vorticity_of_cells);
  CHECK(std::abs(error(at_points) / error(of_one) - 1) > 1e-3);
  model.conditions[1].name = "pitch";
  CHECK_THAT(message_of([&] { score(one); }),
             ContainsSubstring("case 'case_1'") && ContainsSubstring("conditioned on pitch"));
}
