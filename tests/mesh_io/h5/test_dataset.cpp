#include <hdf5.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <utility>

#include "mesh_io/h5/dataset.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/tiny_dataset.hpp"

using namespace streamtube;
using namespace streamtube::mesh_io;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;
using test::message_of;
using test::TempDir;

namespace {

// What writing one case that `change` has been through says.
std::string refusal(const std::function<void(FlowSample&)>& change) {
  const TempDir dir;
  bool given = false;
  const std::string text = message_of([&] {
    write_dataset(dir.file("d.h5"), test::tiny_header(), [&](FlowSample& sample) {
      if (given) return false;
      sample = test::tiny_case(3);
      change(sample);
      return given = true;
    });
  });
  CHECK(std::filesystem::is_empty(dir.path()));  // nothing half-written
  CHECK_THAT(text, ContainsSubstring("case_3") || ContainsSubstring("name"));
  return text;
}

}  // namespace

TEST_CASE("what is written comes back, whole and by rows") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"), 12);
  const Dataset data(dir.file("d.h5"));
  REQUIRE(data.cases().size() == 12);
  CHECK(data.cases()[2].name == "case_2");
  CHECK(data.cases()[10].name == "case_10");  // in natural order
  CHECK(data.split("test") == std::vector<std::size_t>{10, 11});
  CHECK(data.split("all").size() == 12);
  const FlowSample expected = test::tiny_case(4), got = data.read(4, true);
  CHECK(got.info.flow.density == 1.2);
  CHECK(got.info.parameters == expected.info.parameters);
  CHECK(got.info.coefficients == expected.info.coefficients);
  for (int b = 0; b < 2; ++b) {
    CHECK(got.part[b].position == expected.part[b].position);
    CHECK(got.part[b].size == expected.part[b].size);
    for (std::size_t f = 0; f < expected.part[b].fields.size(); ++f)
      CHECK(got.part[b].fields[f].values == expected.part[b].fields[f].values);
  }
  CHECK(got.part[0].normal == expected.part[0].normal);
  const std::int64_t rows[] = {0, 7, 299};
  const Dataset::Rows some = data.read_rows(4, Branch::volume, rows);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t row = static_cast<std::size_t>(rows[i]);
    CHECK(some.position[3 * i + 1] == expected.part[1].position[3 * row + 1]);
    CHECK(some.fields[7 * i] == expected.part[1].fields[0].values[row]);
    CHECK(some.fields[7 * i + 2] == expected.part[1].fields[1].values[3 * row + 1]);
    CHECK(some.fields[7 * i + 6] == expected.part[1].fields[2].values[3 * row + 2]);
  }
  const std::size_t few[] = {0, 1}, others[] = {0, 2};
  CHECK(data.fingerprint(few) != data.fingerprint(others));
}

TEST_CASE("statistics are those of all points, of dimensionless values") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  const Dataset data(dir.file("d.h5"));
  const std::size_t cases[] = {1, 3};
  const FieldStatistics s = data.statistics(cases).fields[1][2];
  double sum = 0, squares = 0, n = 0;
  for (const std::size_t i : cases) {
    const FlowSample sample = data.read(i);
    for (std::size_t r = 0; r < sample.part[1].rows(); ++r, ++n) {
      const double w = sample.part[1].fields[2].values[3 * r] / 20.0, x = std::copysign(std::log1p(std::abs(w)), w);
      sum += x, squares += x * x;
    }
  }
  CHECK_THAT(s.mean[0], WithinRel(sum / n, 1e-9));
  CHECK_THAT(s.std[0], WithinRel(std::sqrt(squares / n - sum / n * sum / n), 1e-9));
}

TEST_CASE("a folder of files is one data set") {
  const TempDir dir;
  std::filesystem::create_directory(dir.file("d"));
  for (const int i : {2, 10}) {
    bool given = false;
    write_dataset(dir.file(core::str("d/", i, ".h5")), test::tiny_header(), [&](FlowSample& sample) {
      if (given) return false;
      sample = test::tiny_case(i);
      return given = true;
    });
  }
  const Dataset data(dir.file("d"));
  CHECK(data.cases().size() == 2);
  CHECK(data.read(1).info.name == "case_10");
  std::filesystem::copy_file(dir.file("d/2.h5"), dir.file("d/copy.h5"));
  CHECK_THAT(message_of([&] { Dataset(dir.file("d")); }), ContainsSubstring("case_2") && ContainsSubstring("copy.h5"));
}

