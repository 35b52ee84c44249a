#include "mesh_io/h5/dataset.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <set>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/sha256.hpp"
#include "mesh_io/h5/field_json.hpp"
#include "mesh_io/h5/h5_file.hpp"

namespace streamtube::mesh_io {

using core::bad_input;
using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;
using physics::FieldSpec;

namespace {

constexpr std::int64_t kFormatVersion = 1;
constexpr std::size_t kChunkRows = 16384;
constexpr const char* kParts[2] = {"surface", "volume"};
// Forces of the surface fields against the solver's coefficients.
constexpr double kForceTolerance = 0.02, kForceFloor = 0.002;
// A constant added to the pressure leaves the forces of a closed body as they are. But Cp of the free stream is 0, that
// of a stagnation point 1 (1.28 at the speed of sound).
constexpr double kHighestCp = 1.5, kFreestreamCp = 0.5;
// Shares of the bounding box's volume, and of all friction, that tell a direction from noise.
constexpr double kLeastEnclosed = 0.02, kLeastFriction = 0.1;

std::string checksum(const std::vector<float>& values) {
  core::Sha256 sha;
  sha.update(values.data(), values.size() * sizeof(float));
  return sha.hex();
}

Json parse(const std::string& text, const std::string& where) {
  return core::parse_json(text, where + ": an attribute", "the file is damaged");
}

std::size_t components(const std::vector<FieldSpec>& fields) {
  std::size_t n = 0;
  for (const auto& f : fields) n += static_cast<std::size_t>(f.components);
  return n;
}

// What of a case is stored under which name.
struct Array {
  std::string name;
  const std::vector<float>* values;
  std::size_t columns;
};
std::vector<Array> arrays_of(const FlowSample& sample) {
  std::vector<Array> arrays;
  for (int b = 0; b < 2; ++b) {
    const SamplePart& part = sample.part[b];
    if (part.rows() == 0) continue;  // a data set of surfaces
    const std::string group = str(kParts[b], '/');
    arrays.push_back({group + "position", &part.position, 3});
    if (!part.normal.empty()) arrays.push_back({group + "normal", &part.normal, 3});
    if (!part.size.empty()) arrays.push_back({group + "size", &part.size, 1});
    for (const auto& f : part.fields)
      arrays.push_back({group + f.name, &f.values, static_cast<std::size_t>(f.components)});
  }
  if (!sample.triangles.empty()) arrays.push_back({"triangles", &sample.triangles, 9});
  return arrays;
}

// Of a copy in which `share` of the values are smaller.
double quantile(std::vector<float> values, double share) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// What the pressure says when it is not the static one over that of the free stream, or nothing.
std::string pressure_fault(const FlowSample& sample) {
  const double q = sample.info.scales().dynamic_pressure();
  for (int b = 0; b < 2; ++b)
    for (const SampleField& f : sample.part[b].fields) {
      if (f.name != "pressure") continue;
      const double cp = quantile(f.values, b == 0 ? 0.99 : 0.5) / q;
      if (b == 0 ? cp > kHighestCp : std::abs(cp) > kFreestreamCp)
        return str(
            "the ", kParts[b], " pressure is at Cp = ", cp,
            b == 0 ? ", more than in a stagnation point" : " in the middle of its values, not near the free stream's 0",
            ": is it absolute or total pressure? Static pressure over that of the free stream is meant");
    }
  return {};
}

// What points the wrong way for any body, or nothing: normals of a closed surface that enclose a negative volume, a
// friction that pushes the body against the flow.
std::string direction_fault(const FlowSample& sample) {
  const SamplePart& s = sample.part[0];
  const std::size_t n = s.rows();
  Vec3 middle{0, 0, 0};
  Box box;
  double area = 0, volume = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Vec3 x{s.position[3 * i], s.position[3 * i + 1], s.position[3 * i + 2]};
    box.add(x);
    middle = middle + double{s.size[i]} * x, area += s.size[i];
  }
  middle = (1 / area) * middle;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t a = 0; a < 3; ++a)
      volume += (s.position[3 * i + a] - middle[a]) * double{s.normal[3 * i + a]} * s.size[i] / 3;
  const Vec3 size = box.size();
  if (volume < -kLeastEnclosed * size[0] * size[1] * size[2])
    return str("the normals seem to point into the body: they enclose a volume of ", volume, " m3");
  for (const SampleField& f : s.fields) {
    if (f.name != "wall_shear_stress") continue;
    double along = 0, all = 0;
    for (std::size_t i = 0; i < n; ++i) {
      along += double{f.values[3 * i]} * s.size[i];
      all += std::hypot(f.values[3 * i], f.values[3 * i + 1], f.values[3 * i + 2]) * s.size[i];
    }
    if (along < -kLeastFriction * all)
      return str(
          "the wall shear stress seems to have the other sign (OpenFOAM's own): it pushes the body against the "
          "flow with ",
          -along, " N");
  }
  return {};
}

