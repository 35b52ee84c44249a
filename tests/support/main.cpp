// The main() of every test program: Catch2 between the start and the end of the compute back ends.
#include <catch2/catch_session.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>

#include "core/runtime.hpp"

int main(int argc, char** argv) {
  // Tests that name no model mean the one whose bodies and answers they know, made light (tests/CMakeLists.txt); the
  // built-in one has its own (apps/test_default_model.cpp).
  setenv("STREAMTUBE_MODEL", STREAMTUBE_TEST_MODEL, 0);
  try {
    Catch::Session session;
    if (const int code = session.applyCommandLine(argc, argv)) return code;
    const streamtube::core::Runtime runtime;
    return session.run();
  } catch (const std::exception& failure) {
    std::cerr << failure.what() << '\n';
    return 1;
  }
}
