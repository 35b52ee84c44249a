#include "apps/cli/picture.hpp"

#include <vtkActor.h>
#include <vtkCamera.h>
#include <vtkCellArray.h>
#include <vtkCellData.h>
#include <vtkColorTransferFunction.h>
#include <vtkFloatArray.h>
#include <vtkGenericOpenGLRenderWindow.h>
#include <vtkLookupTable.h>
#include <vtkPointData.h>
#include <vtkPoints.h>
#include <vtkPolyData.h>
#include <vtkPolyDataMapper.h>
#include <vtkProperty.h>
#include <vtkRenderer.h>
#include <vtkScalarBarActor.h>
#include <vtkTextActor.h>
#include <vtkTextProperty.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "apps/cli/offscreen.hpp"
#include "core/error.hpp"

namespace streamtube::apps {

using core::str;

namespace {

constexpr int kWidth = 1600, kPanelHeight = 600;
// Of a panel: the rest is for the colour bar and the title.
constexpr double kUsedWidth = 0.86, kUsedHeight = 0.84;

using Colours = std::vector<std::array<double, 4>>;  // position 0..1, red, green, blue

vtkNew<vtkLookupTable> table(const Colours& colours, double low, double high, bool diverging) {
  vtkNew<vtkColorTransferFunction> function;
  if (diverging) function->SetColorSpaceToDiverging();
  for (const auto& c : colours) function->AddRGBPoint(c[0], c[1], c[2], c[3]);
  vtkNew<vtkLookupTable> out;
  constexpr int kEntries = 256;
  out->SetNumberOfTableValues(kEntries);
  for (int i = 0; i < kEntries; ++i) {
    double rgb[3];
    function->GetColor(i / (kEntries - 1.0), rgb);
    out->SetTableValue(i, rgb[0], rgb[1], rgb[2]);
  }
  out->SetNanColor(0.55, 0.55, 0.55, 1);
  out->SetTableRange(low, high);
  return out;
}

void add_bar(vtkRenderer* renderer, vtkLookupTable* colours, const char* title) {
  vtkNew<vtkScalarBarActor> bar;
  bar->SetLookupTable(colours);
  bar->SetTitle(title);
  bar->SetNumberOfLabels(6);
  bar->SetLabelFormat("%.3g");
  bar->SetUnconstrainedFontSize(true);
  for (auto* text : {bar->GetTitleTextProperty(), bar->GetLabelTextProperty()}) {
    text->SetColor(0.1, 0.1, 0.1);
    text->SetFontSize(22);
    text->ItalicOff();
    text->BoldOff();
    text->ShadowOff();
    text->SetFontFamilyToArial();
  }
  bar->SetPosition(0.91, 0.12);
  bar->SetWidth(0.06);
  bar->SetHeight(0.72);
  renderer->AddActor2D(bar);
}

void add_title(vtkRenderer* renderer, const std::string& title) {
  vtkNew<vtkTextActor> text;
  text->SetInput(title.c_str());
  text->GetTextProperty()->SetColor(0.1, 0.1, 0.1);
  text->GetTextProperty()->SetFontSize(26);
  text->GetTextProperty()->SetFontFamilyToArial();
  text->SetPosition(24, kPanelHeight - 44);
  renderer->AddActor2D(text);
}

// The smallest and largest value without the outermost part of a thousandth: single points must not set the colours.
std::pair<double, double> range_of(std::vector<float> values) {
  values.erase(std::remove_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); }), values.end());
  if (values.empty()) return {0, 1};
  const std::size_t cut = values.size() / 1000;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(cut), values.end());
  const double low = values[cut];
  std::nth_element(values.begin(), values.end() - 1 - static_cast<std::ptrdiff_t>(cut), values.end());
  const double high = values[values.size() - 1 - cut];
  return {low, std::max(high, low + 1e-9)};
}

