"""Pairs from the RAIM challenge's JSONL: merged pictures, left A and right B, with the experts' answer.

A line has `images` (the merged global views, then the merged crops) and the answer as `<answer>A</answer>` in
`solution` or in the assistant's message; without either it is unlabelled. A picture's prefix says the category: `p_`
person, `s_` scene.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from idiff.thinking.parse import ANSWER, THINKING
from idiff.types import CategoryName, Side
from idiff.upload import MERGED_FIELDS
from idiff_models.pairs.pair import LabelledPair, Names, PairsError

T = TypeVar("T")

CATEGORIES: dict[str, CategoryName] = {"p": "person", "s": "scene"}


@dataclass(frozen=True)
class Told:
    """What was written of a pair: by an expert, or by a model. `answer` is None where none was given."""

    name: str
    category: CategoryName | None
    answer: Side | None
    rationale: str


def read_challenge(path: Path, text: str, root: Path) -> list[LabelledPair]:
    """Pairs of the JSONL `text` of file `path`, their pictures below `root`; raises PairsError."""
    names = Names()
    return _rows(path, text, lambda row: _pair(row, root, names))


def read_told(path: Path) -> list[Told]:
    """The rationales of a JSONL file of the challenge's form; raises PairsError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PairsError(path, 0, f"cannot be read: {error}") from error
    names = Names()
    return _rows(path, text, lambda row: _told(row, names))


def solution(rationale: str | None, answer: Side | None) -> str:
    """A rationale and an answer in the challenge's form, each where there is one."""
    parts = [f"<thinking>\n{rationale}\n</thinking>"] if rationale is not None else []
    return "\n".join([*parts, f"<answer>{answer}</answer>"] if answer else parts)


def _rows(path: Path, text: str, read: Callable[[Any], T]) -> list[T]:
    found = []
    for line, record in enumerate(text.split("\n"), 1):
        if not record.strip():
            continue
        try:
            found.append(read(json.loads(record)))
        except json.JSONDecodeError as error:
            raise PairsError(path, line, f"is not JSON: {error.msg}") from error
        except ValueError as error:
            raise PairsError(path, line, str(error)) from error
    return found


def _told(row: Any, names: Names) -> Told:  # noqa: ANN401
    text = _said(row)
    thought = THINKING.search(text)
    if not thought:
        raise ValueError("field solution or messages: no <thinking>...</thinking>")
    name = names.unique(_name(row, _files(row)))
    # A submission may leave a tie unanswered; a labelled pair may not.
    answer = side_of(_target(row)) if ANSWER.search(text) else None
    return Told(name, _category(name), answer, thought[1].strip())


def side_of(target: float | None) -> Side | None:
    """The photo that a label prefers; None where it prefers neither or there is none."""
    return None if target is None or target == 0.5 else "A" if target > 0.5 else "B"


def submitted(pair: LabelledPair, rationale: str, answer: Side | None) -> dict[str, Any]:
    """A row of the challenge's form, its `images` as the pair's list has them; it has a `name` where they tell none."""
    row = {"images": list(pair.files), "solution": solution(rationale, answer)}
    return row if _name(row, row["images"]) == pair.name else {"name": pair.name, **row}


def _pair(row: Any, root: Path, names: Names) -> LabelledPair:  # noqa: ANN401
    files = _files(row)
    if len(files) > len(MERGED_FIELDS):
        raise ValueError("field images: one or two file names are needed, merged global and merged crop")
    images = {field: root / file for field, file in zip(MERGED_FIELDS, files, strict=False)}
    name = names.unique(_name(row, files))
    return LabelledPair(name, images, _target(row), _category(name), files=tuple(files))


def _files(row: Any) -> list[str]:  # noqa: ANN401
    files = row.get("images") if isinstance(row, dict) else None
    if not isinstance(files, list) or not files or not all(isinstance(file, str) for file in files):
        raise ValueError("field images: one or two file names are needed, merged global and merged crop")
    return files


def _name(row: dict[str, Any], files: list[str]) -> str:
    return str(row.get("name") or re.sub(r"(_merged)?_c0$", "", Path(files[0]).stem))


def _category(name: str) -> CategoryName | None:
    return CATEGORIES.get(name.partition("_")[0])


def _said(row: dict[str, Any]) -> str:
    return str(row.get("solution") or _assistant(row.get("messages")))


def _target(row: dict[str, Any]) -> float | None:
    text = _said(row)
    if not text:
        return None
    answers = ANSWER.findall(text)
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