double force_error(double got, double expected) {
  return std::abs(got - expected) / std::max(kForceFloor / kForceTolerance, std::abs(expected));
}

}  // namespace

bool natural_less(const std::string& a, const std::string& b) {
  std::size_t i = 0, j = 0;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      std::size_t end_a = i, end_b = j;
      while (end_a < a.size() && digit(a[end_a])) ++end_a;
      while (end_b < b.size() && digit(b[end_b])) ++end_b;
      while (i < end_a && a[i] == '0') ++i;
      while (j < end_b && b[j] == '0') ++j;
      if (end_a - i != end_b - j) return end_a - i < end_b - j;
      for (; i < end_a; ++i, ++j)
        if (a[i] != b[j]) return a[i] < b[j];
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

SurfaceForces surface_forces(const FlowSample& sample) {
  const SamplePart& s = sample.part[0];
  const double q = sample.info.scales().dynamic_pressure() * sample.info.reference_area;
  double force[2] = {0, 0};
  for (const auto& f : s.fields)
    for (std::size_t i = 0; i < s.rows(); ++i)
      for (int k = 0; k < 2; ++k) {
        const std::size_t axis = k == 0 ? 0 : 2;
        if (f.name == "pressure") force[k] -= double{f.values[i]} * s.normal[3 * i + axis] * s.size[i] / q;
        if (f.name == "wall_shear_stress") force[k] += double{f.values[3 * i + axis]} * s.size[i] / q;
      }
  return {force[0], force[1]};
}

namespace {

std::string flow_fault(const CaseInfo& info) {
  for (const double x : {info.flow.velocity, info.flow.density, info.flow.kinematic_viscosity, info.reference_length,
                         info.reference_area})
    if (!(x > 0) || !std::isfinite(x))
      return "velocity, density, viscosity, reference length and area must be positive";
  return {};
}

// What is wrong with the numbers whatever they mean, or nothing.
std::string form_fault(const FlowSample& sample, const std::vector<FieldSpec> (&fields)[2]) {
  if (std::string fault = flow_fault(sample.info); !fault.empty()) return fault;
  for (int b = 0; b < 2; ++b) {
    const SamplePart& part = sample.part[b];
    const std::size_t n = part.rows();
    if (b == 1 && fields[b].empty() && n == 0) continue;  // a data set of surfaces
    if (n == 0 || part.position.size() != 3 * n) return str("the ", kParts[b], " has no points");
    if (b == 0 && (part.normal.size() != 3 * n || part.size.size() != n))
      return str("the surface has ", n, " points, ", part.normal.size() / 3, " normals and ", part.size.size(),
                 " areas");
    if (b == 1 && !part.size.empty() && part.size.size() != n) return "the volume's cell sizes do not match its points";
    for (const FieldSpec& spec : fields[b]) {
      const auto f =
          std::find_if(part.fields.begin(), part.fields.end(), [&](const auto& x) { return x.name == spec.name; });
      if (f == part.fields.end()) return str("the ", kParts[b], " field '", spec.name, "' is missing");
      if (f->components != spec.components || f->unit != spec.unit)
        return str("the ", kParts[b], " field '", spec.name, "' has ", f->components, " components in ", f->unit,
                   ", not ", spec.components, " in ", spec.unit);
      if (f->values.size() != n * static_cast<std::size_t>(spec.components))
        return str("the ", kParts[b], " field '", spec.name, "' has ", f->values.size(), " values for ", n, " points");
    }
  }
  for (const Array& array : arrays_of(sample))
    for (std::size_t i = 0; i < array.values->size(); ++i)
      if (!std::isfinite((*array.values)[i])) return str(array.name, ": row ", i / array.columns, " is not finite");
  const SamplePart& s = sample.part[0];
  for (std::size_t i = 0; i < s.rows(); ++i) {
    const double length = std::hypot(s.normal[3 * i], s.normal[3 * i + 1], s.normal[3 * i + 2]);
    if (std::abs(length - 1) > 1e-2) return str("surface/normal: row ", i, " has the length ", length);
    if (!(s.size[i] > 0)) return str("surface/size: row ", i, " is ", s.size[i], " m2");
  }
  return {};
}

}  // namespace

std::string find_fault(const FlowSample& sample, const std::vector<FieldSpec> (&fields)[2]) {
  if (std::string fault = form_fault(sample, fields); !fault.empty()) return fault;
  if (std::string fault = pressure_fault(sample); !fault.empty()) return fault;
  const CaseInfo& info = sample.info;
  const auto cd = info.coefficients.find("Cd"), cl = info.coefficients.find("Cl");
  if (cd == info.coefficients.end()) return direction_fault(sample);
  const auto fits = [&](const FlowSample& x) {
    const SurfaceForces f = surface_forces(x);
    return force_error(f.cd, cd->second) <= kForceTolerance &&
           (cl == info.coefficients.end() || force_error(f.cl, cl->second) <= 2 * kForceTolerance);
  };
  if (fits(sample)) return {};
  const SurfaceForces f = surface_forces(sample);
  FlowSample flipped = sample, other = sample, both;
  for (float& x : flipped.part[0].normal) x = -x;
  for (auto& field : other.part[0].fields)
    if (field.name == "wall_shear_stress")
      for (float& x : field.values) x = -x;
  both = other, both.part[0].normal = flipped.part[0].normal;
  std::string guess = direction_fault(sample);
  if (fits(flipped))
    guess = "the normals seem to point into the body";
  else if (fits(other))
    guess = "the wall shear stress seems to have the other sign (OpenFOAM's own)";
  else if (fits(both))
    guess =
        "the normals seem to point into the body, and the wall shear stress to have the other sign (OpenFOAM's own)";
  else if (force_error(f.cd, cd->second) <= kForceTolerance)
    guess = force_error(-f.cl, cl->second) <= 2 * kForceTolerance
                ? "only Cl differs, by its sign: the case's table, or the direction of its lift, is wrong"
                : "only Cl differs: the case's table is wrong, rather than its fields (--fields with "
                  "{\"coefficients\": {\"Cl\": "
                  "null}} leaves it out)";
  else if (guess.empty() && cl != info.coefficients.end() &&
           std::abs(f.cd * cl->second - f.cl * cd->second) <= kForceTolerance * std::abs(f.cd * cl->second))
    guess = "both in one ratio: is the reference area, the density or the velocity another, or the pressure kinematic?";
  else if (guess.empty())
    guess = "is the pressure kinematic (in m2/s2), or a field in another unit?";
  return str("its surface fields give Cd ", f.cd, " and Cl ", f.cl, ", the solver gave Cd ", cd->second,
             cl == info.coefficients.end() ? std::string() : str(" and Cl ", cl->second), ": ", guess);
}

void write_dataset(const std::string& path, const DatasetHeader& header, const std::function<bool(FlowSample&)>& next) {
  core::write_atomically(path, [&](const std::string& temporary) {
    H5File file = H5File::create(temporary);
    file.set_name(path);
    file.write_attribute("/", "format", std::string("streamtube dataset"));
    file.write_attribute("/", "version", kFormatVersion);
    file.write_attribute("/", "description", header.description);
    Json fields;
    for (int b = 0; b < 2; ++b)
      if (!header.fields[b].empty()) fields[kParts[b]] = core::parse_json(fields_to_json(header.fields[b]));
    file.write_attribute("/", "fields", core::json_text(fields));
    file.create_group("/cases");
    std::set<std::string> names;
    for (FlowSample sample; next(sample); sample = {}) {
      const std::string where = str("'", path, "': case '", sample.info.name, "': ");
      if (sample.info.name.empty() || sample.info.name.find('/') != std::string::npos)
        bad_input(where + "a case needs a name without '/'");
      if (!names.insert(sample.info.name).second) bad_input(where + "there are two cases of this name");
      const std::string fault =
          header.predicted ? form_fault(sample, header.fields) : find_fault(sample, header.fields);
      if (!fault.empty()) bad_input(where + fault);
      const std::string group = "/cases/" + sample.info.name;
      Json sums;
      for (const Array& array : arrays_of(sample)) {
        const std::size_t rows = array.values->size() / array.columns;
        file.write<float>(str(group, '/', array.name),
                          array.columns == 1 ? std::vector<std::size_t>{rows} : std::vector{rows, array.columns},
                          *array.values, true, kChunkRows);
        sums[array.name] = checksum(*array.values);
      }
      const CaseInfo& info = sample.info;
      const Json about = {{"velocity", info.flow.velocity},
                          {"density", info.flow.density},
                          {"kinematic_viscosity", info.flow.kinematic_viscosity},
                          {"reference_length", info.reference_length},
                          {"reference_area", info.reference_area},
                          {"parameters", info.parameters},
                          {"coefficients", info.coefficients},
                          {"quality", info.quality}};
      file.write_attribute(group, "case", core::json_text(about));
      file.write_attribute(group, "sha256", core::json_text(sums));
    }
    if (names.empty()) bad_input(str("'", path, "': a data set needs at least one case"));
    check_splits(header.splits, {names.begin(), names.end()}, str("'", path, "'"));
    file.write_attribute("/", "splits", splits_to_json(header.splits, str("'", path, "'")));
    if (!header.split_rules.empty()) file.write_attribute("/", "split_rules", header.split_rules);
    if (!header.label_noise.empty()) file.write_attribute("/", kLabelNoiseAttribute, to_json(header.label_noise));
    file.close();
  });
}

struct Dataset::Impl {
  std::string path, description;
  std::vector<CaseInfo> cases;
  std::vector<FieldSpec> fields[2];
  Splits splits;
  std::optional<std::string> split_rules;  // of all files so far; "": they differ
  std::vector<LabelNoise> label_noises;    // of the files
  LabelNoise label_noise;                  // of the whole

  void add_file(const std::string& name) {
    const H5File file = H5File::open(name);
    const std::string where = str("'", name, "'");
    if (!file.has_attribute("/", "format") || file.attribute_text("/", "format") != "streamtube dataset")
      bad_input(where + " is not a Streamtube data set", "`streamtube dataset import` makes one");
    const std::int64_t version = file.attribute_integer("/", "version");
    if (version != kFormatVersion)
      bad_input(str(where, ": data set format ", version, ", this program reads ", kFormatVersion),
                "import the data anew");
    const Json list = parse(file.attribute_text("/", "fields"), where);
    std::vector<FieldSpec> found[2];
    for (int b = 0; b < 2; ++b)
      if (list.contains(kParts[b]))
        found[b] =
            fields_from_json(core::json_text(list[kParts[b]]), str(where, ": attribute 'fields': '", kParts[b], "'"));
    for (int b = 0; b < 2; ++b) {
      for (const FieldSpec& f : found[b])
        if (f.decoder != physics::Decoder::direct)
          bad_input(str(where, ": the ", kParts[b], " field '", f.name, "' has the decoder '", physics::name(f.decoder),
                        "', but data are fields themselves"),
                    "decoders belong in the description of a model");
      if (!cases.empty() && found[b] != fields[b])
        bad_input(str(where, " has other ", kParts[b], " fields than '", cases[0].file, "'"));
      fields[b] = found[b];
    }
    if (description.empty()) description = file.attribute_text("/", "description");
    const std::string rules = file.has_attribute("/", "split_rules") ? file.attribute_text("/", "split_rules") : "";
    split_rules = !split_rules || *split_rules == rules ? rules : "";
    if (file.has_attribute("/", kLabelNoiseAttribute))
      label_noises.push_back(label_noise_from_json(file.attribute_text("/", kLabelNoiseAttribute),
                                                   str(where, ": attribute '", kLabelNoiseAttribute, "'")));
    try {
      for (const std::string& child : file.children("/cases")) add_case(file, name, child);
      for (const auto& [split, members] : parse(file.attribute_text("/", "splits"), where).get<Splits>())
        if (!members.empty()) splits[split].insert(splits[split].end(), members.begin(), members.end());
    } catch (const Json::exception& e) {
      bad_input(str(where, ": what is said of the cases cannot be read: ", e.what()), "the file is damaged");
    }
  }

  void add_case(const H5File& file, const std::string& name, const std::string& child) {
    const std::string group = "/cases/" + child, where = str("'", name, "': case '", child, "'");
    for (const CaseInfo& other : cases)
      if (other.name == child) bad_input(str(where, " is in '", other.file, "' too"));
    const Json about = parse(file.attribute_text(group, "case"), where);
    CaseInfo info;
    info.name = child, info.file = name;
    info.flow = {about.at("velocity").get<double>(), about.at("density").get<double>(),
                 about.at("kinematic_viscosity").get<double>()};
    info.reference_length = about.at("reference_length").get<double>();
    info.reference_area = about.at("reference_area").get<double>();
    if (const std::string fault = flow_fault(info); !fault.empty()) bad_input(str(where, ": ", fault));
    about.at("parameters").get_to(info.parameters);
    about.at("coefficients").get_to(info.coefficients);
    about.at("quality").get_to(info.quality);
    for (int b = 0; b < 2; ++b) {
      const std::string part = str(group, '/', kParts[b], '/');
      if (b == 1 && fields[b].empty() && !file.exists(part + "position")) continue;  // a data set of surfaces
      const auto shape = file.shape(part + "position");
      if (shape.size() != 2 || shape[1] != 3)
        bad_input(str(where, ": ", kParts[b], "/position has the shape ", shape_text(shape)));
      info.rows[b] = shape[0];
      for (const FieldSpec& f : fields[b]) {
        const std::size_t k = static_cast<std::size_t>(f.components);
        const auto expected = k == 1 ? std::vector<std::size_t>{info.rows[b]} : std::vector{info.rows[b], k};
        if (!file.exists(part + f.name)) bad_input(str(where, ": the ", kParts[b], " field '", f.name, "' is missing"));
        if (file.shape(part + f.name) != expected)
          bad_input(str(where, ": ", kParts[b], "/", f.name, " has the shape ", shape_text(file.shape(part + f.name)),
                        ", not ", shape_text(expected)));
      }
    }
    if (file.exists(group + "/triangles")) {
      const auto shape = file.shape(group + "/triangles");
      if (shape.size() != 2 || shape[1] != 9)
        bad_input(str(where, ": triangles has the shape ", shape_text(shape), ", not N x 9"));
      info.triangles = shape[0];
    }
    cases.push_back(info);
  }
};

Dataset::Dataset(const std::string& path) : impl_(std::make_unique<Impl>()) {
  impl_->path = path;
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(path))
      // Hidden: what a killed process left of a file.
      if (entry.path().extension() == ".h5" && entry.path().filename().string()[0] != '.')
        files.push_back(entry.path().string());
    if (files.empty())
      bad_input(str("'", path, "': there is no .h5 file in this folder"), "`streamtube dataset import` makes one");
    std::sort(files.begin(), files.end(), natural_less);
    for (const auto& file : files) impl_->add_file(file);
  } else {
    impl_->add_file(path);
  }
  std::sort(impl_->cases.begin(), impl_->cases.end(),
            [](const CaseInfo& a, const CaseInfo& b) { return natural_less(a.name, b.name); });
  impl_->label_noise = pooled(impl_->label_noises);
  if (!std::filesystem::is_directory(path, error)) return;
  if (const auto noise = std::filesystem::path(path) / kLabelNoiseFile; std::filesystem::is_regular_file(noise, error))
    impl_->label_noise = label_noise_from_json(core::read_text(noise.string()), str("'", noise.string(), "'"));
  const std::string beside = (std::filesystem::path(path) / kSplitsFile).string();
  std::vector<std::string> names;
  for (const CaseInfo& info : impl_->cases) names.push_back(info.name);
  if (!std::filesystem::is_regular_file(beside, error)) {
    check_splits(impl_->splits, names, str("'", path, "'"));
  } else {
    impl_->splits = read_split_file(beside);
    for (auto& [split, members] : impl_->splits)
      members = find_cases(names, members, str("'", beside, "': '", split, "'"));
    check_splits(impl_->splits, names, str("'", beside, "'"));
  }
}
Dataset::~Dataset() = default;
Dataset::Dataset(Dataset&&) noexcept = default;
Dataset& Dataset::operator=(Dataset&&) noexcept = default;

