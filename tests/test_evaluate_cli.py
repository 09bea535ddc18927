"""`idiff evaluate` on the sample pair with the bundled release, and the figures and pictures it is made of."""

import io
import json
import math
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import SAMPLES
from picture import chart
from PIL import Image
from typer.testing import CliRunner

pytest.importorskip("matplotlib", reason="needs the evaluate extra")
pytest.importorskip("tqdm", reason="needs the evaluate extra")

from idiff_models.evaluate.cli import app
from idiff_models.evaluate.judges import available, load_judges, scores
from idiff_models.evaluate.pairwise import PairJudged
from idiff_models.evaluate.plots import reliability_plot, risk_coverage_plot
from idiff_models.evaluate.reliability import brier, reliability, risk_coverage
from idiff_models.evaluate.summary import summarise
from idiff_models.evaluate.swapping import swap

A, B = SAMPLES / "astronaut_a.jpg", SAMPLES / "astronaut_b.jpg"


def row(name: str, target: float | None, logit: float, kind: str = "noise", **more: object) -> PairJudged:
    votes = {"scene-one": logit, "scene-two": -0.1 * logit, "scene-three": -0.1 * logit}
    known = {"votes": votes, "swap_error": 0.0, "statistics": {"crop.noise_sigma": -1.0}} | more
    return PairJudged(name, "scene", kind, target, logit, 1 / (1 + math.exp(-logit)), abs(logit) < 0.5, **known)


ROWS = [
    row("right", 1.0, 3.0),
    row("also right", 0.2, -2.0, swap_error=0.25, swap_changed=("crop",)),
    row("wrong", 0.0, 1.0, "blur"),
    row("close", 1.0, 0.1, "blur"),
    row("equal", 0.5, 0.2),
    row("open", None, 2.0),
    PairJudged("broken", None, "blur", 1.0, error="b.jpg: it is truncated"),
]
WEIGHTS = {"scene-one": 1.0, "scene-two": 5.0, "scene-three": 5.0}


def test_figures_of_known_pairs() -> None:
    found = summarise(ROWS, WEIGHTS)
    assert (found.pairs, found.equal, found.unlabelled, dict(found.failed)) == (
        4,
        1,
        1,
        {"broken": "b.jpg: it is truncated"},
    )
    assert found.overall.value == 0.75
    assert {kind: part.value for kind, part in found.by_kind.items()} == {"blur": 0.5, "noise": 1.0}
    assert found.average == 0.75
    assert (found.coverage, found.accepted.value) == (0.75, pytest.approx(2 / 3))
    assert found.by_member["scene-two"].value == 0.25
    # One member is loud and right, two whisper the contrary: only the mean of probabilities follows the loud one.
    assert [found.by_rule[rule].value for rule in ("mean", "majority", "weighted")] == [0.75, 0.25, 0.25]
    assert found.equal_too_close.value == 1
    assert (found.swapped.exact, found.swapped.worst) == (5, 0.25)
    assert found.swapped.changed == {"crop": ("also right",)}
    (noise,) = found.simple
    assert (noise.higher, noise.overall.value) == (False, 0.5)
    cells = [(c.label, c.a, c.b, c.too_close) for c in found.confusion]
    assert ("A", 0, 0, 1) in cells
    assert ("B", 1, 0, 0) in cells
    assert sum(sum(cell[1:]) for cell in cells) == 5


def test_reliability_and_risk_know_no_side() -> None:
    p, y = np.array([0.9, 0.8, 0.3, 0.6, 0.5]), np.array([1, 0, 0, 1, 1])
    for bins in (reliability(p, y), reliability(1 - p, 1 - y)):
        assert sum(part.right.pairs for part in bins) == 5
        assert sum(part.right.right for part in bins) == 3.5
    coverage, risk = risk_coverage(p, y)
    assert coverage[-1] == 1
    assert list(risk) == pytest.approx([0, 1 / 2, 1 / 3, 1 / 4, 1.5 / 5])
    assert brier(p, y) == pytest.approx((0.01 + 0.64 + 0.09 + 0.16 + 0.25) / 5)


def test_equal_confidences_enter_the_curve_together() -> None:
    for outcomes in ([1, 0], [0, 1]):
        assert list(risk_coverage([0.8, 0.8], outcomes)[1]) == [0.5, 0.5]


def test_plots_are_pictures(tmp_path: Path) -> None:
    reliability_plot([0.9, 0.2, 1.0], [1, 1, 1], tmp_path / "r.png")
    risk_coverage_plot([0.9, 0.2, 1.0], [1, 1, 1], tmp_path / "c.png", accepted=(0.67, 0.5))
    for name in ("r.png", "c.png"):
        pixels = np.asarray(Image.open(tmp_path / name).convert("L"))
        assert min(pixels.shape) > 400
        assert (pixels < 128).sum() > 1000


