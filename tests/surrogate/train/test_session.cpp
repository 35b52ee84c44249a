// A training run end to end on synthetic cases.

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "core/error.hpp"
#include "core/json.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "surrogate/train/session.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/tiny_dataset.hpp"

using namespace streamtube;
using namespace streamtube::surrogate;
using Catch::Matchers::ContainsSubstring;
using test::message_of;
using test::TempDir;

namespace {

const std::string kDescription = STREAMTUBE_SOURCE_DIR "/data_samples/models/ahmed_baseline.json";

Recipe tiny_recipe(const TempDir& dir) {
  Recipe r;
  r.data = dir.file("d.h5"), r.describe = kDescription, r.out = dir.file("run");
  r.model.hidden = 24, r.model.heads = 2, r.model.physics_blocks = "psc";
  r.model.decoder_blocks[0] = r.model.decoder_blocks[1] = 1, r.model.radius = 60;
  r.draw.geometry_points = 60, r.draw.supernodes = 16, r.draw.anchors[0] = 24, r.draw.anchors[1] = 30;
  r.draw.queries[1] = 8;
  r.schedule.updates = 12, r.log_every = 3, r.validate_every = 6, r.save_every = 4, r.validation_points = 50;
  return r;
}

std::string bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("a run learns, and leaves checkpoints and a log") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  Recipe recipe = tiny_recipe(dir);
  recipe.schedule.updates = 150, recipe.schedule.peak = 3e-3;
  recipe.log_every = 10;
  const SessionResult result = run_session(recipe, {});
  CHECK(result.updates == 150);
  CHECK(result.loss < 3);  // five fields of deviation one: 5 at the start
  CHECK(result.best > 0);
  const Checkpoint model = read_checkpoint(dir.file("run/best.h5"));
  CHECK(model.config.hidden == 24);
  CHECK(model.sampling.supernodes == 16);
  CHECK(model.test_errors.count("validation/surface/pressure") == 1);
  CHECK_THAT(bytes(dir.file("run/log.jsonl")), ContainsSubstring("\"update\":150") && ContainsSubstring("validation"));
  CHECK_THAT(bytes(dir.file("run/curves.csv")), ContainsSubstring("update,loss,surface/pressure") &&
                                                    ContainsSubstring("\n150,") &&
                                                    ContainsSubstring("validation/mean"));
  // The recipe of the run is one that gives the run again.
  CHECK(recipe_text(read_recipe(dir.file("run/recipe.json"), {})) == recipe_text(recipe));
  CHECK_THAT(message_of([&] { run_session(recipe, {}); }), ContainsSubstring("state.h5"));  // not without overwrite
}

TEST_CASE("an interrupted run goes on bit for bit") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  for (const char* kind : {"adamw", "lion"}) {
    Recipe recipe = tiny_recipe(dir);
    recipe.optimizer.kind = std::string(kind) == "lion" ? OptimizerOptions::Kind::lion : OptimizerOptions::Kind::adamw;
    recipe.symmetric = true, recipe.draw.surface_by_area = true, recipe.loss.force_weight = 0.01;
    recipe.accumulation = 2;
    run_session(recipe, {false, true});
    const std::string whole = bytes(dir.file("run/state.h5")), log = bytes(dir.file("run/log.jsonl"));
    // The schedule is that of 12 updates: stop after the state of update 8 by taking the later files away.
    Recipe part = recipe;
    part.out = dir.file(std::string("part_") + kind);
    SessionOptions options;
    options.stop_after = 8;
    CHECK(run_session(part, options).interrupted);
    CHECK_THAT(bytes(part.out + "/curves.csv"), !ContainsSubstring("\n12,"));
    dir.write(std::string("part_") + kind + "/.state.part-77-3.h5", "left by a kill");
    CHECK(bytes(part.out + "/state.h5") != whole);
    run_session(part, {true});
    CHECK(bytes(part.out + "/state.h5") == whole);
    CHECK(bytes(part.out + "/last.h5") == bytes(dir.file("run/last.h5")));
    CHECK_THAT(bytes(part.out + "/curves.csv"), ContainsSubstring("\n12,"));
    CHECK_FALSE(std::filesystem::exists(part.out + "/.state.part-77-3.h5"));
    CHECK(log.find("\"update\":12") != std::string::npos);
  }
}