const std::string& Dataset::path() const { return impl_->path; }
const std::string& Dataset::description() const { return impl_->description; }
const std::vector<CaseInfo>& Dataset::cases() const { return impl_->cases; }
const std::vector<FieldSpec>& Dataset::fields(Branch branch) const { return impl_->fields[static_cast<int>(branch)]; }

const LabelNoise& Dataset::label_noise() const { return impl_->label_noise; }

const std::string& Dataset::split_rules() const { return *impl_->split_rules; }

std::vector<std::string> Dataset::splits() const {
  std::vector<std::string> names = {"all"};
  for (const auto& [name, cases] : impl_->splits) names.push_back(name);
  return names;
}

std::vector<std::size_t> Dataset::split(const std::string& name) const {
  std::vector<std::size_t> indices;
  const auto found = impl_->splits.find(name);
  if (found == impl_->splits.end() && name != "all") {
    std::string known;
    for (const std::string& other : splits()) known += (known.empty() ? "" : ", ") + other;
    throw Error(ErrorKind::usage, str("'", impl_->path, "' has no split '", name, "'"), "it has: " + known);
  }
  for (std::size_t i = 0; i < impl_->cases.size(); ++i)
    if (name == "all" || std::count(found->second.begin(), found->second.end(), impl_->cases[i].name))
      indices.push_back(i);
  return indices;
}

