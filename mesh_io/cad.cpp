// STEP and IGES through Open CASCADE (OCCT): its XCAF readers, which keep the assembly with names and colours, and its
// mesher. Without OCCT at build time the formats are still known, and refused with the reason.

#include <algorithm>
#include <string>

#include "core/error.hpp"
#include "core/own_process.hpp"
#include "mesh_io/formats.hpp"
#include "mesh_io/input_file.hpp"

#if defined(STREAMTUBE_HAVE_CAD)
#include <BRepBndLib.hxx>
#include <BRepBuilderAPI_Sewing.hxx>
#include <BRepMesh_IncrementalMesh.hxx>
#include <BRep_Builder.hxx>
#include <BRep_Tool.hxx>
#include <Bnd_Box.hxx>
#include <IGESCAFControl_Reader.hxx>
#include <IGESData_GlobalSection.hxx>
#include <IGESData_IGESEntity.hxx>
#include <IGESData_IGESModel.hxx>
#include <IMeshTools_Parameters.hxx>
#include <Interface_Static.hxx>
#include <Message.hxx>
#include <Message_Messenger.hxx>
#include <Message_Printer.hxx>
#include <Message_ProgressIndicator.hxx>
#include <OSD_Parallel.hxx>
#include <Poly_PolygonOnTriangulation.hxx>
#include <Poly_Triangulation.hxx>
#include <Quantity_Color.hxx>
#include <STEPCAFControl_Reader.hxx>
#include <Standard_Failure.hxx>
#include <TColStd_SequenceOfAsciiString.hxx>
#include <TDF_LabelSequence.hxx>
#include <TDataStd_Name.hxx>
#include <TDocStd_Document.hxx>
#include <TopExp.hxx>
#include <TopExp_Explorer.hxx>
#include <TopTools_IndexedMapOfShape.hxx>
#include <TopoDS.hxx>
#include <TopoDS_Compound.hxx>
#include <TopoDS_Edge.hxx>
#include <TopoDS_Face.hxx>
#include <TopoDS_Iterator.hxx>
#include <TransferBRep.hxx>
#include <Transfer_TransientProcess.hxx>
#include <XCAFDoc_ColorTool.hxx>
#include <XCAFDoc_DocumentTool.hxx>
#include <XCAFDoc_ShapeTool.hxx>
#include <XSControl_TransferReader.hxx>
#include <XSControl_WorkSession.hxx>
#include <cstring>
#include <map>
#include <set>
#include <type_traits>

#include "core/runtime.hpp"
#include "mesh_io/mesh_bytes.hpp"
#endif

namespace streamtube::mesh_io {
using core::Error;
using core::ErrorKind;
using core::str;
using geometry::SurfaceMesh;

namespace {

bool is_step(std::string_view head, std::size_t) {
  const std::size_t at = head.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  return at != head.npos && head.substr(at, 12) == "ISO-10303-21";
}

// Every line has 80 characters; the 73rd is the section, 'S' (start) first.
bool is_iges(std::string_view head, std::size_t) {
  const std::size_t line = head.find('\n');
  return line != head.npos && line >= 80 && line <= 81 && head[72] == 'S' &&
         head.substr(73, 7).find_first_not_of(" 01") == head.npos;
}

#if defined(STREAMTUBE_HAVE_CAD)

constexpr double kMetresPerMillimetre = 1e-3;  // OCCT's shapes are in mm, whatever the file's unit
constexpr double kAngle = 0.35;                // rad between neighbouring facets, where the deviation allows more

// While one lives, the failures that OCCT reports are kept.
class OcctMessages {
 public:
  OcctMessages() : messenger_(Message::DefaultMessenger()), printers_(messenger_->Printers()) {
    collector_ = new Collector;
    messenger_->ChangePrinters().Clear();
    messenger_->AddPrinter(collector_);
  }
  ~OcctMessages() { messenger_->ChangePrinters() = printers_; }
  OcctMessages(const OcctMessages&) = delete;
  OcctMessages& operator=(const OcctMessages&) = delete;
  // ": <the first failure>", or nothing.
  std::string reason() const { return collector_->first.empty() ? "" : ": " + collector_->first; }

 private:
  class Collector : public Message_Printer {
   public:
    std::string first;

