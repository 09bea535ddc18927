"""Pairs from the RAIM challenge's JSONL: merged pictures, left A and right B, with the experts' answer.

A line has `images` (the merged global views, then the merged crops) and the answer as `<answer>A</answer>` in
`solution` or in the assistant's message; without either it is unlabelled. A picture's prefix says the category: `p_`
person, `s_` scene.
"""

import json
import re
from pathlib import Path
from typing import Any

from idiff.types import CategoryName
from idiff.upload import MERGED_FIELDS
from idiff_models.pairs.pair import LabelledPair, Names, PairsError

ANSWER = re.compile(r"<answer>\s*([AB])\s*</answer>", re.IGNORECASE)
CATEGORIES: dict[str, CategoryName] = {"p": "person", "s": "scene"}


def read_challenge(path: Path, text: str, root: Path) -> list[LabelledPair]:
    """Pairs of the JSONL `text` of file `path`, their pictures below `root`; raises PairsError."""
    names, pairs = Names(), []
    for line, record in enumerate(text.split("\n"), 1):
        if not record.strip():
            continue
        try:
            row = json.loads(record)
        except json.JSONDecodeError as error:
            raise PairsError(path, line, f"is not JSON: {error.msg}") from error
        try:
            pairs.append(_pair(row, root, names))
        except ValueError as error:
            raise PairsError(path, line, str(error)) from error
    return pairs


def _pair(row: Any, root: Path, names: Names) -> LabelledPair:  # noqa: ANN401
    files = row.get("images") if isinstance(row, dict) else None
    if not isinstance(files, list) or len(files) not in (1, 2) or not all(isinstance(file, str) for file in files):
        raise ValueError("field images: one or two file names are needed, merged global and merged crop")
    images = {field: root / file for field, file in zip(MERGED_FIELDS, files, strict=False)}
    name = re.sub(r"(_merged)?_c0$", "", images["merged_global"].stem)
    return LabelledPair(names.unique(name), images, _target(row), CATEGORIES.get(name.partition("_")[0]))


def _target(row: dict[str, Any]) -> float | None:
    text = row.get("solution") or _assistant(row.get("messages"))
    if not text:
        return None
    answers = ANSWER.findall(str(text))
    if not answers:
        raise ValueError("field solution or messages: no <answer>A</answer> or <answer>B</answer>")
    return 1.0 if answers[-1].upper() == "A" else 0.0


def _assistant(messages: Any) -> str:  # noqa: ANN401
    """What the assistant said last; "" where it said nothing."""
    if not isinstance(messages, list):
        return ""
    said = [
        message.get("content", "")
        for message in messages
        if isinstance(message, dict) and message.get("role") == "assistant"
    ]
    return str(said[-1]) if said else ""
