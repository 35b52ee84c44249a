#include "mesh_io/h5/h5_file.hpp"

#include <H5PLextern.h>
#include <hdf5.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>

#include "core/error.hpp"
#include "core/files.hpp"

namespace streamtube::mesh_io {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {

constexpr std::size_t kMaxText = std::size_t{16} << 20;
constexpr std::size_t kMaxElements = std::size_t{1} << 40;
// Deflate cannot compress further than about 1032 to 1; with margin for what HDF5 adds around a chunk.
constexpr std::size_t kMaxRatio = 1200;
constexpr std::size_t kMostChunk = std::size_t{64} << 20;  // bytes, where the values are fewer

// Closes an HDF5 handle of any kind.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator hid_t() const { return id_; }
  bool ok() const { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

void silence_hdf5() {
  // Once: HDF5 prints nothing by itself and loads no filter plug-ins from the machine it happens to run on. At the end
  // of the process it would try to write once more what a full disk refused, and crash.
  static const bool done = [] {
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    H5PLset_loading_state(0);
    return true;
  }();
  (void)done;
}

// The innermost reason on HDF5's error stack.
std::string reason() {
  std::string text;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_DOWNWARD,
      [](unsigned, const H5E_error2_t* error, void* out) -> herr_t {
        if (error->desc && *error->desc) *static_cast<std::string*>(out) = error->desc;
        return 0;
      },
      &text);
  // Of a failed system call, HDF5 tells times, addresses and sizes too.
  const std::string before = "error message = '";
  if (const std::size_t at = text.find(before); at != std::string::npos)
    text = text.substr(at + before.size(), text.find('\'', at + before.size()) - at - before.size());
  return text.empty() ? text : str(" (HDF5: ", text, ")");
}

bool multiply(std::size_t& a, std::size_t b) {
  if (b != 0 && a > kMaxElements / b) return false;
  a *= b;
  return true;
}

template <class T>
hid_t memory_type();
template <>
hid_t memory_type<float>() {
  return H5T_NATIVE_FLOAT;
}
template <>
hid_t memory_type<double>() {
  return H5T_NATIVE_DOUBLE;
}
template <>
hid_t memory_type<std::int64_t>() {
  return H5T_NATIVE_INT64;
}
template <>
hid_t memory_type<std::uint8_t>() {
  return H5T_NATIVE_UINT8;
}

template <class T>
hid_t file_type();
template <>
hid_t file_type<float>() {
  return H5T_IEEE_F32LE;
}
template <>
hid_t file_type<double>() {
  return H5T_IEEE_F64LE;
}
template <>
hid_t file_type<std::int64_t>() {
  return H5T_STD_I64LE;
}
template <>
hid_t file_type<std::uint8_t>() {
  return H5T_STD_U8LE;
}

template <class T>
bool accepts(H5Type type);
template <>
bool accepts<float>(H5Type type) {
  return type == H5Type::float32;
}
template <>
bool accepts<double>(H5Type type) {
  return type == H5Type::float32 || type == H5Type::float64;
}
template <>
bool accepts<std::int64_t>(H5Type type) {
  return type == H5Type::uint8 || type == H5Type::int32 || type == H5Type::int64;
}

template <class T>
const char* wanted();
template <>
const char* wanted<float>() {
  return "float32";
}
template <>
const char* wanted<double>() {
  return "float64 or float32";
}
template <>
const char* wanted<std::int64_t>() {
  return "int64, int32 or uint8";
}

H5Type classify(hid_t type) {
  const auto size = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_FLOAT:
      return size == 4 ? H5Type::float32 : size == 8 ? H5Type::float64 : H5Type::other;
    case H5T_INTEGER:
      if (H5Tget_sign(type) != H5T_SGN_2) return size == 1 ? H5Type::uint8 : H5Type::other;
      return size == 4 ? H5Type::int32 : size == 8 ? H5Type::int64 : H5Type::other;
    default:
      return H5Type::other;
  }
}

}  // namespace

