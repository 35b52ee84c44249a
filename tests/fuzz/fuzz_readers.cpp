// libFuzzer on the readers: whatever a file holds, it is read or refused with an Error; nothing else may happen. The first
// byte of an input chooses the extension, the rest is the file. tests/fuzz/run.sh builds and runs it.
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/error.hpp"
#include "geometry/surface_report.hpp"
#include "mesh_io/mesh_io.hpp"

namespace {

const char* const extensions[] = {".stl", ".obj", ".ply", ".vtp", ".vtu", ".vtk", ".vti", ".vtr", ".vts"};
constexpr std::size_t formats = sizeof extensions / sizeof *extensions;

void write(const std::string& path, const std::uint8_t* data, std::size_t size) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (file < 0 || ::write(file, data, size) != static_cast<ssize_t>(size)) std::abort();
  close(file);
}

template <class Read>
void try_to(const Read& read) {
  try {
    read();
  } catch (const streamtube::core::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace streamtube;
  if (size == 0) return 0;
  const char* folder = std::getenv("FUZZ_FOLDER");
  const std::string extension = extensions[data[0] % formats],
                    path = (folder ? folder : "/dev/shm") + core::str("/fuzz_", getpid(), extension);
  write(path, data + 1, size - 1);
  try_to([&] {
    geometry::SurfaceMesh mesh = mesh_io::read_surface(path);
    // Quadratic in the worst case, which is not what is looked for here.
    if (mesh.face_count() > 2000) return;
    const auto report = geometry::report(mesh, true);
    geometry::prepare(mesh, report, path);
  });
  try_to([&] { mesh_io::read_volume(path); });
  unlink(path.c_str());
  return 0;
}
