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

TEST_CASE("a decoder stands in the JSON when it is not direct, and must be known and fit its field") {
  auto fields = test::tiny_header().fields[1];
  CHECK_THAT(fields_to_json(fields), !ContainsSubstring("decoder"));
  fields[1].decoder = physics::Decoder::potential, fields[2].decoder = physics::Decoder::curl;
  std::string text = fields_to_json(fields);
  CHECK_THAT(text, ContainsSubstring(R"("decoder":"potential"})") && ContainsSubstring(R"("decoder":"curl"})"));
  CHECK(fields_from_json(text, "it") == fields);
  const auto refused = [&](const std::string& from, const std::string& to) {
    std::string other = text;
    const auto at = other.find(from);
    REQUIRE(at != std::string::npos);
    return message_of([&] { fields_from_json(other.replace(at, from.size(), to), "'f'"); });
  };
  CHECK_THAT(refused("\"curl\"", "\"rotor\""), ContainsSubstring("'f': field 3: the decoder 'rotor' is not known"));
  CHECK_THAT(refused("\"curl\"", "1"), ContainsSubstring("'decoder' is not text"));
  CHECK_THAT(refused("\"potential\"", "\"curl\""), ContainsSubstring("'velocity' has the decoder 'curl'"));
  CHECK_THAT(refused("\"velocity\"", "\"speed\""), ContainsSubstring("'speed' has the decoder 'potential'"));
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
  CHECK_THAT(refused("]", ""), ContainsSubstring("not valid JSON"));
}
