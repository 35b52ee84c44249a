#include <algorithm>
#include <filesystem>

#include "core/error.hpp"
#include "mesh_io/h5/h5_file.hpp"
#include "mesh_io/h5/import.hpp"
#include "mesh_io/h5/split_rules.hpp"

namespace streamtube::mesh_io {
namespace {

namespace fs = std::filesystem;
using core::str;
using physics::Scale;
using physics::Transform;

// i of run_<i>.h5, or -1.
int run_number(const fs::path& path) {
  const std::string stem = path.stem().string();
  if (path.extension() != ".h5" || stem.rfind("run_", 0) != 0 || stem.size() > 12) return -1;
  const std::string digits = stem.substr(4);
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return -1;
  return std::stoi(digits);
}

DatasetHeader ahmed_header() {
  DatasetHeader header;
  header.description = "coarse RANS of parametric Ahmed bodies (OpenFOAM v1912 simpleFoam, k-omega SST)";
  header.fields[0] = {{"pressure", "Cp", 1, Scale::dynamic_pressure, Transform::none, "Pa"},
                      {"wall_shear_stress", "Cf", 3, Scale::dynamic_pressure, Transform::none, "Pa"}};
  header.fields[1] = {
      {"pressure", "Cp", 1, Scale::dynamic_pressure, Transform::none, "Pa"},
      {"velocity", "velocity_over_freestream", 3, Scale::velocity, Transform::none, "m/s"},
      {"vorticity", "vorticity_dimensionless", 3, Scale::velocity_over_length, Transform::signed_log, "1/s"}};
  return header;
}

FlowSample read_case(const std::string& path, const std::string& name, const DatasetHeader& header) {
  const H5File file = H5File::open(path);
  const auto number = [&](const char* attribute) { return file.attribute_number("/", attribute); };
  FlowSample s;
  s.info.name = name;
  s.info.flow = {number("U_inf"), number("rho"), number("nu")};
  s.info.reference_length = number("reference_length"), s.info.reference_area = number("reference_area");
  for (const char* c : {"Cd", "Cl"}) s.info.coefficients[c] = number(c);
  for (const char* p : {"length", "width", "height", "nose_radius", "slant_angle", "slant_length", "clearance"})
    s.info.parameters[p] = number(str("param_", p).c_str());
  for (const char* q : {"Cd_std_window", "Cl_std_window", "yplus_median"})
    if (file.has_attribute("/", q)) s.info.quality[q] = number(q);
  for (int b = 0; b < 2; ++b) {
    const std::string group = b == 0 ? "/surface/" : "/volume/";
    SamplePart& part = s.part[b];
    part.position = file.read<float>(group + "position");
    if (b == 0) part.normal = file.read<float>(group + "normal");
    part.size = file.read<float>(group + (b == 0 ? "area" : "cell_volume"));
    for (const auto& f : header.fields[b]) {
      std::vector<float> values = file.read<float>(group + f.name);
      // Pressure and shear are stored over the density.
      if (f.scale == Scale::dynamic_pressure)
        for (float& x : values) x *= static_cast<float>(s.info.flow.density);
      part.fields.push_back({f.name, f.unit, f.components, std::move(values)});
    }
  }
  return s;
}

class AhmedLayout : public Layout {
 public:
  std::string name() const override { return "ahmed"; }
  std::string summary() const override { return "run_<n>.h5, the format of the default model's data"; }
  std::string pattern() const override { return "run_<n>.h5 or cases/run_<n>.h5"; }

  std::vector<CaseSource> find(const std::string& folder) const override {
    std::error_code ignored;
    const fs::path inner = fs::path(folder) / "cases";
    const fs::path cases = fs::is_directory(inner, ignored) ? inner : fs::path(folder);
    std::vector<CaseSource> found;
    for (const auto& entry : fs::directory_iterator(cases, ignored))
      if (const int run = run_number(entry.path()); run >= 0)
        found.push_back({str("run_", run), {entry.path().string()}, folder, {}});
    return found;
  }

  DatasetHeader header(const std::vector<CaseSource>& cases) const override {
    DatasetHeader header = ahmed_header();
    std::vector<std::string> names;
    for (const CaseSource& source : cases) names.push_back(source.name);
    header.splits = default_split_rules().of(names, "the layout 'ahmed'");
    header.split_rules = default_split_rules().json();
    return header;
  }

  FlowSample read(const CaseSource& source, const std::string&) const override {
    return read_case(source.files[0], source.name, ahmed_header());
  }
};

}  // namespace

std::unique_ptr<Layout> ahmed_layout() { return std::make_unique<AhmedLayout>(); }

}  // namespace streamtube::mesh_io
