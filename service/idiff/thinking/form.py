"""The form of a rationale as a regular expression, for constrained decoding and for checking what came.

Only what every grammar backend knows is used: classes, groups, alternatives and counted repetition.
"""

from typing import Final

from idiff.thinking.vocabulary import METRICS, SUMMARY_HEADER

REGION: Final = r"[A-Z][A-Za-z(][A-Za-z ,/()&'-]{0,38}"
"""An open phrase: `Face`, `Clothing (White Shirt)`, `Hair and Clothing`."""

HEADER_CHARS: Final = 40 + len(" ") + max(map(len, METRICS)) + len(": ")
"""Longest header of a line."""

SHORTEST: Final = 20
"""Fewest characters of a finding."""

CHARS_PER_TOKEN: Final = 4
"""Fewer than English has: the challenge's 100 rationales have 4.5 to 5.7 to a token of CLIP's vocabulary, which is a
third of Qwen's."""


def rationale_regex(lines_min: int, lines_max: int, line_chars: int) -> str:
    """`lines_min` to `lines_max` lines `Region Metric: finding`, then the summary line; nothing before or after.

    A finding is `SHORTEST` to `line_chars` characters that start with a capital and end with a full stop.
    """
    finding = rf"[A-Z][^\n]{{{SHORTEST - 2},{max(SHORTEST, line_chars) - 2}}}\."
    line = rf"{REGION} ({'|'.join(METRICS)}): {finding}\n"
    return rf"({line}){{{lines_min},{lines_max}}}{SUMMARY_HEADER}: {finding}"


def judged_regex(lines_min: int, lines_max: int, line_chars: int) -> str:
    """The same between `<thinking>` tags, then the answer: the rationale-first form."""
    return rf"<thinking>\n{rationale_regex(lines_min, lines_max, line_chars)}\n</thinking>\n<answer>(A|B)</answer>"


def fitting(lines_max: int, max_tokens: int) -> int:
    """Characters that findings may have for the longest text of either form to end within `max_tokens` tokens; less
    than `SHORTEST`, or negative, where there is no room for so many lines."""
    headers = lines_max * (HEADER_CHARS + len("\n")) + len(f"{SUMMARY_HEADER}: ")
    tags = len("<thinking>\n\n</thinking>\n<answer>A</answer>")
    return (max_tokens * CHARS_PER_TOKEN - headers - tags) // (lines_max + 1)
