#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <map>

#include "mesh_io/h5/split_rules.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "surrogate/train/training_shapes.hpp"

using namespace streamtube;

// Designs that measure a model must not have taught it. The rule of each family of names, whatever a data set says.
TEST_CASE("no model that is shipped has learned from a test design") {
  const std::map<std::string, mesh_io::SplitRules> families = {
      {"run_", mesh_io::default_split_rules()},
      {"car_", mesh_io::SplitRules::parse(R"({"test": "number % 10 == 0", "left_out": "number % 10 == 3"})", "cars")}};
  std::size_t models = 0;
  for (const auto& entry : std::filesystem::directory_iterator(STREAMTUBE_SOURCE_DIR "/data_samples/models")) {
    if (entry.path().extension() != ".h5") continue;
    const auto model = surrogate::read_checkpoint(entry.path().string());
    for (const std::string& name : model.shapes.cases) {
      INFO(entry.path().filename().string() << ": " << name);
      const auto family = families.find(name.substr(0, name.find_last_not_of("0123456789") + 1));
      REQUIRE(family != families.end());  // a new family of data says its rule here
      const auto splits = family->second.of({name}, "it");
      CHECK_FALSE(splits.contains("test"));
      CHECK_FALSE(splits.contains("left_out"));
    }
    models += !model.shapes.cases.empty();
  }
  CHECK(models >= 1);
}
