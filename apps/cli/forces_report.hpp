#pragma once
// Forces as people and programs read them.

#include <string>

#include "solver/case.hpp"

namespace streamtube::apps {

// {"coefficients": ..., "forces_N": ..., "moments_Nm": ..., "areas_m2" (CdA and so on): ..., "patches": ...,
// "reference": ..., "integration_points": n}, and of several draws {"draws": {"count": n, "Cd": {"standard_deviation":
// ..., "values": [...]}, ...}}
std::string forces_json_text(const solver::Forces& forces);
// Coefficients split in pressure and friction, one a line, below a heading; of several patches those with most drag
// too.
std::string coefficients_table(const solver::Forces& forces);
// Forces in newtons and the reference quantities.
std::string reference_lines(const solver::Forces& forces);

}  // namespace streamtube::apps
