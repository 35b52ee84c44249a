#pragma once
// The type of JSON values for headers: core/json.hpp, which reads and writes them, is for sources alone.

#include <nlohmann/json_fwd.hpp>

namespace streamtube::core {

using Json = nlohmann::ordered_json;  // keys stay in the order they were given in

}  // namespace streamtube::core
