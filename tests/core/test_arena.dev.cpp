#include <catch2/catch_test_macros.hpp>
#include <cmath>

#include "core/device/arena.dev.hpp"

namespace {
using Arena = streamtube::core::Arena<Kokkos::DefaultHostExecutionSpace>;
}

TEST_CASE("arena: what was measured fits, scopes give back, one more does not fit") {
  Arena arena;
  const auto pass = [&] {
    float* a = arena.take<float>(100);
    for (int i = 0; i < 3; ++i) {
      Arena::Scope scope(arena);
      double* b = arena.take<double>(1000);
      if (!arena.measuring()) b[999] = 1;
    }
    if (!arena.measuring()) a[99] = 1;
  };
  {
    arena.measure([&] {
      Arena::Scope scope(arena);
      pass();
    });
    CHECK(arena.capacity() == 512 + 8192);
    Arena::Scope scope(arena);
    pass();
    CHECK_THROWS_AS(arena.take<double>(2000), streamtube::core::Error);
  }
}

TEST_CASE("arena: addresses are aligned and distinct") {
  Arena arena;
  const auto pass = [&] {
    char *a = arena.take<char>(1), *b = arena.take<char>(1);
    CHECK(reinterpret_cast<std::uintptr_t>(a) % Arena::alignment ==
          reinterpret_cast<std::uintptr_t>(b) % Arena::alignment);
    CHECK(b - a == Arena::alignment);
  };
  arena.measure([&] {
    Arena::Scope scope(arena);
    pass();
  });
  pass();
}

#ifdef STREAMTUBE_POISON_ARENA
TEST_CASE("arena: released memory is poisoned") {
  Arena arena;
  arena.measure([&] {
    Arena::Scope scope(arena);
    arena.take<float>(64);
  });
  float* p;
  {
    Arena::Scope scope(arena);
    p = arena.take<float>(64);
    p[5] = 1;
  }
  CHECK(std::isnan(p[5]));
}
#endif
