#include "apps/cli/forces_report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <sstream>

#include "core/json.hpp"

namespace streamtube::apps {

using core::Json;
using physics::Contribution;

namespace {

struct Row {
  const char* name;
  double Contribution::*member;
};
constexpr Row kCoefficients[] = {{"Cd", &Contribution::drag},        {"Cl", &Contribution::lift},
                                 {"Cs", &Contribution::side},        {"Cm_roll", &Contribution::roll},
                                 {"Cm_pitch", &Contribution::pitch}, {"Cm_yaw", &Contribution::yaw}};

constexpr const char* kAxles[2] = {"Clf", "Clr"};  // lift at the front and rear axle

Json split(const physics::ForceCoefficients& c, double Contribution::*member, double unit) {
  return {{"total", unit * (c.pressure.*member + c.friction.*member)},
          {"pressure", unit * c.pressure.*member},
          {"friction", unit * c.friction.*member}};
}

// Totals of what was answered several times: by draws, or by the members of a model.
using Several = std::vector<physics::ForceCoefficients>;

std::vector<double> totals(const Several& several, double Contribution::*member) {
  std::vector<double> out;
  for (const auto& one : several) out.push_back(one.pressure.*member + one.friction.*member);
  return out;
}

// Of a single one, estimated from several.
double deviation(const std::vector<double>& values) {
  const double n = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const double x : values) mean += x / n;
  for (const double x : values) squares += (x - mean) * (x - mean) / (n - 1);
  return std::sqrt(squares);
}

Json several_json(const solver::Forces& f, const Several& several) {
  Json out = {{"count", several.size()}};
  const auto add = [&](const char* name, const std::vector<double>& values) {
    out[name] = {{"standard_deviation", deviation(values)}, {"values", values}};
  };
  for (const Row& row : kCoefficients) add(row.name, totals(several, row.member));
  if (!f.axles) return out;
  std::array<std::vector<double>, 2> lift;
  for (const auto& one : several) {
    solver::Forces alone;
    alone.coefficients = one, alone.axles = f.axles, alone.scales = f.scales;
    const auto both = solver::axle_lift(alone);
    for (std::size_t axle = 0; axle < 2; ++axle) lift[axle].push_back(both[axle].total());
  }
  for (std::size_t axle = 0; axle < 2; ++axle) add(kAxles[axle], lift[axle]);
  return out;
}

// The patches with the largest drag, in their own order.
void add_patches(std::ostream& out, const std::vector<solver::PatchForces>& patches) {
  constexpr std::size_t kMost = 20;
  std::vector<double> drags;
  std::size_t width = 9;
  for (const auto& patch : patches) {
    drags.push_back(std::abs(patch.coefficients.cd()));
    width = std::max(width, std::min<std::size_t>(patch.name.size(), 40) + 1);
  }
  std::sort(drags.rbegin(), drags.rend());
  const double least = drags[std::min(kMost, drags.size()) - 1];
  out << '\n'
      << std::setw(static_cast<int>(width)) << ""
      << "        Cd          Cl          Cs     area m2\n";
  std::size_t printed = 0;
  for (const auto& patch : patches) {
    if (std::abs(patch.coefficients.cd()) < least || printed == kMost) continue;
    ++printed;
    out << std::left << std::setw(static_cast<int>(width)) << patch.name.substr(0, 40) << std::right << std::fixed
        << std::setprecision(4) << std::setw(10) << patch.coefficients.cd() << std::setw(12) << patch.coefficients.cl()
        << std::setw(12) << patch.coefficients.cs() << std::setw(12) << patch.area << '\n';
  }
  if (printed < patches.size()) out << "and " << patches.size() - printed << " parts of less drag: see forces.json\n";
}

}  // namespace

