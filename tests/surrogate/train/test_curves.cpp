#include <catch2/catch_test_macros.hpp>

#include "core/error.hpp"
#include "surrogate/train/curves.hpp"
#include "tests/support/temp_dir.hpp"

using namespace streamtube;
using namespace streamtube::surrogate;

TEST_CASE("a log becomes a table; a line that a kill cut short is left out") {
  const test::TempDir dir;
  const Curves curves = read_curves(
      dir.write("log.jsonl",
                "{\"force/base_drag\":0.5,\"loss\":4,\"rate\":0.001,\"surface/pressure\":1.25,\"update\":10}\n"
                "{\"update\":20,\"loss\":2,\"rate\":0.002,\"surface/pressure\":0.5}\n"
                "{\"update\":20,\"validation\":{\"mean\":0.3,\"surface/pressure\":0.25}}\n"
                "{\"update\":30,\"lo"));
  CHECK(curves.rows.size() == 2);
  CHECK(curves_csv(curves) ==
        "update,loss,surface/pressure,force/base_drag,rate,validation/surface/pressure,validation/mean\n"
        "10,4.0,1.25,0.5,0.001,,\n"
        "20,2.0,0.5,,0.002,0.25,0.3\n");
  CHECK(read_curves(dir.write("empty.jsonl", "")).rows.empty());
  CHECK_THROWS_AS(read_curves(dir.file("none.jsonl")), core::Error);
}
