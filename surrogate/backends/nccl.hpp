#pragma once
// Sums over processes on their GPUs, without a way through host memory.

#include <cstddef>
#include <memory>
#include <string>

#include "core/processes.hpp"

namespace streamtube::surrogate::cuda {

class DeviceSum {
 public:
  // Collective. Null on all processes where one of them cannot: the library is not there, or NCCL does not take the
  // processes' GPUs (two processes share one); `why` says so. Processes and Runtime must outlive it.
  static std::unique_ptr<DeviceSum> join(const core::Processes& processes, std::string& why);
  ~DeviceSum();
  DeviceSum(const DeviceSum&) = delete;
  DeviceSum& operator=(const DeviceSum&) = delete;

  // Collective: values [count] on the device, in the order of `stream`. The same bits on every process; between runs,
  // as long as NCCL chooses the same way through the same machines.
  void sum(void* stream, float* values, std::size_t count);

 private:
  explicit DeviceSum(void* communicator) : communicator_(communicator) {}
  void* communicator_;
};

// "NCCL 2.28.3", or why it is not there.
std::string nccl_library();

}  // namespace streamtube::surrogate::cuda
