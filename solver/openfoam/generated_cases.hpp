#pragma once
// The designs of a parametric space, each solved by OpenFOAM, as cases to import into a data set: what imports make
// sure of (several at once, going on after a kill, bad cases named) then holds for them too.

#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mesh_io/h5/import.hpp"
#include "mesh_io/h5/split_rules.hpp"
#include "solver/openfoam/openfoam_engine.hpp"
#include "solver/sweep/design_space.hpp"

namespace streamtube::solver {

struct GenerateOptions {
  OpenFoamOptions solver;        // folder and features are those of the designs
  std::optional<MeshKind> mesh;  // in the place of the space's; where neither says anything, that of `solver`
  SampleOptions sample;
  physics::Flow flow;             // what the space's conditions do not say
  std::vector<std::string> only;  // names of designs; empty: all
  std::size_t first = 0;          // that many designs from the first; 0: all
  std::string folder;             // where the cases are solved, each in one of its own
  mesh_io::SplitRules splits;     // in the place of the space's
  std::string splits_name;        // for messages
  // The data set that is made again: its cases stay in the splits in which they are; its rules hold where neither
  // `splits` nor the space have any.
  std::vector<std::string> before_cases;
  mesh_io::Splits before;
  std::string before_rules;
  bool keep = false;  // cases stay there; else only those that fail
  // This share of the designs is solved once more with cells that many times as large; both in the data set's header
  // as the scatter of its labels.
  double repeat = 0, repeat_cell = 1.025;
};

// What became of a design.
struct DesignOutcome {
  std::string name, status;  // "solved", "failed"
  std::string reason;
  double cd = 0, cl = 0, seconds = 0;
  bool converged = false;
};

class GeneratedCases : public mesh_io::Layout {
 public:
  // Throws Error(input) for a space without a body of a family or splits that contradict each other, Error(usage) for a
  // name in `only` that is none.
  GeneratedCases(SweepPlan plan, GenerateOptions options);

  std::string name() const override { return "generated"; }
  std::string summary() const override { return "designs of a space, solved by OpenFOAM"; }
  std::vector<mesh_io::CaseSource> find(const std::string& space) const override;
  std::string pattern() const override { return "designs of a space"; }
  // Splits by the rules of the options, else of the space, else of the data set before, else the default ones.
  mesh_io::DatasetHeader header(const std::vector<mesh_io::CaseSource>& cases) const override;
  mesh_io::FlowSample read(const mesh_io::CaseSource& source, const std::string& work) const override;
  std::string settings() const override;
  std::string changed_setting(const std::string& before) const override;
  mesh_io::LabelNoise label_noise(const std::vector<mesh_io::CaseInfo>& cases) const override;

  const std::vector<Design>& designs() const { return designs_; }
  const SweepPlan& plan() const { return plan_; }
  MeshKind mesh() const { return options_.solver.mesh; }
  const std::set<std::string>& repeated() const { return repeated_; }  // designs that are solved once more
  // The case of a design, as read() solves it.
  Case question(const Design& design, geometry::Edges& features) const;
  // Of the designs read in this run.
  std::vector<DesignOutcome> outcomes() const;

 private:
  void split();
  mesh_io::FlowSample solved(const Case& question, const geometry::Edges& features, const std::string& folder,
                             double cell_factor, const SampleOptions& sample) const;
  void repeat(const Case& question, const geometry::Edges& features, const std::string& folder,
              mesh_io::FlowSample& first) const;

  SweepPlan plan_;
  GenerateOptions options_;
  std::vector<Design> designs_;
  mesh_io::Splits splits_;
  std::string split_rules_;
  std::set<std::string> repeated_;
  mutable std::mutex mutex_;
  mutable std::vector<DesignOutcome> outcomes_;
};

}  // namespace streamtube::solver
