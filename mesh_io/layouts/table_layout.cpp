#include "mesh_io/layouts/table_layout.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "geometry/distance.hpp"
#include "mesh_io/gradient.hpp"
#include "mesh_io/layouts/case_files.hpp"
#include "mesh_io/layouts/foam_setup.hpp"
#include "mesh_io/layouts/mesh_rows.hpp"
#include "mesh_io/mesh_io.hpp"
#include "mesh_io/openfoam.hpp"

namespace streamtube::mesh_io {

using core::bad_input;
using core::Error;
using core::ErrorKind;
using core::str;
using geometry::Association;
using geometry::Attribute;
using geometry::SurfaceMesh;
using geometry::VolumeMesh;
using physics::Branch;
namespace fs = std::filesystem;

namespace {

std::string in_quotes(const std::string& path) { return str("'", path, "'"); }

const char* const kOn[2] = {"points", "cells"};

std::string describe(const std::vector<Attribute>& attributes) {
  std::string text;
  for (const Attribute& a : attributes)
    text += str(text.empty() ? "" : ", ", a.name, " (", a.components, " on ", kOn[a.association == Association::faces],
                ")");
  return text.empty() ? "no arrays" : text;
}

std::string alternatives(const FieldSource& field) {
  std::string text;
  for (const auto& apart : field.arrays) {
    text += text.empty() ? "" : " or ";
    for (std::size_t i = 0; i < apart.size(); ++i) text += str(i ? " with " : "", in_quotes(apart[i]));
  }
  return text;
}

// The arrays of a field on these places: one, or one a component. Empty: not there.
std::vector<const Attribute*> find_arrays(const std::vector<Attribute>& attributes, const FieldSource& field,
                                          Association on) {
  for (const auto& apart : field.arrays) {
    std::vector<const Attribute*> found;
    for (const std::string& name : apart) {
      const Attribute* only = nullptr;
      for (const Attribute& a : attributes) {
        if (a.association != on || a.components != (apart.size() == 1 ? field.spec.components : 1)) continue;
        if (a.name == name) {
          only = &a;
          break;
        }
        if (name == "*") {
          if (only)
            bad_input(str("there are several arrays that may be ", field.spec.name, ": ", describe(attributes)),
                      "name it with --fields");
          only = &a;
        }
      }
      if (only) found.push_back(only);
    }
    if (found.size() == apart.size()) return found;
  }
  return {};
}

// Files of a case by the pattern they fit; several that are pieces of one file are that one.
class CaseFiles {
 public:
  CaseFiles(std::string folder, Bindings bindings, std::string work)
      : folder_(std::move(folder)), bindings_(std::move(bindings)), work_(std::move(work)) {}

  // Empty when none of the patterns fits.
  std::string find(const FilePatterns& patterns) const {
    for (const std::string& pattern : patterns) {
      std::vector<Match> found = find_matches(folder_, pattern, bindings_);
      if (found.empty()) continue;
      return found[0].path.ends_with(".part") ? join(found) : found[0].path;
    }
    return {};
  }
  std::string need(const FilePatterns& patterns, const std::string& what) const {
    const std::string path = find(patterns);
    if (!path.empty()) return path;
    std::string names;
    for (const std::string& p : patterns) names += str(names.empty() ? "'" : " or '", expand(p, bindings_), "'");
    bad_input(str("its ", what, " ", names, " is not in ", in_quotes(folder_)),
              "is the copy of the data set complete?");
  }
  std::vector<std::string> all(const FilePatterns& patterns) const {
    for (const std::string& pattern : patterns) {
      std::vector<std::string> out;
      for (const Match& m : find_matches(folder_, pattern, bindings_)) out.push_back(m.path);
      if (!out.empty()) return out;
    }
    return {};
  }
  const Bindings& bindings() const { return bindings_; }

