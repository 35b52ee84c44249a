#pragma once
// One command of the program. Its options are declared once; parsing, help and the option reference come from that.

#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace streamtube::apps {

class Command {
 public:
  virtual ~Command() = default;
  virtual std::string name() const = 0;
  virtual std::string summary() const = 0;  // one line
  virtual void declare(CLI::App& app) = 0;
  // What the values of the options must satisfy beside their types. Throws Error(usage).
  virtual void validate() {}
  // Returns the exit code; failures are Errors.
  virtual int execute() = 0;
};

// The words that run() was given; empty before.
const std::vector<std::string>& command_line();
// Now, "2026-01-31T12:00:00Z".
std::string utc_now();

// "did you mean '...'?" for the nearest name, empty when none is near.
std::string suggestion(const std::string& given, const std::vector<std::string>& names);

// Parses the command line of `program`, runs one of its commands, reports what goes wrong on stderr; returns the exit
// code.
int run(int argc, char** argv, const std::string& program, const std::vector<std::unique_ptr<Command>>& commands);

}  // namespace streamtube::apps
