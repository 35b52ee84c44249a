#pragma once
// The commands of the programs, one file each.

#include <string>
#include <vector>

#include "apps/cli/command.hpp"
#include "apps/cli/drag_budget.hpp"
#include "mesh_io/h5/import.hpp"
#include "surrogate/train/curves.hpp"

namespace streamtube::apps {

// Need no mesh library: they are also those of streamtube-core.
std::unique_ptr<Command> make_convert();
std::unique_ptr<Command> make_devices();
// layouts: mesh_io::all_layouts, where the program has the mesh libraries; null: that of .h5 files alone.
using LayoutsOf = mesh_io::Layouts (*)(const std::string& changes, const std::string& only);
// generate: its subcommand of that name, where the program can.
std::unique_ptr<Command> make_dataset(LayoutsOf layouts, std::unique_ptr<Command> generate = nullptr);
// budget: make_budget, where the program can draw from bodies.
std::unique_ptr<Command> make_evaluate(MakeBudget budget);
std::unique_ptr<Command> make_bench();
std::unique_ptr<Command> make_inspect_model();
std::unique_ptr<Command> make_predict_case();
// draw: of the loss, where the program can; throws core::Error where it cannot.
using LossPicture = void (*)(const std::string& path, const surrogate::Curves& curves, const std::string& title);
std::unique_ptr<Command> make_train(LossPicture draw);

std::unique_ptr<Command> make_compare();
std::unique_ptr<Command> make_predict();
std::unique_ptr<Command> make_inspect();
std::unique_ptr<Command> make_repair();
std::unique_ptr<Command> make_points();
std::unique_ptr<Command> make_sweep();
std::unique_ptr<Command> make_report();
std::unique_ptr<Command> make_optimise();
std::unique_ptr<Command> make_solve();
std::unique_ptr<Command> make_generate();  // of dataset
std::unique_ptr<Command> make_initialise();

}  // namespace streamtube::apps
