#include "surrogate/model/made_up_case.hpp"

#include <algorithm>
#include <cmath>

#include "core/rng.hpp"

namespace streamtube::surrogate {

MadeUpCase::MadeUpCase(const AbuptConfig& config, const CaseShape& shape, const float (&body)[3])
    : points(draw(shape.points, body, false, "points", config.point_width())),
      anchors{draw(shape.anchors[0], body, false, "surface", config.width(0)),
              draw(shape.anchors[1], body, true, "volume", config.width(1))},
      condition(static_cast<std::size_t>(config.condition), 0.5f) {
  for (std::int64_t i = 0; i < shape.supernodes; ++i) supernodes.push_back(i * shape.points / shape.supernodes);
}

std::vector<float> MadeUpCase::draw(std::int64_t count, const float (&body)[3], bool around, const std::string& name,
                                    int width) {
  core::Rng rng(1, name);
  const double area[3] = {double{body[1]} * body[2], double{body[0]} * body[2], double{body[0]} * body[1]};
  std::vector<float> x;
  x.reserve(static_cast<std::size_t>(width) * static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const double where = rng.uniform() * (area[0] + area[1] + area[2]);
    const int axis = where < area[0] ? 0 : where < area[0] + area[1] ? 1 : 2;
    const double swell = around ? 1 - 0.5 * std::log(1 - rng.uniform()) : 1, side = rng.uniform() < 0.5 ? -0.5 : 0.5;
    for (int a = 0; a < 3; ++a) {
      const double place = a == axis ? side : rng.uniform() - 0.5;
      x.push_back(static_cast<float>(std::clamp(400 + body[a] * swell * place, 0.0, 1000.0)));
    }
    x.insert(x.end(), static_cast<std::size_t>(width - 3), 0.5f);
  }
  return x;
}

}  // namespace streamtube::surrogate
