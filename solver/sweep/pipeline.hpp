#pragma once
// Many pieces of work, each prepared by one of several threads, computed by the calling one (which alone meets the
// device), and finished by another. The calling thread waits for neither as long as they keep up.

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/queue.hpp"
#include "core/runtime.hpp"

namespace streamtube::solver {

struct PipelineTimes {
  double total = 0;      // s, of all
  double computing = 0;  // s, of the calling thread
  double waiting = 0;    // s, of the calling thread, for what is prepared
  double held = 0;       // s, of the calling thread, for what is finished
};

// What is thrown by the functions ends the pipeline and is thrown on, once all threads have ended; but
// core::Interrupted of prepare and compute ends it as stop() does: what was computed before is finished.
template <class Work>
struct Pipeline {
  std::function<std::optional<std::size_t>()> next;  // the index of the next piece; asked by the calling thread
  std::function<Work(std::size_t)> prepare;          // by `jobs` threads
  std::function<void(Work&)> compute;                // by the calling thread
  std::function<void(Work&&)> finish;                // by one thread, in the order of computing
  std::function<bool()> stop;                        // nothing more is begun; what is computed is finished
  std::size_t jobs = 1;

  PipelineTimes run() {
    using Clock = std::chrono::steady_clock;
    const auto since = [](Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); };
    core::Queue<std::size_t> asked;
    core::Queue<std::optional<Work>> prepared;  // nothing: a thread failed or was interrupted
    core::Queue<Work> computed;
    core::Queue<char> finished;
    std::exception_ptr failure;
    std::mutex guard;
    const auto fail = [&] {
      const std::lock_guard lock(guard);
      if (!failure) failure = std::current_exception();
    };
    const auto failed = [&] {
      const std::lock_guard lock(guard);
      return failure != nullptr;
    };

    PipelineTimes times;
    const auto start = Clock::now();
    {
      std::vector<std::jthread> threads;
      constexpr std::size_t kBehind = 2;
      std::size_t asked_for = 0, behind = 0;
      bool more = true;
      try {
        for (std::size_t i = 0; i < std::max<std::size_t>(1, jobs); ++i)
          threads.emplace_back([&] {
            while (const auto index = asked.pop()) {
              try {
                prepared.push(prepare(*index));
              } catch (const core::Interrupted&) {
                prepared.push(std::nullopt);
              } catch (...) {
                fail();
                prepared.push(std::nullopt);
              }
            }
          });
        threads.emplace_back([&] {
          while (auto work = computed.pop()) {
            try {
              if (!failed()) finish(std::move(*work));
            } catch (...) {
              fail();
            }
            finished.push(0);
          }
        });
        const std::size_t ahead = threads.size();  // one more than prepare
        while (true) {
          more = more && !stop() && !failed();
          while (more && asked_for < ahead) {
            const auto index = next();
            if (!(more = index.has_value())) break;
            asked.push(*index), ++asked_for;
          }
          if (asked_for == 0) break;
          auto mark = Clock::now();
          auto work = prepared.pop();
          times.waiting += since(mark);
          --asked_for;
          if (stop() || failed() || !*work) {
            asked.abandon();
            break;
          }
          mark = Clock::now();
          compute(**work);
          times.computing += since(mark);
          computed.push(std::move(**work)), ++behind;
          mark = Clock::now();
          for (; behind > kBehind; --behind) finished.pop();
          times.held += since(mark);
        }
      } catch (const core::Interrupted&) {
        asked.abandon();
      } catch (...) {
        fail();
        asked.abandon();
      }
      asked.close();
      computed.close();
    }  // joins
    if (failure) std::rethrow_exception(failure);
    times.total = since(start);
    return times;
  }
};

}  // namespace streamtube::solver
