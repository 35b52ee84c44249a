// PLY, ASCII and binary of either byte order. Read here and not by vtkPLYReader, which trusts counts and indices of the
// file. Scalar properties of vertices and faces become attributes.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "core/error.hpp"
#include "core/runtime.hpp"
#include "mesh_io/formats.hpp"
#include "mesh_io/input_file.hpp"

namespace streamtube::mesh_io {
using core::str;
using geometry::SurfaceMesh;

namespace {

enum class Type { i8, u8, i16, u16, i32, u32, f32, f64 };
enum class Encoding { ascii, little, big };

std::size_t size_of(Type type) {
  switch (type) {
    case Type::i8:
    case Type::u8:
      return 1;
    case Type::i16:
    case Type::u16:
      return 2;
    case Type::i32:
    case Type::u32:
    case Type::f32:
      return 4;
    case Type::f64:
      return 8;
  }
  return 8;
}

std::optional<Type> type_from(std::string_view word) {
  const struct {
    std::string_view name;
    Type type;
  } names[] = {{"char", Type::i8},   {"int8", Type::i8},     {"uchar", Type::u8},   {"uint8", Type::u8},
               {"short", Type::i16}, {"int16", Type::i16},   {"ushort", Type::u16}, {"uint16", Type::u16},
               {"int", Type::i32},   {"int32", Type::i32},   {"uint", Type::u32},   {"uint32", Type::u32},
               {"float", Type::f32}, {"float32", Type::f32}, {"double", Type::f64}, {"float64", Type::f64}};
  for (const auto& n : names)
    if (n.name == word) return n.type;
  return {};
}

struct Property {
  std::string name;
  Type type = Type::f32, count_type = Type::u8;
  bool list = false;
};
struct Element {
  std::string name;
  std::size_t count = 0;
  std::vector<Property> properties;
  std::size_t smallest_bytes(Encoding encoding) const {  // of one record
    std::size_t bytes = 0;
    for (const Property& p : properties)
      bytes += encoding == Encoding::ascii ? 2 : p.list ? size_of(p.count_type) : size_of(p.type);
    return bytes;
  }
};

// The values of the body one after the other, whatever the encoding.
class Body {
 public:
  Body(const InputFile& file, TextCursor text, Encoding encoding)
      : file_(file), text_(text), encoding_(encoding), at_(text.position()), end_(file.data() + file.size()) {}

  void enter(const Element& element, std::size_t record) {
    element_ = &element;
    record_ = record;
  }
  double value(Type type) {
    if (encoding_ == Encoding::ascii) {
      const std::string_view word = text_.word();
      double x = 0;
      if (word.empty()) truncated();
      if (!parse_number(word, x)) fail(not_a_number(word, "a number"));
      return x;
    }
    const std::size_t n = size_of(type);
    if (static_cast<std::size_t>(end_ - at_) < n) truncated();
    unsigned char raw[8];
    std::memcpy(raw, at_, n);
    at_ += n;
    if ((encoding_ == Encoding::big) != (std::endian::native == std::endian::big)) std::reverse(raw, raw + n);
    switch (type) {
      case Type::i8:
        return as<std::int8_t>(raw);
      case Type::u8:
        return as<std::uint8_t>(raw);
      case Type::i16:
        return as<std::int16_t>(raw);
      case Type::u16:
        return as<std::uint16_t>(raw);
      case Type::i32:
        return as<std::int32_t>(raw);
      case Type::u32:
        return as<std::uint32_t>(raw);
      case Type::f32:
        return as<float>(raw);
      case Type::f64:
        return as<double>(raw);
    }
    return 0;
  }
  std::size_t list_length(const Property& p) {
    const double n = value(p.count_type);
    if (!(n >= 0 && n <= static_cast<double>(end_ - file_.data()) && n == std::floor(n)))
      fail(str("the list '", p.name, "' has the length ", n));
    return static_cast<std::size_t>(n);
  }
  [[noreturn]] void fail(const std::string& what, const std::string& hint = {}) const {
    const std::string place = str(element_->name, " ", record_ + 1, " of ", element_->count);
    if (encoding_ == Encoding::ascii) text_.fail(str(place, ": ", what), hint);
    file_.fail(str(place, " (byte ", at_ - file_.data(), "): ", what), hint);
  }

