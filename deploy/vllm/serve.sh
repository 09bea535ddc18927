#!/usr/bin/env bash
# Serve the Thinking Model as `rationale`, behind an OpenAI-compatible API: Qwen3-VL with a LoRA adapter, or with the
# adapter merged into it (`idiff thinking merge`).
#
#   MODEL=Qwen/Qwen3-VL-8B-Instruct ADAPTER=/models/rationale deploy/vllm/serve.sh [more vllm flags]
#
# ADAPTER   folder of the LoRA adapter
# MODEL     the checkpoint under it: a folder or a hub name (default Qwen/Qwen3-VL-8B-Instruct)
# MERGED    in place of both: folder of a checkpoint with the adapter merged into it
# HOST PORT where to listen (default 127.0.0.1:8001: the API has no authentication unless VLLM_API_KEY is set)
# VLLM      the vllm command (default: vllm on PATH)
# VLLM_API_KEY  if set, the bearer token that clients must send; VLLM_API_KEY_FILE: a file that has it, in its place
set -euo pipefail

if [[ ${VLLM_API_KEY_FILE:-} ]]; then
  VLLM_API_KEY=$(<"$VLLM_API_KEY_FILE")
  export VLLM_API_KEY
fi

if [[ ${MERGED:-} ]]; then
  if [[ ${ADAPTER:-} ]]; then
    echo "serve.sh: ADAPTER or MERGED, not both" >&2
    exit 2
  fi
  MODEL=$MERGED
  served=(--served-model-name rationale)
else
  MODEL=${MODEL:-Qwen/Qwen3-VL-8B-Instruct}
  # One slot more than there are adapters. Without the tower-connector flag the adapter loads without complaint and its
  # vision part is silently dropped.
  served=(
    --served-model-name base
    --enable-lora --lora-modules "rationale=${ADAPTER:?folder of the LoRA adapter}" --max-loras 2 --max-lora-rank 16
    --enable-tower-connector-lora
  )
fi
export VLLM_NO_USAGE_STATS=1

flags=(
  --host "${HOST:-127.0.0.1}" --port "${PORT:-8001}"

  # Four views a request, of 16 to 1024 tokens each: the two "edges" are numbers of pixels, and 32 x 32 make a token. No
  # remote media: the gateway sends data URLs, and the one domain allowed cannot exist.
  --limit-mm-per-prompt '{"image": 4, "video": 0}'
  --mm-processor-kwargs '{"size": {"shortest_edge": 16384, "longest_edge": 1048576}}'
  --allowed-media-domains media.invalid

  # The constant text comes first in the prompt, so its blocks are reused from pair to pair.
  --enable-prefix-caching --enable-prompt-tokens-details
  --structured-outputs-config '{"backend": "xgrammar", "disable_any_whitespace": true}'

  # vLLM queues without limit by default; full, it answers 503 and the gateway falls back to the grounded rationale.
  --max-num-queued-reqs 16
  --max-model-len 8192
  --disable-uvicorn-access-log
)

# A flag given twice counts as given last, so that "$@" overrides.
exec "${VLLM:-vllm}" serve "$MODEL" "${served[@]}" "${flags[@]}" "$@"
