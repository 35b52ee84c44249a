#pragma once
// The log and the progress bar: both on stderr, so that stdout holds results only.

#include <cstddef>
#include <memory>
#include <string>

namespace streamtube::core {

enum class LogLevel { none, error, warning, info, debug };
void set_log_level(LogLevel level);
LogLevel log_level();
void log(LogLevel level, const std::string& text);  // "warning: ..." and so on; safe from any thread
inline void warn(const std::string& text) { log(LogLevel::warning, text); }
inline void info(const std::string& text) { log(LogLevel::info, text); }
inline void debug(const std::string& text) { log(LogLevel::debug, text); }

// A bar with rate and time left on a terminal; elsewhere a plain line at most every few seconds. Nothing below 'info'.
class Progress {
 public:
  Progress(std::string what, std::size_t total, std::string unit);
  ~Progress();  // ends the line
  void advance(std::size_t by);
  void note(const std::string& text);  // stands behind the figures from the next drawing on

 private:
  void draw(bool last);
  std::string what_, unit_, note_;
  std::size_t total_, done_ = 0;
  double start_, drawn_ = 0;
  bool terminal_;
};

// Says that a stage of unknown length goes on: after two seconds and then every ten, "checking the body: 12 s", and at
// the end what it took. Nothing below 'info', nothing of short work.
class Heartbeat {
 public:
  explicit Heartbeat(std::string what);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamtube::core
