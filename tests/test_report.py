"""`idiff report` on the sample pair: what the page says, and that nothing in it runs or is fetched."""

import base64
import csv
import hashlib
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import SAMPLES
from typer.testing import CliRunner, Result

pytest.importorskip("jinja2", reason="needs the evaluate extra")

from idiff import Client
from idiff.schemas import Comparison
from idiff_models.report.cli import app
from idiff_models.report.summary import Row, summarise

GOOD, POOR = SAMPLES / "astronaut_a.jpg", SAMPLES / "astronaut_b.jpg"
HOSTILE = "<img src=x onerror=alert(1)>\"'&amp;{{ 7*7 }}"
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """What a browser would make of a page: its elements, its text, and whether all tags are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, attribute: str) -> list[str]:
        return [values[attribute] for _, values in self.tags if attribute in values]


def report(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pairs in a file, one of them with a hostile name and one broken."""
    root = tmp_path_factory.mktemp("pairs")
    for name, photo in (("good.jpg", GOOD), ("poor.jpg", POOR), (f"{HOSTILE}.jpg", POOR)):
        shutil.copy(photo, root / name)
    (root / "broken.jpg").write_bytes(b"x")
    rows = [
        ("good.jpg", "poor.jpg", "person", "A", "day"),
        (f"{HOSTILE}.jpg", "good.jpg", "", "A", HOSTILE),
        ("good.jpg", "good.jpg", "", "equal", "day"),
        ("good.jpg", "broken.jpg", "", "", "day"),
    ]
    with (root / "pairs.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("image_a", "image_b", "category", "label", "kind"), *rows])
    return root


@pytest.fixture(scope="module")
def page(folder: Path, address: str) -> Page:
    out = folder / "report.html"
    done = report(folder / "pairs.csv", "--url", address, "--out", out, "--names", "old", HOSTILE)
    assert done.exit_code == 0, done.output
    assert "is preferred in 50.0 %" in done.stdout
    assert "not judged 1, without a counterpart 0" in done.stdout
    return Page(out.read_text(encoding="utf-8"))


def test_the_page_says_who_wins_and_why(page: Page) -> None:
    for said in (
        "A/B report: pairs.csv",
        "old wins",
        "too close to call1 of 3",
        "50 %as labelled",
        "labelled equal",
        "exact tie",
        "Face Sharpness:",
        "good#3unsupported_image: The file in 'image_b'",
    ):
        assert said in page.text
    assert sum(tag == "img" for tag, _ in page.tags) == 6
    assert any(tag == "svg" for tag, _ in page.tags)


def test_nothing_in_the_page_runs_or_is_fetched(folder: Path, page: Page) -> None:
    assert page.open == []
    assert HOSTILE in page.text
    assert {tag for tag, _ in page.tags} <= {
        *("html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section", "h1", "h2", "p", "a"),
        *("ul", "li", "b", "br", "small", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "details"),
        *("summary", "figure", "figcaption", "img", "span", "svg", "line", "circle", "rect", "text"),
    }
    assert not [name for _, values in page.tags for name in values if name.startswith("on") or name == "style"]
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.all("src"))
    assert all(target.startswith("#") for target in page.all("href"))
    (policy,) = [values["content"] for _, values in page.tags if values.get("http-equiv") == "Content-Security-Policy"]
    style = (folder / "report.html").read_text(encoding="utf-8").partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    allowed = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert policy == allowed


def test_two_folders_are_pairs_in_process(tmp_path: Path) -> None:
    for side, photo in (("new", GOOD), ("old", POOR), ("older", POOR)):
        (tmp_path / side / "night").mkdir(parents=True)
        shutil.copy(photo, tmp_path / side / "night" / "1.jpg")
    shutil.copy(GOOD, tmp_path / "old" / "2.jpg")
    assert "this one 3: name two" in report(tmp_path).stderr
    done = report(tmp_path, "--names", "old", "new", "--out", tmp_path / "r.html", "--thumbnail", "0")
    assert done.exit_code == 0, done.output
    assert "old wins 0, too close 0, new wins 1" in done.stdout
    page = Page((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert "old/2.jpg" in page.text
    assert "night/1.jpg" in page.text
    assert not page.all("src")


def test_what_cannot_be_reported_is_refused_in_a_line(folder: Path, address: str, tmp_path: Path) -> None:
    (tmp_path / "merged.csv").write_text("merged_global\na.jpg\n")
    (tmp_path / "bare.csv").write_text("image_a\na.jpg\n")
    (tmp_path / "absent.csv").write_text("image_a,image_b\na.jpg,b.jpg\n")
    for arguments, said in (
        ((tmp_path / "merged.csv",), "on two photos"),
        ((tmp_path / "bare.csv",), "line 1"),
        ((tmp_path / "absent.csv", "--url", address), "none of 1 pairs could be judged; the first: unreadable"),
        ((folder / "pairs.csv", "--url", "http://127.0.0.1:9"), "unreachable"),
        ((tmp_path, "--names", "x", "y"), "no folder x"),
        ((folder / "pairs.csv", "--url", address, "--out", tmp_path), str(tmp_path)),
    ):
        done = report(*arguments)
        assert done.exit_code == 2
        assert said in done.stderr.splitlines()[-1]


@pytest.fixture(scope="module")
def answer(address: str) -> Comparison:
    with Client(address) as client:
        return client.compare(GOOD, POOR)


def _row(answer: Comparison, preferred: str | None, confidence: float, label: float | None, kind: str) -> Row:
    """A pair whose preferred photo is always the sharper one; equal photos where it is too close."""
    close = confidence < 0.55
    sharp, soft = answer.features.a, answer.features.b
    features = {"a": sharp if preferred == "A" else soft, "b": sharp if preferred == "B" else soft}
    verdict = {"preferred": preferred, "confidence": confidence, "too_close": close, "category": "scene"}
    changed = {
        "verdict": answer.verdict.model_copy(update=verdict),
        "features": answer.features.model_copy(update=features),
    }
    return Row("x", kind, label, answer.model_copy(update=changed))


def test_figures_of_known_pairs(answer: Comparison) -> None:
    rows = [
        _row(answer, "A", 0.99, 1.0, "day"),
        _row(answer, "B", 1.0, 0.0, "day"),
        _row(answer, "B", 0.8, 1.0, "night"),
        _row(answer, "B", 0.54, 0.0, "night"),
        _row(answer, None, 0.5, 0.5, "night"),
    ]
    found = summarise(rows)
    assert (found.everything.a, found.everything.close, found.everything.b) == (1, 2, 2)
    assert (found.everything.b_preferred.right, found.everything.b_preferred.pairs) == (3, 5)
    assert [(group.name, group.b_preferred.right) for group in found.kinds] == [("day", 1), ("night", 2)]
    assert [group.name for group in found.categories] == ["scene"]
    assert (found.right.right, found.right.pairs) == (3, 4)
    counts = [sum(count.values()) for count in found.confidence]
    assert counts == [2, 0, 0, 0, 0, 0, 1, 0, 0, 2]
    assert found.confidence[9] == {"a": 1, "close": 0, "b": 1}
    sharpness = next(one for one in found.deltas if (one.view, one.statistic) == ("crop", "laplacian"))
    assert (sharpness.with_winner.value, sharpness.with_winner.pairs) == (1, 3)
    assert sharpness.b > sharpness.a
    assert not sharpness.telling
    many = summarise(rows[:3] * 4)
    assert [one.telling for one in many.deltas if (one.view, one.statistic) == ("crop", "laplacian")] == [True]
