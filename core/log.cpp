#include "core/log.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include "core/long_work.hpp"

namespace streamtube::core {
namespace {

std::atomic<LogLevel> current_level{LogLevel::info};
thread_local LogLevel most_of_thread = LogLevel::debug;
std::mutex output_mutex;   // one line at a time, bar and log alike
bool bar_on_line = false;  // guarded by output_mutex: a bar without its end of line is on the terminal

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string duration(double seconds) {
  char text[32];
  if (seconds < 60)
    std::snprintf(text, sizeof text, "%.0f s", seconds);
  else if (seconds < 3600)
    std::snprintf(text, sizeof text, "%d min %02d s", int(seconds) / 60, int(seconds) % 60);
  else
    std::snprintf(text, sizeof text, "%.0f h %02d min", std::floor(seconds / 3600),
                  int(std::fmod(seconds, 3600.0)) / 60);
  return text;
}

std::string count(double n) {
  char text[32];
  if (n < 1e4)
    std::snprintf(text, sizeof text, "%.4g", n);
  else if (n < 1e6)
    std::snprintf(text, sizeof text, "%.0fk", n / 1e3);
  else
    std::snprintf(text, sizeof text, "%.2fM", n / 1e6);
  return text;
}

}  // namespace

void set_log_level(LogLevel level) { current_level = level; }
LogLevel log_level() { return std::min<LogLevel>(current_level, most_of_thread); }

QuietThread::QuietThread() : before_(most_of_thread) { most_of_thread = LogLevel::error; }
QuietThread::~QuietThread() { most_of_thread = before_; }

void log(LogLevel level, const std::string& text) {
  if (level > log_level()) return;
  const char* prefix = level == LogLevel::error     ? "error: "
                       : level == LogLevel::warning ? "warning: "
                       : level == LogLevel::debug   ? "debug: "
                                                    : "";
  const std::lock_guard lock(output_mutex);
  if (bar_on_line) std::fputs("\r\x1b[K", stderr);  // the bar redraws itself below
  bar_on_line = false;
  std::fprintf(stderr, "%s%s\n", prefix, text.c_str());
}

Progress::Progress(std::string what, std::size_t total, std::string unit)
    : what_(std::move(what)), unit_(std::move(unit)), total_(total), start_(now()), terminal_(isatty(STDERR_FILENO)) {
  drawn_ = start_;
}

Progress::~Progress() {
  const std::lock_guard lock(output_mutex);
  draw(true);
}

void Progress::advance(std::size_t by) {
  const std::lock_guard lock(output_mutex);
  done_ += by;
  const double interval = terminal_ ? 0.1 : 5.0;
  const double time = now();
  if (time - drawn_ < interval) return;
  if (!terminal_ && total_ && done_ >= total_) return;  // the last line says it
  drawn_ = time;
  draw(false);
}

void Progress::note(const std::string& text) {
  const std::lock_guard lock(output_mutex);
  note_ = text;
}

void Progress::draw(bool last) {
  if (log_level() < LogLevel::info) return;
  const double elapsed = now() - start_;
  // Work that ended before its first line needs no line.
  if (last && drawn_ == start_ && elapsed < 1) return;
  const double rate = elapsed > 0 ? double(done_) / elapsed : 0;
  const double fraction = total_ ? std::min(1.0, double(done_) / double(total_)) : 0;
  std::string text = what_;
  if (terminal_ && total_) {
    const int width = 30, filled = int(fraction * width);
    text += " [" + std::string(filled, '#') + std::string(width - filled, '.') + "]";
  } else {
    text += ":";
  }
  char percent[16];
  std::snprintf(percent, sizeof percent, " %3.0f %%", 100 * fraction);
  if (total_) text += percent;
  text += "  " + count(double(done_)) + (total_ ? " of " + count(double(total_)) : "") + " " + unit_;
  text += ", " + count(rate) + "/s";
  if (last)
    text += ", took " + duration(elapsed);
  else if (rate > 0 && total_ > done_)
    text += ", " + duration(double(total_ - done_) / rate) + " left";
  if (!note_.empty()) text += "; " + note_;
  if (terminal_) {
    std::fprintf(stderr, "\r%s\x1b[K", text.c_str());
    if (last) std::fputc('\n', stderr);
    bar_on_line = !last;
    std::fflush(stderr);
  } else {
    std::fprintf(stderr, "%s\n", text.c_str());
  }
}

struct Heartbeat::Impl {
  std::string what;
  double start = now();
  bool said = false, ended = false;
  std::mutex mutex;
  std::condition_variable end;
  std::thread thread;

  void beat() {
    std::unique_lock lock(mutex);
    for (double wait = 2; !end.wait_for(lock, std::chrono::duration<double>(wait), [&] { return ended; }); wait = 10) {
      said = true;
      log(LogLevel::info, what + ": " + duration(now() - start));
    }
  }
};

Heartbeat::Heartbeat(std::string what) {
  if (log_level() < LogLevel::info) return;
  impl_ = std::make_unique<Impl>();
  impl_->what = std::move(what);
  impl_->thread = std::thread([this] { impl_->beat(); });
}

Heartbeat::~Heartbeat() {
  if (!impl_) return;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->ended = true;
  }
  impl_->end.notify_one();
  impl_->thread.join();
  if (impl_->said) info(impl_->what + ": took " + duration(now() - impl_->start));
}

}  // namespace streamtube::core
