#include "solver/openfoam/openfoam_case.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iomanip>
#include <map>
#include <optional>
#include <sstream>

#include "core/child_process.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/runtime.hpp"
#include "core/sha256.hpp"
#include "mesh_io/foam_file.hpp"
#include "mesh_io/mesh_io.hpp"

namespace streamtube::solver {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using core::Json;
using core::str;

namespace {

constexpr const char* kState = "streamtube.json";
constexpr const char* kLog = "log.simpleFoam";
constexpr int kConvergedAverage = 20;               // iterations, where the residual was reached
constexpr double kWildCd = 1e4;                     // no solution comes back from there
constexpr double kDisk = 2e8, kDiskPerCell = 2200;  // bytes of a case and its results
// Area of the meshed surface over the body's: beyond the first it is said, beyond the second it is no mesh of the body.
constexpr double kAreaError = 0.03, kLeastArea = 0.5;

}  // namespace

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

std::string body_hash(const geometry::SurfaceMesh& body) {
  core::Sha256 hash;
  hash.update(body.points.data(), body.points.size() * sizeof(Vec3));
  hash.update(body.corners.data(), body.corners.size() * sizeof(std::int64_t));
  return hash.hex();
}

// What is known of the case in the folder, of a new one where there is none. Throws Error(usage) where it is not to be
// resumed, or is another one.
Json state_of(const Case& question, const OpenFoamSetup& setup, const OpenFoamOptions& options) {
  const fs::path path = options.folder;
  std::error_code error;
  const bool there = fs::exists(path / kState, error);
  if (there && !options.resume)
    throw Error(ErrorKind::usage, str("'", path.string(), "' holds a case already"),
                "--resume continues it, --overwrite begins anew");
  Json wanted;
  wanted["mesh"] = name(setup.tail ? MeshKind::car : MeshKind::plain);
  for (const auto& [key, value] : setup.values) wanted[key] = value;
  wanted["half"] = setup.half;
  wanted["body"] = body_hash(question.body);
  if (!there) return {{"format", "streamtube openfoam case"}, {"setup", wanted}, {"done", Json::object()}};
  const Json plain = {{"mesh", "plain"}, {"rear_box", ""}, {"rear_region", ""}};  // what cases of before do not say
  const auto unreadable = [&](const char* why) {
    return Error(ErrorKind::input, str("'", (path / kState).string(), "' cannot be read: ", why),
                 "--overwrite begins anew");
  };
  try {
    Json state = core::read_json((path / kState).string(), "--overwrite begins anew");
    const Json& had = state.at("setup");
    if (!state.at("done").is_object()) throw unreadable("\"done\" is no object");
    for (const auto& [key, value] : wanted.items()) {
      if (!had.contains(key) && key == "least_volume") continue;  // it was not there in cases of before
      const Json& before = !had.contains(key) && plain.contains(key) ? plain.at(key) : had.at(key);
      if (before != value)
        throw Error(
            ErrorKind::usage,
            str("'", path.string(), "' holds another case: ",
                key == "body" ? std::string("its body is another one")
                              : str(key, " is ", core::json_text(before), " there, ", core::json_text(value), " here")),
            "give the options it was begun with, another --out, or --overwrite");
    }
    return state;
  } catch (const Json::exception& e) {
    throw unreadable(e.what());
  }
}

std::string template_text(const OpenFoamOptions& options, const std::string& name) {
  if (!options.templates.empty())
    if (const fs::path own = fs::path(options.templates) / name; fs::exists(own)) return core::read_text(own.string());
  for (const auto& [path, text] : openfoam_templates())
    if (path == name) return text;
  throw Error(ErrorKind::internal, str("there is no template '", name, "'"));
}

using Values = std::vector<std::pair<std::string, std::string>>;

// The text of the template `name` with `more` and the values of the set-up in it.
std::string filled(const std::string& name, std::string text, const Values& more, const OpenFoamSetup& setup) {
  for (const auto* list : {&more, &setup.values})
    for (const auto& [key, value] : *list)
      for (std::size_t at; (at = text.find("@" + key + "@")) != std::string::npos;)
        text.replace(at, key.size() + 2, value);
  if (const auto at = text.find('@'); at != std::string::npos)
    throw Error(ErrorKind::input, str("template '", name, "': nothing is known for '", text.substr(at, 24), "'"),
                "docs/solve.md lists what stands between two @");
  return text;
}

std::uint64_t disk_of(const OpenFoamSetup& setup) {
  return static_cast<std::uint64_t>(kDisk + kDiskPerCell * setup.cells);
}

// The case in its folder while it is worked on.
class Folder {
 public:
  Folder(const Case& question, const OpenFoamSetup& setup, const OpenFoamOptions& options)
      : name_(question.name),
        path_(options.folder),
        setup_(setup),
        options_(options),
        state_(state_of(question, setup, options)) {
    std::error_code error;
    fs::create_directories(path_, error);
    if (error) throw Error(ErrorKind::runtime, str("'", path_.string(), "': cannot be made: ", error.message()));
    lock();
    state_ = state_of(question, setup, options);  // what another process has done meanwhile
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
  void save() { core::write_text(file(kState), core::json_text(state_, 2) + "\n"); }

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

  void write(const std::string& name, const Values& more) const {
    const std::string text = filled(name, text_of(name), more, setup_);
    fs::create_directories((path_ / name).parent_path());
    core::write_text(file(name), text);
  }
  std::string text_of(const std::string& name) const { return template_text(options_, name); }

 private:
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
  for (const Vec3& p : edges.points)
    text += str("(", foam_number(p[0]), " ", foam_number(p[1]), " ", foam_number(p[2]), ")\n");
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
      if (std::strtod(name.c_str(), nullptr) > last) fs::remove_all(part / name);
}

double number_after(const std::string& text, const std::string& key) {
  const auto at = text.find(key);
  return at == std::string::npos ? std::nan("") : std::strtod(text.c_str() + at + key.size(), nullptr);
}

Error rejection(const std::string& name, const std::string& reason, const std::string& hint) {
  return {ErrorKind::input, str("'", name, "': the solution is rejected: ", reason), hint};
}

void change_state(const std::string& folder, const std::function<void(Json&)>& change) {
  const std::string path = (fs::path(folder) / kState).string();
  Json state = core::read_json(path);
  change(state);
  core::write_text(path, core::json_text(state, 2) + "\n");
}

const std::vector<const char*> kCaseFiles = {"system/blockMeshDict",
                                             "system/snappyHexMeshDict",
                                             "system/fvSchemes",
                                             "constant/transportProperties",
                                             "constant/turbulenceProperties",
                                             "0/U",
                                             "0/p",
                                             "0/k",
                                             "0/omega",
                                             "0/nut"};

// One case from its files to its averaged fields; each step does what is not done yet.
class Run {
 public:
  Run(const Case& question, const OpenFoamSetup& setup, const OpenFoamOptions& options)
      : question_(question), setup_(setup), options_(options), folder_(question, setup, options) {}

