#include "mesh_io/vtk_legacy_check.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/error.hpp"

namespace streamtube::mesh_io {
using core::str;

namespace {

const char* const kAgain = "the file is truncated or damaged; export or copy it again";

// The integers of one section, text or big-endian binary.
class Integers {
 public:
  Integers(const InputFile& file, std::size_t at, bool binary, std::size_t width)
      : file_(file), text_(file, at), at_(at), binary_(binary), width_(width) {}
  std::optional<std::int64_t> next() {
    if (!binary_) {
      std::int64_t value = 0;
      if (!parse_integer(text_.word(), value)) return {};
      at_ = static_cast<std::size_t>(text_.position() - file_.data());
      return value;
    }
    if (file_.size() - at_ < width_) return {};
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < width_; ++i) bits = bits << 8 | static_cast<unsigned char>(file_.data()[at_ + i]);
    at_ += width_;
    if (width_ == 1) return static_cast<std::int64_t>(bits);
    return width_ == 4 ? static_cast<std::int32_t>(bits) : static_cast<std::int64_t>(bits);
  }
  std::size_t at() const { return at_; }

 private:
  const InputFile& file_;
  TextCursor text_;
  std::size_t at_;
  bool binary_;
  std::size_t width_;
};

class Checker {
 public:
  explicit Checker(const InputFile& file) : file_(file) {}

  void run() {
    TextCursor in(file_);
    std::string_view first = in.rest_of_line();  // "# vtk DataFile Version 5.1"
    double version = 3.0;
    if (const std::size_t at = first.rfind(' '); at != std::string_view::npos)
      parse_number(first.substr(at + 1), version);
    in.rest_of_line();  // title
    const std::string_view encoding = in.word();
    if (equal_no_case(encoding, "BINARY"))
      binary_ = true;
    else if (!equal_no_case(encoding, "ASCII"))
      in.fail(str(quoted(encoding), " found where ASCII or BINARY is due"), kAgain);
    offsets_style_ = version >= 5.0;
    if (!binary_) check_words(in);
    // Keywords begin a line. One by chance in binary data is possible but needs eight bytes to agree.
    const std::string_view text = file_.text();
    const std::size_t body = static_cast<std::size_t>(in.position() - file_.data());
    for (const char* key : {"POINTS", "POINT_DATA", "CELL_DATA", "DIMENSIONS"})
      each(text, body, key, [&](std::size_t after) { check_counts(key, after); });
    for (const char* key : {"VERTICES", "LINES", "POLYGONS", "TRIANGLE_STRIPS", "CELLS"})
      each(text, body, key, [&](std::size_t after) { check_cells(key, after); });
    each(text, body, "CELL_TYPES", [&](std::size_t after) { check_types(after); });
  }

 private:
  // Of a text file up to its data: known keywords and numbers only. VTK takes any word that begins like a keyword for
  // it, and crashes after words that it does not know.
  void check_words(TextCursor in) const {
    while (!in.at_end()) {
      const std::string first(in.word_on_line());
      const std::string key = lower(first);
      double number = 0;
      if (key == "field" || key == "point_data" || key == "cell_data") return;
      if (key == "metadata") {
        in.rest_of_line();
        while (!in.at_end() && !in.rest_of_line().empty()) continue;
      } else if (parse_number(first, number)) {
        for (std::string_view word = in.word_on_line(); !word.empty(); word = in.word_on_line())
          if (!parse_number(word, number)) in.fail(str(quoted(word), " is not a number"), kAgain);
      } else if (std::find(std::begin(kKeywords), std::end(kKeywords), key) == std::end(kKeywords) ||
                 (first != key &&
                  std::any_of(first.begin(), first.end(), [](char c) { return c >= 'a' && c <= 'z'; }))) {
        in.fail(str(quoted(first), " is neither a keyword nor a number"), kAgain);
      }
      in.rest_of_line();
    }
  }

  static constexpr std::string_view kKeywords[] = {
      "dataset", "points",       "vertices",      "lines",         "polygons",     "triangle_strips",
      "cells",   "cell_types",   "offsets",       "connectivity",  "dimensions",   "origin",
      "spacing", "aspect_ratio", "x_coordinates", "y_coordinates", "z_coordinates"};

  template <class F>
  static void each(std::string_view text, std::size_t from, const std::string& key, const F& f) {
    for (const std::string& spelt : {key, lower(key)}) {
      const std::string wanted = "\n" + spelt + " ";
      for (std::size_t at = text.find(wanted, from); at != std::string_view::npos; at = text.find(wanted, at + 1))
        f(at + wanted.size());
    }
  }

  std::int64_t count(TextCursor& in, const std::string& key, std::int64_t limit) const {
    const std::string_view word = in.word_on_line();
    std::int64_t n = 0;
    if (!parse_integer(word, n)) in.fail(str(key, ": ", quoted(word), " is not a count"), kAgain);
    if (n < 0 || n > limit) in.fail(str(key, " ", n, " cannot be in a file of ", file_.size(), " bytes"), kAgain);
    return n;
  }

