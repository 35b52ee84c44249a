#pragma once
// Other programs, run as processes of their own: their output in a log file, ended when this one ends or is
// interrupted.

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace streamtube::core {

struct ChildCommand {
  std::vector<std::string> words;                                // program (found in PATH, or a path) and arguments
  std::string folder;                                            // it runs there
  std::string log;                                               // stdout and stderr together go to this file
  bool append = false;                                           // to what the log has
  std::vector<std::pair<std::string, std::string>> environment;  // set in addition
};

// Where PATH has the program; empty: nowhere.
std::string find_program(const std::string& name);

// Runs it to its end and returns its exit code, 128 + signal where one ended it. `tick` is called a few times a second
// meanwhile; once it returns true the child is ended. The child and what it started get SIGTERM (after 5 s SIGKILL) on
// that and on Ctrl-C, which is thrown as Interrupted when they are gone; they get it also when this process is killed.
// May be called from several threads. Error(runtime) when the program cannot be started or the log not be written.
int run_child(const ChildCommand& command, const std::function<bool()>& tick = {});

}  // namespace streamtube::core