  OpenFoamRun all() {
    if (folder_.state().contains("rejected") && !options_.retry)
      throw rejection(question_.name, folder_.state().at("rejected"), str("its case is in '", options_.folder, "'"));
    write_case();
    mesh();
    check_mesh();
    if (options_.mesh_only) return std::move(out_);
    go_on();
    decompose();
    iterate();
    average();
    collect();
    return std::move(out_);
  }

 private:
  bool parallel() const { return options_.processes > 1; }
  void say(const std::string& text) const {
    if (options_.progress) core::info(str(fs::path(question_.name).filename().string(), ": ", text));
  }

  void warn(const std::string& text) {
    out_.warnings.push_back(text);
    if (options_.progress) core::warn(text);
  }

  void write_case() {
    folder_.stage("case", [&] {
      core::require_disk_space(options_.folder, disk_of(setup_));
      fs::create_directories(folder_.path() / "constant" / "triSurface");
      geometry::SurfaceMesh body = question_.body;
      body.file_unit = 1;
      mesh_io::write_stl(folder_.file("constant/triSurface/body.stl"), body);
      write_features(folder_.file("constant/triSurface/body.eMesh"),
                     options_.features.edges.empty() ? geometry::feature_edges(question_.body, options_.feature_angle)
                                                     : options_.features);
      for (const char* name : kCaseFiles) folder_.write(name, {});
    });
  }

