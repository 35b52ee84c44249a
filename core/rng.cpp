#include "core/rng.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.hpp"

namespace streamtube::core {

std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t(0xD2511F53u) * c[0], b = std::uint64_t(0xCD9E8D57u) * c[2];
    c = {std::uint32_t(b >> 32) ^ c[1] ^ k[0], std::uint32_t(b), std::uint32_t(a >> 32) ^ c[3] ^ k[1],
         std::uint32_t(a)};
    k[0] += 0x9E3779B9u;
    k[1] += 0xBB67AE85u;
  }
  return c;
}

Rng::Rng(std::uint64_t seed, std::string_view stream) : key_(seed), stream_(0xcbf29ce484222325ull) {
  for (const char letter : stream) stream_ = (stream_ ^ std::uint8_t(letter)) * 0x100000001b3ull;  // FNV-1a
}

void Rng::refill() {
  block_ = philox4x32_10(
      {std::uint32_t(counter_), std::uint32_t(counter_ >> 32), std::uint32_t(stream_), std::uint32_t(stream_ >> 32)},
      {std::uint32_t(key_), std::uint32_t(key_ >> 32)});
  ++counter_;
  used_ = 0;
}

void Rng::restore(const State& state) {
  require(state.used <= 4 && (state.used == 4 || state.counter > 0), ErrorKind::input,
          "the state of a random stream is out of range");
  key_ = state.key;
  stream_ = state.stream;
  counter_ = state.counter;
  used_ = 4;
  if (state.used < 4) {
    --counter_;
    refill();
    used_ = state.used;
  }
}

std::uint32_t Rng::next_u32() {
  if (used_ == 4) refill();
  return block_[used_++];
}

std::uint64_t Rng::next_u64() {
  const std::uint64_t low = next_u32();
  return low | std::uint64_t(next_u32()) << 32;
}

double Rng::uniform() { return double(next_u64() >> 11) * 0x1p-53; }

std::uint64_t Rng::below(std::uint64_t n) {
  expect(n > 0, "Rng::below: n must be positive");
  // Lemire's multiply and shift; the few products that would favour some results are drawn again.
  const std::uint64_t limit = -n % n;
  for (;;) {
    const auto product = static_cast<unsigned __int128>(next_u64()) * n;
    if (std::uint64_t(product) >= limit) return std::uint64_t(product >> 64);
  }
}

double Rng::normal() {
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));
  return radius * std::cos(6.283185307179586476925 * uniform());
}

// A partial Fisher-Yates shuffle.
std::vector<std::int64_t> sample_indices(Rng& rng, std::size_t count, std::size_t n) {
  std::vector<std::int64_t> indices(count);
  std::iota(indices.begin(), indices.end(), 0);
  n = std::min(n, count);
  for (std::size_t i = 0; i < n; ++i) std::swap(indices[i], indices[i + rng.below(count - i)]);
  indices.resize(n);
  return indices;
}

}  // namespace streamtube::core
