#include "apps/cli/command.hpp"
#include "apps/cli/loss_picture.hpp"
#include "apps/commands/commands.hpp"
#include "mesh_io/layouts/table_layout.hpp"

int main(int argc, char** argv) {
  using namespace streamtube::apps;
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(make_predict());
  commands.push_back(make_inspect());
  commands.push_back(make_repair());
  commands.push_back(make_points());
  commands.push_back(make_sweep());
  commands.push_back(make_report());
  commands.push_back(make_optimise());
  commands.push_back(make_solve());
  commands.push_back(make_initialise());
  commands.push_back(make_convert());
  commands.push_back(make_dataset(&streamtube::mesh_io::all_layouts, make_generate()));
  commands.push_back(make_train(&write_loss_picture));
  commands.push_back(make_evaluate(&make_budget));
  commands.push_back(make_compare());
  commands.push_back(make_bench());
  commands.push_back(make_devices());
  return run(argc, argv, "streamtube", commands);
}
