#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <chrono>
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

TEST_CASE("on a terminal, a bar is redrawn in place and makes room for the log") {
  int terminal = -1, program_side = -1;
  if (openpty(&terminal, &program_side, nullptr, nullptr, nullptr)) SKIP("no pseudo terminal");
  std::fflush(stderr);
  const int saved = dup(STDERR_FILENO);
  dup2(program_side, STDERR_FILENO);
  {
    Progress progress("volume", 400, "points");
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    progress.advance(200);
    warn("meanwhile");
    progress.note("p 1e-3");
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    progress.advance(200);
  }
  std::fflush(stderr);
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(program_side);
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(terminal, buffer, sizeof buffer)) > 0;) text.append(buffer, std::size_t(n));
  close(terminal);
  REQUIRE(text.size() > 2);
  INFO(text);
  const auto half = text.find("\rvolume [###############...............]  50 %  200 of 400 points");
  const auto warning = text.find("\r\x1b[Kwarning: meanwhile\r\n");  // the terminal turns \n into \r\n
  const auto full = text.find("\rvolume [##############################] 100 %  400 of 400 points");
  CHECK(half != std::string::npos);
  CHECK(warning != std::string::npos);
  CHECK(full != std::string::npos);
  CHECK(half < warning);
  CHECK(warning < full);
  CHECK(text.find("left") != std::string::npos);
  CHECK(text.find("took") != std::string::npos);
  CHECK(text.find("; p 1e-3", full) != std::string::npos);
  CHECK(text.find("; p 1e-3") > warning);
  CHECK(text.substr(text.size() - 2) == "\r\n");
}
