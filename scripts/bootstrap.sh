#!/usr/bin/env bash
# From a fresh machine to a running Streamtube. See usage() below, or scripts/bootstrap.sh --help.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/bootstrap.sh deps [PRESET] | build [PRESET] | demo | test

  deps    install Debian packages and build Kokkos, where missing (seconds when all is there); for cuda also fetch
          the header-only front end of cuDNN
  build   deps, then configure and build; the programs land in build/PRESET/bin
  demo    deps, build the program alone, then predict the flow around a car into ./streamtube_demo
  test    build, then run all tests (also installs ParaView, which opens the outputs)

PRESET  openmp (default), cuda (NVIDIA Hopper; building needs no GPU), debug (sanitizers, bounds checks)

Packages are installed with apt-get, as root or through sudo. A Kokkos >= 4.5 of your own is used if CMake finds it
(set Kokkos_ROOT or CMAKE_PREFIX_PATH) and it has what the preset needs; else Kokkos 4.7.00 is built once into
${XDG_CACHE_HOME:-~/.cache}/streamtube. Environment:

  STREAMTUBE_NO_PACKAGES=1      leave the system's packages alone
  STREAMTUBE_KOKKOS_SDIST=FILE  pygenten-0.1.5.tar.gz (holds Kokkos' source) already downloaded from PyPI
  STREAMTUBE_CUDNN_FRONTEND=DIR folder of cudnn_frontend.h, instead of the one fetched from PyPI for the cuda preset
  STREAMTUBE_JOBS=N             compile N files at a time
END
}

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
home=~ # also where HOME is not set
cache="${XDG_CACHE_HOME:-$home/.cache}/streamtube"
kokkos_version=4.7.00
# Debian 12 has no Kokkos package. This source distribution on PyPI contains its complete source in tpls/kokkos.
kokkos_sdist=pygenten-0.1.5
kokkos_sha256=e620f05c742905e2db705d875f1cac92ef0ed453f9e6734e9beda26cc0f9cce7
# NVIDIA's header-only front end of cuDNN: a wheel for one Python, of which the headers alone are taken.
frontend_version=1.32.0
frontend_sha256=c6006556017a4d1c914c52a556c71b1267f2d6a0500f742e7b4edef539878df0

build_packages=(g++ cmake ninja-build python3-pip ca-certificates libvtk9-dev libcgal-dev libhdf5-dev zlib1g-dev
  libcli11-dev nlohmann-json3-dev libopenmpi-dev openmpi-bin libocct-data-exchange-dev libnlopt-dev)
demo_packages=(libegl1 libegl-mesa0 libgl1-mesa-dri) # pictures without a screen
test_packages=(paraview python3-numpy)

say() { printf '==> %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '  hint: %s\n' "$2" >&2
  exit 1
}
has() { command -v "$1" > /dev/null 2>&1; }

scratch=
cleanup() { [ -z "$scratch" ] || rm -rf "$scratch"; }
trap cleanup EXIT
need_scratch() { [ -n "$scratch" ] || scratch="$(mktemp -d)"; }
need_cache() {
  { mkdir -p "$cache" && [ -w "$cache" ]; } 2> /dev/null || die "cannot write to the cache '$cache'" \
    "set XDG_CACHE_HOME to a folder that you may write to"
}

# ---- Debian packages

need_root() {
  [ "$(id -u)" -eq 0 ] || has sudo || die "installing packages needs root, and there is no sudo" \
    "run '$0 deps' as root once, or install what is missing yourself and set STREAMTUBE_NO_PACKAGES=1"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

apt_get() {
  need_root # before the redirection below hides what it says
  need_scratch
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" > "$scratch/apt.log" 2>&1 || {
    tail -n 5 "$scratch/apt.log" >&2
    die "apt-get $1 failed (above: the last it said)" "check the network and the package sources in /etc/apt"
  }
}

