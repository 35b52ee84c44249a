// Attention by cuDNN's fused kernels, through its header-only front end. A row of heads * head numbers is their
// [sequence][head][channel] order, so nothing is moved. The statistics are ours: natural log, scaled scores.
#if defined(STREAMTUBE_HAVE_CUDNN)
#define NV_CUDNN_FRONTEND_USE_DYNAMIC_LOADING
#define CUDNN_FRONTEND_SKIP_JSON_LIB
#include <cuda_runtime_api.h>
#include <cudnn_frontend.h>
#endif

#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "core/before_stop.hpp"
#include "core/error.hpp"
#include "surrogate/backends/cuda_kernels.hpp"
#include "surrogate/backends/cuda_library.hpp"
#include "surrogate/backends/cuda_paths.hpp"

#if defined(STREAMTUBE_HAVE_CUDNN)
namespace cudnn_frontend {
void* cudnn_dlhandle = nullptr;  // where the front end finds cuDNN's functions
}
#endif

namespace streamtube::surrogate::cuda {

#if defined(STREAMTUBE_HAVE_CUDNN)
namespace {

namespace fe = cudnn_frontend;
constexpr std::size_t most_plans = 64;

struct Api {
  decltype(&cudnnCreate) create = nullptr;
  decltype(&cudnnDestroy) destroy = nullptr;
  decltype(&cudnnSetStream) set_stream = nullptr;
  decltype(&cudnnGetErrorString) text = nullptr;
  std::string missing;

  Api() {
    Library library(core::str("libcudnn.so.", CUDNN_MAJOR).c_str());
    library.load(create, "cudnnCreate");
    library.load(destroy, "cudnnDestroy");
    library.load(set_stream, "cudnnSetStream");
    library.load(text, "cudnnGetErrorString");
    missing = library.missing();
    // The front end calls CUDA's runtime through the shared library.
    const Library runtime(core::str("libcudart.so.", CUDART_VERSION / 1000).c_str());
    if (missing.empty()) missing = runtime.missing();
    fe::cudnn_dlhandle = library.handle();
  }
};
const Api& api() {
  static const Api loaded;
  return loaded;
}

void check(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  throw core::Error(core::ErrorKind::runtime, core::str(call, ": ", api().text(status)),
                    "`streamtube devices` shows the state of the GPU's libraries; --backend openmp goes without");
}

struct Plan {
  std::shared_ptr<fe::graph::Graph> graph;  // null: there is none
  std::size_t workspace = 0;
};
enum class Kind { forward, forward_with_sums, backward };
using Key = std::tuple<Kind, std::int64_t, std::int64_t, int, int>;
enum Id : std::int64_t { kQ = 1, kK, kV, kOut, kSums, kDOut, kDQ, kDK, kDV };

// Handle, plans and workspace of this process.
class Dnn {
 public:
  Dnn() {
    check(api().create(&handle_), "cudnnCreate");
    core::before_stop([this] { stop(); });
  }

  const Plan& plan(Kind kind, std::int64_t rows, std::int64_t keys, int heads, int head) {
    const Key key{kind, rows, keys, heads, head};
    if (const auto known = plans_.find(key); known != plans_.end()) return known->second;
    if (plans_.size() >= most_plans) {
      cudaDeviceSynchronize();  // their code goes with them
      plans_.clear();
      end_graph_epoch();
    }
    Plan& plan = plans_[key];
    auto graph = std::make_shared<fe::graph::Graph>();
    describe(*graph, kind, rows, keys, heads, head);
    std::int64_t bytes = 0;
    if (graph->build(handle_, {fe::HeurMode_t::A}).is_bad() || graph->get_workspace_size(bytes).is_bad()) return plan;
    plan = {graph, static_cast<std::size_t>(bytes)};
    return plan;
  }

