#pragma once
// A list of fields as JSON text, as data sets, checkpoints and descriptions hold it.

#include <string>
#include <vector>

#include "physics/fields.hpp"

namespace streamtube::mesh_io {

// Direct decoders are left out.
std::string fields_to_json(const std::vector<physics::FieldSpec>& fields);
// Error(input) naming `where`, the field and the key: not a list of at most 100, a missing or wrong value, a decoder
// that does not fit. A field without "decoder" is direct.
std::vector<physics::FieldSpec> fields_from_json(const std::string& text, const std::string& where);

}  // namespace streamtube::mesh_io
