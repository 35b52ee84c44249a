#include "mesh_io/vtk_legacy_check.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "core/error.hpp"

namespace streamtube::mesh_io {
using core::str;

namespace {

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
    const std::string_view first = in.rest_of_line(), mark = "# vtk DataFile Version ";
    double version = 0;
    if (first.substr(0, mark.size()) != mark || first.size() != mark.size() + 3 ||
        !parse_number(first.substr(mark.size()), version) || !(version >= 1 && version < 5.2))
      in.fail(str(quoted(first), " is not the first line of a VTK file"), kDamaged);
    in.rest_of_line();  // title
    const std::string_view encoding = in.word();
    if (encoding == "BINARY" || encoding == "binary")
      binary_ = true;
    else if (encoding != "ASCII" && encoding != "ascii")
      in.fail(str(quoted(encoding), " found where ASCII or BINARY is due"), kDamaged);
    offsets_style_ = version >= 5.0;
    in.rest_of_line();
    // The structure, up to the fields. VTK takes any word that begins like a keyword for it, and crashes after words
    // that it does not know.
    for (std::string key = keyword(in); !key.empty(); key = keyword(in)) {
      if (key == "field" || key == "point_data" || key == "cell_data") return;
      if (key == "metadata") {
        in.rest_of_line();
        while (!in.at_end() && !in.rest_of_line().empty()) continue;
      } else if (key == "dataset") {
        in.rest_of_line();
      } else if (key == "points") {
        skip_points(in);
      } else if (key == "dimensions") {
        check_dimensions(in);
      } else if (key == "x_coordinates" || key == "y_coordinates" || key == "z_coordinates") {
        const std::int64_t n = count(in, key, static_cast<std::int64_t>(file_.size()));
        skip_values(in, n, in.word_on_line());
      } else if (key == "origin" || key == "spacing" || key == "aspect_ratio") {
        in.rest_of_line();
      } else if (key == "cell_types") {
        check_types(in);
      } else if (key == "cells" || key == "polygons" || key == "triangle_strips" || key == "lines" ||
                 key == "vertices") {
        check_cells(key, in);
      } else {
        in.fail(str(quoted(key), " is not a keyword"), kDamaged);
      }
    }
  }

 private:
  // The next one in lower case; VTK takes mixed case too, but nobody writes it.
  static std::string keyword(TextCursor& in) {
    if (in.at_end()) return {};
    return lower(in.word());
  }

  void skip_points(TextCursor& in) const {
    const std::int64_t n = count(in, "POINTS", static_cast<std::int64_t>(file_.size()));
    skip_values(in, 3 * n, in.word_on_line());
  }

  void skip_values(TextCursor& in, std::int64_t n, std::string_view type) const {
    const std::string name = lower(type);
    const std::size_t width = name == "double" || name == "long" || name == "unsigned_long" || name == "vtkidtype" ||
                                      name == "vtktypeint64" || name == "vtktypeuint64"
                                  ? 8
                              : name == "short" || name == "unsigned_short" ? 2
                              : name == "char" || name == "unsigned_char"   ? 1
                                                                            : 4;
    if (width == 4 && name != "float" && name != "int" && name != "unsigned_int")
      in.fail(str(quoted(type), " is not a type"), kDamaged);
    in.rest_of_line();
    if (binary_) {
      const auto at = static_cast<std::size_t>(in.position() - file_.data());
      if (static_cast<std::size_t>(n) > (file_.size() - at) / width)
        in.fail(str(n, " values of ", width, " bytes are promised, ", file_.size() - at, " bytes follow"), kDamaged);
      in = TextCursor(file_, at + static_cast<std::size_t>(n) * width);
      return;
    }
    for (std::int64_t i = 0; i < n; ++i) {
      const std::string_view word = in.word();
      double value = 0;
      if (!parse_number(word, value)) in.fail(str("value ", i + 1, " of ", n, " is ", quoted(word)), kDamaged);
      if (!std::isfinite(value)) in.fail(str("value ", i + 1, " of ", n, " is not finite"), kDamaged);
    }
  }

  void check_dimensions(TextCursor& in) const {
    double points = 1;
    for (int k = 0; k < 3; ++k) points *= static_cast<double>(count(in, "DIMENSIONS", 1 << 20));
    if (points > 1e9) in.fail(str("DIMENSIONS: ", points, " points are too many"), kDamaged);
  }

  std::int64_t count(TextCursor& in, const std::string& key, std::int64_t limit) const {
    const std::string_view word = in.word_on_line();
    std::int64_t n = 0;
    if (!parse_integer(word, n)) in.fail(str(key, ": ", quoted(word), " is not a count"), kDamaged);
    if (n < 0 || n > limit) in.fail(str(key, " ", n, " cannot be in a file of ", file_.size(), " bytes"), kDamaged);
    return n;
  }

  void check_cells(const std::string& key, TextCursor& in) {
    const auto size = static_cast<std::int64_t>(file_.size());
    const std::int64_t cells = count(in, key, size);
    const std::int64_t total = count(in, key, size);
    if (key == "cells") cells_ = offsets_style_ && cells > 0 ? cells - 1 : cells;
    const auto fail = [&](const std::string& what) { in.fail(str(key, " ", cells, " ", total, ": ", what), kDamaged); };
    in.rest_of_line();
    const auto start = static_cast<std::size_t>(in.position() - file_.data());
    if (offsets_style_) {
      std::size_t at = start;
      for (const bool offsets : {true, false}) {
        TextCursor head(file_, at);
        const std::string_view wanted = offsets ? "OFFSETS" : "CONNECTIVITY", word = head.word();
        if (word != wanted) head.fail(str(quoted(word), " found where '", wanted, "' is due"), kDamaged);
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
      in = TextCursor(file_, at);
      return;
    }
    Integers values(file_, start, binary_, 4);
    if (key == "cells") streams_.clear();
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
      if (key == "cells") streams_.push_back(stream_ok);
    }
    in = TextCursor(file_, values.at());
  }

  void check_types(TextCursor& in) const {
    const std::int64_t n = count(in, "CELL_TYPES", static_cast<std::int64_t>(file_.size()));
    in.rest_of_line();
    if (n != cells_) in.fail(str("CELL_TYPES ", n, ": there are ", cells_, " cells"), kDamaged);
    Integers values(file_, static_cast<std::size_t>(in.position() - file_.data()), binary_, 4);
    for (std::int64_t i = 0; i < n; ++i) {
      const auto type = values.next();
      if (!type) in.fail(str("CELL_TYPES ", n, ": the list ends after ", i, " types"), kDamaged);
      if (*type == 42 && !offsets_style_ && !streams_[static_cast<std::size_t>(i)])
        in.fail(str("cell ", i, " is a polyhedron, but its numbers are no list of faces"), kDamaged);
      if (*type == 42 && offsets_style_)
        in.fail(str("cell ", i, " is a polyhedron, which a legacy file of version 5 keeps without its faces"),
                "save it as .vtu");
    }
    in = TextCursor(file_, values.at());
  }

  const InputFile& file_;
  bool binary_ = false, offsets_style_ = false;
  std::int64_t cells_ = 0;
  std::vector<char> streams_;
};

}  // namespace

void check_legacy_file(const InputFile& file) { Checker(file).run(); }

}  // namespace streamtube::mesh_io
