#include <catch2/catch_test_macros.hpp>
#include <string>

#include "core/error.hpp"

using namespace streamtube::core;

TEST_CASE("an error carries kind, message and hint") {
  const Error error(ErrorKind::input, str("'", "a.stl", "': facet ", 812, ": vertex ", 2, " is not a number"),
                    "repair");
  CHECK(error.kind() == ErrorKind::input);
  CHECK(error.message() == "'a.stl': facet 812: vertex 2 is not a number");
  CHECK(std::string(error.what()) == "'a.stl': facet 812: vertex 2 is not a number\n  hint: repair");
  CHECK(std::string(Error(ErrorKind::usage, "only this").what()) == "only this");
}

TEST_CASE("exit codes") {
  CHECK(exit_code(ErrorKind::usage) == 2);
  CHECK(exit_code(ErrorKind::input) == 3);
  CHECK(exit_code(ErrorKind::runtime) == 1);
  CHECK(exit_code(ErrorKind::internal) == 1);
}

TEST_CASE("require and expect") {
  CHECK_NOTHROW(require(true, ErrorKind::usage, "no"));
  CHECK_NOTHROW(expect(true, "no"));
  CHECK_THROWS_AS(require(false, ErrorKind::usage, "yes", "hint"), Error);
  try {
    expect(false, "n > 0");
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::internal);
  }
}

TEST_CASE("edit distance") {
  CHECK(edit_distance("", "rate") == 4);
  CHECK(edit_distance("rat", "rate") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("same", "same") == 0);
}
