#pragma once
// A folder with a small model and bodies for it, and what sweeps of these leave.

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/json.hpp"
#include "mesh_io/mesh_io.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "tests/apps/program.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/tiny_model.hpp"

namespace streamtube::test {

using Words = std::vector<std::string>;

// tiny.h5, bodies/a.stl, b.stl, c.stl of different heights and meshes, space.json: six designs and the baseline, a body
// that grows.
inline void write_sweep_case(const TempDir& dir) {
  surrogate::Checkpoint model = tiny_model();
  surrogate::write_checkpoint(dir.file("tiny.h5"), model);
  std::filesystem::create_directory(dir.file("bodies"));
  int number = 0;
  for (const char* name : {"a", "b", "c"})
    mesh_io::write_stl(dir.file(std::string("bodies/") + name + ".stl"),
                       box_mesh({0, -0.3, 0.1}, {1, 0.3, 0.5 + 0.05 * number}, 6 - number)),
        ++number;
  dir.write("space.json", R"({
    // Parameters move the rear and set the wind.
    "name": "rear",
    "baseline": "bodies/a.stl",
    "parameters": {"longer": {"min": -0.1, "max": 0.3, "unit": "m"}, "rise": {"min": -0.05, "max": 0.1},
                   "velocity": {"min": 12, "max": 18, "start": 15}},
    "morphs": [{"stretch": {"axis": "x", "from": 0.3, "to": 0.7, "by": "longer"}},
               {"lattice": {"box": [[0.5, -1, 0.3], [1.3, 1, 0.5]], "points": [3, 2, 2],
                            "move": [{"at": [-1, "*", 1], "by": [0, 0, "rise"]}]}}],
    "sampling": {"method": "sobol", "count": 6, "seed": 1},
    "objective": "Cd"
  })");
}

inline Words sweep(const std::string& what, const std::string& out, const Words& more = {}) {
  Words words = {"sweep", what, "--model", "tiny.h5", "--out", out, "--threads", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// The table without the times, which differ from run to run.
inline std::string table_of(const TempDir& dir, const std::string& out) {
  std::istringstream in(content(dir.file(out + "/results.csv")));
  std::string text, line;
  while (std::getline(in, line)) {
    // seconds_prepare, seconds_compute, seconds_write are the last columns.
    for (int i = 0; i < 3; ++i) line.erase(line.rfind(','));
    text += line + '\n';
  }
  return text;
}

// Lines of all journals; each a design.
inline std::vector<std::string> journal_designs(const TempDir& dir, const std::string& out) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(dir.file(out))) {
    if (entry.path().extension() != ".jsonl") continue;
    std::istringstream in(content(entry.path().string()));
    for (std::string line; std::getline(in, line);)
      names.push_back(core::parse_json(line)["design"].get<std::string>());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace streamtube::test
