#include "mesh_io/layouts/foam_setup.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <regex>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/log.hpp"
#include "mesh_io/foam_collated.hpp"
#include "mesh_io/input_file.hpp"

namespace streamtube::mesh_io {

using core::Error;
using core::ErrorKind;
using core::str;
using geometry::Attribute;
using geometry::SurfaceMesh;
using geometry::VolumeMesh;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> out;
  for (std::size_t begin = 0; (begin = line.find_first_not_of(" \t\r#", begin)) != std::string::npos;) {
    const std::size_t end = std::min(line.find_first_of(" \t\r", begin), line.size());
    out.push_back(line.substr(begin, end - begin));
    begin = end;
  }
  return out;
}

// Rows of a table whose last comment names the columns, out of all the times a run was started at.
struct ForceTable {
  std::vector<std::string> columns;
  double last_start = 0;
  std::vector<std::vector<double>> rows;
};

// The row's numbers of a table of forces: time, and the total along x, y, z. OpenFOAM writes that first (force.dat, of
// openfoam.com), or pressure and friction apart (forces.dat, of openfoam.org), in parentheses.
std::vector<double> force_row(std::string line, bool apart) {
  std::replace_if(line.begin(), line.end(), [](char ch) { return ch == '(' || ch == ')'; }, ' ');
  std::vector<double> numbers;
  for (const std::string& word : words_of(line)) {
    double x = 0;
    if (!parse_number(word, x)) return {};
    numbers.push_back(x);
  }
  if (numbers.size() < (apart ? 7u : 4u)) return {};
  std::vector<double> row(numbers.begin(), numbers.begin() + 4);
  if (apart)
    for (std::size_t a = 1; a < 4; ++a) row[a] += numbers[a + 3];
  return row;
}

// forces: of the function object forces, time and three totals a row; else of forceCoeffs.
ForceTable read_force_table(const fs::path& folder, bool forces) {
  ForceTable table;
  std::error_code ignored;
  std::vector<std::pair<double, fs::path>> files;
  for (const auto& start : fs::directory_iterator(folder, ignored)) {
    double time = 0;
    if (!parse_number(start.path().filename().string(), time)) continue;
    const std::vector<const char*> names =
        forces ? std::vector<const char*>{"force.dat", "forces.dat", "force_0.dat"}
               : std::vector<const char*>{"coefficient.dat", "forceCoeffs.dat", "coefficient_0.dat"};
    for (const char* name : names)
      if (fs::is_regular_file(start.path() / name, ignored)) {
        files.emplace_back(time, start.path() / name);
        break;
      }
  }
  std::sort(files.begin(), files.end());
  for (const auto& [start, path] : files) {
    // A run that was started again replaces what came later before.
    table.last_start = start;
    std::erase_if(table.rows, [&, from = start](const std::vector<double>& row) { return row[0] > from; });
    const std::string text = core::read_text(path.string());
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const std::string line = text.substr(begin, end - begin);
      const bool ends = end < text.size();
      begin = end + 1;
      const std::vector<std::string> words = words_of(line);
      if (words.empty()) continue;
      if (forces) {
        auto row = line[0] == '#' || !ends ? std::vector<double>() : force_row(line, path.filename() == "forces.dat");
        if (!row.empty()) table.rows.push_back(std::move(row));
        continue;
      }
      if (line[0] == '#') {
        if (words[0] == "Time") table.columns = words;
        continue;
      }
      std::vector<double> row;
      for (const std::string& word : words) {
        double x = 0;
        if (!parse_number(word, x)) break;
        row.push_back(x);
      }
      if (row.size() == table.columns.size() && !row.empty() && ends) table.rows.push_back(std::move(row));
    }
  }
  return table;
}

// A number or a function object may stand in what could not be followed.
FoamDictionary read_warning(const fs::path& file) {
  FoamDictionary d = FoamDictionary::read(file.string());
  for (const std::string& what : d.unread()) core::warn(what);
  return d;
}

// The uniform velocity that a run starts from; 0 when it is not uniform.
double initial_speed(const FoamCase& c) {
  // A list of values takes a line a cell: only a file of a few macros and patches can say it in one.
  constexpr std::uintmax_t kLongest = 1 << 20;
  const auto small = [](const fs::path& file, std::size_t parts) {
    std::error_code ignored;
    const std::uintmax_t size = fs::file_size(file, ignored), packed = fs::file_size(file.string() + ".gz", ignored);
    return std::min(size, packed) <= parts * kLongest;
  };
  if (c.collated) {
    if (!small(c.collated->folders()[0] / "0" / "U", c.processors)) return 0;
    c.collated->split("0/U", c.parts->path());
  }
  const fs::path path = fs::path(c.first_folder()) / "0" / "U";
  if (!small(path, 1)) return 0;
  const std::vector<std::string> words = FoamDictionary::read(path.string()).words("internalField");
  Vec3 u{0, 0, 0};
  if (words.size() != 4 || words[0] != "uniform") return 0;
  for (std::size_t k = 0; k < 3; ++k)
    if (!parse_number(words[k + 1], u[k])) return 0;
  return norm(u);
}

