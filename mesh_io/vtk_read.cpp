// VTK's own formats, through VTK. Its readers report through messages and hand out what they have; here any error is
// thrown, and counts that cannot fit the file are refused before VTK allocates for them.

#include <vtkCellData.h>
#include <vtkCellType.h>
#include <vtkDataArray.h>
#include <vtkDataSet.h>
#include <vtkDataSetAttributes.h>
#include <vtkDataSetReader.h>
#include <vtkErrorCode.h>
#include <vtkImageData.h>
#include <vtkNew.h>
#include <vtkPointData.h>
#include <vtkPointSet.h>
#include <vtkPoints.h>
#include <vtkPolyData.h>
#include <vtkRectilinearGrid.h>
#include <vtkSmartPointer.h>
#include <vtkStructuredGrid.h>
#include <vtkUnstructuredGrid.h>
#include <vtkXMLImageDataReader.h>
#include <vtkXMLPolyDataReader.h>
#include <vtkXMLRectilinearGridReader.h>
#include <vtkXMLStructuredGridReader.h>
#include <vtkXMLUnstructuredGridReader.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <limits>
#include <sstream>

#include "core/error.hpp"
#include "core/own_process.hpp"
#include "mesh_io/formats.hpp"
#include "mesh_io/input_file.hpp"
#include "mesh_io/join_parts.hpp"
#include "mesh_io/mesh_bytes.hpp"
#include "mesh_io/vtk_legacy_check.hpp"
#include "mesh_io/vtk_tools.hpp"
#include "mesh_io/vtk_xml_check.hpp"

namespace streamtube::mesh_io {
using core::Error;
using core::ErrorKind;
using core::str;

namespace {

std::string where_text(const std::string& path, const char* format) { return str("'", path, "' (", format, "): "); }

void throw_messages(const VtkMessages& messages, unsigned long code, const std::string& where) {
  if (!messages.errors().empty()) throw Error(ErrorKind::input, where + messages.errors().front(), kDamaged);
  if (code != vtkErrorCode::NoError)
    throw Error(ErrorKind::input, where + vtkErrorCode::GetStringFromErrorCode(code), kDamaged);
  // VTK warns where data are missing and goes on; a mesh with holes in its data is no input.
  if (!messages.warnings().empty()) throw Error(ErrorKind::input, where + messages.warnings().front(), kDamaged);
}

bool names_no_points(const VtkMessages& messages) {
  for (const auto* list : {&messages.errors(), &messages.warnings()})
    for (const std::string& text : *list)
      if (text.find("No Points element available") != std::string::npos) return true;
  return false;
}

// VTK 9.1 does not read "nan" and "inf" as text. Numbers that nobody writes stand for them while it reads.
constexpr double kNotANumber = 9.8765432109876e36, kInfinite = 9.8765432109877e37;

// A copy of a text with them in the place of words that are such numbers; empty as long as there are none.
class Marked {
 public:
  explicit Marked(const InputFile& file) : file_(file), copied_(file.data()) {}
  void look_at(std::string_view word) {
    double value;
    if (!parse_number(word, value) || std::isfinite(value)) return;
    out_.append(copied_, static_cast<std::size_t>(word.data() - copied_));
    copied_ = word.data() + word.size();
    std::ostringstream mark;
    mark << std::setprecision(17) << (std::isnan(value) ? kNotANumber : value > 0 ? kInfinite : -kInfinite);
    out_ += mark.str();
  }
  std::string text() {
    if (!out_.empty()) out_.append(copied_, static_cast<std::size_t>(file_.data() + file_.size() - copied_));
    return std::move(out_);
  }

