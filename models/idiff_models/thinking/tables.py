"""The paper's tables on the Thinking Model: each case explains the same pairs, each is scored the same way."""

import asyncio
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from idiff.thinking.families import FamilyName
from idiff.thinking.options import ThinkingOptions
from idiff.thinking.prompt import Wording
from idiff_models.evaluate.markdown import table
from idiff_models.evaluate.text.report import TextReport, score
from idiff_models.pairs import LabelledPair
from idiff_models.pairs.challenge import Told
from idiff_models.thinking.dataset import Answers, Asked, Stage
from idiff_models.thinking.explain import Explanations, explain


class CasesRefused(ValueError):
    """A file of cases cannot be used; the message names the key at fault."""


class Case(BaseModel):
    """One line of one table. `url` None: measured rationales, no model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str
    name: str
    url: str | None = None
    model: str = "rationale"
    family: FamilyName = "qwen3-vl"
    stage: Stage = "answer"
    answers: Answers = "model"
    wording: Wording = "paper"


class Cases(BaseModel):
    """The cases in the order of their file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    case: list[Case] = Field(min_length=1)

    @classmethod
    def read(cls, path: Path) -> Self:
        """A TOML file with `[defaults]` and `[[case]]`. Raises CasesRefused."""
        try:
            found: dict[str, Any] = tomllib.loads(path.read_text())
            defaults = found.pop("defaults", {})
            return cls.model_validate({**found, "case": [{**defaults, **case} for case in found.get("case", [])]})
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
            raise CasesRefused(f"{path}: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            raise CasesRefused(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


@dataclass(frozen=True)
class Result:
    """What a case reached. `grounding`: mean over the rationales that have one; `failed`: see `Explanations`."""

    case: Case
    report: TextReport
    grounding: float | None
    failed: Counter[str]


def run(
    cases: Sequence[Case], pairs: Sequence[LabelledPair], references: Sequence[Told], options: ThinkingOptions
) -> list[Result]:
    """Explain and score `pairs` in every case; `options` hold what all servers share: key, deadline, concurrency.

    Raises:
        DatasetError: a photo cannot be used.
        NothingToScore: no pair has a reference of its name.
    """
    results = []
    for case in cases:
        asked = Asked(case.stage, case.answers, case.wording, (options.lines_min, options.lines_max))
        server = replace(options, url=case.url, model=case.model, family=case.family) if case.url else None
        done = asyncio.run(explain(pairs, asked, server))
        results.append(_scored(case, done, references))
    return results


def _scored(case: Case, done: Explanations, references: Sequence[Told]) -> Result:
    told = [Told(one.pair.name, one.pair.category, one.answer, one.rationale.text) for one in done.told]
    known = [one.grounding for one in done.told if one.grounding is not None]
    return Result(case, score(told, references), fmean(known) if known else None, done.failed)


HEAD = (
    "case",
    "BLEU-4",
    "canned",
    "ROUGE-L",
    "canned",
    "of the form",
    "grounding",
    "answers right",
    "not by the model",
)
SCORED = 0
"""Which of the two scorers the tables show; `--json` has both."""


def to_markdown(results: Sequence[Result]) -> str:
    """A table for each of the paper's, in the order of the cases."""
    parts = []
    for name in dict.fromkeys(result.case.table for result in results):
        rows = [_row(result) for result in results if result.case.table == name]
        parts.append(f"## Table {name}\n\n{table(HEAD, rows)}")
    scorer = results[0].report.words[SCORED].scorer
    note = f"{results[0].report.pairs} pairs; {scorer}. The canned text is another reference of the same category and "
    return "\n\n".join([*parts, note + "answer, pasted without a look at the photographs."])


def _row(result: Result) -> tuple[str, ...]:
    words, report = result.report.words[SCORED], result.report
    figures = (words.bleu4, words.canned_bleu4, words.rouge_l, words.canned_rouge_l)
    return (
        result.case.name,
        *(f"{value:.4f}" for value in figures),
        str(report.formed),
        "" if result.grounding is None else f"{result.grounding:.2f}",
        str(report.right) if report.right.pairs else "",
        ", ".join(f"{count} {reason}" for reason, count in result.failed.items()),
    )
