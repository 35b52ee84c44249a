#include <signal.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <new>

#include "mesh_io/own_process.hpp"
#include "tests/mesh_io/mesh_io_support.hpp"

using namespace streamtube;
using core::ErrorKind;

TEST_CASE("work done apart returns its bytes and leaves this process as it was") {
  int here = 1;
  std::string large(3'000'000, 'x');
  large[1234567] = '\0';
  CHECK(mesh_io::run_apart("", 60, [&] {
          here = 2;
          return large;
        }) == large);
  CHECK(here == 1);
  CHECK(mesh_io::run_apart("", 60, [] { return std::string(); }).empty());
}

TEST_CASE("what goes wrong apart is an error here") {
  test::check_error(ErrorKind::usage, {"what", "do this"}, [] {
    mesh_io::run_apart("f: ", 60, []() -> std::string { throw core::Error(ErrorKind::usage, "what", "do this"); });
  });
  for (const int signal : {SIGSEGV, SIGFPE, SIGABRT})
    test::check_error(ErrorKind::input, {"f: ", "crashed"}, [&] {
      mesh_io::run_apart("f: ", 60, [&]() -> std::string {
        ::raise(signal);
        return {};
      });
    });
  test::check_error(ErrorKind::input, {"f: ", "crashed"},
                    [] { mesh_io::run_apart("f: ", 60, []() -> std::string { ::_exit(7); }); });
  test::check_error(ErrorKind::input, {"f: ", "crashed"},
                    [] { mesh_io::run_apart("f: ", 60, []() -> std::string { throw 1; }); });
  test::check_error(ErrorKind::runtime, {"f: ", "killed"}, [] {
    mesh_io::run_apart("f: ", 60, []() -> std::string {
      ::raise(SIGKILL);
      return {};
    });
  });
  test::check_error(ErrorKind::input, {"f: ", "did not end within 1 s"}, [] {
    mesh_io::run_apart("f: ", 1, []() -> std::string {
      for (volatile int i = 0;; i = i + 1) {
      }
    });
  });
  test::check_error(ErrorKind::runtime, {"f: ", "memory"},
                    [] { mesh_io::run_apart("f: ", 60, []() -> std::string { throw std::bad_alloc(); }); });
}
