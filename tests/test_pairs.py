"""Files of labelled pairs: what is read, and how a bad line is named."""

import csv
import json
from pathlib import Path

import pytest
from conftest import SAMPLES

from idiff_models.pairs import LabelledPair, PairsError, read_pairs

pytest.importorskip("tqdm", reason="needs the train extra")


def table(folder: Path, *lines: str) -> Path:
    path = folder / "pairs.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("header", "cells", "target"),
    [
        ("label", "A", 1.0),
        ("label", "b", 0.0),
        ("label", "equal", 0.5),
        ("label", "", None),
        ("target", "0.7", 0.7),
        ("votes_a,votes_b", "3,1", 0.75),
        ("votes_a,votes_b", "0,0", None),
        ("label,target", "A,0.8", 0.8),
        ("label,target", "B,", 0.0),
    ],
)
def test_labels(tmp_path: Path, header: str, cells: str, target: float | None) -> None:
    (pair,) = read_pairs(table(tmp_path, f"image_a,image_b,{header}", f"x.jpg,y.jpg,{cells}"))
    expected = LabelledPair("x", {"image_a": tmp_path / "x.jpg", "image_b": tmp_path / "y.jpg"}, target, None)
    assert pair == expected


def test_layouts_names_and_kinds(tmp_path: Path) -> None:
    lines = [
        "name,scene,image_a,image_b,crop_a,crop_b,merged_global,merged_crop,category,kind,basis",
        "one,,a.jpg,b.jpg,c.jpg,d.jpg,,,person,noise,votes",
        ",City/7,a.jpg,b.jpg,,,,,scene,,votes",
        ",City/7,,,,,m.png,,,,votes",
        ",,,,,,m.png,n.png,,,",
    ]
    pairs = read_pairs(table(tmp_path, *lines), Path("/photos"))
    assert [list(pair.images) for pair in pairs] == [
        ["image_a", "image_b", "crop_a", "crop_b"],
        ["image_a", "image_b"],
        ["merged_global"],
        ["merged_global", "merged_crop"],
    ]
    assert [pair.name for pair in pairs] == ["one", "City/7", "City/7#2", "m"]
    assert [pair.kind for pair in pairs] == ["noise", "City", "City", ""]
    assert [pair.category for pair in pairs] == ["person", "scene", None, None]
    assert pairs[3].images["merged_crop"] == Path("/photos/n.png")


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        (["left,right", "a,b"], 1, "image_a"),
        (["image_a,image_b,label", "a,b,A", "a,b,C"], 3, "column label"),
        (["image_a,image_b,target", "a,b,1.5"], 2, "column target"),
        (["image_a,image_b,target", "a,b,nan"], 2, "column target"),
        (["image_a,image_b,votes_a,votes_b", "a,b,3,"], 2, "column votes_b"),
        (["image_a,image_b,label", "a,,A"], 2, "column image_b"),
        (["image_a,image_b,crop_a", "a,b,c"], 2, "column crop_b"),
        (["image_a,image_b,merged_global", "a,b,c"], 2, "merged_global"),
        (["image_a,image_b,category", "a,b,dog"], 2, "column category"),
        (["image_a,image_b", "a,b,c"], 2, "more cells"),
        (["image_a,image_b"], 0, "no pairs"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, lines: list[str], line: int, said: str) -> None:
    path = table(tmp_path, *lines)
    with pytest.raises(PairsError, match=said) as refusal:
        read_pairs(path)
    assert (refusal.value.path, refusal.value.line) == (path, line)
    assert str(refusal.value).startswith(str(path))


def test_challenge_lines(tmp_path: Path) -> None:
    images = ["img/p_000_merged_c0.jpg", "img/p_000_merged_c1.jpg"]
    scene = ["img/s_001_merged_c0.jpg"]
    rows = [
        {"images": images, "solution": "<thinking>x</thinking>\n<answer>A</answer>"},
        {"images": scene, "messages": [{"role": "assistant", "content": "<answer> b </answer>"}]},
        {"images": scene, "messages": [{"role": "user", "content": "Which? <answer>A/B</answer>"}]},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    pairs = read_pairs(path)
    assert [(p.name, p.category, p.target) for p in pairs] == [
        ("p_000", "person", 1.0),
        ("s_001", "scene", 0.0),
        ("s_001#2", "scene", None),
    ]
    assert pairs[0].images == {"merged_global": tmp_path / images[0], "merged_crop": tmp_path / images[1]}


@pytest.mark.parametrize(
    ("line", "said"),
    [("{", "not JSON"), ("[]", "images"), ('{"images": ["p_1.jpg"], "solution": "A"}', "answer")],
)
def test_a_bad_challenge_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"images": ["p_0.jpg"]}\n' + line)
    with pytest.raises(PairsError, match=said) as refusal:
        read_pairs(path)
    assert refusal.value.line == 2


def test_other_files_are_refused(tmp_path: Path) -> None:
    for name in ("pairs.txt", "absent.csv"):
        with pytest.raises(PairsError, match=name):
            read_pairs(tmp_path / name)


def test_shared_sets_read_as_they_are(data: Path) -> None:
    camera = read_pairs(data / "camera_pairs" / "pairs.csv")
    assert len(camera) == 60
    assert {pair.kind for pair in camera} == {"City100_iPhoneX", "City100_NikonD5500"}
    assert all(path.is_file() for pair in camera for path in pair.images.values())
    forms = [read_pairs(data / "raim" / f"train_{form}_1536.jsonl") for form in ("grpo", "sft")]
    assert forms[0] == forms[1]
    assert sum(pair.target == 1 for pair in forms[0]) == 59


@pytest.mark.slow
def test_pseudo_labels_keep_only_sure_pairs(tmp_path: Path) -> None:
    from idiff.config import Settings
    from idiff_models.pairs.pseudo import pseudo_label

    a, b = SAMPLES / "astronaut_a.jpg", SAMPLES / "astronaut_b.jpg"
    source = table(
        tmp_path,
        "name,image_a,image_b,label",
        f"sure,{a},{b},",
        f"mirrored,{b},{a},",
        f"same,{a},{a},",
        f"known,{a},{b},A",
        f"broken,{a},{source_of_tests()},",
    )
    release = Settings().release_folder
    out = tmp_path / "new" / "labelled.csv"
    found = pseudo_label(source, release, out, confidence=0.6)
    kept = {pair.name: pair for pair in read_pairs(out)}
    assert {name: pair.target for name, pair in kept.items()} == {"sure": 1.0, "mirrored": 0.0}
    assert kept["sure"].images["image_b"].resolve() == b
    assert kept["sure"].category in ("person", "scene")
    sidecar = json.loads(out.with_suffix(".json").read_text())
    assert (found.scored, found.kept, found.kept_a, found.labelled) == (3, 2, 1, 1)
    assert list(sidecar["failed"]) == ["broken"]
    assert sidecar["release"].startswith("starter")
    pseudo_label(source, release, out, confidence=0.6, soft=True)
    with out.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert all(0.6 <= abs(float(row["target"]) - 0.5) + 0.5 < 1 for row in rows)
    assert float(rows[0]["target"]) == pytest.approx(1 - float(rows[1]["target"]), abs=1e-5)


def source_of_tests() -> str:
    """A file that is no picture."""
    return __file__
