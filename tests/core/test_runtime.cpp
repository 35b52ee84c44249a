#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/runtime.hpp"
#include "tests/support/temp_dir.hpp"

using namespace streamtube::core;

namespace {

void refused(const RuntimeOptions& options, const char* word) {
  try {
    Runtime bad(options);
    FAIL("no error for " << word);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(error.message().find(word) != std::string::npos);
    CHECK(!error.hint().empty());
  }
}

}  // namespace

TEST_CASE("a second Runtime and options that do not fit are refused") {
  CHECK_THROWS_AS(Runtime(), Error);
  refused({.threads = -3}, "-3");
  refused({.backend = Backend::openmp, .device = 0}, "--device 0");
  refused({.device = 1000}, "--device 1000");
  check({});
  check({.threads = 2, .backend = Backend::openmp});
}

TEST_CASE("one of the devices listed is used, of the kind that was chosen") {
  REQUIRE(backend() != Backend::automatic);
  std::vector<std::string> used;
  for (const DeviceInfo& device : devices())
    if (device.used) used.push_back(device.backend);
  REQUIRE(used.size() == 1);
  CHECK((used[0] == "Cuda") == (backend() == Backend::cuda));
}

TEST_CASE("the CPU is described") {
  const auto list = devices();
  REQUIRE(!list.empty());
  CHECK(list[0].name.find("CPU: ") == 0);
  CHECK(list[0].name.size() > 5);
  CHECK(list[0].threads >= 1);
  CHECK(list[0].memory > 1e8);
}

TEST_CASE("threads and memory are within the machine's") {
  CHECK(usable_threads() >= 1);
  CHECK(usable_threads() <= sysconf(_SC_NPROCESSORS_ONLN));
  const std::size_t physical = std::size_t(sysconf(_SC_PHYS_PAGES)) * std::size_t(sysconf(_SC_PAGESIZE));
  CHECK(available_host_memory() > 0);
  CHECK(available_host_memory() <= physical);
  CHECK(available_memory() > 0);
  const auto half = static_cast<double>(available_memory(2)), whole = static_cast<double>(available_memory(1));
  CHECK(std::abs(2 * half / whole - 1) < 0.3);  // others take and give memory meanwhile
}

TEST_CASE("the peak of the resident memory sees a large block") {
  const std::size_t before = peak_resident_memory();
  CHECK(before > 1 << 20);
  std::vector<char> block(before + (64 << 20));
  std::memset(block.data(), 1, block.size());
  CHECK(peak_resident_memory() >= block.size());
  CHECK(block[block.size() / 2] == 1);
}

TEST_CASE("the version is three numbers") {
  int a = -1, b = -1, c = -1;
  CHECK(std::sscanf(version().c_str(), "%d.%d.%d", &a, &b, &c) == 3);
}

// In a child process: signals of this one belong to Catch2.
TEST_CASE("the first signal asks, the second ends the process without leaving temporaries") {
  const streamtube::test::TempDir dir;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    install_interrupt_handler();
    if (interrupted()) _exit(1);
    try {
      check_interrupt();
      raise(SIGINT);
      check_interrupt();
      _exit(2);
    } catch (const Interrupted&) {
    }
    write_atomically(dir.file("a.txt"), [](const std::string& temporary) {
      std::ofstream(temporary) << "half";
      raise(SIGTERM);
    });
    _exit(3);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 130);
  CHECK(std::filesystem::is_empty(dir.path()));
}
