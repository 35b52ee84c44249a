#include "solver/openfoam/openfoam_case.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "core/child_process.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/log.hpp"
#include "core/runtime.hpp"
#include "core/sha256.hpp"
#include "geometry/distance.hpp"
#include "mesh_io/foam_file.hpp"
#include "mesh_io/mesh_io.hpp"

namespace streamtube::solver {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::str;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kState = "streamtube.json";
constexpr const char* kLog = "log.simpleFoam";
constexpr double kStandardLength = 1.044, kStandardBase = 0.13;  // m
constexpr int kConvergedAverage = 20;                            // iterations, where the residual was reached
constexpr auto kSay = std::chrono::seconds(5);                   // between lines about residuals
constexpr double kWildCd = 1e4;                                  // no solution comes back from there
constexpr std::uint64_t kDisk = 400'000'000;                     // bytes of a case and its results

std::string number(double x) {
  char buffer[32];
  if (std::abs(x) < 1e-12) return "0";
  // Twelve digits: what a sum of lengths has beyond them is rounding.
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, x, std::chars_format::general, 12).ptr;
  return {buffer, end};
}
std::string vector(const Vec3& v) { return number(v[0]) + " " + number(v[1]) + " " + number(v[2]); }

}  // namespace

bool is_symmetric(const geometry::SurfaceMesh& body) {
  const double tolerance = 1e-3 * body.bounds().size()[0];
  const geometry::DistanceField surface(body);
  const std::size_t step = std::max<std::size_t>(1, body.points.size() / 4000);
  for (std::size_t i = 0; i < body.points.size(); i += step) {
    const Vec3& p = body.points[i];
    if (surface.distance({p[0], -p[1], p[2]}) > tolerance) return false;
  }
  return true;
}

OpenFoamSetup openfoam_setup(const Case& question, const Forces& reference, const OpenFoamOptions& options) {
  physics::check(question.flow);
  OpenFoamSetup out;
  const Box box = question.body.bounds();
  const double length = box.size()[0];
  const std::string where = str("'", question.name, "': ");
  out.body = box;
  out.scale = std::exp2(std::round(std::log2(length / kStandardLength)));
  const double s = out.scale;
  out.base = options.cell > 0 ? 16 * options.cell : kStandardBase * s;
  const double b = out.base;
  if (b > 0.7 * s)
    throw Error(ErrorKind::input,
                str(where, "cells of ", options.cell, " m on the body are too coarse for its length, ", length, " m"),
                "give a smaller --cell");
  const bool symmetric = options.symmetry != Symmetry::full && is_symmetric(question.body);
  if (options.symmetry == Symmetry::half && !symmetric)
    throw Error(ErrorKind::input, where + "the body is not its own mirror image at y = 0", "leave out --symmetry half");
  out.half = symmetric;

  const auto cells = [&](double metres) { return static_cast<int>(std::lround(metres * s / b)); };
  const double front = box.low[0];
  out.blocks = {cells(8.96), cells(1.92) * (out.half ? 1 : 2), cells(1.92)};
  out.domain.low = {front - cells(2.88) * b, out.half ? 0 : -cells(1.92) * b, 0};
  out.domain.high = {out.domain.low[0] + out.blocks[0] * b, cells(1.92) * b, out.blocks[2] * b};
  if (box.low[2] <= 0)
    throw Error(ErrorKind::input, str(where, "the body reaches ", -box.low[2], " m below the ground, or touches it"),
                "--ground tells where the ground is, --cut-ground cuts the wheels off above it");
  if (box.high[2] > 0.5 * out.domain.high[2] || std::max(-box.low[1], box.high[1]) > 0.35 * out.domain.high[1])
    throw Error(ErrorKind::input,
                str(where, "the body reaches ", box.high[2], " m up and ", std::max(-box.low[1], box.high[1]),
                    " m to the side: too much for its wind tunnel, ", 2 * out.domain.high[1], " m wide and ",
                    out.domain.high[2], " m high for bodies ", length, " m long"),
                "is x along the flow, z up, the ground near? --flow-direction, --up and --ground tell");

  out.scales = reference.scales;
  out.moment_x = reference.axes.moment_center[0];
  const double velocity = question.flow.velocity, nu = question.flow.kinematic_viscosity;
  const double k = 1.5 * std::pow(options.turbulence_intensity * velocity, 2);
  const double rear = box.high[0], top = box.high[2], left = box.high[1], right = box.low[1];
  const double beyond = -(10 * s + out.domain.high[1]);  // the boxes reach through the ground and the symmetry plane
  const auto low = [&](double x, double y) { return Vec3{x, out.half ? beyond : right - y * s, beyond}; };
  out.values = {
      {"velocity", number(velocity)},
      {"ground_velocity", options.moving_ground ? number(velocity) : "0"},
      {"nu", number(nu)},
      {"k", number(k)},
      {"omega", number(k / (options.viscosity_ratio * nu))},
      {"nut", number(options.viscosity_ratio * nu)},
      {"moment_x", number(out.moment_x)},
      {"x0", number(out.domain.low[0])},
      {"x1", number(out.domain.high[0])},
      {"y0", number(out.domain.low[1])},
      {"y1", number(out.domain.high[1])},
      {"z0", number(out.domain.low[2])},
      {"z1", number(out.domain.high[2])},
      {"nx", str(out.blocks[0])},
      {"ny", str(out.blocks[1])},
      {"nz", str(out.blocks[2])},
      {"low_y", out.half ? "symmetry { type symmetryPlane; faces ((0 1 5 4)); }"
                         : "other_side { type patch; faces ((0 1 5 4)); }"},
      {"near_min", vector(low(front - 0.20 * s, 0.14))},
      {"near_max", vector({rear + 0.9 * s, left + 0.14 * s, top + 0.16 * s})},
      {"wake_min", vector(low(rear - 0.35 * s, 0.03))},
      {"wake_max", vector({rear + 0.45 * s, left + 0.03 * s, top + 0.03 * s})},
      {"far_min", vector(low(front - 0.7 * s, 0.45))},
      {"far_max", vector({rear + 2.2 * s, left + 0.45 * s, top + 0.40 * s})},
      {"max_cells", "20000000"},
      // away from the faces of cells of any level
      {"inside", vector({front - 1.0123 * s, 0.5123 * s, 0.5123 * s})},
  };
  return out;
}

