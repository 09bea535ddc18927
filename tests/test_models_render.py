"""Labelled pairs to a cache: the same views that the service would judge, and lists that cannot be rendered."""

import asyncio
import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import SAMPLES, pixels
from PIL import Image
from typer.testing import CliRunner

pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("tqdm", reason="needs the train extra")

from idiff import pipeline
from idiff.config import Settings
from idiff.engine import Engine
from idiff.imaging.inputs import model_input
from idiff.metrics import Metrics
from idiff.upload import make_upload
from idiff_models.answer import cli
from idiff_models.answer.cache import Cache
from idiff_models.answer.render import RenderError, held_out, render, see
from idiff_models.pairs import LabelledPair, read_pairs

PHOTOS = {"image_a": SAMPLES / "astronaut_a.jpg", "image_b": SAMPLES / "astronaut_b.jpg"}


def merged(folder: Path, name: str, cut: slice = slice(None)) -> Path:
    """The sample pair as one picture, left and right."""
    halves = [pixels(path.read_bytes())[cut, cut] for path in PHOTOS.values()]
    path = folder / name
    Image.fromarray(np.concatenate(halves, 1)).save(path)
    return path


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LabelledPair]:
    """The sample pair in all three layouts."""
    folder = tmp_path_factory.mktemp("pictures")
    crops = {}
    for side in "ab":
        crops[f"crop_{side}"] = folder / f"crop_{side}.png"
        Image.fromarray(pixels(PHOTOS[f"image_{side}"].read_bytes())[100:400, 80:380]).save(crops[f"crop_{side}"])
    halves = {"merged_global": merged(folder, "s_1_c0.png"), "merged_crop": merged(folder, "s_1_c1.png", slice(0, 256))}
    images = {"photos": PHOTOS, "crops": {**PHOTOS, **crops}, "merged": halves}
    return {name: LabelledPair(name, files, 1.0, None) for name, files in images.items()}


@pytest.fixture(scope="module")
def served(layouts: dict[str, LabelledPair]) -> dict[str, pipeline.Judgement]:
    """What the service's own pipeline makes of each layout."""

    async def judge() -> dict[str, pipeline.Judgement]:
        engine = Engine.load(Settings(), Metrics())
        try:
            judged = {}
            for name, pair in layouts.items():
                files = {field: path.read_bytes() for field, path in pair.images.items()}
                judged[name] = await pipeline.judge(make_upload(files, {"rationale": "none"}), engine)
            return judged
        finally:
            await engine.close()

    return asyncio.run(judge())


@pytest.mark.parametrize("layout", ["photos", "crops", "merged"])
def test_views_are_those_that_the_service_judges(
    layouts: dict[str, LabelledPair], served: dict[str, pipeline.Judgement], layout: str
) -> None:
    ours, category = see(layouts[layout])
    theirs = served[layout]
    assert category == theirs.verdict.category.name == "person"
    for photo in ("a", "b"):
        mine, its = getattr(ours, photo), getattr(theirs.views, photo)
        assert np.array_equal(mine.global_view, its.global_view)
        assert np.array_equal(mine.crop_view, its.crop_view)


