// sweep from the outside.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "core/json.hpp"
#include "mesh_io/h5/h5_file.hpp"
#include "tests/apps/sweep_case.hpp"

namespace fs = std::filesystem;
using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using json = core::Json;
using test::content;
using test::journal_designs;
using test::run_program;
using test::sweep;
using test::table_of;
using test::TempDir;
using test::Words;

TEST_CASE("a folder is swept, and every design is what predict makes of it") {
  const TempDir dir;
  test::write_sweep_case(dir);
  dir.write("bodies/bad.stl", "solid nothing\nfacet normal 0 0 nan\n");
  const auto r = run_program(dir, sweep("bodies", "out", {"--json"}));
  INFO(r.err);
  REQUIRE(r.code == 1);  // one failed
  CHECK(run_program(dir, sweep("bodies", "out", {"--resume", "--allow-failures"})).code == 0);
  CHECK_THAT(r.err, ContainsSubstring("design 'bad' failed: 'bodies/bad.stl'"));
  const json summary = core::parse_json(r.out);
  CHECK(summary["designs"] == 4);
  CHECK(summary["done"] == 3);
  CHECK(summary["failures"][0]["design"] == "bad");
  CHECK(summary["ranking"].size() == 3);

  for (const std::string name : {"a", "b", "c"}) {
    const auto p = run_program(dir, {"predict", "bodies/" + name + ".stl", "--model", "tiny.h5", "--volume", "none",
                                     "--out", "single", "--threads", "1", "--overwrite"});
    REQUIRE(p.code == 0);
    CHECK(content(dir.file("out/designs/" + name + "/forces.json")) == content(dir.file("single/forces.json")));
    CHECK(content(dir.file("out/designs/" + name + "/surface.vtp")) == content(dir.file("single/surface.vtp")));
    const json run = core::parse_json(content(dir.file("out/designs/" + name + "/run.json"))),
               single = core::parse_json(content(dir.file("single/run.json")));
    CHECK(run["inputs"] == single["inputs"]);
    CHECK(run["options"] == single["options"]);
    CHECK(run["design"]["name"] == name);
    const auto h5 = mesh_io::H5File::open(dir.file("out/results.h5"));
    const json forces = core::parse_json(content(dir.file("single/forces.json")));
    const std::size_t row = name == "a" ? 0 : name == "b" ? 1 : 3;  // bad is between
    CHECK(h5.read<double>("/Cd")[row] == forces["coefficients"]["Cd"]["total"].get<double>());
    CHECK(h5.read<double>("/CdA")[row] == forces["areas_m2"]["drag"]["total"].get<double>());
    CHECK(h5.read<double>("/frontal_area")[row] == forces["reference"]["area_m2"].get<double>());
  }
  CHECK_THAT(content(dir.file("out/results.csv")), ContainsSubstring("\nbad,failed,"));
  const std::string pvd = content(dir.file("out/sweep.pvd"));
  CHECK_THAT(pvd, ContainsSubstring("timestep=\"0\" part=\"0\" name=\"a surface\" file=\"designs/a/surface.vtp\""));
  CHECK_THAT(pvd, ContainsSubstring("timestep=\"3\" part=\"0\" name=\"c surface\""));
  CHECK_FALSE(fs::exists(dir.file("out/.lock")));

  // Nothing is replaced unasked, nothing is done twice.
  const std::string before = content(dir.file("out/results.csv"));
  const auto again = run_program(dir, sweep("bodies", "out"));
  CHECK(again.code == 2);
  CHECK_THAT(again.err, ContainsSubstring("already holds the results of a sweep"));
  const auto resumed = run_program(dir, sweep("bodies", "out", {"--resume"}));
  CHECK(resumed.code == 1);  // one failed
  CHECK_THAT(resumed.err, ContainsSubstring("4 of 4 designs are there already"));
  CHECK(content(dir.file("out/results.csv")) == before);
  CHECK(journal_designs(dir, "out") == Words{"a", "b", "bad", "c"});

  // A repaired file, a new one, one that is gone.
  fs::copy_file(dir.file("bodies/a.stl"), dir.file("bodies/bad.stl"), fs::copy_options::overwrite_existing);
  fs::copy_file(dir.file("bodies/a.stl"), dir.file("bodies/new.stl"));
  REQUIRE(run_program(dir, sweep("bodies", "out", {"--resume", "--retry-failed"})).code == 0);
  CHECK(journal_designs(dir, "out") == Words{"a", "b", "bad", "bad", "c", "new"});
  CHECK_THAT(content(dir.file("out/results.csv")), !ContainsSubstring("failed"));
  fs::remove(dir.file("bodies/b.stl"));
  const auto gone = run_program(dir, sweep("bodies", "out", {"--resume"}));
  CHECK(gone.code == 2);
  CHECK_THAT(gone.err, ContainsSubstring("it has a design 'b'"));
}

