#!/usr/bin/env bash
# `make demo`: media, a sandbox, one batch, and the same command again.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .demo
ready=.demo/sandbox.json

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n%s\n' "$*"; }

if [ ! -e manifests/media/outro.ja.m4a ]; then
  say "Making three short clips and seven narrations"
  python -m batchsync.sandbox.samples manifests/media
fi

say "Starting the sandbox: a local server that speaks the API and really renders"
rm -f "$ready"
batchsync sandbox --port 0 --render-seconds 1-3 --data-dir .demo/sandbox --ready-file "$ready" -q &
sandbox=$!
trap 'kill "$sandbox" 2>/dev/null; wait "$sandbox" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  [ -e "$ready" ] && break
  kill -0 "$sandbox" 2>/dev/null || { echo "the sandbox did not start" >&2; exit 1; }
  sleep 0.1
done
MAGIC_HOUR_BASE_URL=$(python -c "import json; print(json.load(open('$ready'))['base_url'])")
export MAGIC_HOUR_BASE_URL MAGIC_HOUR_API_KEY=sandbox
echo "up at $MAGIC_HOUR_BASE_URL"

say "batchsync plan manifests/demo.yaml"
batchsync plan manifests/demo.yaml

say "batchsync run manifests/demo.yaml"
batchsync run manifests/demo.yaml

say "head -4 manifests/outputs/demo/results.csv"
head -4 manifests/outputs/demo/results.csv

say "batchsync run manifests/demo.yaml    (once more: nothing is bought twice)"
batchsync run manifests/demo.yaml

say "The outputs are in manifests/outputs/demo. They are real videos with the new sound; only the
service itself moves lips. To start afresh: make clean"