void FoamLog::start_here() {
  std::error_code error;
  const auto size = fs::file_size(path_, error);
  read_ = error ? 0 : static_cast<std::size_t>(size);
}

void FoamLog::read() {
  std::ifstream in(path_, std::ios::binary);
  if (!in.seekg(static_cast<std::streamoff>(read_))) return;
  const std::string more((std::istreambuf_iterator<char>(in)), {});
  read_ += more.size();
  rest_ += more;
  std::size_t begin = 0;
  for (std::size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1)
    line(rest_.substr(begin, end - begin));
  rest_.erase(0, begin);
}

void FoamLog::line(const std::string& text) {
  if (text.rfind("Time = ", 0) == 0) {
    time_ = std::atoi(text.c_str() + 7);
    ++iterations_;
    return;
  }
  constexpr const char* kSolving = "Solving for ";
  constexpr const char* kInitial = ", Initial residual = ";
  const auto solving = text.find(kSolving), initial = text.find(kInitial);
  if (solving == std::string::npos || initial == std::string::npos || initial < solving) return;
  const std::size_t begin = solving + std::strlen(kSolving);
  const std::string field = text.substr(begin, initial - begin);
  const double value = std::strtod(text.c_str() + initial + std::strlen(kInitial), nullptr);
  if (!std::isfinite(value)) diverged_ = true;
  for (auto& [name, last] : residuals_)
    if (name == field) {
      last = value;
      return;
    }
  residuals_.emplace_back(field, value);
}

double FoamLog::residual(const std::string& field) const {
  for (const auto& [name, value] : residuals_)
    if (name == field) return value;
  return -1;
}
double FoamLog::velocity_residual() const { return std::max({residual("Ux"), residual("Uy"), residual("Uz")}); }

std::string FoamLog::fatal_error(const std::string& path) {
  std::ifstream in(path);
  std::string text, what;
  bool fatal = false;
  for (std::string line; std::getline(in, line);) {
    if (line.find("FOAM FATAL") != std::string::npos) {
      fatal = true;
      what.clear();
      continue;
    }
    if (!fatal) continue;
    const auto first = line.find_first_not_of(" \t");
    if (first == std::string::npos || line.find("From ") == first || line.find("in file ") == first) {
      if (!what.empty()) fatal = false;
      continue;
    }
    if (what.size() < 300) what += str(what.empty() ? "" : " ", line.substr(first));
  }
  return what;
}