TEST_CASE("a space's designs are deformed, and numbers follow") {
  const TempDir dir;
  test::write_sweep_case(dir);
  const auto r = run_program(dir, sweep("space.json", "out"));
  INFO(r.err);
  REQUIRE(r.code == 0);
  CHECK_THAT(r.out, ContainsSubstring("7 of 7 designs done") && ContainsSubstring("designs/min"));
  const auto h5 = mesh_io::H5File::open(dir.file("out/results.h5"));
  const auto longer = h5.read<double>("/longer"), length = h5.read<double>("/length"),
             velocity = h5.read<double>("/velocity"), volume = h5.read<double>("/volume"),
             rise = h5.read<double>("/rise"), height = h5.read<double>("/height");
  REQUIRE(longer.size() == 7);
  CHECK(longer[0] == 0);
  CHECK(velocity[0] == 15);
  for (std::size_t i = 0; i < 7; ++i) {
    CHECK(length[i] == Approx(1 + longer[i]));
    CHECK((velocity[i] >= 12 && velocity[i] <= 18));
    // The upper rear edge, where the lattice's share along x is a square; the front edge stays.
    const double share = (0.5 + longer[i]) / 0.8;
    CHECK(height[i] == Approx(0.4 + std::max(0.0, rise[i]) * share * share).margin(1e-6));
    if (rise[i] == 0) CHECK(volume[i] == Approx(0.24 * (1 + longer[i])));
  }
  // The morphed body is that of the fields.
  const auto surface = mesh_io::read_surface(dir.file("out/designs/design_003/surface.vtp"));
  CHECK(surface.bounds().size()[0] == Approx(1 + longer[3]));
  const json run = core::parse_json(content(dir.file("out/designs/design_003/run.json")));
  CHECK(run["design"]["parameters"]["longer"].get<double>() == longer[3]);
  CHECK(run["options"]["velocity"].get<double>() == velocity[3]);

  // More points of the same sequence go on; another seed is another sweep; so is another model or option.
  std::string space = content(dir.file("space.json"));
  const auto change = [&](const std::string& from, const std::string& to) {
    std::string text = space;
    text.replace(text.find(from), from.size(), to);
    dir.write("space.json", text);
  };
  change("\"count\": 6", "\"count\": 8");
  REQUIRE(run_program(dir, sweep("space.json", "out", {"--resume"})).code == 0);
  CHECK(journal_designs(dir, "out").size() == 9);
  const auto refused = [&](const Words& more, const std::string& what) {
    const auto o = run_program(dir, sweep("space.json", "out", more));
    CHECK(o.code == 2);
    CHECK_THAT(o.err, ContainsSubstring("holds the results of another sweep: ") && ContainsSubstring(what));
  };
  refused({"--resume", "--density", "1.3"}, "density was 1.225 and is now 1.3");
  refused({"--resume", "--fields", "none"}, "fields was \"surface\"");
  change("\"seed\": 1", "\"seed\": 2");
  const std::string described = content(dir.file("out/sweep.json"));
  refused({"--resume"}, "'design_001' had longer");
  change("\"max\": 0.3", "\"max\": 0.4");
  refused({"--resume"}, "'design_001' had longer");
  CHECK(content(dir.file("out/sweep.json")) == described);  // not of what was refused
  change("\"to\": 0.7", "\"to\": 0.8");
  refused({"--resume"}, "the space is another one");
  // Only what a sweep wrote is replaced.
  dir.write("out/designs/my.stl", "x");
  dir.write("out/designs/design_002/notes.txt", "x");
  REQUIRE(run_program(dir, sweep("space.json", "out", {"--overwrite", "--fields", "none"})).code == 0);
  CHECK(fs::exists(dir.file("out/designs/my.stl")));
  CHECK(fs::exists(dir.file("out/designs/design_002/notes.txt")));
  CHECK_FALSE(fs::exists(dir.file("out/designs/design_008")));
  CHECK(journal_designs(dir, "out").size() == 7);
  CHECK_FALSE(fs::exists(dir.file("out/designs/design_001/surface.vtp")));
  CHECK(fs::exists(dir.file("out/designs/design_001/forces.json")));
  CHECK_FALSE(fs::exists(dir.file("out/sweep.pvd")));
}

