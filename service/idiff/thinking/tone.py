"""How a clause of an expert speaks of its photo: praise minus blame, counted word by word from lexicon.toml."""

import re
import tomllib
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Final

VERB: Final = r"\b(?:is|are|looks?|appears?|remains?)"

PLAINER: Final = (
    # Would use up the reach of a `lacks`: "lacks the same level of detail".
    (re.compile(r"\b(?:the )?same (?:level|degree|amount) of\b"), " "),
    # Is about to be taken back.
    (re.compile(r"\b[\w-]+ at first glance\b"), " "),
    # Halos by other names; edges alone are no fault.
    (re.compile(r"\bblack(?:-and-white)? (?:edge|border|outline|line)s?\b"), "halos"),
    # Of what stands before it; elsewhere `poor` is about what follows.
    (re.compile(rf"({VERB}) (?:very )?poor\b"), r"\1 inferior"),
    # "The noise is less visible" is less noise, as "the noise is finer" is finer noise.
    (re.compile(rf"\b(noise|grain|graininess)\b([^.;,|]*?{VERB}(?: [\w-]+){{1,2}})"), r"\2 \1"),
    # From here on another thing is told: "less noise and better detail", "without halos, more natural".
    (
        re.compile(
            r"(?:,|\band\b|,\s*and\b|\bwith\b)\s+(?=(?:more|better|clearer|finer|fuller|greater|higher|richer|sharper|"
            r"superior|improved|increased)\b)"
        ),
        " | ",
    ),
)
"""What is said in place of what, before words are counted."""

WORD: Final = re.compile(r"[a-z]+(?:-[a-z]+)*|\|")
REACH: Final = 4
"""A `more` or `less` bears on this many words after it."""
DECISION: Final = 3
"""Weight of a word that names the winner, or says whether what was described pleases: soft, but pleasing."""
LIFELIKE: Final = 2
"""Weight of a word that says whether it looks real."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The word lists of lexicon.toml, where each is explained."""

    more: frozenset[str]
    less: frozenset[str]
    lacking: frozenset[str]
    good: frozenset[str]
    bad: frozenset[str]
    quality: frozenset[str]
    pleasant_grain: frozenset[str]
    lifelike: frozenset[str]
    pleasing: frozenset[str]
    decisions: frozenset[str]

    def weight(self, word: str) -> int:
        """Of a word of praise or blame."""
        return DECISION if word in self.pleasing else LIFELIKE if word in self.lifelike else 1


@cache
def lexicon() -> Lexicon:
    """The lexicon that comes with the package."""
    lists = tomllib.loads((files("idiff.thinking") / "lexicon.toml").read_text(encoding="utf-8"))
    return Lexicon(**{field.name: frozenset(lists[field.name].split()) for field in fields(Lexicon)})


def tone(clause: str) -> int:
    """Praise minus blame in one clause, lower case and without the photos' names."""
    for pattern, plainer in PLAINER:
        clause = pattern.sub(plainer, clause)
    known, words, balance = lexicon(), WORD.findall(clause), 0
    for index, word in enumerate(words):
        before = words[max(0, index - REACH) : index]
        sign = _sign(before, known)
        if word in known.decisions:
            balance += DECISION
        elif word in known.bad:
            pleasant = word == "noise" and not known.pleasant_grain.isdisjoint(before)
            balance += 1 if pleasant else -sign * known.weight(word)
        elif word in known.good or (word in known.quality and (sign < 0 or not known.more.isdisjoint(before))):
            balance += sign * known.weight(word)
    return balance


def _sign(before: list[str], known: Lexicon) -> int:
    """-1 where the words before turn a word round; of what is told apart from it, only those that span a whole list."""
    apart = len(before) - before[::-1].index("|") if "|" in before else 0
    turns = sum(word in (known.lacking if place < apart else known.less) for place, word in enumerate(before))
    return -1 if turns % 2 else 1