updated=
apt_update() {
  [ -n "$updated" ] || {
    need_root
    say "apt-get update"
    apt_get update
  }
  updated=1
}

missing_packages() { # PACKAGE...: those not installed, one per line
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || printf '%s\n' "$package"
  done
}

installed_catch2() { dpkg-query -W -f '${Version}' catch2 2> /dev/null || true; }

# Prints the package source of the release's main suite, changed to its backports suite. $1: code name; $2: deb822 or
# list; files on stdin: their content.
backports_entry() {
  if [ "$2" = deb822 ]; then
    # Entries are separated by empty lines, fields may go on in indented lines (embedded keys do); comments are dropped.
    awk -v suite="$1" '
      function finish() {
        if (index(" " suites " ", " " suite " ") && types ~ /(^| )deb( |$)/ && enabled !~ /^(no|false|0)/ && !done) {
          printf "%s", entry; done = 1
        }
        entry = suites = types = enabled = field = ""
      }
      /^#/ { next }
      /^[ \t]*$/ { finish(); next }
      {
        if ($0 !~ /^[ \t]/) { field = tolower($0); sub(/:.*/, "", field) }
        value = $0; sub(/^[^ \t:]+:/, "", value); gsub(/[ \t]+/, " ", value); sub(/^ /, "", value); sub(/ $/, "", value)
        if (field == "suites") {
          if (suites == "") entry = entry "Suites: " suite "-backports\n"
          suites = suites " " value
          next
        }
        if (field == "components") {
          if (value != "" && $0 !~ /^[ \t]/) entry = entry "Components: main\n"
          next
        }
        if (field == "types") { types = value; entry = entry "Types: deb\n"; next }
        if (field == "enabled") enabled = tolower(value)
        entry = entry $0 "\n"
      }
      END { finish() }'
  else
    awk -v suite="$1" '
      { sub(/#.*/, "") }
      match($0, /^[ \t]*deb[ \t]+(\[[^]]*\][ \t]+)?[^ \t]+[ \t]+/) && !done {
        start = substr($0, 1, RLENGTH); rest = substr($0, RLENGTH + 1); split(rest, word)
        if (word[1] == suite && (" " rest " ") ~ /[ \t]main[ \t]/) { print start suite "-backports main"; done = 1 }
      }'
  fi
}

add_backports() { # $1: code name
  local folder=/etc/apt/sources.list.d entry kind=deb822 target
  entry="$(cat_sources "$folder"/*.sources | backports_entry "$1" deb822)"
  if [ -z "$entry" ]; then
    kind=list
    entry="$(cat_sources /etc/apt/sources.list "$folder"/*.list | backports_entry "$1" list)"
  fi
  [ -n "$entry" ] || die "found no package source of Debian $1 in /etc/apt" \
    "add $1-backports to your package sources, or install Catch2 3 yourself, and try again"
  target="$folder/streamtube-$1-backports.$([ $kind = deb822 ] && echo sources || echo list)"
  say "adding the package source $1-backports ($target), for Catch2 3"
  printf '%s\n' "$entry" | as_root tee "$target" > /dev/null
  updated=
}

cat_sources() { # files that exist, an empty line between them
  local file
  for file in "$@"; do
    if [ -f "$file" ]; then
      cat "$file"
      printf '\n\n'
    fi
  done
}

install_packages() { # PACKAGE...
  local missing=() codename=
  mapfile -t missing < <(missing_packages "$@")
  if [ ${#missing[@]} -gt 0 ]; then
    apt_update
    say "installing ${missing[*]}"
    apt_get install -y --no-install-recommends "${missing[@]}"
  fi
  # Catch2 3 is in the main suite of newer releases and in the backports of Debian 12.
  if ! dpkg --compare-versions "$(installed_catch2)" ge 3; then
    apt_update
    if ! dpkg --compare-versions "$(apt-cache policy catch2 | awk '/Candidate:/ {print $2}')" ge 3; then
      codename="$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")"
      if ! apt-cache policy catch2 | grep -q -- "$codename-backports/main"; then
        add_backports "$codename"
        apt_update
      fi
    fi
    say "installing catch2"
    apt_get install -y --no-install-recommends ${codename:+-t "$codename-backports"} catch2
  fi
}

ensure_packages() {
  [ -z "${STREAMTUBE_NO_PACKAGES:-}" ] || return 0
  if ! has apt-get || ! has dpkg-query; then
    say "this system has no apt-get: install yourself what corresponds to ${*} catch2 (version 3)"
    return 0
  fi
  install_packages "$@"
}

# ---- Kokkos

flavour_condition() { # what the Kokkos of a preset must have, as a CMake condition
  case "$1" in
    openmp) echo 'Kokkos_ENABLE_OPENMP AND NOT Kokkos_ENABLE_CUDA' ;;
    cuda) echo 'Kokkos_ENABLE_OPENMP AND Kokkos_ENABLE_CUDA' ;;
    debug) echo 'Kokkos_ENABLE_OPENMP AND Kokkos_ENABLE_DEBUG_BOUNDS_CHECK AND NOT Kokkos_ENABLE_CUDA' ;;
  esac
}

