#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <thread>

#include "core/child_process.hpp"
#include "core/files.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"

using namespace streamtube;
using test::TempDir;

TEST_CASE("a child's exit code, output and environment", "[child]") {
  const TempDir dir;
  core::ChildCommand command{{"sh", "-c", "echo $GREETING; pwd; echo bad >&2; exit 7"},
                             dir.path().string(),
                             dir.file("log"),
                             false,
                             {{"GREETING", "hello"}}};
  CHECK(core::run_child(command) == 7);
  CHECK(core::read_text(dir.file("log")) == "hello\n" + dir.path().string() + "\nbad\n");
  command.append = true;
  command.words = {"sh", "-c", "echo more"};
  CHECK(core::run_child(command) == 0);
  CHECK(core::read_text(dir.file("log")) == "hello\n" + dir.path().string() + "\nbad\nmore\n");
}

TEST_CASE("a child ended by a signal", "[child]") {
  const TempDir dir;
  CHECK(core::run_child({{"sh", "-c", "kill -9 $$"}, dir.path().string(), dir.file("log"), false, {}}) == 128 + 9);
}

TEST_CASE("a tick that says so ends the child and what it started", "[child]") {
  const TempDir dir;
  const auto start = std::chrono::steady_clock::now();
  // The grandchild would write a file after a second.
  const int code = core::run_child(
      {{"sh", "-c", "(sleep 1; touch late) & sleep 60"}, dir.path().string(), dir.file("log"), false, {}},
      [] { return true; });
  CHECK(code == 128 + 15);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  CHECK_FALSE(std::filesystem::exists(dir.file("late")));
}

TEST_CASE("programs and folders that are not there", "[child]") {
  const TempDir dir;
  CHECK(core::find_program("no-such-program-here").empty());
  CHECK_FALSE(core::find_program("sh").empty());
  CHECK(test::message_of([&] {
          core::run_child({{"no-such-program-here"}, dir.path().string(), dir.file("log"), false, {}});
        }) == "the program 'no-such-program-here' is not installed");
  CHECK(test::message_of([&] {
          core::run_child({{"sh"}, dir.file("nowhere"), dir.file("log"), false, {}});
        }).find("cannot be started in '" + dir.file("nowhere")) != std::string::npos);
}