  void run(void* stream, const Plan& plan, std::unordered_map<std::int64_t, void*>& arrays) {
    check(api().set_stream(handle_, static_cast<cudaStream_t>(stream)), "cudnnSetStream");
    if (auto done = plan.graph->execute(handle_, arrays, workspace(plan.workspace)); done.is_bad())
      throw core::Error(core::ErrorKind::runtime, "cuDNN's attention: " + done.get_message(),
                        "--precision fp32 goes without cuDNN");
  }

  std::mutex mutex;

 private:
  static void describe(fe::graph::Graph& graph, Kind kind, std::int64_t rows, std::int64_t keys, int heads, int head) {
    using Tensor = fe::graph::Tensor_attributes;
    const std::int64_t h = heads, d = head;
    graph.set_io_data_type(fe::DataType_t::BFLOAT16)
        .set_intermediate_data_type(fe::DataType_t::FLOAT)
        .set_compute_data_type(fe::DataType_t::FLOAT);
    const auto dim = [&](std::int64_t n) { return std::vector<std::int64_t>{1, h, n, d}; };
    const auto stride = [&](std::int64_t n) { return std::vector<std::int64_t>{n * h * d, d, h * d, 1}; };
    const auto input = [&](const char* name, Id id, std::int64_t n) {
      return graph.tensor(Tensor().set_name(name).set_uid(id).set_dim(dim(n)).set_stride(stride(n)));
    };
    const auto output = [&](const std::shared_ptr<Tensor>& tensor, Id id, std::int64_t n) {
      tensor->set_output(true).set_uid(id).set_dim(dim(n)).set_stride(stride(n));
    };
    const auto sums = [&](Tensor& tensor) {  // [heads][rows]
      tensor.set_uid(kSums)
          .set_data_type(fe::DataType_t::FLOAT)
          .set_dim({1, h, rows, 1})
          .set_stride({h * rows, rows, 1, 1});
    };
    const float scale = 1.0f / std::sqrt(static_cast<float>(head));
    const auto q = input("q", kQ, rows), k = input("k", kK, keys), v = input("v", kV, keys);
    if (kind != Kind::backward) {
      const auto [out, stats] = graph.sdpa(q, k, v,
                                           fe::graph::SDPA_attributes()
                                               .set_name("attention")
                                               .set_generate_stats(kind == Kind::forward_with_sums)
                                               .set_attn_scale(scale));
      output(out, kOut, rows);
      if (kind == Kind::forward_with_sums) {
        stats->set_output(true);
        sums(*stats);
      }
      return;
    }
    const auto out = input("out", kOut, rows), dout = input("dout", kDOut, rows);
    Tensor log_sum;
    log_sum.set_name("log_sum");
    sums(log_sum);
    const auto [dq, dk, dv] = graph.sdpa_backward(q, k, v, out, dout, graph.tensor(log_sum),
                                                  fe::graph::SDPA_backward_attributes()
                                                      .set_name("attention_backward")
                                                      .set_attn_scale(scale)
                                                      .set_deterministic_algorithm(true));
    output(dq, kDQ, rows);
    output(dk, kDK, keys);
    output(dv, kDV, keys);
  }

  // One for all: everything runs in the order of one stream. Kept at its largest.
  void* workspace(std::size_t bytes) {
    if (bytes <= workspace_bytes_) return workspace_;
    if (workspace_) end_graph_epoch();
    cudaFree(workspace_);  // waits for what still uses it
    workspace_ = nullptr, workspace_bytes_ = 0;
    if (const cudaError_t code = cudaMalloc(&workspace_, bytes); code != cudaSuccess)
      throw core::Error(core::ErrorKind::runtime,
                        core::str("not enough device memory: ", bytes >> 20, " MiB for cuDNN's attention"),
                        "use a smaller query chunk or fewer anchors");
    workspace_bytes_ = bytes;
    return workspace_;
  }

  void stop() {
    const std::lock_guard lock(mutex);
    plans_.clear();
    cudaFree(workspace_);
    workspace_ = nullptr, workspace_bytes_ = 0;
    api().destroy(handle_);
  }

