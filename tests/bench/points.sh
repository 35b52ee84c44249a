#!/usr/bin/env bash
# What so many points of a file cost: fields at random points, streamed from and to the disk. A Markdown table on stdout.
#
#   points.sh BUILD CONFIG POINTS... [-- options of `streamtube-core predict`]
#   points.sh build/openmp least 1e6 1e7 1e8 -- --threads 2
#
# BUILD: build folder; CONFIG: as bench_points takes it; POINTS: of the volume, or SURFACE+VOLUME. Needs about 60 bytes a
# point below ${TMPDIR:-/tmp}, of one row at a time.
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$1 config=$2
shift 2
points=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do points+=("$1"); shift; done
[ $# = 0 ] || shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
field() { sed -n "s/^ *\"$1\": \([0-9.e+-]*\),\{0,1\}$/\1/p" "$scratch/out/run.json" | tail -n1; }
echo "| points | processor time | wall | points/s | peak resident memory |"
echo "|---|---|---|---|---|"
for n in "${points[@]}"; do
  case $n in *+*) surface=${n%+*} volume=${n#*+} ;; *) surface=0 volume=$n ;; esac
  "$build/bin/bench_points" "$scratch" "$config" "$surface" "$volume"
  TIMEFORMAT="%U %S"
  cpu=$({ time "$build/bin/streamtube-core" predict "$scratch/points.h5" --model "$scratch/model.h5" \
    --out "$scratch/out" "$@" > /dev/null 2> "$scratch/err"; } 2>&1) || { cat "$scratch/err" >&2; exit 1; }
  awk -v n="$n" -v cpu="$cpu" -v wall="$(field total)" -v memory="$(field peak_memory)" \
    -v count="$(awk "BEGIN { print $surface + $volume }")" 'BEGIN {
      split(cpu, t, " "); printf "| %s | %.1f s | %.1f s | %.0f | %d KiB |\n", n, t[1] + t[2], wall, count / wall, memory / 1024 }'
  rm -rf "$scratch/out" "$scratch/points.h5"
done
