#pragma once
// An array of a result, by its name.

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "geometry/surface_mesh.hpp"

namespace streamtube::test {

inline const geometry::Attribute& array_of(const std::vector<geometry::Attribute>& attributes,
                                           const std::string& name) {
  for (const auto& a : attributes)
    if (a.name == name) return a;
  FAIL("no array " << name);
  return attributes.front();
}

}  // namespace streamtube::test