 private:
  // volume_1.vtu.00.part, volume_1.vtu.01.part, ... -> volume_1.vtu among the temporaries.
  std::string join(const std::vector<Match>& parts) const {
    const fs::path first = parts[0].path;
    const std::string name = first.stem().stem().string();
    std::uintmax_t bytes = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const fs::path path = parts[i].path;
      const std::string number = path.stem().extension().string();
      std::size_t index = parts.size();
      if (number.size() < 2 || number.find_first_not_of("0123456789", 1) != std::string::npos || number.size() > 8 ||
          (index = static_cast<std::size_t>(std::stoul(number.substr(1)))) != i)
        bad_input(str(in_quotes(path.string()), ": part ", i, " of '", name, "' is missing"), "copy it again");
      bytes += fs::file_size(path);
    }
    core::require_disk_space(work_, bytes);
    const std::string joined = (fs::path(work_) / name).string();
    std::ofstream out(joined, std::ios::binary);
    for (const Match& part : parts) {
      std::ifstream in(part.path, std::ios::binary);
      if (fs::file_size(part.path) == 0) bad_input(in_quotes(part.path) + ": is empty", "copy it again");
      out << in.rdbuf();
      if (!in) bad_input(in_quotes(part.path) + ": cannot be read");
    }
    out.close();
    if (!out) throw Error(ErrorKind::runtime, str("cannot write '", joined, "': ", std::strerror(errno)));
    return joined;
  }

  std::string folder_;
  Bindings bindings_;
  std::string work_;
};

// What the files of a case give, before it becomes rows.
struct CaseMeshes {
  SurfaceMesh surface;
  VolumeMesh volume;
  std::string surface_name, volume_name;   // in messages
  std::map<std::string, FieldUnit> units;  // of arrays, where the file says them
};

class TableLayout : public Layout {
 public:
  TableLayout(const std::string& json, const std::string& where)
      : json_(json), table_(parse_layout_table(json, where)) {}

  std::string name() const override { return table_.name; }
  std::string summary() const override { return table_.summary; }
  std::string settings() const override { return json_; }
  std::string hint() const override {
    return "if these files differ from the published ones, say how with --fields (docs/import.md)";
  }
  std::string pattern() const override {
    if (table_.openfoam) return "<case>/system/controlDict";
    std::string text;
    for (const std::string& p : table_.surface) text += (text.empty() ? "" : " or ") + p;
    return text;
  }

  std::vector<CaseSource> find(const std::string& folder) const override {
    std::vector<CaseSource> cases;
    std::error_code ignored;
    if (table_.openfoam) {
      if (is_foam_case(folder)) {
        const fs::path path = fs::weakly_canonical(foam_folder(folder), ignored);
        return {{path.filename().string(), {path.string()}, folder, {}}};
      }
      for (const auto& entry : fs::directory_iterator(folder, ignored))
        if (entry.is_directory(ignored) && entry.path().filename().string()[0] != '.' &&
            is_foam_case(entry.path().string()))
          cases.push_back({entry.path().filename().string(), {entry.path().string()}, folder, {}});
      return cases;
    }
    for (const std::string& pattern : table_.surface) {
      for (const Match& m : find_matches(folder, pattern)) {
        CaseSource source{expand(table_.case_name, m.bindings), {m.path}, folder, m.bindings};
        const CaseFiles files(folder, m.bindings, "");
        for (const std::string& path : files.all(table_.volume)) source.files.push_back(path);
        cases.push_back(std::move(source));
      }
      if (!cases.empty()) break;
    }
    return cases;
  }

  bool recognises(const std::string& folder) const override {
    const std::vector<CaseSource> cases = find(folder);
    if (cases.empty() || table_.openfoam) return !cases.empty();
    // Names of files alone do not tell AhmedML from DrivAerML; names of arrays do.
    std::ifstream file(cases[0].files[0], std::ios::binary);
    std::vector<std::string> wanted;
    for (const FieldSource& f : table_.fields[0])
      if (!f.optional && f.file.empty())
        for (const auto& apart : f.arrays) wanted.push_back(apart[0]);
    if (std::find(wanted.begin(), wanted.end(), "*") != wanted.end()) return true;
    constexpr std::size_t kBlock = 1 << 20, kOverlap = 256;
    std::string text;
    while (file) {
      if (text.size() > kOverlap) text.erase(0, text.size() - kOverlap);
      const std::size_t before = text.size();
      text.resize(before + kBlock);
      file.read(text.data() + before, kBlock);
      text.resize(before + static_cast<std::size_t>(file.gcount()));
      for (const std::string& name : wanted)
        for (const std::string& shape : {"\"" + name + "\"", " " + name + " "})
          if (text.find(shape) != std::string::npos) return true;
    }
    return false;
  }

  DatasetHeader header(const std::vector<CaseSource>& cases) const override {
    DatasetHeader h;
    h.description =
        table_.description.empty() ? str("imported from the layout '", table_.name, "'") : table_.description;
    for (int b = 0; b < 2; ++b)
      for (const FieldSource& f : table_.fields[b]) h.fields[b].push_back(f.spec);
    if (!h.fields[1].empty() && !table_.openfoam && !cases.empty() && !has_volumes(cases[0].folder)) {
      core::warn(str(in_quotes(cases[0].folder), ": there are no volume files (", table_.volume[0],
                     "): surfaces alone are imported"));
      h.fields[1].clear();
    }
    return h;
  }

