#include "mesh_io/h5/import.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/rng.hpp"
#include "core/runtime.hpp"
#include "mesh_io/h5/h5_file.hpp"

namespace streamtube::mesh_io {

using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;
namespace fs = std::filesystem;

namespace {

constexpr const char* kManifest = "import.json";
constexpr std::size_t kMostNamed = 5;

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMostNamed); ++i) text += (i ? ", " : "") + names[i];
  return names.size() > kMostNamed ? str(text, " and ", names.size() - kMostNamed, " more") : text;
}

// Size and time of change of all files of a case: what tells that it is still the same.
Json stamp(const CaseSource& source) {
  Json list = Json::array();
  for (const std::string& file : source.files) {
    std::error_code error;
    const auto size = fs::is_directory(file, error) ? 0 : fs::file_size(file, error);
    const auto time = fs::last_write_time(file, error).time_since_epoch().count();
    list.push_back({file, size, static_cast<std::int64_t>(time)});
  }
  return list;
}

// Of a part, the rows whose every value is finite.
void drop_bad_rows(FlowSample& sample) {
  for (int b = 0; b < 2; ++b) {
    SamplePart& part = sample.part[b];
    const std::size_t rows = part.rows();
    std::vector<char> bad(rows, 0);
    const auto look = [&](const std::vector<float>& values) {
      const std::size_t k = rows == 0 ? 0 : values.size() / rows;
      for (std::size_t i = 0; i < rows * k; ++i)
        if (!std::isfinite(values[i])) bad[i / k] = 1;
    };
    look(part.position), look(part.normal), look(part.size);
    for (const SampleField& f : part.fields) look(f.values);
    const auto dropped = static_cast<std::size_t>(std::count(bad.begin(), bad.end(), char{1}));
    if (dropped == 0) continue;
    const auto keep = [&](std::vector<float>& values) {
      const std::size_t k = values.size() / rows;
      std::size_t kept = 0;
      for (std::size_t i = 0; i < rows; ++i)
        if (!bad[i])
          std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(i * k), k,
                      values.begin() + static_cast<std::ptrdiff_t>(k * kept++));
      values.resize(kept * k);
    };
    keep(part.position), keep(part.normal), keep(part.size);
    for (SampleField& f : part.fields) keep(f.values);
    sample.info.quality[b == 0 ? "dropped_surface_rows" : "dropped_volume_rows"] = static_cast<double>(dropped);
    core::warn(str("case '", sample.info.name, "': ", dropped, " of ", rows, b == 0 ? " surface" : " volume",
                   " rows hold a value that is not finite and are left out",
                   b == 0 ? ": sums of forces miss them" : ""));
  }
}

bool is_dataset(const std::string& path) {
  if (fs::path(path).extension() != ".h5") return false;
  try {
    const H5File file = H5File::open(path);
    return file.has_attribute("/", "format") && file.attribute_text("/", "format") == "streamtube dataset";
  } catch (const Error&) {
    return false;
  }
}

// What a data set of one file a case consists of, and what an import that did not end leaves.
bool is_output(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  return name == kSplitsFile || name == kLabelNoiseFile || is_dataset(path);
}
bool is_staged(const std::string& path) {
  const std::string name = fs::path(path).filename().string(), extension = fs::path(path).extension().string();
  return name == kManifest || name == kSplitsFile || name == kLabelNoiseFile || extension == ".h5" ||
         extension == ".work";
}

// Without "." and "/" at its end, of which "x.import" would become a file within x.
std::string plain_path(const std::string& path) {
  fs::path plain = fs::path(path).lexically_normal();
  if (plain.filename().empty()) plain = plain.parent_path();
  if (plain.filename() == "." || plain.filename() == "..") plain = fs::absolute(plain).lexically_normal();
  if (plain.filename().empty()) plain = plain.parent_path();
  return plain.string();
}