const char* name(H5Type type) {
  switch (type) {
    case H5Type::float32:
      return "float32";
    case H5Type::float64:
      return "float64";
    case H5Type::uint8:
      return "uint8";
    case H5Type::int32:
      return "int32";
    case H5Type::int64:
      return "int64";
    default:
      return "another type";
  }
}

std::string shape_text(const std::vector<std::size_t>& shape) {
  if (shape.empty()) return "scalar";
  std::string text;
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? " x " : "") + std::to_string(shape[i]);
  return text;
}

struct H5File::Impl {
  std::string name;
  hid_t file = -1;
  bool writing = false;

  ~Impl() {
    if (file >= 0) H5Fclose(file);
  }

  [[noreturn]] void fail(const std::string& what, const std::string& hint = {}) const {
    throw Error(writing ? ErrorKind::runtime : ErrorKind::input, str("'", name, "': ", what), hint);
  }

  // Whether every step of the path is there; refuses links that lead elsewhere, above all into other files.
  bool present(const std::string& object) const {
    if (object == "/") return true;
    std::string path;
    for (std::size_t begin = 0; begin < object.size();) {
      while (begin < object.size() && object[begin] == '/') ++begin;
      if (begin == object.size()) break;
      const std::size_t end = std::min(object.find('/', begin), object.size());
      path += '/';
      path.append(object, begin, end - begin);
      if (H5Lexists(file, path.c_str(), H5P_DEFAULT) <= 0) return false;
      H5L_info_t info{};
      if (H5Lget_info(file, path.c_str(), &info, H5P_DEFAULT) < 0) fail(str("'", path, "' cannot be read", reason()));
      if (info.type != H5L_TYPE_HARD)
        fail(str("'", path, "' is a soft or external link"), "store the object itself in the file");
      begin = end;
    }
    return H5Oexists_by_name(file, object.c_str(), H5P_DEFAULT) > 0;
  }

  hid_t open_object(const std::string& object) const {
    if (!present(object)) fail(str("there is no '", object, "'"));
    const hid_t id = H5Oopen(file, object.c_str(), H5P_DEFAULT);
    if (id < 0) fail(str("'", object, "' cannot be opened", reason()), "the file is damaged");
    return id;
  }

  hid_t open_dataset(const std::string& object) const {
    const hid_t id = open_object(object);
    if (H5Iget_type(id) != H5I_DATASET) {
      H5Oclose(id);
      fail(str("'", object, "' is not a data set"));
    }
    return id;
  }

