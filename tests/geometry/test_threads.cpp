#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <stdexcept>
#include <vector>

#include "geometry/threads.hpp"

using namespace streamtube::geometry;

TEST_CASE("every index is visited once, in whole blocks") {
  for (const int threads : {1, 2, 7}) {
    set_thread_count(threads);
    CHECK(thread_count() == threads);
    for (const std::size_t n : {0, 1, 9, 10, 11, 1000}) {
      std::vector<std::atomic<int>> visits(n);
      for_blocks(n, 10, [&](std::size_t begin, std::size_t end) {
        if (begin % 10 != 0 || (end % 10 != 0 && end != n)) throw std::logic_error("block");
        for (std::size_t i = begin; i < end; ++i) ++visits[i];
      });
      for (const auto& v : visits) CHECK(v == 1);
    }
  }
  set_thread_count(0);
  CHECK(thread_count() >= 1);
}

TEST_CASE("an exception of any thread comes out") {
  for (const int threads : {1, 3}) {
    set_thread_count(threads);
    CHECK_THROWS_AS(for_blocks(1000, 1,
                               [](std::size_t begin, std::size_t) {
                                 if (begin == 700) throw std::runtime_error("here");
                               }),
                    std::runtime_error);
  }
  set_thread_count(0);
}