// Whether `inner` is `outer` or lies in it, links followed.
bool lies_in(const std::string& inner, const std::string& outer) {
  std::error_code error;
  const fs::path of = fs::weakly_canonical(outer, error);
  for (fs::path at = fs::weakly_canonical(inner, error); !at.empty(); at = at.parent_path()) {
    if (at == of) return true;
    if (at == at.parent_path()) break;
  }
  return false;
}

// At most `most` rows of the volume, drawn by the case's name and kept in order.
void thin_volume(FlowSample& sample, std::size_t most) {
  SamplePart& part = sample.part[1];
  const std::size_t n = part.rows();
  if (most == 0 || n <= most) return;
  core::Rng rng(0, "volume points of " + sample.info.name);
  std::vector<std::int64_t> rows = core::sample_indices(rng, n, most);
  std::sort(rows.begin(), rows.end());
  const auto thin = [&](std::vector<float>& values, std::size_t columns) {
    if (values.empty()) return;
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (std::size_t c = 0; c < columns; ++c)
        values[i * columns + c] = values[static_cast<std::size_t>(rows[i]) * columns + c];
    values.resize(rows.size() * columns);
    values.shrink_to_fit();
  };
  thin(part.position, 3), thin(part.size, 1);
  for (SampleField& f : part.fields) thin(f.values, static_cast<std::size_t>(f.components));
}

class Import {
 public:
  Import(const Layout& layout, const std::string& folder, const std::string& path, const ImportOptions& options)
      : layout_(layout),
        path_(plain_path(path)),
        staging_(path_ + ".import"),
        options_(options),
        one_file_(ends_in_h5(path)) {
    if (lies_in(folder, path_))
      throw Error(ErrorKind::usage,
                  str("the output '", path, "' is, or holds, the folder '", folder, "' it is made of"),
                  "choose another output");
    if (fs::exists(path_) && options.overwrite) {
      if (one_file_ && !is_dataset(path_))
        throw Error(ErrorKind::usage, str("'", path_, "' is there and is no data set of ours"),
                    "choose another output");
      if (!one_file_) core::require_only_ours(path_, is_output);
    }
    if (fs::exists(path) && !options.overwrite)
      throw Error(ErrorKind::usage, str("'", path, "' is there already"), "--overwrite replaces it");
    sources_ = layout.find(folder);
    if (sources_.empty())
      throw Error(ErrorKind::input, str("'", folder, "': there are no cases of the layout '", layout.name(),
                                        "' in it: ", layout.pattern()));
    std::sort(sources_.begin(), sources_.end(),
              [](const CaseSource& a, const CaseSource& b) { return natural_less(a.name, b.name); });
    for (std::size_t i = 1; i < sources_.size(); ++i)
      if (sources_[i].name == sources_[i - 1].name)
        throw Error(ErrorKind::input, str("'", folder, "': there are two cases '", sources_[i].name, "': '",
                                          sources_[i - 1].files[0], "' and '", sources_[i].files[0], "'"));
    header_ = layout.header(sources_);
    resolve_splits();
  }

  ImportReport run() {
    open_staging();
    core::Progress progress("import", sources_.size(), "cases");
    // The first case that can be read says which fields all have.
    std::vector<char> done(sources_.size());
    for (std::size_t i = 0; i < sources_.size(); ++i) done[i] = fs::exists(part(sources_[i]));
    report_.kept = static_cast<std::size_t>(std::count(done.begin(), done.end(), 1));
    progress.advance(report_.kept);
    std::size_t first = 0;
    if (report_.kept == 0) {
      for (bool found = false; !found && first < sources_.size(); ++first) {
        found = import_one(sources_[first], true);
        progress.advance(1);
        if (!found && !options_.skip_bad) fail();
      }
    } else {
      const auto kept = std::find(done.begin(), done.end(), 1) - done.begin();
      const Dataset known(part(sources_[static_cast<std::size_t>(kept)]));
      for (const Branch b : {Branch::surface, Branch::volume}) header_.fields[static_cast<int>(b)] = known.fields(b);
    }
    work(done, first, progress);
    if (!report_.rejected.empty() && !options_.skip_bad) fail();
    finish();
    return std::move(report_);
  }