  std::vector<std::size_t> shape_of(hid_t dataset, const std::string& object) const {
    const Handle space(H5Dget_space(dataset), H5Sclose);
    if (!space.ok()) fail(str("'", object, "': the shape cannot be read", reason()), "the file is damaged");
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 0 || rank > 8) fail(str("'", object, "' has ", rank, " dimensions"));
    std::vector<hsize_t> dims(static_cast<std::size_t>(rank));
    if (rank > 0) H5Sget_simple_extent_dims(space, dims.data(), nullptr);
    return {dims.begin(), dims.end()};
  }

  // HDF5 allocates whole chunks, however few values are in them.
  void check_chunk(hid_t creation, std::size_t width, const std::string& object, std::size_t bytes) const {
    std::vector<hsize_t> chunk(32);
    const int rank = H5Pget_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
    std::size_t size = width;
    for (int i = 0; i < std::min(rank, 32); ++i)
      if (!multiply(size, static_cast<std::size_t>(chunk[static_cast<std::size_t>(i)])))
        fail(str("'", object, "' has chunks of an absurd size"), "the file is damaged");
    if (size > kMostChunk && size / 4 > bytes)
      fail(str("'", object, "' has chunks of ", size >> 20, " MiB for ", bytes, " bytes of values"),
           "store it in smaller chunks, or unchunked (h5repack -l CHUNK=1024)");
  }

  void check_storage(hid_t id, hid_t type, const std::string& object, const std::vector<std::size_t>& shape,
                     std::size_t count) const {
    // What the file stores bounds what can be in it; a data set that keeps its values elsewhere is refused.
    const Handle creation(H5Dget_create_plist(id), H5Pclose);
    const H5D_layout_t layout = H5Pget_layout(creation);
    if (layout == H5D_VIRTUAL || H5Pget_external_count(creation) > 0)
      fail(str("'", object, "' keeps its values in another file"), "store them in this file");
    const std::size_t bytes = count * H5Tget_size(type);
    if (layout == H5D_CHUNKED) check_chunk(creation, H5Tget_size(type), object, bytes);
    const std::size_t stored = static_cast<std::size_t>(H5Dget_storage_size(id));
    const bool filtered = H5Pget_nfilters(creation) > 0;
    if (stored == 0 || (filtered ? bytes / kMaxRatio > stored : bytes > stored))
      fail(str("'", object, "' claims ", shape_text(shape), " values but the file stores ", stored, " bytes of it"),
           "the file is damaged or was not finished");
    const hsize_t file_size = [&] {
      hsize_t size = 0;
      H5Fget_filesize(file, &size);
      return size;
    }();
    if (stored > file_size)
      fail(str("'", object, "' claims ", stored, " bytes in a file of ", file_size), "the file is damaged");
  }

  // Both spaces of a transfer of `count` rows from `begin` on; columns: values a row.
  void select_rows(hid_t id, const std::string& object, std::size_t begin, std::size_t count,
                   const std::function<void(hid_t memory, hid_t file)>& transfer) const {
    const auto shape = shape_of(id, object);
    if (shape.empty() || begin > shape[0] || count > shape[0] - begin)
      fail(str("'", object, "' has the shape ", shape_text(shape), ": no rows ", begin, " to ", begin + count));
    std::vector<hsize_t> start(shape.size(), 0), size(shape.begin(), shape.end());
    start[0] = begin, size[0] = count;
    const Handle file_space(H5Dget_space(id), H5Sclose),
        memory(H5Screate_simple(static_cast<int>(size.size()), size.data(), nullptr), H5Sclose);
    if (H5Sselect_hyperslab(file_space, H5S_SELECT_SET, start.data(), nullptr, size.data(), nullptr) < 0)
      fail(str("'", object, "': rows ", begin, " to ", begin + count, " cannot be chosen", reason()));
    transfer(memory, file_space);
  }

  struct Attribute {
    Handle id, type, space;
  };
  Attribute open_attribute(const std::string& object, const std::string& attribute) const {
    const Handle owner(open_object(object), H5Oclose);
    if (H5Aexists(owner, attribute.c_str()) <= 0) fail(str("'", object, "' has no attribute '", attribute, "'"));
    const hid_t id = H5Aopen(owner, attribute.c_str(), H5P_DEFAULT);
    if (id < 0) fail(str("attribute '", attribute, "' of '", object, "' cannot be opened", reason()));
    return {Handle(id, H5Aclose), Handle(H5Aget_type(id), H5Tclose), Handle(H5Aget_space(id), H5Sclose)};
  }
};

H5File::H5File(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
H5File::~H5File() = default;
H5File::H5File(H5File&&) noexcept = default;
H5File& H5File::operator=(H5File&&) noexcept = default;

const std::string& H5File::name() const { return impl_->name; }
void H5File::set_name(const std::string& name) { impl_->name = name; }

H5File H5File::open(const std::string& path) {
  silence_hdf5();
  auto impl = std::make_unique<Impl>();
  impl->name = path;
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) impl->fail("there is no such file");
  if (status.type() == std::filesystem::file_type::directory) impl->fail("is a folder, not a file");
  if (!std::ifstream(path, std::ios::binary)) impl->fail("cannot be opened for reading", "check its permissions");
  if (status.type() == std::filesystem::file_type::regular && std::filesystem::file_size(path, error) == 0)
    impl->fail("the file is empty");
  if (H5Fis_hdf5(path.c_str()) <= 0) impl->fail("is not an HDF5 file");
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_file_locking(access, false, true);  // reading needs no lock, and some file systems have none
  impl->file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access);
  if (impl->file < 0) impl->fail(str("the HDF5 file is damaged or truncated", reason()), "copy or make it again");
  return H5File(std::move(impl));
}

