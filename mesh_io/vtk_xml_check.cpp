#include "mesh_io/vtk_xml_check.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/error.hpp"

namespace streamtube::mesh_io {
using core::str;

namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  return text;
}

// Value of name="..." in a tag; empty if it has none.
std::string_view attribute(std::string_view tag, std::string_view name) {
  for (std::size_t at = tag.find(name); at != std::string_view::npos; at = tag.find(name, at + 1)) {
    if (at == 0 || static_cast<unsigned char>(tag[at - 1]) > ' ') continue;
    std::size_t open = at + name.size();
    while (open < tag.size() && (static_cast<unsigned char>(tag[open]) <= ' ' || tag[open] == '=')) ++open;
    if (open >= tag.size() || (tag[open] != '"' && tag[open] != '\'')) continue;
    const std::size_t close = tag.find(tag[open], open + 1);
    if (close == std::string_view::npos) return {};
    return trimmed(tag.substr(open + 1, close - open - 1));
  }
  return {};
}

// The first `wanted` bytes of base64 text; fewer when it ends before.
std::string decode(std::string_view text, std::size_t wanted) {
  static const std::array<int, 256> digits = [] {
    std::array<int, 256> table;
    table.fill(-1);
    const std::string_view all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < all.size(); ++i) table[static_cast<unsigned char>(all[i])] = static_cast<int>(i);
    return table;
  }();
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const int digit = digits[static_cast<unsigned char>(c)];
    if (digit < 0) break;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if ((held += 6) >= 8) out += static_cast<char>(bits >> (held -= 8) & 0xff);
    if (out.size() == wanted) break;
  }
  return out;
}

class Checker {
 public:
  explicit Checker(const InputFile& file) : file_(file), text_(file.text()) {}

  void run() {
    // VTK reads what lies before appended data without missing the rest.
    if (text_.substr(text_.size() - std::min<std::size_t>(text_.size(), 256)).find("</VTKFile>") == text_.npos)
      file_.fail(str("truncated: it does not end with </VTKFile> (", file_.size(), " bytes)"),
                 "export or copy the file again");
    const std::size_t appended = text_.find("<AppendedData");
    const std::string_view xml = text_.substr(0, appended);
    const std::string_view root = tag_at(xml, xml.find("<VTKFile"));
    const std::string_view width = attribute(root, "header_type");
    if (!width.empty() && width != "UInt32" && width != "UInt64")
      file_.fail(str("unknown header type ", quoted(width)));
    word_ = width == "UInt64" ? 8 : 4;
    big_endian_ = attribute(root, "byte_order") == "BigEndian";
    if (appended != text_.npos) {
      raw_ = attribute(tag_at(text_, appended), "encoding") == "raw";
      data_ = text_.find('_', text_.find('>', appended));
    }
    check_depth(xml);
    const bool compressed = !attribute(root, "compressor").empty();
    for (std::size_t at = xml.find('<'); at != xml.npos; at = xml.find('<', at + 1)) {
      const std::string_view tag = tag_at(xml, at);
      check_counts(tag);
      if (tag.substr(0, 10) != "<DataArray" && tag.substr(0, 6) != "<Array") continue;
      const std::string_view type = attribute(tag, "type");
      if (std::find(std::begin(kTypes), std::end(kTypes), type) == std::end(kTypes))
        fail(tag, str("has the unknown type ", quoted(type)));
      if (compressed) check_array(tag, text_.substr(at + tag.size()));
    }
  }

 private:
  static constexpr int kMostDepth = 64;
  static constexpr std::string_view kTypes[] = {"Int8",  "UInt8",  "Int16",   "UInt16",  "Int32",  "UInt32",
                                                "Int64", "UInt64", "Float32", "Float64", "String", "Bit"};

  static std::string_view tag_at(std::string_view text, std::size_t at) {
    return at == text.npos ? std::string_view() : text.substr(at, text.find('>', at) - at + 1);
  }

  // VTK's tree of elements is built and taken down by recursion.
  void check_depth(std::string_view xml) const {
    int depth = 0;
    for (std::size_t at = xml.find('<'); at != xml.npos; at = xml.find('<', at + 1)) {
      if (at + 1 >= xml.size() || xml[at + 1] == '!' || xml[at + 1] == '?') continue;
      const std::size_t end = xml.find('>', at);
      if (xml[at + 1] == '/')
        --depth;
      else if (end == xml.npos || xml[end - 1] != '/')
        ++depth;
      if (depth > kMostDepth)
        file_.fail(str("its elements lie more than ", kMostDepth, " deep in one another"), kDamaged);
    }
  }