TEST_CASE("cases that cannot be right are refused with the reason") {
  CHECK_THAT(refusal([](FlowSample& s) { s.part[1].fields.pop_back(); }), ContainsSubstring("'vorticity' is missing"));
  CHECK_THAT(refusal([](FlowSample& s) { s.part[0].fields[0].values.pop_back(); }), ContainsSubstring("values for"));
  CHECK_THAT(refusal([](FlowSample& s) { s.part[0].size.pop_back(); }), ContainsSubstring("areas"));
  CHECK_THAT(refusal([](FlowSample& s) { s.part[1].fields[1].values[31] = std::numeric_limits<float>::quiet_NaN(); }),
             ContainsSubstring("volume/velocity: row 10 is not finite"));
  CHECK_THAT(refusal([](FlowSample& s) { s.part[0].size[3] = 0; }), ContainsSubstring("row 3"));
  CHECK_THAT(refusal([](FlowSample& s) { s.part[0].normal[0] = 2; }), ContainsSubstring("length"));
  CHECK_THAT(refusal([](FlowSample& s) { s.info.flow.density = 0; }), ContainsSubstring("positive"));
  CHECK_THAT(refusal([](FlowSample& s) {
               for (float& x : s.part[0].normal) x = -x;
             }),
             ContainsSubstring("normals seem to point into the body"));
  CHECK_THAT(refusal([](FlowSample& s) {
               for (float& x : s.part[0].fields[1].values) x = -x;
             }),
             ContainsSubstring("other sign"));
  CHECK_THAT(refusal([](FlowSample& s) {
               for (auto& f : s.part[0].fields)
                 for (float& x : f.values) x /= 1.2f;
             }),
             ContainsSubstring("both in one ratio") && ContainsSubstring("kinematic"));
  // A constant over a closed body changes no force: total or absolute pressure.
  for (const int part : {0, 1})
    for (const float more : {240.0f, 101325.0f})
      CHECK_THAT(refusal([&](FlowSample& s) {
                   for (float& x : s.part[part].fields[0].values) x += more;
                 }),
                 ContainsSubstring("absolute or total") && ContainsSubstring(part == 0 ? "surface" : "volume"));
  CHECK_THAT(refusal([](FlowSample& s) { s.info.name = ""; }), ContainsSubstring("name"));
}

TEST_CASE("data have no decoders") {
  const TempDir dir;
  DatasetHeader header = test::tiny_header();
  header.fields[1][2].decoder = physics::Decoder::curl;
  bool done = false;
  write_dataset(dir.file("d.h5"), header, [&](FlowSample& sample) {
    sample = test::tiny_case(0);
    return !std::exchange(done, true);
  });
  CHECK_THAT(message_of([&] { Dataset data(dir.file("d.h5")); }),
             ContainsSubstring("'vorticity' has the decoder 'curl'"));
}

TEST_CASE("two cases of one name, an empty set and unknown names in splits are refused") {
  const TempDir dir;
  int next = 0;
  CHECK_THAT(message_of([&] {
               write_dataset(dir.file("d.h5"), test::tiny_header(), [&](FlowSample& sample) {
                 sample = test::tiny_case(1);
                 return next++ < 2;
               });
             }),
             ContainsSubstring("two cases"));
  CHECK_THAT(
      message_of([&] { write_dataset(dir.file("d.h5"), test::tiny_header(), [](FlowSample&) { return false; }); }),
      ContainsSubstring("at least one case"));
  test::write_tiny_dataset(dir.file("d.h5"));
  CHECK_THAT(message_of([&] { Dataset(dir.file("d.h5")).split("tset"); }), ContainsSubstring("'tset'"));
}

TEST_CASE("damaged files are found out") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  std::string bytes;
  {
    std::ifstream in(dir.file("d.h5"), std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  dir.write("cut.h5", bytes.substr(0, bytes.size() / 2));
  CHECK_THAT(message_of([&] { Dataset(dir.file("cut.h5")); }), ContainsSubstring("cut.h5"));
  CHECK_THAT(message_of([&] { Dataset(dir.file("none.h5")); }), ContainsSubstring("no such file"));
  std::filesystem::create_directory(dir.file("empty"));
  CHECK_THAT(message_of([&] { Dataset(dir.file("empty")); }), ContainsSubstring("no .h5 file"));
  // A flow that cannot be is refused when a data set is opened, whatever for.
  dir.write("backwards.h5", bytes);
  const hid_t file = H5Fopen(dir.file("backwards.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  const hid_t group = H5Gopen2(file, "/cases/case_5", H5P_DEFAULT), space = H5Screate(H5S_SCALAR);
  const std::string about =
      R"({"velocity":-20,"density":1,"kinematic_viscosity":1e-5,"reference_length":1,"reference_area":1,)"
      R"("parameters":{},"coefficients":{},"quality":{}})";
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, about.size());
  H5Adelete(group, "case");
  const hid_t attribute = H5Acreate2(group, "case", type, space, H5P_DEFAULT, H5P_DEFAULT);
  REQUIRE(H5Awrite(attribute, type, about.data()) >= 0);
  H5Aclose(attribute), H5Tclose(type), H5Sclose(space), H5Gclose(group), H5Fclose(file);
  CHECK_THAT(message_of([&] { Dataset(dir.file("backwards.h5")); }), ContainsSubstring("case 'case_5'") &&
                                                                         ContainsSubstring("velocity, density") &&
                                                                         ContainsSubstring("must be positive"));
  // A flipped bit among the values: positions of the volume of case_5 are stored as they are (few values: not packed).
  const FlowSample sample = test::tiny_case(5);
  const auto* raw = reinterpret_cast<const char*>(sample.part[1].position.data());
  const auto at = bytes.find(std::string(raw, 64));
  REQUIRE(at != std::string::npos);
  bytes[at + 17] ^= 1;
  dir.write("flipped.h5", bytes);
  const Dataset data(dir.file("flipped.h5"));
  CHECK_NOTHROW(data.read(4, true));
  CHECK_THAT(message_of([&] { data.read(5, true); }),
             ContainsSubstring("case_5") && ContainsSubstring("volume/position") && ContainsSubstring("checksum"));
  // What a training begins with finds it too.
  const std::size_t few[] = {4}, all[] = {4, 5};
  CHECK_NOTHROW(data.statistics(few));
  CHECK_THAT(message_of([&] { data.statistics(all); }), ContainsSubstring("case_5") && ContainsSubstring("checksum"));
}
