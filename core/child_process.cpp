#include "core/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include "core/error.hpp"
#include "core/runtime.hpp"

extern char** environ;

namespace streamtube::core {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(20);
constexpr auto kTick = std::chrono::milliseconds(200);
constexpr auto kPatience = std::chrono::seconds(5);  // between SIGTERM and SIGKILL

// The environment with `more` in it, as execve takes it.
std::vector<std::string> environment(const std::vector<std::pair<std::string, std::string>>& more) {
  std::vector<std::string> out;
  for (char** one = environ; *one; ++one) {
    const std::string entry = *one;
    bool replaced = false;
    for (const auto& [name, value] : more) replaced = replaced || entry.rfind(name + "=", 0) == 0;
    if (!replaced) out.push_back(entry);
  }
  for (const auto& [name, value] : more) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (auto& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? name : std::string();
  const char* path = std::getenv("PATH");
  const std::string folders = path ? path : "/usr/local/bin:/usr/bin:/bin";
  for (std::size_t begin = 0; begin <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    const std::filesystem::path file = std::filesystem::path(folders.substr(begin, end - begin)) / name;
    std::error_code ignored;
    if (std::filesystem::is_regular_file(file, ignored) && ::access(file.c_str(), X_OK) == 0) return file.string();
    begin = end + 1;
  }
  return {};
}

int run_child(const ChildCommand& command, const std::function<bool()>& tick) {
  check_interrupt();
  const std::string program = find_program(command.words.at(0));
  if (program.empty()) throw Error(ErrorKind::runtime, str("the program '", command.words[0], "' is not installed"));
  const int log =
      ::open(command.log.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (command.append ? O_APPEND : O_TRUNC), 0644);
  if (log < 0) throw Error(ErrorKind::runtime, str("'", command.log, "': cannot be written: ", std::strerror(errno)));

  // All memory is prepared before the fork: other threads may hold the allocator's locks.
  std::vector<std::string> words = command.words, variables = environment(command.environment);
  const std::vector<char*> argv = pointers(words), envp = pointers(variables);
  int report[2];  // tells why exec failed; closes by itself where it did not
  if (::pipe2(report, O_CLOEXEC) != 0) {
    const int reason = errno;
    ::close(log);
    throw Error(ErrorKind::runtime, str("'", program, "': cannot be started: ", std::strerror(reason)));
  }
  const pid_t parent = ::getpid();
  const pid_t id = ::fork();
  if (id == 0) {
    ::setpgid(0, 0);  // the terminal's Ctrl-C is for us, who end the child in order
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGXFSZ, SIGPIPE}) ::signal(s, SIG_DFL);
    const int null = ::open("/dev/null", O_RDONLY);
    if (::getppid() == parent && null >= 0 && ::dup2(null, 0) >= 0 && ::dup2(log, 1) >= 0 && ::dup2(log, 2) >= 0 &&
        ::chdir(command.folder.c_str()) == 0)
      ::execve(program.c_str(), argv.data(), envp.data());
    const int reason = errno;
    (void)!::write(report[1], &reason, sizeof reason);
    ::_exit(127);
  }
  const int reason = errno;
  ::close(log);
  ::close(report[1]);
  if (id < 0) {
    ::close(report[0]);
    throw Error(ErrorKind::runtime, str("'", program, "': cannot be started: ", std::strerror(reason)));
  }
  int failed = 0;
  ssize_t got;
  while ((got = ::read(report[0], &failed, sizeof failed)) < 0 && errno == EINTR) {
  }
  ::close(report[0]);

  using Clock = std::chrono::steady_clock;
  int status = 0;
  bool ending = false, stop = false;
  auto ticked = Clock::now(), since = ticked;
  const auto end = [&] {
    if (!std::exchange(ending, true)) ::kill(-id, SIGTERM), since = Clock::now();
  };
  std::exception_ptr thrown;
  for (;;) {
    const pid_t gone = ::waitpid(id, &status, WNOHANG);
    if (gone == id) break;
    if (gone < 0 && errno != EINTR)
      throw Error(ErrorKind::runtime, str("'", program, "': how it ended cannot be known: ", std::strerror(errno)));
    if (interrupted()) end();
    if (ending && Clock::now() - since > kPatience) ::kill(-id, SIGKILL), since = Clock::now();
    if (tick && !ending && Clock::now() - ticked >= kTick) {
      ticked = Clock::now();
      try {
        stop = tick();
      } catch (...) {
        thrown = std::current_exception(), stop = true;
      }
      if (stop) end();
    }
    std::this_thread::sleep_for(kPoll);
  }
  if (ending) ::kill(-id, SIGKILL);  // what the child had started and did not take along
  if (thrown) std::rethrow_exception(thrown);
  check_interrupt();
  if (got == sizeof failed)
    throw Error(ErrorKind::runtime,
                str("'", program, "': cannot be started in '", command.folder, "': ", std::strerror(failed)));
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace streamtube::core
