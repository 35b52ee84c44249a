#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <optional>

#include "apps/cli/design_pictures.hpp"
#include "apps/cli/design_work.hpp"
#include "apps/cli/offscreen.hpp"
#include "apps/cli/report_page.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/output_lock.hpp"
#include "core/runtime.hpp"
#include "geometry/distance.hpp"
#include "mesh_io/mesh_io.hpp"

namespace streamtube::apps {
namespace {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::str;
using solver::Row;

class Report : public Command {
 public:
  std::string name() const override { return "report"; }
  std::string summary() const override { return "Make one HTML page of the results of sweep or optimise"; }

  void declare(CLI::App& app) override {
    app.add_option("results", folder_, "Folder of results")->required();
    app.add_option("-o,--out", out_, "File to write; default: report.html in that folder");
    app.add_option("--reference-area", area_,
                   "Area that the coefficients of all designs refer to, m2, or baseline: that of the baseline (else of "
                   "the first design); default: as they were computed");
    auto* without = app.add_flag("--no-pictures", no_pictures_, "Leave out the pictures of the pressure");
    pictures_.declare(app, {"Cp", "change"}, nullptr);
    for (const char* option : {"--range", "--view"}) without->excludes(option);
    app.add_flag("--json", json_, "Print JSON");
    app.add_flag("--overwrite", overwrite_, "Replace an earlier page");
  }

  void validate() override {
    pictures_.validate();
    if (out_.empty()) out_ = (fs::path(folder_) / "report.html").string();
  }

  int execute() override {
    const fs::path sweep = fs::path(folder_) / kSweep;
    std::error_code error;
    if (!fs::exists(sweep, error))
      throw Error(ErrorKind::input, str("'", folder_, "' holds no results of a sweep: there is no ", kSweep),
                  "name the folder that sweep or optimise wrote");
    const core::OutputFile output(out_, overwrite_);
    std::vector<Row> rows;
    for (auto& [design, row] : solver::read_journals(folder_)) rows.push_back(std::move(row));
    if (rows.empty())
      throw Error(ErrorKind::input, str("'", folder_, "': no design is done yet"), "run the sweep first");
    refer_to_one_area(rows);
    std::string why = "There are no pictures: --no-pictures.";
    const auto pictures = no_pictures_ ? std::vector<ReportPicture>() : draw(rows, why);
    core::write_text(out_, report_page(sweep.string(), core::read_text(sweep.string()), rows, pictures, why));
    if (json_)
      std::cout << core::json_text(core::Json{{"file", out_}, {"designs", rows.size()}, {"pictures", pictures.size()}},
                                   1)
                << '\n';
    else
      std::cout << out_ << ": " << rows.size() << " designs, " << pictures.size() << " pictures\n";
    return 0;
  }

 private:
  void refer_to_one_area(std::vector<Row>& rows) const {
    if (area_.empty()) {
      if (const std::string note = area_note(rows); !note.empty()) core::warn(note + " (here: --reference-area)");
      return;
    }
    double area = 0;
    if (area_ == "baseline") {
      const auto named = std::find_if(rows.begin(), rows.end(), [](const Row& r) { return r.design == "baseline"; });
      const Row& row = named != rows.end() ? *named : rows.front();
      area = row.number("reference_area");
    } else if (std::from_chars(area_.data(), area_.data() + area_.size(), area).ptr != area_.data() + area_.size()) {
      area = 0;
    }
    if (!(std::isfinite(area) && area > 0))
      throw Error(ErrorKind::usage, str("--reference-area '", area_, "': an area in m2, or baseline"));
    for (Row& row : rows) row.refer_to(area);
  }

  // Cp of a body minus that of another, face by face where the meshes are alike. Otherwise at the nearest face to the
  // same place within the other's bounding box.
  static geometry::Attribute difference(const geometry::SurfaceMesh& body, const geometry::SurfaceMesh& other) {
    geometry::Attribute change = *cp_of(body);
    const geometry::Attribute& from = *cp_of(other);
    change.name = "change of Cp";
    if (body.corners == other.corners && change.association == from.association) {
      for (std::size_t i = 0; i < change.values.size(); ++i) change.values[i] -= from.values[i];
      return change;
    }
    const Box here = body.bounds(), there = other.bounds();
    std::vector<Vec3> places(change.values.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
      const Vec3 p = change.association == geometry::Association::faces ? body.centroid(i) : body.points[i];
      for (std::size_t a = 0; a < 3; ++a)
        places[i][a] = there.low[a] + (p[a] - here.low[a]) * there.size()[a] / std::max(here.size()[a], 1e-12);
    }
    const auto nearest = geometry::nearest_faces(other, places);
    for (std::size_t i = 0; i < places.size(); ++i) {
      const auto face = static_cast<std::size_t>(nearest[i].face);
      double value = 0;
      if (from.association == geometry::Association::faces) {
        value = from.values[face];
      } else {
        const std::size_t begin = static_cast<std::size_t>(other.offsets[face]), corners = other.corner_count(face);
        for (std::size_t c = begin; c < begin + corners; ++c)
          value += from.values[static_cast<std::size_t>(other.corners[c])] / double(corners);
      }
      change.values[i] -= static_cast<float>(value);
    }
    return change;
  }