def test_merged_pictures_swap_losslessly() -> None:
    merged = chart(401, 120)
    file = io.BytesIO()
    Image.fromarray(merged).save(file, "PNG")
    once = swap({"merged_global": file.getvalue()})["merged_global"]
    turned = np.asarray(Image.open(io.BytesIO(once)))
    assert np.array_equal(turned[:, :200], merged[:, 201:])
    assert np.array_equal(turned[:, 201:], merged[:, :200])
    assert swap({"image_a": b"1", "image_b": b"2"}) == {"image_a": b"2", "image_b": b"1"}


@pytest.mark.parametrize("name", ["brisque", "piqe", "niqe"])
def test_a_judge_prefers_the_clean_picture(name: str) -> None:
    if name not in available():
        with pytest.raises(ImportError, match="pip install"):
            load_judges([name])
        pytest.skip(f"{name} is not installed")
    judge = load_judges([name])
    clean = np.asarray(Image.open(A).convert("RGB"))
    noise = np.random.default_rng(0).normal(0, 20, clean.shape)
    noisy = np.clip(clean + noise, 0, 255).astype(np.uint8)
    best = scores(clean, judge)[name]
    assert best < scores(cv2.GaussianBlur(clean, (0, 0), 2), judge)[name]
    assert best < scores(noisy, judge)[name]
    assert math.isnan(scores(clean[:8, :8], judge)[name]) or name != "niqe"


class Page(HTMLParser):
    """What a page names: its tags' attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.images: list[dict[str, str | None]] = []
        self.links: list[str] = []
        self.headings: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "img":
            self.images.append(named)
        self.headings += [tag] if re.fullmatch("h[1-6]", tag) else []
        self.links += [str(named[key]) for key in ("href", "src") if key in named]

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.slow
def test_the_command_writes_its_reports(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    name = "<b>sure</b> & 100 %"
    lines = [
        "name,image_a,image_b,label,kind",
        f'"{name}",{A},{B},A,blur',
        f"failed,{A},{B},B,blur",
        f"same,{A},{A},equal,none",
        f"broken,{A},{__file__},A,none",
    ]
    pairs.write_text("\n".join(lines))
    out = tmp_path / "out"
    answer = CliRunner().invoke(app, [str(pairs), "--out", str(out), "--judges", "none"])
    assert answer.exit_code == 0, answer.output
    assert "2 pairs, 1 not judged" in answer.stdout
    assert {path.name for path in out.iterdir()} == {
        "report.md",
        "report.json",
        "gallery.html",
        "reliability.png",
        "risk_coverage.png",
    }
    report = json.loads((out / "report.json").read_text())
    assert report["summary"]["swapped"]["exact"] == 3
    assert report["summary"]["overall"]["value"] == 0.5
    assert list(report["summary"]["failed"]) == ["broken"]
    assert len(report["pairs"][0]["votes"]) == 5
    assert len(report["pairs"][0]["statistics"]) == 21
    text = (out / "report.md").read_text()
    assert "crop.laplacian" in text
    assert "3 of 3 pairs mirror exactly" in text
    html = (out / "gallery.html").read_text()
    page = Page(html)
    assert name in page.words
    assert "<b>sure" not in html
    assert all(link.startswith(("data:image/jpeg;base64,", "#")) for link in page.links)
    assert len(page.images) == 12
    assert all(image["alt"] for image in page.images)
    assert page.headings[:2] == ["h1", "h2"]
    levels = [int(heading[1]) for heading in page.headings]
    assert 3 in levels
    assert all(below - above <= 1 for above, below in pairwise(levels)), "a level of headings is skipped"
    assert "Global" in page.words
    assert page.words.count("Verdict") == 3


@pytest.mark.parametrize(
    ("lines", "options", "said"),
    [
        (["image_a,image_b,label", f"{A},{B},?"], [], "line 2: column label"),
        (["image_a,image_b,label", f"{A},{B},equal"], [], "no pair has a label"),
        (["image_a,image_b,label", "gone.jpg,gone.jpg,A"], [], "gone.jpg: No such file"),
        (["image_a,image_b,label", f"{A},{B},A"], ["--release", "nowhere"], "manifest.json"),
        (["image_a,image_b,label", f"{A},{B},A"], ["--judges", "oracle"], "oracle"),
    ],
)
def test_a_users_error_is_one_line(tmp_path: Path, lines: list[str], options: list[str], said: str) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("\n".join(lines))
    answer = CliRunner().invoke(app, [str(pairs), "--out", str(tmp_path / "out"), *options])
    assert answer.exit_code == 2
    (line,) = [line for line in answer.stderr.splitlines() if line.startswith("idiff: ")]
    assert said in line
    assert not (tmp_path / "out").exists()
