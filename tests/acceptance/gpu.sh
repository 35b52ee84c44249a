#!/usr/bin/env bash
# What a machine with a GPU has to show, in one command: goldens, unit tests, compute-sanitizer, and the cost of the DrivAerML
# configuration up to 150 million points. Progress on stderr; on stdout a Markdown report for docs/bench/gpu.md. Exit code 1 when a
# check fails. Needs bash, coreutils and awk, and nothing installed: libraries that the machine lacks may lie in BUILD/lib.
#
#   gpu.sh [BUILD] [options]       BUILD: build folder, build/cuda
#   --only PART,...                of goldens, tests, sanitizer, bench, attention, linearity, stream, reference; default all, the last
#                                  with --reference. Where a machine is lent for some minutes a call, call it in parts
#   --quick                        a tenth of the points, 480 s in all
#   --budget SECONDS               of the call; what no longer fits is left out and named (default 840)
#   --config NAME                  as `streamtube bench` takes it (default drivaerml)
#   --scale FACTOR                 of all numbers of points, to try the script on a CPU: --config ahmed --scale 0.001
#   --reference FOLDER             also PyTorch beside it (bench_gpu.py); FOLDER holds abupt_reference.py
#   --python PROGRAM               with torch (default python3)
set -uo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
parts=goldens,tests,sanitizer,bench,attention,linearity,stream,reference
build="" only=$parts budget="" quick=0 config=drivaerml scale=1 reference="" python=python3
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=1 ;;
    --only | --budget | --config | --scale | --reference | --python)
      [ $# -gt 1 ] || { echo "gpu.sh: $1 needs a value" >&2; exit 2; }
      printf -v "${1#--}" %s "$2"
      shift ;;
    -*) echo "gpu.sh: there is no option $1" >&2; exit 2 ;;
    *) build=$1 ;;
  esac
  shift
