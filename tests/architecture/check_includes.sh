#!/usr/bin/env bash
# Who may include what. check_includes.sh ROOT: one line per violation, exit code 1 if there is any.
set -euo pipefail
cd "$1"
folders=()
for folder in core physics geometry mesh_io surrogate solver apps; do
  [ -d "$folder" ] && folders+=("$folder")
done
find "${folders[@]}" -type f \( -name '*.hpp' -o -name '*.cpp' -o -name '*.h' -o -name '*.cu' \) -print0 |
  sort -z | xargs -0 awk '
BEGIN {
  count = split("core physics geometry mesh_io surrogate solver apps", order, " ")
  for (i = 1; i <= count; ++i) rank[order[i]] = i
}
function violation(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; bad = 1 }
FNR == 1 {
  folder = FILENAME; sub(/\/.*/, "", folder)
  header = FILENAME ~ /\.hpp$/
  device = FILENAME ~ /\.dev\.[ch]pp$/
  if (FILENAME !~ /\.[ch]pp$/) violation("sources are named *.cpp and *.hpp")
  if (header && $0 != "#pragma once") violation("a header starts with #pragma once")
}
/^[ \t]*#[ \t]*include/ {
  file = $0
  sub(/^[ \t]*#[ \t]*include[ \t]*/, "", file)
  own = substr(file, 1, 1) == "\""
  file = substr(file, 2); sub(/[">].*/, "", file)
  if (own) {
    target = file; sub(/\/.*/, "", target)
    if (!(target in rank) || target == file)
      violation("\"" file "\" is not written from the repository root, or is not ours")
    else if (rank[target] > rank[folder])
      violation(folder " must not see " target " (" file ")")
    else if (folder == "surrogate" && target == "mesh_io" && file !~ /^mesh_io\/h5\//)
      violation("surrogate sees only mesh_io/h5 (" file ")")
    if (!device && file ~ /\.dev\.hpp$/) violation("only *.dev.* files may include " file)
  }
  if (!device && file ~ /Kokkos/) violation("only *.dev.* files may include " file)
  occt = file ~ /^(BRep|Bnd_|Geom_|IMeshTools|OSD_|Message_|Message\.hxx|Poly_|Quantity_|STEP|IGES|IFSelect|Interface_|Standard_|TColStd|TCollection|TDF|TDataStd|TDocStd|TopAbs|TopExp|TopLoc|TopTools|TopoDS|XCAF|XSControl|gp_)/
  heavy = file ~ /^(CGAL\/|vtk|hdf5\.h|H5|CLI\/|mpi\.h)/ || file == "core/json.hpp" || occt
  if (file ~ /^nlohmann\// && FILENAME !~ /^core\/json(_fwd)?\.hpp$/) violation("JSON is read and written by core/json.hpp (" file ")")
  if (occt && folder != "mesh_io") violation("only mesh_io may use Open CASCADE (" file ")")
  if (heavy && header) violation(file " may be included by .cpp files only")
  if (heavy && device) violation(file " must not meet the device compiler")
  if (file ~ /^vtk/ && folder ~ /^(core|physics|geometry|surrogate)$/) violation(folder " must not use VTK (" file ")")
  if (file ~ /^(cblas|openblas|dnnl|oneapi\/|mkl|cublas|cudnn)/ && (header || FILENAME !~ /^surrogate\/backends\//))
    violation(file " may be included by .cpp files of surrogate/backends only")
}
END { exit bad }'
