#include "geometry/threads.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "core/runtime.hpp"

namespace streamtube::geometry {

namespace {
std::atomic<int> wanted_threads{0};
}

void set_thread_count(int threads) { wanted_threads = std::max(threads, 0); }

int thread_count() {
  const int wanted = wanted_threads;
  if (wanted > 0) return wanted;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));  // respects the process's CPU affinity
}

void for_blocks(std::size_t n, std::size_t block, const std::function<void(std::size_t, std::size_t)>& work) {
  block = std::max<std::size_t>(block, 1);
  const std::size_t blocks = (n + block - 1) / block;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stop{false};
  std::exception_ptr failure;
  std::mutex guard;
  const auto run = [&] {
    try {
      for (std::size_t b = next++; b < blocks && !stop; b = next++) {
        core::check_interrupt();
        work(b * block, std::min(n, (b + 1) * block));
      }
    } catch (...) {
      const std::lock_guard lock(guard);
      if (!failure) failure = std::current_exception();
      stop = true;
    }
  };
  std::vector<std::jthread> others;
  const std::size_t threads = std::min<std::size_t>(static_cast<std::size_t>(thread_count()), blocks);
  for (std::size_t i = 1; i < threads; ++i) {
    try {
      others.emplace_back(run);
    } catch (const std::system_error&) {
      break;  // the system gives no more threads: go on with those there are
    }
  }
  run();
  others.clear();  // joins
  if (failure) std::rethrow_exception(failure);
}

}  // namespace streamtube::geometry
