#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <regex>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/log.hpp"
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
      : out_(out), path_(std::move(path)), text_(read_unpacked(path_)), depth_(depth) {}

  // The entries belong to the dictionary `scope` ("a/b/"; "" the root).
  void parse(const std::string& scope) {
    base_ = scope;
    entries(scope);
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

  static std::string parent(std::string scope) {
    if (scope.empty()) return scope;
    scope.pop_back();
    const auto slash = scope.rfind('/');
    return scope.substr(0, slash == std::string::npos ? 0 : slash + 1);
  }

  // The full name of what a macro stands for: $name (here or nearer to the root), $a.b (of the dictionary a), ${name},
  // $:a.b (from the root), $..name (of the dictionary around this one), $!a/b (from the root). Empty: there is none.
  std::string target_of(std::string macro, std::string scope) const {
    macro.erase(0, 1);
    if (macro.size() > 1 && macro.front() == '{' && macro.back() == '}') macro = macro.substr(1, macro.size() - 2);
    bool only_here = false;
    if (macro.rfind(':', 0) == 0 || macro.rfind('!', 0) == 0) {
      macro.erase(0, 1), scope.clear(), only_here = true;
    } else if (macro.rfind('.', 0) == 0) {
      macro.erase(0, 1), only_here = true;  // this dictionary; each further one: that around it
      for (; macro.rfind('.', 0) == 0; macro.erase(0, 1)) scope = parent(scope);
    }
    std::string path = macro;
    std::replace(path.begin(), path.end(), '.', '/');
    for (;; scope = parent(scope)) {
      for (const std::string& name : {macro, path})  // a name may hold a dot
        if (out_.find(scope + name)) return scope + name;
      if (only_here || scope.empty()) return {};
    }
  }

  // `$name;` among entries: what the dictionary `name` holds is here too.
  void insert(const std::string& macro, const std::string& scope) {
    const std::string from = target_of(macro, scope);
    if (from.empty()) {
      say(str(macro, " names nothing that stands above it: what it says is not known"));
      return;
    }
    const std::size_t count = out_.entries_.size();
    for (std::size_t i = 0; i < count; ++i)
      if (out_.entries_[i].first.rfind(from + '/', 0) == 0) {
        const auto entry = out_.entries_[i];  // a copy: the list grows
        out_.entries_.emplace_back(scope + entry.first.substr(from.size() + 1), entry.second);
        if (out_.entries_.size() > kMostEntries) fail("its macros make more than a million entries");
      }
  }

  // The folder of the case that a dictionary belongs to: the nearest one around it with a folder `system`.
  fs::path case_folder() const {
    std::error_code ignored;
    const fs::path file = fs::absolute(path_, ignored);
    for (fs::path folder = file.parent_path(); folder != folder.parent_path(); folder = folder.parent_path())
      if (fs::is_directory(folder / "system", ignored)) return folder;
    return file.parent_path();
  }

  // The file that an #include names; empty where it is not there.
  std::string included(std::string file) const {
    const auto replace = [&](const char* mark, const fs::path& by) {
      if (const auto at = file.find(mark); at != std::string::npos)
        file.replace(at, std::string(mark).size(), by.string());
    };
    const fs::path folder = case_folder();
    replace("$FOAM_CASE", folder), replace("${FOAM_CASE}", folder), replace("<case>", folder);
    replace("<system>", folder / "system"), replace("<constant>", folder / "constant");
    std::error_code ignored;
    for (const fs::path& from : {fs::path(path_).parent_path(), folder / "system"})
      if (const fs::path path = from / file; fs::is_regular_file(path, ignored)) return path.string();
    return {};
  }

  void include(const std::string& file, const std::string& scope) {
    if (depth_ > kMostIncludes) fail("files include one another");
    FoamDictionaryParser(out_, file, depth_ + 1).parse(scope);
  }

  void directive(const std::string& name, const std::string& scope) {
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    if (name == "#include" || name == "#includeIfPresent" || name == "#sinclude" || name == "#includeEtc") {
      const std::string given = unquoted(word());
      std::string file = name == "#includeEtc" ? std::string() : included(given);
      const char* etc = std::getenv("FOAM_ETC");
      std::error_code ignored;
      if (name == "#includeEtc" && etc && fs::is_regular_file(fs::path(etc) / given, ignored))
        file = (fs::path(etc) / given).string();
      if (!file.empty())
        include(file, scope);
      else if (name == "#include" || name == "#includeEtc")
        say(str(name, " \"", given, "\" names no file that is here: what it says is not known"));
    } else if (name == "#includeFunc") {
      // A function object in a file of its own: system/NAME holds its entries.
      std::string function = unquoted(word());
      at_ = end;
      function.erase(std::min(function.find('('), function.size()));
      if (const std::string file = included(function); !file.empty()) {
        out_.entries_.emplace_back(scope + function, "");
        include(file, scope + function + '/');
      }
    } else {
      if (name != "#inputMode" && name != "#remove") say(str(name, " is left out"));
      at_ = end;
    }
  }

  void say(const std::string& what) const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    out_.unread_.push_back(str("'", path_, "' (OpenFOAM dictionary): line ", line, ": ", what));
  }

  // Up to the end of the file or the '}' of the dictionary `scope` ("a/b/").
  void entries(const std::string& scope) {
    int list = 0;  // of dictionaries, such as polyMesh/boundary
    for (;;) {
      std::string name = word();
      if (name.empty()) {
        if (scope != base_) fail(str("the dictionary '", scope.substr(0, scope.size() - 1), "' does not end"));
        if (list > 0) fail("a list does not end");
        return;
      }
      if (name == "}") {
        if (scope == base_) --at_;
        return;
      }
      if (name == ";") continue;
      if (name == "(" || name == ")") {
        list += name == "(" ? 1 : -1;
        if (list < 0) fail("')' closes nothing");
        continue;
      }
      if (name[0] == '#') {
        directive(name, scope);
        continue;
      }
      if (name[0] == '$') {
        insert(name, scope);
        continue;
      }
      // A quoted name is a pattern (find() knows), unless nothing in it makes it one.
      if (name[0] == '"' && name.find_first_of(".*+?|()[]{}^$\\") == std::string::npos) name = unquoted(name);
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
        // "${name}" comes in pieces, as braces stand alone.
        if (next == "$" && at_ < text_.size() && text_[at_] == '{') {
          const std::size_t close = text_.find('}', at_);
          if (close == std::string::npos) fail("'${' does not end");
          next += text_.substr(at_, close + 1 - at_);
          at_ = close + 1;
        }
        if (next.size() > 1 && next[0] == '$')
          if (const std::string from = target_of(next, scope); !from.empty()) next = *out_.find(from);
        if (!value.empty()) value += ' ';
        value += unquoted(next);
      }
      out_.entries_.emplace_back(scope + name, value);
    }
  }

  FoamDictionary& out_;
  static constexpr int kMostIncludes = 10;
  static constexpr std::size_t kMostEntries = 1'000'000;
  std::string path_, text_, base_;
  std::size_t at_ = 0;
  int depth_, nesting_ = 0;
};