  cudnnHandle_t handle_ = nullptr;
  std::map<Key, Plan> plans_;
  void* workspace_ = nullptr;
  std::size_t workspace_bytes_ = 0;
};

Dnn& dnn() {
  static Dnn only;
  return only;
}

const Plan& plan_of(const AttentionCall& c) {
  return dnn().plan(c.log_sum ? Kind::forward_with_sums : Kind::forward, c.rows, c.keys, c.heads, c.head);
}
const Plan& plan_of(const AttentionBackwardCall& c) {
  return dnn().plan(Kind::backward, c.rows, c.keys, c.heads, c.head);
}

template <class T>
void* plain(const T* at) {
  return const_cast<T*>(at);
}

}  // namespace

const std::string& cudnn_missing() { return api().missing; }

bool cudnn_has(void*, const AttentionCall& call) {
  if (!api().missing.empty()) return false;
  const std::lock_guard lock(dnn().mutex);
  return plan_of(call).graph != nullptr;
}
bool cudnn_has(void*, const AttentionBackwardCall& call) {
  if (!api().missing.empty()) return false;
  const std::lock_guard lock(dnn().mutex);
  return plan_of(call).graph != nullptr;
}

bool cudnn_run(void* stream, const AttentionCall& c) {
  if (!cudnn_has(stream, c)) return false;
  const std::lock_guard lock(dnn().mutex);
  std::unordered_map<std::int64_t, void*> arrays{{kQ, plain(c.q)}, {kK, plain(c.k)}, {kV, plain(c.v)}, {kOut, c.out}};
  if (c.log_sum) arrays[kSums] = c.log_sum;
  dnn().run(stream, plan_of(c), arrays);
  return true;
}

bool cudnn_run(void* stream, const AttentionBackwardCall& c) {
  if (!cudnn_has(stream, c)) return false;
  const std::lock_guard lock(dnn().mutex);
  std::unordered_map<std::int64_t, void*> arrays{
      {kQ, plain(c.q)},          {kK, plain(c.k)}, {kV, plain(c.v)}, {kOut, plain(c.out)}, {kDOut, plain(c.dout)},
      {kSums, plain(c.log_sum)}, {kDQ, c.dq},      {kDK, c.dk},      {kDV, c.dv}};
  dnn().run(stream, plan_of(c), arrays);
  return true;
}

bool cudnn_attention(void* stream, const Attention16Desc& a) {
  if (!usable(Path::attention16)) return false;
  const std::int64_t width = std::int64_t{a.heads} * a.head;
  std::vector<AttentionCall> calls;
  for (int i = 0; i < a.segment_count; ++i) {
    const Segment& s = a.segments[i];
    AttentionCall c;
    c.q = a.q + s.query_begin * width, c.out = a.out + s.query_begin * width;
    c.k = a.k + s.key_begin * width, c.v = a.v + s.key_begin * width;
    c.rows = s.query_end - s.query_begin, c.keys = s.key_end - s.key_begin, c.heads = a.heads, c.head = a.head;
    if (c.rows <= 0) continue;
    if (!cudnn_has(stream, c)) return false;  // before anything is queued
    calls.push_back(c);
  }
  for (const AttentionCall& c : calls) cudnn_run(stream, c);
  return true;
}

#else

const std::string& cudnn_missing() {
  static const std::string reason = "built without CUDA, cudnn.h or the headers of nvidia-cudnn-frontend";
  return reason;
}
bool cudnn_has(void*, const AttentionCall&) { return false; }
bool cudnn_has(void*, const AttentionBackwardCall&) { return false; }
bool cudnn_run(void*, const AttentionCall&) { return false; }
bool cudnn_run(void*, const AttentionBackwardCall&) { return false; }
bool cudnn_attention(void*, const Attention16Desc&) { return false; }

#endif

}  // namespace streamtube::surrogate::cuda
