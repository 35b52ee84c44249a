// Every kernel and device allocation of a forward and of an adjoint carries its full name, so that a profile can be
// read.

#include <Kokkos_Core.hpp>
#include <catch2/catch_test_macros.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/rng.hpp"
#include "surrogate/model/surrogate.hpp"
#include "tests/support/environment.hpp"

namespace {

std::set<std::string> labels;
void note(const char* name, std::uint32_t, std::uint64_t*) { labels.insert(name); }
void note_allocation(const Kokkos_Profiling_SpaceHandle, const char* name, const void*, std::uint64_t) {
  labels.insert(name);
}

}  // namespace

TEST_CASE("kernels and allocations are labelled streamtube::") {
  using namespace streamtube::surrogate;
  namespace tools = Kokkos::Tools::Experimental;
  AbuptConfig c;
  c.hidden = 24, c.heads = 2, c.physics_blocks = "pscj", c.radius = 100;
  labels.clear();
  tools::set_begin_parallel_for_callback(note);
  tools::set_begin_parallel_reduce_callback(note);
  tools::set_begin_parallel_scan_callback(note);
  tools::set_allocate_data_callback(note_allocation);
  for (const Message message : {Message::relative, Message::absolute}) {
    c.message = message;
    Surrogate model(c, random_weights(c, 1), "test");
    streamtube::core::Rng rng(1, "x");
    std::vector<float> x(300);
    for (float& v : x) v = static_cast<float>(500 * rng.uniform());
    const std::vector<std::int64_t> supernodes = {0, 10, 20, 30};
    model.encode({x, supernodes, {x, x}, {}});
    std::vector<float> out(400);
    model.query(Branch::surface, x, out);
    const std::vector<float> surface(800), volume(700);
    model.sensitivity({x, supernodes, {x, x}, {}}, {x, {}}, {surface, volume});
  }
  {
    const streamtube::test::Environment portable("STREAMTUBE_CPU_PATH", "portable");
    Surrogate model(c, random_weights(c, 1), "test", Precision::bf16);
    const std::vector<float> x(30, 100.0f);
    const std::vector<std::int64_t> supernodes = {0, 3};
    model.encode({x, supernodes, {x, x}, {}});
    std::vector<float> out(40);
    model.query(Branch::surface, x, out);
    CHECK(labels.count("streamtube::surrogate::attention16"));
  }
  tools::set_begin_parallel_for_callback(nullptr);
  tools::set_begin_parallel_reduce_callback(nullptr);
  tools::set_begin_parallel_scan_callback(nullptr);
  tools::set_allocate_data_callback(nullptr);
  CHECK(labels.size() > 15);
  for (const std::string& label : labels) {
    CAPTURE(label);
    // Kokkos' own: mirrors and copies of our views carry our label with a suffix, fills and internal buffers theirs.
    CHECK((label.starts_with("streamtube::") || label.starts_with("Kokkos::")));
  }
}
