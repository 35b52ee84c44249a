#!/usr/bin/env bash
# check_includes.sh must find each of these violations, and nothing in a clean tree.
set -uo pipefail
check="$(cd "$(dirname "$0")" && pwd)/check_includes.sh"
tree="$(mktemp -d)"
trap 'rm -rf "$tree"' EXIT
failures=0

expect() {  # expect FILE CONTENT TEXT: the check fails and its output holds TEXT (empty TEXT: it passes)
  rm -rf "${tree:?}"/*
  mkdir -p "$tree/core" "$tree/$(dirname "$1")"
  printf '#include <vector>\n' > "$tree/core/clean.cpp"
  printf '%b\n' "$2" > "$tree/$1"
  local output code=0
  output="$(bash "$check" "$tree" 2>&1)" || code=$?
  if [ -z "$3" ]; then
    [ "$code" -eq 0 ] && [ -z "$output" ] && return
  else
    [ "$code" -ne 0 ] && [[ "$output" == "$1:"*"$3"* ]] && return
  fi
  echo "FAILED: $1 with '$2': exit code $code, output '$output', expected '$3'"
  failures=$((failures + 1))
}

expect solver/a.cpp '#include "core/error.hpp"\n#include <vtkCell.h>' ''
expect surrogate/ops/a.dev.cpp '#include <Kokkos_Core.hpp>\n#include "core/device/arena.dev.hpp"' ''
expect surrogate/backends/a.cpp '#include <cblas.h>' ''
expect core/a.cpp '#include "physics/flow.hpp"' 'core must not see physics'
expect geometry/a.dev.cpp '  #  include "apps/cli/a.hpp"' 'geometry must not see apps'
expect core/a.cpp '#include "error.hpp"' 'not written from the repository root'
expect core/a.cpp '#include "../core/error.hpp"' 'not written from the repository root'
expect surrogate/a.cpp '#include "mesh_io/mesh_io.hpp"' 'surrogate sees only mesh_io/h5'
expect core/a.cpp '#include <Kokkos_Core.hpp>' 'only *.dev.* files may include Kokkos_Core.hpp'
expect core/a.hpp '#pragma once\n#include "Kokkos_Core.hpp"' 'only *.dev.* files may include'
expect core/a.cpp '#include "core/device/arena.dev.hpp"' 'only *.dev.* files may include core/device/arena.dev.hpp'
expect core/a.hpp '#include <vector>' 'a header starts with #pragma once'
for header in CGAL/Surface_mesh.h vtkPoints.h hdf5.h core/json.hpp CLI/CLI.hpp mpi.h STEPControl_Reader.hxx; do
  expect apps/a.hpp "#pragma once\n#include <$header>" "$header may be included by .cpp files only"
  expect apps/a.dev.cpp "#include <$header>" "$header must not meet the device compiler"
done
expect geometry/a.cpp '#include <vtkPoints.h>' 'geometry must not use VTK'
expect mesh_io/a.cpp '#include <BRep_Tool.hxx>' ''
expect geometry/a.cpp '#include <BRep_Tool.hxx>' 'only mesh_io may use Open CASCADE'
expect surrogate/ops/a.cpp '#include <cblas.h>' 'surrogate/backends only'
expect apps/a.cpp '#include <nlohmann/json.hpp>' 'JSON is read and written by core/json.hpp'
expect core/json.hpp '#pragma once\n#include <nlohmann/json.hpp>' ''
expect core/a.cu '' 'sources are named'
[ "$failures" -eq 0 ]
