// evaluate beside baselines, out of fold and in steps; predict with several draws.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <filesystem>

#include "core/json.hpp"
#include "mesh_io/mesh_io.hpp"
#include "tests/apps/program.hpp"
#include "tests/support/tiny_dataset.hpp"
#include "tests/support/tiny_model.hpp"

using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using namespace streamtube;
using core::Json;
using test::content;
using test::run_program;
using test::TempDir;

namespace {

// The surface of case i of the tiny data set, moved along x: a box in quads of a twelfth of its edges.
geometry::SurfaceMesh box_of(int i, double moved = 0) {
  const double size[3] = {1, 0.4, 0.3 + 0.01 * i},
               low[3] = {moved - 0.5 * size[0], -0.5 * size[1], 0.5 - 0.5 * size[2]};
  geometry::SurfaceMesh out;
  out.offsets = {0}, out.patch_names = {"box"};
  constexpr int n = 12;
  for (int axis = 0; axis < 3; ++axis)
    for (const int side : {0, 1})
      for (int a = 0; a < n; ++a)
        for (int b = 0; b < n; ++b) {
          const int u = (axis + 1) % 3, v = (axis + 2) % 3;
          for (int corner = 0; corner < 4; ++corner) {
            const int k = side == 1 ? corner : 3 - corner;
            Vec3 p{};
            p[axis] = low[axis] + side * size[axis];
            p[u] = low[u] + (a + (k == 1 || k == 2)) * size[u] / n, p[v] = low[v] + (b + (k >= 2)) * size[v] / n;
            out.corners.push_back(static_cast<std::int64_t>(out.points.size()));
            out.points.push_back(p);
          }
          out.offsets.push_back(static_cast<std::int64_t>(out.corners.size()));
          out.patch.push_back(0);
        }
  return out;
}

}  // namespace

TEST_CASE("members of a cross-validation answer what they have not seen, beside baselines made from the same cases") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"), 15);  // train 0..11
  for (const char* fold : {"1", "2"})
    REQUIRE(
        run_program(dir, test::tiny_training(std::string("f") + fold, {"updates=30", "--folds", "2", "--fold", fold}))
            .code == 0);
  auto r = run_program(dir, {"inspect", "f1/best.h5", "--json"});
  const auto fold = core::parse_json(r.out)["fold"];
  CHECK(fold["folds"] == 2);
  CHECK(fold["split"] == "train");
  CHECK(fold["held_out"].size() + core::parse_json(r.out)["shapes"].size() == 12);
  r = run_program(dir, {"evaluate", "f1/best.h5", "f2/best.h5", "--data", "d.h5", "--out-of-fold", "--json"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  const auto json = core::parse_json(r.out);
  CHECK(json["cases"].size() == 12);
  CHECK(json["split"] == "train");
  CHECK(json["members"][0]["cases"] == fold["held_out"].size());
  const auto& cd = json["standing"]["Cd"];
  CHECK(cd["model"]["n"] == 12);
  CHECK(cd["model"]["r2"].get<double>() == Approx(json["metrics"]["cd_r2"].get<double>()));
  for (const char* name : {"mean", "nearest"}) {
    CHECK(cd[name]["mae_counts_90"][0].get<double>() <= cd[name]["mae_counts"].get<double>());
    CHECK(json["cases"][11]["baselines"][name].contains("Cl"));
  }
  r = run_program(dir, {"evaluate", "f1/best.h5", "f2/best.h5", "--data", "d.h5"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("--out-of-fold"));
  r = run_program(dir, {"evaluate", "f1/best.h5", "--data", "d.h5", "--out-of-fold"});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("have learned from it"));
  r = run_program(dir, {"evaluate", "--data", "d.h5", "--out-of-fold"});
  CHECK_THAT(r.err, ContainsSubstring("holds out no fold"));

  CHECK_THAT(run_program(dir, test::tiny_training("x", {"--folds", "1", "--fold", "1"})).err,
             ContainsSubstring("nothing would be left"));
  CHECK_THAT(run_program(dir, test::tiny_training("x", {"--folds", "13", "--fold", "1"})).err,
             ContainsSubstring("12 cases, which are no 13 folds"));
  CHECK_THAT(run_program(dir, test::tiny_training("x", {"--folds", "3", "--fold", "4"})).err,
             ContainsSubstring("split.fold is 4"));
  CHECK_THAT(run_program(dir, test::tiny_training("x", {"--fold", "1"})).err, ContainsSubstring("of how many"));
  CHECK_THAT(run_program(dir, test::tiny_training("x", {"--folds", "2", "--fold", "2", "init=f1/best.h5"})).err,
             ContainsSubstring("has learned from the case"));
}

TEST_CASE("a data set says what its labels are worth, and evaluate says it beside the errors") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  auto model = test::tiny_model();
  surrogate::write_checkpoint(dir.file("m.h5"), model);
  const auto labels = mesh_io::Dataset(dir.file("d.h5")).cases()[5].coefficients;
  dir.write("t.csv", core::str("case,Cd,Cl,cell\ncase_5,", labels.at("Cd") + 0.01, ',', labels.at("Cl"), ",0.0083\n"));
  const std::vector<std::string> noise = {"dataset", "noise", "d.h5", "--from", "t.csv"};
  auto r = run_program(dir, noise);
  INFO(r.err);
  REQUIRE(r.code == 0);
  CHECK_THAT(r.out, ContainsSubstring("one label (standard deviation; 1 designs solved once more, t.csv)") &&
                        ContainsSubstring("71 counts; two labels of one design differ by 100 (RMS of 1)"));
  CHECK(run_program(dir, {"dataset", "verify", "d.h5"}).code == 0);
  r = run_program(dir, noise);
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("--overwrite"));
  r = run_program(dir, {"evaluate", "m.h5", "--data", "d.h5"});
  CHECK_THAT(r.out,
             ContainsSubstring("71 counts; two") && ContainsSubstring("no model can show less on single labels"));
  r = run_program(dir, {"evaluate", "m.h5", "--data", "d.h5", "--json"});
  CHECK(core::parse_json(r.out)["label_noise"]["scatter"]["Cd"]["rms_difference"].get<double>() ==
        Approx(0.01).epsilon(1e-3));  // the table has six digits
  r = run_program(dir, {"dataset", "info", "d.h5", "--json"});
  CHECK(core::parse_json(r.out)["label_noise"]["scatter"]["Cl"]["pairs"] == 1);
  dir.write("t.csv", "case,Cd,Cl\ncase_9,0.3,0\n");
  r = run_program(dir, {"dataset", "noise", "d.h5", "--from", "t.csv", "--overwrite"});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("'t.csv': line 2: the case 'case_9' is not in 'd.h5'"));
}

