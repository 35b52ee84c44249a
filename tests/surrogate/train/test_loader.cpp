#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <set>

#include "geometry/space_curve.hpp"
#include "surrogate/train/dataset_case.hpp"
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

namespace {

// The same flow at half the size: at one Reynolds number and twice the velocity.
mesh_io::FlowSample halved(mesh_io::FlowSample s) {
  for (auto& part : s.part)
    for (float& x : part.position) x /= 2;
  for (float& a : s.part[0].size) a /= 4;
  for (float& v : s.part[1].size) v /= 8;
  s.info.reference_length /= 2, s.info.reference_area /= 4, s.info.flow.velocity *= 2;
  for (auto& part : s.part)
    for (auto& field : part.fields)
      for (float& x : field.values) x *= field.name == "velocity" ? 2 : 4;  // vorticity: twice over half
  return s;
}

std::vector<Batch> draw_canonical(const mesh_io::Dataset& data, const AbuptConfig& config, const DrawOptions& o) {
  const std::vector<std::size_t> cases = data.split("all");
  CaseWorld world;
  world.canonical_length = 1;
  for (const std::size_t i : cases) world.lengths.push_back(body_length(data, i));
  Condition re;
  re.name = "reynolds_number", re.logarithmic = true, re.center = 6, re.min = 1e5, re.max = 1e7;
  world.conditions = {re};
  physics::Normalizer normalizer = make_normalizer(data, cases, world);
  Loader loader(data, cases, world, normalizer, config, o, {}, 1, 0, 1, kMemory);
  std::vector<Batch> out;
  for (int i = 0; i < 4; ++i) out.push_back(loader.next());
  return out;
}

}  // namespace

TEST_CASE("at canonical length a flow and its copy of half the size are the same batches, to the bit") {
  const TempDir dir;
  for (const bool half : {false, true}) {
    int next = 0;
    mesh_io::write_dataset(dir.file(half ? "half.h5" : "whole.h5"), test::tiny_header(), [&](mesh_io::FlowSample& s) {
      if (next == 3) return false;
      s = test::tiny_case(next++);
      if (half) s = halved(s);
      return true;
    });
  }
  AbuptConfig config;
  config.normals = config.wall_distance = true, config.condition = 1;
  DrawOptions o = options();
  o.queries[1] = 10;
  const auto whole = draw_canonical(mesh_io::Dataset(dir.file("whole.h5")), config, o),
             half = draw_canonical(mesh_io::Dataset(dir.file("half.h5")), config, o);
  for (std::size_t t = 0; t < whole.size(); ++t) {
    REQUIRE(half[t].name == whole[t].name);
    CHECK(half[t].points == whole[t].points);
    CHECK(half[t].condition == whole[t].condition);
    CHECK(half[t].jacobian == whole[t].jacobian);
    CHECK(half[t].jacobian.size() == 3 * 6 * 10);
    for (int b = 0; b < 2; ++b) {
      CHECK(half[t].positions[b] == whole[t].positions[b]);
      CHECK(half[t].targets[b] == whole[t].targets[b]);
    }
    // 20 m/s at 1 m and 1.5e-5 m2/s, the length of the box's faces within a thousandth.
    CHECK_THAT(static_cast<double>(whole[t].condition.at(0)), WithinAbs(std::log10(20 / 1.5e-5) - 6, 1e-3));
  }
}

