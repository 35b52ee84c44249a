#pragma once
// JSON in and out, for everything the program reads and writes: one reader that deep, huge or doubtful texts cannot
// break, one writer that names in any encoding cannot break.

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/json_fwd.hpp"

namespace streamtube::core {

constexpr int kMostJsonDepth = 64;                                     // lists and objects within one another
constexpr std::size_t kMostJsonBytes = std::size_t{64} * 1024 * 1024;  // of a text

// The value of a text; comments (// and /* */) may stand in it. Takes time in proportion to the text. Throws
// Error(input) that begins with `where` and says line and column: no JSON, a key twice in an object, deeper than
// kMostJsonDepth, longer than kMostJsonBytes, a byte order mark of another encoding than UTF-8.
Json parse_json(std::string_view text, const std::string& where = "the text", const std::string& hint = {});
// The same; is_discarded() where parse_json() would throw.
Json try_json(std::string_view text);
// Of a file; also Error(input) where it cannot be read.
Json read_json(const std::string& path, const std::string& hint = {});

// One line, or, with an indent, one line a value. Bytes that are not UTF-8 become U+FFFD.
std::string json_text(const Json& json, int indent = -1);

}  // namespace streamtube::core