  FlowSample read(const CaseSource& source, const std::string& work) const override {
    FlowSample sample;
    sample.info.name = source.name;
    CaseMeshes meshes;
    if (table_.openfoam) {
      read_foam_case(source, work, meshes, sample);
      return sample;
    }
    const CaseFiles files(source.folder, source.words, work);
    meshes.surface_name = in_quotes(source.files[0]);
    meshes.surface = read_surface(source.files[0], table_.length_unit);
    unify(0, meshes.surface, meshes.surface_name);
    if (!table_.fields[1].empty() && has_volumes(source.folder)) {
      const std::string volume = files.need(table_.volume, "volume file");
      meshes.volume_name = in_quotes(volume);
      meshes.volume = read_volume(volume, table_.length_unit);
      unify(1, meshes.volume, meshes.volume_name);
    }
    describe_case(files, meshes, sample.info);
    fill(files, meshes, sample);
    if (const std::string stl = files.find(table_.geometry); !stl.empty()) {
      const geometry::Triangles triangles = geometry::triangulate(read_surface(stl, table_.length_unit));
      for (const auto& corners : triangles.corners)
        for (const std::int64_t corner : corners)
          for (const double x : to_model(triangles.points[static_cast<std::size_t>(corner)]))
            sample.triangles.push_back(static_cast<float>(x));
    }
    return sample;
  }

  void read_foam_case(const CaseSource& source, const std::string& work, CaseMeshes& meshes, FlowSample& sample) const {
    const CaseFiles files(source.folder, {{"case", source.name}}, work);
    read_openfoam(find_foam_case(source.files[0]), meshes, sample.info);
    describe_case(files, meshes, sample.info);
    fill(files, meshes, sample);
  }

 private:
  Vec3 to_model(const Vec3& v) const {
    Vec3 out;
    for (std::size_t k = 0; k < 3; ++k) out[k] = table_.axis_signs[k] * v[static_cast<std::size_t>(table_.axes[k])];
    return out;
  }

  double number(const CaseFiles& files, const CaseNumber& n, const std::string& what) const {
    if (!n.csv.empty())
      if (const std::string path = files.find(n.csv); !path.empty()) {
        double value = 0;
        if (read_csv_number(path, n.columns, n.key, expand(n.key_value, files.bindings()), value)) return value;
        if (!n.value) bad_input(str(in_quotes(path), " (CSV): has no column '", n.columns[0], "' with the ", what));
      }
    if (n.value) return *n.value;
    if (!n.csv.empty()) files.need(n.csv, what);  // throws
    bad_input(str("nothing says the ", what), "give it with --fields (docs/import.md)");
  }

  void describe_case(const CaseFiles& files, const CaseMeshes& meshes, CaseInfo& info) const {
    physics::Flow& flow = info.flow;
    if (table_.velocity.given() || !(flow.velocity > 0))
      flow.velocity = number(files, table_.velocity, "velocity of the free stream");
    if (table_.density.given() || !(flow.density > 0)) flow.density = number(files, table_.density, "density");
    if (table_.viscosity.given() || !(flow.kinematic_viscosity > 0))
      flow.kinematic_viscosity = number(files, table_.viscosity, "kinematic viscosity");
    SurfaceMesh turned;
    if (!table_.length.given() || !table_.area.given()) {
      turned = meshes.surface;
      for (Vec3& p : turned.points) p = to_model(p);
    }
    if (table_.length.given())
      info.reference_length = number(files, table_.length, "reference length");
    else if (!(info.reference_length > 0))
      info.reference_length = turned.bounds().size()[0];
    if (table_.area.given())
      info.reference_area = number(files, table_.area, "reference area");
    else if (!(info.reference_area > 0))
      info.reference_area = geometry::frontal_area(turned);
    for (const auto& [name, source] : table_.coefficients) {
      if (!source.value && files.find(source.csv).empty()) {
        core::warn(
            str("case '", info.name, "': the file with its ", name, " is not there; forces are not compared with it"));
        continue;
      }
      info.coefficients[name] = number(files, source, name);
    }
    if (const std::string path = files.find(table_.parameters); !path.empty()) info.parameters = read_csv_numbers(path);
  }

