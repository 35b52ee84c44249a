// Training by several processes, started by mpirun.
#include <hdf5.h>
#include <signal.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>

#include "core/json.hpp"
#include "mesh_io/h5/h5_file.hpp"
#include "tests/apps/program.hpp"
#include "tests/support/tiny_dataset.hpp"

using Catch::Matchers::ContainsSubstring;
using namespace streamtube;
using test::content;
using test::Outcome;
using test::TempDir;

namespace {

using Words = std::vector<std::string>;

Words training_words(const std::string& out, const Words& more = {}) {
  Words options = {"updates=20", "log_every=1", "validate_every=10"};
  options.insert(options.end(), more.begin(), more.end());
  return test::tiny_training(out, options);
}

// Each list is what one group of processes does: `copies` of the first, one of every further.
Words mpirun(int copies, const std::vector<Words>& groups) {
  Words command = {STREAMTUBE_MPIEXEC};
  for (std::size_t g = 0; g < groups.size(); ++g) {
    if (g) command.push_back(":");
    command.insert(command.end(), {"-n", std::to_string(g ? 1 : copies), STREAMTUBE_PROGRAM});
    command.insert(command.end(), groups[g].begin(), groups[g].end());
  }
  return command;
}

Outcome run(const TempDir& dir, const Words& command) {
  return test::run_command(dir, command, [] { return false; });
}

std::vector<float> parameters(const TempDir& dir, const std::string& run) {
  return mesh_io::H5File::open(dir.file(run + "/state.h5")).read<float>("/parameters");
}

// |a - b| / |a|
double difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double sum = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
    norm += double(a[i]) * a[i];
  }
  return std::sqrt(sum / norm);
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

// Another value of the surface pressure at all points of case_2.
void spoil(const std::string& path, float value) {
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  const hid_t id = H5Dopen2(file, "/cases/case_2/surface/pressure", H5P_DEFAULT), space = H5Dget_space(id);
  const std::vector<float> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)), value);
  CHECK(H5Dwrite(id, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
  H5Sclose(space), H5Dclose(id), H5Fclose(file);
}

}  // namespace

TEST_CASE("two processes do what one does with twice the batches") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  // AdamW divides gradients by their own size: where they are nothing but rounding (biases of keys), weights would be
  // too, but for an epsilon above it.
  const std::string epsilon = "optimizer.epsilon=1e-3";
  REQUIRE(run(dir, mpirun(2, {training_words("two", {epsilon})})).code == 0);
  REQUIRE(test::run_program(dir, training_words("one", {epsilon, "accumulation=2"})).code == 0);
  REQUIRE(test::run_program(dir, training_words("half", {epsilon})).code == 0);
  const auto two = parameters(dir, "two"), one = parameters(dir, "one");
  CHECK(difference(one, two) < 1e-5);
  CHECK(difference(one, parameters(dir, "half")) > 1e-3);  // what a lost half would do
  // Losses are means over the processes, and one process writes.
  const std::string log = content(dir.file("two/log.jsonl"));
  CHECK(count(log, "\"loss\"") == 20);
  CHECK(count(log, "\"validation\"") == 2);
  const auto line = [](const std::string& text) { return core::parse_json(text.substr(0, text.find('\n'))); };
  const auto a = line(log), b = line(content(dir.file("one/log.jsonl")));
  for (const char* key : {"loss", "surface/pressure", "volume/velocity", "gradient_norm"}) {
    CAPTURE(key);
    CHECK(std::abs(a[key].get<double>() / b[key].get<double>() - 1) < 1e-5);
  }
}

