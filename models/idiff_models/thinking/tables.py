"""The paper's tables on the Thinking Model: each case explains the same pairs, each is scored the same way."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from idiff.thinking.families import FamilyName
from idiff.thinking.options import ThinkingOptions
from idiff.thinking.prompt import Wording
from idiff_models.evaluate.markdown import table
from idiff_models.evaluate.text.report import TextReport, score
from idiff_models.evaluate.text.scorers import SCORERS
from idiff_models.pairs import LabelledPair
from idiff_models.pairs.challenge import Told
from idiff_models.thinking.asking import Asked
from idiff_models.thinking.explain import Explained, engine_of, explain, grounded_share, judge, unwritten
from idiff_models.thinking.stages import Answers, Stage


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
    """What a case reached on the pairs that its model wrote of: `report` None where it wrote of none. `grounding`: mean
    over the rationales that have one; `unwritten`: how many others, and why."""

    case: Case
    report: TextReport | None
    grounding: float | None
    unwritten: str


async def run(
    cases: Sequence[Case],
    pairs: Sequence[LabelledPair],
    references: Sequence[Told],
    options: ThinkingOptions,
    iqa: str | None = None,
) -> list[Result]:
    """Explain and score `pairs` in every case; `options` hold what all servers share: key, deadline, concurrency. The
    pairs are judged once, with the scores of the IQA service at `iqa`, and cases that ask the same of the same server
    share its answers.

    Raises:
        DatasetError: a photo cannot be used, or a label is missing.
        NothingToScore: no pair has a reference of its name.
        ReleaseRefused: the bundled release cannot be served.
        ValueError: a case's URL is none.
    """
    done: dict[Case, list[Explained]] = {}
    async with engine_of(None, iqa) as engine:
        judged = await judge(pairs, engine)
        for case in cases:
            key = _asking(case)
            if key not in done and not _lacks(case, iqa):
                lines = options.lines_min, options.lines_max
                asked = Asked(case.stage, case.answers, case.wording, lines, iqa=iqa)
                server = replace(options, url=case.url, model=case.model, family=case.family) if case.url else None
                done[key] = await explain(judged, asked, server, engine)
    return [_scored(case, done.get(_asking(case), []), references, _lacks(case, iqa)) for case in cases]


def _lacks(case: Case, iqa: str | None) -> str | None:
    """What a case needs and there is not."""
    return "not run: needs --iqa-url" if case.stage == "iqa" and iqa is None else None


def _asking(case: Case) -> Case:
    """What a case asks of whom, wherever its line stands."""
    return case.model_copy(update={"table": "", "name": ""})


def _scored(case: Case, explained: Sequence[Explained], references: Sequence[Told], lacks: str | None) -> Result:
    if lacks:
        return Result(case, None, None, lacks)
    written = [one for one in explained if not one.rationale.reason]
    report = score([one.told for one in written], references) if written else None
    lost = ", ".join(f"{count} {reason}" for reason, count in unwritten(explained).items())
    return Result(case, report, grounded_share(written), lost)


HEAD = (
    *("case", "pairs", "BLEU-4", "canned", "ROUGE-L", "canned", "of the form", "grounding", "answers right"),
    "not written",
)
SCORED = 0
"""Which of the two scorers the tables show: the usual one."""


def to_markdown(results: Sequence[Result]) -> str:
    """A table for each of the paper's, in the order of the cases."""
    parts = []
    for name in dict.fromkeys(result.case.table for result in results):
        rows = [_row(result) for result in results if result.case.table == name]
        parts.append(f"## Table {name}\n\n{table(HEAD, rows)}")
    parts.append(
        f"Scorer: {SCORERS[SCORED].how}. A case is scored on the pairs that its model wrote of. The canned text is "
        "another reference of the same category and answer, pasted without a look at the photographs."
    )
    return "\n\n".join(parts)


def _row(result: Result) -> tuple[str, ...]:
    report = result.report
    if report is None:
        return (result.case.name, "0", *[""] * 7, result.unwritten)
    words = report.words[SCORED]
    figures = (words.bleu4, words.canned_bleu4, words.rouge_l, words.canned_rouge_l)
    told = result.case.stage == "answer" and result.case.answers != "model"
    return (
        result.case.name,
        str(report.pairs),
        *(f"{value:.4f}" for value in figures),
        str(report.formed),
        "" if result.grounding is None else f"{result.grounding:.2f}",
        "told" if told else str(report.right) if report.right.pairs else "",
        result.unwritten,
    )
