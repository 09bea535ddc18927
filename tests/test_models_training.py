"""The trainer: what a run file may say, what a batch holds, and runs that stop, resume and share the work."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("timm", reason="needs the train extra")

from idiff_models.answer import fit as process  # noqa: E402
from idiff_models.answer.cache import Cache, create, finish  # noqa: E402
from idiff_models.answer.merged import MergedNetwork  # noqa: E402
from idiff_models.answer.training import RunConfig, RunError, accuracy, fit, launch, load_network, pair_loss  # noqa: E402
from idiff_models.answer.training.loader import batches, scenes_of  # noqa: E402
from idiff_models.answer.training.state import State  # noqa: E402

PAPER = Path(process.__file__).parent / "runs" / "paper.toml"
SCENES, SIDE = 12, 40
LEVELS = (200, 120, 40)


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    threads, exact = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(exact)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache whose better renditions are brighter; the first pair of the first scene is unknown."""
    made = tmp_path_factory.mktemp("cache")
    for split in ("train", "validation"):
        views = create(made, split, (SCENES, 3, 3, SIDE))
        noise = np.random.default_rng(0).integers(-30, 31, (SCENES, 1, 3, SIDE, SIDE, 3))
        views[:] = noise + np.reshape(LEVELS, (3, 1, 1, 1, 1))
        targets = np.full((SCENES, 3, 3), np.nan, np.float32)
        for better in range(3):
            targets[:, better, better + 1 :] = 0.9
            targets[:, better + 1 :, better] = 0.1
        weights = np.ones_like(targets) - np.eye(3, dtype=np.float32)
        targets[0, 0, 1] = targets[0, 1, 0] = np.nan
        notes = [(f"{split}-{scene}", "person" if scene % 3 else "scene", "light") for scene in range(SCENES)]
        finish(made, split, {}, targets, weights, notes)
    return made


def config(folder: Path, **changes: Any) -> RunConfig:  # noqa: ANN401
    tiny = {"family": "convnext", "scale": "starter", "pretrained": False, "side": 32, "batch": 4, "steps": 6}
    quick = {"workers": 0, "threads": 1, "lr": 1e-3, "checkpoint_every": 3, "validate_every": 3, "log_every": 1}
    return RunConfig(**{"cache": folder, "device": "cpu", **tiny, **quick, **changes})


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "member.pt", weights_only=True)["state"]


# What a run file may say


def test_the_defaults_are_the_papers_recipe() -> None:
    run, paper = RunConfig(cache=Path("cache"), family="convnext"), RunConfig.read(PAPER)
    assert (run.lr, run.weight_decay, run.batch, run.epochs) == (1e-4, 1e-4, 32, 10)
    assert (run.side, run.workers, run.seed, run.schedule, run.scale) == (224, 4, 42, "constant", "full")
    assert run.total_steps(3200 + 31) == 1000
    assert {key for key, value in paper.record().items() if value != run.record()[key]} == {"category", "precision"}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("rate = 1", "rate: unknown key"),
        ("batch = 0", "batch: Input should be greater than or equal to 1"),
        ('family = "alexnet"', "family: Input should be"),
        ("steps = 5\nepochs = 2", "give epochs or steps, not both"),
        ('scale = "starter"', "pretrained: the starter scale has no pretrained weights"),
        ('init = "nowhere.pt"', "init: no file nowhere.pt"),
        ("lr = ", "Invalid value"),
    ],
)
def test_a_run_file_at_fault_is_refused_by_file_and_key(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "run.toml"
    family = "" if "family" in line else 'family = "swin"\n'
    path.write_text(f'cache = "cache"\n{family}{line}\n')
    with pytest.raises(RunError) as refused:
        RunConfig.read(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_rate_warms_up_and_follows_its_schedule(folder: Path) -> None:
    cosine = config(folder, schedule="cosine", warmup=0.2, lr=1.0)
    rates = [cosine.rate(step, 100) for step in range(100)]
    assert rates[:20] == sorted(rates[:20])
    assert rates[20] == 1.0
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[60] == pytest.approx(0.5)
    assert rates[-1] < 1e-3
    assert {config(folder, lr=1.0).rate(step, 100) for step in range(100)} == {1.0}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"batch": 13}, "batch: 13 is more than the 12 scenes"),
        ({"batch": 5, "category": "scene"}, "batch: 5 is more than the 4 scene scenes"),
        ({"side": 64}, "side: 64 px is more than the 40 px"),
        ({"cache": Path("nowhere")}, "cache: no readable train split in nowhere"),
        ({"family": "swin"}, "side: the swin network does not read 32 px"),
    ],
)
def test_what_the_cache_cannot_give_is_refused(
    folder: Path, tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(RunError, match=complaint):
        fit(config(folder, **changes), tmp_path / "run")


def test_the_process_refuses_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["fit", str(tmp_path / "absent.toml")])
    assert process.main() == 2
    said = capsys.readouterr().err
    assert said.startswith("idiff: ")
    assert "absent.toml" in said
    assert said.count("\n") == 1