  // What differs between the stages. end: the last iteration.
  void control(int end, int interval, bool average) const {
    const std::string residual = foam_number(options_.residual);
    folder_.write("system/controlDict", {{"end", str(end)},
                                         {"write_interval", str(interval)},
                                         {"purge", average ? "0" : "2"},
                                         {"averaging", average ? folder_.text_of("system/averaging") : ""}});
    folder_.write("system/fvSolution",
                  {{"residual_control", average ? "" : str("p ", residual, "; U ", residual, ";")}});
    folder_.write("system/decomposeParDict", {{"processes", str(options_.processes)}});
  }
  void control_iterating() const { control(options_.iterations, write_interval(options_.iterations), false); }

  void mesh() {
    folder_.stage("blockMesh", [&] {
      control_iterating();
      say("blockMesh");
      folder_.run({"blockMesh"});
      folder_.require_complete("constant/polyMesh/faces");
    });
    folder_.stage("snappyHexMesh", [&] {
      say(str("snappyHexMesh, about ", two_digits(setup_.cells), " cells"));
      // It replaces the mesh: a run that was killed may have left a half one.
      folder_.run({"blockMesh"});
      folder_.run({"snappyHexMesh", "-overwrite"});
      for (const char* name : {"points", "faces", "owner", "neighbour", "boundary"})
        folder_.require_complete(str("constant/polyMesh/", name));
      if (core::read_text(folder_.file("constant/polyMesh/boundary")).find("body") == std::string::npos)
        throw Error(ErrorKind::input, str("'", question_.name, "': the mesh has no body in it"),
                    "are there large holes in its surface? `streamtube inspect` tells");
    });
    folder_.stage("checkMesh", [&] {
      folder_.run({"checkMesh"});
      const std::string log = core::read_text(folder_.file("log.checkMesh"));
      const double skewness = number_after(log, "Max skewness = "),
                   angle = number_after(log, "non-orthogonality Max: ");
      folder_.state()["mesh"] = {{"ok", log.find("Mesh OK.") != std::string::npos},
                                 {"cells", number_after(log, "cells: ")},
                                 {"max_non_orthogonality", angle},
                                 {"max_skewness", skewness}};
    });
    folder_.stage("surface", [&] {
      const auto mesh = mesh_io::read_poly_mesh(options_.folder);
      const auto geometry = mesh_io::poly_geometry(mesh);
      double area = 0;
      if (const mesh_io::PolyPatch* body = mesh.find("body"))
        for (std::size_t f = body->start; f < body->start + body->count; ++f) area += norm(geometry.face_area[f]);
      folder_.state()["mesh"]["surface_area"] = (setup_.half ? 2 : 1) * area;
      say(str("the mesh has ", mesh.cells, " cells"));
    });
  }

  // Before hours are spent on a mesh that is not the body's.
  void check_mesh() {
    const Json& mesh = folder_.state().at("mesh");
    if (!mesh.at("ok").get<bool>())
      warn(str("checkMesh finds fault with the mesh: see '", folder_.file("log.checkMesh"), "'"));
    const double area = mesh.at("surface_area"), error = area / setup_.area - 1;
    const std::string areas = str("the mesh has ", area, " m2 of the body's ", setup_.area, " m2 of surface");
    if (area < kLeastArea * setup_.area)
      reject_openfoam(
          options_.folder, question_.name, areas + ": it is no mesh of this body",
          str("look at the mesh in '", options_.folder,
              "'; a smaller --cell helps where parts are thinner than a cell, and closing the surface where "
              "it has large holes (`streamtube inspect` tells)"));
    if (std::abs(error) <= kAreaError) return;
    if (options_.strict)
      reject_openfoam(options_.folder, question_.name, areas + ": it was not meshed well",
                      str("look at the mesh in '", options_.folder, "'; a smaller --cell may help"));
    std::ostringstream text;
    text << areas << ", " << two_digits(100 * std::abs(error)) << " % " << (error < 0 ? "less" : "more") << " (beyond "
         << 100 * kAreaError << " % forces suffer): ";
    const double cell = setup_.base / 16;
    if (error < 0)
      text << "details smaller than cells of " << std::setprecision(3) << cell << " m are lost; --cell "
           << foam_number(finer_cell(cell, error, kAreaError)) << " would do";
    else
      text << "does the flow get inside of the body, or is the surface rough? `streamtube inspect` tells of holes";
    warn(text.str());
  }

