#include "apps/cli/parts.hpp"

#include <fnmatch.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <set>

#include "apps/cli/frame.hpp"
#include "core/error.hpp"
#include "geometry/parts.hpp"
#include "mesh_io/cut.hpp"

namespace streamtube::apps {

using core::Error;
using core::ErrorKind;
using core::str;
using geometry::SurfaceMesh;

namespace {

constexpr const char* kGround = "ground";
// A body that reaches no deeper into the ground stands there on its wheels, in heights of the body.
constexpr double kContact = 0.05;

bool matches(const std::string& pattern, const std::string& name) {
  const auto same = [&](const std::string& text) {
    return ::fnmatch(pattern.c_str(), text.c_str(), FNM_CASEFOLD) == 0;
  };
  if (same(name)) return true;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    if (same(name.substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  return false;
}

// 'a', 'b' and 3 more
std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 5;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i) out += str(i ? ", '" : "'", names[i], "'");
  return names.size() > kMost ? str(out, " and ", names.size() - kMost, " more") : out;
}

std::string faces_text(std::size_t n) { return str(n, n == 1 ? " face" : " faces"); }

}  // namespace

void PartOptions::declare(CLI::App& app) {
  app.add_option("--deviation", deviation_,
                 "STEP, IGES: how far triangles may lie from the surface, m; default: 1/2000 of the diagonal")
      ->each([this](const std::string&) { deviation_given_ = true; });
  app.add_option(
         "--mirror", mirror_,
         "The files hold half a body: complete it by its mirror image across this axis of theirs, at the end that "
         "is flat or open")
      ->check(CLI::IsMember({"x", "y", "z"}));
  app.add_flag("--parts", parts_,
               "Several files are parts of one body even where they fill the same space, as variants of a body do");
  app.add_option(
      "--part", part_,
      "ROLE=PATTERN[,PATTERN...]: which parts (solids, groups, files) play a role, by name with * and ?, any "
      "letter case; may be repeated. Known without: wheels, mirrors, ground. Parts of the role ground are "
      "left out of the body");
}

void PartOptions::declare_ground(CLI::App& app) {
  app.add_flag(
      "--cut-ground", cut_ground_,
      "Cut off what reaches below the model's ground, however deep; without, up to a twentieth of the body's height: "
      "wheels in their contact patch");
}

void PartOptions::validate() {
  if (deviation_given_ && !(std::isfinite(deviation_) && deviation_ > 0))
    throw Error(ErrorKind::usage, str("--deviation: ", deviation_, " is not a positive number"));
  rules_.clear();
  for (const std::string& text : part_) {
    const std::size_t equal = text.find('=');
    if (equal == std::string::npos || equal == 0)
      throw Error(ErrorKind::usage, str("--part: '", text, "' is not ROLE=PATTERN"),
                  "for example --part 'wheels=*wheel*,*tyre*'");
    Rule rule{text.substr(0, equal), {}, true};
    for (std::size_t begin = equal + 1; begin < text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      if (end > begin) rule.patterns.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    rules_.push_back(std::move(rule));
  }
  const std::size_t given = rules_.size();
  const Rule usual[] = {{"wheels", {"*wheel*", "*tyre*", "*tire*"}, false},
                        {"mirrors", {"*mirror*"}, false},
                        {kGround, {"ground", "ground[-_ ]*", "*[-_ ]ground", "road", "road[-_ ]*"}, false}};
  for (const Rule& rule : usual)
    if (std::none_of(rules_.begin(), rules_.begin() + static_cast<std::ptrdiff_t>(given),
                     [&](const Rule& r) { return r.role == rule.role; }))
      rules_.push_back(rule);
}

mesh_io::CadOptions PartOptions::cad() const { return {deviation_}; }

std::string PartOptions::role(const std::string& name) const {
  for (const Rule& rule : rules_)
    for (const std::string& pattern : rule.patterns)
      if (matches(pattern, name)) return rule.role;
  return "";
}

std::vector<PartInfo> PartOptions::sort_parts(geometry::SurfaceMesh& body, const std::vector<std::string>& colours,
                                              const std::string& where, std::vector<std::string>& warnings) const {
  const auto sizes = geometry::patch_sizes(body);
  std::vector<PartInfo> parts;
  std::vector<char> drop(sizes.size(), 0);
  std::vector<std::string> ground;
  std::size_t faces = 0;
  for (std::size_t p = 0; p < sizes.size(); ++p) {
    const std::string& name = body.patch_names[p];
    PartInfo part{name, role(name), p < colours.size() ? colours[p] : "", sizes[p].faces, sizes[p].area};
    if (part.role == kGround) {
      part.left_out = true;
      drop[p] = 1;
      ground.push_back(name);
      faces += part.faces;
    }
    parts.push_back(std::move(part));
  }
  for (const Rule& rule : rules_)
    for (const std::string& pattern : rule.patterns)
      if (rule.given && std::none_of(body.patch_names.begin(), body.patch_names.end(),
                                     [&](const std::string& name) { return matches(pattern, name); }))
        warnings.push_back(
            str("--part ", rule.role, "=", pattern, " matches none of the parts: ", listed(body.patch_names)));
  if (!parts.empty() &&
      std::all_of(parts.begin(), parts.end(), [](const PartInfo& p) { return p.left_out || p.role == "wheels"; }))
    warnings.push_back(str("all parts are wheels by their names (", listed(body.patch_names),
                           "): if the body is in another file, give that too"));
  if (ground.empty()) return parts;
  if (faces == body.face_count())
    throw Error(
        ErrorKind::input, str(where, ": all ", faces_text(faces), " belong to the ground (", listed(ground), ")"),
        "give the body too, or say which parts are the ground with --part ground=PATTERN (--part ground= for none)");
  body = geometry::without_patches(body, drop);
  warnings.push_back(str("the ground is no part of the body: ", listed(ground), " with ", faces_text(faces),
                         ground.size() == 1 ? " is left out" : " are left out"));
  return parts;
}

void PartOptions::sort_surroundings(SurfaceMesh& body, std::vector<PartInfo>& parts, const std::string& where,
                                    std::vector<std::string>& warnings) const {
  if (std::any_of(rules_.begin(), rules_.end(), [](const Rule& r) { return r.given && r.role == kGround; })) return;
  const geometry::Surroundings around = geometry::find_surroundings(body);
  if (around.of.empty()) return;
  const std::string what = str(faces_text(around.faces), " (", listed(around.patches), ") from ",
                               vector_text(around.bounds.low), " m to ", vector_text(around.bounds.high), " m");
  if (around.tunnel)
    throw Error(ErrorKind::input,
                str(where, ": ", what, " are a box in which all the rest stands: a wind tunnel is no part of the body"),
                str("take it out of the file or, if it has a part of its own, name that with --part ground=NAME; "
                    "--part ground= if it is the body"));
  body = geometry::without_faces(body, around.of);
  const auto sizes = geometry::patch_sizes(body);
  std::vector<char> empty(sizes.size(), 0);
  std::size_t patch = 0;
  for (PartInfo& part : parts) {
    if (part.left_out) continue;
    empty[patch] = sizes[patch].faces == 0 && part.faces > 0;
    part.left_out = empty[patch++];
  }
  body = geometry::without_patches(body, empty);
  warnings.push_back(str("the ground is no part of the body: ", what,
                         " lie flat at one end of the body, without a connection to it, and reach beyond it on all "
                         "sides: left out (--part ground= keeps them)"));
}

bool PartOptions::at_ground(SurfaceMesh& body, double z, bool may_cut, const std::string& where,
                            std::vector<std::string>& warnings) const {
  const Box bounds = body.bounds();
  const Vec3 size = bounds.size();
  // What rounding in float files leaves below is no contact patch.
  const double depth = z - bounds.low[2];
  if (depth <= 1e-5 * std::max({size[0], size[1], size[2]})) return false;
  if (bounds.high[2] <= z)
    throw Error(ErrorKind::input,
                str(where, ": all of the body lies below the model's ground, z = ", z, " m: z runs from ",
                    bounds.low[2], " to ", bounds.high[2], " m"),
                "place the body as the training data has it (`streamtube inspect` on the model tells)");
  std::set<std::string> names;
  std::size_t below = 0;
  for (std::size_t f = 0; f < body.face_count(); ++f) {
    bool low = false;
    for (std::size_t i = 0; i < body.corner_count(f); ++i) low = low || body.corner(f, i)[2] < z;
    if (!low) continue;
    ++below;
    names.insert(body.patch_names[static_cast<std::size_t>(body.patch[f])]);
  }
  const std::string parts = listed({names.begin(), names.end()});
  if (!cut_ground_ && !(may_cut && depth <= kContact * size[2])) {
    warnings.push_back(
        str(faces_text(below), " (", parts, ") reach below the model's ground z = ", z, " m, down to ", bounds.low[2],
            " m, where there is no air: ",
            may_cut ? "too deep for wheels in their contact patch; --ground tells where the ground is, " : "",
            "--cut-ground cuts them off"));
    return false;
  }
  mesh_io::cut_below(body, z);
  const geometry::Lids lids = geometry::close_at(body, z);
  warnings.push_back(str(parts, " reach ", depth, " m below the ground z = ", z, " m: cut off there, ",
                         lids.count > 0 ? str("and closed over ", lids.count,
                                              lids.count == 1 ? " contact patch of " : " contact patches of ",
                                              lids.area, " m2 in all, on which no air acts")
                                        : std::string("where the body is open now and no air acts")));
  return true;
}

}  // namespace streamtube::apps
