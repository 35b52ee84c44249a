#!/usr/bin/env bash
# Builds tests/fuzz/fuzz_readers.cpp with clang's libFuzzer and address sanitizer over the readers' own sources, and runs it from
# the files of tests/data/bad_geometry and the samples.
#
#   tests/fuzz/run.sh [SECONDS] [WORK_FOLDER]      default: 600 seconds in ./fuzz_work; needs clang++, VTK, CGAL
#
# Exit code 0: no crash, no hang (25 s), no more than 4 GiB of memory (VTK leaks a little on broken files; that is not looked for). What fails stays in WORK_FOLDER/crash-*.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
seconds="${1:-600}"
work="$(mkdir -p "${2:-fuzz_work}" && cd "${2:-fuzz_work}" && pwd)"

vtk="$(ls -d /usr/include/vtk-* 2> /dev/null | tail -1)"
[ -n "${STREAMTUBE_VTK_INCLUDE:-$vtk}" ] || { echo "VTK's headers were not found: set STREAMTUBE_VTK_INCLUDE" >&2; exit 2; }
version="${vtk##*vtk-}"
libraries=()
for name in CommonCore CommonDataModel CommonExecutionModel CommonMisc IOCore IOGeometry IOLegacy IOPLY IOXML IOXMLParser FiltersCore \
  FiltersGeneral FiltersGeometry FiltersExtraction IOParallel ParallelCore; do
  libraries+=("-lvtk$name-$version")
done

sources=("$root"/tests/fuzz/fuzz_readers.cpp "$root"/mesh_io/*.cpp "$root"/core/{error,files,log,rng,runtime,sha256}.cpp)
for source in "$root"/geometry/*.cpp; do
  case "$source" in *.dev.cpp) ;; *) sources+=("$source") ;; esac
done
mkdir -p "$work/objects" "$work/corpus" "$work/seeds"
compile() { # one file; older objects are made anew
  local object="$work/objects/$(basename "$1").o"
  [ "$object" -nt "$1" ] || clang++ -std=c++20 -O1 -g -fsanitize=fuzzer-no-link,address -I"$root" -isystem "${STREAMTUBE_VTK_INCLUDE:-$vtk}" \
    -DSTREAMTUBE_VERSION='"fuzz"' -c "$1" -o "$object"
}
export -f compile
export work root vtk
printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -I{} bash -c 'compile {}'
clang++ -fsanitize=fuzzer,address "$work"/objects/*.o -o "$work/fuzz_readers" "${libraries[@]}" -lhdf5_serial -lgmp -lmpfr -lpthread

# Seeds: a byte for the extension, then the file.
rm -rf "$work/files"
python3 "$root/tests/data/bad_geometry/make.py" "$work/files"
python3 - "$work" << 'END'
import os, sys
work = sys.argv[1]
extensions = [".stl", ".obj", ".ply", ".vtp", ".vtu", ".vtk", ".vti", ".vtr", ".vts"]
for name in os.listdir(work + "/files"):
    path, extension = os.path.join(work, "files", name), os.path.splitext(name)[1]
    if extension in extensions and os.path.isfile(path) and os.path.getsize(path) < 20000:
        with open(path, "rb") as f, open(os.path.join(work, "seeds", name), "wb") as out:
            out.write(bytes([extensions.index(extension)]) + f.read())
END
cd "$work"
export ASAN_OPTIONS=detect_leaks=0
exec ./fuzz_readers -max_total_time="$seconds" -timeout=25 -rss_limit_mb=4096 -max_len=20000 -print_final_stats=1 -close_fd_mask=3 corpus seeds
