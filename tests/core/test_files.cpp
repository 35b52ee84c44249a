#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "core/error.hpp"
#include "core/files.hpp"
#include "tests/support/temp_dir.hpp"

using namespace streamtube::core;
namespace fs = std::filesystem;

namespace {

std::size_t files_in(const fs::path& folder) {
  return std::size_t(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

template <class F>
Error error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error;
  }
  throw std::runtime_error("no Error was thrown");
}

}  // namespace

TEST_CASE("a file appears when complete, with the extension while it is written") {
  const streamtube::test::TempDir dir;
  const std::string path = dir.file("result.vtu");
  std::string temporary;
  write_atomically(path, [&](const std::string& name) {
    temporary = name;
    CHECK(fs::path(name).extension() == ".vtu");
    CHECK(fs::path(name).parent_path() == dir.path());
    CHECK(!fs::exists(path));
    std::ofstream(name) << "content";
  });
  CHECK(read_text(path) == "content");
  CHECK(!fs::exists(temporary));
  CHECK(files_in(dir.path()) == 1);
  write_text(path, "other");
  CHECK(read_text(path) == "other");
}

TEST_CASE("a failing writer leaves the old file and no temporary") {
  const streamtube::test::TempDir dir;
  const std::string path = dir.write("a.txt", "old");
  const auto error = error_of([&] {
    write_atomically(path, [](const std::string& name) {
      std::ofstream(name) << "half";
      throw std::runtime_error("the pen broke");
    });
  });
  CHECK(error.kind() == ErrorKind::runtime);
  CHECK(error.message().find(path) != std::string::npos);
  CHECK(error.message().find("the pen broke") != std::string::npos);
  // An Error of the writer, and what is no exception class at all, pass as they are.
  CHECK(error_of([&] {
          write_atomically(path, [](const std::string&) { throw Error(ErrorKind::input, "mine"); });
        }).message() == "mine");
  CHECK_THROWS_AS(write_atomically(path, [](const std::string&) { throw 7; }), int);
  CHECK(read_text(path) == "old");
  CHECK(files_in(dir.path()) == 1);
}

TEST_CASE("refusals of the system name path and reason") {
  const streamtube::test::TempDir dir;
  auto error = error_of([&] { write_text(dir.file("missing/a.txt"), "x"); });
  CHECK(error.kind() == ErrorKind::runtime);
  CHECK(error.message().find("missing/a.txt") != std::string::npos);
  CHECK(error.message().find("No such file") != std::string::npos);
  fs::create_directory(dir.path() / "folder");
  CHECK_THROWS_AS(write_text(dir.file("folder"), "x"), Error);
  CHECK_THROWS_AS(write_text("/dev/null", "x"), Error);
  CHECK(fs::is_character_file("/dev/null"));
  error = error_of([&] { read_text(dir.file("none")); });
  CHECK(error.kind() == ErrorKind::input);
  CHECK(error.message().find(dir.file("none")) != std::string::npos);
  CHECK_THROWS_AS(read_text(dir.path().string()), Error);
}

TEST_CASE("what is there and no regular file is not written over: another name is to be given") {
  const streamtube::test::TempDir dir;
  fs::create_directory(dir.file("folder.stl"));
  const auto error = error_of([&] { write_text(dir.file("folder.stl"), "x"); });
  CHECK(error.kind() == ErrorKind::usage);
  CHECK(error.message().find("is not a regular file") != std::string::npos);
  CHECK(fs::is_directory(dir.file("folder.stl")));
}

TEST_CASE("a full disk is an error, not a short file") {
  if (!fs::exists("/dev/full")) SKIP("no /dev/full");
  const streamtube::test::TempDir dir;
  const std::string path = dir.file("a.txt");
  CHECK_THROWS_AS(write_atomically(path,
                                   [](const std::string&) {
                                     std::ofstream out("/dev/full");
                                     out.exceptions(std::ios::badbit | std::ios::failbit);
                                     out << std::string(100000, 'x') << std::flush;
                                   }),
                  Error);
  CHECK(files_in(dir.path()) == 0);
}

