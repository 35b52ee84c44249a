#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <string>

#include "core/error.hpp"
#include "core/json.hpp"

using namespace streamtube;
using Catch::Matchers::ContainsSubstring;
using core::Json;
using core::parse_json;

namespace {

std::string json_error(const std::string& text) {
  try {
    parse_json(text, "'a.json'", "a hint");
  } catch (const core::Error& error) {
    CHECK(error.kind() == core::ErrorKind::input);
    CHECK(error.hint() == "a hint");
    return error.message();
  }
  return "no error";
}

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("JSON keeps the order of its keys, its numbers and its comments' neighbours") {
  const Json json =
      parse_json(R"({"b": [1, -2, 2.5, 18446744073709551615], /* why */ "a": {"x": null, "y": true}} // end)");
  CHECK(core::json_text(json) == R"({"b":[1,-2,2.5,18446744073709551615],"a":{"x":null,"y":true}})");
  CHECK(json["b"][3].is_number_unsigned());
  CHECK(core::json_text(parse_json("\xEF\xBB\xBF[1]")) == "[1]");  // a byte order mark
  CHECK(core::json_text(parse_json(R"("a text")"), 2) == R"("a text")");
}

TEST_CASE("a text that is no JSON is refused with its place") {
  CHECK_THAT(json_error("{\n  \"a\": 1,\n  oops}"),
             ContainsSubstring("'a.json': is not valid JSON: at line 3, column 3"));
  CHECK_THAT(json_error(""), ContainsSubstring("unexpected end of input"));
  CHECK_THAT(json_error("[1] [2]"), ContainsSubstring("line 1, column 5"));
  CHECK_THAT(json_error(R"({"a": 1, "b": {"a": 2}, "a": 3})"), ContainsSubstring("the key 'a' is there twice"));
  CHECK_THAT(json_error("\"\xFF\""), ContainsSubstring("UTF-8"));
  CHECK(json_error("\"" + std::string(100'000, 'x')).size() < 400);
  CHECK(core::try_json("{").is_discarded());
}

TEST_CASE("a text as deep as the limit is read, a deeper one is refused") {
  const int most = core::kMostJsonDepth;
  CHECK(parse_json(repeated("[", most) + repeated("]", most)).size() == 1);
  CHECK_THAT(json_error(repeated("[", most + 1) + repeated("]", most + 1)), ContainsSubstring("more than 64 deep"));
  CHECK_THAT(json_error(repeated("[", 1'000'000)), ContainsSubstring("more than 64 deep"));
  CHECK_THAT(json_error(repeated("{\"a\":", 1'000'000)), ContainsSubstring("more than 64 deep"));
  CHECK_THAT(json_error(std::string(core::kMostJsonBytes + 1, ' ')), ContainsSubstring("at most 67108864 are read"));
}

TEST_CASE("a million keys are read in time in proportion") {
  std::string text = "{";
  for (int i = 0; i < 1'000'000; ++i) text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
  CHECK(parse_json(text + "}").size() == 1'000'000);  // an hour, were each key compared with all before it
}

TEST_CASE("JSON is written where its texts are not UTF-8") {
  CHECK(core::json_text(Json{{"name", "caf\xE9"}}) == "{\"name\":\"caf\xEF\xBF\xBD\"}");
}
