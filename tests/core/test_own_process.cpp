#include <signal.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <new>

#include "core/own_process.hpp"
#include "tests/support/check_error.hpp"

using namespace streamtube;
using core::ErrorKind;

TEST_CASE("work done apart returns its bytes and leaves this process as it was") {
  int here = 1;
  std::string large(3'000'000, 'x');
  large[1234567] = '\0';
  CHECK(core::run_apart({"", 60}, [&] {
          here = 2;
          return large;
        }) == large);
  CHECK(here == 1);
  CHECK(core::run_apart({"", 60}, [] { return std::string(); }).empty());
}

TEST_CASE("what goes wrong apart is an error here") {
  test::check_error(ErrorKind::usage, {"what", "do this"}, [] {
    core::run_apart({"f: ", 60}, []() -> std::string { throw core::Error(ErrorKind::usage, "what", "do this"); });
  });
  for (const int signal : {SIGSEGV, SIGFPE, SIGABRT})
    test::check_error(ErrorKind::input, {"f: ", "crashed"}, [&] {
      core::run_apart({"f: ", 60}, [&]() -> std::string {
        ::raise(signal);
        return {};
      });
    });
  test::check_error(ErrorKind::input, {"f: ", "crashed"}, [] {
    core::run_apart({"f: ", 60}, []() -> std::string { ::_exit(7); });
  });
  test::check_error(ErrorKind::input, {"f: ", "crashed"}, [] {
    core::run_apart({"f: ", 60}, []() -> std::string { throw 1; });
  });
  test::check_error(ErrorKind::runtime, {"f: ", "killed"}, [] {
    core::run_apart({"f: ", 60}, []() -> std::string {
      ::raise(SIGKILL);
      return {};
    });
  });
  test::check_error(ErrorKind::input, {"f: ", "did not end within 1 s"}, [] {
    core::run_apart({"f: ", 1}, []() -> std::string {
      volatile int i = 0;
      for (;;) i = i + 1;
    });
  });
  test::check_error(ErrorKind::runtime, {"f: ", "memory"}, [] {
    core::run_apart({"f: ", 60}, []() -> std::string { throw std::bad_alloc(); });
  });
}
