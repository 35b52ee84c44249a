#pragma once
// The published splits in data_samples/splits, built in and chosen by name.

#include <string>
#include <utility>
#include <vector>

#include "mesh_io/h5/splits.hpp"

namespace streamtube::apps {

const std::vector<std::pair<std::string, std::string>>& embedded_splits();  // file name, text; written by CMake

std::string known_splits();  // "ahmedml_emmi, drivaerml_emmi, ..."
// Of that name, else of a JSON file. Error(input); for a path that is not there and looks like a name, with the known.
mesh_io::Splits read_splits(const std::string& name_or_path);

}  // namespace streamtube::apps