# What a batch holds


def test_a_scenes_renditions_share_cut_flip_and_tiles(folder: Path) -> None:
    run = config(folder, steps=30)
    orders = set()
    for views, targets, weights in batches(run, np.arange(SCENES), 0, 30):
        assert views.shape == (4, 3, 2, 32, 32, 3)
        assert targets.shape == weights.shape == (4, 3, 3)
        for scene, wanted in zip(views.int(), targets, strict=True):
            level = torch.tensor(
                [min(LEVELS, key=lambda x, m=mean: abs(x - m)) for mean in scene.float().mean((1, 2, 3, 4))]
            )
            flat = scene - level.view(3, 1, 1, 1, 1)
            assert torch.equal(flat[0], flat[1])
            assert torch.equal(flat[0], flat[2])
            known = ~wanted.isnan()
            assert torch.equal((wanted > 0.5)[known], (level[:, None] > level)[known])
            orders.add(tuple(level.tolist()))
    assert len(orders) == 6


def test_an_epoch_shows_every_scene_once_and_never_the_same_way_twice(folder: Path) -> None:
    shown = [views.numpy().tobytes() for views, _, _ in batches(config(folder), np.arange(SCENES), 0, 6)]
    assert len(set(shown)) == 6
    keys = [key for batch in batches(config(folder), np.arange(SCENES), 0, 3).sampler for key in batch]
    assert sorted(keys) == [(0, scene) for scene in range(SCENES)]


def test_batches_do_not_depend_on_who_loads_them(folder: Path) -> None:
    alone = list(batches(config(folder), np.arange(SCENES), 0, 4))
    helped = list(batches(config(folder, workers=2), np.arange(SCENES), 2, 4))
    for ours, theirs in zip(alone[2:], helped, strict=True):
        assert all(torch.equal(a.nan_to_num(-1), b.nan_to_num(-1)) for a, b in zip(ours, theirs, strict=True))
    halves = zip(*(batches(config(folder), np.arange(SCENES), 0, 4, rank, 2) for rank in (0, 1)), strict=True)
    for whole, (first, second) in zip(alone, halves, strict=True):
        assert torch.equal(whole.views[::2], first.views)
        assert torch.equal(whole.views[1::2], second.views)


def test_a_category_keeps_to_its_scenes(folder: Path) -> None:
    cache = Cache.read(folder, "train")
    assert scenes_of(cache, "scene").tolist() == [0, 3, 6, 9]
    assert len(scenes_of(cache, None)) == SCENES


# What is trained for


def test_the_loss_counts_known_pairs_by_their_weight() -> None:
    logits = torch.tensor([[2.0, -1.0, 0.5]])
    targets, weights = torch.full((1, 3, 3), torch.nan), torch.zeros(1, 3, 3)
    targets[0, 0, 1], targets[0, 1, 2] = 1.0, 0.5
    weights[0, 0, 1], weights[0, 1, 2], weights[0, 0, 2] = 1.0, 0.25, 1.0
    summed, weight = pair_loss(logits, targets, weights)
    tie = -0.5 * (torch.sigmoid(torch.tensor(0.5)).log() + torch.sigmoid(torch.tensor(-0.5)).log())
    assert weight == 1.25
    assert summed.item() == pytest.approx((-torch.sigmoid(torch.tensor(2.0)).log() + 0.25 * tie).item())


