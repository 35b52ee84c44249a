#include "apps/cli/report_page.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <map>
#include <set>
#include <sstream>

#include "core/error.hpp"
#include "core/json.hpp"
#include "core/markup.hpp"
#include "core/runtime.hpp"

namespace streamtube::apps {

using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;
using solver::Row;

namespace {

constexpr const char* kResults[] = {"Cd",       "Cl",     "Cs",  "Cd_pressure", "Cd_friction",
                                    "Cm_pitch", "drag_N", "CdA", "frontal_area"};

std::string tile(const std::string& value, const std::string& what) {
  return "<li><b>" + core::markup_escaped(value) + "</b> " + core::markup_escaped(what) + "</li>\n";
}

void replace(std::string& text, const std::string& token, const std::string& by) {
  const std::size_t at = text.find(token);
  core::expect(at != std::string::npos, "report: a place is missing in the template");
  for (std::size_t next = at; next != std::string::npos; next = text.find(token, next + by.size()))
    text.replace(next, token.size(), by);
}

Json data_json(const Json& sweep, const std::vector<Row>& rows) {
  std::vector<std::string> numbers;
  std::set<std::string> known;
  const auto take = [&](const solver::Named& list, bool parameters) {
    for (const auto& [name, value] : list) {
      const std::string column = parameters ? solver::parameter_column(name) : name;
      if (known.insert(column).second) numbers.push_back(column);
    }
  };
  for (const Row& row : rows) take(row.parameters, true), take(row.numbers, false);
  Json out;
  for (const char* text : {"design", "status", "extrapolation", "warnings", "message"})
    out["columns"].push_back({{"name", text}, {"number", false}});
  for (const auto& name : numbers) out["columns"].push_back({{"name", name}, {"number", true}});
  out["columns"].push_back({{"name", "trusted"}, {"number", true}});
  const auto joined = [](const std::vector<std::string>& list) {
    std::string text;
    for (const auto& one : list) text += (text.empty() ? "" : "; ") + one;
    return text;
  };
  out["rows"] = Json::array();
  for (const Row& row : rows) {
    Json cells = {row.design, row.done ? "done" : "failed", joined(row.extrapolation), joined(row.warnings),
                  row.message};
    for (const auto& name : numbers) {
      const double value = row.number(name);
      cells.push_back(std::isfinite(value) ? Json(value) : Json(nullptr));
    }
    cells.push_back(row.done ? Json(int(row.trusted())) : Json(nullptr));
    out["rows"].push_back(std::move(cells));
  }
  out["parameters"] = Json::array();
  for (const auto& p : sweep.at("parameters"))
    out["parameters"].push_back({{"column", solver::parameter_column(p.at("name").get<std::string>())},
                                 {"unit", p.at("unit").get<std::string>()}});
  out["results"] = Json::array();
  for (const char* name : kResults)
    if (known.count(name)) out["results"].push_back(name);
  out["sort"] = "Cd";
  return out;
}

}  // namespace

std::string fixed_text(double value, int digits) {
  if (!std::isfinite(value)) return "-";
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

std::string base64(const std::string& bytes) {
  static const char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t block = 0;
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) block = block << 8 | (k < n ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) out += k <= n ? kLetters[(block >> (18 - 6 * k)) & 63u] : '=';
  }
  return out;
}