TEST_CASE("a run at canonical length, conditioned, with features, is chosen by drag and goes on bit for bit") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  Recipe recipe = tiny_recipe(dir);
  recipe.canonical_length = 2, recipe.conditions = {"height"};
  recipe.model.normals = recipe.model.wall_distance = true;
  recipe.vorticity = physics::Decoder::curl;  // needs the features' derivatives
  recipe.draw.mirror = true, recipe.draw.scaling = 0.1;
  const SessionResult whole = run_session(recipe, {});
  CHECK(whole.best > 0);
  const Checkpoint model = read_checkpoint(dir.file("run/last.h5"));
  CHECK(model.canonical_length == 2);
  CHECK(model.config.normals);
  CHECK(model.config.wall_distance);
  REQUIRE(model.conditions.size() == 1);
  CHECK(model.conditions[0].name == "height");
  CHECK(model.conditions[0].min < model.conditions[0].max);
  const std::map<std::string, double> errors = read_checkpoint(dir.file("run/best.h5")).test_errors;
  CHECK(errors.at("validation/Cd_mae") > 0);
  CHECK(errors.at("validation/choice") > errors.at("validation/mean"));
  Recipe part = recipe;
  part.out = dir.file("part");
  SessionOptions options;
  options.stop_after = 8;
  run_session(part, options);
  run_session(part, {true});
  CHECK(bytes(part.out + "/state.h5") == bytes(dir.file("run/state.h5")));
  CHECK(bytes(part.out + "/best.h5") == bytes(dir.file("run/best.h5")));

  // By fields alone, the choice is the mean of their errors.
  recipe.choose_by = Choice::fields, recipe.out = dir.file("fields");
  run_session(recipe, {});
  const std::map<std::string, double> by_fields = read_checkpoint(dir.file("fields/best.h5")).test_errors;
  CHECK(by_fields.at("validation/choice") == by_fields.at("validation/mean"));
}

TEST_CASE("a resumed run may take more cases and more updates, on a new schedule") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  Recipe recipe = tiny_recipe(dir);
  run_session(recipe, {});
  const Checkpoint before = read_checkpoint(dir.file("run/last.h5"));
  recipe.schedule.updates = 20;
  run_session(recipe, {true});
  const std::string log = bytes(dir.file("run/log.jsonl"));
  CHECK_THAT(log, ContainsSubstring("\"update\":20"));
  // The old schedule ended at its least rate; the new one of 8 updates begins with its own warm-up and peak.
  const auto rate = [&](int update) {
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
      const auto json = core::parse_json(line);
      if (json.at("update") == update && json.contains("rate")) return json.at("rate").get<double>();
    }
    return -1.0;
  };
  CHECK(rate(12) < 0.1 * recipe.schedule.peak);
  CHECK(rate(15) > 0.5 * recipe.schedule.peak);

  // Two cases more: those of before unchanged, fields normalised as before.
  test::write_tiny_dataset(dir.file("more.h5"), 9);
  recipe.data = dir.file("more.h5"), recipe.schedule.updates = 24;
  run_session(recipe, {true});
  const Checkpoint after = read_checkpoint(dir.file("run/last.h5"));
  CHECK(after.normalizer.branch[0].mean == before.normalizer.branch[0].mean);
  CHECK(after.normalizer.position_extent == before.normalizer.position_extent);
  CHECK(after.shapes.cases.size() == before.shapes.cases.size() + 2);
  // Fewer is another run.
  recipe.data = dir.file("d.h5"), recipe.schedule.updates = 28;
  CHECK_THAT(message_of([&] { run_session(recipe, {true}); }), ContainsSubstring("was started on other data"));
}

TEST_CASE("a conditioned run with features starts from a plain model's answers") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  Recipe recipe = tiny_recipe(dir);
  run_session(recipe, {});
  const Checkpoint plain = read_checkpoint(dir.file("run/last.h5"));
  recipe.init = dir.file("run/last.h5"), recipe.out = dir.file("more");
  recipe.model.normals = recipe.model.wall_distance = true, recipe.conditions = {"height"};
  recipe.schedule.updates = 1, recipe.schedule.peak = recipe.schedule.end = 1e-12;  // all but standing still
  run_session(recipe, {});
  const Checkpoint more = read_checkpoint(dir.file("more/last.h5"));
  CHECK(more.conditions.size() == 1);
  const auto at = more.weights.find("physics_blocks.1.modulation.bias"),
             norm = plain.weights.find("physics_blocks.1.norm1.weight");
  REQUIRE((at != more.weights.end() && norm != plain.weights.end()));
  for (std::size_t i = 0; i < norm->second.values.size(); ++i)
    CHECK(std::abs(at->second.values[i] - (norm->second.values[i] - 1)) < 1e-6);
  recipe.canonical_length = 1, recipe.out = dir.file("other");
  CHECK_THAT(message_of([&] { run_session(recipe, {}); }), ContainsSubstring("canonical length"));
}