# Prints the folder of a Kokkos that CMake finds by itself and that has what the preset needs.
own_kokkos() { # $1: preset
  mkdir -p "$scratch/probe"
  cat > "$scratch/probe/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(probe LANGUAGES CXX)
find_package(Kokkos 4.5 QUIET CONFIG)
if(Kokkos_FOUND AND $(flavour_condition "$1"))
  message(STATUS "usable: \${Kokkos_DIR}")
endif()
END
  cmake -S "$scratch/probe" -B "$scratch/probe/build" 2> /dev/null | sed -n 's/^-- usable: //p'
}

job_count() {
  local memory count
  memory="$(awk '/MemAvailable/ {print int($2 / 1500000)}' /proc/meminfo)" # a compiler of template code may take 1.5 GB
  count="$(nproc)"
  [ "$memory" -ge "$count" ] || count="$memory"
  [ "$count" -ge 1 ] || count=1
  echo "${STREAMTUBE_JOBS:-$count}"
}

python_with_pip() { # $1: what for
  local python
  for python in python3 /usr/bin/python3; do
    if has "$python" && "$python" -m pip --version > /dev/null 2>&1; then
      echo "$python"
      return
    fi
  done
  die "downloading $1 needs Python's pip" "install python3-pip"
}

fetch_kokkos() { # into $scratch/kokkos
  local archive="${STREAMTUBE_KOKKOS_SDIST:-}" python
  need_scratch
  if [ -z "$archive" ]; then
    python="$(python_with_pip "the source of Kokkos")"
    say "downloading the source of Kokkos $kokkos_version ($kokkos_sdist from PyPI)"
    echo "${kokkos_sdist/-/==} --hash=sha256:$kokkos_sha256" > "$scratch/requirements.txt"
    "$python" -m pip --disable-pip-version-check -q download --no-deps --no-binary "${kokkos_sdist%-*}" \
      -d "$scratch" -r "$scratch/requirements.txt" > "$scratch/pip.log" 2>&1 || {
      tail -n 3 "$scratch/pip.log" >&2
      die "cannot download $kokkos_sdist from PyPI (above: the last pip said)" \
        "check the network; or set STREAMTUBE_KOKKOS_SDIST, or pass your own Kokkos in Kokkos_ROOT"
    }
    archive="$scratch/$kokkos_sdist.tar.gz"
  fi
  [ -f "$archive" ] || die "'$archive' does not exist"
  echo "$kokkos_sha256  $archive" | sha256sum -c --quiet - > /dev/null 2>&1 ||
    die "'$archive' is not the expected $kokkos_sdist.tar.gz (SHA-256 differs)"
  tar -xzf "$archive" -C "$scratch" "$kokkos_sdist/tpls/kokkos"
  mv "$scratch/$kokkos_sdist/tpls/kokkos" "$scratch/kokkos"
}

