#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "core/files.hpp"
#include "mesh_io/h5/h5_file.hpp"
#include "solver/sweep/results_table.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"

using namespace streamtube;
using namespace streamtube::solver;
using Catch::Matchers::ContainsSubstring;
using test::TempDir;

namespace {

Row row_of(const std::string& name, double cd) {
  Row row;
  row.design = name, row.identity = "1f", row.done = true;
  row.files = {"a.stl"}, row.bytes = 12;
  row.parameters = {{"slant", 25}, {"Cd", 0.3}};
  row.numbers = {{"Cd", cd}, {"Cl", 1.0 / 3}, {"drag_N", std::numeric_limits<double>::quiet_NaN()}};
  row.warnings = {"a hole, \"small\"", "äöü"};
  row.seconds = {{"prepare", 0.5}};
  row.folder = "designs/" + name;
  return row;
}

}  // namespace

TEST_CASE("rows survive the journal, an unfinished line does not") {
  const TempDir dir;
  const std::string folder = dir.path().string();
  CHECK_FALSE(has_journals(folder));
  {
    Journal journal(folder, 0);
    journal.append(row_of("a", 0.1));
    journal.append(row_of("b", 0.2));
  }
  CHECK(has_journals(folder));
  std::ofstream(dir.file("journal.0.jsonl"), std::ios::app) << "{\"design\": \"c\", \"ident";
  {
    auto rows = read_journals(folder);
    REQUIRE(rows.size() == 2);
    CHECK(rows.at("a").number("Cl") == 1.0 / 3);
    CHECK(std::isnan(rows.at("a").number("drag_N")));
    CHECK(rows.at("b").warnings == row_of("b", 0.2).warnings);
    CHECK(to_json(rows.at("b")) == to_json(row_of("b", 0.2)));
    Journal journal(folder, 0);  // cuts the half line off
    journal.append(row_of("c", 0.3));
    Journal other(folder, 12);
    other.append(row_of("d", 0.4));
  }
  CHECK(read_journals(folder).size() == 4);
  // What one process failed at and another did later is done, in whatever order the journals are read.
  Row failed = row_of("d", 0);
  failed.done = false;
  { Journal(folder, 20).append(failed); }
  CHECK(read_journals(folder).at("d").done);
  remove_journals(folder);
  CHECK_FALSE(has_journals(folder));
}

TEST_CASE("coefficients of another area, forces as they are") {
  Row row;
  row.numbers = {{"Cd", 0.3},   {"Cl", -0.1},   {"Cm_pitch", 0.02},     {"CdA", 0.6},
                 {"ClA", -0.2}, {"drag_N", 90}, {"reference_area", 2.0}};
  row.refer_to(1.5);
  const std::vector<std::pair<const char*, double>> expected = {
      {"Cd", 0.4}, {"CdA", 0.6}, {"ClA", -0.2}, {"drag_N", 90}, {"reference_area", 1.5}};
  for (const auto& [name, value] : expected) CHECK(std::abs(row.number(name) - value) < 1e-12);
  CHECK(std::abs(row.number("Cm_pitch") - 0.02 * 2 / 1.5) < 1e-12);
  CHECK(std::abs(row.number("Cl") + 0.1 * 2 / 1.5) < 1e-12);
}

TEST_CASE("a line that no sweep wrote is named") {
  const TempDir dir;
  { Journal(dir.path().string(), 0).append(row_of("a", 0.1)); }
  std::ofstream(dir.file("journal.0.jsonl"), std::ios::app) << "rubbish\n";
  CHECK_THAT(test::message_of([&] { read_journals(dir.path().string()); }),
             ContainsSubstring("journal.0.jsonl': line 2"));
}

TEST_CASE("a design that failed keeps its reason") {
  Row row = row_of("a", 0);
  row.done = false, row.numbers.clear(), row.message = "bad\nfile", row.hint = "repair it";
  const Row back = row_from_json(to_json(row), "here");
  CHECK_FALSE(back.done);
  CHECK_FALSE(back.trusted());
  CHECK(back.message == "bad\nfile");
  CHECK(back.hint == "repair it");
  CHECK(to_json(row).find('\n') == std::string::npos);
}

TEST_CASE("only designs inside of the training data are trusted") {
  Row row = row_of("a", 0.1);
  CHECK(row.trusted());
  row.extrapolation = {"length is 3 m"};
  CHECK_FALSE(row.trusted());
  row.extrapolation.clear(), row.unlike = true;
  CHECK_FALSE(row.trusted());
}

TEST_CASE("the table is written as CSV and HDF5") {
  const TempDir dir;
  Row failed = row_of("b", 0);
  failed.done = false, failed.numbers.clear(), failed.message = "no";
  write_table(dir.path().string(), {row_of("a", 0.1), failed});
  // A parameter called like a result is no result.
  CHECK(std::isnan(failed.number("Cd")));
  CHECK(failed.number("given_Cd") == 0.3);
  CHECK(failed.parameter("Cd") == 0.3);
  const std::string csv = core::read_text(dir.file(kTableCsv));
  CHECK_THAT(csv, ContainsSubstring("design,status,slant,given_Cd,Cd,Cl,drag_N,trusted,"));
  CHECK_THAT(csv, ContainsSubstring("\na,done,25,0.3,0.1,0.3333333333333333,,1,"));
  CHECK_THAT(csv, ContainsSubstring("\"a hole, \"\"small\"\"; äöü\""));
  CHECK_THAT(csv, ContainsSubstring("\nb,failed,25,0.3,,,,,"));
  const auto h5 = mesh_io::H5File::open(dir.file(kTableH5));
  CHECK(h5.read<double>("/Cd").at(0) == 0.1);
  CHECK(std::isnan(h5.read<double>("/Cd").at(1)));
  CHECK(h5.read<double>("/slant", {2})[1] == 25);
  CHECK(h5.exists("/warnings"));
  write_table(dir.path().string(), {});
  CHECK(core::read_text(dir.file(kTableCsv)).rfind("design,status,trusted", 0) == 0);
}