TEST_CASE("normals and walls of drawn points are those of the body, in either half and mirrored") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  const mesh_io::Dataset data(dir.file("d.h5"));
  AbuptConfig config;
  config.normals = config.wall_distance = true;
  for (const bool symmetric : {false, true})
    for (const std::size_t cache : {kMemory, std::size_t{0}}) {
      CAPTURE(symmetric, cache);
      const std::vector<std::size_t> cases = data.split("train");
      physics::Normalizer normalizer = make_normalizer(data, cases);
      normalizer.symmetric = symmetric;
      DrawOptions o = options();
      o.mirror = !symmetric;
      Loader loader(data, cases, {}, normalizer, config, o, {}, 1, 0, 1, cache);
      for (int t = 0; t < 4; ++t) {
        const Batch batch = loader.next();
        const mesh_io::CaseInfo& info = *std::find_if(data.cases().begin(), data.cases().end(),
                                                      [&](const auto& c) { return c.name == batch.name; });
        const double half[3] = {0.5, 0.2, info.parameters.at("height") / 2};
        const auto metres = [&](float x) {
          return normalizer.position_origin + x / 1000.0 * normalizer.position_extent;
        };
        REQUIRE(batch.positions[0].size() == 6 * 200);
        for (std::size_t i = 0; i < 200; ++i) {
          const float* row = &batch.positions[0][6 * i];
          for (int a = 0; a < 3; ++a) {
            const double x = metres(row[a]) - (a == 2 ? 0.5 : 0.0);
            if (std::abs(row[3 + a]) > 0.5) REQUIRE_THAT(x, WithinAbs(row[3 + a] * half[a], 1e-4));
          }
        }
        REQUIRE(batch.positions[1].size() == 9 * 30);
        for (std::size_t i = 0; i < 30; ++i) {
          const float* row = &batch.positions[1][9 * i];
          Vec3 away;
          bool inside = true;
          for (std::size_t a = 0; a < 3; ++a) {
            const double x = metres(row[a]) - (a == 2 ? 0.5 : 0.0), out = std::max(0.0, std::abs(x) - half[a]);
            away[a] = std::copysign(out, x), inside = inside && out == 0;
          }
          if (inside) continue;
          const double d = norm(away);
          // The faces, 167 mm by 50 to 67 mm, are known as discs, which reach up to 40 mm over their longer sides.
          CHECK_THAT(250 * double{row[3]} / 1000 * normalizer.position_extent, WithinAbs(d, 0.045));
          if (d > 0.2) CHECK(away[0] * row[4] + away[1] * row[5] + away[2] * row[6] > 0.9 * d);
        }
      }
    }
}

// Whatever is done to a draw, the arms of a cell reproduce the position: sum of weight x position^T is the identity
// times the reference length, up to the first cells at the body, whose one arm ends at the wall.
TEST_CASE("cells of a batch: their arms lie around the queries, and weigh as differences do") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  const mesh_io::Dataset data(dir.file("d.h5"));
  const std::vector<std::size_t> cases = data.split("train");
  for (const bool symmetric : {false, true})
    for (const bool features : {false, true})
      for (const std::size_t cache : {kMemory, std::size_t{0}}) {
        CAPTURE(symmetric, features, cache);
        AbuptConfig config;
        config.wall_distance = features;
        physics::Normalizer normalizer = make_normalizer(data, cases);
        normalizer.symmetric = symmetric;
        normalizer.set_vorticity_decoder(physics::Decoder::curl, "test");
        DrawOptions o = options();
        o.queries[1] = 60, o.cell_queries = 9;
        o.mirror = !symmetric, o.scaling = 0.2;
        Loader loader(data, cases, {}, normalizer, config, o, {}, 1, 0, 1, cache);
        const std::size_t width = static_cast<std::size_t>(config.width(1));
        for (int t = 0; t < 4; ++t) {
          const Batch batch = loader.next();
          const Batch::Cells& cells = batch.cells;
          REQUIRE(batch.positions[1].size() == width * (90 + cells.arms()));
          REQUIRE(batch.targets[1].size() == 7 * 90);
          CHECK(batch.jacobian.empty());
          REQUIRE(cells.begin.size() == cells.row.size() + 1);
          const double length = batch.reference_length * physics::kNetworkExtent / normalizer.position_extent;
          // y of the plane that positions were reflected at.
          const double plane = -normalizer.position_origin / normalizer.position_extent * physics::kNetworkExtent;
          std::size_t six = 0;
          for (std::size_t c = 0; c < cells.row.size(); ++c) {
            CHECK((cells.row[c] >= 30 && cells.row[c] < 90));
            const auto first = static_cast<std::size_t>(cells.begin[c]),
                       last = static_cast<std::size_t>(cells.begin[c + 1]);
            const float* center = &batch.positions[1][width * static_cast<std::size_t>(cells.row[c])];
            double moment[3][3] = {};
            for (std::size_t k = first; k < last; ++k)
              for (std::size_t a = 0; a < 3; ++a) {
                double x = batch.positions[1][width * (90 + k) + a];
                if (a == 1) x = plane + cells.side[k] * (x - plane);
                for (std::size_t b = 0; b < 3; ++b)
                  moment[a][b] += (x - double{center[a]}) * double{cells.weight[3 * k + b]} / length;
              }
            six += last - first == 6;
            if (last - first == 6)
              for (std::size_t a = 0; a < 3; ++a)
                for (std::size_t b = 0; b < 3; ++b) CHECK_THAT(moment[a][b], WithinAbs(a == b ? 1 : 0, 2e-3));
            else  // from the centre to the face away from the wall, in parts of the cell's height
              CHECK_THAT(moment[0][0] + moment[1][1] + moment[2][2], WithinAbs(0.5, 0.51));
          }
          CHECK(six == 9);
          float sum = 0;
          for (const float share : cells.share) sum += share;
          CHECK_THAT(sum, WithinAbs(1.0f, 1e-5f));
        }
      }
}
