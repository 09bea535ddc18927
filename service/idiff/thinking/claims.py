"""Which of the two images a sentence of an expert speaks for, read from its words."""

import re
from typing import Final

from idiff.thinking.tone import tone
from idiff.types import Side

IMAGE: Final = re.compile(
    r"\b(?:image\s+)?(?:a\s*[(/]\s*left\)?|b\s*[(/]\s*right\)?)|\bimage\s+[ab]\b"
    r"|\b(?:the\s+)?(?:left|right)\s+(?:image|photo)\b",
    re.IGNORECASE,
)
"""`Image A (Left)`, `Image A/Left`, `Image A`, `A (Left)`, `the left image`, and so for B."""

CLAUSE: Final = re.compile(
    r"[.;]\s+|,?\s+\b(?:while|whereas|but|however|although|though|yet|in contrast|despite|offset by|accompanied by)\b"
    r"|,\s*(?=which\b)|\s+where(?=\s+image\b)|,(?:\s+and)?(?=\s+image\b)",
    re.IGNORECASE,
)
CONCESSION: Final = re.compile(r"\b(?:despite|although)\b[^,.;]*,", re.IGNORECASE)
"""`Despite some noise,` concedes a point without making it; whom it is about, what follows may be about as well."""

SIDES: Final = (("A", "B"), ("a", "b"), ("Left", "Right"), ("left", "right"))
OTHERS: Final = dict(SIDES) | {right: left for left, right in SIDES}
EXCHANGED: Final = re.compile(rf"\b(?:{'|'.join(OTHERS)})\b")
"""The words of a name that tell the images apart."""

COMPARED: Final = re.compile(
    r"\b(?:than|compared (?:to|with)|relative to|over|outperforming|preferable to|unlike|versus)\b", re.IGNORECASE
)
ALIKE: Final = re.compile(r"\b(?:both|neither|similar|comparable|identical|no significant difference)\b", re.IGNORECASE)
UNDECIDED: Final = re.compile(r"\b(?:neither|no)\b[^.;]*\b(?:superior|better|preferred|winner)\b", re.IGNORECASE)
"""Says outright that no image wins, whatever the merits named beside it."""


def favoured(text: str) -> Side | None:
    """The image `text` speaks for; None where it finds both alike, or nothing can be told.

    Clause by clause, words of praise and blame are counted, turned round by a `no` or a `less` before them, for the
    image the clause is about. Swapping the images' names swaps the answer.
    """
    if UNDECIDED.search(text):
        return None
    balance = subject = last = 0
    for clause in filter(None, CLAUSE.split(CONCESSION.sub(_conceding, text))):
        compared = COMPARED.search(clause)
        named = [(match.start(), _sign(match.group())) for match in IMAGE.finditer(clause)]
        about = {sign for start, sign in named if compared is None or start < compared.start()}
        if about:
            subject = sum(about)
        elif ALIKE.search(clause):
            subject = 0
        elif clause.lower().startswith("which"):
            subject = last
        balance += subject * tone(IMAGE.sub(" ", clause).lower())
        last = named[-1][1] if named else last
    return "A" if balance > 0 else "B" if balance < 0 else None


def _conceding(concession: re.Match[str]) -> str:
    """The names in a concession, as a clause that says nothing of them."""
    return f"{' '.join(match.group() for match in IMAGE.finditer(concession.group()))}. "


def mirror(text: str) -> str:
    """`text` with the names of the two images exchanged; a left cheek stays one."""
    return IMAGE.sub(lambda name: EXCHANGED.sub(_exchange, name.group()), text)


def _exchange(word: re.Match[str]) -> str:
    return OTHERS[word.group()]


def _sign(name: str) -> int:
    """+1 for a name of image A, -1 for one of image B."""
    return 1 if re.search(r"\ba\b|left", name, re.IGNORECASE) else -1
