#pragma once
// Runs the real program and looks at what it says.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temp_dir.hpp"

namespace streamtube::test {

struct Outcome {
  int code = -1;  // exit code; 128 + signal when killed
  std::string out, err;
};

// The command that trains a small network on the data set d.h5 of tests/support/tiny_dataset.hpp; of options the last
// counts.
inline std::vector<std::string> tiny_training(const std::string& out, const std::vector<std::string>& options) {
  std::vector<std::string> words = {
      "train",
      "data=d.h5",
      std::string("describe=") + STREAMTUBE_SOURCE_DIR + "/data_samples/models/ahmed_baseline.json",
      "model.hidden=24",
      "model.heads=2",
      "model.physics_blocks=psc",
      "model.radius=60",
      "draw.geometry_points=60",
      "draw.supernodes=16",
      "draw.surface_anchors=24",
      "draw.volume_anchors=30",
      "validation_points=50",
      "--threads",
      "1",
      "--out",
      out};
  words.insert(words.end(), options.begin(), options.end());
  return words;
}

inline std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// command: program and arguments. interrupt_when: once this returns true the program gets a SIGINT.
template <class Condition>
Outcome run_command(const TempDir& dir, std::vector<std::string> command, const Condition& interrupt_when) {
  std::vector<char*> argv;
  for (auto& a : command) argv.push_back(a.data());
  argv.push_back(nullptr);
  const std::string out = dir.file(".stdout"), err = dir.file(".stderr"), folder = dir.path().string();
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) {
    const int o = open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644),
              e = open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (o < 0 || e < 0 || dup2(o, 1) < 0 || dup2(e, 2) < 0 || chdir(folder.c_str()) != 0) _exit(99);
    execv(argv[0], argv.data());
    _exit(98);
  }
  int status = 0;
  bool sent = false;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (!sent && interrupt_when()) {
      kill(child, SIGINT);
      sent = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  Outcome outcome;
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.out = content(out);
  outcome.err = content(err);
  return outcome;
}

template <class Condition>
Outcome run_program(const TempDir& dir, std::vector<std::string> arguments, const Condition& interrupt_when) {
  arguments.insert(arguments.begin(), STREAMTUBE_PROGRAM);
  return run_command(dir, std::move(arguments), interrupt_when);
}

inline Outcome run_program(const TempDir& dir, std::vector<std::string> arguments) {
  return run_program(dir, std::move(arguments), [] { return false; });
}

}  // namespace streamtube::test