  // Best, median, worst and the baseline in one range of colours; the best's difference to the baseline.
  std::vector<ReportPicture> draw(const std::vector<Row>& rows, std::string& why) const {
    std::vector<const Row*> done;
    const Row* baseline = nullptr;
    for (const Row& row : rows) {
      if (!row.done) continue;
      if (row.design == "baseline") baseline = &row;
      done.push_back(&row);
    }
    why = "There are no pictures: no surface fields were kept (--fields none).";
    if (done.empty()) return {};
    std::stable_sort(done.begin(), done.end(),
                     [](const Row* a, const Row* b) { return a->number("Cd") < b->number("Cd"); });
    std::vector<std::pair<std::string, const Row*>> wanted = {
        {"Least drag", done.front()}, {"Median", done[done.size() / 2]}, {"Most drag", done.back()}};
    if (baseline) wanted.emplace_back("Baseline", baseline);
    try {
      require_opengl();
    } catch (const Error& refused) {
      core::warn(str("no pictures: ", refused.message(), refused.hint().empty() ? "" : "; ", refused.hint()));
      why = "There are no pictures: " + refused.message();
      return {};
    }
    std::vector<std::pair<std::size_t, geometry::SurfaceMesh>> surfaces;
    double limit = 0;
    Box seen;  // by one camera
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      bool twice = false;
      for (const auto& [other, surface] : surfaces) twice = twice || wanted[other].second == wanted[i].second;
      if (twice) continue;
      auto surface = kept_surface(folder_, *wanted[i].second);
      if (!surface || !cp_of(*surface)) continue;
      limit = std::max(limit, colour_limit(cp_of(*surface)->values));
      seen.add(surface->bounds().low), seen.add(surface->bounds().high);
      surfaces.emplace_back(i, std::move(*surface));
      core::check_interrupt();
    }
    std::vector<ReportPicture> out;
    const auto picture = [&](const std::string& title, const std::string& caption, const geometry::SurfaceMesh& mesh,
                             const geometry::Attribute& array, const ColourRange& range) {
      const std::string file = out_ + str(".", ::getpid(), ".png");
      std::vector<BodyPanel> panels;
      for (const View view : pictures_.views({View::iso, View::iso_rear}))
        panels.push_back({&mesh, &array, range, view, seen, panels.empty() ? title + ": " + caption : "", array.name});
      try {
        write_picture(file, panels);
        out.push_back({title, caption, core::read_text(file)});
      } catch (...) {
        std::error_code ignored;
        fs::remove(file, ignored);
        throw;
      }
      std::error_code ignored;
      fs::remove(file, ignored);
    };
    for (const auto& [i, surface] : surfaces)
      picture(wanted[i].first,
              str(wanted[i].second->design, ": Cd ", fixed_text(wanted[i].second->number("Cd"), 4), ", Cl ",
                  fixed_text(wanted[i].second->number("Cl"), 4)),
              surface, *cp_of(surface), pictures_.range("Cp").value_or(ColourRange{-limit, limit}));
    const auto find = [&](const Row* row) -> const geometry::SurfaceMesh* {
      for (const auto& [i, surface] : surfaces)
        if (wanted[i].second == row) return &surface;
      return nullptr;
    };
    const Row* other = baseline ? baseline : done[done.size() / 2];
    const geometry::SurfaceMesh *best = find(done.front()), *reference = find(other);
    if (best && reference && best != reference) {
      const geometry::Attribute change = difference(*best, *reference);
      const double most = std::max(1e-6, colour_limit(change.values));
      picture("Difference", str("Cp of ", done.front()->design, " minus that of ", other->design), *best, change,
              pictures_.range("change").value_or(ColourRange{-most, most}));
    }
    return out;
  }

  std::string folder_, out_, area_;
  PictureOptions pictures_;
  bool no_pictures_ = false, overwrite_ = false, json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_report() { return std::make_unique<Report>(); }

}  // namespace streamtube::apps
