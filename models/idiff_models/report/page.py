"""The report as one HTML file that needs nothing else and runs nothing."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from idiff import __version__
from idiff.features.definitions import DEFINITIONS
from idiff.report import sureness
from idiff.review.judging import Judged
from idiff_models.report.source import Source
from idiff_models.report.summary import Row, Summary

STYLE = Path(__file__).with_name("page.css")


@dataclass(frozen=True)
class Thumbnails:
    """Of a pair's two photos, as data URIs; None where there is none."""

    a: str | None
    b: str | None


def write(
    path: Path,
    title: str,
    source: Source,
    rows: Sequence[Row],
    failed: Sequence[Judged],
    summary: Summary,
    thumbnails: Mapping[str, Thumbnails],
) -> None:
    """Write the page to `path`; `thumbnails` by the pair's name, none where none are wanted. Raises OSError."""
    environment = Environment(
        loader=PackageLoader("idiff_models.report", "."),
        autoescape=True,  # names of files and what models write are anybody's words
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "figure": _figure, "sureness": sureness}
    style = STYLE.read_text(encoding="utf-8")
    page = environment.get_template("page.html.j2").render(
        title=title,
        source=source,
        rows=rows,
        failed=failed,
        summary=summary,
        thumbnails=thumbnails,
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        definitions=DEFINITIONS,
        releases=sorted({row.answer.provenance.release for row in rows}),
        version=__version__,
        made=datetime.now().astimezone().isoformat(" ", "minutes"),
        tallest=max(sum(found.values()) for found in summary.confidence),
    )
    path.write_text(page, encoding="utf-8")


def _percent(value: float, digits: int = 0) -> str:
    return f"{100 * value:.{digits}f} %"


def _figure(value: float) -> str:
    """Three significant digits, no exponent where it can be helped."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