 private:
  template <class T>
  static double as(const unsigned char* raw) {
    T x;
    std::memcpy(&x, raw, sizeof(T));
    return static_cast<double>(x);
  }
  [[noreturn]] void truncated() const { fail("truncated: the file ends here", "export or copy the file again"); }

  const InputFile& file_;
  TextCursor text_;
  Encoding encoding_;
  const char *at_, *end_;
  const Element* element_ = nullptr;
  std::size_t record_ = 0;
};

struct Header {
  Encoding encoding = Encoding::ascii;
  std::vector<Element> elements;
};

Header read_header(TextCursor& in) {
  Header header;
  in.rest_of_line();  // "ply"
  const bool lone_returns = in.position()[-1] == '\r';
  bool has_format = false;
  for (;;) {
    const std::string_view key = in.word();
    if (key.empty()) in.fail("truncated: the header has no 'end_header'", "export or copy the file again");
    if (key == "end_header") break;
    if (key == "format") {
      const std::string_view name = in.word();
      if (name == "ascii")
        header.encoding = Encoding::ascii;
      else if (name == "binary_little_endian")
        header.encoding = Encoding::little;
      else if (name == "binary_big_endian")
        header.encoding = Encoding::big;
      else
        in.fail(str("unknown encoding ", quoted(name)));
      has_format = true;
    } else if (key == "element") {
      Element element;
      element.name = std::string(in.word_on_line());
      const std::string_view word = in.word_on_line();
      std::int64_t count = -1;
      if (!parse_integer(word, count) || count < 0)
        in.fail(str("element '", element.name, "': ", quoted(word), " is not a count"));
      element.count = static_cast<std::size_t>(count);
      header.elements.push_back(element);
    } else if (key == "property") {
      if (header.elements.empty()) in.fail("a property before any element");
      Property p;
      std::string_view word = in.word_on_line();
      if (word == "list") {
        p.list = true;
        word = in.word_on_line();
        const auto count_type = type_from(word);
        if (!count_type || *count_type == Type::f32 || *count_type == Type::f64)
          in.fail(str("unknown type ", quoted(word), " of a list's length"));
        p.count_type = *count_type;
        word = in.word_on_line();
      }
      const auto type = type_from(word);
      if (!type) in.fail(str("unknown type ", quoted(word)));
      p.type = *type;
      p.name = std::string(in.word_on_line());
      header.elements.back().properties.push_back(p);
    } else if (key != "comment" && key != "obj_info") {
      in.fail(str("unknown header line ", quoted(key)));
    }
    in.rest_of_line();
  }
  if (!has_format) in.fail("the header has no 'format' line");
  in.rest_of_line();
  // Where lines end in a carriage return alone, a line feed behind the last is the first byte of the data.
  if (lone_returns && header.encoding != Encoding::ascii && in.position()[-1] == '\n') in.step_back();
  return header;
}

std::string count_fault(const Header& header, std::size_t left) {
  for (const Element& e : header.elements) {
    const std::size_t each = e.smallest_bytes(header.encoding);
    if (each > 0 && e.count > (left + 1) / each)
      return str("truncated or damaged: the header promises ", e.count, " of '", e.name, "', at least ", each,
                 " bytes each, but ", left, " bytes follow");
    left -= std::min(left, e.count * each);
  }
  return {};
}

SurfaceMesh read_ply(const std::string& path, Notes& notes) {
  InputFile file(path, "PLY");
  file.decode(notes);
  TextCursor in(file);
  const Header header = read_header(in);
  const std::size_t left = file.size() - static_cast<std::size_t>(in.position() - file.data());
  if (const std::string fault = count_fault(header, left); !fault.empty())
    file.fail(fault, "export or copy the file again");

  SurfaceMesh mesh;
  mesh.offsets.push_back(0);
  // Faces may come before the vertices.
  std::size_t points = 0;
  for (const Element& element : header.elements)
    if (element.name == "vertex") points += element.count;
  Body body(file, in, header.encoding);
  for (const Element& element : header.elements) {
    const bool vertices = element.name == "vertex", faces = element.name == "face";
    if (element.name == "tristrips" && element.count > 0)
      file.fail("holds triangle strips, only faces can be read", "export it with faces");
    int axes = 0;
    bool has_corners = false;
    // Where each property goes: an axis, an attribute, or nowhere (-1).
    std::vector<int> axis(element.properties.size(), -1), attribute(element.properties.size(), -1);
    std::vector<char> corners(element.properties.size(), 0);
    for (std::size_t k = 0; k < element.properties.size(); ++k) {
      const Property& p = element.properties[k];
      if (vertices && !p.list && p.name.size() == 1 && p.name[0] >= 'x' && p.name[0] <= 'z') {
        axis[k] = p.name[0] - 'x';
        ++axes;
      } else if (faces && p.list && (p.name == "vertex_indices" || p.name == "vertex_index")) {
        corners[k] = 1;
        has_corners = true;
      } else if ((vertices || faces) && !p.list) {
        attribute[k] = static_cast<int>(mesh.attributes.size());
        mesh.attributes.push_back(
            {p.name, vertices ? geometry::Association::points : geometry::Association::faces, 1, {}});
        mesh.attributes.back().values.reserve(element.count);
      }
    }
    if (vertices && axes != 3) file.fail("the vertices have no x, y and z");
    if (faces && !has_corners) file.fail("the faces have no 'vertex_indices'");
    if (vertices) mesh.points.reserve(element.count);
    for (std::size_t i = 0; i < element.count; ++i) {
      body.enter(element, i);
      Vec3 point{};
      for (std::size_t k = 0; k < element.properties.size(); ++k) {
        const Property& p = element.properties[k];
        if (!p.list) {
          const double x = body.value(p.type);
          if (axis[k] >= 0) point[static_cast<std::size_t>(axis[k])] = x;
          if (attribute[k] >= 0)
            mesh.attributes[static_cast<std::size_t>(attribute[k])].values.push_back(static_cast<float>(x));
          continue;
        }
        const std::size_t n = body.list_length(p);
        for (std::size_t j = 0; j < n; ++j) {
          const double x = body.value(p.type);
          if (!corners[k]) continue;
          if (!(x >= 0 && x < static_cast<double>(points) && x == std::floor(x)))
            body.fail(str("names vertex ", x, ", but there are ", points, " (counted from 0)"));
          mesh.corners.push_back(static_cast<std::int64_t>(x));
        }
        if (corners[k]) {
          if (n < 3) body.fail(str("has ", n, " corners, at least 3 are due"));
          mesh.offsets.push_back(static_cast<std::int64_t>(mesh.corners.size()));
        }
      }
      if (vertices) {
        for (const double x : point)
          if (!std::isfinite(x)) body.fail("a coordinate is not finite", "repair or re-export the geometry");
        mesh.points.push_back(point);
      }
      if (i % (1 << 20) == 0) core::check_interrupt();
    }
  }
  if (mesh.face_count() == 0)
    file.fail(str("holds no faces (", mesh.points.size(), " vertices)"),
              mesh.points.empty() ? "" : "a point cloud has no surface; export a mesh with faces");
  mesh.patch.assign(mesh.face_count(), 0);
  mesh.patch_names = {file.stem()};
  return mesh;
}

bool recognises(std::string_view head, std::size_t) {
  if (head.substr(0, 3) == "\xef\xbb\xbf") head.remove_prefix(3);  // byte order mark
  return head.substr(0, 4) == "ply\n" || head.substr(0, 4) == "ply\r";
}

}  // namespace

FormatEntry ply_format() {
  return {{"PLY", {".ply"}, true, false, false, false}, recognises, true, read_ply, nullptr, nullptr, true};
}

}  // namespace streamtube::mesh_io
