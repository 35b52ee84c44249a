#include "tests/support/cad_shapes.hpp"

#include <BRepAlgoAPI_Cut.hxx>
#include <BRepBuilderAPI_Copy.hxx>
#include <BRepBuilderAPI_MakeEdge.hxx>
#include <BRepBuilderAPI_MakeFace.hxx>
#include <BRepBuilderAPI_MakePolygon.hxx>
#include <BRepBuilderAPI_MakeVertex.hxx>
#include <BRepBuilderAPI_Transform.hxx>
#include <BRepFilletAPI_MakeFillet.hxx>
#include <BRepMesh_IncrementalMesh.hxx>
#include <BRepPrimAPI_MakeBox.hxx>
#include <BRepPrimAPI_MakeCylinder.hxx>
#include <BRepPrimAPI_MakePrism.hxx>
#include <BRep_Builder.hxx>
#include <BRep_Tool.hxx>
#include <IGESCAFControl_Writer.hxx>
#include <IGESControl_Controller.hxx>
#include <Interface_Static.hxx>
#include <Message.hxx>
#include <Message_Messenger.hxx>
#include <Quantity_Color.hxx>
#include <STEPCAFControl_Controller.hxx>
#include <STEPCAFControl_Writer.hxx>
#include <StlAPI_Writer.hxx>
#include <TDataStd_Name.hxx>
#include <TDocStd_Document.hxx>
#include <TopExp.hxx>
#include <TopExp_Explorer.hxx>
#include <TopoDS.hxx>
#include <TopoDS_Compound.hxx>
#include <TopoDS_Edge.hxx>
#include <XCAFDoc_ColorTool.hxx>
#include <XCAFDoc_DocumentTool.hxx>
#include <XCAFDoc_ShapeTool.hxx>
#include <cmath>
#include <gp_Ax2.hxx>
#include <gp_Trsf.hxx>
#include <numbers>
#include <stdexcept>

namespace streamtube::test {
namespace {

class Quiet {
 public:
  Quiet() : printers_(Message::DefaultMessenger()->Printers()) {
    Message::DefaultMessenger()->ChangePrinters().Clear();
  }
  ~Quiet() { Message::DefaultMessenger()->ChangePrinters() = printers_; }

