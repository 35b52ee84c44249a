#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <thread>

#include "core/log.hpp"
#include "core/long_work.hpp"
#include "core/runtime.hpp"

using namespace streamtube::core;

TEST_CASE("a quiet thread says errors only, the others go on") {
  const LogLevel before = log_level();
  set_log_level(LogLevel::info);
  {
    const QuietThread quiet;
    CHECK(log_level() == LogLevel::error);
    { const QuietThread again; }
    CHECK(log_level() == LogLevel::error);
    LogLevel other = LogLevel::none;
    std::thread([&] { other = log_level(); }).join();
    CHECK(other == LogLevel::info);
  }
  CHECK(log_level() == LogLevel::info);
  set_log_level(before);
}

// Last in this program: the interrupt stays.
TEST_CASE("held interrupts come through afterwards") {
  install_interrupt_handler();
  {
    const HoldInterrupts hold;
    CHECK_FALSE(HoldInterrupts::asked());
    std::raise(SIGINT);
    CHECK(HoldInterrupts::asked());
    CHECK_FALSE(interrupted());
    CHECK_NOTHROW(check_interrupt());
  }
  CHECK(interrupted());
  CHECK_THROWS_AS(check_interrupt(), Interrupted);
}