   protected:
    void send(const TCollection_AsciiString& text, const Message_Gravity gravity) const override {
      if (gravity < Message_Fail || !first.empty()) return;
      std::string clean = text.ToCString();
      for (char& c : clean)
        if (static_cast<unsigned char>(c) < 0x20) c = ' ';
      const_cast<Collector*>(this)->first = clean.substr(0, 200);
    }
  };
  Handle(Message_Messenger) messenger_;
  Message_SequenceOfPrinters printers_;
  Handle(Collector) collector_;
};

class Interruptible : public Message_ProgressIndicator {
 protected:
  Standard_Boolean UserBreak() override { return core::interrupted(); }
  void Show(const Message_ProgressScope&, const Standard_Boolean) override {}
};

// A body of the file: one part of the assembly, or one of its solids where it has several.
struct Part {
  std::string name, colour;
  TopoDS_Shape shape;  // placed
  bool solid = false;
};

std::string text_of(const TCollection_ExtendedString& text) {
  std::string out(static_cast<std::size_t>(text.LengthOfCString()), '\0');
  char* to = out.data();
  text.ToUTF8CString(to);
  while (!out.empty() && (out.back() == '\0' || out.back() == ' ')) out.pop_back();
  return out;
}

// What exporters and OCCT write where nobody gave a name.
bool says_something(const std::string& name) {
  static const std::set<std::string> empty = {"",      "solid",     "compound", "shell", "face",
                                              "shape", "compsolid", "assembly", "none",  "unnamed"};
  const std::string small = lower(name);
  return !empty.contains(small) && small.rfind("nauo", 0) != 0 && small.rfind("=>[", 0) != 0 &&
         small.rfind("open cascade", 0) != 0;
}

class Assembly {
 public:
  using Names = std::map<const TopoDS_TShape*, std::string>;
  // names: of shapes that are no parts to the reader (groups of IGES).
  explicit Assembly(const Handle(TDocStd_Document) & document, Names names = {})
      : names_(std::move(names)),
        shapes_(XCAFDoc_DocumentTool::ShapeTool(document->Main())),
        colours_(XCAFDoc_DocumentTool::ColorTool(document->Main())) {
    TDF_LabelSequence roots;
    shapes_->GetFreeShapes(roots);
    for (const TDF_Label& root : roots) {
      // The name of the only assembly is that of the file: as the head of every part's name it would tell nothing.
      const bool whole =
          roots.Size() == 1 && (XCAFDoc_ShapeTool::IsAssembly(root) || has_groups(XCAFDoc_ShapeTool::GetShape(root)));
      collect(root, TopLoc_Location(), "", whole ? "" : name(root), "");
    }
    std::set<std::string> used;
    for (Part& part : parts) {
      std::string unique = part.name;
      for (int n = 2; !used.insert(unique).second; ++n) unique = str(part.name, "_", n);
      part.name = unique;
    }
  }

  std::vector<Part> parts;
  std::size_t edges = 0, vertices = 0;  // of what has no faces

 private:
  static std::string name(const TDF_Label& label) {
    Handle(TDataStd_Name) found;
    if (!label.FindAttribute(TDataStd_Name::GetID(), found)) return "";
    const std::string text = text_of(found->Get());
    return says_something(text) ? text : "";
  }
  static std::string join(const std::string& path, const std::string& name) {
    return path.empty() ? name : name.empty() ? path : path + "/" + name;
  }
  std::string colour(const TDF_Label& label) const {
    Quantity_Color found;
    for (const auto type : {XCAFDoc_ColorSurf, XCAFDoc_ColorGen})
      if (colours_->GetColor(label, type, found)) return Quantity_Color::ColorToHex(found).ToCString();
    return "";
  }

  void collect(const TDF_Label& label, const TopLoc_Location& place, const std::string& path, const std::string& own,
               const std::string& inherited) {
    core::check_interrupt();
    if (XCAFDoc_ShapeTool::IsReference(label)) {
      TDF_Label referred;
      if (!XCAFDoc_ShapeTool::GetReferredShape(label, referred)) return;
      const std::string here = colour(label);
      // The instance's name tells wheels apart that are one product; few exporters give one.
      collect(referred, place * XCAFDoc_ShapeTool::GetLocation(label), path, own.empty() ? name(referred) : own,
              here.empty() ? inherited : here);
      return;
    }
    const std::string here = colour(label), shade = here.empty() ? inherited : here;
    if (XCAFDoc_ShapeTool::IsAssembly(label)) {
      TDF_LabelSequence components;
      XCAFDoc_ShapeTool::GetComponents(label, components);
      for (const TDF_Label& c : components) collect(c, place, join(path, own), name(c), shade);
      return;
    }
    add_groups(label, XCAFDoc_ShapeTool::GetShape(label), place, join(path, own), shade);
  }