std::string report_page(const std::string& file, const std::string& sweep_text, const std::vector<Row>& rows,
                        const std::vector<ReportPicture>& pictures, const std::string& no_pictures) {
  const std::string again = "run the sweep again with --overwrite";
  const Json sweep = core::parse_json(sweep_text, str("'", file, "'"), again);
  std::string title, source, model, data;
  std::size_t planned = 0;
  try {
    title = sweep.at("name").get<std::string>(), source = sweep.at("source").get<std::string>();
    model = sweep.at("model").at("name").get<std::string>();
    planned = sweep.at("designs").get<std::size_t>();
    data = data_json(sweep, rows).dump(-1, ' ', true, Json::error_handler_t::replace);
  } catch (const Json::exception& error) {
    throw Error(ErrorKind::input, str("'", file, "' is damaged: ", error.what()), again);
  }
  // Nothing in a text may end the script element.
  for (std::size_t at = 0; (at = data.find('<', at)) != std::string::npos;) data.replace(at, 1, "\\u003c");

  std::vector<const Row*> done;
  std::size_t failed = 0, outside = 0;
  const Row* baseline = nullptr;
  for (const Row& row : rows) {
    failed += !row.done, outside += row.done && !row.trusted();
    if (row.done) done.push_back(&row);
    if (row.done && row.design == "baseline") baseline = &row;
  }
  std::stable_sort(done.begin(), done.end(),
                   [](const Row* a, const Row* b) { return a->number("Cd") < b->number("Cd"); });
  const bool optimised = sweep.value("kind", "") == "optimise";
  std::string tiles =
      tile(std::to_string(done.size()),
           planned > rows.size() && !optimised ? str("designs done of ", planned) : std::string("designs done"));
  if (failed > 0) tiles += tile(std::to_string(failed), "failed");
  if (outside > 0) tiles += tile(std::to_string(outside), "outside of the training data");
  if (!done.empty()) {
    tiles += tile(fixed_text(done.front()->number("Cd"), 4), "least Cd: " + done.front()->design);
    tiles += tile(fixed_text(done.back()->number("Cd"), 4), "most Cd: " + done.back()->design);
  }
  if (baseline) tiles += tile(fixed_text(baseline->number("Cd"), 4), "Cd of the baseline");

  std::string table =
      "<table><thead><tr><th scope=\"col\">design</th><th scope=\"col\">Cd</th><th "
      "scope=\"col\">Cl</th></tr></thead><tbody>";
  for (std::size_t i = 0; i < std::min<std::size_t>(20, done.size()); ++i)
    table += "<tr><td class=\"text\">" + core::markup_escaped(done[i]->design) + "</td><td>" +
             fixed_text(done[i]->number("Cd"), 4) + "</td><td>" + fixed_text(done[i]->number("Cl"), 4) + "</td></tr>";
  table += "</tbody></table>";

  std::string images;
  for (const auto& picture : pictures)
    images += "<figure><img alt=\"" + core::markup_escaped(picture.title + ". " + picture.caption) +
              "\" src=\"data:image/png;base64," + base64(picture.png) + "\"><figcaption><b>" +
              core::markup_escaped(picture.title) + "</b> " + core::markup_escaped(picture.caption) +
              "</figcaption></figure>\n";
  if (images.empty()) images = "<p>" + core::markup_escaped(no_pictures) + "</p>";

  // Warnings by their text, with the designs they were said of.
  std::string warnings;
  if (failed > 0) {
    warnings += "<ul id=\"failures\">\n";
    for (const Row& row : rows)
      if (!row.done)
        warnings += "<li><b>" + core::markup_escaped(row.design) + "</b> failed: " + core::markup_escaped(row.message) +
                    (row.hint.empty() ? "" : " <span class=\"soft\">(" + core::markup_escaped(row.hint) + ")</span>") +
                    "</li>\n";
    warnings += "</ul>\n";
  }
  std::map<std::string, std::vector<std::string>> said;
  for (const Row& row : rows)
    for (const auto* list : {&row.warnings, &row.extrapolation})
      for (const auto& text : *list)
        said[text.substr(0, text.find_first_of("0123456789"))].push_back(row.design + ": " + text);
  if (!said.empty()) {
    warnings += "<ul>\n";
    for (const auto& [kind, list] : said) {
      warnings += "<li>" + core::markup_escaped(list.front());
      if (list.size() > 1)
        warnings += str(" <span class=\"soft\">(and ", list.size() - 1, " more of this kind)</span>");
      warnings += "</li>\n";
    }
    warnings += "</ul>\n";
  }
  if (warnings.empty()) warnings = "<p>None.</p>";

  std::string page;
  for (const auto& [template_file, text] : report_templates())
    if (template_file == "report_page.html") page = text;
  const std::string sampling = sweep.value("sampling", "");
  replace(page, "__TITLE__", core::markup_escaped(title.empty() ? source : title));
  replace(page, "__SUBTITLE__",
          core::markup_escaped(str(optimised ? "Optimisation of " : "Sweep of ", source,
                                   sampling.empty() ? "" : ", " + sampling, "; model '", model,
                                   "': coefficients are predictions of a neural surrogate")));
  replace(page, "__TILES__", tiles);
  replace(page, "__STATIC__", table);
  replace(page, "__PICTURES__", images);
  replace(page, "__WARNINGS__", warnings);
  replace(page, "__FOOTER__",
          core::markup_escaped(
              str("Streamtube ", core::version(), ", model fingerprint ", sweep.at("model").value("fingerprint", ""))));
  replace(page, "__DATA__", data);
  return page;
}

}  // namespace streamtube::apps
