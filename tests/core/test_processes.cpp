// Run alone and, as core/three_processes, by mpirun: every process checks what it sees.
#include <catch2/catch_test_macros.hpp>
#include <cmath>

#include "core/error.hpp"
#include "core/processes.hpp"
#include "core/rng.hpp"
#include "core/runtime.hpp"

using namespace streamtube::core;

namespace {

// One start and one end a program.
const Processes& processes() {
  static const Processes all = Processes::join();
  return all;
}

template <class T>
std::vector<T> values_of(int rank, std::size_t size) {
  Rng rng(static_cast<std::uint64_t>(rank), "processes");
  std::vector<T> values(size);
  for (T& v : values) v = static_cast<T>((rng.uniform() - 0.5) * std::pow(10.0, static_cast<double>(rng.below(8))));
  return values;
}

template <class T>
bool sums_are_right(std::size_t size) {
  std::vector<T> mine = values_of<T>(processes().rank(), size);
  processes().sum(mine);
  std::vector<double> expected(size);
  for (int r = 0; r < processes().size(); ++r) {
    const std::vector<T> theirs = values_of<T>(r, size);
    for (std::size_t i = 0; i < size; ++i) expected[i] += static_cast<double>(theirs[i]);
  }
  for (std::size_t i = 0; i < size; ++i)
    if (mine[i] != static_cast<T>(expected[i])) return false;
  return true;
}

struct Caught {
  int kind = -1;
  std::string message, hint;
  bool interrupted = false;
};

template <class Work>
Caught caught(const Work& work) {
  try {
    processes().run(work);
  } catch (const Error& e) {
    return {static_cast<int>(e.kind()), e.message(), e.hint()};
  } catch (const Interrupted&) {
    return {-1, "", "", true};
  }
  return {};
}

}  // namespace

TEST_CASE("processes know each other") {
  const int size = processes().size(), rank = processes().rank();
  CHECK((rank >= 0 && rank < size));
  CHECK(processes().first() == (rank == 0));
  CHECK(processes().on_this_host() == size);
  CHECK(processes().rank_on_this_host() == processes().rank());
  CHECK(processes().usable_threads() >= 1);
  CHECK(processes().usable_threads() <= std::max(1, usable_threads() / size));  // the test does not bind them
  for (int r = 0; r < size; ++r) {
    CHECK(processes().first_of(rank >= r) == r);
    CHECK(processes().any(rank == r));
    std::string text = str("from ", rank);
    processes().broadcast(text, r);
    CHECK(text == str("from ", r));
  }
  CHECK(processes().first_of(false) == -1);
  CHECK(processes().same("a"));
  CHECK(processes().same(str(rank)) == (size == 1));
  std::string large(rank == size - 1 ? 5'000'001 : 0, 'x');  // more than is sent at once
  processes().broadcast(large, size - 1);
  CHECK(large == std::string(5'000'001, 'x'));
}

TEST_CASE("sums are those of a loop over the ranks, bit for bit") {
  for (const std::size_t size : {0u, 1u, 2u, 1000u, (1u << 22) + 2}) {
    CAPTURE(size);
    CHECK(sums_are_right<float>(size));
    CHECK(sums_are_right<double>(size));
  }
}

TEST_CASE("a failure on one process is that of all") {
  const int size = processes().size(), rank = processes().rank(), last = size - 1;
  const std::string from = size > 1 ? str(" (process ", last, " of ", size, ", counted from 0)") : std::string();
  std::vector<float> values(10);
  Caught c = caught([&] {
    if (rank == last) throw Error(ErrorKind::input, "wrong", "remedy");
    processes().sum(values);
    processes().sum(values);
  });
  CHECK(c.kind == static_cast<int>(ErrorKind::input));
  CHECK(c.message == "wrong" + from);
  CHECK(c.hint == "remedy");
  // Of several the first; others may have come to the end.
  c = caught([&] {
    if (rank != 1) throw Error(ErrorKind::runtime, str("of ", rank));
  });
  CHECK(c.message == "of 0");
  CHECK(c.kind == static_cast<int>(ErrorKind::runtime));
  CHECK(caught([&] {
          if (rank == last) throw Interrupted{};
        }).interrupted);
  if (size > 1) {
    c = caught([&] {
      if (rank == last) throw std::bad_alloc();
      processes().any(false);
    });
    CHECK(c.message.find("out of memory") == 0);
    // A bug of ours is an error on all, not a wait for ever.
    c = caught([&] { rank == 0 ? processes().any(true) : processes().same("a"); });
    CHECK(c.kind == static_cast<int>(ErrorKind::internal));
  }
  // They go on together.
  CHECK(caught([&] { processes().sum(values); }).kind == -1);
}

TEST_CASE("every number is taken once, whoever asks") {
  processes().run([&] {
    processes().open_counter();
    constexpr std::int64_t kCount = 200;
    std::vector<double> taken(kCount, 0.0);
    for (std::int64_t i = processes().take(); i < kCount; i = processes().take()) taken[static_cast<std::size_t>(i)] += 1;
    processes().sum(taken);
    bool once = true;
    for (const double n : taken) once = once && n == 1;
    CHECK(once);
    processes().close_counter();
    CHECK(processes().take() >= std::int64_t{1} << 59);
  });
}
