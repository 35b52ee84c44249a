#include "core/processes.hpp"

#include <sched.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <new>

#include "core/error.hpp"
#include "core/log.hpp"
#include "core/runtime.hpp"
#include "core/sha256.hpp"
#if defined(STREAMTUBE_HAVE_MPI)
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#endif

namespace streamtube::core {
namespace {

// ---- What MPI does for us. Its own errors end all processes (MPI_ERRORS_ARE_FATAL).

constexpr std::size_t kPiece = std::size_t{1} << 22;  // values summed at once: MPI counts in int
using Cpus = std::array<int, CPU_SETSIZE>;

#if defined(STREAMTUBE_HAVE_MPI)

MPI_Datatype type_of(float) { return MPI_FLOAT; }
MPI_Datatype type_of(double) { return MPI_DOUBLE; }

void start(int& rank, int& size) {
  int provided = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);  // the loader's thread does not speak
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
}

// The counter lives in the memory of process 0. It is given back at the end of all, where every process comes by.
MPI_Win counter = MPI_WIN_NULL;

void open_shared_counter(int rank) {
  std::int64_t* value = nullptr;
  MPI_Win_allocate(rank == 0 ? sizeof *value : 0, sizeof *value, MPI_INFO_NULL, MPI_COMM_WORLD, &value, &counter);
  if (rank == 0) {
    MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 0, 0, counter);
    *value = 0;
    MPI_Win_unlock(0, counter);
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

std::int64_t add_to_shared_counter(std::int64_t step) {
  std::int64_t before = 0;
  MPI_Win_lock(MPI_LOCK_SHARED, 0, 0, counter);
  MPI_Fetch_and_op(&step, &before, MPI_INT64_T, 0, 0, MPI_SUM, counter);
  MPI_Win_unlock(0, counter);
  return before;
}

void finish() {
  if (counter != MPI_WIN_NULL) MPI_Win_free(&counter);
  MPI_Finalize();
}

// The number of processes on this host, and of those which may use each CPU; which of them this one is.
int on_this_host(Cpus& cpus, int& rank) {
  MPI_Comm host;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
  int size = 1;
  MPI_Comm_size(host, &size);
  MPI_Comm_rank(host, &rank);
  MPI_Allreduce(MPI_IN_PLACE, cpus.data(), static_cast<int>(cpus.size()), MPI_INT, MPI_SUM, host);
  MPI_Comm_free(&host);
  return size;
}

// bytes of every process, one after the other, on all.
void gather(const void* mine, void* all, std::size_t bytes) {
  const int n = static_cast<int>(bytes);
  MPI_Allgather(mine, n, MPI_BYTE, all, n, MPI_BYTE, MPI_COMM_WORLD);
}

void send_from(int root, char* bytes, std::size_t size) {
  for (std::size_t done = 0; done < size; done += kPiece)
    MPI_Bcast(bytes + done, static_cast<int>(std::min(kPiece, size - done)), MPI_BYTE, root, MPI_COMM_WORLD);
}

// Every process sums a slice of its own, [processes][slice] in `parts`, and gives it to all.
template <class T>
void sum_piece(T* values, std::size_t size, int rank, int processes, T* parts) {
  std::vector<int> counts, places, slices, slice_places;
  const auto cut = [&](int r) {
    return static_cast<int>(size * static_cast<std::size_t>(r) / static_cast<std::size_t>(processes));
  };
  const int mine = cut(rank + 1) - cut(rank);
  for (int r = 0; r < processes; ++r) {
    counts.push_back(cut(r + 1) - cut(r)), places.push_back(cut(r));
    slices.push_back(mine), slice_places.push_back(r * mine);
  }
  MPI_Alltoallv(values, counts.data(), places.data(), type_of(T{}), parts, slices.data(), slice_places.data(),
                type_of(T{}), MPI_COMM_WORLD);
  for (int i = 0; i < mine; ++i) {
    double total = 0;
    for (int r = 0; r < processes; ++r) total += static_cast<double>(parts[r * mine + i]);
    parts[i] = static_cast<T>(total);
  }
  MPI_Allgatherv(parts, mine, type_of(T{}), values, counts.data(), places.data(), type_of(T{}), MPI_COMM_WORLD);
}

#else  // one process, which never asks for these

void start(int& rank, int& size) { rank = 0, size = 1; }
void finish() {}
void open_shared_counter(int) {}
std::int64_t add_to_shared_counter(std::int64_t) { return 0; }
int on_this_host(Cpus&, int&) { return 1; }
void gather(const void*, void*, std::size_t) {}
void send_from(int, char*, std::size_t) {}
template <class T>
void sum_piece(T*, std::size_t, int, int, T*) {}

#endif

// How many processes the launcher says there are: Open MPI; MPICH and its kin; Slurm, which starts either.
int launched() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (const char* value = std::getenv(name)) return std::max(1, std::atoi(value));
  const char* tasks = std::getenv("SLURM_STEP_NUM_TASKS");
  return std::getenv("PMIX_RANK") && tasks ? std::max(1, std::atoi(tasks)) : 1;
}

// The calls that processes meet in.
enum Call : std::int64_t { kFailed, kDone, kFirstOf, kSame, kLength, kReady, kSum };

// A failure as it travels to the other processes: kind, message, a zero, hint.
constexpr char kInterrupted = 'i';

std::string pack(char kind, const std::string& message, const std::string& hint) {
  return kind + message + '\0' + hint;
}

std::string pack(const std::exception_ptr& thrown) {
  const auto letter = [](ErrorKind kind) { return static_cast<char>('0' + static_cast<int>(kind)); };
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& e) {
    return pack(letter(e.kind()), e.message(), e.hint());
  } catch (const Interrupted&) {
    return pack(kInterrupted, "", "");
  } catch (const std::bad_alloc&) {
    return pack(letter(ErrorKind::runtime), str("out of memory (", peak_resident_memory() >> 20, " MiB were in use)"),
                "start fewer processes on this host; --dry-run tells what one needs");
  } catch (const std::exception& e) {
    return pack(letter(ErrorKind::internal), e.what(), "this is a bug in Streamtube; please report it");
  }
}

