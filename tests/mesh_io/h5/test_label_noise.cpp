#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>

#include "mesh_io/h5/dataset.hpp"
#include "mesh_io/h5/h5_file.hpp"
#include "mesh_io/h5/label_noise.hpp"
#include "mesh_io/h5/merge.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/tiny_dataset.hpp"

using namespace streamtube;
using namespace streamtube::mesh_io;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using test::message_of;
using test::TempDir;

namespace {

// Eleven cars solved with cells of 8.3 mm after 8.1: number, Cd, Cl, and those of the first solution.
constexpr double kRepeats[][5] = {
    {7, 0.307932, -0.105631, 0.318364, -0.112197},    {9, 0.229831, -0.0585956, 0.228706, -0.0327082},
    {12, 0.294623, 0.0237622, 0.301372, 0.00217436},  {16, 0.264352, 0.206183, 0.260747, 0.14154},
    {19, 0.245094, -0.0620612, 0.243909, 0.0102202},  {21, 0.272184, 0.0678799, 0.272934, 0.0818101},
    {24, 0.242014, -0.0694158, 0.247389, -0.0557739}, {28, 0.235645, 0.0827764, 0.220467, 0.0441081},
    {31, 0.321878, 0.00578851, 0.345942, 0.172651},   {35, 0.325935, -0.105767, 0.321702, -0.0432071},
    {6, 0.30568, -0.179872, 0.302099, -0.161877}};

void write_cars(const std::string& path) {
  DatasetHeader header = test::tiny_header();
  header.predicted = true;  // their fields are not those of the cars
  std::size_t next = 0;
  write_dataset(path, header, [&](FlowSample& sample) {
    if (next == std::size(kRepeats)) return false;
    const auto& row = kRepeats[next++];
    sample = test::tiny_case(1);
    sample.info.name = core::str("car_", row[0]);
    sample.info.coefficients = {{"Cd", row[3]}, {"Cl", row[4]}};
    return true;
  });
}

std::string table() {
  std::string out = "case,kind,Cd,Cl\n";
  for (const auto& row : kRepeats) out += core::str("car_", row[0], ",car,", row[1], ',', row[2], '\n');
  return out;
}

}  // namespace

TEST_CASE("a table of designs solved once more says what a label is worth, and the data set keeps it") {
  const TempDir dir;
  std::filesystem::create_directory(dir.file("folder"));
  for (const char* path : {"cars.h5", "folder/cars.h5"}) write_cars(dir.file(path));
  const std::string from = dir.write("repeats.csv", table());
  CHECK(Dataset(dir.file("cars.h5")).label_noise().empty());
  for (const char* path : {"cars.h5", "folder"}) {
    write_label_noise(dir.file(path), label_noise_of_table(from, Dataset(dir.file(path))));
    const LabelNoise noise = Dataset(dir.file(path)).label_noise();
    CHECK(noise.source == "11 designs solved once more, repeats.csv");
    REQUIRE(noise.scatter.size() == 2);
    CHECK(noise.scatter.at("Cd").pairs == 11);
    CHECK(1e4 * noise.scatter.at("Cd").rms == Approx(97).margin(0.5));
    CHECK(1e4 * noise.scatter.at("Cd").one_label() == Approx(69).margin(0.5));
    CHECK(noise.scatter.at("Cl").rms == Approx(0.064).margin(0.0005));
    CHECK(noise.scatter.at("Cl").one_label() == Approx(0.045).margin(0.0005));
  }
  const Dataset data(dir.file("cars.h5"));
  CHECK(data.read(2, true).info.name == "car_9");  // nothing else has changed
  const auto fault = [&](const std::string& text) {
    return message_of([&] { label_noise_of_table(dir.write("bad.csv", text), data); });
  };
  CHECK_THAT(fault(""), ContainsSubstring("'" + dir.file("bad.csv") + "': the table is empty"));
  CHECK_THAT(fault("case,Cd\n"), ContainsSubstring("has no column 'Cl'"));
  CHECK_THAT(fault("case,Cd,Cl\n"), ContainsSubstring("no line with a case"));
  CHECK_THAT(fault("case,Cd,Cl\ncar_7,0.3\n"), ContainsSubstring("line 2: 2 fields, but the table has 3 columns"));
  CHECK_THAT(fault("case,Cd,Cl\n\ncar_7,x,0\n"), ContainsSubstring("line 3: Cd: 'x' is not a number"));
  CHECK_THAT(fault("case,Cd,Cl\ncar_8,1,0\n"), ContainsSubstring("line 2: the case 'car_8' is not in"));
  CHECK_THAT(fault("case,Cd,Cl\ncar_7,1,0\ncar_7,1,0\n"), ContainsSubstring("line 3: the case 'car_7' is there twice"));
}

