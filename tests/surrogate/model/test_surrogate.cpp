// What the anchored architecture promises, on random weights large enough to matter.

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "surrogate/model/surrogate.hpp"
#include "tests/support/small_network.hpp"

namespace {

using namespace streamtube;
using namespace streamtube::surrogate;
using Catch::Matchers::ContainsSubstring;

using test::ask;
using test::copy;
using test::difference;

AbuptConfig small(int condition = 0) { return test::small_network(64, condition); }
Weights weights(const AbuptConfig& c) { return test::large_weights(c); }
std::vector<float> positions(std::size_t n, const char* stream) { return test::random_positions(n, stream); }
struct Data : test::NetworkData {
  Data() : NetworkData(300, 130, 150) {}
};

}  // namespace

TEST_CASE("a query on an anchor is that anchor") {
  for (const int condition : {0, 2}) {
    const AbuptConfig c = small(condition);
    Surrogate model(c, weights(c), "test");
    const Data data;
    model.encode(data.input(condition > 0));
    CHECK(difference(ask(model, Branch::surface, data.surface), copy(model.anchor_output(Branch::surface))) < 1e-5);
    CHECK(difference(ask(model, Branch::volume, data.volume), copy(model.anchor_output(Branch::volume))) < 1e-5);
  }
}

TEST_CASE("the condition matters") {
  const AbuptConfig c = small(2);
  Surrogate model(c, weights(c), "test");
  Data data;
  model.encode(data.input(true));
  const auto before = copy(model.anchor_output(Branch::volume));
  data.condition[0] += 0.5f;
  model.encode(data.input(true));
  CHECK(difference(copy(model.anchor_output(Branch::volume)), before) > 1e-4);
}

TEST_CASE("several networks answer with their mean: anchors, queries, derivatives, sensitivities") {
  const AbuptConfig c = small(2);
  const Weights first = weights(c), second = random_weights(c, 99);
  Surrogate one(c, first, "one"), two(c, second, "two"), both(c, std::vector{&first, &second}, "both");
  CHECK(both.parameters() == 2 * one.parameters());
  CHECK(both.fingerprint() != one.fingerprint());
  const Data data;
  const auto mean = [](std::vector<float> a, const std::vector<float>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = 0.5f * (a[i] + b[i]);
    return a;
  };
  for (Surrogate* model : {&one, &two, &both}) model->encode(data.input(true));
  const auto at = positions(70, "elsewhere");
  for (const Branch branch : {Branch::surface, Branch::volume}) {
    CHECK(difference(copy(both.anchor_output(branch)),
                     mean(copy(one.anchor_output(branch)), copy(two.anchor_output(branch)))) < 1e-6);
    CHECK(difference(ask(both, branch, at), mean(ask(one, branch, at), ask(two, branch, at))) < 1e-6);
    CHECK(difference(ask(one, branch, at), ask(two, branch, at)) > 1e-3);
  }
  const std::size_t outputs = static_cast<std::size_t>(c.outputs[1]);
  std::vector<float> values(70 * outputs), slopes[3];
  int i = 0;
  for (Surrogate* model : {&one, &two, &both}) {
    slopes[i].resize(3 * values.size());
    model->query_gradient(Branch::volume, at, values, slopes[i++]);
  }
  CHECK(difference(slopes[2], mean(slopes[0], slopes[1])) < 1e-5);

  const std::vector<float> factor(data.surface.size() / 3 * static_cast<std::size_t>(c.outputs[0]), 0.5f),
      none(data.volume.size() / 3 * outputs, 0.0f);
  const std::span<const float> queries[2] = {}, coefficients[2] = {factor, none};
  const auto a = one.sensitivity(data.input(true), queries, coefficients),
             b = two.sensitivity(data.input(true), queries, coefficients),
             s = both.sensitivity(data.input(true), queries, coefficients);
  CHECK(std::abs(s.value - 0.5 * (a.value + b.value)) < 1e-4 * std::abs(a.value));
  CHECK(difference(s.points, mean(a.points, b.points)) < 1e-5);
  CHECK(difference(s.anchors[0], mean(a.anchors[0], b.anchors[0])) < 1e-5);
}

TEST_CASE("chunking and permuting queries change nothing beyond rounding, and anchors not at all") {
  const AbuptConfig c = small();
  Surrogate model(c, weights(c), "test");
  const Data data;
  model.encode(data.input());
  const auto anchors = copy(model.anchor_output(Branch::volume));
  const std::vector<float> at = positions(700, "queries");
  const auto whole = ask(model, Branch::volume, at);
  for (const std::size_t chunk : {7u, 64u, 333u}) {
    model.set_query_chunk(chunk);
    CAPTURE(chunk);
    CHECK(difference(ask(model, Branch::volume, at), whole) < 1e-5);
  }
  model.set_query_chunk(1);  // a few: a pass per query is slow
  const std::vector<float> few(at.begin(), at.begin() + 30);
  CHECK(difference(ask(model, Branch::volume, few), {whole.begin(), whole.begin() + 70}) < 1e-5);
  model.set_query_chunk(333);
  std::vector<float> reversed, expected;
  for (std::size_t i = 700; i-- > 0;) {
    reversed.insert(reversed.end(), at.begin() + 3 * i, at.begin() + 3 * i + 3);
    expected.insert(expected.end(), whole.begin() + 7 * i, whole.begin() + 7 * i + 7);
  }
  CHECK(difference(ask(model, Branch::volume, reversed), expected) < 1e-5);
  CHECK(copy(model.anchor_output(Branch::volume)) == anchors);
  // A plain forward with other queries beside them leaves the anchors as they are.
  const std::span<const float> queries[2] = {data.points, at};
  std::vector<float> out[2];
  model.forward_traced(data.input(), queries, out, nullptr);
  CHECK(difference({out[1].begin(), out[1].begin() + static_cast<std::ptrdiff_t>(anchors.size())}, anchors) < 1e-5);
}