  // Reads the fields that the table names, the first of the alternatives that is there.
  void read_openfoam(const FoamCase& c, CaseMeshes& meshes, CaseInfo& info) const;

  // SI of one unit of the file's array.
  double factor(const FieldSource& f, const CaseMeshes& meshes, const std::string& array, const CaseInfo& info) const {
    FieldUnit unit = f.unit.value_or(FieldUnit::si);
    bool own = false;
    for (std::size_t i = 0; i < f.units.size(); ++i)
      if (f.units[i] && f.arrays[i][0] == array) unit = *f.units[i], own = true;
    if (!f.unit && !own)
      if (const auto known = meshes.units.find(array); known != meshes.units.end()) unit = known->second;
    return unit == FieldUnit::si          ? 1.0
           : unit == FieldUnit::kinematic ? info.flow.density
                                          : physics::si_unit(f.spec, info.scales());
  }

  // Values of a field at rows of its mesh, in SI and in the model's frame.
  SampleField take(const FieldSource& f, const std::vector<const Attribute*>& arrays,
                   const std::vector<std::int64_t>& rows, const CaseMeshes& meshes, const CaseInfo& info) const {
    const std::size_t k = static_cast<std::size_t>(f.spec.components);
    const double scale = f.sign * factor(f, meshes, arrays[0]->name, info);
    SampleField out{f.spec.name, f.spec.unit, f.spec.components, std::vector<float>(rows.size() * k)};
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto row = static_cast<std::size_t>(rows[i]);
      const auto value = [&](std::size_t c) {
        return double{arrays.size() == 1 ? arrays[0]->values[row * k + c] : arrays[c]->values[row]} + f.offset;
      };
      for (std::size_t c = 0; c < k; ++c)
        out.values[i * k + c] = static_cast<float>(
            scale * (k == 3 ? table_.axis_signs[c] * value(static_cast<std::size_t>(table_.axes[c])) : value(c)));
    }
    return out;
  }

  // Whether the data set has any volume at all: published ones are often copied without.
  bool has_volumes(const std::string& folder) const {
    std::call_once(looked_, [&] {
      for (const std::string& pattern : table_.volume) volumes_ = volumes_ || !find_matches(folder, pattern).empty();
    });
    return volumes_;
  }

  // Where fields of one file are partly on cells and partly on points: all where the first is, the others averaged.
  template <class Mesh>
  void unify(int b, Mesh& mesh, const std::string& name) const {
    std::optional<Association> on;
    std::vector<const Attribute*> elsewhere;
    for (const FieldSource& f : table_.fields[b]) {
      if (!f.file.empty()) continue;
      const auto cells = find_arrays(mesh.attributes, f, Association::faces),
                 points = find_arrays(mesh.attributes, f, Association::points);
      if (cells.empty() && points.empty()) continue;
      if (!on) on = cells.empty() ? Association::points : Association::faces;
      const auto& here = *on == Association::faces ? cells : points;
      const auto& there = *on == Association::faces ? points : cells;
      if (here.empty()) elsewhere.insert(elsewhere.end(), there.begin(), there.end());
    }
    std::vector<Attribute> moved;
    for (const Attribute* a : elsewhere) {
      core::warn(str(name, ": ", in_quotes(a->name), " is on the ", kOn[*on != Association::faces],
                     ", the others on the ", kOn[*on == Association::faces], ": it is averaged to there"));
      moved.push_back(averaged(mesh, *a));
    }
    std::move(moved.begin(), moved.end(), std::back_inserter(mesh.attributes));
  }

  // Where all fields of a part are, and which arrays they are. Those of files of their own are left empty.
  using Arrays = std::vector<std::vector<const Attribute*>>;
  Association locate(int b, const std::vector<Attribute>& attributes, const std::string& name, Arrays& arrays) const {
    for (const Association on : {Association::faces, Association::points}) {
      arrays.clear();
      bool all = true, any = false;
      for (const FieldSource& f : table_.fields[b]) {
        arrays.push_back(f.file.empty() ? find_arrays(attributes, f, on) : std::vector<const Attribute*>{});
        any = any || !arrays.back().empty();
        all = all && (!arrays.back().empty() || f.optional || !f.file.empty() || f.spec.name == "vorticity");
      }
      if (all && any) return on;
    }
    // Say which, and what is there.
    std::string on_cells, on_points;
    for (const FieldSource& f : table_.fields[b]) {
      if (!f.file.empty() || f.optional || f.spec.name == "vorticity") continue;
      const auto cells = find_arrays(attributes, f, Association::faces),
                 points = find_arrays(attributes, f, Association::points);
      if (cells.empty() && points.empty())
        bad_input(str(name, ": there is no array ", alternatives(f), " with ", f.spec.components,
                      f.spec.components == 1 ? " component" : " components", " for the field ", f.spec.name),
                  str("there are: ", describe(attributes), "; other names are given with --fields"));
      if (points.empty() && on_cells.empty()) on_cells = cells[0]->name;
      if (cells.empty() && on_points.empty()) on_points = points[0]->name;
    }
    bad_input(str(name, ": ", in_quotes(on_cells), " is on the cells, ", in_quotes(on_points), " on the points"),
              "export all fields of one file on the same, cells or points");
  }

