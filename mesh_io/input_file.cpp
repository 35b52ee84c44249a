#include "mesh_io/input_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <tuple>
#include <utility>

#include "core/error.hpp"
#include "core/runtime.hpp"
#include "core/text.hpp"
#include "mesh_io/mesh_io.hpp"

namespace streamtube::mesh_io {
using core::Error;
using core::ErrorKind;
using core::str;

namespace {

[[noreturn]] void fail_open(const std::string& path, int reason) {
  if (reason == ENOENT || reason == ENOTDIR)
    throw Error(ErrorKind::input, str("'", path, "': no such file"), "check the path");
  if (reason == EACCES || reason == EPERM)
    throw Error(ErrorKind::input, str("'", path, "': permission denied"), "make the file readable (chmod u+r)");
  throw Error(ErrorKind::input, str("'", path, "': ", std::strerror(reason)));
}

class Descriptor {
 public:
  explicit Descriptor(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (fd_ < 0) fail_open(path, errno);
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator int() const { return fd_; }

 private:
  int fd_;
};

std::size_t checked_size(const std::string& path, int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) fail_open(path, errno);
  if (S_ISDIR(info.st_mode))
    throw Error(ErrorKind::input, str("'", path, "': is a folder, not a mesh file"), "name a file in it");
  if (!S_ISREG(info.st_mode)) throw Error(ErrorKind::input, str("'", path, "': is not a regular file"));
  if (info.st_size == 0)
    throw Error(ErrorKind::input, str("'", path, "': the file is empty (0 bytes)"), "export or copy it again");
  return static_cast<std::size_t>(info.st_size);
}

void read_exactly(const std::string& path, int fd, char* to, std::size_t n) {
  std::size_t done = 0;
  while (done < n) {
    const ssize_t got = ::read(fd, to + done, std::min<std::size_t>(n - done, std::size_t{1} << 30));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_open(path, errno);
    if (got == 0)
      throw Error(ErrorKind::input,
                  str("'", path, "': the file became shorter while it was read: ", done, " of ", n, " bytes"));
    done += static_cast<std::size_t>(got);
  }
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_line_end(char c) { return c == '\n' || c == '\r'; }
bool is_blank(char c) { return is_space(c) && !is_line_end(c); }

bool is_gzip(std::string_view head) { return head.substr(0, 3) == "\x1f\x8b\x08"; }

// The content of a gzip archive, piece by piece.
class Unpacker {
 public:
  explicit Unpacker(const std::string& path) : path_(path), descriptor_(path) {
    const int own = ::dup(descriptor_);  // gzclose closes it
    file_ = own < 0 ? nullptr : ::gzdopen(own, "rb");
    if (!file_) fail_open(path, errno);
    ::gzbuffer(file_, 1 << 17);
  }
  ~Unpacker() { ::gzclose(file_); }
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;

  // The number of bytes that were there, up to n.
  std::size_t read(char* to, std::size_t n) {
    std::size_t done = 0;
    while (done < n) {
      const int got = ::gzread(file_, to + done, static_cast<unsigned>(std::min<std::size_t>(n - done, 1 << 24)));
      int code = Z_OK;
      const char* what = ::gzerror(file_, &code);
      if (got < 0 || (code != Z_OK && code != Z_STREAM_END))
        throw Error(ErrorKind::input,
                    str("'", path_, "': the gzip archive is damaged or truncated",
                        code == Z_BUF_ERROR ? std::string() : str(" (", what, ")")),
                    "copy or pack it again");
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

 private:
  std::string path_;
  Descriptor descriptor_;
  gzFile file_ = nullptr;
};

// Texts shrink to a fifth to a twentieth; what unpacks to so much more is no mesh.
constexpr std::size_t kMostUnpacked = std::size_t{1} << 28, kMostRatio = 100;

std::pair<std::unique_ptr<char[]>, std::size_t> unpack(const std::string& path, std::size_t packed) {
  Unpacker archive(path);
  std::size_t capacity = std::max<std::size_t>(8 * packed, 1 << 16), size = 0;
  std::unique_ptr<char[]> data(new char[capacity]);
  for (;;) {
    size += archive.read(data.get() + size, capacity - size);
    if (size < capacity) return {std::move(data), size};
    core::check_interrupt();
    if (size > kMostUnpacked && size > kMostRatio * packed)
      throw Error(
          ErrorKind::input,
          str("'", path, "': the gzip archive of ", packed, " bytes unpacks to more than ", size, ": this is no mesh"),
          "give the file that was packed");
    std::unique_ptr<char[]> more(new char[2 * capacity]);
    std::memcpy(more.get(), data.get(), size);
    data = std::move(more), capacity *= 2;
  }
}

// UTF-16: 1 with the low byte first, 2 with the high byte first; 0: neither. mark: bytes before the text.
struct Utf16 {
  int order = 0;
  std::size_t mark = 0;
};
Utf16 utf16_of(std::string_view head) {
  if (head.substr(0, 2) == "\xff\xfe") return {1, 2};
  if (head.substr(0, 2) == "\xfe\xff") return {2, 2};
  // Without a mark: sixteen plain letters, each with an empty byte on the same side.
  constexpr std::size_t kLetters = 16;
  if (head.size() < 2 * kLetters) return {};
  for (const int order : {1, 2}) {
    bool all = true;
    for (std::size_t i = 0; all && i < 2 * kLetters; i += 2) {
      const auto letter = static_cast<unsigned char>(head[i + (order == 2)]);
      all = head[i + (order == 1)] == 0 && letter < 0x7f && (letter >= ' ' || is_space(static_cast<char>(letter)));
    }
    if (all) return {order, 0};
  }
  return {};
}

}  // namespace

FileHead read_head(const std::string& path, std::size_t n) {
  FileHead head;
  {
    Descriptor fd(path);
    head.size = checked_size(path, fd);
    head.bytes.resize(std::min(n, head.size));
    read_exactly(path, fd, head.bytes.data(), head.bytes.size());
    // The size of what is packed, modulo 2^32, stands in the last four bytes (RFC 1952).
    unsigned char last[4];
    head.packed = is_gzip(head.bytes);
    if (head.packed && head.size >= 18 && ::pread(fd, last, 4, static_cast<off_t>(head.size) - 4) == 4)
      head.size = last[0] | last[1] << 8 | last[2] << 16 | static_cast<std::size_t>(last[3]) << 24;
  }
  if (head.packed) {
    head.bytes.resize(n);
    head.bytes.resize(Unpacker(path).read(head.bytes.data(), n));
  }
  if (const Utf16 text = utf16_of(head.bytes); text.order != 0)
    head.bytes = core::utf16_to_utf8(head.bytes.substr(text.mark), text.order == 2);
  return head;
}

std::string read_unpacked(const std::string& path) {
  std::error_code ignored;
  const bool packed = !std::filesystem::exists(path, ignored) && std::filesystem::exists(path + ".gz", ignored);
  return std::string(InputFile(packed ? path + ".gz" : path, "OpenFOAM").text());
}

InputFile::InputFile(const std::string& path, std::string format) : path_(path), format_(std::move(format)) {
  Descriptor fd(path);
  size_ = checked_size(path, fd);
  try {
    data_.reset(new char[size_]);  // not make_unique: no need to zero what read() fills
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::runtime, str("'", path, "': not enough memory for its ", size_, " bytes"));
  }
  read_exactly(path, fd, data_.get(), size_);
  if (!is_gzip(text())) return;
  try {
    std::tie(data_, size_) = unpack(path, size_);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::runtime, str("'", path, "': not enough memory for what is packed in it"));
  }
}

void InputFile::decode(Notes& notes) {
  if (text().substr(0, 3) == "\xef\xbb\xbf") {
    std::memmove(data_.get(), data_.get() + 3, size_ -= 3);
  } else if (const Utf16 wide = utf16_of(text()); wide.order != 0) {
    const std::string decoded = core::utf16_to_utf8(text().substr(wide.mark), wide.order == 2);
    data_.reset(new char[decoded.size()]);
    size_ = decoded.size();
    std::memcpy(data_.get(), decoded.data(), size_);
    notes.emplace_back("is UTF-16 and was read as such");
  }
}

std::string InputFile::stem() const { return name_of_mesh(path_); }

void InputFile::fail(const std::string& what, const std::string& hint) const {
  throw Error(ErrorKind::input, str("'", path_, "' (", format_, "): ", what), hint);
}

void TextCursor::skip_space() {
  while (at_ < end_ && is_space(*at_)) ++at_;
}

bool TextCursor::at_end() {
  skip_space();
  return at_ == end_;
}

std::string_view TextCursor::word() {
  skip_space();
  last_ = at_;
  while (at_ < end_ && !is_space(*at_)) ++at_;
  return {last_, static_cast<std::size_t>(at_ - last_)};
}

std::string_view TextCursor::word_on_line() {
  for (;;) {
    while (at_ < end_ && is_blank(*at_)) ++at_;
    if (at_ >= end_ || *at_ != '\\') break;
    const char* next = at_ + 1;
    while (next < end_ && is_blank(*next)) ++next;
    if (next >= end_ || !is_line_end(*next)) break;
    at_ = next + (next[0] == '\r' && next + 1 < end_ && next[1] == '\n' ? 2 : 1);
  }
  last_ = at_;
  while (at_ < end_ && !is_space(*at_)) ++at_;
  return {last_, static_cast<std::size_t>(at_ - last_)};
}

std::string_view TextCursor::rest_of_line() {
  while (at_ < end_ && is_blank(*at_)) ++at_;
  const char* begin = last_ = at_;
  while (at_ < end_ && !is_line_end(*at_)) ++at_;
  const char* end = at_;
  if (at_ < end_) at_ += at_[0] == '\r' && at_ + 1 < end_ && at_[1] == '\n' ? 2 : 1;
  while (end > begin && is_space(end[-1])) --end;
  return {begin, static_cast<std::size_t>(end - begin)};
}

void TextCursor::skip_comments() {
  while (!at_end() && *at_ == '#') rest_of_line();
}

std::size_t TextCursor::line() const {
  std::size_t count = 1;
  for (const char *at = file_->data(), *end = last_ ? last_ : at_; at < end; ++at)
    count += *at == '\n' || (*at == '\r' && (at + 1 == end_ || at[1] != '\n'));
  return count;
}

void TextCursor::fail(const std::string& what, const std::string& hint) const {
  file_->fail(str("line ", line(), ": ", what), hint);
}

bool parse_number(std::string_view word, double& value) {
  if (!word.empty() && word.front() == '+') word.remove_prefix(1);
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error == std::errc::result_out_of_range && end == word.data() + word.size()) {
    // Too small for a double is zero to any mesh; too large is infinite, which no mesh may hold.
    value = std::strtod(std::string(word).c_str(), nullptr);
    return true;
  }
  const char* const last = word.data() + word.size();
  if (error == std::errc() && end < last && (*end == 'd' || *end == 'D')) {
    std::string with_e(word);
    with_e[static_cast<std::size_t>(end - word.data())] = 'e';
    const auto again = std::from_chars(with_e.data(), with_e.data() + with_e.size(), value);
    return again.ec == std::errc() && again.ptr == with_e.data() + with_e.size();
  }
  return error == std::errc() && end == last;
}

std::string not_a_number(std::string_view word, const char* what) {
  std::string out = str(quoted(word), " is not ", what);
  std::string with_point(word);
  const auto comma = word.find(',');
  double value;
  if (comma != std::string_view::npos && comma + 1 < word.size()) {
    with_point[comma] = '.';
    if (parse_number(with_point, value)) out += " (a decimal comma; numbers are written with a point)";
  } else if (word.find("#I") != std::string_view::npos || word.find("#Q") != std::string_view::npos) {
    out += " (the program that wrote it divided by zero)";
  }
  return out;
}

bool parse_integer(std::string_view word, std::int64_t& value) {
  if (!word.empty() && word.front() == '+') word.remove_prefix(1);
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc() && end == word.data() + word.size();
}

bool equal_no_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](unsigned char x, unsigned char y) {
           return std::tolower(x) == std::tolower(y);
         });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string quoted(std::string_view word) {
  std::string out = "'";
  for (const char c : word.substr(0, 40)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (word.size() > 40 ? "...'" : "'");
}

PointMerger::PointMerger(std::vector<Vec3>& points, std::size_t expected) : points_(points) {
  std::size_t slots = 64;
  while (slots < 2 * expected) slots *= 2;
  slots_.assign(slots, 0);
  mask_ = slots - 1;
}

namespace {
std::size_t hash_point(const Vec3& p) {
  std::uint64_t h = 0x9e3779b97f4a7c15u;
  for (const double x : p) {
    std::uint64_t bits;
    std::memcpy(&bits, &x, 8);
    h = (h ^ bits ^ (bits >> 32)) * 0xd6e8feb86659fd93u;
    h ^= h >> 32;
  }
  return h;
}
}  // namespace

std::int64_t PointMerger::add(const Vec3& raw) {
  const Vec3 p{raw[0] + 0.0, raw[1] + 0.0, raw[2] + 0.0};  // -0 becomes +0
  std::size_t slot = hash_point(p) & mask_;
  while (slots_[slot] != 0) {
    const Vec3& q = points_[slots_[slot] - 1];
    if (q == p) return slots_[slot] - 1;
    slot = (slot + 1) & mask_;
  }
  points_.push_back(p);
  slots_[slot] = static_cast<std::int64_t>(points_.size());
  if (2 * points_.size() > slots_.size()) grow();
  return static_cast<std::int64_t>(points_.size()) - 1;
}

void PointMerger::grow() {
  slots_.assign(2 * slots_.size(), 0);
  mask_ = slots_.size() - 1;
  for (std::size_t i = 0; i < points_.size(); ++i) {
    std::size_t slot = hash_point(points_[i]) & mask_;
    while (slots_[slot] != 0) slot = (slot + 1) & mask_;
    slots_[slot] = static_cast<std::int64_t>(i) + 1;
  }
}

void apply_unit(std::vector<Vec3>& points, double file_unit) {
  if (file_unit == 1.0) return;
  for (Vec3& p : points) p = file_unit * p;
}

}  // namespace streamtube::mesh_io
