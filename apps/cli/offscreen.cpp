#include "apps/cli/offscreen.hpp"

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <dlfcn.h>
#include <vtkGenericOpenGLRenderWindow.h>
#include <vtkNew.h>
#include <vtkObject.h>
#include <vtkPNGWriter.h>
#include <vtkWindowToImageFilter.h>

#include <filesystem>

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
    // Windows have frame buffers of their own; this one is for the context alone.
    const EGLint size[] = {EGL_WIDTH, 16, EGL_HEIGHT, 16, EGL_NONE};
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

void draw_apart(const std::function<void()>& draw) {
  constexpr std::uint64_t kSeconds = 600;
  try {
    core::run_apart({"the picture cannot be drawn: ", kSeconds, "the OpenGL driver", "the body may be too large for it",
                     "there may be too little memory; the other results need no picture", ""},
                    [&] {
                      const QuietVtk quiet;
                      const OffscreenContext context;
                      draw();
                      return std::string();
                    });
  } catch (const Error& error) {
    throw Error(ErrorKind::runtime, error.message(), error.hint());
  }
}

void save_png(vtkGenericOpenGLRenderWindow* window, const std::string& path) {
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

}  // namespace

void require_opengl() {
  draw_apart([] {});
}

void draw_png(const std::string& path, int width, int height,
              const std::function<void(vtkGenericOpenGLRenderWindow*)>& draw) {
  draw_apart([&] {
    vtkNew<vtkGenericOpenGLRenderWindow> window;
    window->SetIsCurrent(true);
    window->SetOwnContext(0);
    window->SetReadyForRendering(true);
    window->SetSupportsOpenGL(1);
    window->SetMultiSamples(4);
    window->SetSize(width, height);
    draw(window);
    save_png(window, path);
  });
}

}  // namespace streamtube::apps
