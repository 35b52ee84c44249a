#include <hdf5.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "mesh_io/h5/h5_file.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/tiny_model.hpp"

using namespace streamtube;
using Catch::Matchers::ContainsSubstring;
using core::Error;
using surrogate::Checkpoint;
using test::TempDir;

namespace {

std::string checkpoint_error(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    CHECK(error.kind() == core::ErrorKind::input);
    return error.message();
  }
  FAIL("no error");
  return {};
}

std::string bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Opens a checkpoint for writing and lets `edit` change it behind the program's back.
void edit(const std::string& path, const std::function<void(hid_t)>& change) {
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  REQUIRE(file >= 0);
  change(file);
  REQUIRE(H5Fclose(file) >= 0);
}

void set_text(hid_t file, const char* name, const std::string& text) {
  H5Adelete(file, name);
  const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, text.size());
  const hid_t id = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  REQUIRE(H5Awrite(id, type, text.data()) >= 0);
  H5Aclose(id), H5Sclose(space), H5Tclose(type);
}

}  // namespace

TEST_CASE("a checkpoint is read back as it was written") {
  const TempDir dir;
  const std::string path = dir.file("model.h5");
  Checkpoint a = test::tiny_model();
  surrogate::write_checkpoint(path, a);
  const Checkpoint b = surrogate::read_checkpoint(path);
  CHECK(b.fingerprint == a.fingerprint);
  CHECK(b.fingerprint.size() == 64);
  CHECK(b.name == a.name);
  CHECK(surrogate::config_to_json(b.config) == surrogate::config_to_json(a.config));
  CHECK(surrogate::summary_json(b) == surrogate::summary_json(a));
  REQUIRE(b.weights.size() == a.weights.size());
  for (const auto& [name, tensor] : a.weights) {
    CHECK(b.weights.at(name).shape == tensor.shape);
    CHECK(b.weights.at(name).values == tensor.values);
  }
  CHECK(b.config.radius == a.config.radius);  // to the last bit
  CHECK(b.normalizer.branch[1].mean == a.normalizer.branch[1].mean);
  CHECK(b.sampling.volume_mesh.boxes.size() == a.sampling.volume_mesh.boxes.size());

  const std::string image = bytes(path);
  const std::vector<unsigned char> memory(image.begin(), image.end());
  CHECK(surrogate::read_checkpoint(memory, "memory").fingerprint == a.fingerprint);

  surrogate::write_checkpoint(dir.file("again.h5"), a);
  CHECK(bytes(dir.file("again.h5")) == image);
}

TEST_CASE("the fingerprint covers weights and description") {
  const TempDir dir;
  Checkpoint a = test::tiny_model();
  surrogate::write_checkpoint(dir.file("a.h5"), a);
  Checkpoint b = a;
  b.weights.begin()->second.values[0] += 1e-3f;
  surrogate::write_checkpoint(dir.file("b.h5"), b);
  CHECK(b.fingerprint != a.fingerprint);
  b = a;
  b.normalizer.branch[0].std[0] *= 1.0000001;
  surrogate::write_checkpoint(dir.file("b.h5"), b);
  CHECK(b.fingerprint != a.fingerprint);
}

