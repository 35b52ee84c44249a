#pragma once
// The commands of the program, one file each.

#include "apps/cli/command.hpp"

namespace streamtube::apps {

std::unique_ptr<Command> make_predict();
std::unique_ptr<Command> make_inspect();
std::unique_ptr<Command> make_convert();
std::unique_ptr<Command> make_devices();
std::unique_ptr<Command> make_dataset();
std::unique_ptr<Command> make_train();
std::unique_ptr<Command> make_evaluate();
std::unique_ptr<Command> make_bench();

}  // namespace streamtube::apps
