#pragma once
// What becomes of an answer: the files of a folder of results, and what is printed. Every command that answers a
// question about a body writes the same.

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "apps/cli/case_options.hpp"
#include "apps/cli/output_folder.hpp"
#include "apps/cli/picture.hpp"
#include "core/runtime.hpp"
#include "solver/points/point_stream.hpp"
#include "surrogate/model/surrogate.hpp"

namespace streamtube::apps {

inline constexpr const char* kSurface = "surface.vtp";
inline constexpr const char* kBody = "body.vtp";  // what was computed, after repair and cuts
inline constexpr const char* kVolume = "volume.vtu";
inline constexpr const char* kForces = "forces.json";
inline constexpr const char* kCollection = "results.pvd";
inline constexpr const char* kPicture = "picture.png";
inline constexpr const char* kRun = "run.json";  // the last one: with it the results are complete

// The seconds that the stages of a run took, in order.
class Stages {
 public:
  Stages() : start_(Clock::now()), mark_(start_) {}
  // Ends the stage `what`, which began where the last one ended. Throws core::Interrupted after Ctrl-C.
  void end(const std::string& what);
  // Stages that the work measured itself.
  void add(const std::vector<std::pair<std::string, double>>& measured);
  const std::vector<std::pair<std::string, double>>& seconds() const { return seconds_; }
  double total() const;

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_, mark_;
  std::vector<std::pair<std::string, double>> seconds_;
};

// How the answer was obtained, as far as the question does not say.
struct RunInfo {
  std::string command, engine;
  std::string model_file;  // empty: the built-in one
  std::string evaluation = "cached";
  core::RuntimeOptions device;
  surrogate::Precision precision = surrogate::Precision::fp32;
  std::string points_file;   // of --points; empty without
  std::string model_sha256;  // empty: to be computed of the file
};

// What picture.png is to show.
struct Picture {
  Slice slice;  // of plan_slice()
  PictureOptions options;
};

// Which of the large files are wanted.
struct WantedFiles {
  bool surface = true, volume = true;
};

// A question, its answer, and everything that is said of them.
struct Result {
  const surrogate::Checkpoint* model;
  const CaseOptions* options;
  RunInfo run;
  BodyCase asked;  // without its meshes, once the engine has consumed them
  solver::Answer answer;
  solver::PointsAnswer points;  // for run.points_file
  std::vector<std::string> warnings;
  Stages stages;
  std::string design;  // JSON: which one of a sweep; empty without
};

// Every name that write_results() and --points may give.
std::vector<std::string> result_names();

// The plane for a picture, through the middle of the body; its points outside of the body become probes of the
// question.
Slice plan_slice(const surrogate::Checkpoint& model, solver::Case& question);

// body.vtp: the body of a question, in the frame of its files.
void write_body(OutputFolder& folder, const solver::Case& question, const Placement& placement);
// surface.vtp, volume.vtu, results.pvd, forces.json, run.json, with `picture` also picture.png. From here on the answer
// is in the frame of the files.
void write_results(OutputFolder& folder, Result& result, Picture* picture, const WantedFiles& wanted = {});

// forces.json, and what --json prints.
std::string result_json_text(const Result& result, const std::vector<std::string>& files = {});
// What is printed for people. out: the folder's name as the user gave it.
std::string result_text(const Result& result, const std::string& out, const std::vector<std::string>& files);
// What would be done.
std::string plan_json_text(const solver::Plan& plan, const std::string& out);
std::string plan_text(const solver::Plan& plan, const std::string& out);

}  // namespace streamtube::apps
