#pragma once
// Parts of a split for cross-validation.

#include <cstddef>
#include <string>

namespace streamtube::mesh_io {

// The part, 1..folds, that a case is held out with. It depends on the name alone, so that designs which come later move
// none of the others. Names of letters and one number at their end ("run_12") are dealt out by the number n, as
// floor(folds * frac(n * 0.618...)): every stretch of numbers, and every stretch of multiples, fills all parts alike
// to one or two. Other names go by their SHA-256. Error(internal) for no folds.
std::size_t fold_of(const std::string& name, std::size_t folds);

}  // namespace streamtube::mesh_io
