#pragma once
// Hands objects from one thread to another. Its owner bounds it by what goes round: a fixed number of buffers that
// return through a second queue.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

namespace streamtube::core {

template <class T>
class Queue {
 public:
  void push(T item) {
    {
      const std::lock_guard lock(mutex_);
      items_.push_back(std::move(item));
    }
    changed_.notify_one();
  }
  // Waits for the next; nothing once the queue is closed and, unless it was abandoned, empty.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !items_.empty(); });
    if (abandoned_ || items_.empty()) return {};
    std::optional<T> item;
    item.emplace(std::move(items_.front()));
    items_.pop_front();
    return item;
  }
  // Nothing more will come.
  void close() { end(false); }
  // Nobody wants what is left.
  void abandon() { end(true); }

 private:
  void end(bool abandoned) {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true, abandoned_ = abandoned_ || abandoned;
    }
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> items_;
  bool closed_ = false, abandoned_ = false;
};

}  // namespace streamtube::core
