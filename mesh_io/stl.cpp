// STL, ASCII and binary. Read here and not by vtkSTLReader, which drops solid names, decides by the word "solid" alone,
// ignores the header's count and cannot say where a file is wrong.

#include <bit>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <unordered_map>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/runtime.hpp"
#include "mesh_io/formats.hpp"
#include "mesh_io/input_file.hpp"

namespace streamtube::mesh_io {
using core::Error;
using core::ErrorKind;
using core::str;
using geometry::SurfaceMesh;

static_assert(std::endian::native == std::endian::little, "binary STL is little endian");

namespace {

constexpr std::size_t kHeader = 84, kFacet = 50;

std::size_t header_count(const char* data) {
  std::uint32_t count;
  std::memcpy(&count, data + 80, 4);
  return count;
}

bool is_binary_by_size(const char* data, std::size_t head_size, std::size_t size) {
  return head_size >= kHeader && size == kHeader + kFacet * header_count(data);
}

// "solid" opens ASCII files, and the free header text of some binary ones; those hold bytes that no text has.
bool is_ascii(std::string_view text) {
  std::size_t at = text.substr(0, 3) == "\xef\xbb\xbf" ? 3 : 0;  // byte order mark
  for (;;) {
    while (at < text.size() && (text[at] == ' ' || (text[at] >= '\t' && text[at] <= '\r'))) ++at;
    if (at >= text.size() || text[at] != '#') break;
    while (at < text.size() && text[at] != '\n' && text[at] != '\r') ++at;  // a comment
  }
  if (!equal_no_case(text.substr(at, 5), "solid")) return false;
  for (const char c : text.substr(0, 1024))
    if (static_cast<unsigned char>(c) < 9) return false;
  return true;
}

bool recognises(std::string_view head, std::size_t size) {
  if (is_binary_by_size(head.data(), head.size(), size)) return header_count(head.data()) > 0;
  if (!is_ascii(head)) return false;
  const std::string text = lower(head);
  return text.find("facet") != std::string::npos || text.find("endsolid") != std::string::npos;
}

const char* coordinate_fault(const Vec3& p) {
  for (const double x : p) {
    if (std::isnan(x)) return "is not a number (NaN)";
    if (std::isinf(x)) return "is infinite";
  }
  return nullptr;
}

SurfaceMesh read_binary(const InputFile& file, Notes& notes) {
  if (file.size() < kHeader)
    file.fail(str("truncated: ", file.size(), " bytes; the header of a binary STL alone has ", kHeader),
              "export or copy the file again");
  const std::size_t count = header_count(file.data()), expected = kHeader + kFacet * count;
  const std::size_t more = file.size() > expected ? file.size() - expected : 0;
  if (count > 0 && more > 0 && more % kFacet != 0)
    notes.push_back(
        str(more, " bytes follow the last of the ", count, " triangles that its header counts; they are left out"));
  else if (more > 0)
    file.fail(str("damaged, or not an STL: the header counts ", count, " triangles, the file has room for ",
                  count + more / kFacet),
              "export or copy the file again");
  else if (file.size() != expected)
    file.fail(str("truncated, or not an STL: the header promises ", count, " triangles = ", expected,
                  " bytes, the file has ", file.size()),
              "export or copy the file again");
  if (count == 0) file.fail("holds no triangles");
  SurfaceMesh mesh;
  mesh.points.reserve(count / 2 + 8);
  mesh.corners.resize(3 * count);
  mesh.offsets.resize(count + 1);
  mesh.patch.assign(count, 0);
  mesh.patch_names = {file.stem()};
  PointMerger merger(mesh.points, count / 2 + 8);
  const char* at = file.data() + kHeader;
  for (std::size_t f = 0; f < count; ++f, at += kFacet) {
    float xyz[9];
    std::memcpy(xyz, at + 12, 36);
    mesh.offsets[f] = static_cast<std::int64_t>(3 * f);
    for (std::size_t k = 0; k < 3; ++k) {
      const Vec3 p{xyz[3 * k], xyz[3 * k + 1], xyz[3 * k + 2]};
      if (const char* fault = coordinate_fault(p))
        file.fail(str("facet ", f + 1, " of ", count, " (byte ", at - file.data(), "): vertex ", k + 1, " ", fault),
                  "repair or re-export the geometry");
      mesh.corners[3 * f + k] = merger.add(p);
    }
    if (f % (1 << 20) == 0) core::check_interrupt();
  }
  mesh.offsets[count] = static_cast<std::int64_t>(3 * count);
  return mesh;
}

SurfaceMesh read_ascii(const InputFile& file, Notes& notes) {
  const char* const kAgain = "export or copy the file again";
  SurfaceMesh mesh;
  mesh.offsets.push_back(0);
  PointMerger merger(mesh.points, file.size() / 512);
  TextCursor in(file);
  // "end solid" for "endsolid" and its like.
  bool in_two_words = false;
  const auto ends = [&](std::string_view word, const char* what) {
    if (equal_no_case(word, str("end", what))) return true;
    if (!equal_no_case(word, "end")) return false;
    TextCursor ahead = in;
    if (!equal_no_case(ahead.word(), what)) return false;
    in = ahead;
    return in_two_words = true;
  };
  const auto expect_word = [&](std::string_view wanted) {
    const std::string_view word = in.word();
    if (word.empty()) in.fail(str("truncated: the file ends where '", wanted, "' is due (no 'endsolid')"), kAgain);
    if (!equal_no_case(word, wanted)) in.fail(str(quoted(word), " found where '", wanted, "' is due"));
  };
  std::size_t solids = 0;
  std::unordered_map<std::string, std::int32_t> patches;
  for (in.skip_comments(); !in.at_end(); in.skip_comments()) {
    expect_word("solid");
    std::string name(in.rest_of_line());
    ++solids;
    if (name.empty()) name = str("solid_", solids);
    // A name that comes again goes on with its patch.
    const auto [known, added] = patches.try_emplace(name, static_cast<std::int32_t>(mesh.patch_names.size()));
    if (added) mesh.patch_names.push_back(name);
    const std::int32_t patch = known->second;
    for (;;) {
      in.skip_comments();
      std::string_view word = in.word();
      if (ends(word, "solid")) {
        in.rest_of_line();
        break;
      }
      if (word.empty())
        in.fail(str("truncated: solid ", quoted(name), " has no 'endsolid' after facet ", mesh.face_count()), kAgain);
      if (!equal_no_case(word, "facet")) in.fail(str(quoted(word), " found where 'facet' or 'endsolid' is due"));
      // The normal is not read: it is the corners' order that counts, and many exporters write a wrong one.
      do word = in.word();
      while (!word.empty() && !equal_no_case(word, "outer"));
      if (word.empty()) in.fail("truncated: the file ends where 'outer loop' is due (no 'endsolid')", kAgain);
      expect_word("loop");
      std::size_t corners = 0;
      for (;;) {
        in.skip_comments();
        word = in.word();
        if (ends(word, "loop")) break;
        if (word.empty()) in.fail("truncated: the file ends in a facet (no 'endsolid')", kAgain);
        if (!equal_no_case(word, "vertex")) in.fail(str(quoted(word), " found where 'vertex' or 'endloop' is due"));
        ++corners;
        Vec3 p;
        for (double& x : p) {
          const std::string_view number = in.word();
          if (number.empty()) in.fail("truncated: the file ends in a vertex (no 'endsolid')", kAgain);
          if (!parse_number(number, x))
            in.fail(
                str("facet ", mesh.face_count() + 1, ", vertex ", corners, ": ", not_a_number(number, "a coordinate")));
        }
        if (const char* fault = coordinate_fault(p))
          in.fail(str("facet ", mesh.face_count() + 1, ": vertex ", corners, " ", fault),
                  "repair or re-export the geometry");
        mesh.corners.push_back(merger.add(p));
      }
      if (corners < 3) in.fail(str("facet ", mesh.face_count() + 1, " has ", corners, " vertices, 3 are due"));
      in.skip_comments();
      if (const std::string_view word_after = in.word(); !ends(word_after, "facet")) {
        if (word_after.empty()) in.fail("truncated: the file ends where 'endfacet' is due (no 'endsolid')", kAgain);
        in.fail(str(quoted(word_after), " found where 'endfacet' is due"));
      }
      mesh.offsets.push_back(static_cast<std::int64_t>(mesh.corners.size()));
      mesh.patch.push_back(patch);
      if (mesh.patch.size() % (1 << 18) == 0) core::check_interrupt();
    }
  }
  if (mesh.face_count() == 0) file.fail(str("holds no triangles (", solids, " empty solids)"));
  if (in_two_words) notes.push_back("writes 'end solid' and the like in two words; read as one");
  return mesh;
}

SurfaceMesh read_stl(const std::string& path, Notes& notes) {
  InputFile file(path, "STL");
  // An exact size settles it; "solid" alone does not.
  if (is_binary_by_size(file.data(), file.size(), file.size())) return read_binary(file, notes);
  file.decode(notes);
  return is_ascii(file.text()) ? read_ascii(file, notes) : read_binary(file, notes);
}

}  // namespace

FormatEntry stl_format() {
  return {{"STL", {".stl", ".stla", ".stlb"}, true, true, false, false},
          recognises,
          false,
          read_stl,
          nullptr,
          nullptr,
          true};
}

void write_stl(const std::string& path, const SurfaceMesh& mesh) {
  mesh.check(str("'", path, "' (to be written)"));
  const geometry::Triangles triangles = geometry::triangulate(mesh);
  const std::size_t count = triangles.corners.size();
  if (count > std::numeric_limits<std::uint32_t>::max())
    throw Error(ErrorKind::input, str("'", path, "': ", count, " triangles are more than a binary STL can count"));
  core::write_atomically(path, [&](const std::string& temporary) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(temporary.c_str(), "wb"), std::fclose);
    const auto fail = [&] {
      throw Error(ErrorKind::runtime, str("'", path, "': cannot write: ", std::strerror(errno)));
    };
    if (!out) fail();
    char header[kHeader] = "binary STL by Streamtube";  // must not begin with "solid"
    const auto n = static_cast<std::uint32_t>(count);
    std::memcpy(header + 80, &n, 4);
    if (std::fwrite(header, 1, kHeader, out.get()) != kHeader) fail();
    for (const auto& corners : triangles.corners) {
      const Vec3 p[3] = {triangles.points[corners[0]], triangles.points[corners[1]], triangles.points[corners[2]]};
      Vec3 normal = cross(p[1] - p[0], p[2] - p[0]);
      const double length = norm(normal);
      if (length > 0) normal = (1 / length) * normal;
      char facet[kFacet] = {};
      float values[12];
      for (int i = 0; i < 3; ++i) values[i] = static_cast<float>(normal[i]);
      for (int k = 0; k < 3; ++k)
        for (int i = 0; i < 3; ++i) values[3 + 3 * k + i] = static_cast<float>(p[k][i] / mesh.file_unit);
      std::memcpy(facet, values, 48);
      if (std::fwrite(facet, 1, kFacet, out.get()) != kFacet) fail();
    }
    if (std::fflush(out.get()) != 0) fail();
  });
}

}  // namespace streamtube::mesh_io