bool like_ground(const std::string& name) {
  const std::string low = lower(name);
  for (const char* word : {"ground", "floor", "road", "lower", "belt"})
    if (low.find(word) != std::string::npos) return true;
  return false;
}

void mirror_attributes(std::vector<Attribute>& attributes, const std::vector<std::string>& axial,
                       const std::vector<std::int64_t>& new_points) {
  for (Attribute& a : attributes) {
    const bool is_axial = std::find(axial.begin(), axial.end(), a.name) != axial.end();
    const auto image = [&](std::size_t row) {
      for (std::size_t k = 0; k < static_cast<std::size_t>(a.components); ++k) {
        const float x = a.values[row * static_cast<std::size_t>(a.components) + k];
        a.values.push_back(a.components == 3 && (k == 1) != is_axial ? -x : x);
      }
    };
    if (a.association == geometry::Association::points) {
      for (const std::int64_t p : new_points) image(static_cast<std::size_t>(p));
    } else {
      const std::size_t rows = a.values.size() / static_cast<std::size_t>(a.components);
      for (std::size_t row = 0; row < rows; ++row) image(row);
    }
  }
}

// Adds the images of points beside the plane; returns the image of every point, and in `added` what was added.
std::vector<std::int64_t> mirror_points(std::vector<Vec3>& points, std::vector<std::int64_t>& added) {
  Box box;
  for (const Vec3& p : points) box.add(p);
  const double near = 1e-7 * norm(box.size());
  std::vector<std::int64_t> image(points.size());
  for (std::size_t i = 0, n = points.size(); i < n; ++i) {
    if (std::abs(points[i][1]) <= near) {
      image[i] = static_cast<std::int64_t>(i);
    } else {
      image[i] = static_cast<std::int64_t>(points.size());
      points.push_back({points[i][0], -points[i][1], points[i][2]});
      added.push_back(static_cast<std::int64_t>(i));
    }
  }
  return image;
}

// The patches that a function object is of, by their names, groups and patterns.
std::vector<std::string> patches_of(const FoamCase& c, const std::vector<std::string>& wanted) {
  std::vector<std::string> out;
  for (const FoamPatch& patch : c.patches)
    for (const std::string& pattern : wanted) {
      bool fits =
          pattern == patch.name || std::find(patch.groups.begin(), patch.groups.end(), pattern) != patch.groups.end();
      try {
        fits = fits || std::regex_match(patch.name, std::regex(pattern));
      } catch (const std::regex_error&) {  // a plain name
      }
      if (fits) {
        out.push_back(patch.name);
        break;
      }
    }
  return out;
}

// The rows of a table that count: the last up to a time, or all since another one.
struct CountedRows {
  double until = 0, since = -1;
  bool averaged = false;
  std::optional<double> mean(const ForceTable& table, std::size_t column) const {
    double sum = 0;
    std::size_t count = 0;
    for (const auto& row : table.rows) {
      if (row[0] > until * (1 + 1e-9) || (averaged && row[0] <= since)) continue;
      if (!averaged) sum = 0, count = 0;
      sum += row[column], ++count;
    }
    return count > 0 ? std::optional<double>(sum / static_cast<double>(count)) : std::nullopt;
  }
};

// The total along x, y and z of a table of forces.
std::optional<Vec3> force_of(const ForceTable& table, const CountedRows& rows) {
  Vec3 force{0, 0, 0};
  for (std::size_t a = 0; a < 3; ++a) {
    const auto value = rows.mean(table, a + 1);
    if (!value) return {};
    force[a] = *value;
  }
  return force;
}

}  // namespace

