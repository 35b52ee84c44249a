#pragma once
// Bytes that are to be text.

#include <string>
#include <string_view>

namespace streamtube::core {

// Whether the bytes are UTF-8 (RFC 3629: no overlong form, no surrogate, nothing beyond U+10FFFF).
bool is_utf8(std::string_view text);

// UTF-16 as UTF-8. What is no character (half a pair, an odd byte at the end) becomes U+FFFD.
std::string utf16_to_utf8(std::string_view bytes, bool big_endian);

}  // namespace streamtube::core