H5File H5File::open_image(std::span<const unsigned char> bytes, const std::string& name) {
  silence_hdf5();
  auto impl = std::make_unique<Impl>();
  impl->name = name;
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_fapl_core(access, std::size_t{1} << 20, false);
  // HDF5 copies the image; it only asks for a pointer it could write through.
  H5Pset_file_image(access, const_cast<unsigned char*>(bytes.data()), bytes.size());
  impl->file = H5Fopen(name.c_str(), H5F_ACC_RDONLY, access);
  if (impl->file < 0) impl->fail(str("the HDF5 image is damaged", reason()));
  return H5File(std::move(impl));
}

H5File H5File::create(const std::string& path) {
  silence_hdf5();
  auto impl = std::make_unique<Impl>();
  impl->name = path;
  impl->writing = true;
  impl->file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  if (impl->file < 0) impl->fail(str("cannot be created", reason()), "check the folder's permissions and free space");
  return H5File(std::move(impl));
}

H5File H5File::open_to_change(const std::string& path) {
  silence_hdf5();
  auto impl = std::make_unique<Impl>();
  impl->name = path;
  impl->writing = true;
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_file_locking(access, false, true);
  impl->file = H5Fopen(path.c_str(), H5F_ACC_RDWR, access);
  if (impl->file < 0) impl->fail(str("cannot be opened to be changed", reason()));
  return H5File(std::move(impl));
}

bool H5File::exists(const std::string& object) const { return impl_->present(object); }

bool H5File::is_group(const std::string& object) const {
  const Handle id(impl_->open_object(object), H5Oclose);
  return H5Iget_type(id) == H5I_GROUP;
}

std::vector<std::string> H5File::children(const std::string& group) const {
  if (!is_group(group)) impl_->fail(str("'", group, "' is not a group"));
  const Handle id(impl_->open_object(group), H5Oclose);
  struct Found {
    std::vector<std::string> names;
    bool too_many = false;
  } found;
  const herr_t status = H5Literate(
      id, H5_INDEX_NAME, H5_ITER_INC, nullptr,
      [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
        auto& f = *static_cast<Found*>(out);
        if (f.names.size() >= 1'000'000) f.too_many = true;
        if (!f.too_many) f.names.emplace_back(name);
        return f.too_many ? 1 : 0;
      },
      &found);
  if (status < 0) impl_->fail(str("group '", group, "' cannot be listed", reason()), "the file is damaged");
  if (found.too_many) impl_->fail(str("group '", group, "' has more than a million members"));
  std::sort(found.names.begin(), found.names.end());
  return found.names;
}

bool H5File::has_attribute(const std::string& object, const std::string& attribute) const {
  const Handle id(impl_->open_object(object), H5Oclose);
  return H5Aexists(id, attribute.c_str()) > 0;
}

