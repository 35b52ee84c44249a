#include "apps/cli/frame.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <cmath>
#include <filesystem>
#include <optional>
#include <sstream>

#include "apps/cli/model.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/log.hpp"
#include "solver/range_check.hpp"

namespace streamtube::apps {

using core::Error;
using core::ErrorKind;
using core::str;
using geometry::Frame;

namespace {

constexpr const char* kUnits[] = {"m", "mm", "cm", "in", "ft"};  // the first that fits is taken
// A body this much longer or shorter than all of the model's may still be meant.
constexpr double kFarthest = 2;
// Nobody asked for the unit to be told from the length: then it has to fit better.
constexpr double kFarthestUnasked = 1.25;

// All of `text` as numbers, or nothing.
std::optional<std::vector<double>> numbers(std::string text) {
  for (char& c : text)
    if (c == ',' || c == ';' || c == '[' || c == ']') c = ' ';
  std::istringstream in(text);
  std::vector<double> out;
  for (std::string word; in >> word;) {
    char* end = nullptr;
    out.push_back(std::strtod(word.c_str(), &end));
    if (*end != '\0' || !std::isfinite(out.back())) return {};
  }
  return out;
}

// "+x", "-z", "x" or three numbers.
Vec3 direction(const char* option, const std::string& text) {
  const bool has_sign = !text.empty() && (text[0] == '+' || text[0] == '-');
  const std::string axis = text.substr(has_sign ? 1 : 0);
  if (axis.size() == 1 && axis[0] >= 'x' && axis[0] <= 'z') {
    Vec3 out{0, 0, 0};
    out[axis[0] - 'x'] = text[0] == '-' ? -1 : 1;
    return out;
  }
  const auto values = numbers(text);
  if (!values || values->size() != 3 || (*values == std::vector<double>{0, 0, 0}))
    throw Error(ErrorKind::usage, str(option, ": '", text, "' is not a direction"),
                "give +x, -x, +y, -y, +z, -z or three numbers as 1,0,0.2");
  return {(*values)[0], (*values)[1], (*values)[2]};
}

double along(const geometry::SurfaceMesh& mesh, const Vec3& direction) {
  double low = 1e300, high = -1e300;
  for (const std::int64_t c : mesh.corners) {
    const double x = dot(mesh.points[static_cast<std::size_t>(c)], direction);
    low = std::min(low, x), high = std::max(high, x);
  }
  return high - low;
}

Frame facing_of(const std::string& flow, const std::string& up) {
  const Vec3 f = flow.empty() ? Vec3{1, 0, 0} : direction("--flow-direction", flow);
  const Vec3 u = up.empty() ? Vec3{0, 0, 1} : direction("--up", up);
  try {
    return geometry::facing(f, u);
  } catch (const Error& error) {
    if (flow.empty()) throw Error(error.kind(), "--up: " + error.message() + " (+x)", "also give --flow-direction");
    if (up.empty()) throw Error(error.kind(), "--flow-direction: " + error.message() + " (+z)", "also give --up");
    throw;
  }
}

void to_model(const Placement& placement, Body& body) {
  geometry::to_model(placement.frame, body.mesh);
  if (!placement.frame.identity()) body.report.bounds = body.mesh.bounds();
}

}  // namespace

std::string vector_text(const Vec3& v) { return str("(", v[0], ", ", v[1], ", ", v[2], ")"); }

std::array<double, 16> Placement::matrix() const {
  std::array<double, 16> m{};
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) m[4 * i + j] = metres_per_unit() * frame.axes[i][j] + 0.0;
    m[4 * i + 3] = frame.shift[i];
  }
  m[15] = 1;
  return m;
}

void FrameOptions::declare_facing(CLI::App& app) {
  app.add_option("--flow-direction", flow_,
                 "Where the flow goes, in the files' frame: +x, -x, +y, ... or X,Y,Z; "
                 "default +x");
  app.add_option("--up", up_, "Upward direction in the files' frame: +z, +y, ... or X,Y,Z; default +z");
}

geometry::Frame FrameOptions::facing() const { return facing_of(flow_, up_); }

void FrameOptions::declare(CLI::App& app) {
  app.add_option("--unit", unit_,
                 "Unit of length of all input files: m, mm, cm, in, ft, or auto: as long as the model's bodies are; "
                 "default: m, unless the numbers speak against it, then auto");
  declare_facing(app);
  app.add_option("--transform", transform_,
                 "Matrix from the files' frame to the model's (flow +x, up +z): 16 numbers row by row, or a file with "
                 "them; rotation, shift (in the files' unit) and one scale")
      ->excludes("--flow-direction")
      ->excludes("--up");
  app.add_option(
         "--ground", ground_,
         "Height of the ground along the upward direction, in the files' frame and unit; auto: where a middling "
         "body of the model would have it; default: as the model has it")
      ->excludes("--transform");
  app.add_option("--place", place_,
                 "auto: a body that stands elsewhere than the model's is moved in x and y, and its results are moved "
                 "back; off: taken where it is")
      ->check(CLI::IsMember({"auto", "off"}))
      ->capture_default_str();
  app.add_option("--scale", scale_,
                 "How large the model sees the body, at its own Reynolds number; results are for the body as it is. "
                 "auto: as long as the model's bodies, where it is not; off: as large as it is; FACTOR: so many times "
                 "as large")
      ->capture_default_str();
}

