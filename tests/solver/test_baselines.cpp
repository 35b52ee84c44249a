#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <numeric>

#include "solver/baselines.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/tiny_dataset.hpp"

using namespace streamtube;
using Catch::Approx;
using solver::Baseline;
using solver::Baselines;

namespace {

const Baseline& named(const std::vector<Baseline>& all, const std::string& name) {
  for (const auto& one : all)
    if (one.name == name) return one;
  throw core::Error(core::ErrorKind::internal, "no baseline " + name);
}

// Boxes of heights 0.30 to 0.30 + 0.01 (count - 1) m, whose Cd and Cl follow smoothly from the height.
mesh_io::Dataset boxes(const test::TempDir& dir, int count, bool parameters = true) {
  mesh_io::DatasetHeader header = test::tiny_header();
  int next = 0;
  mesh_io::write_dataset(dir.file("d.h5"), header, [&](mesh_io::FlowSample& sample) {
    if (next == count) return false;
    sample = test::tiny_case(next++);
    if (!parameters) sample.info.parameters.clear();
    sample.info.quality = {{"Cd_std_window", 0.001 * next}, {"cells", 7}};
    return true;
  });
  return mesh_io::Dataset(dir.file("d.h5"));
}

}  // namespace

TEST_CASE("mean, nearest design and Gaussian processes of boxes that differ in height") {
  const test::TempDir dir;
  const auto data = boxes(dir, 14);
  const std::vector<std::size_t> training = {0, 1, 2, 3, 5, 6, 8, 9, 10, 11, 13}, cases = {4, 7, 12};
  const auto cd = [&](std::size_t i) { return data.cases()[i].coefficients.at("Cd"); };
  Baselines baselines(data, {"height", "no such parameter"});
  const auto all = baselines.predict(training, cases);
  REQUIRE(all.size() == 4);
  CHECK(baselines.notes().empty());
  double mean = 0;
  for (const std::size_t i : training) mean += cd(i) / 11;
  CHECK(named(all, "mean").cd[1] == Approx(mean));
  for (std::size_t c = 0; c < 3; ++c) {
    const double nearest = named(all, "nearest").cd[c];
    CHECK((nearest == cd(cases[c] - 1) || nearest == cd(cases[c] + 1)));
  }
  const double spread = std::abs(cd(13) - cd(0));
  for (const char* name : {"gp_descriptors", "gp_parameters"})
    for (std::size_t c = 0; c < 3; ++c) {
      INFO(name << ' ' << c);
      CHECK(named(all, name).cd[c] == Approx(cd(cases[c])).margin(0.02 * spread));
    }
  // In two parts as in one: nothing is kept but what is read of the bodies.
  CHECK(named(baselines.predict(training, std::vector<std::size_t>{7}), "gp_descriptors").cd[0] ==
        named(all, "gp_descriptors").cd[1]);
}

TEST_CASE("what cannot be had is left out and said") {
  const test::TempDir dir;
  const auto data = boxes(dir, 10, false);
  Baselines baselines(data, {});
  const std::vector<std::size_t> few = {0, 1, 2}, many = {0, 1, 2, 3, 4, 5, 6, 7, 8}, cases = {9};
  CHECK(baselines.predict(few, cases).size() == 2);
  CHECK(baselines.predict(many, cases).size() == 3);
  CHECK(baselines.predict({}, cases).empty());
  CHECK(baselines.notes().size() == 3);
  CHECK(solver::cases_named(data, std::vector<std::string>{"case_7", "case_2", "gone"}) ==
        std::vector<std::size_t>{2, 7});
  const auto labels = solver::label_scatter(data, few);
  REQUIRE(labels.size() == 1);
  CHECK(labels.at("Cd_std_window").cases == 3);
  CHECK(labels.at("Cd_std_window").rms == Approx(0.001 * std::sqrt(14.0 / 3)));
  CHECK(labels.at("Cd_std_window").largest == Approx(0.003));
}
