#pragma once
// Private to mesh_io: a whole input file in memory, a cursor over its text, and errors that name file, format and
// place.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "geometry/surface_mesh.hpp"

namespace streamtube::mesh_io {

// Size in bytes of a regular file that can be read and is not empty; Error(input) with the system's reason otherwise.
std::size_t checked_file_size(const std::string& path);
// Its first bytes, at most n.
std::string read_head(const std::string& path, std::size_t n);

// Read at once, not mapped: a file that shrinks or a failing disk is then an error and not a signal.
class InputFile {
 public:
  InputFile(const std::string& path, std::string format);
  const std::string& path() const { return path_; }
  const std::string& format() const { return format_; }
  const char* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  std::string_view text() const { return {data_.get(), size_}; }
  std::string stem() const;  // file name without folder and extension

  // Throws Error(input): "'path' (format): what".
  [[noreturn]] void fail(const std::string& what, const std::string& hint = {}) const;

 private:
  std::string path_, format_;
  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
};

// Words and numbers of a text, in order. Keeps no line count: line() counts when an error needs it.
class TextCursor {
 public:
  explicit TextCursor(const InputFile& file, std::size_t start = 0)
      : file_(&file), at_(file.data() + start), end_(file.data() + file.size()) {}

  bool at_end();                    // only white space is left
  std::string_view word();          // the next word over any white space; empty at the end
  std::string_view word_on_line();  // the next word of this line; empty at its end. A trailing '\' joins the next line.
  std::string_view rest_of_line();  // trimmed; goes on to the next line
  const char* position() const { return at_; }
  std::size_t line() const;  // 1-based, of the last word read
  [[noreturn]] void fail(const std::string& what, const std::string& hint = {}) const;  // adds "line N: "

 private:
  void skip_space();
  const InputFile* file_;
  const char *at_, *end_, *last_ = nullptr;
};

// The whole word as a number; false when it is none. Accepts a leading '+', nan and inf.
bool parse_number(std::string_view word, double& value);
bool parse_integer(std::string_view word, std::int64_t& value);
bool equal_no_case(std::string_view a, std::string_view b);
std::string lower(std::string_view text);
// `word` for a message: quoted, cut when long, odd bytes as '?'.
std::string quoted(std::string_view word);

// Gives each distinct point an index: bit-equal coordinates (0 and -0 are equal) share one. Formats without topology
// (STL) get a connected mesh this way. The points go straight into the given vector.
class PointMerger {
 public:
  PointMerger(std::vector<Vec3>& points, std::size_t expected);
  std::int64_t add(const Vec3& p);

 private:
  void grow();
  std::vector<Vec3>& points_;
  std::vector<std::int64_t> slots_;  // index + 1; 0: free
  std::size_t mask_ = 0;
};

// Points to metres; file_unit is kept in the mesh.
void apply_unit(std::vector<Vec3>& points, double file_unit);

}  // namespace streamtube::mesh_io