TEST_CASE("a model claims what its own data and training say, whatever a description says") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  Recipe recipe = tiny_recipe(dir);
  recipe.words = "For the tests.", recipe.canonical_length = 2;
  const bool described = GENERATE(true, false);
  if (described)
    recipe.name = "small";  // of another model's description, with another's ranges and words
  else
    recipe.describe.clear();
  run_session(recipe, {});
  const Checkpoint best = read_checkpoint(dir.file("run/best.h5"));
  CHECK(best.name == (described ? "small" : "run"));
  CHECK_THAT(best.provenance,
             ContainsSubstring("on 4 cases of 'd.h5' (synthetic), 1 case for validation. For the tests.") &&
                 !ContainsSubstring("Ahmed"));
  CHECK(best.reference.velocity == 20);  // the description's 15 m/s are none of the data's
  CHECK(best.reference.density == 1.2);
  CHECK_THAT(errors_text(best),
             ContainsSubstring("pressure ") && ContainsSubstring(" counts (on its validation cases)"));
  CHECK(is_poor(best));
  if (!described) {
    CHECK(best.sampling.surface_face_size > 0.05);  // 36 faces a side, twice as large here
    CHECK(best.sampling.surface_face_size < 0.3);
    CHECK(best.sampling.volume_mesh.base_cell == 0.25);
    CHECK(best.sampling.volume_mesh.domain.low[0] >= -2.1);
  }
  const Checkpoint model = read_checkpoint(dir.file("run/last.h5"));
  // Boxes 1 x 0.4 m of several heights, volume points in -1..3, -1..1, 0..1: all twice as large here.
  CHECK((model.domain.low[0] > -2.1 && model.domain.low[0] < -1.9 && model.domain.high[0] < 6.1));
  const auto range = [&](const char* quantity) {
    for (const Range& r : model.training_range)
      if (r.quantity == quantity) return r;
    return Range{};
  };
  CHECK(std::abs(range("length").min - 2) < 1e-3);
  CHECK(std::abs(range("width").max - 0.8) < 1e-3);
  CHECK(std::abs(range("height").min - 0.6) < 1e-3);
  CHECK(range("height").max > range("height").min + 0.01);
  // The six sides, 2 (0.4 + (0.4 + 1) h), four times as large.
  CHECK(std::abs(range("surface_area").min - 8 * (0.4 + 1.4 * 0.3)) < 0.01);
  CHECK(std::abs(range("reynolds_number").max / (20 / 1.5e-5) - 1) < 1e-3);
}

TEST_CASE("conditions that the data cannot give are named") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  Recipe recipe = tiny_recipe(dir);
  for (const auto& [name, text] : {std::pair("yaw", "is no parameter of the case"),
                                   std::pair("log10(reynolds_number)", "is the same in all training cases")}) {
    recipe.conditions = {name};
    CHECK_THAT(message_of([&] { run_session(recipe, {}); }), ContainsSubstring(name) && ContainsSubstring(text));
  }
  recipe.conditions = {"height", "log10(height)"};
  CHECK_THAT(message_of([&] { run_session(recipe, {}); }), ContainsSubstring("is named twice"));
}

// Cases in memory and cases read as they are drawn are drawn differently: which are which must not depend on the visit.
TEST_CASE("batches depend on their number alone, whatever part of the data is in memory") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  const Recipe recipe = tiny_recipe(dir);
  const mesh_io::Dataset data(dir.file("d.h5"));
  const auto cases = data.split("train");
  const auto normalizer = make_normalizer(data, cases);
  // One case takes about 22 kB.
  for (const std::size_t cache : {std::size_t{0}, std::size_t{50'000}, std::size_t{1} << 30}) {
    CAPTURE(cache);
    Loader whole(data, cases, {}, normalizer, recipe.model, recipe.draw, {}, 3, 0, 1, cache);
    for (int i = 0; i < 6; ++i) whole.next();
    Loader late(data, cases, {}, normalizer, recipe.model, recipe.draw, {}, 3, 6, 1, cache);
    for (int i = 0; i < 6; ++i) {
      const Batch a = whole.next(), b = late.next();
      CHECK(a.name == b.name);
      CHECK(a.positions[1] == b.positions[1]);
      CHECK(a.points == b.points);
      CHECK(a.targets[0] == b.targets[0]);
    }
  }
}

TEST_CASE("validation is of the bodies as they are, whatever the draws are scaled by") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  Recipe recipe = tiny_recipe(dir);
  recipe.schedule.updates = 1, recipe.schedule.peak = recipe.schedule.end = 1e-30;  // the weights stay
  const double plain = run_session(recipe, {}).best;
  CHECK(plain > 0);
  recipe.draw.scaling = 0.3, recipe.out = dir.file("scaled");
  CHECK(run_session(recipe, {}).best == plain);
}