TEST_CASE("a table sets conditions; fields of the volume are kept if wanted") {
  const TempDir dir;
  test::write_sweep_case(dir);
  dir.write("t.csv",
            "name,file,velocity,given\nslow,bodies/a.stl,12,1\nfast,bodies/a.stl,18,\nlost,bodies/none.stl,15,3\n"
            "usual,bodies/a.stl,,\n");
  const auto r =
      run_program(dir, sweep("t.csv", "out", {"--fields", "all", "--volume", "grid", "--cell", "0.3", "--jobs", "2"}));
  INFO(r.err);
  REQUIRE(r.code == 1);  // one failed
  CHECK_THAT(r.err, ContainsSubstring("design 'lost' failed: 'bodies/none.stl': no such file"));
  CHECK(fs::exists(dir.file("out/designs/slow/volume.vtu")));
  CHECK_THAT(content(dir.file("out/sweep.pvd")), ContainsSubstring("timestep=\"1\" part=\"1\" name=\"fast volume\""));
  const auto h5 = mesh_io::H5File::open(dir.file("out/results.h5"));
  CHECK(h5.read<double>("/velocity") == std::vector<double>{12, 18, 15, 15});  // the model's, where none is given
  CHECK(h5.read<double>("/drag_N")[0] < h5.read<double>("/drag_N")[1]);
  CHECK(h5.read<double>("/given")[2] == 3);
}

TEST_CASE("pictures of all designs, or a word about what they need") {
  const TempDir dir;
  test::write_sweep_case(dir);
  const auto r =
      run_program(dir, test::sweep("bodies", "out", {"--picture", "--range", "Cp=-1.5:1", "--view", "side"}));
  INFO(r.err);
  if (r.code == 0) {
    for (const char* design : {"a", "b", "c"}) {
      const std::string png = test::content(dir.file("out/designs/" + std::string(design) + "/picture.png"));
      CHECK(png.size() > 5000);
      CHECK(png.substr(1, 3) == "PNG");
    }
  } else {
    CHECK(r.code == 1);
    CHECK_THAT(r.err, ContainsSubstring("libegl1"));
  }
  const auto none = run_program(dir, test::sweep("bodies", "none", {"--picture", "--fields", "none"}));
  CHECK(none.code == 2);
  CHECK_THAT(none.err, ContainsSubstring("nothing is kept of them"));
}

TEST_CASE("a morph that folds the surface is rejected with the reason") {
  const TempDir dir;
  test::write_sweep_case(dir);
  dir.write("fold.json", R"({"baseline": "bodies/a.stl", "parameters": {"push": {"min": -1, "max": 1}},
    "morphs": [{"region": {"box": [[0.4, -1, 0.2], [2, 1, 0.4]], "shift": ["push", 0, 0], "fade": 0.3}}],
    "designs": [{"name": "fine", "push": 0.02}, {"name": "folded", "push": -0.9}]})");
  const auto r = run_program(dir, sweep("fold.json", "out"));
  INFO(r.err);
  REQUIRE(r.code == 1);  // one failed
  CHECK_THAT(r.err, ContainsSubstring("design 'folded' failed: the morphs of this design fold the surface"));
  CHECK_THAT(r.out, ContainsSubstring("2 of 3 designs done, 1 failed"));
}

TEST_CASE("a dry run says what it would take and writes nothing") {
  const TempDir dir;
  test::write_sweep_case(dir);
  const auto r = run_program(dir, sweep("space.json", "out", {"--dry-run"}));
  INFO(r.err);
  REQUIRE(r.code == 0);
  CHECK_THAT(r.out, ContainsSubstring("designs            7, Sobol's sequence, seed 1") &&
                        ContainsSubstring("longer -0.1..0.3 m") && ContainsSubstring("time") &&
                        ContainsSubstring("disk"));
  CHECK_FALSE(fs::exists(dir.file("out")));
}

TEST_CASE("bad sweeps end in one clear error and leave nothing") {
  const TempDir dir;
  test::write_sweep_case(dir);
  const auto refused = [&](int code, const Words& words, const std::string& what) {
    const auto r = run_program(dir, words);
    INFO(r.err);
    CHECK(r.code == code);
    CHECK_THAT(r.err, ContainsSubstring(what));
    CHECK_FALSE(fs::exists(dir.file("out")));
  };
  refused(3, sweep("nothing", "out"), "there is no file or folder 'nothing'");
  refused(3, sweep("tiny.h5", "out"), "not known what to do with it");
  refused(2, sweep("bodies", "out", {"--surface", "bodies/a.stl"}), "--surface is another mesh of one body");
  refused(2, sweep("bodies", "out", {"--volume", "grid"}), "nothing of the volume is kept");
  refused(2, sweep("bodies", "out", {"--fields", "all", "--volume", "none"}), "--fields all keeps volume fields");
  refused(2, sweep("bodies", "out", {"--retry-failed"}), "pass --resume too");
  refused(2, sweep("bodies", "out", {"--resume", "--overwrite"}), "exclude each other");
  refused(2, {"sweep"}, "designs is required");
  dir.write("all_bad.csv", "file\nnone.stl\n");
  const auto r = run_program(dir, sweep("all_bad.csv", "bad"));
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("none of the 1 designs could be computed; 'none': 'none.stl': no such file"));
  // Results that are damaged, and a folder that somebody else writes to.
  REQUIRE(run_program(dir, sweep("bodies", "done")).code == 0);
  std::ofstream(dir.file("done/journal.0.jsonl"), std::ios::app) << "{}\n";
  const auto damaged = run_program(dir, sweep("bodies", "done", {"--resume"}));
  CHECK(damaged.code == 3);
  CHECK_THAT(damaged.err, ContainsSubstring("journal.0.jsonl': line 4: this is no line of a sweep's journal"));
  dir.write("done/sweep.json", "{");
  const auto torn = run_program(dir, sweep("bodies", "done", {"--resume"}));
  CHECK(torn.code == 3);
  CHECK_THAT(torn.err, ContainsSubstring("sweep.json': is not valid JSON"));
}

