#include "apps/cli/samples.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "core/error.hpp"
#include "core/files.hpp"
#include "geometry/frame.hpp"
#include "mesh_io/mesh_io.hpp"
#include "mesh_io/point_table.hpp"
#include "solver/flow_region.hpp"

namespace streamtube::apps {

using core::Error;
using core::ErrorKind;
using core::str;
namespace fs = std::filesystem;

namespace {

constexpr std::uint8_t kVertex = 1, kPolyLine = 4, kQuad = 9;
constexpr std::size_t kMostPoints = 20'000'000;

bool number(std::string_view word, double& value) {
  while (!word.empty() && std::isspace(static_cast<unsigned char>(word.front()))) word.remove_prefix(1);
  while (!word.empty() && std::isspace(static_cast<unsigned char>(word.back()))) word.remove_suffix(1);
  if (!word.empty() && word.front() == '+') word.remove_prefix(1);
  const char* end = word.data() + word.size();
  return !word.empty() && std::from_chars(word.data(), end, value).ptr == end && std::isfinite(value);
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> out(1);
  for (const char c : text)
    if (c == at)
      out.emplace_back();
    else
      out.back() += c;
  return out;
}

struct Line {
  Vec3 from{}, to{};
  std::size_t points = 0;
};

Line parse_line(const std::string& text) {
  Line out;
  const auto parts = split(text, ':');
  double count = 0;
  bool good = parts.size() == 3 && number(parts[2], count) && count >= 2 && count == std::floor(count);
  for (int end = 0; good && end < 2; ++end) {
    const auto words = split(parts[static_cast<std::size_t>(end)], ',');
    good = words.size() == 3;
    for (std::size_t a = 0; good && a < 3; ++a) good = number(words[a], (end == 0 ? out.from : out.to)[a]);
  }
  if (!good || count > static_cast<double>(kMostPoints))
    throw Error(ErrorKind::usage, str("--line '", text, "' is not X,Y,Z:X,Y,Z:N"),
                "for example --line 2,0,0:2,0,1:101, in metres");
  out.points = static_cast<std::size_t>(count);
  return out;
}

struct Plane {
  std::size_t axis = 0;
  double at = 0, step = 0;  // m; step 0: the default
};

Plane parse_plane(const std::string& text) {
  Plane out;
  const auto parts = split(text, ':');
  bool good = parts.size() <= 2 && parts[0].size() > 2 && parts[0][1] == '=' && parts[0][0] >= 'x' &&
              parts[0][0] <= 'z' && number(parts[0].substr(2), out.at);
  if (good && parts.size() == 2) good = number(parts[1], out.step) && out.step > 0;
  if (!good)
    throw Error(ErrorKind::usage, str("--plane '", text, "' is not AXIS=PLACE or AXIS=PLACE:STEP"),
                "for example --plane x=1.5 or --plane y=0:0.01, in metres");
  out.axis = static_cast<std::size_t>(parts[0][0] - 'x');
  return out;
}

class MeshBuilder {
 public:
  explicit MeshBuilder(geometry::VolumeMesh& mesh) : mesh_(mesh) { mesh_.offsets.push_back(0); }
  std::int64_t point(const Vec3& p) {
    mesh_.points.push_back(p);
    return static_cast<std::int64_t>(mesh_.points.size()) - 1;
  }
  void cell(std::uint8_t type, std::initializer_list<std::int64_t> corners) {
    mesh_.corners.insert(mesh_.corners.end(), corners);
    close(type);
  }
  void close(std::uint8_t type) {
    mesh_.offsets.push_back(static_cast<std::int64_t>(mesh_.corners.size()));
    mesh_.types.push_back(type);
  }
  geometry::VolumeMesh& mesh() { return mesh_; }