TEST_CASE("scatter is pooled by mean squares, what is said twice counts once") {
  const LabelNoise a{"a", {{"Cd", {3, 0.01}}}}, b{"b", {{"Cd", {1, 0.03}}, {"Cl", {1, 0.2}}}};
  const LabelNoise all = pooled({a, b, a, {}});
  CHECK(all.source == "a; b");
  CHECK(all.scatter.at("Cd").pairs == 4);
  CHECK(all.scatter.at("Cd").rms == Approx(std::sqrt((3 * 1e-4 + 9e-4) / 4)));
  CHECK(all.scatter.at("Cl").pairs == 1);
  CHECK(pooled({}).empty());

  const TempDir dir;
  const auto write = [&](const std::string& path, int which, const LabelNoise& noise) {
    DatasetHeader header = test::tiny_header();
    header.label_noise = noise;
    bool given = false;
    write_dataset(path, header, [&](FlowSample& sample) {
      if (std::exchange(given, true)) return false;
      sample = test::tiny_case(which);
      return true;
    });
  };
  std::filesystem::create_directory(dir.file("parts"));
  write(dir.file("parts/a.h5"), 1, a), write(dir.file("parts/b.h5"), 2, b), write(dir.file("parts/c.h5"), 3, {});
  merge_datasets({dir.file("parts/a.h5"), dir.file("parts/b.h5"), dir.file("parts/c.h5")}, dir.file("all.h5"), false);
  for (const auto& path : {dir.file("all.h5"), dir.file("parts")})
    CHECK(Dataset(path).label_noise().scatter.at("Cd").rms == Approx(all.scatter.at("Cd").rms));
}

TEST_CASE("what a header says of its labels is checked") {
  const LabelNoise noise{"twice", {{"Cd", {11, 0.0097}}, {"surface/pressure", {2, 0.15}}}};
  const LabelNoise back = label_noise_from_json(to_json(noise), "it");
  CHECK(back.source == "twice");
  CHECK(back.scatter.at("surface/pressure").rms == Approx(0.15));
  const auto fault = [](const std::string& one) {
    return message_of([&] { label_noise_from_json(R"({"source": "s", "scatter": {"Cd": )" + one + "}}", "it"); });
  };
  CHECK_THAT(fault("3"), ContainsSubstring("it: 'Cd': is no object"));
  CHECK_THAT(fault(R"({"pairs": 0, "rms_difference": 0, "standard_deviation": 0})"), ContainsSubstring("'pairs' is 0"));
  CHECK_THAT(fault(R"({"pairs": 2, "rms_difference": -1, "standard_deviation": 0})"),
             ContainsSubstring("'rms_difference' is -1"));
  CHECK_THAT(fault(R"({"pairs": 2, "rms_difference": 0.1, "standard_deviation": 0.1})"),
             ContainsSubstring("'standard_deviation' is 0.1, not"));
  CHECK_THAT(fault(R"({"pairs": 2, "standard_deviation": 0.1})"), ContainsSubstring("'rms_difference' is no number"));
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  change_file(dir.file("d.h5"), [](H5File& file) { file.write_attribute("/", "label_noise", std::string("[]")); });
  CHECK_THAT(message_of([&] { Dataset data(dir.file("d.h5")); }),
             ContainsSubstring("d.h5': attribute 'label_noise': is no JSON object"));
}