vtkNew<vtkPolyData> poly_data(const geometry::SurfaceMesh& body, const geometry::Attribute& field) {
  vtkNew<vtkPolyData> surface;
  vtkNew<vtkPoints> points;
  points->SetNumberOfPoints(static_cast<vtkIdType>(body.points.size()));
  for (std::size_t i = 0; i < body.points.size(); ++i)
    points->SetPoint(static_cast<vtkIdType>(i), body.points[i].data());
  vtkNew<vtkCellArray> faces;
  for (std::size_t f = 0; f < body.face_count(); ++f) {
    faces->InsertNextCell(static_cast<int>(body.corner_count(f)));
    for (auto c = body.offsets[f]; c < body.offsets[f + 1]; ++c)
      faces->InsertCellPoint(body.corners[static_cast<std::size_t>(c)]);
  }
  vtkNew<vtkFloatArray> values;
  values->SetName(field.name.c_str());
  values->SetNumberOfTuples(static_cast<vtkIdType>(field.values.size()));
  for (std::size_t i = 0; i < field.values.size(); ++i) values->SetValue(static_cast<vtkIdType>(i), field.values[i]);
  surface->SetPoints(points);
  surface->SetPolys(faces);
  if (field.association == geometry::Association::points)
    surface->GetPointData()->SetScalars(values);
  else
    surface->GetCellData()->SetScalars(values);
  return surface;
}

vtkNew<vtkPolyData> poly_data(const Slice& slice) {
  vtkNew<vtkPolyData> plane;
  vtkNew<vtkPoints> points;
  vtkNew<vtkFloatArray> values;
  vtkNew<vtkCellArray> faces;
  for (std::size_t k = 0; k < slice.rows; ++k)
    for (std::size_t i = 0; i < slice.columns; ++i) {
      points->InsertNextPoint(slice.x0 + static_cast<double>(i) * slice.step, slice.y,
                              slice.z0 + static_cast<double>(k) * slice.step);
      values->InsertNextValue(slice.speed[k * slice.columns + i]);
    }
  const auto at = [&](std::size_t i, std::size_t k) { return static_cast<vtkIdType>(k * slice.columns + i); };
  for (std::size_t k = 0; k + 1 < slice.rows; ++k)
    for (std::size_t i = 0; i + 1 < slice.columns; ++i) {
      const vtkIdType corners[4] = {at(i, k), at(i + 1, k), at(i + 1, k + 1), at(i, k + 1)};
      faces->InsertNextCell(4, corners);
    }
  plane->SetPoints(points);
  plane->SetPolys(faces);
  plane->GetPointData()->SetScalars(values);
  return plane;
}

// The panel of that place from above, of so many.
vtkNew<vtkRenderer> panel(vtkRenderWindow* window, std::size_t place, std::size_t of) {
  vtkNew<vtkRenderer> out;
  const double height = 1.0 / static_cast<double>(of);
  out->SetViewport(0, 1 - static_cast<double>(place + 1) * height, 1, 1 - static_cast<double>(place) * height);
  out->SetBackground(1, 1, 1);
  window->AddRenderer(out);
  return out;
}

// Shows width x height around a place in parallel projection, with room to the right for the colour bar and above for
// the title.
void look_flat(vtkRenderer* renderer, Vec3 center, const Vec3& from, const Vec3& up, double width, double height) {
  constexpr double kAspect = double{kWidth} / kPanelHeight;
  const Vec3 right = cross(up, from);
  center = center + 0.05 * width * right + 0.04 * height * up;
  auto* camera = renderer->GetActiveCamera();
  camera->ParallelProjectionOn();
  camera->SetParallelScale(0.5 * std::max(height / kUsedHeight, width / kUsedWidth / kAspect));
  camera->SetFocalPoint(center.data());
  const Vec3 position = center + 10 * std::max(width, height) * from;
  camera->SetPosition(position.data());
  camera->SetViewUp(up.data());
}

void look(vtkRenderer* renderer, const Box& box, View view) {
  const Vec3 center = 0.5 * (box.low + box.high), size = box.size();
  const auto flat = [&](const Vec3& from, const Vec3& up, double width, double height) {
    constexpr double kMargin = 1.05;
    look_flat(renderer, center, from, up, kMargin * width, kMargin * height);
  };
  switch (view) {
    case View::front:
      return flat({-1, 0, 0}, {0, 0, 1}, size[1], size[2]);
    case View::rear:
      return flat({1, 0, 0}, {0, 0, 1}, size[1], size[2]);
    case View::side:
      return flat({0, -1, 0}, {0, 0, 1}, size[0], size[2]);
    case View::top:
      return flat({0, 0, 1}, {0, 1, 0}, size[0], size[1]);
    case View::bottom:
      return flat({0, 0, -1}, {0, -1, 0}, size[0], size[1]);
    case View::iso:
    case View::iso_rear:
      break;
  }
  const double distance = norm(size);
  auto* camera = renderer->GetActiveCamera();
  camera->SetFocalPoint(center.data());
  camera->SetPosition(center[0] + (view == View::iso_rear ? 1.5 : -1.5) * distance, center[1] - 1.6 * distance,
                      center[2] + 0.9 * distance);
  camera->SetViewUp(0, 0, 1);
  const double bounds[6] = {box.low[0], box.high[0], box.low[1], box.high[1], box.low[2], box.high[2]};
  renderer->ResetCamera(bounds);
  camera->Zoom(1.5);
}

