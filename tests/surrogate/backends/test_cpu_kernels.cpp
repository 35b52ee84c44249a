// The hand-written tiles against sums in double: every shape class (full tiles, remainders), and that the AMX path is
// as accurate as float32 and not merely as bfloat16.

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <vector>

#include "core/rng.hpp"
#include "surrogate/backends/cpu_kernels.hpp"

namespace {

using namespace streamtube;
using namespace streamtube::surrogate;

struct Free {
  void operator()(void* p) const { std::free(p); }
};
using Packed = std::unique_ptr<char, Free>;
Packed aligned(std::size_t bytes) {
  return Packed(static_cast<char*>(std::aligned_alloc(64, (bytes + 127) / 64 * 64)));
}

std::vector<float> random(std::size_t n, const char* stream, double scale = 1) {
  core::Rng rng(7, stream);
  std::vector<float> x(n);
  for (float& v : x) v = static_cast<float>(scale * rng.normal());
  return x;
}

double gelu(double x) { return 0.5 * x * (1 + std::erf(x * M_SQRT1_2)); }
double gelu_derivative(double x) {
  return 0.5 * (1 + std::erf(x * M_SQRT1_2)) + x * std::exp(-0.5 * x * x) / std::sqrt(2 * M_PI);
}

double gemm_error(const cpu::GemmKernel& kernel, std::int64_t rows, std::int64_t columns, std::int64_t inner,
                  Epilogue epilogue, bool with_bias, bool with_gate, bool transposed = false) {
  const auto x = random(static_cast<std::size_t>(rows * inner), "x"),
             w = random(static_cast<std::size_t>(columns * inner), "w", 0.2),
             bias = random(static_cast<std::size_t>(columns), "bias"),
             gate = random(static_cast<std::size_t>(columns), "gate"),
             before = random(static_cast<std::size_t>(rows * columns), "before");
  std::vector<float> y = before;
  y.push_back(12345.0f);  // a guard behind the last row
  const GemmDesc<float> g{
      x.data(), w.data(), with_bias ? bias.data() : nullptr, with_gate ? gate.data() : nullptr, y.data(), rows, columns,
      inner,    epilogue};
  std::vector<float> turned;
  for (std::int64_t i = 0; transposed && i < columns * inner; ++i)
    turned.push_back(w[static_cast<std::size_t>(i % columns * inner + i / columns)]);
  const std::int64_t panels = (columns + kernel.column_panel - 1) / kernel.column_panel;
  const Packed packed = aligned(static_cast<std::size_t>(panels) * kernel.panel_bytes(inner));
  for (std::int64_t p = 0; p < panels; ++p)
    kernel.pack_panel(transposed ? turned.data() : w.data(), columns, inner, transposed, p,
                      packed.get() + static_cast<std::size_t>(p) * kernel.panel_bytes(inner));
  for (std::int64_t r = 0; r < rows; r += kernel.row_block)
    kernel.run(g, r, std::min<std::int64_t>(rows, r + kernel.row_block), packed.get());
  CHECK(y.back() == 12345.0f);
  double difference = 0, size = 0;
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) {
      double sum = with_bias ? bias[c] : 0;
      for (std::int64_t k = 0; k < inner; ++k) sum += double{x[r * inner + k]} * w[c * inner + k];
      if (epilogue == Epilogue::gelu) sum = gelu(sum);
      if (epilogue == Epilogue::accumulate) sum = before[r * columns + c] + (with_gate ? gate[c] : 1.0) * sum;
      difference += std::pow(sum - y[r * columns + c], 2);
      size += sum * sum;
    }
  return std::sqrt(difference / size);
}

double attention_error(const cpu::AttentionKernel& kernel, std::int64_t rows, std::int64_t keys, int head,
                       double spread) {
  const std::int64_t stride = head + 16;  // as one head of several
  const auto q = random(static_cast<std::size_t>(rows * stride), "q", spread),
             k = random(static_cast<std::size_t>(keys * stride), "k", spread),
             v = random(static_cast<std::size_t>(keys * stride), "v");
  std::vector<float> out(static_cast<std::size_t>(rows * stride), 777.0f);
  const std::int64_t blocks = (keys + kernel.key_block - 1) / kernel.key_block;
  const Packed packed = aligned(static_cast<std::size_t>(blocks) * kernel.block_bytes(head));
  for (std::int64_t b = 0; b < blocks; ++b)
    kernel.pack(k.data() + b * kernel.key_block * stride, v.data() + b * kernel.key_block * stride, stride,
                std::min<std::int64_t>(kernel.key_block, keys - b * kernel.key_block), head,
                packed.get() + static_cast<std::size_t>(b) * kernel.block_bytes(head));
  for (std::int64_t r = 0; r < rows; r += kernel.query_block)
    kernel.run(q.data() + r * stride, out.data() + r * stride, nullptr, 1, stride,
               std::min<std::int64_t>(kernel.query_block, rows - r), keys, head, packed.get());
  double difference = 0, size = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    std::vector<double> p(static_cast<std::size_t>(keys));
    double high = -1e300, total = 0;
    for (std::int64_t j = 0; j < keys; ++j) {
      double s = 0;
      for (int c = 0; c < head; ++c) s += double{q[r * stride + c]} * k[j * stride + c];
      p[j] = s / std::sqrt(head), high = std::max(high, p[j]);
    }
    for (double& s : p) s = std::exp(s - high), total += s;
    for (int c = 0; c < head; ++c) {
      double sum = 0;
      for (std::int64_t j = 0; j < keys; ++j) sum += p[j] * v[j * stride + c];
      difference += std::pow(sum / total - out[r * stride + c], 2);
      size += std::pow(sum / total, 2);
    }
    for (int c = head; c < stride; ++c) REQUIRE(out[r * stride + c] == 777.0f);
  }
  return std::sqrt(difference / size);
}

