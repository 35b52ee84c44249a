#include "mesh_io/foam_collated.hpp"

#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <string_view>
#include <system_error>

#include "core/error.hpp"
#include "mesh_io/input_file.hpp"

namespace streamtube::mesh_io {
namespace {

namespace fs = std::filesystem;
using core::bad_input;
using core::Error;
using core::ErrorKind;
using core::str;

constexpr const char* kCopyAgain = "copy the case again, or reconstruct it (reconstructPar)";

// "12" at the front of `text`, which is shortened by it.
std::optional<std::size_t> take_count(std::string_view& text) {
  std::size_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc()) return {};
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

// The lists of bytes behind the header of a collated file.
class Blocks {
 public:
  Blocks(std::string path, std::string_view text) : path_(std::move(path)), text_(text) {
    skip_space();
    const std::size_t end = text_.find('}');
    if (text_.substr(0, 8) != "FoamFile" || end == std::string_view::npos ||
        text_.substr(0, end).find("decomposedBlockData") == std::string_view::npos)
      bad_input(str("'", path_, "': it is not a file of several processors (decomposedBlockData)"), kCopyAgain);
    text_.remove_prefix(end + 1);
  }
  // Nothing at the end of the file.
  std::optional<std::string_view> next() {
    skip_space();
    if (text_.empty()) return {};
    const auto size = take_count(text_);
    if (!size) damaged();
    skip_space();
    if (text_.empty() || text_[0] != '(' || text_.size() - 1 <= *size || text_[*size + 1] != ')') damaged();
    const std::string_view block = text_.substr(1, *size);
    text_.remove_prefix(*size + 2);
    ++read_;
    return block;
  }

 private:
  [[noreturn]] void damaged() const {
    bad_input(str("'", path_, "': it ends or is damaged within the data of processor ", read_), kCopyAgain);
  }
  void skip_space() {
    for (;;) {
      const std::size_t begin = text_.find_first_not_of(" \t\r\n");
      text_.remove_prefix(std::min(begin, text_.size()));
      const std::string_view two = text_.substr(0, 2);
      if (two == "//")
        text_.remove_prefix(std::min(text_.find('\n'), text_.size()));
      else if (two == "/*")
        text_.remove_prefix(std::min(
            text_.size(), text_.find("*/", 2) == std::string_view::npos ? text_.size() : text_.find("*/", 2) + 2));
      else
        return;
    }
  }
  std::string path_;
  std::string_view text_;
  std::size_t read_ = 0;
};

// "FoamFile { ... }" of the first block, with what stands before it.
std::string_view header_of(std::string_view block, const std::string& path) {
  const std::size_t begin = block.find("FoamFile"), end = block.find('}', begin);
  if (begin == std::string_view::npos || end == std::string_view::npos)
    bad_input(str("'", path, "': the data of its first processor have no header"), kCopyAgain);
  return block.substr(0, end + 1);
}

}  // namespace

std::optional<CollatedCase> CollatedCase::find(const std::string& path) {
  constexpr std::string_view prefix = "processors";
  CollatedCase out;
  out.path_ = path;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(path, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(prefix, 0) != 0 || !entry.is_directory(ignored)) continue;
    std::string_view rest = std::string_view(name).substr(prefix.size());
    const auto all = take_count(rest);
    if (!all || *all == 0) continue;
    Part part{entry.path(), 0, *all};
    if (!rest.empty()) {  // _FIRST-LAST
      std::optional<std::size_t> first, last;
      if (rest[0] == '_') rest.remove_prefix(1), first = take_count(rest);
      if (first && !rest.empty() && rest[0] == '-') rest.remove_prefix(1), last = take_count(rest);
      if (!last || !rest.empty() || *first > *last || *last >= *all) continue;
      part.first = *first, part.count = *last - *first + 1;
    }
    if (out.processors_ != 0 && out.processors_ != *all)
      bad_input(
          str("'", path, "' (OpenFOAM case): it is decomposed for ", out.processors_, " and for ", *all, " processors"),
          "move the folders that are not wanted away");
    out.processors_ = *all;
    out.parts_.push_back(std::move(part));
  }
  if (out.parts_.empty()) return {};
  std::sort(out.parts_.begin(), out.parts_.end(), [](const Part& a, const Part& b) { return a.first < b.first; });
  std::size_t next = 0;
  for (const Part& part : out.parts_) {
    if (part.first > next) break;
    if (part.first < next)
      bad_input(str("'", path, "' (OpenFOAM case): processor ", part.first, " is in two of the folders processors",
                    out.processors_, "..."),
                "move the folder that is not wanted away");
    next += part.count;
  }
  if (next < out.processors_)
    bad_input(str("'", path, "' (OpenFOAM case): processor ", next, " is missing: there are ", out.processors_),
              kCopyAgain);
  return out;
}

std::vector<fs::path> CollatedCase::folders() const {
  std::vector<fs::path> out;
  for (const Part& part : parts_) out.push_back(part.folder);
  return out;
}

void CollatedCase::split(const std::string& name, const fs::path& to) const {
  if (fs::exists(to / "processor0" / name)) return;
  for (const Part& part : parts_) {
    const std::string path = (part.folder / name).string(), text = read_unpacked(path);
    Blocks blocks(path, text);
    std::string_view header;
    for (std::size_t i = 0; i < part.count; ++i) {
      const auto block = blocks.next();
      if (!block)
        bad_input(str("'", path, "': it has the data of ", i, " processors, not of ", part.count), kCopyAgain);
      if (i == 0) header = header_of(*block, path);
      const fs::path file = to / str("processor", part.first + i) / name;
      fs::create_directories(file.parent_path());
      std::ofstream out(file, std::ios::binary);
      // All but the first have their header by grace of the version that wrote them.
      if (block->substr(0, 4096).find("FoamFile") == std::string_view::npos) out << header << "\n";
      out << *block;
      if (!out.flush())
        throw Error(ErrorKind::runtime, str("cannot write '", file.string(), "': the disk may be full"),
                    "collated cases are taken apart there first: name a folder with room in TMPDIR");
    }
  }
}

ScratchFolder::ScratchFolder() {
  std::string name = (fs::temp_directory_path() / "streamtube-XXXXXX").string();
  if (!mkdtemp(name.data()))
    throw Error(ErrorKind::runtime, str("cannot make a folder '", name, "': ", std::generic_category().message(errno)),
                "name a folder that you may write in TMPDIR");
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace streamtube::mesh_io
