#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <set>

#include "geometry/space_curve.hpp"
#include "surrogate/train/loader.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/tiny_dataset.hpp"

using namespace streamtube;
using namespace streamtube::surrogate;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using test::TempDir;

namespace {

constexpr std::size_t kMemory = 1 << 30;

std::vector<Batch> draw(const mesh_io::Dataset& data, const DrawOptions& options, const LossOptions& loss,
                        std::size_t cache, int count) {
  const std::vector<std::size_t> cases = data.split("train");
  const physics::Normalizer normalizer = make_normalizer(data, cases);
  AbuptConfig config;
  config.outputs[0] = 4, config.outputs[1] = 7;
  Loader loader(data, cases, {}, normalizer, config, options, loss, 1, 0, 1, cache);
  std::vector<Batch> batches;
  for (int i = 0; i < count; ++i) batches.push_back(loader.next());
  return batches;
}

DrawOptions options() {
  DrawOptions o;
  o.geometry_points = 60, o.supernodes = 12;
  o.anchors[0] = 120, o.anchors[1] = 30, o.queries[0] = 80;
  return o;
}

}  // namespace

TEST_CASE("force functionals: a uniform error of pressure is a force on each side of the body") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  const mesh_io::Dataset data(dir.file("d.h5"));
  const physics::Normalizer normalizer = make_normalizer(data, data.split("train"));
  LossOptions loss;
  loss.force_weight = 0.5, loss.drag_scale = 0.01, loss.lift_scale = 0.1;
  for (const bool by_area : {false, true})
    for (const std::size_t cache : {kMemory, std::size_t{0}}) {
      CAPTURE(by_area, cache);
      DrawOptions o = options();
      o.surface_by_area = by_area;
      const int batches = 40;
      double ratio[4] = {0, 0, 0, 0};  // estimated over true, mean over the batches
      for (const Batch& batch : draw(data, o, loss, cache, batches)) {
        const mesh_io::CaseInfo& info = *std::find_if(data.cases().begin(), data.cases().end(),
                                                      [&](const auto& c) { return c.name == batch.name; });
        const double top = 1 * 0.4 / info.reference_area;  // over the reference area; front and base are that area
        // -Cp n dA, of Cp = 0.1 everywhere and shear (0.01, 0, 0) on all faces of a side.
        const double shear = 0.01, sides[4] = {0.1 + shear, -0.1 + shear, 0.1 * top, -0.1 * top};
        REQUIRE(batch.functionals.size() == 4);
        const char* names[4] = {"forebody_drag", "base_drag", "lower_lift", "upper_lift"};
        for (int k = 0; k < 4; ++k) {
          const Batch::Functional& f = batch.functionals[static_cast<std::size_t>(k)];
          CHECK(f.name == names[k]);
          CHECK_THAT(static_cast<double>(f.weight), WithinRel(k < 2 ? 5000.0 : 50.0, 1e-6));
          double force = 0;
          for (std::size_t i = 0; i < f.coefficients.size(); i += 4)
            force += 0.1 * f.coefficients[i] / normalizer.branch[0].std[0] +
                     0.01 * f.coefficients[i + 1] / normalizer.branch[0].std[1];
          ratio[k] += force / sides[k] / batches;
        }
      }
      // Some 15 of 200 points lie on the front.
      for (const double r : ratio) CHECK_THAT(r, WithinAbs(1, 0.06));
    }
}

TEST_CASE("scaled draws: all positions by one factor about the origin, fields as they were") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  const mesh_io::Dataset data(dir.file("d.h5"));
  const physics::Normalizer normalizer = make_normalizer(data, data.split("train"));
  DrawOptions o = options();
  const std::vector<Batch> plain = draw(data, o, {}, kMemory, 6);
  o.scaling = 0.2;
  const std::vector<Batch> scaled = draw(data, o, {}, kMemory, 6);
  const auto metres = [&](float x) { return normalizer.position_origin + x / 1000.0 * normalizer.position_extent; };
  std::set<int> factors;
  for (std::size_t t = 0; t < plain.size(); ++t) {
    REQUIRE(scaled[t].name == plain[t].name);
    double factor = 0, largest = 0;
    for (std::size_t i = 0; i < plain[t].points.size(); ++i)
      if (std::abs(metres(plain[t].points[i])) > largest)
        largest = std::abs(metres(plain[t].points[i])),
        factor = metres(scaled[t].points[i]) / metres(plain[t].points[i]);
    CHECK((factor > 0.8 && factor < 1.2));
    factors.insert(static_cast<int>(std::lround(1000 * factor)));
    // What makes derivatives dimensionless grows along.
    CHECK_THAT(scaled[t].reference_length, WithinAbs(factor * plain[t].reference_length, 1e-4));
    const auto check = [&](const std::vector<float>& from, const std::vector<float>& to) {
      REQUIRE(from.size() == to.size());
      for (std::size_t i = 0; i < from.size(); ++i)
        REQUIRE_THAT(metres(to[i]), WithinAbs(factor * metres(from[i]), 1e-5));
    };
    check(plain[t].points, scaled[t].points);
    CHECK(scaled[t].supernodes == plain[t].supernodes);
    for (int b = 0; b < 2; ++b) {
      check(plain[t].positions[b], scaled[t].positions[b]);
      CHECK(scaled[t].targets[b] == plain[t].targets[b]);
    }
  }
  CHECK(factors.size() > 3);
}

TEST_CASE("supernodes are spread over the geometry points: one in every equal part of their curve") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  const mesh_io::Dataset data(dir.file("d.h5"));
  for (const std::size_t cache : {kMemory, std::size_t{0}})
    for (const Batch& batch : draw(data, options(), {}, cache, 4)) {
      const std::vector<std::int64_t> curve = geometry::space_curve(60, [&](std::size_t i) {
        return Vec3{batch.points[3 * i], batch.points[3 * i + 1], batch.points[3 * i + 2]};
      });
      REQUIRE(batch.supernodes.size() == 12);
      const std::set<std::int64_t> drawn(batch.supernodes.begin(), batch.supernodes.end());
      for (std::size_t part = 0; part < 12; ++part) {
        int count = 0;
        for (std::size_t i = 5 * part; i < 5 * part + 5; ++i) count += static_cast<int>(drawn.count(curve[i]));
        CHECK(count == 1);
      }
    }
}
