#pragma once
// Several data sets in one file.

#include <string>
#include <vector>

namespace streamtube::mesh_io {

// Cases of all inputs (files or folders) with their splits, joined by name; checksums are compared on the way. The
// rules of splits stay where all inputs have the same; what is known of the scatter of labels is pooled. Error(usage):
// the output is there and not to be replaced, or is one of the inputs. Error(input): other fields, a case that two
// inputs have, or that is in two splits which exclude each other.
void merge_datasets(const std::vector<std::string>& inputs, const std::string& output, bool overwrite);

}  // namespace streamtube::mesh_io
