#include "apps/cli/picture.hpp"

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <dlfcn.h>
#include <vtkActor.h>
#include <vtkAxis.h>
#include <vtkCamera.h>
#include <vtkCellArray.h>
#include <vtkCellData.h>
#include <vtkChartLegend.h>
#include <vtkChartXY.h>
#include <vtkColorTransferFunction.h>
#include <vtkContextActor.h>
#include <vtkContextScene.h>
#include <vtkDoubleArray.h>
#include <vtkFloatArray.h>
#include <vtkGenericOpenGLRenderWindow.h>
#include <vtkLookupTable.h>
#include <vtkNew.h>
#include <vtkObject.h>
#include <vtkPNGWriter.h>
#include <vtkPen.h>
#include <vtkPlotPoints.h>
#include <vtkPointData.h>
#include <vtkPoints.h>
#include <vtkPolyData.h>
#include <vtkPolyDataMapper.h>
#include <vtkProperty.h>
#include <vtkRenderer.h>
#include <vtkScalarBarActor.h>
#include <vtkStringArray.h>
#include <vtkTable.h>
#include <vtkTextActor.h>
#include <vtkTextProperty.h>
#include <vtkWindowToImageFilter.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <functional>

#include "core/error.hpp"
#include "core/own_process.hpp"

// What VTK's CMake would generate: the OpenGL and text back ends register themselves.
#include <vtkAutoInit.h>
VTK_MODULE_INIT(vtkRenderingOpenGL2);
VTK_MODULE_INIT(vtkRenderingFreeType);
VTK_MODULE_INIT(vtkRenderingContextOpenGL2);

namespace streamtube::apps {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {

constexpr int kWidth = 1600, kHeight = 1200;

// An OpenGL context without a window, current while the object lives.
class OffscreenContext {
 public:
  OffscreenContext() {
    library_ = dlopen("libEGL.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library_) fail("libEGL.so.1 was not found");
    const auto get = reinterpret_cast<void* (*)(const char*)>(dlsym(library_, "eglGetProcAddress"));
    if (!get) fail("libEGL.so.1 has no eglGetProcAddress");
    const auto get_display = reinterpret_cast<PFNEGLGETPLATFORMDISPLAYEXTPROC>(get("eglGetPlatformDisplayEXT"));
    const auto initialize = reinterpret_cast<PFNEGLINITIALIZEPROC>(get("eglInitialize"));
    const auto bind = reinterpret_cast<PFNEGLBINDAPIPROC>(get("eglBindAPI"));
    const auto choose = reinterpret_cast<PFNEGLCHOOSECONFIGPROC>(get("eglChooseConfig"));
    const auto create = reinterpret_cast<PFNEGLCREATECONTEXTPROC>(get("eglCreateContext"));
    const auto surface = reinterpret_cast<PFNEGLCREATEPBUFFERSURFACEPROC>(get("eglCreatePbufferSurface"));
    const auto make_current = reinterpret_cast<PFNEGLMAKECURRENTPROC>(get("eglMakeCurrent"));
    terminate_ = reinterpret_cast<PFNEGLTERMINATEPROC>(get("eglTerminate"));
    if (!get_display || !initialize || !bind || !choose || !create || !surface || !make_current || !terminate_)
      fail("the EGL library lacks a function");

    display_ = get_display(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, nullptr);
    if (display_ == EGL_NO_DISPLAY || !initialize(display_, nullptr, nullptr)) {
      display_ = EGL_NO_DISPLAY;
      fail("EGL has no display without a screen");
    }
    const EGLint wanted[] = {EGL_SURFACE_TYPE,
                             EGL_PBUFFER_BIT,
                             EGL_RENDERABLE_TYPE,
                             EGL_OPENGL_BIT,
                             EGL_RED_SIZE,
                             8,
                             EGL_GREEN_SIZE,
                             8,
                             EGL_BLUE_SIZE,
                             8,
                             EGL_DEPTH_SIZE,
                             24,
                             EGL_NONE};
    EGLConfig config;
    EGLint count = 0;
    bind(EGL_OPENGL_API);
    if (!choose(display_, wanted, &config, 1, &count) || count < 1) fail("EGL offers no usable configuration");
    const EGLint version[] = {
        EGL_CONTEXT_MAJOR_VERSION,           3,       EGL_CONTEXT_MINOR_VERSION, 2, EGL_CONTEXT_OPENGL_PROFILE_MASK,
        EGL_CONTEXT_OPENGL_CORE_PROFILE_BIT, EGL_NONE};
    const EGLContext context = create(display_, config, EGL_NO_CONTEXT, version);
    const EGLint size[] = {EGL_WIDTH, kWidth, EGL_HEIGHT, kHeight, EGL_NONE};
    const EGLSurface buffer = surface(display_, config, size);
    if (context == EGL_NO_CONTEXT || buffer == EGL_NO_SURFACE || !make_current(display_, buffer, buffer, context))
      fail("OpenGL 3.2 is not to be had");
  }
  ~OffscreenContext() { close(); }

 private:
  void close() {
    if (display_ != EGL_NO_DISPLAY) terminate_(display_);
    display_ = EGL_NO_DISPLAY;
    // The library stays loaded: drivers do not like to be unloaded.
  }
  [[noreturn]] void fail(const char* reason) {
    close();
    throw Error(ErrorKind::runtime, str("the picture cannot be drawn: ", reason),
                "install the packages libegl1, libegl-mesa0 and libgl1-mesa-dri (software OpenGL)");
  }
  void* library_ = nullptr;
  EGLDisplay display_ = EGL_NO_DISPLAY;
  PFNEGLTERMINATEPROC terminate_ = nullptr;
};

// VTK complains that it found no X display when it looks for GLX; that is the point here.
class QuietVtk {
 public:
  QuietVtk() : before_(vtkObject::GetGlobalWarningDisplay()) { vtkObject::GlobalWarningDisplayOff(); }
  ~QuietVtk() { vtkObject::SetGlobalWarningDisplay(before_); }