TEST_CASE("require_writable makes the folder and finds files in the way") {
  const streamtube::test::TempDir dir;
  const std::string folder = dir.file("a/b");
  require_writable(folder, {"x.vtp"}, false);
  CHECK(fs::is_directory(folder));
  CHECK(files_in(folder) == 0);
  std::ofstream(folder + "/x.vtp") << "x";
  const auto error = error_of([&] { require_writable(folder, {"x.vtp", "y.vtp"}, false); });
  CHECK(error.kind() == ErrorKind::usage);
  CHECK(error.message().find("x.vtp") != std::string::npos);
  CHECK(error.message().find("y.vtp") == std::string::npos);
  CHECK(error.hint().find("--overwrite") != std::string::npos);
  CHECK_NOTHROW(require_writable(folder, {"x.vtp"}, true));
  CHECK_NOTHROW(require_writable(folder, {"y.vtp"}, false));
  CHECK(error_of([&] { require_writable(folder + "/x.vtp", {}, false); }).kind() == ErrorKind::usage);
  CHECK(error_of([&] { require_writable(folder + "/x.vtp/c", {}, false); }).kind() == ErrorKind::runtime);
  if (geteuid() != 0) {
    fs::permissions(folder, fs::perms::owner_read | fs::perms::owner_exec);
    CHECK(error_of([&] { require_writable(folder, {}, false); }).kind() == ErrorKind::runtime);
    fs::permissions(folder, fs::perms::owner_all);
  }
  CHECK(error_of([&] { require_writable("/proc/nothing", {}, false); }).kind() == ErrorKind::runtime);
}

TEST_CASE("remove_temporaries removes what is being written") {
  const streamtube::test::TempDir dir;
  CHECK_THROWS_AS(write_atomically(dir.file("a.txt"),
                                   [&](const std::string&) {
                                     CHECK(files_in(dir.path()) == 1);
                                     remove_temporaries();
                                     CHECK(files_in(dir.path()) == 0);
                                   }),
                  Error);
  CHECK(files_in(dir.path()) == 0);
  CHECK_NOTHROW(remove_temporaries());
  write_text(dir.file("b.txt"), "works afterwards");
  CHECK(read_text(dir.file("b.txt")) == "works afterwards");
}

TEST_CASE("what a killed process left beside a file is removed, nothing else") {
  const streamtube::test::TempDir dir;
  const std::vector<std::string> stay = {".state.part-.h5x", ".state.part-1-0.txt", ".states.part-1-0.h5",
                                         ".state.part-mine.h5", "state.h5"};
  for (const auto& name : stay) dir.write(name, "x");
  dir.write(".state.part-123-4.h5", "x"), dir.write(".state.part-1-10.h5", "x");
  remove_leftovers(dir.file("state.h5"));
  CHECK_FALSE(fs::exists(dir.file(".state.part-123-4.h5")));
  CHECK_FALSE(fs::exists(dir.file(".state.part-1-10.h5")));
  for (const auto& name : stay) CHECK(fs::exists(dir.file(name)));
  // The name that is removed is the name that is written.
  std::string temporary;
  try {
    write_atomically(dir.file("state.h5"), [&](const std::string& name) {
      temporary = name;
      remove_leftovers(dir.file("state.h5"));
      CHECK_FALSE(fs::exists(name));
      throw Error(ErrorKind::input, "stop");
    });
  } catch (const Error&) {
  }
  CHECK_FALSE(temporary.empty());
}

TEST_CASE("a disk that is too small is told before the work") {
  const streamtube::test::TempDir dir;
  CHECK_NOTHROW(require_disk_space(dir.path().string(), 1));
  const auto error = error_of([&] { require_disk_space(dir.file("new/folder"), std::uint64_t{1} << 60); });
  CHECK(error.kind() == ErrorKind::runtime);
  CHECK(error.message().find("take 1.153e+09 GB, but") != std::string::npos);
  CHECK(streamtube::core::size_text(2'340'000) == "2.34 MB");
  CHECK(streamtube::core::size_text(900) == "0.9 kB");
  CHECK(streamtube::core::size_text(61'234'500'000) == "61.23 GB");
  CHECK(!fs::exists(dir.file("new")));
}