def test_accuracy_is_of_the_decided_pairs(folder: Path) -> None:
    class Bright(torch.nn.Module):
        def __init__(self, sign: int) -> None:
            super().__init__()
            self.sign = torch.nn.Parameter(torch.tensor(float(sign)))

        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return self.sign * (a - b).mean((1, 2, 3, 4))

    cache = Cache.read(folder, "validation")
    assert accuracy(Bright(1), cache, np.arange(SCENES), 32) == 1.0
    assert accuracy(Bright(-1), cache, np.arange(SCENES), 32) == 0.0
    tied = Cache(
        cache.views, np.full_like(cache.targets, 0.5), cache.weights, cache.photos, cache.categories, cache.kinds
    )
    assert np.isnan(accuracy(Bright(1), tied, np.arange(SCENES), 32))


# Runs that stop, resume and share the work


def interrupted(run: RunConfig, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train until the first checkpoint is written, then stop as if killed."""
    save = State.save

    def stop(state: State) -> None:
        save(state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(State, "save", stop)
        with pytest.raises(KeyboardInterrupt):
            fit(run, folder)


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_same_bits(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"schedule": "cosine", "warmup": 0.2, "clip": 1.0, "precision": "bf16"}
    run = config(folder, **changes)
    fit(run, tmp_path / "whole")
    interrupted(run, tmp_path / "parts", monkeypatch)
    with pytest.raises(RunError, match="holds a run already"):
        fit(run, tmp_path / "parts")
    with pytest.raises(
        RunError, match=r"last\.pt is of another run \(lr: 0.001 there, 0.002 here; seed: 42 there, 7 here\)"
    ):
        fit(config(folder, **changes, lr=2e-3, seed=7), tmp_path / "parts", resume=True)
    scored = fit(config(folder, **changes, workers=2, checkpoint_every=50), tmp_path / "parts", resume=True)
    whole, parts = weights_of(tmp_path / "whole"), weights_of(tmp_path / "parts")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    with (tmp_path / "parts" / "log.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert float(rows[-1]["validation_accuracy"]) == pytest.approx(scored, abs=1e-4)
    assert not list((tmp_path / "parts").glob("last*"))
    assert fit(run, tmp_path / "parts", resume=True) == scored


@pytest.mark.slow
def test_a_specialist_starts_from_its_general_member(folder: Path, tmp_path: Path) -> None:
    fit(config(folder, steps=1), tmp_path / "general")
    general = tmp_path / "general" / "member.pt"
    fit(config(folder, steps=1, lr=1e-12, category="person", init=general), tmp_path / "person")
    before, after = weights_of(tmp_path / "general"), weights_of(tmp_path / "person")
    learned = [name for name, _ in load_network(general).named_parameters()]
    assert all(torch.allclose(before[name], after[name], atol=1e-9) for name in learned)
    with pytest.raises(RunError, match="has family convnext, the run efficientnet"):
        fit(config(folder, family="efficientnet", init=general), tmp_path / "other")
    (tmp_path / "broken.pt").write_bytes(general.read_bytes()[:1000])
    with pytest.raises(RunError, match=r"broken\.pt: not a checkpoint"):
        fit(config(folder, init=tmp_path / "broken.pt"), tmp_path / "other")


@pytest.mark.slow
def test_the_merged_baseline_trains_and_is_not_antisymmetric(folder: Path, tmp_path: Path) -> None:
    fit(config(folder, layout="merged", steps=2), tmp_path / "run")
    network = load_network(tmp_path / "run" / "member.pt")
    assert isinstance(network, MergedNetwork)
    a, b = torch.randn(2, 3, 3, 3, 32, 32)
    with torch.inference_mode():
        assert network(a, b).shape == (3,)
        assert not torch.allclose(network(a, b), -network(b, a), atol=1e-4)


@pytest.mark.slow
def test_two_processes_train_one_member(folder: Path, tmp_path: Path) -> None:
    run = config(folder, steps=3)
    said = {key: value for key, value in run.record().items() if value is not None and key != "epochs"}
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in said.items())
    (tmp_path / "run.toml").write_text(text)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", "idiff_models.answer.fit", str(tmp_path / "run.toml"), "--out", str(tmp_path / "run")]
    environment = {**launch.environment(), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("validation accuracy") == 1
    saved = torch.load(tmp_path / "run" / "member.pt", weights_only=True)
    assert saved["steps"] == 3
    assert 0 <= saved["accuracy"] <= 1
    load_network(tmp_path / "run" / "member.pt")
