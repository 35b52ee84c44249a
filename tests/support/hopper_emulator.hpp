#pragma once
// The instructions of surrogate/backends/hopper_attention_kernel.hpp on the CPU, after the PTX ISA's description of
// them: a thread for each of the device's, tiles swizzled as TMA does, matrix descriptors decoded bit by bit. It is as
// unkind as the hardware may be: copies land at once, products read and write their registers and tiles only when they
// are waited for.

#include <barrier>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "surrogate/backends/hopper_attention_kernel.hpp"

namespace streamtube::test {

using surrogate::Bf16;

// A matrix tiles are copied from; rows beyond the last read as zero.
struct TileMap {
  const Bf16* data = nullptr;
  std::int64_t rows = 0;
  int width = 0, box_rows = 0;
};

// What the threads of a block share.
class HopperBlock {
 public:
  static constexpr int threads = surrogate::cuda::HopperAttentionShape::threads, group = 128;

  explicit HopperBlock(unsigned char* memory) : memory_(memory), all_(threads), lanes_(threads) {
    for (int i = 0; i < threads / group; ++i) groups_.push_back(std::make_unique<std::barrier<>>(group));
    for (int i = 0; i < threads / 32; ++i) warps_.push_back(std::make_unique<std::barrier<>>(32));
    for (auto& p : pending_) p.clear();
  }

  struct Product {
    float* d;
    const std::uint32_t* a;  // registers; null: left operand in shared memory
    std::uint64_t left, right;
    bool add;
  };

  void synchronize() { all_.arrive_and_wait(); }
  void start(const void* barrier, int arrivals) {
    const std::lock_guard lock(mutex_);
    barriers_[barrier] = {arrivals, arrivals, 0, 0};
  }
  void arrive(const void* barrier, int arrivals, std::int64_t bytes) {
    const std::lock_guard lock(mutex_);
    Barrier& b = barriers_.at(barrier);
    b.pending -= arrivals, b.bytes += bytes;
    if (b.pending == 0 && b.bytes == 0) ++b.phase, b.pending = b.arrivals;
    changed_.notify_all();
  }
  void wait(const void* barrier, int parity) {
    std::unique_lock lock(mutex_);
    Barrier& b = barriers_.at(barrier);
    if (!changed_.wait_for(lock, std::chrono::seconds(60), [&] { return (b.phase & 1) != parity; }))
      std::terminate();  // nobody will ever come
  }
  float exchange(int thread, float x, int lanes) {
    lanes_[static_cast<std::size_t>(thread)] = x;
    std::barrier<>& warp = *warps_[static_cast<std::size_t>(thread / 32)];
    warp.arrive_and_wait();
    const float other = lanes_[static_cast<std::size_t>(thread ^ lanes)];
    warp.arrive_and_wait();
    return other;
  }

  void issue(int thread, const Product& product) { issued_[thread].push_back(product); }
  void commit(int thread) { pending_[thread].push_back(std::move(issued_[thread])), issued_[thread].clear(); }
  // All threads of a group together.
  void finish(int thread, std::size_t left) {
    std::barrier<>& together = *groups_[static_cast<std::size_t>(thread / group)];
    together.arrive_and_wait();
    if (thread % group == 0)
      for (const int first = thread; pending_[first].size() > left;) {
        for (std::size_t i = 0; i < pending_[first].front().size(); ++i) multiply(first, i);
        for (int t = first; t < first + group; ++t) pending_[t].pop_front();
      }
    together.arrive_and_wait();
  }

  std::uint32_t address(const void* pointer) const {
    return static_cast<std::uint32_t>(static_cast<const unsigned char*>(pointer) - memory_);
  }
  // 16-byte units within eight rows of 128 bytes, exchanged.
  static std::uint32_t swizzled(std::uint32_t address) { return address ^ (address >> 7 & 7u) << 4; }
  void copy(const TileMap& map, Bf16* to, int column, int row, const void* barrier) {
    for (int r = 0; r < map.box_rows; ++r)
      for (int c = 0; c < 64; ++c) {
        const bool inside = row + r < map.rows && column + c < map.width;
        const Bf16 x = inside ? map.data[(row + r) * std::int64_t{map.width} + column + c] : Bf16{0};
        std::memcpy(memory_ + swizzled(address(to) + static_cast<std::uint32_t>(128 * r + 2 * c)), &x, sizeof x);
      }
    arrive(barrier, 0, -std::int64_t{128} * map.box_rows);
  }

 private:
  struct Barrier {
    int arrivals, pending;
    std::int64_t bytes;
    int phase;
  };

  // Element of a tile in shared memory: `line` and `place` along the contiguous dimension and across it.
  float element(std::uint64_t descriptor, int across, int along) const {
    if (descriptor >> 62 != 1 || (descriptor >> 49 & 7) != 0 || along >= 64) std::terminate();
    const auto start = static_cast<std::uint32_t>(descriptor & 0x3fff) << 4,
               stride = static_cast<std::uint32_t>(descriptor >> 32 & 0x3fff) << 4;
    const std::uint32_t at = start + static_cast<std::uint32_t>(across / 8) * stride +
                             static_cast<std::uint32_t>(across % 8 * 128 + along * 2);
    Bf16 x;
    std::memcpy(&x, memory_ + swizzled(at), sizeof x);
    return surrogate::to_float(x);
  }

