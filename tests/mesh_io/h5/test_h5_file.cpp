#include <hdf5.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>
#include <functional>
#include <iterator>

#include "core/error.hpp"
#include "mesh_io/h5/h5_file.hpp"
#include "tests/support/temp_dir.hpp"

using Catch::Matchers::ContainsSubstring;
using streamtube::core::Error;
using streamtube::core::ErrorKind;
using streamtube::mesh_io::H5File;
using streamtube::mesh_io::H5Type;
using streamtube::test::TempDir;

namespace {

std::string h5_error(const std::function<void()>& action, ErrorKind kind = ErrorKind::input) {
  try {
    action();
  } catch (const Error& error) {
    CHECK(error.kind() == kind);
    return error.message();
  }
  FAIL("no error");
  return {};
}

std::string bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_example(const std::string& path) {
  H5File file = H5File::create(path);
  const std::vector<float> floats = {1.5f, -2.0f, 3.25f, 0.0f, 1e-30f, 7.0f};
  const std::vector<double> doubles = {0.1, 0.2};
  const std::vector<std::int64_t> whole = {-5, 1LL << 60};
  file.write<float>("/a/b/floats", {2, 3}, floats);
  file.write<double>("/doubles", {2}, doubles);
  file.write<std::int64_t>("/whole", {2}, whole);
  std::vector<float> many(10000);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<float>(i % 100);
  file.write<float>("/many", {100, 100}, many, true);
  file.write_attribute("/", "text", std::string("Grüße"));
  file.write_attribute("/", "empty", std::string());
  file.write_attribute("/a", "number", 0.1);
  file.write_attribute("/a", "count", std::int64_t{42});
  file.close();
}

// A file made with the C API: what a careless or hostile program could write.
void make_raw(const std::string& path, const std::function<void(hid_t)>& fill) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  REQUIRE(file >= 0);
  fill(file);
  REQUIRE(H5Fclose(file) >= 0);
}

}  // namespace

TEST_CASE("what is written is read back") {
  const TempDir dir;
  const std::string path = dir.file("a.h5");
  write_example(path);
  const H5File file = H5File::open(path);
  CHECK(file.read<float>("/a/b/floats") == std::vector<float>{1.5f, -2.0f, 3.25f, 0.0f, 1e-30f, 7.0f});
  CHECK(file.read<float>("/a/b/floats", {2, 3}).size() == 6);
  CHECK(file.read<double>("/doubles") == std::vector<double>{0.1, 0.2});
  CHECK(file.read<std::int64_t>("/whole") == std::vector<std::int64_t>{-5, 1LL << 60});
  CHECK(file.read<double>("/a/b/floats")[2] == 3.25);  // float32 widens
  CHECK(file.read<float>("/many")[9999] == 99.0f);
  CHECK(file.shape("/many") == std::vector<std::size_t>{100, 100});
  CHECK(file.type("/whole") == H5Type::int64);
  CHECK(file.attribute_text("/", "text") == "Grüße");
  CHECK(file.attribute_text("/", "empty").empty());
  CHECK(file.attribute_number("/a", "number") == 0.1);
  CHECK(file.attribute_integer("/a", "count") == 42);
  CHECK(file.children("/") == std::vector<std::string>{"a", "doubles", "many", "whole"});
  CHECK(file.exists("/a/b"));
  CHECK_FALSE(file.exists("/a/c/d"));
  CHECK(file.is_group("/a/b"));
  CHECK_FALSE(file.is_group("/many"));
}

TEST_CASE("the same content gives the same bytes, on disk and from memory") {
  const TempDir dir;
  write_example(dir.file("a.h5"));
  write_example(dir.file("b.h5"));
  const std::string a = bytes(dir.file("a.h5"));
  CHECK(a == bytes(dir.file("b.h5")));
  const std::vector<unsigned char> image(a.begin(), a.end());
  CHECK(H5File::open_image(image, "image").read<double>("/doubles") == std::vector<double>{0.1, 0.2});
}

TEST_CASE("errors name the file and the object") {
  const TempDir dir;
  const std::string path = dir.file("a.h5");
  write_example(path);
  const H5File file = H5File::open(path);
  CHECK_THAT(h5_error([&] { file.read<float>("/nothing"); }), ContainsSubstring(path) && ContainsSubstring("/nothing"));
  CHECK_THAT(h5_error([&] { file.read<float>("/doubles"); }),
             ContainsSubstring("'/doubles' holds float64 where float32"));
  CHECK_THAT(h5_error([&] { file.read<std::int64_t>("/doubles"); }), ContainsSubstring("int64"));
  CHECK_THAT(h5_error([&] { file.read<float>("/many", {100, 101}); }),
             ContainsSubstring("100 x 100 where 100 x 101 is expected"));
  CHECK_THAT(h5_error([&] { file.read<float>("/a"); }), ContainsSubstring("'/a' is not a data set"));
  CHECK_THAT(h5_error([&] { file.children("/many"); }), ContainsSubstring("not a group"));
  CHECK_THAT(h5_error([&] { file.attribute_text("/", "none"); }), ContainsSubstring("no attribute 'none'"));
  CHECK_THAT(h5_error([&] { file.attribute_text("/a", "number"); }), ContainsSubstring("not text"));
  CHECK_THAT(h5_error([&] { file.attribute_number("/", "text"); }), ContainsSubstring("not a number"));
  CHECK_THAT(h5_error([&] { file.attribute_integer("/a", "number"); }), ContainsSubstring("not one whole number"));
}