TEST_CASE("shapes of the training bodies travel along, outside of the fingerprint; damage to them is noticed") {
  const TempDir dir;
  Checkpoint a = test::tiny_model();
  surrogate::write_checkpoint(dir.file("bare.h5"), a);
  CHECK(surrogate::read_checkpoint(dir.file("bare.h5")).shapes.rows.empty());
  Checkpoint b = a;
  core::Rng rng(1, "shapes");
  for (int i = 0; i < 7; ++i) {
    b.shapes.cases.push_back("case " + std::to_string(i));
    b.shapes.rows.emplace_back();
    for (double& x : b.shapes.rows.back()) x = rng.normal();
  }
  surrogate::write_checkpoint(dir.file("b.h5"), b);
  CHECK(b.fingerprint == a.fingerprint);
  const Checkpoint c = surrogate::read_checkpoint(dir.file("b.h5"));
  CHECK(c.shapes.cases == b.shapes.cases);
  CHECK(c.shapes.rows == b.shapes.rows);
  CHECK_THAT(surrogate::summary_text(c), ContainsSubstring("descriptors of 7 training bodies"));

  const auto copy = [&] { return bytes(dir.file("b.h5")); };
  const auto damaged = [&](const std::function<void(hid_t)>& change) {
    dir.write("damaged.h5", copy());
    edit(dir.file("damaged.h5"), [&](hid_t file) {
      const hid_t group = H5Gopen2(file, "/shapes", H5P_DEFAULT);
      change(group);
      H5Gclose(group);
    });
    return checkpoint_error([&] { surrogate::read_checkpoint(dir.file("damaged.h5")); });
  };
  CHECK_THAT(damaged([](hid_t group) { set_text(group, "cases", R"(["x"])"); }), ContainsSubstring("descriptors"));
  CHECK_THAT(damaged([](hid_t group) { set_text(group, "cases", "7"); }), ContainsSubstring("not a list"));
  CHECK_THAT(damaged([](hid_t group) { set_text(group, "sha256", std::string(64, '0')); }),
             ContainsSubstring("checksum"));
  CHECK_THAT(damaged([](hid_t group) { H5Adelete(group, "sha256"); }), ContainsSubstring("sha256"));
  // Descriptors this program does not know are no error: they cannot be compared, that is all.
  dir.write("other.h5", copy());
  edit(dir.file("other.h5"), [](hid_t file) {
    const hid_t group = H5Gopen2(file, "/shapes", H5P_DEFAULT);
    set_text(group, "names", R"(["other"])");
    H5Gclose(group);
  });
  CHECK(surrogate::read_checkpoint(dir.file("other.h5")).shapes.rows.empty());
}

TEST_CASE("decoders are written, read, shown, and part of the fingerprint; a wrong one is refused") {
  const TempDir dir;
  Checkpoint a = test::tiny_model();
  surrogate::write_checkpoint(dir.file("direct.h5"), a);
  CHECK_THAT(surrogate::summary_json(a), !ContainsSubstring("\"decoder\""));
  CHECK_THAT(surrogate::summary_text(a), ContainsSubstring("all fields direct"));
  Checkpoint b = a;
  b.normalizer.branch[1].fields[2].decoder = physics::Decoder::curl;
  surrogate::write_checkpoint(dir.file("curl.h5"), b);
  CHECK(b.fingerprint != a.fingerprint);
  const Checkpoint back = surrogate::read_checkpoint(dir.file("curl.h5"));
  CHECK(back.normalizer.branch[1].fields == b.normalizer.branch[1].fields);
  CHECK_THAT(surrogate::summary_text(back), ContainsSubstring("vorticity as the curl of velocity, the others direct"));
  CHECK_THAT(surrogate::summary_json(back),
             ContainsSubstring("\"decoder\": \"curl\"") && ContainsSubstring("\"vorticity\": \"curl\""));

  b.normalizer.branch[1].fields[1].decoder = physics::Decoder::potential;
  CHECK_THAT(checkpoint_error([&] { surrogate::write_checkpoint(dir.file("potential.h5"), b); }),
             ContainsSubstring("deviations of volume velocity are 0.3, 0.12, 0.13"));
  b.normalizer.branch[1].std[2] = b.normalizer.branch[1].std[3] = 0.3;
  surrogate::write_checkpoint(dir.file("potential.h5"), b);
  CHECK_THAT(surrogate::summary_text(surrogate::read_checkpoint(dir.file("potential.h5"))),
             ContainsSubstring("velocity as the curl of a vector potential, vorticity as"));
  b.normalizer.branch[1].fields[0].decoder = physics::Decoder::curl;
  CHECK_THAT(checkpoint_error([&] { surrogate::write_checkpoint(dir.file("wrong.h5"), b); }),
             ContainsSubstring("'pressure' has the decoder 'curl'"));
}