std::string H5File::attribute_text(const std::string& object, const std::string& attribute) const {
  const auto a = impl_->open_attribute(object, attribute);
  const std::string what = str("attribute '", attribute, "' of '", object, "'");
  if (!a.type.ok() || !a.space.ok() || H5Tget_class(a.type) != H5T_STRING) impl_->fail(what + " is not text");
  if (H5Sget_simple_extent_npoints(a.space) != 1) impl_->fail(what + " is not one text");
  if (H5Tis_variable_str(a.type) > 0) {
    const Handle memory(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(memory, H5T_VARIABLE);
    H5Tset_cset(memory, H5Tget_cset(a.type));
    char* text = nullptr;
    if (H5Aread(a.id, memory, &text) < 0) impl_->fail(str(what, " cannot be read", reason()), "the file is damaged");
    std::string result = text ? std::string(text) : std::string();
    H5free_memory(text);
    if (result.size() > kMaxText) impl_->fail(what + " is longer than 16 MiB");
    return result;
  }
  const std::size_t size = H5Tget_size(a.type);
  if (size > kMaxText) impl_->fail(what + " is longer than 16 MiB");
  std::string result(size, '\0');
  const Handle memory(H5Tcopy(a.type), H5Tclose);
  if (size > 0 && H5Aread(a.id, memory, result.data()) < 0)
    impl_->fail(str(what, " cannot be read", reason()), "the file is damaged");
  result.resize(std::min(result.size(), result.find('\0')));
  return result;
}

std::vector<double> H5File::attribute_numbers(const std::string& object, const std::string& attribute) const {
  const auto a = impl_->open_attribute(object, attribute);
  const std::string what = str("attribute '", attribute, "' of '", object, "'");
  const auto kind = a.type.ok() ? H5Tget_class(a.type) : H5T_NO_CLASS;
  if (kind != H5T_FLOAT && kind != H5T_INTEGER) impl_->fail(what + " is not a number");
  const hssize_t n = H5Sget_simple_extent_npoints(a.space);
  if (n < 0 || n > 1'000'000) impl_->fail(str(what, " has ", n, " values"));
  std::vector<double> values(static_cast<std::size_t>(n));
  if (n > 0 && H5Aread(a.id, H5T_NATIVE_DOUBLE, values.data()) < 0)
    impl_->fail(str(what, " cannot be read", reason()), "the file is damaged");
  return values;
}

double H5File::attribute_number(const std::string& object, const std::string& attribute) const {
  const auto values = attribute_numbers(object, attribute);
  if (values.size() != 1) impl_->fail(str("attribute '", attribute, "' of '", object, "' is not one number"));
  return values[0];
}

std::int64_t H5File::attribute_integer(const std::string& object, const std::string& attribute) const {
  const auto a = impl_->open_attribute(object, attribute);
  if (!a.type.ok() || H5Tget_class(a.type) != H5T_INTEGER || H5Sget_simple_extent_npoints(a.space) != 1)
    impl_->fail(str("attribute '", attribute, "' of '", object, "' is not one whole number"));
  std::int64_t value = 0;
  if (H5Aread(a.id, H5T_NATIVE_INT64, &value) < 0)
    impl_->fail(str("attribute '", attribute, "' of '", object, "' cannot be read", reason()), "the file is damaged");
  return value;
}

H5Type H5File::type(const std::string& dataset) const {
  const Handle id(impl_->open_dataset(dataset), H5Oclose);
  const Handle type(H5Dget_type(id), H5Tclose);
  return type.ok() ? classify(type) : H5Type::other;
}

std::vector<std::size_t> H5File::shape(const std::string& dataset) const {
  const Handle id(impl_->open_dataset(dataset), H5Oclose);
  return impl_->shape_of(id, dataset);
}

template <class T>
std::vector<T> H5File::read(const std::string& dataset) const {
  const Handle id(impl_->open_dataset(dataset), H5Oclose);
  const Handle type(H5Dget_type(id), H5Tclose);
  const H5Type found = type.ok() ? classify(type) : H5Type::other;
  if (!accepts<T>(found))
    impl_->fail(str("'", dataset, "' holds ", mesh_io::name(found), " where ", wanted<T>(), " is expected"));

  const auto shape = impl_->shape_of(id, dataset);
  std::size_t count = 1;
  for (const std::size_t d : shape)
    if (!multiply(count, d)) impl_->fail(str("'", dataset, "' has the absurd shape ", shape_text(shape)));
  if (count == 0) return {};

  impl_->check_storage(id, type, dataset, shape, count);

  std::vector<T> values(count);
  if (H5Dread(id, memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0)
    impl_->fail(str("'", dataset, "' cannot be read", reason()), "the file is damaged or truncated");
  return values;
}

template <class T>
std::vector<T> H5File::read(const std::string& dataset, const std::vector<std::size_t>& expected) const {
  const auto found = shape(dataset);
  if (found != expected)
    impl_->fail(
        str("'", dataset, "' has the shape ", shape_text(found), " where ", shape_text(expected), " is expected"));
  return read<T>(dataset);
}

std::vector<float> H5File::read_rows(const std::string& dataset, std::size_t begin, std::size_t count) const {
  const Handle id(impl_->open_dataset(dataset), H5Oclose);
  const Handle type(H5Dget_type(id), H5Tclose);
  if (!type.ok() || classify(type) != H5Type::float32) impl_->fail(str("'", dataset, "' does not hold float32"));
  const auto shape = impl_->shape_of(id, dataset);
  std::size_t values = count;
  for (std::size_t i = 1; i < shape.size(); ++i)
    if (!multiply(values, shape[i])) impl_->fail(str("'", dataset, "' has the absurd shape ", shape_text(shape)));
  std::size_t all = 1;
  for (const std::size_t d : shape)
    if (!multiply(all, d)) impl_->fail(str("'", dataset, "' has the absurd shape ", shape_text(shape)));
  if (all > 0) impl_->check_storage(id, type, dataset, shape, all);
  std::vector<float> rows;
  impl_->select_rows(id, dataset, begin, count, [&](hid_t memory, hid_t file) {
    rows.resize(values);
    if (H5Dread(id, H5T_NATIVE_FLOAT, memory, file, H5P_DEFAULT, rows.data()) < 0)
      impl_->fail(str("'", dataset, "' cannot be read", reason()), "the file is damaged or truncated");
  });
  return rows;
}

void H5File::read_rows(const std::string& dataset, std::size_t begin, std::span<double> out) const {
  const Handle id(impl_->open_dataset(dataset), H5Oclose);
  const Handle type(H5Dget_type(id), H5Tclose);
  if (!type.ok() || !accepts<double>(classify(type)))
    impl_->fail(str("'", dataset, "' holds ", mesh_io::name(type.ok() ? classify(type) : H5Type::other), " where ",
                    wanted<double>(), " is expected"));
  const auto shape = impl_->shape_of(id, dataset);
  std::size_t row = 1, count = shape.empty() ? 1 : shape[0];
  for (std::size_t i = 1; i < shape.size(); ++i) row *= shape[i];
  for (std::size_t i = 1; i < shape.size(); ++i)
    if (!multiply(count, shape[i])) impl_->fail(str("'", dataset, "' has the absurd shape ", shape_text(shape)));
  core::expect(row > 0 && out.size() % row == 0, "H5File::read_rows: not a number of whole rows");
  impl_->check_storage(id, type, dataset, shape, count);
  impl_->select_rows(id, dataset, begin, out.size() / row, [&](hid_t memory, hid_t file) {
    if (H5Dread(id, H5T_NATIVE_DOUBLE, memory, file, H5P_DEFAULT, out.data()) < 0)
      impl_->fail(str("'", dataset, "' cannot be read", reason()), "the file is damaged or truncated");
  });
}

void H5File::create_group(const std::string& group) {
  if (group.empty() || group == "/" || impl_->present(group)) return;
  const Handle link(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(link, 1);
  const Handle id(H5Gcreate2(impl_->file, group.c_str(), link, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
  if (!id.ok()) impl_->fail(str("group '", group, "' cannot be made", reason()));
}

namespace {
void write_attribute_value(const H5File& file, hid_t owner, const std::string& attribute, hid_t type, hid_t memory,
                           const void* value, hsize_t count = 0) {
  if (H5Aexists(owner, attribute.c_str()) > 0) H5Adelete(owner, attribute.c_str());
  const Handle space(count ? H5Screate_simple(1, &count, nullptr) : H5Screate(H5S_SCALAR), H5Sclose);
  const Handle id(H5Acreate2(owner, attribute.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (!id.ok() || H5Awrite(id, memory, value) < 0)
    throw Error(ErrorKind::runtime,
                str("'", file.name(), "': attribute '", attribute, "' cannot be written", reason()));
}
}  // namespace

namespace {
void write_text(const H5File& file, hid_t owner, const std::string& attribute, const std::string& text,
                H5T_cset_t set) {
  // Of fixed length: readable by everything, and no heap whose order would change the file's bytes.
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type, std::max<std::size_t>(text.size(), 1));
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  H5Tset_cset(type, set);
  const std::string value = text.empty() ? std::string(1, '\0') : text;
  write_attribute_value(file, owner, attribute, type, type, value.data());
}
}  // namespace

void H5File::write_attribute(const std::string& object, const std::string& attribute, const std::string& text) {
  write_text(*this, Handle(impl_->open_object(object), H5Oclose), attribute, text, H5T_CSET_UTF8);
}

void H5File::write_ascii(const std::string& object, const std::string& attribute, const std::string& text) {
  write_text(*this, Handle(impl_->open_object(object), H5Oclose), attribute, text, H5T_CSET_ASCII);
}

void H5File::write_attribute(const std::string& object, const std::string& attribute, double number) {
  const Handle owner(impl_->open_object(object), H5Oclose);
  write_attribute_value(*this, owner, attribute, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &number);
}

void H5File::write_attribute(const std::string& object, const std::string& attribute, std::int64_t number) {
  const Handle owner(impl_->open_object(object), H5Oclose);
  write_attribute_value(*this, owner, attribute, H5T_STD_I64LE, H5T_NATIVE_INT64, &number);
}

void H5File::write_attribute(const std::string& object, const std::string& attribute,
                             std::span<const std::int64_t> numbers) {
  const Handle owner(impl_->open_object(object), H5Oclose);
  write_attribute_value(*this, owner, attribute, H5T_STD_I64LE, H5T_NATIVE_INT64, numbers.data(), numbers.size());
}

template <class T>
void H5File::write(const std::string& dataset, const std::vector<std::size_t>& shape, std::span<const T> values,
                   bool compress, std::size_t chunk_rows) {
  std::size_t count = 1;
  for (const std::size_t d : shape) count *= d;
  core::expect(count == values.size(), "H5File::write: the values do not fill the shape");
  const std::vector<hsize_t> dims(shape.begin(), shape.end());
  const Handle space(
      dims.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
      H5Sclose);
  const Handle link(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(link, 1);
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation, false);  // the same content gives the same bytes
  if (compress && count > 1024 && !dims.empty()) {
    std::vector<hsize_t> chunk = dims;
    hsize_t row = 1;
    for (std::size_t i = 1; i < dims.size(); ++i) row *= dims[i];
    const hsize_t wanted_rows = chunk_rows ? chunk_rows : (hsize_t{1} << 18) / std::max<hsize_t>(row, 1);
    chunk[0] = std::clamp<hsize_t>(wanted_rows, 1, dims[0]);
    H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
    H5Pset_shuffle(creation);
    H5Pset_deflate(creation, 6);
  }
  const Handle id(H5Dcreate2(impl_->file, dataset.c_str(), file_type<T>(), space, link, creation, H5P_DEFAULT),
                  H5Dclose);
  if (!id.ok()) impl_->fail(str("'", dataset, "' cannot be made", reason()));
  if (count > 0 && H5Dwrite(id, memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0)
    impl_->fail(str("'", dataset, "' cannot be written", reason()), "is the disk full?");
}

template <class T>
void H5File::declare(const std::string& dataset, std::size_t rows, std::size_t chunk_rows) {
  const hsize_t count = rows, chunk = std::clamp<hsize_t>(chunk_rows, 1, std::max<hsize_t>(rows, 1));
  const Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose);
  const Handle link(H5Pcreate(H5P_LINK_CREATE), H5Pclose), creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(link, 1);
  H5Pset_obj_track_times(creation, false);
  H5Pset_chunk(creation, 1, &chunk);
  H5Pset_shuffle(creation);
  H5Pset_deflate(creation, 1);  // runs and ramps: a higher level gains nothing
  const Handle id(H5Dcreate2(impl_->file, dataset.c_str(), file_type<T>(), space, link, creation, H5P_DEFAULT),
                  H5Dclose);
  if (!id.ok()) impl_->fail(str("'", dataset, "' cannot be made", reason()));
}

void H5File::write_texts(const std::string& dataset, const std::vector<std::string>& texts) {
  std::size_t width = 1;
  for (const auto& text : texts) width = std::max(width, text.size());
  std::string all(width * texts.size(), '\0');
  for (std::size_t i = 0; i < texts.size(); ++i) texts[i].copy(all.data() + i * width, width);
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type, width);
  H5Tset_cset(type, H5T_CSET_UTF8);
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  const hsize_t count = texts.size();
  const Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose);
  const Handle link(H5Pcreate(H5P_LINK_CREATE), H5Pclose), creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(link, 1);
  H5Pset_obj_track_times(creation, false);
  const Handle id(H5Dcreate2(impl_->file, dataset.c_str(), type, space, link, creation, H5P_DEFAULT), H5Dclose);
  if (!id.ok()) impl_->fail(str("'", dataset, "' cannot be made", reason()));
  if (count > 0 && H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()) < 0)
    impl_->fail(str("'", dataset, "' cannot be written", reason()), "is the disk full?");
}

template <class T>
void H5File::write_rows(const std::string& dataset, std::size_t begin, std::span<const T> values) {
  const Handle id(impl_->open_dataset(dataset), H5Oclose);
  impl_->select_rows(id, dataset, begin, values.size(), [&](hid_t memory, hid_t file) {
    if (H5Dwrite(id, memory_type<T>(), memory, file, H5P_DEFAULT, values.data()) < 0)
      impl_->fail(str("'", dataset, "' cannot be written", reason()), "is the disk full?");
  });
}

void H5File::allocate(const std::string& dataset, const std::vector<std::size_t>& shape) {
  const std::vector<hsize_t> dims(shape.begin(), shape.end());
  const Handle space(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose);
  const Handle link(H5Pcreate(H5P_LINK_CREATE), H5Pclose), creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(link, 1);
  H5Pset_obj_track_times(creation, false);
  H5Pset_layout(creation, H5D_CONTIGUOUS);
  H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
  const Handle id(H5Dcreate2(impl_->file, dataset.c_str(), file_type<float>(), space, link, creation, H5P_DEFAULT),
                  H5Dclose);
  if (!id.ok()) impl_->fail(str("'", dataset, "' cannot be made", reason()), "is the disk full?");
}

std::uint64_t H5File::place(const std::string& dataset) const {
  const Handle id(impl_->open_dataset(dataset), H5Oclose);
  const haddr_t place = H5Dget_offset(id);
  if (place == HADDR_UNDEF) impl_->fail(str("'", dataset, "' has no place of its own in the file"));
  return place;
}

void H5File::close() {
  if (impl_->file < 0) return;
  const bool flushed = !impl_->writing || H5Fflush(impl_->file, H5F_SCOPE_GLOBAL) >= 0;
  const bool closed = H5Fclose(impl_->file) >= 0;
  impl_->file = -1;
  if (!flushed || !closed) impl_->fail(str("could not be written to its end", reason()), "is the disk full?");
}

void change_file(const std::string& path, const std::function<void(H5File&)>& change) {
  namespace fs = std::filesystem;
  const std::string target = fs::canonical(path).string();
  core::remove_leftovers(target);
  core::write_atomically(target, [&](const std::string& temporary) {
    fs::copy_file(target, temporary, fs::copy_options::overwrite_existing);
    H5File file = H5File::open_to_change(temporary);
    file.set_name(path);
    change(file);
    file.close();
  });
}

template std::vector<float> H5File::read<float>(const std::string&) const;
template std::vector<double> H5File::read<double>(const std::string&) const;
template std::vector<std::int64_t> H5File::read<std::int64_t>(const std::string&) const;
template std::vector<float> H5File::read<float>(const std::string&, const std::vector<std::size_t>&) const;
template std::vector<double> H5File::read<double>(const std::string&, const std::vector<std::size_t>&) const;
template std::vector<std::int64_t> H5File::read<std::int64_t>(const std::string&,
                                                              const std::vector<std::size_t>&) const;
template void H5File::write<float>(const std::string&, const std::vector<std::size_t>&, std::span<const float>, bool,
                                   std::size_t);
template void H5File::write<double>(const std::string&, const std::vector<std::size_t>&, std::span<const double>, bool,
                                    std::size_t);
template void H5File::write<std::int64_t>(const std::string&, const std::vector<std::size_t>&,
                                          std::span<const std::int64_t>, bool, std::size_t);

template void H5File::declare<std::int64_t>(const std::string&, std::size_t, std::size_t);
template void H5File::declare<std::uint8_t>(const std::string&, std::size_t, std::size_t);
template void H5File::write_rows<std::int64_t>(const std::string&, std::size_t, std::span<const std::int64_t>);
template void H5File::write_rows<std::uint8_t>(const std::string&, std::size_t, std::span<const std::uint8_t>);

}  // namespace streamtube::mesh_io
