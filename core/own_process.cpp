#include "core/own_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "core/error.hpp"
#include "core/log.hpp"
#include "core/runtime.hpp"

namespace streamtube::core {

namespace {

constexpr char kResult = 'R', kError = 'E', kInterrupted = 'I', kNoMemory = 'M';  // the first byte of what comes back

bool write_all(int fd, const char* data, std::size_t n) {
  while (n > 0) {
    const ssize_t done = ::write(fd, data, n);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    data += done, n -= static_cast<std::size_t>(done);
  }
  return true;
}

[[noreturn]] void child(int to, pid_t parent, std::uint64_t seconds,
                        const std::function<std::string()>& work) noexcept {
  // Locks are inherited: this process must not hold those of a killed run.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  for (const int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU})
    ::signal(s, SIG_DFL);  // a crash is told by the parent
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  const rlimit most{seconds, seconds + 5};
  ::setrlimit(RLIMIT_CPU, &most);
  set_log_level(LogLevel::none);  // another thread may have held the log's lock
  if (const int null = ::open("/dev/null", O_WRONLY); null >= 0) ::dup2(null, 1), ::dup2(null, 2);
  std::string answer;
  try {
    answer = kResult + work();
  } catch (const Error& error) {
    answer = str(kError, static_cast<char>('0' + static_cast<int>(error.kind())), error.message(), '\0', error.hint());
  } catch (const Interrupted&) {
    answer = kInterrupted;
  } catch (const std::bad_alloc&) {
    answer = kNoMemory;
  }  // anything else is a bug: noexcept makes a crash of this process of it
  ::_exit(write_all(to, answer.data(), answer.size()) ? 0 : 1);
}

}  // namespace

std::string run_apart(const Apart& how, const std::function<std::string()>& work) {
  const std::string& where = how.where;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw Error(ErrorKind::runtime, str(where, "cannot start a process: ", std::strerror(errno)));
  const pid_t self = ::getpid(), id = ::fork();
  if (id == 0) {
    ::close(ends[0]);
    child(ends[1], self, how.seconds, work);
  }
  const int reason = errno;
  ::close(ends[1]);
  if (id < 0) {
    ::close(ends[0]);
    throw Error(ErrorKind::runtime, str(where, "cannot start a process: ", std::strerror(reason)));
  }
  std::string answer;
  std::string block(std::size_t{1} << 16, '\0');
  bool interrupted = false;
  for (;;) {
    interrupted = core::interrupted();
    if (interrupted) {
      ::kill(id, SIGKILL);
      break;
    }
    pollfd ready{ends[0], POLLIN, 0};
    if (::poll(&ready, 1, 200) <= 0) continue;
    const ssize_t got = ::read(ends[0], block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    answer.append(block, 0, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  int status = 0;
  pid_t gone = -1;
  while ((gone = ::waitpid(id, &status, 0)) < 0 && errno == EINTR) {
  }
  if (gone != id) throw Error(ErrorKind::runtime, str(where, "how ", how.who, " ended cannot be known"));
  if (interrupted || answer[0] == kInterrupted) throw Interrupted{};
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
    throw Error(ErrorKind::input,
                str(where, how.who, " did not end within ", how.seconds, " s of processor time: ", how.why), how.hint);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
    throw Error(ErrorKind::runtime, str(where, how.who, " was killed (not enough memory?)"));
  if (WIFSIGNALED(status) || WEXITSTATUS(status) != 0)
    throw Error(ErrorKind::input,
                str(where, how.blame, how.who, " crashed on it",
                    WIFSIGNALED(status) ? str(" (", ::strsignal(WTERMSIG(status)), ")") : ""),
                how.hint);
  if (answer[0] == kNoMemory) throw Error(ErrorKind::runtime, str(where, "not enough memory for ", how.who));
  if (answer[0] == kError) {
    const std::size_t end = answer.find('\0');
    throw Error(static_cast<ErrorKind>(answer[1] - '0'), answer.substr(2, end - 2), answer.substr(end + 1));
  }
  return answer.erase(0, 1);
}

}  // namespace streamtube::core