  void check_counts(const std::string& key, std::size_t after) const {
    TextCursor in(file_, after);
    const auto size = static_cast<std::int64_t>(file_.size());
    if (key != "DIMENSIONS") {
      // Data may be absent on a structured grid of many points; points themselves take bytes.
      count(in, key, key == "POINTS" ? size : 1000 * size);
      return;
    }
    double points = 1;
    for (int k = 0; k < 3; ++k) points *= static_cast<double>(count(in, key, 1 << 20));
    if (points > 1e9) in.fail(str(key, ": ", points, " points are too many"), kAgain);
  }

  void check_cells(const std::string& key, std::size_t after) {
    TextCursor in(file_, after);
    const auto size = static_cast<std::int64_t>(file_.size());
    const std::int64_t cells = count(in, key, size);
    const std::int64_t total = count(in, key, size);
    const auto fail = [&](const std::string& what) { in.fail(str(key, " ", cells, " ", total, ": ", what), kAgain); };
    in.rest_of_line();
    const auto start = static_cast<std::size_t>(in.position() - file_.data());
    if (offsets_style_) {
      std::size_t at = start;
      for (const bool offsets : {true, false}) {
        TextCursor head(file_, at);
        const std::string_view wanted = offsets ? "OFFSETS" : "CONNECTIVITY", word = head.word();
        if (word != wanted) head.fail(str(quoted(word), " found where '", wanted, "' is due"), kAgain);
        const std::string_view type = head.word_on_line();
        const std::size_t width = type == "vtktypeint64" || type == "long" || type == "vtkIdType" ? 8 : 4;
        head.rest_of_line();
        Integers values(file_, static_cast<std::size_t>(head.position() - file_.data()), binary_, width);
        const std::int64_t n = offsets ? cells : total;
        std::int64_t last = 0;
        for (std::int64_t i = 0; i < n; ++i) {
          const auto value = values.next();
          if (!value) fail(str("the list of ", wanted, " ends after ", i, " of ", n, " values"));
          if (offsets && (*value < last || *value > total || (i == 0 && *value != 0)))
            fail(str("offset ", i, " is ", *value));
          if (offsets) last = *value;
        }
        if (offsets && cells > 0 && last != total) fail(str("the last offset is ", last));
        at = values.at();
      }
      return;
    }
    Integers values(file_, start, binary_, 4);
    if (key == "CELLS") streams_.clear();
    for (std::int64_t left = total, c = 0; c < cells || left > 0; ++c) {
      if (c == cells) fail(str("the cells take ", total - left, " numbers"));
      const auto n = values.next();
      if (!n) fail(str("the list ends after ", c, " cells"));
      left -= 1 + *n;
      if (*n < 0 || left < 0) fail(str("cell ", c, " has ", *n, " points, more than the list holds"));
      bool stream_ok = false;  // whether the numbers can be the faces of a polyhedron
      std::int64_t in_stream = 0, faces = -1, face_left = 0;
      for (std::int64_t k = 0; k < *n; ++k) {
        const auto value = values.next();
        if (!value) fail(str("the list ends in cell ", c));
        if (k == 0) {
          faces = *value;
        } else if (face_left == 0) {
          face_left = *value > 0 ? *value : -1;
          ++in_stream;
        } else {
          --face_left;
        }
      }
      stream_ok = faces > 0 && in_stream == faces && face_left == 0;
      if (key == "CELLS") streams_.push_back(stream_ok);
    }
  }

  void check_types(std::size_t after) const {
    TextCursor in(file_, after);
    const std::int64_t n = count(in, "CELL_TYPES", static_cast<std::int64_t>(file_.size()));
    in.rest_of_line();
    if (!offsets_style_ && n != static_cast<std::int64_t>(streams_.size()))
      in.fail(str("CELL_TYPES ", n, ": there are ", streams_.size(), " cells"), kAgain);
    Integers values(file_, static_cast<std::size_t>(in.position() - file_.data()), binary_, 4);
    for (std::int64_t i = 0; i < n; ++i) {
      const auto type = values.next();
      if (!type) in.fail(str("CELL_TYPES ", n, ": the list ends after ", i, " types"), kAgain);
      if (*type == 42 && !offsets_style_ && !streams_[static_cast<std::size_t>(i)])
        in.fail(str("cell ", i, " is a polyhedron, but its numbers are no list of faces"), kAgain);
      if (*type == 42 && offsets_style_)
        in.fail(str("cell ", i, " is a polyhedron, which a legacy file of version 5 keeps without its faces"),
                "save it as .vtu");
    }
  }

  const InputFile& file_;
  bool binary_ = false, offsets_style_ = false;
  std::vector<char> streams_;
};

}  // namespace

void check_legacy_file(const InputFile& file) { Checker(file).run(); }

}  // namespace streamtube::mesh_io
