#include "solver/sweep/results_table.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>
#include <system_error>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "mesh_io/h5/h5_file.hpp"

namespace streamtube::solver {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double find(const Named& list, const std::string& name) {
  for (const auto& [key, value] : list)
    if (key == name) return value;
  return kNone;
}

Json named_json(const Named& list) {
  Json out = Json::object();
  for (const auto& [name, value] : list) out[name] = std::isfinite(value) ? Json(value) : Json(nullptr);
  return out;
}

Named named(const Json& json) {
  Named out;
  for (const auto& [name, value] : json.items()) out.emplace_back(name, value.is_null() ? kNone : value.get<double>());
  return out;
}

std::string journal_name(int process) { return str("journal.", process, ".jsonl"); }

// Journals of the folder, by process.
std::map<int, std::string> journals(const std::string& folder) {
  std::map<int, std::string> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    int process = 0;
    if (name.rfind("journal.", 0) != 0) continue;
    std::from_chars(name.c_str() + 8, name.c_str() + name.size(), process);
    if (name == journal_name(process)) out[process] = entry.path().string();
  }
  return out;
}

[[noreturn]] void refuse(const std::string& path, int code) {
  throw Error(ErrorKind::runtime, str("cannot write '", path, "': ", std::generic_category().message(code)),
              code == ENOSPC || code == EDQUOT ? "free some space, then go on with --resume" : "");
}

std::string number_text(double value) {
  if (!std::isfinite(value)) return {};
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};  // the shortest that reads back the same
}

// RFC 4180.
std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

std::string joined(const std::vector<std::string>& list) {
  std::string out;
  for (const auto& one : list) out += (out.empty() ? "" : "; ") + one;
  return out;
}

struct Column {
  std::string name;
  std::vector<std::string> text;
  std::vector<double> numbers;
  bool is_text() const { return numbers.empty(); }
};

std::vector<Column> columns_of(const std::vector<Row>& rows) {
  std::vector<Column> out;
  const auto text = [&](const char* name, const auto& get) {
    Column column{name, {}, {}};
    for (const Row& row : rows) column.text.push_back(get(row));
    out.push_back(std::move(column));
  };
  const auto numbers = [&](const std::string& name, const auto& get) {
    Column column{name, {}, {}};
    for (const Row& row : rows) column.numbers.push_back(get(row));
    out.push_back(std::move(column));
  };
  // In the order of the first row that has them.
  const auto names = [&](Named Row::*list) {
    std::vector<std::string> found;
    std::set<std::string> known;
    for (const Row& row : rows)
      for (const auto& [name, value] : row.*list)
        if (known.insert(name).second) found.push_back(name);
    return found;
  };
  text("design", [](const Row& r) { return r.design; });
  text("status", [](const Row& r) { return std::string(r.done ? "done" : "failed"); });
  for (const auto& name : names(&Row::parameters))
    numbers(parameter_column(name), [&](const Row& r) { return find(r.parameters, name); });
  for (const auto& name : names(&Row::numbers)) numbers(name, [&](const Row& r) { return find(r.numbers, name); });
  numbers("trusted", [](const Row& r) { return r.done ? double(r.trusted()) : kNone; });
  text("nearest_case", [](const Row& r) { return r.nearest; });
  text("extrapolation", [](const Row& r) { return joined(r.extrapolation); });
  text("warnings", [](const Row& r) { return joined(r.warnings); });
  text("message", [](const Row& r) { return r.message; });
  text("files", [](const Row& r) { return joined(r.files); });
  text("folder", [](const Row& r) { return r.folder; });
  for (const auto& name : names(&Row::seconds))
    numbers("seconds_" + name, [&](const Row& r) { return find(r.seconds, name); });
  return out;
}

}  // namespace

double Row::number(const std::string& column) const {
  const double result = find(numbers, column);
  if (!std::isnan(result)) return result;
  for (const auto& [name, value] : parameters)
    if (parameter_column(name) == column) return value;
  return kNone;
}

void Row::refer_to(double area) {
  const double before = number("reference_area");
  if (!(before > 0)) return;
  for (auto* list : {&numbers, &parameters})
    for (auto& [name, value] : *list) {
      if (name == "reference_area") value = area;
      if (list == &numbers && name.size() > 1 && name[0] == 'C' && name != "CdA" && name != "ClA")
        value *= before / area;
    }
}

double Row::parameter(const std::string& name) const { return find(parameters, name); }

std::string parameter_column(const std::string& name) {
  static const std::set<std::string> taken = {"design",
                                              "status",
                                              "Cd",
                                              "Cd_pressure",
                                              "Cd_friction",
                                              "Cl",
                                              "Clf",
                                              "Clr",
                                              "Cs",
                                              "Cm_roll",
                                              "Cm_pitch",
                                              "Cm_yaw",
                                              "CdA",
                                              "ClA",
                                              "drag_N",
                                              "lift_N",
                                              "side_N",
                                              "frontal_area",
                                              "reynolds_number",
                                              "length",
                                              "width",
                                              "height",
                                              "surface_area",
                                              "volume",
                                              "trusted",
                                              "nearest_case",
                                              "extrapolation",
                                              "warnings",
                                              "message",
                                              "files",
                                              "folder",
                                              "similarity_distance",
                                              "similarity_percentile",
                                              "beyond_training"};
  return taken.count(name) || name.rfind("seconds_", 0) == 0 ? "given_" + name : name;
}

