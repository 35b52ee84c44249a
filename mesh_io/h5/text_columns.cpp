#include "mesh_io/h5/text_columns.hpp"

#include <hdf5.h>

#include <algorithm>

#include "core/error.hpp"

namespace streamtube::mesh_io {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {

// One data set; false where HDF5 refuses.
bool write(hid_t file, const std::string& object, const std::vector<std::string>& texts) {
  std::size_t width = 1;
  for (const auto& text : texts) width = std::max(width, text.size());
  std::string all(width * texts.size(), '\0');
  for (std::size_t i = 0; i < texts.size(); ++i) texts[i].copy(all.data() + i * width, width);
  const hsize_t count = texts.size();
  const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &count, nullptr),
              creation = H5Pcreate(H5P_DATASET_CREATE);
  H5Tset_size(type, width);
  H5Tset_cset(type, H5T_CSET_UTF8);
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  H5Pset_obj_track_times(creation, false);  // the same content gives the same bytes
  const hid_t id = H5Dcreate2(file, object.c_str(), type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  bool fine = id >= 0;
  if (fine && count > 0) fine = H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()) >= 0;
  if (id >= 0) fine = H5Dclose(id) >= 0 && fine;
  H5Pclose(creation), H5Sclose(space), H5Tclose(type);
  return fine;
}

}  // namespace

void add_text_columns(const std::string& path, const std::string& name,
                      const std::vector<std::pair<std::string, std::vector<std::string>>>& columns) {
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  if (file < 0) throw Error(ErrorKind::runtime, str("'", name, "' cannot be written into"), "is the disk full?");
  std::string failed;
  for (const auto& [object, texts] : columns)
    if (failed.empty() && !write(file, object, texts)) failed = object;
  if (H5Fclose(file) < 0 || !failed.empty())
    throw Error(ErrorKind::runtime, str("'", name, "': ", failed.empty() ? "" : "'" + failed + "' ", "cannot be written"),
                "is the disk full?");
}

}  // namespace streamtube::mesh_io
