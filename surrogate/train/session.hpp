#pragma once
// Runs a recipe: data, loader, trainer, schedule, logs, validation, checkpoints. In the folder `out`:
//   last.h5, best.h5   checkpoints that predict takes, with the averaged weights; best: lowest validation error
//   state.h5           all that --resume needs
//   recipe.json        every option of the run, for read_recipe()
//   log.jsonl          a JSON object a line: update, loss and its parts, rate, gradient norm, seconds; errors
//   curves.csv         the same as a table, see curves.hpp; written with the state
//   bad_batch.json     only when the loss was not finite: the batch that caused it

#include <string>
#include <vector>

#include "core/processes.hpp"
#include "surrogate/train/recipe.hpp"

namespace streamtube::surrogate {

struct SessionOptions {
  bool resume = false, overwrite = false, dry_run = false;
  std::int64_t stop_after = 0;  // end as by a signal once so many updates are done; 0: not
};

struct SessionResult {
  std::int64_t updates = 0;
  double loss = 0;                         // mean of the last logged updates
  double best = 0;                         // least "choice" of Validation::errors(); 0: none
  std::size_t parameters = 0, memory = 0;  // bytes: scratch, weights and moments
  std::size_t train_cases = 0, validation_cases = 0;
  bool interrupted = false;  // by a signal; everything was saved
};

// Throws Error(input) for what is wrong in recipe, data or state; Error(runtime) for too little memory (before the
// start), a loss that is not finite, a full disk. A resumed run gives the bits of one that was not interrupted.
// With several processes every one calls it, inside Processes::run(), and gets the same result; rank 0 alone writes.
SessionResult run_session(const Recipe& recipe, const SessionOptions& options, const core::Processes& processes = {});

}  // namespace streamtube::surrogate