def test_a_csv_becomes_a_cache_as_members_read_it(layouts: dict[str, LabelledPair], tmp_path: Path) -> None:
    names = [f"pair{number}" for number in range(6)]
    with (tmp_path / "pairs.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["name", "image_a", "image_b", "target", "category", "kind"])
        for name, target in zip(names, ("0.8", "0", "0.5", "1", "", "0.2"), strict=True):
            rows.writerow([name, *(path.resolve() for path in PHOTOS.values()), target, "scene", "blur"])
    share = 0.4
    count = render([tmp_path / "pairs.csv"], tmp_path / "cache", side=64, validation_share=share, tiles=4, workers=1)
    labelled = [name for name in names if name != "pair4"]
    expected = {
        "train": [name for name in labelled if not held_out(name, share)],
        "validation": [name for name in labelled if held_out(name, share)],
    }
    assert count == {split: len(kept) for split, kept in expected.items()}
    truth = {pair.name: pair.target for pair in read_pairs(tmp_path / "pairs.csv")}
    views = see(LabelledPair("pair", PHOTOS, 1.0, "scene"))[0]
    for split, kept in expected.items():
        cache = Cache.read(tmp_path / "cache", split)
        assert cache.photos == kept
        assert set(cache.categories) == {"scene"}
        assert set(cache.kinds) == {"blur"}
        assert cache.views.shape == (len(kept), 2, 5, 64, 64, 3)
        assert cache.targets[:, 0, 1] == pytest.approx([truth[name] for name in kept])
        assert cache.targets[:, 1, 0] == pytest.approx([1 - truth[name] for name in kept])
        assert (cache.weights == 1 - np.eye(2)).all()
        for place, photo in enumerate((views.a, views.b)):
            read = model_input(photo.global_view, photo.crop_view, 64, (0, 0, 0), (1, 1, 1), tiles=4) * 255
            assert np.array_equal(np.rint(read.transpose(0, 2, 3, 1)), cache.views[0, place])


def test_the_challenges_layout_renders_from_the_command_line(tmp_path: Path) -> None:
    pictures = tmp_path / "images"
    pictures.mkdir()
    names = [[merged(pictures, f"{key}_c{view}.jpg").name for view in (0, 1)] for key in ("p_1", "s_2")]
    lines = [
        {"images": files, "solution": f"<think></think><answer>{answer}</answer>"}
        for files, answer in zip(names, "AB", strict=True)
    ]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = ["render", str(tmp_path / "train.jsonl"), "--cache", str(tmp_path / "cache"), "--root", str(pictures)]
    answer = CliRunner().invoke(cli.app, [*command, "--side", "96", "--tiles", "1", "--workers", "1"])
    assert answer.exit_code == 0, answer.output
    assert "2 train" in answer.output
    cache = Cache.read(tmp_path / "cache", "train")
    assert cache.views.shape == (2, 2, 2, 96, 96, 3)
    assert cache.categories == ["person", "scene"]
    assert cache.targets[:, 0, 1].tolist() == [1.0, 0.0]


def test_pseudo_labels_join_the_training_pairs_and_validate_nothing(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    for folder, names in ((tmp_path, "abcd"), (tmp_path / "more", "wxyz")):
        rows = [f"{name},{','.join(str(path.resolve()) for path in PHOTOS.values())},1,scene" for name in names]
        (folder / "pairs.csv").write_text("\n".join(["name,image_a,image_b,target,category", *rows]) + "\n")
    lists = [tmp_path / "pairs.csv", tmp_path / "more" / "pairs.csv"]
    share = 0.7
    count = render(lists, tmp_path / "cache", side=32, validation_share=share, tiles=1, workers=1)
    kept = [name for name in "abcd" if not held_out(name, share)]
    assert 0 < len(kept) < 4
    assert Cache.read(tmp_path / "cache", "train").photos == [*kept, *"wxyz"]
    assert count == {"train": len(kept) + 4, "validation": 4 - len(kept)}


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("absent.jpg,broken.jpg,A", "no file .*absent.jpg"),
        ("broken.jpg,broken.jpg,A", "broken: .*broken.jpg"),
        ("broken.jpg,broken.jpg,", "no labelled pair"),
    ],
)
def test_pairs_that_cannot_be_rendered_are_named(tmp_path: Path, row: str, complaint: str) -> None:
    (tmp_path / "broken.jpg").write_bytes(PHOTOS["image_a"].read_bytes()[:500])
    (tmp_path / "pairs.csv").write_text(f"image_a,image_b,label\n{row}\n")
    with pytest.raises(RenderError, match=complaint):
        render([tmp_path / "pairs.csv"], tmp_path / "cache", side=64, workers=1)
    answer = CliRunner().invoke(cli.app, ["render", str(tmp_path / "pairs.csv"), "--cache", str(tmp_path / "cache")])
    assert answer.exit_code == 2
    assert re.search(rf"idiff: .*({complaint})", answer.output)
    assert "Traceback" not in answer.output
    assert not (tmp_path / "cache" / "train.json").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"tiles": 3}, "tiles: 3 make no square"),
        ({"split": "validation", "validation_share": 0.1}, "validation_share:"),
    ],
)
def test_options_that_make_no_cache_are_refused(
    tmp_path: Path, options: dict[str, int | float | str], complaint: str
) -> None:
    (tmp_path / "pairs.csv").write_text(f"image_a,image_b,label\n{','.join(map(str, PHOTOS.values()))},A\n")
    with pytest.raises(RenderError, match=complaint):
        render([tmp_path / "pairs.csv"], tmp_path / "cache", **options)
