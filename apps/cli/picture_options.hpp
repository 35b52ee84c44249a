#pragma once
// How pictures are drawn, so that those of several results can be laid side by side: --range and --view.

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace streamtube::apps {

// From where a body is seen; the flow goes along +x, z is up. side: from -y, so that the flow goes to the right, as it
// does from the top and the bottom.
enum class View { iso, iso_rear, front, rear, side, top, bottom };

struct ColourRange {
  double low = 0, high = 1;
};

struct PictureOptions {
  // fields: the names that --range knows here. Options are refused without `of`, the flag that asks for pictures
  // (null: they are drawn anyway).
  void declare(CLI::App& app, std::vector<std::string> fields, CLI::Option* of);
  // Throws Error(usage).
  void validate();

  // Of --range; nothing: as the values have it.
  std::optional<ColourRange> range(const std::string& field) const;
  // Of --view, else `usual`.
  std::vector<View> views(std::vector<View> usual) const;

 private:
  std::vector<std::string> fields_, range_words_, view_words_;
  std::map<std::string, ColourRange> ranges_;
  std::vector<View> views_;
};

}  // namespace streamtube::apps
