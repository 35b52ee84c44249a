#include "apps/cli/picture_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.hpp"

namespace streamtube::apps {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {

const std::vector<std::pair<std::string, View>> kViews = {
    {"iso", View::iso},   {"iso-rear", View::iso_rear}, {"front", View::front},  {"rear", View::rear},
    {"side", View::side}, {"top", View::top},           {"bottom", View::bottom}};

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

bool number(const std::string& word, double& value) {
  const char *begin = word.data() + (word.rfind('+', 0) == 0 ? 1 : 0), *end = word.data() + word.size();
  return begin != end && std::from_chars(begin, end, value).ptr == end && std::isfinite(value);
}

}  // namespace

void PictureOptions::declare(CLI::App& app, std::vector<std::string> fields, CLI::Option* of) {
  fields_ = std::move(fields);
  std::vector<std::string> views;
  for (const auto& [name, view] : kViews) views.push_back(name);
  auto* range = app.add_option("--range", range_words_,
                               str("Values at the ends of a picture's colours, as in ", fields_.front(),
                                   "=-1.5:1; for ", listed(fields_), "; default: as the values have it"))
                    ->expected(1)
                    ->take_all();
  auto* view = app.add_option("--view", view_words_,
                              str("From where the body is seen in pictures, one below the other: ", listed(views)))
                   ->delimiter(',')
                   ->check(CLI::IsMember(views));
  if (of == nullptr) return;
  range->needs(of);
  view->needs(of);
}

void PictureOptions::validate() {
  for (const std::string& word : range_words_) {
    const std::size_t equals = word.find('='), colon = word.find(':', equals == std::string::npos ? 0 : equals);
    const std::string field = word.substr(0, equals);
    ColourRange range;
    if (equals == std::string::npos || colon == std::string::npos ||
        !number(word.substr(equals + 1, colon - equals - 1), range.low) ||
        !number(word.substr(colon + 1), range.high) || !(range.low < range.high))
      throw Error(ErrorKind::usage, str("--range '", word, "': expected FIELD=LOW:HIGH with LOW below HIGH"),
                  str("as in --range ", fields_.front(), "=-1.5:1"));
    if (std::find(fields_.begin(), fields_.end(), field) == fields_.end())
      throw Error(ErrorKind::usage, str("--range '", word, "': no picture of this command shows '", field, "'"),
                  "pictured: " + listed(fields_));
    ranges_[field] = range;
  }
  for (const std::string& word : view_words_)
    for (const auto& [name, view] : kViews)
      if (name == word) views_.push_back(view);
}

std::optional<ColourRange> PictureOptions::range(const std::string& field) const {
  const auto found = ranges_.find(field);
  if (found == ranges_.end()) return {};
  return found->second;
}

std::vector<View> PictureOptions::views(std::vector<View> usual) const { return views_.empty() ? usual : views_; }

}  // namespace streamtube::apps