  std::string member_name(const TopoDS_Shape& member) const {
    const auto known = names_.find(member.TShape().get());
    return known == names_.end() ? "" : known->second;
  }
  // A compound whose members have names is an assembly in all but name.
  bool has_groups(const TopoDS_Shape& shape) const {
    if (names_.empty() || shape.IsNull() || shape.ShapeType() != TopAbs_COMPOUND) return false;
    for (TopoDS_Iterator at(shape); at.More(); at.Next())
      if (at.Value().ShapeType() <= TopAbs_SHELL && !member_name(at.Value()).empty()) return true;
    return false;
  }
  void add_groups(const TDF_Label& label, const TopoDS_Shape& shape, const TopLoc_Location& place,
                  const std::string& path, const std::string& shade) {
    if (!has_groups(shape)) return add_bodies(label, shape, place, path, shade);
    for (TopoDS_Iterator at(shape); at.More(); at.Next())
      add_groups(label, at.Value(), place, join(path, member_name(at.Value())), shade);
  }

  void add_bodies(const TDF_Label& label, const TopoDS_Shape& shape, const TopLoc_Location& place,
                  const std::string& path, const std::string& shade) {
    if (shape.IsNull()) return;
    std::vector<TopoDS_Shape> solids;
    for (TopExp_Explorer at(shape, TopAbs_SOLID); at.More(); at.Next()) solids.push_back(at.Current());
    // Faces that bound no solid are one part.
    TopoDS_Compound loose;
    BRep_Builder builder;
    builder.MakeCompound(loose);
    bool any_loose = false;
    for (const auto kind : {TopAbs_SHELL, TopAbs_FACE})
      for (TopExp_Explorer at(shape, kind, kind == TopAbs_SHELL ? TopAbs_SOLID : TopAbs_SHELL); at.More(); at.Next()) {
        builder.Add(loose, at.Current());
        any_loose = true;
      }
    if (solids.empty() && !any_loose) {
      for (TopExp_Explorer at(shape, TopAbs_EDGE); at.More(); at.Next()) ++edges;
      for (TopExp_Explorer at(shape, TopAbs_VERTEX, TopAbs_EDGE); at.More(); at.Next()) ++vertices;
      return;
    }
    const bool several = solids.size() + any_loose > 1;
    std::size_t number = 0;
    for (const TopoDS_Shape& solid : solids) {
      TDF_Label sub;
      const bool labelled = shapes_->FindSubShape(label, solid, sub);
      std::string named = labelled ? name(sub) : "";
      ++number;
      ++solids_so_far_;
      if (named.empty() && path.empty()) named = str("solid_", solids_so_far_);
      if (named.empty() && several) named = str("solid_", number);
      std::string shade_of_solid = labelled ? colour(sub) : "";
      parts.push_back({several || path.empty() ? join(path, named) : path,
                       shade_of_solid.empty() ? shade : shade_of_solid, solid.Moved(place), true});
    }
    if (any_loose)
      parts.push_back({several || path.empty() ? join(path, "surface") : path, shade, loose.Moved(place), false});
  }

  Names names_;
  Handle(XCAFDoc_ShapeTool) shapes_;
  Handle(XCAFDoc_ColorTool) colours_;
  std::size_t solids_so_far_ = 0;
};

// The triangles of meshed faces over shared points: nodes on an edge belong to the edge, those at its ends to the
// vertex, so that faces meet in the same points bit for bit.
class MeshBuilder {
 public:
  explicit MeshBuilder(SurfaceMesh& mesh) : mesh_(mesh) { mesh.offsets = {0}; }