  void check_counts(std::string_view tag) const {
    for (const char* name : {"NumberOfPoints", "NumberOfCells", "NumberOfPolys", "NumberOfStrips", "NumberOfVerts",
                             "NumberOfLines", "NumberOfTuples", "NumberOfComponents"}) {
      const std::string_view word = attribute(tag, name);
      if (word.empty()) continue;
      double value = -1;
      // Compression packs constant data a thousand to one; no mesh goes beyond.
      if (!parse_number(word, value) || !(value >= 0) || value > 2000.0 * static_cast<double>(file_.size()))
        file_.fail(str(name, "=", quoted(word), " cannot be in a file of ", file_.size(), " bytes"), kDamaged);
    }
  }

  void check_array(std::string_view tag, std::string_view content) const {
    const std::string_view format = attribute(tag, "format");
    if (format == "appended") {
      std::int64_t offset = -1;
      if (!parse_integer(attribute(tag, "offset"), offset) || offset < 0 || data_ == text_.npos ||
          static_cast<std::size_t>(offset) >= text_.size() - data_ - 1)
        fail(tag, str("its data begin at ", quoted(attribute(tag, "offset")), ", outside the file"));
      check_blocks(tag, text_.substr(data_ + 1 + static_cast<std::size_t>(offset)), raw_);
    } else if (format == "binary") {
      check_blocks(tag, trimmed(content.substr(0, content.find('<'))), false);
    }
  }

  // [blocks][bytes a block][bytes of the last][compressed bytes of each]
  void check_blocks(std::string_view tag, std::string_view data, bool raw) const {
    const auto head = [&](std::size_t words) {
      std::string bytes = raw ? std::string(data.substr(0, words * word_)) : decode(data, words * word_);
      if (bytes.size() < words * word_) fail(tag, "its data are cut short");
      return bytes;
    };
    const std::uint64_t size = file_.size(), blocks = number(head(1), 0);
    if (blocks == 0) return;
    if (blocks > size / word_) fail(tag, str("its data have ", blocks, " blocks"));
    const std::string bytes = head(3 + blocks);
    const std::uint64_t block = number(bytes, 1), last = number(bytes, 2);
    if (block == 0 || block > 2000 * size + (1 << 20) || last > block || blocks > 2000 * size / block + 1)
      fail(tag, str("its data have ", blocks, " blocks of ", block, " bytes, the last of ", last));
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < blocks; ++i) {
      const std::uint64_t packed = number(bytes, 3 + i);
      if (packed > size || (sum += packed) > size) fail(tag, "its data are cut short");
    }
  }

  std::uint64_t number(const std::string& bytes, std::size_t index) const {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < word_; ++i)
      value = value << 8 | static_cast<unsigned char>(bytes[index * word_ + (big_endian_ ? i : word_ - 1 - i)]);
    return value;
  }

  [[noreturn]] void fail(std::string_view tag, const std::string& what) const {
    file_.fail(str("array ", quoted(attribute(tag, "Name")), ": ", what), kDamaged);
  }

  const InputFile& file_;
  std::string_view text_;
  std::size_t word_ = 4, data_ = std::string_view::npos;
  bool big_endian_ = false, raw_ = false;
};

}  // namespace

void check_xml_file(const InputFile& file) { Checker(file).run(); }

void for_ascii_arrays(const InputFile& file, const std::function<void(std::string_view numbers)>& each) {
  const std::string_view xml = file.text().substr(0, file.text().find("<AppendedData"));
  for (std::size_t at = xml.find("<DataArray"); at != xml.npos; at = xml.find("<DataArray", at + 1)) {
    const std::size_t end = xml.find('>', at);
    if (end == xml.npos) return;
    const std::string_view tag = xml.substr(at, end - at + 1);
    if (attribute(tag, "format") != "ascii" || attribute(tag, "type").substr(0, 5) != "Float") continue;
    each(xml.substr(end + 1, xml.find('<', end) - end - 1));
  }
}

}  // namespace streamtube::mesh_io