FlowSample Dataset::read(std::size_t index, bool verify) const {
  FlowSample sample;
  sample.info = impl_->cases.at(index);
  const H5File file = H5File::open(sample.info.file);
  const std::string group = "/cases/" + sample.info.name;
  for (int b = 0; b < 2; ++b) {
    const std::string part = str(group, '/', kParts[b], '/');
    const std::size_t n = sample.info.rows[b];
    if (n == 0) continue;
    sample.part[b].position = file.read<float>(part + "position", {n, 3});
    if (b == 0) sample.part[b].normal = file.read<float>(part + "normal", {n, 3});
    if (b == 0 || file.exists(part + "size")) sample.part[b].size = file.read<float>(part + "size", {n});
    for (const FieldSpec& f : impl_->fields[b])
      sample.part[b].fields.push_back({f.name, f.unit, f.components, file.read<float>(part + f.name)});
  }
  sample.triangles = read_triangles(index);
  if (verify) {
    const Json sums = parse(file.attribute_text(group, "sha256"), sample.info.file);
    for (const Array& array : arrays_of(sample))
      if (!sums.contains(array.name) || sums[array.name] != checksum(*array.values))
        bad_input(str("'", sample.info.file, "': case '", sample.info.name, "': the values of ", array.name,
                      " are not those that were written (checksum)"),
                  "the file is damaged: copy it again, or import the case again");
  }
  return sample;
}

