// Two runs that name one output at the same time: one writes it, the other is told.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "core/json.hpp"
#include "mesh_io/h5/dataset.hpp"
#include "mesh_io/mesh_io.hpp"
#include "tests/apps/program.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/tiny_dataset.hpp"

using namespace streamtube;
using Catch::Matchers::ContainsSubstring;
using test::Outcome;
using test::run_program;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

// $STREAMTUBE_ROUNDS for an acceptance run.
int rounds() {
  const char* text = std::getenv("STREAMTUBE_ROUNDS");
  return text ? std::atoi(text) : 1;
}

// Both at once, each in a working folder of its own; their outputs are named by absolute paths.
std::pair<Outcome, Outcome> together(const std::vector<std::string>& one, const std::vector<std::string>& other) {
  const TempDir here, there;
  Outcome first, second;
  std::thread beside([&] { second = run_program(there, other); });
  first = run_program(here, one);
  beside.join();
  return {first, second};
}

std::vector<std::string> hidden_files(const fs::path& folder) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().filename().string()[0] == '.') found.push_back(entry.path().string());
  return found;
}

// Two runs write `output`: one of them does, the other ends with 2 and says why; `whole` looks at what is there.
void check_one_writes(const std::vector<std::string>& one, const std::vector<std::string>& other,
                      const fs::path& output, const std::function<void(bool first)>& whole) {
  for (int round = 0; round < rounds(); ++round) {
    fs::remove_all(output);
    const auto [a, b] = together(one, other);
    CAPTURE(one[0], a.code, b.code, a.err, b.err);
    REQUIRE((a.code == 0) != (b.code == 0));
    const Outcome& loser = a.code == 0 ? b : a;
    CHECK(loser.code == 2);
    CHECK_THAT(loser.err, ContainsSubstring("another run is writing its results there") ||
                              ContainsSubstring("there already") || ContainsSubstring("already holds"));
    whole(a.code == 0);
    CHECK(hidden_files(output.parent_path()) == std::vector<std::string>{});
  }
}

geometry::SurfaceMesh box(double length) { return test::box_mesh({0, -0.19, 0.05}, {length, 0.19, 0.33}, 4); }

}  // namespace

TEST_CASE("two runs, one folder of results: predict, compare, train, evaluate") {
  const TempDir dir;
  const std::string out = dir.file("out/results");
  fs::create_directory(dir.file("out"));
  const std::string bodies[2] = {dir.file("one.stl"), dir.file("two.stl")};
  mesh_io::write_stl(bodies[0], box(1.0));
  mesh_io::write_stl(bodies[1], box(1.1));
  const auto predict = [&](int k) {
    return std::vector<std::string>{"predict", bodies[k], "--volume", "none", "--threads", "1", "--out", out};
  };
  check_one_writes(predict(0), predict(1), out, [&](bool first) {
    const auto body = core::read_json(out + "/forces.json");
    CHECK(body["reference"]["length_m"].get<double>() == (first ? 1.0 : 1.1f));
    const Box there = mesh_io::read_surface(out + "/surface.vtp").bounds();
    CHECK(std::abs(there.size()[0] - (first ? 1.0 : 1.1)) < 1e-6);
  });

  const TempDir results;
  for (int k = 0; k < 2; ++k) {
    auto words = predict(k);
    words.back() = results.file(k == 0 ? "a" : "b");
    REQUIRE(run_program(results, words).code == 0);
  }
  const std::vector<std::string> compare = {"compare", results.file("a"), results.file("b"), "--out", out};
  check_one_writes(compare, compare, out, [&](bool) { CHECK(fs::exists(out + "/comparison.json")); });

  test::write_tiny_dataset(dir.file("d.h5"));
  auto train = test::tiny_training(out, {"updates=3"});
  train[1] = "data=" + dir.file("d.h5");
  check_one_writes(train, train, out, [&](bool) { CHECK(fs::exists(out + "/last.h5")); });
  // Also where one goes on with what the other computes: here both may end well, one after the other.
  train.insert(train.end(), {"updates=6", "--resume"});
  const auto [a, b] = together(train, train);
  CAPTURE(a.code, b.code, a.err, b.err);
  CHECK((a.code == 0 || b.code == 0));
  for (const Outcome* one : {&a, &b})
    if (one->code != 0) CHECK_THAT(one->err, ContainsSubstring("another run is writing"));
}

TEST_CASE("two runs, one file: repair, points, convert, dataset import and merge") {
  const TempDir dir;
  fs::create_directory(dir.file("out"));
  const std::string body = dir.file("one.stl");
  mesh_io::write_stl(body, box(1.0));
  const auto both = [&](const std::vector<std::string>& words, const std::string& output,
                        const std::function<void(const std::string&)>& whole) {
    check_one_writes(words, words, output, [&](bool) { whole(output); });
  };
  const std::string stl = dir.file("out/body.stl"), h5 = dir.file("out/out.h5");
  both({"repair", body, "-o", stl}, stl, [](const auto& path) { CHECK(mesh_io::read_surface(path).face_count() > 0); });
  both({"points", h5, "--surface", body}, h5, [](const auto& path) { CHECK(fs::file_size(path) > 1000); });
  both({"convert", STREAMTUBE_SOURCE_DIR "/data_samples/models/cars.h5", h5, "--member", "1"}, h5,
       [](const auto& path) { CHECK(fs::file_size(path) > 1'000'000); });
  test::write_tiny_dataset(dir.file("d.h5"));
  both({"dataset", "merge", dir.file("d.h5"), "--out", h5}, h5,
       [](const auto& path) { CHECK(mesh_io::Dataset(path).cases().size() > 0); });

  // What a killed run was writing goes with the next.
  std::ofstream(dir.file("out/.body.part-4194305-0.stl")) << "half";
  std::ofstream(dir.file("out/.body.stl.lock")) << "";
  CHECK(run_program(dir, {"repair", body, "-o", stl, "--overwrite"}).code == 0);
  CHECK(hidden_files(dir.file("out")) == std::vector<std::string>{});
}
