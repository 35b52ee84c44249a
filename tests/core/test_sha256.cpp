#include <catch2/catch_test_macros.hpp>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/sha256.hpp"
#include "tests/support/temp_dir.hpp"

using namespace streamtube::core;

TEST_CASE("SHA-256 gives the answers of NIST") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(
      sha256("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrst"
             "nopqrstu") == "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  CHECK(sha256(std::string(1000000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("SHA-256 does not depend on how the data is cut") {
  std::string text;
  for (int i = 0; i < 300; ++i) text += char(i * 7);
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const std::string whole = sha256(text.substr(0, length));
    Sha256 pieces;
    for (std::size_t at = 0, step = 1; at < length; at += step, step = step % 67 + 13)
      pieces.update(text.data() + at, std::min(step, length - at));
    REQUIRE(pieces.hex() == whole);
    REQUIRE(pieces.hex() == whole);  // asking changes nothing
  }
}

TEST_CASE("sha256_file reads a file, and says which it cannot read") {
  const streamtube::test::TempDir dir;
  CHECK(sha256_file(dir.write("a", "abc")) == sha256("abc"));
  CHECK(sha256_file(dir.write("big", std::string(3000001, 'x'))) == sha256(std::string(3000001, 'x')));
  for (const auto& path : {dir.file("missing"), dir.path().string()}) {
    try {
      sha256_file(path);
      FAIL("no error for " << path);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::input);
      CHECK(error.message().find(path) != std::string::npos);
    }
  }
}