void check_gemm(const cpu::GemmKernel* kernel) {
  if (!kernel) SKIP("not on this machine");
  for (const auto& [rows, columns, inner] :
       {std::array{64, 192, 192}, {101, 50, 37}, {1, 16, 32}, {33, 7, 24}, {129, 96, 384}})
    for (const Epilogue epilogue : {Epilogue::store, Epilogue::gelu, Epilogue::accumulate}) {
      CAPTURE(kernel->name, rows, columns, inner, static_cast<int>(epilogue));
      CHECK(gemm_error(*kernel, rows, columns, inner, epilogue, true, epilogue == Epilogue::accumulate) < 1e-6);
      CHECK(gemm_error(*kernel, rows, columns, inner, epilogue, false, false) < 1e-6);
      CHECK(gemm_error(*kernel, rows, columns, inner, epilogue, true, false, true) < 1e-6);
    }
}

void check_attention(const cpu::AttentionKernel* kernel) {
  if (!kernel) SKIP("not on this machine");
  for (const auto& [rows, keys, head] :
       {std::array{256, 256, 64}, {300, 77, 64}, {1, 1, 32}, {33, 65, 32}, {40, 130, 96}, {50, 64, 128}}) {
    if (!kernel->supports(head)) continue;
    for (double spread : {0.3, 1.5, 6.0}) {  // flat to very peaked softmax
      CAPTURE(kernel->name, rows, keys, head, spread);
      CHECK(attention_error(*kernel, rows, keys, head, spread) < (spread > 2 ? 2e-5 : 2e-6));
    }
  }
}

void check_functions(const cpu::VectorKernels& vectors) {
  CAPTURE(vectors.name);
  std::vector<float> x, y, z;
  for (int i = -160000; i <= 160000; ++i) x.push_back(static_cast<float>(i) * 1e-3f);
  x.resize(x.size() + 5, 0.25f);  // not a multiple of 16
  y.resize(x.size()), z.resize(x.size());
  const auto n = static_cast<std::int64_t>(x.size());
  vectors.exp2(x.data(), y.data(), n);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (std::abs(x[i]) < 120) worst = std::max(worst, std::abs(y[i] / std::exp2(double{x[i]}) - 1));
  CHECK(worst < 2e-7);
  CHECK(y[0] < 1e-44f);
  const float special[3] = {std::nanf(""), -HUGE_VALF, -126.0f};
  float result[3];
  vectors.exp2(special, result, 3);
  CHECK(std::isnan(result[0]));
  CHECK(result[1] == 0.0f);
  CHECK(result[2] == std::exp2(-126.0f));
  vectors.gelu(x.data(), y.data(), n);
  worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    worst = std::max(worst, std::abs(y[i] - gelu(x[i])) / std::max(1.0, std::abs(double{x[i]})));
  CHECK(worst < 3e-7);
  std::vector<float> again(x.size()), derivative(x.size(), 2.0f);
  vectors.gelu_backward(x.data(), derivative.data(), derivative.data(), again.data(), n);
  CHECK(again == y);
  worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    worst = std::max(worst, std::abs(0.5 * derivative[i] - gelu_derivative(x[i])));
  CHECK(worst < 4e-7);
  for (float& v : x) v *= 51.2f;  // to +-8192
  vectors.sincos(x.data(), y.data(), z.data(), n);
  double sine = 0, cosine = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sine = std::max(sine, std::abs(y[i] - std::sin(double{x[i]})));
    cosine = std::max(cosine, std::abs(z[i] - std::cos(double{x[i]})));
  }
  CHECK(sine < 2e-7);
  CHECK(cosine < 2e-7);
}

}  // namespace

TEST_CASE("vectors of linear layers agree with double") {
  for (const cpu::VectorKernels* vectors : {cpu::avx2(), cpu::avx512()})
    if (vectors) check_gemm(&vectors->gemm);
}
TEST_CASE("AMX linear layers agree with double") { check_gemm(cpu::amx_gemm()); }
TEST_CASE("vectors of attention agree with double") {
  for (const cpu::VectorKernels* vectors : {cpu::avx2(), cpu::avx512()})
    if (vectors) check_attention(&vectors->attention);
}
TEST_CASE("AMX attention agrees with double") { check_attention(cpu::amx_attention()); }

TEST_CASE("AMX is as accurate as float32: bfloat16 products alone would be four digits worse") {
  if (!cpu::amx_gemm()) SKIP("not on this machine");
  const double amx = gemm_error(*cpu::amx_gemm(), 128, 192, 768, Epilogue::store, true, false);
  const double avx512 = gemm_error(cpu::avx512()->gemm, 128, 192, 768, Epilogue::store, true, false);
  CAPTURE(amx, avx512);
  CHECK(amx < 2 * avx512);
  CHECK(attention_error(*cpu::amx_attention(), 64, 1000, 64, 1) <
        2 * attention_error(cpu::avx512()->attention, 64, 1000, 64, 1));
}

TEST_CASE("vectors of exp2, gelu, sine and cosine") {
  for (const cpu::VectorKernels* vectors : {cpu::avx2(), cpu::avx512()})
    if (vectors) check_functions(*vectors);
}