TEST_CASE("files that are no HDF5 files, or not whole ones") {
  const TempDir dir;
  write_example(dir.file("a.h5"));
  const std::string whole = bytes(dir.file("a.h5"));
  CHECK_THAT(h5_error([&] { H5File::open(dir.file("none.h5")); }), ContainsSubstring("no such file"));
  CHECK_THAT(h5_error([&] { H5File::open(dir.path().string()); }), ContainsSubstring("is a folder"));
  CHECK_THAT(h5_error([&] { H5File::open(dir.write("empty.h5", "")); }), ContainsSubstring("is empty"));
  CHECK_THAT(h5_error([&] { H5File::open(dir.write("text.h5", "solid cube\n")); }), ContainsSubstring("not an HDF5"));
  for (const double part : {0.05, 0.3, 0.6, 0.999}) {
    const auto size = static_cast<std::size_t>(part * static_cast<double>(whole.size()));
    const std::string path = dir.write("cut.h5", whole.substr(0, size));
    CHECK_THAT(h5_error([&] { H5File::open(path); }), ContainsSubstring("damaged or truncated"));
  }
  CHECK_THAT(h5_error([&] { H5File::create(dir.file("no/such/folder.h5")); }, ErrorKind::runtime),
             ContainsSubstring("cannot be created"));
}

TEST_CASE("hostile data sets are refused before memory is taken") {
  const TempDir dir;
  const std::string path = dir.file("hostile.h5");
  make_raw(path, [&](hid_t file) {
    const auto chunked = [&](const char* name, std::vector<hsize_t> dims) {
      const hid_t space = H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr);
      const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
      const std::vector<hsize_t> chunk(dims.size(), 16);
      H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
      H5Dclose(H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
      H5Pclose(creation);
      H5Sclose(space);
    };
    chunked("huge", {hsize_t{1} << 36});                        // 256 GB, none of it stored
    chunked("overflow", {hsize_t{1} << 62, hsize_t{1} << 62});  // more elements than numbers can count
    const hsize_t n = 4;
    const hid_t space = H5Screate_simple(1, &n, nullptr);
    const hid_t outside = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(outside, "/etc/passwd", 0, 16);
    H5Dclose(H5Dcreate2(file, "outside", H5T_IEEE_F32LE, space, H5P_DEFAULT, outside, H5P_DEFAULT));
    H5Pclose(outside);
    H5Dclose(H5Dcreate2(file, "plain", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
    // 1 GiB a chunk, of which four values are wanted and, packed, a megabyte is stored.
    const hsize_t few = 4, unlimited = H5S_UNLIMITED, large = hsize_t{1} << 28;
    const hid_t row = H5Screate_simple(1, &few, &unlimited);
    const hid_t packed = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(packed, 1, &large);
    H5Pset_deflate(packed, 1);
    H5Dclose(H5Dcreate2(file, "chunk", H5T_IEEE_F32LE, row, H5P_DEFAULT, packed, H5P_DEFAULT));
    H5Pclose(packed);
    H5Sclose(row);
    H5Lcreate_external("/etc/other.h5", "/x", file, "external", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/huge", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
  });
  const H5File file = H5File::open(path);
  CHECK_THAT(h5_error([&] { file.read<float>("/huge"); }), ContainsSubstring("the file stores 0 bytes"));
  CHECK_THAT(h5_error([&] { file.read<float>("/overflow"); }), ContainsSubstring("absurd shape"));
  CHECK_THAT(h5_error([&] { file.read<float>("/outside"); }), ContainsSubstring("in another file"));
  CHECK_THAT(h5_error([&] { file.read<float>("/plain"); }), ContainsSubstring("the file stores 0 bytes"));
  CHECK_THAT(h5_error([&] { file.read<float>("/chunk"); }),
             ContainsSubstring("has chunks of 1024 MiB for 16 bytes of values"));
  CHECK_THAT(h5_error([&] { file.read<float>("/external"); }), ContainsSubstring("external link"));
  CHECK_THAT(h5_error([&] { file.read<float>("/soft"); }), ContainsSubstring("soft or external link"));
}
