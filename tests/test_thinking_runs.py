"""The files that ms-swift is run with: what one needs another makes, and training sees pictures as serving does."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="needs the train extra")

ROOT = Path(__file__).parents[1]
RUNS = {
    file.stem: yaml.safe_load(file.read_text(encoding="utf-8"))
    for file in (ROOT / "models" / "idiff_models" / "thinking" / "runs").glob("*.yaml")
}
MADE = {"sft.jsonl": "dataset", "grpo.jsonl": "dataset", "attributes.jsonl": "ratings"}
"""Files that `idiff thinking` writes, by what it is told to do; tests of both see them written."""
SERVED = (ROOT / "deploy" / "vllm" / "serve.sh").read_text(encoding="utf-8")
RUN = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS.keys())


def test_all_runs_are_known() -> None:
    assert RUNS.keys() == {"sft", "grpo", "attributes"}


@RUN
def test_what_a_run_needs_is_made(run: dict[str, Any]) -> None:
    made = {f"{other['output_dir']}/last-checkpoint" for other in RUNS.values() if other is not run}
    assert set(run.get("adapters", [])) <= made
    for name in run["dataset"]:
        assert Path(name).name in MADE
        assert str(Path(name).parent) == run["ENV"]["ROOT_IMAGE_DIR"]
    # Else ms-swift would write to a folder of its own making, below the one named.
    assert run["add_version"] is False
    assert len({other["output_dir"] for other in RUNS.values()}) == len(RUNS)


@RUN
def test_rewards_are_ours_and_each_has_a_weight(run: dict[str, Any]) -> None:
    rewards, plugins = run.get("reward_funcs", []), [ROOT / name for name in run.get("external_plugins", [])]
    known = {name for file in plugins for name in re.findall(r'"(idiff_\w+)":', file.read_text(encoding="utf-8"))}
    assert set(rewards) <= known
    assert len(run.get("reward_weights", rewards)) == len(rewards)
    if rewards:
        sampled = run["ENV"]["NPROC_PER_NODE"] * run["per_device_train_batch_size"] * run["gradient_accumulation_steps"]
        assert sampled % run["num_generations"] == 0


@RUN
def test_training_is_as_serving(run: dict[str, Any]) -> None:
    edges = json.loads(re.search(r"--mm-processor-kwargs '(.*)'", SERVED)[1])["size"]
    token = 32 * 32
    assert run["ENV"]["IMAGE_MIN_TOKEN_NUM"] * token == edges["shortest_edge"]
    assert run["ENV"]["IMAGE_MAX_TOKEN_NUM"] * token == edges["longest_edge"]
    assert run["lora_rank"] <= int(re.search(r"--max-lora-rank (\d+)", SERVED)[1])
    assert run["model"] in SERVED
    assert run["max_length"] <= int(re.search(r"--max-model-len (\d+)", SERVED)[1])
