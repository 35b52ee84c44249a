#include "surrogate/train/optimizer.dev.hpp"

#include <cmath>

namespace streamtube::surrogate {

template <class T, class Space>
void gradient_norm(Context<Space>& context, Vec<const T, Space> gradients, Vec<double, Space> norm) {
  constexpr std::int64_t block = 4096;
  const std::int64_t size = static_cast<std::int64_t>(gradients.extent(0)), parts = (size + block - 1) / block;
  typename core::Arena<Space>::Scope scope(context.arena);
  Vec<double, Space> partial = take<double>(context, parts);
  if (context.measuring()) return;
  Kokkos::parallel_for(
      "streamtube::surrogate::gradient_norm::parts",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, parts),
      KOKKOS_LAMBDA(const std::int64_t part) {
        constexpr int lanes = 8;
        double sums[lanes] = {};
        const std::int64_t end = (part + 1) * block < size ? (part + 1) * block : size;
        std::int64_t i = part * block;
        for (; i + lanes <= end; i += lanes)
          for (int l = 0; l < lanes; ++l)
            sums[l] += static_cast<double>(gradients(i + l)) * static_cast<double>(gradients(i + l));
        for (; i < end; ++i) sums[0] += static_cast<double>(gradients(i)) * static_cast<double>(gradients(i));
        double sum = 0;
        for (int l = 0; l < lanes; ++l) sum += sums[l];
        partial(part) = sum;
      });
  Kokkos::parallel_for(
      "streamtube::surrogate::gradient_norm", Kokkos::RangePolicy<Space>(context.space, 0, 1),
      KOKKOS_LAMBDA(const int) {
        double sum = 0;
        for (std::int64_t part = 0; part < parts; ++part) sum += partial(part);
        norm(0) = Kokkos::sqrt(sum);
      });
}

template <class T, class Space>
void optimizer_step(Context<Space>& context, const OptimizerOptions& o, double rate, std::int64_t step,
                    Vec<const double, Space> norm, Vec<const T, Space> gradients, Vec<const T, Space> decays,
                    Vec<T, Space> parameters, Vec<T, Space> first, Vec<T, Space> second, Vec<T, Space> average) {
  typename core::Arena<Space>::Scope scope(context.arena);
  Vec<T, Space> shrink = take<T>(context, 1);
  if (context.measuring()) return;
  const bool adamw = o.kind == OptimizerOptions::Kind::adamw;
  const double clip = o.clip, keep = o.average_keep(step);
  const T decay = static_cast<T>(rate * o.weight_decay), beta1 = static_cast<T>(o.beta1),
          beta2 = static_cast<T>(o.beta2);
  const T step_size = static_cast<T>(adamw ? rate / (1 - std::pow(o.beta1, static_cast<double>(step))) : rate);
  const T root = static_cast<T>(std::sqrt(1 - std::pow(o.beta2, static_cast<double>(step)))),
          epsilon = static_cast<T>(o.epsilon), forget = static_cast<T>(1 - keep);
  Kokkos::parallel_for(
      "streamtube::surrogate::optimizer_step::clip", Kokkos::RangePolicy<Space>(context.space, 0, 1),
      KOKKOS_LAMBDA(const int) {
        const double factor = clip > 0 ? clip / (norm(0) + 1e-6) : 1.0;
        shrink(0) = static_cast<T>(factor < 1 ? factor : 1.0);
      });
  Kokkos::parallel_for(
      "streamtube::surrogate::optimizer_step",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, parameters.extent(0)),
      KOKKOS_LAMBDA(const std::int64_t i) {
        const T g = gradients(i) * shrink(0);
        T p = parameters(i) * (T(1) - decay * decays(i));
        if (adamw) {
          const T mean = beta1 * first(i) + (T(1) - beta1) * g, square = beta2 * second(i) + (T(1) - beta2) * g * g;
          p -= step_size * mean / (Kokkos::sqrt(square) / root + epsilon);
          first(i) = mean, second(i) = square;
        } else {
          const T direction = beta1 * first(i) + (T(1) - beta1) * g;
          p -= step_size * (direction > T(0) ? T(1) : direction < T(0) ? T(-1) : T(0));
          first(i) = beta2 * first(i) + (T(1) - beta2) * g;
        }
        parameters(i) = p;
        average(i) += forget * (p - average(i));
      });
}

#define STREAMTUBE_INSTANTIATE(T, S)                                                                                   \
  template void gradient_norm<T, S>(Context<S>&, Vec<const T, S>, Vec<double, S>);                                     \
  template void optimizer_step<T, S>(Context<S>&, const OptimizerOptions&, double, std::int64_t, Vec<const double, S>, \
                                     Vec<const T, S>, Vec<const T, S>, Vec<T, S>, Vec<T, S>, Vec<T, S>, Vec<T, S>);
STREAMTUBE_FOR_ALL_SPACES(STREAMTUBE_INSTANTIATE)
#undef STREAMTUBE_INSTANTIATE

}  // namespace streamtube::surrogate
