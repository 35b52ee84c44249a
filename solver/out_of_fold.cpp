#include "solver/out_of_fold.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.hpp"

namespace streamtube::solver {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {

constexpr const char* kHow = "members are trained with `streamtube train --folds K --fold k`, k = 1 to K";

void check_members(std::span<const Member> members) {
  const auto& first = members.front();
  for (const Member& one : members) {
    const auto& fold = one.model.fold;
    if (fold.folds == 0) throw Error(ErrorKind::usage, str("'", one.path, "' holds out no fold"), kHow);
    if (fold.folds != first.model.fold.folds || fold.split != first.model.fold.split)
      throw Error(ErrorKind::usage,
                  str("'", first.path, "' holds out a part of ", first.model.fold.folds, " of '",
                      first.model.fold.split, "', '", one.path, "' one of ", fold.folds, " of '", fold.split, "'"),
                  "give members of one cross-validation");
    const std::set<std::string> learned(one.model.shapes.cases.begin(), one.model.shapes.cases.end());
    for (const std::string& name : fold.held_out)
      if (learned.contains(name))
        throw Error(ErrorKind::input,
                    str("'", one.path, "' has learned from the case '", name, "', which it holds out"),
                    "the file was put together by hand? Train this member again");
  }
}

}  // namespace

std::vector<std::vector<std::size_t>> out_of_fold(std::span<const Member> members, const mesh_io::Dataset& data,
                                                  const std::string& split) {
  core::expect(!members.empty(), "out_of_fold: no members");
  check_members(members);
  std::map<std::string, std::size_t> holder;
  std::set<std::string> learned;
  for (std::size_t m = 0; m < members.size(); ++m) {
    for (const std::string& name : members[m].model.fold.held_out)
      if (const auto [other, fresh] = holder.emplace(name, m); !fresh)
        throw Error(
            ErrorKind::input,
            str("'", members[other->second].path, "' and '", members[m].path, "' both hold out the case '", name, "'"),
            "give every fold once");
    learned.insert(members[m].model.shapes.cases.begin(), members[m].model.shapes.cases.end());
  }
  std::vector<std::vector<std::size_t>> out(members.size());
  for (const std::size_t index : data.split(split.empty() ? members.front().model.fold.split : split)) {
    const std::string& name = data.cases()[index].name;
    const auto found = holder.find(name);
    if (found == holder.end())
      throw Error(ErrorKind::input,
                  learned.contains(name)
                      ? str("the case '", name, "' is held out by none of the ", members.size(), " members, of ",
                            members.front().model.fold.folds, " folds: all that know it have learned from it")
                      : str("the case '", name, "' is known to none of the members"),
                  learned.contains(name) ? "give the members of all folds, or a --split of what these hold out"
                                         : "it came later: evaluate such cases without --out-of-fold, with --split");
    out[found->second].push_back(index);
  }
  return out;
}

}  // namespace streamtube::solver
