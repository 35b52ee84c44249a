#include "surrogate/backends/cuda_paths.hpp"

#include <atomic>
#include <cmath>
#include <exception>
#include <utility>

#include "core/error.hpp"
#include "core/log.hpp"

namespace streamtube::surrogate::cuda {

namespace {
std::atomic<std::uint64_t> epoch{0};
}

std::uint64_t graph_epoch() { return epoch; }
void end_graph_epoch() { ++epoch; }

Guard::Guard(std::string name, double tolerance, Check check)
    : name_(std::move(name)), tolerance_(tolerance), check_(std::move(check)) {}

bool Guard::usable() {
  if (state_ != State::unknown) return state_ != State::off;
  state_ = State::checking;
  Finding found;
  std::string wrong;
  try {
    found = check_();
    if (!found.declined && !(found.error <= tolerance_))  // also where it is not a number
      wrong = core::str("its relative error against the portable kernels was ", found.error, ", allowed ", tolerance_);
  } catch (const core::Error& error) {
    wrong = error.message();
  } catch (const std::exception& error) {
    wrong = error.what();
  }
  if (found.declined) {
    reason_ = found.reason;
  } else if (wrong.empty()) {
    reason_ = core::str("agrees with the portable kernels to ", found.error);
  } else {
    reason_ = "switched off: " + wrong;
    core::warn(core::str(name_, " is ", reason_, "; slower kernels are used in its place"));
  }
  state_ = found.declined || !wrong.empty() ? State::off : State::on;
  return state_ == State::on;
}

}  // namespace streamtube::surrogate::cuda