TEST_CASE("members of a cross-validation become one model and are found in it again") {
  const TempDir dir;
  const auto member = [&](std::size_t k, const std::vector<std::string>& learned, const std::string& held_out) {
    Checkpoint c = test::tiny_model(k);
    c.fold = {k, 3, "trainval", {held_out}};
    c.training_range.front().min = 0.5 + 0.1 * static_cast<double>(k);
    c.shapes.cases = learned;
    for (const std::string& name : learned) c.shapes.rows.push_back({static_cast<double>(name.back())});
    surrogate::write_checkpoint(dir.file(core::str("m", k, ".h5")), c);
    return c;
  };
  const Checkpoint one = member(1, {"b", "c"}, "a"), two = member(2, {"a", "c"}, "b");
  member(3, {"a", "b"}, "c");
  Checkpoint joined = surrogate::join_members({dir.file("m1.h5"), dir.file("m2.h5"), dir.file("m3.h5")});
  CHECK(joined.members() == 3);
  CHECK(joined.test_errors.empty());
  CHECK(joined.training_range.front().min == Catch::Approx(0.6));
  surrogate::write_checkpoint(dir.file("all.h5"), joined);
  const Checkpoint all = surrogate::read_checkpoint(dir.file("all.h5"));
  CHECK(all.fingerprint == joined.fingerprint);
  CHECK(all.fingerprint != one.fingerprint);
  REQUIRE(all.members() == 3);
  CHECK(all.shapes.cases == std::vector<std::string>{"b", "c", "a"});
  CHECK(all.member(0).weights.begin()->second.values == one.weights.begin()->second.values);
  const Checkpoint second = all.member(1);
  CHECK(second.members() == 1);
  CHECK(second.weights.begin()->second.values == two.weights.begin()->second.values);
  CHECK(second.fold.fold == 2);
  CHECK(second.fold.held_out == std::vector<std::string>{"b"});
  CHECK(second.shapes.cases == std::vector<std::string>{"c", "a"});
  CHECK_THAT(surrogate::summary_text(all), ContainsSubstring("members        3, whose mean is the answer") &&
                                               ContainsSubstring("fold           3 of 3 of 'trainval'"));

  Checkpoint other = test::tiny_model(4);
  other.normalizer.branch[0].std[0] *= 1.1;
  surrogate::write_checkpoint(dir.file("other.h5"), other);
  CHECK_THAT(checkpoint_error([&] { surrogate::join_members({dir.file("all.h5"), dir.file("other.h5")}); }),
             ContainsSubstring("other.h5': the fields, their means and deviations") && ContainsSubstring("all.h5'"));
  edit(dir.file("all.h5"), [](hid_t file) { H5Ldelete(file, "/members/2", H5P_DEFAULT); });
  CHECK_THAT(checkpoint_error([&] { surrogate::read_checkpoint(dir.file("all.h5")); }),
             ContainsSubstring("there is no '/members/2/weights'"));
}

TEST_CASE("another description may turn vorticity into a curl and back, but not velocity into a potential") {
  const TempDir dir;
  const std::string models = STREAMTUBE_SOURCE_DIR "/data_samples/models/";
  const std::string model = models + "ahmed_baseline.h5", text = bytes(models + "ahmed_baseline.json");
  const auto with = [&](const std::string& field, const char* decoder) {
    std::string other = text;
    const auto name = other.find("\"name\": \"" + field + "\"");
    REQUIRE(name != std::string::npos);
    return dir.write("description.json", other.insert(name, core::str("\"decoder\": \"", decoder, "\", ")));
  };
  const Checkpoint direct = surrogate::read_checkpoint(model);
  Checkpoint curl = surrogate::describe_again(direct, with("vorticity", "curl"), model);
  CHECK(curl.normalizer.branch[1].fields[2].decoder == physics::Decoder::curl);
  CHECK(curl.fingerprint != direct.fingerprint);
  CHECK(curl.normalizer.branch[1].std == direct.normalizer.branch[1].std);
  surrogate::write_checkpoint(dir.file("curl.h5"), curl);
  const Checkpoint again = surrogate::describe_again(surrogate::read_checkpoint(dir.file("curl.h5")),
                                                     with("vorticity", "direct"), "curl.h5");
  CHECK(again.normalizer.branch[1].fields == direct.normalizer.branch[1].fields);
  CHECK_THAT(checkpoint_error([&] { surrogate::describe_again(direct, with("velocity", "potential"), model); }),
             ContainsSubstring("volume fields are not those of"));
}

