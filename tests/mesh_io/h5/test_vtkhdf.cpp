// That VTK and ParaView read these files: tests/apps/test_points.cpp, tests/paraview/check_outputs.py.
#include <sys/resource.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <thread>

#include "core/error.hpp"
#include "core/runtime.hpp"
#include "mesh_io/h5/h5_file.hpp"
#include "mesh_io/h5/vtkhdf.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"

using Catch::Matchers::ContainsSubstring;
using namespace streamtube;
using mesh_io::H5File;
using mesh_io::VtkhdfField;
using mesh_io::VtkhdfRows;
using test::TempDir;

namespace {
const std::vector<VtkhdfField> kFields = {{"pressure", 1}, {"velocity", 3}};
constexpr std::size_t kPoints = 300'001;  // more than one chunk of cells
}  // namespace

TEST_CASE("rows written by several writers, in any order, are the file's points, fields and cells") {
  const TempDir dir;
  const std::string path = dir.file("points.hdf");
  mesh_io::create_vtkhdf(path, path, kPoints, kFields, {{"model", "tiny"}});
  const auto fill = [&](std::size_t begin, std::size_t end) {
    VtkhdfRows rows(path, path, kFields);
    for (std::size_t at = begin; at < end; at += 1000) {
      const std::size_t n = std::min<std::size_t>(1000, end - at);
      std::vector<float> positions(3 * n);
      std::vector<std::vector<float>> values = {std::vector<float>(n), std::vector<float>(3 * n)};
      for (std::size_t i = 0; i < 3 * n; ++i)
        positions[i] = static_cast<float>(3 * at + i), values[1][i] = -positions[i];
      for (std::size_t i = 0; i < n; ++i) values[0][i] = static_cast<float>(at + i);
      rows.write(at, positions, values);
    }
    rows.close();
  };
  fill(200'000, kPoints);
  std::thread other([&] { fill(0, 77'000); });
  fill(77'000, 200'000);
  other.join();

  const H5File file = H5File::open(path);
  CHECK(file.attribute_text("/VTKHDF", "Type") == "UnstructuredGrid");
  CHECK(file.attribute_text("/", "model") == "tiny");
  CHECK(file.attribute_numbers("/VTKHDF", "Version") == std::vector<double>{1, 0});
  const auto positions = file.read<float>("/VTKHDF/Points", {kPoints, 3}),
             velocity = file.read<float>("/VTKHDF/PointData/velocity", {kPoints, 3}),
             pressure = file.read<float>("/VTKHDF/PointData/pressure", {kPoints});
  const auto offsets = file.read<std::int64_t>("/VTKHDF/Offsets", {kPoints + 1}),
             corners = file.read<std::int64_t>("/VTKHDF/Connectivity", {kPoints});
  bool right = true;
  for (std::size_t i = 0; i < kPoints; ++i) {
    right &= pressure[i] == static_cast<float>(i);
    right &= offsets[i] == static_cast<std::int64_t>(i) && corners[i] == offsets[i];
    for (std::size_t c = 0; c < 3; ++c)
      right &= positions[3 * i + c] == static_cast<float>(3 * i + c) && velocity[3 * i + c] == -positions[3 * i + c];
  }
  CHECK(right);
  CHECK(offsets.back() == kPoints);
  for (const char* count : {"NumberOfPoints", "NumberOfCells", "NumberOfConnectivityIds"})
    CHECK(file.read<std::int64_t>(std::string("/VTKHDF/") + count) == std::vector<std::int64_t>{kPoints});
  CHECK(std::filesystem::file_size(path) <= mesh_io::vtkhdf_size(kPoints, kFields));
}

TEST_CASE("a full disk is an error of the machine that names the file") {
  const TempDir dir;
  const std::string path = dir.file("points.hdf");
  core::install_interrupt_handler();  // SIGXFSZ is a failed write
  mesh_io::create_vtkhdf(path, "final.hdf", 10'000, kFields, {});
  VtkhdfRows rows(path, "final.hdf", kFields);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{20'000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    rows.write(0, std::vector<float>(30'000),
               std::vector<std::vector<float>>{std::vector<float>(10'000), std::vector<float>(30'000)});
  } catch (const core::Error& error) {
    CHECK(error.kind() == core::ErrorKind::runtime);
    message = error.message();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  CHECK_THAT(message, ContainsSubstring("cannot write 'final.hdf': "));
}
