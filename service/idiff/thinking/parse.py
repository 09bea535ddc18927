"""A rationale's text, read back into lines and summary. Tolerant of how experts and models vary the form."""

import re
from typing import Final

from idiff.thinking.claims import favoured
from idiff.thinking.vocabulary import METRICS, SUMMARY_HEADER, SUMMARY_METRIC, SUMMARY_REGION
from idiff.types import Line, Side

SPOKEN: Final[dict[str, str]] = {
    "sharp": "Sharpness",
    "blur": "Sharpness",
    "textur": "Texture",
    "smear": "Texture",
    "smooth": "Texture",
    "detail": "Detail",
    "definition": "Detail",
    "resolution": "Detail",
    "clarity": "Clarity",
    "clear": "Clarity",
    "legib": "Clarity",
    "nois": "Noise",
    "grain": "Noise",
    "artifact": "Artifacts",
    "halo": "Artifacts",
    "black edge": "Artifacts",
    "border": "Artifacts",
    "expos": "Exposure",
    "bright": "Exposure",
    "contrast": "Contrast",
    "color": "Color",
    "colour": "Color",
    "realis": "Realism",
    "natural": "Naturalness",
    "quality": "Quality",
    "impression": "Quality",
    "fidelity": "Quality",
    "transition": "Texture",
}
"""Beginnings of words by which a metric is named in a header, or spoken of where the header names none."""

SUMMARIES: Final = frozenset({"overall", "summary", "realism", "quality", "perception", "impression", "decision"})
"""Last words of the headers under which experts sum up."""

NATURAL: Final = re.compile(
    r"\b(?:un)?natural(?:-looking)? (?=(?:\w+ )?(?:textur|detail|nois|sharp|contrast|colou?r))", re.IGNORECASE
)
"""An adjective to a metric, by which no naturalness is spoken of: `natural skin texture`."""

ANOTHER: Final = re.compile(rf"\s+(?:{'|'.join(METRICS)})(?:\s+and|\s*[/,&])?$")
"""A metric before the last one: a line is about one, `Arm Contrast and Sharpness` about sharpness."""

HEADER_LENGTH: Final = 80

THINKING: Final = re.compile(r"<thinking>(.*?)</thinking>", re.DOTALL | re.IGNORECASE)
ANSWER: Final = re.compile(r"<answer>\s*([AB])\s*</answer>", re.IGNORECASE)
"""The rationale-first form, as the challenge has it."""


class FormError(ValueError):
    """The text is not a rationale: it has no line that can be read, or no summary at its end."""


def parse(text: str) -> tuple[tuple[Line, ...], str]:
    """The lines before the summary, and the summary without its header.

    No line is checked against the measurements, so `agrees` is None.

    Raises:
        FormError: no line can be read, or the last line is no global summary.
    """
    lines = read_lines(text)
    if not lines:
        raise FormError("no line of the form `Region Metric: finding`")
    if not is_summary(lines[-1]):
        raise FormError(f"the last line is no summary like `{SUMMARY_HEADER}: finding`")
    if len(lines) == 1:
        raise FormError("a summary without lines before it")
    return tuple(lines[:-1]), lines[-1].text


def read_lines(text: str) -> list[Line]:
    """Every line that has the form, in order; what has not is left out."""
    return [line for line in map(read_line, text.splitlines()) if line]


def is_summary(line: Line) -> bool:
    """Whether `line` sums up the whole picture."""
    return line.region.startswith(SUMMARY_REGION) and line.metric.split()[-1].lower() in SUMMARIES


def read_line(text: str) -> Line | None:
    """`Region Metric: finding`, also without a metric, or with commas, slashes or brackets between; else None."""
    header, colon, finding = text.strip().lstrip("-*•0123456789. ").replace("**", "").partition(":")
    finding = finding.strip()
    if not colon or not finding or len(header) > HEADER_LENGTH or not re.search(r"[A-Za-z]{3}", header):
        return None
    region, metric = split_header(header)
    if metric is None:
        metric = spoken_metric(finding)
    return Line(region, metric, finding, favoured(finding)) if metric else None


def split_header(header: str) -> tuple[str, str | None]:
    """Region and metric of a header; the metric is None where the header only names a region.

    A metric alone is about the whole picture, and what follows a `Global` is a metric even outside the vocabulary.
    """
    plain = re.sub(r"[\[\]]", " ", header).strip()
    words = plain.split()
    last = re.split(r"[/,]", words[-1])[-1].strip(" ()").capitalize()
    metric = last if last == SUMMARY_METRIC else _spoken(last)
    if metric:
        region = plain[: len(plain) - len(words[-1])] + re.sub(r"[/,]?[^/,]*$", "", words[-1])
        region = ANOTHER.sub("", region.strip(" ,/"))
        return SUMMARY_REGION if region.startswith(SUMMARY_REGION) else region or SUMMARY_REGION, metric
    if plain.lower() in SUMMARIES:
        return SUMMARY_REGION, SUMMARY_METRIC
    if words[0] in (SUMMARY_REGION, f"{SUMMARY_REGION},", "Final", "Overall") and len(words) > 1:
        return SUMMARY_REGION, " ".join(words[1:])
    return plain, None


def _spoken(word: str) -> str | None:
    """The metric that a word of a header names."""
    return next((metric for beginning, metric in SPOKEN.items() if word.lower().startswith(beginning)), None)


def spoken_metric(finding: str) -> str | None:
    """The metric that a finding speaks of first, None if it speaks of none."""
    plain = NATURAL.sub("", finding).lower()
    found = {plain.find(beginning): metric for beginning, metric in SPOKEN.items()}
    found.pop(-1, None)
    return found[min(found)] if found else None


def parse_judged(text: str) -> tuple[str, Side]:
    """The rationale within a text of the rationale-first form, and its last answer.

    Raises:
        FormError: either is missing.
    """
    thought, answers = THINKING.search(text), ANSWER.findall(text)
    if not thought or not answers:
        raise FormError("no <thinking>, or no <answer> of A or B")
    return thought[1].strip(), "A" if answers[-1].upper() == "A" else "B"