std::vector<float> Dataset::read_triangles(std::size_t index) const {
  const CaseInfo& info = impl_->cases.at(index);
  if (info.triangles == 0) return {};
  return H5File::open(info.file).read<float>("/cases/" + info.name + "/triangles");
}

Dataset::Rows Dataset::read_rows(std::size_t index, Branch branch, std::span<const std::int64_t> rows) const {
  const int b = static_cast<int>(branch);
  const CaseInfo& info = impl_->cases.at(index);
  const H5File file = H5File::open(info.file);
  const std::string part = str("/cases/", info.name, '/', kParts[b], '/');
  // Chunk by chunk, since HDF5 reads whole ones anyway.
  const auto read = [&](const std::string& name, std::size_t columns, std::vector<float>& to, std::size_t at,
                        std::size_t stride) {
    to.resize(rows.size() * stride);
    std::vector<float> chunk;
    std::size_t begin = 1, end = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::size_t row = static_cast<std::size_t>(rows[i]);
      core::expect(rows[i] >= 0 && row < info.rows[b], "Dataset::read_rows: a row is out of range");
      if (row < begin || row >= end) {
        begin = row / kChunkRows * kChunkRows, end = std::min(info.rows[b], begin + kChunkRows);
        chunk = file.read_rows(part + name, begin, end - begin);
      }
      std::memcpy(&to[i * stride + at], &chunk[(row - begin) * columns], columns * sizeof(float));
    }
  };
  Rows out;
  read("position", 3, out.position, 0, 3);
  if (b == 0) read("normal", 3, out.normal, 0, 3);
  if (b == 0 || file.exists(part + "size")) read("size", 1, out.size, 0, 1);
  std::size_t at = 0;
  const std::size_t stride = components(impl_->fields[b]);
  for (const FieldSpec& f : impl_->fields[b]) {
    read(f.name, static_cast<std::size_t>(f.components), out.fields, at, stride);
    at += static_cast<std::size_t>(f.components);
  }
  return out;
}

