// streamtube-core: what needs no mesh library, for machines that have little beside a GPU.
#include "apps/cli/command.hpp"
#include "apps/commands/commands.hpp"

int main(int argc, char** argv) {
  using namespace streamtube::apps;
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(make_predict_case());
  commands.push_back(make_inspect_model());
  commands.push_back(make_convert());
  commands.push_back(make_dataset(nullptr));
  commands.push_back(make_train(nullptr));
  commands.push_back(make_evaluate(nullptr));
  commands.push_back(make_bench());
  commands.push_back(make_devices());
  return run(argc, argv, "streamtube-core", commands);
}