std::vector<ForceRow> read_forces(const std::string& case_folder) {
  const fs::path folder = fs::path(case_folder) / "postProcessing" / "forces";
  std::vector<std::pair<double, fs::path>> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (fs::exists(entry->path() / "force.dat"))
      files.emplace_back(std::atof(entry->path().filename().c_str()), entry->path() / "force.dat");
  std::sort(files.begin(), files.end());
  std::map<double, ForceRow> rows;
  for (const auto& [start, path] : files) {
    rows.erase(rows.upper_bound(start), rows.end());
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) {
      if (line.empty() || line[0] == '#' || in.eof()) continue;
      std::replace_if(
          line.begin(), line.end(), [](char c) { return c == '(' || c == ')'; }, ' ');
      std::istringstream words(line);
      std::vector<double> v;
      for (std::string word; words >> word;) v.push_back(std::strtod(word.c_str(), nullptr));  // reads nan and inf too
      if (v.size() == 10) rows[v[0]] = {v[0], {v[4], v[5], v[6]}, {v[7], v[8], v[9]}};
    }
  }
  std::vector<ForceRow> out;
  for (const auto& [time, row] : rows) out.push_back(row);
  return out;
}

void require_openfoam(int processes) {
  std::vector<const char*> programs = {"blockMesh", "snappyHexMesh", "checkMesh", "simpleFoam"};
  if (processes > 1) programs.insert(programs.end(), {"decomposePar", "reconstructPar", "mpirun"});
  for (const char* program : programs)
    if (core::find_program(program).empty())
      throw Error(
          ErrorKind::runtime, str("OpenFOAM is not installed: there is no program '", program, "'"),
          std::strcmp(program, "mpirun") == 0
              ? "install Open MPI (Debian: apt install openmpi-bin), or leave out --processes"
              : "install the package openfoam (Debian, Ubuntu: apt install openfoam), or source the bashrc of an "
                "installation of your own; --engine neural needs none");
}