  // The index-th product of the oldest group, for all threads from `first` on.
  void multiply(int first, std::size_t index) {
    const Product& p = pending_[first].front()[index];
    const int columns = p.a ? 64 : 128;
    std::vector<float> sums(group * 64);
    for (int t = 0; t < group; ++t) {
      const Product& mine = pending_[first + t].front()[index];
      if (mine.right != p.right || mine.left != p.left) std::terminate();
      for (int i = 0; i < columns / 2; ++i) {
        const int row = t / 32 * 16 + t % 32 / 4 + i / 2 % 2 * 8, column = i / 4 * 8 + t % 4 * 2 + i % 2;
        float sum = mine.add ? mine.d[i] : 0.0f;
        for (int k = 0; k < 16; ++k)
          sum += p.a ? left_register(first, index, row, k) * element(p.right, k, column)
                     : element(p.left, row, k) * element(p.right, column, k);
        sums[static_cast<std::size_t>(t * 64 + i)] = sum;
      }
    }
    for (int t = 0; t < group; ++t)
      for (int i = 0; i < columns / 2; ++i)
        pending_[first + t].front()[index].d[i] = sums[static_cast<std::size_t>(t * 64 + i)];
  }
  float left_register(int first, std::size_t index, int row, int k) const {
    const int lane = row % 8 * 4 + k % 8 / 2, word = row % 16 / 8 + k / 8 * 2;
    const std::uint32_t pair = pending_[first + row / 16 * 32 + lane].front()[index].a[word];
    return surrogate::to_float({static_cast<std::uint16_t>(k % 2 ? pair >> 16 : pair & 0xffff)});
  }

  unsigned char* memory_;
  std::barrier<> all_;
  std::vector<std::unique_ptr<std::barrier<>>> groups_, warps_;
  std::vector<float> lanes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<const void*, Barrier> barriers_;
  std::vector<Product> issued_[threads];
  std::deque<std::vector<Product>> pending_[threads];
};

// A thread of the block.
class HopperThread {
 public:
  HopperThread(HopperBlock& block, int thread, int x, int y, int z) : b_(block), thread_(thread), at_{x, y, z} {}
  int thread() const { return thread_; }
  int block_x() const { return at_[0]; }
  int block_y() const { return at_[1]; }
  int block_z() const { return at_[2]; }
  void synchronize() { b_.synchronize(); }
  std::uint32_t address(const void* pointer) const { return b_.address(pointer); }
  void barrier_start(std::uint64_t* barrier, int arrivals) { b_.start(barrier, arrivals); }
  void barriers_started() {}
  void expect(std::uint64_t* barrier, std::size_t bytes) { b_.arrive(barrier, 1, static_cast<std::int64_t>(bytes)); }
  void arrive(std::uint64_t* barrier) { b_.arrive(barrier, 1, 0); }
  void wait(std::uint64_t* barrier, int parity) { b_.wait(barrier, parity); }
  void copy_tile(const TileMap* map, Bf16* to, int column, int row, std::uint64_t* barrier) {
    b_.copy(*map, to, column, row, barrier);
  }
  template <int Count>
  void lower_registers() {}
  template <int Count>
  void raise_registers() {}
  template <int Size>
  void fence_operands(float (&)[Size]) {}
  void fence() {}
  void order(float) {}
  void commit() { b_.commit(thread_); }
  template <int Left>
  void wait_products() {
    b_.finish(thread_, Left);
  }
  void multiply_scores(float (&d)[64], std::uint64_t a, std::uint64_t b, bool add) {
    b_.issue(thread_, {d, nullptr, a, b, add});
  }
  void multiply_values(float (&d)[32], const std::uint32_t* a, std::uint64_t b) {
    b_.issue(thread_, {d, a, 0, b, true});
  }
  float exp2(float x) const { return std::exp2(x); }
  float infinity() const { return std::numeric_limits<float>::infinity(); }
  std::uint32_t as_bits(float x) const { return std::bit_cast<std::uint32_t>(x); }
  float as_float(std::uint32_t x) const { return std::bit_cast<float>(x); }
  float from_lane(float x, int lanes) { return b_.exchange(thread_, x, lanes); }
  std::uint32_t pack(float low, float high) const {
    return surrogate::to_bf16(low).bits | std::uint32_t{surrogate::to_bf16(high).bits} << 16;
  }
  void store(Bf16* to, std::uint32_t pair) { std::memcpy(to, &pair, sizeof pair); }

 private:
  HopperBlock& b_;
  int thread_, at_[3];
};

// Runs every block of the grid, one after the other.
inline void run_hopper_attention(const surrogate::cuda::HopperAttentionArguments<TileMap>& arguments, int x, int y,
                                 int z) {
  using Kernel = surrogate::cuda::HopperAttentionKernel<HopperThread, TileMap>;
  for (int block = 0; block < x * y * z; ++block) {
    const auto shared = std::make_unique<surrogate::cuda::HopperAttentionShared>();
    HopperBlock state(reinterpret_cast<unsigned char*>(shared.get()));
    std::vector<std::thread> threads;
    for (int t = 0; t < HopperBlock::threads; ++t)
      threads.emplace_back([&, t] {
        HopperThread machine(state, t, block % x, block / x % y, block / (x * y));
        Kernel::run(machine, *shared, arguments);
      });
    for (auto& thread : threads) thread.join();
  }
}

}  // namespace streamtube::test
