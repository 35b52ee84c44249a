// report from the outside; its page in a browser where there is one.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>

#include "apps/cli/report_page.hpp"
#include "core/json.hpp"
#include "core/markup.hpp"
#include "tests/apps/sweep_case.hpp"

namespace fs = std::filesystem;
using namespace streamtube;
using Catch::Matchers::ContainsSubstring;
using test::content;
using test::run_program;
using test::TempDir;

TEST_CASE("texts are encoded for the page") {
  CHECK(apps::base64("") == "");
  CHECK(apps::base64("f") == "Zg==");
  CHECK(apps::base64("fo") == "Zm8=");
  CHECK(apps::base64("foobar") == "Zm9vYmFy");  // RFC 4648
  CHECK(apps::base64(std::string("\xff\x00\xfe", 3)) == "/wD+");
  CHECK(core::markup_escaped("<a href=\"x\">&</a>") == "&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;");
}

TEST_CASE("the page holds all designs and needs nothing else") {
  const TempDir dir;
  test::write_sweep_case(dir);
  dir.write("bodies/bad<script>.stl", "rubbish");
  REQUIRE(run_program(dir, test::sweep("bodies", "out", {"--allow-failures"})).code == 0);
  const auto r = run_program(dir, {"report", "out"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  const std::string page = content(dir.file("out/report.html"));
  for (const char* name : {"\"a\"", "\"b\"", "\"c\""}) CHECK_THAT(page, ContainsSubstring(name));
  CHECK_THAT(page, ContainsSubstring("<b>bad&lt;script&gt;</b> failed: ") && !ContainsSubstring("bad<script>"));
  CHECK(page.find("__") == std::string::npos);
  // Nothing is fetched: the only addresses are names of namespaces.
  for (const char* outside : {"src=\"http", "href=\"http", "url(", "import "})
    CHECK(page.find(outside) == std::string::npos);
  if (page.find("There are no pictures") == std::string::npos)
    CHECK_THAT(page, ContainsSubstring("data:image/png;base64,iVBORw0KGgo") &&
                         ContainsSubstring("<figcaption><b>Difference</b> Cp of "));

  const auto all = run_program(dir, {"report", "out", "--overwrite", "--range", "Cp=-2:2", "--view", "side"});
  CHECK(all.code == 0);
  CHECK(run_program(dir, {"report", "out"}).code == 2);
  CHECK(run_program(dir, {"report", "out", "--overwrite", "--no-pictures"}).code == 0);
  CHECK_THAT(content(dir.file("out/report.html")), ContainsSubstring("There are no pictures: --no-pictures"));
  for (const auto& entry : fs::directory_iterator(dir.file("out"))) CHECK(entry.path().extension() != ".png");
  const auto none = run_program(dir, {"report", "bodies"});
  CHECK(none.code == 3);
  CHECK_THAT(none.err, ContainsSubstring("holds no results of a sweep"));
}

TEST_CASE("a browser sorts, filters and draws") {
#if defined(STREAMTUBE_CHROMIUM)
  const TempDir dir;
  test::write_sweep_case(dir);
  REQUIRE(run_program(dir, test::sweep("space.json", "out")).code == 0);
  REQUIRE(run_program(dir, {"report", "out", "--no-pictures"}).code == 0);
  // The page itself, then with a script at its end that uses it as a person would.
  std::string page = content(dir.file("out/report.html"));
  const std::string script = R"(<script>
    const cells = n => Array.from(document.querySelectorAll("#table tbody tr")).map(r => r.cells[n].textContent);
    const heads = Array.from(document.querySelectorAll("#table th button"));
    const column = name => heads.findIndex(b => b.textContent.startsWith(name));
    const cd = column("Cd ");
    const up = cells(cd).map(Number);
    heads[cd].click();
    const down = cells(cd).map(Number);
    const filter = document.getElementById("filter");
    filter.value = "longer>0 design";
    filter.dispatchEvent(new Event("input"));
    const longer = cells(column("longer")).map(Number);
    document.querySelector("#scatter .dot").dispatchEvent(new Event("click"));
    const note = document.createElement("p");
    note.id = "tested";
    note.textContent = JSON.stringify({
      up: up.every((v, i) => i === 0 || up[i - 1] <= v), down: down.every((v, i) => i === 0 || down[i - 1] >= v),
      rows: up.length, filtered: longer.length, above: longer.every(v => v > 0),
      dots: document.querySelectorAll("#scatter .dot").length, pareto: document.querySelectorAll("#pareto .front").length,
      effects: document.querySelectorAll("#effects .bar").length, chosen: document.querySelectorAll("#scatter .chosen").length });
    document.body.append(note);
  </script></body>)";
  page.replace(page.rfind("</body>"), 7, script);
  dir.write("tested.html", page);
  const auto r = test::run_command(dir,
                                   {STREAMTUBE_CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu",
                                    "--disable-dev-shm-usage", "--user-data-dir=" + dir.file("profile"),
                                    "--virtual-time-budget=5000", "--dump-dom", "file://" + dir.file("tested.html")},
                                   [] { return false; });
  REQUIRE(r.code == 0);
  const std::string begin = "<p id=\"tested\">";
  const auto at = r.out.find(begin);
  INFO(r.err);
  REQUIRE(at != std::string::npos);
  const auto result = core::parse_json(r.out.substr(at + begin.size(), r.out.find("</p>", at) - at - begin.size()));
  INFO(core::json_text(result));
  CHECK(result["rows"] == 7);
  CHECK(result["up"] == true);
  CHECK(result["down"] == true);
  CHECK(result["above"] == true);
  CHECK((result["filtered"] > 0 && result["filtered"] < 7));
  CHECK(result["dots"] == 7);
  CHECK(result["pareto"] == 1);
  CHECK(result["effects"] == 3);
  CHECK(result["chosen"] == 1);
#else
  SKIP("no Chromium was found when the tests were configured");
#endif
}
