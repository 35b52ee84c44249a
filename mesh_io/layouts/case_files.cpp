#include "mesh_io/layouts/case_files.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "core/error.hpp"
#include "core/files.hpp"
#include "mesh_io/input_file.hpp"

namespace streamtube::mesh_io {

using core::Error;
using core::ErrorKind;
using core::str;
namespace fs = std::filesystem;

namespace {

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Whether `name` fits `pattern`, one component of a path; binds the names that are not bound yet.
bool fits(std::string_view pattern, std::string_view name, Bindings& bindings) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') {
    for (std::size_t n = 0; n <= name.size(); ++n)
      if (fits(pattern.substr(1), name.substr(n), bindings)) return true;
    return false;
  }
  if (pattern[0] != '{') return !name.empty() && name[0] == pattern[0] && fits(pattern.substr(1), name.substr(1), bindings);
  const std::size_t end = pattern.find('}');
  const std::string variable(pattern.substr(1, end - 1));
  const std::string_view rest = pattern.substr(end + 1);
  if (const auto known = bindings.find(variable); known != bindings.end()) {
    const std::string& value = known->second;
    return name.substr(0, value.size()) == value && fits(rest, name.substr(value.size()), bindings);
  }
  for (std::size_t n = name.size(); n > 0; --n) {
    const std::string_view value = name.substr(0, n);
    if (variable == "n" && !all_digits(value)) continue;
    Bindings with = bindings;
    with[variable] = std::string(value);
    if (fits(rest, name.substr(n), with)) {
      bindings = std::move(with);
      return true;
    }
  }
  return false;
}

void descend(const fs::path& folder, const std::string& pattern, const Bindings& bindings, std::vector<Match>& out) {
  const std::size_t slash = pattern.find('/');
  const std::string first = expand(pattern.substr(0, slash), bindings);
  const bool last = slash == std::string::npos;
  std::error_code error;
  const auto take = [&](const fs::path& path, const Bindings& with) {
    if (last) {
      if (fs::is_regular_file(path, error)) out.push_back({path.string(), with});
    } else if (fs::is_directory(path, error)) {
      descend(path, pattern.substr(slash + 1), with, out);
    }
  };
  if (first.find_first_of("*{") == std::string::npos) return take(folder / first, bindings);
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder, error)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  for (const fs::path& entry : entries) {
    Bindings with = bindings;
    const std::string name = entry.filename().string();
    if (name[0] != '.' && fits(first, name, with)) take(entry, with);
  }
}

struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

std::vector<std::string> cells(std::string_view line) {
  std::vector<std::string> out(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      out.emplace_back();
    else
      out.back() += c;
  }
  for (std::string& cell : out) {
    const std::size_t begin = cell.find_first_not_of(" \t\r"), end = cell.find_last_not_of(" \t\r");
    cell = begin == std::string::npos ? "" : cell.substr(begin, end - begin + 1);
  }
  return out;
}

Table read_table(const std::string& path) {
  const std::string text = core::read_text(path);
  Table table;
  std::size_t line = 0;
  for (std::size_t begin = 0; begin < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view row(text.data() + begin, end - begin);
    begin = end + 1;
    if (line == 0 && row.substr(0, 3) == "\xef\xbb\xbf") row.remove_prefix(3);
    if (row.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (row[0] == '#') row.remove_prefix(1);
    std::vector<std::string> found = cells(row);
    if (table.columns.empty()) {
      table.columns = std::move(found);
    } else if (found.size() != table.columns.size()) {
      throw Error(ErrorKind::input, str("'", path, "' (CSV): line ", line + 1, " has ", found.size(), " values for ",
                                        table.columns.size(), " columns"),
                  "the file is truncated or damaged; copy it again");
    } else {
      table.rows.push_back(std::move(found));
    }
  }
  if (table.rows.empty())
    throw Error(ErrorKind::input, str("'", path, "' (CSV): has no row of values"),
                "the file is truncated or damaged; copy it again");
  return table;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

std::vector<Match> find_matches(const std::string& folder, const std::string& pattern, const Bindings& bindings) {
  std::vector<Match> out;
  descend(folder, pattern, bindings, out);
  return out;
}

std::string expand(const std::string& text, const Bindings& bindings) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text[at] == '{' ? text.find('}', at) : std::string::npos;
    const auto known = end == std::string::npos ? bindings.end() : bindings.find(text.substr(at + 1, end - at - 1));
    if (known == bindings.end()) {
      out += text[at++];
    } else {
      out += known->second;
      at = end + 1;
    }
  }
  return out;
}

