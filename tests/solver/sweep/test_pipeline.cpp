#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <set>
#include <stdexcept>
#include <thread>

#include "solver/sweep/pipeline.hpp"

using namespace streamtube::solver;

namespace {

struct Seen {
  std::mutex guard;
  std::multiset<std::size_t> prepared, computed, finished;
  std::atomic<std::size_t> most_waiting{0}, waiting{0};
};

Pipeline<std::size_t> pipeline_of(Seen& seen, std::size_t count, std::size_t jobs) {
  Pipeline<std::size_t> out;
  out.jobs = jobs;
  out.next = [next = std::size_t{0}, count]() mutable -> std::optional<std::size_t> {
    if (next == count) return {};
    return next++;
  };
  const auto note = [&seen](std::multiset<std::size_t>& list, std::size_t i) {
    const std::lock_guard lock(seen.guard);
    list.insert(i);
  };
  out.prepare = [&seen, note](std::size_t i) {
    note(seen.prepared, i);
    seen.most_waiting = std::max<std::size_t>(seen.most_waiting, ++seen.waiting);
    return i;
  };
  out.compute = [&seen, note](std::size_t& i) { --seen.waiting, note(seen.computed, i); };
  out.finish = [&seen, note](std::size_t&& i) { note(seen.finished, i); };
  out.stop = [] { return false; };
  return out;
}

}  // namespace

TEST_CASE("every piece passes every stage once, and few are in memory") {
  for (const std::size_t jobs : {1u, 3u}) {
    Seen seen;
    auto pipeline = pipeline_of(seen, 200, jobs);
    const auto times = pipeline.run();
    for (const auto* list : {&seen.prepared, &seen.computed, &seen.finished}) {
      CHECK(list->size() == 200);
      CHECK(std::set<std::size_t>(list->begin(), list->end()).size() == 200);
    }
    CHECK(seen.most_waiting <= jobs + 2);
    CHECK(times.total >= times.computing);
  }
  Seen seen;
  auto none = pipeline_of(seen, 0, 2);
  none.run();
  CHECK(seen.prepared.empty());
}

TEST_CASE("preparation, computing and finishing overlap") {
  const auto sleep = [] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); };
  Seen seen;
  auto pipeline = pipeline_of(seen, 20, 1);
  pipeline.prepare = [&](std::size_t i) { return sleep(), i; };
  pipeline.compute = [&](std::size_t&) { sleep(); };
  pipeline.finish = [&](std::size_t&&) { sleep(); };
  const auto times = pipeline.run();
  // One after the other would take 1.2 s.
  CHECK(times.total < 0.9);
  CHECK(times.computing >= 0.4);
}

TEST_CASE("what is computed when a stop comes is finished, nothing else begins") {
  Seen seen;
  auto pipeline = pipeline_of(seen, 1000, 2);
  pipeline.stop = [&] { return seen.computed.size() >= 5; };
  pipeline.run();
  CHECK(seen.computed.size() == 5);
  CHECK(seen.finished == seen.computed);
  CHECK(seen.prepared.size() < 20);
}

TEST_CASE("an interrupt in any stage before the last ends all, and what is computed is finished") {
  for (const bool in_compute : {true, false}) {
    Seen seen;
    auto pipeline = pipeline_of(seen, 50, 2);
    const auto once = [in_compute](std::size_t i, bool here) {
      if (i == 7 && here == in_compute) throw streamtube::core::Interrupted{};
    };
    pipeline.prepare = [before = pipeline.prepare, once](std::size_t i) { return once(i, false), before(i); };
    pipeline.compute = [before = pipeline.compute, once](std::size_t& i) { once(i, true), before(i); };
    CHECK_NOTHROW(pipeline.run());
    CHECK(seen.finished == seen.computed);
    CHECK(seen.finished.count(7) == 0);
    CHECK(seen.finished.size() < 50);
  }
}

TEST_CASE("a failure of any stage ends all and is thrown on") {
  for (const int stage : {0, 1, 2, 3}) {
    Seen seen;
    auto pipeline = pipeline_of(seen, 1000, 2);
    const auto fail = [](std::size_t i) {
      if (i == 7) throw std::runtime_error("seven");
    };
    if (stage == 0) pipeline.prepare = [&](std::size_t i) { return fail(i), i; };
    if (stage == 1) pipeline.compute = [&](std::size_t& i) { fail(i); };
    if (stage == 2) pipeline.finish = [&](std::size_t&& i) { fail(i); };
    if (stage == 3) pipeline.next = []() -> std::optional<std::size_t> { throw std::runtime_error("seven"); };
    CHECK_THROWS_AS(pipeline.run(), std::runtime_error);
    CHECK(seen.computed.size() < 100);
  }
}