TEST_CASE("what a model is to be used with goes into its checkpoint") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  Recipe recipe = tiny_recipe(dir);
  recipe.schedule.updates = 1;
  recipe.use_geometry_points = 100, recipe.use_supernodes = 50, recipe.use_anchors[1] = 70;
  run_session(recipe, {});
  const Checkpoint model = read_checkpoint(dir.file("run/last.h5"));
  CHECK(model.sampling.geometry_points == 100);
  CHECK(model.sampling.supernodes == 50);
  CHECK(model.sampling.anchors[0] == 24);
  CHECK(model.sampling.anchors[1] == 70);
  // As stored: 1,024 supernodes by default.
  CHECK_THAT(message_of([] { read_recipe("", {"use.geometry_points=500"}); }),
             ContainsSubstring("use.supernodes (1024)") && ContainsSubstring("(500)"));
}

TEST_CASE("decoders: a vorticity learned as curl, a velocity as curl of a potential") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  const auto volume = [](const std::string& path, const char* name) {
    const Checkpoint model = read_checkpoint(path);
    return physics::find_field(model.normalizer[physics::Branch::volume].fields, name, 3).spec->decoder;
  };
  Recipe recipe = tiny_recipe(dir);
  recipe.vorticity = physics::Decoder::curl;
  run_session(recipe, {});
  CHECK(volume(dir.file("run/last.h5"), "vorticity") == physics::Decoder::curl);
  CHECK(volume(dir.file("run/last.h5"), "velocity") == physics::Decoder::direct);
  CHECK_THAT(bytes(dir.file("run/log.jsonl")), ContainsSubstring("curl/vorticity"));
  // Continued, and with less memory, it is the same run; the weight of the curl's loss matters.
  const std::string whole = bytes(dir.file("run/state.h5"));
  Recipe part = recipe;
  part.out = dir.file("part"), part.recompute = true;
  SessionOptions options;
  options.stop_after = 8;
  run_session(part, options);
  run_session(part, {true});
  CHECK(bytes(dir.file("part/state.h5")) == whole);
  Recipe other = recipe;
  other.out = dir.file("other"), other.loss.curl_weight = 0;
  run_session(other, {});
  CHECK(bytes(dir.file("other/last.h5")) != bytes(dir.file("run/last.h5")));

  // Compared at points it is another run; where cells' volumes are unknown there is no other.
  Recipe points = recipe;
  points.out = dir.file("points"), points.loss.curl_of_cells = false;
  run_session(points, {});
  const auto weights = [&](const char* file) {
    std::vector<float> all;
    for (const auto& [name, tensor] : read_checkpoint(dir.file(file)).weights)
      all.insert(all.end(), tensor.values.begin(), tensor.values.end());
    return all;
  };
  CHECK((weights("points/last.h5") != weights("run/last.h5")));
  int next = 0;
  mesh_io::DatasetHeader header = test::tiny_header();
  header.splits = {{"train", {"case_0", "case_1", "case_2", "case_3"}}, {"validation", {"case_4"}}};
  mesh_io::write_dataset(dir.file("unsized.h5"), header, [&](mesh_io::FlowSample& sample) {
    if (next == 5) return false;
    sample = test::tiny_case(next++);
    sample.part[1].size.clear();
    return true;
  });
  Recipe unsized = recipe;
  unsized.data = dir.file("unsized.h5"), unsized.out = dir.file("unsized");
  run_session(unsized, {});
  CHECK((weights("unsized/last.h5") == weights("points/last.h5")));

  // Validation is of what the decoder gives.
  const auto vorticity_error = [&](physics::Decoder decoder) {
    Recipe still = tiny_recipe(dir);
    still.vorticity = decoder, still.out = dir.file(physics::name(decoder));
    still.schedule.updates = 1, still.schedule.peak = still.schedule.end = 1e-30;
    run_session(still, {});
    const Checkpoint model = read_checkpoint(still.out + "/best.h5");
    return std::pair(model.test_errors.at("validation/volume/velocity"),
                     model.test_errors.at("validation/volume/vorticity"));
  };
  const auto direct = vorticity_error(physics::Decoder::direct), curl = vorticity_error(physics::Decoder::curl);
  CHECK(std::abs(direct.first - curl.first) < 1e-5);
  CHECK(std::abs(direct.second - curl.second) > 1e-3);

  Recipe potential = tiny_recipe(dir);
  potential.velocity = physics::Decoder::potential, potential.out = dir.file("potential");
  run_session(potential, {});
  CHECK(volume(dir.file("potential/last.h5"), "velocity") == physics::Decoder::potential);
  const Checkpoint model = read_checkpoint(dir.file("potential/last.h5"));
  const auto& statistics = model.normalizer[physics::Branch::volume];
  const std::size_t first = static_cast<std::size_t>(physics::find_field(statistics.fields, "velocity", 3).first);
  CHECK(statistics.std[first] == statistics.std[first + 2]);
  CHECK_THAT(bytes(dir.file("potential/log.jsonl")), ContainsSubstring("curl/velocity"));

  // A direct velocity's outputs are no potential.
  potential.init = dir.file("run/last.h5"), potential.out = dir.file("wrong");
  CHECK_THAT(message_of([&] { run_session(potential, {}); }), ContainsSubstring("its velocity is decoded direct"));
  CHECK_THAT(message_of([&] { read_recipe({}, {"decoder.velocity=potential", "decoder.vorticity=curl"}); }),
             ContainsSubstring("second derivatives"));
  CHECK_THAT(message_of([&] { read_recipe({}, {"decoder.vorticity=curl"}); }),
             ContainsSubstring("draw.volume_queries"));
  CHECK_THAT(message_of([&] { read_recipe({}, {"decoder.velocity=curl"}); }), ContainsSubstring("potential"));
  CHECK_THAT(message_of([&] { read_recipe({}, {"decoder.vorticity=rot"}); }), ContainsSubstring("is none of"));
  CHECK_THAT(message_of([&] { read_recipe({}, {"loss.curl_weight=-1"}); }), ContainsSubstring("loss.curl_weight"));
}

