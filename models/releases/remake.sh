#!/usr/bin/env bash
# The starter's members again from random weights, through every round of their training, each with the code that made
# it: about four hours a family on two cores. usage: IDIFF_DATA=... models/releases/remake.sh [FAMILY...], in the
# environment of `pip install -e '.[cpu,train]'`; then `idiff starter export`, `reference`, `calibrate` and `evaluate`.
set -euo pipefail

rounds=(9ea8709:starter-4 a22e1e9:starter-5 e68f0e0:starter)
families=("${@/#/--family=}")
: "${IDIFF_DATA:?folder of the photographs}"
export IDIFF_DATA
IDIFF_DATA=$(realpath "$IDIFF_DATA")
cd "$(git rev-parse --show-toplevel)"
work=$PWD/.work

for round in "${rounds[@]}"; do
  commit=${round%%:*}
  code=$work/code-$commit
  if [ ! -d "$code" ]; then git worktree add --quiet --detach "$code" "$commit"; fi
  ln -sfn "$work" "$code/.work"  # a round finds the one before where its plan says
  (
    cd "$code"
    export PYTHONPATH=service:models
    python3 -m idiff starter pairs --work ".work/${round#*:}"
    python3 -m idiff starter train --work ".work/${round#*:}" "${families[@]}"
  )
done