TEST_CASE("an interrupt ends the design that is being computed") {
  const TempDir dir;
  fs::copy_file(STREAMTUBE_SOURCE_DIR "/data_samples/geometries/ahmed_25deg.stl", dir.file("car.stl"));
  const auto r =
      run_program(dir, {"sweep", "car.stl", "--volume", "grid", "--cell", "0.01", "--fields", "all", "--out", "out"},
                  [&] { return fs::exists(dir.file("out/sweep.json")); });
  INFO(r.err);
  CHECK(r.code == 130);
  CHECK_THAT(r.err, ContainsSubstring("interrupted: 0 of 1 designs are done"));
}

TEST_CASE("Ctrl-C finishes what runs, and --resume goes on to the same table") {
  const TempDir dir;
  test::write_sweep_case(dir);
  std::string space = content(dir.file("space.json"));
  space.replace(space.find("\"count\": 6"), 10, "\"count\": 9");
  dir.write("space.json", space);
  REQUIRE(run_program(dir, sweep("space.json", "whole")).code == 0);
  const auto r = run_program(dir, sweep("space.json", "out"), [&] {
    std::error_code ignored;
    return fs::file_size(dir.file("out/journal.0.jsonl"), ignored) > 1500 && !ignored;
  });
  INFO(r.err);
  CHECK(r.code == 130);
  CHECK_THAT(r.err, ContainsSubstring("of 10 designs are done; the same command with --resume goes on"));
  CHECK(fs::exists(dir.file("out/results.csv")));
  const std::size_t done = journal_designs(dir, "out").size();
  CHECK(done < 10);
  // Nothing half-written.
  for (const auto& entry : fs::recursive_directory_iterator(dir.file("out")))
    CHECK(entry.path().filename().string().find(".partial") == std::string::npos);
  REQUIRE(run_program(dir, sweep("space.json", "out", {"--resume"})).code == 0);
  const auto names = journal_designs(dir, "out");
  CHECK(names.size() == 10);
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == 10);
  CHECK(table_of(dir, "out") == table_of(dir, "whole"));
}

TEST_CASE("kill -9 loses only what was in flight") {
  const TempDir dir;
  test::write_sweep_case(dir);
  std::string space = content(dir.file("space.json"));
  space.replace(space.find("\"count\": 6"), 10, "\"count\": 9");
  dir.write("space.json", space);
  REQUIRE(run_program(dir, sweep("space.json", "whole")).code == 0);
  bool killed = false;
  for (const std::uintmax_t bytes : {1u, 1500u, 4500u}) {
    const auto r = run_program(dir, sweep("space.json", "out", {"--resume"}), [&] {
      std::error_code ignored;
      const bool far = fs::file_size(dir.file("out/journal.0.jsonl"), ignored) >= bytes && !ignored;
      // The program under test is the only child.
      if (far) {
        std::ifstream children("/proc/self/task/" + std::to_string(getpid()) + "/children");
        for (pid_t child; children >> child;) kill(child, SIGKILL);
      }
      return false;
    });
    CHECK((r.code == 128 + SIGKILL || r.code == 0));
    killed = killed || r.code != 0;
  }
  CHECK(killed);
  REQUIRE(run_program(dir, sweep("space.json", "out", {"--resume"})).code == 0);
  const auto names = journal_designs(dir, "out");
  CHECK(names.size() == 10);
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == 10);
  CHECK(table_of(dir, "out") == table_of(dir, "whole"));
  for (const auto& entry : fs::recursive_directory_iterator(dir.file("out")))
    CHECK(entry.path().filename().string().find(".part") == std::string::npos);
}
