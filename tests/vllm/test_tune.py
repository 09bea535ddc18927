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

from idiff.thinking.canary import Canary
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
]
PLUGIN = ["--external_plugins", Path(__file__).with_name("tiny_swift.py")]


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


def tuned(swift: Path, folder: Path, command: str, run: str, *options: str | Path) -> None:
    """Run ms-swift with one of our files, cut to the tiny checkpoint and three steps."""
    own = {
        "NPROC_PER_NODE": "1",
        "ROOT_IMAGE_DIR": str(folder / "data"),
        "USE_HF": "1",
        "TINY": str(folder / "base"),
        "PATH": f"{swift.parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT / 'service'}:{ROOT / 'models'}",
    }
    line = [swift, command, RUNS / run, *SMALL, "--model", folder / "base", *options]
    done = subprocess.run(line, env=os.environ | CPU | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def adapter(swift: Path, folder: Path) -> Path:
    """What three steps of fine-tuning make."""
    tuned(
        swift,
        folder,
        "sft",
        "sft.yaml",
        *PLUGIN,
        "--dataset",
        folder / "data" / "sft.jsonl",
        "--output_dir",
        folder / "out",
    )
    return folder / "out" / "checkpoint-3"


def test_a_few_steps_make_an_adapter_that_changes_what_a_server_says(folder: Path, adapter: Path) -> None:
    assert json.loads((adapter / "adapter_config.json").read_text())["r"] == 16
    served = folder / "served"
    served.mkdir()
    (served / "base").symlink_to(folder / "base")
    (served / "rationale").symlink_to(adapter)
    server = Vllm(environment(), served, folder / "vllm.log", ())
    try:
        server.wait()
        learned, plain = (asyncio.run(text_of(server, name)) for name in ("rationale", "base"))
        assert len(plain) > 50
        assert learned != plain
    finally:
        server.kill()


@pytest.mark.parametrize(("run", "data"), [("grpo.yaml", "grpo.jsonl"), ("attributes.yaml", "attributes.jsonl")])
def test_a_few_steps_of_grpo_with_our_rewards(swift: Path, folder: Path, adapter: Path, run: str, data: str) -> None:
    table = folder / "ratings.csv"
    table.write_text("image,set,overall\n" + "".join(f"astronaut_{side}.jpg,x,{ord(side)}\n" for side in "ab"))
    line = ["ratings", str(table), "--root", str(SAMPLES), "--out", str(folder / "data"), "--rounds", "2"]
    assert CliRunner().invoke(app, line).exit_code == 0
    sampled = ["--num_generations", "2", "--per_device_train_batch_size", "4", "--gradient_accumulation_steps", "1"]
    places = ["--dataset", folder / "data" / data, "--output_dir", folder / run, "--adapters", adapter]
    plugins = [*PLUGIN, ROOT / "models" / "idiff_models" / "thinking" / "swift_rewards.py"]
    tuned(swift, folder, "rlhf", run, *plugins, *places, *sampled, "--max_completion_length", "8")
    log = [json.loads(row) for row in (folder / run / "logging.jsonl").read_text().splitlines()]
    assert any(key.startswith("rewards/") for row in log for key in row)
    assert (folder / run / "checkpoint-3" / "adapter_model.safetensors").exists()


def test_a_merged_adapter_passes_the_check_of_its_canary(folder: Path) -> None:
    adapter = folder / "rationale"
    python = [environment() / "bin" / "python", "-c", "from idiff_models.thinking.cli import app; app()"]
    env = os.environ | CPU | {"PYTHONPATH": f"{ROOT / 'service'}:{ROOT / 'models'}"}
    for line in (["canary", adapter], ["merge", adapter, "--out", folder / "merged"]):
        subprocess.run([*python, *line, "--base", folder / "base"], env=env, check=True, capture_output=True)
    server = Vllm(environment(), folder, folder / "merged.log", (), folder / "merged")
    try:
        server.wait()
        options = ThinkingOptions(server.url, deadline_s=120, first_token_s=120)

        async def proof() -> dict[str, bool | None]:
            async with ThinkingModel(options) as client:
                found = await client.prove(Canary.read(folder / "merged" / "canary.json"))
            return {one.check: one.passed for one in found.findings}

        assert set(asyncio.run(proof()).values()) == {True}
    finally:
        server.kill()