void FrameOptions::validate() const {
  if (!unit().empty()) unit_length(unit());
  if (scale_ != "auto" && scale_ != "off") {
    const auto factor = numbers(scale_);
    if (!factor || factor->size() != 1 || !(factor->front() > 0 && std::isfinite(1 / factor->front())))
      throw Error(ErrorKind::usage, str("--scale: '", scale_, "' is neither auto, off nor a positive factor"),
                  "a factor of 0.25 lets the model see the body a quarter as large");
  }
  if (transform_.empty()) facing_of(flow_, up_);
  if (!ground_.empty() && ground_ != "auto") {
    const auto height = numbers(ground_);
    if (!height || height->size() != 1)
      throw Error(ErrorKind::usage, str("--ground: '", ground_, "' is not a height"), "give a number, or auto");
  }
}

std::string FrameOptions::given() const {
  return str(unit_, " | ", flow_, " | ", up_, " | ", transform_, " | ", ground_, " | ", place_, " | ", scale_);
}

geometry::Similarity FrameOptions::transform() const {
  std::string text = transform_, where = "--transform";
  auto values = numbers(text);
  if (!values || values->size() != 16) {
    // A list of numbers that is none of 16 is no file name either.
    if (!std::filesystem::is_regular_file(text))
      throw Error(ErrorKind::usage,
                  values ? str(where, ": ", values->size(), " numbers, a matrix has 16")
                         : str(where, ": '", text, "' is neither 16 numbers nor a file"),
                  "for example \"1 0 0 0  0 1 0 0  0 0 1 0.05  0 0 0 1\"");
    where = str("--transform '", text, "'");
    values = numbers(core::read_text(text));
    if (!values || values->size() != 16)
      throw Error(ErrorKind::input,
                  where + (values ? str(": ", values->size(), " numbers, a matrix has 16")
                                  : std::string(": there is something else than numbers in it")),
                  "write the matrix row by row, with blanks or commas between the numbers");
  }
  std::array<double, 16> matrix;
  std::copy(values->begin(), values->end(), matrix.begin());
  return geometry::similarity_of(matrix, where);
}

void FrameOptions::note(const std::string& text) {
  notes_.push_back(text);
  core::info(text);
}

std::string FrameOptions::choose_unit(const Body& body, const surrogate::Checkpoint& model, const std::string& where) {
  const bool asked = unit_ == "auto";
  if (!asked && body.report.likely_unit == "m") return "m";
  const auto* lengths = range_of(model, "length");
  const Vec3 size = body.report.bounds.size();
  const std::string numbers = str(size[0], " x ", size[1], " x ", size[2]);
  const auto by_looks = [&] {
    const std::string& unit = body.report.likely_unit;
    note(str(numbers, " read as ", unit, ", which the numbers look like; another unit is named with --unit"));
    return unit;
  };
  if (model.canonical_length > 0 && !body.report.likely_unit.empty()) return by_looks();
  if (!lengths)
    throw Error(ErrorKind::input,
                str(where, ": the body is ", numbers, " large, and the model '", model.name,
                    "' does not say how long its bodies are: the unit cannot be told"),
                str("pass --unit ", body.report.likely_unit, " if the numbers are in ", body.report.likely_unit));
  const geometry::Similarity given = transform_.empty() ? geometry::Similarity{facing_of(flow_, up_), 1} : transform();
  const double length = given.scale * along(body.mesh, given.frame.axes[0]);
  const char* best = nullptr;
  double least = 0;
  std::string others;
  for (const char* unit : kUnits) {
    const double metres = length * unit_length(unit);
    const double off = lengths->contains(metres)
                           ? 0.0
                           : std::abs(std::log(metres / (metres < lengths->min ? lengths->min : lengths->max)));
    if (best && least == 0 && off == 0) others += str(others.empty() ? "" : " or ", unit);
    if (!best || off < least) best = unit, least = off;
  }
  const std::string bodies = str("the model's bodies are ", span_text(*lengths));
  // Scaled, it can be of any size.
  if (!asked && scale_ != "off" && least > std::log(kFarthestUnasked)) return by_looks();
  if (!(least <= std::log(asked ? kFarthest : kFarthestUnasked)))
    throw Error(
        ErrorKind::input,
        str(where, ": the body is ", numbers, " large and ", length, " long in the flow; in no unit is that near ",
            "the length of the model's bodies, ", span_text(*lengths),
            body.report.likely_unit == "m" ? std::string() : str("; it looks like it is in ", body.report.likely_unit)),
        std::string("name the unit of the file: --unit m, mm, cm, in or ft"));
  note(str(numbers, " read as ", best, ": ", length * unit_length(best), " m long, ", bodies,
           others.empty() ? std::string() : str(" (", others, " would do as well: --unit tells)")));
  return best;
}

