#pragma once
// The option that says how far a damaged body may be repaired: --repair.

#include <string>

#include "geometry/repair.hpp"

namespace CLI {
class App;
}

namespace streamtube::apps {

// auto, none, light, full or wrap.
void declare_repair(CLI::App& app, geometry::RepairOptions& repair);
const char* name(const geometry::RepairOptions& repair);

// {"asked", "rung", "wrap_gap_m" where it was asked for, "steps": [{"what", "count", "detail"}], "tolerance_m",
// "openings": {"count", "area_m2", "parts_m2": {name: area}}, "hidden_faces"} as JSON text; tolerance and openings
// where there are some.
std::string repair_json_text(const geometry::RepairOptions& asked, const geometry::Repair& done);

}  // namespace streamtube::apps
