"""The fine-tuning configuration, run for a few steps by ms-swift on the tiny checkpoint, and what becomes of it."""

import asyncio
import json
import os
import subprocess
from contextlib import aclosing, suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from thinking_support import RATIONALE, prompt, views
from typer.testing import CliRunner
from vllm_server import CPU, ROOT, Vllm, environment

from idiff.thinking.client import ThinkingModel
from idiff.thinking.form import rationale_regex
from idiff.thinking.options import ThinkingOptions, ThinkingUnavailable
from idiff_models.thinking.cli import app

pytestmark = [pytest.mark.tune, pytest.mark.slow, pytest.mark.timeout(900)]

SAMPLES = ROOT / "service" / "idiff" / "samples"
RUNS = ROOT / "models" / "idiff_models" / "thinking" / "runs"
SMALL = [
    *("--model_type", "qwen3_vl", "--template", "qwen3_vl", "--use_cpu", "true", "--ddp_backend", "gloo"),
    *("--deepspeed", "", "--dataloader_num_workers", "0", "--max_steps", "3", "--learning_rate", "0.02"),
    *("--external_plugins", str(Path(__file__).with_name("tiny_swift.py"))),
]


@pytest.fixture(scope="module")
def swift() -> Path:
    """The command of the environment that `make test-tune` made."""
    command = Path(os.environ.get("IDIFF_TUNE_VENV", ROOT / ".venv-tune")) / "bin" / "swift"
    if not command.exists():
        pytest.skip(f"no ms-swift: {command} is absent (make test-tune, or set IDIFF_TUNE_VENV)")
    return command


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint, and a dataset of the sample pair in the challenge's form."""
    folder = tmp_path_factory.mktemp("tune")
    line = [environment() / "bin" / "python", Path(__file__).with_name("tiny.py"), folder]
    subprocess.run(line, env=os.environ | CPU, check=True, capture_output=True)
    photos = [cv2.imread(str(SAMPLES / f"astronaut_{side}.jpg")) for side in "ab"]
    cv2.imwrite(str(folder / "p_001_merged_c0.jpg"), np.concatenate(photos, axis=1))
    solution = f"<thinking>\n{RATIONALE}\n</thinking>\n<answer>A</answer>"
    row = {"images": ["p_001_merged_c0.jpg"], "solution": solution}
    (folder / "pairs.jsonl").write_text(json.dumps(row) + "\n")
    line = ["dataset", str(folder / "pairs.jsonl"), "--root", str(folder), "--out", str(folder / "data")]
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 0, done.output
    return folder


async def text_of(server: Vllm, model: str) -> str:
    """What a model says of a pair, as far as a hundred tokens go."""
    options = ThinkingOptions(server.url, model, deadline_s=120, first_token_s=120, max_tokens=100)
    text = ""
    async with ThinkingModel(options) as client:
        with suppress(ThinkingUnavailable):  # it is cut off
            async with aclosing(client.stream(prompt(), views(), rationale_regex(4, 7, 400))) as pieces:
                async for piece in pieces:
                    text += piece
    return text


def test_a_few_steps_make_an_adapter_that_changes_what_a_server_says(swift: Path, folder: Path) -> None:
    data = folder / "data"
    own = {
        "NPROC_PER_NODE": "1",
        "ROOT_IMAGE_DIR": str(data),
        "USE_HF": "1",
        "TINY": str(folder / "base"),
        "PATH": f"{swift.parent}:{os.environ['PATH']}",
    }
    places = ["--model", folder / "base", "--dataset", data / "sft.jsonl", "--output_dir", folder / "out"]
    line = [swift, "sft", RUNS / "sft.yaml", *SMALL, *places]
    done = subprocess.run(line, env=os.environ | CPU | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    adapter = folder / "out" / "checkpoint-3"
    settings = json.loads((adapter / "adapter_config.json").read_text())
    assert settings["r"] == 16
    (folder / "rationale").rename(folder / "random")
    (folder / "rationale").symlink_to(adapter)
    server = Vllm(environment(), folder, folder / "vllm.log", ())
    try:
        server.wait()
        tuned, plain = (asyncio.run(text_of(server, name)) for name in ("rationale", "base"))
        assert len(plain) > 50
        assert tuned != plain
    finally:
        server.kill()