Placement FrameOptions::place(Body& body, const surrogate::Checkpoint& model) {
  Placement out;
  out.unit = body.unit;
  const double unit = out.metres = body.mesh.file_unit;
  if (transform_.empty()) {
    out.frame = facing_of(flow_, up_);
  } else {
    const geometry::Similarity given = transform();
    out.frame = given.frame, out.scale = given.scale;
    out.frame.shift = unit * given.frame.shift;
    rescale(body, out.scale);
  }
  Box box = geometry::bounds_in_model(out.frame, body.mesh);
  out.model = model_scale(model, box.size()[0], body.where);
  out.frame.step = geometry::step_of(out.model.factor);
  if (out.model.factor != 1) note(to_text(out.model, box.size()[0]));
  const surrogate::Checkpoint world = model.at_scale(out.model.factor);
  const auto* clearance = range_of(world, "ground_clearance");
  if (!ground_.empty()) {
    if (!clearance)
      throw Error(ErrorKind::usage, str("--ground: the model '", model.name, "' knows no ground"), "leave it out");
    const double floor = world.domain.low[2];
    if (ground_ == "auto") {
      out.frame.shift[2] = 0.5 * (clearance->min + clearance->max) - box.low[2];
      note(str("the lowest point is taken to be ", 0.5 * (clearance->min + clearance->max) - floor,
               " m above the ground; the model's bodies have ", span_text(*clearance)));
    } else {
      out.frame.shift[2] = floor - unit * numbers(ground_)->front();
    }
  } else if (clearance && !solver::knows_clearance(*clearance, box.low[2], box.size()[0]) && transform_.empty()) {
    note(str("the body's lowest point is ", box.low[2],
             " m over the model's ground; if the ground is elsewhere in the "
             "file, --ground tells"));
  }
  if (place_ == "auto") {
    box = geometry::bounds_in_model(out.frame, body.mesh);
    const double at[2] = {box.low[0], 0.5 * (box.low[1] + box.high[1])};
    const surrogate::Range* wanted[2] = {range_of(world, "front_x"), range_of(world, "center_y")};
    Vec3 moved{0, 0, 0};
    for (int a = 0; a < 2; ++a)
      if (wanted[a] && !wanted[a]->contains(at[a])) moved[a] = 0.5 * (wanted[a]->min + wanted[a]->max) - at[a];
    if (moved != Vec3{0, 0, 0}) {
      out.frame.shift = out.frame.shift + moved;
      note(str("the body's nose is at x = ", at[0], " m, its middle at y = ", at[1],
               " m; it is computed where the model's bodies stand, moved by ", vector_text(moved),
               " m, and the results are moved back"));
    }
  }
  if (out.frame.turned())
    note(str("the flow goes along ", vector_text(out.frame.axes[0]), ", up is ", vector_text(out.frame.axes[2]),
             " in the frame of the file"));
  return out;
}

solver::ModelScale FrameOptions::model_scale(const surrogate::Checkpoint& model, double length,
                                             const std::string& where) const {
  if (scale_ == "off") return {};
  if (scale_ == "auto") return solver::automatic_scale(model, length, where);
  const double factor = numbers(scale_)->front();
  return {1 / factor, factor == 1 ? "" : "--scale " + scale_};
}

Body FrameOptions::read(const std::vector<std::string>& paths, const PartOptions& parts,
                        const geometry::RepairOptions& repair, const surrogate::Checkpoint& model,
                        Placement& placement) {
  Body body = load(paths, parts, model);
  placement = put(body, parts, repair, model);
  return body;
}

Body FrameOptions::load(const std::vector<std::string>& paths, const PartOptions& parts,
                        const surrogate::Checkpoint& model) {
  return read_body(paths, unit(), parts,
                   [&](const Body& in_metres) { return choose_unit(in_metres, model, in_metres.where); });
}

Placement FrameOptions::put(Body& body, const PartOptions& parts, const geometry::RepairOptions& repair,
                            const surrogate::Checkpoint& model) {
  const Placement placement = place(body, model);
  to_model(placement, body);
  warn_of_half(body, placement.frame.shift[1]);
  prepare_body(body, parts, model.at_scale(placement.model.factor).domain.low[2], repair);
  return placement;
}

bool FrameOptions::placed() const {
  return !(flow_.empty() && up_.empty() && transform_.empty() && ground_.empty() && place_ == "auto" &&
           scale_ == "auto");
}

Body read_placed(const std::string& path, const PartOptions& parts, const surrogate::Checkpoint& model,
                 const Placement& placement) {
  Body body = read_body({path}, placement.unit, parts, metres_if_likely);
  rescale(body, placement.scale);
  to_model(placement, body);
  prepare_body(body, parts, model.at_scale(placement.model.factor).domain.low[2],
               {.automatic = false, .rung = geometry::Rung::none});
  return body;
}

}  // namespace streamtube::apps