  void fill(const CaseFiles& files, const CaseMeshes& meshes, FlowSample& sample) const {
    Arrays arrays;
    for (int b = 0; b < 2; ++b) {
      if (table_.fields[b].empty() || (b == 1 && meshes.volume.cell_count() == 0)) continue;
      const std::string& name = b == 0 ? meshes.surface_name : meshes.volume_name;
      const std::vector<Attribute>& attributes = b == 0 ? meshes.surface.attributes : meshes.volume.attributes;
      const Association on = locate(b, attributes, name, arrays);
      MeshRows rows = b == 0 ? surface_rows(meshes.surface, on) : volume_rows(meshes.volume, on);
      if (b == 1) leave_out(meshes, rows);
      SamplePart& part = sample.part[b];
      for (std::size_t i = 0; i < rows.position.size(); ++i) {
        for (const double x : to_model(rows.position[i])) part.position.push_back(static_cast<float>(x));
        if (b == 0)
          for (const double x : to_model(rows.normal[i]))
            part.normal.push_back(static_cast<float>(table_.inward_normals ? -x : x));
      }
      for (const double size : rows.size) part.size.push_back(static_cast<float>(size));
      for (std::size_t i = 0; i < table_.fields[b].size(); ++i) {
        const FieldSource& f = table_.fields[b][i];
        if (!arrays[i].empty())
          part.fields.push_back(take(f, arrays[i], rows.source, meshes, sample.info));
        else if (!f.file.empty())
          paired(files, f, on, b, meshes, rows, sample);
        else if (f.spec.name == "vorticity")
          vorticity(f, on, meshes, rows, sample);
        if (!f.same_as.empty() && !arrays[i].empty()) compare_npy(files.need(f.same_as, "array"), *arrays[i][0], name);
      }
    }
  }

  // Volume rows that lie outside of the box or on the surface.
  void leave_out(const CaseMeshes& meshes, MeshRows& rows) const {
    std::vector<char> drop(rows.position.size(), 0);
    if (table_.box)
      for (std::size_t i = 0; i < drop.size(); ++i) drop[i] = !table_.box->contains(to_model(rows.position[i]));
    if (table_.drop_on_surface) {
      const std::vector<std::int64_t> on = match_points(meshes.surface.points, rows.position);
      for (const std::int64_t i : on)
        if (i >= 0) drop[static_cast<std::size_t>(i)] = 1;
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < drop.size(); ++i) {
      if (drop[i]) continue;
      rows.position[kept] = rows.position[i], rows.source[kept] = rows.source[i];
      if (!rows.size.empty()) rows.size[kept] = rows.size[i];
      ++kept;
    }
    rows.position.resize(kept), rows.source.resize(kept);
    if (!rows.size.empty()) rows.size.resize(kept);
  }

