#pragma once
// Rendering without a window: VTK with OpenGL through EGL, which needs neither a display nor a GPU.

#include <vtkGenericOpenGLRenderWindow.h>
#include <vtkNew.h>

#include <functional>
#include <string>

namespace streamtube::apps {

// To be asked before the work that a picture is made of. Throws Error(runtime) naming the packages when no OpenGL can
// be had.
void require_opengl();

// Calls draw() with an OpenGL context, in a process of its own: drivers of software OpenGL crash where memory ends,
// and that would take the results along. Throws Error(runtime).
void draw_apart(const std::function<void()>& draw);

// Within draw(): a window of so many pixels.
vtkNew<vtkGenericOpenGLRenderWindow> make_window(int width, int height);

// Within draw(): renders and writes a PNG file. Throws Error(runtime) when the disk refuses.
void save_png(vtkGenericOpenGLRenderWindow* window, const std::string& path);

}  // namespace streamtube::apps
