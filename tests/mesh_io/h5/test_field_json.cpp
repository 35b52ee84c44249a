#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "mesh_io/h5/field_json.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/tiny_dataset.hpp"

using namespace streamtube;
using namespace streamtube::mesh_io;
using Catch::Matchers::ContainsSubstring;
using test::message_of;

TEST_CASE("fields come back from their JSON, keys in a fixed order") {
  const auto fields = test::tiny_header().fields[1];
  const std::string text = fields_to_json(fields);
  CHECK(fields_from_json(text, "it") == fields);
  // The fingerprints of checkpoints cover this text.
  CHECK(text.rfind(R"([{"name":"pressure","dimensionless_name":"Cp","components":1,"scale":"dynamic_pressure",)"
                   R"("transform":"none","unit":"Pa"},)",
                   0) == 0);
  auto other = fields;
  other[2].transform = physics::Transform::none;
  CHECK(other != fields);
}

TEST_CASE("wrong lists of fields are refused with the place") {
  const std::string good = fields_to_json(test::tiny_header().fields[0]);
  const auto refused = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const auto at = text.rfind(from);
    REQUIRE(at != std::string::npos);
    return message_of([&] { fields_from_json(text.replace(at, from.size(), to), "'f'"); });
  };
  CHECK_THAT(refused("\"unit\"", "\"Unit\""), ContainsSubstring("'f': field 2: 'unit' is missing"));
  CHECK_THAT(refused(":3", ":0"), ContainsSubstring("components"));
  CHECK_THAT(refused(":3", ":\"3\""), ContainsSubstring("components"));
  CHECK_THAT(refused("dynamic_pressure", "static_pressure"), ContainsSubstring("'static_pressure' is not known"));
  CHECK_THAT(refused("none", "log"), ContainsSubstring("transform 'log'"));
  CHECK_THAT(refused("]", ""), ContainsSubstring("not a list"));
}
