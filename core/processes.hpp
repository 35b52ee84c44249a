#pragma once
// The processes that work on one run together, started by `mpirun -n N streamtube ...`. MPI itself is seen by
// processes.cpp alone; a program built without it, or started alone, is one process and everything here costs nothing.
//
//   const Processes processes = Processes::join();
//   processes.run([&] { ...; processes.sum(gradients); ... });
//
// Functions said to be collective are called by all processes in the same order. A process that fails between two of
// them does not leave the others waiting: each begins by asking whether all are well.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace streamtube::core {

class Processes {
 public:
  Processes() = default;  // this one alone
  // All that one mpirun started; starts MPI only where there are several. From then on only rank 0 logs. Collective,
  // once a program. Error(usage) when mpirun started several and this program cannot speak to them.
  static Processes join();
  ~Processes();
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  int rank() const { return rank_; }  // 0 .. size() - 1
  int size() const { return size_; }
  bool first() const { return rank_ == 0; }
  int on_this_host() const { return on_this_host_; }
  int rank_on_this_host() const { return rank_on_this_host_; }  // 0 .. on_this_host() - 1
  // Threads for this process: core::usable_threads(), shared with the processes of this host that may use the same
  // CPUs.
  int usable_threads() const;

  // Collective: does `work` here and waits until all have done theirs. What it throws on any process is thrown on all:
  // that of the lowest rank, as an Error that names the process, or Interrupted. The others learn of it in their next
  // collective call. Those that follow belong inside `work`.
  void run(const std::function<void()>& work) const;

  // Collective: the lowest rank that says yes; -1: none.
  int first_of(bool yes) const;
  bool any(bool yes) const { return first_of(yes) >= 0; }
  // Collective: whether all give the same bytes.
  bool same(std::string_view bytes) const;
  // Collective: the text of process `root` on all.
  void broadcast(std::string& text, int root) const;
  // Collective: element by element over the processes, in the order of their ranks and in double: the same bits on
  // every process and in every run. All give the same number of values. Needs as much memory again, 32 MiB at most.
  void sum(std::span<float> values) const;
  void sum(std::span<double> values) const;

  // Work that is pulled: collective once a program, then take() hands out 0, 1, 2, ... over all processes, each number
  // once, without waiting for anybody. From the thread that joined alone.
  void open_counter() const;
  std::int64_t take() const;
  // From now on take() gives what is beyond any work, to all.
  void close_counter() const;

 private:
  // What a process says of itself at the beginning of a collective call.
  struct Word {
    std::int64_t call, value;
  };
  Processes(int rank, int size);
  // All words, by rank; throws what a process failed with. failure: of this one, when its call is kFailed.
  std::vector<Word> meet(Word mine, std::string failure = {}) const;
  template <class T>
  void sum_in_order(std::span<T> values) const;

  int rank_ = 0, size_ = 1, on_this_host_ = 1, rank_on_this_host_ = 0;
  int usable_threads_ = 0;               // 0: not shared
  mutable bool failure_shared_ = false;  // all throw the same: nobody waits any more
  mutable std::int64_t next_ = 0;        // of take(), where this process is alone
};

// "Open MPI v4.1.4", or empty in a program built without MPI.
std::string mpi_library();

}  // namespace streamtube::core
