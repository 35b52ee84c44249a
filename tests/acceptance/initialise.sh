#!/usr/bin/env bash
# Iterations of simpleFoam to the same residual, from the free stream and from predicted fields, as one table. Needs OpenFOAM; about
# 3 minutes of one core a design.
#
#   initialise.sh PROGRAM FOLDER [NAME=BODY.stl ...]     default: the sample bodies
# RESIDUAL (2e-5), MOST (600) iterations; CELL: size of the cells on the body, m.
set -euo pipefail
program=$1 folder=$2
shift 2
samples=$(cd "$(dirname "$0")/../../data_samples/geometries" && pwd)
[ $# -gt 0 ] || set -- "25deg=$samples/ahmed_25deg.stl" "18deg=$samples/ahmed_18deg_run_2.stl" "8deg=$samples/ahmed_8deg_run_5.stl"
export STREAMTUBE_MODEL=${STREAMTUBE_MODEL:-$samples/../models/ahmed.h5} # the sample bodies are its own
residual=${RESIDUAL:-2e-5} most=${MOST:-600}
export WM_PROJECT_DIR=${WM_PROJECT_DIR:-/usr/share/openfoam} FOAM_SIGFPE=true
mkdir -p "$folder"

# The iteration at which the initial residuals of U and p were all below $2 in a log; "-": never.
reached() {
  awk -v limit="$2" '
    function ended() { if (n >= 4 && worst < limit && !found) found = time }
    /^Time = / { ended(); time = $3; worst = 0; n = 0 }
    /Solving for (Ux|Uy|Uz|p),/ { match($0, /Initial residual = [^,]*/); r = substr($0, RSTART + 19, RLENGTH - 19) + 0; if (r > worst) worst = r; ++n }
    END { ended(); print found ? found : "-" }' "$1"
}

printf '%-10s %8s | %22s | %22s | %10s\n' design cells "free stream: 1e-3 1e-4 $residual" "predicted: 1e-3 1e-4 $residual" "predict s"
for body in "$@"; do
  name=${body%%=*} place=$folder/${body%%=*}
  if [ ! -f "$place/cold/log" ]; then
    "$program" -q solve "${body#*=}" --mesh plain --mesh-only --out "$place" --overwrite --iterations "$most" --residual "$residual" ${CELL:+--cell "$CELL"} > /dev/null
    rm -rf "$place/cold" "$place/warm"
    cp -r "$place/case" "$place/cold"
    (cd "$place/cold" && simpleFoam > log.part 2>&1) || { tail -5 "$place/cold/log.part"; exit 1; }
    mv "$place/cold/log.part" "$place/cold/log"
  fi
  if [ ! -f "$place/warm/log" ]; then
    rm -rf "$place/warm"
    cp -r "$place/case" "$place/warm"
    start=$(date +%s)
    "$program" -q initialise "$place/warm" > /dev/null 2> "$place/warm/log.initialise"
    echo $(($(date +%s) - start)) > "$place/warm/seconds"
    (cd "$place/warm" && simpleFoam > log.part 2>&1) || { tail -5 "$place/warm/log.part"; exit 1; }
    mv "$place/warm/log.part" "$place/warm/log"
  fi
  row=()
  for start in cold warm; do for r in 1e-3 1e-4 "$residual"; do row+=("$(reached "$place/$start/log" "$r")"); done; done
  cells=$(awk '/^ *cells:/ { print $2 }' "$place/case/log.checkMesh")
  printf '%-10s %8s | %6s %7s %7s | %6s %7s %7s | %10s\n' "$name" "$cells" "${row[@]}" "$(cat "$place/warm/seconds")"
done
