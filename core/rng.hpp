#pragma once
// Random numbers that are the same on every machine: a counter-based generator with named streams.
//
//   Rng rng(seed, "surface anchors");   another name, another independent stream

#include <cstdint>
#include <string_view>

namespace streamtube::core {

// Philox 4x32-10 (Salmon et al., SC 2011).
class Rng {
 public:
  Rng(std::uint64_t seed, std::string_view stream);
  std::uint32_t next_u32();
  std::uint64_t next_u64();
  double uniform();                         // [0, 1), 53 bits
  std::uint64_t below(std::uint64_t n);     // [0, n), unbiased; n > 0
  double normal();                          // mean 0, deviation 1

  // Where the stream is; enough to continue it bit for bit.
  struct State {
    std::uint64_t key = 0, counter = 0;
    std::uint32_t used = 4;
  };
  State state() const;
  void restore(const State& state);

 private:
  void refill();
  std::uint64_t key_ = 0, counter_ = 0;
  std::uint32_t block_[4] = {0, 0, 0, 0}, used_ = 4;
};

}  // namespace streamtube::core