  // False where the mesher left the face without triangles.
  bool add(const TopoDS_Face& face, std::int32_t patch) {
    TopLoc_Location place;
    const Handle(Poly_Triangulation) triangulation = BRep_Tool::Triangulation(face, place);
    if (triangulation.IsNull() || triangulation->NbTriangles() == 0) return false;
    std::vector<std::int64_t> index(static_cast<std::size_t>(triangulation->NbNodes()) + 1, -1);  // nodes count from 1
    const auto position = [&](int node) { return triangulation->Node(node).Transformed(place.Transformation()); };
    for (TopExp_Explorer at(face, TopAbs_EDGE); at.More(); at.Next())
      number_edge(TopoDS::Edge(at.Current()), triangulation, place, position, index);
    for (int n = 1; n <= triangulation->NbNodes(); ++n)
      if (index[static_cast<std::size_t>(n)] < 0) index[static_cast<std::size_t>(n)] = add_point(position(n));
    const bool turned =
        (face.Orientation() == TopAbs_REVERSED) != (place.Transformation().VectorialPart().Determinant() < 0);
    for (int t = 1; t <= triangulation->NbTriangles(); ++t) {
      int n[3];
      triangulation->Triangle(t).Get(n[0], n[1], n[2]);
      if (turned) std::swap(n[1], n[2]);
      std::int64_t c[3];
      for (int k = 0; k < 3; ++k) c[k] = index[static_cast<std::size_t>(n[k])];
      if (c[0] == c[1] || c[1] == c[2] || c[2] == c[0]) continue;  // at the pole of a sphere
      mesh_.corners.insert(mesh_.corners.end(), c, c + 3);
      mesh_.offsets.push_back(static_cast<std::int64_t>(mesh_.corners.size()));
      mesh_.patch.push_back(patch);
    }
    return true;
  }

 private:
  std::int64_t add_point(const gp_Pnt& p) {
    mesh_.points.push_back({kMetresPerMillimetre * p.X(), kMetresPerMillimetre * p.Y(), kMetresPerMillimetre * p.Z()});
    return static_cast<std::int64_t>(mesh_.points.size()) - 1;
  }
  std::int64_t point_of(const TopoDS_Vertex& vertex) {
    const auto at = static_cast<std::size_t>(vertices_.Add(vertex));
    if (at > vertex_points_.size()) vertex_points_.push_back(add_point(BRep_Tool::Pnt(vertex)));
    return vertex_points_[at - 1];
  }
  template <class Position>
  void number_edge(const TopoDS_Edge& edge, const Handle(Poly_Triangulation) & triangulation,
                   const TopLoc_Location& place, const Position& position, std::vector<std::int64_t>& index) {
    const Handle(Poly_PolygonOnTriangulation) polygon = BRep_Tool::PolygonOnTriangulation(edge, triangulation, place);
    if (polygon.IsNull()) return;
    TopoDS_Vertex first, last;
    TopExp::Vertices(edge, first, last);
    if (first.IsNull() || last.IsNull()) return;
    const int count = polygon->NbNodes();
    const auto set = [&](int k, std::int64_t point) { index[static_cast<std::size_t>(polygon->Node(k))] = point; };
    if (BRep_Tool::Degenerated(edge)) {
      for (int k = 1; k <= count; ++k) set(k, point_of(first));
      return;
    }
    const auto at = static_cast<std::size_t>(edges_.Add(edge));
    if (at > edge_points_.size()) {
      std::vector<std::int64_t> points{point_of(first)};
      for (int k = 2; k < count; ++k) points.push_back(add_point(position(polygon->Node(k))));
      points.push_back(point_of(last));
      edge_points_.push_back(std::move(points));
    }
    const std::vector<std::int64_t>& points = edge_points_[at - 1];
    if (points.size() == static_cast<std::size_t>(count))
      for (int k = 1; k <= count; ++k) set(k, points[static_cast<std::size_t>(k) - 1]);
  }