TEST_CASE("what does not fit the state is refused") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  Recipe recipe = tiny_recipe(dir);
  CHECK_THAT(message_of([&] { run_session(recipe, {true}); }), ContainsSubstring("nothing is saved in"));
  run_session(recipe, {});
  Recipe other = recipe;
  other.schedule.peak = 2e-3;
  CHECK_THAT(message_of([&] { run_session(other, {true}); }),
             ContainsSubstring("another recipe") && ContainsSubstring("optimizer.rate = 0.002"));
  std::filesystem::remove(dir.file("d.h5"));
  test::write_tiny_dataset(dir.file("d.h5"), 6);
  CHECK_THAT(message_of([&] { run_session(recipe, {true}); }), ContainsSubstring("other data"));
}

TEST_CASE("what the data cannot give is refused before anything is allocated, written or removed") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  run_session(tiny_recipe(dir), {});
  const std::string state = bytes(dir.file("run/state.h5")), log = bytes(dir.file("run/log.jsonl"));
  const auto refused = [&](const std::function<void(Recipe&)>& change, bool dry_run) {
    Recipe recipe = tiny_recipe(dir);
    change(recipe);
    SessionOptions options;
    options.overwrite = true, options.dry_run = dry_run;
    return message_of([&] { run_session(recipe, options); });
  };
  for (const bool dry_run : {true, false}) {
    CHECK_THAT(refused([](Recipe& r) { r.draw.geometry_points = 100000; }, dry_run),
               ContainsSubstring("has 216 surface points"));
    CHECK_THAT(refused([](Recipe& r) { r.loss.field_weight[0] = {1}; }, dry_run),
               ContainsSubstring("2 surface fields") && ContainsSubstring("1 numbers"));
    CHECK_THAT(refused([](Recipe& r) { r.position_origin = 1e5, r.position_extent = 1; }, dry_run),
               ContainsSubstring("position.origin"));
    // 10^12 parameters: would take minutes and all memory if it was tried.
    CHECK_THAT(refused(
                   [](Recipe& r) {
                     r.model.hidden = 8192, r.model.heads = 64, r.model.mlp_ratio = 64;
                     r.model.decoder_blocks[0] = r.model.decoder_blocks[1] = 64;
                   },
                   dry_run),
               ContainsSubstring("million parameters") && ContainsSubstring("MiB are free"));
  }
  CHECK(bytes(dir.file("run/state.h5")) == state);
  CHECK(bytes(dir.file("run/log.jsonl")) == log);
}