[[noreturn]] void throw_packed(const std::string& text, const std::string& from) {
  if (text[0] == kInterrupted) throw Interrupted{};
  const std::size_t zero = text.find('\0');
  throw Error(static_cast<ErrorKind>(text[0] - '0'), text.substr(1, zero - 1) + from, text.substr(zero + 1));
}

}  // namespace

Processes Processes::join() {
  const int expected = launched();
  if (expected == 1) return {};
  int rank = 0, size = 1;
  start(rank, size);
  if (size != expected) {
    finish();
    throw Error(ErrorKind::usage,
                str("mpirun started ", expected, " processes, but ",
                    mpi_library().empty() ? std::string("this program was built without MPI")
                                          : str("this one, built with ", mpi_library(), ", finds ", size),
                    ": each would do the whole run"),
                "build with the MPI that mpirun belongs to (-DSTREAMTUBE_MPI=ON), or start one process without mpirun");
  }
  return {rank, size};
}

Processes::Processes(int rank, int size) : rank_(rank), size_(size) {
  if (!first()) set_log_level(LogLevel::none);  // failures reach rank 0, see run()
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set)) CPU_ZERO(&set);
  Cpus sharers{};
  for (int c = 0; c < CPU_SETSIZE; ++c) sharers[static_cast<std::size_t>(c)] = CPU_ISSET(c, &set) ? 1 : 0;
  on_this_host_ = core::on_this_host(sharers, rank_on_this_host_);
  // mpirun may have bound every process to CPUs of its own, or left all of them to each.
  double share = 0;
  for (int c = 0; c < CPU_SETSIZE; ++c)
    if (CPU_ISSET(c, &set)) share += 1.0 / sharers[static_cast<std::size_t>(c)];
  usable_threads_ = core::usable_threads();
  if (usable_threads_ < CPU_COUNT(&set)) share = std::min(share, double(usable_threads_) / on_this_host_);  // a quota
  usable_threads_ = std::max(1, static_cast<int>(share + 1e-6));
}

