#pragma once
// Private to mesh_io: a whole input file in memory, unpacked and decoded; a cursor over its text; and errors that name
// file, format and place. All that STL, OBJ and PLY tolerate of a text is here, so that they tolerate the same.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "geometry/surface_mesh.hpp"

namespace streamtube::mesh_io {

inline constexpr const char* kDamaged = "the file is truncated or damaged; export or copy it again";  // a hint

// What identifies a regular file that can be read and is not empty (else Error(input) with the system's reason): its
// size and its first bytes, of a gzip archive those of its content.
struct FileHead {
  std::size_t size = 0;  // bytes
  std::string bytes;     // at most as many as asked for; UTF-16 is UTF-8 here already
  bool packed = false;   // gzip
};
FileHead read_head(const std::string& path, std::size_t n);

// The content of `path`, or, where only that is there, of `path`.gz. Error(input).
std::string read_unpacked(const std::string& path);

// What was read although it is not by the book, for people.
using Notes = std::vector<std::string>;

// Read at once, not mapped: a file that shrinks or a failing disk is then an error and not a signal. gzip is unpacked.
class InputFile {
 public:
  InputFile(const std::string& path, std::string format);
  // Drops a byte order mark, and turns UTF-16 into UTF-8, which is noted.
  void decode(Notes& notes);
  const std::string& path() const { return path_; }
  const std::string& format() const { return format_; }
  const char* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  std::string_view text() const { return {data_.get(), size_}; }
  std::string stem() const;  // file name without folder and extension (.gz and the one before it)

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
  std::string_view rest_of_line();  // trimmed; goes on to the next line. Lines end in LF, CR LF or CR.
  void skip_comments();             // lines that begin with '#'
  const char* position() const { return at_; }
  void step_back() { --at_; }
  std::size_t line() const;  // 1-based, of the last word read
  [[noreturn]] void fail(const std::string& what, const std::string& hint = {}) const;  // adds "line N: "

 private:
  void skip_space();
  const InputFile* file_;
  const char *at_, *end_, *last_ = nullptr;
};

// The whole word as a number; false when it is none. Accepts a leading '+', Fortran's exponents (1.5D+03), nan and inf.
bool parse_number(std::string_view word, double& value);
// Why a word is no number, for people: "'1,5' is not a coordinate (a decimal comma)".
std::string not_a_number(std::string_view word, const char* what);
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