namespace {

// The case in its folder while it is worked on.
class Folder {
 public:
  Folder(const Case& question, const OpenFoamSetup& setup, const OpenFoamOptions& options)
      : name_(question.name), path_(options.folder), setup_(setup), options_(options) {
    std::error_code error;
    const bool there = fs::exists(path_ / kState, error);
    if (there && !options.resume)
      throw Error(ErrorKind::usage, str("'", path_.string(), "' holds a case already"),
                  "--resume continues it, --overwrite begins anew");
    fs::create_directories(path_, error);
    if (error) throw Error(ErrorKind::runtime, str("'", path_.string(), "': cannot be made: ", error.message()));
    lock();
    Json wanted;
    for (const auto& [key, value] : setup.values) wanted[key] = value;
    wanted["half"] = setup.half;
    wanted["body"] = body_hash(question.body);
    if (there) {
      try {
        state_ = Json::parse(core::read_text((path_ / kState).string()));
        const Json& had = state_.at("setup");
        for (const auto& [key, value] : wanted.items())
          if (had.at(key) != value)
            throw Error(ErrorKind::usage,
                        str("'", path_.string(), "' holds another case: ",
                            key == "body" ? std::string("its body is another one")
                                          : str(key, " is ", had.at(key).dump(), " there, ", value.dump(), " here")),
                        "give the options it was begun with, another --out, or --overwrite");
      } catch (const Json::exception& e) {
        throw Error(ErrorKind::input, str("'", (path_ / kState).string(), "' cannot be read: ", e.what()),
                    "--overwrite begins anew");
      }
    } else {
      state_ = {{"format", "streamtube openfoam case"}, {"setup", wanted}, {"done", Json::object()}};
    }
  }
  ~Folder() {
    if (lock_ >= 0) ::close(lock_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const fs::path& path() const { return path_; }
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  bool done(const std::string& stage) const { return state_["done"].contains(stage); }
  Json& state() { return state_; }
  void save() { core::write_text(file(kState), state_.dump(2) + "\n"); }

  // Does what is not done yet, and remembers it with its time.
  template <class F>
  void stage(const std::string& what, const F& work) {
    core::check_interrupt();
    if (done(what)) return;
    const auto start = std::chrono::steady_clock::now();
    work();
    state_["done"][what] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    save();
  }
  void forget(const std::string& stage) { state_["done"].erase(stage); }

  // One of OpenFOAM's programs; its log is log.<program>.
  void run(std::vector<std::string> words, bool append = false, const std::function<bool()>& tick = {}) {
    const std::string program = words[0] == "mpirun" ? words[3] : words[0], log = file("log." + program);
    core::ChildCommand command{words, path_.string(), log, append, {}};
    if (!std::getenv("WM_PROJECT_DIR") && fs::exists("/usr/share/openfoam"))
      command.environment.emplace_back("WM_PROJECT_DIR", "/usr/share/openfoam");
    command.environment.insert(command.environment.end(), {{"FOAM_SIGFPE", "true"}, {"OMP_NUM_THREADS", "1"}});
    if (words[0] == "mpirun") {
      // As many processes as were asked for, wherever we run.
      for (const char* name :
           {"OMPI_MCA_rmaps_base_oversubscribe", "OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"})
        command.environment.emplace_back(name, "1");
      command.environment.emplace_back("OMPI_MCA_hwloc_base_binding_policy", "none");
    }
    code_ = core::run_child(command, tick);
    if (code_ != 0 && program != "simpleFoam") fail(program, log);
  }
  int code() const { return code_; }

  [[noreturn]] void fail(const std::string& program, const std::string& log) const {
    check_disk();
    if (code_ == 128 + SIGKILL)
      throw Error(ErrorKind::runtime, str("'", name_, "': ", program, " was killed (not enough memory?)"),
                  str("its output is in '", log, "'"));
    std::string what = FoamLog::fatal_error(log);
    if (what.empty()) what = code_ > 128 ? str("ended by signal ", code_ - 128) : str("exit code ", code_);
    throw Error(ErrorKind::input, str("'", name_, "': ", program, " failed: ", what),
                str("its output is in '", log, "'"));
  }
  void check_disk() const {
    std::error_code error;
    const auto space = fs::space(path_, error);
    if (!error && space.available < 4'000'000)
      throw Error(ErrorKind::runtime, str("'", path_.string(), "': the disk is full"),
                  "make room, then --resume continues");
  }
  // OpenFOAM does not always notice that it could not write.
  void require_complete(const std::string& name) const {
    if (mesh_io::foam_file_complete(file(name))) return;
    check_disk();
    throw Error(ErrorKind::runtime, str("'", file(name), "' was not written to its end"),
                str("look into the logs in '", path_.string(), "'"));
  }

  void write(const std::string& name, std::string text,
             const std::vector<std::pair<std::string, std::string>>& more) const {
    for (const auto* list : {&more, &setup_.values})
      for (const auto& [key, value] : *list)
        for (std::size_t at; (at = text.find("@" + key + "@")) != std::string::npos;)
          text.replace(at, key.size() + 2, value);
    if (const auto at = text.find('@'); at != std::string::npos)
      throw Error(ErrorKind::input, str("template '", name, "': nothing is known for '", text.substr(at, 24), "'"),
                  "docs/solve.md lists what stands between two @");
    fs::create_directories((path_ / name).parent_path());
    core::write_text(file(name), text);
  }
  std::string text_of(const std::string& name) const {
    if (!options_.templates.empty())
      if (const fs::path own = fs::path(options_.templates) / name; fs::exists(own))
        return core::read_text(own.string());
    for (const auto& [path, text] : openfoam_templates())
      if (path == name) return text;
    throw Error(ErrorKind::internal, str("there is no template '", name, "'"));
  }

 private:
  static std::string body_hash(const geometry::SurfaceMesh& body) {
    core::Sha256 hash;
    hash.update(body.points.data(), body.points.size() * sizeof(Vec3));
    hash.update(body.corners.data(), body.corners.size() * sizeof(std::int64_t));
    return hash.hex();
  }
  void lock() {
    const std::string file = (path_ / ".lock").string();
    lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (lock_ < 0) throw Error(ErrorKind::runtime, str("'", file, "': cannot be written: ", std::strerror(errno)));
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0)
      throw Error(ErrorKind::usage, str("another process works on the case in '", path_.string(), "'"),
                  "wait for it, or give another --out");
  }

  std::string name_;
  fs::path path_;
  const OpenFoamSetup& setup_;
  const OpenFoamOptions& options_;
  Json state_;
  int lock_ = -1, code_ = 0;
};

void write_features(const std::string& path, const geometry::Edges& edges) {
  std::string text =
      "FoamFile\n{\n  version 2.0;\n  format ascii;\n  class featureEdgeMesh;\n  location \"constant/triSurface\";\n"
      "  object body.eMesh;\n}\n";
  text += str(edges.points.size(), "\n(\n");
  for (const Vec3& p : edges.points) text += str("(", vector(p), ")\n");
  text += str(")\n", edges.edges.size(), "\n(\n");
  for (const auto& e : edges.edges) text += str("(", e[0], " ", e[1], ")\n");
  core::write_text(path, text + ")\n");
}

// A divisor of the number of iterations, so that the last one is written; often enough that little is lost.
int write_interval(int iterations) {
  for (int d = 25; d >= 5; --d)
    if (iterations % d == 0) return d;
  return iterations;
}

// Fields that must be there, whole, to go on from a time.
constexpr const char* kRestart[] = {"U", "p", "k", "omega", "nut", "phi"};

// The last time from which simpleFoam can go on; later ones, half written when a run was killed, are removed.
int last_whole_time(const fs::path& folder) {
  std::vector<fs::path> parts;
  for (int i = 0; fs::exists(folder / str("processor", i)); ++i) parts.push_back(folder / str("processor", i));
  if (parts.empty()) parts.push_back(folder);
  const auto times = [](const fs::path& part) {
    std::vector<int> out;
    for (const auto& entry : fs::directory_iterator(part)) {
      const std::string name = entry.path().filename().string();
      if (!name.empty() && name.size() < 9 &&
          std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; }))
        out.push_back(std::atoi(name.c_str()));
    }
    std::sort(out.rbegin(), out.rend());
    return out;
  };
  for (const int time : times(parts[0])) {
    if (time == 0) break;
    bool whole = true;
    for (const auto& part : parts)
      for (const char* field : kRestart)
        whole = whole && mesh_io::foam_file_complete((part / str(time) / field).string());
    if (whole) return time;
    for (const auto& part : parts) fs::remove_all(part / str(time));
  }
  return 0;
}

