#pragma once
// Random numbers that are the same on every machine: a counter-based generator with named streams.
//
//   Rng rng(seed, "surface anchors");   another name, another independent stream

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace streamtube::core {

// The block function of Philox 4x32 with 10 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// 2011).
std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// The key is the seed; the counter's upper half is a hash of the stream's name, its lower half counts blocks. Streams
// of one seed, and seeds of one stream, therefore never overlap.
class Rng {
 public:
  Rng(std::uint64_t seed, std::string_view stream);
  std::uint32_t next_u32();
  std::uint64_t next_u64();
  double uniform();                      // [0, 1), 53 bits
  std::uint64_t below(std::uint64_t n);  // [0, n), unbiased; n > 0
  double normal();                       // mean 0, deviation 1; the last digit depends on the C library's log and cos

  // Where the stream is; enough to continue it bit for bit.
  struct State {
    std::uint64_t key = 0, stream = 0, counter = 0;  // counter: the next block
    std::uint32_t used = 4;                          // words taken from the block before it
  };
  State state() const { return {key_, stream_, counter_, used_}; }
  void restore(const State& state);

 private:
  void refill();
  std::uint64_t key_ = 0, stream_ = 0, counter_ = 0;
  std::array<std::uint32_t, 4> block_{};
  std::uint32_t used_ = 4;
};

// n distinct indices out of 0..count-1 in random order; all of them, shuffled, when n >= count.
std::vector<std::int64_t> sample_indices(Rng& rng, std::size_t count, std::size_t n);

}  // namespace streamtube::core