TEST_CASE("a loss that is not finite stops the run and keeps the batch") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  Recipe recipe = tiny_recipe(dir);
  recipe.schedule.peak = 1e30, recipe.schedule.warmup = 0;
  recipe.loss.area_weighted = true, recipe.loss.force_weight = 0.01;
  const std::string text = message_of([&] { run_session(recipe, {}); });
  CHECK_THAT(text, ContainsSubstring("not finite") && ContainsSubstring("case_"));
  // The first step of rate 1e30 is taken; the loss or gradient of the second is the one that fails.
  CHECK_THAT(text, ContainsSubstring("of update 2 "));
  // All that the loss was made of.
  const auto batch = core::parse_json(bytes(dir.file("run/bad_batch.json")));
  CHECK(batch["points"].size() == 180);
  CHECK(batch["surface"]["targets"].size() == 4 * 24);
  CHECK(batch["surface"]["weights"].size() == 24);
  CHECK(batch["volume"]["anchors"] == 30);
  REQUIRE(batch["functionals"].size() == 4);
  CHECK(batch["functionals"][0]["name"] == "forebody_drag");
  CHECK(batch["functionals"][0]["coefficients"].size() == 4 * 24);
}

TEST_CASE("recipes: comments, overrides, and what is wrong with them") {
  const TempDir dir;
  const Recipe r =
      read_recipe(dir.write("r.json", "{ // a comment\n \"optimizer\": {\"rate\": 0.5}, \"model.heads\": 2 }"),
                  {"optimizer.end_rate=0.25", "optimizer.kind=lion", "loss.volume_weights=[1,2,3]"});
  CHECK(r.schedule.peak == 0.5);
  CHECK(r.schedule.end == 0.25);
  CHECK(r.model.heads == 2);
  CHECK(r.optimizer.kind == OptimizerOptions::Kind::lion);
  CHECK(r.loss.field_weight[1] == std::vector<double>{1, 2, 3});
  // All options, printed, give the same recipe again.
  const Recipe again = read_recipe(dir.write("all.json", recipe_text(r)), {});
  CHECK(result_options(again) == result_options(r));
  const auto refused = [&](const std::string& text) {
    return message_of([&] { read_recipe(dir.write("bad.json", text), {}); });
  };
  CHECK_THAT(refused("{\"optimizer.rte\": 1}"), ContainsSubstring("'optimizer.rte'") && ContainsSubstring("bad.json"));
  CHECK_THAT(refused("{\"model.heads\": \"three\"}"),
             ContainsSubstring("model.heads") && ContainsSubstring("whole number"));
  CHECK_THAT(refused("{\"model.heads\": 5}"), ContainsSubstring("heads"));
  CHECK_THAT(refused("{\"draw.supernodes\": 100000}"), ContainsSubstring("supernodes"));
  CHECK_THAT(refused("{\"updates\": -4}"), ContainsSubstring("updates"));
  for (const char* key : {"log_every", "validate_every", "save_every"})
    CHECK_THAT(refused(core::str("{\"", key, "\": 0}")), ContainsSubstring(key) && ContainsSubstring("at least 1"));
  CHECK_THAT(refused("{\"loss.surface_weights\": [1, -1]}"), ContainsSubstring("-1"));
  CHECK_THAT(refused("{\"loss\": {\"surface_weights\": [0, 0], \"volume_weights\": [0, 0, 0]}}"),
             ContainsSubstring("nothing to learn"));
  CHECK_THAT(refused("{\"position.extent\": 1e-30}"), ContainsSubstring("position.extent"));
  CHECK_THAT(refused("{\"position.origin\": 1e300}"), ContainsSubstring("position.origin"));
  CHECK_THAT(refused("[1]"), ContainsSubstring("object"));
  CHECK_THAT(refused("{"), ContainsSubstring("not valid JSON"));
}

TEST_CASE("the schedule warms up and falls as a cosine") {
  Schedule s{1.0, 0.1, 0.05, 101};
  CHECK(s.rate(0) == 1.0 / 6);  // n = 5
  CHECK(s.rate(5) == 1.0);
  CHECK(std::abs(s.rate(100) - 0.1) < 1e-12);
  CHECK(s.rate(50) < s.rate(49));
}