 private:
  int before_;
};

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

void add_title(vtkRenderer* renderer, const std::string& title, int height) {
  vtkNew<vtkTextActor> text;
  text->SetInput(title.c_str());
  text->GetTextProperty()->SetColor(0.1, 0.1, 0.1);
  text->GetTextProperty()->SetFontSize(26);
  text->GetTextProperty()->SetFontFamilyToArial();
  text->SetPosition(24, height - 44);
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

vtkNew<vtkGenericOpenGLRenderWindow> make_window() {
  vtkNew<vtkGenericOpenGLRenderWindow> window;
  window->SetIsCurrent(true);
  window->SetOwnContext(0);
  window->SetReadyForRendering(true);
  window->SetSupportsOpenGL(1);
  window->SetMultiSamples(4);
  window->SetSize(kWidth, kHeight);
  return window;
}

// Renders and writes a PNG file.
void save(vtkGenericOpenGLRenderWindow* window, const std::string& path) {
  window->OpenGLInit();
  window->Render();

  vtkNew<vtkWindowToImageFilter> image;
  image->SetInput(window);
  image->ReadFrontBufferOff();
  image->ShouldRerenderOff();
  vtkNew<vtkPNGWriter> writer;
  writer->SetFileName(path.c_str());
  writer->SetInputConnection(image->GetOutputPort());
  writer->Write();
  window->Finalize();
  std::error_code error;
  if (writer->GetErrorCode() != 0 || std::filesystem::file_size(path, error) == 0 || error)
    throw Error(ErrorKind::runtime, str("'", path, "': the picture cannot be written"), "is the disk full?");
}

// A field of one component on a body, seen from the front (or behind), above and one side; white is 0, full colours are
// +-limit.
void add_body(vtkRenderWindow* window, const geometry::SurfaceMesh& body, const geometry::Attribute& field,
              double limit, const std::string& title, const char* bar, const std::array<double, 4>& place,
              bool from_behind) {
  vtkNew<vtkPolyData> surface;
  {
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
  }
  const auto colours =
      table({{0, 0.230, 0.299, 0.754}, {0.5, 0.865, 0.865, 0.865}, {1, 0.706, 0.016, 0.150}}, -limit, limit, true);
  vtkNew<vtkPolyDataMapper> surface_mapper;
  surface_mapper->SetInputData(surface);
  surface_mapper->SetLookupTable(colours);
  surface_mapper->UseLookupTableScalarRangeOn();
  vtkNew<vtkActor> surface_actor;
  surface_actor->SetMapper(surface_mapper);
  surface_actor->GetProperty()->SetAmbient(0.5);
  surface_actor->GetProperty()->SetDiffuse(0.55);
  surface_actor->GetProperty()->SetInterpolationToFlat();
  vtkNew<vtkRenderer> renderer;
  renderer->SetViewport(place[0], place[1], place[2], place[3]);
  renderer->SetBackground(1, 1, 1);
  renderer->AddActor(surface_actor);
  const Box box = body.bounds();
  const Vec3 center = 0.5 * (box.low + box.high);
  const double size = norm(box.size());
  auto* camera = renderer->GetActiveCamera();
  camera->SetFocalPoint(center.data());
  camera->SetPosition(center[0] + (from_behind ? 1.5 : -1.5) * size, center[1] - 1.6 * size, center[2] + 0.9 * size);
  camera->SetViewUp(0, 0, 1);
  renderer->ResetCamera();
  camera->Zoom(1.5);
  renderer->ResetCameraClippingRange();
  add_bar(renderer, colours, bar);
  add_title(renderer, title, kHeight / 2);
  window->AddRenderer(renderer);
}

// A curve of a chart: y over x, both positive; the whole is drawn in black, its parts in colours.
struct Series {
  std::string name;
  std::vector<double> x, y;
  bool whole = false;
};

// A chart with a logarithmic y axis over 0 .. last in a part of the window (left, bottom, right, top).
void add_chart(vtkRenderWindow* window, const std::vector<Series>& series, const std::array<double, 4>& place,
               const std::string& title, const std::string& y_title, double last, bool markers) {
  // Told apart by the colour-blind too (Okabe and Ito).
  constexpr unsigned char kColours[][3] = {{0, 114, 178},   {213, 94, 0},   {0, 158, 115},
                                           {204, 121, 167}, {86, 180, 233}, {230, 159, 0},
                                           {120, 120, 120}, {0, 60, 90},    {130, 50, 0}};
  vtkNew<vtkChartXY> chart;
  std::size_t colour = 0;
  double low = 1e300, high = 0;
  for (const Series& s : series) {
    vtkNew<vtkDoubleArray> x, y;
    x->SetName("update"), y->SetName(s.name.c_str());
    for (const double v : s.x) x->InsertNextValue(v);
    for (const double v : s.y) y->InsertNextValue(v), low = std::min(low, v), high = std::max(high, v);
    vtkNew<vtkTable> table;
    table->AddColumn(x), table->AddColumn(y);
    auto* plot = vtkPlotPoints::SafeDownCast(chart->AddPlot(vtkChart::LINE));
    plot->SetInputData(table, 0, 1);
    constexpr unsigned char kBlack[3] = {20, 20, 20};
    const unsigned char* c = s.whole ? kBlack : kColours[colour++ % std::size(kColours)];
    plot->SetColor(c[0], c[1], c[2], 255);
    plot->SetWidth(s.whole ? 4.0f : 2.5f);
    plot->SetMarkerStyle(markers || s.x.size() == 1 ? vtkPlotPoints::CIRCLE : vtkPlotPoints::NONE);
    plot->SetMarkerSize(9);
  }
  for (const int side : {vtkAxis::LEFT, vtkAxis::BOTTOM}) {
    vtkAxis* axis = chart->GetAxis(side);
    axis->SetTitle(side == vtkAxis::LEFT ? y_title : "update");
    axis->GetLabelProperties()->SetFontSize(22);
    axis->GetTitleProperties()->SetFontSize(24);
    axis->GetTitleProperties()->BoldOff();
    axis->GetGridPen()->SetColor(215, 215, 215, 255);
  }
  vtkAxis* x_axis = chart->GetAxis(vtkAxis::BOTTOM);
  x_axis->SetBehavior(vtkAxis::FIXED);
  x_axis->SetUnscaledRange(0, 1.01 * last);
  vtkAxis* y_axis = chart->GetAxis(vtkAxis::LEFT);
  y_axis->SetLogScale(true);
  y_axis->SetBehavior(vtkAxis::FIXED);
  // A little room for the markers at both ends, and at least a factor of two.
  const double room = std::max(1.08, std::sqrt(2 * low / high)), bottom = low / room, top = high * room;
  vtkNew<vtkDoubleArray> ticks;
  vtkNew<vtkStringArray> labels;
  for (double decade = std::pow(10, std::floor(std::log10(bottom))); decade <= top; decade *= 10)
    for (const double m : top / bottom > 1000 ? std::vector<double>{1.0} : std::vector<double>{1.0, 2.0, 3.0, 5.0, 7.0})
      if (const double at = m * decade; at >= bottom && at <= top)
        ticks->InsertNextValue(std::log10(at)), labels->InsertNextValue(str(at));
  y_axis->SetUnscaledRange(bottom, top);
  y_axis->SetCustomTickPositions(ticks, labels);
  chart->SetTitle(title);
  chart->GetTitleProperties()->SetFontSize(26);
  chart->SetShowLegend(true);
  chart->GetLegend()->SetInline(false);
  chart->GetLegend()->SetHorizontalAlignment(vtkChartLegend::RIGHT);
  chart->GetLegend()->SetVerticalAlignment(vtkChartLegend::TOP);
  chart->GetLegend()->SetLabelSize(22);
  chart->GetLegend()->GetPen()->SetLineType(vtkPen::NO_PEN);

  vtkNew<vtkContextActor> actor;
  vtkNew<vtkRenderer> renderer;
  renderer->SetViewport(place[0], place[1], place[2], place[3]);
  renderer->SetBackground(1, 1, 1);
  actor->GetScene()->AddItem(chart);
  actor->GetScene()->SetRenderer(renderer);
  renderer->AddActor(actor);
  window->AddRenderer(renderer);
}

// Drivers of software OpenGL crash where memory ends; that would take the results along.
void draw_apart(const std::function<void()>& draw) {
  constexpr std::uint64_t kSeconds = 600;
  try {
    core::run_apart({"the picture cannot be drawn: ", kSeconds, "the OpenGL driver", "the body may be too large for it",
                     "there may be too little memory; the other results need no picture", ""},
                    [&] {
                      draw();
                      return std::string();
                    });
  } catch (const Error& error) {
    throw Error(ErrorKind::runtime, error.message(), error.hint());
  }
}

}  // namespace

double colour_limit(const std::vector<float>& values) {
  const auto [low, high] = range_of(values);
  return std::max({std::abs(low), std::abs(high), 1e-30});
}

void require_opengl() {
  draw_apart([] { const OffscreenContext context; });
}

void write_picture(const std::string& path, const geometry::SurfaceMesh& body, const Slice& slice,
                   const std::string& title) {
  const geometry::Attribute* cp = nullptr;
  for (const auto& a : body.attributes)
    if (a.name == "Cp" && a.components == 1) cp = &a;
  core::expect(cp != nullptr, "write_picture: the body has no Cp");
  draw_apart([&] {
    const QuietVtk quiet;
    const OffscreenContext context;

    const auto window = make_window();

    add_body(window, body, *cp, colour_limit(cp->values), title, "Cp", {0, 0.5, 1, 1}, false);

    // The plane, seen from -y: x to the right, z up.
    vtkNew<vtkPolyData> plane;
    {
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
    }
    const auto speed_colours = table({{0.0, 0.267, 0.005, 0.329},
                                      {0.25, 0.229, 0.322, 0.546},
                                      {0.5, 0.128, 0.567, 0.551},
                                      {0.75, 0.369, 0.789, 0.383},
                                      {1.0, 0.993, 0.906, 0.144}},
                                     0, range_of(slice.speed).second, false);
    vtkNew<vtkPolyDataMapper> plane_mapper;
    plane_mapper->SetInputData(plane);
    plane_mapper->SetLookupTable(speed_colours);
    plane_mapper->UseLookupTableScalarRangeOn();
    plane_mapper->InterpolateScalarsBeforeMappingOn();
    vtkNew<vtkActor> plane_actor;
    plane_actor->SetMapper(plane_mapper);
    plane_actor->GetProperty()->LightingOff();
    vtkNew<vtkRenderer> below;
    below->SetViewport(0, 0, 1, 0.5);
    below->SetBackground(1, 1, 1);
    below->AddActor(plane_actor);
    const double width = static_cast<double>(slice.columns - 1) * slice.step;
    const double height = static_cast<double>(slice.rows - 1) * slice.step;
    auto* camera = below->GetActiveCamera();
    camera->ParallelProjectionOn();
    // Room to the right for the colour bar and above for the title.
    const double aspect = kWidth / (0.5 * kHeight);
    camera->SetParallelScale(0.5 * std::max(height / 0.84, width / 0.86 / aspect));
    const double x = slice.x0 + 0.5 * width + 0.05 * width, z = slice.z0 + 0.5 * height + 0.04 * height;
    camera->SetFocalPoint(x, slice.y, z);
    camera->SetPosition(x, slice.y - 10 * std::max(width, height), z);
    camera->SetViewUp(0, 0, 1);
    below->ResetCameraClippingRange();
    add_bar(below, speed_colours, "m/s");
    add_title(below, str("speed in the plane y = ", std::abs(slice.y) < 1e-9 ? 0.0 : slice.y, " m"), kHeight / 2);

    window->AddRenderer(below);
    save(window, path);
  });
}

void write_field_picture(const std::string& path, const geometry::SurfaceMesh& body, const geometry::Attribute& field,
                         const std::string& title, double limit) {
  core::expect(field.components == 1, "write_field_picture: the field is a vector");
  draw_apart([&] {
    const QuietVtk quiet;
    const OffscreenContext context;
    const auto window = make_window();
    if (!(limit > 0)) limit = colour_limit(field.values);
    add_body(window, body, field, limit, title, "", {0, 0.5, 1, 1}, false);
    add_body(window, body, field, limit, "from behind", "", {0, 0, 1, 0.5}, true);
    save(window, path);
  });
}

void write_loss_picture(const std::string& path, const surrogate::Curves& curves, const std::string& title) {
  draw_apart([&] {
    const QuietVtk quiet;
    const OffscreenContext context;
    const auto window = make_window();
    // A field has one colour in both charts: that of its place among the parts of the loss.
    std::vector<Series> loss, validation;
    for (const std::string& column : curves.columns) {
      const std::string prefix = "validation/";
      const bool of_validation = column.rfind(prefix, 0) == 0;
      const std::string name = of_validation ? column.substr(prefix.size()) : column;
      const bool whole = column == "loss" || name == "mean", part = name.find('/') != std::string::npos;
      if (!whole && !part) continue;
      Series s{name, {}, {}, whole};
      std::replace_if(s.name.begin(), s.name.end(), [](char c) { return c == '/' || c == '_'; }, ' ');
      for (const auto& [update, row] : curves.rows)
        if (const auto value = row.find(column);
            value != row.end() && value->second > 0 && std::isfinite(value->second)) {
          s.x.push_back(static_cast<double>(update));
          s.y.push_back(of_validation ? 100 * value->second : value->second);
        }
      if (!s.x.empty()) (of_validation ? validation : loss).push_back(std::move(s));
    }
    if (loss.empty()) throw Error(ErrorKind::runtime, "no loss was logged yet");
    const double last = curves.rows.empty() ? 1 : static_cast<double>(curves.rows.rbegin()->first);
    const double middle = validation.empty() ? 0 : 0.5;
    add_chart(window, loss, {0, middle, 1, 1}, title, "loss (mean squared error, normalised)", last, false);
    if (!validation.empty())
      add_chart(window, validation, {0, 0, 1, middle}, "", "validation: relative L2 error, %", last, true);
    save(window, path);
  });
}

}  // namespace streamtube::apps
