#pragma once
// What an action that must fail says.

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <string>

#include "core/error.hpp"

namespace streamtube::test {

inline std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const core::Error& error) {
    return error.message();
  }
  FAIL("no error");
  return {};
}

}  // namespace streamtube::test
