#pragma once
// Rendering without a window: VTK with OpenGL through EGL, which needs neither a display nor a GPU.

#include <functional>
#include <string>

class vtkGenericOpenGLRenderWindow;

namespace streamtube::apps {

// To be asked before the work that a picture is made of. Throws Error(runtime) naming the packages when no OpenGL can
// be had.
void require_opengl();

// Writes a PNG file of width x height pixels of what draw() puts into the window; in a process of its own: drivers of
// software OpenGL crash where memory ends, and that would take the results along. Throws Error(runtime), also when the
// disk refuses.
void draw_png(const std::string& path, int width, int height,
              const std::function<void(vtkGenericOpenGLRenderWindow*)>& draw);

}  // namespace streamtube::apps