TEST_CASE("the configuration survives JSON and unknown keys are refused") {
  surrogate::AbuptConfig config;
  config.radius = 0.1234567f;
  config.message = surrogate::Message::absolute;
  const std::string text = surrogate::config_to_json(config);
  const auto again = surrogate::config_from_json(text, "here");
  CHECK(again.radius == config.radius);
  CHECK(again.norm_eps == config.norm_eps);
  CHECK(again.message == config.message);
  CHECK(surrogate::config_to_json(again) == text);
  CHECK_THAT(checkpoint_error([&] { surrogate::config_from_json("{\"hidden\": 12", "here"); }),
             ContainsSubstring("here: is not valid JSON"));
  std::string other = text;
  other.insert(1, "\"drop\": 1, ");
  CHECK_THAT(checkpoint_error([&] { surrogate::config_from_json(other, "here"); }),
             ContainsSubstring("'drop' is not known"));
  other = text;
  other.replace(other.find("\"heads\":3"), 9, "\"heads\":3e9");
  CHECK_THAT(checkpoint_error([&] { surrogate::config_from_json(other, "here"); }), ContainsSubstring("heads"));
}

TEST_CASE("checkpoints that are not what they should be") {
  const TempDir dir;
  const std::string path = dir.file("model.h5");
  Checkpoint model = test::tiny_model();
  surrogate::write_checkpoint(path, model);
  const auto load = [&] { surrogate::read_checkpoint(path); };
  const std::string first = model.weights.begin()->first, weight = "/weights/" + first;

  SECTION("another HDF5 file") {
    mesh_io::H5File::create(path).close();
    CHECK_THAT(checkpoint_error(load), ContainsSubstring("not a Streamtube checkpoint"));
  }
  SECTION("another format version") {
    edit(path, [](hid_t file) {
      const hid_t id = H5Aopen(file, "format_version", H5P_DEFAULT);
      const std::int64_t version = 99;
      H5Awrite(id, H5T_NATIVE_INT64, &version);
      H5Aclose(id);
    });
    CHECK_THAT(checkpoint_error(load), ContainsSubstring("version 99"));
  }
  SECTION("a weight is missing") {
    edit(path, [&](hid_t file) { H5Ldelete(file, weight.c_str(), H5P_DEFAULT); });
    CHECK_THAT(checkpoint_error(load), ContainsSubstring("'" + first + "' is missing"));
  }
  SECTION("a weight too many") {
    edit(path,
         [&](hid_t file) { H5Gclose(H5Gcreate2(file, "/weights/extra", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)); });
    CHECK_THAT(checkpoint_error(load), ContainsSubstring("'extra' does not belong"));
  }
  SECTION("a weight of absurd size") {
    edit(path, [&](hid_t file) {
      H5Ldelete(file, weight.c_str(), H5P_DEFAULT);
      const hsize_t dims[2] = {hsize_t{1} << 40, hsize_t{1} << 20}, chunk[2] = {1, 1};
      const hid_t space = H5Screate_simple(2, dims, nullptr), creation = H5Pcreate(H5P_DATASET_CREATE);
      H5Pset_chunk(creation, 2, chunk);
      H5Dclose(H5Dcreate2(file, weight.c_str(), H5T_IEEE_F32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
      H5Pclose(creation), H5Sclose(space);
    });
    CHECK_THAT(checkpoint_error(load), ContainsSubstring("has the shape 1099511627776 x 1048576 where the model has"));
  }
  SECTION("a weight is not finite") {
    edit(path, [&](hid_t file) {
      std::vector<float> values = model.weights.begin()->second.values;
      values[1] = std::numeric_limits<float>::quiet_NaN();
      const hid_t id = H5Dopen2(file, weight.c_str(), H5P_DEFAULT);
      H5Dwrite(id, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
      H5Dclose(id);
    });
    CHECK_THAT(checkpoint_error(load), ContainsSubstring("'" + first + "', element 1 is nan"));
  }
  SECTION("a weight was changed") {
    edit(path, [&](hid_t file) {
      std::vector<float> values = model.weights.begin()->second.values;
      values[1] += 0.5f;
      const hid_t id = H5Dopen2(file, weight.c_str(), H5P_DEFAULT);
      H5Dwrite(id, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
      H5Dclose(id);
    });
    CHECK_THAT(checkpoint_error(load), ContainsSubstring("does not match the recorded fingerprint"));
  }
  SECTION("an absurd configuration") {
    surrogate::AbuptConfig config = model.config;
    std::string text = surrogate::config_to_json(config);
    const std::string from = core::str("\"hidden\":", config.hidden);
    text.replace(text.find(from), from.size(), "\"hidden\":900000");
    edit(path, [&](hid_t file) { set_text(file, "config", text); });
    CHECK_THAT(checkpoint_error(load), ContainsSubstring("hidden"));
  }
  SECTION("statistics of the wrong length") {
    edit(path, [&](hid_t file) {
      set_text(
          file, "normalizer",
          R"({"position_origin":0,"position_extent":1,"surface":{"fields":[],"mean":[],"std":[]},"volume":{"fields":[],"mean":[],"std":[]}})");
    });
    CHECK_THAT(checkpoint_error(load), ContainsSubstring("surface fields have 0 components"));
  }
  SECTION("text that is no JSON") {
    edit(path, [&](hid_t file) { set_text(file, "sampling", "{nonsense"); });
    CHECK_THAT(checkpoint_error(load), ContainsSubstring("'sampling': is not valid JSON"));
  }
}

TEST_CASE("damage anywhere in a checkpoint is an error or changes nothing, never a crash") {
  const TempDir dir;
  Checkpoint model = test::tiny_model();
  surrogate::write_checkpoint(dir.file("model.h5"), model);
  const std::string whole = bytes(dir.file("model.h5"));
  core::Rng rng(1, "damage");
  int refused = 0;
  for (int trial = 0; trial < 150; ++trial) {
    std::string damaged = whole;
    // Half of the trials in the first kilobytes, where the structure is.
    const std::size_t range = trial % 2 ? std::min<std::size_t>(4096, whole.size()) : whole.size();
    const std::size_t at = rng.below(range);
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << rng.below(8)));
    const std::string path = dir.write("damaged.h5", damaged);
    try {
      const Checkpoint loaded = surrogate::read_checkpoint(path);
      CHECK(loaded.fingerprint == model.fingerprint);
    } catch (const Error& error) {
      CHECK(error.kind() == core::ErrorKind::input);
      ++refused;
    }
  }
  CHECK(refused > 30);  // the test can fail: most bytes matter
}

TEST_CASE("the sample models can be read and are those of their descriptions") {
  const Checkpoint built_in = surrogate::read_checkpoint(STREAMTUBE_SOURCE_DIR "/data_samples/models/ahmed.h5");
  CHECK(built_in.name == "ahmed");
  CHECK(built_in.normalizer.symmetric);
  CHECK(built_in.provenance ==
        surrogate::read_description(STREAMTUBE_SOURCE_DIR "/data_samples/models/ahmed.json").provenance);
  const Checkpoint model = surrogate::read_checkpoint(STREAMTUBE_SOURCE_DIR "/data_samples/models/ahmed_baseline.h5");
  CHECK(model.name == "ahmed_baseline");
  CHECK(model.parameters() == 1305899);
  CHECK(model.normalizer.position_origin == -1.5);
  CHECK(model.sampling.anchors[0] == 1024);
}

TEST_CASE("a relative box hangs on the body") {
  surrogate::RelativeBox box;
  box.low_anchor = {1, 0, 0};
  box.low_offset = {-0.35, -0.1, 0};
  box.high_anchor = {1, 1, 0.5};
  box.high_offset = {0.45, 0.1, 0};
  Box body;
  body.low = {1, -1, 0};
  body.high = {3, 1, 2};
  const Box result = box.around(body);
  CHECK(result.low == Vec3{2.65, -1.1, 0});
  CHECK(result.high == Vec3{3.45, 1.1, 1});
}
