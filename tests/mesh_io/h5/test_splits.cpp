#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "mesh_io/h5/dataset.hpp"
#include "mesh_io/h5/splits.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/tiny_dataset.hpp"

using namespace streamtube;
using namespace streamtube::mesh_io;
using Catch::Matchers::ContainsSubstring;
using test::message_of;
using test::TempDir;
using Names = std::vector<std::string>;

namespace {

std::string bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t files_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

}  // namespace

TEST_CASE("cases are found by name, by number and below a folder") {
  const Names cases = {"run_1", "run_2", "run_10", "fast_007", "9a1d"};
  CHECK(find_cases(cases, {"run_10", "2", "param1/9a1d", "7"}, "it") == Names{"run_10", "run_2", "9a1d", "fast_007"});
  CHECK_THAT(message_of([&] {
               find_cases(cases, {"run_1", "run_3", "10", "11"}, "'s.json': 'train'");
             }),
             ContainsSubstring("'s.json': 'train'") && ContainsSubstring("no case 'run_3', '11'"));
  CHECK_THAT(message_of([&] { find_cases(cases, {"run_1", "1"}, "it"); }), ContainsSubstring("'run_1' is named twice"));
  CHECK_THAT(message_of([&] {
               find_cases({"a_1", "b_1"}, {"1"}, "it");
             }),
             ContainsSubstring("'a_1', 'b_1'") && ContainsSubstring("any of"));
  CHECK_THAT(message_of([&] { find_cases(cases, {""}, "it"); }), ContainsSubstring("no case ''"));
}

TEST_CASE("published files of splits and lists of cases") {
  const TempDir dir;
  const Splits s = read_split_file(dir.write("s.json", R"({"train": [1, 2], "test": ["param0/abc", "7"]})"));
  CHECK(s == Splits{{"train", {"1", "2"}}, {"test", {"param0/abc", "7"}}});
  CHECK_THAT(message_of([&] { read_split_file(dir.write("bad.json", R"({"train": [1.5]})")); }),
             ContainsSubstring("bad.json") && ContainsSubstring("1.5"));
  CHECK_THAT(message_of([&] { read_split_file(dir.write("bad.json", R"({"train": 3})")); }),
             ContainsSubstring("'train' is not a list"));
  CHECK_THAT(message_of([&] { read_split_file(dir.write("bad.json", "[1, 2]")); }), ContainsSubstring("JSON object"));
  CHECK(read_case_list(dir.write("l.txt", "# held back\nrun_1, run_2\n\n  7 # fast\nrun_3")) ==
        Names{"run_1", "run_2", "7", "run_3"});
  CHECK(read_case_list(dir.write("l.txt", "# nothing\n")).empty());
}

TEST_CASE("random shares: every case once, the sizes wanted, by the seed alone") {
  Names cases;
  for (int i = 0; i < 101; ++i) cases.push_back(core::str("c", i));
  const Splits s = random_splits(cases, {{"train", 0.8}, {"validation", 0.1}, {"test", 0.1}}, 1);
  CHECK(s.at("train").size() == 81);  // 80.8, 10.1, 10.1
  CHECK(s.at("validation").size() == 10);
  CHECK(s.at("test").size() == 10);
  std::set<std::string> all;
  for (const auto& [name, members] : s) all.insert(members.begin(), members.end());
  CHECK(all.size() == 101);
  CHECK(s == random_splits(cases, {{"train", 0.8}, {"validation", 0.1}, {"test", 0.1}}, 1));
  CHECK(s != random_splits(cases, {{"train", 0.8}, {"validation", 0.1}, {"test", 0.1}}, 2));
  CHECK(random_splits(cases, {{"few", 0.1}}, 1).at("few").size() == 10);
  CHECK_THAT(message_of([&] { random_splits(cases, {{"train", 0.8}, {"test", 0.3}}, 1); }), ContainsSubstring("1.1"));
  CHECK_THAT(message_of([&] { random_splits(cases, {{"train", -0.1}}, 1); }), ContainsSubstring("positive"));
  CHECK_THAT(message_of([&] {
               random_splits({"a", "b"}, {{"train", 0.9}, {"test", 0.1}}, 1);
             }),
             ContainsSubstring("'test' without a case"));
}