void remove_times_after(const fs::path& folder, int last) {
  std::vector<fs::path> parts = {folder};
  for (int i = 0; fs::exists(folder / str("processor", i)); ++i) parts.push_back(folder / str("processor", i));
  for (const auto& part : parts)
    for (const auto& name : mesh_io::foam_times(part.string(), "U"))
      if (std::stod(name) > last) fs::remove_all(part / name);
}

double number_after(const std::string& text, const std::string& key) {
  const auto at = text.find(key);
  return at == std::string::npos ? std::nan("") : std::strtod(text.c_str() + at + key.size(), nullptr);
}

}  // namespace

namespace {
Error rejection(const std::string& name, const std::string& reason, const std::string& hint) {
  return {ErrorKind::input, str("'", name, "': the solution is rejected: ", reason), hint};
}
}  // namespace

void reject_openfoam(const std::string& folder, const std::string& name, const std::string& reason,
                     const std::string& hint) {
  const std::string path = (fs::path(folder) / kState).string();
  Json state = Json::parse(core::read_text(path));
  state["rejected"] = reason;
  core::write_text(path, state.dump(2) + "\n");
  throw rejection(name, reason, hint);
}

OpenFoamRun run_openfoam(const Case& question, const OpenFoamSetup& setup, const OpenFoamOptions& options) {
  require_openfoam(options.processes);
  Folder folder(question, setup, options);
  OpenFoamRun out;
  const bool parallel = options.processes > 1;
  std::vector<std::string> simple = {"simpleFoam"};
  if (parallel) simple = {"mpirun", "-np", str(options.processes), "simpleFoam", "-parallel"};
  const auto announce = [&](const char* what) {
    if (options.progress) core::info(str(fs::path(question.name).filename().string(), ": ", what));
  };

  folder.stage("case", [&] {
    core::require_disk_space(options.folder, kDisk);
    fs::create_directories(folder.path() / "constant" / "triSurface");
    geometry::SurfaceMesh body = question.body;
    body.file_unit = 1;
    mesh_io::write_stl(folder.file("constant/triSurface/body.stl"), body);
    write_features(folder.file("constant/triSurface/body.eMesh"),
                   options.features.edges.empty() ? geometry::feature_edges(question.body, options.feature_angle)
                                                  : options.features);
    for (const char* name :
         {"system/blockMeshDict", "system/snappyHexMeshDict", "system/fvSchemes", "constant/transportProperties",
          "constant/turbulenceProperties", "0/U", "0/p", "0/k", "0/omega", "0/nut"})
      folder.write(name, folder.text_of(name), {});
  });
  // What differs between the stages. end: the last iteration.
  const auto control = [&](int end, int interval, bool average) {
    folder.write("system/controlDict", folder.text_of("system/controlDict"),
                 {{"end", str(end)},
                  {"write_interval", str(interval)},
                  {"purge", average ? "0" : "2"},
                  {"averaging", average ? folder.text_of("system/averaging") : std::string()}});
    folder.write(
        "system/fvSolution", folder.text_of("system/fvSolution"),
        {{"residual_control",
          average ? std::string() : str("p ", number(options.residual), "; U ", number(options.residual), ";")}});
    folder.write("system/decomposeParDict", folder.text_of("system/decomposeParDict"),
                 {{"processes", str(options.processes)}});
  };
  folder.stage("blockMesh", [&] {
    control(options.iterations, write_interval(options.iterations), false);
    announce("blockMesh");
    folder.run({"blockMesh"});
    folder.require_complete("constant/polyMesh/faces");
  });
  folder.stage("snappyHexMesh", [&] {
    announce("snappyHexMesh");
    // It replaces the mesh: a run that was killed may have left a half one.
    folder.run({"blockMesh"});
    folder.run({"snappyHexMesh", "-overwrite"});
    for (const char* name : {"points", "faces", "owner", "neighbour", "boundary"})
      folder.require_complete(str("constant/polyMesh/", name));
    if (core::read_text(folder.file("constant/polyMesh/boundary")).find("body") == std::string::npos)
      throw Error(ErrorKind::input, str("'", question.name, "': the mesh has no body in it"),
                  "are there large holes in its surface? `streamtube inspect` tells");
  });
  folder.stage("checkMesh", [&] {
    folder.run({"checkMesh"});
    const std::string log = core::read_text(folder.file("log.checkMesh"));
    const double skewness = number_after(log, "Max skewness = "), angle = number_after(log, "non-orthogonality Max: ");
    folder.state()["mesh"] = {{"ok", log.find("Mesh OK.") != std::string::npos},
                              {"cells", number_after(log, "cells: ")},
                              {"max_non_orthogonality", angle},
                              {"max_skewness", skewness}};
  });

  if (options.mesh_only) return out;
  if (folder.state().contains("rejected") && !options.retry)
    throw rejection(question.name, folder.state().at("rejected"), str("its case is in '", options.folder, "'"));
  // A run that was rejected goes on, for as many iterations as are allowed now.
  if (folder.state().contains("rejected")) {
    folder.state().erase("rejected");
    folder.forget("averaging");
    folder.forget("iterating");
    folder.save();
  }

  const double dynamic = 0.5 * setup.scales.velocity * setup.scales.velocity * setup.scales.area / (setup.half ? 2 : 1);
  // Runs simpleFoam to `end`, watching it.
  const auto iterate = [&](const std::string& what, int begin, int end) {
    FoamLog log(folder.file(kLog));
    log.start_here();
    std::optional<core::Progress> progress;
    if (options.progress) progress.emplace(what, static_cast<std::size_t>(end - begin), "iterations");
    int seen = 0;
    auto said = std::chrono::steady_clock::now();
    bool wild = false;
    const auto watch = [&] {
      log.read();
      if (log.iterations() == seen) return log.diverged();
      double cd = std::nan("");
      if (const auto rows = read_forces(folder.path().string()); !rows.empty()) {
        cd = (rows.back().pressure[0] + rows.back().friction[0]) / dynamic;
        wild = std::abs(cd) > kWildCd || !std::isfinite(cd);
      }
      if (progress) {
        progress->advance(static_cast<std::size_t>(log.iterations() - seen));
        const auto now = std::chrono::steady_clock::now();
        if (log.residual("p") >= 0 && std::isfinite(cd) && now - said > kSay) {
          said = now;
          char text[120];
          std::snprintf(text, sizeof text, "iteration %d: residuals U %.1e, p %.1e; Cd %.4f", log.time(),
                        log.velocity_residual(), log.residual("p"), cd);
          core::info(text);
        }
      }
      seen = log.iterations();
      return log.diverged() || wild;
    };
    folder.run(simple, true, watch);
    watch();
    progress.reset();
    if (log.diverged() || wild || folder.code() == 128 + SIGFPE ||
        (parallel && folder.code() != 0 &&
         core::read_text(folder.file(kLog)).find("Floating point exception") != std::string::npos))
      reject_openfoam(options.folder, question.name, str("it diverged at iteration ", log.time()),
                      str("the log is '", folder.file(kLog), "'; a finer mesh (--cell) or a cleaner surface may help"));
    if (folder.code() != 0) folder.fail("simpleFoam", folder.file(kLog));
    out.residuals = log.residuals();
    return log;
  };

  if (parallel)
    folder.stage("decomposePar", [&] {
      control(options.iterations, write_interval(options.iterations), false);
      folder.run({"decomposePar", "-force", "-latestTime"});
    });
  else if (fs::exists(folder.path() / "processor0"))
    throw Error(ErrorKind::usage, str("'", options.folder, "' was begun with several processes"),
                "give the same --processes");
  if (parallel && folder.done("decomposePar") && !fs::exists(folder.path() / str("processor", options.processes - 1)))
    throw Error(ErrorKind::usage, str("'", options.folder, "' was begun with another number of processes"),
                "give the same --processes");

  folder.stage("iterating", [&] {
    int begin = last_whole_time(folder.path());
    if (begin < options.iterations) {
      control(options.iterations, write_interval(options.iterations), false);
      iterate("simpleFoam", begin, options.iterations);
      begin = last_whole_time(folder.path());
      if (begin == 0) {
        folder.check_disk();
        throw Error(ErrorKind::runtime, str("'", question.name, "': simpleFoam wrote no time"),
                    str("its output is in '", folder.file(kLog), "'"));
      }
    }
    folder.state()["iterations"] = begin;
    folder.state()["converged"] = begin < options.iterations;
  });
  const int first = folder.state().at("iterations");
  out.converged = folder.state().at("converged");
  const int average = out.converged ? kConvergedAverage : options.average;
  out.iterations = first + average, out.averaged = average;
  out.time = str(out.iterations);
  folder.stage("averaging", [&] {
    // A mean of iterations is begun anew where it was broken off.
    remove_times_after(folder.path(), first);
    control(out.iterations, out.iterations, true);
    iterate("averaging", first, out.iterations);
    if (parallel) folder.run({"reconstructPar", "-latestTime"});
    for (const char* field : {"UMean", "pMean", "wallShearStressMean", "vorticityMean", "yPlus"})
      folder.require_complete(str(out.time, "/", field));
    folder.state()["residuals"] = Json::object();
    for (const auto& [name, value] : out.residuals) folder.state()["residuals"][name] = value;
  });
  out.residuals.clear();
  for (const auto& [name, value] : folder.state().at("residuals").items()) out.residuals.emplace_back(name, value);
  for (const auto& row : read_forces(options.folder))
    if (row.time > first && row.time <= out.iterations) out.window.push_back(row);
  if (out.window.size() != static_cast<std::size_t>(average))
    throw Error(ErrorKind::runtime,
                str("'", options.folder, "': the forces of ", out.window.size(), " of ", average,
                    " averaged iterations are there"),
                "--overwrite begins anew");
  for (const auto& [name, seconds] : folder.state().at("done").items()) out.seconds.emplace_back(name, seconds);
  const Json& mesh = folder.state().at("mesh");
  for (const char* what : {"max_non_orthogonality", "max_skewness"})
    if (mesh.at(what).is_number()) out.mesh_quality.emplace_back(what, mesh.at(what));
  if (!mesh.at("ok").get<bool>())
    out.warnings.push_back(str("checkMesh finds fault with the mesh: see '", folder.file("log.checkMesh"), "'"));
  return out;
}

}  // namespace streamtube::solver
