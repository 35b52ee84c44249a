#include "apps/cli/published_splits.hpp"

#include <filesystem>

#include "core/error.hpp"

namespace streamtube::apps {

std::string known_splits() {
  std::string names;
  for (const auto& [file, text] : embedded_splits())
    names += (names.empty() ? "" : ", ") + std::filesystem::path(file).stem().string();
  return names;
}

mesh_io::Splits read_splits(const std::string& name_or_path) {
  for (const auto& [file, text] : embedded_splits())
    if (name_or_path == std::filesystem::path(file).stem().string())
      return mesh_io::parse_splits(text, "the splits '" + name_or_path + "'");
  std::error_code ignored;
  if (!std::filesystem::exists(name_or_path, ignored) && name_or_path.find_first_of("./") == std::string::npos)
    throw core::Error(core::ErrorKind::input,
                      core::str("'", name_or_path, "' is neither a file nor the name of published splits"),
                      "there are: " + known_splits());
  return mesh_io::read_split_file(name_or_path);
}

}  // namespace streamtube::apps
