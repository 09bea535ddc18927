"""The paper's tables from a small cache: every run they need, each row judged on the same pairs."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

for package in ("torch", "timm", "tqdm"):
    pytest.importorskip(package, reason="needs the train extra")

from cache_support import bright_cache  # noqa: E402

from idiff_models.answer.cli import app  # noqa: E402
from idiff_models.answer.members import toml  # noqa: E402
from idiff_models.answer.training import RunConfig, RunError  # noqa: E402
from idiff_models.evaluate.tables import make_tables, to_markdown  # noqa: E402


def config(folder: Path) -> RunConfig:
    return RunConfig(
        cache=folder, family="convnext", scale="starter", pretrained=False, steps=6, batch=4, lr=3e-3, side=128,
        workers=0, threads=1, device="cpu",
    )  # fmt: skip


@pytest.mark.slow
def test_both_tables_from_one_cache(tmp_path: Path) -> None:
    base = config(bright_cache(tmp_path / "cache"))
    run, out = tmp_path / "run.toml", tmp_path / "out"
    run.write_text(toml(base))
    done = CliRunner().invoke(app, ["tables", str(run), "--out", str(out), "--family", "convnext"])
    assert done.exit_code == 0, done.output
    tables = make_tables(base, out, families=("convnext",))  # its runs are kept
    names = [row.name for row in tables.steps]
    assert names[0].startswith("merged baseline")
    assert names[1:3] == ["+ split left/right", "+ person/scene"]
    assert all(row.overall.pairs == 8 and row.person.pairs == row.scene.pairs == 4 for row in tables.steps)
    # The split network cannot but learn which of two pictures is brighter; both votes of one member are that member.
    assert tables.steps[1].overall.value == 1
    assert tables.steps[2].overall == tables.steps[3].overall == tables.steps[4].overall
    ((family, merged, split),) = tables.backbones
    assert (family, merged.overall, split.overall) == ("convnext", tables.steps[0].overall, tables.steps[1].overall)
    runs = sorted(path.name for path in (tmp_path / "out" / "runs").iterdir())
    assert runs == ["merged-all-convnext", "split-all-convnext", "split-person-convnext", "split-scene-convnext"]
    text = (out / "tables.md").read_text()
    assert text == to_markdown(tables, base) + "\n"
    assert str(tables.steps[1].overall) in text
    assert "6 steps" in text


def test_a_run_that_cannot_be_done_says_why_and_no_other_is_begun(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cache"):
        make_tables(config(tmp_path), tmp_path / "out", families=("convnext", "swin"), workers=1)
    assert [path.name for path in (tmp_path / "out" / "runs").iterdir()] == ["merged-all-convnext"]