  // What was rejected, or did not come to its end in the iterations it was given, goes on with those of now.
  void go_on() {
    Json& state = folder_.state();
    const bool unsettled = folder_.done("iterating") && !state.at("converged").get<bool>();
    const bool more = unsettled && options_.iterations > state.at("iterations").get<int>();
    const bool longer = unsettled && state.contains("averaged") && options_.average > state.at("averaged").get<int>();
    if (!state.contains("rejected") && !more && !longer) return;
    if (state.contains("rejected") || more) folder_.forget("iterating");
    for (const char* what : {"rejected", "doubts", "warnings"}) state.erase(what);
    folder_.forget("averaging");
    folder_.save();
  }

  void decompose() {
    if (parallel())
      folder_.stage("decomposePar", [&] {
        control_iterating();
        folder_.run({"decomposePar", "-force", "-latestTime"});
      });
    else if (fs::exists(folder_.path() / "processor0"))
      throw Error(ErrorKind::usage, str("'", options_.folder, "' was begun with several processes"),
                  "give the same --processes");
    if (parallel() && !fs::exists(folder_.path() / str("processor", options_.processes - 1)))
      throw Error(ErrorKind::usage, str("'", options_.folder, "' was begun with another number of processes"),
                  "give the same --processes");
  }

  void iterate() {
    folder_.stage("iterating", [&] {
      int begin = last_whole_time(folder_.path());
      if (begin < options_.iterations) {
        control_iterating();
        simple_foam("iterating", begin, options_.iterations);
        begin = last_whole_time(folder_.path());
        if (begin == 0) {
          folder_.check_disk();
          throw Error(ErrorKind::runtime, str("'", question_.name, "': simpleFoam wrote no time"),
                      str("its output is in '", folder_.file(kLog), "'"));
        }
      }
      folder_.state()["iterations"] = begin;
      folder_.state()["converged"] = begin < options_.iterations;
    });
  }

  void average() {
    const int first = folder_.state().at("iterations");
    out_.converged = folder_.state().at("converged");
    out_.averaged = out_.converged ? kConvergedAverage : options_.average;
    if (folder_.done("averaging")) out_.averaged = folder_.state().value("averaged", out_.averaged);
    out_.iterations = first + out_.averaged;
    out_.time = str(out_.iterations);
    folder_.stage("averaging", [&] {
      // A mean of iterations is begun anew where it was broken off.
      remove_times_after(folder_.path(), first);
      control(out_.iterations, out_.iterations, true);
      simple_foam("averaging", first, out_.iterations);
      if (parallel()) folder_.run({"reconstructPar", "-latestTime"});
      for (const char* field : {"UMean", "pMean", "wallShearStressMean", "vorticityMean", "yPlus"})
        folder_.require_complete(str(out_.time, "/", field));
      folder_.state()["averaged"] = out_.averaged;
      folder_.state()["residuals"] = Json::object();
      for (const auto& [name, value] : out_.residuals) folder_.state()["residuals"][name] = value;
    });
  }

