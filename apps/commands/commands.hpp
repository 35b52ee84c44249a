#pragma once
// The commands of the programs, one file each.

#include <string>
#include <vector>

#include "apps/cli/command.hpp"
#include "surrogate/train/curves.hpp"

namespace streamtube::apps {

// Need no mesh library: they are also those of streamtube-core.
std::unique_ptr<Command> make_convert();
std::unique_ptr<Command> make_devices();
std::unique_ptr<Command> make_dataset();
std::unique_ptr<Command> make_evaluate();
std::unique_ptr<Command> make_bench();
std::unique_ptr<Command> make_inspect_model();
std::unique_ptr<Command> make_predict_case();
// draw: of the loss, where the program can; throws core::Error where it cannot.
using LossPicture = void (*)(const std::string& path, const surrogate::Curves& curves, const std::string& title);
std::unique_ptr<Command> make_train(LossPicture draw);

std::unique_ptr<Command> make_predict();
std::unique_ptr<Command> make_inspect();
std::unique_ptr<Command> make_points();
std::unique_ptr<Command> make_solve();

}  // namespace streamtube::apps
