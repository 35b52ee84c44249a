#pragma once
// Text inside XML and HTML.

#include <string>
#include <string_view>

namespace streamtube::core {

// With &, <, > and " written so that they are no markup, between tags as in quoted attributes.
inline std::string markup_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

}  // namespace streamtube::core
