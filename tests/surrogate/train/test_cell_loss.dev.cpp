#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <vector>

#include "core/rng.hpp"
#include "physics/vec3.hpp"
#include "surrogate/train/loss.dev.hpp"

using namespace streamtube;
using namespace streamtube::surrogate;
using Catch::Matchers::WithinRel;

namespace {

constexpr std::size_t kColumns = 7, kRows = 40;
const std::vector<std::int64_t> kRow = {3, 11, 12, 39}, kBegin = {0, 1, 7, 8, 14};

// Cells with one arm and with six, and a loss on them.
struct CellSetting {
  std::vector<double> out, target, share, weight, side;
  CurlTerm term;
  BackendSet backends{Precision::fp32, false};

  explicit CellSetting(bool signed_log) {
    core::Rng rng(5, "cells");
    const auto fill = [&](std::vector<double>& x, std::size_t n, double spread) {
      for (std::size_t i = 0; i < n; ++i) x.push_back(spread * rng.normal());
    };
    fill(out, (kRows + 14) * kColumns, 1), fill(target, kRows * kColumns, 1), fill(weight, 3 * 14, 20);
    for (std::size_t k = 0; k < 14; ++k) side.push_back(k % 3 == 1 ? -1 : 1);
    share = {0.1, 0.2, 0.3, 0.4};
    term.of_cells = true, term.from = 1, term.to = 4, term.signed_log = signed_log;
    for (int c = 0; c < 3; ++c) {
      const float x = static_cast<float>(c);
      term.scale[c] = 0.5f + 0.25f * x, term.offset[c] = 1 - x, term.mean[c] = 0.1f * x;
      term.std[c] = 0.75f + 0.5f * x, term.weight[c] = 1 + x;
    }
  }

  std::vector<double> losses(double scale, std::vector<double>& dout) {
    core::Arena<HostSpace> arena;
    Context<HostSpace> context{HostSpace(), arena, backends};
    std::vector<double> all(3);
    const CellRows<double, HostSpace> cells = {{kRow.data(), kRow.size()},   {kBegin.data(), kBegin.size()},
                                               {share.data(), share.size()}, {weight.data(), side.size(), 3},
                                               {side.data(), side.size()},   kRows};
    const auto pass = [&] {
      cell_curl_error<double, HostSpace>(context, {out.data(), kRows + 14, kColumns}, {target.data(), kRows, kColumns},
                                         cells, term, scale, {dout.data(), kRows + 14, kColumns}, {all.data(), 3});
    };
    arena.measure(pass);
    pass();
    HostSpace().fence();
    return all;
  }
};

}  // namespace

TEST_CASE("the loss on cells' vorticity is what its formula says") {
  for (const bool signed_log : {false, true}) {
    CAPTURE(signed_log);
    CellSetting s(signed_log);
    std::vector<double> dout(s.out.size());
    const std::vector<double> losses = s.losses(1, dout);
    Vec3 expected{0, 0, 0};
    for (std::size_t cell = 0; cell < kRow.size(); ++cell) {
      Vec3 sum{0, 0, 0};
      for (auto k = static_cast<std::size_t>(kBegin[cell]); k < static_cast<std::size_t>(kBegin[cell + 1]); ++k) {
        Vec3 u;
        for (std::size_t i = 0; i < 3; ++i)
          u[i] = double{s.term.offset[i]} + double{s.term.scale[i]} * s.out[(kRows + k) * kColumns + 1 + i];
        u[1] *= s.side[k];
        sum = sum + cross(Vec3{s.weight[3 * k], s.weight[3 * k + 1], s.weight[3 * k + 2]}, u);
      }
      for (std::size_t i = 0; i < 3; ++i) {
        const double value = signed_log ? std::copysign(std::log(1 + std::abs(sum[i])), sum[i]) : sum[i];
        const double target = s.target[static_cast<std::size_t>(kRow[cell]) * kColumns + 4 + i];
        const double error = (value - double{s.term.mean[i]}) / double{s.term.std[i]} - target;
        expected[i] += double{s.term.weight[i]} * s.share[cell] * error * error;
      }
    }
    for (std::size_t i = 0; i < 3; ++i) CHECK_THAT(losses[i], WithinRel(expected[i], 1e-12));
  }
}

TEST_CASE("gradient of the loss on cells' vorticity against central differences") {
  for (const bool signed_log : {false, true}) {
    CAPTURE(signed_log);
    CellSetting s(signed_log);
    std::vector<double> dout(s.out.size(), 0.25), unused(s.out.size());  // added to what is there
    s.losses(2, dout);
    std::size_t moved = 0;
    for (std::size_t i = 0; i < s.out.size(); ++i) {
      const double x = s.out[i], h = 1e-6;
      double slope = 0;
      for (const double side : {1.0, -1.0}) {
        s.out[i] = x + side * h;
        for (const double loss : s.losses(1, unused)) slope += side * loss / (2 * h);
      }
      s.out[i] = x;
      const double exact = (dout[i] - 0.25) / 2;
      moved += exact != 0;
      CHECK(std::abs(slope - exact) < 1e-5 * (1 + std::abs(exact)));
    }
    CHECK(moved == 14 * 3);
  }
}