TEST_CASE("several processes repeat bit for bit, also when stopped on the way") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  const Outcome first = run(dir, mpirun(2, {training_words("a", {"updates=40"})}));
  REQUIRE(first.code == 0);
  CHECK(count(first.out, "best validation") == 1);
  CHECK(count(first.err, "training ") == 1);
  REQUIRE(run(dir, mpirun(2, {training_words("b", {"updates=40"})})).code == 0);
  CHECK(content(dir.file("a/state.h5")) == content(dir.file("b/state.h5")));
  CHECK(content(dir.file("a/best.h5")) == content(dir.file("b/best.h5")));

  // A signal to the second process alone ends both.
  Words command = mpirun(1, {training_words("halves", {"updates=40"})});
  const Words arguments = training_words("halves", {"updates=40"});
  command.insert(command.end(),
                 {":", "-n", "1", "bash", "-c", "echo $$ > pid; exec \"$0\" \"$@\"", STREAMTUBE_PROGRAM});
  command.insert(command.end(), arguments.begin(), arguments.end());
  bool sent = false;
  const Outcome stopped = test::run_command(dir, command, [&] {
    const std::string pid = content(dir.file("pid"));
    if (!sent && content(dir.file("halves/log.jsonl")).find('\n') != std::string::npos) {
      kill(static_cast<pid_t>(std::stoi(pid)), SIGTERM);
      sent = true;
    }
    return false;
  });
  CHECK(sent);
  CHECK(stopped.code == 130);
  CHECK(count(stopped.out, "best validation") == 1);
  CHECK(content(dir.file("halves/state.h5")) != content(dir.file("a/state.h5")));
  // Two batches an update, however they are shared out.
  const Outcome other = test::run_program(dir, training_words("halves", {"updates=40", "--resume"}));
  CHECK(other.code == 3);
  CHECK_THAT(other.err, ContainsSubstring("accumulation = 1") && ContainsSubstring("over all processes"));
  CHECK(run(dir, mpirun(2, {training_words("halves", {"updates=40", "--resume"})})).code == 0);
  CHECK(content(dir.file("halves/state.h5")) == content(dir.file("a/state.h5")));
  CHECK(content(dir.file("halves/best.h5")) == content(dir.file("a/best.h5")));
  CHECK(test::run_program(dir, training_words("halves", {"updates=40", "--resume", "accumulation=2"})).code == 0);
}

TEST_CASE("validation errors do not depend on the number of processes") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  // So small a rate changes no weight. Of two cases, the third process gets none.
  const Words still = {"updates=1", "optimizer.rate=1e-30", "optimizer.end_rate=0", "split.validation=test"};
  const auto validation = [&](const std::string& out) {
    const std::string log = content(dir.file(out + "/log.jsonl"));
    const auto start = log.find("{\"update\":1,\"validation\"");
    REQUIRE(start != std::string::npos);
    return log.substr(start);
  };
  REQUIRE(test::run_program(dir, training_words("one", still)).code == 0);
  CHECK_THAT(validation("one"), ContainsSubstring("surface/pressure"));
  for (const int n : {2, 3}) {
    const std::string out = std::to_string(n);
    REQUIRE(run(dir, mpirun(n, {training_words(out, still)})).code == 0);
    CHECK(validation(out) == validation("one"));
  }
}

TEST_CASE("what is wrong on one process is said once and ends all") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  const auto says = [](const Outcome& r, const std::string& text) {
    CHECK_THAT(r.err, ContainsSubstring(text));
    CHECK(count(r.err, "error: ") == 1);
    return r.code;
  };
  CHECK(says(run(dir, mpirun(2, {training_words("x", {"seed=-1"})})), "'seed'") == 2);
  CHECK(says(run(dir, mpirun(1, {training_words("x"), training_words("x", {"data=nothing.h5"})})), "nothing.h5") == 3);
  CHECK(says(run(dir, mpirun(1, {training_words("x"), training_words("x", {"optimizer.rate=2e-3"})})),
             "have the same recipe") == 3);
  CHECK(!std::filesystem::exists(dir.file("x/state.h5")));

  // With a normaliser from before, bad values are met only by the process that draws the case.
  REQUIRE(test::run_program(dir, training_words("before", {"updates=1"})).code == 0);
  const Words init = {"init=before/last.h5"};
  spoil(dir.file("d.h5"), 3e38f);  // finite, but its gradient with this weight is not
  CHECK(says(run(dir, mpirun(2, {training_words("huge", {init[0], "loss.surface_weights=[1e6,1]"})})),
             "(case 'case_2') is not finite") == 1);
  CHECK_THAT(content(dir.file("huge/bad_batch.json")), ContainsSubstring("\"case\":\"case_2\""));
  spoil(dir.file("d.h5"), std::nanf(""));
  CHECK(says(run(dir, mpirun(2, {training_words("nan", init)})), "case 'case_2': a surface value is not finite") == 3);
}
