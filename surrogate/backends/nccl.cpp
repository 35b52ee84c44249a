#include "surrogate/backends/nccl.hpp"

#if defined(STREAMTUBE_HAVE_NCCL)
#include <cuda_runtime_api.h>
#include <nccl.h>
#include <unistd.h>
#endif

#include <cstring>

#include "core/error.hpp"
#include "surrogate/backends/cuda_library.hpp"

namespace streamtube::surrogate::cuda {

#if defined(STREAMTUBE_HAVE_NCCL)
namespace {

struct Api {
  decltype(&ncclGetVersion) version = nullptr;
  decltype(&ncclGetUniqueId) unique_id = nullptr;
  decltype(&ncclCommInitRank) init = nullptr;
  decltype(&ncclCommDestroy) destroy = nullptr;
  decltype(&ncclCommAbort) abort = nullptr;
  decltype(&ncclAllReduce) all_reduce = nullptr;
  decltype(&ncclGetErrorString) text = nullptr;
  std::string missing;

  Api() {
    Library library("libnccl.so.2");
    library.load(version, "ncclGetVersion");
    library.load(unique_id, "ncclGetUniqueId");
    library.load(init, "ncclCommInitRank");
    library.load(destroy, "ncclCommDestroy");
    library.load(abort, "ncclCommAbort");
    library.load(all_reduce, "ncclAllReduce");
    library.load(text, "ncclGetErrorString");
    missing = library.missing();
  }
};
const Api& api() {
  static const Api loaded;
  return loaded;
}

// This process' GPU, by a name that no other has.
std::string gpu() {
  int device = 0;
  char bus[32] = {}, host[256] = {};
  gethostname(host, sizeof host - 1);
  if (cudaGetDevice(&device) == cudaSuccess) cudaDeviceGetPCIBusId(bus, sizeof bus, device);
  return core::str(host, ' ', bus);
}

}  // namespace

std::unique_ptr<DeviceSum> DeviceSum::join(const core::Processes& processes, std::string& why) {
  why = api().missing;
  ncclUniqueId id{};
  if (why.empty() && processes.first())
    if (const ncclResult_t code = api().unique_id(&id); code != ncclSuccess)
      why = core::str("ncclGetUniqueId: ", api().text(code));
  // NCCL would find out by itself that two processes share a GPU, but only by failing on some of them.
  const std::string mine = gpu();
  for (int rank = 0; rank < processes.size(); ++rank) {
    std::string theirs = mine;
    processes.broadcast(theirs, rank);
    if (why.empty() && rank != processes.rank() && theirs == mine)
      why = core::str("processes ", processes.rank(), " and ", rank, " share a GPU");
  }
  const auto all_can = [&] {
    std::string reason = why;
    const int where = processes.first_of(!why.empty());
    if (where < 0) return true;
    processes.broadcast(reason, where);
    why = reason;
    return false;
  };
  if (!all_can()) return nullptr;
  std::string bytes(reinterpret_cast<const char*>(&id), sizeof id);
  processes.broadcast(bytes, 0);
  std::memcpy(&id, bytes.data(), sizeof id);
  ncclComm_t communicator = nullptr;
  if (const ncclResult_t code = api().init(&communicator, processes.size(), id, processes.rank()); code != ncclSuccess)
    why = core::str("ncclCommInitRank: ", api().text(code));
  if (all_can()) return std::unique_ptr<DeviceSum>(new DeviceSum(communicator));
  if (communicator) api().abort(communicator);
  return nullptr;
}

DeviceSum::~DeviceSum() { api().destroy(static_cast<ncclComm_t>(communicator_)); }

void DeviceSum::sum(void* stream, float* values, std::size_t count) {
  const ncclResult_t code = api().all_reduce(values, values, count, ncclFloat, ncclSum,
                                             static_cast<ncclComm_t>(communicator_), static_cast<cudaStream_t>(stream));
  if (code != ncclSuccess)
    throw core::Error(core::ErrorKind::runtime, core::str("ncclAllReduce: ", api().text(code)),
                      "NCCL_DEBUG=WARN in the environment makes NCCL say more");
}

std::string nccl_library() {
  if (!api().missing.empty()) return api().missing;
  int version = 0;
  if (api().version(&version) != ncclSuccess) return "libnccl.so.2 does not tell its version";
  return core::str("NCCL ", version / 10000, '.', version / 100 % 100, '.', version % 100);
}

#else

std::unique_ptr<DeviceSum> DeviceSum::join(const core::Processes&, std::string& why) {
  why = nccl_library();
  return nullptr;
}
DeviceSum::~DeviceSum() = default;
void DeviceSum::sum(void*, float*, std::size_t) {}
std::string nccl_library() { return "built without CUDA, or without nccl.h"; }

#endif

}  // namespace streamtube::surrogate::cuda
