#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <limits>

#include "mesh_io/h5/point_file.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"

using Catch::Matchers::ContainsSubstring;
using namespace streamtube;
using mesh_io::H5File;
using mesh_io::PointFile;
using physics::Branch;
using test::message_of;
using test::TempDir;

namespace {

std::vector<Vec3> ramp(std::size_t n) {
  std::vector<Vec3> out;
  for (std::size_t i = 0; i < n; ++i) {
    const double x = static_cast<double>(i);
    out.push_back({x + 1.0 / 3, -x, 0.1 * x});
  }
  return out;
}

template <class T>
void write_set(H5File& file, const std::string& name, const std::vector<std::size_t>& shape, T value = T{1}) {
  std::size_t n = 1;
  for (const auto s : shape) n *= s;
  file.write<T>(name, shape, std::vector<T>(n, value));
}

// What opening a file says that `fill` has written.
std::string refusal(const TempDir& dir, const std::function<void(H5File&)>& fill) {
  const std::string path = dir.file("bad.h5");
  H5File file = H5File::create(path);
  fill(file);
  file.close();
  return message_of([&] { const PointFile opened(path); });
}

}  // namespace

TEST_CASE("points come back as they were written, from any row on") {
  const TempDir dir;
  const std::string path = dir.file("p.h5");
  const auto surface = ramp(7), volume = ramp(1000);
  {
    H5File file = H5File::create(path);
    mesh_io::write_points(file, Branch::surface, surface, surface);
    mesh_io::write_points(file, Branch::volume, volume);
    file.close();
  }
  const PointFile points(path);
  CHECK(points.points(Branch::surface) == 7);
  CHECK(points.points(Branch::volume) == 1000);
  CHECK(points.has_areas());
  CHECK(points.unit() == 1.0);
  std::vector<double> rows(3 * 10);
  points.read_positions(Branch::volume, 990, rows);
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(rows[i] == volume[990 + i / 3][i % 3]);
  rows.resize(3 * 2);
  points.read_areas(5, rows);
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(rows[i] == surface[5 + i / 3][i % 3]);
  CHECK_THAT(message_of([&] { points.read_positions(Branch::volume, 999, rows); }), ContainsSubstring("no rows 999"));
}

TEST_CASE("float32 positions and units are taken, one group is enough") {
  const TempDir dir;
  H5File file = H5File::create(dir.file("p.h5"));
  write_set<float>(file, "/volume/positions", {4, 3}, 0.5f);
  file.write_attribute("/", "unit", std::string("mm"));
  file.close();
  const PointFile points(dir.file("p.h5"));
  CHECK(points.points(Branch::surface) == 0);
  CHECK(!points.has_areas());
  CHECK(points.unit() == 1e-3);
  std::vector<double> rows(12);
  points.read_positions(Branch::volume, 0, rows);
  for (const double x : rows) CHECK(x == 0.5);
}

TEST_CASE("what is wrong with a point file is named") {
  const TempDir dir;
  CHECK_THAT(refusal(dir,
                     [](H5File& f) {
                       write_set<float>(f, "/positions", {4, 3});
                     }),
             ContainsSubstring("has neither '/surface/positions' nor '/volume/positions'"));
  CHECK_THAT(refusal(dir,
                     [](H5File& f) {
                       write_set<float>(f, "/volume/positions", {3, 4});
                     }),
             ContainsSubstring("'/volume/positions' has the shape 3 x 4 where N x 3"));
  CHECK_THAT(refusal(dir,
                     [](H5File& f) {
                       write_set<float>(f, "/volume/positions", {0, 3});
                     }),
             ContainsSubstring("0 x 3"));
  CHECK_THAT(refusal(dir,
                     [](H5File& f) {
                       write_set<std::int64_t>(f, "/surface/positions", {4, 3});
                     }),
             ContainsSubstring("holds int64 where float64 or float32"));
  CHECK_THAT(refusal(dir,
                     [](H5File& f) {
                       write_set<float>(f, "/surface/positions", {4, 3});
                       write_set<float>(f, "/surface/area_vectors", {5, 3});
                     }),
             ContainsSubstring("has 5 rows, '/surface/positions' has 4"));
  CHECK_THAT(refusal(dir,
                     [](H5File& f) {
                       write_set<float>(f, "/surface/positions", {4, 3});
                       f.write_attribute("/", "unit", std::string("furlong"));
                     }),
             ContainsSubstring("'furlong'"));

  auto points = ramp(100);
  points[42][1] = std::numeric_limits<double>::quiet_NaN();
  const std::string path = dir.file("nan.h5");
  H5File file = H5File::create(path);
  mesh_io::write_points(file, Branch::volume, points);
  file.close();
  std::vector<double> rows(3 * 20);
  CHECK_THAT(message_of([&] { PointFile(path).read_positions(Branch::volume, 30, rows); }),
             ContainsSubstring("'/volume/positions' row 42 (counted from 0): y is not a number"));

  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 500);
  CHECK_THAT(message_of([&] { const PointFile cut(path); }), ContainsSubstring("damaged or truncated"));
}
