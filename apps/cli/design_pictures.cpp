#include "apps/cli/design_pictures.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "apps/cli/report_page.hpp"
#include "apps/cli/results.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "mesh_io/mesh_io.hpp"

namespace streamtube::apps {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::str;
using solver::Row;

std::optional<geometry::SurfaceMesh> kept_surface(const std::string& results, const Row& row) {
  const fs::path folder = fs::path(results) / row.folder;
  std::error_code error;
  if (!fs::exists(folder / kSurface, error)) return {};
  geometry::SurfaceMesh out = mesh_io::read_surface((folder / kSurface).string());
  try {
    const core::Json run = core::read_json((folder / kRun).string(), "compute the design again: sweep --overwrite");
    const auto m = run.at("frame").at("file_to_model").get<std::array<double, 16>>();
    for (Vec3& p : out.points) {
      const Vec3 q = p;
      for (std::size_t i = 0; i < 3; ++i)
        p[i] = m[4 * i] * q[0] + m[4 * i + 1] * q[1] + m[4 * i + 2] * q[2] + m[4 * i + 3];
    }
  } catch (const core::Json::exception& damaged) {
    throw Error(ErrorKind::input, str("'", (folder / kRun).string(), "' is damaged: ", damaged.what()),
                "compute the design again: sweep --overwrite");
  }
  return out;
}

const geometry::Attribute* cp_of(const geometry::SurfaceMesh& mesh) {
  for (const auto& a : mesh.attributes)
    if (a.name == "Cp" && a.components == 1) return &a;
  return nullptr;
}

std::size_t draw_designs(const std::string& results, const std::vector<Row>& rows, const PictureOptions& options) {
  // All are read twice: a sweep may be larger than the memory.
  std::vector<const Row*> kept;
  Box seen;
  double limit = 0;
  for (const Row& row : rows) {
    if (!row.done) continue;
    core::check_interrupt();
    const auto surface = kept_surface(results, row);
    if (!surface || !cp_of(*surface)) continue;
    kept.push_back(&row);
    limit = std::max(limit, colour_limit(cp_of(*surface)->values));
    const Box box = surface->bounds();
    seen.add(box.low), seen.add(box.high);
  }
  const ColourRange range = options.range("Cp").value_or(ColourRange{-limit, limit});
  core::Progress progress("pictures", kept.size(), "designs");
  for (const Row* row : kept) {
    core::check_interrupt();
    const auto surface = kept_surface(results, *row);
    std::string title =
        str("Cp, ", row->design, ": Cd ", fixed_text(row->number("Cd"), 4), ", Cl ", fixed_text(row->number("Cl"), 4));
    std::vector<BodyPanel> panels;
    for (const View view : options.views({View::iso, View::iso_rear})) {
      panels.push_back({&*surface, cp_of(*surface), range, view, seen, title, "Cp"});
      title.clear();
    }
    core::write_atomically((fs::path(results) / row->folder / kPicture).string(),
                           [&](const std::string& file) { write_picture(file, panels); });
    progress.advance(1);
  }
  return kept.size();
}

}  // namespace streamtube::apps
