#include "mesh_io/h5/merge.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/error.hpp"
#include "core/log.hpp"
#include "core/runtime.hpp"
#include "mesh_io/h5/dataset.hpp"

namespace streamtube::mesh_io {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::str;

namespace {

struct Origin {
  const Dataset* data = nullptr;
  std::size_t index = 0;
};

// Error(input) for fields that are not those of the first.
void check_fields(const Dataset& first, const Dataset& other) {
  for (const Branch branch : {Branch::surface, Branch::volume})
    if (first.fields(branch) != other.fields(branch))
      throw Error(ErrorKind::input,
                  str("'", other.path(), "' has other ", physics::name(branch), " fields than '", first.path(), "'"));
}

// That of all which say something of it.
LabelNoise noise_of(const std::vector<Dataset>& data) {
  std::vector<LabelNoise> parts;
  std::string silent;
  for (const Dataset& one : data) {
    if (one.label_noise().empty())
      silent += (silent.empty() ? "'" : ", '") + one.path() + "'";
    else
      parts.push_back(one.label_noise());
  }
  if (!parts.empty() && !silent.empty())
    core::warn(str(silent, ": nothing is known of the scatter of labels there: that of the others stands for all"));
  return pooled(parts);
}

}  // namespace

void merge_datasets(const std::vector<std::string>& inputs, const std::string& output, bool overwrite) {
  if (fs::path(output).extension() != ".h5")
    throw Error(ErrorKind::usage, str("--out '", output, "': a data set ends in .h5"));
  std::error_code ignored;
  if (fs::exists(output, ignored)) {
    for (const std::string& input : inputs)
      if (fs::equivalent(input, output, ignored))
        throw Error(ErrorKind::usage, str("'", output, "' is one of the data sets to merge"),
                    "give --out another name");
    if (!overwrite) throw Error(ErrorKind::usage, str("'", output, "' is there already"), "--overwrite replaces it");
  }
  std::vector<Dataset> data;
  for (const std::string& input : inputs) data.emplace_back(input);
  DatasetHeader header;
  for (const Branch b : {Branch::surface, Branch::volume}) header.fields[static_cast<int>(b)] = data[0].fields(b);
  header.split_rules = data[0].split_rules();
  std::vector<Origin> cases;
  std::map<std::string, const Dataset*> seen;
  header.label_noise = noise_of(data);
  for (const Dataset& one : data) {
    check_fields(data[0], one);
    if (one.split_rules() != header.split_rules) header.split_rules.clear();
    if (header.description.find(one.description()) == std::string::npos)
      header.description += (header.description.empty() ? "" : "; ") + one.description();
    for (std::size_t i = 0; i < one.cases().size(); ++i) {
      const std::string& name = one.cases()[i].name;
      if (const auto [other, fresh] = seen.emplace(name, &one); !fresh)
        throw Error(ErrorKind::input,
                    str("the case '", name, "' is in '", other->second->path(), "' and in '", one.path(), "'"),
                    "merge data sets of different cases");
      cases.push_back({&one, i});
    }
    for (const std::string& split : one.splits())
      if (split != "all")
        for (const std::size_t index : one.split(split)) header.splits[split].push_back(one.cases()[index].name);
  }
  const auto name = [](const Origin& o) -> const std::string& { return o.data->cases()[o.index].name; };
  std::sort(cases.begin(), cases.end(),
            [&](const Origin& a, const Origin& b) { return natural_less(name(a), name(b)); });
  std::vector<std::string> names;
  for (const Origin& o : cases) names.push_back(name(o));
  check_splits(header.splits, names, str("'", output, "'"));
  core::Progress progress("merge", cases.size(), "cases");
  std::size_t next = 0;
  write_dataset(output, header, [&](FlowSample& sample) {
    core::check_interrupt();
    if (next == cases.size()) return false;
    sample = cases[next].data->read(cases[next].index, true);
    ++next;
    progress.advance(1);
    return true;
  });
}

}  // namespace streamtube::mesh_io