 private:
  const InputFile& file_;
  const char* copied_;
  std::string out_;
};

// The text of an ASCII file of the old format with marks; empty for a binary file, and for one without.
std::string legacy_with_marks(const InputFile& file) {
  TextCursor in(file);
  in.rest_of_line(), in.rest_of_line();
  if (!equal_no_case(in.word_on_line(), "ASCII")) return {};
  Marked marked(file);
  while (!in.at_end()) {
    // Lines of numbers begin with one; names elsewhere are left alone.
    double value;
    const TextCursor line = in;
    const bool numbers = parse_number(in.word_on_line(), value);
    in = line;
    if (!numbers) {
      in.rest_of_line();
      continue;
    }
    for (std::string_view word = in.word_on_line(); !word.empty(); word = in.word_on_line()) marked.look_at(word);
    in.rest_of_line();
  }
  return marked.text();
}

// The same of a file in XML, in whose ASCII arrays they may stand.
std::string xml_with_marks(const InputFile& file) {
  Marked marked(file);
  for_ascii_arrays(file, [&](std::string_view numbers) {
    for (std::size_t at = 0; at < numbers.size();) {
      const auto space = [&](std::size_t i) { return static_cast<unsigned char>(numbers[i]) <= ' '; };
      while (at < numbers.size() && space(at)) ++at;
      const std::size_t begin = at;
      while (at < numbers.size() && !space(at)) ++at;
      // What begins with a digit, a sign before it or a point is a number that VTK reads.
      const std::string_view word = numbers.substr(begin, at - begin);
      if (word.find_first_of("nN") != word.npos) marked.look_at(word);
    }
  });
  return marked.text();
}

void put_back(vtkDataArray* array) {
  if (!array) return;
  for (vtkIdType i = 0; i < array->GetNumberOfTuples(); ++i)
    for (int c = 0; c < array->GetNumberOfComponents(); ++c) {
      const double x = array->GetComponent(i, c);
      const auto near = [&](double mark) { return std::abs(x - mark) < 1e-6 * std::abs(mark); };
      if (near(kNotANumber)) array->SetComponent(i, c, std::nan(""));
      if (near(kInfinite)) array->SetComponent(i, c, std::numeric_limits<double>::infinity());
      if (near(-kInfinite)) array->SetComponent(i, c, -std::numeric_limits<double>::infinity());
    }
}

void put_back(vtkDataSet* data) {
  for (vtkDataSetAttributes* attributes : {static_cast<vtkDataSetAttributes*>(data->GetPointData()),
                                           static_cast<vtkDataSetAttributes*>(data->GetCellData())})
    for (int k = 0; k < attributes->GetNumberOfArrays(); ++k) put_back(attributes->GetArray(k));
  if (auto* points = vtkPointSet::SafeDownCast(data); points && points->GetPoints())
    put_back(points->GetPoints()->GetData());
}

template <class Reader>
vtkSmartPointer<vtkDataSet> read_xml(const std::string& path, const char* format) {
  const std::string where = where_text(path, format);
  std::string text;
  {
    const InputFile file(path, format);
    check_xml_file(file);
    text = xml_with_marks(file);
  }
  try {
    VtkMessages messages;
    vtkNew<Reader> reader;
    reader->SetFileName(path.c_str());
    if (!text.empty()) reader->SetInputString(text), reader->ReadFromInputStringOn();
    reader->Update();
    if (!text.empty()) put_back(reader->GetOutput());
    // A file without any point is in order, and says so by having no element for them.
    if (reader->GetOutput()->GetNumberOfPoints() > 0 || !names_no_points(messages))
      throw_messages(messages, reader->GetErrorCode(), where);
    return vtkSmartPointer<vtkDataSet>(reader->GetOutput());
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::input, where + "not enough memory for the sizes it gives", kDamaged);
  }
}

vtkSmartPointer<vtkDataSet> read_legacy(const std::string& path, const char* format) {
  const std::string where = where_text(path, format);
  std::string text;
  {
    const InputFile file(path, format);
    check_legacy_file(file);
    text = legacy_with_marks(file);
  }
  try {
    VtkMessages messages;
    vtkNew<vtkDataSetReader> reader;
    reader->SetFileName(path.c_str());
    if (!text.empty()) reader->SetInputString(text), reader->ReadFromInputStringOn();
    reader->ReadAllScalarsOn();
    reader->ReadAllVectorsOn();
    reader->ReadAllNormalsOn();
    reader->ReadAllTensorsOn();
    reader->ReadAllTCoordsOn();
    reader->ReadAllFieldsOn();
    reader->Update();
    throw_messages(messages, reader->GetErrorCode(), where);
    vtkSmartPointer<vtkDataSet> data = vtkDataSet::SafeDownCast(reader->GetOutput());
    if (!data) throw Error(ErrorKind::input, where + "holds no mesh", kDamaged);
    if (!text.empty()) put_back(data);
    return data;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::input, where + "not enough memory for the sizes it gives", kDamaged);
  }
}

std::string stem(const std::string& path) { return std::filesystem::path(path).stem().string(); }

geometry::VolumeMesh checked_volume(vtkDataSet* data, const std::string& path, const char* format, bool xml) {
  const std::string where = where_text(path, format);
  geometry::VolumeMesh mesh = volume_from_vtk(data, where);
  if (std::find(mesh.types.begin(), mesh.types.end(), VTK_POLYHEDRON) != mesh.types.end()) {
    if (xml && mesh.face_offsets.empty()) read_new_polyhedra(path, where, mesh);
    check_polyhedra(mesh, where);
  }
  drop_ghosts(mesh);
  return mesh;
}

// Larger ones would take too much memory twice; damage that crashes VTK was only found in what is small and made up.
constexpr std::uintmax_t kLargestApart = std::uintmax_t{1} << 30;

// What `read` makes of the file, in a process of its own: VTK's readers crash on some damaged files.
template <class Mesh, class Read>
Mesh read_apart(const std::string& path, const char* format, Notes& notes, const Read& read) {
  std::error_code unknown;
  const std::uintmax_t size = std::filesystem::file_size(path, unknown);
  if (unknown || size > kLargestApart) return read(notes);
  std::string message, hint;  // of NoSurface, whose type an error from there has not
  Bytes bytes(core::run_apart({where_text(path, format), 60 + 20 * (size >> 20)}, [&] {
    Bytes out;
    Notes found;
    Mesh mesh;
    try {
      mesh = read(found);
    } catch (const NoSurface& none) {
      message = none.message(), hint = none.hint();
    }
    out.pass(message), out.pass(hint), out.pass(found), out.pass(mesh);
    return std::move(out.text);
  }));
  Notes found;
  Mesh mesh;
  bytes.pass(message), bytes.pass(hint), bytes.pass(found), bytes.pass(mesh);
  if (!message.empty()) throw NoSurface(ErrorKind::input, message, hint);
  notes.insert(notes.end(), found.begin(), found.end());
  return mesh;
}

