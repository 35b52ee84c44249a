#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <functional>
#include <thread>
#include <vector>

#include "core/files.hpp"
#include "core/log.hpp"
#include "tests/support/temp_dir.hpp"

using namespace streamtube::core;

namespace {

// What `f` writes to stderr.
std::string stderr_of(const std::function<void()>& f) {
  const streamtube::test::TempDir dir;
  const std::string path = dir.file("stderr");
  std::fflush(stderr);
  const int saved = dup(STDERR_FILENO);
  const int file = open(path.c_str(), O_CREAT | O_WRONLY, 0600);
  dup2(file, STDERR_FILENO);
  f();
  std::fflush(stderr);
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(file);
  return read_text(path);
}

struct LevelGuard {
  LogLevel before = log_level();
  ~LevelGuard() { set_log_level(before); }
};

}  // namespace

TEST_CASE("levels are prefixed and filtered") {
  const LevelGuard guard;
  auto all = [] {
    log(LogLevel::error, "e");
    warn("w");
    info("i");
    debug("d");
  };
  set_log_level(LogLevel::debug);
  CHECK(stderr_of(all) == "error: e\nwarning: w\ni\ndebug: d\n");
  set_log_level(LogLevel::info);
  CHECK(stderr_of(all) == "error: e\nwarning: w\ni\n");
  set_log_level(LogLevel::error);
  CHECK(stderr_of(all) == "error: e\n");
}

TEST_CASE("lines of several threads stay whole") {
  const std::string text = stderr_of([] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([] {
        for (int i = 0; i < 200; ++i) info("0123456789");
      });
    for (auto& thread : threads) thread.join();
  });
  std::string expected;
  for (int i = 0; i < 800; ++i) expected += "0123456789\n";
  CHECK(text == expected);
}

TEST_CASE("away from a terminal, short work shows no progress and no control characters") {
  const LevelGuard guard;
  const std::string text = stderr_of([] {
    Progress progress("volume", 1000, "points");
    for (int i = 0; i < 1000; ++i) progress.advance(1);
  });
  CHECK(text.empty());
}