FoamSetup read_foam_setup(const FoamCase& c, const std::string& time, bool averaged) {
  FoamSetup setup;
  FoamDictionary control = read_warning(fs::path(c.path) / "system" / "controlDict");
  std::error_code ignored;
  // openfoam.org from version 10 on keeps function objects in a file of their own.
  if (const fs::path functions = fs::path(c.path) / "system" / "functions"; fs::is_regular_file(functions, ignored))
    control.add(functions.string(), "functions");
  CountedRows rows;
  bool restarted = false, averages = false;
  parse_number(time, rows.until);
  std::string coefficients, forces;
  for (const std::string& name : control.children("functions")) {
    const std::string entry = "functions/" + name + '/';
    const std::string* type = control.find(entry + "type");
    if (!type) continue;
    if (*type == "fieldAverage") {
      averages = true;
      rows.since = control.number(entry + "timeStart").value_or(-1);
      const std::string* restart = control.find(entry + "restartOnRestart");
      restarted = restart && (*restart == "true" || *restart == "on" || *restart == "yes");
    }
    const bool of_coefficients = *type == "forceCoeffs";
    if ((!of_coefficients && *type != "forces") || !coefficients.empty() || (!of_coefficients && !forces.empty()))
      continue;
    (of_coefficients ? coefficients : forces) = name;
    setup.density = control.number(entry + "rhoInf").value_or(0);
    if (of_coefficients) {
      setup.velocity = control.number(entry + "magUInf").value_or(0);
      setup.reference_length = control.number(entry + "lRef").value_or(0);
      setup.reference_area = control.number(entry + "Aref").value_or(0);
    }
    setup.body = patches_of(c, control.words(entry + "patches"));
  }
  if (setup.body.empty())
    for (const FoamPatch& patch : c.patches)
      if (patch.type == "wall" && !like_ground(patch.name)) setup.body.push_back(patch.name);
  // openfoam.org calls it physicalProperties from version 10 on.
  for (const char* name : {"transportProperties", "physicalProperties"})
    if (const fs::path file = fs::path(c.path) / "constant" / name;
        fs::is_regular_file(file, ignored) && !(setup.kinematic_viscosity > 0))
      setup.kinematic_viscosity = read_warning(file).number("nu").value_or(0);
  if (!(setup.velocity > 0)) setup.velocity = initial_speed(c);
  rows.averaged = averaged && averages;
  const std::string& named = coefficients.empty() ? forces : coefficients;
  if (named.empty()) return setup;
  const ForceTable table = read_force_table(fs::path(c.path) / "postProcessing" / named, coefficients.empty());
  if (restarted) rows.since = std::max(rows.since, table.last_start);
  if (coefficients.empty()) {
    setup.force = force_of(table, rows);
    return setup;
  }
  for (const char* name : {"Cd", "Cl"}) {
    const auto column =
        static_cast<std::size_t>(std::find(table.columns.begin(), table.columns.end(), name) - table.columns.begin());
    if (column == table.columns.size()) continue;
    if (const auto value = rows.mean(table, column)) setup.coefficients[name] = *value;
  }
  return setup;
}

void mirror(SurfaceMesh& mesh, const std::vector<std::string>& axial) {
  std::vector<std::int64_t> added;
  const std::vector<std::int64_t> image = mirror_points(mesh.points, added);
  mirror_attributes(mesh.attributes, axial, added);
  for (std::size_t f = 0, n = mesh.face_count(); f < n; ++f) {
    for (std::int64_t k = mesh.offsets[f + 1] - 1; k >= mesh.offsets[f]; --k)
      mesh.corners.push_back(image[static_cast<std::size_t>(mesh.corners[static_cast<std::size_t>(k)])]);
    mesh.offsets.push_back(static_cast<std::int64_t>(mesh.corners.size()));
    mesh.patch.push_back(mesh.patch[f]);
  }
}

void mirror(VolumeMesh& mesh, const std::vector<std::string>& axial) {
  std::vector<std::int64_t> added;
  const std::vector<std::int64_t> image = mirror_points(mesh.points, added);
  const auto of = [&](std::int64_t p) { return image[static_cast<std::size_t>(p)]; };
  mirror_attributes(mesh.attributes, axial, added);
  for (std::size_t c = 0, n = mesh.cell_count(); c < n; ++c) {
    const auto begin = static_cast<std::size_t>(mesh.offsets[c]), end = static_cast<std::size_t>(mesh.offsets[c + 1]);
    std::vector<std::int64_t> corners;
    for (std::size_t k = begin; k < end; ++k) corners.push_back(of(mesh.corners[k]));
    // The order that VTK wants of a mirrored cell.
    switch (mesh.types[c]) {
      case 10:
        std::swap(corners[1], corners[2]);
        break;
      case 12:
        std::swap(corners[1], corners[3]), std::swap(corners[5], corners[7]);
        break;
      case 13:
        std::swap(corners[1], corners[2]), std::swap(corners[4], corners[5]);
        break;
      case 14:
        std::swap(corners[1], corners[3]);
        break;
      default:
        break;
    }
    mesh.corners.insert(mesh.corners.end(), corners.begin(), corners.end());
    mesh.offsets.push_back(static_cast<std::int64_t>(mesh.corners.size()));
    mesh.types.push_back(mesh.types[c]);
    if (mesh.face_offsets.empty()) continue;
    const std::int64_t old = mesh.face_offsets[c];
    mesh.face_offsets.push_back(old < 0 ? -1 : static_cast<std::int64_t>(mesh.faces.size()));
    if (old < 0) continue;
    std::size_t at = static_cast<std::size_t>(old);
    std::int64_t faces = mesh.faces[at++];
    mesh.faces.push_back(faces);
    for (; faces > 0; --faces) {
      const std::int64_t count = mesh.faces[at++];
      mesh.faces.push_back(count);
      for (std::int64_t k = count - 1; k >= 0; --k)
        mesh.faces.push_back(of(mesh.faces[at + static_cast<std::size_t>(k)]));
      at += static_cast<std::size_t>(count);
    }
  }
}

}  // namespace streamtube::mesh_io