  // A field out of a file of its own, whose points may be in another order.
  void paired(const CaseFiles& files, const FieldSource& f, Association on, int b, const CaseMeshes& meshes,
              const MeshRows& rows, FlowSample& sample) const {
    const std::string path = files.find(f.file);
    if (path.empty()) {
      if (!f.optional) files.need(f.file, "file of the field " + f.spec.name);
      return;
    }
    std::vector<Attribute> attributes;
    MeshRows theirs;
    const auto take_from = [&](auto&& other, MeshRows&& rows_of) {
      theirs = std::move(rows_of);
      if (find_arrays(other.attributes, f, on).empty()) {
        const Association other_place = on == Association::faces ? Association::points : Association::faces;
        for (const Attribute* a : find_arrays(other.attributes, f, other_place)) {
          core::warn(str(in_quotes(path), ": ", in_quotes(a->name), " is on the ", kOn[on != Association::faces],
                         ", the fields of ", b == 0 ? meshes.surface_name : meshes.volume_name, " on the ",
                         kOn[on == Association::faces], ": it is averaged to there"));
          attributes.push_back(averaged(other, *a));
        }
      }
      std::move(other.attributes.begin(), other.attributes.end(), std::back_inserter(attributes));
    };
    if (b == 0) {
      SurfaceMesh other = read_surface(path, table_.length_unit);
      MeshRows rows_of = surface_rows(other, on);
      take_from(other, std::move(rows_of));
    } else {
      VolumeMesh other = read_volume(path, table_.length_unit);
      MeshRows rows_of = volume_rows(other, on);
      take_from(other, std::move(rows_of));
    }
    const auto arrays = find_arrays(attributes, f, on);
    if (arrays.empty()) {
      bad_input(str(in_quotes(path), ": there is no array ", alternatives(f), " for the field ", f.spec.name),
                str("there are: ", describe(attributes), "; other names are given with --fields"));
    }
    const std::vector<std::int64_t> match = match_points(rows.position, theirs.position);
    std::vector<std::int64_t> source(match.size());
    std::size_t missing = 0;
    for (std::size_t i = 0; i < match.size(); ++i) {
      if (match[i] < 0)
        ++missing;
      else
        source[i] = theirs.source[static_cast<std::size_t>(match[i])];
    }
    if (missing > 0)
      bad_input(str(in_quotes(path), ": ", missing, " of ", match.size(), " points of ",
                    b == 0 ? meshes.surface_name : meshes.volume_name, " are not in it"),
                "the two files are of different meshes");
    sample.part[b].fields.push_back(take(f, arrays, source, meshes, sample.info));
  }

  void vorticity(const FieldSource& f, Association on, const CaseMeshes& meshes, const MeshRows& rows,
                 FlowSample& sample) const {
    std::vector<const Attribute*> velocity;
    const FieldSource* source = nullptr;
    for (const FieldSource& v : table_.fields[1])
      if (v.spec.name == "velocity" && v.file.empty())
        source = &v, velocity = find_arrays(meshes.volume.attributes, v, on);
    if (velocity.empty()) {
      if (f.optional) return;
      bad_input(meshes.volume_name + ": there is neither vorticity nor a velocity to compute it of",
                "leave it out with --fields: {\"volume\": {\"fields\": {\"vorticity\": null}}}");
    }
    if (rows.size.empty())
      bad_input(meshes.volume_name + ": there is no vorticity, and there are no cells with a volume to compute it on",
                "leave it out with --fields: {\"volume\": {\"fields\": {\"vorticity\": null}}}");
    Attribute joined{"velocity", on, 3, {}};
    if (velocity.size() == 1) {
      joined.values = velocity[0]->values;
    } else {
      joined.values.resize(3 * velocity[0]->values.size());
      for (std::size_t i = 0; i < velocity[0]->values.size(); ++i)
        for (std::size_t c = 0; c < 3; ++c) joined.values[3 * i + c] = velocity[c]->values[i];
    }
    const std::vector<float> slopes = gradient(meshes.volume, joined);  // [n][component][axis]
    const double scale = source->sign * factor(*source, meshes, velocity[0]->name, sample.info);
    SampleField out{f.spec.name, f.spec.unit, 3, std::vector<float>(3 * rows.source.size())};
    for (std::size_t i = 0; i < rows.source.size(); ++i) {
      const float* g = &slopes[9 * static_cast<std::size_t>(rows.source[i])];
      const auto d = [&](int component, int axis) { return double{g[3 * component + axis]}; };
      const Vec3 curl = to_model({d(2, 1) - d(1, 2), d(0, 2) - d(2, 0), d(1, 0) - d(0, 1)});
      for (std::size_t c = 0; c < 3; ++c) out.values[3 * i + c] = static_cast<float>(scale * curl[c]);
    }
    sample.part[1].fields.push_back(std::move(out));
  }

  static void compare_npy(const std::string& path, const Attribute& array, const std::string& name) {
    const std::vector<double> values = read_npy(path);
    if (values.size() != array.values.size())
      bad_input(str(in_quotes(path), ": has ", values.size(), " values, ", in_quotes(array.name), " of ", name, " has ",
                    array.values.size()),
                "the two files are of different cases");
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!(std::abs(values[i] - array.values[i]) <= 1e-4 * (1 + std::abs(values[i]))))
        bad_input(str(in_quotes(path), ": value ", i, " is ", values[i], ", but ", array.values[i], " in ",
                      in_quotes(array.name), " of ", name),
                  "the two files are of different cases");
  }

  std::string json_;
  LayoutTable table_;
  mutable std::once_flag looked_;
  mutable bool volumes_ = false;
};