TEST_CASE("the budget of drag: steps, their scatter, cells; bodies that are missing or lie elsewhere are named") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));  // test 5 and 6
  surrogate::Checkpoint model = test::tiny_model();
  surrogate::write_checkpoint(dir.file("m.h5"), model);
  std::filesystem::create_directory(dir.file("bodies"));
  mesh_io::write_stl(dir.file("bodies/case_5.stl"), box_of(5));
  const std::vector<std::string> words = {"evaluate", "m.h5", "--data", "d.h5",      "--budget",
                                          "--draws",  "3",    "--json", "--geometry"};
  const auto budget = [&](const char* folder) {
    auto all = words;
    all.push_back(folder);
    return run_program(dir, all);
  };
  auto r = budget("bodies");
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("no body of the case 'case_6'"));
  mesh_io::write_stl(dir.file("bodies/case_6.stl"), box_of(6, 0.1));
  r = budget("bodies");
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("case_6.stl") && ContainsSubstring("the faces of 'case_6' at"));
  mesh_io::write_stl(dir.file("bodies/case_6.stl"), box_of(6));
  r = budget("bodies");
  INFO(r.err);
  REQUIRE(r.code == 0);
  const auto json = core::parse_json(r.out)["budget"];
  REQUIRE(json["steps"].size() == 3);
  for (const auto& step : json["steps"]) {
    CHECK(step["Cd"].size() == 2);
    CHECK(step["Cd"][0].size() == 3);
    CHECK(step["scatter_counts"].get<double>() > 0);
  }
  const auto mean = [&](int s, int c) {
    double sum = 0;
    for (const auto& x : json["steps"][s]["Cd"][c]) sum += x.get<double>() / 3;
    return sum;
  };
  CHECK(json["steps"][2]["added_mean_counts"].get<double>() ==
        Approx(1e4 * 0.5 * (mean(2, 0) - mean(1, 0) + mean(2, 1) - mean(1, 1))));
  double own = 0, data = 0;
  for (const auto& bin : json["cells"]) own += bin["own"].get<double>(), data += bin["data"].get<double>();
  CHECK(own == Approx(1));
  CHECK(data == Approx(1));
  CHECK_THAT(run_program(dir, {"evaluate", "m.h5", "--data", "d.h5", "--budget"}).err,
             ContainsSubstring("holds no body, only faces"));
}

TEST_CASE("predict with several draws: the mean of single ones, with their deviation; one draw says nothing of it") {
  const TempDir dir;
  surrogate::Checkpoint model = test::tiny_model();
  surrogate::write_checkpoint(dir.file("m.h5"), model);
  mesh_io::write_stl(dir.file("b.stl"), box_of(5, 0.5));
  const auto predict = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"predict", "b.stl",    "--model", "m.h5",
                                      "--json",  "--volume", "none",    "--overwrite"};
    words.insert(words.end(), more.begin(), more.end());
    const auto r = run_program(dir, words);
    INFO(r.err);
    REQUIRE(r.code == 0);
    return core::parse_json(r.out);
  };
  const auto many = predict({"--draws", "3", "--seed", "4"});
  double sum = 0, squares = 0;
  for (int d = 0; d < 3; ++d) {
    const auto one = predict({"--seed", std::to_string(4 + d)});
    CHECK_FALSE(one.contains("draws"));
    const double cd = one["coefficients"]["Cd"]["total"].get<double>();
    CHECK(many["draws"]["Cd"]["values"][d].get<double>() == Approx(cd).epsilon(1e-5));
    sum += cd, squares += cd * cd;
  }
  CHECK(many["coefficients"]["Cd"]["total"].get<double>() == Approx(sum / 3).epsilon(1e-5));
  CHECK(many["draws"]["Cd"]["standard_deviation"].get<double>() ==
        Approx(std::sqrt((squares - sum * sum / 3) / 2)).epsilon(1e-3));
  CHECK(predict({"--draws", "1", "--seed", "4"})["coefficients"] == predict({"--seed", "4"})["coefficients"]);
  const auto refused = run_program(
      dir, {"predict", "b.stl", "--model", "m.h5", "--draws", "2", "--evaluation", "chunked-anchors", "--overwrite"});
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, ContainsSubstring("goes with one draw"));
}