std::string to_json(const Row& row) {
  Json out = {{"design", row.design}, {"identity", row.identity}, {"status", row.done ? "done" : "failed"}};
  if (!row.done) out["message"] = row.message, out["hint"] = row.hint;
  out["files"] = row.files;
  out["bytes"] = row.bytes;
  out["parameters"] = named_json(row.parameters);
  out["numbers"] = named_json(row.numbers);
  out["warnings"] = row.warnings;
  out["extrapolation"] = row.extrapolation;
  out["unlike"] = row.unlike;
  out["nearest"] = row.nearest;
  out["seconds"] = named_json(row.seconds);
  out["folder"] = row.folder;
  out["process"] = row.process;
  return core::json_text(out);
}

constexpr const char* kAnew = "restore the folder of results, or begin anew with --overwrite";

Row row_from_json(const std::string& line, const std::string& where) {
  try {
    const Json json = core::parse_json(line, where, kAnew);
    Row row;
    row.design = json.at("design").get<std::string>();
    row.identity = json.at("identity").get<std::string>();
    row.done = json.at("status").get<std::string>() == "done";
    if (!row.done) row.message = json.at("message").get<std::string>(), row.hint = json.at("hint").get<std::string>();
    row.files = json.at("files").get<std::vector<std::string>>();
    row.bytes = json.at("bytes").get<std::uint64_t>();
    row.parameters = named(json.at("parameters"));
    row.numbers = named(json.at("numbers"));
    row.warnings = json.at("warnings").get<std::vector<std::string>>();
    row.extrapolation = json.at("extrapolation").get<std::vector<std::string>>();
    row.unlike = json.at("unlike").get<bool>();
    row.nearest = json.at("nearest").get<std::string>();
    row.seconds = named(json.at("seconds"));
    row.folder = json.at("folder").get<std::string>();
    row.process = json.at("process").get<int>();
    return row;
  } catch (const Json::exception& error) {
    throw Error(ErrorKind::input, str(where, ": this is no line of a sweep's journal (", error.what(), ")"), kAnew);
  }
}

Journal::Journal(const std::string& folder, int process) : path_((fs::path(folder) / journal_name(process)).string()) {
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file_ < 0) refuse(path_, errno);
  // A killed process may have left half a line.
  off_t end = ::lseek(file_, 0, SEEK_END);
  char last = '\n';
  while (end > 0 && ::pread(file_, &last, 1, end - 1) == 1 && last != '\n') --end;
  if (::ftruncate(file_, end) != 0 || ::lseek(file_, end, SEEK_SET) != end) {
    const int code = errno;
    ::close(file_);
    refuse(path_, code);
  }
}

Journal::~Journal() { ::close(file_); }

void Journal::append(const Row& row) {
  const std::string line = to_json(row) + '\n';
  const off_t before = ::lseek(file_, 0, SEEK_CUR);
  int code = 0;
  for (std::size_t done = 0; code == 0 && done < line.size();) {
    const ssize_t n = ::write(file_, line.data() + done, line.size() - done);
    if (n > 0)
      done += static_cast<std::size_t>(n);
    else if (n == 0 || errno != EINTR)
      code = n == 0 ? ENOSPC : errno;
  }
  if (code == 0 && ::fsync(file_) != 0 && errno != EINVAL && errno != ENOTSUP) code = errno;
  if (code == 0) return;
  if (::ftruncate(file_, before) == 0) ::lseek(file_, before, SEEK_SET);
  refuse(path_, code);
}

std::map<std::string, Row> read_journals(const std::string& folder) {
  std::map<std::string, Row> rows;
  for (const auto& [process, path] : journals(folder)) {
    const std::string text = core::read_text(path);
    std::size_t line = 1;
    for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1, ++line) {
      Row row = row_from_json(text.substr(begin, end - begin), str("'", path, "': line ", line));
      // Journals are read by process, not by time: what failed in one may have been done later in another.
      Row& known = rows[row.design];
      if (!known.done || row.done) known = std::move(row);
    }
  }
  return rows;
}

bool has_journals(const std::string& folder) { return !journals(folder).empty(); }

void remove_journals(const std::string& folder) {
  for (const auto& [process, path] : journals(folder)) {
    std::error_code error;
    if (!fs::remove(path, error) && error)
      throw Error(ErrorKind::runtime, str("'", path, "': cannot be removed: ", error.message()));
  }
}

void write_table(const std::string& folder, const std::vector<Row>& rows) {
  const std::vector<Column> columns = columns_of(rows);
  std::string csv;
  for (const Column& column : columns) {
    if (!csv.empty()) csv += ',';
    csv += quoted(column.name);
  }
  csv += '\n';
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      if (c > 0) csv += ',';
      csv += columns[c].is_text() ? quoted(columns[c].text[i]) : number_text(columns[c].numbers[i]);
    }
    csv += '\n';
  }
  core::write_text((fs::path(folder) / kTableCsv).string(), csv);

  const std::string path = (fs::path(folder) / kTableH5).string();
  core::write_atomically(path, [&](const std::string& temporary) {
    auto file = mesh_io::H5File::create(temporary);
    file.set_name(path);
    file.write_attribute("/", "format", std::string("streamtube sweep"));
    file.write_attribute("/", "version", std::int64_t{1});
    std::string names;
    for (const Column& column : columns) {
      names += (names.empty() ? "" : ",") + column.name;
      std::string object = str('/', column.name);
      std::replace(object.begin() + 1, object.end(), '/', '_');
      if (column.is_text())
        file.write_texts(object, column.text);
      else
        file.write<double>(object, {rows.size()}, column.numbers);
    }
    file.write_attribute("/", "columns", names);
    file.close();
  });
}

}  // namespace streamtube::solver
