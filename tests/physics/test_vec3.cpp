#include <catch2/catch_test_macros.hpp>

#include "physics/vec3.hpp"

using namespace streamtube;

TEST_CASE("vectors") {
  const Vec3 a{1, 2, 3}, b{-4, 5, 0.5};
  CHECK(a + b == Vec3{-3, 7, 3.5});
  CHECK(a - b == Vec3{5, -3, 2.5});
  CHECK(2 * a == Vec3{2, 4, 6});
  CHECK(dot(a, b) == 7.5);
  CHECK(cross(Vec3{1, 0, 0}, Vec3{0, 1, 0}) == Vec3{0, 0, 1});
  CHECK(dot(cross(a, b), a) == 0);
  CHECK(norm(Vec3{3, 4, 12}) == 13);
}

TEST_CASE("boxes") {
  Box box;
  CHECK(box.empty());
  CHECK(box.size() == Vec3{0, 0, 0});
  CHECK(!box.contains({0, 0, 0}));
  box.add({1, -2, 3});
  CHECK(!box.empty());
  CHECK(box.contains({1, -2, 3}));
  box.add({-1, 5, 3});
  CHECK(box.low == Vec3{-1, -2, 3});
  CHECK(box.high == Vec3{1, 5, 3});
  CHECK(box.size() == Vec3{2, 7, 0});
  CHECK(box.contains({0, 0, 3}));
  CHECK(!box.contains({0, 0, 3.1}));
}