  SurfaceMesh& mesh_;
  TopTools_IndexedMapOfShape edges_, vertices_;
  std::vector<std::vector<std::int64_t>> edge_points_;
  std::vector<std::int64_t> vertex_points_;
};

double diagonal(const TopoDS_Shape& shape, const InputFile& file) {
  Bnd_Box box;
  BRepBndLib::Add(shape, box, false);
  if (box.IsVoid() || box.IsOpen())
    file.fail(box.IsVoid() ? "its faces have no extent" : "its faces reach to infinity (an unbounded plane?)",
              "export the trimmed solids of the body");
  return std::sqrt(box.SquareExtent());
}

SurfaceMesh tessellate(Assembly& assembly, const InputFile& file, double file_unit, const CadOptions& options,
                       ReadReport& report) {
  std::vector<Part>& parts = assembly.parts;
  if (parts.empty())
    file.fail(assembly.edges + assembly.vertices > 0
                  ? str("holds no faces, only ", assembly.edges, " curves and ", assembly.vertices, " points")
                  : std::string("holds no shapes"),
              "export the solids or surfaces of the body");
  // Loose faces do not know their neighbours: IGES gives each its own edges.
  TopoDS_Compound all;
  BRep_Builder builder;
  builder.MakeCompound(all);
  const double size = [&] {
    TopoDS_Compound everything;
    builder.MakeCompound(everything);
    for (const Part& part : parts) builder.Add(everything, part.shape);
    return diagonal(everything, file);
  }();
  BRepBuilderAPI_Sewing sewing(std::max(1e-5 * size, 1e-6));
  std::vector<std::pair<TopoDS_Face, std::int32_t>> loose;
  std::size_t faces_in = 0;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    report.solids += parts[p].solid, report.surfaces += !parts[p].solid;
    if (parts[p].solid) builder.Add(all, parts[p].shape);
    for (TopExp_Explorer at(parts[p].shape, TopAbs_FACE); at.More(); at.Next()) {
      ++faces_in;
      if (parts[p].solid) continue;
      loose.emplace_back(TopoDS::Face(at.Current()), static_cast<std::int32_t>(p));
      sewing.Add(at.Current());
    }
  }
  report.faces = faces_in;
  const Handle(Interruptible) progress = new Interruptible;
  if (!loose.empty()) {
    sewing.Perform(progress->Start());
    core::check_interrupt();
    builder.Add(all, sewing.SewedShape());
  }
  report.deviation = options.deviation > 0 ? options.deviation : kMetresPerMillimetre * size / 2000;
  IMeshTools_Parameters parameters;
  parameters.Deflection = report.deviation / kMetresPerMillimetre;
  parameters.Angle = kAngle;
  parameters.InParallel = true;
  BRepMesh_IncrementalMesh mesher(all, parameters, progress->Start());
  core::check_interrupt();

  SurfaceMesh mesh;
  mesh.file_unit = file_unit;
  mesh.unit_stated = true;
  MeshBuilder build(mesh);
  std::size_t failed = 0;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    mesh.patch_names.push_back(parts[p].name);
    report.colours.push_back(parts[p].colour);
    if (!parts[p].solid) continue;
    for (TopExp_Explorer at(parts[p].shape, TopAbs_FACE); at.More(); at.Next())
      failed += !build.add(TopoDS::Face(at.Current()), static_cast<std::int32_t>(p));
  }
  if (!loose.empty()) {
    // Sewn faces know their part by what they were.
    TopTools_IndexedMapOfShape became;
    std::vector<std::int32_t> part_of;
    for (const auto& [face, part] : loose) {
      if (sewing.IsDegenerated(face)) continue;
      const TopoDS_Shape& now = sewing.IsModified(face) ? sewing.Modified(face) : face;
      for (TopExp_Explorer at(now, TopAbs_FACE); at.More(); at.Next())
        if (static_cast<std::size_t>(became.Add(at.Current())) > part_of.size()) part_of.push_back(part);
    }
    for (TopExp_Explorer at(sewing.SewedShape(), TopAbs_FACE); at.More(); at.Next()) {
      const int index = became.FindIndex(at.Current());
      if (index > 0) failed += !build.add(TopoDS::Face(at.Current()), part_of[static_cast<std::size_t>(index) - 1]);
    }
  }
  report.triangles = mesh.face_count();
  if (mesh.face_count() == 0) file.fail(str("none of its ", faces_in, " faces could be meshed"));
  if (failed > 0)
    report.warnings.push_back(
        str(failed, " of ", faces_in, " faces could not be meshed and are left out: check the CAD file"));
  return mesh;
}

// Parts without a triangle leave no patch.
void drop_empty_patches(SurfaceMesh& mesh, ReadReport& report) {
  std::vector<std::int32_t> number(mesh.patch_names.size(), -1);
  for (const std::int32_t p : mesh.patch) number[static_cast<std::size_t>(p)] = 0;
  std::vector<std::string> names, colours;
  for (std::size_t p = 0; p < number.size(); ++p) {
    if (number[p] < 0) continue;
    number[p] = static_cast<std::int32_t>(names.size());
    names.push_back(mesh.patch_names[p]);
    colours.push_back(report.colours[p]);
  }
  for (std::int32_t& p : mesh.patch) p = number[static_cast<std::size_t>(p)];
  mesh.patch_names = std::move(names);
  report.colours = std::move(colours);
}