bool read_csv_number(const std::string& path, const std::vector<std::string>& columns, const std::string& key,
                     const std::string& key_value, double& value) {
  const Table table = read_table(path);
  const auto column_of = [&](const std::string& name) {
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      if (equal_no_case(table.columns[i], name)) return i;
    return table.columns.size();
  };
  std::size_t column = table.columns.size();
  for (const std::string& name : columns)
    if (column == table.columns.size()) column = column_of(name);
  if (column == table.columns.size()) return false;
  std::size_t row = 0;
  if (!key.empty()) {
    const std::size_t at = column_of(key);
    if (at == table.columns.size())
      throw Error(ErrorKind::input, str("'", path, "' (CSV): has no column '", key, "'"), "there are: " + listed(table.columns));
    while (row < table.rows.size() && table.rows[row][at] != key_value) ++row;
    if (row == table.rows.size())
      throw Error(ErrorKind::input, str("'", path, "' (CSV): no row has ", key, " = '", key_value, "'"));
  } else if (table.rows.size() > 1) {
    throw Error(ErrorKind::input, str("'", path, "' (CSV): has ", table.rows.size(), " rows where one was expected"),
                "a table of all cases needs 'key' and 'row' (docs/import.md)");
  }
  if (!parse_number(table.rows[row][column], value) || !std::isfinite(value))
    throw Error(ErrorKind::input, str("'", path, "' (CSV): ", table.columns[column], " is ",
                                      quoted(table.rows[row][column]), ", not a number"));
  return true;
}

std::map<std::string, double> read_csv_numbers(const std::string& path) {
  const Table table = read_table(path);
  if (table.rows.size() > 1)
    throw Error(ErrorKind::input, str("'", path, "' (CSV): has ", table.rows.size(), " rows where one was expected"));
  std::map<std::string, double> out;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    double value = 0;
    if (table.columns[i].empty() || equal_no_case(table.columns[i], "run") || equal_no_case(table.columns[i], "id"))
      continue;
    if (parse_number(table.rows[0][i], value) && std::isfinite(value)) out[table.columns[i]] = value;
  }
  return out;
}

std::vector<double> read_npy(const std::string& path) {
  const InputFile file(path, "NumPy array");
  const std::string_view text = file.text();
  const auto damaged = [&](const std::string& what) { file.fail(what, "the file is truncated or damaged; copy it again"); };
  if (text.size() < 12 || text.substr(0, 6) != "\x93NUMPY") damaged("does not begin like one");
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(text[i])); };
  const bool first = byte(6) == 1;
  const std::size_t begin = first ? 10 : 12;
  const std::size_t length = byte(8) + 256 * byte(9) + (first ? 0 : 65536 * byte(10) + 16777216 * byte(11));
  if (length > text.size() - begin) damaged("its header is cut off");
  const std::string_view header = text.substr(begin, length);
  const std::size_t wide = header.find("'<f8'") != std::string_view::npos ? 8
                           : header.find("'<f4'") != std::string_view::npos ? 4
                                                                            : 0;
  if (wide == 0) file.fail("its numbers are neither float32 nor float64 in little endian");
  if (header.find("'fortran_order': False") == std::string_view::npos) file.fail("it is in Fortran's order");
  const std::size_t bytes = text.size() - begin - length;
  if (bytes % wide != 0) damaged("it ends within a number");
  std::vector<double> out(bytes / wide);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const char* at = text.data() + begin + length + i * wide;
    float single = 0;
    if (wide == 8)
      std::memcpy(&out[i], at, 8);
    else
      std::memcpy(&single, at, 4), out[i] = single;
  }
  // The count in the header tells a file that was cut at the end of a number.
  const std::size_t shape = header.find("'shape': (");
  std::size_t count = 1;
  if (shape == std::string_view::npos) damaged("its header gives no shape");
  for (std::size_t at = shape + 10; at < header.size() && header[at] != ')';) {
    std::size_t end = at;
    while (end < header.size() && header[end] >= '0' && header[end] <= '9') ++end;
    std::int64_t n = 0;
    if (end > at && parse_integer(header.substr(at, end - at), n)) count *= static_cast<std::size_t>(n);
    at = std::max(end, at) + 1;
  }
  if (count != out.size()) damaged(str("it holds ", out.size(), " numbers, its header says ", count));
  return out;
}

}  // namespace streamtube::mesh_io