# CUDA 13 changed two signatures that Kokkos 4.7.00 calls.
patch_kokkos_for_cuda13() {
  local file="$scratch/kokkos/core/src/Cuda/Kokkos_Cuda_Instance.hpp"
  sed -i -E \
    -e 's/^( *)return cudaGraphAddDependencies\(graph, from, to, numDependencies\);$/#if CUDART_VERSION >= 13000\n\1return cudaGraphAddDependencies(graph, from, to, nullptr, numDependencies);\n#else\n&\n#endif/' \
    -e 's/^( *)return cudaMemPrefetchAsync\(devPtr, count, dstDevice, m_stream\);$/#if CUDART_VERSION >= 13000\n\1return cudaMemPrefetchAsync(devPtr, count, cudaMemLocation{cudaMemLocationTypeDevice, dstDevice}, 0, m_stream);\n#else\n&\n#endif/' \
    "$file"
  [ "$(grep -c 'CUDART_VERSION >= 13000' "$file")" -eq 2 ] || die "the source of Kokkos is not as expected: $file"
}

build_kokkos() { # $1: preset, $2: prefix
  local flags=(-DKokkos_ENABLE_OPENMP=ON -DKokkos_ENABLE_SERIAL=ON -DKokkos_ENABLE_DEPRECATED_CODE_4=OFF
    -DBUILD_SHARED_LIBS=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_CXX_STANDARD=20
    "-DCMAKE_INSTALL_PREFIX=$2" -DCMAKE_INSTALL_LIBDIR=lib)
  case "$1" in
    openmp) flags+=(-DCMAKE_BUILD_TYPE=Release -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=10) ;; # half the time
    debug) flags+=(-DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_FLAGS=-fno-omit-frame-pointer -DKokkos_ENABLE_DEBUG=ON
      -DKokkos_ENABLE_DEBUG_BOUNDS_CHECK=ON) ;;
    cuda) flags+=(-DCMAKE_BUILD_TYPE=Release -DKokkos_ENABLE_CUDA=ON -DKokkos_ENABLE_COMPILE_AS_CMAKE_LANGUAGE=ON
      -DKokkos_ARCH_HOPPER90=ON -DCMAKE_CUDA_ARCHITECTURES=90 -DCMAKE_CUDA_FLAGS=-std=c++20
      "-DCMAKE_CUDA_COMPILER=$(nvcc_path)") ;;
  esac
  if has ninja; then flags+=(-G Ninja); fi
  need_cache
  fetch_kokkos
  if [ "$1" = cuda ]; then patch_kokkos_for_cuda13; fi
  say "building Kokkos $kokkos_version ($1) into $2"
  {
    cmake -S "$scratch/kokkos" -B "$scratch/kokkos-build" "${flags[@]}" &&
      cmake --build "$scratch/kokkos-build" -j "$(job_count)" &&
      DESTDIR="$scratch/stage" cmake --install "$scratch/kokkos-build"
  } > "$scratch/kokkos.log" 2>&1 || {
    tail -n 40 "$scratch/kokkos.log" >&2
    die "building Kokkos failed (above: the end of its log)"
  }
  # Moved when complete, so that an interrupted build leaves nothing that looks finished.
  mkdir -p "$(dirname "$2")"
  rm -rf "$2" "$2.part"
  cp -a "$scratch/stage$2" "$2.part"
  mv "$2.part" "$2"
}

nvcc_path() {
  local nvcc
  for nvcc in "${CUDACXX:-}" nvcc /usr/local/cuda/bin/nvcc; do
    if [ -n "$nvcc" ] && has "$nvcc"; then
      command -v "$nvcc"
      return
    fi
  done
  die "the cuda preset needs NVIDIA's compiler nvcc, which was not found" "install the CUDA toolkit, or set CUDACXX"
}