// Runs `read` apart, since OCCT crashes on some damaged files, with its exceptions as Errors.
template <class Read>
SurfaceMesh guarded(const InputFile& file, ReadReport& report, const Read& read) {
  // Damaged files have kept it busy without an end; sound ones take seconds a megabyte.
  const std::uint64_t seconds = 120 + 60 * (file.size() >> 20);
  Bytes bytes(core::run_apart({str("'", file.path(), "' (", file.format(), "): "), seconds}, [&] {
    const OcctMessages messages;
    // Threads of its own: those of TBB may have been started before, and are not in this process.
    OSD_Parallel::SetUseOcctThreads(true);
    try {
      SurfaceMesh mesh = read(messages);
      Bytes out;
      out.pass(mesh), out.pass(report);
      return std::move(out.text);
    } catch (const Standard_Failure& failure) {
      core::check_interrupt();  // a break of its progress may end as one
      const std::string what = failure.GetMessageString() ? failure.GetMessageString() : "";
      file.fail(str("Open CASCADE gave up: ", what.empty() ? failure.DynamicType()->Name() : what),
                "repair the model in the CAD program (heal, check geometry), or export it as STL");
    }
  }));
  SurfaceMesh mesh;
  bytes.pass(mesh), bytes.pass(report);
  return mesh;
}

struct Unit {
  const char* name;
  double metres;
};

// The name STEP gives a unit of length: SI with a prefix, or a converted one.
Unit step_unit(const std::string& name) {
  static const std::map<std::string, Unit> known = {
      {"metre", {"m", 1.0}},        {"meter", {"m", 1.0}},        {"m", {"m", 1.0}},
      {"millimetre", {"mm", 1e-3}}, {"millimeter", {"mm", 1e-3}}, {"mm", {"mm", 1e-3}},
      {"centimetre", {"cm", 1e-2}}, {"centimeter", {"cm", 1e-2}}, {"cm", {"cm", 1e-2}},
      {"decimetre", {"dm", 1e-1}},  {"kilometre", {"km", 1e3}},   {"micrometre", {"um", 1e-6}},
      {"inch", {"in", 0.0254}},     {"in", {"in", 0.0254}},       {"inches", {"in", 0.0254}},
      {"foot", {"ft", 0.3048}},     {"ft", {"ft", 0.3048}},       {"feet", {"ft", 0.3048}},
      {"mil", {"mil", 2.54e-5}},    {"micron", {"um", 1e-6}},     {"yard", {"yd", 0.9144}}};
  const auto at = known.find(lower(name));
  return at == known.end() ? Unit{"mm", 1e-3} : at->second;  // in which OCCT hands it over
}

Unit iges_unit(int flag) {
  switch (flag) {
    case 1:
      return {"in", 0.0254};
    case 4:
      return {"ft", 0.3048};
    case 6:
      return {"m", 1.0};
    case 7:
      return {"km", 1e3};
    case 8:
      return {"mil", 2.54e-5};
    case 9:
      return {"um", 1e-6};
    case 10:
      return {"cm", 1e-2};
    default:
      return {"mm", 1e-3};
  }
}

std::size_t count(std::string_view text, std::string_view word) {
  std::size_t n = 0;
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + word.size())) ++n;
  return n;
}

const char* const kAgain = "export or copy the file again";

