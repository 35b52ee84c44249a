#!/usr/bin/env bash
# Time of one sweep of N (100) Ahmed bodies against N calls of predict on the same files, surface fields only; their results must be the same.
#
#   sweep_throughput.sh PROGRAM [N] [MODEL] [MODEL_OF_BODIES]       the last one: any that is quicker, to make the files with
set -euo pipefail
program=$1 count=${2:-100} model=(${3:+--model "$3"}) quick=(${4:+--model "$4"})
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > space.json <<END_OF_SPACE
{"baseline": {"family": "ahmed"}, "triangle": 0.06, "include_baseline": false,
 "parameters": {"slant_angle": {"min": 5, "max": 35}, "length": {"min": 0.95, "max": 1.15}, "width": {"min": 0.35, "max": 0.42}},
 "sampling": {"method": "sobol", "count": $count, "seed": 5}}
END_OF_SPACE
now() { date +%s.%N; }
cpu() { awk '{print $14 + $15 + $16 + $17}' "/proc/$$/stat"; } # of this shell and its children, in ticks of 10 ms
report() { awk -v n="$count" -v what="$1" -v t0="$2" -v t1="$3" -v c0="$4" -v c1="$5" \
  'BEGIN { printf "%-8s %7.1f s, %6.2f designs/min, %6.2f CPU-s a design\n", what, t1 - t0, 60 * n / (t1 - t0), (c1 - c0) / 100 / n }'; }

"$program" -q sweep space.json "${quick[@]}" --out space > /dev/null
mkdir bodies single
for design in space/designs/*; do cp "$design/surface.vtp" "bodies/$(basename "$design").vtp"; done

t0=$(now) c0=$(cpu)
"$program" -q sweep bodies "${model[@]}" --out sweep > sweep.log
t1=$(now) c1=$(cpu)
report sweep "$t0" "$t1" "$c0" "$c1"
grep designs/min sweep.log
swept=$(awk -v a="$t0" -v b="$t1" 'BEGIN { print b - a }')

t0=$(now) c0=$(cpu)
for body in bodies/*.vtp; do
  "$program" -q predict "$body" "${model[@]}" --volume none --out "single/$(basename "$body" .vtp)" > /dev/null
done
t1=$(now) c1=$(cpu)
report predict "$t0" "$t1" "$c0" "$c1"
awk -v a="$t0" -v b="$t1" -v s="$swept" 'BEGIN { printf "one sweep is %.2f times as fast as single calls\n", (b - a) / s }'

for design in single/*; do
  for file in forces.json surface.vtp; do
    cmp "$design/$file" "sweep/designs/$(basename "$design")/$file" || { echo "$design/$file differs"; exit 1; }
  done
done
echo "all results are the same"
