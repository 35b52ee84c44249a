#include "apps/cli/repair_option.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "core/json.hpp"

namespace streamtube::apps {

using geometry::Rung;

void declare_repair(CLI::App& app, geometry::RepairOptions& repair) {
  app.add_option_function<std::string>(
         "--repair",
         [&repair](const std::string& word) {
           repair.automatic = word == "auto", repair.rung = Rung::wrap;
           for (const Rung rung : {Rung::none, Rung::light, Rung::full})
             if (word == geometry::name(rung)) repair.rung = rung;
         },
         "How a damaged body becomes a closed one for the model: none; light (points merged, faces given twice "
         "dropped, "
         "borders stitched, faces oriented); full (also holes filled, inner walls left out, overlapping parts united, "
         "self-intersections removed); wrap (a closed skin around all); auto: the lightest that works. Fields are "
         "written on the surface as it was")
      ->check(CLI::IsMember({"auto", "none", "light", "full", "wrap"}))
      ->default_str(name(repair));
  app.add_option_function<double>(
         "--wrap-gap",
         [&repair](double gap) {
           repair.wrap_gap = gap;
           if (!repair.automatic && repair.rung != Rung::wrap)
             throw CLI::ValidationError("--wrap-gap", "goes with --repair wrap, which it stands for");
           repair.automatic = false, repair.rung = Rung::wrap;
         },
         "Wraps the body in a skin that bridges all gaps narrower than this, m: closes wheel arches and grilles for a "
         "model that knows smooth bodies; default of a wrap: a 60th of the body's length")
      ->check(CLI::PositiveNumber);
  app.add_option_function<std::vector<std::string>>(
         "--accept",
         [&repair](const std::vector<std::string>& words) {
           for (const auto& word : words) (word == "coarse" ? repair.accept_coarse : repair.accept_noisy) = true;
         },
         "Compute a body all the same whose triangles were found too coarse for its curvature (coarse) or rough like a "
         "raw scan (noisy)")
      ->delimiter(',')
      ->check(CLI::IsMember({"coarse", "noisy"}));
}

const char* name(const geometry::RepairOptions& repair) {
  return repair.automatic ? "auto" : geometry::name(repair.rung);
}

std::string repair_json_text(const geometry::RepairOptions& asked, const geometry::Repair& done) {
  core::Json out = {{"asked", name(asked)}, {"rung", geometry::name(done.rung)}, {"steps", core::Json::array()}};
  for (const auto& step : done.steps) {
    out["steps"].push_back({{"what", step.what}, {"count", step.count}});
    if (!step.detail.empty()) out["steps"].back()["detail"] = step.detail;
  }
  if (asked.wrap_gap > 0) out["wrap_gap_m"] = asked.wrap_gap;
  if (done.tolerance > 0) out["tolerance_m"] = done.tolerance;
  if (done.openings.count > 0) {
    out["openings"] = {{"count", done.openings.count}, {"area_m2", done.openings.area}};
    for (const auto& [part, area] : done.openings.of_part) out["openings"]["parts_m2"][part] = area;
  }
  out["hidden_faces"] = done.hidden_faces;
  return core::json_text(out);
}

}  // namespace streamtube::apps
