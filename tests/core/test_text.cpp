#include <catch2/catch_test_macros.hpp>
#include <string>

#include "core/text.hpp"

using namespace streamtube;

TEST_CASE("UTF-16 becomes UTF-8 in either order of bytes") {
  const std::string little("s\0\xF6\0\xAC\x20\x3D\xD8\x97\xDE", 10), big("\0s\0\xF6\x20\xAC\xD8\x3D\xDE\x97", 10);
  const std::string text = "s\xC3\xB6\xE2\x82\xAC\xF0\x9F\x9A\x97";
  CHECK(core::utf16_to_utf8(little, false) == text);
  CHECK(core::utf16_to_utf8(big, true) == text);
  CHECK(core::utf16_to_utf8(std::string("a\0\x3D\xD8z\0b", 7), false) == "a\xEF\xBF\xBDz\xEF\xBF\xBD");
  CHECK(core::utf16_to_utf8("", false).empty());
}

TEST_CASE("UTF-8 is told from other bytes") {
  CHECK(core::is_utf8(""));
  CHECK(core::is_utf8("plain"));
  CHECK(
      core::is_utf8("gr\xC3\xB6\xC3\x9F"
                    "e \xE2\x82\xAC \xF0\x9F\x9A\x97"));
  CHECK(core::is_utf8("\xF4\x8F\xBF\xBF"));        // U+10FFFF
  CHECK_FALSE(core::is_utf8("caf\xE9"));           // Latin-1, cut off
  CHECK_FALSE(core::is_utf8("\xE9t\xE9"));         // Latin-1
  CHECK_FALSE(core::is_utf8("\x80"));              // a continuation alone
  CHECK_FALSE(core::is_utf8("\xC0\xAF"));          // overlong
  CHECK_FALSE(core::is_utf8("\xE0\x80\xAF"));      // overlong
  CHECK_FALSE(core::is_utf8("\xF0\x80\x80\xAF"));  // overlong
  CHECK_FALSE(core::is_utf8("\xED\xA0\x80"));      // a surrogate
  CHECK_FALSE(core::is_utf8("\xF4\x90\x80\x80"));  // beyond U+10FFFF
  CHECK_FALSE(core::is_utf8("\xFF"));
}