Dataset::Statistics Dataset::statistics(std::span<const std::size_t> indices) const {
  Statistics out;
  out.low = std::numeric_limits<double>::infinity(), out.high = -out.low;
  double count[2] = {0, 0};
  for (int b = 0; b < 2; ++b)
    for (const FieldSpec& f : impl_->fields[b]) {
      const std::vector<double> zero(static_cast<std::size_t>(f.components), 0.0);
      out.fields[b].push_back({f, zero, zero});
    }
  for (const std::size_t index : indices) {
    const FlowSample sample = read(index, true);
    const physics::ReferenceScales scales = sample.info.scales();
    for (int b = 0; b < 2; ++b) {
      const SamplePart& part = sample.part[b];
      for (const float x : part.position)
        out.low = std::min(out.low, double{x}), out.high = std::max(out.high, double{x});
      for (std::size_t row = 0; row < part.rows(); ++row) {
        ++count[b];
        for (std::size_t f = 0; f < out.fields[b].size(); ++f) {
          FieldStatistics& s = out.fields[b][f];
          const double unit = physics::si_unit(s.field, scales);
          const std::size_t k = s.mean.size();
          for (std::size_t c = 0; c < k; ++c) {
            double x = part.fields[f].values[row * k + c] / unit;
            if (s.field.transform == physics::Transform::signed_log) x = std::copysign(std::log1p(std::abs(x)), x);
            if (!std::isfinite(x))
              bad_input(str("'", sample.info.file, "': case '", sample.info.name, "': ", kParts[b], '/', s.field.name,
                            ": row ", row, " is not finite"),
                        "`streamtube dataset verify` lists all such cases");
            const double before = x - s.mean[c];
            s.mean[c] += before / count[b];
            s.std[c] += before * (x - s.mean[c]);
          }
        }
      }
    }
  }
  for (int b = 0; b < 2; ++b)
    for (auto& f : out.fields[b])
      for (double& x : f.std) x = std::sqrt(x / std::max(1.0, count[b]));
  return out;
}

std::string Dataset::fingerprint(std::span<const std::size_t> indices) const {
  core::Sha256 sha;
  for (const std::size_t index : indices) {
    const CaseInfo& info = impl_->cases.at(index);
    sha.update(info.name);
    sha.update(H5File::open(info.file).attribute_text("/cases/" + info.name, "sha256"));
  }
  return sha.hex();
}

}  // namespace streamtube::mesh_io
