#pragma once
// What an error says.

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <functional>
#include <string>
#include <vector>

#include "core/error.hpp"

namespace streamtube::test {

// Runs `f`, which must throw an Error of `kind` whose text holds each of `parts`.
inline void check_error(core::ErrorKind kind, const std::vector<std::string>& parts, const std::function<void()>& f) {
  try {
    f();
  } catch (const core::Error& error) {
    CHECK(static_cast<int>(error.kind()) == static_cast<int>(kind));
    for (const std::string& part : parts) CHECK_THAT(error.what(), Catch::Matchers::ContainsSubstring(part));
    return;
  } catch (const std::exception& other) {
    FAIL("another exception: " << other.what());
  }
  FAIL("no error; wanted one with '" << (parts.empty() ? "" : parts.back()) << "'");
}

}  // namespace streamtube::test