SurfaceMesh read_step(const std::string& path, const CadOptions& options, ReadReport& report) {
  const InputFile file(path, "STEP");
  report.format = "STEP";
  const std::string_view text = file.text();
  if (text.substr(text.size() - std::min<std::size_t>(text.size(), 1024)).find("END-ISO-10303-21") == text.npos)
    file.fail(str("truncated: it does not end with END-ISO-10303-21 (", file.size(), " bytes)"), kAgain);
  return guarded(file, report, [&](const OcctMessages& messages) {
    Handle(TDocStd_Document) document = new TDocStd_Document("BinXCAF");
    STEPCAFControl_Reader reader;
    reader.SetLayerMode(false);
    reader.SetPropsMode(false);
    if (reader.ReadFile(path.c_str()) != IFSelect_RetDone) file.fail("cannot be read" + messages.reason(), kAgain);
    core::check_interrupt();
    const Handle(Interruptible) progress = new Interruptible;
    TColStd_SequenceOfAsciiString lengths, angles, solid_angles;
    reader.ChangeReader().FileUnits(lengths, angles, solid_angles);
    const Unit unit = step_unit(lengths.IsEmpty() ? "" : lengths.First().ToCString());
    report.unit = unit.name;
    const bool transferred = reader.Transfer(document, progress->Start());
    core::check_interrupt();
    if (!transferred)
      file.fail("holds no shapes" + messages.reason(),
                "export the solids of the body as AP203, AP214 or AP242 with boundary representation");
    Assembly assembly(document);
    SurfaceMesh mesh = tessellate(assembly, file, unit.metres, options, report);
    // OCCT leaves out what it cannot make sense of and does not say so.
    TopTools_IndexedMapOfShape distinct;
    for (const Part& part : assembly.parts)
      for (TopExp_Explorer at(part.shape, TopAbs_FACE); at.More(); at.Next())
        distinct.Add(at.Current().Located(TopLoc_Location()));
    const std::size_t written = count(text, "ADVANCED_FACE") + count(text, "FACE_SURFACE");
    if (static_cast<std::size_t>(distinct.Extent()) < written)
      report.warnings.push_back(str("only ", distinct.Extent(), " of the ", written,
                                    " faces of the file were understood: check the result for holes"));
    drop_empty_patches(mesh, report);
    return mesh;
  });
}

SurfaceMesh read_iges(const std::string& path, const CadOptions& options, ReadReport& report) {
  const InputFile file(path, "IGES");
  report.format = "IGES";
  std::string_view text = file.text();
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  const std::size_t line = text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1;
  if (text.size() - line < 73 || text[line + 72] != 'T')
    file.fail(str("truncated: its last line is not the terminate section (", file.size(), " bytes)"), kAgain);
  return guarded(file, report, [&](const OcctMessages& messages) {
    Handle(TDocStd_Document) document = new TDocStd_Document("BinXCAF");
    IGESCAFControl_Reader reader;
    reader.SetLayerMode(false);
    if (reader.ReadFile(path.c_str()) != IFSelect_RetDone) file.fail("cannot be read" + messages.reason(), kAgain);
    core::check_interrupt();
    const Unit unit = iges_unit(reader.IGESModel()->GlobalSection().UnitFlag());
    report.unit = unit.name;
    const Handle(Interruptible) progress = new Interruptible;
    const bool transferred = reader.Transfer(document, progress->Start());
    core::check_interrupt();
    if (!transferred) file.fail("holds no shapes" + messages.reason(), "export the surfaces or solids of the body");
    Assembly::Names names;
    const Handle(Transfer_TransientProcess) process = reader.WS()->TransferReader()->TransientProcess();
    for (int i = 1; i <= process->NbMapped(); ++i) {
      const Handle(IGESData_IGESEntity) entity = Handle(IGESData_IGESEntity)::DownCast(process->Mapped(i));
      if (entity.IsNull() || !entity->HasName()) continue;
      const TopoDS_Shape shape = TransferBRep::ShapeResult(process, entity);
      const std::string name = entity->NameValue()->ToCString();
      if (!shape.IsNull() && says_something(name)) names[shape.TShape().get()] = name;
    }
    Assembly assembly(document, std::move(names));
    SurfaceMesh mesh = tessellate(assembly, file, unit.metres, options, report);
    drop_empty_patches(mesh, report);
    return mesh;
  });
}

#else

[[noreturn]] SurfaceMesh without_occt(const std::string& path, const char* format) {
  throw Error(ErrorKind::input, str("'", path, "' (", format, "): this program was built without Open CASCADE"),
              "install libocct-data-exchange-dev (scripts/bootstrap.sh deps does), configure with "
              "-DSTREAMTUBE_CAD=ON and build again, or export the body as STL");
}
SurfaceMesh read_step(const std::string& path, const CadOptions&, ReadReport&) { without_occt(path, "STEP"); }
SurfaceMesh read_iges(const std::string& path, const CadOptions&, ReadReport&) { without_occt(path, "IGES"); }

#endif

}  // namespace

FormatEntry step_format() {
  return {{"STEP", {".step", ".stp"}, true, false, false, false}, is_step, true, nullptr, nullptr, read_step};
}
FormatEntry iges_format() {
  return {{"IGES", {".igs", ".iges"}, true, false, false, false}, is_iges, true, nullptr, nullptr, read_iges};
}

}  // namespace streamtube::mesh_io