  // Runs simpleFoam from iteration `begin` to `end`, watching it.
  void simple_foam(const std::string& what, int begin, int end) {
    const double dynamic =
        0.5 * setup_.scales.velocity * setup_.scales.velocity * setup_.scales.area / (setup_.half ? 2 : 1);
    std::vector<std::string> words = {"simpleFoam"};
    if (parallel()) words = {"mpirun", "-np", str(options_.processes), "simpleFoam", "-parallel"};
    FoamLog log(folder_.file(kLog));
    log.start_here();
    std::optional<core::Progress> progress;
    if (options_.progress) progress.emplace(what, static_cast<std::size_t>(end - begin), "iterations");
    int seen = 0;
    bool wild = false;
    const auto watch = [&] {
      log.read();
      if (log.iterations() == seen) return log.diverged();
      double cd = std::nan("");
      if (const auto rows = read_forces(folder_.path().string()); !rows.empty()) {
        cd = (rows.back().pressure[0] + rows.back().friction[0]) / dynamic;
        wild = std::abs(cd) > kWildCd || !std::isfinite(cd);
      }
      if (progress) {
        if (log.residual("p") >= 0 && std::isfinite(cd)) {
          char text[120];
          std::snprintf(text, sizeof text, "residuals U %.1e, p %.1e; Cd %.4f", log.velocity_residual(),
                        log.residual("p"), cd);
          progress->note(text);
        }
        progress->advance(static_cast<std::size_t>(log.iterations() - seen));
      }
      seen = log.iterations();
      return log.diverged() || wild;
    };
    folder_.run(words, true, watch);
    watch();
    progress.reset();
    if (log.diverged() || wild || folder_.code() == 128 + SIGFPE ||
        (parallel() && folder_.code() != 0 &&
         core::read_text(folder_.file(kLog)).find("Floating point exception") != std::string::npos))
      reject_openfoam(
          options_.folder, question_.name, str("it diverged at iteration ", log.time()),
          str("the log is '", folder_.file(kLog), "'; a finer mesh (--cell) or a cleaner surface may help"));
    if (folder_.code() != 0) folder_.fail("simpleFoam", folder_.file(kLog));
    out_.residuals = log.residuals();
  }

  void collect() {
    const Json& state = folder_.state();
    out_.residuals.clear();
    for (const auto& [name, value] : state.at("residuals").items()) out_.residuals.emplace_back(name, value);
    for (const auto& row : read_forces(options_.folder))
      if (row.time > out_.iterations - out_.averaged && row.time <= out_.iterations) out_.window.push_back(row);
    if (out_.window.size() != static_cast<std::size_t>(out_.averaged))
      throw Error(ErrorKind::runtime,
                  str("'", options_.folder, "': the forces of ", out_.window.size(), " of ", out_.averaged,
                      " averaged iterations are there"),
                  "--overwrite begins anew");
    for (const auto& [name, seconds] : state.at("done").items()) out_.seconds.emplace_back(name, seconds);
    const Json& mesh = state.at("mesh");
    for (const char* what : {"max_non_orthogonality", "max_skewness"})
      if (mesh.at(what).is_number()) out_.mesh_quality.emplace_back(what, mesh.at(what));
  }

  const Case& question_;
  const OpenFoamSetup& setup_;
  const OpenFoamOptions& options_;
  Folder folder_;
  OpenFoamRun out_;
};

}  // namespace

void record_openfoam(const std::string& folder, const std::vector<std::string>& doubts,
                     const std::vector<std::string>& warnings) {
  change_state(folder, [&](Json& state) { state["doubts"] = doubts, state["warnings"] = warnings; });
}

void reject_openfoam(const std::string& folder, const std::string& name, const std::string& reason,
                     const std::string& hint) {
  change_state(folder, [&](Json& state) { state["rejected"] = reason; });
  throw rejection(name, reason, hint);
}

void check_openfoam(const Case& question, const OpenFoamSetup& setup, const OpenFoamOptions& options) {
  require_openfoam(options.processes);
  const Json state = state_of(question, setup, options);
  const bool several = fs::exists(fs::path(options.folder) / "processor0");
  if (options.resume && several && options.processes == 1)
    throw Error(ErrorKind::usage, str("'", options.folder, "' was begun with several processes"),
                "give the same --processes");
  if (!state.at("done").contains("case")) core::require_disk_space(options.folder, disk_of(setup));
  const Values of_stages = {{"end", ""},       {"write_interval", ""},   {"purge", ""},
                            {"averaging", ""}, {"residual_control", ""}, {"processes", ""}};
  for (const auto& [name, text] : openfoam_templates()) filled(name, template_text(options, name), of_stages, setup);
}

OpenFoamRun run_openfoam(const Case& question, const OpenFoamSetup& setup, const OpenFoamOptions& options) {
  check_openfoam(question, setup, options);
  return Run(question, setup, options).all();
}

}  // namespace streamtube::solver
