#include <catch2/catch_test_macros.hpp>
#include <thread>
#include <vector>

#include "core/queue.hpp"

using streamtube::core::Queue;

TEST_CASE("what one thread pushes another pops in order, up to the end") {
  Queue<int> queue;
  std::vector<int> got;
  std::thread consumer([&] {
    while (const auto item = queue.pop()) got.push_back(*item);
  });
  for (int i = 0; i < 1000; ++i) queue.push(i);
  queue.close();
  consumer.join();
  REQUIRE(got.size() == 1000);
  for (int i = 0; i < 1000; ++i) CHECK(got[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("an abandoned queue frees who waits and keeps what is left from him") {
  Queue<int> queue;
  std::thread waiting([&] { CHECK(!queue.pop()); });
  queue.abandon();
  waiting.join();
  queue.push(1);
  queue.close();
  CHECK(!queue.pop());
}
