#include "apps/cli/design_deltas.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <limits>
#include <sstream>

#include "apps/cli/design_work.hpp"
#include "core/error.hpp"
#include "solver/sweep/results_table.hpp"

namespace streamtube::apps {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;

namespace {

constexpr double kCount = 1e-4;
constexpr const char* kShown[] = {"Cd", "Cl", "Clf", "Clr"};  // as text

const Delta* find(const std::vector<Delta>& list, const std::string& name) {
  for (const Delta& d : list)
    if (d.name == name) return &d;
  return nullptr;
}

std::string csv_word(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

// The names of all parts, in the order in which designs have them.
std::vector<std::string> parts_of(const std::vector<DesignDeltas>& designs) {
  std::vector<std::string> out;
  for (const auto& design : designs)
    for (const auto& [part, list] : design.parts)
      if (std::find(out.begin(), out.end(), part) == out.end()) out.push_back(part);
  return out;
}

const std::vector<Delta>* part_of(const DesignDeltas& design, const std::string& name) {
  for (const auto& [part, list] : design.parts)
    if (part == name) return &list;
  return nullptr;
}

}  // namespace

bool holds_designs(const std::string& folder) {
  std::error_code ignored;
  return fs::is_regular_file(fs::path(folder) / kSweep, ignored);
}

std::vector<DesignDeltas> design_deltas(const std::string& folder, const std::string& reference) {
  const auto rows = solver::read_journals(folder);
  const auto named = rows.find(reference);
  std::error_code ignored;
  if (named == rows.end() && !fs::is_directory(reference, ignored))
    throw Error(ErrorKind::input, str("'", folder, "' holds no design '", reference, "', and there is no such folder"),
                "name one of its designs, or the folder of another result");
  if (named != rows.end() && !named->second.done)
    throw Error(ErrorKind::input, str("the design '", reference, "' failed: ", named->second.message));
  const StatedResult base =
      read_stated(named != rows.end() ? (fs::path(folder) / named->second.folder).string() : reference);
  if (base.of_body.empty())
    throw Error(ErrorKind::input, str("'", reference, "' states no coefficients"),
                "give the folder of a result of predict or solve, with its forces.json");
  std::vector<DesignDeltas> out;
  for (const auto& [name, row] : rows) {
    if (!row.done || name == reference) continue;
    const StatedResult one = read_stated((fs::path(folder) / row.folder).string());
    DesignDeltas design{name, deltas(one, base), parts_deltas(one, base), std::numeric_limits<double>::quiet_NaN()};
    if (const Delta* cd = find(design.whole, "Cd"); cd && one.area > 0 && base.area > 0) {
      design.drag_area = cd->one * one.area - cd->reference * base.area;
      design.other_area = std::abs(one.area - base.area) > 1e-3 * base.area;
    }
    out.push_back(std::move(design));
  }
  if (out.empty()) throw Error(ErrorKind::input, str("'", folder, "': no other design is done"), "run the sweep first");
  return out;
}

std::string designs_text(const std::vector<DesignDeltas>& designs, const std::string& reference) {
  std::size_t width = 8;
  bool areas = false, deviations = false;
  for (const auto& design : designs) {
    width = std::max(width, std::min<std::size_t>(design.design.size(), 40));
    areas = areas || design.other_area;
    for (const Delta& d : design.whole) deviations = deviations || d.deviation;
  }
  std::ostringstream out;
  out << "minus '" << reference << "', in counts (0.0001)\n\n"
      << std::left << std::setw(static_cast<int>(width)) << "design" << std::right;
  for (const char* name : kShown) out << std::setw(10) << name << (deviations ? "        " : "");
  if (areas) out << std::setw(12) << "CdA m2";
  out << '\n';
  const auto cells = [&](const std::vector<Delta>& list) {
    out << std::fixed << std::setprecision(1) << std::showpos;
    for (const char* name : kShown) {
      const Delta* d = find(list, name);
      if (d)
        out << std::setw(10) << d->total() / kCount;
      else
        out << std::setw(10) << "-";
      if (!deviations) continue;
      std::ostringstream bar;
      if (d && d->deviation) bar << " +-" << std::fixed << std::setprecision(1) << *d->deviation / kCount;
      out << std::left << std::setw(8) << bar.str() << std::right;
    }
  };
  for (const auto& design : designs) {
    out << std::left << std::setw(static_cast<int>(width)) << design.design.substr(0, 40) << std::right;
    cells(design.whole);
    if (areas) out << std::setprecision(6) << std::setw(12) << design.drag_area;
    out << '\n' << std::noshowpos;
    for (const auto& [part, list] : design.parts) {
      out << std::left << std::setw(static_cast<int>(width)) << "  " + part.substr(0, width - 2) << std::right;
      cells(list);
      out << '\n' << std::noshowpos;
    }
  }
  if (deviations) out << "+-: standard deviation of the difference over the members of the model\n";
  if (areas) out << "reference areas differ: compare CdA\n";
  return out.str();
}

std::string designs_csv(const std::vector<DesignDeltas>& designs) {
  std::vector<std::string> names;
  for (const auto& design : designs)
    for (const Delta& d : design.whole)
      if (std::find(names.begin(), names.end(), d.name) == names.end()) names.push_back(d.name);
  const auto parts = parts_of(designs);
  std::ostringstream out;
  out.precision(9);
  out << "design";
  for (const auto& name : names)
    for (const char* what : {"", "_pressure", "_friction", "_deviation"}) out << ',' << csv_word("d" + name + what);
  out << ",dCdA";
  for (const auto& part : parts)
    for (const char* name : {"Cd", "Cl"}) out << ',' << csv_word(str("d", name, "/", part));
  out << '\n';
  for (const auto& design : designs) {
    out << csv_word(design.design);
    for (const auto& name : names) {
      const Delta* d = find(design.whole, name);
      out << ',';
      if (d) out << d->total();
      for (std::size_t k = 0; k < 2; ++k) {
        out << ',';
        if (d && d->split) out << (*d->split)[k];
      }
      out << ',';
      if (d && d->deviation) out << *d->deviation;
    }
    out << ',';
    if (std::isfinite(design.drag_area)) out << design.drag_area;
    for (const auto& part : parts) {
      const auto* list = part_of(design, part);
      for (const char* name : {"Cd", "Cl"}) {
        out << ',';
        if (const Delta* d = list ? find(*list, name) : nullptr) out << d->total();
      }
    }
    out << '\n';
  }
  return out.str();
}

Json designs_json(const std::vector<DesignDeltas>& designs) {
  Json out = Json::object();
  for (const auto& design : designs) {
    Json& one = out[design.design] = Json::object();
    for (const Delta& d : design.whole) one["differences"][d.name] = d.json();
    for (const auto& [part, list] : design.parts)
      for (const Delta& d : list) one["parts"][part][d.name] = d.json();
    one["drag_area_m2"] = std::isfinite(design.drag_area) ? Json(design.drag_area) : Json(nullptr);
  }
  return out;
}

}  // namespace streamtube::apps