done
build=$(cd "${build:-$source/build/cuda}" 2> /dev/null && pwd) || { echo "gpu.sh: there is no such build folder" >&2; exit 2; }
if [ $quick = 1 ]; then budget=${budget:-480} scale=$(awk "BEGIN { print $scale / 10 }"); else budget=${budget:-840}; fi
for part in ${only//,/ }; do
  [[ ,$parts, == *,$part,* ]] || { echo "gpu.sh: there is no part $part; there are $parts" >&2; exit 2; }
done
wanted() { [[ ,$only, == *,$1,* ]]; }
[ -d "$build/lib" ] && export LD_LIBRARY_PATH="$build/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export PATH="$PATH:/usr/local/cuda/bin"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
points() { awk "BEGIN { printf \"%.0f\", $1 * $scale }"; }
left() { echo $((budget - SECONDS)); }
starts() { [ -x "$1" ] && ! ldd "$1" 2>&1 | grep -q "not found"; }

# run LIMIT NAME COMMAND...: output in $out, seconds in $took; result in $result: pass, FAIL (why), left out (why).
run() {
  local limit=$1 name=$2 code=0 begin
  shift 2
  out=$scratch/out took=0
  [ "$(left)" -lt "$limit" ] && limit=$(left)
  if [ "$limit" -lt 5 ]; then result="left out: the budget of $budget s is spent"; return 1; fi
  echo "$name" >&2
  begin=$(date +%s.%N)
  timeout "$limit" "$@" > "$out" 2> "$scratch/err" || code=$?
  took=$(awk "BEGIN { printf \"%.1f\", $(date +%s.%N) - $begin }")
  [ $code = 0 ] && { result=pass; return 0; }
  local why
  why=$(grep -v '^ *$' "$scratch/err" "$out" -h | grep -i -m1 -E "error|ABOVE|FAILED|hazard" || tail -n1 "$scratch/err")
  if [ $code = 2 ]; then  # usage: this build or machine does not have it
    result="not here: ${why#error: }"
  elif [ $code = 124 ]; then
    result="stopped after $limit s"
    [ "$limit" -lt "$(left)" ] && failed=1 result="FAIL: $result"
  else
    result="FAIL ($code): $why" failed=1
  fi
  return 1
}
check() {  # LIMIT NAME COMMAND...
  run "$@"
  echo "| $2 | ${result//|//} | $took s |"
}
without() { echo "| $1 | left out: $2 | |"; }

program=""
for name in streamtube streamtube-core; do
  if [ -z "$program" ] && starts "$build/bin/$name" && "$build/bin/$name" bench --help > /dev/null 2>&1; then program=$build/bin/$name; fi
done
if [ -z "$program" ]; then
  echo "gpu.sh: neither streamtube nor streamtube-core of $build/bin has a bench command and starts here" >&2
  ldd "$build"/bin/streamtube* 2>&1 | grep "not found" | sort -u >&2
  exit 2
fi
if run 120 devices "$program" devices; then
  grep -q Cuda "$out" || echo "Not a CUDA build, or no GPU: the figures below say nothing about one."
else
  echo "gpu.sh: the program does not start: $result" >&2
  exit 1
fi
command -v nvidia-smi > /dev/null && nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,power.limit --format=csv,noheader
printf '\n```\n%s\n```\n\n' "$(cat "$out")"

golden=$build/bin/golden_check
data=$source/tests/golden
if wanted goldens || wanted tests || wanted sanitizer; then
  echo "| check | result | time |"
  echo "|---|---|---|"
fi
if wanted goldens; then
  if starts "$golden"; then
    check 200 "goldens, fp32 (1e-5; training 1e-4)" "$golden" "$data"/data/*.h5 "$data"/derivative/*.h5 "$data"/training/*.h5
    check 100 "goldens, tf32 (2e-3)" "$golden" --precision tf32 "$data"/data/*.h5
    check 100 "goldens, bf16 (2e-2, and no better than bf16 can be)" "$golden" --precision bf16 "$data"/data/*.h5
  else
    without goldens "golden_check does not start here"
  fi
fi
if wanted tests; then
  # Some tests know their files by the path they were built in; golden_check has seen to the same files.
  elsewhere="~[#test_golden]~[#test_golden_half]~[#test_checkpoint]~[#test_session]~[#test_tangents.dev]"
  [ -d "$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$build/CMakeCache.txt" 2> /dev/null)/tests/golden" ] && elsewhere=""
  for folder in core physics geometry surrogate; do
    test=$build/tests/streamtube_test_$folder
    if starts "$test"; then
      check 300 "unit tests: $folder" "$test" --filenames-as-tags ${elsewhere:+"$elsewhere"}
    else
      without "unit tests: $folder" "not built, or does not start here"
    fi
  done
fi
if wanted sanitizer; then
  if command -v compute-sanitizer > /dev/null && starts "$golden"; then
    # Each start also checks every fast path it will use, the own attention kernel among them.
    for tool in memcheck racecheck; do
      for precision in fp32 bf16; do
        check 150 "compute-sanitizer $tool, $precision" compute-sanitizer --tool $tool --error-exitcode 9 "$golden" \
          --precision $precision "$data/data/conditioned.h5"
      done
      check 150 "compute-sanitizer $tool, training" compute-sanitizer --tool $tool --error-exitcode 9 "$golden" \
        "$data"/training/*.h5
    done
  else
    without compute-sanitizer "it is not on this machine"
  fi
fi

# rows PRECISION: the stages of the last bench as table rows. Its first 14 columns are the name.
rows() {
  awk -v precision="$1" '/^(encode|anchors|query|train)/ {
    name = substr($0, 1, 14); sub(/ +$/, "", name); split(substr($0, 15), f, " ")
    printf "| %s | %s | %s | %s (%s..%s, %s) | %s | %s | %s |\n", name, precision, f[8], f[1], f[2], f[3], f[4], f[5], f[6], f[7] }' "$out"
}
memory() { awk '/^memory/ { print "|", $0, "| | | | | | |" }' "$out"; }
bench() {  # LIMIT PRECISION ARGUMENTS...
  local limit=$1 precision=$2
  shift 2
  if run "$limit" "bench $precision $*" "$program" bench --config "$config" --precision "$precision" "$@"; then
    rows "$precision"
    peaks="$peaks$(sed -n "s/ (the peak below)$/, $precision; /p" "$out")"
    return 0
  fi
  echo "| ${*:2:1} | $precision | ${result//|//} | | | | |"
  return 1
}
table() { printf '\n%s\n\n| stage | products | points | median s (min..max, runs) | TFLOP/s | of the matrix peak | points/s |\n|---|---|---|---|---|---|---|\n' "$1"; }

peaks="" precision=bf16
if wanted bench || wanted attention || wanted linearity || wanted stream || wanted reference; then
  run 60 "which precision" "$program" bench --config "$config" --precision bf16 --stage query --points 100,0 --repeat 1 || precision=fp32
  [ $precision = bf16 ] || printf '\nWithout bf16: %s\n' "$result"
fi
if wanted bench; then
  table "$config"
  bench 150 $precision --stage encode,anchors && memory
  bench 300 $precision --stage query --points "$(points 8.8e6),$(points 140e6)" --repeat 1 && memory
  for other in $precision tf32 fp32; do bench 100 $other --stage train && memory; done
  for other in tf32 fp32; do bench 100 $other --stage query --points "0,$(points 1e6)" --repeat 1; done
fi
if wanted attention; then
  table "Attention of the 16-bit pass"
  for kernel in cudnn hopper portable; do
    export STREAMTUBE_CUDA_ATTENTION=$kernel
    if [ $precision = bf16 ]; then
      [ $kernel = portable ] && few=1e5 || few=1e6
      bench 100 bf16 --stage query --points "0,$(points $few)" --repeat 1 && echo "| above: $kernel | | | | | | |"
    fi
    unset STREAMTUBE_CUDA_ATTENTION
  done
  if run 100 "profile" "$program" bench --config "$config" --precision $precision --stage query --points "0,$(points 1e6)" \
    --repeat 1 --profile; then
    printf '\n```\n%s\n```\n' "$(sed -n '/^profile/,$p' "$out")"
  fi
fi
if wanted linearity; then
  table "Linearity and flat memory"
  for millions in 1 10 100; do
    bench 200 $precision --stage query --points "0,$(points ${millions}e6)" --repeat 1 && memory
  done
fi
printf '\n%s\n' "${peaks:-The peak of a matrix product was not measured.}"
if wanted stream; then
  # From a file on the disk to files on the disk, 12 bytes a point in and 13 + 4 a component out.
  printf '\nPoints of a file, %s\n\n' "$precision"
  if starts "$build/bin/bench_points" && starts "$build/bin/streamtube-core"; then
    for n in "0+$(points 1e6)" "0+$(points 10e6)" "$(points 8.8e6)+$(points 140e6)"; do
      if run 300 "points of a file, $n" "$source/tests/bench/points.sh" "$build" "$config" "$n" -- --precision $precision; then
        cat "$out"
      else
        echo "$n: $result"
      fi
    done
  else
    echo "left out: bench_points or streamtube-core does not start here"
  fi
fi

if wanted reference && [ -n "$reference" ]; then
  printf '\nBeside PyTorch\n\n'
  if run 600 "PyTorch" "$python" "$source/tests/bench/bench_gpu.py" "$program" "$reference" --config "$config" \
    --precision $precision --points "$(points 1e6),$(points 1e6)" --rounds 3; then
    cat "$out"
  else
    echo "$result"
  fi
fi
printf '\n%s s in all; %s\n' "$SECONDS" "$([ $failed = 0 ] && echo "no check failed" || echo "A CHECK FAILED")"
exit $failed
