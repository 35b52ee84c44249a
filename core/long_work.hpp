#pragma once
// For programs that do hundreds of pieces of work in a run, of which one must neither be torn by Ctrl-C nor speak for
// itself.

#include "core/log.hpp"

namespace streamtube::core {

// While one lives, on any thread, interrupted() says no to everybody: what was begun is finished first.
class HoldInterrupts {
 public:
  HoldInterrupts();
  ~HoldInterrupts();
  HoldInterrupts(const HoldInterrupts&) = delete;
  HoldInterrupts& operator=(const HoldInterrupts&) = delete;
  // Whether there was an interrupt, held or not.
  static bool asked();
};

// While it lives, only errors are said by this thread: warnings are kept with the results.
class QuietThread {
 public:
  QuietThread();
  ~QuietThread();
  QuietThread(const QuietThread&) = delete;
  QuietThread& operator=(const QuietThread&) = delete;

 private:
  LogLevel before_;
};

}  // namespace streamtube::core