// Coefficients of a force (N; of a half: on that half) over the shadow of the body, as the case says no area.
void take_force(const Vec3& force, const geometry::SurfaceMesh& surface, CaseInfo& info) {
  const double area = geometry::frontal_area(surface), newton = info.scales().dynamic_pressure() * area;
  if (!(newton > 0)) return;
  info.reference_area = area;  // of the half, doubled with it
  info.coefficients["Cd"] = force[0] / newton, info.coefficients["Cl"] = force[2] / newton;
}

// The first alternative of each field that is in the time folder, and the fields over the patches of the body.
void TableLayout::read_openfoam(const FoamCase& c, CaseMeshes& meshes, CaseInfo& info) const {
  FoamSelection selection;
  selection.time = table_.time.empty() || table_.time == "latest" ? c.times.back() : table_.time;
  const std::vector<FoamField> there = foam_fields(c, selection.time);
  bool averaged = false;
  std::vector<std::string> axial;
  for (int b = 0; b < 2; ++b)
    for (const FieldSource& f : table_.fields[b]) {
      const FoamField* found = nullptr;
      for (const auto& apart : f.arrays)
        for (const FoamField& field : there)
          if (!found && field.name == apart[0]) found = &field;
      if (!found) {
        if (!f.optional && f.spec.name == "vorticity")
          core::warn(
              str(in_quotes(c.path), " (OpenFOAM case), time ", selection.time,
                  ": there is no vorticity; computed of the "
                  "velocity in the cells, it is too small beside walls (`simpleFoam -postProcess -func vorticity "
                  "-latestTime` writes OpenFOAM's own)"));
        if (f.optional || f.spec.name == "vorticity") continue;
        std::string names;
        for (const FoamField& field : there) names += (names.empty() ? "" : ", ") + field.name;
        bad_input(str(in_quotes(c.path), " (OpenFOAM case), time ", selection.time, ": there is no field ",
                      alternatives(f), b == 0 ? " for the surface's " : " for the volume's ", f.spec.name),
                  str("there are: ", names.empty() ? "none" : names,
                      f.spec.name == "wall_shear_stress"
                          ? "; `simpleFoam -postProcess -func wallShearStress -latestTime` writes it"
                          : ""));
      }
      if (std::find(selection.fields.begin(), selection.fields.end(), found->name) == selection.fields.end())
        selection.fields.push_back(found->name);
      averaged = averaged || (f.spec.name == "pressure" && found->name.ends_with("Mean"));
      if (f.spec.name == "vorticity") axial.push_back(found->name);
      // [kg m s ...]: a pressure without the kilogram is kinematic.
      meshes.units[found->name] = found->dimensions.rfind("[0 2 -2", 0) == 0 ? FieldUnit::kinematic : FieldUnit::si;
    }
  const FoamSetup setup = read_foam_setup(c, selection.time, averaged);
  selection.patches = table_.patches.empty() ? setup.body : table_.patches;
  if (selection.patches.empty()) {
    std::string names;
    for (const FoamPatch& p : c.patches) names += str(names.empty() ? "" : ", ", p.name, " (", p.type, ")");
    bad_input(str(in_quotes(c.path), " (OpenFOAM case): no patch is known to be the body"),
              str("there are: ", names, R"(; say it with --fields: {"openfoam": {"patches": ["body"]}})"));
  }
  selection.volume = !table_.fields[1].empty();
  // The symmetry plane tells a half model.
  std::vector<std::string> planes;
  for (const FoamPatch& p : c.patches)
    if (p.type == "symmetryPlane" || p.type == "symmetry") planes.push_back(p.name);
  FoamFields fields = read_foam(c, selection);
  info.flow = {setup.velocity, setup.density > 0 ? setup.density : 1.0, setup.kinematic_viscosity};
  info.reference_length = setup.reference_length, info.reference_area = setup.reference_area;
  info.coefficients = setup.coefficients;
  bool half = false;
  if (!planes.empty()) {
    FoamSelection plane{selection.time, planes, selection.fields, false};
    const Box flat = read_foam(c, plane).surface.bounds(), body = fields.surface.bounds();
    const double near = 1e-6 * norm(body.size());
    half = std::abs(flat.low[1]) <= near && std::abs(flat.high[1]) <= near &&
           (body.low[1] >= -near || body.high[1] <= near);
  }
  if (setup.force && setup.velocity > 0) take_force(*setup.force, fields.surface, info);
  if (half) {
    const double frontal = geometry::frontal_area(fields.surface);
    if (std::abs(info.reference_area - 2 * frontal) < std::abs(info.reference_area - frontal))
      for (auto& [name, value] : info.coefficients) value *= 2;  // forces of the half over the area of the whole
    else
      info.reference_area *= 2;
    mirror(fields.surface, axial);
    if (selection.volume) mirror(fields.volume, axial);
  }
  info.quality["time"] = std::strtod(fields.time.c_str(), nullptr);
  meshes.surface_name = meshes.volume_name = str(in_quotes(c.path), " (OpenFOAM case), time ", fields.time);
  meshes.surface = std::move(fields.surface), meshes.volume = std::move(fields.volume);
}

}  // namespace