std::string forces_json_text(const solver::Forces& f) {
  const double q = f.scales.dynamic_pressure();
  Json out;
  for (const Row& row : kCoefficients) out["coefficients"][row.name] = split(f.coefficients, row.member, 1.0);
  if (f.axles) {
    const auto lift = solver::axle_lift(f);
    for (int axle = 0; axle < 2; ++axle) {
      const auto& l = lift[static_cast<std::size_t>(axle)];
      out["coefficients"][kAxles[axle]] = {{"total", l.total()}, {"pressure", l.pressure}, {"friction", l.friction}};
    }
  }
  const double newton = q * f.scales.area, newton_metre = newton * f.scales.length;
  out["forces_N"] = {{"drag", split(f.coefficients, &Contribution::drag, newton)},
                     {"lift", split(f.coefficients, &Contribution::lift, newton)},
                     {"side", split(f.coefficients, &Contribution::side, newton)}};
  out["moments_Nm"] = {{"roll", split(f.coefficients, &Contribution::roll, newton_metre)},
                       {"pitch", split(f.coefficients, &Contribution::pitch, newton_metre)},
                       {"yaw", split(f.coefficients, &Contribution::yaw, newton_metre)}};
  out["areas_m2"] = {{"drag", split(f.coefficients, &Contribution::drag, f.scales.area)},
                     {"lift", split(f.coefficients, &Contribution::lift, f.scales.area)},
                     {"side", split(f.coefficients, &Contribution::side, f.scales.area)}};
  for (const auto& patch : f.patches) {
    Json& one = out["patches"][patch.name];
    one["area_m2"] = patch.area;
    for (int row = 0; row < 3; ++row)
      one[kCoefficients[row].name] = split(patch.coefficients, kCoefficients[row].member, 1.0);
    one["drag_N"] = newton * patch.coefficients.cd();
    one["lift_N"] = newton * patch.coefficients.cl();
    one["side_N"] = newton * patch.coefficients.cs();
  }
  out["reference"] = {{"area_m2", f.scales.area},
                      {"area_source", f.area_source},
                      {"length_m", f.scales.length},
                      {"length_source", f.length_source},
                      {"moment_center_m", f.axes.moment_center},
                      {"wheelbase_m", f.axles ? Json(f.axles->wheelbase) : Json(nullptr)},
                      {"drag_axis", f.axes.drag},
                      {"side_axis", f.axes.side},
                      {"lift_axis", f.axes.lift}};
  out["integration_points"] = f.integration_points;
  if (!f.draws.empty()) out["draws"] = several_json(f, f.draws);
  if (!f.members.empty()) out["members"] = several_json(f, f.members);
  return core::json_text(out);
}

std::string coefficients_table(const solver::Forces& f) {
  std::ostringstream out;
  out << "              total    pressure    friction\n";
  const auto line = [&](const char* name, double p, double t) {
    out << std::left << std::setw(9) << name << std::right << std::fixed << std::setprecision(4) << std::setw(10)
        << p + t << std::setw(12) << p << std::setw(12) << t << '\n';
  };
  for (const Row& row : kCoefficients) {
    const double p = f.coefficients.pressure.*row.member, t = f.coefficients.friction.*row.member;
    line(row.name, p, t);
    if (row.member == &Contribution::lift && f.axles) {
      const auto lift = solver::axle_lift(f);
      for (std::size_t axle = 0; axle < 2; ++axle) line(kAxles[axle], lift[axle].pressure, lift[axle].friction);
    }
  }
  for (const auto& [several, what] : {std::pair{&f.draws, " draws"}, {&f.members, " members of the model"}}) {
    if (several->empty()) continue;
    out << "mean of " << several->size() << what << "; standard deviation of one of them:";
    for (const Row& row : {kCoefficients[0], kCoefficients[1], kCoefficients[2]})
      out << ' ' << row.name << ' ' << deviation(totals(*several, row.member));
    out << '\n';
  }
  if (f.patches.size() > 1) add_patches(out, f.patches);
  return out.str();
}

std::string reference_lines(const solver::Forces& f) {
  std::ostringstream out;
  out << std::setprecision(5);
  const double newton = f.scales.dynamic_pressure() * f.scales.area;
  out << "drag " << newton * f.coefficients.cd() << " N, lift " << newton * f.coefficients.cl() << " N, side "
      << newton * f.coefficients.cs() << " N\ndrag area CdA " << f.scales.area * f.coefficients.cd()
      << " m2, lift area ClA " << f.scales.area * f.coefficients.cl() << " m2\nreference area " << f.scales.area
      << " m2 (" << f.area_source << ")\nreference length " << f.scales.length << " m (" << f.length_source
      << "), moments about (" << f.axes.moment_center[0] << ", " << f.axes.moment_center[1] << ", "
      << f.axes.moment_center[2] << ")\n";
  return out.str();
}

}  // namespace streamtube::apps
