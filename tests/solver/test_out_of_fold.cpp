#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "solver/evaluation.hpp"
#include "solver/out_of_fold.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/tiny_dataset.hpp"

using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using solver::Member;
using test::message_of;
using Names = std::vector<std::string>;

namespace {

Member member(std::size_t fold, std::size_t folds, const Names& held_out, const Names& learned) {
  Member out{core::str("m", fold, ".h5"), {}};
  out.model.fold = {fold, folds, "train", held_out};
  out.model.shapes.cases = learned;
  return out;
}

}  // namespace

TEST_CASE("every case is answered by the member that has not seen it") {
  const test::TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));  // train 0..3, validation 4, test 5 and 6
  const mesh_io::Dataset data(dir.file("d.h5"));
  const Member a = member(1, 2, {"case_1", "case_2"}, {"case_0", "case_3"}),
               b = member(2, 2, {"case_0", "case_3"}, {"case_1", "case_2"});
  using Shares = std::vector<std::vector<std::size_t>>;
  CHECK(solver::out_of_fold(std::vector{a, b}, data, "") == Shares{{1, 2}, {0, 3}});
  CHECK(solver::out_of_fold(std::vector{b, a}, data, "train") == Shares{{0, 3}, {1, 2}});

  const auto message = [&](const std::vector<Member>& members, const std::string& split = "") {
    return message_of([&] { solver::out_of_fold(members, data, split); });
  };
  CHECK_THAT(message({a}), ContainsSubstring("'case_0'") && ContainsSubstring("have learned from it"));
  CHECK_THAT(message({a, b}, "test"), ContainsSubstring("'case_5' is known to none"));
  CHECK_THAT(message({a, a}), ContainsSubstring("both hold out the case 'case_1'"));
  CHECK_THAT(message({a, member(2, 3, {"case_0"}, {})}), ContainsSubstring("part of 2") && ContainsSubstring("of 3"));
  CHECK_THAT(message({a, member(2, 2, {"case_0"}, {"case_0"})}),
             ContainsSubstring("'m2.h5' has learned from the case 'case_0', which it holds out"));
  Member none = a;
  none.model.fold = {};
  CHECK_THAT(message({b, none}), ContainsSubstring("'m1.h5' holds out no fold"));
}

TEST_CASE("results of parts are joined as if one model had answered all") {
  solver::EvaluationResult a, b;
  a.fields["x"] = {0.1, 0.2, 0.3, 0.4, 0.5, {0.6}}, b.fields["x"] = {0.4, 0.5, 0.6, 0.7, 0.8, {0.9}};
  a.cases.push_back({"a", {}, 1, 2, 1.1, 2.2, {}, {}});
  for (const char* name : {"b", "c"}) b.cases.push_back({name, {}, 2, 3, 2.5, 3.5, {}, {}});
  const auto all = solver::joined({a, b});
  CHECK(all.cases.size() == 3);
  CHECK(all.fields.at("x").relative_l2 == Approx(0.3));
  CHECK(all.fields.at("x").component_relative_l2[0] == Approx(0.8));
  CHECK(all.cd.mean_absolute == Approx((0.1 + 0.5 + 0.5) / 3));
  CHECK(all.cl.bias == Approx(-(0.2 + 0.5 + 0.5) / 3));
}
