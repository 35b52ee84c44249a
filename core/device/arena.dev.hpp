#pragma once
// Scratch memory of a device: one block, taken from and given back in stack order.
//
//   Arena<Space> arena;
//   arena.measure([&] { pass(arena); });   // runs with addresses that mean nothing and counts; ops return early
//   pass(arena);                           // runs for real, one allocation at most
//
// With STREAMTUBE_POISON_ARENA released memory is filled with NaN, so that reading it shows.

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "core/error.hpp"

namespace streamtube::core {

template <class Space>
class Arena {
 public:
  static constexpr std::size_t alignment = 256;  // bytes

  // Gives back what was taken since its making.
  class Scope {
   public:
    explicit Scope(Arena& arena) : arena_(arena), mark_(arena.used_) {}
    ~Scope() { arena_.release(mark_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Arena& arena_;
    std::size_t mark_;
  };

  template <class T>
  T* take(std::size_t count) {
    const std::size_t bytes = (count * sizeof(T) + alignment - 1) / alignment * alignment;
    std::byte* at = base() + used_;
    used_ += bytes;
    if (used_ > peak_) peak_ = used_;
    if (!measuring_ && used_ > block_.size())
      throw Error(ErrorKind::internal, str("arena: ", used_, " bytes needed, ", block_.size(), " were measured"));
    return reinterpret_cast<T*>(at);
  }

  bool measuring() const { return measuring_; }
  std::size_t capacity() const { return block_.size(); }

  // Counts what `pass` takes and makes the block at least that large. Throws Error(runtime) when there is not so much.
  template <class Pass>
  void measure(Pass&& pass) {
    const std::size_t bytes = measured(pass);
    if (bytes <= block_.size()) return;
    block_ = {};
    try {
      block_ = Block(Kokkos::view_alloc(Kokkos::WithoutInitializing, "streamtube::core::Arena::block"), bytes);
    } catch (const std::exception&) {
      throw Error(ErrorKind::runtime, str("not enough device memory: ", bytes / 1048576, " MiB of scratch needed"),
                  "use a smaller query chunk or fewer anchors");
    }
    poison(0);
  }

  // The same, without allocating.
  template <class Pass>
  std::size_t measured(Pass&& pass) {
    expect(used_ == 0 && !measuring_, "arena: measuring inside a pass");
    measuring_ = true;
    peak_ = 0;
    try {
      pass();
    } catch (...) {
      measuring_ = false;
      used_ = 0;
      throw;
    }
    measuring_ = false;
    return peak_;
  }

 private:
  using Block = Kokkos::View<std::byte*, typename Space::memory_space>;

  // While measuring, an aligned address nobody reads.
  std::byte* base() const { return measuring_ ? reinterpret_cast<std::byte*>(std::uintptr_t{alignment}) : block_.data(); }
  void release(std::size_t mark) {
    used_ = mark;
    poison(mark);
  }
  void poison([[maybe_unused]] std::size_t from) {
#ifdef STREAMTUBE_POISON_ARENA
    if (measuring_ || block_.size() <= from) return;
    Kokkos::View<float*, typename Space::memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>> rest(
        reinterpret_cast<float*>(block_.data() + from), (block_.size() - from) / sizeof(float));
    Kokkos::deep_copy(rest, std::numeric_limits<float>::quiet_NaN());
#endif
  }

  Block block_;
  std::size_t used_ = 0, peak_ = 0;
  bool measuring_ = false;
};

}  // namespace streamtube::core
