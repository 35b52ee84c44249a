#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/error.hpp"
#include "core/files.hpp"
#include "mesh_io/input_file.hpp"
#include "mesh_io/openfoam.hpp"

namespace streamtube::mesh_io {

using core::Error;
using core::ErrorKind;
using core::str;
namespace fs = std::filesystem;

// Reads one file, and those it includes, into the entries of one dictionary.
class FoamDictionaryParser {
 public:
  FoamDictionaryParser(FoamDictionary& out, std::string path, int depth)
      : out_(out), path_(std::move(path)), text_(core::read_text(path_)), depth_(depth) {}

  void parse() {
    entries("");
    if (at_ < text_.size()) fail("'}' closes nothing");
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    throw Error(ErrorKind::input, str("'", path_, "' (OpenFOAM dictionary): line ", line, ": ", what),
                "the file is truncated or damaged; copy it again");
  }

  void skip_space() {
    for (;;) {
      while (at_ < text_.size() && static_cast<unsigned char>(text_[at_]) <= ' ') ++at_;
      if (text_.compare(at_, 2, "//") == 0) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.compare(at_, 2, "/*") == 0) {
        const std::size_t end = text_.find("*/", at_ + 2);
        if (end == std::string::npos) fail("a comment does not end");
        at_ = end + 2;
      } else {
        return;
      }
    }
  }

  // A quoted text, one of { } ( ) [ ] ; or what stands between these and blanks. Empty at the end.
  std::string word() {
    skip_space();
    if (at_ == text_.size()) return {};
    const std::size_t begin = at_;
    if (text_[at_] == '"') {
      const std::size_t end = text_.find('"', at_ + 1);
      if (end == std::string::npos) fail("a string does not end");
      at_ = end + 1;
      return text_.substr(begin, at_ - begin);
    }
    constexpr const char* kMarks = "{}()[];";
    if (std::string(kMarks).find(text_[at_]) != std::string::npos) return std::string(1, text_[at_++]);
    while (at_ < text_.size() && static_cast<unsigned char>(text_[at_]) > ' ' && text_[at_] != '"') {
      // Parentheses belong to words such as div(phi,U).
      if (text_[at_] == '(' && at_ > begin) {
        const std::size_t end = text_.find_first_of(")\n", at_);
        if (end == std::string::npos || text_[end] == '\n') break;
        at_ = end + 1;
        continue;
      }
      if (std::string(kMarks).find(text_[at_]) != std::string::npos) break;
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }

  static std::string unquoted(const std::string& word) {
    return word.size() >= 2 && word[0] == '"' ? word.substr(1, word.size() - 2) : word;
  }

  // "a/b/name", or nearer to the root.
  const std::string* look_up(std::string scope, const std::string& name) const {
    for (;;) {
      if (const std::string* value = out_.find(scope + name)) return value;
      if (scope.empty()) return nullptr;
      scope.pop_back();
      const auto slash = scope.rfind('/');
      scope.erase(slash == std::string::npos ? 0 : slash + 1);
    }
  }

  void directive(const std::string& name) {
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    if (name == "#include" || name == "#includeIfPresent" || name == "#sinclude") {
      const std::string file = unquoted(word());
      const fs::path path = fs::path(path_).parent_path() / file;
      std::error_code ignored;
      if (file.find('$') == std::string::npos && fs::is_regular_file(path, ignored)) {
        if (depth_ > 10) fail("files include one another");
        FoamDictionaryParser(out_, path.string(), depth_ + 1).parse();
      }
    } else {
      at_ = end;
    }
  }

  // Up to the end of the file or the '}' of the dictionary `scope` ("a/b/").
  void entries(const std::string& scope) {
    int list = 0;  // of dictionaries, such as polyMesh/boundary
    for (;;) {
      std::string name = word();
      if (name.empty()) {
        if (!scope.empty()) fail(str("the dictionary '", scope.substr(0, scope.size() - 1), "' does not end"));
        if (list > 0) fail("a list does not end");
        return;
      }
      if (name == "}") {
        if (scope.empty()) --at_;
        return;
      }
      if (name == ";") continue;
      if (name == "(" || name == ")") {
        list += name == "(" ? 1 : -1;
        if (list < 0) fail("')' closes nothing");
        continue;
      }
      if (name[0] == '#') {
        directive(name);
        continue;
      }
      name = unquoted(name);
      skip_space();
      if (at_ < text_.size() && text_[at_] == '{') {
        ++at_;
        out_.entries_.emplace_back(scope + name, "");
        if (++nesting_ > 100) fail("dictionaries are nested too deep");
        entries(scope + name + '/');
        --nesting_;
        continue;
      }
      if (at_ < text_.size() && text_[at_] == '(' && list == 0 &&
          name.find_first_not_of("0123456789") == std::string::npos)
        continue;  // the length of a list
      std::string value;
      int open = 0;
      for (;;) {
        std::string next = word();
        if (next.empty()) {
          if (scope.empty() && value.empty()) break;  // a lone word, as in a list
          fail(str("the value of '", scope + name, "' does not end"));
        }
        if (next == ";" && open == 0) break;
        if (next == "}" && open == 0) {
          --at_;
          break;
        }
        if (next == "(" || next == "{") ++open;
        if (next == ")" || next == "}") --open;
        if (next.size() > 1 && next[0] == '$') {
          std::string macro = next.substr(1);
          if (macro[0] == '{' || macro[0] == ':') macro.erase(0, 1);
          if (const std::string* found = look_up(scope, macro)) next = *found;
        }
        if (!value.empty()) value += ' ';
        value += unquoted(next);
      }
      out_.entries_.emplace_back(scope + name, value);
    }
  }

  FoamDictionary& out_;
  std::string path_, text_;
  std::size_t at_ = 0;
  int depth_, nesting_ = 0;
};

FoamDictionary FoamDictionary::read(const std::string& path) {
  FoamDictionary out;
  out.path_ = path;
  FoamDictionaryParser(out, path, 0).parse();
  return out;
}

const std::string* FoamDictionary::find(const std::string& name) const {
  // The last one counts, as in OpenFOAM.
  for (auto it = entries_.rbegin(); it != entries_.rend(); ++it)
    if (it->first == name) return &it->second;
  return nullptr;
}

std::optional<double> FoamDictionary::number(const std::string& name) const {
  const std::string* value = find(name);
  double x = 0;
  if (!value || !parse_number(value->substr(value->rfind(' ') + 1), x) || !std::isfinite(x)) return {};
  return x;
}

std::vector<std::string> FoamDictionary::words(const std::string& name) const {
  std::vector<std::string> out;
  const std::string* value = find(name);
  if (!value) return out;
  for (std::size_t begin = 0; begin <= value->size();) {
    const std::size_t end = std::min(value->find(' ', begin), value->size());
    const std::string word = value->substr(begin, end - begin);
    if (!word.empty() && word != "(" && word != ")") out.push_back(word);
    begin = end + 1;
  }
  return out;
}

std::vector<std::string> FoamDictionary::children(const std::string& dictionary) const {
  const std::string prefix = dictionary.empty() ? "" : dictionary + '/';
  std::vector<std::string> out;
  for (const auto& [name, value] : entries_) {
    if (name.size() <= prefix.size() || name.compare(0, prefix.size(), prefix) != 0) continue;
    const std::string child = name.substr(prefix.size());
    if (child.find('/') == std::string::npos && std::find(out.begin(), out.end(), child) == out.end())
      out.push_back(child);
  }
  return out;
}

}  // namespace streamtube::mesh_io