Processes::~Processes() {
  if (size_ > 1) finish();
}

int Processes::usable_threads() const { return usable_threads_ ? usable_threads_ : core::usable_threads(); }

std::vector<Processes::Word> Processes::meet(Word mine, std::string failure) const {
  std::vector<Word> all(static_cast<std::size_t>(size_));
  gather(&mine, all.data(), sizeof mine);
  const auto failed = std::find_if(all.begin(), all.end(), [](const Word& w) { return w.call == kFailed; });
  if (failed == all.end()) {
    for (const Word& w : all) expect(w.call == mine.call, "processes: they are not in the same call");
    return all;
  }
  const int root = static_cast<int>(failed - all.begin());
  failure.resize(static_cast<std::size_t>(failed->value));
  send_from(root, failure.data(), failure.size());
  failure_shared_ = true;
  throw_packed(failure, root ? str(" (process ", root, " of ", size_, ", counted from 0)") : std::string());
}

void Processes::run(const std::function<void()>& work) const {
  if (size_ == 1) return work();
  failure_shared_ = false;
  std::string failure;
  try {
    work();
    meet({kDone, 0});
    return;
  } catch (...) {
    if (failure_shared_) throw;
    failure = pack(std::current_exception());
  }
  meet({kFailed, static_cast<std::int64_t>(failure.size())}, failure);
}

int Processes::first_of(bool yes) const {
  if (size_ == 1) return yes ? 0 : -1;
  const std::vector<Word> all = meet({kFirstOf, yes});
  const auto found = std::find_if(all.begin(), all.end(), [](const Word& w) { return w.value != 0; });
  return found == all.end() ? -1 : static_cast<int>(found - all.begin());
}

bool Processes::same(std::string_view bytes) const {
  if (size_ == 1) return true;
  const auto value = static_cast<std::int64_t>(std::stoull(sha256(bytes).substr(0, 16), nullptr, 16));
  const std::vector<Word> all = meet({kSame, value});
  return std::all_of(all.begin(), all.end(), [&](const Word& w) { return w.value == value; });
}

void Processes::broadcast(std::string& text, int root) const {
  if (size_ == 1) return;
  const auto size = static_cast<std::size_t>(
      meet({kLength, static_cast<std::int64_t>(text.size())})[static_cast<std::size_t>(root)].value);
  text.resize(size);
  meet({kReady, 0});
  send_from(root, text.data(), size);
}

template <class T>
void Processes::sum_in_order(std::span<T> values) const {
  if (size_ == 1) return;
  const std::size_t piece = std::min(values.size(), kPiece);
  std::vector<T> parts(piece + static_cast<std::size_t>(size_));  // slices differ by one value
  const auto count = static_cast<std::int64_t>(values.size());
  for (const Word& w : meet({kSum, count})) expect(w.value == count, "processes: sums of different lengths");
  for (std::size_t done = 0; done < values.size(); done += kPiece)
    sum_piece(values.data() + done, std::min(kPiece, values.size() - done), rank_, size_, parts.data());
}

void Processes::sum(std::span<float> values) const { sum_in_order(values); }
void Processes::sum(std::span<double> values) const { sum_in_order(values); }

namespace {
constexpr std::int64_t kClosed = std::int64_t{1} << 60;
}

void Processes::open_counter() const {
  next_ = 0;
  if (size_ == 1) return;
  meet({kReady, 0});
  open_shared_counter(rank_);
}

std::int64_t Processes::take() const { return size_ == 1 ? next_++ : add_to_shared_counter(1); }

void Processes::close_counter() const {
  if (size_ == 1)
    next_ = kClosed;
  else
    add_to_shared_counter(kClosed);
}

std::string mpi_library() {
#if defined(STREAMTUBE_HAVE_MPI)
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  MPI_Get_library_version(text, &length);  // may be asked without MPI_Init
  const std::string name(text, static_cast<std::size_t>(std::max(length, 0)));
  return name.substr(0, name.find_first_of(",\n"));
#else
  return {};
#endif
}

}  // namespace streamtube::core
