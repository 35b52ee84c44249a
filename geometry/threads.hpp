#pragma once
// The threads of the host part. Work is cut in blocks whose borders depend on the work alone, so results never depend
// on the number of threads.

#include <cstddef>
#include <functional>

namespace streamtube::geometry {

// 0 (the start value): all that this process may use.
void set_thread_count(int threads);
int thread_count();

// work(begin, end) for every block of at most `block` out of 0..n-1, on all threads and in any order. The first
// exception is thrown on after all threads have stopped; an interrupt (core/runtime.hpp) is asked for between blocks.
void for_blocks(std::size_t n, std::size_t block, const std::function<void(std::size_t, std::size_t)>& work);

}  // namespace streamtube::geometry
