#pragma once
// The one exception of the program. The message names the thing, its value and the place; the hint says what to do.
//
//   throw Error(ErrorKind::input, str("'", path, "': facet 812: vertex 2 is not a number"), "repair or re-export the
//   file");

#include <cstddef>
#include <exception>
#include <sstream>
#include <string>

namespace streamtube::core {

enum class ErrorKind {
  usage,     // the command line or configuration is wrong           exit code 2
  input,     // a file or its content is wrong                       exit code 3
  runtime,   // the machine failed us: disk full, no memory, no GPU  exit code 1
  internal,  // a bug in Streamtube                                  exit code 1
};

// Thrown nowhere in between and caught only in main() and where one failure must not stop the rest (sweeps).
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message, std::string hint = {});
  ErrorKind kind() const { return kind_; }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }
  const char* what() const noexcept override { return text_.c_str(); }  // message and hint

 private:
  ErrorKind kind_;
  std::string message_, hint_, text_;
};

int exit_code(ErrorKind kind);

// The arguments written one after the other as text.
template <class... A>
std::string str(const A&... a) {
  std::ostringstream out;
  (out << ... << a);
  return out.str();
}

// Throws Error(kind, message, hint) unless `ok`. For messages that cost something to build, write the `if` out.
inline void require(bool ok, ErrorKind kind, const char* message, const char* hint = "") {
  if (!ok) throw Error(kind, message, hint);
}

[[noreturn]] inline void bad_input(const std::string& message, const std::string& hint = {}) {
  throw Error(ErrorKind::input, message, hint);
}

// Letters to insert, remove or replace to make one text of the other (Levenshtein): the nearest known name for a hint.
std::size_t edit_distance(const std::string& a, const std::string& b);

// A precondition of a public function; failing it is a bug of the caller.
inline void expect(bool ok, const char* message) { require(ok, ErrorKind::internal, message); }

}  // namespace streamtube::core