namespace {

// Whether "a/b/c" is meant by "a/"(b|x)"/c": names part by part, quoted ones as patterns.
bool is_meant(const std::string& pattern, const std::string& name) {
  std::size_t p = 0, n = 0;
  while (p < pattern.size() && n < name.size()) {
    const std::size_t end = std::min(name.find('/', n), name.size());
    const std::string part = name.substr(n, end - n);
    std::size_t next;
    if (pattern[p] == '"') {
      const std::size_t close = pattern.find('"', p + 1);
      if (close == std::string::npos) return false;
      try {
        if (!std::regex_match(part, std::regex(pattern.substr(p + 1, close - p - 1), std::regex::extended)))
          return false;
      } catch (const std::regex_error&) {
        return false;
      }
      next = close + 1;
    } else {
      next = std::min(pattern.find('/', p), pattern.size());
      if (pattern.compare(p, next - p, part) != 0) return false;
    }
    p = next + 1, n = end + 1;
  }
  return p == pattern.size() + 1 && n == name.size() + 1;
}

}  // namespace

FoamDictionary FoamDictionary::read(const std::string& path) {
  FoamDictionary out;
  out.path_ = path;
  FoamDictionaryParser(out, path, 0).parse("");
  return out;
}

void FoamDictionary::add(const std::string& path, const std::string& dictionary) {
  FoamDictionaryParser(*this, path, 0).parse(dictionary + '/');
}

const std::string* FoamDictionary::find(const std::string& name) const {
  // The last one counts, as in OpenFOAM, and a name before a pattern.
  for (auto it = entries_.rbegin(); it != entries_.rend(); ++it)
    if (it->first == name) return &it->second;
  for (auto it = entries_.rbegin(); it != entries_.rend(); ++it)
    if (it->first.find('"') != std::string::npos && is_meant(it->first, name)) return &it->second;
  return nullptr;
}

std::optional<double> FoamDictionary::number(const std::string& name) const {
  const std::string* value = find(name);
  if (value && (value->rfind("#calc", 0) == 0 || value->rfind("#eval", 0) == 0 || value->rfind("#codeStream", 0) == 0))
    throw Error(ErrorKind::input,
                str("'", path_, "' (OpenFOAM dictionary): '", name, "' is ", value->substr(0, 80),
                    ", which only OpenFOAM can compute"),
                "write the number in its place");
  if (value && value->size() > 1 && value->front() == '$')
    throw Error(ErrorKind::input,
                str("'", path_, "' (OpenFOAM dictionary): '", name, "' is ", value->substr(0, 80),
                    ", a macro that names nothing above it"),
                "write the number in its place, or add the entry that the macro names");
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
