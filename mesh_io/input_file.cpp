#include "mesh_io/input_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "core/error.hpp"

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
bool is_blank(char c) { return is_space(c) && c != '\n'; }

}  // namespace

std::size_t checked_file_size(const std::string& path) {
  Descriptor fd(path);
  return checked_size(path, fd);
}

std::string read_head(const std::string& path, std::size_t n) {
  Descriptor fd(path);
  std::string head(std::min(n, checked_size(path, fd)), '\0');
  read_exactly(path, fd, head.data(), head.size());
  return head;
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
}

std::string InputFile::stem() const { return std::filesystem::path(path_).stem().string(); }

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
    if (next >= end_ || *next != '\n') break;
    at_ = next + 1;
  }
  last_ = at_;
  while (at_ < end_ && !is_space(*at_)) ++at_;
  return {last_, static_cast<std::size_t>(at_ - last_)};
}

std::string_view TextCursor::rest_of_line() {
  while (at_ < end_ && is_blank(*at_)) ++at_;
  const char* begin = last_ = at_;
  while (at_ < end_ && *at_ != '\n') ++at_;
  const char* end = at_;
  if (at_ < end_) ++at_;
  while (end > begin && is_space(end[-1])) --end;
  return {begin, static_cast<std::size_t>(end - begin)};
}

std::size_t TextCursor::line() const {
  return 1 + static_cast<std::size_t>(std::count(file_->data(), last_ ? last_ : at_, '\n'));
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
  return error == std::errc() && end == word.data() + word.size();
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
