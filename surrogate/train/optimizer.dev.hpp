#pragma once
// Optimisers on flat blocks of parameters. AdamW: Loshchilov and Hutter, arXiv 1711.05101; LION: Chen et al., arXiv
// 2302.06675. Decay is decoupled in both: parameters shrink by rate * decay before the step.

#include "surrogate/ops/types.dev.hpp"
#include "surrogate/train/trainer.hpp"

namespace streamtube::surrogate {

// norm [1] (double): the 2-norm of all gradients, summed in a fixed order.
template <class T, class Space>
void gradient_norm(Context<Space>& context, Vec<const T, Space> gradients, Vec<double, Space> norm);

// parameters, gradients, first, second, average: [P] each (second only for AdamW). decays [P]: 1 where the decay
// applies. Gradients are scaled by min(1, clip / (norm + 1e-6)) on the way (clip <= 0: not). step counts from 1.
// average += (1 - keep) (parameters - average), after the step.
template <class T, class Space>
void optimizer_step(Context<Space>& context, const OptimizerOptions& options, double rate, std::int64_t step,
                    Vec<const double, Space> norm, Vec<const T, Space> gradients, Vec<const T, Space> decays,
                    Vec<T, Space> parameters, Vec<T, Space> first, Vec<T, Space> second, Vec<T, Space> average);

}  // namespace streamtube::surrogate
