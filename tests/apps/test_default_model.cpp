// The built-in model, and how another becomes the default.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "apps/cli/model.hpp"
#include "core/json.hpp"
#include "mesh_io/mesh_io.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "tests/apps/program.hpp"
#include "tests/support/tiny_model.hpp"

using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using json = core::Json;
using test::TempDir;

namespace {

// Without the model that the tests have set, or with another.
test::Outcome run(const TempDir& dir, const std::string& model, std::vector<std::string> words) {
  std::vector<std::string> command = {"/usr/bin/env", "-u", apps::kModelVariable};
  if (!model.empty()) command = {"/usr/bin/env", std::string(apps::kModelVariable) + "=" + model};
  command.push_back(STREAMTUBE_PROGRAM);
  command.insert(command.end(), words.begin(), words.end());
  return test::run_command(dir, command, [] { return false; });
}

}  // namespace

TEST_CASE("without --model the built-in one answers, or that of STREAMTUBE_MODEL") {
  const TempDir dir;
  auto tiny = test::tiny_model();
  surrogate::write_checkpoint(dir.file("tiny.h5"), tiny);
  const auto name = [&](const std::string& model) {
    const auto r = run(dir, model, {"inspect", "--json"});
    INFO(r.err);
    REQUIRE(r.code == 0);
    return core::parse_json(r.out)["name"].get<std::string>();
  };
  CHECK(name("") == "cars");
  CHECK(name(dir.file("tiny.h5")) == "tiny");
  const auto missing = run(dir, "none.h5", {"inspect"});
  CHECK(missing.code == 3);
  CHECK_THAT(missing.err, ContainsSubstring("STREAMTUBE_MODEL: 'none.h5'"));
}

TEST_CASE("the built-in model knows the sample car, at full scale as at a quarter") {
  const TempDir dir;
  const std::string car = STREAMTUBE_SOURCE_DIR "/data_samples/geometries/car_notchback_6.stl";
  auto mesh = mesh_io::read_surface(car);
  const auto drag = [&](const std::string& body) {
    // By one of its members: the mean of all is tested with small models (apps/predict).
    const auto r =
        run(dir, "", {"predict", body, "--member", "1", "--volume", "none", "--json", "--out", "out", "--overwrite"});
    INFO(r.err);
    REQUIRE(r.code == 0);
    CHECK_THAT(r.err, !ContainsSubstring("extrapolation") && !ContainsSubstring("warning"));
    return core::parse_json(r.out);
  };
  const auto wrong = run(dir, "", {"predict", car, "--member", "5", "--dry-run"});
  CHECK(wrong.code == 2);
  CHECK_THAT(wrong.err, ContainsSubstring("'cars' has 4 members"));
  const auto plan = run(dir, "", {"predict", car, "--dry-run"});
  CHECK(plan.code == 0);
  CHECK_THAT(plan.err, !ContainsSubstring("warning"));
  const json small = drag(car);
  CHECK(small["coefficients"]["Cd"]["total"].get<double>() > 0.15);
  CHECK(small["coefficients"]["Cd"]["total"].get<double>() < 0.45);
  for (Vec3& p : mesh.points) p = 4.0 * p;
  mesh_io::write_stl(dir.file("full.stl"), mesh);
  CHECK(drag("full.stl")["coefficients"]["Cd"]["total"].get<double>() ==
        Approx(small["coefficients"]["Cd"]["total"].get<double>()).margin(0.01));  // at another Reynolds number
}
