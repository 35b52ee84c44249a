#pragma once
// HDF5 files without HDF5 headers. Everything that is read is checked before memory is taken for it: the object is
// there and of the wanted kind, its number type is the wanted one, its size agrees with what the caller expects or at
// least with what the file can hold. Links that lead out of the file are refused. Every failure is an Error(input)
// (reading) or Error(runtime) (writing) that names the file and the object. One object is not for several threads at
// once; several objects are (Debian's HDF5 is built for that).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace streamtube::mesh_io {

enum class H5Type { float32, float64, uint8, int32, int64, other };
const char* name(H5Type type);

class H5File {
 public:
  // Read only. `name` stands for the file in messages.
  static H5File open(const std::string& path);
  static H5File open_image(std::span<const unsigned char> bytes, const std::string& name);
  // Replaces an existing file; write through core::write_atomically.
  static H5File create(const std::string& path);
  // An existing file to write into. What is interrupted damages it: give it a copy.
  static H5File open_to_change(const std::string& path);
  ~H5File();
  H5File(H5File&&) noexcept;
  H5File& operator=(H5File&&) noexcept;

  const std::string& name() const;
  // Name in messages when the path is a temporary one.
  void set_name(const std::string& name);

  // Objects are named by their path from the root: "/", "/weights", "/weights/head.surface.bias".
  bool exists(const std::string& object) const;
  bool is_group(const std::string& object) const;
  std::vector<std::string> children(const std::string& group) const;  // names in alphabetical order

  bool has_attribute(const std::string& object, const std::string& attribute) const;
  std::string attribute_text(const std::string& object, const std::string& attribute) const;  // at most 16 MiB
  double attribute_number(const std::string& object, const std::string& attribute) const;     // any number type
  std::int64_t attribute_integer(const std::string& object, const std::string& attribute) const;
  std::vector<double> attribute_numbers(const std::string& object, const std::string& attribute) const;  // 1-D

  H5Type type(const std::string& dataset) const;
  std::vector<std::size_t> shape(const std::string& dataset) const;

  // The whole data set. T: float (stored as float32), double (float64 or float32), std::int64_t (int64, int32 or uint8).
  // With `expected`, any other shape is an error.
  template <class T>
  std::vector<T> read(const std::string& dataset) const;
  template <class T>
  std::vector<T> read(const std::string& dataset, const std::vector<std::size_t>& expected) const;

  // Rows begin..begin + count of a float32 data set, [count] times the product of the other dimensions.
  std::vector<float> read_rows(const std::string& dataset, std::size_t begin, std::size_t count) const;
  // The same of a data set of either floating-point type, converted into `out`, [rows] times the other dimensions.
  void read_rows(const std::string& dataset, std::size_t begin, std::span<double> out) const;

  void create_group(const std::string& group);  // parents too
  // An attribute that is there already is replaced.
  void write_attribute(const std::string& object, const std::string& attribute, const std::string& text);
  void write_ascii(const std::string& object, const std::string& attribute, const std::string& text);  // not as UTF-8
  void write_attribute(const std::string& object, const std::string& attribute, double number);
  void write_attribute(const std::string& object, const std::string& attribute, std::int64_t number);
  void write_attribute(const std::string& object, const std::string& attribute, std::span<const std::int64_t> numbers);
  // T: float, double, std::int64_t. Parents are made. compress: deflate with byte shuffling, in chunks of `chunk_rows`
  // rows (0: some 256k values).
  template <class T>
  void write(const std::string& dataset, const std::vector<std::size_t>& shape, std::span<const T> values,
             bool compress = false, std::size_t chunk_rows = 0);
  // One dimension of UTF-8 strings, all of the longest one's length.
  void write_texts(const std::string& dataset, const std::vector<std::string>& texts);
  // A data set of `rows` numbers to be filled by write_rows, deflated in chunks of `chunk_rows`. T: std::int64_t,
  // std::uint8_t.
  template <class T>
  void declare(const std::string& dataset, std::size_t rows, std::size_t chunk_rows);
  template <class T>
  void write_rows(const std::string& dataset, std::size_t begin, std::span<const T> values);
  // A float32 data set that takes its room in the file at once and is written past HDF5, at place() of the closed file.
  void allocate(const std::string& dataset, const std::vector<std::size_t>& shape);
  // Where the values of such a data set begin, bytes from the beginning of the file.
  std::uint64_t place(const std::string& dataset) const;
  // Flushes and closes; Error(runtime) when the disk is full. The destructor closes too but cannot tell.
  void close();

 private:
  struct Impl;
  explicit H5File(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Changes a file: a copy beside it, which then takes its name (that of the file itself where `path` is a link), so that
// a kill or a full disk leaves the old one. It needs room for the copy.
void change_file(const std::string& path, const std::function<void(H5File&)>& change);

std::string shape_text(const std::vector<std::size_t>& shape);  // "96 x 288", "scalar"

}  // namespace streamtube::mesh_io
