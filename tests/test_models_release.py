"""The release that ships with the code: whole, small, antisymmetric, and better than any single statistic."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from idiff.answer.ensemble import Ensemble
from idiff.answer.release import load
from idiff.answer.verify import verify
from idiff.types import Alignment, Category, CategoryName, PhotoViews, Size, Verdict, Views

STARTER = Path(__file__).parents[1] / "models" / "releases" / "starter"
FAMILIES = {"resnet", "efficientnet", "convnext", "swin", "maxvit"}


@pytest.fixture(scope="module")
def ensemble() -> Ensemble:
    with ThreadPoolExecutor(1) as pool:
        return Ensemble.load(load(STARTER), "cpu", pool)


def photo(seed: int) -> PhotoViews:
    rng = np.random.default_rng(seed)
    view = rng.integers(0, 256, (160, 200, 3), np.uint8)
    return PhotoViews(Size(200, 160), view, view[:160, :160], None)


def judge(ensemble: Ensemble, a: PhotoViews, b: PhotoViews, category: CategoryName) -> Verdict:
    views = Views(a, b, "given", Alignment("identity", np.eye(2, 3), 0, True), ())
    with ThreadPoolExecutor(1) as pool:
        return asyncio.run(ensemble.judge(views, Category(category, "given", None), pool))


def test_five_families_for_each_category(ensemble: Ensemble) -> None:
    members = ensemble.manifest.members
    for category in ("person", "scene"):
        assert {m.backbone for m in members if m.domain == category} == FAMILIES
    assert len(members) == 10


@pytest.mark.slow
def test_it_verifies() -> None:
    assert len(list(verify(STARTER))) == 2 + 3 * len(load(STARTER).manifest.members)


@pytest.mark.parametrize("category", ["person", "scene"])
def test_every_member_votes_and_swapping_negates(ensemble: Ensemble, category: CategoryName) -> None:
    a, b = photo(1), photo(2)
    forward, backward = judge(ensemble, a, b, category), judge(ensemble, b, a, category)
    assert len(forward.votes) == 5
    assert forward.logit == -backward.logit
    assert forward.logit != 0
    for vote, turned in zip(forward.votes, backward.votes, strict=True):
        assert vote.probability_a == pytest.approx(1 - turned.probability_a, abs=1e-6)
    same = judge(ensemble, a, a, category)
    assert same.preferred is None
    assert same.probability_a == 0.5


def test_small_enough_for_the_repository() -> None:
    sizes = [path.stat().st_size for path in STARTER.iterdir()]
    assert sum(sizes) < 30e6
    assert max(sizes) < 20e6
    named = {part.path for m in load(STARTER).manifest.members for part in m.files}
    assert named == {path.name for path in STARTER.glob("*.onnx")}


def test_measured_and_better_than_every_simple_judge(ensemble: Ensemble) -> None:
    measured = {record.category: record for record in ensemble.manifest.measured}
    assert set(measured) == {"all", "person", "scene"}
    card = (STARTER / "MODEL_CARD.md").read_text()
    section = card.split("## Simple judges on the same pairs")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| ([\d.]+) \| ([\d.]+) \|", section, re.MULTILINE)
    release, *simple = rows
    assert release[0] == "**release**"
    assert len(simple) >= 20
    assert float(release[2]) > max(float(average) for _, _, average in simple)
    assert 100 * measured["all"].accuracy == pytest.approx(float(release[1]), abs=0.06)


@pytest.mark.full
@pytest.mark.timeout(900)
def test_either_view_decides_alone_where_the_other_is_the_same(data: Path) -> None:
    judging = pytest.importorskip("idiff_models.evaluate.judging", reason="needs the train extra")
    photos = pytest.importorskip("idiff_models.answer.photos")

    def right(masked: str, pairs: int = 80) -> float:
        test = judging.Test(data / "photos", photos.LABELS, "test", pairs, 11, masked)
        rows = [row for row in judging.judge_test(STARTER, test, 2) if row.target != 0.5]
        return sum((row.logit > 0) == (row.target > 0.5) for row in rows) / len(rows)

    assert right("none", pairs=160) > 0.75
    assert right("global") > 0.6
    assert right("crop") > 0.6