 private:
  static bool ends_in_h5(const std::string& path) { return fs::path(path).extension() == ".h5"; }
  std::string part(const CaseSource& source) const { return (fs::path(staging_) / (source.name + ".h5")).string(); }

  void resolve_splits() {
    if (options_.splits.empty()) return;
    header_.splits.clear(), header_.split_rules.clear();
    std::vector<std::string> names;
    for (const CaseSource& s : sources_) names.push_back(s.name);
    for (const auto& [split, words] : options_.splits) {
      std::size_t missing = 0;
      auto& members = header_.splits[split];
      for (const std::string& word : words) {
        try {
          members.push_back(find_cases(names, {word}, options_.splits_name)[0]);
        } catch (const Error&) {
          ++missing;
        }
      }
      if (missing > 0)
        core::warn(str("split '", split, "' of ", options_.splits_name, ": ", members.size(), " of its ", words.size(),
                       " cases are here"));
      if (members.empty()) header_.splits.erase(split);
    }
    if (header_.splits.empty())
      throw Error(ErrorKind::input, str(options_.splits_name, ": none of the cases of its splits is in the folder"),
                  str("the folder has ", names.size(), " cases, '", names.front(), "' to '", names.back(), "'"));
    check_splits(header_.splits, names, options_.splits_name);
  }

  // Makes the folder beside the output, or takes over what an earlier import left there.
  void open_staging() {
    Json now = {{"layout", layout_.name()},
                {"settings", layout_.settings()},
                {"volume_points", options_.volume_points},
                {"drop_bad_rows", options_.drop_bad_rows},
                {"cases", Json::object()}};
    for (const CaseSource& s : sources_) now["cases"][s.name] = stamp(s);
    const std::string manifest = (fs::path(staging_) / kManifest).string();
    std::error_code error;
    if (fs::exists(staging_, error)) {
      core::require_only_ours(staging_, is_staged);
      if (options_.overwrite && !options_.resume) {
        fs::remove_all(staging_);
      } else if (!options_.resume) {
        std::size_t finished = 0;
        for (const CaseSource& s : sources_) finished += fs::exists(part(s));
        throw Error(ErrorKind::usage,
                    str("'", staging_, "' is an import that did not end: ", finished, " of ", sources_.size(),
                        " cases are done"),
                    "--resume goes on with it, --overwrite begins anew");
      } else {
        const Json before = fs::exists(manifest) ? core::try_json(core::read_text(manifest)) : Json();
        if (before.is_object())
          for (const char* key : {"layout", "settings", "volume_points", "drop_bad_rows"})
            if (before.contains(key) && before[key] != now[key])
              throw Error(ErrorKind::usage,
                          str("--resume: '", staging_, "' was begun with another ",
                              std::string(key) == "settings" ? layout_.changed_setting(before.value(key, "")) : key),
                          "give the same options, or --overwrite begins anew");
        for (const auto& entry : fs::directory_iterator(staging_)) {
          const std::string name = entry.path().stem().string();
          const bool same = before.is_object() && before.contains("cases") && now["cases"].contains(name) &&
                            before["cases"].value(name, Json()) == now["cases"][name];
          if (entry.path().filename() != kManifest && (entry.path().extension() != ".h5" || !same))
            fs::remove_all(entry.path(), error);
        }
      }
    }
    if (fs::create_directories(staging_, error); error)
      throw Error(ErrorKind::runtime, str("cannot create '", staging_, "': ", error.message()));
    core::write_text(manifest, core::json_text(now, 1) + "\n");
  }