template <class Read>
geometry::SurfaceMesh surface(const std::string& path, const char* format, Notes& notes, const Read& read) {
  return read_apart<geometry::SurfaceMesh>(path, format, notes, [&](Notes& found) {
    geometry::SurfaceMesh mesh = surface_from_vtk(read(path, format), where_text(path, format), stem(path), found);
    drop_ghosts(mesh);
    if (mesh.face_count() == 0)
      throw NoSurface(ErrorKind::input,
                      where_text(path, format) + "all its polygons are ghosts, which another piece owns",
                      "give the file that lists the pieces (.pvtp, .pvtu)");
    return mesh;
  });
}

template <class Read>
geometry::VolumeMesh volume(const std::string& path, const char* format, bool xml, const Read& read) {
  Notes none;
  return read_apart<geometry::VolumeMesh>(
      path, format, none, [&](Notes&) { return checked_volume(read(path, format), path, format, xml); });
}

geometry::SurfaceMesh vtp_surface(const std::string& path, Notes& notes) {
  return surface(path, "VTP", notes, read_xml<vtkXMLPolyDataReader>);
}
geometry::VolumeMesh vtp_volume(const std::string& path) {
  return volume(path, "VTP", false, read_xml<vtkXMLPolyDataReader>);
}
geometry::SurfaceMesh vtu_surface(const std::string& path, Notes& notes) {
  return surface(path, "VTU", notes, read_xml<vtkXMLUnstructuredGridReader>);
}
geometry::VolumeMesh vtu_volume(const std::string& path) {
  return volume(path, "VTU", true, read_xml<vtkXMLUnstructuredGridReader>);
}
geometry::SurfaceMesh legacy_surface(const std::string& path, Notes& notes) {
  return surface(path, "legacy VTK", notes, read_legacy);
}
geometry::VolumeMesh legacy_volume(const std::string& path) { return volume(path, "legacy VTK", false, read_legacy); }
geometry::VolumeMesh image_volume(const std::string& path) {
  return volume(path, "VTI", false, read_xml<vtkXMLImageDataReader>);
}
geometry::VolumeMesh rectilinear_volume(const std::string& path) {
  return volume(path, "VTR", false, read_xml<vtkXMLRectilinearGridReader>);
}
geometry::VolumeMesh structured_volume(const std::string& path) {
  return volume(path, "VTS", false, read_xml<vtkXMLStructuredGridReader>);
}

// <VTKFile ... type="PolyData"
bool is_xml(std::string_view head, std::string_view type) {
  const std::size_t tag = head.find("<VTKFile");
  if (tag == std::string_view::npos || head.find_first_not_of(" \t\r\n\xef\xbb\xbf") != head.find('<')) return false;
  const std::string_view element = head.substr(tag, head.find('>', tag) - tag);
  return element.find(str("type=\"", type, "\"")) != std::string_view::npos ||
         element.find(str("type='", type, "'")) != std::string_view::npos;
}

}  // namespace

FormatEntry vtp_format() {
  return {{"VTP", {".vtp"}, true, true, true, false},
          [](std::string_view head, std::size_t) { return is_xml(head, "PolyData"); },
          true,
          vtp_surface,
          vtp_volume};
}
FormatEntry vtu_format() {
  return {{"VTU", {".vtu"}, true, false, true, true},
          [](std::string_view head, std::size_t) { return is_xml(head, "UnstructuredGrid"); },
          true,
          vtu_surface,
          vtu_volume};
}
FormatEntry vtk_image_format() {
  return {{"VTI", {".vti"}, false, false, true, false},
          [](std::string_view head, std::size_t) { return is_xml(head, "ImageData"); },
          true,
          nullptr,
          image_volume};
}
FormatEntry vtk_rectilinear_format() {
  return {{"VTR", {".vtr"}, false, false, true, false},
          [](std::string_view head, std::size_t) { return is_xml(head, "RectilinearGrid"); },
          true,
          nullptr,
          rectilinear_volume};
}
FormatEntry vtk_structured_format() {
  return {{"VTS", {".vts"}, false, false, true, false},
          [](std::string_view head, std::size_t) { return is_xml(head, "StructuredGrid"); },
          true,
          nullptr,
          structured_volume};
}
FormatEntry vtk_legacy_format() {
  return {{"legacy VTK", {".vtk"}, true, false, true, false},
          [](std::string_view head, std::size_t) { return head.substr(0, 14) == "# vtk DataFile"; },
          true,
          legacy_surface,
          legacy_volume};
}

}  // namespace streamtube::mesh_io
