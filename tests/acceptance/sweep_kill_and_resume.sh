#!/usr/bin/env bash
# Sweeps 40 variants of an Ahmed body undisturbed; then N times (20): sweeps, is killed with SIGKILL at a random moment, resumed and killed
# again until it is done. The table (times aside) must be the same each time, and each design in the journals exactly once.
#
#   sweep_kill_and_resume.sh PROGRAM [N] [MODEL]       SWEEP_SECONDS: the longest time until a kill, default 6
set -euo pipefail
program=$1 kills=${2:-20} model=(${3:+--model "$3"})
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Coarse bodies: a design takes little more than its network.
cat > "$folder/space.json" <<'END'
{"baseline": {"family": "ahmed"}, "triangle": 0.06,
 "parameters": {"slant_angle": {"min": 5, "max": 35}, "length": {"min": 0.95, "max": 1.15}},
 "sampling": {"method": "sobol", "count": 39, "seed": 3}}
END
sweep() { "$program" -q sweep "$folder/space.json" "${model[@]}" --fields none --out "$1" "${@:2}" > /dev/null; }
table() { sed -E 's/(,[^,]*){3}$//' "$1/results.csv"; } # without the last three columns, the times
sweep "$folder/whole"
killed=0
while [ "$killed" -lt "$kills" ]; do
  rm -rf "$folder/killed"
  while true; do
    "$program" -q sweep "$folder/space.json" "${model[@]}" --fields none --out "$folder/killed" --resume > /dev/null 2>&1 &
    pid=$!
    sleep "$((RANDOM % ${SWEEP_SECONDS:-6})).$((RANDOM % 10))$((RANDOM % 10))"
    if [ "$killed" -lt "$kills" ]; then kill -9 "$pid" 2> /dev/null || true; fi
    code=0
    wait "$pid" 2> /dev/null || code=$?
    case $code in
      0) break ;;
      137) killed=$((killed + 1)) ;;
      *) echo "after $killed kills: exit code $code"; exit 1 ;;
    esac
  done
  cmp <(table "$folder/whole") <(table "$folder/killed") || { echo "after $killed kills: the table differs"; exit 1; }
  twice=$(cat "$folder"/killed/journal.*.jsonl | sed -E 's/^\{"design":"([^"]*)".*/\1/' | sort | uniq -d)
  [ -z "$twice" ] || { echo "after $killed kills: computed twice: $twice"; exit 1; }
  [ -z "$(find "$folder/killed" -name '.part*')" ] || { echo "after $killed kills: something half-written is left"; exit 1; }
  echo "$killed kills: the same table, each design once"
done
