#pragma once
// JSON as text.

#include <string>

namespace streamtube::apps {

// Also where names of files in it are not UTF-8: what is none is replaced. indent: -1 for one line.
template <class Json>
std::string json_text(const Json& json, int indent = 2) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace streamtube::apps