TEST_CASE("splits that cannot be right are refused, naming split and case") {
  const Names cases = {"a", "b", "c"};
  const auto refused = [&](const Splits& s) { return message_of([&] { check_splits(s, cases, "'d.h5'"); }); };
  CHECK_NOTHROW(check_splits(
      {{"train", {"a"}}, {"validation", {"b"}}, {"trainval", {"a", "b"}}, {"test", {"c"}}, {"fast", {"a", "c"}}}, cases,
      "'d.h5'"));
  CHECK_THAT(refused({{"train", {}}}), ContainsSubstring("'train' has no cases"));
  CHECK_THAT(refused({{"train", {"a", "x"}}}), ContainsSubstring("unknown case 'x'"));
  CHECK_THAT(refused({{"train", {"a", "a"}}}), ContainsSubstring("'a' twice"));
  CHECK_THAT(refused({{"all", {"a"}}}), ContainsSubstring("'all'"));
  CHECK_THAT(refused({{"train", {"a", "b"}}, {"test", {"b", "c"}}}),
             ContainsSubstring("'test' and 'train' share the cases 'b'"));
  CHECK_THAT(refused({{"train", {"a", "b"}}, {"val", {"a"}}}), ContainsSubstring("'train' and 'val'"));
  CHECK_THAT(refused({{"trainval", {"a", "b"}}, {"hidden_test", {"a"}}}), ContainsSubstring("'a'"));
}

TEST_CASE("new splits leave the cases of a file as they are") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  const auto fingerprint = [&] {
    const Dataset data(dir.file("d.h5"));
    return data.fingerprint(data.split("all"));
  };
  const std::string before = fingerprint();
  dir.write(".d.part-77-0.h5", "left by a killed process");
  std::filesystem::create_symlink(dir.file("d.h5"), dir.file("link.h5"));
  const Splits splits = {{"fast", {"case_1", "case_4"}}, {"test", {"case_6"}}};
  write_splits(dir.file("link.h5"), splits);
  CHECK(std::filesystem::is_symlink(dir.file("link.h5")));
  const Dataset data(dir.file("d.h5"));
  CHECK(data.splits() == Names{"all", "fast", "test"});
  CHECK(data.split("fast") == std::vector<std::size_t>{1, 4});
  CHECK(fingerprint() == before);
  for (std::size_t i = 0; i < 7; ++i) CHECK_NOTHROW(data.read(i, true));
  CHECK(files_in(dir.path()) == 2);  // nothing beside
  write_splits(dir.file("d.h5"), {});
  CHECK(Dataset(dir.file("d.h5")).splits() == Names{"all"});
  Splits large;
  for (int i = 0; i < 9000; ++i) large["train"].push_back(core::str("case_", i));
  CHECK_THAT(message_of([&] { write_splits(dir.file("d.h5"), large); }), ContainsSubstring("64000"));
}

TEST_CASE("a full disk leaves the data set as it was") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  const std::string before = bytes(dir.file("d.h5"));
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit small{before.size() / 2, limit.rlim_max};
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    write_splits(dir.file("d.h5"), {{"test", {"case_6"}}});
  } catch (const core::Error& error) {
    message = error.message();
    CHECK(error.kind() == core::ErrorKind::runtime);
  }
  setrlimit(RLIMIT_FSIZE, &limit);
  signal(SIGXFSZ, handler);
  CHECK_THAT(message, ContainsSubstring("d.h5"));
  CHECK(bytes(dir.file("d.h5")) == before);
  CHECK(files_in(dir.path()) == 1);
}

TEST_CASE("splits of a folder stand in a file of its own") {
  const TempDir dir;
  std::filesystem::create_directory(dir.file("d"));
  test::write_tiny_dataset(dir.file("d/a.h5"), 5);
  dir.write("d/.b.part-12-0.h5", "half a file of a killed process");
  write_splits(dir.file("d"), {{"train", {"case_0", "case_1"}}, {"test", {"case_3"}}});
  const Dataset data(dir.file("d"));
  CHECK(data.splits() == Names{"all", "test", "train"});  // the file's own had a validation split
  CHECK(data.split("test") == std::vector<std::size_t>{3});
  dir.write("d/splits.json", R"({"train": ["case_9"]})");
  CHECK_THAT(message_of([&] { Dataset(dir.file("d")); }),
             ContainsSubstring("splits.json") && ContainsSubstring("'case_9'"));
}