kokkos= # the folder of the KokkosConfig.cmake to use
ensure_kokkos() { # $1: preset
  local prefix
  if [ "$1" = cuda ]; then nvcc_path > /dev/null; fi
  need_scratch
  kokkos="$(own_kokkos "$1")"
  if [ -z "$kokkos" ]; then
    prefix="$cache/kokkos-$kokkos_version-$1"
    kokkos="$prefix/lib/cmake/Kokkos"
    [ -f "$kokkos/KokkosConfig.cmake" ] || build_kokkos "$1" "$prefix"
  fi
}

# ---- cuDNN's front end, for the cuda preset

frontend= # the folder of cudnn_frontend.h
ensure_frontend() {
  local python wheel
  frontend="${STREAMTUBE_CUDNN_FRONTEND:-$cache/cudnn-frontend-$frontend_version/include}"
  [ -f "$frontend/cudnn_frontend.h" ] && return 0
  [ -z "${STREAMTUBE_CUDNN_FRONTEND:-}" ] || die "there is no cudnn_frontend.h in '$frontend'"
  need_cache
  need_scratch
  python="$(python_with_pip "the front end of cuDNN")"
  say "downloading the front end of cuDNN (nvidia-cudnn-frontend $frontend_version from PyPI)"
  echo "nvidia-cudnn-frontend==$frontend_version --hash=sha256:$frontend_sha256" > "$scratch/frontend.txt"
  mkdir -p "$scratch/frontend"
  "$python" -m pip --disable-pip-version-check -q download --no-deps --only-binary :all: --python-version 3.11 \
    --platform manylinux_2_28_x86_64 -d "$scratch/frontend" -r "$scratch/frontend.txt" > "$scratch/pip.log" 2>&1 || {
    tail -n 3 "$scratch/pip.log" >&2
    say "no front end of cuDNN (above: the last pip said): the build does without cuDNN"
    frontend=
    return 0
  }
  wheel=("$scratch"/frontend/*.whl)
  "$python" -m zipfile -e "${wheel[0]}" "$scratch/frontend/unpacked"
  rm -rf "$cache/cudnn-frontend-$frontend_version" "$cache/cudnn-frontend-$frontend_version.part"
  mkdir -p "$cache/cudnn-frontend-$frontend_version.part"
  cp -a "$scratch/frontend/unpacked/include" "$cache/cudnn-frontend-$frontend_version.part/"
  mv "$cache/cudnn-frontend-$frontend_version.part" "$cache/cudnn-frontend-$frontend_version"
}

# ---- ParaView, for tests

download_package() { (cd "$2" && apt-get -qq download "$1") > "$scratch/download.log" 2>&1; } # PACKAGE=VERSION FOLDER

pvpython=
# Debian's python3-paraview cannot be installed beside libvtk9-dev (its python3-vtk9 conflicts), so its modules are
# unpacked into the cache. Started from there pvpython would still prefer the modules of VTK; pvbatch, which is the same
# interpreter without that habit, does not.
ensure_paraview() {
  local version folder
  if has pvpython && pvpython -c 'import paraview.simple' > /dev/null 2>&1; then
    pvpython="$(command -v pvpython)"
    return 0
  fi
  if ! has pvbatch || ! has apt-get; then
    say "ParaView was not found: its tests are left out"
    return 0
  fi
  version="$(dpkg-query -W -f '${Version}' paraview)"
  folder="$cache/paraview-$version"
  pvpython="$folder/pvpython"
  [ -x "$pvpython" ] && return 0
  say "unpacking ParaView's Python modules into $folder"
  need_cache
  need_scratch
  mkdir -p "$scratch/paraview" "$folder"
  download_package "python3-paraview=$version" "$scratch/paraview" || {
    apt_update # the version that is listed may be gone from the server, or nothing is listed
    download_package "python3-paraview=$version" "$scratch/paraview" || {
      tail -n 3 "$scratch/download.log" >&2
      die "cannot download the package python3-paraview $version (above: the last apt-get said)" "check the network"
    }
  }
  dpkg-deb -x "$scratch"/paraview/python3-paraview_*.deb "$folder"
  cat > "$pvpython.part" <<'END'
#!/bin/sh
here="$(dirname "$(readlink -f "$0")")"
PYTHONPATH="$here/usr/lib/python3/dist-packages${PYTHONPATH:+:$PYTHONPATH}" exec pvbatch "$@"
END
  chmod +x "$pvpython.part"
  mv "$pvpython.part" "$pvpython"
}

# ---- Sub-commands

deps() { # $1: preset, more packages
  local preset="$1"
  shift
  ensure_packages "${build_packages[@]}" "$@"
  has cmake || die "cmake was not found" "install CMake 3.25 or newer"
  ensure_kokkos "$preset"
  if [ "$preset" = cuda ]; then ensure_frontend; fi
  say "dependencies are there; Kokkos: $kokkos"
}

build() { # $1: preset, $2: target (default: everything)
  local options=(-DKokkos_DIR="$kokkos") folder="$root/build/$1"
  # debug compiles each source alone, as it includes what it uses.
  if [ "$1" != debug ]; then options+=(-DSTREAMTUBE_JOIN_SOURCES=ON); fi
  if ! has ninja; then options+=(-G "Unix Makefiles"); fi
  if [ "$1" = cuda ]; then options+=("-DCMAKE_CUDA_COMPILER=$(nvcc_path)"); fi
  if [ -n "$frontend" ]; then options+=("-DSTREAMTUBE_CUDNN_FRONTEND_INCLUDE=$frontend"); fi
  if [ -n "$pvpython" ]; then options+=("-DSTREAMTUBE_PVPYTHON=$pvpython"); fi
  say "building preset $1"
  cd "$root" # where the presets are
  cmake --preset "$1" "${options[@]}"
  cmake --build --preset "$1" -j "$(job_count)" ${2:+--target "$2"} ||
    die "building failed" "the errors are above, and before them what the configuration left out and why"
  cd - > /dev/null
  say "built: $folder/bin"
}

demo() {
  local program="$root/build/openmp/bin/streamtube" out="$PWD/streamtube_demo" file
  "$program" predict "$root/data_samples/geometries/car_suv_2.stl" --out "$out" --overwrite --picture
  for file in "$out/picture.png" "$out/results.pvd"; do
    [ -s "$file" ] || die "the demo did not write '$file'"
  done
  printf '\npicture: %s\nfields, to open in ParaView: %s\n' "$out/picture.png" "$out/results.pvd"
}

wrong_usage() {
  printf 'error: %s\n  hint: see %s --help\n' "$1" "$0" >&2
  exit 2
}

command="${1:-}"
preset="${2:-openmp}"
case "$command" in
  deps | build) [ $# -le 2 ] || wrong_usage "$command takes one preset at most" ;;
  demo | test) [ $# -eq 1 ] || wrong_usage "$command takes no further argument" ;;
  -h | --help | help) usage; exit 0 ;;
  '') usage >&2; exit 2 ;;
  *) wrong_usage "unknown sub-command '$command' (there are deps, build, demo, test)" ;;
esac
case "$preset" in
  openmp | cuda | debug) ;;
  *) wrong_usage "unknown preset '$preset' (there are openmp, cuda, debug)" ;;
esac
# No && between them: it would switch off `set -e` inside.
case "$command" in
  deps) deps "$preset" ;;
  build)
    deps "$preset"
    build "$preset"
    ;;
  demo)
    deps openmp "${demo_packages[@]}"
    build openmp streamtube # without the tests: half the time
    demo
    ;;
  test)
    deps openmp "${demo_packages[@]}" "${test_packages[@]}"
    ensure_paraview
    build openmp
    cd "$root"
    ctest --preset openmp
    ;;
esac
