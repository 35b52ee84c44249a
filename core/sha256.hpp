#pragma once
// SHA-256 (FIPS 180-4), for fingerprints of files and checkpoints.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace streamtube::core {

class Sha256 {
 public:
  Sha256();
  void update(const void* data, std::size_t bytes);
  void update(std::string_view text) { update(text.data(), text.size()); }
  std::string hex() const;  // of all data so far, 64 lower-case digits; update() may go on afterwards

 private:
  void block(const unsigned char* data);
  std::array<std::uint32_t, 8> state_;
  std::uint64_t length_ = 0;  // bytes
  unsigned char buffer_[64];
};

std::string sha256(std::string_view text);  // hex

}  // namespace streamtube::core