TEST_CASE("two runs give the same bits") {
  const AbuptConfig c = small();
  const Data data;
  const std::vector<float> at = positions(500, "queries");
  std::vector<std::vector<float>> answers;
  for (int i = 0; i < 3; ++i) {
    Surrogate model(c, weights(c), "test");
    model.encode(data.input());
    answers.push_back(ask(model, Branch::surface, at));
    const auto again = ask(model, Branch::surface, at);
    CHECK(again == answers.back());
  }
  CHECK(answers[0] == answers[1]);
  CHECK(answers[1] == answers[2]);
}

TEST_CASE("an empty query, a case after a larger one, memory that does not grow with queries") {
  const AbuptConfig c = small();
  Surrogate model(c, weights(c), "test");
  Data data;
  model.set_query_chunk(100);
  model.encode(data.input());
  CHECK(ask(model, Branch::surface, {}).empty());
  ask(model, Branch::surface, positions(50, "few"));
  const std::size_t before = model.memory().scratch;
  const auto answer = ask(model, Branch::surface, positions(5000, "many"));
  CHECK(model.memory().scratch == before);
  data.surface.resize(3 * 20);
  model.encode(data.input());
  const auto small_case = ask(model, Branch::surface, positions(5000, "many"));
  CHECK(difference(small_case, answer) > 1e-4);  // other anchors, another answer
  Surrogate fresh(c, weights(c), "test");
  fresh.encode(data.input());
  CHECK(difference(ask(fresh, Branch::surface, positions(5000, "many")), small_case) < 1e-5);
}

TEST_CASE("the estimate of memory covers what is taken") {
  const AbuptConfig c = small();
  Surrogate model(c, weights(c), "test");
  const Data data;
  model.set_query_chunk(256);
  model.encode(data.input());
  ask(model, Branch::volume, positions(300, "few"));
  const auto estimate = Surrogate::estimate(c, data.supernodes.size(), 130, 150, 256);
  CHECK(estimate.weights == model.memory().weights);
  CHECK(estimate.anchor_cache == model.memory().anchor_cache);
}

TEST_CASE("weights that do not fit the model are refused by name") {
  const AbuptConfig c = small();
  Weights missing = weights(c);
  missing.erase("head.volume.bias");
  CHECK_THROWS_WITH(Surrogate(c, missing, "m.h5"),
                    ContainsSubstring("m.h5") && ContainsSubstring("'head.volume.bias' is missing"));
  Weights unknown = weights(c);
  unknown["head.wake.bias"] = {{1}, {0.0f}};
  CHECK_THROWS_WITH(Surrogate(c, unknown, "m.h5"), ContainsSubstring("'head.wake.bias'"));
  Weights shape = weights(c);
  shape["head.volume.bias"].shape = {8};
  CHECK_THROWS_WITH(Surrogate(c, shape, "m.h5"), ContainsSubstring("[8]") && ContainsSubstring("[7]"));
  AbuptConfig bad = small();
  bad.heads = 3;
  CHECK_THROWS_WITH(Surrogate(bad, weights(c), "m.h5"), ContainsSubstring("does not divide by heads"));
}

TEST_CASE("a query before encode is a bug, said so") {
  const AbuptConfig c = small();
  Surrogate model(c, weights(c), "test");
  CHECK_THROWS_WITH(ask(model, Branch::surface, {1, 2, 3}), ContainsSubstring("before encode"));
}

TEST_CASE("a sensitivity checks its coefficients, and encode is needed anew after it") {
  const AbuptConfig c = small();
  Surrogate model(c, weights(c), "test");
  const Data data;
  const std::vector<float> surface(130 * 4, 1.0f), volume(150 * 7);
  CHECK_THROWS_WITH(model.sensitivity(data.input(), {data.points, {}}, {surface, volume}),
                    ContainsSubstring("coefficients are not [A + Q][outputs]"));
  model.encode(data.input());
  const auto before = ask(model, Branch::surface, data.points);
  const Surrogate::Sensitivity s = model.sensitivity(data.input(), {}, {surface, volume});
  CHECK(s.points.size() == data.points.size());
  CHECK(s.anchors[1].size() == data.volume.size());
  CHECK(s.queries[0].empty());
  CHECK(s.value != 0);
  CHECK_THROWS_WITH(ask(model, Branch::surface, {1, 2, 3}), ContainsSubstring("before encode"));
  model.encode(data.input());
  CHECK(ask(model, Branch::surface, data.points) == before);
}

TEST_CASE("fingerprints tell weights apart") {
  const AbuptConfig c = small();
  Weights w = weights(c);
  const std::string one = Surrogate(c, w, "test").fingerprint();
  w["head.volume.bias"].values[3] = 1e-6f;
  CHECK(Surrogate(c, w, "test").fingerprint() != one);
  CHECK(one.size() == 64);
}