// Blue below zero, red above; what lies on one side of zero only has the colours of that side.
vtkNew<vtkLookupTable> signed_colours(const ColourRange& range) {
  const std::array<double, 3> blue = {0.230, 0.299, 0.754}, white = {0.865, 0.865, 0.865}, red = {0.706, 0.016, 0.150};
  const double zero = std::clamp(-range.low / (range.high - range.low), 0.0, 1.0);
  Colours colours;
  if (zero > 0) colours.push_back({0, blue[0], blue[1], blue[2]});
  colours.push_back({zero, white[0], white[1], white[2]});
  if (zero < 1) colours.push_back({1, red[0], red[1], red[2]});
  return table(colours, range.low, range.high, true);
}

void add_body(vtkRenderer* renderer, const BodyPanel& what) {
  const auto colours = signed_colours(what.range);
  vtkNew<vtkPolyDataMapper> mapper;
  mapper->SetInputData(poly_data(*what.body, *what.field));
  mapper->SetLookupTable(colours);
  mapper->UseLookupTableScalarRangeOn();
  vtkNew<vtkActor> actor;
  actor->SetMapper(mapper);
  actor->GetProperty()->SetAmbient(0.5);
  actor->GetProperty()->SetDiffuse(0.55);
  actor->GetProperty()->SetInterpolationToFlat();
  renderer->AddActor(actor);
  look(renderer, what.seen, what.view);
  renderer->ResetCameraClippingRange();
  add_bar(renderer, colours, what.bar.c_str());
  add_title(renderer, what.title);
}

// The plane, seen from -y: x to the right, z up.
void add_slice(vtkRenderer* renderer, const Slice& slice, const ColourRange& range) {
  const auto colours = table({{0.0, 0.267, 0.005, 0.329},
                              {0.25, 0.229, 0.322, 0.546},
                              {0.5, 0.128, 0.567, 0.551},
                              {0.75, 0.369, 0.789, 0.383},
                              {1.0, 0.993, 0.906, 0.144}},
                             range.low, range.high, false);
  vtkNew<vtkPolyDataMapper> mapper;
  mapper->SetInputData(poly_data(slice));
  mapper->SetLookupTable(colours);
  mapper->UseLookupTableScalarRangeOn();
  mapper->InterpolateScalarsBeforeMappingOn();
  vtkNew<vtkActor> actor;
  actor->SetMapper(mapper);
  actor->GetProperty()->LightingOff();
  renderer->AddActor(actor);
  const double width = static_cast<double>(slice.columns - 1) * slice.step,
               height = static_cast<double>(slice.rows - 1) * slice.step;
  look_flat(renderer, {slice.x0 + 0.5 * width, slice.y, slice.z0 + 0.5 * height}, {0, -1, 0}, {0, 0, 1}, width, height);
  renderer->ResetCameraClippingRange();
  add_bar(renderer, colours, "m/s");
  add_title(renderer, str("speed in the plane y = ", std::abs(slice.y) < 1e-9 ? 0.0 : slice.y, " m"));
}

}  // namespace

double colour_limit(const std::vector<float>& values) {
  const auto [low, high] = range_of(values);
  return std::max({std::abs(low), std::abs(high), 1e-30});
}

void write_picture(const std::string& path, const std::vector<BodyPanel>& bodies, const Slice* slice,
                   std::optional<ColourRange> speeds) {
  for (const BodyPanel& body : bodies)
    core::expect(body.field->components == 1, "write_picture: the field is a vector");
  const std::size_t count = bodies.size() + (slice != nullptr);
  draw_png(path, kWidth, kPanelHeight * static_cast<int>(count), [&](vtkGenericOpenGLRenderWindow* window) {
    for (std::size_t i = 0; i < bodies.size(); ++i) add_body(panel(window, i, count), bodies[i]);
    if (slice)
      add_slice(panel(window, bodies.size(), count), *slice,
                speeds.value_or(ColourRange{0, range_of(slice->speed).second}));
  });
}

}  // namespace streamtube::apps
