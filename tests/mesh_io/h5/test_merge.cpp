#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>

#include "mesh_io/h5/merge.hpp"
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

// A data set of these tiny cases.
void write(const std::string& path, const std::vector<int>& cases, const Splits& splits,
           const std::string& rules = {}) {
  DatasetHeader header = test::tiny_header();
  header.splits = splits, header.split_rules = rules;
  std::size_t next = 0;
  write_dataset(path, header, [&](FlowSample& sample) {
    if (next == cases.size()) return false;
    sample = test::tiny_case(cases[next++]);
    return true;
  });
}

Names members(const Dataset& data, const std::string& split) {
  Names out;
  for (const std::size_t index : data.split(split)) out.push_back(data.cases()[index].name);
  return out;
}

}  // namespace

TEST_CASE("data sets are merged with their splits, as a folder joins them") {
  const TempDir dir;
  std::filesystem::create_directory(dir.file("parts"));
  const std::string rules = R"({"train":"rest"})";
  write(dir.file("parts/a.h5"), {1, 12}, {{"train", {"case_1"}}, {"test", {"case_12"}}}, rules);
  write(dir.file("parts/b.h5"), {3}, {{"train", {"case_3"}}}, rules);
  merge_datasets({dir.file("parts/a.h5"), dir.file("parts/b.h5")}, dir.file("all.h5"), false);
  for (const auto& path : {dir.file("all.h5"), dir.file("parts")}) {
    const Dataset data(path);
    CHECK(members(data, "all") == Names{"case_1", "case_3", "case_12"});
    CHECK(members(data, "train") == Names{"case_1", "case_3"});
    CHECK(members(data, "test") == Names{"case_12"});
    CHECK(data.split_rules() == rules);
  }
  const Dataset data(dir.file("all.h5"));
  CHECK(data.description() == "synthetic");  // said once
  CHECK(data.read(1, true).part[0].fields[0].values == test::tiny_case(3).part[0].fields[0].values);
  CHECK(data.read(1).info.parameters == test::tiny_case(3).info.parameters);
  write(dir.file("other.h5"), {7}, {}, R"({"test":"rest"})");
  merge_datasets({dir.file("all.h5"), dir.file("other.h5")}, dir.file("mixed.h5"), false);
  CHECK(Dataset(dir.file("mixed.h5")).split_rules().empty());
}

TEST_CASE("a case in two data sets, or in two splits which exclude each other, is refused by name") {
  const TempDir dir;
  write(dir.file("a.h5"), {1, 2}, {{"train", {"case_1"}}, {"trainval", {"case_1", "case_2"}}});
  write(dir.file("b.h5"), {2, 3}, {});
  CHECK_THAT(message_of([&] {
               merge_datasets({dir.file("a.h5"), dir.file("b.h5")}, dir.file("c.h5"), false);
             }),
             ContainsSubstring("'case_2'") && ContainsSubstring("a.h5") && ContainsSubstring("b.h5"));
  CHECK_FALSE(std::filesystem::exists(dir.file("c.h5")));
  CHECK_THAT(message_of([&] { merge_datasets({dir.file("a.h5")}, dir.file("a.h5"), true); }),
             ContainsSubstring("one of the data sets to merge"));
  CHECK_THAT(message_of([&] { merge_datasets({dir.file("a.h5")}, dir.file("b.h5"), false); }),
             ContainsSubstring("there already"));
  // Splits of a folder's files: a file made elsewhere may say anything.
  std::filesystem::create_directory(dir.file("parts"));
  write(dir.file("parts/a.h5"), {1}, {{"train", {"case_1"}}});
  write(dir.file("parts/b.h5"), {2}, {{"test", {"case_2"}}});
  CHECK(Dataset(dir.file("parts")).splits() == Names{"all", "test", "train"});
  write_splits(dir.file("parts/b.h5"), {{"test", {"case_2", "case_1"}}});
  CHECK_THAT(message_of([&] { Dataset(dir.file("parts")); }),
             ContainsSubstring("'test' and 'train' share the cases 'case_1'"));
}
