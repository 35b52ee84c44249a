// The main() of every test program: Catch2 between the start and the end of the compute back ends.
#include <catch2/catch_session.hpp>
#include <exception>
#include <iostream>

#include "core/runtime.hpp"

int main(int argc, char** argv) {
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
