#pragma once
// Drag and lift of an evaluation beside what can be said without a network, as people and programs read it.

#include <map>
#include <string>
#include <vector>

#include "solver/baselines.hpp"
#include "solver/evaluation.hpp"

namespace streamtube::apps {

struct Standing {
  std::string name, meaning;
  std::size_t cases = 0;
  physics::CoefficientError cd, cl;
  physics::CoefficientIntervals cd_interval, cl_interval;
};
// The model first, then the baselines, all with the same resamples of the cases.
std::vector<Standing> standings(const std::string& model, const solver::EvaluationResult& result,
                                const std::vector<solver::Baseline>& baselines, std::uint64_t seed);

std::string standings_text(const std::vector<Standing>& standings);
// {"Cd": {"model": {"r2": ..., "r2_90": [low, high], ...}, ...}, "Cl": ...}
std::string standings_json_text(const std::vector<Standing>& standings);

// "" where the data say nothing.
std::string label_text(const std::map<std::string, solver::LabelScatter>& labels);
std::string label_json_text(const std::map<std::string, solver::LabelScatter>& labels);

// How far labels of one design are apart, one line a quantity, each after `indent`; "" where nothing is known.
std::string label_noise_text(const mesh_io::LabelNoise& noise, const std::string& indent);

}  // namespace streamtube::apps