 private:
  geometry::VolumeMesh& mesh_;
};

void add_plane(MeshBuilder& build, const std::string& text, const Placement& placement, const Box& domain,
               double length) {
  const Plane plane = parse_plane(text);
  // The axis of the files as one of the model's frame.
  Vec3 normal{0, 0, 0}, place{0, 0, 0};
  normal[plane.axis] = 1, place[plane.axis] = placement.scale * plane.at;
  const Vec3 in_model = placement.frame.vector_to_model(normal), point = placement.frame.to_model(place);
  std::size_t axis = 3;
  for (std::size_t a = 0; a < 3; ++a)
    if (std::abs(in_model[a]) > 1 - 1e-9) axis = a;
  if (axis == 3)
    throw Error(ErrorKind::usage,
                str("--plane ", text, ": this axis of the file is none of the flow's, its side's or its height's"),
                "turn the file so that the flow is along an axis");
  const std::size_t u = (axis + 1) % 3, v = (axis + 2) % 3;
  const double step = plane.step > 0 ? placement.scale * plane.step : 0.01 * length;
  const auto count = [&](std::size_t a) { return std::floor((domain.high[a] - domain.low[a]) / step) + 1; };
  const double columns = count(u), rows = count(v);
  if (!(columns * rows <= static_cast<double>(kMostPoints)))
    throw Error(ErrorKind::usage, str("--plane ", text, ": ", columns * rows, " points"), "give a larger step");
  const auto nu = static_cast<std::int64_t>(columns), nv = static_cast<std::int64_t>(rows);
  const auto first = static_cast<std::int64_t>(build.mesh().points.size());
  for (std::int64_t k = 0; k < nv; ++k)
    for (std::int64_t i = 0; i < nu; ++i) {
      Vec3 p = point;
      p[u] = domain.low[u] + static_cast<double>(i) * step, p[v] = domain.low[v] + static_cast<double>(k) * step;
      build.point(p);
    }
  for (std::int64_t k = 0; k + 1 < nv; ++k)
    for (std::int64_t i = 0; i + 1 < nu; ++i) {
      const std::int64_t at = first + k * nu + i;
      build.cell(kQuad, {at, at + 1, at + 1 + nu, at + nu});
    }
}

}  // namespace

void SampleOptions::declare(CLI::App& app) {
  app.add_option(
      "--probes", files_,
      "Points at which volume fields are wanted: a table (CSV, text) of x, y, z in the frame and unit of the "
      "body; may be repeated. To samples.csv and samples.vtu");
  app.add_option(
      "--line", lines_,
      "X,Y,Z:X,Y,Z:N: N points from one end to the other, metres in the frame of the files; may be repeated");
  app.add_option("--plane", planes_,
                 "AXIS=PLACE[:STEP]: a plane across x, y or z of the files, metres; STEP between its points, default a "
                 "hundredth of the body's length; may be repeated. To samples.vtu");
}

void SampleOptions::validate() {
  for (const auto& text : lines_) parse_line(text);
  for (const auto& text : planes_) parse_plane(text);
  for (const auto& file : files_) {
    std::error_code ignored;
    if (!fs::exists(file, ignored))
      throw Error(ErrorKind::input, str("--probes: there is no file '", file, "'"), "check the path");
  }
}

std::vector<std::string> SampleOptions::given() const {
  std::vector<std::string> out = files_;
  out.insert(out.end(), lines_.begin(), lines_.end());
  out.insert(out.end(), planes_.begin(), planes_.end());
  return out;
}

geometry::VolumeMesh SampleOptions::mesh(const Placement& placement, const Box& domain, double length,
                                         std::vector<Sample>& samples) const {
  geometry::VolumeMesh out;
  MeshBuilder build(out);
  auto done = [&, before = std::size_t{0}](Sample::Kind kind, const std::string& name) mutable {
    samples.push_back({kind, name, out.points.size() - before});
    before = out.points.size();
  };
  const auto to_model = [&](const Vec3& metres) { return placement.frame.to_model(placement.scale * metres); };
  for (const auto& file : files_) {
    const mesh_io::PointTable table = mesh_io::read_point_table(file, kMostPoints);
    const double metres = table.unit_stated ? 1 : placement.metres;
    for (const Vec3& p : table.points) build.cell(kVertex, {build.point(to_model(metres * p))});
    done(Sample::Kind::points, fs::path(file).filename().string());
  }
  for (const auto& text : lines_) {
    const Line line = parse_line(text);
    for (std::size_t i = 0; i < line.points; ++i) {
      const double t = static_cast<double>(i) / static_cast<double>(line.points - 1);
      out.corners.push_back(build.point(to_model((1 - t) * line.from + t * line.to)));
    }
    build.close(kPolyLine);
    done(Sample::Kind::line, text);
  }
  for (const auto& text : planes_) {
    add_plane(build, text, placement, domain, length);
    done(Sample::Kind::plane, text);
  }
  return out;
}

std::string no_flow_text(const geometry::VolumeMesh& mesh, const std::vector<Sample>& samples) {
  const geometry::Attribute* inside = nullptr;
  for (const auto& a : mesh.attributes)
    if (a.name == "inside") inside = &a;
  if (!inside) return {};
  std::size_t all = 0, in_body = 0, below = 0, begin = 0;
  for (const Sample& sample : samples) {
    for (std::size_t i = begin; i < begin + sample.points && sample.kind != Sample::Kind::plane; ++i) {
      ++all;
      in_body += inside->values[i] == static_cast<float>(solver::Place::body);
      below += inside->values[i] == static_cast<float>(solver::Place::ground);
    }
    begin += sample.points;
  }
  if (in_body + below == 0) return {};
  return str(in_body, " of the ", all, " points of --probes and --line lie within the body, ", below,
             " beneath the ground: no value there (nan), and 'inside' is not 0 (--inside keep: the network's numbers)");
}

void write_samples(OutputFolder& folder, const geometry::VolumeMesh& mesh, const std::vector<Sample>& samples,
                   const Placement& placement) {
  geometry::VolumeMesh written = mesh;
  // Which one, to choose by in ParaView.
  geometry::Attribute number{"sample", geometry::Association::points, 1, {}};
  for (std::size_t s = 0; s < samples.size(); ++s)
    number.values.resize(number.values.size() + samples[s].points, float(s));
  written.attributes.push_back(std::move(number));
  mesh_io::write_vtu(folder.file(kSamples), written, {});
  std::ostringstream out;
  out.precision(9);
  out << "sample";
  for (const char* axis : {"x", "y", "z"}) out << ',' << axis << " [" << placement.unit << ']';
  for (const auto& a : mesh.attributes)
    for (int c = 0; c < a.components; ++c) {
      static const char* kXyz[] = {"_x", "_y", "_z"};
      out << ',' << a.name << (a.components == 3 ? kXyz[c] : a.components > 1 ? str('_', c).c_str() : "");
    }
  out << '\n';
  std::size_t row = 0;
  for (const Sample& sample : samples) {
    const std::size_t end = row + sample.points;
    if (sample.kind == Sample::Kind::plane) row = end;
    for (; row < end; ++row) {
      out << '"' << sample.name << '"';
      for (const double x : mesh.points[row]) out << ',' << x / mesh.file_unit;
      for (const auto& a : mesh.attributes)
        for (int c = 0; c < a.components; ++c)
          out << ',' << a.values[row * static_cast<std::size_t>(a.components) + static_cast<std::size_t>(c)];
      out << '\n';
    }
  }
  core::write_text(folder.file(kSampleTable), out.str());
}

void write_centre_line(OutputFolder& folder, const geometry::SurfaceMesh& surface, double middle,
                       const Placement& placement) {
  const geometry::Attribute *cp = nullptr, *cf = nullptr;
  for (const auto& a : surface.attributes) {
    if (a.name == "Cp" && a.components == 1) cp = &a;
    if (a.name == "Cf" && a.components == 3) cf = &a;
  }
  if (!cp) return;
  // Of a face its own value, or the mean of its corners'.
  const auto value = [&](const geometry::Attribute& a, std::size_t f, std::size_t c) {
    const auto k = static_cast<std::size_t>(a.components);
    if (a.association == geometry::Association::faces) return double{a.values[f * k + c]};
    double sum = 0;
    for (auto i = surface.offsets[f]; i < surface.offsets[f + 1]; ++i)
      sum += a.values[static_cast<std::size_t>(surface.corners[static_cast<std::size_t>(i)]) * k + c];
    return sum / static_cast<double>(surface.corner_count(f));
  };
  struct Row {
    double order;  // x of the model
    Vec3 place;    // in the files
    bool upper;
    double cp;
    Vec3 cf;
    std::int32_t patch;
  };
  std::vector<Row> rows;
  // Beside the plane, since symmetric meshes have edges in it.
  const double y = middle + 1e-6 * surface.bounds().size()[0];
  for (std::size_t f = 0; f < surface.face_count(); ++f) {
    Vec3 sum{0, 0, 0};
    int cuts = 0;
    const std::size_t n = surface.corner_count(f);
    for (std::size_t i = 0; i < n; ++i) {
      const Vec3 &a = surface.corner(f, i), &b = surface.corner(f, (i + 1) % n);
      if ((a[1] < y) == (b[1] < y)) continue;
      const double t = (y - a[1]) / (b[1] - a[1]);
      sum = sum + (1 - t) * a + t * b;
      ++cuts;
    }
    if (cuts < 2) continue;
    Vec3 at = (1.0 / cuts) * sum;
    at[1] = middle;
    Vec3 friction{0, 0, 0};
    if (cf)
      for (std::size_t c = 0; c < 3; ++c) friction[c] = value(*cf, f, c);
    rows.push_back({at[0], placement.frame.to_file(at), surface.area_vector(f)[2] >= 0, value(*cp, f, 0),
                    placement.frame.vector_to_file(friction), surface.patch[f]});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return a.upper != b.upper ? a.upper > b.upper : a.order < b.order;
  });
  std::ostringstream out;
  out.precision(9);
  out << "side,part";
  for (const char* axis : {"x", "y", "z"}) out << ',' << axis << " [" << placement.unit << ']';
  out << ",Cp" << (cf ? ",Cf_x,Cf_y,Cf_z" : "") << '\n';
  for (const Row& row : rows) {
    out << (row.upper ? "upper" : "lower") << ",\"" << surface.patch_names[static_cast<std::size_t>(row.patch)] << '"';
    for (const double x : row.place) out << ',' << x / surface.file_unit;
    out << ',' << row.cp;
    if (cf)
      for (const double x : row.cf) out << ',' << x;
    out << '\n';
  }
  core::write_text(folder.file(kCentreLine), out.str());
}

}  // namespace streamtube::apps
