// sweep by several processes, started by mpirun.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "tests/apps/sweep_case.hpp"

using namespace streamtube;
using Catch::Matchers::ContainsSubstring;
using test::TempDir;
using test::Words;

TEST_CASE("several processes share the designs and leave the table of one") {
  const TempDir dir;
  test::write_sweep_case(dir);
  REQUIRE(test::run_program(dir, test::sweep("space.json", "one")).code == 0);
  Words words = {STREAMTUBE_MPIEXEC, "-n", "2", STREAMTUBE_PROGRAM};
  const Words rest = test::sweep("space.json", "two");
  words.insert(words.end(), rest.begin(), rest.end());
  const auto run = [&] { return test::run_command(dir, words, [] { return false; }); };
  auto r = run();
  INFO(r.err);
  REQUIRE(r.code == 0);
  CHECK(test::table_of(dir, "two") == test::table_of(dir, "one"));
  CHECK(test::journal_designs(dir, "two") == test::journal_designs(dir, "one"));
  CHECK(std::filesystem::exists(dir.file("two/journal.1.jsonl")));

  // What one process refuses, all refuse; another number of processes goes on.
  r = run();
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("already holds the results of a sweep"));
  words.push_back("--resume");
  CHECK(run().code == 0);
  CHECK(test::run_program(dir, test::sweep("space.json", "two", {"--resume"})).code == 0);
  CHECK(test::journal_designs(dir, "two") == test::journal_designs(dir, "one"));
}
