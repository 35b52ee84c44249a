#pragma once
// A case for measurements: a box with points around it in place of a body, in network units.

#include <cstdint>
#include <string>
#include <vector>

#include "surrogate/model/surrogate.hpp"
#include "surrogate/model/work.hpp"

namespace streamtube::surrogate {

struct MadeUpCase {
  // body: the box's extents; its middle is at 400 on every axis.
  MadeUpCase(const AbuptConfig& config, const CaseShape& shape, const float (&body)[3]);
  // [count][width] on the faces of the box by area, or around it, denser near by; features beside the positions are
  // made up too. The same for the same name.
  static std::vector<float> draw(std::int64_t count, const float (&body)[3], bool around, const std::string& name,
                                 int width = 3);
  EncodeInput input() const { return {points, supernodes, {anchors[0], anchors[1]}, condition}; }

  std::vector<float> points, anchors[2], condition;
  std::vector<std::int64_t> supernodes;
};

}  // namespace streamtube::surrogate
