"""Cases to look at, as one HTML file that needs nothing else: views, crop boxes, votes and the measured rationale."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

import cv2

from idiff import explanation, pipeline
from idiff.config import Settings
from idiff.engine import Engine
from idiff.imaging.resize import fit, resize
from idiff.metrics import Metrics
from idiff.report import CERTAIN
from idiff.types import Image, PhotoViews, Rationale, Size, Views
from idiff.upload import make_upload
from idiff_models.evaluate.cases import SECTIONS, choose
from idiff_models.evaluate.pairwise import PairJudged, read_images
from idiff_models.pairs import LabelledPair

VIEW_SIDE = 512
"""Long side in pixels at which a view is embedded; about 50 kB each, so 24 cases are some 5 MB."""
JPEG_QUALITY = 88

_PAGE = Path(__file__).with_name("gallery.html")
_CASE = Path(__file__).with_name("gallery_case.html")


def write_gallery(
    pairs: Sequence[LabelledPair], rows: Sequence[PairJudged], release: Path, path: Path, title: str, most: int
) -> None:
    """Write the gallery of `rows`, the judged `pairs`, at most `most` cases a section, to `path`.

    The cases are judged once more by the release in folder `release`, with their rationales; raises ReleaseRefused.
    """
    by_name = {pair.name: pair for pair in pairs}
    chosen = [(section, *choose(rows, section, most)) for section in SECTIONS]
    shown = [row for _, cases, _ in chosen for row in cases]
    seen = asyncio.run(_look([by_name[row.name] for row in shown], release))
    case = Template(_CASE.read_text(encoding="utf-8"))
    sections = [
        _section(section.title, section.text, [_case(case, row, *seen[row.name]) for row in cases], total)
        for section, cases, total in chosen
    ]
    page = Template(_PAGE.read_text(encoding="utf-8"))
    path.write_text(page.substitute(title=escape(title), sections="\n".join(sections)), encoding="utf-8")


async def _look(pairs: Sequence[LabelledPair], release: Path) -> dict[str, tuple[Views, Rationale | None]]:
    """Views and measured rationale by the pair's name."""
    engine = Engine.load(Settings(release=release, threads=1), Metrics())
    found = {}
    try:
        for pair in pairs:
            options = {"category": pair.category or "auto", "rationale": "measured"}
            judgement = await pipeline.judge(make_upload(read_images(pair), options), engine)
            found[pair.name] = judgement.views, await explanation.conclude(judgement, engine)
    finally:
        await engine.close()
    return found


def _section(title: str, text: str, cases: Sequence[str], total: int) -> str:
    count = f"{len(cases)} of {total}" if total else "none"
    heading = f"<h2>{escape(title)} <small>{count}</small></h2><p>{escape(text)}</p>"
    return f'<section id="{escape(title.lower().replace(" ", "-"))}">{heading}{"".join(cases)}</section>'


def _case(case: Template, row: PairJudged, views: Views, rationale: Rationale | None) -> str:
    label = _label(row.target)
    verdict = "too close to call" if row.too_close else f"{'A' if row.logit > 0 else 'B'} preferred"
    words = {
        "name": row.name,
        "kind": row.kind or "unnamed",
        "category": str(row.category),
        "label": label,
        "verdict": verdict,
        "probability": _probability(row.probability),
        "crop": views.crop_method,
    }
    figures = "".join(
        _figure(f"{view} {letter}, {row.name}", photo, view)
        for view in ("whole photo", "crop")
        for letter, photo in (("A", views.a), ("B", views.b))
    )
    lines = rationale.text.splitlines() if rationale else ["No rationale could be written."]
    parts = {
        "figures": figures,
        "votes": _votes(row.votes),
        "rationale": "".join(f"<p>{escape(line)}</p>" for line in lines),
    }
    return case.substitute({name: escape(word) for name, word in words.items()} | parts)


def _figure(name: str, photo: PhotoViews, view: str) -> str:
    pixels = photo.crop_view if view == "crop" else photo.global_view
    box = photo.crop_box
    outline = ""
    if view != "crop" and box:
        place = zip(("left", "top", "width", "height"), (box.x, box.y, box.width, box.height), strict=True)
        width, height = photo.original.width, photo.original.height
        whole = {"left": width, "width": width, "top": height, "height": height}
        style = ";".join(f"{side}:{100 * value / whole[side]:.2f}%" for side, value in place)
        outline = f'<i class="box" style="{style}"></i>'
    image = f'<img src="{_data_uri(pixels)}" alt="{escape(name)}">'
    caption = escape(name.partition(",")[0])
    return f'<figure><div class="frame">{image}{outline}</div><figcaption>{caption}</figcaption></figure>'


def _votes(votes: Mapping[str, float]) -> str:
    rows = []
    for member, vote in votes.items():
        side = "A" if vote > 0 else "B" if vote < 0 else "neither"
        rows.append(f"<tr><th scope='row'>{escape(member)}</th><td>{side}</td><td class='number'>{vote:+.2f}</td></tr>")
    return "".join(rows)


def _probability(value: float) -> str:
    if not 1 - CERTAIN <= value <= CERTAIN:
        return f"more than {CERTAIN:.0%}" if value > 0.5 else f"less than {1 - CERTAIN:.0%}"
    return f"{value:.0%}"


def _label(target: float | None) -> str:
    if target in (None, 0.5):
        return "none" if target is None else "equal"
    side, share = ("A", target) if target > 0.5 else ("B", 1 - target)
    return side if share == 1 else f"{side} ({100 * share:.0f} %)"


def _data_uri(view: Image) -> str:
    size = Size(view.shape[1], view.shape[0])
    small = resize(view, fit(size, VIEW_SIDE)) if max(view.shape[:2]) > VIEW_SIDE else view
    done, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode('ascii')}"