std::unique_ptr<Layout> table_layout(const std::string& json, const std::string& where) {
  return std::make_unique<TableLayout>(json, where);
}

FoamResult read_foam_result(const std::string& folder) {
  const TableLayout layout(builtin_layout_tables().at("openfoam"), "the layout 'openfoam'");
  const std::vector<CaseSource> cases = layout.find(folder);
  if (!is_foam_case(folder)) bad_input(in_quotes(folder) + ": is no case of OpenFOAM: there is no system/controlDict");
  CaseMeshes meshes;
  FlowSample sample;
  layout.read_foam_case(cases.at(0), "", meshes, sample);
  const bool incompressible = std::any_of(meshes.units.begin(), meshes.units.end(),
                                          [](const auto& unit) { return unit.second == FieldUnit::kinematic; });
  FoamResult out{sample.info, incompressible, std::move(meshes.surface), std::move(meshes.volume)};
  const std::vector<std::int64_t> rows[2] = {surface_rows(out.surface, Association::faces).source,
                                             volume_rows(out.volume, Association::faces).source};
  for (int b = 0; b < 2; ++b) {
    std::vector<Attribute>& attributes = b == 0 ? out.surface.attributes : out.volume.attributes;
    const std::size_t all = b == 0 ? out.surface.face_count() : out.volume.cell_count();
    attributes.clear();
    for (const SampleField& f : sample.part[b].fields) {
      const auto k = static_cast<std::size_t>(f.components);
      Attribute a{f.name, Association::faces, f.components, std::vector<float>(all * k, 0.0f)};
      for (std::size_t i = 0; i < rows[b].size(); ++i)
        std::copy_n(&f.values[i * k], k, &a.values[static_cast<std::size_t>(rows[b][i]) * k]);
      attributes.push_back(std::move(a));
    }
  }
  for (std::size_t f = 0; f < out.surface.face_count(); ++f)
    std::reverse(out.surface.corners.begin() + out.surface.offsets[f],
                 out.surface.corners.begin() + out.surface.offsets[f + 1]);
  return out;
}

Layouts all_layouts(const std::string& changes, const std::string& only) {
  Layouts layouts;
  if (changes.empty()) {
    layouts.push_back(ahmed_layout());
    for (const auto& [name, table] : builtin_layout_tables())
      layouts.push_back(table_layout(table, str("the layout '", name, "'")));
    return layouts;
  }
  const std::string text = core::read_text(changes), where = in_quotes(changes);
  const auto json = core::parse_json(text, where);
  const bool has_surface = json.is_object() && json.contains("surface") && json["surface"].is_object();
  if (!json.is_object() || (has_surface && json["surface"].contains("file"))) {
    layouts.push_back(table_layout(merge_layout_tables(R"({"layout": "own"})", text, where), where));
    return layouts;
  }
  // Changes that do not fit a layout (a field it has not) rule it out, unless it is the one that is meant.
  std::exception_ptr misfit;
  for (const auto& [name, table] : builtin_layout_tables()) {
    if (only != "auto" && only != name) continue;
    try {
      layouts.push_back(table_layout(merge_layout_tables(table, text, where), where));
    } catch (const Error&) {
      misfit = std::current_exception();
    }
  }
  if (layouts.empty() && misfit) std::rethrow_exception(misfit);
  return layouts.empty() ? all_layouts() : std::move(layouts);
}

}  // namespace streamtube::mesh_io