  // Whether the case is good. Errors of the machine pass.
  bool import_one(const CaseSource& source, bool sets_fields) {
    // Removed however this ends.
    struct Temporaries {
      std::string path;
      explicit Temporaries(std::string p) : path(std::move(p)) { fs::create_directories(path); }
      ~Temporaries() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
      }
    };
    std::string fault, hint;
    try {
      const Temporaries temporaries((fs::path(staging_) / (source.name + ".work")).string());
      FlowSample sample = layout_.read(source, temporaries.path);
      sample.info.name = source.name;
      if (options_.drop_bad_rows) drop_bad_rows(sample);
      thin_volume(sample, options_.volume_points);
      DatasetHeader header = header_;
      header.splits.clear();
      if (sets_fields) keep_fields(header, sample);
      for (int b = 0; b < 2; ++b)
        std::erase_if(sample.part[b].fields, [&](const SampleField& f) {
          return std::none_of(header.fields[b].begin(), header.fields[b].end(),
                              [&](const physics::FieldSpec& s) { return s.name == f.name; });
        });
      fault = find_fault(sample, header.fields);
      hint = fault.find("is not finite") != std::string::npos
                 ? "--on-bad-rows drop leaves such rows out and counts them in the case"
                 : layout_.hint();
      if (fault.empty()) {
        bool given = false;
        write_dataset(part(source), header, [&](FlowSample& next) {
          if (std::exchange(given, true)) return false;
          next = std::move(sample);
          return true;
        });
        if (sets_fields)
          for (int b = 0; b < 2; ++b) header_.fields[b] = header.fields[b];
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::input) throw;
      fault = error.message(), hint = error.hint();
    } catch (const std::bad_alloc&) {
      throw Error(ErrorKind::runtime, str("case '", source.name, "': not enough memory to read it"),
                  options_.jobs > 1 ? "give fewer --jobs, and --resume" : "");
    }
    const std::lock_guard lock(mutex_);
    if (fault.empty()) {
      ++report_.imported;
      return true;
    }
    if (report_.rejected.empty()) hint_ = hint;
    report_.rejected.emplace_back(source.name, fault);
    core::log(options_.skip_bad ? core::LogLevel::warning : core::LogLevel::error,
              str("case '", source.name, "': ", fault));
    return false;
  }

  // Of all fields that a case may have, those that this one has.
  static void keep_fields(DatasetHeader& header, const FlowSample& sample) {
    for (int b = 0; b < 2; ++b)
      std::erase_if(header.fields[b], [&](const physics::FieldSpec& s) {
        return std::none_of(sample.part[b].fields.begin(), sample.part[b].fields.end(),
                            [&](const SampleField& f) { return f.name == s.name; });
      });
  }

  void work(const std::vector<char>& done, std::size_t first, core::Progress& progress) {
    std::atomic<std::size_t> next = first;
    std::exception_ptr failure;
    const auto loop = [&] {
      try {
        for (std::size_t i; (i = next++) < sources_.size();) {
          core::check_interrupt();
          if (done[i]) continue;
          import_one(sources_[i], false);
          const std::lock_guard lock(mutex_);
          progress.advance(1);
        }
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!failure) failure = std::current_exception();
        next = sources_.size();
      }
    };
    std::vector<std::thread> threads;
    for (unsigned j = 1; j < std::min<std::size_t>(options_.jobs, sources_.size()); ++j) threads.emplace_back(loop);
    loop();
    for (std::thread& t : threads) t.join();
    if (failure) std::rethrow_exception(failure);
  }

  [[noreturn]] void fail() {
    std::size_t finished = 0;
    for (const CaseSource& s : sources_) finished += fs::exists(part(s));
    if (finished == 0) {
      std::error_code ignored;
      fs::remove_all(staging_, ignored);
    }
    const auto& [name, reason] = report_.rejected.front();
    if (report_.rejected.size() == 1)
      throw Error(ErrorKind::input, str("case '", name, "': ", reason),
                  str(hint_, hint_.empty() ? "" : "; ",
                      finished > 0 ? "go on with --resume when it is mended, or leave it out with --skip-bad --resume"
                                   : "--skip-bad leaves such cases out"));
    std::vector<std::string> names;
    for (const auto& rejected : report_.rejected) names.push_back(rejected.first);
    throw Error(ErrorKind::input,
                str(names.size(), " of ", sources_.size(), " cases cannot be imported: ", listed(names), "; '", name,
                    "': ", reason),
                "mend them and go on with --resume, or leave them out with --skip-bad --resume");
  }

  void finish() {
    std::vector<std::string> parts;
    std::set<std::string> there;
    for (const CaseSource& s : sources_)
      if (fs::exists(part(s))) parts.push_back(part(s)), there.insert(s.name);
    if (parts.empty()) {
      std::error_code ignored;
      fs::remove_all(staging_, ignored);
      throw Error(ErrorKind::input, str("none of the ", sources_.size(), " cases can be imported; '",
                                        report_.rejected[0].first, "': ", report_.rejected[0].second));
    }
    if (!report_.rejected.empty()) {
      std::vector<std::string> names;
      for (const auto& rejected : report_.rejected) names.push_back(rejected.first);
      header_.description += str("; left out: ", listed(names));
    }
    for (auto it = header_.splits.begin(); it != header_.splits.end();) {
      std::erase_if(it->second, [&](const std::string& name) { return !there.contains(name); });
      it = it->second.empty() ? header_.splits.erase(it) : std::next(it);
    }
    std::vector<CaseInfo> infos;
    for (const std::string& name : parts) infos.push_back(Dataset(name).cases()[0]);
    header_.label_noise = layout_.label_noise(infos);
    if (one_file_) {
      std::size_t next = 0;
      write_dataset(path_, header_, [&](FlowSample& sample) {
        core::check_interrupt();
        if (next == parts.size()) return false;
        sample = Dataset(parts[next++]).read(0, true);
        return true;
      });
      fs::remove_all(staging_);
      return;
    }
    write_splits(staging_, header_.splits);
    if (!header_.label_noise.empty()) write_label_noise(staging_, header_.label_noise);
    std::error_code error;
    fs::remove(fs::path(staging_) / kManifest, error);
    if (options_.overwrite) {
      core::require_only_ours(path_, is_output);  // looked at once more: an import takes long
      fs::remove_all(path_);
    }
    fs::rename(staging_, path_);
  }

  const Layout& layout_;
  std::string path_, staging_, hint_;
  const ImportOptions& options_;
  bool one_file_;
  std::vector<CaseSource> sources_;
  DatasetHeader header_;
  ImportReport report_;
  std::mutex mutex_;
};

}  // namespace

