"""Rationales against the experts' references: words, form and answers, beside the canned text."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from idiff.intervals import Share
from idiff.thinking.measured import Measured
from idiff.thinking.parse import FormError, parse
from idiff_models.evaluate.markdown import table
from idiff_models.evaluate.text.canned import canned
from idiff_models.evaluate.text.grounding import grounding, mean
from idiff_models.evaluate.text.judge import REVISION, Judge
from idiff_models.evaluate.text.scorers import SCORERS, Score
from idiff_models.pairs.challenge import Told


@dataclass(frozen=True)
class Words:
    """Means over the texts, 0-1, by one scorer; of the predictions and of the canned texts in their place."""

    scorer: str
    bleu4: float
    rouge_l: float
    canned_bleu4: float
    canned_rouge_l: float


@dataclass(frozen=True)
class TextReport:
    """`missing`: references without a prediction. `formed`: texts that are lines and a summary. `right`: answers that
    are the reference's, of those given. `grounding`, `canned_grounding`: mean shares of the checkable lines that agree
    with the measurements, of the predictions and of the canned texts; None where nothing was measured. `judged`,
    `canned_judged`: means of the scores, 0-1, of the language model `judge`, of both; None where none was asked."""

    pairs: int
    missing: list[str]
    words: list[Words]
    formed: Share
    right: Share
    grounding: float | None = None
    canned_grounding: float | None = None
    judged: float | None = None
    canned_judged: float | None = None
    judge: str | None = None


class NothingToScore(ValueError):
    """No prediction has a reference's name."""


def score(
    predictions: Sequence[Told],
    references: Sequence[Told],
    judge: Judge | None = None,
    measured: Mapping[str, Measured] | None = None,
) -> TextReport:
    """Score `predictions` against the `references` of the same names, also by `judge` where one is given, and by what
    was `measured` of their pairs, by name, where it is known.

    Raises:
        NothingToScore: no name is in both.
        JudgeFailed: the judge gave no score.
    """
    by_name = {told.name: told for told in predictions}
    kept = [(by_name[told.name], told) for told in references if told.name in by_name]
    if not kept:
        raise NothingToScore("no prediction has the name of a reference")
    texts = dict(zip((told.name for told in references), canned(references, SCORERS[0]), strict=True))
    answered = [(told, wanted) for told, wanted in kept if told.answer and wanted.answer]

    def words(score: Score, *, canned: bool) -> float:
        return fmean(score(texts[wanted.name] if canned else told.rationale, wanted.rationale) for told, wanted in kept)

    judged = [(told.rationale, wanted.rationale) for told, wanted in kept]
    judged += [(texts[wanted.name], wanted.rationale) for _, wanted in kept]
    scores = judge.scores(judged) if judge else None
    checked = [(told, measured[wanted.name]) for told, wanted in kept if measured and wanted.name in measured]
    return TextReport(
        grounding=mean(grounding(told.rationale, what) for told, what in checked),
        canned_grounding=mean(grounding(texts[told.name], what) for told, what in checked),
        judged=fmean(scores[: len(kept)]) if scores else None,
        canned_judged=fmean(scores[len(kept) :]) if scores else None,
        judge=f"{judge.model}, {REVISION}" if judge else None,
        pairs=len(kept),
        missing=[told.name for told in references if told.name not in by_name],
        words=[
            Words(
                f"{scorer.name}: {scorer.how}",
                words(scorer.bleu4, canned=False),
                words(scorer.rouge_l, canned=False),
                words(scorer.bleu4, canned=True),
                words(scorer.rouge_l, canned=True),
            )
            for scorer in SCORERS
        ],
        formed=Share(sum(_formed(told.rationale) for told, _ in kept), len(kept)),
        right=Share(sum(told.answer == wanted.answer for told, wanted in answered), len(answered)),
    )


def _formed(text: str) -> bool:
    try:
        parse(text)
    except FormError:
        return False
    return True


def to_markdown(report: TextReport) -> str:
    """The report for people."""
    rows = [
        (
            words.scorer,
            *(f"{value:.4f}" for value in (words.bleu4, words.canned_bleu4, words.rouge_l, words.canned_rouge_l)),
        )
        for words in report.words
    ]
    parts = [
        f"{report.pairs} rationales; {len(report.missing)} references have none. The canned text is another reference "
        "of the same category and answer, pasted without a look at the photographs: a score that is not well above "
        "its own says nothing of seeing.",
        table(("scorer", "BLEU-4", "canned", "ROUGE-L", "canned"), rows),
        *(
            [f"Grounding: {_beside(report.grounding, report.canned_grounding)}."]
            if report.grounding is not None
            else []
        ),
        *([f"A language model's score: {_judged(report)}."] if report.judged is not None else []),
        f"Of the form, lines and a summary: {report.formed}.",
        f"Answers right: {report.right}." if report.right.pairs else "No answers were given.",
    ]
    return "\n\n".join(parts)


def _judged(report: TextReport) -> str:
    return f"{_beside(report.judged, report.canned_judged)} ({report.judge})"


def _beside(value: float | None, canned: float | None) -> str:
    """Both, or a dash for what there is none of."""
    own, others = ("-" if one is None else f"{one:.3f}" for one in (value, canned))
    return f"{own}, of the canned text {others}"


def to_json(report: TextReport) -> dict[str, Any]:
    """The same for machines."""
    return asdict(report)
