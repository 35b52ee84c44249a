#include "apps/cli/derived.hpp"

#include <algorithm>
#include <sstream>

#include "apps/cli/command.hpp"
#include "core/error.hpp"

namespace streamtube::apps {
namespace {

[[noreturn]] void unknown(const std::string& what, const std::string& given, const std::vector<std::string>& names) {
  std::string all;
  for (const auto& name : names) all += (all.empty() ? "" : ", ") + name;
  const std::string near = suggestion(given, names);
  throw core::Error(core::ErrorKind::usage, core::str(what, " '", given, "'"),
                    core::str(near, near.empty() ? "" : " ", "there are: ", all));
}

}  // namespace

std::optional<physics::Decoder> parse_vorticity(const std::string& text) {
  if (text.empty()) return {};
  physics::Decoder decoder;
  if (!physics::parse(text, decoder) || decoder == physics::Decoder::potential)
    unknown("--vorticity: there is no decoder", text,
            {physics::name(physics::Decoder::direct), physics::name(physics::Decoder::curl)});
  return decoder;
}

std::vector<physics::Derived> parse_derive(const std::string& text) {
  std::vector<physics::Derived> wanted;
  if (text.empty()) return wanted;
  std::istringstream words(text + ",");
  for (std::string word; std::getline(words, word, ',');) {
    word.erase(0, word.find_first_not_of(' ')), word.erase(word.find_last_not_of(' ') + 1);
    physics::Derived one;
    if (!physics::parse(word, one)) {
      std::vector<std::string> names;
      for (const physics::Derived known : physics::kDerived) names.push_back(physics::name(known));
      unknown("--derive: there is no derived field", word, names);
    }
    if (std::find(wanted.begin(), wanted.end(), one) == wanted.end()) wanted.push_back(one);
  }
  return wanted;
}

}  // namespace streamtube::apps