const Layout& choose_layout(const Layouts& layouts, const std::string& name, const std::string& folder) {
  std::string known;
  for (const auto& layout : layouts) {
    if (layout->name() == name) return *layout;
    known += (known.empty() ? "" : ", ") + layout->name();
  }
  if (name != "auto")
    throw Error(ErrorKind::usage, str("--layout: there is no layout '", name, "'"), str("there are: auto, ", known));
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    throw Error(ErrorKind::input, str("'", folder, "' is not a folder"), "give the folder that holds the cases");
  std::vector<const Layout*> found;
  std::string patterns;
  for (const auto& layout : layouts) {
    if (layout->recognises(folder)) found.push_back(layout.get());
    patterns += str(patterns.empty() ? "" : "; ", layout->name(), ": ", layout->pattern());
  }
  if (found.empty())
    throw Error(ErrorKind::input, str("'", folder, "': no cases of a known layout are in it"),
                "known are " + patterns + "; describe your own with --fields");
  if (found.size() > 1)
    throw Error(ErrorKind::input,
                str("'", folder, "' may be of the layout '", found[0]->name(), "' or '", found[1]->name(), "'"),
                "say which with --layout");
  return *found[0];
}

ImportReport import_cases(const Layout& layout, const std::string& folder, const std::string& path,
                          const ImportOptions& options) {
  return Import(layout, folder, path, options).run();
}

}  // namespace streamtube::mesh_io
