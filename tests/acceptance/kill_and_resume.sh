#!/usr/bin/env bash
# Trains 200 updates undisturbed; then N times (20): trains, is killed with SIGKILL at a random moment after the first state was saved,
# resumes to the end. Weights, moments and checkpoint must be the same bytes each time.
#
#   kill_and_resume.sh PROGRAM DATA.h5 DESCRIPTION.json [N]
set -euo pipefail
program=$1 data=$2 description=$3 kills=${4:-20}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
train() {
  "$program" -q train "data=$data" "describe=$description" model.hidden=48 model.physics_blocks=psc model.radius=20 \
    draw.geometry_points=512 draw.supernodes=64 draw.surface_anchors=96 draw.volume_anchors=96 updates=200 save_every=10 \
    validate_every=100 validation_points=200 --out "$1" "${@:2}" > /dev/null
}
train "$folder/whole"
for ((i = 1; i <= kills; ++i)); do
  rm -rf "$folder/killed"
  train "$folder/killed" &
  pid=$!
  while [ ! -f "$folder/killed/state.h5" ]; do sleep 0.01; done
  sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
  # the program, not the shell function that runs it
  if pkill -9 -P "$pid"; then how=killed; else how="was done"; fi
  wait "$pid" 2> /dev/null || true
  train "$folder/killed" --resume
  for file in state.h5 last.h5 best.h5; do
    cmp "$folder/whole/$file" "$folder/killed/$file" || { echo "run $i ($how): $file differs"; exit 1; }
  done
  echo "run $i ($how): the same bytes"
done
