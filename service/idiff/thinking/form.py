"""The form of a rationale as a regular expression, for constrained decoding and for checking what came.

Only what every grammar backend knows is used: classes, groups, alternatives and counted repetition.
"""

from idiff.thinking.vocabulary import METRICS, SUMMARY_HEADER

REGION = r"[A-Z][A-Za-z(][A-Za-z ,/()&'-]{0,38}"
"""An open phrase: `Face`, `Clothing (White Shirt)`, `Hair and Clothing`."""


def rationale_regex(lines_min: int, lines_max: int, line_chars: int) -> str:
    """`lines_min` to `lines_max` lines `Region Metric: finding`, then the summary line; nothing before or after.

    A finding is 20 to `line_chars` characters that start with a capital and end with a full stop.
    """
    finding = rf"[A-Z][^\n]{{18,{max(18, line_chars - 2)}}}\."
    line = rf"{REGION} ({'|'.join(METRICS)}): {finding}\n"
    return rf"({line}){{{lines_min},{lines_max}}}{SUMMARY_HEADER}: {finding}"


def judged_regex(lines_min: int, lines_max: int, line_chars: int) -> str:
    """The same between `<thinking>` tags, then the answer: the rationale-first form."""
    return rf"<thinking>\n{rationale_regex(lines_min, lines_max, line_chars)}\n</thinking>\n<answer>(A|B)</answer>"