 private:
  Message_SequenceOfPrinters printers_;
};

void name(const TDF_Label& label, const char* text) { TDataStd_Name::Set(label, TCollection_ExtendedString(text)); }

void write(const Handle(TDocStd_Document) & document, const std::string& path, CadFormat format,
           const std::string& unit) {
  bool done = false;
  if (format == CadFormat::step) {
    STEPCAFControl_Controller::Init();
    Interface_Static::SetCVal("write.step.unit", unit.c_str());  // before the writer: its model remembers
    STEPCAFControl_Writer writer;
    done = writer.Transfer(document, STEPControl_AsIs) && writer.Write(path.c_str()) == IFSelect_RetDone;
  } else {
    IGESControl_Controller::Init();
    Interface_Static::SetCVal("write.iges.unit", unit.c_str());
    IGESCAFControl_Writer writer;
    done = writer.Transfer(document) && writer.Write(path.c_str());
  }
  if (!done) throw std::runtime_error("cannot write " + path);
}

void write_shape(const TopoDS_Shape& shape, const char* text, const std::string& path, CadFormat format) {
  const Quiet quiet;
  const Handle(TDocStd_Document) document = new TDocStd_Document("BinXCAF");
  const Handle(XCAFDoc_ShapeTool) shapes = XCAFDoc_DocumentTool::ShapeTool(document->Main());
  name(shapes->AddShape(shape, false), text);
  write(document, path, format, "MM");
}

TopLoc_Location shifted(double x, double y, double z) {
  gp_Trsf move;
  move.SetTranslation(gp_Vec(x, y, z));
  return TopLoc_Location(move);
}

TopoDS_Shape car_box() { return BRepPrimAPI_MakeBox(gp_Pnt(0, -200, 100), gp_Pnt(1000, 200, 400)).Shape(); }

// mm; x along the flow, z up.
TopoDS_Shape ahmed() {
  constexpr double kLength = 1044, kWidth = 389, kHeight = 288, kRadius = 100, kSlant = 222, kClearance = 50;
  const double low = kClearance, high = kClearance + kHeight, half = 0.5 * kWidth, angle = 25 * std::numbers::pi / 180;
  const TopoDS_Shape box = BRepPrimAPI_MakeBox(gp_Pnt(0, -half, low), gp_Pnt(kLength, half, high)).Shape();
  // The four edges of the front.
  BRepFilletAPI_MakeFillet rounded(box);
  for (TopExp_Explorer at(box, TopAbs_EDGE); at.More(); at.Next()) {
    TopoDS_Vertex a, b;
    TopExp::Vertices(TopoDS::Edge(at.Current()), a, b);
    if (std::abs(BRep_Tool::Pnt(a).X()) + std::abs(BRep_Tool::Pnt(b).X()) < 1e-6)
      rounded.Add(kRadius, TopoDS::Edge(at.Current()));
  }
  // The slant takes a prism of triangular section off the upper rear edge.
  const double dx = kSlant * std::cos(angle), dz = kSlant * std::sin(angle);
  BRepBuilderAPI_MakePolygon section(gp_Pnt(kLength - dx, -half - 10, high), gp_Pnt(kLength + dx, -half - 10, high),
                                     gp_Pnt(kLength + dx, -half - 10, high - 2 * dz), true);
  const TopoDS_Shape wedge =
      BRepPrimAPI_MakePrism(BRepBuilderAPI_MakeFace(section.Wire()).Face(), gp_Vec(0, kWidth + 20, 0)).Shape();
  const TopoDS_Shape cut = BRepAlgoAPI_Cut(rounded.Shape(), wedge).Shape();
  TopExp_Explorer solid(cut, TopAbs_SOLID);
  if (!solid.More()) throw std::runtime_error("the Ahmed body could not be built");
  return solid.Current();
}

}  // namespace

void write_car(const std::string& path, CadFormat format, const std::string& unit) {
  const Quiet quiet;
  const Handle(TDocStd_Document) document = new TDocStd_Document("BinXCAF");
  const Handle(XCAFDoc_ShapeTool) shapes = XCAFDoc_DocumentTool::ShapeTool(document->Main());
  const Handle(XCAFDoc_ColorTool) colours = XCAFDoc_DocumentTool::ColorTool(document->Main());
  const TDF_Label box = shapes->AddShape(car_box(), false);
  name(box, "body");
  colours->SetColor(box, Quantity_Color(1, 0, 0, Quantity_TOC_RGB), XCAFDoc_ColorSurf);
  const TDF_Label wheel =
      shapes->AddShape(BRepPrimAPI_MakeCylinder(gp_Ax2(gp_Pnt(0, -25, 0), gp_Dir(0, 1, 0)), 100, 50).Shape(), false);
  name(wheel, "wheel");
  const TDF_Label axle = shapes->NewShape();
  name(axle, "axle");
  name(shapes->AddComponent(axle, wheel, shifted(200, 300, 0)), "wheel");
  name(shapes->AddComponent(axle, wheel, shifted(800, 300, 0)), "wheel");
  const TDF_Label car = shapes->NewShape();
  name(car, "car");
  name(shapes->AddComponent(car, box, TopLoc_Location()), "body");
  name(shapes->AddComponent(car, axle, shifted(0, 0, 100)), "axle");
  shapes->UpdateAssemblies();
  write(document, path, format, unit);
}

void write_loose_box(const std::string& path, CadFormat format) {
  BRep_Builder builder;
  TopoDS_Compound faces;
  builder.MakeCompound(faces);
  for (TopExp_Explorer at(car_box(), TopAbs_FACE); at.More(); at.Next())
    builder.Add(faces, BRepBuilderAPI_Copy(at.Current()).Shape());
  write_shape(faces, "skin", path, format);
}

void write_curves(const std::string& path, CadFormat format) {
  BRep_Builder builder;
  TopoDS_Compound wires;
  builder.MakeCompound(wires);
  builder.Add(wires, BRepBuilderAPI_MakeEdge(gp_Pnt(0, 0, 0), gp_Pnt(1000, 0, 0)).Shape());
  builder.Add(wires, BRepBuilderAPI_MakeVertex(gp_Pnt(0, 500, 0)).Shape());
  write_shape(wires, "sketch", path, format);
}

void write_ahmed(const std::string& path, CadFormat format) { write_shape(ahmed(), "ahmed", path, format); }

void write_ahmed_stl(const std::string& path, double deviation) {
  gp_Trsf metres;
  metres.SetScale(gp_Pnt(0, 0, 0), 1e-3);
  const TopoDS_Shape body = BRepBuilderAPI_Transform(ahmed(), metres, true).Shape();
  BRepMesh_IncrementalMesh(body, deviation, false, 0.1);
  StlAPI_Writer writer;
  writer.ASCIIMode() = false;
  if (!writer.Write(body, path.c_str())) throw std::runtime_error("cannot write " + path);
}

}  // namespace streamtube::test
